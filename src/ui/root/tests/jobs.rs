//! The tray of jobs, and what is told of jobs in passing.

use super::*;
use crate::{
    api::{
        JobId,
        jobs::{Job, JobNews, JobPage, JobProgress, JobState, WhichJobs, Work},
    },
    tasks::Running,
    ui::{
        msg::{AuthReply, JobAct, JobsCall, JobsOf, JobsReply},
        testing::{halfway, job},
    },
};

fn open() -> Vec<Job> {
    let mut downloading = job(7, Work::install("llama3.2:3b"), JobState::Running);
    downloading.progress = halfway();
    let mut again = job(6, Work::install("qwen3:8b"), JobState::Waiting);
    again.attempts = 3;
    again.error = Some(Fault::new(FaultKind::Ollama, "The download stalled.").hint("It goes on by itself."));
    again.next_at = Some(1_795_514_640_000);
    let mut paused = job(5, Work::install("gemma3:4b"), JobState::Paused);
    paused.progress = halfway();
    vec![job(8, Work::install("mistral:7b"), JobState::Waiting), downloading, again, paused]
}

fn ended() -> Vec<Job> {
    let mut failed = job(4, Work::install("qwem3:4b"), JobState::Failed);
    let hint = "Look for the exact name on ollama.com/library.";
    failed.error = Some(Fault::new(FaultKind::ModelMissing, "There is no model of that name.").hint(hint));
    let mut done = job(3, Work::remove("old:7b"), JobState::Done);
    done.outcome = Some("Removed.".into());
    vec![failed, done, job(2, Work::Load { model: "tiny:1b".into(), keep: None }, JobState::Cancelled)]
}

fn page(rows: Vec<Job>) -> JobPage {
    JobPage { rows, next: None }
}

/// What is asked of the table for the tray, with its number.
fn asked(effects: &[Effect], wanted: WhichJobs) -> u64 {
    let number = effects.iter().find_map(|effect| match effect {
        Effect::Jobs(JobsCall::Read { of: JobsOf::Tray, asked, which, .. }) if *which == wanted => Some(*asked),
        _ => None,
    });
    number.unwrap_or_else(|| panic!("{effects:?}"))
}

fn answer(root: &mut Root, effects: &[Effect], which: WhichJobs, rows: Vec<Job>) {
    let asked = asked(effects, which);
    root.update(Msg::Jobs(JobsReply::Read { of: JobsOf::Tray, asked, which, page: Ok(page(rows)) }));
}

fn tray() -> Root {
    let mut root = inside();
    let running = ["an install", "answering", "an import"].map(|name| Running {
        name: name.into(),
        // Not yet, so that it is drawn the same however long that takes.
        since: std::time::Instant::now() + Duration::from_hours(1),
        is_job: true,
        step: if name == "answering" { String::new() } else { "40 %".into() },
    });
    root.update(Msg::Shell(ShellReply::Jobs(running.into())));
    let effects = press(&mut root, "f6");
    answer(&mut root, &effects, WhichJobs::Open, open());
    answer(&mut root, &effects, WhichJobs::Ended, ended());
    root
}

fn told(root: &mut Root, news: JobNews) -> Vec<Effect> {
    root.update(Msg::Event(Event::Job(news)))
}

fn each(effects: &[Effect]) -> Option<(JobAct, Vec<i64>)> {
    effects.iter().find_map(|effect| match effect {
        Effect::Jobs(JobsCall::Each { act, jobs }) => {
            Some((*act, jobs.iter().map(|(id, _)| i64::try_from(id.0.as_u128()).unwrap()).collect()))
        }
        _ => None,
    })
}

#[test]
fn the_tray_of_jobs() {
    assert_looks("jobs", tray());
}

#[test]
fn all_that_is_known_of_a_job() {
    let mut root = tray();
    root.update(Msg::Resize(80, 24));
    press(&mut root, "enter");
    assert_looks("job", root);
}

