//! The tab with the audit trail: newest first, read page by page; verified when it is opened first, and on a key.

use jiff::{
    Timestamp,
    civil::{Date, DateTime, Time},
};
use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
    widgets::Paragraph,
};

use super::{
    Step,
    dialog::{Ask, Fill},
    part::{House, Part},
    table::{boxed, broken, fit, fit_right, labelled, row_style, safe},
};
use crate::{
    api::{
        Fault,
        admin::{Anchor, AuditEntry, AuditFilter, AuditPage, AuditVerdict, Policy},
        amount,
    },
    ui::{
        actions::{Action, Context},
        cx::{Cx, Hint},
        msg::{AdminCall, Effect},
        widgets::{
            rows::{Keyed, Paged, with_one_in_full},
            toast::Toast,
        },
    },
};

/// Entries read at a time.
const PAGE: u32 = 50;
/// Rows of the entry under the cursor, in full.
const FULL: u16 = 8;

#[derive(Debug, Default)]
pub struct Trail {
    filter: AuditFilter,
    list: Paged<AuditEntry>,
    /// The last question, and before which entry its answer begins.
    asked: (u64, Option<i64>),
    verdict: Option<Result<AuditVerdict, Fault>>,
    verifying: bool,
}

impl Keyed for AuditEntry {
    fn key(&self) -> i64 {
        self.seq
    }
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
    let entries = amount::many(verdict.entries, "entry");
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
        if self.list.at() == 0 && !self.list.is_loading() && !self.verifying { self.read() } else { Vec::new() }
    }

    fn verify(&mut self) -> Vec<Effect> {
        self.verifying = true;
        vec![Effect::Admin(AdminCall::Verify)]
    }

    fn read(&mut self) -> Vec<Effect> {
        self.list.anew();
        self.ask(None)
    }

    fn ask(&mut self, before: Option<i64>) -> Vec<Effect> {
        self.asked = (self.asked.0 + 1, before);
        let filter = self.filter.clone();
        vec![Effect::Admin(AdminCall::Audit { asked: self.asked.0, filter, before, limit: PAGE })]
    }

    fn read_on(&mut self) -> Vec<Effect> {
        match self.list.read_on() {
            Some(before) => self.ask(Some(before)),
            None => Vec::new(),
        }
    }

    pub fn on_page(&mut self, asked: u64, page: Result<AuditPage, Fault>) -> Vec<Effect> {
        if asked == self.asked.0 {
            let page = page.map(|page| {
                let next = page.rows.last().map(|entry| entry.seq).filter(|_| page.more);
                (page.rows, next)
            });
            self.list.came(self.asked.1, page);
        }
        Vec::new()
    }

    /// The list begins with the entry that verifying left, so it is read anew unless somebody is further down.
    pub fn on_verified(&mut self, verdict: Result<AuditVerdict, Fault>) -> Vec<Effect> {
        self.verifying = false;
        self.verdict = Some(verdict);
        if self.list.at() == 0 { self.read() } else { Vec::new() }
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
        self.list.replaced();
        self.ask(None)
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
        let is_wide = room >= 70;
        let rest = room.saturating_sub(2 + 11 + 1);
        let empty = if self.filter == AuditFilter::default() {
            "There is no entry yet.".to_owned()
        } else {
            format!("No entry is like that. {} takes the filter away.", cx.key(Action::Escape))
        };
        self.list.view(frame, area, &empty, cx, |entry, selected| {
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
        if self.list.go(action) {
            return Some(self.read_on().into());
        }
        match action {
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
        Some(Vec::new().into())
    }

    /// Selects the entry that was drawn there; at the end the entries before it are read.
    fn clicked(&mut self, at: (u16, u16), _cx: &Cx) -> Vec<Effect> {
        if self.list.click(at).is_some() { self.read_on() } else { Vec::new() }
    }

    fn is_busy(&self) -> bool {
        self.list.is_loading() || self.verifying
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
        let chosen = self.list.chosen().filter(|_| !self.list.has_failed());
        let [top, list, pane] = with_one_in_full(area, verdict.len(), FULL, chosen.is_some());
        frame.render_widget(Paragraph::new(verdict), top);
        let inner = boxed(frame, list, &self.title(cx), &self.list.extent(), focused, cx);
        self.view_list(frame, inner, cx, focused);
        if let Some(entry) = chosen.filter(|_| !pane.is_empty()) {
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
