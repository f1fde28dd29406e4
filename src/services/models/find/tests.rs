use std::sync::Arc;

use super::*;
use crate::{
    api::{
        fleet::{Fit, Freshness, Installed, Machine, Rating, Row, Verdict},
        models::Model,
    },
    services::models::{
        catalogue::Catalogue,
        shelf::{House, Sources},
    },
    store::system::model_tags::{Known, Tagged},
};

fn model(name: &str, bytes: u64) -> Model {
    Model {
        name: name.to_owned(),
        bytes,
        digest: format!("digest of {name}"),
        family: "llama".to_owned(),
        parameters: "3.2B".to_owned(),
        quantization: "Q4_K_M".to_owned(),
        context_length: Some(131_072),
        capabilities: vec!["completion".to_owned()],
        modified_at: "2026-11-18T17:40:02.5Z".to_owned(),
        loaded: None,
        remote: false,
    }
}

fn shelf_of(installed: &[Model], house: &House) -> Shelf {
    Shelf::of(&Sources {
        installed,
        catalogue: &Catalogue::in_use(None).unwrap(),
        house,
        sums: &HashMap::new(),
        measured: &HashMap::new(),
        facts: &|_| None,
        machine: Some(&Machine { memory: Some(16 << 30), gpus: Vec::new(), is_ollamas: true }),
    })
}

fn looking() -> Looking<'static> {
    Looking { account: AccountId::new(), allowed: None, now: 0 }
}

fn found(shelf: &Shelf, query: &Query) -> Found {
    let filter = Filter::parse(&query.text, &shelf.vocabulary).unwrap();
    find(shelf, &filter, query, looking()).unwrap()
}

fn names<'a>(shelf: &'a Shelf, found: &Found) -> Vec<&'a str> {
    found.page.iter().map(|(at, _)| shelf.entries[*at].row.name.as_str()).collect()
}

#[test]
fn installed_models_come_first_and_take_the_place_of_what_the_catalogue_says() {
    let installed = [model("llama3.2:3b", 2_019_393_189), model("Somebody/own-model:Q8", 7), model("hf.co/a/b:Q4", 8)];
    let shelf = shelf_of(&installed, &House::default());
    assert_eq!(shelf.entries.len(), 989 + 2);
    let first = found(&shelf, &Query::typed("", 4));
    assert_eq!(names(&shelf, &first)[..3], ["hf.co/a/b:Q4", "llama3.2:3b", "Somebody/own-model:Q8"]);
    assert_eq!((first.total, first.known, first.first, first.previous), (991, 991, 0, None));
    let llama = &shelf.get("LLAMA3.2:3b").unwrap().row;
    assert_eq!((llama.bytes, llama.is_exact, llama.is_catalogued), (Some(2_019_393_189), true, true));
    assert!(llama.license.as_deref().is_some_and(|license| license.starts_with("Llama 3.2")));
    // Of what no catalogue knows, nothing is made up.
    let own = &shelf.get("somebody/own-model:q8").unwrap().row;
    assert_eq!((&own.license, &own.summary, &own.publisher, own.is_catalogued), (&None, &None, &None, false));
}

#[test]
fn another_tag_of_a_known_family_has_what_holds_for_all_of_them() {
    let shelf = shelf_of(&[model("llama3.2:3b-instruct-q8_0", 5)], &House::default());
    let row = &shelf.get("llama3.2:3b-instruct-q8_0").unwrap().row;
    assert_eq!((row.publisher.as_deref(), row.family.as_str(), row.is_catalogued), (Some("Meta"), "llama3.2", false));
}

#[test]
fn words_find_by_name_loosely_and_by_what_is_said_and_the_best_comes_first() {
    let shelf = shelf_of(&[model("llama3.2:3b", 5)], &House::default());
    let first =
        |text: &str| names(&shelf, &found(&shelf, &Query::typed(text, 1))).first().map(|name| (*name).to_owned());
    assert_eq!(first("llama3.2:3b").as_deref(), Some("llama3.2:3b"));
    assert_eq!(first("lma32 3b").as_deref(), Some("llama3.2:3b"));
    assert!(first("falcon lighton").is_some_and(|name| name.starts_with("alfred:")));
    assert_eq!(first("zzxxyyqq"), None);
    assert_eq!(found(&shelf, &Query::typed("zzxxyyqq", 1)).known, 989, "how many there are does not hang on the words");
}

