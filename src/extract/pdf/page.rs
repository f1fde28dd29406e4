//! What a page shows, read off its operators.

use std::{collections::HashMap, rc::Rc};

use super::{
    file::File,
    fonts::{Font, Said},
    value::{Dict, Lexer, Value},
};
use crate::extract::{Refusal, budget::Budget};

/// Forms in forms.
const DEPTH: u32 = 8;
/// What may be held for one operator, and graphics states that are saved at once.
const OPERANDS: usize = 4096;
const SAVED: usize = 256;

pub type Fonts = HashMap<u32, Rc<Font>>;

/// `[a b c d e f]` of the format: where something lands.
#[derive(Clone, Copy, Debug)]
struct Matrix([f64; 6]);

impl Matrix {
    const NONE: Self = Self([1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);

    fn then(self, next: Self) -> Self {
        let (one, two) = (self.0, next.0);
        let along = |row: usize, column: usize| one[row] * two[column] + one[row + 1] * two[column + 2];
        Self([along(0, 0), along(0, 1), along(2, 0), along(2, 1), along(4, 0) + two[4], along(4, 1) + two[5]])
    }

    fn moved(self, x: f64, y: f64) -> Self {
        Self([1.0, 0.0, 0.0, 1.0, x, y]).then(self)
    }

    fn of(values: &[Value]) -> Option<Self> {
        let numbers: Vec<f64> = values.iter().filter_map(Value::number).collect();
        numbers.first_chunk().map(|six| Self(*six))
    }
}

#[derive(Clone)]
struct State {
    whole: Matrix,
    font: Option<Rc<Font>>,
    size: f64,
    between_letters: f64,
    between_words: f64,
    stretch: f64,
    leading: f64,
}

/// Where the last letter ended, and how large it was.
#[derive(Clone, Copy)]
struct End {
    x: f64,
    y: f64,
    size: f64,
}

pub struct Page<'a> {
    file: &'a File<'a>,
    fonts: &'a mut Fonts,
    text: &'a mut String,
    end: Option<End>,
    pub known: u64,
    pub unknown: u64,
}

impl<'a> Page<'a> {
    pub fn new(file: &'a File<'a>, fonts: &'a mut Fonts, text: &'a mut String) -> Self {
        Self { file, fonts, text, end: None, known: 0, unknown: 0 }
    }

    pub fn read(&mut self, page: &Dict, budget: &mut Budget) -> Result<(), Refusal> {
        let parts = match (page.get("Contents"), self.file.resolved(page.get("Contents"), budget)?) {
            (_, Value::List(parts)) => parts,
            (Some(one), _) => vec![one.clone()],
            (None, _) => return Ok(()),
        };
        let mut content = Vec::new();
        for part in parts.iter().filter_map(Value::reference) {
            if let Some((_, data)) = self.file.stream(part, budget)? {
                content.extend_from_slice(&data);
                content.push(b'\n');
            }
        }
        let resources = self.file.dict(page.get("Resources"), budget)?;
        self.run(&content, &resources, Matrix::NONE, 0, budget)
    }

    fn run(
        &mut self,
        content: &[u8],
        resources: &Dict,
        whole: Matrix,
        depth: u32,
        budget: &mut Budget,
    ) -> Result<(), Refusal> {
        let mut run = Run {
            resources,
            depth,
            state: State {
                whole,
                font: None,
                size: 1.0,
                between_letters: 0.0,
                between_words: 0.0,
                stretch: 1.0,
                leading: 0.0,
            },
            saved: Vec::new(),
            at: Matrix::NONE,
            line: Matrix::NONE,
        };
        let mut lexer = Lexer::new(content, 0);
        let mut operands: Vec<Value> = Vec::new();
        loop {
            let value = match lexer.next(budget) {
                Ok(Some(value)) => value,
                // Where the rest of a part cannot be read, what came before it was.
                Ok(None) | Err(Refusal::Broken) => return Ok(()),
                Err(refusal) => return Err(refusal),
            };
            let Value::Word(word) = value else {
                if operands.len() < OPERANDS {
                    operands.push(value);
                }
                continue;
            };
            if &*word == "BI" {
                lexer.skip_picture();
            } else {
                self.operator(&word, &operands, &mut run, budget)?;
            }
            operands.clear();
        }
    }

