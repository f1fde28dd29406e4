//! `ollamanet jobs`: the line of work that goes on by itself.

use std::fmt::Write as _;

use super::{
    Desk, End, Stops,
    follow::{Following, say_left},
    job_args::{Jobs, Which},
    out::{self, moment, print, print_json, safe, say},
    results::Results,
};
use crate::api::{
    Fault, JobId,
    auth::Session,
    jobs::{Job, JobFilter, JobState, PAGE_MAX, WhichJobs},
};

/// # Errors
/// How it ended, when not well.
pub async fn run(desk: &Desk, what: Jobs, stops: &mut Stops) -> Result<(), End> {
    let session = &desk.session().await?;
    match what {
        Jobs::List { filter, paging, open } => {
            let which = if open { WhichJobs::Open } else { WhichJobs::All };
            let filter = JobFilter { which, kind: None, text: filter.unwrap_or_default() };
            list(desk, session, &filter, paging.most()).await
        }
        Jobs::Show { job } => {
            let job = find(desk, session, &job).await?;
            if desk.global.json { print_json(&job) } else { print(&described(&job)) }
        }
        Jobs::Cancel(which) => each(desk, session, which, Act::Cancel).await,
        Jobs::Pause(which) => each(desk, session, which, Act::Pause).await,
        Jobs::Resume(which) => each(desk, session, which, Act::Resume).await,
        Jobs::Retry(which) => each(desk, session, which, Act::Retry).await,
        Jobs::Run => work_off(desk, session, stops).await,
    }
}

#[derive(Clone, Copy)]
enum Act {
    Cancel,
    Pause,
    Resume,
    Retry,
}

async fn each(desk: &Desk, session: &Session, which: Which, act: Act) -> Result<(), End> {
    let mut results = Results::new(desk);
    for text in which.jobs {
        let done = async {
            let id = find(desk, session, &text).await?.id;
            match act {
                Act::Cancel => desk.gateway.cancel_job(session, id).await,
                Act::Pause => desk.gateway.pause_job(session, id).await,
                // Only in line: this command does not stay for it.
                Act::Resume => desk.gateway.resume_job(session, id, true).await,
                Act::Retry => desk.gateway.retry_job(session, id, true).await,
            }
        };
        match done.await {
            Ok(job) => {
                let word = match (act, job.state) {
                    (Act::Cancel | Act::Pause, JobState::Running) => "is being stopped",
                    (_, state) => state_word(state),
                };
                let words = format!("{} {}: {word}", short(job.id), safe(&job.work.to_string()));
                results.done(&text, &words, serde_json::json!({ "job": job }))?;
            }
            Err(fault) => results.failed(&text, &fault),
        }
    }
    if matches!(act, Act::Resume | Act::Retry) {
        say("An open window does it, or `ollamanet jobs run`.");
    }
    results.finish()
}

