//! Presets, prompt templates, what new conversations begin with, and the files that lie in the vault.

use std::time::Duration;

use super::Gateway;
use crate::{
    access::{Class, Member, Op, Permission},
    api::{
        ConversationId, DocumentId, Fault, PresetId, PromptId,
        auth::Session,
        documents::{DocumentPlace, DocumentRow},
        library::{
            Beginning, Called, Imported, Kind, NewPreset, NewPrompt, Preset, PresetPatch, PresetRow, Prompt,
            PromptPatch, PromptRow, Taken,
        },
        organise::{Conversation, Cursor, NewConversation, Page},
    },
};

const PRESETS: Op = Op {
    name: "presets.list",
    permission: Permission::Organise,
    class: Class::Read,
    needs_ollama: None,
    deadline: Duration::from_secs(10),
    fresh: false,
};
const PRESET: Op = Op { name: "presets.get", ..PRESETS };
const CREATE_PRESET: Op = Op { name: "presets.create", class: Class::Write, ..PRESETS };
const CHANGE_PRESET: Op = Op { name: "presets.change", ..CREATE_PRESET };
const DELETE_PRESET: Op = Op { name: "presets.delete", ..CREATE_PRESET };
const DEFAULT_PRESET: Op = Op { name: "presets.default", ..CREATE_PRESET };
const APPLY_PRESET: Op = Op { name: "presets.apply", ..CREATE_PRESET };
const SAVE_AS_PRESET: Op = Op { name: "presets.save", ..CREATE_PRESET };
const BEGINNING: Op = Op { name: "conversations.beginning", ..PRESETS };
const PROMPTS: Op = Op { name: "prompts.list", ..PRESETS };
const PROMPT: Op = Op { name: "prompts.get", ..PRESETS };
const CREATE_PROMPT: Op = Op { name: "prompts.create", ..CREATE_PRESET };
const CHANGE_PROMPT: Op = Op { name: "prompts.change", ..CREATE_PRESET };
const DELETE_PROMPT: Op = Op { name: "prompts.delete", ..CREATE_PRESET };
const DOCUMENTS: Op = Op { name: "documents.list", ..PRESETS };
const DOCUMENT_PLACES: Op = Op { name: "documents.places", ..PRESETS };
const EXPORT: Op = Op { name: "library.export", permission: Permission::Export, ..PRESETS };
const IMPORT: Op = Op { name: "library.import", deadline: Duration::from_mins(1), ..CREATE_PRESET };

