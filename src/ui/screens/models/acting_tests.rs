//! What is asked, tried and begun before models; the tabs of jobs and of the monitor.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::{Terminal, backend::TestBackend};

use super::{monitor::MonitorTab, work::Work, *};
use crate::{
    api::{
        Fault, FaultKind,
        fleet::{CacheFigures, CacheKind, Verdict},
        health::{BreakerState, OllamaState},
        jobs::{
            self, AnswersUnderWay, BatchItem, Download, JobPage, JobState, ModelfileSummary, Room, Start, WhichJobs,
        },
        models::{Loaded, Model, ModelList},
    },
    ui::{
        msg::{JobsCall, Monitored, Offer, ShellCall},
        testing::{halfway, health, job, toasts},
    },
};

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 36), (40, 12)];

/// The dialogs with their surroundings, typed at as the root does it.
struct Desk {
    work: Work,
    cx: Cx,
}

fn installed(name: &str, bytes: u64) -> Target {
    Target { name: name.into(), bytes: Some(bytes), is_installed: true, ..Target::default() }
}

fn known(name: &str, bytes: u64, verdict: Verdict) -> Offer {
    Offer {
        name: name.into(),
        family: name.split(':').next().unwrap().into(),
        is_known: true,
        bytes: Some(bytes),
        verdict,
        because: "It needs 46.0 GB and this machine has 16.0 GB.".into(),
        ..Offer::default()
    }
}

impl Desk {
    fn begun(action: Action, targets: Vec<Target>) -> (Self, Vec<Effect>) {
        let mut desk = Self { work: Work::default(), cx: Cx::fixed() };
        let effects = desk.work.begin(action, targets, &desk.cx);
        (desk, effects)
    }

    fn press(&mut self, key: impl Into<KeyEvent>) -> Vec<Effect> {
        let key = key.into();
        let action = self.cx.keymap.resolve(self.work.context(), key);
        action
            .and_then(|action| self.work.on_action(action, &self.cx))
            .or_else(|| self.work.on_key(key, &self.cx))
            .unwrap_or_default()
    }

    fn write(&mut self, text: &str) -> Vec<Effect> {
        text.chars().flat_map(|c| self.press(KeyCode::Char(c))).collect()
    }

    fn offers(&mut self, effects: &[Effect], offers: Vec<Offer>) {
        let asked = effects.iter().rev().find_map(|effect| match effect {
            Effect::Jobs(JobsCall::Offers { asked, .. }) => Some(*asked),
            _ => None,
        });
        self.work.on_reply(JobsReply::Offers { asked: asked.unwrap(), offers });
    }

    fn draw(&self, (width, height): (u16, u16)) -> String {
        draw((width, height), |frame| self.work.view(frame, frame.area(), &self.cx))
    }

    fn looks(&mut self, name: &str) {
        for size in SIZES {
            self.cx.size = size;
            insta::assert_snapshot!(format!("{name}-{}x{}", size.0, size.1), self.draw(size));
        }
    }
}

