//! What presets and prompt templates share on the command line: reading texts and files, writing exports, telling what an
//! import did, and lists page by page.

use std::{
    fmt::Write as _,
    io::{IsTerminal, Read},
    path::Path,
};

use serde_json::json;

use super::{
    Desk, End,
    args::Paging,
    library_args::{Import, To},
    out::{print, print_json, print_own, safe, say},
};
use crate::{
    api::{
        Fault,
        auth::Session,
        library::{FILE_MAX, Imported, Kind, Taken},
        organise::{Cursor, PAGE_MAX, Page},
    },
    whole_file::{self, There},
};

/// Rows up to the most that are wanted, and whether there are more.
pub async fn pages<Row, F: Future<Output = Result<Page<Row>, Fault>>>(
    paging: Paging,
    page: impl Fn(Option<Cursor>, u32) -> F,
) -> Result<(Vec<Row>, bool), Fault> {
    let most = paging.most();
    let mut rows = Vec::new();
    let mut after = None;
    loop {
        let wanted = most.saturating_sub(rows.len()).min(PAGE_MAX as usize) as u32;
        let found = page(after, wanted).await?;
        rows.extend(found.rows);
        after = found.next;
        if after.is_none() || rows.len() >= most {
            return Ok((rows, after.is_some()));
        }
    }
}

/// Everything on standard input; `None` at a terminal.
pub async fn standard_input(most: usize) -> Result<Option<String>, Fault> {
    if std::io::stdin().is_terminal() {
        return Ok(None);
    }
    let read = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        // A closed standard input is an empty one.
        let _ = std::io::stdin().lock().take(most as u64 + 1).read_to_end(&mut bytes);
        bytes
    });
    let bytes = read.await.unwrap_or_default();
    whole_file::as_text(bytes, most, "Standard input").map(Some)
}

pub async fn text_of(file: &Path, most: usize) -> Result<String, Fault> {
    let file = file.to_path_buf();
    tokio::task::spawn_blocking(move || whole_file::read(&file, most))
        .await
        .map_err(|_| Fault::new(crate::api::FaultKind::Internal, "Reading the file failed."))?
}

/// # Errors
/// When there is none of such a name, or the file cannot be written.
pub async fn export(desk: &Desk, session: &Session, kind: Kind, names: Vec<String>, to: To) -> Result<(), End> {
    let text = desk.gateway.export_library(session, kind, names).await?;
    let Some(file) = to.to else { return print_own(text.as_bytes()) };
    let there = if to.force { There::Replace } else { There::Keep };
    let path = whole_file::write(&file, &text, there)?;
    if desk.global.json {
        return print_json(&json!({ "path": path, "bytes": text.len() }));
    }
    print(&format!("Written: {}\n", safe(&path.to_string_lossy())))
}

/// # Errors
/// When anything in the file is wrong; then nothing was imported.
pub async fn import(desk: &Desk, session: &Session, kind: Kind, what: Import) -> Result<(), End> {
    let text = if what.file.as_os_str() == "-" {
        standard_input(FILE_MAX).await?.unwrap_or_default()
    } else {
        text_of(&what.file, FILE_MAX).await?
    };
    let taken = if what.replace { Taken::Replace } else { Taken::Keep };
    let done = desk.gateway.import_library(session, kind, &text, taken).await?;
    if !done.kept.is_empty() {
        say("What was kept has the same name and other content; --replace puts the file's in its place.");
    }
    if done.others > 0 {
        let (there, command) = match kind {
            Kind::Presets => ("prompt templates", "prompts"),
            Kind::Prompts => ("presets", "presets"),
        };
        say(&format!("The file also holds {} {there}: ollamanet {command} import takes them.", done.others));
    }
    if desk.global.json {
        return print_json(&done);
    }
    print(&told(&done))
}

fn told(done: &Imported) -> String {
    let mut text = String::new();
    for (what, names) in [
        ("Added", &done.added),
        ("Replaced", &done.replaced),
        ("Kept as it was", &done.kept),
        ("There already", &done.unchanged),
    ] {
        for name in names {
            let _ = writeln!(text, "{what}: {}", safe(name));
        }
    }
    text
}
