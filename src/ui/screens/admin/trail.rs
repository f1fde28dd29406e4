//! The tab with the audit trail: newest first, read page by page; verified when it is opened first, and on a key.

use jiff::{
    Timestamp,
    civil::{Date, DateTime, Time},
};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::{Line, Span},
    widgets::Paragraph,
};

use super::{
    Step,
    dialog::{Ask, Fill},
    part::{House, Part},
    table::{Drawn, boxed, broken, first_row, fit, fit_right, instead, labelled, row_style, safe},
};
use crate::{
    api::{
        Fault,
        admin::{Anchor, AuditEntry, AuditFilter, AuditPage, AuditVerdict, Policy},
    },
    ui::{
        actions::{Action, Context},
        cx::{Cx, Hint},
        msg::{AdminCall, Effect},
        widgets::toast::Toast,
    },
};

/// Entries read at a time.
const PAGE: u32 = 50;
const AHEAD: usize = 10;
/// Rows of the entry under the cursor, in full.
const FULL: u16 = 8;

#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own; no two of them make a state")]
pub struct Trail {
    filter: AuditFilter,
    rows: Vec<AuditEntry>,
    more: bool,
    at: usize,
    loading: bool,
    fault: Option<Fault>,
    asked: u64,
    appends: bool,
    verdict: Option<Result<AuditVerdict, Fault>>,
    verifying: bool,
    drawn: Drawn,
}

/// Which end of a span of time a date stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Begins,
    Ends,
}

/// What a person typed as a moment, in milliseconds since 1970; `None` when nothing was typed.
///
/// # Errors
/// When it is no date.
pub fn moment(text: &str, when: When, cx: &Cx) -> Result<Option<i64>, Fault> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let at = match (text.parse::<Date>().ok().filter(|_| text.len() <= 10), text.parse::<DateTime>()) {
        (Some(date), _) => {
            let time = match when {
                When::Begins => Time::midnight(),
                When::Ends => Time::MAX,
            };
            date.to_datetime(time)
        }
        (None, Ok(at)) => at,
        (None, Err(_)) => return Err(no_moment()),
    };
    let at = at.to_zoned(cx.zone.clone()).map_err(|_| no_moment())?.timestamp().as_millisecond();
    Ok(Some(at))
}

fn no_moment() -> Fault {
    Fault::invalid("That is no date.").hint("Write it like 2026-11-24 or 2026-11-24 10:02.")
}

/// A moment as it can be typed.
#[must_use]
pub fn written(at: Option<i64>, cx: &Cx) -> String {
    let zoned = at.and_then(|at| Timestamp::from_millisecond(at).ok()).map(|at| at.to_zoned(cx.zone.clone()));
    zoned.map(|at| at.strftime("%Y-%m-%d %H:%M").to_string()).unwrap_or_default()
}

/// The moment to the second, with its zone's offset.
fn exact(at: i64, cx: &Cx) -> String {
    let zoned = Timestamp::from_millisecond(at).ok().map(|at| at.to_zoned(cx.zone.clone()));
    zoned.map(|at| at.strftime("%Y-%m-%d %H:%M:%S %:z").to_string()).unwrap_or_default()
}

/// What verifying found, in words, and whether it is as it should be.
#[must_use]
pub fn verdict_words(verdict: &AuditVerdict) -> (bool, String) {
    let entries = match verdict.entries {
        1 => "1 entry".to_owned(),
        many => format!("{many} entries"),
    };
    if let Some(broken) = verdict.broken_at {
        let words = format!(
            "broken at entry {broken}: it was changed, put in, or one before it was taken out. \
             What is older fits together."
        );
        return (false, words);
    }
    match verdict.anchor {
        Anchor::CutOff { seq } => (
            false,
            format!("cut off: your vault remembers entry {seq}, and the trail ends before it. {entries} are left."),
        ),
        Anchor::Mismatch { seq } => (
            false,
            format!("rewritten: entry {seq} is another one than your vault remembers, though all of it fits together."),
        ),
        Anchor::Holds { seq } => {
            (true, format!("sound: {entries} fit together, and entry {seq} is as you last saw it."))
        }
        Anchor::New => (
            true,
            format!(
                "sound: {entries} fit together. This is your first look; from now on your vault remembers its end."
            ),
        ),
    }
}

impl Trail {
    /// There are new entries. They are shown unless somebody reads further down, or would lose what is on its way.
    fn grown(&mut self) -> Vec<Effect> {
        if self.at == 0 && !self.loading && !self.verifying { self.read() } else { Vec::new() }
    }

