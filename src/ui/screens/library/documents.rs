//! The tab with all files that were attached: each with its size and kind, and beside it the messages that have it. It
//! leads to these messages; what is in a file is not shown here.

use crossterm::event::{KeyEvent, MouseEvent};
use ratatui::{Frame, layout::Rect};

use super::{
    Tab,
    paged::{Moved, Paged, Pointed, Read},
    parts,
};
use crate::{
    api::{
        DocumentId, Fault, amount,
        documents::{DocumentPlace, DocumentRow},
        organise::Page,
    },
    safe_text::SafeText,
    ui::{
        actions::{Action, Context},
        cx::{Cx, Hint},
        msg::{Effect, LibraryCall, Spot},
    },
};

#[derive(Debug)]
pub struct DocumentsTab {
    files: Paged<DocumentRow>,
    places: Paged<DocumentPlace>,
    /// Whose places these are.
    of: Option<DocumentId>,
    /// The places have the keys.
    in_places: bool,
}

impl Default for DocumentsTab {
    fn default() -> Self {
        Self { files: Paged::default(), places: Paged::without_filter(), of: None, in_places: false }
    }
}

impl DocumentsTab {
    fn read(read: Read) -> Effect {
        let Read { asked, filter, after, limit } = read;
        Effect::Library(LibraryCall::Documents { asked, filter, after, limit })
    }

    fn read_places(&self, read: Read) -> Option<Effect> {
        let Read { asked, after, limit, .. } = read;
        self.of.map(|document| Effect::Library(LibraryCall::Places { asked, document, after, limit }))
    }

    /// After the cursor may have moved: the page that is wanted, and where the file that it is on now is attached.
    fn follow(&mut self, moved: Moved) -> Vec<Effect> {
        let mut effects: Vec<Effect> = moved.read.map(Self::read).into_iter().collect();
        let on = self.files.selected().map(|row| row.id);
        if on != self.of {
            effects.extend(self.show());
        }
        effects
    }

    fn show(&mut self) -> Option<Effect> {
        let on = self.files.selected().map(|row| row.id);
        if on != self.of {
            self.of = on;
            self.in_places = false;
            self.places.clear();
        }
        let read = self.places.load();
        self.read_places(read)
    }

    pub fn on_files(&mut self, asked: u64, page: Result<Page<DocumentRow>, Fault>) -> Vec<Effect> {
        if !self.files.take(asked, page, |one, other| one.id == other.id) {
            return Vec::new();
        }
        let mut effects: Vec<Effect> = self.show().into_iter().collect();
        effects.extend(self.files.more().map(Self::read));
        effects
    }

    pub fn on_places(&mut self, asked: u64, page: Result<Page<DocumentPlace>, Fault>) -> Vec<Effect> {
        if !self.places.take(asked, page, |one, other| one.message == other.message) {
            return Vec::new();
        }
        let more = self.places.more();
        more.and_then(|read| self.read_places(read)).into_iter().collect()
    }

    /// To the message; where there are several, among them first.
    fn open(&mut self) -> Vec<Effect> {
        if !self.in_places && self.places.rows.len() > 1 {
            self.in_places = true;
            return Vec::new();
        }
        let Some(place) = self.places.selected() else { return Vec::new() };
        vec![Effect::OpenAt(Box::new(Spot {
            conversation: place.conversation,
            message: Some(place.message),
            terms: Vec::new(),
            chars: None,
            back: Some(Action::ScreenLibrary),
        }))]
    }
}

impl Tab for DocumentsTab {
    fn shown(&mut self) -> Vec<Effect> {
        vec![Self::read(self.files.load())]
    }

    fn on_action(&mut self, action: Action, _cx: &Cx) -> Option<Vec<Effect>> {
        if self.in_places {
            match action {
                Action::LibraryFilter => {}
                Action::LibraryOpen => return Some(self.open()),
                Action::Escape => {
                    self.in_places = false;
                    return Some(Vec::new());
                }
                action => {
                    let moved = self.places.on_action(action)?;
                    return Some(moved.read.and_then(|read| self.read_places(read)).into_iter().collect());
                }
            }
            self.in_places = false;
        }
        match self.files.on_action(action) {
            Some(moved) => Some(self.follow(moved)),
            None if self.files.is_typing() => None,
            None if action == Action::LibraryOpen => Some(self.open()),
            None => None,
        }
    }

