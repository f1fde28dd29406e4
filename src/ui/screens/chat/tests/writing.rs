use super::*;

#[test]
fn a_draft_is_stored_when_typing_pauses_and_not_before() {
    let mut desk = Desk::reading(Vec::new());
    let effects = desk.write("hi");
    assert!(matches!(effects.as_slice(), [Effect::After(_, Timer::SaveDraft)]), "one timer: {effects:?}");
    desk.cx.now_ms += 100;
    let effects = desk.screen.on_timer(Timer::SaveDraft, &desk.cx);
    assert!(matches!(effects.as_slice(), [Effect::After(_, Timer::SaveDraft)]), "still typing: {effects:?}");
    desk.cx.now_ms += 400;
    let effects = desk.screen.on_timer(Timer::SaveDraft, &desk.cx);
    assert_eq!(drafts(&effects), [(Some(id(1)), Draft { text: "hi".into(), ..Draft::default() })]);
    assert_eq!(calls(&effects), ["SaveDraft", "Measure"]);
    assert!(desk.screen.on_timer(Timer::SaveDraft, &desk.cx).is_empty());
}

#[test]
fn a_draft_is_stored_when_another_conversation_is_opened_or_the_screen_left() {
    let mut desk = Desk::reading(Vec::new());
    desk.write("hi");
    assert_eq!(drafts(&desk.screen.open(id(9))).len(), 1);
    desk.write("!");
    assert_eq!(drafts(&desk.screen.leave(&desk.cx))[0].1.text, "hi!");
}

#[test]
fn a_draft_comes_back_with_its_queue_and_files() {
    let mut desk = Desk::new();
    desk.screen.open(id(1));
    let mut opened = opened(id(1), Vec::new());
    opened.draft = Draft {
        text: "half".into(),
        queued: vec![written("next")],
        attachments: vec!["a.txt".into()],
        ..Draft::default()
    };
    let effects = desk.reply(ChatReply::Opened { id: id(1), opened: Ok(Box::new(opened)) });
    assert_eq!(calls(&effects), ["Inspect"]);
    assert_eq!(desk.screen.draft().queued, [written("next")]);
    assert_eq!(desk.screen.composer.text(), "half");
}

#[test]
fn commands_complete_and_act() {
    let mut desk = Desk::reading(Vec::new());
    desk.write("/opt");
    desk.press(KeyCode::Tab);
    assert_eq!(desk.screen.composer.text(), "/options");
    desk.enter();
    assert!(desk.screen.panel.is_some());
    assert!(desk.screen.composer.is_blank());
}

#[test]
fn a_wrong_command_stays_in_the_composer() {
    let mut desk = Desk::reading(Vec::new());
    desk.write("/title");
    assert_eq!(toasts(&desk.enter()), ["/title needs the title."]);
    assert_eq!(desk.screen.composer.text(), "/title");
}

#[test]
fn set_changes_an_option_with_the_revision_it_saw() {
    let mut desk = Desk::reading(Vec::new());
    desk.write("/set temperature 0.2");
    let effects = desk.enter();
    let patch = effects.iter().find_map(|effect| match effect {
        Effect::Chat(ChatCall::Change { patch, .. }) => Some(patch.clone()),
        _ => None,
    });
    let patch = patch.unwrap();
    assert_eq!(patch.options.unwrap().temperature, Some(0.2));
    assert_eq!(patch.seen_rev, Some(7));
    desk.write("/set temperature hot");
    assert_eq!(toasts(&desk.enter()), ["The option temperature takes 0 – 2, not “hot”."]);
}

#[test]
fn settings_before_the_first_message_go_into_the_new_conversation() {
    let mut desk = Desk::new();
    desk.write("/system be brief");
    desk.enter();
    desk.write("/think off");
    desk.enter();
    desk.write("hello");
    let effects = desk.enter();
    let [Effect::Chat(ChatCall::Create(new)), ..] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(new.system_prompt.as_deref(), Some("be brief"));
    assert_eq!(new.options.think, Some(crate::api::options::Think::Off));
}

