//! Folders, conversations, branches, drafts and the history: checks what a person gives, runs one transaction, and tells
//! the person's other windows.
//!
//! It starts no answers and reads no files. Invariant: nothing reaches the store that breaks the numbers of `api`.

mod many;

use crate::{
    access::{Caller, Member},
    api::{
        AccountId, ConversationId, Fault, FolderId, MessageId,
        chat::{Draft, MessagePage, PastPrompt},
        events::Changed,
        library::{Beginning, PresetName},
        options::{ChatOptions, OPTIONS},
        organise::{
            Conversation, ConversationPatch, ConversationRow, Cursor, FOLDER_MAX, Folder, FolderContent,
            NewConversation, PAGE_MAX, Page, SYSTEM_PROMPT_MAX, Shelf, TITLE_MAX, Tree,
        },
    },
    config::live::Live,
    services::{hub::Hub, library::beginning::resolve},
    store::{
        StoreError,
        vault::{branch, conversations, folders, messages},
    },
};

/// Longest model name, bytes: a registry's host, a namespace, a name and a tag.
const MODEL_NAME_MAX: usize = 400;
/// Longest filter and search of the history, characters.
const FILTER_MAX: usize = 400;

#[derive(Clone, Debug)]
pub struct Conversations {
    hub: Hub,
    live: Live,
}

impl Conversations {
    #[must_use]
    pub fn new(hub: Hub, live: Live) -> Self {
        Self { hub, live }
    }

    pub async fn tree(&self, by: Caller<Member>) -> Result<Tree, Fault> {
        Ok(by.vault.db.read(folders::tree).await?)
    }

