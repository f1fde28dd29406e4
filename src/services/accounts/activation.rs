//! Coming in for the first time: by registration where it is open, by a one-time code otherwise.

use super::Accounts;
use crate::{
    access::Visitor,
    api::{
        Fault,
        auth::{Activation, Entered, NewAccount, SignedIn},
    },
    services::unbuilt,
};

impl Accounts {
    pub async fn register(&self, _by: Visitor, new: NewAccount) -> Result<SignedIn, Fault> {
        drop(new);
        Err(unbuilt().await)
    }

    pub async fn activate(&self, _by: Visitor, how: Activation) -> Result<Entered, Fault> {
        drop(how);
        Err(unbuilt().await)
    }
}
