//! Small things that belong to the account and to nobody else: preferences, what an administrator remembers of the audit
//! trail. JSON by name.

use rusqlite::{OptionalExtension, Transaction, named_params};
use serde::{Serialize, de::DeserializeOwned};

use crate::store::{StoreError, While};

/// What the person has set for themselves (`api::profile::Preferences`).
pub const PREFERENCES: &str = "preferences";
/// The preset that new conversations begin with where nothing else is said (`api::PresetId`).
pub const DEFAULT_PRESET: &str = "default_preset";
/// The latest time that was noted, milliseconds since 1970.
pub const CLOCK: &str = "clock";
/// When old conversations go away on their own (`api::retention::RetentionRules`).
pub const RETENTION: &str = "retention";
/// What those rules did last (`api::retention::Report`, newest first).
pub const RETENTION_REPORTS: &str = "retention_reports";
/// When those rules ran last, and what they wait for (`store::vault::retention::State`).
pub const RETENTION_STATE: &str = "retention_state";
/// The filters over the list of models that are kept under a name (`api::fleet::SavedFilter`).
pub const MODEL_FILTERS: &str = "model_filters";
/// The last entry of the audit trail that this administrator has seen whole.
pub const AUDIT_ANCHOR: &str = "audit_anchor";

/// `None` = it was never set, or a newer program wrote what this one cannot read.
pub fn get<T: DeserializeOwned>(tx: &Transaction<'_>, name: &str) -> Result<Option<T>, StoreError> {
    let found: Option<String> = tx
        .prepare_cached("SELECT value FROM settings WHERE name = :name")
        .and_then(|mut find| find.query_row(named_params! { ":name": name }, |row| row.get(0)).optional())
        .while_("reading a setting")?;
    Ok(found.and_then(|text| serde_json::from_str(&text).ok()))
}

pub fn forget(tx: &Transaction<'_>, name: &str) -> Result<(), StoreError> {
    tx.execute("DELETE FROM settings WHERE name = :name", named_params! { ":name": name })
        .while_("forgetting a setting")?;
    Ok(())
}

pub fn set<T: Serialize>(tx: &Transaction<'_>, name: &str, value: &T, now: i64) -> Result<(), StoreError> {
    let value = serde_json::to_string(value).map_err(|_| StoreError::Nonsense { what: "setting" })?;
    tx.execute(
        "INSERT INTO settings (name, updated_at, value) VALUES (:name, :now, :value)
         ON CONFLICT (name) DO UPDATE SET updated_at = excluded.updated_at, value = excluded.value",
        named_params! { ":name": name, ":now": now, ":value": value },
    )
    .while_("keeping a setting")?;
    Ok(())
}
