//! What a file is and what is in it, read from its beginning to its end or to where it breaks.

use std::{
    cell::RefCell,
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use flate2::bufread::MultiGzDecoder;
use rustix::fs::FileType;
use serde::{Deserialize, de::IgnoredAny};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    ELEMENT_MAX, ELEMENTS_MAX, Item, Notes, Parsed, Unreadable, chatgpt, claude, loose,
    loose::Plain,
    mend::mend,
    openwebui, own,
    split::{Broken, Element, Splitter},
    tree::{self, Node, Ordered},
    zip,
};
use crate::{
    api::Fault,
    services::attachments,
    store::vault::{
        conversations::UNTITLED,
        portable::{Feedback, Incoming, IncomingFolder},
    },
};

/// What may come out of a compressed file before the ratio is looked at.
const FREE: u64 = 64 * 1024 * 1024;
/// So many times more than went in is no text that people write: deflate itself ends at 1032.
const RATIO: u64 = 300;
/// What comes out of one file at the most.
const OUT_MAX: u64 = 64 * 1024 * 1024 * 1024;
/// What goes into one transaction: each waits for the disk once, and a lost one is done again.
const BATCH_BYTES: usize = 1024 * 1024;
const BATCH_ITEMS: usize = 200;
/// Things that are no conversations are named one by one up to this many.
const NAMED_MAX: u64 = 10_000;

/// Longest id of another program that is kept as it is, bytes.
const EXTERNAL_ID_MAX: usize = 200;

/// What the reading thread tells and hears.
#[derive(Debug)]
pub(super) struct Way {
    /// As many at once as one transaction is to take.
    pub(super) items: mpsc::Sender<Vec<Item>>,
    pub(super) waiting: RefCell<Waiting>,
    /// Bytes of the file that have been read.
    pub(super) read: Arc<AtomicU64>,
    pub(super) stop: CancellationToken,
    pub(super) now: i64,
}

/// What has been read and not been sent yet.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    items: Vec<Item>,
    bytes: usize,
}

impl Way {
    pub(super) fn send(&self, item: Item) -> Result<(), Stop> {
        let mut waiting = self.waiting.borrow_mut();
        waiting.bytes += item.size();
        waiting.items.push(item);
        if waiting.bytes < BATCH_BYTES && waiting.items.len() < BATCH_ITEMS {
            return Ok(());
        }
        drop(waiting);
        self.flush()
    }

    /// Sends what is waiting.
    pub(super) fn flush(&self) -> Result<(), Stop> {
        let waiting = self.waiting.take();
        if waiting.items.is_empty() {
            return Ok(());
        }
        self.items.blocking_send(waiting.items).map_err(|_| Stop::Cancelled)
    }
}

/// What has been read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Whose file it is.
    pub(super) from: Option<&'static str>,
    /// What was skipped without being named one by one.
    pub(super) unnamed: u64,
    pub(super) elements: u64,
}

/// Why reading ended before the end.
#[derive(Debug)]
pub(super) enum Stop {
    Cancelled,
    /// What was read until then counts.
    Broken(String),
    /// It is not read at all.
    Refused(Fault),
}

/// Opens what a person named: a regular file, at once.
pub fn open_file(path: &Path) -> Result<(File, u64), Fault> {
    let name = path.display();
    let refuse = |why: &str| Fault::invalid(format!("{name} cannot be imported: {why}."));
    let file = attachments::open(path).map_err(|error| {
        if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
            return refuse("it is a symbolic link").hint("Name the file itself.");
        }
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidFilename => {
                Fault::new(crate::api::FaultKind::NotFound, format!("There is no file {name}.")).hint("Check the path.")
            }
            io::ErrorKind::PermissionDenied => Fault::invalid(format!("{name} may not be read by you.")),
            kind => refuse(&kind.to_string()),
        }
    })?;
    let stat = rustix::fs::fstat(&file).map_err(|error| refuse(&io::Error::from(error).to_string()))?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok((file, u64::try_from(stat.st_size).unwrap_or(0))),
        FileType::Directory => Err(refuse("it is a directory").hint("Name the file in it.")),
        FileType::Fifo => Err(refuse("it is a pipe").hint("Write its output to a file first.")),
        FileType::Socket
        | FileType::CharacterDevice
        | FileType::BlockDevice
        | FileType::Symlink
        | FileType::Unknown => Err(refuse("it is not a regular file")),
    }
}

