//! How what stands in front of the tabs looks.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Margin, Rect},
    style::Style,
    text::{Line, Span, Text},
    widgets::{Clear, Paragraph, Wrap},
};

use super::{dialogs::Dialog, forms::Asked, qr};
use crate::{
    api::auth::Secret,
    qr::Qr,
    safe_text::SafeText,
    ui::{
        actions::Action,
        cx::{Cx, Hint},
        screens::sign_in::{lines, prose, view_code},
        widgets::{form::Form, modal},
    },
};

impl Dialog {
    pub fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let hints = self.hints(cx);
        match self {
            Self::Form(asked, form) => {
                let (title, about) = asked.words(cx);
                match asked {
                    Asked::Enrolment { secret, qr } => {
                        view_enrolment(
                            &Enrolling { title, secret, qr: qr.as_ref(), then: &about },
                            form,
                            frame,
                            area,
                            cx,
                        );
                    }
                    Asked::DisplayName
                    | Asked::KeysOf(_)
                    | Asked::Code(_)
                    | Asked::Export
                    | Asked::DeleteName
                    | Asked::OpenSealed(_) => {
                        view_form(title, &about, form, &hints, frame, area, cx);
                    }
                }
            }
            Self::Model(picker) => picker.view(frame, area, cx),
            Self::Theme(picker) => picker.view(frame, area, cx),
            Self::Keys(picker) => picker.view(frame, area, cx),
            Self::Sealed(picker) => picker.view(frame, area, cx),
            Self::SystemPrompt(composer) => {
                let (width, height) = (area.width.saturating_sub(4).clamp(20, 90), (area.height * 2 / 3).clamp(5, 16));
                let inner = modal::open(frame, area, cx, "System prompt of new conversations", (width, height), &hints);
                let text = inner.inner(Margin::new(1, 0));
                composer.view(frame, text, cx.theme.text, true);
                if composer.is_empty() {
                    let words = Span::styled("Empty = the settings file's, if it has one.", cx.theme.placeholder);
                    frame.render_widget(words, Rect { height: text.height.min(1), ..text });
                }
            }
            Self::Options(panel) => {
                let inner =
                    modal::open(frame, area, cx, "Options of new conversations", (56, area.height.min(22)), &hints);
                panel.view(frame, inner.inner(Margin::new(1, 0)), cx, true);
            }
            Self::Codes(codes) => view_codes(codes, frame, area, cx),
            Self::Recovery(code) => {
                frame.render_widget(Clear, area);
                view_code(code, frame, area, area.width.min(76).saturating_sub(6), cx);
            }
            Self::Question { title, text, yes, says_yes, .. } => {
                let width = 64.min(area.width);
                let rows = lines(text, width.saturating_sub(4));
                let inner = modal::open(frame, area, cx, title, (width, rows + 7), &hints).inner(Margin::new(1, 1));
                let [words, answers] =
                    Layout::vertical([Constraint::Length(rows + 1), Constraint::Min(0)]).areas(inner);
                let text = Text::styled(SafeText::new(text).into_string(), cx.theme.text);
                frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }), words);
                let answer = |is_on: bool, words: &str| {
                    let (mark, style) = if is_on { ("›", cx.theme.selection) } else { (" ", cx.theme.text) };
                    Line::styled(format!(" {mark} {words} "), style)
                };
                let both = vec![answer(!says_yes, "No, leave it as it is"), answer(*says_yes, yes)];
                frame.render_widget(Paragraph::new(both), answers);
            }
        }
    }
}

/// A field with what is said of it above; what does not fit is cut from the words.
fn view_form(title: &str, about: &str, form: &Form, hints: &[Hint], frame: &mut Frame, area: Rect, cx: &Cx) {
    let width = 66.min(area.width);
    let text = lines(about, width.saturating_sub(6)) + 1;
    let air = u16::from(area.height >= text + form.height() + 4);
    let inner = modal::open(frame, area, cx, title, (width, text + form.height() + 2 + 2 * air), hints);
    let inner = inner.inner(Margin::new(2, air));
    let text = text.min(inner.height.saturating_sub(form.height()));
    let [prose_at, fields] = Layout::vertical([Constraint::Length(text), Constraint::Min(0)]).areas(inner);
    frame.render_widget(prose(about, cx), prose_at);
    form.view(frame, fields, cx);
}

