//! What a model receives of a file, shown before it is sent and afterwards: the exact text with everything that is
//! hidden in it made visible, or the picture.
//!
//! It reads nothing itself. Its owner gives it what was read, and moves from one file to the next.

mod sheet;
#[cfg(test)]
mod tests;

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
    widgets::{Paragraph, Wrap},
};

pub use self::sheet::Sheet;
use super::modal;
use crate::{
    api::{
        Fault, amount,
        chat::{Attachment, AttachmentKind, PreviewOf},
    },
    safe_text::SafeText,
    ui::{actions::Action, cx::Cx, picture::Picture, text::wrap::clip},
};

/// Something to look at, with the name that it has until it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    pub of: PreviewOf,
    pub name: String,
}

/// What is there of the file on view.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    Reading,
    Text(Sheet),
    Picture(Picture),
    /// An image that cannot be shown, and why. It is sent all the same.
    Unseen(String),
    Refused(Fault),
}

/// What reading a file gave, made ready off the screen's thread.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub attachment: Attachment,
    pub body: Body,
}

/// The files of one message, one of which is on view.
#[derive(Clone, Debug, PartialEq)]
pub struct Preview {
    files: Vec<Looked>,
    at: usize,
    attachment: Option<Attachment>,
    body: Body,
}

/// What a key asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreviewOut {
    Stay,
    Close,
    /// Another file is to be read.
    Read,
    Help,
}

impl Preview {
    /// `None` when there is nothing to look at.
    #[must_use]
    pub fn of(files: Vec<Looked>) -> Option<Self> {
        (!files.is_empty()).then_some(Self { files, at: 0, attachment: None, body: Body::Reading })
    }

    /// The file that is to be read.
    #[must_use]
    pub fn wanted(&self) -> PreviewOf {
        self.files[self.at].of.clone()
    }

    pub fn on_seen(&mut self, of: &PreviewOf, seen: Result<Seen, Fault>) {
        if self.files[self.at].of != *of {
            return;
        }
        match seen {
            Ok(seen) => {
                self.attachment = Some(seen.attachment);
                self.body = seen.body;
            }
            Err(fault) => self.body = Body::Refused(fault),
        }
    }

    /// `None` = the action is not one of a preview.
    pub fn on_action(&mut self, action: Action, cx: &Cx) -> Option<PreviewOut> {
        let room = self.room(cx.size);
        let page = usize::from(room.1.saturating_sub(1)).max(1);
        let mut out = PreviewOut::Stay;
        match (action, &mut self.body) {
            (Action::PreviewClose | Action::Escape | Action::Interrupt, _) => out = PreviewOut::Close,
            (Action::PreviewNext | Action::PreviewPrevious, _) => {
                let many = self.files.len();
                let step = if action == Action::PreviewNext { 1 } else { many - 1 };
                if many > 1 {
                    self.at = (self.at + step) % many;
                    (self.attachment, self.body) = (None, Body::Reading);
                    out = PreviewOut::Read;
                }
            }
            (Action::PreviewHelp, _) => out = PreviewOut::Help,
            (Action::PreviewUp, Body::Text(sheet)) => sheet.up(1, room.0),
            (Action::PreviewDown, Body::Text(sheet)) => sheet.down(1, room),
            (Action::PreviewPageUp, Body::Text(sheet)) => sheet.up(page, room.0),
            (Action::PreviewPageDown, Body::Text(sheet)) => sheet.down(page, room),
            (Action::PreviewTop, Body::Text(sheet)) => sheet.top(),
            (Action::PreviewBottom, Body::Text(sheet)) => sheet.bottom(room),
            (
                Action::PreviewUp
                | Action::PreviewDown
                | Action::PreviewPageUp
                | Action::PreviewPageDown
                | Action::PreviewTop
                | Action::PreviewBottom,
                _,
            ) => {}
            (_, _) => return None,
        }
        Some(out)
    }

    /// The wheel moves by three rows.
    pub fn on_wheel(&mut self, is_up: bool, cx: &Cx) {
        let room = self.room(cx.size);
        if let Body::Text(sheet) = &mut self.body {
            if is_up { sheet.up(3, room.0) } else { sheet.down(3, room) }
        }
    }

    /// Columns and rows for the text or the picture, in a screen of this size.
    #[must_use]
    pub fn room(&self, screen: (u16, u16)) -> (u16, u16) {
        let outer = wish(screen);
        (outer.0.saturating_sub(4), outer.1.saturating_sub(2 + self.facts_rows()))
    }

