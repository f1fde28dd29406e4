//! A machine of its own for the real program: a home, an Ollama that obeys the test, and what a command did.

use std::{
    io::Write,
    path::Path,
    process::{Child, Command, Stdio},
};

use ollamanet::{
    fake::{Fake, Pace, Reply, Seen, StandIn},
    tasks::Tasks,
};
use serde_json::{Value, json};

use super::{
    environment,
    pty::{Program, Term},
};

pub const PASSPHRASE: &str = "seven plain wombats juggle turnips";

/// A machine of its own: a home, an Ollama, and the program.
pub struct Stage {
    pub home: tempfile::TempDir,
    pub fake: Fake,
    _tasks: Tasks,
}

/// What a command did.
#[derive(Debug)]
pub struct Done {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Stage {
    pub async fn new() -> Self {
        let tasks = Tasks::new();
        let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
        let home = tempfile::tempdir().unwrap();
        Self { home, fake, _tasks: tasks }
    }

    /// With an account that stays signed in.
    pub async fn signed_in() -> Self {
        let stage = Self::new().await;
        let made =
            stage.with_input(&["account", "create", "alice", "--stay", "--passphrase-fd", "0"], PASSPHRASE).await;
        assert_eq!(made.code, Some(0), "{made:?}");
        stage
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ollamanet"));
        command
            .args(args)
            .env_clear()
            .envs(environment(self.home()))
            .env("OLLAMA_HOST", self.fake.url())
            .current_dir(self.home())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// The interface in a terminal, signed in.
    pub fn terminal(&self, columns: u16, rows: u16) -> Term {
        Program::new(self.home(), &[]).env("OLLAMA_HOST", self.fake.url()).start(columns, rows)
    }

    pub async fn run(&self, args: &[&str]) -> Done {
        finish(self.command(args).spawn().unwrap()).await
    }

    pub async fn with_input(&self, args: &[&str], input: &str) -> Done {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        drop(stdin);
        finish(child).await
    }

    pub async fn json(&self, args: &[&str]) -> Value {
        let done = self.run(&[args, &["--json"]].concat()).await;
        assert_eq!(done.code, Some(0), "{args:?}: {done:?}");
        serde_json::from_str(&done.out).unwrap()
    }

    /// Answers chats with this, everything else as the stand-in does.
    /// Runs a shell script in a name space of its own, where it mounts what it likes. `None` = there are none to be had
    /// here; the script says so by ending with 99.
    pub async fn in_a_name_space(&self, script: &str, places: &[(&str, &Path)]) -> Option<Done> {
        let mut command = Command::new("/usr/bin/unshare");
        command.args(["-rm", "/bin/sh", "-c", script]).env_clear().envs(environment(self.home()));
        command.env("OLLAMA_HOST", self.fake.url()).env("BIN", env!("CARGO_BIN_EXE_ollamanet"));
        command.env("PASSPHRASE", PASSPHRASE).envs(places.iter().copied()).current_dir(self.home());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let Ok(child) = command.spawn() else {
            println!("skipped: there is no `unshare` here");
            return None;
        };
        let all = finish(child).await;
        if all.code == Some(99) || all.err.contains("unshare") {
            println!("skipped: no name spaces to be had: {}", all.err);
            return None;
        }
        Some(all)
    }

    pub fn chat(&self, reply: impl Fn(&Seen) -> Reply + Send + Sync + 'static) {
        let rest = StandIn::new(Pace::instant());
        self.fake.answer(move |request| {
            // A request for a title must not get the answer that a test scripted.
            let wants_title = request.json()["messages"].to_string().to_lowercase().contains("title");
            Some(if request.path == "/api/chat" && !wants_title { reply(request) } else { rest.reply(request) })
        });
    }
}

pub async fn finish(child: Child) -> Done {
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    Done {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

pub fn piece(text: &str) -> Value {
    json!({ "model": "demo-chat:3b", "created_at": "2026-11-24T10:00:00Z", "done": false,
            "message": { "role": "assistant", "content": text } })
}

pub fn last() -> Value {
    json!({ "model": "demo-chat:3b", "created_at": "2026-11-24T10:00:00Z", "done": true, "done_reason": "stop",
            "message": { "role": "assistant", "content": "" }, "total_duration": 5_000_000, "load_duration": 1,
            "prompt_eval_count": 9, "prompt_eval_duration": 1_000_000, "eval_count": 2, "eval_duration": 2_000_000 })
}
