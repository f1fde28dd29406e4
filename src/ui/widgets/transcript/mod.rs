//! The messages of the branch on view: what is loaded of it, what is folded, where the reader is. Knows no store; says
//! when older messages are wanted.
//!
//! Invariant: a message is laid out only when it comes on the screen (or is scrolled past), once per width, theme and fold.
//! Places are a message and a line in it, never a line number of the whole, so what lies above costs nothing.

mod layout;
mod live;
mod scroll;
mod view;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use self::{
    layout::{Key, Layout},
    live::Live,
};
use crate::{
    api::{
        Fault, MessageId,
        chat::{ContextMeter, Delta, Message, MessagePage, MessageRole, MessageState},
    },
    ui::{
        cx::Cx,
        text::{
            highlight::{HighlightCache, Highlighted, Job},
            markdown::{CodeBlock, Rendered},
        },
    },
};

/// Messages kept when the reader goes back to the end after reading far up.
const KEPT: usize = 400;
/// Laid-out messages kept.
const LAYOUTS: usize = 200;

/// What the look of a message depends on beside the message itself.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    pub cx: &'a Cx,
    highlights: &'a Highlights,
}

/// Coloured code, as far as it has been made.
#[derive(Debug, Default)]
pub struct Highlights {
    cache: HighlightCache,
    /// Counts up whenever colours come, so that layouts without them are made anew.
    version: u64,
}

impl Highlights {
    pub fn look<'a>(&'a self, cx: &'a Cx) -> Look<'a> {
        Look { cx, highlights: self }
    }

    /// Whether there is something new to see.
    pub fn keep(&mut self, done: Highlighted) -> bool {
        let is_new = self.cache.keep(done);
        self.version += u64::from(is_new);
        is_new
    }
}

/// Where the reader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// At the end, also as it grows.
    Follow,
    /// This line of this message is the topmost on the screen.
    At { index: usize, line: usize },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Fold {
    /// Whole, unless it is very long.
    #[default]
    Auto,
    Closed,
    Open,
}

/// One message with what the reader did to its look.
struct Item {
    message: Message,
    live: Option<Box<Live>>,
    fold: Fold,
    /// `None` = as the configuration says.
    thinking_open: Option<bool>,
    layout: RefCell<Option<(Key, Rc<Layout>)>>,
}

impl Item {
    fn new(message: Message) -> Self {
        Self { message, live: None, fold: Fold::Auto, thinking_open: None, layout: RefCell::default() }
    }
}

/// What is under a point of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    pub index: usize,
    /// The line is the fold of the thinking.
    pub is_thinking: bool,
}

pub struct Transcript {
    items: Vec<Item>,
    has_older: bool,
    asked_older: bool,
    /// The reader wants the very beginning; older pages are fetched until it is here.
    seeks_top: bool,
    place: Place,
    selected: Option<usize>,
    pub meter: ContextMeter,
    /// Why the answer with this id failed, with what can be done, as long as this window knows.
    fault: Option<(MessageId, Fault)>,
    /// Width and height at the last drawing.
    size: Cell<(u16, u16)>,
}

impl Default for Transcript {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            has_older: false,
            asked_older: false,
            seeks_top: false,
            place: Place::Follow,
            selected: None,
            meter: ContextMeter::default(),
            fault: None,
            size: Cell::new((80, 20)),
        }
    }
}

