//! What comes of an answer, on standard output as text or as JSON lines; what is said about it, on standard error.
//!
//! Architecture invariant: what is printed has been through one `Sanitizer` for the whole answer.

use std::{
    io::{IsTerminal, Write},
    time::Duration,
};

use serde_json::json;
use tokio::time::Instant;

use super::Next;
use crate::{
    api::{
        Fault, amount,
        chat::{Delta, Message, TurnEvent, TurnStarted},
    },
    cli::{End, out},
    safe_text::Sanitizer,
};

/// How long nothing may come before it is said what takes so long.
const QUIET: Duration = Duration::from_secs(2);

/// What can be printed.
pub(super) enum Piece {
    Started(Box<TurnStarted>),
    Queued(u32),
    /// Nothing has come for so long.
    Loading(Duration),
    Delta(Delta),
    Ended(Box<Message>, Option<Fault>),
}

/// Puts an answer on standard output, as text or as JSON lines.
#[expect(
    clippy::struct_excessive_bools,
    reason = "two are wishes, two are where the output stands; no pair excludes another"
)]
pub(super) struct Printer {
    json: bool,
    thinking: bool,
    answer: Sanitizer,
    thoughts: Sanitizer,
    /// The last character printed ended a line.
    at_line_start: bool,
    thought_open: bool,
    quiet: Quiet,
}

/// Tells a person at a terminal what takes so long: one line on standard error, taken away when something comes.
struct Quiet {
    /// Standard error is a terminal, and one that can take a line away again.
    can_erase: bool,
    is_terminal: bool,
    /// When the request left, until something comes back.
    since: Option<Instant>,
    due: Instant,
    is_shown: bool,
}

impl Printer {
    pub(super) fn new(json: bool, thinking: bool) -> Self {
        Self {
            json,
            thinking,
            answer: Sanitizer::new(),
            thoughts: Sanitizer::new(),
            at_line_start: true,
            thought_open: false,
            quiet: Quiet {
                can_erase: std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb"),
                is_terminal: !json && std::io::stderr().is_terminal(),
                since: None,
                due: Instant::now(),
                is_shown: false,
            },
        }
    }

    /// What an event of our turn means for the printing.
    pub(super) fn expect(&mut self, event: TurnEvent) -> Next {
        match event {
            TurnEvent::Queued { before } => Next::Print(Piece::Queued(before)),
            TurnEvent::Waiting => {
                let now = Instant::now();
                self.quiet.since = Some(now);
                self.quiet.due = now + QUIET;
                Next::Nothing
            }
            TurnEvent::Delta(delta) => {
                self.quiet.since = None;
                Next::Print(Piece::Delta(delta))
            }
            TurnEvent::Ended { answer, fault, .. } => {
                self.quiet.since = None;
                Next::Print(Piece::Ended(answer, fault))
            }
        }
    }

    /// Resolves when it should be said, or said anew, that nothing has come: for how long.
    pub(super) async fn quiet(&self) -> Duration {
        match self.quiet.since {
            Some(since) if self.quiet.is_terminal => {
                tokio::time::sleep_until(self.quiet.due).await;
                since.elapsed()
            }
            Some(_) | None => std::future::pending().await,
        }
    }

    pub(super) async fn print(&mut self, piece: &Piece) -> Result<(), End> {
        if let Piece::Loading(quiet_for) = piece {
            self.loading(*quiet_for).await;
            return Ok(());
        }
        if std::mem::take(&mut self.quiet.is_shown) {
            self.write_err("\r\u{1b}[K").await;
        }
        match piece {
            Piece::Started(started) => self.started(started).await,
            Piece::Queued(before) => self.waiting(*before).await,
            Piece::Delta(delta) => self.delta(delta).await,
            Piece::Ended(answer, fault) => self.ended(answer, fault.as_ref()).await,
            Piece::Loading(_) => Ok(()),
        }
    }

    /// The same words as in the interface, counted on each second where the line can be taken away again.
    async fn loading(&mut self, quiet_for: Duration) {
        if self.quiet.can_erase {
            self.quiet.is_shown = true;
            self.quiet.due += Duration::from_secs(1);
            self.write_err(&format!("\r\u{1b}[Kollamanet: The model is loading · {} s", quiet_for.as_secs())).await;
        } else {
            self.quiet.since = None;
            self.write_err("ollamanet: The model is loading.\n").await;
        }
    }

