//! This program's own archives: a tar with the lines of `store::vault::portable`, and the files that went with messages.
//!
//! Each line is checked as if a stranger had written it, since one may have. Nothing is unpacked to a disk; the names in
//! the archive only say what a file is.

use std::{
    collections::{HashMap, HashSet},
    io::{self, BufRead, BufReader, Read},
    path::{Component, Path},
};

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    Item, MESSAGES_MAX, Notes, TEXT_MAX, loose,
    source::{Seen, Stop, Way, cut, stopped},
};
use crate::{
    api::{
        Fault, FaultKind,
        chat::{AttachmentKind, MessageRole, MessageState},
        organise::{FOLDER_MAX, SYSTEM_PROMPT_MAX, TITLE_MAX},
    },
    extract,
    safe_text::count_hidden,
    services::attachments,
    store::vault::{
        conversations::UNTITLED,
        documents::NewDocument,
        portable::{
            Conversation, Incoming, IncomingFolder, IncomingMessage, IncomingTag, Line, Message, OWN, Shelves, VERSION,
        },
        weight::{IMAGE, weigh},
    },
};

/// The directory in which everything lies.
pub const ROOT: &str = "ollamanet-export";
/// Longest line, bytes. A message and its thinking stand on one.
const LINE_MAX: u64 = 8 * TEXT_MAX as u64;
/// What all lines of one conversation may take, bytes.
const CONVERSATION_MAX: usize = 256 * 1024 * 1024;
/// Most folders, tags, presets and so on.
const SHELVES_MAX: usize = 200_000;
/// Largest file that went with a message, bytes.
const FILE_MAX: u64 = 64 * 1024 * 1024;
/// Longest file name, characters.
const FILE_NAME_MAX: usize = 255;
/// What belongs to something that does not fit any more is passed over up to its end.
const TOO_LARGE: &str = "It is larger than a conversation may be.";

pub(super) fn read(from: impl Read, way: &Way, seen: &mut Seen) -> Result<(), Stop> {
    let mut archive = tar::Archive::new(from);
    let mut lines = Lines::default();
    // Raw: long names would be read into memory first, and archives of this program have none.
    let entries = archive.entries().map_err(|error| stopped(&error, way))?.raw(true);
    for entry in entries {
        let entry = entry.map_err(|error| stopped(&error, way))?;
        let name = proper_name(&entry).ok_or_else(odd)?;
        if name.starts_with("vault/") {
            lines.read(entry, way, seen)?;
        } else if let Some(file) = name.strip_prefix("attachments/") {
            document(file, entry, way)?;
        }
        if lines.ended {
            break;
        }
    }
    if lines.ended { Ok(()) } else { Err(cut(way)) }
}

fn odd() -> Stop {
    Stop::Refused(
        Fault::invalid("This archive holds links, or names that lead out of it, and is not read.")
            .hint("Archives that this program writes hold neither; ask whoever made it."),
    )
}

/// The name below the root, if it is one of a regular file that this program could have written.
fn proper_name<R: Read>(entry: &tar::Entry<'_, R>) -> Option<String> {
    if entry.header().entry_type() != tar::EntryType::Regular {
        return None;
    }
    let path = entry.path_bytes();
    let path = std::str::from_utf8(&path).ok()?;
    let normal = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    let inside = path.strip_prefix(ROOT)?.strip_prefix('/')?;
    (normal && !inside.contains(['\\', '\0'])).then(|| inside.to_owned())
}

