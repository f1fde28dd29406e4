//! Who may import whom, held by reading the sources. Read the table as "the left may use the right".
//!
//! The compiler cannot hold these lines inside one crate. What is tested here is tested itself: each rule has a planted
//! violation that it must find, and text in comments or strings is none.
#![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "a test that cannot go on should say where")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Every part of the crate and what it may name. `app` and `main` compose, so they may name everything.
const LAYERS: &[(&str, &[&str])] = &[
    ("api", &["words"]),
    ("safe_text", &[]),
    ("words", &[]),
    ("zone", &[]),
    ("extract", &[]),
    ("tasks", &[]),
    ("template", &["zone"]),
    ("whole_file", &["api"]),
    ("paths", &["api"]),
    ("qr", &["api"]),
    ("hardening", &[]),
    ("logging", &["api", "config", "trace"]),
    ("metrics", &["api"]),
    ("trace", &["api"]),
    ("otlp", &["api", "config", "tasks", "trace"]),
    ("config", &["api", "tasks"]),
    ("cache", &["api", "metrics"]),
    ("store", &["api", "tasks", "safe_text", "paths", "words", "metrics", "trace", "zone"]),
    ("ollama", &["api", "tasks", "safe_text", "trace"]),
    ("fake", &["api", "tasks"]),
    ("access", &["api", "store", "ollama", "config", "tasks", "paths", "metrics", "trace"]),
    (
        "services",
        &[
            "api",
            "store",
            "ollama",
            "access",
            "config",
            "tasks",
            "safe_text",
            "cache",
            "paths",
            "words",
            "template",
            "whole_file",
            "extract",
            "metrics",
            "otlp",
            "trace",
            "zone",
        ],
    ),
    ("gateway", &["api", "access", "services", "tasks", "config"]),
    ("ui", &["api", "config", "safe_text", "tasks", "qr", "words", "template", "whole_file", "trace", "zone"]),
    ("cli", &["api", "gateway", "config", "safe_text", "tasks", "template", "whole_file", "qr", "trace", "zone"]),
];

/// Exceptions, each with its reason.
const ALSO: &[(&str, &str)] = &[
    // The one file of the interface that acts.
    ("src/ui/perform.rs", "gateway"),
    // Starts the loop and hands the gateway to `perform.rs`.
    ("src/ui/live.rs", "gateway"),
    // `config check` names key conflicts, and the pages of keys and commands are written from their tables.
    ("src/cli/config.rs", "ui::keymap"),
];

/// Crates (or parts of them) with one home.
const HOMES: &[(&str, &[&str])] = &[
    ("rusqlite", &["src/store/"]),
    // What speaks HTTP: to Ollama, and to the collector of traces that a setting names, which is another server.
    ("reqwest", &["src/ollama/", "src/otlp/send.rs"]),
    ("argon2", &["src/store/keys.rs", "src/store/keys/"]),
    ("hkdf", &["src/store/keys.rs", "src/store/keys/"]),
    ("chacha20poly1305", &["src/store/keys.rs", "src/store/keys/"]),
    ("crossterm::terminal", &["src/ui/terminal.rs", "src/ui/terminal/"]),
    // Everything that starts something, under all its names. `spawn_blocking` is a function call that is awaited.
    ("tokio::spawn", &["src/tasks.rs"]),
    ("tokio::task::spawn", &["src/tasks.rs"]),
    ("tokio::task::spawn_local", &["src/tasks.rs"]),
    ("tokio::task::Builder", &["src/tasks.rs"]),
    ("tokio::task::JoinSet", &["src/tasks.rs"]),
    ("tokio::task::LocalSet", &["src/tasks.rs"]),
    ("tokio::runtime", &["src/tasks.rs", "src/app.rs"]),
    ("tokio_util::task", &["src/tasks.rs"]),
    // Threads of their own: a database's, and the one that keeps what was copied.
    ("std::thread::spawn", &["src/store/thread.rs", "src/ui/copy.rs"]),
    ("std::thread::scope", &["src/store/thread.rs", "src/ui/copy.rs"]),
    ("std::thread::Builder", &["src/store/thread.rs", "src/ui/copy.rs"]),
    ("clap", &["src/cli/", "src/main.rs"]),
    ("ratatui", &["src/ui/"]),
];

