//! One person's encrypted database: everything they wrote or received.

use super::Db;
use crate::api::AccountId;

/// An open vault. Cheap to clone; the file closes when the last handle goes.
#[derive(Clone, Debug)]
pub struct Vault {
    pub account: AccountId,
    pub db: Db,
}
