//! How often: draws on the buckets in the system database, so that all windows of an account share one allowance.
//!
//! Looking and small changes are frequent and cheap, so their allowance is drawn in handfuls and spent from memory;
//! everything dearer is drawn one by one.
//!
//! The first looks of a window are given on credit, after one read of what is left, so that its first screen does not
//! wait for a disk write. They are paid for in the background at once, to the call: commands that look once and end use
//! up the same allowance, and none of it is thrown away with them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{op::Class, rules::Rules};
use crate::{
    api::{Fault, FaultKind, admin::Limited},
    config::live::Live,
    store::{
        Db, StoreError,
        system::{
            Moment,
            buckets::{self, Bucket, Who},
        },
    },
    tasks::Tasks,
};

/// The name of the task that pays for looks: it comes with nearly every call and is nothing to be told of.
pub const COUNTING: &str = "counting calls";

/// Looks that a window may make before its first draw.
const ON_CREDIT: u32 = 40;

#[derive(Debug)]
pub struct Limiter {
    pub(super) system: Db,
    pub(super) live: Live,
    tasks: Tasks,
    hands: Arc<Hands>,
}

/// What this process holds of each allowance that is drawn in handfuls.
#[derive(Debug, Default)]
struct Hands(Mutex<HashMap<(Who, Class), Hand>>);

#[derive(Debug, Default)]
struct Hand {
    /// Calls that may be made without asking.
    left: u32,
    /// How many of those are not paid for yet.
    on_credit: u32,
    /// Calls made on credit and not paid for.
    owed: u32,
    /// A task is about to pay.
    is_settling: bool,
}

/// What a look into the hand says.
enum Spent {
    Paid,
    /// To be paid for by whoever asked, unless somebody does so already.
    OnCredit {
        settle: bool,
    },
    /// Nothing is in it.
    Nothing,
    /// This process has never looked.
    Untouched,
}

impl Hands {
    fn lock(&self) -> MutexGuard<'_, HashMap<(Who, Class), Hand>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spend(&self, whose: (Who, Class)) -> Spent {
        match self.lock().get_mut(&whose) {
            Some(hand) => hand.spend(),
            None => Spent::Untouched,
        }
    }

    /// What a draw pays for besides, so that no window draws the last handful before its debts are counted.
    fn owed_already(&self, whose: (Who, Class)) -> u32 {
        self.lock().get_mut(&whose).map_or(0, |hand| std::mem::take(&mut hand.owed))
    }

    /// What is to be paid now. With none, whoever pays is done.
    fn owed(&self, whose: (Who, Class)) -> u32 {
        let mut hands = self.lock();
        let Some(hand) = hands.get_mut(&whose) else { return 0 };
        let owed = std::mem::take(&mut hand.owed);
        hand.is_settling = owed > 0;
        owed
    }
}

impl Hand {
    fn spend(&mut self) -> Spent {
        if self.left == 0 {
            return Spent::Nothing;
        }
        self.left -= 1;
        if self.on_credit == 0 {
            return Spent::Paid;
        }
        self.on_credit -= 1;
        self.owed += 1;
        Spent::OnCredit { settle: !std::mem::replace(&mut self.is_settling, true) }
    }
}

impl Limiter {
    #[must_use]
    pub fn new(system: Db, live: Live, tasks: Tasks) -> Self {
        Self { system, live, tasks, hands: Arc::default() }
    }

    /// Takes one call out of the allowance. What `rules` say of it wins over the configured limits.
    ///
    /// # Errors
    /// `Slow` with the time after which there is one again.
    pub async fn take(&self, who: Who, class: Class, rules: &Rules) -> Result<(), Fault> {
        let Some((configured, handful)) = self.rule(class) else { return Ok(()) };
        let per_minute = rules.most(Limited::Calls(class)).unwrap_or(configured);
        let bucket = Bucket { who, class: class.as_str(), per_minute };
        match self.take_from(bucket, class, handful).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(after)) => Err(slow(class, per_minute, after)),
            // A full or read-only disk must not stop anybody from reading what they have.
            // Passphrases that are tried are counted by name, and in memory where need be.
            Err(why) if why.is_no_room() => Ok(()),
            Err(why) => Err(why.into()),
        }
    }

    async fn take_from(&self, bucket: Bucket, class: Class, handful: u32) -> Result<Result<(), Duration>, StoreError> {
        let whose = (bucket.who, class);
        let mut spent = self.hands.spend(whose);
        if class == Class::Read && matches!(spent, Spent::Untouched) {
            match self.system.read(move |tx| buckets::left(tx, bucket, Moment::clock())).await? {
                Ok(left) => spent = self.begin_on_credit(whose, left),
                Err(after) => return Ok(Err(after)),
            }
        }
        match spent {
            Spent::Paid => return Ok(Ok(())),
            Spent::OnCredit { settle } => {
                if settle {
                    self.settle(bucket, whose);
                }
                return Ok(Ok(()));
            }
            Spent::Nothing | Spent::Untouched => {}
        }
        let owed = self.hands.owed_already(whose);
        let drawn = self.system.write(move |tx| buckets::take(tx, bucket, owed, handful, Moment::clock())).await?;
        Ok(drawn.map(|calls| {
            if calls > 1 {
                self.hands.lock().entry(whose).or_default().left += calls - 1;
            }
        }))
    }

    /// The first look, unless another was quicker.
    fn begin_on_credit(&self, whose: (Who, Class), left: u32) -> Spent {
        let credit = left.min(ON_CREDIT);
        let first = || Hand { left: credit, on_credit: credit, ..Hand::default() };
        self.hands.lock().entry(whose).or_insert_with(first).spend()
    }

    /// Pays for what was made on credit until nothing is owed.
    fn settle(&self, bucket: Bucket, whose: (Who, Class)) {
        let (system, hands) = (self.system.clone(), Arc::clone(&self.hands));
        self.tasks.spawn(COUNTING, async move {
            loop {
                let owed = hands.owed(whose);
                if owed == 0 {
                    return;
                }
                if let Err(why) = system.write(move |tx| buckets::settle(tx, bucket, owed, Moment::clock())).await {
                    tracing::warn!(%why, "calls could not be counted");
                }
            }
        });
    }

    /// Calls a minute, and how many are drawn at once. `None` = as often as one likes.
    fn rule(&self, class: Class) -> Option<(u32, u32)> {
        // A handful is a small part of the whole, so that one window does not hold what another needs.
        let in_handfuls = |per_minute: u32| Some((per_minute, (per_minute / 30).clamp(1, 200)));
        let config = self.live.config();
        let limits = &config.limits;
        match class {
            Class::Chat => Some((limits.chat_per_minute, 1)),
            Class::Auth => Some((limits.auth_per_minute, 1)),
            Class::Admin => Some((limits.admin_per_minute, 1)),
            Class::Read => in_handfuls(limits.read_per_minute),
            Class::Write => in_handfuls(limits.write_per_minute),
            Class::Free => None,
        }
    }
}

fn slow(class: Class, per_minute: u32, after: Duration) -> Fault {
    let what = match class {
        Class::Chat => "questions",
        Class::Auth => "sign-in calls",
        Class::Admin => "administrative calls",
        Class::Write => "changes",
        Class::Read | Class::Free => "calls",
    };
    let seconds = after.as_millis().div_ceil(1000);
    Fault::new(FaultKind::Slow, format!("That was more than {per_minute} {what} a minute."))
        .hint(format!("Try again in {seconds} s."))
        .retry_after(after)
}
