//! Several models beside each other, by key.

use super::*;
use crate::{
    api::{
        fleet::{Fit, Verdict},
        measures::{ModelUse, UseFigures, UseQuery, UsedModel},
        models::Model,
    },
    ui::msg::{CompareAsk, CompareCall, CompareFigures, CompareReply},
};

fn model(name: &str) -> Model {
    Model {
        name: name.to_owned(),
        bytes: 2_000_000_000,
        digest: name.to_owned(),
        family: "llama".to_owned(),
        parameters: "3.2B".to_owned(),
        quantization: "Q4_K_M".to_owned(),
        context_length: Some(131_072),
        capabilities: vec!["completion".to_owned(), "tools".to_owned()],
        modified_at: String::new(),
        loaded: None,
        remote: false,
    }
}

fn desk(messages: Vec<Message>) -> Desk {
    let mut desk = Desk::reading(messages);
    let models = ["a:1b", "b:2b", "c:3b", "d:4b", "e:5b"].map(model).to_vec();
    desk.reply(ChatReply::Models(Ok(ModelList { models, ..ModelList::default() })));
    desk
}

/// Marks so many models and asks them.
fn ask(desk: &mut Desk, models: usize) -> Vec<Effect> {
    desk.press(KeyEvent::new(KeyCode::Char('m'), KeyModifiers::ALT));
    for _ in 0..models {
        desk.press(KeyCode::Char(' '));
        desk.press(KeyCode::Down);
    }
    desk.enter()
}

fn asked(effects: &[Effect]) -> Option<(Option<ConversationId>, CompareAsk, Vec<String>)> {
    effects.iter().find_map(|effect| match effect {
        Effect::Chat(ChatCall::Compare(CompareCall::Start { conversation, ask, models, .. })) => {
            Some((*conversation, ask.clone(), models.clone()))
        }
        _ => None,
    })
}

fn started(n: u128) -> TurnStarted {
    let answer = answer(10 + n, 9, "", MessageState::Streaming);
    TurnStarted { turn: turn(n), conversation: id(1), user: None, answer, meter: ContextMeter::default() }
}

fn begin(desk: &mut Desk, turns: Vec<Result<TurnStarted, Fault>>) -> Vec<Effect> {
    let ask = CompareAsk::New(written("which?"));
    desk.reply(ChatReply::Compared(CompareReply::Started { conversation: Some(id(1)), ask, turns }))
}

fn tell(desk: &mut Desk, n: u128, event: TurnEvent) {
    let event = Event::Turn { turn: turn(n), conversation: id(1), answer: msg(10 + n), event };
    desk.screen.on_event(&event, &desk.cx);
}

fn says(desk: &mut Desk, n: u128, content: &str) {
    tell(desk, n, TurnEvent::Delta(Delta { content: content.to_owned(), ..Delta::default() }));
}

fn ends(desk: &mut Desk, n: u128, content: &str) {
    let metrics =
        Metrics { first_token_ms: Some(300), answer_tokens: Some(41), answer_ms: Some(1000), ..Metrics::default() };
    let answer = Box::new(Message { metrics, ..answer(10 + n, 9, content, MessageState::Done) });
    tell(desk, n, TurnEvent::Ended { answer, meter: ContextMeter::default(), fault: None });
}

fn compare_calls(effects: &[Effect]) -> Vec<&CompareCall> {
    effects
        .iter()
        .filter_map(|effect| if let Effect::Chat(ChatCall::Compare(call)) = effect { Some(call) } else { None })
        .collect()
}

#[test]
fn marked_models_are_asked_what_is_written_or_what_was_asked_last() {
    let mut desk = desk(vec![user(1, None, "q"), answer(2, 1, "a", MessageState::Done)]);
    let nothing = ask(&mut desk, 1);
    assert!(asked(&nothing).is_none() && toasts(&nothing)[0].contains("second model"), "{nothing:?}");
    desk.press(KeyCode::Esc);
    let (conversation, what, models) = asked(&ask(&mut desk, 3)).unwrap();
    assert_eq!((conversation, what), (Some(id(1)), CompareAsk::Again(msg(1))));
    assert_eq!(models, ["a:1b", "b:2b", "c:3b"]);

    let mut desk = self::desk(Vec::new());
    assert!(toasts(&ask(&mut desk, 2))[0].contains("Write the question first"));
    desk.press(KeyCode::Esc);
    desk.write("which?");
    let (_, what, _) = asked(&ask(&mut desk, 2)).unwrap();
    assert_eq!(what, CompareAsk::New(written("which?")));
    assert_eq!(desk.screen.context(), Context::Compare);
    // No more than four, and a mark is taken away again.
    let mut desk = self::desk(Vec::new());
    desk.write("which?");
    let (_, _, models) = asked(&ask(&mut desk, 5)).unwrap();
    assert_eq!(models.len(), 4);
}

