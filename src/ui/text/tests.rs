//! Markdown and streaming, seen as the lines of a terminal.

use std::fmt::Write as _;

use proptest::prelude::*;
use ratatui::style::{Color, Modifier};

use super::{
    markdown::{Look, Rendered, render},
    stream::Stream,
    wrap::width,
};
use crate::{
    safe_text::{SafeText, is_clean},
    ui::theme::Theme,
};

fn plain(rendered: &Rendered) -> String {
    rendered.lines.iter().flat_map(|line| [line.to_string(), "\n".to_owned()]).collect()
}

/// The text with its styles: each span in ‹› with what differs from ordinary text.
fn styled(rendered: &Rendered) -> String {
    let mut out = String::new();
    for line in &rendered.lines {
        for span in &line.spans {
            let style = line.style.patch(span.style);
            let colour = |colour: Option<Color>| match colour {
                Some(Color::Indexed(index)) => index.to_string(),
                Some(_) | None => String::new(),
            };
            let marks: String = [
                (Modifier::BOLD, 'b'),
                (Modifier::ITALIC, 'i'),
                (Modifier::UNDERLINED, 'u'),
                (Modifier::DIM, 'd'),
                (Modifier::CROSSED_OUT, 's'),
            ]
            .iter()
            .filter(|(modifier, _)| style.add_modifier.contains(*modifier))
            .map(|(_, letter)| *letter)
            .collect();
            let label = format!("{}{}", colour(style.fg), marks);
            if label.is_empty() {
                out.push_str(&span.content);
            } else {
                let _ = write!(out, "‹{label}:{}›", span.content);
            }
        }
        out.push('\n');
    }
    out
}

fn shown(text: &str, width: u16) -> String {
    plain(&render(&SafeText::new(text), Look::new(width, &Theme::plain())))
}

const SAMPLE: &str = include_str!("sample.md");

#[test]
fn a_whole_answer_at_three_widths() {
    for width in [40, 80, 120] {
        insta::assert_snapshot!(format!("answer_{width}"), shown(SAMPLE, width));
    }
}

#[test]
fn a_whole_answer_in_colour_and_without() {
    for theme in [Theme::dark(), Theme::plain()] {
        let rendered = render(&SafeText::new(SAMPLE), Look::new(80, &theme));
        insta::assert_snapshot!(format!("answer_{}", theme.palette), styled(&rendered));
    }
}

#[test]
fn a_narrow_table_becomes_a_list_of_records() {
    let table = "| Name | Purpose | Licence | Since |\n|--|--|--|--|\n| tokio | runtime | MIT | 2016 |\n| serde | data | MIT | 2014 |\n";
    assert_eq!(
        shown(table, 24),
        "Name: tokio\nPurpose: runtime\nLicence: MIT\nSince: 2016\n────────────\nName: serde\nPurpose: data\nLicence: MIT\nSince: 2014\n"
    );
}

#[test]
fn code_blocks_can_be_copied_as_they_were_written() {
    let rendered = render(&SafeText::new(SAMPLE), Look::new(40, &Theme::dark()));
    let rust = &rendered.blocks[0];
    assert_eq!(rust.language, "rust");
    assert!(rust.closed);
    assert_eq!(
        rust.text,
        "let shared = Rc::new(state);\n{\n    println!(\"{shared:?} and a line that is long enough to be wrapped at forty columns\");\n}"
    );
    assert!(rendered.lines[rust.lines.start].to_string().contains("rust"));
    let open = render(&SafeText::new("```sh\nls"), Look::new(40, &Theme::dark()));
    assert!(!open.blocks[0].closed);
}

#[test]
fn each_line_knows_the_bytes_it_shows() {
    let text = "# Title\n\nfirst words here\n\n- item\n\n```\ncode\nmore\n```\n";
    let rendered = render(&SafeText::new(text), Look::new(40, &Theme::plain()));
    let found: Vec<&str> =
        rendered.map.iter().map(|range| &text[range.clone()]).filter(|text| !text.is_empty()).collect();
    assert_eq!(found, ["Title", "first words here", "item", "code", "more"]);
    assert_eq!(rendered.map.len(), rendered.lines.len());
}

#[test]
fn a_quote_that_ends_with_nothing_in_it_is_drawn_over() {
    assert_eq!(shown(">-\n>>\nx", 20), "▌ • \n\nx\n");
}

