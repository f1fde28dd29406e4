use proptest::prelude::*;

use super::*;

fn cut(text: &str) -> Vec<(String, Kind)> {
    let mut all = Vec::new();
    pieces(text, |piece| all.push((piece.text.to_owned(), piece.kind)));
    all
}

fn wholes(text: &str) -> Vec<String> {
    cut(text).into_iter().filter(|(_, kind)| *kind != Kind::Part).map(|(word, _)| word).collect()
}

fn parts(text: &str) -> Vec<String> {
    cut(text).into_iter().filter(|(_, kind)| *kind == Kind::Part).map(|(word, _)| word).collect()
}

/// What of `text` is marked when `query` is looked for.
fn marked<'a>(text: &'a str, query: &str) -> Vec<&'a str> {
    let term = Term::new(query, true).unwrap();
    found(text, &[term], usize::MAX).0.iter().map(|found| &text[found.start..found.end]).collect()
}

#[test]
fn names_from_code_are_known_whole_and_by_their_parts() {
    assert_eq!(wholes("tokio::spawn_local(x)"), ["tokio", "spawnlocal", "x"]);
    assert_eq!(parts("tokio::spawn_local"), ["spawn", "local"]);
    assert_eq!(parts("parseHTTPServer2Url"), ["parse", "http", "server", "url"]);
    assert_eq!(parts("utf8"), ["utf"]);
    assert_eq!(parts("__init__ Hello WORLD"), Vec::<String>::new());
    assert_eq!(wholes("C++ and C#, i++; a#b"), ["c++", "and", "c#", "i++", "a", "b"]);
    assert_eq!(parts("C++"), ["c"]);
}

#[test]
fn words_are_compared_without_case_accents_and_variants() {
    for (written, looked_for) in [
        ("Café", "cafe"),
        ("Cafe\u{301}", "CAFÉ"),
        ("Straße", "STRASSE"),
        ("Łódź", "lodz"),
        ("Ærø", "aero"),
        ("İstanbul", "istanbul"),
        ("ΟΔΟΣ", "οδος"),
        ("ёлка", "елка"),
        ("ﬁne", "fine"),
        ("ＡＢＣ", "abc"),
        ("مُحَمَّد", "محمد"),
        ("مـحـمـد", "محمد"),
        ("أحمد", "احمد"),
        ("مدرسة", "مدرسه"),
        ("فارسی", "فارسي"),
        ("١٢٣", "123"),
        ("שָׁלוֹם", "שלומ"),
        ("co\u{ad}operate", "cooperate"),
    ] {
        assert_eq!(fold(written), fold(looked_for), "{written} and {looked_for}");
        assert_eq!(wholes(written), wholes(looked_for), "{written} and {looked_for}");
    }
    assert_ne!(fold("мой"), fold("мои"));
    assert_ne!(fold("で"), fold("て"));
}

#[test]
fn scripts_without_spaces_are_known_by_neighbours() {
    assert_eq!(wholes("中文搜索"), ["中文", "文搜", "搜索", "索"]);
    assert_eq!(wholes("Rust言語"), ["rust", "言語", "語"]);
    assert_eq!(wholes("ｶﾞｽ"), wholes("ガス"));
    assert_eq!(wholes("한국어"), wholes("\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}\u{110b}\u{1165}"));
    assert_eq!(marked("全文搜索引擎", "搜索"), ["搜索"]);
    assert_eq!(marked("全文搜索引擎", "擎"), ["擎"]);
    assert_eq!(marked("全文搜索引擎", "文搜索引"), ["文搜索引"]);
    assert_eq!(marked("全文搜索引擎", "文索"), Vec::<&str>::new());
    assert_eq!(marked("ภาษาไทยง่าย", "ไทย"), ["ไทย"]);
    assert_eq!(marked("메시지를 보냈다", "메시지"), ["메시지"]);
    assert_eq!(marked("使用Rust语言", "用rust"), ["用Rust"]);
    assert_eq!(marked("数", "数"), ["数"]);
}

#[test]
fn a_phrase_is_found_where_its_words_follow_one_another() {
    assert_eq!(
        marked("the borrow checker, the Borrow: Checker", "borrow-checker"),
        ["borrow checker", "Borrow: Checker"]
    );
    assert_eq!(marked("check the borrow", "borrow check"), Vec::<&str>::new());
    assert_eq!(marked("a a b", "a b"), ["a b"]);
    let closed = Term::new("chec", false).unwrap();
    assert_eq!(found("check", &[closed], 9).0, []);
    assert_eq!(marked("a SpawnLocal call", "loc"), ["Local"]);
    assert_eq!(marked("a SpawnLocal call", "spawn"), ["SpawnLocal"]);
}

#[test]
fn what_holds_no_word_is_no_term() {
    for nothing in ["", " ", "::", "-", "\u{0}", "\u{200d}", "\u{301}", "___", "\"'"] {
        assert_eq!(Term::new(nothing, true), None, "{nothing:?}");
        assert_eq!(entry(nothing), "", "{nothing:?}");
    }
}

#[test]
fn an_entry_holds_words_parts_and_each_beginning_once() {
    assert_eq!(entry("fooBar foo"), "foobar foo < foo bar <f <fo <foo <foob <b <ba");
    assert_eq!(entry("中文"), "中文 文 < <中");
    assert_eq!(entry("of"), "of < <o");
}

#[test]
fn marks_that_a_sign_kept_apart_are_put_in_order_once_it_is_gone() {
    let once = fold("\u{1e08f}🌀\u{c55}");
    assert_eq!(once, "\u{c55}\u{1e08f}");
    assert_eq!(fold(&once), once);
}

#[test]
fn a_word_of_a_megabyte_is_cut_short() {
    let long = "x".repeat(1 << 20);
    assert_eq!(wholes(&long), ["x".repeat(64)]);
    assert!(entry(&long).len() < 200);
}

proptest! {
    #[test]
    fn any_text_is_cut_on_character_borders_and_its_entry_has_words_only(text in "\\PC{0,60}|[a-zA-Z_0-9 \u{300}-\u{303}中文ไทยأ\u{200d}#+<\"*]{0,60}") {
        let mut last = 0;
        pieces(&text, |piece| {
            assert!(text.get(piece.start..piece.end).is_some());
            assert!(!piece.text.is_empty());
            assert!(!piece.text.contains([' ', '<', '"', '*', '\0', '_']), "{:?}", piece.text);
            if piece.kind == Kind::Whole {
                assert!(piece.start >= last);
                last = piece.end;
            }
        });
        prop_assert!(!entry(&text).contains(['"', '*', '\0']));
    }

    #[test]
    fn every_word_of_a_text_is_found_in_it(text in "[a-zA-Zéßçл_0-9 .中文字한국ไทย]{1,40}") {
        for word in text.split_whitespace() {
            if let Some(term) = Term::new(word, true) {
                prop_assert!(!found(&text, &[term], usize::MAX).0.is_empty(), "{word:?} in {text:?}");
            }
        }
    }

    #[test]
    fn folding_twice_changes_nothing(text in "\\PC{0,20}") {
        let once = fold(&text);
        prop_assert_eq!(fold(&once), once);
    }
}
