//! How the tabs and their dialogs look.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Margin, Rect},
    text::{Line, Span},
    widgets::Paragraph,
};

use super::{
    AccountScreen, Awaited,
    dialogs::place,
    rows::{TABS, Tab},
};
use crate::{
    api::{
        admin::{Class, Limited, SecondFactorPolicy},
        profile::{Allowance, SecondFactorState},
    },
    safe_text::SafeText,
    ui::{
        cx::Cx,
        screens::sign_in::{lines, prose},
        widgets::{form::fault_text, jobs::how_long, picker::cut, tabs},
    },
};

/// Columns of a row's name.
const LABEL: usize = 16;

const RECORDED: &str = "What is done with your account is recorded: what, when, from which account of this machine, and \
                        how it ended; by day how often you signed in, how many answers you got or missed, their tokens, \
                        the size of your vault. Never what you write or read. Administrators can see it, and not which \
                        models you ask.";

const DOOR_ONLY: &str = "A second factor is asked for after your passphrase. It guards this program's door, not the \
                         files behind it: whoever has a copy of the files and your passphrase needs no code.";

/// The tabs, an empty line, what is below.
fn parts(area: Rect) -> [Rect; 3] {
    Layout::vertical([Constraint::Length(1), Constraint::Length(1), Constraint::Min(0)]).areas(area)
}

fn body(area: Rect) -> Rect {
    parts(area)[2].inner(Margin::new(1, 0))
}

/// What stands above the rows, the rows, what is said of the selected one.
struct Sheet {
    above: Rect,
    rows: Rect,
    below: Rect,
}

impl AccountScreen {
    pub(super) fn draw(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let [top, ..] = parts(area);
        frame.render_widget(tabs::line(&TABS, self.tab, top.width, cx), top);
        let body = body(area);
        match self.tab {
            Tab::Profile | Tab::SecondFactor | Tab::Data => self.view_rows(frame, body, cx),
            Tab::Sessions => self.view_sessions(frame, body, cx),
            Tab::Limits => self.view_limits(frame, body, cx),
            Tab::Activity => self.view_activity(frame, body, cx),
        }
        for dialog in &self.dialogs {
            dialog.view(frame, area, cx);
        }
    }

    pub(super) fn tab_at(&self, (x, y): (u16, u16), area: Rect, cx: &Cx) -> Option<Tab> {
        let [top, ..] = parts(area);
        if y == top.y { tabs::at(&TABS, self.tab, x.saturating_sub(top.x), top.width, cx) } else { None }
    }

    /// The rows keep their room; what is said above and below them shares the rest.
    fn sheet(&self, area: Rect) -> Sheet {
        let text = self.above();
        let rows = self.rows().len() as u16;
        let spare = area.height.saturating_sub(rows);
        let above = if text.is_empty() { 0 } else { (lines(&text, area.width) + 1).min(spare) };
        let [above, rows, below] =
            Layout::vertical([Constraint::Length(above), Constraint::Length(rows), Constraint::Min(0)]).areas(area);
        Sheet { above, rows, below }
    }

    pub(super) fn row_at(&self, (x, y): (u16, u16), area: Rect) -> Option<usize> {
        let area = body(area);
        let (rows, first) = match self.tab {
            Tab::Profile | Tab::SecondFactor | Tab::Data => (self.sheet(area).rows, 0),
            Tab::Sessions | Tab::Activity => {
                let list = self.list(area);
                (list, self.first_row(list.height))
            }
            Tab::Limits => return None,
        };
        let row = first + usize::from(y.checked_sub(rows.y)?);
        (rows.contains((x, y).into()) && row < self.length()).then_some(row)
    }

    /// What is said above the rows of the tab.
    fn above(&self) -> String {
        match self.tab {
            Tab::Profile | Tab::Data | Tab::Limits => String::new(),
            Tab::SecondFactor => {
                let Some(profile) = &self.profile else { return String::new() };
                let mut text = String::new();
                if profile.second_factor.is_required && profile.second_factor.added_at.is_none() {
                    text.push_str("This installation asks you for a second factor before anything else. ");
                }
                text.push_str(DOOR_ONLY);
                text
            }
            Tab::Sessions => {
                "Where you are signed in. One that you do not know? End it and change your passphrase.".into()
            }
            Tab::Activity => RECORDED.into(),
        }
    }

