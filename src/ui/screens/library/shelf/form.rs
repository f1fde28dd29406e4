//! The form for a preset or a template: new, or in the place of what was seen.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::{
    Frame,
    layout::{Margin, Rect},
    text::{Line, Span},
};

use super::options::{read_options, written_options};
use crate::{
    api::{
        Fault, FaultKind, PresetId, PromptId,
        library::{Kind, NewPreset, NewPrompt},
    },
    safe_text::SafeText,
    template::{Takes, Template},
    ui::{
        actions::{Action, Context},
        cx::{Cx, Hint},
        msg::{Whole, Written},
        text::wrap::clip,
        widgets::{
            composer::{Composer, Typed},
            field::Field,
            form::fault_text,
            modal,
        },
    },
};

#[derive(Debug)]
pub struct Form {
    of: Of,
    name: Field,
    /// Of a preset.
    model: Field,
    options: Field,
    /// The system prompt, or the template.
    body: Composer,
    at: usize,
    fault: Option<Fault>,
    state: State,
    /// What was in it when it was opened, to tell whether anything would be lost.
    began: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Written,
    /// Sent, and not answered yet.
    Sent,
    /// It was changed elsewhere meanwhile; what is there now has not been looked up yet.
    Overtaken,
    /// Esc was pressed, and what was typed would be lost.
    Leaving,
}

/// What it is in the place of, and the revision that was seen.
#[derive(Clone, Copy, Debug)]
enum Of {
    Preset(Option<(PresetId, u32)>),
    Prompt(Option<(PromptId, u32)>),
}

/// What the form tells its owner.
#[derive(Debug)]
pub enum FormOut {
    Stay,
    Close,
    /// The long text goes to `$EDITOR`.
    Edit(String),
    Save(Box<Written>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Row {
    Name,
    Model,
    Options,
    Body,
}

const PRESET: &[(Row, &str)] = &[
    (Row::Name, "Name"),
    (Row::Model, "Model (empty: whichever the conversation has)"),
    (Row::Options, "Options, such as temperature=0.2 seed=7"),
    (Row::Body, "System prompt"),
];
const PROMPT: &[(Row, &str)] = &[(Row::Name, "Name"), (Row::Body, "Text, with {{places}} to fill in")];

impl Form {
    #[must_use]
    pub fn new(kind: Kind, cx: &Cx) -> Self {
        let of = match kind {
            Kind::Presets => Of::Preset(None),
            Kind::Prompts => Of::Prompt(None),
        };
        Self::empty(of, cx)
    }

    #[must_use]
    pub fn of(whole: &Whole, cx: &Cx) -> Self {
        let mut form = match whole {
            Whole::Preset(preset) => {
                let mut form = Self::empty(Of::Preset(Some((preset.id, preset.rev))), cx);
                form.name.set(&preset.name);
                form.model.set(preset.model.as_deref().unwrap_or_default());
                form.options.set(&written_options(&preset.options));
                form.body.set_text(preset.system_prompt.as_deref().unwrap_or_default());
                form
            }
            Whole::Prompt(prompt) => {
                let mut form = Self::empty(Of::Prompt(Some((prompt.id, prompt.rev))), cx);
                form.name.set(&prompt.name);
                form.body.set_text(&prompt.body);
                form
            }
        };
        form.began = form.texts();
        form
    }

    fn empty(of: Of, cx: &Cx) -> Self {
        let mut form = Self {
            of,
            name: Field::default(),
            model: Field::default(),
            options: Field::default(),
            body: Composer::new(cx.config.ui.vim),
            at: 0,
            fault: None,
            state: State::Written,
            began: Vec::new(),
        };
        form.began = form.texts();
        form
    }

    fn texts(&self) -> Vec<String> {
        vec![
            self.name.text().to_owned(),
            self.model.text().to_owned(),
            self.options.text().to_owned(),
            self.body.text(),
        ]
    }

    fn rows(&self) -> &'static [(Row, &'static str)] {
        match self.of {
            Of::Preset(_) => PRESET,
            Of::Prompt(_) => PROMPT,
        }
    }

    fn row(&self) -> Row {
        self.rows()[self.at].0
    }

    /// The long text is written as a message is.
    #[must_use]
    pub fn context(&self) -> Context {
        match self.row() {
            Row::Name | Row::Model | Row::Options => Context::Form,
            Row::Body => Context::Composer,
        }
    }

