//! A QR code in plain letters, two modules a character, light modules drawn: right on a dark background, and most
//! readers take it the other way round as well.

use qrcode::{Color, EcLevel, QrCode};

use crate::api::auth::Secret;

/// Light modules around it.
const QUIET: i32 = 2;

/// `None` when it does not fit into a code at all, which no address of ours comes near.
pub fn drawn(uri: &Secret) -> Option<String> {
    let code = QrCode::with_error_correction_level(uri.reveal().as_bytes(), EcLevel::L).ok()?;
    let side = i32::try_from(code.width()).ok()?;
    let is_light = |x: i32, y: i32| {
        let inside = (0..side).contains(&x) && (0..side).contains(&y);
        let place = usize::try_from(x).ok().zip(usize::try_from(y).ok()).filter(|_| inside);
        place.is_none_or(|place| code[place] == Color::Light)
    };
    let mut text = String::new();
    for y in (-QUIET..side + QUIET).step_by(2) {
        for x in -QUIET..side + QUIET {
            text.push(match (is_light(x, y), is_light(x, y + 1)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            });
        }
        text.push('\n');
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_three_corners_and_a_light_margin() {
        let text = drawn(&Secret::new("otpauth://totp/OllamaNet:Ann?secret=GEZDGNBVGY3TQOJQ")).unwrap();
        let rows: Vec<Vec<char>> = text.lines().map(|line| line.chars().collect()).collect();
        let width = rows[0].len();
        assert_eq!(rows.len(), width.div_ceil(2));
        assert!(rows.iter().all(|row| row.len() == width && row[..2] == ['█', '█']));
        // The outer ring of a corner is seven dark modules; its lower neighbour is dark only at both ends.
        let ring: String = rows[1][2..9].iter().collect();
        assert_eq!(ring, " ▄▄▄▄▄ ");
        assert_eq!(rows[1][width - 9..width - 2].iter().collect::<String>(), ring);
    }
}
