//! What a person types, read: words, "phrases", beginnings*, -exclusions, OR, and filters such as `folder:work`.
//!
//! Pure. Whatever is not understood as something else is looked for as text. Only a filter that cannot be meant that way
//! is refused, with the nearest one that can.

use jiff::{Span, ToSpan, Zoned, civil::Date};

use crate::{
    api::{
        Fault,
        chat::MessageRole,
        search::{FILTERS, QUERY_MAX, TERMS_MAX, Term},
    },
    store::vault::search::{Archived, Filters, Named, Rated, Source, Wanted},
};

/// Dates as they may be written.
const DATES: &str = "Write 2026, 2026-03, 2026-03-17, today, yesterday, or 7d, 4w, 6m, 2y for so long ago.";

/// What was understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    pub wanted: Wanted,
    /// What of it is left out for now, and why.
    pub notice: Option<String>,
}

/// A stretch of what was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token<'a> {
    /// Without its `-`, with what stands between its quotes.
    Words {
        text: &'a str,
        is_not: bool,
        is_quoted: bool,
        is_last: bool,
    },
    Filter {
        name: &'a str,
        value: &'a str,
        is_not: bool,
        is_last: bool,
    },
    Or,
}

/// Reads what was typed; of what is still being typed, the last word may be the beginning of one.
///
/// # Errors
/// A query that is too long, or a filter that makes no sense, in a sentence.
pub fn read(text: &str, is_typing: bool, now: &Zoned) -> Result<Query, Fault> {
    if text.len() > QUERY_MAX {
        return Err(Fault::invalid(format!("A search may be {QUERY_MAX} bytes long; this one has {}.", text.len()))
            .hint("Look for a few words of it."));
    }
    let mut query = Query::default();
    let mut is_or = false;
    let mut count = 0;
    for token in tokens(text) {
        match token {
            Token::Or => is_or = true,
            Token::Words { text: words, is_not, is_quoted, is_last } => {
                let is_open = is_last && is_typing && !is_quoted;
                let is_beginning = !is_quoted && words.ends_with('*');
                let Some(term) = Term::new(words, is_open || is_beginning) else { continue };
                count += term.words.len();
                if count > TERMS_MAX {
                    return Err(Fault::invalid(format!("A search may have {TERMS_MAX} words."))
                        .hint("Leave out those that stand everywhere."));
                }
                let all = &mut query.wanted.all;
                if is_not {
                    query.wanted.none.push(term);
                } else if let (true, Some(group)) = (is_or, all.last_mut()) {
                    group.push(term);
                } else {
                    all.push(vec![term]);
                }
                is_or = false;
            }
            Token::Filter { name, value, is_not, is_last } => {
                is_or = false;
                match set(&mut query.wanted.filters, name, value, is_not, now) {
                    Ok(()) => {}
                    // It may become one that makes sense.
                    Err(fault) if is_last && is_typing => query.notice = Some(fault.message),
                    Err(fault) => return Err(fault),
                }
            }
        }
    }
    Ok(query)
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (stretch, after) = stretch(rest);
        // What is followed by nothing at all is still being typed.
        let is_last = after.is_empty();
        let (is_not, bare) = match stretch.strip_prefix('-') {
            Some(bare) if !bare.is_empty() && !bare.starts_with('-') => (true, bare),
            Some(_) | None => (false, stretch),
        };
        if stretch == "OR" {
            tokens.push(Token::Or);
        } else if let Some(quoted) = bare.strip_prefix('"') {
            let is_quoted = quoted.ends_with('"');
            let text = quoted.strip_suffix('"').unwrap_or(quoted);
            tokens.push(Token::Words { text, is_not, is_quoted, is_last });
        } else if let Some((name, value)) = filter(bare) {
            tokens.push(Token::Filter { name, value, is_not, is_last });
        } else {
            tokens.push(Token::Words { text: bare, is_not, is_quoted: false, is_last });
        }
        rest = after.trim_start();
    }
    tokens
}

/// The first stretch without spaces, those in quotes aside, and what follows it.
fn stretch(text: &str) -> (&str, &str) {
    let mut in_quotes = false;
    let mut before = None;
    for (at, letter) in text.char_indices() {
        match letter {
            // Quotes open at the beginning of a word or of a filter's value; elsewhere they are inches, or code.
            '"' if in_quotes => return text.split_at(at + 1),
            '"' if matches!(before, None | Some(':' | '-')) => in_quotes = true,
            letter if letter.is_whitespace() && !in_quotes => return text.split_at(at),
            _ => {}
        }
        before = Some(letter);
    }
    (text, "")
}