fn draw((width, height): (u16, u16), view: impl FnOnce(&mut Frame)) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(view).unwrap();
    let text = terminal.backend().to_string();
    text.lines().map(|line| line.trim_matches('"').trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

fn works(effects: &[Effect]) -> Vec<String> {
    let works = effects.iter().find_map(|effect| match effect {
        Effect::Jobs(JobsCall::Begin(works)) => Some(works),
        _ => None,
    });
    works.map(|works| works.iter().map(ToString::to_string).collect()).unwrap_or_default()
}

fn tried(effects: &[Effect]) -> Option<(u64, Vec<jobs::Work>)> {
    effects.iter().find_map(|effect| match effect {
        Effect::Jobs(JobsCall::Try { asked, works }) => Some((*asked, works.clone())),
        _ => None,
    })
}

fn refused() -> Fault {
    Fault::invalid("A name has at most 80 letters.").hint("Correct it.")
}

/// The dry run of these: the last of them cannot be.
fn dry(works: Vec<jobs::Work>) -> Vec<BatchItem> {
    let last = works.len() - 1;
    let start = |at| if at == last { Start::Refused(refused()) } else { Start::Would("would be installed".into()) };
    works.into_iter().enumerate().map(|(at, work)| BatchItem { work, start: start(at) }).collect()
}

fn several() -> (Desk, Vec<Effect>) {
    let (mut desk, _) = Desk::begun(Action::FleetInstall, Vec::new());
    desk.write("llama3.2:3b qwen3:8b, ..bad");
    let effects = desk.press(KeyCode::Enter);
    (desk, effects)
}

#[test]
fn several_are_tried_dry_and_only_those_that_can_be_are_begun() {
    let (mut desk, effects) = several();
    let (asked, tried) = tried(&effects).unwrap();
    assert_eq!(tried.len(), 3);
    desk.work.on_reply(JobsReply::Tried { asked, items: Ok(dry(tried)) });
    desk.looks("dry-run");
    let begun = desk.press(KeyCode::Enter);
    assert_eq!(works(&begun), ["install llama3.2:3b", "install qwen3:8b"]);
    let items = ["llama3.2:3b", "qwen3:8b"].map(|name| BatchItem {
        work: jobs::Work::install(name),
        start: Start::Begun(Box::new(job(1, jobs::Work::install(name), JobState::Waiting))),
    });
    desk.work.on_reply(JobsReply::Begun(Ok(items.into())));
    let drawn = desk.draw((80, 24));
    assert!(drawn.contains("2 are in line, 1 are not."), "what was refused stays to be read:\n{drawn}");
    desk.press(KeyCode::Enter);
    assert!(!desk.work.is_open());
}

#[test]
fn one_alone_is_begun_at_once_and_a_refusal_keeps_what_was_typed() {
    let (mut desk, _) = Desk::begun(Action::FleetInstall, Vec::new());
    desk.write("lama3");
    assert_eq!(works(&desk.press(KeyCode::Enter)), ["install lama3"]);
    let items = vec![BatchItem { work: jobs::Work::install("lama3"), start: Start::Refused(refused()) }];
    assert!(desk.work.on_reply(JobsReply::Begun(Ok(items))).is_empty());
    let drawn = desk.draw((80, 24));
    assert!(drawn.contains("A name has at most 80 letters.") && drawn.contains("lama3"), "{drawn}");
}

#[test]
fn another_registry_and_the_way_in_the_clear_are_each_agreed_to() {
    let (mut desk, _) = Desk::begun(Action::FleetInstall, Vec::new());
    desk.write("hf.co/some/model:Q4_K_M");
    desk.press(KeyCode::Tab);
    desk.press(KeyCode::Char(' '));
    let effects = desk.press(KeyCode::Enter);
    assert!(works(&effects).is_empty(), "nothing is begun before both are answered");
    assert!(desk.draw((80, 24)).contains("comes from hf.co"));
    assert!(works(&desk.press(KeyCode::Char('2'))).is_empty());
    assert!(desk.draw((80, 24)).contains("in the clear"));
    let effects = desk.press(KeyCode::Char('2'));
    let Some(Effect::Jobs(JobsCall::Begin(begun))) = effects.first() else { panic!("{effects:?}") };
    let wanted = Download { model: "hf.co/some/model:Q4_K_M".into(), foreign: true, insecure: true, bytes: None };
    assert_eq!(*begun, [jobs::Work::Install(wanted)]);
}

#[test]
fn no_registry_is_trusted_by_enter_alone() {
    let (mut desk, _) = Desk::begun(Action::FleetInstall, Vec::new());
    desk.write("hf.co/some/model");
    desk.press(KeyCode::Enter);
    assert!(works(&desk.press(KeyCode::Enter)).is_empty());
    assert!(desk.work.is_open(), "the name is still there");
    assert!(desk.draw((80, 24)).contains("hf.co/some/model"));
}

#[test]
fn two_are_removed_in_one_go_after_a_question_that_names_them_and_what_is_kept() {
    let loaded = Target { is_loaded: true, ..installed("llama3.2:3b", 2_000_000_000) };
    let (mut desk, effects) =
        Desk::begun(Action::FleetRemove, vec![loaded, installed("qwen3:8b", 5_200_000_000), Target::default()]);
    assert!(effects.is_empty());
    desk.looks("remove");
    assert!(works(&desk.press(KeyCode::Enter)).is_empty(), "leaving them is the first answer");
    assert!(!desk.work.is_open());
    let targets = vec![installed("llama3.2:3b", 2_000_000_000), installed("qwen3:8b", 5_200_000_000)];
    let (mut desk, _) = Desk::begun(Action::FleetRemove, targets);
    assert_eq!(works(&desk.press(KeyCode::Char('2'))), ["remove llama3.2:3b", "remove qwen3:8b"]);
    let begun = Start::Begun(Box::new(job(1, jobs::Work::install("x"), JobState::Waiting)));
    let items = vec![
        BatchItem { work: jobs::Work::remove("llama3.2:3b"), start: begun },
        BatchItem { work: jobs::Work::remove("qwen3:8b"), start: Start::Refused(refused()) },
    ];
    desk.work.on_reply(JobsReply::Begun(Ok(items)));
    assert!(desk.draw((80, 24)).contains("1 are in line, 1 are not."), "one that fails does not stop the other");
}

#[test]
fn what_was_written_on_a_model_goes_with_it_only_where_that_is_chosen() {
    for (key, forgets) in [('2', false), ('3', true)] {
        let (mut desk, _) = Desk::begun(Action::FleetRemove, vec![installed("a", 1), installed("b", 1)]);
        let effects = desk.press(KeyCode::Char(key));
        let [Effect::Jobs(JobsCall::Begin(begun))] = &effects[..] else { panic!("{effects:?}") };
        let forgotten = |work: &jobs::Work| matches!(work, jobs::Work::Remove { forget, .. } if *forget == forgets);
        assert!(begun.len() == 2 && begun.iter().all(forgotten), "{begun:?}");
    }
    // By the arrows as well, round and round.
    let (mut desk, _) = Desk::begun(Action::FleetRemove, vec![installed("a", 1)]);
    desk.press(KeyCode::Up);
    let effects = desk.press(KeyCode::Enter);
    let [Effect::Jobs(JobsCall::Begin(begun))] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(*begun, [jobs::Work::Remove { model: "a".into(), forget: true }]);
}

#[test]
fn a_model_leaves_this_machine_only_after_a_question() {
    let (mut desk, effects) = Desk::begun(Action::FleetPush, vec![installed("me/mine:1b", 1)]);
    assert!(works(&effects).is_empty());
    let drawn = desk.draw((80, 24));
    assert!(drawn.contains("me/mine:1b is uploaded to Ollama's own library"), "{drawn}");
    assert_eq!(works(&desk.press(KeyCode::Char('2'))), ["push me/mine:1b"]);
    // From the menu for several it is tried dry first, and asked then.
    let (mut desk, _) = Desk::begun(Action::FleetBatch, vec![installed("me/a", 1), installed("me/b", 1)]);
    let effects = [KeyCode::Char('u'), KeyCode::Char('p'), KeyCode::Char('l'), KeyCode::Enter]
        .map(|key| desk.press(key))
        .into_iter()
        .flatten()
        .collect::<Vec<_>>();
    let (asked, tried) = tried(&effects).unwrap();
    assert_eq!(tried.len(), 2);
    let would = |work| BatchItem { work, start: Start::Would("would be uploaded".into()) };
    desk.work.on_reply(JobsReply::Tried { asked, items: Ok(tried.into_iter().map(would).collect()) });
    assert!(works(&desk.press(KeyCode::Enter)).is_empty(), "nothing goes before the answer");
    assert_eq!(works(&desk.press(KeyCode::Char('2'))).len(), 2);
}

#[test]
fn what_is_not_installed_cannot_be_removed() {
    let (desk, effects) = Desk::begun(Action::FleetRemove, vec![Target { name: "x".into(), ..Target::default() }]);
    assert!(!desk.work.is_open());
    assert_eq!(toasts(&effects).len(), 1);
}

#[test]
fn a_model_is_copied_and_renamed_by_a_form() {
    let (mut desk, _) = Desk::begun(Action::FleetRename, vec![installed("old:1b", 1)]);
    desk.press(KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL));
    desk.write("new:1b");
    assert_eq!(works(&desk.press(KeyCode::Enter)), ["rename old:1b to new:1b"]);
    desk.work.on_reply(JobsReply::Begun(Err(refused())));
    assert!(desk.draw((80, 24)).contains("Correct it."));
    let (desk, effects) = Desk::begun(Action::FleetCopy, vec![installed("a", 1), installed("b", 1)]);
    assert!(!desk.work.is_open());
    assert_eq!(toasts(&effects), ["One model at a time gets another name."]);
}

