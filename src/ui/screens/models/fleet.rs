//! The tab of all models, installed or not.

use crossterm::event::{KeyEvent, MouseEvent};
use ratatui::{Frame, layout::Rect, widgets::Paragraph};

use super::{Step, Tab};
use crate::ui::{
    actions::{Action, Context},
    cx::{Cx, Hint},
    msg::Effect,
};

#[derive(Debug, Default)]
pub struct FleetTab {}

impl Tab for FleetTab {
    fn shown(&mut self, _cx: &Cx) -> Vec<Effect> {
        Vec::new()
    }

    fn changed(&mut self, _cx: &Cx) -> Vec<Effect> {
        Vec::new()
    }

    fn on_action(&mut self, action: Action, _cx: &Cx) -> Option<Step> {
        match action {
            Action::FleetInstall
            | Action::FleetUpdate
            | Action::FleetRemove
            | Action::FleetCopy
            | Action::FleetRename
            | Action::FleetModelfile
            | Action::FleetLoad
            | Action::FleetUnload
            | Action::FleetKeep
            | Action::FleetBatch => Some(Step { effects: Vec::new(), begin: Some((action, Vec::new())) }),
            _ => None,
        }
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
        Context::Fleet
    }

    fn offers(&self) -> Context {
        Context::Fleet
    }

    fn is_busy(&self) -> bool {
        false
    }

    fn holds(&self) -> bool {
        false
    }

    fn footer(&self, cx: &Cx) -> Vec<Hint> {
        cx.hints(&[(Action::ModelsDownloads, "downloads"), (Action::Escape, "back")])
    }

    fn view(&self, frame: &mut Frame, area: Rect, _whole: Rect, cx: &Cx, _in_front: bool) {
        frame.render_widget(Paragraph::new(" Reading…").style(cx.theme.dim), area);
    }
}
