//! Making a backup.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup as Copying, StepResult},
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    BackupError, Pace, Place, alone,
    fold::{Folded, fold, poured},
    make_directory,
    manifest::{Kept, LOCK, Manifest, list, name_of, tidy, told, vault_name},
    require_room,
    still::Still,
    verify,
};
use crate::{
    api::backup::{Backup, Doing, LeftOut, MadeBy},
    store::{
        StoreError, While, files,
        migrate::{SYSTEM, VAULT},
        thread::Counted,
    },
};

/// How often a vault whose log begins anew is copied again. It cannot happen twice.
const TRIES: u32 = 3;
/// Pages of the system database between two looks at the clock.
const STEP: i32 = 512;

/// A vault that somebody has a key to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub account: String,
    /// Somebody can open it, so its file is to be there.
    pub has_key: bool,
}

/// Makes a backup, checks it and gives it its name.
///
/// # Errors
/// Whatever keeps it from being whole; then nothing of it is left, or what is left has no backup's name and goes with
/// the next one.
/// `since`: not if the schedule has made one from this moment on (`Made`): two windows that hear the same hour strike make
/// one.
pub fn create(
    place: &Place,
    by: MadeBy,
    since: Option<i64>,
    pace: &mut Pace<'_>,
    now_ms: i64,
) -> Result<Backup, BackupError> {
    place.apart()?;
    pace.to.clone_from(&place.backups);
    make_directory(&place.backups)?;
    let _alone = alone(&place.backups, LOCK)?;
    let is_made = |since: i64| {
        let scheduled = |one: &Backup| one.made_by == MadeBy::Schedule && (since..=now_ms).contains(&one.made_at);
        list(place).map(|all| all.iter().any(scheduled))
    };
    if since.map_or(Ok(false), is_made)? {
        return Err(BackupError::Made);
    }
    tidy(place)?;
    let name = (1..=1000)
        .map(|number| if number == 1 { name_of(now_ms) } else { [name_of(now_ms), number.to_string()].join("-") })
        .find(|name| !place.backups.join(name).exists())
        .unwrap_or_default();
    let unfinished = place.backups.join([".", &name, ".unfinished"].concat());
    let filled = fill(place, &unfinished, by, pace, now_ms).map_err(|why| match why {
        // Whatever a file or a database says then: the disk was pulled out.
        BackupError::Store(_) if !place.backups.is_dir() => pace.place(std::io::ErrorKind::NotFound.into()),
        other => other,
    });
    let made = filled.and_then(|()| {
        let whole = place.backups.join(&name);
        fs::rename(&unfinished, &whole).map_err(|why| pace.place(why))?;
        files::sync_directory(&whole).map_err(|why| pace.placed(why))?;
        Ok(told(&whole, name))
    });
    if made.is_err() {
        let _ = fs::remove_dir_all(&unfinished);
    }
    made
}

