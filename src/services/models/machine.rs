//! What this machine has: main memory and GPUs. Looked at once, when it is first asked about, and never waited for.
//!
//! NVIDIA's is asked of `nvidia-smi`, AMD's is read from where its driver shows it (`mem_info_vram_total`), Apple's shares
//! main memory. None of them is required: what cannot be found is not there. Looking runs as a task of its own within a
//! deadline, because a driver that hangs must hold nobody up.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::watch;

use crate::{
    api::fleet::{Gpu, Machine},
    tasks::Tasks,
};

/// Longest that `nvidia-smi` may take. It wakes a sleeping GPU, which takes a second or two.
const ASKING: Duration = Duration::from_secs(5);
/// Most bytes read of its answer.
const ANSWER_MAX: usize = 64 * 1024;

/// Where to look.
#[derive(Clone, Debug)]
pub enum Probe {
    /// This machine.
    Here {
        /// Where programs are (`PATH`).
        path: OsString,
        /// Where the kernel shows graphics cards: `/sys/class/drm`.
        cards: PathBuf,
        /// Whether Ollama runs here as well.
        is_ollamas: bool,
    },
    /// Known already: for tests.
    Known(Machine),
}

impl Probe {
    #[must_use]
    pub fn here(is_ollamas: bool) -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        Self::Here { path, cards: PathBuf::from("/sys/class/drm"), is_ollamas }
    }
}

/// The machine, as far as it has been looked at.
#[derive(Debug)]
pub(super) struct Looked {
    probe: Probe,
    tasks: Tasks,
    begun: AtomicBool,
    found: watch::Sender<Option<Arc<Machine>>>,
}

impl Looked {
    pub fn new(probe: Probe, tasks: Tasks) -> Self {
        Self { probe, tasks, begun: AtomicBool::new(false), found: watch::Sender::new(None) }
    }

    /// What is known of it, waiting at most this long for the first look.
    pub async fn within(&self, wait: Duration) -> Option<Arc<Machine>> {
        self.begin();
        let mut found = self.found.subscribe();
        let there = tokio::time::timeout(wait, found.wait_for(Option::is_some)).await;
        there.ok().and_then(Result::ok).and_then(|machine| machine.clone())
    }

    fn begin(&self) {
        if self.begun.swap(true, Ordering::Relaxed) {
            return;
        }
        match &self.probe {
            Probe::Known(machine) => drop(self.found.send_replace(Some(Arc::new(machine.clone())))),
            Probe::Here { path, cards, is_ollamas } => {
                let (path, cards, is_ollamas) = (path.clone(), cards.clone(), *is_ollamas);
                let found = self.found.clone();
                self.tasks.spawn("looking at this machine", async move {
                    let machine = look(&path, &cards, is_ollamas).await;
                    found.send_replace(Some(Arc::new(machine)));
                });
            }
        }
    }
}

async fn look(path: &OsStr, cards: &Path, is_ollamas: bool) -> Machine {
    let memory = tokio::task::spawn_blocking(memory).await.ok().flatten();
    let mut gpus = nvidia(path).await;
    gpus.extend(amd(cards));
    gpus.extend(apple(memory));
    Machine { memory, gpus, is_ollamas }
}

/// Main memory, or what a container may use of it if that is less.
fn memory() -> Option<u64> {
    let mut system = sysinfo::System::new().ok()?;
    system.refresh_memory();
    let all = system.total_memory();
    let limit = system.cgroup_limits().map(|limits| limits.total_memory).filter(|limit| *limit > 0);
    Some(limit.map_or(all, |limit| limit.min(all))).filter(|bytes| *bytes > 0)
}

