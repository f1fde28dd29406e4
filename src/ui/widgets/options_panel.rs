//! The side panel: the conversation's model, system prompt and generation options as a form, and its figures. What is typed is checked
//! when the field is left; a wrong value stays, with what is wrong beside it, and changes nothing.

use crossterm::event::KeyEvent;
use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span, Text},
    widgets::{Paragraph, Wrap},
};
use unicode_width::UnicodeWidthStr as _;

use super::{
    chart::{count, duration},
    field::Field,
    picker::cut,
};
use crate::{
    api::{
        amount,
        insights::ConversationFigures,
        options::{ChatOptions, OPTIONS},
    },
    safe_text::SafeText,
    ui::{cx::Cx, keymap::Action},
};

/// Rows before the options; the last one only where there can be presets.
const HEADS: [&str; 3] = ["model", "system", "preset"];
const NAME_WIDTH: u16 = 13;
/// Lines that the help of an option may take.
const HELP: u16 = 7;

#[derive(Debug)]
pub struct OptionsPanel {
    options: ChatOptions,
    fields: Vec<Field>,
    errors: Vec<Option<String>>,
    at: usize,
    model: String,
    system: String,
    /// `None` = there are none here.
    preset: Option<String>,
    figures: Option<Figured>,
}

/// The figures of the conversation: in a few words, and in full.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Figured {
    short: String,
    full: Vec<String>,
}

/// What the panel tells its owner.
#[derive(Clone, Debug, PartialEq)]
pub enum PanelOut {
    Nothing,
    Changed(Box<ChatOptions>),
    ChooseModel,
    EditSystemPrompt,
    ChoosePreset,
    /// The focus goes on to the next part of the screen, or back to the one before.
    Leave {
        forward: bool,
    },
}

impl OptionsPanel {
    pub fn new(options: &ChatOptions, model: Option<&str>, system: Option<&str>) -> Self {
        let mut panel = Self {
            options: options.clone(),
            fields: OPTIONS.iter().map(|spec| Field::new(&options.get(spec.name))).collect(),
            errors: vec![None; OPTIONS.len()],
            at: 0,
            model: String::new(),
            system: String::new(),
            preset: None,
            figures: None,
        };
        panel.set_heads(model, system);
        panel
    }

    /// From now on there is a row for the preset: the one applied last, or the one it begins with.
    pub fn set_preset(&mut self, name: Option<&str>) {
        self.preset = Some(name.map_or_else(|| "none".to_owned(), |name| SafeText::line(name).into_string()));
    }

    /// Rows before the options.
    fn before(&self) -> usize {
        HEADS.len() - usize::from(self.preset.is_none())
    }

    /// What is stored changed; a field that is being typed in, or is wrong, keeps its text.
    pub fn refresh(&mut self, options: &ChatOptions, model: Option<&str>, system: Option<&str>) {
        for (place, spec) in OPTIONS.iter().enumerate() {
            if self.fields[place].text() == self.options.get(spec.name) {
                self.fields[place].set(&options.get(spec.name));
            }
        }
        self.options = options.clone();
        self.set_heads(model, system);
    }

    /// `None` = there are none yet.
    pub fn set_figures(&mut self, figures: Option<&ConversationFigures>) {
        self.figures = figures.map(figured);
    }

    /// Rows of the form: the heads, the options, and the figures.
    fn rows(&self) -> usize {
        self.before() + OPTIONS.len() + 1
    }

    /// The option under the cursor.
    fn place(&self) -> Option<usize> {
        self.at.checked_sub(self.before()).filter(|place| *place < OPTIONS.len())
    }

    fn set_heads(&mut self, model: Option<&str>, system: Option<&str>) {
        self.model = model.map_or_else(|| "not chosen".to_owned(), |name| SafeText::line(name).into_string());
        self.system = match system.map(SafeText::line) {
            Some(text) if !text.as_str().trim().is_empty() => text.into_string(),
            Some(_) | None => "none".to_owned(),
        };
    }

    pub fn on_action(&mut self, action: Action) -> Option<PanelOut> {
        match action {
            Action::NextField | Action::Submit if self.at == 0 && action == Action::Submit => {
                Some(PanelOut::ChooseModel)
            }
            Action::Submit if self.at == 1 => Some(PanelOut::EditSystemPrompt),
            Action::Submit if self.at == 2 && self.preset.is_some() => Some(PanelOut::ChoosePreset),
            Action::NextField | Action::Submit | Action::FocusNext => Some(self.go(true)),
            Action::PreviousField | Action::FocusPrevious => Some(self.go(false)),
            Action::Cancel | Action::Escape => {
                self.give_up();
                Some(PanelOut::Leave { forward: false })
            }
            _ => None,
        }
    }

