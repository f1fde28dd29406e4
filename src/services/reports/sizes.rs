//! How large everything is: looked at when somebody asks, and kept once a day so that growth can be told.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    time::Duration,
};

use uuid::Uuid;

use super::Reports;
use crate::{
    api::{AccountId, Fault},
    paths::Paths,
    services::conversations::now,
    store::{
        StoreError,
        system::{
            storage_days::{self, Measured},
            usage_days::wall_day,
        },
    },
    tasks::Tasks,
};

/// A start has other things to do first, and a command is over by then.
const AFTER_START: Duration = Duration::from_secs(30);
/// How often it is looked whether a new day has begun: a machine may have slept, or its clock been set.
const LOOK_AGAIN: Duration = Duration::from_mins(30);

/// What lies on the disk now, bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// The vaults and the system database.
    pub bytes: u64,
    pub free: Option<u64>,
    pub disk: Option<u64>,
    pub accounts: HashMap<AccountId, u64>,
}

/// Looks at the files.
pub fn look(paths: &Paths, vaults: &[(AccountId, Uuid)]) -> Sizes {
    let disk = rustix::fs::statvfs(&paths.data).ok();
    let directory = paths.vaults();
    let mut sizes = Sizes {
        bytes: with_logs(&paths.system_db()) + whole(&directory),
        free: disk.as_ref().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize)),
        disk: disk.as_ref().map(|disk| disk.f_blocks.saturating_mul(disk.f_frsize)),
        accounts: HashMap::with_capacity(vaults.len()),
    };
    for (account, vault) in vaults {
        *sizes.accounts.entry(*account).or_default() += with_logs(&directory.join(format!("{vault}.db")));
    }
    sizes
}

/// A database with what lies beside it.
fn with_logs(file: &Path) -> u64 {
    let beside = |ending: &str| {
        let mut name = file.as_os_str().to_owned();
        name.push(ending);
        std::fs::symlink_metadata(PathBuf::from(name)).map_or(0, |meta| meta.len())
    };
    ["", "-wal", "-shm"].into_iter().map(beside).sum()
}

/// Every file in a directory.
fn whole(directory: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(directory) else { return 0 };
    let sizes = entries.flatten().filter_map(|entry| entry.metadata().ok()).filter(std::fs::Metadata::is_file);
    sizes.map(|meta| meta.len()).sum()
}

impl Reports {
    /// Keeps once a day how large everything is, until the program ends. However many windows are open, the first that
    /// comes measures the day.
    pub fn measure_daily(&self, tasks: &Tasks) {
        let (this, ending) = (self.clone(), tasks.token());
        tasks.spawn("measuring once a day how large everything is", async move {
            let mut wait = AFTER_START;
            while ending.run_until_cancelled(tokio::time::sleep(wait)).await.is_some() {
                if let Err(why) = this.measure().await {
                    tracing::warn!(why = why.message, "how large everything is could not be kept");
                }
                wait = LOOK_AGAIN;
            }
        });
    }

    /// Measures this day, unless it was measured; says whether it did.
    pub async fn measure(&self) -> Result<bool, Fault> {
        let at = now();
        let day = wall_day(&crate::zone::local(), at);
        let vaults = self
            .system
            .read(move |tx| {
                Ok::<_, StoreError>(if storage_days::has(tx, day)? { None } else { Some(storage_days::vaults(tx)?) })
            })
            .await?;
        let Some(vaults) = vaults else { return Ok(false) };
        let paths = self.paths.clone();
        let sizes = tokio::task::spawn_blocking(move || look(&paths, &vaults)).await.unwrap_or_default();
        let accounts = sizes.accounts.into_iter().collect();
        let measured = Measured { day, at, bytes: sizes.bytes, free: sizes.free, accounts };
        Ok(self.system.write::<_, StoreError>(move |tx| storage_days::note(tx, &measured)).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::auth::Role,
        store::{
            Db,
            system::{accounts, open_system, sealed, storage_days::totals},
        },
    };

    async fn furnished(paths: &Paths) -> (Db, AccountId) {
        let system = open_system(&paths.system_db(), false).unwrap();
        let (ann, vault, old) = (AccountId::new(), Uuid::now_v7(), Uuid::now_v7());
        std::fs::create_dir_all(paths.vaults()).unwrap();
        for (name, bytes) in
            [(format!("{vault}.db"), 3000), (format!("{vault}.db-wal"), 200), (format!("{old}.db"), 50)]
        {
            std::fs::write(paths.vaults().join(name), vec![0; bytes]).unwrap();
        }
        let done: Result<(), StoreError> = system
            .write(move |tx| {
                accounts::insert(tx, ann, "ann", Role::Admin, old, 0)?;
                sealed::seal_current(tx, ann, 1)?;
                accounts::set_vault(tx, ann, vault)
            })
            .await;
        done.unwrap();
        (system, ann)
    }

    #[tokio::test]
    async fn two_windows_measure_a_day_once_with_logs_and_sealed_vaults() {
        let home = tempfile::tempdir().unwrap();
        let paths = Paths::find(Some(home.path())).unwrap();
        let (system, ann) = furnished(&paths).await;
        let other = open_system(&paths.system_db(), false).unwrap();
        let (one, two) = (Reports::new(system.clone(), paths.clone()), Reports::new(other, paths.clone()));
        let (first, second) = tokio::join!(one.measure(), two.measure());
        assert!(first.unwrap() != second.unwrap(), "one of them, and not both");
        assert!(!one.measure().await.unwrap());
        let kept: Result<_, StoreError> = system
            .read(move |tx| Ok((storage_days::of_account(tx, ann, (0, 99_999))?, totals(tx, (0, 99_999))?)))
            .await;
        let (sizes, totals) = kept.unwrap();
        assert_eq!(sizes.iter().map(|(_, bytes)| *bytes).collect::<Vec<_>>(), [3250]);
        assert_eq!(totals.len(), 1);
        assert!(totals[0].bytes > 3250 && totals[0].free.is_some(), "{totals:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_measures_the_day_by_itself_and_ends_when_it_is_told() {
        let home = tempfile::tempdir().unwrap();
        let paths = Paths::find(Some(home.path())).unwrap();
        let (system, _) = furnished(&paths).await;
        let tasks = Tasks::new();
        Reports::new(system.clone(), paths).measure_daily(&tasks);
        let mut is_measured = false;
        // Time stands still but where everybody waits for it.
        for _ in 0..100_000 {
            let totals: Result<_, StoreError> = system.read(|tx| totals(tx, (0, 99_999))).await;
            is_measured = !totals.unwrap().is_empty();
            if is_measured {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert!(is_measured);
        // The end waits for a database's thread, which knows of no clock but the machine's.
        tokio::time::resume();
        assert_eq!(tasks.stop(Duration::from_secs(20)).await, Vec::<String>::new());
    }
}
