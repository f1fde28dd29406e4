//! What stands before the messages and is about them: a note being written, a rating, the list of notes, the picture of
//! the branches. Selecting a passage, which leads there, is here as well.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::{Frame, layout::Rect};

use super::{ChatScreen, state::Focus, turns::notice};
use crate::{
    api::{
        ConversationId, Fault, amount,
        chat::{MessageRole, MessageState},
        feedback::{Feedback, NewFeedback, Thumb},
        notes::{Note, NoteMark, NoteScope},
    },
    ui::{
        actions::{Action, Context},
        cx::Cx,
        msg::{Effect, ListCall, ListReply, NoteCall, NoteReply, NotesOf, ShellCall, Spot},
        screens::library::{NotesTab, Tab as _, told},
        widgets::{
            ask::{Ask, AskOut},
            branch_picture::{BranchPicture, PictureOut},
            compare::Compare,
            note_editor::{About, NoteEditor, NoteOut},
            rating::{Rating, RatingOut},
            toast::Toast,
            transcript::Motion,
            why::Why,
        },
    },
};

#[derive(Debug)]
pub(super) enum Front {
    Note(Box<NoteEditor>),
    Rating(Box<Rating>),
    Why(Box<Why>),
    /// Those of the conversation on view.
    Notes(Box<NotesTab>),
    Branches(Box<BranchPicture>),
    Compare(Box<Compare>),
    /// What is asked before the picture, and what is done then.
    Asked {
        ask: Ask,
        picture: Box<BranchPicture>,
        then: NoteCall,
    },
}

impl ChatScreen {
    // --- selecting

    pub(super) fn is_selecting(&self) -> bool {
        self.focus == Focus::Transcript && self.transcript.visual().is_some()
    }

    pub(super) fn begin_selecting(&mut self, cx: &Cx) -> Vec<Effect> {
        if self.transcript.subject().is_some_and(|message| self.transcript.is_live(message.id)) {
            return notice("The answer is still arriving; its passages can be selected when it is complete.");
        }
        self.set_focus(Focus::Transcript, cx);
        let look = self.highlights.look(cx);
        if self.transcript.begin_visual(&look) {
            self.load_more().into_iter().collect()
        } else {
            notice("There is no text here to select from.")
        }
    }

    pub(super) fn selection_action(&mut self, action: Action, cx: &Cx) -> Option<Vec<Effect>> {
        let motion = match action {
            Action::SelectLeft => Motion::Left,
            Action::SelectRight => Motion::Right,
            Action::SelectUp => Motion::Up,
            Action::SelectDown => Motion::Down,
            Action::SelectWord => Motion::WordForward,
            Action::SelectWordBack => Motion::WordBack,
            Action::SelectLineStart => Motion::LineStart,
            Action::SelectLineEnd => Motion::LineEnd,
            Action::SelectTop => Motion::Top,
            Action::SelectBottom => Motion::Bottom,
            Action::SelectNote => return Some(self.note_passage(cx)),
            Action::SelectCopy => {
                let selected = self.transcript.selection(&self.highlights.look(cx));
                self.transcript.end_visual();
                return Some(selected.map(|selected| super::messages::copy(&selected.text)).unwrap_or_default());
            }
            Action::SelectHelp => return Some(vec![Effect::Act(Action::Help)]),
            Action::Escape | Action::Interrupt => {
                self.transcript.end_visual();
                return Some(Vec::new());
            }
            _ => return None,
        };
        let look = self.highlights.look(cx);
        self.transcript.move_visual(motion, &look);
        Some(self.load_more().into_iter().collect())
    }

    fn note_passage(&mut self, cx: &Cx) -> Vec<Effect> {
        let selected = self.transcript.selection(&self.highlights.look(cx));
        let (Some(conversation), Some(selected)) = (self.open_id(), selected) else { return Vec::new() };
        let about =
            About::Passage { conversation, message: selected.message, chars: selected.chars, quote: selected.text };
        self.front = Some(Front::Note(Box::new(NoteEditor::new(about, cx))));
        Vec::new()
    }

