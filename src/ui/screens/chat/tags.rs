//! The editor of tags: words with commas between them, completed from those there are; and the list to filter by one.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
};

use super::{
    ChatScreen,
    arrange::{arrange, organise},
    state::Overlay,
    turns::notice,
};
use crate::{
    api::{
        ConversationId, Fault,
        organise::{ConversationRow, PAGE_MAX, Page, Tag},
    },
    safe_text::SafeText,
    ui::{
        actions::Action,
        cx::Cx,
        msg::{Arrange, Effect, OrganiseCall},
        widgets::{
            field::Field,
            modal,
            picker::{Item, Picker, cut},
            toast::Toast,
        },
    },
};

/// Completions shown at once.
const SHOWN: u32 = 6;

#[derive(Debug)]
pub struct TagEditor {
    ids: Vec<ConversationId>,
    /// What all of them carry: what the line begins with.
    common: Vec<String>,
    /// What some of them carry and others do not: it stays as it is.
    some: Vec<String>,
    field: Field,
    found: Vec<Tag>,
    /// The completion that is chosen, if one is.
    at: Option<usize>,
    asked: u64,
}

impl TagEditor {
    fn new(rows: &[ConversationRow]) -> Self {
        let mut common: Vec<String> = rows.first().map(|row| row.tags.clone()).unwrap_or_default();
        common.retain(|tag| rows.iter().all(|row| row.tags.contains(tag)));
        let mut some: Vec<String> =
            rows.iter().flat_map(|row| &row.tags).filter(|tag| !common.contains(tag)).cloned().collect();
        some.sort();
        some.dedup();
        let mut line = common.join(", ");
        if !line.is_empty() {
            line.push_str(", ");
        }
        let ids = rows.iter().map(|row| row.id).collect();
        Self { ids, common, some, field: Field::new(&line), found: Vec::new(), at: None, asked: 0 }
    }

    /// The word that is being written: behind the last comma.
    fn word(&self) -> &str {
        self.field.text().rsplit(',').next().unwrap_or_default().trim().trim_start_matches('#')
    }

    /// The tags as they are written, each once.
    fn written(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for name in self.field.text().split(',').map(|name| name.trim().trim_start_matches('#').trim()) {
            if !name.is_empty() && !names.iter().any(|known| same(known, name)) {
                names.push(name.to_owned());
            }
        }
        names
    }

    /// Those that are found and not written yet.
    fn offered(&self) -> Vec<&Tag> {
        let written = self.written();
        let word = self.word().to_owned();
        let is_new = |tag: &&Tag| !written.iter().any(|name| same(name, &tag.name) && !same(name, &word));
        self.found.iter().filter(is_new).collect()
    }

    /// Puts a completion in the place of the word. False = there is none.
    fn accept(&mut self) -> bool {
        let Some(name) = self.offered().get(self.at.unwrap_or(0)).map(|tag| tag.name.clone()) else { return false };
        let before = self.field.text().rfind(',').map_or("", |at| &self.field.text()[..=at]);
        let space = if before.is_empty() { "" } else { " " };
        let line = format!("{before}{space}{name}, ");
        self.field.set(&line);
        self.at = None;
        true
    }

    /// What to give and what to take away.
    fn change(&self) -> (Vec<String>, Vec<String>) {
        let written = self.written();
        let add = written.iter().filter(|name| !self.common.iter().any(|tag| same(tag, name))).cloned().collect();
        let remove = self.common.iter().filter(|tag| !written.iter().any(|name| same(tag, name))).cloned().collect();
        (add, remove)
    }

    pub(super) fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let hints = cx.hints(&[(Action::Submit, "done"), (Action::NextField, "complete"), (Action::Cancel, "back")]);
        let title = match self.ids.len() {
            1 => "Tags".to_owned(),
            many => format!("Tags of {many} conversations"),
        };
        let inner = modal::open(frame, area, cx, &title, (60, 12), &hints);
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        let line = |row: u16| Rect { y: inner.y + row, height: 1, ..inner }.intersection(inner);
        self.field.view(frame, line(0), cx.theme.text, true);
        if self.field.is_empty() {
            frame.render_widget(Span::styled("rust, to read", cx.theme.placeholder), line(0));
        }
        let width = usize::from(inner.width);
        let chips: Vec<Span> = self
            .written()
            .iter()
            .flat_map(|name| {
                [Span::styled(format!(" #{} ", SafeText::line(name).as_str()), cx.theme.badge), Span::raw(" ")]
            })
            .collect();
        frame.render_widget(Line::from(chips), line(2));
        if !self.some.is_empty() {
            let some: Vec<String> = self.some.iter().map(|tag| format!("#{}", SafeText::line(tag).as_str())).collect();
            let text = format!("On some of them, and left there: {}", some.join(" "));
            frame.render_widget(Line::styled(cut(&text, width), cx.theme.dim), line(3));
        }
        let offered = self.offered();
        if offered.is_empty() {
            let text = if self.word().is_empty() { "Commas stand between tags." } else { "A new tag is made." };
            frame.render_widget(Line::styled(text, cx.theme.dim), line(4));
        }
        for (row, (at, tag)) in (4..).zip(offered.into_iter().enumerate()) {
            let chosen = self.at == Some(at);
            let (mark, style) = if chosen { ("›", cx.theme.selection) } else { (" ", cx.theme.text) };
            let count = format!("({})", tag.conversations);
            let name = cut(SafeText::line(&tag.name).as_str(), width.saturating_sub(count.len() + 5));
            let quiet = if chosen { style } else { cx.theme.dim };
            let shown = Line::from(vec![Span::styled(format!("{mark} {name} "), style), Span::styled(count, quiet)]);
            frame.render_widget(shown, line(row));
        }
    }
}

