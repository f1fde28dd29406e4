//! The composition root: puts the parts together, hands them to the interface or a command, and ends in order.
//!
//! It sees everything and decides nothing. Architecture invariant: nothing here waits for the network or a disk check
//! before the first frame; what is slow is made when it is first needed.

mod demo;
mod hands;
mod restore;

use std::{ffi::OsString, io::IsTerminal, path::PathBuf, sync::Arc, time::Duration};

use demo::Demo;
use hands::{Hands, WhatRulesAsk};
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
};

use crate::{
    access::{Breakers, Gate, limiter::Limiter, live::LiveSessions},
    api::{Fault, FaultKind},
    cache::ModelCache,
    cli::{self, Cli, Command, Desk, End, Stops, doctor, out, stops},
    config::{
        Config,
        live::Live,
        load::{self, Loaded, Sources},
    },
    gateway::{Gateway, Parts},
    hardening, logging,
    metrics::{self, Metrics},
    ollama::{self, Address, Ollama, Settings},
    otlp::Export,
    paths::{self, Paths},
    services::{
        accounts::Accounts,
        audit::Audit,
        backups::Backups,
        branches::Branches,
        conversations::Conversations,
        feedback::Ratings,
        health::{HealthChecks, Watched},
        house::House,
        hub::Hub,
        insights::Insights,
        jobs::{self, Jobs},
        lanes::Lanes,
        library::Library,
        measures::Measures,
        model_work::{ModelWork, benchmark::Bench, room::Places},
        models::{self, Models, Probe},
        notes::Notes,
        own_jobs::Book,
        profiles::Profiles,
        reports::Reports,
        retention::Retention,
        roles::Roles,
        rulebook::{self, Rulebook},
        search::Search,
        telemetry::Telemetry,
        transfer::Transfers,
        turns::{self, Turns},
        users::Users,
    },
    store::{
        self, Db, backup,
        system::{Moment, leftovers, open_system, settings::Followed, watch::Watch},
        thread::Of,
    },
    tasks::Tasks,
    trace::Ring,
    ui::{self, live::Ended},
};

/// How long background work may take to end before the program goes without it.
const ENDING: Duration = Duration::from_secs(2);

/// When a window begins with what nobody waits for. Before that its first screen has the processors, the databases and
/// the disk for itself.
const AFTER_START: Duration = Duration::from_millis(150);

/// Runs what was typed; gives the exit code.
pub fn run(cli: Cli) -> u8 {
    let end = match start(cli) {
        Ok(()) => return 0,
        Err(end) => end,
    };
    match end {
        End::ReaderGone => 0,
        End::Code(code) => code,
        End::Fault(fault) => {
            out::complain(&fault);
            fault.exit_code()
        }
    }
}

fn start(cli: Cli) -> Result<(), End> {
    let Cli { global, command } = cli;
    let paths = Paths::find(global.data_dir.as_deref().filter(|dir| !dir.as_os_str().is_empty()))?;
    let sources = Sources {
        file: Some(global.config.clone().unwrap_or_else(|| paths.config.join("config.toml"))),
        file_must_exist: global.config.is_some(),
        variables: std::env::vars_os().collect::<Vec<(OsString, OsString)>>(),
        flags: global.settings.clone(),
    };
    match &command {
        Some(Command::Config(what)) => return cli::config::run(what, &sources, global.json),
        Some(Command::Completions { shell }) => return cli::pages::completions(*shell),
        Some(Command::Man { command }) => return cli::pages::man(command.as_deref()),
        None | Some(Command::Demo) => needs_terminal()?,
        Some(_) => {}
    }
    let named = logging::named(std::env::var("OLLAMANET_LOG").ok().as_deref())?;
    // A doctor is for the day when the settings are wrong; everybody else needs them right.
    let loaded = match (&command, load::load(&sources)) {
        (_, Ok(loaded)) => loaded,
        (Some(Command::Doctor), Err(_)) => Loaded::default(),
        (_, Err(fault)) => return Err(fault.into()),
    };
    // Whatever is wrong with the directories is said where the store is opened.
    let mut watching = Watching::default();
    let directory = match &command {
        // A demo leaves nothing behind.
        Some(Command::Demo) => None,
        Some(_) | None => paths.secure_state().is_ok().then_some(paths.state.as_path()),
    };
    let wanted = &loaded.config.log;
    let level = named.unwrap_or_else(|| logging::level(wanted.level));
    let log = logging::start(directory, level, wanted.into(), &watching.ring);
    if !hardening::holds() {
        tracing::warn!("this system does not let the process hide its memory from core files and debuggers");
    }
    watching.ring.keep(loaded.config.trace.requests as usize);
    // For a window one beside the thread that draws: whatever computes or waits for a disk has threads of its own, and of
    // two the second was woken for each token of an answer only to find the first at it.
    let workers = if command.is_none() { 1 } else { 2 };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .thread_name("worker")
        .enable_all()
        .build()
        .map_err(|error| Fault::new(FaultKind::Internal, format!("The program cannot start its threads: {error}.")))?;
    let tasks = Tasks::new();
    // A demo leaves nothing behind, here or elsewhere.
    if !matches!(command, Some(Command::Demo)) {
        let _entered = runtime.enter();
        watching.export = Export::begin(&loaded.config.trace, &watching.ring, &tasks);
    }
    let export = watching.export.clone();
    let mut begun = Begun { watching, gateway: None };
    let done = runtime.block_on(dispatch(command, global, loaded, sources, &paths, &tasks, &mut begun));
    finish(runtime, &tasks, begun.gateway, &export);
    // Everything is closed now, and may be moved.
    let restored = restore::carry_out(&paths.data);
    drop(log);
    done.and(restored.map_err(End::from))
}

