//! The catalogue: which models there are to install, as published. One comes with the program; an administrator may bring
//! a newer one of the same schema.
//!
//! It is parsed when it is first asked for, and never at the start. A file is read as a stream, family by family, within
//! bounds; whatever is wrong with it is told with its place, and then nothing of it is kept.

use std::{
    collections::HashSet,
    fmt,
    io::{BufReader, Read},
    sync::Arc,
};

use serde::{
    Deserialize, Deserializer as _, Serialize,
    de::{self, SeqAccess, Visitor},
};

use crate::{
    api::{Fault, fleet::CatalogueState},
    ollama::name::{self, ModelName},
    store::system::fleet::Imported,
};

/// The one that comes with the program.
const BUNDLED: &[u8] = include_bytes!("catalog.lite.json");
/// Of which day it is.
const BUNDLED_DATED: &str = "2026-08-21";

/// Most bytes of a file; the whole of Ollama's library has one.
pub(super) const FILE_MAX: u64 = 64 * 1024 * 1024;
const FAMILIES_MAX: usize = 20_000;
const TAGS_MAX: usize = 200_000;
/// Longest text of one fact, bytes.
const TEXT_MAX: usize = 2_000;
/// Most capabilities, and most topics, of one family.
const WORDS_MAX: usize = 50;

/// One family as the file has it. What a newer file says beside this is passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Family {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    #[serde(default)]
    pub capabilities: Vec<String>,
    #[serde(default)]
    pub topics: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released: Option<String>,
    pub tags: Vec<FamilyTag>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FamilyTag {
    pub tag: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantization: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_length: Option<u32>,
}

/// A catalogue in memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Catalogue {
    pub families: Vec<Family>,
    pub state: CatalogueState,
}

impl Catalogue {
    fn of(families: Vec<Family>, dated: String, imported_at: Option<i64>) -> Self {
        let tags = families.iter().map(|family| family.tags.len() as u64).sum();
        let state = CatalogueState { dated, families: families.len() as u64, tags, imported_at };
        Self { families, state }
    }

    /// Of which day the one is that comes with the program.
    pub fn bundled_date() -> &'static str {
        BUNDLED_DATED
    }

    /// The one that is to be used: the imported one, unless the program came with a newer one since.
    ///
    /// # Errors
    /// When what comes with the program cannot be read, which a test excludes.
    pub fn in_use(imported: Option<Imported>) -> Result<Arc<Self>, Fault> {
        if let Some(Imported { dated, imported_at, families }) = imported.filter(|found| *found.dated >= *BUNDLED_DATED)
        {
            // Each was checked when it came in; one that a newer program wrote and this one cannot read is left out.
            let families = families.iter().filter_map(|facts| serde_json::from_str(facts).ok()).collect();
            return Ok(Arc::new(Self::of(families, dated, Some(imported_at))));
        }
        Ok(Arc::new(Self::of(parse(BUNDLED)?, BUNDLED_DATED.to_owned(), None)))
    }
}

/// Reads a catalogue from a stream.
///
/// # Errors
/// Says what is wrong and where.
pub(super) fn parse(from: impl Read) -> Result<Vec<Family>, Fault> {
    let mut limited = BufReader::new(from.take(FILE_MAX + 1));
    let mut json = serde_json::Deserializer::from_reader(&mut limited);
    let read = json.deserialize_seq(Families).and_then(|families| json.end().map(|()| families));
    drop(json);
    if limited.get_ref().limit() == 0 {
        return Err(refused(&format!("it is larger than {} MB", FILE_MAX / 1_000_000)));
    }
    let families = read.map_err(|error| refused(&told(&error)))?;
    if families.is_empty() {
        return Err(refused("it holds no model"));
    }
    Ok(families)
}

fn refused(why: &str) -> Fault {
    Fault::invalid(format!("The file is no catalogue of models: {why}."))
        .hint("Nothing was changed. A catalogue is a JSON list of families, as the one that comes with the program.")
}

/// What is wrong, without serde's own place behind it, and the place in front.
fn told(error: &serde_json::Error) -> String {
    if error.io_error_kind().is_some() {
        return "it cannot be read".to_owned();
    }
    let whole = error.to_string();
    let what = whole.rsplit_once(" at line ").map_or(whole.as_str(), |(what, _)| what);
    format!("line {}, column {}: {what}", error.line(), error.column())
}

/// Takes one family after the other out of the list.
struct Families;

impl<'de> Visitor<'de> for Families {
    type Value = Vec<Family>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of families")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Family>, A::Error> {
        let (mut families, mut tags, mut names) = (Vec::new(), 0, HashSet::new());
        while let Some(mut family) = list.next_element::<Family>()? {
            let number = families.len() + 1;
            if number > FAMILIES_MAX {
                return Err(de::Error::custom(format!("it holds more than {FAMILIES_MAX} families")));
            }
            tags += family.tags.len();
            if tags > TAGS_MAX {
                return Err(de::Error::custom(format!("it holds more than {TAGS_MAX} tags")));
            }
            check(&family).map_err(|why| de::Error::custom(format!("family {number}: {why}")))?;
            if !names.insert(name::key(&family.name)) {
                return Err(de::Error::custom(format!("family {number}: {} is there twice", family.name)));
            }
            for words in [&mut family.capabilities, &mut family.topics] {
                for word in words {
                    *word = word.to_lowercase();
                }
            }
            families.push(family);
        }
        Ok(families)
    }
}

