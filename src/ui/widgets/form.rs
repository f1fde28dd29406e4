//! Labelled fields one below the other, with one of them in use. It knows nothing of what they mean.

use std::cell::Cell;

use crossterm::event::{KeyCode, KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::{Line, Span},
    widgets::{Paragraph, Wrap},
};

use super::{field::Field, toast::Toast};
use crate::{
    api::{Fault, FaultKind, auth::Secret},
    safe_text::SafeText,
    ui::{cx::Cx, keymap::Action},
};

#[derive(Clone, Debug)]
enum Kind {
    Text(Field),
    Toggle(bool),
}

#[derive(Clone, Debug)]
struct Row {
    label: &'static str,
    kind: Kind,
}

/// What a form tells its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormOut {
    Submitted,
    Cancelled,
    /// The text of this row changed.
    Changed(usize),
}

#[derive(Clone, Debug, Default)]
pub struct Form {
    rows: Vec<Row>,
    at: usize,
    /// An answer is awaited; the fields cannot be changed meanwhile.
    pub busy: bool,
    fault: Option<Fault>,
    /// Where it was drawn last, for clicks.
    drawn: Cell<Rect>,
    /// What is said while it is awaited, where it is not a passphrase that is being tried.
    waiting: Option<&'static str>,
}

impl Form {
    #[must_use]
    pub fn text(self, label: &'static str) -> Self {
        self.row(label, Kind::Text(Field::default()))
    }

    #[must_use]
    pub fn secret(self, label: &'static str) -> Self {
        self.row(label, Kind::Text(Field::masked()))
    }

    #[must_use]
    pub fn toggle(self, label: &'static str) -> Self {
        self.row(label, Kind::Toggle(false))
    }

    /// What is said while an answer is awaited.
    #[must_use]
    pub fn waiting(mut self, words: &'static str) -> Self {
        self.waiting = Some(words);
        self
    }

    fn row(mut self, label: &'static str, kind: Kind) -> Self {
        self.rows.push(Row { label, kind });
        self
    }

    /// The text of a row; empty for a toggle.
    #[must_use]
    pub fn value(&self, row: usize) -> &str {
        match &self.rows[row].kind {
            Kind::Text(field) => field.text(),
            Kind::Toggle(_) => "",
        }
    }

    #[must_use]
    pub fn secret_value(&self, row: usize) -> Secret {
        Secret::new(self.value(row))
    }

    #[must_use]
    pub fn is_on(&self, row: usize) -> bool {
        matches!(self.rows[row].kind, Kind::Toggle(true))
    }

    /// Puts text in a row and shows it, so that a proposal can be read.
    pub fn fill(&mut self, row: usize, text: &str) {
        if let Kind::Text(field) = &mut self.rows[row].kind {
            field.set(text);
            field.set_masked(false);
        }
        self.at = row;
    }

    /// Switches a toggle on from the beginning.
    pub fn switch_on(&mut self, row: usize) {
        if let Kind::Toggle(on) = &mut self.rows[row].kind {
            *on = true;
        }
    }

    /// What went wrong, shown under the fields until something changes. The row to correct is emptied and used.
    pub fn refuse(&mut self, fault: Fault, row: Option<usize>) {
        self.busy = false;
        self.fault = Some(fault);
        if let Some(row) = row {
            self.at = row;
            if let Kind::Text(field) = &mut self.rows[row].kind {
                field.clear();
            }
        }
    }

    /// The same where the first row is what is tried: it is emptied only if it was wrong, not if it came too soon.
    pub fn refuse_try(&mut self, fault: Fault) {
        let wrong = fault.kind == FaultKind::WrongCredentials;
        self.refuse(fault, wrong.then_some(0));
    }

