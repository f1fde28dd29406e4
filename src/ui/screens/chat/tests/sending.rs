use super::*;

#[test]
fn the_first_message_makes_the_conversation_and_then_goes() {
    let mut desk = Desk::new();
    desk.write("hello");
    let effects = desk.enter();
    assert_eq!(calls(&effects), ["Create"]);
    let effects = desk.reply(ChatReply::Created(Ok(Box::new(conversation(1)))));
    assert_eq!(acts(&effects), [send("hello")]);
    assert_eq!(desk.screen.open_id(), Some(id(1)));
    assert!(desk.screen.composer.is_blank());
}

#[test]
fn a_refused_message_comes_back_into_the_composer() {
    let mut desk = Desk::reading(Vec::new());
    desk.write("hello");
    desk.enter();
    desk.write("more");
    let effects = desk.reply(ChatReply::Started(Err(Fault::new(FaultKind::Upstream, "Ollama cannot be reached."))));
    assert_eq!(toasts(&effects), ["Ollama cannot be reached."]);
    assert_eq!(desk.screen.composer.text(), "hello\nmore");
    assert!(!desk.screen.is_busy());
}

#[test]
fn an_answer_grows_and_the_stored_one_takes_its_place() {
    let mut desk = Desk::answering();
    desk.delta("Because ");
    desk.delta("**Rc**");
    assert!(desk.draw(80, 24).contains("Because Rc"), "{}", desk.draw(80, 24));
    desk.end(MessageState::Done, "Because **Rc** is not Send.", None);
    let screen = desk.draw(80, 24);
    assert!(screen.contains("Because Rc is not Send."), "{screen}");
    assert!(!desk.screen.is_busy());
}

#[test]
fn what_comes_before_the_reply_to_the_start_is_not_lost() {
    let mut desk = Desk::reading(Vec::new());
    desk.write("hello");
    desk.enter();
    desk.delta("early ");
    let started = TurnStarted {
        turn: turn(1),
        conversation: id(1),
        user: Some(user(1, None, "hello")),
        answer: answer(2, 1, "", MessageState::Streaming),
        meter: ContextMeter::default(),
    };
    desk.reply(ChatReply::Started(Ok(Box::new(started))));
    desk.delta("late");
    assert!(desk.draw(80, 24).contains("early late"), "{}", desk.draw(80, 24));
}

#[test]
fn a_turn_that_ends_before_its_start_is_heard_does_not_run_for_ever() {
    let mut desk = Desk::reading(Vec::new());
    desk.write("hello");
    desk.enter();
    desk.end(MessageState::Failed, "", Some(Fault::new(FaultKind::Model, "no")));
    let started = TurnStarted {
        turn: turn(1),
        conversation: id(1),
        user: Some(user(1, None, "hello")),
        answer: answer(2, 1, "", MessageState::Streaming),
        meter: ContextMeter::default(),
    };
    let effects = desk.reply(ChatReply::Started(Ok(Box::new(started))));
    assert!(calls(&effects).contains(&"Open".to_owned()), "{effects:?}");
    assert!(!desk.screen.is_busy());
}

#[test]
fn messages_queue_while_an_answer_runs_and_go_in_order() {
    let mut desk = Desk::answering();
    desk.write("one");
    assert_eq!(turns(&desk.enter()), []);
    desk.write("two");
    desk.enter();
    assert!(desk.draw(80, 24).contains("queued"));
    let effects = desk.end(MessageState::Done, "ok", None);
    assert_eq!(acts(&effects), [send("one")]);
    assert_eq!(desk.screen.waiting.queue, [written("two")]);
}

#[test]
fn the_queue_waits_after_a_stop_and_enter_sends_on() {
    let mut desk = Desk::answering();
    desk.write("one");
    desk.enter();
    let effects = desk.press(KeyCode::Esc).unwrap();
    assert_eq!(calls(&effects), ["StopTurn"]);
    assert_eq!(turns(&desk.end(MessageState::Stopped, "ha", None)), []);
    assert!(desk.screen.waiting.is_held);
    assert_eq!(acts(&desk.enter()), [send("one")]);
}

#[test]
fn the_last_queued_message_comes_back_with_up() {
    let mut desk = Desk::answering();
    desk.write("one");
    desk.enter();
    desk.write("two");
    desk.enter();
    desk.press(KeyCode::Up);
    assert_eq!(desk.screen.composer.text(), "two");
    assert_eq!(desk.screen.waiting.queue, [written("one")]);
}

#[test]
fn a_queue_goes_on_while_another_conversation_is_on_view() {
    let mut desk = Desk::answering();
    desk.write("one");
    desk.enter();
    desk.open(id(9), vec![user(40, None, "elsewhere")]);
    assert!(desk.screen.waiting.queue.is_empty());
    desk.delta("unseen");
    assert!(!desk.draw(80, 24).contains("unseen"));
    let effects = desk.end(MessageState::Done, "ok", None);
    assert_eq!(turns(&effects).len(), 1);
    assert_eq!(turns(&effects)[0].conversation, id(1));
}

