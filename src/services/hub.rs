//! Who hears what happens: one bounded channel for each subscription, delivery by account.
//!
//! It is not a log: nothing is kept for those who are not listening, the store is. Deltas and endings wait for room
//! (`tell`); what only says "look again" is gathered while there is none (`changed`); progress is dropped (`hint`).
//!
//! Architecture invariant: a subscriber that has gone away never holds anyone up, and nobody hears another account.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::mpsc::{self, error::TrySendError};

use crate::api::{
    AccountId, Fault, SessionId,
    events::{Changed, Event},
};

/// Events that may wait for a slow screen before the answer waits with them.
const ROOM: usize = 256;

/// A handle on all subscriptions. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Hub(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    subscribers: BTreeMap<u64, Subscriber>,
}

#[derive(Debug)]
struct Subscriber {
    account: AccountId,
    session: SessionId,
    sender: mpsc::Sender<Event>,
    /// "Look again" that found no room.
    missed: Vec<Changed>,
}

impl Hub {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Everything that happens to this account and this session from now on.
    pub fn subscribe(&self, account: AccountId, session: SessionId) -> mpsc::Receiver<Event> {
        let (sender, receiver) = mpsc::channel(ROOM);
        let mut inner = self.lock();
        inner.forget_the_gone();
        let number = inner.next;
        inner.next += 1;
        inner.subscribers.insert(number, Subscriber { account, session, sender, missed: Vec::new() });
        receiver
    }

    /// Delivers to everyone who listens for this account, waiting for room. Race it against a stop.
    pub async fn tell(&self, account: AccountId, event: Event) {
        for sender in self.senders(|subscriber| subscriber.account == account) {
            // One that has gone away fails at once.
            let _ = sender.send(event.clone()).await;
        }
    }

    /// Delivers where there is room and drops it elsewhere: for progress, of which the latest counts.
    pub fn hint(&self, account: AccountId, event: &Event) {
        for sender in self.senders(|subscriber| subscriber.account == account) {
            let _ = sender.try_send(event.clone());
        }
    }

    /// Progress that concerns the machine and nobody in particular.
    pub fn hint_everyone(&self, event: &Event) {
        for sender in self.senders(|_| true) {
            let _ = sender.try_send(event.clone());
        }
    }

    /// Says that something in the account's vault changed. Never waits, never forgets: what finds no room goes
    /// with the next one.
    pub fn changed(&self, account: AccountId, what: Changed) {
        let mut inner = self.lock();
        inner.forget_the_gone();
        for subscriber in inner.subscribers.values_mut().filter(|subscriber| subscriber.account == account) {
            if !subscriber.missed.contains(&what) {
                subscriber.missed.push(what);
            }
            subscriber.deliver_missed();
        }
    }

    /// Says to everybody that something changed which belongs to nobody in particular.
    pub fn changed_for_everyone(&self, what: Changed) {
        let mut inner = self.lock();
        inner.forget_the_gone();
        for subscriber in inner.subscribers.values_mut() {
            if !subscriber.missed.contains(&what) {
                subscriber.missed.push(what);
            }
            subscriber.deliver_missed();
        }
    }

    /// Tries again to deliver what found no room.
    pub fn flush(&self, account: AccountId) {
        let mut inner = self.lock();
        for subscriber in inner.subscribers.values_mut().filter(|subscriber| subscriber.account == account) {
            subscriber.deliver_missed();
        }
    }

    /// Tells one session that it is over and closes its subscriptions after what they still hold.
    pub fn end_session(&self, session: SessionId, why: &Fault) {
        let mut inner = self.lock();
        inner.subscribers.retain(|_, subscriber| {
            if subscriber.session == session {
                let _ = subscriber.sender.try_send(Event::SessionEnded(why.clone()));
            }
            subscriber.session != session
        });
    }

