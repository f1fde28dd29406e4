//! How the server is doing at this moment, for administrators: what is in memory, what is asked of it, what is at hand. Every
//! part says how old it is; nothing here is asked for unless somebody looks.

use std::cell::Cell;

use crossterm::event::{KeyEvent, MouseEvent, MouseEventKind};
use ratatui::{
    Frame,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::Paragraph,
};

use super::{Step, Tab, is_admin};
use crate::{
    api::{
        Fault, amount,
        health::{BreakerState, OllamaState},
        jobs::{AnswersUnderWay, JobState},
        models::Loaded,
    },
    ui::{
        actions::{Action, Context},
        cx::{Cx, Hint},
        msg::{Effect, JobsCall, Monitored, ShellCall},
        widgets::table::{boxed, fit, fit_right, instead, labelled, safe},
    },
};

/// From so many years on, "until" means "for good".
const FOR_GOOD_MS: i64 = 10 * 365 * 24 * 3_600_000;

#[derive(Debug, Default)]
pub struct MonitorTab {
    seen: Option<Box<Monitored>>,
    /// When it was seen, milliseconds since 1970.
    seen_at: i64,
    asked: u64,
    is_reading: bool,
    top: u16,
    /// Lines that did not fit when it was drawn last.
    hidden: Cell<u16>,
}

impl MonitorTab {
    fn read(&mut self, fresh: bool) -> Vec<Effect> {
        self.asked += 1;
        self.is_reading = true;
        vec![Effect::Jobs(JobsCall::Monitor { asked: self.asked, fresh })]
    }

    pub fn on_seen(&mut self, asked: u64, seen: Box<Monitored>, cx: &Cx) {
        if asked == self.asked {
            self.is_reading = false;
            self.seen = Some(seen);
            self.seen_at = cx.now_ms;
        }
    }

    fn lines(&self, seen: &Monitored, room: usize, cx: &Cx) -> Vec<Line<'static>> {
        let mut lines = server(room, cx);
        lines.push(Line::default());
        lines.extend(loaded(seen, self.seen_at, room, cx));
        lines.push(Line::default());
        lines.extend(told("answers", seen.answers.as_ref().map(|all| answers(*all, cx)), room, cx));
        lines.extend(told("jobs", seen.jobs.as_ref().map(|page| jobs(&page.rows)), room, cx));
        lines.extend(breakers(room, cx));
        lines.push(Line::default());
        lines.extend(cache(seen, room, cx));
        lines
    }
}

/// Version, address, and what is known to be wrong with them.
fn server(room: usize, cx: &Cx) -> Vec<Line<'static>> {
    let theme = &cx.theme;
    let Some(health) = &cx.health else {
        return labelled("server", "not asked yet", theme.dim, room, cx);
    };
    let (words, style) = match &health.ollama {
        OllamaState::Reachable { version, latency_ms } => {
            (format!("Ollama {} answers in {latency_ms} ms", safe(version)), theme.success)
        }
        OllamaState::Unknown => ("not asked yet".to_owned(), theme.dim),
        OllamaState::InstalledNotRunning => ("Ollama is installed but does not run".to_owned(), theme.warning),
        OllamaState::Absent => ("Ollama was not found".to_owned(), theme.warning),
        OllamaState::Unreachable { why } => (format!("Ollama cannot be reached: {}", safe(why)), theme.error),
    };
    let mut lines = labelled("server", &words, style, room, cx);
    let place = format!("{}, looked at {}", safe(&health.ollama_url), cx.clock(health.checked_at));
    lines.extend(labelled("", &place, theme.dim, room, cx));
    if let Some(warning) = &health.ollama_warning {
        lines.extend(labelled("", &format!("! {}", safe(warning)), theme.warning, room, cx));
    }
    lines
}

