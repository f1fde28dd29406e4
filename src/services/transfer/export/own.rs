//! The own format: the lines of the vault in parts of a readable size, the files that went with messages beside them. The
//! account's archive is the same with what can be read without the program, and with what the program records.
//!
//! Names inside are numbers, digests and ids of our own: no title, and nothing that a model said, names a file.

use std::collections::HashSet;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Counted, Out, Source, readable};
use crate::{
    api::{AccountId, Fault, FaultKind, admin::AuditFilter, profile::Preferences, transfer::ExportScope},
    store::{
        Db, Vault,
        system::{Moment, accounts, audit, of_person, usage},
        vault::{
            portable::{self, ConversationEnd, End, Folder, Format, Line, OWN, Preset, Tag, VERSION},
            settings::{self, PREFERENCES},
        },
    },
};

/// How long a part is before the next one begins.
const PART: usize = 1024 * 1024;
/// Rows read in one transaction.
const PAGE: u32 = 200;

/// What the archive tells whoever opens it.
const README: &str = "\
This archive holds conversations of OllamaNet, format 1. `ollamanet conversations import` brings them into an account.

vault/N.jsonl            everything, one JSON object a line: folders, tags, presets, then each conversation with its
                         settings, every message of every branch, who answered, what it cost, notes, ratings
attachments/SHA256.*     files that went with messages; the messages name them by their SHA-256

Times are milliseconds since 1970-01-01 UTC. Text is exactly as it was typed or received, so a terminal that prints it
may obey what stands in it. docs/formats.md of the program describes each line.
";

/// And what it tells besides where it is of a whole account.
const README_OF_ACCOUNT: &str = "
This one holds everything that the account had:

account.json             name, role, dates, preferences
conversations/N-ID.md    of each conversation the branch that was on view, to read; what could steer a terminal is shown
                         instead of kept
usage.csv                one line for each answer of the last three years: when, which model, how many tokens, how long,
                         which thumb
activity.jsonl           what the audit trail records about the account
house.jsonl              whatever else the installation keeps about it, each line with the table it is from: sessions, counts
                         by day and model, what was refused, limits, jobs that it began; no keys, and nothing that lets
                         anybody in
";

/// What an archive of a whole account holds beside the vault.
#[derive(Debug)]
pub(in crate::services::transfer) struct Everything {
    pub(in crate::services::transfer) system: Db,
    pub(in crate::services::transfer) account: AccountId,
}

/// Lines on their way into parts.
struct Parts<'a> {
    out: &'a Out,
    buffer: Vec<u8>,
    number: u32,
}

impl Parts<'_> {
    async fn line(&mut self, line: &Line) -> Result<(), Fault> {
        serde_json::to_writer(&mut self.buffer, line)
            .map_err(|_| Fault::new(FaultKind::Internal, "Something could not be written as JSON."))?;
        self.buffer.push(b'\n');
        if self.buffer.len() >= PART { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> Result<(), Fault> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.number += 1;
        let part = std::mem::take(&mut self.buffer);
        self.out.file(format!("vault/{:06}.jsonl", self.number), part).await
    }
}

/// Folders, tags and presets that come before the conversation that needs them, each once.
#[derive(Default)]
struct Shelved {
    folders: Vec<Folder>,
    tags: Vec<Tag>,
    presets: Vec<Preset>,
    told: HashSet<Uuid>,
}

impl Shelved {
    async fn read(vault: &Vault) -> Result<Self, Fault> {
        let (folders, tags, presets) = vault
            .db
            .read(|tx| {
                Ok::<_, crate::store::StoreError>((portable::folders(tx)?, portable::tags(tx)?, portable::presets(tx)?))
            })
            .await?;
        Ok(Self { folders, tags, presets, told: HashSet::new() })
    }

    async fn preset(&mut self, id: Option<Uuid>, parts: &mut Parts<'_>) -> Result<(), Fault> {
        let Some(id) = id.filter(|id| self.told.insert(*id)) else { return Ok(()) };
        match self.presets.iter().find(|preset| preset.id == id) {
            Some(preset) => parts.line(&Line::Preset(preset.clone())).await,
            None => Ok(()),
        }
    }