    pub async fn list(
        &self,
        by: Caller<Member>,
        shelf: Shelf,
        filter: &str,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<ConversationRow>, Fault> {
        check_limit(limit)?;
        let filter: String = filter.chars().take(FILTER_MAX).collect();
        let after = after.map(|cursor| place(&cursor)).transpose()?;
        let (rows, last) = by.vault.db.read(move |tx| conversations::shelf(tx, shelf, &filter, after, limit)).await?;
        Ok(Page { rows, next: last.map(|used| Cursor(used.to_string())) })
    }

    pub async fn create(&self, by: Caller<Member>, new: NewConversation) -> Result<Conversation, Fault> {
        let config = self.live.config();
        let conversation = by
            .vault
            .db
            .write(move |tx| {
                let (new, _) = resolve(tx, new, &config)?;
                Ok::<_, Fault>(conversations::create(tx, &checked_new(new)?, now())?)
            })
            .await?;
        self.hub.changed(by.account, Changed::Tree);
        Ok(conversation)
    }

    /// What it would begin with, without making it.
    pub async fn beginning(&self, by: Caller<Member>, new: NewConversation) -> Result<Beginning, Fault> {
        let config = self.live.config();
        let (new, preset) = by.vault.db.read(move |tx| resolve(tx, new, &config)).await?;
        Ok(Beginning {
            preset: preset.map(|preset| PresetName { id: preset.id, name: preset.name }),
            model: new.model,
            system_prompt: new.system_prompt,
            options: new.options,
        })
    }

    pub async fn get(&self, by: Caller<Member>, id: ConversationId) -> Result<Conversation, Fault> {
        Ok(by.vault.db.read(move |tx| conversations::get(tx, id)).await?)
    }

    pub async fn change(
        &self,
        by: Caller<Member>,
        id: ConversationId,
        patch: ConversationPatch,
    ) -> Result<Conversation, Fault> {
        let patch = checked_patch(patch)?;
        let conversation = by.vault.db.write(move |tx| conversations::change(tx, id, &patch, now())).await?;
        self.hub.changed(by.account, Changed::Tree);
        self.hub.changed(by.account, Changed::Conversation(id));
        Ok(conversation)
    }

    pub async fn create_folder(
        &self,
        by: Caller<Member>,
        parent: Option<FolderId>,
        name: &str,
    ) -> Result<Folder, Fault> {
        let name = checked_folder_name(name)?;
        let folder = by.vault.db.write(move |tx| folders::create(tx, parent, &name, now())).await?;
        self.hub.changed(by.account, Changed::Tree);
        Ok(folder)
    }

    pub async fn delete_folder(&self, by: Caller<Member>, id: FolderId, content: FolderContent) -> Result<(), Fault> {
        let trashed = by.vault.db.write(move |tx| folders::delete(tx, id, content, now())).await?;
        self.touched(by.account, &trashed);
        Ok(())
    }

    /// Whoever has one of these on view has to look again, or to leave it.
    fn touched(&self, account: AccountId, ids: &[ConversationId]) {
        self.hub.changed(account, Changed::Tree);
        for id in ids {
            self.hub.changed(account, Changed::Conversation(*id));
        }
    }

    pub async fn older(
        &self,
        by: Caller<Member>,
        conversation: ConversationId,
        before: MessageId,
        limit: u32,
    ) -> Result<MessagePage, Fault> {
        check_limit(limit)?;
        Ok(by.vault.db.read(move |tx| branch::older(tx, conversation, before, limit)).await?)
    }

    pub async fn newer(
        &self,
        by: Caller<Member>,
        conversation: ConversationId,
        after: MessageId,
        limit: u32,
    ) -> Result<MessagePage, Fault> {
        check_limit(limit)?;
        Ok(by.vault.db.read(move |tx| branch::newer(tx, conversation, after, limit)).await?)
    }

    pub async fn oldest(
        &self,
        by: Caller<Member>,
        conversation: ConversationId,
        limit: u32,
    ) -> Result<MessagePage, Fault> {
        check_limit(limit)?;
        Ok(by.vault.db.read(move |tx| branch::oldest(tx, conversation, limit)).await?)
    }

    pub async fn show_branch(
        &self,
        by: Caller<Member>,
        conversation: ConversationId,
        through: MessageId,
        limit: u32,
    ) -> Result<MessagePage, Fault> {
        check_limit(limit)?;
        let page = by
            .vault
            .db
            .write(move |tx| {
                refuse_while_answering(tx, conversation)?;
                branch::show(tx, conversation, through)?;
                branch::newest(tx, conversation, limit)
            })
            .await?;
        self.hub.changed(by.account, Changed::Conversation(conversation));
        Ok(page)
    }

    /// Puts the branch with this message on view, if it is not, and gives the messages around it.
    pub async fn show_message(
        &self,
        by: Caller<Member>,
        conversation: ConversationId,
        message: MessageId,
        limit: u32,
    ) -> Result<MessagePage, Fault> {
        check_limit(limit)?;
        let db = &by.vault.db;
        // On view already, nothing is written, and an answer may be arriving.
        let seen = db
            .read(move |tx| {
                let on_view = branch::is_on_view(tx, conversation, message)?;
                on_view.then(|| branch::around(tx, conversation, message, limit)).transpose()
            })
            .await?;
        if let Some(page) = seen {
            return Ok(page);
        }
        let page = db
            .write(move |tx| {
                refuse_while_answering(tx, conversation)?;
                branch::show(tx, conversation, message)?;
                branch::around(tx, conversation, message, limit)
            })
            .await?;
        self.hub.changed(by.account, Changed::Conversation(conversation));
        Ok(page)
    }

    pub async fn sibling(
        &self,
        by: Caller<Member>,
        conversation: ConversationId,
        message: MessageId,
        step: i32,
    ) -> Result<MessageId, Fault> {
        Ok(by.vault.db.read(move |tx| branch::sibling(tx, conversation, message, step)).await?)
    }

    pub async fn mark(
        &self,
        by: Caller<Member>,
        conversation: ConversationId,
        message: MessageId,
        excluded: Option<bool>,
        pinned: Option<bool>,
    ) -> Result<(), Fault> {
        by.vault
            .db
            .write(move |tx| messages::mark(tx, branch::seq_of(tx, conversation, message)?, excluded, pinned))
            .await?;
        self.hub.changed(by.account, Changed::Conversation(conversation));
        Ok(())
    }

    pub async fn draft(&self, by: Caller<Member>, conversation: Option<ConversationId>) -> Result<Draft, Fault> {
        Ok(by.vault.db.read(move |tx| conversations::draft(tx, conversation)).await?)
    }

    pub async fn save_draft(
        &self,
        by: Caller<Member>,
        conversation: Option<ConversationId>,
        draft: Draft,
    ) -> Result<(), Fault> {
        Ok(by.vault.db.write(move |tx| conversations::save_draft(tx, conversation, &draft, now())).await?)
    }

    pub async fn past_prompts(&self, by: Caller<Member>, text: &str, limit: u32) -> Result<Vec<PastPrompt>, Fault> {
        check_limit(limit)?;
        let text: String = text.chars().take(FILTER_MAX).collect();
        Ok(by.vault.db.read(move |tx| branch::past_prompts(tx, &text, limit)).await?)
    }
}

/// Milliseconds since 1970, UTC.
#[must_use]
pub(super) fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// Another branch on view would leave the running answer's reader on the wrong one.
pub(super) fn refuse_while_answering(
    tx: &crate::store::vault::Tx<'_>,
    conversation: ConversationId,
) -> Result<(), StoreError> {
    if messages::is_answering(tx, messages::head(tx, conversation)?.0)? {
        return Err(StoreError::Conflict("An answer is still arriving in this conversation.".to_owned()));
    }
    Ok(())
}

/// A tag's name: visible, one line, as long as a folder's, without what separates tags where they are written.
pub fn checked_tag(name: &str) -> Result<String, Fault> {
    let name = checked_line(name.trim().trim_start_matches('#'), "A tag", FOLDER_MAX)?;
    if name.contains(['"', ',']) {
        return Err(Fault::invalid("A tag cannot hold commas or double quotes."));
    }
    Ok(name)
}

pub(super) fn place(cursor: &Cursor) -> Result<i64, Fault> {
    cursor
        .0
        .parse()
        .map_err(|_| Fault::invalid("This is no place in a list.").hint("Start again from the beginning of the list."))
}

pub(super) fn check_limit(limit: u32) -> Result<(), Fault> {
    if (1..=PAGE_MAX).contains(&limit) {
        Ok(())
    } else {
        Err(Fault::invalid(format!("A page holds 1 to {PAGE_MAX} rows, not {limit}.")))
    }
}

/// A folder's name: visible, one line, at most `FOLDER_MAX` characters.
pub fn checked_folder_name(name: &str) -> Result<String, Fault> {
    checked_line(name, "A folder's name", FOLDER_MAX)
}

pub fn checked_title(title: &str) -> Result<String, Fault> {
    checked_line(title, "A title", TITLE_MAX)
}

pub(super) fn checked_line(text: &str, what: &str, longest: usize) -> Result<String, Fault> {
    use unicode_normalization::UnicodeNormalization;
    let text: String = text.trim().nfc().collect();
    if text.is_empty() {
        return Err(Fault::invalid(format!("{what} cannot be empty.")));
    }
    if text.chars().any(char::is_control) {
        return Err(Fault::invalid(format!("{what} cannot hold line breaks or control characters.")));
    }
    let length = text.chars().count();
    if length > longest {
        return Err(Fault::invalid(format!("{what} has at most {longest} characters, and this one has {length}.")));
    }
    Ok(text)
}

pub(super) fn checked_system_prompt(prompt: Option<String>) -> Result<Option<String>, Fault> {
    match prompt {
        Some(prompt) if prompt.len() > SYSTEM_PROMPT_MAX => Err(Fault::invalid(format!(
            "A system prompt has at most {} KiB, and this one has {}.",
            SYSTEM_PROMPT_MAX / 1024,
            prompt.len().div_ceil(1024)
        ))),
        Some(prompt) if prompt.trim().is_empty() => Ok(None),
        prompt => Ok(prompt),
    }
}

pub(super) fn checked_model(model: Option<String>) -> Result<Option<String>, Fault> {
    let Some(model) = model else { return Ok(None) };
    let model = model.trim();
    if model.is_empty() {
        return Ok(None);
    }
    if model.len() > MODEL_NAME_MAX || model.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(Fault::invalid("This is no model name.").hint("Models are named like llama3.2:3b."));
    }
    Ok(Some(model.to_owned()))
}

