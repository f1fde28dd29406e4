//! The chat screen: tree, transcript, composer, side panel.
//!
//! The seam with the root. How a key travels: the root asks the keymap with [`Screen::context`]; an action that is
//! the root's own (help, palette, lock, theme, quit …) never arrives here. `Interrupt` and `Escape` are offered here
//! first and used by the root only when they come back as `None`. Any other action comes to [`Screen::on_action`]
//! first; if that answers `None`, or the key has no meaning in this context, the key comes to [`Screen::on_key`].
//! A notice is `Effect::Toast`; something only the root can do (`/help`, `/quit`) is `Effect::Act`.
//!
//! Invariant: the stored conversation is the truth. What is on view is replaced by it whenever it is read anew, and
//! nothing that a person typed is dropped before the store has it.

mod actions;
mod arrange;
mod commands;
mod compare;
mod completion;
mod compose;
mod files;
mod first_model;
mod front;
mod hints;
mod library;
mod messages;
mod mouse;
mod obey;
mod open;
mod overlay;
mod rules;
mod shelves;
mod spot;
mod state;
mod tags;
mod turns;
mod view;

use std::collections::{HashMap, HashSet, VecDeque};

use crossterm::event::{KeyCode, KeyEvent, MouseEvent};
use ratatui::{Frame, layout::Rect};

use self::{
    completion::Completion,
    state::{Editing, Focus, History, Naming, Outgoing, Overlay, Phase, Running, Waiting},
};
use crate::{
    api::{
        ConversationId, MessageId, TurnId,
        chat::TurnEvent,
        events::{Changed, Event},
        models::ModelList,
        organise::{Conversation, NewConversation, Undo},
    },
    ui::{
        actions::{Action, Context},
        cx::{Cx, Hint, Lane},
        msg::{ChatCall, ChatReply, Effect, ShellReply, Spot, Timer},
        screens::Screen,
        text::highlight::Highlighted,
        widgets::{
            composer::Composer,
            options_panel::{OptionsPanel, PanelOut},
            toast::Toast,
            transcript::{Highlights, Transcript},
            tree::Tree,
        },
    },
};

/// Messages read at a time.
const PAGE: u32 = 60;

pub struct ChatScreen {
    tree: Tree,
    /// Whether the tree's filter box has the keys.
    filtering: bool,
    transcript: Transcript,
    composer: Composer,
    focus: Focus,
    /// The conversation on view; `None` = one that begins with the first message.
    conversation: Option<Conversation>,
    /// Being read; what is on view stays until it is here.
    opening: Option<ConversationId>,
    /// The place in a conversation that is being opened, and then is on view until something else is.
    spot: Option<Spot>,
    /// Opened because its last answer was broken off by the program's end.
    broken: Option<ConversationId>,
    /// What a new conversation starts with.
    fresh: NewConversation,
    running: HashMap<ConversationId, Running>,
    outgoing: VecDeque<Outgoing>,
    /// A turn whose end came before the reply to its start.
    ended_early: Option<TurnId>,
    waiting: Waiting,
    /// Messages whose `@names` are being looked at, in the order they were sent.
    naming: VecDeque<Naming>,
    /// A text that names a file which was refused; sent once more it goes as it is.
    told_of: Option<String>,
    editing: Option<Editing>,
    /// The answer that the next message goes on from, beside what followed it.
    forking: Option<MessageId>,
    /// Answers refused for their length whose question has been put.
    asked_overflow: HashSet<MessageId>,
    history: History,
    /// The texts behind the rows of the prompt history search.
    found_prompts: Vec<String>,
    completion: Option<Completion>,
    overlay: Option<Overlay>,
    /// Something about the messages that stands before them.
    front: Option<front::Front>,
    /// Models that are marked to be compared.
    compared: Vec<String>,
    /// Where the mouse went down in the messages, while it is held.
    pressed: Option<ratatui::layout::Position>,
    panel: Option<OptionsPanel>,
    /// Whose figures the panel has asked for; nobody's once they may have changed.
    figured: Option<ConversationId>,
    sidebar: Option<bool>,
    models: Option<ModelList>,
    models_fault: Option<String>,
    /// When the list came, milliseconds since 1970: what it says of its age was so then.
    models_at: i64,
    first: first_model::FirstModel,
    /// What takes the last change to the list back, and what that was.
    undo: Option<(Undo, String)>,
    /// Numbers the questions whose late answers must not count.
    asked: u64,
    asked_paths: u64,
    asked_measure: u64,
    asked_prompts: u64,
    saver: compose::Saver,
    /// What left the editor and comes back: the draft, or the system prompt.
    edits_system: bool,
    library: library::Known,
    /// The name that is taken, while it is asked whether to put other settings in its place.
    preset_to_replace: Option<String>,
    /// A text that was pasted and is the path of a file, while it is asked what shall go with the message.
    pasted: Option<(String, std::path::PathBuf)>,
    highlights: Highlights,
}

