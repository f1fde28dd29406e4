//! Rows that are marked, with columns that give way: the cursor and the mark stand in front, the name takes what is left, and
//! where the room gets less the columns go that are needed least.

use ratatui::{
    style::Style,
    text::{Line, Span},
};

/// What stands in front of the columns: the cursor, a gap, the mark, a gap.
const FRONT: usize = 4;

/// A column with its width and how soon it gives way; the greatest goes first.
pub type Wish<C> = (C, usize, u8);

/// Which columns there is room for beside a name of at least so many cells, and how much is left beyond all of them. One of
/// them always stays.
#[must_use]
pub fn columns<C: Copy>(wishes: &[Wish<C>], name_least: usize, room: usize) -> (Vec<(C, usize)>, usize) {
    let mut shown = wishes.to_vec();
    // A gap behind each, and one behind the name.
    let needs = |shown: &[Wish<C>]| FRONT + 1 + name_least + shown.iter().map(|(_, width, _)| width + 1).sum::<usize>();
    while needs(&shown) > room && shown.len() > 1 {
        let Some(at) = (0..shown.len()).max_by_key(|&at| shown[at].2) else { break };
        shown.remove(at);
    }
    let spare = room.saturating_sub(needs(&shown));
    (shown.into_iter().map(|(column, width, _)| (column, width)).collect(), spare)
}

/// One row: its cells, each already as wide as its column, and `base` for all that is none of theirs.
#[must_use]
pub fn row(
    selected: bool,
    marked: bool,
    base: Style,
    cells: impl IntoIterator<Item = (String, Style)>,
    room: usize,
) -> Line<'static> {
    let cursor = if selected { "›" } else { " " };
    let mark = if marked { "■" } else { " " };
    let mut line = Line::from(Span::styled(format!("{cursor} {mark} "), base));
    for (cell, style) in cells {
        // A row that is selected is so from end to end.
        line.push_span(Span::styled(format!("{cell} "), if selected { base } else { style }));
    }
    let used = line.width();
    line.push_span(Span::styled(" ".repeat(room.saturating_sub(used)), base));
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_needed_go_first_and_one_stays() {
        let wishes = [('a', 8, 0), ('b', 12, 2), ('c', 5, 1)];
        let names = |room| columns(&wishes, 10, room).0.into_iter().map(|(name, _)| name).collect::<String>();
        assert_eq!([names(43), names(42), names(29), names(5)], ["abc", "ac", "a", "a"]);
        assert_eq!(columns(&wishes, 10, 50).1, 7);
    }

    #[test]
    fn a_row_is_as_wide_as_its_room_and_says_what_it_is_without_colour() {
        let cells = || [("name".to_owned(), Style::new()), ("x".to_owned(), Style::new())];
        let drawn = |selected, marked| row(selected, marked, Style::new(), cells(), 20).to_string();
        assert_eq!(drawn(true, true), "› ■ name x          ");
        assert_eq!(drawn(false, false), "    name x          ");
    }
}
