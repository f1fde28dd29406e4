//! What comes back: pages, details, what became of changes; and what is told of jobs.

use super::{
    FleetTab,
    dialogs::{self, Dialog},
};
use crate::{
    api::{
        Fault, FaultKind,
        fleet::{Freshness, SavedFilter},
        jobs::{JobNews, JobState, WorkKind},
    },
    safe_text::SafeText,
    ui::{
        cx::Cx,
        msg::{Effect, ModelsReply, TagAct},
        widgets::toast::Toast,
    },
};

impl FleetTab {
    pub fn on_reply(&mut self, reply: ModelsReply, cx: &Cx) -> Vec<Effect> {
        match reply {
            ModelsReply::Found { asked, page } => self.on_page(asked, page, cx),
            ModelsReply::Detail { asked, detail } => {
                self.shown.on_detail(asked, detail);
                Vec::new()
            }
            ModelsReply::Used { asked, used } => {
                self.shown.on_used(asked, used);
                Vec::new()
            }
            ModelsReply::Benchmarks { asked, page } => {
                self.shown.on_benchmarks(asked, page);
                Vec::new()
            }
            ModelsReply::Advised { task, found } => {
                if let Some(dialog) = &mut self.dialog {
                    dialog.on_advised(task, found);
                }
                Vec::new()
            }
            ModelsReply::Updates(checks) => self.updates.on_reply(checks, cx),
            ModelsReply::Machine(Ok(_)) => self.read(Freshness::Kept),
            // The list says of each model that it is not known whether it fits.
            ModelsReply::Machine(Err(_)) => Vec::new(),
            ModelsReply::Filters(Ok(filters)) => {
                self.set_filters(filters);
                Vec::new()
            }
            ModelsReply::FilterSaved(Ok(filters)) => {
                self.set_filters(filters);
                self.dialog = None;
                vec![Effect::Toast(Toast::good("The filter is saved."))]
            }
            ModelsReply::Filters(Err(fault))
            | ModelsReply::FilterSaved(Err(fault))
            | ModelsReply::Tagged { done: Err(fault), .. } => self.refused(fault),
            ModelsReply::Tagged { act, done: Ok(many) } => self.tagged(&act, many),
            ModelsReply::Written { name, card: Ok(_) } => {
                self.dialog = None;
                let name = SafeText::line(&name);
                let mut effects = vec![Effect::Toast(Toast::good(format!("Written on {name}.")))];
                effects.extend(self.ask_detail());
                effects.extend(self.read(Freshness::Kept));
                effects
            }
            ModelsReply::Written { card: Err(fault), .. } => {
                // The card is read anew, so that the next try is made on what is there.
                let is_conflict = fault.kind == FaultKind::Conflict;
                let mut effects = self.refused(fault);
                if is_conflict {
                    effects.extend(self.ask_detail());
                }
                effects
            }
        }
    }

    /// What a benchmark has just measured is shown at once.
    pub fn on_job_news(&mut self, news: &JobNews) -> Vec<Effect> {
        match news {
            JobNews::Changed(job)
                if job.state == JobState::Done
                    && job.work.kind() == WorkKind::Benchmark
                    && self.shown.is_of(job.work.model()) =>
            {
                self.shown.ask_benchmarks()
            }
            JobNews::Changed(_) | JobNews::Progress { .. } | JobNews::Elsewhere => Vec::new(),
        }
    }

    pub(super) fn refused(&mut self, fault: Fault) -> Vec<Effect> {
        match &mut self.dialog {
            Some(dialog) if dialog.waits() => {
                dialog.refuse(fault);
                Vec::new()
            }
            Some(_) | None => vec![Effect::Toast(Toast::fault(&fault))],
        }
    }

    pub(super) fn set_filters(&mut self, filters: Vec<SavedFilter>) {
        self.filters = filters;
        if let Some(Dialog::Saved(picker)) = &mut self.dialog {
            picker.set_items(dialogs::saved_items(&self.filters));
        }
    }

    pub(super) fn tagged(&mut self, act: &TagAct, many: u64) -> Vec<Effect> {
        let safe = |name: &String| SafeText::line(name).into_string();
        let words = match act {
            TagAct::Create { name } => format!("The tag {} is made.", safe(name)),
            TagAct::Rename { name, new } => format!("The tag {} is called {} now.", safe(name), safe(new)),
            TagAct::Category { name, category } if category.is_empty() => {
                format!("The tag {} is in no category now.", safe(name))
            }
            TagAct::Category { name, category } => {
                format!("The tag {} is in the category {} now.", safe(name), safe(category))
            }
            TagAct::Merge { from, into } => format!("What carried {} carries {} now.", safe(from), safe(into)),
            TagAct::Delete { name } => match many {
                1 => format!("The tag {} is gone; one model carried it.", safe(name)),
                many => format!("The tag {} is gone; {many} models carried it.", safe(name)),
            },
            TagAct::Put { models, .. } if models.len() == 1 => format!("The tags of {} are changed.", safe(&models[0])),
            TagAct::Put { models, .. } => format!("The tags of {} models are changed.", models.len()),
        };
        // A tag that is gone or has another name is no longer looked for under the old one.
        match act {
            TagAct::Rename { name, new } => {
                for tag in self.tags.iter_mut().filter(|tag| *tag == name) {
                    tag.clone_from(new);
                }
            }
            TagAct::Merge { from: name, .. } | TagAct::Delete { name } => self.tags.retain(|tag| tag != name),
            TagAct::Create { .. } | TagAct::Category { .. } | TagAct::Put { .. } => {}
        }
        match &mut self.dialog {
            Some(Dialog::Tags(tags)) => tags.done(),
            _ => self.dialog = None,
        }
        let mut effects = vec![Effect::Toast(Toast::good(words))];
        effects.extend(self.read(Freshness::Kept));
        if self.shown.is_there() {
            effects.extend(self.ask_detail());
        }
        effects
    }
}
