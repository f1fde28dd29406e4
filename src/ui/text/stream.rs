//! An answer as it arrives: what is finished is rendered once, only the end is rendered again with each piece.
//!
//! It is not the transcript: when the answer has ended, the stored message replaces it. Invariants: after `finish` the
//! lines are those that `markdown::render` gives for the whole text, however it came in pieces; and a piece costs the
//! same at the end of a long answer as at its beginning, be it one paragraph, one list, one table or one block of code.

use std::{mem, ops::Range};

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag};
use ratatui::{style::Style, text::Line};

use super::{
    code_box::{code_bottom, code_line, code_top, language, locate},
    markdown::{self, CodeBlock, Joint, Look, Rendered, blank_before, options},
};
use crate::{
    safe_text::{SafeText, Sanitizer},
    ui::theme::Palette,
};

/// A paragraph longer than this at the live end is drawn in parts until it is complete, bytes.
const LONG_PARAGRAPH: usize = 768;
/// What stays live of it, bytes.
const LIVE_END: usize = 192;
/// Any other block longer than this is drawn anew only when it has grown by a good part of this.
const LONG_BLOCK: usize = 2048;

/// A text that is still arriving.
#[derive(Debug, Default)]
pub struct Stream {
    sanitizer: Sanitizer,
    /// All that has arrived, made safe.
    source: String,
    finished: bool,
    laid_out: Option<(u16, Palette)>,
    /// Whether something arrived since the lines were made.
    stale: bool,
    out: Rendered,
    /// How much of `out` will not change any more.
    stable: Mark,
    /// Where in the source the first unfinished block or list item begins.
    unit: usize,
    joint: Joint,
    /// Up to where complete lines have been looked at.
    scanned: usize,
    /// Where the last line begins; looked for in each piece only, for a line may be endless.
    last_line: usize,
    live: Live,
}

#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    lines: usize,
    blocks: usize,
}

/// What the unfinished unit is.
#[derive(Debug, Default)]
enum Live {
    /// Short enough to be drawn whole each time.
    #[default]
    Short,
    /// Lines up to `mark` show the unit up to `cut`; the rest is drawn as a text of its own until the unit is complete.
    Long { mark: Mark, cut: usize, kind: Long },
    /// A block of code, whose lines are final one by one.
    Code(OpenCode),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Long {
    Paragraph,
    /// Rows are held back until enough have come to lay out the table anew.
    Table,
    /// A quote, a long list item.
    Other,
}

#[derive(Debug)]
struct OpenCode {
    fence: char,
    length: usize,
    indent: usize,
    first_line: usize,
    /// Where its next line begins.
    at: usize,
    /// How much of the block's text is final, and whether any line is.
    text: usize,
    begun: bool,
    /// What there was before it, and how it joins on to that.
    before: (Mark, Joint),
}

/// A block on the outermost level.
struct Top {
    start: usize,
    kind: Kind,
}

enum Kind {
    Paragraph,
    Table,
    Fence { language: String },
    List { number: Option<u64>, items: Vec<usize> },
    Other,
}

impl Stream {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A stream that already holds the beginning: for going on with an answer.
    #[must_use]
    pub fn begun(raw: &str) -> Self {
        let mut stream = Self::new();
        stream.push(raw);
        stream
    }

    /// The next piece, as it came.
    pub fn push(&mut self, raw: &str) {
        let before = self.source.len();
        self.sanitizer.push(raw, &mut self.source);
        if let Some(at) = self.source[before..].rfind('\n') {
            self.last_line = before + at + 1;
        }
        self.stale = true;
    }

    /// No more will come.
    pub fn finish(&mut self) {
        if !mem::replace(&mut self.finished, true) {
            self.sanitizer.finish(&mut self.source);
            self.stale = true;
        }
    }

    /// Everything so far, made safe.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.source
    }

    /// Characters that were dropped or are shown as marks.
    #[must_use]
    pub fn hidden(&self) -> usize {
        self.sanitizer.hidden()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.source.is_empty()
    }

    /// Draws everything anew at the next look: when colours for a block have come.
    pub fn forget_layout(&mut self) {
        self.laid_out = None;
    }

