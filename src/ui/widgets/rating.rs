//! A small form: the thumb that was given, why, and a comment.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
};

use super::{field::Field, modal};
use crate::{
    api::{
        MessageId,
        feedback::{Feedback, NewFeedback, Reason, Thumb},
    },
    ui::{actions::Action, cx::Cx, theme::Palette},
};

/// What the person decided.
#[derive(Debug, PartialEq, Eq)]
pub enum RatingOut {
    Stay,
    Save(NewFeedback),
    /// The rating is taken back.
    Withdraw,
    Close,
}

#[derive(Debug)]
pub struct Rating {
    pub message: MessageId,
    thumb: Thumb,
    given: Vec<Reason>,
    /// The reason under the cursor; past the last one is the comment.
    at: usize,
    comment: Field,
}

/// How a thumb is drawn; where there are no colours there may be no pictures either.
#[must_use]
pub fn thumb_mark(thumb: Thumb, palette: Palette) -> &'static str {
    match (thumb, palette) {
        (Thumb::Up, Palette::Plain) => "[+]",
        (Thumb::Down, Palette::Plain) => "[-]",
        (Thumb::Up, Palette::Dark | Palette::Light) => "👍",
        (Thumb::Down, Palette::Dark | Palette::Light) => "👎",
    }
}

impl Rating {
    /// `before`: the rating that the answer has.
    #[must_use]
    pub fn new(message: MessageId, thumb: Thumb, before: Option<&Feedback>) -> Self {
        let before = before.filter(|before| before.thumb == thumb);
        Self {
            message,
            thumb,
            given: before.map(|before| before.reasons.clone()).unwrap_or_default(),
            at: 0,
            comment: Field::new(before.and_then(|before| before.comment.as_deref()).unwrap_or_default()),
        }
    }

    /// `None` = not used.
    pub fn on_action(&mut self, action: Action) -> Option<RatingOut> {
        let last = self.thumb.reasons().len();
        match action {
            Action::NextField => self.at = if self.at == last { 0 } else { self.at + 1 },
            Action::PreviousField => self.at = if self.at == 0 { last } else { self.at - 1 },
            Action::Submit => return Some(RatingOut::Save(self.result())),
            Action::Cancel | Action::Escape | Action::Interrupt => return Some(RatingOut::Close),
            _ => return None,
        }
        Some(RatingOut::Stay)
    }

    pub fn on_key(&mut self, key: KeyEvent) -> Option<RatingOut> {
        let reasons = self.thumb.reasons();
        if let Some(reason) = reasons.get(self.at) {
            match key.code {
                KeyCode::Char(' ') => self.toggle(*reason),
                KeyCode::Char('+') => return Some(self.again(Thumb::Up)),
                KeyCode::Char('-') => return Some(self.again(Thumb::Down)),
                KeyCode::Left => self.at = self.at.saturating_sub(1),
                KeyCode::Right => self.at = (self.at + 1).min(reasons.len()),
                KeyCode::Char(letter) => {
                    let number = letter.to_digit(10).and_then(|digit| usize::try_from(digit).ok()?.checked_sub(1));
                    if let Some(reason) = number.and_then(|number| reasons.get(number)) {
                        self.toggle(*reason);
                    } else {
                        // Whoever begins to write means the comment.
                        self.at = reasons.len();
                        self.comment.on_key(key);
                    }
                }
                _ => return None,
            }
            return Some(RatingOut::Stay);
        }
        self.comment.on_key(key).then_some(RatingOut::Stay)
    }

    pub fn paste(&mut self, text: &str) {
        self.at = self.thumb.reasons().len();
        self.comment.paste(&text.replace(['\r', '\n'], " "));
    }

    /// The same key once more takes it back, the other one changes it.
    fn again(&mut self, thumb: Thumb) -> RatingOut {
        if thumb == self.thumb {
            return RatingOut::Withdraw;
        }
        self.thumb = thumb;
        self.given.clear();
        self.at = 0;
        RatingOut::Stay
    }