    fn on_key(&mut self, key: KeyEvent, _cx: &Cx) -> Option<Vec<Effect>> {
        let moved = self.files.on_key(key)?;
        Some(self.follow(moved))
    }

    fn on_paste(&mut self, text: String) -> Vec<Effect> {
        let moved = self.files.paste(&text);
        self.follow(moved)
    }

    fn on_mouse(&mut self, mouse: MouseEvent, area: Rect) -> Vec<Effect> {
        let (list, places) = parts(area);
        match (self.files.on_mouse(mouse, list), self.places.on_mouse(mouse, places)) {
            (Some(Pointed::At(moved)), _) => {
                self.in_places = false;
                self.follow(moved)
            }
            (Some(Pointed::Open), _) => self.open(),
            (None, Some(Pointed::At(moved))) => {
                self.in_places = true;
                moved.read.and_then(|read| self.read_places(read)).into_iter().collect()
            }
            (None, Some(Pointed::Open)) => {
                self.in_places = true;
                self.open()
            }
            (None, None) => Vec::new(),
        }
    }

    fn on_edited(&mut self, _text: &str) {}

    fn context(&self) -> Context {
        if self.files.is_typing() { Context::Form } else { Context::Library }
    }

    fn is_busy(&self) -> bool {
        self.files.is_loading() && self.files.rows.is_empty()
    }

    fn holds(&self) -> bool {
        self.files.is_typing()
    }

    fn footer(&self, cx: &Cx) -> Vec<Hint> {
        if self.files.is_typing() {
            return Paged::<DocumentRow>::typing_hints(cx);
        }
        let open = if self.in_places || self.places.rows.len() < 2 { "go there" } else { "choose where" };
        let mut hints = Vec::new();
        if !self.files.rows.is_empty() {
            hints.extend(cx.hints(&[(Action::LibraryOpen, open), (Action::LibraryFilter, "filter")]));
        }
        hints.extend(cx.hints(&[(Action::Escape, "back"), (Action::LibraryHelp, "help")]));
        hints
    }

    fn view(&self, frame: &mut Frame, area: Rect, _whole: Rect, cx: &Cx, in_front: bool) {
        // Without a file there is nothing to stand beside the list.
        let (list, places) = if self.files.rows.is_empty() { (area, Rect::default()) } else { parts(area) };
        let empty = "No files yet. In the chat, @ and a path attach one to a message.";
        let line = |row: &DocumentRow| {
            let hidden = if row.hidden_characters > 0 { " ⚠" } else { "" };
            let about = format!("{} {} · {}", row.kind.word(), amount::bytes(row.bytes), cx.clock(row.created_at));
            (format!("{}{hidden}", SafeText::line(&row.name)), about)
        };
        self.files.view(frame, list, cx, ("Files", in_front && !self.in_places, empty), line);
        if places.is_empty() {
            return;
        }
        let title = self.files.selected().map(about).unwrap_or_default();
        let empty = if self.of.is_some() { "Only a branch in the trash has it." } else { "" };
        let line = |place: &DocumentPlace| {
            let where_to = match (place.trashed, place.archived) {
                (true, _) => "in the trash · ",
                (false, true) => "archived · ",
                (false, false) => "",
            };
            let other = self.files.selected().is_some_and(|row| row.name != place.name);
            let name = if other { format!(" ({})", SafeText::line(&place.name)) } else { String::new() };
            (format!("{}{name}", SafeText::line(&place.title)), format!("{where_to}{}", cx.clock(place.at)))
        };
        self.places.view(frame, places, cx, (&title, in_front && self.in_places, empty), line);
    }
}

/// `report.txt · text · 1.3 kB · 4 hidden characters`.
fn about(row: &DocumentRow) -> String {
    let name = SafeText::line(&row.name);
    let hidden = match row.hidden_characters {
        0 => String::new(),
        hidden => format!(" · {}", amount::many(hidden, "hidden character")),
    };
    format!("{name} · {} · {}{hidden}", row.kind.word(), amount::bytes(row.bytes))
}
