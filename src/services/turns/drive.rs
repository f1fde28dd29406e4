//! The task around one answer: waits for its place, sends the request, carries the stream, stores the end and tells it,
//! counts the use, and asks for a title.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{
    Turns, Unsaved,
    begin::{self, Begun, Beside},
    known::Facts,
    phases::Clock,
    run::{Ended, Partial, run_turn},
    titles,
};
use crate::{
    api::{
        AccountId, ConversationId, Fault, FaultKind, RequestId, TurnId,
        chat::{AttachmentKind, ContextMeter, Message, MessageRole, MessageState, Metrics, TurnEvent},
        events::{Changed, Event},
        options::Think,
        organise::TitleOrigin,
        reports::FailedAs,
    },
    ollama::{Answer, ChatMessage, ChatRequest, Chunk, DoneReason, OllamaError},
    services::{attachments::fenced, conversations::now, lanes::Place},
    store::{
        StoreError, Vault,
        system::{
            usage::{self, Used},
            usage_days,
        },
        vault::{
            conversations,
            messages::{self, Ending, Requested},
            times::{self, Times},
            window::{self, Body},
        },
    },
    trace,
};

/// Longest wait for a listener to take the end of an answer when the program is ending.
const LAST_WORD: Duration = Duration::from_millis(200);

/// Everything a running answer needs. It holds its vault open, so it may finish after a lock.
#[derive(Debug)]
pub(super) struct Job {
    pub turn: TurnId,
    pub conversation: ConversationId,
    pub vault: Vault,
    pub model: String,
    pub begun: Begun,
    pub partial: Partial,
    pub facts: Facts,
    /// Fires when a person stops it, and with `root`.
    pub stop: CancellationToken,
    /// Fires when the program ends.
    pub root: CancellationToken,
    /// Fires when the session that asked is over.
    pub ended: CancellationToken,
    pub place: Place,
    /// Another number of answers at once than the configured one.
    pub at_once: Option<u32>,
    /// The call that asked for it.
    pub request: RequestId,
    pub clock: Clock,
}

impl Job {
    fn account(&self) -> AccountId {
        self.vault.account
    }

    fn event(&self, event: TurnEvent) -> Event {
        Event::Turn { turn: self.turn, conversation: self.conversation, answer: self.begun.answer.id, event }
    }
}

/// A conversation whose first answer has just ended, and who could name it.
struct Untitled {
    conversation: ConversationId,
    model: String,
    can_think: bool,
    answer: String,
}

impl Turns {
    /// Where its request's span is held, not entered: a stream is polled for each of its tokens.
    pub(super) async fn drive(&self, mut job: Job) {
        let how = match trace::entered(self.ask(&mut job)).await {
            Ok(chunks) => self.carry(&mut job, chunks).await,
            Err(how) => how,
        };
        trace::entered(self.end(job, how)).await;
    }

    /// Stores how it ended, and says so to whoever it concerns.
    async fn end(&self, job: Job, how: Ended) {
        let hub = &self.0.parts.hub;
        let ended = Instant::now();
        let times = times(&job, ended, &how);
        let (ending, fault) = ending(&job, how);
        let (answer, meter, fault) = self.store_end(&job, ending, (times, ended), fault).await;
        self.0.parts.metrics.answer(answer.state, &answer.metrics);
        if answer.state == MessageState::Failed {
            self.0.parts.metrics.failed(FailedAs::Answer, answer.error_kind.unwrap_or(FaultKind::Internal));
        }
        let first = answer.state == MessageState::Done || answer.state == MessageState::Length;
        self.note_use(&job, &answer).await;
        self.state().running.remove(&job.turn);
        let metrics = answer.metrics;
        let text = answer.content.clone();
        let (account, root) = (job.account(), job.root.clone());
        let ended = job.event(TurnEvent::Ended { answer: Box::new(answer), meter, fault });
        hub.changed(account, Changed::Tree);
        // The next in line may go before a slow listener has heard of this end.
        let Job { conversation, vault, model, begun, facts, place, ended: session, .. } = job;
        drop(place);
        let told = hub.tell(account, ended);
        tokio::pin!(told);
        tokio::select! {
            biased;
            () = &mut told => {}
            () = root.cancelled() => drop(timeout(LAST_WORD, told).await),
        }
        tracing::debug!(total_ms = metrics.total_ms, answer_tokens = metrics.answer_tokens, "an answer ended");
        if first && self.0.parts.live.config().chat.titles && !root.is_cancelled() {
            let about = Untitled { conversation, model, can_think: facts.can("thinking") == Some(true), answer: text };
            self.give_title(&vault, session, &begun, about).await;
        }
    }

