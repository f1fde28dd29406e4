//! Making a model from a Modelfile: its name, how its weights are quantised, and the text in an editor. It is read as it is
//! typed; a mistake is shown with its line beside the text.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::{
    Frame,
    layout::{Margin, Rect},
    text::{Line, Span},
};

use crate::{
    api::{
        Fault, amount,
        jobs::{ModelfileSummary, NewModel, Work},
    },
    ui::{
        actions::{Action, Context},
        cx::{Cx, Hint},
        msg::{Effect, JobsCall},
        widgets::{
            composer::{Composer, Typed},
            field::Field,
            form::fault_text,
            modal,
            table::{fit, safe},
        },
    },
};

/// From so many columns on, what was read stands beside the text.
const WIDE: u16 = 92;
/// Columns of what stands beside it.
const BESIDE: u16 = 40;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Name,
    Quantize,
    Text,
}

const PARTS: [(Part, &str); 3] = [
    (Part::Name, "Name of the new model"),
    (Part::Quantize, "Quantise the weights to (empty: as they are): q4_K_M, q4_K_S, q8_0"),
    (Part::Text, "Modelfile"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Written,
    Sent,
    /// Esc was pressed, and what was typed would be lost.
    Leaving,
}

#[derive(Debug)]
pub struct ModelfileEditor {
    name: Field,
    quantize: Field,
    text: Composer,
    part: Part,
    state: State,
    began: String,
    asked: u64,
    read: Option<Result<ModelfileSummary, Fault>>,
    fault: Option<Fault>,
}

#[derive(Debug)]
pub enum ModelfileOut {
    Effects(Vec<Effect>),
    Close,
    Go(Work),
}

impl ModelfileEditor {
    /// With what it begins: the model under the cursor is what the new one is made from.
    #[must_use]
    pub fn new(from: Option<&str>, asked: u64, cx: &Cx) -> (Self, Vec<Effect>) {
        let mut text = Composer::new(cx.config.ui.vim);
        let from = from.unwrap_or("llama3.2:3b");
        text.set_text(&format!("FROM {from}\nPARAMETER temperature 0.7\nSYSTEM \"You are a helpful assistant.\"\n"));
        let began = text.text();
        let mut editor = Self {
            name: Field::default(),
            quantize: Field::default(),
            text,
            part: Part::Name,
            state: State::Written,
            began,
            asked,
            read: None,
            fault: None,
        };
        let effects = editor.check();
        (editor, effects)
    }

    fn check(&mut self) -> Vec<Effect> {
        self.asked += 1;
        vec![Effect::Jobs(JobsCall::Check { asked: self.asked, text: self.text.text() })]
    }

    pub fn on_checked(&mut self, asked: u64, read: Result<ModelfileSummary, Fault>) {
        if asked == self.asked {
            self.read = Some(read);
        }
    }

    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.state == State::Sent
    }

    pub fn refuse(&mut self, fault: Fault) {
        self.state = State::Written;
        self.fault = Some(fault);
    }

    #[must_use]
    pub fn context(&self) -> Context {
        match self.part {
            Part::Name | Part::Quantize => Context::Form,
            Part::Text => Context::Composer,
        }
    }

    fn is_untouched(&self) -> bool {
        self.name.is_empty() && self.quantize.is_empty() && self.text.text() == self.began
    }

    fn go_to(&mut self, step: usize) {
        let at = PARTS.iter().position(|(part, _)| *part == self.part).unwrap_or_default();
        self.part = PARTS[(at + step) % PARTS.len()].0;
    }

    /// `None` = not used.
    pub fn on_action(&mut self, action: Action, cx: &Cx) -> Option<ModelfileOut> {
        let stay = || Some(ModelfileOut::Effects(Vec::new()));
        match action {
            // In a text of many lines Enter begins a new one, whatever it does in the chat.
            Action::Send | Action::Newline => {
                self.text.newline();
                return Some(ModelfileOut::Effects(self.edited()));
            }
            Action::Editor => {
                let text = self.text.text();
                return Some(ModelfileOut::Effects(vec![Effect::Shell(crate::ui::msg::ShellCall::Edit(text))]));
            }
            Action::HistoryBack if self.text.is_on_first_row() => self.go_to(PARTS.len() - 1),
            Action::NextField | Action::FocusNext | Action::Submit => self.go_to(1),
            Action::PreviousField | Action::FocusPrevious => self.go_to(PARTS.len() - 1),
            Action::Escape if self.part == Part::Text && self.text.vim_mode() == Some("INSERT") => {
                self.text.on_key(KeyCode::Esc.into());
            }
            Action::Cancel | Action::Escape | Action::Interrupt => {
                if self.state == State::Leaving || self.is_untouched() {
                    return Some(ModelfileOut::Close);
                }
                self.state = State::Leaving;
                return stay();
            }
            _ => return None,
        }
        let _ = cx;
        if self.state == State::Leaving {
            self.state = State::Written;
        }
        stay()
    }

    /// `None` = not used.
    pub fn on_key(&mut self, key: KeyEvent) -> Option<ModelfileOut> {
        if key.code == KeyCode::Char('s') && key.modifiers == KeyModifiers::CONTROL {
            return Some(self.submit());
        }
        let used = match self.part {
            Part::Name => self.name.on_key(key),
            Part::Quantize => self.quantize.on_key(key),
            Part::Text => match self.text.on_key(key) {
                Typed::Edited => return Some(ModelfileOut::Effects(self.edited())),
                Typed::Moved => true,
                Typed::Unused => false,
            },
        };
        used.then(|| {
            self.touched();
            ModelfileOut::Effects(Vec::new())
        })
    }

    fn touched(&mut self) {
        self.fault = None;
        if self.state == State::Leaving {
            self.state = State::Written;
        }
    }

    fn edited(&mut self) -> Vec<Effect> {
        self.touched();
        self.check()
    }

    pub fn on_paste(&mut self, text: &str) -> Vec<Effect> {
        match self.part {
            Part::Name => drop(self.name.paste(text)),
            Part::Quantize => drop(self.quantize.paste(text)),
            Part::Text => {
                self.text.paste(text.to_owned());
                return self.edited();
            }
        }
        self.touched();
        Vec::new()
    }

    /// The text came back from the editor.
    pub fn edited_elsewhere(&mut self, text: &str) -> Vec<Effect> {
        self.text.edited_elsewhere(text);
        self.part = Part::Text;
        self.edited()
    }

    fn submit(&mut self) -> ModelfileOut {
        if self.state == State::Sent {
            return ModelfileOut::Effects(Vec::new());
        }
        let name = self.name.text().trim().to_owned();
        if name.is_empty() {
            self.part = Part::Name;
            self.fault = Some(Fault::invalid("The new model has no name.").hint("Write one such as reviewer:latest."));
            return ModelfileOut::Effects(Vec::new());
        }
        let quantize = Some(self.quantize.text().trim().to_owned()).filter(|text| !text.is_empty());
        self.state = State::Sent;
        self.fault = None;
        ModelfileOut::Go(Work::Create(NewModel { model: name, modelfile: self.text.text(), base: None, quantize }))
    }

    fn hints(&self, cx: &Cx) -> Vec<Hint> {
        let mut hints = vec![Hint { key: "Ctrl+S".to_owned(), help: "make it" }];
        hints.extend(match self.part {
            Part::Text => cx.hints(&[
                (Action::Editor, "your editor"),
                (Action::FocusNext, "next field"),
                (Action::Escape, "back"),
            ]),
            Part::Name | Part::Quantize => cx.hints(&[(Action::NextField, "next field"), (Action::Cancel, "back")]),
        });
        hints
    }

    pub fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let theme = &cx.theme;
        let wish = (area.width.saturating_sub(4).clamp(30, 132), area.height.saturating_sub(2).clamp(9, 40));
        let inner = modal::open(frame, area, cx, "Make a model from a Modelfile", wish, &self.hints(cx))
            .inner(Margin::new(1, 0));
        let is_wide = inner.width >= WIDE;
        let foot = if is_wide { 0 } else { 3.min(inner.height / 3) };
        let left = Rect {
            width: if is_wide { inner.width - BESIDE - 2 } else { inner.width },
            height: inner.height - foot,
            ..inner
        };
        // The fields above make room for the text where it would have none.
        let first = if self.part == Part::Text && left.height < 10 { 2 } else { 0 };
        let mut y = left.y;
        for (part, label) in PARTS.into_iter().skip(first) {
            if y + 1 >= left.bottom() {
                break;
            }
            let is_focused = part == self.part;
            let (bar, style) = if is_focused { ("┃ ", theme.accent) } else { ("│ ", theme.dim) };
            frame
                .render_widget(Span::styled(fit(label, usize::from(left.width)), style), Rect { y, height: 1, ..left });
            let height = if part == Part::Text { left.bottom() - y - 1 } else { 1 };
            let text = Rect { x: left.x + 2, y: y + 1, width: left.width.saturating_sub(2), height };
            for line in 0..height {
                frame.render_widget(Span::styled(bar, style), Rect { y: y + 1 + line, height: 1, ..left });
            }
            match part {
                Part::Name => self.name.view(frame, text, theme.text, is_focused),
                Part::Quantize => self.quantize.view(frame, text, theme.text, is_focused),
                Part::Text => self.text.view(frame, text, theme.text, is_focused),
            }
            y += 1 + height;
        }
        let beside = if is_wide {
            Rect { x: left.right() + 2, width: BESIDE, ..inner }
        } else {
            Rect { y: inner.bottom() - foot, height: foot, ..inner }
        };
        self.view_beside(frame, beside, cx);
    }

    /// What was read of the text, or the line with the first mistake and what is wrong with it.
    fn view_beside(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let theme = &cx.theme;
        if self.state == State::Leaving {
            let words = format!("{} once more leaves it; what was typed is lost.", cx.key(Action::Cancel));
            return frame.render_widget(Line::styled(words, theme.warning), area);
        }
        if self.state == State::Sent {
            return frame.render_widget(Line::styled("Putting it in line…", theme.dim), area);
        }
        let wrong = match (&self.fault, &self.read) {
            (Some(fault), _) | (None, Some(Err(fault))) => Some(fault),
            (None, Some(Ok(_)) | None) => None,
        };
        let room = usize::from(area.width);
        if let Some(fault) = wrong {
            let text = self.text.text();
            let lines = around(&text, line_of(fault), usize::from(area.height / 2).saturating_sub(1).max(1));
            let mut y = area.y;
            for (number, line, is_it) in lines {
                let (mark, style) = if is_it { ("✗", theme.error) } else { (" ", theme.dim) };
                let shown = fit(&format!("{mark}{number:>4} {}", safe(line)), room);
                frame.render_widget(Line::styled(shown, style), Rect { y, height: 1, ..area });
                y += 1;
            }
            let below = Rect { y, height: area.bottom().saturating_sub(y), ..area };
            return frame.render_widget(fault_text(fault, cx), below);
        }
        let Some(Ok(read)) = &self.read else { return };
        let mut lines = vec![format!("Made from {}.", safe(&read.from))];
        if !read.parameters.is_empty() {
            lines.push(format!(
                "Sets {}.",
                read.parameters.iter().map(|name| safe(name)).collect::<Vec<_>>().join(", ")
            ));
        }
        let parts = [
            (read.has_template, "a template".to_owned()),
            (read.has_system, "a system prompt".to_owned()),
            (read.licences > 0, amount::many(read.licences, "licence")),
            (read.messages > 0, amount::many(read.messages, "message")),
            (read.adapters > 0, amount::many(read.adapters, "adapter")),
        ];
        let parts: Vec<String> = parts.into_iter().filter(|(there, _)| *there).map(|(_, words)| words).collect();
        if !parts.is_empty() {
            lines.push(format!("With {}.", parts.join(", ")));
        }
        for (line, y) in lines.into_iter().zip(area.y..area.bottom()) {
            frame.render_widget(
                Line::from(vec![
                    Span::styled("✓ ", theme.success),
                    Span::styled(fit(&line, room.saturating_sub(2)), theme.text),
                ]),
                Rect { y, height: 1, ..area },
            );
        }
    }
}

