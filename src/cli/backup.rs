//! `ollamanet backup`: copies of everything, proved and put back.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal, Write},
};

use serde_json::json;
use tokio::sync::mpsc;

use super::{
    Desk, End,
    backup_args::{Backup as What, From},
    out::{self, moment, print, print_json, safe, say},
    typed,
};
use crate::api::{
    Fault, FaultKind, amount,
    auth::Session,
    backup::{
        Backup, BackupEvent, Backups, Doing, Extent, MadeBy, MovedAside, Outcome, Progress, Schedule, Verified, Which,
    },
};

/// # Errors
/// How it ended, when not well.
pub async fn run(desk: &Desk, what: What) -> Result<(), End> {
    let session = &desk.session().await?;
    match what {
        What::Create => {
            let inbox = desk.confirmed(session, |session| desk.gateway.start_backup(session)).await?;
            match follow(inbox).await? {
                Outcome::Made(made) if desk.global.json => print_json(&made),
                Outcome::Made(made) => print(&format!(
                    "{}: {} of {}{}\n",
                    safe(&made.name),
                    amount::bytes(made.bytes),
                    amount::many(made.accounts, "account"),
                    left_out(&made)
                )),
                other => unexpected(&other),
            }
        }
        What::List => list(desk, &desk.gateway.backups(session).await?),
        What::Verify { from } => {
            let which = which(desk, session, from).await?;
            let inbox = desk.confirmed(session, |session| desk.gateway.start_verify(session, which.clone())).await?;
            match follow(inbox).await? {
                Outcome::Verified(found) => verified(desk, &found),
                other => unexpected(&other),
            }
        }
        What::Restore { from, account, aside: None, yes } => {
            let which = which(desk, session, from).await?;
            let extent = account.map_or(Extent::Everything, Extent::Account);
            restore(desk, session, which, extent, yes).await
        }
        What::Restore { account, aside: Some(name), yes, .. } => {
            let (which, extent) = aside(desk, session, &name, account).await?;
            restore(desk, session, which, extent, yes).await
        }
        What::Schedule { at, daily, weekly } => schedule(desk, session, at.as_deref(), daily, weekly).await,
        What::Prune { quarantine: Some(name), yes } => {
            typed::name(&name, "What the restore moved aside goes for good.", yes).await?;
            desk.confirmed(session, |session| desk.gateway.purge_quarantine(session, &name)).await?;
            if desk.global.json {
                return print_json(&json!({ "removed": [name] }));
            }
            print(&format!("Removed: {}\n", safe(&name)))
        }
        What::Prune { quarantine: None, .. } => {
            let gone = desk.confirmed(session, |session| desk.gateway.prune_backups(session)).await?;
            if desk.global.json {
                return print_json(&json!({ "removed": gone }));
            }
            if gone.is_empty() {
                return print("Nothing is due: all of them are kept.\n");
            }
            print(&gone.iter().fold(String::new(), |text, name| text + "Removed: " + &safe(name) + "\n"))
        }
    }
}

/// What a restore moved aside, and of what it is.
async fn aside(desk: &Desk, session: &Session, name: &str, account: Option<String>) -> Result<(Which, Extent), Fault> {
    let all = desk.gateway.backups(session).await?.quarantine;
    let found = all.into_iter().find(|one| one.name == name).ok_or_else(|| {
        Fault::new(FaultKind::NotFound, format!("No restore has moved anything aside as {}.", safe(name)))
            .hint("`ollamanet backup list` shows what there is.")
    })?;
    let extent = match (account, found.what) {
        (Some(account), _) | (None, MovedAside::VaultOf(account)) => Extent::Account(account),
        (None, MovedAside::Everything) => Extent::Everything,
        (None, MovedAside::Nobodys) => {
            return Err(Fault::new(FaultKind::NotFound, "This vault is no account's any more.")
                .hint("A backup of everything from that time brings its keys back. Nothing was changed."));
        }
    };
    Ok((Which::At(found.path), extent))
}

