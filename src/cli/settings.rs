//! `ollamanet settings`: what an administrator has set for the house, who changed it, and the way back.

use std::fmt::Write as _;

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use serde_json::json;

use super::{
    Desk, End, audit,
    out::{self, csv_cell, moment, print, print_json, print_own, safe, say},
    settings_args::{Points, Settings as What},
    typed,
};
use crate::{
    api::{
        Fault,
        auth::Session,
        settings::{Difference, Differences, NewValue, PAST_MAX, PastChange, Point, SettingRow},
    },
    config::{house, table},
};

/// # Errors
/// How it ended, when not well.
pub async fn run(desk: &Desk, what: What) -> Result<(), End> {
    let session = &desk.session().await?;
    match what {
        What::List { filter, changed, csv } => {
            let mut rows = desk.gateway.settings(session).await?.rows;
            rows.retain(|row| fits(row, filter.as_deref()) && (!changed || row.is_changed()));
            list(desk, &rows, csv)
        }
        What::Get { name } => {
            let row = row(desk, session, &name).await?;
            if desk.global.json {
                return print_json(&told(&row));
            }
            if let Some(why) = &row.overruled {
                say(&format!("ollamanet: The house says {}. {}", shown(&row.name, row.house.as_deref()), safe(why)));
            }
            print(&format!("{}\n", out::safe_lines(&row.value)))
        }
        What::Set { values, seen } => {
            let mut wanted = Vec::new();
            for typed in &values {
                let (name, value) = typed.split_once('=').ok_or_else(|| {
                    Fault::invalid(format!("“{}” is no setting and its value.", safe(typed)))
                        .hint("Write NAME=VALUE, such as chat.titles=off.")
                })?;
                wanted.push((name.trim().to_owned(), Some(value.to_owned())));
            }
            change(desk, session, wanted, seen).await
        }
        What::Unset { names } => {
            let wanted = names.into_iter().map(|name| (name, None)).collect();
            change(desk, session, wanted, None).await
        }
        What::History { name, paging, csv } => {
            let (rows, more) = past(desk, session, name, paging.most()).await?;
            history(desk, &rows, more, csv)
        }
        What::Diff(points) => {
            let mut found = between(desk, session, &points).await?;
            if let Some(name) = &points.name {
                let name = house::named(name)?.name;
                found.rows.retain(|row| row.name == name);
            }
            if desk.global.json {
                return print_json(&found);
            }
            print(&differences(&found.rows))
        }
        What::Rollback { name: Some(name), to, .. } => roll_back(desk, session, &name, to.as_deref()).await,
        What::Rollback { name: None, to, yes, .. } => roll_all_back(desk, session, to.as_deref(), yes).await,
    }
}

fn fits(row: &SettingRow, filter: Option<&str>) -> bool {
    let Some(filter) = filter.map(str::to_lowercase) else { return true };
    row.name.contains(&filter) || row.group.contains(&filter) || help(&row.name).to_lowercase().contains(&filter)
}

fn help(name: &str) -> &'static str {
    house::find(name)
        .map(house::HouseSetting::help)
        .or_else(|| table::SETTINGS.iter().find(|setting| setting.name() == name).map(|setting| setting.help))
        .unwrap_or_default()
}

/// A value as people read it.
fn shown(name: &str, value: Option<&str>) -> String {
    let row = house::find(name);
    let Some(value) = value else {
        let default = row.map(|row| row.shown(&row.default())).unwrap_or_default();
        return if default.is_empty() { "(default)".to_owned() } else { safe(&format!("{default} (default)")) };
    };
    if value.is_empty() {
        return "(nothing)".to_owned();
    }
    let value = row.map_or_else(|| value.to_owned(), |row| row.shown(value));
    safe(&value.replace(['\n', '\t'], " "))
}

fn short(text: String) -> String {
    if text.chars().count() <= 40 {
        return text;
    }
    text.chars().take(39).chain(['…']).collect()
}