/// Every breach in one file. `path` is written from the crate's root with `/`.
fn breaches(path: &str, text: &str) -> BTreeSet<String> {
    let paths = named_paths(without_tests(&code_of(text)).as_str(), &module_of(path));
    let mut found = BTreeSet::new();
    if let Some((layer, allowed)) = LAYERS.iter().find(|(layer, _)| layer_of(path) == *layer) {
        for named in &paths {
            let Some(used) = named.strip_prefix("crate::").and_then(first) else { continue };
            let excepted = || {
                ALSO.iter()
                    .any(|(file, also)| *file == path && under(named.strip_prefix("crate::").unwrap_or(named), also))
            };
            if used == "*" {
                found.insert(format!("{path}: nothing may use everything"));
            }
            if used != *layer && is_part(used) && !allowed.contains(&used) && !excepted() {
                found.insert(format!("{path}: {layer} must not use {used}"));
            }
        }
    }
    for (what, homes) in HOMES {
        let at_home = homes.iter().any(|home| path == *home || (home.ends_with('/') && path.starts_with(home)));
        let names =
            |named: &String| under(named, what) || named.strip_suffix("::*").is_some_and(|all| under(what, all));
        if !at_home && paths.iter().any(names) {
            found.insert(format!("{path}: {what} belongs to {}", homes.join(" or ")));
        }
    }
    if let Some(service) = path.strip_prefix("src/services/").map(first_segment) {
        for other in service_structs(&paths) {
            if other != service {
                found.insert(format!("{path}: the service {service} must not call the service {other}"));
            }
        }
    }
    found
}

/// Modules of `services` that are named as if they were called: through their service type.
fn service_structs(paths: &[String]) -> BTreeSet<String> {
    paths
        .iter()
        .filter_map(|named| {
            let (module, items) = named.strip_prefix("crate::services::")?.split_once("::")?;
            let service: String = module.split('_').map(capitalised).collect();
            let is_service = |item: &str| item == service || item.strip_suffix("Service") == Some(service.as_str());
            // None decides anything: the hub carries what services have to say, the lanes count who waits, the book keeps
            // what each has begun.
            (!matches!(module, "hub" | "lanes" | "own_jobs") && items.split("::").any(is_service))
                .then(|| module.to_owned())
        })
        .collect()
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().collect::<String>() + letters.as_str()).unwrap_or_default()
}

/// The module that a file is: `src/ui/text/mod.rs` → `ui`, `text`.
fn module_of(path: &str) -> Vec<String> {
    let inner = path.strip_prefix("src/").unwrap_or(path).trim_end_matches(".rs");
    let mut module: Vec<String> = inner.split('/').map(str::to_owned).collect();
    if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        module.pop();
    }
    module
}

/// The path from the crate's root, for one that is written from where it stands: `super::x`, `self::x`.
fn resolved(named: &str, module: &[String]) -> String {
    let mut at = module.to_vec();
    let mut rest = named;
    loop {
        let (head, tail) = rest.split_once("::").unwrap_or((rest, ""));
        match head {
            "super" => drop(at.pop()),
            "self" => {}
            // What is written from the root, or another crate's, stays as it is.
            _ if rest.len() == named.len() => return named.to_owned(),
            _ => break,
        }
        rest = tail;
    }
    let mut parts = vec!["crate".to_owned()];
    parts.extend(at);
    if !rest.is_empty() {
        parts.push(rest.to_owned());
    }
    parts.join("::")
}

/// `src/ui/run.rs` → `ui`, `src/tasks.rs` → `tasks`.
fn layer_of(path: &str) -> &str {
    path.strip_prefix("src/").map_or("", first_segment)
}

fn first_segment(rest: &str) -> &str {
    let first = rest.split('/').next().unwrap_or(rest);
    first.strip_suffix(".rs").unwrap_or(first)
}

fn first(path: &str) -> Option<&str> {
    path.split("::").next()
}

fn under(named: &str, what: &str) -> bool {
    named == what || named.strip_prefix(what).is_some_and(|rest| rest.starts_with("::"))
}

fn is_part(name: &str) -> bool {
    LAYERS.iter().any(|(layer, _)| *layer == name) || matches!(name, "app" | "main")
}

