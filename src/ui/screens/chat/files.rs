//! Files on their way into a message: chosen from a directory, offered when their path is pasted, looked at as the
//! model gets them; and those of messages that were sent.

use std::path::PathBuf;

use crossterm::event::{KeyEvent, MouseEvent, MouseEventKind};
use ratatui::layout::Rect;

use super::{
    ChatScreen, completion,
    state::{Answer, Overlay, Question},
    turns::notice,
};
use crate::{
    api::chat::PreviewOf,
    safe_text::SafeText,
    ui::{
        actions::Action,
        cx::Cx,
        files,
        msg::{ChatCall, Effect, FilesCall, FilesReply},
        widgets::{
            file_picker::{FilePicker, FilePickerOut},
            preview::{Looked, Preview, PreviewOut},
            toast::Toast,
        },
    },
};

fn call(call: FilesCall) -> Vec<Effect> {
    vec![Effect::Chat(ChatCall::Files(call))]
}

impl ChatScreen {
    /// A directory to choose from: the one of the last file that was attached here, else where the program was started.
    pub(super) fn choose_files(&mut self) -> Vec<Effect> {
        let last = self.composer.attached().last().and_then(|attached| attached.path.parent());
        let folder = last.map(PathBuf::from).unwrap_or_default();
        self.overlay = Some(Overlay::Files(Box::new(FilePicker::new(folder.clone()))));
        call(FilesCall::Folder(folder))
    }

    /// What the model would receive of what is attached, and of what the text names with `@` and will be when it is sent.
    pub(super) fn look_at_attached(&mut self, cx: &Cx) -> Vec<Effect> {
        let written = self.composer.written();
        // Of what a name may mean the shortest, without the end of a sentence.
        let named = completion::named(&written).into_iter().filter_map(|mut may_mean| may_mean.pop());
        let mut paths = written.attachments;
        for path in named {
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
        let looked = paths.into_iter().map(|path| {
            let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
            Looked { of: PreviewOf::File(path), name }
        });
        match Preview::of(looked.collect()) {
            Some(preview) => self.look(preview, cx),
            None => notice(&format!("Nothing is attached; {} chooses a file.", cx.key(Action::AttachFile))),
        }
    }

    /// What the model received of the files of a message.
    pub(super) fn look_at_sent(&mut self, cx: &Cx) -> Vec<Effect> {
        let Some(message) = self.transcript.subject() else { return notice("There is no message yet.") };
        let looked = message.attachments.iter().map(|attachment| Looked {
            of: PreviewOf::Sent { message: message.id, document: attachment.id },
            name: attachment.name.clone(),
        });
        match Preview::of(looked.collect()) {
            Some(preview) => self.look(preview, cx),
            None => notice("No file went with this message."),
        }
    }

    fn look(&mut self, preview: Preview, cx: &Cx) -> Vec<Effect> {
        let effects = call(FilesCall::Preview { of: preview.wanted(), room: preview.room(cx.size) });
        self.overlay = Some(Overlay::Preview(Box::new(preview)));
        effects
    }

    /// A pasted text that may be a path is looked up; it stands in the message meanwhile.
    pub(super) fn pasted_path(text: &str) -> Vec<Effect> {
        match files::named_by(text) {
            Some(path) => call(FilesCall::Pasted { text: text.to_owned(), path }),
            None => Vec::new(),
        }
    }

    pub(super) fn on_files(&mut self, reply: FilesReply) -> Vec<Effect> {
        match (reply, &mut self.overlay) {
            (FilesReply::Folder(read), Some(Overlay::Files(picker))) => match picker.on_read(read) {
                Ok(()) => Vec::new(),
                Err(fault) => vec![Effect::Toast(Toast::fault(&fault))],
            },
            (FilesReply::Seen { of, seen }, Some(Overlay::Preview(preview))) => {
                preview.on_seen(&of, seen.map(|seen| *seen));
                Vec::new()
            }
            (FilesReply::Pasted { text, path }, None) if self.composer.stands_before_cursor(&text) => {
                let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
                self.overlay = Some(Overlay::Question(Question {
                    title: "A file was pasted".to_owned(),
                    text: format!("{} is a file. What shall go with the message?", SafeText::line(&name)),
                    answers: vec![
                        ("The file, as an attachment", Answer::AttachPasted),
                        ("Only its path, as text", Answer::Nothing),
                    ],
                    at: 0,
                }));
                self.pasted = Some((text, path));
                Vec::new()
            }
            // Closed meanwhile, or written over.
            (
                FilesReply::Folder(_) | FilesReply::Seen { .. } | FilesReply::Pasted { .. } | FilesReply::NotPasted,
                _,
            ) => Vec::new(),
        }
    }

    /// The file goes along in the place of its path.
    pub(super) fn attach_pasted(&mut self, cx: &Cx) -> Vec<Effect> {
        let Some((text, path)) = self.pasted.take() else { return Vec::new() };
        self.composer.take_back(&text);
        self.attach(&path.to_string_lossy(), cx)
    }

    /// `None` = the action is not one of what stands in front.
    pub(super) fn files_action(&mut self, action: Action, cx: &Cx) -> Option<Vec<Effect>> {
        if let Some(Overlay::Files(picker)) = &mut self.overlay {
            let out = picker.on_action(action, cx)?;
            return Some(self.picked_files(out, cx));
        }
        let Some(Overlay::Preview(preview)) = &mut self.overlay else { return None };
        Some(match preview.on_action(action, cx)? {
            PreviewOut::Stay => Vec::new(),
            PreviewOut::Help => vec![Effect::Act(Action::Help)],
            PreviewOut::Close => {
                self.overlay = None;
                Vec::new()
            }
            PreviewOut::Read => call(FilesCall::Preview { of: preview.wanted(), room: preview.room(cx.size) }),
        })
    }

    pub(super) fn files_key(&mut self, key: KeyEvent, cx: &Cx) -> Option<Vec<Effect>> {
        let Some(Overlay::Files(picker)) = &mut self.overlay else { return None };
        let out = picker.on_key(key);
        Some(self.picked_files(out, cx))
    }

    pub(super) fn files_paste(&mut self, text: &str, cx: &Cx) -> Vec<Effect> {
        let Some(Overlay::Files(picker)) = &mut self.overlay else { return Vec::new() };
        let out = picker.on_paste(text);
        self.picked_files(out, cx)
    }

    pub(super) fn files_mouse(&mut self, mouse: MouseEvent, area: Rect, cx: &Cx) -> Vec<Effect> {
        if let Some(Overlay::Files(picker)) = &mut self.overlay {
            let out = picker.on_mouse(mouse, area, cx);
            return self.picked_files(out, cx);
        }
        if let Some(Overlay::Preview(preview)) = &mut self.overlay
            && let MouseEventKind::ScrollUp | MouseEventKind::ScrollDown = mouse.kind
        {
            preview.on_wheel(mouse.kind == MouseEventKind::ScrollUp, cx);
        }
        Vec::new()
    }

    fn picked_files(&mut self, out: FilePickerOut, cx: &Cx) -> Vec<Effect> {
        match out {
            FilePickerOut::Stay => Vec::new(),
            FilePickerOut::Close => {
                self.overlay = None;
                Vec::new()
            }
            FilePickerOut::Read(folder) => call(FilesCall::Folder(folder)),
            FilePickerOut::Attach(paths) => {
                self.overlay = None;
                self.set_focus(super::state::Focus::Composer, cx);
                let mut effects = self.attach_all(paths);
                if effects.is_empty() {
                    return notice("This file is attached already.");
                }
                effects.extend(self.draft_changed(cx));
                effects
            }
        }
    }
}
