//! The tree's keys and what they start: folders, moving, pinning, trash and back.

use crossterm::event::{KeyCode, KeyEvent};

use super::{
    ChatScreen,
    state::{Answer, Focus, Input, Overlay, Purpose, Question},
    turns::notice,
};
use crate::{
    api::{
        Fault,
        organise::{ConversationRow, Folder, Page, Shelf, Tree as Skeleton},
        retention::Report,
        transfer::ExportScope,
    },
    safe_text::SafeText,
    ui::{
        actions::Action,
        cx::Cx,
        msg::{ChatCall, Effect},
        widgets::{
            field::Field,
            toast::Toast,
            transfer::{Offer, stem},
            tree::{Ask, Node},
        },
    },
};

impl ChatScreen {
    pub(super) fn tree_action(&mut self, action: Action, cx: &Cx) -> Option<Vec<Effect>> {
        let ask = match action {
            Action::TreeUp => self.tree.step(-1),
            Action::TreeDown => self.tree.step(1),
            Action::TreePageUp => self.tree.page(false),
            Action::TreePageDown => self.tree.page(true),
            Action::TreeTop => {
                self.tree.to_top();
                None
            }
            Action::TreeBottom => self.tree.to_bottom(),
            Action::TreeFold => {
                self.tree.fold();
                None
            }
            Action::TreeFilter => {
                self.filtering = true;
                if self.tree.filter().is_none() {
                    return Some(self.set_filter(Some(String::new())));
                }
                None
            }
            Action::TreeOpen => return Some(self.open_node(cx)),
            Action::TreeNewFolder => {
                let parent = self.tree.folder_at_cursor();
                self.overlay = Some(Overlay::Input(Input {
                    title: "Name of the new folder",
                    field: Field::default(),
                    purpose: Purpose::NewFolder { parent },
                }));
                None
            }
            Action::TreeRename => return Some(self.rename()),
            Action::TreeMove => return Some(self.move_subjects()),
            Action::TreeTrash => return Some(self.trash_selected()),
            Action::TreeRestore => return Some(self.restore_subjects(cx)),
            Action::TreeExport => return Some(vec![Effect::Act(Action::Export)]),
            Action::TreeNote => {
                return Some(match self.tree.selected() {
                    Some(Node::Conversation(_, id)) => self.note_conversation(Some(id), cx),
                    Some(Node::Shelf(_) | Node::Group(_) | Node::More(_) | Node::Nothing(_)) | None => {
                        notice("Notes are written on conversations.")
                    }
                });
            }
            Action::TreeHelp => return Some(vec![Effect::Act(Action::Help)]),
            action => return self.organise_action(action, cx),
        };
        Some(ask.map(ask_effect).into_iter().collect())
    }

    fn open_node(&mut self, cx: &Cx) -> Vec<Effect> {
        match self.tree.selected() {
            Some(Node::Shelf(shelf)) => {
                let open = !self.tree.is_open(shelf);
                self.tree.set_open(shelf, open).map(ask_effect).into_iter().collect()
            }
            Some(Node::Conversation(_, id)) => {
                let effects = self.open(id);
                self.set_focus(Focus::Composer, cx);
                effects
            }
            Some(Node::More(_) | Node::Nothing(_) | Node::Group(_)) | None => Vec::new(),
        }
    }

    pub(super) fn set_filter(&mut self, filter: Option<String>) -> Vec<Effect> {
        let is_cleared = filter.is_none();
        let ask = self.tree.set_filter(filter);
        if is_cleared {
            return ask.map(ask_effect).into_iter().collect();
        }
        self.tree.ask_filtered().map(ask_effect).into_iter().collect()
    }

    /// Typing in the filter box.
    pub(super) fn filter_key(&mut self, key: KeyEvent) -> Option<Vec<Effect>> {
        let mut text = self.tree.filter().unwrap_or_default().to_owned();
        match key.code {
            KeyCode::Char(c) if key.modifiers.difference(crossterm::event::KeyModifiers::SHIFT).is_empty() => {
                text.push_str(SafeText::line(&c.to_string()).as_str());
            }
            KeyCode::Backspace => {
                use unicode_segmentation::UnicodeSegmentation as _;
                let end = text.grapheme_indices(true).next_back().map_or(0, |(at, _)| at);
                text.truncate(end);
            }
            _ => return None,
        }
        Some(self.set_filter(Some(text)))
    }

    /// The filter box's own actions: it has a form's keys.
    pub(super) fn filter_action(&mut self, action: Action) -> Option<Vec<Effect>> {
        match action {
            Action::Submit => {
                self.filtering = false;
                if self.tree.filter() == Some("") {
                    return Some(self.set_filter(None));
                }
                Some(Vec::new())
            }
            Action::NextField => Some(self.tree.step(1).map(ask_effect).into_iter().collect()),
            Action::PreviousField => Some(self.tree.step(-1).map(ask_effect).into_iter().collect()),
            Action::Cancel | Action::Escape | Action::Interrupt => {
                self.filtering = false;
                Some(self.set_filter(None))
            }
            _ => None,
        }
    }

    pub(super) fn selected_row(&self) -> Option<&ConversationRow> {
        match self.tree.selected()? {
            Node::Conversation(_, id) => self.tree.row_of(id).map(|entry| &entry.row),
            Node::Shelf(_) | Node::More(_) | Node::Nothing(_) | Node::Group(_) => None,
        }
    }

    pub(super) fn selected_folder(&self) -> Option<&Folder> {
        match self.tree.selected()? {
            Node::Shelf(Shelf::Folder(Some(id))) => self.tree.folder(id),
            Node::Shelf(_) | Node::Conversation(..) | Node::More(_) | Node::Nothing(_) | Node::Group(_) => None,
        }
    }

