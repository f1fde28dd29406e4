//! Where in the Markdown source the letters of a rendered text stand, for the few places where the parser gives a text
//! that is not literally its source: code between ticks, HTML over several lines of a quote, lines of a code block.
//!
//! Whatever cannot be told letter by letter stands for its source as a whole, so that a selection takes too much there
//! rather than something else.

use std::ops::Range;

use crate::safe_text::Trace;

/// A text that is its source without the marks of the quotes and lists it lies in, and in which a line break may have
/// become a space. `at`: where in what is shown the text begins.
pub(super) fn align(source: &str, range: Range<usize>, text: &str, at: usize) -> Trace {
    let mut trace = Trace::default();
    let mut shown = 0;
    let mut from = range.start;
    while let Some(letter) = text[shown..].chars().next() {
        let rest = &source[from..range.end];
        let Some(there) = rest.chars().next() else { break };
        let length = letter.len_utf8();
        if there == '\n' && matches!(letter, ' ' | '\n') {
            let next = from + 1 + marks_before(&rest[1..], &text[shown + 1..]);
            trace.push(at + shown..at + shown + 1, from..next, next == from + 1 && letter == '\n');
            from = next;
        } else if there == letter {
            trace.push(at + shown..at + shown + length, from..from + length, true);
            from += length;
        } else if there == '\\' && rest[1..].starts_with(letter) {
            // A bar in a table's cell is written with a backslash even in code.
            from += 1;
            continue;
        } else {
            trace.push(at + shown..at + text.len(), from..range.end, false);
            return trace;
        }
        shown += length;
    }
    trace
}

/// How many bytes of quote marks and indentation stand before what goes on in `text`.
fn marks_before(source: &str, text: &str) -> usize {
    let line = source.split('\n').next().unwrap_or_default();
    let most = line.find(|letter| !matches!(letter, ' ' | '>')).unwrap_or(line.len());
    let goes_on = |skipped: &usize| {
        let own = line[*skipped..].trim_end_matches('`').trim_end();
        text.starts_with(own)
    };
    (0..=most).find(goes_on).unwrap_or(most)
}

/// Code between ticks; `has_ticks`: one tick is shown on each side.
pub(super) fn code_trace(source: &str, range: Range<usize>, text: &str, has_ticks: bool) -> Trace {
    let whole = &source[range.clone()];
    let ticks = whole.bytes().take_while(|byte| *byte == b'`').count();
    let mut inner = range.start + ticks..range.end.saturating_sub(ticks).max(range.start + ticks);
    let held = &source[inner.clone()];
    // One space on each side lets code begin or end with a tick.
    let is_padded = held.len() >= 2
        && held.starts_with([' ', '\n'])
        && held.ends_with([' ', '\n'])
        && held.chars().any(|letter| !matches!(letter, ' ' | '\n'));
    if is_padded {
        inner = inner.start + 1..inner.end - 1;
    }
    let mut trace = Trace::default();
    if has_ticks {
        trace.push(0..1, range.start..inner.start, false);
    }
    trace.append(&align(source, inner.clone(), text, 0), usize::from(has_ticks));
    if has_ticks {
        trace.push(text.len() + 1..text.len() + 2, inner.end..range.end, false);
    }
    trace
}

