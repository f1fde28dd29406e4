//! `ollamanet ask`: one question, its answer streamed to standard output.
//!
//! What arrives is printed as it arrives and stored by the gateway as in the interface, so that a broken-off answer
//! is there afterwards. Architecture invariant: what is printed has been through one `Sanitizer` for the whole answer.

use std::{
    io::{IsTerminal, Read, Write},
    path::PathBuf,
    time::Duration,
};

use serde_json::json;
use tokio::{sync::mpsc, time::Instant};

use super::{
    Desk, End, Stops,
    args::Ask,
    find,
    out::{self, say},
};
use crate::{
    api::{
        Fault, FaultKind, TurnId,
        auth::Session,
        chat::{Delta, Message, MessageState, NewTurn, TurnAct, TurnEvent, TurnStarted},
        events::Event,
        options::ChatOptions,
        organise::{Conversation, ConversationPatch, NewConversation, Shelf},
    },
    safe_text::Sanitizer,
};

/// As much as may be attached by default; a longer question is a file.
const LONGEST_INPUT: u64 = 10 * 1024 * 1024;
/// How long a stopped answer may take to be stored.
pub const STOPPING: Duration = Duration::from_secs(5);
/// How long the rest of a stopped answer waits for whoever reads it; it is stored by then.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How long nothing may come before it is said what takes so long.
const QUIET: Duration = Duration::from_secs(2);

/// # Errors
/// How it ended, when not well.
pub async fn ask(desk: &Desk, ask: Ask, stops: &mut Stops) -> Result<(), End> {
    // Everything that can be wrong with the words is said before anything is read, opened or stored.
    let Words { continued, think, prompt } = words(&ask);
    let options = options(&ask, think.as_deref())?;
    let files = files(&ask.files)?;
    let thinking = options.think.is_some_and(|think| think != crate::api::options::Think::Off);
    let prepared = async {
        // Signing in comes first: its passphrase may be the first line of standard input.
        let session = desk.session().await?;
        let text = question(&prompt, !files.is_empty()).await?;
        let conversation = match continued {
            Some(which) => go_on(desk, &session, &which, &ask, &options).await?,
            None => begin(desk, &session, &ask, options).await?,
        };
        // Before the turn begins, or its first words would be missed.
        let events = desk.gateway.events(&session).await?;
        let new = NewTurn {
            conversation: conversation.row.id,
            act: TurnAct::Send { text, attachments: files },
            model: ask.model.clone(),
            shorten: ask.shorten,
        };
        let started = desk.gateway.start_turn(&session, new).await?;
        Ok::<_, Fault>((session, events, started))
    };
    let (session, events, started) = tokio::select! {
        biased;
        code = stops.next() => {
            super::secrets::restore_echo();
            return Err(End::Code(code));
        }
        prepared = prepared => prepared?,
    };
    let printer = Printer::new(desk.global.json, thinking);
    follow(desk, &session, started, events, printer, stops).await
}

const STOPPED: &str =
    "ollamanet: Stopped; what came is kept. `ollamanet ask -c \"go on\"` continues the conversation.\n";

/// What there is to do next.
enum Next {
    Print(Piece),
    /// A signal came: the exit code it means.
    Stop(u8),
    /// Nothing more will come.
    Over,
    Nothing,
}

/// What can be printed.
enum Piece {
    Started(Box<TurnStarted>),
    Queued(u32),
    /// Nothing has come for so long.
    Loading(Duration),
    Delta(Delta),
    Ended(Box<Message>, Option<Fault>),
}

