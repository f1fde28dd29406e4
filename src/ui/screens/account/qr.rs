//! How a QR code looks on the screen: dark on light whatever the theme, so it has colours of its own.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Modifier, Style},
};

use crate::{
    qr::Qr,
    ui::theme::{Palette, Theme},
};

/// Black and white of the fixed 256 colours: a terminal's own are often neither.
const DARK: Color = Color::Indexed(16);
const LIGHT: Color = Color::Indexed(231);
/// Light modules around it. Four are the norm; readers have made do with two for long.
const QUIET: std::ops::RangeInclusive<u16> = 2..=4;

/// Columns and rows with the widest quiet zone that fits in; `None` when not even the narrowest does.
pub fn size(qr: &Qr, columns: u16, rows: u16) -> Option<(u16, u16)> {
    quiet(qr, columns, rows).map(|quiet| qr.size(quiet))
}

fn quiet(qr: &Qr, columns: u16, rows: u16) -> Option<u16> {
    QUIET.rev().find(|quiet| {
        let (wide, high) = qr.size(*quiet);
        wide <= columns && high <= rows
    })
}

/// Draws it at the top left of `area`, in which it must fit.
pub fn draw(qr: &Qr, area: Rect, theme: &Theme, buffer: &mut Buffer) {
    let Some(quiet) = quiet(qr, area.width, area.height) else { return };
    for (y, row) in (area.y..).zip(qr.rows(quiet)) {
        for (x, cell) in (area.x..).zip(row) {
            let (upper, lower) = (cell.upper_is_dark, cell.lower_is_dark);
            let (glyph, style) = match theme.palette {
                Palette::Dark | Palette::Light => {
                    let colour = |dark: bool| if dark { DARK } else { LIGHT };
                    // Where both are the same, the background alone: a glyph leaves seams in some fonts.
                    let glyph = if upper == lower { ' ' } else { '▀' };
                    (glyph, Style::reset().fg(colour(upper)).bg(colour(lower)))
                }
                // Without colours the light modules are drawn, in the letters' colour: right where the background is
                // dark, which it mostly is, and what most phones read the other way round as well.
                Palette::Plain => match (upper, lower) {
                    (true, true) => (' ', Style::reset()),
                    (true, false) => ('▄', Style::reset()),
                    (false, true) => ('▀', Style::reset()),
                    (false, false) => (' ', Style::reset().add_modifier(Modifier::REVERSED)),
                },
            };
            buffer[(x, y)].set_char(glyph).set_style(style);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{api::auth::Secret, qr::Cell};

    fn qr(name: &str) -> Qr {
        let secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
        Qr::new(&Secret::new(format!("otpauth://totp/OllamaNet:{name}?secret={secret}&issuer=OllamaNet"))).unwrap()
    }

    #[test]
    fn the_code_of_the_longest_name_fits_beside_its_form_in_a_small_window() {
        for name in ["ann", &"x".repeat(50)] {
            let (columns, rows) = size(&qr(name), 44, 22).unwrap();
            assert!(columns <= 44 && rows <= 22, "{columns}×{rows}");
        }
    }

    #[test]
    fn every_cell_shows_its_two_modules_dark_on_light_in_every_theme() {
        let qr = qr("ann");
        let area = Rect::new(3, 1, 60, 30);
        for theme in [Theme::dark(), Theme::light(), Theme::plain()] {
            let mut buffer = Buffer::empty(Rect::new(0, 0, 70, 40));
            draw(&qr, area, &theme, &mut buffer);
            for (y, row) in (area.y..).zip(qr.rows(4)) {
                for (x, cell) in (area.x..).zip(row) {
                    let drawn = &buffer[(x, y)];
                    let (upper_is_dark, lower_is_dark) = match theme.palette {
                        Palette::Plain => match drawn.symbol() {
                            "▀" => (false, true),
                            "▄" => (true, false),
                            _ if drawn.modifier.contains(Modifier::REVERSED) => (false, false),
                            _ => (true, true),
                        },
                        Palette::Dark | Palette::Light => (drawn.fg == DARK, drawn.bg == DARK),
                    };
                    assert_eq!(Cell { upper_is_dark, lower_is_dark }, cell, "{x},{y}");
                }
            }
        }
    }

    #[test]
    fn where_it_does_not_fit_nothing_of_it_is_drawn() {
        let qr = qr("ann");
        assert_eq!(size(&qr, 40, 10), None);
        let mut buffer = Buffer::empty(Rect::new(0, 0, 40, 10));
        draw(&qr, buffer.area, &Theme::dark(), &mut buffer);
        assert_eq!(buffer, Buffer::empty(Rect::new(0, 0, 40, 10)));
    }
}
