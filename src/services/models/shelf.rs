//! All models that are known, side by side: the catalogue's, the installed ones, and those that only the house wrote on.
//! Made anew when one of its sources has changed, and then only read.
//!
//! Pure: where the parts come from is the service's business, what is looked for in it `find`'s.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use nucleo_matcher::Utf32String;

use super::{
    catalogue::{Catalogue, Family, FamilyTag},
    filter::Vocabulary,
    fit::{self, Measured, Weighed},
};
use crate::{
    api::{
        AccountId,
        fleet::{Installed, Machine, Rating, Row},
        models::Model,
    },
    cache::Facts,
    ollama::name,
    store::system::{
        fleet::{Brief, Sums},
        model_tags::Tagged,
    },
};

/// One model with everything that filters and sorting look at, in the form in which they do.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub row: Row,
    /// The name as it is compared.
    pub key: String,
    /// The name, for loose matching.
    pub haystack: Utf32String,
    /// Lower case: publisher, summary, topics.
    pub other: String,
    pub license: String,
    /// Family and architecture.
    pub families: String,
    pub quantization: String,
    pub capabilities: Vec<String>,
    pub tags: Vec<String>,
    pub sums: Option<Arc<Sums>>,
    pub weighed: Weighed,
    pub measured: Vec<Measured>,
}

/// What an entry tells one account of how it was used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Told {
    /// When the account used it last, milliseconds since 1970.
    pub used: Option<i64>,
    pub speed: Option<f64>,
    pub rating: Option<Rating>,
}

impl Entry {
    pub fn told(&self, account: AccountId) -> Told {
        match self.sums.as_deref() {
            Some(sums) => {
                Told { used: sums.last_by(account), speed: sums.speed(account), rating: sums.rating(account) }
            }
            None => Told { used: None, speed: self.row.speed, rating: self.row.rating },
        }
    }

    /// From what is shown of it.
    pub fn of(row: Row) -> Self {
        let lower = |text: &Option<String>| text.as_deref().unwrap_or_default().to_lowercase();
        let mut other = [lower(&row.publisher), lower(&row.summary)].join(" ");
        for topic in &row.topics {
            other.push(' ');
            other.push_str(topic);
        }
        Self {
            key: name::key(&row.name),
            haystack: Utf32String::from(row.name.as_str()),
            other,
            license: lower(&row.license),
            families: format!("{} {}", row.family.to_lowercase(), lower(&row.architecture)),
            quantization: lower(&row.quantization),
            capabilities: row.capabilities.iter().flatten().map(|word| word.to_lowercase()).collect(),
            tags: row.tags.iter().map(|tag| tag.to_lowercase()).collect(),
            sums: None,
            weighed: Weighed::default(),
            measured: Vec::new(),
            row,
        }
    }
}

/// What the house wrote and tagged.
#[derive(Clone, Debug, Default)]
pub(super) struct House {
    pub tagged: Tagged,
    pub briefs: HashMap<String, Brief>,
}

/// What a shelf is made of.
pub(super) struct Sources<'a> {
    pub installed: &'a [Model],
    pub catalogue: &'a Catalogue,
    pub house: &'a House,
    pub sums: &'a HashMap<String, Arc<Sums>>,
    /// By digest.
    pub measured: &'a HashMap<String, Vec<Measured>>,
    pub facts: &'a dyn Fn(&str) -> Option<Arc<Facts>>,
    pub machine: Option<&'a Machine>,
}

/// In the order that is shown where nothing else is asked for: installed ones first, then by name.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    pub entries: Vec<Entry>,
    pub by_key: HashMap<String, usize>,
    pub vocabulary: Vocabulary,
    /// Name and category of each tag of the house.
    pub tags: Vec<(String, String)>,
}

