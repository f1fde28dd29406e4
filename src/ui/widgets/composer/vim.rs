//! The small vim layer: normal and insert mode over the composer's own moves. Not a vim: no visual mode, no counts, no
//! registers. In insert mode every key but Esc is the composer's.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    Normal,
    #[default]
    Insert,
}

#[derive(Debug, Default)]
pub struct Vim {
    pub mode: Mode,
    /// The first key of a command of two: `d`, `c`, `y` or `g`.
    pending: Option<char>,
}

/// What a normal-mode key asks the composer to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    Left,
    Right,
    Up,
    Down,
    WordForward,
    WordBack,
    WordEnd,
    Head,
    End,
    Top,
    Bottom,
    DeleteNext,
    DeleteBack,
    DeleteToEnd,
    DeleteToHead,
    DeleteWord,
    DeleteWordBack,
    DeleteLine,
    ClearLine,
    YankLine,
    Put,
    Undo,
    Redo,
    OpenBelow,
    OpenAbove,
}

/// What became of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Insert mode, or a key that vim gives no meaning: the composer's own handling applies.
    Pass,
    /// Taken; nothing to do (a mode change, or the first half of a command).
    Taken,
    Do(Command),
    /// The command, then insert mode.
    Change(Command),
}

impl Vim {
    pub fn on_key(&mut self, key: KeyEvent) -> Outcome {
        match self.mode {
            Mode::Insert if key.code == KeyCode::Esc => {
                self.mode = Mode::Normal;
                Outcome::Do(Command::Left)
            }
            Mode::Insert => Outcome::Pass,
            Mode::Normal => self.normal(key),
        }
    }

    fn normal(&mut self, key: KeyEvent) -> Outcome {
        let KeyCode::Char(c) = key.code else {
            // A pending half command is given up; Esc then is free for the screen.
            return if self.pending.take().is_some() && key.code == KeyCode::Esc {
                Outcome::Taken
            } else {
                Outcome::Pass
            };
        };
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return if c == 'r' { Outcome::Do(Command::Redo) } else { Outcome::Pass };
        }
        if key.modifiers.contains(KeyModifiers::ALT) {
            return Outcome::Pass;
        }
        match self.pending.take() {
            Some(first) => self.second(first, c),
            None => self.first(c),
        }
    }

    fn first(&mut self, c: char) -> Outcome {
        let change = |vim: &mut Self, command| {
            vim.mode = Mode::Insert;
            Outcome::Change(command)
        };
        match c {
            'd' | 'c' | 'y' | 'g' => {
                self.pending = Some(c);
                Outcome::Taken
            }
            'h' => Outcome::Do(Command::Left),
            'l' | ' ' => Outcome::Do(Command::Right),
            'k' => Outcome::Do(Command::Up),
            'j' => Outcome::Do(Command::Down),
            'w' => Outcome::Do(Command::WordForward),
            'b' => Outcome::Do(Command::WordBack),
            'e' => Outcome::Do(Command::WordEnd),
            '0' | '^' => Outcome::Do(Command::Head),
            '$' => Outcome::Do(Command::End),
            'G' => Outcome::Do(Command::Bottom),
            'x' => Outcome::Do(Command::DeleteNext),
            'X' => Outcome::Do(Command::DeleteBack),
            'D' => Outcome::Do(Command::DeleteToEnd),
            'C' => change(self, Command::DeleteToEnd),
            'S' => change(self, Command::ClearLine),
            's' => change(self, Command::DeleteNext),
            'p' | 'P' => Outcome::Do(Command::Put),
            'u' => Outcome::Do(Command::Undo),
            'o' => change(self, Command::OpenBelow),
            'O' => change(self, Command::OpenAbove),
            'a' => change(self, Command::Right),
            'A' => change(self, Command::End),
            'I' => change(self, Command::Head),
            'i' => {
                self.mode = Mode::Insert;
                Outcome::Taken
            }
            // `?` opens help and `/` begins a command, as in an empty composer; other letters do nothing in normal mode.
            '?' | '/' => Outcome::Pass,
            _ => Outcome::Taken,
        }
    }

    fn second(&mut self, first: char, c: char) -> Outcome {
        let command = match (first, c) {
            ('g', 'g') => Command::Top,
            ('y', 'y') => Command::YankLine,
            ('d', 'd') => Command::DeleteLine,
            ('c', 'c') => Command::ClearLine,
            ('d' | 'c', 'w' | 'e') => Command::DeleteWord,
            ('d' | 'c', 'b') => Command::DeleteWordBack,
            ('d' | 'c', '$') => Command::DeleteToEnd,
            ('d' | 'c', '0' | '^') => Command::DeleteToHead,
            _ => return Outcome::Taken,
        };
        if first == 'c' {
            self.mode = Mode::Insert;
            return Outcome::Change(command);
        }
        Outcome::Do(command)
    }
}
