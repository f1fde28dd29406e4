//! How an account is set up by its own person, what it may still do, and what is recorded about it.

use crate::{
    access::{Caller, Member},
    api::{
        Fault,
        admin::{AuditFilter, Class, Limited},
        profile::{Activity, Allowance, DISPLAY_NAME_MAX, Preferences, Profile, SecondFactorState},
    },
    config::live::Live,
    services::{
        conversations::{check_limit, checked_line, checked_model, checked_options, checked_system_prompt},
        lanes::Lanes,
    },
    store::{
        Db, StoreError,
        system::{
            Moment, accounts, audit,
            buckets::{self, Bucket, Who},
            policy, second_factors, usage,
        },
        vault::{
            settings::{self, PREFERENCES},
            weight,
        },
    },
};

const MEBIBYTE: u64 = 1024 * 1024;
/// Names that `ui.theme` takes.
const THEMES: [&str; 4] = ["auto", "dark", "light", "plain"];
/// Largest set of keys, as JSON, bytes.
const KEYS_MAX: usize = 64 * 1024;

#[derive(Debug)]
pub struct Profiles {
    system: Db,
    live: Live,
    lanes: Lanes,
}

impl Profiles {
    #[must_use]
    pub fn new(system: Db, live: Live, lanes: Lanes) -> Self {
        Self { system, live, lanes }
    }

    pub async fn show(&self, by: Caller<Member>) -> Result<Profile, Fault> {
        let id = by.account;
        let profile = self
            .system
            .read(move |tx| {
                let account = accounts::by_id(tx, id)?.ok_or(StoreError::NotFound("account"))?;
                let policy = policy::current(tx)?.second_factor;
                let second_factors::Standing { added_at, codes_left } = second_factors::standing(tx, id)?;
                let is_required = policy.demands_from(account.rank);
                Ok::<_, StoreError>(Profile {
                    id,
                    name: account.name,
                    display_name: account.display_name,
                    role: account.role,
                    rank: account.rank,
                    created_at: account.created_at,
                    last_sign_in: account.last_sign_in,
                    second_factor: SecondFactorState { added_at, codes_left, policy, is_required },
                })
            })
            .await?;
        Ok(profile)
    }

    pub async fn set_display_name(&self, by: Caller<Member>, name: Option<String>) -> Result<(), Fault> {
        let name = name.filter(|name| !name.trim().is_empty());
        let name = name.map(|name| checked_line(&name, "A display name", DISPLAY_NAME_MAX)).transpose()?;
        self.system
            .write(move |tx| {
                accounts::set_display_name(tx, by.account, name.as_deref())?;
                audit::append(tx, &Moment::here(), Some(by.account), "profile.display_name", "", "ok")
            })
            .await?;
        Ok(())
    }

    pub async fn preferences(&self, by: Caller<Member>) -> Result<Preferences, Fault> {
        Ok(by.vault.db.read(|tx| settings::get(tx, PREFERENCES)).await?.unwrap_or_default())
    }

    /// Kept in the vault: what somebody tells their models is nobody else's.
    pub async fn set_preferences(&self, by: Caller<Member>, new: Preferences) -> Result<(), Fault> {
        let new = checked(new)?;
        by.vault.db.write(move |tx| settings::set(tx, PREFERENCES, &new, Moment::clock())).await?;
        Ok(())
    }

    pub async fn allowance(&self, by: Caller<Member>) -> Result<Vec<Allowance>, Fault> {
        let config = self.live.config();
        let most = |limited| by.rules.most(limited).unwrap_or_else(|| config.limits.most(limited));
        let classes: Vec<(Class, u32)> =
            Class::COUNTED.into_iter().map(|class| (class, most(Limited::Calls(class)))).collect();
        let id = by.account;
        let mut left = self
            .system
            .read(move |tx| {
                let now = Moment::clock();
                let mut found = Vec::with_capacity(classes.len() + 1);
                for (class, per_minute) in classes {
                    let bucket = Bucket { who: Who::Account(id), class: class.as_str(), per_minute };
                    let left = buckets::left(tx, bucket, now)?.unwrap_or(0).min(per_minute);
                    let missing = u64::from(per_minute - left);
                    found.push(Allowance {
                        limited: Limited::Calls(class),
                        most: per_minute,
                        left,
                        full_in_ms: missing * 60_000 / u64::from(per_minute.max(1)),
                    });
                }
                Ok::<_, StoreError>(found)
            })
            .await?;
        let (of_day, of_disk) = (most(Limited::Tokens), most(Limited::Disk));
        let now = Moment::clock();
        let used = self.system.read(move |tx| usage::tokens_of_day(tx, id, now)).await?;
        let taken = by.vault.db.read(weight::bytes).await?.div_ceil(MEBIBYTE);
        let at_once = most(Limited::Answers).max(1);
        let running = self.lanes.running(id, at_once);
        left.push(Allowance {
            limited: Limited::Answers,
            most: at_once,
            left: at_once.saturating_sub(running),
            full_in_ms: 0,
        });
        let rest = |most: u32, used: u64| most.saturating_sub(u32::try_from(used).unwrap_or(u32::MAX));
        let until_midnight = u64::try_from(usage::until_next_day(now).as_millis()).unwrap_or(0);
        left.push(Allowance {
            limited: Limited::Tokens,
            most: of_day,
            left: rest(of_day, used),
            full_in_ms: if used > 0 && of_day > 0 { until_midnight } else { 0 },
        });
        left.push(Allowance { limited: Limited::Disk, most: of_disk, left: rest(of_disk, taken), full_in_ms: 0 });
        Ok(left)
    }

    pub async fn activity(&self, by: Caller<Member>, before: Option<i64>, limit: u32) -> Result<Activity, Fault> {
        check_limit(limit)?;
        let id = by.account;
        let (account, mut entries) = self
            .system
            .read(move |tx| {
                let account = accounts::by_id(tx, id)?.ok_or(StoreError::NotFound("account"))?;
                let entries = audit::list(tx, &AuditFilter::default(), Some(id), before, limit + 1)?;
                Ok::<_, StoreError>((account, entries))
            })
            .await?;
        let more = entries.len() > limit as usize;
        entries.truncate(limit as usize);
        Ok(Activity { last_sign_in: account.last_sign_in, entries, more })
    }
}

fn checked(new: Preferences) -> Result<Preferences, Fault> {
    checked_options(&new.options)?;
    if let Some(theme) = new.theme.as_deref().filter(|theme| !THEMES.contains(theme)) {
        return Err(Fault::invalid(format!("There is no theme {theme}."))
            .hint(format!("The themes are {}.", THEMES.join(", "))));
    }
    let keys = serde_json::to_string(&new.keys).map_or(usize::MAX, |text| text.len());
    if keys > KEYS_MAX {
        return Err(Fault::invalid("These are too many keys."));
    }
    Ok(Preferences {
        model: checked_model(new.model)?,
        system_prompt: checked_system_prompt(new.system_prompt)?,
        ..new
    })
}
