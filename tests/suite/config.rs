//! Settings from outside: the real program with files, variables and flags; and the pages made from tables.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};

use ollamanet::{
    api::{benchmarks, insights, metrics, rules::ActionKind},
    cli::pages,
    config::table,
    ui::keymap,
};
use serde_json::Value;

use crate::common::{environment, operations};

fn run(home: &Path, args: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ollamanet"))
        .args(args)
        .env_clear()
        .envs(environment(home))
        .envs(variables.iter().copied())
        .current_dir(home)
        .output()
        .unwrap()
}

fn write_config(home: &Path, text: &str) {
    let dir = home.join("config/ollamanet");
    fs::create_dir_all(&dir).unwrap();
    let path = dir.join("config.toml");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn a_value_is_shown_with_where_it_comes_from() {
    let home = tempfile::tempdir().unwrap();
    write_config(home.path(), "[ui]\ntheme = \"dark\"\nvim = true\n");
    let out =
        run(home.path(), &["config", "show", "--json", "--set", "chat.titles=off"], &[("OLLAMANET_UI_THEME", "light")]);
    assert!(out.status.success());
    let shown: Value = serde_json::from_slice(&out.stdout).unwrap();
    let of = |name: &str| (shown["settings"][name]["value"].clone(), shown["settings"][name]["from"].clone());
    assert_eq!(of("ui.theme"), ("light".into(), "OLLAMANET_UI_THEME".into()));
    assert_eq!(of("ui.vim"), (true.into(), "config.toml, line 3".into()));
    assert_eq!(of("chat.titles"), (false.into(), "--set".into()));
    assert_eq!(of("ui.mouse"), (true.into(), "default".into()));
    let plain = run(home.path(), &["config", "show"], &[]);
    assert!(text(&plain.stdout).lines().any(|line| line.split_whitespace().eq([
        "ui.vim",
        "true",
        "config.toml,",
        "line",
        "3"
    ])));
}

#[test]
fn every_mistake_is_named_with_its_place_and_ends_with_2() {
    let home = tempfile::tempdir().unwrap();
    write_config(
        home.path(),
        "[ui]\nthem = \"dark\"\n[keys.composer]\nsedn = [\"enter\"]\n[keys.tree]\nup = [\"ctrl+nonsense\", \"k\"]\n",
    );
    let out = run(home.path(), &["config", "check"], &[]);
    assert_eq!(out.status.code(), Some(2));
    let said = text(&out.stdout);
    assert!(said.contains("config.toml:2:1: There is no setting `them` in [ui]. Did you mean `theme`?"), "{said}");
    assert!(
        said.contains("config.toml:4:1: There is no action `sedn` in [keys.composer]. Did you mean `send`?"),
        "{said}"
    );
    assert!(said.contains("config.toml:6:7: “ctrl+nonsense” is not a key."), "{said}");
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines.is_sorted(), "from the top of the file: {said}");

    // The doctor judges as the check does.
    let out = run(home.path(), &["doctor", "--json"], &[("OLLAMA_HOST", "127.0.0.1:1")]);
    assert_eq!(out.status.code(), Some(2), "{out:?}");
    let findings: Vec<Value> = serde_json::from_slice(&out.stdout).unwrap();
    let settings: Vec<&Value> = findings.iter().filter(|finding| finding["what"] == "settings").collect();
    assert_eq!(settings.len(), 3, "{settings:?}");
    assert!(settings.iter().all(|finding| finding["level"] == "bad"), "{settings:?}");
    assert!(settings[1]["text"].as_str().unwrap().contains("config.toml:4:1: "), "{settings:?}");
    assert_eq!(settings[1]["fix"], "Did you mean `send`?");

    let fine = tempfile::tempdir().unwrap();
    let out = run(fine.path(), &["config", "check"], &[]);
    assert_eq!((out.status.code(), text(&out.stdout)), (Some(0), "The settings are in order.\n"));
}

#[test]
fn a_file_of_a_newer_format_is_refused_as_a_whole_and_left_as_it_is() {
    let home = tempfile::tempdir().unwrap();
    let newer = "format = 2\n[ui]\ntheme = \"neon\"\n[clouds]\nmany = 3\n";
    write_config(home.path(), newer);
    let out = run(home.path(), &["config", "check"], &[]);
    let said = text(&out.stdout);
    assert_eq!((out.status.code(), said.lines().count()), (Some(2), 1), "what is newer is no heap of mistakes: {said}");
    assert!(said.contains("config.toml:1:10: The file has format 2, and this version of ollamanet reads 1."), "{said}");
    let out = run(home.path(), &["health"], &[]);
    assert!(out.status.code() == Some(2) && text(&out.stderr).contains("Update ollamanet"), "{out:?}");
    assert_eq!(fs::read_to_string(home.path().join("config/ollamanet/config.toml")).unwrap(), newer);
    for (good, code) in [("format = 1\n", Some(0)), ("format = 0\n", Some(2)), ("format = \"1\"\n", Some(2))] {
        write_config(home.path(), good);
        assert_eq!(run(home.path(), &["config", "check"], &[]).status.code(), code, "{good}");
    }
}

