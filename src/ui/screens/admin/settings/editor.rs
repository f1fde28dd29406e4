//! One setting in front of the list: typed, and judged while it is typed; chosen, where there are only so many.

use crossterm::event::KeyEvent;
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Margin, Rect},
    text::{Line, Span},
    widgets::{Paragraph, Wrap},
};

use super::{
    super::{
        dialog::{Dialog, Out},
        table::{broken, safe},
    },
    words,
};
use crate::{
    api::{
        Fault,
        settings::{NewValue, SettingRow},
    },
    config::house::{HouseSetting, Kind},
    ui::{
        actions::{Action, Context},
        cx::Cx,
        msg::{AdminCall, house::SettingsCall},
        widgets::{
            composer::{Composer, Typed},
            field::Field,
            form::fault_text,
            modal,
        },
    },
};

#[derive(Debug)]
pub struct SettingEditor {
    setting: &'static HouseSetting,
    seen: i64,
    before: String,
    input: Input,
    /// What the service said.
    fault: Option<Fault>,
}

fn lower_first(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

#[derive(Debug)]
enum Input {
    Line(Field),
    Lines(Box<Composer>),
    Choice { words: &'static [&'static str], at: usize },
}

impl SettingEditor {
    #[must_use]
    pub fn dialog(row: &SettingRow, setting: &'static HouseSetting) -> Dialog {
        let input = match setting.kind() {
            Kind::Choice(words) => {
                let at = words.iter().position(|word| *word == row.value).unwrap_or(0);
                Input::Choice { words, at }
            }
            Kind::Text { lines: true, .. } => {
                let mut composer = Composer::new(false);
                composer.set_text(&row.value);
                Input::Lines(Box::new(composer))
            }
            Kind::Bool | Kind::Number { .. } | Kind::Text { lines: false, .. } | Kind::Model { .. } | Kind::Options => {
                Input::Line(Field::new(&setting.shown(&row.value)))
            }
        };
        let editor = Self { setting, seen: row.version, before: row.value.clone(), input, fault: None };
        Dialog::Setting(Box::new(editor))
    }

    #[must_use]
    pub fn context(&self) -> Context {
        match &self.input {
            Input::Line(_) => Context::Form,
            Input::Lines(_) => Context::Composer,
            Input::Choice { .. } => Context::List,
        }
    }

    pub fn refuse(&mut self, fault: Fault) {
        self.fault = Some(fault);
    }

    fn typed(&self) -> String {
        match &self.input {
            Input::Line(field) => field.text().to_owned(),
            Input::Lines(composer) => composer.text(),
            Input::Choice { words, at } => words.get(*at).map_or_else(String::new, |word| (*word).to_owned()),
        }
    }

    /// What is typed, as it would be kept.
    fn judged(&self) -> Result<String, Fault> {
        self.setting.parse(&self.typed())
    }

    fn keep(&mut self) -> Out {
        match self.judged() {
            Ok(kept) if kept == self.before => Out::Close,
            Ok(kept) => {
                let new = NewValue { name: self.setting.name.to_owned(), to: Some(kept), seen: self.seen };
                Out::Send(AdminCall::Settings(SettingsCall::Set(vec![new])))
            }
            Err(fault) => {
                self.fault = Some(fault);
                Out::Stay
            }
        }
    }

    /// `None` = not used.
    pub fn on_action(&mut self, action: Action, cx: &Cx) -> Option<Out> {
        if matches!(action, Action::Cancel | Action::Escape | Action::Interrupt | Action::ListClose) {
            return Some(Out::Close);
        }
        match &mut self.input {
            Input::Line(_) => match action {
                Action::Submit => Some(self.keep()),
                Action::NextField | Action::PreviousField => Some(Out::Stay),
                _ => None,
            },
            Input::Lines(composer) => match action {
                Action::Send | Action::Newline if (action == Action::Send) == cx.config.ui.enter_sends => {
                    Some(self.keep())
                }
                Action::Send | Action::Newline => {
                    composer.newline();
                    Some(Out::Stay)
                }
                // Moving in the text is the text's.
                _ => None,
            },
            Input::Choice { words, at } => {
                match action {
                    Action::ListUp => *at = at.saturating_sub(1),
                    Action::ListDown => *at = (*at + 1).min(words.len().saturating_sub(1)),
                    Action::ListAccept => return Some(self.keep()),
                    _ => return None,
                }
                Some(Out::Stay)
            }
        }
    }

