//! Bytes from the terminal into keys, pastes, clicks. Pure: no file, no clock.
//!
//! Why not crossterm's reader: after a sequence that it does not know it waits for the next byte with everything else
//! standing still, and when the terminal goes away it reads for ever at full speed. Its key types are kept.
//!
//! Invariant: every cut of the bytes into pieces gives the same messages; nothing that follows a paste in the same
//! burst becomes a key, so that a paste which closes itself cannot type.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::msg::Msg;

/// Pastes longer than this are cut: 64 MiB.
const PASTE_MAX: usize = 64 << 20;
/// No key sequence is longer; a longer one is dropped.
const SEQUENCE_MAX: usize = 64;
const PASTE_END: &[u8] = b"\x1b[201~";

/// What has arrived of something that is not complete yet.
#[derive(Debug, Default)]
pub struct Parser {
    pending: Vec<u8>,
    paste: Option<Vec<u8>>,
    /// A paste ended in this burst.
    after_paste: bool,
}

/// How one step through the pending bytes went.
#[expect(clippy::large_enum_variant, reason = "made and taken apart at once; a box would cost an allocation a key")]
enum Step {
    /// This many bytes made this, or nothing worth telling.
    Took(usize, Option<Msg>),
    PasteBegins(usize),
    /// More bytes are needed to say.
    Unfinished,
}

impl Parser {
    pub fn feed(&mut self, bytes: &[u8], out: &mut Vec<Msg>) {
        if let Some(rest) = self.paste_bytes(bytes, out) {
            self.pending.extend_from_slice(rest);
            self.parse(out);
        }
    }

    /// The burst is over: nothing more can be read at the moment.
    pub fn drained(&mut self) {
        self.after_paste = false;
    }

    /// A lone ESC waits for what may follow it; its owner gives it a moment and then calls [`Parser::settle`].
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.pending.first() == Some(&0x1b)
    }

    /// Nothing followed: the ESC was the key, and what stands after it was Alt with a key.
    pub fn settle(&mut self, out: &mut Vec<Msg>) {
        match std::mem::take(&mut self.pending)[..] {
            [0x1b] => out.push(key(KeyCode::Esc, KeyModifiers::NONE)),
            [0x1b, second] if second.is_ascii_graphic() => {
                out.push(key(KeyCode::Char(char::from(second)), KeyModifiers::ALT));
            }
            // Half a sequence that never went on.
            _ => {}
        }
    }

    /// Adds to a running paste; gives back what lies behind its end, or everything when there is none running.
    fn paste_bytes<'a>(&mut self, bytes: &'a [u8], out: &mut Vec<Msg>) -> Option<&'a [u8]> {
        let Some(paste) = &mut self.paste else { return Some(bytes) };
        // The end mark may straddle two pieces.
        let from = paste.len().saturating_sub(PASTE_END.len() - 1);
        let before = paste.len();
        paste.extend_from_slice(bytes);
        let end = memchr_seq(&paste[from..], PASTE_END).map(|at| from + at);
        let Some(end) = end else {
            if paste.len() > PASTE_MAX {
                let tail = paste.split_off(paste.len() - PASTE_END.len());
                paste.truncate(PASTE_MAX - PASTE_END.len());
                paste.extend(tail);
            }
            return None;
        };
        let behind = (end + PASTE_END.len()).saturating_sub(before);
        paste.truncate(end);
        let text = String::from_utf8_lossy(paste).replace("\r\n", "\n").replace('\r', "\n");
        self.paste = None;
        self.after_paste = true;
        out.push(Msg::Paste(text));
        Some(&bytes[behind..])
    }

    fn parse(&mut self, out: &mut Vec<Msg>) {
        let mut at = 0;
        let mut pending = std::mem::take(&mut self.pending);
        while at < pending.len() {
            match step(&pending[at..]) {
                Step::Took(length, msg) => {
                    at += length;
                    if let Some(msg) = msg {
                        let typed = matches!(msg, Msg::Key(_) | Msg::Mouse(_));
                        if !(typed && self.after_paste) {
                            out.push(msg);
                        }
                    }
                }
                Step::PasteBegins(length) => {
                    at += length;
                    self.paste = Some(Vec::new());
                    let rest = pending.split_off(at);
                    return self.feed(&rest, out);
                }
                Step::Unfinished if pending.len() - at > SEQUENCE_MAX => at = pending.len(),
                Step::Unfinished => break,
            }
        }
        pending.drain(..at);
        self.pending = pending;
    }
}