/// Name and value of what looks like a filter. `a::b`, `http://…`, `C:\…`, `llama3:8b` and `10:30` do not.
fn filter(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once(':')?;
    let is_known = FILTERS.iter().any(|filter| filter.name.eq_ignore_ascii_case(name));
    let is_name = name.len() > 1 && name.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_value = value.starts_with(|first: char| first.is_alphabetic() || first == '"');
    (is_known && !value.starts_with([':', '/', '\\']) || is_name && is_value).then_some((name, value.trim_matches('"')))
}

fn set(filters: &mut Filters, name: &str, value: &str, is_not: bool, now: &Zoned) -> Result<(), Fault> {
    let name = name.to_ascii_lowercase();
    // Somebody is about to type what.
    if value.is_empty() && FILTERS.iter().any(|filter| filter.name == name) {
        return Ok(());
    }
    let named = || Named { name: value.to_owned(), is_not };
    match name.as_str() {
        "folder" => filters.folders.push(named()),
        "model" => filters.models.push(named()),
        "tag" => filters.tags.push(named()),
        _ if is_not && FILTERS.iter().any(|filter| filter.name == name) => {
            return Err(Fault::invalid(format!("-{name}: is no filter; only folder, model and tag can be left out.")));
        }
        "role" => {
            filters.role = Some(one_of(
                "role",
                value,
                &[
                    ("user", MessageRole::User),
                    ("assistant", MessageRole::Assistant),
                    ("system", MessageRole::System),
                    ("tool", MessageRole::Tool),
                ],
            )?);
        }
        "since" => filters.since = Some(date("since", value, now)?.0),
        "until" => filters.until = Some(date("until", value, now)?.1),
        "has" => {
            let is_note = one_of("has", value, &[("note", true), ("notes", true), ("file", false), ("files", false)])?;
            filters.has_note |= is_note;
            filters.has_file |= !is_note;
        }
        "rated" => {
            filters.rated =
                Some(one_of("rated", value, &[("up", Rated::Up), ("down", Rated::Down), ("any", Rated::Any)])?);
        }
        "archived" => {
            filters.archived = Some(one_of(
                "archived",
                value,
                &[("yes", Archived::Too), ("no", Archived::Not), ("only", Archived::Only)],
            )?);
        }
        "in" => match one_of(
            "in",
            value,
            &[
                ("title", Some(Source::Titles)),
                ("titles", Some(Source::Titles)),
                ("messages", Some(Source::Messages)),
                ("notes", Some(Source::Notes)),
                ("files", Some(Source::Files)),
                ("trash", None),
            ],
        )? {
            Some(source) => filters.place = Some(source),
            None => filters.in_trash = true,
        },
        unknown => return Err(unknown_filter(unknown, value)),
    }
    Ok(())
}

fn unknown_filter(name: &str, value: &str) -> Fault {
    let nearest = nearest(name, FILTERS.iter().map(|filter| filter.name));
    Fault::invalid(format!("There is no filter {name}:; the nearest is {nearest}:."))
        .hint(format!("To look for the words instead, put them into quotation marks: \"{name}:{value}\"."))
}

fn nearest<'a>(name: &str, others: impl Iterator<Item = &'a str>) -> &'a str {
    others
        .max_by(|one, other| strsim::jaro_winkler(name, one).total_cmp(&strsim::jaro_winkler(name, other)))
        .unwrap_or_default()
}

fn one_of<T: Copy>(filter: &str, value: &str, all: &[(&str, T)]) -> Result<T, Fault> {
    let value = value.to_lowercase();
    if let Some((_, meant)) = all.iter().find(|(name, _)| *name == value) {
        return Ok(*meant);
    }
    let nearest = nearest(&value, all.iter().map(|(name, _)| *name));
    let values = FILTERS.iter().find(|known| known.name == filter).map_or("", |known| known.values);
    Err(Fault::invalid(format!("{filter}:{value} is no filter; the nearest is {filter}:{nearest}."))
        .hint(format!("It takes {}.", values.replace('|', ", "))))
}

/// The first moment of a day, month or year, and the first one after it, milliseconds since 1970, UTC.
fn date(filter: &str, value: &str, now: &Zoned) -> Result<(i64, i64), Fault> {
    let value = value.to_lowercase();
    let Some((first, after)) = days(&value, now.date()) else {
        let said = match nearest_date(&value) {
            Some(nearest) => format!("{filter}:{value} is no date; the nearest is {filter}:{nearest}."),
            None => format!("{filter}:{value} is no date."),
        };
        return Err(Fault::invalid(said).hint(DATES));
    };
    let moment = |day: Date| {
        let start = day.to_zoned(now.time_zone().clone());
        start.map_or(i64::MAX, |start| start.timestamp().as_millisecond())
    };
    Ok((moment(first), moment(after)))
}

