//! Getting a restore ready: everything is copied beside what it is to replace, checked there, upgraded where it is older, and
//! signed out. Nothing that is in use is touched; `swap` does the rest.

use std::path::Path;

use rusqlite::named_params;
use uuid::Uuid;

use super::{
    BackupError, Opener, Pace, Place,
    copy::open_to_read,
    make_directory,
    manifest::{Kept, Manifest},
    require_room,
    swap::{Carried, Workplace},
    undo,
    verify::{look_at, refuse_newer, restored, soundness},
};
use crate::{
    api::{AccountId, backup::Doing},
    store::{
        StoreError, While, files,
        migrate::{SYSTEM, Schema, Standing, VAULT},
        open::{Target, connect},
        system::{Moment, accounts::name_key, audit},
    },
};

/// What is to be put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    Everything,
    /// The vault that the account of this name has now.
    Account(String),
}

/// A restore that is ready. As long as this is held, nobody else gets one ready.
pub struct Staged {
    workplace: Workplace,
}

impl Staged {
    /// Carries it out at once, while this process has other databases open than those that move.
    ///
    /// # Errors
    /// `InUse` when somebody has open what is to go; then nothing was changed.
    pub fn carry_out(self) -> Result<Carried, BackupError> {
        self.workplace.carry_out()
    }

    /// The name under which what is there now will be kept aside.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn quarantine(&self) -> Result<String, BackupError> {
        self.workplace.quarantine()
    }

    /// Nobody wants it any more: nothing of it is left.
    pub fn give_up(self) {
        self.workplace.give_up();
    }
}

/// Who asked for it, and when.
#[derive(Clone, Debug)]
pub struct Asked {
    pub by: Option<AccountId>,
    pub moment: Moment,
}

/// Gets a restore ready.
///
/// # Errors
/// `Damaged`, `Foreign`, `Newer`, `NotInIt`, `Another`, or what fails; then nothing of it is left.
pub fn stage(
    place: &Place,
    directory: &Path,
    wanted: &Wanted,
    keys: &[(Uuid, Opener)],
    asked: &Asked,
    pace: &mut Pace<'_>,
) -> Result<Staged, BackupError> {
    stage_with(place, directory, wanted, keys, asked, pace, (&SYSTEM, &VAULT))
}

pub(super) fn stage_with(
    place: &Place,
    directory: &Path,
    wanted: &Wanted,
    keys: &[(Uuid, Opener)],
    asked: &Asked,
    pace: &mut Pace<'_>,
    (system, vault): (&'static Schema, &'static Schema),
) -> Result<Staged, BackupError> {
    // What a restore moved aside has no manifest, and one of its own making is no backup that came from elsewhere.
    let (manifest, is_aside) = match undo::manifest(place, directory) {
        Some(manifest) => (manifest, true),
        None => (Manifest::read(directory)?, false),
    };
    refuse_newer(&manifest, system, vault)?;
    if *wanted == Wanted::Everything && manifest.files.iter().all(|kept| kept.vault.is_some()) {
        return Err(BackupError::VaultAlone(directory.to_path_buf()));
    }
    let kept = chosen(place, &manifest, wanted)?;
    let workplace = Workplace::open(&place.data)?;
    pace.to.clone_from(&place.data);
    let source = Source { directory, manifest: &manifest, is_aside };
    let filled = fill(&workplace, place, &source, &kept, keys, asked, pace, system);
    if filled.is_err() {
        workplace.give_up();
    }
    let items = filled?;
    workplace.ready(items, asked.moment.now)?;
    Ok(Staged { workplace })
}

/// What is put back.
struct Source<'a> {
    directory: &'a Path,
    manifest: &'a Manifest,
    /// A restore moved it aside here.
    is_aside: bool,
}

