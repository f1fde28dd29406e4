use super::shelves::{desk_with_tree, fill_tree};
use super::*;
use crate::{
    api::{
        DocumentId,
        chat::{Attachment, AttachmentKind, ToolCall},
        models::{Loaded, Model},
    },
    ui::theme::Theme,
};

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 36), (40, 12)];

/// Snapshots in the three sizes; what a theme changes are styles, which have a snapshot of their own.
fn looks(name: &str, desk: &mut Desk) {
    for (width, height) in SIZES {
        desk.cx.size = (width, height);
        insta::assert_snapshot!(format!("{name}-{width}x{height}"), desk.draw(width, height));
    }
}

fn all_kinds() -> Vec<Message> {
    let metrics = Metrics {
        first_token_ms: Some(312),
        answer_tokens: Some(410),
        answer_ms: Some(10_000),
        thinking_ms: Some(3200),
        ..Metrics::default()
    };
    let attachment = Attachment {
        id: DocumentId(uuid::Uuid::nil()),
        name: "main.rs".into(),
        kind: AttachmentKind::Text,
        bytes: 2048,
        hidden_characters: 3,
        tokens: 512,
    };
    let call = ToolCall { id: None, name: "weather".into(), arguments: serde_json::json!({"city": "Oslo"}) };
    vec![
        Message {
            attachments: vec![attachment],
            pinned: true,
            ..user(1, None, "Why does this future not implement Send?")
        },
        Message {
            thinking: "The Rc is the reason.".into(),
            metrics,
            siblings: 3,
            sibling: 2,
            ..answer(
                2,
                1,
                "Because `Rc` is held across the await:\n\n```rust\nlet shared = Rc::new(state);\n```\n\n- use `Arc`\n- or drop it before",
                MessageState::Done,
            )
        },
        Message { excluded: true, ..user(3, Some(2), "And 漢字, e\u{301}, \u{5e9}\u{5dc}\u{5d5}\u{5dd}?") },
        Message { tool_calls: vec![call], ..answer(4, 3, "", MessageState::Done) },
        user(5, Some(4), "go on"),
        answer(6, 5, "It was", MessageState::Stopped),
        user(7, Some(6), "again"),
        Message { error: Some("The model runner has crashed.".into()), ..answer(8, 7, "", MessageState::Failed) },
    ]
}

#[test]
fn an_empty_new_chat() {
    let mut desk = Desk::new();
    fill_tree(&mut desk);
    looks("empty", &mut desk);
}

#[test]
fn messages_of_every_kind() {
    let mut desk = Desk::reading(all_kinds());
    desk.screen.transcript.meter.first_seen = Some(msg(5));
    fill_tree(&mut desk);
    looks("messages", &mut desk);
    desk.press(KeyCode::Tab);
    desk.press(KeyCode::Char('g'));
    looks("messages-top", &mut desk);
}

#[test]
fn an_answer_that_streams() {
    let mut desk = Desk::answering();
    let thinking = Delta { thinking: "Let me see.".into(), ..Delta::default() };
    desk.event(TurnEvent::Delta(thinking));
    desk.delta("It **streams** here:\n\n| a | b |\n|---|---|\n| 1 | 2 |\n");
    desk.write("next question");
    desk.enter();
    looks("streaming", &mut desk);
}

#[test]
fn a_failed_answer_says_why_and_what_to_do() {
    let mut desk = Desk::answering();
    let fault = Fault::new(FaultKind::Overflow, "The prompt has 9 000 tokens; the window holds 8 192.")
        .hint("Leave something out, or make the window larger.");
    desk.end(MessageState::Failed, "", Some(fault));
    desk.press(KeyCode::Esc);
    looks("failed", &mut desk);
}

#[test]
fn the_tree_with_folders() {
    let mut desk = desk_with_tree();
    desk.screen.set_focus(Focus::Tree, &desk.cx.clone());
    desk.press(KeyCode::Char('j'));
    desk.press(KeyCode::Char('j'));
    looks("tree", &mut desk);
}

#[test]
fn the_side_panel() {
    let mut desk = Desk::reading(all_kinds());
    desk.press(KeyCode::F(4));
    for _ in 0..3 {
        desk.press(KeyCode::Tab);
    }
    looks("panel", &mut desk);
}

fn model(name: &str, bytes: u64, loaded: bool) -> Model {
    Model {
        name: name.into(),
        bytes,
        digest: String::new(),
        family: "llama".into(),
        parameters: "3.2B".into(),
        quantization: "Q4_K_M".into(),
        context_length: Some(131_072),
        capabilities: vec!["completion".into(), "tools".into()],
        modified_at: String::new(),
        loaded: loaded.then(|| Loaded { bytes, gpu_bytes: 0, context_length: None, expires_at: String::new() }),
        remote: false,
    }
}