/// The text without comments, strings and characters, so that prose breaks no rule.
fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let skip = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(raw) = raw_string(rest) {
            raw
        } else if letter == '"' {
            quoted(rest, '"')
        } else if letter == '\'' && is_character(rest) {
            quoted(rest, '\'')
        } else {
            code.push(letter);
            rest = &rest[letter.len_utf8()..];
            continue;
        };
        code.push(' ');
        rest = &rest[skip..];
    }
    code
}

/// The code without its `#[cfg(test)] mod …` blocks: a test may bring a fake server or a store along.
fn without_tests(code: &str) -> String {
    let mut kept = String::new();
    let mut rest = code;
    while let Some(at) = rest.find("#[cfg(test)]") {
        let (before, after) = rest.split_at(at);
        kept.push_str(before);
        let body = after["#[cfg(test)]".len()..].trim_start();
        let is_module = body.starts_with("mod ") || body.starts_with("pub mod ");
        let (Some(open), semicolon) = (body.find('{'), body.find(';').unwrap_or(usize::MAX)) else {
            return kept + body;
        };
        if !is_module || semicolon < open {
            rest = body;
            continue;
        }
        let mut depth = 0_usize;
        let end = body[open..].find(|letter| {
            match letter {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            depth == 0
        });
        rest = end.map_or("", |end| &body[open + end + 1..]);
    }
    kept + rest
}

/// Length of `r"…"` or `r#"…"#` at the beginning.
fn raw_string(rest: &str) -> Option<usize> {
    let after = rest.strip_prefix('r')?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let body = after[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(body.find(&end).map_or(rest.len(), |at| 1 + hashes + 1 + at + end.len()))
}

/// `'a'` and `'\n'` are characters, `'a` is a lifetime.
fn is_character(rest: &str) -> bool {
    let mut letters = rest.chars().skip(1);
    match letters.next() {
        Some('\\') => true,
        Some(_) => letters.next() == Some('\''),
        None => false,
    }
}

fn quoted(rest: &str, mark: char) -> usize {
    let mut escaped = false;
    for (at, letter) in rest.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if letter == mark => return at + letter.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

/// What an import calls a path.
struct Import {
    name: String,
    path: String,
}

/// Every path in the code, from the crate's root, with `use` trees written out: `use crate::{a::b, c}` → `crate::a::b`,
/// `crate::c`. A name that an import gives to a path (`use tokio::task as t; t::spawn`) stands for that path.
fn named_paths(code: &str, file: &[String]) -> Vec<String> {
    let tokens = tokens(code);
    let is = |at: usize, what: &str| tokens.get(at).is_some_and(|token| token == what);
    let mut module = file.to_vec();
    // How deep each `mod x {` was opened.
    let mut inner: Vec<usize> = Vec::new();
    let mut depth = 0_usize;
    let mut paths = Vec::new();
    let mut imported: Vec<Import> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        // `impl Trait + use<>` (RFC 3617) names what a type captures and imports nothing.
        if tokens[at] == "use" && !is(at + 1, "<") {
            let mut tree = Vec::new();
            at = use_tree(&tokens, at + 1, "", &mut tree);
            for import in &mut tree {
                import.path = resolved(&import.path, &module);
            }
            imported.extend(tree);
        } else if tokens[at] == "mod" && is(at + 2, "{") {
            module.push(tokens[at + 1].clone());
            inner.push(depth);
            depth += 1;
            at += 3;
        } else if tokens[at] == "{" {
            depth += 1;
            at += 1;
        } else if tokens[at] == "}" {
            depth = depth.saturating_sub(1);
            if inner.last() == Some(&depth) {
                inner.pop();
                module.pop();
            }
            at += 1;
        } else if is_name(&tokens[at]) && begins_a_path(&tokens, at) {
            let mut path = tokens[at].clone();
            while is(at + 1, "::") && tokens.get(at + 2).is_some_and(|token| is_name(token)) {
                path = format!("{path}::{}", tokens[at + 2]);
                at += 2;
            }
            paths.push(resolved(&path, &module));
            at += 1;
        } else {
            at += 1;
        }
    }
    let through: Vec<String> = paths
        .iter()
        .filter_map(|path| {
            let (head, rest) = path.split_once("::")?;
            let import = imported.iter().find(|import| import.name == head)?;
            Some(format!("{}::{rest}", import.path))
        })
        .collect();
    paths.extend(imported.into_iter().map(|import| import.path));
    paths.extend(through);
    paths.retain(|path| path.contains("::") || HOMES.iter().any(|(what, _)| path == what));
    paths
}

/// After `::` a path goes on, unless nothing stands before it: `::tokio::spawn`.
fn begins_a_path(tokens: &[String], at: usize) -> bool {
    let before = |steps: usize| at.checked_sub(steps).map(|at| tokens[at].as_str());
    before(1) != Some("::") || before(2).is_none_or(|token| !is_name(token) && token != ">")
}

/// Reads one use tree from `at`; gives where it ends.
fn use_tree(tokens: &[String], mut at: usize, before: &str, found: &mut Vec<Import>) -> usize {
    let mut path = before.to_owned();
    let mut alias = None;
    while let Some(token) = tokens.get(at) {
        match token.as_str() {
            "::" => {}
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token != "}") {
                    at = use_tree(tokens, at, &path, found);
                    if tokens.get(at).is_some_and(|token| token == ",") {
                        at += 1;
                    }
                }
                return at + 1;
            }
            "as" => {
                at += 1;
                alias = tokens.get(at).cloned();
            }
            "," | "}" | ";" => break,
            name => {
                if name != "self" || path.is_empty() {
                    path = if path.is_empty() { name.to_owned() } else { format!("{path}::{name}") };
                }
            }
        }
        at += 1;
    }
    if !path.is_empty() {
        let name = alias.unwrap_or_else(|| path.rsplit("::").next().unwrap_or_default().to_owned());
        found.push(Import { name, path });
    }
    at
}