    fn toggle(&mut self, reason: Reason) {
        if self.given.contains(&reason) {
            self.given.retain(|given| *given != reason);
        } else {
            self.given.push(reason);
        }
    }

    fn result(&self) -> NewFeedback {
        let comment = self.comment.text().trim().to_owned();
        let comment = (!comment.is_empty()).then_some(comment);
        NewFeedback { thumb: self.thumb, reasons: self.given.clone(), comment }
    }

    pub fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let theme = &cx.theme;
        let reasons = self.thumb.reasons();
        let hints = cx.hints(&[(Action::Submit, "save"), (Action::NextField, "next"), (Action::Cancel, "back")]);
        let title = match self.thumb {
            Thumb::Up => "A good answer — why?",
            Thumb::Down => "Not a good answer — why?",
        };
        let height = u16::try_from(reasons.len()).unwrap_or(8) + 5;
        let inner = modal::open(frame, area, cx, title, (56, height), &hints);
        let rows = inner.height.saturating_sub(2);
        // Where there is little room, the lines around the cursor.
        let first = self.at.min(reasons.len() - 1).saturating_sub(usize::from(rows.saturating_sub(1)));
        for (row, (at, reason)) in (0..rows).zip(reasons.iter().enumerate().skip(first)) {
            let mark = if self.given.contains(reason) { "[x]" } else { "[ ]" };
            let style = if at == self.at { theme.selection } else { theme.text };
            let line = Line::from(vec![
                Span::styled(format!(" {} ", at + 1), theme.key),
                Span::styled(format!("{mark} {} ", reason.label()), style),
            ]);
            frame.render_widget(line, Rect { y: inner.y + row, height: 1, ..inner });
        }
        let line = Rect { y: inner.bottom().saturating_sub(1), height: inner.height.min(1), ..inner };
        let on_comment = self.at == reasons.len();
        let label = " Comment  ";
        frame.render_widget(Span::styled(label, if on_comment { theme.accent } else { theme.dim }), line);
        let width = u16::try_from(label.len()).unwrap_or(0).min(line.width);
        let field = Rect { x: line.x + width, width: line.width.saturating_sub(width + 1), ..line };
        self.comment.view(frame, field, theme.text, on_comment);
        if self.comment.is_empty() && !on_comment {
            frame.render_widget(Span::styled("stays in your vault", theme.placeholder), field);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rating(before: Option<&Feedback>) -> Rating {
        Rating::new(MessageId(uuid::Uuid::nil()), Thumb::Down, before)
    }

    fn press(rating: &mut Rating, keys: &str) -> Vec<RatingOut> {
        keys.chars().filter_map(|letter| rating.on_key(KeyCode::Char(letter).into())).collect()
    }

    #[test]
    fn reasons_are_ticked_by_number_and_a_letter_begins_the_comment() {
        let mut form = rating(None);
        press(&mut form, "132");
        press(&mut form, "1");
        press(&mut form, "no 1");
        assert_eq!(
            form.on_action(Action::Submit),
            Some(RatingOut::Save(NewFeedback {
                thumb: Thumb::Down,
                reasons: vec![Reason::OffTopic, Reason::Incomplete],
                comment: Some("no 1".to_owned()),
            }))
        );
    }

    #[test]
    fn the_same_key_takes_it_back_and_the_other_one_changes_it() {
        let before = Feedback {
            thumb: Thumb::Down,
            reasons: vec![Reason::Slow],
            comment: Some("x".into()),
            created_at: 1,
            updated_at: 1,
        };
        let mut form = rating(Some(&before));
        assert_eq!(form.result().reasons, [Reason::Slow]);
        assert_eq!(press(&mut form, "-"), [RatingOut::Withdraw]);
        assert_eq!(press(&mut form, "+"), [RatingOut::Stay]);
        assert_eq!((form.result().thumb, form.result().reasons), (Thumb::Up, vec![]));
    }
}