async fn nvidia(path: &OsStr) -> Vec<Gpu> {
    let program = std::env::split_paths(path)
        .filter(|dir| dir.is_absolute())
        .map(|dir| dir.join("nvidia-smi"))
        .find(|program| program.is_file());
    let Some(program) = program else { return Vec::new() };
    let mut asked = tokio::process::Command::new(program);
    asked
        .args(["--query-gpu=name,memory.total", "--format=csv,noheader,nounits"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    match tokio::time::timeout(ASKING, asked.output()).await {
        Ok(Ok(output)) if output.status.success() => {
            let answer = &output.stdout[..output.stdout.len().min(ANSWER_MAX)];
            nvidia_answer(&String::from_utf8_lossy(answer))
        }
        Ok(Ok(_) | Err(_)) | Err(_) => {
            tracing::info!("nvidia-smi is there but does not tell of a GPU");
            Vec::new()
        }
    }
}

/// `NVIDIA GeForce RTX 4090, 24564`, in MiB. A card that does not tell its memory is left out.
fn nvidia_answer(text: &str) -> Vec<Gpu> {
    let gpu = |line: &str| {
        let (name, memory) = line.rsplit_once(',')?;
        let memory = memory.trim().parse::<u64>().ok()?.checked_mul(1024 * 1024)?;
        Some(Gpu { name: name.trim().to_owned(), memory, is_shared: false })
    };
    text.lines().filter_map(gpu).collect()
}

/// Cards of AMD's driver. One of less than 2 GiB is a processor's own, which Ollama leaves alone.
fn amd(cards: &Path) -> Vec<Gpu> {
    let Ok(entries) = std::fs::read_dir(cards) else { return Vec::new() };
    let number = |path: PathBuf| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let mut found: Vec<(String, u64)> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().into_string().ok()?;
            // `card0`, and not its outputs `card0-DP-1`.
            name.strip_prefix("card")?.parse::<u32>().ok()?;
            let memory = number(entry.path().join("device/mem_info_vram_total"))?;
            (memory >= 2 * 1024 * 1024 * 1024).then_some((name, memory))
        })
        .collect();
    found.sort();
    found.into_iter().map(|(name, memory)| Gpu { name: format!("AMD ({name})"), memory, is_shared: false }).collect()
}

fn apple(memory: Option<u64>) -> Option<Gpu> {
    let is_apple = cfg!(all(target_os = "macos", target_arch = "aarch64"));
    memory.filter(|_| is_apple).map(|memory| Gpu { name: "Apple (Metal)".to_owned(), memory, is_shared: true })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const GIB: u64 = 1024 * 1024 * 1024;

    fn program(dir: &Path, text: &str) {
        let file = dir.join("nvidia-smi");
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[tokio::test]
    async fn gpus_are_found_by_their_drivers() {
        let dir = tempfile::tempdir().unwrap();
        program(dir.path(), "#!/bin/sh\necho 'NVIDIA RTX, the big one, 24564'\necho 'NVIDIA odd, [N/A]'\n");
        let cards = dir.path().join("drm");
        for (card, memory) in [("card0", 16 * GIB), ("card1", GIB / 2), ("card0-DP-1", 64 * GIB)] {
            std::fs::create_dir_all(cards.join(card).join("device")).unwrap();
            std::fs::write(cards.join(card).join("device/mem_info_vram_total"), format!("{memory}\n")).unwrap();
        }
        let machine = look(dir.path().as_os_str(), &cards, true).await;
        let gpu = |name: &str, memory| Gpu { name: name.to_owned(), memory, is_shared: false };
        assert_eq!(machine.gpus, [gpu("NVIDIA RTX, the big one", 24_564 * 1024 * 1024), gpu("AMD (card0)", 16 * GIB)]);
        assert!(machine.memory.is_some_and(|memory| memory > GIB / 8));
    }

    #[tokio::test]
    async fn without_a_driver_there_is_no_gpu_and_no_trouble() {
        let dir = tempfile::tempdir().unwrap();
        let nowhere = dir.path().join("none");
        assert_eq!(look(OsStr::new("relative:"), &nowhere, true).await.gpus, []);
        program(dir.path(), "#!/bin/sh\necho 'NVIDIA-SMI has failed'\nexit 9\n");
        assert_eq!(look(dir.path().as_os_str(), &nowhere, true).await.gpus, []);
    }

    #[tokio::test(start_paused = true)]
    async fn a_driver_that_hangs_holds_nobody_up() {
        let tasks = Tasks::new();
        let machine = Machine { memory: Some(GIB), ..Machine::default() };
        let known = Looked::new(Probe::Known(machine.clone()), tasks.clone());
        assert_eq!(known.within(Duration::ZERO).await.as_deref(), Some(&machine));
        let dir = tempfile::tempdir().unwrap();
        program(dir.path(), "#!/bin/sh\nexec cat /dev/tty\n");
        let here = Probe::Here { path: dir.path().into(), cards: dir.path().join("none"), is_ollamas: true };
        let looked = Looked::new(here, tasks.clone());
        // The clock is stopped, and the look has not come back: whoever waits goes on without.
        assert_eq!(looked.within(Duration::ZERO).await, None);
    }
}