/// The days that are meant: the first, and the first one that is not.
fn days(value: &str, today: Date) -> Option<(Date, Date)> {
    let until = |first: Date, span: Span| Some((first, first.checked_add(span).ok()?));
    match value {
        "today" => return until(today, 1.day()),
        "yesterday" => return until(today.yesterday().ok()?, 1.day()),
        _ => {}
    }
    let (number, unit) = value.split_at_checked(value.len().saturating_sub(1))?;
    if let (Ok(number), true) = (number.parse::<u16>(), "dwmy".contains(unit)) {
        let number = i64::from(number);
        let span = match unit {
            "d" => Span::new().try_days(number),
            "w" => Span::new().try_weeks(number),
            "m" => Span::new().try_months(number),
            _ => Span::new().try_years(number),
        };
        return until(today.checked_sub(span.ok()?).ok()?, 1.day());
    }
    let numbers: Option<Vec<i16>> = value
        .split('-')
        .map(|part| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok()).flatten())
        .collect();
    match numbers?.as_slice() {
        [year] if value.len() == 4 => until(Date::new(*year, 1, 1).ok()?, 1.year()),
        [year, month] => until(Date::new(*year, i8::try_from(*month).ok()?, 1).ok()?, 1.month()),
        [year, month, day] => {
            until(Date::new(*year, i8::try_from(*month).ok()?, i8::try_from(*day).ok()?).ok()?, 1.day())
        }
        _ => None,
    }
}

