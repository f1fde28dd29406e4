//! The mouse is a convenience: a click focuses, selects, opens and folds; the wheel scrolls what it is over.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::{ChatScreen, shelves::ask_effect, state::Focus};
use crate::ui::{actions::Action, cx::Cx, msg::Effect};

/// Lines per step of the wheel.
const WHEEL: isize = 3;

impl ChatScreen {
    pub(super) fn mouse(&mut self, mouse: MouseEvent, area: Rect, cx: &Cx) -> Vec<Effect> {
        if self.overlay.is_some() {
            return self.overlay_mouse(mouse, area, cx);
        }
        if self.front.is_some() {
            return Vec::new();
        }
        let areas = self.areas(area, cx);
        let at = Position::new(mouse.column, mouse.row);
        match mouse.kind {
            MouseEventKind::ScrollUp => self.wheel(at, -WHEEL, &areas, cx),
            MouseEventKind::ScrollDown => self.wheel(at, WHEEL, &areas, cx),
            MouseEventKind::Down(MouseButton::Left) => {
                self.pressed = areas.transcript.contains(at).then_some(at);
                self.click(at, &areas, cx)
            }
            MouseEventKind::Drag(MouseButton::Left) => self.drag(at, &areas, cx),
            MouseEventKind::Up(MouseButton::Left) => {
                self.pressed = None;
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn wheel(&mut self, at: Position, by: isize, areas: &super::view::Areas, cx: &Cx) -> Vec<Effect> {
        if areas.tree.contains(at) {
            return self.tree.step(by.signum()).map(ask_effect).into_iter().collect();
        }
        if areas.transcript.contains(at) || areas.composer.contains(at) {
            let look = self.highlights.look(cx);
            self.transcript.scroll(by, &look);
            return self.load_more().into_iter().collect();
        }
        Vec::new()
    }

    /// With the button held over the messages a passage is selected, from where it went down to where it is.
    fn drag(&mut self, at: Position, areas: &super::view::Areas, cx: &Cx) -> Vec<Effect> {
        let inside = areas.transcript;
        let Some(pressed) = self.pressed.filter(|_| !inside.is_empty()) else { return Vec::new() };
        let look = self.highlights.look(cx);
        if !self.is_selecting() && !self.transcript.drag(pressed.y - inside.y, pressed.x - inside.x, true, &look) {
            return Vec::new();
        }
        // At the edges it goes on with what is not on the screen.
        if at.y < inside.y {
            self.transcript.scroll(-1, &look);
        } else if at.y >= inside.bottom() {
            self.transcript.scroll(1, &look);
        }
        let row = at.y.clamp(inside.y, inside.bottom() - 1) - inside.y;
        let column = at.x.clamp(inside.x, inside.right() - 1) - inside.x;
        self.transcript.drag(row, column, false, &look);
        self.load_more().into_iter().collect()
    }

    fn click(&mut self, at: Position, areas: &super::view::Areas, cx: &Cx) -> Vec<Effect> {
        if areas.tree.contains(at) {
            self.set_focus(Focus::Tree, cx);
            let line = at.y - areas.tree.y;
            if line == 0 {
                return self.act(Action::TreeFilter, cx).unwrap_or_default();
            }
            if self.tree.click(line - 1) {
                return self.act(Action::TreeOpen, cx).unwrap_or_default();
            }
        } else if areas.panel.contains(at) {
            let line = at.y - areas.panel.y;
            self.set_focus(Focus::Panel, cx);
            if let Some(panel) = &mut self.panel {
                let out = panel.click(line);
                return self.panel_out(out, cx);
            }
        } else if areas.composer.contains(at) {
            self.set_focus(Focus::Composer, cx);
            self.composer.click(at.x - areas.composer.x, at.y - areas.composer.y);
        } else if areas.transcript.contains(at) {
            let look = self.highlights.look(cx);
            if let Some(hit) = self.transcript.hit(at.y - areas.transcript.y, &look) {
                self.transcript.end_visual();
                self.transcript.select(hit.index);
                self.set_focus(Focus::Transcript, cx);
                if hit.is_thinking {
                    let look = self.highlights.look(cx);
                    self.transcript.toggle_thinking(&look);
                }
            }
        }
        Vec::new()
    }
}
