//! A QR code in a terminal: two modules a cell, dark on light whatever the theme, with a quiet zone.
//!
//! What phones read is a matter of contrast and of the light margin, not of taste; so it has colours of its own.

use qrcode::{Color as Module, EcLevel, QrCode};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Modifier, Style},
};
use zeroize::Zeroizing;

use crate::{
    api::auth::Secret,
    ui::theme::{Palette, Theme},
};

/// Black and white of the fixed 256 colours: a terminal's own are often neither.
const DARK: Color = Color::Indexed(16);
const LIGHT: Color = Color::Indexed(231);
/// Light modules around it. Four are the norm; readers have made do with two for long.
const QUIET: std::ops::RangeInclusive<u16> = 2..=4;

/// A drawn code is worth as much as the secret in it, so its modules are wiped as well.
pub struct Qr {
    /// One byte a module, row by row; 1 = dark.
    modules: Zeroizing<Vec<u8>>,
    side: u16,
}

impl std::fmt::Debug for Qr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Qr({0}×{0})", self.side)
    }
}

impl Qr {
    /// The smallest code for this address. `None` when there is none, which no address of ours comes near.
    pub fn new(uri: &Secret) -> Option<Self> {
        let short = shortened(uri.reveal());
        let code = QrCode::with_error_correction_level(short.as_bytes(), EcLevel::L).ok()?;
        let side = u16::try_from(code.width()).ok()?;
        let modules = code.to_colors().into_iter().map(|module| u8::from(module == Module::Dark)).collect();
        Some(Self { modules: Zeroizing::new(modules), side })
    }

    /// Columns and rows with the widest quiet zone that fits in; `None` when not even the narrowest does.
    pub fn size(&self, columns: u16, rows: u16) -> Option<(u16, u16)> {
        let quiet = self.quiet(columns, rows)?;
        let side = self.side + 2 * quiet;
        Some((side, side.div_ceil(2)))
    }

    fn quiet(&self, columns: u16, rows: u16) -> Option<u16> {
        QUIET.rev().find(|quiet| {
            let side = self.side + 2 * quiet;
            side <= columns && side.div_ceil(2) <= rows
        })
    }

    fn is_dark(&self, x: i32, y: i32) -> bool {
        let side = i32::from(self.side);
        let inside = (0..side).contains(&x) && (0..side).contains(&y);
        inside && usize::try_from(y * side + x).is_ok_and(|at| self.modules[at] == 1)
    }

    /// Draws it at the top left of `area`, in which it must fit.
    pub fn draw(&self, area: Rect, theme: &Theme, buffer: &mut Buffer) {
        let Some(quiet) = self.quiet(area.width, area.height) else { return };
        let side = self.side + 2 * quiet;
        for row in 0..side.div_ceil(2) {
            for column in 0..side {
                let dark = |y: u16| self.is_dark(i32::from(column) - i32::from(quiet), i32::from(y) - i32::from(quiet));
                let (upper, lower) = (dark(row * 2), dark(row * 2 + 1));
                let cell = &mut buffer[(area.x + column, area.y + row)];
                match theme.palette {
                    Palette::Dark | Palette::Light => {
                        let colour = |dark: bool| if dark { DARK } else { LIGHT };
                        // Where both are the same, the background alone: a glyph leaves seams in some fonts.
                        let glyph = if upper == lower { ' ' } else { '▀' };
                        cell.set_char(glyph).set_style(Style::reset().fg(colour(upper)).bg(colour(lower)));
                    }
                    // Without colours the light modules are drawn, in the letters' colour: right where the background
                    // is dark, which it mostly is, and what most phones read the other way round as well.
                    Palette::Plain => {
                        let light = Style::reset().add_modifier(Modifier::REVERSED);
                        let (glyph, style) = match (upper, lower) {
                            (true, true) => (' ', Style::reset()),
                            (true, false) => ('▄', Style::reset()),
                            (false, true) => ('▀', Style::reset()),
                            (false, false) => (' ', light),
                        };
                        cell.set_char(glyph).set_style(style);
                    }
                }
            }
        }
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

    fn uri(name: &str) -> Secret {
        Secret::new(format!(
            "otpauth://totp/OllamaNet:{name}?secret={SECRET}&issuer=OllamaNet&algorithm=SHA1&digits=6&period=30"
        ))
    }

    #[test]
    fn what_an_authenticator_assumes_anyway_is_left_out_and_nothing_else() {
        assert_eq!(shortened(uri("ann").reveal()).as_str(), format!("otpauth://totp/OllamaNet:ann?secret={SECRET}"));
        let other = "otpauth://totp/ann?secret=ABC&issuer=Elsewhere&digits=8&period=60&algorithm=SHA256";
        assert_eq!(shortened(other).as_str(), other);
    }

    #[test]
    fn the_code_of_the_longest_name_fits_beside_its_form_in_a_small_window() {
        for name in ["ann", &"x".repeat(50)] {
            let qr = Qr::new(&uri(name)).unwrap();
            let (columns, rows) = qr.size(44, 22).unwrap();
            assert!(columns <= 44 && rows <= 22, "{columns}×{rows}");
        }
    }

    #[test]
    fn every_module_is_where_the_code_has_it_dark_on_light_with_a_margin() {
        let qr = Qr::new(&uri("ann")).unwrap();
        let code = QrCode::with_error_correction_level(shortened(uri("ann").reveal()).as_bytes(), EcLevel::L).unwrap();
        let area = Rect::new(3, 1, 60, 30);
        for theme in [Theme::dark(), Theme::light(), Theme::plain()] {
            let mut buffer = Buffer::empty(Rect::new(0, 0, 70, 40));
            qr.draw(area, &theme, &mut buffer);
            let quiet = 4;
            let seen = |x: usize, y: usize| {
                let cell = &buffer[(area.x + x as u16, area.y + (y / 2) as u16)];
                let (upper, lower) = match theme.palette {
                    Palette::Plain => match cell.symbol() {
                        "▀" => (false, true),
                        "▄" => (true, false),
                        _ if cell.modifier.contains(Modifier::REVERSED) => (false, false),
                        _ => (true, true),
                    },
                    Palette::Dark | Palette::Light => (cell.fg == DARK, cell.bg == DARK),
                };
                if y.is_multiple_of(2) { upper } else { lower }
            };
            let side = code.width() + 2 * quiet;
            for y in 0..side {
                for x in 0..side {
                    let inside = (quiet..side - quiet).contains(&x) && (quiet..side - quiet).contains(&y);
                    let dark = inside && code[(x - quiet, y - quiet)] == Module::Dark;
                    assert_eq!(seen(x, y), dark, "{x},{y}");
                }
            }
        }
    }

    #[test]
    fn where_it_does_not_fit_nothing_of_it_is_drawn() {
        let qr = Qr::new(&uri("ann")).unwrap();
        assert_eq!(qr.size(40, 10), None);
        let mut buffer = Buffer::empty(Rect::new(0, 0, 40, 10));
        qr.draw(buffer.area, &Theme::dark(), &mut buffer);
        assert_eq!(buffer, Buffer::empty(Rect::new(0, 0, 40, 10)));
    }
}
