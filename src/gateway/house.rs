//! The settings of the house: the list, changes, their history, the way back.

use std::time::Duration;

use super::Gateway;
use crate::{
    access::{Admin, Class, Op, Permission},
    api::{
        Fault,
        auth::Session,
        settings::{Differences, NewValue, PastPage, Point, Settings},
    },
};

const LIST: Op = Op {
    name: "settings.list",
    permission: Permission::ManageRoles,
    class: Class::Read,
    needs_ollama: None,
    deadline: Duration::from_secs(10),
    fresh: false,
};
const PAST: Op = Op { name: "settings.history", ..LIST };
const DIFFER: Op = Op { name: "settings.diff", ..LIST };
const SET: Op = Op { name: "settings.set", class: Class::Admin, fresh: true, ..LIST };
const ROLL_BACK: Op = Op { name: "settings.rollback", ..SET };
const ROLL_ALL_BACK: Op = Op { name: "settings.rollback_all", ..SET };

impl Gateway {
    /// Every setting: those of the house by group, then those of the file, each with the value that holds and where it
    /// comes from.
    pub async fn settings(&self, session: &Session) -> Result<Settings, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &LIST, |by| self.0.house.list(by)).await
    }

    /// Sets some for the house: all of them, or none. `Conflict` where somebody else was quicker.
    pub async fn change_settings(&self, session: &Session, changes: Vec<NewValue>) -> Result<(), Fault> {
        self.0.gate.call::<Admin, _, _>(session, &SET, |by| self.0.house.change(by, changes)).await
    }

    /// What was changed, newest first, from before the change `before`; of one setting or of all. `limit` 1–100.
    pub async fn setting_history(
        &self,
        session: &Session,
        name: Option<String>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<PastPage, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &PAST, |by| self.0.house.past(by, name, before, limit)).await
    }

    /// What differs between two points.
    pub async fn setting_differences(&self, session: &Session, from: Point, to: Point) -> Result<Differences, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &DIFFER, |by| self.0.house.difference(by, from, to)).await
    }

    /// Takes the newest change of a setting back, or goes back to what held after the version `to`; that is a change too.
    /// `seen` is the newest version that was seen.
    pub async fn roll_back_setting(
        &self,
        session: &Session,
        name: &str,
        to: Option<i64>,
        seen: i64,
    ) -> Result<(), Fault> {
        let roll = |by| self.0.house.roll_back(by, name.to_owned(), to, seen);
        self.0.gate.call::<Admin, _, _>(session, &ROLL_BACK, roll).await
    }

    /// Brings everything back to how it stood; `seen` is the newest change of all that was seen. Gives how many changed.
    pub async fn roll_all_settings_back(&self, session: &Session, to: Point, seen: i64) -> Result<u32, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &ROLL_ALL_BACK, |by| self.0.house.roll_all_back(by, to, seen)).await
    }
}
