//! The rules that are asked for within the transaction of what they are about: typed, out of the settings of the house.

use rusqlite::{Connection, Transaction};

use super::settings::{self, New};
use crate::{
    api::{
        AccountId,
        admin::{Policy, SecondFactorPolicy},
    },
    store::StoreError,
};

const REGISTRATION: &str = "accounts.registration";
const SECOND_FACTOR: &str = "accounts.second_factor";
const AUDIT_DAYS: &str = "audit.keep_days";

/// The rules that hold now. A rule that says what this program does not understand is no rule to be passed over: a newer
/// one may demand more.
pub fn current(conn: &Connection) -> Result<Policy, StoreError> {
    let registration = match settings::value(conn, REGISTRATION)?.as_deref() {
        Some("true") => true,
        None | Some("false") => false,
        Some(_) => return Err(nonsense()),
    };
    let audit_keep_days = match settings::value(conn, AUDIT_DAYS)?.as_deref() {
        None | Some("0") => None,
        Some(days) => Some(days.parse().map_err(|_| nonsense())?),
    };
    Ok(Policy { registration, second_factor: second_factor(conn)?, audit_keep_days })
}

/// From whom a second factor is demanded: asked wherever a session is looked up.
pub fn second_factor(conn: &Connection) -> Result<SecondFactorPolicy, StoreError> {
    match settings::value(conn, SECOND_FACTOR)?.as_deref() {
        None | Some("voluntary") => Ok(SecondFactorPolicy::Voluntary),
        Some("administrators") => Ok(SecondFactorPolicy::Administrators),
        Some("everybody") => Ok(SecondFactorPolicy::Everybody),
        Some(_) => Err(nonsense()),
    }
}

/// Sets those that differ.
pub fn set(tx: &Transaction<'_>, by: AccountId, policy: &Policy, now: i64) -> Result<(), StoreError> {
    let before = current(tx)?;
    let put = |name, value: &str| settings::put(tx, New { name, value: Some(value), restores: None }, Some(by), now);
    if before.registration != policy.registration {
        put(REGISTRATION, &policy.registration.to_string())?;
    }
    if before.second_factor != policy.second_factor {
        put(SECOND_FACTOR, policy.second_factor.as_str())?;
    }
    if before.audit_keep_days != policy.audit_keep_days {
        put(AUDIT_DAYS, &policy.audit_keep_days.unwrap_or(0).to_string())?;
    }
    Ok(())
}

fn nonsense() -> StoreError {
    StoreError::Nonsense { what: "rules of the house" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::system::open_system;

    #[tokio::test]
    async fn rules_are_read_as_they_are_set_and_one_that_nobody_understands_is_not_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let db = open_system(&dir.path().join("system.db"), false).unwrap();
        db.write::<_, StoreError>(|tx| {
            assert_eq!(current(tx)?, Policy::default());
            let strict = Policy {
                registration: true,
                second_factor: SecondFactorPolicy::Administrators,
                audit_keep_days: Some(90),
            };
            set(tx, AccountId::new(), &strict, 1)?;
            assert_eq!(current(tx)?, strict);
            set(tx, AccountId::new(), &strict, 2)?;
            assert_eq!(settings::last(tx)?, 3, "what is as it was is no change");
            let put =
                |name| settings::put(tx, New { name, value: Some("of a newer version"), restores: None }, None, 3);
            put(SECOND_FACTOR)?;
            assert!(current(tx).is_err() && second_factor(tx).is_err());
            Ok(())
        })
        .await
        .unwrap();
    }
}
