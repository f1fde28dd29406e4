//! What stands in front of the screen and takes the keys: the palette, help, the jobs, and the root's own questions.

use crossterm::event::{KeyCode, KeyEvent, MouseEvent, MouseEventKind};
use ratatui::{Frame, layout::Rect};

use super::{Root, Stage};
use crate::{
    api::{Fault, FaultKind},
    tasks::Running,
    ui::{
        actions::{Action, Context},
        cx::Cx,
        msg::Effect,
        screens::sign_in::{ChangeOut, ChangePassphrase},
        widgets::{
            confirm::{Confirm, ConfirmOut},
            help::Help,
            jobs::Tray,
            picker::{Picker, PickerOut},
            toast::Toast,
            transfer::TransferDialog,
        },
    },
};

#[derive(Debug)]
pub(super) enum Overlay {
    Palette(Picker<Action>),
    Help(Help),
    Jobs(Box<Tray>),
    ChangePassphrase(ChangePassphrase),
    Confirm(Confirm),
    Transfer(Box<TransferDialog>),
}

impl Overlay {
    pub fn context(&self) -> Context {
        match self {
            Self::Palette(_) | Self::Help(_) => Context::List,
            Self::Jobs(tray) => tray.context(),
            Self::ChangePassphrase(_) | Self::Confirm(_) => Context::Form,
            Self::Transfer(dialog) => dialog.context(),
        }
    }

    /// Whether something turns in it; `running`: what this window does.
    pub fn is_busy(&self, running: &[Running]) -> bool {
        match self {
            Self::ChangePassphrase(form) => form.is_busy(),
            Self::Confirm(question) => question.ask.is_busy(),
            Self::Jobs(tray) => tray.is_busy(running),
            Self::Transfer(dialog) => dialog.is_busy(),
            Self::Palette(_) | Self::Help(_) => false,
        }
    }

    pub fn view(&self, root: &Root, frame: &mut Frame, area: Rect, cx: &Cx) {
        match self {
            Self::Palette(picker) => picker.view(frame, area, cx),
            Self::Help(help) => help.view(frame, area, cx),
            Self::Jobs(tray) => tray.view(&root.jobs, std::time::Instant::now(), frame, area, cx),
            Self::ChangePassphrase(form) => form.view(frame, area, cx),
            Self::Confirm(question) => question.view(frame, area, cx),
            Self::Transfer(dialog) => dialog.view(frame, area, cx),
        }
    }
}

impl Root {
    /// `None` = nothing is in front, or the action is not for it.
    pub(super) fn overlay_action(&mut self, action: Action) -> Option<Vec<Effect>> {
        let closes = matches!(action, Action::ListClose | Action::Escape | Action::Interrupt | Action::ListAccept);
        match self.overlay.as_mut()? {
            Overlay::Palette(_) if action == Action::Palette => self.overlay = None,
            Overlay::Palette(picker) => {
                let out = picker.on_action(action, &self.cx).ok()?;
                return Some(self.picked(out.as_ref()));
            }
            Overlay::Help(_) if closes || action == Action::Help => self.overlay = None,
            Overlay::Help(help) => return help.on_action(action, &self.cx).then(Vec::new),
            Overlay::Jobs(_) if action == Action::ToggleJobs => self.overlay = None,
            Overlay::Jobs(tray) => match tray.on_action(action) {
                Some(effects) => return Some(effects),
                None if closes => self.overlay = None,
                None => return None,
            },
            Overlay::ChangePassphrase(_) if action == Action::Interrupt => self.overlay = None,
            Overlay::ChangePassphrase(form) => match form.on_action(action, &self.cx)? {
                ChangeOut::Effects(effects) => return Some(effects),
                ChangeOut::Closed => self.overlay = None,
            },
            Overlay::Confirm(_) if action == Action::Interrupt => return Some(self.unconfirmed()),
            Overlay::Confirm(question) => match question.on_action(action)? {
                ConfirmOut::Effects(effects) => return Some(effects),
                ConfirmOut::Closed => return Some(self.unconfirmed()),
            },
            Overlay::Transfer(dialog) => {
                let out = dialog.on_action(action)?;
                return Some(self.transfer_out(out));
            }
        }
        Some(Vec::new())
    }

