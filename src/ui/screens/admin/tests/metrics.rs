use std::time::Duration;

use super::*;
use crate::{
    api::{
        RequestId,
        chat::{MessageState, Metrics as Cost},
        metrics::{Counted, Hour, Snapshot},
        requests::{Span, Traced},
    },
    metrics::{Cache, Lane, Metrics, OllamaKind, OllamaOutcome},
    ui::msg::{MetricsCall, MetricsReply, Read},
};

const NOW: i64 = 1_795_514_520_000;
const HOUR: i64 = 3_600_000;

fn counted(times: u64) -> Snapshot {
    let metrics = Metrics::new();
    for time in 0..times {
        metrics.call(Class::Read, None, Duration::from_micros(400 + time * 37));
        metrics.call(Class::Write, None, Duration::from_millis(4));
        metrics.store(Lane::VaultRead, Duration::from_micros(20), Duration::from_micros(180));
        metrics.cache(Cache::Lists, time % 3 > 0);
    }
    metrics.call(Class::Chat, None, Duration::from_millis(14));
    metrics.call(Class::Auth, Some(FaultKind::WrongCredentials), Duration::from_millis(320));
    metrics.ollama(OllamaKind::Chat, OllamaOutcome::Answered, Duration::from_millis(900));
    let cost = Cost { first_token_ms: Some(900), answer_tokens: Some(180), answer_ms: Some(3300), ..Cost::default() };
    metrics.answer(MessageState::Done, &cost);
    metrics.snapshot()
}

fn traced() -> Traced {
    let span = |name, what: &str, parent, from_us, took_us, wait_us| Span {
        name,
        what: what.to_owned(),
        parent,
        from_us,
        took_us,
        wait_us,
        outcome: None,
        bytes: None,
    };
    let mut spans = vec![
        span("request", "key", None, 0, 1_930_000, None),
        span("call", "turns.start", Some(0), 40, 15_000, None),
        span("store", "vault read", Some(1), 300, 210, Some(30)),
        span("store", "vault write", Some(1), 2000, 12_000, Some(7000)),
        span("line", "answers", Some(1), 16_000, 400_000, None),
        span("ollama", "chat", Some(1), 417_000, 1_500_000, None),
        span("headers", "", Some(5), 417_000, 800_000, None),
        span("stream", "", Some(5), 1_220_000, 697_000, None),
    ];
    spans[1].outcome = Some("ok".to_owned());
    Traced { request: Some(RequestId(uuid::Uuid::nil())), began_at: NOW, took_us: 1_930_000, spans, left_out: 0 }
}

fn refused() -> Traced {
    let mut traced = traced();
    traced.spans.truncate(2);
    traced.spans[1].what = "conversations.open".to_owned();
    traced.spans[1].outcome = Some("not_found".to_owned());
    Traced { took_us: 15_100, ..traced }
}

fn read(at: i64, times: u64) -> Read {
    let before = vec![
        Hour { began_at: NOW - NOW.rem_euclid(HOUR) - 5 * HOUR, counted: counted(12) },
        Hour { began_at: NOW - NOW.rem_euclid(HOUR) - HOUR, counted: counted(60) },
    ];
    let counted = Counted { at, here: counted(times), hour: counted(times), total: None, before };
    Read { counted, requests: vec![traced(), refused()] }
}

fn asked(effects: &[Effect]) -> u64 {
    match calls(effects).as_slice() {
        [AdminCall::Metrics(MetricsCall::Read { asked })] => *asked,
        other => panic!("{other:?}"),
    }
}

fn told(desk: &mut Desk, asked: u64, read: Read) -> Vec<Effect> {
    desk.reply(AdminReply::Metrics(MetricsReply::Read { asked, read: Ok(Box::new(read)) }))
}

fn on_view(mut desk: Desk) -> Desk {
    let first = asked(&desk.press(KeyCode::Char('8')));
    told(&mut desk, first, read(NOW, 40));
    let second = asked(&desk.screen.on_settled(first));
    told(&mut desk, second, read(NOW + 2000, 43));
    desk
}

#[test]
fn figures_rates_and_the_day_before_stand_in_both_sizes() {
    insta::assert_snapshot!("metrics_wide", on_view(Desk::wide()).draw(120, 36));
    insta::assert_snapshot!("metrics_small", on_view(Desk::new()).draw(80, 24));
}

#[test]
fn one_request_is_shown_as_it_went() {
    for (name, desk, (width, height)) in
        [("request_wide", Desk::wide(), (120, 36)), ("request_small", Desk::new(), (80, 24))]
    {
        let mut desk = on_view(desk);
        desk.press(KeyCode::Char('r'));
        desk.press(KeyCode::Enter);
        insta::assert_snapshot!(name, desk.draw(width, height));
        desk.press(KeyCode::Esc);
        assert!(desk.draw(width, height).contains("Last requests"), "one step back");
    }
}

#[test]
fn it_reads_anew_a_second_after_an_answer_and_only_while_it_is_on_view() {
    let mut desk = Desk::wide();
    let first = asked(&desk.press(KeyCode::Char('8')));
    let effects = told(&mut desk, first, read(NOW, 1));
    let [Effect::After(wait, Timer::Settle(due))] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!((*wait, *due), (Duration::from_secs(1), first));
    let second = asked(&desk.screen.on_settled(first));
    assert!(desk.screen.on_settled(first).is_empty(), "a timer of before asks nothing");
    assert!(desk.screen.on_settled(second).is_empty(), "what is asked already is not asked twice");
    assert!(told(&mut desk, first, read(NOW, 9)).is_empty(), "an answer of before is none");
    desk.press(KeyCode::Char('2'));
    assert!(told(&mut desk, second, read(NOW, 1)).is_empty(), "nobody looks any more");
    let away = desk.screen.on_settled(second);
    assert!(calls(&away).iter().all(|call| !matches!(call, AdminCall::Metrics(_))), "{away:?}");
}

#[test]
fn a_refusal_is_said_and_not_asked_for_again() {
    let mut desk = Desk::new();
    let asked = asked(&desk.press(KeyCode::Char('8')));
    let fault = Fault::new(FaultKind::Slow, "Too many calls in a short time.");
    let effects = desk.reply(AdminReply::Metrics(MetricsReply::Read { asked, read: Err(fault) }));
    assert!(effects.is_empty(), "{effects:?}");
    assert!(desk.draw(80, 24).contains("Too many calls"));
}
