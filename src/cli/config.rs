//! `ollamanet config`: what holds, where it comes from, what is wrong with it.
//!
//! Works without an account, a store or Ollama: settings must be mendable when nothing else runs.

use std::path::Path;

use serde_json::json;

use super::{
    End,
    args::Config as What,
    out::{self, print, print_json, safe, say},
};
use crate::{
    api::Fault,
    config::{
        load::{self, Problem, Sources},
        table,
    },
    ui::keymap,
};

/// # Errors
/// `Code(2)` when `check` found mistakes; otherwise how it ended.
pub fn run(what: &What, sources: &Sources, json: bool) -> Result<(), End> {
    match what {
        What::Default => print(&table::default_file()),
        What::Path => path(sources.file.as_deref(), json),
        What::Show => show(sources, json),
        What::Check => check(sources, json),
    }
}

fn path(file: Option<&Path>, json: bool) -> Result<(), End> {
    let shown = file.map(|file| file.display().to_string()).unwrap_or_default();
    let exists = file.is_some_and(Path::exists);
    if json {
        return print_json(&json!({ "path": shown, "exists": exists }));
    }
    print(&format!("{}\n", safe(&shown)))?;
    if !exists {
        say("It does not exist, and need not. `ollamanet config default` prints one to begin with.");
    }
    Ok(())
}

fn show(sources: &Sources, json: bool) -> Result<(), End> {
    let loaded = load::load(sources)?;
    let values = table::values(&loaded.config);
    if json {
        let settings: serde_json::Map<String, serde_json::Value> = values
            .iter()
            .map(|(setting, value)| {
                (setting.name(), json!({ "value": value, "from": loaded.origin(setting).to_string() }))
            })
            .collect();
        return print_json(&json!({ "settings": settings, "keys": loaded.config.keys }));
    }
    let rows: Vec<[String; 3]> = values
        .iter()
        .map(|(setting, value)| [setting.name(), safe(&value.to_string()), safe(&loaded.origin(setting).to_string())])
        .collect();
    let mut text = out::table(["SETTING", "VALUE", "FROM"], &rows);
    for (context, actions) in &loaded.config.keys {
        for (action, keys) in actions {
            text.push_str(&safe(&format!("keys.{context}.{action} = {keys:?}")));
            text.push('\n');
        }
    }
    print(&text)?;
    say("What an administrator has set for the house is not in here: `ollamanet settings list`.");
    Ok(())
}

/// Every mistake in the settings, the keys among them: those of the file from its top, then the others.
///
/// # Errors
/// When the file cannot be read, or is not safe to read.
pub fn mistakes(sources: &Sources) -> Result<Vec<Problem>, Fault> {
    let (loaded, mut problems) = load::check(sources)?;
    problems.extend(keymap::check(&loaded.config.keys, &loaded.key_places));
    problems.sort_by_key(|problem| problem.at.unwrap_or((usize::MAX, 0)));
    Ok(problems)
}

fn check(sources: &Sources, json: bool) -> Result<(), End> {
    let wrong: Vec<String> = mistakes(sources)?.iter().map(Problem::to_string).collect();
    if json {
        print_json(&wrong)?;
    } else if wrong.is_empty() {
        print("The settings are in order.\n")?;
    } else {
        print(&wrong.iter().flat_map(|problem| [safe(problem), "\n".to_owned()]).collect::<String>())?;
    }
    if wrong.is_empty() { Ok(()) } else { Err(End::Code(2)) }
}
