//! Putting a backup back, as a job: got ready with progress, cancelled at any moment of that, and then the swap, which is not
//! stopped any more.
//!
//! Invariant: only the process does it in which it was confirmed. What an attempt finds whose process was killed is either
//! still as before, or has been swapped: it tells which, from what it kept before the swap.

use std::{fmt, path::PathBuf, sync::PoisonError};

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::{Backups, Keys, blocking, run::keep};
use crate::{
    access::{Admin, Caller},
    api::{
        Fault, FaultKind, JobId,
        backup::{Extent, Outcome, Which},
        jobs::Work,
    },
    services::jobs::{Attempt, Setback},
    store::{
        backup::{self, Asked, Staged, Wanted},
        system::{Moment, accounts},
    },
};

/// What somebody has confirmed, and their keys.
pub struct Confirmed {
    directory: PathBuf,
    wanted: Wanted,
    keys: Keys,
    asked: Asked,
    /// Another's vault can move while this process runs; everything, and one's own, cannot.
    is_at_once: bool,
    /// For as long as whoever asked may have work going on.
    work: CancellationToken,
}

/// Without the keys.
impl fmt::Debug for Confirmed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Confirmed").field("wanted", &self.wanted).finish_non_exhaustive()
    }
}

/// Kept before the swap, for whoever comes after a kill.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Swapping {
    quarantine: String,
}

/// Got ready, and thrown away where nobody takes it: whoever waited for it has stopped it.
struct Unclaimed(Option<Staged>);

impl Drop for Unclaimed {
    fn drop(&mut self) {
        if let Some(staged) = self.0.take() {
            staged.give_up();
        }
    }
}

impl Backups {
    /// What a job is to do that puts this back, and what it takes for that.
    ///
    /// # Errors
    /// There is no such backup, or no such account.
    pub async fn to_put_back(
        &self,
        by: &Caller<Admin>,
        which: Which,
        extent: Extent,
    ) -> Result<(Work, Confirmed), Fault> {
        let directory = self.directory(&which).await?;
        let keys = self.keys(by.account, &by.vault).await?;
        let (wanted, account, is_at_once) = match extent {
            Extent::Everything => (Wanted::Everything, None, false),
            Extent::Account(name) => {
                let found = self.0.system.read(move |tx| accounts::by_name(tx, &name)).await?;
                let found = found.ok_or_else(|| Fault::not_found("account"))?;
                (Wanted::Account(found.name.clone()), Some(found.name), found.id != by.account)
            }
        };
        let asked = Asked { by: Some(by.account), moment: Moment::here() };
        let work = by.work.clone();
        Ok((Work::Restore { which, account }, Confirmed { directory, wanted, keys, asked, is_at_once, work }))
    }

    /// Keeps it until the job of this number begins.
    pub fn hand(&self, job: JobId, confirmed: Confirmed) {
        let work = confirmed.work.clone();
        self.hold(|inner| &inner.to_put_back, job, confirmed, work);
    }

    /// The job of this number will not begin.
    pub fn take_back(&self, job: JobId) -> Option<Confirmed> {
        self.take(|inner| &inner.to_put_back, &job)
    }

    pub(super) async fn put_back(&self, attempt: &Attempt) -> Result<String, Setback> {
        let Some(confirmed) = self.take_back(attempt.id) else { return self.what_became(attempt).await };
        let Confirmed { directory, wanted, keys, asked, is_at_once, work: _ } = confirmed;
        let place = self.0.place.clone();
        let staged = self
            .paced(attempt, move |pace| {
                backup::stage(&place, &directory, &wanted, &keys, &asked, pace).map(|staged| Unclaimed(Some(staged)))
            })
            .await
            .map_err(Setback::for_good)?;
        let ready = staged.0.as_ref().map(Staged::quarantine);
        let quarantine = ready.transpose().map_err(|why| Setback::for_good(Fault::from(why)))?.unwrap_or_default();
        let swapping = Swapping { quarantine: quarantine.clone() };
        attempt.keep(swapping).await.map_err(Setback::for_good)?;
        // From here on it is not stopped: what is told of it would not be so.
        attempt.goes_through();
        let mut staged = staged;
        let Some(staged) = staged.0.take() else {
            return Err(Setback::for_good(Fault::new(FaultKind::Internal, "Nothing was got ready.")));
        };
        if !is_at_once {
            *self.0.staged.lock().unwrap_or_else(PoisonError::into_inner) = Some(staged);
            keep(attempt, &Outcome::Ready).await?;
            return Ok("Got ready; it takes the place of what is here as soon as that window has ended.".to_owned());
        }
        attempt.step("takes its place");
        blocking(move || staged.carry_out()).await.map_err(Setback::for_good)?;
        keep(attempt, &Outcome::Restored { quarantine: quarantine.clone() }).await?;
        Ok(format!("Put back. What was there is kept aside as {quarantine}."))
    }

    /// The process that was at it is gone: what it left behind.
    async fn what_became(&self, attempt: &Attempt) -> Result<String, Setback> {
        attempt.step("looking what became of it");
        let data = self.0.place.data.clone();
        // What had begun to move is finished, what was only got ready is thrown away.
        blocking(move || backup::finish_interrupted(&data).map(drop))
            .await
            .map_err(|why| Setback::for_now(why, false))?;
        if let Some(Swapping { quarantine }) = attempt.kept() {
            let (place, name) = (self.0.place.clone(), quarantine.clone());
            let aside =
                blocking(move || backup::quarantine(&place)).await.map_err(|why| Setback::for_now(why, false))?;
            if aside.iter().any(|one| one.name == name) {
                keep(attempt, &Outcome::Restored { quarantine: quarantine.clone() }).await?;
                return Ok(format!("Put back. What was there is kept aside as {quarantine}."));
            }
        }
        let why = Fault::new(FaultKind::Cancelled, "The program ended before anything was put back; all is as it was.");
        Err(Setback::for_good(why.hint("Ask for it anew, since it takes your passphrase: ollamanet backup restore")))
    }
}