impl Shelf {
    pub fn of(sources: &Sources<'_>) -> Self {
        let mut rows: HashMap<String, (Row, Weighed, Vec<Measured>)> = HashMap::new();
        for family in &sources.catalogue.families {
            for tag in &family.tags {
                let row = catalogued(family, tag);
                rows.insert(name::key(&row.name), (row, Weighed::default(), Vec::new()));
            }
        }
        let families: HashMap<String, &Family> =
            sources.catalogue.families.iter().map(|family| (family.name.to_lowercase(), family)).collect();
        for model in sources.installed {
            let key = name::key(&model.name);
            let (row, weighed, measured) = rows.entry(key).or_default();
            let facts = (sources.facts)(&model.digest);
            if !row.is_catalogued {
                // Of a family that the catalogue knows, what holds for all of its tags.
                let base = name::without_tag(&model.name);
                if let Some(family) = families.get(&base.to_lowercase()) {
                    *row = catalogued(family, &FamilyTag::default());
                }
                base.clone_into(&mut row.family);
            }
            install(row, model, facts.as_deref());
            weighed.geometry = facts.as_deref().and_then(|facts| facts.geometry);
            *measured = sources.measured.get(&model.digest).cloned().unwrap_or_default();
        }
        add_house(&mut rows, sources.house);
        let tag_names: HashMap<i64, &str> =
            sources.house.tagged.tags.iter().map(|tag| (tag.id, tag.name.as_str())).collect();
        let mut entries: Vec<Entry> = rows
            .into_iter()
            .map(|(key, (mut row, mut weighed, measured))| {
                write_on(&mut row, &key, sources.house, &tag_names);
                row.variants = 1;
                row.is_for_apple = is_for_apple(&row.name) && !cfg!(target_os = "macos");
                weighed.bytes = row.bytes;
                weighed.parameter_count = row.parameter_count;
                weighed.context_length = row.context_length;
                weighed.is_remote = row.is_remote;
                row.fit = fit::judged(sources.machine, &weighed, None, &measured);
                let sums = sources.sums.get(&key).cloned();
                Entry { key, sums, weighed, measured, ..Entry::of(row) }
            })
            .collect();
        entries.sort_by(|one, other| {
            let is_away = |entry: &Entry| entry.row.installed.is_none();
            is_away(one).cmp(&is_away(other)).then_with(|| one.key.cmp(&other.key))
        });
        let by_key = entries.iter().enumerate().map(|(at, entry)| (entry.key.clone(), at)).collect();
        let tags: Vec<(String, String)> =
            sources.house.tagged.tags.iter().map(|tag| (tag.name.clone(), tag.category.clone())).collect();
        let vocabulary = vocabulary(&entries, &tags);
        Self { entries, by_key, vocabulary, tags }
    }

    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.by_key.get(&name::key(name)).map(|at| &self.entries[*at])
    }
}

fn catalogued(family: &Family, tag: &FamilyTag) -> Row {
    let is_one = !tag.tag.is_empty();
    Row {
        name: format!("{}:{}", family.name, tag.tag),
        family: family.name.clone(),
        publisher: family.publisher.clone(),
        summary: family.summary.clone(),
        license: family.license.clone(),
        parameter_count: tag.parameters.as_deref().and_then(count_of),
        parameters: tag.parameters.clone(),
        quantization: tag.quantization.clone(),
        bytes: tag.size_bytes.filter(|bytes| *bytes > 0),
        context_length: tag.context_length.filter(|tokens| *tokens > 0),
        capabilities: Some(family.capabilities.clone()).filter(|known| !known.is_empty()),
        topics: family.topics.clone(),
        released: family.released.clone(),
        is_catalogued: is_one,
        ..Row::default()
    }
}

/// What Ollama tells is exact, and takes the place of what was published.
fn install(row: &mut Row, model: &Model, facts: Option<&Facts>) {
    row.name.clone_from(&model.name);
    row.installed = Some(Installed { digest: model.digest.clone(), modified_at: model.modified_at.clone() });
    row.loaded.clone_from(&model.loaded);
    row.is_remote = model.remote;
    let said = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    row.architecture = said(&model.family);
    row.parameters = said(&model.parameters).or_else(|| row.parameters.take());
    row.parameter_count =
        facts.and_then(|facts| facts.parameter_count).or_else(|| count_of(&model.parameters)).or(row.parameter_count);
    let quantization = said(&model.quantization).filter(|text| !text.eq_ignore_ascii_case("unknown"));
    row.quantization = quantization.or_else(|| row.quantization.take());
    if model.bytes > 0 && !model.remote {
        (row.bytes, row.is_exact) = (Some(model.bytes), true);
    }
    row.context_length = model.context_length.or(row.context_length);
    if !model.capabilities.is_empty() {
        row.capabilities = Some(model.capabilities.clone());
    }
}

