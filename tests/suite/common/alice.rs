//! What alice does to whole installations: signs in for each command, and looks what is there.

use std::{fs, path::Path, path::PathBuf};

use super::stage::{Done, PASSPHRASE, Stage};

/// With room for a hundred commands a minute.
pub const AS_ALICE: [&str; 6] = ["--user", "alice", "--passphrase-fd", "0", "--set", "limits.auth_per_minute=600"];

/// Signs in anew, so that whatever wants the passphrase once more has it.
pub async fn as_alice(stage: &Stage, args: &[&str]) -> Done {
    stage.with_input(&[args, AS_ALICE.as_slice()].concat(), &[PASSPHRASE, "\n", PASSPHRASE].concat()).await
}

/// The titles of her conversations, in order.
pub async fn titles(stage: &Stage) -> Vec<String> {
    let listed = as_alice(stage, &["conversations", "list", "--json"]).await;
    let rows: serde_json::Value = serde_json::from_str(&listed.out).unwrap_or_else(|_| panic!("{listed:?}"));
    let mut titles: Vec<String> =
        rows.as_array().unwrap().iter().map(|row| row["title"].as_str().unwrap().to_owned()).collect();
    titles.sort();
    titles
}

/// Where the program keeps its own.
pub fn data(stage: &Stage) -> PathBuf {
    stage.home().join("data/ollamanet")
}

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}
