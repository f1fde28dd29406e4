//! `ollamanet presets`: named sets of model, system prompt and options.

use std::fmt::Write as _;

use serde_json::json;

use super::{
    Desk, End, find,
    library_args::{Presets, Settings},
    library_files::{self, pages},
    out::{self, moment, print, print_json, safe, safe_lines, say},
};
use crate::api::{
    Fault, PresetId,
    auth::Session,
    library::{Called, Kind, NewPreset, Preset, PresetPatch, PresetRow},
    options::{ChatOptions, OPTIONS},
    organise::{SYSTEM_PROMPT_MAX, Shelf},
};

/// # Errors
/// How it ended, when not well.
pub async fn run(desk: &Desk, what: Presets) -> Result<(), End> {
    let session = &desk.session().await?;
    let gateway = &desk.gateway;
    match what {
        Presets::List { filter, paging } => {
            let filter = filter.unwrap_or_default();
            let (rows, more) = pages(paging, |after, limit| gateway.presets(session, &filter, after, limit)).await?;
            list(desk, &rows, &filter)?;
            if more {
                say("There are more: --limit N, or --all.");
            }
            Ok(())
        }
        Presets::Show { preset } => shown(desk, &called(desk, session, &preset).await?),
        Presets::Create { name, settings, from } => {
            let mut new = NewPreset { name, ..NewPreset::default() };
            if let Some(which) = from {
                let row = find::conversation(desk, session, &which, &[Shelf::Recent, Shelf::Archive]).await?;
                let conversation = gateway.conversation(session, row.id).await?;
                new.model = conversation.row.model;
                new.system_prompt = conversation.system_prompt;
                new.options = conversation.options;
            }
            let said = said(settings).await?;
            new.model = said.model.or(new.model);
            new.system_prompt = said.system_prompt.or(new.system_prompt);
            new.options = new.options.overlaid(&said.options);
            let preset = gateway.create_preset(session, new).await?;
            done(desk, &preset, "Made")
        }
        Presets::Edit { preset, name, settings, clear } => {
            let before = called(desk, session, &preset).await?;
            let patch = patch(&before, name, said(settings).await?, &clear)?;
            let preset = gateway.change_preset(session, before.id, patch).await?;
            done(desk, &preset, "Changed")
        }
        Presets::Delete { presets } => {
            // All of them are found before any goes.
            let mut found: Vec<Preset> = Vec::new();
            for which in &presets {
                let preset = called(desk, session, which).await?;
                if found.iter().all(|known| known.id != preset.id) {
                    found.push(preset);
                }
            }
            for preset in &found {
                gateway.delete_preset(session, preset.id).await?;
            }
            if desk.global.json {
                let ids: Vec<PresetId> = found.iter().map(|preset| preset.id).collect();
                return print_json(&json!({ "deleted": ids }));
            }
            let mut text = String::new();
            for preset in &found {
                let _ = writeln!(text, "Removed: {}", safe(&preset.name));
            }
            print(&text)
        }
        Presets::Default { preset, none } => default(desk, session, preset, none).await,
        Presets::Apply { preset, conversation } => {
            let preset = called(desk, session, &preset).await?;
            let row = find::conversation(desk, session, &conversation, &[Shelf::Recent, Shelf::Archive]).await?;
            let conversation = gateway.apply_preset(session, row.id, Some(preset.id), None).await?;
            if desk.global.json {
                return print_json(&conversation);
            }
            print(&format!("{} has the preset {} now.\n", safe(&conversation.row.title), safe(&preset.name)))
        }
        Presets::Export { presets, to } => library_files::export(desk, session, Kind::Presets, presets, to).await,
        Presets::Import(what) => library_files::import(desk, session, Kind::Presets, what).await,
    }
}

/// The preset of this name or id.
///
/// # Errors
/// When there is none.
pub async fn called(desk: &Desk, session: &Session, which: &str) -> Result<Preset, Fault> {
    let called = match which.trim().parse() {
        Ok(id) => Called::Id(id),
        Err(_) => Called::Name(which.to_owned()),
    };
    desk.gateway.preset(session, called).await
}

async fn default(desk: &Desk, session: &Session, preset: Option<String>, none: bool) -> Result<(), End> {
    let gateway = &desk.gateway;
    let default = match preset {
        Some(which) => {
            let preset = called(desk, session, &which).await?;
            gateway.set_default_preset(session, Some(preset.id)).await?;
            Some(preset.name)
        }
        None if none => {
            gateway.set_default_preset(session, None).await?;
            None
        }
        None => {
            let begins = gateway.beginning(session, crate::api::organise::NewConversation::default()).await?;
            begins.preset.map(|preset| preset.name)
        }
    };
    if desk.global.json {
        return print_json(&json!({ "default": default }));
    }
    let Some(name) = default else {
        say("New conversations begin without a preset.");
        return Ok(());
    };
    print(&format!("{}\n", safe(&name)))
}