#[expect(clippy::too_many_arguments, reason = "the halves of one function, which is long enough")]
fn fill(
    workplace: &Workplace,
    place: &Place,
    source: &Source<'_>,
    wanted: &[Kept],
    keys: &[(Uuid, Opener)],
    asked: &Asked,
    pace: &Pace<'_>,
    schema: &'static Schema,
) -> Result<Vec<String>, BackupError> {
    let bytes = wanted.iter().map(|kept| kept.bytes).sum();
    require_room(&place.data, bytes)?;
    pace.begin(Doing::Restoring, bytes);
    make_directory(&workplace.at("vaults"))?;
    for kept in wanted {
        pace.at(&kept.name)?;
        let to = workplace.at(&kept.name);
        if source.is_aside {
            let bytes = undo::copied(place, source.directory, kept, &to, pace)?;
            look_at(&Kept { bytes, ..kept.clone() }, &to, source.manifest, keys)?;
        } else {
            restored(source.directory, kept, &to, pace)?;
            look_at(kept, &to, source.manifest, keys)?;
        }
        for suffix in files::COMPANIONS {
            // What looking left beside it.
            let _ = std::fs::remove_file(files::beside(&to, suffix));
        }
        if kept.vault.is_none() {
            undo::refuse_another_house(place, &to, source.directory)?;
            make_current(&to, source.manifest, asked, schema)?;
        }
        files::sync_directory(&to)?;
    }
    if wanted.iter().any(|kept| kept.vault.is_none()) {
        Ok(vec!["vaults".to_owned(), "system.db".to_owned()])
    } else {
        Ok(wanted.iter().map(|kept| kept.name.clone()).collect())
    }
}

/// The files that are wanted.
fn chosen(place: &Place, manifest: &Manifest, wanted: &Wanted) -> Result<Vec<Kept>, BackupError> {
    let Wanted::Account(name) = wanted else { return Ok(manifest.files.clone()) };
    let live = open_to_read(&place.system_db())?;
    let now: Option<Uuid> = rusqlite::OptionalExtension::optional(live.query_row(
        "SELECT vault FROM accounts WHERE name_key = :key",
        named_params! { ":key": name_key(name) },
        |row| row.get(0),
    ))
    .while_("looking up an account")?;
    let now = now.ok_or(StoreError::NotFound("account"))?;
    if let Some(kept) = manifest.files.iter().find(|kept| kept.vault == Some(now)) {
        return Ok(vec![kept.clone()]);
    }
    let is_named = |kept: &&Kept| kept.account.as_deref().is_some_and(|account| name_key(account) == name_key(name));
    match manifest.files.iter().find(is_named) {
        Some(_) => Err(BackupError::Another(name.clone())),
        None => Err(BackupError::NotInIt(name.clone())),
    }
}

/// Upgrades a system database and signs everybody out: whoever was signed in when the backup was made may have been sent
/// away since, and a token that was withdrawn must not open anything again.
fn make_current(path: &Path, manifest: &Manifest, asked: &Asked, schema: &'static Schema) -> Result<(), BackupError> {
    let target = Target { name: "restore", path, schema, key: None, cautious: true };
    let mut conn = connect(&target, false)?;
    match schema.standing(&conn)? {
        Standing::Current => {}
        Standing::Older(version) => schema.upgrade(&mut conn, version)?,
        Standing::Newer(found) => {
            let found = u64::try_from(found).unwrap_or(u64::MAX);
            return Err(BackupError::Newer { what: "schema", found, known: schema.version() as u64 });
        }
        Standing::Empty | Standing::Foreign => return Err(BackupError::Foreign(path.to_path_buf())),
    }
    conn.execute_batch("PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;").while_("restoring")?;
    let tx = conn.transaction().while_("restoring")?;
    let now = asked.moment.now;
    for change in [
        "UPDATE sessions SET ended_at = :now, ended_why = 'A backup was restored.' WHERE ended_at IS NULL",
        "UPDATE accounts SET epoch = epoch + 1 WHERE :now IS NOT NULL",
        "DELETE FROM tokens WHERE :now IS NOT NULL",
        "DELETE FROM token_families WHERE :now IS NOT NULL",
        "DELETE FROM key_slots WHERE kind = 'session' AND :now IS NOT NULL",
        // What was under way when the backup was made, the making of it first of all, has long ended or been cancelled.
        "UPDATE jobs SET state = 'cancelled', holder = NULL, holder_boot = NULL, holder_pid = NULL,
             holder_started = NULL, wish = NULL, next_at = NULL, updated_at = :now
         WHERE state IN ('waiting', 'running', 'paused')",
    ] {
        tx.execute(change, named_params! { ":now": now }).while_("signing everybody out")?;
    }
    let told = super::manifest::name_of(manifest.made_at);
    audit::append(&tx, &asked.moment, asked.by, "backup.restore", &told, "ok")?;
    tx.commit().while_("restoring")?;
    conn.close().map_err(|(_, source)| source).while_("restoring")?;
    if schema.version() == SYSTEM.version() {
        soundness(path, manifest)?;
    }
    std::fs::File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(|source| BackupError::Place { at: path.to_path_buf(), source })
}
