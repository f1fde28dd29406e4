//! The Library: everything of one's own that is not a conversation, a tab each.
//!
//! A further tab is its module, a row of [`TABS`], a field, and its arm where the one on view is looked up.

mod documents;
mod notes;
mod paged;
mod shelf;

use crossterm::event::{KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
};

pub use self::notes::{NotesTab, told};
use self::{documents::DocumentsTab, shelf::ShelfTab};
use crate::{
    api::library::Kind,
    ui::{
        actions::{Action, Context},
        cx::{Cx, Hint},
        msg::{Effect, LibraryReply, ListReply},
        screens::Screen,
        widgets::tabs,
    },
};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum TabName {
    #[default]
    Notes,
    Presets,
    Prompts,
    Documents,
}

const TABS: [(TabName, Action, &str); 4] = [
    (TabName::Notes, Action::LibraryNotes, "Notes"),
    (TabName::Presets, Action::LibraryPresets, "Presets"),
    (TabName::Prompts, Action::LibraryPrompts, "Prompts"),
    (TabName::Documents, Action::LibraryFiles, "Files"),
];

/// What the Library asks of the tab on view.
pub trait Tab {
    /// Comes to view, or is to be read anew.
    fn shown(&mut self) -> Vec<Effect>;
    /// `None` = not used.
    fn on_action(&mut self, action: Action, cx: &Cx) -> Option<Vec<Effect>>;
    /// `None` = not used.
    fn on_key(&mut self, key: KeyEvent, cx: &Cx) -> Option<Vec<Effect>>;
    fn on_paste(&mut self, text: String) -> Vec<Effect>;
    fn on_mouse(&mut self, mouse: MouseEvent, area: Rect) -> Vec<Effect>;
    /// Text that came back from `$EDITOR`.
    fn on_edited(&mut self, text: &str);
    fn context(&self) -> Context;
    fn is_busy(&self) -> bool;
    /// Something in it is to be finished first.
    fn holds(&self) -> bool;
    fn footer(&self, cx: &Cx) -> Vec<Hint>;
    /// `whole`: the screen, for what stands in front.
    fn view(&self, frame: &mut Frame, area: Rect, whole: Rect, cx: &Cx, in_front: bool);
}

/// From this width on what is selected stands beside its list.
const WIDE: u16 = 70;

/// The list, and what is selected: beside it, or below it where it is narrow; nothing where it is low as well.
fn parts(area: Rect) -> (Rect, Rect) {
    if area.width >= WIDE {
        let list = (area.width * 2 / 5).clamp(38, 60);
        let [list, whole] = Layout::horizontal([Constraint::Length(list), Constraint::Min(0)]).areas(area);
        (list, whole)
    } else if area.height >= 12 {
        let [list, whole] = Layout::vertical([Constraint::Fill(1), Constraint::Fill(1)]).areas(area);
        (list, whole)
    } else {
        (area, Rect::ZERO)
    }
}

#[derive(Debug)]
pub struct LibraryScreen {
    on_view: TabName,
    notes: NotesTab,
    presets: ShelfTab,
    prompts: ShelfTab,
    documents: DocumentsTab,
    /// It was shown once, so that what changes is of interest.
    is_shown: bool,
}

impl Default for LibraryScreen {
    fn default() -> Self {
        Self {
            on_view: TabName::default(),
            notes: NotesTab::default(),
            presets: ShelfTab::new(Kind::Presets),
            prompts: ShelfTab::new(Kind::Prompts),
            documents: DocumentsTab::default(),
            is_shown: false,
        }
    }
}

impl LibraryScreen {
    fn current(&self) -> &dyn Tab {
        match self.on_view {
            TabName::Notes => &self.notes,
            TabName::Presets => &self.presets,
            TabName::Prompts => &self.prompts,
            TabName::Documents => &self.documents,
        }
    }

    fn current_mut(&mut self) -> &mut dyn Tab {
        match self.on_view {
            TabName::Notes => &mut self.notes,
            TabName::Presets => &mut self.presets,
            TabName::Prompts => &mut self.prompts,
            TabName::Documents => &mut self.documents,
        }
    }

    /// Something of the person's changed, here or in another window.
    pub fn changed(&mut self) -> Vec<Effect> {
        if self.is_shown { self.current_mut().shown() } else { Vec::new() }
    }

    pub fn on_notes(&mut self, reply: ListReply) -> Vec<Effect> {
        self.notes.on_reply(reply)
    }