    /// Typing; `None` = not used.
    pub fn on_key(&mut self, key: KeyEvent) -> Option<PanelOut> {
        let place = self.place()?;
        if self.fields[place].on_key(key) {
            self.errors[place] = None;
            return Some(PanelOut::Nothing);
        }
        None
    }

    pub fn on_paste(&mut self, text: &str) {
        if let Some(place) = self.place() {
            self.fields[place].paste(&text.replace('\n', "\\n"));
            self.errors[place] = None;
        }
    }

    /// A click on a row selects it. Gives what leaving the former one changed.
    pub fn click(&mut self, line: u16) -> PanelOut {
        let out = self.commit();
        let row = usize::from(line);
        if row < self.rows() {
            self.at = row;
        }
        match (out, row) {
            (PanelOut::Nothing, 0) => PanelOut::ChooseModel,
            (PanelOut::Nothing, 1) => PanelOut::EditSystemPrompt,
            (PanelOut::Nothing, 2) if self.preset.is_some() => PanelOut::ChoosePreset,
            (out, _) => out,
        }
    }

    /// Checks the field that has been typed in.
    pub fn commit(&mut self) -> PanelOut {
        let Some(place) = self.place() else { return PanelOut::Nothing };
        let spec = &OPTIONS[place];
        let typed = self.fields[place].text().to_owned();
        if typed == self.options.get(spec.name) {
            self.errors[place] = None;
            return PanelOut::Nothing;
        }
        let mut changed = self.options.clone();
        match changed.set(spec.name, &typed) {
            Ok(()) => {
                self.errors[place] = None;
                self.fields[place].set(&changed.get(spec.name));
                if changed == self.options {
                    return PanelOut::Nothing;
                }
                self.options = changed.clone();
                PanelOut::Changed(Box::new(changed))
            }
            Err(fault) => {
                self.errors[place] = Some(fault.to_string());
                PanelOut::Nothing
            }
        }
    }

    fn go(&mut self, forward: bool) -> PanelOut {
        let out = self.commit();
        // A wrong value is not walked past: its message stands at the foot of the panel.
        if self.place().is_some_and(|place| self.errors[place].is_some()) {
            return PanelOut::Nothing;
        }
        let last = self.rows() - 1;
        match (forward, self.at) {
            (true, at) if at == last => Self::leave(out, true),
            (false, 0) => Self::leave(out, false),
            (true, at) => {
                self.at = at + 1;
                out
            }
            (false, at) => {
                self.at = at - 1;
                out
            }
        }
    }

    fn leave(out: PanelOut, forward: bool) -> PanelOut {
        if out == PanelOut::Nothing { PanelOut::Leave { forward } } else { out }
    }

    /// Wrong values go back to what is stored.
    fn give_up(&mut self) {
        for (place, spec) in OPTIONS.iter().enumerate() {
            self.fields[place].set(&self.options.get(spec.name));
            self.errors[place] = None;
        }
    }