#[test]
fn a_link_cannot_hide_where_it_leads() {
    assert_eq!(
        shown("[https://bank.example](https://evil.example)", 80),
        "https://bank.example (https://evil.example)\n"
    );
    assert_eq!(shown("<https://rust-lang.org>", 80), "https://rust-lang.org\n");
    assert_eq!(shown("![x](https://evil.example/?q=secret)", 80), "[image: x (https://evil.example/?q=secret)]\n");
}

#[test]
fn an_entity_cannot_bring_back_what_was_taken_out() {
    let text = "a&#27;[31m b&#x202e;c &#x200b;d **x**&#x301; [l](http://x/&#27;)";
    let out = shown(text, 80);
    assert!(out.lines().all(is_clean), "{out:?}");
    assert!(!out.contains('\u{202e}'));
}

fn check(rendered: &Rendered, columns: u16) -> Result<(), TestCaseError> {
    prop_assert_eq!(rendered.lines.len(), rendered.map.len());
    for line in &rendered.lines {
        let whole = line.to_string();
        prop_assert!(width(&whole) <= usize::from(columns) && line.width() <= usize::from(columns), "{whole:?}");
        for span in &line.spans {
            prop_assert!(!span.content.chars().any(char::is_control), "{:?}", span);
        }
    }
    Ok(())
}

#[test]
fn hostile_markdown_is_drawn_in_bounded_time_and_width() {
    #[derive(serde::Deserialize)]
    struct Attack {
        name: String,
        text: String,
    }
    for line in include_str!("../../../tests/fixtures/terminal-attacks.jsonl").lines() {
        let attack: Attack = serde_json::from_str(line).unwrap();
        let began = std::time::Instant::now();
        let rendered = render(&SafeText::new(&attack.text), Look::new(80, &Theme::plain()));
        check(&rendered, 80).unwrap();
        assert!(rendered.lines.len() < 20_000, "{}: {} lines", attack.name, rendered.lines.len());
        // Generous for an unoptimised build; what it must not be is quadratic.
        assert!(began.elapsed().as_secs() < 20, "{} took {:?}", attack.name, began.elapsed());
        if began.elapsed().as_millis() > 300 {
            println!("{} {:?}", attack.name, began.elapsed());
        }
    }
}

/// Markdown made of what the renderer cares about.
fn markdown() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        3 => "[a-z ]{1,12}",
        1 => "\\PC{0,6}",
        6 => prop::sample::select(vec![
            "\n", "\n", "\n\n", "- ", "  - ", "1. ", "9) ", "> ", "# ", "### ", "```", "```rust\n", "~~~\n", "    ", "| a | b |\n",
            "|--|:-:|\n", "| c |\n", "**", "*", "_", "`", "~~", "[x](http://y)", "[", "](", ")", "[^1]", "[^1]: ", "<b>", "<div>\n",
            "---\n", "===\n", "&#27;", "&amp;", "\\", "漢字", "👩🏽‍🚀", "שלום", "- [x] ", "\u{1b}[2J", "\t", "![i](u)", "<br>", "  \n",
            "[r]: http://z\n", "[r]", "> [!NOTE]\n",
        ]).prop_map(String::from),
    ];
    prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_markdown_stays_within_its_width(text in markdown(), columns in 0u16..50) {
        check(&render(&SafeText::new(&text), Look::new(columns, &Theme::plain())), columns)?;
    }
}

// --- streaming

fn streamed(pieces: &[&str], columns: u16, look_each_time: bool) -> Rendered {
    let theme = Theme::plain();
    let mut stream = Stream::new();
    for piece in pieces {
        stream.push(piece);
        if look_each_time {
            stream.lay_out(Look::new(columns, &theme));
        }
    }
    stream.finish();
    stream.lay_out(Look::new(columns, &theme)).clone()
}

fn whole(text: &str, columns: u16) -> Rendered {
    render(&SafeText::new(text), Look::new(columns, &Theme::plain()))
}

#[test]
fn an_answer_looks_the_same_however_it_came() {
    for size in [1, 3, 7, 50] {
        let chars: Vec<char> = SAMPLE.chars().collect();
        let pieces: Vec<String> = chars.chunks(size).map(|chunk| chunk.iter().collect()).collect();
        let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
        let (got, want) = (streamed(&pieces, 60, true), whole(SAMPLE, 60));
        assert_eq!(plain(&got), plain(&want), "pieces of {size}");
        assert_eq!(got, want, "pieces of {size}");
    }
}

