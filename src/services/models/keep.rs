//! What people keep about models: descriptions, links, notes and tags of the house, an imported catalogue, and everybody's
//! own saved filters.
//!
//! Members read, administrators write; each change stands in the audit trail, and every screen hears of it, in other
//! processes within a moment.

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
};

use jiff::civil::Date;

use super::{
    Models,
    catalogue::{self, Catalogue},
    fleet::nearest_tag,
};
use crate::{
    access::{Admin, Caller, Member},
    api::{
        Fault, FaultKind,
        events::Changed,
        fleet::{
            CARD_MAX, Card, CardPatch, CatalogueState, FILTER_NAME_MAX, FILTER_TEXT_MAX, FILTERS_MAX, LINK_MAX,
            LINKS_MAX, ModelTag, SavedFilter, TAG_MAX, TAGGED_AT_ONCE_MAX, TAGS_PER_MODEL_MAX,
        },
    },
    ollama::name,
    services::conversations::checked_line,
    store::{
        Tx,
        system::{Moment, audit, fleet, model_tags},
        vault::settings::{self, MODEL_FILTERS},
    },
};

impl Models {
    /// All tags of the house with the number of models that carry each.
    pub async fn tags(&self, _by: Caller<Member>) -> Result<Vec<ModelTag>, Fault> {
        let read = |tx: &Tx<'_>| {
            let tags = model_tags::all(tx)?.tags;
            tags.iter().map(|tag| model_tags::counted(tx, tag)).collect::<Result<Vec<_>, _>>()
        };
        Ok(self.parts.system.read(read).await?)
    }

    pub async fn create_tag(&self, by: Caller<Admin>, name: &str, category: &str) -> Result<ModelTag, Fault> {
        let (name, category) = (checked_tag(name)?, checked_category(category)?);
        let made = self
            .parts
            .system
            .write(move |tx| {
                if let Some(there) = model_tags::find(tx, &key(&name))? {
                    return Err(taken(&there.name));
                }
                let tag = model_tags::insert(tx, &name, &key(&name), &category)?;
                audit::append(tx, &Moment::here(), Some(by.account), "model_tags.create", &name, "ok")?;
                Ok(model_tags::counted(tx, &tag)?)
            })
            .await?;
        self.tell();
        Ok(made)
    }

    /// Another name, another category, or both.
    pub async fn change_tag(
        &self,
        by: Caller<Admin>,
        name: &str,
        new_name: Option<&str>,
        new_category: Option<&str>,
    ) -> Result<ModelTag, Fault> {
        let name = name.to_owned();
        let new_name = new_name.map(checked_tag).transpose()?;
        let new_category = new_category.map(checked_category).transpose()?;
        let changed = self
            .parts
            .system
            .write(move |tx| {
                let before = existing(tx, &name)?;
                let new = new_name.unwrap_or_else(|| before.name.clone());
                let category = new_category.unwrap_or_else(|| before.category.clone());
                if let Some(there) = model_tags::find(tx, &key(&new))?.filter(|there| there.id != before.id) {
                    return Err(taken(&there.name).hint(format!(
                        "Take another name, or merge the two: ollamanet catalog tag merge {} {}",
                        before.name, there.name
                    )));
                }
                model_tags::change(tx, before.id, &new, &key(&new), &category)?;
                let told = format!("{} → {new} ({category})", before.name);
                audit::append(tx, &Moment::here(), Some(by.account), "model_tags.change", &told, "ok")?;
                Ok(model_tags::counted(tx, &existing(tx, &new)?)?)
            })
            .await?;
        self.tell();
        Ok(changed)
    }

    /// Whatever carries `from` carries `into`, and `from` is gone.
    pub async fn merge_tags(&self, by: Caller<Admin>, from: &str, into: &str) -> Result<ModelTag, Fault> {
        let (from, into) = (from.to_owned(), into.to_owned());
        let merged = self
            .parts
            .system
            .write(move |tx| {
                let (from, into) = (existing(tx, &from)?, existing(tx, &into)?);
                if from.id == into.id {
                    return Err(Fault::invalid("A tag cannot be merged with itself."));
                }
                model_tags::merge(tx, from.id, into.id)?;
                let told = format!("{} → {}", from.name, into.name);
                audit::append(tx, &Moment::here(), Some(by.account), "model_tags.merge", &told, "ok")?;
                Ok(model_tags::counted(tx, &into)?)
            })
            .await?;
        self.tell();
        Ok(merged)
    }

    /// Says how many models carried it.
    pub async fn delete_tag(&self, by: Caller<Admin>, name: &str) -> Result<u64, Fault> {
        let name = name.to_owned();
        let carried = self
            .parts
            .system
            .write(move |tx| {
                let tag = existing(tx, &name)?;
                let carried = model_tags::counted(tx, &tag)?.models;
                model_tags::delete(tx, tag.id)?;
                audit::append(tx, &Moment::here(), Some(by.account), "model_tags.delete", &tag.name, "ok")?;
                Ok::<_, Fault>(carried)
            })
            .await?;
        self.tell();
        Ok(carried)
    }

    /// Gives models tags, which are made at their first use, and takes tags away. All or nothing; says how many models
    /// were changed in how many places.
    pub async fn tag(
        &self,
        by: Caller<Admin>,
        models: Vec<String>,
        add: Vec<String>,
        remove: Vec<String>,
    ) -> Result<usize, Fault> {
        if models.is_empty() || models.len() > TAGGED_AT_ONCE_MAX {
            return Err(Fault::invalid(format!("1 to {TAGGED_AT_ONCE_MAX} models are tagged at once.")));
        }
        let add = add.iter().map(|name| checked_tag(name)).collect::<Result<Vec<_>, _>>()?;
        let mut named = Vec::with_capacity(models.len());
        for model in &models {
            named.push(self.known(&by.rules, model).await?);
        }
        let changed = self
            .parts
            .system
            .write(move |tx| {
                let mut changed = 0;
                for name in &remove {
                    changed += model_tags::put(tx, &named, existing(tx, name)?.id, false)?;
                }
                for name in &add {
                    changed += give(tx, &named, name)?;
                }
                not_too_many(model_tags::most_carried(tx, &named)?)?;
                let told = match named.as_slice() {
                    [(_, only)] => only.clone(),
                    many => format!("{} models", many.len()),
                };
                let signed = |sign: &str, tags: &[String]| {
                    tags.iter().map(|tag| [" ", sign, tag].concat()).collect::<Vec<_>>().concat()
                };
                let told = format!("{told}:{}{}", signed("+", &add), signed("-", &remove));
                audit::append(tx, &Moment::here(), Some(by.account), "model_tags.put", &told, "ok")?;
                Ok::<_, Fault>(changed)
            })
            .await?;
        self.tell();
        Ok(changed)
    }

    /// Writes on a model. `seen_rev` is the revision that was looked at: what somebody else wrote meanwhile is not lost.
    pub async fn write_card(
        &self,
        by: Caller<Admin>,
        model: &str,
        patch: CardPatch,
        seen_rev: Option<u32>,
    ) -> Result<Card, Fault> {
        let CardPatch { description, links, notes } = patch;
        let description = description.map(|text| checked_text("A description", text)).transpose()?;
        let notes = notes.map(|text| checked_text("The notes on a model", text)).transpose()?;
        let links = links.map(checked_links).transpose()?;
        let (model, name) = self.known(&by.rules, model).await?;
        let written = self
            .parts
            .system
            .write(move |tx| {
                let before = fleet::card(tx, &model)?;
                if seen_rev.is_some_and(|seen| seen != before.rev) {
                    return Err(Fault::new(FaultKind::Conflict, "Somebody else wrote on this model meanwhile.")
                        .hint("Look at it as it is now, and try again."));
                }
                let card = Card {
                    description: description.unwrap_or_else(|| before.description.clone()),
                    links: links.unwrap_or_else(|| before.links.clone()),
                    notes: notes.unwrap_or_else(|| before.notes.clone()),
                    ..before
                };
                fleet::set_card(tx, &model, &name, &card, Moment::clock())?;
                audit::append(tx, &Moment::here(), Some(by.account), "models.describe", &name, "ok")?;
                Ok(fleet::card(tx, &model)?)
            })
            .await?;
        self.tell();
        Ok(written)
    }

    /// Puts another catalogue in the place of the one in use. `dated` is the day it is of; without it, the day on which
    /// the file was written.
    pub async fn import(
        &self,
        by: Caller<Admin>,
        file: PathBuf,
        dated: Option<String>,
    ) -> Result<CatalogueState, Fault> {
        let dated = dated.map(|text| {
            text.trim()
                .parse::<Date>()
                .map_err(|_| Fault::invalid(format!("“{text}” is not a day.")).hint("Write it like 2026-11-25."))
        });
        let dated = dated.transpose()?;
        let reading = tokio::task::spawn_blocking(move || {
            let (file, written) = open(&file)?;
            Ok::<_, Fault>((catalogue::parse(file)?, dated.unwrap_or(written).to_string()))
        });
        let (families, dated) =
            reading.await.map_err(|_| Fault::new(FaultKind::Internal, "Reading the catalogue failed."))??;
        if *dated < *Catalogue::bundled_date() {
            return Err(Fault::new(
                FaultKind::Conflict,
                format!(
                    "This catalogue is of {dated}, and the one that comes with the program of {}.",
                    Catalogue::bundled_date()
                ),
            )
            .hint("Nothing was changed. If the file is newer than that, say so: --dated YYYY-MM-DD."));
        }
        let rows = families
            .iter()
            .map(|family| Ok((name::key(&family.name), serde_json::to_string(family)?)))
            .collect::<Result<Vec<_>, serde_json::Error>>()
            .map_err(|_| Fault::new(FaultKind::Internal, "The catalogue could not be kept."))?;
        let told = format!("{} families of {dated}", rows.len());
        self.parts
            .system
            .write(move |tx| {
                let moment = Moment::here();
                fleet::replace_catalogue(tx, &rows, &dated, moment.now)?;
                Ok::<_, Fault>(audit::append(tx, &moment, Some(by.account), "catalogue.import", &told, "ok")?)
            })
            .await?;
        self.tell();
        self.state().await
    }

    /// Back to the catalogue that comes with the program.
    pub async fn restore_catalogue(&self, by: Caller<Admin>) -> Result<CatalogueState, Fault> {
        self.parts
            .system
            .write(move |tx| {
                fleet::forget_catalogue(tx)?;
                Ok::<_, Fault>(audit::append(tx, &Moment::here(), Some(by.account), "catalogue.restore", "", "ok")?)
            })
            .await?;
        self.tell();
        self.state().await
    }

    /// The caller's saved filters, by name.
    pub async fn filters(&self, by: Caller<Member>) -> Result<Vec<SavedFilter>, Fault> {
        Ok(by.vault.db.read(|tx| settings::get(tx, MODEL_FILTERS)).await?.unwrap_or_default())
    }

    /// Keeps a filter under its name, in the place of one that has it already, whatever its case.
    pub async fn save_filter(&self, by: Caller<Member>, new: SavedFilter) -> Result<Vec<SavedFilter>, Fault> {
        let name = checked_line(&new.name, "A filter's name", FILTER_NAME_MAX)?;
        if new.text.trim().is_empty() {
            return Err(Fault::invalid("A saved filter cannot be empty.").hint("Write it like cap:vision size:<8GB."));
        }
        if new.text.len() > FILTER_TEXT_MAX {
            return Err(Fault::invalid(format!("A filter has at most {FILTER_TEXT_MAX} bytes.")));
        }
        let text = new.text.trim().to_owned();
        let saved = by
            .vault
            .db
            .write(move |tx| {
                let mut filters: Vec<SavedFilter> = settings::get(tx, MODEL_FILTERS)?.unwrap_or_default();
                filters.retain(|filter| key(&filter.name) != key(&name));
                if filters.len() >= FILTERS_MAX {
                    return Err(Fault::invalid(format!("There are {FILTERS_MAX} saved filters already."))
                        .hint("Delete one that you do not need."));
                }
                filters.push(SavedFilter { name, text });
                filters.sort_by_key(|filter| key(&filter.name));
                settings::set(tx, MODEL_FILTERS, &filters, Moment::clock())?;
                Ok(filters)
            })
            .await?;
        self.parts.hub.changed(by.account, Changed::Models);
        Ok(saved)
    }

    pub async fn delete_filter(&self, by: Caller<Member>, name: &str) -> Result<Vec<SavedFilter>, Fault> {
        let wanted = key(name.trim());
        let left = by
            .vault
            .db
            .write(move |tx| {
                let mut filters: Vec<SavedFilter> = settings::get(tx, MODEL_FILTERS)?.unwrap_or_default();
                let before = filters.len();
                filters.retain(|filter| key(&filter.name) != wanted);
                if filters.len() == before {
                    return Err(Fault::not_found("saved filter"));
                }
                settings::set(tx, MODEL_FILTERS, &filters, Moment::clock())?;
                Ok(filters)
            })
            .await?;
        self.parts.hub.changed(by.account, Changed::Models);
        Ok(left)
    }

    /// Everybody's lists of models are to be looked at again.
    pub(super) fn tell(&self) {
        self.parts.hub.changed_for_everyone(Changed::Models);
    }
}