#[test]
fn the_model_picker() {
    let mut desk = Desk::reading(Vec::new());
    desk.ctrl('o');
    let list = ModelList {
        models: vec![model("llama3.2:3b", 2_019_393_189, true), model("qwen3:8b", 5_200_000_000, false)],
        age_ms: 120_000,
        stale_because: Some("Ollama does not answer.".into()),
    };
    desk.reply(ChatReply::Models(Ok(list)));
    looks("models", &mut desk);
    desk.press(KeyCode::Down);
    let effects = desk.enter();
    assert!(
        matches!(effects.as_slice(), [Effect::Chat(ChatCall::Change { patch, .. })] if patch.model == Some(Some("qwen3:8b".into())))
    );
}

#[test]
fn no_model_at_all_says_what_to_do() {
    let mut desk = Desk::new();
    desk.reply(ChatReply::Models(Ok(ModelList::default())));
    desk.ctrl('o');
    looks("no-models", &mut desk);
}

#[test]
fn the_completion_popup() {
    let mut desk = Desk::reading(all_kinds());
    desk.write("/m");
    looks("completion", &mut desk);
}

#[test]
fn pasted_text_and_files_above_the_line() {
    let mut desk = Desk::reading(Vec::new());
    desk.write("see ");
    desk.screen.on_paste("1\n2\n3\n4\n5".into(), &desk.cx);
    desk.screen.composer.attach("/home/alice/notes.md".into());
    let found = Attachment {
        id: DocumentId(uuid::Uuid::nil()),
        name: "notes.md".into(),
        kind: AttachmentKind::Text,
        bytes: 1200,
        hidden_characters: 2,
        tokens: 300,
    };
    desk.reply(ChatReply::Inspected { path: "/home/alice/notes.md".into(), attachment: Ok(found) });
    looks("composer", &mut desk);
}

#[test]
fn the_meter_warns_when_messages_fall_out_or_nearly_do() {
    let mut desk = Desk::reading(Vec::new());
    let mut says = |used: u32, first_seen| {
        desk.screen.transcript.meter = ContextMeter { used, limit: 4096, room: 3072, exact: false, first_seen };
        let screen = desk.draw(80, 24);
        ["nearly full", "older left out", "full"].into_iter().find(|word| screen.contains(word))
    };
    assert_eq!(says(2000, None), None);
    assert_eq!(says(2600, None), Some("nearly full"), "a window of 4 096 keeps a quarter for the answer");
    assert_eq!(says(2000, Some(msg(5))), Some("older left out"));
    assert_eq!(says(3200, None), Some("full"));
}

#[test]
fn the_question_about_a_folder() {
    let mut desk = desk_with_tree();
    desk.screen.set_focus(Focus::Tree, &desk.cx.clone());
    desk.press(KeyCode::Char('j'));
    desk.press(KeyCode::Char('j'));
    desk.press(KeyCode::Char('d'));
    looks("question", &mut desk);
}

#[test]
fn without_colour_everything_is_still_told_apart() {
    let mut desk = Desk::reading(all_kinds());
    desk.cx.theme = Theme::plain();
    desk.press(KeyCode::Tab);
    let screen = desk.draw(100, 60);
    for mark in ["you", "llama3.2:3b", "★ pinned", "⊘ excluded", "■ stopped", "✗ failed", "▸ thought", "▌", "`Rc`", "ƒ"]
    {
        assert!(screen.contains(mark), "{mark} is missing: {screen}");
    }
}

#[test]
fn no_size_panics_and_no_control_character_is_drawn() {
    let hostile = "\u{1b}[2J\u{9b}31m\u{202e}evil\u{7}\u{1b}]0;x\u{7}";
    let mut messages = all_kinds();
    messages[1].model = Some(hostile.into());
    messages[1].content = format!("{hostile}\n```{hostile}\n{hostile}\n```");
    messages[1].thinking = hostile.into();
    messages[3].tool_calls[0].name = hostile.into();
    messages[7].error = Some(hostile.into());
    messages[0].attachments[0].name = hostile.into();
    let mut desk = Desk::reading(messages);
    fill_tree(&mut desk);
    if let Some(open) = &mut desk.screen.conversation {
        open.row.title = hostile.into();
    }
    desk.press(KeyCode::F(4));
    for (width, height) in [(1, 1), (2, 2), (3, 10), (10, 3), (20, 5), (33, 7), (79, 23), (200, 60)] {
        for focus in [Focus::Composer, Focus::Transcript, Focus::Tree, Focus::Panel] {
            desk.screen.set_focus(focus, &desk.cx.clone());
            let screen = desk.draw(width, height);
            assert!(!screen.chars().any(|c| c.is_control() && c != '\n'), "{width}×{height}: {screen:?}");
            assert!(!screen.contains('\u{202e}'));
        }
    }
}
