//! A day of two people, and then every file is searched for what they wrote: as it is, as UTF-16, in base 64 and in
//! hexadecimal. And what a screen still shows once it is locked, or its person has left.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use ollamanet::{
    api::{
        auth::{NewAccount, Role, Secret, SignedIn},
        chat::{Draft, NewTurn, TurnAct, TurnEvent},
        events::Event,
        organise::{FolderContent, NewConversation, Shelf},
        profile::Preferences,
    },
    config::Config,
    hardening,
    logging::{self, Kept},
};
use tracing::level_filters::LevelFilter;

use crate::common::{
    house::{House, PASSPHRASE, add_account, forget_tries},
    pty::PATIENCE,
    stage::{self, Stage, finish},
    until,
};

/// Tells this very binary, started again, to live the part of the day that goes through the gateway.
const LIVES: &str = "OLLAMANET_TEST_LIVES_A_DAY";
const OLLAMA: &str = "OLLAMANET_TEST_OLLAMA";
const CANARY: &str = "xylocanary";
const ANNS: &str = "xylocanary lumen tripod velvet marsh";
const BENS: &str = "marsh velvet xylocanary basin tripod";

/// What to look for: the word in each way that a program may write it down without meaning to.
fn needles(word: &str) -> Vec<Vec<u8>> {
    let bytes = word.as_bytes();
    let mut found = vec![bytes.to_vec(), word.to_uppercase().into_bytes()];
    found.push(word.encode_utf16().flat_map(u16::to_le_bytes).collect());
    found.push(word.encode_utf16().flat_map(u16::to_be_bytes).collect());
    let hex = hex::encode(bytes);
    found.extend([hex.to_uppercase().into_bytes(), hex.into_bytes()]);
    // Wherever the word lies among other bytes, these letters are the same: what the neighbours have a part in is cut off.
    for before in 0..3 {
        let text = STANDARD_NO_PAD.encode([&vec![0; before], bytes].concat());
        let from = (before * 8).div_ceil(6);
        let to = (before + bytes.len()) * 8 / 6;
        found.push(text.as_bytes()[from..to].to_vec());
    }
    found
}

fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

fn files(below: &Path) -> Vec<PathBuf> {
    let (mut found, mut open) = (Vec::new(), vec![below.to_path_buf()]);
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).unwrap().flatten() {
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                open.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path());
            }
        }
    }
    found
}

async fn asks(house: &House, who: &SignedIn, conversation: ollamanet::api::ConversationId, files: Vec<PathBuf>) {
    let mut events = house.gateway.events(&who.session).await.unwrap();
    let act = TurnAct::Send { text: format!("a question about {CANARY}"), attachments: files };
    let new = NewTurn { conversation, act, model: Some("demo-chat:3b".to_owned()), shorten: false };
    house.gateway.start_turn(&who.session, new).await.unwrap();
    let ended =
        async { while !matches!(events.recv().await, Some(Event::Turn { event: TurnEvent::Ended { .. }, .. })) {} };
    tokio::time::timeout(PATIENCE, ended).await.expect("the answer ends");
}