impl Gateway {
    /// Presets by name; the letters of `filter` must all be in the name, in this order. `limit` 1–100.
    pub async fn presets(
        &self,
        session: &Session,
        filter: &str,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<PresetRow>, Fault> {
        self.0.gate.call::<Member, _, _>(session, &PRESETS, |by| self.0.library.presets(by, filter, after, limit)).await
    }

    pub async fn preset(&self, session: &Session, called: Called<PresetId>) -> Result<Preset, Fault> {
        self.0.gate.call::<Member, _, _>(session, &PRESET, |by| self.0.library.preset(by, called)).await
    }

    pub async fn create_preset(&self, session: &Session, new: NewPreset) -> Result<Preset, Fault> {
        self.0.gate.call::<Member, _, _>(session, &CREATE_PRESET, |by| self.0.library.create_preset(by, new)).await
    }

    pub async fn change_preset(&self, session: &Session, id: PresetId, patch: PresetPatch) -> Result<Preset, Fault> {
        self.0
            .gate
            .call::<Member, _, _>(session, &CHANGE_PRESET, |by| self.0.library.change_preset(by, id, patch))
            .await
    }

    /// Folders and conversations no longer name it; what it set stays.
    pub async fn delete_preset(&self, session: &Session, id: PresetId) -> Result<(), Fault> {
        self.0.gate.call::<Member, _, _>(session, &DELETE_PRESET, |by| self.0.library.delete_preset(by, id)).await
    }

    /// What new conversations begin with where nothing else is said; `None` = nothing.
    pub async fn set_default_preset(&self, session: &Session, id: Option<PresetId>) -> Result<(), Fault> {
        self.0.gate.call::<Member, _, _>(session, &DEFAULT_PRESET, |by| self.0.library.set_default_preset(by, id)).await
    }

    /// Sets a conversation to what a preset says; what the one before had set goes. `None` takes it away.
    pub async fn apply_preset(
        &self,
        session: &Session,
        conversation: ConversationId,
        preset: Option<PresetId>,
        seen_rev: Option<u32>,
    ) -> Result<Conversation, Fault> {
        self.0
            .gate
            .call::<Member, _, _>(session, &APPLY_PRESET, |by| {
                self.0.library.apply_preset(by, conversation, preset, seen_rev)
            })
            .await
    }

    /// Keeps a conversation's settings under this name.
    pub async fn save_as_preset(
        &self,
        session: &Session,
        conversation: ConversationId,
        name: &str,
        taken: Taken,
    ) -> Result<Preset, Fault> {
        self.0
            .gate
            .call::<Member, _, _>(session, &SAVE_AS_PRESET, |by| {
                self.0.library.save_as_preset(by, conversation, name, taken)
            })
            .await
    }

    /// What a new conversation would begin with.
    pub async fn beginning(&self, session: &Session, new: NewConversation) -> Result<Beginning, Fault> {
        self.0.gate.call::<Member, _, _>(session, &BEGINNING, |by| self.0.conversations.beginning(by, new)).await
    }

    /// Templates by name, as `presets`.
    pub async fn prompts(
        &self,
        session: &Session,
        filter: &str,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<PromptRow>, Fault> {
        self.0.gate.call::<Member, _, _>(session, &PROMPTS, |by| self.0.library.prompts(by, filter, after, limit)).await
    }

    pub async fn prompt(&self, session: &Session, called: Called<PromptId>) -> Result<Prompt, Fault> {
        self.0.gate.call::<Member, _, _>(session, &PROMPT, |by| self.0.library.prompt(by, called)).await
    }

    /// Refused where its text cannot be read as a template.
    pub async fn create_prompt(&self, session: &Session, new: NewPrompt) -> Result<Prompt, Fault> {
        self.0.gate.call::<Member, _, _>(session, &CREATE_PROMPT, |by| self.0.library.create_prompt(by, new)).await
    }

    pub async fn change_prompt(&self, session: &Session, id: PromptId, patch: PromptPatch) -> Result<Prompt, Fault> {
        self.0
            .gate
            .call::<Member, _, _>(session, &CHANGE_PROMPT, |by| self.0.library.change_prompt(by, id, patch))
            .await
    }

    pub async fn delete_prompt(&self, session: &Session, id: PromptId) -> Result<(), Fault> {
        self.0.gate.call::<Member, _, _>(session, &DELETE_PROMPT, |by| self.0.library.delete_prompt(by, id)).await
    }

    /// The text of a library file with those of these names; without names all of the kind.
    pub async fn export_library(&self, session: &Session, kind: Kind, names: Vec<String>) -> Result<String, Fault> {
        self.0.gate.call::<Member, _, _>(session, &EXPORT, |by| self.0.library.export(by, kind, names)).await
    }

    /// Everything of this kind in the text of a library file, or nothing.
    pub async fn import_library(
        &self,
        session: &Session,
        kind: Kind,
        text: &str,
        taken: Taken,
    ) -> Result<Imported, Fault> {
        self.0.gate.call::<Member, _, _>(session, &IMPORT, |by| self.0.library.import(by, kind, text, taken)).await
    }

    /// Files that were attached to messages, those that came last first; `filter` matches their names without regard to
    /// case or accents. `limit` 1–100.
    pub async fn documents(
        &self,
        session: &Session,
        filter: &str,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<DocumentRow>, Fault> {
        self.0
            .gate
            .call::<Member, _, _>(session, &DOCUMENTS, |by| self.0.library.documents(by, filter, after, limit))
            .await
    }

    /// The messages that have this file, newest first.
    pub async fn document_places(
        &self,
        session: &Session,
        id: DocumentId,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<DocumentPlace>, Fault> {
        self.0
            .gate
            .call::<Member, _, _>(session, &DOCUMENT_PLACES, |by| self.0.library.document_places(by, id, after, limit))
            .await
    }
}
