//! How an answer begins: one transaction that commits what the person said, the answer's empty row and the title, and
//! chooses what the model will see. When it has returned, nothing of it can be lost.

use crate::{
    api::{
        ConversationId, MessageId,
        chat::{COMPARED_MAX, ContextMeter, Message, MessageRole, MessageState, Metrics},
        options::ChatOptions,
        organise::TitleOrigin,
    },
    services::{
        context::{Budget, Choice, Scale, choose, weigh_system},
        turns::known::Facts,
    },
    store::{
        StoreError,
        vault::{
            Tx, branch, conversations,
            documents::{self, NewDocument},
            lease::Lease,
            messages::{self, NewMessage},
            weight::{MESSAGE, weigh, weigh_message},
            window,
        },
    },
};

/// What is to be done, checked, with its files read.
#[derive(Clone, Debug)]
pub enum Act {
    Send { text: String, documents: Vec<NewDocument> },
    Regenerate { answer: MessageId },
    Edit { message: MessageId, text: String, documents: Vec<NewDocument> },
    Branch { after: MessageId, text: String, documents: Vec<NewDocument> },
    Continue { answer: MessageId },
    Beside { question: MessageId },
}

#[derive(Debug)]
pub struct Plan {
    pub conversation: ConversationId,
    pub act: Act,
    pub model: String,
    pub shorten: bool,
    /// The window as set, as loaded and as trained.
    pub loaded: Option<u32>,
    pub trained: Option<u32>,
    /// A title made of the prompt.
    pub title: Option<String>,
    pub now: i64,
}

/// What has been committed.
#[derive(Debug)]
pub struct Begun {
    pub user: Option<Message>,
    pub answer: Message,
    pub answer_seq: i64,
    pub choice: Choice,
    pub budget: Budget,
    pub system: Option<String>,
    pub options: ChatOptions,
    /// What the answer had cost before it was gone on with.
    pub before: Metrics,
    /// The answer's own text so far goes along, to be gone on with.
    pub goes_on: bool,
}

pub fn begin(tx: &Tx<'_>, plan: &Plan, lease: &Lease) -> Result<Begun, StoreError> {
    let (conversation, head) = messages::head(tx, plan.conversation)?;
    let arriving = || {
        StoreError::Conflict("An answer is still arriving in this conversation, here or in another window.".to_owned())
    };
    let compared = match &plan.act {
        Act::Beside { question } => Some(*question),
        Act::Send { .. } | Act::Regenerate { .. } | Act::Edit { .. } | Act::Branch { .. } | Act::Continue { .. } => {
            None
        }
    };
    if let Some(question) = compared {
        let asked = messages::place(tx, plan.conversation, question)?.seq;
        let answered = messages::answering(tx, conversation)?;
        if answered.iter().any(|parent| *parent != Some(asked)) {
            return Err(arriving());
        }
        if answered.len() >= COMPARED_MAX {
            return Err(StoreError::Conflict(format!("{COMPARED_MAX} models answer this question already.")));
        }
    } else if messages::is_answering(tx, conversation)? {
        return Err(arriving());
    }
    let settings = conversations::get(tx, plan.conversation)?;
    if settings.row.trashed {
        return Err(StoreError::Conflict(
            "This conversation is in the trash. Restore it first: u in the list of conversations.".to_owned(),
        ));
    }
    let lease = lease.row(tx, plan.now)?;
    let (end, user, gone_on) = said_or_shown(tx, plan, conversation, head)?;
    if compared.is_none() {
        conversations::set_model(tx, plan.conversation, &plan.model)?;
    }

    let system = weigh_system(settings.system_prompt.as_deref());
    let (budget, scale) = measure(tx, conversation, &settings.options, plan)?;
    let branch = window::branch(tx, conversation, Some(end), scale.weight(budget.prompt()), Some(plan.model.as_str()))?;
    let choice = choose(&branch, system, 0, budget, scale);

    let (answer_seq, before) = if let Some(place) = gone_on {
        let before = messages::get(tx, place.seq)?.metrics;
        messages::resume(tx, place.seq, &plan.model, lease)?;
        (place.seq, before)
    } else {
        let empty = NewMessage {
            conversation,
            parent: Some(end),
            role: MessageRole::Assistant,
            state: MessageState::Streaming,
            content: "",
            model: Some(&plan.model),
            weight: 0,
            lease: Some(lease),
            now: plan.now,
        };
        (messages::add(tx, &empty)?.0, Metrics::default())
    };
    let answer = messages::get(tx, answer_seq)?;
    Ok(Begun {
        user: user.map(|seq| messages::get(tx, seq)).transpose()?,
        goes_on: gone_on.is_some() && !answer.content.is_empty(),
        answer,
        answer_seq,
        choice,
        budget,
        system: settings.system_prompt,
        options: settings.options,
        before,
    })
}

