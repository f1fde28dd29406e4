//! What the tests bring along: temporary directories, a fake Ollama, a pseudo-terminal.

pub mod alice;
pub mod authenticator;
pub mod gates;
pub mod house;
pub mod operations;
pub mod papers;
pub mod pty;
pub mod registry;
pub mod sequences;
pub mod shown;
pub mod stage;

use std::path::{Path, PathBuf};

use rand::{Rng, SeedableRng, rngs::StdRng};

/// How many rounds a test of kills makes, and the moments of them: `usual` many, or as `OLLAMANET_KILLS` says. The seed is
/// printed, and `OLLAMANET_SEED` has the same moments again.
pub fn kills(usual: u64) -> (u64, StdRng) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let rounds = number("OLLAMANET_KILLS").unwrap_or(usual);
    let seed = number("OLLAMANET_SEED").unwrap_or_else(|| rand::rng().next_u64());
    println!("OLLAMANET_SEED={seed} OLLAMANET_KILLS={rounds}");
    (rounds, StdRng::seed_from_u64(seed))
}

/// An environment that holds nothing of the machine's own: every directory lies under `home`.
pub fn environment(home: &Path) -> Vec<(&'static str, PathBuf)> {
    let runtime = home.join("run");
    let _ = std::fs::create_dir(&runtime);
    let _ = std::fs::set_permissions(&runtime, std::os::unix::fs::PermissionsExt::from_mode(0o700));
    vec![
        ("HOME", home.to_path_buf()),
        ("XDG_DATA_HOME", home.join("data")),
        ("XDG_STATE_HOME", home.join("state")),
        ("XDG_CONFIG_HOME", home.join("config")),
        ("XDG_RUNTIME_DIR", runtime),
        // No `ollama` program is found on this path, whatever the machine has.
        ("PATH", PathBuf::from("/usr/bin:/bin")),
        ("LANG", PathBuf::from("C.UTF-8")),
    ]
}

/// Waits until something is so, without sleeping longer than it takes; fails after a minute.
pub async fn until(what: &str, so: impl Fn() -> bool) {
    let patience = tokio::time::timeout(pty::PATIENCE, async {
        while !so() {
            tokio::task::yield_now().await;
        }
    });
    assert!(patience.await.is_ok(), "waited for this in vain: {what}");
}