/// A file that went with messages: known by its digest, taken for what its bytes say.
fn document(name: &str, entry: impl Read, way: &Way) -> Result<(), Stop> {
    let stem = name.split('.').next().unwrap_or_default();
    let mut body = Vec::new();
    entry.take(FILE_MAX + 1).read_to_end(&mut body).map_err(|error| stopped(&error, way))?;
    let skipped = |why: &str| Item::Skipped { title: format!("attachments/{name}"), why: why.to_owned() };
    let sha256: [u8; 32] = Sha256::digest(&body).into();
    if body.len() as u64 > FILE_MAX {
        return way.send(skipped("The file is larger than one that goes with a message may be."));
    }
    if hex::encode(sha256) != stem {
        return way.send(skipped("The file is not the one that its name says; it was changed or damaged."));
    }
    let kind = infer::get(&body).map(|kind| kind.mime_type());
    let measured = |text: &str| (u32::try_from(count_hidden(text)).unwrap_or(u32::MAX), weigh(text));
    let (kind, text, (hidden, weight)) = match (kind, std::str::from_utf8(&body), extract::kind_of(&body)) {
        (Some("image/png" | "image/jpeg" | "image/gif" | "image/webp"), _, _) => {
            (AttachmentKind::Image, None, (0, IMAGE))
        }
        // What is read of it is taken out of it anew, so that nobody can make a document say something else.
        (_, _, Some(document)) => match extract::text(document, &body, FILE_MAX as usize) {
            Ok(text) => (attachments::kind_of(document), Some(text.clone()), measured(&text)),
            Err(refusal) => return way.send(skipped(&format!("The file was left out: {refusal}."))),
        },
        (_, Ok(text), None) if !text.contains('\0') => (AttachmentKind::Text, None, measured(text)),
        (_, _, None) => return way.send(skipped("The file is neither text nor an image.")),
    };
    way.send(Item::Document(Box::new(NewDocument { name: name.to_owned(), kind, sha256, hidden, text, body, weight })))
}

#[derive(Default)]
struct Lines {
    begun: bool,
    ended: bool,
    shelves: Shelves,
    shelved: usize,
    open: Option<Open>,
}

/// A conversation whose lines are still coming.
struct Open {
    conversation: Conversation,
    incoming: Incoming,
    by_id: HashMap<Uuid, usize>,
    chosen: Vec<Option<Uuid>>,
    digest: Sha256,
    bytes: usize,
    /// Messages that came.
    lines: u64,
    notes: Notes,
    unreadable: Option<String>,
}

impl Lines {
    fn read(&mut self, part: impl Read, way: &Way, seen: &mut Seen) -> Result<(), Stop> {
        let mut from = BufReader::with_capacity(64 * 1024, part);
        let mut line = Vec::new();
        loop {
            line.clear();
            let count =
                (&mut from).take(LINE_MAX).read_until(b'\n', &mut line).map_err(|error| stopped(&error, way))?;
            if count == 0 {
                return Ok(());
            }
            if line.last() != Some(&b'\n') {
                if count as u64 == LINE_MAX {
                    skip_line(&mut from).map_err(|error| stopped(&error, way))?;
                }
                self.unreadable("A line of it is longer than any may be.", way)?;
                continue;
            }
            self.take(&line, way, seen)?;
            if self.ended {
                return Ok(());
            }
        }
    }