fn check(family: &Family) -> Result<(), String> {
    let Family { name, publisher, license, summary, capabilities, topics, released, tags } = family;
    ModelName::parse(name).map_err(|why| format!("its name cannot be used: {why}"))?;
    if name::without_tag(name) != name || name.trim() != name {
        return Err(format!("the name {name} has a tag, and those stand in its list of tags"));
    }
    for text in [publisher, license, summary, released].into_iter().flatten().chain(capabilities).chain(topics) {
        if text.len() > TEXT_MAX {
            return Err(format!("a text of {name} is longer than {TEXT_MAX} bytes"));
        }
    }
    if capabilities.len() > WORDS_MAX || topics.len() > WORDS_MAX {
        return Err(format!("{name} has more than {WORDS_MAX} capabilities or topics"));
    }
    if released.as_deref().is_some_and(|released| !is_month(released)) {
        return Err(format!("{name} was released in no month that is written as 2026-03"));
    }
    if tags.is_empty() {
        return Err(format!("{name} has no tag"));
    }
    let mut seen = HashSet::new();
    for FamilyTag { tag, parameters, quantization, size_bytes: _, context_length: _ } in tags {
        ModelName::parse(&format!("{name}:{tag}")).map_err(|why| format!("a tag of {name} cannot be used: {why}"))?;
        if [parameters, quantization].into_iter().flatten().any(|text| text.len() > TEXT_MAX) {
            return Err(format!("a text of {name}:{tag} is longer than {TEXT_MAX} bytes"));
        }
        if !seen.insert(tag.to_lowercase()) {
            return Err(format!("{name}:{tag} is there twice"));
        }
    }
    Ok(())
}

fn is_month(text: &str) -> bool {
    let Some((year, month)) = text.split_once('-') else { return false };
    let digits = |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(year, 4) && digits(month, 2) && (1..=12).contains(&month.parse().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_one_is_whole() {
        let catalogue = Catalogue::in_use(None).unwrap();
        assert_eq!((catalogue.state.families, catalogue.state.tags), (224, 989));
        assert_eq!((catalogue.state.dated.as_str(), catalogue.state.imported_at), ("2026-08-21", None));
        assert!(catalogue.families.iter().any(|family| family.name == "llama3.2"));
    }

    #[test]
    fn what_is_wrong_with_a_file_is_told_with_its_place() {
        let long =
            format!("[{{\"name\":\"a\",\"summary\":\"{}\",\"tags\":[{{\"tag\":\"b\"}}]}}]", "x".repeat(TEXT_MAX + 1));
        for (file, line, why) in [
            ("", 1, "EOF while parsing a value"),
            ("{}", 1, "invalid type: map, expected a list of families"),
            ("\u{0}\u{1}garbage", 1, "expected value"),
            ("[{\"name\":\"a\"}]", 1, "missing field `tags`"),
            ("[\n{\"name\":\"a\",\"tags\":[]}]", 2, "family 1: a has no tag"),
            (
                "[\n{\"name\":\"a\",\"tags\":[{\"tag\":\"b\"}]},\n{\"name\":\"../etc\",\"tags\":[{\"tag\":\"b\"}]}]",
                3,
                "family 2: its name cannot be used: a model name takes letters",
            ),
            ("[{\"name\":\"a:b\",\"tags\":[{\"tag\":\"b\"}]}]", 1, "family 1: the name a:b has a tag"),
            ("[{\"name\":\"a\",\"tags\":[{\"tag\":\"b\"},{\"tag\":\"B\"}]}]", 1, "family 1: a:B is there twice"),
            ("[{\"name\":\"a\",\"tags\":[{\"tag\":\"b c\"}]}]", 1, "family 1: a tag of a cannot be used"),
            ("[{\"name\":\"a\",\"tags\":[{\"tag\":\"b\",\"size_bytes\":-1}]}]", 1, "invalid value: integer `-1`"),
            (
                "[{\"name\":\"a\",\"tags\":[{\"tag\":\"b\"}]},{\"name\":\"A\",\"tags\":[{\"tag\":\"b\"}]}]",
                1,
                "family 2: A is there twice",
            ),
            (
                "[{\"name\":\"a\",\"released\":\"2026-13\",\"tags\":[{\"tag\":\"b\"}]}]",
                1,
                "family 1: a was released in no month that is written as 2026-03",
            ),
            ("[{\"name\":\"a\",\"tags\":[{\"tag\":\"b\"}]}] and more", 1, "trailing characters"),
            (long.as_str(), 1, "family 1: a text of a is longer than 2000 bytes"),
        ] {
            let fault = parse(file.as_bytes()).unwrap_err();
            let begin = format!("The file is no catalogue of models: line {line}, column ");
            assert!(fault.message.starts_with(&begin) && fault.message.contains(why), "{}", fault.message);
        }
        let fault = parse("[]".as_bytes()).unwrap_err();
        assert_eq!(fault.message, "The file is no catalogue of models: it holds no model.");
    }

    #[test]
    fn a_file_without_end_is_left_at_the_limit() {
        struct Endless(u64);
        impl Read for Endless {
            fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
                self.0 += into.len() as u64;
                assert!(self.0 < FILE_MAX + 1_000_000, "it reads on and on");
                into.fill(b' ');
                Ok(into.len())
            }
        }
        let fault = parse(Endless(0)).unwrap_err();
        assert_eq!(fault.message, "The file is no catalogue of models: it is larger than 67 MB.");
    }

    #[test]
    fn what_was_imported_is_used_unless_the_program_brings_a_newer_one() {
        let imported = |dated: &str| Imported {
            dated: dated.to_owned(),
            imported_at: 7,
            families: vec!["{\"name\":\"a\",\"tags\":[{\"tag\":\"b\"}]}".to_owned()],
        };
        let newer = Catalogue::in_use(Some(imported("2026-11-01"))).unwrap();
        assert_eq!((newer.state.imported_at, newer.state.tags), (Some(7), 1));
        assert_eq!(Catalogue::in_use(Some(imported("2025-01-01"))).unwrap().state.dated, BUNDLED_DATED);
    }
}
