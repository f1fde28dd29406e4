//! The same question to two to four models, beside each other as the answers arrive: what each model is, how far it is, what
//! it says.
//!
//! A preview only, as everywhere: the stored answers are branches of the conversation, and closing this loses nothing.
//! Where there is no room for all columns, those around the selected one are shown.

use std::cell::RefCell;

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::{Line, Span},
};

use super::modal;
use crate::{
    api::{
        ConversationId, Fault, MessageId, TurnId, amount,
        chat::{Message, MessageState, TurnEvent, TurnStarted},
        fleet::{Fit, Verdict},
        models::Model,
    },
    safe_text::SafeText,
    ui::{
        actions::Action,
        cx::Cx,
        msg::CompareFigures,
        text::{markdown::Look, stream::Stream, wrap::clip},
    },
};

const UNKNOWN: &str = "—";
/// A narrower column is not read.
const NARROWEST: u16 = 28;
/// Lines about a model over what it says.
const ABOUT: usize = 4;
/// Lines that a page moves.
const PAGE: usize = 8;

/// What the person decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompareOut {
    Stay,
    /// All that run.
    Stop(Vec<TurnId>),
    /// All answers stay as branches.
    Close,
    /// This one stays on view, the others go to the trash.
    Keep {
        answer: MessageId,
        model: String,
        others: Vec<MessageId>,
    },
    Copy(String),
    /// Why that cannot be done, in words.
    Tell(&'static str),
}

#[derive(Debug)]
enum State {
    Beginning,
    Queued(u32),
    Waiting,
    Thinking,
    Answering,
    Ended(Box<Message>),
    /// It could not be begun, or did not end well: why.
    Failed(String),
}

struct Column {
    model: String,
    /// What it is, whether it fits, how it did here so far: a line each, made safe; empty = not known.
    about: [String; ABOUT],
    turn: Option<TurnId>,
    answer: Option<MessageId>,
    state: State,
    text: RefCell<Stream>,
    raw: String,
    /// The first line shown; `None` = it follows the end.
    first: Option<usize>,
}

pub struct Compare {
    /// Known once the turns have begun.
    pub conversation: Option<ConversationId>,
    columns: Vec<Column>,
    at: usize,
    begun: bool,
    /// What came before it was known whose it is.
    early: Vec<(ConversationId, TurnId, MessageId, TurnEvent)>,
    stopping: bool,
}

impl std::fmt::Debug for Compare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compare").field("columns", &self.columns.len()).finish_non_exhaustive()
    }
}

impl Compare {
    /// `known`: what is known of installed models.
    #[must_use]
    pub fn new(models: &[String], known: &[Model]) -> Self {
        let columns = models.iter().map(|name| Column {
            model: name.clone(),
            about: known.iter().find(|model| model.name == *name).map(about).unwrap_or_default(),
            turn: None,
            answer: None,
            state: State::Beginning,
            text: RefCell::default(),
            raw: String::new(),
            first: None,
        });
        Self { conversation: None, columns: columns.collect(), at: 0, begun: false, early: Vec::new(), stopping: false }
    }

    pub fn set_figures(&mut self, known: &CompareFigures) {
        for column in &mut self.columns {
            if let Some((_, fit)) = known.fits.iter().find(|(model, _)| *model == column.model) {
                column.about[2] = fits(fit);
            }
            let of = known.used.models.iter().find(|one| one.model.eq_ignore_ascii_case(&column.model));
            let Some(of) = of else { continue };
            let figures = of.everybody.as_ref().unwrap_or(&of.own);
            let mut parts = Vec::new();
            parts.extend(figures.tokens_per_second.map(|speed| format!("{speed:.0} tok/s so far")));
            if figures.liked + figures.disliked > 0 {
                parts.push(format!("liked {} of {}", figures.liked, figures.liked + figures.disliked));
            }
            column.about[3] = parts.join(" · ");
        }
    }

    /// The turns that were begun, in the order of the models, or why one was not.
    /// Gives back what came early and belongs to others.
    pub fn begin(
        &mut self,
        conversation: Option<ConversationId>,
        turns: Vec<Result<TurnStarted, Fault>>,
    ) -> Vec<(ConversationId, TurnId, MessageId, TurnEvent)> {
        self.begun = true;
        self.conversation = conversation;
        for (column, turn) in self.columns.iter_mut().zip(turns) {
            match turn {
                Ok(started) => {
                    (column.turn, column.answer) = (Some(started.turn), Some(started.answer.id));
                    column.state = State::Waiting;
                }
                Err(fault) => column.state = State::Failed(fault.to_string()),
            }
        }
        let early = std::mem::take(&mut self.early);
        early
            .into_iter()
            .filter(|(conversation, turn, answer, event)| !self.on_turn(*conversation, *turn, *answer, event))
            .collect()
    }