/// The line that a fault names: `Line 3 of the Modelfile: …`.
fn line_of(fault: &Fault) -> Option<usize> {
    fault.message.strip_prefix("Line ")?.split(' ').next()?.parse().ok()
}

/// The line of this number with those before and after it, at most so many; none where there is no such line.
fn around(text: &str, number: Option<usize>, most: usize) -> Vec<(usize, &str, bool)> {
    let Some(number) = number else { return Vec::new() };
    let first = number.saturating_sub(1 + most / 2);
    let lines = text.lines().enumerate().skip(first).take(most);
    lines.map(|(at, line)| (at + 1, line, at + 1 == number)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_stands_among_the_lines_around_it() {
        let text = "FROM a\nPARAMETER x 1\nSYSTEM b\n";
        let fault = Fault::invalid("Line 2 of the Modelfile: there is no parameter “x”.");
        let lines = around(text, line_of(&fault), 3);
        assert_eq!(lines, [(1, "FROM a", false), (2, "PARAMETER x 1", true), (3, "SYSTEM b", false)]);
        assert_eq!(around(text, line_of(&fault), 1), [(2, "PARAMETER x 1", true)]);
        assert_eq!(around(text, line_of(&Fault::invalid("The Modelfile has no FROM.")), 3), []);
    }
}
