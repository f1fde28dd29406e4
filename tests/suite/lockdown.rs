//! What the process keeps from others: its memory, its cores, the words of its crashes, and keys that it has let go of.

use std::{
    fs,
    io::{Read, Seek, SeekFrom, Write},
    os::unix::{
        fs::MetadataExt,
        process::{CommandExt, ExitStatusExt},
    },
    path::Path,
    process::{Command, Stdio},
};

use ollamanet::{
    api::auth::Secret,
    hardening,
    logging::{self, Kept},
    store::{
        StoreError, Vault,
        keys::{self, SlotKind},
        system::{accounts, open_system, slots},
    },
    tasks::Tasks,
    ui::terminal::{Modes, TerminalGuard},
};
use tracing::level_filters::LevelFilter;

use crate::common::{
    environment,
    house::{House, PASSPHRASE},
    pty::Program,
    until,
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_ollamanet");
/// Tells this very binary, started again, to be the program that crashes.
const CRASHES: &str = "OLLAMANET_TEST_CRASHES";
/// The same for the one that crashes while it has the terminal.
const CRASHES_ON_SCREEN: &str = "OLLAMANET_TEST_CRASHES_ON_SCREEN";
const CANARY: &str = "xylocanary-in-a-vault";

/// Something to look for, written so that the looking itself is not found.
struct Needle(Vec<u8>);

const MASK: u8 = 0xa5;

impl Needle {
    fn of(bytes: &[u8]) -> Self {
        Self(bytes.iter().map(|byte| byte ^ MASK).collect())
    }

    fn is_at(&self, window: &[u8]) -> bool {
        window.iter().zip(&self.0).all(|(byte, masked)| byte ^ MASK == *masked)
    }
}

/// Where in this process's writable memory the needles are. Works in a process that is not hardened, as the tests are.
fn found(needles: &[Needle]) -> Vec<String> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let mut memory = fs::File::open("/proc/self/mem").unwrap();
    let mut found = Vec::new();
    let mut chunk = vec![0; 1024 * 1024];
    let own = chunk.as_ptr() as u64..chunk.as_ptr() as u64 + chunk.len() as u64;
    for line in maps.lines() {
        let (range, rest) = line.split_once(' ').unwrap();
        if !rest.starts_with("rw") || rest.contains("[vvar]") {
            continue;
        }
        let (from, to) = range.split_once('-').unwrap();
        let (mut at, to) = (u64::from_str_radix(from, 16).unwrap(), u64::from_str_radix(to, 16).unwrap());
        while at < to {
            let wanted = usize::try_from(to - at).unwrap().min(chunk.len());
            // A mapping that has gone since the list was read.
            if memory.seek(SeekFrom::Start(at)).is_err() || memory.read_exact(&mut chunk[..wanted]).is_err() {
                break;
            }
            for (which, needle) in needles.iter().enumerate() {
                for (offset, window) in chunk[..wanted].windows(needle.0.len()).enumerate() {
                    let place = at + offset as u64;
                    if needle.is_at(window) && !own.contains(&place) {
                        found.push(format!("needle {which} at {place:x} in {rest}"));
                    }
                }
            }
            if wanted < chunk.len() {
                break;
            }
            // The needles are shorter than this, so none is missed at a seam.
            at += (wanted - 128) as u64;
        }
    }
    // What was read is a copy as well, and the next search must not find it.
    chunk.fill(0);
    found
}