#[test]
fn a_path_after_an_at_sign_is_completed_and_attached() {
    let mut desk = Desk::reading(Vec::new());
    let effects = desk.write("see @no");
    let asked = effects.iter().rev().find_map(|effect| match effect {
        Effect::Chat(ChatCall::CompletePath { asked, typed }) => Some((*asked, typed.clone())),
        _ => None,
    });
    let (asked, typed) = asked.unwrap();
    assert_eq!(typed, "no");
    desk.reply(ChatReply::PathsCompleted { asked: asked - 1, paths: vec!["old".into()] });
    assert!(desk.screen.completion.is_none(), "an answer to fewer letters does not count");
    desk.reply(ChatReply::PathsCompleted { asked, paths: vec!["notes.md".into(), "node/".into()] });
    let effects = desk.press(KeyCode::Tab).unwrap();
    assert_eq!(calls(&effects), ["Inspect"]);
    assert_eq!(desk.screen.composer.text(), "see ");
    let refused = Err(Fault::invalid("notes.md is a link."));
    let effects = desk.reply(ChatReply::Inspected { path: "notes.md".into(), attachment: refused });
    assert_eq!(toasts(&effects), ["notes.md is a link."]);
    assert!(desk.screen.composer.attached().is_empty());
}

#[test]
fn up_brings_back_earlier_prompts_and_down_the_draft() {
    let mut desk = Desk::reading(Vec::new());
    desk.write("draft");
    let effects = desk.press(KeyCode::Up).unwrap();
    let [Effect::Chat(ChatCall::PastPrompts { asked, .. })] = effects.as_slice() else { panic!("{effects:?}") };
    let prompt = |text: &str| crate::api::chat::PastPrompt {
        message: msg(1),
        conversation: id(1),
        text: text.into(),
        created_at: 0,
    };
    desk.reply(ChatReply::PastPrompts { asked: *asked, prompts: Ok(vec![prompt("newest"), prompt("older")]) });
    assert_eq!(desk.screen.composer.text(), "newest");
    desk.press(KeyCode::Up);
    assert_eq!(desk.screen.composer.text(), "older");
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Down);
    assert_eq!(desk.screen.composer.text(), "draft");
}

#[test]
fn the_prompt_search_puts_the_chosen_one_into_the_composer() {
    let mut desk = Desk::reading(Vec::new());
    let effects = desk.ctrl('r').unwrap();
    let [Effect::Chat(ChatCall::PastPrompts { asked, .. })] = effects.as_slice() else { panic!("{effects:?}") };
    let found =
        vec![crate::api::chat::PastPrompt { message: msg(1), conversation: id(1), text: "a\nb".into(), created_at: 0 }];
    desk.reply(ChatReply::PastPrompts { asked: *asked, prompts: Ok(found) });
    desk.enter();
    assert_eq!(desk.screen.composer.text(), "a\nb");
    assert!(desk.screen.overlay.is_none());
}

#[test]
fn the_editor_gets_the_whole_text_and_gives_it_back() {
    let mut desk = Desk::reading(Vec::new());
    desk.screen.on_paste("1\n2\n3\n4".into(), &desk.cx);
    let effects = desk.ctrl('g').unwrap();
    assert!(
        matches!(effects.as_slice(), [Effect::Shell(crate::ui::msg::ShellCall::Edit(text))] if text == "1\n2\n3\n4")
    );
    desk.screen.on_shell(&ShellReply::Edited(Ok("edited\n".into())), &desk.cx);
    assert_eq!(desk.screen.composer.text(), "edited");
}

#[test]
fn a_question_mark_in_an_empty_composer_asks_for_help() {
    let mut desk = Desk::new();
    assert!(matches!(desk.press(KeyCode::Char('?')).unwrap().as_slice(), [Effect::Act(Action::Help)]));
    desk.write("why");
    desk.press(KeyCode::Char('?'));
    assert_eq!(desk.screen.composer.text(), "why?");
}

#[test]
fn a_paste_never_sends() {
    let mut desk = Desk::reading(Vec::new());
    let effects = desk.screen.on_paste("/quit\n".into(), &desk.cx);
    assert!(matches!(effects.as_slice(), [Effect::After(..)]), "{effects:?}");
}

#[test]
fn tab_goes_round_and_escape_comes_home() {
    let mut desk = Desk::reading(vec![user(1, None, "hi")]);
    let mut seen = Vec::new();
    for _ in 0..3 {
        desk.press(KeyCode::Tab);
        seen.push(desk.screen.focus);
    }
    assert_eq!(seen, [Focus::Transcript, Focus::Tree, Focus::Composer]);
    desk.press(KeyCode::Tab);
    desk.press(KeyCode::Esc);
    assert_eq!(desk.screen.focus, Focus::Composer);
}

#[test]
fn a_placeholder_unfolds_with_its_key() {
    let mut desk = Desk::reading(Vec::new());
    desk.screen.on_paste("1\n2\n3\n4".into(), &desk.cx);
    desk.press(KeyEvent::new(KeyCode::Char('p'), KeyModifiers::ALT));
    assert_eq!(desk.screen.composer.shown(), "1\n2\n3\n4");
}

