//! How much in all: bytes of a vault, tokens of a day. Asked before what makes either grow; what tidies up is never refused.
//!
//! An answer that has begun is finished, so a day may end a little over its allowance. What is counted is what is stored:
//! nothing is held by a program that is gone.

use super::{limiter::Limiter, op::Op, rules::Rules};
use crate::{
    api::{AccountId, Fault, FaultKind, admin::Limited},
    store::{
        Vault,
        system::{Moment, usage},
        vault::weight,
    },
};

const MEBIBYTE: u64 = 1024 * 1024;

impl Limiter {
    /// # Errors
    /// `DiskFull` when the vault has grown to its limit, `Slow` when the day's tokens are used up.
    pub(super) async fn admit_growth(&self, op: &Op, vault: &Vault, rules: &Rules) -> Result<(), Fault> {
        if op.fills_vault() {
            self.require_room(vault, rules).await?;
        }
        if op.takes_tokens() {
            self.require_tokens(vault.account, rules).await?;
        }
        Ok(())
    }

    async fn require_room(&self, vault: &Vault, rules: &Rules) -> Result<(), Fault> {
        let Some(most) = self.quota(Limited::Disk, rules) else { return Ok(()) };
        let used = vault.db.read(weight::bytes).await?;
        if used < u64::from(most) * MEBIBYTE {
            return Ok(());
        }
        let full = format!("Your vault is full: it takes {} MiB, and {most} MiB are yours.", used.div_ceil(MEBIBYTE));
        Err(Fault::new(FaultKind::DiskFull, full)
            .hint("Remove for good what you no longer need, or ask an administrator for more room."))
    }

    async fn require_tokens(&self, account: AccountId, rules: &Rules) -> Result<(), Fault> {
        let Some(most) = self.quota(Limited::Tokens, rules) else { return Ok(()) };
        let now = Moment::clock();
        let used = self.system.read(move |tx| usage::tokens_of_day(tx, account, now)).await?;
        if used < u64::from(most) {
            return Ok(());
        }
        let left = usage::until_next_day(now);
        let hours = left.as_secs().div_ceil(3600);
        Err(Fault::new(FaultKind::Slow, format!("Your tokens of today are used up: {used} of {most}."))
            .hint(format!(
                "They are counted anew at midnight UTC, in {}; an administrator can allow you more.",
                if hours == 1 { "less than an hour".to_owned() } else { format!("{hours} hours") }
            ))
            .retry_after(left))
    }

    /// `None` = as much as one likes.
    fn quota(&self, limited: Limited, rules: &Rules) -> Option<u32> {
        let most = rules.most(limited).unwrap_or_else(|| self.live.config().limits.most(limited));
        (most > 0).then_some(most)
    }
}
