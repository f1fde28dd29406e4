//! Markdown as lines for a terminal, at one width and in one theme.
//!
//! It is not an HTML renderer: tags are shown as text, nothing that a text refers to is fetched, and a link shows its
//! address beside its words, so that the two cannot lie about each other. Invariant: every span went through `SafeText`
//! after parsing (an entity like `&#27;` is a control character only then), and no line is wider than asked.

use std::{ops::Range, sync::Arc};

use pulldown_cmark::{BlockQuoteKind, CodeBlockKind, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd};
use ratatui::{
    style::{Modifier, Style},
    text::{Line, Span},
};

use super::{
    code_box::{code_bottom, code_line, code_top, is_closed, language, locate},
    table::{Cell, Table},
    trace::{align, code_trace, line_trace},
    wrap::{Breaks, Glyph, Piece, width, wrap},
};
use crate::{
    safe_text::{SafeText, Trace},
    ui::theme::Theme,
};

/// Deeper nesting than half the width is drawn flat.
const DEEPEST_SHARE: usize = 2;

/// A text as it stands on the screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    pub lines: Vec<Line<'static>>,
    /// For each line the bytes of the source it shows; empty for borders and gaps.
    pub map: Vec<Range<usize>>,
    /// For each line what can be pointed at in it, where that was asked for; else nothing at all.
    pub glyphs: Vec<Vec<Glyph>>,
    pub blocks: Vec<CodeBlock>,
}

/// A code block that can be copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeBlock {
    /// As the text names it; may be empty.
    pub language: String,
    pub text: String,
    /// The lines it takes up, its box included.
    pub lines: Range<usize>,
    /// Whether its end has come; an answer may stop in the middle of one.
    pub closed: bool,
}

/// Lines of coloured code, one per line of the block.
pub type Coloured = Arc<Vec<Line<'static>>>;

/// Gives the colours of a block where they have been made, by language and text.
pub type Colours<'a> = &'a dyn Fn(&str, &str) -> Option<Coloured>;

/// How to draw.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    pub width: u16,
    pub theme: &'a Theme,
    pub colours: Option<Colours<'a>>,
    /// Whether each letter must know where in the source it stands. Dear, so only for what is marked.
    pub traced: bool,
}

impl<'a> Look<'a> {
    #[must_use]
    pub fn new(width: u16, theme: &'a Theme) -> Self {
        Self { width, theme, colours: None, traced: false }
    }
}

/// Renders a whole text.
#[must_use]
pub fn render(text: &SafeText, look: Look<'_>) -> Rendered {
    let mut out = Rendered::default();
    let source = text.as_str();
    append(source, 0..source.len(), Joint::default(), look, &mut out);
    out
}

/// How a part of a text continues what was rendered before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Joint {
    /// The number of the first item, when the part begins inside an ordered list.
    pub number: Option<u64>,
    /// Whether an empty line comes first.
    pub gap: bool,
}

/// Renders a part of a text that begins where a block or a list item begins.
pub(super) fn append(source: &str, part: Range<usize>, joint: Joint, look: Look<'_>, out: &mut Rendered) {
    let before = out.lines.len();
    if joint.gap && before > 0 {
        out.push_traced(Line::default(), 0..0, Vec::new(), look.traced);
    }
    let begun = out.lines.len();
    let columns = usize::from(look.width);
    if columns == 0 {
        out.lines.truncate(before);
        out.map.truncate(before);
        out.glyphs.truncate(before);
        return;
    }
    let mut writer = Writer {
        source,
        look,
        columns,
        out,
        prefixes: Vec::new(),
        containers: vec![Container::default()],
        owed: None,
        begun,
        styles: vec![look.theme.text],
        pieces: Vec::new(),
        links: Vec::new(),
        numbers: Vec::new(),
        joint_number: joint.number,
        code: None,
        table: None,
        html: None,
    };
    for (event, range) in Parser::new_ext(&source[part.clone()], options()).into_offset_iter() {
        writer.event(event, range.start + part.start..range.end + part.start);
    }
    writer.flush();
    if out.lines.len() == begun {
        // Nothing but empty lines and definitions: no gap either.
        out.lines.truncate(before);
        out.map.truncate(before);
        out.glyphs.truncate(before);
    }
}

