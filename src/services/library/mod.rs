//! Presets and prompt templates: checks what a person gives, runs one transaction, and tells the person's other windows.
//!
//! Not here: starting conversations with a preset; what that decides is `beginning`, and the conversations act by it.

pub(in crate::services) mod beginning;
mod documents;
mod file;

use self::{beginning::applied, file::Contents};
use super::{
    conversations::{check_limit, checked_line, checked_model, checked_options, checked_system_prompt, now},
    hub::Hub,
};
use crate::{
    access::{Caller, Member},
    api::{
        ConversationId, Fault, PresetId, PromptId,
        events::Changed,
        library::{
            Called, Imported, Kind, NAME_MAX, NewPreset, NewPrompt, PROMPT_MAX, Preset, PresetPatch, PresetRow, Prompt,
            PromptPatch, PromptRow, Taken,
        },
        organise::{Conversation, Cursor, Page},
    },
    store::{
        StoreError,
        vault::{Tx, conversations, presets, prompts},
    },
    template::Template,
};

/// Rows read at a time for a file.
const AT_A_TIME: u32 = 100;

#[derive(Clone, Debug)]
pub struct Library {
    hub: Hub,
}

impl Library {
    #[must_use]
    pub fn new(hub: Hub) -> Self {
        Self { hub }
    }