    /// Says what is missing and goes there, keeping what was typed.
    pub fn ask(&mut self, fault: Fault, row: usize) {
        self.fault = Some(fault);
        self.at = row;
    }

    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }

    /// `Err` hands back an action that is not a form's.
    pub fn on_action(&mut self, action: Action) -> Result<Option<FormOut>, Action> {
        let last = self.rows.len().saturating_sub(1);
        match action {
            Action::Cancel | Action::Escape => return Ok(Some(FormOut::Cancelled)),
            Action::NextField | Action::FocusNext => self.at = if self.at == last { 0 } else { self.at + 1 },
            Action::PreviousField | Action::FocusPrevious => self.at = if self.at == 0 { last } else { self.at - 1 },
            Action::Submit if self.busy => {}
            // Enter on a field before the last goes on; a toggle behind the last field may be left as it is.
            Action::Submit => {
                match self.rows.iter().skip(self.at + 1).position(|row| matches!(row.kind, Kind::Text(_))) {
                    Some(ahead) => self.at += ahead + 1,
                    None => return Ok(Some(FormOut::Submitted)),
                }
            }
            Action::Reveal => {
                let show = self.rows.iter().any(|row| matches!(&row.kind, Kind::Text(field) if field.is_masked()));
                let secrets = self.secrets();
                for (row, _) in self.rows.iter_mut().zip(secrets).filter(|(_, is_secret)| *is_secret) {
                    if let Kind::Text(field) = &mut row.kind {
                        field.set_masked(!show);
                    }
                }
            }
            other => return Err(other),
        }
        Ok(None)
    }

    /// Which rows are secrets, shown or not: told by their labels, which name what they hold.
    fn secrets(&self) -> Vec<bool> {
        self.rows.iter().map(|row| row.label.to_lowercase().contains("passphrase")).collect()
    }

    pub fn on_key(&mut self, key: KeyEvent) -> Option<FormOut> {
        if self.busy {
            return None;
        }
        let at = self.at;
        let used = match &mut self.rows.get_mut(at)?.kind {
            Kind::Text(field) => field.on_key(key),
            Kind::Toggle(on) => {
                let press = matches!(key.code, KeyCode::Char(' ' | 'x' | 'y' | 'n'));
                if press {
                    *on = match key.code {
                        KeyCode::Char('y') => true,
                        KeyCode::Char('n') => false,
                        _ => !*on,
                    };
                }
                press
            }
        };
        used.then(|| {
            self.fault = None;
            FormOut::Changed(at)
        })
    }

    /// A click chooses the row it falls on and switches a toggle; `true` when it fell on one.
    pub fn on_mouse(&mut self, mouse: MouseEvent) -> bool {
        if self.busy || mouse.kind != MouseEventKind::Down(MouseButton::Left) {
            return false;
        }
        let spot = (mouse.column, mouse.row).into();
        let parts = self.parts(self.drawn.get());
        let Some(row) = (0..self.rows.len()).find(|row| parts[*row].contains(spot)) else { return false };
        self.at = row;
        if let Kind::Toggle(on) = &mut self.rows[row].kind {
            *on = !*on;
        }
        true
    }

    pub fn on_paste(&mut self, text: &str) -> Option<FormOut> {
        let at = self.at;
        match &mut self.rows.get_mut(at)?.kind {
            Kind::Text(field) if !self.busy => {
                field.paste(text);
                self.fault = None;
                Some(FormOut::Changed(at))
            }
            Kind::Text(_) | Kind::Toggle(_) => None,
        }
    }

    /// Rows of the screen that `view` takes: a label and a line each, one line for a toggle, then two for a fault.
    #[must_use]
    pub fn height(&self) -> u16 {
        self.rows.iter().map(|row| if matches!(row.kind, Kind::Text(_)) { 2 } else { 1 }).sum::<u16>() + 3
    }

    /// Where each row stands in `area`, and last what is left below. Where not all of them fit, those above the one in use
    /// make room for it and for what is wrong with it.
    fn parts(&self, area: Rect) -> Vec<Rect> {
        let height = |row: &Row| u16::from(matches!(row.kind, Kind::Text(_))) + 1;
        let foot = u16::from(self.busy || self.fault.is_some()) * 2;
        let mut first = 0;
        while first < self.at && self.rows[first..=self.at].iter().map(height).sum::<u16>() + foot > area.height {
            first += 1;
        }
        let mut parts = vec![Rect::ZERO; self.rows.len()];
        let mut y = area.y;
        for (at, row) in self.rows.iter().enumerate().skip(first) {
            let must_stay = at <= self.at || area.bottom().saturating_sub(y) >= height(row) + foot;
            if !must_stay || y >= area.bottom() {
                break;
            }
            parts[at] = Rect { y, height: height(row).min(area.bottom() - y), ..area };
            y += parts[at].height;
        }
        parts.push(Rect { y, height: area.bottom().saturating_sub(y), ..area });
        parts
    }

    pub fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        self.drawn.set(area);
        let parts = self.parts(area);
        for (at, row) in self.rows.iter().enumerate().filter(|(at, _)| !parts[*at].is_empty()) {
            let focused = at == self.at && !self.busy;
            let (bar, style) = if focused { ("┃ ", cx.theme.accent) } else { ("│ ", cx.theme.dim) };
            match &row.kind {
                Kind::Text(field) => {
                    let [label, line] =
                        Layout::vertical([Constraint::Length(1), Constraint::Length(1)]).areas(parts[at]);
                    frame.render_widget(Span::styled(row.label, style), label);
                    let [front, text] = Layout::horizontal([Constraint::Length(2), Constraint::Min(1)]).areas(line);
                    frame.render_widget(Span::styled(bar, style), front);
                    field.view(frame, text, cx.theme.text, focused);
                }
                Kind::Toggle(on) => {
                    let text = format!("{}{} {}", bar, if *on { "[x]" } else { "[ ]" }, row.label);
                    frame.render_widget(Span::styled(text, style), parts[at]);
                    if focused {
                        frame.set_cursor_position((parts[at].x.saturating_add(3), parts[at].y));
                    }
                }
            }
        }
        let below = parts[self.rows.len()];
        if self.busy {
            let line = Line::from(vec![
                Span::styled(format!("{} ", cx.spinner()), cx.theme.accent),
                Span::styled(
                    self.waiting.unwrap_or("Opening takes a moment on purpose: it keeps guessing slow."),
                    cx.theme.dim,
                ),
            ]);
            frame.render_widget(Paragraph::new(vec![Line::default(), line]), below);
        } else if let Some(fault) = &self.fault {
            frame.render_widget(fault_text(fault, cx), below);
        }
    }
}

