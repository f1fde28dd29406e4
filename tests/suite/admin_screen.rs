//! An administrator's morning on screen: the real program in a terminal, an outage while they look, a setting changed by
//! mistake, a backup proved, a rule tried and run.

use ollamanet::fake::{Pace, Reply, StandIn};

use crate::common::{
    pty::{Program, Term},
    stage::{PASSPHRASE, Stage, last, piece},
};

/// Signed in with the passphrase typed, so that nothing asks for it again meanwhile.
async fn signed_in(columns: u16, rows: u16) -> (Stage, Term) {
    let stage = Stage::new().await;
    let made = stage.with_input(&["account", "create", "alice", "--passphrase-fd", "0"], PASSPHRASE).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    answering(&stage);
    let program = Program::new(stage.home(), &["--set", "health.every_seconds=5"]);
    let mut term = program.env("OLLAMA_HOST", stage.fake.url()).start(columns, rows);
    term.until("Sign in to OllamaNet");
    term.send("alice\r").send(PASSPHRASE).key("enter");
    term.until("Ask something");
    term.until("● ollama 0.35");
    (stage, term)
}

fn answering(stage: &Stage) {
    stage.chat(|_| Reply::lines([&piece("Good day."), &last()]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_administrator_sees_an_outage_takes_a_mistake_back_proves_a_backup_and_runs_a_rule() {
    for (columns, rows) in [(80, 24), (120, 36)] {
        let (stage, mut term) = signed_in(columns, rows).await;

        // An answer, and where its time went.
        term.send("good morning").key("enter");
        term.until("Good day.");
        term.until_gone("answering");
        term.key("tab").send("w");
        term.until("Where the time went");
        let why = term.until("waiting in our line");
        assert!(why.contains("loading the model"), "{why}");
        term.key("esc");
        term.until_gone("Where the time went");

        // It is in the figures, with who is here and how all stands.
        term.send("\x1b6");
        term.until("Overview]");
        term.until("answers: 1 ");
        term.until("signed in   alice");
        term.until("✓ Ollama 0.35");

        // Ollama goes away: the dot says so by itself, then the tab, and calls are held back.
        term.send("7");
        term.until("Health]");
        term.until("● ollama   0.35");
        stage.fake.answer(|_| None);
        term.until("✗ ollama unreachable");
        term.until("✗ ollama   not reachable");
        term.until("! breakers manage calls");
        term.key("tab");
        term.until(", lasts");
        term.key("tab");
        term.until("◐ manage");

        // It comes back, and all of that is history.
        answering(&stage);
        term.until("● ollama 0.35");
        for green in ["✓ manage", "manage: go through", "● breakers all calls go through"] {
            term.until(green);
        }
        term.key("tab").key("tab");
        term.until_screen("the outage, told as over", |screen| {
            screen.contains("✗ ollama") && screen.contains("not reachable") && !screen.contains(", lasts")
        });

        // A setting changed by mistake is taken back with one key, and told of once.
        term.send("4");
        term.until("Settings]");
        term.send("/").send("jobs.keep").key("enter");
        term.until("/ jobs.keep");
        term.key("enter");
        term.until("As it is: 30 days");
        term.send("\x15").send("9").key("enter");
        term.until("jobs.keep_days is 9 days now.");
        term.until("alice, ");
        term.send("z");
        term.until("jobs.keep_days is 30 days again.");
        let all = String::from_utf8_lossy(&term.raw()).into_owned();
        for twice in ["of the house are changed", "were read anew"] {
            assert!(!all.contains(twice), "whoever made a change is told of it once, and by name");
        }

        // A backup, made and proved.
        term.send("6");
        term.until("There is no backup yet. n makes one now");
        term.send("n");
        term.until("not checked yet");
        term.send("v");
        term.until("The backup is sound");

        // A rule, tried and then run.
        term.send("9");
        term.until("Nothing is done by itself yet.");
        term.send("n");
        term.until("What should be done by itself?");
        term.send("make a backup").key("enter");
        term.until("When: 3:00");
        for _ in 0..3 {
            term.key("enter");
        }
        term.until("The rule Backup is kept.");
        // A night that was missed may be made up at once; meanwhile it is not tried.
        let is_tried = (0..12).any(|_| {
            term.send("d");
            let told = |screen: &str| screen.contains("What Backup would do now");
            term.within(std::time::Duration::from_secs(5), told).is_ok()
        });
        assert!(is_tried, "the dry run's report is shown");
        term.until("a backup would be made");
        term.key("esc");
        term.until_gone("What Backup would do now");
        term.send("r");
        term.until("1 done.");
        term.send("v");
        let runs = term.until("newest first");
        assert!(runs.contains("by alice") && runs.contains("dry run"), "{runs}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_window_is_told_that_the_house_was_changed() {
    let (stage, term) = signed_in(100, 30).await;
    let program = Program::new(stage.home(), &[]);
    let mut other = program.env("OLLAMA_HOST", stage.fake.url()).start(100, 30);
    other.until("Sign in to OllamaNet");
    other.send("alice\r").send(PASSPHRASE).key("enter");
    other.until("Ask something");
    other.send("\x1b6").until("Overview]");
    other.send("4").until("Settings]");
    other.send("/").send("jobs.keep").key("enter").key("enter");
    other.until("As it is: 30 days");
    other.send("\x15").send("9").key("enter");
    other.until("jobs.keep_days is 9 days now.");
    term.until("The settings of the house are changed.");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_colours_each_state_of_the_house_is_told_by_a_mark_and_a_word() {
    let stage = Stage::signed_in().await;
    let program = Program::new(stage.home(), &[]).env("OLLAMA_HOST", stage.fake.url()).env("NO_COLOR", "1");
    let mut term = program.start(80, 24);
    term.until("● ollama 0.35");
    term.send("\x1b6").until("[1Overview]");
    term.send("7").until("[7Health]");
    term.until("● store");
    stage.fake.answer(|_| None);
    term.send("c").until("✗ ollama   not reachable");
    term.send("9").until("[9Rules]");
    let coloured = term.raw().windows(3).filter(|bytes| bytes.starts_with(b"[3") && bytes[2].is_ascii_digit()).count();
    assert_eq!(coloured, 0, "no colour is asked of the terminal");
    // What was left of the list is there again when the window grows.
    term.resize(120, 36);
    term.until("[9 Rules]");
    let usual = StandIn::new(Pace::instant());
    stage.fake.answer(move |seen| Some(usual.reply(seen)));
    term.send("7").until("Calls that were held back");
}
