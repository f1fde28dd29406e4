//! The composition root: puts the parts together, hands them to the interface or a command, and ends in order.
//!
//! It sees everything and decides nothing. Architecture invariant: nothing here waits for the network or a disk check
//! before the first frame; what is slow is made when it is first needed.

use std::{ffi::OsString, io::IsTerminal, path::PathBuf, time::Duration};

use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
};

use crate::{
    api::{Fault, FaultKind},
    cli::{self, Cli, Command, Desk, End, Stops, doctor, out},
    config::{
        Config,
        live::Live,
        load::{self, Sources},
    },
    gateway::Gateway,
    logging,
    tasks::Tasks,
};

/// How long background work may take to end before the program goes without it.
const ENDING: Duration = Duration::from_secs(2);

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
    let places = Places::find(global.data_dir.clone())?;
    let sources = Sources {
        file: Some(global.config.clone().unwrap_or_else(|| places.config.join("config.toml"))),
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
    let log = logging::start(&places.log_dir(), logging::level(std::env::var("OLLAMANET_LOG").ok().as_deref())?);
    // A doctor is for the day when the settings are wrong; everybody else needs them right.
    let config = match (&command, load::load(&sources)) {
        (_, Ok(loaded)) => loaded.config,
        (Some(Command::Doctor), Err(_)) => Config::default(),
        (_, Err(fault)) => return Err(fault.into()),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("worker")
        .enable_all()
        .build()
        .map_err(|error| Fault::new(FaultKind::Internal, format!("The program cannot start its threads: {error}.")))?;
    let tasks = Tasks::new();
    let done = runtime.block_on(dispatch(command, global, config, sources, &places, &tasks));
    finish(runtime, &tasks);
    drop(log);
    done
}

async fn dispatch(
    command: Option<Command>,
    global: cli::Global,
    config: Config,
    sources: Sources,
    places: &Places,
    tasks: &Tasks,
) -> Result<(), End> {
    let mut stops = Stops::listen()?;
    // A full quota sends SIGXFSZ, which ends a program that has no handler; with one, the write fails as on a full disk.
    let _too_large = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()));
    match command {
        None => {
            let gateway = compose(places, &config, tasks)?;
            let live = Live::follow(config, sources, tasks);
            interface(gateway, live, tasks, None).await
        }
        Some(Command::Demo) => demo(config, tasks).await,
        Some(Command::Doctor) => {
            let json = global.json;
            let desk = compose(places, &config, tasks).map(|gateway| Desk { gateway, config, global });
            let patient = doctor::Patient {
                sources: &sources,
                data_dir: places.data.clone(),
                log: places.log_dir().join(logging::FILE),
                desk: desk.as_ref().map_err(Clone::clone),
                json,
            };
            tokio::select! {
                biased;
                code = stops.next() => Err(End::Code(code)),
                done = doctor::run(patient) => done,
            }
        }
        Some(command) => {
            let desk = Desk { gateway: compose(places, &config, tasks)?, config, global };
            cli::run(&desk, command, &mut stops).await
        }
    }
}

/// The parts of the program, put together over one data directory.
fn compose(_places: &Places, _config: &Config, _tasks: &Tasks) -> Result<Gateway, Fault> {
    Err(Fault::new(FaultKind::Store, "The store cannot be opened."))
}

async fn interface(_gateway: Gateway, _config: Live, _tasks: &Tasks, _label: Option<&str>) -> Result<(), End> {
    Ok(())
}

async fn demo(_config: Config, _tasks: &Tasks) -> Result<(), End> {
    Ok(())
}

/// Ends what still runs, each step even if one before it failed.
fn finish(runtime: Runtime, tasks: &Tasks) {
    let late = runtime.block_on(tasks.stop(ENDING));
    if !late.is_empty() {
        tracing::warn!(tasks = late.join(", "), "did not end in time");
    }
    runtime.shutdown_timeout(Duration::from_millis(100));
}

/// Where everything lies.
#[derive(Clone, Debug)]
struct Places {
    config: PathBuf,
    data: PathBuf,
    state: PathBuf,
}

impl Places {
    fn find(data: Option<PathBuf>) -> Result<Self, Fault> {
        let own = directories::ProjectDirs::from("", "", "ollamanet").ok_or_else(|| {
            Fault::new(FaultKind::Unsafe, "This OS account has no home directory.")
                .hint("Set HOME, or say where the data lies: --data-dir DIR")
        })?;
        Ok(Self {
            config: own.config_dir().to_owned(),
            data: data.unwrap_or_else(|| own.data_dir().to_owned()),
            state: own.state_dir().unwrap_or_else(|| own.data_local_dir()).to_owned(),
        })
    }

    fn log_dir(&self) -> PathBuf {
        self.state.clone()
    }
}

fn needs_terminal() -> Result<(), Fault> {
    if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        return Ok(());
    }
    Err(Fault::invalid("The interface needs a terminal, and there is none here.")
        .hint("In scripts use `ollamanet ask` and the other commands; `ollamanet help` lists them."))
}