#[test]
fn keeping_in_memory_is_for_good() {
    let (_, effects) = Desk::begun(Action::FleetKeep, vec![installed("a", 1)]);
    let [Effect::Jobs(JobsCall::Begin(begun))] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(*begun, [jobs::Work::Load { model: "a".into(), keep: Some("-1".into()) }]);
}

#[test]
fn what_does_not_fit_is_loaded_only_after_a_question() {
    let because = "It needs 46.0 GB and this machine has 16.0 GB.";
    let big = Target { too_big_because: Some(because.into()), ..installed("llama3.3:70b", 43_000_000_000) };
    let (mut desk, effects) = Desk::begun(Action::FleetLoad, vec![big]);
    assert!(works(&effects).is_empty());
    assert!(desk.draw((80, 24)).contains("It needs 46.0 GB"));
    assert_eq!(works(&desk.press(KeyCode::Char('2'))), ["load llama3.3:70b"]);
    let (_, effects) = Desk::begun(Action::FleetLoad, vec![installed("llama3.2:3b", 2_000_000_000)]);
    assert_eq!(works(&effects), ["load llama3.2:3b"], "what fits is not asked about");
}

#[test]
fn a_tag_of_the_family_is_taken_from_the_list() {
    let (mut desk, _) = Desk::begun(Action::FleetInstall, Vec::new());
    let effects = desk.write("qwen3:8b llama3.2");
    let mut offer = known("llama3.2", 2_000_000_000, Verdict::Ram);
    offer.variants = vec![
        ("llama3.2:1b".into(), Some(1_300_000_000), Verdict::Ram),
        ("llama3.2:3b".into(), Some(2_000_000_000), Verdict::Ram),
    ];
    desk.offers(&effects, vec![known("qwen3:8b", 5_200_000_000, Verdict::Ram), offer]);
    desk.press(KeyCode::Tab);
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Enter);
    let effects = desk.press(KeyCode::Enter);
    let (_, tried) = tried(&effects).unwrap();
    assert_eq!(tried, [jobs::Work::install("qwen3:8b"), jobs::Work::install("llama3.2:3b")]);
}