/// Not a test by itself: the part of the day that goes through the gateway, in a process of its own with its own log.
#[tokio::test(flavor = "multi_thread")]
async fn lives_a_day_when_told_to() {
    let Some(home) = std::env::var_os(LIVES).map(PathBuf::from) else { return };
    hardening::harden();
    logging::note_panics();
    let mut config = Config::default();
    config.ollama.host = std::env::var(OLLAMA).unwrap();
    config.limits.auth_per_minute = 1000;
    let house = House::open(&home, &config);
    let ring = ollamanet::trace::Ring::of(1000);
    let log = logging::start(Some(&home.join("data/state")), LevelFilter::TRACE, Kept::default(), &ring);
    let gateway = &house.gateway;
    let new = NewAccount { name: "ann".to_owned(), passphrase: Secret::new(ANNS) };
    let ann = gateway.create_first_admin(new).await.unwrap();
    add_account(&house, "Ben", Role::User).await;
    let ben = house.sign_in("Ben", &Secret::new(PASSPHRASE)).await.unwrap();
    gateway.change_passphrase(&ben.session, &Secret::new(PASSPHRASE), &Secret::new(BENS)).await.unwrap();
    // What goes wrong at the door.
    house.sign_in("ann", &Secret::new(format!("{CANARY} mistyped"))).await.unwrap_err();
    house.sign_in(&format!("{CANARY}-in-the-name-field"), &Secret::new("x")).await.unwrap_err();
    house.recover("ann", &Secret::new(CANARY), &Secret::new(BENS)).await.unwrap_err();
    gateway.judge_passphrase(CANARY, &Secret::new(CANARY)).await.unwrap();
    forget_tries(&house);

    for who in [&ann, &ben] {
        let by = &who.session;
        let folder = gateway.create_folder(by, None, "xylocanary folder").await.unwrap().id;
        gateway.create_folder(by, Some(folder), "xylocanary inside").await.unwrap();
        let new = NewConversation {
            folder: Some(folder),
            title: Some(format!("{CANARY} title")),
            system_prompt: Some(format!("{CANARY} system")),
            ..NewConversation::default()
        };
        let conversation = gateway.create_conversation(by, new).await.unwrap().row.id;
        let note = home.join("outside/xylocanary-notes.txt");
        gateway.inspect_attachment(by, note.clone()).await.unwrap();
        asks(&house, who, conversation, vec![note]).await;
        let draft = Draft { text: format!("{CANARY} draft"), ..Draft::default() };
        gateway.save_draft(by, Some(conversation), draft.clone()).await.unwrap();
        gateway.save_draft(by, None, draft).await.unwrap();
        let preferences = Preferences { system_prompt: Some(format!("{CANARY} preferred")), ..Preferences::default() };
        gateway.set_preferences(by, preferences).await.unwrap();
        assert!(!gateway.past_prompts(by, CANARY, 10).await.unwrap().is_empty());
        assert_eq!(gateway.conversations(by, Shelf::Recent, CANARY, None, 10).await.unwrap().rows.len(), 1);
        gateway.rename_folder(by, folder, "xylocanary again", None).await.unwrap();
        let doomed = gateway.create_folder(by, None, "xylocanary doomed").await.unwrap().id;
        gateway.delete_folder(by, doomed, FolderContent::Trash).await.unwrap();
        gateway.check_vault(by).await.unwrap();
        gateway.stay_signed_in(by, true).await.unwrap();
    }
    let archive = home.join("outside/mine.tar.gz");
    gateway.export_my_data(&ann.session, archive.clone()).await.unwrap();
    gateway.export_my_data(&ann.session, archive).await.unwrap_err();
    // A worker's mistake, in the middle of somebody's words; everybody else goes on.
    house.tasks.spawn("a worker".to_owned(), async { panic!("a mistake in {CANARY}") });
    until("the worker is gone", || !house.tasks.running().iter().any(|task| task.name.contains("a worker"))).await;
    gateway.tree(&ben.session).await.unwrap();
    gateway.lock(&ben.session).await.unwrap();
    gateway.unlock(&ben.session, &Secret::new(CANARY)).await.unwrap_err();
    forget_tries(&house);
    gateway.unlock(&ben.session, &Secret::new(BENS)).await.unwrap();
    gateway.tree(&ann.session).await.unwrap();
    let wanted = ollamanet::api::metrics::Wanted { hours: 1, total: true };
    let counted = gateway.counted(&ann.session, wanted).await.unwrap().total.unwrap();
    house.close().await;
    let requests = ring.newest(1000);
    assert!(requests.len() > 20 && requests.iter().any(|request| request.spans.len() > 3), "{requests:?}");
    for told in [format!("{requests:?}"), counted.prometheus(), format!("{:?}", counted.rows())] {
        let told = told.to_lowercase();
        for word in [CANARY, "ann", "ben", "demo-chat"] {
            assert!(
                !told.split(|c: char| !c.is_alphanumeric() && c != '-').any(|found| found == word),
                "{word}: {told}"
            );
        }
        assert!(!told.contains(CANARY));
    }
    drop(log);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_day_of_two_people_no_file_holds_a_word_of_theirs() {
    let stage = Stage::new().await;
    let home = stage.home();
    for dir in ["outside", "temporary"] {
        fs::create_dir(home.join(dir)).unwrap();
    }
    let note = home.join("outside/xylocanary-notes.txt");
    fs::write(&note, format!("attached {CANARY}")).unwrap();
    let mut day = Command::new(std::env::current_exe().unwrap());
    day.args(["--exact", "day::lives_a_day_when_told_to", "--nocapture"])
        .env_clear()
        .envs(crate::common::environment(home))
        .env("TMPDIR", home.join("temporary"))
        .env(LIVES, home)
        .env(OLLAMA, stage.fake.url());
    let done = tokio::task::spawn_blocking(move || day.output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned();
    assert!(done.status.success() && said.contains("1 passed"), "{said}");
    assert!(!said.contains(CANARY), "{said}");

    // The same installation from the command line.
    let data = home.join("data");
    let run = async |args: &[&str], input: &str, code: i32| {
        let mut command = stage.command(args);
        command.env("OLLAMANET_DATA_DIR", &data).env("OLLAMANET_LOG", "trace").env("TMPDIR", home.join("temporary"));
        let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
        // A command that needs nothing more may have closed it.
        let _ = std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes());
        let done = finish(child).await;
        assert_eq!(done.code, Some(code), "{args:?}: {done:?}");
        done
    };
    let as_ben = ["--user", "Ben", "--passphrase-fd", "0"];
    let file = note.to_str().unwrap();
    let ask = [&as_ben[..], &["ask", "-m", "demo-chat:3b", "-s", CANARY, "-f", file, "about xylocanary"]].concat();
    run(&ask, &format!("{BENS}\n"), 0).await;
    run(&[&as_ben[..], &["conversations", "rename", "last", "xylocanary renamed"]].concat(), &format!("{BENS}\n"), 0)
        .await;
    run(&[&as_ben[..], &["folders", "create", "xylocanary shelf"]].concat(), &format!("{BENS}\n"), 0).await;
    let list = run(&[&as_ben[..], &["conversations", "list"]].concat(), &format!("{BENS}\n"), 0).await;
    assert!(list.out.contains("xylocanary renamed"), "{}", list.out);
    run(&["account", "sign-in", "Ben", "--passphrase-fd", "0"], &format!("{CANARY} mistyped\n"), 5).await;
    run(&["account", "sign-in", "xylocanary-typed", "--passphrase-fd", "0"], "x\n", 5).await;

    let (needles, mut logs) = (needles(CANARY), 0);
    // The looking finds what is there: the file that was attached lies open, as its owner left it.
    assert!(holds(&fs::read(&note).unwrap(), &needles[0]));
    let searched = files(home).into_iter().filter(|path| !path.starts_with(home.join("outside")));
    let mut count = 0;
    for path in searched {
        let bytes = fs::read(&path).unwrap();
        let inside = path.strip_prefix(home).unwrap().to_string_lossy().into_owned();
        for (which, needle) in needles.iter().enumerate() {
            assert!(!holds(&bytes, needle) && !holds(inside.as_bytes(), needle), "needle {which} is in {inside}");
        }
        logs += usize::from(inside.contains("ollamanet.log") && !bytes.is_empty());
        if inside.contains("ollamanet.log") {
            assert!(String::from_utf8_lossy(&bytes).contains("panicked"), "the worker's mistake is not in the log");
        }
        count += 1;
    }
    assert!(logs == 1 && count >= 5, "{logs} logs among {count} files");
}

#[test]
fn a_word_is_found_however_it_was_written_down() {
    let needles = needles(CANARY);
    let hex = hex::encode(CANARY.as_bytes());
    let wide: Vec<u8> = format!("an {CANARY}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut written = vec![format!("a {CANARY} b").into_bytes(), hex.into_bytes(), wide];
    for before in ["", "a", "ab", "abc", "abcd"] {
        written.push(STANDARD_NO_PAD.encode(format!("{before}{CANARY}, and more")).into_bytes());
    }
    for bytes in written {
        assert!(needles.iter().any(|needle| holds(&bytes, needle)), "{}", String::from_utf8_lossy(&bytes));
    }
    assert!(!needles.iter().any(|needle| holds(b"nothing of the kind", needle)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_locked_screen_and_after_leaving_the_terminal_shows_no_word() {
    let stage = Stage::signed_in().await;
    stage.chat(|_| {
        ollamanet::fake::Reply::lines(&[
            stage::piece("An answer with xylocanary."),
            stage::piece(" End."),
            stage::last(),
        ])
    });
    let mut term = stage.terminal(100, 30);
    term.until("send");
    term.send("asked about xylocanary").key("enter");
    term.until("End.");
    term.until_gone("answering");
    term.send("a draft with xylocanary");
    term.until("a draft with");
    term.key("ctrl+l");
    // A frame arrives in pieces, so the whole of it is waited for.
    let locked = |screen: &str| screen.contains("Locked") && !screen.contains(CANARY);
    term.until_screen("the locked screen", locked);
    // What comes from here on is the locked screen's; a redraw of the whole tells no more than it shows.
    let from = term.raw().len();
    term.resize(90, 28);
    term.until_screen("the locked screen in its new size", locked);
    term.send("wrong").key("enter");
    term.until("Try again");
    assert!(!holds(&term.raw()[from..], CANARY.as_bytes()), "the locked screen repeats something");
    // Never in a title, and the history of the terminal got nothing: all of it was on the other screen.
    let raw = term.raw();
    for (at, _) in raw.windows(2).enumerate().filter(|(_, window)| *window == b"\x1b]") {
        let title = &raw[at..raw.len().min(at + 200)];
        let end = title.iter().position(|byte| matches!(byte, 7)).unwrap_or(title.len());
        assert!(!holds(&title[..end], CANARY.as_bytes()), "{:?}", String::from_utf8_lossy(&title[..end]));
    }
    term.signal(rustix::process::Signal::TERM);
    let left = term.screen_at_the_end();
    assert!(!left.contains(CANARY), "{left}");
    let enters = raw.windows(8).position(|window| window == b"\x1b[?1049h").expect("it takes the other screen");
    assert!(!holds(&raw[..enters], CANARY.as_bytes()));
    term.wait(PATIENCE);
    let raw = term.raw();
    let leaves = raw.windows(8).rposition(|window| window == b"\x1b[?1049l").expect("it gives the screen back");
    assert!(!holds(&raw[leaves..], CANARY.as_bytes()));
}
