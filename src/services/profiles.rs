//! How an account is set up by its own person, what it may still do, and what is recorded about it.

use crate::{
    access::{Caller, Member},
    api::{
        Fault,
        profile::{Activity, Allowance, Preferences, Profile},
    },
    services::unbuilt,
    store::Db,
};

#[derive(Debug)]
pub struct Profiles {
    system: Db,
}

impl Profiles {
    #[must_use]
    pub fn new(system: Db) -> Self {
        Self { system }
    }

    pub async fn show(&self, by: Caller<Member>) -> Result<Profile, Fault> {
        drop((by, &self.system));
        Err(unbuilt().await)
    }

    pub async fn set_display_name(&self, by: Caller<Member>, name: Option<String>) -> Result<(), Fault> {
        drop((by, name));
        Err(unbuilt().await)
    }

    pub async fn preferences(&self, by: Caller<Member>) -> Result<Preferences, Fault> {
        drop(by);
        Err(unbuilt().await)
    }

    pub async fn set_preferences(&self, by: Caller<Member>, new: Preferences) -> Result<(), Fault> {
        drop((by, new));
        Err(unbuilt().await)
    }

    pub async fn allowance(&self, by: Caller<Member>) -> Result<Vec<Allowance>, Fault> {
        drop(by);
        Err(unbuilt().await)
    }

    pub async fn activity(&self, by: Caller<Member>, before: Option<i64>, limit: u32) -> Result<Activity, Fault> {
        drop((by, before, limit));
        Err(unbuilt().await)
    }
}
