//! The second factor: time-based codes (RFC 6238) and the recovery codes beside them.
//!
//! Its secret is sealed with the vault's key, so that it can be read only after the passphrase has opened that. In Solo
//! mode it guards this program's door and not the files: whoever has the files and the passphrase needs no door.

use super::Accounts;
use crate::{
    access::{Caller, Member, Visitor},
    api::{
        Fault,
        auth::{HalfWay, Secret, SignedIn},
        profile::Enrolment,
    },
    services::unbuilt,
};

impl Accounts {
    pub async fn second_factor(&self, _by: Visitor, half: &HalfWay, code: &Secret) -> Result<SignedIn, Fault> {
        let _ = (half, code);
        Err(unbuilt().await)
    }

    pub async fn begin_second_factor(&self, by: Caller<Member>) -> Result<Enrolment, Fault> {
        drop(by);
        Err(unbuilt().await)
    }

    pub async fn add_second_factor(&self, by: Caller<Member>, code: &Secret) -> Result<Vec<Secret>, Fault> {
        drop((by, code));
        Err(unbuilt().await)
    }

    pub async fn remove_second_factor(&self, by: Caller<Member>, code: &Secret) -> Result<(), Fault> {
        drop((by, code));
        Err(unbuilt().await)
    }

    pub async fn new_second_factor_codes(&self, by: Caller<Member>, code: &Secret) -> Result<Vec<Secret>, Fault> {
        drop((by, code));
        Err(unbuilt().await)
    }
}