    fn verify(&mut self) -> Vec<Effect> {
        self.verifying = true;
        vec![Effect::Admin(AdminCall::Verify)]
    }

    fn read(&mut self) -> Vec<Effect> {
        self.appends = false;
        self.ask(None)
    }

    fn ask(&mut self, before: Option<i64>) -> Vec<Effect> {
        self.asked += 1;
        self.loading = true;
        let filter = self.filter.clone();
        vec![Effect::Admin(AdminCall::Audit { asked: self.asked, filter, before, limit: PAGE })]
    }

    fn read_on(&mut self) -> Vec<Effect> {
        if self.loading || !self.more || self.at + AHEAD < self.rows.len() {
            return Vec::new();
        }
        self.appends = true;
        self.ask(self.rows.last().map(|entry| entry.seq))
    }

    pub fn on_page(&mut self, asked: u64, page: Result<AuditPage, Fault>) -> Vec<Effect> {
        if asked != self.asked {
            return Vec::new();
        }
        self.loading = false;
        match page {
            Ok(page) => {
                self.fault = None;
                self.more = page.more;
                if self.appends {
                    self.rows.extend(page.rows);
                } else {
                    self.rows = page.rows;
                    self.at = 0;
                }
            }
            Err(fault) => self.fault = Some(fault),
        }
        Vec::new()
    }

    /// The list begins with the entry that verifying left, so it is read anew unless somebody is further down.
    pub fn on_verified(&mut self, verdict: Result<AuditVerdict, Fault>) -> Vec<Effect> {
        self.verifying = false;
        self.verdict = Some(verdict);
        if self.at == 0 { self.read() } else { Vec::new() }
    }

    pub fn on_pruned(&mut self, gone: u64) -> Vec<Effect> {
        let words = match gone {
            0 => "Nothing was old enough to be removed.".to_owned(),
            1 => "1 entry was removed by rule.".to_owned(),
            many => format!("{many} entries were removed by rule."),
        };
        let mut effects = vec![Effect::Toast(Toast::good(words))];
        effects.extend(self.read());
        effects.extend(self.verify());
        effects
    }

    pub fn set_filter(&mut self, filter: AuditFilter) -> Vec<Effect> {
        self.filter = filter;
        self.read()
    }

    fn prune(policy: Option<&Policy>) -> Step {
        let Some(policy) = policy else {
            return vec![Effect::Toast(Toast::notice("The rules of the house are not read yet; try again."))].into();
        };
        match policy.audit_keep_days {
            None => {
                let toast = Toast::notice("The audit trail is kept for ever here.")
                    .hint("How long it is kept is one of the rules of the house.");
                vec![Effect::Toast(toast)].into()
            }
            Some(days) => Ask::dialog(
                "Prune the audit trail?",
                format!(
                    "Entries older than {days} days are removed for good. What stays can be verified all the same, \
                     and an entry says that it was done. Write them to a file first if you may need them."
                ),
                "Remove them",
                AdminCall::Prune,
            )
            .into(),
        }
    }

    /// What is listed, in words: for the box's title.
    fn title(&self, cx: &Cx) -> String {
        let mut parts = vec!["Audit trail".to_owned()];
        let filter = &self.filter;
        for (label, text) in [("action", &filter.action), ("who", &filter.who), ("result", &filter.result)] {
            if !text.is_empty() {
                parts.push(format!("{label} {}", safe(text)));
            }
        }
        for (label, at) in [("since", filter.since), ("until", filter.until)] {
            if at.is_some() {
                parts.push(format!("{label} {}", written(at, cx)));
            }
        }
        parts.join(" · ")
    }

