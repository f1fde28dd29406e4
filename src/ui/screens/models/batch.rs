//! Several pieces of work in a table: first what each would do, then what became of each.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Margin, Rect},
    text::{Line, Span, Text},
    widgets::{Paragraph, Wrap},
};

use crate::{
    api::{
        Fault,
        jobs::{BatchItem, Start, Work},
    },
    ui::{
        actions::Action,
        cx::Cx,
        widgets::{
            form::fault_text,
            modal,
            rows::Cursor,
            table::{fit, row_style, safe},
            toast::Toast,
        },
    },
};

/// What is known of one of them.
#[derive(Debug)]
enum Row {
    /// It is being looked at.
    Unknown,
    Would(String),
    Begun(&'static str),
    Not(Fault),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The number of the dry run that is awaited.
    Looking(u64),
    /// Looked at; Enter begins them.
    Would,
    Sent,
    Done,
}

#[derive(Debug)]
pub struct Table {
    title: &'static str,
    items: Vec<(Work, Row)>,
    cursor: Cursor,
    stage: Stage,
    fault: Option<Fault>,
}

/// What the table tells its owner.
#[derive(Debug)]
pub enum TableOut {
    Stay,
    Close,
    Begin(Vec<Work>),
}

impl Table {
    /// While the dry run of this number is awaited.
    #[must_use]
    pub fn looking(title: &'static str, works: &[Work], asked: u64) -> Self {
        let items = works.iter().map(|work| (work.clone(), Row::Unknown)).collect();
        Self { title, items, cursor: Cursor::default(), stage: Stage::Looking(asked), fault: None }
    }

