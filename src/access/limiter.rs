//! How often: draws on the buckets in the system database, so that all windows of an account share one allowance.
//!
//! Looking and small changes are frequent and cheap, so their allowance is drawn in handfuls and spent from memory;
//! everything dearer is drawn one by one.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::{op::Class, rules::Rules};
use crate::{
    api::{AccountId, Fault, FaultKind, admin::Limited},
    config::LimitsConfig,
    store::{
        Db, StoreError,
        system::{Moment, buckets},
    },
};

/// Calls drawn at once for `Class::Read`.
const HANDFUL: u32 = 200;
/// What a window may look at before its first draw, so that its first screen does not wait for the disk.
const TO_BEGIN_WITH: u32 = 40;

#[derive(Debug)]
pub struct Limiter {
    system: Db,
    limits: LimitsConfig,
    in_hand: Mutex<HashMap<AccountId, u32>>,
}

impl Limiter {
    #[must_use]
    pub fn new(system: Db, limits: LimitsConfig) -> Self {
        Self { system, limits, in_hand: Mutex::default() }
    }

    /// Takes one call out of the allowance. What `rules` say of it wins over the configured limits.
    ///
    /// # Errors
    /// `Slow` with the time after which there is one again.
    pub async fn take(&self, account: AccountId, class: Class, rules: &Rules) -> Result<(), Fault> {
        let Some(configured) = self.per_minute(class) else { return Ok(()) };
        let per_minute = rules.most(Limited::Calls(class)).unwrap_or(configured);
        if class == Class::Read && self.spend(account) {
            return Ok(());
        }
        let wanted = if class == Class::Read { HANDFUL } else { 1 };
        let now = Moment::clock();
        let drawn =
            self.system.write(move |tx| buckets::take(tx, account, class.as_str(), per_minute, wanted, now)).await;
        match drawn {
            Ok(Ok(calls)) => {
                if class == Class::Read {
                    let mut in_hand = self.in_hand.lock().unwrap_or_else(PoisonError::into_inner);
                    *in_hand.entry(account).or_default() += calls - 1;
                }
                Ok(())
            }
            Ok(Err(after)) => Err(slow(class, per_minute, after)),
            // A full or read-only disk must not stop anybody from reading what they have.
            Err(why) if class != Class::Auth && may_go_uncounted(&why) => Ok(()),
            Err(why) => Err(why.into()),
        }
    }

    fn spend(&self, account: AccountId) -> bool {
        let mut in_hand = self.in_hand.lock().unwrap_or_else(PoisonError::into_inner);
        let left = in_hand.entry(account).or_insert(TO_BEGIN_WITH);
        let is_any = *left > 0;
        *left = left.saturating_sub(1);
        is_any
    }

    /// `None` = as often as one likes.
    fn per_minute(&self, class: Class) -> Option<u32> {
        match class {
            Class::Chat => Some(self.limits.chat_per_minute),
            Class::Auth => Some(self.limits.auth_per_minute),
            Class::Admin => Some(self.limits.admin_per_minute),
            Class::Read => Some(self.limits.read_per_minute),
            Class::Free => None,
        }
    }
}

fn may_go_uncounted(why: &StoreError) -> bool {
    why.is_full() || why.is_read_only()
}

fn slow(class: Class, per_minute: u32, after: Duration) -> Fault {
    let what = match class {
        Class::Chat => "questions",
        Class::Auth => "sign-in calls",
        Class::Admin => "administrative calls",
        Class::Read | Class::Free => "calls",
    };
    let seconds = after.as_millis().div_ceil(1000);
    Fault::new(FaultKind::Slow, format!("That was more than {per_minute} {what} a minute."))
        .hint(format!("Try again in {seconds} s."))
        .retry_after(after)
}
