//! One message as lines: who, when and how fast; thinking; text; tool calls; attachments; how it ended.

use std::{cell::Cell, rc::Rc};

use ratatui::{
    style::Style,
    text::{Line, Span},
};

use super::{
    Fold, Item, Look, Transcript, can_continue,
    passage::{Mark, Traced},
    writer,
};
use crate::{
    api::{
        amount,
        chat::{Message, MessageRole, MessageState, ToolCall},
    },
    safe_text::{SafeText, Trace},
    ui::{
        actions::Action,
        text::{
            markdown::{self, CodeBlock, Rendered},
            wrap::{self, Breaks, Glyph, Piece, clip, wrap},
        },
        theme::Palette,
        widgets::rating::thumb_mark,
    },
};

/// Text beyond this is not laid out until it is asked for, bytes.
const LONG: usize = 48 * 1024;
/// What is shown of such a text, bytes.
const SHOWN_OF_LONG: usize = 6 * 1024;
/// Columns before the text: the bar of the selected message and a space.
pub const GUTTER: u16 = 2;
/// Columns kept free after it, so that boxes do not touch the frame.
const MARGIN: u16 = 1;

/// What a layout was made for.
#[expect(clippy::struct_excessive_bools, reason = "a key to compare, not a state to be in")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    width: u16,
    palette: Palette,
    version: u64,
    pub(super) fold: Fold,
    thinking_open: bool,
    is_first_seen: bool,
    has_fault: bool,
    is_live: bool,
}

/// Which lines of a message: its own text, or what stands around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Around,
    Text,
}

/// The lines of one message. Those of a live one without its text and thinking, which its streams hold.
#[derive(Debug, Default)]
pub struct Layout {
    /// What stands above the thinking: the limit of sight and the header.
    pub head: Vec<Line<'static>>,
    pub thinking: Vec<Line<'static>>,
    pub body: Vec<Line<'static>>,
    pub foot: Vec<Line<'static>>,
    pub blocks: Vec<CodeBlock>,
    /// Cells of the body that show noted passages, from top to bottom.
    pub marks: Vec<Mark>,
    /// Whether colours have been asked for them.
    pub is_coloured: Cell<bool>,
    /// Whether only the beginning is shown because it is very long.
    pub is_shortened: bool,
    /// The line of the thinking's fold, within the message.
    pub thinking_line: Option<usize>,
}

impl Transcript {
    /// The message's layout, made when it is asked for first.
    pub(super) fn layout(&self, at: usize, look: &Look) -> Rc<Layout> {
        let item = &self.items[at];
        let key = self.key(at, look);
        // A live message's head and foot are a few short lines that change with every piece.
        if item.live.is_none()
            && let Some((made_for, layout)) = &*item.layout.borrow()
            && *made_for == key
        {
            return Rc::clone(layout);
        }
        let layout = Rc::new(self.lay_out(item, &key, look));
        item.layout.replace(Some((key, Rc::clone(&layout))));
        layout
    }

    /// What a layout of this message depends on, now.
    pub(super) fn key(&self, at: usize, look: &Look) -> Key {
        let item = &self.items[at];
        Key {
            width: self.size.get().0,
            palette: look.cx.theme.palette,
            version: look.highlights.version,
            fold: item.fold,
            thinking_open: Self::is_thinking_open(item, look),
            is_first_seen: self.is_first_seen(at),
            has_fault: self.fault_of(item.message.id).is_some(),
            is_live: item.live.is_some(),
        }
    }

    pub(super) fn is_thinking_open(item: &Item, look: &Look) -> bool {
        item.thinking_open.unwrap_or(look.cx.config.ui.show_thinking)
    }

