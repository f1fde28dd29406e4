//! The rules for old conversations: five numbers, then exactly what they would do, then whether they are kept.

use std::collections::BTreeMap;

use crossterm::event::KeyEvent;
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Margin, Rect},
    text::{Line, Span, Text},
    widgets::{Paragraph, Wrap},
};

use super::{
    ChatScreen,
    arrange::organise,
    state::{Answer, Overlay, Question},
};
use crate::{
    api::{
        Fault, amount,
        organise::Cursor,
        retention::{Due, Fate, Preview, Report, Retention, RetentionRules, Total, Why, size_of, size_text},
    },
    safe_text::SafeText,
    ui::{
        actions::Action,
        cx::Cx,
        msg::{ChatCall, Effect, OrganiseCall},
        widgets::{
            form::{Form, FormOut},
            modal,
            picker::cut,
            toast::Toast,
        },
    },
};

/// Rows of a preview that are read at a time.
const PAGE: u32 = 50;

#[derive(Debug)]
pub struct RulesDialog {
    form: Form,
    told: Option<Retention>,
    asked: u64,
    preview: Option<Shown>,
}

/// A preview on view.
#[derive(Debug)]
struct Shown {
    rules: RetentionRules,
    totals: Vec<Total>,
    spared: u32,
    rows: Vec<Due>,
    next: Option<Cursor>,
    at: usize,
}

impl RulesDialog {
    fn new() -> Self {
        let form = Form::default()
            .text("Archive after days")
            .text("Trash after days")
            .text("Keep conversations")
            .text("Keep bytes (500MB)")
            .text("Empty trash after days")
            .waiting("Looking at what they would do…");
        Self { form, told: None, asked: 0, preview: None }
    }

    fn rules(&self) -> Result<RetentionRules, (Fault, usize)> {
        let number = |row: usize| -> Result<Option<u32>, (Fault, usize)> {
            match self.form.value(row).trim() {
                "" | "off" => Ok(None),
                text => {
                    text.parse().map(Some).map_err(|_| (Fault::invalid("Write a number, or nothing for no rule."), row))
                }
            }
        };
        let rules = RetentionRules {
            archive_after_days: number(0)?,
            trash_after_days: number(1)?,
            keep_conversations: number(2)?,
            keep_bytes: match self.form.value(3).trim() {
                "" | "off" => None,
                text => Some(size_of(text).map_err(|fault| (fault, 3))?),
            },
            purge_after_days: number(4)?,
        };
        rules.check().map_err(|fault| (fault, 0))?;
        Ok(rules)
    }

    pub(super) fn is_list(&self) -> bool {
        self.preview.is_some()
    }

    pub(super) fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        match &self.preview {
            Some(shown) => shown.view(frame, area, cx),
            None => self.view_form(frame, area, cx),
        }
    }

    fn view_form(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let hints = cx.hints(&[(Action::Submit, "next, then preview"), (Action::Cancel, "back")]);
        let inner =
            modal::open(frame, area, cx, "Rules for old conversations", (72, 19), &hints).inner(Margin::new(2, 0));
        let [words, fields, last] =
            Layout::vertical([Constraint::Length(4), Constraint::Min(0), Constraint::Length(2)]).areas(inner);
        let text = "What is left empty is no rule. Days count while nothing is said and nothing is changed. What is pinned or \
                    archived is never touched. First you see what would go.";
        frame.render_widget(Paragraph::new(Text::styled(text, cx.theme.dim)).wrap(Wrap { trim: true }), words);
        self.form.view(frame, fields, cx);
        let last_run = match &self.told {
            None => "Reading…".to_owned(),
            Some(Retention { waits_until: Some(until), .. }) => {
                format!("The clock leapt ahead; on their own they wait until {}.", cx.clock(*until))
            }
            Some(told) => match told.reports.first() {
                Some(report) => format!("Last: {} · {}", cx.clock(report.at), said(report)),
                None => "They have not done anything yet.".to_owned(),
            },
        };
        frame.render_widget(Paragraph::new(Text::styled(last_run, cx.theme.dim)).wrap(Wrap { trim: true }), last);
    }
}

