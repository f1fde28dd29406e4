//! What `docs/security.md` says of the sources, held against the sources: each requirement has its row, each test that a
//! row names exists, the list of cryptography is complete, and no SQL is put together from texts.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

fn sources(below: &str) -> Vec<(PathBuf, String)> {
    let (mut found, mut open) = (Vec::new(), vec![root().join(below)]);
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push((path.clone(), fs::read_to_string(path).unwrap()));
            }
        }
    }
    found
}

/// The names of the functions that are run as tests.
fn tests_there_are() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (_, source) in sources("src").into_iter().chain(sources("tests")) {
        let mut is_test = false;
        for line in source.lines().map(str::trim) {
            if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                is_test = true;
            } else if is_test && let Some((_, rest)) = line.split_once("fn ") {
                names.insert(rest.split('(').next().unwrap().to_owned());
                is_test = false;
            }
        }
    }
    names
}

/// The cells of the rows of the table below this heading.
fn table(page: &str, heading: &str) -> Vec<Vec<String>> {
    let (_, below) = page.split_once(heading).unwrap_or_else(|| panic!("no heading {heading:?}"));
    below
        .lines()
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

/// What stands between backquotes.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_requirement_has_its_row_and_every_test_that_is_named_exists() {
    let rows = table(&read("docs/security.md"), "## What holds each requirement");
    let numbers: Vec<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    let wanted: Vec<String> = (1..=43).map(|number| format!("R{number}")).collect();
    assert_eq!(numbers, wanted);
    let there = tests_there_are();
    assert!(there.len() > 300, "only {} tests were found: are they written in another way now?", there.len());
    for row in rows {
        let (number, held) = (&row[0], &row[2]);
        let named = quoted(held);
        for name in &named {
            assert!(there.contains(*name), "{number} names `{name}`, and there is no such test");
        }
        // What nothing holds says why, in words.
        assert!(!named.is_empty() || held.starts_with("Not "), "{number} names no test and no reason");
    }
}

/// Parts of names of what does cryptography, or comes along with it.
const CRYPTOGRAPHY: [&str; 43] = [
    "aead",
    "aes",
    "argon",
    "aws-lc",
    "bcrypt",
    "blake",
    "blowfish",
    "boring",
    "chacha",
    "cipher",
    "constant_time",
    "crypt",
    "curve25519",
    "des",
    "digest",
    "ecdsa",
    "ed25519",
    "elliptic",
    "gcm",
    "getrandom",
    "gpg",
    "hkdf",
    "hmac",
    "md-5",
    "md5",
    "native-tls",
    "openssl",
    "orion",
    "p256",
    "pbkdf",
    "pgp",
    "poly1305",
    "rand",
    "ring",
    "rsa",
    "rustls",
    "salsa",
    "sha",
    "signature",
    "sodium",
    "subtle",
    "universal-hash",
    "x25519",
];

/// Names that only look like it.
const OTHER_THINGS: [&str; 13] = [
    "deserialize",
    "serde_derive",
    "stringprep",
    "serde_spanned",
    "windows-strings",
    "string_cache",
    "shared",
    "shlex",
    "sharded-slab",
    "strsim",
    "android",
    "desktop",
    "describe",
];

fn is_cryptography(name: &str) -> bool {
    let name = name.to_lowercase();
    // Short ones count as whole words only.
    let words: Vec<&str> = name.split(['-', '_']).collect();
    !OTHER_THINGS.contains(&name.as_str())
        && CRYPTOGRAPHY.iter().any(|part| match *part {
            "des" | "gcm" | "gpg" | "pgp" | "ring" | "rsa" | "aes" => words.contains(part),
            "rand" => words.iter().any(|word| *word == "rand" || *word == "fastrand"),
            "sha" => words.iter().any(|word| word.strip_prefix("sha").is_some_and(|n| n.chars().all(char::is_numeric))),
            part => name.contains(part),
        })
}

#[test]
fn the_list_of_cryptography_is_that_of_the_lock_file() {
    for (name, is) in
        [("sha2", true), ("sharded-slab", false), ("ring", true), ("aes-gcm", true), ("indoc", false), ("md-5", true)]
    {
        assert_eq!(is_cryptography(name), is, "{name}");
    }
    let listed: BTreeSet<String> = table(&read("docs/security.md"), "## Cryptography in use")
        .iter()
        .flat_map(|row| quoted(&row[0]).into_iter().map(ToOwned::to_owned).collect::<Vec<_>>())
        .collect();
    let lock = read("Cargo.lock");
    let locked: BTreeSet<String> = lock
        .lines()
        .filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))
        .filter(|name| is_cryptography(name))
        .map(ToOwned::to_owned)
        .collect();
    assert_eq!(listed, locked);
}

/// Texts that are formatted, or put together, into a statement.
fn formatted_sql(source: &str) -> Vec<String> {
    const VERBS: [&str; 12] = [
        "SELECT ", "INSERT ", "UPDATE ", "DELETE ", "CREATE ", "ALTER ", "DROP ", "PRAGMA ", "ATTACH ", "WITH ",
        "BEGIN", "VACUUM",
    ];
    let mut found = Vec::new();
    for door in ["format!(", "write!(", "writeln!(", "push_str(", "format_args!("] {
        for rest in source.split(door).skip(1) {
            let text = rest.split_once('"').map_or("", |(_, text)| text);
            let before = rest.split('"').next().unwrap_or_default();
            // The text is the first thing, or the one after what is written to.
            if before.len() < 40
                && !before.contains(';')
                && VERBS.iter().any(|verb| text.trim_start().starts_with(verb))
            {
                found.push(text.lines().next().unwrap_or_default().to_owned());
            }
        }
    }
    found
}

#[test]
fn no_statement_is_put_together_from_texts() {
    let planted = "conn.execute(&format!(\"DELETE FROM messages WHERE id = {id}\"), [])";
    assert_eq!(formatted_sql(planted).len(), 1);
    let mut looked_at = 0;
    for (path, source) in sources("src") {
        let ours = source.split("#[cfg(test)]").next().unwrap();
        if path.components().any(|part| part.as_os_str() == "tests") || path.ends_with("tests.rs") {
            continue;
        }
        looked_at += usize::from(ours.contains("named_params!"));
        let found = formatted_sql(ours);
        // A table's name cannot be a parameter. Both come from the schema itself, with their quotes doubled.
        let allowed = if path.ends_with("store/check.rs") { 2 } else { 0 };
        assert_eq!(found.len(), allowed, "{}: {found:?}", path.display());
    }
    assert!(looked_at > 10, "only {looked_at} files with statements were found");
}

/// A vault is one person's, so its statements need no owner; they must not have one to forget either.
#[test]
fn a_vaults_tables_know_no_owner_and_nothing_attaches_another_database() {
    let mut seen = 0;
    for entry in fs::read_dir(root().join("src/store/migrations/vault")).unwrap() {
        let schema = fs::read_to_string(entry.unwrap().path()).unwrap().to_lowercase();
        let statements: Vec<&str> = schema.lines().map(|line| line.split("--").next().unwrap()).collect();
        let statements = statements.join("\n");
        seen += statements.matches("create table").count();
        assert!(!statements.contains("owner") && !statements.contains("account"), "{statements}");
    }
    assert!(seen >= 5, "{seen} tables");
    for (path, source) in sources("src") {
        assert!(!source.contains("ATTACH DATABASE") && !source.contains("\"ATTACH"), "{}", path.display());
    }
    assert!(read("src/store/open.rs").contains("SQLITE_LIMIT_ATTACHED, 0"));
}
