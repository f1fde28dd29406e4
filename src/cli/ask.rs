//! `ollamanet ask`: one question, its answer streamed to standard output.
//!
//! What arrives is printed as it arrives and stored by the gateway as in the interface, so that a broken-off answer
//! is there afterwards. Architecture invariant: what is printed has been through one `Sanitizer` for the whole answer.

use std::{
    io::{IsTerminal, Read, Write},
    path::PathBuf,
};

use serde_json::json;
use tokio::sync::mpsc;

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
const STOPPING: std::time::Duration = std::time::Duration::from_secs(5);

/// # Errors
/// How it ended, when not well.
pub async fn ask(desk: &Desk, ask: Ask, stops: &mut Stops) -> Result<(), End> {
    // Everything that can be wrong with the words is said before anything is read, opened or stored.
    let (continued, prompt) = words(&ask);
    let options = options(&ask)?;
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
    let mut printer = Printer::new(desk.global.json, thinking);
    printer.started(&started).await?;
    follow(desk, &session, started.turn, events, printer, stops).await
}

/// Prints what comes until the answer has ended.
async fn follow(
    desk: &Desk,
    session: &Session,
    turn: TurnId,
    mut events: mpsc::Receiver<Event>,
    mut printer: Printer,
    stops: &mut Stops,
) -> Result<(), End> {
    // The exit code of the signal that stopped the answer, once one has.
    let mut stopped_by = None;
    let mut reader_gone = false;
    loop {
        let event = tokio::select! {
            biased;
            code = stops.next() => {
                if stopped_by.is_some() {
                    return Err(End::Code(code));
                }
                stopped_by = Some(code);
                stop(desk, session, turn).await?;
                continue;
            }
            event = events.recv() => event,
            () = tokio::time::sleep(STOPPING), if stopped_by.is_some() || reader_gone => None,
        };
        let printed = match event {
            Some(Event::Turn { turn: of, event, .. }) if of == turn => match event {
                TurnEvent::Queued { before } => printer.waiting(before).await,
                TurnEvent::Waiting => Ok(()),
                TurnEvent::Delta(delta) if reader_gone => {
                    drop(delta);
                    Ok(())
                }
                TurnEvent::Delta(delta) => {
                    // A full pipe must not make us deaf to Ctrl+C.
                    tokio::select! {
                        biased;
                        code = stops.next() => {
                            if stopped_by.is_some() {
                                return Err(End::Code(code));
                            }
                            stopped_by = Some(code);
                            stop(desk, session, turn).await?;
                            Ok(())
                        }
                        printed = printer.delta(delta) => printed,
                    }
                }
                TurnEvent::Ended { answer, fault, .. } => {
                    let told = tokio::select! {
                        biased;
                        code = stops.next() => return Err(End::Code(stopped_by.unwrap_or(code))),
                        told = printer.ended(&answer, fault.as_ref()) => told,
                    };
                    return if reader_gone {
                        Err(End::ReaderGone)
                    } else {
                        told.and(verdict(&answer, fault, stopped_by))
                    };
                }
            },
            Some(Event::SessionEnded(fault)) => return Err(fault.into()),
            Some(Event::Turn { .. } | Event::Changed(_) | Event::Health(_) | Event::Jobs(_) | Event::Notice(_)) => {
                Ok(())
            }
            None => {
                return Err(match stopped_by {
                    Some(code) => End::Code(code),
                    None if reader_gone => End::ReaderGone,
                    None => Fault::new(FaultKind::Internal, "The answer broke off without saying how it ended.").into(),
                });
            }
        };
        match printed {
            Ok(()) => {}
            // Nobody reads on: no reason to let the model work, and no failure either.
            Err(End::ReaderGone) => {
                reader_gone = true;
                stop(desk, session, turn).await?;
            }
            Err(end) => return Err(end),
        }
    }
}

async fn stop(desk: &Desk, session: &Session, turn: TurnId) -> Result<(), Fault> {
    match desk.gateway.stop_turn(session, turn).await {
        // A turn that ended by itself in the meantime has nothing left to stop.
        Err(fault) if fault.kind == FaultKind::NotFound => Ok(()),
        done => done,
    }
}

/// How the command ends, by how the answer did.
fn verdict(answer: &Message, fault: Option<Fault>, stopped_by: Option<u8>) -> Result<(), End> {
    if let Some(code) = stopped_by {
        if answer.state == MessageState::Stopped {
            say("ollamanet: Stopped; what came is kept. `ollamanet ask -c \"go on\"` continues the conversation.");
        }
        return Err(End::Code(code));
    }
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

/// Which conversation is meant, and the prompt. `-c last words` and `-c ID words` are understood without their `=`.
fn words(ask: &Ask) -> (Option<String>, String) {
    let mut words = &ask.prompt[..];
    let mut continued = ask.continued.clone();
    if continued.as_deref() == Some("last")
        && let [first, rest @ ..] = words
        && !rest.is_empty()
        && (first == "last" || first.parse::<crate::api::ConversationId>().is_ok())
    {
        continued = Some(first.clone());
        words = rest;
    }
    (continued, words.join(" "))
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

fn options(ask: &Ask) -> Result<ChatOptions, Fault> {
    let mut options = ChatOptions::default();
    for given in &ask.options {
        let Some((name, value)) = given.split_once('=') else {
            return Err(Fault::invalid(format!("“{given}” is no option and its value."))
                .hint("Write -o name=value, such as -o temperature=0.2."));
        };
        options.set(name.trim(), value)?;
    }
    if let Some(level) = &ask.think {
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
            say("ollamanet: The oldest messages do not fit the model's window; it does not see them.");
        }
        Ok(())
    }

    async fn waiting(&mut self, before: u32) -> Result<(), End> {
        if self.json {
            return self.json_line(&json!({ "type": "queued", "before": before })).await;
        }
        say(&format!("ollamanet: Waiting for {before} other answer{}.", if before == 1 { "" } else { "s" }));
        Ok(())
    }

    async fn delta(&mut self, delta: Delta) -> Result<(), End> {
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
            say(&format!("ollamanet: The model asks for a tool, which is not run: {shown}"));
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
