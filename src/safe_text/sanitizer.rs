//! The state machine behind `SafeText`, for text that arrives in pieces.

use unicode_normalization::char::is_combining_mark;
use unicode_width::UnicodeWidthChar;

use super::classes::{Class, class, has_variant, is_emoji, joins};

/// An escape sequence longer than this is given up, so that one that never ends cannot swallow a whole answer.
const LONGEST_SEQUENCE: usize = 8 * 1024;
/// Nobody writes more on one letter; crafted ones have crashed terminals (CVE-2021-27135).
const MOST_MARKS: u8 = 8;
/// The longest emoji in use joins four people.
const MOST_JOINERS: u8 = 8;
const TAB: usize = 4;
/// Stands for a sequence that would have commanded the terminal.
const ESCAPE_MARK: char = '␛';
/// Gives a combining mark at the start of a line or after a space something to sit on: a border of ours would be wrong,
/// and about a space with marks terminals do not agree how wide it is.
const DOTTED_CIRCLE: char = '◌';
/// England, Scotland, Wales: the only flags that are written with tags and drawn anywhere.
const TAG_FLAGS: [&str; 3] = ["gbeng", "gbsct", "gbwls"];

/// Where in an escape sequence we are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// After ESC, or after its intermediate bytes.
    Escape,
    /// After `ESC [` or U+009B.
    Csi,
    /// In the payload of a string sequence.
    Payload(Payload),
    /// After an ESC in a payload: `\` ends the string, anything else begins another sequence.
    PayloadEscape,
}

/// Which string it is decides what ends it. A line break ends all but DCS: no other kind has one in practice, and a
/// stray introducer should cost a line, not an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Payload {
    /// OSC and the old title sequence: BEL ends them too.
    Osc,
    Dcs,
    /// SOS, PM, APC.
    Other,
}

/// Makes foreign text safe piece by piece: any cutting at character boundaries gives the same result as the whole.
#[derive(Clone, Debug, Default)]
pub struct Sanitizer {
    state: State,
    /// Characters of the sequence so far.
    length: usize,
    /// The last character that was let through on this line.
    last: Option<char>,
    marks: u8,
    joiners: u8,
    /// A joiner or selector whose right to be here depends on what follows.
    waiting: Option<char>,
    /// Tags after a black flag, as ASCII, until the flag is complete.
    tags: String,
    /// A line feed right after this belongs to the carriage return that was already shown as a line break.
    after_return: bool,
    /// Display column, for tabs.
    column: usize,
    hidden: usize,
}

impl Sanitizer {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Characters dropped or shown as marks so far.
    #[must_use]
    pub fn hidden(&self) -> usize {
        self.hidden
    }

    /// Whether something was taken in about which is decided later.
    #[must_use]
    pub(super) fn holds_back(&self) -> bool {
        self.state != State::Text || self.waiting.is_some() || !self.tags.is_empty()
    }

    /// Appends what is displayable of `piece` to `out`.
    pub fn push(&mut self, piece: &str, out: &mut String) {
        out.reserve(piece.len());
        let mut rest = piece;
        while !rest.is_empty() {
            if self.state == State::Text {
                let plain = plain_prefix(rest.as_bytes());
                if plain > 0 {
                    let (head, tail) = rest.split_at(plain);
                    self.plain(head, out);
                    rest = tail;
                    continue;
                }
            }
            let mut chars = rest.chars();
            if let Some(c) = chars.next() {
                self.one(c, out);
            }
            rest = chars.as_str();
        }
    }

    /// Ends the text: what was still waiting is dropped, an unfinished sequence becomes a mark.
    pub fn finish(&mut self, out: &mut String) {
        self.settle(None, out);
        if self.state != State::Text {
            self.end_sequence(out);
        }
        let hidden = self.hidden;
        *self = Self { hidden, ..Self::default() };
    }

    /// Printable ASCII and line feeds, which are nearly everything there is.
    fn plain(&mut self, text: &str, out: &mut String) {
        let mut text = text;
        if self.after_return {
            self.after_return = false;
            text = text.strip_prefix('\n').unwrap_or(text);
        }
        let bytes = text.as_bytes();
        let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else { return };
        self.settle(Some(char::from(first)), out);
        out.push_str(text);
        match bytes.iter().rposition(|&b| b == b'\n') {
            Some(at) => self.column = bytes.len() - at - 1,
            None => self.column += bytes.len(),
        }
        self.last = (last != b'\n').then(|| char::from(last));
        self.marks = 0;
        self.joiners = 0;
    }