/// A file that counts what is read of it, and that ends when it shall stop.
struct Counted<R> {
    from: R,
    read: Arc<AtomicU64>,
    stop: CancellationToken,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.is_cancelled() {
            return Err(io::Error::other("stopped"));
        }
        let count = self.from.read(buffer)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

impl<R: Seek> Seek for Counted<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.from.seek(to)
    }
}

const BOMB: &str = "it unpacks to far more than a history of conversations can be";

/// What comes out of something compressed, as long as it is in proportion to what went in.
struct Measured<R> {
    from: R,
    out: u64,
    read: Arc<AtomicU64>,
    began: u64,
}

impl<R: Read> Measured<R> {
    fn new(from: R, read: &Arc<AtomicU64>) -> Self {
        Self { from, out: 0, read: Arc::clone(read), began: read.load(Ordering::Relaxed) }
    }
}

impl<R: Read> Read for Measured<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(buffer)?;
        self.out += count as u64;
        let went_in = self.read.load(Ordering::Relaxed).saturating_sub(self.began).max(1);
        if self.out > OUT_MAX || (self.out > FREE && self.out / went_in > RATIO) {
            return Err(io::Error::new(io::ErrorKind::QuotaExceeded, BOMB));
        }
        Ok(count)
    }
}

/// Why reading failed, in words.
pub(super) fn stopped(error: &io::Error, way: &Way) -> Stop {
    if way.stop.is_cancelled() {
        return Stop::Cancelled;
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof => cut(way),
        io::ErrorKind::QuotaExceeded => Stop::Broken(format!("{BOMB}; reading ended there.")),
        _ => Stop::Broken(format!("It cannot be read on at byte {}: {error}.", way.read.load(Ordering::Relaxed))),
    }
}

pub(super) fn cut(way: &Way) -> Stop {
    Stop::Broken(format!("The file ends in the middle, after {} bytes.", way.read.load(Ordering::Relaxed)))
}

/// Reads the whole file. What it is, its bytes tell.
pub(super) fn read(file: File, way: &Way) -> (Seen, Result<(), Stop>) {
    let mut seen = Seen::default();
    let counted = Counted { from: file, read: Arc::clone(&way.read), stop: way.stop.clone() };
    let mut buffered = BufReader::with_capacity(64 * 1024, counted);
    let done = begin(&mut buffered).map_err(|error| stopped(&error, way)).and_then(|head| {
        if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
            read_zip(buffered, way, &mut seen)
        } else if head.starts_with(&[0x1F, 0x8B]) {
            let unpacked = Measured::new(MultiGzDecoder::new(buffered), &way.read);
            read_plain(BufReader::with_capacity(64 * 1024, unpacked), way, &mut seen)
        } else {
            read_plain(buffered, way, &mut seen)
        }
    });
    let nothing = seen.from.is_none() && done.is_ok();
    if nothing {
        return (seen, Err(Stop::Refused(unknown())));
    }
    (seen, done)
}

fn unknown() -> Fault {
    Fault::invalid("There are no conversations in this file that this program can read.").hint(
        "It reads its own archives, chats of Open WebUI, and the exports of ChatGPT and Claude, as conversations.json or \
         as the zip that it came in.",
    )
}

/// The first bytes, as far as they are there.
fn begin(from: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let buffer = from.fill_buf()?;
    Ok(buffer[..buffer.len().min(512)].to_vec())
}

fn read_plain(mut from: impl BufRead, way: &Way, seen: &mut Seen) -> Result<(), Stop> {
    let head = begin(&mut from).map_err(|error| stopped(&error, way))?;
    if head.get(257..262) == Some(b"ustar") {
        seen.from = Some("OllamaNet");
        return own::read(from, way, seen);
    }
    if head.is_empty() {
        return Err(Stop::Refused(Fault::invalid("The file is empty.").hint("Export it there once more.")));
    }
    if head.starts_with(b"SQLite format 3\0") {
        return Err(Stop::Refused(
            Fault::invalid("This is a database of another program, which is not read by this version.")
                .hint("Export its conversations as JSON there."),
        ));
    }
    read_json(from, way, seen)
}

