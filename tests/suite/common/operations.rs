//! What the façade's own sources say of its methods: the operation that each passes the gate with, and as whom. Read from
//! the sources, so that nobody has to keep a list of them.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path, time::Duration};

use ollamanet::{
    api::{
        admin::{Class, Limited, Permission},
        auth::Role,
    },
    config::LimitsConfig,
};

/// Through which door a method is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Door {
    /// Without a session.
    Street,
    /// With a session, behind a locked screen as well.
    Hall,
    Member,
    Administrator,
}

#[derive(Clone, Debug)]
pub struct Operation {
    pub method: String,
    pub name: String,
    pub door: Door,
    pub permission: Permission,
    pub class: Class,
    pub deadline: Duration,
    pub fresh: bool,
}

/// One file of the façade.
struct Source {
    stem: String,
    code: String,
}

/// Every method of the façade that passes the gate, by its operation's name.
pub fn operations() -> Vec<Operation> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/gateway");
    let paths = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let sources: Vec<Source> = paths
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs"))
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            Source {
                stem: path.file_stem().unwrap().to_string_lossy().into_owned(),
                code: code.flat_map(|line| [line, "\n"]).collect(),
            }
        })
        .collect();
    let mut all = Vec::new();
    for source in &sources {
        for (method, door, constant) in methods(&source.code) {
            let parts = constant_of(&sources, source, &constant);
            all.push(operation(method, door, &parts));
        }
    }
    all.sort_by(|a, b| (a.permission, &a.name, &a.method).cmp(&(b.permission, &b.name, &b.method)));
    all
}

/// `const X: Op = Op { … }` of this file, or of the one that it is taken from, with what it takes over filled in.
fn constant_of(sources: &[Source], source: &Source, name: &str) -> BTreeMap<String, String> {
    let Some(at) = source.code.find(&format!("const {name}: Op =")) else {
        let taken = |other: &&Source| {
            let from = format!("{}::", other.stem);
            source.code.match_indices(&from).any(|(at, _)| {
                let rest = &source.code[at + from.len()..];
                // One name, or several in brackets.
                let names = rest.strip_prefix('{').and_then(|rest| rest.split('}').next()).unwrap_or(rest);
                let mut names =
                    names.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty());
                if rest.starts_with('{') { names.any(|word| word == name) } else { names.next() == Some(name) }
            })
        };
        let other = sources.iter().find(taken).unwrap_or_else(|| panic!("{name} in {}", source.stem));
        return constant_of(sources, other, name);
    };
    let body = source.code[at..].split_once("Op {").unwrap().1;
    let body = &body[..body.find("};").unwrap()];
    let mut parts = BTreeMap::new();
    for part in body.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        if let Some(base) = part.strip_prefix("..") {
            for (key, value) in constant_of(sources, source, base.trim()) {
                parts.entry(key).or_insert(value);
            }
        } else if let Some((key, value)) = part.split_once(':') {
            let named = format!("const {}: Duration = ", value.trim());
            let value = source.code.split_once(&named).map_or(value, |(_, rest)| rest.split(';').next().unwrap());
            parts.insert(key.trim().to_owned(), value.trim().to_owned());
        }
    }
    parts
}

/// Each method with the way it takes through the gate, and the constant that it names there.
fn methods(code: &str) -> Vec<(String, Door, String)> {
    let mut found = Vec::new();
    for part in code.split("pub async fn ").skip(1) {
        let method: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let flat: String = part.split_whitespace().collect();
        for (how, door) in [
            (".call::<Admin,_,_>(session,", Door::Administrator),
            (".call::<Member,_,_>(session,", Door::Member),
            (".hold(session,", Door::Hall),
            (".knock(", Door::Street),
        ] {
            if let Some(at) = flat.find(how) {
                // One of several, by what is asked for: `let op = if … { &A } else { &B }`.
                let chosen =
                    flat[..at].split_once("letop=").map_or("", |(_, rest)| rest.split(';').next().unwrap_or(""));
                let named = if chosen.is_empty() { &flat[at + how.len()..] } else { chosen };
                let upper = |c: &char| c.is_ascii_uppercase() || *c == '_' || c.is_ascii_digit();
                let constants = named.split('&').skip(1).map(|rest| rest.chars().take_while(upper).collect::<String>());
                let constants = constants.take(if chosen.is_empty() { 1 } else { usize::MAX });
                found.extend(constants.map(|constant| (method.clone(), door, constant)));
            }
        }
    }
    found
}

fn operation(method: String, door: Door, parts: &BTreeMap<String, String>) -> Operation {
    let part = |key: &str| parts.get(key).unwrap_or_else(|| panic!("{method} says nothing of its {key}")).as_str();
    let word = |key: &str| part(key).rsplit("::").next().unwrap().to_owned();
    let named = |debug: String, wanted: &str| debug == wanted;
    let permission = word("permission");
    let class = word("class");
    let deadline = part("deadline");
    let number: u64 = deadline.split_once('(').unwrap().1.trim_end_matches(')').replace('_', "").parse().unwrap();
    let seconds = match deadline.split_once('(').unwrap().0.rsplit("::").next().unwrap() {
        "from_secs" => number,
        "from_mins" => number * 60,
        "from_hours" => number * 3600,
        other => panic!("{method}: a deadline of {other}"),
    };
    Operation {
        name: part("name").trim_matches('"').to_owned(),
        permission: Permission::ALL.into_iter().find(|one| named(format!("{one:?}"), &permission)).unwrap(),
        class: Class::COUNTED.into_iter().chain([Class::Free]).find(|one| named(format!("{one:?}"), &class)).unwrap(),
        deadline: Duration::from_secs(seconds),
        fresh: part("fresh") == "true",
        method,
        door,
    }
}