    /// The lines at this width, brought up to date at the price of what is new.
    pub fn lay_out(&mut self, look: Look<'_>) -> &Rendered {
        let key = (look.width, look.theme.palette);
        if self.laid_out != Some(key) {
            self.start_over();
            self.laid_out = Some(key);
            self.stale = true;
        }
        if mem::take(&mut self.stale) {
            if self.finished {
                self.complete(look);
            } else {
                self.advance(look);
                self.draw_live(look);
            }
        }
        &self.out
    }

    /// What the last `lay_out` gave.
    #[must_use]
    pub fn rendered(&self) -> &Rendered {
        &self.out
    }

    /// Bytes of the source that the next piece makes us draw again.
    #[cfg(test)]
    pub(super) fn live_bytes(&self) -> usize {
        let from = match &self.live {
            Live::Short => self.unit,
            Live::Long { cut, .. } => *cut,
            Live::Code(code) => code.at.min(self.source.len()),
        };
        self.source.len() - from
    }

    fn start_over(&mut self) {
        self.out = Rendered::default();
        self.stable = Mark::default();
        self.unit = 0;
        self.joint = Joint::default();
        self.scanned = 0;
        self.live = Live::Short;
    }

    fn complete(&mut self, look: Look<'_>) {
        if self.source.contains("]:") {
            // A definition at the end gives meaning to references before it.
            self.start_over();
        }
        self.code_lines(look);
        match &self.live {
            Live::Code(code) if self.source[code.at..].trim().is_empty() && code.at < self.source.len() => {
                // Whether spaces at the very end are a line of code is for the parser to say.
                let (before, joint) = code.before;
                self.rewind(before);
                markdown::append(&self.source, self.unit..self.source.len(), joint, look, &mut self.out);
            }
            Live::Code(code) if code.at < self.source.len() => {
                self.code_row(code.at..self.source.len(), look);
                if matches!(self.live, Live::Code(_)) {
                    self.close_code(false, look);
                }
            }
            Live::Code(_) => self.close_code(false, look),
            Live::Short | Live::Long { .. } => {
                self.rewind(self.stable);
                let joint = mem::take(&mut self.joint);
                markdown::append(&self.source, self.unit..self.source.len(), joint, look, &mut self.out);
            }
        }
        self.unit = self.source.len();
        self.live = Live::Short;
        self.stable = self.mark();
    }

    // --- what is finished

    /// Looks at the lines that have become complete and puts finished blocks aside.
    fn advance(&mut self, look: Look<'_>) {
        loop {
            let end = self.last_line;
            if end <= self.scanned {
                return;
            }
            match &self.live {
                Live::Code(_) => {
                    self.code_lines(look);
                    if matches!(self.live, Live::Code(_)) {
                        self.scanned = end;
                        return;
                    }
                }
                Live::Long { cut, kind: Long::Paragraph, .. } => {
                    if outline(&self.source, *cut..end).len() < 2 {
                        self.scanned = end;
                        return;
                    }
                    self.live = Live::Short;
                }
                Live::Long { cut, kind: Long::Table | Long::Other, .. } => {
                    if end - cut < LONG_BLOCK.max((end - self.unit) / 64) {
                        self.scanned = end;
                        return;
                    }
                    self.live = Live::Short;
                }
                Live::Short => {
                    if !self.put_aside(end, look) {
                        self.scanned = end;
                        return;
                    }
                }
            }
        }
    }

    /// Renders for good what ends before `end`. True when a block of code was opened, whose lines are then due.
    fn put_aside(&mut self, end: usize, look: Look<'_>) -> bool {
        let tops = outline(&self.source, self.unit..end);
        let Some(last) = tops.last() else { return false };
        if tops.len() > 1 {
            self.settle(last.start, Joint { gap: true, number: None }, look);
        }
        match &last.kind {
            Kind::List { number, items } => {
                if let [_, .., item] = items[..] {
                    let before = items.len() as u64 - 1;
                    // Counted from where this part begins, which may itself be in the middle of the list.
                    let first = self.joint.number.or(*number);
                    let number = number.and(first).map(|first| first.saturating_add(before));
                    self.settle(item, Joint { gap: blank_before(&self.source, item), number }, look);
                }
                false
            }
            Kind::Fence { language } => {
                self.open_code(last.start, language, look);
                true
            }
            Kind::Paragraph | Kind::Table | Kind::Other => false,
        }
    }

