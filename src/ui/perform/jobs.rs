//! The calls about work that goes on by itself.

use super::{Hands, Performer, Search, Way};
use crate::{
    api::{
        Fault, FaultKind, JobId,
        auth::Session,
        events::Event,
        fleet::{Detail, Freshness, Per, Query},
        jobs::{Batch, JobFilter, JobPage, PAGE_MAX, WhichJobs},
        recommend::RecommendQuery,
    },
    ui::{
        complete,
        msg::{JobAct, JobsCall, JobsOf, JobsReply, Monitored, Msg, Offer},
    },
};

/// So many are proposed where there is none yet.
const FIRST_MODELS: u32 = 3;

impl Performer {
    pub(super) fn jobs(&mut self, call: JobsCall) {
        let way = match &call {
            // After what was asked to change it; progress comes by itself.
            JobsCall::Read { .. } | JobsCall::Each { .. } | JobsCall::Forget { .. } => Way::InOrder,
            JobsCall::Begin(_) | JobsCall::ReadList(_) | JobsCall::Room => Way::Beside("call"),
            JobsCall::Try { .. } => Way::Newest(Search::Tried),
            JobsCall::Offers { .. } => Way::Newest(Search::Offers),
            JobsCall::First => Way::Newest(Search::FirstModels),
            JobsCall::Monitor { .. } => Way::Newest(Search::Monitor),
            JobsCall::Size { .. } => Way::Newest(Search::DownloadSizes),
            JobsCall::Check { .. } => Way::Newest(Search::Modelfile),
        };
        let hands = self.hands.clone();
        // Looking at a registry may take long; it does not outlive the interface.
        let ended = self.hands.quit.clone();
        self.make(
            way,
            Box::pin(async move {
                Box::pin(ended.run_until_cancelled(hands.tell_of_jobs(call))).await;
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
                let page = self.listed(session, of, which, before, limit).await;
                JobsReply::Read { of, asked, which, page }
            }
            JobsCall::Each { act, jobs } => {
                let (mut results, mut unconfirmed) = (Vec::new(), Vec::new());
                for (id, what) in jobs {
                    match self.act_on_job(session, act, id).await {
                        Err(fault) if fault.kind == FaultKind::Unconfirmed => unconfirmed.push((id, what)),
                        went => results.push((what, went)),
                    }
                }
                JobsReply::Each { act, results, unconfirmed }
            }
            JobsCall::Forget { of } => JobsReply::Forgot(self.forget_ended(session, of).await),
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
            JobsCall::First => {
                let query = RecommendQuery { limit: FIRST_MODELS, ..RecommendQuery::default() };
                JobsReply::First(gateway.recommend_models(session, query).await)
            }
            JobsCall::Offers { asked, names } => {
                let mut offers = Vec::new();
                for name in names {
                    offers.push(self.offer(session, name).await);
                }
                JobsReply::Offers { asked, offers }
            }
            JobsCall::Monitor { asked, fresh } => {
                let open = JobFilter { which: WhichJobs::Open, ..JobFilter::default() };
                let seen = Box::new(Monitored {
                    models: gateway.models(session, fresh).await,
                    cache: gateway.cache_figures(session).await,
                    answers: gateway.answers_under_way(session).await,
                    jobs: gateway.jobs(session, open, None, PAGE_MAX).await,
                });
                JobsReply::Monitored { asked, seen }
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

    /// What is known of a name. Where nothing is, names that look like it.
    async fn offer(&self, session: &Session, name: String) -> Offer {
        match self.gateway.model_detail(session, &name).await {
            Ok(Detail { row, variants, .. }) => Offer {
                name,
                family: row.family,
                is_known: true,
                is_installed: row.installed.is_some(),
                bytes: row.bytes,
                verdict: row.fit.verdict,
                because: row.fit.because,
                variants: variants.into_iter().map(|tag| (tag.name, tag.bytes, tag.verdict)).collect(),
                near: Vec::new(),
            },
            Err(_) => Offer { near: self.names_near(session, &name).await, name, ..Offer::default() },
        }
    }

    /// The catalogue is filtered by the first letters, and those are ranked that are most like the name.
    async fn names_near(&self, session: &Session, name: &str) -> Vec<String> {
        let family = name.split(':').next().unwrap_or_default().to_lowercase();
        let first: String = family.chars().filter(|letter| letter.is_alphanumeric()).take(2).collect();
        if first.is_empty() {
            return Vec::new();
        }
        let query = Query { per: Per::Family, freshness: Freshness::Kept, ..Query::typed(first, PAGE_MAX.min(100)) };
        let Ok(page) = self.gateway.models_find(session, query).await else { return Vec::new() };
        let likeness = |known: &str| strsim::jaro_winkler(&known.to_lowercase(), &family);
        let mut near: Vec<(f64, String)> =
            page.rows.into_iter().map(|row| (likeness(&row.family), row.family)).collect();
        near.retain(|(like, _)| *like > 0.8);
        near.sort_by(|a, b| b.0.total_cmp(&a.0));
        near.into_iter().take(3).map(|(_, name)| name).collect()
    }

    /// One's own are so few that they come whole with the first page.
    async fn listed(
        &self,
        session: &Session,
        of: JobsOf,
        which: WhichJobs,
        before: Option<i64>,
        limit: u32,
    ) -> Result<JobPage, Fault> {
        let filter = JobFilter { which, ..JobFilter::default() };
        match of {
            JobsOf::Downloads => self.gateway.jobs(session, filter, before, limit).await,
            JobsOf::Own => self.gateway.own_jobs(session, which, before, limit).await,
            JobsOf::Tray => {
                let mut page = self.gateway.jobs(session, filter, before, limit).await?;
                if before.is_none() {
                    page.rows.extend(self.gateway.own_jobs(session, which, None, PAGE_MAX).await?.rows);
                }
                Ok(page)
            }
        }
    }

    async fn forget_ended(&self, session: &Session, of: JobsOf) -> Result<u64, Fault> {
        let own = match of {
            JobsOf::Downloads => 0,
            JobsOf::Own | JobsOf::Tray => self.gateway.forget_own_jobs(session).await?,
        };
        let house = match of {
            JobsOf::Own => 0,
            JobsOf::Downloads | JobsOf::Tray => self.gateway.forget_ended_jobs(session).await?,
        };
        Ok(own + house)
    }

    async fn act_on_job(&self, session: &Session, act: JobAct, id: JobId) -> Result<(), Fault> {
        let gateway = &self.gateway;
        // One's own are looked at first: nobody else has a job of that number, and a look at one's own costs no right.
        match gateway.own_job(session, id).await {
            Ok(_) => {
                return match act {
                    JobAct::Cancel => gateway.cancel_own_job(session, id).await.map(drop),
                    JobAct::Retry => gateway.retry_own_job(session, id).await.map(drop),
                    JobAct::Pause | JobAct::Resume => Err(Fault::invalid("This cannot be paused.")),
                };
            }
            Err(fault) if fault.kind == FaultKind::NotFound => {}
            Err(fault) => return Err(fault),
        }
        match act {
            JobAct::Cancel => gateway.cancel_job(session, id).await,
            JobAct::Pause => gateway.pause_job(session, id).await,
            JobAct::Resume => gateway.resume_job(session, id, false).await,
            JobAct::Retry => gateway.retry_job(session, id, false).await,
        }
        .map(drop)
    }
}