    // --- what is about a message

    pub(super) fn note_message(&mut self, cx: &Cx) -> Vec<Effect> {
        let (Some(conversation), Some(message)) = (self.open_id(), self.transcript.subject()) else {
            return notice("There is no message to note yet.");
        };
        let about = About::Message { conversation, message: message.id };
        self.front = Some(Front::Note(Box::new(NoteEditor::new(about, cx))));
        Vec::new()
    }

    /// `None` = the one on view.
    pub(super) fn note_conversation(&mut self, id: Option<ConversationId>, cx: &Cx) -> Vec<Effect> {
        let Some(conversation) = id.or_else(|| self.open_id()) else {
            return notice("This conversation begins with its first message.");
        };
        self.front = Some(Front::Note(Box::new(NoteEditor::new(About::Conversation(conversation), cx))));
        Vec::new()
    }

    pub(super) fn list_notes(&mut self) -> Vec<Effect> {
        let Some(conversation) = self.open_id() else {
            return notice("This conversation begins with its first message.");
        };
        let mut list = NotesTab::new(NotesOf::Chat, NoteScope::Conversation(conversation));
        let effects = list.shown();
        self.front = Some(Front::Notes(Box::new(list)));
        effects
    }

    /// The thumb opens the form; the one that was given is taken back.
    pub(super) fn rate(&mut self, thumb: Thumb) -> Vec<Effect> {
        let (Some(conversation), Some(message)) = (self.open_id(), self.transcript.subject()) else {
            return notice("There is no answer to rate yet.");
        };
        if message.role != MessageRole::Assistant {
            return notice("Only answers are rated.");
        }
        if message.state == MessageState::Streaming || self.transcript.is_live(message.id) {
            return notice("The answer is still arriving; it can be rated when it is complete.");
        }
        let before = message.feedback.as_deref();
        if before.is_some_and(|before| before.thumb == thumb) {
            return vec![Effect::Notes(NoteCall::Withdraw { conversation, message: message.id })];
        }
        self.front = Some(Front::Rating(Box::new(Rating::new(message.id, thumb, before))));
        Vec::new()
    }

    pub(super) fn why_slow(&mut self) -> Vec<Effect> {
        let (Some(conversation), Some(message)) = (self.open_id(), self.transcript.subject()) else {
            return notice("There is no answer yet.");
        };
        if message.role != MessageRole::Assistant {
            return notice("Only answers have a speed: go to one first.");
        }
        if message.state == MessageState::Streaming || self.transcript.is_live(message.id) {
            return notice("The answer is still arriving; where its time went is told when it is complete.");
        }
        let message = message.id;
        self.front = Some(Front::Why(Box::new(Why::of(message))));
        vec![Effect::Notes(NoteCall::Why { conversation, message })]
    }

    pub(super) fn show_branches(&mut self) -> Vec<Effect> {
        let Some(conversation) = self.open_id() else {
            return notice("This conversation begins with its first message.");
        };
        self.front = Some(Front::Branches(Box::new(BranchPicture::new(conversation))));
        vec![Effect::Notes(NoteCall::Branches(conversation))]
    }

    // --- keys while something stands in front

    pub(super) fn front_action(&mut self, action: Action, cx: &Cx) -> Option<Vec<Effect>> {
        let is_help = matches!(action, Action::LibraryHelp | Action::BranchesHelp | Action::CompareHelp);
        if is_help {
            return Some(vec![Effect::Act(Action::Help)]);
        }
        match self.front.as_mut()? {
            Front::Note(editor) => {
                let out = editor.on_action(action, cx)?;
                Some(self.noted(out))
            }
            Front::Rating(rating) => {
                let out = rating.on_action(action)?;
                Some(self.rated(out))
            }
            Front::Why(_) => matches!(action, Action::ListClose | Action::Escape | Action::Interrupt).then(|| {
                self.front = None;
                Vec::new()
            }),
            Front::Notes(list) => {
                if let Some(effects) = list.on_action(action, cx) {
                    return Some(effects);
                }
                (!list.holds() && matches!(action, Action::Escape | Action::Interrupt)).then(|| {
                    self.front = None;
                    Vec::new()
                })
            }
            Front::Branches(picture) => {
                let out = picture.on_action(action)?;
                Some(self.pictured(out))
            }
            Front::Compare(compare) => {
                let out = compare.on_action(action)?;
                Some(self.compared(out))
            }
            Front::Asked { ask, .. } => {
                let out = ask.on_action(action)?;
                Some(self.asked(out))
            }
        }
    }

