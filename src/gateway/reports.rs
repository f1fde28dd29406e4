//! What an administrator sees of the whole house.

use std::{path::PathBuf, time::Duration};

use super::Gateway;
use crate::{
    access::{Admin, Class, Op, Permission},
    api::{
        Fault,
        auth::Session,
        insights::Sheet,
        reports::{Overview, Question, Report, Subject},
    },
};

const OVERVIEW: Op = Op {
    name: "reports.overview",
    permission: Permission::SeeAudit,
    class: Class::Read,
    needs_ollama: None,
    deadline: Duration::from_secs(20),
    fresh: false,
};
const REPORT: Op = Op { name: "reports.read", ..OVERVIEW };
const EXPORT: Op = Op { name: "reports.export", deadline: Duration::from_mins(1), ..OVERVIEW };

impl Gateway {
    /// Who is here, what runs, what failed this week, and everything about the days that were asked for.
    pub async fn overview(&self, session: &Session, question: Question) -> Result<Overview, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &OVERVIEW, |by| self.0.reports.overview(by, question)).await
    }

    /// How much was done, how fast, what failed, how large everything is.
    pub async fn report(&self, session: &Session, question: Question) -> Result<Report, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &REPORT, |by| self.0.reports.report(by, question)).await
    }

    /// One table of a report as CSV.
    pub async fn report_csv(&self, session: &Session, question: Question, of: Subject) -> Result<String, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &REPORT, |by| self.0.reports.csv(by, question, of)).await
    }

    /// Writes one table of a report into a new file; gives its path.
    pub async fn export_report(
        &self,
        session: &Session,
        question: Question,
        of: Subject,
        what: Sheet,
        to: PathBuf,
    ) -> Result<PathBuf, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &EXPORT, |by| self.0.reports.export(by, question, of, what, to)).await
    }
}