    /// From the line to the first token; else how it ended before.
    async fn ask(&self, job: &mut Job) -> Result<Answer<Chunk>, Ended> {
        let (hub, account, stop) = (&self.0.parts.hub, job.account(), job.stop.clone());
        let at_once = job.at_once.unwrap_or_else(|| self.0.parts.live.config().limits.concurrent_answers);
        let address = (job.turn, job.conversation, job.begun.answer.id);
        let event = |event| Event::Turn { turn: address.0, conversation: address.1, answer: address.2, event };
        let lined_up = Instant::now();
        let in_line = job.place.turn_to_run(at_once, |before| hub.tell(account, event(TurnEvent::Queued { before })));
        let line = tracing::info_span!(target: trace::PARTS, "line", what = "answers");
        let is_its_turn = stop.run_until_cancelled(in_line).instrument(line).await.is_some();
        job.clock.waited(lined_up.elapsed());
        if !is_its_turn {
            return Err(Ended::Stopped);
        }
        let request = self.request(job).await.map_err(Ended::NotKept)?;
        if stop.run_until_cancelled(hub.tell(account, event(TurnEvent::Waiting))).await.is_none() {
            return Err(Ended::Stopped);
        }
        job.partial =
            Partial::going_on(std::mem::take(&mut job.partial.content), std::mem::take(&mut job.partial.thinking));
        let way = job.clock.leaves(Instant::now());
        match stop.run_until_cancelled(self.0.parts.ollama.chat_followed(&request, &way)).await {
            None => Err(Ended::Stopped),
            Some(chunks) => chunks.map_err(Ended::Failed),
        }
    }

