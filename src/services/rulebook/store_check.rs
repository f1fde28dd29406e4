//! Looking through the store in full: the system database page by page, and the chain of the audit trail. Vaults open only
//! to their owners; each is looked through when a backup of it is checked, and by `ollamanet doctor`.

use super::Rulebook;
use crate::{
    api::{Fault, FaultKind, amount},
    services::jobs::{Attempt, Setback},
    store::{StoreError, Tx, check, system::audit},
};

impl Rulebook {
    /// # Errors
    /// Says what is damaged and what to do. It is not tried again: damage does not go away by waiting.
    pub async fn check_store(&self, attempt: &Attempt) -> Result<String, Setback> {
        attempt.step("looking through the system database");
        let path = self.0.data.join("system.db");
        check::system(&self.0.system, &path).await.map_err(Setback::for_good)?;
        attempt.step("following the audit trail");
        let read = |tx: &Tx<'_>| audit::verify(tx);
        let found = self.0.system.read::<_, StoreError>(read).await.map_err(|why| Setback::for_now(why, true))?;
        match found.broken_at {
            None => Ok(format!("Sound. The audit trail has {}, and all fit.", amount::many(found.entries, "entry"))),
            Some(seq) => {
                let words = format!("The audit trail was changed: entry {seq} does not fit the one before it.");
                let fault = Fault::new(FaultKind::Store, words);
                Err(Setback::for_good(fault.hint("Compare it with a backup: `ollamanet audit list` shows it.")))
            }
        }
    }
}
