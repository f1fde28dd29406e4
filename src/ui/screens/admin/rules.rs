//! The tab with the rules of the house: each with a sentence on what it does.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
    widgets::Paragraph,
};

use super::{
    Step,
    dialog::{Ask, Fill},
    part::{House, Part},
    table::{Drawn, boxed, broken, fit, instead, row_style},
};
use crate::{
    api::{
        Fault,
        admin::{Policy, SecondFactorPolicy},
    },
    ui::{
        actions::{Action, Context},
        cx::{Cx, Hint},
        msg::{AdminCall, Effect},
    },
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Registration,
    SecondFactor,
    Retention,
}

const RULES: [Rule; 3] = [Rule::Registration, Rule::SecondFactor, Rule::Retention];

#[derive(Debug, Default)]
pub struct Rules {
    policy: Option<Policy>,
    at: usize,
    loading: bool,
    fault: Option<Fault>,
    drawn: Drawn,
}

impl Rule {
    fn name(self) -> &'static str {
        match self {
            Self::Registration => "Registration",
            Self::SecondFactor => "Second factor",
            Self::Retention => "Audit trail kept",
        }
    }

    fn value(self, policy: &Policy) -> String {
        match self {
            Self::Registration => if policy.registration { "open" } else { "closed" }.to_owned(),
            Self::SecondFactor => match policy.second_factor {
                SecondFactorPolicy::Voluntary => "voluntary",
                SecondFactorPolicy::Administrators => "demanded of administrators",
                SecondFactorPolicy::Everybody => "demanded of everybody",
            }
            .to_owned(),
            Self::Retention => match policy.audit_keep_days {
                None => "for ever".to_owned(),
                Some(days) => format!("{days} days"),
            },
        }
    }

    /// What it means as it is.
    fn words(self, policy: &Policy) -> &'static str {
        match (self, policy.registration, policy.second_factor, policy.audit_keep_days) {
            (Self::Registration, true, ..) => {
                "Anybody who can start the program here may make an account of their own, with the role user."
            }
            (Self::Registration, false, ..) => {
                "Only administrators make accounts; a new person comes in with a one-time code from one of them."
            }
            (Self::SecondFactor, _, SecondFactorPolicy::Voluntary, _) => {
                "Everybody may add an authenticator's codes to their passphrase; nobody has to."
            }
            (Self::SecondFactor, _, SecondFactorPolicy::Administrators, _) => {
                "An administrator without a second factor has to add one before doing anything else."
            }
            (Self::SecondFactor, _, SecondFactorPolicy::Everybody, _) => {
                "Whoever is without a second factor has to add one before doing anything else, at their next action."
            }
            (Self::Retention, .., None) => "Nothing is ever removed from the audit trail.",
            (Self::Retention, .., Some(_)) => {
                "Older entries are removed when the trail is pruned; what stays can be verified all the same."
            }
        }
    }
}

impl Rules {
    pub fn on_policy(&mut self, policy: Result<Policy, Fault>) -> Vec<Effect> {
        self.loading = false;
        match policy {
            Ok(policy) => {
                self.policy = Some(policy);
                self.fault = None;
            }
            Err(fault) => self.fault = Some(fault),
        }
        Vec::new()
    }

    #[must_use]
    pub fn policy(&self) -> Option<&Policy> {
        self.policy.as_ref()
    }

