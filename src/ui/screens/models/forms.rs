//! The small forms of the Models screen: another name for a model, and a file that says what is to be done.

use std::path::PathBuf;

use crossterm::event::{KeyEvent, MouseEvent};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Margin, Rect},
    text::Text,
    widgets::{Paragraph, Wrap},
};

use crate::{
    api::{Fault, jobs::Work},
    ui::{
        actions::Action,
        cx::Cx,
        widgets::{
            form::{Form, FormOut},
            modal,
            table::safe,
        },
    },
};

#[derive(Clone, Debug, PartialEq, Eq)]
enum Purpose {
    Copy(String),
    Rename(String),
    FromFile,
}

#[derive(Debug)]
pub struct Fill {
    title: String,
    note: &'static str,
    purpose: Purpose,
    form: Form,
}

#[derive(Debug)]
pub enum FillOut {
    Stay,
    Close,
    Go(Work),
    Read(PathBuf),
}

impl Fill {
    #[must_use]
    pub fn copy(name: &str) -> Self {
        Self::of(
            format!("Copy {}", safe(name)),
            "The copy takes no further room: both names stand for the same files.",
            Purpose::Copy(name.to_owned()),
            Form::default().text("Name of the copy"),
            &safe(name),
        )
    }

    #[must_use]
    pub fn rename(name: &str) -> Self {
        Self::of(
            format!("Rename {}", safe(name)),
            "It is copied, the copy is compared, and then the old name goes. Conversations that name it go on by the old \
             name and ask for another model.",
            Purpose::Rename(name.to_owned()),
            Form::default().text("New name"),
            &safe(name),
        )
    }

    #[must_use]
    pub fn from_file() -> Self {
        Self::of(
            "Do what a list says".to_owned(),
            "A TOML file such as: install = [\"llama3.2:3b\", \"qwen3:8b\"]; also update, remove and unload. What it would \
             do is shown first.",
            Purpose::FromFile,
            Form::default().text("File"),
            "~/models.toml",
        )
    }

    fn of(title: String, note: &'static str, purpose: Purpose, form: Form, text: &str) -> Self {
        let mut form = form.waiting("A moment…");
        form.fill(0, text);
        Self { title, note, purpose, form }
    }

    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.form.busy
    }

    pub fn refuse(&mut self, fault: Fault) {
        self.form.busy = false;
        self.form.ask(fault, 0);
    }

    /// `None` = not used.
    pub fn on_action(&mut self, action: Action) -> Option<FillOut> {
        if action == Action::Interrupt {
            return Some(FillOut::Close);
        }
        Some(match self.form.on_action(action).ok()? {
            Some(FormOut::Submitted) => self.submit(),
            Some(FormOut::Cancelled) => FillOut::Close,
            Some(FormOut::Changed(_)) | None => FillOut::Stay,
        })
    }

    fn submit(&mut self) -> FillOut {
        let text = self.form.value(0).trim().to_owned();
        if text.is_empty() {
            self.form.ask(Fault::invalid("Something is missing here."), 0);
            return FillOut::Stay;
        }
        self.form.busy = true;
        match &self.purpose {
            Purpose::Copy(from) => FillOut::Go(Work::Copy { from: from.clone(), to: text }),
            Purpose::Rename(from) => FillOut::Go(Work::Rename { from: from.clone(), to: text }),
            Purpose::FromFile => FillOut::Read(text.into()),
        }
    }

    /// Whether it is used.
    pub fn on_key(&mut self, key: KeyEvent) -> bool {
        self.form.on_key(key).is_some()
    }

    pub fn on_paste(&mut self, text: &str) {
        self.form.on_paste(text);
    }

    pub fn on_mouse(&mut self, mouse: MouseEvent) {
        self.form.on_mouse(mouse);
    }

    pub fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let hints = cx.hints(&[(Action::Submit, "done"), (Action::Cancel, "leave it")]);
        let wish = (70.min(area.width.saturating_sub(2)), self.form.height() + 6);
        let inner = modal::open(frame, area, cx, &self.title, wish, &hints).inner(Margin::new(2, 0));
        let [note, _, fields] = Layout::vertical([
            Constraint::Length(if inner.height > 8 { 3 } else { 0 }),
            Constraint::Length(1),
            Constraint::Min(0),
        ])
        .areas(inner);
        let text = Text::styled(self.note, cx.theme.dim);
        frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }), note);
        self.form.view(frame, fields, cx);
    }
}