impl ChatScreen {
    /// A fresh screen for the account in `cx`, and what it wants to know first.
    #[must_use]
    pub fn new(cx: &Cx) -> (Self, Vec<Effect>) {
        let mut screen = Self {
            tree: Tree::default(),
            filtering: false,
            transcript: Transcript::default(),
            composer: Composer::new(cx.config.ui.vim),
            focus: Focus::Composer,
            conversation: None,
            opening: None,
            spot: None,
            broken: None,
            fresh: NewConversation::default(),
            running: HashMap::new(),
            outgoing: VecDeque::new(),
            ended_early: None,
            waiting: Waiting::default(),
            naming: VecDeque::new(),
            told_of: None,
            editing: None,
            forking: None,
            asked_overflow: HashSet::new(),
            history: History::default(),
            found_prompts: Vec::new(),
            completion: None,
            overlay: None,
            front: None,
            compared: Vec::new(),
            pressed: None,
            panel: None,
            figured: None,
            sidebar: None,
            models: None,
            models_fault: None,
            models_at: 0,
            first: first_model::FirstModel::default(),
            undo: None,
            asked: 0,
            asked_paths: 0,
            asked_measure: 0,
            asked_prompts: 0,
            saver: compose::Saver::default(),
            edits_system: false,
            library: library::Known::default(),
            preset_to_replace: None,
            pasted: None,
            highlights: Highlights::default(),
        };
        let mut effects = vec![
            Effect::Chat(ChatCall::LoadDraft),
            Effect::Chat(ChatCall::Tree),
            Effect::Chat(ChatCall::Models { fresh: false }),
        ];
        effects.extend(screen.ask_beginning());
        (screen, effects)
    }

    pub fn on_reply(&mut self, reply: ChatReply, cx: &Cx) -> Vec<Effect> {
        self.tree.look_at_clock(cx.now_ms, &cx.zone);
        let mut effects = self.replied(reply, cx);
        effects.extend(self.want_colours(cx));
        effects.extend(self.want_figures());
        effects
    }

    /// Blocks of code on the screen that have no colours yet.
    fn want_colours(&mut self, cx: &Cx) -> Vec<Effect> {
        let jobs = self.transcript.want_colours(&mut self.highlights, cx);
        jobs.into_iter().map(Effect::Highlight).collect()
    }