struct Enrolling<'a> {
    title: &'static str,
    secret: &'a Secret,
    qr: Option<&'a Qr>,
    /// What is done with it.
    then: &'a str,
}

/// The picture beside the form, as wide a margin around it as there is room for.
fn view_enrolment(what: &Enrolling<'_>, form: &Form, frame: &mut Frame, area: Rect, cx: &Cx) {
    let &Enrolling { title: name, secret, qr, then } = what;
    frame.render_widget(Clear, area);
    let needed = 30;
    let size = qr.and_then(|qr| qr::size(qr, area.width.saturating_sub(needed), area.height));
    let (picture, beside) = match size {
        Some((columns, rows)) => {
            let whole = modal::centred(area, ((columns + 48).min(area.width), rows.max(18).min(area.height)));
            let [picture, beside] = Layout::horizontal([Constraint::Length(columns), Constraint::Min(0)]).areas(whole);
            let margin = if beside.width > 40 { 2 } else { 1 };
            (Rect { height: rows.min(picture.height), ..picture }, beside.inner(Margin::new(margin, 0)))
        }
        None => (Rect::ZERO, area.inner(Margin::new(1, 0))),
    };
    let about = if size.is_some() {
        "Scan this with your authenticator, or type the secret into it:"
    } else {
        "Type this secret into your authenticator. (A QR code needs a window of 80 × 24.)"
    };
    if let Some(qr) = qr.filter(|_| size.is_some()) {
        qr::draw(qr, picture, &cx.theme, frame.buffer_mut());
    }
    let groups: Vec<Secret> = secret.reveal().split_whitespace().map(Secret::new).collect();
    let per_row = usize::from(beside.width / 5).clamp(1, 4);
    let letters: Vec<Line> = groups
        .chunks(per_row)
        .map(|row| {
            row.iter().map(|group| Span::styled(format!("{} ", group.reveal()), cx.theme.strong)).collect::<Line>()
        })
        .collect();
    let above = lines(about, beside.width);
    let below = lines(then, beside.width);
    let low = beside.height < above + letters.len() as u16 + below + form.height() + 5;
    let air = u16::from(!low);
    let below = if beside.height < above + letters.len() as u16 + below + form.height() { 0 } else { below };
    let [title, about_at, letters_at, then_at, fields] = Layout::vertical([
        Constraint::Length(2 * air),
        Constraint::Length(above + air),
        Constraint::Length(letters.len() as u16 + air),
        Constraint::Length(below + u16::from(below > 0) * air),
        Constraint::Min(0),
    ])
    .areas(beside);
    frame.render_widget(Span::styled(name, cx.theme.title), Rect { height: title.height.min(1), ..title });
    frame.render_widget(prose(about, cx), about_at);
    frame.render_widget(Paragraph::new(letters), letters_at);
    frame.render_widget(prose(then, cx), then_at);
    form.view(frame, fields, cx);
}

/// In two columns; without a frame where the window is low.
fn view_codes(codes: &[Secret], frame: &mut Frame, area: Rect, cx: &Cx) {
    let about = "Each of these signs you in once instead of a code, when you have no authenticator at hand. They are shown \
                 now and never again: write them down.";
    let rows = codes.len().div_ceil(2);
    let wide = 60.min(area.width);
    let text = lines(about, wide.saturating_sub(6)) + 1;
    let is_low = area.height < text + rows as u16 + 4 || area.width < 56;
    let inner = if is_low {
        frame.render_widget(Clear, area);
        area
    } else {
        let hints = cx.hints(&[(Action::ListAccept, "I have written them down")]);
        let height = text + rows as u16 + 4;
        modal::open(frame, area, cx, "Recovery codes of your second factor", (wide, height), &hints)
            .inner(Margin::new(2, 1))
    };
    let text = lines(about, inner.width).min(inner.height.saturating_sub(rows as u16));
    let [words, list] =
        Layout::vertical([Constraint::Length(text + u16::from(!is_low)), Constraint::Min(0)]).areas(inner);
    frame.render_widget(prose(about, cx), words);
    let column = usize::from(list.width / 2);
    let style: Style = cx.theme.strong;
    let lines: Vec<Line> = (0..rows)
        .map(|row| {
            let code = |at: usize| codes.get(at).map_or("", Secret::reveal);
            Line::styled(format!("{:<column$}{}", code(row), code(row + rows)), style)
        })
        .collect();
    frame.render_widget(Paragraph::new(lines), list);
}
