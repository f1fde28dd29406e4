//! The parts of the chat screen's state that have a name of their own.

use std::collections::{HashMap, VecDeque};

use super::{rules::RulesDialog, tags::TagEditor};
use crate::{
    api::{
        ConversationId, FolderId, MessageId, PresetId, PromptId, TurnId,
        chat::{Delta, Draft, TurnAct, Written},
        organise::FolderContent,
        retention::RetentionRules,
    },
    ui::widgets::{
        composer::Composer, field::Field, file_picker::FilePicker, fill::Fill, picker::Picker, preview::Preview,
    },
};

/// Which part of the screen keys go to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Focus {
    #[default]
    Composer,
    Transcript,
    Tree,
    Panel,
}

/// An answer on its way, of the conversation on view or of another.
#[derive(Debug)]
pub struct Running {
    pub turn: TurnId,
    pub answer: MessageId,
    pub phase: Phase,
    /// The person has asked it to stop.
    pub stopping: bool,
    pub began_ms: i64,
    /// When the first and the latest token of thinking came.
    pub thought: Option<(i64, i64)>,
    /// What the answer held when it began, and everything since: for when its conversation comes on view again.
    pub begun: Option<Delta>,
    pub so_far: Delta,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// So many are before it in our own queue.
    Queued(u32),
    Waiting,
    Thinking,
    Answering,
}

/// A turn that has been asked for and is not committed yet. They go out one at a time, so that a reply is never mistaken.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// `None` = the conversation is being created first.
    pub conversation: Option<ConversationId>,
    pub act: TurnAct,
    /// What of its text was folded away, for when it comes back.
    pub folded: Vec<(usize, usize)>,
    pub shorten: bool,
    /// It came from the queue; a refusal puts it back there.
    pub from_queue: bool,
    /// Esc came before it was committed: it is stopped as soon as it has a number.
    pub stop: bool,
}

/// A written message whose `@names` are being looked at.
#[derive(Debug)]
pub struct Naming {
    pub asked: u64,
    pub written: Written,
    pub how: How,
    /// The answer is here, or nothing was asked; it goes when those before it are gone.
    pub is_known: bool,
}

/// What becomes of a written message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Send,
    Edit(MessageId),
    Branch(MessageId),
}

/// What a message is being edited instead of: the draft comes back when editing is left.
#[derive(Debug)]
pub struct Editing {
    pub message: MessageId,
    pub stash: Draft,
}

/// The prompts before, for ↑ and ↓.
#[derive(Debug, Default)]
pub struct History {
    pub prompts: Vec<String>,
    pub is_loaded: bool,
    /// The list was asked for because ↑ was pressed.
    pub waits: bool,
    pub at: Option<usize>,
    /// What was being written before ↑.
    pub stash: Written,
}

impl History {
    /// The text to show after a step, if there is one. Back is towards older ones.
    pub fn step(&mut self, back: bool, current: &Written) -> Option<Written> {
        match (back, self.at) {
            (true, None) => {
                let first = past(self.prompts.first()?);
                self.stash = current.clone();
                self.at = Some(0);
                Some(first)
            }
            (true, Some(at)) => {
                let older = past(self.prompts.get(at + 1)?);
                self.at = Some(at + 1);
                Some(older)
            }
            (false, None) => None,
            (false, Some(0)) => {
                self.at = None;
                Some(std::mem::take(&mut self.stash))
            }
            (false, Some(at)) => {
                self.at = Some(at - 1);
                self.prompts.get(at - 1).map(|prompt| past(prompt))
            }
        }
    }

    /// A prompt that was just sent (or cleared) is the newest.
    pub fn remember(&mut self, prompt: &str) {
        if !prompt.trim().is_empty() {
            self.prompts.retain(|known| known != prompt);
            self.prompts.insert(0, prompt.to_owned());
        }
        self.at = None;
    }
}

fn past(prompt: &str) -> Written {
    Written { text: prompt.to_owned(), ..Written::default() }
}

/// What stands in front of the screen and takes the keys.
#[derive(Debug)]
pub enum Overlay {
    Models(Picker<String>),
    Prompts(Picker<usize>),
    Blocks(Picker<usize>),
    Places(Picker<Option<FolderId>>, Moving),
    Presets(Picker<PresetId>),
    Templates(Picker<PromptId>),
    Files(Box<FilePicker>),
    Preview(Box<Preview>),
    /// A template being filled in.
    Fill(Box<Fill>),
    Tags(Box<TagEditor>),
    /// Tags to filter by, and the question that its rows wait for.
    TagList(Picker<String>, u64),
    Rules(Box<RulesDialog>),
    Input(Input),
    Question(Question),
    /// The system prompt in an editor of its own.
    System(Box<Composer>),
}

/// What is being moved to another folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moving {
    Conversations(Vec<ConversationId>),
    Folder {
        id: FolderId,
        rev: u32,
    },
    /// Both, or several folders; these with the revision that was seen.
    Together {
        ids: Vec<ConversationId>,
        folders: Vec<(FolderId, Option<u32>)>,
    },
}

/// One line to type.
#[derive(Debug)]
pub struct Input {
    pub title: &'static str,
    pub field: Field,
    pub purpose: Purpose,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Title {
        id: ConversationId,
        rev: u32,
    },
    FolderName {
        id: FolderId,
        rev: u32,
    },
    NewFolder {
        parent: Option<FolderId>,
    },
    /// These settings under a name.
    Preset,
}

/// A question with a few answers.
#[derive(Debug)]
pub struct Question {
    pub title: String,
    pub text: String,
    pub answers: Vec<(&'static str, Answer)>,
    pub at: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The folder goes; its content moves up.
    DeleteFolderKeepContent(FolderId),
    DeleteFolderTrashContent(FolderId),
    /// All that are marked; what is in the folders moves up, or goes to the trash.
    DeleteMarked(FolderContent),
    /// What is chosen in the trash goes for good.
    Purge,
    EmptyTrash,
    KeepRules {
        rules: RetentionRules,
        run: bool,
    },
    /// Ask again and leave out older messages.
    Shorten(MessageId),
    ShowOptions,
    /// Its question goes into a new conversation.
    AskElsewhere(MessageId),
    ReplacePreset,
    /// The file whose path was pasted goes along in its place.
    AttachPasted,
    Nothing,
}

/// What waits to be written or sent, apart from the composer.
#[derive(Debug, Default)]
pub struct Waiting {
    /// Messages that go when the running answer ends, of the conversation on view.
    pub queue: VecDeque<Written>,
    /// Drafts of conversations that are not on view and have a queue.
    pub parked: HashMap<ConversationId, Draft>,
    /// The queue stands still because the last answer did not end well.
    pub is_held: bool,
}

/// The text and the files of something that could not be sent, and what it was meant for.
pub fn taken_back(act: TurnAct, folded: Vec<(usize, usize)>) -> Option<(Written, How)> {
    match act {
        TurnAct::Send { text, attachments } => Some((Written { text, folded, attachments }, How::Send)),
        TurnAct::Edit { message, text, attachments } => {
            Some((Written { text, folded, attachments }, How::Edit(message)))
        }
        TurnAct::Branch { after, text, attachments } => {
            Some((Written { text, folded, attachments }, How::Branch(after)))
        }
        TurnAct::Regenerate { .. } | TurnAct::Continue { .. } | TurnAct::Beside { .. } => None,
    }
}
