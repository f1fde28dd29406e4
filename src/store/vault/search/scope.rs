//! Which conversations and messages may be looked through: the filters, asked of the tables once, before the index is.

use std::collections::{HashMap, HashSet};

use rusqlite::{OptionalExtension, Params, named_params};

use super::{Archived, Filters, Named, Rated, Source};
use crate::{
    api::chat::MessageRole,
    store::{StoreError, Tx, While, vault::fold::filter_key},
};

/// Messages of a small part of the history are listed first and then looked for, instead of the other way round.
const FEW: i64 = 30_000;

/// What is left of the history.
#[derive(Debug)]
pub(super) struct Scope<'a> {
    pub(super) filters: &'a Filters,
    /// Only these conversations.
    inside: Option<HashSet<i64>>,
    outside: HashSet<i64>,
    /// Only these messages.
    only: Option<HashSet<i64>>,
    /// Names of models, as `filter_key` gives them, that were already looked at.
    models: Vec<Named>,
}

impl<'a> Scope<'a> {
    /// `None` where nothing can be left, though the filters make sense.
    pub(super) fn new(tx: &Tx<'_>, filters: &'a Filters) -> Result<Option<Self>, StoreError> {
        let mut scope = Self {
            filters,
            inside: None,
            outside: HashSet::new(),
            only: None,
            models: filters.models.iter().map(|named| Named { name: filter_key(&named.name), ..*named }).collect(),
        };
        let trashed = "SELECT seq FROM conversations WHERE trashed_at IS NOT NULL";
        if filters.in_trash {
            scope.keep(seqs(tx, trashed, [])?);
        } else {
            scope.outside.extend(seqs(tx, trashed, [])?);
        }
        let archived = "SELECT seq FROM conversations WHERE archived_at IS NOT NULL AND trashed_at IS NULL";
        match filters.archived {
            Some(Archived::Not) => scope.outside.extend(seqs(tx, archived, [])?),
            Some(Archived::Only) => scope.keep(seqs(tx, archived, [])?),
            Some(Archived::Too) | None => {}
        }
        if !filters.folders.is_empty() {
            scope.in_folders(tx)?;
        }
        if !filters.tags.is_empty() {
            scope.with_tags(tx)?;
        }
        if filters.has_note {
            scope.only_these(seqs(tx, "SELECT DISTINCT message FROM notes WHERE message IS NOT NULL", [])?);
        }
        if filters.has_file {
            scope.only_these(seqs(tx, "SELECT DISTINCT message FROM attachments", [])?);
        }
        match filters.rated {
            Some(Rated::Any) => scope.only_these(seqs(tx, "SELECT message FROM feedback", [])?),
            Some(Rated::Up) => scope.only_these(seqs(tx, "SELECT message FROM feedback WHERE thumb = 1", [])?),
            Some(Rated::Down) => scope.only_these(seqs(tx, "SELECT message FROM feedback WHERE thumb = -1", [])?),
            None => {}
        }
        let is_empty = |set: &Option<HashSet<i64>>| set.as_ref().is_some_and(HashSet::is_empty);
        if is_empty(&scope.inside) || is_empty(&scope.only) {
            return Ok(None);
        }
        scope.list_few(tx)?;
        Ok(Some(scope))
    }

    pub(super) fn has_conversation(&self, conversation: i64) -> bool {
        !self.outside.contains(&conversation)
            && self.inside.as_ref().is_none_or(|inside| inside.contains(&conversation))
    }

