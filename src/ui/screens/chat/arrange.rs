//! What is done to one conversation or to all that are marked, and how it is taken back.

use super::{
    ChatScreen,
    state::{Answer, Moving, Overlay, Question},
    turns::notice,
};
use crate::{
    api::{
        ConversationId, Fault, FolderId, amount,
        organise::{
            Conversation, ConversationRow, Folder, FolderContent, Grouping, NewConversation, Purged, Shelf, TakenBack,
            Undo,
        },
    },
    safe_text::SafeText,
    ui::{
        actions::Action,
        cx::Cx,
        msg::{Arrange, ChatCall, Effect, OrganiseCall, OrganiseReply},
        widgets::{
            picker::{Item, Picker},
            toast::Toast,
            tree::Node,
        },
    },
};

impl ChatScreen {
    /// The marked conversations; where nothing is marked, the one under the cursor.
    pub(super) fn subjects(&self) -> Vec<ConversationRow> {
        if self.tree.marks() == 0 { self.selected_row().cloned().into_iter().collect() } else { self.tree.marked() }
    }

    /// What can be done to conversations only says what becomes of the folders that are marked beside them.
    fn but_folders(&self, mut effects: Vec<Effect>, what: &str) -> Vec<Effect> {
        match self.tree.marked_folders().len() {
            0 => {}
            1 => effects.push(Effect::Toast(Toast::notice(format!("Folders {what}: the marked one stays as it is.")))),
            many => {
                effects
                    .push(Effect::Toast(Toast::notice(format!("Folders {what}: the {many} marked stay as they are."))));
            }
        }
        effects
    }

    pub(super) fn organise_action(&mut self, action: Action, cx: &Cx) -> Option<Vec<Effect>> {
        Some(match action {
            Action::TreeMark => {
                if self.tree.toggle_mark() {
                    self.tree.step(1).map(super::shelves::ask_effect).into_iter().collect()
                } else {
                    notice("Only conversations and folders can be marked.")
                }
            }
            Action::TreePin => self.turn("pinned", |row| row.pinned, Arrange::Pin),
            Action::TreeArchive => self.turn("archived", |row| row.archived, Arrange::Archive),
            Action::TreeDuplicate => match ids(&self.subjects()) {
                none if none.is_empty() => notice("Only conversations can be duplicated."),
                some => self.but_folders(vec![organise(OrganiseCall::Duplicate(some))], "are not copied"),
            },
            Action::TreeTags => {
                let rows = self.subjects();
                if rows.is_empty() {
                    notice("Only conversations carry tags.")
                } else {
                    let effects = self.edit_tags(&rows);
                    self.but_folders(effects, "carry no tags")
                }
            }
            Action::TreeByTag => self.open_tag_list(),
            Action::TreePurge => self.ask_purge(),
            Action::TreeEmptyTrash => self.ask_empty_trash(),
            Action::TreeGrouping => {
                let other = match self.tree.grouping() {
                    Grouping::Folders => Grouping::Time,
                    Grouping::Time => Grouping::Folders,
                };
                vec![organise(OrganiseCall::Group(other))]
            }
            Action::Undo => self.take_back(cx),
            Action::RetentionRules => self.open_rules(),
            _ => return None,
        })
    }

    /// On for all, or off where all have it already.
    fn turn(
        &self,
        what: &str,
        has: impl Fn(&ConversationRow) -> bool,
        change: impl Fn(bool) -> Arrange,
    ) -> Vec<Effect> {
        let rows = self.subjects();
        if rows.is_empty() {
            return notice(&format!("Only conversations can be {what}."));
        }
        let on = !rows.iter().all(has);
        self.but_folders(arrange(ids(&rows), change(on)), &format!("cannot be {what}"))
    }

    pub(super) fn move_subjects(&mut self) -> Vec<Effect> {
        let (ids, folders) = (ids(&self.subjects()), self.tree.marked_folders());
        let moving = match (ids.is_empty(), folders.is_empty()) {
            (_, false) => {
                Moving::Together { ids, folders: folders.iter().map(|folder| (folder.id, Some(folder.rev))).collect() }
            }
            (false, true) => Moving::Conversations(ids),
            (true, true) => {
                let Some(folder) = self.selected_folder() else {
                    return notice("Only folders and conversations can be moved.");
                };
                Moving::Folder { id: folder.id, rev: folder.rev }
            }
        };
        self.choose_place(moving);
        Vec::new()
    }

