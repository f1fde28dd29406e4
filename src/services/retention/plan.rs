//! What the rules for old conversations would do: a pure function of the rules, the time and what there is. The preview
//! shows this plan and a run carries it out, so the one is never another than the other.

use std::collections::HashMap;

use crate::{
    api::retention::{Fate, RetentionRules, Why},
    store::vault::retention::Seen,
};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What there is to decide about.
#[derive(Debug, Default)]
pub struct Facts {
    /// Longest unused first.
    pub listed: Vec<Seen>,
    /// Longest in the trash first, without what is pinned or archived.
    pub thrown_away: Vec<Seen>,
    /// Bytes of what is listed; only where a rule asks for them.
    pub bytes: HashMap<i64, u64>,
}

/// One step of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub seen: Seen,
    pub fate: Fate,
    pub why: Why,
}

/// In the order in which it is done: archive, trash, purge.
///
/// Where both an archive and a trash rule are due, the one that waits for fewer days came first and has it; so an archive
/// rule that is the quicker one keeps everything from the trash.
#[must_use]
pub fn plan(rules: &RetentionRules, now: i64, facts: &Facts) -> Vec<Step> {
    let is_free = |seen: &Seen| !seen.pinned && !seen.answering;
    let idle = |seen: &Seen, days: Option<u32>| days.is_some_and(|days| now - seen.since >= i64::from(days) * DAY_MS);
    let archives_first = match (rules.archive_after_days, rules.trash_after_days) {
        (Some(archive), Some(trash)) => archive <= trash,
        (_, None) => true,
        (None, Some(_)) => false,
    };
    let days = |since: i64| u32::try_from((now - since).max(0) / DAY_MS).unwrap_or(u32::MAX);
    let (mut archive, mut trash, mut stay) = (Vec::new(), Vec::new(), Vec::new());
    for seen in &facts.listed {
        let due = |fate, after| (is_free(seen) && idle(seen, after)).then_some(fate);
        let to_archive = due(Fate::Archive, rules.archive_after_days);
        let to_trash = due(Fate::Trash, rules.trash_after_days);
        let fate = if archives_first { to_archive.or(to_trash) } else { to_trash.or(to_archive) };
        let why = Why::Idle { days: days(seen.since) };
        match fate {
            Some(Fate::Archive) => archive.push(Step { seen: *seen, fate: Fate::Archive, why }),
            Some(fate @ (Fate::Trash | Fate::Purge)) => trash.push(Step { seen: *seen, fate, why }),
            None => stay.push(*seen),
        }
    }
    if let Some(keep) = rules.keep_conversations {
        let mut excess = stay.len().saturating_sub(keep as usize);
        stay.retain(|seen| {
            let goes = excess > 0 && is_free(seen);
            if goes {
                excess -= 1;
                trash.push(Step { seen: *seen, fate: Fate::Trash, why: Why::TooMany });
            }
            !goes
        });
    }
    if let Some(keep) = rules.keep_bytes {
        let bytes = |seen: &Seen| facts.bytes.get(&seen.seq).copied().unwrap_or_default();
        let mut total: u64 = stay.iter().map(bytes).sum();
        for seen in &stay {
            if total > keep && is_free(seen) && bytes(seen) > 0 {
                total -= bytes(seen);
                trash.push(Step { seen: *seen, fate: Fate::Trash, why: Why::TooBig });
            }
        }
    }
    let purge = facts
        .thrown_away
        .iter()
        .filter(|seen| is_free(seen) && idle(seen, rules.purge_after_days))
        .map(|seen| Step { seen: *seen, fate: Fate::Purge, why: Why::InTrash { days: days(seen.since) } });
    archive.into_iter().chain(trash).chain(purge).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ConversationId;

    const NOW: i64 = 1_000 * DAY_MS;

    fn seen(seq: i64, idle_days: i64) -> Seen {
        Seen {
            seq,
            id: ConversationId::new(),
            pinned: false,
            answering: false,
            since: NOW - idle_days * DAY_MS,
            rev: 1,
        }
    }

    fn fates(rules: RetentionRules, facts: &Facts) -> Vec<(i64, Fate)> {
        plan(&rules, NOW, facts).iter().map(|step| (step.seen.seq, step.fate)).collect()
    }

    fn some() -> Facts {
        Facts {
            listed: vec![
                seen(1, 400),
                Seen { pinned: true, ..seen(2, 300) },
                Seen { answering: true, ..seen(3, 200) },
                seen(4, 30),
                seen(5, 0),
            ],
            thrown_away: vec![seen(6, 31), seen(7, 29)],
            bytes: [(1, 10), (2, 20), (3, 30), (4, 40), (5, 50)].into(),
        }
    }

    #[test]
    fn nothing_happens_unless_a_rule_is_set() {
        assert_eq!(fates(RetentionRules::default(), &some()), []);
    }

    #[test]
    fn a_day_is_over_when_it_is_over_and_what_is_pinned_or_being_answered_stays() {
        let rules = RetentionRules { trash_after_days: Some(30), ..RetentionRules::default() };
        assert_eq!(fates(rules, &some()), [(1, Fate::Trash), (4, Fate::Trash)]);
        let mut later = some();
        later.listed[3].since += 1;
        assert_eq!(fates(rules, &later), [(1, Fate::Trash)], "a millisecond less than thirty days");
        let rules = RetentionRules { purge_after_days: Some(30), ..RetentionRules::default() };
        assert_eq!(fates(rules, &some()), [(6, Fate::Purge)]);
    }

    #[test]
    fn the_rule_that_waits_for_fewer_days_has_it() {
        let both = |archive, trash| RetentionRules {
            archive_after_days: Some(archive),
            trash_after_days: Some(trash),
            ..RetentionRules::default()
        };
        assert_eq!(fates(both(20, 365), &some()), [(1, Fate::Archive), (4, Fate::Archive)]);
        assert_eq!(fates(both(365, 20), &some()), [(1, Fate::Trash), (4, Fate::Trash)]);
        assert_eq!(fates(both(30, 30), &some()), [(1, Fate::Archive), (4, Fate::Archive)]);
    }

    #[test]
    fn of_too_many_those_go_that_were_not_used_for_longest() {
        let rules = RetentionRules { keep_conversations: Some(3), ..RetentionRules::default() };
        assert_eq!(fates(rules, &some()), [(1, Fate::Trash), (4, Fate::Trash)]);
        let rules = RetentionRules { keep_conversations: Some(1), ..RetentionRules::default() };
        assert_eq!(fates(rules, &some()).len(), 3, "the pinned and the busy one stay though there are more than one");
    }

    #[test]
    fn of_too_much_only_as_much_goes_as_must() {
        let rules = RetentionRules { keep_bytes: Some(145), ..RetentionRules::default() };
        assert_eq!(fates(rules, &some()), [(1, Fate::Trash)]);
        let rules = RetentionRules { keep_bytes: Some(100), ..RetentionRules::default() };
        assert_eq!(fates(rules, &some()), [(1, Fate::Trash), (4, Fate::Trash)]);
    }

    #[test]
    fn a_clock_that_was_set_back_makes_nothing_due() {
        let rules = RetentionRules {
            archive_after_days: Some(1),
            trash_after_days: Some(1),
            purge_after_days: Some(1),
            ..RetentionRules::default()
        };
        assert_eq!(plan(&rules, NOW - 500 * DAY_MS, &some()), []);
    }
}