/// What a run has begun and the end of it needs.
struct Begun {
    watching: Watching,
    /// Once there is one.
    gateway: Option<Gateway>,
}

async fn dispatch(
    command: Option<Command>,
    global: cli::Global,
    loaded: Loaded,
    sources: Sources,
    paths: &Paths,
    tasks: &Tasks,
    begun: &mut Begun,
) -> Result<(), End> {
    // A full quota sends SIGXFSZ, which ends a program that has no handler; with one, the write fails as on a full disk.
    let _too_large = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()));
    let config = loaded.config.clone();
    match command {
        None => {
            let live = Live::follow(loaded, sources, tasks);
            let gateway = compose_watched(paths, &config, &live, tasks, &begun.watching)?;
            begun.gateway = Some(gateway.clone());
            look_after_everything(gateway.clone(), tasks);
            interface(gateway, live, tasks, false).await
        }
        Some(Command::Demo) => demo(config, tasks, &begun.watching).await,
        Some(Command::Doctor) => {
            let mut stops = Stops::listen()?;
            let json = global.json;
            let live = Live::settled(loaded);
            let desk = compose_watched(paths, &config, &live, tasks, &begun.watching)
                .map(|gateway| Desk::new(gateway, config, global));
            let (data_dir, log) = (paths.data.clone(), paths.state.join(logging::FILE));
            let examining = async move {
                let desk = desk.as_ref().map_err(Clone::clone);
                doctor::run(doctor::Patient { sources: &sources, data_dir, log, desk, json }).await
            };
            stops::run_until(&mut stops, Duration::ZERO, examining).await
        }
        Some(Command::Backup(what)) if restore::needs_nobody(&what, paths).is_some() => {
            let Some(asked) = restore::needs_nobody(&what, paths) else { return Ok(()) };
            restore::into_nobodys(paths, &config, asked).await
        }
        Some(command) => {
            let mut stops = Stops::listen()?;
            let live = Live::settled(loaded);
            let gateway = compose_watched(paths, &config, &live, tasks, &begun.watching)?;
            begun.gateway = Some(gateway.clone());
            let desk = Desk::new(gateway, (*live.config()).clone(), global);
            Box::pin(cli::run(desk, command, &mut stops)).await
        }
    }
}

/// The parts of the program, put together over one data directory.
pub fn compose(paths: &Paths, config: &Config, live: &Live, tasks: &Tasks) -> Result<Gateway, Fault> {
    compose_watched(paths, config, live, tasks, &Watching::default())
}

/// What a process sees of itself.
#[derive(Clone, Debug, Default)]
pub struct Watching {
    /// The last requests, gathered by whoever hears the spans.
    pub ring: Ring,
    pub metrics: Metrics,
    /// Where the requests go besides.
    pub export: Export,
}