#[test]
fn long_blocks_end_as_if_they_had_been_drawn_at_once() {
    for text in long_texts(40_000) {
        let chars: Vec<char> = text.chars().collect();
        let pieces: Vec<String> = chars.chunks(37).map(|chunk| chunk.iter().collect()).collect();
        let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
        assert_eq!(plain(&streamed(&pieces, 60, true)), plain(&whole(&text, 60)));
    }
}

#[test]
fn a_piece_at_the_end_of_a_long_answer_draws_no_more_than_one_near_its_beginning() {
    let theme = Theme::plain();
    for text in long_texts(80_000) {
        let mut stream = Stream::new();
        let mut most = 0;
        for line in text.as_bytes().chunks(64).map(|chunk| std::str::from_utf8(chunk).unwrap()) {
            stream.push(line);
            stream.lay_out(Look::new(80, &theme));
            most = most.max(stream.live_bytes());
        }
        assert!(most <= 80_000 / 16, "{most} bytes are live in {:?}…", &text[..40]);
    }
}

/// One endless block of each kind.
fn long_texts(bytes: usize) -> Vec<String> {
    let fill = |head: &str, unit: &dyn Fn(usize) -> String| {
        let mut text = head.to_owned();
        let mut count = 0;
        while text.len() < bytes {
            text.push_str(&unit(count));
            count += 1;
        }
        text
    };
    vec![
        fill("", &|n| format!("word number {n} with **strong** and `code` in it, ")),
        fill("```rust\n", &|n| format!("    let value_{n} = compute({n}); // and so on\n")),
        fill("", &|n| format!("{}. item number {n} says something\n", n + 1)),
        fill("| a | b |\n|---|---|\n", &|n| format!("| row {n} | value of it |\n")),
        fill("1. steps\n", &|n| format!("   - nested item {n} in one long list\n")),
        fill("", &|n| format!("> quoted line {n} goes on\n")),
    ]
}

#[test]
fn the_head_of_a_table_is_never_shown_as_text() {
    let theme = Theme::plain();
    let mut stream = Stream::new();
    for piece in ["Here:\n\n", "| a ", "| b |", "\n", "|--", "|--|\n", "| 1 "] {
        stream.push(piece);
        let shown = plain(stream.lay_out(Look::new(40, &theme)));
        assert!(!shown.contains("| a") && !shown.contains("|--"), "{shown}");
    }
    stream.push("| 2 |\n");
    assert!(plain(stream.lay_out(Look::new(40, &theme))).contains("│ 1 │ 2 │"));
}

#[test]
fn a_change_of_width_draws_everything_anew() {
    let theme = Theme::plain();
    let mut stream = Stream::begun(SAMPLE);
    stream.lay_out(Look::new(80, &theme));
    stream.lay_out(Look::new(40, &theme));
    stream.finish();
    assert_eq!(stream.lay_out(Look::new(40, &theme)), &whole(SAMPLE, 40));
}

#[test]
fn an_escape_sequence_in_pieces_is_still_one() {
    assert_eq!(plain(&streamed(&["a\u{1b}", "]52;c;", "cHdu", "\u{7}b"], 40, true)), "a␛b\n");
}

#[test]
fn code_can_be_copied_while_it_arrives() {
    let theme = Theme::plain();
    let mut stream = Stream::begun("```py\na = 1\nb =");
    let rendered = stream.lay_out(Look::new(40, &theme));
    assert_eq!((rendered.blocks[0].text.as_str(), rendered.blocks[0].closed), ("a = 1\nb =", false));
    stream.push(" 2\n```\nafter");
    let rendered = stream.lay_out(Look::new(40, &theme));
    assert_eq!((rendered.blocks[0].text.as_str(), rendered.blocks[0].closed), ("a = 1\nb = 2", true));
    assert!(plain(rendered).ends_with("┘\n\nafter\n"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_cutting_of_any_markdown_ends_in_the_same_lines(
        text in markdown(),
        size in 1usize..9,
        columns in 0u16..50,
    ) {
        let chars: Vec<char> = text.chars().collect();
        let pieces: Vec<String> = chars.chunks(size).map(|chunk| chunk.iter().collect()).collect();
        let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
        let got = streamed(&pieces, columns, true);
        check(&got, columns)?;
        prop_assert_eq!(plain(&got), plain(&whole(&text, columns)));
    }
}