    /// `None` = not used.
    pub fn on_action(&mut self, action: Action, cx: &Cx) -> Option<FormOut> {
        let last = self.rows().len() - 1;
        match action {
            Action::Send | Action::Newline if (action == Action::Send) == cx.config.ui.enter_sends => {
                return Some(self.save());
            }
            Action::Send | Action::Newline => self.body.newline(),
            Action::Editor => return Some(FormOut::Edit(self.body.text())),
            Action::UnfoldPaste => {
                let _ = self.body.unfold_paste();
            }
            Action::HistoryBack if self.body.is_on_first_row() => self.at = last - 1,
            Action::NextField | Action::FocusNext => self.at = if self.at == last { 0 } else { self.at + 1 },
            Action::PreviousField | Action::FocusPrevious => self.at = if self.at == 0 { last } else { self.at - 1 },
            // The long text is last, and there Enter is the composer's.
            Action::Submit => self.at = (self.at + 1).min(last),
            Action::Escape if self.row() == Row::Body && self.body.vim_mode() == Some("INSERT") => {
                self.body.on_key(KeyCode::Esc.into());
            }
            Action::Cancel | Action::Escape | Action::Interrupt => {
                // Nothing that a person typed goes without a word.
                if self.state == State::Leaving || self.texts() == self.began {
                    return Some(FormOut::Close);
                }
                self.state = State::Leaving;
                return Some(FormOut::Stay);
            }
            _ => return None,
        }
        self.stays();
        Some(FormOut::Stay)
    }

    fn stays(&mut self) {
        if self.state == State::Leaving {
            self.state = State::Written;
        }
    }

    /// `None` = not used.
    pub fn on_key(&mut self, key: KeyEvent) -> Option<FormOut> {
        // What many editors save with, whatever Enter means here.
        if key.code == KeyCode::Char('s') && key.modifiers == KeyModifiers::CONTROL {
            return Some(self.save());
        }
        let used = match self.row() {
            Row::Name => self.name.on_key(key),
            Row::Model => self.model.on_key(key),
            Row::Options => self.options.on_key(key),
            Row::Body => self.body.on_key(key) != Typed::Unused,
        };
        used.then(|| {
            self.typed();
            FormOut::Stay
        })
    }

    pub fn on_paste(&mut self, text: String) {
        match self.row() {
            Row::Name => drop(self.name.paste(&text)),
            Row::Model => drop(self.model.paste(&text)),
            Row::Options => drop(self.options.paste(&text)),
            Row::Body => drop(self.body.paste(text)),
        }
        self.typed();
    }

    fn typed(&mut self) {
        self.fault = None;
        self.stays();
    }

    /// The long text came back from the editor.
    pub fn edited(&mut self, text: &str) {
        self.body.edited_elsewhere(text);
        self.typed();
    }

    /// What was typed stays.
    pub fn refuse(&mut self, fault: Fault) {
        self.state = if fault.kind == FaultKind::Conflict { State::Overtaken } else { State::Written };
        self.fault = Some(fault);
    }

    /// What is there now, after a refusal: saving once more then puts this in its place, and says so.
    pub fn renewed(&mut self, whole: &Whole) {
        let is_newer = |seen: &mut u32, rev: u32| std::mem::replace(seen, rev) != rev;
        let overtaken = match (&mut self.of, whole) {
            (Of::Preset(Some((id, seen))), Whole::Preset(preset)) if *id == preset.id => is_newer(seen, preset.rev),
            (Of::Prompt(Some((id, seen))), Whole::Prompt(prompt)) if *id == prompt.id => is_newer(seen, prompt.rev),
            (Of::Preset(_) | Of::Prompt(_), _) => false,
        };
        if overtaken {
            let fault = Fault::new(FaultKind::Conflict, "It was changed in another window meanwhile.");
            self.fault = Some(fault.hint("Save again to put yours in its place."));
        }
        self.state = State::Written;
    }

    /// It waits to know what is there now.
    #[must_use]
    pub fn is_overtaken(&self) -> bool {
        self.state == State::Overtaken
    }

    fn save(&mut self) -> FormOut {
        if self.state == State::Sent {
            return FormOut::Stay;
        }
        let name = self.name.text().to_owned();
        let written = match self.of {
            Of::Preset(of) => {
                let options = match read_options(self.options.text()) {
                    Ok(options) => options,
                    Err(fault) => {
                        self.fault = Some(fault);
                        return FormOut::Stay;
                    }
                };
                let some = |text: String| Some(text).filter(|text| !text.trim().is_empty());
                let (model, system_prompt) = (some(self.model.text().trim().to_owned()), some(self.body.text()));
                Written::Preset { of, new: NewPreset { name, model, system_prompt, options } }
            }
            Of::Prompt(of) => Written::Prompt { of, new: NewPrompt { name, body: self.body.text() } },
        };
        self.state = State::Sent;
        FormOut::Save(Box::new(written))
    }

