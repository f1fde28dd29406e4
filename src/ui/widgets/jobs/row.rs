//! One job in a line, and everything about one in many.

use ratatui::{
    style::Style,
    text::{Line, Span},
};

use crate::{
    api::{
        amount,
        jobs::{Flow, Job, JobProgress, JobState, WorkKind},
    },
    ui::{
        cx::Cx,
        text::wrap::width,
        theme::Palette,
        widgets::{
            table::{broken, fit, fit_right, labelled, row_style, safe},
            toast::Toast,
        },
    },
};

/// Columns of the bar in a line of the list.
const BAR: usize = 12;
/// From so many columns on the line has room for a bar.
const ROOMY: usize = 70;

/// In percent; `None` while nobody knows how much there is.
#[must_use]
pub fn share(progress: &JobProgress) -> Option<u64> {
    let of = progress.of.filter(|of| *of > 0)?;
    // Nothing is complete before it is done.
    let percent = progress.done.saturating_mul(100) / of;
    Some(if progress.done < of { percent.min(99) } else { 100 })
}

/// `████░░░░`, as wide as it is told.
#[must_use]
pub fn bar(done: u64, of: u64, columns: usize, cx: &Cx) -> Vec<Span<'static>> {
    let (full, empty) = match cx.theme.palette {
        Palette::Dark | Palette::Light => ("█", "░"),
        Palette::Plain => ("#", "-"),
    };
    let filled = if of == 0 { 0 } else { (u128::from(done) * columns as u128 / u128::from(of)) as usize };
    let filled = filled.min(columns);
    vec![
        Span::styled(full.repeat(filled), cx.theme.meter),
        Span::styled(empty.repeat(columns - filled), cx.theme.meter_empty),
    ]
}

fn glyph(job: &Job) -> &'static str {
    match job.state {
        JobState::Waiting => "…",
        JobState::Running => match job.work.kind().flow() {
            Flow::In => "↓",
            Flow::Out => "↑",
            Flow::Neither => "●",
        },
        JobState::Paused => "‖",
        JobState::Done => "✓",
        JobState::Failed => "✗",
        JobState::Cancelled => "–",
        JobState::Interrupted => "!",
    }
}

fn style_of(state: JobState, cx: &Cx) -> Style {
    match state {
        JobState::Running => cx.theme.accent,
        JobState::Waiting | JobState::Paused | JobState::Interrupted => cx.theme.warning,
        JobState::Done => cx.theme.success,
        JobState::Failed => cx.theme.error,
        JobState::Cancelled => cx.theme.dim,
    }
}

/// `1.1 of 2.0 GB`, where both are of one unit; `1.1 GB+` where more may come.
fn amount(progress: &JobProgress) -> String {
    let done = amount::bytes(progress.done);
    match progress.of.filter(|of| *of > 0) {
        None if progress.done == 0 => String::new(),
        None => done,
        Some(of) => {
            let of = amount::bytes(of);
            let unit = |text: &str| text.rsplit(' ').next().map(str::to_owned);
            let done =
                if unit(&done) == unit(&of) { done.split(' ').next().unwrap_or_default().to_owned() } else { done };
            format!("{done} of {of}{}", if progress.of_is_whole { "" } else { "+" })
        }
    }
}

/// `12 s left`, `3 min left`.
fn left(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s left"),
        120..7200 => format!("{} min left", seconds / 60),
        _ => format!("{} h left", seconds / 3600),
    }
}

/// A moment that is to come: within a day the hour says it, also past midnight.
fn soon(at_ms: i64, cx: &Cx) -> String {
    let is_within_a_day = (0..86_400_000).contains(&(at_ms - cx.now_ms));
    let hour = || jiff::Timestamp::from_millisecond(at_ms).ok().map(|at| at.to_zoned(cx.zone.clone()));
    match hour().filter(|_| is_within_a_day) {
        Some(at) => at.strftime("%H:%M").to_string(),
        None => cx.clock(at_ms),
    }
}