    pub fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool) {
        let theme = &cx.theme;
        for row in 0..self.rows() {
            let Ok(offset) = u16::try_from(row) else { break };
            if offset >= area.height {
                break;
            }
            let line = Rect { y: area.y + offset, height: 1, ..area };
            let selected = focused && row == self.at;
            let place = row.checked_sub(self.before()).filter(|place| *place < OPTIONS.len());
            let (name, wrong) = match place {
                Some(place) => (OPTIONS[place].name, self.errors[place].is_some()),
                None if row < self.before() => (HEADS[row], false),
                None => ("figures", false),
            };
            let marker = if selected { "›" } else { " " };
            let name_style = if selected { theme.accent } else { theme.dim };
            let shown = format!("{marker}{name}");
            frame.render_widget(Span::styled(shown, name_style), Rect { width: NAME_WIDTH.min(line.width), ..line });
            let value = Rect {
                x: line.x + NAME_WIDTH.min(line.width),
                width: line.width.saturating_sub(NAME_WIDTH + 1),
                ..line
            };
            let style = if wrong { theme.error } else { theme.text };
            match place {
                Some(place) if self.fields[place].is_empty() && !selected => {
                    let default = cut(&format!("({})", OPTIONS[place].default), usize::from(value.width));
                    frame.render_widget(Span::styled(default, theme.placeholder), value);
                }
                Some(place) => {
                    self.fields[place].view(frame, value, style, selected);
                    if wrong && value.width > 0 {
                        frame.render_widget(
                            Span::styled("!", theme.error),
                            Rect { x: line.right() - 1, width: 1, ..line },
                        );
                    }
                }
                None => {
                    let preset = self.preset.as_deref().unwrap_or_default();
                    let figures = self.figures.as_ref().map_or("none yet", |figures| figures.short.as_str());
                    let (text, style) = if row < self.before() {
                        ([self.model.as_str(), self.system.as_str(), preset][row], theme.text)
                    } else {
                        (figures, theme.dim)
                    };
                    frame.render_widget(Span::styled(cut(text, usize::from(value.width)), style), value);
                }
            }
        }
        let used = u16::try_from(self.rows()).unwrap_or(u16::MAX);
        if area.height > used + 1 {
            let foot = Rect {
                y: area.y + used + 1,
                height: area.height - used - 1,
                x: area.x + 1,
                width: area.width.saturating_sub(2),
            };
            frame.render_widget(Paragraph::new(self.foot(cx)).wrap(Wrap { trim: true }), foot);
            self.view_figures(frame, foot, cx);
        }
    }

    /// Below the help, where there is room for both.
    fn view_figures(&self, frame: &mut Frame, foot: Rect, cx: &Cx) {
        let Some(figures) = self.figures.as_ref().filter(|_| self.at < self.before() + OPTIONS.len()) else { return };
        let rows = u16::try_from(figures.full.len() + 1).unwrap_or(u16::MAX);
        if foot.height < HELP + rows {
            return;
        }
        let area = Rect { y: foot.bottom() - rows, height: rows, ..foot };
        let mut lines = vec![Line::styled("This conversation", cx.theme.heading)];
        let room = usize::from(area.width);
        lines.extend(figures.full.iter().map(|line| Line::styled(cut(line, room), cx.theme.dim)));
        frame.render_widget(Paragraph::new(lines), area);
    }

    fn foot(&self, cx: &Cx) -> Text<'static> {
        let theme = &cx.theme;
        let Some(place) = self.place() else {
            let opens = cx.key(Action::Submit);
            if self.at >= self.before() {
                return match &self.figures {
                    Some(figures) => figures.full.iter().map(|line| Line::styled(line.clone(), theme.text)).collect(),
                    None => Text::styled("What was said in this conversation, in figures.", theme.dim),
                };
            }
            let text = match self.at {
                0 => format!("The model that answers. {opens} opens the list."),
                1 => format!("What the model is told before everything else. {opens} opens it."),
                _ => format!("Model, system prompt and options under one name. {opens} opens the list."),
            };
            return Text::styled(text, theme.dim);
        };
        let spec = &OPTIONS[place];
        if let Some(error) = &self.errors[place] {
            return Text::styled(SafeText::new(error).into_string(), theme.error);
        }
        Text::from(vec![
            Line::styled(spec.help, theme.dim),
            Line::styled(format!("Takes {}.", spec.range), theme.dim),
            Line::styled(format!("Empty: {}.", spec.default), theme.dim),
        ])
    }

    /// The widest a value is shown; for the panel's width.
    pub fn width() -> u16 {
        NAME_WIDTH + u16::try_from("the server's".width() + 9).unwrap_or(21)
    }
}

