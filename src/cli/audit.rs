//! `ollamanet audit`: the trail of what was done by whom.

use std::path::{Path, PathBuf};

use jiff::{Timestamp, ToSpan, civil, tz::TimeZone};
use serde_json::json;

use super::{
    Desk, End,
    admin_args::{Audit, AuditFormat, Which},
    out::{self, json_line, moment, print, print_json, safe, say},
};
use crate::{
    api::{
        Fault, FaultKind,
        admin::{Anchor, AuditEntry, AuditFilter, AuditPage, AuditVerdict},
        amount,
        auth::Session,
    },
    whole_file::{Pieces, There},
};

/// Rows asked for at once.
pub const PAGE: usize = 100;

/// # Errors
/// How it ended, when not well.
pub async fn run(desk: &Desk, what: Audit) -> Result<(), End> {
    let session = &desk.session().await?;
    match what {
        Audit::List { which, paging } => {
            let (filter, most) = (filter(which)?, paging.most());
            let mut rows = Vec::new();
            let mut before = None;
            let more = loop {
                let wanted = most.saturating_sub(rows.len()).min(PAGE) as u32;
                let page = page(desk, session, &filter, before, wanted).await?;
                before = page.rows.last().map(|row| row.seq);
                let more = page.more && before.is_some();
                rows.extend(page.rows);
                if !more || rows.len() >= most {
                    break more;
                }
            };
            print_entries(desk, &rows, more)
        }
        Audit::Verify => verify(desk, session).await,
        Audit::Export { file, format, which } => export(desk, session, &file, format, &filter(which)?).await,
        Audit::Prune => {
            let removed = desk.confirmed(session, |session| desk.gateway.prune_audit(session)).await?;
            if desk.global.json {
                return print_json(&json!({ "removed": removed }));
            }
            print(&format!("Removed: {removed}. The trail can still be verified from its new beginning.\n"))
        }
    }
}

/// A page, waiting where the pace is limited: a long trail is many pages.
async fn page(
    desk: &Desk,
    session: &Session,
    filter: &AuditFilter,
    before: Option<i64>,
    limit: u32,
) -> Result<AuditPage, Fault> {
    loop {
        match desk.gateway.audit(session, filter.clone(), before, limit).await {
            Err(Fault { kind: FaultKind::Slow, retry_after: Some(after), .. }) => tokio::time::sleep(after).await,
            done => return done,
        }
    }
}

/// Entries as a table or JSON, with a word about those left out.
///
/// # Errors
/// When nobody reads.
pub fn print_entries(desk: &Desk, rows: &[AuditEntry], more: bool) -> Result<(), End> {
    if desk.global.json {
        print_json(&rows)?;
    } else {
        let cells: Vec<[String; 6]> = rows
            .iter()
            .map(|row| {
                [
                    row.seq.to_string(),
                    moment(row.at),
                    safe(row.actor_name.as_deref().unwrap_or("–")),
                    safe(&row.action),
                    safe(&row.target),
                    safe(&row.result),
                ]
            })
            .collect();
        print(&out::table(["NUMBER", "TIME", "WHO", "ACTION", "WHAT", "RESULT"], &cells))?;
        if rows.is_empty() {
            say("There is no such entry.");
        }
    }
    if more {
        say("There are more: --limit N, or --all.");
    }
    Ok(())
}

async fn verify(desk: &Desk, session: &Session) -> Result<(), End> {
    let verdict = desk.confirmed(session, |session| desk.gateway.verify_audit(session)).await?;
    if desk.global.json {
        let mut told = json!(verdict);
        if let Some(map) = told.as_object_mut() {
            map.insert("sound".to_owned(), json!(verdict.is_sound()));
        }
        print_json(&told)?;
    } else {
        print(&verdict_words(&verdict))?;
    }
    if verdict.is_sound() { Ok(()) } else { Err(End::Code(1)) }
}

fn verdict_words(verdict: &AuditVerdict) -> String {
    let mut text = match verdict.broken_at {
        Some(seq) => format!("The trail was changed: entry {seq} does not fit the one before it.\n"),
        None => format!("{} entries fit together, none was changed or taken out between them.\n", verdict.entries),
    };
    let remembered = match verdict.anchor {
        Anchor::New => "Your vault did not know the trail yet; from now on it remembers its end.\n".to_owned(),
        Anchor::Holds { seq } => format!("Entry {seq}, which your vault remembers, is as it was.\n"),
        Anchor::Mismatch { seq } => {
            format!("Entry {seq} is another one than your vault remembers: it was rewritten.\n")
        }
        Anchor::CutOff { seq } => {
            format!("The end was cut off: entry {seq}, which your vault remembers, is missing.\n")
        }
    };
    text.push_str(&remembered);
    if !verdict.is_sound() {
        text.push_str("Whoever did it could write to the data directory. Compare with an earlier export or backup.\n");
    }
    text
}

