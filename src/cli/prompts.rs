//! `ollamanet prompts`: templates with places to fill in.

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::json;

use super::{
    Desk, End,
    library_args::{Body, Prompts},
    library_files::{self, pages, standard_input},
    out::{self, moment, print, print_json, safe, safe_lines, say},
};
use crate::{
    api::{
        Fault, FaultKind, PromptId,
        auth::Session,
        library::{Called, Kind, NewPrompt, PROMPT_MAX, Prompt, PromptPatch, PromptRow},
    },
    template::{Now, SELECTION, Takes, Template, Unfilled, Variable},
};

/// As much as may be selected by standard input.
const SELECTION_MAX: usize = 10 * 1024 * 1024;

/// # Errors
/// How it ended, when not well.
pub async fn run(desk: &Desk, what: Prompts) -> Result<(), End> {
    let session = &desk.session().await?;
    let gateway = &desk.gateway;
    match what {
        Prompts::List { filter, paging } => {
            let filter = filter.unwrap_or_default();
            let (rows, more) = pages(paging, |after, limit| gateway.prompts(session, &filter, after, limit)).await?;
            list(desk, &rows, &filter)?;
            if more {
                say("There are more: --limit N, or --all.");
            }
            Ok(())
        }
        Prompts::Show { prompt } => shown(desk, &called(desk, session, &prompt).await?),
        Prompts::Create { name, body } => {
            let body = text_of(body).await?.ok_or_else(no_text)?;
            let prompt = gateway.create_prompt(session, NewPrompt { name, body }).await?;
            done(desk, &prompt, "Made")
        }
        Prompts::Edit { prompt, name, body } => {
            let before = called(desk, session, &prompt).await?;
            // A script's standard input is no text where only the name changes.
            let said = body.text.is_some() || body.file.is_some();
            let body = if said || name.is_none() { Some(text_of(body).await?.ok_or_else(no_text)?) } else { None };
            let patch = PromptPatch { name, body, seen_rev: Some(before.rev) };
            let prompt = gateway.change_prompt(session, before.id, patch).await?;
            done(desk, &prompt, "Changed")
        }
        Prompts::Delete { prompts } => {
            let mut found: Vec<Prompt> = Vec::new();
            for which in &prompts {
                let prompt = called(desk, session, which).await?;
                if found.iter().all(|known| known.id != prompt.id) {
                    found.push(prompt);
                }
            }
            for prompt in &found {
                gateway.delete_prompt(session, prompt.id).await?;
            }
            if desk.global.json {
                let ids: Vec<PromptId> = found.iter().map(|prompt| prompt.id).collect();
                return print_json(&json!({ "deleted": ids }));
            }
            let mut text = String::new();
            for prompt in &found {
                let _ = writeln!(text, "Removed: {}", safe(&prompt.name));
            }
            print(&text)
        }
        Prompts::Render { prompt, values } => {
            let prompt = called(desk, session, &prompt).await?;
            let template = parsed(&prompt)?;
            let mut values = given(&values)?;
            // Who sends nothing to select should not have to close a pipe.
            if template.asks_for(SELECTION) {
                take_selection(&template, &mut values, standard_input(SELECTION_MAX).await?);
            }
            let text = filled(&prompt, &template, &values)?;
            if desk.global.json {
                return print_json(&json!({ "text": text }));
            }
            print(&format!("{}\n", safe_lines(&text).trim_end_matches('\n')))
        }
        Prompts::Export { prompts, to } => library_files::export(desk, session, Kind::Prompts, prompts, to).await,
        Prompts::Import(what) => library_files::import(desk, session, Kind::Prompts, what).await,
    }
}

/// The template of this name or id.
///
/// # Errors
/// When there is none.
pub async fn called(desk: &Desk, session: &Session, which: &str) -> Result<Prompt, Fault> {
    let called = match which.trim().parse() {
        Ok(id) => Called::Id(id),
        Err(_) => Called::Name(which.to_owned()),
    };
    desk.gateway.prompt(session, called).await
}

/// A stored template, read.
///
/// # Errors
/// When an older or newer version wrote it in another way.
pub fn parsed(prompt: &Prompt) -> Result<Template, Fault> {
    Template::parse(&prompt.body).map_err(|wrong| {
        Fault::new(FaultKind::Store, format!("The template “{}” cannot be read: {wrong}", safe(&prompt.name)))
            .hint(wrong.hint)
    })
}

/// What was given as `name=value`.
///
/// # Errors
/// When there is no sign in it.
pub fn given(values: &[String]) -> Result<BTreeMap<String, String>, Fault> {
    values
        .iter()
        .map(|value| {
            value
                .split_once('=')
                .map(|(name, value)| (name.trim().to_owned(), value.to_owned()))
                .ok_or_else(|| Fault::invalid(format!("“{}” is no NAME=VALUE.", safe(value))).hint("Write name=value."))
        })
        .collect()
}

