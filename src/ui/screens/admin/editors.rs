//! Two small editors: how often somebody may, and with which models. Both for a role or for one account.

use crossterm::event::KeyEvent;
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Margin, Rect},
    text::{Line, Span},
    widgets::{Paragraph, Wrap},
};

use super::{
    dialog::{Dialog, Out},
    table::safe,
};
use crate::{
    api::{
        Fault,
        admin::{Class, LimitRule, Limited, ModelRule, Scope},
    },
    ui::{
        actions::Action,
        cx::Cx,
        msg::{AdminCall, limit_of},
        widgets::{
            composer::{Composer, Typed},
            field::Field,
            form::fault_text,
            modal,
        },
    },
};

/// What is counted, and in what.
#[must_use]
pub fn limited_words(limited: Limited) -> (&'static str, &'static str) {
    match limited {
        Limited::Calls(Class::Chat) => ("answers begun", "a minute"),
        Limited::Calls(Class::Auth) => ("passphrases, codes", "a minute"),
        Limited::Calls(Class::Admin) => ("administering", "a minute"),
        Limited::Calls(Class::Read) => ("looking", "a minute"),
        Limited::Calls(Class::Write) => ("changing own things", "a minute"),
        Limited::Calls(Class::Free) => ("leaving, stopping", "never counted"),
        Limited::Answers => ("answers", "at once"),
        Limited::Tokens => ("tokens", "a day, 0 = any"),
        Limited::Disk => ("vault", "MiB, 0 = any"),
    }
}

#[derive(Debug)]
pub struct LimitsEditor {
    scope: Scope,
    title: String,
    before: Vec<LimitRule>,
    fields: Vec<Field>,
    at: usize,
    fault: Option<Fault>,
}

impl LimitsEditor {
    #[must_use]
    pub fn dialog(scope: Scope, whose: &str, rules: &[LimitRule]) -> Dialog {
        let typed = |limited| limit_of(rules, limited).map(|most| most.to_string()).unwrap_or_default();
        Dialog::Limits(Box::new(Self {
            scope,
            title: format!("Limits of {}", safe(whose)),
            before: rules.to_vec(),
            fields: Limited::ALL.into_iter().map(|limited| Field::new(&typed(limited))).collect(),
            at: 0,
            fault: None,
        }))
    }

    pub fn refuse(&mut self, fault: Fault) {
        self.fault = Some(fault);
    }

    /// `None` = not used.
    pub fn on_action(&mut self, action: Action) -> Option<Out> {
        let last = self.fields.len() - 1;
        match action {
            Action::NextField | Action::FocusNext => self.at = if self.at == last { 0 } else { self.at + 1 },
            Action::PreviousField | Action::FocusPrevious => self.at = if self.at == 0 { last } else { self.at - 1 },
            Action::Submit => return Some(self.submit()),
            _ => return None,
        }
        Some(Out::Stay)
    }

    fn submit(&mut self) -> Out {
        let mut changes = Vec::new();
        for (at, limited) in Limited::ALL.into_iter().enumerate() {
            let text = self.fields[at].text().trim();
            let most = match text {
                "" => None,
                number => {
                    let range = limited.range();
                    let Some(most) = number.parse::<u32>().ok().filter(|most| range.contains(most)) else {
                        self.at = at;
                        let wrong =
                            format!("This is a whole number from {} to {}, or empty.", range.start(), range.end());
                        self.fault = Some(Fault::invalid(wrong));
                        return Out::Stay;
                    };
                    Some(most)
                }
            };
            if most != limit_of(&self.before, limited) {
                changes.push((limited, most));
            }
        }
        if changes.is_empty() {
            return Out::Close;
        }
        Out::Send(AdminCall::Limits { scope: self.scope.clone(), changes })
    }

    pub fn on_key(&mut self, key: KeyEvent) -> bool {
        let used = self.fields[self.at].on_key(key);
        if used {
            self.fault = None;
        }
        used
    }

    pub fn on_paste(&mut self, text: &str) {
        self.fields[self.at].paste(text.lines().next().unwrap_or_default());
        self.fault = None;
    }

    pub fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let hints = cx.hints(&[(Action::Submit, "keep"), (Action::NextField, "next"), (Action::Cancel, "leave it")]);
        let rows = self.fields.len() as u16;
        let inner = modal::open(frame, area, cx, &self.title, (66, rows + 6), &hints).inner(Margin::new(1, 0));
        let [list, foot] = Layout::vertical([Constraint::Length(rows), Constraint::Min(0)]).areas(inner);
        for (at, limited) in Limited::ALL.into_iter().enumerate() {
            let y = list.y + at as u16;
            if y >= list.bottom() {
                break;
            }
            let line = Rect { y, height: 1, ..list };
            let [name, field, rest] =
                Layout::horizontal([Constraint::Length(22), Constraint::Length(8), Constraint::Min(0)]).areas(line);
            let (what, per) = limited_words(limited);
            let selected = at == self.at;
            let (mark, style) = if selected { ("›", cx.theme.accent) } else { (" ", cx.theme.dim) };
            frame.render_widget(Span::styled(format!("{mark} {what}"), style), name);
            if self.fields[at].is_empty() && !selected {
                frame.render_widget(Span::styled("–", cx.theme.placeholder), field);
            }
            self.fields[at].view(frame, field, cx.theme.text, selected);
            let told = if self.fields[at].is_empty() {
                match &self.scope {
                    Scope::Role(_) => format!("{per}; {} as configured", cx.config.limits.most(limited)),
                    Scope::Account(_) => format!("{per}; as the role says"),
                }
            } else {
                per.to_owned()
            };
            frame.render_widget(Span::styled(told, cx.theme.dim), rest);
        }
        let foot = Rect { y: (foot.y + 1).min(foot.bottom()), height: foot.height.saturating_sub(1), ..foot };
        if let Some(fault) = &self.fault {
            frame.render_widget(fault_text(fault, cx), foot);
        } else {
            let words = "Empty = no limit of its own. An account's own limit wins over its role's.";
            let text = Paragraph::new(Line::styled(words, cx.theme.dim)).wrap(Wrap { trim: true });
            frame.render_widget(text, foot);
        }
    }
}

