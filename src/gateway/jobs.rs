//! Work that goes on by itself: beginning it, looking at it, stopping it and having it done again.

use std::{path::Path, time::Duration};

use super::Gateway;
use crate::{
    access::{Admin, Class, Op, Permission},
    api::{
        Fault, JobId,
        auth::Session,
        jobs::{
            AnswersUnderWay, Batch, BatchItem, Download, DownloadSize, Job, JobFilter, JobPage, ModelfileSummary, Room,
            Work,
        },
    },
};

const LIST: Op = Op {
    name: "jobs.list",
    permission: Permission::ManageModels,
    class: Class::Read,
    needs_ollama: None,
    deadline: Duration::from_secs(30),
    fresh: false,
};
const ANSWERS: Op = Op { name: "answers.count", ..LIST };
const DETAIL: Op = Op { name: "jobs.detail", ..LIST };
// What is to be done is looked up at Ollama's first, and that may be slow to answer.
const START: Op = Op { name: "jobs.start", class: Class::Admin, deadline: Duration::from_mins(2), ..LIST };
const BATCH: Op = Op { name: "jobs.batch", ..START };
const CANCEL: Op = Op { name: "jobs.cancel", class: Class::Admin, ..LIST };
const PAUSE: Op = Op { name: "jobs.pause", ..CANCEL };
const RESUME: Op = Op { name: "jobs.resume", ..CANCEL };
const RETRY: Op = Op { name: "jobs.retry", ..CANCEL };
const FORGET: Op = Op { name: "jobs.forget", ..CANCEL };
const SIZE: Op = Op { name: "models.size", class: Class::Admin, ..LIST };
const ROOM: Op = Op { name: "models.room", ..LIST };
const MODELFILE: Op = Op { name: "models.check_modelfile", ..LIST };
const READ_LIST: Op = Op { name: "models.read_list", ..LIST };

impl Gateway {
    /// Newest first, from before the row `before` on. `limit` 1–200.
    pub async fn jobs(
        &self,
        session: &Session,
        filter: JobFilter,
        before: Option<i64>,
        limit: u32,
    ) -> Result<JobPage, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &LIST, |by| self.0.jobs.list(by, filter, before, limit)).await
    }

    /// How many answers run and wait, in all windows on this machine.
    pub async fn answers_under_way(&self, session: &Session) -> Result<AnswersUnderWay, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &ANSWERS, |by| self.0.jobs.answers(by)).await
    }

    pub async fn job(&self, session: &Session, id: JobId) -> Result<Job, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &DETAIL, |by| self.0.jobs.one(by, id)).await
    }

    /// Begins one piece of work: installing, removing, copying … `Event::Job` tells how it goes on. Where the very same is
    /// under way, that is given back. `detached` = only put in line, for whichever window is open or opens next.
    pub async fn start_job(&self, session: &Session, work: Work, detached: bool) -> Result<Job, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &START, |by| self.0.jobs.start(by, work, detached)).await
    }

    /// Begins many, or says what that would do: an answer for each.
    pub async fn start_batch(&self, session: &Session, batch: Batch) -> Result<Vec<BatchItem>, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &BATCH, |by| self.0.jobs.batch(by, batch)).await
    }

    /// Ends one, wherever it runs.
    pub async fn cancel_job(&self, session: &Session, id: JobId) -> Result<Job, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &CANCEL, |by| self.0.jobs.cancel(by, id)).await
    }

    /// Stops one for now; it keeps what it has.
    pub async fn pause_job(&self, session: &Session, id: JobId) -> Result<Job, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &PAUSE, |by| self.0.jobs.pause(by, id)).await
    }

    /// Lets a paused one go on.
    pub async fn resume_job(&self, session: &Session, id: JobId, detached: bool) -> Result<Job, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &RESUME, |by| self.0.jobs.resume(by, id, detached)).await
    }

    /// Tries a failed or cancelled one again, or a waiting one at once.
    pub async fn retry_job(&self, session: &Session, id: JobId, detached: bool) -> Result<Job, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &RETRY, |by| self.0.jobs.retry(by, id, detached)).await
    }

    /// Takes all jobs that have ended out of the table; says how many those were.
    pub async fn forget_ended_jobs(&self, session: &Session) -> Result<u64, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &FORGET, |by| self.0.jobs.forget_ended(by)).await
    }

    /// Asks the registry what a model takes. Only because somebody wants to know: this leaves the machine.
    pub async fn download_size(&self, session: &Session, download: Download) -> Result<DownloadSize, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &SIZE, |by| self.0.model_work.download_size(by, download)).await
    }

    /// How much room there is for models, as far as it can be told from here.
    pub async fn room_for_models(&self, session: &Session) -> Result<Room, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &ROOM, |by| self.0.model_work.room_for_models(by)).await
    }

    /// Reads a Modelfile as `Work::Create` will; the first mistake is told with its line.
    pub async fn check_modelfile(&self, session: &Session, text: &str) -> Result<ModelfileSummary, Fault> {
        self.0
            .gate
            .call::<Admin, _, _>(session, &MODELFILE, async |by| self.0.model_work.check_modelfile(&by, text))
            .await
    }

    /// Reads a list of models (`docs/formats.md`) for `start_batch`.
    pub async fn read_model_list(&self, session: &Session, path: &Path) -> Result<Vec<Work>, Fault> {
        self.0.gate.call::<Admin, _, _>(session, &READ_LIST, |by| self.0.model_work.read_list(by, path)).await
    }
}
