//! Installed and loaded models.

use super::{Gateway, unbuilt};
use crate::api::{
    Fault,
    auth::Session,
    models::{ModelDetail, ModelList},
};

impl Gateway {
    /// Installed models joined with the loaded ones. `fresh` asks Ollama even if the cached list is young.
    pub async fn models(&self, _session: &Session, _fresh: bool) -> Result<ModelList, Fault> {
        unbuilt()
    }

    pub async fn model(&self, _session: &Session, _name: &str) -> Result<ModelDetail, Fault> {
        unbuilt()
    }
}
