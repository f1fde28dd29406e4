//! Coming in, going out, and the passphrase.

use std::sync::{PoisonError, atomic::Ordering};

use super::{Hands, Performer, Way};
use crate::{
    api::{
        Fault,
        auth::{Door, Entered, Secret, Session, SignedIn},
        events::Event,
    },
    ui::msg::{AuthCall, AuthReply, Msg, OpenSealed},
};

impl Performer {
    pub(super) fn auth(&mut self, call: AuthCall) {
        let way = match &call {
            AuthCall::Lock | AuthCall::SignOut => Way::InOrder,
            AuthCall::Door
            | AuthCall::Registration
            | AuthCall::Judge { .. }
            | AuthCall::Propose
            | AuthCall::CreateFirstAdmin(_)
            | AuthCall::Register(_)
            | AuthCall::Activate(_)
            | AuthCall::SignIn { .. }
            | AuthCall::SecondFactor { .. }
            | AuthCall::Recover { .. }
            | AuthCall::StaySignedIn(_)
            | AuthCall::Unlock(_)
            | AuthCall::ChangePassphrase { .. }
            | AuthCall::Confirm(_) => Way::Beside("account"),
        };
        let hands = self.hands.clone();
        self.make(way, Box::pin(async move { hands.auth(call).await }));
    }
}

impl Hands {
    async fn auth(&self, call: AuthCall) {
        let gateway = &self.gateway;
        let signed_out = || Err(Fault::signed_out());
        let reply = match call {
            AuthCall::Door => {
                let door = gateway.door().await;
                if let Ok(Door::Resumed(signed_in)) = &door {
                    self.arrive(signed_in).await;
                }
                AuthReply::Door(door)
            }
            AuthCall::Registration => AuthReply::Registration(gateway.registration().await),
            AuthCall::Judge { asked, name, passphrase } => {
                AuthReply::Judged { asked, strength: gateway.judge_passphrase(&name, &passphrase).await }
            }
            AuthCall::Propose => AuthReply::Proposed(gateway.propose_passphrase().await),
            AuthCall::CreateFirstAdmin(new) => {
                let made = gateway.create_first_admin(new).await;
                self.signed_in(made.map(|made| Entered::In(Box::new(made)))).await
            }
            AuthCall::Register(new) => {
                let made = gateway.register(new).await;
                self.signed_in(made.map(|made| Entered::In(Box::new(made)))).await
            }
            AuthCall::Activate(how) => self.signed_in(gateway.activate(how).await).await,
            AuthCall::SecondFactor { half, code } => {
                let passed = gateway.second_factor(&half, &code).await;
                self.signed_in(passed.map(|passed| Entered::In(Box::new(passed)))).await
            }
            AuthCall::SignIn { name, passphrase } => self.signed_in(gateway.sign_in(&name, &passphrase).await).await,
            AuthCall::Recover { name, code, new } => self.signed_in(gateway.recover(&name, &code, &new).await).await,
            AuthCall::StaySignedIn(stay) => AuthReply::Stayed(match self.session() {
                Some(session) => gateway.stay_signed_in(&session, stay).await.map(|()| stay),
                None => signed_out().map(|()| stay),
            }),
            AuthCall::SignOut => {
                let done = match self.session() {
                    Some(session) => gateway.sign_out(&session).await,
                    None => Ok(()),
                };
                self.keep(None);
                AuthReply::SignedOut(done)
            }
            AuthCall::Lock => AuthReply::Locked(match self.session() {
                Some(session) => gateway.lock(&session).await,
                None => signed_out(),
            }),
            AuthCall::Unlock(passphrase) => AuthReply::Unlocked(match self.session() {
                Some(session) => gateway.unlock(&session, &passphrase).await,
                None => signed_out(),
            }),
            AuthCall::ChangePassphrase { current, new } => AuthReply::PassphraseChanged(match self.session() {
                Some(session) => gateway.change_passphrase(&session, &current, &new).await,
                None => signed_out(),
            }),
            AuthCall::Confirm(passphrase) => AuthReply::Confirmed(match self.session() {
                Some(session) => self.confirm(&session, &passphrase).await,
                None => signed_out(),
            }),
        };
        self.tell(Msg::Auth(reply)).await;
    }

    /// Types the passphrase again. The session has another handle from then on.
    async fn confirm(&self, session: &Session, passphrase: &Secret) -> Result<(), Fault> {
        let fresh = self.gateway.confirm(session, passphrase).await?;
        let mut kept = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody else may be in meanwhile.
        if kept.as_ref().is_some_and(|kept| kept.id == fresh.id) {
            *kept = Some(fresh);
        }
        Ok(())
    }

    /// Changes the vault for a sealed one. The session that asks ends with that, which is no news to tell.
    pub(super) async fn open_sealed(&self, session: &Session, call: OpenSealed) -> Result<Box<SignedIn>, Fault> {
        let OpenSealed { which, code, passphrase } = call;
        self.is_changing.store(true, Ordering::Release);
        let opened = self.gateway.open_sealed_vault(session, which, code, &passphrase).await;
        if let Ok(signed_in) = &opened {
            self.arrive(signed_in).await;
        }
        self.is_changing.store(false, Ordering::Release);
        opened.map(Box::new)
    }

    async fn signed_in(&self, entered: Result<Entered, Fault>) -> AuthReply {
        match entered {
            Ok(Entered::In(signed_in)) => {
                self.arrive(&signed_in).await;
                AuthReply::SignedIn(Ok(signed_in))
            }
            Ok(Entered::SecondFactor(half)) => AuthReply::HalfWay(half),
            Err(fault) => AuthReply::SignedIn(Err(fault)),
        }
    }

    /// Keeps the session and listens to what happens in it.
    async fn arrive(&self, signed_in: &SignedIn) {
        let session = signed_in.session.clone();
        self.keep(Some(session.clone()));
        match self.gateway.events(&session).await {
            Ok(mut events) => {
                let hands = self.clone();
                let ended = self.tasks.token();
                self.tasks.spawn("events", async move {
                    while let Some(Some(event)) = ended.run_until_cancelled(events.recv()).await {
                        let is_over = matches!(event, Event::SessionEnded(_));
                        // Of a session that is no longer ours nothing is told.
                        let is_no_news = is_over && hands.is_changing.load(Ordering::Acquire);
                        if is_no_news || hands.session().is_none_or(|kept| kept.id != session.id) {
                            return;
                        }
                        if hands.outbox.send(Msg::Event(event)).await.is_err() || is_over {
                            return;
                        }
                    }
                });
            }
            Err(fault) => self.tell(Msg::Event(Event::Notice(fault))).await,
        }
    }
}