    pub(super) fn front_key(&mut self, key: KeyEvent, cx: &Cx) -> Option<Vec<Effect>> {
        match self.front.as_mut()? {
            Front::Note(editor) => {
                let out = editor.on_key(key)?;
                Some(self.noted(out))
            }
            Front::Rating(rating) => {
                let out = rating.on_key(key)?;
                Some(self.rated(out))
            }
            Front::Notes(list) => list.on_key(key, cx),
            // The key that opened it closes it.
            Front::Why(_) => (key.code == KeyCode::Char('w')).then(|| {
                self.front = None;
                Vec::new()
            }),
            Front::Branches(_) | Front::Compare(_) => None,
            Front::Asked { ask, .. } => {
                let out = ask.on_key(key)?;
                Some(self.asked(out))
            }
        }
    }

    pub(super) fn front_paste(&mut self, text: String) -> Vec<Effect> {
        match &mut self.front {
            Some(Front::Note(editor)) => editor.paste(text),
            Some(Front::Rating(rating)) => rating.paste(&text),
            Some(Front::Notes(list)) => return list.on_paste(text),
            Some(Front::Why(_) | Front::Branches(_) | Front::Compare(_) | Front::Asked { .. }) | None => {}
        }
        Vec::new()
    }

    /// Text from `$EDITOR`; false if it was not sent from here.
    pub(super) fn front_edited(&mut self, text: &str) -> bool {
        match &mut self.front {
            Some(Front::Note(editor)) => editor.set_text(text),
            Some(Front::Notes(list)) => list.on_edited(text),
            Some(Front::Rating(_) | Front::Why(_) | Front::Branches(_) | Front::Compare(_) | Front::Asked { .. })
            | None => return false,
        }
        true
    }

    pub(super) fn front_context(&self) -> Option<Context> {
        Some(match self.front.as_ref()? {
            Front::Note(_) => Context::Composer,
            Front::Rating(_) => Context::Form,
            Front::Notes(list) => list.context(),
            Front::Branches(_) => Context::Branches,
            Front::Compare(_) => Context::Compare,
            Front::Why(_) | Front::Asked { .. } => Context::List,
        })
    }

    pub(super) fn front_is_busy(&self) -> bool {
        match &self.front {
            Some(Front::Notes(list)) => list.is_busy(),
            Some(Front::Branches(picture)) => picture.is_loading(),
            Some(Front::Compare(compare)) => compare.is_running(),
            Some(Front::Why(why)) => why.is_loading(),
            Some(Front::Note(_) | Front::Rating(_) | Front::Asked { .. }) | None => false,
        }
    }

    pub(super) fn has_front(&self) -> bool {
        self.front.is_some()
    }

    pub(super) fn view_front(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        match &self.front {
            None => {}
            Some(Front::Note(editor)) => editor.view(frame, area, cx),
            Some(Front::Rating(rating)) => rating.view(frame, area, cx),
            Some(Front::Why(why)) => why.view(frame, area, cx),
            Some(Front::Notes(list)) => {
                let size = (area.width.saturating_sub(4).min(100), area.height.saturating_sub(2));
                let inner = crate::ui::widgets::modal::open(frame, area, cx, "Notes", size, &list.footer(cx));
                list.view(frame, inner, area, cx, true);
            }
            Some(Front::Branches(picture)) => picture.view(frame, area, cx),
            Some(Front::Compare(compare)) => compare.view(frame, area, cx),
            Some(Front::Asked { ask, picture, .. }) => {
                picture.view(frame, area, cx);
                ask.view(frame, area, cx);
            }
        }
    }