    /// What can be exported, what the person looks at first.
    pub fn offers(&self) -> Vec<Offer> {
        let mut offers = Vec::new();
        let mut offer = |row: &ConversationRow| {
            let title = SafeText::line(&row.title).into_string();
            let scope = ExportScope::Conversations(vec![row.id]);
            let stem = stem(&title);
            let offer = Offer { label: format!("the conversation “{title}”"), stem, scope };
            if !offers.contains(&offer) {
                offers.push(offer);
            }
        };
        let open = self.conversation.as_ref().map(|conversation| &conversation.row);
        if self.focus == Focus::Tree {
            self.selected_row().into_iter().chain(open).for_each(&mut offer);
        } else {
            open.into_iter().chain(self.selected_row()).for_each(&mut offer);
        }
        if let Some(folder) = self.selected_folder() {
            let name = SafeText::line(&folder.name).into_string();
            let scope = ExportScope::Folder(folder.id);
            let offer = Offer { stem: stem(&name), label: format!("the folder “{name}” and what is in it"), scope };
            offers.insert(if self.focus == Focus::Tree { 0 } else { offers.len() }, offer);
        }
        let marked = self.tree.marked();
        if !marked.is_empty() {
            let label = match (marked.len(), self.tree.marked_folders().len()) {
                (1, 0) => "the marked conversation".to_owned(),
                (many, 0) => format!("the {many} marked conversations"),
                (many, _) => format!("the marked conversations ({many}), without the marked folders"),
            };
            let scope = ExportScope::Conversations(marked.iter().map(|row| row.id).collect());
            offers.insert(0, Offer { label, stem: "conversations".to_owned(), scope });
        }
        offers
    }

    fn rename(&mut self) -> Vec<Effect> {
        let input = if let Some(row) = self.selected_row() {
            Input {
                title: "Title",
                field: Field::new(&row.title),
                purpose: Purpose::Title { id: row.id, rev: row.rev },
            }
        } else if let Some(folder) = self.selected_folder() {
            Input {
                title: "Name of the folder",
                field: Field::new(&folder.name),
                purpose: Purpose::FolderName { id: folder.id, rev: folder.rev },
            }
        } else {
            return notice("Only folders and conversations have a name to change.");
        };
        self.overlay = Some(Overlay::Input(input));
        Vec::new()
    }

    fn trash_selected(&mut self) -> Vec<Effect> {
        if let Some(effects) = self.trash_subjects() {
            return effects;
        }
        let Some(folder) = self.selected_folder() else {
            return notice("This cannot be moved to the trash.");
        };
        let name = SafeText::line(&folder.name).into_string();
        let mut answers = vec![("Keep the content: it moves up", Answer::DeleteFolderKeepContent(folder.id))];
        answers.push(("Conversations go to the trash, folders go", Answer::DeleteFolderTrashContent(folder.id)));
        answers.push(("Keep the folder", Answer::Nothing));
        self.overlay = Some(Overlay::Question(Question {
            title: format!("Delete the folder “{name}”"),
            text: "What becomes of the conversations and folders in it?".to_owned(),
            answers,
            at: 0,
        }));
        Vec::new()
    }

    pub(super) fn on_tree(&mut self, tree: Result<Skeleton, Fault>) -> Vec<Effect> {
        match tree {
            Ok(skeleton) => self.tree.set_skeleton(skeleton).map(ask_effect).into_iter().collect(),
            Err(fault) => vec![Effect::Toast(Toast::fault(&fault))],
        }
    }

    pub(super) fn on_conversations(
        &mut self,
        asked: u64,
        shelf: Shelf,
        page: Result<Page<ConversationRow>, Fault>,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        let page = match page {
            Ok(page) => {
                // A title made in the background reaches the open conversation with the list.
                if let Some(open) = &mut self.conversation
                    && let Some(row) = page.rows.iter().find(|row| row.id == open.row.id)
                {
                    open.row.title.clone_from(&row.title);
                    open.row.folder = row.folder;
                }
                Some(page)
            }
            Err(fault) => {
                effects.push(Effect::Toast(Toast::fault(&fault)));
                None
            }
        };
        effects.extend(self.tree.set_page(asked, shelf, page).map(ask_effect));
        effects
    }

    pub(super) fn on_folder_created(&mut self, folder: Result<Folder, Fault>) -> Vec<Effect> {
        match folder {
            Ok(folder) => {
                let mut effects = vec![Effect::Chat(ChatCall::Tree)];
                if let Some(parent) = folder.parent {
                    effects.extend(self.tree.set_open(Shelf::Folder(Some(parent)), true).map(ask_effect));
                }
                effects
            }
            Err(fault) => vec![Effect::Toast(Toast::fault(&fault))],
        }
    }

    pub(super) fn on_folder_done(done: Result<(), Fault>) -> Vec<Effect> {
        match done {
            Ok(()) => vec![Effect::Chat(ChatCall::Tree)],
            Err(fault) => vec![Effect::Toast(Toast::fault(&fault))],
        }
    }
}

/// What the rules for old conversations did on their own.
pub(super) fn put_away(report: &Report) -> Toast {
    let said = super::rules::said(report);
    Toast::notice(format!("Old conversations: {said}.")).hint("As your rules for old conversations say.")
}

pub(super) fn ask_effect(ask: Ask) -> Effect {
    let Ask { asked, shelf, filter, after, limit } = ask;
    Effect::Chat(ChatCall::Conversations { asked, shelf, filter, after, limit })
}