/// Opens a file to import, and tells the day on which it was written. Nothing but a file: a pipe would be waited for.
fn open(path: &std::path::Path) -> Result<(File, Date), Fault> {
    let refuse = |why: String| {
        Fault::new(FaultKind::Invalid, format!("{} cannot be read: {why}.", path.display()))
            .hint("Nothing was changed.")
    };
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)
        .map_err(|error| refuse(error.kind().to_string()))?;
    let about = file.metadata().map_err(|error| refuse(error.kind().to_string()))?;
    if !about.is_file() {
        return Err(refuse("it is not a file".to_owned()));
    }
    if about.len() > catalogue::FILE_MAX {
        return Err(refuse(format!("it is larger than {} MB", catalogue::FILE_MAX / 1_000_000)));
    }
    let written = about.modified().ok().and_then(|at| jiff::Timestamp::try_from(at).ok());
    let written = written.unwrap_or_else(jiff::Timestamp::now);
    Ok((file, written.to_zoned(jiff::tz::TimeZone::UTC).date()))
}

/// A name as it is compared: without case.
fn key(name: &str) -> String {
    name.trim().to_lowercase()
}

/// Gives models a tag, which is made at its first use; says how many did not carry it.
pub(super) fn give(tx: &Tx<'_>, models: &[(String, String)], name: &str) -> Result<usize, Fault> {
    let tag = match model_tags::find(tx, &key(name))? {
        Some(tag) => tag,
        None => model_tags::insert(tx, name, &key(name), "")?,
    };
    Ok(model_tags::put(tx, models, tag.id, true)?)
}

