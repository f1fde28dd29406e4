//! What a backup says of itself: one line of JSON and the SHA-256 of that line, so that damage to it shows too. Whoever can
//! write to the place of the backups can write another one: it is there against bad disks, not against people.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{BackupError, Place, alone, placed};
use crate::{
    api::backup::{Backup, LeftOut, MadeBy, Verified},
    store::files,
};

pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const VERIFIED: &str = "verified.json";
pub(super) const LOCK: &str = ".lock";
/// What every manifest of ours begins with.
const KIND: &str = "ollamanet backup";
pub(super) const FORMAT: u64 = 1;
/// The largest manifest: some hundred bytes for each vault.
const MOST: u64 = 64 * 1024 * 1024;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub kind: String,
    pub format: u64,
    pub made_at: i64,
    pub made_by: MadeBy,
    /// The version of the program.
    pub program: String,
    pub system_schema: u64,
    /// The highest that a vault in here can have.
    pub vault_schema: u64,
    pub accounts: u64,
    pub files: Vec<Kept>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
}

/// One file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub name: String,
    pub bytes: u64,
    pub sha256: String,
    /// Whose vault it is. `None` = the system database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vault: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

impl Manifest {
    pub fn new(made_at: i64, made_by: MadeBy, schemas: (usize, usize)) -> Self {
        Self {
            kind: KIND.to_owned(),
            format: FORMAT,
            made_at,
            made_by,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            system_schema: schemas.0 as u64,
            vault_schema: schemas.1 as u64,
            accounts: 0,
            files: Vec::new(),
            left_out: Vec::new(),
        }
    }

    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|kept| kept.bytes).sum()
    }

    /// Reads and checks it; what it tells of is not looked at.
    pub fn read(directory: &Path) -> Result<Self, BackupError> {
        let at = directory.join(MANIFEST);
        let mut text = String::new();
        match open_file(&at) {
            Ok(file) => file
                .take(MOST)
                .read_to_string(&mut text)
                .map_err(|why| damaged(format!("it cannot be read ({})", why.kind())))?,
            Err(why) if why.kind() == io::ErrorKind::NotFound => {
                return Err(BackupError::Foreign(directory.to_path_buf()));
            }
            Err(why) if why.kind() == io::ErrorKind::Other => return Err(damaged(why.to_string())),
            Err(source) => return Err(BackupError::Place { at, source }),
        };
        // Two lines, each with its end.
        let Some((line, sum)) = text.strip_suffix('\n').and_then(|text| text.split_once('\n')) else {
            return Err(damaged("it is cut off".to_owned()));
        };
        // Before its sum: another program's file has none.
        let told: serde_json::Value =
            serde_json::from_str(line).map_err(|_| damaged("it makes no sense".to_owned()))?;
        if told["kind"] != KIND {
            return Err(BackupError::Foreign(directory.to_path_buf()));
        }
        if hex::encode(Sha256::digest(line.as_bytes())) != sum {
            return Err(damaged("its sum does not fit".to_owned()));
        }
        let found = told["format"].as_u64().unwrap_or(u64::MAX);
        if found > FORMAT {
            return Err(BackupError::Newer { what: "format", found, known: FORMAT });
        }
        let manifest: Self = serde_json::from_value(told).map_err(|_| damaged("it makes no sense".to_owned()))?;
        // A name is joined to a path.
        let is_ours = |kept: &Kept| match kept.vault {
            None => kept.name == "system.db",
            Some(vault) => kept.name == vault_name(vault),
        };
        if !manifest.files.iter().all(is_ours) || !manifest.files.iter().any(|kept| kept.vault.is_none()) {
            return Err(damaged("it names files that no backup has".to_owned()));
        }
        Ok(manifest)
    }

    pub fn write(&self, directory: &Path) -> Result<(), BackupError> {
        let place = |source| BackupError::Place { at: directory.to_path_buf(), source };
        let line = serde_json::to_string(self).map_err(|why| place(io::Error::other(why)))?;
        let sum = hex::encode(Sha256::digest(line.as_bytes()));
        write_whole(directory, MANIFEST, &[&line, "\n", &sum, "\n"].concat())
    }
}

pub(super) fn vault_name(vault: Uuid) -> String {
    ["vaults/", &vault.to_string(), ".db"].concat()
}

/// A small file, whole or not at all.
pub(super) fn write_whole(directory: &Path, name: &str, text: &str) -> Result<(), BackupError> {
    let place = |source| BackupError::Place { at: directory.join(name), source };
    let unfinished = directory.join([".", name, ".tmp"].concat());
    let _ = fs::remove_file(&unfinished);
    files::create_closed(&unfinished).map_err(|why| placed(directory, why))?;
    let mut file = File::options().write(true).open(&unfinished).map_err(place)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(place)?;
    fs::rename(&unfinished, directory.join(name)).map_err(place)?;
    files::sync_directory(&directory.join(name)).map_err(|why| placed(directory, why))
}