#[test]
fn what_is_typed_stands_with_its_size_its_fit_and_the_room_there_is() {
    let (mut desk, _) = Desk::begun(Action::FleetInstall, Vec::new());
    let effects = desk.write("llama3.3:70b qwem3 hf.co/some/model llama3.2:3b");
    let mut tagged = known("llama3.2:3b", 2_000_000_000, Verdict::Gpu);
    tagged.variants = vec![
        ("llama3.2:1b".into(), Some(1_300_000_000), Verdict::Gpu),
        ("llama3.2:3b".into(), Some(2_000_000_000), Verdict::Gpu),
    ];
    let near = Offer { name: "qwem3".into(), near: vec!["qwen3".into(), "qwen".into()], ..Offer::default() };
    let foreign = Offer { name: "hf.co/some/model".into(), ..Offer::default() };
    desk.offers(&effects, vec![known("llama3.3:70b", 43_000_000_000, Verdict::TooBig), near, foreign, tagged]);
    let room = Room { directory: Some("/usr/share/ollama".into()), free: Some(20_000_000_000), ..Room::default() };
    desk.work.on_reply(JobsReply::Room(Ok(room)));
    desk.looks("install");
}

#[test]
fn the_exact_size_is_asked_of_the_registry_only_on_request_and_goes_with_the_work() {
    let (mut desk, _) = Desk::begun(Action::FleetInstall, Vec::new());
    let effects = desk.write("llama3.2:3b");
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Jobs(JobsCall::Size { .. }))));
    let effects = desk.press(KeyCode::F(5));
    assert!(matches!(effects[..], [Effect::Jobs(JobsCall::Size { .. })]), "{effects:?}");
    let size = jobs::DownloadSize { bytes: 2_019_393_189, ..jobs::DownloadSize::default() };
    desk.work.on_reply(JobsReply::Size { asked: 0, sizes: vec![("llama3.2:3b".into(), Ok(size))] });
    let effects = desk.press(KeyCode::Enter);
    let Some(Effect::Jobs(JobsCall::Begin(begun))) = effects.first() else { panic!("{effects:?}") };
    assert!(matches!(&begun[0], jobs::Work::Install(download) if download.bytes == Some(2_019_393_189)));
}