/// A fault in two sentences: what happened, what to do.
#[must_use]
pub fn fault_text(fault: &Fault, cx: &Cx) -> Paragraph<'static> {
    // The toast's words, so that waiting times read the same everywhere.
    let words = Toast::fault(fault);
    let mut spans = vec![Span::styled(format!("✗ {}", SafeText::line(&words.text)), cx.theme.error)];
    if let Some(hint) = words.hint {
        spans.push(Span::styled(format!(" {}", SafeText::line(&hint)), cx.theme.text));
    }
    Paragraph::new(Line::from(spans)).wrap(Wrap { trim: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> Form {
        Form::default().text("Name").secret("Passphrase").toggle("Stay signed in")
    }

    fn type_in(form: &mut Form, text: &str) {
        for c in text.chars() {
            form.on_key(KeyEvent::from(KeyCode::Char(c)));
        }
    }

    #[test]
    fn enter_goes_on_and_submits_on_the_last_field() {
        let mut form = form();
        type_in(&mut form, "alice");
        assert_eq!(form.on_action(Action::Submit), Ok(None));
        type_in(&mut form, "secret");
        assert_eq!(form.on_action(Action::Submit), Ok(Some(FormOut::Submitted)));
        assert_eq!((form.value(0), form.value(1), form.is_on(2)), ("alice", "secret", false));
    }

    #[test]
    fn a_toggle_is_off_until_it_is_switched_on() {
        let mut form = form();
        let _ = form.on_action(Action::PreviousField);
        type_in(&mut form, " ");
        assert!(form.is_on(2));
        type_in(&mut form, "n");
        assert!(!form.is_on(2));
    }

    #[test]
    fn revealing_shows_every_secret_and_hides_it_again() {
        let mut form = form();
        let masked = |form: &Form| match &form.rows[1].kind {
            Kind::Text(field) => field.is_masked(),
            Kind::Toggle(_) => unreachable!(),
        };
        let _ = form.on_action(Action::Reveal);
        assert!(!masked(&form));
        let _ = form.on_action(Action::Reveal);
        assert!(masked(&form));
    }

    #[test]
    fn while_an_answer_is_awaited_nothing_changes() {
        let mut form = form();
        form.busy = true;
        type_in(&mut form, "x");
        assert_eq!(form.on_paste("x"), None);
        assert_eq!(form.on_action(Action::Submit), Ok(None));
        assert_eq!(form.value(0), "");
    }

    #[test]
    fn a_refusal_empties_what_was_wrong_and_goes_when_something_is_typed() {
        let mut form = form();
        form.on_paste("alice");
        form.refuse(Fault::invalid("No."), Some(1));
        assert_eq!((form.at, form.value(0)), (1, "alice"));
        assert!(form.fault().is_some());
        type_in(&mut form, "x");
        assert!(form.fault().is_none());
    }
}
