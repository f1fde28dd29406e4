//! `ollamanet rules`: what the house has done by itself, and when.

use std::{fmt::Write as _, io::IsTerminal};

use serde_json::json;

use super::{
    Desk, End, Stops,
    out::{self, moment, print, print_json, print_own, safe, say},
    results::Results,
    rules_args::{Rules, Written},
    typed,
};
use crate::api::{
    Fault, FaultKind,
    auth::Session,
    retention::size_of,
    rules::{
        Action, ActionKind, Became, Day, Models, NewRule, Only, RUNS_PAGE_MAX, Rule, RuleRun, RunResult, TimeOfDay,
        When, minutes_of,
    },
};

/// # Errors
/// How it ended, when not well.
pub async fn run(desk: &Desk, what: Rules, stops: &mut Stops) -> Result<(), End> {
    if let Rules::Run { due: true, .. } = what {
        return run_due(desk, stops).await;
    }
    let session = &desk.session().await?;
    match what {
        Rules::List { csv } => list(desk, session, csv).await,
        Rules::Show { rule } => {
            let rule = find(desk, session, &rule).await?;
            if desk.global.json { print_json(&rule) } else { print(&described(&rule)) }
        }
        Rules::Add { name, written, off } => {
            let blank = NewRule {
                name,
                action: Action::Backup,
                when: When::ByHand,
                only: Only::default(),
                enabled: !off,
                confirmed: false,
            };
            if written.does.is_none() {
                return Err(Fault::invalid("Say what the rule does: --do WHAT.").hint(kinds_hint()).into());
            }
            let new = agreed(written.over(blank)?, written.confirmed).await?;
            let rule = desk.gateway.add_rule(session, new).await?;
            told(desk, &rule)
        }
        Rules::Edit { rule, name, written } => {
            let before = find(desk, session, &rule).await?;
            let was_for_real = matches!(before.action, Action::RemoveUnused { for_real: true, .. });
            let new = NewRule {
                name: name.unwrap_or(before.name),
                action: before.action,
                when: before.when,
                only: before.only,
                enabled: before.enabled || before.paused_because.is_some(),
                confirmed: false,
            };
            let new = agreed(written.over(new)?, written.confirmed || was_for_real).await?;
            let rule = desk.gateway.change_rule(session, before.id, new).await?;
            told(desk, &rule)
        }
        Rules::Remove { rule, yes } => {
            let rule = find(desk, session, &rule).await?;
            typed::name(&rule.name, "The rule and its history are removed.", yes).await?;
            desk.gateway.remove_rule(session, rule.id).await?;
            if desk.global.json {
                return print_json(&json!({ "removed": rule.name }));
            }
            print(&format!("Removed: {}\n", safe(&rule.name)))
        }
        Rules::Enable { rules } => switch(desk, session, rules, true).await,
        Rules::Disable { rules } => switch(desk, session, rules, false).await,
        Rules::Run { rule, dry_run, .. } => {
            let rule = find(desk, session, rule.as_deref().unwrap_or_default()).await?;
            let job = desk.gateway.run_rule(session, rule.id, dry_run).await?;
            let ended = async {
                loop {
                    let run = desk.gateway.rule_report(session, job).await?;
                    if run.result != RunResult::Running {
                        return Ok::<_, Fault>(run);
                    }
                    tokio::time::sleep(LOOK).await;
                }
            };
            let run = tokio::select! {
                biased;
                code = stops.next() => {
                    say("The run stays in line: an open window goes on with it, or `ollamanet jobs run`.");
                    return Err(End::Code(code));
                }
                run = ended => run?,
            };
            if desk.global.json {
                print_json(&run)?;
            } else {
                print(&reported(&rule.name, &run))?;
            }
            exit(&run)
        }
        Rules::History { rule, paging, csv } => history(desk, session, rule.as_deref(), paging.most(), csv).await,
    }
}

/// How often it is looked whether a run has ended.
const LOOK: std::time::Duration = std::time::Duration::from_millis(100);

