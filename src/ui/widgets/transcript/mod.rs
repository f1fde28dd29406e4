//! The messages of the branch on view: what is loaded of it, what is folded, where the reader is. Knows no store; says
//! which other messages are wanted. What is loaded is one stretch of the branch around the reader, of bounded length:
//! what comes in at one side goes out at the other.
//!
//! Invariant: a message is laid out only when it comes on the screen (or is scrolled past), once per width, theme and fold.
//! Places are a message and a line in it, never a line number of the whole, so what lies above costs nothing.

mod found;
mod layout;
mod live;
mod passage;
mod scroll;
mod view;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

pub use self::passage::{Motion, Selected};
use self::{
    layout::{Key, Layout},
    live::Live,
};
use crate::{
    api::{
        Fault, MessageId,
        chat::{ContextMeter, Delta, Message, MessagePage, MessageRole, MessageState},
        feedback::Feedback,
        search::Term,
    },
    ui::{
        cx::Cx,
        text::{
            highlight::{HighlightCache, Highlighted, Job},
            markdown::{CodeBlock, Rendered},
        },
    },
};

/// Most messages that are loaded at a time.
pub(super) const KEPT: usize = 240;
/// With fewer messages than this above the reader, older ones are wanted: some screens full, so that they are here before
/// the reader is, also while a key repeats.
const NEAR_BEGINNING: usize = 24;
/// With fewer messages than this from the top of the screen on, newer ones are wanted: more than a screen holds.
const NEAR_END: usize = 60;
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

/// Messages that are not loaded and should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Those before this one.
    Older(MessageId),
    /// Those after this one.
    Newer(MessageId),
    /// The first of the branch.
    Oldest,
    /// The last of the branch.
    Newest,
}

/// What is under a point of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    pub index: usize,
    /// Which line of the message, from 0.
    pub line: usize,
    /// The line is the fold of the thinking.
    pub is_thinking: bool,
}

/// One side of what is loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Edge {
    has_more: bool,
    /// More has been asked for.
    asked: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Top,
    Bottom,
}

/// A way to an end that is not loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seek {
    end: End,
    asked: bool,
}

pub struct Transcript {
    items: Vec<Item>,
    above: Edge,
    below: Edge,
    /// The reader wants the very beginning or the very end, which is fetched.
    seeks: Option<Seek>,
    place: Place,
    selected: Option<usize>,
    pub meter: ContextMeter,
    /// Why the answer with this id failed, with what can be done, as long as this window knows.
    fault: Option<(MessageId, Fault)>,
    /// A passage that is being selected.
    visual: Option<passage::Visual>,
    /// The message that is selected in, with the way back to its source.
    traced: RefCell<Option<passage::Made>>,
    /// What is marked, and in which message.
    found: Option<(MessageId, Vec<Term>)>,
    /// Width and height at the last drawing.
    size: Cell<(u16, u16)>,
}

impl Default for Transcript {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            above: Edge::default(),
            below: Edge::default(),
            seeks: None,
            place: Place::Follow,
            selected: None,
            meter: ContextMeter::default(),
            fault: None,
            visual: None,
            traced: RefCell::default(),
            found: None,
            size: Cell::new((80, 20)),
        }
    }
}

impl Transcript {
    pub fn new(page: MessagePage, meter: ContextMeter) -> Self {
        Self {
            items: page.messages.into_iter().map(Item::new).collect(),
            above: Edge { has_more: page.has_older, asked: false },
            below: Edge { has_more: page.has_newer, asked: false },
            meter,
            ..Self::default()
        }
    }

    /// As large as it was drawn before; until it is drawn, places are reckoned by that.
    pub fn set_size(&self, size: (u16, u16)) {
        self.size.set(size);
    }