#[derive(Debug)]
pub struct ModelsEditor {
    scope: Scope,
    title: String,
    composer: Composer,
    fault: Option<Fault>,
}

impl ModelsEditor {
    #[must_use]
    pub fn dialog(scope: Scope, whose: &str, rules: &[ModelRule]) -> Dialog {
        let mut composer = Composer::new(false);
        composer.set_text(&model_lines(rules).join("\n"));
        let title = format!("Models for {}", safe(whose));
        Dialog::Models(Box::new(Self { scope, title, composer, fault: None }))
    }

    pub fn refuse(&mut self, fault: Fault) {
        self.fault = Some(fault);
    }

    /// `None` = not used.
    pub fn on_action(&mut self, action: Action, cx: &Cx) -> Option<Out> {
        match action {
            Action::Send | Action::Newline if (action == Action::Send) == cx.config.ui.enter_sends => {
                return Some(match model_rules(&self.composer.text()) {
                    Ok(rules) => Out::Send(AdminCall::Models { scope: self.scope.clone(), rules }),
                    Err(fault) => {
                        self.fault = Some(fault);
                        Out::Stay
                    }
                });
            }
            Action::Send | Action::Newline => self.composer.newline(),
            Action::Escape | Action::Interrupt => return Some(Out::Close),
            // Moving in the text is the text's.
            _ => return None,
        }
        self.fault = None;
        Some(Out::Stay)
    }

    pub fn on_key(&mut self, key: KeyEvent) -> bool {
        let used = self.composer.on_key(key) != Typed::Unused;
        if used {
            self.fault = None;
        }
        used
    }

    pub fn on_paste(&mut self, text: &str) {
        self.composer.paste(text.to_owned());
        self.fault = None;
    }

    pub fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let keeps = if cx.config.ui.enter_sends { Action::Send } else { Action::Newline };
        let breaks = if cx.config.ui.enter_sends { Action::Newline } else { Action::Send };
        let hints = cx.hints(&[(keeps, "keep"), (breaks, "new line"), (Action::Escape, "leave it")]);
        let height = (area.height * 2 / 3).clamp(6, 16);
        let inner = modal::open(frame, area, cx, &self.title, (66, height), &hints).inner(Margin::new(1, 0));
        let foot_rows = 4.min(inner.height / 2);
        let [text, foot] = Layout::vertical([Constraint::Min(1), Constraint::Length(foot_rows)]).areas(inner);
        self.composer.view(frame, text, cx.theme.text, true);
        if self.composer.is_empty() {
            let words = "No rule: every model may be seen and used.";
            frame.render_widget(Span::styled(words, cx.theme.placeholder), Rect { height: text.height.min(1), ..text });
        }
        if let Some(fault) = &self.fault {
            frame.render_widget(fault_text(fault, cx), foot);
        } else {
            let words = "One rule a line. +llama3* allows, -*:70b hides; * stands for anything. As soon as \
                             something is allowed by name, only that is; a - wins over every +.";
            let text = Paragraph::new(Line::styled(words, cx.theme.dim)).wrap(Wrap { trim: true });
            frame.render_widget(text, foot);
        }
    }
}

/// As they are written: `+llama3*`, `-*:70b`.
#[must_use]
pub fn model_lines(rules: &[ModelRule]) -> Vec<String> {
    rules.iter().map(|rule| format!("{}{}", if rule.allowed { '+' } else { '-' }, rule.pattern)).collect()
}

/// # Errors
/// Names the line that does not begin with a sign, or has nothing behind it.
pub fn model_rules(text: &str) -> Result<Vec<ModelRule>, Fault> {
    let mut rules = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let rule = match (line.strip_prefix('+'), line.strip_prefix(['-', '−'])) {
            (Some(pattern), _) => ModelRule { pattern: pattern.trim().to_owned(), allowed: true },
            (None, Some(pattern)) => ModelRule { pattern: pattern.trim().to_owned(), allowed: false },
            (None, None) => ModelRule { pattern: String::new(), allowed: true },
        };
        if rule.pattern.is_empty() {
            return Err(Fault::invalid(format!("Line {} is no rule.", number + 1))
                .hint("Begin it with + to allow or - to hide, then a model's name."));
        }
        rules.push(rule);
    }
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_as_they_are_written() {
        let text = "+llama3*\n\n - *:70b \n";
        let rules = model_rules(text).unwrap();
        assert_eq!(model_lines(&rules), ["+llama3*", "-*:70b"]);
    }

    #[test]
    fn a_line_without_a_sign_is_named() {
        let fault = model_rules("+a\nllama3").unwrap_err();
        assert!(fault.message.contains("Line 2"), "{fault}");
        assert!(model_rules("+").is_err());
    }
}
