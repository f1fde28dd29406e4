//! What registries said about updates of installed models, as long as the screen lives.
//!
//! Invariants: nobody is asked unless a key is pressed, since that leaves the machine. What was said of one build says
//! nothing of another: after an update it is not known any more.

use std::collections::{BTreeMap, BTreeSet};

use super::view::age;
use crate::{
    api::{
        Fault,
        fleet::Row,
        updates::{Standing, UpdateCheck},
    },
    safe_text::SafeText,
    ui::{
        actions::Action,
        cx::Cx,
        msg::{Effect, ModelsCall},
        widgets::toast::Toast,
    },
};

/// Longer than this no question takes: what has not been answered by then is lost.
const LOST_AFTER_MS: i64 = 5 * 60_000 + 10_000;

#[derive(Debug, Default)]
pub struct Updates {
    /// Since when an answer is awaited.
    asking: Option<i64>,
    known: BTreeMap<String, Known>,
}

#[derive(Debug)]
struct Known {
    check: UpdateCheck,
    at: i64,
}

/// As Ollama tells a digest, and as a check does, it is the same one.
fn bare(digest: &str) -> String {
    digest.trim_start_matches("sha256:").to_ascii_lowercase()
}

impl Updates {
    /// Asks registries about these installed models; none = about all.
    pub fn ask(&mut self, models: Vec<String>, cx: &Cx) -> Vec<Effect> {
        if self.is_asking(cx) {
            return vec![Effect::Toast(Toast::notice("The registries are being asked already."))];
        }
        self.asking = Some(cx.now_ms);
        vec![Effect::Models(ModelsCall::Updates { models })]
    }

    /// An answer is awaited, and may still come.
    pub fn is_asking(&self, cx: &Cx) -> bool {
        self.asking.is_some_and(|since| cx.now_ms - since < LOST_AFTER_MS)
    }

    pub fn on_reply(&mut self, checks: Result<Vec<UpdateCheck>, Fault>, cx: &Cx) -> Vec<Effect> {
        self.asking = None;
        let checks = match checks {
            Ok(checks) => checks,
            Err(fault) => return vec![Effect::Toast(Toast::fault(&fault))],
        };
        let toast = summed_up(&checks, cx);
        let known = checks.into_iter().map(|check| (check.model.clone(), Known { check, at: cx.now_ms }));
        self.known.extend(known);
        vec![Effect::Toast(toast)]
    }

    fn known(&self, row: &Row) -> Option<&Known> {
        let installed = row.installed.as_ref()?;
        self.known.get(&row.name).filter(|known| bare(&installed.digest) == bare(&known.check.installed))
    }

    /// How the installed build stands to its registry. `None` = nobody has asked.
    #[must_use]
    pub fn standing(&self, row: &Row) -> Option<Standing> {
        self.known(row).map(|known| known.check.standing)
    }

    /// For the detail: `update available, asked 3 min ago`, and why. `None` = it is not installed.
    #[must_use]
    pub fn told(&self, row: &Row, cx: &Cx) -> Option<String> {
        row.installed.as_ref()?;
        let Some(known) = self.known(row) else { return Some("—".to_owned()) };
        let words = match known.check.standing {
            Standing::Unknown => "—",
            standing @ (Standing::UpToDate | Standing::Available | Standing::Maybe) => standing.words(),
        };
        let age = age(u64::try_from(cx.now_ms - known.at).unwrap_or_default());
        Some(format!("{words}, asked {age} ago. {}", SafeText::line(&known.check.because)).trim_end().to_owned())
    }
}

/// `2 of 7 have an update.`
fn summed_up(checks: &[UpdateCheck], cx: &Cx) -> Toast {
    if checks.is_empty() {
        return Toast::notice("No model is installed.");
    }
    let many = |standing| checks.iter().filter(|check| check.standing == standing).count();
    let (available, maybe, unknown) = (many(Standing::Available), many(Standing::Maybe), many(Standing::Unknown));
    let mut words = match (available, checks.len()) {
        // “No update” would be too much, where the registry does not say so.
        (0, all) if maybe + unknown == all => "Whether there is an update is not known for certain.".to_owned(),
        (0, 1) => "It has no update.".to_owned(),
        (0, all) => format!("None of {all} has an update."),
        (1, 1) => "It has an update.".to_owned(),
        (1, all) => format!("1 of {all} has an update."),
        (some, all) => format!("{some} of {all} have an update."),
    };
    for (some, what) in [(maybe, "may have one"), (unknown, "unknown")] {
        if some > 0 {
            words = format!("{words} {some} {what}.");
        }
    }
    // A registry that cannot be asked says the same of each; once is enough.
    let reasons: BTreeSet<&str> =
        checks.iter().filter(|check| check.standing == Standing::Unknown).map(|check| check.because.as_str()).collect();
    if available + maybe > 0 {
        let key = cx.key(Action::FleetUpdate);
        let hint = format!("{key} updates the one under the cursor, or those that are marked.");
        return Toast::good(words).hint(hint);
    }
    match reasons.first() {
        Some(reason) if reasons.len() == 1 => Toast::notice(words).hint(SafeText::line(reason).into_string()),
        Some(_) | None => Toast::good(words),
    }
}
