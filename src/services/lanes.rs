//! How many answers one account may have running at once, and who waits for how many others. First come, first served
//! within one window; between windows whoever looks first when there is room.
//!
//! Other windows are seen by locks on files of their own, one for each answer that may run: the kernel lets go of them
//! however a process ends, so nobody waits for an answer that a crash took along.

use std::{
    collections::{HashMap, VecDeque},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

use crate::{
    api::{AccountId, TurnId},
    store::vault::lease::{Slot, Waiting},
};

/// How often a place that another window holds is tried again.
const TRY_AGAIN: Duration = Duration::from_millis(200);

#[derive(Clone, Debug, Default)]
pub struct Lanes(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Where the locks are that other windows see. `None` = there are no other windows.
    directory: Option<PathBuf>,
    lanes: Mutex<HashMap<AccountId, Lane>>,
    /// Counts changes, so that those who wait look again.
    changes: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Lane {
    running: u32,
    waiting: VecDeque<TurnId>,
}

/// A place in a lane, waiting or running. Dropping it makes room.
#[derive(Debug)]
pub struct Place {
    shared: Arc<Shared>,
    account: AccountId,
    turn: TurnId,
    runs: bool,
    /// Held for the lock on it.
    slot: Option<Slot>,
    /// Held while it waits, for those who count.
    waits: Option<Waiting>,
}

impl Lanes {
    /// Lanes that all windows of an account share, through locks in this directory.
    #[must_use]
    pub fn shared(directory: PathBuf) -> Self {
        Self(Arc::new(Shared { directory: Some(directory), ..Shared::default() }))
    }

    /// Answers of this account that run, here and in other windows, as far as `at_once` lets them.
    #[must_use]
    pub fn running(&self, account: AccountId, at_once: u32) -> u32 {
        match &self.0.directory {
            Some(directory) => Slot::taken(directory, account, at_once),
            None => lock(&self.0).get(&account).map_or(0, |lane| lane.running),
        }
    }

    /// Lines up now; `Place::turn_to_run` waits.
    #[must_use]
    pub fn line_up(&self, account: AccountId, turn: TurnId) -> Place {
        lock(&self.0).entry(account).or_default().waiting.push_back(turn);
        Place { shared: Arc::clone(&self.0), account, turn, runs: false, slot: None, waits: None }
    }
}

impl Place {
    /// Waits until fewer than `at_once` answers run and nobody is before this one. `position` hears how many are.
    pub async fn turn_to_run<F: Future<Output = ()>>(&mut self, at_once: u32, mut position: impl FnMut(u32) -> F) {
        self.first_here(at_once, &mut position).await;
        let Some(directory) = self.shared.directory.clone() else { return };
        let mut is_told = false;
        loop {
            match Slot::take(&directory, self.account, at_once) {
                Ok(Some(slot)) => {
                    (self.slot, self.waits) = (Some(slot), None);
                    return;
                }
                // Without locks every window counts for itself: better than no answers.
                Err(error) => {
                    tracing::warn!(%error, "other windows' answers cannot be counted");
                    return;
                }
                Ok(None) => {}
            }
            if !is_told {
                is_told = true;
                self.is_seen_to_wait();
                position(at_once).await;
            }
            tokio::time::sleep(TRY_AGAIN).await;
        }
    }

    /// From now on whoever counts sees it wait. That nobody can see it is no reason not to answer.
    fn is_seen_to_wait(&mut self) {
        if let (None, Some(directory)) = (&self.waits, &self.shared.directory) {
            self.waits = Waiting::begin(directory).ok();
        }
    }

    /// The same among the answers of this window alone.
    async fn first_here<F: Future<Output = ()>>(&mut self, at_once: u32, position: &mut impl FnMut(u32) -> F) {
        let mut changes = self.shared.changes.subscribe();
        let mut told = None;
        loop {
            changes.borrow_and_update();
            let before = {
                let mut lanes = lock(&self.shared);
                let lane = lanes.entry(self.account).or_default();
                let before = lane.waiting.iter().position(|turn| *turn == self.turn).unwrap_or(0) as u32;
                if before == 0 && lane.running < at_once.max(1) {
                    lane.waiting.pop_front();
                    lane.running += 1;
                    self.runs = true;
                }
                before + lane.running
            };
            if self.runs {
                self.shared.changes.send_modify(|changes| *changes += 1);
                return;
            }
            if told != Some(before) {
                told = Some(before);
                self.is_seen_to_wait();
                position(before).await;
            }
            // The sender lives in `shared`, so this cannot fail.
            let _ = changes.changed().await;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        {
            let mut lanes = lock(&self.shared);
            if let Some(lane) = lanes.get_mut(&self.account) {
                if self.runs {
                    lane.running = lane.running.saturating_sub(1);
                } else {
                    lane.waiting.retain(|turn| *turn != self.turn);
                }
                if lane.running == 0 && lane.waiting.is_empty() {
                    lanes.remove(&self.account);
                }
            }
        }
        self.shared.changes.send_modify(|changes| *changes += 1);
    }
}

fn lock(shared: &Shared) -> MutexGuard<'_, HashMap<AccountId, Lane>> {
    shared.lanes.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, time::Duration};

    use super::*;
    use crate::store::vault::lease;

    fn nobody(before: u32) -> std::future::Ready<()> {
        panic!("there is room, and {before} are said to be before it")
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_wait_hear_how_many_are_before_them_and_come_in_order() {
        let lanes = Lanes::default();
        let account = AccountId::new();
        let mut first = lanes.line_up(account, TurnId::new());
        first.turn_to_run(1, nobody).await;
        let (mut second, mut third) = (lanes.line_up(account, TurnId::new()), lanes.line_up(account, TurnId::new()));
        let order = RefCell::new(Vec::new());
        let note = |who, before| {
            order.borrow_mut().push((who, before));
            std::future::ready(())
        };
        let wait = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(first);
        };
        let second = async {
            second.turn_to_run(1, |before| note(2, before)).await;
            order.borrow_mut().push((2, 0));
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(second);
        };
        let third = async {
            third.turn_to_run(1, |before| note(3, before)).await;
            order.borrow_mut().push((3, 0));
        };
        tokio::join!(wait, second, third);
        let heard = |who| order.borrow().iter().filter(|(by, _)| *by == who).map(|(_, n)| *n).collect::<Vec<u32>>();
        assert_eq!((heard(2), heard(3)), (vec![1, 0], vec![2, 1, 0]));
        assert_eq!(order.borrow().last(), Some(&(3, 0)));
    }

    #[tokio::test]
    async fn what_runs_and_waits_in_any_window_is_counted_and_a_crash_leaves_nothing_that_counts() {
        let dir = tempfile::tempdir().unwrap();
        let windows = [Lanes::shared(dir.path().to_owned()), Lanes::shared(dir.path().to_owned())];
        let (alice, bob) = (AccountId::new(), AccountId::new());
        assert_eq!(lease::answers(dir.path()), (0, 0));
        let mut hers = windows[0].line_up(alice, TurnId::new());
        hers.turn_to_run(1, nobody).await;
        let mut his = windows[1].line_up(bob, TurnId::new());
        his.turn_to_run(1, nobody).await;
        // One waits behind hers in the same window, one in another.
        let told = tokio::sync::Semaphore::new(0);
        let heard = |_| {
            told.add_permits(1);
            std::future::ready(())
        };
        let (mut here, mut there) =
            (windows[0].line_up(alice, TurnId::new()), windows[1].line_up(alice, TurnId::new()));
        let counted = async {
            let _both = told.acquire_many(2).await.unwrap();
            lease::answers(dir.path())
        };
        tokio::select! {
            () = here.turn_to_run(1, heard) => panic!("there is no room"),
            () = there.turn_to_run(1, heard) => panic!("there is no room"),
            counted = counted => assert_eq!(counted, (2, 2)),
        }
        drop((here, there));
        assert_eq!(lease::answers(dir.path()), (2, 0));
        // A name that nobody holds any more is what a killed window leaves.
        let left = dir.path().join("waiting-of-a-crash");
        std::fs::write(&left, "").unwrap();
        assert_eq!(lease::answers(dir.path()), (2, 0));
        assert!(!left.exists(), "and it is tidied away");
    }

    #[tokio::test(start_paused = true)]
    async fn accounts_do_not_wait_for_each_other_and_leaving_makes_room() {
        let lanes = Lanes::default();
        let (alice, bob) = (AccountId::new(), AccountId::new());
        let mut hers = lanes.line_up(alice, TurnId::new());
        hers.turn_to_run(1, nobody).await;
        lanes.line_up(bob, TurnId::new()).turn_to_run(1, nobody).await;
        let given_up = lanes.line_up(alice, TurnId::new());
        let mut next = lanes.line_up(alice, TurnId::new());
        drop(given_up);
        drop(hers);
        next.turn_to_run(1, nobody).await;
    }
}
