//! One list of everything: keeps the shelf in step with its sources, and answers what is looked for in it.
//!
//! Nothing here asks Ollama but through the list, and nothing waits for the machine longer than a moment: the first page
//! comes with what is at hand, and says what is still missing.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{
    Known, Models, Probe,
    catalogue::Catalogue,
    filter::{self, Filter},
    find::{self, Found, Looking},
    fit::{self, Measured},
    machine::Looked,
    shelf::{Entry, House, Shelf, Sources},
};
use crate::{
    access::{Caller, Member, rules::Rules},
    api::{
        Fault, FaultKind,
        fleet::{CacheFigures, CatalogueState, Detail, Fit, Freshness, Machine, Page, Query, Row, Variant},
        models::Model,
    },
    cache::Listed,
    ollama::name,
    services::conversations::check_limit,
    store::{
        StoreError,
        system::{
            Moment, changes,
            changes::Versions,
            fleet::{self, Seen, Sums},
            model_tags,
        },
    },
    tasks::Tasks,
};

/// Longest wait for a first look at the machine: a page may come without, and says so.
const GLANCE: Duration = Duration::from_millis(150);
/// The same where the answer is about nothing else.
const LOOK: Duration = Duration::from_secs(6);

/// Accounts whose view of the shelf is kept.
const VIEWS: usize = 8;

/// How models sat in memory, by digest.
type ByDigest = HashMap<String, Vec<Measured>>;