/// The same, watched.
#[expect(clippy::too_many_lines, reason = "one part after the other, and no decision among them")]
pub fn compose_watched(
    paths: &Paths,
    config: &Config,
    live: &Live,
    tasks: &Tasks,
    watching: &Watching,
) -> Result<Gateway, Fault> {
    paths.secure()?;
    let file_system = paths::network_file_system(&paths.data);
    let alone = match file_system {
        Some(name) => {
            tracing::warn!(name, "the data directory lies on a network file system: one process at a time, no WAL");
            Some(paths::hold_alone(&paths.data, name)?)
        }
        None => None,
    };
    let cautious = alone.is_some();
    backup::finish_interrupted(&paths.data)?;
    let system = open_system(&paths.system_db(), cautious)?;
    let Watching { ring, metrics, export } = watching.clone();
    system.measure(Of::System, &metrics);
    let watch = Arc::new(Watch::open(&paths.system_db())?);
    follow_house(live, &watch);
    let sessions = Arc::new(LiveSessions::new(watch));
    let accounts =
        Accounts::new(system.clone(), Arc::clone(&sessions), paths.clone(), cautious, live.clone(), tasks.clone());
    let breakers = Breakers::new();
    let ollama = ollama(config, live, counted(breakers.watch(), metrics.clone()), metrics.clone())?;
    let hub = Hub::new();
    let conversations = Conversations::new(hub.clone(), live.clone());
    let (notes, branches) = (Notes::new(hub.clone()), Branches::new(hub.clone()));
    let own_jobs = Book::new(hub.clone(), tasks.clone(), paths.data.join("leases"));
    let search = Search::new(hub.clone(), tasks.clone(), own_jobs.clone());
    let library = Library::new(hub.clone());
    let ratings = Ratings::new(system.clone(), hub.clone());
    let retention = Retention::new(hub.clone(), tasks.clone(), own_jobs.clone(), paths.data.join("leases"));
    let lanes = Lanes::shared(paths.data.join("leases"));
    let (cwd, home) = (std::env::current_dir().unwrap_or_default(), std::env::var_os("HOME").map(PathBuf::from));
    let transfers =
        Transfers::new(hub.clone(), tasks.clone(), system.clone(), own_jobs.clone(), cwd.clone(), home.clone());
    let cache = model_cache(config).counted_in(metrics.clone());
    let model_work = model_work((&ollama, live), cache.clone(), &system, paths, (cwd.clone(), home.clone()));
    let asked = (&ollama, &breakers, &cache);
    let health = health((paths, config, live), (&system, &hub, tasks), asked, (file_system, export));
    let models = Arc::new(models(live, ollama.clone(), cache.clone(), &breakers, &system, &hub, tasks));
    let telemetry = Telemetry::new(system.clone(), metrics.clone(), ring, cache);
    let backups = Backups::new(system.clone(), restore::place(paths, config), tasks.clone());
    let rules = Rulebook::new(rulebook::Parts {
        system: system.clone(),
        hub: hub.clone(),
        tasks: tasks.clone(),
        leases: paths.data.join("leases"),
        data: paths.data.clone(),
        world: Arc::new(WhatRulesAsk { models: models.clone(), work: model_work.clone() }),
        clock: rulebook::Parts::clock(),
        zone: crate::zone::local(),
        look: rulebook::Parts::LOOK,
    });
    let jobs = Jobs::new(jobs::Parts {
        system: system.clone(),
        hub: hub.clone(),
        tasks: tasks.clone(),
        live: live.clone(),
        leases: paths.data.join("leases"),
        runner: Arc::new(Hands { models: model_work.clone(), backups: backups.clone(), rules: rules.clone() }),
        pace: jobs::Pace::default(),
        metrics: metrics.clone(),
    });
    let turns = Turns::new(turns::Parts {
        lanes: lanes.clone(),
        ollama: ollama.clone(),
        hub: hub.clone(),
        tasks: tasks.clone(),
        live: live.clone(),
        leases: paths.data.join("leases"),
        system: Some(system.clone()),
        sessions: Some(Arc::clone(&sessions)),
        metrics: metrics.clone(),
        cwd,
        home,
    });
    sweep(&system, paths, tasks);
    let (users, measures) = (Users::new(system.clone(), paths.clone()), Measures::new(system.clone()));
    let reports = Reports::new(system.clone(), paths.clone());
    let (roles, audit) = (Roles::new(system.clone()), Audit::new(system.clone()));
    let house = House::new(system.clone(), live.clone());
    let profiles = Profiles::new(system.clone(), live.clone(), lanes);
    let limiter = Limiter::new(system.clone(), live.clone(), tasks.clone());
    let gate = Gate::new(sessions, limiter, breakers, system, metrics);
    Ok(Gateway::new(Parts {
        alone,
        gate,
        accounts,
        measures,
        models,
        conversations,
        library,
        turns,
        health,
        users,
        roles,
        house,
        audit,
        backups,
        profiles,
        reports,
        transfers,
        notes,
        own_jobs,
        ratings,
        branches,
        insights: Insights,
        search,
        telemetry,
        retention,
        jobs,
        model_work,
        rules,
    }))
}

