//! Putting what was restored in the place of what is there, so that a kill at any moment leaves the old or the new.
//!
//! What is to come lies whole and checked in `.restore/new/`, on the same file system. `.restore/journal.json` says where it
//! stands: *ready* changes nothing yet, and is thrown away when its process has gone; *going* is finished, by whoever comes
//! next. Between the two lies one rename. Each step of the way can be done again: as long as a thing still lies in
//! `.restore/new/`, what is at its place is the old one and moves into the quarantine, with its log and shared memory
//! before it; and when it lies there no more, it has arrived.
//!
//! Nothing is deleted: the quarantine is listed, and goes when an administrator says so.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    BackupError, Place, alone, make_directory,
    manifest::{name_of, write_whole},
    undo,
};
use crate::{
    api::backup::SetAside,
    store::{StoreError, aside, files, system::process_began},
};

pub(super) const RESTORE: &str = ".restore";
const JOURNAL: &str = "journal.json";
const LOCK: &str = ".restore.lock";
pub(super) const QUARANTINE: &str = "quarantine";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Journal {
    phase: Phase,
    /// The process that made it ready.
    pid: u32,
    /// What moves, in this order: `vaults`, `system.db`, or one vault.
    items: Vec<String>,
    quarantine: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Phase {
    Ready,
    Going,
}

/// A restore that was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// Where what was there before lies now.
    pub quarantine: PathBuf,
}

/// The place where a restore is got ready, for one at a time.
pub(super) struct Workplace {
    data: PathBuf,
    _alone: fs::File,
}

impl Workplace {
    /// # Errors
    /// `AtWork` while another restore is being got ready or carried out.
    pub(super) fn open(data: &Path) -> Result<Self, BackupError> {
        let alone = alone(data, LOCK)?;
        finish_going(data, &|_| {})?;
        let _ = fs::remove_dir_all(data.join(RESTORE));
        make_directory(&new(data))?;
        Ok(Self { data: data.to_path_buf(), _alone: alone })
    }

    /// Where an item is to be put.
    pub(super) fn at(&self, item: &str) -> PathBuf {
        new(&self.data).join(item)
    }

    /// From here on only the swap is left.
    pub(super) fn ready(&self, items: Vec<String>, now_ms: i64) -> Result<(), BackupError> {
        let taken = |name: &String| self.data.join(QUARANTINE).join(name).exists();
        let quarantine = (1..=1000)
            .map(|number| if number == 1 { name_of(now_ms) } else { [name_of(now_ms), number.to_string()].join("-") })
            .find(|name| !taken(name))
            .unwrap_or_default();
        write_journal(&self.data, &Journal { phase: Phase::Ready, pid: std::process::id(), items, quarantine })
    }

    /// Carries out what is ready.
    pub(super) fn carry_out(&self) -> Result<Carried, BackupError> {
        let ready = read_journal(&self.data)?.ok_or_else(|| BackupError::AtWork(self.data.clone()))?;
        carry_out_alone(&self.data, ready, &|_| {})
    }

    /// Where what is there goes.
    pub(super) fn quarantine(&self) -> Result<String, BackupError> {
        let ready = read_journal(&self.data)?.ok_or_else(|| BackupError::AtWork(self.data.clone()))?;
        Ok(ready.quarantine)
    }

    pub(super) fn give_up(&self) {
        let _ = fs::remove_dir_all(self.data.join(RESTORE));
    }
}

fn new(data: &Path) -> PathBuf {
    data.join(RESTORE).join("new")
}

fn read_journal(data: &Path) -> Result<Option<Journal>, BackupError> {
    let at = data.join(RESTORE).join(JOURNAL);
    match fs::read_to_string(&at) {
        Ok(text) => Ok(serde_json::from_str(&text).ok()),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(BackupError::Place { at, source }),
    }
}

fn write_journal(data: &Path, journal: &Journal) -> Result<(), BackupError> {
    let at = data.join(RESTORE);
    let text = serde_json::to_string(journal)
        .map_err(|why| BackupError::Place { at: at.clone(), source: io::Error::other(why) })?;
    write_whole(&at, JOURNAL, &text)
}

/// Carries out what this process made ready, if it did. For when it has closed every database.
///
/// # Errors
/// `InUse` when others have open what is to go; then nothing was changed, and what was made ready is thrown away.
pub fn carry_out(data: &Path) -> Result<Option<Carried>, BackupError> {
    carry_out_telling(data, &|_| {})
}

pub(super) fn carry_out_telling(data: &Path, step: &dyn Fn(&str)) -> Result<Option<Carried>, BackupError> {
    let Some(journal) = read_journal(data)? else { return Ok(None) };
    if journal.phase != Phase::Ready || journal.pid != std::process::id() {
        return Ok(None);
    }
    let _alone = alone(data, LOCK)?;
    carry_out_alone(data, journal, step).map(Some)
}

/// For whoever has the lock.
fn carry_out_alone(data: &Path, mut journal: Journal, step: &dyn Fn(&str)) -> Result<Carried, BackupError> {
    let _gone = match keep_out(data, &journal) {
        Ok(locks) => locks,
        Err(why) => {
            let _ = fs::remove_dir_all(data.join(RESTORE));
            return Err(why);
        }
    };
    step("locked");
    journal.phase = Phase::Going;
    write_journal(data, &journal)?;
    step("going");
    finish(data, &journal, step)
}