    /// Calls `each` with the parts of a message from top to bottom, and the style that is laid over each.
    pub(super) fn parts(&self, at: usize, look: &Look, mut each: impl FnMut(&[Line<'static>], Style, Part)) {
        let layout = self.layout(at, look);
        let item = &self.items[at];
        let theme = &look.cx.theme;
        let over = if item.message.excluded { theme.dim } else { Style::new() };
        each(&layout.head, Style::new(), Part::Around);
        let Some(live) = item.live.as_ref().filter(|_| item.fold != Fold::Closed) else {
            each(&layout.thinking, theme.thinking, Part::Around);
            each(&layout.body, over, Part::Text);
            each(&layout.foot, Style::new(), Part::Around);
            return;
        };
        let colours = |language: &str, text: &str| look.highlights.cache.lookup(language, text, theme.palette);
        let markdown_look = markdown::Look { colours: Some(&colours), ..markdown::Look::new(self.text_width(), theme) };
        if Self::is_thinking_open(item, look) {
            let mut thinking = live.thinking.borrow_mut();
            each(&thinking.lay_out(markdown_look).lines, theme.thinking, Part::Around);
        }
        let mut content = live.content.borrow_mut();
        each(&content.lay_out(markdown_look).lines, over, Part::Around);
        each(&layout.foot, Style::new(), Part::Around);
    }

    /// How many lines a message takes.
    pub(super) fn lines_of(&self, at: usize, look: &Look) -> usize {
        let mut lines = 0;
        self.parts(at, look, |part, _, _| lines += part.len());
        lines
    }

    pub(super) fn text_width(&self) -> u16 {
        self.size.get().0.saturating_sub(GUTTER + MARGIN).max(1)
    }

    fn lay_out(&self, item: &Item, key: &Key, look: &Look) -> Layout {
        let theme = &look.cx.theme;
        let width = self.text_width();
        let message = &item.message;
        let mut layout = Layout::default();
        if key.is_first_seen {
            let text = "— the model no longer sees what is above —";
            let pad = usize::from(width).saturating_sub(text.chars().count()) / 2;
            layout.head.push(Line::styled(format!("{}{text}", " ".repeat(pad)), theme.warning));
            layout.head.push(Line::default());
        }
        layout.head.push(header(message, key.is_live, usize::from(width), look));
        if key.fold == Fold::Closed {
            let text = item.live.as_ref().map_or(message.content.as_str(), |live| live.content());
            layout.body.push(folded(text, usize::from(width), look));
            layout.foot.push(Line::default());
            return layout;
        }
        self.lay_out_thinking(item, key, look, &mut layout);
        if item.live.is_none() {
            lay_out_text(message, key, width, look, &mut layout);
        }
        let calls = item.live.as_ref().map_or(&message.tool_calls, |live| &live.calls);
        for call in calls {
            tool_call(call, width, look, &mut layout.foot);
        }
        for attachment in &message.attachments {
            let name = SafeText::line(&attachment.name);
            let kind = attachment.kind.word();
            let size = amount::bytes(attachment.bytes);
            let mut line = Line::from(vec![
                Span::styled("▪ ", theme.accent),
                Span::styled(name.into_string(), theme.text),
                Span::styled(format!(" · {kind} · {size}"), theme.dim),
            ]);
            if attachment.hidden_characters > 0 {
                line.push_span(Span::styled(format!(" {} hidden ", attachment.hidden_characters), theme.badge));
            }
            layout.foot.push(line);
        }
        if !key.is_live {
            self.ending(message, width, look, &mut layout.foot);
        }
        layout.foot.push(Line::default());
        layout
    }

    fn lay_out_thinking(&self, item: &Item, key: &Key, look: &Look, layout: &mut Layout) {
        let theme = &look.cx.theme;
        let thinks = match &item.live {
            Some(live) => !live.thinking.borrow().is_empty(),
            None => !item.message.thinking.trim().is_empty(),
        };
        if !thinks {
            return;
        }
        let mark = if key.thinking_open { "▾" } else { "▸" };
        let text = match (item.message.metrics.thinking_ms, &item.live) {
            (Some(ms), _) => format!("{mark} thought for {}", seconds(ms)),
            (None, Some(live)) if live.content.borrow().is_empty() => format!("{mark} thinking…"),
            // The stored answer brings the exact figure; until then this is what was seen of it.
            (None, Some(live)) if live.thought.is_some_and(|(first, last)| last > first) => {
                let (first, last) = live.thought.unwrap_or_default();
                format!("{mark} thought for {}", seconds(u32::try_from(last - first).unwrap_or(u32::MAX)))
            }
            (None, _) => format!("{mark} thought"),
        };
        layout.thinking_line = Some(layout.head.len());
        layout.head.push(Line::styled(text, theme.dim));
        if key.thinking_open && item.live.is_none() {
            let safe = SafeText::new(item.message.thinking.trim_end());
            layout.thinking = render(&safe, self.text_width(), look, false).lines;
            layout.thinking.push(Line::default());
        }
    }

    /// How an answer ended, when it did not end by itself; and what can be done.
    fn ending(&self, message: &Message, width: u16, look: &Look, foot: &mut Vec<Line<'static>>) {
        let theme = &look.cx.theme;
        let mut say = |text: &str, style: Style| foot.extend(plain(text, width, style));
        let cx = look.cx;
        // Keys that work wherever the focus is: after a stop it is where one writes, and a letter would be typed.
        let continues = format!("{} continues", cx.key(Action::ContinueAnswer));
        let again = format!("{} tries again", cx.key(Action::AnswerAgain));
        let goes_on = if can_continue(message) { format!(" — {continues}") } else { String::new() };
        match message.state {
            MessageState::Done => {}
            MessageState::Streaming => say("… on its way in another window", theme.dim),
            MessageState::Stopped => say(&format!("■ stopped{goes_on}"), theme.warning),
            MessageState::Interrupted => say(&format!("■ interrupted{goes_on}"), theme.warning),
            MessageState::Length => say(&format!("■ cut off at the length limit{goes_on}"), theme.warning),
            MessageState::Failed => {
                let fault = self.fault_of(message.id);
                let why = fault.map(|fault| fault.message.as_str()).or(message.error.as_deref());
                let why = SafeText::new(why.unwrap_or("The answer broke off."));
                say(&format!("✗ failed: {}", why.as_str().trim()), theme.error);
                if let Some(hint) = fault.and_then(|fault| fault.hint.as_deref()) {
                    say(&format!("  {}", SafeText::new(hint)), theme.dim);
                }
                let kind = fault.map(|fault| fault.kind).or(message.error_kind);
                if kind == Some(crate::api::FaultKind::Overflow) {
                    let (reads, options) = (cx.key(Action::FocusNext), cx.key(Action::ToggleOptions));
                    let (shortens, excludes) = (cx.key(Action::Shorten), cx.key(Action::Exclude));
                    let ways = format!(
                        "  {reads} then {shortens} leaves out older messages, {excludes} one · {options} num_ctx makes the window \
                         larger"
                    );
                    say(&ways, theme.key);
                } else if message.content.is_empty() {
                    say(&format!("  {again}"), theme.key);
                } else {
                    say(&format!("  {continues} · {again}"), theme.key);
                }
            }
        }
    }
}

fn render(text: &SafeText, width: u16, look: &Look, traced: bool) -> Rendered {
    let theme = &look.cx.theme;
    let colours = |language: &str, text: &str| look.highlights.cache.lookup(language, text, theme.palette);
    markdown::render(text, markdown::Look { colours: Some(&colours), traced, ..markdown::Look::new(width, theme) })
}

/// The text of a message as lines; where it is wanted, with the way back to what is stored.
#[derive(Debug, Default)]
pub(super) struct Body {
    lines: Vec<Line<'static>>,
    blocks: Vec<CodeBlock>,
    pub glyphs: Vec<Vec<Glyph>>,
    pub back: Trace,
    /// The displayable text that glyphs point into; only where they are wanted.
    pub safe: String,
    /// So many bytes are not shown until they are asked for.
    left_out: Option<usize>,
}

pub(super) fn body(message: &Message, fold: Fold, width: u16, look: &Look, is_traced: bool) -> Body {
    let whole = message.content.as_str();
    let is_long = whole.len() > LONG && fold == Fold::Auto;
    let shown = if is_long { &whole[..whole.floor_char_boundary(SHOWN_OF_LONG)] } else { whole };
    let mut body = Body { left_out: is_long.then_some(whole.len() - shown.len()), ..Body::default() };
    let safe = if is_traced {
        let (safe, back) = SafeText::traced(shown.trim_end());
        body.back = back;
        safe
    } else {
        SafeText::new(shown.trim_end())
    };
    match message.role {
        MessageRole::User | MessageRole::Tool => {
            if !safe.as_str().is_empty() {
                let piece = Piece::new(safe.as_str().to_owned(), look.cx.theme.text, 0..safe.as_str().len());
                let trace = if is_traced { Trace::verbatim(piece.text.len(), 0) } else { Trace::default() };
                for line in wrap(&[Piece { trace, ..piece }], usize::from(width), Breaks::Words) {
                    if is_traced {
                        body.glyphs.push(line.glyphs.clone());
                    }
                    body.lines.push(line.after(Vec::new()));
                }
            }
            // What is pasted with fences can be copied as a block from a question, too.
            if shown.contains("```") {
                body.blocks = render(&safe, width, look, false).blocks;
            }
        }
        MessageRole::Assistant | MessageRole::System => {
            let rendered = render(&safe, width, look, is_traced);
            body.lines = rendered.lines;
            body.blocks = rendered.blocks;
            body.glyphs = rendered.glyphs;
        }
    }
    if is_traced {
        body.safe = safe.into_string();
    }
    body
}

fn lay_out_text(message: &Message, key: &Key, width: u16, look: &Look, layout: &mut Layout) {
    let noted: Vec<(u32, u32)> = message.notes.iter().filter_map(|mark| mark.chars).collect();
    let mut body = body(message, key.fold, width, look, !noted.is_empty());
    layout.body = std::mem::take(&mut body.lines);
    layout.blocks = std::mem::take(&mut body.blocks);
    let left_out = body.left_out;
    if !noted.is_empty() {
        let traced = Traced::of(body);
        let shown = noted.iter().filter_map(|chars| traced.shown(&message.content, *chars));
        layout.marks = shown.flat_map(|range| traced.marks(&range)).collect();
        layout.marks.sort_by_key(|mark| mark.line);
    }
    if let Some(bytes) = left_out {
        layout.is_shortened = true;
        let more = amount::bytes(bytes as u64);
        layout.body.push(Line::styled(
            format!("… {more} more — {} shows all of it", look.cx.key(Action::Fold)),
            look.cx.theme.dim,
        ));
    }
}

fn header(message: &Message, is_live: bool, width: usize, look: &Look) -> Line<'static> {
    let theme = &look.cx.theme;
    let style = match message.role {
        MessageRole::User => theme.user,
        MessageRole::Assistant => theme.assistant,
        MessageRole::System | MessageRole::Tool => theme.system,
    };
    let mut right = String::new();
    if message.siblings > 1 {
        right = format!(" ‹{}/{}›", message.sibling, message.siblings);
    }
    let mut marks: Vec<(String, Style)> = Vec::new();
    if let Some(feedback) = &message.feedback {
        marks.push((thumb_mark(feedback.thumb, theme.palette).to_owned(), theme.text));
    }
    if !message.notes.is_empty() {
        marks.push((format!("✎{}", message.notes.len()), theme.accent));
    }
    if message.pinned {
        marks.push(("★ pinned".to_owned(), theme.warning));
    }
    if message.excluded {
        marks.push(("⊘ excluded".to_owned(), theme.warning));
    }
    let mut about = vec![look.cx.clock(message.created_at)];
    if is_live {
        about.push("answering".to_owned());
    }
    if let Some(speed) = message.metrics.tokens_per_second() {
        about.push(if speed < 10.0 { format!("{speed:.1} tok/s") } else { format!("{speed:.0} tok/s") });
    }
    if let Some(ms) = message.metrics.first_token_ms.filter(|_| message.role == MessageRole::Assistant) {
        about.push(format!("first token {}", seconds(ms)));
    }
    about.retain(|part| !part.is_empty());
    let about = [""].into_iter().chain(about.iter().map(String::as_str)).collect::<Vec<_>>().join(" · ");
    let fixed = right.chars().count() + marks.iter().map(|(mark, _)| wrap::width(mark) + 1).sum::<usize>();
    let name = clip(SafeText::line(writer(message)).as_str(), width.saturating_sub(fixed).max(8));
    let room = width.saturating_sub(fixed + wrap::width(&name));
    let mut line = Line::from(vec![Span::styled(name, style), Span::styled(clip(&about, room), theme.dim)]);
    if !right.is_empty() {
        line.push_span(Span::styled(right, theme.accent));
    }
    for (mark, style) in marks {
        line.push_span(Span::raw(" "));
        line.push_span(Span::styled(mark, style));
    }
    line
}

/// The first words of a folded message and how much there is of it.
fn folded(text: &str, width: usize, look: &Look) -> Line<'static> {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let start = &first[..first.floor_char_boundary(4 * width)];
    let lines = text.lines().count();
    let count = format!(" ({})", amount::many(lines, "line"));
    let room = width.saturating_sub(2 + count.len());
    let shown = clip(SafeText::line(start).as_str(), room);
    Line::from(vec![
        Span::styled("▸ ", look.cx.theme.accent),
        Span::styled(shown, look.cx.theme.dim),
        Span::styled(count, look.cx.theme.dim),
    ])
}

