//! `ollamanet models compare`: models beside each other, and the same question to each of them.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal as _},
    time::Duration,
};

use serde::Serialize;

use super::{
    Desk, End,
    measures_args::Compare,
    out::{self, complain, print, print_json, safe, safe_lines, say},
    stops::Stops,
};
use crate::api::{
    ConversationId, Fault, FaultKind, MessageId, TurnId, amount,
    auth::Session,
    benchmarks::{BenchmarkQuery, Figures},
    chat::{Message, NewTurn, TurnAct, TurnEvent},
    events::Event,
    fleet::{Fit, Verdict},
    insights::Period,
    measures::{UseFigures, UseQuery},
    models::Model,
    organise::{ConversationPatch, NewConversation},
};

/// How long what is stopped may take to end.
pub const STOPPING: Duration = Duration::from_secs(10);

/// A model, as far as it is known here.
#[derive(Debug, Serialize)]
struct Known {
    model: Model,
    fit: Fit,
    /// One's own use; of everybody where enough people are in it.
    used: Option<UseFigures>,
    benchmark: Option<Figures>,
}

/// What one of them said.
#[derive(Debug, Serialize)]
struct Said {
    model: String,
    answer: Option<Message>,
    fault: Option<Fault>,
}

/// The whole, for programs.
#[derive(Debug, Serialize)]
struct Compared<'a> {
    conversation: ConversationId,
    answers: &'a [Said],
}

/// # Errors
/// How it ended, when not well.
pub async fn run(desk: &Desk, what: Compare, stops: &mut Stops) -> Result<(), End> {
    let session = &desk.session().await?;
    let known = known(desk, session, &what.models).await?;
    let Some(prompt) = &what.prompt else {
        return if desk.global.json { print_json(&known) } else { print(&table(&known)) };
    };
    let models: Vec<String> = known.iter().map(|known| known.model.name.clone()).collect();
    let new = NewConversation { model: models.first().cloned(), ..NewConversation::default() };
    let conversation = desk.gateway.create_conversation(session, new).await?.row.id;
    let said = ask(desk, session, conversation, prompt, &models, stops).await?;
    if desk.global.json {
        print_json(&Compared { conversation, answers: &said })?;
    } else {
        for one in &said {
            print(&shown(one))?;
        }
    }
    if let Some(name) = &what.keep {
        keep(desk, session, conversation, name, &said).await?;
    }
    let id = conversation.to_string();
    say(&format!("Kept as branches of one conversation: ollamanet conversations show {id}"));
    match said.iter().find_map(|one| one.fault.as_ref()) {
        Some(fault) => Err(End::Code(fault.exit_code().max(1))),
        None => Ok(()),
    }
}

/// What is installed under these names, in their order.
async fn known(desk: &Desk, session: &Session, names: &[String]) -> Result<Vec<Known>, Fault> {
    let list = desk.gateway.models(session, false).await?;
    let used = desk.gateway.model_use(session, UseQuery { period: Period::All, model: None }).await?;
    let whole = |name: &str| {
        let name = name.to_lowercase();
        if name.rsplit('/').next().is_some_and(|last| last.contains(':')) { name } else { name + ":latest" }
    };
    let mut known: Vec<Known> = Vec::new();
    for name in names {
        let found = list.models.iter().find(|model| whole(&model.name) == whole(name));
        let Some(model) = found else {
            return Err(Fault::new(FaultKind::ModelMissing, format!("{} is not installed.", safe(name)))
                .hint("`ollamanet models list` shows which are."));
        };
        if known.iter().any(|other| other.model.name == model.name) {
            return Err(Fault::invalid(format!("{} stands there twice.", safe(name))));
        }
        let of = used.models.iter().find(|one| whole(&one.model) == whole(&model.name));
        let query = BenchmarkQuery { model: Some(model.name.clone()), after: None, limit: 1 };
        // Nothing but what was said of it is missing where it cannot be judged.
        let fit = desk.gateway.model_fit(session, &model.name, None).await.unwrap_or_default();
        let latest = desk.gateway.benchmarks(session, query).await?.rows.pop();
        known.push(Known {
            model: model.clone(),
            fit,
            used: of.map(|of| of.everybody.unwrap_or(of.own)),
            benchmark: latest.map(|run| run.figures),
        });
    }
    Ok(known)
}