    async fn folder(&mut self, id: Option<Uuid>, parts: &mut Parts<'_>) -> Result<(), Fault> {
        let mut way = Vec::new();
        let mut above = id;
        while let Some(id) = above.filter(|id| self.told.insert(*id)) {
            let Some(folder) = self.folders.iter().find(|folder| folder.id == id) else { break };
            above = folder.parent;
            way.push(folder.clone());
        }
        for folder in way.into_iter().rev() {
            self.preset(folder.preset, parts).await?;
            parts.line(&Line::Folder(folder)).await?;
        }
        Ok(())
    }

    async fn tags(&mut self, ids: &[Uuid], parts: &mut Parts<'_>) -> Result<(), Fault> {
        for id in ids {
            if self.told.insert(*id)
                && let Some(tag) = self.tags.iter().find(|tag| tag.id == *id)
            {
                parts.line(&Line::Tag(tag.clone())).await?;
            }
        }
        Ok(())
    }
}

pub(super) async fn fill(
    source: &Source<'_>,
    beside: Option<&Everything>,
    out: &Out,
    counted: &mut Counted<'_>,
) -> Result<(), Fault> {
    let readme = if beside.is_some() { [README, README_OF_ACCOUNT].concat() } else { README.to_owned() };
    out.file("README.txt", readme).await?;
    if let Some(everything) = beside {
        everything.account(source.vault, out).await?;
    }
    let db = &source.vault.db;
    let mut parts = Parts { out, buffer: Vec::new(), number: 0 };
    parts.line(&Line::Format(Format { name: OWN.to_owned(), version: VERSION })).await?;
    let mut shelved = Shelved::read(source.vault).await?;
    match source.scope {
        ExportScope::Everything => everything_around(source.vault, &mut shelved, &mut parts).await?,
        ExportScope::Folder(_) => {
            if let portable::Which::In(folders) = &source.which {
                for folder in folders {
                    shelved.folder(Some(folder.0), &mut parts).await?;
                }
            }
        }
        ExportScope::Conversations(_) => {}
    }
    let mut documents: HashSet<i64> = HashSet::new();
    let mut after = 0;
    loop {
        let which = source.which.clone();
        let keys = db.read(move |tx| portable::keys(tx, &which, after, super::KEYS)).await?;
        let Some(last) = keys.last() else { break };
        after = *last;
        for key in keys {
            counted.go_on()?;
            conversation(source.vault, key, &mut shelved, &mut documents, &mut parts, counted).await?;
            if beside.is_some() {
                readable::into_archive(source, key, counted.report.conversations, out).await?;
            }
        }
    }
    let end = End { conversations: counted.report.conversations, messages: counted.report.messages };
    parts.line(&Line::End(end)).await?;
    parts.flush().await?;
    match beside {
        Some(everything) => everything.counts(out).await,
        None => Ok(()),
    }
}

/// What lies around all conversations, in the order in which it was made.
async fn everything_around(vault: &Vault, shelved: &mut Shelved, parts: &mut Parts<'_>) -> Result<(), Fault> {
    for preset in std::mem::take(&mut shelved.presets) {
        shelved.told.insert(preset.id);
        parts.line(&Line::Preset(preset)).await?;
    }
    for template in vault.db.read(portable::templates).await? {
        parts.line(&Line::PromptTemplate(template)).await?;
    }
    for folder in std::mem::take(&mut shelved.folders) {
        shelved.told.insert(folder.id);
        parts.line(&Line::Folder(folder)).await?;
    }
    for tag in std::mem::take(&mut shelved.tags) {
        shelved.told.insert(tag.id);
        parts.line(&Line::Tag(tag)).await?;
    }
    for setting in vault.db.read(portable::settings).await? {
        parts.line(&Line::Setting(setting)).await?;
    }
    if let Some(draft) = vault.db.read(portable::new_draft).await? {
        parts.line(&Line::Draft(draft)).await?;
    }
    Ok(())
}