fn fill(place: &Place, to: &Path, by: MadeBy, pace: &Pace<'_>, now_ms: i64) -> Result<(), BackupError> {
    let live = open_to_read(&place.system_db())?;
    let mut vaults = known(&live)?;
    drop(live);
    let needed = weight(place, &vaults);
    require_room(&place.backups, needed)?;
    pace.begin(Doing::Copying, needed);
    make_directory(to)?;
    make_directory(&to.join("vaults"))?;
    let mut left_out = BTreeMap::new();
    let mut copied = Vec::new();
    copy_vaults(place, to, &vaults, &mut copied, &mut left_out, pace)?;
    pace.at("system.db")?;
    system(&place.system_db(), &to.join("system.db"), pace)?;
    // Whoever came meanwhile, and whoever went.
    let copy = open_to_read(&to.join("system.db"))?;
    let now_known = known(&copy)?;
    let accounts: i64 = copy
        .query_row("SELECT count(*) FROM accounts WHERE deleted_at IS NULL", [], |row| row.get(0))
        .while_("counting accounts")?;
    drop(copy);
    vaults = now_known;
    let late = vaults.iter().filter(|(vault, _)| !copied.contains(*vault) && !left_out.contains_key(*vault));
    let late: BTreeMap<Uuid, Known> = late.map(|(vault, known)| (*vault, known.clone())).collect();
    copy_vaults(place, to, &late, &mut copied, &mut left_out, pace)?;
    for gone in copied.iter().filter(|vault| !vaults.contains_key(*vault)) {
        fs::remove_file(to.join(vault_name(*gone))).map_err(|why| pace.place(why))?;
    }
    copied.retain(|vault| vaults.contains_key(vault));
    files::sync_directory(&to.join("vaults").join("x")).map_err(|why| pace.placed(why))?;

    let mut manifest = Manifest::new(now_ms, by, (SYSTEM.version(), VAULT.version()));
    manifest.accounts = u64::try_from(accounts).unwrap_or(0);
    manifest.left_out = left_out
        .into_iter()
        .filter_map(|(vault, why)| vaults.get(&vault).map(|known| LeftOut { account: known.account.clone(), why }))
        .collect();
    let names = std::iter::once(("system.db".to_owned(), None)).chain(copied.into_iter().map(|vault| {
        let account = vaults.get(&vault).map(|known| known.account.clone());
        (vault_name(vault), Some((vault, account)))
    }));
    for (name, vault) in names {
        pace.at(&name)?;
        let (bytes, sha256) = summed(&to.join(&name), pace)?;
        let (vault, account) = vault.map_or((None, None), |(vault, account)| (Some(vault), account));
        manifest.files.push(Kept { name, bytes, sha256, vault, account });
    }
    // A backup that could not be put back is none.
    verify::soundness(&to.join("system.db"), &manifest)?;
    manifest.write(to)?;
    files::sync_directory(&to.join("x")).map_err(|why| pace.placed(why))
}

fn copy_vaults(
    place: &Place,
    to: &Path,
    vaults: &BTreeMap<Uuid, Known>,
    copied: &mut Vec<Uuid>,
    left_out: &mut BTreeMap<Uuid, String>,
    pace: &Pace<'_>,
) -> Result<(), BackupError> {
    for (vault, known) in vaults {
        let name = vault_name(*vault);
        pace.at(&name)?;
        match copy_vault(&place.data.join(&name), &to.join(&name), place.cautious, pace) {
            Ok(()) => copied.push(*vault),
            Err(BackupError::Store(StoreError::NotFound(_))) => {
                if known.has_key {
                    left_out.insert(*vault, "its file is missing".to_owned());
                }
            }
            // One vault that nobody can use any more must not leave the others without a backup.
            Err(BackupError::Store(StoreError::Foreign(_) | StoreError::Emptied(_))) => {
                left_out.insert(*vault, "its file is empty, or no vault".to_owned());
            }
            Err(why) => return Err(why),
        }
    }
    Ok(())
}

/// One vault, without its key, while its owner writes.
pub(super) fn copy_vault(from: &Path, to: &Path, cautious: bool, pace: &Pace<'_>) -> Result<(), BackupError> {
    let still = Still::take(from, cautious)?;
    for _ in 0..TRIES {
        let _ = fs::remove_file(to);
        files::create_closed(to).map_err(|why| pace.placed(why))?;
        let copy = File::options().read(true).write(true).open(to).map_err(|why| pace.place(why))?;
        poured(|piece, at| still.read(piece, at), still.len()?, &copy, pace)?;
        let folded = still.log().map_or(Ok(Folded::Whole), |log| fold(log, &copy, pace))?;
        match folded {
            Folded::Whole => return copy.sync_all().map_err(|why| pace.place(why)),
            Folded::Moved => {}
        }
    }
    Err(BackupError::Busy(from.to_path_buf()))
}

/// The system database, as it is at one moment.
pub(super) fn system(from: &Path, to: &Path, pace: &Pace<'_>) -> Result<(), BackupError> {
    let _counted = Counted::new();
    let source = open_to_read(from)?;
    // One read transaction for the whole copy: a backup whose source changes would begin anew each time.
    source.execute_batch("BEGIN").while_("copying the system database")?;
    source
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))
        .while_("copying the system database")?;
    // From here on it is the place that fails, if something does.
    poured_over(&source, to, pace).map_err(|why| match why {
        BackupError::Store(why) => pace.placed(why),
        other => other,
    })
}