/// Puts what the act says into the conversation, and its branch on view. Gives the message that is answered (or the
/// answer that is gone on with), the new question, and the place of an answer that is gone on with.
fn said_or_shown(
    tx: &Tx<'_>,
    plan: &Plan,
    conversation: i64,
    head: Option<i64>,
) -> Result<(i64, Option<i64>, Option<messages::Place>), StoreError> {
    let mut user = None;
    let (end, gone_on) = match &plan.act {
        Act::Send { text, documents } => {
            let (seq, _) = messages::add(tx, &said(conversation, head, text, weight_of(documents), plan.now))?;
            documents::attach(tx, seq, documents, plan.now)?;
            take_from_draft(tx, plan.conversation, text, plan.now)?;
            if let Some(title) = &plan.title {
                conversations::set_title(tx, plan.conversation, title, TitleOrigin::Prompt)?;
            }
            user = Some(seq);
            (seq, None)
        }
        Act::Branch { after, text, documents } => {
            let place = expect(tx, plan.conversation, *after, MessageRole::Assistant)?;
            show(tx, plan.conversation, place.seq)?;
            let extra = weight_of(documents);
            let (seq, _) = messages::add(tx, &said(conversation, Some(place.seq), text, extra, plan.now))?;
            documents::attach(tx, seq, documents, plan.now)?;
            take_from_draft(tx, plan.conversation, text, plan.now)?;
            user = Some(seq);
            (seq, None)
        }
        Act::Edit { message, text, documents } => {
            let place = expect(tx, plan.conversation, *message, MessageRole::User)?;
            if let Some(parent) = place.parent {
                show(tx, plan.conversation, parent)?;
            }
            let old = messages::get(tx, place.seq)?;
            let extra = window::weight_of(tx, place.seq)?
                .saturating_sub(weigh_message(&old.content))
                .saturating_add(weight_of(documents));
            let (seq, _) = messages::add(tx, &said(conversation, place.parent, text, extra, plan.now))?;
            documents::copy_attachments(tx, place.seq, seq)?;
            documents::attach(tx, seq, documents, plan.now)?;
            user = Some(seq);
            (seq, None)
        }
        Act::Regenerate { answer } => {
            let place = expect(tx, plan.conversation, *answer, MessageRole::Assistant)?;
            let Some(parent) = place.parent else {
                return Err(StoreError::Invalid("There is no question before this answer.".to_owned()));
            };
            show(tx, plan.conversation, parent)?;
            (parent, None)
        }
        Act::Beside { question } => {
            let place = expect(tx, plan.conversation, *question, MessageRole::User)?;
            show(tx, plan.conversation, place.seq)?;
            (place.seq, None)
        }
        Act::Continue { answer } => {
            let place = expect(tx, plan.conversation, *answer, MessageRole::Assistant)?;
            if place.state == MessageState::Done {
                return Err(StoreError::Invalid("This answer is complete; there is nothing to go on with.".to_owned()));
            }
            branch::show(tx, plan.conversation, *answer)?;
            if messages::head(tx, plan.conversation)?.1 != Some(place.seq) {
                return Err(StoreError::Invalid(
                    "Later messages build on this answer; ask for it again instead.".to_owned(),
                ));
            }
            (place.seq, Some(place))
        }
    };
    Ok((end, user, gone_on))
}

/// What would go with the next request beside the conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    pub text: String,
    /// What its files take, tokens.
    pub attached: u32,
}

impl Beside {
    fn weight(&self) -> u64 {
        let attached = u64::from(self.attached) * 4;
        let text = u64::from(weigh_message(&self.text));
        if attached > 0 && text == 0 { attached + u64::from(MESSAGE) } else { attached + text }
    }
}