fn loaded(seen: &Monitored, seen_at: i64, room: usize, cx: &Cx) -> Vec<Line<'static>> {
    let list = match &seen.models {
        Ok(list) => list,
        Err(fault) => return wrong("in memory", fault, room, cx),
    };
    // It has grown older since it came.
    let since = u64::try_from(cx.now_ms - seen_at).unwrap_or(0);
    let age = match (list.age_ms + since) / 1000 {
        0 => "just now".to_owned(),
        seconds @ 1..120 => format!("{seconds} s ago"),
        seconds => format!("{} min ago", seconds / 60),
    };
    let inside: Vec<_> = list.models.iter().filter_map(|model| Some((model, model.loaded.as_ref()?))).collect();
    let head = match inside.len() {
        0 => format!("no model, asked {age}"),
        models => format!("{}, asked {age}", amount::many(models, "model")),
    };
    let mut lines = labelled("in memory", &head, cx.theme.text, room, cx);
    if let Some(because) = &list.stale_because {
        lines.extend(labelled("", &format!("! {}", safe(because)), cx.theme.warning, room, cx));
    }
    let name_room = (room / 3).clamp(12, 36);
    for (model, loaded) in inside {
        let rest = room.saturating_sub(name_room + 14);
        lines.push(Line::from(vec![
            Span::styled(format!("  {} ", fit(&safe(&model.name), name_room)), cx.theme.title),
            Span::styled(fit_right(&amount::bytes(loaded.bytes), 9), cx.theme.text),
            Span::raw("  "),
            Span::styled(fit(&placed(loaded, cx), rest), cx.theme.dim),
        ]));
    }
    lines
}

/// `100 % GPU · until 10:07 · window 8192`.
fn placed(loaded: &Loaded, cx: &Cx) -> String {
    let gpu = loaded.gpu_bytes.min(loaded.bytes).saturating_mul(100).checked_div(loaded.bytes).unwrap_or_default();
    let place = match gpu {
        0 => "100 % CPU".to_owned(),
        100 => "100 % GPU".to_owned(),
        gpu => format!("{} % CPU, {gpu} % GPU", 100 - gpu),
    };
    let window = loaded.context_length.map(|tokens| format!("window {tokens}"));
    let until = loaded.expires_at.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond);
    let until = match until {
        Some(at) if at - cx.now_ms > FOR_GOOD_MS => "kept for good".to_owned(),
        Some(at) => format!("until {}", cx.clock(at)),
        None => "until nobody knows when".to_owned(),
    };
    [Some(place), Some(until), window].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// Of everybody, and how many of them this window knows as its own.
fn answers(all: AnswersUnderWay, cx: &Cx) -> String {
    let here = cx.lane.running + cx.lane.waiting.len();
    let here = if here == 0 { "none".to_owned() } else { here.to_string() };
    match (all.running, all.waiting) {
        (0, 0) => "none under way on this machine".to_owned(),
        (running, 0) => format!("{running} under way on this machine; {here} in this window"),
        (running, waiting) => {
            format!("{running} under way on this machine, {waiting} waiting for their turn; {here} in this window")
        }
    }
}

fn jobs(open: &[crate::api::jobs::Job]) -> String {
    let count = |state| open.iter().filter(|job| job.state == state).count();
    let parts = [
        (count(JobState::Running), "running"),
        (count(JobState::Waiting), "waiting"),
        (count(JobState::Paused), "paused"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    if parts.is_empty() { "none under way".to_owned() } else { parts.join(", ") }
}

fn breakers(room: usize, cx: &Cx) -> Vec<Line<'static>> {
    let Some(health) = cx.health.as_ref().filter(|health| !health.breakers.is_empty()) else { return Vec::new() };
    let mut lines = Vec::new();
    for (at, (kind, state)) in health.breakers.iter().enumerate() {
        let (words, style): (String, Style) = match state {
            BreakerState::Closed => ("calls go through".into(), cx.theme.text),
            BreakerState::Open { retry_in_ms } => {
                (format!("! calls are held back; the next try in {} s", retry_in_ms.div_ceil(1000)), cx.theme.warning)
            }
            BreakerState::HalfOpen => ("! one call goes through as a trial".into(), cx.theme.warning),
        };
        let label = if at == 0 { "breakers" } else { "" };
        lines.extend(labelled(label, &format!("{}: {words}", safe(kind)), style, room, cx));
    }
    lines
}

fn cache(seen: &Monitored, room: usize, cx: &Cx) -> Vec<Line<'static>> {
    let figures = match &seen.cache {
        Ok(figures) => figures,
        Err(fault) => return wrong("cache", fault, room, cx),
    };
    let hits =
        figures.hit_percent().map_or_else(|| "not asked yet".to_owned(), |percent| format!("{percent} % at hand"));
    let head = format!("{hits}, {} of {}", amount::bytes(figures.bytes), amount::bytes(figures.most_bytes));
    let mut lines = labelled("cache", &head, cx.theme.text, room, cx);
    for kind in &figures.kinds {
        let hits = kind.hit_percent().map_or_else(|| "—".to_owned(), |percent| format!("{percent} %"));
        let words = format!(
            "{} {} of {} look-ups, {} kept, {}",
            fit(&safe(&kind.name), 10),
            fit_right(&hits, 5),
            kind.hits + kind.misses,
            kind.entries,
            amount::bytes(kind.bytes)
        );
        lines.extend(labelled("", &words, cx.theme.dim, room, cx));
    }
    lines
}

