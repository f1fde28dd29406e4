//! Restoring outside of any session: what a session got ready, once everything is closed; and into a directory where nobody
//! is, or where the system database does not open any more, because there is nobody then who could sign in.
//!
//! Whoever can run this there can also move the files by hand: the directory's owner asks.

use std::{path::Path, sync::atomic::AtomicBool};

use crate::{
    api::{
        Fault,
        backup::{MovedAside, Progress},
    },
    cli::{
        End,
        backup::Bar,
        backup_args::{Backup, From},
        out, typed,
    },
    config::Config,
    paths::{self, Paths},
    store::{
        backup::{self, Asked, Pace, Place, Wanted},
        system::{Moment, is_nobodys},
    },
};

/// Where things lie in this installation.
pub fn place(paths: &Paths, config: &Config) -> Place {
    let named = config.backup.directory.as_str();
    let backups = if named.is_empty() { paths.data.join("backups") } else { paths.data.join(named) };
    Place { data: paths.data.clone(), backups, cautious: paths::network_file_system(&paths.data).is_some() }
}

/// Whether this command restores everything where nobody could sign in to ask for it.
pub fn needs_nobody<'a>(what: &'a Backup, paths: &Paths) -> Option<(&'a From, Option<&'a str>, bool)> {
    match what {
        Backup::Restore { from, account: None, aside, yes } if is_nobodys(&paths.system_db()) => {
            Some((from, aside.as_deref(), *yes))
        }
        Backup::Restore { .. }
        | Backup::Create
        | Backup::List
        | Backup::Verify { .. }
        | Backup::Schedule { .. }
        | Backup::Prune { .. } => None,
    }
}

/// Gets everything ready; `carry_out` follows.
pub async fn into_nobodys(
    paths: &Paths,
    config: &Config,
    (from, aside, yes): (&From, Option<&str>, bool),
) -> Result<(), End> {
    paths.secure()?;
    backup::finish_interrupted(&paths.data).map_err(Fault::from)?;
    let place = place(paths, config);
    let directory = match (aside, &from.directory, &from.name) {
        (Some(name), _, _) => {
            let mut all = backup::quarantine(&place).map_err(Fault::from)?.into_iter();
            let found = all.find(|one| one.name == name && one.what == MovedAside::Everything);
            found.ok_or_else(|| backup::BackupError::Missing(name.to_owned())).map_err(Fault::from)?.path
        }
        (None, Some(directory), _) => std::path::absolute(directory)?,
        (None, None, Some(name)) => backup::look_up(&place, name).map_err(Fault::from)?,
        (None, None, None) => {
            let newest = backup::list(&place).map_err(Fault::from)?.into_iter().find(|one| one.damage.is_none());
            let newest = newest.ok_or_else(|| {
                Fault::not_found("backup").hint("Name the directory of one: `ollamanet backup restore --from DIR`.")
            })?;
            place.backups.join(newest.name)
        }
    };
    let warning = format!("Nobody can sign in here. Everything becomes as it was in {}.", directory.display());
    typed::name("everything", &warning, yes).await?;
    let staging = tokio::task::spawn_blocking(move || {
        let bar = std::sync::Mutex::new(Bar::new());
        let show = |progress: Progress| {
            bar.lock().unwrap_or_else(std::sync::PoisonError::into_inner).show(&progress);
        };
        let stop = AtomicBool::new(false);
        let asked = Asked { by: None, moment: Moment::here() };
        let staged = backup::stage(&place, &directory, &Wanted::Everything, &[], &asked, &mut Pace::new(&show, &stop));
        bar.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clear();
        staged.map(drop)
    });
    match staging.await {
        Ok(staged) => Ok(staged.map_err(Fault::from)?),
        Err(_) => Err(End::Code(1)),
    }
}

/// Carries out what was got ready, now that everything is closed.
pub fn carry_out(data: &Path) -> Result<(), Fault> {
    if let Some(carried) = backup::carry_out(data)? {
        out::say(&format!(
            "ollamanet: The backup was put back; sign in anew. What was there before is kept in {}, and comes back with \
             `ollamanet backup restore --aside {}`.",
            carried.quarantine.display(),
            carried.quarantine.file_name().unwrap_or_default().display()
        ));
    }
    Ok(())
}
