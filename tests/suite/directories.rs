//! Where the data lies: made closed whatever the umask, refused with the fix where others could reach it.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown, symlink},
        process::CommandExt,
    },
    path::Path,
    process::{Command, Output},
};

use crate::common::environment;

/// `health` opens everything that lies on disk and needs nobody signed in.
fn start(home: &Path, data: &Path, umask: &str) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", &format!("umask {umask}; exec \"$@\""), "sh", env!("CARGO_BIN_EXE_ollamanet")])
        .arg("--data-dir")
        .arg(data)
        .arg("health")
        .env_clear()
        .envs(environment(home))
        // Port 9 is "discard"; nobody serves it.
        .env("OLLAMA_HOST", "127.0.0.1:9")
        .current_dir(home);
    shell
}

fn run(home: &Path, data: &Path) -> Output {
    start(home, data, "022").output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn assert_let_in(output: &Output) {
    // 3 = everything is in order here, but Ollama is absent.
    assert_eq!(output.status.code(), Some(3), "{}", said(output));
}

/// Refused with exit code 78 and one message that holds all of `words`.
fn assert_refused(output: &Output, words: &[&str]) {
    let said = said(output);
    assert_eq!(output.status.code(), Some(78), "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is missing in: {said}");
    }
}

fn with_mode(dir: &Path, mode: u32) {
    fs::create_dir_all(dir).unwrap();
    fs::set_permissions(dir, fs::Permissions::from_mode(mode)).unwrap();
}

fn everything_below(dir: &Path) -> Vec<(String, u32)> {
    let mut found = vec![(dir.display().to_string(), fs::symlink_metadata(dir).unwrap().mode())];
    if dir.is_dir() {
        for entry in fs::read_dir(dir).unwrap() {
            found.extend(everything_below(&entry.unwrap().path()));
        }
    }
    found
}

#[test]
fn what_is_made_is_its_owners_alone_whatever_the_umask() {
    for umask in ["000", "022", "077", "777"] {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("a/b/data");
        with_mode(&home.path().join("a/b"), 0o755);
        assert_let_in(&start(home.path(), &data, umask).output().unwrap());
        for (path, mode) in everything_below(&data) {
            let wanted = if mode & 0o170_000 == 0o040_000 { 0o700 } else { 0o600 };
            assert_eq!(mode & 0o7777, wanted, "{path} under umask {umask}");
        }
    }
}

#[test]
fn an_open_directory_is_refused_and_the_printed_fix_mends_it() {
    let home = tempfile::tempdir().unwrap();
    for (name, mode) in [("readable", 0o755), ("shared", 0o770), ("everybody's", 0o777), ("a b $(touch oops)", 0o707)] {
        let data = home.path().join(name);
        with_mode(&data, mode);
        let refused = run(home.path(), &data);
        assert_refused(&refused, &["chmod 700 "]);
        let said = said(&refused);
        let fix = said.split_once("chmod 700 ").unwrap().1.lines().next().unwrap();
        let mended =
            Command::new("/bin/sh").args(["-c", &format!("chmod 700 {fix}")]).current_dir(home.path()).status();
        assert!(mended.unwrap().success(), "{fix}");
        assert_let_in(&run(home.path(), &data));
    }
    assert!(!home.path().join("oops").exists(), "a name in the fix was run as a command");
}

#[test]
fn a_directory_below_one_that_others_can_write_is_refused_unless_it_is_sticky() {
    let home = tempfile::tempdir().unwrap();
    let above = home.path().join("above");
    with_mode(&above, 0o777);
    assert_refused(&run(home.path(), &above.join("data")), &["chmod go-w", "can be written by others"]);
    with_mode(&above, 0o1777);
    assert_let_in(&run(home.path(), &above.join("data")));
}

#[test]
fn a_link_is_refused_and_what_it_leads_to_is_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let (real, link) = (home.path().join("real"), home.path().join("link"));
    with_mode(&real, 0o700);
    symlink(&real, &link).unwrap();
    assert_refused(&run(home.path(), &link), &["symbolic link", "--data-dir"]);
    assert_eq!(fs::read_dir(&real).unwrap().count(), 0);
}

#[test]
fn a_link_above_leads_to_a_place_that_is_checked_as_well() {
    let home = tempfile::tempdir().unwrap();
    let (open, link) = (home.path().join("open"), home.path().join("link"));
    with_mode(&open, 0o777);
    symlink(&open, &link).unwrap();
    assert_refused(&run(home.path(), &link.join("data")), &["can be written by others"]);
}

#[test]
fn a_file_in_the_place_of_the_directory_is_kept_and_refused() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    fs::write(&file, "mine").unwrap();
    assert_refused(&run(home.path(), &file), &["not a directory"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn a_directory_of_somebody_else_is_refused() {
    if !is_root() {
        println!("skipped: only root can give a directory away");
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("theirs");
    with_mode(&data, 0o700);
    chown(&data, Some(65_534), None).unwrap();
    assert_refused(&run(home.path(), &data), &["belongs to another user (uid 65534)"]);
}

/// Root may write anywhere, so the program runs as another user where the test is root.
#[test]
fn a_directory_that_cannot_be_written_or_made_is_said_so_in_one_sentence() {
    let home = tempfile::tempdir().unwrap();
    let (closed, below) = (home.path().join("closed"), home.path().join("closed/data"));
    with_mode(&closed, 0o700);
    let _ = environment(home.path());
    if is_root() {
        for (path, _) in everything_below(home.path()) {
            chown(path, Some(65_534), Some(65_534)).unwrap();
        }
    }
    let run_there = || {
        let mut program = start(home.path(), &below, "022");
        if is_root() {
            program.uid(65_534).gid(65_534);
        }
        program.output()
    };
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).unwrap();
    let refused = match run_there() {
        Ok(refused) if refused.status.code() != Some(126) => refused,
        _ => {
            println!("skipped: another user cannot reach the program where it was built");
            return;
        }
    };
    assert_refused(&refused, &["permission denied", "--data-dir"]);
    assert_eq!(said(&refused).lines().filter(|line| !line.trim().is_empty()).count(), 2, "{}", said(&refused));
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    assert_let_in(&run_there().unwrap());
}
