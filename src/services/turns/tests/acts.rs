//! What is sent and what it becomes in the conversation: acts, files, titles, the window, several models.

use super::*;

#[tokio::test]
async fn regenerating_and_editing_make_siblings_and_continuing_appends() {
    let mut house = house().await;
    house.chat_answers(|| Some(Reply::stream().line(&last("one"))));
    let asked = house.send("Q").await.unwrap();
    let (first, _) = house.end().await;
    house.chat_answers(|| Some(Reply::stream().line(&last("two"))));
    house.act(TurnAct::Regenerate { answer: first.id }).await.unwrap();
    let (second, _) = house.end().await;
    assert_eq!((second.sibling, second.siblings, second.parent), (2, 2, first.parent));
    let edit = TurnAct::Edit { message: asked.user.unwrap().id, text: "Q2".to_owned(), attachments: Vec::new() };
    let edited = house.act(edit).await.unwrap().user.unwrap();
    assert_eq!((edited.content.as_str(), edited.sibling, edited.parent), ("Q2", 2, None));
    house.end().await;

    house.chat_answers(|| Some(Reply::stream().line(&line("half ")).part(Part::Cut)));
    house.send("more").await.unwrap();
    let (broken, _) = house.end().await;
    house.chat_answers(|| Some(Reply::stream().line(&last("whole"))));
    let going_on = house.act(TurnAct::Continue { answer: broken.id }).await.unwrap();
    assert_eq!((going_on.answer.id, going_on.answer.content.as_str()), (broken.id, "half "));
    let (whole, _) = house.end().await;
    assert_eq!((whole.id, whole.content.as_str(), whole.state), (broken.id, "half whole", MessageState::Done));
    let chats = house.chats();
    let sent = chats.last().unwrap()["messages"].as_array().unwrap();
    assert_eq!(sent.last().unwrap(), &json!({ "role": "assistant", "content": "half " }));
    let again = house.act(TurnAct::Continue { answer: whole.id }).await.unwrap_err();
    assert_eq!(again.kind, FaultKind::Invalid);
    assert_eq!(house.act(TurnAct::Regenerate { answer: edited.id }).await.unwrap_err().kind, FaultKind::Invalid);
}

#[tokio::test]
async fn tool_calls_are_shown_and_never_sent_back_or_executed() {
    let mut house = house().await;
    house.chat_answers(|| {
        let mut done = last("");
        done["message"]["tool_calls"] = json!([{ "function": { "name": "rm", "arguments": { "path": "/" } } }]);
        Some(Reply::stream().line(&done))
    });
    house.send("clean up").await.unwrap();
    let (answer, _) = house.end().await;
    assert_eq!((answer.tool_calls[0].name.as_str(), answer.state), ("rm", MessageState::Done));
    house.chat_answers(|| Some(Reply::stream().line(&last("ok"))));
    house.send("and now").await.unwrap();
    house.end().await;
    let chats = house.chats();
    assert_eq!(chats[1]["tools"], Value::Null);
    assert_eq!(chats[1]["messages"].as_array().unwrap().len(), 2, "an answer without words is not sent");
}

#[tokio::test]
async fn a_refusal_for_length_is_told_and_shortening_uses_its_figures() {
    let mut house = house().await;
    house.chat_answers(|| Some(Reply::stream().line(&last("fine"))));
    for number in 0..6 {
        house.send(&format!("{number} {}", "word ".repeat(100))).await.unwrap();
        house.end().await;
    }
    let inner = json!({ "error": {
        "code": 400, "message": "request (1766 tokens) exceeds the available context size (512 tokens)",
        "type": "exceed_context_size_error", "n_prompt_tokens": 1766, "n_ctx": 512,
    } });
    let refusal = inner.to_string();
    house.chat_answers(move || Some(Reply::error(400, &refusal)));
    house.send("last one").await.unwrap();
    let (refused, fault) = house.end().await;
    let fault = fault.unwrap();
    assert_eq!((fault.kind, refused.state), (FaultKind::Overflow, MessageState::Failed));
    assert!(fault.hint.unwrap().contains("num_ctx"));
    let stored = house.messages().await.pop().unwrap();
    assert_eq!(stored.error_kind, Some(FaultKind::Overflow), "what can be done is known when it is read again");
    house.chat_answers(|| Some(Reply::stream().line(&last("short"))));
    let before = house.chats().last().unwrap()["messages"].as_array().unwrap().len();
    let act = TurnAct::Regenerate { answer: refused.id };
    let new = NewTurn { conversation: house.conversation, act, model: None, shorten: true };
    let started =
        house.turns.start_in(&house.vault, &CancellationToken::new(), &Rules::default(), asking(), new).await.unwrap();
    house.end().await;
    let after = house.chats().last().unwrap()["messages"].as_array().unwrap().len();
    assert!(after < before, "{after} messages after {before}");
    assert!(started.meter.used <= 512 && started.meter.first_seen.is_some(), "{:?}", started.meter);
    assert_eq!(house.messages().await.len(), 14, "nothing is deleted");
}

