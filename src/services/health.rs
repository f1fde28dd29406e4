//! How everything stands: Ollama, the store, the disk, the tasks; and starting an Ollama that is here but not running.
//!
//! For everybody, also before signing in: it tells of this machine, never of a person. Deciding what an answer means is
//! pure; looking is done by the few functions at the end.

use std::{
    ffi::OsString,
    fmt,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    pin::Pin,
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    access::{Visitor, limiter},
    api::{
        Fault, FaultKind,
        health::{BreakerState, Check, Health, Level, OllamaState},
    },
    ollama::{Address, Ollama, OllamaError, Unreachable},
    tasks::{Running, Tasks},
};

/// Before this version, names of models could lead Ollama outside its own directory, with root's rights where it has them.
const SAFE_SINCE: (u32, u32, u32) = (0, 35, 0);

/// Longest wait for a sign of life; the whole check may take 3 s.
const SIGN_OF_LIFE: Duration = Duration::from_millis(2500);

/// Longest wait for an Ollama that was just started.
const START_WITHIN: Duration = Duration::from_secs(10);

const MIB: u64 = 1024 * 1024;

/// Looks at the store and says how it stands.
pub type StoreCheck = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Check> + Send>> + Send + Sync>;

/// Tells the breakers' states, each with its kind of call.
pub type BreakerStates = Arc<dyn Fn() -> Vec<(String, BreakerState)> + Send + Sync>;

/// What is looked at.
#[derive(Clone)]
pub struct Watched {
    pub ollama: Ollama,
    pub tasks: Tasks,
    /// Any directory on the disk that holds the data.
    pub data: PathBuf,
    /// Where programs are looked for, as `PATH` writes it.
    pub program_path: OsString,
    pub store: StoreCheck,
    pub breakers: BreakerStates,
}

/// The service.
pub struct HealthChecks {
    watched: Watched,
    /// Two starts at once would be two servers fighting for one port.
    starting: tokio::sync::Mutex<()>,
    started: Box<dyn Fn() + Send + Sync>,
}

impl fmt::Debug for HealthChecks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HealthChecks").field("ollama", &self.watched.ollama).finish_non_exhaustive()
    }
}

impl HealthChecks {
    #[must_use]
    pub fn new(watched: Watched) -> Self {
        Self { watched, starting: tokio::sync::Mutex::new(()), started: Box::new(|| {}) }
    }

    /// What to do as soon as a started Ollama answers: whoever has just started it must not be told to wait for a
    /// breaker that opened while it was away.
    #[must_use]
    pub fn when_started(mut self, act: impl Fn() + Send + Sync + 'static) -> Self {
        self.started = Box::new(act);
        self
    }

    /// Checks now; at most 3 s.
    pub async fn check(&self, _by: Visitor) -> Result<Health, Fault> {
        Ok(self.look().await)
    }

    async fn look(&self) -> Health {
        let watched = &self.watched;
        let (ollama, store) = tokio::join!(self.ollama(), (watched.store)());
        let version = match &ollama {
            OllamaState::Reachable { version, .. } => Some(version.as_str()),
            OllamaState::Unknown
            | OllamaState::InstalledNotRunning
            | OllamaState::Absent
            | OllamaState::Unreachable { .. } => None,
        };
        Health {
            ollama_warning: warning(watched.ollama.address(), version),
            ollama,
            ollama_url: watched.ollama.address().to_string(),
            breakers: (watched.breakers)(),
            store,
            disk: disk(&watched.data),
            tasks: tasks(&told(watched.tasks.running()), Instant::now()),
            checked_at: jiff::Timestamp::now().as_millisecond(),
        }
    }

    /// Starts the Ollama of this machine and waits until it answers, at most 10 s. One that runs already is left alone.
    pub async fn start_ollama(&self, _by: Visitor) -> Result<Health, Fault> {
        self.start().await
    }