fn is_name(token: &str) -> bool {
    token.starts_with(|letter: char| letter.is_alphabetic() || letter == '_')
}

fn tokens(code: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut letters = code.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter.is_alphanumeric() || letter == '_' {
            let mut word = letter.to_string();
            while let Some(more) = letters.next_if(|letter| letter.is_alphanumeric() || *letter == '_') {
                word.push(more);
            }
            tokens.push(word);
        } else if letter == ':' && letters.next_if_eq(&':').is_some() {
            tokens.push("::".to_owned());
        } else if !letter.is_whitespace() {
            tokens.push(letter.to_string());
        }
    }
    tokens
}

fn rust_files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_source_keeps_to_its_layer() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    rust_files(&root.join("src"), &mut files);
    assert!(files.len() > 20, "the sources are where this test looks");
    let mut found = Vec::new();
    for file in files {
        let path = file.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        if path.ends_with("/tests.rs") || path.contains("/tests/") {
            continue;
        }
        found.extend(breaches(&path, &fs::read_to_string(&file).unwrap()));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_part_has_its_row() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(root).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let part = first_segment(&name).to_owned();
        assert!(
            matches!(part.as_str(), "main" | "lib" | "app") || is_part(&part),
            "{part} is in no row of the table of layers"
        );
    }
}