    fn replied(&mut self, reply: ChatReply, cx: &Cx) -> Vec<Effect> {
        match reply {
            ChatReply::Tree(tree) => self.on_tree(tree),
            ChatReply::Conversations { asked, shelf, page } => self.on_conversations(asked, shelf, page),
            ChatReply::Created(created) => self.on_created(created, cx),
            ChatReply::Opened { id, opened } => self.on_opened(id, opened, cx),
            ChatReply::Older { conversation, page } => self.on_older(conversation, page),
            ChatReply::Newer { conversation, page } => self.on_newer(conversation, page),
            ChatReply::Oldest { conversation, page } => self.on_oldest(conversation, page),
            ChatReply::Changed(changed) => self.on_changed(changed),
            ChatReply::Organised(reply) => self.on_organised(reply, cx),
            ChatReply::FolderCreated(folder) => self.on_folder_created(folder),
            ChatReply::FolderDone(done) => Self::on_folder_done(done),
            ChatReply::Branch { conversation, page } => self.on_branch(conversation, page),
            ChatReply::Shown { conversation, message, page } => self.on_shown(conversation, message, page, cx),
            ChatReply::Marked { message, done } => self.on_marked(message, done),
            ChatReply::Draft(draft) => self.on_draft(draft, cx),
            ChatReply::DraftSaved(saved) => self.saver.on_saved(saved),
            ChatReply::PastPrompts { asked, prompts } => self.on_prompts(asked, prompts),
            ChatReply::Started(started) => self.on_started(started, cx),
            ChatReply::Stopped(stopped) => self.on_stopped(stopped),
            ChatReply::Measured { asked, meter } => {
                // A failed measurement says nothing new: the last meter stays.
                if let (true, Ok(meter)) = (asked == self.asked_measure, meter) {
                    self.transcript.meter = meter;
                }
                Vec::new()
            }
            ChatReply::Inspected { path, attachment } => self.on_inspected(&path, attachment, cx),
            ChatReply::Named { asked, found } => self.on_named(asked, found, cx),
            ChatReply::PathsCompleted { asked, paths } => self.on_paths(asked, paths),
            ChatReply::Models(models) => self.on_models(models, cx),
            ChatReply::Model(_) => Vec::new(),
            ChatReply::Used(reply) => self.on_used(reply, cx),
            ChatReply::Compared(reply) => self.on_compared(reply, cx),
            ChatReply::Files(reply) => self.on_files(reply),
        }
    }

    /// `Edited` belongs to the composer; the root tells of `Copied` and keeps `Health` in `cx`.
    pub fn on_shell(&mut self, reply: &ShellReply, cx: &Cx) -> Vec<Effect> {
        match reply {
            ShellReply::Edited(Ok(text)) => self.on_edited(text, cx),
            ShellReply::Edited(Err(fault)) => vec![Effect::Toast(Toast::fault(fault))],
            ShellReply::StartedOllama(Ok(_)) => vec![Effect::Chat(ChatCall::Models { fresh: true })],
            ShellReply::StartedOllama(Err(_))
            | ShellReply::Copied(_)
            | ShellReply::Health(_)
            | ShellReply::Jobs(_)
            | ShellReply::StopRequested
            | ShellReply::Back(_)
            | ShellReply::Settings(_)
            | ShellReply::SettingsRefused(_) => Vec::new(),
        }
    }

    pub fn on_event(&mut self, event: &Event, cx: &Cx) -> Vec<Effect> {
        let ended = |event: &TurnEvent| matches!(event, TurnEvent::Ended { .. });
        let changes_figures = match event {
            Event::Turn { conversation, event, .. } => ended(event) && self.open_id() == Some(*conversation),
            Event::Changed(Changed::Conversation(id) | Changed::Interrupted(id)) => self.open_id() == Some(*id),
            Event::Changed(Changed::Everything) => true,
            Event::Changed(Changed::Tree | Changed::Library | Changed::House | Changed::Models)
            | Event::Job(_)
            | Event::Health(_)
            | Event::PutAway(_)
            | Event::Transfer { .. }
            | Event::SessionEnded(_)
            | Event::Notice(_) => false,
        };
        if changes_figures {
            self.figured = None;
        }
        let mut effects = self.heard(event, cx);
        effects.extend(self.want_figures());
        effects
    }