fn modelfile() -> Desk {
    let (mut desk, effects) = Desk::begun(Action::FleetModelfile, vec![installed("llama3.2:3b", 1)]);
    assert!(
        matches!(&effects[..], [Effect::Jobs(JobsCall::Check { text, .. })] if text.starts_with("FROM llama3.2:3b"))
    );
    desk.write("reviewer");
    desk
}

#[test]
fn a_mistake_in_a_modelfile_stands_beside_the_text_with_its_line() {
    let mut desk = modelfile();
    desk.press(KeyCode::Tab);
    desk.press(KeyCode::Tab);
    let effects = desk.write("x");
    let Some(Effect::Jobs(JobsCall::Check { asked, .. })) = effects.last() else { panic!("{effects:?}") };
    let fault = Fault::invalid("Line 2 of the Modelfile: there is no parameter “temprature”.");
    let read = Err(fault.hint("Is temperature meant?"));
    desk.work.on_reply(JobsReply::Checked { asked: *asked, read });
    desk.looks("modelfile");
}

#[test]
fn a_modelfile_is_sent_with_its_name_or_asks_for_one() {
    let save = || KeyEvent::new(KeyCode::Char('s'), KeyModifiers::CONTROL);
    let (mut desk, _) = Desk::begun(Action::FleetModelfile, Vec::new());
    assert!(desk.press(save()).is_empty());
    assert!(desk.draw((80, 24)).contains("The new model has no name."));
    let mut desk = modelfile();
    desk.work.on_edited("FROM a\nSYSTEM b\n");
    let effects = desk.press(save());
    let Some(Effect::Jobs(JobsCall::Begin(begun))) = effects.first() else { panic!("{effects:?}") };
    assert!(
        matches!(&begun[0], jobs::Work::Create(new) if new.model == "reviewer" && new.modelfile.starts_with("FROM a"))
    );
    desk.work.on_reply(JobsReply::Begun(Err(refused())));
    assert!(desk.draw((80, 24)).contains("SYSTEM b"), "what was typed stays");
}

