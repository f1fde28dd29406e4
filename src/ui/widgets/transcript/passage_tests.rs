//! Selecting, and noted passages that stay marked.

use proptest::prelude::*;
use ratatui::{Terminal, backend::TestBackend, style::Modifier};

use super::*;
use crate::{
    api::{NoteId, notes::NoteMark},
    ui::theme::Theme,
};

const ANSWER: &str = "Some **bold words** and `code`, then [a link](https://example.org) with 漢字 in it.\n\n\
                      | name | use |\n|---|---|\n| tokio | runs *tasks* |\n\n```rust\nlet x = 1;\n```\n\nThe end.";

struct Reader {
    transcript: Transcript,
    cx: Cx,
    highlights: Highlights,
    size: (u16, u16),
}

impl Reader {
    fn of(content: &str) -> Self {
        let message = crate::ui::testing::message(1, MessageRole::Assistant, content);
        let page = MessagePage { messages: vec![message], ..MessagePage::default() };
        let reader = Self {
            transcript: Transcript::new(page, ContextMeter::default()),
            cx: Cx::fixed(),
            highlights: Highlights::default(),
            size: (44, 20),
        };
        reader.draw();
        reader
    }

    fn draw(&self) -> ratatui::buffer::Buffer {
        let mut terminal = Terminal::new(TestBackend::new(self.size.0, self.size.1)).unwrap();
        let look = self.highlights.look(&self.cx);
        terminal.draw(|frame| self.transcript.view(frame, frame.area(), &look, true)).unwrap();
        terminal.backend().buffer().clone()
    }

    fn act<T>(&mut self, act: impl FnOnce(&mut Transcript, &Look) -> T) -> T {
        let look = self.highlights.look(&self.cx);
        act(&mut self.transcript, &look)
    }

    fn moves(&mut self, motions: &[Motion]) -> String {
        for motion in motions {
            self.act(|transcript, look| transcript.move_visual(*motion, look));
        }
        self.selected()
    }

    fn selected(&mut self) -> String {
        self.act(|transcript, look| transcript.selection(look)).map(|selected| selected.text).unwrap_or_default()
    }

    /// What is drawn marked, line by line.
    fn marked(&self, modifier: Modifier) -> String {
        let buffer = self.draw();
        let mut text = String::new();
        for y in 0..self.size.1 {
            // The header and its marks are no text of the message.
            let mut skip = 0;
            for x in 2..self.size.0 {
                let cell = &buffer[(x, y)];
                if skip > 0 {
                    skip -= 1;
                    continue;
                }
                skip = crate::ui::text::wrap::width(cell.symbol()).saturating_sub(1);
                if cell.modifier.contains(modifier) {
                    text.push_str(cell.symbol());
                }
            }
        }
        text
    }

    fn note(&mut self, chars: (u32, u32)) {
        let id = self.transcript.items[0].message.id;
        let mark = NoteMark { id: NoteId(uuid::Uuid::nil()), chars: Some(chars) };
        self.transcript.set_notes(id, |marks| marks.push(mark));
    }
}

fn chars_of(text: &str, words: &str) -> (u32, u32) {
    let at = text.find(words).unwrap();
    let first = text[..at].chars().count() as u32;
    (first, first + words.chars().count() as u32)
}

#[test]
fn the_cursor_goes_by_letter_word_and_line_and_takes_the_source_along() {
    use Motion::{Bottom, Down, Left, LineEnd, LineStart, Right, Top, Up, WordBack, WordForward};
    let mut reader = Reader::of(ANSWER);
    assert!(reader.act(Transcript::begin_visual));
    assert_eq!(reader.selected(), "S");
    assert_eq!(reader.moves(&[Right, Right]), "Som");
    assert_eq!(reader.moves(&[WordForward]), "Some **b");
    assert_eq!(reader.moves(&[WordForward, WordForward]), "Some **bold words** a");
    assert_eq!(reader.moves(&[WordBack]), "Some **bold w");
    assert_eq!(reader.moves(&[Left, Left]), "Some **bold");
    assert_eq!(reader.moves(&[Bottom]), ANSWER);
    assert_eq!(reader.moves(&[Top]), "S");
    let line = reader.moves(&[LineEnd]);
    assert!(line.starts_with("Some **bold words** and `code`, then [a"), "{line}");
    assert!(reader.moves(&[Down, Down]).contains("[a link](https://example.org)"));
    assert_eq!(reader.moves(&[Up, Up, LineStart]), "S");
}

#[test]
fn wide_and_combining_letters_are_one_step_each() {
    let mut reader = Reader::of("漢字e\u{301}👨\u{200d}👩\u{200d}👧x");
    reader.act(Transcript::begin_visual);
    let mut seen = vec![reader.selected()];
    for _ in 0..4 {
        seen.push(reader.moves(&[Motion::Right]));
    }
    assert_eq!(seen[1..3], ["漢字", "漢字e\u{301}"]);
    assert_eq!(seen[4], "漢字e\u{301}👨\u{200d}👩\u{200d}👧x");
}