    fn noted(&mut self, out: NoteOut) -> Vec<Effect> {
        match out {
            NoteOut::Stay => Vec::new(),
            NoteOut::Edit(text) => vec![Effect::Shell(ShellCall::Edit(text))],
            NoteOut::Add(new) => vec![Effect::Notes(NoteCall::Add(new))],
            NoteOut::Change { id, body, seen } => {
                vec![Effect::Notes(NoteCall::List(NotesOf::Chat, ListCall::Change { id, body, seen }))]
            }
            NoteOut::Close => {
                self.front = None;
                Vec::new()
            }
        }
    }

    fn rated(&mut self, out: RatingOut) -> Vec<Effect> {
        let Some(Front::Rating(rating)) = &self.front else { return Vec::new() };
        let (message, conversation) = (rating.message, self.open_id());
        match (out, conversation) {
            (RatingOut::Stay, _) => Vec::new(),
            (RatingOut::Save(feedback), Some(conversation)) => {
                self.front = None;
                vec![Effect::Notes(NoteCall::Rate { conversation, message, feedback })]
            }
            (RatingOut::Withdraw, Some(conversation)) => {
                self.front = None;
                let was_rated = self.transcript.message(message).is_some_and(|message| message.feedback.is_some());
                if was_rated { vec![Effect::Notes(NoteCall::Withdraw { conversation, message })] } else { Vec::new() }
            }
            (RatingOut::Save(_) | RatingOut::Withdraw, None) | (RatingOut::Close, _) => {
                self.front = None;
                Vec::new()
            }
        }
    }

    fn pictured(&mut self, out: PictureOut) -> Vec<Effect> {
        let Some(Front::Branches(picture)) = &self.front else { return Vec::new() };
        let conversation = picture.conversation;
        match out {
            PictureOut::Stay => Vec::new(),
            PictureOut::Close => {
                self.front = None;
                Vec::new()
            }
            PictureOut::Tell(why) => notice(why),
            PictureOut::Go(message) => {
                if self.is_answering() {
                    return notice("An answer is on its way; it ends before another branch can be shown.");
                }
                self.front = None;
                let spot = Spot { conversation, message: Some(message), terms: Vec::new(), chars: None, back: None };
                vec![Effect::OpenAt(Box::new(spot))]
            }
            PictureOut::Prune { message, messages } => {
                let go = if messages == 1 { "goes" } else { "go" };
                let text = format!(
                    "{} {go} to the trash. This picture brings the branch back.",
                    amount::many(messages, "message")
                );
                let ask = Ask::new("Prune this branch?", text, "To the trash");
                self.ask_over_picture(ask, NoteCall::Prune { conversation, message })
            }
            PictureOut::Purge { message, messages } => {
                let text =
                    format!("{}, with the notes and ratings on them, will be gone.", amount::many(messages, "message"));
                let ask = Ask::new("Remove this branch for good?", text, "Remove it for good");
                self.ask_over_picture(ask, NoteCall::PurgeBranch { conversation, message })
            }
            PictureOut::Restore(message) => {
                vec![Effect::Notes(NoteCall::RestoreBranch { conversation, message })]
            }
        }
    }

    fn ask_over_picture(&mut self, ask: Ask, then: NoteCall) -> Vec<Effect> {
        if let Some(Front::Branches(picture)) = self.front.take() {
            self.front = Some(Front::Asked { ask, picture, then });
        }
        Vec::new()
    }