#[tokio::test]
async fn a_title_comes_from_the_prompt_at_once_and_from_the_model_later_but_never_over_a_persons() {
    let mut house = house_with(Config::default()).await;
    let usual = StandIn::new(Pace::instant());
    house.fake.answer(move |seen: &Seen| {
        if seen.path != "/api/chat" {
            return Some(usual.reply(seen));
        }
        let streams = seen.json()["stream"] == json!(true);
        Some(if streams {
            Reply::stream().line(&last("blue light scatters"))
        } else {
            Reply::json(200, &last("\"The blue sky.\""))
        })
    });
    let title = |house: &House| {
        let (vault, id) = (house.vault.clone(), house.conversation);
        async move {
            let got: Result<_, StoreError> = vault.db.read(move |tx| conversations::get(tx, id)).await;
            got.unwrap().row.title
        }
    };
    house.send("Why is the sky blue?").await.unwrap();
    assert_eq!(title(&house).await, "Why is the sky blue?");
    let changed = Event::Changed(Changed::Conversation(house.conversation));
    while tokio::time::timeout(Duration::from_secs(20), house.events.recv()).await.unwrap().unwrap() != changed {}
    assert_eq!(title(&house).await, "The blue sky");

    let id = house.conversation;
    let patch = ConversationPatch { title: Some("mine".to_owned()), ..ConversationPatch::default() };
    let renamed: Result<_, StoreError> = house.vault.db.write(move |tx| conversations::change(tx, id, &patch, 2)).await;
    renamed.unwrap();
    house.send("And at night?").await.unwrap();
    house.end().await;
    assert_eq!(title(&house).await, "mine");
}

#[tokio::test]
async fn a_text_file_goes_as_a_block_and_an_image_only_to_a_model_that_sees() {
    let mut house = house().await;
    std::fs::write(house.home.path().join("a.rs"), "fn main() {}\n").unwrap();
    std::fs::write(house.home.path().join("p.png"), papers::PNG).unwrap();
    house.chat_answers(|| Some(Reply::stream().line(&last("ok"))));
    let with = |path: &str| TurnAct::Send { text: "Look".to_owned(), attachments: vec![path.into()] };
    let started = house.act(with("a.rs")).await.unwrap();
    assert_eq!(started.user.unwrap().attachments[0].name, "a.rs");
    house.end().await;
    assert_eq!(house.chats()[0]["messages"][0]["content"], "``` a.rs\nfn main() {}\n```\n\nLook");
    std::fs::write(house.home.path().join("r.pdf"), papers::pdf(&["Paid: 17"])).unwrap();
    house.act(with("r.pdf")).await.unwrap();
    house.end().await;
    assert_eq!(house.chats()[1]["messages"][2]["content"], "``` r.pdf\nPaid: 17\n```\n\nLook", "only its text is sent");
    let refused = house.act(with("p.png")).await.unwrap_err();
    assert_eq!(refused.kind, FaultKind::Model);
    assert_eq!(house.messages().await.len(), 4, "a refused message is not half committed");
    let new = NewTurn {
        conversation: house.conversation,
        act: with("p.png"),
        model: Some("demo-vision:4b".to_owned()),
        shorten: false,
    };
    house.turns.start_in(&house.vault, &CancellationToken::new(), &Rules::default(), asking(), new).await.unwrap();
    house.end().await;
    let chats = house.chats();
    assert_eq!(chats[2]["messages"][4]["images"], json!([STANDARD.encode(papers::PNG)]));
    assert_eq!(chats[2]["model"], "demo-vision:4b");
}

#[tokio::test]
async fn num_ctx_is_sent_only_when_set_and_the_system_prompt_comes_first() {
    let mut house = house().await;
    house.chat_answers(|| Some(Reply::stream().line(&last("ok"))));
    let id = house.conversation;
    let patch = ConversationPatch {
        system_prompt: Some(Some("Be brief.".to_owned())),
        options: Some(ChatOptions { num_ctx: Some(2048), ..ChatOptions::default() }),
        ..ConversationPatch::default()
    };
    let changed: Result<_, StoreError> = house.vault.db.write(move |tx| conversations::change(tx, id, &patch, 1)).await;
    changed.unwrap();
    let started = house.send("Hi").await.unwrap();
    assert_eq!(started.meter.limit, 2048);
    house.end().await;
    let sent = &house.chats()[0];
    assert_eq!(sent["messages"][0], json!({ "role": "system", "content": "Be brief." }));
    assert_eq!(sent["options"]["num_ctx"], 2048);
}

