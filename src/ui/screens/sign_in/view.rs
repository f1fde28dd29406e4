//! How the stages look: one card in the middle, the state of Ollama below it.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Margin, Rect},
    text::{Line, Span, Text},
    widgets::{Block, BorderType, Paragraph, Wrap},
};

use super::{FIRST, LockScreen, NEW, SECOND, SignInScreen, Stage, code::CodeStage};
use crate::{
    api::health::OllamaState,
    safe_text::SafeText,
    ui::{
        cx::Cx,
        keymap::Action,
        widgets::{
            form::{Form, fault_text},
            modal,
        },
    },
};

/// Longest message that is shown, lines.
const MESSAGE_LINES: u16 = 4;
const WIDTH: u16 = 76;

/// A titled card of this inner height; gives the inside.
fn card(frame: &mut Frame, area: Rect, cx: &Cx, title: &str, height: u16) -> Rect {
    let outer = modal::centred(area, (WIDTH, height.saturating_add(4)));
    let block = Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(cx.theme.border)
        .title(Line::styled(format!(" {title} "), cx.theme.title));
    // Where it is low, the text matters more than the air around it.
    let inner = block.inner(outer).inner(Margin::new(2, u16::from(outer.height >= height + 4)));
    frame.render_widget(block, outer);
    inner
}

pub fn prose(text: &str, cx: &Cx) -> Paragraph<'static> {
    Paragraph::new(Text::styled(text.to_owned(), cx.theme.dim)).wrap(Wrap { trim: true })
}

/// Height of wrapped prose, so that narrow screens lose no word of it.
pub fn lines(text: &str, width: u16) -> u16 {
    let width = usize::from(width.max(1));
    let mut lines = 1;
    let mut used = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            lines += 1;
            used = length;
        } else {
            used += length + usize::from(used > 0);
        }
    }
    lines
}

/// The same with a line of air, or nothing where the fields need the room.
fn lines_if_room(text: &str, wide: u16, fields: u16, area: Rect) -> u16 {
    let wanted = lines(text, wide) + 1;
    if area.height >= wanted + fields + 2 { wanted } else { 0 }
}

/// Prose, fields, meter. Where it is low, what is wrong takes the meter's place.
fn with_meter(text: u16, form: &Form, inner: Rect) -> [Rect; 3] {
    let low = inner.height < text + form.height() + 1;
    let meter = u16::from(!low || form.fault().is_none());
    Layout::vertical([Constraint::Length(text), Constraint::Min(0), Constraint::Length(meter)]).areas(inner)
}

