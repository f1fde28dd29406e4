//! Comparing models from the chat: choosing them, asking, and what becomes of the answers.

use crossterm::event::{KeyCode, KeyEvent};

use super::{
    ChatScreen,
    front::Front,
    state::{How, Overlay},
    turns::notice,
};
use crate::{
    api::{
        ConversationId, MessageId, TurnId,
        chat::{COMPARED_MAX, MessageRole, TurnEvent},
        organise::NewConversation,
    },
    ui::{
        actions::Action,
        cx::Cx,
        msg::{ChatCall, CompareAsk, CompareCall, CompareReply, Effect},
        widgets::{
            compare::{Compare, CompareOut},
            toast::Toast,
        },
    },
};

impl ChatScreen {
    /// The list of models, to mark several in.
    pub(super) fn choose_compared(&mut self, cx: &Cx) -> Vec<Effect> {
        let mut effects = self.open_models(cx);
        effects.extend(notice(&format!("Mark two to {COMPARED_MAX} models with Space, then Enter.")));
        effects
    }

    /// Space in the list of models. `None` = another key, or nothing is selected.
    pub(super) fn mark_compared(&mut self, key: KeyEvent, cx: &Cx) -> Option<Vec<Effect>> {
        if key.code != KeyCode::Char(' ') || !key.modifiers.is_empty() {
            return None;
        }
        let Some(Overlay::Models(picker)) = &self.overlay else { return None };
        let name = picker.selected()?.value.clone();
        if name.is_empty() {
            return Some(notice("Only models are compared."));
        }
        if let Some(at) = self.compared.iter().position(|other| *other == name) {
            self.compared.remove(at);
        } else if self.compared.len() == COMPARED_MAX {
            return Some(notice("Four models at most are asked at once."));
        } else {
            self.compared.push(name);
        }
        self.show_marks(cx);
        Some(Vec::new())
    }

    /// Asks the marked models what is written, or what was asked last.
    pub(super) fn compare(&mut self, cx: &Cx) -> Vec<Effect> {
        let models = std::mem::take(&mut self.compared);
        if models.len() < 2 {
            self.compared = models;
            return notice("Mark a second model with Space to compare them, or take the mark away.");
        }
        self.overlay = None;
        if self.is_answering() {
            return notice("An answer is on its way; it ends before models are compared.");
        }
        let written = self.composer.written();
        let ask = if written.text.trim().is_empty() && written.attachments.is_empty() {
            let last = self.transcript.last();
            match last.and_then(|last| if last.role == MessageRole::User { Some(last.id) } else { last.parent }) {
                Some(question) => CompareAsk::Again(question),
                None => return notice("Write the question first, then choose the models."),
            }
        } else {
            let written = self.composer.take();
            self.history.remember(&written.text);
            CompareAsk::New(written)
        };
        let known = self.models.as_ref().map(|list| list.models.as_slice()).unwrap_or_default();
        self.front = Some(Front::Compare(Box::new(Compare::new(&models, known))));
        let figures = CompareCall::Figures { models: models.clone() };
        let fresh = if self.open_id().is_none() { self.fresh.clone() } else { NewConversation::default() };
        let mut effects = self.draft_changed(cx);
        effects.push(Effect::Chat(ChatCall::Compare(figures)));
        let start = CompareCall::Start { conversation: self.open_id(), fresh: Box::new(fresh), ask, models };
        effects.push(Effect::Chat(ChatCall::Compare(start)));
        effects
    }

    pub(super) fn compared(&mut self, out: CompareOut) -> Vec<Effect> {
        match out {
            CompareOut::Stay => Vec::new(),
            CompareOut::Tell(why) => notice(why),
            CompareOut::Copy(text) if text.is_empty() => notice("There is nothing to copy yet."),
            CompareOut::Copy(text) => super::messages::copy(&text),
            CompareOut::Stop(turns) => turns.into_iter().map(|turn| Effect::Chat(ChatCall::StopTurn(turn))).collect(),
            CompareOut::Close => self.leave_compare(),
            CompareOut::Keep { answer, model, others } => {
                let Some(Front::Compare(compare)) = &self.front else { return Vec::new() };
                let Some(conversation) = compare.conversation else { return Vec::new() };
                vec![Effect::Chat(ChatCall::Compare(CompareCall::Keep { conversation, answer, model, others }))]
            }
        }
    }

    /// The conversation is put on view as it is stored.
    fn leave_compare(&mut self) -> Vec<Effect> {
        let Some(Front::Compare(compare)) = self.front.take() else { return Vec::new() };
        match compare.conversation {
            Some(id) if self.open_id() == Some(id) => self.reopen(),
            Some(id) => self.open(id),
            None => Vec::new(),
        }
    }

    /// Whether the event is of an answer that is being compared.
    pub(super) fn is_compared(
        &mut self,
        conversation: ConversationId,
        turn: TurnId,
        answer: MessageId,
        event: &TurnEvent,
    ) -> bool {
        let is_known = self.running.values().any(|running| running.turn == turn) || !self.outgoing.is_empty();
        let Some(Front::Compare(compare)) = &mut self.front else { return false };
        if (is_known && compare.conversation != Some(conversation))
            || !compare.on_turn(conversation, turn, answer, event)
        {
            return false;
        }
        if matches!(event, TurnEvent::Ended { .. }) && compare.conversation == Some(conversation) {
            // The conversation may have been read anew meanwhile, with one of these as its running answer.
            self.running.remove(&conversation);
        }
        true
    }

    pub(super) fn on_compared(&mut self, reply: CompareReply, cx: &Cx) -> Vec<Effect> {
        match reply {
            CompareReply::Figures(Ok(known)) => {
                if let Some(Front::Compare(compare)) = &mut self.front {
                    compare.set_figures(&known);
                }
                Vec::new()
            }
            // What could not be read is not shown; the answers are what matters.
            CompareReply::Figures(Err(_)) => Vec::new(),
            CompareReply::Started { conversation, ask, turns } => {
                let Some(Front::Compare(compare)) = &mut self.front else { return Vec::new() };
                let mut effects = Vec::new();
                let first = turns.first().and_then(|turn| turn.as_ref().err()).cloned();
                let early = compare.begin(conversation, turns);
                let has_answers = compare.has_answers();
                for (conversation, turn, answer, event) in early {
                    effects.extend(self.on_turn(conversation, turn, answer, &event, cx));
                }
                if !has_answers {
                    // Nothing was committed: what was written comes back.
                    self.front = None;
                    if let CompareAsk::New(written) = ask {
                        effects.extend(self.give_back(written, How::Send));
                        effects.extend(self.draft_changed(cx));
                    }
                    effects.extend(first.map(|fault| Effect::Toast(Toast::fault(&fault))));
                }
                effects.push(Effect::Chat(ChatCall::Tree));
                effects
            }
            CompareReply::Kept(Ok(())) => {
                let mut effects = self.leave_compare();
                effects.push(Effect::Toast(Toast::good("Kept; the other answers are in the trash.").hint(format!(
                    "The picture of the branches ({}) brings them back.",
                    cx.key(Action::ShowBranches)
                ))));
                effects
            }
            CompareReply::Kept(Err(fault)) => vec![Effect::Toast(Toast::fault(&fault))],
        }
    }
}