#[test]
fn the_answers_stream_into_their_columns_at_every_size() {
    for (width, height, models) in [(120, 36, 4), (80, 24, 3), (40, 12, 2)] {
        let mut desk = desk(Vec::new());
        desk.cx.size = (width, height);
        desk.write("which?");
        ask(&mut desk, models);
        // Its first words may come before it is known whose they are.
        says(&mut desk, 1, "It **depends**:\n\n- on the size\n");
        begin(&mut desk, (1..=models as u128).map(|n| Ok(started(n))).collect());
        let figures = UseFigures { tokens_per_second: Some(41.0), liked: 3, disliked: 1, ..UseFigures::default() };
        let fit = Fit { verdict: Verdict::Ram, needs: Some(2_600_000_000), ..Fit::default() };
        let used = UsedModel { model: "a:1b".to_owned(), own: figures, everybody: None, people: None };
        let used = ModelUse { query: UseQuery::default(), models: vec![used], days: Vec::new(), as_of: 0 };
        desk.reply(ChatReply::Compared(CompareReply::Figures(Ok(Box::new(CompareFigures {
            used,
            fits: vec![("b:2b".to_owned(), fit)],
        })))));
        let drawn = desk.draw(width, height);
        let answers = drawn.lines().find(|line| line.contains("answers…")).unwrap();
        assert!(width < 80 || answers.contains("waits for"), "how far each is stands in one row:\n{drawn}");
        says(&mut desk, 1, "- on the use\n");
        ends(&mut desk, 2, "The second one.");
        if models > 2 {
            tell(&mut desk, 3, TurnEvent::Queued { before: 2 });
        }
        insta::assert_snapshot!(format!("comparing-{width}x{height}"), desk.draw(width, height));
        assert_eq!(desk.screen.lane().running, 0, "they are no answers of the transcript");
    }
}

#[test]
fn one_is_kept_and_the_others_go_or_all_stay_as_branches() {
    let mut desk = desk(Vec::new());
    desk.write("which?");
    ask(&mut desk, 2);
    begin(&mut desk, vec![Ok(started(1)), Ok(started(2))]);
    ends(&mut desk, 1, "one");
    let early = desk.enter();
    assert!(compare_calls(&early).is_empty() && toasts(&early)[0].contains("still arriving"));
    // Esc stops all that run, and only then leaves.
    let stopped = desk.press(KeyCode::Esc).unwrap();
    assert!(matches!(stopped.as_slice(), [Effect::Chat(ChatCall::StopTurn(one))] if *one == turn(2)), "{stopped:?}");
    ends(&mut desk, 2, "two");
    desk.press(KeyCode::Right);
    let kept = desk.enter();
    let calls = compare_calls(&kept);
    let [CompareCall::Keep { conversation, answer, model, others }] = calls.as_slice() else { panic!("{calls:?}") };
    assert_eq!((*conversation, *answer, model.as_str(), others.as_slice()), (id(1), msg(12), "b:2b", &[msg(11)][..]));
    let left = desk.reply(ChatReply::Compared(CompareReply::Kept(Ok(()))));
    assert!(
        left.iter().any(|effect| matches!(effect, Effect::Chat(ChatCall::Open { id: open, .. }) if *open == id(1)))
    );
    assert_eq!(desk.screen.context(), Context::Composer);

    desk.write("again");
    ask(&mut desk, 2);
    begin(&mut desk, vec![Ok(started(3)), Ok(started(4))]);
    ends(&mut desk, 3, "one");
    ends(&mut desk, 4, "two");
    let all = desk.press(KeyCode::Char('a')).unwrap();
    assert!(compare_calls(&all).is_empty());
    assert!(all.iter().any(|effect| matches!(effect, Effect::Chat(ChatCall::Open { .. }))), "{all:?}");
}

#[test]
fn what_could_not_be_asked_comes_back() {
    let mut desk = desk(Vec::new());
    desk.write("which?");
    ask(&mut desk, 2);
    let refused = begin(&mut desk, vec![Err(Fault::new(FaultKind::Slow, "That was fast."))]);
    assert!(toasts(&refused)[0].contains("That was fast"));
    assert_eq!(desk.screen.context(), Context::Composer);
    assert_eq!(desk.screen.composer.text(), "which?");
}