impl Shown {
    fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let hints = cx.hints(&[
            (Action::ListAccept, "go on"),
            (Action::ListDown, "down"),
            (Action::ListUp, "up"),
            (Action::ListClose, "back"),
        ]);
        let height = area.height.saturating_sub(2).clamp(8, 24);
        let inner = modal::open(frame, area, cx, "What these rules would do now", (76, height), &hints);
        let inner = inner.inner(Margin::new(1, 0));
        let mut head: Vec<Line> =
            self.totals.iter().map(|total| Line::styled(total_words(total), cx.theme.text)).collect();
        if head.is_empty() {
            head.push(Line::styled("Nothing is due now.", cx.theme.text));
        }
        if self.spared > 0 {
            let what = amount::many(self.spared, "conversation");
            let stay = if self.spared == 1 { "stays" } else { "stay" };
            let text = format!("{what} {stay} in the trash: pinned or archived.");
            head.push(Line::styled(text, cx.theme.dim));
        }
        let used = u16::try_from(head.len()).unwrap_or(4) + 1;
        let [top, list] = Layout::vertical([Constraint::Length(used), Constraint::Min(0)]).areas(inner);
        frame.render_widget(Text::from(head), top);
        let rows = usize::from(list.height);
        let first = self.at.saturating_sub(rows / 2).min(self.rows.len().saturating_sub(rows));
        for (row, (at, due)) in (0u16..).zip(self.rows.iter().enumerate().skip(first).take(rows)) {
            let selected = at == self.at;
            let (mark, style) = if selected { ("›", cx.theme.selection) } else { (" ", cx.theme.text) };
            let detail = format!("{} · {} · {}", fate(due.fate), why(due.why), amount::bytes(due.bytes));
            let width = usize::from(list.width);
            let room = width.saturating_sub(detail.chars().count() + 5).max(8);
            let title = cut(SafeText::line(&due.title).as_str(), room);
            let gap = width
                .saturating_sub(3 + unicode_width::UnicodeWidthStr::width(title.as_str()) + detail.chars().count());
            let quiet = if selected { style } else { cx.theme.dim };
            let line = Line::from(vec![
                Span::styled(format!("{mark} {title}"), style),
                Span::styled(" ".repeat(gap), style),
                Span::styled(detail, quiet),
            ]);
            frame.render_widget(line, Rect { y: list.y + row, height: 1, ..list });
        }
    }
}

impl ChatScreen {
    pub(super) fn open_rules(&mut self) -> Vec<Effect> {
        self.overlay = Some(Overlay::Rules(Box::new(RulesDialog::new())));
        vec![organise(OrganiseCall::Retention)]
    }

    pub(super) fn on_retention(&mut self, told: Result<Box<Retention>, Fault>) -> Vec<Effect> {
        let Some(Overlay::Rules(dialog)) = &mut self.overlay else { return Vec::new() };
        match told {
            Ok(told) => {
                let rules = told.rules;
                let number = |value: Option<u32>| value.map(|value| value.to_string()).unwrap_or_default();
                let values = [
                    number(rules.archive_after_days),
                    number(rules.trash_after_days),
                    number(rules.keep_conversations),
                    rules.keep_bytes.map(size_text).unwrap_or_default(),
                    number(rules.purge_after_days),
                ];
                // From the last to the first, so that the first is the one in use.
                for (row, value) in values.iter().enumerate().rev() {
                    dialog.form.fill(row, value);
                }
                dialog.told = Some(*told);
                Vec::new()
            }
            Err(fault) => {
                self.overlay = None;
                vec![Effect::Toast(Toast::fault(&fault))]
            }
        }
    }

    pub(super) fn rules_action(&mut self, action: Action) -> Option<Vec<Effect>> {
        let Some(Overlay::Rules(dialog)) = &mut self.overlay else { return None };
        if let Some(shown) = &mut dialog.preview {
            let last = shown.rows.len().saturating_sub(1);
            match action {
                Action::ListUp => shown.at = shown.at.saturating_sub(1),
                Action::ListDown => shown.at = (shown.at + 1).min(last),
                Action::ListPageUp => shown.at = shown.at.saturating_sub(10),
                Action::ListPageDown => shown.at = (shown.at + 10).min(last),
                Action::ListAccept => {
                    let (rules, due) = (shown.rules, !shown.totals.is_empty());
                    return Some(self.ask_to_keep(rules, due));
                }
                Action::ListClose | Action::Escape | Action::Interrupt => {
                    dialog.preview = None;
                    return Some(Vec::new());
                }
                _ => return None,
            }
            return Some(self.more_of_preview());
        }
        match dialog.form.on_action(action).ok()? {
            Some(FormOut::Cancelled) => {
                self.overlay = None;
                Some(Vec::new())
            }
            Some(FormOut::Submitted) => Some(self.ask_preview()),
            Some(FormOut::Changed(_)) | None => Some(Vec::new()),
        }
    }

    pub(super) fn rules_key(&mut self, key: KeyEvent) -> Option<Vec<Effect>> {
        let Some(Overlay::Rules(dialog)) = &mut self.overlay else { return None };
        if dialog.preview.is_none() {
            let _ = dialog.form.on_key(key);
        }
        Some(Vec::new())
    }

    pub(super) fn rules_paste(&mut self, text: &str) -> Vec<Effect> {
        if let Some(Overlay::Rules(dialog)) = &mut self.overlay {
            let _ = dialog.form.on_paste(text);
        }
        Vec::new()
    }