/// Models that nothing but the house knows any more, or not yet.
fn add_house(rows: &mut HashMap<String, (Row, Weighed, Vec<Measured>)>, house: &House) {
    let tagged = house.tagged.models.iter().map(|(key, (name, _))| (key, name));
    for (key, name) in tagged.chain(house.briefs.iter().map(|(key, brief)| (key, &brief.name))) {
        if !rows.contains_key(key) {
            let row = Row { name: name.clone(), family: name::without_tag(name).to_owned(), ..Row::default() };
            rows.insert(key.clone(), (row, Weighed::default(), Vec::new()));
        }
    }
}

fn write_on(row: &mut Row, key: &str, house: &House, tag_names: &HashMap<i64, &str>) {
    if let Some((_, tags)) = house.tagged.models.get(key) {
        row.tags = tags.iter().filter_map(|tag| tag_names.get(tag)).map(|name| (*name).to_owned()).collect();
        row.tags.sort();
    }
    if let Some(brief) = house.briefs.get(key) {
        if brief.description.is_some() {
            row.summary.clone_from(&brief.description);
        }
        row.has_notes = brief.has_notes;
    }
}

fn vocabulary(entries: &[Entry], tags: &[(String, String)]) -> Vocabulary {
    let (mut capabilities, mut topics) = (BTreeSet::new(), BTreeSet::new());
    for entry in entries {
        capabilities.extend(entry.capabilities.iter().cloned());
        topics.extend(entry.row.topics.iter().cloned());
    }
    // Known to Ollama, whether a model here has them or not.
    for word in ["completion", "tools", "insert", "vision", "embedding", "thinking", "image", "audio"] {
        capabilities.insert(word.to_owned());
    }
    Vocabulary {
        capabilities: capabilities.into_iter().collect(),
        topics: topics.into_iter().collect(),
        tags: tags.iter().map(|(name, _)| name.to_lowercase()).collect(),
    }
}

/// `3.2B`, `137M`, `8x7B` as a number.
pub(super) fn count_of(published: &str) -> Option<u64> {
    let text = published.trim().to_lowercase();
    let (times, rest) = match text.split_once('x') {
        Some((times, rest)) => (times.parse::<f64>().ok()?, rest),
        None => (1.0, text.as_str()),
    };
    let (number, unit) = match rest.find(|letter: char| letter.is_ascii_alphabetic()) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let unit = match unit {
        "" => 1.0,
        "k" => 1e3,
        "m" => 1e6,
        "b" => 1e9,
        "t" => 1e12,
        _ => return None,
    };
    let count = times * number.parse::<f64>().ok()? * unit;
    (count.is_finite() && count >= 1.0).then_some(count.round() as u64)
}

/// Built for Apple's MLX engine, by how such tags are named.
fn is_for_apple(name: &str) -> bool {
    let tag = name[name::without_tag(name).len()..].to_lowercase();
    ["mlx", "nvfp4", "mxfp8"].iter().any(|mark| tag.contains(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_sizes_become_numbers() {
        for (published, count) in [
            ("3.2B", Some(3_200_000_000)),
            ("137M", Some(137_000_000)),
            ("8x7B", Some(56_000_000_000)),
            ("232K", Some(232_000)),
            ("", None),
            ("many", None),
            ("-3B", None),
            ("1e400B", None),
        ] {
            assert_eq!(count_of(published), count, "{published}");
        }
    }

    #[test]
    fn builds_for_apple_are_known_by_their_tags() {
        assert!(is_for_apple("qwen3.5:9b-mlx") && is_for_apple("x:1b-NVFP4"));
        assert!(!is_for_apple("mlx:1b") && !is_for_apple("mlx"));
    }
}
