//! Conversations out into files and in from them, by the real program: in pipes, on a full disk, stopped, and killed.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use ollamanet::api::organise::NewConversation;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use crate::common::{
    kills,
    stage::{Done, PASSPHRASE, Stage, finish},
};

fn fixture(name: &str) -> String {
    format!("{}/tests/fixtures/import/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// An export of so many conversations with so many messages each.
fn history(path: &Path, conversations: usize, messages: usize) {
    let chats: Vec<Value> = (0..conversations)
        .map(|number| {
            let said: Vec<Value> = (0..messages)
                .map(|at| {
                    let sender = if at % 2 == 0 { "human" } else { "assistant" };
                    json!({ "uuid": format!("{number}-{at}"), "sender": sender, "text": format!("text {number} {at} für") })
                })
                .collect();
            json!({ "uuid": format!("c{number}"), "name": format!("chat {number:04}"), "chat_messages": said })
        })
        .collect();
    fs::write(path, Value::Array(chats).to_string()).unwrap();
}

fn ok(done: &Done) -> &Done {
    assert_eq!(done.code, Some(0), "{done:?}");
    done
}

/// Number of messages by title.
async fn titles(stage: &Stage) -> BTreeMap<String, u64> {
    let listed = stage.json(&["conversations", "list", "--all"]).await;
    let rows = listed.as_array().unwrap().clone();
    rows.iter().map(|row| (row["title"].as_str().unwrap().to_owned(), row["messages"].as_u64().unwrap())).collect()
}

/// Exports with the passphrase typed again, as everything at once wants it.
async fn export_all(stage: &Stage, to: &str) -> Done {
    let args = ["conversations", "export", "--all", "-o", to, "--overwrite", "--passphrase-fd", "0"];
    stage.with_input(&args, PASSPHRASE).await
}

#[tokio::test(flavor = "multi_thread")]
async fn conversations_leave_in_every_format_and_come_into_another_account_as_they_were() {
    let stage = Stage::signed_in().await;
    ok(&stage.run(&["folders", "create", "work"]).await);
    ok(&stage.run(&["presets", "create", "Strict", "-s", "Be strict."]).await);
    ok(&stage.run(&["presets", "create", "Wild", "-o", "temperature=2"]).await);
    ok(&stage.run(&["presets", "default", "Strict"]).await);
    ok(&stage.run(&["folders", "preset", "work", "Wild"]).await);
    ok(&stage.run(&["ask", "-m", "demo-chat:3b", "--folder", "work", "the first question"]).await);
    ok(&stage.run(&["conversations", "import", &fixture("chatgpt.json"), &fixture("openwebui.json")]).await);
    let path = |name: &str| stage.home().join(name).to_str().unwrap().to_owned();

    for (format, begins) in [
        ("markdown", "---\ntitle: \"Sourdough"),
        ("json", "{\"format\":\"ollamanet-json\""),
        ("html", "<!doctype html>"),
    ] {
        let to = path(format);
        let exported =
            stage.run(&["conversations", "export", "Sourdough at altitude", "--format", format, "-o", &to]).await;
        assert!(ok(&exported).out.contains("1 conversation, 4 messages") || format == "json", "{exported:?}");
        let text = fs::read_to_string(&to).unwrap();
        assert!(text.starts_with(begins), "{text}");
        // The same through a pipe.
        let piped =
            stage.run(&["conversations", "export", "Sourdough at altitude", "--format", format, "-o", "-"]).await;
        assert_eq!(ok(&piped).out, text);
        let again = stage.run(&["conversations", "export", "last", "--format", format, "-o", &to]).await;
        assert_eq!(again.code, Some(1), "{again:?}");
        assert!(again.err.contains("is there already") && again.err.contains("--overwrite"), "{again:?}");
        assert_eq!(fs::read_to_string(&to).unwrap(), text, "it was written over");
        ok(&stage.run(&["conversations", "export", "last", "--format", format, "-o", &to, "--overwrite"]).await);
        assert_ne!(fs::read_to_string(&to).unwrap(), text);
    }
    let asked = stage.run(&["conversations", "export", "--all", "-o", &path("all.tar.gz")]).await;
    assert_eq!(asked.code, Some(5), "everything at once wants the passphrase: {asked:?}");
    assert!(!Path::new(&path("all.tar.gz")).exists());
    ok(&export_all(&stage, &path("all.tar.gz")).await);

    let other = Stage::signed_in().await;
    let brought = other.run(&["conversations", "import", &path("all.tar.gz")]).await;
    assert!(ok(&brought).out.contains("3 conversations imported with 14 messages"), "{brought:?}");
    assert_eq!(other.json(&["presets", "default"]).await["default"], "Strict", "the account's default comes along");
    assert_eq!(other.json(&["folders", "preset", "work"]).await["begins"], "Wild");
    let again = export_all(&other, &path("again.tar.gz")).await;
    ok(&again);
    assert!(fs::read(path("all.tar.gz")).unwrap() == fs::read(path("again.tar.gz")).unwrap(), "not the same bytes");
    let twice = other.run(&["conversations", "import", &path("all.tar.gz"), &fixture("chatgpt.json")]).await;
    assert_eq!(ok(&twice).out.matches("0 conversations imported with 0 messages, 0 updated").count(), 2, "{twice:?}");
    let folder = other.run(&["conversations", "export", "--folder", "work", "--format", "markdown", "-o", "-"]).await;
    assert!(ok(&folder).out.contains("the first question") && !folder.out.contains("Sourdough"), "{folder:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_tells_programs_line_by_line_and_people_what_matters() {
    let stage = Stage::signed_in().await;
    let dry = stage.run(&["conversations", "import", "--dry-run", &fixture("claude.json")]).await;
    assert!(ok(&dry).out.contains("1 conversation would be imported with 2 messages"), "{dry:?}");
    assert!(titles(&stage).await.is_empty());
    let told = stage.run(&["conversations", "import", "--json", &fixture("claude.json")]).await;
    let lines: Vec<Value> = ok(&told).out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{told:?}");
    assert_eq!(lines[0]["conversation"]["outcome"], "imported");
    assert_eq!(lines[1]["report"]["counts"]["imported"], 1);
    let not_there = stage.run(&["conversations", "import", "nothing.json"]).await;
    assert_eq!(not_there.code, Some(1), "{not_there:?}");
    let odd = stage.home().join("odd.json");
    fs::write(&odd, "[1, 2").unwrap();
    // One bad file keeps nobody from the next.
    let both = stage.run(&["conversations", "import", odd.to_str().unwrap(), &fixture("openwebui-legacy.json")]).await;
    assert_eq!(both.code, Some(1), "{both:?}");
    assert!(both.out.contains("1 conversation imported") && both.out.contains("ends in the middle"), "{both:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_stopped_keeps_what_it_has_and_says_so() {
    let stage = Stage::signed_in().await;
    let path = stage.home().join("big.json");
    history(&path, 2000, 4);
    let mut child = stage.command(&["conversations", "import", "--json", path.to_str().unwrap()]).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    // As soon as anything has come.
    out.read_line(&mut line).unwrap();
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT).unwrap();
    let rest: Vec<String> = out.lines().map_while(Result::ok).collect();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(130));
    let report: Value = serde_json::from_str(rest.last().unwrap()).unwrap();
    assert_eq!(report["report"]["stopped"], true, "{report}");
    let kept = report["report"]["counts"]["imported"].as_u64().unwrap();
    let found = titles(&stage).await;
    assert!(kept < 2000 && found.len() as u64 == kept, "{kept} of {}", found.len());
    assert!(found.values().all(|messages| *messages == 4));
    ok(&stage.run(&["conversations", "import", path.to_str().unwrap()]).await);
    assert_eq!(titles(&stage).await.len(), 2000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_in_the_middle_of_an_import_leaves_each_conversation_whole_or_not_at_all() {
    let (rounds, mut random) = kills(4);
    let stage = Stage::signed_in().await;
    let path = stage.home().join("big.json");
    history(&path, 300, 30);
    let mut before = 0;
    for _ in 0..rounds {
        let mut child = stage.command(&["conversations", "import", path.to_str().unwrap()]).spawn().unwrap();
        // Time is what this is about, so it is let pass.
        tokio::time::sleep(Duration::from_millis(random.random_range(50..900))).await;
        let _ = child.kill();
        child.wait().unwrap();
        let found = titles(&stage).await;
        assert!(found.values().all(|messages| *messages == 30), "half a conversation is there");
        assert!(found.len() >= before, "something that was there is gone");
        before = found.len();
    }
    println!("{before} of 300 came before the last kill");
    let whole = stage.run(&["conversations", "import", path.to_str().unwrap()]).await;
    let expected = format!("{} conversations imported", 300 - before);
    assert!(ok(&whole).out.contains(&expected) && whole.out.contains(&format!("{before} already here")), "{whole:?}");
    assert_eq!(titles(&stage).await.len(), 300);
    ok(&stage.run(&["doctor"]).await);
}

/// Exports to a disk of 1 MiB that is nearly full, in a name space of its own.
const TO_A_FULL_DISK: &str = r#"
mkdir -p "$HOME/small" && mount -t tmpfs -o size=1m,mode=700 tmpfs "$HOME/small" || exit 99
dd if=/dev/zero of="$HOME/small/filler" bs=1k count=1000 2>/dev/null
for format in own markdown json html; do
  "$BIN" conversations export noise --format $format -o "$HOME/small/out" > "$HOME/$format.out" 2> "$HOME/$format.err"
  echo "$format $?"
  ls -A "$HOME/small"
done
"#;

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_an_export_leaves_nothing_under_any_name() {
    let stage = Stage::signed_in().await;
    // What no compression makes small.
    let mut random = StdRng::seed_from_u64(1);
    let noise: String = (0..200_000).map(|_| char::from(random.random_range(b'#'..b'['))).collect();
    let chat =
        json!({ "uuid": "n", "name": "noise", "chat_messages": [{ "uuid": "1", "sender": "human", "text": noise }] });
    let path = stage.home().join("noise.json");
    fs::write(&path, chat.to_string()).unwrap();
    ok(&stage.run(&["conversations", "import", path.to_str().unwrap()]).await);
    let mut script = Command::new("/usr/bin/unshare");
    script.args(["-rm", "/bin/sh", "-c", TO_A_FULL_DISK]).env_clear().envs(crate::common::environment(stage.home()));
    script.env("BIN", env!("CARGO_BIN_EXE_ollamanet")).env("OLLAMA_HOST", stage.fake.url()).current_dir(stage.home());
    script.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(child) = script.spawn() else {
        println!("skipped: there is no `unshare` here");
        return;
    };
    let all = finish(child).await;
    if all.code == Some(99) || all.err.contains("unshare") {
        println!("skipped: no name spaces to be had: {}", all.err);
        return;
    }
    assert_eq!(all.out, "own 1\nfiller\nmarkdown 1\nfiller\njson 1\nfiller\nhtml 1\nfiller\n", "{all:?}");
    for format in ["own", "markdown", "json", "html"] {
        let told = fs::read_to_string(stage.home().join(format!("{format}.err"))).unwrap();
        assert!(told.contains("cannot be written") && told.contains("Nothing was left behind"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_without_the_permission_takes_nothing_out() {
    let home = tempfile::tempdir().unwrap();
    let house = crate::common::house::House::alone(home.path());
    let ann = house.first_admin("Ann").await;
    house.gateway.create_role(&ann.session, "reader", ollamanet::api::auth::Role::User).await.unwrap();
    house
        .gateway
        .set_permission(&ann.session, "reader", ollamanet::api::admin::Permission::Export, Some(false))
        .await
        .unwrap();
    let bob = house.newcomer(&ann.session, "Bob", "reader").await;
    let made = house.gateway.create_conversation(&bob.session, NewConversation::default()).await.unwrap().row.id;
    let scope = ollamanet::api::transfer::ExportScope::Conversations(vec![made]);
    let to: PathBuf = home.path().join("out");
    let new = ollamanet::api::transfer::NewExport {
        scope: scope.clone(),
        format: ollamanet::api::transfer::ExportFormat::Own,
        to: to.clone(),
        overwrite: false,
    };
    let fault = house.gateway.start_export(&bob.session, new).await.unwrap_err();
    assert_eq!(fault.kind, ollamanet::api::FaultKind::Denied, "{fault}");
    let format = ollamanet::api::transfer::ExportFormat::Json;
    let fault = house.gateway.pipe_export(&bob.session, scope, format).await.unwrap_err();
    assert_eq!(fault.kind, ollamanet::api::FaultKind::Denied, "{fault}");
    assert!(!to.exists());
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_comes_in_by_the_dialog_with_its_name_completed_and_leaves_again() {
    let stage = Stage::signed_in().await;
    fs::copy(fixture("chatgpt.json"), stage.home().join("bread-chats.json")).unwrap();
    let mut term = stage.terminal(80, 24);
    term.until("sends, Ctrl+J starts");
    term.key("ctrl+p");
    term.until("type to narrow");
    term.send("import conv");
    term.until("Import conversations");
    term.key("enter");
    term.until("From the file");
    term.send("bread");
    term.until("bread-chats.json");
    term.key("tab");
    term.until("› bread-chats.json");
    term.key("enter");
    term.until("ChatGPT: 1 imported");
    term.until("file-service");
    term.key("esc");
    term.until_gone("No. 2 in the file");
    // And out again: everything, since no conversation is open.
    term.key("ctrl+p");
    term.until("type to narrow");
    term.send("export conv");
    term.until("Export conversations");
    term.key("enter");
    term.until("Into the file");
    term.key("enter");
    term.until("own format");
    term.send(" ");
    term.until("Markdown: the branch");
    term.key("enter");
    term.key("enter");
    term.until("Your passphrase, once more");
    term.send(PASSPHRASE);
    term.key("enter");
    term.until("1 conversation, 4 messages");
    term.key("esc");
    term.until_gone("It is not encrypted");
    term.key("ctrl+q");
    term.wait(Duration::from_secs(20));
    let written = fs::read_to_string(stage.home().join("ollamanet.md")).unwrap();
    assert!(written.contains("More water.") && written.contains("title: \"Sourdough at altitude\""), "{written}");
}
