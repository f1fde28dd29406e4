//! How the tab with the health is drawn.
//!
//! A level is told by a glyph and by the height of a strip's cells, and by colour only beside them. Time in which nobody
//! looked is a dot, never the low cell of what was well.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::Style,
    text::{Line, Span},
    widgets::Paragraph,
};

use super::{
    super::table::{boxed, broken, fit, fit_right, instead, row_style, safe},
    HealthTab, Pane,
};
use crate::{
    api::health::{BreakerOutage, BreakerState, Check, HealthHistory, Level, Part, Stretch},
    ui::{
        actions::Action,
        cx::Cx,
        widgets::rows::{Keyed, Paged},
    },
};

/// Rows of the box with the parts.
const PARTS: u16 = Part::ALL.len() as u16 + 2;
/// Lines that say in full what the cursor is on.
const DETAIL: u16 = 3;
/// From this height on what was not well and what was held back stand below each other.
const TALL: u16 = 28;

pub(super) fn tab(tab: &HealthTab, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool) {
    let [head, parts, detail, rest] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(PARTS),
        Constraint::Length(DETAIL),
        Constraint::Min(0),
    ])
    .areas(area);
    frame.render_widget(head_line(tab, usize::from(head.width), cx), head);
    tab.part.hide();
    tab.incidents.hide();
    tab.outages.hide();
    view_parts(tab, frame, parts, cx, focused);
    let detail = Rect { x: detail.x + 1, width: detail.width.saturating_sub(2), ..detail };
    frame.render_widget(Paragraph::new(detail_lines(tab, usize::from(detail.width), cx)), detail);
    if area.height >= TALL {
        let [incidents, outages] = Layout::vertical([Constraint::Fill(3), Constraint::Fill(2)]).areas(rest);
        view_incidents(tab, frame, incidents, cx, focused);
        view_outages(tab, frame, outages, cx, focused);
    } else if tab.pane == Pane::Breakers {
        view_outages(tab, frame, rest, cx, focused);
    } else {
        view_incidents(tab, frame, rest, cx, focused);
    }
}

/// `40 s`, `12 min`, `3 h`, `2 d`.
fn span(ms: i64) -> String {
    match ms.max(0) / 1000 {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds @ 7200..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

pub(super) fn mark(level: Level) -> &'static str {
    match level {
        Level::Good => "●",
        Level::Warning => "!",
        Level::Bad => "✗",
    }
}

fn style(level: Level, cx: &Cx) -> Style {
    match level {
        Level::Good => cx.theme.success,
        Level::Warning => cx.theme.warning,
        Level::Bad => cx.theme.error,
    }
}

fn head_line(tab: &HealthTab, room: usize, cx: &Cx) -> Line<'static> {
    if let Some(far) = &tab.full {
        let words = match far.all {
            0 => "Looking through the whole system database…".to_owned(),
            all => format!("Looking through system.db: {} of {all}, {}", far.done, safe(&far.what)),
        };
        return Line::from(vec![
            Span::styled(format!(" {} ", cx.spinner()), cx.theme.accent),
            Span::styled(fit(&words, room.saturating_sub(3)), cx.theme.text),
        ]);
    }
    let every = cx.config.health.every_seconds;
    let words = match &cx.health {
        _ if tab.checking => format!("{} Checking…", cx.spinner()),
        None => "Not checked yet.".to_owned(),
        // Without a schedule somebody looks, or nobody does.
        Some(health) if every == 0 => {
            let key = cx.key(Action::HealthCheck);
            format!("Checked {} ago, only by {key}.", span(cx.now_ms - health.checked_at))
        }
        Some(health) => format!("Checked {} ago, every {every} s.", span(cx.now_ms - health.checked_at)),
    };
    let strip = format!("{}: ▁ well ▄ warning █ bad · not checked", tab.period.words());
    let strip = if tab.fault.is_some() { format!("Not read anew. {strip}") } else { strip };
    Line::styled(fit(&format!(" {words} {strip}"), room), cx.theme.dim)
}

fn view_parts(tab: &HealthTab, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool) {
    let in_use = focused && tab.pane == Pane::Parts;
    let inner = boxed(frame, area, "Parts", "", in_use, cx);
    let Some(health) = &cx.health else {
        return instead(frame, inner, None, true, "", cx);
    };
    let room = usize::from(inner.width);
    tab.part.view(frame, inner, health.checks.len(), |at, is_chosen| {
        part_line(tab, &health.checks[at], is_chosen && tab.pane == Pane::Parts, in_use, room, cx)
    });
}