    fn view_rows(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let [head, area] = Layout::vertical([Constraint::Length(2), Constraint::Min(0)]).areas(area);
        frame.render_widget(self.head(cx), head);
        let sheet = self.sheet(area);
        frame.render_widget(prose(&self.above(), cx), sheet.above);
        let rows = self.rows();
        let width = usize::from(sheet.rows.width);
        for (at, row) in rows.iter().enumerate() {
            let Ok(offset) = u16::try_from(at) else { break };
            if offset >= sheet.rows.height {
                break;
            }
            let place = Rect { y: sheet.rows.y + offset, height: 1, ..sheet.rows };
            let is_selected = at == self.selected();
            let mark = if is_selected { "› " } else { "  " };
            let style = if is_selected { cx.theme.accent } else { cx.theme.text };
            let mut line = Line::from(Span::styled(format!("{mark}{:<LABEL$}", row.label()), style));
            if let Some(value) = self.value(*row, cx) {
                let room = width.saturating_sub(LABEL + 4);
                let value = cut(SafeText::line(&value).as_str(), room);
                line.push_span(Span::styled(format!("  {value}"), cx.theme.dim));
            }
            frame.render_widget(line, place);
        }
        let below = Rect { y: sheet.below.y + 1, height: sheet.below.height.saturating_sub(1), ..sheet.below };
        if let Some(fault) = &self.fault {
            frame.render_widget(fault_text(fault, cx), below);
        } else if self.awaits == Awaited::Answer {
            let words = format!("{} One moment…", cx.spinner());
            frame.render_widget(Span::styled(words, cx.theme.accent), Rect { height: below.height.min(1), ..below });
        } else if let Some(row) = rows.get(self.selected()) {
            frame.render_widget(prose(row.help(), cx), below);
        }
    }