impl SignInScreen {
    pub fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let [middle, below] = Layout::vertical([Constraint::Min(0), Constraint::Length(1)]).areas(area);
        let wide = area.width.min(WIDTH).saturating_sub(6);
        match &self.stage {
            Stage::FirstRun { form, meter } => {
                let about = "This makes the first account, an administrator. Your conversations go into a vault \
                             that only this passphrase opens; nobody can reset it for you.";
                let text = lines_if_room(about, wide, form.height() + 1, middle);
                let inner = card(frame, middle, cx, "Welcome to OllamaNet", text + form.height() + 1);
                let [prose_at, fields, bar] = with_meter(text, form, inner);
                frame.render_widget(prose(about, cx), prose_at);
                form.view(frame, fields, cx);
                meter.view(frame, bar, form.value(SECOND), cx);
            }
            Stage::SignIn { form } => self.view_sign_in(form, frame, middle, cx),
            Stage::SecondFactor { form, .. } => {
                let about = "Your passphrase fits. Type the six digits that your authenticator shows now, or one of the \
                             recovery codes that you were given with it.";
                let text = lines_if_room(about, wide, form.height(), middle);
                let inner = card(frame, middle, cx, "Second factor", text + form.height());
                let [prose_at, fields] = Layout::vertical([Constraint::Length(text), Constraint::Min(0)]).areas(inner);
                frame.render_widget(prose(about, cx), prose_at);
                form.view(frame, fields, cx);
            }
            Stage::Register { form, meter } => {
                let about = "This makes an account of your own. Your conversations go into a vault that only this \
                             passphrase opens; nobody, no administrator either, can reset it for you.";
                let text = lines_if_room(about, wide, form.height() + 1, middle);
                let inner = card(frame, middle, cx, "Make an account", text + form.height() + 1);
                let [prose_at, fields, bar] = with_meter(text, form, inner);
                frame.render_widget(prose(about, cx), prose_at);
                form.view(frame, fields, cx);
                meter.view(frame, bar, form.value(SECOND), cx);
            }
            Stage::Activate { form, meter } => {
                let about = "The one-time code is from your administrator and good for a limited time; you choose the \
                             passphrase. After a reset your recovery code opens your old vault. Without it that vault \
                             stays sealed and kept, and a new, empty one begins.";
                let text = lines_if_room(about, wide, form.height() + 1, middle);
                let inner = card(frame, middle, cx, "Begin with a one-time code", text + form.height() + 1);
                let [prose_at, fields, bar] = with_meter(text, form, inner);
                frame.render_widget(prose(about, cx), prose_at);
                form.view(frame, fields, cx);
                meter.view(frame, bar, form.value(FIRST), cx);
            }
            Stage::Recover { form, meter } => {
                let about = "The recovery code opens your vault. You choose a new passphrase and get a new code.";
                let text = lines_if_room(about, wide, form.height() + 1, middle);
                let inner = card(frame, middle, cx, "Recover your vault", text + form.height() + 1);
                let [prose_at, fields, bar] = with_meter(text, form, inner);
                frame.render_widget(prose(about, cx), prose_at);
                form.view(frame, fields, cx);
                meter.view(frame, bar, form.value(NEW), cx);
            }
            Stage::Code(code) => view_code(code, frame, middle, wide, cx),
            Stage::Stay { yes, .. } => {
                let about = "Stay signed in on this OS account? A key file that only this OS account can read then \
                             opens your vault at the next start, without a passphrase.";
                let text = lines(about, wide) + 1;
                let inner = card(frame, middle, cx, "One question", text + 2);
                let [prose_at, choices] = Layout::vertical([Constraint::Length(text), Constraint::Min(0)]).areas(inner);
                frame.render_widget(prose(about, cx), prose_at);
                let choice = |on: bool, text: &str| {
                    let (mark, style) = if on { ("› (•) ", cx.theme.accent) } else { ("  ( ) ", cx.theme.text) };
                    Line::styled(format!("{mark}{text}"), style)
                };
                let answers = vec![
                    choice(!yes, "No, ask for the passphrase every time"),
                    choice(*yes, "Yes, stay signed in here"),
                ];
                let rows = choices.height.min(2);
                self.answers.set(Rect { height: rows, ..choices });
                frame.render_widget(Paragraph::new(answers), choices);
            }
        }
        let line = ollama_line(cx);
        let fits = line.width() <= usize::from(below.width);
        frame.render_widget(if fits { line.centered() } else { line }, below);
    }
}

impl SignInScreen {
    fn view_sign_in(&self, form: &Form, frame: &mut Frame, middle: Rect, cx: &Cx) {
        let wide = middle.width.min(WIDTH).saturating_sub(6);
        let reason = self.reason.as_ref().map_or(0, |fault| lines(&format!("✗ {fault}"), wide) + 1);
        let ways = self.other_ways(cx);
        // It stands back where the form itself would not fit.
        let message = self.message.as_deref().map(|message| SafeText::line(message).into_string());
        let says = message.as_ref().map_or(0, |message| lines(message, wide).min(MESSAGE_LINES) + 1);
        let says = if middle.height >= form.height() + reason + says + 4 { says } else { 0 };
        let height = form.height() + reason + says;
        let below = if middle.height >= height + ways.len() as u16 + 4 { ways.len() as u16 } else { 0 };
        let inner = card(frame, middle, cx, "Sign in to OllamaNet", height + below);
        let [said, why, fields, others] = Layout::vertical([
            Constraint::Length(says),
            Constraint::Length(reason),
            Constraint::Min(0),
            Constraint::Length(below),
        ])
        .areas(inner);
        if let Some(message) = message.filter(|_| says > 0) {
            let room = Rect { height: said.height.saturating_sub(1), ..said };
            frame.render_widget(prose(&message, cx), room);
        }
        if let Some(fault) = &self.reason {
            frame.render_widget(fault_text(fault, cx), why);
        }
        form.view(frame, fields, cx);
        let ways: Vec<Line> = ways.into_iter().map(|way| Line::styled(way, cx.theme.dim)).collect();
        frame.render_widget(Paragraph::new(ways), others);
    }