#[test]
fn a_planted_breach_is_found() {
    let one = |path: &str, text: &str| breaches(path, text).into_iter().collect::<Vec<_>>().join("; ");
    assert_eq!(one("src/ui/root.rs", "use crate::store::Db;"), "src/ui/root.rs: ui must not use store");
    assert_eq!(one("src/ui/root.rs", "use crate::gateway::Gateway;"), "src/ui/root.rs: ui must not use gateway");
    assert_eq!(one("src/ui/perform.rs", "use crate::gateway::Gateway;"), "");
    assert_eq!(
        one("src/cli/ask.rs", "use crate::{api::Fault, services::turns};"),
        "src/cli/ask.rs: cli must not use services"
    );
    assert_eq!(one("src/cli/ask.rs", "fn f() { crate::ollama::x() }"), "src/cli/ask.rs: cli must not use ollama");
    assert_eq!(one("src/cli/config.rs", "use crate::ui::keymap::check;"), "");
    assert_eq!(one("src/cli/config.rs", "use crate::ui::root::Root;"), "src/cli/config.rs: cli must not use ui");
    assert_eq!(
        one("src/store/open.rs", "use crate::{api::{Fault, ids}, config};"),
        "src/store/open.rs: store must not use config"
    );
    assert_eq!(
        one("src/services/turns.rs", "use crate::gateway::Gateway;"),
        "src/services/turns.rs: services must not use gateway"
    );
    assert_eq!(one("src/api/ids.rs", "use crate::app::run;"), "src/api/ids.rs: api must not use app");
    assert_eq!(
        one("src/services/turns.rs", "use rusqlite::params;"),
        "src/services/turns.rs: rusqlite belongs to src/store/"
    );
    assert_eq!(
        one("src/services/health.rs", "async fn f() { reqwest::get(x) }"),
        "src/services/health.rs: reqwest belongs to src/ollama/ or src/otlp/send.rs"
    );
    assert_eq!(
        one("src/store/open.rs", "use argon2::Argon2;"),
        "src/store/open.rs: argon2 belongs to src/store/keys.rs or src/store/keys/"
    );
    assert_eq!(
        one("src/ui/run.rs", "use crossterm::{event, terminal::size};"),
        "src/ui/run.rs: crossterm::terminal belongs to src/ui/terminal.rs or src/ui/terminal/"
    );
    assert_eq!(
        one("src/ui/run.rs", "use crossterm as ct; use crossterm::terminal as t;"),
        "src/ui/run.rs: crossterm::terminal belongs to src/ui/terminal.rs or src/ui/terminal/"
    );
    for spawning in ["fn f() { tokio::spawn(x); }", "use tokio::spawn;", "use tokio; fn f() { tokio :: spawn(x) }"] {
        assert_eq!(
            one("src/services/turns.rs", spawning),
            "src/services/turns.rs: tokio::spawn belongs to src/tasks.rs"
        );
    }
    for spawning in ["use tokio::task; fn f() { task::spawn(x) }", "fn f() { tokio::task::spawn(x) }"] {
        assert_eq!(
            one("src/services/turns.rs", spawning),
            "src/services/turns.rs: tokio::task::spawn belongs to src/tasks.rs"
        );
    }
    assert_eq!(
        one("src/services/turns.rs", "#[cfg(test)] mod tests { fn f() {} } use crate::gateway::Gateway;"),
        "src/services/turns.rs: services must not use gateway"
    );
    for calling in [
        "use super::usage::Usage;",
        "use crate::services::{hub, usage::Usage};",
        "use crate::services::usage; struct T(usage::UsageService);",
        "use super::usage::parts::Usage;",
        "use super::{hub, usage::{self as counts}}; struct T(counts::Usage);",
    ] {
        assert_eq!(
            one("src/services/turns.rs", calling),
            "src/services/turns.rs: the service turns must not call the service usage"
        );
    }
    // From a part of a service, the way to another one is longer.
    for (file, calling) in [
        ("src/services/turns/run.rs", "use super::super::usage::Usage;"),
        ("src/services/turns/mod.rs", "use super::usage::Usage;"),
        ("src/services/turns/mod.rs", "mod inner { use super::super::usage::Usage; }"),
    ] {
        assert_eq!(one(file, calling), format!("{file}: the service turns must not call the service usage"));
    }
}

