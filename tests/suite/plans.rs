//! The statements of the system database as SQLite would carry them out: a table that grows with use is not read from its
//! first row to its last, unless it stands below why.

use std::{collections::BTreeMap, fs, path::Path};

use rusqlite::Connection;

const SCHEMA: &str = include_str!("../../src/store/migrations/system/0001_start.sql");

/// Tables that get a row with each answer, call, session, day or look.
const GROWING: &[&str] = &[
    "audit",
    "benchmarks",
    "breaker_history",
    "disk_days",
    "health_history",
    "jobs",
    "key_slots",
    "metrics_hours",
    "notices",
    "rule_runs",
    "sessions",
    "settings",
    "storage_days",
    "throttles",
    "token_families",
    "tokens",
    "usage",
    "usage_days",
    "usage_faults",
    "usage_people",
    "usage_sums",
];

/// What reads one from its first row to its last all the same: the file, what the statement says somewhere, and why.
const READ_WHOLE: &[(&str, &str, &str)] = &[
    ("audit.rs", "ORDER BY seq DESC LIMIT 1", "it stops at the first row"),
    ("benchmarks.rs", "GROUP BY model_key", "there is a row for each measurement that somebody has asked for"),
    ("benchmarks.rs", ":key IS NULL OR model_key", "it stops when the page is full"),
    (
        "health.rs",
        "h.seen_at >= :since ORDER BY h.seq DESC",
        "it stops at its limit, and there are at most 20 000 rows",
    ),
    ("metrics.rs", "SELECT hour, series, value FROM metrics_hours", "everything ever counted is asked for"),
    ("of_person.rs", "json_object(", "once, when somebody takes along everything that is kept about them"),
    ("overview.rs", "coalesce(sum(state = 'running'), 0)", "the index alone is read"),
    ("health.rs", "count(*) FILTER (WHERE state = 'running')", "the index alone is read"),
    ("jobs.rs", "SELECT count(*), coalesce(max(updated_at), 0)", "the index alone is read"),
    ("sealed.rs", "DELETE FROM key_slots WHERE vault", "once, when somebody gives a vault up"),
    ("rules.rs", "WHERE u.result = 'running' ORDER BY u.seq", "of an index that holds no others"),
    ("sessions.rs", "ORDER BY rowid LIMIT :some", "it stops after a few"),
    ("settings.rs", "SELECT max(version) FROM settings n", "there is a row for each change that somebody has made"),
    (
        "slots.rs",
        "FROM key_slots WHERE kind = 'passphrase' ORDER BY id DESC LIMIT 1",
        "it stops at the first that fits",
    ),
    ("storage_days.rs", "DELETE FROM disk_days WHERE day <", "once a day, of three years of days"),
    ("storage_days.rs", "DELETE FROM storage_days WHERE day <", "once a day"),
    ("throttle.rs", "WHERE failures <= :free", "a try takes a fifth of a second by itself"),
    ("usage.rs", "ORDER BY seq LIMIT 4", "it stops after a few"),
    ("usage_days.rs", "WHERE account = :account", "once, when an account is purged"),
    ("usage_sums.rs", "DELETE FROM usage_people WHERE account", "once, when an account is purged"),
    ("usage_sums.rs", "FROM usage_people WHERE last_day >= :from", "there is a row for each model of each account"),
];

/// A file without its comments, its tests and the marks that would be taken for the beginning of a text; lines stay.
fn stripped(source: &str) -> String {
    let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = code.lines().map(|line| if line.trim_start().starts_with("//") { "" } else { line });
    lines.collect::<Vec<_>>().join("\n").replace("'\"'", "' '")
}

/// Its texts, each with what stands before it.
fn texts(code: &str) -> Vec<(&str, String)> {
    let (mut found, mut from) = (Vec::new(), 0);
    while let Some(begin) = code[from..].find('"').map(|at| from + at) {
        let mut text = String::new();
        let mut letters = code[begin + 1..].char_indices();
        let mut end = code.len();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '"' => {
                    end = begin + 1 + at;
                    break;
                }
                // A line that goes on, or a mark in a text.
                '\\' => text.extend(letters.next().map(|(_, next)| if next == '\n' { ' ' } else { next })),
                letter => text.push(letter),
            }
        }
        found.push((&code[from..begin], text.split_whitespace().collect::<Vec<_>>().join(" ")));
        from = (end + 1).min(code.len());
    }
    found
}

