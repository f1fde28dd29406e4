//! Coming in, going out, and the passphrase.

use super::{Hands, Performer, Way};
use crate::{
    api::{
        Fault,
        auth::{Door, Entered, SignedIn},
        events::Event,
    },
    ui::msg::{AuthCall, AuthReply, Msg},
};

impl Performer {
    pub(super) fn auth(&mut self, call: AuthCall) {
        let way = match &call {
            AuthCall::Lock | AuthCall::SignOut => Way::InOrder,
            AuthCall::Door
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
                Some(session) => gateway.confirm(&session, &passphrase).await,
                None => signed_out(),
            }),
        };
        self.tell(Msg::Auth(reply)).await;
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
                        if hands.session().as_ref() != Some(&session) {
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
