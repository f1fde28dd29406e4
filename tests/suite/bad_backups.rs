//! Backups on bad days through the real program: places that fail, backups that are refused before anything is touched, what
//! a restore moved aside, and `kill -9` at any moment.
//!
//! The moments are random times. A few every time; `OLLAMANET_KILLS=200` for as many as that. The seed is printed;
//! `OLLAMANET_SEED` has the same moments again.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use rand::RngExt;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::common::{
    alice::{AS_ALICE, as_alice, copy, data, titles},
    kills,
    stage::{PASSPHRASE, Stage, finish},
};

async fn alices(stage: &Stage, args: &[&str]) -> Value {
    let done = as_alice(stage, &[args, &["--json"]].concat()).await;
    serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{args:?}: {done:?}"))
}

async fn asked(stage: &Stage, question: &str) {
    // Whatever follows the passphrase would be part of the question.
    let done = stage.with_input(&[["ask", "--new", question].as_slice(), &AS_ALICE].concat(), PASSPHRASE).await;
    assert_eq!(done.code, Some(0), "{done:?}");
}

/// What lies in the place of the backups, but for its lock.
fn left(at: &Path) -> Vec<String> {
    let names = fs::read_dir(at).into_iter().flatten().flatten();
    let mut names: Vec<String> = names.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.retain(|name| name != ".lock");
    names.sort();
    names
}