/// The statements of a file. What begins with a constant is put together as the code does it.
fn statements(source: &str) -> Vec<String> {
    let code = stripped(source);
    let (mut constants, mut found) = (BTreeMap::new(), Vec::new());
    let is_statement =
        |text: &str| ["SELECT ", "UPDATE ", "DELETE ", "INSERT ", "WITH "].iter().any(|verb| text.starts_with(verb));
    for (before, text) in texts(&code) {
        let before = before.trim_end();
        let constant = before.strip_suffix(": &str =").and_then(|rest| rest.rsplit("const ").next());
        if let Some(name) = constant.filter(|name| name.chars().all(|c| c.is_ascii_uppercase() || c == '_')) {
            constants.insert(name.to_owned(), text);
            continue;
        }
        let joined = before.strip_suffix(',').and_then(|rest| rest.rsplit(['[', '(']).next()).map(str::trim);
        match joined.and_then(|name| constants.get(name)) {
            Some(first) => found.push([first.as_str(), " ", &text].concat()),
            None if is_statement(&text) => found.push(text),
            None => {}
        }
    }
    found
}

/// The tables that a plan reads whole.
fn read_whole(conn: &Connection, statement: &str) -> Option<Vec<String>> {
    let mut explain = conn.prepare(&["EXPLAIN QUERY PLAN ", statement].concat()).ok()?;
    let plan: Vec<String> = explain.raw_query().mapped(|row| row.get(3)).collect::<Result<_, _>>().ok()?;
    let words: Vec<&str> = statement.split_whitespace().map(|word| word.trim_matches(['(', ')', ','])).collect();
    let table = |alias: &str| {
        let named = words.windows(3).find(|three| matches!(three[0], "FROM" | "JOIN") && three[2] == alias);
        named.map_or(alias, |three| three[1]).to_owned()
    };
    let scanned = plan.iter().filter_map(|step| step.strip_prefix("SCAN ")?.split(' ').next());
    Some(scanned.map(table).filter(|table| GROWING.contains(&table.as_str())).collect())
}

#[test]
fn no_statement_reads_a_table_that_grows_from_end_to_end_without_a_reason() {
    let conn = Connection::open_in_memory().unwrap();
    conn.execute_batch(SCHEMA).unwrap();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/system");
    let (mut looked_at, mut used, mut found) = (0, vec![false; READ_WHOLE.len()], Vec::new());
    for path in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        for statement in statements(&fs::read_to_string(&path).unwrap()) {
            let Some(tables) = read_whole(&conn, &statement) else { continue };
            looked_at += 1;
            if tables.is_empty() {
                continue;
            }
            match READ_WHOLE.iter().position(|(where_, says, _)| *where_ == file && statement.contains(says)) {
                Some(at) => used[at] = true,
                None => found.push(format!("{file} reads all of {}: {statement}", tables.join(", "))),
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(looked_at > 240, "only {looked_at} statements were found");
    let idle: Vec<_> = READ_WHOLE.iter().zip(used).filter(|(_, used)| !used).map(|(row, _)| row).collect();
    assert!(idle.is_empty(), "no statement is meant by these any more: {idle:?}");
}

#[test]
fn a_statement_that_reads_everything_is_noticed() {
    let conn = Connection::open_in_memory().unwrap();
    conn.execute_batch(SCHEMA).unwrap();
    let source = "const USES: &str = \"SELECT u.seq\n    FROM usage u\";\nfn f() { [USES, \" WHERE u.rating = 1\"].concat(); }\n\
        fn g() { conn.prepare(\"SELECT seq FROM usage WHERE account = :a AND day = 1\") } // \"SELECT\n";
    let found = statements(source);
    assert_eq!(
        found,
        ["SELECT u.seq FROM usage u WHERE u.rating = 1", "SELECT seq FROM usage WHERE account = :a AND day = 1"]
    );
    assert_eq!(read_whole(&conn, &found[0]), Some(vec!["usage".to_owned()]));
    assert_eq!(read_whole(&conn, &found[1]), Some(Vec::new()));
    assert_eq!(read_whole(&conn, "SELECT nothing FROM nowhere"), None);
}
