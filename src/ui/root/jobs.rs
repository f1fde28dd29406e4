//! Work that goes on by itself, as the frame sees it: what is told of it goes to the lists that show it, and what ends is
//! told in passing.

use std::time::Duration;

use super::{Root, overlay::Overlay};
use crate::{
    api::jobs::JobNews,
    ui::{
        msg::{Effect, JobAct, JobsOf, JobsReply, Timer},
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
        matches!(self.overlay, Some(Overlay::Jobs(_)))
    }

    pub(super) fn on_jobs(&mut self, reply: JobsReply) -> Vec<Effect> {
        // What only the tray may not see says nothing about whoever is in.
        if let Some(effects) = self.refused(reply.fault()) {
            return effects;
        }
        let effects = match reply {
            JobsReply::Read { of: JobsOf::Tray, asked, which, page } => match &mut self.overlay {
                Some(Overlay::Jobs(tray)) => tray.on_page(asked, which, page),
                _ => Vec::new(),
            },
            JobsReply::Each { act, results } => self.each_job_done(act, &results),
            JobsReply::Forgot(Ok(_)) => self.read_jobs(),
            JobsReply::Forgot(Err(fault)) => vec![Effect::Toast(Toast::fault(&fault))],
            JobsReply::Read { of: JobsOf::Downloads, .. }
            | JobsReply::Begun(_)
            | JobsReply::Tried { .. }
            | JobsReply::Size { .. }
            | JobsReply::Room(_)
            | JobsReply::List(_)
            | JobsReply::Checked { .. } => Vec::new(),
        };
        self.unless_locked(effects)
    }

    fn each_job_done(&mut self, _act: JobAct, results: &[(String, Result<(), crate::api::Fault>)]) -> Vec<Effect> {
        match &mut self.overlay {
            Some(Overlay::Jobs(tray)) => tray.on_each(results),
            _ => Vec::new(),
        }
    }

    fn read_jobs(&mut self) -> Vec<Effect> {
        match &mut self.overlay {
            Some(Overlay::Jobs(tray)) => tray.read(),
            _ => Vec::new(),
        }
    }
}