    fn verdict_lines(&self, room: usize, cx: &Cx) -> Vec<Line<'static>> {
        if self.verifying {
            let words = " Verifying every entry…";
            return vec![Line::from(vec![
                Span::styled(format!(" {}", cx.spinner()), cx.theme.accent),
                Span::styled(words, cx.theme.dim),
            ])];
        }
        let (mark, style, words) = match &self.verdict {
            None => return Vec::new(),
            Some(Err(fault)) => ("?", cx.theme.warning, format!("not verified: {}", safe(&fault.to_string()))),
            Some(Ok(verdict)) => match verdict_words(verdict) {
                (true, words) => ("✓", cx.theme.success, words),
                (false, words) => ("✗", cx.theme.error, words),
            },
        };
        let lines = broken(&words, style, room.saturating_sub(4));
        let front = |row| Span::styled(if row == 0 { format!(" {mark} ") } else { "   ".to_owned() }, style);
        lines.into_iter().enumerate().take(3).map(|(row, line)| line.after(vec![front(row)])).collect()
    }

    fn view_list(&self, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool) {
        let room = usize::from(area.width);
        let height = usize::from(area.height);
        let first = first_row(self.at, self.rows.len(), height);
        self.drawn.rows(area, first, self.rows.len());
        let is_wide = room >= 70;
        let rest = room.saturating_sub(2 + 11 + 1);
        let lines = self.rows.iter().enumerate().skip(first).take(height).map(|(at, entry)| {
            let selected = at == self.at;
            let base = row_style(selected, focused, cx);
            let quiet = if selected { base } else { cx.theme.dim };
            let went = match entry.result.as_str() {
                "ok" | "sound" => quiet,
                _ if selected => base,
                _ => cx.theme.warning,
            };
            let cursor = if selected { "›" } else { " " };
            let actor = entry.actor_name.as_deref().map_or_else(|| "–".to_owned(), safe);
            let mut spans = vec![Span::styled(format!("{cursor} "), base)];
            if is_wide {
                let target_room = rest.saturating_sub(7 + 14 + 21 + 11);
                spans.push(Span::styled(format!("{} ", fit_right(&entry.seq.to_string(), 6)), quiet));
                spans.push(Span::styled(format!("{} ", fit(&cx.clock(entry.at), 11)), quiet));
                spans.push(Span::styled(format!("{} ", fit(&actor, 13)), base));
                spans.push(Span::styled(format!("{} ", fit(&safe(&entry.action), 20)), base));
                spans.push(Span::styled(format!("{} ", fit(&safe(&entry.target), target_room)), quiet));
                spans.push(Span::styled(fit(&safe(&entry.result), 10), went));
            } else {
                let actor_room = rest / 3;
                let action_room = rest.saturating_sub(actor_room + 10);
                spans.push(Span::styled(format!("{} ", fit(&cx.clock(entry.at), 11)), quiet));
                spans.push(Span::styled(format!("{} ", fit(&actor, actor_room)), base));
                spans.push(Span::styled(format!("{} ", fit(&safe(&entry.action), action_room)), base));
                spans.push(Span::styled(fit(&safe(&entry.result), 8), went));
            }
            Line::from(spans)
        });
        frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), area);
    }
}

fn view_entry(entry: &AuditEntry, frame: &mut Frame, area: Rect, cx: &Cx) {
    let inner = boxed(frame, area, &format!("Entry {}", entry.seq), "", false, cx);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let room = usize::from(inner.width);
    let actor = entry.actor_name.as_deref().map_or_else(|| "nobody signed in".to_owned(), safe);
    let rows = [
        ("when", exact(entry.at, cx)),
        ("who", format!("{actor}, OS user {}", entry.os_uid)),
        ("what", format!("{}: {}", safe(&entry.action), safe(&entry.result))),
        ("to", if entry.target.is_empty() { "–".to_owned() } else { safe(&entry.target) }),
        ("hash", safe(&entry.hash)),
    ];
    let lines: Vec<Line> = rows
        .iter()
        .flat_map(|(label, text)| {
            // The hash may be compared, so it is whole; the others are cut rather than push it out.
            let most = if *label == "hash" { 2 } else { 1 };
            labelled(label, text, cx.theme.text, room, cx).into_iter().take(most)
        })
        .collect();
    frame.render_widget(Paragraph::new(lines), inner);
}

impl Part for Trail {
    fn house_changed(&mut self) -> Vec<Effect> {
        self.grown()
    }

    /// Verified the first time; later only when asked for, since looking leaves an entry too.
    fn open(&mut self) -> Vec<Effect> {
        let mut effects = self.read();
        if self.verdict.is_none() && !self.verifying {
            effects.extend(self.verify());
        }
        effects
    }

    fn context(&self) -> Context {
        Context::Audit
    }

