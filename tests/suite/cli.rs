//! The command line from outside: the real program, the fake Ollama, directories of its own.

mod asking;

use std::{
    ffi::OsString,
    fs,
    io::{BufRead, BufReader, Read, Write},
    os::unix::{fs::PermissionsExt, process::ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, ExitStatus, Stdio},
};

use ollamanet::fake::{Gate, Pace, Part, Reply, Seen, StandIn, reply::Framing};
use serde_json::{Value, json};

use crate::common::{
    pty::{PATIENCE, Program},
    stage::{PASSPHRASE, Stage, finish, last, piece},
    until,
};

const CANARY: &str = "xylocanary";

async fn wait(mut child: Child) -> ExitStatus {
    tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap()
}

/// Nothing that a terminal would obey, and no text that hides.
fn assert_plain(what: &str, text: &str) {
    let bad = text.chars().find(|letter| {
        (letter.is_control() && *letter != '\n')
            || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}' | '\u{e0000}'..='\u{e0fff}')
    });
    assert_eq!(bad, None, "{what} let something through: {text:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_about_the_program_need_nothing() {
    let stage = Stage::new().await;
    for (args, part) in [
        (&["--version"][..], "ollamanet 0."),
        (&["--help"], "Exit codes"),
        (&["man"], ".TH ollamanet"),
        (&["man", "ask"], ".TH ollamanet-ask"),
        (&["completions", "bash"], "_ollamanet"),
        (&["completions", "fish"], "complete -c ollamanet"),
        (&["config", "default"], "[chat]"),
    ] {
        let done = stage.run(args).await;
        assert_eq!((done.code, done.err.as_str()), (Some(0), ""), "{args:?}");
        assert!(done.out.contains(part), "{args:?}: {}", done.out);
        assert_plain(&args.join(" "), &done.out.replace('\t', ""));
    }
    assert!(!stage.home().join("data").exists(), "nothing was made on disk");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_usage_ends_with_2() {
    let stage = Stage::new().await;
    for args in [
        &["frobnicate"][..],
        &["ask", "--nonsense"],
        &["conversations"],
        &["conversations", "list", "--limit", "0"],
        &["man", "frobnicate"],
        &["--passphrase-fd", "77", "account", "sign-in", "alice"],
        &["ask", "-o", "temprature=1", "hello"],
        &["ask", "-o", "temperature=hot", "hello"],
        &["ask", "--format", "no-such-file", "hello"],
        &["ask", "-f", "no-such-file", "hello"],
    ] {
        let done = stage.run(args).await;
        assert_eq!((done.code, done.out.as_str()), (Some(2), ""), "{args:?}: {done:?}");
        assert!(!done.err.is_empty(), "{args:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_interface_and_the_demo_need_a_terminal() {
    let stage = Stage::new().await;
    for args in [&[][..], &["demo"]] {
        let done = stage.run(args).await;
        assert_eq!((done.code, done.out.as_str()), (Some(2), ""), "{args:?}");
        assert!(done.err.starts_with("ollamanet: The interface needs a terminal"), "{}", done.err);
        assert_eq!(done.err.lines().count(), 2, "what happened, and what to do");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_sign_in_the_code_is_5_and_the_way_in_is_told() {
    let stage = Stage::new().await;
    for args in [
        &["ask", "hello"][..],
        &["conversations", "list"],
        &["folders", "list"],
        &["models", "list"],
        &["account", "whoami"],
    ] {
        let done = stage.run(args).await;
        assert_eq!((done.code, done.out.as_str()), (Some(5), ""), "{args:?}: {done:?}");
        assert!(done.err.contains("account create"), "{}", done.err);
    }
    assert!(stage.fake.requests().is_empty(), "nothing was asked of Ollama");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_tells_by_its_exit_code() {
    let stage = Stage::new().await;
    let well = stage.run(&["health"]).await;
    assert_eq!(well.code, Some(0), "{well:?}");
    assert!(well.out.contains("0.35.0-stand-in"), "{}", well.out);
    let report = stage.json(&["health"]).await;
    assert_eq!(report["ollama"]["state"], "reachable");

    let mut gone = stage.command(&["health", "--json"]);
    gone.env("OLLAMA_HOST", "127.0.0.1:1");
    let done = finish(gone.spawn().unwrap()).await;
    assert_eq!(done.code, Some(3), "{done:?}");
    let report: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(report["ollama"]["state"], "absent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_data_directory_that_others_can_write_is_refused_with_78() {
    let stage = Stage::new().await;
    let dir = stage.home().join("open");
    fs::create_dir(&dir).unwrap();
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o777)).unwrap();
    let dir = dir.to_str().unwrap();
    let done = stage.run(&["--data-dir", dir, "health"]).await;
    assert_eq!(done.code, Some(78), "{done:?}");
    assert!(done.err.contains("chmod"), "{}", done.err);
    // The doctor finds the same, and goes on.
    let done = stage.run(&["--data-dir", dir, "doctor"]).await;
    assert_eq!(done.code, Some(78), "{done:?}");
    assert!(done.out.contains("bad   data") && done.out.contains("chmod"), "{}", done.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_names_and_titles_are_harmless_in_every_list() {
    let stage = Stage::signed_in().await;
    let hostile = "x\u{1b}]52;c;aGk=\u{7}\u{9b}2J\u{202e}evil\u{200b}";
    let rest = StandIn::new(Pace::instant());
    let name = hostile.to_owned();
    stage.fake.answer(move |request| {
        let mut reply = rest.reply(request);
        if request.path == "/api/tags" || request.path == "/api/ps" {
            let model = json!({ "name": name, "model": name, "modified_at": "2026-11-24T10:00:00Z", "size": 1, "digest": "00",
                "details": { "format": "gguf", "family": name, "families": [name], "parameter_size": name, "quantization_level": name },
                "expires_at": name, "size_vram": 0, "capabilities": ["completion", name] });
            reply = Reply::json(200, &json!({ "models": [model] }));
        }
        Some(reply)
    });
    for args in [&["models", "list"][..], &["models", "ps"], &["models", "list", "--json"], &["models", "ps", "--json"]]
    {
        let done = stage.run(args).await;
        assert_eq!(done.code, Some(0), "{args:?}: {done:?}");
        assert!(done.out.contains("evil"), "{args:?}: {}", done.out);
        assert_plain(&args.join(" "), &done.out);
    }
    stage.chat(move |_| {
        Reply::lines(&[piece("a\u{1b}[2J\u{9d}0;t"), piece("itle\u{9c}b\u{1b}"), piece("[31mc"), last()])
    });
    let asked = stage.run(&["ask", "-m", "demo-chat:3b", hostile]).await;
    assert_eq!(asked.code, Some(0), "{asked:?}");
    assert_plain("ask", &asked.out);
    for args in [
        &["conversations", "list"][..],
        &["conversations", "list", "--json"],
        &["conversations", "show", "last"],
        &["conversations", "show", "last", "--json"],
    ] {
        let done = stage.run(args).await;
        assert_eq!(done.code, Some(0), "{args:?}: {done:?}");
        assert_plain(&args.join(" "), &done.out);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conversations_are_listed_renamed_trashed_and_restored() {
    let stage = Stage::signed_in().await;
    for question in ["one fish", "two fish", "red fish"] {
        assert_eq!(stage.run(&["ask", "-m", "demo-chat:3b", question]).await.code, Some(0));
    }
    let page = stage.run(&["conversations", "list", "--limit", "2"]).await;
    assert_eq!(page.out.lines().count(), 3, "a heading and two rows: {}", page.out);
    assert!(page.err.contains("--all"), "{}", page.err);
    assert_eq!(stage.json(&["conversations", "list", "--all"]).await.as_array().unwrap().len(), 3);

    let rename = stage.run(&["conversations", "rename", "last", "Blue Fish"]).await;
    assert_eq!(rename.code, Some(0), "{rename:?}");
    assert_eq!(stage.json(&["conversations", "list", "blue"]).await[0]["title"], "Blue Fish");
    assert_eq!(stage.run(&["conversations", "delete", "blue fish"]).await.code, Some(0));
    assert_eq!(stage.json(&["conversations", "list", "--shelf", "trash"]).await[0]["title"], "Blue Fish");
    assert_eq!(stage.json(&["conversations", "list"]).await.as_array().unwrap().len(), 2);
    let again = stage.run(&["conversations", "delete", "blue fish"]).await;
    assert_eq!(again.code, Some(1), "what is in the trash is not found among the others: {again:?}");
    assert_eq!(stage.run(&["conversations", "restore", "Blue Fish"]).await.code, Some(0));
    assert_eq!(stage.json(&["conversations", "list"]).await.as_array().unwrap().len(), 3);

    let ambiguous = stage.run(&["conversations", "show", "fish"]).await;
    assert_eq!(ambiguous.code, Some(2), "{ambiguous:?}");
    assert!(ambiguous.err.contains("Blue Fish"), "{}", ambiguous.err);
    let shown = stage.json(&["conversations", "show", "Blue Fish"]).await;
    assert_eq!(shown["messages"][0]["content"], "red fish");
    assert_eq!(shown["has_older"], false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn folders_are_made_moved_and_removed() {
    let stage = Stage::signed_in().await;
    for args in [
        &["folders", "create", "work"][..],
        &["folders", "create", "rust", "--in", "work"],
        &["folders", "create", "home"],
        &["folders", "rename", "work/rust", "Rust 漢字"],
    ] {
        let done = stage.run(args).await;
        assert_eq!(done.code, Some(0), "{args:?}: {done:?}");
    }
    let paths = |listed: Value| -> Vec<String> {
        listed.as_array().unwrap().iter().map(|folder| folder["path"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(paths(stage.json(&["folders", "list"]).await), ["home", "work", "work/Rust 漢字"]);
    assert_eq!(stage.run(&["folders", "move", "rust 漢字", "--to", "home"]).await.code, Some(0));
    assert_eq!(paths(stage.json(&["folders", "list"]).await), ["home", "home/Rust 漢字", "work"]);
    let circle = stage.run(&["folders", "move", "home", "--to", "home/rust 漢字"]).await;
    assert_ne!(circle.code, Some(0), "{circle:?}");
    assert_eq!(stage.run(&["ask", "--folder", "home", "hello"]).await.code, Some(0));
    let unsaid = stage.run(&["folders", "delete", "home"]).await;
    assert_eq!(unsaid.code, Some(2), "{unsaid:?}");
    assert!(unsaid.err.contains("--content"), "{}", unsaid.err);
    assert_eq!(stage.run(&["folders", "delete", "home", "--content", "move-up"]).await.code, Some(0));
    assert_eq!(paths(stage.json(&["folders", "list"]).await), ["Rust 漢字", "work"]);
    assert_eq!(stage.json(&["conversations", "list", "--shelf", "unfiled"]).await.as_array().unwrap().len(), 1);
    let twice = stage.run(&["folders", "create", "WORK"]).await;
    assert_eq!(twice.code, Some(1), "{twice:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn models_are_listed_shown_and_told_when_loaded() {
    let stage = Stage::signed_in().await;
    let listed = stage.json(&["models", "list"]).await;
    assert!(listed.as_array().unwrap().iter().any(|model| model["name"] == "demo-chat:3b"), "{listed}");
    assert_eq!(stage.run(&["models", "ps"]).await.err, "No model is loaded.\n");
    assert_eq!(stage.run(&["ask", "-m", "demo-chat:3b", "hello"]).await.code, Some(0));
    assert_eq!(stage.json(&["models", "ps"]).await[0]["name"], "demo-chat:3b");
    let shown = stage.run(&["models", "show", "demo-chat:3b"]).await;
    assert!(shown.out.starts_with("demo-chat:3b\n"), "{}", shown.out);
    let missing = stage.run(&["models", "show", "nope"]).await;
    assert_eq!(missing.code, Some(4), "{missing:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_made_once_and_entered_by_descriptor() {
    let stage = Stage::new().await;
    let weak = stage.with_input(&["account", "create", "alice", "--passphrase-fd", "0"], "password1\n").await;
    assert_eq!(weak.code, Some(2), "{weak:?}");
    let made = stage.with_input(&["account", "create", "alice", "--passphrase-fd", "0", "--json"], PASSPHRASE).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    let made: Value = serde_json::from_str(&made.out).unwrap();
    assert_eq!((&made["account"]["name"], &made["account"]["role"]), (&json!("alice"), &json!("admin")));
    assert_eq!(made["stays_signed_in"], false);
    let code = made["recovery_code"].as_str().unwrap().to_owned();

    let second = stage.with_input(&["account", "create", "bob", "--passphrase-fd", "0"], PASSPHRASE).await;
    assert_eq!(second.code, Some(1), "{second:?}");
    assert_eq!(
        stage.run(&["account", "whoami"]).await.code,
        Some(5),
        "without --stay the sign-in ended with its command"
    );

    let once = stage.with_input(&["--user", "alice", "--passphrase-fd", "0", "account", "whoami"], PASSPHRASE).await;
    assert_eq!((once.code, once.out.as_str()), (Some(0), "alice · admin\n"), "{once:?}");
    let piped = stage
        .with_input(&["--user", "alice", "--passphrase-fd", "0", "ask"], &format!("{PASSPHRASE}\nand my question\n"))
        .await;
    assert_eq!(piped.code, Some(0), "{piped:?}");
    let chat = stage.fake.requests().into_iter().find(|request| request.path == "/api/chat").unwrap().json();
    assert_eq!(chat["messages"][0]["content"], "and my question");

    let wrong =
        stage.with_input(&["--user", "alice", "--passphrase-fd", "0", "account", "whoami"], "not it at all").await;
    let unknown =
        stage.with_input(&["--user", "mallory", "--passphrase-fd", "0", "account", "whoami"], PASSPHRASE).await;
    assert_eq!((wrong.code, unknown.code), (Some(5), Some(5)), "{wrong:?} {unknown:?}");
    assert_eq!(wrong.err, unknown.err, "nobody learns which names exist");

    let fresh = "eleven quiet lanterns drift past";
    let changed = stage
        .with_input(
            &["--user", "alice", "--passphrase-fd", "0", "account", "change-passphrase"],
            &format!("{PASSPHRASE}\n{fresh}\n"),
        )
        .await;
    assert_eq!(changed.code, Some(0), "{changed:?}");
    let newest = "nine copper kettles whistle softly";
    let recovered = stage
        .with_input(&["account", "recover", "alice", "--stay", "--passphrase-fd", "0"], &format!("{code}\n{newest}\n"))
        .await;
    assert_eq!(recovered.code, Some(0), "{recovered:?}");
    assert!(recovered.out.contains("Recovery code: ") && !recovered.out.contains(&code), "{}", recovered.out);
    assert_eq!(stage.run(&["account", "whoami"]).await.out, "alice · admin\n");
    assert_eq!(stage.run(&["account", "sign-out"]).await.code, Some(0));
    assert_eq!(stage.run(&["account", "whoami"]).await.code, Some(5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_the_log_nor_any_other_file_holds_what_was_written() {
    let stage = Stage::signed_in().await;
    stage.chat(|_| Reply::lines(&[piece("answer-xylocanary "), piece("\u{1b}[31m\r\nFAKE"), last()]));
    let mut ask = stage.command(&["ask", "-m", "demo-chat:3b", "-s", "system-xylocanary", "prompt-xylocanary"]);
    let done = finish(ask.env("OLLAMANET_LOG", "trace").spawn().unwrap()).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.out.contains(CANARY), "{}", done.out);
    let mut rename = stage.command(&["conversations", "rename", "last", "title-xylocanary"]);
    assert_eq!(finish(rename.env("OLLAMANET_LOG", "trace").spawn().unwrap()).await.code, Some(0));

    let mut files = Vec::new();
    walk(stage.home(), &mut files);
    let logs: Vec<&PathBuf> = files.iter().filter(|file| file.to_string_lossy().contains("ollamanet.log")).collect();
    assert!(!logs.is_empty(), "there is a log to look at: {files:?}");
    for file in &files {
        let bytes = fs::read(file).unwrap();
        let holds = |needle: &str| bytes.windows(needle.len()).any(|window| window == needle.as_bytes());
        assert!(!holds(CANARY) && !holds(PASSPHRASE), "{} holds content", file.display());
        let mode = fs::metadata(file).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", file.display());
    }
    for log in logs {
        let text = fs::read_to_string(log).unwrap();
        assert_plain("the log", &text);
        assert!(text.lines().all(|line| line.starts_with("20")), "each line begins with its time:\n{text}");
    }
}

fn walk(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let kind = fs::symlink_metadata(&path).unwrap().file_type();
        if kind.is_dir() {
            walk(&path, files);
        } else if kind.is_file() {
            files.push(path);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_names_each_thing_and_its_fix() {
    let stage = Stage::signed_in().await;
    let well = stage.run(&["doctor"]).await;
    assert_eq!(well.code, Some(0), "{well:?}");
    for what in ["settings", "data", "ollama", "store", "disk", "account", "models", "log", "terminal"] {
        assert!(well.out.lines().any(|line| line.split_whitespace().nth(1) == Some(what)), "{what}: {}", well.out);
    }
    let mut ill = stage.command(&["doctor", "--json"]);
    ill.env("OLLAMA_HOST", "127.0.0.1:1").env("LANG", "C").env("OLLAMANET_UI_THEME", "pink");
    let done = finish(ill.spawn().unwrap()).await;
    assert_eq!(done.code, Some(2), "the first bad finding decides: {done:?}");
    let findings: Vec<Value> = serde_json::from_str(&done.out).unwrap();
    let of = |what: &str| findings.iter().find(|finding| finding["what"] == what).unwrap();
    assert_eq!(of("ollama")["level"], "bad");
    assert!(of("ollama")["fix"].as_str().unwrap().contains("OLLAMA_HOST"));
    assert!(of("settings")["text"].as_str().unwrap().contains("OLLAMANET_UI_THEME"));
    assert_eq!(of("locale")["level"], "warning");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_argument_that_is_not_utf_8_is_refused_in_words() {
    use std::os::unix::ffi::OsStringExt;
    let stage = Stage::new().await;
    let mut command = stage.command(&["conversations", "show"]);
    command.arg(OsString::from_vec(vec![0x66, 0xff]));
    let done = finish(command.spawn().unwrap()).await;
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.err.contains("UTF-8"), "{}", done.err);
}

#[test]
fn the_demo_shows_everything_says_what_it_is_and_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let mut term = Program::new(home.path(), &["demo"]).start(120, 36);
    let screen = term.until_screen("what lies there to look at", |screen| {
        screen.contains("What is this?") && screen.contains("work") && screen.contains("● ollama")
    });
    assert!(screen.to_lowercase().contains("demo"), "it says what it is:\n{screen}");
    term.send("Calculate the sum of all numbers up to 100").key("enter");
    term.until("n · (n + 1)");
    term.key("ctrl+q");
    assert!(term.wait(PATIENCE).success());
    let mut left = Vec::new();
    walk(home.path(), &mut left);
    assert_eq!(left, Vec::<PathBuf>::new(), "nothing of it was kept");
}