    pub(super) fn choose_place(&mut self, moving: Moving) {
        let (outside, top, title) = match &moving {
            Moving::Conversations(ids) if ids.len() > 1 => (Vec::new(), "No folder", format!("Move {} to", ids.len())),
            Moving::Conversations(_) => (Vec::new(), "No folder", "Move to".to_owned()),
            Moving::Folder { id, .. } => (vec![*id], "The top level", "Move the folder to".to_owned()),
            Moving::Together { ids, folders } => (
                folders.iter().map(|(id, _)| *id).collect(),
                "The top level, in no folder",
                format!("Move {} to", ids.len() + folders.len()),
            ),
        };
        let mut items = vec![Item::new(top, None)];
        items.extend(self.tree.places(&outside).into_iter().map(|(id, path)| Item::new(&path, Some(id))));
        self.overlay = Some(Overlay::Places(Picker::new(&title, items).empty("No folder matches."), moving));
    }

    pub(super) fn move_to(moving: Moving, place: Option<FolderId>) -> Vec<Effect> {
        match moving {
            Moving::Conversations(ids) => arrange(ids, Arrange::Move(place)),
            Moving::Folder { id, rev } => {
                arrange(Vec::new(), Arrange::MoveFolder { id, parent: place, seen_rev: Some(rev) })
            }
            Moving::Together { ids, folders } => arrange(ids, Arrange::MoveTogether { folders, place }),
        }
    }

    pub(super) fn trash_subjects(&mut self) -> Option<Vec<Effect>> {
        let rows = self.subjects();
        let folders = self.tree.marked_folders();
        if !folders.is_empty() {
            let kept = rows.iter().filter(|row| !row.trashed).count();
            let beside = match kept {
                0 => String::new(),
                kept => format!(" Into the trash as well: {}.", amount::many(kept, "marked conversation")),
            };
            self.overlay = Some(Overlay::Question(Question {
                title: format!("Delete {}", amount::many(folders.len(), "folder")),
                text: format!("What becomes of the conversations and folders in them?{beside}"),
                answers: vec![
                    ("Keep the content: it moves up", Answer::DeleteMarked(FolderContent::MoveUp)),
                    ("Conversations go to the trash, folders go", Answer::DeleteMarked(FolderContent::Trash)),
                    ("Keep the folders", Answer::Nothing),
                ],
                at: 0,
            }));
            return Some(Vec::new());
        }
        if rows.is_empty() {
            return None;
        }
        let kept: Vec<ConversationId> = rows.iter().filter(|row| !row.trashed).map(|row| row.id).collect();
        Some(if kept.is_empty() {
            notice("It is in the trash already; u restores it.")
        } else {
            arrange(kept, Arrange::Trash(true))
        })
    }

    /// All folders that are marked, and the conversations beside them into the trash.
    pub(super) fn delete_marked(&mut self, content: FolderContent) -> Vec<Effect> {
        let kept: Vec<ConversationId> =
            self.tree.marked().iter().filter(|row| !row.trashed).map(|row| row.id).collect();
        let delete = |folder: Folder| Effect::Chat(ChatCall::DeleteFolder { id: folder.id, content });
        let mut effects: Vec<Effect> = self.tree.marked_folders().into_iter().map(delete).collect();
        if !kept.is_empty() {
            effects.extend(arrange(kept, Arrange::Trash(true)));
        }
        self.tree.clear_marks();
        effects
    }

    /// What is in the trash comes back; where nothing of it is chosen, the last change is taken back.
    pub(super) fn restore_subjects(&mut self, cx: &Cx) -> Vec<Effect> {
        let trashed: Vec<ConversationId> = self.subjects().iter().filter(|row| row.trashed).map(|row| row.id).collect();
        if trashed.is_empty() { self.take_back(cx) } else { arrange(trashed, Arrange::Trash(false)) }
    }

    fn take_back(&mut self, cx: &Cx) -> Vec<Effect> {
        match self.undo.take() {
            Some((undo, _)) => vec![organise(OrganiseCall::TakeBack(undo))],
            None => vec![Effect::Toast(
                Toast::notice("Nothing to take back.")
                    .hint(format!("{} takes back the last change to the list.", cx.key(Action::Undo))),
            )],
        }
    }

    fn ask_purge(&mut self) -> Vec<Effect> {
        if matches!(self.tree.selected(), Some(Node::Shelf(Shelf::Trash))) && self.tree.marked().is_empty() {
            return self.ask_empty_trash();
        }
        let rows = self.subjects();
        if rows.is_empty() || rows.iter().any(|row| !row.trashed) {
            return notice("Only what is in the trash can be removed for good; d moves it there.");
        }
        let title = match rows.as_slice() {
            [row] => format!("Remove “{}” for good", SafeText::line(&row.title).as_str()),
            many => format!("Remove {} conversations for good", many.len()),
        };
        let messages: u64 = rows.iter().map(|row| u64::from(row.messages)).sum();
        self.ask(
            title,
            format!("{} go with their files. This cannot be taken back.", amount::many(messages, "message")),
            "Remove for good",
            Answer::Purge,
        )
    }