    fn on_action(&mut self, action: Action, house: &House, cx: &Cx) -> Option<Step> {
        let last = self.rows.len().saturating_sub(1);
        let page = usize::from(cx.size.1.saturating_sub(16)).max(1);
        match action {
            Action::AdminUp => self.at = self.at.saturating_sub(1),
            Action::AdminDown => self.at = (self.at + 1).min(last),
            Action::AdminTop => self.at = 0,
            Action::AdminBottom => self.at = last,
            Action::AdminPageUp => self.at = self.at.saturating_sub(page),
            Action::AdminPageDown => self.at = (self.at + page).min(last),
            Action::FocusNext | Action::FocusPrevious => {}
            Action::Escape if self.filter != AuditFilter::default() => {
                return Some(self.set_filter(AuditFilter::default()).into());
            }
            Action::TrailFilter => return Some(Fill::trail_filter(&self.filter, cx).into()),
            Action::TrailVerify if self.verifying => {}
            Action::TrailVerify => return Some(self.verify().into()),
            Action::TrailExport => return Some(Fill::export(self.filter.clone()).into()),
            Action::TrailPrune => return Some(Self::prune(house.policy.as_ref())),
            _ => return None,
        }
        Some(self.read_on().into())
    }

    /// Selects the entry that was drawn there; at the end the entries before it are read.
    fn clicked(&mut self, at: (u16, u16), _cx: &Cx) -> Vec<Effect> {
        let Some(row) = self.drawn.at(at).filter(|row| *row < self.rows.len()) else { return Vec::new() };
        self.at = row;
        self.read_on()
    }

    fn is_busy(&self) -> bool {
        self.loading || self.verifying
    }

    fn footer(&self, cx: &Cx) -> Vec<Hint> {
        cx.hints(&[
            (Action::TrailFilter, "filter"),
            (Action::TrailVerify, "verify"),
            (Action::TrailExport, "to a file"),
            (Action::TrailPrune, "prune"),
            (Action::AdminPageDown, "page"),
        ])
    }

    fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool) {
        let verdict = self.verdict_lines(usize::from(area.width), cx);
        let full = if area.height >= FULL + 10 { FULL } else { 0 };
        let [top, list, pane] = Layout::vertical([
            Constraint::Length(u16::try_from(verdict.len()).unwrap_or(0)),
            Constraint::Min(0),
            Constraint::Length(full),
        ])
        .areas(area);
        frame.render_widget(Paragraph::new(verdict), top);
        let below = match (self.rows.len(), self.more) {
            (0, _) => String::new(),
            (loaded, true) => format!("{loaded} read, more below"),
            (loaded, false) => format!("{loaded} in all"),
        };
        let inner = boxed(frame, list, &self.title(cx), &below, focused, cx);
        self.drawn.clear();
        if self.rows.is_empty() || self.fault.is_some() {
            let empty = "No entry is like that. Esc takes the filter away.";
            return instead(frame, inner, self.fault.as_ref(), self.loading, empty, cx);
        }
        self.view_list(frame, inner, cx, focused);
        if let Some(entry) = self.rows.get(self.at).filter(|_| !pane.is_empty()) {
            view_entry(entry, frame, pane, cx);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(broken_at: Option<i64>, anchor: Anchor) -> AuditVerdict {
        AuditVerdict { first: Some(1), last: Some(60), entries: 60, broken_at, anchor }
    }

    #[test]
    fn the_verdict_is_told_in_words() {
        for (verdict, sound, word) in [
            (verdict(None, Anchor::New), true, "first look"),
            (verdict(None, Anchor::Holds { seq: 40 }), true, "entry 40 is as you last saw it"),
            (verdict(None, Anchor::CutOff { seq: 40 }), false, "cut off"),
            (verdict(None, Anchor::Mismatch { seq: 40 }), false, "rewritten"),
            (verdict(Some(12), Anchor::Holds { seq: 40 }), false, "broken at entry 12"),
        ] {
            let (is_sound, words) = verdict_words(&verdict);
            assert_eq!((is_sound, verdict.is_sound()), (sound, sound));
            assert!(words.contains(word), "{words}");
        }
    }

    #[test]
    fn a_day_reaches_from_its_first_moment_to_its_last() {
        let cx = Cx::fixed();
        let begins = moment("2026-11-24", When::Begins, &cx).unwrap().unwrap();
        let ends = moment("2026-11-24", When::Ends, &cx).unwrap().unwrap();
        assert_eq!(ends - begins, 24 * 60 * 60 * 1000 - 1);
        assert_eq!(moment("2026-11-24 10:02", When::Ends, &cx).unwrap(), Some(1_795_514_520_000));
        assert_eq!(moment(" ", When::Ends, &cx).unwrap(), None);
        assert!(moment("yesterday", When::Ends, &cx).is_err());
    }

    #[test]
    fn what_is_written_can_be_typed_again() {
        let cx = Cx::fixed();
        let text = written(Some(cx.now_ms), &cx);
        assert_eq!(moment(&text, When::Begins, &cx).unwrap(), Some(cx.now_ms));
    }
}