    /// `None` = nothing is in front; what is takes every key.
    pub(super) fn overlay_key(&mut self, key: KeyEvent) -> Option<Vec<Effect>> {
        Some(match self.overlay.as_mut()? {
            Overlay::Palette(picker) => {
                let out = picker.on_key(key);
                self.picked(out.as_ref())
            }
            Overlay::Jobs(tray) => {
                let used = tray.on_key(key);
                if used.is_none() && key.code == KeyCode::Char('q') {
                    self.overlay = None;
                }
                used.unwrap_or_default()
            }
            Overlay::Help(_) => {
                if matches!(key.code, KeyCode::Char('q' | '?')) {
                    self.overlay = None;
                }
                Vec::new()
            }
            Overlay::ChangePassphrase(form) => form.on_key(key).unwrap_or_default(),
            Overlay::Confirm(question) => {
                question.ask.on_key(key);
                Vec::new()
            }
            Overlay::Transfer(dialog) => dialog.on_key(key),
        })
    }

    pub(super) fn overlay_paste(&mut self, text: &str) -> Option<Vec<Effect>> {
        Some(match self.overlay.as_mut()? {
            Overlay::Palette(picker) => {
                let out = picker.on_paste(text);
                self.picked(out.as_ref())
            }
            Overlay::ChangePassphrase(form) => form.on_paste(text),
            Overlay::Confirm(question) => {
                question.ask.on_paste(text);
                Vec::new()
            }
            Overlay::Transfer(dialog) => dialog.on_paste(text),
            Overlay::Help(_) | Overlay::Jobs(_) => Vec::new(),
        })
    }

    pub(super) fn overlay_mouse(&mut self, mouse: MouseEvent, whole: Rect) -> Option<Vec<Effect>> {
        Some(match self.overlay.as_mut()? {
            Overlay::Palette(picker) => {
                let out = picker.on_mouse(mouse, whole, &self.cx);
                self.picked(out.as_ref())
            }
            Overlay::Help(help) => {
                match mouse.kind {
                    MouseEventKind::ScrollUp => help.on_action(Action::ListUp, &self.cx),
                    MouseEventKind::ScrollDown => help.on_action(Action::ListDown, &self.cx),
                    _ => false,
                };
                Vec::new()
            }
            Overlay::ChangePassphrase(form) => {
                form.on_mouse(mouse);
                Vec::new()
            }
            Overlay::Confirm(question) => {
                question.ask.on_mouse(mouse);
                Vec::new()
            }
            Overlay::Transfer(dialog) => dialog.on_mouse(mouse),
            Overlay::Jobs(tray) => tray.on_mouse(mouse),
        })
    }

    fn picked(&mut self, out: Option<&PickerOut<Action>>) -> Vec<Effect> {
        match out {
            Some(PickerOut::Chosen(action)) => {
                self.overlay = None;
                vec![Effect::Act(*action)]
            }
            Some(PickerOut::Closed) => {
                self.overlay = None;
                Vec::new()
            }
            Some(PickerOut::Typed(_)) | None => Vec::new(),
        }
    }

    /// Nothing is asked of somebody who is not in: what was refused stays undone.
    pub(super) fn ask_passphrase(&mut self, then: Vec<Effect>) {
        if !matches!(self.stage, Stage::Inside(_)) {
            return;
        }
        if let Some(Overlay::Confirm(question)) = &mut self.overlay {
            question.also(then);
        } else {
            self.put_transfer_behind();
            self.overlay = Some(Overlay::Confirm(Confirm::new(then)));
        }
    }

    fn unconfirmed(&mut self) -> Vec<Effect> {
        self.overlay = None;
        if let Some(mut dialog) = self.transfer.take_if(|dialog| dialog.is_starting()) {
            dialog.not_started();
            self.overlay = Some(Overlay::Transfer(dialog));
        }
        if let Some(screens) = self.screens() {
            screens.current_mut().on_confirmed(false);
        }
        vec![Effect::Toast(Toast::notice("Left as it was."))]
    }

    /// What was refused is done now; a wrong passphrase is asked for again.
    pub(super) fn on_confirmed(&mut self, outcome: Result<(), Fault>) -> Vec<Effect> {
        match (outcome, self.overlay.take()) {
            (Ok(()), Some(Overlay::Confirm(question))) => {
                if let Some(screens) = self.screens() {
                    screens.current_mut().on_confirmed(true);
                }
                question.into_effects()
            }
            (Err(fault), Some(Overlay::Confirm(_))) if fault.kind == FaultKind::SignedOut => self.leave_for(fault),
            (Err(fault), Some(Overlay::Confirm(mut question))) => {
                question.ask.refused(fault);
                self.overlay = Some(Overlay::Confirm(question));
                Vec::new()
            }
            (_, other) => {
                self.overlay = other;
                Vec::new()
            }
        }
    }
}
