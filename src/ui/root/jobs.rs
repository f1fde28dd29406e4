//! Work that goes on by itself, as the frame sees it: what is told of it goes to the lists that show it, and what ends is
//! told in passing.

use std::time::Duration;

use super::{Root, Stage, overlay::Overlay, screens::ScreenName};
use crate::{
    api::{Fault, auth::Role, jobs::JobNews},
    ui::{
        msg::{Effect, JobAct, JobsCall, JobsOf, JobsReply, Timer},
        widgets::{jobs, toast::Toast},
    },
};

/// Progress comes a few times a second from each job; so often all of it together is drawn.
const MOVED: Duration = Duration::from_millis(250);

impl Root {
    pub(super) fn on_job_news(&mut self, news: &JobNews) -> Vec<Effect> {
        let mut effects = match &mut self.overlay {
            Some(Overlay::Jobs(tray)) => tray.on_news(news),
            _ => Vec::new(),
        };
        // Members hear of their own only, and no screen but the tray shows those: it would ask for what they may not see.
        let is_admin = self.cx.account.as_ref().is_some_and(|account| account.role == Role::Admin);
        let is_own = match news {
            JobNews::Changed(job) => job.work.kind().is_own(),
            JobNews::Progress { .. } | JobNews::Elsewhere => !is_admin,
        };
        if let Stage::Inside(screens) | Stage::Locked { screens, .. } = &mut self.stage
            && !is_own
        {
            effects.extend(screens.models.on_job_news(news));
            screens.chat.on_job_news(news);
        }
        match news {
            JobNews::Changed(job) => effects.extend(jobs::ended(job, &self.cx).map(Effect::Toast)),
            JobNews::Progress { .. } => {
                self.dirty = false;
                if self.shows_jobs() && !std::mem::replace(&mut self.jobs_moved, true) {
                    effects.push(Effect::After(MOVED, Timer::JobsMoved));
                }
            }
            JobNews::Elsewhere => {}
        }
        self.unless_locked(effects)
    }

    /// Whether how far jobs are is on the screen.
    pub(super) fn shows_jobs(&self) -> bool {
        let behind = match &self.stage {
            Stage::Inside(screens) => match screens.name() {
                ScreenName::Models => screens.models.shows_jobs(),
                ScreenName::Chat => screens.chat.shows_first_model(),
                ScreenName::Library
                | ScreenName::Search
                | ScreenName::Insights
                | ScreenName::Admin
                | ScreenName::Account => false,
            },
            Stage::Opening | Stage::Failed(_) | Stage::Outside(_) | Stage::Locked { .. } => false,
        };
        behind || matches!(self.overlay, Some(Overlay::Jobs(_)))
    }

    pub(super) fn on_jobs(&mut self, reply: JobsReply) -> Vec<Effect> {
        // What only the tray may not see says nothing about whoever is in.
        if let Some(effects) = self.refused(reply.fault()) {
            return effects;
        }
        let effects = match reply {
            JobsReply::Read { of: JobsOf::Tray | JobsOf::Own, asked, which, page } => match &mut self.overlay {
                Some(Overlay::Jobs(tray)) => tray.on_page(asked, which, page),
                _ => Vec::new(),
            },
            JobsReply::Each { act, results, unconfirmed } => {
                let mut effects = self.each_job_done(act, results);
                if !unconfirmed.is_empty() {
                    let call = JobsCall::Each { act, jobs: unconfirmed };
                    effects.push(Effect::Confirm(vec![Effect::Jobs(call)]));
                }
                effects
            }
            JobsReply::Forgot(Ok(_)) => self.read_jobs(),
            JobsReply::Forgot(Err(fault)) => vec![Effect::Toast(Toast::fault(&fault))],
            JobsReply::First(found) => self.with_screens(|screens, _| {
                screens.chat.on_first_models(found);
                Vec::new()
            }),
            reply @ (JobsReply::Read { of: JobsOf::Downloads, .. }
            | JobsReply::Begun(_)
            | JobsReply::Tried { .. }
            | JobsReply::Size { .. }
            | JobsReply::Room(_)
            | JobsReply::Offers { .. }
            | JobsReply::Monitored { .. }
            | JobsReply::List(_)
            | JobsReply::Checked { .. }) => self.with_screens(|screens, cx| {
                if matches!(reply, JobsReply::Begun(_)) {
                    screens.chat.first_model_refused();
                }
                screens.models.on_jobs(reply, cx)
            }),
        };
        self.unless_locked(effects)
    }

    fn each_job_done(&mut self, act: JobAct, results: Vec<(String, Result<(), Fault>)>) -> Vec<Effect> {
        if let Some(Overlay::Jobs(tray)) = &mut self.overlay {
            return tray.on_each(&results);
        }
        let reply = JobsReply::Each { act, results, unconfirmed: Vec::new() };
        self.with_screens(|screens, cx| screens.models.on_jobs(reply, cx))
    }

    fn read_jobs(&mut self) -> Vec<Effect> {
        match &mut self.overlay {
            Some(Overlay::Jobs(tray)) => tray.read(),
            _ => self.with_screens(|screens, cx| screens.models.on_jobs(JobsReply::Forgot(Ok(0)), cx)),
        }
    }
}
