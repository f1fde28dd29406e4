//! The composer's editing keys: Emacs moves and kills, words, undo; graphemes and placeholders as units.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_textarea::{CursorMove, DataCursor};
use unicode_segmentation::UnicodeSegmentation as _;

use super::{
    Composer, typed_char,
    vim::{Command, Outcome},
};

/// Does what the key means; false when it means nothing.
pub fn apply(composer: &mut Composer, key: KeyEvent) -> bool {
    if let Some(vim) = &mut composer.vim {
        match vim.on_key(key) {
            Outcome::Pass => {}
            Outcome::Taken => return true,
            Outcome::Do(command) | Outcome::Change(command) => {
                run(composer, command);
                return true;
            }
        }
    }
    if let Some(c) = typed_char(key) {
        composer.insert(c);
        return true;
    }
    let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
    let alt = key.modifiers.contains(KeyModifiers::ALT);
    match key.code {
        KeyCode::Backspace if ctrl || alt => delete_word_back(composer),
        KeyCode::Backspace => delete_back(composer),
        KeyCode::Delete if ctrl || alt => delete_word_next(composer),
        KeyCode::Delete => delete_next(composer),
        KeyCode::Left if ctrl || alt => go(composer, CursorMove::WordBack),
        KeyCode::Right if ctrl || alt => go(composer, CursorMove::WordForward),
        KeyCode::Left => left(composer),
        KeyCode::Right => right(composer),
        KeyCode::Up => go(composer, CursorMove::Up),
        KeyCode::Down => go(composer, CursorMove::Down),
        KeyCode::Home if ctrl => go(composer, CursorMove::Top),
        KeyCode::End if ctrl => go(composer, CursorMove::Bottom),
        KeyCode::Home => go(composer, CursorMove::Head),
        KeyCode::End => go(composer, CursorMove::End),
        KeyCode::Char(c) if ctrl => return control(composer, c),
        KeyCode::Char(c) if alt => return meta(composer, c),
        _ => return false,
    }
    true
}

fn control(composer: &mut Composer, c: char) -> bool {
    match c.to_ascii_lowercase() {
        'a' => go(composer, CursorMove::Head),
        'e' => go(composer, CursorMove::End),
        'f' => right(composer),
        'w' => delete_word_back(composer),
        'u' => edit(composer, |c| c.area.delete_line_by_head()),
        'k' => edit(composer, |c| c.area.delete_line_by_end()),
        'y' => edit(composer, |c| c.area.paste()),
        'd' => delete_next(composer),
        'h' => delete_back(composer),
        // Ctrl+/ and Ctrl+_ are one byte, which crossterm names Ctrl+7.
        '7' | '_' | '/' => edit(composer, |c| c.area.undo()),
        _ => return false,
    }
    true
}

fn meta(composer: &mut Composer, c: char) -> bool {
    match c.to_ascii_lowercase() {
        'b' => go(composer, CursorMove::WordBack),
        'f' => go(composer, CursorMove::WordForward),
        'd' => delete_word_next(composer),
        'u' => edit(composer, |c| c.area.undo()),
        'r' => edit(composer, |c| c.area.redo()),
        _ => return false,
    }
    true
}

fn run(composer: &mut Composer, command: Command) {
    match command {
        Command::Left => {
            if composer.area.cursor().1 > 0 {
                left(composer);
            }
        }
        Command::Right => {
            let DataCursor(row, column) = composer.area.cursor();
            if column < composer.area.lines()[row].chars().count() {
                right(composer);
            }
        }
        Command::Up => go(composer, CursorMove::Up),
        Command::Down => go(composer, CursorMove::Down),
        Command::WordForward => go(composer, CursorMove::WordForward),
        Command::WordBack => go(composer, CursorMove::WordBack),
        Command::WordEnd => go(composer, CursorMove::WordEnd),
        Command::Head => go(composer, CursorMove::Head),
        Command::End => go(composer, CursorMove::End),
        Command::Top => go(composer, CursorMove::Top),
        Command::Bottom => go(composer, CursorMove::Bottom),
        Command::DeleteNext => delete_next(composer),
        Command::DeleteBack => delete_back(composer),
        Command::DeleteToEnd => edit(composer, |c| c.area.delete_line_by_end()),
        Command::DeleteToHead => edit(composer, |c| c.area.delete_line_by_head()),
        Command::DeleteWord => delete_to(composer, CursorMove::WordForward),
        Command::DeleteWordBack => delete_word_back(composer),
        Command::ClearLine => {
            composer.area.move_cursor(CursorMove::Head);
            edit(composer, |c| c.area.delete_line_by_end());
        }
        Command::DeleteLine => delete_line(composer),
        Command::YankLine => {
            let line = composer.area.lines()[composer.area.cursor().0].clone();
            composer.area.set_yank_text(line + "\n");
        }
        Command::Put => edit(composer, |c| c.area.paste()),
        Command::Undo => edit(composer, |c| c.area.undo()),
        Command::Redo => edit(composer, |c| c.area.redo()),
        Command::OpenBelow => {
            composer.area.move_cursor(CursorMove::End);
            composer.newline();
        }
        Command::OpenAbove => {
            composer.area.move_cursor(CursorMove::Head);
            composer.newline();
            composer.area.move_cursor(CursorMove::Up);
        }
    }
}

