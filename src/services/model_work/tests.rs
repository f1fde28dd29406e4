//! Work on models against the stand-in and against real traffic.

use std::{sync::Arc, time::Duration};

use serde_json::Value;

use super::*;
use crate::{
    api::{
        AccountId, JobId,
        jobs::{Job, JobState, Start},
    },
    config::{Config, live::Live},
    fake::{Fake, Pace, Part, Reply, Seen, StandIn},
    ollama::{Address, Settings},
    services::{
        hub::Hub,
        jobs::{self, Jobs},
    },
    store::system::open_system,
    tasks::Tasks,
};

struct Desk {
    jobs: Jobs,
    work: Arc<ModelWork>,
    fake: Arc<Fake>,
    tasks: Tasks,
}

impl Desk {
    async fn new(dir: &tempfile::TempDir) -> Self {
        let fake = StandIn::start(&Tasks::new(), Pace::instant()).await.unwrap();
        Self::beside(dir, Arc::new(fake), Places { named: None, usual: Vec::new() })
    }

    fn beside(dir: &tempfile::TempDir, fake: Arc<Fake>, places: Places) -> Self {
        Self::with(dir, fake, places, |work| work)
    }

    fn with(
        dir: &tempfile::TempDir,
        fake: Arc<Fake>,
        places: Places,
        also: impl FnOnce(ModelWork) -> ModelWork,
    ) -> Self {
        let ms = Duration::from_millis;
        let ollama = Ollama::new(Settings::new(Address::parse(&fake.url()).unwrap()));
        let patience = Patience { stall: ms(300), quiet: Duration::from_secs(5), look: ms(20) };
        let work = ModelWork::new(ollama, dir.path().to_owned(), None).with_patience(patience).with_places(places);
        let (work, tasks) = (Arc::new(also(work)), Tasks::new());
        let jobs = Jobs::new(jobs::Parts {
            system: open_system(&dir.path().join("system.db"), false).unwrap(),
            hub: Hub::new(),
            tasks: tasks.clone(),
            live: Live::fixed(Config::default()),
            leases: dir.path().join("leases"),
            runner: work.clone(),
            pace: jobs::Pace { first_wait: ms(5), longest_wait: ms(20), tell: ms(5), write: ms(5), look: ms(20) },
            metrics: crate::metrics::Metrics::new(),
        });
        Self { jobs, work, fake, tasks }
    }

    async fn begun(&self, work: Work) -> JobId {
        match self.jobs.put_in_line(AccountId::new(), work, false).await.unwrap() {
            Start::Begun(job) => job.id,
            other => panic!("{other:?}"),
        }
    }