fn damaged(what: String) -> BackupError {
    BackupError::Damaged { name: MANIFEST.to_owned(), what }
}

/// The name of a backup that is made now.
pub(super) fn name_of(now_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(now_ms).map(|at| at.strftime("%Y-%m-%dT%H%M%SZ").to_string()).unwrap_or_default()
}

/// Opens an ordinary file to read it. A pipe would be waited for, and is none.
pub(super) fn open_file(at: &Path) -> io::Result<File> {
    let nonblock = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = File::options().read(true).custom_flags(nonblock).open(at)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no ordinary file")) }
}

/// When that was, by the name alone.
pub(super) fn made_at_of(name: &str) -> i64 {
    jiff::civil::DateTime::strptime("%Y-%m-%dT%H%M%SZ", name.get(..18).unwrap_or_default())
        .and_then(|at| at.to_zoned(jiff::tz::TimeZone::UTC))
        .map_or(0, |at| at.timestamp().as_millisecond())
}

/// Whether a directory can be a backup by its name: the one above, perhaps with a number behind it.
fn is_name(name: &str) -> bool {
    let shape = "dddd-dd-ddTddddddZ";
    let (front, rest) = name.split_at_checked(shape.len()).unwrap_or(("", name));
    let fits = front.len() == shape.len()
        && front.chars().zip(shape.chars()).all(|(found, wanted)| match wanted {
            'd' => found.is_ascii_digit(),
            other => found == other,
        });
    let number = rest.strip_prefix('-');
    fits && (rest.is_empty() || number.is_some_and(|number| number.chars().all(|digit| digit.is_ascii_digit())))
}

/// The directory of a backup that is named.
///
/// # Errors
/// `Missing` where there is none.
pub fn look_up(place: &Place, name: &str) -> Result<PathBuf, BackupError> {
    let directory = place.backups.join(name);
    if is_name(name) && directory.is_dir() { Ok(directory) } else { Err(BackupError::Missing(name.to_owned())) }
}

/// Every backup, newest first; a damaged one says so.
///
/// # Errors
/// When the place cannot be read.
pub fn list(place: &Place) -> Result<Vec<Backup>, BackupError> {
    place.apart()?;
    let at = &place.backups;
    let failed = |source| BackupError::Place { at: at.clone(), source };
    let entries = match fs::read_dir(at) {
        Ok(entries) => entries,
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(why) => return Err(failed(why)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if is_name(&name) && entry.path().is_dir() {
            found.push(told(&entry.path(), name));
        }
    }
    found.sort_by(|one, other| (other.made_at, &other.name).cmp(&(one.made_at, &one.name)));
    Ok(found)
}

pub(super) fn told(directory: &Path, name: String) -> Backup {
    match Manifest::read(directory) {
        Ok(manifest) => Backup {
            name,
            made_at: manifest.made_at,
            made_by: manifest.made_by,
            bytes: manifest.bytes(),
            accounts: manifest.accounts,
            vaults: manifest.files.iter().filter(|kept| kept.vault.is_some()).count() as u64,
            program: manifest.program,
            left_out: manifest.left_out,
            verified: verified(directory),
            damage: None,
        },
        Err(why) => Backup {
            made_at: made_at_of(&name),
            name,
            made_by: MadeBy::Person,
            bytes: 0,
            accounts: 0,
            vaults: 0,
            program: String::new(),
            left_out: Vec::new(),
            verified: None,
            damage: Some(why.to_string()),
        },
    }
}

/// When it was last checked, and how.
fn verified(directory: &Path) -> Option<Verified> {
    serde_json::from_str(&fs::read_to_string(directory.join(VERIFIED)).ok()?).ok()
}

/// Removes a backup. It loses its name first, so that a removal that is cut off leaves none that looks whole.
///
/// # Errors
/// `Missing` where there is none; when it cannot be removed.
pub fn remove(place: &Place, name: &str) -> Result<(), BackupError> {
    let directory = look_up(place, name)?;
    let _alone = alone(&place.backups, LOCK)?;
    let going = place.backups.join([".", name, ".going"].concat());
    let failed = |source| BackupError::Place { at: place.backups.clone(), source };
    fs::rename(&directory, &going).map_err(failed)?;
    files::sync_directory(&directory)?;
    fs::remove_dir_all(&going).map_err(failed)
}

/// Removes what a backup or a removal left that was cut off. For whoever holds the lock.
pub(super) fn tidy(place: &Place) -> Result<(), BackupError> {
    let failed = |source| BackupError::Place { at: place.backups.clone(), source };
    for entry in fs::read_dir(&place.backups).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let ours = name.strip_prefix('.').and_then(|name| name.rsplit_once('.'));
        if ours.is_some_and(|(name, ending)| is_name(name) && matches!(ending, "unfinished" | "going")) {
            fs::remove_dir_all(entry.path()).map_err(failed)?;
        }
    }
    Ok(())
}