#[test]
fn the_next_try_is_told_by_its_hour_past_midnight_too() {
    let mut root = inside();
    let effects = press(&mut root, "f6");
    let mut again = job(6, Work::install("qwen3:8b"), JobState::Waiting);
    again.error = Some(Fault::new(FaultKind::Ollama, "The download stalled."));
    // Of the next day, at 6:04.
    again.next_at = Some(1_795_514_640_000 + 20 * 3_600_000);
    answer(&mut root, &effects, WhichJobs::Open, vec![again]);
    let drawn = draw(&root, 80, 24);
    assert!(drawn.contains("again at 06:04: The download"), "{drawn}");
}

#[test]
fn what_runs_stands_first_then_what_waits_then_what_has_ended() {
    let drawn = draw(&tray(), 120, 36);
    let names = ["llama3.2:3b", "qwen3:8b", "mistral:7b", "gemma3:4b", "qwem3:4b", "old:7b", "tiny:1b"]
        .map(|name| drawn.lines().position(|line| line.contains(name)).unwrap_or_else(|| panic!("{name} in\n{drawn}")));
    assert!(names.is_sorted(), "{names:?}");
    assert!(drawn.contains("answering"));
    assert!(!drawn.contains("an install "), "the table tells more of it");
}

#[test]
fn a_job_is_paused_resumed_and_tried_again_by_its_key() {
    let mut root = tray();
    assert_eq!(each(&press(&mut root, "p")), Some((JobAct::Pause, vec![7])));
    press(&mut root, "j");
    assert_eq!(each(&press(&mut root, "r")), Some((JobAct::Retry, vec![6])), "now and not at 10:04");
    press(&mut root, "j");
    press(&mut root, "j");
    assert_eq!(each(&press(&mut root, "p")), Some((JobAct::Resume, vec![5])));
    press(&mut root, "j");
    assert_eq!(each(&press(&mut root, "r")), Some((JobAct::Retry, vec![4])));
    assert_eq!(each(&press(&mut root, "p")), None, "what has failed cannot be paused");
}

#[test]
fn what_takes_the_passphrase_once_more_asks_for_it_and_is_tried_again_then() {
    let mut root = tray();
    let unconfirmed = vec![(JobId(uuid::Uuid::from_u128(4)), "everything".to_owned())];
    let reply = JobsReply::Each { act: JobAct::Retry, results: Vec::new(), unconfirmed };
    root.update(Msg::Jobs(reply));
    assert!(draw(&root, 80, 24).contains("Your passphrase, once more"), "{}", draw(&root, 80, 24));
    let effects = root.update(Msg::Auth(AuthReply::Confirmed(Ok(()))));
    assert_eq!(each(&effects), Some((JobAct::Retry, vec![4])), "{effects:?}");
}

#[test]
fn several_jobs_are_cancelled_after_one_question() {
    let mut root = tray();
    press(&mut root, " ");
    press(&mut root, " ");
    assert_eq!(each(&press(&mut root, "x")), None);
    assert!(draw(&root, 80, 24).contains("2 jobs are given up."));
    assert_eq!(each(&press(&mut root, "enter")), None, "leaving it is the first answer");
    press(&mut root, "x");
    assert_eq!(each(&press(&mut root, "2")), Some((JobAct::Cancel, vec![7, 6])));
}

#[test]
fn the_ended_ones_are_cleared_after_a_question() {
    let mut root = tray();
    root.update(Msg::Key(KeyEvent::new(KeyCode::Char('X'), KeyModifiers::SHIFT)));
    let effects = press(&mut root, "2");
    assert!(matches!(effects[..], [Effect::Jobs(JobsCall::Forget { of: JobsOf::Tray })]), "{effects:?}");
    let effects = root.update(Msg::Jobs(JobsReply::Forgot(Ok(3))));
    answer(&mut root, &effects, WhichJobs::Ended, Vec::new());
    assert!(!draw(&root, 80, 24).contains("old:7b"));
}

