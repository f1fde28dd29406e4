//! What stands in front of the figures: the choice of a model or a folder, the conversations of some days, the name of a
//! file.

use std::{collections::BTreeMap, path::PathBuf};

use crossterm::event::{KeyEvent, MouseEvent};
use jiff::civil::Date;
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::{Line, Span},
    widgets::{Paragraph, Wrap},
};

use super::words::{self, safe};
use crate::{
    api::{
        ConversationId, Fault, FolderId, amount,
        insights::{By, InsightsQuery, OfModel, Sheet, UsedConversation},
        organise::{Cursor, Folder, Page},
    },
    ui::{
        actions::{Action, Context},
        cx::Cx,
        msg::{Effect, InsightsCall, Spot},
        text::wrap::{clip, width},
        widgets::{
            chart::count,
            form::{Form, FormOut, fault_text},
            modal,
            picker::{Item, Picker, PickerOut},
            toast::Toast,
        },
    },
};

/// Conversations read at a time.
const PAGE: u32 = 50;
const AHEAD: usize = 10;

pub enum Front {
    Models(Picker<Option<String>>),
    Folders(Picker<Option<FolderId>>),
    Days(Days),
    Export { form: Form, query: InsightsQuery, by: By },
}

/// What it tells the screen.
pub enum Out {
    Stay(Vec<Effect>),
    Close,
    Model(Option<String>),
    Folder(Option<FolderId>),
    /// Closes and leads to a conversation.
    Open(ConversationId),
}

impl Front {
    pub fn models(known: &[OfModel], chosen: Option<&str>) -> Self {
        let mark = |is: bool| if is { "*" } else { "" };
        let mut items = vec![Item::new("Every model", None).mark(mark(chosen.is_none()))];
        items.extend(known.iter().filter_map(|each| {
            let name = each.model.clone()?;
            let is_chosen = chosen == Some(name.as_str());
            Some(
                Item::new(&name, Some(name.clone()))
                    .detail(&amount::many(each.figures.answers.all(), "answer"))
                    .mark(mark(is_chosen)),
            )
        }));
        Self::Models(Picker::new("Only the answers of", items))
    }

    pub fn folders(folders: &[Folder], chosen: Option<FolderId>) -> Self {
        let mark = |is: bool| if is { "*" } else { "" };
        let mut items = vec![Item::new("Everywhere", None).mark(mark(chosen.is_none()))];
        let paths = paths(folders);
        let mut ordered: Vec<(&FolderId, &String)> = paths.iter().collect();
        ordered.sort_by_key(|(_, path)| path.to_lowercase());
        items.extend(ordered.into_iter().map(|(id, path)| Item::new(path, Some(*id)).mark(mark(chosen == Some(*id)))));
        Self::Folders(Picker::new("Only what lies in", items))
    }

    pub fn export(query: InsightsQuery, by: By, day: Date) -> Self {
        let mut form = Form::default().text("File, ending in .csv or .json").waiting("Writing…");
        form.fill(0, &format!("~/ollamanet-insights-{day}.csv"));
        Self::Export { form, query, by }
    }

    pub fn context(&self) -> Context {
        match self {
            Self::Models(_) | Self::Folders(_) | Self::Days(_) => Context::List,
            Self::Export { .. } => Context::Form,
        }
    }

    /// `None` = not used.
    pub fn on_action(&mut self, action: Action, cx: &Cx) -> Option<Out> {
        match self {
            Self::Models(picker) => picker.on_action(action, cx).ok().map(model),
            Self::Folders(picker) => picker.on_action(action, cx).ok().map(|out| folder(out.as_ref())),
            Self::Days(days) => days.on_action(action, cx),
            Self::Export { form, query, by } => match form.on_action(action) {
                Ok(Some(FormOut::Submitted)) => {
                    let path = form.value(0).trim().to_owned();
                    let what = match path.rsplit_once('.') {
                        Some((_, "csv")) => Sheet::Csv,
                        Some((_, "json")) => Sheet::Json,
                        Some(_) | None => {
                            let fault = Fault::invalid("The name ends in neither .csv nor .json.")
                                .hint("CSV holds what this tab shows, JSON everything.");
                            form.ask(fault, 0);
                            return Some(Out::Stay(Vec::new()));
                        }
                    };
                    form.busy = true;
                    let call = InsightsCall::Export { query: query.clone(), by: *by, what, path: PathBuf::from(path) };
                    Some(Out::Stay(vec![Effect::Insights(call)]))
                }
                Ok(Some(FormOut::Cancelled)) => Some(Out::Close),
                Ok(Some(FormOut::Changed(_)) | None) => Some(Out::Stay(Vec::new())),
                Err(_) => None,
            },
        }
    }