#[test]
fn a_selection_and_a_noted_passage_stay_the_same_when_the_window_changes() {
    let words = "words** and `code`, then [a link](https://example.org) with 漢字";
    let mut reader = Reader::of(ANSWER);
    reader.note(chars_of(ANSWER, words));
    reader.act(Transcript::begin_visual);
    let selection = reader.moves(&[Motion::WordForward, Motion::WordForward, Motion::Down]);
    let letters = |text: &str| text.chars().filter(|letter| letter.is_alphanumeric()).collect::<String>();
    let visible = "wordsandcodethenalinkwith漢字";
    for theme in [Theme::dark(), Theme::plain()] {
        reader.cx.theme = theme;
        for width in [90, 44, 24, 17, 60] {
            reader.size = (width, 40);
            let marked = letters(&reader.marked(Modifier::UNDERLINED));
            // The link is underlined anyway.
            assert!(marked.contains(visible), "{width}: {marked}");
            assert!(!marked.contains("bold") && !marked.contains("init"), "{width}: {marked}");
            assert_eq!(reader.selected(), selection, "{width}");
        }
    }
    reader.act(|transcript, _| transcript.end_visual());
    assert_eq!(reader.selected(), "");
}

#[test]
fn a_passage_in_a_table_and_in_code_is_marked_where_it_stands_and_nowhere_else() {
    for (words, visible) in [("runs *tasks", "runstasks"), ("x = 1", "x1"), ("tokio | runs", "tokioruns")] {
        let mut reader = Reader::of(ANSWER);
        reader.cx.theme = Theme::plain();
        reader.note(chars_of(ANSWER, words));
        let with = reader.marked(Modifier::UNDERLINED).replace("alink", "").replace("a link", "");
        let letters: String = with.chars().filter(|letter| letter.is_alphanumeric()).collect();
        assert_eq!(letters, visible, "{words}");
    }
}

#[test]
fn going_to_a_passage_far_below_brings_it_on_the_screen() {
    let content = format!("{}\n\nneedle here\n\n{}", "above\n\n".repeat(100), "below\n\n".repeat(100));
    let mut reader = Reader::of(&content);
    let id = reader.transcript.items[0].message.id;
    let chars = chars_of(&content, "needle");
    assert!(reader.act(|transcript, look| transcript.show_passage(id, Some(chars), look)));
    let buffer = reader.draw();
    let screen: String = buffer.content.iter().map(ratatui::buffer::Cell::symbol).collect();
    assert!(screen.contains("needle here"), "{screen}");
}

#[test]
fn what_is_shown_only_when_asked_for_is_unfolded_for_its_passage() {
    let content = format!("{}\n\nneedle here", "many words\n\n".repeat(6000));
    let mut reader = Reader::of(&content);
    let id = reader.transcript.items[0].message.id;
    reader.act(|transcript, look| transcript.show_passage(id, Some(chars_of(&content, "needle")), look));
    let screen: String = reader.draw().content.iter().map(ratatui::buffer::Cell::symbol).collect();
    assert!(screen.contains("needle here"), "{screen}");
}

#[test]
fn the_mouse_selects_from_where_it_went_down_to_where_it_is() {
    let mut reader = Reader::of("one two three\n\nfour five");
    // Row 0 is the header; the text begins after two columns.
    assert!(reader.act(|transcript, look| transcript.drag(1, 2 + 4, true, look)));
    assert_eq!(reader.selected(), "t");
    reader.act(|transcript, look| transcript.drag(1, 2 + 6, false, look));
    assert_eq!(reader.selected(), "two");
    reader.act(|transcript, look| transcript.drag(3, 2 + 3, false, look));
    assert_eq!(reader.selected(), "two three\n\nfour");
    reader.act(|transcript, look| transcript.drag(1, 2, false, look));
    assert_eq!(reader.selected(), "one t", "also backwards");
}

#[test]
fn a_letter_that_is_wider_than_the_line_is_shown_as_one_mark_and_is_selected_whole() {
    // Oriya and Tamil signs that no script puts together: one grapheme of three columns, in the two that are left.
    let content = "\u{b4b}\u{bca}";
    let mut reader = Reader::of(content);
    reader.size = (5, 12);
    reader.draw();
    assert!(reader.act(Transcript::begin_visual));
    assert_eq!(reader.selected(), content);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_text_and_no_way_through_it_breaks_the_selection(
        content in "(\\PC|[ \n\t\u{1b}>*_`|#-]){0,60}", steps in prop::collection::vec(0usize..10, 0..20), width in 4u16..50,
    ) {
        use Motion::{Bottom, Down, Left, LineEnd, LineStart, Right, Top, Up, WordBack, WordForward};
        let all = [Left, Right, Up, Down, WordForward, WordBack, LineStart, LineEnd, Top, Bottom];
        let mut reader = Reader::of(&content);
        reader.size = (width, 12);
        reader.draw();
        if reader.act(Transcript::begin_visual) {
            for step in steps {
                reader.act(|transcript, look| transcript.move_visual(all[step], look));
                reader.draw();
                let selected = reader.act(|transcript, look| transcript.selection(look)).expect("something is selected");
                let (first, end) = selected.chars;
                let own: String = content.chars().skip(first as usize).take((end - first) as usize).collect();
                prop_assert_eq!(&own, &selected.text, "characters of the stored text");
                prop_assert!(!own.is_empty());
            }
        }
    }
}