/// Lays what an administrator has set for the house under the configuration.
fn follow_house(live: &Live, watch: &Arc<Watch>) {
    let followed = Followed::new(Arc::clone(watch));
    live.follow_house(Box::new(move || followed.values()));
}

/// What does the work that jobs are about.
fn model_work(
    (ollama, live): (&Ollama, &Live),
    cache: ModelCache,
    system: &Db,
    paths: &Paths,
    (cwd, home): (PathBuf, Option<PathBuf>),
) -> Arc<ModelWork> {
    let bench = Bench { system: system.clone(), leases: paths.data.join("leases") };
    Arc::new(ModelWork::new(ollama.clone(), cwd, home).with_bench(bench).with_cache(cache).with_live(live.clone()))
}

fn model_cache(config: &Config) -> ModelCache {
    ModelCache::new(config.cache.bytes, Duration::from_secs(config.cache.models_fresh_seconds))
}

fn models(
    live: &Live,
    ollama: Ollama,
    cache: ModelCache,
    breakers: &Breakers,
    system: &Db,
    hub: &Hub,
    tasks: &Tasks,
) -> Models {
    Models::new(models::Parts {
        probe: Probe::here(ollama.address().is_loopback()),
        ollama,
        breakers: breakers.clone(),
        cache,
        live: live.clone(),
        system: system.clone(),
        hub: hub.clone(),
        tasks: tasks.clone(),
    })
}

/// The client; `watch` hears how each call ended, and new connections are counted.
fn ollama(config: &Config, live: &Live, watch: ollama::Watch, metrics: Metrics) -> Result<Ollama, Fault> {
    let live = live.clone();
    Ok(Ollama::new(Settings {
        silence: Arc::new(move || live.config().chat.silence()),
        allow_plaintext_remote: config.ollama.allow_plaintext_remote,
        api_key: std::env::var("OLLAMA_API_KEY").ok(),
        watch: Some(watch),
        connects: Some(Arc::new(move |took| metrics.connected(took))),
        ..Settings::new(address(config)?)
    }))
}

/// Hears the outcomes of calls for the figures, too.
fn counted(watch: ollama::Watch, metrics: Metrics) -> ollama::Watch {
    Arc::new(move |kind, outcome, took| {
        watch(kind, outcome, took);
        let kind = match kind {
            ollama::Kind::Chat => metrics::OllamaKind::Chat,
            ollama::Kind::Embed => metrics::OllamaKind::Embed,
            ollama::Kind::Manage => metrics::OllamaKind::Manage,
        };
        let outcome = match outcome {
            ollama::Outcome::Answered => metrics::OllamaOutcome::Answered,
            ollama::Outcome::Failed(_) => metrics::OllamaOutcome::Failed,
            ollama::Outcome::Abandoned => metrics::OllamaOutcome::Abandoned,
        };
        metrics.ollama(kind, outcome, took);
    })
}

