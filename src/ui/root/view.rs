//! How the frame looks: one line above, one below, the screen between them, notices in the corner.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Margin, Rect},
    text::{Line, Span, Text},
    widgets::{Block, BorderType, Paragraph, Wrap},
};

use super::{
    Root, Stage,
    screens::{Bar, ScreenName},
};
use crate::{
    api::{
        Fault, amount,
        health::{BreakerState, Check, Health, Level, OllamaState, Part},
    },
    safe_text::SafeText,
    ui::{
        cx::{Cx, Hint},
        keymap::{Action, Context},
        widgets::{form::fault_text, modal, toast},
    },
};

/// Below this the notice stands instead. From here on everything can be done; from 80×24 on it is comfortable. Tests
/// draw every screen at 40×12 and 80×24.
const SMALLEST: (u16, u16) = (40, 10);

/// From here on the key for help always stands in the last line; in less it would take the room of what is needed more.
const WITH_HELP: u16 = 60;

/// Header, screen, footer.
fn parts(area: Rect) -> [Rect; 3] {
    Layout::vertical([Constraint::Length(1), Constraint::Min(0), Constraint::Length(1)]).areas(area)
}

/// What the screen between the two lines gets.
pub(super) fn body(area: Rect) -> Rect {
    parts(area)[1]
}

pub(super) fn root(root: &Root, frame: &mut Frame) {
    let area = frame.area();
    let cx = &root.cx;
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        return too_small(frame, area, cx);
    }
    let [header, body, footer] = parts(area);
    frame.render_widget(header_line(root, header.width), header);
    match &root.stage {
        Stage::Opening => {
            let line = Line::from(vec![
                Span::styled(format!("{} ", cx.spinner()), cx.theme.accent),
                Span::styled("Opening…", cx.theme.dim),
            ]);
            frame.render_widget(line.centered(), modal::centred(body, (body.width, 1)));
        }
        Stage::Failed(fault) => failed(fault, frame, body, cx),
        Stage::Outside(screen) => screen.view(frame, body, cx),
        Stage::Inside(screens) => screens.current().view(frame, body, cx, root.overlay.is_none()),
        Stage::Locked { lock, .. } => lock.view(frame, body, cx),
    }
    let hints = match &root.stage {
        Stage::Opening => cx.hints(&[(Action::Quit, "quit")]),
        Stage::Failed(_) => cx.hints(&[(Action::Refresh, "try again"), (Action::Quit, "quit")]),
        Stage::Outside(screen) => screen.footer(cx),
        Stage::Inside(screens) => {
            let keys: &[_] = if screens.name() == ScreenName::Chat { &CHAT_KEYS } else { &OTHER_KEYS };
            // In a list their keys go up and down.
            let in_list = screens.current().context() == Context::List;
            let keys: Vec<_> = keys
                .iter()
                .filter(|(action, _)| !in_list || !matches!(action, Action::Palette | Action::NewConversation))
                .copied()
                .collect();
            with_the_shell_s(screens.footer(cx), &keys, cx)
        }
        Stage::Locked { lock, .. } => lock.footer(cx),
    };
    let line = match root.stage {
        Stage::Inside(_) if footer.width >= WITH_HELP => with_help_kept(hints, footer.width, cx),
        Stage::Opening | Stage::Failed(_) | Stage::Outside(_) | Stage::Inside(_) | Stage::Locked { .. } => {
            modal::footer_line(&hints, footer.width, cx)
        }
    };
    frame.render_widget(line, footer);
    if let Some(overlay) = &root.overlay {
        overlay.view(root, frame, area, cx);
    }
    toast::view(root.toasts.iter().map(|(_, toast)| toast), frame, body.inner(Margin::new(1, 0)), cx);
}

/// What does not fit is left out from the end, but never the key that tells all the others.
fn with_help_kept(mut hints: Vec<Hint>, width: u16, cx: &Cx) -> Line<'static> {
    let help = cx.hint(Action::Help, "help").filter(|help| hints.last() == Some(help));
    let last = modal::footer_line(help.as_slice(), width, cx);
    let room = width.saturating_sub(u16::try_from(last.width()).unwrap_or(0));
    hints.truncate(hints.len() - help.iter().len());
    let mut line = modal::footer_line(&hints, room, cx);
    line.extend(last);
    line
}