    /// What became of each.
    #[must_use]
    pub fn results(items: Vec<BatchItem>) -> Self {
        let mut table =
            Self { title: "Results", items: Vec::new(), cursor: Cursor::default(), stage: Stage::Done, fault: None };
        table.take(items);
        table
    }

    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self.stage, Stage::Looking(_) | Stage::Sent)
    }

    fn take(&mut self, items: Vec<BatchItem>) {
        self.items = items
            .into_iter()
            .map(|item| {
                let row = match item.start {
                    Start::Would(words) => Row::Would(words),
                    Start::Begun(_) => Row::Begun("in line"),
                    Start::UnderWay(_) => Row::Begun("it was under way already"),
                    Start::Refused(fault) => Row::Not(fault),
                };
                (item.work, row)
            })
            .collect();
        self.cursor.put(self.cursor.at(), self.items.len());
    }

    pub fn on_tried(&mut self, asked: u64, items: Result<Vec<BatchItem>, Fault>) {
        if self.stage != Stage::Looking(asked) {
            return;
        }
        self.stage = Stage::Would;
        match items {
            Ok(items) => self.take(items),
            Err(fault) => self.fault = Some(fault),
        }
    }

    /// They were sent; what was refused before stays in the table.
    pub fn on_begun(&mut self, items: Result<Vec<BatchItem>, Fault>) {
        match items {
            Ok(items) => {
                let kept = std::mem::take(&mut self.items).into_iter();
                let kept: Vec<_> = kept.filter(|(_, row)| matches!(row, Row::Not(_))).collect();
                self.take(items);
                self.items.extend(kept);
                self.stage = Stage::Done;
            }
            Err(fault) => {
                self.fault = Some(fault);
                self.stage = Stage::Would;
            }
        }
    }

    /// A question before them was answered with no.
    pub fn not_sent(&mut self) {
        self.stage = Stage::Would;
    }

    /// Whether all of them are in line.
    #[must_use]
    pub fn all_begun(&self) -> bool {
        self.stage == Stage::Done && self.items.iter().all(|(_, row)| matches!(row, Row::Begun(_)))
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    fn ready(&self) -> Vec<Work> {
        let ready = self.items.iter().filter(|(_, row)| matches!(row, Row::Would(_)));
        ready.map(|(work, _)| work.clone()).collect()
    }

    /// `None` = not used.
    pub fn on_action(&mut self, action: Action) -> Option<TableOut> {
        match action {
            action if self.cursor.go(action, self.items.len()) => {}
            Action::ListClose | Action::Escape | Action::Cancel | Action::Interrupt => return Some(TableOut::Close),
            Action::ListAccept => {
                return Some(match self.stage {
                    Stage::Done => TableOut::Close,
                    Stage::Looking(_) | Stage::Sent => TableOut::Stay,
                    Stage::Would => {
                        let ready = self.ready();
                        if ready.is_empty() {
                            TableOut::Close
                        } else {
                            self.stage = Stage::Sent;
                            TableOut::Begin(ready)
                        }
                    }
                });
            }
            _ => return None,
        }
        Some(TableOut::Stay)
    }

    pub fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let ready = self.ready().len();
        let enter = match self.stage {
            Stage::Would if ready > 0 => "begin them",
            Stage::Looking(_) | Stage::Sent => "…",
            Stage::Would | Stage::Done => "close",
        };
        let hints = cx.hints(&[
            (Action::ListAccept, enter),
            (Action::ListDown, "down"),
            (Action::ListClose, if self.stage == Stage::Done { "close" } else { "leave it" }),
        ]);
        let rows = u16::try_from(self.items.len()).unwrap_or(u16::MAX);
        let wish = (84.min(area.width.saturating_sub(2)), rows.saturating_add(7).min(area.height));
        let inner = modal::open(frame, area, cx, self.title, wish, &hints).inner(Margin::new(1, 0));
        let [head, list, foot] =
            Layout::vertical([Constraint::Length(1), Constraint::Min(1), Constraint::Length(3)]).areas(inner);
        let refused = self.items.iter().filter(|(_, row)| matches!(row, Row::Not(_))).count();
        let words = match self.stage {
            Stage::Looking(_) => format!("{} Looking at what that would do…", cx.spinner()),
            Stage::Sent => format!("{} Putting them in line…", cx.spinner()),
            Stage::Would if refused == 0 => format!("All {ready} can be done. Nothing is begun yet."),
            Stage::Would => format!("{ready} can be done, {refused} cannot. Nothing is begun yet."),
            Stage::Done if refused == 0 => format!("All {} are in line.", self.items.len()),
            Stage::Done => format!("{} are in line, {refused} are not.", self.items.len() - refused),
        };
        frame.render_widget(Line::styled(words, cx.theme.text), head);
        let room = usize::from(list.width);
        let name_room = (room / 2).min(34);
        self.cursor.view(frame, list, self.items.len(), |at, is_chosen| {
            let (work, row) = &self.items[at];
            let style = row_style(is_chosen, true, cx);
            let (mark, mark_style, words) = match row {
                Row::Unknown => ("…", cx.theme.dim, String::new()),
                Row::Would(words) => ("·", cx.theme.accent, safe(words)),
                Row::Begun(words) => ("✓", cx.theme.success, (*words).to_owned()),
                Row::Not(fault) => ("✗", cx.theme.error, safe(&fault.message)),
            };
            Line::from(vec![
                Span::styled(format!("{mark} "), if is_chosen { style } else { mark_style }),
                Span::styled(fit(&safe(&work.to_string()), name_room), style),
                Span::styled(fit(&format!("  {words}"), room.saturating_sub(name_room + 2)), style),
            ])
        });
        let foot = Rect { y: (foot.y + 1).min(foot.bottom()), height: foot.height.saturating_sub(1), ..foot };
        if let Some(fault) = &self.fault {
            frame.render_widget(fault_text(fault, cx), foot);
        } else if let Some((_, Row::Not(fault))) = self.items.get(self.cursor.at()) {
            // The one in use whole: why something was refused rarely fits beside a name.
            let told = Toast::fault(fault);
            let words = format!("{} {}", told.text, told.hint.unwrap_or_default());
            let text = Text::styled(safe(words.trim()), cx.theme.dim);
            frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }), foot);
        }
    }
}