    fn take(&mut self, line: &[u8], way: &Way, seen: &mut Seen) -> Result<(), Stop> {
        let parsed = match serde_json::from_slice::<Line>(line) {
            Ok(parsed) => parsed,
            // A newer program of the same format may add kinds of lines.
            Err(error) if error.to_string().starts_with("unknown variant") && self.begun => return Ok(()),
            Err(error) => return self.unreadable(&super::source::why(&error), way),
        };
        if !self.begun {
            let Line::Format(format) = &parsed else { return Err(Stop::Refused(not_ours())) };
            if format.name != OWN {
                return Err(Stop::Refused(not_ours()));
            }
            if format.version > VERSION {
                let newer = format!(
                    "This archive was written by a newer version of OllamaNet (format {}; this one knows {VERSION}).",
                    format.version
                );
                return Err(Stop::Refused(Fault::new(FaultKind::Store, newer).hint("Update ollamanet.")));
            }
            self.begun = true;
            return Ok(());
        }
        match parsed {
            Line::Format(_) => {}
            Line::Preset(mut preset) => {
                preset.model = loose::model(preset.model.take());
                preset.system_prompt = prompt(preset.system_prompt.take());
                preset.name = shelf_name(&preset.name);
                (preset.created_at, preset.updated_at) =
                    (moment(preset.created_at, way), moment(preset.updated_at, way));
                self.shelve(way, |shelves| shelves.presets.push(preset))?;
            }
            Line::PromptTemplate(mut template) => {
                template.name = shelf_name(&template.name);
                template.created_at = moment(template.created_at, way);
                template.updated_at = moment(template.updated_at, way);
                self.shelve(way, |shelves| shelves.templates.push(template))?;
            }
            Line::Folder(mut folder) => {
                folder.name = shelf_name(&folder.name);
                (folder.created_at, folder.updated_at) =
                    (moment(folder.created_at, way), moment(folder.updated_at, way));
                self.shelve(way, |shelves| shelves.folders.push(folder))?;
            }
            Line::Tag(mut tag) => {
                tag.name = shelf_name(&tag.name);
                self.shelve(way, |shelves| shelves.tags.push(tag))?;
            }
            Line::Setting(mut setting) => {
                setting.updated_at = moment(setting.updated_at, way);
                self.shelve(way, |shelves| shelves.settings.push(setting))?;
            }
            Line::Conversation(conversation) => {
                self.give_up(way)?;
                self.flush(way)?;
                seen.elements += 1;
                let mut open = Open::new(*conversation, way);
                open.feed(line);
                self.open = Some(open);
            }
            Line::ConversationEnd(end) => {
                let Some(open) = self.open.take() else { return Ok(()) };
                let item = open.close(end.messages);
                way.send(item)?;
            }
            Line::Draft(mut draft) => {
                draft.updated_at = moment(draft.updated_at, way);
                match &mut self.open {
                    Some(open) => open.incoming.draft = Some(draft),
                    None => self.shelves.draft = Some(draft),
                }
            }
            Line::End(_) => {
                self.give_up(way)?;
                self.flush(way)?;
                self.ended = true;
            }
            Line::Message(_) | Line::Note(_) | Line::Feedback(_) | Line::Summary(_) => {
                if let Some(open) = &mut self.open {
                    open.feed(line);
                    open.take(parsed, way);
                }
            }
        }
        Ok(())
    }

    fn shelve(&mut self, way: &Way, put: impl FnOnce(&mut Shelves)) -> Result<(), Stop> {
        self.shelved += 1;
        if self.shelved > SHELVES_MAX {
            return Err(Stop::Broken(format!("It holds more than {SHELVES_MAX} folders, tags and the like.")));
        }
        put(&mut self.shelves);
        // Not all of very many at once.
        if self.shelves.len() >= SHELVES_MAX { self.flush(way) } else { Ok(()) }
    }

    fn flush(&mut self, way: &Way) -> Result<(), Stop> {
        let shelves = std::mem::take(&mut self.shelves);
        if shelves.is_empty() { Ok(()) } else { way.send(Item::Shelves(Box::new(shelves))) }
    }

    /// A conversation that did not come to its end.
    fn give_up(&mut self, way: &Way) -> Result<(), Stop> {
        let Some(open) = self.open.take() else { return Ok(()) };
        way.send(Item::Skipped { title: open.incoming.title, why: "Its end is missing in the file.".to_owned() })
    }

    fn unreadable(&mut self, why: &str, way: &Way) -> Result<(), Stop> {
        if !self.begun {
            return Err(Stop::Refused(not_ours()));
        }
        match &mut self.open {
            Some(open) => {
                open.unreadable.get_or_insert_with(|| why.to_owned());
                Ok(())
            }
            None => way.send(Item::Skipped { title: "A line of the archive".to_owned(), why: why.to_owned() }),
        }
    }
}

fn not_ours() -> Fault {
    Fault::invalid("This archive was not written by this program.")
        .hint("It reads the archives that its own export writes.")
}

