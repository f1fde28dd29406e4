//! The QR code of an address that carries a secret: which modules are dark, and two of them a cell. How a cell looks
//! is for whoever draws it.
//!
//! What phones read is a matter of contrast and of the light margin, not of taste. Invariant: a code is worth as much as
//! the secret in it, so its modules are wiped.

use qrcode::{Color, EcLevel, QrCode};
use zeroize::Zeroizing;

use crate::api::auth::Secret;

pub struct Qr {
    /// One byte a module, row by row; 1 = dark.
    modules: Zeroizing<Vec<u8>>,
    side: u16,
}

/// The two modules that share a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    pub upper_is_dark: bool,
    pub lower_is_dark: bool,
}

impl std::fmt::Debug for Qr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Qr({0}×{0})", self.side)
    }
}

impl Qr {
    /// The smallest code for this address. `None` when there is none, which no address of ours comes near.
    #[must_use]
    pub fn new(uri: &Secret) -> Option<Self> {
        let short = shortened(uri.reveal());
        let code = QrCode::with_error_correction_level(short.as_bytes(), EcLevel::L).ok()?;
        let side = u16::try_from(code.width()).ok()?;
        let modules = code.to_colors().into_iter().map(|module| u8::from(module == Color::Dark)).collect();
        Some(Self { modules: Zeroizing::new(modules), side })
    }

    /// Columns and rows with so many light modules around it.
    #[must_use]
    pub fn size(&self, quiet: u16) -> (u16, u16) {
        let side = self.side + 2 * quiet;
        (side, side.div_ceil(2))
    }

    /// Its rows from the top, with so many light modules around it.
    pub fn rows(&self, quiet: u16) -> impl Iterator<Item = impl Iterator<Item = Cell>> {
        let (columns, rows) = self.size(quiet);
        (0..rows).map(move |row| {
            (0..columns).map(move |column| {
                let dark = |y: u16| self.is_dark(i32::from(column) - i32::from(quiet), i32::from(y) - i32::from(quiet));
                Cell { upper_is_dark: dark(row * 2), lower_is_dark: dark(row * 2 + 1) }
            })
        })
    }

    fn is_dark(&self, x: i32, y: i32) -> bool {
        let side = i32::from(self.side);
        let inside = (0..side).contains(&x) && (0..side).contains(&y);
        inside && usize::try_from(y * side + x).is_ok_and(|at| self.modules[at] == 1)
    }

    /// In plain letters, with light modules drawn: right on a dark background, and most readers take it the other way
    /// round as well.
    #[must_use]
    pub fn in_letters(&self, quiet: u16) -> Zeroizing<String> {
        let (columns, rows) = self.size(quiet);
        // Room for all of it at once: what grows leaves copies behind.
        let mut text = Zeroizing::new(String::with_capacity(usize::from(rows) * (usize::from(columns) * 3 + 1)));
        for row in self.rows(quiet) {
            text.extend(row.map(|cell| match (cell.upper_is_dark, cell.lower_is_dark) {
                (false, false) => '█',
                (false, true) => '▀',
                (true, false) => '▄',
                (true, true) => ' ',
            }));
            text.push('\n');
        }
        text
    }
}

/// The address with what an authenticator assumes anyway left out, so that the code stays small enough for a small
/// window: SHA-1, six digits, 30 seconds (Key URI format), and the issuer, which stands before the name as well. A long
/// name is cut: it only labels the entry.
fn shortened(uri: &str) -> Zeroizing<String> {
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let issuer = path.rsplit('/').next().and_then(|label| label.split_once(':')).map(|(issuer, _)| issuer);
    let is_needed = |part: &&str| {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        match key {
            "algorithm" => value != "SHA1",
            "digits" => value != "6",
            "period" => value != "30",
            "issuer" => issuer != Some(value),
            _ => true,
        }
    };
    let needed: Vec<&str> = query.split('&').filter(is_needed).collect();
    // The name is ASCII where it comes from us; a cut in the middle of an escape is not worth a code.
    let path = if path.is_ascii() && !path.contains('%') { &path[..path.len().min(LABEL_END)] } else { path };
    let mut short = Zeroizing::new(String::with_capacity(uri.len() + 1));
    short.push_str(path);
    short.push('?');
    short.push_str(&needed.join("&"));
    short
}

/// `otpauth://totp/OllamaNet:` and 36 letters of the name.
const LABEL_END: usize = 61;

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

    fn uri() -> Secret {
        Secret::new(format!(
            "otpauth://totp/OllamaNet:ann?secret={SECRET}&issuer=OllamaNet&algorithm=SHA1&digits=6&period=30"
        ))
    }

    #[test]
    fn what_an_authenticator_assumes_anyway_is_left_out_and_nothing_else() {
        assert_eq!(shortened(uri().reveal()).as_str(), format!("otpauth://totp/OllamaNet:ann?secret={SECRET}"));
        let other = "otpauth://totp/ann?secret=ABC&issuer=Elsewhere&digits=8&period=60&algorithm=SHA256";
        assert_eq!(shortened(other).as_str(), other);
    }

    #[test]
    fn every_module_is_where_the_code_has_it_with_a_light_margin() {
        let qr = Qr::new(&uri()).unwrap();
        let code = QrCode::with_error_correction_level(shortened(uri().reveal()).as_bytes(), EcLevel::L).unwrap();
        let quiet = 2;
        let cells: Vec<Vec<Cell>> = qr.rows(quiet as u16).map(Iterator::collect).collect();
        let side = code.width() + 2 * quiet;
        assert_eq!((cells[0].len(), cells.len()), (side, side.div_ceil(2)));
        for y in 0..side {
            for x in 0..side {
                let inside = (quiet..side - quiet).contains(&x) && (quiet..side - quiet).contains(&y);
                let dark = inside && code[(x - quiet, y - quiet)] == Color::Dark;
                let cell = cells[y / 2][x];
                let seen = if y.is_multiple_of(2) { cell.upper_is_dark } else { cell.lower_is_dark };
                assert_eq!(seen, dark, "{x},{y}");
            }
        }
    }

    #[test]
    fn in_letters_a_code_has_its_three_corners_and_a_light_margin() {
        let text = Qr::new(&uri()).unwrap().in_letters(2);
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
