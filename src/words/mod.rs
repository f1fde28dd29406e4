//! How text is cut into the words that a search knows it by.
//!
//! The index, the query and the marks on a screen all cut here, so they always agree. Words are compared without case,
//! accents and spelling variants of their script (`fold`). A name from code is known as a whole and by its parts:
//! `spawn_local` and `spawnLocal` are the word `spawnlocal` with the parts `spawn` and `local`. Scripts that set no spaces
//! between words are known by each two characters that follow one another, and by the last one of a run: so any part of
//! a run, of one character or of twenty, is found by looking for neighbours.
//!
//! Pure functions; nothing here knows a database or a screen.

mod classes;
mod entry;
mod fold;
mod term;

pub use entry::{START, START_MAX, entry};
pub use fold::fold;
pub use term::{Found, Term, found};

use classes::{Class, class};

/// What a piece of text is to a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A word, whole.
    Whole,
    /// Two characters of a script without spaces, or the last one of a run of them.
    Gram,
    /// A part of the whole word that came before it.
    Part,
}

/// A piece of text, as it is compared, and the bytes it was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    pub text: &'a str,
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
}

/// Longest word, in characters as compared. What follows in a longer one tells nothing: it is encoded data.
const LONGEST: usize = 64;
/// Longest name that is taken apart, in bytes.
const LONGEST_NAME: usize = 128;

/// Cuts `text` into pieces, in order. Parts come right after their word.
pub fn pieces(text: &str, mut take: impl FnMut(Piece<'_>)) {
    let mut cut = Cut { text, room: String::new(), run: Vec::new() };
    let mut at = 0;
    while let Some(letter) = text[at..].chars().next() {
        at = match class(letter) {
            Class::Word => cut.word(at, &mut take),
            Class::Wide => cut.wide(at, &mut take),
            Class::Symbol => cut.symbol(at, letter, &mut take),
            Class::Mark | Class::Silent | Class::Gap => at + letter.len_utf8(),
        };
    }
}

/// What cutting works with, kept from piece to piece so that it is allocated once.
struct Cut<'a> {
    text: &'a str,
    room: String,
    /// Characters of a run as compared, each with the bytes it was made of.
    run: Vec<(char, usize, usize)>,
}

impl Cut<'_> {
    /// The end of what begins at `start` and goes on while `is_more` says so.
    fn end(&self, start: usize, is_more: impl Fn(Class) -> bool) -> usize {
        let rest = &self.text[start..];
        let length = rest.char_indices().find(|(_, letter)| !is_more(class(*letter))).map_or(rest.len(), |(at, _)| at);
        start + length
    }

    fn word(&mut self, start: usize, take: &mut impl FnMut(Piece<'_>)) -> usize {
        let end = self.end(start, |class| matches!(class, Class::Word | Class::Mark | Class::Silent));
        let raw = &self.text[start..end];
        if let Some(sign) = self.sign_behind(raw, end) {
            // C++ and C# are words of their own, and a C too.
            self.emit(raw, Kind::Whole, start, end + sign.len(), sign, take);
            self.emit(raw, Kind::Part, start, end, "", take);
            return end + sign.len();
        }
        self.emit(raw, Kind::Whole, start, end, "", take);
        if raw.len() <= LONGEST_NAME {
            let ends = borders(raw);
            let parts = || ends.windows(2).filter(|ends| raw[ends[0]..ends[1]].contains(|c| c != '_'));
            if parts().nth(1).is_some() {
                for ends in parts().filter(|ends| raw[ends[0]..ends[1]].chars().nth(1).is_some()) {
                    self.emit(&raw[ends[0]..ends[1]], Kind::Part, start + ends[0], start + ends[1], "", take);
                }
            }
        }
        end
    }

    fn sign_behind(&self, raw: &str, end: usize) -> Option<&'static str> {
        let is_short = raw.len() <= 2 && raw.bytes().all(|byte| byte.is_ascii_alphabetic());
        let sign = ["++", "#"].into_iter().find(|sign| is_short && self.text[end..].starts_with(sign))?;
        let behind = self.text[end + sign.len()..].chars().next();
        behind.is_none_or(|next| class(next) != Class::Word).then_some(sign)
    }

    fn emit(&mut self, raw: &str, kind: Kind, start: usize, end: usize, sign: &str, take: &mut impl FnMut(Piece<'_>)) {
        self.room.clear();
        fold::into(raw, &mut self.room);
        if let Some((longest, _)) = self.room.char_indices().nth(LONGEST) {
            self.room.truncate(longest);
        }
        self.room.push_str(sign);
        if !self.room.is_empty() {
            take(Piece { text: &self.room, kind, start, end });
        }
    }

    fn wide(&mut self, start: usize, take: &mut impl FnMut(Piece<'_>)) -> usize {
        let end = self.end(start, |class| matches!(class, Class::Wide | Class::Mark | Class::Silent));
        self.run.clear();
        let raw = &self.text[start..end];
        let mut letters = raw.char_indices().peekable();
        while let Some((at, letter)) = letters.next() {
            // A mark belongs to the character before it, also where it is folded.
            let mut until = at + letter.len_utf8();
            while let Some((mark, next)) = letters.peek().copied().filter(|(_, next)| class(*next) != Class::Wide) {
                until = mark + next.len_utf8();
                letters.next();
            }
            self.room.clear();
            fold::into(&raw[at..until], &mut self.room);
            self.run.extend(self.room.chars().map(|folded| (folded, start + at, start + until)));
        }
        for (place, (letter, from, to)) in self.run.iter().enumerate() {
            self.room.clear();
            self.room.push(*letter);
            let until = match self.run.get(place + 1) {
                Some((next, _, until)) => {
                    self.room.push(*next);
                    *until
                }
                None => *to,
            };
            take(Piece { text: &self.room, kind: Kind::Gram, start: *from, end: until });
        }
        end
    }

    fn symbol(&mut self, start: usize, letter: char, take: &mut impl FnMut(Piece<'_>)) -> usize {
        let end = start + letter.len_utf8();
        self.room.clear();
        self.room.push(letter);
        take(Piece { text: &self.room, kind: Kind::Whole, start, end });
        end
    }
}

/// Where the parts of a name begin, and its end: at `_`, between letters and digits, where capitals begin, and before the
/// last of several capitals (`HTTPServer` → `HTTP`, `Server`).
fn borders(raw: &str) -> Vec<usize> {
    #[derive(Clone, Copy, PartialEq)]
    enum Letter {
        Small,
        Capital,
        Digit,
        Line,
    }
    let letter = |c: char| {
        if c == '_' {
            Letter::Line
        } else if c.is_numeric() {
            Letter::Digit
        } else if c.is_uppercase() {
            Letter::Capital
        } else {
            Letter::Small
        }
    };
    let mut ends = vec![0];
    let mut before: Option<(Letter, usize)> = None;
    let mut before_that = Letter::Line;
    for (at, c) in raw.char_indices() {
        if matches!(class(c), Class::Mark | Class::Silent) {
            continue;
        }
        let this = letter(c);
        if let Some((last, last_at)) = before {
            match (last, this) {
                (Letter::Capital, Letter::Small) if before_that == Letter::Capital => ends.push(last_at),
                (Letter::Capital, Letter::Small) => {}
                (last, this) if last != this => ends.push(at),
                (_, _) => {}
            }
            before_that = last;
        }
        before = Some((this, at));
    }
    ends.push(raw.len());
    ends.dedup();
    ends
}

#[cfg(test)]
mod tests;