#[test]
fn a_modelfile_goes_to_the_editor_and_is_not_lost_to_one_escape() {
    let mut desk = modelfile();
    desk.press(KeyCode::Tab);
    desk.press(KeyCode::Tab);
    let effects = desk.press(KeyEvent::new(KeyCode::Char('g'), KeyModifiers::CONTROL));
    assert!(matches!(&effects[..], [Effect::Shell(ShellCall::Edit(text))] if text.starts_with("FROM")), "{effects:?}");
    let read = ModelfileSummary { from: "a".into(), parameters: vec!["seed".into()], ..ModelfileSummary::default() };
    desk.work.on_edited("FROM a\nPARAMETER seed 1\n");
    desk.work.on_reply(JobsReply::Checked { asked: 2, read: Ok(read) });
    assert!(desk.draw((120, 36)).contains("Sets seed."));
    desk.press(KeyCode::Esc);
    assert!(desk.work.is_open());
    desk.press(KeyCode::Esc);
    assert!(!desk.work.is_open());
}

#[test]
fn a_list_in_a_file_is_shown_dry_first() {
    let (mut desk, _) = Desk::begun(Action::FleetFromFile, Vec::new());
    let effects = desk.press(KeyCode::Enter);
    assert!(matches!(&effects[..], [Effect::Jobs(JobsCall::ReadList(path))] if path.ends_with("models.toml")));
    let read = vec![jobs::Work::install("a"), jobs::Work::Unload { model: "c".into() }];
    let effects = desk.work.on_reply(JobsReply::List(Ok(read.clone())));
    assert_eq!(tried(&effects).map(|(_, works)| works), Some(read));
}

#[test]
fn one_thing_is_done_to_all_that_are_marked_after_a_dry_run() {
    let targets = vec![installed("a", 1_000_000_000), installed("b", 2_000_000_000)];
    let (mut desk, _) = Desk::begun(Action::FleetBatch, targets);
    desk.write("remove");
    let effects = desk.press(KeyCode::Enter);
    let (asked, tried) = tried(&effects).unwrap();
    let items = tried.into_iter().map(|work| BatchItem { work, start: Start::Would("would be removed".into()) });
    desk.work.on_reply(JobsReply::Tried { asked, items: Ok(items.collect()) });
    assert!(works(&desk.press(KeyCode::Enter)).is_empty(), "removing asks all the same");
    assert!(desk.draw((80, 24)).contains("3.0 GB"));
    assert_eq!(works(&desk.press(KeyCode::Char('2'))), ["remove a", "remove b"]);
}

fn monitor() -> (MonitorTab, Cx) {
    let mut cx = Cx::fixed();
    let mut report = health(OllamaState::Reachable { version: "0.34.1".into(), latency_ms: 3 });
    report.ollama_warning = Some("Ollama 0.34.1 has known security holes: update it to 0.35.0 or later.".into());
    report.checked_at = cx.now_ms - 12_000;
    report.breakers =
        vec![("chat".into(), BreakerState::Closed), ("manage".into(), BreakerState::Open { retry_in_ms: 12_000 })];
    cx.health = Some(report);
    cx.lane.running = 1;
    cx.lane.waiting = vec![0, 1];
    let model = |name: &str, loaded| Model {
        name: name.into(),
        bytes: 2_000_000_000,
        digest: "0".repeat(64),
        family: "llama".into(),
        parameters: "3B".into(),
        quantization: "Q4_K_M".into(),
        context_length: None,
        capabilities: Vec::new(),
        modified_at: "2026-11-24T10:00:00Z".into(),
        loaded,
        remote: false,
    };
    let loaded = |bytes, gpu_bytes, expires_at: &str| {
        Some(Loaded { bytes, gpu_bytes, context_length: Some(8192), expires_at: expires_at.into() })
    };
    let models = vec![
        model("llama3.2:3b", loaded(2_800_000_000, 2_800_000_000, "2026-11-24T10:07:00Z")),
        model("qwen3:8b", loaded(6_100_000_000, 2_562_000_000, "2318-11-24T10:07:00Z")),
        model("tiny:1b", None),
    ];
    let kind = CacheKind { name: "lists".into(), hits: 91, misses: 9, entries: 2, bytes: 12_300 };
    let seen = Monitored {
        models: Ok(ModelList { models, age_ms: 12_000, stale_because: None }),
        cache: Ok(CacheFigures { kinds: vec![kind], most_bytes: 8_000_000, bytes: 12_300 }),
        answers: Ok(AnswersUnderWay { running: 3, waiting: 1 }),
        jobs: Ok(JobPage { rows: vec![job(1, jobs::Work::install("a"), JobState::Running)], next: None }),
    };
    let mut tab = MonitorTab::default();
    let effects = tab.shown(&cx);
    assert!(matches!(effects[..], [Effect::Jobs(JobsCall::Monitor { asked: 1, fresh: false })]), "{effects:?}");
    tab.on_seen(1, Box::new(seen), &cx);
    (tab, cx)
}

