//! The tab with all notes: filter, go to the passage, edit, delete, write out.

use std::path::Path;

use crossterm::event::{KeyEvent, MouseEvent};
use ratatui::{Frame, layout::Rect};

use super::Tab;
use crate::{
    api::{
        amount,
        notes::{Note, NoteScope},
    },
    ui::{
        actions::{Action, Context},
        complete,
        cx::{Cx, Hint},
        msg::{Effect, ListCall, ListReply, NoteCall, NotesOf, ShellCall, spot_of},
        widgets::{
            ask::{Ask, AskOut},
            field::Field,
            modal,
            note_editor::{About, NoteEditor, NoteOut},
            notes_list::{ListOut, NotesList},
            toast::Toast,
        },
    },
};

#[derive(Debug)]
pub struct NotesTab {
    list: NotesList,
    front: Option<Front>,
}

/// What stands before the list.
#[derive(Debug)]
enum Front {
    Editor(Box<NoteEditor>),
    Delete(Ask, Box<Note>),
    /// Where to write what is listed.
    Export {
        scope: NoteScope,
        filter: String,
        path: Field,
    },
}

impl Default for NotesTab {
    fn default() -> Self {
        Self::new(NotesOf::Library, NoteScope::Everything)
    }
}

impl NotesTab {
    #[must_use]
    pub fn new(whose: NotesOf, scope: NoteScope) -> Self {
        Self { list: NotesList::new(whose, scope), front: None }
    }

    pub fn on_reply(&mut self, reply: ListReply) -> Vec<Effect> {
        match reply {
            ListReply::Read { asked, page } => self.list.on_page(asked, page),
            ListReply::Changed(Ok(note)) => {
                self.list.changed(&note);
                self.close_editor();
                Vec::new()
            }
            ListReply::Changed(Err(fault)) => {
                let fault = match &mut self.front {
                    Some(Front::Editor(editor)) => editor.refused(fault),
                    Some(Front::Delete(..) | Front::Export { .. }) | None => fault,
                };
                vec![Effect::Toast(Toast::fault(&fault))]
            }
            ListReply::Deleted(Ok(note)) => {
                self.list.deleted(note.id);
                told(&ListReply::Deleted(Ok(note)))
            }
            reply @ (ListReply::Deleted(Err(_)) | ListReply::Exported(_)) => told(&reply),
        }
    }

    fn close_editor(&mut self) {
        self.front.take_if(|front| matches!(front, Front::Editor(_)));
    }

    fn listed(&mut self, out: ListOut, cx: &Cx) -> Vec<Effect> {
        match out {
            ListOut::Effects(effects) => effects,
            ListOut::Jump(row) => vec![self.go_to(&row.note)],
            ListOut::Edit(note) => {
                self.front = Some(Front::Editor(Box::new(NoteEditor::new(About::Note(note), cx))));
                Vec::new()
            }
            ListOut::Delete(note) => {
                self.front = Some(Front::Delete(ask_to_delete(&note), note));
                Vec::new()
            }
            ListOut::Export { scope, filter } => {
                self.front = Some(Front::Export { scope, filter, path: Field::new("~/notes.md") });
                Vec::new()
            }
        }
    }

    /// From the Library, Escape leads back to it.
    fn go_to(&self, note: &Note) -> Effect {
        let back = match self.list.scope() {
            NoteScope::Everything => Some(Action::ScreenLibrary),
            NoteScope::Conversation(_) | NoteScope::Message(..) => None,
        };
        Effect::OpenAt(Box::new(spot_of(note, back)))
    }

    fn written(&mut self, out: NoteOut) -> Vec<Effect> {
        match out {
            // What is written here is there already, so none is added.
            NoteOut::Stay | NoteOut::Add(_) => Vec::new(),
            NoteOut::Edit(text) => vec![Effect::Shell(ShellCall::Edit(text))],
            NoteOut::Change { id, body, seen } => vec![self.call(ListCall::Change { id, body, seen })],
            NoteOut::Close => {
                self.front = None;
                Vec::new()
            }
        }
    }

    fn call(&self, call: ListCall) -> Effect {
        Effect::Notes(NoteCall::List(self.list.whose(), call))
    }

    fn asked(&mut self, out: AskOut) -> Vec<Effect> {
        match (out, self.front.take()) {
            (AskOut::Yes, Some(Front::Delete(_, note))) => {
                vec![self.call(ListCall::Delete { id: note.id, seen: note.rev })]
            }
            (AskOut::Stay, front) => {
                self.front = front;
                Vec::new()
            }
            (AskOut::Yes | AskOut::No, _) => Vec::new(),
        }
    }
}

