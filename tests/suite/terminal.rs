//! What the terminal is asked for, and what it is spared: dumb ones, those without colour, the clipboard, the editor.

use std::os::unix::fs::PermissionsExt;

use ollamanet::fake::Reply;

use crate::common::{
    pty::{PATIENCE, Program, Term},
    stage::{Stage, last, piece},
    until,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_that_cannot_move_its_cursor_is_told_what_works_there() {
    let stage = Stage::new().await;
    let mut term =
        Program::new(stage.home(), &[]).env("OLLAMA_HOST", stage.fake.url()).env("TERM", "dumb").start(200, 24);
    term.until("ollamanet ask");
    assert_eq!(term.wait(PATIENCE).exit_code(), 2);
    let raw = term.raw();
    assert!(!raw.contains(&b'\x1b'), "{}", String::from_utf8_lossy(&raw));
}

/// The parameters of every sequence that sets a colour.
fn colours(raw: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(raw);
    let is_colour = |code: &str| matches!(code.parse::<u8>(), Ok(30..=38 | 40..=48 | 90..=97 | 100..=107));
    text.split("\x1b[")
        .skip(1)
        .filter_map(|rest| rest.split_once(|c: char| c.is_ascii_alphabetic()).map(|(codes, _)| (codes, rest)))
        .filter(|(codes, rest)| rest[codes.len()..].starts_with('m') && codes.split(';').any(is_colour))
        .map(|(codes, _)| codes.to_owned())
        .collect()
}

fn answered_in_colour(stage: &Stage, no_color: Option<&str>) -> Vec<String> {
    stage.chat(|_| Reply::stream().line(&piece("# Title\n\n```rust\nfn main() {}\n```\n\nThe end.")).line(&last()));
    let mut program = Program::new(stage.home(), &[]).env("OLLAMA_HOST", stage.fake.url());
    if let Some(value) = no_color {
        program = program.env("NO_COLOR", value);
    }
    let mut term = program.start(100, 30);
    term.until("send");
    term.send("a question").key("enter");
    term.until("The end.");
    term.key("ctrl+p");
    term.until("Commands");
    colours(&term.raw())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_color_sends_no_colour_at_all() {
    let stage = Stage::signed_in().await;
    assert_eq!(answered_in_colour(&stage, Some("1")), Vec::<String>::new());
    assert!(!answered_in_colour(&stage, None).is_empty(), "the test would see colours");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_desktop_the_terminal_gets_what_is_copied_and_the_screen_says_so() {
    let stage = Stage::signed_in().await;
    stage.chat(|_| Reply::stream().line(&piece("hidden\u{200b}\u{2066} marks")).line(&last()));
    let mut term = Program::new(stage.home(), &[])
        .env("OLLAMA_HOST", stage.fake.url())
        .env("SSH_CONNECTION", "192.0.2.1 1 192.0.2.2 22")
        .env("DISPLAY", ":99")
        .start(100, 30);
    term.until("send");
    term.send("a question").key("enter");
    term.until("marks");
    term.until_gone("answering");
    term.key("tab").send("y");
    let screen = term.until("Copied ");
    assert!(screen.contains("that cannot be seen"), "{screen}");
    assert!(String::from_utf8_lossy(&term.raw()).contains("\x1b]52;c;aGlkZGVu"));
}

fn script(stage: &Stage, name: &str, text: &str) -> std::path::PathBuf {
    let directory = stage.home().join("bin");
    let _ = std::fs::create_dir(&directory);
    let path = directory.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{text}")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// Waits until the editor has had the terminal and the interface has it back.
async fn edited(term: &Term, shows: &str) {
    until("the editor to have run", || String::from_utf8_lossy(&term.raw()).contains("EDITING")).await;
    term.until_screen(shows, |screen| screen.contains(shows) && screen.contains("newline"));
}

fn asked(stage: &Stage) -> String {
    let requests = stage.fake.requests();
    let chats = requests.iter().filter(|request| request.path == "/api/chat").map(ollamanet::fake::Seen::json);
    let first = chats.into_iter().next().expect("a question was sent");
    let messages = first["messages"].as_array().unwrap().clone();
    messages.last().unwrap()["content"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_editor_gives_back_what_it_left_to_the_letter() {
    let stage = Stage::signed_in().await;
    stage.chat(|_| Reply::stream().line(&piece("An answer.")).line(&last()));
    let editor = script(&stage, "by-hand", "echo EDITING\nprintf 'one\\tline\\n\\nlast line\\n\\n' > \"$1\"\n");
    let mut term =
        Program::new(stage.home(), &[]).env("OLLAMA_HOST", stage.fake.url()).env("EDITOR", &editor).start(100, 30);
    term.until("send");
    term.send("a draft").key("ctrl+g");
    edited(&term, "last line").await;
    // Of the two line ends at the end one is the file's, the other the draft's.
    term.send("x").key("enter");
    term.until("An answer.");
    assert_eq!(asked(&stage), "one\tline\n\nlast line\nx");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_editor_that_changes_nothing_changes_nothing_and_one_is_found_where_none_is_chosen() {
    let stage = Stage::signed_in().await;
    stage.chat(|_| Reply::stream().line(&piece("An answer.")).line(&last()));
    let nano = script(&stage, "nano", "echo EDITING\n");
    let path = format!("{}:/usr/bin:/bin", nano.parent().unwrap().display());
    let mut term =
        Program::new(stage.home(), &[]).env("OLLAMA_HOST", stage.fake.url()).env("PATH", path).start(100, 30);
    term.until("send");
    term.send("a draft").key("ctrl+j").key("ctrl+g");
    edited(&term, "a draft").await;
    term.send("x").key("enter");
    term.until("An answer.");
    assert_eq!(asked(&stage), "a draft\nx");
}
