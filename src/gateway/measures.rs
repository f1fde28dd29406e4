//! How models do here.

use std::time::Duration;

use super::Gateway;
use crate::{
    access::{Class, Member, Op, Permission},
    api::{
        Fault,
        auth::Session,
        measures::{ModelUse, UseQuery},
    },
};

const USE: Op = Op {
    name: "models.use",
    permission: Permission::SeeModels,
    class: Class::Read,
    needs_ollama: None,
    deadline: Duration::from_secs(10),
    fresh: false,
};

impl Gateway {
    /// What each model was used for, how fast it was, how it was liked: one's own figures, and sums of everybody where
    /// enough people are in them.
    pub async fn model_use(&self, session: &Session, query: UseQuery) -> Result<ModelUse, Fault> {
        self.0.gate.call::<Member, _, _>(session, &USE, |by| self.0.measures.used(by, query)).await
    }
}