    fn ask_preview(&mut self) -> Vec<Effect> {
        self.asked += 1;
        let asked = self.asked;
        let Some(Overlay::Rules(dialog)) = &mut self.overlay else { return Vec::new() };
        match dialog.rules() {
            Ok(rules) => {
                dialog.asked = asked;
                dialog.form.busy = true;
                vec![organise(OrganiseCall::Preview { asked, rules, after: None, limit: PAGE })]
            }
            Err((fault, row)) => {
                dialog.form.ask(fault, row);
                Vec::new()
            }
        }
    }

    /// The next page when the end of what is here comes near.
    fn more_of_preview(&mut self) -> Vec<Effect> {
        self.asked += 1;
        let next_asked = self.asked;
        let Some(Overlay::Rules(dialog)) = &mut self.overlay else { return Vec::new() };
        let Some(shown) = &mut dialog.preview else { return Vec::new() };
        if shown.at + 10 < shown.rows.len() {
            return Vec::new();
        }
        let Some(after) = shown.next.take() else { return Vec::new() };
        dialog.asked = next_asked;
        let (asked, rules) = (next_asked, shown.rules);
        vec![organise(OrganiseCall::Preview { asked, rules, after: Some(after), limit: PAGE })]
    }

    pub(super) fn on_preview(&mut self, asked: u64, preview: Result<Box<Preview>, Fault>) -> Vec<Effect> {
        let Some(Overlay::Rules(dialog)) = &mut self.overlay else { return Vec::new() };
        if dialog.asked != asked {
            return Vec::new();
        }
        dialog.form.busy = false;
        let preview = match preview {
            Ok(preview) => *preview,
            Err(fault) => {
                dialog.form.ask(fault, 0);
                dialog.preview = None;
                return Vec::new();
            }
        };
        let Preview { totals, spared, page } = preview;
        if let Some(shown) = &mut dialog.preview {
            shown.rows.extend(page.rows);
            shown.next = page.next;
        } else {
            match dialog.rules() {
                Ok(rules) => {
                    dialog.preview = Some(Shown { rules, totals, spared, rows: page.rows, next: page.next, at: 0 });
                }
                Err((fault, row)) => dialog.form.ask(fault, row),
            }
        }
        Vec::new()
    }

    fn ask_to_keep(&mut self, rules: RetentionRules, due: bool) -> Vec<Effect> {
        let keep = ("Keep the rules; they act once a day", Answer::KeepRules { rules, run: false });
        let run = ("Keep the rules and act now", Answer::KeepRules { rules, run: true });
        let mut answers = vec![keep];
        if due && rules.are_on() {
            answers.push(run);
        }
        answers.push(("Leave the rules as they were", Answer::Nothing));
        let text = if rules.are_on() {
            "They are looked at when you come in and once a day while the vault is open."
        } else {
            "No rule is set any more: nothing goes away on its own."
        };
        self.overlay = Some(Overlay::Question(Question {
            title: "Rules for old conversations".to_owned(),
            text: text.to_owned(),
            answers,
            at: 0,
        }));
        Vec::new()
    }

    pub(super) fn on_retention_set(set: Result<Option<Report>, Fault>) -> Vec<Effect> {
        let toast = match set {
            Ok(None) => Toast::good("The rules are kept."),
            Ok(Some(report)) => Toast::good(format!("The rules are kept; {}.", said(&report))),
            Err(fault) => Toast::fault(&fault),
        };
        vec![Effect::Toast(toast), Effect::Chat(ChatCall::Tree)]
    }
}

/// What a run did, in half a sentence.
pub(super) fn said(report: &Report) -> String {
    let said: BTreeMap<u8, String> = [
        (0, report.archived, "archived"),
        (1, report.trashed, "moved to the trash"),
        (2, report.purged, "removed for good"),
    ]
    .into_iter()
    .filter(|(_, count, _)| *count > 0)
    .map(|(place, count, what)| (place, format!("{count} {what}")))
    .collect();
    if said.is_empty() {
        return "nothing was due".to_owned();
    }
    said.into_values().collect::<Vec<_>>().join(", ")
}

fn total_words(total: &Total) -> String {
    let what = match total.fate {
        Fate::Archive => "to the archive",
        Fate::Trash => "to the trash",
        Fate::Purge => "out of the trash for good",
    };
    format!(
        "{} {what} · {} · {}",
        amount::many(total.conversations, "conversation"),
        amount::many(total.messages, "message"),
        amount::bytes(total.bytes)
    )
}

fn fate(fate: Fate) -> &'static str {
    match fate {
        Fate::Archive => "archive",
        Fate::Trash => "trash",
        Fate::Purge => "for good",
    }
}

fn why(why: Why) -> String {
    match why {
        Why::Idle { days } => format!("idle {days} d"),
        Why::TooMany => "too many".to_owned(),
        Why::TooBig => "too big".to_owned(),
        Why::InTrash { days } => format!("{days} d in the trash"),
    }
}