/// Prints what comes until the answer has ended.
async fn follow(
    desk: &Desk,
    session: &Session,
    started: TurnStarted,
    mut events: mpsc::Receiver<Event>,
    mut printer: Printer,
    stops: &mut Stops,
) -> Result<(), End> {
    let turn = started.turn;
    // The exit code of the signal that stopped the answer, once one has.
    let mut stopped_by = None;
    let mut reader_gone = false;
    let mut next = Next::Print(Piece::Started(Box::new(started)));
    loop {
        match next {
            Next::Nothing => {}
            Next::Stop(code) if stopped_by.is_some() => return Err(End::Code(code)),
            Next::Stop(code) => {
                stopped_by = Some(code);
                stop(desk, session, turn).await?;
            }
            Next::Over => {
                return Err(match stopped_by {
                    Some(code) => End::Code(code),
                    None if reader_gone => End::ReaderGone,
                    None => Fault::new(FaultKind::Internal, "The answer broke off without saying how it ended.").into(),
                });
            }
            Next::Print(Piece::Delta(_)) if reader_gone => {}
            Next::Print(piece) => {
                // A full pipe must not make us deaf to Ctrl+C, and what is left to print must not keep us after it.
                let printed = tokio::select! {
                    biased;
                    code = stops.next() => {
                        next = Next::Stop(code);
                        if let Piece::Ended(..) = piece {
                            return Err(End::Code(stopped_by.unwrap_or(code)));
                        }
                        continue;
                    }
                    () = tokio::time::sleep(LAST_WORDS), if stopped_by.is_some() => Ok(()),
                    printed = printer.print(&piece) => printed,
                };
                match (printed, piece) {
                    (_, Piece::Ended(..)) if reader_gone => return Err(End::ReaderGone),
                    (printed, Piece::Ended(answer, fault)) => {
                        printed?;
                        let Some(code) = stopped_by else { return verdict(&answer, fault) };
                        if answer.state == MessageState::Stopped {
                            let _ = tokio::time::timeout(LAST_WORDS, printer.write_err(STOPPED)).await;
                        }
                        return Err(End::Code(code));
                    }
                    // Nobody reads on: no reason to let the model work, and no failure either.
                    (Err(End::ReaderGone), _) => {
                        reader_gone = true;
                        stop(desk, session, turn).await?;
                    }
                    (Err(end), _) => return Err(end),
                    (Ok(()), _) => {}
                }
            }
        }
        next = tokio::select! {
            biased;
            code = stops.next() => Next::Stop(code),
            event = events.recv() => match event {
                None => Next::Over,
                Some(Event::Turn { turn: of, event, .. }) if of == turn => printer.expect(event),
                Some(Event::SessionEnded(fault)) => return Err(fault.into()),
                Some(Event::Turn { .. } | Event::Changed(_) | Event::Health(_) | Event::Notice(_)) => {
                    Next::Nothing
                }
            },
            () = tokio::time::sleep(STOPPING), if stopped_by.is_some() || reader_gone => Next::Over,
            quiet_for = printer.quiet() => Next::Print(Piece::Loading(quiet_for)),
        };
    }
}

async fn stop(desk: &Desk, session: &Session, turn: TurnId) -> Result<(), Fault> {
    match desk.gateway.stop_turn(session, turn).await {
        // A turn that ended by itself in the meantime has nothing left to stop.
        Err(fault) if fault.kind == FaultKind::NotFound => Ok(()),
        done => done,
    }
}

/// How the command ends, by how an answer did that nobody here stopped.
fn verdict(answer: &Message, fault: Option<Fault>) -> Result<(), End> {
    match (answer.state, fault) {
        (MessageState::Done, _) => Ok(()),
        (MessageState::Length, _) => {
            say("ollamanet: The answer stopped at its limit (num_predict, or a full context window).");
            Ok(())
        }
        (MessageState::Stopped, _) => {
            say("ollamanet: The answer was stopped from elsewhere; what came is kept.");
            Err(End::Code(130))
        }
        (_, Some(fault)) => Err(fault.into()),
        (MessageState::Failed | MessageState::Interrupted | MessageState::Streaming, None) => {
            let why = answer.error.clone().unwrap_or_else(|| "The answer broke off.".to_owned());
            Err(Fault::new(FaultKind::Model, why).hint("What came is kept in the conversation.").into())
        }
    }
}

/// The bare words and what they turned out to be.
#[derive(Debug, PartialEq, Eq)]
struct Words {
    continued: Option<String>,
    think: Option<String>,
    prompt: String,
}

/// The levels that `--think` names, without the other spellings it takes: those may well begin a question.
const LEVELS: &[&str] = &["on", "off", "low", "medium", "high", "max"];

/// `-c last words`, `-c ID words` and `--think high words` are understood without their `=`: what belongs to the
/// option and would otherwise silently become a part of the question is taken from its front, in any order.
fn words(ask: &Ask) -> Words {
    let mut words = &ask.prompt[..];
    let (mut continued, mut think) = (ask.continued.clone(), ask.think.clone());
    let (mut may_name, mut may_level) = (continued.as_deref() == Some("last"), think.as_deref() == Some(""));
    while let [first, rest @ ..] = words {
        if may_name && !rest.is_empty() && (first == "last" || first.parse::<crate::api::ConversationId>().is_ok()) {
            continued = Some(first.clone());
            may_name = false;
        } else if may_level && LEVELS.contains(&first.as_str()) {
            think = Some(first.clone());
            may_level = false;
        } else {
            break;
        }
        words = rest;
    }
    if may_level {
        think = Some("on".to_owned());
    }
    Words { continued, think, prompt: words.join(" ") }
}

