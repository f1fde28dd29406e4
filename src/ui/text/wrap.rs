//! Breaks styled text into lines by what a terminal shows: graphemes and their display width.
//!
//! It is not a paragraph widget: the caller says what stands before the first line and the others. Invariant: no line
//! is wider than asked, whatever is in it; a grapheme that cannot fit at all is shown as `…`.

use std::ops::Range;

use ratatui::{
    style::Style,
    text::{Line, Span},
};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::safe_text::Trace;

/// A run of text in one style, and the bytes of the source that it came from. `\n` in it breaks the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub text: String,
    pub style: Style,
    pub source: Range<usize>,
    /// Which bytes exactly, where somebody asked for that; else empty.
    pub trace: Trace,
}

impl Piece {
    #[must_use]
    pub fn new(text: String, style: Style, source: Range<usize>) -> Self {
        Self { text, style, source, trace: Trace::default() }
    }
}

/// What can be pointed at in a line: a grapheme, where it stands, and the bytes of the source that it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glyph {
    /// The column at which it begins.
    pub at: u16,
    pub width: u16,
    pub from: u32,
    pub to: u32,
}

impl Glyph {
    #[must_use]
    pub fn source(&self) -> Range<usize> {
        self.from as usize..self.to as usize
    }

    /// Those of a part, moved to the right by what stands before it.
    pub fn shift(glyphs: &mut [Self], by: usize) {
        let by = u16::try_from(by).unwrap_or(u16::MAX);
        for glyph in glyphs {
            glyph.at = glyph.at.saturating_add(by);
        }
    }
}

/// Where lines may break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breaks {
    /// Between words, after hyphens, between wide characters; a word longer than a line is cut.
    Words,
    /// Wherever the line is full: for code, where every space counts.
    Anywhere,
}

/// One line: its spans, their width, and the bytes of the source it shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wrapped {
    pub spans: Vec<Span<'static>>,
    pub width: usize,
    pub source: Range<usize>,
    /// Of pieces that have a trace.
    pub glyphs: Vec<Glyph>,
}

/// What is drawn as one: a grapheme.
#[derive(Clone, Copy)]
struct Atom {
    piece: u32,
    start: u32,
    end: u32,
    width: u16,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Space,
    Newline,
    /// A hyphen between letters: a line may end after it.
    Hyphen,
    /// Two columns wide, as in Chinese and Japanese: a line may end on either side.
    Wide,
    /// Closes what is before it, so it may not begin a line.
    Closing,
    /// Opens what is after it, so it may not end a line.
    Opening,
    Letter,
}

/// Display width as the terminal buffer counts it: grapheme by grapheme.
#[must_use]
pub fn width(text: &str) -> usize {
    if is_printable_ascii(text) { text.len() } else { text.graphemes(true).map(UnicodeWidthStr::width).sum() }
}

/// The first `columns` columns of a text, with `…` where something was cut.
#[must_use]
pub fn clip(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        used += grapheme.width();
        if used + 1 > columns {
            break;
        }
        out.push_str(grapheme);
    }
    if columns > 0 {
        out.push('…');
    }
    out
}

/// Breaks `pieces` into lines of at most `columns`; an empty text gives one empty line.
#[must_use]
pub fn wrap(pieces: &[Piece], columns: usize, breaks: Breaks) -> Vec<Wrapped> {
    let atoms = atoms(pieces);
    let columns = columns.max(1);
    let mut lines = Vec::new();
    let mut start = 0;
    loop {
        let (end, next) = match breaks {
            Breaks::Words => words(&atoms, start, columns),
            Breaks::Anywhere => anywhere(&atoms, start, columns),
        };
        lines.push(line(pieces, &atoms[start..end], columns));
        match next {
            Some(next) => start = next,
            None => return lines,
        }
    }
}