/// A line of a code block that begins at `begins`, on the source line at `at`.
pub(super) fn line_trace(source: &str, begins: usize, at: usize, line: &str) -> Trace {
    let mut trace = Trace::default();
    if source.get(begins..begins + line.len()) == Some(line) {
        trace.push(0..line.len(), begins..begins + line.len(), true);
    } else {
        let end = source.get(at..).and_then(|rest| rest.find('\n')).map_or(source.len(), |end| at + end);
        trace.push(0..line.len(), at..end, false);
    }
    trace
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_segmentation::UnicodeSegmentation;

    use crate::{
        safe_text::SafeText,
        ui::{
            text::{
                markdown::{Look, Rendered, render},
                wrap::{Glyph, width},
            },
            theme::Theme,
        },
    };

    fn traced(source: &str, columns: u16, theme: &Theme) -> Rendered {
        render(&SafeText::new(source), Look { traced: true, ..Look::new(columns, theme) })
    }

    /// What stands at a glyph on the screen.
    fn shown(line: &str, glyph: &Glyph) -> String {
        let mut at = 0;
        for grapheme in line.graphemes(true) {
            if at == usize::from(glyph.at) && width(grapheme) > 0 {
                return grapheme.to_owned();
            }
            at += width(grapheme);
        }
        String::new()
    }

    /// Every glyph with what is shown there, in the order of the source.
    fn glyphs(rendered: &Rendered) -> Vec<(Glyph, String)> {
        let lines = rendered.lines.iter().map(ToString::to_string);
        let mut all: Vec<(Glyph, String)> = lines
            .zip(&rendered.glyphs)
            .flat_map(|(line, glyphs)| {
                glyphs.iter().map(move |glyph| (*glyph, shown(&line, glyph))).collect::<Vec<_>>()
            })
            .collect();
        all.sort_by_key(|(glyph, _)| glyph.from);
        all
    }

    fn letters(text: &str) -> String {
        text.chars().filter(|letter| letter.is_alphabetic() || *letter == '\u{301}').collect()
    }

    fn selected(source: &str, columns: u16, first: &str, last: &str) -> String {
        let rendered = traced(source, columns, &Theme::dark());
        let all = glyphs(&rendered);
        let from = all.iter().find(|(_, shown)| shown == first).unwrap().0.from;
        let to = all.iter().rfind(|(_, shown)| shown == last).unwrap().0.to;
        source[from as usize..to as usize].to_owned()
    }

    #[test]
    fn a_selection_on_the_screen_is_a_stretch_of_the_source() {
        let one = |source: &str, first: &str, last: &str| selected(source, 40, first, last);
        assert_eq!(one("some **bold w**ord", "b", "w"), "bold w");
        assert_eq!(one("some **bold** word", "b", "w"), "bold** w");
        assert_eq!(one("a [link](http://x.example/1) end", "l", "e"), "link](http://x.example/1) e");
        assert_eq!(one("x `a  b` y", "a", "b"), "a  b");
        assert_eq!(one("x `` `q` `` y", "q", "y"), "q` `` y");
        assert_eq!(one("1 &amp; 2", "1", "&"), "1 &amp;");
        assert_eq!(one("\\*z\\*", "*", "z"), "*z");
        assert_eq!(one("> quote\n> m`o\n> r`e", "q", "e"), "quote\n> m`o\n> r`e");
        assert_eq!(one("> m`o\n> > r`e", "o", "r"), "o\n> > r");
        assert_eq!(one("- f\n\n      code x\n", "c", "x"), "code x");
        assert_eq!(one("> ```\n> q  漢e\u{301}z\n> ```", "q", "e\u{301}"), "q  漢e\u{301}");
        assert_eq!(one("| h | k |\n|---|---|\n| m | `n\\|p` |", "m", "p"), "m | `n\\|p");
        assert_eq!(one("> <b>\n> x</b>", "x", "x"), "x");
    }

    /// Markdown of every kind whose letters are all visible and whose marks have none.
    fn document() -> impl Strategy<Value = String> {
        let word = "[a-z漢é]{1,7}|e\u{301}[a-z]{0,3}";
        let inline = prop_oneof![
            4 => word.prop_map(|word| word),
            1 => word.prop_map(|word| format!("**{word}**")),
            1 => word.prop_map(|word| format!("*{word}*")),
            1 => word.prop_map(|word| format!("~~{word}~~")),
            1 => (word, word).prop_map(|(one, two)| format!("`{one} {two}`")),
            1 => word.prop_map(|word| format!("[{word}](1234)")),
            1 => word.prop_map(|word| format!("{word}\\* &#33;")),
        ];
        let line = prop::collection::vec(inline, 1..9).prop_map(|words| words.join(" "));
        let lines = prop::collection::vec(line.clone(), 1..4);
        let block = prop_oneof![
            3 => lines.clone().prop_map(|lines| lines.join("\n")),
            1 => line.clone().prop_map(|line| format!("## {line}")),
            1 => lines.clone().prop_map(|lines| format!("- {}", lines.join("\n- "))),
            1 => lines.clone().prop_map(|lines| format!("1. {}\n   > {}", lines.join("\n1. "), lines[0])),
            1 => lines.clone().prop_map(|lines| format!("> {}", lines.join("\n> "))),
            1 => lines.clone().prop_map(|lines| format!("```\n{}\n```", lines.join("\n    "))),
            1 => lines.clone().prop_map(|lines| format!("> - ~~~\n>   {}\n>   ~~~", lines.join("\n>   "))),
            1 => lines.prop_map(|lines| {
                let rows: Vec<String> = lines.iter().map(|line| format!("| {line} | {line} |")).collect();
                format!("| {} | x |\n|---|--:|\n{}", lines[0], rows.join("\n"))
            }),
        ];
        prop::collection::vec(block, 1..5).prop_map(|blocks| blocks.join("\n\n"))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

        #[test]
        fn whatever_is_selected_is_what_is_visible_of_its_source(
            source in document(), columns in 4u16..90, ends in (0.0..1.0f64, 0.0..1.0f64), is_plain in any::<bool>(),
        ) {
            let theme = if is_plain { Theme::plain() } else { Theme::dark() };
            let rendered = traced(&source, columns, &theme);
            let all = glyphs(&rendered);
            prop_assert!(!all.is_empty());
            // As a list of records the head of a table is said again and again, and cannot be pointed at.
            prop_assume!(columns > 24 || !source.contains("|---|"));
            let at = |share: f64| ((all.len() - 1) as f64 * share) as usize;
            let (first, last) = (at(ends.0.min(ends.1)), at(ends.0.max(ends.1)));
            let to = all[first..=last].iter().map(|(glyph, _)| glyph.to).max().unwrap();
            let range = all[first].0.from..to;
            let visible: String =
                all.iter().filter(|(glyph, _)| glyph.from >= range.start && glyph.to <= range.end).map(|(_, shown)| shown.as_str()).collect();
            let taken = &source[range.start as usize..range.end as usize];
            prop_assert_eq!(letters(&visible), letters(taken), "{:?}", taken);
        }

        #[test]
        fn every_letter_points_at_itself_whatever_the_text(
            source in "(\\PC|\n|[ >*_`~#|\\[\\]()!<>0-9a-z-]){0,80}", columns in 1u16..60,
        ) {
            let safe = SafeText::new(&source);
            let theme = Theme::dark();
            let rendered = render(&safe, Look { traced: true, ..Look::new(columns, &theme) });
            let untraced = render(&safe, Look::new(columns, &theme));
            prop_assert_eq!(&rendered.lines, &untraced.lines);
            prop_assert_eq!(rendered.glyphs.len(), rendered.lines.len());
            prop_assert!(untraced.glyphs.is_empty());
            for (glyph, shown) in glyphs(&rendered) {
                let taken = safe.as_str().get(glyph.source());
                let taken = taken.expect("a glyph is a piece of the text");
                prop_assert!(usize::from(glyph.at + glyph.width) <= usize::from(columns));
                let is_letter = shown.chars().all(char::is_alphanumeric) && !source.contains('&');
                prop_assert!(!is_letter || taken.contains(&shown), "{:?} for {:?}", taken, shown);
            }
        }
    }
}
