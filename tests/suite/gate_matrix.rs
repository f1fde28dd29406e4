//! Every method of the façade passes the gate, with an operation that says who may do it, how often and how long. Held
//! by reading the sources: a method without one cannot be forgotten, because this test names it.

use std::{collections::BTreeSet, fs, path::Path};

/// What anybody may call before signing in: it knows no person, or is throttled by the name that is tried.
const ANONYMOUS: &[&str] = &[
    "door",
    "registration",
    "judge_passphrase",
    "propose_passphrase",
    "create_first_admin",
    "register",
    "activate",
    "sign_in",
    "second_factor",
    "recover",
    "health",
    "seen_health",
    "check_system",
    "start_ollama",
    "run_due_rules",
];

#[derive(Debug)]
struct Method {
    name: String,
    signature: String,
    body: String,
}

/// The public methods of `impl Gateway` in one file.
fn methods(source: &str) -> Vec<Method> {
    let source: String =
        source.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    for implementation in source.split("impl Gateway {").skip(1) {
        let implementation = block(implementation);
        for start in ["pub async fn ", "pub fn "] {
            for rest in implementation.split(start).skip(1) {
                let (signature, after) = rest.split_once(" {").expect("a function has a body");
                let name = signature.split(['(', '<']).next().unwrap().to_owned();
                found.push(Method { name, signature: signature.to_owned(), body: block(after).to_owned() });
            }
        }
    }
    found
}

/// Up to the brace that closes what has just been opened.
fn block(text: &str) -> &str {
    let mut depth = 1;
    for (at, letter) in text.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &text[..at];
        }
    }
    text
}

/// The operations that are declared in one file: their constants and their names.
fn operations(source: &str) -> Vec<(String, String)> {
    let source = source.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut found = Vec::new();
    for rest in source.split("const ").skip(1) {
        let Some((constant, value)) = rest.split_once(": Op = Op {") else { continue };
        if constant.contains(char::is_whitespace) {
            continue;
        }
        let name = value.split_once("name: \"").and_then(|(_, name)| name.split_once('"')).map_or("", |(name, _)| name);
        found.push((constant.to_owned(), name.to_owned()));
    }
    found
}

/// What is wrong with the methods of one file.
fn gaps(file: &str, source: &str) -> Vec<String> {
    let declared: BTreeSet<String> = operations(source).into_iter().map(|(constant, _)| constant).collect();
    let mut wrong = Vec::new();
    for Method { name, signature, body } in methods(source) {
        let code: String = body.split_whitespace().collect();
        let anonymous = ANONYMOUS.contains(&name.as_str());
        if anonymous == signature.contains("&Session") {
            wrong.push(format!("{file}: {name} must {} a session", if anonymous { "not take" } else { "take" }));
        }
        let doors: Vec<&str> =
            [".gate.call::<", ".gate.hold(", ".gate.knock("].into_iter().filter(|door| code.contains(door)).collect();
        match doors.as_slice() {
            [".gate.knock("] if !anonymous => wrong.push(format!("{file}: {name} lets strangers in")),
            [".gate.call::<" | ".gate.hold("] if anonymous => {}
            [_] => {}
            [] => wrong.push(format!("{file}: {name} does not pass the gate")),
            _ => wrong.push(format!("{file}: {name} passes the gate twice")),
        }
        // `op` is one of several of this file's operations, chosen by what is asked for.
        let takes_own_session =
            ["(session,&", "(session,op,", ".gate.knock(&"].into_iter().any(|call| code.contains(call));
        let named = code.split('&').skip(1).any(|rest| {
            let constant: String =
                rest.chars().take_while(|letter| letter.is_ascii_uppercase() || *letter == '_').collect();
            declared.contains(&constant)
        });
        if !doors.is_empty() && (!takes_own_session || !named) {
            wrong.push(format!("{file}: {name} has no operation of its own file, or another's session"));
        }
    }
    wrong
}

fn façade() -> Vec<(String, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/gateway");
    let mut files: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs"))
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(&path).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn every_method_of_the_façade_passes_the_gate() {
    let files = façade();
    let wrong: Vec<String> = files
        .iter()
        // `mod.rs` makes the façade and is no operation.
        .filter(|(file, _)| file != "mod.rs")
        .flat_map(|(file, source)| gaps(file, source))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let all: usize = files.iter().map(|(_, source)| methods(source).len()).sum();
    assert!(all >= 30, "only {all} methods were found: is the façade written in another way now?");
}

#[test]
fn what_strangers_may_call_exists() {
    let files = façade();
    let there: BTreeSet<String> =
        files.iter().flat_map(|(_, source)| methods(source)).map(|method| method.name).collect();
    for name in ANONYMOUS {
        assert!(there.contains(*name), "{name} is excepted, but there is no such method");
    }
}

#[test]
fn operations_have_names_of_their_own() {
    let mut seen = BTreeSet::new();
    for (file, source) in façade() {
        for (constant, name) in operations(&source) {
            let said_well = name.split_once('.').is_some_and(|(area, verb)| {
                let plain = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c == '_');
                plain(area) && plain(verb)
            });
            assert!(said_well, "{file}: {constant} is named {name:?} and not area.verb");
            assert!(seen.insert(name.clone()), "{file}: a second operation is named {name}");
        }
    }
}

#[test]
fn a_planted_gap_is_found() {
    let operation = "const READ: Op = Op { name: \"a.b\", ..X };";
    let with = |method: &str| gaps("planted.rs", &format!("{operation}\nimpl Gateway {{\n{method}\n}}\n")).len();
    let good = "pub async fn notes(&self, session: &Session) -> R {
        self.0.gate.call::<Member, _, _>(session, &READ, |by| self.0.notes.all(by)).await
    }";
    assert_eq!(with(good), 0);
    assert_eq!(with("pub async fn notes(&self, session: &Session) -> R { self.0.notes.all(session).await }"), 1);
    assert_eq!(with(&good.replace("session: &Session", "name: &str")), 1);
    assert_eq!(with(&good.replace("&READ", "&ELSEWHERE")), 1);
    assert_eq!(with(&good.replace("(session, &", "(&self.stolen, &")), 1);
    assert!(with(&good.replace("call::<Member, _, _>(session, ", "knock(")) >= 1);
    assert_eq!(with(&good.replace("notes(&self, session: &Session)", "door(&self, session: &Session)")), 1);
    let stranger = "pub async fn health(&self) -> R { self.0.gate.knock(&READ, |by| self.0.health.check(by)).await }";
    assert_eq!(with(stranger), 0);
    assert_eq!(with(&stranger.replace("&READ", "&ELSEWHERE")), 1);
    assert_eq!(with("pub async fn health(&self) -> R { Ok(self.0.health.check().await) }"), 1);
    assert_eq!(with("pub fn propose_passphrase(&self) -> R { self.0.accounts.propose() }"), 1);
    assert_eq!(with("pub async fn notes(&self, session: &Session) -> R { unbuilt() }"), 1);
    assert_eq!(with("// pub async fn said(&self) -> R { in a comment }"), 0);
}
