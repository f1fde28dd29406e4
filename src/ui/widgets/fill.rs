//! The form that fills a prompt template in: a field for each thing it asks for, and below them what comes out.
//!
//! It sends nothing and stores nothing; the finished text is its owner's.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Margin, Rect},
    text::{Line, Span},
    widgets::Paragraph,
};

use super::{
    composer::{Composer, Typed},
    modal,
};
use crate::{
    safe_text::SafeText,
    template::{Now, SELECTION, Takes, Template, Variable, is_same},
    ui::{
        actions::Action,
        cx::Cx,
        text::wrap::{clip, width},
    },
};

/// Rows that a long value shows of itself.
const VALUE_ROWS: u16 = 4;

#[derive(Debug)]
pub struct Fill {
    name: String,
    template: Template,
    values: Vec<Value>,
    at: usize,
    now: Now,
    /// Rows of the result above the first one shown.
    scrolled: usize,
    /// What is missing, said once Enter asked for it.
    missing: bool,
}

#[derive(Debug)]
enum Value {
    Text(Box<Composer>),
    Choice(usize),
}

/// What the form tells its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FillOut {
    /// The finished text.
    Done(String),
    Closed,
    Stay,
}

impl Fill {
    /// `selection` fills the variable of that name; `rest` the first one that has nothing else.
    #[must_use]
    pub fn new(name: &str, template: Template, selection: Option<&str>, rest: &str, cx: &Cx) -> Self {
        let mut rest = Some(rest).filter(|rest| !rest.is_empty());
        let text = |text: &str| {
            let mut composer = Composer::new(false);
            composer.set_text(text);
            Value::Text(Box::new(composer))
        };
        let values = template
            .variables()
            .iter()
            .map(|variable| match (&variable.takes, selection) {
                (Takes::OneOf(_), _) => Value::Choice(0),
                (_, Some(selected)) if is_same(&variable.name, SELECTION) => text(selected),
                (Takes::Default(usual), _) => text(usual),
                (Takes::Anything, _) => text(rest.take().unwrap_or_default()),
            })
            .collect();
        let mut fill = Self {
            name: SafeText::line(name).into_string(),
            template,
            values,
            at: 0,
            now: Now::at_in(cx.now_ms, &cx.zone),
            scrolled: 0,
            missing: false,
        };
        // Where something is to be said, else at the first.
        fill.at = fill.next_open(0).unwrap_or(0);
        fill
    }

    /// The finished text, when nothing is left to ask.
    #[must_use]
    pub fn finished(&self) -> Option<String> {
        self.next_open(0).is_none().then(|| self.render(|value| value))
    }

    /// Nothing is asked for, so that there is nothing to show.
    #[must_use]
    pub fn asks_nothing(&self) -> bool {
        self.values.is_empty()
    }

    pub fn on_action(&mut self, action: Action) -> Option<FillOut> {
        let last = self.values.len().saturating_sub(1);
        match action {
            Action::NextField | Action::FocusNext => self.at = if self.at == last { 0 } else { self.at + 1 },
            Action::PreviousField | Action::FocusPrevious => self.at = if self.at == 0 { last } else { self.at - 1 },
            Action::Submit => match self.next_open(self.at).or_else(|| self.next_open(0)) {
                Some(open) => {
                    // Said only where Enter has brought nothing new.
                    self.missing = open == self.at;
                    self.at = open;
                    return Some(FillOut::Stay);
                }
                None => return Some(FillOut::Done(self.render(|value| value))),
            },
            Action::Cancel | Action::Escape | Action::Interrupt => return Some(FillOut::Closed),
            _ => return None,
        }
        self.missing = false;
        Some(FillOut::Stay)
    }

    /// `false` = not used.
    pub fn on_key(&mut self, key: KeyEvent) -> bool {
        match key.code {
            KeyCode::PageDown => {
                self.scrolled += 5;
                return true;
            }
            KeyCode::PageUp => {
                self.scrolled = self.scrolled.saturating_sub(5);
                return true;
            }
            _ => {}
        }
        let Some(value) = self.values.get_mut(self.at) else { return false };
        let used = match value {
            Value::Text(composer) => {
                let is_newline = (key.code == KeyCode::Char('j') && key.modifiers == KeyModifiers::CONTROL)
                    || (key.code == KeyCode::Enter
                        && key.modifiers.intersects(KeyModifiers::ALT | KeyModifiers::SHIFT));
                if is_newline {
                    composer.newline();
                    true
                } else {
                    composer.on_key(key) != Typed::Unused
                }
            }
            Value::Choice(at) => {
                let Takes::OneOf(choices) = &self.template.variables()[self.at].takes else { return false };
                let last = choices.len() - 1;
                match key.code {
                    KeyCode::Right | KeyCode::Char(' ' | 'l') => *at = if *at == last { 0 } else { *at + 1 },
                    KeyCode::Left | KeyCode::Char('h') => *at = if *at == 0 { last } else { *at - 1 },
                    _ => return false,
                }
                true
            }
        };
        self.missing &= !used;
        used
    }

