//! Reads a program's output as a terminal would and says what is not ours.
//!
//! A leak may look like one of our own sequences: moving the cursor and leaving the alternate screen are things we do.
//! So the grammar is only half of it. The other half is [`redrawn`]: what the terminal shows, modes and all, must be
//! what a fresh drawing of the same state gives.

use std::path::PathBuf;

use serde_json::Value;
use vte::{Params, Perform};

/// The whole collection: kind, name, text.
pub fn attacks_by_kind() -> Vec<(String, String, String)> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/terminal-attacks.jsonl");
    let part = |attack: &Value, name: &str| attack[name].as_str().unwrap().to_owned();
    std::fs::read_to_string(path)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|attack| (part(&attack, "kind"), part(&attack, "name"), part(&attack, "text")))
        .collect()
}

/// Everything in the output of a command that is not visible text or the end of a line.
pub fn in_command(bytes: &[u8]) -> Vec<String> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return vec![format!("not UTF-8 at byte {}", error.valid_up_to())],
    };
    let hostile = |c: &char| (c.is_control() && *c != '\n') || is_hostile(*c);
    text.chars().filter(hostile).map(|c| format!("U+{:04X}", u32::from(c))).collect()
}

/// Every sequence in the output of the interface that it has no business sending. The clipboard is none of them: a test
/// that copies says so itself.
pub fn in_interface(bytes: &[u8]) -> Vec<String> {
    let mut reader = Reader::default();
    let mut parser = vte::Parser::new();
    parser.advance(&mut reader, bytes);
    reader.strange
}

/// Everything a terminal holds that a leak could have changed and that a person would notice: cells with their
/// attributes, the cursor where it is shown, modes.
#[derive(PartialEq, Eq)]
pub struct Standing(Vec<Vec<String>>);

impl Standing {
    pub fn of(screen: &vt100::Screen) -> Self {
        let (height, width) = screen.size();
        let cell = |row, column| screen.cell(row, column).map(seen).unwrap_or_default();
        let mut rows: Vec<Vec<String>> =
            (0..height.get()).map(|row| (0..width.get()).map(|column| cell(row, column)).collect()).collect();
        let cursor = (!screen.hide_cursor()).then(|| screen.cursor_position());
        let modes = (screen.alternate_screen(), screen.cursor_style(), cursor);
        rows.push(vec![format!("{modes:?} {:?}", screen.input_mode_formatted())]);
        Self(rows)
    }

    /// Each cell that differs, as it is here and there; below the last row are the cursor and the modes.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut found = Vec::new();
        for (row, (here, there)) in self.0.iter().zip(&other.0).enumerate() {
            let cells = here.iter().zip(there).enumerate().filter(|(_, (a, b))| a != b);
            found.extend(cells.map(|(column, (a, b))| format!("row {row}, column {column}: {a} {b}\n")));
        }
        found
    }
}

/// A cell as a person sees it: one that was never written is a space, and a space has no colour but its ground.
fn seen(cell: &vt100::Cell) -> String {
    let ground = (cell.bgcolor(), cell.inverse(), cell.underline());
    let plain = ground == (vt100::Color::Default, false, false);
    match cell.contents().trim() {
        "" if plain => " ".to_owned(),
        "" => format!("{{ {ground:?}}}"),
        text => {
            let ink = (cell.fgcolor(), cell.bold(), cell.dim(), cell.italic());
            format!("{{{text}{ink:?}{ground:?}}}")
        }
    }
}

#[derive(Default)]
struct Reader {
    strange: Vec<String>,
}

impl Perform for Reader {
    fn print(&mut self, c: char) {
        if is_hostile(c) {
            self.strange.push(format!("printed U+{:04X}", u32::from(c)));
        }
    }

    fn execute(&mut self, byte: u8) {
        // The canvas moves its cursor by sequences alone; a newline would scroll.
        self.strange.push(format!("control byte {byte:#04x}"));
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignore: bool, action: char) {
        let numbers: Vec<u16> = params.iter().flatten().copied().collect();
        let ours = match (intermediates, action) {
            // Cursor, erase.
            ([], 'A' | 'B' | 'C' | 'D' | 'G' | 'H' | 'J' | 'K' | 'd') => !(action == 'J' && numbers == [3]),
            // Colours and what we emphasise with. Blinking and hidden text is nobody's emphasis.
            ([], 'm') => !matches!(numbers[..], [5 | 6 | 8]) && params.iter().all(|sub| sub.len() == 1),
            // Alternate screen, cursor, mouse, focus, paste, synchronised output.
            ([b'?'], 'h' | 'l') => numbers
                .iter()
                .all(|mode| [7, 12, 25, 1000, 1002, 1003, 1004, 1006, 1015, 1049, 2004, 2026].contains(mode)),
            // Key reporting (push, pop), cursor shape.
            ([b'>' | b'<'], 'u') | ([b' '], 'q') => true,
            _ => false,
        };
        if !ours || ignore {
            self.strange.push(format!("CSI {intermediates:?} {numbers:?} {action}"));
        }
    }