    /// Who one is, or how the second factor stands.
    fn head(&self, cx: &Cx) -> Line<'static> {
        let Some(profile) = &self.profile else {
            return Line::styled(if self.fault.is_some() { "" } else { "Reading…" }, cx.theme.dim);
        };
        if self.tab == Tab::SecondFactor {
            return standing(&profile.second_factor, cx);
        }
        let name = SafeText::line(&profile.name);
        let role = SafeText::line(&profile.role);
        let mut text = format!("{role} · since {}", cx.clock(profile.created_at));
        if let Some(at) = profile.last_sign_in {
            text.push_str(" · signed in ");
            text.push_str(&cx.clock(at));
        }
        Line::from(vec![Span::styled(format!("{name}  "), cx.theme.strong), Span::styled(text, cx.theme.dim)])
    }

    /// Where the rows of a list are: below what is said of them, and its head.
    fn list(&self, area: Rect) -> Rect {
        let text = lines(&self.above(), area.width) + 1;
        // Where it is low, the list matters more.
        let above = if area.height >= text + 4 { text } else { 0 };
        Rect { y: area.y + above, height: area.height - above, ..area }
    }

    fn first_row(&self, height: u16) -> usize {
        let height = usize::from(height);
        self.selected().saturating_sub(height / 2).min(self.length().saturating_sub(height))
    }

    /// The words above a list, then each row of it by `row`.
    fn view_list(&self, frame: &mut Frame, area: Rect, cx: &Cx, row: impl Fn(usize, usize) -> Vec<Span<'static>>) {
        let list = self.list(area);
        if list.y > area.y {
            frame.render_widget(prose(&self.above(), cx), Rect { height: list.y - area.y, ..area });
        }
        if let Some(fault) = &self.fault {
            return frame.render_widget(fault_text(fault, cx), list);
        }
        let first = self.first_row(list.height);
        for offset in 0..list.height {
            let at = first + usize::from(offset);
            if at >= self.length() {
                break;
            }
            let is_selected = at == self.selected();
            let mut line = Line::from(Span::styled(if is_selected { "› " } else { "  " }, cx.theme.accent));
            line.extend(row(at, usize::from(list.width).saturating_sub(2)));
            if is_selected {
                line = line.style(cx.theme.strong);
            }
            frame.render_widget(line, Rect { y: list.y + offset, height: 1, ..list });
        }
    }

    fn view_sessions(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let Some(sessions) = &self.sessions else {
            return self.view_list(frame, area, cx, |_, _| Vec::new());
        };
        self.view_list(frame, area, cx, |at, width| {
            let session = &sessions[at];
            let since = format!("since {}", cx.clock(session.started_at));
            let own = if session.is_own { "● this one" } else { "" };
            let more = format!("{since:<18}{own:<11}");
            let room = width.saturating_sub(more.chars().count() + 1);
            let (who, style) = (cut(&place(session), room.min(30)), cx.theme.text);
            let gap = " ".repeat(room.min(30).saturating_sub(who.chars().count()) + 1);
            let mut spans = vec![
                Span::styled(format!("{who}{gap}"), style),
                Span::styled(format!("{since:<18}"), cx.theme.dim),
                Span::styled(format!("{own:<11}"), cx.theme.success),
            ];
            let process = format!(" process {}", session.pid);
            if width > 30 + 30 + process.len() {
                spans.push(Span::styled(process, cx.theme.dim));
            }
            spans
        });
    }

    fn view_limits(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        if let Some(fault) = &self.fault {
            return frame.render_widget(fault_text(fault, cx), area);
        }
        let Some(allowance) = &self.allowance else {
            return frame
                .render_widget(Span::styled("Reading…", cx.theme.dim), Rect { height: area.height.min(1), ..area });
        };
        let about = "What you may still do. All your windows share it, and it fills again by itself.";
        let wanted = lines(about, area.width) + 1;
        let above = if area.height >= wanted + allowance.len() as u16 { wanted } else { 0 };
        frame.render_widget(prose(about, cx), Rect { height: above, ..area });
        let mut text: Vec<Line> = allowance.iter().map(|left| bar(left, usize::from(area.width), cx)).collect();
        let lane = &cx.lane;
        let queue = match (lane.running, lane.waiting.iter().min()) {
            (0, None) => "No answer runs in this window, and none waits.".to_owned(),
            (running, None) => format!("Running in this window: {}. None waits.", count(running, "answer")),
            (running, Some(before)) => format!(
                "Running in this window: {}. Waiting: {}, the next with {before} before it.",
                count(running, "answer"),
                lane.waiting.len()
            ),
        };
        text.extend([Line::default(), Line::styled(queue, cx.theme.dim)]);
        let rest = Rect { y: area.y + above, height: area.height - above, ..area };
        frame.render_widget(Paragraph::new(text), rest);
    }

    fn view_activity(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let Some(activity) = &self.activity else {
            return self.view_list(frame, area, cx, |_, _| Vec::new());
        };
        self.view_list(frame, area, cx, |at, width| {
            let entry = &activity.entries[at];
            let went_well = entry.result == "ok";
            let (mark, style) = if went_well { ("✓", cx.theme.success) } else { ("✗", cx.theme.warning) };
            let by_other = match &entry.actor_name {
                Some(name) if entry.actor.is_some() && entry.actor != self.profile.as_ref().map(|own| own.id) => {
                    let is_own = cx.account.as_ref().is_some_and(|own| own.name == *name);
                    if is_own { String::new() } else { format!(" by {}", SafeText::line(name)) }
                }
                Some(_) | None => String::new(),
            };
            let what = format!("{}{by_other}", in_words(&entry.action));
            let result = if went_well { String::new() } else { format!("  {}", SafeText::line(&entry.result)) };
            let room = width.saturating_sub(14 + result.chars().count());
            vec![
                Span::styled(format!("{:<11} ", cx.clock(entry.at)), cx.theme.dim),
                Span::styled(format!("{mark} "), style),
                Span::styled(cut(&what, room), cx.theme.text),
                Span::styled(result, cx.theme.warning),
            ]
        });
    }
}

/// `● On since Tue 10:02 · 8 recovery codes left`.
fn standing(state: &SecondFactorState, cx: &Cx) -> Line<'static> {
    let policy = match state.policy {
        SecondFactorPolicy::Voluntary => "",
        SecondFactorPolicy::Administrators => " · asked of administrators",
        SecondFactorPolicy::Everybody => " · asked of everybody",
    };
    match state.added_at {
        Some(at) => {
            let (style, left) = if state.codes_left > 2 {
                (cx.theme.dim, count(state.codes_left as usize, "recovery code"))
            } else {
                (cx.theme.warning, format!("only {} left", count(state.codes_left as usize, "recovery code")))
            };
            let left = if state.codes_left > 2 { format!("{left} left") } else { left };
            Line::from(vec![
                Span::styled("● On", cx.theme.success),
                Span::styled(format!(" since {} · ", cx.clock(at)), cx.theme.dim),
                Span::styled(left, style),
                Span::styled(policy, cx.theme.dim),
            ])
        }
        None => Line::from(vec![Span::styled("○ Off", cx.theme.warning), Span::styled(policy, cx.theme.dim)]),
    }
}

