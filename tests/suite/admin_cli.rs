//! Several people on one machine, from the command line: every command is a process of its own.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::Value;

use crate::common::stage::{Done, PASSPHRASE, Stage};

/// More tries a minute than people need, because a test is fast.
const QUICK: [&str; 2] = ["--set", "limits.auth_per_minute=600"];

/// As alice, who stays signed in here and types her passphrase where it is wanted once more.
async fn alice(stage: &Stage, args: &[&str]) -> Done {
    stage.with_input(&[&QUICK[..], args, &["--passphrase-fd", "0"]].concat(), &format!("{PASSPHRASE}\n")).await
}

async fn alice_does(stage: &Stage, args: &[&str]) -> Done {
    let done = alice(stage, args).await;
    assert_eq!(done.code, Some(0), "{args:?}: {done:?}");
    done
}

/// Options stand first: patterns of models may look like some.
async fn alice_json(stage: &Stage, args: &[&str]) -> Value {
    let done = alice_does(stage, &[&["--json"], args].concat()).await;
    serde_json::from_str(&done.out).unwrap()
}

fn tamper(stage: &Stage, sql: &str) {
    let mut found = Vec::new();
    let mut open = vec![stage.home().to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.file_name().is_some_and(|name| name == "system.db") {
                found.push(path);
            }
        }
    }
    assert_eq!(found.len(), 1);
    rusqlite::Connection::open(&found[0]).unwrap().execute_batch(sql).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_trail_is_listed_verified_and_exported_and_tampering_is_found() {
    let stage = Stage::signed_in().await;
    alice_does(&stage, &["policy", "set", "registration=on", "audit-keep-days=365"]).await;
    let shown = stage.run(&["policy", "show"]).await;
    assert_eq!(shown.out, "registration=on\nsecond-factor=voluntary\naudit-keep-days=365\n");
    let wrong = alice(&stage, &["policy", "set", "registration=maybe"]).await;
    assert_eq!(wrong.code, Some(2), "{wrong:?}");

    let list = stage.run(&["audit", "list", "--action", "policy"]).await;
    assert!(list.out.contains("policy.set") && list.out.contains("alice"), "{list:?}");
    let none = stage.json(&["audit", "list", "--until", "2020-01-01"]).await;
    assert_eq!(none, Value::Array(Vec::new()));
    let sound = stage.run(&["audit", "verify"]).await;
    assert!(sound.code == Some(0) && sound.out.contains("fit together"), "{sound:?}");

    let whole = stage.run(&["audit", "export", "trail.csv"]).await;
    assert_eq!(whole.code, Some(0), "{whole:?}");
    let path = stage.home().join("trail.csv");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let written = fs::read_to_string(&path).unwrap();
    assert!(written.starts_with("number,time,who,") && written.contains(",policy.set,"), "{written}");
    let over = stage.run(&["audit", "export", "trail.csv"]).await;
    assert!(over.code == Some(1) && fs::read_to_string(&path).unwrap() == written, "{over:?}");
    let lines = stage.run(&["audit", "export", "-", "--format", "jsonl", "--result", "ok"]).await;
    let first: Value = serde_json::from_str(lines.out.lines().next().unwrap()).unwrap();
    assert_eq!(first["result"], "ok");

    tamper(&stage, "UPDATE audit SET target = 'something else' WHERE action = 'policy.set'");
    let found = stage.run(&["audit", "verify"]).await;
    assert!(found.code == Some(1) && found.out.contains("was changed"), "{found:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_and_ones_own_account_are_looked_after_from_the_command_line() {
    let stage = Stage::signed_in().await;
    alice_does(&stage, &["roles", "create", "staff"]).await;
    alice_does(&stage, &["roles", "deny", "staff", "export"]).await;
    alice_does(&stage, &["roles", "limit", "staff", "chat=30", "answers=1"]).await;
    // Before the patterns, because everything after them is one.
    let models = [&QUICK[..], &["--passphrase-fd", "0", "roles", "models", "staff", "+llama3*", "-*:70b"]].concat();
    let set = stage.with_input(&models, &format!("{PASSPHRASE}\n")).await;
    assert_eq!(set.code, Some(0), "{set:?}");
    let list = stage.run(&["roles", "list"]).await;
    let row = list.out.lines().find(|line| line.starts_with("staff")).unwrap();
    for part in ["-export", "chat=30", "answers=1", "+llama3*", "-*:70b"] {
        assert!(row.contains(part), "{part}: {list:?}");
    }
    assert!(list.out.contains("staff: no*"), "{list:?}");
    let staff = |roles: &Value| roles.as_array().unwrap().iter().find(|role| role["name"] == "staff").cloned();
    alice_does(&stage, &["roles", "models", "staff", "--clear"]).await;
    alice_does(&stage, &["roles", "follow", "staff", "export"]).await;
    let after = staff(&stage.json(&["roles", "list"]).await).unwrap();
    assert!(after["models"].as_array().unwrap().is_empty() && after["permissions"].as_array().unwrap().is_empty());
    alice_does(&stage, &["roles", "delete", "staff"]).await;
    assert_eq!(staff(&stage.json(&["roles", "list"]).await), None);

    // One's own account.
    let set = stage.run(&["account", "preferences", "set", "theme=dark", "-o", "temperature=0.5"]).await;
    assert_eq!((set.code, set.out.as_str()), (Some(0), "theme=dark\noption temperature=0.5\n"), "{set:?}");
    let wrong = stage.run(&["account", "preferences", "set", "theme=pink"]).await;
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    stage.run(&["account", "display-name", "Alice A."]).await;
    assert_eq!(stage.json(&["account", "profile"]).await["display_name"], "Alice A.");
    // Signed in with the passphrase: the row of a session that goes on by its token is written after it has begun.
    let sessions = alice_json(&stage, &["--user", "alice", "sessions", "list"]).await;
    assert!(sessions.as_array().unwrap().iter().any(|row| row["is_own"] == true), "{sessions}");
    assert!(stage.run(&["account", "limits"]).await.out.contains("answers"));
    let activity = stage.json(&["account", "activity", "--limit", "3"]).await;
    assert_eq!(activity.as_array().unwrap().len(), 3);
    let fresh = alice_json(&stage, &["account", "recovery-code"]).await;
    assert!(fresh["recovery_code"].as_str().unwrap().contains('-'), "{fresh}");
    let everything = alice_json(&stage, &["account", "export", "mine.tar.gz"]).await;
    assert!(everything["bytes"].as_u64().unwrap() > 0 && stage.home().join("mine.tar.gz").exists());
    // The last administrator cannot go, and a passphrase that is wrong confirms nothing.
    let last = alice(&stage, &["account", "delete", "--yes"]).await;
    assert!(last.code == Some(5) && last.err.contains("administrator"), "{last:?}");
    let wrong = ["roles", "create", "other", "--passphrase-fd", "0"];
    let refused = stage.with_input(&wrong, "not the passphrase at all\n").await;
    assert_eq!(refused.code, Some(5), "{refused:?}");
}