/// Standard input, then the prompt.
async fn question(prompt: &str, has_files: bool) -> Result<String, Fault> {
    let piped = if std::io::stdin().is_terminal() {
        String::new()
    } else {
        let read = tokio::task::spawn_blocking(|| {
            let mut bytes = Vec::new();
            std::io::stdin().lock().take(LONGEST_INPUT + 1).read_to_end(&mut bytes).map(|_| bytes)
        });
        let bytes = match read.await {
            Ok(Ok(bytes)) => bytes,
            // A closed standard input is an empty one.
            Ok(Err(_)) | Err(_) => Vec::new(),
        };
        if bytes.len() as u64 > LONGEST_INPUT {
            return Err(Fault::invalid("Standard input is longer than 10 MiB.").hint("Attach a file with -f instead."));
        }
        String::from_utf8(bytes).map_err(|_| {
            Fault::invalid("Standard input is not UTF-8 text.")
                .hint("Attach a file with -f; text and images are understood.")
        })?
    };
    let text = match (piped.trim().is_empty(), prompt.trim().is_empty()) {
        (true, _) => prompt.to_owned(),
        (false, true) => piped.trim_end().to_owned(),
        (false, false) => format!("{}\n\n{prompt}", piped.trim_end()),
    };
    if text.trim().is_empty() && !has_files {
        return Err(Fault::invalid("There is no question.").hint("Try: ollamanet ask \"…\", or echo … | ollamanet ask"));
    }
    Ok(text)
}

fn options(ask: &Ask, think: Option<&str>) -> Result<ChatOptions, Fault> {
    let mut options = ChatOptions::default();
    for given in &ask.options {
        let Some((name, value)) = given.split_once('=') else {
            return Err(Fault::invalid(format!("“{given}” is no option and its value."))
                .hint("Write -o name=value, such as -o temperature=0.2."));
        };
        options.set(name.trim(), value)?;
    }
    if let Some(level) = think {
        options.set("think", level)?;
    }
    if let Some(shape) = &ask.format {
        let schema = if shape == "json" || shape.trim_start().starts_with('{') {
            shape.clone()
        } else {
            std::fs::read_to_string(shape).map_err(|error| {
                Fault::invalid(format!("The schema file {shape} cannot be read: {error}."))
                    .hint("--format takes json, a JSON schema, or a file with one.")
            })?
        };
        options.set("format", &schema)?;
    }
    Ok(options)
}

/// Files by their full paths, because the gateway need not live in this directory.
fn files(given: &[PathBuf]) -> Result<Vec<PathBuf>, Fault> {
    given
        .iter()
        .map(|path| {
            let missing = |error| Fault::invalid(format!("The file {} cannot be attached: {error}.", path.display()));
            // Only looked at here, not resolved: a link is refused where the file is opened.
            std::fs::symlink_metadata(path).map_err(missing)?;
            std::path::absolute(path).map_err(missing)
        })
        .collect()
}

async fn begin(desk: &Desk, session: &Session, ask: &Ask, options: ChatOptions) -> Result<Conversation, Fault> {
    let folder = match &ask.folder {
        None => None,
        Some(which) => Some(find::folder(&desk.gateway.tree(session).await?.folders, which)?.id),
    };
    let model = match &ask.model {
        Some(model) => Some(model.clone()),
        None if !desk.config.chat.model.is_empty() => Some(desk.config.chat.model.clone()),
        None => Some(first_model(desk, session).await?),
    };
    let system_prompt = ask.system.clone().or_else(|| {
        let configured = &desk.config.chat.system_prompt;
        (!configured.is_empty()).then(|| configured.clone())
    });
    desk.gateway
        .create_conversation(session, NewConversation { folder, title: None, model, system_prompt, options })
        .await
}

