//! Types that take what other programs wrote, as far as it makes sense, and nothing where it makes none.
//!
//! A field of an unexpected kind is as good as absent. What is nested is passed over without recursion, so that no depth
//! can hurt.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{MESSAGES_MAX, MODEL_MAX, Notes, TEXT_MAX};
use crate::api::organise::TITLE_MAX;

/// A single value of any kind; what is composed counts as nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Plain {
    #[default]
    Nothing,
    Text(String),
    Number(f64),
    Flag(bool),
}

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Plain;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }
            fn visit_bool<E>(self, value: bool) -> Result<Plain, E> {
                Ok(Plain::Flag(value))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Plain, E> {
                Ok(Plain::Number(value as f64))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Plain, E> {
                Ok(Plain::Number(value as f64))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Plain, E> {
                Ok(Plain::Number(value))
            }
            fn visit_str<E>(self, value: &str) -> Result<Plain, E> {
                Ok(Plain::Text(value.to_owned()))
            }
            fn visit_string<E>(self, value: String) -> Result<Plain, E> {
                Ok(Plain::Text(value))
            }
            fn visit_unit<E>(self) -> Result<Plain, E> {
                Ok(Plain::Nothing)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Plain, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Plain::Nothing)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Plain, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Plain::Nothing)
            }
        }
        from.deserialize_any(Any)
    }
}

impl Plain {
    pub(super) fn text(self) -> Option<String> {
        match self {
            Self::Text(text) if !text.is_empty() => Some(text),
            Self::Text(_) | Self::Nothing | Self::Number(_) | Self::Flag(_) => None,
        }
    }

    /// A text, or a number as one writes it: ids are either.
    pub(super) fn id(self) -> Option<String> {
        match self {
            Self::Number(number) => Some(number.to_string()),
            other => other.text(),
        }
    }

    pub(super) fn is_true(&self) -> bool {
        matches!(self, Self::Flag(true)) || matches!(self, Self::Number(number) if *number != 0.0)
    }

    pub(super) fn count(&self) -> Option<u32> {
        match self {
            Self::Number(number) if (0.0..=f64::from(u32::MAX)).contains(number) => Some(*number as u32),
            Self::Number(_) | Self::Text(_) | Self::Flag(_) | Self::Nothing => None,
        }
    }

    /// A moment in milliseconds since 1970: a number in seconds, milliseconds, microseconds or nanoseconds, told apart by
    /// its size, or ISO 8601. Between 1970 and 9999.
    pub(super) fn moment(&self) -> Option<i64> {
        let ms = match self {
            Self::Number(number) => of_number(*number)?,
            Self::Text(text) => match text.trim().parse::<f64>() {
                Ok(number) => of_number(number)?,
                Err(_) => of_words(text.trim())?,
            },
            Self::Flag(_) | Self::Nothing => return None,
        };
        is_moment(ms).then_some(ms)
    }
}

/// Whether a time lies between 1970 and 9999.
pub(super) fn is_moment(ms: i64) -> bool {
    (0..253_402_300_800_000).contains(&ms)
}

fn of_number(number: f64) -> Option<i64> {
    // A second of 1973 and a millisecond of 5138 meet at 10^11, and so on upwards.
    let ms = match number {
        0.0..1e11 => number * 1e3,
        1e11..1e14 => number,
        1e14..1e17 => number / 1e3,
        1e17..1e20 => number / 1e6,
        _ => return None,
    };
    Some(ms.round() as i64)
}

fn of_words(text: &str) -> Option<i64> {
    let stamp = text.parse::<jiff::Timestamp>().ok();
    // Without a zone it is taken for UTC.
    let civil = || text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok();
    stamp.or_else(|| Some(civil()?.timestamp())).map(jiff::Timestamp::as_millisecond)
}

/// A list; anything else counts as an empty one.
#[derive(Debug)]
pub(super) struct Items<T>(pub(super) Vec<T>);

impl<T> Default for Items<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Items<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Any<T> {
            type Value = Items<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Items<T>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    if items.len() >= MESSAGES_MAX {
                        return Err(too_many());
                    }
                    items.push(item);
                }
                Ok(Items(items))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Items<T>, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Items::default())
            }
            fn visit_bool<E>(self, _: bool) -> Result<Items<T>, E> {
                Ok(Items::default())
            }
            fn visit_i64<E>(self, _: i64) -> Result<Items<T>, E> {
                Ok(Items::default())
            }
            fn visit_u64<E>(self, _: u64) -> Result<Items<T>, E> {
                Ok(Items::default())
            }
            fn visit_f64<E>(self, _: f64) -> Result<Items<T>, E> {
                Ok(Items::default())
            }
            fn visit_str<E>(self, _: &str) -> Result<Items<T>, E> {
                Ok(Items::default())
            }
            fn visit_unit<E>(self) -> Result<Items<T>, E> {
                Ok(Items::default())
            }
        }
        from.deserialize_any(Any(PhantomData))
    }
}