    /// What comes before `to` will not change any more.
    fn settle(&mut self, to: usize, next: Joint, look: Look<'_>) {
        self.rewind(self.stable);
        let joint = mem::replace(&mut self.joint, next);
        markdown::append(&self.source, self.unit..to, joint, look, &mut self.out);
        self.unit = to;
        self.stable = self.mark();
    }

    // --- what is not

    fn draw_live(&mut self, look: Look<'_>) {
        let end = self.shown_end();
        match &mut self.live {
            Live::Code(_) => self.draw_open_code(look),
            Live::Short => {
                self.rewind(self.stable);
                markdown::append(&self.source, self.unit..end.max(self.unit), self.joint, look, &mut self.out);
                self.make_long(self.unit, self.stable, end, look);
            }
            Live::Long { mark, cut, kind } => {
                let (mark, cut, kind) = (*mark, *cut, *kind);
                self.rewind(mark);
                match kind {
                    Long::Table => {}
                    Long::Paragraph => {
                        let part = cut..end.max(cut);
                        markdown::append(&self.source, part, Joint::default(), look, &mut self.out);
                        self.make_long(cut, mark, end, look);
                    }
                    Long::Other => {
                        // Not quite how it will look, but what is being said can be read.
                        let (text, indent) = dedent(&self.source[cut..end.max(cut)]);
                        let indent = indent.min(look.width / 2);
                        let look = Look { width: look.width - indent, ..look };
                        let mut part = Rendered::default();
                        markdown::append(&text, 0..text.len(), Joint::default(), look, &mut part);
                        for mut line in part.lines {
                            line.spans.insert(0, " ".repeat(usize::from(indent)).into());
                            self.out.push(line, cut..end.max(cut));
                        }
                    }
                }
            }
        }
    }

    /// Cuts a long unit, so that the next piece costs only what is after the cut. `from` and `mark`: the drawn part.
    fn make_long(&mut self, from: usize, mark: Mark, end: usize, look: Look<'_>) {
        if end.saturating_sub(from) < LONG_PARAGRAPH {
            return;
        }
        let kind = match &self.live {
            Live::Long { kind, .. } => *kind,
            Live::Short | Live::Code(_) => match outline(&self.source, self.unit..end).last().map(|top| &top.kind) {
                Some(Kind::Paragraph) => Long::Paragraph,
                Some(Kind::Table) => Long::Table,
                Some(Kind::Fence { .. }) | None => return,
                Some(Kind::List { .. } | Kind::Other) => Long::Other,
            },
        };
        match kind {
            Long::Paragraph => {
                let lines = mark.lines + 1..self.out.lines.len();
                let cut = lines.rev().find(|line| self.can_cut_at(*line, end, look.theme.text));
                if let Some(line) = cut {
                    let mark = Mark { lines: line, blocks: self.out.blocks.len() };
                    self.live = Live::Long { mark, cut: self.out.map[line].start, kind };
                }
            }
            Long::Table | Long::Other => {
                let complete = self.source[..end].rfind('\n').map_or(0, |at| at + 1);
                if complete > self.unit && complete - self.unit >= LONG_BLOCK {
                    self.rewind(self.stable);
                    markdown::append(&self.source, self.unit..complete, self.joint, look, &mut self.out);
                    self.live = Live::Long { mark: self.mark(), cut: complete, kind };
                }
            }
        }
    }

    /// Whether the paragraph can be read on from this line as if it began there: ordinary text, a letter first (which
    /// begins no other kind of block), and enough of it left to stay live.
    fn can_cut_at(&self, line: usize, end: usize, ordinary: Style) -> bool {
        let start = self.out.map[line].start;
        let is_ordinary = self.out.lines[line].spans.first().is_some_and(|span| span.style == ordinary);
        let begins_with_letter = self.source[start..].chars().next().is_some_and(char::is_alphabetic);
        start > self.unit && start + LIVE_END <= end && is_ordinary && begins_with_letter
    }