#[tokio::test]
async fn what_is_committed_is_no_draft_any_more() {
    let mut house = house().await;
    house.chat_answers(|| Some(Reply::stream().line(&last("ok"))));
    let id = house.conversation;
    let next = crate::api::chat::Written { text: "next".to_owned(), ..crate::api::chat::Written::default() };
    let draft =
        crate::api::chat::Draft { text: "Hi ".to_owned(), queued: vec![next], ..crate::api::chat::Draft::default() };
    let saved: Result<_, StoreError> =
        house.vault.db.write(move |tx| conversations::save_draft(tx, Some(id), &draft, 1)).await;
    saved.unwrap();
    house.send("Hi").await.unwrap();
    house.end().await;
    house.send("next").await.unwrap();
    house.end().await;
    let left: Result<_, StoreError> = house.vault.db.read(move |tx| conversations::draft(tx, Some(id))).await;
    assert_eq!(left.unwrap(), crate::api::chat::Draft::default());
    assert_eq!(house.send("  ").await.unwrap_err().kind, FaultKind::Invalid);
}

#[tokio::test]
async fn a_title_comes_with_the_first_answer_that_ends_well_and_not_later() {
    let mut house = house_with(Config::default()).await;
    let usual = StandIn::new(Pace::instant());
    let fails = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let failing = Arc::clone(&fails);
    house.fake.answer(move |seen: &Seen| {
        if seen.path != "/api/chat" {
            return Some(usual.reply(seen));
        }
        let streams = seen.json()["stream"] == json!(true);
        match (streams, failing.load(std::sync::atomic::Ordering::SeqCst)) {
            (true, true) => Some(Reply::stream().line(&line("half")).part(Part::Cut)),
            (true, false) => Some(Reply::stream().line(&last("whole"))),
            (false, _) => Some(Reply::json(200, &last("Skies"))),
        }
    });
    house.send("Why is the sky blue?").await.unwrap();
    let (broken, _) = house.end().await;
    assert_eq!(broken.state, MessageState::Failed);
    fails.store(false, std::sync::atomic::Ordering::SeqCst);
    house.act(TurnAct::Regenerate { answer: broken.id }).await.unwrap();
    let changed = Event::Changed(Changed::Conversation(house.conversation));
    while tokio::time::timeout(Duration::from_secs(20), house.events.recv()).await.unwrap().unwrap() != changed {}
    let id = house.conversation;
    let first: Result<bool, StoreError> = house.vault.db.read(move |tx| messages::is_first_to_end_well(tx, id)).await;
    assert!(first.unwrap());
    house.send("And at night?").await.unwrap();
    house.end().await;
    let first: Result<bool, StoreError> = house.vault.db.read(move |tx| messages::is_first_to_end_well(tx, id)).await;
    assert!(!first.unwrap());
}

#[tokio::test]
async fn an_edit_keeps_its_files_and_takes_new_ones_and_a_branch_begins_anywhere() {
    let mut house = house().await;
    house.chat_answers(|| Some(Reply::stream().line(&last("ok"))));
    for name in ["a.txt", "b.txt"] {
        std::fs::write(house.home.path().join(name), name).unwrap();
    }
    let sent = TurnAct::Send { text: "Look".to_owned(), attachments: vec!["a.txt".into()] };
    let asked = house.act(sent).await.unwrap().user.unwrap();
    let (first, _) = house.end().await;
    let edit = TurnAct::Edit { message: asked.id, text: "See".to_owned(), attachments: vec!["b.txt".into()] };
    let edited = house.act(edit).await.unwrap().user.unwrap();
    house.end().await;
    let names: Vec<_> = edited.attachments.iter().map(|attachment| attachment.name.as_str()).collect();
    assert_eq!(names, ["a.txt", "b.txt"]);
    assert!(edited.attachments[0].tokens > 0);

    house.act(TurnAct::Regenerate { answer: first.id }).await.unwrap();
    house.end().await;
    house.send("more").await.unwrap();
    house.end().await;
    let branch = |after, text: &str| TurnAct::Branch { after, text: text.to_owned(), attachments: Vec::new() };
    let forked = house.act(branch(first.id, "or else")).await.unwrap().user.unwrap();
    house.end().await;
    assert_eq!(forked.parent, Some(first.id));
    let on_view: Vec<_> = house.messages().await.into_iter().map(|message| message.content).collect();
    assert_eq!(on_view, ["Look", "ok", "or else", "ok"]);
    assert_eq!(house.act(branch(asked.id, "x")).await.unwrap_err().kind, FaultKind::Invalid);
}