/// An object as its members in their order, names that come twice included; anything else counts as an empty one.
#[derive(Debug)]
pub(super) struct Members<T>(pub(super) Vec<(String, T)>);

impl<T> Default for Members<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Members<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Any<T> {
            type Value = Members<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<T>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    if members.len() >= MESSAGES_MAX {
                        return Err(too_many());
                    }
                    members.push(member);
                }
                Ok(Members(members))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Members<T>, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Members::default())
            }
            fn visit_unit<E>(self) -> Result<Members<T>, E> {
                Ok(Members::default())
            }
        }
        from.deserialize_any(Any(PhantomData))
    }
}

fn too_many<E: serde::de::Error>() -> E {
    E::custom(format!("it has more than {MESSAGES_MAX} messages"))
}

/// A part that may be of another kind than expected, and then counts as an empty one.
#[derive(Debug, Default)]
pub(super) struct Loose<T>(pub(super) T);

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for Loose<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(from)?;
        Ok(Self(read(Some(raw))))
    }
}

/// What this raw value is as a `T`, or nothing.
pub(super) fn read<'de, T: Deserialize<'de> + Default>(raw: Option<&'de RawValue>) -> T {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

/// One visible line of bounded length; `None` where nothing is left.
pub(super) fn title(text: Option<String>) -> Option<String> {
    use unicode_normalization::UnicodeNormalization;
    let text = text?;
    // Most of an endless title need not be looked at.
    let text: String = text.chars().take(8 * TITLE_MAX).nfc().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let text: String = text.trim().chars().take(TITLE_MAX).collect();
    let text = text.trim_end();
    (!text.is_empty()).then(|| text.to_owned())
}

/// A name as the vault keeps them, at most so many characters.
pub(super) fn name(text: &str, longest: usize) -> Option<String> {
    title(Some(text.to_owned())).map(|name| name.chars().take(longest).collect())
}

/// The name of a model, as it was there.
pub(super) fn model(text: Option<String>) -> Option<String> {
    let text: String = text?.chars().filter(|c| !c.is_control()).collect();
    let kept = text.trim();
    let kept = &kept[..kept.floor_char_boundary(MODEL_MAX)];
    (!kept.is_empty()).then(|| kept.to_owned())
}

/// A text as long as a message may be. A NUL, which the mending of escapes has not met, is replaced here.
pub(super) fn body(mut text: String, notes: &mut Notes) -> String {
    if text.len() > TEXT_MAX {
        text.truncate(text.floor_char_boundary(TEXT_MAX));
        notes.tell(format!("A message is longer than {} MiB; its end was cut off.", TEXT_MAX / 1024 / 1024));
    }
    if text.contains('\0') { text.replace('\0', "\u{FFFD}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_apart_by_their_size() {
        for (given, expected) in [
            ("1700000000", Some(1_700_000_000_000)),
            ("1700000000.25", Some(1_700_000_000_250)),
            ("1700000000000", Some(1_700_000_000_000)),
            ("1700000000000000", Some(1_700_000_000_000)),
            ("1700000000000000000", Some(1_700_000_000_000)),
            ("\"2023-11-14T22:13:20Z\"", Some(1_700_000_000_000)),
            ("\"2023-11-14T22:13:20.000000+00:00\"", Some(1_700_000_000_000)),
            ("\"2023-11-14T22:13:20\"", Some(1_700_000_000_000)),
            ("\"1700000000\"", Some(1_700_000_000_000)),
            ("-5", None),
            ("1e300", None),
            ("\"soon\"", None),
            ("[1]", None),
            ("null", None),
        ] {
            assert_eq!(serde_json::from_str::<Plain>(given).unwrap().moment(), expected, "{given}");
        }
    }

    #[test]
    fn titles_are_one_line_of_bounded_length() {
        assert_eq!(title(Some(" a\nb\u{1b}[31m ".to_owned())).as_deref(), Some("a b [31m"));
        assert_eq!(title(Some("x".repeat(1000))).unwrap().chars().count(), TITLE_MAX);
        assert_eq!(title(Some(" \n".to_owned())), None);
    }
}