impl ChatScreen {
    pub(super) fn edit_tags(&mut self, rows: &[ConversationRow]) -> Vec<Effect> {
        self.overlay = Some(Overlay::Tags(Box::new(TagEditor::new(rows))));
        self.ask_tags()
    }

    /// Asks for the completions of what is being written.
    fn ask_tags(&mut self) -> Vec<Effect> {
        self.asked += 1;
        let asked = self.asked;
        let Some(Overlay::Tags(editor)) = &mut self.overlay else { return Vec::new() };
        editor.asked = asked;
        vec![organise(OrganiseCall::Tags { asked, text: editor.word().to_owned(), limit: SHOWN })]
    }

    /// `None` = not used: the keys that complete are looked at one by one.
    pub(super) fn tags_action(&mut self, action: Action) -> Option<Vec<Effect>> {
        match action {
            Action::Submit => Some(self.tags_done()),
            Action::Cancel | Action::Escape | Action::Interrupt => {
                self.overlay = None;
                Some(Vec::new())
            }
            _ => None,
        }
    }

    pub(super) fn tags_key(&mut self, key: KeyEvent) -> Option<Vec<Effect>> {
        let Some(Overlay::Tags(editor)) = &mut self.overlay else { return None };
        let last = editor.offered().len().saturating_sub(1);
        match key.code {
            KeyCode::Tab => {
                if !editor.accept() {
                    return Some(Vec::new());
                }
            }
            KeyCode::Down if !editor.offered().is_empty() => {
                editor.at = Some(editor.at.map_or(0, |at| if at >= last { 0 } else { at + 1 }));
                return Some(Vec::new());
            }
            KeyCode::Up => {
                editor.at = editor.at.and_then(|at| at.checked_sub(1));
                return Some(Vec::new());
            }
            _ => {
                if !editor.field.on_key(key) {
                    return None;
                }
                editor.at = None;
            }
        }
        Some(self.ask_tags())
    }

    pub(super) fn tags_paste(&mut self, text: &str) -> Vec<Effect> {
        if let Some(Overlay::Tags(editor)) = &mut self.overlay {
            editor.field.paste(text.lines().next().unwrap_or_default());
        }
        self.ask_tags()
    }

    fn tags_done(&mut self) -> Vec<Effect> {
        let Some(Overlay::Tags(mut editor)) = self.overlay.take() else { return Vec::new() };
        if editor.at.is_some() && editor.accept() {
            self.overlay = Some(Overlay::Tags(editor));
            return self.ask_tags();
        }
        let (add, remove) = editor.change();
        if add.is_empty() && remove.is_empty() {
            return Vec::new();
        }
        arrange(editor.ids, Arrange::Tag { add, remove })
    }

    /// A list of tags; the chosen one filters the conversations.
    pub(super) fn open_tag_list(&mut self) -> Vec<Effect> {
        self.asked += 1;
        let picker = Picker::new("Show only what carries", Vec::new()).searching().empty("Reading…");
        self.overlay = Some(Overlay::TagList(picker, self.asked));
        vec![organise(OrganiseCall::Tags { asked: self.asked, text: String::new(), limit: PAGE_MAX })]
    }

    pub(super) fn search_tag_list(&mut self, text: &str) -> Vec<Effect> {
        self.asked += 1;
        let asked = self.asked;
        if let Some(Overlay::TagList(_, waits)) = &mut self.overlay {
            *waits = asked;
        }
        vec![organise(OrganiseCall::Tags { asked, text: text.to_owned(), limit: PAGE_MAX })]
    }

    pub(super) fn filter_by_tag(&mut self, name: &str, cx: &Cx) -> Vec<Effect> {
        self.overlay = None;
        self.filtering = false;
        self.set_focus(super::state::Focus::Tree, cx);
        self.set_filter(Some(format!("#\"{name}\"")))
    }

    pub(super) fn on_tags(&mut self, asked: u64, page: Result<Page<Tag>, Fault>) -> Vec<Effect> {
        let page = match page {
            Ok(page) => page,
            Err(fault) => return vec![Effect::Toast(Toast::fault(&fault))],
        };
        match &mut self.overlay {
            Some(Overlay::Tags(editor)) if editor.asked == asked => editor.found = page.rows,
            Some(Overlay::TagList(picker, waits)) if *waits == asked => {
                let none = page.rows.is_empty();
                picker.set_empty(if none && picker.query().is_empty() {
                    "No conversation carries a tag yet; t in the list gives one."
                } else {
                    "No tag matches."
                });
                if page.next.is_some() {
                    picker.set_note("There are more: type a part of the name.");
                } else {
                    picker.set_note("");
                }
                let item =
                    |tag: Tag| Item::new(&tag.name, tag.name.clone()).detail(&format!("({})", tag.conversations));
                picker.set_items(page.rows.into_iter().map(item).collect());
            }
            _ => {}
        }
        Vec::new()
    }

    /// `/tag` in the composer.
    pub(super) fn tag_open(&mut self, names: &str) -> Vec<Effect> {
        let Some(open) = &self.conversation else {
            return notice("This conversation begins with its first message.");
        };
        let (id, row) = (open.row.id, open.row.clone());
        if names.is_empty() {
            return self.edit_tags(&[row]);
        }
        let add = names.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect();
        arrange(vec![id], Arrange::Tag { add, remove: Vec::new() })
    }
}

fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}