fn part_line(tab: &HealthTab, check: &Check, selected: bool, focused: bool, room: usize, cx: &Cx) -> Line<'static> {
    let base = row_style(selected, focused, cx);
    let told = if selected { base } else { style(check.level, cx) };
    let quiet = if selected { base } else { cx.theme.dim };
    let cells = match room {
        0..60 => 0,
        60..100 => 24,
        _ => 48,
    };
    let age = span(cx.now_ms - check.at);
    let text = room.saturating_sub(4 + 9 + 7 + if cells > 0 { cells + 1 } else { 0 });
    let mut line = Line::from(vec![
        Span::styled(if selected { "› " } else { "  " }, base),
        Span::styled(format!("{} ", mark(check.level)), told),
        Span::styled(fit(check.part.as_str(), 9), base),
        Span::styled(fit(&safe(&check.text), text), if selected { base } else { cx.theme.text }),
        Span::styled(fit_right(&age, 7), quiet),
    ]);
    if cells > 0 {
        line.push_span(Span::raw(" "));
        match &tab.history {
            Some(history) => strip(history, check.part, cells, cx).into_iter().for_each(|span| line.push_span(span)),
            None => line.push_span(Span::styled(if tab.fault.is_some() { "✗" } else { "…" }, cx.theme.dim)),
        }
    }
    line
}

/// One cell for each piece of the time, as high as the worst of it was bad.
fn strip(history: &HealthHistory, part: Part, cells: usize, cx: &Cx) -> Vec<Span<'static>> {
    let count = i64::try_from(cells).unwrap_or(1).max(1);
    let piece = ((history.until - history.since) / count).max(1);
    let cell = |at: i64| {
        let from = history.since + at * piece;
        // What was found just now belongs to the last piece.
        let to = if at + 1 == count { history.until + 1 } else { from + piece };
        match history.worst(part, from, to) {
            None => ("·", cx.theme.dim),
            Some(level @ Level::Good) => ("▁", style(level, cx)),
            Some(level @ Level::Warning) => ("▄", style(level, cx)),
            Some(level @ Level::Bad) => ("█", style(level, cx)),
        }
    };
    (0..count).map(cell).map(|(glyph, style)| Span::styled(glyph, style)).collect()
}

/// What the cursor is on, in full.
fn detail_lines(tab: &HealthTab, room: usize, cx: &Cx) -> Vec<Line<'static>> {
    if let Some(fault) = &tab.fault {
        let told = broken(&safe(&fault.to_string()), cx.theme.error, room);
        return told.into_iter().take(usize::from(DETAIL)).map(|line| line.after(Vec::new())).collect();
    }
    let (text, fix) = match tab.pane {
        Pane::Parts => match cx.health.as_ref().and_then(|health| health.checks.get(tab.part.at())) {
            Some(check) => (safe(&check.text), check.fix.as_deref().map(safe)),
            None => return Vec::new(),
        },
        Pane::Incidents => match tab.incidents.chosen() {
            Some(row) => {
                let seen = if row.checks == 1 { "seen once".to_owned() } else { format!("seen {} times", row.checks) };
                let end = if row.lasts { "lasts still".to_owned() } else { format!("until {}", cx.clock(row.until)) };
                (format!("From {}, {end}, {seen}: {}", cx.clock(row.from), safe(&row.text)), None)
            }
            None => return Vec::new(),
        },
        Pane::Breakers => match tab.outages.chosen() {
            Some(row) => (format!("{} calls: {}. {}", safe(&row.kind), safe(&row.why), trials(row, cx)), None),
            None => return Vec::new(),
        },
    };
    let most = usize::from(DETAIL) - usize::from(fix.is_some());
    let mut lines: Vec<Line> =
        broken(&text, cx.theme.text, room).into_iter().take(most).map(|line| line.after(Vec::new())).collect();
    if let Some(fix) = fix {
        let left = usize::from(DETAIL).saturating_sub(lines.len());
        let told = broken(&fix, cx.theme.accent, room.saturating_sub(2)).into_iter().take(left).enumerate();
        lines.extend(
            told.map(|(row, line)| line.after(vec![Span::styled(if row == 0 { "→ " } else { "  " }, cx.theme.accent)])),
        );
    }
    lines
}

fn trials(row: &BreakerOutage, cx: &Cx) -> String {
    let tried = match (row.tries, row.tried_at) {
        (0, _) | (_, None) => "Not tried again".to_owned(),
        (1, Some(at)) => format!("Tried once, {}", cx.clock(at)),
        (many, Some(at)) => format!("Tried {many} times, last {}", cx.clock(at)),
    };
    let end = match (row.closed_at, &row.closed_why) {
        (Some(at), Some(why)) => format!("closed {}: {}", cx.clock(at), safe(why)),
        (Some(at), None) => format!("closed {}", cx.clock(at)),
        (None, _) => format!("last seen open {}", cx.clock(row.seen_at)),
    };
    format!("{tried}; {end}.")
}

/// What is alike of the two lists of what was: a title, a line about now, headings, the rows.
struct Told<'a> {
    pane: Pane,
    title: &'a str,
    now: Option<String>,
    headings: [&'a str; 4],
    empty: &'a str,
}

/// Least rows of a list that has room for its headings.
const WITH_HEADINGS: u16 = 4;