async fn export(
    desk: &Desk,
    session: &Session,
    file: &Path,
    format: AuditFormat,
    filter: &AuditFilter,
) -> Result<(), End> {
    let mut to = Target::open(file)?;
    let mut count = 0u64;
    let mut before = None;
    if format == AuditFormat::Csv {
        to.write(&format!("{}\r\n", AuditEntry::CSV_HEAD))?;
    }
    loop {
        let page = page(desk, session, filter, before, PAGE as u32).await?;
        for row in &page.rows {
            count += 1;
            to.write(&match format {
                // It may go to a terminal.
                AuditFormat::Csv => format!("{}\r\n", safe(&row.csv())),
                AuditFormat::Jsonl => json_line(row),
            })?;
        }
        before = page.rows.last().map(|row| row.seq);
        if !page.more || before.is_none() {
            break;
        }
    }
    let path = to.finish()?;
    let Some(path) = path else { return Ok(()) };
    if desk.global.json {
        return print_json(&json!({ "path": path, "entries": count }));
    }
    print(&format!("{}: {}\n", safe(&path.to_string_lossy()), amount::many(count, "entry")))
}

/// Where an export goes. A file gets its name when all of it was written.
pub(super) enum Target {
    Stdout,
    File(Pieces),
}

impl Target {
    pub(super) fn open(path: &Path) -> Result<Self, Fault> {
        if path == Path::new("-") { Ok(Self::Stdout) } else { Ok(Self::File(Pieces::begin(path, There::Keep)?)) }
    }

    pub(super) fn write(&mut self, text: &str) -> Result<(), End> {
        match self {
            Self::Stdout => out::print_own(text.as_bytes()),
            Self::File(pieces) => Ok(pieces.add(text)?),
        }
    }

    /// Gives the path of a file that was written.
    pub(super) fn finish(self) -> Result<Option<PathBuf>, End> {
        match self {
            Self::Stdout => Ok(None),
            Self::File(pieces) => Ok(Some(pieces.end()?)),
        }
    }
}

fn filter(which: Which) -> Result<AuditFilter, Fault> {
    let now = Timestamp::now();
    let zone = crate::zone::local();
    let when = |text: Option<String>, is_end| text.map(|text| when(&text, is_end, now, &zone)).transpose();
    Ok(AuditFilter {
        action: which.action.unwrap_or_default(),
        who: which.who.unwrap_or_default(),
        result: which.result.unwrap_or_default(),
        since: when(which.since, false)?,
        until: when(which.until, true)?,
    })
}

/// A moment as people write it, in milliseconds since 1970. A day as an end is meant with its evening.
///
/// # Errors
/// What is no moment.
pub fn when(text: &str, is_end: bool, now: Timestamp, zone: &TimeZone) -> Result<i64, Fault> {
    let text = text.trim();
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at.as_millisecond());
    }
    let wrong = || {
        Fault::invalid(format!("“{}” is no moment.", safe(text)))
            .hint("Write 2026-11-25, 2026-11-25T10:00, or an age such as 30m, 2h or 7d.")
    };
    let age = text.strip_suffix(['m', 'h', 'd']).and_then(|number| number.parse::<i64>().ok());
    if let Some(number) = age {
        let unit = if text.ends_with('m') {
            60_000
        } else if text.ends_with('h') {
            3_600_000
        } else {
            86_400_000
        };
        return number.checked_mul(unit).map(|ms| now.as_millisecond().saturating_sub(ms)).ok_or_else(wrong);
    }
    // A date and time parse as a date too, so the length tells them apart.
    if text.len() <= 10 {
        let day: civil::Date = text.parse().map_err(|_| wrong())?;
        let day = if is_end { day.checked_add(1.day()).map_err(|_| wrong())? } else { day };
        let start = day.to_zoned(zone.clone()).map_err(|_| wrong())?.timestamp().as_millisecond();
        return Ok(if is_end { start - 1 } else { start });
    }
    let moment: civil::DateTime = text.parse().map_err(|_| wrong())?;
    Ok(moment.to_zoned(zone.clone()).map_err(|_| wrong())?.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_taken_as_people_write_them() {
        let now: Timestamp = "2026-11-25T12:00:00Z".parse().unwrap();
        let at = |text: &str, is_end| when(text, is_end, now, &TimeZone::UTC).unwrap();
        let ms = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
        assert_eq!(at("2026-11-24", false), ms("2026-11-24T00:00:00Z"));
        assert_eq!(at("2026-11-24", true), ms("2026-11-24T23:59:59.999Z"));
        assert_eq!(at("2026-11-24T10:30", false), ms("2026-11-24T10:30:00Z"));
        assert_eq!(at("2026-11-24 10:30", false), ms("2026-11-24T10:30:00Z"));
        assert_eq!(at("2h", false), ms("2026-11-25T10:00:00Z"));
        assert_eq!(at("2026-11-24T10:30:00+01:00", false), ms("2026-11-24T09:30:00Z"));
        for wrong in ["", "yesterday", "2026-13-01", "99999999999999999d", "h"] {
            assert!(when(wrong, false, now, &TimeZone::UTC).is_err(), "{wrong}");
        }
    }
}
