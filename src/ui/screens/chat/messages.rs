//! The transcript's keys: reading, copying, branching, marking.

use super::{ChatScreen, PAGE, state::Overlay, turns::notice};
use crate::{
    api::{
        Fault, MessageId,
        chat::{Message, MessageRole},
        feedback::Thumb,
    },
    safe_text::SafeText,
    ui::{
        actions::Action,
        cx::Cx,
        msg::{ChatCall, Clip, Effect, ShellCall},
        widgets::{
            picker::{Item, Picker},
            toast::Toast,
        },
    },
};

impl ChatScreen {
    pub(super) fn transcript_action(&mut self, action: Action, cx: &Cx) -> Option<Vec<Effect>> {
        let look = self.highlights.look(cx);
        match action {
            Action::LineUp => self.transcript.step(false, &look),
            Action::LineDown => self.transcript.step(true, &look),
            Action::PageUp | Action::ScrollUp => self.transcript.page(false, &look),
            Action::PageDown | Action::ScrollDown => self.transcript.page(true, &look),
            Action::Top => self.transcript.to_top(),
            Action::Bottom => self.transcript.to_bottom(),
            Action::PreviousPrompt => self.transcript.step_prompt(false, &look),
            Action::NextPrompt => self.transcript.step_prompt(true, &look),
            Action::Fold => self.transcript.toggle_fold(&look),
            Action::FoldThinking => self.transcript.toggle_thinking(&look),
            Action::CopyMessage => return Some(self.copy_message()),
            Action::CopyBlock => return Some(self.copy_block(cx)),
            Action::EditMessage => return Some(self.edit_message(cx)),
            Action::BranchHere => return Some(self.branch_here(cx)),
            Action::Regenerate => {
                let message = self.transcript.subject().cloned();
                return Some(self.regenerate(message, false, cx));
            }
            Action::Continue => {
                let message = self.transcript.subject().cloned();
                return Some(self.continue_answer(message, cx));
            }
            Action::Shorten => {
                let message = self.transcript.subject().cloned();
                return Some(self.regenerate(message, true, cx));
            }
            Action::PreviousSibling => return Some(self.sibling(-1, cx)),
            Action::NextSibling => return Some(self.sibling(1, cx)),
            Action::Exclude => return Some(self.mark(|message| (Some(!message.excluded), None))),
            Action::PinMessage => return Some(self.mark(|message| (None, Some(!message.pinned)))),
            Action::SelectPassage => return Some(self.begin_selecting(cx)),
            Action::NoteMessage => return Some(self.note_message(cx)),
            Action::NoteConversation => return Some(self.note_conversation(None, cx)),
            Action::ListNotes => return Some(self.list_notes()),
            Action::RateUp => return Some(self.rate(Thumb::Up)),
            Action::RateDown => return Some(self.rate(Thumb::Down)),
            Action::WhySlow => return Some(self.why_slow()),
            Action::ShowBranches => return Some(self.show_branches()),
            Action::PreviewSent => return Some(self.look_at_sent(cx)),
            Action::TranscriptHelp => return Some(vec![Effect::Act(Action::Help)]),
            _ => return None,
        }
        Some(self.load_more().into_iter().collect())
    }

    pub(super) fn copy_message(&mut self) -> Vec<Effect> {
        let Some(text) = self.transcript.subject().and_then(|message| self.transcript.text_of(message.id)) else {
            return notice("There is nothing to copy yet.");
        };
        copy(&text)
    }

    fn copy_block(&mut self, cx: &Cx) -> Vec<Effect> {
        let Some(id) = self.transcript.subject().map(|message| message.id) else {
            return notice("There is nothing to copy yet.");
        };
        let blocks = self.transcript.code_blocks(id, &self.highlights.look(cx));
        match blocks.as_slice() {
            [] => notice("This message has no code block."),
            [(_, text)] => copy(text),
            many => {
                let items = many
                    .iter()
                    .enumerate()
                    .map(|(at, (language, text))| {
                        let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
                        let lines = text.lines().count();
                        Item::new(first.trim(), at)
                            .detail(format!("{language} · {lines} lines").trim_start_matches(" · "))
                    })
                    .collect();
                self.overlay = Some(Overlay::Blocks(Picker::new("Copy which code block?", items)));
                Vec::new()
            }
        }
    }

    pub(super) fn copy_block_at(&mut self, at: usize, cx: &Cx) -> Vec<Effect> {
        let Some(id) = self.transcript.subject().map(|message| message.id) else { return Vec::new() };
        let blocks = self.transcript.code_blocks(id, &self.highlights.look(cx));
        blocks.get(at).map(|(_, text)| copy(text)).unwrap_or_default()
    }

    fn edit_message(&mut self, cx: &Cx) -> Vec<Effect> {
        match self.transcript.subject().cloned() {
            Some(message) if message.role == MessageRole::User => self.begin_editing(&message, cx),
            Some(_) => notice(&format!(
                "Only your own messages can be edited. {} and {} go from one to the next.",
                cx.key(Action::PreviousPrompt),
                cx.key(Action::NextPrompt)
            )),
            None => notice("There is no message to edit yet."),
        }
    }

    fn sibling(&mut self, step: i32, cx: &Cx) -> Vec<Effect> {
        if self.is_answering() {
            return notice(&format!("An answer is on its way; {} stops it.", cx.key(Action::Escape)));
        }
        match (self.open_id(), self.transcript.subject()) {
            (Some(conversation), Some(message)) if message.siblings > 1 => {
                vec![Effect::Chat(ChatCall::Sibling { conversation, message: message.id, step, limit: PAGE })]
            }
            _ => notice(&format!(
                "This message has no siblings. {} makes another answer, {} another question.",
                cx.key(Action::Regenerate),
                cx.key(Action::EditMessage)
            )),
        }
    }

    fn mark(&mut self, change: impl Fn(&Message) -> (Option<bool>, Option<bool>)) -> Vec<Effect> {
        let (Some(conversation), Some(message)) = (self.open_id(), self.transcript.subject()) else {
            return notice("There is no message to mark yet.");
        };
        let (excluded, pinned) = change(message);
        let message = message.id;
        // Shown at once; taken back if it is refused.
        self.transcript.mark(message, excluded, pinned);
        vec![Effect::Chat(ChatCall::Mark { conversation, message, excluded, pinned })]
    }

    pub(super) fn on_marked(&mut self, _message: MessageId, done: Result<(), Fault>) -> Vec<Effect> {
        match done {
            Ok(()) => vec![self.measure()],
            Err(fault) => {
                let mut effects = self.reopen();
                effects.push(Effect::Toast(Toast::fault(&fault)));
                effects
            }
        }
    }
}

/// The clipboard gets the safe text, and whoever copies hears what was left out.
pub(super) fn copy(text: &str) -> Vec<Effect> {
    let safe = SafeText::new(text);
    let hidden = safe.hidden();
    vec![Effect::Shell(ShellCall::Copy(Clip { text: safe.into_string(), hidden }))]
}