    /// Resolves when nobody listens for this session any more.
    pub fn closed(&self, session: SessionId) -> impl Future<Output = ()> + Send + 'static {
        let senders = self.senders(|subscriber| subscriber.session == session);
        async move {
            for sender in senders {
                sender.closed().await;
            }
        }
    }

    /// Whether anyone listens for this account.
    #[must_use]
    pub fn is_heard(&self, account: AccountId) -> bool {
        !self.senders(|subscriber| subscriber.account == account).is_empty()
    }

    fn senders(&self, which: impl Fn(&Subscriber) -> bool) -> Vec<mpsc::Sender<Event>> {
        let mut inner = self.lock();
        inner.forget_the_gone();
        inner.subscribers.values().filter(|subscriber| which(subscriber)).map(|found| found.sender.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn forget_the_gone(&mut self) {
        self.subscribers.retain(|_, subscriber| !subscriber.sender.is_closed());
    }
}

impl Subscriber {
    fn deliver_missed(&mut self) {
        while let Some(what) = self.missed.first() {
            match self.sender.try_send(Event::Changed(*what)) {
                Ok(()) => drop(self.missed.remove(0)),
                Err(TrySendError::Full(_) | TrySendError::Closed(_)) => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{ConversationId, FaultKind};

    fn notice(text: &str) -> Event {
        Event::Notice(Fault::new(FaultKind::Internal, text))
    }

    #[tokio::test]
    async fn nobody_hears_another_account() {
        let hub = Hub::new();
        let (alice, bob) = (AccountId::new(), AccountId::new());
        let mut hers = hub.subscribe(alice, SessionId::new());
        let mut his = hub.subscribe(bob, SessionId::new());
        hub.tell(alice, notice("hers")).await;
        hub.hint(alice, &notice("hers too"));
        hub.changed(alice, Changed::Tree);
        assert_eq!(hers.recv().await, Some(notice("hers")));
        assert_eq!(hers.recv().await, Some(notice("hers too")));
        assert_eq!(hers.recv().await, Some(Event::Changed(Changed::Tree)));
        assert!(his.try_recv().is_err());
    }

    #[tokio::test]
    async fn a_subscriber_that_went_away_holds_nobody_up() {
        let hub = Hub::new();
        let account = AccountId::new();
        drop(hub.subscribe(account, SessionId::new()));
        for _ in 0..2 * ROOM {
            hub.tell(account, notice("to nobody")).await;
        }
        assert!(!hub.is_heard(account));
    }

    #[tokio::test]
    async fn telling_waits_for_room_and_ends_when_the_listener_goes() {
        let hub = Hub::new();
        let account = AccountId::new();
        let receiver = hub.subscribe(account, SessionId::new());
        for _ in 0..ROOM {
            hub.tell(account, notice("fill")).await;
        }
        let mut waiting = Box::pin(hub.tell(account, notice("one more")));
        tokio::select! {
            biased;
            () = &mut waiting => panic!("there was no room"),
            () = std::future::ready(()) => {}
        }
        drop(receiver);
        waiting.await;
    }

    #[tokio::test]
    async fn a_change_that_found_no_room_is_delivered_later_and_once() {
        let hub = Hub::new();
        let account = AccountId::new();
        let mut receiver = hub.subscribe(account, SessionId::new());
        for _ in 0..ROOM {
            hub.hint(account, &notice("fill"));
        }
        let conversation = Changed::Conversation(ConversationId::new());
        hub.changed(account, conversation);
        hub.changed(account, conversation);
        for _ in 0..ROOM {
            assert_eq!(receiver.try_recv(), Ok(notice("fill")));
        }
        assert!(receiver.try_recv().is_err());
        hub.flush(account);
        assert_eq!(receiver.try_recv(), Ok(Event::Changed(conversation)));
        assert!(receiver.try_recv().is_err());
    }

    #[tokio::test]
    async fn an_ended_session_hears_why_and_then_nothing() {
        let hub = Hub::new();
        let (account, session) = (AccountId::new(), SessionId::new());
        let mut receiver = hub.subscribe(account, session);
        let mut other = hub.subscribe(account, SessionId::new());
        hub.end_session(session, &Fault::signed_out());
        assert_eq!(receiver.recv().await, Some(Event::SessionEnded(Fault::signed_out())));
        assert_eq!(receiver.recv().await, None);
        assert!(other.try_recv().is_err());
        assert!(hub.is_heard(account));
    }
}