/// Takes everything up that waits, and stays until nothing is left.
async fn work_off(desk: &Desk, session: &Session, stops: &mut Stops) -> Result<(), End> {
    let mut following = Following::begin(desk, session).await?;
    let filter = JobFilter { which: WhichJobs::Open, ..JobFilter::default() };
    let mut before = None;
    loop {
        let page = desk.gateway.jobs(session, filter.clone(), before, PAGE_MAX).await?;
        for job in page.rows {
            match job.state {
                JobState::Waiting | JobState::Running => following.track(job),
                JobState::Paused | JobState::Done | JobState::Failed | JobState::Cancelled | JobState::Interrupted => {}
            }
        }
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    if following.is_over() {
        say("Nothing waits.");
        return Ok(());
    }
    desk.gateway.take_up_all_jobs();
    following.until_over(stops).await
}

async fn list(desk: &Desk, session: &Session, filter: &JobFilter, most: usize) -> Result<(), End> {
    let mut rows: Vec<Job> = Vec::new();
    let mut before = None;
    let more = loop {
        let limit = most.saturating_sub(rows.len()).min(PAGE_MAX as usize) as u32;
        let page = desk.gateway.jobs(session, filter.clone(), before, limit).await?;
        rows.extend(page.rows);
        before = page.next;
        if before.is_none() || rows.len() >= most {
            break before.is_some();
        }
    };
    if desk.global.json {
        print_json(&rows)?;
    } else if rows.is_empty() {
        say("There are no jobs.");
    } else {
        let cells: Vec<[String; 6]> = rows.iter().map(cells).collect();
        print(&out::table(["ID", "STATE", "WORK", "PROGRESS", "BEGUN", "SAID"], &cells))?;
    }
    if more {
        say("There are more: --limit N, or --all.");
    }
    Ok(())
}

fn cells(job: &Job) -> [String; 6] {
    let progress = match job.progress.of {
        Some(of) if of > 0 && job.state != JobState::Done => {
            format!("{} % of {}", job.progress.done.min(of) * 100 / of, out::bytes(of))
        }
        Some(_) | None => String::new(),
    };
    [
        short(job.id),
        state_word(job.state).to_owned(),
        safe(&job.work.to_string()),
        progress,
        moment(job.created_at),
        said(job),
    ]
}

fn said(job: &Job) -> String {
    match (&job.error, &job.outcome) {
        (Some(fault), _) => safe(&fault.message),
        (None, Some(outcome)) => safe(outcome),
        (None, None) => String::new(),
    }
}

fn described(job: &Job) -> String {
    let mut facts = vec![
        ("job", job.id.to_string()),
        ("work", safe(&job.work.to_string())),
        ("state", state_word(job.state).to_owned()),
        ("begun", moment(job.created_at)),
        ("by", job.by.as_deref().map(safe).unwrap_or_default()),
        ("attempts", job.attempts.to_string()),
        ("next try", job.next_at.map(moment).unwrap_or_default()),
        ("at", safe(&job.progress.step)),
    ];
    if let Some(of) = job.progress.of {
        let whole = if job.progress.of_is_whole { "" } else { ", as far as is known" };
        facts.push(("bytes", format!("{} of {}{whole}", out::bytes(job.progress.done), out::bytes(of))));
    }
    facts.push(("said", said(job)));
    if let Some(hint) = job.error.as_ref().and_then(|fault| fault.hint.as_deref()) {
        facts.push(("", safe(hint)));
    }
    let mut text = String::new();
    for (name, value) in facts.into_iter().filter(|(_, value)| !value.is_empty()) {
        let _ = writeln!(text, "{name:<10}{value}");
    }
    text
}

pub(super) fn state_word(state: JobState) -> &'static str {
    state.as_str()
}

/// The end of an id tells more than its beginning, which is the time.
fn short(id: JobId) -> String {
    let text = id.to_string();
    text[text.len().saturating_sub(8)..].to_owned()
}

async fn find(desk: &Desk, session: &Session, text: &str) -> Result<Job, Fault> {
    if let Ok(id) = text.parse::<JobId>() {
        return desk.gateway.job(session, id).await;
    }
    let wanted = text.to_ascii_lowercase();
    let mut found: Vec<Job> = Vec::new();
    let mut before = None;
    loop {
        let page = desk.gateway.jobs(session, JobFilter::default(), before, PAGE_MAX).await?;
        let fits = |job: &Job| {
            let id = job.id.to_string();
            !wanted.is_empty() && (id.ends_with(&wanted) || id.starts_with(&wanted))
        };
        found.extend(page.rows.into_iter().filter(fits));
        before = page.next;
        if before.is_none() || found.len() > 1 {
            break;
        }
    }
    match found.len() {
        1 => found.pop().ok_or_else(|| Fault::not_found("job")),
        0 => Err(Fault::not_found("job").hint("`ollamanet jobs list` shows their ids.")),
        _ => Err(Fault::invalid(format!("“{}” is the beginning or end of several ids.", safe(text)))
            .hint("Give more of it.")),
    }
}

/// Said when somebody left before the end.
pub(super) fn left(count: usize) {
    say_left(count);
}