    /// From the first token to the last.
    async fn carry(&self, job: &mut Job, chunks: Answer<Chunk>) -> Ended {
        let (hub, account, stop) = (&self.0.parts.hub, job.account(), job.stop.clone());
        let address = (job.turn, job.conversation, job.begun.answer.id);
        let event = |event| Event::Turn { turn: address.0, conversation: address.1, answer: address.2, event };
        let (vault, seq) = (job.vault.clone(), job.begun.answer_seq);
        let keep = move |piece: super::run::Piece| -> super::run::Keeping {
            let vault = vault.clone();
            Box::pin(async move {
                let write = move |tx: &crate::store::vault::Tx<'_>| {
                    messages::append(tx, seq, piece.number, &piece.content, &piece.thinking)
                };
                vault.db.write::<_, StoreError>(write).await.map_err(Fault::from)
            })
        };
        let tell = |delta| hub.tell(account, event(TurnEvent::Delta(delta)));
        // The model is loaded now, so the window it really has can be seen. Its last word does not wait for that. Polled when
        // it is woken itself, and not at each token as well.
        let mut look = FuturesUnordered::from_iter([self.0.known.look_again(&self.0.parts.ollama, &job.model)]);
        let mut carried = std::pin::pin!(run_turn(chunks, &mut job.partial, keep, tell, &stop));
        tokio::select! {
            how = &mut carried => return how,
            _ = look.next() => {}
        }
        carried.await
    }

    async fn request(&self, job: &Job) -> Result<ChatRequest, Fault> {
        let seqs = job.begun.choice.seqs.clone();
        let bodies = job.vault.db.read(move |tx| window::bodies(tx, &seqs)).await?;
        let mut options = job.begun.options.clone();
        if job.begun.goes_on && job.facts.can("thinking") == Some(true) {
            // It has thought already, and the text to go on with is the answer.
            options.think = Some(Think::Off);
        }
        let system = job.begun.system.iter().map(|prompt| ChatMessage::new(MessageRole::System, prompt.as_str()));
        let messages = system.chain(bodies.into_iter().map(sent)).collect();
        Ok(ChatRequest { model: job.model.clone(), messages, options, tools: Vec::new() })
    }

    /// Stores the end. If that fails, it is shown as failed, tried again with the next write, and the parts that were
    /// kept stay.
    async fn store_end(
        &self,
        job: &Job,
        ending: Ending,
        (times, ended): (Times, Instant),
        fault: Option<Fault>,
    ) -> (Message, ContextMeter, Option<Fault>) {
        let facts = self.0.known.remembered(&job.model);
        let (seq, conversation, to_store) = (job.begun.answer_seq, job.conversation, ending.clone());
        let model = job.model.clone();
        let stored = job
            .vault
            .db
            .write(move |tx| {
                let answer = messages::finish(tx, seq, &to_store, now())?;
                times::keep(tx, seq, &waited_for_the_store(times, ended))?;
                let meter = begin::meter(tx, conversation, &Beside::default(), Some(model.as_str()), &facts)?;
                Ok::<_, StoreError>((answer, meter))
            })
            .await;
        match stored {
            Ok((answer, meter)) => (answer, meter, fault),
            Err(error) => {
                let fault = Fault::from(error);
                let unsaved = Unsaved { account: job.account(), seq, ending: ending.clone(), times };
                self.state().unsaved.insert(job.begun.answer.id, unsaved);
                let answer = Message {
                    content: ending.content,
                    thinking: ending.thinking,
                    tool_calls: ending.tool_calls,
                    metrics: ending.metrics,
                    state: MessageState::Failed,
                    error: Some(fault.message.clone()),
                    error_kind: Some(fault.kind),
                    ..job.begun.answer.clone()
                };
                (answer, job.begun.choice.meter, Some(fault))
            }
        }
    }

    async fn note_use(&self, job: &Job, answer: &Message) {
        let Some(system) = &self.0.parts.system else { return };
        let model = job.model.clone();
        let (account, id, outcome, metrics) = (job.account(), answer.id, answer.state, answer.metrics);
        let (fault, counted, now) = (answer.error_kind, counted(job, answer), now());
        let wall_day = usage_days::wall_day(&crate::zone::local(), now);
        let noted = system
            .write(move |tx| {
                let used =
                    Used { account, model: &model, answer: id, outcome, fault, metrics: &metrics, counted, wall_day };
                usage::note(tx, &used, now)
            })
            .await;
        if let Err(error) = noted {
            let error: StoreError = error;
            tracing::warn!(%error, "an answer's cost was not noted");
        }
    }

    /// Asks the model for a title, unless the conversation has one that a person or a model gave.
    async fn give_title(&self, vault: &Vault, session: CancellationToken, begun: &Begun, about: Untitled) {
        let Untitled { conversation, model, can_think, answer } = about;
        let question = begun.answer.parent;
        let wanted = vault
            .db
            .read(move |tx| {
                let wanted =
                    conversations::wants_title(tx, conversation)? && messages::is_first_to_end_well(tx, conversation)?;
                let Some(question) = question.filter(|_| wanted) else { return Ok::<_, StoreError>(None) };
                let place = messages::place(tx, conversation, question)?;
                Ok(Some(messages::get(tx, place.seq)?.content))
            })
            .await;
        let Ok(Some(prompt)) = wanted else { return };
        let request = titles::request(&model, &begun.options, can_think, &prompt, &answer);
        let (ollama, hub, token) = (self.0.parts.ollama.clone(), self.0.parts.hub.clone(), self.0.parts.tasks.token());
        let vault = vault.clone();
        self.0.parts.tasks.spawn_job("a title", async move {
            let asking = timeout(titles::WITHIN, ollama.chat_whole(&request));
            let asked = token.run_until_cancelled(session.run_until_cancelled(asking)).await.flatten();
            // Without one the first words of the prompt stay, so a failure here is nobody's trouble.
            if let Some(Ok(Ok(chunk))) = asked
                && let Some(title) = titles::from_answer(&chunk.delta.content)
            {
                let given = vault
                    .db
                    .write(move |tx| conversations::set_title(tx, conversation, &title, TitleOrigin::Model))
                    .await;
                if given.unwrap_or(false) {
                    hub.changed(vault.account, Changed::Tree);
                    hub.changed(vault.account, Changed::Conversation(conversation));
                }
            }
        });
    }
}

/// A message as the model gets it: texts and what is read of documents as fenced blocks before the words, images beside them.
fn sent(body: Body) -> ChatMessage {
    let Body { role, content, documents } = body;
    let mut text = String::new();
    let mut images = Vec::new();
    for document in documents {
        match document.kind {
            AttachmentKind::Text | AttachmentKind::Pdf | AttachmentKind::Docx => {
                text.push_str(&fenced(&document.name, &String::from_utf8_lossy(&document.body)));
                text.push_str("\n\n");
            }
            AttachmentKind::Image => images.push(STANDARD.encode(&document.body)),
        }
    }
    text.push_str(&content);
    ChatMessage { images, ..ChatMessage::new(role, text) }
}

