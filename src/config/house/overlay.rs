//! Lays what the house says under what the file, the environment and the flags say.

use std::collections::BTreeMap;

use super::{House, ROWS, find, kind, rows};
use crate::config::{Config, load::Origins};

/// Names and values of what is set for the house.
pub type HouseValues = BTreeMap<String, String>;

/// `config` with what the house says wherever nothing outside says anything. A value that is not good, written by another
/// version of the program or by hand, counts for nothing, and the list says so.
#[must_use]
pub fn overlaid(config: &Config, origins: &Origins, values: &HouseValues) -> Config {
    let Ok(mut table) = toml::Table::try_from(config) else { return config.clone() };
    for row in ROWS {
        let (Some(setting), Some(kept)) = (row.shared(), values.get(row.name)) else { continue };
        if origins.contains_key(row.name) || row.parse(kept).is_err() {
            continue;
        }
        let value = match setting.kind {
            crate::config::table::Kind::Bool => toml::Value::from(kept == "true"),
            crate::config::table::Kind::Whole { .. } => match kept.parse::<i64>() {
                Ok(number) => number.into(),
                Err(_) => continue,
            },
            crate::config::table::Kind::Text { .. }
            | crate::config::table::Kind::OneOf(_)
            | crate::config::table::Kind::Collector => kept.clone().into(),
        };
        if let Some(section) = table.get_mut(setting.section).and_then(toml::Value::as_table_mut) {
            section.insert(setting.key.to_owned(), value);
        }
    }
    let config = table.try_into::<Config>().unwrap_or_else(|_| config.clone());
    Config { house: own(values), ..config }
}

/// What the house alone says.
fn own(values: &HouseValues) -> House {
    let good = |name: &str| {
        let kept = values.get(name)?;
        find(name)?.parse(kept).ok()
    };
    let usual = House::default();
    House {
        options: good(rows::OPTIONS).and_then(|list| kind::options(&list).ok()).unwrap_or_default(),
        job_attempts: good(rows::JOB_ATTEMPTS).and_then(|text| text.parse().ok()).unwrap_or(usual.job_attempts),
        stall_seconds: good(rows::STALL_SECONDS).and_then(|text| text.parse().ok()).unwrap_or(usual.stall_seconds),
    }
}