pub(super) fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_GFM
}

impl Rendered {
    pub(super) fn push(&mut self, line: Line<'static>, source: Range<usize>) {
        self.lines.push(line);
        self.map.push(source);
    }

    fn push_traced(&mut self, line: Line<'static>, source: Range<usize>, glyphs: Vec<Glyph>, is_traced: bool) {
        self.push(line, source);
        if is_traced {
            self.glyphs.push(glyphs);
        }
    }

    /// Forgets everything from a line on.
    pub(super) fn truncate(&mut self, lines: usize, blocks: usize) {
        self.lines.truncate(lines);
        self.map.truncate(lines);
        self.glyphs.truncate(lines);
        self.blocks.truncate(blocks);
    }
}

/// What stands before the lines of a quote or a list item.
struct Prefix {
    first: Option<Span<'static>>,
    rest: Span<'static>,
    width: usize,
}

#[derive(Clone, Copy, Default)]
struct Container {
    is_item: bool,
    /// Something was drawn in it, so the next block may need a gap.
    begun: bool,
}

struct Link {
    dest: String,
    pieces_before: usize,
    kind: LinkType,
}

struct Code {
    language: String,
    text: String,
    /// The bytes of the source from its first line of code on.
    source: Range<usize>,
    fenced: bool,
}

struct Writer<'a> {
    source: &'a str,
    look: Look<'a>,
    columns: usize,
    out: &'a mut Rendered,
    prefixes: Vec<Prefix>,
    containers: Vec<Container>,
    /// An empty line to draw before the next one, if there is one: how many prefixes it has, and where it stands.
    owed: Option<(usize, usize)>,
    /// Lines there were before this part.
    begun: usize,
    styles: Vec<Style>,
    pieces: Vec<Piece>,
    links: Vec<Link>,
    /// For each open list the number of its next item, or none for bullets.
    numbers: Vec<Option<u64>>,
    joint_number: Option<u64>,
    code: Option<Code>,
    table: Option<Table>,
    html: Option<String>,
}

