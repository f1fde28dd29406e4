//! Rules by which old conversations go away: what they are, what they would do, what they did.

use std::time::Duration;

use super::{
    Gateway,
    organise::{CREATE, TREE},
};
use crate::{
    access::{Member, Op},
    api::{
        Fault,
        auth::Session,
        retention::{Preview, PreviewAt, Report, Retention, RetentionRules},
    },
};

pub(super) const SHOW: Op = Op { name: "retention.show", ..TREE };
pub(super) const SET: Op = Op { name: "retention.set", ..CREATE };
// Everything that would go is weighed, which in a big vault takes a while.
pub(super) const PREVIEW: Op = Op { name: "retention.preview", deadline: Duration::from_mins(5), ..TREE };
pub(super) const RUN: Op = Op { name: "retention.run", deadline: Duration::from_mins(30), ..CREATE };

impl Gateway {
    pub async fn retention(&self, session: &Session) -> Result<Retention, Fault> {
        self.0.gate.call::<Member, _, _>(session, &SHOW, |by| self.0.retention.show(by)).await
    }

    pub async fn set_retention(&self, session: &Session, rules: RetentionRules) -> Result<(), Fault> {
        self.0.gate.call::<Member, _, _>(session, &SET, |by| self.0.retention.set(by, rules)).await
    }

    /// What the rules that are set, or `rules`, would do at this moment. Nothing is changed.
    pub async fn preview_retention(
        &self,
        session: &Session,
        rules: Option<RetentionRules>,
        at: PreviewAt,
    ) -> Result<Preview, Fault> {
        self.0.gate.call::<Member, _, _>(session, &PREVIEW, |by| self.0.retention.preview(by, rules, at)).await
    }

    /// Carries the rules out now.
    pub async fn run_retention(&self, session: &Session) -> Result<Report, Fault> {
        self.0.gate.call::<Member, _, _>(session, &RUN, |by| self.0.retention.run(by)).await
    }
}
