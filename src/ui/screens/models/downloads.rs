//! The tab of downloads and other work on models: what runs, what waits, what has ended, with all that is known of the job
//! under the cursor.

use crossterm::event::{KeyEvent, MouseEvent};
use ratatui::{Frame, layout::Rect};

use super::{Step, Tab, for_administrators, is_admin};
use crate::{
    api::{
        Fault,
        jobs::{JobNews, JobPage, WhichJobs},
    },
    ui::{
        actions::{Action, Context},
        cx::{Cx, Hint},
        msg::{Effect, JobsOf},
        widgets::{jobs::JobList, table::boxed},
    },
};

#[derive(Debug)]
pub struct DownloadsTab {
    list: JobList,
}

impl Default for DownloadsTab {
    fn default() -> Self {
        Self { list: JobList::new(JobsOf::Downloads) }
    }
}

impl DownloadsTab {
    pub fn on_page(&mut self, asked: u64, which: WhichJobs, page: Result<JobPage, Fault>) -> Vec<Effect> {
        self.list.on_page(asked, which, page)
    }

    pub fn on_news(&mut self, news: &JobNews) -> Vec<Effect> {
        self.list.on_news(news)
    }

    pub fn on_each(&mut self, results: &[(String, Result<(), Fault>)]) -> Vec<Effect> {
        self.list.on_each(results)
    }

    pub fn read(&mut self) -> Vec<Effect> {
        self.list.read()
    }

    /// The frame's title and what stands below.
    fn words(&self) -> (String, String) {
        let summary = self.list.summary();
        let title = if summary.is_empty() { "Downloads".to_owned() } else { format!("Downloads · {summary}") };
        (title, String::new())
    }
}

impl Tab for DownloadsTab {
    fn shown(&mut self, cx: &Cx) -> Vec<Effect> {
        if is_admin(cx) { self.list.read() } else { Vec::new() }
    }

    /// Jobs are told of by themselves.
    fn changed(&mut self, _cx: &Cx) -> Vec<Effect> {
        Vec::new()
    }

    fn on_action(&mut self, action: Action, cx: &Cx) -> Option<Step> {
        if action == Action::JobsHelp {
            return Some(vec![Effect::Act(Action::Help)].into());
        }
        let is_theirs = action.spec().context == Context::Jobs;
        if is_theirs && !is_admin(cx) {
            return Some(vec![for_administrators()].into());
        }
        self.list.on_action(action).map(Step::from)
    }

    fn on_key(&mut self, key: KeyEvent, _cx: &Cx) -> Option<Vec<Effect>> {
        self.list.on_key(key)
    }

    fn on_paste(&mut self, _text: String, _cx: &Cx) -> Vec<Effect> {
        Vec::new()
    }

    fn on_mouse(&mut self, mouse: MouseEvent, _area: Rect, _cx: &Cx) -> Vec<Effect> {
        self.list.on_mouse(mouse)
    }

    fn context(&self) -> Context {
        self.list.context()
    }

    fn offers(&self) -> Context {
        Context::Jobs
    }

    fn is_busy(&self) -> bool {
        self.list.is_loading()
    }

    fn holds(&self) -> bool {
        self.list.asks()
    }

    fn footer(&self, cx: &Cx) -> Vec<Hint> {
        let mut hints = self.list.hints(cx);
        hints.extend(cx.hints(&[(Action::ModelsAll, "all models"), (Action::Escape, "back")]));
        hints
    }

    fn view(&self, frame: &mut Frame, area: Rect, whole: Rect, cx: &Cx, in_front: bool) {
        let (title, below) = self.words();
        let inner = boxed(frame, area, &title, &below, in_front, cx);
        if is_admin(cx) {
            self.list.view(frame, inner, cx, in_front && !self.list.asks());
            self.list.view_question(frame, whole, cx);
        } else {
            let words = "Installing and removing models is for administrators. They see here how it goes.";
            crate::ui::widgets::table::instead(frame, inner, None, false, words, cx);
        }
    }
}