    fn hints(&self, cx: &Cx) -> Vec<Hint> {
        if self.context() == Context::Composer {
            let (send, newline) = cx.writing();
            return cx.hints(&[
                (send, "save"),
                (newline, "newline"),
                (Action::Editor, "editor"),
                (Action::PreviousField, "field before"),
                (Action::Escape, "back"),
            ]);
        }
        let mut hints = cx.hints(&[(Action::Submit, "next")]);
        hints.push(Hint { key: "Ctrl+S".to_owned(), help: "save" });
        hints.extend(cx.hints(&[(Action::PreviousField, "field before"), (Action::Cancel, "back")]));
        hints
    }

    pub fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let theme = &cx.theme;
        let title = match self.of {
            Of::Preset(None) => "New preset",
            Of::Preset(Some(_)) => "Change the preset",
            Of::Prompt(None) => "New prompt template",
            Of::Prompt(Some(_)) => "Change the prompt template",
        };
        let wish = (area.width.saturating_sub(6).clamp(30, 96), area.height.saturating_sub(2).clamp(9, 26));
        let inner = modal::open(frame, area, cx, title, wish, &self.hints(cx)).inner(Margin::new(1, 0));
        let foot = 2.min(inner.height);
        let rows = self.rows();
        // The fields above make room where the whole form does not fit.
        let needed = |from: usize| 2 * (rows.len() - from) as u16 + 1;
        let first = (0..self.at).find(|from| needed(*from) + foot <= inner.height).unwrap_or(self.at);
        let mut y = inner.y;
        for (place, (row, label)) in rows.iter().enumerate().skip(first) {
            if y + 1 >= inner.bottom() - foot {
                break;
            }
            let is_focused = place == self.at;
            let (bar, style) = if is_focused { ("┃ ", theme.accent) } else { ("│ ", theme.dim) };
            let label = clip(label, usize::from(inner.width));
            frame.render_widget(Span::styled(label, style), Rect { y, height: 1, ..inner });
            let height = if *row == Row::Body { inner.bottom() - foot - y - 1 } else { 1 };
            let text = Rect { x: inner.x + 2, y: y + 1, width: inner.width.saturating_sub(2), height };
            for line in 0..height {
                frame.render_widget(Span::styled(bar, style), Rect { y: y + 1 + line, height: 1, ..inner });
            }
            match row {
                Row::Name => self.name.view(frame, text, theme.text, is_focused),
                Row::Model => self.model.view(frame, text, theme.text, is_focused),
                Row::Options => self.options.view(frame, text, theme.text, is_focused),
                Row::Body => self.body.view(frame, text, theme.text, is_focused),
            }
            y += 1 + height;
        }
        let below = Rect { y: inner.bottom() - foot, height: foot, ..inner };
        match (&self.fault, self.state) {
            (_, State::Leaving) => {
                let words = format!("{} once more leaves it; what was typed is lost.", cx.key(Action::Cancel));
                frame.render_widget(Line::styled(words, theme.warning), below);
            }
            (_, State::Sent) => frame.render_widget(Line::styled("Saving…", theme.dim), below),
            (Some(fault), State::Written | State::Overtaken) => frame.render_widget(fault_text(fault, cx), below),
            (None, State::Written | State::Overtaken) => {
                frame.render_widget(Line::styled(self.note(usize::from(below.width)), theme.dim), below);
            }
        }
    }

    /// What a template asks for, or where it cannot be read, as it is typed.
    fn note(&self, room: usize) -> String {
        let Of::Prompt(_) = self.of else { return String::new() };
        let text = match Template::parse(&self.body.text()) {
            Err(wrong) => format!("✗ {wrong}"),
            Ok(template) if template.variables().is_empty() => {
                "Asks for nothing yet: {{name}}, {{name=default}}, {{name:one|other}}".to_owned()
            }
            Ok(template) => {
                let asks = template.variables().iter().map(|variable| match &variable.takes {
                    Takes::Anything => variable.name.clone(),
                    Takes::Default(usual) => format!("{} ({usual})", variable.name),
                    Takes::OneOf(choices) => format!("{} ({})", variable.name, choices.join(" or ")),
                });
                format!("Asks for {}", asks.collect::<Vec<_>>().join(", "))
            }
        };
        clip(SafeText::line(&text).as_str(), room)
    }
}
