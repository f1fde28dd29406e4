//! The part of the detail that tells what benchmarks measured.

use crossterm::event::KeyCode;

use super::{
    tests::{Desk, as_member, calls, four, page},
    *,
};
use crate::{
    api::{
        JobId,
        benchmarks::{Benchmark, BenchmarkPage, Figures, REPEATS, Setup},
        jobs::{JobNews, JobState, Work},
    },
    ui::{
        msg::{JobsCall, ModelsReply},
        screens::Screen,
        testing::{job, toasts},
    },
};

fn run(at: i64, version: &str, figures: Figures) -> Benchmark {
    Benchmark {
        id: JobId(uuid::Uuid::nil()),
        model: "llama3.2:3b".into(),
        digest: "a80c4f17acd5".into(),
        at,
        setup: Setup { server_version: version.into(), ..Setup::default() },
        figures,
        samples: Vec::new(),
    }
}

fn two() -> BenchmarkPage {
    let figures = Figures {
        load_us: Some(2_412_000),
        first_token_us: Some(84_300),
        reading: Some(912.4),
        writing: Some(41.26),
        bytes: Some(3_000_000_000),
        ..Figures::default()
    };
    let now = Cx::fixed().now_ms;
    let rows = vec![
        run(now - 60_000, "0.12.3", figures),
        run(now - 90 * 86_400_000, "0.11\u{1b}[31m.0", Figures { writing: Some(38.0), ..Figures::default() }),
    ];
    BenchmarkPage { rows, next: None }
}

/// With the part on view; gives the number that its answer has to carry.
fn on_view(desk: &mut Desk) -> u64 {
    desk.open();
    for _ in 0..3 {
        desk.letter(']');
    }
    let effects = desk.screen.refresh(&desk.cx);
    let asked = calls(&effects).into_iter().find_map(|call| match call {
        ModelsCall::Benchmarks { asked, name } if name == "llama3.2:3b" => Some(asked),
        _ => None,
    });
    asked.expect("it is asked with the detail")
}

fn answer(desk: &mut Desk, asked: u64, page: BenchmarkPage) {
    desk.screen.on_reply(ModelsReply::Benchmarks { asked, page: Ok(Box::new(page)) }, &desk.cx);
}

#[test]
fn each_run_is_told_with_what_was_measured_and_on_what() {
    let mut desk = Desk::with(page(four()));
    let asked = on_view(&mut desk);
    assert!(desk.draw(80, 24).contains("Reading…"));
    answer(&mut desk, asked - 1, BenchmarkPage::default());
    assert!(desk.draw(80, 24).contains("Reading…"), "an older answer does not count");
    answer(&mut desk, asked, two());
    insta::assert_snapshot!("benchmarks_80x24", desk.draw(80, 24));
    insta::assert_snapshot!("benchmarks_120x36", desk.draw(120, 36));
    let text = desk.draw(80, 24);
    assert!(text.contains("2.4 s") && text.contains("85 ms") && !text.contains('\u{1b}'), "{text}");
    assert!(!text.contains("older ones"));
    answer(&mut desk, asked, BenchmarkPage { next: Some(1), ..two() });
    assert!(desk.draw(80, 24).contains("There are older ones"));
}

#[test]
fn how_it_went_over_time_is_drawn_and_where_another_build_begins_is_marked() {
    let mut desk = Desk::with(page(four()));
    let asked = on_view(&mut desk);
    let now = Cx::fixed().now_ms;
    let figures = |speed: f64, us| Figures { writing: Some(speed), first_token_us: Some(us), ..Figures::default() };
    let day = 86_400_000;
    let mut rows = vec![
        run(now - 60_000, "0.12.3", figures(44.0, 81_000)),
        run(now - 10 * day, "0.12.3", figures(41.0, 90_000)),
        run(now - 20 * day, "0.12.0", figures(22.0, 180_000)),
        run(now - 30 * day, "0.11.0", figures(21.0, 170_000)),
        run(now - 40 * day, "0.11.0", figures(90.0, 10_000)),
    ];
    for old in &mut rows[2..] {
        old.digest = "0ld".into();
    }
    rows[4].setup.prompts_version = 7;
    answer(&mut desk, asked, BenchmarkPage { rows, next: None });
    insta::assert_snapshot!("charts_80x24", desk.draw(80, 24));
    insta::assert_snapshot!("charts_120x36", desk.draw(120, 36));
    let text = desk.draw(80, 24);
    let foot = text.lines().find(|line| line.contains('◆') && line.contains('─')).unwrap();
    assert_eq!(foot.matches('◆').count(), 2, "once in each chart:\n{text}");
    assert!(!text.contains("90 ┤"), "what was measured in another way is no part of the line:\n{text}");
}

#[test]
fn where_nothing_was_measured_it_is_said_who_measures_and_how() {
    let mut desk = Desk::with(page(four()));
    let asked = on_view(&mut desk);
    answer(&mut desk, asked, BenchmarkPage::default());
    let key = desk.cx.key(Action::FleetBenchmark);
    assert!(desk.draw(80, 24).contains(&format!("None yet. {key} begins one; it waits while anybody chats.")));
    as_member(&mut desk);
    assert!(desk.draw(80, 24).contains("None yet. An administrator can begin one."));
}

#[test]
fn a_benchmark_is_begun_by_key_and_what_it_measured_is_read_once_it_has_ended() {
    let mut desk = Desk::with(page(four()));
    let asked = on_view(&mut desk);
    let work = Work::Benchmark { model: "llama3.2:3b".into(), repeats: REPEATS };
    let effects = desk.shift('b');
    assert!(matches!(&effects[..], [Effect::Jobs(JobsCall::Begin(works))] if *works == [work.clone()]), "{effects:?}");
    let news = |work: &Work, state| JobNews::Changed(Box::new(job(1, work.clone(), state)));
    assert_eq!(calls(&desk.screen.on_job_news(&news(&work, JobState::Running))), []);
    let other = Work::Benchmark { model: "qwen3-vl:8b".into(), repeats: REPEATS };
    assert_eq!(calls(&desk.screen.on_job_news(&news(&other, JobState::Done))), []);
    let read = ModelsCall::Benchmarks { asked, name: "llama3.2:3b".into() };
    assert_eq!(calls(&desk.screen.on_job_news(&news(&work, JobState::Done))), [read]);
}

#[test]
fn what_does_not_fit_or_is_not_there_is_not_measured_unasked() {
    let mut desk = Desk::with(page(four()));
    desk.press(KeyCode::End);
    let told = toasts(&desk.shift('b'));
    assert!(told[0].starts_with("Only what is installed can be worked on."), "{told:?}");
    let mut rows = four();
    let installed = rows[0].installed.clone();
    rows[3].installed = installed;
    let mut desk = Desk::with(page(rows));
    desk.press(KeyCode::End);
    assert!(desk.shift('b').is_empty(), "it is asked first");
    assert!(desk.draw(80, 24).contains("It does not fit"));
}
