//! Presets and prompt templates where they are used.

use super::*;
use crate::{
    api::{
        PresetId, PromptId,
        library::{Beginning, Begins, Called, PresetName, Prompt, PromptRow},
        options::ChatOptions,
        organise::Page,
    },
    ui::msg::{UseCall, UseReply},
};

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 36), (40, 12)];
const BODY: &str = "Translate into {{language=English}}, {{tone:formal|friendly}}:\n\n{{text}}";

fn looks(name: &str, desk: &mut Desk) {
    for (width, height) in SIZES {
        desk.cx.size = (width, height);
        insta::assert_snapshot!(format!("{name}-{width}x{height}"), desk.draw(width, height));
    }
}

fn preset(n: u128) -> PresetId {
    PresetId(uuid::Uuid::from_u128(n))
}

fn uses(effects: &[Effect]) -> Vec<&UseCall> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Chat(ChatCall::Use(call)) => Some(call),
            _ => None,
        })
        .collect()
}

fn prompt(name: &str, body: &str) -> Prompt {
    Prompt {
        id: PromptId(uuid::Uuid::from_u128(9)),
        name: name.into(),
        body: body.into(),
        rev: 1,
        created_at: 0,
        updated_at: 0,
    }
}

fn rows(names: &[&str]) -> Page<PromptRow> {
    let row = |(n, name): (usize, &&str)| PromptRow {
        id: PromptId(uuid::Uuid::from_u128(n as u128)),
        name: (*name).into(),
        begins: "Do \u{1b}[31m this\nand that".into(),
        rev: 1,
    };
    Page { rows: names.iter().enumerate().map(row).collect(), next: None }
}

impl Desk {
    /// Answers the question for a template that is among these effects.
    fn found(&mut self, effects: &[Effect], prompt: Result<Prompt, Fault>, rest: &str) -> Vec<Effect> {
        let asked = uses(effects).into_iter().find_map(|call| match call {
            UseCall::Prompt { asked, .. } => Some(*asked),
            _ => None,
        });
        let asked = asked.expect("a template was asked for");
        self.reply(ChatReply::Used(UseReply::Prompt { asked, prompt: prompt.map(Box::new), rest: rest.into() }))
    }

    fn names(&mut self, effects: &[Effect], names: &[&str]) {
        let asked = uses(effects).into_iter().rev().find_map(|call| match call {
            UseCall::FindPrompts { asked, .. } => Some(*asked),
            _ => None,
        });
        let asked = asked.expect("names were asked for");
        self.reply(ChatReply::Used(UseReply::Prompts { asked, page: Ok(rows(names)) }));
    }

    /// Tells what a new conversation would begin with.
    fn begins(&mut self, effects: &[Effect], beginning: Beginning) -> Vec<Effect> {
        let asked = uses(effects).into_iter().find_map(|call| match call {
            UseCall::Beginning { asked, .. } => Some(*asked),
            _ => None,
        });
        let asked = asked.expect("it was asked what it begins with");
        self.reply(ChatReply::Used(UseReply::Beginning { asked, beginning: Ok(Box::new(beginning)) }))
    }
}

fn strict() -> Beginning {
    Beginning {
        preset: Some(PresetName { id: preset(1), name: "Strict\u{202e}".into() }),
        model: Some("strict:1b".into()),
        system_prompt: Some("Be strict.".into()),
        options: ChatOptions { seed: Some(7), ..ChatOptions::default() },
    }
}

#[test]
fn a_template_is_called_by_its_name_filled_in_and_stands_in_the_composer_unsent() {
    let mut desk = Desk::reading(Vec::new());
    desk.write("/translate");
    let effects = desk.enter();
    let called = Called::Name("translate".to_owned());
    assert!(uses(&effects).iter().any(|call| matches!(call, UseCall::Prompt { called: it, .. } if *it == called)));
    assert_eq!(desk.screen.composer.text(), "/translate", "until it is found, nothing is lost");
    desk.found(&effects, Ok(prompt("Translate", BODY)), "");
    assert_eq!(desk.screen.composer.text(), "");
    looks("fill", &mut desk);
    desk.write("Guten");
    desk.ctrl('j');
    desk.write("Tag");
    desk.press(KeyCode::Up);
    desk.press(KeyCode::Right);
    looks("filled", &mut desk);
    let effects = desk.enter();
    assert_eq!(acts(&effects), [], "nothing is sent");
    assert_eq!(desk.screen.composer.text(), "Translate into English, friendly:\n\nGuten\nTag");
    assert!(desk.screen.overlay.is_none());
    assert_eq!(acts(&desk.enter()).len(), 1, "that takes another Enter");
}

#[test]
fn what_is_no_template_either_is_said_and_stays() {
    let mut desk = Desk::reading(Vec::new());
    desk.write("/modle x");
    let effects = desk.enter();
    let effects = desk.found(&effects, Err(Fault::not_found("prompt template")), "");
    assert_eq!(toasts(&effects), ["There is no command /modle."]);
    assert_eq!(desk.screen.composer.text(), "/modle x");
    // An answer that comes late finds other words in the composer, and leaves them alone.
    let effects = desk.enter();
    desk.write("y");
    desk.found(&effects, Ok(prompt("Modle", "plain")), "");
    assert_eq!(desk.screen.composer.text(), "/modle xyplain");
}

