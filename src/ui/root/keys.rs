//! Where a key, a paste and the mouse go: what stands in front first, then the screen.

use crossterm::event::{KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Rect;

use super::{Root, Stage, session::idle_reason, view};
use crate::ui::{actions::Action, msg::Effect};

impl Root {
    pub(super) fn on_key(&mut self, key: KeyEvent) -> Vec<Effect> {
        let idle = self.cx.now_ms - self.last_input_ms;
        self.last_input_ms = self.cx.now_ms;
        // After a machine slept the timer is late; the key that finds it so opens nothing.
        if self.idle_limit_ms().is_some_and(|limit| idle >= limit) && matches!(self.stage, Stage::Inside(_)) {
            return self.lock(Some(idle_reason()));
        }
        let action = self.cx.keymap.resolve(self.context(), key);
        self.quitting &= action == Some(Action::Interrupt);
        if let Some(action) = action { self.act(action, Some(key)) } else { self.raw(key) }
    }

    /// A key without a meaning of its own: text for whoever has the focus.
    pub(super) fn raw(&mut self, key: KeyEvent) -> Vec<Effect> {
        if let Some(effects) = self.overlay_key(key) {
            return effects;
        }
        match &mut self.stage {
            Stage::Outside(screen) => screen.on_key(key).unwrap_or_default(),
            Stage::Locked { lock, .. } => {
                lock.ask.on_key(key);
                Vec::new()
            }
            Stage::Inside(screens) => screens.current_mut().on_key(key, &self.cx).unwrap_or_default(),
            Stage::Opening | Stage::Failed(_) => Vec::new(),
        }
    }

    pub(super) fn on_paste(&mut self, text: String) -> Vec<Effect> {
        self.last_input_ms = self.cx.now_ms;
        if let Some(effects) = self.overlay_paste(&text) {
            return effects;
        }
        match &mut self.stage {
            Stage::Outside(screen) => screen.on_paste(&text),
            Stage::Locked { lock, .. } => {
                lock.ask.on_paste(&text);
                Vec::new()
            }
            Stage::Inside(screens) => screens.current_mut().on_paste(text, &self.cx),
            Stage::Opening | Stage::Failed(_) => Vec::new(),
        }
    }

    pub(super) fn on_mouse(&mut self, mouse: MouseEvent) -> Vec<Effect> {
        self.last_input_ms = self.cx.now_ms;
        let whole = Rect::new(0, 0, self.cx.size.0, self.cx.size.1);
        if let Some(effects) = self.overlay_mouse(mouse, whole) {
            return effects;
        }
        if mouse.kind == MouseEventKind::Down(MouseButton::Left) && mouse.row == 0 {
            return view::header_action(self, whole.width, mouse.column)
                .map(|action| self.act(action, None))
                .unwrap_or_default();
        }
        match &mut self.stage {
            Stage::Inside(screens) => screens.current_mut().on_mouse(mouse, view::body(whole), &self.cx),
            Stage::Outside(screen) => screen.on_mouse(mouse),
            Stage::Locked { lock, .. } => {
                lock.ask.on_mouse(mouse);
                Vec::new()
            }
            Stage::Opening | Stage::Failed(_) => Vec::new(),
        }
    }
}