/// An edit that the editor does by itself.
fn edit(composer: &mut Composer, work: impl FnOnce(&mut Composer) -> bool) {
    if work(composer) {
        composer.edited();
    }
}

fn delete_word_back(composer: &mut Composer) {
    let before = composer.area.cursor();
    go(composer, CursorMove::WordBack);
    delete_between(composer, before);
}

fn delete_word_next(composer: &mut Composer) {
    let DataCursor(row, column) = composer.area.cursor();
    let line = &composer.area.lines()[row];
    if composer.pastes.beginning_at(line, column).is_some() {
        delete_next(composer);
    } else if column == line.chars().count() {
        edit(composer, |c| c.area.delete_next_char());
    } else {
        edit(composer, |c| c.area.delete_next_word());
    }
}

/// From the cursor up to where a move leads.
fn delete_to(composer: &mut Composer, to: CursorMove) {
    let before = composer.area.cursor();
    go(composer, to);
    let after = composer.area.cursor();
    if after.0 == before.0 {
        composer.move_to_column(before.1);
        composer.area.delete_str(after.1.saturating_sub(before.1));
    } else {
        composer.area.move_cursor(CursorMove::Up);
        composer.move_to_column(before.1);
        composer.area.delete_line_by_end();
    }
    composer.edited();
}

/// From the cursor, which has just moved back, up to where it was.
fn delete_between(composer: &mut Composer, end: DataCursor) {
    let DataCursor(row, column) = composer.area.cursor();
    if (row, column) == (end.0, end.1) {
        return;
    }
    let chars: usize =
        if row == end.0 { end.1 - column } else { composer.area.lines()[row].chars().count() - column + 1 + end.1 };
    composer.area.delete_str(chars);
    composer.edited();
}

fn delete_line(composer: &mut Composer) {
    let row = composer.area.cursor().0;
    let line = composer.area.lines()[row].clone();
    composer.area.move_cursor(CursorMove::Head);
    let length = line.chars().count();
    let is_last = row + 1 == composer.area.lines().len();
    composer.area.delete_str(if is_last { length } else { length + 1 });
    if is_last && row > 0 {
        composer.area.delete_char();
    }
    composer.area.set_yank_text(line + "\n");
    composer.edited();
}

fn go(composer: &mut Composer, to: CursorMove) {
    let before = composer.area.cursor();
    composer.area.move_cursor(to);
    let forward = composer.area.cursor() > before;
    composer.leave_placeholder(forward);
    settle_on_grapheme(composer);
}

fn left(composer: &mut Composer) {
    let DataCursor(row, column) = composer.area.cursor();
    match last_grapheme(&composer.area.lines()[row], column) {
        Some(chars) => composer.move_to_column(column - chars),
        None => composer.area.move_cursor(CursorMove::Back),
    }
    composer.leave_placeholder(false);
}

fn right(composer: &mut Composer) {
    let DataCursor(row, column) = composer.area.cursor();
    match next_grapheme(&composer.area.lines()[row], column) {
        Some(chars) => composer.move_to_column(column + chars),
        None => composer.area.move_cursor(CursorMove::Forward),
    }
    composer.leave_placeholder(true);
}

/// One grapheme, or one whole placeholder; the editor alone would take a family emoji apart.
fn delete_back(composer: &mut Composer) {
    let DataCursor(row, column) = composer.area.cursor();
    let line = &composer.area.lines()[row];
    let placeholder = composer.pastes.at(line, column, true).map(|(start, end, _)| (start, end));
    if let Some((start, end)) = placeholder {
        composer.move_to_column(start);
        composer.area.delete_str(end - start);
        composer.edited();
        return;
    }
    match last_grapheme(line, column) {
        Some(chars) => {
            composer.move_to_column(column - chars);
            composer.area.delete_str(chars);
            composer.edited();
        }
        None => edit(composer, |c| c.area.delete_char()),
    }
}

fn delete_next(composer: &mut Composer) {
    let DataCursor(row, column) = composer.area.cursor();
    let line = &composer.area.lines()[row];
    let chars =
        composer.pastes.beginning_at(line, column).map(|end| end - column).or_else(|| next_grapheme(line, column));
    match chars {
        Some(chars) => {
            composer.area.delete_str(chars);
            composer.edited();
        }
        None => edit(composer, |c| c.area.delete_next_char()),
    }
}

/// How many characters the grapheme before this column has; `None` at the line's beginning.
fn last_grapheme(line: &str, column: usize) -> Option<usize> {
    let end = line.char_indices().nth(column).map_or(line.len(), |(byte, _)| byte);
    line[..end].graphemes(true).next_back().map(|grapheme| grapheme.chars().count())
}

fn next_grapheme(line: &str, column: usize) -> Option<usize> {
    let start = line.char_indices().nth(column).map(|(byte, _)| byte)?;
    line[start..].graphemes(true).next().map(|grapheme| grapheme.chars().count())
}

/// A move by rows can land between the characters of one grapheme; it rests before it.
fn settle_on_grapheme(composer: &mut Composer) {
    let DataCursor(row, column) = composer.area.cursor();
    let line = &composer.area.lines()[row];
    if line.is_ascii() {
        return;
    }
    let mut start = 0;
    for grapheme in line.graphemes(true) {
        let end = start + grapheme.chars().count();
        if column > start && column < end {
            composer.move_to_column(start);
            return;
        }
        if end >= column {
            return;
        }
        start = end;
    }
}