#[test]
fn the_monitor() {
    let (tab, cx) = monitor();
    for size in SIZES {
        let drawn = draw(size, |frame| tab.view(frame, frame.area(), frame.area(), &cx, true));
        insta::assert_snapshot!(format!("monitor-{}x{}", size.0, size.1), drawn);
    }
}

#[test]
fn what_the_monitor_shows_grows_older_while_it_is_looked_at() {
    let (tab, mut cx) = monitor();
    let see = |cx: &crate::ui::cx::Cx| draw((80, 24), |frame| tab.view(frame, frame.area(), frame.area(), cx, true));
    assert!(see(&cx).contains("asked 12 s ago"), "{}", see(&cx));
    cx.now_ms += 300_000;
    assert!(see(&cx).contains("asked 5 min ago"), "{}", see(&cx));
}

#[test]
fn the_monitor_asks_anew_on_request_and_can_be_scrolled() {
    let (mut tab, cx) = monitor();
    let effects = tab.refresh(&cx);
    assert!(matches!(effects[0], Effect::Jobs(JobsCall::Monitor { asked: 2, fresh: true })), "{effects:?}");
    let see = |tab: &MonitorTab| draw((40, 12), |frame| tab.view(frame, frame.area(), frame.area(), &cx, true));
    assert!(!see(&tab).contains("look-ups"));
    tab.on_action(Action::ModelsBottom, &cx);
    assert!(see(&tab).contains("lists"), "{}", see(&tab));
}

#[test]
fn downloads_stand_in_their_tab() {
    let cx = Cx::fixed();
    let mut tab = DownloadsTab::default();
    let effects = tab.shown(&cx);
    assert_eq!(effects.len(), 2);
    let mut running = job(2, jobs::Work::install("llama3.2:3b"), JobState::Running);
    running.progress = halfway();
    let mut stalled = job(3, jobs::Work::install("qwen3:8b"), JobState::Running);
    stalled.progress = jobs::JobProgress { stalled_seconds: 31, ..halfway() };
    let mut failed = job(1, jobs::Work::Push { model: "me/x".into(), insecure: false }, JobState::Failed);
    failed.error = Some(Fault::new(FaultKind::Denied, "The registry refuses it.").hint("Sign in with ollama signin."));
    tab.on_page(1, WhichJobs::Open, Ok(JobPage { rows: vec![running, stalled], next: None }));
    tab.on_page(2, WhichJobs::Ended, Ok(JobPage { rows: vec![failed], next: None }));
    for size in SIZES {
        let drawn = draw(size, |frame| tab.view(frame, frame.area(), frame.area(), &cx, true));
        insta::assert_snapshot!(format!("downloads-{}x{}", size.0, size.1), drawn);
    }
}

#[test]
fn members_have_no_part_in_it() {
    let mut cx = Cx::fixed();
    cx.account.as_mut().unwrap().role = Role::User;
    let mut screen = ModelsScreen::default();
    screen.shown(&cx);
    screen.on_action(Action::ModelsDownloads, &cx);
    let effects = screen.on_action(Action::JobsForget, &cx).unwrap();
    assert_eq!(toasts(&effects), ["Only administrators change models."]);
    assert_eq!(toasts(&screen.on_action(Action::FleetFromFile, &cx).unwrap()), ["Only administrators change models."]);
    assert!(screen.on_action(Action::ModelsMonitor, &cx).unwrap().is_empty(), "nothing is asked for");
}