    fn heard(&mut self, event: &Event, cx: &Cx) -> Vec<Effect> {
        match event {
            Event::Turn { turn, conversation, answer, event } => {
                if self.is_compared(*conversation, *turn, *answer, event) {
                    return Vec::new();
                }
                let mut effects = self.on_turn(*conversation, *turn, *answer, event, cx);
                // Laying out is for the frame, which gathers many pieces; only one that may end a block is looked at.
                let may_end_block = match event {
                    TurnEvent::Delta(delta) => delta.content.contains('`'),
                    TurnEvent::Ended { .. } => true,
                    TurnEvent::Queued { .. } | TurnEvent::Waiting => false,
                };
                if may_end_block {
                    effects.extend(self.want_colours(cx));
                }
                effects
            }
            Event::Changed(Changed::Tree) => vec![Effect::Chat(ChatCall::Tree)],
            // Straight back to where the power went, unless something else is on view or being written.
            Event::Changed(Changed::Interrupted(id)) if self.open_id().is_none() && self.composer.is_empty() => {
                self.broken = Some(*id);
                self.open(*id)
            }
            // What is being written is not pushed aside, but nobody should have to look for the answer.
            Event::Changed(Changed::Interrupted(id)) if self.open_id() != Some(*id) => {
                self.broken = Some(*id);
                let toast = Toast::warning("An answer was broken off when the program ended; what came is kept.");
                vec![Effect::Toast(toast.hint("Ctrl+P, continue opens it. What you are writing stays as a draft."))]
            }
            Event::Changed(Changed::Conversation(id)) if self.open_id() == Some(*id) => self.reopen(),
            Event::Changed(Changed::Everything) => {
                let mut effects = vec![Effect::Chat(ChatCall::Tree)];
                effects.extend(self.reopen());
                effects.extend(self.ask_beginning());
                effects
            }
            Event::Changed(Changed::Library) => {
                let mut effects = self.reopen();
                effects.extend(self.ask_beginning());
                effects
            }
            Event::PutAway(report) => vec![Effect::Toast(shelves::put_away(report))],
            Event::Changed(Changed::Models) => vec![Effect::Chat(ChatCall::Models { fresh: true })],
            Event::Changed(Changed::Conversation(_) | Changed::Interrupted(_) | Changed::House)
            | Event::Job(_)
            | Event::Health(_)
            | Event::SessionEnded(_)
            | Event::Transfer { .. }
            | Event::Notice(_) => Vec::new(),
        }
    }

    pub fn on_timer(&mut self, timer: Timer, cx: &Cx) -> Vec<Effect> {
        match timer {
            Timer::SaveDraft => self.draft_is_still(cx),
            Timer::Spinner
            | Timer::IdleLock
            | Timer::Toast(_)
            | Timer::QuitLadder
            | Timer::Settle(_)
            | Timer::Judge(_)
            | Timer::Jobs
            | Timer::JobsMoved
            | Timer::Health
            | Timer::HealthAges => Vec::new(),
        }
    }

    /// The colours of a block of code came.
    pub fn on_highlighted(&mut self, done: Highlighted) {
        if self.highlights.keep(done) {
            self.transcript.recolour();
        }
    }

    /// About to be locked, signed out or ended: what must be stored first (the draft). Calls are done in order.
    pub fn leave(&mut self, _cx: &Cx) -> Vec<Effect> {
        let mut effects = self.take_back_named();
        effects.extend(self.leave_editing().unwrap_or_default());
        self.save_effects(self.open_id(), &mut effects);
        effects
    }

    /// How many answers run and wait here.
    #[must_use]
    pub fn lane(&self) -> Lane {
        let mut lane = Lane::default();
        for answer in self.running.values() {
            match answer.phase {
                Phase::Queued(before) => lane.waiting.push(before),
                Phase::Waiting | Phase::Thinking | Phase::Answering => lane.running += 1,
            }
        }
        lane
    }

    fn open_id(&self) -> Option<ConversationId> {
        self.conversation.as_ref().map(|conversation| conversation.row.id)
    }

    fn set_focus(&mut self, focus: Focus, cx: &Cx) {
        if self.focus == Focus::Transcript && focus != Focus::Transcript {
            self.transcript.end_visual();
            self.transcript.unselect();
        }
        if focus == Focus::Transcript {
            let look = self.highlights.look(cx);
            self.transcript.select_some(&look);
        }
        self.filtering &= focus == Focus::Tree;
        self.completion = None;
        self.focus = focus;
    }

    fn panel_out(&mut self, out: PanelOut, cx: &Cx) -> Vec<Effect> {
        match out {
            PanelOut::Nothing => Vec::new(),
            PanelOut::Changed(options) => self.set_options(*options),
            PanelOut::ChooseModel => self.open_models(cx),
            PanelOut::ChoosePreset => self.choose_preset(),
            PanelOut::EditSystemPrompt => {
                self.open_system_prompt(cx);
                Vec::new()
            }
            PanelOut::Leave { forward } => {
                self.focus_step(forward, cx);
                Vec::new()
            }
        }
    }
}