fn time(deadline: Duration) -> String {
    match deadline.as_secs() {
        seconds if seconds % 3600 == 0 => format!("{} h", seconds / 3600),
        seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}

fn rank(rank: Role) -> &'static str {
    match rank {
        Role::User => "user",
        Role::Admin => "admin",
    }
}

/// `docs/permissions.md`.
pub fn permissions_markdown() -> String {
    let mut page = String::from(
        "# Permissions\n\n\
         What each operation of the program needs, whether it is begun in the interface or by a command. The gate asks in \
         this order: is the session good, does the rank suffice, does the role's table say otherwise, is a second factor \
         missing, was the passphrase typed within five minutes where it must be, is the pace kept, is there room.\n\n\
         A role gives or denies permissions beyond its rank (`ollamanet roles`); a denial wins, and nothing can be denied to \
         `admin`. A role of rank `user` can never be given what needs the rank `admin`.\n\n\
         | permission | in words | rank that has it |\n|---|---|---|\n",
    );
    for permission in Permission::ALL {
        let _ = writeln!(
            page,
            "| `{}` | {} | {} |",
            permission.as_str(),
            permission.words(),
            rank(permission.least_rank())
        );
    }
    let all = operations();
    for permission in Permission::ALL {
        let _ = write!(
            page,
            "\n## {}\n\n| operation | who | class | passphrase anew | deadline |\n|---|---|---|---|---|\n",
            permission.words()
        );
        let mut rows: Vec<String> = all.iter().filter(|one| one.permission == permission).map(row).collect();
        rows.dedup();
        for row in rows {
            page.push_str(&row);
        }
    }
    page
}

fn row(one: &Operation) -> String {
    let who = match one.door {
        Door::Street => "anybody at this machine",
        Door::Hall => "whoever is signed in, locked or not",
        Door::Member => "whoever is signed in",
        Door::Administrator => "administrators",
    };
    let fresh = if one.fresh { "yes" } else { "" };
    format!("| `{}` | {who} | {} | {fresh} | {} |\n", one.name, one.class.as_str(), time(one.deadline))
}

/// `docs/limits.md`.
pub fn limits_markdown() -> String {
    let mut page = String::from(
        "# Limits\n\n\
         How much one account may ask of the program. All its windows share one allowance; whoever is not signed in is \
         counted by their OS account. An account's own limit wins over its role's (`ollamanet roles limit`), that over what \
         is set for the house or in `config.toml` (`ollamanet settings list limits`). No role has limits of its own until \
         somebody gives it some.\n\n\
         | limit | what it counts | default | may be |\n|---|---|---|---|\n",
    );
    let limits = LimitsConfig::default();
    for limited in Limited::ALL {
        let what = match limited {
            Limited::Calls(Class::Chat) => "questions a minute",
            Limited::Calls(Class::Auth) => "calls a minute that take a passphrase or a code",
            Limited::Calls(Class::Admin) => "administrative changes a minute",
            Limited::Calls(Class::Read) => "looks a minute",
            Limited::Calls(Class::Write) => "changes of one's own things a minute",
            Limited::Calls(Class::Free) => "what is never counted",
            Limited::Answers => "answers at the same time; more wait in line",
            Limited::Tokens => "tokens a day (UTC), of questions and answers; 0 = no limit",
            Limited::Disk => "mebibytes of the vault; 0 = no limit",
        };
        let range = limited.range();
        let _ = writeln!(
            page,
            "| `{}` | {what} | {} | {} – {} |",
            limited.as_str(),
            limits.most(limited),
            range.start(),
            range.end()
        );
    }
    page.push_str(
        "\nLocking, leaving and stopping are never counted and never refused for pace.\n\n## Classes\n\n\
         Which allowance an operation draws on.\n\n| class | operations |\n|---|---|\n",
    );
    let all = operations();
    for class in Class::COUNTED.into_iter().chain([Class::Free]) {
        let _ = writeln!(page, "| `{}` | {} |", class.as_str(), names(all.iter().filter(|one| one.class == class)));
    }
    page.push_str(
        "\n## Deadlines\n\nAn operation that takes longer is refused with what to do next; a write that was already queued \
         finishes. Answers, downloads, backups and other long work only begin within it.\n\n\
         | deadline | operations |\n|---|---|\n",
    );
    let mut deadlines: Vec<Duration> = all.iter().map(|one| one.deadline).collect();
    deadlines.sort();
    deadlines.dedup();
    for deadline in deadlines {
        let _ = writeln!(page, "| {} | {} |", time(deadline), names(all.iter().filter(|one| one.deadline == deadline)));
    }
    page
}

fn names<'a>(all: impl Iterator<Item = &'a Operation>) -> String {
    let mut names: Vec<String> = all.map(|one| format!("`{}`", one.name)).collect();
    names.sort();
    names.dedup();
    names.join(", ")
}