    async fn started(&mut self, started: &TurnStarted) -> Result<(), End> {
        if self.json {
            let line = json!({
                "type": "started",
                "conversation": started.conversation,
                "turn": started.turn,
                "answer": started.answer.id,
                "model": started.answer.model,
                "context": started.meter,
            });
            return self.json_line(&line).await;
        }
        if started.meter.first_seen.is_some() {
            self.write_err("ollamanet: The oldest messages do not fit the model's window; it does not see them.\n")
                .await;
        }
        Ok(())
    }

    async fn waiting(&mut self, before: u32) -> Result<(), End> {
        if self.json {
            return self.json_line(&json!({ "type": "queued", "before": before })).await;
        }
        self.write_err(&format!("ollamanet: Waiting for {}.\n", amount::many(before, "other answer"))).await;
        Ok(())
    }

    async fn delta(&mut self, delta: &Delta) -> Result<(), End> {
        if self.json {
            let mut line = serde_json::Map::new();
            line.insert("type".to_owned(), json!("delta"));
            if !delta.content.is_empty() {
                line.insert("content".to_owned(), json!(delta.content));
            }
            if !delta.thinking.is_empty() {
                line.insert("thinking".to_owned(), json!(delta.thinking));
            }
            if !delta.tool_calls.is_empty() {
                line.insert("tool_calls".to_owned(), json!(delta.tool_calls));
            }
            return self.json_line(&line).await;
        }
        if self.thinking && !delta.thinking.is_empty() {
            let mut text = String::new();
            self.thoughts.push(&delta.thinking, &mut text);
            self.thought_open = true;
            self.write_err(&text).await;
        }
        if !delta.content.is_empty() {
            self.close_thought().await;
            let mut text = String::with_capacity(delta.content.len());
            self.answer.push(&delta.content, &mut text);
            self.write(&text).await?;
        }
        for call in &delta.tool_calls {
            let shown = out::safe(&format!("{}({})", call.name, call.arguments));
            self.write_err(&format!("ollamanet: The model asks for a tool, which is not run: {shown}\n")).await;
        }
        Ok(())
    }

    async fn ended(&mut self, answer: &Message, fault: Option<&Fault>) -> Result<(), End> {
        if self.json {
            let line = json!({
                "type": "ended",
                "state": answer.state,
                "message": answer,
                "tokens_per_second": answer.metrics.tokens_per_second(),
                "fault": fault,
            });
            return self.json_line(&line).await;
        }
        self.close_thought().await;
        let mut rest = String::new();
        self.answer.finish(&mut rest);
        self.write(&rest).await?;
        if !self.at_line_start {
            self.write("\n").await?;
        }
        Ok(())
    }

    /// Puts what was thought and what is said on lines of their own.
    async fn close_thought(&mut self) {
        if std::mem::take(&mut self.thought_open) {
            let mut rest = String::new();
            self.thoughts.finish(&mut rest);
            rest.push_str("\n\n");
            self.write_err(&rest).await;
        }
    }

    async fn json_line(&mut self, value: &impl serde::Serialize) -> Result<(), End> {
        Ok(to_stdout(out::json_line(value)).await?)
    }

    async fn write(&mut self, text: &str) -> Result<(), End> {
        let Some(last) = text.chars().next_back() else { return Ok(()) };
        self.at_line_start = last == '\n';
        Ok(to_stdout(text.to_owned()).await?)
    }

    /// Standard error may be closed; the answer matters more.
    pub(super) async fn write_err(&mut self, text: &str) {
        let text = text.to_owned();
        let _ = tokio::task::spawn_blocking(move || {
            let mut stderr = std::io::stderr().lock();
            stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush())
        })
        .await;
    }
}

/// Writes on a thread of its own: whoever reads the pipe may take their time, and a stop must be heard meanwhile.
async fn to_stdout(text: String) -> std::io::Result<()> {
    let written = tokio::task::spawn_blocking(move || {
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()
    });
    written.await.unwrap_or_else(|_| Err(std::io::ErrorKind::Other.into()))
}
