//! Whatever leaves the program as a file or through a pipe, on days when the disk is full or nobody reads any more: said in a
//! sentence, and no half of it under the name of the whole.

use std::{
    fs::{self, File},
    process::Stdio,
};

use crate::common::stage::{Done, Stage, finish};

/// Everything an administrator writes out to standard output.
const PRINTED: [&[&str]; 12] = [
    &["audit", "list"],
    &["audit", "list", "--json"],
    &["audit", "export", "-"],
    &["report", "overview"],
    &["report", "days", "--csv"],
    &["report", "accounts", "--json"],
    &["metrics"],
    &["metrics", "--prometheus"],
    &["metrics", "--csv"],
    &["health", "--json"],
    &["settings", "list"],
    &["backup", "list", "--json"],
];

/// Runs it where no file of the process may grow beyond so many blocks of 512 bytes: as on a disk that fills up in the middle.
async fn on_a_small_disk(stage: &Stage, args: &[&str], blocks: u32) -> Done {
    let command = stage.command(args);
    let mut shell = std::process::Command::new("/bin/sh");
    shell.args(["-c", &format!("ulimit -f {blocks}; exec \"$0\" \"$@\"")]).arg(command.get_program()).args(args);
    shell.current_dir(stage.home()).env_clear();
    for (name, value) in command.get_envs().filter_map(|(name, value)| value.map(|value| (name, value))) {
        shell.env(name, value);
    }
    finish(shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_full_disk_does_not_take_is_said_and_ends_with_1() {
    let stage = Stage::signed_in().await;
    for args in PRINTED {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let done = finish(stage.command(args).stdout(full).spawn().unwrap()).await;
        assert_eq!(done.code, Some(1), "{args:?}: {done:?}");
        assert!(
            done.err.contains("The output could not be written: No space left on device")
                && done.err.contains("Make room"),
            "{args:?}: {done:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_has_left_ends_a_command_without_a_word() {
    let stage = Stage::signed_in().await;
    for args in PRINTED {
        let mut child = stage.command(args).spawn().unwrap();
        // Before the command has come to its first word.
        drop(child.stdout.take());
        let done = finish(child).await;
        assert!(!done.err.contains("ollamanet:") && !done.err.contains("panicked"), "{args:?}: {done:?}");
        assert_eq!(done.code, Some(0), "{args:?}: {done:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_does_not_fit_is_said_and_neither_it_nor_half_of_it_is_there() {
    let stage = Stage::signed_in().await;
    for args in [["ask", "first"], ["ask", "second"]] {
        assert_eq!(stage.run(&args).await.code, Some(0));
    }
    // More than is let through below: notes, and entries in the trail.
    for _ in 0..4 {
        let added = stage.with_input(&["notes", "add"], &"wombat ".repeat(2000)).await;
        assert_eq!(added.code, Some(0), "{added:?}");
    }
    let system = rusqlite::Connection::open(stage.home().join("data/ollamanet/system.db")).unwrap();
    for seq in 1000..1200 {
        let entry = "INSERT INTO audit VALUES (?1, ?1, '', NULL, 0, 'test', hex(randomblob(150)), 'ok', zeroblob(32), zeroblob(32))";
        system.execute(entry, [seq]).unwrap();
    }
    drop(system);
    let out = stage.home().join("out");
    fs::create_dir(&out).unwrap();
    let file = |name: &str| out.join(name).to_str().unwrap().to_owned();
    for args in [["audit", "export", &file("trail.jsonl")].as_slice(), &["notes", "export", &file("notes.md")]] {
        let done = on_a_small_disk(&stage, args, 64).await;
        assert_eq!(done.code, Some(1), "{args:?}: {done:?}");
        assert!(done.err.contains("cannot be written: File too large"), "{args:?}: {done:?}");
        assert_eq!(fs::read_dir(&out).unwrap().count(), 0, "{args:?}: {done:?}");
    }
    // What is there already stays what it is.
    fs::write(out.join("trail.csv"), "mine").unwrap();
    let taken = stage.run(&["audit", "export", "--format", "csv", &file("trail.csv")]).await;
    assert_eq!((taken.code, fs::read_to_string(out.join("trail.csv")).unwrap().as_str()), (Some(1), "mine"));
    assert!(taken.err.contains("is there already"), "{taken:?}");
}