#[test]
fn a_breach_by_another_name_is_found_too() {
    let one = |path: &str, text: &str| breaches(path, text).into_iter().collect::<Vec<_>>().join("; ");
    for (file, by) in [
        ("src/ui/root.rs", "use super::super::store::Db;"),
        ("src/ui/text/mod.rs", "use super::super::store::Db;"),
        ("src/ui/text/wrap.rs", "fn f() { super::super::super::store::open() }"),
        ("src/ui/root.rs", "use super::super as up; fn f() { up::store::open() }"),
        ("src/ui/root.rs", "use self::super::super::{store as kept};"),
        ("src/ui/root.rs", "mod inner { use super::super::super::store::Db; }"),
        ("src/ui/root.rs", "mod inner { fn f() {} } use super::super::store::Db;"),
    ] {
        assert_eq!(one(file, by), format!("{file}: ui must not use store"), "{by}");
    }
    for by in ["use crate::*;", "use super::super::*;"] {
        assert_eq!(one("src/ui/root.rs", by), "src/ui/root.rs: nothing may use everything", "{by}");
    }
    for (what, by) in [
        ("tokio::spawn", "use tokio as t; fn f() { t::spawn(x) }"),
        ("tokio::spawn", "fn f() { ::tokio::spawn(x) }"),
        ("tokio::task::spawn", "use tokio::task::{self as t}; fn f() { t::spawn(x) }"),
        ("tokio::task::spawn_local", "use tokio::task; fn f() { task::spawn_local(x) }"),
        ("tokio::task::spawn_local", "use tokio::task::spawn_local;"),
        ("tokio::task::JoinSet", "use tokio::task::JoinSet; fn f() { JoinSet::new().spawn(x) }"),
        ("tokio::task::JoinSet", "fn f(set: &mut tokio::task::JoinSet<()>) { set.spawn(x) }"),
        ("tokio::task::LocalSet", "use tokio::task; struct A(task::LocalSet);"),
        ("tokio_util::task", "use tokio_util::task::TaskTracker;"),
    ] {
        let file = "src/services/turns.rs";
        assert_eq!(one(file, by), format!("{file}: {what} belongs to src/tasks.rs"), "{by}");
    }
    for by in ["fn f() { tokio::runtime::Handle::current().spawn(x) }", "use tokio::runtime::Handle;"] {
        let file = "src/services/turns.rs";
        assert_eq!(one(file, by), format!("{file}: tokio::runtime belongs to src/tasks.rs or src/app.rs"), "{by}");
    }
    for (what, by) in [
        ("std::thread::spawn", "use std::thread; fn f() { thread::spawn(x) }"),
        ("std::thread::spawn", "fn f() { std::thread::spawn(x) }"),
        ("std::thread::Builder", "use std::thread::Builder;"),
        ("std::thread::scope", "fn f() { std::thread::scope(|s| s.spawn(x)) }"),
    ] {
        let file = "src/services/turns.rs";
        assert_eq!(one(file, by), format!("{file}: {what} belongs to src/store/thread.rs or src/ui/copy.rs"), "{by}");
    }
    let all = one("src/services/turns.rs", "use tokio::task::*;");
    assert!(all.contains("tokio::task::spawn belongs to src/tasks.rs"), "{all}");
}

#[test]
fn what_is_allowed_or_only_written_about_is_no_breach() {
    let clean = |path: &str, text: &str| assert_eq!(breaches(path, text), BTreeSet::new());
    clean("src/services/turns.rs", "use crate::{access::Caller, api::Fault, store::{self, Db}}; use super::Turns;");
    clean(
        "src/services/turns.rs",
        "// crate::gateway is never used\n/* rusqlite */ let a = \"reqwest::get crate::ui\"; let b = r#\"tokio::spawn \" \"#; let c = '\"';",
    );
    clean(
        "src/services/turns.rs",
        "fn f<'a>(x: &'a str) { let y = '\\''; tasks.spawn(\"x\", z); tokio::task::spawn_blocking(w); }",
    );
    clean("src/services/turns.rs", "use super::context::Window; use crate::services::turns::Turns;");
    // Parts of one service are its own, whatever they are named.
    clean("src/services/accounts/resume.rs", "use super::{Accounts, token_file::{Token, TokenFile}};");
    clean("src/services/accounts/mod.rs", "mod token_file; use token_file::TokenFile; use self::strength::Strength;");
    clean("src/ui/text/wrap.rs", "use super::super::theme::Theme; mod inner { use super::super::table::T; }");
    clean("src/services/turns.rs", "use std::thread::sleep; use tokio::task::spawn_blocking;");
    clean(
        "src/services/turns.rs",
        "#[cfg(test)]\nuse std::fmt;\nstruct A;\n#[cfg(test)]\nmod tests { use crate::fake::Fake; fn f() { tokio::spawn(x) } }\nstruct B;",
    );
    clean("src/services/turns.rs", "fn f() -> impl Fn(u8) + Send + use<> { let a = b; }");
    clean("src/app.rs", "use crate::{cli, store, ui};");
    clean(
        "src/ui/widgets/tree.rs",
        "use crate::ui::keymap::Action; use crossterm::event::KeyEvent; use ratatui::text::Line;",
    );
}
