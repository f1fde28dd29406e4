//! Which model to take for what: a task is chosen, and the models that suit it best are told, installed or not, each with what
//! spoke for it and against it.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Margin, Rect},
    text::{Line, Span},
    widgets::Paragraph,
};

use super::Out;
use crate::{
    api::{
        Fault, amount,
        fleet::Verdict,
        recommend::{Recommendation, Recommended, Task},
    },
    ui::{
        actions::Action,
        cx::Cx,
        msg::{Effect, ModelsCall},
        text::wrap::width,
        widgets::{
            modal,
            table::{broken, fit, fit_right, instead, row_style, safe},
        },
    },
};

/// Room for the reasons of the one under the cursor.
const REASONS: u16 = 9;

#[derive(Debug, Default)]
pub struct Advice {
    task: Task,
    found: Option<Result<Box<Recommended>, Fault>>,
    at: usize,
}

fn word(task: Task) -> &'static str {
    match task {
        Task::Chat => "talk",
        Task::Code => "code",
        Task::Vision => "images",
        Task::Embedding => "vectors",
        Task::Reasoning => "thinking",
        Task::Tools => "tools",
    }
}

impl Advice {
    /// With its first question.
    #[must_use]
    pub fn open() -> (Self, Vec<Effect>) {
        let advice = Self::default();
        let effects = advice.ask();
        (advice, effects)
    }

    fn ask(&self) -> Vec<Effect> {
        vec![Effect::Models(ModelsCall::Advise(self.task))]
    }

    pub fn on_found(&mut self, task: Task, found: Result<Box<Recommended>, Fault>) {
        // Whoever has gone on to another task waits for that one's answer.
        if task == self.task {
            self.found = Some(found);
            self.at = 0;
        }
    }

    fn turn(&mut self, forward: bool) -> Vec<Effect> {
        let many = Task::ALL.len();
        let at = Task::ALL.iter().position(|task| *task == self.task).unwrap_or_default();
        self.task = Task::ALL[(at + if forward { 1 } else { many - 1 }) % many];
        (self.found, self.at) = (None, 0);
        self.ask()
    }

    fn rows(&self) -> &[Recommendation] {
        match &self.found {
            Some(Ok(found)) => &found.rows,
            Some(Err(_)) | None => &[],
        }
    }

    /// `None` = not used.
    pub fn on_action(&mut self, action: Action) -> Option<Out> {
        let last = self.rows().len().saturating_sub(1);
        Some(match action {
            Action::ListUp => {
                self.at = self.at.saturating_sub(1);
                Out::Stay
            }
            Action::ListDown => {
                self.at = (self.at + 1).min(last);
                Out::Stay
            }
            Action::FocusNext => Out::Effects(self.turn(true)),
            Action::FocusPrevious => Out::Effects(self.turn(false)),
            Action::ListAccept => match self.rows().get(self.at) {
                Some(row) => Out::Filter(row.model.clone()),
                None => Out::Stay,
            },
            Action::ListClose | Action::Escape | Action::Interrupt => Out::Close,
            _ => return None,
        })
    }

    pub fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let hints = cx.hints(&[
            (Action::FocusNext, "another task"),
            (Action::ListAccept, "show it"),
            (Action::ListDown, "down"),
            (Action::ListClose, "back"),
        ]);
        let rows = self.rows().len().max(1) as u16;
        let wish = (84.min(area.width.saturating_sub(2)), (rows + REASONS + 5).min(area.height));
        let inner = modal::open(frame, area, cx, "Which model to take", wish, &hints).inner(Margin::new(1, 0));
        let [tasks, _, list, _, reasons] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(1),
            Constraint::Length(rows),
            Constraint::Length(1),
            Constraint::Min(0),
        ])
        .areas(inner);
        let mut line = Line::from(Span::styled("for ", cx.theme.dim));
        for task in Task::ALL {
            // Without colours the brackets tell which one it is.
            let is_on = task == self.task;
            let text = if is_on { format!("[{}]", word(task)) } else { format!(" {} ", word(task)) };
            line.push_span(Span::styled(text, if is_on { cx.theme.accent } else { cx.theme.dim }));
        }
        frame.render_widget(line, tasks);
        if self.rows().is_empty() {
            let fault = self.found.as_ref().and_then(|found| found.as_ref().err());
            let none = "No model is known that is for this and fits this machine.";
            let place = Rect { height: list.height + reasons.height + 1, ..list };
            return instead(frame, place, fault, self.found.is_none(), none, cx);
        }
        let room = usize::from(list.width);
        let lines: Vec<Line<'static>> =
            self.rows().iter().enumerate().map(|(at, row)| told(row, at == self.at, room, cx)).collect();
        frame.render_widget(Paragraph::new(lines), list);
        let Some(row) = self.rows().get(self.at) else { return };
        let lines: Vec<Line<'static>> = row
            .reasons
            .iter()
            .flat_map(|reason| broken(&format!("· {}", safe(reason)), cx.theme.text, usize::from(reasons.width)))
            .map(|line| line.after(Vec::new()))
            .collect();
        frame.render_widget(Paragraph::new(lines), reasons);
    }
}

/// `› gemma3:4b   ✓ here   3.3 GB   memory   41 tok/s   +3 −1`.
fn told(row: &Recommendation, selected: bool, room: usize, cx: &Cx) -> Line<'static> {
    let style = row_style(selected, true, cx);
    let verdict = if row.verdict == Verdict::Unknown { "—" } else { row.verdict.words() };
    let speed = row.speed.map_or_else(|| "—".to_owned(), |speed| format!("{speed:.0} tok/s"));
    let rated =
        if row.liked + row.disliked == 0 { String::new() } else { format!("+{} −{}", row.liked, row.disliked) };
    let facts = format!(
        " {} {}  {} {} {}",
        fit(if row.is_installed { "✓ here" } else { "·" }, 7),
        fit_right(&row.bytes.map_or_else(|| "—".to_owned(), amount::bytes), 8),
        fit(verdict, 12),
        fit_right(&speed, 10),
        fit(&rated, 6),
    );
    let name = room.saturating_sub(2 + width(&facts)).clamp(12, 32);
    let text = format!("{} {}{facts}", if selected { "›" } else { " " }, fit(&safe(&row.model), name));
    Line::styled(fit(&text, room), style)
}