/// What is said at the right of a line: how it goes, what it waits for, how it ended.
#[must_use]
pub fn told(job: &Job, cx: &Cx) -> String {
    let progress = &job.progress;
    let percent = share(progress).map(|percent| format!("{percent:>3} %"));
    match job.state {
        JobState::Running if progress.stalled_seconds > 0 => {
            let stalled = format!("nothing came for {} s", progress.stalled_seconds);
            percent.into_iter().chain([stalled]).collect::<Vec<_>>().join("  ")
        }
        JobState::Running => {
            let mut parts: Vec<String> = percent.into_iter().collect();
            // What is cut off where there is little room stands last.
            parts.extend(progress.eta_seconds.map(left));
            parts.extend(progress.rate.map(|rate| format!("{}/s", amount::bytes(rate))));
            parts.extend(Some(amount(progress)).filter(|amount| !amount.is_empty() && job.work.kind().is_in_bytes()));
            if parts.is_empty() {
                parts.push(if progress.step.is_empty() { "under way".to_owned() } else { safe(&progress.step) });
            }
            parts.join("  ")
        }
        JobState::Waiting => match (&job.error, job.next_at) {
            (Some(error), Some(at)) => format!("again at {}: {}", soon(at, cx), safe(&error.message)),
            (None, Some(at)) => format!("from {} on", soon(at, cx)),
            (_, None) => "waits for its turn".to_owned(),
        },
        JobState::Paused => percent.map_or_else(|| "paused".to_owned(), |percent| format!("paused at{percent:>5}")),
        JobState::Done => {
            let outcome = job.outcome.as_deref().map(safe).filter(|outcome| !outcome.is_empty());
            format!("{}  {}", cx.clock(job.updated_at), outcome.unwrap_or_else(|| "Done.".to_owned()))
        }
        JobState::Failed => {
            let why = job.error.as_ref().map_or_else(|| "It failed.".to_owned(), |error| safe(&error.message));
            format!("{}  failed: {why}", cx.clock(job.updated_at))
        }
        JobState::Cancelled => format!("{}  cancelled", cx.clock(job.updated_at)),
        JobState::Interrupted => format!("{}  interrupted: its window ended", cx.clock(job.updated_at)),
    }
}

/// Exactly `room` columns.
#[must_use]
pub fn line(job: &Job, (selected, focused, marked): (bool, bool, bool), room: usize, cx: &Cx) -> Line<'static> {
    let style = row_style(selected, focused, cx);
    let quiet = if selected { style } else { cx.theme.dim };
    let cursor = if selected { "›" } else { " " };
    let mark = if marked { "+" } else { " " };
    let shows_bar = room >= ROOMY && job.state == JobState::Running && share(&job.progress).is_some();
    let name_room = (room / 3).clamp(12, 40).min(room.saturating_sub(4));
    let mut spans = vec![
        Span::styled(format!("{cursor}{mark}"), style),
        Span::styled(format!("{} ", glyph(job)), if selected { style } else { style_of(job.state, cx) }),
        Span::styled(fit(&safe(&job.work.to_string()), name_room), style),
        Span::styled(" ", style),
    ];
    let mut rest = room.saturating_sub(name_room + 5);
    if shows_bar {
        spans.extend(bar(job.progress.done, job.progress.of.unwrap_or_default(), BAR, cx));
        spans.push(Span::styled(" ", style));
        rest = rest.saturating_sub(BAR + 1);
    }
    spans.push(Span::styled(fit(&told(job, cx), rest), quiet));
    Line::from(spans)
}