/// What is looked at to tell whether all is well.
fn health(
    (paths, config, live): (&Paths, &Config, &Live),
    (system, hub, tasks): (&Db, &Hub, &Tasks),
    (ollama, breakers, cache): (&Ollama, &Breakers, &ModelCache),
    (network_file_system, export): (Option<&'static str>, Export),
) -> HealthChecks {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let (places, is_here) = (Places::of_this_machine(home.as_deref()), ollama.address().is_loopback());
    HealthChecks::new(Watched {
        ollama: ollama.clone(),
        tasks: tasks.clone(),
        breakers: breakers.clone(),
        cache: cache.clone(),
        system: system.clone(),
        hub: hub.clone(),
        live: live.clone(),
        place: restore::place(paths, config),
        network_file_system,
        program_path: std::env::var_os("PATH").unwrap_or_default(),
        room: Arc::new(move || places.room(is_here)),
        export,
    })
}

/// Does from now on what a window does beside being one: jobs, rules, health, and what is counted.
fn look_after_everything(gateway: Gateway, tasks: &Tasks) {
    gateway.watch_over_health();
    gateway.measure_sizes_daily(tasks);
    gateway.follow_hours(tasks);
    let ending = tasks.token();
    tasks.spawn("beginning to look after everything", async move {
        if ending.run_until_cancelled(tokio::time::sleep(AFTER_START)).await.is_some() {
            gateway.take_up_all_jobs();
            gateway.look_after_rules();
        }
    });
}

/// Removes the files of vaults that are nobody's any more, without anybody waiting for it.
fn sweep(system: &Db, paths: &Paths, tasks: &Tasks) {
    let (unclaimed, vaults) = (system.clone(), paths.vaults());
    tasks.spawn("removing files of purged accounts", async move {
        if let Err(why) = leftovers::sweep(&unclaimed, &vaults, Moment::clock()).await {
            tracing::warn!(%why, "a purged account's file could not be removed");
        }
    });
}

/// The configured address, else that of `OLLAMA_HOST`, else Ollama's own.
fn address(config: &Config) -> Result<Address, Fault> {
    let (named, from) = match config.ollama.host.as_str() {
        "" => (std::env::var("OLLAMA_HOST").unwrap_or_default(), "OLLAMA_HOST"),
        host => (host.to_owned(), "ollama.host"),
    };
    Address::parse(&named).map_err(|error| {
        Fault::invalid(format!("{from} cannot be used: {error}."))
            .hint("Write it as 127.0.0.1:11434 or https://ollama.example, or leave it away.")
    })
}

async fn interface(gateway: Gateway, live: Live, tasks: &Tasks, is_demo: bool) -> Result<(), End> {
    // Boxed: the whole machine lives in this future.
    match Box::pin(ui::live::interface(gateway, tasks.clone(), live, is_demo)).await? {
        Ended::Quit => Ok(()),
        Ended::Signal(number) => Err(End::Code(u8::try_from(128 + number).unwrap_or(1))),
        // As the hangup that did not come would have had it.
        Ended::TerminalGone => Err(End::Code(129)),
    }
}

async fn demo(config: Config, tasks: &Tasks, watching: &Watching) -> Result<(), End> {
    out::say("ollamanet: This is a demo: a built-in stand-in plays Ollama, and nothing of it is kept.");
    let demo = Demo::prepare(config, tasks).await?;
    let live = Live::fixed(demo.config.clone());
    let gateway = compose_watched(&demo.paths, &demo.config, &live, tasks, watching)?;
    demo.furnish(&gateway).await?;
    gateway.take_up_all_jobs();
    gateway.watch_over_health();
    let done = interface(gateway, live, tasks, true).await;
    // Before the directory goes, whoever still writes into it.
    tasks.stop(ENDING).await;
    out::say("ollamanet: The demo is over; nothing of it was kept.");
    done
}

/// Ends what still runs, each step even if one before it failed.
fn finish(runtime: Runtime, tasks: &Tasks, gateway: Option<Gateway>, export: &Export) {
    let late = runtime.block_on(tasks.stop(ENDING));
    if let Some(gateway) = gateway {
        // After everything that is counted, and before the database closes.
        let writing = async { tokio::time::timeout(ENDING, gateway.write_down_counted()).await };
        let _ = runtime.block_on(writing);
    }
    runtime.block_on(export.end());
    if !late.is_empty() {
        tracing::warn!(tasks = late.join(", "), "did not end in time");
    }
    // What still held a handle on a database goes with the runtime.
    runtime.shutdown_timeout(Duration::from_millis(100));
    if !store::thread::wait_until_closed(ENDING) {
        tracing::warn!("a database did not close in time; the next start tidies up after it");
    }
}

fn needs_terminal() -> Result<(), Fault> {
    if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        return Ok(());
    }
    Err(Fault::invalid("The interface needs a terminal, and there is none here.")
        .hint("In scripts use `ollamanet ask` and the other commands; `ollamanet help` lists them."))
}