    /// A line that may become the head of a table is not shown as text first.
    fn shown_end(&self) -> usize {
        let last = self.last_line.max(self.unit);
        let end = if self.source[last..].starts_with('|') { last } else { self.source.len() };
        let unit = self.source[self.unit..end].trim_end_matches('\n');
        if unit.starts_with('|') && !unit.contains('\n') { self.unit } else { end }
    }

    // --- an open block of code

    fn open_code(&mut self, start: usize, language: &str, look: Look<'_>) {
        self.rewind(self.stable);
        let before = (self.stable, mem::take(&mut self.joint));
        if before.1.gap && !self.out.lines.is_empty() {
            self.out.push(Line::default(), 0..0);
        }
        let line = self.source[start..].split('\n').next().unwrap_or_default();
        let bare = line.trim_start_matches(' ');
        let fence = if bare.starts_with('~') { '~' } else { '`' };
        let first_line = self.out.lines.len();
        let begin = start + line.len() - bare.len();
        let language = SafeText::line(language).into_string();
        if look.width > 0
            && let Some(top) = code_top(&language, usize::from(look.width), look.theme)
        {
            self.out.push(top, begin..begin);
        }
        self.out.blocks.push(CodeBlock { language, text: String::new(), lines: first_line..first_line, closed: false });
        self.unit = begin;
        self.stable = self.mark();
        let at = start + line.len() + 1;
        let length = bare.chars().take_while(|c| *c == fence).count();
        let indent = line.len() - bare.len();
        self.live = Live::Code(OpenCode { fence, length, indent, first_line, at, text: 0, begun: false, before });
    }

    /// Draws the lines that are complete.
    fn code_lines(&mut self, look: Look<'_>) {
        while let Live::Code(code) = &self.live {
            let Some(line) = self.source[code.at..].find('\n') else { return };
            self.code_row(code.at..code.at + line, look);
        }
    }

    /// Draws one complete line for good, or the end of the block if it is the closing fence.
    fn code_row(&mut self, line: Range<usize>, look: Look<'_>) {
        self.rewind(self.stable);
        let Live::Code(code) = &mut self.live else { return };
        let text = &self.source[line.clone()];
        if code.ends_with(text) {
            code.at = (line.end + 1).min(self.source.len());
            self.close_code(true, look);
            return;
        }
        let text = SafeText::new(code.strip(text)).into_string();
        if let Some(block) = self.out.blocks.last_mut() {
            block.text.truncate(code.text);
            if code.begun {
                block.text.push('\n');
            }
            block.text.push_str(&text);
            code.text = block.text.len();
        }
        code.begun = true;
        code.at = (line.end + 1).min(self.source.len());
        self.code_rows(&text, locate(&self.source, line.start, &text), look);
        self.stable = self.mark();
    }

    fn code_rows(&mut self, text: &str, at: usize, look: Look<'_>) {
        if look.width > 0 {
            for row in code_line(text, at, None, usize::from(look.width), look.theme, None) {
                self.out.push(Line::from(row.spans), row.source);
            }
        }
    }

    fn draw_open_code(&mut self, look: Look<'_>) {
        self.rewind(self.stable);
        let Live::Code(code) = &self.live else { return };
        let (first_line, begun, final_text) = (code.first_line, code.begun, code.text);
        let at = code.at.min(self.source.len());
        let rest = &self.source[at..];
        let may_close = !rest.is_empty() && rest.trim().chars().all(|c| c == code.fence);
        if !rest.is_empty() && !may_close {
            let text = SafeText::new(code.strip(rest)).into_string();
            self.code_rows(&text, locate(&self.source, at, &text), look);
            if let Some(block) = self.out.blocks.last_mut() {
                block.text.truncate(final_text);
                if begun {
                    block.text.push('\n');
                }
                block.text.push_str(&text);
            }
        } else if !begun {
            self.code_rows("", at, look);
        }
        self.code_end(first_line, look);
    }