/// One run after the other with backups on a disk of their own, in a name space of its own. Each prints its name and its exit
/// code.
const ON_A_DISK_OF_THEIR_OWN: &str = r#"
mount -t tmpfs -o size=48m,mode=700 tmpfs "$PLACE" || exit 99
run() { name=$1; shift; "$BIN" --set "backup.directory=$PLACE" "$@" > "$HOME/$name.out" 2> "$HOME/$name.err"; echo "$name $?"; }
printf %s "$PASSPHRASE" | run made account create alice --stay --passphrase-fd 0
run asked ask -m demo-chat:3b "the first question"
run whole backup create
mount -o remount,ro "$PLACE"
run readonly backup create
run listed backup list
run verified backup verify
mount -o remount,rw "$PLACE"
dd if=/dev/zero of="$PLACE/filler" bs=1M count=40 2>/dev/null
run full backup create
run chatted ask -m demo-chat:3b "the second question"
rm "$PLACE/filler"
run again backup create
ls -A "$PLACE" > "$HOME/left"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_read_only_or_full_is_named_and_costs_nothing_but_the_backup() {
    let stage = Stage::new().await;
    let place = stage.home().join("place");
    fs::create_dir_all(&place).unwrap();
    let Some(all) = stage.in_a_name_space(ON_A_DISK_OF_THEIR_OWN, &[("PLACE", &place)]).await else { return };
    let read = |name: &str| fs::read_to_string(stage.home().join(name)).unwrap_or_default();
    let told = |name: &str| format!("{name}: {} {}", read(&format!("{name}.out")), read(&format!("{name}.err")));
    let codes: Vec<&str> = all.out.lines().collect();
    let expected =
        ["made 0", "asked 0", "whole 0", "readonly 1", "listed 0", "verified 0", "full 1", "chatted 0", "again 0"];
    assert_eq!(codes, expected, "{} {} {}", told("readonly"), told("verified"), told("full"));
    let shown = place.display().to_string();
    assert!(read("readonly.err").contains(&format!("The disk at {shown} cannot be written")), "{}", told("readonly"));
    assert!(read("readonly.err").contains("backup.directory"), "{}", told("readonly"));
    assert!(
        read("full.err").contains(&shown) && read("full.err").contains("B free, and this takes "),
        "{}",
        told("full")
    );
    assert!(read("verified.out").contains("Sound"), "{}", told("verified"));
    let left = read("left");
    assert_eq!(left.lines().filter(|name| *name != ".lock").count(), 2, "two backups and nothing half made: {left}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_pulled_out_in_the_middle_is_named_and_the_house_goes_on() {
    let stage = Stage::signed_in().await;
    asked(&stage, "the first question").await;
    let place = stage.home().join("stick");
    let setting = format!("backup.directory={}", place.display());
    let mut pulled = 0;
    for round in 0..20 {
        fs::create_dir_all(&place).unwrap();
        let child = stage.command(&["--set", &setting, "backup", "create"]).spawn().unwrap();
        let away = stage.home().join(format!("away-{round}"));
        let (from, to) = (place.clone(), away.clone());
        let pulling = tokio::task::spawn_blocking(move || {
            let began = Instant::now();
            while left(&from).is_empty() && began.elapsed() < Duration::from_secs(20) {
                std::thread::yield_now();
            }
            fs::rename(&from, &to).unwrap();
        });
        let done = finish(child).await;
        pulling.await.unwrap();
        assert!(!place.exists() || left(&place).is_empty(), "it was not made anew elsewhere: {:?}", left(&place));
        if done.code == Some(0) {
            // It was faster than the hand that pulled.
            continue;
        }
        pulled += 1;
        assert_eq!(done.code, Some(1), "{done:?}");
        assert!(done.err.contains("stick") && done.err.contains("is not there, or no longer"), "{done:?}");
        assert!(left(&away).iter().all(|name| name.starts_with('.')), "nothing has a backup's name: {:?}", left(&away));
        if pulled == 2 {
            break;
        }
    }
    assert!(pulled > 0, "every backup was faster");
    asked(&stage, "the second question").await;
    assert_eq!(titles(&stage).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backups_have_no_place_among_what_the_program_keeps() {
    let stage = Stage::signed_in().await;
    for taken in ["vaults", "quarantine/mine", "leases", data(&stage).to_str().unwrap()] {
        let setting = format!("backup.directory={taken}");
        for args in [["backup", "create"], ["backup", "list"]] {
            let refused = stage.run(&[["--set", &setting].as_slice(), &args].concat()).await;
            assert_eq!(refused.code, Some(2), "{taken}: {refused:?}");
            assert!(refused.err.contains("Backups cannot lie in"), "{refused:?}");
        }
    }
    assert_eq!(databases(&data(&stage).join("vaults")).len(), 1);
}

/// The names of the databases in a directory.
fn databases(at: &Path) -> Vec<String> {
    let is_one = |name: &String| Path::new(name).extension().is_some_and(|end| end == "db");
    left(at).into_iter().filter(is_one).collect()
}

/// Changes a backup's manifest, and gives it the sum that it has then.
fn rewrite(backup: &Path, change: impl FnOnce(&mut Value)) {
    let at = backup.join("manifest.json");
    let text = fs::read_to_string(&at).unwrap();
    let mut manifest: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    change(&mut manifest);
    let line = manifest.to_string();
    let sum = hex::encode(Sha256::digest(line.as_bytes()));
    fs::write(at, format!("{line}\n{sum}\n")).unwrap();
}

/// What is done to a backup, what of it is to be put back, and the words of the refusal.
type Spoil<'a> = (&'static str, Box<dyn Fn(&Path) + 'a>, &'static [&'static str], &'static str);

fn vault_of(backup: &Path) -> PathBuf {
    backup.join("vaults").join(&left(&backup.join("vaults"))[0])
}

/// Says that it is of a newer format.
fn newer(backup: &Path, field: &str) {
    rewrite(backup, |manifest| manifest[field] = 99.into());
}

/// `theirs`: a backup of another house, in which somebody of the same name lives.
fn spoils(theirs: &Path) -> Vec<Spoil<'_>> {
    vec![
        (
            "damaged",
            Box::new(|backup| {
                let mut bytes = fs::read(vault_of(backup)).unwrap();
                bytes[5000] ^= 1;
                fs::write(vault_of(backup), bytes).unwrap();
            }),
            &[],
            "its bytes are others than were written",
        ),
        (
            "truncated",
            Box::new(|backup| {
                let file = fs::OpenOptions::new().write(true).open(backup.join("system.db")).unwrap();
                file.set_len(4096).unwrap();
            }),
            &[],
            "damaged, in system.db: it is shorter than it was",
        ),
        (
            "a manifest that is cut off",
            Box::new(|backup| {
                let at = backup.join("manifest.json");
                let text = fs::read_to_string(&at).unwrap();
                fs::write(at, &text[..text.len() / 2]).unwrap();
            }),
            &[],
            "damaged, in manifest.json",
        ),
        (
            "a pipe in the place of a file",
            Box::new(|backup| {
                fs::remove_file(backup.join("system.db")).unwrap();
                let made = Command::new("mkfifo").arg(backup.join("system.db")).status().unwrap();
                assert!(made.success());
            }),
            &[],
            "it is no ordinary file",
        ),
        (
            "another program's",
            Box::new(|backup| fs::write(backup.join("manifest.json"), "{\"kind\":\"another\"}\nsum\n").unwrap()),
            &[],
            "is no backup of this program",
        ),
        ("nothing at all", Box::new(|backup| fs::remove_dir_all(backup).unwrap()), &[], "is no backup of this program"),
        ("a newer house", Box::new(|backup| newer(backup, "system_schema")), &[], "made by a newer version"),
        ("newer vaults", Box::new(|backup| newer(backup, "vault_schema")), &["--account", "alice"], "a newer version"),
        (
            "another house's",
            Box::new(|backup| {
                fs::remove_dir_all(backup).unwrap();
                copy(theirs, backup);
            }),
            &[],
            "is of another installation",
        ),
        (
            "another house's vault",
            Box::new(|backup| {
                fs::remove_dir_all(backup).unwrap();
                copy(theirs, backup);
            }),
            &["--account", "alice"],
            "another vault of alice",
        ),
        ("nobody's vault", Box::new(|_| {}), &["--account", "nobody"], "no such account"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_cannot_be_put_back_is_refused_in_a_sentence_and_nothing_was_touched() {
    let stage = Stage::signed_in().await;
    asked(&stage, "of yesterday").await;
    let name = alices(&stage, &["backup", "create"]).await["name"].as_str().unwrap().to_owned();
    asked(&stage, "of today").await;
    let now = titles(&stage).await;
    let whole = data(&stage).join("backups").join(&name);
    // Another house, in which somebody of the same name lives.
    let other = Stage::signed_in().await;
    let theirs = alices(&other, &["backup", "create"]).await["name"].as_str().unwrap().to_owned();
    let theirs = data(&other).join("backups").join(theirs);
    // Signing in writes into a vault; nothing may take its place.
    let files = || {
        let vaults = data(&stage).join("vaults");
        let inode = |name: String| fs::metadata(vaults.join(&name)).map(|found| (name, found.ino())).unwrap();
        databases(&vaults).into_iter().map(inode).collect::<Vec<_>>()
    };
    for (what, spoil, args, words) in spoils(&theirs) {
        let spoiled = stage.home().join("spoiled");
        let _ = fs::remove_dir_all(&spoiled);
        copy(&whole, &spoiled);
        spoil(&spoiled);
        let before = files();
        let restore = ["backup", "restore", "--yes", "--from", spoiled.to_str().unwrap()];
        let refused = as_alice(&stage, &[restore.as_slice(), args].concat()).await;
        assert_eq!(refused.code, Some(1), "{what}: {refused:?}");
        assert!(refused.err.contains(words), "{what}: {refused:?}");
        assert_eq!(refused.out, "", "{what}");
        assert_eq!(files(), before, "{what}: a vault was touched");
        assert!(!data(&stage).join(".restore").exists() && !data(&stage).join("quarantine").exists(), "{what}");
    }
    assert_eq!(titles(&stage).await, now);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_is_taken_back_by_a_command_and_what_came_in_between_is_kept_too() {
    let stage = Stage::signed_in().await;
    asked(&stage, "of yesterday").await;
    alices(&stage, &["backup", "create"]).await;
    let yesterday = titles(&stage).await;
    asked(&stage, "of today").await;
    let today = titles(&stage).await;
    let restored = as_alice(&stage, &["backup", "restore", "--yes"]).await;
    assert_eq!((restored.code, titles(&stage).await), (Some(0), yesterday.clone()), "{restored:?}");

    let listed = as_alice(&stage, &["backup", "list"]).await;
    assert!(listed.out.contains("MOVED ASIDE") && listed.out.contains("everything"), "{listed:?}");
    assert!(listed.err.contains("backup restore --aside NAME"), "{listed:?}");
    let aside = |listed: &Value| listed["quarantine"][0]["name"].as_str().unwrap().to_owned();
    let name = aside(&alices(&stage, &["backup", "list"]).await);
    let wrong = as_alice(&stage, &["backup", "restore", "--aside", "2000-01-01T000000Z", "--yes"]).await;
    assert_eq!(wrong.code, Some(1), "{wrong:?}");
    assert!(wrong.err.contains("No restore has moved anything aside"), "{wrong:?}");
    let back = as_alice(&stage, &["backup", "restore", "--aside", &name, "--yes"]).await;
    assert_eq!((back.code, titles(&stage).await), (Some(0), today.clone()), "{back:?}");
    assert_eq!(as_alice(&stage, &["audit", "verify"]).await.code, Some(0));
    let listed = alices(&stage, &["backup", "list"]).await;
    assert_eq!(listed["quarantine"].as_array().map(Vec::len), Some(2), "nothing was deleted: {listed}");

    // Where nobody can sign in any more, too: the system database is gone.
    let later = aside(&listed);
    fs::write(data(&stage).join("system.db"), b"no database at all, but long enough to be taken for one".repeat(200))
        .unwrap();
    for beside in ["system.db-wal", "system.db-shm"] {
        let _ = fs::remove_file(data(&stage).join(beside));
    }
    let rescued = stage.run(&["backup", "restore", "--aside", &later, "--yes"]).await;
    assert_eq!((rescued.code, titles(&stage).await), (Some(0), yesterday), "{rescued:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_account_comes_back_alone_and_not_while_its_owner_is_signed_in() {
    let stage = Stage::signed_in().await;
    asked(&stage, "of alice").await;
    let made = alices(&stage, &["users", "create", "bob"]).await;
    let code = made["code"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
    let of_bob = format!("{PASSPHRASE} of bob");
    let came =
        stage.with_input(&["account", "activate", "bob", "--passphrase-fd", "0"], &format!("{code}\n{of_bob}")).await;
    assert_eq!(came.code, Some(0), "{came:?}");
    let as_bob = async |args: &[&str]| {
        let done = stage.with_input(&[args, &["--user", "bob", "--passphrase-fd", "0"]].concat(), &of_bob).await;
        assert_eq!(done.code, Some(0), "{args:?}: {done:?}");
        done.out
    };
    as_bob(&["ask", "--new", "bob's first"]).await;
    alices(&stage, &["backup", "create"]).await;
    as_bob(&["ask", "--new", "bob's second"]).await;
    asked(&stage, "alice's second").await;
    let restored = as_alice(&stage, &["backup", "restore", "--account", "bob", "--yes"]).await;
    assert_eq!(restored.code, Some(0), "{restored:?}");
    assert!(restored.out.contains("kept aside"), "{restored:?}");
    let his = as_bob(&["conversations", "list"]).await;
    assert!(his.contains("bob's first") && !his.contains("bob's second"), "{his}");
    assert_eq!(titles(&stage).await.len(), 2, "nobody else's changed");
    let listed = alices(&stage, &["backup", "list"]).await;
    assert_eq!(listed["quarantine"][0]["what"]["vault_of"], "bob");
    let name = listed["quarantine"][0]["name"].as_str().unwrap().to_owned();
    let back = as_alice(&stage, &["backup", "restore", "--aside", &name, "--yes"]).await;
    assert_eq!(back.code, Some(0), "{back:?}");
    assert!(as_bob(&["conversations", "list"]).await.contains("bob's second"));
}

/// Runs it with this input and kills it after so long; whether it had come to its end before.
fn killed(stage: &Stage, args: &[&str], input: &str, after: Duration) -> bool {
    let mut child =
        stage.command(args).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // One that has ended already reads nothing.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    std::thread::sleep(after);
    let _ = child.kill();
    child.wait().unwrap().success()
}

/// How long it takes when nobody kills it.
async fn takes(stage: &Stage, args: &[&str], input: &str) -> Duration {
    let began = Instant::now();
    let done = stage.with_input(args, input).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_any_moment_of_a_backup_or_a_restore_leaves_the_old_or_the_new() {
    let stage = Stage::signed_in().await;
    asked(&stage, "of yesterday").await;
    let (create, twice) =
        ([["backup", "create"].as_slice(), &AS_ALICE].concat(), [PASSPHRASE, "\n", PASSPHRASE].concat());
    let whole = takes(&stage, &create, &twice).await;
    let name = alices(&stage, &["backup", "list"]).await["backups"][0]["name"].as_str().unwrap().to_owned();
    let (yesterday, (rounds, mut random)) = (titles(&stage).await, kills(4));
    let places = data(&stage).join("backups");
    for round in 0..rounds {
        let after = whole.mul_f64(random.random_range(0.0..1.2));
        killed(&stage, &create, &twice, after);
        let listed = alices(&stage, &["backup", "list"]).await;
        for one in listed["backups"].as_array().unwrap() {
            let name = one["name"].as_str().unwrap();
            let found = as_alice(&stage, &["backup", "verify", name]).await;
            assert_eq!(found.code, Some(0), "round {round}, after {after:?}: {name} {found:?}");
        }
    }
    // The next one leaves nothing of those that were killed.
    let made = as_alice(&stage, &["backup", "create"]).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    assert!(left(&places).iter().all(|name| !name.starts_with('.')), "{:?}", left(&places));

    asked(&stage, "of today").await;
    let today = titles(&stage).await;
    assert_ne!(today, yesterday);
    let latest = alices(&stage, &["backup", "create"]).await["name"].as_str().unwrap().to_owned();
    let restore = [["backup", "restore", &name, "--yes"].as_slice(), &AS_ALICE].concat();
    let whole = takes(&stage, &restore, &twice).await;
    assert_eq!(titles(&stage).await, yesterday);
    let mut changed = 0;
    for round in 0..rounds {
        let back = as_alice(&stage, &["backup", "restore", &latest, "--yes"]).await;
        assert_eq!((back.code, titles(&stage).await), (Some(0), today.clone()), "{back:?}");
        let after = whole.mul_f64(random.random_range(0.0..1.2));
        killed(&stage, &restore, &twice, after);
        let now = titles(&stage).await;
        assert!(now == today || now == yesterday, "round {round}, after {after:?}: {now:?}");
        changed += u64::from(now == yesterday);
        assert!(!data(&stage).join(".restore").exists(), "round {round}: the next start tidies up");
        assert_eq!(as_alice(&stage, &["audit", "verify"]).await.code, Some(0), "round {round}");
        let doctor = as_alice(&stage, &["doctor"]).await;
        assert!(doctor.out.contains("system.db is sound"), "round {round}: {doctor:?}");
    }
    println!("{changed} of {rounds} restores had come to their end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_any_moment_of_the_first_start_leaves_a_house_that_opens() {
    let create = ["account", "create", "alice", "--passphrase-fd", "0"];
    let whole = takes(&Stage::new().await, &create, PASSPHRASE).await;
    let (rounds, mut random) = kills(4);
    for round in 0..rounds {
        let stage = Stage::new().await;
        let after = whole.mul_f64(random.random_range(0.0..1.1));
        killed(&stage, &create, PASSPHRASE, after);
        // Either she is there, or she comes as if for the first time.
        let again = stage.with_input(&create, PASSPHRASE).await;
        let is_there = again.code == Some(1) && again.err.contains("There is an account here already");
        assert!(again.code == Some(0) || is_there, "round {round}, after {after:?}: {again:?}");
        asked(&stage, "the first question").await;
        let doctor = as_alice(&stage, &["doctor"]).await;
        assert!(doctor.out.contains("system.db is sound"), "round {round}, after {after:?}: {doctor:?}");
    }
}
