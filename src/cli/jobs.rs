//! `ollamanet jobs`: the line of work that goes on by itself.

use std::fmt::Write as _;

use super::{
    Desk, End, Stops,
    follow::{Following, say_left},
    job_args::{Jobs, Which},
    out::{self, moment, print, print_json, print_own, safe, say},
    results::Results,
};
use crate::api::{
    Fault, FaultKind, JobId, amount,
    auth::{Role, Session},
    events::Event,
    jobs::{Job, JobFilter, JobNews, JobState, PAGE_MAX, WhichJobs, merged},
};

/// # Errors
/// How it ended, when not well.
pub async fn run(desk: &Desk, what: Jobs, stops: &mut Stops) -> Result<(), End> {
    let session = &desk.session().await?;
    match what {
        Jobs::List { filter, paging, open, csv } => {
            let which = if open { WhichJobs::Open } else { WhichJobs::All };
            let filter = JobFilter { which, kind: None, text: filter.unwrap_or_default() };
            list(desk, session, &filter, paging.most(), csv).await
        }
        Jobs::Show { job } => {
            let job = find(desk, session, &job).await?;
            if desk.global.json { print_json(&job) } else { print(&described(&job)) }
        }
        Jobs::Cancel(which) => each(desk, session, which, Act::Cancel, stops).await,
        Jobs::Pause(which) => each(desk, session, which, Act::Pause, stops).await,
        Jobs::Resume(which) => each(desk, session, which, Act::Resume, stops).await,
        Jobs::Retry(which) => each(desk, session, which, Act::Retry, stops).await,
        Jobs::Forget => forget(desk, session).await,
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

async fn each(desk: &Desk, session: &Session, which: Which, act: Act, stops: &mut Stops) -> Result<(), End> {
    let mut results = Results::new(desk);
    let mut some_wait = false;
    for text in which.jobs {
        let found = match find(desk, session, &text).await {
            Ok(found) => found,
            Err(fault) => {
                results.failed(&text, &fault);
                continue;
            }
        };
        let id = found.id;
        let done = if found.work.kind().is_own() {
            match act {
                Act::Cancel => desk.gateway.cancel_own_job(session, id).await,
                // Nobody but its owner's own process can do it, so this command stays.
                Act::Retry => Box::pin(retry_own(desk, session, id, stops)).await?,
                Act::Pause | Act::Resume => {
                    Err(Fault::invalid("That cannot be paused.").hint("Cancelled, it can be tried again."))
                }
            }
        } else {
            some_wait = true;
            match act {
                Act::Cancel => desk.gateway.cancel_job(session, id).await,
                Act::Pause => desk.gateway.pause_job(session, id).await,
                // Only in line: this command does not stay for it.
                Act::Resume => desk.gateway.resume_job(session, id, true).await,
                Act::Retry => desk.gateway.retry_job(session, id, true).await,
            }
        };
        match done {
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
    if some_wait && matches!(act, Act::Resume | Act::Retry) {
        say("An open window does it, or `ollamanet jobs run`.");
    }
    results.finish()
}

/// One more attempt at a job of one's own, to its end. A signal cancels it.
async fn retry_own(desk: &Desk, session: &Session, id: JobId, stops: &mut Stops) -> Result<Result<Job, Fault>, End> {
    // Before it begins, or its end would be missed.
    let mut events = desk.gateway.events(session).await?;
    let begun = desk.confirmed(session, |session| desk.gateway.retry_own_job(session, id)).await;
    let session = desk.latest(session);
    let mut job = match begun {
        Ok(job) => job,
        Err(fault) => return Ok(Err(fault)),
    };
    let mut stopped_by = None;
    while job.state.is_open() {
        let event = tokio::select! {
            biased;
            code = stops.next() => {
                if stopped_by.replace(code).is_some() {
                    return Err(End::Code(code));
                }
                drop(desk.gateway.cancel_own_job(session, id).await);
                continue;
            }
            event = events.recv() => event,
        };
        match event {
            Some(Event::Job(JobNews::Changed(news))) if news.id == id => job = *news,
            Some(Event::SessionEnded(fault)) => return Err(fault.into()),
            Some(
                Event::Job(_)
                | Event::Transfer { .. }
                | Event::Turn { .. }
                | Event::Changed(_)
                | Event::Health(_)
                | Event::PutAway(_)
                | Event::Notice(_),
            ) => {}
            None => return Err(Fault::new(FaultKind::Internal, "It broke off without saying how it ended.").into()),
        }
    }
    Ok(match (&job.state, job.error.clone()) {
        (JobState::Failed | JobState::Interrupted, Some(why)) => Err(why),
        _ if stopped_by.is_some() => return Err(End::Code(stopped_by.unwrap_or(1))),
        (_, _) => Ok(job),
    })
}

async fn forget(desk: &Desk, session: &Session) -> Result<(), End> {
    let own = desk.gateway.forget_own_jobs(session).await?;
    let house =
        if sees_the_machines(desk, session).await? { desk.gateway.forget_ended_jobs(session).await? } else { 0 };
    if desk.global.json {
        return print_json(&serde_json::json!({ "own": own, "machine": house }));
    }
    match own + house {
        0 => say("Nothing here has ended."),
        1 => print("1 job is out of the list.\n")?,
        many => print(&format!("{many} jobs are out of the list.\n"))?,
    }
    Ok(())
}

/// Whoever may not see the machine's jobs is not refused: they have their own.
async fn sees_the_machines(desk: &Desk, session: &Session) -> Result<bool, Fault> {
    Ok(desk.gateway.whoami(session).await?.role == Role::Admin)
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

async fn list(desk: &Desk, session: &Session, filter: &JobFilter, most: usize, as_csv: bool) -> Result<(), End> {
    let (mut rows, mut more) = (Vec::new(), false);
    if sees_the_machines(desk, session).await? {
        let mut before = None;
        more = loop {
            let limit = most.saturating_sub(rows.len()).min(PAGE_MAX as usize) as u32;
            let page = desk.gateway.jobs(session, filter.clone(), before, limit).await?;
            rows.extend(page.rows);
            before = page.next;
            if before.is_none() || rows.len() >= most {
                break before.is_some();
            }
        };
    }
    let wanted = filter.text.trim().to_lowercase();
    let own = own(desk, session, filter.which).await?;
    rows.extend(own.into_iter().filter(|job| job.work.to_string().to_lowercase().contains(&wanted)));
    let mut rows = merged(rows);
    more |= rows.len() > most;
    rows.truncate(most);
    if as_csv {
        return print_own(csv(&rows).as_bytes());
    }
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

/// All of the caller's own; there are never more than a few pages of them.
async fn own(desk: &Desk, session: &Session, which: WhichJobs) -> Result<Vec<Job>, Fault> {
    let (mut rows, mut before) = (Vec::new(), None);
    loop {
        let page = desk.gateway.own_jobs(session, which, before, PAGE_MAX).await?;
        rows.extend(page.rows);
        before = page.next;
        if before.is_none() {
            return Ok(rows);
        }
    }
}

/// Everything that a script may want to know, a line each. Times are those of ISO 8601, UTC.
fn csv(rows: &[Job]) -> String {
    let at = |ms: i64| jiff::Timestamp::from_millisecond(ms).map(|at| at.to_string()).unwrap_or_default();
    let head = "id,kind,state,work,attempts,begun,ended,next,done,of,error,hint,outcome\r\n".to_owned();
    rows.iter().fold(head, |text, job| {
        let error = job.error.as_ref();
        let cells = [
            job.id.to_string(),
            job.work.kind().as_str().to_owned(),
            job.state.as_str().to_owned(),
            safe(&job.work.to_string()),
            job.attempts.to_string(),
            at(job.created_at),
            if job.state.is_open() { String::new() } else { at(job.updated_at) },
            job.next_at.map(at).unwrap_or_default(),
            job.progress.done.to_string(),
            job.progress.of.map(|of| of.to_string()).unwrap_or_default(),
            error.map(|fault| safe(&fault.message)).unwrap_or_default(),
            error.and_then(|fault| fault.hint.as_deref()).map(safe).unwrap_or_default(),
            job.outcome.as_deref().map(safe).unwrap_or_default(),
        ];
        text + &cells.map(|cell| out::csv_cell(&cell)).join(",") + "\r\n"
    })
}

fn cells(job: &Job) -> [String; 6] {
    let progress = match job.progress.of {
        Some(of) if of > 0 && job.state != JobState::Done => {
            let percent = job.progress.done.min(of) * 100 / of;
            if job.work.kind().is_in_bytes() {
                format!("{percent} % of {}", amount::bytes(of))
            } else {
                format!("{percent} % of {of}")
            }
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
        (Some(fault), _) if job.state == JobState::Waiting => match job.next_at {
            Some(at) => format!("again at {}: {}", moment(at), safe(&fault.message)),
            None => safe(&fault.message),
        },
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
        ("ended", if job.state.is_open() { String::new() } else { moment(job.updated_at) }),
        ("by", job.by.as_deref().map(safe).unwrap_or_default()),
        ("attempts", job.attempts.to_string()),
        ("next try", job.next_at.map(moment).unwrap_or_default()),
        ("at", safe(&job.progress.step)),
    ];
    if let Some(of) = job.progress.of {
        let whole = if job.progress.of_is_whole { "" } else { ", as far as is known" };
        if job.work.kind().is_in_bytes() {
            facts.push(("bytes", format!("{} of {}{whole}", amount::bytes(job.progress.done), amount::bytes(of))));
        } else {
            facts.push(("done", format!("{} of {of}", job.progress.done)));
        }
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
        return match desk.gateway.own_job(session, id).await {
            Err(fault) if fault.kind == FaultKind::NotFound && sees_the_machines(desk, session).await? => {
                desk.gateway.job(session, id).await
            }
            found => found,
        };
    }
    let wanted = text.to_ascii_lowercase();
    let fits = |job: &Job| {
        let id = job.id.to_string();
        !wanted.is_empty() && (id.ends_with(&wanted) || id.starts_with(&wanted))
    };
    let mut found: Vec<Job> = own(desk, session, WhichJobs::All).await?.into_iter().filter(fits).collect();
    if sees_the_machines(desk, session).await? {
        let mut before = None;
        loop {
            let page = desk.gateway.jobs(session, JobFilter::default(), before, PAGE_MAX).await?;
            found.extend(page.rows.into_iter().filter(fits));
            before = page.next;
            if before.is_none() || found.len() > 1 {
                break;
            }
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