#[test]
fn the_selected_message_is_the_selection() {
    let mut desk =
        Desk::reading(vec![user(1, None, "what {{is}} this?"), answer(2, 1, "An answer.", MessageState::Done)]);
    desk.press(KeyCode::Tab);
    desk.press(KeyCode::Up);
    let effects = desk.press(KeyEvent::new(KeyCode::Char('t'), KeyModifiers::ALT)).unwrap();
    desk.names(&effects, &["Explain"]);
    let effects = desk.enter();
    desk.found(&effects, Ok(prompt("Explain", "Explain: {{selection}}")), "");
    desk.enter();
    assert_eq!(desk.screen.composer.text(), "Explain: what {{is}} this?");
}

#[test]
fn templates_stand_in_the_popup_behind_what_is_built_in() {
    let mut desk = Desk::reading(Vec::new());
    let effects = desk.write("/t");
    desk.names(&effects, &["Cut it", "Translate\u{202e}"]);
    let labels: Vec<_> = desk.screen.completion.as_ref().unwrap().choices.iter().map(|c| c.label.as_str()).collect();
    assert_eq!(labels, ["/think [level]", "/title text", "/tag [tags]", "/trash", "/Translate", "/Cut it"]);
    looks("template-popup", &mut desk);
    for _ in 0..4 {
        desk.press(KeyCode::Down);
    }
    let effects = desk.enter();
    let asked = uses(&effects);
    assert!(matches!(asked[..], [UseCall::Prompt { called: Called::Id(_), .. }]), "{asked:?}");
    desk.found(&effects, Ok(prompt("Translate", "No place in it.")), "");
    assert_eq!(desk.screen.composer.text(), "No place in it.");
    // Where nothing built in matches, there are only templates; a late answer opens nothing any more.
    let mut desk = Desk::reading(Vec::new());
    let effects = desk.write("/zz");
    assert!(desk.screen.completion.is_none());
    desk.write(" y");
    desk.press(KeyCode::Backspace);
    desk.names(&effects, &["zzz"]);
    assert!(desk.screen.completion.is_none());
}

#[test]
fn a_new_conversation_shows_what_it_begins_with_and_keeps_what_is_changed_by_hand() {
    let mut desk = Desk::new();
    let effects = desk.screen.new_conversation(NewConversation::default(), &desk.cx);
    let effects = desk.begins(&effects, strict());
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Chat(ChatCall::Measure { planned, .. })
        if planned.fresh.system_prompt.as_deref() == Some("Be strict."))));
    desk.press(KeyCode::F(4));
    looks("preset", &mut desk);
    desk.press(KeyCode::F(4));
    // Nothing was said, so the backend decides when it begins.
    desk.write("hello");
    let effects = desk.enter();
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Chat(ChatCall::Create(new)) if *new == NewConversation::default()))
    );

    let mut desk = Desk::new();
    let effects = desk.screen.new_conversation(NewConversation::default(), &desk.cx);
    desk.begins(&effects, strict());
    desk.write("/set seed");
    desk.enter();
    desk.write("hello");
    let effects = desk.enter();
    let expected = NewConversation {
        model: Some("strict:1b".into()),
        system_prompt: Some("Be strict.".into()),
        preset: Begins::Exactly(Some(preset(1))),
        ..NewConversation::default()
    };
    let created = effects.iter().find_map(|effect| match effect {
        Effect::Chat(ChatCall::Create(new)) => Some(new),
        _ => None,
    });
    assert_eq!(created, Some(&expected), "what was cleared stays cleared");
    assert_eq!(desk.screen.preset_name(), Some("Strict\u{202e}"));
}

#[test]
fn a_preset_is_applied_by_its_name_and_taken_away() {
    let mut desk = Desk::reading(Vec::new());
    desk.write("/preset strict");
    let effects = desk.enter();
    let asked = uses(&effects);
    assert!(
        matches!(asked[..], [UseCall::ApplyPreset { called: Some(Called::Name(name)), seen_rev: Some(7), .. }] if name == "strict"),
        "{asked:?}"
    );
    desk.write("/preset none");
    let effects = desk.enter();
    assert!(matches!(uses(&effects)[..], [UseCall::ApplyPreset { called: None, .. }]));
}

#[test]
fn a_taken_name_is_asked_about_before_a_preset_is_replaced() {
    let mut desk = Desk::reading(Vec::new());
    desk.write("/save-preset Strict");
    let effects = desk.enter();
    let Some(UseCall::SavePreset { conversation, new, .. }) = uses(&effects).pop() else { panic!("{effects:?}") };
    assert_eq!((*conversation, new.name.as_str()), (Some(id(1)), "Strict"));
    let fault = Fault::new(FaultKind::Conflict, "There is already a preset “Strict”.");
    let saved = UseReply::Saved { conversation: *conversation, new: new.clone(), outcome: Err(fault) };
    desk.reply(ChatReply::Used(saved));
    assert!(desk.draw(80, 24).contains("There is already a preset “Strict”."));
    let effects = desk.press(KeyCode::Char('2')).unwrap();
    let asked = uses(&effects);
    let is_replacing =
        |call: &UseCall| matches!(call, UseCall::SavePreset { taken: crate::api::library::Taken::Replace, .. });
    assert!(asked.iter().any(|call| is_replacing(call)), "{asked:?}");
}
