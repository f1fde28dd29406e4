//! Messages, turns and the context window.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{
    ConversationId, DocumentId, Fault, FaultKind, MessageId, TurnId,
    feedback::Feedback,
    notes::NoteMark,
    organise::{Conversation, NewConversation},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageRole {
    System,
    User,
    Assistant,
    Tool,
}

impl MessageRole {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }
}

/// How far a message has come. An answer passes from `Streaming` to exactly one of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    /// Still arriving, in this process or another.
    Streaming,
    /// Complete: the model said it was done.
    Done,
    /// The model stopped at a limit (`num_predict`, or a full context).
    Length,
    /// A person stopped it.
    Stopped,
    /// The program ended while it arrived.
    Interrupted,
    /// Ollama failed or broke off; the text up to there is kept.
    Failed,
}

/// What an answer cost, as Ollama reported it and as we measured it. `None` = not reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// From the request leaving to the first token of any kind, milliseconds, measured here.
    pub first_token_ms: Option<u32>,
    /// From the request leaving to the end, milliseconds, measured here.
    pub total_ms: Option<u32>,
    /// Model load inside this request, milliseconds.
    pub load_ms: Option<u32>,
    pub prompt_tokens: Option<u32>,
    pub prompt_ms: Option<u32>,
    pub answer_tokens: Option<u32>,
    /// Time spent generating, milliseconds.
    pub answer_ms: Option<u32>,
    /// Time the model spent thinking, milliseconds, measured here.
    pub thinking_ms: Option<u32>,
}

impl Metrics {
    /// Generation speed, or `None` where Ollama reported no figures.
    #[must_use]
    pub fn tokens_per_second(&self) -> Option<f64> {
        let (tokens, ms) = (self.answer_tokens?, self.answer_ms?);
        (ms > 0).then(|| f64::from(tokens) * 1000.0 / f64::from(ms))
    }
}

/// A tool call the model asked for: shown, never executed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    pub id: Option<String>,
    pub name: String,
    /// The arguments as the model wrote them.
    pub arguments: serde_json::Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttachmentKind {
    Text,
    Image,
    /// A document that only its text is sent of.
    Pdf,
    Docx,
}

impl AttachmentKind {
    /// In a word, for whoever looks at a list of files.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::Pdf => "PDF",
            Self::Docx => "Word",
        }
    }
}

/// A file that went with a message; its bytes lie in the vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    pub id: DocumentId,
    /// File name without its directory. Foreign text.
    pub name: String,
    pub kind: AttachmentKind,
    pub bytes: u64,
    /// Characters in it that a terminal would not show (hidden instructions hide there).
    pub hidden_characters: u32,
    /// What it takes of a context window, estimated.
    #[serde(default)]
    pub tokens: u32,
}

/// Whose content is looked at: a file that is to be sent, or one that went with a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PreviewOf {
    File(PathBuf),
    Sent { message: MessageId, document: DocumentId },
}

/// Exactly what a model receives of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachmentPreview {
    pub attachment: Attachment,
    pub content: PreviewContent,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PreviewContent {
    /// The block that stands before the words of the message. Raw: display it through `SafeText`.
    Text(String),
    /// The file itself.
    Image(Vec<u8>),
}

/// A message as the transcript shows it. All text in it is raw: display it through `SafeText`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub id: MessageId,
    pub parent: Option<MessageId>,
    pub role: MessageRole,
    pub content: String,
    pub thinking: String,
    pub tool_calls: Vec<ToolCall>,
    pub attachments: Vec<Attachment>,
    /// The notes on it, and where in its text they stand.
    #[serde(default)]
    pub notes: Vec<NoteMark>,
    /// What its reader thought of it.
    #[serde(default)]
    pub feedback: Option<Box<Feedback>>,
    pub state: MessageState,
    /// Why it failed, for `Failed`.
    pub error: Option<String>,
    /// What kind of trouble that was, so that what can be done is offered also when it is read again.
    #[serde(default)]
    pub error_kind: Option<FaultKind>,
    pub model: Option<String>,
    pub metrics: Metrics,
    /// Left out of what the model receives.
    pub excluded: bool,
    /// Always part of what the model receives, however old.
    pub pinned: bool,
    /// Which of its siblings this is, from 1, and how many there are.
    pub sibling: u32,
    pub siblings: u32,
    /// Milliseconds since 1970, UTC.
    pub created_at: i64,
}