/// What came on standard input is the selection, where the template asks for one and none was given. Gives back what it
/// had no use for.
pub fn take_selection(
    template: &Template,
    values: &mut BTreeMap<String, String>,
    piped: Option<String>,
) -> Option<String> {
    let wanted = template.asks_for(SELECTION) && !values.keys().any(|name| crate::template::is_same(name, SELECTION));
    match piped {
        Some(text) if wanted && !text.trim().is_empty() => {
            values.insert(SELECTION.to_owned(), text.trim_end().to_owned());
            None
        }
        piped => piped,
    }
}

/// # Errors
/// Says what is missing or does not fit.
pub fn filled(prompt: &Prompt, template: &Template, values: &BTreeMap<String, String>) -> Result<String, Fault> {
    let now = Now::at(jiff::Timestamp::now().as_millisecond());
    let name = safe(&prompt.name);
    template.fill(values, &now).map_err(|unfilled| match unfilled {
        Unfilled::Missing(names) => {
            let example: Vec<String> = names.iter().map(|name| format!("\"{}=…\"", safe(name))).collect();
            Fault::invalid(format!("The template “{name}” asks for {}.", safe(&names.join(", "))))
                .hint(format!("Say it as {}.", example.join(" ")))
        }
        Unfilled::Unknown { name: unknown, known } => {
            Fault::invalid(format!("The template “{name}” does not ask for “{}”.", safe(&unknown))).hint(
                match known.as_slice() {
                    [] => "It asks for nothing.".to_owned(),
                    known => format!("It asks for {}.", safe(&known.join(", "))),
                },
            )
        }
        Unfilled::NoChoice { name: variable, value, choices } => {
            Fault::invalid(format!("“{}” cannot be “{}”.", safe(&variable), safe(&value)))
                .hint(format!("It is one of: {}.", safe(&choices.join(", "))))
        }
    })
}

async fn text_of(body: Body) -> Result<Option<String>, Fault> {
    match (body.text, body.file) {
        (Some(text), _) => Ok(Some(text)),
        (None, Some(file)) => library_files::text_of(&file, PROMPT_MAX).await.map(Some),
        // An editor's or a shell's last newline is nobody's.
        (None, None) => Ok(standard_input(PROMPT_MAX).await?.map(|text| text.trim_end_matches('\n').to_owned())),
    }
}

fn no_text() -> Fault {
    Fault::invalid("There is no text for the template.")
        .hint("Write it behind the name, name a --file, or send it on standard input.")
}

fn done(desk: &Desk, prompt: &Prompt, what: &str) -> Result<(), End> {
    if desk.global.json {
        return print_json(prompt);
    }
    print(&format!("{what}: {}\n", safe(&prompt.name)))
}

fn list(desk: &Desk, rows: &[PromptRow], filter: &str) -> Result<(), End> {
    if desk.global.json {
        return print_json(&rows);
    }
    let cells: Vec<[String; 2]> = rows
        .iter()
        .map(|row| {
            let begins = safe(&row.begins);
            let short: String = begins.chars().take(60).collect();
            let more = if short.len() < begins.len() { "…" } else { "" };
            [safe(&row.name), format!("{short}{more}")]
        })
        .collect();
    print(&out::table(["NAME", "BEGINS"], &cells))?;
    if rows.is_empty() && filter.is_empty() {
        say(
            "There are no prompt templates yet. Make one: ollamanet prompts create NAME \"Translate into {{language}}\"",
        );
    } else if rows.is_empty() {
        say("No template has these letters in its name.");
    }
    Ok(())
}

fn shown(desk: &Desk, prompt: &Prompt) -> Result<(), End> {
    let template = Template::parse(&prompt.body).ok();
    let variables = template.as_ref().map(Template::variables).unwrap_or_default();
    if desk.global.json {
        let asks: Vec<_> = variables
            .iter()
            .map(|variable| {
                let choices = match &variable.takes {
                    Takes::OneOf(choices) => Some(choices),
                    Takes::Anything | Takes::Default(_) => None,
                };
                json!({ "name": variable.name, "default": variable.usual(), "choices": choices })
            })
            .collect();
        return print_json(&json!({ "prompt": prompt, "variables": asks }));
    }
    let mut text = format!("{}\n{} · {}\n", safe(&prompt.name), prompt.id, moment(prompt.updated_at));
    for variable in variables {
        let _ = writeln!(text, "asks for  {}", asks(variable));
    }
    let _ = write!(text, "\n{}\n", safe_lines(&prompt.body).trim_end_matches('\n'));
    print(&text)
}

fn asks(variable: &Variable) -> String {
    let name = safe(&variable.name);
    match &variable.takes {
        Takes::Anything => name,
        Takes::Default(text) => format!("{name}, else {}", safe(text)),
        Takes::OneOf(choices) => format!("{name}: {}", safe(&choices.join(" | "))),
    }
}
