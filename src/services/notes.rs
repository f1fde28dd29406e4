//! Notes: checks what a person wrote, runs one transaction, and tells the person's other windows.
//!
//! Where a passage stands is the store's affair. Invariant: no note is empty or longer than `api` says.

use std::fmt::Write as _;

use super::{
    conversations::{check_limit, now, place},
    hub::Hub,
};
use crate::{
    access::{Caller, Member},
    api::{
        Fault, NoteId,
        chat::MessageRole,
        events::Changed,
        notes::{NOTE_MAX, NewNote, NewPassage, Note, NoteRow, NoteScope, QUOTE_MAX},
        organise::{Cursor, Page},
    },
    safe_text::SafeText,
    store::vault::notes,
};

/// Longest filter, characters.
const FILTER_MAX: usize = 400;

#[derive(Clone, Debug)]
pub struct Notes {
    hub: Hub,
}

impl Notes {
    #[must_use]
    pub fn new(hub: Hub) -> Self {
        Self { hub }
    }

    pub async fn list(
        &self,
        by: Caller<Member>,
        scope: NoteScope,
        filter: &str,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<NoteRow>, Fault> {
        check_limit(limit)?;
        let filter: String = filter.chars().take(FILTER_MAX).collect();
        let after = after.map(|cursor| place(&cursor)).transpose()?;
        let (rows, last) = by.vault.db.read(move |tx| notes::list(tx, scope, &filter, after, limit)).await?;
        Ok(Page { rows, next: last.map(|seq| Cursor(seq.to_string())) })
    }

    /// Each note as a piece of a Markdown file: heading, passage as a quotation, text.
    pub async fn as_markdown(
        &self,
        by: Caller<Member>,
        scope: NoteScope,
        filter: &str,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<String>, Fault> {
        let page = self.list(by, scope, filter, after, limit).await?;
        Ok(Page { rows: page.rows.iter().map(markdown).collect(), next: page.next })
    }

    pub async fn add(&self, by: Caller<Member>, new: NewNote) -> Result<Note, Fault> {
        let new = NewNote { body: checked(&new.body)?, ..new };
        if let Some(NewPassage::Quote(quote)) = &new.passage
            && quote.len() > QUOTE_MAX
        {
            return Err(Fault::invalid(format!("A passage has at most {} KiB.", QUOTE_MAX / 1024)));
        }
        let note = by.vault.db.write(move |tx| notes::add(tx, &new, now())).await?;
        self.hub.changed(by.account, Changed::Conversation(note.conversation));
        Ok(note)
    }

    pub async fn change(&self, by: Caller<Member>, id: NoteId, body: &str, seen: Option<u32>) -> Result<Note, Fault> {
        let body = checked(body)?;
        let note = by.vault.db.write(move |tx| notes::change(tx, id, &body, seen, now())).await?;
        self.hub.changed(by.account, Changed::Conversation(note.conversation));
        Ok(note)
    }

    pub async fn delete(&self, by: Caller<Member>, id: NoteId, seen: Option<u32>) -> Result<Note, Fault> {
        let note = by.vault.db.write(move |tx| notes::delete(tx, id, seen)).await?;
        self.hub.changed(by.account, Changed::Conversation(note.conversation));
        Ok(note)
    }
}

fn markdown(row: &NoteRow) -> String {
    let note = &row.note;
    let on = match (note.message, row.role) {
        (None, _) => "the conversation",
        (Some(_), Some(MessageRole::User)) => "your message",
        (Some(_), Some(MessageRole::Assistant)) => "the answer",
        (Some(_), Some(MessageRole::System | MessageRole::Tool) | None) => "a message",
    };
    let at = jiff::Timestamp::from_millisecond(note.created_at).map(|at| at.to_string()).unwrap_or_default();
    let mut text = format!("## {}\n\n*Note on {on}, {at}*\n", SafeText::line(&row.title));
    if let Some(passage) = &note.passage {
        text.push('\n');
        for line in SafeText::new(&passage.quote).as_str().lines() {
            let _ = writeln!(text, "> {line}");
        }
    }
    let _ = write!(text, "\n{}\n\n", SafeText::new(&note.body));
    text
}

/// A note as it is kept: as it was written, without empty lines around it.
fn checked(body: &str) -> Result<String, Fault> {
    let body = body.trim_end().trim_start_matches(['\n', '\r']);
    if body.trim().is_empty() {
        return Err(Fault::invalid("A note cannot be empty.").hint("To remove it, delete it."));
    }
    if body.len() > NOTE_MAX {
        return Err(Fault::invalid(format!(
            "A note has at most {} KiB, and this one has {}.",
            NOTE_MAX / 1024,
            body.len().div_ceil(1024)
        )));
    }
    Ok(body.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::FaultKind;

    #[test]
    fn a_note_says_something_and_ends_somewhere() {
        assert_eq!(checked("\n  indented\nlast \n\n").unwrap(), "  indented\nlast");
        assert_eq!(checked(&"x".repeat(NOTE_MAX)).unwrap().len(), NOTE_MAX);
        for bad in ["", " \n\t", &"x".repeat(NOTE_MAX + 1)] {
            assert_eq!(checked(bad).unwrap_err().kind, FaultKind::Invalid, "{}", bad.len());
        }
    }
}