async fn run_due(desk: &Desk, stops: &mut Stops) -> Result<(), End> {
    let mut runs = desk.gateway.run_due_rules().await?;
    let (mut all, mut worst) = (Vec::new(), Ok(()));
    loop {
        let run = tokio::select! {
            biased;
            code = stops.next() => {
                say("What has begun stays in line: an open window goes on with it, or `ollamanet jobs run`.");
                return Err(End::Code(code));
            }
            run = runs.recv() => run,
        };
        let Some(run) = run else { break };
        if !desk.global.json {
            // Whoever runs this is not signed in, and the names of rules are administrators' business: ids do.
            print(&reported(&run.rule.to_string(), &run))?;
        }
        if let Err(end) = exit(&run) {
            worst = Err(end);
        }
        all.push(run);
    }
    if desk.global.json {
        print_json(&all)?;
    } else if all.is_empty() {
        say("Nothing is due.");
    }
    worst
}

fn exit(run: &RuleRun) -> Result<(), End> {
    if run.result.is_failure() || run.result == RunResult::Cancelled { Err(End::Code(1)) } else { Ok(()) }
}

async fn list(desk: &Desk, session: &Session, as_csv: bool) -> Result<(), End> {
    let rules = desk.gateway.rules(session).await?;
    if desk.global.json {
        return print_json(&rules);
    }
    let rows: Vec<[String; 6]> = rules
        .iter()
        .map(|rule| {
            [
                safe(&rule.name),
                rule.standing().to_owned(),
                safe(&rule.action.to_string()),
                rule.when.to_string(),
                rule.next_at.map(moment).unwrap_or_default(),
                rule.last.as_ref().map(|run| format!("{} {}", moment(run.at), run.result.as_str())).unwrap_or_default(),
            ]
        })
        .collect();
    let head = ["NAME", "STATE", "DOES", "WHEN", "NEXT", "LAST"];
    if as_csv {
        return print_own(csv(&head.map(str::to_lowercase), &rows).as_bytes());
    }
    if rows.is_empty() {
        say("There are no rules. Set one up: ollamanet rules add Backup --do backup --daily 3:00");
        return Ok(());
    }
    print(&out::table(head, &rows))?;
    for rule in rules.iter().filter(|rule| rule.paused_because.is_some()) {
        say(&format!("{} is paused: {}", rule.name, rule.paused_because.as_deref().unwrap_or_default()));
    }
    Ok(())
}

async fn history(desk: &Desk, session: &Session, rule: Option<&str>, most: usize, as_csv: bool) -> Result<(), End> {
    let rules = desk.gateway.rules(session).await?;
    let rule = match rule {
        Some(rule) => Some(chosen(&rules, rule)?.id),
        None => None,
    };
    let (mut rows, mut before): (Vec<RuleRun>, _) = (Vec::new(), None);
    let more = loop {
        let limit = most.saturating_sub(rows.len()).min(RUNS_PAGE_MAX as usize) as u32;
        let page = desk.gateway.rule_runs(session, rule, before, limit).await?;
        rows.extend(page.rows);
        before = page.next;
        if before.is_none() || rows.len() >= most {
            break before.is_some();
        }
    };
    if desk.global.json {
        return print_json(&rows);
    }
    let name = |run: &RuleRun| {
        rules.iter().find(|rule| rule.id == run.rule).map_or_else(|| run.rule.to_string(), |rule| safe(&rule.name))
    };
    let cells: Vec<[String; 5]> = rows
        .iter()
        .map(|run| {
            let how = if run.dry_run { "dry run".to_owned() } else { run.result.as_str().to_owned() };
            let by = match (&run.by, run.due_at) {
                (Some(by), _) => safe(by),
                (None, Some(_)) => "by itself".to_owned(),
                (None, None) => "by hand".to_owned(),
            };
            [moment(run.at), name(run), by, how, safe(&run.report.words)]
        })
        .collect();
    let head = ["AT", "RULE", "BY", "RESULT", "SAID"];
    if as_csv {
        return print_own(csv(&head.map(str::to_lowercase), &cells).as_bytes());
    }
    if cells.is_empty() {
        say("Nothing has run yet.");
        return Ok(());
    }
    print(&out::table(head, &cells))?;
    if more {
        say("There are more: --limit N, or --all.");
    }
    Ok(())
}

