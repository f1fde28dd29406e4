//! Checking a backup by restoring it: each file is copied into a scratch directory as a restore would, its bytes compared
//! with what the manifest says of them, and the copy opened and looked through where that can be done: the system database
//! always, a vault where its key is at hand.

use std::{
    fs::{self, File},
    io::{Read, Write},
    path::Path,
};

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    BackupError, Pace, Place, alone,
    copy::{known, open_to_read},
    make_directory,
    manifest::{Kept, Manifest, VERIFIED, open_file, write_whole},
    require_room,
};
use crate::{
    api::backup::{Doing, Verified},
    store::{
        StoreError, check, files,
        migrate::{SYSTEM, Schema, Standing, VAULT, things},
    },
};

pub(super) const SCRATCH: &str = ".verify";
/// SQLCipher's pages. A whole number of them is all that can be seen of a vault without its key.
const PAGE: u64 = 4096;

/// Looks through a copy of a vault with the key of the one who holds it; tells what is wrong.
pub type Opener = Box<dyn Fn(&Path) -> Result<Vec<String>, StoreError> + Send + Sync>;

/// Checks a backup and writes down in it when that was.
///
/// # Errors
/// `Foreign` and `Newer`, or when it cannot be read or the scratch directory not be written. Damage is no error but what
/// is looked for.
pub fn verify(
    place: &Place,
    directory: &Path,
    keys: &[(Uuid, Opener)],
    pace: &mut Pace<'_>,
    now_ms: i64,
) -> Result<Verified, BackupError> {
    let _alone = alone(&place.data, ".verify.lock")?;
    let scratch = place.data.join(SCRATCH);
    let found = look_through(directory, &scratch, keys, pace, now_ms);
    let _ = fs::remove_dir_all(&scratch);
    let found = found?;
    if let Ok(text) = serde_json::to_string(&found) {
        // A backup on a disk that cannot be written is checked all the same.
        if let Err(why) = write_whole(directory, VERIFIED, &text) {
            tracing::warn!(%why, "that a backup was checked could not be written down");
        }
    }
    Ok(found)
}

fn look_through(
    directory: &Path,
    scratch: &Path,
    keys: &[(Uuid, Opener)],
    pace: &mut Pace<'_>,
    now_ms: i64,
) -> Result<Verified, BackupError> {
    let mut found = Verified { at: now_ms, opened: 0, compared: 0, damage: Vec::new() };
    let manifest = match Manifest::read(directory) {
        Err(BackupError::Damaged { name, what }) => {
            found.damage.push([name, what].join(": "));
            return Ok(found);
        }
        other => other?,
    };
    refuse_newer(&manifest, &SYSTEM, &VAULT)?;
    let _ = fs::remove_dir_all(scratch);
    make_directory(scratch)?;
    pace.to = scratch.to_path_buf();
    require_room(scratch, manifest.files.iter().map(|kept| kept.bytes).max().unwrap_or(0))?;
    pace.begin(Doing::Checking, manifest.bytes());
    for kept in &manifest.files {
        pace.at(&kept.name)?;
        let copy = scratch.join("copy.db");
        for suffix in std::iter::once("").chain(files::COMPANIONS) {
            let _ = fs::remove_file(files::beside(&copy, suffix));
        }
        match restored(directory, kept, &copy, pace).and_then(|()| look_at(kept, &copy, &manifest, keys)) {
            Ok(How::Opened) => found.opened += u64::from(kept.vault.is_some()),
            Ok(How::Compared) => found.compared += 1,
            Err(BackupError::Damaged { name, what }) => found.damage.push([name, what].join(": ")),
            Err(why) => return Err(why),
        }
    }
    Ok(found)
}

/// How a file was checked.
pub(super) enum How {
    Opened,
    Compared,
}