    /// For those who have nothing to type above.
    fn other_ways(&self, cx: &Cx) -> Vec<String> {
        let mut ways = Vec::new();
        if let Some(key) = cx.keymap.label(Action::OneTimeCode) {
            ways.push(format!("A one-time code from an administrator? {key} begins with it."));
        }
        if let Some(key) = cx.keymap.label(Action::NewAccount).filter(|_| self.registration) {
            ways.push(format!("No account yet? {key} makes one."));
        }
        ways
    }
}

/// The code itself, or the question for four of its characters.
pub fn view_code(code: &CodeStage, frame: &mut Frame, area: Rect, wide: u16, cx: &Cx) {
    if let Some(form) = code.asking() {
        let [a, b, c, d] = code.positions();
        let about = format!("Type the characters at places {a}, {b}, {c} and {d} of the code, in this order.");
        let text = lines(&about, wide) + 1;
        let inner = card(frame, area, cx, "Your recovery code", text + form.height());
        let [prose_at, fields] = Layout::vertical([Constraint::Length(text), Constraint::Min(0)]).areas(inner);
        frame.render_widget(prose(&about, cx), prose_at);
        form.view(frame, fields, cx);
        return;
    }
    let about = "If you forget the passphrase, only this code opens your vault. It is shown now and never again. \
                 Write it on paper; with both lost, the data is gone.";
    let text = lines(about, wide) + 1;
    let per_row = usize::from(wide / 6).max(1);
    let groups = code.groups();
    let rows = groups.len().div_ceil(per_row) as u16 * 2;
    let inner = card(frame, area, cx, "Your recovery code", text + rows + 2);
    let [prose_at, codes, note] =
        Layout::vertical([Constraint::Fill(1), Constraint::Length(rows), Constraint::Max(2)]).areas(inner);
    frame.render_widget(prose(about, cx), prose_at);
    let mut shown = Vec::new();
    for (row, groups) in groups.chunks(per_row).enumerate() {
        let mut letters = Line::default();
        let mut ruler = Line::default();
        for (at, group) in groups.iter().enumerate() {
            letters.push_span(Span::styled(format!("{:<6}", group.reveal()), cx.theme.title));
            ruler.push_span(Span::styled(format!("{:<6}", (row * per_row + at) * 4 + 1), cx.theme.dim));
        }
        shown.extend([letters, ruler]);
    }
    frame.render_widget(Paragraph::new(shown), codes);
    let next = "\nThen four of its characters are asked for, by these places.";
    frame.render_widget(prose(next, cx), note);
}

impl LockScreen {
    pub fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let name = cx.account.as_ref().map_or("", |account| &account.name);
        let title = format!("Locked · {}", SafeText::line(name));
        let reason = self.reason.as_deref().unwrap_or("The vault is closed. Your passphrase opens it again.");
        let text = lines(reason, area.width.min(WIDTH).saturating_sub(6)) + 1;
        let inner = card(frame, area, cx, &title, text + self.ask.form.height());
        let [prose_at, fields] = Layout::vertical([Constraint::Length(text), Constraint::Min(0)]).areas(inner);
        frame.render_widget(prose(reason, cx), prose_at);
        self.ask.form.view(frame, fields, cx);
    }
}

/// How Ollama stands, in one line with what can be done about it.
#[must_use]
pub fn ollama_line(cx: &Cx) -> Line<'static> {
    let dim = |text: String| Span::styled(text, cx.theme.dim);
    let Some(health) = &cx.health else { return Line::from(dim("Looking for Ollama…".into())) };
    let url = SafeText::line(&health.ollama_url);
    match &health.ollama {
        OllamaState::Unknown => Line::from(dim("Looking for Ollama…".into())),
        OllamaState::Reachable { version, .. } => Line::from(vec![
            Span::styled("● ", cx.theme.success),
            dim(format!("Ollama {} answers at {url}", SafeText::line(version))),
        ]),
        OllamaState::InstalledNotRunning => {
            let key = cx.keymap.label(Action::StartOllama);
            let what = key.map_or("start it with `ollama serve`".to_owned(), |key| format!("{key} starts it"));
            Line::from(vec![
                Span::styled("○ ", cx.theme.warning),
                dim(format!("Ollama is installed but not running; {what}")),
            ])
        }
        OllamaState::Absent => Line::from(vec![
            Span::styled("○ ", cx.theme.warning),
            dim("No Ollama on this machine; all but answers works. Get it at ollama.com".into()),
        ]),
        OllamaState::Unreachable { why } => Line::from(vec![
            Span::styled("✗ ", cx.theme.error),
            dim(format!("Ollama at {url}: {}", SafeText::line(why))),
        ]),
    }
}
