//! `ollamanet doctor`: every check with what it found and, where something is wrong, the fix.
//!
//! Works when nothing else does: what could not be opened is a finding, not the end of it.

use std::{fmt::Write as _, io::IsTerminal, path::PathBuf};

use serde::Serialize;
use tokio::sync::watch;

use super::{
    Desk, End, config,
    health::word,
    out::{print, print_json, safe, safe_lines},
    sign_in,
};
use crate::{
    api::{
        Fault,
        auth::Door,
        health::{Check, Level, OllamaState, Part},
        search::IndexReport,
    },
    config::load::Sources,
};

/// What was found out before the commands begin.
#[derive(Debug)]
pub struct Patient<'a> {
    pub sources: &'a Sources,
    pub data_dir: PathBuf,
    pub log: PathBuf,
    /// The gateway at work, or why it cannot be opened.
    pub desk: Result<&'a Desk, Fault>,
    pub json: bool,
}

/// One check.
#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    level: Level,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
    #[serde(skip)]
    code: u8,
}

/// # Errors
/// The exit code of the first bad finding.
pub async fn run(patient: Patient<'_>) -> Result<(), End> {
    let mut findings = settings(patient.sources);
    findings.push(match &patient.desk {
        Ok(_) => good("data", format!("{} is safe and opens", patient.data_dir.display())),
        Err(fault) => of_fault("data", fault),
    });
    if let Ok(desk) = &patient.desk {
        backend(desk, &mut findings).await;
    }
    findings.push(log(&patient.log));
    findings.extend(terminal(&Surroundings::here()));
    if patient.json {
        print_json(&findings)?;
    } else {
        print(&report(&findings))?;
    }
    match findings.iter().find(|finding| finding.level == Level::Bad) {
        None => Ok(()),
        Some(finding) => Err(End::Code(finding.code)),
    }
}

fn settings(sources: &Sources) -> Vec<Finding> {
    let place = sources.file.as_ref().map(|file| file.display().to_string()).unwrap_or_default();
    match config::mistakes(sources) {
        Err(fault) => vec![of_fault("settings", &fault)],
        Ok(problems) if problems.is_empty() => {
            let exists = sources.file.as_ref().is_some_and(|file| file.exists());
            vec![good("settings", if exists { place } else { format!("defaults; {place} would change them") })]
        }
        Ok(problems) => problems
            .into_iter()
            .map(|problem| Finding {
                what: "settings",
                level: Level::Bad,
                text: format!("{}: {}", problem.place, problem.message),
                fix: problem.hint,
                code: 2,
            })
            .collect(),
    }
}

async fn backend(desk: &Desk, findings: &mut Vec<Finding>) {
    let (mut reachable, mut ill_store) = (false, None);
    match desk.gateway.health().await {
        Err(fault) => findings.push(of_fault("health", &fault)),
        Ok(health) => {
            reachable = matches!(health.ollama, OllamaState::Reachable { .. });
            // The whole database is looked through below, and says itself how it stands. What it does not find any more, because
            // it was written anew meanwhile, was found all the same.
            let told = health.checks.iter().filter(|check| check.part != Part::Store || check.level == Level::Warning);
            findings.extend(told.map(part));
            ill_store = health.check(Part::Store).filter(|store| store.level == Level::Bad).map(part);
        }
    }
    findings.push(match desk.gateway.check_system().await {
        Err(fault) => of_fault("store", &fault),
        Ok(()) => ill_store.unwrap_or_else(|| good("store", "system.db is sound, looked through whole".to_owned())),
    });
    let came_in = match &desk.global.user {
        // Somebody in particular, whose passphrase is asked for.
        Some(_) => sign_in::session(desk).await.map(|signed_in| Door::Resumed(Box::new(signed_in))),
        None => desk.gateway.door().await,
    };
    match came_in {
        Err(fault) => findings.push(of_fault("account", &fault)),
        Ok(Door::FirstRun) => findings.push(Finding {
            what: "account",
            level: Level::Warning,
            text: "there is no account yet".to_owned(),
            fix: Some("Start `ollamanet`, or: ollamanet account create NAME --stay".to_owned()),
            code: 5,
        }),
        Ok(Door::SignIn { .. }) => {
            let text = "nobody stays signed in here, so no vault was looked through (--user NAME does it)";
            findings.push(good("account", text.to_owned()));
        }
        Ok(Door::Resumed(signed_in)) => {
            let who = &signed_in.account;
            findings.push(good("account", format!("{} ({}) is signed in", safe(&who.name), who.role.as_str())));
            if let Err(fault) = desk.gateway.check_vault(&signed_in.session).await {
                // There is more to mend in it than what is found.
                findings.push(of_fault("vault", &fault));
            } else {
                findings.push(good("vault", "sound, looked through whole".to_owned()));
                let report = desk.gateway.check_search(&signed_in.session, watch::Sender::default()).await;
                findings.push(search(report));
            }
            if reachable {
                findings.push(match desk.gateway.models(&signed_in.session, true).await {
                    Err(fault) => of_fault("models", &fault),
                    Ok(list) if list.models.is_empty() => Finding {
                        what: "models",
                        level: Level::Bad,
                        text: "no model is installed".to_owned(),
                        fix: Some("Install one, for example: ollama pull llama3.2".to_owned()),
                        code: 4,
                    },
                    Ok(list) => good("models", format!("{} installed", list.models.len())),
                });
            }
        }
    }
}