    /// Each tab gets its own, on view or not.
    pub fn on_library(&mut self, reply: LibraryReply, _cx: &Cx) -> Vec<Effect> {
        match reply {
            LibraryReply::Listed { asked, kind, rows } => self.shelf(kind).on_rows(asked, rows),
            LibraryReply::Shown { asked, kind, whole } => self.shelf(kind).on_shown(asked, whole),
            LibraryReply::Saved { kind, whole } => self.shelf(kind).on_saved(whole),
            LibraryReply::Deleted { kind, done } => self.shelf(kind).on_done(done, "It is deleted."),
            LibraryReply::DefaultSet(done) => {
                self.presets.on_done(done, "New conversations begin as you have just said.")
            }
            LibraryReply::Folders(tree) => self.presets.on_folders(tree),
            LibraryReply::OfFolderSet(done) => {
                self.presets.on_done(done, "New conversations in that folder begin as you have just said.")
            }
            LibraryReply::Exported { path, .. } => ShelfTab::on_exported(path),
            LibraryReply::Imported { kind, path, done } => self.shelf(kind).on_imported(path, done),
            LibraryReply::Documents { asked, page } => self.documents.on_files(asked, page),
            LibraryReply::Places { asked, page } => self.documents.on_places(asked, page),
        }
    }

    fn shelf(&mut self, kind: Kind) -> &mut ShelfTab {
        match kind {
            Kind::Presets => &mut self.presets,
            Kind::Prompts => &mut self.prompts,
        }
    }

    pub fn on_edited(&mut self, text: &str) {
        self.current_mut().on_edited(text);
    }

    fn open(&mut self, tab: TabName) -> Vec<Effect> {
        if tab == self.on_view {
            return Vec::new();
        }
        self.on_view = tab;
        self.current_mut().shown()
    }

    fn areas(area: Rect) -> (Rect, Rect) {
        let [top, body] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
        (top, body)
    }
}

impl Screen for LibraryScreen {
    fn shown(&mut self, _cx: &Cx) -> Vec<Effect> {
        self.is_shown = true;
        self.current_mut().shown()
    }

    fn hidden(&mut self) {
        self.is_shown = false;
    }

    fn on_action(&mut self, action: Action, cx: &Cx) -> Option<Vec<Effect>> {
        if let Some(effects) = self.current_mut().on_action(action, cx) {
            return Some(effects);
        }
        if self.holds() {
            return None;
        }
        if let Some(tab) = tabs::opened_by(&TABS, action) {
            return Some(self.open(tab));
        }
        match action {
            Action::LibraryNextTab | Action::LibraryPreviousTab => {
                Some(self.open(tabs::beside(&TABS, self.on_view, action == Action::LibraryNextTab)))
            }
            Action::LibraryHelp => Some(vec![Effect::Act(Action::Help)]),
            Action::Refresh => Some(self.current_mut().shown()),
            Action::Escape => Some(vec![Effect::Act(Action::ScreenChat)]),
            _ => None,
        }
    }

    fn on_key(&mut self, key: KeyEvent, cx: &Cx) -> Option<Vec<Effect>> {
        self.current_mut().on_key(key, cx)
    }

    fn on_paste(&mut self, text: String, _cx: &Cx) -> Vec<Effect> {
        self.current_mut().on_paste(text)
    }

    fn on_mouse(&mut self, mouse: MouseEvent, area: Rect, cx: &Cx) -> Vec<Effect> {
        let (top, body) = Self::areas(area);
        if mouse.row == top.y && mouse.kind == MouseEventKind::Down(MouseButton::Left) {
            let clicked = tabs::at(&TABS, self.on_view, mouse.column.saturating_sub(top.x), top.width, cx);
            return clicked.filter(|_| !self.holds()).map(|tab| self.open(tab)).unwrap_or_default();
        }
        self.current_mut().on_mouse(mouse, body)
    }

    fn holds(&self) -> bool {
        self.current().holds()
    }

    fn offers(&self, context: Context) -> bool {
        context == Context::Library
    }

    fn context(&self) -> Context {
        self.current().context()
    }

    fn is_busy(&self) -> bool {
        self.current().is_busy()
    }

    fn footer(&self, cx: &Cx) -> Vec<Hint> {
        self.current().footer(cx)
    }

    fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx, in_front: bool) {
        let (top, body) = Self::areas(area);
        frame.render_widget(tabs::line(&TABS, self.on_view, top.width, cx), top);
        self.current().view(frame, body, area, cx, in_front);
    }
}

#[cfg(test)]
mod tests;
