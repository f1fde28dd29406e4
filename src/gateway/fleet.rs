//! All models that are known, installed or not: finding, details, fit; what the house keeps about them; the catalogue.

use std::{path::PathBuf, time::Duration};

use super::{Gateway, models::LIST};
use crate::{
    access::{Admin, Class, Member, Op, Permission},
    api::{
        Fault,
        auth::Session,
        fleet::{
            CacheFigures, Card, CardPatch, CatalogueState, Detail, Fit, Machine, ModelTag, Page, Query, SavedFilter,
        },
    },
};

const FIND: Op = Op { name: "models.find", ..LIST };
const EVERYTHING: Op = Op { name: "models.everything", ..LIST };
const FIT: Op = Op { name: "models.fit", ..LIST };
const MACHINE: Op = Op { name: "models.machine", ..LIST };
const CACHE: Op = Op { name: "models.cache", ..LIST };
const FILTERS: Op = Op { name: "model_filters.list", ..LIST };
const SAVE_FILTER: Op = Op { name: "model_filters.save", permission: Permission::Own, ..LIST };
const DELETE_FILTER: Op = Op { name: "model_filters.delete", ..SAVE_FILTER };
const TAGS: Op = Op { name: "model_tags.list", ..LIST };
const CATALOGUE: Op = Op { name: "catalogue.show", ..LIST };
const CREATE_TAG: Op = Op {
    name: "model_tags.create",
    permission: Permission::ManageModels,
    class: Class::Admin,
    needs_ollama: None,
    deadline: Duration::from_mins(1),
    fresh: false,
};
const CHANGE_TAG: Op = Op { name: "model_tags.change", ..CREATE_TAG };
const MERGE_TAGS: Op = Op { name: "model_tags.merge", ..CREATE_TAG };
const DELETE_TAG: Op = Op { name: "model_tags.delete", ..CREATE_TAG };
const TAG: Op = Op { name: "model_tags.put", ..CREATE_TAG };
const WRITE: Op = Op { name: "models.describe", ..CREATE_TAG };
const IMPORT: Op = Op { name: "catalogue.import", ..CREATE_TAG };
const RESTORE: Op = Op { name: "catalogue.restore", ..CREATE_TAG };

impl Gateway {
    /// One page of all models that are known to this account: the catalogue's, the installed ones and those in memory.
    pub async fn models_find(&self, session: &Session, query: Query) -> Result<Page, Fault> {
        self.0.gate.call::<Member, _, _>(session, &FIND, |by| self.0.models.find(by, query)).await
    }

    /// Everything about one model, by its name with its tag.
    pub async fn model_detail(&self, session: &Session, name: &str) -> Result<Detail, Fault> {
        self.0.gate.call::<Member, _, _>(session, &EVERYTHING, |by| self.0.models.everything(by, name)).await
    }

    /// Whether a model fits this machine, with a window of that many tokens or the one that Ollama would load.
    pub async fn model_fit(&self, session: &Session, name: &str, context: Option<u32>) -> Result<Fit, Fault> {
        self.0.gate.call::<Member, _, _>(session, &FIT, |by| self.0.models.fit(by, name, context)).await
    }

    /// Memory and GPUs of this machine.
    pub async fn machine(&self, session: &Session) -> Result<Machine, Fault> {
        self.0.gate.call::<Member, _, _>(session, &MACHINE, |by| self.0.models.machine(by)).await
    }

    /// How much of what was asked of Ollama was at hand.
    pub async fn cache_figures(&self, session: &Session) -> Result<CacheFigures, Fault> {
        self.0.gate.call::<Member, _, _>(session, &CACHE, |by| self.0.models.cache_figures(by)).await
    }

    /// The caller's own saved filters, by name.
    pub async fn model_filters(&self, session: &Session) -> Result<Vec<SavedFilter>, Fault> {
        self.0.gate.call::<Member, _, _>(session, &FILTERS, |by| self.0.models.filters(by)).await
    }

    /// Keeps a filter, in the place of one of the same name. Gives all of them.
    pub async fn save_model_filter(&self, session: &Session, filter: SavedFilter) -> Result<Vec<SavedFilter>, Fault> {
        self.0.gate.call::<Member, _, _>(session, &SAVE_FILTER, |by| self.0.models.save_filter(by, filter)).await
    }

    pub async fn delete_model_filter(&self, session: &Session, name: &str) -> Result<Vec<SavedFilter>, Fault> {
        self.0.gate.call::<Member, _, _>(session, &DELETE_FILTER, |by| self.0.models.delete_filter(by, name)).await
    }

    /// The house's tags for models, by category and name, each with how many models carry it.
    pub async fn model_tags(&self, session: &Session) -> Result<Vec<ModelTag>, Fault> {
        self.0.gate.call::<Member, _, _>(session, &TAGS, |by| self.0.models.tags(by)).await
    }

    pub async fn create_model_tag(&self, session: &Session, name: &str, category: &str) -> Result<ModelTag, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &CREATE_TAG, |by| self.0.models.create_tag(by, name, category)).await
    }

    /// Another name, another category (empty = none), or both; `None` leaves it.
    pub async fn change_model_tag(
        &self,
        session: &Session,
        name: &str,
        new_name: Option<&str>,
        new_category: Option<&str>,
    ) -> Result<ModelTag, Fault> {
        let change = |by| self.0.models.change_tag(by, name, new_name, new_category);
        self.0.gate.call::<Admin, _, _>(session, &CHANGE_TAG, change).await
    }

    /// Whatever carries `from` carries `into`, and `from` is gone.
    pub async fn merge_model_tags(&self, session: &Session, from: &str, into: &str) -> Result<ModelTag, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &MERGE_TAGS, |by| self.0.models.merge_tags(by, from, into)).await
    }

    /// Says how many models carried it.
    pub async fn delete_model_tag(&self, session: &Session, name: &str) -> Result<u64, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &DELETE_TAG, |by| self.0.models.delete_tag(by, name)).await
    }

    /// Gives models tags, which are made at their first use, and takes tags away. All or nothing; says how many times a
    /// tag was given or taken.
    pub async fn tag_models(
        &self,
        session: &Session,
        models: Vec<String>,
        add: Vec<String>,
        remove: Vec<String>,
    ) -> Result<usize, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &TAG, |by| self.0.models.tag(by, models, add, remove)).await
    }

    /// Writes description, links and notes on a model. With `seen_rev`, only onto the card that was looked at.
    pub async fn write_model_card(
        &self,
        session: &Session,
        name: &str,
        patch: CardPatch,
        seen_rev: Option<u32>,
    ) -> Result<Card, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &WRITE, |by| self.0.models.write_card(by, name, patch, seen_rev)).await
    }

    /// Which catalogue is in use.
    pub async fn catalogue(&self, session: &Session) -> Result<CatalogueState, Fault> {
        self.0.gate.call::<Member, _, _>(session, &CATALOGUE, |by| self.0.models.catalogue(by)).await
    }

    /// Puts another catalogue in the place of the one in use. `dated` is the day it is of (`2026-11-25`); without it, the
    /// day on which the file was written.
    pub async fn import_catalogue(
        &self,
        session: &Session,
        file: PathBuf,
        dated: Option<String>,
    ) -> Result<CatalogueState, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &IMPORT, |by| self.0.models.import(by, file, dated)).await
    }

    /// Back to the catalogue that comes with the program.
    pub async fn restore_catalogue(&self, session: &Session) -> Result<CatalogueState, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &RESTORE, |by| self.0.models.restore_catalogue(by)).await
    }
}