/// Options may come from anywhere as plain data, so each is put through the check that typing it goes through.
pub(super) fn checked_options(options: &ChatOptions) -> Result<(), Fault> {
    let mut probe = ChatOptions::default();
    for spec in OPTIONS {
        let value = options.get(spec.name);
        if !value.is_empty() {
            probe.set(spec.name, &value)?;
        }
    }
    Ok(())
}

fn checked_new(new: NewConversation) -> Result<NewConversation, Fault> {
    checked_options(&new.options)?;
    Ok(NewConversation {
        folder: new.folder,
        title: new.title.as_deref().map(checked_title).transpose()?,
        model: checked_model(new.model)?,
        system_prompt: checked_system_prompt(new.system_prompt)?,
        options: new.options,
        preset: new.preset,
    })
}

fn checked_patch(patch: ConversationPatch) -> Result<ConversationPatch, Fault> {
    if let Some(options) = &patch.options {
        checked_options(options)?;
    }
    Ok(ConversationPatch {
        title: patch.title.as_deref().map(checked_title).transpose()?,
        model: patch.model.map(checked_model).transpose()?,
        system_prompt: patch.system_prompt.map(checked_system_prompt).transpose()?,
        ..patch
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::FaultKind;

    #[test]
    fn names_are_one_visible_line_of_bounded_length() {
        assert_eq!(checked_folder_name("  Cafe\u{301} 日本 ").unwrap(), "Café 日本");
        assert_eq!(checked_folder_name(&"ü".repeat(100)).unwrap().chars().count(), 100);
        for bad in ["", " \t ", "two\nlines", "esc\u{1b}[31m", "c1\u{9b}", &"x".repeat(101)] {
            assert_eq!(checked_folder_name(bad).unwrap_err().kind, FaultKind::Invalid, "{bad:?}");
        }
        assert_eq!(checked_tag(" #to read ").unwrap(), "to read");
        for bad in ["#", "a,b", "say \"hi\"", "two\nlines", &"x".repeat(101)] {
            assert_eq!(checked_tag(bad).unwrap_err().kind, FaultKind::Invalid, "{bad:?}");
        }
        assert!(checked_title(&"x".repeat(200)).is_ok());
        assert!(checked_title(&"x".repeat(201)).is_err());
    }

    #[test]
    fn what_a_conversation_is_set_to_is_checked() {
        let options = ChatOptions { temperature: Some(9.0), ..ChatOptions::default() };
        assert!(checked_patch(ConversationPatch { options: Some(options), ..ConversationPatch::default() }).is_err());
        assert!(checked_system_prompt(Some("x".repeat(SYSTEM_PROMPT_MAX + 1))).is_err());
        assert_eq!(checked_system_prompt(Some(" \n".to_owned())).unwrap(), None);
        assert_eq!(checked_model(Some(" llama3.2:3b ".to_owned())).unwrap().as_deref(), Some("llama3.2:3b"));
        assert!(checked_model(Some("a b".to_owned())).is_err());
        assert!(check_limit(0).is_err() && check_limit(101).is_err() && check_limit(100).is_ok());
        assert!(place(&Cursor("x".to_owned())).is_err());
    }
}
