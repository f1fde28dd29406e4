use proptest::prelude::*;
use serde::Deserialize;

use super::{SafeText, Sanitizer, count_hidden, is_clean};

#[derive(Deserialize)]
struct Attack {
    kind: String,
    name: String,
    text: String,
}

fn attacks() -> Vec<Attack> {
    include_str!("../../tests/fixtures/terminal-attacks.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is an attack"))
        .collect()
}

fn in_pieces<'a>(pieces: impl IntoIterator<Item = &'a str>) -> (String, usize) {
    let mut sanitizer = Sanitizer::new();
    let mut out = String::new();
    for piece in pieces {
        sanitizer.push(piece, &mut out);
    }
    sanitizer.finish(&mut out);
    (out, sanitizer.hidden())
}

fn safe(text: &str) -> String {
    SafeText::new(text).into_string()
}

/// Written out anew, so that a wrong table in the sanitiser is not excused by the same table here.
fn is_dangerous(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(u32::from(c),
            0xad | 0x34f | 0x61c | 0x115f | 0x1160 | 0x180e | 0x200b | 0x200e | 0x200f | 0x2028..=0x202e
            | 0x2060..=0x206f | 0x3164 | 0xfeff | 0xffa0 | 0xfff9..=0xfffc | 0xe000..=0xf8ff | 0xfdd0..=0xfdef
            | 0xe0100..=0x10_ffff)
        || u32::from(c) & 0xfffe == 0xfffe
}

#[test]
fn valid_text_survives_unchanged() {
    let more = [
        "👩🏽‍🚀 🏳️‍🌈 🏴‍☠️ ❤️‍🔥 👩🏿‍🤝‍👩🏻 🇩🇪 ©️ *️⃣ #️⃣",
        "한국어 \u{1112}\u{1161}\u{11ab}",
        "नमस्ते བོད་ཡིག မြန်မာ ไทย เก้า",
        "ｶﾞｷﾞ 全角　空白",
        "naïve façade — “quotes” … → ✓ █▓░ ⠿⠀",
        "∩︀ x² ½",
    ];
    for text in more {
        assert_eq!(safe(text), text);
        assert_eq!(count_hidden(text), 0, "{text}");
    }
    for attack in attacks().iter().filter(|attack| attack.kind == "valid") {
        assert_eq!(safe(&attack.text), attack.text, "{}", attack.name);
        assert_eq!(count_hidden(&attack.text), 0, "{}", attack.name);
    }
}

#[test]
fn no_attack_gets_through_whole_or_in_two_pieces() {
    for attack in attacks().iter().filter(|attack| attack.kind != "valid") {
        let whole = safe(&attack.text);
        assert!(!whole.chars().any(is_dangerous), "{}/{}: {whole:?}", attack.kind, attack.name);
        assert!(!whole.contains(['\u{200c}', '\u{200d}', '\u{fe0f}', '\u{a0}']), "{}: {whole:?}", attack.name);
        assert!(is_clean(&whole), "{}: not stable: {whole:?}", attack.name);
        let cuts: Vec<usize> = attack.text.char_indices().map(|(at, _)| at).collect();
        // All cuts of the short ones; of the giants every so often.
        for at in cuts.iter().step_by(cuts.len() / 60 + 1) {
            let (head, tail) = attack.text.split_at(*at);
            assert_eq!(in_pieces([head, tail]).0, whole, "{} cut at {at}", attack.name);
        }
    }
}

#[test]
fn no_valid_text_breaks_when_it_comes_character_by_character() {
    for attack in attacks().iter().filter(|attack| attack.text.len() < 30_000) {
        let mut buffer = [[0u8; 4]; 1];
        let mut sanitizer = Sanitizer::new();
        let mut out = String::new();
        for c in attack.text.chars() {
            sanitizer.push(c.encode_utf8(&mut buffer[0]), &mut out);
        }
        sanitizer.finish(&mut out);
        assert_eq!(out, safe(&attack.text), "{}", attack.name);
    }
}

#[test]
fn whole_sequences_become_one_mark_and_colours_vanish() {
    assert_eq!(safe("a\u{1b}[2Jb"), "a␛b");
    assert_eq!(safe("a\u{1b}[1;31mred\u{1b}[0m b"), "ared b");
    assert_eq!(safe("a\u{9b}31mred"), "ared");
    assert_eq!(safe("a\u{1b}]52;c;cm0=\u{7}b"), "a␛b");
    assert_eq!(safe("a\u{1b}]0;x\u{1b}\\b"), "a␛b");
    assert_eq!(safe("a\u{1b}Pq#0\n#1\u{1b}\\b"), "a␛b");
    assert_eq!(safe("\u{9d}0;title\u{9c}b"), "␛b");
    assert_eq!(safe("a\u{1b}(0lqk"), "a␛lqk");
    assert_eq!(safe("a\u{1b}cb"), "a␛b");
    assert_eq!(safe("a\u{1b}"), "a␛");
}

#[test]
fn a_sequence_that_never_ends_costs_a_line_and_not_an_answer() {
    assert_eq!(safe("a\u{1b}]0;never\nnext line"), "a␛\nnext line");
    assert_eq!(safe("a\u{1b}_G\nnext"), "a␛\nnext");
    let long = format!("a\u{1b}P{}the rest", "x".repeat(9000));
    assert!(safe(&long).ends_with("the rest"));
    let digits = format!("\u{1b}[{}the rest", "1".repeat(9000));
    assert!(safe(&digits).ends_with("he rest"));
}

