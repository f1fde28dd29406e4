//! The settings of the house: what holds and where it comes from, changes, their history, and the way back.
//!
//! Invariants: a change, its version and its entry in the audit trail are one transaction; nobody writes over what they
//! have not seen; what comes back out of the history passes the same check as what is typed.

use std::collections::BTreeMap;

use crate::{
    access::{Admin, Caller},
    api::{
        AccountId, Fault, FaultKind,
        settings::{Difference, Differences, NewValue, PAST_MAX, PastPage, Point, SettingRow, Settings, Source},
    },
    config::{
        house::{self, HouseSetting, ROWS, What},
        live::{Current, Live},
        load::Origin,
        table,
    },
    store::{
        Db, StoreError, Tx,
        system::{
            Moment, audit,
            settings::{self, Kept, New},
        },
    },
};

/// Most of a text that the audit trail repeats, characters.
const TOLD: usize = 60;
/// Most settings in one change.
const AT_ONCE: usize = 100;

#[derive(Debug)]
pub struct House {
    system: Db,
    live: Live,
}

impl House {
    #[must_use]
    pub fn new(system: Db, live: Live) -> Self {
        Self { system, live }
    }

    pub async fn list(&self, _by: Caller<Admin>) -> Result<Settings, Fault> {
        let (kept, newest) =
            self.system.read(|tx| Ok::<_, StoreError>((settings::newest(tx)?, settings::last(tx)?))).await?;
        let current = self.live.current();
        let mut rows: Vec<SettingRow> = ROWS.iter().map(|row| of_house(row, &current, kept.get(row.name))).collect();
        rows.extend(of_file(&current));
        Ok(Settings { rows, newest })
    }

    /// All of these or none.
    pub async fn change(&self, by: Caller<Admin>, changes: Vec<NewValue>) -> Result<(), Fault> {
        if changes.len() > AT_ONCE {
            return Err(Fault::invalid(format!("That is more than {AT_ONCE} settings at once.")));
        }
        let mut checked: BTreeMap<&'static str, Change> = BTreeMap::new();
        for new in changes {
            let row = house::named(&new.name)?;
            let to = new.to.map(|typed| row.parse(&typed)).transpose()?;
            let twice = checked.insert(row.name, Change { row, to, seen: new.seen, restores: None });
            if twice.is_some() {
                return Err(Fault::invalid(format!("{} is named twice.", row.name)).hint("Name each setting once."));
            }
        }
        self.system
            .write(move |tx| {
                let moment = Moment::here();
                for change in checked.into_values() {
                    not_meanwhile(tx, change.row, change.seen)?;
                    write(tx, &moment, by.account, &change, "settings.set")?;
                }
                Ok(())
            })
            .await
    }

    /// Brings back the value that held before the newest change, or after the version `to`.
    pub async fn roll_back(&self, by: Caller<Admin>, name: String, to: Option<i64>, seen: i64) -> Result<(), Fault> {
        let row = house::named(&name)?;
        self.system
            .write(move |tx| {
                not_meanwhile(tx, row, seen)?;
                if seen == 0 {
                    return Err(Fault::invalid(format!("{} was never changed.", row.name))
                        .hint("There is nothing to take back."));
                }
                let version = to.unwrap_or(seen - 1);
                let before = settings::value_after(tx, row.name, version)?.ok_or_else(|| {
                    Fault::new(FaultKind::NotFound, format!("{} has no version {version}.", row.name))
                        .hint(format!("It has the versions 0 to {seen}; 0 is the default."))
                })?;
                if let Some(why) = before.as_deref().and_then(|before| row.parse(before).err()) {
                    return Err(Fault::invalid(format!("{} cannot go back: {}", row.name, why.message))
                        .hint("This value was good in another version of the program. Set one that is good now."));
                }
                let change = Change { row, to: before, seen, restores: Some(version) };
                if !write(tx, &Moment::here(), by.account, &change, "settings.rollback")? {
                    return Err(Fault::invalid(format!(
                        "{} is {} already.",
                        row.name,
                        told(row, change.to.as_deref())
                    )));
                }
                Ok(())
            })
            .await
    }