/// `no answer`, `one answer`, `3 answers`.
fn count(number: usize, what: &str) -> String {
    match number {
        0 => format!("no {what}"),
        1 => format!("one {what}"),
        number => format!("{number} {what}s"),
    }
}

/// `Questions            ███████████░░░  58 of 60 a minute   full in 2 s`.
fn bar(allowance: &Allowance, width: usize, cx: &Cx) -> Line<'static> {
    let (name, unit) = match allowance.limited {
        Limited::Calls(Class::Chat) => ("Questions", " a minute"),
        Limited::Calls(Class::Auth) => ("Passphrases", " a minute"),
        Limited::Calls(Class::Admin) => ("Administration", " a minute"),
        Limited::Calls(Class::Read) => ("Looking", " a minute"),
        Limited::Calls(Class::Write) => ("Changing", " a minute"),
        Limited::Calls(Class::Free) => ("Leaving", ""),
        Limited::Answers => ("Answers at once", ""),
        Limited::Tokens => ("Tokens", " today"),
        Limited::Disk => ("Vault", " MiB"),
    };
    if allowance.most == 0 {
        let none = Span::styled("no limit", cx.theme.dim);
        return Line::from(vec![Span::styled(format!("{name:<LABEL$} "), cx.theme.text), none]);
    }
    let most = allowance.most.max(1);
    let figures = format!("  {} of {}{}", allowance.left, allowance.most, if width >= 60 { unit } else { "" });
    // A figure that is cut off is another figure: the bar gives way.
    let room = (if width >= 70 { 20 } else { 6 }).min(width.saturating_sub(LABEL + 1 + figures.chars().count()));
    let full = (u64::from(allowance.left) * room as u64).div_ceil(u64::from(most)).min(room as u64) as usize;
    let style = match u64::from(allowance.left) * 100 / u64::from(most) {
        0 => cx.theme.meter_full,
        1..=20 => cx.theme.meter_warning,
        _ => cx.theme.meter,
    };
    let when = match allowance.full_in_ms {
        0 => String::new(),
        ms => format!("  full again in {}", how_long(std::time::Duration::from_millis(ms))),
    };
    let mut line = Line::from(vec![
        Span::styled(format!("{name:<LABEL$} "), cx.theme.text),
        Span::styled("█".repeat(full), style),
        Span::styled("░".repeat(room - full), cx.theme.meter_empty),
        Span::styled(figures, cx.theme.dim),
    ]);
    if line.width() + when.chars().count() <= width {
        line.push_span(Span::styled(when, cx.theme.dim));
    }
    line
}

/// What an entry of the trail says, for those who do not know its names.
fn in_words(action: &str) -> String {
    let known = match action {
        "auth.sign_in" => "sign-in",
        "auth.sign_out" => "sign-out",
        "auth.resume" => "sign-in by “stay signed in”",
        "auth.unlock" => "screen unlocked",
        "auth.stay_signed_in" => "“stay signed in” switched",
        "auth.change_passphrase" => "passphrase changed",
        "auth.recover" => "recovery with the recovery code",
        "auth.new_recovery_code" => "new recovery code of the vault",
        "auth.confirm" => "passphrase typed again",
        "auth.second_factor" => "code of the second factor",
        "auth.activate" => "one-time code used",
        "auth.register" | "account.create_first" => "account made",
        "second_factor.add" => "second factor added",
        "second_factor.remove" => "second factor removed",
        "second_factor.new_codes" => "new recovery codes of the second factor",
        "second_factor.code_used" => "recovery code of the second factor used",
        "sessions.end" => "session ended",
        "sessions.end_others" => "all other sessions ended",
        "account.vault_sealed" => "vault sealed and kept",
        "account.open_sealed" => "sealed vault opened",
        "account.forget_sealed" => "sealed vault forgotten for good",
        "profile.display_name" => "display name changed",
        "profile.export" => "data exported",
        other => return SafeText::line(other).into_string(),
    };
    known.to_owned()
}