/// The vault's key, as bytes and as SQLCipher is told it.
async fn needles(house: &House) -> Vec<Needle> {
    let system = open_system(&house.paths.data.join("system.db"), false).unwrap();
    let slot = system
        .read(|tx| {
            let ann = accounts::by_name(tx, "Ann")?.unwrap();
            Ok::<_, StoreError>(slots::of(tx, ann.id, SlotKind::Passphrase)?.unwrap())
        })
        .await
        .unwrap();
    let key = keys::unseal(&slot, PASSPHRASE.as_bytes()).unwrap();
    let hex = |digits: &[u8; 16]| {
        let digits =
            key.iter().flat_map(|byte| [digits[usize::from(byte >> 4)] ^ MASK, digits[usize::from(byte & 15)] ^ MASK]);
        Needle(digits.collect())
    };
    vec![Needle::of(key.as_slice()), hex(b"0123456789abcdef"), hex(b"0123456789ABCDEF")]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_locked_screen_the_vaults_key_is_nowhere_in_memory() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    house.gateway.tree(&ann.session).await.unwrap();
    let needles = needles(&house).await;
    assert!(!found(&needles).is_empty(), "the search does not find a key that is in use");
    house.gateway.lock(&ann.session).await.unwrap();
    let vaults = house.paths.data.join("vaults");
    until("the vault is closed", || !holds_open(&vaults)).await;
    assert_eq!(found(&needles), Vec::<String>::new());
    // And it comes back with the passphrase.
    house.gateway.unlock(&ann.session, &Secret::new(PASSPHRASE)).await.unwrap();
    assert!(!found(&needles).is_empty());
}

fn holds_open(below: &Path) -> bool {
    let open = fs::read_dir("/proc/self/fd").unwrap();
    open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok()).any(|path| path.starts_with(below))
}

/// Somebody without privileges: whoever runs the tests, or nobody if that is root.
fn ordinary(command: &mut Command, home: &Path) {
    let metadata = fs::metadata("/proc/self").unwrap();
    if metadata.uid() == 0 {
        command.uid(65534).gid(65534);
        let status = Command::new("chown").args(["-R", "65534:65534"]).arg(home).status().unwrap();
        assert!(status.success());
    }
}

/// The program, waiting for a passphrase, with core files allowed as far as it concerns whoever starts it.
fn waiting(home: &Path) -> std::process::Child {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", "ulimit -c unlimited; exec \"$0\" account create ann --passphrase-fd 0", PROGRAM])
        .env_clear()
        .envs(environment(home))
        .current_dir(home)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    ordinary(&mut command, home);
    command.spawn().unwrap()
}

/// Whether the limit on core files is in force: from then on the program is as it means to be.
fn is_hardened(pid: u32) -> bool {
    // In this order: the shell that starts it may have had the limit that the program sets.
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap_or_default();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap_or_default();
    name.trim() == "ollamanet" && core.split_ascii_whitespace().nth(4) == Some("0")
}