#[test]
fn coming_back_to_a_running_answer_shows_all_of_it() {
    let mut desk = Desk::answering();
    desk.delta("first ");
    desk.open(id(9), vec![user(40, None, "elsewhere")]);
    desk.delta("second");
    let stored = vec![user(1, None, "hello"), answer(2, 1, "fir", MessageState::Streaming)];
    desk.open(id(1), stored);
    desk.delta(" third");
    assert!(desk.draw(80, 24).contains("first second third"), "{}", desk.draw(80, 24));
}

#[test]
fn escape_asks_to_stop_once() {
    let mut desk = Desk::answering();
    assert_eq!(calls(&desk.press(KeyCode::Esc).unwrap()), ["StopTurn"]);
    assert!(desk.press(KeyCode::Esc).is_none(), "the second one is not ours");
}

#[test]
fn ctrl_c_clears_the_draft_then_stops_then_is_the_roots() {
    let mut desk = Desk::answering();
    desk.write("draft");
    desk.ctrl('c').unwrap();
    assert!(desk.screen.composer.is_blank());
    assert_eq!(calls(&desk.ctrl('c').unwrap()), ["StopTurn"]);
    assert!(desk.ctrl('c').is_none());
}

fn refused_for_length() -> (Message, Fault) {
    let why = "The prompt has 9 000 tokens; 8 192 fit.";
    let message = Message {
        error: Some(why.into()),
        error_kind: Some(FaultKind::Overflow),
        ..answer(2, 1, "", MessageState::Failed)
    };
    (message, Fault::new(FaultKind::Overflow, why))
}

#[test]
fn an_answer_refused_for_its_length_asks_what_to_leave_out() {
    let mut desk = Desk::answering();
    let (message, fault) = refused_for_length();
    let meter = ContextMeter::default();
    desk.event(TurnEvent::Ended { answer: Box::new(message), meter, fault: Some(fault) });
    let screen = desk.draw(80, 24);
    assert!(screen.contains("Leave out older messages") && screen.contains("8 192 fit"), "{screen}");
    let effects = desk.enter();
    assert_eq!(acts(&effects), [TurnAct::Regenerate { answer: msg(2) }]);
    assert!(turns(&effects)[0].shorten);
}

#[test]
fn a_refusal_for_length_is_asked_about_when_its_conversation_comes_on_view() {
    let (message, fault) = refused_for_length();
    let mut desk = Desk::answering();
    desk.open(id(9), vec![user(40, None, "elsewhere")]);
    let meter = ContextMeter::default();
    let effects = desk.event(TurnEvent::Ended { answer: Box::new(message.clone()), meter, fault: Some(fault) });
    assert_eq!(toasts(&effects).len(), 1);
    assert!(desk.screen.overlay.is_none(), "not in front of another conversation");
    desk.open(id(1), vec![user(1, None, "hello"), message.clone()]);
    assert!(desk.draw(80, 24).contains("Leave out older messages"));
    desk.press(KeyCode::Esc);
    assert!(desk.draw(80, 24).contains("s leaves out older messages"), "the stored message knows its keys");
    desk.open(id(9), vec![user(40, None, "elsewhere")]);
    desk.open(id(1), vec![user(1, None, "hello"), message]);
    assert!(desk.screen.overlay.is_none(), "it is asked once");
}

#[test]
fn a_refusal_for_length_does_not_take_the_keys_from_somebody_who_writes() {
    let mut desk = Desk::answering();
    desk.write("and");
    let (message, fault) = refused_for_length();
    let meter = ContextMeter::default();
    desk.event(TurnEvent::Ended { answer: Box::new(message), meter, fault: Some(fault) });
    assert!(desk.screen.overlay.is_none());
    assert!(desk.draw(80, 24).contains("s leaves out older messages"));
}

#[test]
fn the_question_of_a_refused_answer_can_go_into_a_new_conversation() {
    let mut desk = Desk::answering();
    let (message, fault) = refused_for_length();
    let meter = ContextMeter::default();
    desk.event(TurnEvent::Ended { answer: Box::new(message), meter, fault: Some(fault) });
    desk.press(KeyCode::Char('3'));
    assert_eq!((desk.screen.open_id(), desk.screen.composer.text()), (None, "hello".to_owned()));
}

#[test]
fn a_message_queues_with_its_files_and_goes_with_them() {
    let mut desk = Desk::answering();
    desk.screen.composer.attach("a.txt".into());
    desk.write("look");
    assert_eq!(turns(&desk.enter()), []);
    assert!(desk.draw(80, 24).contains("look · 1 attachment"));
    assert!(desk.screen.composer.attached().is_empty());
    let waiting = Written { attachments: vec!["a.txt".into()], ..written("look") };
    assert_eq!(desk.screen.draft().queued, [waiting]);
    let effects = desk.press(KeyCode::Up).unwrap();
    assert!(calls(&effects).contains(&"Inspect".to_owned()), "{effects:?}");
    desk.enter();
    let effects = desk.end(MessageState::Done, "ok", None);
    let with_file = TurnAct::Send { text: "look".into(), attachments: vec!["a.txt".into()] };
    assert_eq!(acts(&effects), [with_file]);
}

