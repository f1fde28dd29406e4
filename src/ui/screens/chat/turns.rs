//! Sending, queueing, stopping; and what comes back: a started turn, its pieces, its end.
//!
//! Invariant: a text that was sent and refused is given back; nothing typed is lost on any path through here.

use std::path::PathBuf;

use super::{
    ChatScreen,
    state::{Answer, Focus, Outgoing, Overlay, Phase, Question, Running, text_of},
};
use crate::{
    api::{
        ConversationId, Fault, FaultKind, MessageId, TurnId,
        chat::{Delta, Draft, Message, MessageState, NewTurn, TurnAct, TurnEvent, TurnStarted},
        organise::{Conversation, NewConversation},
    },
    ui::{
        cx::Cx,
        msg::{ChatCall, Effect},
        widgets::toast::Toast,
    },
};

impl ChatScreen {
    /// The answer that is on its way in the conversation on view.
    pub(super) fn running_here(&self) -> Option<&Running> {
        self.running.get(&self.open_id()?)
    }

    /// Whether a new message would have to wait.
    pub(super) fn is_answering(&self) -> bool {
        self.running_here().is_some() || self.outgoing.iter().any(|out| out.conversation == self.open_id())
    }

    /// Sends what is written: at once, or when the running answer has ended.
    pub(super) fn send_message(&mut self, text: String, attachments: Vec<PathBuf>, cx: &Cx) -> Vec<Effect> {
        if self.is_answering() {
            if !attachments.is_empty() {
                self.composer.set_text(&text);
                let mut effects: Vec<Effect> = vec![Effect::Toast(
                    Toast::warning("A message with attachments cannot wait in the queue.")
                        .hint("Send it when the answer has ended, or take the attachments away with /detach."),
                )];
                effects.extend(self.attach_all(attachments));
                return effects;
            }
            self.waiting.queue.push_back(text);
            self.waiting.is_held = false;
            return self.draft_changed(cx);
        }
        self.history.remember(&text);
        self.start(TurnAct::Send { text, attachments }, false, cx)
    }

    /// Begins a turn in the conversation on view, which is made first if there is none.
    pub(super) fn start(&mut self, act: TurnAct, shorten: bool, cx: &Cx) -> Vec<Effect> {
        let out = Outgoing { conversation: self.open_id(), act, shorten, from_queue: false };
        let mut effects = self.push_outgoing(out);
        effects.extend(self.draft_changed(cx));
        effects
    }

    fn push_outgoing(&mut self, out: Outgoing) -> Vec<Effect> {
        self.outgoing.push_back(out);
        if self.outgoing.len() == 1 { self.dispatch_front() } else { Vec::new() }
    }

    fn dispatch_front(&mut self) -> Vec<Effect> {
        let Some(front) = self.outgoing.front() else { return Vec::new() };
        let call = match front.conversation {
            Some(conversation) => ChatCall::StartTurn(NewTurn {
                conversation,
                act: front.act.clone(),
                model: None,
                shorten: front.shorten,
            }),
            None => ChatCall::Create(self.fresh.clone()),
        };
        vec![Effect::Chat(call)]
    }

    /// The conversation for the first message was made; the message follows.
    pub(super) fn on_created(&mut self, created: Result<Box<Conversation>, Fault>, cx: &Cx) -> Vec<Effect> {
        match created {
            Ok(conversation) => {
                let id = conversation.row.id;
                let mut is_first = false;
                for out in self.outgoing.iter_mut().filter(|out| out.conversation.is_none()) {
                    out.conversation = Some(id);
                    is_first = true;
                }
                let mut effects = Vec::new();
                if self.conversation.is_none() && is_first {
                    // The draft of the conversation that did not exist is empty now; that has to be stored, too.
                    effects.push(Effect::Chat(ChatCall::SaveDraft { conversation: None, draft: Draft::default() }));
                    self.tree.current = Some(id);
                    self.fresh = NewConversation::default();
                    self.conversation = Some(*conversation);
                    self.refresh_panel();
                }
                effects.extend(self.dispatch_front());
                effects.push(Effect::Chat(ChatCall::Tree));
                effects
            }
            Err(fault) => self.refused(&fault, cx),
        }
    }

