//! Several people on one machine, from the command line: every command is a process of its own.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::fs::PermissionsExt,
    process::Stdio,
};

use ollamanet::api::auth::Secret;
use serde_json::Value;

use crate::common::{
    authenticator::Authenticator,
    pty::{PATIENCE, Program},
    stage::{Done, PASSPHRASE, Stage, finish},
};

const BENS: &str = "nine loud otters polish copper kettles";

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

/// As ben, who signs in for each command.
async fn ben(stage: &Stage, args: &[&str], code: Option<&Secret>) -> Done {
    let code = code.map(|code| format!("{}\n", code.reveal())).unwrap_or_default();
    let who = ["--user", "ben", "--passphrase-fd", "0"];
    stage.with_input(&[&QUICK[..], &who, args].concat(), &format!("{BENS}\n{code}")).await
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

/// Ben's window in which he adds a second factor: waits with the secret shown, does `meanwhile`, then types the code.
async fn add_second_factor(stage: &Stage, meanwhile: Option<&[&str]>) -> (Authenticator, Done) {
    let args = [&QUICK[..], &["--user", "ben", "--passphrase-fd", "0", "account", "second-factor", "add"]].concat();
    let mut child = stage.command(&args).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "{BENS}").unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let (line, mut stdout) = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        (line, stdout)
    })
    .await
    .unwrap();
    let letters = line.strip_prefix("Secret: ").unwrap_or_else(|| panic!("{line:?}")).trim().to_owned();
    let authenticator = Authenticator::reading(&Secret::new(letters));
    if let Some(args) = meanwhile {
        alice_does(stage, args).await;
    }
    writeln!(stdin, "{}", authenticator.now().reveal()).unwrap();
    drop(stdin);
    let rest = tokio::task::spawn_blocking(move || std::io::read_to_string(&mut stdout).unwrap()).await.unwrap();
    let mut done = finish(child).await;
    done.out = rest;
    (authenticator, done)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_share_an_installation_and_neither_sees_the_other() {
    let stage = Stage::signed_in().await;
    let made = alice_json(&stage, &["users", "create", "ben"]).await;
    let code = made["code"].as_str().unwrap();
    let activate = ["account", "activate", "ben", "--passphrase-fd", "0"];
    let came = stage.with_input(&activate, &format!("{code}\n{BENS}\n")).await;
    assert_eq!(came.code, Some(0), "{came:?}");
    assert_eq!(came.out.matches("Recovery code: ").count(), 1, "{came:?}");
    let again = stage.with_input(&activate, &format!("{code}\n{BENS}\n")).await;
    assert_eq!(again.code, Some(5), "a code works once: {again:?}");

    // What runs is refused with the reason, in a process that was there before the lock.
    let (_, refused) = add_second_factor(&stage, Some(&["users", "lock", "ben", "--minutes", "10"])).await;
    assert_eq!(refused.code, Some(5), "{refused:?}");
    assert!(refused.err.contains("locked this account for 10 min"), "{refused:?}");
    let next = ben(&stage, &["account", "whoami"], None).await;
    assert!(next.code == Some(5) && next.err.contains("locked for another"), "{next:?}");
    let locked = alice_json(&stage, &["users", "list", "--state", "locked"]).await;
    assert_eq!(locked[0]["name"], "ben");
    // Each name has its line, and the worst one its exit code.
    let mixed = alice(&stage, &["users", "unlock", "ben", "nobody"]).await;
    assert_eq!((mixed.code, mixed.out.as_str()), (Some(1), "ben is unlocked.\n"), "{mixed:?}");
    assert!(mixed.err.contains("nobody: There is no such account."), "{mixed:?}");

    let (authenticator, added) = add_second_factor(&stage, None).await;
    assert_eq!(added.code, Some(0), "{added:?}");
    assert_eq!(added.out.lines().filter(|line| line.starts_with("  ")).count(), 10, "{added:?}");
    // The code of this half minute is used up; the test does not wait for the next.
    let unused = || tamper(&stage, "UPDATE second_factors SET last_step = 0");
    unused();
    let without = ben(&stage, &["account", "whoami"], None).await;
    assert_eq!(without.code, Some(2), "{without:?}");
    let asked = ben(&stage, &["ask", "a question of ben's, xylocanary"], Some(&authenticator.now())).await;
    assert_eq!(asked.code, Some(0), "{asked:?}");
    unused();
    let bens = ben(&stage, &["conversations", "list", "--json"], Some(&authenticator.now())).await;
    let bens: Value = serde_json::from_str(&bens.out).unwrap();
    let id = bens[0]["id"].as_str().unwrap();
    let others = stage.run(&["conversations", "show", id]).await;
    assert!(others.code == Some(1) && others.err.contains("There is no such conversation"), "{others:?}");
    assert_eq!(stage.json(&["conversations", "list"]).await, Value::Array(Vec::new()));

    // In the trash, then gone for good, which is never done unasked.
    alice_does(&stage, &["users", "delete", "ben"]).await;
    let unasked = alice(&stage, &["users", "purge", "ben"]).await;
    assert!(unasked.code == Some(2) && unasked.err.contains("--yes"), "{unasked:?}");
    alice_does(&stage, &["users", "purge", "ben", "--yes"]).await;
    let gone = alice(&stage, &["users", "show", "ben"]).await;
    assert_eq!(gone.code, Some(1), "{gone:?}");

    let trail = alice_json(&stage, &["audit", "list", "--action", "users.lock", "--since", "1h"]).await;
    assert_eq!(trail.as_array().unwrap().len(), 1, "{trail}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_trail_is_listed_verified_and_exported_and_tampering_is_found() {
    let stage = Stage::signed_in().await;
    let register = ["account", "register", "carl", "--passphrase-fd", "0"];
    let closed = stage.with_input(&register, &format!("{BENS}\n")).await;
    assert!(closed.code == Some(5) && closed.err.contains("Nobody can make an account for themselves"), "{closed:?}");
    alice_does(&stage, &["settings", "set", "accounts.registration=on", "audit.keep_days=365"]).await;
    let shown = stage.run(&["settings", "get", "audit.keep_days"]).await;
    assert_eq!(shown.out, "365\n");
    let open = stage.with_input(&register, &format!("{BENS}\n")).await;
    assert!(open.code == Some(0) && open.out.contains("Recovery code: "), "{open:?}");
    // What is set for one account holds for that one, and its person may leave.
    alice_does(&stage, &["roles", "limit", "--account", "carl", "chat=5"]).await;
    let models = ["--passphrase-fd", "0", "roles", "models", "--account", "carl", "+demo-chat*", "-*:70b"];
    let set = stage.with_input(&models, &format!("{PASSPHRASE}\n")).await;
    assert_eq!(set.code, Some(0), "{set:?}");
    let shown = stage.run(&["users", "show", "carl"]).await;
    for part in ["chat 5", "+demo-chat*", "-*:70b"] {
        assert!(shown.out.contains(part), "{part}: {shown:?}");
    }
    let carl = async |args: &[&str]| {
        let who = ["--user", "carl", "--passphrase-fd", "0"];
        stage.with_input(&[&who[..], args].concat(), &format!("{BENS}\n")).await
    };
    let seen = carl(&["models", "list"]).await;
    assert!(
        seen.out.contains("demo-chat") && seen.out.lines().skip(1).all(|line| line.contains("demo-chat")),
        "{seen:?}"
    );
    let unknown = carl(&["sessions", "end", "ffffffff"]).await;
    assert!(unknown.code == Some(1) && unknown.err.contains("There is no such session"), "{unknown:?}");
    let others = carl(&["sessions", "end-others"]).await;
    assert!(others.code == Some(0) && others.out.starts_with("Ended: "), "{others:?}");
    let denied = carl(&["audit", "list"]).await;
    assert_eq!(denied.code, Some(5), "{denied:?}");
    let unasked = carl(&["account", "delete"]).await;
    assert!(unasked.code == Some(2) && unasked.err.contains("--yes"), "{unasked:?}");
    let left = carl(&["account", "delete", "--yes"]).await;
    assert_eq!((left.code, left.out.as_str()), (Some(0), "carl is gone for good.\n"), "{left:?}");
    assert_eq!(carl(&["account", "whoami"]).await.code, Some(5));
    let pruned = alice_does(&stage, &["audit", "prune"]).await;
    assert!(pruned.out.starts_with("Removed: 0."), "{pruned:?}");
    let wrong = alice(&stage, &["settings", "set", "accounts.registration=maybe"]).await;
    assert_eq!(wrong.code, Some(2), "{wrong:?}");

    let list = stage.run(&["audit", "list", "--action", "settings"]).await;
    assert!(list.out.contains("settings.set") && list.out.contains("alice"), "{list:?}");
    let none = stage.json(&["audit", "list", "--until", "2020-01-01"]).await;
    assert_eq!(none, Value::Array(Vec::new()));
    let sound = stage.run(&["audit", "verify"]).await;
    assert!(sound.code == Some(0) && sound.out.contains("fit together"), "{sound:?}");

    let whole = stage.run(&["audit", "export", "trail.csv"]).await;
    assert_eq!(whole.code, Some(0), "{whole:?}");
    let path = stage.home().join("trail.csv");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let written = fs::read_to_string(&path).unwrap();
    assert!(written.starts_with("seq,at,actor,actor_name,") && written.contains(",settings.set,"), "{written}");
    let over = stage.run(&["audit", "export", "trail.csv"]).await;
    assert!(over.code == Some(1) && fs::read_to_string(&path).unwrap() == written, "{over:?}");
    let lines = stage.run(&["audit", "export", "-", "--format", "jsonl", "--result", "ok"]).await;
    let first: Value = serde_json::from_str(lines.out.lines().next().unwrap()).unwrap();
    assert_eq!(first["result"], "ok");

    tamper(&stage, "UPDATE audit SET target = 'something else' WHERE action = 'settings.set'");
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_a_terminal_what_is_missing_is_asked_for() {
    let stage = Stage::signed_in().await;
    let at = |args: &[&str]| Program::new(stage.home(), args).env("OLLAMA_HOST", stage.fake.url()).start(120, 60);
    alice_does(&stage, &["users", "create", "ben"]).await;
    alice_does(&stage, &["users", "delete", "ben"]).await;

    // Another name removes nothing, and a passphrase that was mistyped is asked for again.
    let mut term = at(&["users", "purge", "ben"]);
    term.until("Type ben to go on:");
    term.send("bne\r");
    assert_eq!(term.wait(PATIENCE).exit_code(), 2);
    let mut term = at(&["users", "purge", "ben"]);
    term.until("Type ben to go on:");
    term.send("ben\r");
    term.until("Your passphrase once more");
    term.send("mistyped\r");
    term.until_screen("a second prompt", |screen| screen.matches("Your passphrase once more").count() == 2);
    term.send(format!("{PASSPHRASE}\r"));
    term.until("ben is gone for good.");
    assert!(term.wait(PATIENCE).success());

    // The secret is drawn for a telephone as well, and never without the letters.
    let mut term = at(&["account", "second-factor", "add"]);
    term.until("Your passphrase once more");
    term.send(format!("{PASSPHRASE}\r"));
    let screen = term.until("Code of your authenticator");
    assert!(screen.lines().filter(|line| line.starts_with("██")).count() > 15, "{screen}");
    let letters = screen.lines().find_map(|line| line.strip_prefix("Secret: ")).unwrap().trim().to_owned();
    let authenticator = Authenticator::reading(&Secret::new(letters));
    term.send(format!("{}\r", authenticator.now().reveal()));
    term.until("Each of these signs in once");
    assert!(term.wait(PATIENCE).success());

    let mut term = at(&["--user", "alice", "account", "whoami"]);
    term.until("Passphrase of alice");
    term.send(format!("{PASSPHRASE}\r"));
    term.until("Code of your authenticator, or a recovery code of it");
    tamper(&stage, "UPDATE second_factors SET last_step = 0");
    term.send(format!("{}\r", authenticator.now().reveal()));
    term.until("alice · admin");
    assert!(term.wait(PATIENCE).success());
}