/// What is kept in memory of the fleet.
#[derive(Debug)]
pub(super) struct Fleet {
    looked: Looked,
    kept: Mutex<Kept>,
    /// Held while a shelf is made: who comes meanwhile takes that one.
    making: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Kept {
    catalogue: Option<(i64, Arc<Catalogue>)>,
    house: Option<(i64, Arc<House>)>,
    measured: Option<(i64, Arc<ByDigest>)>,
    sums: Option<KeptSums>,
    shelf: Option<(Stamp, Arc<Shelf>)>,
    /// Which entries of the shelf exist under some rules.
    views: Vec<(Arc<Rules>, Arc<[bool]>)>,
}

/// Sums over all answers up to one, as they grow and as they are shared.
#[derive(Debug)]
struct KeptSums {
    of: Versions,
    shared: Arc<HashMap<String, Arc<Sums>>>,
    growing: BTreeMap<String, Sums>,
}

/// What a shelf was made of.
#[derive(Clone, Debug, PartialEq)]
struct Stamp {
    list: Option<Instant>,
    versions: Versions,
    is_machine_known: bool,
}

impl Fleet {
    pub fn new(probe: Probe, tasks: Tasks) -> Self {
        Self { looked: Looked::new(probe, tasks), kept: Mutex::default(), making: tokio::sync::Mutex::new(()) }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A shelf and what is to be said about its age.
pub(super) struct Now {
    pub shelf: Arc<Shelf>,
    catalogue: CatalogueState,
    age_ms: Option<u64>,
    pub stale_because: Option<String>,
    machine: Option<Arc<Machine>>,
}

impl Models {
    /// One page of all models that are known, installed or not.
    pub async fn find(&self, by: Caller<Member>, query: Query) -> Result<Page, Fault> {
        check_limit(query.limit)?;
        let now = self.now(query.freshness, GLANCE).await?;
        let filter = Filter::parse(&query.text, &now.shelf.vocabulary)?;
        // What fits is asked for, so it is worth waiting for.
        let now =
            if filter.asks_for_fit() && now.machine.is_none() { self.now(Freshness::Kept, LOOK).await? } else { now };
        let allowed = self.view(&now.shelf, &by.rules);
        let (shelf, account) = (Arc::clone(&now.shelf), by.account);
        let searched = tokio::task::spawn_blocking(move || {
            let looking = Looking { account, allowed: allowed.as_deref(), now: Moment::clock() };
            find::find(&shelf, &filter, &query, looking)
        });
        let found =
            searched.await.map_err(|_| Fault::new(FaultKind::Internal, "Looking through the models failed."))??;
        let Found { page, first, total, known, next, previous, tags } = found;
        let shown = |(at, variants): (usize, u32)| {
            let entry = &now.shelf.entries[at];
            Row { variants, ..shown(entry, now.machine.as_deref(), account) }
        };
        Ok(Page {
            rows: page.into_iter().map(shown).collect(),
            first: first as u64,
            total: total as u64,
            known: known as u64,
            next,
            previous,
            tags,
            age_ms: now.age_ms,
            stale_because: now.stale_because,
            catalogue: now.catalogue,
            is_machine_known: now.machine.is_some(),
        })
    }

    /// Everything about one model.
    pub async fn everything(&self, by: Caller<Member>, name: &str) -> Result<Detail, Fault> {
        let now = self.now(Freshness::Usual, GLANCE).await?;
        let entry = find_entry(&now.shelf, &by.rules, name)?;
        let (shown_by_ollama, not_shown_because) = if entry.row.installed.is_some() {
            match self.detailed(&entry.row.name).await {
                Ok(detail) => (Some(detail), None),
                Err(fault) => (None, Some(fault.message)),
            }
        } else {
            (None, None)
        };
        let key = entry.key.clone();
        let card = self.parts.system.read(move |tx| fleet::card(tx, &key)).await?;
        Ok(Detail {
            row: shown(entry, now.machine.as_deref(), by.account),
            shown: shown_by_ollama,
            not_shown_because,
            card,
            variants: variants(&now.shelf, &by.rules, entry),
        })
    }

    /// Everything that exists for the caller, to be weighed against each other.
    pub(super) async fn rows(&self, by: &Caller<Member>) -> Result<Vec<Row>, Fault> {
        let now = self.now(Freshness::Usual, LOOK).await?;
        let allowed = now.shelf.entries.iter().filter(|entry| by.rules.may_use(&entry.row.name));
        Ok(allowed.map(|entry| shown(entry, now.machine.as_deref(), by.account)).collect())
    }

    /// Whether a model fits this machine, with that window or the one that Ollama would load.
    pub async fn fit(&self, by: Caller<Member>, name: &str, context: Option<u32>) -> Result<Fit, Fault> {
        if context == Some(0) {
            return Err(Fault::invalid("A window has at least 1 token."));
        }
        let now = self.now(Freshness::Usual, LOOK).await?;
        let entry = find_entry(&now.shelf, &by.rules, name)?;
        Ok(fit::explained(now.machine.as_deref(), &entry.weighed, context, &entry.measured))
    }

    pub async fn machine(&self, _by: Caller<Member>) -> Result<Machine, Fault> {
        let machine = self.fleet.looked.within(LOOK).await;
        machine.map(|machine| (*machine).clone()).ok_or_else(|| {
            Fault::new(FaultKind::Timeout, "This machine's memory and GPU could not be looked at in time.")
                .hint("Try again; if it stays so, see whether `nvidia-smi` answers in another terminal.")
        })
    }

    #[expect(clippy::unused_async, reason = "the gate calls what it can wait for")]
    pub async fn cache_figures(&self, _by: Caller<Member>) -> Result<CacheFigures, Fault> {
        Ok(self.parts.cache.figures())
    }

    pub async fn catalogue(&self, _by: Caller<Member>) -> Result<CatalogueState, Fault> {
        self.state().await
    }

    /// Which catalogue is in use.
    pub(super) async fn state(&self) -> Result<CatalogueState, Fault> {
        let versions = self.versions().await?;
        Ok(self.catalogue_of(versions.catalogue).await?.state.clone())
    }

    /// A model that exists for this account: its name as it is compared and as it is shown.
    pub(super) async fn known(&self, rules: &Rules, name: &str) -> Result<(String, String), Fault> {
        let both = |entry: &Entry| (entry.key.clone(), entry.row.name.clone());
        let kept = self.now(Freshness::Kept, Duration::ZERO).await?;
        if let Ok(entry) = find_entry(&kept.shelf, rules, name) {
            return Ok(both(entry));
        }
        // It may be installed without this process having looked.
        let now = self.now(Freshness::Usual, Duration::ZERO).await?;
        find_entry(&now.shelf, rules, name).map(both)
    }

    /// What is known now, as fresh as is wanted.
    pub(super) async fn now(&self, freshness: Freshness, look: Duration) -> Result<Now, Fault> {
        let versions = self.versions().await?;
        let known = match freshness {
            Freshness::Kept => self.parts.cache.list().map(|listed| Known { listed, stale_because: None }),
            Freshness::Usual | Freshness::Fresh => {
                // Another process installed or removed something: the list is old, whatever its age.
                let is_outdated = self
                    .fleet
                    .kept()
                    .shelf
                    .as_ref()
                    .is_some_and(|(stamp, _)| stamp.versions.installed != versions.installed);
                match self.listed(freshness == Freshness::Fresh || is_outdated).await {
                    Ok(known) => Some(known),
                    Err(fault) => return self.without_list(versions, look, fault.message).await,
                }
            }
        };
        // What was just seen in memory may have been written down meanwhile.
        let versions = if known.is_some() { self.versions().await? } else { versions };
        let machine = self.fleet.looked.within(look).await;
        let shelf = self.shelf(known.as_ref().map(|known| &known.listed), versions, machine.clone()).await?;
        let catalogue = self.catalogue_of(versions.catalogue).await?.state.clone();
        let age_ms = known.as_ref().map(Known::age_ms);
        Ok(Now { shelf, catalogue, age_ms, stale_because: known.and_then(|known| known.stale_because), machine })
    }

    /// Ollama has never answered: the catalogue is there all the same.
    async fn without_list(&self, versions: Versions, look: Duration, why: String) -> Result<Now, Fault> {
        let machine = self.fleet.looked.within(look).await;
        let shelf = self.shelf(None, versions, machine.clone()).await?;
        let catalogue = self.catalogue_of(versions.catalogue).await?.state.clone();
        Ok(Now { shelf, catalogue, age_ms: None, stale_because: Some(why), machine })
    }

    async fn versions(&self) -> Result<Versions, Fault> {
        Ok(self.parts.system.read(|tx| changes::versions(tx)).await?)
    }

    async fn shelf(
        &self,
        listed: Option<&Listed>,
        versions: Versions,
        machine: Option<Arc<Machine>>,
    ) -> Result<Arc<Shelf>, Fault> {
        let stamp = Stamp { list: listed.map(|listed| listed.at), versions, is_machine_known: machine.is_some() };
        let kept = |fleet: &Fleet| {
            fleet.kept().shelf.as_ref().filter(|(made_of, _)| *made_of == stamp).map(|(_, shelf)| Arc::clone(shelf))
        };
        if let Some(shelf) = kept(&self.fleet) {
            return Ok(shelf);
        }
        let _making = self.fleet.making.lock().await;
        if let Some(shelf) = kept(&self.fleet) {
            return Ok(shelf);
        }
        let catalogue = self.catalogue_of(versions.catalogue).await?;
        let house = self.house_of(versions.house).await?;
        let measured = self.measured_of(versions.measured).await?;
        let sums = self.sums_of(versions).await?;
        let installed: Arc<Vec<Model>> = listed.map(|listed| Arc::clone(&listed.models)).unwrap_or_default();
        let cache = self.parts.cache.clone();
        let making = tokio::task::spawn_blocking(move || {
            Shelf::of(&Sources {
                installed: &installed,
                catalogue: &catalogue,
                house: &house,
                sums: &sums,
                measured: &measured,
                facts: &|digest| cache.facts(digest),
                machine: machine.as_deref(),
            })
        });
        let shelf = making.await.map_err(|_| Fault::new(FaultKind::Internal, "Putting the models together failed."))?;
        let shelf = Arc::new(shelf);
        let mut kept = self.fleet.kept();
        kept.shelf = Some((stamp, Arc::clone(&shelf)));
        kept.views.clear();
        Ok(shelf)
    }

    /// Which entries exist under these rules; `None` = all.
    fn view(&self, shelf: &Arc<Shelf>, rules: &Arc<Rules>) -> Option<Arc<[bool]>> {
        if rules.models.is_empty() {
            return None;
        }
        let mut kept = self.fleet.kept();
        let is_kept = kept.shelf.as_ref().is_some_and(|(_, kept)| Arc::ptr_eq(kept, shelf));
        if let Some((_, view)) = kept.views.iter().find(|(of, _)| is_kept && of.models == rules.models) {
            return Some(Arc::clone(view));
        }
        let view: Arc<[bool]> = shelf.entries.iter().map(|entry| rules.may_use(&entry.row.name)).collect();
        if is_kept {
            if kept.views.len() >= VIEWS {
                kept.views.remove(0);
            }
            kept.views.push((Arc::clone(rules), Arc::clone(&view)));
        }
        Some(view)
    }

    async fn catalogue_of(&self, version: i64) -> Result<Arc<Catalogue>, Fault> {
        if let Some((_, catalogue)) = self.fleet.kept().catalogue.as_ref().filter(|(of, _)| *of == version) {
            return Ok(Arc::clone(catalogue));
        }
        let imported = self.parts.system.read(fleet::catalogue).await?;
        let parsing = tokio::task::spawn_blocking(move || Catalogue::in_use(imported));
        let catalogue =
            parsing.await.map_err(|_| Fault::new(FaultKind::Internal, "Reading the catalogue failed."))??;
        self.fleet.kept().catalogue = Some((version, Arc::clone(&catalogue)));
        Ok(catalogue)
    }

    async fn house_of(&self, version: i64) -> Result<Arc<House>, Fault> {
        if let Some((_, house)) = self.fleet.kept().house.as_ref().filter(|(of, _)| *of == version) {
            return Ok(Arc::clone(house));
        }
        let read = |tx: &crate::store::Tx<'_>| {
            Ok::<_, StoreError>(House { tagged: model_tags::all(tx)?, briefs: fleet::briefs(tx)? })
        };
        let house = Arc::new(self.parts.system.read(read).await?);
        self.fleet.kept().house = Some((version, Arc::clone(&house)));
        Ok(house)
    }

    async fn measured_of(&self, version: i64) -> Result<Arc<HashMap<String, Vec<Measured>>>, Fault> {
        if let Some((_, measured)) = self.fleet.kept().measured.as_ref().filter(|(of, _)| *of == version) {
            return Ok(Arc::clone(measured));
        }
        let mut measured: HashMap<String, Vec<Measured>> = HashMap::new();
        for Seen { digest, context, bytes, gpu_bytes } in self.parts.system.read(fleet::measured).await? {
            measured.entry(digest).or_default().push(Measured { context, bytes, gpu_bytes });
        }
        let measured = Arc::new(measured);
        self.fleet.kept().measured = Some((version, Arc::clone(&measured)));
        Ok(measured)
    }

    /// Sums over all answers; only those that came since the last time are read.
    async fn sums_of(&self, versions: Versions) -> Result<Arc<HashMap<String, Arc<Sums>>>, Fault> {
        let kept = self.fleet.kept().sums.take();
        let (after, mut sums) = match kept {
            Some(KeptSums { of, shared, growing })
                if of.sums == versions.sums && of.last_answer <= versions.last_answer =>
            {
                if of.last_answer == versions.last_answer {
                    self.fleet.kept().sums = Some(KeptSums { of: versions, shared: Arc::clone(&shared), growing });
                    return Ok(shared);
                }
                (of.last_answer, growing)
            }
            Some(_) | None => (0, BTreeMap::new()),
        };
        let read = self.parts.system.search(move |tx, _| {
            // What came after `versions` was read belongs to them as well now.
            let versions = Versions { last_answer: changes::versions(tx)?.last_answer, ..versions };
            fleet::add_sums(tx, after, name::key, &mut sums)?;
            Ok::<_, StoreError>((versions, sums))
        });
        let (of, growing) = read.await?;
        let shared: Arc<HashMap<String, Arc<Sums>>> =
            Arc::new(growing.iter().map(|(key, sums)| (key.clone(), Arc::new(sums.clone()))).collect());
        self.fleet.kept().sums = Some(KeptSums { of, shared: Arc::clone(&shared), growing });
        Ok(shared)
    }

    /// Writes down how models sit in memory: the truth that takes the place of an estimate. That it cannot be written is
    /// no reason to show no list.
    pub(super) async fn remember(&self, models: &[Model]) {
        let seen: Vec<Seen> = models
            .iter()
            .filter(|model| !model.digest.is_empty() && !model.remote)
            .filter_map(|model| {
                let loaded = model.loaded.as_ref().filter(|loaded| loaded.bytes > 0)?;
                let context = loaded.context_length.filter(|context| *context > 0)?;
                let (bytes, gpu_bytes) = (loaded.bytes, loaded.gpu_bytes);
                Some(Seen { digest: model.digest.clone(), context, bytes, gpu_bytes })
            })
            .collect();
        if seen.is_empty() {
            return;
        }
        let kept = async {
            let before = self.measured_of(self.versions().await?.measured).await?;
            let is_new = |seen: &Seen| {
                let ran = Measured { context: seen.context, bytes: seen.bytes, gpu_bytes: seen.gpu_bytes };
                !before.get(&seen.digest).is_some_and(|before| before.contains(&ran))
            };
            let new: Vec<Seen> = seen.into_iter().filter(is_new).collect();
            if !new.is_empty() {
                self.parts.system.write(move |tx| fleet::keep_measured(tx, &new, Moment::clock())).await?;
            }
            Ok::<_, Fault>(())
        };
        if let Err(why) = kept.await {
            tracing::warn!(%why, "what was measured of a model could not be kept");
        }
    }
}

/// What is shown of an entry to an account.
fn shown(entry: &Entry, machine: Option<&Machine>, account: crate::api::AccountId) -> Row {
    let told = entry.told(account);
    Row {
        last_used_at: told.used,
        speed: told.speed,
        rating: told.rating,
        fit: fit::explained(machine, &entry.weighed, None, &entry.measured),
        ..entry.row.clone()
    }
}

/// The entry of this name, if it exists for somebody with these rules. What is hidden from them is answered like what does
/// not exist, and is never proposed.
fn find_entry<'a>(shelf: &'a Shelf, rules: &Rules, name: &str) -> Result<&'a Entry, Fault> {
    if let Some(entry) = shelf.get(name).filter(|entry| rules.may_use(&entry.row.name)) {
        return Ok(entry);
    }
    let wanted = name.trim().to_lowercase();
    let mut there = shelf.entries.iter().filter(|entry| rules.may_use(&entry.row.name));
    // A family without a tag `latest`: its tags are what was meant.
    let tags: Vec<&str> = there
        .clone()
        .filter(|entry| name::without_tag(&entry.key) == wanted)
        .map(|entry| entry.row.name.as_str())
        .take(6)
        .collect();
    let fault = Fault::new(FaultKind::ModelMissing, format!("No model “{}” is known here.", name.trim()));
    if !tags.is_empty() {
        return Err(fault.hint(format!("Name it with its tag: {}.", tags.join(", "))));
    }
    let near = nearest(&wanted, &mut there);
    Err(if near.is_empty() {
        fault.hint("`ollamanet models list` shows what there is; any other name can be installed all the same.")
    } else {
        fault.hint(format!("Did you mean {}?", near.join(" or ")))
    })
}