#[test]
fn the_cursor_stays_on_its_job_when_that_ends() {
    let mut root = tray();
    let mut done = job(7, Work::install("llama3.2:3b"), JobState::Done);
    done.outcome = Some("Installed, 2.0 GB.".into());
    told(&mut root, JobNews::Changed(Box::new(done)));
    assert_eq!(root.toasts[0].1.text, "Install llama3.2:3b: Installed, 2.0 GB.");
    root.toasts.clear();
    let drawn = draw(&root, 120, 36);
    let line = drawn.lines().find(|line| line.contains("› ")).unwrap();
    assert!(line.contains("llama3.2:3b"), "{drawn}");
    assert_eq!(each(&press(&mut root, "p")), None);
}

#[test]
fn a_job_that_fails_is_told_with_what_to_do_whatever_is_on_view() {
    let mut root = inside();
    let failed = ended().remove(0);
    told(&mut root, JobNews::Changed(Box::new(failed)));
    let (_, toast) = root.toasts.first().unwrap();
    assert_eq!(toast.text, "Install qwem3:4b: There is no model of that name.");
    assert_eq!(toast.hint.as_deref(), Some("Look for the exact name on ollama.com/library. F6 shows it."));
}

#[test]
fn progress_is_drawn_a_few_times_a_second_and_only_where_somebody_looks() {
    let progress = |done| JobNews::Progress {
        job: job(7, Work::install("x"), JobState::Running).id,
        progress: Box::new(crate::api::jobs::JobProgress { done, ..halfway() }),
    };
    let mut root = inside();
    root.take_dirty();
    assert!(told(&mut root, progress(1)).is_empty());
    assert!(!root.take_dirty(), "nobody looks");
    let mut root = tray();
    root.take_dirty();
    let effects = told(&mut root, progress(1_500_000_000));
    assert!(matches!(effects[..], [Effect::After(_, Timer::JobsMoved)]), "{effects:?}");
    assert!(told(&mut root, progress(1_700_000_000)).is_empty(), "one drawing for both");
    assert!(!root.take_dirty());
    root.update(Msg::Timer(Timer::JobsMoved));
    assert!(root.take_dirty());
    assert!(draw(&root, 120, 36).contains("84 %"));
    assert_eq!(told(&mut root, progress(1_800_000_000)).len(), 1, "and so on");
}

#[test]
fn what_another_window_changed_is_read_anew() {
    let mut root = tray();
    let effects = told(&mut root, JobNews::Elsewhere);
    answer(&mut root, &effects, WhichJobs::Open, Vec::new());
    assert!(!draw(&root, 80, 24).contains("mistral:7b"));
}

#[test]
fn what_another_window_did_in_the_vault_is_looked_at_while_the_tray_is_open() {
    let mut root = tray();
    let effects = root.update(Msg::Event(Event::Changed(crate::api::events::Changed::Everything)));
    answer(&mut root, &effects, WhichJobs::Open, vec![import(1, JobState::Running)]);
    assert!(draw(&root, 80, 24).contains("import chats.json"));
}

#[test]
fn older_jobs_come_page_by_page() {
    let mut root = inside();
    let effects = press(&mut root, "f6");
    let of = |from: i64, to: i64| -> Vec<Job> {
        (to..from).rev().map(|seq| job(seq, Work::install(format!("m{seq}")), JobState::Done)).collect()
    };
    answer(&mut root, &effects, WhichJobs::Open, Vec::new());
    let number = asked(&effects, WhichJobs::Ended);
    let first = JobPage { rows: of(100, 50), next: Some(50) };
    root.update(Msg::Jobs(JobsReply::Read {
        of: JobsOf::Tray,
        asked: number,
        which: WhichJobs::Ended,
        page: Ok(first),
    }));
    let effects = root.update(Msg::Key(KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT)));
    let Some(Effect::Jobs(JobsCall::Read { before: Some(50), .. })) = effects.first() else { panic!("{effects:?}") };
    answer(&mut root, &effects, WhichJobs::Ended, of(50, 1));
    root.update(Msg::Key(KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT)));
    assert!(draw(&root, 80, 24).contains("install m1 "));
}

fn import(seq: i64, state: JobState) -> Job {
    let file = std::path::PathBuf::from("/home/alice/chats.json");
    Job { by: None, ..job(seq, Work::Import { file, dry_run: false }, state) }
}