async fn switch(desk: &Desk, session: &Session, names: Vec<String>, on: bool) -> Result<(), End> {
    let mut results = Results::new(desk);
    for name in names {
        let done = async {
            let rule = find(desk, session, &name).await?;
            desk.gateway.switch_rule(session, rule.id, on).await
        };
        match done.await {
            Ok(rule) => {
                let words = format!("{}: {}", safe(&rule.name), rule.standing());
                results.done(&name, &words, json!({ "rule": rule }))?;
            }
            Err(fault) => results.failed(&name, &fault),
        }
    }
    results.finish()
}

/// Asks before a rule that removes models is set up.
async fn agreed(mut new: NewRule, confirmed: bool) -> Result<NewRule, Fault> {
    let Action::RemoveUnused { days, for_real: true } = new.action else { return Ok(new) };
    if !confirmed {
        let warning = format!("This rule removes models that nobody has used for {days} days, and asks nobody.");
        if !std::io::stderr().is_terminal() {
            return Err(
                Fault::invalid(format!("{warning} Nobody is here to ask.")).hint("Add --confirmed if it is meant.")
            );
        }
        typed::name(new.name.trim(), &warning, false).await?;
    }
    new.confirmed = true;
    Ok(new)
}

fn told(desk: &Desk, rule: &Rule) -> Result<(), End> {
    if desk.global.json { print_json(rule) } else { print(&described(rule)) }
}

fn described(rule: &Rule) -> String {
    let mut facts = vec![
        ("rule", safe(&rule.name)),
        ("id", rule.id.to_string()),
        ("does", safe(&rule.action.to_string())),
        ("when", rule.when.to_string()),
        ("only", rule.only.words()),
        ("state", rule.standing().to_owned()),
        ("paused", rule.paused_because.as_deref().map(safe).unwrap_or_default()),
        ("waits", rule.waits_because.as_deref().map(safe).unwrap_or_default()),
        ("next", rule.next_at.map(moment).unwrap_or_default()),
        ("made", moment(rule.created_at)),
        ("by", rule.by.as_deref().map(safe).unwrap_or_default()),
    ];
    if rule.failures > 0 {
        facts.push(("failures", format!("{} in a row", rule.failures)));
    }
    let mut text = String::new();
    for (name, value) in facts.into_iter().filter(|(_, value)| !value.is_empty()) {
        let _ = writeln!(text, "{name:<9}{value}");
    }
    if let Some(run) = &rule.last {
        let _ = write!(text, "\n{}", reported(&rule.name, run));
    }
    text
}

/// RFC 4180. Every cell is safe already.
fn csv<const N: usize>(head: &[String; N], rows: &[[String; N]]) -> String {
    std::iter::once(head)
        .chain(rows)
        .fold(String::new(), |text, row| text + &row.each_ref().map(|cell| out::csv_cell(cell)).join(",") + "\r\n")
}

fn reported(name: &str, run: &RuleRun) -> String {
    let dry = if run.dry_run { ", dry run" } else { "" };
    let mut text = format!("{}: {}{dry}. {}\n", safe(name), run.result.as_str(), safe(&run.report.words));
    for item in &run.report.items {
        let sign = match item.became {
            Became::Would => "would",
            Became::Done => "done",
            Became::Skipped => "skipped",
            Became::Failed => "failed",
            Became::UnderWay => "goes on",
        };
        let _ = writeln!(text, "  {sign:<8} {}: {}", safe(&item.what), safe(&item.words));
    }
    text
}

async fn find(desk: &Desk, session: &Session, text: &str) -> Result<Rule, Fault> {
    let rules = desk.gateway.rules(session).await?;
    Ok(chosen(&rules, text)?.clone())
}