fn skip_line(from: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = from.fill_buf()?;
        if buffer.is_empty() {
            return Ok(());
        }
        let end = memchr::memchr(b'\n', buffer);
        let taken = end.map_or(buffer.len(), |end| end + 1);
        from.consume(taken);
        if end.is_some() {
            return Ok(());
        }
    }
}

/// A time that can be one, or now.
fn moment(ms: i64, way: &Way) -> i64 {
    if loose::is_moment(ms) { ms } else { way.now }
}

/// A name as this program gives them stays as it is; whatever else stands there becomes a line of bounded length.
fn line_of(text: &str, longest: usize, otherwise: &str) -> String {
    if !text.trim().is_empty() && !text.chars().any(char::is_control) && text.chars().count() <= longest {
        return text.to_owned();
    }
    loose::name(text, longest).unwrap_or_else(|| otherwise.to_owned())
}

fn shelf_name(text: &str) -> String {
    line_of(text, FOLDER_MAX, "without a name")
}

fn prompt(text: Option<String>) -> Option<String> {
    text.filter(|text| text.len() <= SYSTEM_PROMPT_MAX)
}

impl Open {
    fn new(mut there: Conversation, way: &Way) -> Self {
        let title_origin = match there.title_origin.as_str() {
            "none" => "none",
            "prompt" => "prompt",
            "model" => "model",
            _ => "manual",
        };
        let incoming = Incoming {
            source: OWN,
            external_id: there.id.to_string(),
            digest: [0; 32],
            id: there.id,
            title: line_of(&there.title, TITLE_MAX, UNTITLED),
            title_origin,
            folder: there.folder.map_or(IncomingFolder::None, IncomingFolder::Of),
            tags: there.tags.drain(..).map(IncomingTag::Of).collect(),
            pinned: there.pinned,
            archived_at: there.archived_at.map(|at| moment(at, way)),
            trashed_at: there.trashed_at.map(|at| moment(at, way)),
            model: loose::model(there.model.take()),
            options: there.options.get().to_owned(),
            system_prompt: prompt(there.system_prompt.take()),
            preset: there.preset,
            head: None,
            used: there.used,
            used_at: moment(there.used_at, way).min(way.now),
            created_at: moment(there.created_at, way),
            updated_at: moment(there.updated_at, way),
            messages: Vec::new(),
            notes: Vec::new(),
            feedback: Vec::new(),
            summaries: Vec::new(),
            draft: None,
            imported: std::mem::take(&mut there.imported),
        };
        Self {
            conversation: there,
            incoming,
            by_id: HashMap::new(),
            chosen: Vec::new(),
            digest: Sha256::new(),
            bytes: 0,
            lines: 0,
            notes: Notes::default(),
            unreadable: None,
        }
    }

    fn feed(&mut self, line: &[u8]) {
        self.digest.update(line);
        self.bytes += line.len();
        if self.bytes > CONVERSATION_MAX || self.incoming.messages.len() > MESSAGES_MAX {
            self.unreadable.get_or_insert_with(|| TOO_LARGE.to_owned());
        }
        if self.unreadable.is_some() {
            // It is not taken in, so nothing of it is kept.
            self.incoming.messages = Vec::new();
            self.by_id = HashMap::new();
        }
    }

    fn take(&mut self, line: Line, way: &Way) {
        if self.unreadable.is_some() {
            return;
        }
        match line {
            Line::Message(message) => self.message(*message, way),
            Line::Note(mut note) => {
                (note.created_at, note.updated_at) = (moment(note.created_at, way), moment(note.updated_at, way));
                self.incoming.notes.push(note);
            }
            Line::Feedback(mut feedback) => {
                feedback.created_at = moment(feedback.created_at, way);
                feedback.updated_at = moment(feedback.updated_at, way);
                self.incoming.feedback.push(feedback);
            }
            Line::Summary(mut summary) => {
                summary.created_at = moment(summary.created_at, way);
                self.incoming.summaries.push(summary);
            }
            Line::Format(_)
            | Line::Preset(_)
            | Line::PromptTemplate(_)
            | Line::Folder(_)
            | Line::Tag(_)
            | Line::Setting(_)
            | Line::Conversation(_)
            | Line::Draft(_)
            | Line::ConversationEnd(_)
            | Line::End(_) => {}
        }
    }