    async fn start(&self) -> Result<Health, Fault> {
        let _starting = self.starting.lock().await;
        let address = self.watched.ollama.address();
        if self.watched.ollama.version(SIGN_OF_LIFE).await.is_ok() {
            return Ok(self.check_started().await);
        }
        if !address.is_loopback() {
            return Err(Fault::invalid(format!("{address} is another machine: Ollama can only be started there."))
                .hint("Start it on that machine, or correct OLLAMA_HOST."));
        }
        let Some(program) = find("ollama", &self.watched.program_path) else {
            return Err(Fault::new(FaultKind::Upstream, "There is no `ollama` program on this machine.")
                .hint("Install it from https://ollama.com/download, then try again."));
        };
        let mut server =
            start(&program, find("setsid", &self.watched.program_path).as_deref(), address).map_err(|error| {
                Fault::new(FaultKind::Upstream, format!("{} cannot be started: {error}.", program.display()))
                    .hint("Run `ollama serve` in another terminal to see what is wrong.")
            })?;
        let ended = |how: String| {
            Fault::new(FaultKind::Upstream, how).hint("Run `ollama serve` in another terminal to see what is wrong.")
        };
        let begun = Instant::now();
        while begun.elapsed() < START_WITHIN {
            if self.watched.ollama.version(SIGN_OF_LIFE).await.is_ok() {
                return Ok(self.check_started().await);
            }
            if let Ok(Some(status)) = server.try_wait() {
                return Err(ended(format!("Ollama was started and ended at once ({status}).")));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(ended(format!("Ollama was started but does not answer at {address} after {} s.", START_WITHIN.as_secs())))
    }

    async fn check_started(&self) -> Health {
        (self.started)();
        self.look().await
    }

    async fn ollama(&self) -> OllamaState {
        let asked = Instant::now();
        let answer = self.watched.ollama.version(SIGN_OF_LIFE);
        // Connecting has a limit of its own, so that both together could take longer than a check may.
        let answer = tokio::time::timeout(SIGN_OF_LIFE, answer)
            .await
            .unwrap_or(Err(OllamaError::Silent { after: SIGN_OF_LIFE }));
        match answer {
            Ok(version) => OllamaState::Reachable {
                version,
                latency_ms: u32::try_from(asked.elapsed().as_millis()).unwrap_or(u32::MAX),
            },
            Err(error) => {
                let installed = || find("ollama", &self.watched.program_path).is_some();
                without(error, self.watched.ollama.address().is_loopback(), installed)
            }
        }
    }
}

/// What it means that no version came.
fn without(error: OllamaError, is_loopback: bool, installed: impl FnOnce() -> bool) -> OllamaState {
    match error {
        OllamaError::Unreachable { why: Unreachable::Refused, .. } if is_loopback => {
            if installed() {
                OllamaState::InstalledNotRunning
            } else {
                OllamaState::Absent
            }
        }
        other => OllamaState::Unreachable { why: Fault::from(other).message },
    }
}

fn warning(address: &Address, version: Option<&str>) -> Option<String> {
    let mut warnings = Vec::new();
    if address.is_plaintext_remote() {
        warnings.push(
            "Ollama is on another machine and the way there is not encrypted: whoever is on that network can read your prompts."
                .to_owned(),
        );
    }
    if let Some(version) = version.filter(|version| !is_safe(version)) {
        let (major, minor, patch) = SAFE_SINCE;
        warnings
            .push(format!("Ollama {version} has known security holes: update it to {major}.{minor}.{patch} or later."));
    }
    (!warnings.is_empty()).then(|| warnings.join(" "))
}

/// A version that cannot be read is not called safe.
fn is_safe(version: &str) -> bool {
    let plain = version.trim_start_matches('v').split(['-', '+']).next().unwrap_or_default();
    let mut numbers = plain.split('.').map(str::parse::<u32>);
    let mut next = || numbers.next().and_then(Result::ok);
    match (next(), next(), next()) {
        (Some(major), Some(minor), patch) => (major, minor, patch.unwrap_or(0)) >= SAFE_SINCE,
        _ => false,
    }
}

/// Counting this very call is no news of the machine.
fn told(mut running: Vec<Running>) -> Vec<Running> {
    running.retain(|task| task.name != limiter::COUNTING);
    running
}

/// How the store stands. On a network file system it works, and a person should know what that costs them.
pub fn store(looked: Result<(), Fault>, network_file_system: Option<&str>) -> Check {
    match (looked, network_file_system) {
        (Err(why), _) => Check { level: Level::Bad, text: why.to_string() },
        (Ok(()), None) => Check { level: Level::Good, text: "open, and sound as far as looked at".to_owned() },
        (Ok(()), Some(name)) => Check {
            level: Level::Warning,
            text: format!(
                "The data lies on {name}: one window at a time, and slower. A directory on a local disk (--data-dir) is \
                 safer."
            ),
        },
    }
}

fn tasks(running: &[Running], now: Instant) -> Check {
    let text = match running {
        [] => "Nothing runs in the background.".to_owned(),
        [oldest, rest @ ..] => {
            let seconds = now.saturating_duration_since(oldest.since).as_secs();
            format!("{} in the background, the oldest ({}) for {seconds} s.", rest.len() + 1, oldest.name)
        }
    };
    Check { level: Level::Good, text }
}

fn disk(data: &Path) -> Check {
    match rustix::fs::statvfs(data) {
        Ok(disk) => disk_with(disk.f_bavail.saturating_mul(disk.f_frsize)),
        Err(error) => Check { level: Level::Warning, text: format!("The free space cannot be read: {error}.") },
    }
}

fn disk_with(free: u64) -> Check {
    let mib = free / MIB;
    let text = if mib >= 10 * 1024 { format!("{} GiB free.", mib / 1024) } else { format!("{mib} MiB free.") };
    match mib {
        0..100 => Check {
            level: Level::Bad,
            text: format!("Only {text} Free some space, or messages will soon not be stored."),
        },
        100..1024 => Check { level: Level::Warning, text: format!("Only {text}") },
        _ => Check { level: Level::Good, text },
    }
}

/// An executable of that name in one of the directories of `path`. Relative ones are passed over: the current directory
/// has no say in what is run.
fn find(name: &str, path: &OsString) -> Option<PathBuf> {
    std::env::split_paths(path).filter(|directory| directory.is_absolute()).map(|directory| directory.join(name)).find(
        |file| std::fs::metadata(file).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0),
    )
}

/// Starts the server so that it outlives this program and its terminal. A session of its own takes a system call that
/// safe Rust does not offer, so `setsid` makes it where there is one; else a process group of its own has to do.
fn start(program: &Path, setsid: Option<&Path>, address: &Address) -> std::io::Result<tokio::process::Child> {
    let mut command = tokio::process::Command::new(setsid.unwrap_or(program));
    if setsid.is_some() {
        command.arg(program);
    } else {
        command.process_group(0);
    }
    command
        .arg("serve")
        // It must listen where we look.
        .env("OLLAMA_HOST", address.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(false)
        .current_dir("/")
        .spawn()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fake::{Pace, Reply, StandIn},
        ollama::Settings,
    };

    fn watched(url: &str, program_path: &Path) -> HealthChecks {
        let good = || Check { level: Level::Good, text: "fine".into() };
        HealthChecks::new(Watched {
            ollama: Ollama::new(Settings::new(Address::parse(url).unwrap())),
            tasks: Tasks::new(),
            data: PathBuf::from("/"),
            program_path: program_path.into(),
            store: Arc::new(move || Box::pin(async move { good() })),
            breakers: Arc::new(|| vec![("chat".into(), BreakerState::Closed)]),
        })
    }

    /// A port on which nobody listens.
    fn dead() -> String {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    }

    #[test]
    fn a_network_file_system_is_pointed_out_and_damage_comes_with_its_remedy() {
        let level = |looked, name| store(looked, name).level;
        assert_eq!(level(Ok(()), None), Level::Good);
        assert_eq!(level(Ok(()), Some("NFS")), Level::Warning);
        assert!(store(Ok(()), Some("NFS")).text.contains("lies on NFS"));
        let damaged = || Err(Fault::new(FaultKind::Store, "It is damaged.").hint("Put a copy back."));
        assert_eq!(level(damaged(), Some("NFS")), Level::Bad);
        assert_eq!(store(damaged(), None).text, "It is damaged. Put a copy back.");
    }

    fn program(directory: &Path, script: &str) {
        let file = directory.join("ollama");
        std::fs::write(&file, script).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
    }

    #[tokio::test]
    async fn a_running_ollama_is_reachable_with_its_version() {
        let tasks = Tasks::new();
        let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
        let health = watched(&fake.url(), Path::new("/nowhere")).look().await;
        assert!(matches!(health.ollama, OllamaState::Reachable { ref version, .. } if version.starts_with("0.35.0")));
        assert_eq!(health.ollama_warning, None);
        assert_eq!(health.ollama_url, fake.url());
    }

    #[tokio::test]
    async fn what_is_installed_and_not_running_is_told_from_what_is_absent() {
        let directory = tempfile::tempdir().unwrap();
        let url = dead();
        assert_eq!(watched(&url, directory.path()).look().await.ollama, OllamaState::Absent);
        program(directory.path(), "#!/bin/sh\n");
        assert_eq!(watched(&url, directory.path()).look().await.ollama, OllamaState::InstalledNotRunning);
        std::fs::set_permissions(directory.path().join("ollama"), PermissionsExt::from_mode(0o644)).unwrap();
        assert_eq!(watched(&url, directory.path()).look().await.ollama, OllamaState::Absent);
    }

    #[tokio::test]
    async fn something_else_at_the_address_is_not_ollama() {
        let tasks = Tasks::new();
        let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
        fake.answer(|_| Some(Reply::text(200, "text/html", "<html>router</html>")));
        let health = watched(&fake.url(), Path::new("/nowhere")).look().await;
        assert!(
            matches!(health.ollama, OllamaState::Unreachable { ref why } if why.contains("not Ollama")),
            "{:?}",
            health.ollama
        );
    }

    #[tokio::test]
    async fn a_program_that_ends_at_once_is_reported_and_none_at_all_too() {
        let directory = tempfile::tempdir().unwrap();
        let url = dead();
        let fault = watched(&url, directory.path()).start().await.unwrap_err();
        assert!(fault.message.contains("no `ollama` program"), "{fault}");
        program(directory.path(), "#!/bin/sh\nexit 7\n");
        let fault = watched(&url, directory.path()).start().await.unwrap_err();
        assert!(fault.message.contains("exit status: 7"), "{fault}");
        let fault = watched("https://ollama.invalid", directory.path()).start().await.unwrap_err();
        assert!(fault.message.contains("another machine"), "{fault}");
    }

    #[tokio::test]
    async fn a_started_ollama_is_told_where_to_listen_and_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let tasks = Tasks::new();
        let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
        // Not there yet: until the program has run, the address gives nothing.
        fake.answer(|_| None);
        let witness = directory.path().join("started");
        program(
            directory.path(),
            &format!(
                "#!/bin/sh\necho \"$1 $OLLAMA_HOST\" > {0}.new\n/bin/mv {0}.new {0}\nexec /bin/sleep 5\n",
                witness.display()
            ),
        );
        let stand_in = StandIn::new(Pace::instant());
        let seen = witness.clone();
        fake.answer(move |request| seen.exists().then(|| stand_in.reply(request)));
        let (told, hears) = std::sync::mpsc::channel();
        let checks = watched(&fake.url(), directory.path()).when_started(move || told.send(()).unwrap());
        let health = checks.start().await.unwrap();
        assert!(matches!(health.ollama, OllamaState::Reachable { .. }));
        assert_eq!(hears.try_recv(), Ok(()));
        assert_eq!(std::fs::read_to_string(witness).unwrap(), format!("serve {}\n", fake.url()));
    }

