//! What a tab of the Admin screen is to the screen around it.

use crossterm::event::KeyEvent;
use ratatui::{Frame, layout::Rect};

use super::Step;
use crate::{
    api::admin::Policy,
    ui::{
        actions::{Action, Context},
        cx::{Cx, Hint},
        msg::Effect,
    },
};

/// What one tab offers of others: names to choose from, and the rule that pruning asks with.
#[derive(Debug)]
pub(super) struct House {
    /// Names of all roles.
    pub roles: Vec<String>,
    /// `None` = not read yet.
    pub policy: Option<Policy>,
}

/// One tab. It gets what the screen gets as long as nothing stands in front of it.
pub(super) trait Part {
    /// Shown, or shown again: reads everything anew.
    fn open(&mut self) -> Vec<Effect>;

    /// Something in the house changed, here or in another window; what is being done stays as it is.
    fn house_changed(&mut self) -> Vec<Effect> {
        self.open()
    }

    /// Which keys hold, while typing into it as well.
    fn context(&self) -> Context;

    /// `None` = not used.
    fn on_action(&mut self, action: Action, house: &House, cx: &Cx) -> Option<Step>;

    /// A key that is no action here. `None` = not used.
    fn on_key(&mut self, _key: KeyEvent) -> Option<Vec<Effect>> {
        None
    }

    fn on_paste(&mut self, _text: &str) -> Vec<Effect> {
        Vec::new()
    }

    fn clicked(&mut self, at: (u16, u16), cx: &Cx) -> Vec<Effect>;

    fn is_busy(&self) -> bool;

    fn footer(&self, cx: &Cx) -> Vec<Hint>;

    fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx, in_front: bool);
}
