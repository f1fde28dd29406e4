//! The calls of the tab of the settings.

use super::Hands;
use crate::{
    api::auth::Session,
    ui::msg::house::{SettingsCall, SettingsReply},
};

/// Changes read at a time.
const PAGE: u32 = 50;

impl Hands {
    pub(super) async fn settings(&self, session: &Session, call: SettingsCall) -> SettingsReply {
        let gateway = &self.gateway;
        let done = match &call {
            SettingsCall::List => return SettingsReply::Listed(gateway.settings(session).await.map(Box::new)),
            SettingsCall::Past { asked, of, before } => {
                let page = gateway.setting_history(session, of.clone(), *before, PAGE).await;
                return SettingsReply::Past { asked: *asked, page };
            }
            SettingsCall::Differ { asked, from, to } => {
                let found = gateway.setting_differences(session, *from, *to).await;
                return SettingsReply::Differs { asked: *asked, found };
            }
            SettingsCall::Set(changes) => gateway.change_settings(session, changes.clone()).await,
            SettingsCall::RollBack { name, to, seen } => gateway.roll_back_setting(session, name, *to, *seen).await,
            SettingsCall::RollAllBack { to, seen } => {
                gateway.roll_all_settings_back(session, *to, *seen).await.map(drop)
            }
        };
        SettingsReply::Changed { call, done }
    }
}
