//! Places in a conversation that something else leads to: a hit of a search, a note, a citation.
//!
//! The conversation is opened as always, then the messages around the place are read, on whichever branch it is.

use super::{ChatScreen, PAGE, state::Focus};
use crate::{
    api::{ConversationId, Fault, MessageId, chat::MessagePage},
    ui::{
        cx::Cx,
        msg::{ChatCall, Effect, Spot},
        widgets::toast::Toast,
    },
};

impl ChatScreen {
    /// Opens the conversation at this message and marks the words in it.
    pub fn open_at(&mut self, spot: Spot) -> Vec<Effect> {
        let (id, message) = (spot.conversation, spot.message);
        self.front = None;
        self.spot = Some(spot);
        let mut effects = self.open(id);
        if let Some(message) = message {
            effects.push(Effect::Chat(ChatCall::ShowMessage { conversation: id, message, limit: PAGE }));
        }
        effects
    }

    /// Whether the place that was opened is on view and nothing was done there yet.
    #[must_use]
    pub fn is_as_opened(&self) -> bool {
        let is_there =
            self.spot.as_ref().is_some_and(|spot| Some(spot.conversation) == self.opening.or(self.open_id()));
        is_there
            && self.overlay.is_none()
            && !self.has_front()
            && !self.is_selecting()
            && self.composer.is_empty()
            && self.running_here().is_none()
            && !self.filtering
    }

    pub(super) fn on_shown(
        &mut self,
        conversation: ConversationId,
        message: MessageId,
        page: Result<MessagePage, Fault>,
        cx: &Cx,
    ) -> Vec<Effect> {
        // Somebody went elsewhere meanwhile.
        let Some(spot) = self.spot.clone().filter(|spot| spot.conversation == conversation) else { return Vec::new() };
        if self.open_id() != Some(conversation) || spot.message != Some(message) {
            return Vec::new();
        }
        let page = match page {
            Ok(page) => page,
            Err(fault) => return vec![Effect::Toast(Toast::fault(&fault))],
        };
        self.set_focus(Focus::Transcript, cx);
        let look = self.highlights.look(cx);
        self.transcript.show_around(page, message, spot.terms, &look);
        if spot.chars.is_some() {
            self.transcript.show_passage(message, spot.chars, &look);
        }
        self.resume_running(conversation);
        let mut effects: Vec<Effect> = self.load_more().into_iter().collect();
        effects.extend(self.want_colours(cx));
        effects
    }
}