#[test]
fn escape_stops_a_turn_that_is_still_being_committed() {
    let mut desk = Desk::reading(Vec::new());
    desk.write("hello");
    desk.enter();
    assert!(desk.press(KeyCode::Esc).unwrap().is_empty(), "there is no number to stop it by yet");
    assert!(desk.draw(80, 24).contains("stopping"));
    let started = TurnStarted {
        turn: turn(1),
        conversation: id(1),
        user: Some(user(1, None, "hello")),
        answer: answer(2, 1, "", MessageState::Streaming),
        meter: ContextMeter::default(),
    };
    let effects = desk.reply(ChatReply::Started(Ok(Box::new(started))));
    assert!(
        effects.iter().any(|effect| matches!(effect, Effect::Chat(ChatCall::StopTurn(stopped)) if *stopped == turn(1)))
    );
}

#[test]
fn escape_before_the_conversation_is_made_gives_the_text_back() {
    let mut desk = Desk::new();
    desk.write("hello");
    desk.enter();
    desk.press(KeyCode::Esc);
    let effects = desk.reply(ChatReply::Created(Ok(Box::new(conversation(1)))));
    assert_eq!(turns(&effects), []);
    assert_eq!(desk.screen.composer.text(), "hello");
    assert!(!desk.screen.is_busy());
}

#[test]
fn thinking_is_timed_from_its_first_token_to_its_last() {
    let mut desk = Desk::answering();
    let start = desk.cx.now_ms;
    let think = |desk: &mut Desk, at: i64| {
        desk.cx.now_ms = start + at;
        desk.event(TurnEvent::Delta(Delta { thinking: "hm ".into(), ..Delta::default() }));
    };
    // A minute of loading is no thinking.
    think(&mut desk, 60_000);
    think(&mut desk, 63_000);
    assert!(desk.draw(80, 24).contains("thinking · 3 s"), "{}", desk.draw(80, 24));
    desk.cx.now_ms = start + 70_000;
    desk.delta("So");
    assert!(desk.draw(80, 24).contains("thought for 3.0 s"), "{}", desk.draw(80, 24));
}

#[test]
fn a_broken_answer_is_told_of_when_something_is_being_written() {
    let mut desk = Desk::new();
    desk.write("half a thought");
    let effects = desk.screen.on_event(&Event::Changed(Changed::Interrupted(id(1))), &desk.cx);
    assert_eq!(toasts(&effects).len(), 1);
    assert_eq!(desk.screen.composer.text(), "half a thought");
    let effects = desk.screen.on_action(Action::Continue, &desk.cx).unwrap();
    assert_eq!(calls(&effects), ["SaveDraft", "Open"], "the draft is stored first");
}

#[test]
fn a_conversation_that_went_to_the_trash_is_left_and_its_queue_waits() {
    let mut desk = Desk::answering();
    desk.write("one");
    desk.enter();
    let mut gone = opened(id(1), Vec::new());
    gone.conversation.row.trashed = true;
    let effects = desk.reply(ChatReply::Opened { id: id(1), opened: Ok(Box::new(gone)) });
    assert_eq!(toasts(&effects), ["This conversation is in the trash now."]);
    assert_eq!(desk.screen.open_id(), None);
    let stored = drafts(&effects);
    assert_eq!((stored[0].0, stored[0].1.queued.clone()), (Some(id(1)), vec![written("one")]));
    assert_eq!(turns(&desk.end(MessageState::Done, "ok", None)), [], "nothing is sent into the trash");
}

#[test]
fn a_page_older_than_the_running_turn_does_not_hide_it() {
    let mut desk = Desk::answering();
    desk.delta("on its way");
    desk.screen.on_event(&Event::Changed(Changed::Conversation(id(1))), &desk.cx);
    let stale = opened(id(1), Vec::new());
    desk.reply(ChatReply::Opened { id: id(1), opened: Ok(Box::new(stale)) });
    assert!(desk.draw(80, 24).contains("on its way"));
}

#[test]
fn the_draft_of_a_conversation_that_did_not_exist_is_emptied_when_it_does() {
    let mut desk = Desk::new();
    desk.write("hello");
    desk.enter();
    desk.write("next");
    let effects = desk.reply(ChatReply::Created(Ok(Box::new(conversation(1)))));
    assert_eq!(drafts(&effects), [(None, Draft::default())]);
    assert_eq!(
        drafts(&desk.screen.leave(&desk.cx)),
        [(Some(id(1)), Draft { text: "next".into(), ..Draft::default() })]
    );
}

#[test]
fn a_new_conversation_lands_in_a_folder_only_when_one_is_meant() {
    let mut desk = super::shelves::desk_with_tree();
    desk.ctrl('n');
    assert_eq!(desk.screen.fresh.folder, None);
    desk.screen.set_focus(Focus::Tree, &desk.cx.clone());
    desk.press(KeyCode::Char('j'));
    desk.press(KeyCode::Char('j'));
    desk.ctrl('n');
    assert_eq!(desk.screen.fresh.folder, Some(folder(3)));
}