/// The model used last, else the first one installed that can chat.
async fn first_model(desk: &Desk, session: &Session) -> Result<String, Fault> {
    let list = desk.gateway.models(session, false).await?;
    let chats = |name: &str| {
        list.models.iter().any(|model| {
            model.name == name
                && (model.capabilities.is_empty() || model.capabilities.iter().any(|can| can == "completion"))
        })
    };
    let last = desk.gateway.conversations(session, Shelf::Recent, "", None, 20).await?;
    let used = last.rows.into_iter().filter_map(|row| row.model).find(|name| chats(name));
    used.or_else(|| list.models.iter().map(|model| model.name.clone()).find(|name| chats(name))).ok_or_else(|| {
        match &list.stale_because {
            Some(why) => Fault::new(FaultKind::Upstream, why.clone()).hint("`ollamanet doctor` says what to do."),
            None => Fault::new(FaultKind::ModelMissing, "No model is installed that can answer.")
                .hint("Install one, for example: ollama pull llama3.2"),
        }
    })
}

async fn go_on(
    desk: &Desk,
    session: &Session,
    which: &str,
    ask: &Ask,
    options: &ChatOptions,
) -> Result<Conversation, Fault> {
    let row = find::conversation(desk, session, which, &[Shelf::Recent, Shelf::Archive]).await?;
    let conversation = desk.gateway.conversation(session, row.id).await?;
    if options.is_empty() && ask.system.is_none() {
        return Ok(conversation);
    }
    let patch = ConversationPatch {
        options: (!options.is_empty()).then(|| conversation.options.overlaid(options)),
        system_prompt: ask.system.clone().map(Some),
        ..ConversationPatch::default()
    };
    desk.gateway.change_conversation(session, row.id, patch).await
}

/// Puts an answer on standard output, as text or as JSON lines.
#[expect(
    clippy::struct_excessive_bools,
    reason = "two are wishes, two are where the output stands; no pair excludes another"
)]
struct Printer {
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
    fn new(json: bool, thinking: bool) -> Self {
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
    fn expect(&mut self, event: TurnEvent) -> Next {
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
    async fn quiet(&self) -> Duration {
        match self.quiet.since {
            Some(since) if self.quiet.is_terminal => {
                tokio::time::sleep_until(self.quiet.due).await;
                since.elapsed()
            }
            Some(_) | None => std::future::pending().await,
        }
    }

    async fn print(&mut self, piece: &Piece) -> Result<(), End> {
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
        let plural = if before == 1 { "" } else { "s" };
        self.write_err(&format!("ollamanet: Waiting for {before} other answer{plural}.\n")).await;
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
    async fn write_err(&mut self, text: &str) {
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

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn read(line: &[&str]) -> (Option<String>, Option<String>, String) {
        let cli = Cli::try_parse_from([&["ollamanet", "ask"], line].concat()).unwrap();
        let Some(Command::Ask(ask)) = cli.command else { panic!("an ask") };
        let Words { continued, think, prompt } = words(&ask);
        (continued, think, prompt)
    }

    #[test]
    fn a_word_that_belongs_to_an_option_never_becomes_part_of_the_question() {
        let id = "0199c0de-0000-7000-8000-000000000001";
        let some = |text: &str| Some(text.to_owned());
        let question = || "really so?".to_owned();
        for (line, continued, think) in [
            (&["--think", "high", "really", "so?"][..], None, some("high")),
            (&["--think=high", "really", "so?"], None, some("high")),
            (&["--think", "off", "really so?"], None, some("off")),
            (&["--think=on", "really", "so?"], None, some("on")),
            (&["--think", "really", "so?"], None, some("on")),
            (&["-c", "--think", "low", "last", "really", "so?"], some("last"), some("low")),
            (&["-c", id, "--think", "max", "really", "so?"], some(id), some("max")),
            (&["-c", "really", "so?"], some("last"), None),
        ] {
            assert_eq!(read(line), (continued, think, question()), "{line:?}");
        }
        // Without the option they are words like any others.
        assert_eq!(read(&["high", "and", "low"]), (None, None, "high and low".to_owned()));
        // One level is a level, the next one is a word; a quoted sentence is never cut.
        assert_eq!(read(&["--think=on", "high", "stakes"]), (None, some("on"), "high stakes".to_owned()));
        assert_eq!(read(&["--think", "no", "way"]), (None, some("on"), "no way".to_owned()));
        assert_eq!(read(&["--think", "on", "off"]), (None, some("on"), "off".to_owned()));
        assert_eq!(read(&["--think", "high stakes"]), (None, some("on"), "high stakes".to_owned()));
    }
}