    /// The one question that can be answered without reading the message.
    pub(super) fn may_have_message(&self, message: i64) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(&message))
    }

    pub(super) fn has_time(&self, at: i64) -> bool {
        self.filters.since.is_none_or(|since| at >= since) && self.filters.until.is_none_or(|until| at < until)
    }

    pub(super) fn has_role(&self, role: MessageRole) -> bool {
        self.filters.role.is_none_or(|wanted| wanted == role)
    }

    pub(super) fn has_model(&self, model: Option<&str>) -> bool {
        if self.models.is_empty() {
            return true;
        }
        let key = filter_key(model.unwrap_or_default());
        let holds = |named: &&Named| key.contains(&named.name);
        let mut wanted = self.models.iter().filter(|named| !named.is_not).peekable();
        let is_wanted = wanted.peek().is_none() || wanted.any(|named| holds(&named));
        is_wanted && !self.models.iter().filter(|named| named.is_not).any(|named| holds(&named))
    }

    /// Whether hits of this kind can be left: what the filters ask of a message, a title cannot have.
    pub(super) fn has_source(&self, source: Source) -> bool {
        if let Some(place) = self.filters.place {
            return place == source;
        }
        let asks_for_messages = self.filters.role.is_some()
            || self.filters.rated.is_some()
            || self.filters.has_note
            || self.filters.has_file
            || !self.models.is_empty();
        match source {
            Source::Messages | Source::Notes | Source::Files => true,
            Source::Titles => !asks_for_messages,
        }
    }

    fn keep(&mut self, these: impl IntoIterator<Item = i64>) {
        let these: HashSet<i64> = these.into_iter().collect();
        self.inside = Some(match self.inside.take() {
            Some(inside) => &inside & &these,
            None => these,
        });
    }

    fn only_these(&mut self, these: impl IntoIterator<Item = i64>) {
        let these: HashSet<i64> = these.into_iter().collect();
        self.only = Some(match self.only.take() {
            Some(only) => &only & &these,
            None => these,
        });
    }

    fn in_folders(&mut self, tx: &Tx<'_>) -> Result<(), StoreError> {
        let paths = folder_paths(tx)?;
        for named in &self.filters.folders.clone() {
            let key = filter_key(named.name.trim_matches('/'));
            let within: Vec<i64> = paths.iter().filter(|(_, path)| path.contains(&key)).map(|(seq, _)| *seq).collect();
            if within.is_empty() {
                let names = paths.values().map(|path| path.rsplit('/').next().unwrap_or(path));
                return Err(unknown("folder", &named.name, names));
            }
            let mut these = Vec::new();
            for folder in within {
                these.extend(seqs(
                    tx,
                    "SELECT seq FROM conversations WHERE folder = :folder",
                    named_params! { ":folder": folder },
                )?);
            }
            self.keep_or_not(named, these);
        }
        Ok(())
    }

    fn with_tags(&mut self, tx: &Tx<'_>) -> Result<(), StoreError> {
        let tags: Vec<(i64, String)> = tx
            .prepare_cached("SELECT seq, name FROM tags")
            .and_then(|mut select| select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect())
            .while_("searching")?;
        for named in &self.filters.tags.clone() {
            let key = filter_key(&named.name);
            let fitting: Vec<i64> =
                tags.iter().filter(|(_, name)| filter_key(name).contains(&key)).map(|(seq, _)| *seq).collect();
            if fitting.is_empty() {
                return Err(unknown("tag", &named.name, tags.iter().map(|(_, name)| name.as_str())));
            }
            let mut these = Vec::new();
            for tag in fitting {
                these.extend(seqs(
                    tx,
                    "SELECT conversation FROM conversation_tags WHERE tag = :tag",
                    named_params! { ":tag": tag },
                )?);
            }
            self.keep_or_not(named, these);
        }
        Ok(())
    }

    fn keep_or_not(&mut self, named: &Named, these: Vec<i64>) {
        if named.is_not {
            self.outside.extend(these);
        } else {
            self.keep(these);
        }
    }

    /// Lists the messages of few conversations, so that a common word need not be read up in each message of the others.
    fn list_few(&mut self, tx: &Tx<'_>) -> Result<(), StoreError> {
        let Some(inside) = &self.inside else { return Ok(()) };
        if self.only.is_some() || inside.len() as i64 > FEW {
            return Ok(());
        }
        let mut sum = 0;
        for conversation in inside {
            sum += tx
                .prepare_cached("SELECT messages FROM conversations WHERE seq = :seq")
                .and_then(|mut find| {
                    find.query_row(named_params! { ":seq": conversation }, |row| row.get::<_, i64>(0)).optional()
                })
                .while_("searching")?
                .unwrap_or_default();
            if sum > FEW {
                return Ok(());
            }
        }
        let mut only = HashSet::with_capacity(sum.unsigned_abs() as usize);
        for conversation in inside {
            only.extend(seqs(
                tx,
                "SELECT seq FROM messages WHERE conversation = :conversation",
                named_params! { ":conversation": conversation },
            )?);
        }
        self.only = Some(only);
        Ok(())
    }
}

fn seqs(tx: &Tx<'_>, sql: &str, params: impl Params) -> Result<Vec<i64>, StoreError> {
    tx.prepare_cached(sql)
        .and_then(|mut select| select.query_map(params, |row| row.get(0))?.collect())
        .while_("searching")
}

/// Every folder's names from the top down, as they are compared.
fn folder_paths(tx: &Tx<'_>) -> Result<HashMap<i64, String>, StoreError> {
    let folders: HashMap<i64, (Option<i64>, String)> = tx
        .prepare_cached("SELECT seq, parent, name FROM folders")
        .and_then(|mut select| select.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?.collect())
        .while_("searching")?;
    let path = |seq: i64| {
        let mut names = Vec::new();
        let mut next = Some(seq);
        // No path is longer than there are folders.
        while let Some((parent, name)) = next.filter(|_| names.len() <= folders.len()).and_then(|seq| folders.get(&seq))
        {
            names.push(filter_key(name));
            next = *parent;
        }
        names.reverse();
        names.join("/")
    };
    Ok(folders.keys().map(|seq| (*seq, path(*seq))).collect())
}

/// Says that there is none of this name, and which one is nearest.
fn unknown<'a>(what: &str, name: &str, others: impl Iterator<Item = &'a str>) -> StoreError {
    let key = filter_key(name);
    let near = |other: &str| strsim::jaro_winkler(&filter_key(other), &key);
    let nearest = others.map(|other| (near(other), other)).max_by(|one, other| one.0.total_cmp(&other.0));
    StoreError::Invalid(match nearest {
        Some((nearness, other)) if nearness > 0.6 => {
            format!("No {what} is called “{name}”; the nearest is “{other}”.")
        }
        Some(_) => format!("No {what} is called “{name}”."),
        None => format!("No {what} is called “{name}”: there are none yet."),
    })
}
