//! The whole house in figures: what opens first, what Enter leads to, and how Escape leads back.

use jiff::{ToSpan, civil::Date};

use super::*;
use crate::{
    api::{
        health::{Check, Health, OllamaState, Part},
        insights::{Grain, Outcomes, Sheet, Spread},
        jobs::WorkKind,
        measures::UseFigures,
        reports::{
            Amounts, FailedAs, Failing, Failure, Grown, Here, Now, OfAccount, OfDays, OfError, OfModel, Over, Overview,
            Pace, Quality, Question, Report, Storage, Subject,
        },
    },
    ui::theme::Theme,
};

const NOW: i64 = 1_795_514_520_000;

fn amounts(answers: u64) -> Amounts {
    Amounts {
        sign_ins: Some(3),
        answers,
        failed: answers / 40,
        prompt_tokens: answers * 900,
        answer_tokens: answers * 310,
    }
}

fn spread(ms: u64) -> Spread {
    Spread { median_ms: ms, p90_ms: ms * 3, of: 10 }
}

fn day(at: i32) -> OfDays {
    let date = Date::constant(2026, 10, 26).saturating_add(at.days());
    let answers =
        if at % 7 > 4 { u64::from(at.unsigned_abs() % 3) } else { 40 + u64::from(at.unsigned_abs() * 37 % 90) };
    OfDays {
        first: date,
        last: date,
        accounts: Some(3 + answers / 12),
        amounts: amounts(answers),
        quality: Some(Quality {
            tokens_per_second: Some(38.0 + f64::from(at % 5)),
            first_token: Some(spread(420)),
            liked: 4,
            disliked: 1,
        }),
        bytes: Some(900_000_000 + u64::from(at.unsigned_abs()) * 11_000_000),
    }
}

fn account(n: u128, name: &str, answers: u64) -> OfAccount {
    OfAccount {
        id: id(n),
        name: name.into(),
        role: "user".into(),
        deleted: n == 4,
        active_days: 12,
        last_day: Some(Date::constant(2026, 11, 23)),
        amounts: amounts(answers),
        bytes: 400_000_000 - n as u64 * 60_000_000,
        grown: Some(Grown { bytes: 3_200_000 * n as i64 - 4_000_000, since: Date::constant(2026, 10, 26) }),
    }
}

fn model(name: &str, done: u64) -> OfModel {
    OfModel {
        model: name.into(),
        people: Some(3),
        figures: UseFigures {
            answers: Outcomes { done, failed: done / 50, ..Outcomes::default() },
            prompt_tokens: done * 900,
            answer_tokens: done * 300,
            first_token: Some(spread(380)),
            tokens_per_second: Some(41.2),
            liked: 9,
            disliked: 1,
            ..UseFigures::default()
        },
    }
}

fn report(question: Question) -> Report {
    let stretches: Vec<OfDays> = (0..30).map(day).collect();
    let total = OfDays { first: stretches[0].first, last: stretches[29].last, amounts: amounts(1834), ..day(29) };
    Report {
        question,
        first: total.first,
        last: total.last,
        grain: Grain::Day,
        errors: vec![
            OfError {
                failed_as: FailedAs::Answer,
                kind: FaultKind::Upstream,
                count: 31,
                accounts: 4,
                last_day: Date::constant(2026, 11, 20),
                stretches: (0..30).map(|at| if (20..24).contains(&at) { at - 15 } else { 0 }).collect(),
            },
            OfError {
                failed_as: FailedAs::Question,
                kind: FaultKind::Slow,
                count: 9,
                accounts: 1,
                last_day: Date::constant(2026, 11, 21),
                stretches: (0..30).map(|at| u64::from(at == 25) * 9).collect(),
            },
            OfError {
                failed_as: FailedAs::Answer,
                kind: FaultKind::Overflow,
                count: 6,
                accounts: 2,
                last_day: Date::constant(2026, 11, 2),
                stretches: (0..30).map(|at| u64::from(at == 7) * 6).collect(),
            },
        ],
        total,
        stretches,
        accounts: vec![
            account(1, "bob", 900),
            account(2, "carol", 610),
            account(3, "a-very-long-name-of-somebody-who-likes-that", 320),
            account(4, "dan", 4),
        ],
        models: vec![
            model("llama3.2:3b", 1200),
            model("qwen3:8b", 600),
            model("hf.co/unsloth/some-model-GGUF:Q4_K_M", 34),
        ],
        untold_models: 0,
        storage: Storage {
            bytes: 1_219_000_000,
            grown: Some(Grown { bytes: 319_000_000, since: Date::constant(2026, 10, 26) }),
            free: Some(81_000_000_000),
            disk: Some(240_000_000_000),
        },
        left_out: 0,
        as_of: NOW,
    }
}

