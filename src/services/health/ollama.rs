//! Ollama: whether it is there, which version, how fast, how many models it holds; and starting one that is here but not
//! running.

use std::{
    ffi::OsString,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use super::HealthChecks;
use crate::{
    access::Visitor,
    api::{
        Fault, FaultKind, amount,
        health::{Check, Health, Level, OllamaState, Part},
    },
    ollama::{Address, Ollama, OllamaError, Unreachable},
};

/// Before this version, names of models could lead Ollama outside its own directory, with root's rights where it has them.
const SAFE_SINCE: (u32, u32, u32) = (0, 35, 0);

/// Longest wait for a sign of life; the whole check may take 3 s.
const SIGN_OF_LIFE: Duration = Duration::from_millis(2500);

/// Longest wait for the list of what is in memory, which is only told where it comes.
const IN_MEMORY: Duration = Duration::from_millis(400);

/// Longest wait for an Ollama that was just started.
const START_WITHIN: Duration = Duration::from_secs(10);

/// A version number comes from memory: what takes so long to send it is in trouble.
const SLOW_MS: u32 = 1000;

/// What was found out about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub state: OllamaState,
    pub warning: Option<String>,
    /// Models in memory.
    pub loaded: Option<u64>,
}

/// Asks it. At most as long as a check may take.
pub(super) async fn ask(ollama: &Ollama, program_path: &OsString) -> Found {
    let asked = Instant::now();
    let answer = ollama.version(SIGN_OF_LIFE);
    // Connecting has a limit of its own, so that both together could take longer than a check may.
    let answer =
        tokio::time::timeout(SIGN_OF_LIFE, answer).await.unwrap_or(Err(OllamaError::Silent { after: SIGN_OF_LIFE }));
    match answer {
        Ok(version) => {
            let latency_ms = u32::try_from(asked.elapsed().as_millis()).unwrap_or(u32::MAX);
            let loaded = tokio::time::timeout(IN_MEMORY, ollama.ps()).await.ok().and_then(Result::ok);
            Found {
                warning: warning(ollama.address(), Some(&version)),
                state: OllamaState::Reachable { version, latency_ms },
                loaded: loaded.map(|models| models.len() as u64),
            }
        }
        Err(error) => {
            let installed = || find("ollama", program_path).is_some();
            let state = without(error, ollama.address().is_loopback(), installed);
            Found { state, warning: warning(ollama.address(), None), loaded: None }
        }
    }
}

/// What that means, and what to do about it.
pub(super) fn judge(found: &Found, address: &str) -> Check {
    let bad = |reason, text: String| Check::new(Part::Ollama, Level::Bad, reason, text);
    let warn = |reason, text: String| Check::new(Part::Ollama, Level::Warning, reason, text);
    match &found.state {
        OllamaState::Reachable { version, latency_ms } => {
            let memory = match found.loaded {
                None => String::new(),
                Some(0) => ", no model in memory".to_owned(),
                Some(models) => format!(", {} in memory", amount::many(models, "model")),
            };
            let text = format!("{version} at {address}, answers in {latency_ms} ms{memory}");
            let check = match &found.warning {
                Some(warning) => warn("warned_of", format!("{text}. {warning}")).fix(if is_safe(version) {
                    "Use https or a tunnel: OLLAMA_HOST=https://HOST ollamanet"
                } else {
                    "Update Ollama: curl -fsSL https://ollama.com/install.sh | sh"
                }),
                None if *latency_ms > SLOW_MS => {
                    warn("slow", text).fix("See what keeps that machine busy: `ollama ps`, then `top` there.")
                }
                None => Check::good(Part::Ollama, text),
            };
            let check = check.figure("latency_ms", u64::from(*latency_ms));
            match found.loaded {
                Some(loaded) => check.figure("loaded", loaded),
                None => check,
            }
        }
        OllamaState::InstalledNotRunning => bad("not_running", format!("installed, but not running at {address}"))
            .fix("Start it: ollama serve (in the interface: F7)."),
        OllamaState::Absent => {
            bad("absent", format!("not found: nothing answers at {address}, and no `ollama` is on the PATH")).fix(
                "Install Ollama from https://ollama.com/download, or say where it runs: OLLAMA_HOST=address ollamanet",
            )
        }
        OllamaState::Unreachable { why } => bad("unreachable", format!("not reachable at {address}: {why}"))
            .fix("Check the address (OLLAMA_HOST, or ollama.host in the settings) and whether Ollama runs there."),
        OllamaState::Unknown => warn("unknown", format!("not asked yet at {address}")),
    }
}

impl HealthChecks {
    /// Starts the Ollama of this machine and waits until it answers, at most 10 s. One that runs already is left alone.
    pub async fn start_ollama(&self, _by: Visitor) -> Result<Health, Fault> {
        self.start().await
    }

    pub(super) async fn start(&self) -> Result<Health, Fault> {
        let _starting = self.0.starting.lock().await;
        let address = self.0.watched.ollama.address();
        if self.0.watched.ollama.version(SIGN_OF_LIFE).await.is_ok() {
            return Ok(self.check_started().await);
        }
        if !address.is_loopback() {
            return Err(Fault::invalid(format!("{address} is another machine: Ollama can only be started there."))
                .hint("Start it on that machine, or correct OLLAMA_HOST."));
        }
        let Some(program) = find("ollama", &self.0.watched.program_path) else {
            return Err(Fault::new(FaultKind::Upstream, "There is no `ollama` program on this machine.")
                .hint("Install it from https://ollama.com/download, then try again."));
        };
        let mut server =
            start(&program, find("setsid", &self.0.watched.program_path).as_deref(), address).map_err(|error| {
                Fault::new(FaultKind::Upstream, format!("{} cannot be started: {error}.", program.display()))
                    .hint("Run `ollama serve` in another terminal to see what is wrong.")
            })?;
        let ended = |how: String| {
            Fault::new(FaultKind::Upstream, how).hint("Run `ollama serve` in another terminal to see what is wrong.")
        };
        let begun = Instant::now();
        while begun.elapsed() < START_WITHIN {
            if self.0.watched.ollama.version(SIGN_OF_LIFE).await.is_ok() {
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
        self.0.watched.breakers.reset();
        self.look_and_record().await
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
    use super::{
        super::scratch::{dead, watched},
        *,
    };
    use crate::{
        api::health::BreakerState,
        fake::{Pace, Reply, StandIn},
        ollama::{Kind, Outcome, Trouble},
        tasks::Tasks,
    };

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
        let checks = watched(&fake.url(), directory.path());
        for _ in 0..3 {
            checks.breakers.watch()(Kind::Chat, Outcome::Failed(Trouble::NotThere), Duration::ZERO);
        }
        let health = checks.start().await.unwrap();
        assert!(matches!(health.ollama, OllamaState::Reachable { .. }));
        // Whoever has just started it is not told to wait for a breaker that opened while it was away.
        assert!(health.breakers.iter().all(|(_, state)| *state == BreakerState::Closed), "{:?}", health.breakers);
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
}
