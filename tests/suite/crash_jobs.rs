//! `kill -9` at any moment of a job, of whatever kind: what was told as begun comes to its end, nothing is left half done,
//! nothing is done twice.
//!
//! The moments are random times, counted from the start of the command or from when it told of the job, so that they fall
//! before the row is there, between the row and the first request, into the work, and after Ollama has done it and before
//! anybody noted that. Each kind once every time; `OLLAMANET_KILLS=100` for as many as that. The seed is printed;
//! `OLLAMANET_SEED` has the same moments again.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    process::Stdio,
    sync::mpsc,
    time::Duration,
};

use ollamanet::{
    api::jobs::WorkKind,
    fake::{Pace, Part, Seen, StandIn},
};
use rand::{RngExt, seq::SliceRandom};
use serde_json::{Value, json};

use crate::common::{kills, pty::PATIENCE, stage::Stage};

/// Longest that a kill is waited for, milliseconds: the longest of the jobs takes about as long.
const LATEST: u64 = 900;

/// An Ollama that takes its time, also to say that it has done something.
struct Unhurried(StandIn);

impl Unhurried {
    fn at(stage: &Stage) -> Self {
        let stand_in = StandIn::new(Pace { transfer: Duration::from_millis(15), ..Pace::instant() });
        let answering = stand_in.clone();
        stage.fake.answer(move |seen: &Seen| {
            let pause = match seen.path.as_str() {
                "/api/delete" | "/api/copy" | "/api/generate" => 150,
                "/api/chat" => 60,
                _ => 0,
            };
            Some(answering.reply(seen).first(Part::Pause(Duration::from_millis(pause))))
        });
        Self(stand_in)
    }

    /// Gives it a model without the program's help.
    fn has(&self, name: &str) {
        let body = json!({ "source": "demo-chat:3b", "destination": name }).to_string().into_bytes();
        let copied = self.0.reply(&Seen { method: "POST".into(), path: "/api/copy".into(), headers: Vec::new(), body });
        assert!(copied.status_line.contains("200"), "{name}: {copied:?}");
    }

    /// Whether it has the model, and not twice.
    fn has_one(&self, name: &str) -> bool {
        let tags = self.0.reply(&Seen {
            method: "GET".into(),
            path: "/api/tags".into(),
            headers: Vec::new(),
            body: Vec::new(),
        });
        let [Part::Bytes(body)] = tags.parts.as_slice() else { panic!("{tags:?}") };
        let tags: Value = serde_json::from_slice(body).unwrap();
        let many = tags["models"].as_array().unwrap().iter().filter(|model| model["name"] == name).count();
        assert!(many < 2, "{name} is there {many} times");
        many == 1
    }
}

/// The kinds of work that a kill is tried in here; that of backups and rules has tests of its own.
const ABOUT_MODELS: [WorkKind; 10] = [
    WorkKind::Install,
    WorkKind::Update,
    WorkKind::Remove,
    WorkKind::Copy,
    WorkKind::Rename,
    WorkKind::Create,
    WorkKind::Push,
    WorkKind::Load,
    WorkKind::Unload,
    WorkKind::Benchmark,
];

/// One job that a command begins, of models that no other job touches.
struct Round {
    kind: WorkKind,
    /// The model that it is about, and the one that it makes.
    model: String,
    other: String,
    begun: bool,
}

impl Round {
    fn new(kind: WorkKind, number: usize, ollama: &Unhurried) -> Self {
        let (model, other) = (format!("me/model-{number}:1b"), format!("me/other-{number}:1b"));
        match kind {
            WorkKind::Install | WorkKind::Create => {}
            WorkKind::Update
            | WorkKind::Remove
            | WorkKind::Copy
            | WorkKind::Rename
            | WorkKind::Push
            | WorkKind::Load
            | WorkKind::Unload
            | WorkKind::Benchmark => ollama.has(&model),
            other @ (WorkKind::Backup
            | WorkKind::VerifyBackup
            | WorkKind::PruneBackups
            | WorkKind::Restore
            | WorkKind::Check
            | WorkKind::Rule
            | WorkKind::Export
            | WorkKind::Import
            | WorkKind::PutAway
            | WorkKind::Index) => {
                panic!("{other:?} is about no model")
            }
        }
        Self { kind, model, other, begun: false }
    }

    fn args(&self) -> Vec<&str> {
        let (model, other) = (self.model.as_str(), self.other.as_str());
        let args = match self.kind {
            WorkKind::Install => vec!["install", model],
            WorkKind::Update => vec!["update", model],
            WorkKind::Remove => vec!["remove", model, "--yes"],
            WorkKind::Copy => vec!["copy", model, other],
            WorkKind::Rename => vec!["rename", model, other],
            WorkKind::Create => vec!["create", model],
            WorkKind::Push => vec!["push", model],
            WorkKind::Load => vec!["load", model],
            WorkKind::Unload => vec!["unload", model],
            WorkKind::Benchmark => vec!["bench", "run", model, "--repeats", "1"],
            other @ (WorkKind::Backup
            | WorkKind::VerifyBackup
            | WorkKind::PruneBackups
            | WorkKind::Restore
            | WorkKind::Check
            | WorkKind::Rule
            | WorkKind::Export
            | WorkKind::Import
            | WorkKind::PutAway
            | WorkKind::Index) => {
                panic!("{other:?} is about no model")
            }
        };
        [vec!["models"], args].concat()
    }

