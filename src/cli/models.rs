//! `ollamanet models`: what is installed, what is loaded, what Ollama knows of one.

use std::fmt::Write as _;

use super::{
    Desk, End,
    args::Models,
    measures,
    out::{self, print, print_json, safe, safe_lines, say},
};
use crate::api::{
    Fault, FaultKind,
    models::{Loaded, Model, ModelDetail, ModelList},
};

/// # Errors
/// How it ended, when not well.
pub async fn run(desk: &Desk, what: Models) -> Result<(), End> {
    let session = desk.session().await?;
    match what {
        Models::List { paging } => {
            let list = fresh(desk.gateway.models(&session, true).await?)?;
            let more = list.len() > paging.most();
            let rows: Vec<Model> = list.into_iter().take(paging.most()).collect();
            if desk.global.json {
                print_json(&rows)?;
            } else if rows.is_empty() {
                say("No model is installed. Install one, for example: ollama pull llama3.2");
            } else {
                print(&installed(&rows))?;
            }
            note_more(more);
            Ok(())
        }
        Models::Ps { paging } => {
            let mut list = fresh(desk.gateway.models(&session, true).await?)?;
            list.retain(|model| model.loaded.is_some());
            let more = list.len() > paging.most();
            list.truncate(paging.most());
            if desk.global.json {
                print_json(&list)?;
            } else if list.is_empty() {
                say("No model is loaded.");
            } else {
                print(&loaded(&list))?;
            }
            note_more(more);
            Ok(())
        }
        Models::Usage(what) => measures::usage(desk, &session, what).await,
        Models::Show { model } => {
            let detail = desk.gateway.model(&session, &model).await?;
            if desk.global.json { print_json(&detail) } else { print(&described(&detail)) }
        }
    }
}

/// A command is asked for what is, not for what was: an old list is a failure here.
fn fresh(list: ModelList) -> Result<Vec<Model>, Fault> {
    match list.stale_because {
        None => Ok(list.models),
        Some(why) => Err(Fault::new(FaultKind::Upstream, why).hint("`ollamanet doctor` says what to do.")),
    }
}

fn note_more(more: bool) {
    if more {
        say("There are more: --limit N, or --all.");
    }
}

fn installed(models: &[Model]) -> String {
    let rows: Vec<[String; 6]> = models
        .iter()
        .map(|model| {
            [
                safe(&model.name),
                safe(&model.parameters),
                if model.remote { "remote".to_owned() } else { out::bytes(model.bytes) },
                tokens(model.context_length),
                safe(&model.capabilities.join(", ")),
                if model.loaded.is_some() { "loaded".to_owned() } else { String::new() },
            ]
        })
        .collect();
    out::table(["NAME", "PARAMETERS", "SIZE", "CONTEXT", "CAN", "STATE"], &rows)
}

fn loaded(models: &[Model]) -> String {
    let rows: Vec<[String; 5]> = models
        .iter()
        .filter_map(|model| Some((model, model.loaded.as_ref()?)))
        .map(|(model, loaded)| {
            [
                safe(&model.name),
                out::bytes(loaded.bytes),
                place(loaded),
                tokens(loaded.context_length),
                until(&loaded.expires_at),
            ]
        })
        .collect();
    out::table(["NAME", "MEMORY", "WHERE", "CONTEXT", "UNTIL"], &rows)
}

/// Which part of it lies in the GPU's memory.
fn place(loaded: &Loaded) -> String {
    match (loaded.gpu_bytes, loaded.bytes) {
        (0, _) => "CPU".to_owned(),
        (gpu, all) if gpu >= all => "GPU".to_owned(),
        (gpu, all) => format!("{} % GPU", gpu * 100 / all),
    }
}

fn tokens(count: Option<u32>) -> String {
    count.map_or_else(|| "–".to_owned(), |count| count.to_string())
}

/// The time of day, or `kept` for an expiry that is centuries away.
fn until(expires_at: &str) -> String {
    match expires_at.parse::<jiff::Timestamp>() {
        Ok(at) if at.as_second() > 32_503_680_000 => "kept".to_owned(),
        Ok(at) => out::moment(at.as_millisecond()),
        Err(_) => safe(expires_at),
    }
}

fn described(detail: &ModelDetail) -> String {
    let mut text = format!("{}\n", safe(&detail.name));
    let facts = [
        ("family", safe(&detail.family)),
        ("parameters", safe(&detail.parameter_size)),
        ("quantization", safe(&detail.quantization)),
        ("context", tokens(detail.context_length)),
        ("embedding", tokens(detail.embedding_length)),
        ("can", safe(&detail.capabilities.join(", "))),
    ];
    for (name, value) in facts {
        if !value.is_empty() && value != "–" {
            let _ = writeln!(text, "{name:<14}{value}");
        }
    }
    let sections = [
        ("Options of its own", &detail.parameters),
        ("System prompt", &detail.system),
        ("Template", &detail.template),
        ("Licence", &detail.license),
    ];
    for (name, section) in sections {
        if let Some(section) = section.as_deref().map(str::trim_end).filter(|section| !section.is_empty()) {
            let _ = write!(text, "\n{name}\n");
            for line in safe_lines(section).lines() {
                let _ = writeln!(text, "  {line}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_says_where_it_lies() {
        let loaded = |bytes, gpu_bytes| Loaded { bytes, gpu_bytes, context_length: None, expires_at: String::new() };
        assert_eq!(place(&loaded(10, 0)), "CPU");
        assert_eq!(place(&loaded(10, 10)), "GPU");
        assert_eq!(place(&loaded(10, 4)), "40 % GPU");
    }

    #[test]
    fn an_expiry_centuries_away_is_kept() {
        assert!(until("2026-11-24T12:00:00.5+01:00").starts_with("2026-11-2"));
        assert_eq!(until("3318-01-01T00:00:00Z"), "kept");
        assert_eq!(until("\u{1b}[31msoon"), safe("\u{1b}[31msoon"));
    }
}