/// Everything about one job, a line each, at most `room` wide.
#[must_use]
pub fn detail(job: &Job, room: usize, cx: &Cx) -> Vec<Line<'static>> {
    let theme = &cx.theme;
    let state = format!("{} {}", glyph(job), job.state.as_str());
    let name_room = room.saturating_sub(width(&state) + 2);
    let mut lines = vec![Line::from(vec![
        Span::styled(fit(&safe(&job.work.to_string()), name_room), theme.title),
        Span::raw("  "),
        Span::styled(state, style_of(job.state, cx)),
    ])];
    let nobody = if job.work.kind().is_own() { "you" } else { "a rule" };
    let by = job.by.as_deref().map_or_else(|| nobody.to_owned(), safe);
    let attempt = if job.attempts > 1 { format!(", attempt {}", job.attempts) } else { String::new() };
    let is_elsewhere = job.state == JobState::Running && !job.is_here;
    let place = if is_elsewhere { ", in another window" } else { "" };
    let begun = format!("{} by {by}{attempt}{place}", cx.clock(job.created_at));
    lines.extend(labelled("begun", &begun, theme.text, room, cx));
    if !job.state.is_open() {
        lines.extend(labelled("ended", &cx.clock(job.updated_at), theme.text, room, cx));
    }
    if let Some(error) = &job.error {
        let words = Toast::fault(error);
        let words = format!("{} {}", words.text, words.hint.unwrap_or_default());
        let (label, style) = match job.state {
            JobState::Failed => ("failed", theme.error),
            JobState::Interrupted => ("why", theme.warning),
            JobState::Waiting | JobState::Running | JobState::Paused | JobState::Done | JobState::Cancelled => {
                ("last error", theme.error)
            }
        };
        lines.extend(labelled(label, safe(words.trim()).as_str(), style, room, cx));
    }
    if let (JobState::Waiting, Some(at)) = (job.state, job.next_at) {
        lines.extend(labelled("next try", &soon(at, cx), theme.text, room, cx));
    }
    if let Some(outcome) = job.outcome.as_deref().filter(|outcome| !outcome.is_empty()) {
        lines.extend(labelled("outcome", &safe(outcome), theme.text, room, cx));
    }
    let progress = &job.progress;
    // What came of it says more than how far it was told to be a moment before its end.
    if job.state == JobState::Done {
        return lines;
    }
    if !progress.step.is_empty() && job.state == JobState::Running {
        lines.extend(labelled("step", &safe(&progress.step), theme.text, room, cx));
    }
    if progress.fetched_again > 0 {
        let words = format!("{} came damaged and are fetched again", amount::bytes(progress.fetched_again));
        lines.extend(broken(&words, theme.warning, room).into_iter().map(|line| line.after(Vec::new())));
    }
    // How far something came that has ended well is no question; where it was counted at all, it came whole.
    if let Some(of) = progress.of.filter(|of| *of > 0 && (job.state != JobState::Done || progress.done > 0)) {
        let amount =
            if job.work.kind().is_in_bytes() { amount(progress) } else { format!("{} of {of}", progress.done.min(of)) };
        lines.push(layer_line("in all", progress.done, of, &amount, room, cx));
    }
    for layer in &progress.layers {
        let part = JobProgress { done: layer.done, of: Some(layer.of), of_is_whole: true, ..JobProgress::default() };
        lines.push(layer_line(&safe(&layer.digest), layer.done, layer.of, &amount(&part), room, cx));
    }
    lines
}

fn layer_line(name: &str, done: u64, of: u64, amount: &str, room: usize, cx: &Cx) -> Line<'static> {
    const NAME: usize = 13;
    const AMOUNT: usize = 20;
    let columns = room.saturating_sub(NAME + AMOUNT + 1).min(30);
    let mut spans = vec![Span::styled(fit(name, NAME.min(room)), cx.theme.dim)];
    spans.extend(bar(done, of, columns, cx));
    spans.push(Span::styled(fit_right(amount, AMOUNT.min(room.saturating_sub(NAME + columns))), cx.theme.text));
    Line::from(spans)
}

/// What is told in passing when a job ends by itself; `None` where nobody needs telling.
#[must_use]
pub fn ended(job: &Job, cx: &Cx) -> Option<Toast> {
    let what = job.work.to_string();
    match job.state {
        // What it did was told by the jobs that it began, and is in its history.
        JobState::Done if job.work.kind() == WorkKind::Rule => None,
        // It tells of its end itself, with more words.
        JobState::Done | JobState::Failed if job.work.kind().is_own() => None,
        JobState::Done => {
            let outcome = job.outcome.clone().unwrap_or_else(|| "Done.".to_owned());
            Some(Toast::good(format!("{}: {outcome}", capital(&what))))
        }
        JobState::Failed => {
            let fault = job.error.as_ref()?;
            let toast = Toast::fault(fault);
            let shows = format!("{} shows it.", cx.key(crate::ui::actions::Action::ToggleJobs));
            let hint = toast.hint.as_ref().map_or_else(|| shows.clone(), |hint| format!("{hint} {shows}"));
            Some(Toast { text: format!("{}: {}", capital(&what), toast.text), hint: Some(hint), ..toast })
        }
        // Whoever did that knows, and what waits goes on by itself.
        JobState::Cancelled | JobState::Waiting | JobState::Running | JobState::Paused | JobState::Interrupted => None,
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