async fn restore(desk: &Desk, session: &Session, which: Which, extent: Extent, yes: bool) -> Result<(), End> {
    let name = match &which {
        Which::Named(name) => name.clone(),
        Which::At(path) => path.display().to_string(),
    };
    let (word, warning) = match &extent {
        Extent::Everything => (
            "everything".to_owned(),
            format!(
                "Everything here becomes as it was in {name}; what came after is kept aside. Everybody is signed out."
            ),
        ),
        Extent::Account(account) => (
            account.clone(),
            format!("The vault of {account} becomes as it was in {name}; what came after is kept aside."),
        ),
    };
    typed::name(&word, &warning, yes).await?;
    let inbox =
        desk.confirmed(session, |session| desk.gateway.start_restore(session, which.clone(), extent.clone())).await?;
    match follow(inbox).await? {
        // `app` goes on when everything is closed, and says how that went.
        Outcome::Ready if desk.global.json => print_json(&json!({ "ready": name })),
        Outcome::Ready => {
            say("The backup is whole. It takes its place now.");
            Ok(())
        }
        Outcome::Restored { quarantine } if desk.global.json => print_json(&json!({ "quarantine": quarantine })),
        Outcome::Restored { quarantine } => print(&format!(
            "Restored. What was there is kept aside as {0}; `ollamanet backup restore --aside {0}` brings it back.\n",
            safe(&quarantine)
        )),
        other => unexpected(&other),
    }
}

/// The one that is named, or the newest.
async fn which(desk: &Desk, session: &Session, from: From) -> Result<Which, Fault> {
    if let Some(directory) = from.directory {
        return Ok(Which::At(directory));
    }
    if let Some(name) = from.name {
        return Ok(Which::Named(name));
    }
    let newest = desk.gateway.backups(session).await?.backups.into_iter().find(|one| one.damage.is_none());
    newest.map(|one| Which::Named(one.name)).ok_or_else(|| {
        Fault::new(FaultKind::NotFound, "There is no backup yet.").hint("Make one: `ollamanet backup create`.")
    })
}

async fn schedule(
    desk: &Desk,
    session: &Session,
    at: Option<&str>,
    daily: Option<u32>,
    weekly: Option<u32>,
) -> Result<(), End> {
    let mut schedule = desk.gateway.backups(session).await?.schedule;
    let before = schedule;
    match at {
        None => {}
        Some("off") => schedule.hour = None,
        Some(hour) => {
            schedule.hour = Some(hour.trim_end_matches(":00").parse().map_err(|_| {
                Fault::invalid(format!("“{}” is no hour of the day.", safe(hour))).hint("Write 0 to 23, or off.")
            })?);
        }
    }
    schedule.keep.daily = daily.unwrap_or(schedule.keep.daily);
    schedule.keep.weekly = weekly.unwrap_or(schedule.keep.weekly);
    if schedule != before {
        desk.confirmed(session, |session| desk.gateway.set_backup_schedule(session, schedule)).await?;
    }
    if desk.global.json {
        return print_json(&schedule);
    }
    print(&format!("{}\n", schedule_words(schedule)))
}

/// When one is made, and what stays.
#[must_use]
pub fn schedule_words(schedule: Schedule) -> String {
    let when = match schedule.hour {
        None => "No backup is made on its own".to_owned(),
        Some(hour) => format!("A backup is made every day at {hour}:00 while ollamanet runs, or at its next start"),
    };
    format!("{when}; the newest of {} days and of {} weeks stay.", schedule.keep.daily, schedule.keep.weekly)
}

fn list(desk: &Desk, shown: &Backups) -> Result<(), End> {
    if desk.global.json {
        return print_json(shown);
    }
    let rows: Vec<[String; 6]> = shown
        .backups
        .iter()
        .map(|one| {
            let state = match (&one.damage, &one.verified) {
                (Some(why), _) => format!("damaged: {}", safe(why)),
                (None, Some(found)) if !found.is_sound() => format!("damaged: {}", safe(&found.damage_words())),
                (None, Some(found)) => format!("sound {}", moment(found.at)),
                (None, None) => "not yet".to_owned(),
            };
            let by = match one.made_by {
                MadeBy::Person => "a person",
                MadeBy::Schedule => "the schedule",
            };
            [
                safe(&one.name),
                moment(one.made_at),
                amount::bytes(one.bytes),
                format!("{}{}", amount::many(one.accounts, "account"), left_out(one)),
                by.to_owned(),
                state,
            ]
        })
        .collect();
    let mut text = out::table(["BACKUP", "TIME", "SIZE", "WHAT", "MADE BY", "CHECKED"], &rows);
    if !shown.quarantine.is_empty() {
        let rows: Vec<[String; 3]> = shown
            .quarantine
            .iter()
            .map(|one| [safe(&one.name), amount::bytes(one.bytes), safe(&one.what.words())])
            .collect();
        let _ = write!(text, "\n{}", out::table(["MOVED ASIDE", "SIZE", "WHAT"], &rows));
    }
    print(&text)?;
    if rows.is_empty() {
        say("There is no backup yet. Make one: ollamanet backup create");
    }
    if !shown.quarantine.is_empty() {
        say("What was moved aside comes back with `ollamanet backup restore --aside NAME`.");
    }
    if let Some(words) = network_words(shown) {
        say(&words);
    }
    say(&schedule_words(shown.schedule));
    if let Some(rule) = &shown.rule {
        say(&format!("By a rule all the same: {rule}. `ollamanet rules` shows it."));
    }
    if let Some(failed) = shown.last_scheduled.as_ref().and_then(|run| run.failed.as_ref()) {
        say(&format!("The last one of the schedule failed: {failed}"));
    }
    Ok(())
}

