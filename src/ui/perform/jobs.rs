//! The calls about work that goes on by itself.

use super::{Hands, Performer, Search, Way};
use crate::{
    api::{
        Fault, JobId,
        auth::Session,
        events::Event,
        jobs::{Batch, JobFilter},
    },
    ui::{
        complete,
        msg::{JobAct, JobsCall, JobsReply, Msg},
    },
};

impl Performer {
    pub(super) fn jobs(&mut self, call: JobsCall) {
        let way = match &call {
            // After what was asked to change it; progress comes by itself.
            JobsCall::Read { .. } | JobsCall::Each { .. } | JobsCall::Forget => Way::InOrder,
            JobsCall::Begin(_) | JobsCall::ReadList(_) | JobsCall::Room => Way::Beside("call"),
            JobsCall::Try { .. } => Way::Newest(Search::Tried),
            JobsCall::Size { .. } => Way::Newest(Search::DownloadSizes),
            JobsCall::Check { .. } => Way::Newest(Search::Modelfile),
        };
        let hands = self.hands.clone();
        // Looking at a registry may take long; it does not outlive the interface.
        let ended = self.hands.quit.clone();
        self.make(
            way,
            Box::pin(async move {
                ended.run_until_cancelled(hands.tell_of_jobs(call)).await;
            }),
        );
    }
}

impl Hands {
    async fn tell_of_jobs(&self, call: JobsCall) {
        let Some(session) = self.session() else {
            return self.tell(Msg::Event(Event::SessionEnded(Fault::signed_out()))).await;
        };
        let (gateway, session) = (&self.gateway, &session);
        let reply = match call {
            JobsCall::Read { of, asked, which, before, limit } => {
                let filter = JobFilter { which, ..JobFilter::default() };
                let page = gateway.jobs(session, filter, before, limit).await;
                JobsReply::Read { of, asked, which, page }
            }
            JobsCall::Each { act, jobs } => {
                let mut results = Vec::new();
                for (id, what) in jobs {
                    results.push((what, self.act_on_job(session, act, id).await));
                }
                JobsReply::Each { act, results }
            }
            JobsCall::Forget => JobsReply::Forgot(gateway.forget_ended_jobs(session).await),
            JobsCall::Begin(works) => JobsReply::Begun(gateway.start_batch(session, Batch::of(works)).await),
            JobsCall::Try { asked, works } => {
                let batch = Batch { dry_run: true, ..Batch::of(works) };
                JobsReply::Tried { asked, items: gateway.start_batch(session, batch).await }
            }
            JobsCall::Size { asked, downloads } => {
                let mut sizes = Vec::new();
                for download in downloads {
                    let name = download.model.clone();
                    sizes.push((name, gateway.download_size(session, download).await));
                }
                JobsReply::Size { asked, sizes }
            }
            JobsCall::Room => JobsReply::Room(gateway.room_for_models(session).await),
            JobsCall::ReadList(path) => {
                JobsReply::List(gateway.read_model_list(session, &complete::whole(&path)).await)
            }
            JobsCall::Check { asked, text } => {
                JobsReply::Checked { asked, read: gateway.check_modelfile(session, &text).await }
            }
        };
        self.tell(Msg::Jobs(reply)).await;
    }

    async fn act_on_job(&self, session: &Session, act: JobAct, id: JobId) -> Result<(), Fault> {
        let gateway = &self.gateway;
        match act {
            JobAct::Cancel => gateway.cancel_job(session, id).await,
            JobAct::Pause => gateway.pause_job(session, id).await,
            JobAct::Resume => gateway.resume_job(session, id, false).await,
            JobAct::Retry => gateway.retry_job(session, id, false).await,
        }
        .map(drop)
    }
}
