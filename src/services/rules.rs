//! Rules that several services hold, each asked within the transaction of the change that it is about.

use crate::{
    api::{
        AccountId, Fault, FaultKind,
        admin::{Permission, RoleView},
    },
    store::{
        Tx,
        system::{Moment, roles},
    },
};

/// # Errors
/// Says what the name of an account may be.
pub(super) fn check_name(name: &str) -> Result<(), Fault> {
    let fits = (3..=50).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
    if fits {
        return Ok(());
    }
    Err(Fault::invalid("That name cannot be used.")
        .hint("A name has 3 to 50 letters (A–Z without accents), digits, dots, underscores or hyphens."))
}

/// Nobody gives a role that may what they may not.
pub(super) fn within_own(tx: &Tx<'_>, giver: AccountId, role: &RoleView) -> Result<(), Fault> {
    let own = roles::of_account(tx, giver)?;
    if Permission::ALL.into_iter().any(|permission| role.may(permission) && !own.may(permission)) {
        return Err(beyond_own());
    }
    Ok(())
}

pub(super) fn beyond_own() -> Fault {
    Fault::new(FaultKind::Denied, "Nobody can give what they may not do themselves.")
        .hint("Ask an administrator who may.")
}

/// There is always somebody left who can administer. Asked after a change, which is undone if not.
pub(super) fn still_administered(tx: &Tx<'_>) -> Result<(), Fault> {
    if roles::is_administered(tx, Moment::clock())? {
        return Ok(());
    }
    Err(Fault::new(FaultKind::Denied, "Then nobody would be left who can administer accounts and roles.")
        .hint("Give somebody else the role admin first."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        for good in ["ann", "Ann.B-2_c"] {
            check_name(good).unwrap();
        }
        for bad in ["", "an", "änn", "a b c", "ann\n", &"a".repeat(51)] {
            check_name(bad).unwrap_err();
        }
    }
}
