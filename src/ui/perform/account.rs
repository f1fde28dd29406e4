//! The calls of the Account screen.

use super::{Hands, Performer, Way};
use crate::{
    api::{Fault, auth::Session, events::Event},
    ui::{
        complete,
        msg::{AccountCall, AccountReply, Msg},
    },
};

impl Performer {
    pub(super) fn account(&mut self, call: AccountCall) {
        let way = match call {
            // These take their time, and nothing that is asked for after them looks at what they change.
            AccountCall::Export(_) => Way::Beside("exporting your data"),
            AccountCall::Models => Way::Beside("call"),
            AccountCall::Profile
            | AccountCall::SetDisplayName(_)
            | AccountCall::Preferences
            | AccountCall::SetPreferences(_)
            | AccountCall::Allowance
            | AccountCall::Activity { .. }
            | AccountCall::Sessions
            | AccountCall::EndSession(_)
            | AccountCall::EndOthers
            | AccountCall::BeginSecondFactor
            | AccountCall::AddSecondFactor(_)
            | AccountCall::RemoveSecondFactor(_)
            | AccountCall::NewSecondFactorCodes(_)
            | AccountCall::NewRecoveryCode
            | AccountCall::Sealed
            | AccountCall::OpenSealed(_)
            | AccountCall::ForgetSealed(_)
            | AccountCall::Delete => Way::InOrder,
        };
        let hands = self.hands.clone();
        self.make(way, Box::pin(async move { hands.account(call).await }));
    }
}

impl Hands {
    async fn account(&self, call: AccountCall) {
        let Some(session) = self.session() else {
            return self.tell(Msg::Event(Event::SessionEnded(Fault::signed_out()))).await;
        };
        let reply = self.ask_account(&session, call).await;
        self.tell(Msg::Account(reply)).await;
    }

    async fn ask_account(&self, session: &Session, call: AccountCall) -> AccountReply {
        let gateway = &self.gateway;
        match call {
            AccountCall::Profile => AccountReply::Profile(gateway.profile(session).await.map(Box::new)),
            AccountCall::SetDisplayName(name) => {
                AccountReply::DisplayNameSet(gateway.set_display_name(session, name).await)
            }
            AccountCall::Preferences => AccountReply::Preferences(gateway.preferences(session).await.map(Box::new)),
            AccountCall::SetPreferences(new) => {
                AccountReply::PreferencesSet(gateway.set_preferences(session, (*new).clone()).await.map(|()| new))
            }
            AccountCall::Allowance => AccountReply::Allowance(gateway.allowance(session).await),
            AccountCall::Activity { before, limit } => {
                AccountReply::Activity { before, activity: gateway.activity(session, before, limit).await }
            }
            AccountCall::Sessions => AccountReply::Sessions(gateway.sessions(session).await),
            AccountCall::EndSession(which) => AccountReply::SessionEnded(gateway.end_session(session, which).await),
            AccountCall::EndOthers => AccountReply::OthersEnded(gateway.end_other_sessions(session).await),
            AccountCall::BeginSecondFactor => AccountReply::Proposed(gateway.begin_second_factor(session).await),
            AccountCall::AddSecondFactor(code) => AccountReply::Added(gateway.add_second_factor(session, &code).await),
            AccountCall::RemoveSecondFactor(code) => {
                AccountReply::Removed(gateway.remove_second_factor(session, &code).await)
            }
            AccountCall::NewSecondFactorCodes(code) => {
                AccountReply::NewCodes(gateway.new_second_factor_codes(session, &code).await)
            }
            AccountCall::NewRecoveryCode => AccountReply::RecoveryCode(gateway.new_recovery_code(session).await),
            AccountCall::Export(path) => {
                AccountReply::Exported(gateway.export_my_data(session, complete::whole(&path)).await)
            }
            AccountCall::Sealed => AccountReply::Sealed(gateway.sealed_vaults(session).await),
            AccountCall::OpenSealed(call) => AccountReply::SealedOpened(self.open_sealed(session, call).await),
            AccountCall::ForgetSealed(which) => {
                AccountReply::SealedForgotten(gateway.forget_sealed_vault(session, which).await)
            }
            AccountCall::Delete => AccountReply::Deleted(gateway.delete_my_account(session).await),
            AccountCall::Models => AccountReply::Models(gateway.models(session, false).await),
        }
    }
}