/// Whether somebody of the same account gets at a process's memory.
fn can_read(pid: u32, home: &Path) -> bool {
    let mut reader = Command::new("dd");
    reader.args([format!("if=/proc/{pid}/mem").as_str(), "of=/dev/null", "bs=1", "count=0"]).stderr(Stdio::null());
    ordinary(&mut reader, home);
    reader.status().unwrap().success()
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_of_the_same_account_reads_the_programs_memory() {
    let home = tempfile::tempdir().unwrap();
    let mut program = waiting(home.path());
    until("the program has hardened itself", || is_hardened(program.id())).await;
    // Set right after the limit.
    until("its memory is closed to its own account", || !can_read(program.id(), home.path())).await;
    let mut sleeper = Command::new("sleep");
    sleeper.arg("600");
    ordinary(&mut sleeper, home.path());
    let mut sleeper = sleeper.spawn().unwrap();
    // Where the system lets nobody look into another process anyway, the rest of this says nothing.
    if can_read(sleeper.id(), home.path()) {
        assert!(!can_read(program.id(), home.path()));
    }
    for child in [&mut program, &mut sleeper] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_leaves_no_core_even_where_cores_are_allowed() {
    let home = tempfile::tempdir().unwrap();
    let mut program = waiting(home.path());
    until("the program has hardened itself", || is_hardened(program.id())).await;
    let pid = rustix::process::Pid::from_child(&program);
    // Its runtime looks at the first such signal, finds no fault of its own, and lets the next one do what it does.
    let status = loop {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::SEGV);
        match program.try_wait().unwrap() {
            Some(status) => break status,
            None => tokio::task::yield_now().await,
        }
    };
    assert_eq!(status.signal(), Some(rustix::process::Signal::SEGV.as_raw()));
    assert!(!status.core_dumped());
    let mut left = fs::read_dir(home.path()).unwrap().flatten().map(|entry| entry.file_name());
    assert!(
        !left.any(|name| name.to_string_lossy().contains(&format!("core.{}", pid.as_raw_nonzero())) || name == "core")
    );
}

/// Not a test by itself: the program that crashes, started by the one below.
#[tokio::test(flavor = "multi_thread")]
async fn crashes_when_told_to() {
    let Some(home) = std::env::var_os(CRASHES).map(std::path::PathBuf::from) else { return };
    hardening::harden();
    logging::note_panics();
    let log = logging::start(Some(&home), LevelFilter::TRACE, Kept::default(), &ollamanet::trace::Ring::default());
    let key = keys::new_data_key().unwrap();
    let vault = Vault::open(ollamanet::api::AccountId::new(), &home.join("vault.db"), &key, false).unwrap();
    let broken: Result<(), StoreError> = vault
        .db
        .write(|tx| {
            tx.execute_batch(&format!("CREATE TABLE t (x TEXT); INSERT INTO t VALUES ('{CANARY}');")).unwrap();
            let content: String = tx.query_row("SELECT x FROM t", [], |row| row.get(0)).unwrap();
            panic!("a mistake in {content}")
        })
        .await;
    broken.unwrap_err();
    let tasks = Tasks::new();
    tasks.spawn(format!("about {CANARY}").split(' ').next().unwrap().to_owned(), async {
        panic!("a mistake in {CANARY}")
    });
    until("the task is gone", || tasks.running().is_empty()).await;
    let _ =
        std::thread::Builder::new().name("main".to_owned()).spawn(|| panic!("a mistake in {CANARY}")).unwrap().join();
    drop(log);
}

#[test]
fn what_a_crash_says_holds_nothing_of_anybodys_words() {
    let home = tempfile::tempdir().unwrap();
    let done = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "lockdown::crashes_when_told_to", "--nocapture"])
        .env(CRASHES, home.path())
        .output()
        .unwrap();
    let said = [done.stdout, done.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(done.status.success() && said.contains("mistake of its own"), "{said}");
    assert!(!said.contains(CANARY), "{said}");
    let mut panics = 0;
    for entry in fs::read_dir(home.path()).unwrap().flatten() {
        let bytes = fs::read(entry.path()).unwrap();
        assert!(!bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes()), "{}", entry.path().display());
        panics += String::from_utf8_lossy(&bytes).matches("panicked").count();
    }
    assert!(panics >= 3, "{panics} of three crashes are in the log");
}

/// Not a test by itself: an interface that crashes, started in a terminal by the one below.
#[test]
fn crashes_on_a_terminal_when_told_to() {
    if std::env::var_os(CRASHES_ON_SCREEN).is_none() {
        return;
    }
    logging::note_panics();
    let _guard = TerminalGuard::enter(Modes { mouse: true }).unwrap();
    std::thread::spawn(|| panic!("a worker's mistake in {CANARY}")).join().unwrap_err();
    std::io::stdout().write_all(b"THE WORKER IS GONE").unwrap();
    std::io::stdout().flush().unwrap();
    std::io::stdin().read_exact(&mut [0]).unwrap();
    panic!("a mistake in {CANARY}");
}

#[test]
fn a_crash_of_the_interface_gives_the_terminal_back_and_one_of_a_worker_leaves_it_alone() {
    let home = tempfile::tempdir().unwrap();
    let this = std::env::current_exe().unwrap();
    let mut term = Program::bare(
        home.path(),
        this.to_str().unwrap(),
        &["--exact", "lockdown::crashes_on_a_terminal_when_told_to", "--nocapture"],
    )
    .env(CRASHES_ON_SCREEN, "1")
    .start(100, 30);
    let shown = term.until("THE WORKER IS GONE");
    assert!(!shown.contains("mistake"), "a worker's crash writes over the screen: {shown}");
    term.with_screen(|screen| {
        assert!(screen.alternate_screen() && screen.bracketed_paste(), "a worker's crash took it");
    });
    term.send("x");
    term.screen_at_the_end();
    term.with_screen(|screen| {
        assert!(!screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste());
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
    });
    let raw = term.raw();
    assert!(!raw.windows(CANARY.len()).any(|window| window == CANARY.as_bytes()));
}
