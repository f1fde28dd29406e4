//! `ollamanet models list|show|fit|filter`: all models that are known, what each is, and whether it fits this machine.

use std::fmt::Write as _;

use serde_json::json;

use super::{
    Desk, End,
    fleet_args::{Filters, Find, Fit},
    out::{self, print, print_json, safe, safe_lines, say},
    results::Results,
};
use crate::api::{
    Fault, FaultKind, amount,
    auth::Session,
    fleet::{Detail, Freshness, Machine, Page, Place, Query, Row, SavedFilter, Sort},
    organise::PAGE_MAX,
};

/// What takes the place of a figure that nobody knows.
const UNKNOWN: &str = "—";

/// # Errors
/// How it ended, when not well.
pub async fn list(desk: &Desk, what: &Find) -> Result<(), End> {
    let session = desk.session().await?;
    let is_installed_only = what.filter.is_empty() && !what.known && what.tag.is_empty();
    let text = if is_installed_only { "installed:yes".to_owned() } else { typed(&what.filter) };
    let (rows, page) = pages(desk, &session, what, text).await?;
    if let Some(why) = &page.stale_because {
        // What is installed is asked for as it is now, and not as it was.
        if is_installed_only {
            return Err(Fault::new(FaultKind::Upstream, why.clone())
                .hint("`ollamanet doctor` says what to do.")
                .into());
        }
        let installed = match page.age_ms {
            Some(age) => format!("What is installed is shown as it was {} ago", out::seconds(age)),
            None => "What is installed is not known".to_owned(),
        };
        say(&format!("ollamanet: {installed}: {why}"));
    }
    if desk.global.json {
        print_json(&rows)?;
    } else if rows.is_empty() && is_installed_only {
        say("No model is installed. Install one, for example: ollama pull llama3.2");
    } else if rows.is_empty() {
        say(&format!("None of the {} known models fits.", page.known));
    } else {
        print(&table(&rows, what.families))?;
    }
    if page.next.is_some() {
        say(&format!("{} of {}: --limit N, or --all, shows more.", rows.len(), page.total));
    }
    Ok(())
}