    fn message(&mut self, there: Message, way: &Way) {
        self.lines += 1;
        let at = self.incoming.messages.len();
        if self.by_id.contains_key(&there.id) {
            self.notes.tell("Two messages have the same id; the first was taken.");
            return;
        }
        let parent = there.parent.and_then(|parent| self.by_id.get(&parent).copied());
        if parent.is_none() && there.parent.is_some() {
            self.notes.tell("A message hangs from one that is not there; it begins a branch.");
        }
        let (role, content) = match there.role.as_str() {
            "system" => (MessageRole::System, there.content),
            "user" => (MessageRole::User, there.content),
            "assistant" => (MessageRole::Assistant, there.content),
            "tool" => (MessageRole::Tool, there.content),
            other => super::tree::role(Some(other), there.content, &mut self.notes),
        };
        let state = match there.state.as_str() {
            "done" => MessageState::Done,
            "length" => MessageState::Length,
            "stopped" => MessageState::Stopped,
            "failed" => MessageState::Failed,
            // Nobody is writing it any more.
            _ => MessageState::Interrupted,
        };
        let mut attachments = there.attachments;
        for attached in &mut attachments {
            attached.name = line_of(&attached.name, FILE_NAME_MAX, "file");
        }
        self.by_id.insert(there.id, at);
        // A branch in the trash is whole: its first message goes with itself, and each below with its parent.
        let above = parent.and_then(|parent| self.incoming.messages[parent].pruned);
        let begins = there.pruned_at.filter(|_| there.pruned_with == Some(there.id));
        let pruned = match (begins, above) {
            (Some(since), _) => Some((moment(since, way), at)),
            (None, above) => above,
        };
        self.chosen.push(there.chosen);
        self.incoming.messages.push(IncomingMessage {
            id: there.id,
            parent,
            chosen: None,
            role,
            state,
            model: loose::model(there.model),
            content,
            thinking: there.thinking,
            tool_calls: there.tool_calls.map(|calls| calls.get().to_owned()),
            attachments,
            excluded: there.excluded,
            pinned: there.pinned,
            pruned,
            error: there.error,
            error_kind: there.error_kind.map(|kind| kind.get().to_owned()),
            figures: there.figures,
            created_at: moment(there.created_at, way),
            ended_at: there.ended_at.map(|at| moment(at, way)),
        });
    }

    fn close(self, count: u64) -> Item {
        let Self { conversation, mut incoming, by_id, chosen, digest, lines, notes, unreadable, .. } = self;
        let title = incoming.title.clone();
        if let Some(why) = unreadable {
            return Item::Skipped { title, why };
        }
        if lines != count {
            return Item::Skipped { title, why: "Some of its messages are missing in the file.".to_owned() };
        }
        incoming.head = conversation.head.and_then(|head| by_id.get(&head).copied());
        while let Some(head) = incoming.head.filter(|head| incoming.messages[*head].pruned.is_some()) {
            incoming.head = incoming.messages[head].parent;
        }
        for (at, chosen) in chosen.into_iter().enumerate() {
            let chosen = chosen.and_then(|chosen| by_id.get(&chosen).copied());
            incoming.messages[at].chosen = chosen.filter(|chosen| incoming.messages[*chosen].parent == Some(at));
        }
        let mut seen = HashSet::new();
        incoming.tags.retain(|tag| match tag {
            IncomingTag::Of(id) => seen.insert(*id),
            IncomingTag::Named(_) => true,
        });
        incoming.digest = digest.finalize().into();
        Item::Conversation(Box::new(incoming), notes)
    }
}