/// The meter of the branch on view, with a draft beside it.
pub fn meter(
    tx: &Tx<'_>,
    id: ConversationId,
    beside: &Beside,
    model: Option<&str>,
    facts: &Facts,
) -> Result<ContextMeter, StoreError> {
    let (conversation, head) = messages::head(tx, id)?;
    let settings = conversations::get(tx, id)?;
    let counted = window::counted(tx, conversation, model, false)?;
    let loaded = facts.loaded.or(counted.and_then(|counted| counted.window));
    let budget = Budget::new(&settings.options, loaded, facts.trained);
    let scale = counted.map_or_else(Scale::default, |counted| Scale::counted(counted.weight, counted.tokens));
    let branch = window::branch(tx, conversation, head, scale.weight(budget.prompt()), model)?;
    let system = weigh_system(settings.system_prompt.as_deref());
    let choice = choose(&branch, system, beside.weight(), budget, scale);
    Ok(shown(choice.meter, &settings.options, loaded, facts.trained))
}

/// The meter of a conversation that does not exist yet.
#[must_use]
pub fn meter_of_nothing(options: &ChatOptions, system: &str, beside: &Beside, facts: &Facts) -> ContextMeter {
    let budget = Budget::new(options, facts.loaded, facts.trained);
    let nothing = window::Branch { lines: Vec::new(), whole: true };
    let system = weigh_system(Some(system));
    let choice = choose(&nothing, system, beside.weight(), budget, Scale::default());
    shown(choice.meter, options, facts.loaded, facts.trained)
}

/// A window nobody has told is assumed for the choice, but not shown as a fact.
fn shown(meter: ContextMeter, options: &ChatOptions, loaded: Option<u32>, trained: Option<u32>) -> ContextMeter {
    if options.num_ctx.or(loaded).or(trained).is_some() {
        return meter;
    }
    ContextMeter { limit: 0, room: 0, ..meter }
}

/// The budget and the scale for a request. After a refusal, if asked to, by the refusal's own figures.
fn measure(tx: &Tx<'_>, conversation: i64, options: &ChatOptions, plan: &Plan) -> Result<(Budget, Scale), StoreError> {
    let counted = window::counted(tx, conversation, Some(plan.model.as_str()), plan.shorten)?;
    let Some(counted) = counted else {
        return Ok((Budget::new(options, plan.loaded, plan.trained), Scale::default()));
    };
    if plan.shorten && counted.refused {
        let limit = options.num_ctx.or(counted.window).or(plan.loaded);
        return Ok((Budget::new(options, limit, plan.trained), Scale::refused(counted.weight, counted.tokens)));
    }
    let loaded = plan.loaded.or(counted.window);
    Ok((Budget::new(options, loaded, plan.trained), Scale::counted(counted.weight, counted.tokens)))
}

/// Brings the branch through a message on view, so that forks above remember the way to what is added below it.
fn show(tx: &Tx<'_>, conversation: ConversationId, message: i64) -> Result<(), StoreError> {
    branch::show(tx, conversation, messages::get(tx, message)?.id)
}

fn expect(
    tx: &Tx<'_>,
    conversation: ConversationId,
    message: MessageId,
    role: MessageRole,
) -> Result<messages::Place, StoreError> {
    let place = messages::place(tx, conversation, message)?;
    if place.role == role {
        return Ok(place);
    }
    Err(StoreError::Invalid(match role {
        MessageRole::User => "Only own messages can be edited.".to_owned(),
        MessageRole::System | MessageRole::Assistant | MessageRole::Tool => {
            "Only a model's answers can be asked for again or gone on with.".to_owned()
        }
    }))
}

fn weight_of(documents: &[NewDocument]) -> u32 {
    documents.iter().fold(0, |sum, document| sum.saturating_add(document.weight))
}

fn said(conversation: i64, parent: Option<i64>, text: &str, extra: u32, now: i64) -> NewMessage<'_> {
    let weight = if extra > 0 { weigh(text).saturating_add(16) } else { weigh_message(text) };
    NewMessage {
        conversation,
        parent,
        role: MessageRole::User,
        state: MessageState::Done,
        content: text,
        model: None,
        weight: weight.saturating_add(extra),
        lease: None,
        now,
    }
}

/// What is committed as a message is no draft any more: after a crash it must not stand in both places.
fn take_from_draft(tx: &Tx<'_>, id: ConversationId, text: &str, now: i64) -> Result<(), StoreError> {
    for conversation in [Some(id), None] {
        let mut draft = conversations::draft(tx, conversation)?;
        if draft.text.trim() == text.trim() && !draft.text.is_empty() {
            draft.text.clear();
            draft.folded.clear();
            draft.attachments.clear();
        } else if draft.queued.first().is_some_and(|queued| queued.text.trim() == text.trim()) {
            draft.queued.remove(0);
        } else {
            continue;
        }
        conversations::save_draft(tx, conversation, &draft, now)?;
        break;
    }
    Ok(())
}