    pub async fn presets(
        &self,
        by: Caller<Member>,
        filter: &str,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<PresetRow>, Fault> {
        check_limit(limit)?;
        let filter: String = filter.chars().take(NAME_MAX).collect();
        let after = after.map(|cursor| cursor.0);
        let (rows, last) = by.vault.db.read(move |tx| presets::list(tx, &filter, after.as_deref(), limit)).await?;
        Ok(Page { rows, next: last.map(Cursor) })
    }

    pub async fn preset(&self, by: Caller<Member>, called: Called<PresetId>) -> Result<Preset, Fault> {
        let name = name_of(&called);
        let found = by.vault.db.read(move |tx| presets::find(tx, &called)).await?;
        found.ok_or_else(|| missing("preset", "presets", name.as_deref()))
    }

    pub async fn create_preset(&self, by: Caller<Member>, new: NewPreset) -> Result<Preset, Fault> {
        let new = checked_preset(new)?;
        let preset = by.vault.db.write(move |tx| presets::create(tx, &new, now())).await?;
        self.hub.changed(by.account, Changed::Library);
        Ok(preset)
    }

    pub async fn change_preset(&self, by: Caller<Member>, id: PresetId, patch: PresetPatch) -> Result<Preset, Fault> {
        if let Some(options) = &patch.options {
            checked_options(options)?;
        }
        let patch = PresetPatch {
            name: patch.name.as_deref().map(checked_preset_name).transpose()?,
            model: patch.model.map(checked_model).transpose()?,
            system_prompt: patch.system_prompt.map(checked_system_prompt).transpose()?,
            ..patch
        };
        let preset = by.vault.db.write(move |tx| presets::change(tx, id, &patch, now())).await?;
        self.hub.changed(by.account, Changed::Library);
        Ok(preset)
    }

    pub async fn delete_preset(&self, by: Caller<Member>, id: PresetId) -> Result<(), Fault> {
        by.vault.db.write(move |tx| presets::delete(tx, id)).await?;
        self.hub.changed(by.account, Changed::Library);
        Ok(())
    }

    /// `None` = new conversations begin without one.
    pub async fn set_default_preset(&self, by: Caller<Member>, id: Option<PresetId>) -> Result<(), Fault> {
        by.vault.db.write(move |tx| presets::set_default(tx, id, now())).await?;
        self.hub.changed(by.account, Changed::Library);
        Ok(())
    }

    /// `None` takes the preset away again, with what it had set.
    pub async fn apply_preset(
        &self,
        by: Caller<Member>,
        id: ConversationId,
        preset: Option<PresetId>,
        seen_rev: Option<u32>,
    ) -> Result<Conversation, Fault> {
        let conversation = by
            .vault
            .db
            .write(move |tx| {
                let conversation = conversations::get(tx, id)?;
                let look = |id: PresetId| presets::get(tx, &Called::Id(id));
                let before = conversation.preset.as_ref().map(|preset| look(preset.id)).transpose()?;
                let new = preset.map(look).transpose()?;
                let mut patch = applied(&conversation, before.as_ref(), new.as_ref());
                patch.seen_rev = seen_rev;
                conversations::set_preset(tx, id, preset)?;
                conversations::change(tx, id, &patch, now())
            })
            .await?;
        self.hub.changed(by.account, Changed::Tree);
        self.hub.changed(by.account, Changed::Conversation(id));
        Ok(conversation)
    }

    /// The conversation's model, system prompt and options as a preset, which the conversation has from then on.
    pub async fn save_as_preset(
        &self,
        by: Caller<Member>,
        id: ConversationId,
        name: &str,
        taken: Taken,
    ) -> Result<Preset, Fault> {
        let name = checked_preset_name(name)?;
        let preset = by
            .vault
            .db
            .write(move |tx| {
                let of = conversations::get(tx, id)?;
                let there = presets::find(tx, &Called::Name(name.clone()))?;
                let preset = match (there, taken) {
                    (Some(there), Taken::Replace) => {
                        let patch = PresetPatch {
                            model: Some(of.row.model),
                            system_prompt: Some(of.system_prompt),
                            options: Some(of.options),
                            ..PresetPatch::default()
                        };
                        presets::change(tx, there.id, &patch, now())?
                    }
                    (Some(_), Taken::Keep) | (None, _) => {
                        let (model, system_prompt) = (of.row.model, of.system_prompt);
                        presets::create(tx, &NewPreset { name, model, system_prompt, options: of.options }, now())?
                    }
                };
                conversations::set_preset(tx, id, Some(preset.id))?;
                presets::get(tx, &Called::Id(preset.id))
            })
            .await?;
        self.hub.changed(by.account, Changed::Library);
        self.hub.changed(by.account, Changed::Conversation(id));
        Ok(preset)
    }

    pub async fn prompts(
        &self,
        by: Caller<Member>,
        filter: &str,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<PromptRow>, Fault> {
        check_limit(limit)?;
        let filter: String = filter.chars().take(NAME_MAX).collect();
        let after = after.map(|cursor| cursor.0);
        let (rows, last) = by.vault.db.read(move |tx| prompts::list(tx, &filter, after.as_deref(), limit)).await?;
        Ok(Page { rows, next: last.map(Cursor) })
    }

    pub async fn prompt(&self, by: Caller<Member>, called: Called<PromptId>) -> Result<Prompt, Fault> {
        let name = name_of(&called);
        let found = by.vault.db.read(move |tx| prompts::find(tx, &called)).await?;
        found.ok_or_else(|| missing("prompt template", "prompts", name.as_deref()))
    }

    pub async fn create_prompt(&self, by: Caller<Member>, new: NewPrompt) -> Result<Prompt, Fault> {
        let new = checked_prompt(new)?;
        let prompt = by.vault.db.write(move |tx| prompts::create(tx, &new, now())).await?;
        self.hub.changed(by.account, Changed::Library);
        Ok(prompt)
    }

    pub async fn change_prompt(&self, by: Caller<Member>, id: PromptId, patch: PromptPatch) -> Result<Prompt, Fault> {
        let patch = PromptPatch {
            name: patch.name.as_deref().map(checked_prompt_name).transpose()?,
            body: patch.body.map(checked_body).transpose()?,
            ..patch
        };
        let prompt = by.vault.db.write(move |tx| prompts::change(tx, id, &patch, now())).await?;
        self.hub.changed(by.account, Changed::Library);
        Ok(prompt)
    }

    pub async fn delete_prompt(&self, by: Caller<Member>, id: PromptId) -> Result<(), Fault> {
        by.vault.db.write(move |tx| prompts::delete(tx, id)).await?;
        self.hub.changed(by.account, Changed::Library);
        Ok(())
    }

    /// These, by their names, as a file's text; without names all of the kind.
    pub async fn export(&self, by: Caller<Member>, kind: Kind, names: Vec<String>) -> Result<String, Fault> {
        let contents = by
            .vault
            .db
            .read(move |tx| match kind {
                Kind::Presets => {
                    let presets = everything(names, |after| presets::list(tx, "", after, AT_A_TIME), |row| row.name)?
                        .into_iter()
                        .map(|name| match presets::find(tx, &Called::Name(name.clone()))? {
                            Some(preset) => Ok(as_new(preset)),
                            None => Err(missing("preset", "presets", Some(&name))),
                        })
                        .collect::<Result<_, Fault>>()?;
                    Ok::<_, Fault>(Contents { presets, ..Contents::default() })
                }
                Kind::Prompts => {
                    let prompts = everything(names, |after| prompts::list(tx, "", after, AT_A_TIME), |row| row.name)?
                        .into_iter()
                        .map(|name| match prompts::find(tx, &Called::Name(name.clone()))? {
                            Some(prompt) => Ok(NewPrompt { name: prompt.name, body: prompt.body }),
                            None => Err(missing("prompt template", "prompts", Some(&name))),
                        })
                        .collect::<Result<_, Fault>>()?;
                    Ok(Contents { prompts, ..Contents::default() })
                }
            })
            .await?;
        Ok(file::write(&contents))
    }

    /// All of the file's things of this kind, or none.
    pub async fn import(&self, by: Caller<Member>, kind: Kind, text: &str, taken: Taken) -> Result<Imported, Fault> {
        let contents = file::read(text)?;
        let done = by
            .vault
            .db
            .write(move |tx| match kind {
                Kind::Presets => {
                    let others = u32::try_from(contents.prompts.len()).unwrap_or(u32::MAX);
                    let mut done = Imported { others, ..Imported::default() };
                    for new in contents.presets {
                        import_preset(tx, new, taken, &mut done)?;
                    }
                    Ok::<_, StoreError>(done)
                }
                Kind::Prompts => {
                    let others = u32::try_from(contents.presets.len()).unwrap_or(u32::MAX);
                    let mut done = Imported { others, ..Imported::default() };
                    for new in contents.prompts {
                        import_prompt(tx, new, taken, &mut done)?;
                    }
                    Ok(done)
                }
            })
            .await?;
        self.hub.changed(by.account, Changed::Library);
        Ok(done)
    }
}

/// The names given, else those of every page.
fn everything<Row>(
    names: Vec<String>,
    page: impl Fn(Option<&str>) -> Result<(Vec<Row>, Option<String>), StoreError>,
    name: impl Fn(Row) -> String,
) -> Result<Vec<String>, StoreError> {
    if !names.is_empty() {
        return Ok(names);
    }
    let mut all = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let (rows, next) = page(after.as_deref())?;
        all.extend(rows.into_iter().map(&name));
        if next.is_none() {
            return Ok(all);
        }
        after = next;
    }
}

fn import_preset(tx: &Tx<'_>, new: NewPreset, taken: Taken, done: &mut Imported) -> Result<(), StoreError> {
    let name = new.name.clone();
    let Some(there) = presets::find(tx, &Called::Name(name.clone()))? else {
        presets::create(tx, &new, now())?;
        done.added.push(name);
        return Ok(());
    };
    if as_new(there.clone()) == new {
        done.unchanged.push(name);
        return Ok(());
    }
    match taken {
        Taken::Keep => done.kept.push(name),
        Taken::Replace => {
            let patch = PresetPatch {
                name: Some(new.name),
                model: Some(new.model),
                system_prompt: Some(new.system_prompt),
                options: Some(new.options),
                seen_rev: None,
            };
            presets::change(tx, there.id, &patch, now())?;
            done.replaced.push(name);
        }
    }
    Ok(())
}

fn import_prompt(tx: &Tx<'_>, new: NewPrompt, taken: Taken, done: &mut Imported) -> Result<(), StoreError> {
    let name = new.name.clone();
    let Some(there) = prompts::find(tx, &Called::Name(name.clone()))? else {
        prompts::create(tx, &new, now())?;
        done.added.push(name);
        return Ok(());
    };
    if there.name == new.name && there.body == new.body {
        done.unchanged.push(name);
        return Ok(());
    }
    match taken {
        Taken::Keep => done.kept.push(name),
        Taken::Replace => {
            let patch = PromptPatch { name: Some(new.name), body: Some(new.body), seen_rev: None };
            prompts::change(tx, there.id, &patch, now())?;
            done.replaced.push(name);
        }
    }
    Ok(())
}

fn as_new(preset: Preset) -> NewPreset {
    let Preset { name, model, system_prompt, options, .. } = preset;
    NewPreset { name, model, system_prompt, options }
}

fn name_of<Id>(called: &Called<Id>) -> Option<String> {
    match called {
        Called::Id(_) => None,
        Called::Name(name) => Some(name.clone()),
    }
}

fn missing(what: &str, command: &str, name: Option<&str>) -> Fault {
    match name {
        None => Fault::not_found(what),
        Some(name) => Fault::new(crate::api::FaultKind::NotFound, format!("There is no {what} “{}”.", name.trim()))
            .hint(format!("The library and `ollamanet {command} list` show what there is.")),
    }
}

fn checked_preset_name(name: &str) -> Result<String, Fault> {
    checked_line(name, "A preset's name", NAME_MAX)
}

fn checked_prompt_name(name: &str) -> Result<String, Fault> {
    let name = checked_line(name, "A template's name", NAME_MAX)?;
    if name.starts_with('/') {
        return Err(Fault::invalid("A template's name cannot begin with a slash.")
            .hint("In the composer it is called by a slash and its name."));
    }
    Ok(name)
}

fn checked_preset(new: NewPreset) -> Result<NewPreset, Fault> {
    checked_options(&new.options)?;
    Ok(NewPreset {
        name: checked_preset_name(&new.name)?,
        model: checked_model(new.model)?,
        system_prompt: checked_system_prompt(new.system_prompt)?,
        options: new.options,
    })
}

fn checked_prompt(new: NewPrompt) -> Result<NewPrompt, Fault> {
    Ok(NewPrompt { name: checked_prompt_name(&new.name)?, body: checked_body(new.body)? })
}

fn checked_body(body: String) -> Result<String, Fault> {
    if body.trim().is_empty() {
        return Err(Fault::invalid("A template cannot be empty.").hint("Write what is to be put into the composer."));
    }
    if body.len() > PROMPT_MAX {
        return Err(Fault::invalid(format!(
            "A template has at most {} KiB, and this one has {}.",
            PROMPT_MAX / 1024,
            body.len().div_ceil(1024)
        )));
    }
    match Template::parse(&body) {
        Ok(_) => Ok(body),
        Err(wrong) => Err(Fault::invalid(format!(
            "The template cannot be read at its line {}, column {}: {}",
            wrong.line, wrong.column, wrong.what
        ))
        .hint(wrong.hint)),
    }
}