fn told(label: &str, words: Result<String, &Fault>, room: usize, cx: &Cx) -> Vec<Line<'static>> {
    match words {
        Ok(words) => labelled(label, &words, cx.theme.text, room, cx),
        Err(fault) => wrong(label, fault, room, cx),
    }
}

fn wrong(label: &str, fault: &Fault, room: usize, cx: &Cx) -> Vec<Line<'static>> {
    labelled(label, &format!("✗ {}", safe(&fault.message)), cx.theme.error, room, cx)
}

impl Tab for MonitorTab {
    fn shown(&mut self, cx: &Cx) -> Vec<Effect> {
        if is_admin(cx) { self.read(false) } else { Vec::new() }
    }

    fn refresh(&mut self, cx: &Cx) -> Vec<Effect> {
        let mut effects = if is_admin(cx) { self.read(true) } else { Vec::new() };
        effects.push(Effect::Shell(ShellCall::CheckHealth));
        effects
    }

    fn changed(&mut self, cx: &Cx) -> Vec<Effect> {
        self.shown(cx)
    }

    fn on_action(&mut self, action: Action, _cx: &Cx) -> Option<Step> {
        let page = 10;
        self.top = match action {
            Action::ModelsUp => self.top.saturating_sub(1),
            Action::ModelsDown => self.top + 1,
            Action::ModelsPageUp => self.top.saturating_sub(page),
            Action::ModelsPageDown => self.top + page,
            Action::ModelsTop => 0,
            Action::ModelsBottom => u16::MAX,
            _ => return None,
        }
        .min(self.top.saturating_add(self.hidden.get()));
        Some(Step::default())
    }

    fn on_key(&mut self, _key: KeyEvent, _cx: &Cx) -> Option<Vec<Effect>> {
        None
    }

    fn on_paste(&mut self, _text: String, _cx: &Cx) -> Vec<Effect> {
        Vec::new()
    }

    fn on_mouse(&mut self, mouse: MouseEvent, _area: Rect, cx: &Cx) -> Vec<Effect> {
        let action = match mouse.kind {
            MouseEventKind::ScrollUp => Action::ModelsUp,
            MouseEventKind::ScrollDown => Action::ModelsDown,
            _ => return Vec::new(),
        };
        self.on_action(action, cx).map(|step| step.effects).unwrap_or_default()
    }

    fn context(&self) -> Context {
        Context::Models
    }

    fn offers(&self) -> Context {
        Context::Models
    }

    fn is_busy(&self) -> bool {
        self.is_reading
    }

    fn holds(&self) -> bool {
        false
    }

    fn footer(&self, cx: &Cx) -> Vec<Hint> {
        cx.hints(&[(Action::Refresh, "ask again"), (Action::ModelsAll, "all models"), (Action::Escape, "back")])
    }

    fn view(&self, frame: &mut Frame, area: Rect, _whole: Rect, cx: &Cx, in_front: bool) {
        let below = match &self.seen {
            Some(_) => format!("as of {}", cx.clock(self.seen_at)),
            None => String::new(),
        };
        let inner = boxed(frame, area, "Monitor", &below, in_front, cx);
        if !is_admin(cx) {
            return instead(frame, inner, None, false, "The monitor is for administrators.", cx);
        }
        let Some(seen) = &self.seen else { return instead(frame, inner, None, true, "", cx) };
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        let lines = self.lines(seen, usize::from(inner.width), cx);
        let most = (lines.len() as u16).saturating_sub(inner.height);
        let top = self.top.min(most);
        self.hidden.set(most - top);
        frame.render_widget(Paragraph::new(lines).scroll((top, 0)), inner);
    }
}