/// Finishes a restore that was cut off, or throws away what was only got ready. To be called before anything is opened; a
/// look at one name where there is nothing to do.
///
/// # Errors
/// `AtWork` while another process is carrying one out.
pub fn finish_interrupted(data: &Path) -> Result<Option<Carried>, BackupError> {
    if !data.join(RESTORE).exists() {
        return Ok(None);
    }
    let lock = match alone(data, LOCK) {
        Ok(lock) => lock,
        // Somebody gets one ready, which concerns nobody yet.
        Err(BackupError::AtWork(_)) if read_journal(data)?.is_none_or(|found| found.phase == Phase::Ready) => {
            return Ok(None);
        }
        Err(why) => return Err(why),
    };
    let done = finish_going(data, &|_| {})?;
    // Its process has let go of the lock, closes its databases, and carries it out then.
    let is_waited_for =
        read_journal(data)?.is_some_and(|found| found.phase == Phase::Ready && process_began(found.pid).is_some());
    if done.is_none() && !is_waited_for {
        fs::remove_dir_all(data.join(RESTORE))
            .map_err(|source| BackupError::Place { at: data.to_path_buf(), source })?;
    }
    drop(lock);
    Ok(done)
}

/// For whoever has the lock.
fn finish_going(data: &Path, step: &dyn Fn(&str)) -> Result<Option<Carried>, BackupError> {
    match read_journal(data)? {
        Some(journal) if journal.phase == Phase::Going => {
            let _gone = keep_out(data, &journal)?;
            finish(data, &journal, step).map(Some)
        }
        Some(_) | None => Ok(None),
    }
}

/// Nobody has open what moves, and nobody opens it until these are dropped.
fn keep_out(data: &Path, journal: &Journal) -> Result<Vec<fs::File>, BackupError> {
    let locked = journal.items.iter().filter(|item| *item != "vaults");
    locked
        .map(|item| match aside::alone(&data.join(item)) {
            Err(StoreError::InUse(path)) => Err(BackupError::InUse(path)),
            other => Ok(other?),
        })
        .collect()
}

fn finish(data: &Path, journal: &Journal, step: &dyn Fn(&str)) -> Result<Carried, BackupError> {
    let quarantine = data.join(QUARANTINE).join(&journal.quarantine);
    for item in &journal.items {
        let (coming, here, aside) = (new(data).join(item), data.join(item), quarantine.join(item));
        if !coming.exists() {
            continue;
        }
        let above = aside.parent().unwrap_or(&quarantine);
        make_directory(above)?;
        files::sync_directory(above)?;
        // The database goes last: a log without its file is never left behind, and a file without its log neither.
        for suffix in files::COMPANIONS.into_iter().chain([""]) {
            moved(&files::beside(&here, suffix), &files::beside(&aside, suffix))?;
            step("set aside");
        }
        files::sync_directory(&aside)?;
        make_directory(here.parent().unwrap_or(data))?;
        moved(&coming, &here)?;
        files::sync_directory(&here)?;
        step("in place");
    }
    let place = |source| BackupError::Place { at: data.to_path_buf(), source };
    // The journal goes first: without it, what is left is only litter.
    fs::remove_file(data.join(RESTORE).join(JOURNAL)).map_err(place)?;
    step("done");
    fs::remove_dir_all(data.join(RESTORE)).map_err(place)?;
    files::sync_directory(&data.join(RESTORE))?;
    Ok(Carried { quarantine })
}

fn moved(from: &Path, to: &Path) -> Result<(), BackupError> {
    match fs::rename(from, to) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => {
            Err(BackupError::Place { at: to.to_path_buf(), source: why })
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// What restores moved aside, newest first.
///
/// # Errors
/// When it cannot be read.
pub fn quarantine(place: &Place) -> Result<Vec<SetAside>, BackupError> {
    let at = place.data.join(QUARANTINE);
    let entries = match fs::read_dir(&at) {
        Ok(entries) => entries,
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(BackupError::Place { at, source }),
    };
    let mut found: Vec<SetAside> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let path = entry.path();
            let (bytes, what) = (weight(&path), undo::what(place, &path));
            Some(SetAside { name: entry.file_name().into_string().ok()?, bytes, what, path })
        })
        .collect();
    found.sort_by(|one, other| other.name.cmp(&one.name));
    Ok(found)
}

fn weight(at: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(at) else { return fs::symlink_metadata(at).map_or(0, |found| found.len()) };
    entries.filter_map(Result::ok).map(|entry| weight(&entry.path())).sum()
}

/// Removes what one restore moved aside.
///
/// # Errors
/// `Missing` where there is nothing of that name; when it cannot be removed.
pub fn purge_quarantine(place: &Place, name: &str) -> Result<(), BackupError> {
    let _alone = alone(&place.data, LOCK)?;
    if !quarantine(place)?.iter().any(|set| set.name == name) {
        return Err(BackupError::Missing(name.to_owned()));
    }
    let at = place.data.join(QUARANTINE).join(name);
    fs::remove_dir_all(&at).map_err(|source| BackupError::Place { at, source })
}