/// The screen's own keys, then those that work everywhere, each once.
fn with_the_shell_s(mut hints: Vec<Hint>, keys: &[(Action, &'static str)], cx: &Cx) -> Vec<Hint> {
    for hint in cx.hints(keys) {
        if !hints.iter().any(|known| known.key == hint.key) {
            hints.push(hint);
        }
    }
    hints
}

const CHAT_KEYS: [(Action, &str); 3] =
    [(Action::Palette, "commands"), (Action::NewConversation, "new"), (Action::Help, "help")];
const OTHER_KEYS: [(Action, &str); 2] = [(Action::Palette, "commands"), (Action::Help, "help")];

/// What a click at this column of the first line does: the program's name opens the palette, a person's
/// their account, the state of Ollama asks anew, the
/// jobs open their tray.
pub(super) fn header_action(root: &Root, width: u16, column: u16) -> Option<Action> {
    let mut at = 0;
    for (span, action) in header(root, width) {
        let end = at + span.width();
        if (at..end).contains(&usize::from(column)) {
            return action;
        }
        at = end;
    }
    None
}

fn header_line(root: &Root, width: u16) -> Line<'static> {
    Line::from(header(root, width).into_iter().map(|(span, _)| span).collect::<Vec<_>>())
}

/// ` ollamanet   Chat            alice · admin   ● ollama 0.35   2 jobs `, giving up from the left of the right half.
fn header(root: &Root, width: u16) -> Vec<(Span<'static>, Option<Action>)> {
    let cx = &root.cx;
    let mut right: Vec<(Vec<Span>, Option<Action>)> = Vec::new();
    if let Some(account) = cx.account.as_ref().filter(|_| !matches!(root.stage, Stage::Outside(_))) {
        let text = format!("{} · {}", SafeText::line(&account.name), account.role.as_str());
        let account = matches!(root.stage, Stage::Inside(_)).then_some(Action::ScreenAccount);
        right.push((vec![Span::styled(text, cx.theme.text)], account));
    }
    let health = match &cx.health {
        None => vec![Span::styled("… ollama", cx.theme.dim)],
        Some(health) => {
            let (level, mark, text) = health_words(health);
            let style = match level {
                Level::Good => cx.theme.success,
                Level::Warning => cx.theme.warning,
                Level::Bad => cx.theme.error,
            };
            vec![Span::styled(format!("{mark} "), style), Span::styled(text, cx.theme.dim)]
        }
    };
    right.push((health, Some(Action::Refresh)));
    if !root.jobs.is_empty() {
        let jobs = amount::many(root.jobs.len(), "job");
        right.push((vec![Span::styled(jobs, cx.theme.accent)], Some(Action::ToggleJobs)));
    }
    // What does not fit is told shorter: first the demo, then the gaps, then what stands at the right from its left end.
    // The screen on view is always named.
    let left = |demo: &'static str, bar: Bar| {
        let mut left = vec![(Span::styled(" ollamanet ", cx.theme.title), Some(Action::Palette))];
        if cx.is_demo {
            left.push((Span::styled(demo, cx.theme.badge), None));
            left.push((Span::raw(" "), None));
        }
        left.extend(root.bar(bar));
        left
    };
    let taken = |left: &[(Span, Option<Action>)]| left.iter().map(|(span, _)| span.width()).sum::<usize>();
    let wide = |spans: &[Span]| spans.iter().map(Span::width).sum::<usize>();
    let needs = |right: &[(Vec<Span>, Option<Action>)], gap: usize| {
        right.iter().map(|(part, _)| wide(part) + gap).sum::<usize>()
    };
    let ways = [(" demo: a stand-in answers ", Bar::Loose, 3), (" demo ", Bar::Loose, 3), (" demo ", Bar::Tight, 2)];
    let (left, gap) = loop {
        let ways = ways.into_iter().map(|(demo, bar, gap)| (left(demo, bar), gap));
        let fits = |(left, gap): &(Vec<_>, usize)| taken(left) + needs(&right, *gap) < usize::from(width);
        if let Some(way) = ways.into_iter().find(fits) {
            break way;
        }
        // Without the state of Ollama nothing is won by naming all screens.
        if right.len() < 2 {
            break (left(" demo ", Bar::OnView), 3);
        }
        right.remove(0);
    };
    let room = usize::from(width).saturating_sub(taken(&left) + 1);
    while !right.is_empty() && needs(&right, gap) > room {
        right.remove(0);
    }
    let used = needs(&right, gap);
    let mut line: Vec<(Span, Option<Action>)> = left;
    line.push((Span::raw(" ".repeat(room.saturating_sub(used))), None));
    for (part, action) in right {
        line.push((Span::raw(" ".repeat(gap)), None));
        line.extend(part.into_iter().map(|span| (span, action)));
    }
    line
}