#[test]
fn what_is_not_known_is_sorted_last_both_ways() {
    let mut shelf = Shelf::default();
    for (name, bytes) in [("a:1", None), ("b:1", Some(2)), ("c:1", Some(1)), ("d:1", None)] {
        shelf.entries.push(Entry::of(Row { name: name.to_owned(), bytes, ..Row::default() }));
    }
    for (descending, order) in [(false, ["c:1", "b:1", "a:1", "d:1"]), (true, ["b:1", "c:1", "a:1", "d:1"])] {
        let sort = Some(Sort { column: Column::Size, descending });
        assert_eq!(names(&shelf, &found(&shelf, &Query { sort, ..Query::typed("", 10) })), order);
    }
}

#[test]
fn every_column_sorts_by_what_it_says() {
    let row = |name: &str| Row { name: name.to_owned(), ..Row::default() };
    let full = |name: &str, n: u32| Row {
        family: format!("family{n}"),
        parameter_count: Some(u64::from(n)),
        quantization: Some(format!("Q{n}")),
        bytes: Some(u64::from(n)),
        context_length: Some(n),
        capabilities: Some(vec!["x".to_owned(); n as usize]),
        license: Some(format!("L{n}")),
        released: Some(format!("2026-0{n}")),
        installed: Some(Installed { digest: String::new(), modified_at: format!("2026-11-0{n}T00:00:00Z") }),
        loaded: Some(crate::api::models::Loaded {
            bytes: u64::from(n),
            gpu_bytes: 0,
            context_length: None,
            expires_at: String::new(),
        }),
        speed: Some(f64::from(n) + 0.1),
        rating: Some(Rating { liked: n, disliked: 0 }),
        fit: Fit { verdict: if n == 1 { Verdict::Gpu } else { Verdict::TooBig }, ..Fit::default() },
        ..row(name)
    };
    let entries = [full("b:x", 1), full("c:x", 2), row("d:x")].into_iter().map(Entry::of).collect();
    let shelf = Shelf { entries, ..Shelf::default() };
    for column in Column::ALL {
        let order = |descending| {
            let query = Query { sort: Some(Sort { column, descending }), ..Query::typed("", 10) };
            names(&shelf, &found(&shelf, &query)).join(" ")
        };
        let (up, down) = match column {
            // Nobody used any, so the names decide.
            Column::LastUsed => ("b:x c:x d:x", "b:x c:x d:x"),
            Column::Name => ("b:x c:x d:x", "d:x c:x b:x"),
            // No family is a text as well.
            Column::Family => ("d:x b:x c:x", "c:x b:x d:x"),
            Column::Size
            | Column::Parameters
            | Column::Quantization
            | Column::Context
            | Column::Capabilities
            | Column::License
            | Column::Installed
            | Column::Loaded
            | Column::Speed
            | Column::Rating
            | Column::Fit
            | Column::Released => ("b:x c:x d:x", "c:x b:x d:x"),
        };
        assert_eq!((order(false).as_str(), order(true).as_str()), (up, down), "{column:?}");
        assert_eq!(Column::parse(column.as_str()), Some(column));
    }
}

#[test]
fn pages_follow_each_other_without_a_gap_in_every_order_and_both_ways() {
    let shelf = shelf_of(&[model("llama3.2:3b", 5), model("x/y:z", 9)], &House::default());
    let sorts =
        Column::ALL.into_iter().flat_map(|column| [false, true].map(|descending| Some(Sort { column, descending })));
    for (sort, text) in sorts.map(|sort| (sort, "")).chain([(None, ""), (None, "coder 7b")]) {
        for per in [Per::Model, Per::Family] {
            let query = |at| Query { sort, per, at, ..Query::typed(text, 37) };
            let whole = found(&shelf, &Query { limit: 100_000, ..query(Place::Start) });
            let all = names(&shelf, &whole);
            let (mut seen, mut at) = (Vec::new(), Place::Start);
            loop {
                let page = found(&shelf, &query(at));
                assert_eq!(page.first, seen.len(), "{sort:?}");
                seen.extend(names(&shelf, &page));
                let Some(next) = page.next else { break };
                at = Place::After(next);
            }
            assert_eq!(seen, all, "{sort:?}");
            let mut back = Vec::new();
            let mut at = Place::End;
            loop {
                let page = found(&shelf, &query(at));
                back.splice(0..0, names(&shelf, &page));
                let Some(previous) = page.previous else { break };
                at = Place::Before(previous);
            }
            assert_eq!(back, all, "{sort:?}");
        }
    }
}

#[test]
fn a_place_that_is_none_is_refused() {
    let shelf = shelf_of(&[], &House::default());
    for nonsense in ["", "null", "[1]", "{\"value\":7}"] {
        let query = Query { at: Place::After(Cursor(nonsense.to_owned())), ..Query::typed("", 1) };
        assert!(find(&shelf, &Filter::default(), &query, looking()).is_err(), "{nonsense}");
    }
}