    pub fn on_paste(&mut self, text: String) {
        if let Some(Value::Text(composer)) = self.values.get_mut(self.at) {
            composer.paste(text);
            self.missing = false;
        }
    }

    /// The first one from here on that has to be said and is not.
    fn next_open(&self, from: usize) -> Option<usize> {
        let is_open = |place: usize| match (&self.values[place], &self.template.variables()[place].takes) {
            (Value::Text(composer), Takes::Anything) => composer.text().trim().is_empty(),
            (Value::Text(_) | Value::Choice(_), _) => false,
        };
        (from..self.values.len()).find(|place| is_open(*place))
    }

    fn render(&self, shown: impl Fn(String) -> String) -> String {
        self.template.render(&self.now, |place, variable| match (&self.values[place], &variable.takes) {
            (Value::Text(composer), Takes::Anything) if composer.text().trim().is_empty() => {
                format!("‹{}›", variable.name)
            }
            (Value::Text(composer), _) => shown(composer.text()),
            (Value::Choice(at), takes) => shown(chosen(takes, *at).to_owned()),
        })
    }

    pub fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let theme = &cx.theme;
        let mut hints = cx.hints(&[(Action::Submit, "insert"), (Action::NextField, "next")]);
        if matches!(self.values.get(self.at), Some(Value::Choice(_))) {
            hints.push(crate::ui::cx::Hint { key: "←/→".to_owned(), help: "choose" });
        } else {
            hints.push(crate::ui::cx::Hint { key: "Ctrl+J".to_owned(), help: "newline" });
        }
        hints.extend(cx.hints(&[(Action::Cancel, "back")]));
        let wish = (area.width.saturating_sub(6).clamp(30, 96), area.height.saturating_sub(2).clamp(8, 30));
        let inner = modal::open(frame, area, cx, &format!("Fill in: {}", self.name), wish, &hints);
        let inner = inner.inner(Margin::new(1, 0));
        // At least three rows stay for what comes out.
        let room = inner.height.saturating_sub(4).max(1);
        let value_width = inner.width.saturating_sub(2).max(1);
        let height = |place: usize| 1 + self.value_rows(place, value_width);
        let mut first = 0;
        while first < self.at && (first..=self.at).map(height).sum::<u16>() > room {
            first += 1;
        }
        let fields: u16 = (first..self.values.len()).map(height).sum::<u16>().min(room);
        let [top, rule, below] =
            Layout::vertical([Constraint::Length(fields), Constraint::Length(1), Constraint::Min(0)]).areas(inner);
        let mut y = top.y;
        for place in first..self.values.len() {
            if y >= top.bottom() {
                break;
            }
            let spot = Rect { y, height: height(place).min(top.bottom() - y), ..top };
            self.view_value(frame, spot, place, cx);
            y += spot.height;
        }
        let note = if self.missing {
            Line::styled(" ✗ This has to be written. ", theme.error)
        } else {
            Line::styled(" Comes out as ", theme.dim)
        };
        frame.buffer_mut().set_string(rule.x, rule.y, "─".repeat(usize::from(rule.width)), theme.border);
        frame.render_widget(note, Rect { x: rule.x + 1, width: rule.width.saturating_sub(2), ..rule });
        self.view_result(frame, below, cx);
    }

    fn value_rows(&self, place: usize, width: u16) -> u16 {
        match &self.values[place] {
            Value::Text(composer) => composer.rows(width).clamp(1, VALUE_ROWS),
            Value::Choice(_) => 1,
        }
    }

    fn view_value(&self, frame: &mut Frame, area: Rect, place: usize, cx: &Cx) {
        let theme = &cx.theme;
        let focused = place == self.at;
        let variable: &Variable = &self.template.variables()[place];
        let (bar, style) = if focused { ("┃ ", theme.accent) } else { ("│ ", theme.dim) };
        let label = clip(SafeText::line(&variable.name).as_str(), usize::from(area.width));
        frame.render_widget(Span::styled(label, style), Rect { height: 1.min(area.height), ..area });
        let rows = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        for row in 0..rows.height {
            frame.render_widget(Span::styled(bar, style), Rect { y: rows.y + row, height: 1, ..rows });
        }
        let text = Rect { x: rows.x + 2, width: rows.width.saturating_sub(2), ..rows };
        match &self.values[place] {
            Value::Text(composer) => composer.view(frame, text, theme.text, focused),
            Value::Choice(at) => {
                let Takes::OneOf(choices) = &variable.takes else { return };
                let chosen = SafeText::line(chosen(&variable.takes, *at)).into_string();
                let count = format!("  {} of {}", at + 1, choices.len());
                let room = usize::from(text.width).saturating_sub(width(&count) + 4);
                let line = Line::from(vec![
                    Span::styled("‹ ", theme.key),
                    Span::styled(clip(&chosen, room), if focused { theme.selection } else { theme.text }),
                    Span::styled(" ›", theme.key),
                    Span::styled(count, theme.dim),
                ]);
                frame.render_widget(line, Rect { height: text.height.min(1), ..text });
            }
        }
    }

    /// As many rows of the result as fit, from where it was scrolled to.
    fn view_result(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let safe = SafeText::new(&self.render(|value| value));
        let columns = usize::from(area.width.max(1));
        let rows: Vec<String> = safe.as_str().lines().flat_map(|line| wrapped(line, columns)).collect();
        let height = usize::from(area.height);
        let first = self.scrolled.min(rows.len().saturating_sub(height));
        let more = rows.len().saturating_sub(first + height);
        let mut lines: Vec<Line<'_>> =
            rows.iter().skip(first).take(height).map(|row| Line::styled(row.as_str(), cx.theme.text)).collect();
        if more > 0
            && let Some(last) = lines.last_mut()
        {
            *last = Line::styled(format!("… {} more rows", more + 1), cx.theme.dim);
        }
        frame.render_widget(Paragraph::new(lines), area);
    }
}

