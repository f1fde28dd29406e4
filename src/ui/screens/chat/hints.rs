//! What the last line offers, and what the line above the composer says of the running answer.

use super::{
    ChatScreen,
    state::{Focus, Overlay, Phase},
};
use crate::ui::{
    actions::Action,
    cx::{Cx, Hint},
    widgets::transcript,
};

impl ChatScreen {
    pub(super) fn hints(&self, cx: &Cx) -> Vec<Hint> {
        // What stands in front names its own keys.
        if self.has_front() {
            return Vec::new();
        }
        if self.is_selecting() {
            return cx.hints(&[
                (Action::SelectNote, "note"),
                (Action::SelectCopy, "copy"),
                (Action::SelectWord, "word"),
                (Action::SelectLineEnd, "line end"),
                (Action::SelectDown, "down"),
                (Action::Escape, "leave"),
                (Action::SelectHelp, "help"),
            ]);
        }
        if let Some(Overlay::System(_)) = &self.overlay {
            let (send, newline) = cx.writing();
            return cx.hints(&[
                (send, "save"),
                (newline, "newline"),
                (Action::Editor, "editor"),
                (Action::Escape, "back"),
            ]);
        }
        // What stands in front names its own keys, and those behind it do nothing meanwhile.
        if self.overlay.is_some() {
            return Vec::new();
        }
        let (send, newline) = cx.writing();
        match self.focus {
            Focus::Composer => {
                let mut hints = Vec::new();
                if let Some(popup) = &self.completion {
                    let what = if popup.kind == super::completion::Kind::Path { "attach" } else { "complete" };
                    hints.extend(cx.hints(&[(Action::FocusNext, what), (Action::Escape, "close")]));
                }
                let sends = match (self.editing.is_some() || self.forking.is_some(), self.is_answering()) {
                    (true, _) => "branch",
                    (false, true) => "queue",
                    (false, false) => "send",
                };
                hints.extend(cx.hint(send, sends));
                if !self.composer.attached().is_empty() {
                    hints.extend(cx.hint(Action::PreviewAttached, "look at files"));
                }
                if self.running_here().is_some() {
                    hints.extend(cx.hint(Action::Escape, "stop"));
                } else if self.editing.is_some() {
                    hints.extend(cx.hint(Action::Escape, "leave the edit"));
                } else if self.forking.is_some() {
                    hints.extend(cx.hint(Action::Escape, "no branch"));
                } else if self.can_go_on() {
                    hints.extend(cx.hint(Action::ContinueAnswer, "continue"));
                }
                let next = if self.transcript.is_empty() { "list" } else { "messages" };
                hints.extend(cx.hints(&[
                    (newline, "newline"),
                    (Action::Palette, "commands"),
                    (Action::NewConversation, "new"),
                    (Action::FocusNext, next),
                    (Action::Help, "help"),
                    (Action::ModelPicker, "model"),
                ]));
                hints
            }
            Focus::Transcript => self.reading_hints(cx),
            Focus::Tree if self.filtering => cx.hints(&[(Action::Submit, "to the list"), (Action::Cancel, "clear")]),
            Focus::Tree => self.tree_hints(cx),
            Focus::Panel => cx.hints(&[
                (Action::NextField, "next"),
                (Action::PreviousField, "before"),
                (Action::Submit, "set"),
                (Action::ToggleOptions, "close"),
                (Action::Cancel, "write"),
            ]),
        }
    }