/// Words as they are meant, where the shell took their quotation marks away.
fn typed(words: &[String]) -> String {
    let quoted = |word: &String| match word.split_once(':') {
        Some((key, value)) if value.contains(char::is_whitespace) && !value.contains('"') => {
            format!("{key}:\"{value}\"")
        }
        Some(_) | None => word.clone(),
    };
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

/// As many pages as are wanted; the last one tells about the list.
async fn pages(desk: &Desk, session: &Session, what: &Find, text: String) -> Result<(Vec<Row>, Page), Fault> {
    let mut rows = Vec::new();
    let mut query = Query {
        tags: what.tag.clone(),
        tags_by: what.tags_by(),
        sort: what.sort.map(|by| Sort { column: by.column(), descending: what.descending }),
        per: what.per(),
        freshness: Freshness::Fresh,
        ..Query::typed(text, 1)
    };
    loop {
        query.limit = what.paging.most().saturating_sub(rows.len()).min(PAGE_MAX as usize) as u32;
        let mut page = desk.gateway.models_find(session, query.clone()).await?;
        rows.append(&mut page.rows);
        match page.next.clone().filter(|_| rows.len() < what.paging.most()) {
            Some(next) => (query.at, query.freshness) = (Place::After(next), Freshness::Kept),
            None => return Ok((rows, page)),
        }
    }
}

fn table(rows: &[Row], families: bool) -> String {
    let cells: Vec<[String; 8]> = rows
        .iter()
        .map(|row| {
            let name = safe(&row.name);
            [
                if families { format!("{name} ({})", row.variants) } else { name },
                known(row.parameters.as_deref()),
                size(row),
                known(row.quantization.as_deref()),
                row.context_length.map_or_else(|| UNKNOWN.to_owned(), |tokens| tokens.to_string()),
                row.capabilities.as_ref().map_or_else(|| UNKNOWN.to_owned(), |can| safe(&can.join(", "))),
                fit_words(row),
                state(row),
            ]
        })
        .collect();
    out::table(["NAME", "PARAMETERS", "SIZE", "QUANT", "CONTEXT", "CAN", "FITS", "STATE"], &cells)
}

fn known(text: Option<&str>) -> String {
    text.map_or_else(|| UNKNOWN.to_owned(), safe)
}

fn size(row: &Row) -> String {
    match row.bytes {
        _ if row.is_remote => "remote".to_owned(),
        None => UNKNOWN.to_owned(),
        Some(bytes) if row.is_exact => amount::bytes(bytes),
        Some(bytes) => format!("about {}", amount::bytes(bytes)),
    }
}

fn fit_words(row: &Row) -> String {
    match row.fit.verdict.runs() {
        None => UNKNOWN.to_owned(),
        Some(_) if row.fit.is_measured => format!("{} (measured)", row.fit.verdict.words()),
        Some(_) => row.fit.verdict.words().to_owned(),
    }
}

fn state(row: &Row) -> String {
    match (&row.loaded, &row.installed) {
        (Some(_), _) => "loaded",
        (None, Some(_)) => "installed",
        (None, None) => "",
    }
    .to_owned()
}

/// # Errors
/// How it ended, when not well.
pub async fn show(desk: &Desk, model: &str) -> Result<(), End> {
    let session = desk.session().await?;
    let detail = desk.gateway.model_detail(&session, model).await?;
    if desk.global.json {
        return print_json(&detail);
    }
    if let Some(why) = &detail.not_shown_because {
        say(&format!("ollamanet: Ollama tells nothing of it: {why}"));
    }
    print(&described(&detail))
}

fn described(detail: &Detail) -> String {
    let row = &detail.row;
    let mut text = format!("{}\n", safe(&row.name));
    let date = |at: Option<i64>| at.map_or_else(|| UNKNOWN.to_owned(), out::moment);
    let facts = [
        ("what", known(row.summary.as_deref())),
        ("publisher", known(row.publisher.as_deref())),
        ("architecture", known(row.architecture.as_deref())),
        ("parameters", known(row.parameters.as_deref())),
        ("quantization", known(row.quantization.as_deref())),
        ("size", size(row)),
        ("context", row.context_length.map_or_else(|| UNKNOWN.to_owned(), |tokens| tokens.to_string())),
        ("can", row.capabilities.as_ref().map_or_else(|| UNKNOWN.to_owned(), |can| safe(&can.join(", ")))),
        ("licence", known(row.license.as_deref())),
        ("released", known(row.released.as_deref())),
        ("state", Some(state(row)).filter(|state| !state.is_empty()).unwrap_or_else(|| "not installed".to_owned())),
        ("fits", fit_words(row)),
        ("last used", date(row.last_used_at)),
        ("speed", row.speed.map_or_else(|| UNKNOWN.to_owned(), |speed| format!("{speed:.1} tok/s"))),
        (
            "rating",
            row.rating
                .map_or_else(|| UNKNOWN.to_owned(), |rating| format!("{} up, {} down", rating.liked, rating.disliked)),
        ),
        (
            "tags",
            Some(safe(&row.tags.join(", "))).filter(|tags| !tags.is_empty()).unwrap_or_else(|| UNKNOWN.to_owned()),
        ),
    ];
    for (name, value) in facts {
        let _ = writeln!(text, "{name:<14}{value}");
    }
    let _ = writeln!(text, "\n{}", safe(&row.fit.because));
    for link in &detail.card.links {
        let _ = writeln!(text, "{}", safe(link));
    }
    let shown = detail.shown.as_ref();
    let sections = [
        ("Notes of the house", detail.card.notes.as_ref()),
        ("Options of its own", shown.and_then(|shown| shown.parameters.as_ref())),
        ("System prompt", shown.and_then(|shown| shown.system.as_ref())),
        ("Template", shown.and_then(|shown| shown.template.as_ref())),
        ("Licence", shown.and_then(|shown| shown.license.as_ref())),
        ("Modelfile", shown.and_then(|shown| shown.modelfile.as_ref())),
    ];
    for (name, section) in sections {
        if let Some(section) = section.map(|text| text.trim_end()).filter(|section| !section.is_empty()) {
            let _ = write!(text, "\n{name}\n");
            for line in safe_lines(section).lines() {
                let _ = writeln!(text, "  {line}");
            }
        }
    }
    if detail.variants.len() > 1 {
        let cells: Vec<[String; 5]> = detail
            .variants
            .iter()
            .map(|tag| {
                let about = if tag.is_exact { "" } else { "about " };
                [
                    safe(&tag.name),
                    known(tag.parameters.as_deref()),
                    known(tag.quantization.as_deref()),
                    tag.bytes.map_or_else(|| UNKNOWN.to_owned(), |bytes| format!("{about}{}", amount::bytes(bytes))),
                    if tag.is_installed { "installed".to_owned() } else { String::new() },
                ]
            })
            .collect();
        let _ = write!(text, "\n{}", out::table(["TAG", "PARAMETERS", "QUANT", "SIZE", "STATE"], &cells));
    }
    text
}

/// # Errors
/// How it ended, when not well.
pub async fn fit(desk: &Desk, what: Fit) -> Result<(), End> {
    let session = desk.session().await?;
    if what.models.is_empty() {
        let machine = desk.gateway.machine(&session).await?;
        return if desk.global.json { print_json(&machine) } else { print(&machine_words(&machine)) };
    }
    let mut results = Results::new(desk);
    for model in what.models {
        match desk.gateway.model_fit(&session, &model, what.ctx).await {
            Ok(fit) => {
                let line = format!("{}: {}\n  {}", safe(&model), fit.verdict.words(), safe(&fit.because));
                results.done(&model, &line, json!({ "fit": fit }))?;
            }
            Err(fault) => results.failed(&model, &fault),
        }
    }
    results.finish()
}

fn machine_words(machine: &Machine) -> String {
    let mut text = format!("memory  {}\n", machine.memory.map_or_else(|| UNKNOWN.to_owned(), amount::bytes));
    for gpu in &machine.gpus {
        let shared = if gpu.is_shared { " (shared with the processor)" } else { "" };
        let _ = writeln!(text, "gpu     {}: {}{shared}", safe(&gpu.name), amount::bytes(gpu.memory));
    }
    if machine.gpus.is_empty() {
        text.push_str("gpu     none that Ollama is known to use\n");
    }
    if !machine.is_ollamas {
        text.push_str("Ollama runs on another machine: what fits there is not known from here.\n");
    }
    text
}

/// # Errors
/// How it ended, when not well.
pub async fn filters(desk: &Desk, what: Filters) -> Result<(), End> {
    let session = desk.session().await?;
    let filters = match what {
        Filters::List => desk.gateway.model_filters(&session).await?,
        Filters::Save { name, filter } => {
            desk.gateway.save_model_filter(&session, SavedFilter { name, text: typed(&filter) }).await?
        }
        Filters::Delete { name } => desk.gateway.delete_model_filter(&session, &name).await?,
    };
    if desk.global.json {
        return print_json(&filters);
    }
    if filters.is_empty() {
        say("No filter is saved. Save one, for example: ollamanet models filter save small 'size:<4GB'");
        return Ok(());
    }
    let cells: Vec<[String; 2]> = filters.iter().map(|filter| [safe(&filter.name), safe(&filter.text)]).collect();
    print(&out::table(["NAME", "FILTER"], &cells))
}