#[test]
fn members_see_their_own_jobs_and_nothing_of_the_machine_s() {
    let mut root = inside();
    root.cx.account.as_mut().unwrap().role = Role::User;
    let effects = press(&mut root, "f6");
    let of = |effect: &Effect| match effect {
        Effect::Jobs(JobsCall::Read { of, asked, which, .. }) => Some((*of, *asked, *which)),
        _ => None,
    };
    let asked: Vec<_> = effects.iter().filter_map(of).collect();
    assert!(asked.len() == 2 && asked.iter().all(|(of, ..)| *of == JobsOf::Own), "{effects:?}");
    for (of, asked, which) in asked {
        let rows = if which == WhichJobs::Open { vec![import(1, JobState::Running)] } else { Vec::new() };
        root.update(Msg::Jobs(JobsReply::Read { of, asked, which, page: Ok(page(rows)) }));
    }
    let drawn = draw(&root, 80, 24);
    assert!(drawn.contains("import chats.json") && drawn.contains("by you"), "{drawn}");
    assert_eq!(each(&press(&mut root, "p")), None, "an import is not paused");
    press(&mut root, "x");
    assert!(draw(&root, 80, 24).contains("importing again brings the rest"), "{}", draw(&root, 80, 24));
    assert_eq!(each(&press(&mut root, "2")), Some((JobAct::Cancel, vec![1])));
    told(&mut root, JobNews::Changed(Box::new(job(9, Work::install("secret:1b"), JobState::Running))));
    assert!(!draw(&root, 80, 24).contains("secret:1b"), "whatever is told");
    let effects = told(&mut root, JobNews::Elsewhere);
    let asks_for_own = |effect: &Effect| matches!(effect, Effect::Jobs(JobsCall::Read { of: JobsOf::Own, .. }));
    assert!(effects.len() == 2 && effects.iter().all(asks_for_own), "nothing that would be refused: {effects:?}");
}

#[test]
fn one_s_own_jobs_stand_among_the_machine_s_with_what_became_of_them() {
    let mut root = tray();
    let mut running = import(1, JobState::Running);
    running.progress = JobProgress { done: 40, of: Some(100), of_is_whole: true, ..JobProgress::default() };
    told(&mut root, JobNews::Changed(Box::new(running)));
    let drawn = draw(&root, 120, 36);
    let line = |what: &str| drawn.lines().position(|line| line.contains(what)).unwrap();
    assert!(line("↓ import chats.json") < line("↓ install llama3.2:3b"), "one's own first\n{drawn}");
    assert!(!drawn.contains("an import:"), "not twice");
    let mut broken = import(1, JobState::Interrupted);
    let why = Fault::new(FaultKind::Cancelled, "The program ended in the middle of it.");
    broken.error = Some(why.hint("What had come is kept. Try it again and the rest comes."));
    let effects = told(&mut root, JobNews::Changed(Box::new(broken)));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Toast(_))), "its own words tell of it: {effects:?}");
    assert_looks("own_jobs", root);
}

mod first_model {
    use super::*;
    use crate::{
        api::{
            fleet::Verdict,
            models::ModelList,
            recommend::{RecommendQuery, Recommendation, Recommended},
        },
        ui::msg::ChatReply,
    };

    /// Ollama is there and has no model; whether anything is recommended.
    fn nothing_installed_and(found: Result<Recommended, Fault>) -> Root {
        let mut root = inside();
        root.update(Msg::Shell(ShellReply::Health(Ok(health(reachable())))));
        let effects = root.update(Msg::Chat(ChatReply::Models(Ok(ModelList::default()))));
        assert!(effects.iter().any(|effect| matches!(effect, Effect::Jobs(JobsCall::First))), "{effects:?}");
        root.update(Msg::Jobs(JobsReply::First(found)));
        root
    }