/// What is said of an answer, whether or not the list is still there.
pub fn told(reply: &ListReply) -> Vec<Effect> {
    let toast = match reply {
        ListReply::Deleted(Ok(_)) => Toast::good("The note is deleted."),
        ListReply::Exported(Ok((path, notes))) => {
            Toast::good(format!("{} written to {}", amount::many(*notes, "note"), path.display()))
        }
        ListReply::Read { .. } | ListReply::Changed(Ok(_)) => return Vec::new(),
        ListReply::Changed(Err(fault)) | ListReply::Deleted(Err(fault)) | ListReply::Exported(Err(fault)) => {
            Toast::fault(fault)
        }
    };
    vec![Effect::Toast(toast)]
}

/// A note is not kept anywhere once it is gone.
pub fn ask_to_delete(note: &Note) -> Ask {
    let first = note.body.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let first: String = first.trim().chars().take(80).collect();
    Ask::new("Delete the note?", format!("“{first}” is deleted for good."), "Delete it")
}

impl Tab for NotesTab {
    fn shown(&mut self) -> Vec<Effect> {
        self.list.load()
    }

    fn on_action(&mut self, action: Action, cx: &Cx) -> Option<Vec<Effect>> {
        match &mut self.front {
            Some(Front::Editor(editor)) => {
                let out = editor.on_action(action, cx)?;
                Some(self.written(out))
            }
            Some(Front::Delete(ask, _)) => {
                let out = ask.on_action(action)?;
                Some(self.asked(out))
            }
            Some(Front::Export { scope, filter, path }) => match action {
                Action::Submit => {
                    let call = ListCall::Export {
                        scope: *scope,
                        filter: filter.clone(),
                        to: complete::whole(Path::new(path.text().trim())),
                    };
                    self.front = None;
                    Some(vec![self.call(call)])
                }
                Action::Cancel | Action::Escape | Action::Interrupt => {
                    self.front = None;
                    Some(Vec::new())
                }
                _ => None,
            },
            None => {
                let out = self.list.on_action(action)?;
                Some(self.listed(out, cx))
            }
        }
    }

    fn on_key(&mut self, key: KeyEvent, _cx: &Cx) -> Option<Vec<Effect>> {
        match &mut self.front {
            Some(Front::Editor(editor)) => {
                let out = editor.on_key(key)?;
                Some(self.written(out))
            }
            Some(Front::Delete(ask, _)) => {
                let out = ask.on_key(key)?;
                Some(self.asked(out))
            }
            Some(Front::Export { path, .. }) => path.on_key(key).then(Vec::new),
            None => self.list.on_key(key),
        }
    }

    fn on_paste(&mut self, text: String) -> Vec<Effect> {
        match &mut self.front {
            Some(Front::Editor(editor)) => {
                editor.paste(text);
                Vec::new()
            }
            Some(Front::Export { path, .. }) => {
                path.paste(text.lines().next().unwrap_or_default());
                Vec::new()
            }
            Some(Front::Delete(..)) => Vec::new(),
            None => self.list.paste(&text),
        }
    }

    fn on_mouse(&mut self, mouse: MouseEvent, area: Rect) -> Vec<Effect> {
        if self.front.is_some() {
            return Vec::new();
        }
        match self.list.on_mouse(mouse, area) {
            Some(ListOut::Effects(effects)) => effects,
            Some(ListOut::Jump(row)) => vec![self.go_to(&row.note)],
            Some(ListOut::Edit(_) | ListOut::Delete(_) | ListOut::Export { .. }) | None => Vec::new(),
        }
    }

    fn on_edited(&mut self, text: &str) {
        if let Some(Front::Editor(editor)) = &mut self.front {
            editor.set_text(text.strip_suffix('\n').unwrap_or(text));
        }
    }

    fn context(&self) -> Context {
        match &self.front {
            Some(Front::Editor(_)) => Context::Composer,
            Some(Front::Delete(..)) => Context::List,
            Some(Front::Export { .. }) => Context::Form,
            None if self.list.is_typing() => Context::Form,
            None => Context::Library,
        }
    }

    fn is_busy(&self) -> bool {
        self.list.is_loading()
    }

    fn holds(&self) -> bool {
        self.front.is_some() || self.list.is_typing()
    }

    fn footer(&self, cx: &Cx) -> Vec<Hint> {
        match &self.front {
            // What stands in front names its own keys.
            Some(_) => Vec::new(),
            None => self.list.hints(cx),
        }
    }

    fn view(&self, frame: &mut Frame, area: Rect, whole: Rect, cx: &Cx, in_front: bool) {
        self.list.view(frame, area, cx, in_front && self.front.is_none());
        match &self.front {
            Some(Front::Editor(editor)) => editor.view(frame, whole, cx),
            Some(Front::Delete(ask, _)) => ask.view(frame, whole, cx),
            Some(Front::Export { path, .. }) => {
                let hints = cx.hints(&[(Action::Submit, "write"), (Action::Cancel, "back")]);
                let inner = modal::open(frame, whole, cx, "Write the notes to this Markdown file", (60, 3), &hints);
                let line =
                    Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), height: inner.height.min(1), ..inner };
                path.view(frame, line, cx.theme.text, true);
            }
            None => {}
        }
    }
}