/// The worst part of a report in a few words, with a glyph that tells it without colour.
pub(super) fn health_words(health: &Health) -> (Level, &'static str, String) {
    // In a header there is room for what it is, and not for its figures: `disk low`.
    let words = |check: &Check| {
        SafeText::line(&format!("{} {}", check.part.as_str(), check.reason.replace('_', " "))).into_string()
    };
    let mut others = health.checks.iter().filter(|check| !matches!(check.part, Part::Ollama | Part::Breakers));
    if let Some(bad) = others.clone().find(|check| check.level == Level::Bad) {
        return (Level::Bad, "✗", words(bad));
    }
    let open = health.breakers.iter().any(|(_, state)| matches!(state, BreakerState::Open { .. }));
    match &health.ollama {
        OllamaState::Reachable { .. } if open => (Level::Warning, "◐", "ollama failing, pausing".into()),
        OllamaState::Reachable { version, .. } => {
            // Its numbers only: what a build adds to them is for the health report.
            let version = SafeText::line(version);
            let version = version.as_str().split('-').next().unwrap_or_default();
            let version: String = version.chars().take(12).collect();
            if health.ollama_warning.is_some() {
                return (Level::Warning, "!", format!("ollama {version}"));
            }
            match others.find(|check| check.level == Level::Warning) {
                Some(check) => (Level::Warning, "!", words(check)),
                None => (Level::Good, "●", format!("ollama {version}")),
            }
        }
        OllamaState::Unknown => (Level::Warning, "…", "ollama".into()),
        OllamaState::InstalledNotRunning => (Level::Warning, "○", "ollama not running".into()),
        OllamaState::Absent => (Level::Warning, "○", "ollama not found".into()),
        OllamaState::Unreachable { .. } => (Level::Bad, "✗", "ollama unreachable".into()),
    }
}

fn too_small(frame: &mut Frame, area: Rect, cx: &Cx) {
    let (columns, rows) = SMALLEST;
    let long = format!(
        "This window is too small: {} × {}. ollamanet needs {columns} × {rows}, better 80 × 24. Nothing is lost: make \
         it larger.",
        area.width, area.height
    );
    // Where even that is cut off, the size that is needed comes first.
    let fits = usize::from(area.width) * usize::from(area.height) >= long.chars().count() * 3 / 2;
    let words = if fits { long } else { format!("{columns}×{rows} needed") };
    frame.render_widget(Paragraph::new(Text::styled(words, cx.theme.warning)).wrap(Wrap { trim: true }), area);
}

fn failed(fault: &Fault, frame: &mut Frame, area: Rect, cx: &Cx) {
    let outer = modal::centred(area, (76, 9));
    let block = Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(cx.theme.error)
        .title(Line::styled(" It does not open ", cx.theme.error));
    let inner = block.inner(outer).inner(Margin::new(2, 1));
    frame.render_widget(block, outer);
    frame.render_widget(fault_text(fault, cx), inner);
}
