//! Charts as they look, with blocks and in plain ASCII, in little and in much room.

use insta::assert_snapshot;
use ratatui::text::Line;

use super::{
    columns::Columns,
    heat,
    rows::{self, Bar},
    *,
};
use crate::ui::cx::Cx;

fn plain() -> Cx {
    Cx { theme: Theme::plain(), ..Cx::fixed() }
}

fn text(lines: &[Line<'_>]) -> String {
    lines.iter().map(|line| line.to_string().trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

fn columns(values: &[f64], at: usize, room: usize, height: usize, cx: &Cx) -> String {
    let when = |place: usize| format!("day {}", place + 1);
    let chart = Columns { values, at, axis: |value| count(value as u64), when: &when };
    let lines = chart.lines(room, height, cx);
    assert_eq!(lines.len(), height);
    for line in &lines {
        assert!(line.width() <= room, "{} in {room}: {line}", line.width());
    }
    text(&lines)
}

const WEEK: [f64; 7] = [3.0, 0.0, 12.0, 1204.0, 700.0, 650.0, 88.0];

#[test]
fn columns_stand_over_their_days() {
    let many: Vec<f64> = (0..90).map(|day| f64::from((day * 37) % 50)).collect();
    for (name, cx) in [("blocks", Cx::fixed()), ("plain", plain())] {
        let drawn = [
            columns(&WEEK, 3, 60, 10, &cx),
            columns(&many, 89, 60, 9, &cx),
            columns(&many, 2, 60, 6, &cx),
            columns(&[0.0; 7], 6, 40, 5, &cx),
        ];
        assert_snapshot!(format!("columns_{name}"), drawn.join("\n\n"));
    }
}

#[test]
fn bars_are_as_long_as_their_share_and_say_their_figures() {
    let bar = |label: &str, value, other, figures: &str| Bar {
        label: label.to_owned(),
        value,
        other,
        figures: figures.to_owned(),
    };
    let bars = [
        bar("llama3.2:3b", 812, 0, "812  41 tok/s"),
        bar("a model with a name that has no room in any narrow column", 300, 0, "300  9.5 tok/s"),
        bar("漢字:7b", 1, 0, "1  –"),
        bar("rated", 12, 4, "75 %"),
        bar("disliked", 0, 3, "0 %"),
        bar("nothing", 0, 0, ""),
    ];
    for (name, cx) in [("blocks", Cx::fixed()), ("plain", plain())] {
        let mut drawn = Vec::new();
        for room in [78, 40] {
            let lines = rows::lines(&bars, Some(1), true, room, 6, &cx);
            assert!(lines.iter().all(|line| line.width() <= room));
            drawn.push(text(&lines));
        }
        assert_snapshot!(format!("bars_{name}"), drawn.join("\n\n"));
    }
    let few = rows::lines(&bars, Some(5), true, 40, 2, &Cx::fixed());
    assert!(few.len() == 2 && few[1].to_string().starts_with("> nothing"), "the chosen one is in sight");
}

#[test]
fn the_map_of_the_week_has_shades_totals_and_a_legend() {
    let mut hours = [[0; 24]; 7];
    for (day, hours) in hours.iter_mut().enumerate() {
        for (hour, messages) in hours.iter_mut().enumerate() {
            if (8..19).contains(&hour) && day < 5 {
                *messages = ((hour * 7 + day * 13) % 40) as u64;
            }
        }
    }
    for (name, cx) in [("blocks", Cx::fixed()), ("plain", plain())] {
        let drawn = [100, 78, 38].map(|room| {
            let lines = heat::lines(&hours, (1, 10), true, room, &cx);
            assert_eq!(lines.len(), heat::HEIGHT);
            assert!(lines.iter().all(|line| line.width() <= room));
            text(&lines)
        });
        assert_snapshot!(format!("heat_{name}"), drawn.join("\n\n"));
    }
    let few = heat::lines(&[[1; 24]; 7], (0, 0), true, 78, &Cx::fixed());
    assert!(few.last().unwrap().to_string().ends_with("█ 1"), "{few:?}");
}

#[test]
fn a_line_of_small_columns_fills_its_room() {
    let cx = Cx::fixed();
    assert_eq!(spark::line(&[0.0, 1.0, 4.0, 8.0], 6, &cx), "   ▁▄█");
    assert_eq!(spark::line(&[0.0, 8.0, 1.0, 1.0], 2, &cx), "█▁", "neighbours share a column, and the greatest counts");
    assert_eq!(spark::line(&[0.0, 1.0, 4.0, 8.0], 4, &plain()), " _o#");
    assert_eq!(spark::line(&[], 3, &cx), "   ");
}

#[test]
fn plain_charts_are_ascii_alone() {
    let cx = plain();
    let bars = [Bar { label: "a".to_owned(), value: 3, other: 2, figures: "3".to_owned() }];
    let drawn = [
        columns(&WEEK, 3, 60, 10, &cx),
        text(&rows::lines(&bars, Some(0), true, 40, 3, &cx)),
        text(&heat::lines(&[[5; 24]; 7], (0, 0), true, 78, &cx)),
        spark::line(&WEEK, 7, &cx),
    ];
    assert!(drawn.iter().all(|drawn| drawn.is_ascii()), "{drawn:?}");
}

#[test]
fn figures_are_short() {
    assert_eq!(
        [0, 999, 1204, 12_345, 123_456, 999_600, 45_000_000, 2_000_000_000].map(count),
        ["0", "999", "1 204", "12.3k", "123k", "1.0M", "45.0M", "2.0G"]
    );
    assert_eq!([340, 45_000, 210_000, 9_000_000].map(duration), ["0.3 s", "45 s", "3.5 min", "2.5 h"]);
}
