//! The hours of the week as a map: the more, the darker. One hour is chosen; totals stand at the right and what the shades
//! mean below.

use ratatui::text::{Line, Span};

use super::{Ink, count, fit, fit_right};
use crate::ui::{cx::Cx, text::wrap::clip};

pub const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// Lines of the whole map.
pub const HEIGHT: usize = 10;

const LABEL: usize = 4;
const TOTAL: usize = 8;

/// Heading, seven days, an empty line, the legend. In rooms of less than 60 columns the totals give way.
#[must_use]
pub fn lines(hours: &[[u64; 24]; 7], at: (usize, usize), focused: bool, room: usize, cx: &Cx) -> Vec<Line<'static>> {
    let (ink, theme) = (Ink::of(&cx.theme), &cx.theme);
    let most = hours.iter().flatten().copied().max().unwrap_or(0);
    let has_totals = room >= LABEL + 48 + TOTAL;
    let cell = if room >= LABEL + 72 + TOTAL {
        3
    } else if room >= LABEL + 48 {
        2
    } else {
        1
    };
    let mut heading = String::new();
    for hour in (0..24).step_by(if cell == 1 { 6 } else { 3 }) {
        let every = if cell == 1 { 6 } else { 3 };
        heading.push_str(&fit(&hour.to_string(), cell * every));
    }
    let mut lines = vec![Line::styled(
        format!("{}{heading}{}", fit("", LABEL), if has_totals { fit_right("all", TOTAL) } else { String::new() }),
        theme.dim,
    )];
    for (day, (name, hours)) in WEEKDAYS.iter().zip(hours).enumerate() {
        let is_row = day == at.0;
        let mut line = Line::from(vec![Span::styled(fit(name, LABEL), if is_row { theme.accent } else { theme.dim })]);
        for (hour, messages) in hours.iter().enumerate() {
            let glyph = shade(ink, *messages, most).to_string().repeat(cell);
            let style = match ((day, hour) == at, focused) {
                (true, true) => theme.selection,
                (true, false) => theme.selection_unfocused,
                (false, _) => theme.meter,
            };
            line.push_span(Span::styled(glyph, style));
        }
        if has_totals {
            line.push_span(Span::styled(fit_right(&count(hours.iter().sum()), TOTAL), theme.dim));
        }
        lines.push(line);
    }
    lines.push(Line::default());
    lines.push(Line::styled(clip(&format!("{}{}", fit("", LABEL), legend(ink, most)), room), theme.dim));
    lines
}

/// What each shade stands for. Shades that would stand for the same are said once.
fn legend(ink: Ink, most: u64) -> String {
    let mut parts = Vec::new();
    let mut before = 0;
    for step in 1..=4 {
        let to = most * step / 4;
        if to > before {
            let glyph = shade(ink, to, most);
            parts.push(if to == before + 1 {
                format!("{glyph} {}", count(to))
            } else {
                format!("{glyph} {} to {}", count(before + 1), count(to))
            });
            before = to;
        }
    }
    parts.join("   ")
}

/// In four steps up to the most there is; nothing is nothing.
fn shade(ink: Ink, messages: u64, most: u64) -> char {
    const BLOCKS: [char; 5] = ['·', '░', '▒', '▓', '█'];
    const ASCII: [char; 5] = ['.', '-', '+', 'x', '#'];
    let step = if messages == 0 || most == 0 {
        0
    } else {
        (1..=4).find(|step| messages <= most * step / 4).unwrap_or(4) as usize
    };
    match ink {
        Ink::Blocks => BLOCKS[step],
        Ink::Ascii => ASCII[step],
    }
}