fn told(row: &SettingRow) -> serde_json::Value {
    let mut told = json!(row);
    if let Some(told) = told.as_object_mut() {
        told.insert("help".to_owned(), help(&row.name).into());
        if let Some(of_house) = house::find(&row.name) {
            told.insert("takes".to_owned(), of_house.takes().into());
            told.insert("effect".to_owned(), of_house.effect.into());
        }
    }
    told
}

fn list(desk: &Desk, rows: &[SettingRow], csv: bool) -> Result<(), End> {
    if desk.global.json {
        return print_json(&rows.iter().map(told).collect::<Vec<_>>());
    }
    if csv {
        let mut text = "name,group,value,default,from,version,changed_by,changed_at\r\n".to_owned();
        for row in rows {
            let cells = [
                row.name.clone(),
                row.group.clone(),
                row.value.clone(),
                row.default.clone(),
                row.from.to_string(),
                row.version.to_string(),
                row.changed_by.clone().unwrap_or_default(),
                row.changed_at.map(utc).unwrap_or_default(),
            ];
            let _ = write!(text, "{}\r\n", cells.map(|cell| csv_cell(&safe(&cell))).join(","));
        }
        return print_own(text.as_bytes());
    }
    let cells: Vec<[String; 4]> = rows
        .iter()
        .map(|row| {
            let mark = if row.is_changed() { "*" } else { " " };
            let who = row.changed_by.as_ref().zip(row.changed_at).filter(|_| row.house.is_some());
            let who = who.map(|(who, at)| format!("{} {}", safe(who), moment(at))).unwrap_or_default();
            let from = if row.overruled.is_some() { format!("{} (!)", row.from) } else { row.from.to_string() };
            let value = if row.is_of_house { shown(&row.name, Some(&row.value)) } else { safe(&row.value) };
            [row.name.clone(), format!("{mark} {}", short(value)), safe(&from), who]
        })
        .collect();
    print(&out::table(["SETTING", "  VALUE", "FROM", "CHANGED"], &cells))?;
    for row in rows {
        if let Some(why) = &row.overruled {
            say(&format!("(!) {}: the house says {}. {}", row.name, shown(&row.name, row.house.as_deref()), safe(why)));
        }
    }
    Ok(())
}

fn utc(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |at| at.to_string())
}

/// One of the house's settings, or of the file's.
async fn row(desk: &Desk, session: &Session, name: &str) -> Result<SettingRow, Fault> {
    let rows = desk.gateway.settings(session).await?.rows;
    match rows.into_iter().find(|row| row.name == name) {
        Some(row) => Ok(row),
        None => Err(house::named(name).err().unwrap_or_else(|| Fault::not_found("setting"))),
    }
}

async fn change(
    desk: &Desk,
    session: &Session,
    wanted: Vec<(String, Option<String>)>,
    seen: Option<i64>,
) -> Result<(), End> {
    let rows = desk.gateway.settings(session).await?.rows;
    let mut changes = Vec::new();
    for (name, to) in wanted {
        let name = house::named(&name)?.name.to_owned();
        let version = rows.iter().find(|row| row.name == name).map_or(0, |row| row.version);
        changes.push(NewValue { name, to, seen: seen.unwrap_or(version) });
    }
    let names: Vec<String> = changes.iter().map(|change| change.name.clone()).collect();
    desk.confirmed(session, |session| desk.gateway.change_settings(session, changes.clone())).await?;
    done(desk, desk.latest(session), &names).await
}

/// How they stand now.
async fn done(desk: &Desk, session: &Session, names: &[String]) -> Result<(), End> {
    let mut rows = desk.gateway.settings(session).await?.rows;
    rows.retain(|row| names.contains(&row.name));
    list(desk, &rows, false)
}