impl Writer<'_> {
    fn event(&mut self, event: Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(tag) => self.start(tag, range),
            Event::End(tag) => self.end(tag, &range),
            Event::Text(text) => match (&mut self.code, &mut self.html) {
                (Some(code), _) => {
                    code.text.push_str(&text);
                    code.source.end = range.end;
                }
                (None, Some(html)) => html.push_str(&text),
                (None, None) => self.text(&text, self.style(), range),
            },
            Event::Code(text) => {
                let style = self.style().patch(self.look.theme.code);
                // In plain, bold alone would look like strong text.
                let has_ticks = self.look.theme.code.bg.is_none();
                let trace = self.trace(|source| code_trace(source, range.clone(), &text, has_ticks));
                let text = if has_ticks { format!("`{text}`") } else { text.to_string() };
                self.traced_text(&text, style, range, &trace);
            }
            Event::Html(text) => match &mut self.html {
                Some(html) => html.push_str(&text),
                None => self.text(&text, self.look.theme.dim, range),
            },
            Event::InlineHtml(tag) => {
                if matches!(&*tag, "<br>" | "<br/>" | "<br />") {
                    self.text("\n", self.style(), range);
                } else {
                    self.text(&tag, self.look.theme.dim, range);
                }
            }
            Event::InlineMath(text) | Event::DisplayMath(text) => self.text(&text, self.look.theme.code, range),
            Event::FootnoteReference(name) => self.text(&format!("[^{name}]"), self.look.theme.link, range),
            Event::SoftBreak => self.text(" ", self.style(), range),
            Event::HardBreak => self.text("\n", self.style(), range),
            Event::Rule => {
                self.gap(range.start);
                let rule = Span::styled("─".repeat(self.room()), self.look.theme.rule);
                self.line(vec![rule], range, Vec::new());
            }
            Event::TaskListMarker(done) => {
                let mark = if done { "☑ " } else { "☐ " };
                self.text(mark, self.look.theme.list_marker, range);
            }
        }
    }

    fn start(&mut self, tag: Tag<'_>, range: Range<usize>) {
        let theme = self.look.theme;
        match tag {
            Tag::Paragraph => self.gap(range.start),
            Tag::Heading { level, .. } => {
                self.flush();
                self.gap(range.start);
                self.styles.push(theme.heading_of(depth(level)));
            }
            Tag::BlockQuote(kind) => {
                self.flush();
                self.gap(range.start);
                self.open(None, Span::styled("▌ ", theme.quote_bar), false);
                self.push_style(theme.quote);
                if let Some(kind) = kind {
                    let (label, style) = alert(kind, theme);
                    self.text(label, style.add_modifier(Modifier::BOLD), range.start..range.start);
                    self.flush();
                    // The words follow their label without a gap.
                    if let Some(container) = self.containers.last_mut() {
                        container.begun = false;
                    }
                }
            }
            Tag::CodeBlock(kind) => {
                self.flush();
                self.gap(range.start);
                let (language, fenced) = match kind {
                    CodeBlockKind::Indented => (String::new(), false),
                    CodeBlockKind::Fenced(info) => (language(&info), true),
                };
                self.code = Some(Code { language, text: String::new(), source: range, fenced });
            }
            Tag::HtmlBlock => {
                self.flush();
                self.gap(range.start);
                self.html = Some(String::new());
            }
            Tag::List(first) => {
                self.flush();
                self.gap(range.start);
                // The gap belongs to the list; its first item must not ask for another.
                self.numbers.push(first.map(|first| self.joint_number.take().unwrap_or(first)));
                self.containers.push(Container { is_item: true, begun: false });
            }
            Tag::Item => {
                self.gap(range.start);
                let marker = match self.numbers.last_mut() {
                    Some(Some(number)) => {
                        let marker = format!("{number}. ");
                        *number = number.saturating_add(1);
                        marker
                    }
                    Some(None) | None => bullet(self.numbers.len()).to_owned(),
                };
                let rest = " ".repeat(marker.chars().count());
                self.open(Some(Span::styled(marker, theme.list_marker)), Span::raw(rest), true);
            }
            Tag::FootnoteDefinition(name) => {
                self.flush();
                self.gap(range.start);
                let name = SafeText::line(&format!("[^{name}] ")).into_string();
                self.open(Some(Span::styled(name, theme.link)), Span::raw("    "), true);
            }
            Tag::Table(alignments) => {
                self.flush();
                self.gap(range.start);
                self.table = Some(Table { alignments, ..Table::default() });
            }
            Tag::TableHead => self.styles.push(theme.table_head),
            Tag::TableRow => {
                if let Some(table) = &mut self.table {
                    table.rows.push(Vec::new());
                    table.sources.push(range);
                }
            }
            Tag::TableCell => self.pieces.clear(),
            Tag::Emphasis => self.push_style(theme.emphasis),
            Tag::Strong => self.push_style(theme.strong),
            Tag::Strikethrough => self.push_style(theme.strike),
            Tag::Link { link_type, dest_url, .. } => self.open_link(link_type, dest_url.to_string()),
            Tag::Image { dest_url, .. } => {
                self.text("[image: ", theme.dim, range.start..range.start);
                self.open_link(LinkType::Inline, dest_url.to_string());
            }
            // Not switched on; their text is shown as a paragraph would be.
            Tag::Superscript | Tag::Subscript => self.push_style(Style::new()),
            Tag::DefinitionList | Tag::DefinitionListTitle | Tag::DefinitionListDefinition | Tag::MetadataBlock(_) => {}
        }
    }

    fn end(&mut self, tag: TagEnd, range: &Range<usize>) {
        match tag {
            TagEnd::Heading(_) => {
                self.flush();
                self.pop_style();
            }
            TagEnd::BlockQuote(_) => {
                self.flush();
                self.close();
                self.pop_style();
            }
            TagEnd::CodeBlock => {
                if let Some(code) = self.code.take() {
                    let closed = !code.fenced || is_closed(&self.source[range.clone()]);
                    self.code_block(&code, closed);
                }
            }
            TagEnd::HtmlBlock => {
                if let Some(html) = self.html.take() {
                    let html = html.trim_end_matches('\n');
                    let trace = self.trace(|source| align(source, range.clone(), html, 0));
                    self.traced_text(html, self.look.theme.dim, range.clone(), &trace);
                    self.flush();
                }
            }
            TagEnd::List(_) => {
                self.flush();
                self.numbers.pop();
                self.containers.pop();
                self.mark_begun();
            }
            TagEnd::Item | TagEnd::FootnoteDefinition => {
                self.flush();
                // An item with nothing in it still shows its marker.
                if self.prefixes.last().is_some_and(|prefix| prefix.first.is_some()) {
                    self.line(Vec::new(), range.start..range.start, Vec::new());
                }
                self.close();
            }
            TagEnd::TableHead => self.pop_style(),
            TagEnd::Table => {
                if let Some(table) = self.table.take() {
                    self.table(&table);
                }
            }
            TagEnd::TableCell => {
                let cell = self.cell();
                if let Some(table) = &mut self.table {
                    match table.rows.last_mut() {
                        Some(row) => row.push(cell),
                        None => table.head.push(cell),
                    }
                }
            }
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Superscript | TagEnd::Subscript => {
                self.pop_style();
            }
            TagEnd::Link => self.close_link(range.end),
            TagEnd::Image => {
                self.close_link(range.end);
                self.text("]", self.look.theme.dim, range.end..range.end);
            }
            TagEnd::Paragraph => self.flush(),
            TagEnd::TableRow
            | TagEnd::DefinitionList
            | TagEnd::DefinitionListTitle
            | TagEnd::DefinitionListDefinition
            | TagEnd::MetadataBlock(_) => {}
        }
    }

    // --- inline text

    fn style(&self) -> Style {
        self.styles.last().copied().unwrap_or_default()
    }

    fn push_style(&mut self, style: Style) {
        self.styles.push(self.style().patch(style));
    }

    fn pop_style(&mut self) {
        if self.styles.len() > 1 {
            self.styles.pop();
        }
    }

    fn text(&mut self, text: &str, style: Style, source: Range<usize>) {
        let trace = self.trace(|whole| {
            let mut trace = Trace::default();
            trace.push(0..text.len(), source.clone(), whole.get(source.clone()) == Some(text));
            trace
        });
        self.traced_text(text, style, source, &trace);
    }

    /// Made only where it was asked for.
    fn trace(&self, make: impl FnOnce(&str) -> Trace) -> Trace {
        if self.look.traced { make(self.source) } else { Trace::default() }
    }

    fn traced_text(&mut self, text: &str, style: Style, source: Range<usize>, trace: &Trace) {
        match self.pieces.last_mut() {
            // Joined before they are made safe: the parser cuts at punctuation, in the middle of a keycap if need be.
            Some(last) if last.style == style && last.source.end == source.start => {
                last.trace.append(trace, last.text.len());
                last.text.push_str(text);
                last.source.end = source.end;
            }
            Some(_) | None => {
                self.pieces.push(Piece { trace: trace.clone(), ..Piece::new(text.to_owned(), style, source) });
            }
        }
    }

    fn open_link(&mut self, kind: LinkType, dest: String) {
        self.push_style(self.look.theme.link);
        self.links.push(Link { dest, pieces_before: self.pieces.len(), kind });
    }

    fn close_link(&mut self, at: usize) {
        self.pop_style();
        let Some(link) = self.links.pop() else { return };
        let before = link.pieces_before.min(self.pieces.len());
        let shown: String = self.pieces[before..].iter().map(|piece| piece.text.as_str()).collect();
        let is_same = shown == link.dest || link.kind == LinkType::Email || link.kind == LinkType::Autolink;
        if !is_same && !link.dest.is_empty() {
            let dest = SafeText::line(&link.dest);
            self.text(&format!(" ({dest})"), self.look.theme.url, at..at);
        }
    }

    fn cell(&mut self) -> Cell {
        let mut pieces = std::mem::take(&mut self.pieces);
        make_safe(&mut pieces);
        pieces
    }

    /// Draws the text gathered so far as a paragraph.
    fn flush(&mut self) {
        if self.pieces.is_empty() {
            return;
        }
        let pieces = self.cell();
        for line in wrap(&pieces, self.room(), Breaks::Words) {
            self.line(line.spans, line.source, line.glyphs);
        }
    }

    // --- blocks

    /// Room beside the prefixes.
    fn room(&self) -> usize {
        let taken: usize = self.prefixes.iter().map(|prefix| prefix.width).sum();
        self.columns.saturating_sub(taken).max(1)
    }

    fn open(&mut self, first: Option<Span<'static>>, rest: Span<'static>, is_item: bool) {
        let taken = self.columns - self.room();
        let wants = width(&rest.content).max(first.as_ref().map_or(0, |first| width(&first.content)));
        let fits = (taken + wants) * DEEPEST_SHARE <= self.columns;
        let prefix = if fits {
            let pad = |span: Span<'static>| {
                let spare = wants - width(&span.content);
                Span::styled(format!("{}{}", span.content, " ".repeat(spare)), span.style)
            };
            Prefix { first: first.map(pad), rest: pad(rest), width: wants }
        } else {
            Prefix { first: None, rest: Span::raw(""), width: 0 }
        };
        self.prefixes.push(prefix);
        self.containers.push(Container { is_item, begun: false });
    }

    fn close(&mut self) {
        self.prefixes.pop();
        self.containers.pop();
        self.mark_begun();
    }

    fn mark_begun(&mut self) {
        if let Some(container) = self.containers.last_mut() {
            container.begun = true;
        }
    }

    /// An empty line before a block: always between blocks, inside lists only where the text has one.
    fn gap(&mut self, at: usize) {
        self.flush();
        let Some(container) = self.containers.last().copied() else { return };
        if container.begun && (!container.is_item || blank_before(self.source, at)) {
            self.owed.get_or_insert((self.prefixes.len(), at));
        }
    }

    fn line(&mut self, spans: Vec<Span<'static>>, source: Range<usize>, glyphs: Vec<Glyph>) {
        if let Some((depth, at)) = self.owed.take()
            && self.out.lines.len() > self.begun
        {
            // Owed inside a quote that ended with nothing in it, the gap stands where that quote stood.
            let bars =
                self.prefixes[..depth.min(self.prefixes.len())].iter().map(|prefix| prefix.rest.clone()).collect();
            self.out.push_traced(Line::from(trimmed(bars)), at..at, Vec::new(), self.look.traced);
        }
        let mut all = Vec::with_capacity(self.prefixes.len().min(8) + spans.len());
        for prefix in &mut self.prefixes {
            let span = prefix.first.take().unwrap_or_else(|| prefix.rest.clone());
            if !span.content.is_empty() {
                all.push(span);
            }
        }
        let mut glyphs = glyphs;
        if !glyphs.is_empty() {
            Glyph::shift(&mut glyphs, all.iter().map(|span: &Span<'_>| width(&span.content)).sum());
        }
        let mut all = if spans.is_empty() { trimmed(all) } else { all };
        all.extend(spans);
        self.out.push_traced(Line::from(all), source, glyphs, self.look.traced);
        self.mark_begun();
    }

    fn table(&mut self, table: &Table) {
        for shown in table.render(self.room(), self.look.theme) {
            let source = shown.row.and_then(|row| table.sources.get(row).cloned()).unwrap_or(0..0);
            self.line(shown.line.spans, source, shown.glyphs);
        }
    }

    fn code_block(&mut self, code: &Code, closed: bool) {
        let theme = self.look.theme;
        let text = SafeText::new(code.text.strip_suffix('\n').unwrap_or(&code.text)).into_string();
        let language = SafeText::line(&code.language).into_string();
        let coloured = self.look.colours.and_then(|colours| colours(&language, &text));
        let first_line = self.out.lines.len();
        let room = self.room();
        let start = code.source.start;
        if let Some(top) = code_top(&language, room, theme) {
            self.line(top.spans, start..start, Vec::new());
        }
        let mut at = code_start(self.source, code);
        for (index, line) in text.split('\n').enumerate() {
            let colours = coloured.as_ref().and_then(|lines| lines.get(index));
            let begins = locate(self.source, at, line);
            let trace = self.look.traced.then(|| line_trace(self.source, begins, at, line));
            for row in code_line(line, begins, colours, room, theme, trace.as_ref()) {
                self.line(row.spans, row.source, row.glyphs);
            }
            at = next_line(self.source, at);
        }
        if let Some(bottom) = code_bottom(room, theme) {
            self.line(bottom.spans, start..start, Vec::new());
        }
        let lines = first_line..self.out.lines.len();
        self.out.blocks.push(CodeBlock { language, text, lines, closed });
    }
}

fn code_start(source: &str, code: &Code) -> usize {
    if code.fenced { next_line(source, code.source.start) } else { code.source.start }
}

fn next_line(source: &str, at: usize) -> usize {
    source.get(at..).and_then(|rest| rest.find('\n')).map_or(source.len(), |end| at + end + 1)
}

/// Whether the line before the one at `at` is empty, quote marks aside.
pub(super) fn blank_before(source: &str, at: usize) -> bool {
    let start = source[..at].rfind('\n').unwrap_or(0);
    let before = source[..start].rfind('\n').map_or(0, |newline| newline + 1);
    start > 0 && source[before..start].chars().all(|c| matches!(c, ' ' | '>'))
}

/// Prefixes of a line with nothing behind them: spaces at its end are nobody's.
fn trimmed(mut prefixes: Vec<Span<'static>>) -> Vec<Span<'static>> {
    while prefixes.last().is_some_and(|span| span.content.trim().is_empty()) {
        prefixes.pop();
    }
    prefixes
}

fn make_safe(pieces: &mut [Piece]) {
    for piece in pieces {
        if !piece.text.bytes().all(|b| matches!(b, b' '..=b'~' | b'\n')) {
            if piece.trace.is_empty() {
                piece.text = SafeText::new(&piece.text).into_string();
            } else {
                let (safe, trace) = SafeText::traced(&piece.text);
                piece.trace = trace.through(&piece.trace);
                piece.text = safe.into_string();
            }
        }
    }
}

fn depth(level: HeadingLevel) -> usize {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}

fn bullet(depth: usize) -> &'static str {
    match depth % 3 {
        1 => "• ",
        2 => "◦ ",
        _ => "▪ ",
    }
}

fn alert(kind: BlockQuoteKind, theme: &Theme) -> (&'static str, Style) {
    match kind {
        BlockQuoteKind::Note => ("Note", theme.accent),
        BlockQuoteKind::Tip => ("Tip", theme.success),
        BlockQuoteKind::Important => ("Important", theme.system),
        BlockQuoteKind::Warning => ("Warning", theme.warning),
        BlockQuoteKind::Caution => ("Caution", theme.error),
    }
}