#[tokio::test]
async fn the_meter_counts_what_is_attached_and_shows_before_the_first_message() {
    let house = house().await;
    let planned = |conversation, attached| Planned { conversation, attached, ..Planned::default() };
    let rules = Rules::default();
    let measure = |planned| house.turns.measure_in(&house.vault, &rules, planned);
    let without = measure(planned(Some(house.conversation), 0)).await.unwrap();
    let with = measure(planned(Some(house.conversation), 400)).await.unwrap();
    assert!(with.used >= without.used + 400, "{without:?} {with:?}");
    assert!(with.limit > 0 && with.room > 0 && with.room < with.limit, "{with:?}");
    let fresh = NewConversation { model: Some(MODEL.to_owned()), ..NewConversation::default() };
    let new = Planned { fresh, draft: "word ".repeat(40), attached: 100, ..Planned::default() };
    let new = measure(new).await.unwrap();
    assert!(new.used > 140 && new.limit > 0, "{new:?}");
}

#[tokio::test]
async fn what_one_model_counted_says_nothing_of_another() {
    let mut house = house().await;
    house.chat_answers(|| Some(Reply::stream().line(&last("ok"))));
    house.send(&"word ".repeat(200)).await.unwrap();
    house.end().await;
    let id = house.conversation;
    let counted = |model: &'static str| {
        let vault = house.vault.clone();
        async move {
            let read: Result<_, StoreError> = vault
                .db
                .read(move |tx| {
                    let (conversation, head) = messages::head(tx, id)?;
                    let branch = window::branch(tx, conversation, head, u64::MAX, Some(model))?;
                    let lines = branch.lines.iter().filter(|line| line.prompt_tokens.is_some()).count();
                    Ok((window::counted(tx, conversation, Some(model), false)?.is_some(), lines))
                })
                .await;
            read.unwrap()
        }
    };
    assert_eq!(counted(MODEL).await, (true, 1));
    assert_eq!(counted("demo-vision:4b").await, (false, 0));
}

#[tokio::test]
async fn several_models_answer_one_question_at_once_and_none_of_them_becomes_the_conversations() {
    let mut house = house().await;
    let gate = Gate::new();
    let held = gate.clone();
    house.chat_answers(move || {
        Some(Reply::stream().line(&line("so ")).part(Part::Hold(held.clone())).line(&last("far")))
    });
    let first = house.send("which is best?").await.unwrap();
    let question = first.answer.parent.unwrap();
    let (turns, vault, conversation) = (house.turns.clone(), house.vault.clone(), house.conversation);
    let beside = async |question, model: &str| {
        let act = TurnAct::Beside { question };
        let new = NewTurn { conversation, act, model: Some(model.to_owned()), shorten: false };
        turns.start_in(&vault, &CancellationToken::new(), &Rules::default(), asking(), new).await
    };
    for model in ["demo-think:8b", "demo-vision:4b", "demo-chat:3b"] {
        assert_eq!(beside(question, model).await.unwrap().answer.parent, Some(question), "{model}");
    }
    let fifth = beside(question, "demo-chat:3b").await.unwrap_err();
    assert_eq!(fifth.kind, FaultKind::Conflict, "four at most: {fifth}");
    assert_eq!(house.send("and now?").await.unwrap_err().kind, FaultKind::Conflict, "another question waits for them");
    assert_eq!(house.turns.running_in(house.vault.account, house.conversation).len(), 4);
    gate.release();
    let mut ended = std::collections::BTreeMap::new();
    for _ in 0..4 {
        let (answer, fault) = house.end().await;
        assert_eq!((answer.content.as_str(), fault), ("so far", None));
        ended.insert(answer.id, answer.model.unwrap());
    }
    let mut models: Vec<_> = ended.values().map(String::as_str).collect();
    models.sort_unstable();
    assert_eq!(models, ["demo-chat:3b", "demo-chat:3b", "demo-think:8b", "demo-vision:4b"]);
    let opened = house.turns.open_in(&house.vault, house.conversation, 10).await.unwrap();
    assert_eq!(opened.conversation.row.model.as_deref(), Some(MODEL));
    assert_eq!(opened.page.messages.last().unwrap().siblings, 4, "all are kept as branches");
    // A question elsewhere in the conversation is not answered meanwhile, whatever it is asked beside.
    let held = Gate::new();
    house.chat_answers(move || Some(Reply::stream().line(&line("so ")).part(Part::Hold(held.clone()))));
    let next = house.send("next").await.unwrap();
    assert_eq!(beside(question, "demo-chat:3b").await.unwrap_err().kind, FaultKind::Conflict);
    house.turns.stop_for(house.vault.account, next.turn);
    house.end().await;
}