    /// Brings everything back to how it stood at a point. All of it or nothing; gives how many settings changed.
    pub async fn roll_all_back(&self, by: Caller<Admin>, to: Point, seen: i64) -> Result<u32, Fault> {
        self.system
            .write(move |tx| {
                if settings::last(tx)? != seen {
                    return Err(Fault::new(FaultKind::Conflict, "Settings were changed since you looked.")
                        .hint("Look at what differs now, and decide again."));
                }
                let seq = settings::seq_at(tx, to)?;
                let (now, then) = (settings::standing(tx, seen)?, settings::standing(tx, seq)?);
                let differ = differing(&now, &then);
                let refused: Vec<&str> = differ
                    .iter()
                    .filter(|one| house::find(&one.name).is_some())
                    .filter_map(|one| one.refused.as_deref())
                    .collect();
                if let Some(first) = refused.first() {
                    return Err(Fault::invalid(format!("Not everything can go back: {first}")).hint(
                        "Nothing was changed. Roll back single settings instead, or set these anew afterwards.",
                    ));
                }
                let (moment, mut changed) = (Moment::here(), 0);
                for one in differ {
                    // What another version of the program had is nobody's here.
                    let Some(row) = house::find(&one.name) else { continue };
                    let restores = then.get(&one.name).map_or(0, |(version, _)| *version);
                    let seen = now.get(&one.name).map_or(0, |(version, _)| *version);
                    let change = Change { row, to: one.to, seen, restores: Some(restores) };
                    changed += u32::from(write(tx, &moment, by.account, &change, "settings.rollback")?);
                }
                Ok(changed)
            })
            .await
    }