    /// What can be done in the list; to all that are marked, where some are.
    fn tree_hints(&self, cx: &Cx) -> Vec<Hint> {
        if self.tree.marks() > 0 {
            let mut hints = vec![Hint { key: self.tree.marks().to_string(), help: "marked" }];
            hints.extend(cx.hints(&[
                (Action::TreeMove, "move"),
                (Action::TreeTags, "tags"),
                (Action::TreePin, "pin"),
                (Action::TreeArchive, "archive"),
                (Action::TreeTrash, "trash"),
                (Action::TreeDuplicate, "copy"),
                (Action::TreeRestore, "restore"),
                (Action::TreePurge, "for good"),
                (Action::Escape, "unmark"),
            ]));
            return hints;
        }
        cx.hints(&[
            (Action::TreeOpen, "open"),
            (Action::TreeFilter, "filter"),
            (Action::TreeMark, "mark"),
            (Action::TreeNewFolder, "folder"),
            (Action::TreeRename, "rename"),
            (Action::TreeMove, "move"),
            (Action::TreeTags, "tags"),
            (Action::TreePin, "pin"),
            (Action::TreeArchive, "archive"),
            (Action::TreeTrash, "trash"),
            (Action::TreeGrouping, "by time"),
            (Action::TreeRestore, "restore"),
            (Action::Escape, "write"),
            (Action::TreeHelp, "help"),
        ])
    }

    fn reading_hints(&self, cx: &Cx) -> Vec<Hint> {
        let mut hints = Vec::new();
        if let Some(message) = self.transcript.subject() {
            if transcript::can_continue(message) {
                hints.extend(cx.hint(Action::Continue, "continue"));
            }
            match message.role {
                crate::api::chat::MessageRole::User => hints.extend(cx.hint(Action::EditMessage, "edit")),
                crate::api::chat::MessageRole::Assistant => hints.extend(cx.hint(Action::Regenerate, "again")),
                crate::api::chat::MessageRole::System | crate::api::chat::MessageRole::Tool => {}
            }
            hints.extend(cx.hint(Action::CopyMessage, "copy"));
            if !message.attachments.is_empty() {
                hints.extend(cx.hint(Action::PreviewSent, "files"));
            }
            hints.extend(cx.hints(&[(Action::SelectPassage, "select"), (Action::NoteMessage, "note")]));
            hints.extend(cx.hint(Action::CopyBlock, "copy code"));
            if message.role == crate::api::chat::MessageRole::Assistant {
                hints.extend(cx.hint(Action::WhySlow, "why slow"));
            }
            if message.siblings > 1 {
                hints.extend(cx.hint(Action::NextSibling, "sibling"));
            }
        }
        hints.extend(cx.hints(&[
            (Action::LineDown, "down"),
            (Action::LineUp, "up"),
            (Action::Exclude, "exclude"),
            (Action::Fold, "fold"),
            (Action::FocusNext, "list"),
            (Action::Escape, "write"),
            (Action::TranscriptHelp, "help"),
        ]));
        hints
    }

    /// Nothing is written, and the last answer broke off.
    pub(super) fn can_go_on(&self) -> bool {
        self.composer.is_blank() && !self.is_answering() && self.transcript.last().is_some_and(transcript::can_continue)
    }

    /// What the running answer is doing, for the line above the composer.
    pub(super) fn status(&self, cx: &Cx) -> Option<String> {
        if let Some(running) = self.running_here() {
            if running.stopping {
                return Some(format!("{} stopping", cx.spinner()));
            }
            let since = if running.phase == Phase::Thinking { running.thought.map(|(first, _)| first) } else { None };
            let seconds = (cx.now_ms - since.unwrap_or(running.began_ms)).max(0) / 1000;
            return Some(match running.phase {
                Phase::Queued(0) => format!("{} next in line", cx.spinner()),
                Phase::Queued(before) => format!("{} in line, {before} before", cx.spinner()),
                Phase::Waiting if seconds >= 2 => format!("{} the model is loading · {seconds} s", cx.spinner()),
                Phase::Waiting => format!("{} waiting", cx.spinner()),
                Phase::Thinking => format!("{} thinking · {seconds} s", cx.spinner()),
                Phase::Answering => format!("{} answering", cx.spinner()),
            });
        }
        if self.outgoing.iter().any(|out| out.stop && out.conversation == self.open_id()) {
            return Some(format!("{} stopping", cx.spinner()));
        }
        if !self.outgoing.is_empty() || !self.naming.is_empty() {
            return Some(format!("{} sending", cx.spinner()));
        }
        self.opening.map(|_| format!("{} opening", cx.spinner()))
    }
}
