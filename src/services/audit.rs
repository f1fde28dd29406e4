//! The audit trail as an administrator sees it: listed, verified against what their vault remembers, pruned by rule.
//!
//! What their vault remembers is `services::anchor`'s.

use crate::{
    access::{Admin, Caller},
    api::{
        Fault,
        admin::{Anchor, AuditFilter, AuditPage, AuditVerdict},
    },
    services::{anchor, conversations::check_limit},
    store::{
        Db, StoreError,
        system::{Moment, audit, policy},
    },
};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

#[derive(Debug)]
pub struct Audit {
    system: Db,
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
        let remembered = anchor::remembered(&by.vault).await?;
        let wanted = remembered.clone();
        let (found, anchor) = self
            .system
            .read(move |tx| {
                let found = audit::verify(tx)?;
                let anchor = match &wanted {
                    Some(wanted) => anchor::hold(tx, wanted)?,
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
        if let Some(last) = found.last.filter(|_| verdict.is_sound()) {
            anchor::remember(&by.vault, last, Moment::clock()).await?;
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
                        .hint("Say first how long: `ollamanet settings set audit.keep_days=365`."));
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