fn table(known: &[Known]) -> String {
    let none = || "–".to_owned();
    let rows: Vec<[String; 9]> = known
        .iter()
        .map(|Known { model, fit, used, benchmark }| {
            let figures = used.unwrap_or_default();
            let measured = benchmark.and_then(|figures| figures.writing);
            [
                safe(&model.name),
                safe(&model.parameters),
                safe(&model.quantization),
                if model.remote { "remote".to_owned() } else { amount::bytes(model.bytes) },
                match fit.verdict {
                    Verdict::Unknown => none(),
                    verdict @ (Verdict::Gpu | Verdict::Partly | Verdict::Ram | Verdict::TooBig) => {
                        verdict.words().to_owned()
                    }
                },
                model.context_length.map_or_else(none, |tokens| tokens.to_string()),
                safe(&model.capabilities.join(", ")),
                match (figures.tokens_per_second, measured) {
                    (Some(speed), Some(measured)) => format!("{speed:.1} used, {measured:.1} measured"),
                    (Some(speed), None) => format!("{speed:.1} used"),
                    (None, Some(measured)) => format!("{measured:.1} measured"),
                    (None, None) => none(),
                },
                match figures.liked + figures.disliked {
                    0 => none(),
                    all => format!("{} of {all} liked", figures.liked),
                },
            ]
        })
        .collect();
    out::table(["MODEL", "PARAMETERS", "QUANTIZATION", "SIZE", "FITS", "WINDOW", "CAN", "TOK/S", "RATING"], &rows)
}

/// A turn for each, each under the limits; waits until all have ended.
async fn ask(
    desk: &Desk,
    session: &Session,
    conversation: ConversationId,
    prompt: &str,
    models: &[String],
    stops: &mut Stops,
) -> Result<Vec<Said>, End> {
    let mut events = desk.gateway.events(session).await?;
    let mut said: Vec<Said> =
        models.iter().map(|model| Said { model: model.clone(), answer: None, fault: None }).collect();
    let mut open: BTreeMap<TurnId, usize> = BTreeMap::new();
    let mut question: Option<MessageId> = None;
    for (at, model) in models.iter().enumerate() {
        let act = match question {
            Some(question) => TurnAct::Beside { question },
            None => TurnAct::Send { text: prompt.to_owned(), attachments: Vec::new() },
        };
        let new = NewTurn { conversation, act, model: Some(model.clone()), shorten: false };
        match desk.gateway.start_turn(session, new).await {
            Ok(started) => {
                question = question.or(started.answer.parent);
                open.insert(started.turn, at);
            }
            Err(fault) => said[at].fault = Some(fault),
        }
    }
    let mut stopped = None;
    while !open.is_empty() {
        let event = tokio::select! {
            biased;
            code = stops.next(), if stopped.is_none() => {
                stopped = Some(code);
                for turn in open.keys() {
                    desk.gateway.stop_turn(session, *turn).await?;
                }
                continue;
            }
            event = events.recv() => event.ok_or_else(Fault::signed_out)?,
        };
        match event {
            Event::Turn { turn, event: TurnEvent::Ended { answer, fault, .. }, .. } => {
                if let Some(at) = open.remove(&turn) {
                    said[at].answer = Some(*answer);
                    said[at].fault = fault;
                    if io::stderr().is_terminal() {
                        say(&format!("{} has ended; {} to come", safe(&said[at].model), open.len()));
                    }
                }
            }
            Event::SessionEnded(why) => return Err(why.into()),
            Event::Turn { .. }
            | Event::Transfer { .. }
            | Event::Changed(_)
            | Event::Health(_)
            | Event::PutAway(_)
            | Event::Job(_)
            | Event::Notice(_) => {}
        }
    }
    match stopped {
        Some(code) => {
            say("ollamanet: Stopped; what had come is kept in the conversation.");
            Err(End::Code(code))
        }
        None => Ok(said),
    }
}

fn shown(one: &Said) -> String {
    let mut heading = vec![safe(&one.model)];
    let mut text = String::new();
    if let Some(answer) = &one.answer {
        heading.extend(answer.metrics.tokens_per_second().map(|speed| format!("{speed:.1} tok/s")));
        heading.extend(answer.metrics.first_token_ms.map(|ms| format!("first token {}", out::seconds(u64::from(ms)))));
        heading.extend(answer.metrics.answer_tokens.map(|tokens| format!("{tokens} tokens")));
        text = safe_lines(&answer.content);
    }
    if let Some(fault) = &one.fault {
        complain(fault);
    }
    format!("== {} ==\n{}\n\n", heading.join(" · "), text.trim_end())
}

/// This model's answer stays on view; the others go to the trash.
async fn keep(
    desk: &Desk,
    session: &Session,
    conversation: ConversationId,
    name: &str,
    said: &[Said],
) -> Result<(), Fault> {
    let is_it =
        |one: &&Said| one.model.eq_ignore_ascii_case(name) || one.model.eq_ignore_ascii_case(&format!("{name}:latest"));
    let Some((kept, answer)) = said.iter().find(is_it).and_then(|one| Some((one, one.answer.as_ref()?))) else {
        return Err(Fault::invalid(format!("No answer of {} to keep.", safe(name))).hint("All were kept as branches."));
    };
    let patch = ConversationPatch { model: Some(Some(kept.model.clone())), ..ConversationPatch::default() };
    desk.gateway.change_conversation(session, conversation, patch).await?;
    desk.gateway.show_branch(session, conversation, answer.id, 1).await?;
    for other in said.iter().filter_map(|one| one.answer.as_ref()).filter(|other| other.id != answer.id) {
        desk.gateway.prune_branch(session, conversation, other.id).await?;
    }
    Ok(())
}