    fn esc_dispatch(&mut self, intermediates: &[u8], _ignore: bool, byte: u8) {
        self.strange.push(format!("ESC {intermediates:?} {:?}", char::from(byte)));
    }

    fn osc_dispatch(&mut self, params: &[&[u8]], _bell: bool) {
        self.strange.push(format!("OSC {:?}", params.iter().map(|p| String::from_utf8_lossy(p)).collect::<Vec<_>>()));
    }

    fn hook(&mut self, _params: &Params, _intermediates: &[u8], _ignore: bool, action: char) {
        self.strange.push(format!("DCS {action}"));
    }
}

/// Characters that steer a terminal or hide from a reader.
fn is_hostile(c: char) -> bool {
    matches!(u32::from(c),
        0x7f..=0x9f | 0x061c | 0x200b | 0x200e..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff | 0x00ad
        | 0x115f..=0x1160 | 0x3164 | 0xffa0 | 0x180b..=0x180e | 0xe0100..=0xe01ef)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use super::*;

    /// A frame of ours around a text: on the alternate screen, in colour, with more below it.
    fn frame(text: &str) -> Vec<u8> {
        format!(
            "\x1b[?1049h\x1b[?2004h\x1b[2J\x1b[1;1H\x1b[31mtitle\x1b[0m\x1b[2;1H{text}\x1b[0m\x1b[9;1Hstatus\x1b[9;3H"
        )
        .into()
    }

    fn standing(bytes: &[u8]) -> Standing {
        let cells = |number| NonZeroU16::new(number).unwrap();
        let mut parser = vt100::Parser::new(cells(10), cells(80), 0);
        parser.process(bytes);
        Standing::of(parser.screen())
    }

    /// What acts on a terminal or hides; the rest of the collection is aimed at other parts of the program.
    const ACTS: &[&str] = &["c0", "c1", "csi", "osc", "string", "esc", "bidi", "separator", "split"];

    #[test]
    fn each_attack_that_leaks_is_noticed() {
        let mut tried = 0;
        for (kind, name, text) in attacks_by_kind() {
            if !ACTS.contains(&kind.as_str()) {
                continue;
            }
            tried += 1;
            assert!(!in_command(text.as_bytes()).is_empty(), "{kind} {name} out of a command: {text:?}");
            let (leaked, clean) = (frame(&text), frame(ollamanet::safe_text::SafeText::line(&text).as_str()));
            assert_eq!(in_interface(&clean), Vec::<String>::new(), "{kind} {name}");
            let noticed = !in_interface(&leaked).is_empty() || standing(&leaked) != standing(&clean);
            assert!(noticed, "{kind} {name} in the interface: {text:?}");
        }
        assert!(tried > 80, "the collection is read");
    }

    #[test]
    fn what_hides_is_noticed_wherever_it_comes_out() {
        for text in
            ["pass\u{200b}word", "\u{feff}start", "a\u{ad}b", "a\u{2060}b", "a\u{2063}b", "a\u{3164}b", "x\u{e0173}"]
        {
            assert!(!in_command(text.as_bytes()).is_empty(), "{text:?}");
            assert!(!in_interface(text.as_bytes()).is_empty(), "{text:?}");
        }
    }

    #[test]
    fn what_is_ours_is_left_alone() {
        for good in ["plain", "\x1b[31mred\x1b[0m", "\x1b[?1049h\x1b[2J\x1b[1;1H", "👨‍👩‍👧 e\u{301}"] {
            assert_eq!(in_interface(good.as_bytes()), Vec::<String>::new(), "{good:?}");
        }
        assert_eq!(in_command("a line\nand 👨‍👩‍👧\n".as_bytes()), Vec::<String>::new());
        assert_eq!(in_command(b"\x1b[31mred\x1b[0m").len(), 2);
        assert_eq!(in_command(b"\xff").len(), 1);
    }
}