async fn conversation(
    vault: &Vault,
    key: i64,
    shelved: &mut Shelved,
    documents: &mut HashSet<i64>,
    parts: &mut Parts<'_>,
    counted: &mut Counted<'_>,
) -> Result<(), Fault> {
    let db = &vault.db;
    // One that went away meanwhile is not exported.
    let Some(conversation) = db.read(move |tx| portable::conversation(tx, key)).await? else { return Ok(()) };
    shelved.folder(conversation.folder, parts).await?;
    shelved.preset(conversation.preset, parts).await?;
    shelved.tags(&conversation.tags, parts).await?;
    for document in db.read(move |tx| portable::documents_of(tx, key)).await? {
        if documents.insert(document) {
            let (sha256, _, body) = db.read(move |tx| portable::body_of(tx, document)).await?;
            let ending = infer::get(&body).map_or("txt", |kind| kind.extension());
            parts.out.file(format!("attachments/{sha256}.{ending}"), body).await?;
            counted.report.documents += 1;
        }
    }
    parts.line(&Line::Conversation(Box::new(conversation))).await?;
    let mut messages = 0;
    let mut after = 0;
    loop {
        let page = db.read(move |tx| portable::messages(tx, key, after)).await?;
        let Some((last, _)) = page.last() else { break };
        after = *last;
        for (_, message) in page {
            messages += 1;
            parts.line(&Line::Message(Box::new(message))).await?;
        }
        counted.go_on()?;
    }
    for note in db.read(move |tx| portable::notes_of(tx, key)).await? {
        parts.line(&Line::Note(note)).await?;
    }
    for feedback in db.read(move |tx| portable::feedback_of(tx, key)).await? {
        parts.line(&Line::Feedback(feedback)).await?;
    }
    for summary in db.read(move |tx| portable::summaries_of(tx, key)).await? {
        parts.line(&Line::Summary(summary)).await?;
    }
    if let Some(draft) = db.read(move |tx| portable::draft(tx, key)).await? {
        parts.line(&Line::Draft(draft)).await?;
    }
    counted.report.conversations += 1;
    counted.report.messages += messages;
    parts.line(&Line::ConversationEnd(ConversationEnd { messages })).await
}

impl Everything {
    async fn account(&self, vault: &Vault, out: &Out) -> Result<(), Fault> {
        let id = self.account;
        let account =
            self.system.read(move |tx| accounts::by_id(tx, id)).await?.ok_or_else(|| Fault::not_found("account"))?;
        let preferences: Preferences = vault.db.read(|tx| settings::get(tx, PREFERENCES)).await?.unwrap_or_default();
        let told = json!({
            "format": VERSION,
            "program": concat!("ollamanet ", env!("CARGO_PKG_VERSION")),
            "exported_at": Moment::clock(),
            "id": account.id,
            "name": account.name,
            "display_name": account.display_name,
            "role": account.role,
            "created_at": account.created_at,
            "last_sign_in": account.last_sign_in,
            "preferences": preferences,
        });
        out.file("account.json", pretty(&told)?).await
    }

    async fn counts(&self, out: &Out) -> Result<(), Fault> {
        let id = self.account;
        let rows = self.system.read(move |tx| usage::of_account(tx, id)).await?;
        out.file("usage.csv", lines(rows)).await?;
        let mut told = Vec::new();
        let mut before = None;
        loop {
            let page =
                self.system.read(move |tx| audit::list(tx, &AuditFilter::default(), Some(id), before, PAGE)).await?;
            let Some(last) = page.last() else { break };
            before = Some(last.seq);
            told.extend(page.iter().filter_map(|entry| serde_json::to_string(entry).ok()));
        }
        out.file("activity.jsonl", lines(told)).await?;
        let mut kept = Vec::new();
        for part in of_person::PARTS {
            let rows = self.system.read(move |tx| of_person::rows(tx, *part, id)).await?;
            kept.extend(rows.into_iter().map(|row| of_table(part.table, &row)));
        }
        let tries = self.system.read(move |tx| of_person::tries(tx, id)).await?;
        kept.extend(tries.into_iter().map(|row| of_table("throttles", &row)));
        out.file("house.jsonl", lines(kept)).await
    }
}

/// `{"sessions":{ … }}`
fn of_table(table: &str, row: &str) -> String {
    ["{\"", table, "\":", row, "}"].concat()
}

fn pretty(value: &Value) -> Result<Vec<u8>, Fault> {
    serde_json::to_vec_pretty(value)
        .map_err(|_| Fault::new(FaultKind::Internal, "Something could not be written as JSON."))
}

fn lines(rows: Vec<String>) -> String {
    rows.into_iter().fold(String::new(), |mut text, row| {
        text.push_str(&row);
        text.push('\n');
        text
    })
}
