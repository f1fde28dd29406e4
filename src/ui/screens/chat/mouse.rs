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
        let areas = self.areas(area, cx);
        let at = Position::new(mouse.column, mouse.row);
        match mouse.kind {
            MouseEventKind::ScrollUp => self.wheel(at, -WHEEL, &areas, cx),
            MouseEventKind::ScrollDown => self.wheel(at, WHEEL, &areas, cx),
            MouseEventKind::Down(MouseButton::Left) => self.click(at, &areas, cx),
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
