//! What a restore moved aside, as something that can be put back like a backup: nothing was written down about it, so its
//! files tell what it is, and are copied with what their logs still hold.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

use rusqlite::Connection;
use uuid::Uuid;

use super::{
    BackupError, Pace, Place,
    copy::{Known, copy_vault, known, open_to_read, system},
    manifest::{Kept, Manifest, made_at_of, vault_name},
    swap::QUARANTINE,
};
use crate::{
    api::backup::{MadeBy, MovedAside},
    store::{
        While, files,
        migrate::{SYSTEM, VAULT},
    },
};

/// Whether this directory is what a restore here moved aside.
fn is_aside(place: &Place, directory: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).ok();
    let (above, quarantine) = (directory.parent().and_then(real), real(&place.data.join(QUARANTINE)));
    above.is_some() && above == quarantine && directory.is_dir()
}

/// The vaults that lie in it.
fn vaults(directory: &Path) -> Vec<Uuid> {
    let entries = fs::read_dir(directory.join("vaults")).into_iter().flatten().flatten();
    let mut found: Vec<Uuid> = entries
        .filter_map(|entry| {
            let path = entry.path();
            let is_database = path.extension().is_some_and(|ending| ending == "db");
            path.file_stem()?.to_str()?.parse().ok().filter(|_| is_database)
        })
        .collect();
    found.sort_unstable();
    found
}

/// Whose vaults those are: by the system database that lies beside them, else by the one in use.
fn whose(place: &Place, directory: &Path) -> Result<std::collections::BTreeMap<Uuid, Known>, BackupError> {
    let beside = directory.join("system.db");
    known(&open_to_read(&if beside.exists() { beside } else { place.system_db() })?)
}

/// What it is of, for a list.
pub(super) fn what(place: &Place, directory: &Path) -> MovedAside {
    if directory.join("system.db").exists() {
        return MovedAside::Everything;
    }
    let known = whose(place, directory).unwrap_or_default();
    let name = vaults(directory).into_iter().find_map(|vault| known.get(&vault).map(|known| known.account.clone()));
    name.map_or(MovedAside::Nobodys, MovedAside::VaultOf)
}

/// Its manifest, which nobody has written; `None` where the directory is not of the quarantine. What its files hold is only
/// known once they were copied.
pub(super) fn manifest(place: &Place, directory: &Path) -> Option<Manifest> {
    if !is_aside(place, directory) {
        return None;
    }
    let name = directory.file_name().unwrap_or_default().to_string_lossy();
    let mut manifest = Manifest::new(made_at_of(&name), MadeBy::Person, (SYSTEM.version(), VAULT.version()));
    // One that does not open is named when it is looked at.
    let whose = whose(place, directory).unwrap_or_default();
    let kept = |name: String, vault: Option<(Uuid, Option<String>)>| {
        let path = directory.join(&name);
        let sizes = [files::beside(&path, "-wal"), path].into_iter().filter_map(|path| fs::metadata(path).ok());
        let bytes = sizes.map(|found| found.len()).sum();
        let (vault, account) = vault.map_or((None, None), |(vault, account)| (Some(vault), account));
        Kept { name, bytes, sha256: String::new(), vault, account }
    };
    if directory.join("system.db").exists() {
        manifest.files.push(kept("system.db".to_owned(), None));
    }
    for vault in vaults(directory) {
        let account = whose.get(&vault).map(|known| known.account.clone());
        manifest.files.push(kept(vault_name(vault), Some((vault, account))));
    }
    Some(manifest)
}

/// Copies one of its files, with what is in its log, and says how large it is then.
pub(super) fn copied(
    place: &Place,
    directory: &Path,
    kept: &Kept,
    to: &Path,
    pace: &Pace<'_>,
) -> Result<u64, BackupError> {
    let from = directory.join(&kept.name);
    match kept.vault {
        Some(_) => copy_vault(&from, to, place.cautious, pace)?,
        None => system(&from, to, pace)?,
    }
    Ok(fs::metadata(to).map_err(|why| pace.place(why))?.len())
}

/// Refuses everything of another installation: none of the accounts that are here is in it. Where nobody is here, or what is
/// here cannot be read any more, whatever comes is welcome.
pub(super) fn refuse_another_house(place: &Place, coming: &Path, from: &Path) -> Result<(), BackupError> {
    let ids = |conn: &Connection| -> Result<HashSet<Uuid>, BackupError> {
        let mut select = conn.prepare("SELECT id FROM accounts").while_("comparing accounts")?;
        let rows = select.query_map([], |row| row.get(0)).while_("comparing accounts")?;
        Ok(rows.collect::<Result<_, _>>().while_("comparing accounts")?)
    };
    let here: PathBuf = place.system_db();
    if !here.exists() {
        return Ok(());
    }
    let Ok(here) = open_to_read(&here).and_then(|conn| ids(&conn)) else { return Ok(()) };
    let there = ids(&open_to_read(coming)?)?;
    if here.is_empty() || !here.is_disjoint(&there) {
        return Ok(());
    }
    Err(BackupError::AnotherHouse(from.to_path_buf()))
}