fn poured_over(source: &Connection, to: &Path, pace: &Pace<'_>) -> Result<(), BackupError> {
    files::create_closed(to)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let mut copy = Connection::open_with_flags(to, flags).while_("copying the system database")?;
    // Where the copy lies there may be no memory to be shared, and nobody else has it open.
    copy.execute_batch("PRAGMA locking_mode = EXCLUSIVE").while_("copying the system database")?;
    let copying = Copying::new(source, &mut copy).while_("copying the system database")?;
    let mut left = None;
    loop {
        match copying.step(STEP).while_("copying the system database")? {
            StepResult::Done => break,
            StepResult::More => {}
            // `Busy`, `Locked`, and what SQLite may come to say.
            _ => std::thread::sleep(Duration::from_millis(10)),
        }
        let now = copying.progress().remaining;
        let moved = left.map_or(0, |left: i32| left.saturating_sub(now));
        left = Some(now);
        pace.moved(u64::try_from(moved).unwrap_or(0) * 4096)?;
    }
    drop(copying);
    // One file, with nothing beside it.
    copy.pragma_update_and_check(None, "journal_mode", "delete", |row| row.get::<_, String>(0))
        .while_("copying the system database")?;
    copy.close().map_err(|(_, source)| source).while_("copying the system database")?;
    File::open(to).and_then(|file| file.sync_all()).map_err(|why| pace.place(why))
}

/// The bytes and the SHA-256 of a file.
pub(super) fn summed(path: &Path, pace: &Pace<'_>) -> Result<(u64, String), BackupError> {
    let mut file = File::open(path).map_err(|source| BackupError::Place { at: path.to_path_buf(), source })?;
    let (mut sum, mut bytes, mut piece) = (Sha256::new(), 0, vec![0; 1 << 20]);
    loop {
        let read = file.read(&mut piece).map_err(|source| BackupError::Place { at: path.to_path_buf(), source })?;
        if read == 0 {
            return Ok((bytes, hex::encode(sum.finalize())));
        }
        sum.update(&piece[..read]);
        bytes += read as u64;
        pace.moved(0)?;
    }
}

/// What the copies will take, about.
fn weight(place: &Place, vaults: &BTreeMap<Uuid, Known>) -> u64 {
    let databases = std::iter::once(place.system_db())
        .chain(vaults.keys().map(|vault| place.data.join(vault_name(*vault))))
        .flat_map(|path: PathBuf| [files::beside(&path, "-wal"), path]);
    databases.filter_map(|path| fs::metadata(path).ok()).map(|found| found.len()).sum()
}

/// Every vault that belongs to somebody.
pub(super) fn known(conn: &Connection) -> Result<BTreeMap<Uuid, Known>, BackupError> {
    let mut asked = conn
        .prepare(
            "SELECT v.vault, a.name, EXISTS (SELECT 1 FROM key_slots k WHERE k.vault = v.vault)
             FROM (SELECT vault, id AS account FROM accounts UNION SELECT vault, account FROM sealed_vaults) v
             JOIN accounts a ON a.id = v.account",
        )
        .while_("looking for vaults")?;
    let rows = asked
        .query_map([], |row| Ok((row.get(0)?, Known { account: row.get(1)?, has_key: row.get(2)? })))
        .while_("looking for vaults")?;
    Ok(rows.collect::<Result<_, _>>().while_("looking for vaults")?)
}

pub(super) fn open_to_read(path: &Path) -> Result<Connection, BackupError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let conn = Connection::open_with_flags(path, flags).while_("opening the system database")?;
    conn.execute_batch("PRAGMA busy_timeout = 5000; PRAGMA trusted_schema = OFF; PRAGMA mmap_size = 0;")
        .while_("setting up a connection")?;
    Ok(conn)
}