    pub fn on_key(&mut self, key: KeyEvent) -> Option<Out> {
        match self {
            Self::Models(picker) => picker.on_key(key).map(|out| model(Some(out))),
            Self::Folders(picker) => picker.on_key(key).map(|out| folder(Some(&out))),
            Self::Days(_) => None,
            Self::Export { form, .. } => form.on_key(key).map(|_| Out::Stay(Vec::new())),
        }
    }

    pub fn on_paste(&mut self, text: &str) -> Out {
        match self {
            Self::Models(picker) => model(picker.on_paste(text)),
            Self::Folders(picker) => folder(picker.on_paste(text).as_ref()),
            Self::Days(_) => Out::Stay(Vec::new()),
            Self::Export { form, .. } => {
                form.on_paste(text);
                Out::Stay(Vec::new())
            }
        }
    }

    pub fn on_mouse(&mut self, mouse: MouseEvent, area: Rect, cx: &Cx) -> Out {
        match self {
            Self::Models(picker) => model(picker.on_mouse(mouse, area, cx)),
            Self::Folders(picker) => folder(picker.on_mouse(mouse, area, cx).as_ref()),
            Self::Days(_) | Self::Export { .. } => Out::Stay(Vec::new()),
        }
    }

    pub fn is_busy(&self) -> bool {
        match self {
            Self::Models(_) | Self::Folders(_) => false,
            Self::Days(days) => days.loading,
            Self::Export { form, .. } => form.busy,
        }
    }

    pub fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        match self {
            Self::Models(picker) => picker.view(frame, area, cx),
            Self::Folders(picker) => picker.view(frame, area, cx),
            Self::Days(days) => days.view(frame, area, cx),
            Self::Export { form, .. } => {
                let hints = cx.hints(&[(Action::Submit, "write"), (Action::Cancel, "back")]);
                let inner = modal::open(frame, area, cx, "Write figures to a file", (64, 12), &hints);
                let [note, body] = Layout::vertical([Constraint::Length(3), Constraint::Min(0)])
                    .areas(inner.inner(ratatui::layout::Margin::new(1, 0)));
                let words = "As .csv what this tab shows, as .json everything. Only you can read the file; one that is \
                             there is not replaced.";
                frame.render_widget(Paragraph::new(words).style(cx.theme.dim).wrap(Wrap { trim: true }), note);
                form.view(frame, body, cx);
            }
        }
    }
}

fn model(out: Option<PickerOut<Option<String>>>) -> Out {
    match out {
        Some(PickerOut::Chosen(model)) => Out::Model(model),
        Some(PickerOut::Closed) => Out::Close,
        Some(PickerOut::Typed(_)) | None => Out::Stay(Vec::new()),
    }
}

fn folder(out: Option<&PickerOut<Option<FolderId>>>) -> Out {
    match out {
        Some(PickerOut::Chosen(folder)) => Out::Folder(*folder),
        Some(PickerOut::Closed) => Out::Close,
        Some(PickerOut::Typed(_)) | None => Out::Stay(Vec::new()),
    }
}

/// The way of every folder from the top down. No recursion, however deep they lie.
pub fn paths(folders: &[Folder]) -> BTreeMap<FolderId, String> {
    let by_id: BTreeMap<FolderId, &Folder> = folders.iter().map(|folder| (folder.id, folder)).collect();
    folders
        .iter()
        .map(|folder| {
            let mut names = vec![folder.name.as_str()];
            let mut at = folder.parent;
            while let Some(above) = at.and_then(|id| by_id.get(&id)).filter(|_| names.len() <= folders.len()) {
                names.push(above.name.as_str());
                at = above.parent;
            }
            names.reverse();
            (folder.id, names.join("/"))
        })
        .collect()
}

/// The conversations of some days, read page by page.
pub struct Days {
    query: InsightsQuery,
    /// The first and the last.
    between: (Date, Date),
    title: String,
    rows: Vec<UsedConversation>,
    next: Option<Cursor>,
    at: usize,
    asked: u64,
    loading: bool,
    fault: Option<Fault>,
}

impl Days {
    /// With what it asks first. `asked` is above every number that was used before.
    pub fn open(query: InsightsQuery, days: (Date, Date), title: &str, asked: u64) -> (Self, Vec<Effect>) {
        let mut list = Self {
            query,
            between: days,
            title: format!("Conversations of {title}"),
            rows: Vec::new(),
            next: None,
            at: 0,
            asked,
            loading: false,
            fault: None,
        };
        let effects = list.read();
        (list, effects)
    }