    fn operator(
        &mut self,
        word: &str,
        operands: &[Value],
        run: &mut Run<'_>,
        budget: &mut Budget,
    ) -> Result<(), Refusal> {
        let number = |at: usize| operands.get(at).and_then(Value::number).unwrap_or(0.0);
        match word {
            "q" if run.saved.len() < SAVED => run.saved.push(run.state.clone()),
            "Q" => run.state = run.saved.pop().unwrap_or_else(|| run.state.clone()),
            "cm" => {
                if let Some(matrix) = Matrix::of(operands) {
                    run.state.whole = matrix.then(run.state.whole);
                }
            }
            "BT" => (run.at, run.line) = (Matrix::NONE, Matrix::NONE),
            "Tc" => run.state.between_letters = number(0),
            "Tw" => run.state.between_words = number(0),
            "Tz" => run.state.stretch = number(0) / 100.0,
            "TL" => run.state.leading = number(0),
            "Tf" => {
                run.state.size = number(1);
                if let Some(name) = operands.first().and_then(Value::name) {
                    run.state.font = self.font(run.resources, name, budget)?;
                }
            }
            "Td" => run.next_line(number(0), number(1)),
            "TD" => {
                run.state.leading = -number(1);
                run.next_line(number(0), number(1));
            }
            "T*" => run.next_line(0.0, -run.state.leading),
            "Tm" => {
                if let Some(matrix) = Matrix::of(operands) {
                    (run.at, run.line) = (matrix, matrix);
                }
            }
            "Tj" => self.show_all(operands, run, budget)?,
            "TJ" => self.show_all(operands.first().and_then(Value::list).unwrap_or_default(), run, budget)?,
            "'" => {
                run.next_line(0.0, -run.state.leading);
                self.show_all(operands, run, budget)?;
            }
            "\"" => {
                (run.state.between_words, run.state.between_letters) = (number(0), number(1));
                run.next_line(0.0, -run.state.leading);
                self.show_all(operands.get(2..).unwrap_or_default(), run, budget)?;
            }
            "Do" => {
                if let Some(name) = operands.first().and_then(Value::name) {
                    self.form(name, run, budget)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn font(&mut self, resources: &Dict, name: &str, budget: &mut Budget) -> Result<Option<Rc<Font>>, Refusal> {
        let fonts = self.file.dict(resources.get("Font"), budget)?;
        let Some(value) = fonts.get(name) else { return Ok(None) };
        let number = value.reference();
        if let Some(known) = number.and_then(|number| self.fonts.get(&number)) {
            return Ok(Some(Rc::clone(known)));
        }
        let font = Rc::new(Font::open(self.file, &self.file.dict(Some(value), budget)?, budget)?);
        if let Some(number) = number {
            self.fonts.insert(number, Rc::clone(&font));
        }
        Ok(Some(font))
    }

    /// A part of a page that is kept apart and put in here.
    fn form(&mut self, name: &str, run: &Run<'_>, budget: &mut Budget) -> Result<(), Refusal> {
        let objects = self.file.dict(run.resources.get("XObject"), budget)?;
        let Some(number) = objects.get(name).and_then(Value::reference).filter(|_| run.depth < DEPTH) else {
            return Ok(());
        };
        let known = self.file.dict(Some(&Value::Ref(number)), budget)?;
        if known.get("Subtype").and_then(Value::name) != Some("Form") {
            return Ok(());
        }
        let Some((dict, content)) = self.file.stream(number, budget)? else { return Ok(()) };
        let own = match dict.get("Resources") {
            Some(own) => self.file.dict(Some(own), budget)?,
            None => run.resources.clone(),
        };
        let matrix = match self.file.resolved(dict.get("Matrix"), budget)? {
            Value::List(matrix) => Matrix::of(&matrix).unwrap_or(Matrix::NONE),
            _ => Matrix::NONE,
        };
        self.run(&content, &own, matrix.then(run.state.whole), run.depth + 1, budget)
    }

    /// Texts, and between them numbers that say how far the next one is moved back.
    fn show_all(&mut self, values: &[Value], run: &mut Run<'_>, budget: &mut Budget) -> Result<(), Refusal> {
        for value in values {
            match value {
                Value::Text(text) => self.show(text, run, budget)?,
                Value::Number(back) => {
                    let along = -back / 1000.0 * run.state.size * run.state.stretch;
                    run.at = run.at.moved(along, 0.0);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn show(&mut self, mut text: &[u8], run: &mut Run<'_>, budget: &mut Budget) -> Result<(), Refusal> {
        let Some(font) = run.state.font.clone() else { return Ok(()) };
        let mut is_first = true;
        while let Some(glyph) = font.take(&mut text) {
            budget.step()?;
            let State { size, stretch, between_letters, between_words, whole, .. } = run.state;
            if std::mem::take(&mut is_first) {
                self.separate(run.at.then(whole), size, font.is_measured);
            }
            match glyph.text {
                Some(Said::Text(text)) => {
                    self.known += 1;
                    self.text.extend(text.chars().filter(|letter| !letter.is_control()));
                }
                Some(Said::Letter(letter)) => {
                    self.known += 1;
                    self.text.extend(Some(letter).filter(|letter| !letter.is_control()));
                }
                None => {
                    self.unknown += 1;
                    self.text.push(char::REPLACEMENT_CHARACTER);
                }
            }
            let words = if glyph.is_space { between_words } else { 0.0 };
            run.at = run.at.moved((glyph.width * size + between_letters + words) * stretch, 0.0);
        }
        let Matrix([_, _, _, _, x, y]) = run.at.then(run.state.whole);
        self.end = self.end.map(|end| End { x, y, ..end });
        budget.has_room_for(self.text)
    }

    /// The space or the line between what was shown last and what stands here.
    fn separate(&mut self, here: Matrix, size: f64, is_measured: bool) {
        let Matrix([a, b, _, _, x, y]) = here;
        let long = a.hypot(b);
        let size = (size * long).abs();
        let before = self.end.replace(End { x, y, size });
        let Some(before) = before else { return };
        let (right, up) = if long > 0.0 { (a / long, b / long) } else { (1.0, 0.0) };
        let (dx, dy) = (x - before.x, y - before.y);
        let (along, across) = (dx * right + dy * up, (dy * right - dx * up).abs());
        let high = size.max(before.size);
        // Where widths are guessed, only a wide gap says anything.
        let share = if is_measured { 0.15 } else { 0.8 };
        let gap = share * size.min(before.size);
        let separator = if across > high * 2.2 {
            "\n\n"
        } else if across > high * 0.5 || along < -high {
            "\n"
        } else if along > gap && !self.text.ends_with(char::is_whitespace) {
            " "
        } else {
            ""
        };
        self.text.push_str(separator);
    }
}

/// What changes while one row of operators is read.
struct Run<'a> {
    resources: &'a Dict,
    depth: u32,
    state: State,
    saved: Vec<State>,
    at: Matrix,
    line: Matrix,
}

impl Run<'_> {
    fn next_line(&mut self, x: f64, y: f64) {
        self.line = self.line.moved(x, y);
        self.at = self.line;
    }
}
