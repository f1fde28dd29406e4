use super::*;

fn key(code: KeyCode) -> KeyEvent {
    KeyEvent::new(code, KeyModifiers::NONE)
}

fn ctrl(c: char) -> KeyEvent {
    KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL)
}

fn write(composer: &mut Composer, text: &str) {
    for c in text.chars() {
        composer.on_key(key(KeyCode::Char(c)));
    }
}

fn composer(text: &str) -> Composer {
    let mut composer = Composer::new(false);
    composer.set_text(text);
    composer
}

#[test]
fn one_backspace_removes_one_grapheme() {
    let mut composer = composer("a👩‍👩‍👧‍👦e\u{301}");
    composer.on_key(key(KeyCode::Backspace));
    assert_eq!(composer.text(), "a👩‍👩‍👧‍👦");
    composer.on_key(key(KeyCode::Backspace));
    assert_eq!(composer.text(), "a");
    composer.on_key(key(KeyCode::Backspace));
    composer.on_key(key(KeyCode::Backspace));
    assert_eq!(composer.text(), "");
}

#[test]
fn moves_and_delete_go_by_grapheme() {
    let mut composer = composer("a👩‍👩‍👧b");
    composer.on_key(key(KeyCode::Left));
    composer.on_key(key(KeyCode::Left));
    composer.on_key(key(KeyCode::Delete));
    assert_eq!(composer.text(), "ab");
    composer.on_key(key(KeyCode::Right));
    write(&mut composer, "!");
    assert_eq!(composer.text(), "ab!");
}

#[test]
fn the_emacs_keys_edit_the_line() {
    let mut composer = composer("one two three");
    composer.on_key(ctrl('w'));
    assert_eq!(composer.text(), "one two ");
    composer.on_key(ctrl('y'));
    assert_eq!(composer.text(), "one two three");
    composer.on_key(ctrl('a'));
    composer.on_key(ctrl('k'));
    assert_eq!(composer.text(), "");
    composer.on_key(ctrl('y'));
    composer.on_key(ctrl('e'));
    composer.on_key(ctrl('u'));
    assert_eq!(composer.text(), "");
    composer.on_key(ctrl('7'));
    assert_eq!(composer.text(), "one two three");
}

#[test]
fn a_long_paste_is_one_placeholder_and_is_sent_whole() {
    let mut composer = composer("see ");
    let text = (1..=42).map(|n| format!("line {n}\r\n")).collect::<Vec<_>>().concat();
    composer.paste(text.clone());
    assert_eq!(composer.shown(), "see [pasted 42 lines]");
    assert_eq!(composer.text(), format!("see {}", text.replace("\r\n", "\n")));
    composer.on_key(key(KeyCode::Left));
    write(&mut composer, "x");
    assert_eq!(composer.shown(), "see x[pasted 42 lines]");
    composer.on_key(key(KeyCode::Delete));
    assert_eq!(composer.shown(), "see x");
}

#[test]
fn backspace_takes_a_placeholder_as_a_whole() {
    let mut composer = composer("");
    composer.paste("1\n2\n3\n4".to_owned());
    composer.on_key(key(KeyCode::Backspace));
    assert_eq!((composer.shown(), composer.text()), (String::new(), String::new()));
}

#[test]
fn a_placeholder_unfolds_at_the_cursor() {
    let mut composer = composer("a ");
    composer.paste("1\n2\u{1b}[2J\n3\n4".to_owned());
    composer.unfold_paste().unwrap();
    assert!(composer.shown().starts_with("a 1\n2"), "{}", composer.shown());
    assert!(!composer.shown().contains('\u{1b}'));
    assert!(composer.unfold_paste().is_err());
}

#[test]
fn hidden_characters_of_a_short_paste_stand_as_marks_and_are_sent_as_they_are() {
    let mut composer = composer("");
    let hidden = composer.paste("a\tb\u{202e}c".to_owned());
    assert_eq!(hidden, 1);
    assert!(!composer.shown().contains('\u{202e}'));
    assert_eq!(composer.text(), "a\tb\u{202e}c");
}

#[test]
fn a_text_comes_out_as_it_was_put_in() {
    for text in ["\tfn a() {\n\t\tb();\n\t}", "zero\u{200b}width \u{1b}[31m\r\nnext", "\u{feff}e\u{301}"] {
        let mut composer = composer(text);
        assert_eq!(composer.text(), text);
        write(&mut composer, "!");
        assert_eq!(composer.text(), format!("{text}!"));
    }
}

#[test]
fn what_is_drawn_of_hidden_characters_is_a_mark() {
    use ratatui::{Terminal, backend::TestBackend};
    let composer = composer("a\u{202e}b\u{1b}c\td");
    let mut terminal = Terminal::new(TestBackend::new(12, 1)).unwrap();
    terminal.draw(|frame| composer.view(frame, frame.area(), Style::default(), true)).unwrap();
    assert_eq!(terminal.backend().to_string().lines().next().unwrap(), "\"a·b␛c   d   \"");
}

#[test]
fn placeholders_survive_being_put_away_and_taken_out() {
    let mut composer = composer("see ");
    composer.paste("1\n\t2\n3\n4".to_owned());
    write(&mut composer, " or ü");
    let shown = composer.shown();
    let written = composer.take();
    assert_eq!(written.text, "see 1\n\t2\n3\n4 or ü");
    composer.put(&written.text, &written.folded);
    assert_eq!((composer.shown(), composer.written()), (shown.clone(), written.clone()));
    composer.edited_elsewhere("now: 1\n\t2\n3\n4");
    assert_eq!(composer.shown(), "now: [pasted 4 lines]");
    composer.put("ü", &[(1, 7)]);
    assert_eq!(composer.text(), "ü", "a damaged draft is shown whole");
}

#[test]
fn a_paste_of_ten_megabytes_is_quick() {
    let mut composer = composer("");
    let text = "some words in a line of text\n".repeat(10 * 1024 * 1024 / 29);
    let began = std::time::Instant::now();
    composer.paste(text.clone());
    write(&mut composer, " why?");
    let _ = composer.rows(80);
    // A debug build is some twenty times slower than what people run.
    assert!(began.elapsed() < std::time::Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(composer.text().len(), text.len() + 5);
}

#[test]
fn rows_follow_the_soft_wrap() {
    let composer = composer("aaaa bbbb cccc\nd");
    assert_eq!(composer.rows(80), 2);
    assert_eq!(composer.rows(9), 3);
    assert_eq!(composer.rows(5), 4);
}

#[test]
fn the_vim_layer_has_two_modes() {
    let mut composer = Composer::new(true);
    write(&mut composer, "one two");
    assert_eq!(composer.vim_mode(), Some("INSERT"));
    composer.on_key(key(KeyCode::Esc));
    assert_eq!(composer.vim_mode(), Some("NORMAL"));
    write(&mut composer, "0dwihello ");
    assert_eq!(composer.text().trim_start(), "hello two".trim_start());
    composer.on_key(key(KeyCode::Esc));
    write(&mut composer, "dd");
    assert_eq!(composer.text(), "");
    assert_eq!(composer.on_key(key(KeyCode::Esc)), Typed::Unused);
}

#[test]
fn attachments_are_listed_described_and_removed() {
    let mut composer = composer("");
    assert!(composer.attach("a.txt".into()));
    assert!(!composer.attach("a.txt".into()));
    assert!(!composer.is_blank());
    composer.inspected(std::path::Path::new("a.txt"), None);
    assert!(composer.attached().is_empty());
}