    fn ask_empty_trash(&mut self) -> Vec<Effect> {
        let count = self.tree.counts().trash;
        if count == 0 {
            return notice("The trash is empty.");
        }
        self.ask(
            "Empty the trash".to_owned(),
            format!(
                "{} go with their messages and files. This cannot be taken back.",
                amount::many(count, "conversation")
            ),
            "Remove everything in it for good",
            Answer::EmptyTrash,
        )
    }

    fn ask(&mut self, title: String, text: String, yes: &'static str, answer: Answer) -> Vec<Effect> {
        // What keeps things stands first, so that a hasty Enter loses nothing.
        let answers = vec![("Keep", Answer::Nothing), (yes, answer)];
        self.overlay = Some(Overlay::Question(Question { title, text, answers, at: 0 }));
        Vec::new()
    }

    pub(super) fn purge_subjects(&self) -> Vec<Effect> {
        let trashed: Vec<ConversationId> = self.subjects().iter().filter(|row| row.trashed).map(|row| row.id).collect();
        if trashed.is_empty() { Vec::new() } else { vec![organise(OrganiseCall::Purge(Some(trashed)))] }
    }

    pub(super) fn on_organised(&mut self, reply: OrganiseReply, cx: &Cx) -> Vec<Effect> {
        match reply {
            OrganiseReply::Arranged { ids, change, undo } => self.on_arranged(&ids, &change, undo, cx),
            OrganiseReply::TakenBack(done) => on_taken_back(done),
            OrganiseReply::Duplicated(copies) => self.on_duplicated(copies),
            OrganiseReply::Purged { ids, purged } => self.on_purged(ids.as_deref(), purged, cx),
            OrganiseReply::Grouped(Ok(())) => vec![Effect::Chat(ChatCall::Tree)],
            OrganiseReply::Grouped(Err(fault)) => vec![Effect::Toast(Toast::fault(&fault))],
            OrganiseReply::Tags { asked, page } => self.on_tags(asked, page),
            OrganiseReply::Retention(told) => self.on_retention(told),
            OrganiseReply::Preview { asked, preview } => self.on_preview(asked, preview),
            OrganiseReply::RetentionSet(set) => Self::on_retention_set(set),
        }
    }

    fn on_arranged(
        &mut self,
        ids: &[ConversationId],
        change: &Arrange,
        undo: Result<Undo, Fault>,
        cx: &Cx,
    ) -> Vec<Effect> {
        let undo = match undo {
            Ok(undo) => undo,
            Err(fault) => return vec![Effect::Toast(Toast::fault(&fault)), Effect::Chat(ChatCall::Tree)],
        };
        if undo.is_empty() {
            return notice("There is nothing to change: it is so already.");
        }
        let said = self.said(change, &undo);
        let toast = Toast::good(said.clone()).hint(format!("{} takes it back.", cx.key(Action::Undo)));
        let mut effects = vec![Effect::Toast(toast), Effect::Chat(ChatCall::Tree)];
        self.undo = Some((undo, said));
        self.tree.clear_marks();
        if matches!(change, Arrange::Trash(true)) {
            effects.extend(self.leave_gone(ids, cx));
        }
        effects
    }

    /// What was done, in a sentence.
    fn said(&self, change: &Arrange, undo: &Undo) -> String {
        let what = match undo.conversations.as_slice() {
            [] => amount::many(undo.folders.len(), "folder"),
            many if !undo.folders.is_empty() => format!(
                "{} and {}",
                amount::many(many.len(), "conversation"),
                amount::many(undo.folders.len(), "folder")
            ),
            [one] => format!("“{}”", SafeText::line(&one.title).as_str()),
            many => amount::many(many.len(), "conversation"),
        };
        let folder =
            || undo.folders.first().map_or_else(String::new, |folder| SafeText::line(&folder.name).into_string());
        let place = |place: &Option<FolderId>| place.map(|place| self.tree.spaced_path(place));
        let tags = |names: &[String]| -> String {
            let names: Vec<String> = names.iter().map(|name| format!("#{}", SafeText::line(name).as_str())).collect();
            names.join(" ")
        };
        let is = if undo.len() == 1 { "is" } else { "are" };
        match change {
            Arrange::Move(to) => match place(to) {
                Some(path) => format!("{what} {is} in {path} now."),
                None => format!("{what} {is} in no folder now."),
            },
            Arrange::MoveTogether { place: to, .. } => match place(to) {
                Some(path) => format!("{what} {is} in {path} now."),
                None => format!("{what} {is} at the top level now."),
            },
            Arrange::Pin(true) => format!("{what} {is} pinned."),
            Arrange::Pin(false) => format!("{what} {is} no longer pinned."),
            Arrange::Archive(true) => format!("{what} {is} archived."),
            Arrange::Archive(false) => format!("{what} {is} out of the archive."),
            Arrange::Trash(true) => format!("{what} {is} in the trash."),
            Arrange::Trash(false) => format!("{what} {is} back from the trash."),
            Arrange::Tag { add, remove } => match (add.is_empty(), remove.is_empty()) {
                (false, true) => format!("{what}: {} given.", tags(add)),
                (true, _) => format!("{what}: {} taken away.", tags(remove)),
                (false, false) => format!("{what}: {} given, {} taken away.", tags(add), tags(remove)),
            },
            Arrange::Rename { title, .. } => format!("Renamed to “{}”.", SafeText::line(title).as_str()),
            Arrange::RenameFolder { name, .. } => format!("The folder is “{}” now.", SafeText::line(name).as_str()),
            Arrange::MoveFolder { parent, .. } => match place(parent) {
                Some(path) => format!("The folder “{}” is in {path} now.", folder()),
                None => format!("The folder “{}” is at the top level now.", folder()),
            },
        }
    }

