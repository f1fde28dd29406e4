//! Everything of one account in one archive that can be read without this program: a gzipped tar of text files.
//!
//! The archive is written under another name beside its place and put there whole, readable by its owner only; a failure
//! leaves nothing. Names inside are numbers and ids of our own: no title, and nothing that a model said, names a file.

use std::{
    fmt::Write as _,
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::{
    access::{Caller, Member},
    api::{
        Fault, FaultKind, FolderId,
        admin::AuditFilter,
        chat::{Message, MessageRole},
        profile::{ExportReport, Preferences},
    },
    safe_text::SafeText,
    store::{
        Db, Vault,
        system::{Moment, accounts, audit, usage},
        vault::{
            dump::{self, Whole},
            settings::{self, PREFERENCES},
        },
    },
};

/// The format of what is in the archive.
const VERSION: u32 = 1;
/// Rows read in one transaction.
const PAGE: u32 = 200;

/// What the archive tells whoever opens it.
const README: &str = "\
This archive holds everything that one account of OllamaNet had: format 1.

account.json            name, role, dates, preferences
folders.json            folders, each with its parent
conversations/N-ID.md   the branch that was on view, to read
conversations/N-ID.json all of it: settings, every message of every branch, who answered, what it cost
attachments/ID.EXT      files that went with messages; the messages name them by id
drafts.json             what was written and not sent
written/*.jsonl         notes, feedback, presets, prompt templates, tags: one JSON object a line
usage.csv               one line for each answer: when, which model, how many tokens, how long
activity.jsonl          what the audit trail records about the account

Times are milliseconds since 1970-01-01 UTC, or RFC 3339 where they are written out. Text in the JSON files is exactly as
it was typed or received. In the Markdown files characters that could steer a terminal are shown instead of kept.
";

#[derive(Debug)]
pub struct Export {
    system: Db,
}

/// One file for the archive.
struct Entry {
    name: String,
    body: Vec<u8>,
}

/// The way to the thread that writes. Whoever sends waits while it is busy.
struct Archive(mpsc::Sender<Entry>);

impl Archive {
    async fn add(&self, name: impl Into<String>, body: impl Into<Vec<u8>>) -> Result<(), Fault> {
        let entry = Entry { name: name.into(), body: body.into() };
        // Why the writer has stopped, it tells itself.
        self.0.send(entry).await.map_err(|_| Fault::new(FaultKind::Internal, "The archive is not written any more."))
    }

    async fn add_json(&self, name: impl Into<String>, value: &Value) -> Result<(), Fault> {
        let text = serde_json::to_vec_pretty(value)
            .map_err(|_| Fault::new(FaultKind::Internal, "Something could not be written as JSON."))?;
        self.add(name, text).await
    }
}

impl Export {
    #[must_use]
    pub fn new(system: Db) -> Self {
        Self { system }
    }

    /// Never over an existing file.
    pub async fn everything(&self, by: Caller<Member>, to: PathBuf) -> Result<ExportReport, Fault> {
        if to.symlink_metadata().is_ok() {
            return Err(Fault::new(FaultKind::Conflict, format!("{} is there already.", to.display()))
                .hint("Nothing was written; give another name."));
        }
        let (entries, inbox) = mpsc::channel(4);
        let place = to.clone();
        // When whoever asked stops waiting, nothing more comes in, and the file goes with the thread's answer.
        let writing = tokio::task::spawn_blocking(move || write(&place, inbox));
        let filled = self.fill(&by, Archive(entries)).await;
        let done = writing.await.unwrap_or_else(|_| Err(io::Error::other("the writer ended")));
        // The writer's own trouble is the cause where both failed.
        let finish = done.map_err(|error| cannot_write(&to, &error))?;
        let report = filled?;
        let bytes = finish.put_in_place(&to).map_err(|error| cannot_write(&to, &error))?;
        self.system
            .write(move |tx| audit::append(tx, &Moment::here(), Some(by.account), "profile.export", "", "ok"))
            .await?;
        Ok(ExportReport { path: to, bytes, ..report })
    }

    async fn fill(&self, by: &Caller<Member>, archive: Archive) -> Result<ExportReport, Fault> {
        let mut report = ExportReport { path: PathBuf::new(), bytes: 0, conversations: 0, messages: 0, documents: 0 };
        archive.add("README.txt", README).await?;
        self.account(by, &archive).await?;
        let folders = by.vault.db.read(dump::folders).await?;
        let told: Vec<Value> =
            folders.iter().map(|(id, parent, name)| json!({ "id": id, "parent": parent, "name": name })).collect();
        archive.add_json("folders.json", &Value::Array(told)).await?;
        let mut after = 0;
        loop {
            let page = by.vault.db.read(move |tx| dump::conversations(tx, after, PAGE)).await?;
            let Some(last) = page.last() else { break };
            after = last.seq;
            for whole in page {
                report.conversations += 1;
                let messages = messages_of(&by.vault, whole.seq).await?;
                report.messages += messages.len() as u64;
                let stem = format!("conversations/{:05}-{}", report.conversations, whole.conversation.row.id);
                archive.add(format!("{stem}.md"), markdown(&whole, &folders, &messages)).await?;
                archive.add_json(format!("{stem}.json"), &as_json(&whole, &messages)).await?;
            }
        }
        let mut after = 0;
        while let Some(document) = by.vault.db.read(move |tx| dump::document(tx, after)).await? {
            after = document.seq;
            report.documents += 1;
            let ending = infer::get(&document.body).map_or("txt", |kind| kind.extension());
            archive.add(format!("attachments/{}.{ending}", document.id), document.body).await?;
        }
        let drafts = by.vault.db.read(dump::drafts).await?;
        let drafts =
            drafts.into_iter().map(|(conversation, text)| json!({ "conversation": conversation, "text": text }));
        archive.add_json("drafts.json", &Value::Array(drafts.collect())).await?;
        for (name, rows) in by.vault.db.read(dump::written).await? {
            archive.add(format!("written/{name}.jsonl"), lines(rows)).await?;
        }
        self.counts(by, &archive).await?;
        Ok(report)
    }

    async fn account(&self, by: &Caller<Member>, archive: &Archive) -> Result<(), Fault> {
        let id = by.account;
        let account =
            self.system.read(move |tx| accounts::by_id(tx, id)).await?.ok_or_else(|| Fault::not_found("account"))?;
        let preferences: Preferences = by.vault.db.read(|tx| settings::get(tx, PREFERENCES)).await?.unwrap_or_default();
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
        archive.add_json("account.json", &told).await
    }

    async fn counts(&self, by: &Caller<Member>, archive: &Archive) -> Result<(), Fault> {
        let id = by.account;
        let rows = self.system.read(move |tx| usage::of_account(tx, id)).await?;
        archive.add("usage.csv", lines(rows)).await?;
        let mut told = Vec::new();
        let mut before = None;
        loop {
            let page =
                self.system.read(move |tx| audit::list(tx, &AuditFilter::default(), Some(id), before, PAGE)).await?;
            let Some(last) = page.last() else { break };
            before = Some(last.seq);
            told.extend(page.iter().filter_map(|entry| serde_json::to_string(entry).ok()));
        }
        archive.add("activity.jsonl", lines(told)).await
    }
}

async fn messages_of(vault: &Vault, conversation: i64) -> Result<Vec<Message>, Fault> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let page = vault.db.read(move |tx| dump::messages(tx, conversation, after, PAGE)).await?;
        let Some((last, _)) = page.last() else { return Ok(all) };
        after = *last;
        all.extend(page.into_iter().map(|(_, message)| message));
    }
}

fn as_json(whole: &Whole, messages: &[Message]) -> Value {
    json!({
        "format": VERSION,
        "conversation": whole.conversation,
        "archived_at": whole.archived_at,
        "trashed_at": whole.trashed_at,
        "messages": messages,
    })
}

/// The branch on view, with its facts before it (YAML front matter).
fn markdown(whole: &Whole, folders: &[(FolderId, Option<FolderId>, String)], messages: &[Message]) -> String {
    let row = &whole.conversation.row;
    let mut text = String::from("---\n");
    // A JSON string is a YAML string, whatever is in it.
    let quoted = |text: &str| Value::from(SafeText::line(text).as_str()).to_string();
    let _ = writeln!(text, "title: {}", quoted(&row.title));
    if let Some(path) = row.folder.and_then(|folder| path_of(folders, folder)) {
        let _ = writeln!(text, "folder: {}", quoted(&path));
    }
    if let Some(model) = &row.model {
        let _ = writeln!(text, "model: {}", quoted(model));
    }
    let _ = writeln!(text, "created: {}\nupdated: {}", stamp(whole.conversation.created_at), stamp(row.updated_at));
    if let Some(at) = whole.trashed_at {
        let _ = writeln!(text, "trashed: {}", stamp(at));
    }
    text.push_str("---\n");
    if let Some(system) = &whole.conversation.system_prompt {
        let _ = writeln!(text, "\n## System\n\n{}", SafeText::new(system).as_str());
    }
    for message in dump::on_view(messages, whole.conversation.head) {
        let who = match message.role {
            MessageRole::User => "You".to_owned(),
            MessageRole::Assistant => message.model.as_deref().map_or_else(|| "Model".to_owned(), one_line),
            MessageRole::System => "System".to_owned(),
            MessageRole::Tool => "Tool".to_owned(),
        };
        let _ = writeln!(text, "\n## {who} · {}\n", stamp(message.created_at));
        for attachment in &message.attachments {
            let _ = writeln!(text, "*Attached: {} (attachments/{})*\n", one_line(&attachment.name), attachment.id);
        }
        let _ = writeln!(text, "{}", SafeText::new(&message.content).as_str());
    }
    text
}

fn one_line(text: &str) -> String {
    SafeText::line(text).into_string()
}

/// From the top down, with slashes. A folder that were its own ancestor would end nowhere, so the way is bounded.
fn path_of(folders: &[(FolderId, Option<FolderId>, String)], folder: FolderId) -> Option<String> {
    let mut names = Vec::new();
    let mut next = Some(folder);
    while let Some(id) = next.filter(|_| names.len() <= folders.len()) {
        let (_, parent, name) = folders.iter().find(|(known, ..)| *known == id)?;
        names.push(name.as_str());
        next = *parent;
    }
    names.reverse();
    Some(names.join("/"))
}

fn stamp(at: i64) -> String {
    jiff::Timestamp::from_millisecond(at).map(|at| at.to_string()).unwrap_or_default()
}

fn lines(rows: Vec<String>) -> String {
    rows.into_iter().fold(String::new(), |mut text, row| {
        text.push_str(&row);
        text.push('\n');
        text
    })
}

/// An archive that is whole, under another name still.
struct Finished(tempfile::NamedTempFile);

impl Finished {
    fn put_in_place(self, to: &Path) -> io::Result<u64> {
        let bytes = self.0.as_file().metadata()?.len();
        self.0.persist_noclobber(to)?;
        Ok(bytes)
    }
}

fn write(to: &Path, mut inbox: mpsc::Receiver<Entry>) -> io::Result<Finished> {
    let beside = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    // Made 0600 by tempfile, and removed again unless it is put in its place.
    let file = tempfile::Builder::new().prefix(".ollamanet-export-").tempfile_in(beside)?;
    let zip = GzEncoder::new(io::BufWriter::new(file.reopen()?), Compression::default());
    let mut tar = tar::Builder::new(zip);
    let now = u64::try_from(Moment::clock() / 1000).unwrap_or(0);
    while let Some(Entry { name, body }) = inbox.blocking_recv() {
        let mut header = tar::Header::new_gnu();
        header.set_size(body.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(now);
        tar.append_data(&mut header, format!("ollamanet-export/{name}"), body.as_slice())?;
    }
    let mut out: io::BufWriter<File> = tar.into_inner()?.finish()?;
    out.flush()?;
    out.get_ref().sync_all()?;
    Ok(Finished(file))
}

fn cannot_write(to: &Path, error: &io::Error) -> Fault {
    let full =
        matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge);
    let kind = if full { FaultKind::DiskFull } else { FaultKind::Invalid };
    Fault::new(kind, format!("{} cannot be written: {error}.", to.display()))
        .hint("Nothing was left behind; give another place.")
}