fn overview(question: Question) -> Overview {
    let here = |name: &str| Here { name: name.into(), sessions: 1, since: NOW - 60_000 };
    let pace = |speed, answers| Pace { answers, tokens_per_second: Some(speed), first_token: Some(spread(420)) };
    let failure = |what, count, last_at| Failure { what, count, last_at };
    let trail = |action: &str, result: &str| Failing::Trail { action: action.into(), result: result.into() };
    Overview {
        now: Now {
            here: ["alice", "bob", "carol"].map(here).to_vec(),
            answers_running: 2,
            jobs_running: 1,
            jobs_waiting: 3,
            today: pace(41.2, 61),
            week: pace(39.8, 512),
            jobs_failed: 2,
            failed: vec![
                failure(Failing::Answer(FaultKind::Upstream), 31, None),
                failure(Failing::Question(FaultKind::Slow), 9, None),
                failure(trail("auth.sign_in", "wrong"), 4, Some(NOW - 3_600_000)),
                failure(Failing::Job(WorkKind::Install), 2, Some(NOW - 86_400_000)),
            ],
        },
        report: report(question),
    }
}

fn health() -> Health {
    Health {
        ollama: OllamaState::Reachable { version: "0.35.1".into(), latency_ms: 2 },
        ollama_url: "http://127.0.0.1:11434".into(),
        ollama_warning: None,
        breakers: Vec::new(),
        checks: Part::ALL.map(|part| Check::good(part, "fine")).into(),
        checked_at: NOW,
    }
}

/// With the overview read.
fn desk() -> Desk {
    let mut desk = Desk::new();
    desk.cx.health = Some(health());
    let effects = desk.press(KeyCode::Char('1'));
    answer(&mut desk, &effects);
    desk
}

/// The question that was asked.
fn asked(effects: &[Effect]) -> Option<(u64, Question)> {
    effects.iter().find_map(|effect| match effect {
        Effect::Admin(AdminCall::Overview(OverviewCall::Read { asked, question })) => Some((*asked, question.clone())),
        _ => None,
    })
}

fn answer(desk: &mut Desk, effects: &[Effect]) -> Question {
    let (asked, question) = asked(effects).unwrap_or_else(|| panic!("{effects:?}"));
    let shown = Ok(Box::new(overview(question.clone())));
    desk.reply(AdminReply::Overview(OverviewReply::Read { asked, shown }));
    question
}

fn looks(name: &str, desk: &mut Desk) {
    for (width, height) in [(80, 24), (120, 36)] {
        desk.cx.size = (width, height);
        // The bar and the last line of the window stand around it.
        insta::assert_snapshot!(format!("{name}-{width}x{height}"), desk.draw(width, height - 2));
    }
}

#[test]
fn it_looks_like_this() {
    let mut desk = desk();
    looks("overview", &mut desk);
    for name in ["accounts", "models", "errors", "storage", "week"] {
        desk.press(KeyCode::Tab);
        looks(&format!("overview-{name}"), &mut desk);
    }
    desk.press(KeyCode::Tab);
    desk.cx.theme = Theme::plain();
    looks("overview-plain", &mut desk);
    desk.screen.overview = crate::ui::screens::admin::overview::Overview::default();
    let effects = desk.screen.open();
    let (asked, _) = asked(&effects).unwrap();
    let refused = Fault::new(FaultKind::Denied, "Your role may not see audit and reports.");
    desk.reply(AdminReply::Overview(OverviewReply::Read { asked, shown: Err(refused) }));
    looks("overview-refused", &mut desk);
}

#[test]
fn enter_leads_to_an_accounts_days_and_escape_back_to_the_same_row() {
    let mut desk = desk();
    desk.press(KeyCode::Tab);
    desk.press(KeyCode::Char('j'));
    let effects = desk.enter();
    let question = answer(&mut desk, &effects);
    assert_eq!(question, Question { account: Some("carol".into()), ..Question::default() });
    let screen = desk.draw(80, 22);
    assert!(screen.contains("account carol") && screen.contains("‹Over time›"), "{screen}");
    assert!(!screen.contains("signed in"), "of this moment nothing is told twice");
    let effects = desk.press(KeyCode::Esc);
    assert_eq!(answer(&mut desk, &effects), Question::default());
    let screen = desk.draw(80, 22);
    assert!(screen.contains("‹Accounts›") && screen.contains("> carol"), "{screen}");
}

#[test]
fn enter_leads_to_a_model_to_a_kind_of_error_and_to_the_jobs() {
    let mut desk = desk();
    for _ in 0..2 {
        desk.press(KeyCode::Tab);
    }
    let effects = desk.enter();
    let question = answer(&mut desk, &effects);
    assert_eq!(question.model.as_deref(), Some("llama3.2:3b"));
    let effects = desk.press(KeyCode::Esc);
    answer(&mut desk, &effects);

    desk.press(KeyCode::Tab);
    assert!(asked(&desk.enter()).is_none(), "the days are there already");
    let screen = desk.draw(80, 22);
    assert!(screen.contains("Ollama not reached: 0") && screen.contains("each column a day"), "{screen}");
    for _ in 0..7 {
        desk.press(KeyCode::Char('h'));
    }
    assert!(desk.draw(80, 22).contains("Ollama not reached: 7"), "{}", desk.draw(80, 22));
    desk.press(KeyCode::Esc);
    assert!(desk.draw(80, 22).contains("> Ollama not reached"));

    desk.press(KeyCode::Tab);
    desk.press(KeyCode::Tab);
    desk.press(KeyCode::Char('G'));
    let effects = desk.enter();
    let acts: Vec<Action> = effects
        .iter()
        .filter_map(|effect| if let Effect::Act(action) = effect { Some(*action) } else { None })
        .collect();
    assert_eq!(acts, [Action::ScreenModels, Action::ModelsDownloads]);
}