impl Screen for ChatScreen {
    fn shown(&mut self, _cx: &Cx) -> Vec<Effect> {
        // It goes on hearing while another screen is on view, so nothing was missed.
        Vec::new()
    }

    fn on_action(&mut self, action: Action, cx: &Cx) -> Option<Vec<Effect>> {
        if self.overlay.is_some() {
            return self.overlay_action(action, cx);
        }
        if self.front.is_some() {
            return self.front_action(action, cx);
        }
        let mut effects = self.act(action, cx)?;
        effects.extend(self.want_colours(cx));
        effects.extend(self.want_figures());
        Some(effects)
    }

    fn on_key(&mut self, key: KeyEvent, cx: &Cx) -> Option<Vec<Effect>> {
        if self.overlay.is_some() {
            return self.overlay_key(key, cx);
        }
        if self.front.is_some() {
            return self.front_key(key, cx);
        }
        match self.focus {
            Focus::Composer => self.composer_key(key, cx),
            Focus::Tree if self.filtering => self.filter_key(key),
            Focus::Panel => {
                let out = self.panel.as_mut()?.on_key(key)?;
                Some(self.panel_out(out, cx))
            }
            Focus::Transcript => {
                // Typing a word while reading begins a message; single letters are keys of the transcript.
                let is_text = matches!(key.code, KeyCode::Char(c) if c == '/' || c == '@');
                if is_text {
                    self.set_focus(Focus::Composer, cx);
                    return self.composer_key(key, cx);
                }
                None
            }
            Focus::Tree => None,
        }
    }

    fn on_paste(&mut self, text: String, cx: &Cx) -> Vec<Effect> {
        if self.overlay.is_some() {
            return self.overlay_paste(text, cx);
        }
        if self.front.is_some() {
            return self.front_paste(text);
        }
        match self.focus {
            Focus::Panel => {
                if let Some(panel) = &mut self.panel {
                    panel.on_paste(&text);
                }
                Vec::new()
            }
            Focus::Tree if self.filtering => {
                let line = text.lines().next().unwrap_or_default();
                let filter = format!("{}{}", self.tree.filter().unwrap_or_default(), line);
                self.set_filter(Some(filter))
            }
            Focus::Composer | Focus::Transcript | Focus::Tree => {
                self.set_focus(Focus::Composer, cx);
                self.paste(text, cx)
            }
        }
    }

    fn on_mouse(&mut self, mouse: MouseEvent, area: Rect, cx: &Cx) -> Vec<Effect> {
        let mut effects = self.mouse(mouse, area, cx);
        effects.extend(self.want_colours(cx));
        effects
    }

    fn context(&self) -> Context {
        if let Some(overlay) = &self.overlay {
            return match overlay {
                Overlay::Models(_)
                | Overlay::Prompts(_)
                | Overlay::Blocks(_)
                | Overlay::Places(..)
                | Overlay::Presets(_)
                | Overlay::Templates(_)
                | Overlay::TagList(..)
                | Overlay::Files(_)
                | Overlay::Question(_) => Context::List,
                Overlay::Preview(_) => Context::Preview,
                Overlay::Rules(dialog) if dialog.is_list() => Context::List,
                Overlay::Input(_) | Overlay::Fill(_) | Overlay::Tags(_) | Overlay::Rules(_) => Context::Form,
                Overlay::System(_) => Context::Composer,
            };
        }
        if let Some(context) = self.front_context() {
            return context;
        }
        match self.focus {
            Focus::Composer => Context::Composer,
            Focus::Transcript if self.is_selecting() => Context::Selection,
            Focus::Transcript => Context::Transcript,
            Focus::Tree if self.filtering => Context::Form,
            Focus::Tree => Context::Tree,
            Focus::Panel => Context::Form,
        }
    }

    fn is_busy(&self) -> bool {
        self.opening.is_some()
            || !self.outgoing.is_empty()
            || !self.naming.is_empty()
            || self.running_here().is_some()
            || self.front_is_busy()
    }

    fn footer(&self, cx: &Cx) -> Vec<Hint> {
        self.hints(cx)
    }

    fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx, in_front: bool) {
        self.draw(frame, area, cx, in_front);
    }
}

#[cfg(test)]
mod tests;