async fn past(
    desk: &Desk,
    session: &Session,
    name: Option<String>,
    most: usize,
) -> Result<(Vec<PastChange>, bool), Fault> {
    let mut rows = Vec::new();
    let mut before = None;
    loop {
        let wanted = u32::try_from(most.saturating_sub(rows.len())).unwrap_or(PAST_MAX).min(PAST_MAX);
        let page = desk.gateway.setting_history(session, name.clone(), before, wanted).await?;
        before = page.rows.last().map(|row| row.seq);
        let more = page.more && before.is_some();
        rows.extend(page.rows);
        if !more || rows.len() >= most {
            return Ok((rows, more));
        }
    }
}

fn history(desk: &Desk, rows: &[PastChange], more: bool, csv: bool) -> Result<(), End> {
    if desk.global.json {
        return print_json(&rows);
    }
    if csv {
        let mut text = "seq,at,who,name,version,from,to,restores\r\n".to_owned();
        for row in rows {
            let cells = [
                row.seq.to_string(),
                utc(row.at),
                who(row),
                row.name.clone(),
                row.version.to_string(),
                row.from.clone().unwrap_or_default(),
                row.to.clone().unwrap_or_default(),
                row.restores.map(|version| version.to_string()).unwrap_or_default(),
            ];
            let _ = write!(text, "{}\r\n", cells.map(|cell| csv_cell(&safe(&cell))).join(","));
        }
        return print_own(text.as_bytes());
    }
    let cells: Vec<[String; 6]> = rows
        .iter()
        .map(|row| {
            let back = row.restores.map(|version| format!(" (back to v{version})")).unwrap_or_default();
            [
                format!("#{}", row.seq),
                moment(row.at),
                safe(&who(row)),
                row.name.clone(),
                format!("v{}", row.version),
                format!(
                    "{} → {}{back}",
                    short(shown(&row.name, row.from.as_deref())),
                    short(shown(&row.name, row.to.as_deref()))
                ),
            ]
        })
        .collect();
    print(&out::table(["CHANGE", "WHEN", "WHO", "SETTING", "VERSION", "FROM → TO"], &cells))?;
    if rows.is_empty() {
        say("Nothing was changed yet.");
    } else if more {
        say("There are older ones; --all prints them too.");
    }
    Ok(())
}

fn who(row: &PastChange) -> String {
    row.by_name.clone().or_else(|| row.by.map(|by| by.to_string())).unwrap_or_else(|| "–".to_owned())
}

async fn between(desk: &Desk, session: &Session, points: &Points) -> Result<Differences, Fault> {
    let from = point(desk, session, &points.since, points.name.as_deref()).await?;
    let to = point(desk, session, &points.until, points.name.as_deref()).await?;
    desk.gateway.setting_differences(session, from, to).await
}

/// A point as it is typed.
async fn point(desk: &Desk, session: &Session, typed: &str, name: Option<&str>) -> Result<Point, Fault> {
    let number = |prefix: char| typed.strip_prefix(prefix).and_then(|number| number.parse::<i64>().ok());
    if let (Some(version), Some(name)) = (number('v'), name) {
        return after(desk, session, name, version).await;
    }
    if let Some(seq) = number('#') {
        return Ok(Point::Change(seq));
    }
    moment_of(typed, Timestamp::now(), &crate::zone::local())
}

/// A version of one setting as a point of the whole house.
async fn after(desk: &Desk, session: &Session, name: &str, version: i64) -> Result<Point, Fault> {
    if version == 0 {
        return Ok(Point::Change(0));
    }
    let (rows, _) = past(desk, session, Some(name.to_owned()), usize::MAX).await?;
    let found = rows.iter().find(|row| row.version == version).map(|row| Point::Change(row.seq));
    found.ok_or_else(|| {
        Fault::invalid(format!("{} has no version {version}.", safe(name)))
            .hint(format!("`ollamanet settings history {}` lists them.", safe(name)))
    })
}