#[test]
fn the_printed_default_file_is_in_order() {
    let home = tempfile::tempdir().unwrap();
    let out = run(home.path(), &["config", "default"], &[]);
    assert!(text(&out.stdout).contains("\nformat = 1\n"));
    write_config(home.path(), text(&out.stdout));
    assert!(run(home.path(), &["config", "check"], &[]).status.success());
    let path = run(home.path(), &["config", "path"], &[]);
    assert_eq!(Path::new(text(&path.stdout).trim_end()), home.path().join("config/ollamanet/config.toml"));
}

#[test]
fn a_command_does_not_start_on_wrong_settings() {
    let home = tempfile::tempdir().unwrap();
    write_config(home.path(), "[ui]\nvim = 3\n");
    let out = run(home.path(), &["health"], &[]);
    assert_eq!((out.status.code(), out.stdout.len()), (Some(2), 0));
    let said = text(&out.stderr);
    assert!(
        said.starts_with("ollamanet: ") && said.contains("config.toml:2:7: `ui.vim` takes true or false, not 3."),
        "{said}"
    );
    let out = run(home.path(), &["health", "--config", "/nowhere/at/all.toml"], &[]);
    assert_eq!(out.status.code(), Some(2));
    let out = run(home.path(), &["health"], &[("OLLAMANET_LOG", "loud")]);
    assert!(text(&out.stderr).contains("OLLAMANET_LOG"), "{}", text(&out.stderr));
}

#[test]
fn a_settings_file_that_others_can_change_is_refused_with_78() {
    let home = tempfile::tempdir().unwrap();
    write_config(home.path(), "[ollama]\nhost = \"evil.example\"\n");
    let path = home.path().join("config/ollamanet/config.toml");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    for args in [&["health"][..], &["config", "check"], &["config", "show"]] {
        let out = run(home.path(), args, &[]);
        assert_eq!(out.status.code(), Some(78), "{args:?}");
        assert!(text(&out.stderr).contains("chmod go-w"), "{}", text(&out.stderr));
    }
}

#[test]
fn nothing_is_read_from_the_working_directory() {
    let home = tempfile::tempdir().unwrap();
    for name in ["config.toml", "ollamanet.toml", ".ollamanet.toml"] {
        fs::write(home.path().join(name), "[ui]\nvim = 3\n").unwrap();
    }
    fs::write(home.path().join(".env"), "OLLAMANET_UI_THEME=pink\n").unwrap();
    let out = run(home.path(), &["config", "check"], &[]);
    assert_eq!((out.status.code(), text(&out.stdout)), (Some(0), "The settings are in order.\n"));
}

const KEYS: &str = "# Keys\n\n\
    The defaults. Each may be given other keys in the settings file: `[keys.composer]` and then `send = [\"enter\"]`, \
    several keys for an action, an empty list to unbind. F1 shows those that work where you are.\n\n";

#[test]
fn every_way_through_the_gate_is_found_in_the_sources() {
    let all = operations::operations();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/gateway");
    let ways: usize = fs::read_dir(sources)
        .unwrap()
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .map(|text| [".call::<", ".hold(", ".knock("].iter().map(|way| text.matches(way).count()).sum::<usize>())
        .sum();
    let methods: std::collections::BTreeSet<&str> = all.iter().map(|one| one.method.as_str()).collect();
    assert_eq!(methods.len(), ways);
    let of = |method: &str| all.iter().find(|one| one.method == method).unwrap();
    let set = of("change_settings");
    assert_eq!((set.name.as_str(), set.door, set.fresh), ("settings.set", operations::Door::Administrator, true));
    assert_eq!(of("lock").door, operations::Door::Hall);
    assert_eq!(of("door").door, operations::Door::Street);
}

/// Code spans of the guide, outside its headings.
fn spans(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_keys_and_commands_that_the_guide_names_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = fs::read_to_string(root.join("docs/guide.md")).unwrap();
    // `| action | keys | what it does |`, as the page of keys has them.
    let keys = keymap::keys_markdown();
    let rows: Vec<(Vec<&str>, &str)> = keys
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.trim_matches('|').split(" | ").collect::<Vec<_>>())
        .filter(|cells| cells.len() == 3)
        .map(|cells| (spans(cells[1]), cells[2].trim()))
        .collect();
    let commands = pages::commands_markdown();
    let is_key = |span: &str| {
        span.starts_with("Ctrl+")
            || span.starts_with("Alt+")
            || (span.starts_with('F') && span[1..].parse::<u32>().is_ok())
            || matches!(span, "Enter" | "Esc" | "Tab" | "Space")
            || span.chars().count() == 1
    };
    let mut seen = (0, 0, 0);
    for line in guide.lines() {
        let table: Vec<&str> = line.trim_matches('|').split(" | ").collect();
        if let (true, [key, does]) = (line.starts_with("| `"), table.as_slice()) {
            let (key, does) = (spans(key)[0], does.trim());
            assert!(rows.iter().any(|(keys, what)| keys.contains(&key) && *what == does), "{key} does not: {does}");
            seen.0 += 1;
            continue;
        }
        for span in spans(line) {
            if let Some(command) = span.strip_prefix("ollamanet ") {
                assert!(commands.contains(&format!("# ollamanet {command}\n")), "there is no {span}");
                seen.1 += 1;
            } else if is_key(span) {
                assert!(rows.iter().any(|(keys, _)| keys.contains(&span)), "no action has the key {span}");
                seen.2 += 1;
            }
        }
    }
    assert!(seen.0 > 20 && seen.1 > 15 && seen.2 > 15, "{seen:?}");
    for page in guide.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        assert!(root.join("docs").join(page).exists(), "{page}");
    }
    assert!(fs::read_to_string(root.join("README.md")).unwrap().contains("docs/guide.md"));
}

