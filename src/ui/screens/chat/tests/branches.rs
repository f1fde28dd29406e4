use super::*;

fn talk() -> Vec<Message> {
    vec![
        user(1, None, "first"),
        answer(2, 1, "one", MessageState::Done),
        user(3, Some(2), "second"),
        answer(4, 3, "two", MessageState::Interrupted),
    ]
}

/// A desk with the transcript focused and its last message selected.
fn reading() -> Desk {
    let mut desk = Desk::reading(talk());
    desk.press(KeyCode::Tab);
    desk
}

#[test]
fn editing_loads_the_message_branches_and_gives_the_draft_back() {
    let mut desk = Desk::reading(talk());
    desk.write("a draft");
    desk.press(KeyCode::Tab);
    desk.press(KeyCode::Char('k'));
    desk.press(KeyCode::Char('e'));
    assert_eq!(desk.screen.composer.text(), "second");
    assert!(desk.draw(100, 30).contains("editing your message"));
    desk.press(KeyCode::Esc);
    assert_eq!(desk.screen.composer.text(), "a draft");
    desk.press(KeyCode::Tab);
    desk.press(KeyCode::Char('k'));
    desk.press(KeyCode::Char('e'));
    desk.write("!");
    assert_eq!(acts(&desk.enter()), [edit(3, "second!", &[])]);
    assert_eq!(desk.screen.composer.text(), "a draft");
}

#[test]
fn only_own_messages_can_be_edited() {
    let mut desk = reading();
    assert_eq!(toasts(&desk.press(KeyCode::Char('e')).unwrap()).len(), 1);
    assert!(desk.screen.editing.is_none());
}

#[test]
fn a_broken_answer_goes_on_with_one_key() {
    let mut desk = reading();
    assert!(desk.draw(80, 24).contains("interrupted — Alt+C continues"));
    assert_eq!(acts(&desk.press(KeyCode::Char('c')).unwrap()), [TurnAct::Continue { answer: msg(4) }]);
    let going_on = TurnStarted {
        turn: turn(1),
        conversation: id(1),
        user: None,
        answer: answer(4, 3, "two", MessageState::Streaming),
        meter: ContextMeter::default(),
    };
    desk.reply(ChatReply::Started(Ok(Box::new(going_on))));
    let delta = TurnEvent::Delta(Delta { content: " and more".into(), ..Delta::default() });
    desk.screen.on_event(&Event::Turn { turn: turn(1), conversation: id(1), answer: msg(4), event: delta }, &desk.cx);
    assert!(desk.draw(80, 24).contains("two and more"), "{}", desk.draw(80, 24));
}

#[test]
fn a_complete_answer_does_not_go_on() {
    let mut desk = Desk::reading(talk()[..2].to_vec());
    desk.press(KeyCode::Tab);
    assert_eq!(turns(&desk.press(KeyCode::Char('c')).unwrap()), []);
}

#[test]
fn regenerating_puts_a_sibling_in_its_place_and_hides_what_followed() {
    let mut desk = reading();
    desk.press(KeyCode::Char('g'));
    desk.press(KeyCode::Char('j'));
    assert_eq!(acts(&desk.press(KeyCode::Char('r')).unwrap()), [TurnAct::Regenerate { answer: msg(2) }]);
    let started = TurnStarted {
        turn: turn(1),
        conversation: id(1),
        user: None,
        answer: Message { sibling: 2, siblings: 2, ..answer(9, 1, "", MessageState::Streaming) },
        meter: ContextMeter::default(),
    };
    desk.reply(ChatReply::Started(Ok(Box::new(started))));
    let screen = desk.draw(80, 24);
    assert!(screen.contains("‹2/2›") && !screen.contains("second"), "{screen}");
}

#[test]
fn siblings_are_asked_for_only_where_there_are_some() {
    let mut desk = reading();
    assert_eq!(calls(&desk.press(KeyCode::Char(']')).unwrap()), Vec::<String>::new());
    let mut messages = talk();
    messages[3].siblings = 3;
    let mut desk = Desk::reading(messages);
    desk.press(KeyCode::Tab);
    let effects = desk.press(KeyCode::Char('[')).unwrap();
    assert!(matches!(effects.as_slice(), [Effect::Chat(ChatCall::Sibling { step: -1, .. })]));
    let page = MessagePage {
        messages: vec![user(1, None, "first"), answer(7, 1, "else", MessageState::Done)],
        ..MessagePage::default()
    };
    desk.reply(ChatReply::Branch { conversation: id(1), page: Ok(page) });
    let screen = desk.draw(80, 24);
    assert!(screen.contains("else") && !screen.contains("second"), "{screen}");
}

#[test]
fn marks_show_at_once_and_go_back_when_refused() {
    let mut desk = reading();
    let effects = desk.press(KeyCode::Char('x')).unwrap();
    assert!(matches!(effects.as_slice(), [Effect::Chat(ChatCall::Mark { excluded: Some(true), pinned: None, .. })]));
    assert!(desk.draw(80, 24).contains("⊘ excluded"));
    let effects = desk.reply(ChatReply::Marked { message: msg(4), done: Err(Fault::invalid("no")) });
    assert_eq!(calls(&effects), ["Open"], "what is stored is shown again");
}