/// By its name, the beginning of one that no other has, or its id.
fn chosen<'a>(rules: &'a [Rule], text: &str) -> Result<&'a Rule, Fault> {
    let wanted = text.trim().to_lowercase();
    if let Some(rule) = rules.iter().find(|rule| rule.id.to_string() == wanted || rule.name.to_lowercase() == wanted) {
        return Ok(rule);
    }
    let mut like = rules.iter().filter(|rule| !wanted.is_empty() && rule.name.to_lowercase().starts_with(&wanted));
    match (like.next(), like.next()) {
        (Some(rule), None) => Ok(rule),
        (Some(_), Some(_)) => {
            Err(Fault::invalid(format!("“{}” is the beginning of several names.", safe(text))).hint("Give more of it."))
        }
        (None, _) => Err(Fault::new(FaultKind::NotFound, format!("There is no rule “{}”.", safe(text)))
            .hint("`ollamanet rules list` shows their names.")),
    }
}

fn kinds_hint() -> String {
    format!("It is one of: {}.", ActionKind::ALL.map(ActionKind::as_str).join(", "))
}

impl Written {
    /// What is typed in the place of what was.
    fn over(&self, before: NewRule) -> Result<NewRule, Fault> {
        let kind = match self.does.as_deref() {
            None => before.action.kind(),
            Some(does) => ActionKind::ALL
                .into_iter()
                .find(|kind| kind.as_str() == does)
                .ok_or_else(|| Fault::invalid(format!("No rule does “{}”.", safe(does))).hint(kinds_hint()))?,
        };
        Ok(NewRule {
            action: self.action(kind, &before.action)?,
            when: self.when(before.when)?,
            only: self.only(before.only)?,
            ..before
        })
    }

    fn action(&self, kind: ActionKind, before: &Action) -> Result<Action, Fault> {
        let missing = |what: &str| Fault::invalid(format!("{} needs {what}.", kind.as_str()));
        let models = || match (&self.models, &self.tagged, before) {
            (Some(all), None, _) if all == "all" => Models::All,
            (Some(pattern), None, _) => Models::Named(pattern.clone()),
            (None, Some(tag), _) => Models::Tagged(tag.clone()),
            (_, _, Action::Update { models } | Action::Benchmark { models, .. }) => models.clone(),
            (_, _, _) => Models::All,
        };
        Ok(match kind {
            ActionKind::Unload => Action::Unload {
                minutes: match (self.idle.or(self.when_idle), before) {
                    (Some(minutes), _) => minutes,
                    (None, Action::Unload { minutes }) => *minutes,
                    (None, _) => return Err(missing("--idle MINUTES")),
                },
            },
            ActionKind::Update => Action::Update { models: models() },
            ActionKind::Benchmark => Action::Benchmark {
                models: models(),
                repeats: match (self.repeats, before) {
                    (Some(repeats), _) => repeats,
                    (None, Action::Benchmark { repeats, .. }) => *repeats,
                    (None, _) => 3,
                },
            },
            ActionKind::Apply => Action::Apply {
                list: match (&self.list, before) {
                    (Some(list), _) => std::path::absolute(list).unwrap_or_else(|_| list.clone()),
                    (None, Action::Apply { list }) => list.clone(),
                    (None, _) => return Err(missing("--list FILE")),
                },
            },
            ActionKind::Tag => {
                let (filter, tag) = match before {
                    Action::Tag { filter, tag } => (Some(filter), Some(tag)),
                    _ => (None, None),
                };
                Action::Tag {
                    filter: self.filter.as_ref().or(filter).ok_or_else(|| missing("--filter TEXT"))?.clone(),
                    tag: self.tag.as_ref().or(tag).ok_or_else(|| missing("--tag TAG"))?.clone(),
                }
            }
            ActionKind::Backup => Action::Backup,
            ActionKind::PruneBackups => Action::PruneBackups,
            ActionKind::Check => Action::Check,
            ActionKind::RemoveUnused => {
                let (days, for_real) = match before {
                    Action::RemoveUnused { days, for_real } => (Some(*days), *for_real),
                    _ => (None, false),
                };
                let days = self.days.or(days).ok_or_else(|| missing("--days DAYS"))?;
                Action::RemoveUnused { days, for_real: self.for_real || for_real }
            }
        })
    }