/// Words of a page that begin with two dashes.
fn options(text: &str) -> Vec<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    words
        .filter(|word| word.strip_prefix("--").is_some_and(|name| name.starts_with(|c: char| c.is_ascii_lowercase())))
        .collect()
}

#[test]
fn the_options_and_kinds_that_written_pages_name_are_there_and_rules_name_all() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let commands = pages::commands_markdown();
    let known = options(&commands);
    let mut seen = 0;
    for page in ["backup.md", "formats.md", "guide.md", "models.md", "reports.md", "rules.md", "security.md"] {
        let text = fs::read_to_string(root.join("docs").join(page)).unwrap();
        for option in options(&text) {
            assert!(known.contains(&option), "docs/{page}: no command has {option}");
            seen += 1;
        }
    }
    assert!(seen > 40, "{seen}");
    let rules = fs::read_to_string(root.join("docs/rules.md")).unwrap();
    let told: Vec<&str> = rules.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    assert_eq!(told, ActionKind::ALL.map(ActionKind::as_str));
}

/// To write the pages anew: `OLLAMANET_WRITE_DOCS=1 cargo test --test suite config::the_pages`.
#[test]
fn the_pages_say_what_the_tables_say() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let pages = [
        ("keys.md", format!("{KEYS}{}", keymap::keys_markdown())),
        ("settings.md", table::settings_markdown()),
        ("commands.md", pages::commands_markdown()),
        ("insights.md", insights::insights_markdown()),
        ("benchmarks.md", benchmarks::benchmarks_markdown()),
        ("metrics.md", metrics::metrics_markdown()),
        ("permissions.md", operations::permissions_markdown()),
        ("limits.md", operations::limits_markdown()),
    ];
    for (name, fresh) in pages {
        let path = docs.join(name);
        if std::env::var_os("OLLAMANET_WRITE_DOCS").is_some() {
            fs::create_dir_all(&docs).unwrap();
            fs::write(&path, &fresh).unwrap();
        }
        let written = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            written == fresh,
            "docs/{name} is stale; write it anew: OLLAMANET_WRITE_DOCS=1 cargo test --test suite config::the_pages"
        );
    }
}

/// Built without it, the program cannot send traces; that it was told to is no reason to say nothing.
#[cfg(not(feature = "otel"))]
#[test]
fn a_program_that_cannot_send_traces_and_is_told_to_says_so_everywhere() {
    let home = tempfile::tempdir().unwrap();
    write_config(home.path(), "[trace]\nexport = \"http://127.0.0.1:4318\"\n");
    let said = "`trace.export` is set, but this program was built without the export of traces.";
    for (args, code) in [(["config", "check"].as_slice(), 2), (&["conversations", "list"], 2), (&["doctor"], 2)] {
        let out = run(home.path(), args, &[("OLLAMA_HOST", "127.0.0.1:1")]);
        assert_eq!(out.status.code(), Some(code), "{args:?}: {out:?}");
        let told = format!("{}{}", text(&out.stdout), text(&out.stderr));
        assert!(told.contains("config.toml:2:10") && told.contains(said) && told.contains("--features otel"), "{told}");
    }
}

#[test]
fn the_log_is_as_long_as_it_is_set_to_be_and_is_none_where_it_is_off() {
    let home = tempfile::tempdir().unwrap();
    let logs = || {
        let (mut found, mut open) = (Vec::new(), vec![home.path().to_owned()]);
        while let Some(dir) = open.pop() {
            for entry in fs::read_dir(dir).unwrap().flatten() {
                let is_log = entry.file_name().to_string_lossy().starts_with("ollamanet.log");
                if entry.file_type().unwrap().is_dir() {
                    open.push(entry.path());
                } else if is_log {
                    found.push(entry.path());
                }
            }
        }
        found.sort();
        found
    };
    let health = |more: &[&str]| run(home.path(), &[&["health"], more].concat(), &[("OLLAMA_HOST", "127.0.0.1:1")]);
    health(&["--set", "log.level=off"]);
    assert_eq!(logs(), Vec::<std::path::PathBuf>::new());
    health(&[]);
    let [log] = logs().try_into().unwrap();
    for number in [1, 2, 7] {
        fs::write(log.with_extension(format!("log.{number}")), "older").unwrap();
    }
    health(&["--set", "log.files=2"]);
    assert_eq!(logs(), [log.clone(), log.with_extension("log.1")], "what is kept is bounded also after a change");
}