    /// Nothing is sent into the trash: what waited there waits in its draft, and what was on view is left.
    fn leave_gone(&mut self, ids: &[ConversationId], cx: &Cx) -> Vec<Effect> {
        let mut effects = Vec::new();
        let was_open = self.open_id().is_some_and(|open| ids.contains(&open));
        for id in ids {
            self.waiting.parked.remove(id);
        }
        let queued = if was_open { self.waiting.queue.len() } else { 0 };
        if queued > 0 {
            let what = if queued == 1 {
                "1 queued message waits".to_owned()
            } else {
                format!("{queued} queued messages wait")
            };
            effects.push(Effect::Toast(Toast::notice(format!("{what} in its draft until it is restored."))));
        }
        if was_open {
            let (focus, gone) = (self.focus, self.open_id());
            effects.extend(self.new_conversation(NewConversation::default(), cx));
            self.waiting.parked.retain(|id, _| Some(*id) != gone);
            self.set_focus(focus, cx);
        }
        effects
    }

    fn on_duplicated(&mut self, copies: Result<Vec<Conversation>, Fault>) -> Vec<Effect> {
        match copies {
            Ok(copies) => {
                self.tree.clear_marks();
                let said = match copies.as_slice() {
                    [copy] => format!("“{}” is made.", SafeText::line(&copy.row.title).as_str()),
                    many => format!("{} are made.", amount::many(many.len(), "copy")),
                };
                vec![Effect::Toast(Toast::good(said)), Effect::Chat(ChatCall::Tree)]
            }
            Err(fault) => vec![Effect::Toast(Toast::fault(&fault))],
        }
    }

    fn on_purged(&mut self, ids: Option<&[ConversationId]>, purged: Result<Purged, Fault>, cx: &Cx) -> Vec<Effect> {
        let mut effects = match purged {
            Ok(purged) => {
                self.tree.clear_marks();
                // What is gone cannot be taken back, nor what was done to it before.
                self.undo = None;
                let said = format!(
                    "{} removed for good; {} are free.",
                    amount::many(purged.conversations, "conversation"),
                    amount::bytes(purged.bytes)
                );
                vec![Effect::Toast(Toast::good(said))]
            }
            Err(fault) => vec![Effect::Toast(Toast::fault(&fault))],
        };
        effects.push(Effect::Chat(ChatCall::Tree));
        let open_is_gone = match (ids, &self.conversation) {
            (Some(ids), Some(open)) => ids.contains(&open.row.id),
            (None, Some(open)) => open.row.trashed,
            (_, None) => false,
        };
        if open_is_gone {
            let gone: Vec<ConversationId> = self.open_id().into_iter().collect();
            effects.extend(self.leave_gone(&gone, cx));
        }
        effects
    }
}

fn on_taken_back(done: Result<TakenBack, Fault>) -> Vec<Effect> {
    let toast = match done {
        Ok(TakenBack { done: 0, .. }) => {
            Toast::warning("It was not taken back.").hint("It was changed once more since, or is gone.")
        }
        Ok(TakenBack { left: 0, .. }) => Toast::good("Taken back."),
        Ok(TakenBack { done, left }) => {
            Toast::good(format!("Taken back for {done}.")).hint(format!("{left} were changed since and stay."))
        }
        Err(fault) => Toast::fault(&fault),
    };
    vec![Effect::Toast(toast), Effect::Chat(ChatCall::Tree)]
}

pub(super) fn arrange(ids: Vec<ConversationId>, change: Arrange) -> Vec<Effect> {
    vec![organise(OrganiseCall::Arrange { ids, change })]
}

pub(super) fn organise(call: OrganiseCall) -> Effect {
    Effect::Chat(ChatCall::Organise(call))
}

fn ids(rows: &[ConversationRow]) -> Vec<ConversationId> {
    rows.iter().map(|row| row.id).collect()
}