/// A call that the model asked for. It is shown, never done.
fn tool_call(call: &ToolCall, width: u16, look: &Look, lines: &mut Vec<Line<'static>>) {
    let theme = &look.cx.theme;
    let name = SafeText::line(&call.name).into_string();
    lines.push(Line::from(vec![
        Span::styled("ƒ ", theme.accent),
        Span::styled(name, theme.strong),
        Span::styled(" — asked for by the model, not executed", theme.dim),
    ]));
    let arguments = serde_json::to_string_pretty(&call.arguments).unwrap_or_default();
    let safe = SafeText::new(&arguments);
    for line in plain(safe.as_str(), width.saturating_sub(2), theme.code_block) {
        let mut indented = Line::from("  ");
        indented.extend(line.spans);
        lines.push(indented);
    }
}

/// Safe text as it stands, wrapped between words.
fn plain(text: &str, width: u16, style: Style) -> Vec<Line<'static>> {
    let pieces = [Piece::new(text.to_owned(), style, 0..text.len())];
    wrap(&pieces, usize::from(width), Breaks::Words).into_iter().map(|line| line.after(Vec::new())).collect()
}

/// `0.3 s`, `12 s`, `2 min 5 s`.
fn seconds(ms: u32) -> String {
    match ms {
        0..10_000 => format!("{:.1} s", f64::from(ms) / 1000.0),
        10_000..60_000 => format!("{} s", ms / 1000),
        _ => format!("{} min {} s", ms / 60_000, ms / 1000 % 60),
    }
}