    /// Begins it and kills the command. `told`: the time is counted from when it says that the job is begun.
    fn kill(&mut self, stage: &Stage, told: bool, after: Duration) {
        let mut child = stage.command(&self.args()).stderr(Stdio::null()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (sender, begun) = mpsc::channel();
        let reader = std::thread::spawn(move || {
            let mut is_begun = false;
            for line in out.lines().map_while(Result::ok) {
                if line.contains("\"begun\"") {
                    is_begun = true;
                    // Nobody may wait for it.
                    let _ = sender.send(());
                }
            }
            is_begun
        });
        if told {
            // A command that ends without having begun anything has closed the channel.
            let _ = begun.recv_timeout(PATIENCE);
        }
        // Time is what this is about, so it is let pass.
        std::thread::sleep(after);
        child.kill().unwrap();
        child.wait().unwrap();
        self.begun = reader.join().unwrap();
    }

    /// What must be so once it is done.
    fn check(&self, ollama: &Unhurried) {
        let (model, other) = (ollama.has_one(&self.model), ollama.has_one(&self.other));
        let right = match self.kind {
            WorkKind::Remove => !model && !other,
            WorkKind::Copy => model && other,
            WorkKind::Rename => !model && other,
            WorkKind::Install
            | WorkKind::Update
            | WorkKind::Create
            | WorkKind::Push
            | WorkKind::Load
            | WorkKind::Unload
            | WorkKind::Benchmark => model && !other,
            other @ (WorkKind::Backup
            | WorkKind::VerifyBackup
            | WorkKind::PruneBackups
            | WorkKind::Restore
            | WorkKind::Check
            | WorkKind::Rule
            | WorkKind::Export
            | WorkKind::Import
            | WorkKind::PutAway
            | WorkKind::Index) => {
                panic!("{other:?} is about no model")
            }
        };
        assert!(right, "{:?} of {}: is there {model}, the other {other}", self.kind, self.model);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_any_moment_of_any_job_leaves_nothing_half_nothing_lost_and_nothing_twice() {
    let (rounds, mut random) = kills(ABOUT_MODELS.len() as u64);
    let stage = Stage::signed_in().await;
    let ollama = Unhurried::at(&stage);
    std::fs::write(stage.home().join("Modelfile"), "FROM demo-chat:3b\nSYSTEM Be short.\n").unwrap();
    let mut kinds: Vec<WorkKind> = ABOUT_MODELS.into_iter().cycle().take(rounds as usize).collect();
    kinds.shuffle(&mut random);
    let mut killed = Vec::new();
    for (number, kind) in kinds.into_iter().enumerate() {
        let mut round = Round::new(kind, number, &ollama);
        let (told, after) = (random.random_bool(0.7), Duration::from_millis(random.random_range(0..LATEST)));
        round.kill(&stage, told, after);
        killed.push(round);
    }
    let begun = killed.iter().filter(|round| round.begun).count();
    println!("of {rounds} kills, {begun} came after a job was told as begun");
    assert!(begun > 0, "every kill came before anything was begun");
    // Those who work off what was left die of it as well.
    for _ in 0..rounds.div_ceil(5) {
        let mut child = stage.command(&["jobs", "run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(random.random_range(100..100 + LATEST)));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let worked = stage.run(&["jobs", "run"]).await;
    assert_eq!(worked.code, Some(0), "{worked:?}");

    let listed = stage.json(&["jobs", "list", "--all"]).await;
    let mut jobs: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for job in listed.as_array().unwrap() {
        let about = job["work"]["model"].as_str().or(job["work"]["from"].as_str()).unwrap();
        jobs.entry(about).or_default().push(job);
    }
    let trail = stage.run(&["audit", "list", "--json", "--all"]).await;
    assert_eq!(trail.code, Some(0), "{trail:?}");
    let trail: Value = serde_json::from_str(&trail.out).unwrap();
    let noted = |round: &Round, result: &str| {
        let action = format!("models.{}", round.kind.as_str());
        let is_it = |row: &&Value| {
            let target = row["target"].as_str().unwrap_or_default();
            row["action"] == action.as_str() && target.contains(&round.model) && row["result"] == result
        };
        trail.as_array().unwrap().iter().filter(is_it).count()
    };
    for round in &killed {
        let (model, kind) = (round.model.as_str(), round.kind.as_str());
        let Some(of) = jobs.remove(model) else {
            assert!(!round.begun, "{kind} {model} was told as begun and is lost");
            continue;
        };
        let states: Vec<&str> = of.iter().map(|job| job["state"].as_str().unwrap()).collect();
        assert_eq!(states, ["done"], "{kind} {model}: {of:?}");
        assert_eq!((noted(round, "begun"), noted(round, "ok")), (1, 1), "{kind} {model} in the audit trail");
        round.check(&ollama);
        if round.kind == WorkKind::Benchmark {
            let kept = stage.json(&["models", "bench", "list", model]).await;
            assert_eq!(kept.as_array().unwrap().len(), 1, "{model} was measured once: {kept}");
        }
    }
    assert!(jobs.is_empty(), "nobody asked for these: {jobs:?}");
    for sound in [&["audit", "verify"][..], &["doctor"]] {
        let done = stage.run(sound).await;
        assert_eq!(done.code, Some(0), "{done:?}");
    }
}