    fn close_code(&mut self, closed: bool, look: Look<'_>) {
        self.rewind(self.stable);
        let Live::Code(code) = mem::take(&mut self.live) else { return };
        if let Some(block) = self.out.blocks.last_mut() {
            block.text.truncate(code.text);
            block.closed = closed;
        }
        if !code.begun {
            let at = self.source[self.unit..].find('\n').map_or(self.source.len(), |end| self.unit + end + 1);
            self.code_rows("", at, look);
        }
        self.code_end(code.first_line, look);
        self.unit = code.at;
        self.scanned = self.scanned.max(code.at.min(self.source.len()));
        self.joint = Joint { gap: true, number: None };
        self.stable = self.mark();
        // What follows the fence has not been looked at, even if it is complete.
        self.scanned = self.unit;
    }

    fn code_end(&mut self, first_line: usize, look: Look<'_>) {
        if look.width > 0
            && let Some(bottom) = code_bottom(usize::from(look.width), look.theme)
        {
            self.out.push(bottom, self.unit..self.unit);
        }
        let lines = first_line..self.out.lines.len();
        if let Some(block) = self.out.blocks.last_mut() {
            block.lines = lines;
        }
    }

    // --- the lines

    fn mark(&self) -> Mark {
        Mark { lines: self.out.lines.len(), blocks: self.out.blocks.len() }
    }

    fn rewind(&mut self, mark: Mark) {
        self.out.truncate(mark.lines, mark.blocks);
    }
}

impl OpenCode {
    fn ends_with(&self, line: &str) -> bool {
        let bare = line.trim_start_matches(' ');
        let fence = bare.trim_end();
        line.len() - bare.len() < 4 && fence.len() >= self.length && fence.chars().all(|c| c == self.fence)
    }

    /// The line without the indentation that its opening fence has.
    fn strip<'a>(&self, line: &'a str) -> &'a str {
        let spaces = line.bytes().take_while(|b| *b == b' ').count().min(self.indent);
        &line[spaces..]
    }
}

/// A part of a quote or a list as a text of its own: without the marks and spaces that all its lines begin with, and how
/// many columns those were.
fn dedent(part: &str) -> (String, u16) {
    let lead = |line: &str| line.len() - line.trim_start_matches([' ', '>']).len();
    let indent = part.lines().filter(|line| lead(line) < line.len()).map(lead).min().unwrap_or(0);
    let text = part.lines().flat_map(|line| [&line[indent.min(lead(line))..], "\n"]).collect();
    (text, indent.min(usize::from(u16::MAX)) as u16)
}

/// The outermost blocks of a part of the text, each beginning at the start of its line.
fn outline(source: &str, part: Range<usize>) -> Vec<Top> {
    let line_start =
        |at: usize| source[part.start..at].rfind('\n').map_or(part.start, |newline| part.start + newline + 1);
    let mut tops: Vec<Top> = Vec::new();
    let mut depth = 0usize;
    for (event, range) in Parser::new_ext(&source[part.clone()], options()).into_offset_iter() {
        let start = part.start + range.start;
        match event {
            Event::Start(tag) => {
                if depth == 0 {
                    tops.push(Top { start: line_start(start), kind: kind(&tag) });
                } else if depth == 1
                    && matches!(tag, Tag::Item)
                    && let Some(Top { kind: Kind::List { items, .. }, .. }) = tops.last_mut()
                {
                    items.push(line_start(start));
                }
                depth += 1;
            }
            Event::End(_) => depth = depth.saturating_sub(1),
            _ if depth == 0 => tops.push(Top { start: line_start(start), kind: Kind::Other }),
            _ => {}
        }
    }
    tops
}

fn kind(tag: &Tag<'_>) -> Kind {
    match tag {
        Tag::Paragraph => Kind::Paragraph,
        Tag::Table(_) => Kind::Table,
        Tag::CodeBlock(CodeBlockKind::Fenced(info)) => Kind::Fence { language: language(info) },
        Tag::List(number) => Kind::List { number: *number, items: Vec::new() },
        _ => Kind::Other,
    }
}