/// What was probably meant by a date that there is not: the last month of the year, the last day of the month.
fn nearest_date(value: &str) -> Option<String> {
    let numbers: Option<Vec<i64>> = value.split(['-', '/', '.']).map(|part| part.parse().ok()).collect();
    let numbers = numbers?;
    let year = i16::try_from(*numbers.first()?).ok().filter(|year| (1000..=9999).contains(year))?;
    let month = numbers.get(1).map(|month| (*month).clamp(1, 12) as i8);
    let last = |month: i8| Date::new(year, month, 1).map_or(28, Date::days_in_month);
    Some(match (month, numbers.get(2)) {
        (None, _) => format!("{year}"),
        (Some(month), None) => format!("{year}-{month:02}"),
        (Some(month), Some(day)) => format!("{year}-{month:02}-{:02}", (*day).clamp(1, i64::from(last(month)))),
    })
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    use super::*;

    fn now() -> Zoned {
        jiff::civil::date(2026, 3, 17).at(12, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap()
    }

    fn parsed(text: &str) -> Query {
        read(text, false, &now()).unwrap()
    }

    fn refused(text: &str) -> String {
        read(text, false, &now()).unwrap_err().message
    }

    fn closed(word: &str) -> Term {
        Term::new(word, false).unwrap()
    }

    fn open(word: &str) -> Term {
        Term::new(word, true).unwrap()
    }

    fn day(year: i16, month: i8, day: i8) -> i64 {
        jiff::civil::date(year, month, day).to_zoned(TimeZone::UTC).unwrap().timestamp().as_millisecond()
    }

    #[test]
    fn words_phrases_beginnings_exclusions_and_alternatives_are_read() {
        let Wanted { all, none, .. } = parsed("rust \"borrow checker\" asy* -java -\"go lang\" cat OR dog").wanted;
        assert_eq!(
            all,
            [
                vec![closed("rust")],
                vec![closed("borrow checker")],
                vec![open("asy")],
                vec![closed("cat"), closed("dog")]
            ]
        );
        assert_eq!(none, [closed("java"), closed("go lang")]);
    }

    #[test]
    fn of_what_is_being_typed_the_last_word_is_a_beginning() {
        let typed = |text: &str| read(text, true, &now()).unwrap().wanted.all;
        assert_eq!(typed("rust asy"), [vec![closed("rust")], vec![open("asy")]]);
        assert_eq!(typed("rust asy "), [vec![closed("rust")], vec![closed("asy")]]);
        assert_eq!(typed("\"rust asy"), [vec![open("rust asy")]]);
        assert_eq!(typed("\"rust asy\""), [vec![closed("rust asy")]]);
        assert_eq!(typed("rust OR"), [vec![closed("rust")]]);
    }

    #[test]
    fn every_filter_is_read() {
        let text = "folder:work -folder:\"old things\" model:llama role:User since:2026-03 until:2026 tag:x has:note has:file \
                    rated:down archived:only in:notes in:trash";
        let filters = parsed(text).wanted.filters;
        let named = |name: &str, is_not| Named { name: name.to_owned(), is_not };
        assert_eq!(
            filters,
            Filters {
                folders: vec![named("work", false), named("old things", true)],
                models: vec![named("llama", false)],
                tags: vec![named("x", false)],
                role: Some(MessageRole::User),
                since: Some(day(2026, 3, 1)),
                until: Some(day(2027, 1, 1)),
                has_note: true,
                has_file: true,
                rated: Some(Rated::Down),
                archived: Some(Archived::Only),
                place: Some(Source::Notes),
                in_trash: true,
            }
        );
    }

    #[test]
    fn dates_are_days_months_years_and_how_long_ago() {
        let range = |value: &str| date("since", value, &now()).unwrap();
        assert_eq!(range("2026-02"), (day(2026, 2, 1), day(2026, 3, 1)));
        assert_eq!(range("2024-2-29"), (day(2024, 2, 29), day(2024, 3, 1)));
        assert_eq!(range("today"), (day(2026, 3, 17), day(2026, 3, 18)));
        assert_eq!(range("Yesterday"), (day(2026, 3, 16), day(2026, 3, 17)));
        assert_eq!(range("2w").0, day(2026, 3, 3));
        assert_eq!(range("1m").0, day(2026, 2, 17));
        assert_eq!(range("1y").0, day(2025, 3, 17));
    }

    #[test]
    fn what_makes_no_sense_is_explained_with_the_nearest_that_does() {
        assert_eq!(refused("fodler:work"), "There is no filter fodler:; the nearest is folder:.");
        assert_eq!(refused("role:asistant"), "role:asistant is no filter; the nearest is role:assistant.");
        assert_eq!(refused("since:2026-13"), "since:2026-13 is no date; the nearest is since:2026-12.");
        assert_eq!(refused("until:2026-02-30"), "until:2026-02-30 is no date; the nearest is until:2026-02-28.");
        assert_eq!(refused("since:tuesday"), "since:tuesday is no date.");
        assert_eq!(refused("-role:user"), "-role: is no filter; only folder, model and tag can be left out.");
        assert!(refused(&"x".repeat(10 << 20)).starts_with("A search may be 4096 bytes long"));
        assert_eq!(refused(&"a b ".repeat(40)), "A search may have 64 words.");
    }

    #[test]
    fn a_filter_that_is_being_typed_waits_for_its_end() {
        let typed = read("rust since:2026-1x", true, &now()).unwrap();
        assert_eq!(typed.wanted.all.len(), 1);
        assert_eq!(typed.notice.as_deref(), Some("since:2026-1x is no date."));
        assert_eq!(parsed("rust folder:").wanted.filters, Filters::default());
    }

    #[test]
    fn colons_in_text_are_text() {
        for text in [
            "std::vec",
            "http://localhost:8080",
            "C:\\Users",
            "llama3.2:3b",
            "mistral:7b",
            "10:30",
            "a:b",
            "note:",
            ":",
            "folder::x",
        ] {
            let query = parsed(text);
            assert_eq!(query.wanted.filters, Filters::default(), "{text}");
            assert_eq!(query.wanted.all.len(), usize::from(text != ":"), "{text}");
        }
        assert_eq!(parsed("5\" pipe").wanted.all.len(), 2);
        assert_eq!(parsed("\"foo:bar\"").wanted.all, [vec![closed("foo bar")]]);
    }

    #[test]
    fn signs_alone_look_for_nothing() {
        for text in ["", " ", "\"", "\"\"", "-", "--", "*", "OR", "OR OR", "()", "-*", "\0", "^", "NEAR(", "-\""] {
            let query = parsed(text);
            assert!(query.wanted.all.iter().flatten().all(|term| term.words == ["near"]), "{text:?}: {query:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_in_a_sentence(text in "\\PC{0,80}|[a-z\"*:() OR\\-\0]{0,80}", is_typing: bool) {
            match read(&text, is_typing, &now()) {
                Ok(query) => {
                    for term in query.wanted.all.iter().flatten().chain(&query.wanted.none) {
                        prop_assert!(!term.words.is_empty());
                        prop_assert!(term.words.iter().all(|word| !word.contains(['"', '*', '\0', ' '])));
                    }
                }
                Err(fault) => prop_assert!(fault.message.ends_with('.'), "{}", fault.message),
            }
        }
    }
}