/// What was said of a preset.
struct Said {
    model: Option<String>,
    system_prompt: Option<String>,
    options: ChatOptions,
}

async fn said(settings: Settings) -> Result<Said, Fault> {
    let mut options = ChatOptions::default();
    for given in &settings.options {
        let (name, value) = given.split_once('=').ok_or_else(|| {
            Fault::invalid(format!("“{}” is no option and its value.", safe(given)))
                .hint("Write -o name=value, such as -o temperature=0.2.")
        })?;
        options.set(name.trim(), value)?;
    }
    let system_prompt = match (settings.system, settings.system_file) {
        (Some(text), _) => Some(text),
        (None, Some(file)) => Some(library_files::text_of(&file, SYSTEM_PROMPT_MAX).await?),
        (None, None) => None,
    };
    Ok(Said { model: settings.model, system_prompt, options })
}

fn patch(before: &Preset, name: Option<String>, said: Said, clear: &[String]) -> Result<PresetPatch, Fault> {
    let mut patch = PresetPatch {
        name,
        model: said.model.map(Some),
        system_prompt: said.system_prompt.map(Some),
        options: None,
        seen_rev: Some(before.rev),
    };
    let mut options = before.options.overlaid(&said.options);
    for what in clear {
        match what.as_str() {
            "model" => patch.model = Some(None),
            "system" => patch.system_prompt = Some(None),
            option => {
                options.set(option, "").map_err(|fault| fault.hint("--clear takes model, system or an option."))?;
            }
        }
    }
    if options != before.options {
        patch.options = Some(options);
    }
    if patch == (PresetPatch { seen_rev: patch.seen_rev, ..PresetPatch::default() }) {
        return Err(Fault::invalid("Nothing was said to change.")
            .hint("--name, --model, --system, -o and --clear change something."));
    }
    Ok(patch)
}

fn done(desk: &Desk, preset: &Preset, what: &str) -> Result<(), End> {
    if desk.global.json {
        return print_json(preset);
    }
    print(&format!("{what}: {}\n", safe(&preset.name)))
}

fn list(desk: &Desk, rows: &[PresetRow], filter: &str) -> Result<(), End> {
    if desk.global.json {
        return print_json(&rows);
    }
    let cells: Vec<[String; 4]> = rows
        .iter()
        .map(|row| {
            let mark = if row.is_default { "★ " } else { "" };
            let system = if row.has_system_prompt { "yes" } else { "–" };
            [
                format!("{mark}{}", safe(&row.name)),
                safe(row.model.as_deref().unwrap_or("–")),
                system.to_owned(),
                options_line(&row.options),
            ]
        })
        .collect();
    print(&out::table(["NAME", "MODEL", "SYSTEM", "OPTIONS"], &cells))?;
    if rows.is_empty() && filter.is_empty() {
        say("There are no presets yet. Make one: ollamanet presets create NAME -m MODEL -s TEXT -o temperature=0.2");
    } else if rows.is_empty() {
        say("No preset has these letters in its name.");
    }
    Ok(())
}

fn options_line(options: &ChatOptions) -> String {
    let set = OPTIONS.iter().map(|spec| (spec.name, options.get(spec.name))).filter(|(_, value)| !value.is_empty());
    set.map(|(name, value)| format!("{name}={}", safe(&value))).collect::<Vec<_>>().join(" ")
}

fn shown(desk: &Desk, preset: &Preset) -> Result<(), End> {
    if desk.global.json {
        return print_json(preset);
    }
    let mut text = format!("{}\n{} · {}\n", safe(&preset.name), preset.id, moment(preset.updated_at));
    if let Some(model) = &preset.model {
        let _ = writeln!(text, "model          {}", safe(model));
    }
    let options = options_line(&preset.options);
    if !options.is_empty() {
        let _ = writeln!(text, "options        {options}");
    }
    if preset.is_default {
        let _ = writeln!(text, "default        yes, for new conversations");
    }
    let _ = writeln!(text, "folders        {}", preset.folders);
    let _ = writeln!(text, "conversations  {}", preset.conversations);
    if let Some(system) = &preset.system_prompt {
        let _ = write!(text, "\nsystem\n{}\n", safe_lines(system).trim_end());
    }
    print(&text)
}
