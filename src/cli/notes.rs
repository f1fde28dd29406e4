//! `ollamanet notes`: looking through them, writing and removing them, taking them out.

use std::{
    fmt::Write as _,
    io::{IsTerminal as _, Read as _},
};

use serde_json::json;

use super::{
    Desk, End,
    audit::Target,
    find,
    notes_args::{Notes, Where},
    out::{moment, print, print_json, safe, safe_lines, say},
};
use crate::api::{
    ConversationId, Fault, FaultKind, MessageId, amount,
    auth::Session,
    chat::{Message, MessageRole},
    notes::{Anchor, NOTE_MAX, NewNote, NewPassage, Note, NoteRow, NoteScope},
    organise::{PAGE_MAX, Shelf},
};

const EVERYWHERE: &[Shelf] = &[Shelf::Recent, Shelf::Archive, Shelf::Trash];
/// Shorter pieces of an id are not taken.
const SHORTEST: usize = 4;

/// # Errors
/// How it ended, when not well.
pub async fn run(desk: &Desk, what: Notes) -> Result<(), End> {
    let session = desk.session().await?;
    let gateway = &desk.gateway;
    match what {
        Notes::List { filter, of, paging } => {
            let scope = scope(desk, &session, &of).await?;
            let (rows, more) =
                read(desk, &session, scope, filter.as_deref().unwrap_or_default(), paging.most()).await?;
            list(desk, &rows, filter.is_some())?;
            if more {
                say("There are more: --limit N, or --all.");
            }
            Ok(())
        }
        Notes::Add { text, conversation, message, quote } => {
            let conversation = find::conversation(desk, &session, &conversation, EVERYWHERE).await?.id;
            let message = match (message, &quote) {
                (Some(which), _) => Some(find_message(desk, &session, conversation, &which).await?),
                (None, Some(words)) => Some(message_that_says(desk, &session, conversation, words).await?),
                (None, None) => None,
            };
            let body = typed(text).await?;
            let new = NewNote { conversation, message, passage: quote.map(NewPassage::Quote), body };
            let note = gateway.add_note(&session, new).await?;
            done(desk, &note, "Noted")
        }
        Notes::Edit { note, text } => {
            let note = find_note(desk, &session, &note).await?;
            let body = typed(text).await?;
            let changed = gateway.change_note(&session, note.id, &body, Some(note.rev)).await?;
            done(desk, &changed, "Changed")
        }
        Notes::Delete { notes } => {
            // All of them are found before any is removed.
            let mut found = Vec::new();
            for which in &notes {
                found.push(find_note(desk, &session, which).await?);
            }
            let mut gone = Vec::new();
            for note in found {
                if gone.iter().all(|known: &Note| known.id != note.id) {
                    gone.push(gateway.delete_note(&session, note.id, Some(note.rev)).await?);
                }
            }
            if desk.global.json {
                return print_json(&gone);
            }
            gone.iter().try_for_each(|note| done(desk, note, "Deleted"))
        }
        Notes::Export { file, filter, of } => {
            let scope = scope(desk, &session, &of).await?;
            let filter = filter.unwrap_or_default();
            let mut target = Target::open(&file)?;
            let mut written = 0;
            let mut after = None;
            loop {
                let page = gateway.notes_as_markdown(&session, scope, &filter, after, PAGE_MAX).await?;
                for note in &page.rows {
                    target.write(&safe_lines(note))?;
                    written += 1;
                }
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            let Some(path) = target.finish()? else { return Ok(()) };
            if desk.global.json {
                return print_json(&json!({ "path": path, "notes": written }));
            }
            print(&format!("{}: {}\n", safe(&path.to_string_lossy()), amount::many(written, "note")))
        }
    }
}

async fn scope(desk: &Desk, session: &Session, of: &Where) -> Result<NoteScope, Fault> {
    let Some(which) = &of.conversation else { return Ok(NoteScope::Everything) };
    let conversation = find::conversation(desk, session, which, EVERYWHERE).await?.id;
    Ok(match &of.message {
        Some(message) => NoteScope::Message(conversation, find_message(desk, session, conversation, message).await?),
        None => NoteScope::Conversation(conversation),
    })
}

/// At most so many notes, and whether there are more.
async fn read(
    desk: &Desk,
    session: &Session,
    scope: NoteScope,
    filter: &str,
    most: usize,
) -> Result<(Vec<NoteRow>, bool), Fault> {
    let mut rows = Vec::new();
    let mut after = None;
    loop {
        let wanted = most.saturating_sub(rows.len()).min(PAGE_MAX as usize) as u32;
        let page = desk.gateway.notes(session, scope, filter, after, wanted).await?;
        rows.extend(page.rows);
        after = page.next;
        if after.is_none() || rows.len() >= most {
            return Ok((rows, after.is_some()));
        }
    }
}

fn list(desk: &Desk, rows: &[NoteRow], is_filtered: bool) -> Result<(), End> {
    if desk.global.json {
        return print_json(&rows);
    }
    if rows.is_empty() {
        say(if is_filtered {
            "No note contains that."
        } else {
            "There is no note here yet. Write one: ollamanet notes add \"…\" --quote \"the passage\""
        });
        return Ok(());
    }
    let mut text = String::new();
    for row in rows {
        let note = &row.note;
        let on = match (note.message, row.role) {
            (None, _) => "on the conversation",
            (Some(_), Some(MessageRole::User)) => "on your message",
            (Some(_), Some(MessageRole::Assistant)) => "on the answer",
            (Some(_), Some(MessageRole::System | MessageRole::Tool) | None) => "on a message",
        };
        let trashed = if row.trashed { " · in the trash" } else { "" };
        let (id, at, title) = (find::short(note.id), moment(note.created_at), safe(&row.title));
        let _ = writeln!(text, "{id}  {at} · {on} · {title}{trashed}");
        if let Some(passage) = &note.passage {
            let changed = match passage.anchor {
                Anchor::InPlace | Anchor::Moved => "",
                Anchor::Changed => " (the passage has changed)",
            };
            let _ = writeln!(text, "  > {}{changed}", safe(&passage.quote));
        }
        for line in safe_lines(&note.body).lines() {
            let _ = writeln!(text, "  {line}");
        }
    }
    print(&text)
}

fn done(desk: &Desk, note: &Note, what: &str) -> Result<(), End> {
    if desk.global.json {
        return print_json(note);
    }
    let first = note.body.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    print(&format!("{what} ({}): {}\n", find::short(note.id), safe(first.trim())))
}

/// The text given, or what comes on standard input.
async fn typed(text: Option<String>) -> Result<String, Fault> {
    if let Some(text) = text.filter(|text| text != "-") {
        return Ok(text);
    }
    if std::io::stdin().is_terminal() {
        return Err(
            Fault::invalid("There is nothing to note.").hint("Give the text in quotation marks, or on standard input.")
        );
    }
    let read = tokio::task::spawn_blocking(|| {
        let mut bytes = Vec::new();
        // One more byte than a note may have lets the service say so.
        std::io::stdin().lock().take(NOTE_MAX as u64 + 1).read_to_end(&mut bytes).map(|_| bytes)
    });
    let bytes = match read.await {
        Ok(Ok(bytes)) => bytes,
        // A closed standard input is an empty one.
        Ok(Err(_)) | Err(_) => Vec::new(),
    };
    String::from_utf8(bytes).map_err(|_| Fault::invalid("Standard input is not UTF-8 text."))
}

/// A message on the branch on view by its id or a piece of it; `last` is the last answer.
pub(super) async fn find_message(
    desk: &Desk,
    session: &Session,
    conversation: ConversationId,
    which: &str,
) -> Result<MessageId, Fault> {
    let which = which.trim().to_lowercase();
    if let Ok(id) = which.parse::<MessageId>() {
        return Ok(id);
    }
    if which == "last" {
        let found = first_that(desk, session, conversation, |message| message.role == MessageRole::Assistant).await?;
        return found
            .map(|message| message.id)
            .ok_or_else(|| Fault::new(FaultKind::NotFound, "There is no answer in this conversation yet."));
    }
    let is_piece = |message: &Message| {
        let id = message.id.to_string();
        which.len() >= SHORTEST && (id.starts_with(&which) || id.ends_with(&which))
    };
    let found = first_that(desk, session, conversation, is_piece).await?;
    found.map(|message| message.id).ok_or_else(|| {
        Fault::new(FaultKind::NotFound, format!("There is no message “{}” on the branch on view.", safe(&which)))
            .hint("`ollamanet conversations show … --json` shows their ids.")
    })
}

/// The newest message on the branch on view that holds these words.
async fn message_that_says(
    desk: &Desk,
    session: &Session,
    conversation: ConversationId,
    words: &str,
) -> Result<MessageId, Fault> {
    let found = first_that(desk, session, conversation, |message| message.content.contains(words)).await?;
    found.map(|message| message.id).ok_or_else(|| {
        Fault::invalid("No message on the branch on view says that.").hint("Copy the words as they stand in its text.")
    })
}

/// From the newest message upwards.
async fn first_that(
    desk: &Desk,
    session: &Session,
    conversation: ConversationId,
    is_it: impl Fn(&Message) -> bool,
) -> Result<Option<Message>, Fault> {
    let mut page = desk.gateway.open_conversation(session, conversation, PAGE_MAX).await?.page;
    loop {
        if let Some(found) = page.messages.iter().rev().find(|message| is_it(message)) {
            return Ok(Some(found.clone()));
        }
        let Some(oldest) = page.messages.first().filter(|_| page.has_older).map(|message| message.id) else {
            return Ok(None);
        };
        page = desk.gateway.older_messages(session, conversation, oldest, PAGE_MAX).await?;
    }
}

/// The one note that `which` means.
async fn find_note(desk: &Desk, session: &Session, which: &str) -> Result<Note, Fault> {
    let which = which.trim().to_lowercase();
    let (rows, _) = read(desk, session, NoteScope::Everything, "", usize::MAX).await?;
    let is_it = |note: &Note| {
        let id = note.id.to_string();
        id == which || which.len() >= SHORTEST && (id.starts_with(&which) || id.ends_with(&which))
    };
    let mut found: Vec<Note> = rows.into_iter().map(|row| row.note).filter(|note| is_it(note)).collect();
    match found.len() {
        0 => Err(Fault::new(FaultKind::NotFound, format!("There is no note “{}”.", safe(&which)))
            .hint("`ollamanet notes list` shows what there is.")),
        1 => Ok(found.swap_remove(0)),
        count => Err(Fault::invalid(format!("“{}” may be {count} notes.", safe(&which))).hint("Give more of its id.")),
    }
}