/// Whether what is searched is what was written.
fn search(outcome: Result<IndexReport, Fault>) -> Finding {
    match outcome {
        Err(fault) => of_fault("search", &fault),
        Ok(report) if report.is_sound() => good("search", super::search::verdict(&report)),
        Ok(report) => Finding {
            what: "search",
            level: Level::Bad,
            text: super::search::verdict(&report),
            fix: Some("Make the index anew; nothing else is touched: ollamanet search --rebuild".to_owned()),
            code: 1,
        },
    }
}

/// How a part stands, with what mends it.
fn part(check: &Check) -> Finding {
    let code = if check.part == Part::Ollama { 3 } else { 1 };
    let fix = check.fix.clone().filter(|_| check.level != Level::Good);
    Finding { what: check.part.as_str(), level: check.level, text: safe(&check.text), fix, code }
}

fn log(path: &std::path::Path) -> Finding {
    match std::fs::OpenOptions::new().append(true).open(path) {
        Ok(_) => good("log", path.display().to_string()),
        Err(error) => Finding {
            what: "log",
            level: Level::Warning,
            text: format!("{} cannot be written: {error}", path.display()),
            fix: Some("Without it nothing can be found out afterwards; check its directory's permissions.".to_owned()),
            code: 1,
        },
    }
}

/// What the terminal and the locale say of themselves.
struct Surroundings {
    is_terminal: bool,
    term: String,
    locale: String,
    no_color: bool,
}

impl Surroundings {
    fn here() -> Self {
        let variable = |name: &str| std::env::var(name).unwrap_or_default();
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().map(|name| variable(name)).find(|value| !value.is_empty());
        Self {
            is_terminal: std::io::stdin().is_terminal() && std::io::stdout().is_terminal(),
            term: variable("TERM"),
            locale: locale.unwrap_or_default(),
            no_color: !variable("NO_COLOR").is_empty(),
        }
    }
}

fn terminal(here: &Surroundings) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.push(if here.is_terminal {
        let colours = if here.no_color || here.term == "dumb" { ", without colour" } else { "" };
        good("terminal", format!("{}{colours}", if here.term.is_empty() { "TERM is not set" } else { &here.term }))
    } else {
        good("terminal", "none here; the commands work, the interface needs one".to_owned())
    });
    let lower = here.locale.to_lowercase();
    if !(lower.contains("utf-8") || lower.contains("utf8")) {
        findings.push(Finding {
            what: "locale",
            level: Level::Warning,
            text: match here.locale.as_str() {
                "" => "no locale is set; letters beyond ASCII may look wrong".to_owned(),
                other => format!("{other} is not UTF-8; letters beyond ASCII may look wrong"),
            },
            fix: Some("Set one: export LANG=C.UTF-8".to_owned()),
            code: 1,
        });
    }
    findings
}

fn good(what: &'static str, text: String) -> Finding {
    Finding { what, level: Level::Good, text, fix: None, code: 0 }
}

fn of_fault(what: &'static str, fault: &Fault) -> Finding {
    Finding { what, level: Level::Bad, text: fault.message.clone(), fix: fault.hint.clone(), code: fault.exit_code() }
}

fn report(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let _ = writeln!(text, "{}  {:<9} {}", word(finding.level), finding.what, safe(&finding.text));
        for line in finding.fix.iter().flat_map(|fix| safe_lines(fix).lines().map(str::to_owned).collect::<Vec<_>>()) {
            let _ = writeln!(text, "                → {line}");
        }
    }
    let bad = findings.iter().filter(|finding| finding.level == Level::Bad).count();
    let warnings = findings.iter().filter(|finding| finding.level == Level::Warning).count();
    let _ = match (bad, warnings) {
        (0, 0) => writeln!(text, "All is well."),
        (0, some) => writeln!(text, "It works; {some} to look at."),
        (bad, _) => writeln!(text, "{bad} to mend."),
    };
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_has_its_fix_below() {
        let fault = Fault::new(crate::api::FaultKind::Unsafe, "The data directory /x can be written by others.")
            .hint("Run: chmod 700 /x");
        assert_eq!(
            report(&[good("settings", "fine".to_owned()), of_fault("data", &fault)]),
            "ok    settings  fine\n\
             bad   data      The data directory /x can be written by others.\n                → Run: chmod 700 /x\n\
             1 to mend.\n"
        );
    }

    #[test]
    fn each_part_that_is_not_well_has_its_fix_and_its_exit_code() {
        let bad = |of| Check::new(of, Level::Bad, "x", "a\u{1b}[2J").fix("Run: mend it");
        let finding = part(&bad(Part::Disk));
        assert_eq!((finding.code, finding.fix.as_deref()), (1, Some("Run: mend it")));
        assert!(!finding.text.contains('\u{1b}'));
        assert_eq!(part(&bad(Part::Ollama)).code, 3);
        assert_eq!(part(&Check::good(Part::Jobs, "none").fix("nothing")).fix, None);
    }

    #[test]
    fn a_locale_that_is_not_utf_8_is_pointed_out() {
        let here = |locale: &str| Surroundings {
            is_terminal: true,
            term: "xterm".to_owned(),
            locale: locale.to_owned(),
            no_color: false,
        };
        assert_eq!(terminal(&here("de_DE.UTF-8")).len(), 1);
        assert_eq!(terminal(&here("POSIX"))[1].level, Level::Warning);
        assert_eq!(terminal(&here("")).len(), 2);
    }
}