    /// Whether the event is of one of these answers.
    pub fn on_turn(
        &mut self,
        conversation: ConversationId,
        turn: TurnId,
        answer: MessageId,
        event: &TurnEvent,
    ) -> bool {
        if !self.begun {
            self.early.push((conversation, turn, answer, event.clone()));
            return true;
        }
        let Some(column) = self.columns.iter_mut().find(|column| column.turn == Some(turn)) else { return false };
        match event {
            TurnEvent::Queued { before } => column.state = State::Queued(*before),
            TurnEvent::Waiting => column.state = State::Waiting,
            TurnEvent::Delta(delta) => {
                let thinks = delta.content.is_empty() && column.raw.is_empty();
                column.state = if thinks { State::Thinking } else { State::Answering };
                column.text.get_mut().push(&delta.content);
                column.raw.push_str(&delta.content);
            }
            TurnEvent::Ended { answer, fault, .. } => {
                // What is stored takes the place of the preview.
                let mut text = Stream::begun(&answer.content);
                text.finish();
                *column.text.get_mut() = text;
                column.raw.clone_from(&answer.content);
                column.state = match fault {
                    Some(fault) => State::Failed(fault.to_string()),
                    None => State::Ended(answer.clone()),
                };
            }
        }
        true
    }

    /// Whether an answer is still to come.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.columns.iter().any(|column| !matches!(column.state, State::Ended(_) | State::Failed(_)))
    }

    /// The answers that run and wait.
    fn running(&self) -> Vec<TurnId> {
        let open = |column: &&Column| !matches!(column.state, State::Ended(_) | State::Failed(_));
        self.columns.iter().filter(open).filter_map(|column| column.turn).collect()
    }

    /// Whether anything was stored that could be gone to.
    #[must_use]
    pub fn has_answers(&self) -> bool {
        self.columns.iter().any(|column| column.answer.is_some())
    }

    /// `None` = not used.
    pub fn on_action(&mut self, action: Action) -> Option<CompareOut> {
        let last = self.columns.len() - 1;
        match action {
            Action::CompareLeft => self.at = if self.at == 0 { last } else { self.at - 1 },
            Action::CompareRight => self.at = if self.at == last { 0 } else { self.at + 1 },
            Action::CompareUp => self.scroll(-1),
            Action::CompareDown => self.scroll(1),
            Action::ComparePageUp => self.scroll(-(PAGE as isize)),
            Action::ComparePageDown => self.scroll(PAGE as isize),
            Action::CompareTop => self.columns[self.at].first = Some(0),
            Action::CompareBottom => self.columns[self.at].first = None,
            Action::CompareKeep => return Some(self.keep()),
            Action::CompareKeepAll | Action::Escape | Action::Interrupt if self.is_running() => {
                if action == Action::CompareKeepAll {
                    return Some(CompareOut::Tell("The answers are still arriving; Esc stops them."));
                }
                if self.stopping || !self.begun {
                    return Some(CompareOut::Tell("The answers are being stopped."));
                }
                self.stopping = true;
                return Some(CompareOut::Stop(self.running()));
            }
            Action::CompareKeepAll | Action::Escape | Action::Interrupt => return Some(CompareOut::Close),
            Action::CompareCopy => return Some(CompareOut::Copy(self.columns[self.at].raw.clone())),
            _ => return None,
        }
        Some(CompareOut::Stay)
    }

    fn keep(&self) -> CompareOut {
        if self.is_running() {
            return CompareOut::Tell("The answers are still arriving; Esc stops them.");
        }
        let column = &self.columns[self.at];
        let Some(answer) = column.answer else { return CompareOut::Tell("There is no answer here to keep.") };
        let others = self.columns.iter().filter_map(|other| other.answer).filter(|other| *other != answer);
        CompareOut::Keep { answer, model: column.model.clone(), others: others.collect() }
    }

    fn scroll(&mut self, by: isize) {
        let column = &mut self.columns[self.at];
        let lines = column.text.borrow().rendered().lines.len();
        let first = column.first.unwrap_or(lines.saturating_sub(PAGE)).saturating_add_signed(by);
        column.first = Some(first.min(lines.saturating_sub(1)));
    }

    pub fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let hints = if self.is_running() {
            cx.hints(&[(Action::Escape, "stop all"), (Action::CompareRight, "next"), (Action::CompareDown, "down")])
        } else {
            cx.hints(&[
                (Action::CompareKeep, "keep this one"),
                (Action::CompareKeepAll, "keep all"),
                (Action::CompareRight, "next"),
                (Action::CompareDown, "down"),
                (Action::CompareCopy, "copy"),
            ])
        };
        let title = format!("The same question to {} models", self.columns.len());
        let inner = modal::open(frame, area, cx, &title, (area.width, area.height), &hints);
        let fit = usize::from((inner.width / NARROWEST).max(1)).min(self.columns.len());
        let first = self.at.saturating_sub(fit - 1);
        let shown = first..first + fit;
        let [body, pages] =
            Layout::vertical([Constraint::Min(0), Constraint::Length(u16::from(fit < self.columns.len()))])
                .areas(inner);
        let places = Layout::horizontal(vec![Constraint::Fill(1); fit]).spacing(1).split(body);
        for (column, place) in shown.clone().zip(places.iter()) {
            self.view_column(frame, *place, column, cx);
        }
        if fit < self.columns.len() {
            let text = format!(" {}–{} of {}", shown.start + 1, shown.end, self.columns.len());
            frame.render_widget(Line::styled(text, cx.theme.dim), pages);
        }
    }

    fn view_column(&self, frame: &mut Frame, area: Rect, at: usize, cx: &Cx) {
        let (column, theme) = (&self.columns[at], &cx.theme);
        let columns = usize::from(area.width);
        let is_selected = at == self.at;
        let (mark, style) = if is_selected { ("› ", theme.selection) } else { ("  ", theme.assistant) };
        let name = clip(SafeText::line(&column.model).as_str(), columns.saturating_sub(2));
        let mut head = vec![Line::from(vec![Span::styled(mark, theme.accent), Span::styled(name, style)])];
        // What is known of one has its line in all columns, so that the same stands beside the same.
        let is_told = |line: &usize| self.columns.iter().any(|column| !column.about[*line].is_empty());
        for line in (0..ABOUT).filter(is_told) {
            let text = &column.about[line];
            head.push(Line::styled(clip(if text.is_empty() { UNKNOWN } else { text }, columns), theme.dim));
        }
        let (status, style) = self.status(column, cx);
        head.push(Line::styled(clip(&status, columns), style));
        let height = u16::try_from(head.len()).unwrap_or(6).min(area.height);
        for (row, line) in (0..height).zip(head) {
            frame.render_widget(line, Rect { y: area.y + row, height: 1, ..area });
        }
        let body = Rect { y: area.y + height, height: area.height - height, ..area };
        let mut stream = column.text.borrow_mut();
        let lines = &stream.lay_out(Look::new(body.width, theme)).lines;
        let rows = usize::from(body.height);
        let first = column.first.unwrap_or(usize::MAX).min(lines.len().saturating_sub(rows));
        for (row, line) in (0..body.height).zip(lines.iter().skip(first)) {
            frame.render_widget(line, Rect { y: body.y + row, height: 1, ..body });
        }
    }

    fn status(&self, column: &Column, cx: &Cx) -> (String, ratatui::style::Style) {
        let theme = &cx.theme;
        let moving = |text: String| (format!("{} {text}", cx.spinner()), theme.dim);
        let is_open = !matches!(column.state, State::Ended(_) | State::Failed(_));
        if is_open && self.stopping {
            return moving("stopping…".to_owned());
        }
        match &column.state {
            State::Beginning => moving("begins…".to_owned()),
            State::Failed(why) => (format!("failed: {}", SafeText::line(why).as_str()), theme.error),
            State::Queued(before) => moving(format!("waits; {before} before it")),
            State::Waiting => moving("waits for the first word…".to_owned()),
            State::Thinking => moving("thinks…".to_owned()),
            State::Answering => moving("answers…".to_owned()),
            State::Ended(answer) => {
                let mut parts = vec![
                    match answer.state {
                        MessageState::Done | MessageState::Streaming => "done",
                        MessageState::Length => "cut at a limit",
                        MessageState::Stopped => "stopped",
                        MessageState::Interrupted => "interrupted",
                        MessageState::Failed => "failed",
                    }
                    .to_owned(),
                ];
                let metrics = &answer.metrics;
                parts.extend(metrics.tokens_per_second().map(|speed| format!("{speed:.0} tok/s")));
                parts.extend(metrics.first_token_ms.map(|ms| format!("first {:.1} s", f64::from(ms) / 1000.0)));
                parts.extend(metrics.answer_tokens.map(|tokens| format!("{tokens} tokens")));
                (parts.join(" · "), theme.dim)
            }
        }
    }
}