impl Transcript {
    pub fn new(page: MessagePage, meter: ContextMeter) -> Self {
        Self {
            items: page.messages.into_iter().map(Item::new).collect(),
            has_older: page.has_older,
            meter,
            ..Self::default()
        }
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub fn place(&self) -> Place {
        self.place
    }

    pub fn last(&self) -> Option<&Message> {
        self.items.last().map(|item| &item.message)
    }

    pub fn message(&self, id: MessageId) -> Option<&Message> {
        self.index_of(id).map(|at| &self.items[at].message)
    }

    pub fn selected(&self) -> Option<&Message> {
        self.items.get(self.selected?).map(|item| &item.message)
    }

    /// The message that keys act on: the selected one, else the last.
    pub fn subject(&self) -> Option<&Message> {
        self.selected().or_else(|| self.last())
    }

    pub fn fault_of(&self, id: MessageId) -> Option<&Fault> {
        self.fault.as_ref().filter(|(answer, _)| *answer == id).map(|(_, fault)| fault)
    }

    /// The same branch read anew: what changed is replaced, what was loaded above stays, the reader stays.
    pub fn refresh(&mut self, page: MessagePage, meter: ContextMeter) {
        let at = match self.place {
            Place::Follow => None,
            Place::At { index, line } => self.items.get(index).map(|item| (item.message.id, line)),
        };
        let selected = self.selected().map(|message| message.id);
        let mut old: Vec<Item> = std::mem::take(&mut self.items);
        let seam = page.messages.first().and_then(|first| old.iter().position(|item| item.message.id == first.id));
        let mut items: Vec<Item> = Vec::new();
        match seam {
            Some(seam) => items.extend(old.drain(..seam)),
            None => self.has_older = page.has_older,
        }
        for message in page.messages {
            let same = old.iter().position(|item| item.message.id == message.id);
            let mut item = match same {
                Some(at) => old.swap_remove(at),
                None => Item::new(message.clone()),
            };
            if item.live.is_none() && item.message != message {
                item.message = message;
                item.layout = RefCell::default();
            }
            items.push(item);
        }
        self.items = items;
        self.meter = meter;
        self.selected = selected.and_then(|id| self.index_of(id));
        self.place = match at.and_then(|(id, line)| Some((self.index_of(id)?, line))) {
            Some((index, line)) => Place::At { index, line },
            None => Place::Follow,
        };
    }

    /// Another branch is on view now. The reader stays with the last message that both have in common.
    pub fn show_branch(&mut self, page: MessagePage) {
        let selected = self.selected;
        let place = self.place;
        let meter = self.meter;
        self.refresh(page, meter);
        if let Some(was) = selected {
            self.selected = Some(was.min(self.items.len().saturating_sub(1))).filter(|_| !self.items.is_empty());
        }
        if let Place::At { index, line } = place
            && index < self.items.len()
        {
            self.place = Place::At { index, line };
        }
    }

    /// Puts a message where it belongs: over itself, else after its parent (what followed is another branch now).
    pub fn put(&mut self, message: Message) {
        if let Some(at) = self.index_of(message.id) {
            let item = &mut self.items[at];
            item.live = None;
            item.message = message;
            item.layout = RefCell::default();
            return;
        }
        match message.parent.map(|parent| self.index_of(parent)) {
            Some(Some(parent)) => self.items.truncate(parent + 1),
            // Its parent is not loaded; then it can only follow what is.
            Some(None) => {}
            None => self.items.clear(),
        }
        self.items.push(Item::new(message));
        let last = self.items.len() - 1;
        self.selected = self.selected.map(|at| at.min(last));
        if let Place::At { index, .. } = self.place
            && index > last
        {
            self.place = Place::Follow;
        }
    }

    /// An answer begins (or goes on): its row is shown and grows with every delta.
    pub fn begin_answer(&mut self, answer: Message) {
        let id = answer.id;
        let live = Live::new(&answer);
        self.put(answer);
        if let Some(at) = self.index_of(id) {
            self.items[at].live = Some(Box::new(live));
        }
        self.fault = None;
        self.place = Place::Follow;
        self.trim();
    }

    /// Puts a preview that grew while another conversation was on view in its place.
    pub fn resume_answer(&mut self, id: MessageId, deltas: &Delta) {
        if let Some(at) = self.index_of(id) {
            let item = &mut self.items[at];
            let mut base = item.message.clone();
            base.content.clone_from(&deltas.content);
            base.thinking.clone_from(&deltas.thinking);
            base.tool_calls.clone_from(&deltas.tool_calls);
            item.live = Some(Box::new(Live::new(&base)));
        }
    }

    pub fn on_delta(&mut self, answer: MessageId, delta: &Delta) {
        // The running answer is the last message; looking from the end keeps a delta cheap in a long conversation.
        if let Some(item) = self.items.iter_mut().rev().find(|item| item.message.id == answer) {
            let live = item.live.get_or_insert_with(|| Box::new(Live::new(&item.message)));
            live.push(delta);
        }
    }

    /// The stored answer takes the preview's place.
    pub fn end_answer(&mut self, answer: Message, fault: Option<Fault>, meter: ContextMeter) {
        self.fault = fault.map(|fault| (answer.id, fault));
        self.meter = meter;
        if self.index_of(answer.id).is_some() {
            self.put(answer);
        }
    }

    /// The text of an answer as far as it has come.
    pub fn text_of(&self, id: MessageId) -> Option<String> {
        let item = &self.items[self.index_of(id)?];
        Some(item.live.as_ref().map_or_else(|| item.message.content.clone(), |live| live.content().to_owned()))
    }

    pub fn mark(&mut self, id: MessageId, excluded: Option<bool>, pinned: Option<bool>) {
        if let Some(at) = self.index_of(id) {
            let item = &mut self.items[at];
            item.message.excluded = excluded.unwrap_or(item.message.excluded);
            item.message.pinned = pinned.unwrap_or(item.message.pinned);
            item.layout = RefCell::default();
        }
    }

    /// Older messages, oldest first, that end right before the first loaded one.
    pub fn prepend(&mut self, page: MessagePage) {
        self.asked_older = false;
        self.has_older = page.has_older;
        let known = self.items.first().map(|item| item.message.id);
        let older: Vec<Item> =
            page.messages.into_iter().filter(|message| Some(message.id) != known).map(Item::new).collect();
        let more = older.len();
        self.items.splice(0..0, older);
        self.selected = self.selected.map(|at| at + more);
        if let Place::At { index, line } = self.place {
            self.place = Place::At { index: index + more, line };
        }
        if self.seeks_top {
            self.place = Place::At { index: 0, line: 0 };
            self.selected = self.selected.map(|_| 0);
            self.seeks_top = self.has_older;
        }
    }

    /// The older page did not come.
    pub fn older_failed(&mut self) {
        self.asked_older = false;
        self.seeks_top = false;
    }

    /// The message before which more should be loaded, when the reader comes near the beginning of what is loaded.
    pub fn wants_older(&mut self) -> Option<MessageId> {
        let near = match self.place {
            Place::At { index, .. } => index < 8,
            Place::Follow => self.items.len() < 8,
        };
        if !self.has_older || self.asked_older || !near {
            return None;
        }
        let first = self.items.first()?.message.id;
        self.asked_older = true;
        Some(first)
    }

    pub fn toggle_fold(&mut self, look: &Look) {
        let Some(at) = self.selected.or_else(|| self.items.len().checked_sub(1)) else { return };
        let shortened = self.layout(at, look).is_shortened;
        let item = &mut self.items[at];
        item.fold = match item.fold {
            Fold::Auto if shortened => Fold::Open,
            Fold::Auto | Fold::Open => Fold::Closed,
            Fold::Closed => Fold::Open,
        };
        self.show(at, look);
    }

    pub fn toggle_thinking(&mut self, look: &Look) {
        if let Some(at) = self.selected.or_else(|| self.items.len().checked_sub(1)) {
            let open = Self::is_thinking_open(&self.items[at], look);
            self.items[at].thinking_open = Some(!open);
            self.show(at, look);
        }
    }

    /// Jobs for the blocks of code on the screen that have no colours yet; each is named once.
    pub fn want_colours(&self, highlights: &mut Highlights, cx: &Cx) -> Vec<Job> {
        let mut jobs = Vec::new();
        if self.items.is_empty() {
            return jobs;
        }
        let palette = cx.theme.palette;
        let (top, _) = self.top(&highlights.look(cx));
        let mut left = usize::from(self.size.get().1);
        for at in top..self.items.len() {
            let look = highlights.look(cx);
            left = left.saturating_sub(self.lines_of(at, &look));
            if let Some(live) = &self.items[at].live {
                let content = live.content.borrow();
                let closed = content.rendered().blocks.iter().filter(|block| block.closed).count();
                if closed > live.coloured.replace(closed) {
                    jobs.extend(highlights.cache.missing(content.rendered(), palette));
                }
            } else {
                let layout = self.layout(at, &look);
                if !layout.blocks.is_empty() && !layout.is_coloured.replace(true) {
                    let rendered = Rendered { blocks: layout.blocks.clone(), ..Rendered::default() };
                    jobs.extend(highlights.cache.missing(&rendered, palette));
                }
            }
            if left == 0 {
                break;
            }
        }
        jobs
    }

    /// Colours came: an answer that is still arriving is drawn anew; the others see it by the version.
    pub fn recolour(&mut self) {
        for live in self.items.iter_mut().filter_map(|item| item.live.as_mut()) {
            live.content.get_mut().forget_layout();
        }
    }

    /// The code blocks of a message, sanitised, with their languages.
    pub fn code_blocks(&self, id: MessageId, look: &Look) -> Vec<(String, String)> {
        let Some(at) = self.index_of(id) else { return Vec::new() };
        let pairs =
            |blocks: &[CodeBlock]| blocks.iter().map(|block| (block.language.clone(), block.text.clone())).collect();
        match &self.items[at].live {
            Some(live) => pairs(&live.content.borrow().rendered().blocks),
            None => pairs(&self.layout(at, look).blocks),
        }
    }

    fn index_of(&self, id: MessageId) -> Option<usize> {
        self.items.iter().rposition(|item| item.message.id == id)
    }

    /// Forgets what lies far above the end, and layouts far from the reader.
    fn trim(&mut self) {
        if self.items.len() > KEPT * 3 / 2 {
            let gone = self.items.len() - KEPT;
            self.items.drain(..gone);
            self.has_older = true;
            self.selected = self.selected.and_then(|at| at.checked_sub(gone));
        }
    }

    /// Whether the line that says what the model no longer sees stands above this message.
    fn is_first_seen(&self, at: usize) -> bool {
        self.meter.first_seen == Some(self.items[at].message.id) && (at > 0 || self.has_older)
    }
}

/// How a message's writer is called.
fn writer(message: &Message) -> &str {
    match message.role {
        MessageRole::User => "you",
        MessageRole::Assistant => message.model.as_deref().unwrap_or("assistant"),
        MessageRole::System => "system",
        MessageRole::Tool => "tool",
    }
}

/// Whether `c` can go on with this answer.
pub fn can_continue(message: &Message) -> bool {
    message.role == MessageRole::Assistant
        && match message.state {
            MessageState::Stopped | MessageState::Interrupted | MessageState::Length | MessageState::Failed => true,
            MessageState::Streaming | MessageState::Done => false,
        }
}

#[cfg(test)]
mod tests;
