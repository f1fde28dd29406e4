//! Installed and loaded models.

use std::time::Duration;

use super::Gateway;
use crate::{
    access::{Class, Member, Op, Permission},
    api::{
        Fault,
        auth::Session,
        models::{ModelDetail, ModelList},
    },
};

// The gate does not refuse these while Ollama fails, because the last good list, with its age and the reason, and what is
// kept of details are an answer then. The service asks the breaker where it would ask Ollama, and refuses only what it
// has nothing kept for.
pub(super) const LIST: Op = Op {
    name: "models.list",
    permission: Permission::SeeModels,
    class: Class::Read,
    needs_ollama: None,
    deadline: Duration::from_secs(45),
    fresh: false,
};

pub(super) const DETAIL: Op = Op { name: "models.detail", ..LIST };

impl Gateway {
    /// Installed models joined with the loaded ones. `fresh` asks Ollama even if the cached list is young.
    pub async fn models(&self, session: &Session, fresh: bool) -> Result<ModelList, Fault> {
        self.0.gate.call::<Member, _, _>(session, &LIST, |by| self.0.models.list(by, fresh)).await
    }

    pub async fn model(&self, session: &Session, name: &str) -> Result<ModelDetail, Fault> {
        self.0.gate.call::<Member, _, _>(session, &DETAIL, |by| self.0.models.detail(by, name)).await
    }
}
