//! `ollamanet ask`: one question, its answer streamed to standard output.
//!
//! What arrives is printed as it arrives and stored by the gateway as in the interface, so that a broken-off answer
//! is there afterwards.

mod conversation;
mod printer;
mod question;

use std::time::Duration;

use tokio::sync::mpsc;

use self::{
    conversation::{begin, go_on},
    printer::{Piece, Printer},
    question::{Words, files, options, question, words},
};
use super::{Desk, End, Stops, args::Ask, out::say};
use crate::api::{
    Fault, FaultKind, TurnId,
    auth::Session,
    chat::{Message, MessageState, NewTurn, TurnAct, TurnStarted},
    events::Event,
};

/// How long a stopped answer may take to be stored.
pub const STOPPING: Duration = Duration::from_secs(5);
/// How long the rest of a stopped answer waits for whoever reads it; it is stored by then.
const LAST_WORDS: Duration = Duration::from_secs(1);

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
        let text = question(desk, &session, &ask, &prompt, !files.is_empty()).await?;
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
                Some(
                    Event::Turn { .. }
                    | Event::Transfer { .. }
                    | Event::Changed(_)
                    | Event::Health(_)
                    | Event::PutAway(_)
                    | Event::Job(_)
                    | Event::Notice(_),
                ) => Next::Nothing,
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