/// Looks at a copy whose bytes are those of the manifest.
pub(super) fn look_at(
    kept: &Kept,
    copy: &Path,
    manifest: &Manifest,
    keys: &[(Uuid, Opener)],
) -> Result<How, BackupError> {
    let damaged = |what: String| BackupError::Damaged { name: kept.name.clone(), what };
    let Some(vault) = kept.vault else {
        soundness(copy, manifest)?;
        return Ok(How::Opened);
    };
    if kept.bytes == 0 || !kept.bytes.is_multiple_of(PAGE) {
        return Err(damaged("it is no whole number of pages".to_owned()));
    }
    let Some((_, open)) = keys.iter().find(|(whose, _)| *whose == vault) else { return Ok(How::Compared) };
    match open(copy) {
        Ok(found) if found.is_empty() => Ok(How::Opened),
        Ok(found) => Err(damaged(found.join("; "))),
        Err(why @ (StoreError::Unreadable(_) | StoreError::Damaged { .. } | StoreError::Emptied(_))) => {
            Err(damaged(why.to_string()))
        }
        Err(why) => Err(why.into()),
    }
}

/// Whether a system database is sound, ours, and fits the vaults that lie beside it.
pub(super) fn soundness(path: &Path, manifest: &Manifest) -> Result<(), BackupError> {
    let damaged = |what: String| BackupError::Damaged { name: "system.db".to_owned(), what };
    let conn = open_to_read(path)?;
    let standing = match SYSTEM.standing(&conn) {
        Err(StoreError::Damaged { .. }) => return Err(damaged("it is no database any more".to_owned())),
        other => other?,
    };
    let is_current = match standing {
        Standing::Current => true,
        Standing::Older(_) => false,
        Standing::Newer(found) => {
            let found = u64::try_from(found).unwrap_or(u64::MAX);
            return Err(BackupError::Newer { what: "schema", found, known: SYSTEM.version() as u64 });
        }
        Standing::Empty | Standing::Foreign => return Err(BackupError::Foreign(path.to_path_buf())),
    };
    let found = check::all(&conn)?;
    if !found.is_empty() {
        return Err(damaged(found.join("; ")));
    }
    // An older one is looked at again when it has been upgraded.
    if !is_current {
        return Ok(());
    }
    if let Some(what) = SYSTEM.difference(&things(&conn)?)? {
        return Err(damaged(["it holds ", &what, ", which this program did not make"].concat()));
    }
    for (vault, known) in known(&conn)? {
        let is_there = manifest.files.iter().any(|kept| kept.vault == Some(vault));
        if known.has_key && !is_there && !manifest.left_out.iter().any(|left| left.account == known.account) {
            return Err(damaged(["the vault of ", &known.account, " is missing"].concat()));
        }
    }
    Ok(())
}

pub(super) fn refuse_newer(manifest: &Manifest, system: &Schema, vault: &Schema) -> Result<(), BackupError> {
    for (found, known) in
        [(manifest.system_schema, system.version() as u64), (manifest.vault_schema, vault.version() as u64)]
    {
        if found > known {
            return Err(BackupError::Newer { what: "schema", found, known });
        }
    }
    Ok(())
}

/// Copies one file out of a backup and compares what it read with the manifest.
pub(super) fn restored(directory: &Path, kept: &Kept, to: &Path, pace: &Pace<'_>) -> Result<(), BackupError> {
    let damaged = |what: &str| BackupError::Damaged { name: kept.name.clone(), what: what.to_owned() };
    let from = directory.join(&kept.name);
    let mut source = match open_file(&from) {
        Ok(file) => file,
        Err(why) if why.kind() == std::io::ErrorKind::Other => return Err(damaged(&why.to_string())),
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => return Err(damaged("it is missing")),
        Err(source) => return Err(BackupError::Place { at: from, source }),
    };
    files::create_closed(to)?;
    let mut copy = File::options().write(true).open(to).map_err(|why| pace.place(why))?;
    let (mut sum, mut bytes, mut piece) = (Sha256::new(), 0u64, vec![0; 1 << 20]);
    loop {
        let read = source.read(&mut piece).map_err(|source| BackupError::Place { at: from.clone(), source })?;
        if read == 0 {
            break;
        }
        bytes += read as u64;
        if bytes > kept.bytes {
            return Err(damaged("it is longer than it was"));
        }
        sum.update(&piece[..read]);
        copy.write_all(&piece[..read]).map_err(|why| pace.place(why))?;
        pace.moved(read as u64)?;
    }
    if bytes < kept.bytes {
        return Err(damaged("it is shorter than it was"));
    }
    if hex::encode(sum.finalize()) != kept.sha256 {
        return Err(damaged("its bytes are others than were written"));
    }
    copy.sync_all().map_err(|why| pace.place(why))
}