/// Where it would run, and with how much.
fn fits(fit: &Fit) -> String {
    let needs = fit.needs.map(|needs| format!(" · needs {}", amount::bytes(needs))).unwrap_or_default();
    match fit.verdict {
        Verdict::Unknown => String::new(),
        Verdict::TooBig => format!("too big for this machine{needs}"),
        verdict @ (Verdict::Gpu | Verdict::Partly | Verdict::Ram) => format!("fits: {}{needs}", verdict.words()),
    }
}

/// What a model is, in the first two lines about it.
fn about(model: &Model) -> [String; ABOUT] {
    let safe = |text: &str| SafeText::line(text).into_string();
    let bytes = if model.remote { "remote".to_owned() } else { amount::bytes(model.bytes) };
    let mut first: Vec<String> = [&model.parameters, &model.quantization]
        .into_iter()
        .filter(|text| !text.is_empty())
        .map(|text| safe(text))
        .collect();
    first.push(bytes);
    if let Some(loaded) = &model.loaded {
        let place = if loaded.gpu_bytes >= loaded.bytes { "in the GPU" } else { "in memory" };
        first.push(place.to_owned());
    }
    let mut second = Vec::new();
    second.extend(model.context_length.map(|tokens| format!("window {tokens}")));
    second.extend(model.capabilities.iter().filter(|what| *what != "completion").map(|what| safe(what)));
    [first.join(" · "), second.join(" · "), String::new(), String::new()]
}