    /// One line of facts, one about what is hidden, one empty.
    fn facts_rows(&self) -> u16 {
        2 + u16::from(self.hidden() > 0)
    }

    fn hidden(&self) -> u32 {
        self.attachment.as_ref().map_or(0, |attachment| attachment.hidden_characters)
    }

    pub fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let theme = &cx.theme;
        let hints = cx.hints(if self.files.len() > 1 {
            &[
                (Action::PreviewClose, "close"),
                (Action::PreviewNext, "next file"),
                (Action::PreviewPageDown, "page down"),
                (Action::PreviewPageUp, "page up"),
                (Action::PreviewBottom, "end"),
            ]
        } else {
            &[
                (Action::PreviewClose, "close"),
                (Action::PreviewPageDown, "page down"),
                (Action::PreviewPageUp, "page up"),
                (Action::PreviewBottom, "end"),
            ]
        });
        let name = SafeText::line(&self.files[self.at].name);
        let title = match self.files.len() {
            1 => format!("What the model receives: {name}"),
            many => format!("What the model receives, {} of {many}: {name}", self.at + 1),
        };
        let wish = wish(cx.size);
        let title = clip(&title, usize::from(wish.0.saturating_sub(6)));
        let inner = modal::open(frame, area, cx, &title, wish, &hints);
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        let row = |at: u16| Rect { y: inner.y + at, height: 1, ..inner }.intersection(inner);
        frame.render_widget(Line::styled(self.facts(), theme.dim), row(0));
        if let (Body::Text(sheet), 1..) = (&self.body, self.hidden()) {
            frame.render_widget(hidden_line(sheet, self.hidden(), cx), row(1));
        }
        let rest =
            Rect { y: inner.y + self.facts_rows(), height: inner.height.saturating_sub(self.facts_rows()), ..inner };
        let says = |frame: &mut Frame, text: &str, style| {
            frame.render_widget(Paragraph::new(text.to_owned()).style(style).wrap(Wrap { trim: true }), rest);
        };
        match &self.body {
            Body::Reading => says(frame, "Reading…", theme.dim),
            Body::Text(sheet) => {
                let rows = sheet.rows(rest.width, rest.height, theme.text);
                for (at, wrapped) in (0..rest.height).zip(rows) {
                    frame.render_widget(wrapped.after(Vec::new()), Rect { y: rest.y + at, height: 1, ..rest });
                }
            }
            Body::Picture(picture) => {
                if !picture.view(frame, rest) {
                    says(frame, "The window became too small for the picture. Close it and look again.", theme.dim);
                }
            }
            Body::Unseen(why) => says(frame, &format!("{why} The model receives the file as it is."), theme.dim),
            Body::Refused(fault) => {
                let text = SafeText::new(&fault.to_string()).into_string();
                says(frame, &text, theme.error);
            }
        }
    }

    /// `PDF · 20.3 KB · about 1 200 tokens · line 12 of 300`
    fn facts(&self) -> String {
        let Some(attachment) = &self.attachment else { return String::new() };
        let mut facts = vec![attachment.kind.word().to_owned(), amount::bytes(attachment.bytes)];
        if attachment.kind == AttachmentKind::Image {
            facts.push("sent as an image".to_owned());
        } else {
            facts.push(format!("about {}", amount::many(attachment.tokens, "token")));
        }
        match &self.body {
            Body::Text(sheet) => facts.push(format!("line {} of {}", sheet.at.line + 1, sheet.lines())),
            Body::Picture(picture) => {
                let (width, height) = picture.pixels();
                facts.push(format!("{width} × {height} pixels"));
            }
            Body::Reading | Body::Unseen(_) | Body::Refused(_) => {}
        }
        facts.join(" · ")
    }
}

/// ` 3 hidden characters ` and of which kinds.
fn hidden_line(sheet: &Sheet, hidden: u32, cx: &Cx) -> Line<'static> {
    let kinds: Vec<String> = sheet.hidden.iter().map(|(kind, many)| format!("{many} × {}", kind.words())).collect();
    Line::from(vec![
        Span::styled(format!(" ! {} ", amount::many(hidden, "hidden character")), cx.theme.badge),
        Span::styled(format!(" {}", kinds.join(", ")), cx.theme.text),
    ])
}

/// Nearly the whole screen: what is looked at is rarely small.
fn wish((width, height): (u16, u16)) -> (u16, u16) {
    (width.saturating_sub(4).min(124), height.saturating_sub(2))
}
