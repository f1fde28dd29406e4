//! Sending, queueing, stopping; and what comes back: a started turn, its pieces, its end.
//!
//! Invariant: a text that was sent and refused is given back; nothing typed is lost on any path through here.

use super::{
    ChatScreen,
    state::{Answer, Focus, How, Outgoing, Overlay, Phase, Question, Running, taken_back},
};
use crate::{
    api::{
        ConversationId, Fault, FaultKind, MessageId, TurnId,
        chat::{Delta, Draft, Message, MessageState, NewTurn, TurnAct, TurnEvent, TurnStarted, Written},
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
    pub(super) fn send_message(&mut self, written: Written, cx: &Cx) -> Vec<Effect> {
        if self.is_answering() {
            self.waiting.queue.push_back(written);
            self.waiting.is_held = false;
            return self.draft_changed(cx);
        }
        self.history.remember(&written.text);
        let Written { text, folded, attachments } = written;
        self.start_written(TurnAct::Send { text, attachments }, folded, cx)
    }

    /// Begins a turn in the conversation on view, which is made first if there is none.
    pub(super) fn start(&mut self, act: TurnAct, shorten: bool, cx: &Cx) -> Vec<Effect> {
        let mut effects = self.push_outgoing(Outgoing { shorten, ..outgoing(self.open_id(), act, Vec::new()) });
        effects.extend(self.draft_changed(cx));
        effects
    }

    /// As `start`, for a text of which these stretches were folded away.
    pub(super) fn start_written(&mut self, act: TurnAct, folded: Vec<(usize, usize)>, cx: &Cx) -> Vec<Effect> {
        let mut effects = self.push_outgoing(outgoing(self.open_id(), act, folded));
        effects.extend(self.draft_changed(cx));
        effects
    }

    fn push_outgoing(&mut self, out: Outgoing) -> Vec<Effect> {
        self.outgoing.push_back(out);
        if self.outgoing.len() == 1 { self.dispatch_front() } else { Vec::new() }
    }

    fn dispatch_front(&mut self) -> Vec<Effect> {
        // Stopped before it left: there is nothing to stop, and the text comes back.
        let mut effects = Vec::new();
        while let Some(out) = self.outgoing.pop_front_if(|front| front.stop) {
            let is_here = out.conversation == self.open_id();
            if let Some((written, how)) = taken_back(out.act, out.folded).filter(|_| is_here) {
                effects.extend(self.give_back(written, how));
                self.saver_is_dirty();
            }
        }
        let Some(front) = self.outgoing.front() else { return effects };
        let call = match front.conversation {
            Some(conversation) => ChatCall::StartTurn(NewTurn {
                conversation,
                act: front.act.clone(),
                model: None,
                shorten: front.shorten,
            }),
            None => ChatCall::Create(self.fresh.clone()),
        };
        effects.push(Effect::Chat(call));
        effects
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
        let is_stopped = self.outgoing.pop_front().is_some_and(|out| out.stop);
        let TurnStarted { turn, conversation, user, answer, meter } = started;
        let begun = Delta {
            content: answer.content.clone(),
            thinking: answer.thinking.clone(),
            tool_calls: answer.tool_calls.clone(),
        };
        // Its first events may have come before this reply.
        let running = self.running_entry(conversation, turn, answer.id, cx);
        running.begun = Some(begun);
        running.stopping |= is_stopped;
        let (so_far, thought) = (running.so_far.clone(), running.thought);
        // Its end, too, when the model failed at once: then the answer that is stored is on view already.
        let has_ended = self.ended_early.take_if(|early| *early == turn).is_some();
        if has_ended {
            self.running.remove(&conversation);
        }
        let mut effects = self.dispatch_front();
        if is_stopped && !has_ended {
            effects.push(Effect::Chat(ChatCall::StopTurn(turn)));
        }
        if self.open_id() == Some(conversation) {
            let can_place = self.transcript.can_place(user.as_ref().unwrap_or(&answer));
            if let Some(user) = user.filter(|_| can_place) {
                self.transcript.put(user);
            }
            let id = answer.id;
            if !can_place {
                // The end of the branch is not loaded: whoever sends goes there.
                self.transcript.seek_bottom();
                effects.extend(self.load_more());
            } else if has_ended {
                effects.extend(self.reopen());
            } else {
                self.transcript.meter = meter;
                self.transcript.begin_answer(answer);
                self.transcript.on_delta(id, &so_far, cx.now_ms);
                if thought.is_some() {
                    self.transcript.set_thought(id, thought);
                }
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
            thought: None,
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
        effects.push(Effect::Toast(Toast::fault(fault)));
        let from_queue = out.from_queue;
        let Some((written, how)) = taken_back(out.act, out.folded) else { return effects };
        if !is_here {
            // Its draft was parked when it went to the background.
            if let Some(id) = out.conversation
                && let Some(parked) = self.waiting.parked.get_mut(&id)
            {
                parked.queued.insert(0, written);
                effects.push(Effect::Chat(ChatCall::SaveDraft { conversation: Some(id), draft: parked.clone() }));
            }
            return effects;
        }
        if from_queue {
            self.waiting.queue.push_front(written);
            self.waiting.is_held = true;
        } else {
            effects.extend(self.give_back(written, how));
        }
        effects.extend(self.draft_changed(cx));
        effects
    }

    /// Puts a message back into the composer, before whatever has been typed since; an edit is an edit again.
    pub(super) fn give_back(&mut self, written: Written, how: How) -> Vec<Effect> {
        let Written { text, folded, attachments } = written;
        match (how, &mut self.editing) {
            (How::Edit(message), None) => {
                self.put_aside(message);
                self.composer.put(&text, &folded);
                return self.attach_all(attachments);
            }
            // Another message is being edited: what is not for that one waits in the draft.
            (How::Send | How::Branch(_), Some(editing)) => {
                let stash = &mut editing.stash;
                (stash.text, stash.folded) = joined(text, folded, &stash.text, &stash.folded);
                stash.attachments.extend(attachments);
                return Vec::new();
            }
            (How::Branch(after), None) => self.forking = Some(after),
            (How::Send, None) | (How::Edit(_), Some(_)) => {}
        }
        let now = self.composer.written();
        if now.text.is_empty() {
            self.composer.put(&text, &folded);
        } else if now.text.trim() != text.trim() {
            let (text, folded) = joined(text, folded, &now.text, &now.folded);
            self.composer.put(&text, &folded);
        }
        self.attach_all(attachments)
    }

    /// Messages whose files are still being looked at come back, last one first.
    pub(super) fn take_back_named(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        while let Some(naming) = self.naming.pop_back() {
            effects.extend(self.give_back(naming.written, naming.how));
            self.saver_is_dirty();
        }
        effects
    }

    /// A request was refused for its length: nothing is cut silently, the person chooses. Asked once for each answer, and
    /// never in front of somebody who is writing; the keys stand below the answer all the same.
    pub(super) fn ask_about_overflow(&mut self, answer: MessageId, why: &str) {
        if self.overlay.is_none() && self.composer.is_blank() && self.asked_overflow.insert(answer) {
            self.overlay = Some(Overlay::Question(overflow(why, answer)));
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
                if !delta.thinking.is_empty() {
                    running.thought = Some((running.thought.map_or(cx.now_ms, |(first, _)| first), cx.now_ms));
                }
                running.so_far.content.push_str(&delta.content);
                running.so_far.thinking.push_str(&delta.thinking);
                running.so_far.tool_calls.extend(delta.tool_calls.iter().cloned());
                if is_here {
                    self.transcript.on_delta(answer, delta, cx.now_ms);
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
                    if let Some(fault) = fault.as_ref().filter(|fault| fault.kind == FaultKind::Overflow) {
                        self.ask_about_overflow(answer, &fault.message);
                    }
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
        let send = |written: Written| {
            let Written { text, folded, attachments } = written;
            let act = TurnAct::Send { text, attachments };
            Outgoing { from_queue: true, ..outgoing(Some(conversation), act, folded) }
        };
        if is_here {
            let Some(next) = self.waiting.queue.pop_front() else { return Vec::new() };
            self.history.remember(&next.text);
            let mut effects = self.push_outgoing(send(next));
            effects.extend(self.draft_changed(cx));
            return effects;
        }
        let Some(parked) = self.waiting.parked.get_mut(&conversation) else { return Vec::new() };
        if parked.queued.is_empty() {
            return Vec::new();
        }
        let next = parked.queued.remove(0);
        let draft = parked.clone();
        let mut effects = self.push_outgoing(send(next));
        effects.push(Effect::Chat(ChatCall::SaveDraft { conversation: Some(conversation), draft }));
        effects
    }

    /// Enter in an empty composer sends what waits, after the queue was held.
    pub(super) fn release_queue(&mut self, cx: &Cx) -> Vec<Effect> {
        if self.is_answering() {
            return Vec::new();
        }
        let Some(next) = self.waiting.queue.pop_front() else { return Vec::new() };
        self.waiting.is_held = false;
        self.send_message(next, cx)
    }

    /// The last queued message comes back into the composer.
    pub(super) fn take_back_queued(&mut self, cx: &Cx) -> Option<Vec<Effect>> {
        if !self.composer.is_empty() {
            return None;
        }
        let last = self.waiting.queue.pop_back()?;
        self.composer.put(&last.text, &last.folded);
        let mut effects = self.attach_all(last.attachments);
        effects.extend(self.draft_changed(cx));
        Some(effects)
    }

    /// Asks the answer on view to stop; `None` when none runs or it has been asked already. One that is still being
    /// committed is stopped as soon as it is; a message that has not left yet comes back.
    pub(super) fn stop(&mut self, cx: &Cx) -> Option<Vec<Effect>> {
        if let Some(naming) = self.naming.pop_back() {
            let mut effects = self.give_back(naming.written, naming.how);
            effects.extend(self.draft_changed(cx));
            return Some(effects);
        }
        let id = self.open_id();
        if let Some(out) = self.outgoing.iter_mut().rev().find(|out| out.conversation == id && !out.stop) {
            out.stop = true;
            return Some(Vec::new());
        }
        let running = self.running.get_mut(&id?).filter(|running| !running.stopping)?;
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
        // The one that was broken off while something else was being written.
        if message.is_none()
            && let Some(broken) = self.broken
        {
            return self.open(broken);
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

/// A text, and below it what was there already, with what is folded away of both.
fn joined(
    first: String,
    folded: Vec<(usize, usize)>,
    below: &str,
    folded_below: &[(usize, usize)],
) -> (String, Vec<(usize, usize)>) {
    if below.is_empty() {
        return (first, folded);
    }
    let shift = first.len() + 1;
    let below_shifted = folded_below.iter().map(|(start, end)| (start + shift, end + shift));
    (format!("{first}\n{below}"), folded.into_iter().chain(below_shifted).collect())
}

fn outgoing(conversation: Option<ConversationId>, act: TurnAct, folded: Vec<(usize, usize)>) -> Outgoing {
    Outgoing { conversation, act, folded, shorten: false, from_queue: false, stop: false }
}

/// What can be done about a prompt that does not fit.
fn overflow(why: &str, answer: MessageId) -> Question {
    Question {
        title: "Longer than the context window".to_owned(),
        text: why.to_owned(),
        answers: vec![
            ("Leave out older messages and ask again", Answer::Shorten(answer)),
            ("Make the window larger (options: num_ctx)", Answer::ShowOptions),
            ("Ask it in a new conversation", Answer::AskElsewhere(answer)),
            ("Leave it as it is", Answer::Nothing),
        ],
        at: 0,
    }
}
