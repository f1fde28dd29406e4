//! Which conversation the question goes to: a new one, or one to go on with.

use crate::{
    api::{
        Fault, FaultKind,
        auth::Session,
        library::Begins,
        options::ChatOptions,
        organise::{Conversation, ConversationPatch, NewConversation, Shelf},
    },
    cli::{Desk, args::Ask, find, presets},
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
    let preset = match &ask.preset {
        None => Begins::AsUsual,
        Some(name) => Begins::With(presets::called(desk, session, name).await?.id),
    };
    let new = NewConversation {
        folder,
        title: None,
        model: ask.model.clone(),
        system_prompt: ask.system.clone(),
        options,
        preset,
    };
    // Looked at first, so that nothing is begun that nobody can answer.
    let begins = desk.gateway.beginning(session, new.clone()).await?;
    let model = match begins.model {
        Some(model) => Some(model),
        None => Some(first_model(desk, session).await?),
    };
    desk.gateway.create_conversation(session, NewConversation { model, ..new }).await
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
    let conversation = match &ask.preset {
        None => desk.gateway.conversation(session, row.id).await?,
        Some(name) => {
            let preset = presets::called(desk, session, name).await?;
            desk.gateway.apply_preset(session, row.id, Some(preset.id), None).await?
        }
    };
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