    fn read(&mut self) -> Vec<Effect> {
        self.loading = true;
        let call = InsightsCall::Days {
            asked: self.asked,
            query: self.query.clone(),
            days: self.between,
            after: self.next.take(),
            limit: PAGE,
        };
        vec![Effect::Insights(call)]
    }

    pub fn on_page(&mut self, asked: u64, page: Result<Page<UsedConversation>, Fault>) {
        if asked != self.asked {
            return;
        }
        self.loading = false;
        match page {
            Ok(page) => {
                self.rows.extend(page.rows);
                self.next = page.next;
            }
            Err(fault) => self.fault = Some(fault),
        }
    }

    fn on_action(&mut self, action: Action, cx: &Cx) -> Option<Out> {
        let last = self.rows.len().saturating_sub(1);
        let page = usize::from(cx.size.1 / 2).max(1);
        match action {
            Action::ListUp => self.at = self.at.saturating_sub(1),
            Action::ListDown => self.at = (self.at + 1).min(last),
            Action::ListPageUp => self.at = self.at.saturating_sub(page),
            Action::ListPageDown => self.at = (self.at + page).min(last),
            Action::ListClose | Action::Escape => return Some(Out::Close),
            Action::ListAccept => return Some(self.rows.get(self.at).map_or(Out::Stay(Vec::new()), opened)),
            _ => return None,
        }
        if self.next.is_some() && !self.loading && self.at + AHEAD >= self.rows.len() {
            return Some(Out::Stay(self.read()));
        }
        Some(Out::Stay(Vec::new()))
    }

    fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let hints = cx.hints(&[(Action::ListAccept, "open"), (Action::ListClose, "close")]);
        let wish =
            (76, u16::try_from(self.rows.len().max(3) + 3).unwrap_or(u16::MAX).min(area.height.saturating_sub(2)));
        let inner = modal::open(frame, area, cx, &self.title, wish, &hints);
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        if let Some(fault) = &self.fault {
            return frame.render_widget(fault_text(fault, cx), inner);
        }
        if self.rows.is_empty() {
            let words = if self.loading { "Reading…" } else { "All that was said then has been purged since." };
            return frame.render_widget(Line::styled(words, cx.theme.dim), inner);
        }
        let (room, height) = (usize::from(inner.width), usize::from(inner.height));
        let first = self.at.saturating_sub(height / 2).min(self.rows.len().saturating_sub(height));
        let lines = self.rows.iter().enumerate().skip(first).take(height).map(|(place, row)| {
            let selected = place == self.at;
            let style = if selected { cx.theme.selection } else { cx.theme.text };
            conversation(row, selected, style, room, cx)
        });
        frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), inner);
    }
}

/// Opens a conversation in the chat; one in the trash only says where it is.
pub fn opened(row: &UsedConversation) -> Out {
    if row.trashed {
        let toast = Toast::notice("This conversation is in the trash.").hint("Bring it back there to read it.");
        return Out::Stay(vec![Effect::Toast(toast)]);
    }
    Out::Open(row.id)
}

/// Into a conversation, and back here with Escape.
pub fn lead_to(conversation: ConversationId) -> Effect {
    let back = Some(Action::ScreenInsights);
    Effect::OpenAt(Box::new(Spot { conversation, message: None, terms: Vec::new(), chars: None, back }))
}

/// A conversation with its messages and tokens at the right.
pub fn conversation(
    row: &UsedConversation,
    selected: bool,
    style: ratatui::style::Style,
    room: usize,
    cx: &Cx,
) -> Line<'static> {
    let messages = amount::many(row.messages, "message");
    // What came from another program tells none.
    let figures = match row.answer_tokens {
        0 => messages,
        tokens => format!("{messages}, {} tokens", count(tokens)),
    };
    let trashed = if row.trashed { " (trash)" } else { "" };
    let title_room = room.saturating_sub(width(&figures) + 4);
    let title = format!("{}{trashed}", clip(&safe(&row.title), title_room.saturating_sub(trashed.len())));
    let gap = title_room.saturating_sub(width(&title)) + 2;
    Line::from(vec![
        Span::styled(if selected { "> " } else { "  " }, cx.theme.accent),
        Span::styled(title, style),
        Span::raw(" ".repeat(gap)),
        Span::styled(figures, cx.theme.dim),
    ])
}

/// Words of what is filtered, for the line under the tabs.
pub fn filters(query: &InsightsQuery, folder: Option<&str>) -> Vec<String> {
    let mut words = Vec::new();
    if let Some(model) = &query.model {
        words.push(format!("model {}", words::safe(model)));
    }
    if query.folder.is_some() {
        words.push(format!("folder {}", folder.map_or_else(|| "chosen".to_owned(), words::safe)));
    }
    words
}