/// A stretch of the branch on view, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MessagePage {
    pub messages: Vec<Message>,
    /// More lie before the first one.
    pub has_older: bool,
    /// More lie after the last one.
    #[serde(default)]
    pub has_newer: bool,
}

/// What opening a conversation gives: its settings, its newest messages, its draft, and a running turn if there is one here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Opened {
    pub conversation: Conversation,
    pub page: MessagePage,
    pub draft: Draft,
    pub running: Option<TurnId>,
    pub meter: ContextMeter,
}

/// What a person was writing; kept per conversation and across restarts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    pub text: String,
    /// Stretches of the text that the composer shows as one placeholder: first byte and the one behind the last.
    #[serde(default)]
    pub folded: Vec<(usize, usize)>,
    /// Messages waiting for the running answer to end, first to be sent first.
    pub queued: Vec<Written>,
    /// Files attached so far.
    pub attachments: Vec<PathBuf>,
}

/// A message that is written and not sent yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    pub text: String,
    /// As in a draft.
    #[serde(default)]
    pub folded: Vec<(usize, usize)>,
    #[serde(default)]
    pub attachments: Vec<PathBuf>,
}

/// What the next request would be made of: for measuring it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// `None` = a conversation that does not exist yet and would begin like `fresh`.
    pub conversation: Option<ConversationId>,
    pub fresh: NewConversation,
    pub draft: String,
    /// What the files beside it take, tokens.
    pub attached: u32,
}

/// How full the context window is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextMeter {
    /// Tokens the next request would carry, system prompt and draft included.
    pub used: u32,
    /// The window, in tokens. 0 = unknown.
    pub limit: u32,
    /// What of the window a prompt may take; the rest is kept free for the answer. 0 = unknown.
    #[serde(default)]
    pub room: u32,
    /// Whether `used` rests on counts that Ollama reported; otherwise it is an estimate.
    pub exact: bool,
    /// The oldest message of the branch that the model still sees, when older ones fall out.
    pub first_seen: Option<MessageId>,
}

/// What a person asks a model to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnAct {
    /// Adds a user message at the head and answers it.
    Send { text: String, attachments: Vec<PathBuf> },
    /// Answers the user message before this answer once more, as its sibling.
    Regenerate { answer: MessageId },
    /// Puts another user message beside this one and answers it.
    /// Its attachments come along, and these are added.
    Edit { message: MessageId, text: String, attachments: Vec<PathBuf> },
    /// Goes on from this earlier answer: adds a user message below it, beside what followed, and answers it.
    Branch { after: MessageId, text: String, attachments: Vec<PathBuf> },
    /// Goes on with an answer that was stopped, interrupted, cut or failed.
    Continue { answer: MessageId },
    /// Answers this question once more, beside answers to it that are still on their way: for comparing models. The model
    /// of the conversation stays as it is.
    Beside { question: MessageId },
}

/// Most models that answer one question at the same time.
pub const COMPARED_MAX: usize = 4;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewTurn {
    pub conversation: ConversationId,
    pub act: TurnAct,
    /// Another model than the conversation's, for this turn and from then on.
    pub model: Option<String>,
    /// After a refusal for length: leave out older messages until it fits, by the figures of the refusal.
    pub shorten: bool,
}

/// A turn that has begun: both messages are committed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TurnStarted {
    pub turn: TurnId,
    pub conversation: ConversationId,
    /// The committed user message, for `Send`, `Edit` and `Branch`.
    pub user: Option<Message>,
    /// The answer's row, `Streaming` and empty (or holding the text to go on from).
    pub answer: Message,
    /// What was left out of the request because it did not fit.
    pub meter: ContextMeter,
}

/// A piece of an answer as it arrives.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Delta {
    pub content: String,
    pub thinking: String,
    pub tool_calls: Vec<ToolCall>,
}

/// What a running turn tells. Deltas and endings are lossless; the stored message in `Ended` replaces the preview.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TurnEvent {
    /// The request waits for its place in our own queue: how many are before it.
    Queued {
        before: u32,
    },
    /// The request has left; nothing has come back. Loading a model takes up to minutes.
    Waiting,
    Delta(Delta),
    /// The stored answer, and the fault if it did not end well.
    Ended {
        answer: Box<Message>,
        meter: ContextMeter,
        fault: Option<Fault>,
    },
}

/// One prompt from a person's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastPrompt {
    pub message: MessageId,
    pub conversation: ConversationId,
    pub text: String,
    pub created_at: i64,
}