    pub fn size(&self) -> (u16, u16) {
        self.size.get()
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub fn place(&self) -> Place {
        self.place
    }

    /// The last message of the branch, if it is loaded.
    pub fn last(&self) -> Option<&Message> {
        self.items.last().filter(|_| !self.below.has_more).map(|item| &item.message)
    }

    /// Whether the place of this message is among what is loaded.
    pub fn can_place(&self, message: &Message) -> bool {
        !self.below.has_more
            || self.index_of(message.id).is_some()
            || message.parent.is_some_and(|parent| self.index_of(parent).is_some())
    }

    pub fn is_live(&self, id: MessageId) -> bool {
        self.index_of(id).is_some_and(|at| self.items[at].live.is_some())
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
        let jumps = self.seeks.take_if(|seek| seek.end == End::Bottom).is_some();
        let overlaps = page.messages.iter().any(|message| self.index_of(message.id).is_some());
        if self.below.has_more && !jumps && !overlaps {
            // Whoever reads far above the end is left there.
            self.meter = meter;
            return;
        }
        if jumps {
            self.place = Place::Follow;
        }
        self.below.has_more = page.has_newer;
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
            None => self.above.has_more = page.has_older,
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
        self.selected = match selected.map(|id| self.index_of(id)) {
            Some(None) if jumps => self.items.len().checked_sub(1),
            found => found.flatten(),
        };
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
        // Whatever followed is another branch now.
        self.below.has_more = false;
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
            Some(Some(parent)) => {
                self.items.truncate(parent + 1);
                self.below.has_more = false;
            }
            // Its parent is not loaded; then it can only follow what is.
            Some(None) => {}
            None => {
                self.items.clear();
                self.above.has_more = false;
                self.below.has_more = false;
            }
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
    pub fn resume_answer(&mut self, id: MessageId, deltas: &Delta, thought: Option<(i64, i64)>) {
        if let Some(at) = self.index_of(id) {
            let item = &mut self.items[at];
            let mut base = item.message.clone();
            base.content.clone_from(&deltas.content);
            base.thinking.clone_from(&deltas.thinking);
            base.tool_calls.clone_from(&deltas.tool_calls);
            let mut live = Live::new(&base);
            live.thought = thought;
            item.live = Some(Box::new(live));
        }
    }

    pub fn on_delta(&mut self, answer: MessageId, delta: &Delta, now_ms: i64) {
        // The running answer is the last message; looking from the end keeps a delta cheap in a long conversation.
        if let Some(item) = self.items.iter_mut().rev().find(|item| item.message.id == answer) {
            let live = item.live.get_or_insert_with(|| Box::new(Live::new(&item.message)));
            live.push(delta, now_ms);
        }
    }

    /// When the thinking of an answer began and went on, as far as it came before the answer was shown.
    pub fn set_thought(&mut self, id: MessageId, thought: Option<(i64, i64)>) {
        if let Some(at) = self.index_of(id)
            && let Some(live) = &mut self.items[at].live
        {
            live.thought = thought;
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

    pub fn set_feedback(&mut self, id: MessageId, feedback: Option<Feedback>) {
        if let Some(at) = self.index_of(id) {
            let item = &mut self.items[at];
            item.message.feedback = feedback.map(Box::new);
            item.layout = RefCell::default();
        }
    }

    /// Older messages, oldest first, that end right before the first loaded one.
    pub fn prepend(&mut self, page: MessagePage) {
        self.above.asked = false;
        let fits = match (self.items.first(), page.messages.last()) {
            (Some(first), Some(last)) => first.message.parent == Some(last.id),
            (_, None) => true,
            (None, Some(_)) => false,
        };
        // Asked for before the reader went elsewhere.
        if !fits {
            return;
        }
        self.above.has_more = page.has_older;
        let more = page.messages.len();
        self.items.splice(0..0, page.messages.into_iter().map(Item::new));
        self.selected = self.selected.map(|at| at + more);
        if let Place::At { index, line } = self.place {
            self.place = Place::At { index: index + more, line };
            if self.items.len() > KEPT {
                self.items.truncate(KEPT);
                self.below.has_more = true;
                self.selected = self.selected.filter(|at| *at < KEPT);
            }
        }
    }

    /// Newer messages, oldest first, that begin right after the last loaded one.
    pub fn append(&mut self, page: MessagePage) {
        self.below.asked = false;
        let fits = match (self.items.last(), page.messages.first()) {
            (Some(last), Some(first)) => first.parent == Some(last.message.id),
            (_, None) => true,
            (None, Some(_)) => false,
        };
        if !fits {
            return;
        }
        self.below.has_more = page.has_newer;
        self.items.extend(page.messages.into_iter().map(Item::new));
        self.trim();
    }

    /// The first messages of the branch, for the reader who went there.
    pub fn begin_with(&mut self, page: MessagePage) {
        // The reader may have turned back meanwhile.
        if self.seeks.take_if(|seek| seek.end == End::Top).is_none() {
            return;
        }
        self.above.has_more = page.has_older;
        self.below.has_more = page.has_newer;
        self.items = page.messages.into_iter().map(Item::new).collect();
        self.place = Place::At { index: 0, line: 0 };
        self.selected = self.selected.filter(|_| !self.items.is_empty()).map(|_| 0);
    }

    /// What was wanted did not come.
    pub fn fetching_failed(&mut self) {
        self.above.asked = false;
        self.below.asked = false;
        self.seeks = None;
    }

    /// The end of the branch is to be on view.
    pub fn seek_bottom(&mut self) {
        self.to_bottom();
    }

    /// What should be loaded, each thing once: the far end that the reader asked for, or what the reader comes near to.
    pub fn wants(&mut self) -> Option<Wanted> {
        if let Some(seek) = &mut self.seeks {
            let end = match seek.end {
                End::Top => Wanted::Oldest,
                End::Bottom => Wanted::Newest,
            };
            return (!std::mem::replace(&mut seek.asked, true)).then_some(end);
        }
        let (above, below) = match self.place {
            Place::At { index, .. } => (index, self.items.len().saturating_sub(index)),
            Place::Follow => (self.items.len(), 0),
        };
        if self.above.has_more && !self.above.asked && above < NEAR_BEGINNING {
            let first = self.items.first()?.message.id;
            self.above.asked = true;
            return Some(Wanted::Older(first));
        }
        if self.below.has_more && !self.below.asked && below < NEAR_END {
            let last = self.items.last()?.message.id;
            self.below.asked = true;
            return Some(Wanted::Newer(last));
        }
        None
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

    /// Forgets what lies far above the end of what is loaded.
    fn trim(&mut self) {
        let gone = self.items.len().saturating_sub(KEPT);
        if gone > 0 {
            self.items.drain(..gone);
            self.above.has_more = true;
            self.selected = self.selected.and_then(|at| at.checked_sub(gone));
            if let Place::At { index, line } = self.place {
                self.place = match index.checked_sub(gone) {
                    Some(index) => Place::At { index, line },
                    None => Place::At { index: 0, line: 0 },
                };
            }
        }
    }

    /// Whether the line that says what the model no longer sees stands above this message.
    fn is_first_seen(&self, at: usize) -> bool {
        self.meter.first_seen == Some(self.items[at].message.id) && (at > 0 || self.above.has_more)
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
mod passage_tests;
#[cfg(test)]
mod tests;