pub(super) fn not_too_many(carried: usize) -> Result<(), Fault> {
    if carried > TAGS_PER_MODEL_MAX {
        return Err(Fault::invalid(format!("A model carries at most {TAGS_PER_MODEL_MAX} tags.")));
    }
    Ok(())
}

pub(super) fn checked_tag(name: &str) -> Result<String, Fault> {
    checked_line(name.trim().trim_start_matches('#'), "A tag", TAG_MAX)
}

fn checked_category(category: &str) -> Result<String, Fault> {
    if category.trim().is_empty() { Ok(String::new()) } else { checked_line(category, "A category", TAG_MAX) }
}

/// `None` = nothing is left of it.
fn checked_text(what: &str, text: String) -> Result<Option<String>, Fault> {
    if text.len() > CARD_MAX {
        return Err(Fault::invalid(format!("{what} has at most {} KiB.", CARD_MAX / 1024)));
    }
    if text.contains('\0') {
        return Err(Fault::invalid(format!("{what} cannot hold null characters.")));
    }
    Ok(Some(text).filter(|text| !text.trim().is_empty()))
}

fn checked_links(links: Vec<String>) -> Result<Vec<String>, Fault> {
    if links.len() > LINKS_MAX {
        return Err(Fault::invalid(format!("A model has at most {LINKS_MAX} links.")));
    }
    let checked = |link: String| {
        let link = link.trim().to_owned();
        let is_web = ["https://", "http://"].iter().any(|scheme| {
            link.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme))
                && link.len() > scheme.len()
        });
        if !is_web || link.len() > LINK_MAX || link.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(Fault::invalid(format!("“{link}” is not a link."))
                .hint("A link begins with https:// or http:// and has no spaces."));
        }
        Ok(link)
    };
    links.into_iter().map(checked).collect()
}

/// The tag of this name, or the one that was probably meant.
fn existing(tx: &Tx<'_>, name: &str) -> Result<model_tags::Known, Fault> {
    let wanted = key(name.trim().trim_start_matches('#'));
    if let Some(tag) = model_tags::find(tx, &wanted)? {
        return Ok(tag);
    }
    let all: Vec<String> = model_tags::all(tx)?.tags.into_iter().map(|tag| tag.name).collect();
    let keys: Vec<String> = all.iter().map(|name| key(name)).collect();
    let near = nearest_tag(&wanted, keys.iter().map(String::as_str));
    let fault = Fault::new(FaultKind::NotFound, format!("There is no tag “{}” for models.", name.trim()));
    Err(match near.and_then(|near| all.iter().find(|name| key(name) == near)) {
        Some(near) => fault.hint(format!("Did you mean “{near}”?")),
        None => fault.hint("`ollamanet catalog tag list` shows what there is."),
    })
}

fn taken(name: &str) -> Fault {
    Fault::new(FaultKind::Conflict, format!("There is a tag “{name}” already.")).hint("Take another name.")
}
