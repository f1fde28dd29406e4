//! How a shelf looks: the list, and what is selected beside it, or below it where it is narrow.

use ratatui::{
    Frame,
    layout::{Margin, Rect},
    text::{Line, Span, Text},
    widgets::{Block, Paragraph, Wrap},
};

use super::{Front, Kind, Row, ShelfTab, name_of, safe};
pub(super) use crate::ui::screens::library::parts;
use crate::{
    api::{
        library::{Preset, Prompt},
        options::OPTIONS,
    },
    safe_text::SafeText,
    template::{Takes, Template},
    ui::{actions::Action, cx::Cx, msg::Whole, text::wrap::clip, widgets::modal},
};

impl ShelfTab {
    pub(super) fn draw(&self, frame: &mut Frame, area: Rect, whole: Rect, cx: &Cx, in_front: bool) {
        let (list, detail) = parts(area);
        let focused = in_front && matches!(self.front, None | Some(Front::FoldersAwaited(_)));
        let (title, empty) = self.words(cx);
        let line = |row: &Row| {
            let mark = if row.is_default { "★ " } else { "" };
            (format!("{mark}{}", safe(&row.name)), safe(&row.about))
        };
        self.list.view(frame, list, cx, (title, focused, &empty), line);
        if !detail.is_empty() {
            self.draw_detail(frame, detail, cx);
        }
        match &self.front {
            None | Some(Front::FoldersAwaited(_)) => {}
            Some(Front::Form(form)) => form.view(frame, whole, cx),
            Some(Front::Delete(ask, _) | Front::Replace(ask, _)) => ask.view(frame, whole, cx),
            Some(Front::Folders(picker, ..)) => picker.view(frame, whole, cx),
            Some(Front::Path { field, imports }) => {
                let (title, does) = match (imports, self.kind) {
                    (true, Kind::Presets) => ("Take presets from this file", "read"),
                    (true, Kind::Prompts) => ("Take prompt templates from this file", "read"),
                    (false, Kind::Presets) => ("Write all presets to this file", "write"),
                    (false, Kind::Prompts) => ("Write all prompt templates to this file", "write"),
                };
                let hints = cx.hints(&[(Action::Submit, does), (Action::Cancel, "back")]);
                let inner = modal::open(frame, whole, cx, title, (60, 3), &hints);
                let line =
                    Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), height: inner.height.min(1), ..inner };
                field.view(frame, line, cx.theme.text, true);
            }
        }
    }

    /// The title, and what is said where there is nothing yet.
    fn words(&self, cx: &Cx) -> (&'static str, String) {
        let new = cx.key(Action::LibraryNew);
        match self.kind {
            Kind::Presets => (
                "Presets",
                format!(
                    "No presets yet: a model, a system prompt and options under one name. {new} makes one, and \
                     /save-preset in the chat makes one of a conversation."
                ),
            ),
            Kind::Prompts => (
                "Prompt templates",
                format!(
                    "No prompt templates yet: texts with {{{{places}}}} to fill in. {new} makes one; in the chat a slash \
                     and its name call it."
                ),
            ),
        }
    }

    fn draw_detail(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let theme = &cx.theme;
        let block = Block::bordered().border_style(theme.border);
        let Some(whole) = self.whole_selected() else {
            frame.render_widget(block, area);
            return;
        };
        let room = usize::from(area.width.saturating_sub(4));
        let title = format!(" {} ", clip(&safe(name_of(whole)), room));
        let inner = block.inner(area).inner(Margin::new(1, 0));
        frame.render_widget(block.title(Line::styled(title, theme.title)), area);
        let (mut lines, body) = match whole {
            Whole::Preset(preset) => (about_preset(preset, cx), preset.system_prompt.as_deref().unwrap_or_default()),
            Whole::Prompt(prompt) => (about_prompt(prompt, cx), prompt.body.as_str()),
        };
        if !body.is_empty() {
            lines.push(Line::default());
            let shown = SafeText::new(body);
            lines.extend(shown.as_str().lines().map(|line| Line::styled(line.to_owned(), theme.text)));
        }
        frame.render_widget(Paragraph::new(Text::from(lines)).wrap(Wrap { trim: false }), inner);
    }
}

fn pair(name: &str, value: String, cx: &Cx) -> Line<'static> {
    Line::from(vec![Span::styled(format!("{name:<14}"), cx.theme.dim), Span::styled(value, cx.theme.text)])
}

fn about_preset(preset: &Preset, cx: &Cx) -> Vec<Line<'static>> {
    let model = preset.model.as_deref().map_or_else(|| "the conversation's".to_owned(), safe);
    let mut lines = vec![pair("model", model, cx)];
    for spec in OPTIONS {
        let value = preset.options.get(spec.name);
        if !value.is_empty() {
            lines.push(pair(spec.name, safe(&value), cx));
        }
    }
    if preset.is_default {
        lines.push(pair("default", "★ for new conversations".to_owned(), cx));
    }
    lines.push(pair("folders", preset.folders.to_string(), cx));
    lines.push(pair("conversations", preset.conversations.to_string(), cx));
    lines.push(pair("changed", cx.clock(preset.updated_at), cx));
    lines
}

fn about_prompt(prompt: &Prompt, cx: &Cx) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    match Template::parse(&prompt.body) {
        Ok(template) => {
            for variable in template.variables() {
                let takes = match &variable.takes {
                    Takes::Anything => String::new(),
                    Takes::Default(usual) => format!(", else {}", safe(usual)),
                    Takes::OneOf(choices) => format!(": {}", safe(&choices.join(" or "))),
                };
                lines.push(Line::from(vec![
                    Span::styled(format!("{:<14}", "asks for"), cx.theme.dim),
                    Span::styled(safe(&variable.name), cx.theme.accent),
                    Span::styled(takes, cx.theme.text),
                ]));
            }
        }
        Err(wrong) => lines.push(Line::styled(format!("✗ {wrong}"), cx.theme.error)),
    }
    lines.push(pair("changed", cx.clock(prompt.updated_at), cx));
    lines
}