fn read_zip(mut file: BufReader<Counted<File>>, way: &Way, seen: &mut Seen) -> Result<(), Stop> {
    let directory = zip::directory(&mut file).map_err(|error| stopped(&error, way))?;
    if directory.encrypted > 0 {
        return Err(Stop::Refused(
            Fault::invalid("The zip archive is encrypted.").hint("Unpack it and import what is in it."),
        ));
    }
    if directory.odd > 0 {
        let why = format!("{} links and names that lead out of the archive were not looked at.", directory.odd);
        way.send(Item::Skipped { title: "zip".to_owned(), why })?;
    }
    for member in &directory.members {
        let mut looked = Seen::default();
        let contents = zip::contents(&mut file, member).map_err(|error| stopped(&error, way))?;
        let unpacked = Measured::new(contents, &way.read);
        let mut from = BufReader::with_capacity(64 * 1024, unpacked);
        // Other files in such an archive are no conversations, so only those are read that begin like some.
        match looks_like_conversations(&mut from, way) {
            Ok(true) => {}
            Ok(false) => continue,
            Err(stop) => return Err(stop),
        }
        let done = read_json(from, way, &mut looked);
        seen.from = seen.from.or(looked.from);
        seen.unnamed += looked.unnamed;
        done?;
    }
    Ok(())
}

/// By the names that stand in its first bytes.
fn looks_like_conversations(from: &mut impl BufRead, way: &Way) -> Result<bool, Stop> {
    let buffer = from.fill_buf().map_err(|error| stopped(&error, way))?;
    let has = |name: &[u8]| memchr::memmem::find(buffer, name).is_some();
    Ok(has(b"\"mapping\"") || has(b"\"chat_messages\"") || has(b"\"history\"") || has(b"\"chat\""))
}

fn read_json(from: impl BufRead, way: &Way, seen: &mut Seen) -> Result<(), Stop> {
    let mut splitter = Splitter::new(from);
    loop {
        let element = match splitter.next() {
            Ok(Some(element)) => element,
            Ok(None) => return Ok(()),
            Err(Broken::Cut) => return Err(cut(way)),
            Err(Broken::Garbage) if seen.elements == 0 => return Err(Stop::Refused(unknown())),
            Err(Broken::Garbage) => {
                return Err(Stop::Broken(format!(
                    "After {} conversations comes something that is no JSON; reading ended there.",
                    seen.elements
                )));
            }
            Err(Broken::Io(error)) => return Err(stopped(&error, way)),
        };
        if way.stop.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        seen.elements += 1;
        if seen.elements > ELEMENTS_MAX {
            return Err(Stop::Broken(format!("Only the first {ELEMENTS_MAX} things in the file were read.")));
        }
        match understand(element, seen, way.now) {
            Ok(parsed) => {
                for document in parsed.documents {
                    way.send(Item::Document(Box::new(document)))?;
                }
                way.send(Item::Conversation(parsed.incoming, parsed.notes))?;
            }
            Err((title, why)) => {
                if seen.elements - seen.unnamed > NAMED_MAX {
                    seen.unnamed += 1;
                } else {
                    way.send(Item::Skipped { title, why })?;
                }
            }
        }
    }
}

/// What tells the kinds apart.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Probe {
    title: Plain,
    name: Plain,
    mapping: Option<IgnoredAny>,
    chat_messages: Option<IgnoredAny>,
    chat: Option<IgnoredAny>,
    history: Option<IgnoredAny>,
    models: Option<IgnoredAny>,
    messages: Option<IgnoredAny>,
}

/// How a conversation of one kind is read: its JSON, the digest of it, and the time it is now.
type Parse = fn(&str, [u8; 32], i64) -> Result<Parsed, Unreadable>;

