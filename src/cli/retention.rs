//! `ollamanet retention`: rules by which old conversations go away on their own.

use std::fmt::Write as _;

use serde_json::json;

use super::{
    Desk, End,
    arrange_args::{Retention, Rules},
    find,
    out::{self, moment, print, print_json, safe, say},
};
use crate::api::{
    Fault, amount,
    auth::Session,
    organise::{Cursor, PAGE_MAX},
    retention::{Due, Fate, Preview, PreviewAt, Report, RetentionRules, RunBy, RunEnd, Why, size_of},
};

/// # Errors
/// How it ended, when not well.
pub async fn run(desk: &Desk, what: Retention) -> Result<(), End> {
    let session = &desk.session().await?;
    match what {
        Retention::Show => show(desk, session).await,
        Retention::Set(changed) => {
            let before = desk.gateway.retention(session).await?.rules;
            desk.gateway.set_retention(session, changed.over(before)?).await?;
            show(desk, session).await
        }
        Retention::Preview { rules, paging } => {
            let set = desk.gateway.retention(session).await?.rules;
            preview(desk, session, rules.over(set)?, paging.most()).await
        }
        Retention::Run { dry_run: true } => {
            let set = desk.gateway.retention(session).await?.rules;
            preview(desk, session, set, 50).await
        }
        Retention::Run { dry_run: false } => {
            let report = desk.gateway.run_retention(session).await?;
            if desk.global.json {
                return print_json(&report);
            }
            print(&format!("{}\n", said(&report)))
        }
    }
}

impl Rules {
    /// These rules in place of those that are set.
    fn over(&self, before: RetentionRules) -> Result<RetentionRules, Fault> {
        Ok(RetentionRules {
            archive_after_days: number("--archive-after", self.archive_after.as_deref(), before.archive_after_days)?,
            trash_after_days: number("--trash-after", self.trash_after.as_deref(), before.trash_after_days)?,
            keep_conversations: number("--keep", self.keep.as_deref(), before.keep_conversations)?,
            keep_bytes: match self.keep_size.as_deref() {
                None => before.keep_bytes,
                Some("off") => None,
                Some(size) => Some(size_of(size)?),
            },
            purge_after_days: number("--purge-after", self.purge_after.as_deref(), before.purge_after_days)?,
        })
    }
}

fn number(name: &str, said: Option<&str>, before: Option<u32>) -> Result<Option<u32>, Fault> {
    match said {
        None => Ok(before),
        Some("off") => Ok(None),
        Some(text) => text
            .parse()
            .map(Some)
            .map_err(|_| Fault::invalid(format!("{name} takes a number or off, not “{}”.", safe(text)))),
    }
}

async fn show(desk: &Desk, session: &Session) -> Result<(), End> {
    let told = desk.gateway.retention(session).await?;
    if desk.global.json {
        return print_json(&told);
    }
    let days = |days: Option<u32>| days.map_or_else(|| "off".to_owned(), |days| amount::many(days, "day"));
    let rules = told.rules;
    let mut text = format!(
        "archive-after  {}\ntrash-after    {}\nkeep           {}\nkeep-size      {}\npurge-after    {}\n",
        days(rules.archive_after_days),
        days(rules.trash_after_days),
        rules.keep_conversations.map_or_else(|| "off".to_owned(), |count| amount::many(count, "conversation")),
        rules.keep_bytes.map_or_else(|| "off".to_owned(), amount::bytes),
        days(rules.purge_after_days),
    );
    if let Some(until) = told.waits_until {
        let _ = writeln!(text, "\nThe clock leapt ahead; on their own the rules wait until {}.", moment(until));
    }
    if !told.reports.is_empty() {
        text.push('\n');
    }
    for report in &told.reports {
        let _ = writeln!(text, "{}  {}", moment(report.at), said(report));
    }
    print(&text)
}

