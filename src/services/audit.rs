//! The audit trail as an administrator sees it: listed, verified against what their vault remembers, pruned by rule.
//!
//! The anchor lies in the administrator's own vault, sealed with their key: whoever can write the system database can
//! make a new chain that fits in itself, but not one that fits what somebody else's vault remembers.

use serde::{Deserialize, Serialize};

use crate::{
    access::{Admin, Caller},
    api::{
        Fault,
        admin::{Anchor, AuditFilter, AuditPage, AuditVerdict},
    },
    services::conversations::check_limit,
    store::{
        Db, StoreError,
        system::{
            Moment,
            audit::{self, Link},
            policy,
        },
        vault::settings::{self, AUDIT_ANCHOR},
    },
};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

#[derive(Debug)]
pub struct Audit {
    system: Db,
}

/// An anchor as the vault keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Remembered {
    seq: i64,
    hash: Vec<u8>,
}

impl Audit {
    #[must_use]
    pub fn new(system: Db) -> Self {
        Self { system }
    }

    pub async fn list(
        &self,
        _by: Caller<Admin>,
        filter: AuditFilter,
        before: Option<i64>,
        limit: u32,
    ) -> Result<AuditPage, Fault> {
        check_limit(limit)?;
        let mut rows = self.system.read(move |tx| audit::list(tx, &filter, None, before, limit + 1)).await?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        Ok(AuditPage { rows, more })
    }

    pub async fn verify(&self, by: Caller<Admin>) -> Result<AuditVerdict, Fault> {
        let remembered: Option<Remembered> = by.vault.db.read(|tx| settings::get(tx, AUDIT_ANCHOR)).await?;
        let wanted = remembered.clone();
        let (found, anchor) = self
            .system
            .read(move |tx| {
                let found = audit::verify(tx)?;
                let anchor = match &wanted {
                    Some(wanted) => hold(tx, wanted)?,
                    None => Anchor::New,
                };
                Ok::<_, StoreError>((found, anchor))
            })
            .await?;
        let verdict = AuditVerdict {
            first: found.first,
            last: found.last.as_ref().map(|link| link.seq),
            entries: found.entries,
            broken_at: found.broken_at,
            anchor,
        };
        // A trail that does not fit is not what to remember: the next look must find it again.
        if let Some(Link { seq, hash }) = found.last.filter(|_| verdict.is_sound()) {
            let now = Moment::clock();
            by.vault.db.write(move |tx| settings::set(tx, AUDIT_ANCHOR, &Remembered { seq, hash }, now)).await?;
        }
        let result = if verdict.is_sound() { "sound" } else { "broken" };
        self.system
            .write(move |tx| audit::append(tx, &Moment::here(), Some(by.account), "audit.verify", "", result))
            .await?;
        Ok(verdict)
    }

    pub async fn prune(&self, by: Caller<Admin>) -> Result<u64, Fault> {
        self.system
            .write(move |tx| {
                let moment = Moment::here();
                let Some(days) = policy::current(tx)?.audit_keep_days else {
                    return Err(Fault::invalid("The audit trail is kept for ever here.")
                        .hint("Say first how long: `ollamanet policy set audit-keep-days 365`."));
                };
                if audit::verify(tx)?.broken_at.is_some() {
                    return Err(Fault::invalid("The audit trail was changed, so nothing of it is removed.")
                        .hint("Look into it first: `ollamanet audit verify` names the entry."));
                }
                let gone = audit::prune(tx, moment.now - i64::from(days) * DAY_MS, moment.now)?;
                if gone > 0 {
                    let told = format!("{gone} older than {days} days");
                    audit::append(tx, &moment, Some(by.account), "audit.prune", &told, "ok")?;
                }
                Ok(gone)
            })
            .await
    }
}

/// Whether the entry remembered is still the same.
fn hold(tx: &crate::store::vault::Tx<'_>, remembered: &Remembered) -> Result<Anchor, StoreError> {
    let seq = remembered.seq;
    let base = audit::base(tx)?;
    let stored = match &base {
        // Pruned by rule since: nothing is left to compare with.
        Some(base) if base.seq > seq => return Ok(Anchor::New),
        Some(base) if base.seq == seq => Some(base.hash.clone()),
        Some(_) | None => audit::hash_of(tx, seq)?,
    };
    Ok(match stored {
        Some(hash) if hash == remembered.hash => Anchor::Holds { seq },
        Some(_) => Anchor::Mismatch { seq },
        None => Anchor::CutOff { seq },
    })
}