    /// Changes, newest first, of one setting or of all.
    pub async fn past(
        &self,
        _by: Caller<Admin>,
        name: Option<String>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<PastPage, Fault> {
        if !(1..=PAST_MAX).contains(&limit) {
            return Err(Fault::invalid(format!("A page holds 1 to {PAST_MAX} rows, not {limit}.")));
        }
        let name = name.map(|name| house::named(&name)).transpose()?.map(|row| row.name);
        let mut rows = self.system.read(move |tx| settings::past(tx, name, before, limit + 1)).await?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        Ok(PastPage { rows, more })
    }

    pub async fn difference(&self, _by: Caller<Admin>, from: Point, to: Point) -> Result<Differences, Fault> {
        let found = self.system.read(move |tx| {
            let (from, to) = (settings::seq_at(tx, from)?, settings::seq_at(tx, to)?);
            let rows = differing(&settings::standing(tx, from)?, &settings::standing(tx, to)?);
            Ok::<_, StoreError>(Differences { rows, from, to, newest: settings::last(tx)? })
        });
        Ok(found.await?)
    }
}

/// A change that is checked and may be written.
struct Change {
    row: &'static HouseSetting,
    to: Option<String>,
    seen: i64,
    restores: Option<i64>,
}

/// Somebody else's change is not written over unseen.
fn not_meanwhile(tx: &Tx<'_>, row: &HouseSetting, seen: i64) -> Result<(), Fault> {
    if settings::version(tx, row.name)? == seen {
        return Ok(());
    }
    let newest = settings::past(tx, Some(row.name), None, 1)?.pop();
    let fault = match newest {
        Some(one) => {
            let who = one.by_name.unwrap_or_else(|| "Somebody".to_owned());
            let now = told(row, one.to.as_deref());
            Fault::new(FaultKind::Conflict, format!("{who} has set {} to {now} since you looked.", row.name))
        }
        None => Fault::new(FaultKind::Conflict, format!("{} was never changed.", row.name)),
    };
    Err(fault.hint("Nothing was changed. Look at it again, and set it once more if you still want to."))
}

/// The new version and its entry in the trail; `false` = it is so already.
fn write(
    tx: &Tx<'_>,
    moment: &Moment,
    by: AccountId,
    change: &Change,
    action: &'static str,
) -> Result<bool, StoreError> {
    let Change { row, to, restores, .. } = change;
    let before = settings::value(tx, row.name)?;
    if before == *to {
        return Ok(false);
    }
    settings::put(tx, New { name: row.name, value: to.as_deref(), restores: *restores }, Some(by), moment.now)?;
    let target = format!("{}: {} → {}", row.name, told(row, before.as_deref()), told(row, to.as_deref()));
    audit::append(tx, moment, Some(by), action, &target, "ok")?;
    Ok(true)
}

/// A value as a sentence tells it.
fn told(row: &HouseSetting, value: Option<&str>) -> String {
    let Some(value) = value else { return format!("{} (default)", told(row, Some(&row.default()))) };
    if value.is_empty() {
        return "nothing".to_owned();
    }
    let line = row.shown(value).replace(['\n', '\t'], " ");
    let mut short: String = line.chars().take(TOLD).collect();
    if line.chars().nth(TOLD).is_some() {
        short.push('…');
    }
    short
}

type Standing = BTreeMap<String, (i64, Option<String>)>;

fn differing(from: &Standing, to: &Standing) -> Vec<Difference> {
    let of = |standing: &Standing, name: &str| standing.get(name).and_then(|(_, value)| value.clone());
    let mut names: Vec<&String> = from.keys().chain(to.keys()).collect();
    // In the order of the list; what this program does not know comes last.
    let place = |name: &str| ROWS.iter().position(|row| row.name == name).unwrap_or(usize::MAX);
    names.sort_by(|a, b| place(a).cmp(&place(b)).then_with(|| a.cmp(b)));
    names.dedup();
    let rows = names.into_iter().map(|name| {
        let (from, to) = (of(from, name), of(to, name));
        let refused = match house::find(name) {
            None => Some("This version of the program has no such setting.".to_owned()),
            Some(row) => to.as_deref().and_then(|to| row.parse(to).err()).map(|why| why.message),
        };
        Difference { name: name.clone(), from, to, refused }
    });
    rows.filter(|row| row.from != row.to).collect()
}

fn source(origin: Option<&Origin>) -> Option<Source> {
    match origin? {
        Origin::Default => None,
        Origin::File(line) => Some(Source::File(*line)),
        Origin::Variable(name) => Some(Source::Variable(name.clone())),
        Origin::Flag => Some(Source::Flag),
    }
}

/// Where somebody has to go to change what comes from outside.
fn edit(name: &str, from: &Source) -> String {
    let (section, key) = name.split_once('.').unwrap_or(("", name));
    match from {
        Source::File(line) => format!("line {line} of config.toml"),
        Source::Variable(name) => format!("the variable {name}"),
        Source::Flag => format!("--set {name}=…"),
        Source::Default | Source::House => format!("[{section}] {key} = … in config.toml"),
    }
}

fn of_house(row: &'static HouseSetting, current: &Current, kept: Option<&Kept>) -> SettingRow {
    let default = row.default();
    let house = kept.and_then(|kept| kept.value.clone());
    let wrong = house.as_deref().and_then(|value| row.parse(value).err());
    let outside = match row.what {
        What::Shared(_) => source(current.origins.get(row.name)),
        What::Own { .. } => None,
    };
    let said = house.clone().filter(|_| wrong.is_none());
    let (value, from) = match (outside, said) {
        (Some(outside), _) => (row.of(&current.config).unwrap_or_default(), outside),
        (None, Some(said)) => (said, Source::House),
        (None, None) => (default.clone(), Source::Default),
    };
    let overruled = match (&house, &wrong) {
        (Some(_), _) if from.is_outside() => Some(format!("{from} says something else, and that wins.")),
        (Some(_), Some(wrong)) => Some(format!("{} The default holds.", wrong.message)),
        (None, _) | (Some(_), None) => None,
    };
    SettingRow {
        name: row.name.to_owned(),
        group: row.group.to_owned(),
        edit: if from.is_outside() { edit(row.name, &from) } else { String::new() },
        value,
        default,
        from,
        house,
        overruled,
        version: kept.map_or(0, |kept| kept.version),
        changed_by: kept.and_then(|kept| kept.by_name.clone()),
        changed_at: kept.map(|kept| kept.at),
        is_of_house: true,
    }
}

/// What only the file, the environment or a flag sets.
fn of_file(current: &Current) -> Vec<SettingRow> {
    let defaults = table::values(&crate::config::Config::default());
    let values = table::values(&current.config);
    let rows = values.into_iter().zip(defaults).filter(|((setting, _), _)| house::find(&setting.name()).is_none());
    rows.map(|((setting, value), (_, default))| {
        let name = setting.name();
        let from = source(current.origins.get(&name)).unwrap_or(Source::Default);
        SettingRow {
            group: FILE.to_owned(),
            value: house::written(&value),
            default: house::written(&default),
            house: None,
            overruled: None,
            version: 0,
            changed_by: None,
            changed_at: None,
            is_of_house: false,
            edit: edit(&name, &from),
            name,
            from,
        }
    })
    .collect()
}

/// The group of what is not the house's to set.
pub const FILE: &str = "file";