/// Where its time went until nothing more came.
fn times(job: &Job, ended: Instant, how: &Ended) -> Times {
    let usage = match how {
        Ended::Done(done) => Some(&done.usage),
        Ended::Stopped | Ended::Failed(_) | Ended::NotKept(_) => None,
    };
    Times { phases: job.clock.phases(ended, &job.partial.spent(), usage), request: job.request }
}

/// With the wait for the database, which is asked on its own thread: only the writing itself is left out.
fn waited_for_the_store(mut times: Times, ended: Instant) -> Times {
    times.phases.own += u64::try_from(ended.elapsed().as_micros()).unwrap_or(u64::MAX);
    times
}

/// What is stored of how it ended, and what the person is told if it did not end well.
fn ending(job: &Job, how: Ended) -> (Ending, Option<Fault>) {
    let done = match &how {
        Ended::Done(done) => Some(done),
        Ended::Stopped | Ended::Failed(_) | Ended::NotKept(_) => None,
    };
    let mut metrics = added(job.begun.before, job.partial.metrics(done));
    let mut window = Some(job.begun.budget.limit).filter(|_| job.facts.loaded.is_some());
    let (state, fault) = match how {
        Ended::Done(done) => match done.reason {
            DoneReason::Length => (MessageState::Length, None),
            DoneReason::Stop | DoneReason::Load | DoneReason::Unload | DoneReason::Other(_) => {
                (MessageState::Done, None)
            }
        },
        Ended::Stopped if job.root.is_cancelled() => (MessageState::Interrupted, None),
        // By the person, or because the session that asked for it was ended.
        Ended::Stopped => (MessageState::Stopped, None),
        Ended::Failed(why) => {
            if let OllamaError::Overflow { prompt_tokens, window: told } = &why {
                metrics.prompt_tokens = *prompt_tokens;
                metrics.answer_tokens = None;
                window = told.or(window);
            }
            (MessageState::Failed, Some(failed(why)))
        }
        Ended::NotKept(fault) => (MessageState::Failed, Some(fault)),
    };
    let ending = Ending {
        state,
        content: job.partial.content.clone(),
        thinking: job.partial.thinking.clone(),
        tool_calls: job.begun.answer.tool_calls.iter().chain(&job.partial.tool_calls).cloned().collect(),
        error: fault.as_ref().map(|fault| fault.message.clone()),
        error_kind: fault.as_ref().map(|fault| fault.kind),
        metrics,
        requested: Requested { weight: job.begun.choice.weight, window },
    };
    (ending, fault)
}

/// A refusal for length names the choices; everything else is said where it is known.
fn failed(why: OllamaError) -> Fault {
    let overflow = matches!(why, OllamaError::Overflow { .. });
    let fault = Fault::from(why);
    if overflow && fault.kind == FaultKind::Overflow {
        return fault.hint("Leave older messages out and ask again, or give the model a larger window (num_ctx).");
    }
    fault
}

/// What an answer takes of the day's tokens. Where it was broken off Ollama reports nothing, so that is estimated, and
/// stopping every answer before its last word saves none. One that never began took none.
fn counted(job: &Job, answer: &Message) -> u32 {
    let Metrics { prompt_tokens, answer_tokens, first_token_ms, .. } = answer.metrics;
    if first_token_ms.is_none() && answer_tokens.is_none() {
        return 0;
    }
    let before = &job.begun.answer;
    let text = |answer: &Message| answer.content.len() + answer.thinking.len();
    let estimate = || u32::try_from(text(answer).saturating_sub(text(before)) / 4 + 1).unwrap_or(u32::MAX);
    let prompt = prompt_tokens.unwrap_or(job.begun.choice.meter.used);
    let reported = answer_tokens.map(|all| all.saturating_sub(job.begun.before.answer_tokens.unwrap_or(0)));
    // What was gone on with keeps the count of before, and it says nothing of what came since.
    let new = reported.filter(|tokens| *tokens > 0).unwrap_or_else(estimate);
    prompt.saturating_add(new)
}

/// An answer that was gone on with cost both.
fn added(before: Metrics, now: Metrics) -> Metrics {
    let sum = |a: Option<u32>, b: Option<u32>| match (a, b) {
        (Some(a), Some(b)) => Some(a.saturating_add(b)),
        (a, b) => a.or(b),
    };
    Metrics {
        answer_tokens: sum(before.answer_tokens, now.answer_tokens),
        answer_ms: sum(before.answer_ms, now.answer_ms),
        thinking_ms: sum(before.thinking_ms, now.thinking_ms),
        total_ms: sum(before.total_ms, now.total_ms),
        ..now
    }
}
