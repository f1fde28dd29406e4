//! What stands in front of the Models screen while somebody is about to do something to models: the questions, forms and
//! results of installing, removing, copying and the like.
//!
//! The screen calls [`Work::begin`] with the action whose key was pressed and the models it is about: those that are
//! marked, else the one under the cursor; none for what needs none, such as a Modelfile. As long as [`Work::is_open`]
//! says so, every key, paste and click comes here and to nobody else. Only administrators get this far.

use crossterm::event::{KeyEvent, MouseEvent};
use ratatui::{Frame, layout::Rect};

use crate::ui::{
    actions::{Action, Context},
    cx::Cx,
    msg::Effect,
};

/// A model that something is done to. Its name is foreign text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// With its tag.
    pub name: String,
    /// Size on disk, as far as it is known.
    pub bytes: Option<u64>,
    pub is_installed: bool,
    pub is_loaded: bool,
    /// Why it does not fit this machine, where it does not: said before it is installed or loaded.
    pub too_big_because: Option<String>,
}

#[derive(Debug, Default)]
pub struct Work {}

impl Work {
    /// One of `FleetInstall`, `FleetUpdate`, `FleetRemove`, `FleetCopy`, `FleetRename`, `FleetModelfile`, `FleetLoad`,
    /// `FleetUnload`, `FleetKeep` and `FleetBatch`.
    pub fn begin(&mut self, _action: Action, _targets: Vec<Target>, _cx: &Cx) -> Vec<Effect> {
        Vec::new()
    }

    #[must_use]
    pub fn is_open(&self) -> bool {
        false
    }

    /// `None` = not used.
    pub fn on_action(&mut self, _action: Action, _cx: &Cx) -> Option<Vec<Effect>> {
        None
    }

    /// `None` = not used.
    pub fn on_key(&mut self, _key: KeyEvent, _cx: &Cx) -> Option<Vec<Effect>> {
        None
    }

    pub fn on_paste(&mut self, _text: &str, _cx: &Cx) -> Vec<Effect> {
        Vec::new()
    }

    /// `area` is the whole screen, as `view` gets it.
    pub fn on_mouse(&mut self, _mouse: MouseEvent, _area: Rect, _cx: &Cx) -> Vec<Effect> {
        Vec::new()
    }

    /// A Modelfile came back from `$EDITOR`.
    pub fn on_edited(&mut self, _text: &str) {}

    #[must_use]
    pub fn context(&self) -> Context {
        Context::List
    }

    #[must_use]
    pub fn is_busy(&self) -> bool {
        false
    }

    pub fn view(&self, _frame: &mut Frame, _area: Rect, _cx: &Cx) {}
}