#[test]
fn copying_takes_the_safe_text_and_asks_which_block() {
    let mut desk = Desk::reading(vec![
        user(1, None, "q"),
        answer(2, 1, "a\u{1b}]52;c;x\u{7}b\n```rust\nfn a() {}\n```\nand\n```\nplain\n```\n", MessageState::Done),
    ]);
    desk.draw(80, 24);
    desk.press(KeyCode::Tab);
    let effects = desk.press(KeyCode::Char('y')).unwrap();
    let copied = effects.iter().find_map(|effect| match effect {
        Effect::Shell(crate::ui::msg::ShellCall::Copy(clip)) => Some(clip.clone()),
        _ => None,
    });
    let copied = copied.unwrap();
    assert!(crate::safe_text::is_clean(&copied.text));
    assert!(copied.hidden > 0, "what was left out is counted");
    desk.press(KeyEvent::new(KeyCode::Char('Y'), KeyModifiers::SHIFT));
    desk.press(KeyCode::Down);
    let effects = desk.enter();
    assert!(
        matches!(effects.as_slice(), [Effect::Shell(crate::ui::msg::ShellCall::Copy(clip))] if clip.text.trim() == "plain"),
        "{effects:?}"
    );
}

fn edit(message: u128, text: &str, files: &[&str]) -> TurnAct {
    TurnAct::Edit {
        message: msg(message),
        text: text.into(),
        attachments: files.iter().map(std::path::PathBuf::from).collect(),
    }
}

/// A desk with the second question loaded into the composer, and a draft put aside.
fn editing() -> Desk {
    let mut desk = Desk::reading(talk());
    desk.write("a draft");
    desk.screen.composer.attach("draft.txt".into());
    desk.press(KeyCode::Tab);
    desk.press(KeyCode::Char('k'));
    desk.press(KeyCode::Char('e'));
    desk
}

#[test]
fn a_refused_edit_is_an_edit_again() {
    let mut desk = editing();
    desk.write("!");
    assert_eq!(acts(&desk.enter()), [edit(3, "second!", &[])]);
    desk.reply(ChatReply::Started(Err(Fault::new(FaultKind::Upstream, "no"))));
    assert_eq!(desk.screen.composer.text(), "second!");
    assert_eq!(acts(&desk.enter()), [edit(3, "second!", &[])], "it branches, and is no new message");
    assert_eq!(desk.screen.composer.text(), "a draft");
}

#[test]
fn files_attached_while_editing_go_with_the_edit_and_the_drafts_own_come_back() {
    let mut desk = editing();
    assert!(desk.screen.composer.attached().is_empty());
    desk.screen.composer.attach("new.txt".into());
    let effects = desk.enter();
    assert_eq!(acts(&effects), [edit(3, "second", &["new.txt"])]);
    let looked_at = effects.iter().any(
        |effect| matches!(effect, Effect::Chat(ChatCall::Inspect(path)) if path == std::path::Path::new("draft.txt")),
    );
    assert!(looked_at, "a file that came back is looked at again: {effects:?}");
    assert_eq!(desk.screen.composer.attached().len(), 1);
}

#[test]
fn b_goes_on_from_an_earlier_answer_as_a_new_branch() {
    let mut desk = reading();
    assert_eq!(toasts(&desk.press(KeyCode::Char('b')).unwrap()).len(), 1, "the end needs no branch");
    desk.press(KeyCode::Tab);
    desk.press(KeyCode::Char('k'));
    desk.press(KeyCode::Char('k'));
    desk.press(KeyCode::Char('b'));
    assert!(desk.draw(100, 30).contains("a new branch — Enter sends"));
    desk.write("or so?");
    let fork = TurnAct::Branch { after: msg(2), text: "or so?".into(), attachments: Vec::new() };
    assert_eq!(acts(&desk.enter()), std::slice::from_ref(&fork));
    desk.reply(ChatReply::Started(Err(Fault::new(FaultKind::Upstream, "no"))));
    assert_eq!(acts(&desk.enter()), [fork], "a refusal keeps the place");
    let started = TurnStarted {
        turn: turn(1),
        conversation: id(1),
        user: Some(Message { sibling: 2, siblings: 2, ..user(8, Some(2), "or so?") }),
        answer: answer(9, 8, "", MessageState::Streaming),
        meter: ContextMeter::default(),
    };
    desk.reply(ChatReply::Started(Ok(Box::new(started))));
    let screen = desk.draw(80, 30);
    assert!(screen.contains("or so?") && screen.contains("one") && !screen.contains("second"), "{screen}");
}

#[test]
fn escape_leaves_a_branch_that_was_to_begin() {
    let mut desk = reading();
    desk.press(KeyCode::Char('k'));
    desk.press(KeyCode::Char('k'));
    desk.press(KeyCode::Char('b'));
    desk.press(KeyCode::Esc);
    desk.write("on");
    assert_eq!(acts(&desk.enter()), [send("on")]);
}
