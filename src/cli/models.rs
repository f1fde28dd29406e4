//! `ollamanet models`: what is loaded; all else about models that are there or could be is `fleet`.

use super::{
    Desk, End,
    args::Models,
    fleet, measures,
    out::{self, print, print_json, safe, say},
};
use crate::api::{
    Fault, FaultKind, amount,
    models::{Loaded, Model, ModelList},
};

/// # Errors
/// How it ended, when not well.
pub async fn run(desk: &Desk, what: Models) -> Result<(), End> {
    match what {
        Models::List(what) => fleet::list(desk, &what).await,
        Models::Show { model } => fleet::show(desk, &model).await,
        Models::Fit(what) => fleet::fit(desk, what).await,
        Models::Filter(what) => fleet::filters(desk, what).await,
        Models::Ps { paging } => {
            let session = desk.session().await?;
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
        Models::Measures(what) => {
            let session = desk.session().await?;
            measures::run(desk, &session, what).await
        }
        Models::Usage(what) => {
            let session = desk.session().await?;
            measures::usage(desk, &session, what).await
        }
        // `cli::run` hands these to `model_jobs`, which hears a stop itself.
        Models::Jobs(_) => Ok(()),
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

fn loaded(models: &[Model]) -> String {
    let rows: Vec<[String; 5]> = models
        .iter()
        .filter_map(|model| Some((model, model.loaded.as_ref()?)))
        .map(|(model, loaded)| {
            [
                safe(&model.name),
                amount::bytes(loaded.bytes),
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