    fn nothing_installed() -> Root {
        let row = |name: &str, billions: u64| Recommendation {
            model: name.to_owned(),
            reasons: vec![
                format!("{billions}B parameters."),
                "Fits into memory, without a GPU, and takes 4.3 GB.".to_owned(),
                "Made to talk with.".to_owned(),
                "Of 2025.".to_owned(),
            ],
            is_estimate: true,
            is_installed: false,
            bytes: Some(billions * 800_000_000),
            verdict: Verdict::Ram,
            speed: None,
            liked: 0,
            disliked: 0,
            points: 0.0,
        };
        let rows = vec![row("gemma3:12b", 12), row("qwen3:8b", 8), row("llama3.2:3b", 3)];
        let query = RecommendQuery { limit: 3, ..RecommendQuery::default() };
        nothing_installed_and(Ok(Recommended { query, rows, is_estimate: true }))
    }

    fn begun(effects: &[Effect]) -> Option<String> {
        effects.iter().find_map(|effect| match effect {
            Effect::Jobs(JobsCall::Begin(works)) => Some(works[0].to_string()),
            _ => None,
        })
    }

    #[test]
    fn three_that_fit_are_proposed() {
        assert_looks("first_model", nothing_installed());
    }

    #[test]
    fn where_nothing_is_recommended_small_ones_are_proposed_all_the_same() {
        let query = RecommendQuery { limit: 3, ..RecommendQuery::default() };
        let nothing = Recommended { query, rows: Vec::new(), is_estimate: true };
        for found in [Ok(nothing), Err(Fault::new(FaultKind::Timeout, "x"))] {
            let mut root = nothing_installed_and(found);
            let drawn = draw(&root, 80, 24);
            assert!(drawn.contains("run nearly anywhere") && drawn.contains("gemma3:1b"), "{drawn}");
            assert_eq!(begun(&press(&mut root, "f8")).as_deref(), Some("install llama3.2:3b"));
        }
    }

    #[test]
    fn one_key_installs_what_is_proposed_and_another_goes_to_the_next() {
        let mut root = nothing_installed();
        press(&mut root, "f3");
        assert_eq!(begun(&press(&mut root, "f8")).as_deref(), Some("install qwen3:8b"));
        assert_eq!(begun(&press(&mut root, "f8")), None, "once is enough");
    }

    #[test]
    fn how_far_it_is_stands_in_the_chat_until_it_is_there() {
        let mut root = nothing_installed();
        press(&mut root, "f8");
        let mut running = job(1, Work::install("gemma3:12b"), JobState::Running);
        told(&mut root, JobNews::Changed(Box::new(running.clone())));
        running.progress = halfway();
        let effects = told(&mut root, JobNews::Progress { job: running.id, progress: Box::new(halfway()) });
        assert_eq!(effects.len(), 1, "it is drawn in a moment");
        let drawn = draw(&root, 80, 24);
        assert!(drawn.contains("gemma3:12b is being installed.") && drawn.contains("50 %"), "{drawn}");
        let mut failed = job(1, Work::install("gemma3:12b"), JobState::Failed);
        failed.error = Some(Fault::new(FaultKind::DiskFull, "There is no room for it."));
        told(&mut root, JobNews::Changed(Box::new(failed)));
        // The notice of it stands over that line for a while.
        root.toasts.clear();
        assert!(draw(&root, 80, 24).contains("✗ There is no room for it."));
        assert_eq!(begun(&press(&mut root, "f8")).as_deref(), Some("install gemma3:12b"), "it is tried again");
        let effects = root.update(Msg::Event(Event::Changed(crate::api::events::Changed::Models)));
        assert!(effects.iter().any(|effect| matches!(effect, Effect::Chat(_))), "{effects:?}");
    }

    #[test]
    fn members_are_told_who_installs_one() {
        let mut root = inside();
        root.cx.account.as_mut().unwrap().role = Role::User;
        root.update(Msg::Shell(ShellReply::Health(Ok(health(reachable())))));
        let effects = root.update(Msg::Chat(ChatReply::Models(Ok(ModelList::default()))));
        assert!(!effects.iter().any(|effect| matches!(effect, Effect::Jobs(_))), "{effects:?}");
        assert!(draw(&root, 80, 24).contains("An administrator installs one."));
        assert_eq!(begun(&press(&mut root, "f8")), None);
    }
}
