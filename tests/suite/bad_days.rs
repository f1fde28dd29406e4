//! The installation on bad days, through the real program and through signing in: files that are empty, damaged, newer,
//! somebody else's or changed by somebody, and a disk without room.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use ollamanet::{
    api::{
        FaultKind,
        auth::{Door, Secret},
    },
    store::{keys, keys::SlotKind, system},
};

use crate::common::{
    alice::data,
    house::{self, House},
    stage::{Done, Stage, finish},
};

fn vault_in(data: &Path) -> PathBuf {
    let vaults = fs::read_dir(data.join("vaults")).unwrap();
    vaults
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|ending| ending == "db"))
        .expect("there is a vault")
}

fn assert_said(done: &Done, code: i32, words: &[&str]) {
    assert_eq!(done.code, Some(code), "{done:?}");
    for word in words {
        assert!(done.err.contains(word), "{word:?} is missing in: {}", done.err);
    }
}

/// Every page but the first is made nonsense.
fn ruin(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    for byte in bytes.iter_mut().skip(4096) {
        *byte ^= 0x10;
    }
    fs::write(path, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emptied_vault_is_set_aside_and_said_and_never_just_replaced() {
    let stage = Stage::signed_in().await;
    let vault = vault_in(&data(&stage));
    fs::write(&vault, "").unwrap();
    let refused = stage.run(&["conversations", "list"]).await;
    assert_said(&refused, 1, &["damaged or empty", ".corrupt-", "sign in again"]);
    assert!(!vault.exists(), "an empty one was begun without a word");
    let next = stage.run(&["conversations", "list"]).await;
    assert_said(&next, 0, &["a new, empty one was begun"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_without_its_vault_is_set_aside_and_not_taken_for_a_new_ones() {
    let stage = Stage::signed_in().await;
    let vault = vault_in(&data(&stage));
    fs::remove_file(&vault).unwrap();
    fs::write(vault.with_extension("db-wal"), "pages that are nowhere else").unwrap();
    fs::set_permissions(vault.with_extension("db-wal"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_said(&stage.run(&["conversations", "list"]).await, 1, &[".corrupt-"]);
    let kept: Vec<_> = fs::read_dir(vault.parent().unwrap()).unwrap().flatten().map(|entry| entry.path()).collect();
    let log = kept.iter().find(|path| path.to_string_lossy().ends_with("-wal")).expect("the log is kept");
    assert_eq!(fs::read(log).unwrap(), b"pages that are nowhere else");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_system_database_nobody_is_asked_to_begin_anew() {
    let stage = Stage::signed_in().await;
    let path = data(&stage).join("system.db");
    let whole = fs::read(&path).unwrap();
    for (left, words) in [(Some(0), "is empty"), (None, "is missing")] {
        match left {
            Some(bytes) => fs::write(&path, &whole[..bytes]).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        for command in [&["models", "list"][..], &["health"], &["conversations", "list"]] {
            assert_said(&stage.run(command).await, 78, &["system.db", words, "backup", "keys"]);
        }
        assert_eq!(fs::read(&path).ok(), left.map(|bytes| whole[..bytes].to_vec()), "the place was written to");
    }
    fs::write(&path, &whole).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(stage.run(&["conversations", "list"]).await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_database_that_is_cut_off_or_overwritten_is_named_and_left_as_it_is() {
    let stage = Stage::signed_in().await;
    let path = data(&stage).join("system.db");
    let whole = fs::read(&path).unwrap();
    let garbage = vec![0x5a; whole.len()];
    for broken in [&whole[..whole.len() / 2], &whole[..700], &garbage[..]] {
        fs::write(&path, broken).unwrap();
        assert_said(&stage.run(&["health"]).await, 1, &["system.db is damaged", "mkdir -p", "backup"]);
        let doctor = stage.run(&["doctor"]).await;
        assert!(doctor.out.contains("system.db is damaged") && doctor.out.contains("mkdir -p"), "{doctor:?}");
        assert!(fs::read(&path).unwrap() == broken, "the damaged file was changed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_inside_the_system_database_is_called_damage() {
    let stage = Stage::signed_in().await;
    let path = data(&stage).join("system.db");
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 4096;
    bytes[last..].fill(0x5a);
    fs::write(&path, &bytes).unwrap();
    let doctor = stage.run(&["doctor"]).await;
    assert_eq!(doctor.code, Some(1), "{doctor:?}");
    assert!(doctor.out.contains("system.db is damaged") && !doctor.out.contains("newer version"), "{doctor:?}");
}

/// The commands that the doctor prints, run as they stand.
fn follow(advice: &str) {
    let (_, commands) = advice.split_once("then: ").unwrap_or_else(|| panic!("no commands to copy: {advice}"));
    let commands = commands.split(" — ").next().unwrap();
    let done = Command::new("/bin/sh").args(["-c", commands]).output().unwrap();
    assert!(done.status.success(), "{commands}: {done:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_finds_a_damaged_page_in_a_vault_and_its_advice_works() {
    let stage = Stage::signed_in().await;
    // Long enough to end on pages of its own, behind those of the schema, which an opening reads.
    assert_eq!(stage.run(&["ask", "-m", "demo-chat:3b", &"hello ".repeat(1000)]).await.code, Some(0));
    let well = stage.run(&["doctor"]).await;
    assert!(well.out.contains("vault     sound"), "{well:?}");
    let vault = vault_in(&data(&stage));
    let mut bytes = fs::read(&vault).unwrap();
    let last = bytes.len() - 2048;
    bytes[last] ^= 0x10;
    fs::write(&vault, &bytes).unwrap();

    let ill = stage.run(&["doctor"]).await;
    assert_eq!(ill.code, Some(1), "{ill:?}");
    let line = ill.out.lines().find(|line| line.starts_with("bad   vault")).expect("a finding about the vault");
    assert!(line.contains(vault.to_str().unwrap()) && line.contains("is damaged"), "{line}");
    assert!(!ill.out.contains("run `ollamanet doctor`"), "the doctor sends to the doctor: {}", ill.out);
    let advice = ill.out.lines().find(|line| line.contains("mkdir -p")).unwrap();
    follow(advice);
    assert!(fs::read(data(&stage).join("vaults/aside").join(vault.file_name().unwrap())).unwrap() == bytes);
    assert_said(&stage.run(&["conversations", "list"]).await, 0, &["a new, empty one was begun"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_from_before_an_upgrade_is_named_and_put_back_as_the_advice_says() {
    let stage = Stage::signed_in().await;
    // Long enough to end on pages that an opening does not read.
    assert_eq!(stage.run(&["ask", "-m", "demo-chat:3b", &"hello ".repeat(1000)]).await.code, Some(0));
    // The system database last: an older one no longer knows who stays signed in.
    for path in [vault_in(&data(&stage)), data(&stage).join("system.db")] {
        let copy = path.with_extension("v1.bak");
        fs::copy(&path, &copy).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        let last = bytes.len() - 4096;
        bytes[last..].fill(0x5a);
        fs::write(&path, &bytes).unwrap();
        let ill = stage.run(&["doctor"]).await;
        let advice = ill.out.lines().find(|line| line.contains("v1.bak")).unwrap_or_else(|| panic!("{ill:?}"));
        follow(advice);
        let well = stage.run(&["doctor"]).await;
        assert_eq!(well.code, Some(0), "{well:?}");
        fs::remove_file(&copy).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_met_while_reading_is_called_damage_with_something_to_do() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    // The schema has been read, and the rest of the pages has not.
    let vault = vault_in(&house.paths.data);
    ruin(&vault);
    let fault = house.gateway.tree(&ann.session).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Store, "{fault}");
    assert!(fault.message.contains("damaged page"), "{fault}");
    assert!(fault.hint.as_ref().is_some_and(|hint| hint.contains("ollamanet doctor")), "{fault}");
    let found = house.gateway.check_vault(&ann.session).await.unwrap_err();
    assert!(found.message.contains(vault.to_str().unwrap()), "{found}");
    assert!(found.hint.is_some_and(|hint| hint.contains("mkdir -p")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_vault_that_another_window_has_open_stays_where_it_is() {
    let home = tempfile::tempdir().unwrap();
    let (one, two) = (House::alone(home.path()), House::alone(home.path()));
    let ann = one.first_admin("Ann").await;
    let vault = vault_in(&one.paths.data);
    let garbage = vec![0x5a; fs::read(&vault).unwrap().len()];
    fs::write(&vault, &garbage).unwrap();
    let fault = two.sign_in("Ann", &Secret::new(house::PASSPHRASE)).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Conflict, "{fault}");
    assert!(fault.message.contains("another window"), "{fault}");
    assert!(fs::read(&vault).unwrap() == garbage, "it was moved under the other window");
    one.gateway.sign_out(&ann.session).await.unwrap();
    let fault = two.sign_in("Ann", &Secret::new(house::PASSPHRASE)).await.unwrap_err();
    assert!(fault.message.contains(".corrupt-"), "{fault}");
    assert!(!vault.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_not_to_be_used_are_named_with_the_command_that_mends_it() {
    let stage = Stage::signed_in().await;
    let (dir, path) = (data(&stage), data(&stage).join("system.db"));
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    for (what, wrong, right) in [(&dir, 0o500, "chmod 700"), (&path, 0o000, "chmod 600"), (&path, 0o400, "chmod 600")] {
        mode(what, wrong);
        assert_said(&stage.run(&["health"]).await, 78, &[what.to_str().unwrap(), right]);
        mode(what, if right == "chmod 700" { 0o700 } else { 0o600 });
    }
    if rustix::process::geteuid().is_root() {
        for name in ["system.db", "system.db-wal"] {
            let file = dir.join(name);
            let was_there = file.exists();
            if !was_there {
                fs::write(&file, "").unwrap();
                mode(&file, 0o600);
            }
            chown(&file, Some(65_534), None).unwrap();
            assert_said(&stage.run(&["health"]).await, 78, &[name, "belongs to another user", "sudo chown 0 "]);
            if was_there { chown(&file, Some(0), None).unwrap() } else { fs::remove_file(&file).unwrap() }
        }
    } else {
        println!("partly skipped: only root can give a file away");
    }
    assert_eq!(stage.run(&["conversations", "list"]).await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_system_database_is_refused_and_left_as_it_is() {
    let stage = Stage::signed_in().await;
    let path = data(&stage).join("system.db");
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let before = fs::read(&path).unwrap();
    assert_said(&stage.run(&["conversations", "list"]).await, 1, &["newer version", "schema 99", "Update ollamanet"]);
    assert!(fs::read(&path).unwrap() == before, "the refusal changed the file");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_vault_is_refused_and_left_as_it_is() {
    let stage = Stage::new().await;
    let house = House::alone(stage.home());
    let ann = house.first_admin("Ann").await;
    house.gateway.stay_signed_in(&ann.session, true).await.unwrap();
    let (path, dir) = (vault_in(&house.paths.data), house.paths.data.clone());
    house.gateway.sign_out(&ann.session).await.unwrap();
    crate::common::until("the vault is closed", || !path.with_extension("db-wal").exists()).await;
    let opened = system::open_system(&house.paths.system_db(), false).unwrap();
    let account = ann.account.id;
    let slot = opened.read(move |tx| system::slots::of(tx, account, SlotKind::Passphrase)).await.unwrap().unwrap();
    let key = keys::unseal(&slot, house::PASSPHRASE.as_bytes()).unwrap();
    let literal = key.iter().fold(String::from("x'"), |text, byte| format!("{text}{byte:02x}")) + "'";
    let conn = rusqlite::Connection::open(&path).unwrap();
    conn.pragma_update(None, "key", &literal).unwrap();
    conn.pragma_update(None, "user_version", 99).unwrap();
    drop(conn);
    let before = fs::read(&path).unwrap();
    let input = ["--data-dir", dir.to_str().unwrap(), "--user", "Ann", "--passphrase-fd", "0", "conversations", "list"];
    let refused = stage.with_input(&input, house::PASSPHRASE).await;
    assert_said(&refused, 1, &["newer version", "schema 99", "Update ollamanet"]);
    assert!(fs::read(&path).unwrap() == before, "the refusal changed the file");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_planted_in_the_system_database_is_refused_by_name() {
    let stage = Stage::signed_in().await;
    let path = data(&stage).join("system.db");
    for (plant, undo, name) in [
        (
            "CREATE TRIGGER spy AFTER INSERT ON audit BEGIN DELETE FROM accounts; END",
            "DROP TRIGGER spy",
            "the trigger spy",
        ),
        ("CREATE VIEW spy AS SELECT * FROM accounts", "DROP VIEW spy", "the view spy"),
        ("CREATE TABLE spy (x)", "DROP TABLE spy", "the table spy"),
        ("ALTER TABLE accounts ADD COLUMN spy TEXT", "ALTER TABLE accounts DROP COLUMN spy", "the table accounts"),
        (
            "DROP INDEX sessions_by_account",
            "CREATE INDEX sessions_by_account ON sessions (account, ended_at)",
            "no index",
        ),
    ] {
        let other = rusqlite::Connection::open(&path).unwrap();
        other.execute_batch(plant).unwrap();
        drop(other);
        let before = fs::read(&path).unwrap();
        assert_said(&stage.run(&["conversations", "list"]).await, 78, &["system.db holds", name]);
        assert!(fs::read(&path).unwrap() == before, "the refusal changed the file");
        rusqlite::Connection::open(&path).unwrap().execute_batch(undo).unwrap();
    }
    assert_eq!(stage.run(&["conversations", "list"]).await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trigger_that_is_planted_while_the_program_runs_does_nothing() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    house.first_admin("Ann").await;
    let plant = "CREATE TRIGGER spy AFTER INSERT ON audit BEGIN INSERT INTO notices (account, at, text)
                 SELECT id, 0, 'planted' FROM accounts; END";
    rusqlite::Connection::open(house.paths.system_db()).unwrap().execute_batch(plant).unwrap();
    let secret = Secret::new(house::PASSPHRASE);
    house.sign_in("Ann", &secret).await.unwrap();
    assert_eq!(house.sign_in("Ann", &secret).await.unwrap().notice, None);
}

/// One run of the program after the other on a disk of 6 MiB that is filled to the last byte in between, in a name space
/// of its own. Each prints its name and its exit code.
const ON_A_FULL_DISK: &str = r#"
mount -t tmpfs -o size=6m,mode=700 tmpfs "$XDG_DATA_HOME" || exit 99
fill() { dd if=/dev/zero bs=4k >> "$XDG_DATA_HOME/filler" 2>/dev/null; }
run() { name=$1; shift; "$BIN" "$@" > "$HOME/$name.out" 2> "$HOME/$name.err"; echo "$name $?"; }
sign_in() { printf %s "$PASSPHRASE" | run "$1" --user alice --passphrase-fd 0 conversations list; }
printf %s "$PASSPHRASE" | run create account create alice --stay --passphrase-fd 0
run first ask -m demo-chat:3b "the first question"
fill
run list conversations list
fill
sign_in passphrase
fill
printf wrong | run wrong --user alice --passphrase-fd 0 conversations list
fill
run second ask -m demo-chat:3b "the second question"
fill
run health health
rm "$XDG_DATA_HOME/filler"
run third ask -m demo-chat:3b "the third question"
sign_in after
run doctor doctor
"#;

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_people_come_in_and_read_and_it_mends_itself_when_there_is_room() {
    let stage = Stage::new().await;
    fs::create_dir_all(stage.home().join("data")).unwrap();
    let Some(all) = stage.in_a_name_space(ON_A_FULL_DISK, &[]).await else { return };
    let read = |name: &str| fs::read_to_string(stage.home().join(name)).unwrap_or_default();
    let told = |name: &str| format!("{name}: {} {}", read(&format!("{name}.out")), read(&format!("{name}.err")));
    let code = |name: &str| {
        let line = all.out.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.unwrap_or_else(|| panic!("{all:?}")).to_owned()
    };
    for name in ["create", "first", "list", "passphrase", "third", "after"] {
        assert_eq!(code(name), "0", "{} of {all:?}", told(name));
    }
    assert!(read("list.out").contains("the first question"), "{}", told("list"));
    assert!(read("passphrase.out").contains("the first question"), "{}", told("passphrase"));
    assert!(read("passphrase.err").contains("The disk is full"), "{}", told("passphrase"));
    assert_eq!(
        (code("wrong"), code("second")),
        ("5".to_owned(), "1".to_owned()),
        "{} {}",
        told("wrong"),
        told("second")
    );
    assert!(read("second.err").contains("The disk is full"), "{}", told("second"));
    assert!(read("health.out").contains("disk"), "{}", told("health"));
    let doctor = read("doctor.out");
    assert!(doctor.contains("system.db is sound") && doctor.contains("vault     sound"), "{doctor}");
    for question in ["the first question", "the third question"] {
        assert!(read("after.out").contains(question), "{}", told("after"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_on_the_size_of_files_is_a_full_disk_and_kills_nobody() {
    let stage = Stage::signed_in().await;
    assert_eq!(stage.run(&["ask", "-m", "demo-chat:3b", "the first question"]).await.code, Some(0));
    let limited = |args: &[&str]| {
        let mut shell = Command::new("/bin/sh");
        // 32 KiB, in blocks of 512 bytes: what windows share has room, and nothing else.
        shell.args(["-c", "ulimit -f 64; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_ollamanet")]).args(args);
        shell.env_clear().envs(crate::common::environment(stage.home())).env("OLLAMA_HOST", stage.fake.url());
        shell.current_dir(stage.home()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        shell.spawn().unwrap()
    };
    let listed = finish(limited(&["conversations", "list"])).await;
    assert_eq!(listed.code, Some(0), "{listed:?}");
    assert!(listed.out.contains("the first question"), "{listed:?}");
    let long = "a long question ".repeat(4096);
    let asked = finish(limited(&["ask", "-m", "demo-chat:3b", &long])).await;
    assert_said(&asked, 1, &["The disk is full"]);
    let again = stage.run(&["ask", "-m", "demo-chat:3b", "the second question"]).await;
    assert_eq!(again.code, Some(0), "{again:?}");
    let listed = stage.run(&["conversations", "list"]).await;
    assert!(listed.out.contains("the first question") && listed.out.contains("the second question"), "{listed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unlocking_works_while_nothing_can_be_written_and_wrong_tries_are_slowed_down_all_the_same() {
    // The limit on the size of files holds for a whole process, so this one gets a process of its own.
    if !alone("bad_days::unlocking_works_while_nothing_can_be_written_and_wrong_tries_are_slowed_down_all_the_same") {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    let secret = Secret::new(house::PASSPHRASE);
    house.gateway.lock(&ann.session).await.unwrap();
    // Another connection cannot lower this program's limit, but a soft limit on the size of files holds for it.
    let limit = rustix::process::getrlimit(rustix::process::Resource::Fsize);
    let _deaf = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::from_raw(25)).unwrap();
    let small = rustix::process::Rlimit { current: Some(32 * 1024), maximum: limit.maximum };
    fill_the_log(&house);
    rustix::process::setrlimit(rustix::process::Resource::Fsize, small).unwrap();
    house.gateway.unlock(&ann.session, &secret).await.unwrap();
    house.gateway.tree(&ann.session).await.unwrap();
    for _ in 0..4 {
        house.sign_in("Ann", &Secret::new("wrong")).await.unwrap_err();
    }
    let slowed = house.sign_in("Ann", &secret).await.unwrap_err();
    assert_eq!(slowed.kind, FaultKind::Slow, "{slowed}");
    rustix::process::setrlimit(rustix::process::Resource::Fsize, limit).unwrap();
    // What could not be counted then is not forgotten now.
    assert_eq!(house.sign_in("Ann", &secret).await.unwrap_err().kind, FaultKind::Slow);
    assert!(matches!(house.gateway.door().await.unwrap(), Door::SignIn { .. }));
}

/// Whether this is the process in which the test runs by itself. In the one of all tests it starts that and waits for it.
fn alone(test: &str) -> bool {
    const MARK: &str = "OLLAMANET_TEST_ALONE";
    if std::env::var_os(MARK).is_some() {
        return true;
    }
    let mut by_itself = Command::new(std::env::current_exe().unwrap());
    let done = by_itself.args(["--exact", test, "--nocapture"]).env(MARK, "1").output().unwrap();
    let told = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && told.contains("1 passed"), "{told}{}", String::from_utf8_lossy(&done.stderr));
    false
}

/// Makes the log of the system database longer than a small limit, so that the next write goes beyond it.
fn fill_the_log(house: &House) {
    let log = house.paths.data.join("system.db-wal");
    let other = rusqlite::Connection::open(house.paths.system_db()).unwrap();
    other.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
    let grow = "INSERT INTO settings VALUES ('x', 1, hex(zeroblob(9000)), NULL, 0)
                ON CONFLICT DO UPDATE SET value = value || 'x'";
    while fs::metadata(&log).map_or(0, |log| log.len()) < 64 * 1024 {
        other.execute_batch(grow).unwrap();
    }
}

#[test]
fn the_database_is_the_one_that_is_pinned_and_not_an_older_one() {
    // 3.51.3 mended the corruption by several windows at once (the WAL-reset bug).
    assert!(rusqlite::version_number() >= 3_051_003, "{}", rusqlite::version());
    let cipher: String = rusqlite::Connection::open_in_memory()
        .unwrap()
        .pragma_query_value(None, "cipher_version", |row| row.get(0))
        .unwrap();
    let manifest = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
    let pinned = manifest.lines().find_map(|line| line.strip_prefix("sqlcipher-src = \"=")).expect("pinned exactly");
    // The crate's 419.0.6 is SQLCipher 4.19.0.
    let number = pinned.split('.').next().unwrap();
    let (major, minor) = number.split_at(1);
    assert!(cipher.starts_with(&format!("{major}.{minor}.")), "{cipher} is not {pinned}");
}
