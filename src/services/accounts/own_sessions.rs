//! One's own sessions: seen, ended, confirmed; and one's own way out for good.

use super::Accounts;
use crate::{
    access::{Caller, Member},
    api::{Fault, SessionId, admin::SessionRow, auth::Secret},
    services::unbuilt,
};

impl Accounts {
    pub async fn sessions(&self, by: Caller<Member>) -> Result<Vec<SessionRow>, Fault> {
        drop(by);
        Err(unbuilt().await)
    }

    pub async fn end_session(&self, by: Caller<Member>, which: SessionId) -> Result<(), Fault> {
        drop((by, which));
        Err(unbuilt().await)
    }

    pub async fn end_other_sessions(&self, by: Caller<Member>) -> Result<u32, Fault> {
        drop(by);
        Err(unbuilt().await)
    }

    pub async fn confirm(&self, by: Caller<Member>, passphrase: &Secret) -> Result<(), Fault> {
        drop((by, passphrase));
        Err(unbuilt().await)
    }

    pub async fn new_recovery_code(&self, by: Caller<Member>) -> Result<Secret, Fault> {
        drop(by);
        Err(unbuilt().await)
    }

    pub async fn leave_for_good(&self, by: Caller<Member>) -> Result<(), Fault> {
        drop(by);
        Err(unbuilt().await)
    }
}
