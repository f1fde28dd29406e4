//! The tab of downloads and other work on models: what runs, what waits, what has ended.
//!
//! It implements [`Tab`]: reads its rows when it is shown, follows what changes, and lets a job be paused, taken up
//! again, tried once more and cancelled. What it asks about first it may hold itself (`holds`), or begin through
//! [`super::Step`].

use crossterm::event::{KeyEvent, MouseEvent};
use ratatui::{Frame, layout::Rect, widgets::Paragraph};

use super::{Step, Tab};
use crate::ui::{
    actions::{Action, Context},
    cx::{Cx, Hint},
    msg::Effect,
};

#[derive(Debug, Default)]
pub struct DownloadsTab {}

impl Tab for DownloadsTab {
    fn shown(&mut self, _cx: &Cx) -> Vec<Effect> {
        Vec::new()
    }

    fn changed(&mut self, _cx: &Cx) -> Vec<Effect> {
        Vec::new()
    }

    fn on_action(&mut self, _action: Action, _cx: &Cx) -> Option<Step> {
        None
    }

    fn on_key(&mut self, _key: KeyEvent, _cx: &Cx) -> Option<Vec<Effect>> {
        None
    }

    fn on_paste(&mut self, _text: String, _cx: &Cx) -> Vec<Effect> {
        Vec::new()
    }

    fn on_mouse(&mut self, _mouse: MouseEvent, _area: Rect, _cx: &Cx) -> Vec<Effect> {
        Vec::new()
    }

    fn context(&self) -> Context {
        Context::Models
    }

    fn offers(&self) -> Context {
        Context::Models
    }

    fn is_busy(&self) -> bool {
        false
    }

    fn holds(&self) -> bool {
        false
    }

    fn footer(&self, cx: &Cx) -> Vec<Hint> {
        cx.hints(&[(Action::ModelsAll, "all models"), (Action::Escape, "back")])
    }

    fn view(&self, frame: &mut Frame, area: Rect, _whole: Rect, cx: &Cx, _in_front: bool) {
        let words = Paragraph::new(" Nothing is under way.").style(cx.theme.dim);
        frame.render_widget(words, area);
    }
}
