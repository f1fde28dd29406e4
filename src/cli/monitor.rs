//! `ollamanet models monitor`: how the server is doing at this moment, as the Monitor of the Models screen shows it.

use serde::Serialize;

use super::{
    Desk, End, health,
    out::{self, print, print_json, safe},
};
use crate::api::{
    amount,
    auth::Session,
    fleet::CacheFigures,
    health::{BreakerState, Health},
    jobs::{AnswersUnderWay, JobFilter, JobState, PAGE_MAX, WhichJobs},
    models::{Model, ModelList},
};

/// The whole, for programs.
#[derive(Debug, Serialize)]
struct Monitored {
    server: Health,
    /// Those that are in memory.
    loaded: Vec<Model>,
    /// Why what is in memory could not be asked, if it could not.
    stale_because: Option<String>,
    answers: AnswersUnderWay,
    jobs: Jobs,
    cache: CacheFigures,
}

#[derive(Debug, Default, Serialize)]
struct Jobs {
    running: usize,
    waiting: usize,
    paused: usize,
}

/// # Errors
/// How it ended, when not well.
pub async fn run(desk: &Desk, session: &Session) -> Result<(), End> {
    let answers = desk.gateway.answers_under_way(session).await?;
    let ModelList { models, stale_because, age_ms: _ } = desk.gateway.models(session, true).await?;
    let open = JobFilter { which: WhichJobs::Open, ..JobFilter::default() };
    let mut jobs = Jobs::default();
    for job in desk.gateway.jobs(session, open, None, PAGE_MAX).await?.rows {
        match job.state {
            JobState::Running => jobs.running += 1,
            JobState::Waiting => jobs.waiting += 1,
            JobState::Paused => jobs.paused += 1,
            JobState::Done | JobState::Failed | JobState::Cancelled | JobState::Interrupted => {}
        }
    }
    let seen = Monitored {
        server: desk.gateway.health().await?,
        loaded: models.into_iter().filter(|model| model.loaded.is_some()).collect(),
        stale_because,
        answers,
        jobs,
        cache: desk.gateway.cache_figures(session).await?,
    };
    if desk.global.json { print_json(&seen) } else { print(&table(&seen)) }
}

fn table(seen: &Monitored) -> String {
    let mut rows = vec![["server".to_owned(), health::ollama(&seen.server)]];
    let mut tell = |label: &str, words: String| rows.push([label.to_owned(), words]);
    if let Some(warning) = &seen.server.ollama_warning {
        tell("warning", safe(warning));
    }
    match (&seen.stale_because, seen.loaded.as_slice()) {
        (Some(why), _) => tell("in memory", safe(why)),
        (None, []) => tell("in memory", "no model".to_owned()),
        (None, loaded) => {
            for model in loaded {
                let bytes = model.loaded.as_ref().map_or(0, |loaded| loaded.bytes);
                tell("in memory", format!("{}, {}", safe(&model.name), amount::bytes(bytes)));
            }
        }
    }
    let AnswersUnderWay { running, waiting } = seen.answers;
    tell("answers", format!("{running} under way in all windows, {waiting} waiting for their turn"));
    let Jobs { running, waiting, paused } = seen.jobs;
    tell("jobs", format!("{running} running, {waiting} waiting, {paused} paused"));
    for (kind, state) in &seen.server.breakers {
        let words = match state {
            BreakerState::Closed => "calls go through".to_owned(),
            BreakerState::Open { retry_in_ms } => {
                format!("calls are held back; the next try in {} s", retry_in_ms.div_ceil(1000))
            }
            BreakerState::HalfOpen => "one call goes through as a trial".to_owned(),
        };
        tell("breaker", format!("{}: {words}", safe(kind)));
    }
    let hits = |percent: Option<u8>| percent.map_or_else(|| "not asked yet".to_owned(), |of| format!("{of} % at hand"));
    let cache = &seen.cache;
    let of = format!("{} of {}", amount::bytes(cache.bytes), amount::bytes(cache.most_bytes));
    tell("cache", format!("{}, {of}", hits(cache.hit_percent())));
    for kind in &cache.kinds {
        let asked = kind.hits + kind.misses;
        tell("", format!("{}: {} of {asked} look-ups", safe(&kind.name), hits(kind.hit_percent())));
    }
    out::table(["WHAT", "NOW"], &rows)
}