/// At most three names like the one that was typed, the likeliest first.
fn nearest<'a>(wanted: &str, there: &mut dyn Iterator<Item = &'a Entry>) -> Vec<&'a str> {
    let (base, has_tag) = (name::without_tag(wanted), name::without_tag(wanted) != wanted);
    let most = (base.chars().count() / 4).clamp(1, 3);
    let mut near: Vec<(usize, bool, &str)> = there
        .filter_map(|entry| {
            let key = if has_tag { entry.key.as_str() } else { name::without_tag(&entry.key) };
            let far = strsim::osa_distance(if has_tag { wanted } else { base }, key);
            let shown = if has_tag { entry.row.name.as_str() } else { name::without_tag(&entry.row.name) };
            (far <= most).then_some((far, entry.row.installed.is_none(), shown))
        })
        .collect();
    near.sort_unstable();
    let mut names: Vec<&str> = near.into_iter().map(|(_, _, name)| name).collect();
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(*name));
    names.truncate(3);
    names
}

/// All tags of an entry's family, the smallest first; unknown sizes last.
fn variants(shelf: &Shelf, rules: &Rules, of: &Entry) -> Vec<Variant> {
    let family = name::without_tag(&of.key);
    let mut found: Vec<Variant> = shelf
        .entries
        .iter()
        .filter(|entry| name::without_tag(&entry.key) == family && rules.may_use(&entry.row.name))
        .map(|entry| Variant {
            name: entry.row.name.clone(),
            parameters: entry.row.parameters.clone(),
            quantization: entry.row.quantization.clone(),
            bytes: entry.row.bytes,
            is_exact: entry.row.is_exact,
            context_length: entry.row.context_length,
            is_installed: entry.row.installed.is_some(),
            verdict: entry.row.fit.verdict,
        })
        .collect();
    found.sort_by(|one, other| {
        (one.bytes.is_none(), one.bytes, &one.name).cmp(&(other.bytes.is_none(), other.bytes, &other.name))
    });
    found
}

/// The nearest of the house's tags, for whoever mistypes one.
pub(super) fn nearest_tag<'a>(typed: &str, tags: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    filter::nearest(typed, tags)
}