fn moment_of(typed: &str, now: Timestamp, zone: &TimeZone) -> Result<Point, Fault> {
    let day = |back: i64| {
        let today = now.to_zoned(zone.clone()).date();
        let day = today.checked_sub(back.days()).ok()?.to_zoned(zone.clone()).ok()?;
        Some(Point::At(day.timestamp().as_millisecond()))
    };
    let named = match typed.trim() {
        "now" => Some(Point::Now),
        "today" => day(0),
        "yesterday" => day(1),
        _ => None,
    };
    match named {
        Some(point) => Ok(point),
        None => audit::when(typed, false, now, zone).map(Point::At).map_err(|fault| {
            fault.hint(
                "Write 2026-11-25, 2026-11-25T10:00, 2h, 7d, yesterday, now, or #12 for the change of that number.",
            )
        }),
    }
}

fn differences(rows: &[Difference]) -> String {
    if rows.is_empty() {
        return "Nothing differs.\n".to_owned();
    }
    let mut text = String::new();
    for row in rows {
        let (from, to) = (shown(&row.name, row.from.as_deref()), shown(&row.name, row.to.as_deref()));
        let _ = writeln!(text, "{}\n  - {}\n  + {}", safe(&row.name), short(from), short(to));
        if let Some(why) = &row.refused {
            let _ = writeln!(text, "  ! {}", safe(why));
        }
    }
    text
}

async fn roll_back(desk: &Desk, session: &Session, name: &str, to: Option<&str>) -> Result<(), End> {
    let name = house::named(name)?.name;
    let seen = row(desk, session, name).await?.version;
    let to = match to {
        None => None,
        Some(typed) => Some(typed.trim_start_matches('v').parse::<i64>().map_err(|_| {
            Fault::invalid(format!("“{}” is no version.", safe(typed)))
                .hint(format!("`ollamanet settings history {name}` lists them; 0 is the default."))
        })?),
    };
    desk.confirmed(session, |session| desk.gateway.roll_back_setting(session, name, to, seen)).await?;
    done(desk, desk.latest(session), &[name.to_owned()]).await
}

/// What would change is printed first, and the answer is about that: what somebody else changes meanwhile is refused.
async fn roll_all_back(desk: &Desk, session: &Session, to: Option<&str>, yes: bool) -> Result<(), End> {
    let to = point(desk, session, to.unwrap_or("yesterday"), None).await?;
    let preview = desk.gateway.setting_differences(session, Point::Now, to).await?;
    if preview.rows.is_empty() {
        return if desk.global.json { print_json(&json!({ "changed": 0 })) } else { print("Nothing differs.\n") };
    }
    if !desk.global.json {
        print(&differences(&preview.rows))?;
    }
    typed::name("rollback", "These settings change to what stands behind the +.", yes).await?;
    let roll = |session| desk.gateway.roll_all_settings_back(session, Point::Change(preview.to), preview.newest);
    let changed = desk.confirmed(session, roll).await?;
    if desk.global.json {
        return print_json(&json!({ "changed": changed }));
    }
    print(&format!(
        "Changed: {changed}. `ollamanet settings rollback --all --to '#{}'` takes that back.\n",
        preview.newest
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_taken_as_people_write_them() {
        let now: Timestamp = "2026-11-25T12:00:00Z".parse().unwrap();
        let ms = |text: &str| Point::At(text.parse::<Timestamp>().unwrap().as_millisecond());
        let at = |text: &str| moment_of(text, now, &TimeZone::UTC);
        assert_eq!(at("now").unwrap(), Point::Now);
        assert_eq!(at("yesterday").unwrap(), ms("2026-11-24T00:00:00Z"));
        assert_eq!(at("today").unwrap(), ms("2026-11-25T00:00:00Z"));
        assert_eq!(at("2h").unwrap(), ms("2026-11-25T10:00:00Z"));
        assert_eq!(at("2026-11-20").unwrap(), ms("2026-11-20T00:00:00Z"));
        assert!(at("soon").unwrap_err().hint.unwrap().contains("yesterday"));
    }
}