    fn one(&mut self, c: char, out: &mut String) {
        match self.state {
            State::Text => self.text(c, out),
            State::Escape => self.escape(c, out),
            State::Csi => self.csi(c, out),
            State::Payload(kind) => self.payload(kind, c, out),
            State::PayloadEscape => {
                self.length += 1;
                if c == '\\' {
                    self.end_sequence(out);
                } else {
                    // The ESC belongs to the next sequence, not to this one.
                    self.length -= 2;
                    self.end_sequence(out);
                    self.begin(State::Escape);
                    self.escape(c, out);
                }
            }
        }
    }

    fn text(&mut self, c: char, out: &mut String) {
        let after_return = std::mem::take(&mut self.after_return);
        match c {
            '\n' if after_return => {}
            '\n' => self.newline(out),
            '\r' => {
                self.newline(out);
                self.after_return = true;
            }
            '\t' => {
                self.settle(Some(' '), out);
                for _ in 0..TAB - self.column % TAB {
                    self.show(' ', out);
                }
            }
            '\u{1b}' => self.introduce(State::Escape, out),
            '\u{9b}' => self.introduce(State::Csi, out),
            '\u{90}' => self.introduce(State::Payload(Payload::Dcs), out),
            '\u{9d}' => self.introduce(State::Payload(Payload::Osc), out),
            '\u{98}' | '\u{9e}' | '\u{9f}' => self.introduce(State::Payload(Payload::Other), out),
            '\0'..='\u{1f}' => self.replace(char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'), out),
            '\u{7f}' => self.replace('␡', out),
            '\u{80}'..='\u{84}' | '\u{86}'..='\u{9f}' => self.replace('\u{fffd}', out),
            c if c.is_ascii() => {
                self.settle(Some(c), out);
                self.show(c, out);
            }
            c => self.other(c, out),
        }
    }

    fn other(&mut self, c: char, out: &mut String) {
        match class(c) {
            Class::Plain => {
                self.settle(Some(c), out);
                self.show(c, out);
            }
            Class::Space => {
                self.settle(Some(' '), out);
                self.show(' ', out);
            }
            Class::Newline => self.newline(out),
            Class::Mark => self.mark(c, out),
            Class::Joiner => {
                if self.waiting.is_none() && self.last.is_some() && self.joiners < MOST_JOINERS {
                    self.waiting = Some(c);
                } else {
                    self.hidden += 1;
                }
            }
            Class::Variation => self.variation(c, out),
            Class::Tag => self.tag(c, out),
            Class::Invisible => self.hidden += 1,
            Class::Unknown => self.replace('\u{fffd}', out),
        }
    }

    fn mark(&mut self, c: char, out: &mut String) {
        self.settle(Some(c), out);
        if self.marks >= MOST_MARKS {
            self.hidden += 1;
            return;
        }
        if self.last.is_none_or(char::is_whitespace) && is_combining_mark(c) {
            self.show(DOTTED_CIRCLE, out);
        }
        out.push(c);
        self.last = Some(c);
        self.marks += 1;
    }

    fn variation(&mut self, c: char, out: &mut String) {
        let Some(base) = self.last.filter(|_| self.waiting.is_none()) else {
            self.hidden += 1;
            return;
        };
        if matches!(base, '0'..='9' | '#' | '*') && c == '\u{fe0f}' {
            // Only as part of a keycap; otherwise digits could carry one hidden bit each.
            self.waiting = Some(c);
        } else if has_variant(base, c) && self.marks < MOST_MARKS {
            out.push(c);
            self.last = Some(c);
            self.marks += 1;
        } else {
            self.hidden += 1;
        }
    }

    fn tag(&mut self, c: char, out: &mut String) {
        if self.last != Some('\u{1f3f4}') || self.waiting.is_some() {
            self.hidden += 1;
            return;
        }
        if c == '\u{e007f}' {
            let name = std::mem::take(&mut self.tags);
            if TAG_FLAGS.contains(&name.as_str()) {
                out.extend(name.chars().map(tag_of));
                out.push(c);
                self.last = Some(c);
            } else {
                self.hidden += name.len() + 1;
            }
        } else if self.tags.len() < TAG_FLAGS[0].len() {
            self.tags.push(char::from((u32::from(c) - 0xe0000) as u8));
        } else {
            // Too long for any flag, so none of it may stay.
            self.hidden += 1;
            self.hidden += std::mem::take(&mut self.tags).len();
            self.last = Some('\u{fffd}');
        }
    }

    /// Decides about what was waiting for the next character.
    fn settle(&mut self, next: Option<char>, out: &mut String) {
        if !self.tags.is_empty() {
            self.hidden += std::mem::take(&mut self.tags).len();
        }
        let Some(c) = self.waiting.take() else { return };
        let keep = match (c, self.last, next) {
            ('\u{fe0f}', _, Some('\u{20e3}')) => true,
            ('\u{200c}' | '\u{200d}', Some(before), Some(after)) => joins(before, c, after),
            _ => false,
        };
        if keep {
            out.push(c);
            self.last = Some(c);
            self.joiners += 1;
        } else {
            self.hidden += 1;
        }
    }

    fn newline(&mut self, out: &mut String) {
        self.settle(None, out);
        out.push('\n');
        self.last = None;
        self.marks = 0;
        self.joiners = 0;
        self.column = 0;
    }

    fn show(&mut self, c: char, out: &mut String) {
        out.push(c);
        if self.last != Some('\u{200d}') || !is_emoji(c) {
            self.joiners = 0;
        }
        self.column += c.width().unwrap_or(0);
        self.last = Some(c);
        self.marks = 0;
    }

    fn replace(&mut self, mark: char, out: &mut String) {
        self.settle(Some(mark), out);
        self.hidden += 1;
        self.show(mark, out);
    }

    // --- escape sequences

    fn introduce(&mut self, state: State, out: &mut String) {
        self.settle(None, out);
        self.begin(state);
    }

    fn begin(&mut self, state: State) {
        self.state = state;
        self.length = 1;
    }

    fn escape(&mut self, c: char, out: &mut String) {
        self.length += 1;
        match c {
            // Intermediate bytes: the sequence goes on, but can no longer become another kind.
            ' '..='/' if self.length < LONGEST_SEQUENCE => {}
            '[' if self.length == 2 => self.state = State::Csi,
            ']' | 'k' if self.length == 2 => self.state = State::Payload(Payload::Osc),
            'P' if self.length == 2 => self.state = State::Payload(Payload::Dcs),
            'X' | '^' | '_' if self.length == 2 => self.state = State::Payload(Payload::Other),
            '0'..='~' => self.end_sequence(out),
            _ => self.give_up(c, out),
        }
    }

    fn csi(&mut self, c: char, out: &mut String) {
        self.length += 1;
        match c {
            ' '..='?' if self.length < LONGEST_SEQUENCE => {}
            'm' => {
                // Colour only. Pasted logs are full of it, and a mark for each would bury the text.
                self.hidden += self.length;
                self.state = State::Text;
            }
            '@'..='~' => self.end_sequence(out),
            _ => self.give_up(c, out),
        }
    }

    fn payload(&mut self, kind: Payload, c: char, out: &mut String) {
        self.length += 1;
        match c {
            '\u{1b}' => self.state = State::PayloadEscape,
            '\u{9c}' | '\u{18}' | '\u{1a}' => self.end_sequence(out),
            '\u{7}' if kind == Payload::Osc => self.end_sequence(out),
            '\n' | '\r' if kind != Payload::Dcs => self.give_up(c, out),
            _ if self.length > LONGEST_SEQUENCE => self.give_up(c, out),
            _ => {}
        }
    }

    /// The sequence breaks off before `c`, which is looked at afresh.
    fn give_up(&mut self, c: char, out: &mut String) {
        self.length -= 1;
        self.end_sequence(out);
        self.text(c, out);
    }

    fn end_sequence(&mut self, out: &mut String) {
        self.hidden += self.length;
        self.state = State::Text;
        self.show(ESCAPE_MARK, out);
    }
}

fn tag_of(ascii: char) -> char {
    char::from_u32(0xe0000 + u32::from(ascii)).unwrap_or('\u{fffd}')
}

/// Length of the longest prefix of printable ASCII and line feeds.
fn plain_prefix(bytes: &[u8]) -> usize {
    const LANES: usize = 32;
    let is_plain = |b: u8| matches!(b, b' '..=b'~' | b'\n');
    // Whole blocks without an early exit, which the compiler turns into vector instructions.
    let blocks =
        bytes.chunks_exact(LANES).take_while(|block| block.iter().fold(true, |all, &b| all & is_plain(b))).count();
    let at = blocks * LANES;
    at + bytes[at..].iter().position(|&b| !is_plain(b)).unwrap_or(bytes.len() - at)
}