fn view_told<T: Keyed>(
    (tab, list): (&HealthTab, &Paged<T>),
    told: &Told<'_>,
    (frame, area): (&mut Frame, Rect),
    (cx, focused): (&Cx, bool),
    line: fn(&T, Looks, &Cx) -> Line<'static>,
) {
    let in_use = focused && tab.pane == told.pane;
    let mut inner = boxed(frame, area, told.title, &list.extent(), in_use, cx);
    let room = usize::from(inner.width);
    if let Some(now) = &told.now {
        frame.render_widget(Line::styled(fit(now, room), cx.theme.text), Rect { height: inner.height.min(1), ..inner });
        inner = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
    }
    if !list.rows().is_empty() && inner.height >= WITH_HEADINGS {
        let [what, since, lasted, why] = told.headings;
        let heading = format!("    {}{}{}{why}", fit(what, 9), fit(since, 11), fit(lasted, 14));
        frame.render_widget(Line::styled(fit(&heading, room), cx.theme.dim), Rect { height: 1, ..inner });
        inner = Rect { y: inner.y + 1, height: inner.height - 1, ..inner };
    }
    list.view(frame, inner, told.empty, cx, |row, is_chosen| {
        line(row, Looks { selected: is_chosen && tab.pane == told.pane, focused: in_use, room }, cx)
    });
}

/// How a row is to be drawn.
#[derive(Clone, Copy)]
struct Looks {
    selected: bool,
    focused: bool,
    room: usize,
}

fn view_incidents(tab: &HealthTab, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool) {
    let told = Told {
        pane: Pane::Incidents,
        title: "What was not well",
        now: None,
        headings: ["part", "since", "for", "what"],
        empty: "Whenever it was checked, all was well.",
    };
    view_told((tab, &tab.incidents), &told, (frame, area), (cx, focused), incident);
}

fn incident(row: &Stretch, looks: Looks, cx: &Cx) -> Line<'static> {
    let Looks { selected, focused, room } = looks;
    let base = row_style(selected, focused, cx);
    let told = if selected { base } else { style(row.level, cx) };
    let quiet = if selected { base } else { cx.theme.dim };
    let lasted = span(row.duration());
    let lasted = if row.lasts { format!("{lasted}, lasts") } else { lasted };
    Line::from(vec![
        Span::styled(if selected { "› " } else { "  " }, base),
        Span::styled(format!("{} ", mark(row.level)), told),
        Span::styled(fit(row.part.as_str(), 9), base),
        Span::styled(fit(&cx.clock(row.from), 11), quiet),
        Span::styled(fit(&lasted, 14), base),
        Span::styled(fit(&safe(&row.text), room.saturating_sub(4 + 9 + 11 + 14)), quiet),
    ])
}

fn view_outages(tab: &HealthTab, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool) {
    let told = Told {
        pane: Pane::Breakers,
        title: "Calls that were held back",
        now: Some(states(cx)),
        headings: ["calls", "since", "for", "why"],
        empty: "None ever were, as far as is known.",
    };
    view_told((tab, &tab.outages), &told, (frame, area), (cx, focused), outage);
}

/// How each breaker of this window stands.
fn states(cx: &Cx) -> String {
    let breakers = cx.health.as_ref().map(|health| health.breakers.as_slice()).unwrap_or_default();
    let told: Vec<String> = breakers
        .iter()
        .map(|(kind, state)| {
            let state = match state {
                BreakerState::Closed => "go through".to_owned(),
                BreakerState::Open { retry_in_ms } => format!("held back for {} s", retry_in_ms.div_ceil(1000)),
                BreakerState::HalfOpen => "one is tried".to_owned(),
            };
            format!("{}: {state}", safe(kind))
        })
        .collect();
    format!(" Now, here: {}", told.join(" · "))
}

fn outage(row: &BreakerOutage, looks: Looks, cx: &Cx) -> Line<'static> {
    let Looks { selected, focused, room } = looks;
    let base = row_style(selected, focused, cx);
    let quiet = if selected { base } else { cx.theme.dim };
    // A process that was killed told nobody: after some looks without a word it is not called open any more.
    let silent = i64::try_from(cx.config.health.every_seconds).unwrap_or(60) * 3000;
    let (mark, until, told) = match row.closed_at {
        Some(at) => ("✓", at, quiet),
        None if cx.now_ms - row.seen_at > silent.max(180_000) => ("?", row.seen_at, quiet),
        None => ("◐", row.seen_at, if selected { base } else { cx.theme.warning }),
    };
    Line::from(vec![
        Span::styled(if selected { "› " } else { "  " }, base),
        Span::styled(format!("{mark} "), told),
        Span::styled(fit(&safe(&row.kind), 9), base),
        Span::styled(fit(&cx.clock(row.opened_at), 11), quiet),
        Span::styled(fit(&span(until - row.opened_at), 14), base),
        Span::styled(fit(&safe(&row.why), room.saturating_sub(4 + 9 + 11 + 14)), quiet),
    ])
}