    async fn until(&self, id: JobId, what: impl Fn(&Job) -> bool) -> Job {
        let waiting = async {
            loop {
                let job = self.jobs.kept(id).await.unwrap().job;
                if what(&job) {
                    return job;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("the job comes to stand so")
    }

    /// Begins it and waits for its end.
    async fn end_of(&self, work: Work) -> Job {
        let id = self.begun(work).await;
        self.until(id, |job| !job.state.is_open()).await
    }

    async fn names(&self) -> Vec<String> {
        self.work.installed().await.unwrap().into_iter().map(|model| model.name).collect()
    }

    fn asked(&self, path: &str) -> usize {
        self.fake.requests().iter().filter(|seen| seen.path == path).count()
    }
}

fn rename() -> Work {
    Work::Rename { from: "demo-chat:3b".into(), to: "mine".into() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_is_installed_and_all_of_it_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::new(&dir).await;
    let job = desk.end_of(Work::install("new-model:1b")).await;
    assert_eq!((job.state, job.attempts), (JobState::Done, 1), "{job:?}");
    assert!(job.outcome.unwrap().starts_with("Installed, "));
    assert!(job.progress.of.is_some_and(|of| of == job.progress.done) && job.progress.layers.len() == 3);
    assert_eq!(desk.names().await[0], "new-model:1b");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_that_stalls_is_connected_anew_and_goes_on_where_it_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::new(&dir).await;
    let job = desk.end_of(Work::install("stall-model")).await;
    assert_eq!((job.state, job.attempts), (JobState::Done, 1), "{job:?}");
    assert_eq!(desk.asked("/api/pull"), 2);
    assert_eq!(job.progress.fetched_again, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_house_says_how_long_a_download_may_stand_still() {
    let dir = tempfile::tempdir().unwrap();
    let fake = Arc::new(StandIn::start(&Tasks::new(), Pace::instant()).await.unwrap());
    let mut config = Config::default();
    config.house.stall_seconds = 1;
    let patient =
        Patience { stall: Duration::from_hours(1), quiet: Duration::from_hours(1), look: Duration::from_millis(20) };
    let places = Places { named: None, usual: Vec::new() };
    let desk = Desk::with(&dir, fake, places, |work| work.with_patience(patient).with_live(Live::fixed(config)));
    assert_eq!(desk.end_of(Work::install("stall-model")).await.state, JobState::Done);
    assert_eq!(desk.asked("/api/pull"), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_that_breaks_off_is_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::new(&dir).await;
    let job = desk.end_of(Work::install("flaky-model")).await;
    assert_eq!((job.state, job.attempts), (JobState::Done, 2), "{job:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_that_goes_back_says_how_much_came_twice() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::new(&dir).await;
    let job = desk.end_of(Work::install("back-model")).await;
    assert_eq!(job.state, JobState::Done);
    assert!(job.progress.fetched_again > 0, "{job:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_had_says_so_and_is_not_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::new(&dir).await;
    for (model, kind) in [("nosuch-model", FaultKind::ModelMissing), ("full-model", FaultKind::DiskFull)] {
        let job = desk.end_of(Work::install(model)).await;
        assert_eq!((job.state, job.attempts), (JobState::Failed, 1), "{model}: {job:?}");
        assert_eq!(job.error.unwrap().kind, kind, "{model}");
    }
    let refused = desk.work.looked_at(&Work::install("../../etc/passwd")).await.unwrap_err();
    assert_eq!(refused.kind, FaultKind::Invalid);
    let foreign = desk.work.looked_at(&Work::install("hf.co/user/model")).await.unwrap_err();
    assert!(foreign.message.contains("hf.co"), "{foreign}");
    let agreed = Download { model: "hf.co/user/model".into(), foreign: true, ..Download::default() };
    desk.work.looked_at(&Work::Install(agreed)).await.unwrap();
    assert_eq!(desk.asked("/api/pull"), 2, "nothing else was begun");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_is_refused_before_the_first_byte() {
    let dir = tempfile::tempdir().unwrap();
    let fake = Arc::new(StandIn::start(&Tasks::new(), Pace::instant()).await.unwrap());
    let desk = Desk::beside(&dir, fake, Places { named: Some(dir.path().to_owned()), usual: Vec::new() });
    let download = Download { model: "big".into(), bytes: Some(u64::MAX / 2), ..Download::default() };
    let job = desk.end_of(Work::Install(download)).await;
    let fault = job.error.unwrap();
    assert_eq!(fault.kind, FaultKind::DiskFull);
    assert!(fault.message.contains("are free in"), "{fault}");
    assert_eq!(desk.asked("/api/pull"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_update_tells_whether_there_was_one() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::new(&dir).await;
    let update = |model: &str| Work::Update(Download { model: model.into(), ..Download::default() });
    // The stand-in's registry has another of this name.
    let first = desk.end_of(update("demo-chat:3b")).await;
    assert!(first.outcome.as_deref().is_some_and(|words| words.starts_with("Updated")), "{first:?}");
    let second = desk.end_of(update("demo-chat:3b")).await;
    assert_eq!(second.outcome.as_deref(), Some("It is what the registry has."));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_removed_twice_is_gone_once_and_near_names_are_offered() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::new(&dir).await;
    let remove = || Work::remove("demo-chat:3b");
    assert_eq!(desk.end_of(remove()).await.state, JobState::Done);
    assert!(!desk.names().await.contains(&"demo-chat:3b".to_owned()));
    // Another administrator's was looked at before and is begun after.
    let late = desk.end_of(remove()).await;
    assert_eq!(late.error.unwrap().message, "demo-chat:3b is not installed any more.");
    let misspelt = desk.work.looked_at(&Work::remove("demo-thnk:8b")).await.unwrap_err();
    assert_eq!(misspelt.kind, FaultKind::ModelMissing);
    assert!(misspelt.hint.unwrap().contains("demo-think:8b"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renamed_model_has_one_name_and_a_taken_name_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::new(&dir).await;
    let before = desk.work.digest_of("demo-chat:3b").await.unwrap();
    assert_eq!(desk.end_of(rename()).await.state, JobState::Done);
    assert_eq!(desk.work.digest_of("mine").await.unwrap(), before);
    assert_eq!(desk.work.digest_of("demo-chat:3b").await.unwrap(), None);
    let copy = |to: &str| Work::Copy { from: "mine".into(), to: to.into() };
    assert_eq!(desk.work.looked_at(&copy("demo-think:8b")).await.unwrap_err().kind, FaultKind::Conflict);
    assert_eq!(desk.work.looked_at(&copy("MINE:latest")).await.unwrap_err().kind, FaultKind::Invalid);
    assert_eq!(desk.end_of(copy("second")).await.state, JobState::Done);
    assert_eq!(desk.work.digest_of("second").await.unwrap(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rename_that_is_broken_off_anywhere_goes_on_to_one_name() {
    for held in ["/api/copy", "/api/delete"] {
        for is_done_first in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let stand_in = StandIn::new(Pace::instant());
            let answering = stand_in.clone();
            // The answer never comes, whether or not Ollama has done it.
            let servers = Tasks::new();
            let fake = Fake::start(&servers, move |seen: &Seen| {
                if seen.path == held {
                    if is_done_first {
                        drop(answering.reply(seen));
                    }
                    return Some(Reply::status(200).first(Part::Stall));
                }
                Some(answering.reply(seen))
            });
            let fake = Arc::new(fake.await.unwrap());
            let places = || Places { named: None, usual: Vec::new() };
            let first = Desk::beside(&dir, Arc::clone(&fake), places());
            let before = first.work.digest_of("demo-chat:3b").await.unwrap();
            let id = first.begun(rename()).await;
            let held_up = async {
                while first.asked(held) == 0 {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(20), held_up).await.unwrap();
            assert_eq!(first.tasks.stop(Duration::from_secs(5)).await, Vec::<String>::new());
            fake.answer(move |seen: &Seen| Some(stand_in.reply(seen)));
            let second = Desk::beside(&dir, fake, places());
            second.jobs.take_up_all();
            let job = second.until(id, |job| !job.state.is_open()).await;
            assert_eq!(job.state, JobState::Done, "{held}, done first: {is_done_first}: {job:?}");
            assert_eq!(second.work.digest_of("mine").await.unwrap(), before);
            assert_eq!(second.work.digest_of("demo-chat:3b").await.unwrap(), None);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_is_made_from_an_installed_one_and_from_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::new(&dir).await;
    std::fs::write(dir.path().join("weights.gguf"), b"GGUF and so on").unwrap();
    let make = |modelfile: &str| {
        Work::Create(NewModel { model: "made".into(), modelfile: modelfile.into(), base: None, quantize: None })
    };
    let text = "FROM demo-chat:3b\nSYSTEM Be kind.\nPARAMETER temperature 0.5\nMESSAGE user Hi\n";
    assert_eq!(desk.end_of(make(text)).await.state, JobState::Done);
    let sent = desk.fake.requests().into_iter().rfind(|seen| seen.path == "/api/create").unwrap().json();
    assert_eq!((&sent["from"], &sent["system"]), (&"demo-chat:3b".into(), &"Be kind.".into()));
    assert_eq!((&sent["parameters"]["temperature"], &sent["messages"][0]["content"]), (&0.5.into(), &"Hi".into()));

    let job = desk.end_of(make("FROM ./weights.gguf")).await;
    assert_eq!(job.state, JobState::Done, "{job:?}");
    let sent = desk.fake.requests().into_iter().rfind(|seen| seen.path == "/api/create").unwrap().json();
    assert!(sent["files"]["weights.gguf"].as_str().unwrap().starts_with("sha256:") && sent["from"].is_null());
    let uploads = |desk: &Desk| {
        let posts = desk.fake.requests().into_iter();
        posts.filter(|seen| seen.method == "POST" && seen.path.starts_with("/api/blobs/")).count()
    };
    assert_eq!(uploads(&desk), 1);
    assert_eq!(desk.end_of(make("FROM ./weights.gguf\nSYSTEM x")).await.state, JobState::Done);
    assert_eq!(uploads(&desk), 1, "it is there already");

    for (modelfile, kind) in [
        ("FROM nobody", FaultKind::ModelMissing),
        ("FROM ./absent.gguf", FaultKind::Invalid),
        ("FROM demo-chat:3b\nPARAMETER temprature 1", FaultKind::Invalid),
    ] {
        assert_eq!(desk.work.looked_at(&make(modelfile)).await.unwrap_err().kind, kind, "{modelfile}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn models_come_into_memory_and_go() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::new(&dir).await;
    let load = |model: &str, keep: Option<&str>| Work::Load { model: model.into(), keep: keep.map(str::to_owned) };
    let kept = desk.end_of(load("demo-chat:3b", Some("-1"))).await;
    assert_eq!(kept.outcome.as_deref(), Some("Loaded, and kept."));
    let sent = desk.fake.requests().into_iter().rfind(|seen| seen.path == "/api/generate").unwrap().json();
    assert_eq!(sent["keep_alive"], -1);
    assert_eq!(desk.end_of(load("demo-embed", None)).await.state, JobState::Done, "one that only makes vectors");
    assert_eq!(desk.work.ollama.ps().await.unwrap().len(), 1);
    let unload = || Work::Unload { model: "demo-chat:3b".into() };
    assert_eq!(desk.end_of(unload()).await.outcome.as_deref(), Some("Unloaded."));
    assert_eq!(desk.work.ollama.ps().await.unwrap().len(), 0);
    assert_eq!(desk.end_of(unload()).await.outcome.as_deref(), Some("It was not loaded."));
    assert_eq!(desk.work.looked_at(&load("demo-chat:3b", Some("soon"))).await.unwrap_err().kind, FaultKind::Invalid);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_name_with_a_namespace_is_uploaded() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::new(&dir).await;
    let push = |model: &str| Work::Push { model: model.into(), insecure: false };
    let refused = desk.work.looked_at(&push("demo-chat:3b")).await.unwrap_err();
    assert!(refused.hint.unwrap().contains("you/model"));
    let copy = Work::Copy { from: "demo-chat:3b".into(), to: "me/mine".into() };
    assert_eq!(desk.end_of(copy).await.state, JobState::Done);
    assert_eq!(desk.end_of(push("me/mine")).await.state, JobState::Done);
}

/// What a real Ollama has answered, chunk for chunk.
fn recorded(name: &str) -> Reply {
    let path = format!("{}/tests/fixtures/ollama/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let chunks = file["response"]["chunks"].as_array().unwrap();
    let mut reply = Reply::stream();
    reply.status_line = file["response"]["status_line"].as_str().unwrap().to_owned();
    chunks.iter().filter_map(|chunk| chunk["text"].as_str()).fold(reply, Reply::bytes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_traffic_leads_to_the_right_ends() {
    let install = || Work::install("demo-chat:3b");
    let push = || Work::Push { model: "demo-chat:3b".into(), insecure: true };
    let create = || {
        let modelfile = "FROM demo-chat:3b".to_owned();
        Work::Create(NewModel { model: "made".into(), modelfile, base: None, quantize: None })
    };
    let remove = || Work::remove("demo-chat:3b");
    let done = None;
    let cases: Vec<(&str, &str, Work, Option<FaultKind>)> = vec![
        ("pull_full", "/api/pull", install(), done),
        ("pull_resumed", "/api/pull", install(), done),
        ("pull_again_complete", "/api/pull", install(), done),
        ("pull_small_all_layers_present", "/api/pull", install(), done),
        ("pull_plain_name", "/api/pull", install(), done),
        ("pull_unknown_manifest", "/api/pull", install(), Some(FaultKind::ModelMissing)),
        ("pull_bad_name", "/api/pull", install(), Some(FaultKind::Invalid)),
        ("pull_without_insecure", "/api/pull", install(), Some(FaultKind::Invalid)),
        ("pull_registry_down", "/api/pull", install(), Some(FaultKind::Ollama)),
        ("pull_download_errors", "/api/pull", install(), Some(FaultKind::Ollama)),
        ("push_ok", "/api/push", push(), done),
        ("push_big", "/api/push", push(), done),
        ("push_again", "/api/push", push(), done),
        ("push_unknown", "/api/push", push(), Some(FaultKind::Invalid)),
        ("create_from_existing_system", "/api/create", create(), done),
        ("create_from_gguf_blob", "/api/create", create(), done),
        ("create_missing_blob", "/api/create", create(), Some(FaultKind::Invalid)),
        ("create_not_gguf", "/api/create", create(), Some(FaultKind::Invalid)),
        ("delete_ok", "/api/delete", remove(), done),
        ("delete_unknown", "/api/delete", remove(), Some(FaultKind::ModelMissing)),
    ];
    for (name, route, work, fault) in cases {
        let dir = tempfile::tempdir().unwrap();
        let (stand_in, reply) = (StandIn::new(Pace::instant()), recorded(name));
        let servers = Tasks::new();
        let fake = Fake::start(&servers, move |seen: &Seen| {
            Some(if seen.path == route { reply.clone() } else { stand_in.reply(seen) })
        });
        let desk = Desk::beside(&dir, Arc::new(fake.await.unwrap()), Places { named: None, usual: Vec::new() });
        let job = desk.end_of(work).await;
        assert_eq!(job.error.as_ref().map(|fault| fault.kind), fault, "{name}: {job:?}");
        assert_eq!(job.state == JobState::Done, fault.is_none(), "{name}");
        if name.starts_with("pull") && fault.is_none() {
            assert_eq!(Some(job.progress.done), job.progress.of, "{name}: every layer is whole at the end");
            assert!(job.progress.of_is_whole && job.progress.done > 0, "{name}");
        }
    }
}