#[test]
fn a_file_named_in_the_text_goes_along() {
    let mut desk = Desk::reading(Vec::new());
    desk.screen.on_paste("@notes.txt what is this?".into(), &desk.cx);
    let (asked, names) = named(&desk.enter());
    assert_eq!(names, [[std::path::PathBuf::from("notes.txt")]]);
    desk.write("next");
    let effects =
        desk.reply(ChatReply::Named { asked, found: vec![("notes.txt".into(), Ok(attachment("notes.txt")))] });
    let text = "@notes.txt what is this?".to_owned();
    assert_eq!(acts(&effects), [TurnAct::Send { text, attachments: vec!["notes.txt".into()] }]);
    assert_eq!(desk.screen.composer.text(), "next");
}

#[test]
fn a_name_of_no_file_is_only_text() {
    let mut desk = Desk::reading(Vec::new());
    desk.screen.on_paste("@ann says hello".into(), &desk.cx);
    let (asked, _) = named(&desk.enter());
    let effects = desk.reply(ChatReply::Named { asked, found: Vec::new() });
    assert_eq!(acts(&effects), [send("@ann says hello")]);
}

#[test]
fn a_named_file_that_is_refused_says_why_and_the_text_stays() {
    let mut desk = Desk::reading(Vec::new());
    desk.screen.on_paste("@big.bin what?".into(), &desk.cx);
    let (asked, _) = named(&desk.enter());
    let refused = Fault::invalid("“big.bin” cannot be attached: it is a pipe.");
    let effects = desk.reply(ChatReply::Named { asked, found: vec![("big.bin".into(), Err(refused))] });
    assert_eq!(turns(&effects), []);
    assert_eq!(toasts(&effects), ["“big.bin” cannot be attached: it is a pipe."]);
    assert_eq!(desk.screen.composer.text(), "@big.bin what?");
    assert_eq!(acts(&desk.enter()), [send("@big.bin what?")], "whoever insists sends the words");
}

#[test]
fn messages_keep_their_order_while_files_are_looked_for() {
    let mut desk = Desk::reading(Vec::new());
    desk.screen.on_paste("@a first".into(), &desk.cx);
    let (asked, _) = named(&desk.enter());
    desk.write("second");
    assert_eq!(turns(&desk.enter()), []);
    assert_eq!(desk.screen.draft().queued.len(), 2, "nothing of it is lost in a crash");
    let effects = desk.reply(ChatReply::Named { asked, found: Vec::new() });
    assert_eq!(acts(&effects), [send("@a first")]);
    assert_eq!(desk.screen.waiting.queue, [written("second")]);
}

#[test]
fn texts_come_back_to_the_character() {
    let text = "\tif x {\n\t\ty\u{200b}\n\t}";
    let mut desk = Desk::reading(vec![user(1, None, text), answer(2, 1, "ok", MessageState::Done)]);
    desk.screen.on_shell(&ShellReply::Edited(Ok(text.into())), &desk.cx);
    assert_eq!(desk.screen.composer.text(), text, "from the editor");
    desk.press(KeyCode::Tab);
    desk.press(KeyCode::Char('k'));
    desk.press(KeyCode::Char('e'));
    assert_eq!(desk.screen.composer.text(), text, "from a message");
    desk.press(KeyCode::Esc);
    assert_eq!(desk.screen.composer.text(), text, "from having been put aside");
    assert_eq!(acts(&desk.enter()), [send(text)]);
}

#[test]
fn a_draft_keeps_its_placeholders() {
    let mut desk = Desk::reading(Vec::new());
    desk.write("see ");
    desk.screen.on_paste("1\n2\n\t3\n4".into(), &desk.cx);
    let draft = desk.screen.draft();
    assert_eq!(draft.text, "see 1\n2\n\t3\n4");
    let mut desk = Desk::new();
    desk.reply(ChatReply::Draft(Ok(draft.clone())));
    assert_eq!(desk.screen.composer.shown(), "see [pasted 4 lines]");
    assert_eq!(desk.screen.draft(), draft);
}

#[test]
fn what_is_attached_is_measured_also_before_the_first_message() {
    let mut desk = Desk::new();
    desk.screen.attach("a.txt", &desk.cx.clone());
    let effects = desk.reply(ChatReply::Inspected { path: "a.txt".into(), attachment: Ok(attachment("a.txt")) });
    let [Effect::Chat(ChatCall::Measure { asked, planned })] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!((planned.conversation, planned.attached), (None, 25));
    let meter = ContextMeter { used: 25, limit: 4096, room: 3072, ..ContextMeter::default() };
    desk.reply(ChatReply::Measured { asked: *asked, meter: Ok(meter) });
    assert!(desk.draw(80, 24).contains("context ≈25 / 4 096"));
}