fn memchr_seq(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    // By its first byte, which is rare in text, so that a paste of megabytes is one quick pass.
    let mut from = 0;
    while let Some(at) = haystack[from..].iter().position(|byte| *byte == needle[0]) {
        if haystack[from + at..].starts_with(needle) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

fn key(code: KeyCode, mods: KeyModifiers) -> Msg {
    Msg::Key(KeyEvent::new(code, mods))
}

fn step(bytes: &[u8]) -> Step {
    match bytes[0] {
        0x1b => escape(bytes),
        byte @ (0x00..=0x1f | 0x7f) => Step::Took(1, Some(control(byte, KeyModifiers::NONE))),
        _ => character(bytes, 0, KeyModifiers::NONE),
    }
}

fn control(byte: u8, mods: KeyModifiers) -> Msg {
    match byte {
        b'\r' => key(KeyCode::Enter, mods),
        b'\t' => key(KeyCode::Tab, mods),
        // Some terminals send BS for the backspace key.
        0x7f | 0x08 => key(KeyCode::Backspace, mods),
        0x1b => key(KeyCode::Esc, mods),
        0x00 => key(KeyCode::Char(' '), mods | KeyModifiers::CONTROL),
        0x01..=0x1a => key(KeyCode::Char(char::from(byte - 1 + b'a')), mods | KeyModifiers::CONTROL),
        _ => key(KeyCode::Char(char::from(byte - 0x1c + b'4')), mods | KeyModifiers::CONTROL),
    }
}

/// One character of UTF-8 at `from`; a byte that belongs to none is skipped.
fn character(bytes: &[u8], from: usize, mods: KeyModifiers) -> Step {
    let rest = &bytes[from..];
    let length = match rest[0] {
        0x00..=0x7f => 1,
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return Step::Took(from + 1, None),
    };
    let have = rest.len().min(length);
    match std::str::from_utf8(&rest[..have]) {
        Ok(text) => {
            let c = text.chars().next();
            // A C1 control is no key.
            Step::Took(from + length, c.filter(|c| !c.is_control()).map(|c| key(KeyCode::Char(c), mods)))
        }
        Err(error) if error.error_len().is_none() => Step::Unfinished,
        Err(_) => Step::Took(from + 1, None),
    }
}

fn escape(bytes: &[u8]) -> Step {
    match bytes.get(1) {
        None => Step::Unfinished,
        Some(b'[') => sequence(bytes),
        Some(b'O') => match bytes.get(2) {
            None => Step::Unfinished,
            Some(byte) => Step::Took(3, named(*byte).map(|code| key(code, KeyModifiers::NONE))),
        },
        // The first ESC stands alone; the second begins something.
        Some(0x1b) => Step::Took(1, Some(key(KeyCode::Esc, KeyModifiers::NONE))),
        Some(byte @ (0x00..=0x1f | 0x7f)) => Step::Took(2, Some(control(*byte, KeyModifiers::ALT))),
        Some(_) => character(bytes, 1, KeyModifiers::ALT),
    }
}

/// Final bytes of `ESC O` and `ESC [` that stand for one key.
fn named(byte: u8) -> Option<KeyCode> {
    Some(match byte {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'H' => KeyCode::Home,
        b'F' => KeyCode::End,
        b'M' => KeyCode::Enter,
        b'P' => KeyCode::F(1),
        b'Q' => KeyCode::F(2),
        b'R' => KeyCode::F(3),
        b'S' => KeyCode::F(4),
        _ => return None,
    })
}

fn sequence(bytes: &[u8]) -> Step {
    let body = &bytes[2..];
    // The console's function keys: ESC [ [ A … E.
    if body.first() == Some(&b'[') {
        return match body.get(1) {
            None => Step::Unfinished,
            Some(byte @ b'A'..=b'E') => Step::Took(4, Some(key(KeyCode::F(byte - b'A' + 1), KeyModifiers::NONE))),
            Some(_) => Step::Took(4, None),
        };
    }
    let Some(end) = body.iter().position(|byte| !(0x20..=0x3f).contains(byte)) else { return Step::Unfinished };
    let last = body[end];
    let length = end + 3;
    if !(0x40..=0x7e).contains(&last) {
        // Broken off by a control byte or a letter of another script: that byte is looked at on its own.
        return Step::Took(length - 1, None);
    }
    let Ok(text) = std::str::from_utf8(&body[..end]) else { return Step::Took(length, None) };
    if (text, last) == ("200", b'~') {
        return Step::PasteBegins(length);
    }
    if let Some(text) = text.strip_prefix('<') {
        return Step::Took(length, mouse(text, last));
    }
    let mut numbers = text.split(';').map(|part| {
        let mut parts = part.split(':').map(|number| number.parse::<u32>().ok());
        (parts.next().flatten(), parts.next().flatten())
    });
    let (first, _) = numbers.next().unwrap_or_default();
    let (mods, kind) = numbers.next().unwrap_or_default();
    // Releases are told only when asked for, which is not done; some tell them all the same.
    if kind == Some(3) {
        return Step::Took(length, None);
    }
    let held = modifiers(mods);
    let msg = match last {
        b'I' => Some(Msg::Focus(true)),
        b'O' => Some(Msg::Focus(false)),
        b'Z' => Some(key(KeyCode::BackTab, held | KeyModifiers::SHIFT)),
        b'u' => first.and_then(unicode_key).map(|code| key(code, held)),
        b'~' if first == Some(27) => {
            numbers.next().and_then(|(code, _)| unicode_key(code?)).map(|code| key(code, held))
        }
        b'~' => first.and_then(numbered).map(|code| key(code, held)),
        // Only these of the named keys; `ESC [ M` would be an old mouse report.
        b'A'..=b'D' | b'H' | b'F' | b'P'..=b'S' => named(last).map(|code| key(code, held)),
        _ => None,
    };
    Step::Took(length, msg)
}

fn modifiers(number: Option<u32>) -> KeyModifiers {
    let bits = number.unwrap_or(1).saturating_sub(1);
    let mut mods = KeyModifiers::NONE;
    mods.set(KeyModifiers::SHIFT, bits & 1 != 0);
    mods.set(KeyModifiers::ALT, bits & 2 != 0);
    mods.set(KeyModifiers::CONTROL, bits & 4 != 0);
    mods.set(KeyModifiers::SUPER, bits & 8 != 0);
    mods
}

fn numbered(number: u32) -> Option<KeyCode> {
    Some(match number {
        1 | 7 => KeyCode::Home,
        2 => KeyCode::Insert,
        3 => KeyCode::Delete,
        4 | 8 => KeyCode::End,
        5 => KeyCode::PageUp,
        6 => KeyCode::PageDown,
        11..=15 => KeyCode::F(number as u8 - 10),
        17..=21 => KeyCode::F(number as u8 - 11),
        23..=26 => KeyCode::F(number as u8 - 12),
        28 | 29 => KeyCode::F(number as u8 - 13),
        31..=34 => KeyCode::F(number as u8 - 14),
        _ => return None,
    })
}

/// Key numbers of the newer keyboard protocol (kitty's), its keypad included.
fn unicode_key(number: u32) -> Option<KeyCode> {
    Some(match number {
        9 => KeyCode::Tab,
        13 | 57414 => KeyCode::Enter,
        27 => KeyCode::Esc,
        8 | 127 => KeyCode::Backspace,
        57399..=57408 => KeyCode::Char(char::from((number - 57399) as u8 + b'0')),
        57409 => KeyCode::Char('.'),
        57410 => KeyCode::Char('/'),
        57411 => KeyCode::Char('*'),
        57412 => KeyCode::Char('-'),
        57413 => KeyCode::Char('+'),
        57415 => KeyCode::Char('='),
        57417 => KeyCode::Left,
        57418 => KeyCode::Right,
        57419 => KeyCode::Up,
        57420 => KeyCode::Down,
        57421 => KeyCode::PageUp,
        57422 => KeyCode::PageDown,
        57423 => KeyCode::Home,
        57424 => KeyCode::End,
        57425 => KeyCode::Insert,
        57426 => KeyCode::Delete,
        57376..=57398 => KeyCode::F((number - 57376) as u8 + 13),
        // The rest of the private area: modifier keys on their own, media keys.
        57344..=63743 => return None,
        _ => KeyCode::Char(char::from_u32(number).filter(|c| !c.is_control())?),
    })
}

fn mouse(text: &str, last: u8) -> Option<Msg> {
    let mut numbers = text.split(';').map(str::parse::<u16>);
    let (button, column, row) = (numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?);
    let held = match button & 0b11 {
        0 => MouseButton::Left,
        1 => MouseButton::Middle,
        2 => MouseButton::Right,
        _ => return wheel_or_nothing(button, column, row),
    };
    let kind = match (button & 0b1110_0000, last) {
        (0b0100_0000, b'M') => return wheel_or_nothing(button, column, row),
        (0, b'M') => MouseEventKind::Down(held),
        (0, b'm') => MouseEventKind::Up(held),
        (0b0010_0000, b'M') => MouseEventKind::Drag(held),
        _ => return None,
    };
    Some(mouse_msg(kind, button, column, row))
}

fn wheel_or_nothing(button: u16, column: u16, row: u16) -> Option<Msg> {
    let kind = match button & !0b1_1100 {
        64 => MouseEventKind::ScrollUp,
        65 => MouseEventKind::ScrollDown,
        66 => MouseEventKind::ScrollLeft,
        67 => MouseEventKind::ScrollRight,
        _ => return None,
    };
    Some(mouse_msg(kind, button, column, row))
}

fn mouse_msg(kind: MouseEventKind, button: u16, column: u16, row: u16) -> Msg {
    let mut modifiers = KeyModifiers::NONE;
    modifiers.set(KeyModifiers::SHIFT, button & 4 != 0);
    modifiers.set(KeyModifiers::ALT, button & 8 != 0);
    modifiers.set(KeyModifiers::CONTROL, button & 16 != 0);
    Msg::Mouse(MouseEvent { kind, column: column.saturating_sub(1), row: row.saturating_sub(1), modifiers })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8]) -> Vec<String> {
        read_in(&[bytes])
    }

    fn read_in(pieces: &[&[u8]]) -> Vec<String> {
        let mut parser = Parser::default();
        let mut out = Vec::new();
        for piece in pieces {
            parser.feed(piece, &mut out);
        }
        parser.settle(&mut out);
        out.iter().map(words).collect()
    }

    /// As a person would say it.
    fn words(msg: &Msg) -> String {
        match msg {
            Msg::Key(key) => crate::ui::keymap::Chord::from(*key).to_string(),
            Msg::Paste(text) => format!("paste {text:?}"),
            Msg::Mouse(mouse) => format!("{:?} {},{}", mouse.kind, mouse.column, mouse.row),
            Msg::Focus(here) => format!("focus {here}"),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn keys_of_every_dialect_are_understood() {
        for (bytes, keys) in [
            (&b"a\xc3\xa9\xe6\xbc\xa2"[..], &["a", "é", "漢"][..]),
            (b"\r\n\t\x7f\x08", &["Enter", "Ctrl+J", "Tab", "Backspace", "Backspace"]),
            (b"\x01\x1a\x00", &["Ctrl+A", "Ctrl+Z", "Ctrl+Space"]),
            (b"\x1b[A\x1bOB\x1b[1;5C\x1b[1;2D", &["↑", "↓", "Ctrl+→", "Shift+←"]),
            (b"\x1bOP\x1b[15~\x1b[24~\x1b[[A\x1b[1;5R", &["F1", "F5", "F12", "F1", "Ctrl+F3"]),
            (b"\x1b[Z\x1b[3~\x1b[5~\x1b[H\x1b[4~", &["Shift+Tab", "Del", "PgUp", "Home", "End"]),
            (b"\x1bx\x1b\r\x1b1", &["Alt+X", "Alt+Enter", "Alt+1"]),
            (b"\x1b[13;2u\x1b[27u\x1b[105;5u\x1b[57414u", &["Shift+Enter", "Esc", "Ctrl+I", "Enter"]),
            (b"\x1b[27;5;109~", &["Ctrl+M"]),
            (b"\x1b[97;1:3ua", &["a"]),
            (b"\x1b", &["Esc"]),
            (b"\x1b\x1b[A", &["Esc", "↑"]),
            (b"\x1b[<0;3;4M\x1b[<0;3;4m\x1b[<64;1;1M", &["Down(Left) 2,3", "Up(Left) 2,3", "ScrollUp 0,0"]),
            (b"\x1b[I\x1b[O", &["focus true", "focus false"]),
        ] {
            assert_eq!(read(bytes), keys, "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn what_is_not_understood_is_skipped_and_swallows_nothing_else() {
        assert_eq!(read(b"\x1b[?62;c\x1b[999~\x1b[99;99Xa\xff\xfeb\x1b[12\rc"), ["a", "b", "Enter", "c"]);
        assert_eq!(read("\u{9b}x".as_bytes()), ["x"]);
        let long = [b"\x1b[".as_slice(), &[b'1'; 500]].concat();
        let mut parser = Parser::default();
        let mut out = Vec::new();
        parser.feed(&long, &mut out);
        parser.feed(b"ok", &mut out);
        assert_eq!(out.iter().map(words).collect::<Vec<_>>(), ["o", "k"]);
    }

    #[test]
    fn a_paste_is_one_message_with_plain_newlines() {
        assert_eq!(read(b"\x1b[200~a\r\nb\rc\x1b[Ad\xff\x1b[201~"), ["paste \"a\\nb\\nc\\u{1b}[Ad\u{fffd}\""]);
    }

    #[test]
    fn a_paste_that_closes_itself_cannot_type() {
        let mut parser = Parser::default();
        let mut out = Vec::new();
        parser.feed(b"\x1b[200~harmless\x1b[201~rm -rf ~\r\x1b[201~", &mut out);
        parser.feed(b"\rmore", &mut out);
        parser.drained();
        parser.feed(b"y", &mut out);
        assert_eq!(out.iter().map(words).collect::<Vec<_>>(), ["paste \"harmless\"", "y"]);
    }

    #[test]
    fn an_endless_paste_is_bounded() {
        let mut parser = Parser::default();
        let mut out = Vec::new();
        parser.feed(b"\x1b[200~", &mut out);
        let piece = vec![b'x'; 1 << 20];
        for _ in 0..70 {
            parser.feed(&piece, &mut out);
        }
        parser.feed(PASTE_END, &mut out);
        let [Msg::Paste(text)] = &out[..] else { panic!("{} messages", out.len()) };
        assert!(text.len() <= PASTE_MAX);
    }

    proptest! {
        #[test]
        fn every_cut_gives_the_same(bytes in proptest::collection::vec(
            prop_oneof![Just(0x1b_u8), Just(b'['), Just(b'2'), Just(b'0'), Just(b'1'), Just(b'~'), Just(b';'), Just(b'u'), Just(b'O'), any::<u8>()],
            0..60,
        ), at in 0_usize..60) {
            let at = at.min(bytes.len());
            // A lone ESC at a cut is the one thing that time, not order, decides; here no time passes.
            prop_assert_eq!(read_in(&[&bytes[..at], &bytes[at..]]), read(&bytes));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            read(&bytes);
        }
    }
}