#[test]
fn a_column_leads_to_its_days_and_then_to_who_was_there() {
    let mut desk = desk();
    let effects = desk.press(KeyCode::Char('p'));
    assert_eq!(answer(&mut desk, &effects).over, Over::Year);
    let effects = desk.press(KeyCode::Char('w'));
    assert_eq!(answer(&mut desk, &effects).by, Some(Grain::Day));
    let effects = desk.enter();
    let question = answer(&mut desk, &effects);
    let last = Date::constant(2026, 11, 24);
    assert_eq!(question.over, Over::Between(Some(last), Some(last)));
    assert!(desk.draw(80, 22).contains("‹Accounts›"));
    let effects = desk.press(KeyCode::Esc);
    assert_eq!(answer(&mut desk, &effects).over, Over::Year);
}

#[test]
fn what_is_on_view_goes_to_a_file_and_the_form_stays_until_it_is_there() {
    let mut desk = desk();
    desk.press(KeyCode::Tab);
    desk.press(KeyCode::Char('x'));
    assert!(desk.draw(80, 22).contains("~/ollamanet-accounts-2026-11-24.csv"), "{}", desk.draw(80, 22));
    desk.overwrite("~/figures.txt");
    assert!(desk.enter().is_empty() && desk.draw(80, 22).contains("neither in .csv nor in .json"));
    desk.overwrite("~/figures.json");
    let effects = desk.enter();
    let [Effect::Admin(AdminCall::Overview(call))] = &effects[..] else { panic!("{effects:?}") };
    let wanted = OverviewCall::Export {
        question: Question::default(),
        of: Subject::Accounts,
        what: Sheet::Json,
        path: "~/figures.json".into(),
    };
    assert_eq!(*call, wanted);
    let taken = Fault::new(FaultKind::Conflict, "/home/alice/figures.json is there already.");
    let exported = |done| AdminReply::Overview(OverviewReply::Exported { call: wanted.clone(), done });
    desk.reply(exported(Err(taken)));
    assert!(desk.draw(80, 22).contains("is there already"));
    let effects = desk.reply(exported(Ok("/home/alice/figures.json".into())));
    assert!(toasts(&effects).iter().any(|toast| toast.contains("/home/alice/figures.json")));
    assert!(!desk.screen.holds());
}

#[test]
fn days_and_names_are_chosen_in_a_form_that_knows_what_is_not_told() {
    let mut desk = desk();
    desk.press(KeyCode::Char('/'));
    desk.overwrite("2026-13-01");
    for _ in 0..5 {
        desk.enter();
    }
    assert!(desk.draw(80, 22).contains("That is no day"), "{}", desk.draw(80, 22));
    desk.overwrite("2026-11-01");
    for text in ["", "carol", "", "llama3.2:3b"] {
        desk.enter();
        desk.overwrite(text);
    }
    desk.enter();
    assert!(desk.draw(80, 22).contains("With an account neither a role nor a model is told"), "{}", desk.draw(80, 22));
    desk.overwrite("");
    for _ in 0..2 {
        desk.enter();
    }
    let effects = desk.enter();
    let (_, question) = asked(&effects).unwrap_or_else(|| panic!("{effects:?}"));
    assert_eq!(question.over, Over::Between(Some(Date::constant(2026, 11, 1)), None));
    assert_eq!((question.account, question.model.as_deref()), (None, Some("llama3.2:3b")));
}

#[test]
fn a_late_answer_changes_nothing() {
    let mut desk = desk();
    let first = desk.press(KeyCode::Char('p'));
    let second = desk.press(KeyCode::Char('p'));
    answer(&mut desk, &second);
    let before = desk.draw(80, 22);
    let (asked, question) = asked(&first).unwrap();
    let mut late = overview(question);
    late.now.here.clear();
    desk.reply(AdminReply::Overview(OverviewReply::Read { asked, shown: Ok(Box::new(late)) }));
    assert_eq!(desk.draw(80, 22), before);
}

#[test]
fn a_click_opens_a_page_or_chooses_a_measure() {
    let mut desk = desk();
    super::clicks::click(&mut desk, "Models");
    assert!(desk.draw(80, 24).contains("‹Models›"), "{}", desk.draw(80, 24));
    super::clicks::click(&mut desk, "Over time");
    super::clicks::click(&mut desk, "  failed ");
    assert!(desk.draw(80, 24).contains("> failed"), "{}", desk.draw(80, 24));
}
