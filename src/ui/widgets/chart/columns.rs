//! Columns over time, with an axis at the left and the ends of the time below. One of them may be chosen, some marked.

use ratatui::text::{Line, Span};

use super::{Ink, eighths, fit, fit_right};
use crate::ui::{cx::Cx, text::wrap::width};

/// Widest column.
const WIDEST: usize = 5;

/// What is drawn: a value for each stretch of time; what is 0 or less has no column.
#[derive(Clone, Copy)]
pub struct Columns<'a> {
    pub values: &'a [f64],
    pub at: usize,
    /// The value in words, for the axis.
    pub axis: fn(f64) -> String,
    /// When the first and last that are shown were: by their places.
    pub when: &'a dyn Fn(usize) -> String,
}

/// Where the columns stand in the room they have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Plan {
    first: usize,
    shown: usize,
    wide: usize,
    gap: usize,
}

impl Plan {
    /// All of them if they have room, as wide as that allows; else those around the chosen one.
    fn of(values: usize, at: usize, room: usize) -> Self {
        if values == 0 || room == 0 {
            return Self { first: 0, shown: 0, wide: 1, gap: 0 };
        }
        if values * 2 <= room + 1 {
            return Self { first: 0, shown: values, wide: ((room + 1) / values - 1).clamp(1, WIDEST), gap: 1 };
        }
        if values <= room {
            return Self { first: 0, shown: values, wide: 1, gap: 0 };
        }
        // The newest are of most interest: the window leaves the end only as far as it must.
        let first = (values - room).min(at.saturating_sub(room / 2));
        Self { first, shown: room, wide: 1, gap: 0 }
    }

    /// Columns of the terminal from the left of the plot to the left of this one.
    fn place(self, shown: usize) -> usize {
        shown * (self.wide + self.gap)
    }

    fn width(self) -> usize {
        (self.shown * (self.wide + self.gap)).saturating_sub(self.gap)
    }
}

impl Columns<'_> {
    /// Exactly `height` lines, of at most `room` columns. The last but one marks the chosen column, the last tells when.
    #[must_use]
    pub fn lines(&self, room: usize, height: usize, cx: &Cx) -> Vec<Line<'static>> {
        self.marked_lines(&[], room, height, cx)
    }

    /// The same with a mark below those that something begins with.
    #[must_use]
    pub fn marked_lines(&self, begins: &[bool], room: usize, height: usize, cx: &Cx) -> Vec<Line<'static>> {
        let (ink, theme) = (Ink::of(&cx.theme), &cx.theme);
        let most = self.values.iter().copied().fold(0.0, f64::max);
        let top = (self.axis)(most);
        let half = (self.axis)(most / 2.0);
        let axis_room = width(&top).max(1);
        let plan = Plan::of(self.values.len(), self.at, room.saturating_sub(axis_room + 2));
        let rows = height.saturating_sub(2);
        let (side, foot, mark, sign) = match ink {
            Ink::Blocks => ('┤', '─', '▲', '◆'),
            Ink::Ascii => ('|', '-', '^', '*'),
        };
        let mut lines = Vec::with_capacity(height);
        for row in 0..rows {
            let label = match row {
                0 if most > 0.0 => top.clone(),
                row if row + 1 == rows => "0".to_owned(),
                // Half of 1 is no whole number, and would be told as what the top is or the bottom.
                row if rows >= 7 && row == rows / 2 && most > 0.0 && half != top && half != "0" => half.clone(),
                _ => String::new(),
            };
            let line_side = if label.is_empty() && ink == Ink::Blocks { '│' } else { side };
            let mut line =
                Line::from(vec![Span::styled(format!("{} {line_side}", fit_right(&label, axis_room)), theme.dim)]);
            let below = rows - 1 - row;
            for shown in 0..plan.shown {
                let place = plan.first + shown;
                let filled = eighths(self.values[place], most, rows).saturating_sub(below * 8);
                let style = if place == self.at { theme.accent } else { theme.meter };
                line.push_span(Span::styled(ink.column(filled).to_string().repeat(plan.wide), style));
                if plan.gap > 0 && shown + 1 < plan.shown {
                    line.push_span(Span::raw(" "));
                }
            }
            lines.push(line);
        }
        lines.push(self.foot(plan, axis_room, (foot, mark, sign), begins, cx));
        lines.push(self.times(plan, axis_room, cx));
        lines.truncate(height);
        lines
    }

    /// The line that the columns stand on, the chosen one marked, and whether more lie to either side.
    fn foot(
        &self,
        plan: Plan,
        axis_room: usize,
        (foot, mark, sign): (char, char, char),
        begins: &[bool],
        cx: &Cx,
    ) -> Line<'static> {
        let mut cells: Vec<char> = vec![foot; plan.width()];
        if plan.first > 0
            && let Some(first) = cells.first_mut()
        {
            *first = '<';
        }
        if plan.first + plan.shown < self.values.len()
            && let Some(last) = cells.last_mut()
        {
            *last = '>';
        }
        for shown in 0..plan.shown {
            if begins.get(plan.first + shown).copied().unwrap_or(false)
                && let Some(cell) = cells.get_mut(plan.place(shown))
            {
                *cell = sign;
            }
        }
        let chosen = self.at.checked_sub(plan.first).filter(|shown| *shown < plan.shown);
        let Some(from) = chosen.map(|shown| plan.place(shown)) else {
            let text: String = cells.into_iter().collect();
            return Line::styled(format!("{}{text}", " ".repeat(axis_room + 2)), cx.theme.dim);
        };
        let to = (from + plan.wide).min(cells.len());
        let piece = |range: std::ops::Range<usize>| cells[range].iter().collect::<String>();
        Line::from(vec![
            Span::raw(" ".repeat(axis_room + 2)),
            Span::styled(piece(0..from), cx.theme.dim),
            Span::styled(mark.to_string().repeat(to - from), cx.theme.accent),
            Span::styled(piece(to..cells.len()), cx.theme.dim),
        ])
    }

    fn times(&self, plan: Plan, axis_room: usize, cx: &Cx) -> Line<'static> {
        if plan.shown == 0 {
            return Line::default();
        }
        let (first, last) = ((self.when)(plan.first), (self.when)(plan.first + plan.shown - 1));
        let room = plan.width();
        let text = if width(&first) + width(&last) + 2 <= room {
            format!("{first}{}", fit_right(&last, room - width(&first)))
        } else if plan.shown == 1 {
            last
        } else {
            // Too narrow for both: two lines' worth of words stand beside each other under and beyond the columns.
            format!("{first} … {last}")
        };
        Line::styled(format!("{}{}", fit("", axis_room + 2), text), cx.theme.dim)
    }
}
