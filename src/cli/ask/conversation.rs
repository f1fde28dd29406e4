//! Which conversation the question goes to: a new one, or one to go on with.

use crate::{
    api::{
        Fault, FaultKind,
        auth::Session,
        options::ChatOptions,
        organise::{Conversation, ConversationPatch, NewConversation, Shelf},
    },
    cli::{Desk, args::Ask, find},
};

pub(super) async fn begin(
    desk: &Desk,
    session: &Session,
    ask: &Ask,
    options: ChatOptions,
) -> Result<Conversation, Fault> {
    let folder = match &ask.folder {
        None => None,
        Some(which) => Some(find::folder(&desk.gateway.tree(session).await?.folders, which)?.id),
    };
    let model = match &ask.model {
        Some(model) => Some(model.clone()),
        None if !desk.config.chat.model.is_empty() => Some(desk.config.chat.model.clone()),
        None => Some(first_model(desk, session).await?),
    };
    let system_prompt = ask.system.clone().or_else(|| {
        let configured = &desk.config.chat.system_prompt;
        (!configured.is_empty()).then(|| configured.clone())
    });
    desk.gateway
        .create_conversation(session, NewConversation { folder, title: None, model, system_prompt, options })
        .await
}

/// The model used last, else the first one installed that can chat.
async fn first_model(desk: &Desk, session: &Session) -> Result<String, Fault> {
    let list = desk.gateway.models(session, false).await?;
    let chats = |name: &str| {
        list.models.iter().any(|model| {
            model.name == name
                && (model.capabilities.is_empty() || model.capabilities.iter().any(|can| can == "completion"))
        })
    };
    let last = desk.gateway.conversations(session, Shelf::Recent, "", None, 20).await?;
    let used = last.rows.into_iter().filter_map(|row| row.model).find(|name| chats(name));
    used.or_else(|| list.models.iter().map(|model| model.name.clone()).find(|name| chats(name))).ok_or_else(|| {
        match &list.stale_because {
            Some(why) => Fault::new(FaultKind::Upstream, why.clone()).hint("`ollamanet doctor` says what to do."),
            None => Fault::new(FaultKind::ModelMissing, "No model is installed that can answer.")
                .hint("Install one, for example: ollama pull llama3.2"),
        }
    })
}

pub(super) async fn go_on(
    desk: &Desk,
    session: &Session,
    which: &str,
    ask: &Ask,
    options: &ChatOptions,
) -> Result<Conversation, Fault> {
    let row = find::conversation(desk, session, which, &[Shelf::Recent, Shelf::Archive]).await?;
    let conversation = desk.gateway.conversation(session, row.id).await?;
    if options.is_empty() && ask.system.is_none() {
        return Ok(conversation);
    }
    let patch = ConversationPatch {
        options: (!options.is_empty()).then(|| conversation.options.overlaid(options)),
        system_prompt: ask.system.clone().map(Some),
        ..ConversationPatch::default()
    };
    desk.gateway.change_conversation(session, row.id, patch).await
}
