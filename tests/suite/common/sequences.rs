//! Reads a program's output as a terminal would and says which sequences are none of ours.

use vte::{Params, Perform};

/// Everything in `bytes` that our interface has no business sending, in words.
pub fn strange(bytes: &[u8]) -> Vec<String> {
    let mut reader = Reader::default();
    let mut parser = vte::Parser::new();
    parser.advance(&mut reader, bytes);
    reader.strange
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
        if !matches!(byte, b'\n' | b'\r') {
            self.strange.push(format!("control byte {byte:#04x}"));
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignore: bool, action: char) {
        let numbers: Vec<u16> = params.iter().flatten().copied().collect();
        let ours = match (intermediates, action) {
            // Cursor, erase, colours.
            ([], 'A' | 'B' | 'C' | 'D' | 'G' | 'H' | 'J' | 'K' | 'm' | 'd') => !(action == 'J' && numbers == [3]),
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
        // The end of a string sequence arrives here; anything else does not come from us.
        if !(intermediates.is_empty() && byte == b'\\') {
            self.strange.push(format!("ESC {intermediates:?} {:?}", char::from(byte)));
        }
    }

    fn osc_dispatch(&mut self, params: &[&[u8]], _bell: bool) {
        // The clipboard, in base64, and nothing else.
        let ours = matches!(params, [b"52", b"c", data] if data.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(byte)));
        if !ours {
            self.strange
                .push(format!("OSC {:?}", params.iter().map(|p| String::from_utf8_lossy(p)).collect::<Vec<_>>()));
        }
    }

    fn hook(&mut self, _params: &Params, _intermediates: &[u8], _ignore: bool, action: char) {
        self.strange.push(format!("DCS {action}"));
    }
}

/// Characters that steer a terminal or hide from a reader.
fn is_hostile(c: char) -> bool {
    matches!(u32::from(c),
        0x7f..=0x9f | 0x061c | 0x200b | 0x200e..=0x200f | 0x2028..=0x202e | 0x2060 | 0x2066..=0x2069 | 0xfeff | 0x00ad
        | 0x115f..=0x1160 | 0x3164 | 0xffa0 | 0x180b..=0x180e | 0xe0100..=0xe01ef)
}

#[test]
fn a_foreign_sequence_is_noticed() {
    for bad in [
        "\x1b]0;title\x07",
        "\x1b]52;c;?\x07",
        "\x1b[3J",
        "\x1b[?69h",
        "\x1bc",
        "\x1bPq\x1b\\",
        "\x07",
        "\x08",
        "\u{202e}",
        "\u{9b}31m",
        "\x1b[6n",
        "\x1b]8;;http://x\x07",
    ] {
        assert!(!strange(bad.as_bytes()).is_empty(), "{bad:?}");
    }
    for good in ["plain\r\n", "\x1b[31mred\x1b[0m", "\x1b[?1049h\x1b[2J\x1b[1;1H", "\x1b]52;c;aGk=\x07", "👨‍👩‍👧 e\u{301}"]
    {
        assert_eq!(strange(good.as_bytes()), Vec::<String>::new(), "{good:?}");
    }
}