#[test]
fn letters_beside_a_broken_sequence_stay() {
    assert_eq!(safe("\u{1b}[12é"), "␛é");
    assert_eq!(safe("\u{1b}é"), "␛é");
    assert_eq!(safe("\u{1b}[1\u{1b}[2Jx"), "␛␛x");
}

#[test]
fn line_breaks_and_tabs_become_ordinary() {
    assert_eq!(safe("a\r\nb\rc\n\nd\u{2028}e\u{2029}f\u{85}g"), "a\nb\nc\n\nd\ne\nf\ng");
    assert_eq!(safe("\tx\nab\tx\nabcd\tx\n漢\tx"), "    x\nab  x\nabcd    x\n漢  x");
    assert_eq!(in_pieces(["a\r", "\nb"]).0, "a\nb");
    assert_eq!(SafeText::line("two\r\nlines\tand").as_str(), "two lines   and");
}

#[test]
fn controls_are_shown_as_pictures() {
    assert_eq!(safe("a\0b\u{7}c\u{8}d\u{7f}e\u{84}f"), "a␀b␇c␈d␡e\u{fffd}f");
    assert_eq!(count_hidden("a\0b\u{7}c\u{8}d\u{7f}e\u{84}f"), 5);
}

#[test]
fn invisible_characters_are_dropped_and_counted() {
    let safe = SafeText::new("pass\u{200b}word\u{202e}\u{feff}");
    assert_eq!((safe.as_str(), safe.hidden()), ("password", 3));
    let tags: String = "ignore all".chars().map(|c| char::from_u32(0xe0000 + u32::from(c)).unwrap()).collect();
    assert_eq!(count_hidden(&format!("visible{tags}")), 10);
    assert_eq!(count_hidden(&format!("🏴{tags}\u{e007f}")), 11);
    assert_eq!(count_hidden(&"\u{200b}x".repeat(100_000)), 100_000);
}

#[test]
fn joiners_stay_only_between_what_they_join() {
    assert_eq!(safe("a\u{200d}b"), "ab");
    assert_eq!(safe("👨\u{200d}x"), "👨x");
    assert_eq!(safe("👨\u{200c}👩"), "👨👩");
    assert_eq!(safe("می\u{200c}\u{200c}خ"), "می\u{200c}خ");
    assert_eq!(safe("1\u{fe0f}2"), "12");
    assert_eq!(safe("a\u{fe0f}\u{fe0e}"), "a");
    assert_eq!(safe("❤\u{fe0f}\u{fe0f}\u{fe0f}"), "❤\u{fe0f}");
    let chain = "👨\u{200d}".repeat(100);
    assert_eq!(safe(&chain).matches('\u{200d}').count(), 88);
}

#[test]
fn marks_are_bounded_and_never_sit_on_our_own_border() {
    assert_eq!(safe(&format!("Z{}", "\u{336}".repeat(200))), format!("Z{}", "\u{336}".repeat(8)));
    assert_eq!(safe("\u{301}\u{301} alone"), "◌\u{301}\u{301} alone");
    assert_eq!(safe("a\n\u{301}"), "a\n◌\u{301}");
    assert_eq!(safe("a \u{301}"), "a ◌\u{301}");
}

/// Text made of what the sanitiser cares about, which random characters would almost never hit.
fn nasty() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        4 => any::<char>().prop_map(String::from),
        4 => "[ -~]{0,12}",
        6 => prop::sample::select(vec![
            "\u{1b}", "\u{1b}[", "\u{1b}]", "\u{1b}P", "\u{1b}\\", "\u{9b}", "\u{9d}", "\u{9c}", "\u{90}", "\u{7}", "\u{18}",
            "31m", "2J", "\r", "\n", "\r\n", "\t", "\u{200d}", "\u{200c}", "\u{fe0f}", "\u{fe0e}", "\u{20e3}", "1", "👨", "🏴",
            "🏽", "\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}", "\u{e0067}", "\u{e007f}", "\u{301}", "\u{200b}",
            "क\u{94d}", "ی", "\u{202e}", "\u{feff}", "\u{e0101}", "漢", "\u{85}", "\u{a0}",
        ]).prop_map(String::from),
    ];
    prop::collection::vec(pieces, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_cutting_gives_the_same_text(text in nasty(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12)) {
        let boundaries: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let mut at: Vec<usize> = cuts.iter().map(|cut| boundaries[cut.index(boundaries.len())]).collect();
        at.extend([0, text.len()]);
        at.sort_unstable();
        let whole = SafeText::new(&text);
        let cut = in_pieces(at.windows(2).map(|pair| &text[pair[0]..pair[1]]));
        prop_assert_eq!(cut, (whole.as_str().to_owned(), whole.hidden()));
        let single: Vec<String> = text.chars().map(String::from).collect();
        prop_assert_eq!(in_pieces(single.iter().map(String::as_str)).0, whole.as_str());
    }

    #[test]
    fn what_comes_out_is_harmless_and_stays_as_it_is(text in nasty()) {
        let safe = SafeText::new(&text);
        prop_assert!(!safe.as_str().chars().any(is_dangerous), "{:?}", safe);
        prop_assert!(is_clean(safe.as_str()), "{:?} → {:?}", safe, SafeText::new(safe.as_str()));
    }
}