fn chosen(takes: &Takes, at: usize) -> &str {
    match takes {
        Takes::OneOf(choices) => choices.get(at).map_or("", String::as_str),
        Takes::Anything | Takes::Default(_) => "",
    }
}

/// A line cut into rows, at spaces where there are some. Safe text only.
fn wrapped(line: &str, columns: usize) -> Vec<String> {
    let mut rows = vec![String::new()];
    let mut used = 0;
    for word in line.split_inclusive(' ') {
        let wide = width(word.trim_end_matches(' '));
        if used > 0 && used + wide > columns {
            rows.push(String::new());
            used = 0;
        }
        let mut word = word;
        while width(word.trim_end_matches(' ')) > columns {
            let cut = word
                .char_indices()
                .map(|(at, letter)| at + letter.len_utf8())
                .take_while(|end| width(&word[..*end]) <= columns)
                .last()
                .unwrap_or_else(|| word.chars().next().map_or(word.len(), char::len_utf8));
            rows.last_mut().into_iter().for_each(|row| row.push_str(&word[..cut]));
            rows.push(String::new());
            word = &word[cut..];
            used = 0;
        }
        used += width(word);
        rows.last_mut().into_iter().for_each(|row| row.push_str(word));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(body: &str, selection: Option<&str>, rest: &str) -> Fill {
        Fill::new("Test", Template::parse(body).unwrap(), selection, rest, &Cx::fixed())
    }

    fn write(fill: &mut Fill, text: &str) {
        for letter in text.chars() {
            assert!(fill.on_key(KeyCode::Char(letter).into()), "{letter}");
        }
    }

    #[test]
    fn enter_goes_to_what_is_missing_and_then_gives_the_text() {
        let mut fill = fill("{{a}} {{b=two}} {{c}} {{d:x|y}} {{date}}", None, "");
        assert_eq!((fill.at, fill.finished()), (0, None));
        assert_eq!(fill.on_action(Action::Submit), Some(FillOut::Stay));
        assert!(fill.missing, "nothing was written");
        write(&mut fill, "one");
        assert!(!fill.missing);
        assert_eq!(fill.on_action(Action::Submit), Some(FillOut::Stay));
        assert_eq!(fill.at, 2, "what has a default is passed over");
        write(&mut fill, "three");
        let done = FillOut::Done("one two three x 2026-11-24".to_owned());
        assert_eq!(fill.on_action(Action::Submit), Some(done));
    }

    #[test]
    fn choices_go_round_with_left_and_right() {
        let mut fill = fill("{{d:x|y|z}}", None, "");
        for (key, now) in [(KeyCode::Right, "y"), (KeyCode::Left, "x"), (KeyCode::Left, "z"), (KeyCode::Right, "x")] {
            assert!(fill.on_key(key.into()));
            assert_eq!(fill.finished().unwrap(), now);
        }
    }

    #[test]
    fn the_selection_and_what_was_typed_behind_the_name_are_there_already() {
        let both = fill("{{selection}}|{{text}}|{{more=m}}", Some("one\ntwo {{x}}"), "rest");
        assert_eq!(both.finished().unwrap(), "one\ntwo {{x}}|rest|m");
        assert_eq!(fill("{{selection}}", None, "").finished(), None, "nothing is selected, so it is asked for");
        assert!(fill("plain", None, "").asks_nothing());
    }

    #[test]
    fn a_value_may_have_several_lines() {
        let mut fill = fill("{{a}}", None, "");
        write(&mut fill, "x");
        assert!(fill.on_key(KeyEvent::new(KeyCode::Char('j'), KeyModifiers::CONTROL)));
        fill.on_paste("y\nz".to_owned());
        assert_eq!(fill.finished().unwrap(), "x\ny\nz");
    }

    #[test]
    fn rows_are_cut_at_spaces_and_long_words_anywhere() {
        assert_eq!(wrapped("one two three", 8), ["one two ", "three"]);
        assert_eq!(wrapped("abcdefgh ij", 4), ["abcd", "efgh ", "ij"]);
        assert_eq!(wrapped("漢字漢字", 5), ["漢字", "漢字"]);
        assert_eq!(wrapped("", 5), [""]);
    }
}