    #[test]
    fn old_versions_and_open_networks_are_warned_of() {
        let local = Address::parse("").unwrap();
        let remote = Address::parse("192.168.1.5").unwrap();
        for (version, safe) in [
            ("0.35.0", true),
            ("0.35.1-rc2", true),
            ("1.0", true),
            ("v0.40.0", true),
            ("0.34.9", false),
            ("0.0.0", false),
            ("x", false),
            ("", false),
        ] {
            assert_eq!(warning(&local, Some(version)).is_none(), safe, "{version}");
        }
        assert!(warning(&remote, None).unwrap().contains("not encrypted"));
        assert_eq!(warning(&Address::parse("https://example.com").unwrap(), None), None);
    }

    #[test]
    fn little_space_is_told_before_it_is_none() {
        assert_eq!(disk_with(50 * MIB).level, Level::Bad);
        assert_eq!(disk_with(500 * MIB).level, Level::Warning);
        assert_eq!(disk_with(50 * 1024 * MIB), Check { level: Level::Good, text: "50 GiB free.".into() });
        assert_eq!(disk(Path::new("/no such directory")).level, Level::Warning);
    }

    #[tokio::test]
    async fn running_tasks_are_counted() {
        assert_eq!(tasks(&[], Instant::now()).text, "Nothing runs in the background.");
        let running = Running { name: "title".into(), since: Instant::now(), is_job: true };
        assert_eq!(tasks(&[running], Instant::now()).text, "1 in the background, the oldest (title) for 0 s.");
    }
}