    pub(super) fn on_started(&mut self, started: Result<Box<TurnStarted>, Fault>, cx: &Cx) -> Vec<Effect> {
        let started = match started {
            Ok(started) => *started,
            Err(fault) => return self.refused(&fault, cx),
        };
        self.outgoing.pop_front();
        let TurnStarted { turn, conversation, user, answer, meter } = started;
        let begun = Delta {
            content: answer.content.clone(),
            thinking: answer.thinking.clone(),
            tool_calls: answer.tool_calls.clone(),
        };
        // Its first events may have come before this reply.
        let running = self.running_entry(conversation, turn, answer.id, cx);
        running.begun = Some(begun);
        let so_far = running.so_far.clone();
        // Its end, too, when the model failed at once: then the answer that is stored is on view already.
        let has_ended = self.ended_early.take_if(|early| *early == turn).is_some();
        if has_ended {
            self.running.remove(&conversation);
        }
        let mut effects = self.dispatch_front();
        if self.open_id() == Some(conversation) {
            if let Some(user) = user {
                self.transcript.put(user);
            }
            let id = answer.id;
            if has_ended {
                effects.extend(self.reopen());
            } else {
                self.transcript.meter = meter;
                self.transcript.begin_answer(answer);
                self.transcript.on_delta(id, &so_far);
            }
        }
        effects.push(Effect::Chat(ChatCall::Tree));
        effects
    }

    fn running_entry(
        &mut self,
        conversation: ConversationId,
        turn: TurnId,
        answer: MessageId,
        cx: &Cx,
    ) -> &mut Running {
        let fresh = || Running {
            turn,
            answer,
            phase: Phase::Waiting,
            stopping: false,
            began_ms: cx.now_ms,
            begun: None,
            so_far: Delta::default(),
        };
        let running = self.running.entry(conversation).or_insert_with(fresh);
        if running.turn != turn {
            *running = fresh();
        }
        running
    }

    /// A turn that could not begin: what was typed comes back, with the reason.
    fn refused(&mut self, fault: &Fault, cx: &Cx) -> Vec<Effect> {
        let Some(out) = self.outgoing.pop_front() else { return vec![Effect::Toast(Toast::fault(fault))] };
        let mut effects = self.dispatch_front();
        let is_here = out.conversation == self.open_id();
        if fault.kind == FaultKind::Overflow && is_here {
            self.overlay = Some(Overlay::Question(overflow(fault, out.act.clone())));
        } else {
            effects.push(Effect::Toast(Toast::fault(fault)));
        }
        let from_queue = out.from_queue;
        let (text, attachments) = text_of(out.act);
        if !is_here {
            if let Some(parked) = out.conversation.and_then(|id| self.waiting.parked.get_mut(&id)) {
                parked.queued.insert(0, text);
            }
            return effects;
        }
        if from_queue {
            self.waiting.queue.push_front(text);
            self.waiting.is_held = true;
        } else if !text.is_empty() {
            self.give_back(&text);
            effects.extend(self.attach_all(attachments));
        }
        effects.extend(self.draft_changed(cx));
        effects
    }

    /// Puts a text back into the composer, before whatever has been typed since.
    pub(super) fn give_back(&mut self, text: &str) {
        if self.composer.is_empty() {
            self.composer.set_text(text);
        } else if self.composer.text().trim() != text.trim() {
            self.composer.set_text(&format!("{text}\n{}", self.composer.text()));
        }
    }

    pub(super) fn on_turn(
        &mut self,
        conversation: ConversationId,
        turn: TurnId,
        answer: MessageId,
        event: &TurnEvent,
        cx: &Cx,
    ) -> Vec<Effect> {
        let is_here = self.open_id() == Some(conversation);
        match event {
            TurnEvent::Queued { before } => {
                self.running_entry(conversation, turn, answer, cx).phase = Phase::Queued(*before);
                Vec::new()
            }
            TurnEvent::Waiting => {
                self.running_entry(conversation, turn, answer, cx).phase = Phase::Waiting;
                Vec::new()
            }
            TurnEvent::Delta(delta) => {
                let running = self.running_entry(conversation, turn, answer, cx);
                running.phase = if delta.content.is_empty() && running.so_far.content.is_empty() {
                    Phase::Thinking
                } else {
                    Phase::Answering
                };
                running.so_far.content.push_str(&delta.content);
                running.so_far.thinking.push_str(&delta.thinking);
                running.so_far.tool_calls.extend(delta.tool_calls.iter().cloned());
                if is_here {
                    self.transcript.on_delta(answer, delta);
                }
                Vec::new()
            }
            TurnEvent::Ended { answer: message, meter, fault } => {
                let known = self.running.remove(&conversation).is_some();
                if (!known || self.transcript.message(answer).is_none()) && !self.outgoing.is_empty() {
                    self.ended_early = Some(turn);
                }
                let stored = (**message).clone();
                let ended_well = stored.state == MessageState::Done || stored.state == MessageState::Length;
                let mut effects = Vec::new();
                if is_here {
                    self.transcript.end_answer(stored, fault.clone(), *meter);
                } else if let Some(fault) = fault {
                    effects.push(Effect::Toast(Toast::fault(fault)));
                }
                effects.extend(self.send_next(conversation, ended_well, cx));
                effects
            }
        }
    }