    fn asked(&mut self, out: AskOut) -> Vec<Effect> {
        let Some(Front::Asked { ask, picture, then }) = self.front.take() else { return Vec::new() };
        match out {
            AskOut::Stay => {
                self.front = Some(Front::Asked { ask, picture, then });
                Vec::new()
            }
            AskOut::Yes => {
                self.front = Some(Front::Branches(picture));
                vec![Effect::Notes(then)]
            }
            AskOut::No => {
                self.front = Some(Front::Branches(picture));
                Vec::new()
            }
        }
    }

    // --- answers

    pub fn on_notes(&mut self, reply: NoteReply, cx: &Cx) -> Vec<Effect> {
        match reply {
            NoteReply::Added(Ok(note)) => {
                self.close_editor();
                self.transcript.end_visual();
                self.mark_note(&note, true);
                vec![Effect::Toast(Toast::good("Noted."))]
            }
            NoteReply::Added(Err(fault)) => {
                let fault = match &mut self.front {
                    Some(Front::Note(editor)) => editor.refused(fault),
                    Some(_) | None => fault,
                };
                vec![Effect::Toast(Toast::fault(&fault))]
            }
            NoteReply::List(_, reply) => {
                if let ListReply::Deleted(Ok(note)) = &reply {
                    self.note_is_gone(note);
                }
                match &mut self.front {
                    Some(Front::Notes(list)) => list.on_reply(reply),
                    Some(_) | None => told(&reply),
                }
            }
            NoteReply::Rated { message, feedback, done: Ok(()) } => {
                let words = if feedback.is_some() { "Rated." } else { "The rating is taken back." };
                self.transcript.set_feedback(message, feedback.map(|given| shown(given, cx)));
                vec![Effect::Toast(Toast::good(words))]
            }
            NoteReply::Rated { done: Err(fault), .. } => vec![Effect::Toast(Toast::fault(&fault))],
            NoteReply::Why { message, slowness } => {
                if let Some(Front::Why(why)) = &mut self.front
                    && why.message == message
                {
                    why.set(slowness);
                }
                Vec::new()
            }
            NoteReply::Branches { conversation, tree } => {
                if let Some(Front::Branches(picture)) = &mut self.front
                    && picture.conversation == conversation
                {
                    picture.set(tree);
                }
                Vec::new()
            }
            NoteReply::Pruned { conversation, done } => Self::branch_changed(conversation, done, "in the trash"),
            NoteReply::RestoredBranch { conversation, done } => Self::branch_changed(conversation, done, "back"),
            NoteReply::PurgedBranch { conversation, done } => Self::branch_changed(conversation, done, "gone for good"),
        }
    }

    /// The picture is read anew; the messages are, by the event that tells all windows.
    fn branch_changed(conversation: ConversationId, done: Result<u32, Fault>, now: &str) -> Vec<Effect> {
        let toast = match done {
            Ok(messages) => Toast::good(format!("{} {now}.", are(messages))),
            Err(fault) => Toast::fault(&fault),
        };
        vec![Effect::Toast(toast), Effect::Notes(NoteCall::Branches(conversation))]
    }

    fn close_editor(&mut self) {
        self.front.take_if(|front| matches!(front, Front::Note(_)));
    }

    /// It was deleted here or in the Library.
    pub fn note_is_gone(&mut self, note: &Note) {
        self.mark_note(note, false);
    }

    fn mark_note(&mut self, note: &Note, is_there: bool) {
        let Some(message) = note.message else { return };
        let chars = note.passage.as_ref().map(|passage| (passage.first_char, passage.end_char));
        self.transcript.set_notes(message, |marks| {
            marks.retain(|mark| mark.id != note.id);
            if is_there {
                marks.push(NoteMark { id: note.id, chars });
            }
        });
    }
}

/// What was just given, as it will be read back.
fn shown(given: NewFeedback, cx: &Cx) -> Feedback {
    Feedback {
        thumb: given.thumb,
        reasons: given.reasons,
        comment: given.comment,
        created_at: cx.now_ms,
        updated_at: cx.now_ms,
    }
}

fn are(messages: u32) -> String {
    if messages == 1 { "1 message is".to_owned() } else { format!("{messages} messages are") }
}