    fn when(&self, before: When) -> Result<When, Fault> {
        if let Some(text) = &self.every {
            return Ok(When::Every { minutes: minutes_of(text)? });
        }
        if let Some(text) = &self.daily {
            return Ok(When::Daily { at: TimeOfDay::read(text)? });
        }
        if let Some(text) = &self.weekly {
            let (day, at) = text.trim().split_once(' ').unwrap_or((text, ""));
            let day = Day::parse(day).ok_or_else(|| {
                Fault::invalid(format!("“{}” begins with no day of the week.", safe(text)))
                    .hint("Write it as \"sun 6:00\" or \"Monday 23:30\".")
            })?;
            return Ok(When::Weekly { day, at: TimeOfDay::read(at)? });
        }
        if let Some(size) = &self.when_free_below {
            return Ok(When::DiskBelow { bytes: size_of(size)? });
        }
        Ok(match self.when_idle {
            Some(minutes) => When::Idle { minutes },
            None if self.at_start => When::Start,
            None if self.when_update => When::UpdateAvailable,
            None if self.by_hand => When::ByHand,
            None => before,
        })
    }

    fn only(&self, before: Only) -> Result<Only, Fault> {
        let mut only = before;
        match self.only_quiet.as_deref() {
            None => {}
            Some("on") => only.while_quiet = true,
            Some("off") => only.while_quiet = false,
            Some(other) => return Err(Fault::invalid(format!("--only-quiet takes on or off, not “{}”.", safe(other)))),
        }
        match self.only_with_free.as_deref() {
            None => {}
            Some("off") => only.with_free = None,
            Some(size) => only.with_free = Some(size_of(size)?),
        }
        match self.only_between.as_deref() {
            None => {}
            Some("off") => only.between = None,
            Some(text) => {
                only.between = Some(Only::hours(text).ok_or_else(|| {
                    Fault::invalid(format!("“{}” are no hours of the day.", safe(text)))
                        .hint("Write them as 22:00-6:00.")
                })?);
            }
        }
        Ok(only)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_takes_the_place_of_what_was_and_the_rest_stays() {
        let at = TimeOfDay { hour: 3, minute: 0 };
        let before = NewRule {
            name: "x".into(),
            action: Action::RemoveUnused { days: 90, for_real: false },
            when: When::Daily { at },
            only: Only { while_quiet: true, ..Only::default() },
            enabled: true,
            confirmed: false,
        };
        assert_eq!(Written::default().over(before.clone()).unwrap(), before);
        let typed = Written {
            days: Some(30),
            weekly: Some("Sun 6:30".into()),
            only_quiet: Some("off".into()),
            only_between: Some("22:00-6:00".into()),
            ..Written::default()
        };
        let after = typed.over(before).unwrap();
        assert_eq!(after.action, Action::RemoveUnused { days: 30, for_real: false });
        assert_eq!(after.when.to_string(), "Sunday at 06:30");
        assert_eq!(after.only.words(), "between 22:00 and 06:00");
    }

    #[test]
    fn what_a_kind_needs_is_asked_for() {
        let blank = || NewRule {
            name: "x".into(),
            action: Action::Backup,
            when: When::ByHand,
            only: Only::default(),
            enabled: true,
            confirmed: false,
        };
        let of = |does: &str| Written { does: Some(does.to_owned()), ..Written::default() };
        for (does, needs) in
            [("unload", "--idle"), ("apply", "--list"), ("tag", "--filter"), ("remove-unused", "--days")]
        {
            assert!(of(does).over(blank()).unwrap_err().message.contains(needs), "{does}");
        }
        assert!(of("nonsense").over(blank()).is_err());
    }
}