    fn change(&self, policy: &Policy) -> Step {
        match RULES[self.at] {
            Rule::Registration if policy.registration => {
                AdminCall::SetPolicy(Policy { registration: false, ..policy.clone() }).into()
            }
            Rule::Registration => Ask::dialog(
                "Open registration?",
                "Anybody who can start the program here can then make an account, without you.",
                "Open it",
                AdminCall::SetPolicy(Policy { registration: true, ..policy.clone() }),
            )
            .into(),
            Rule::SecondFactor => {
                let next = match policy.second_factor {
                    SecondFactorPolicy::Voluntary => SecondFactorPolicy::Administrators,
                    SecondFactorPolicy::Administrators => SecondFactorPolicy::Everybody,
                    SecondFactorPolicy::Everybody => SecondFactorPolicy::Voluntary,
                };
                let call = AdminCall::SetPolicy(Policy { second_factor: next, ..policy.clone() });
                match next {
                    SecondFactorPolicy::Voluntary => call.into(),
                    SecondFactorPolicy::Administrators => Ask::dialog(
                        "Demand it of administrators?",
                        "Those without one, you too, have to add it at their next action.",
                        "Demand it",
                        call,
                    )
                    .into(),
                    SecondFactorPolicy::Everybody => Ask::dialog(
                        "Demand it of everybody?",
                        "Those without one have to add it at their next action.",
                        "Demand it",
                        call,
                    )
                    .into(),
                }
            }
            Rule::Retention => Fill::keep_days(policy).into(),
        }
    }
}

impl Part for Rules {
    fn open(&mut self) -> Vec<Effect> {
        self.loading = true;
        vec![Effect::Admin(AdminCall::Policy)]
    }

    fn context(&self) -> Context {
        Context::Settings
    }

    fn on_action(&mut self, action: Action, _house: &House, _cx: &Cx) -> Option<Step> {
        let last = RULES.len() - 1;
        match action {
            Action::AdminUp | Action::FocusPrevious => self.at = self.at.saturating_sub(1),
            Action::AdminDown | Action::FocusNext => self.at = (self.at + 1).min(last),
            Action::AdminTop | Action::AdminPageUp => self.at = 0,
            Action::AdminBottom | Action::AdminPageDown => self.at = last,
            Action::SettingChange => return self.policy.as_ref().map(|policy| self.change(policy)),
            _ => return None,
        }
        Some(Vec::new().into())
    }

    /// Selects the rule that was drawn there, with what is said of it.
    fn clicked(&mut self, at: (u16, u16), _cx: &Cx) -> Vec<Effect> {
        if let Some(rule) = self.drawn.at(at) {
            self.at = rule;
        }
        Vec::new()
    }

    fn is_busy(&self) -> bool {
        self.loading
    }

    fn footer(&self, cx: &Cx) -> Vec<Hint> {
        cx.hints(&[(Action::SettingChange, "change"), (Action::AdminDown, "down"), (Action::AdminUp, "up")])
    }

    fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool) {
        let inner = boxed(frame, area, "Rules of the house", "", focused, cx);
        self.drawn.clear();
        let Some(policy) = self.policy.as_ref().filter(|_| self.fault.is_none()) else {
            return instead(frame, inner, self.fault.as_ref(), true, "", cx);
        };
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        let room = usize::from(inner.width);
        let name_room = 21.min(room * 3 / 5);
        // In a low window the rules stand closer together.
        let is_roomy = inner.height >= 12;
        let mut lines = Vec::new();
        for (at, rule) in RULES.into_iter().enumerate() {
            if is_roomy {
                lines.push(Line::default());
            }
            let selected = at == self.at;
            let base = row_style(selected, focused, cx);
            let cursor = if selected { "›" } else { " " };
            let begins = lines.len() as u16;
            lines.push(Line::from(vec![
                Span::styled(fit(&format!("{cursor} {}", rule.name()), name_room), base),
                Span::styled(
                    fit(&rule.value(policy), room.saturating_sub(name_room)),
                    if selected { base } else { cx.theme.accent },
                ),
            ]));
            if is_roomy || selected {
                let words = broken(rule.words(policy), cx.theme.dim, room.saturating_sub(2).min(90));
                lines.extend(words.into_iter().map(|line| line.after(vec![Span::raw("  ")])));
            }
            let height = lines.len() as u16 - begins;
            self.drawn.add(Rect { y: inner.y + begins, height, ..inner }.intersection(inner), at);
        }
        frame.render_widget(Paragraph::new(lines), inner);
    }
}
