//! Where a note is written: what it is about above, the composer's editor below. Knows no store; says when it is done.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
};

use super::{
    composer::{Composer, Typed},
    modal,
};
use crate::{
    api::{
        ConversationId, Fault, FaultKind, MessageId, NoteId,
        notes::{NewNote, NewPassage, Note},
    },
    safe_text::SafeText,
    ui::{
        actions::Action,
        cx::{Cx, Hint},
        text::wrap::clip,
    },
};

/// What the note is written on, or which one is changed.
#[derive(Debug)]
pub enum About {
    Conversation(ConversationId),
    Message { conversation: ConversationId, message: MessageId },
    Passage { conversation: ConversationId, message: MessageId, chars: (u32, u32), quote: String },
    Note(Box<Note>),
}

/// What the person decided.
#[derive(Debug)]
pub enum NoteOut {
    Stay,
    /// To `$EDITOR`, and back with `set_text`.
    Edit(String),
    Add(NewNote),
    /// `seen`: the revision that was changed; without it whatever is there is replaced.
    Change {
        id: NoteId,
        body: String,
        seen: Option<u32>,
    },
    Close,
}

#[derive(Debug)]
pub struct NoteEditor {
    about: About,
    composer: Composer,
    /// Sent, and not answered yet.
    busy: bool,
    /// It was changed elsewhere meanwhile, and the person knows.
    replaces: bool,
}

impl NoteEditor {
    #[must_use]
    pub fn new(about: About, cx: &Cx) -> Self {
        let mut composer = Composer::new(cx.config.ui.vim);
        if let About::Note(note) = &about {
            composer.set_text(&note.body);
        }
        Self { about, composer, busy: false, replaces: false }
    }

    /// `None` = not used.
    pub fn on_action(&mut self, action: Action, cx: &Cx) -> Option<NoteOut> {
        Some(match action {
            Action::Send | Action::Newline if (action == Action::Send) == cx.config.ui.enter_sends => self.save(),
            Action::Send | Action::Newline => {
                self.composer.newline();
                NoteOut::Stay
            }
            Action::Editor => NoteOut::Edit(self.composer.text()),
            Action::Escape if self.composer.vim_mode() == Some("INSERT") => {
                self.composer.on_key(KeyCode::Esc.into());
                NoteOut::Stay
            }
            Action::Escape | Action::Interrupt => NoteOut::Close,
            _ => return None,
        })
    }

    pub fn on_key(&mut self, key: KeyEvent) -> Option<NoteOut> {
        // What many editors save with, whatever Enter means here.
        let is_save = key.code == KeyCode::Char('s') && key.modifiers == crossterm::event::KeyModifiers::CONTROL;
        if is_save {
            return Some(self.save());
        }
        (self.composer.on_key(key) != Typed::Unused).then_some(NoteOut::Stay)
    }

    pub fn paste(&mut self, text: String) {
        self.composer.paste(text);
    }

    /// Back from `$EDITOR`.
    pub fn set_text(&mut self, text: &str) {
        self.composer.set_text(text);
    }

    /// It was refused; what was written stays. Of a note that was changed elsewhere meanwhile the next try is told to be
    /// meant: it replaces what is there.
    #[must_use]
    pub fn refused(&mut self, fault: Fault) -> Fault {
        self.busy = false;
        if matches!(self.about, About::Note(_)) && fault.kind == FaultKind::Conflict {
            self.replaces = true;
            return fault.hint("Save again to put yours in its place, or leave it as it is there.");
        }
        fault
    }

    fn save(&mut self) -> NoteOut {
        if self.busy {
            return NoteOut::Stay;
        }
        let body = self.composer.text();
        if body.trim().is_empty() {
            return NoteOut::Close;
        }
        self.busy = true;
        let new = |conversation, message, passage| {
            NoteOut::Add(NewNote { conversation, message, passage, body: body.clone() })
        };
        match &self.about {
            About::Conversation(conversation) => new(*conversation, None, None),
            About::Message { conversation, message } => new(*conversation, Some(*message), None),
            About::Passage { conversation, message, chars, .. } => {
                new(*conversation, Some(*message), Some(NewPassage::Chars(chars.0, chars.1)))
            }
            About::Note(note) => {
                let seen = (!self.replaces).then_some(note.rev);
                NoteOut::Change { id: note.id, body: body.clone(), seen }
            }
        }
    }

    #[must_use]
    pub fn hints(cx: &Cx) -> Vec<Hint> {
        let (send, newline) = cx.writing();
        cx.hints(&[(send, "save"), (newline, "newline"), (Action::Editor, "editor"), (Action::Escape, "back")])
    }

    pub fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let (title, quote) = match &self.about {
            About::Conversation(_) => ("Note on the conversation", None),
            About::Message { .. } => ("Note on the message", None),
            About::Passage { quote, .. } => ("Note on the passage", Some(quote.as_str())),
            About::Note(note) => ("Change the note", note.passage.as_ref().map(|passage| passage.quote.as_str())),
        };
        let height = (area.height * 2 / 3).clamp(6, 18);
        let width = area.width.saturating_sub(4).clamp(20, 90);
        let inner = modal::open(frame, area, cx, title, (width, height), &Self::hints(cx));
        let mut text = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        if let Some(quote) = quote {
            let shown = clip(SafeText::line(quote.trim()).as_str(), usize::from(text.width.saturating_sub(2)));
            let line = Line::from(vec![Span::styled("▌ ", cx.theme.quote_bar), Span::styled(shown, cx.theme.quote)]);
            frame.render_widget(line, Rect { height: text.height.min(1), ..text });
            text = Rect { y: text.y + 2, height: text.height.saturating_sub(2), ..text };
        }
        self.composer.view(frame, text, cx.theme.text, true);
        if self.composer.is_empty() {
            let words = Span::styled("What you think of it.", cx.theme.placeholder);
            frame.render_widget(words, Rect { height: text.height.min(1), ..text });
        }
    }
}