/// One run in a line.
fn said(report: &Report) -> String {
    let mut parts = Vec::new();
    for (count, what) in [(report.archived, "archived"), (report.trashed, "moved to the trash")] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    if report.purged > 0 {
        parts.push(format!("{} removed for good ({})", report.purged, amount::bytes(report.bytes)));
    }
    let mut text = if parts.is_empty() { "nothing was due".to_owned() } else { parts.join(", ") };
    match &report.end {
        RunEnd::Done => {}
        RunEnd::Open => text.push_str("; it goes on, or was broken off"),
        RunEnd::Stopped => text.push_str("; it was stopped before its end"),
        RunEnd::Failed(why) => {
            let _ = write!(text, "; it failed: {}", safe(why));
        }
    }
    match report.by {
        RunBy::Itself => {}
        RunBy::Person => text.push_str(" (by hand)"),
    }
    text
}

async fn preview(desk: &Desk, session: &Session, rules: RetentionRules, most: usize) -> Result<(), End> {
    let mut whole: Option<Preview> = None;
    let mut after: Option<Cursor> = None;
    loop {
        let known = whole.as_ref().map_or(0, |preview| preview.page.rows.len());
        let limit = most.saturating_sub(known).min(PAGE_MAX as usize) as u32;
        let next =
            desk.gateway.preview_retention(session, Some(rules), PreviewAt { after: after.take(), limit }).await?;
        after.clone_from(&next.page.next);
        match &mut whole {
            None => whole = Some(next),
            Some(whole) => {
                whole.page.rows.extend(next.page.rows);
                whole.page.next = next.page.next;
            }
        }
        let known = whole.as_ref().map_or(0, |preview| preview.page.rows.len());
        if after.is_none() || known >= most {
            break;
        }
    }
    let Some(preview) = whole else { return Ok(()) };
    if desk.global.json {
        return print_json(&json!({
            "rules": rules,
            "totals": preview.totals,
            "spared": preview.spared,
            "conversations": preview.page.rows,
            "more": preview.page.next.is_some(),
        }));
    }
    if !rules.are_on() {
        say("No rule is set, so nothing goes. Set one: ollamanet retention set --help");
        return Ok(());
    }
    let mut text = String::new();
    for total in &preview.totals {
        let _ = writeln!(
            text,
            "{}: {}, {}, {}",
            fate(total.fate),
            amount::many(total.conversations, "conversation"),
            amount::many(total.messages, "message"),
            amount::bytes(total.bytes)
        );
    }
    if preview.totals.is_empty() {
        text.push_str("Nothing is due.\n");
    }
    if preview.spared > 0 {
        let _ = writeln!(text, "Stay in the trash, because they are pinned or archived: {}", preview.spared);
    }
    if !preview.page.rows.is_empty() {
        text.push('\n');
    }
    let cells: Vec<[String; 5]> = preview.page.rows.iter().map(cells).collect();
    text.push_str(&out::table(["ID", "GOES", "WHY", "SIZE", "TITLE"], &cells));
    print(&text)?;
    if preview.page.next.is_some() {
        say("There are more: --limit N, or --all.");
    }
    Ok(())
}

fn cells(due: &Due) -> [String; 5] {
    let goes = match due.fate {
        Fate::Archive => "archive",
        Fate::Trash => "trash",
        Fate::Purge => "for good",
    };
    let why = match due.why {
        Why::Idle { days } => format!("idle {}", amount::many(days, "day")),
        Why::TooMany => "too many".to_owned(),
        Why::TooBig => "too big".to_owned(),
        Why::InTrash { days } => format!("{} in the trash", amount::many(days, "day")),
    };
    [find::short(due.id), goes.to_owned(), why, amount::bytes(due.bytes), safe(&due.title)]
}

fn fate(fate: Fate) -> &'static str {
    match fate {
        Fate::Archive => "To the archive",
        Fate::Trash => "To the trash",
        Fate::Purge => "Removed for good",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_a_number_or_off_and_what_is_not_named_stays() {
        let before =
            RetentionRules { trash_after_days: Some(30), keep_conversations: Some(9), ..RetentionRules::default() };
        let said = |text: &str| Rules { trash_after: Some(text.into()), ..Rules::default() };
        assert_eq!(said("off").over(before), Ok(RetentionRules { trash_after_days: None, ..before }));
        assert_eq!(said("90").over(before), Ok(RetentionRules { trash_after_days: Some(90), ..before }));
        assert_eq!(said("soon").over(before).unwrap_err().exit_code(), 2);
    }
}