    pub fn on_key(&mut self, key: KeyEvent) -> bool {
        let used = match &mut self.input {
            Input::Line(field) => field.on_key(key),
            Input::Lines(composer) => composer.on_key(key) != Typed::Unused,
            Input::Choice { .. } => false,
        };
        if used {
            self.fault = None;
        }
        used
    }

    pub fn on_paste(&mut self, text: &str) {
        match &mut self.input {
            Input::Line(field) => drop(field.paste(text.lines().next().unwrap_or_default())),
            Input::Lines(composer) => drop(composer.paste(text.to_owned())),
            Input::Choice { .. } => {}
        }
        self.fault = None;
    }

    pub fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let hints = match &self.input {
            Input::Line(_) => cx.hints(&[(Action::Submit, "set"), (Action::Cancel, "leave it")]),
            Input::Lines(_) => {
                let (keeps, breaks) = if cx.config.ui.enter_sends {
                    (Action::Send, Action::Newline)
                } else {
                    (Action::Newline, Action::Send)
                };
                cx.hints(&[(keeps, "set"), (breaks, "new line"), (Action::Escape, "leave it")])
            }
            Input::Choice { .. } => {
                cx.hints(&[(Action::ListAccept, "set"), (Action::ListDown, "down"), (Action::ListClose, "leave it")])
            }
        };
        let rows = match &self.input {
            Input::Line(_) => 1,
            Input::Lines(_) => 6.min(area.height / 3).max(1),
            Input::Choice { words, .. } => words.len() as u16,
        };
        let width = 70.min(area.width.saturating_sub(2));
        let help = broken(self.setting.help(), cx.theme.dim, usize::from(width.saturating_sub(6)));
        let help_rows = (help.len() as u16).min(area.height / 4);
        let wish = (width, rows + help_rows + 8);
        let inner = modal::open(frame, area, cx, self.setting.name, wish, &hints).inner(Margin::new(2, 0));
        let [about, _, input, _, verdict] = Layout::vertical([
            Constraint::Length(help_rows),
            Constraint::Length(1),
            Constraint::Length(rows),
            Constraint::Length(1),
            Constraint::Min(1),
        ])
        .areas(inner);
        frame.render_widget(
            Paragraph::new(help.into_iter().map(|line| line.after(Vec::new())).collect::<Vec<_>>()),
            about,
        );
        match &self.input {
            Input::Line(field) => {
                frame.render_widget(Span::styled("› ", cx.theme.accent), input);
                let text = Rect { x: input.x + 2, width: input.width.saturating_sub(2), ..input };
                field.view(frame, text.intersection(input), cx.theme.text, true);
            }
            Input::Lines(composer) => composer.view(frame, input, cx.theme.text, true),
            Input::Choice { words, at } => {
                let lines = words.iter().enumerate().map(|(number, word)| {
                    let (mark, style) = if number == *at { ("›", cx.theme.selection) } else { (" ", cx.theme.text) };
                    Line::from(Span::styled(format!("{mark} {word} "), style))
                });
                frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), input);
            }
        }
        self.view_verdict(frame, verdict, cx);
    }

    /// What it would be, or why it cannot be that.
    fn view_verdict(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let judged = match &self.fault {
            Some(fault) => Err(fault.clone()),
            None => self.judged(),
        };
        let kept = match judged {
            Err(fault) => return frame.render_widget(fault_text(&fault, cx), area),
            Ok(kept) => kept,
        };
        let name = self.setting.name;
        let now = safe(&words(name, Some(&self.before)));
        let mark = if kept == self.before {
            format!("· As it is: {now}")
        } else {
            format!("✓ {now} → {}", safe(&words(name, Some(&kept))))
        };
        let lines = vec![
            Line::styled(mark, if kept == self.before { cx.theme.dim } else { cx.theme.success }),
            Line::styled(format!("It takes {}.", self.setting.takes()), cx.theme.dim),
            Line::styled(format!("In effect: {}", lower_first(self.setting.effect)), cx.theme.dim),
        ];
        frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: true }), area);
    }
}