    /// After an answer: the next queued message goes. After one that was stopped or failed, the queue waits.
    fn send_next(&mut self, conversation: ConversationId, ended_well: bool, cx: &Cx) -> Vec<Effect> {
        let is_here = self.open_id() == Some(conversation);
        if !ended_well {
            self.waiting.is_held |= is_here && !self.waiting.queue.is_empty();
            return Vec::new();
        }
        let send = |text: String| Outgoing {
            conversation: Some(conversation),
            act: TurnAct::Send { text, attachments: Vec::new() },
            shorten: false,
            from_queue: true,
        };
        if is_here {
            let Some(text) = self.waiting.queue.pop_front() else { return Vec::new() };
            self.history.remember(&text);
            let mut effects = self.push_outgoing(send(text));
            effects.extend(self.draft_changed(cx));
            return effects;
        }
        let Some(parked) = self.waiting.parked.get_mut(&conversation) else { return Vec::new() };
        if parked.queued.is_empty() {
            return Vec::new();
        }
        let text = parked.queued.remove(0);
        let draft = parked.clone();
        let mut effects = self.push_outgoing(send(text));
        effects.push(Effect::Chat(ChatCall::SaveDraft { conversation: Some(conversation), draft }));
        effects
    }

    /// Enter in an empty composer sends what waits, after the queue was held.
    pub(super) fn release_queue(&mut self, cx: &Cx) -> Vec<Effect> {
        if self.is_answering() {
            return Vec::new();
        }
        let Some(text) = self.waiting.queue.pop_front() else { return Vec::new() };
        self.waiting.is_held = false;
        self.send_message(text, Vec::new(), cx)
    }

    /// The last queued message comes back into the composer.
    pub(super) fn take_back_queued(&mut self, cx: &Cx) -> Option<Vec<Effect>> {
        if !self.composer.is_empty() {
            return None;
        }
        let text = self.waiting.queue.pop_back()?;
        self.composer.set_text(&text);
        Some(self.draft_changed(cx))
    }

    /// Asks the answer on view to stop; `None` when none runs or it has been asked already.
    pub(super) fn stop(&mut self) -> Option<Vec<Effect>> {
        let id = self.open_id()?;
        let running = self.running.get_mut(&id).filter(|running| !running.stopping)?;
        running.stopping = true;
        Some(vec![Effect::Chat(ChatCall::StopTurn(running.turn))])
    }

    pub(super) fn on_stopped(&mut self, stopped: Result<(), Fault>) -> Vec<Effect> {
        let Err(fault) = stopped else { return Vec::new() };
        for running in self.running.values_mut() {
            running.stopping = false;
        }
        vec![Effect::Toast(Toast::fault(&fault))]
    }

    pub(super) fn continue_answer(&mut self, message: Option<Message>, cx: &Cx) -> Vec<Effect> {
        if self.is_answering() {
            return notice("An answer is on its way already.");
        }
        match message {
            Some(message) if crate::ui::widgets::transcript::can_continue(&message) => {
                self.focus = Focus::Composer;
                self.start(TurnAct::Continue { answer: message.id }, false, cx)
            }
            Some(_) => notice("This message is complete; there is nothing to go on with."),
            None => notice("There is no answer to go on with."),
        }
    }

    pub(super) fn regenerate(&mut self, message: Option<Message>, shorten: bool, cx: &Cx) -> Vec<Effect> {
        use crate::api::chat::MessageRole;
        if self.is_answering() {
            return notice("An answer is on its way already.");
        }
        match message {
            Some(message) if message.role == MessageRole::Assistant => {
                self.start(TurnAct::Regenerate { answer: message.id }, shorten, cx)
            }
            Some(_) => notice("Only an answer can be made once more. Choose one with j and k."),
            None => notice("There is no answer yet."),
        }
    }
}

pub(super) fn notice(text: &str) -> Vec<Effect> {
    vec![Effect::Toast(Toast::notice(text))]
}

/// The prompt does not fit: nothing is cut silently, the person chooses.
fn overflow(fault: &Fault, act: TurnAct) -> Question {
    let hint = fault.hint.as_deref().unwrap_or_default();
    Question {
        title: "Longer than the context window".to_owned(),
        text: format!("{}\n{hint}", fault.message).trim().to_owned(),
        answers: vec![
            ("Leave out older messages and ask again", Answer::Shorten(Box::new(act))),
            ("Make the window larger (options: num_ctx)", Answer::ShowOptions),
            ("Keep the draft and start a new conversation", Answer::NewConversation),
            ("Back to the text", Answer::Nothing),
        ],
        at: 0,
    }
}