/// One element as a conversation, or its title and why it is none.
fn understand(element: Element, seen: &mut Seen, now: i64) -> Result<Box<Parsed>, (String, Unreadable)> {
    let numbered = format!("No. {} in the file", seen.elements);
    let bytes = match element {
        Element::Json(bytes) => bytes,
        Element::TooLarge(bytes) => {
            let why = format!(
                "It takes {} MiB, and a conversation may take {}.",
                bytes.div_ceil(1024 * 1024),
                ELEMENT_MAX / 1024 / 1024
            );
            return Err((numbered, why));
        }
    };
    let digest: [u8; 32] = Sha256::digest(&bytes).into();
    let (text, replaced) = mend(bytes);
    let probe: Probe = serde_json::from_str(&text).map_err(|error| (numbered.clone(), why(&error)))?;
    let title = loose::title(probe.title.text()).or_else(|| loose::title(probe.name.text())).unwrap_or(numbered);
    let (from, parse): (_, Parse) = if probe.mapping.is_some() {
        ("ChatGPT", chatgpt::parse)
    } else if probe.chat_messages.is_some() {
        ("Claude", claude::parse)
    } else if probe.chat.is_some() || probe.history.is_some() || (probe.models.is_some() && probe.messages.is_some()) {
        ("Open WebUI", openwebui::parse)
    } else {
        return Err((title, "It is no conversation of a kind that this program reads.".to_owned()));
    };
    let mut parsed = parse(&text, digest, now).map_err(|why| (title.clone(), why))?;
    let used_at = parsed.incoming.updated_at.min(now);
    (parsed.incoming.used, parsed.incoming.used_at) = (used_at, used_at);
    seen.from = Some(from);
    if parsed.incoming.messages.is_empty() {
        return Err((title, "There is nothing in it.".to_owned()));
    }
    if replaced > 0 {
        parsed.notes.tell(format!("{replaced} characters that are no text were replaced by \u{FFFD}."));
    }
    Ok(Box::new(parsed))
}

/// What is wrong with a conversation's JSON, in words.
pub(super) fn why(error: &serde_json::Error) -> Unreadable {
    let told = error.to_string();
    if told.starts_with("recursion limit") {
        return "It is nested too deeply to be read.".to_owned();
    }
    if told.starts_with("it has more than") {
        let (first, _) = told.split_once(" at line").unwrap_or((&told, ""));
        return format!("{}{}.", first[..1].to_uppercase(), &first[1..]);
    }
    format!("It is not written as such files are: {told}.")
}

/// A conversation from messages in their order, with what the file says of it still to be set.
pub(super) fn parsed(
    source: &'static str,
    external_id: String,
    digest: [u8; 32],
    title: Option<String>,
    ordered: Ordered,
    began_at: i64,
    notes: Notes,
) -> Parsed {
    let Ordered { messages, head, ratings } = ordered;
    let updated_at = messages.iter().map(|message| message.created_at).max().unwrap_or(began_at);
    let feedback = ratings
        .into_iter()
        .filter_map(|(message, thumb, comment)| {
            let reasons = serde_json::value::RawValue::from_string("[]".to_owned()).ok()?;
            Some(Feedback { message, thumb, reasons, comment, created_at: updated_at, updated_at })
        })
        .collect();
    let incoming = Incoming {
        source,
        id: tree::id_of(source, &external_id, ""),
        external_id,
        digest,
        title_origin: if title.is_some() { "manual" } else { "none" },
        title: title.unwrap_or_else(|| UNTITLED.to_owned()),
        folder: IncomingFolder::None,
        tags: Vec::new(),
        pinned: false,
        archived_at: None,
        trashed_at: None,
        model: None,
        options: "{}".to_owned(),
        system_prompt: None,
        preset: None,
        head,
        used: updated_at,
        used_at: updated_at,
        created_at: began_at,
        updated_at,
        messages,
        notes: Vec::new(),
        feedback,
        summaries: Vec::new(),
        draft: None,
        imported: Vec::new(),
    };
    Parsed { incoming: Box::new(incoming), documents: Vec::new(), notes }
}

/// What a conversation is known by there: its own id, or that of its first message, or, without any, how it begins.
pub(super) fn external_id(given: Option<String>, first: Option<&Node>, title: Option<&str>, began_at: i64) -> String {
    let first_id = first.map(|node| node.id.clone()).filter(|id| !id.is_empty() && !id.starts_with('#'));
    if let Some(id) = given.or(first_id).filter(|id| id.len() <= EXTERNAL_ID_MAX) {
        return id;
    }
    let mut digest = Sha256::new();
    digest.update(title.unwrap_or_default());
    digest.update(began_at.to_le_bytes());
    if let Some(said) = first.and_then(|node| node.said.as_ref()) {
        digest.update(&said.content);
    }
    hex::encode(digest.finalize())
}