/// What it means that they are kept on another machine, where they are.
fn network_words(shown: &Backups) -> Option<String> {
    let name = shown.network_file_system.as_ref()?;
    Some(format!(
        "They are kept on {name}: what happens to this machine does not touch them, and while the network hangs, so do they."
    ))
}

fn left_out(made: &Backup) -> String {
    made.left_out.iter().fold(String::new(), |text, left| {
        text + "; without the vault of " + &safe(&left.account) + ": " + &safe(&left.why)
    })
}

fn verified(desk: &Desk, found: &Verified) -> Result<(), End> {
    if desk.global.json {
        print_json(found)?;
    } else {
        print(&verified_words(found))?;
    }
    if found.is_sound() { Ok(()) } else { Err(End::Code(1)) }
}

/// What a check found, and how each part was checked.
#[must_use]
pub fn verified_words(found: &Verified) -> String {
    if !found.is_sound() {
        let lines = found.damage.iter().map(|line| safe(line));
        return lines.fold("This backup is damaged:\n".to_owned(), |text, line| text + "  " + &line + "\n");
    }
    let mut text = "Sound. The system database was restored, opened and looked through.\n".to_owned();
    if found.opened > 0 {
        text.push_str("Your vault was restored, opened with its key and looked through page by page.\n");
    }
    if found.compared > 0 {
        let _ = writeln!(
            text,
            "Of {}, each byte is the one that was written; only their owners' keys open them.",
            amount::many(found.compared, "vault")
        );
    }
    text
}

fn unexpected(outcome: &Outcome) -> Result<(), End> {
    Err(Fault::new(FaultKind::Internal, format!("It ended in another way than was asked for: {outcome:?}")).into())
}

async fn follow(mut inbox: mpsc::Receiver<BackupEvent>) -> Result<Outcome, Fault> {
    let mut bar = Bar::new();
    while let Some(event) = inbox.recv().await {
        match event {
            BackupEvent::Progress(progress) => bar.show(&progress),
            BackupEvent::Ended(done) => {
                bar.clear();
                return done;
            }
        }
    }
    bar.clear();
    Err(Fault::new(FaultKind::Internal, "It broke off without saying how it ended."))
}

/// Progress on standard error: one line at a terminal that changes, else a line for each part of the work.
#[derive(Debug)]
pub struct Bar {
    is_terminal: bool,
    told: Option<Doing>,
    drawn: usize,
}

impl Default for Bar {
    fn default() -> Self {
        Self::new()
    }
}

impl Bar {
    #[must_use]
    pub fn new() -> Self {
        Self { is_terminal: io::stderr().is_terminal(), told: None, drawn: 0 }
    }

    pub fn show(&mut self, progress: &Progress) {
        if !self.is_terminal {
            if self.told != Some(progress.doing) {
                self.told = Some(progress.doing);
                say(&format!("{} …", doing_word(progress.doing)));
            }
            return;
        }
        let percent = (progress.done * 100).checked_div(progress.all).unwrap_or(0).min(100);
        let line = format!(
            "{} {percent:>3} %  {} of {}",
            doing_word(progress.doing),
            amount::bytes(progress.done),
            amount::bytes(progress.all)
        );
        let mut stderr = io::stderr().lock();
        // Nobody to tell is no failure.
        let _ = write!(stderr, "\r{line:<width$}", width = self.drawn);
        let _ = stderr.flush();
        self.drawn = line.chars().count();
    }

    pub fn clear(&mut self) {
        if self.drawn > 0 {
            let mut stderr = io::stderr().lock();
            let _ = write!(stderr, "\r{}\r", " ".repeat(self.drawn));
            let _ = stderr.flush();
            self.drawn = 0;
        }
    }
}

/// What is being done, in a word.
#[must_use]
pub fn doing_word(doing: Doing) -> &'static str {
    match doing {
        Doing::Copying => "Copying",
        Doing::Checking => "Checking",
        Doing::Restoring => "Restoring",
    }
}