/// The figures of a conversation in lines as narrow as the panel.
fn figured(shown: &ConversationFigures) -> Figured {
    let figures = &shown.figures;
    let messages = figures.messages();
    let mut full: Vec<String> =
        shown.since.map(|since| format!("since {}", since.strftime("%-d %b %Y"))).into_iter().collect();
    full.extend([format!("{} asked, {} answered", count(figures.asked.unwrap_or(0)), count(figures.answers.all()))]);
    if !figures.hides_tokens() {
        full.extend([
            format!("{} tokens out, {} in", count(figures.answer_tokens), count(figures.prompt_tokens)),
            format!("answering took {}", duration(figures.answering_ms)),
        ]);
    }
    if let Some(speed) = figures.tokens_per_second {
        full.push(format!("{speed:.1} tok/s on average"));
    }
    let early: Vec<String> = figures
        .answers
        .each()
        .iter()
        .filter(|(how, of)| *of > 0 && *how != "done")
        .map(|(how, of)| format!("{} {how}", count(*of)))
        .collect();
    if !early.is_empty() {
        full.push(early.join(", "));
    }
    if figures.liked + figures.disliked > 0 {
        full.push(format!("{} liked, {} disliked", count(figures.liked), count(figures.disliked)));
    }
    full.extend(shown.models.iter().take(3).map(|each| {
        let name =
            each.model.as_deref().map_or_else(|| "not told".to_owned(), |name| SafeText::line(name).into_string());
        format!("{name}: {}", count(each.figures.answers.all()))
    }));
    if shown.models.len() > 3 {
        full.push(format!("and {} more", shown.models.len() - 3));
    }
    let short = amount::many(messages, "message");
    Figured { short, full }
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyCode;

    use super::*;

    fn write(panel: &mut OptionsPanel, text: &str) {
        for c in text.chars() {
            panel.on_key(KeyEvent::from(KeyCode::Char(c)));
        }
    }

    fn at_temperature() -> OptionsPanel {
        let mut panel = OptionsPanel::new(&ChatOptions::default(), None, None);
        panel.on_action(Action::NextField);
        panel.on_action(Action::NextField);
        panel
    }

    #[test]
    fn a_right_value_is_given_when_the_field_is_left() {
        let mut panel = at_temperature();
        write(&mut panel, "0.5");
        let expected = ChatOptions { temperature: Some(0.5), ..ChatOptions::default() };
        assert_eq!(panel.on_action(Action::Submit), Some(PanelOut::Changed(Box::new(expected))));
    }

    #[test]
    fn a_wrong_value_stays_and_says_what_is_wrong() {
        let mut panel = at_temperature();
        write(&mut panel, "hot");
        assert_eq!(panel.on_action(Action::NextField), Some(PanelOut::Nothing));
        assert_eq!(panel.at, panel.before(), "it is not walked past");
        assert!(panel.errors[0].as_deref().unwrap().contains("temperature"));
        assert_eq!(panel.on_action(Action::Cancel), Some(PanelOut::Leave { forward: false }));
        assert!(panel.fields[0].is_empty() && panel.errors[0].is_none());
    }

    #[test]
    fn emptying_a_field_clears_the_option() {
        let options = ChatOptions { temperature: Some(0.5), ..ChatOptions::default() };
        let mut panel = OptionsPanel::new(&options, None, None);
        panel.on_action(Action::NextField);
        panel.on_action(Action::NextField);
        for _ in 0..3 {
            panel.on_key(KeyEvent::from(KeyCode::Backspace));
        }
        assert_eq!(panel.on_action(Action::Submit), Some(PanelOut::Changed(Box::default())));
    }

    #[test]
    fn the_preset_has_a_row_where_there_can_be_one() {
        let mut panel = OptionsPanel::new(&ChatOptions::default(), None, None);
        panel.set_preset(Some("Strict"));
        panel.on_action(Action::NextField);
        panel.on_action(Action::NextField);
        assert_eq!(panel.on_action(Action::Submit), Some(PanelOut::ChoosePreset));
        panel.on_action(Action::NextField);
        write(&mut panel, "0.5");
        let expected = ChatOptions { temperature: Some(0.5), ..ChatOptions::default() };
        assert_eq!(panel.on_action(Action::Submit), Some(PanelOut::Changed(Box::new(expected))));
    }

    #[test]
    fn the_last_row_tells_the_figures_of_the_conversation() {
        use crate::api::insights::{Figures, OfModel, Outcomes};
        let mut panel = OptionsPanel::new(&ChatOptions::default(), None, None);
        panel.on_action(Action::PreviousField);
        for _ in 0..panel.rows() - 1 {
            panel.on_action(Action::NextField);
        }
        assert_eq!(panel.on_key(KeyEvent::from(KeyCode::Char('x'))), None, "nothing is typed there");
        let draw = |panel: &OptionsPanel, height| {
            let mut terminal =
                ratatui::Terminal::new(ratatui::backend::TestBackend::new(OptionsPanel::width(), height)).unwrap();
            terminal.draw(|frame| panel.view(frame, frame.area(), &Cx::fixed(), true)).unwrap();
            terminal.backend().to_string()
        };
        assert!(draw(&panel, 20).contains("figures     none yet"), "{}", draw(&panel, 20));
        let figures = Figures {
            asked: Some(6),
            answers: Outcomes { done: 4, stopped: 2, ..Outcomes::default() },
            answer_tokens: 12_345,
            prompt_tokens: 900,
            answering_ms: 61_000,
            tokens_per_second: Some(41.23),
            liked: 1,
            ..Figures::default()
        };
        let model = |name: &str| OfModel { model: Some(name.to_owned()), figures };
        panel.set_figures(Some(&ConversationFigures {
            figures,
            models: vec![model("a:1b\u{1b}[31m"), model("b:1b"), model("c:1b"), model("d:1b")],
            since: Some(jiff::civil::Date::constant(2026, 3, 1)),
        }));
        insta::assert_snapshot!("figures", draw(&panel, 24));
        // With room they stand below, whatever row is in use.
        panel.on_action(Action::PreviousField);
        insta::assert_snapshot!("figures_below", draw(&panel, 34));
        assert_eq!(panel.on_action(Action::NextField), Some(PanelOut::Nothing));
        assert_eq!(panel.on_action(Action::NextField), Some(PanelOut::Leave { forward: true }));
    }

    #[test]
    fn the_first_rows_open_the_model_list_and_the_system_prompt() {
        let mut panel = OptionsPanel::new(&ChatOptions::default(), None, None);
        assert_eq!(panel.on_action(Action::Submit), Some(PanelOut::ChooseModel));
        panel.on_action(Action::NextField);
        assert_eq!(panel.on_action(Action::Submit), Some(PanelOut::EditSystemPrompt));
    }
}