impl Wrapped {
    /// The line with something before it.
    #[must_use]
    pub fn after(self, prefix: Vec<Span<'static>>) -> Line<'static> {
        let mut spans = prefix;
        spans.extend(self.spans);
        Line::from(spans)
    }
}

/// The end of the line that begins at `start`, and where the next one begins, if there is one.
fn words(atoms: &[Atom], start: usize, columns: usize) -> (usize, Option<usize>) {
    let mut used = 0;
    let mut last_break = None;
    for (at, atom) in atoms.iter().enumerate().skip(start) {
        if atom.kind == Kind::Newline {
            return (trim(atoms, start, at), Some(at + 1));
        }
        if at > start && may_break(atoms, at) {
            last_break = Some(at);
        }
        let width = usize::from(atom.width).min(columns);
        if used + width > columns {
            if atom.kind == Kind::Space {
                return (trim(atoms, start, at), skip_spaces(atoms, at));
            }
            let cut = last_break.unwrap_or(at);
            return (trim(atoms, start, cut), Some(cut));
        }
        used += width;
    }
    (trim(atoms, start, atoms.len()), None)
}

fn anywhere(atoms: &[Atom], start: usize, columns: usize) -> (usize, Option<usize>) {
    let mut used = 0;
    for (at, atom) in atoms.iter().enumerate().skip(start) {
        if atom.kind == Kind::Newline {
            return (at, Some(at + 1));
        }
        let width = usize::from(atom.width).min(columns);
        if used + width > columns {
            return (at, Some(at));
        }
        used += width;
    }
    (atoms.len(), None)
}

fn may_break(atoms: &[Atom], at: usize) -> bool {
    match (atoms[at - 1].kind, atoms[at].kind) {
        (_, Kind::Space | Kind::Newline | Kind::Closing) | (Kind::Opening, _) => false,
        (Kind::Space, _)
        | (Kind::Hyphen, Kind::Letter)
        | (Kind::Wide | Kind::Closing, Kind::Wide | Kind::Opening)
        | (Kind::Wide, Kind::Letter | Kind::Hyphen)
        | (Kind::Letter | Kind::Hyphen, Kind::Wide) => true,
        (Kind::Closing, Kind::Letter | Kind::Hyphen) => usize::from(atoms[at - 1].width) == 2,
        (Kind::Letter | Kind::Hyphen, Kind::Opening) => usize::from(atoms[at].width) == 2,
        (Kind::Letter | Kind::Newline | Kind::Hyphen, _) => false,
    }
}

/// Spaces at the end of a line are not drawn.
fn trim(atoms: &[Atom], start: usize, end: usize) -> usize {
    atoms[start..end].iter().rposition(|atom| atom.kind != Kind::Space).map_or(start, |last| start + last + 1)
}

/// The spaces a line broke at belong to neither side. Spaces that end the text need no line of their own.
fn skip_spaces(atoms: &[Atom], at: usize) -> Option<usize> {
    let next = at + atoms[at..].iter().position(|atom| atom.kind != Kind::Space)?;
    if atoms[next].kind == Kind::Newline { Some(next + 1) } else { Some(next) }
}

fn atoms(pieces: &[Piece]) -> Vec<Atom> {
    let mut atoms = Vec::with_capacity(pieces.iter().map(|piece| piece.text.len()).sum());
    for (index, piece) in pieces.iter().enumerate() {
        let piece_index = index as u32;
        if piece.text.is_ascii() {
            let bytes = piece.text.as_bytes();
            for (at, &byte) in bytes.iter().enumerate() {
                let letter_before = at.checked_sub(1).is_some_and(|before| bytes[before].is_ascii_alphanumeric());
                atoms.push(Atom {
                    piece: piece_index,
                    start: at as u32,
                    end: at as u32 + 1,
                    width: u16::from(byte != b'\n'),
                    kind: match byte {
                        b' ' => Kind::Space,
                        b'\n' => Kind::Newline,
                        b'-' if letter_before => Kind::Hyphen,
                        _ => Kind::Letter,
                    },
                });
            }
        } else {
            for (at, grapheme) in piece.text.grapheme_indices(true) {
                let width = grapheme.width().min(usize::from(u16::MAX)) as u16;
                atoms.push(Atom {
                    piece: piece_index,
                    start: at as u32,
                    end: (at + grapheme.len()) as u32,
                    width: if grapheme == "\n" { 0 } else { width },
                    kind: kind(grapheme, width),
                });
            }
        }
    }
    atoms
}

fn kind(grapheme: &str, width: u16) -> Kind {
    match grapheme {
        " " | "\u{3000}" => Kind::Space,
        "\n" => Kind::Newline,
        "，" | "。" | "、" | "！" | "？" | "：" | "；" | "）" | "］" | "｝" | "」" | "』" | "〉" | "》" | "】"
        | "〕" | "ー" | "々" | "ゃ" | "ゅ" | "ょ" | "っ" | "ャ" | "ュ" | "ョ" | "ッ" | "’" | "”" | "…" => {
            Kind::Closing
        }
        "（" | "［" | "｛" | "「" | "『" | "〈" | "《" | "【" | "〔" | "‘" | "“" => Kind::Opening,
        _ if width == 2 => Kind::Wide,
        _ => Kind::Letter,
    }
}

fn line(pieces: &[Piece], atoms: &[Atom], columns: usize) -> Wrapped {
    let mut wrapped = Wrapped::default();
    let mut rest = atoms;
    while let Some(first) = rest.first() {
        let piece = &pieces[first.piece as usize];
        let too_wide = |atom: &Atom| usize::from(atom.width) > columns;
        let run = if too_wide(first) {
            1
        } else {
            rest.iter().position(|atom| atom.piece != first.piece || too_wide(atom)).unwrap_or(rest.len())
        };
        let last = &rest[run - 1];
        let begun = wrapped.width;
        let text = if too_wide(first) {
            wrapped.width += 1;
            "…".to_owned()
        } else {
            wrapped.width += rest[..run].iter().map(|atom| usize::from(atom.width)).sum::<usize>();
            piece.text[first.start as usize..last.end as usize].to_owned()
        };
        let from = (piece.source.start + first.start as usize).min(piece.source.end);
        let to = (piece.source.start + last.end as usize).min(piece.source.end);
        if wrapped.spans.is_empty() {
            wrapped.source = from..to;
        } else {
            wrapped.source.end = to.max(wrapped.source.end);
        }
        if !piece.trace.is_empty() {
            glyphs_of(piece, &rest[..run], begun, columns, &mut wrapped.glyphs);
        }
        wrapped.spans.push(Span::styled(text, piece.style));
        rest = &rest[run..];
    }
    wrapped
}

fn glyphs_of(piece: &Piece, atoms: &[Atom], begun: usize, columns: usize, glyphs: &mut Vec<Glyph>) {
    let mut column = begun;
    for atom in atoms {
        // What cannot fit is shown as one mark.
        let width = if usize::from(atom.width) > columns { 1 } else { atom.width };
        if let Some(source) = piece.trace.source_of(atom.start as usize..atom.end as usize) {
            let (from, to) = (source.start as u32, source.end as u32);
            match glyphs.last_mut() {
                // A mark on what stands before it, cut off from it by a change of style.
                Some(last) if width == 0 => last.to = last.to.max(to),
                Some(_) | None if width > 0 => glyphs.push(Glyph { at: column as u16, width, from, to }),
                Some(_) | None => {}
            }
        }
        column += usize::from(width);
    }
}

fn is_printable_ascii(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b' '..=b'~'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::safe_text::SafeText;

    fn lines(text: &str, columns: usize) -> Vec<String> {
        let piece = Piece::new(text.to_owned(), Style::new(), 0..text.len());
        wrap(&[piece], columns, Breaks::Words)
            .into_iter()
            .map(|line| line.spans.iter().map(|span| span.content.as_ref()).collect())
            .collect()
    }

    #[test]
    fn words_stay_whole_and_spaces_at_the_break_vanish() {
        assert_eq!(lines("the quick brown fox", 10), ["the quick", "brown fox"]);
        assert_eq!(lines("the quick  brown", 9), ["the quick", "brown"]);
        assert_eq!(lines("trailing   ", 8), ["trailing"]);
        assert_eq!(lines("a\n\nb", 8), ["a", "", "b"]);
        assert_eq!(lines("", 8), [""]);
    }

    #[test]
    fn a_word_longer_than_a_line_is_cut() {
        assert_eq!(lines("x abcdefghij", 4), ["x", "abcd", "efgh", "ij"]);
        assert_eq!(lines("well-known --flag", 6), ["well-", "known", "--flag"]);
    }

    #[test]
    fn wide_text_breaks_anywhere_but_before_a_full_stop() {
        assert_eq!(lines("漢字仮名交", 4), ["漢字", "仮名", "交"]);
        assert_eq!(lines("漢字仮名。", 8), ["漢字仮", "名。"]);
        assert_eq!(lines("「漢字」", 4), ["「漢", "字」"]);
    }

    #[test]
    fn what_cannot_fit_is_an_ellipsis() {
        assert_eq!(lines("a漢b", 1), ["a", "…", "b"]);
        assert_eq!(lines("ab", 0), ["a", "b"]);
    }

    #[test]
    fn emoji_and_their_joiners_are_never_split() {
        assert_eq!(lines("👨‍👩‍👧👨‍👩‍👧", 3), ["👨‍👩‍👧", "👨‍👩‍👧"]);
    }

    #[test]
    fn each_line_knows_where_it_came_from() {
        let piece = Piece::new("one two".into(), Style::new(), 10..17);
        let sources: Vec<_> = wrap(&[piece], 4, Breaks::Words).into_iter().map(|line| line.source).collect();
        assert_eq!(sources, [10..13, 14..17]);
    }

    #[test]
    fn clipping_keeps_the_width() {
        assert_eq!(clip("abcdef", 4), "abc…");
        assert_eq!(clip("漢字仮名", 5), "漢字…");
        assert_eq!(clip("abc", 3), "abc");
        assert_eq!(clip("abc", 0), "");
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_asked_and_no_word_is_lost(text in "\\PC{0,60}", columns in 1usize..30) {
            let text = SafeText::new(&text).into_string();
            let out = lines(&text, columns);
            for line in &out {
                prop_assert!(width(line) <= columns, "{line:?}");
            }
            if columns > 20 {
                let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
                prop_assert_eq!(letters(&out.concat()), letters(&text));
            }
        }
    }
}