#[test]
fn a_family_is_one_row_and_says_how_many_tags_fit() {
    let shelf = shelf_of(&[model("llama3.2:1b", 5)], &House::default());
    let query = Query { per: Per::Family, ..Query::typed("family:llama3.2", 100) };
    let page = found(&shelf, &query);
    let rows: Vec<(&str, u32)> =
        names(&shelf, &page).into_iter().zip(page.page.iter().map(|(_, count)| *count)).collect();
    let tags = shelf.entries.iter().filter(|entry| entry.row.family == "llama3.2").count() as u32;
    assert!(rows.contains(&("llama3.2:1b", tags)), "the installed one stands for all {tags}: {rows:?}");
    let vision = rows.iter().find(|(name, _)| name.starts_with("llama3.2-vision:")).unwrap();
    assert_eq!(vision.0, "llama3.2-vision:latest");
}

#[test]
fn tags_filter_by_any_and_all_and_are_counted_for_what_the_text_lets_through() {
    let tag = |id, name: &str| Known { id, name: name.to_owned(), category: "use".to_owned() };
    let on = |key: &str, tags: &[i64]| (key.to_owned(), (key.to_owned(), tags.to_vec()));
    let tagged = Tagged {
        tags: vec![tag(1, "Work"), tag(2, "fast"), tag(3, "unused")],
        models: HashMap::from([on("llama3.2:3b", &[1, 2]), on("llama3.2:1b", &[1]), on("gone/model:latest", &[2])]),
    };
    let shelf = shelf_of(&[], &House { tagged, ..House::default() });
    let with = |tags: &[&str], tags_by, text: &str| {
        let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        found(&shelf, &Query { tags, tags_by, ..Query::typed(text, 100) })
    };
    assert_eq!(names(&shelf, &with(&["WORK", "fast"], Match::All, "")), ["llama3.2:3b"]);
    let any = with(&["work", "fast"], Match::Any, "");
    assert_eq!(names(&shelf, &any), ["gone/model:latest", "llama3.2:1b", "llama3.2:3b"]);
    let counts = |found: &Found| found.tags.iter().map(|tag| (tag.name.clone(), tag.models)).collect::<Vec<_>>();
    let expected = |work, fast| vec![("Work".to_owned(), work), ("fast".to_owned(), fast), ("unused".to_owned(), 0)];
    assert_eq!(counts(&any), expected(2, 2));
    assert_eq!(counts(&with(&["fast"], Match::All, "family:llama3.2")), expected(2, 1));
}

#[test]
fn what_is_hidden_is_neither_found_nor_counted() {
    let shelf = shelf_of(&[], &House::default());
    let allowed: Vec<bool> = shelf.entries.iter().map(|entry| !entry.key.starts_with("llama")).collect();
    let by = Looking { allowed: Some(&allowed), ..looking() };
    let found = find(&shelf, &Filter::default(), &Query::typed("", 100), by).unwrap();
    let hidden = allowed.iter().filter(|allowed| !**allowed).count();
    assert!(hidden > 10);
    assert_eq!((found.total, found.known), (989 - hidden, 989 - hidden));
}

#[test]
fn hostile_names_and_texts_are_only_text() {
    let evil = "x\u{1b}]0;evil\u{7}:\u{202e}\u{0}";
    let mut bad = model(evil, u64::MAX);
    bad.parameters = "1e308B".to_owned();
    bad.quantization = "\u{1b}[2J".to_owned();
    bad.capabilities = vec!["\"\n".to_owned()];
    let shelf = shelf_of(&[bad, model("", 0), model(":", 1), model("///:::", 2)], &House::default());
    for column in Column::ALL {
        let query = Query { sort: Some(Sort { column, descending: true }), ..Query::typed("", 100) };
        let first = found(&shelf, &query);
        let next = Query { at: Place::After(first.next.clone().unwrap()), ..query };
        assert_eq!(found(&shelf, &next).first, 100, "{column:?}");
    }
    assert_eq!(names(&shelf, &found(&shelf, &Query::typed(evil, 1))), [evil]);
}

#[test]
fn ten_thousand_installed_models_are_all_there() {
    let installed: Vec<Model> = (0..10_000).map(|n| model(&format!("house/model-{n:05}:latest"), n + 1)).collect();
    let shelf = Arc::new(shelf_of(&installed, &House::default()));
    let query = Query { at: Place::End, freshness: Freshness::Kept, ..Query::typed("installed:yes house", 1) };
    let page = found(&shelf, &Query { sort: Some(Sort { column: Column::Size, descending: false }), ..query });
    assert_eq!((page.total, page.known, names(&shelf, &page)), (10_000, 10_989, vec!["house/model-09999:latest"]));
}
