//! What may be typed over the list of models: words that are matched loosely, and filters of the form `size:<8GB`.
//!
//! It only reads and tests; what is looked through is `shelf`. Invariant: a fact that nobody knows meets no filter.

use crate::api::{Fault, fleet::Verdict};

use super::shelf::{Entry, Told};

/// A text, understood.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Filter {
    /// Lower case.
    pub words: Vec<String>,
    tests: Vec<Test>,
}

/// What values there are to choose from, for those filters whose values are words.
#[derive(Clone, Debug, Default)]
pub(super) struct Vocabulary {
    /// Lower case.
    pub capabilities: Vec<String>,
    pub topics: Vec<String>,
    pub tags: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
enum Test {
    /// Any of these capabilities.
    Can(Vec<String>),
    Topic(Vec<String>),
    Tag(Vec<String>),
    /// Any of these stands in it.
    License(Vec<String>),
    Family(Vec<String>),
    /// Begins with any of these.
    Quantization(Vec<String>),
    Fits(Vec<Fits>),
    Size(Amount),
    Parameters(Amount),
    Context(Amount),
    Rated(Amount),
    Speed(Amount),
    Installed(bool),
    Loaded(bool),
    Used(Used),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fits {
    /// Wholly in the GPU's memory.
    Gpu,
    Partly,
    /// Runs here, wherever.
    Here,
    TooBig,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Used {
    Ever,
    Never,
    /// Within this many milliseconds.
    Within(i64),
    LongerAgo(i64),
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Amount {
    sign: Sign,
    value: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Sign {
    Less,
    AtMost,
    More,
    AtLeast,
    Exactly,
    /// Within a tenth: sizes are published rounded.
    About,
}

impl Amount {
    fn holds(self, known: Option<f64>) -> bool {
        let Some(known) = known else { return false };
        match self.sign {
            Sign::Less => known < self.value,
            Sign::AtMost => known <= self.value,
            Sign::More => known > self.value,
            Sign::AtLeast => known >= self.value,
            Sign::Exactly => (known - self.value).abs() < f64::EPSILON * known.abs().max(1.0),
            Sign::About => (known - self.value).abs() <= self.value.abs() / 10.0,
        }
    }
}

/// What can stand before the colon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Can,
    Topic,
    Tag,
    License,
    Family,
    Quantization,
    Fits,
    Size,
    Parameters,
    Context,
    Rated,
    Speed,
    Installed,
    Loaded,
    Used,
}

/// As they are typed; the first of each is the one that is named to people.
const KEYS: &[(&str, Key)] = &[
    ("cap", Key::Can),
    ("size", Key::Size),
    ("params", Key::Parameters),
    ("fits", Key::Fits),
    ("license", Key::License),
    ("family", Key::Family),
    ("quant", Key::Quantization),
    ("ctx", Key::Context),
    ("tag", Key::Tag),
    ("topic", Key::Topic),
    ("installed", Key::Installed),
    ("loaded", Key::Loaded),
    ("used", Key::Used),
    ("rated", Key::Rated),
    ("speed", Key::Speed),
    ("licence", Key::License),
    ("fit", Key::Fits),
    ("context", Key::Context),
    ("can", Key::Can),
    ("quantization", Key::Quantization),
    ("parameters", Key::Parameters),
];

/// How many of `KEYS` are named to people.
const NAMED: usize = 15;

impl Filter {
    /// # Errors
    /// Names the word that is not understood, and the nearest one that would be.
    pub fn parse(text: &str, known: &Vocabulary) -> Result<Self, Fault> {
        let mut filter = Self::default();
        for word in words(text) {
            match (word.colon, word.text.get(..word.colon.unwrap_or(0))) {
                (Some(at), Some(key)) => match key_of(key)? {
                    Some(key) => filter.tests.push(test(key, &word.text[..at], &word.text[at + 1..], known)?),
                    // The name of a model with its tag.
                    None => filter.words.push(word.text.to_lowercase()),
                },
                (Some(_) | None, _) => filter.words.push(word.text.to_lowercase()),
            }
        }
        Ok(filter)
    }

    /// Whether it asks what fits this machine.
    pub fn asks_for_fit(&self) -> bool {
        self.tests.iter().any(|test| matches!(test, Test::Fits(_)))
    }

    /// Whether every test holds for whom this is told, at the time `now`.
    pub fn holds(&self, entry: &Entry, told: &Told, now: i64) -> bool {
        self.tests.iter().all(|test| test.holds(entry, told, now))
    }
}

impl Test {
    fn holds(&self, entry: &Entry, told: &Told, now: i64) -> bool {
        let row = &entry.row;
        let any_stands_in = |text: &str, wanted: &[String]| wanted.iter().any(|wanted| text.contains(wanted.as_str()));
        match self {
            Self::Can(wanted) => has_any(&entry.capabilities, wanted),
            Self::Topic(wanted) => has_any(&row.topics, wanted),
            Self::Tag(wanted) => has_any(&entry.tags, wanted),
            Self::License(wanted) => any_stands_in(&entry.license, wanted),
            Self::Family(wanted) => any_stands_in(&entry.families, wanted),
            Self::Quantization(wanted) => {
                wanted.iter().any(|wanted| !entry.quantization.is_empty() && entry.quantization.starts_with(wanted))
            }
            Self::Fits(wanted) => wanted.iter().any(|fits| match fits {
                Fits::Gpu => row.fit.verdict == Verdict::Gpu,
                Fits::Partly => row.fit.verdict == Verdict::Partly,
                Fits::Here => row.fit.verdict.runs() == Some(true),
                Fits::TooBig => row.fit.verdict.runs() == Some(false),
            }),
            Self::Size(amount) => amount.holds(row.bytes.map(|bytes| bytes as f64)),
            Self::Parameters(amount) => amount.holds(row.parameter_count.map(|count| count as f64)),
            Self::Context(amount) => amount.holds(row.context_length.map(f64::from)),
            Self::Rated(amount) => amount.holds(told.rating.map(|rating| rating.balance() as f64)),
            Self::Speed(amount) => amount.holds(told.speed),
            Self::Installed(wanted) => row.installed.is_some() == *wanted,
            Self::Loaded(wanted) => row.loaded.is_some() == *wanted,
            Self::Used(wanted) => match (wanted, told.used) {
                (Used::Ever, used) => used.is_some(),
                (Used::Never, used) => used.is_none(),
                (Used::Within(ms), Some(at)) => now.saturating_sub(at) <= *ms,
                (Used::LongerAgo(ms), Some(at)) => now.saturating_sub(at) > *ms,
                (Used::Within(_) | Used::LongerAgo(_), None) => false,
            },
        }
    }
}

fn has_any(there: &[String], wanted: &[String]) -> bool {
    wanted.iter().any(|wanted| there.contains(wanted))
}

/// One word as it was typed, without its quotation marks.
struct Word {
    text: String,
    /// Where the first colon stands that is not inside quotation marks.
    colon: Option<usize>,
}

fn words(text: &str) -> Vec<Word> {
    let mut found = Vec::new();
    let mut word = Word { text: String::new(), colon: None };
    let (mut quoted, mut begun) = (false, false);
    for letter in text.chars() {
        match letter {
            '"' => (quoted, begun) = (!quoted, true),
            _ if letter.is_whitespace() && !quoted => {
                if begun {
                    found.push(std::mem::replace(&mut word, Word { text: String::new(), colon: None }));
                }
                begun = false;
            }
            _ => {
                if letter == ':' && !quoted && word.colon.is_none() {
                    word.colon = Some(word.text.len());
                }
                word.text.push(letter);
                begun = true;
            }
        }
    }
    if begun {
        found.push(word);
    }
    found.retain(|word| !word.text.is_empty());
    found
}

/// The filter of this name. `None` = it is nothing like one, so a colon in a name of a model.
fn key_of(typed: &str) -> Result<Option<Key>, Fault> {
    let typed = typed.to_lowercase();
    if let Some((_, key)) = KEYS.iter().find(|(name, _)| *name == typed) {
        return Ok(Some(*key));
    }
    match nearest(&typed, KEYS.iter().map(|(name, _)| *name)) {
        Some(near) => {
            let all: Vec<&str> = KEYS.iter().take(NAMED).map(|(name, _)| *name).collect();
            Err(Fault::invalid(format!("There is no filter “{typed}:”; did you mean “{near}:”?"))
                .hint(format!("The filters are {}.", all.join(", "))))
        }
        None => Ok(None),
    }
}

/// The word that was most likely meant, if any is near enough.
pub(super) fn nearest<'a>(typed: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let most = if typed.chars().count() <= 4 { 1 } else { 2 };
    known
        .map(|word| (strsim::osa_distance(typed, word), word))
        .filter(|(far, _)| *far <= most)
        .min_by_key(|(far, _)| *far)
        .map(|(_, word)| word)
}

fn test(key: Key, name: &str, value: &str, known: &Vocabulary) -> Result<Test, Fault> {
    let name = name.to_lowercase();
    if value.trim().is_empty() {
        return Err(Fault::invalid(format!("“{name}:” says nothing.")).hint(example(key)));
    }
    let lower = value.to_lowercase();
    let alternatives = || -> Vec<String> {
        lower.split(',').map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned).collect()
    };
    Ok(match key {
        Key::Can => Test::Can(chosen(&alternatives(), &known.capabilities, "capability")?),
        Key::Topic => Test::Topic(chosen(&alternatives(), &known.topics, "topic")?),
        Key::Tag => Test::Tag(chosen(&alternatives(), &known.tags, "tag")?),
        Key::License => Test::License(alternatives()),
        Key::Family => Test::Family(alternatives()),
        Key::Quantization => Test::Quantization(alternatives()),
        Key::Fits => Test::Fits(alternatives().iter().map(|value| fits(value)).collect::<Result<_, _>>()?),
        Key::Size => Test::Size(amount(&name, &lower, key)?),
        Key::Parameters => Test::Parameters(amount(&name, &lower, key)?),
        Key::Context => Test::Context(amount(&name, &lower, key)?),
        Key::Rated => Test::Rated(amount(&name, &lower, key)?),
        Key::Speed => Test::Speed(amount(&name, &lower, key)?),
        Key::Installed => Test::Installed(yes_or_no(&name, &lower)?),
        Key::Loaded => Test::Loaded(yes_or_no(&name, &lower)?),
        Key::Used => Test::Used(used(&lower)?),
    })
}

fn example(key: Key) -> String {
    let like = match key {
        Key::Can => "cap:vision",
        Key::Topic => "topic:code",
        Key::Tag => "tag:work",
        Key::License => "license:apache",
        Key::Family => "family:qwen",
        Key::Quantization => "quant:q4",
        Key::Fits => "fits:gpu, fits:ram or fits:no",
        Key::Size => "size:<8GB",
        Key::Parameters => "params:>7b",
        Key::Context => "ctx:>=32k",
        Key::Rated => "rated:>0",
        Key::Speed => "speed:>20 (tokens a second)",
        Key::Installed => "installed:yes",
        Key::Loaded => "loaded:yes",
        Key::Used => "used:30d, used:>30d or used:never",
    };
    format!("Write it like {like}.")
}

/// The known words that are meant: one that is typed whole, else all that begin so.
fn chosen(typed: &[String], known: &[String], what: &str) -> Result<Vec<String>, Fault> {
    let mut meant = Vec::new();
    for typed in typed {
        if known.contains(typed) {
            meant.push(typed.clone());
            continue;
        }
        let before = meant.len();
        meant.extend(known.iter().filter(|known| known.starts_with(typed.as_str())).cloned());
        if meant.len() > before {
            continue;
        }
        let fault = Fault::invalid(match nearest(typed, known.iter().map(String::as_str)) {
            Some(near) => format!("No model has the {what} “{typed}”; did you mean “{near}”?"),
            None => format!("No model has the {what} “{typed}”."),
        });
        let some: Vec<&str> = known.iter().take(12).map(String::as_str).collect();
        return Err(if some.is_empty() { fault } else { fault.hint(format!("There are {}.", some.join(", "))) });
    }
    Ok(meant)
}

const FITS: &[(&str, Fits)] = &[
    ("gpu", Fits::Gpu),
    ("ram", Fits::Here),
    ("partly", Fits::Partly),
    ("no", Fits::TooBig),
    ("yes", Fits::Here),
    ("here", Fits::Here),
];

fn fits(value: &str) -> Result<Fits, Fault> {
    if let Some((_, fits)) = FITS.iter().find(|(name, _)| *name == value) {
        return Ok(*fits);
    }
    let near = nearest(value, FITS.iter().map(|(name, _)| *name));
    let meant = near.map_or_else(|| ".".to_owned(), |near| format!("; did you mean “{near}”?"));
    Err(Fault::invalid(format!("Nothing fits “{value}”{meant}")).hint(
        "fits:gpu is wholly in the GPU's memory, fits:partly in part, fits:ram is whatever runs here, fits:no is too big.",
    ))
}

fn yes_or_no(name: &str, value: &str) -> Result<bool, Fault> {
    match value {
        "yes" | "y" | "true" | "1" => Ok(true),
        "no" | "n" | "false" | "0" => Ok(false),
        _ => Err(Fault::invalid(format!("“{name}:{value}” is neither yes nor no."))
            .hint(format!("Write {name}:yes or {name}:no."))),
    }
}

fn signed(value: &str, without: Sign) -> (Sign, &str) {
    for (text, sign) in [
        ("<=", Sign::AtMost),
        (">=", Sign::AtLeast),
        ("≤", Sign::AtMost),
        ("≥", Sign::AtLeast),
        ("<", Sign::Less),
        (">", Sign::More),
        ("=", Sign::Exactly),
    ] {
        if let Some(rest) = value.strip_prefix(text) {
            return (sign, rest.trim());
        }
    }
    (without, value)
}

/// A number with its unit. Without a sign a size is meant roughly, and everything else as the least.
fn amount(name: &str, value: &str, key: Key) -> Result<Amount, Fault> {
    let refuse = || Fault::invalid(format!("“{name}:{value}” is not an amount.")).hint(example(key));
    let is_rough = matches!(key, Key::Size | Key::Parameters);
    let (sign, rest) = signed(value, if is_rough { Sign::About } else { Sign::AtLeast });
    let split = rest.find(|letter: char| letter.is_ascii_alphabetic() || letter == '/').unwrap_or(rest.len());
    let (number, unit) = rest.split_at(split);
    let number: f64 = number.trim().parse().map_err(|_| refuse())?;
    let units: &[(&str, f64)] = match key {
        Key::Size => &[
            ("", 1e9),
            ("b", 1.0),
            ("k", 1e3),
            ("kb", 1e3),
            ("m", 1e6),
            ("mb", 1e6),
            ("g", 1e9),
            ("gb", 1e9),
            ("t", 1e12),
            ("tb", 1e12),
            ("kib", 1024.0),
            ("mib", 1_048_576.0),
            ("gib", 1_073_741_824.0),
        ],
        Key::Parameters => &[("", 1e9), ("k", 1e3), ("m", 1e6), ("b", 1e9), ("t", 1e12)],
        Key::Context => &[("", 1.0), ("k", 1024.0), ("m", 1_048_576.0)],
        Key::Speed => &[("", 1.0), ("tok/s", 1.0), ("t/s", 1.0)],
        Key::Rated
        | Key::Can
        | Key::Topic
        | Key::Tag
        | Key::License
        | Key::Family
        | Key::Quantization
        | Key::Fits
        | Key::Installed
        | Key::Loaded
        | Key::Used => &[("", 1.0)],
    };
    let times = units.iter().find(|(name, _)| *name == unit.trim()).map(|(_, times)| *times).ok_or_else(refuse)?;
    let value = number * times;
    if value.is_finite() { Ok(Amount { sign, value }) } else { Err(refuse()) }
}

fn used(value: &str) -> Result<Used, Fault> {
    match value {
        "yes" | "ever" => return Ok(Used::Ever),
        "no" | "never" => return Ok(Used::Never),
        _ => {}
    }
    let refuse = || Fault::invalid(format!("“used:{value}” is not a time.")).hint(example(Key::Used));
    let (sign, rest) = signed(value, Sign::AtMost);
    let split = rest.find(|letter: char| letter.is_ascii_alphabetic()).ok_or_else(refuse)?;
    let (number, unit) = rest.split_at(split);
    let number: i64 = number.trim().parse().map_err(|_| refuse())?;
    let hours = match unit {
        "h" => 1,
        "d" => 24,
        "w" => 7 * 24,
        "m" => 30 * 24,
        "y" => 365 * 24,
        _ => return Err(refuse()),
    };
    let ms = number.checked_mul(hours * 3_600_000).filter(|ms| *ms >= 0).ok_or_else(refuse)?;
    Ok(match sign {
        Sign::More | Sign::AtLeast => Used::LongerAgo(ms),
        Sign::Less | Sign::AtMost | Sign::Exactly | Sign::About => Used::Within(ms),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{
        AccountId,
        fleet::{Fit, Installed, Rating, Row},
        models::Loaded,
    };

    fn known() -> Vocabulary {
        let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Vocabulary {
            capabilities: own(&["completion", "tools", "vision"]),
            topics: own(&["code", "general"]),
            tags: own(&["work", "workshop", "my own"]),
        }
    }

    fn entry() -> Entry {
        Entry::of(Row {
            name: "qwen3:8b".to_owned(),
            family: "qwen3".to_owned(),
            license: Some("Apache-2.0".to_owned()),
            parameter_count: Some(8_200_000_000),
            quantization: Some("Q4_K_M".to_owned()),
            bytes: Some(5_200_000_000),
            context_length: Some(40_960),
            capabilities: Some(vec!["completion".to_owned(), "tools".to_owned()]),
            topics: vec!["code".to_owned()],
            installed: Some(Installed { digest: "1".to_owned(), modified_at: String::new() }),
            loaded: Some(Loaded { bytes: 1, gpu_bytes: 1, context_length: None, expires_at: String::new() }),
            tags: vec!["Work".to_owned()],
            speed: Some(42.0),
            rating: Some(Rating { liked: 3, disliked: 1 }),
            fit: Fit { verdict: Verdict::Gpu, ..Fit::default() },
            ..Row::default()
        })
    }

    const DAY: i64 = 86_400_000;

    fn told(entry: &Entry, used: Option<i64>) -> Told {
        Told { used, ..entry.told(AccountId::new()) }
    }

    #[test]
    fn every_filter_lets_through_what_it_names_and_nothing_else() {
        for (text, holds) in [
            ("cap:tools", true),
            ("cap:vision", false),
            ("cap:vision,tools", true),
            ("cap:too", true),
            ("cap:tools cap:vision", false),
            ("topic:code", true),
            ("topic:general", false),
            ("size:<8GB", true),
            ("size:<5", false),
            ("size:5gb", true),
            ("size:>4.5GiB", true),
            ("size:>=5200mb", true),
            ("params:>7b", true),
            ("params:8b", true),
            ("params:<500m", false),
            ("fits:gpu", true),
            ("fits:ram", true),
            ("fits:no", false),
            ("license:apache", true),
            ("licence:MIT", false),
            ("family:qwen", true),
            ("family:llama", false),
            ("quant:q4", true),
            ("quant:q8", false),
            ("ctx:>=32k", true),
            ("ctx:64k", false),
            ("tag:work", true),
            ("tag:\"my own\"", false),
            ("installed:yes", true),
            ("installed:no", false),
            ("loaded:yes", true),
            ("used:30d", true),
            ("used:5d", false),
            ("used:>5d", true),
            ("used:>2w", false),
            ("used:never", false),
            ("rated:>0", true),
            ("rated:>2", false),
            ("speed:>20", true),
            ("speed:50tok/s", false),
            ("", true),
        ] {
            let filter = Filter::parse(text, &known()).unwrap_or_else(|fault| panic!("{text}: {fault}"));
            assert_eq!(filter.holds(&entry(), &told(&entry(), Some(0)), 10 * DAY), holds, "{text}");
            assert_eq!(filter.words, Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn what_nobody_knows_meets_no_filter() {
        let unknown = Entry::of(Row { name: "x:latest".to_owned(), family: "x".to_owned(), ..Row::default() });
        for text in [
            "cap:tools",
            "topic:code",
            "size:<8GB",
            "size:>0",
            "params:>0",
            "params:<7b",
            "fits:gpu",
            "fits:ram",
            "fits:no",
            "license:apache",
            "quant:q",
            "ctx:>=0",
            "tag:work",
            "installed:yes",
            "loaded:yes",
            "used:30d",
            "used:>30d",
            "rated:>-9",
            "rated:<9",
            "speed:>0",
        ] {
            assert!(!Filter::parse(text, &known()).unwrap().holds(&unknown, &told(&unknown, None), DAY), "{text}");
        }
        assert!(Filter::parse("used:never installed:no", &known()).unwrap().holds(
            &unknown,
            &told(&unknown, None),
            DAY
        ));
    }

    #[test]
    fn what_is_not_understood_is_named_with_the_nearest_word() {
        for (text, said) in [
            ("cpa:vision", "There is no filter “cpa:”; did you mean “cap:”?"),
            ("lisence:mit", "There is no filter “lisence:”; did you mean “licence:”?"),
            ("cap:visoin", "No model has the capability “visoin”; did you mean “vision”?"),
            ("cap:flying", "No model has the capability “flying”."),
            ("tag:wrok", "No model has the tag “wrok”; did you mean “work”?"),
            ("fits:gup", "Nothing fits “gup”; did you mean “gpu”?"),
            ("size:big", "“size:big” is not an amount."),
            ("size:<8parsecs", "“size:<8parsecs” is not an amount."),
            ("size:", "“size:” says nothing."),
            ("ctx:1e999", "“ctx:1e999” is not an amount."),
            ("installed:maybe", "“installed:maybe” is neither yes nor no."),
            ("used:soon", "“used:soon” is not a time."),
            ("used:99999999999999999d", "“used:99999999999999999d” is not a time."),
        ] {
            let fault = Filter::parse(text, &known()).unwrap_err();
            assert_eq!(fault.message, said);
            assert!(fault.hint.is_some(), "{text} says what to do");
        }
    }

    #[test]
    fn a_models_name_with_its_tag_is_no_filter() {
        let filter = Filter::parse("Llama3.2:3b  \"cap:x\" coder", &known()).unwrap();
        assert_eq!(filter.words, ["llama3.2:3b", "cap:x", "coder"]);
        assert!(filter.tests.is_empty());
        assert_eq!(Filter::parse("\"", &known()).unwrap(), Filter::default());
    }
}
