//! Everything of one account in one archive that can be read without this program.

use std::path::PathBuf;

use crate::{
    access::{Caller, Member},
    api::{Fault, profile::ExportReport},
    services::unbuilt,
    store::Db,
};

#[derive(Debug)]
pub struct Export {
    system: Db,
}

impl Export {
    #[must_use]
    pub fn new(system: Db) -> Self {
        Self { system }
    }

    pub async fn everything(&self, by: Caller<Member>, to: PathBuf) -> Result<ExportReport, Fault> {
        drop((by, to, &self.system));
        Err(unbuilt().await)
    }
}
