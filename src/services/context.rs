//! Which messages a model gets to see: a choice by token budget, made from weights and marks, without a text in sight.
//!
//! It deletes nothing and sends nothing. The estimate is ours; what Ollama counted for the last request of the same
//! conversation calibrates it, and where the next request only adds to that one, the count itself is used. The request
//! is sent so that the server refuses what does not fit, so a wrong estimate is never silent.
//!
//! Architecture invariant: the system prompt comes first, pinned messages and the newest one are always in, excluded
//! ones never; order is kept.

use crate::{
    api::{chat::ContextMeter, options::ChatOptions},
    store::vault::{
        weight::weigh_message,
        window::{Branch, Line},
    },
};

/// What to count on where nobody has said how large the window is: Ollama's default on a machine with little memory.
pub const UNKNOWN_WINDOW: u32 = 4096;
/// Requests lighter than this say more about the template than about the texts.
const WORTH_CALIBRATING: u64 = 400;
/// Tokens for each four units of weight where nothing was counted yet; a little too many rather than too few.
const UNCOUNTED: f64 = 1.15;

/// How many tokens a weight has turned out to be in this conversation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale(f64);

impl Default for Scale {
    fn default() -> Self {
        Self(UNCOUNTED)
    }
}

impl Scale {
    /// From what was estimated for a request and what Ollama counted for it.
    #[must_use]
    pub fn counted(weight: u64, tokens: u32) -> Self {
        if weight < WORTH_CALIBRATING || tokens == 0 {
            return Self::default();
        }
        Self((f64::from(tokens) * 4.0 / weight as f64).clamp(0.25, 4.0))
    }

    /// From a refusal for length: exact for what was asked, and with a little to spare for what is left of it.
    #[must_use]
    pub fn refused(weight: u64, tokens: u32) -> Self {
        Self((f64::from(tokens) * 4.0 * 1.05 / (weight.max(1)) as f64).clamp(0.25, 64.0))
    }

    #[must_use]
    pub fn tokens(self, weight: u64) -> u32 {
        (weight as f64 / 4.0 * self.0).ceil() as u32
    }

    /// The weight that fills so many tokens.
    #[must_use]
    pub fn weight(self, tokens: u32) -> u64 {
        (f64::from(tokens) * 4.0 / self.0) as u64
    }
}

/// How much room there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The window, in tokens.
    pub limit: u32,
    /// Kept free for the answer.
    pub reserve: u32,
}

impl Budget {
    /// The window as it is set, else as it was loaded, else what is safe to assume of a model trained to `trained`.
    #[must_use]
    pub fn new(options: &ChatOptions, loaded: Option<u32>, trained: Option<u32>) -> Self {
        let assumed = || trained.map_or(UNKNOWN_WINDOW, |trained| trained.min(UNKNOWN_WINDOW));
        Self::of(options.num_ctx.or(loaded).unwrap_or_else(assumed), options)
    }

    #[must_use]
    pub fn of(limit: u32, options: &ChatOptions) -> Self {
        let wanted = options.num_predict.and_then(|tokens| u32::try_from(tokens).ok()).unwrap_or(1024);
        Self { limit, reserve: wanted.min(limit / 4) }
    }

    /// Tokens for the prompt.
    #[must_use]
    pub fn prompt(self) -> u32 {
        self.limit - self.reserve
    }
}

/// What is sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choice {
    /// Keys of the messages, oldest first.
    pub seqs: Vec<i64>,
    /// All of it, with the system prompt.
    pub weight: u64,
    pub meter: ContextMeter,
    /// Even the least that must be sent is more than the budget.
    pub too_much: bool,
}

/// The system prompt's weight.
#[must_use]
pub fn weigh_system(prompt: Option<&str>) -> u64 {
    prompt.map_or(0, |prompt| u64::from(weigh_message(prompt)))
}

/// Chooses from the newest part of a branch. `beside` is what goes with it: the system prompt, and a draft.
#[must_use]
pub fn choose(branch: &Branch, system: u64, draft: u64, budget: Budget, scale: Scale) -> Choice {
    let sendable = |line: &&Line| !line.excluded && line.weight > 0;
    let newest = branch.lines.iter().find(sendable).map(|line| line.seq);
    let always = |line: &Line| line.pinned || (draft == 0 && Some(line.seq) == newest);
    let mut weight = system + draft;
    for line in branch.lines.iter().filter(sendable).filter(|line| always(line)) {
        weight += u64::from(line.weight);
    }
    let too_much = scale.tokens(weight) > budget.prompt();
    let mut chosen: Vec<&Line> = Vec::new();
    let mut fell_out = !branch.whole;
    let mut open = true;
    let mut oldest = None;
    for line in branch.lines.iter().filter(sendable) {
        if always(line) {
            chosen.push(line);
            if open {
                oldest = Some(line.id);
            }
            continue;
        }
        open = open && scale.tokens(weight + u64::from(line.weight)) <= budget.prompt();
        if open {
            weight += u64::from(line.weight);
            chosen.push(line);
            oldest = Some(line.id);
        } else {
            fell_out = true;
        }
    }
    // Pinned messages from further up stand after the others in `lines`, so both are newest first by key.
    let mut seqs: Vec<i64> = chosen.iter().map(|line| line.seq).collect();
    seqs.reverse();
    let counted = counted(branch, &chosen, system);
    let used = match counted {
        Some((tokens, since)) => tokens.saturating_add(scale.tokens(since + draft)),
        None => scale.tokens(weight),
    };
    let meter = ContextMeter {
        used,
        limit: budget.limit,
        room: budget.prompt(),
        exact: counted.is_some(),
        first_seen: oldest.filter(|_| fell_out),
    };
    Choice { seqs, weight, meter, too_much }
}

/// If the choice only adds to the request of the newest counted answer: that request's and its answer's tokens as
/// Ollama reported them, and the weight that came since.
fn counted(branch: &Branch, chosen: &[&Line], system: u64) -> Option<(u32, u64)> {
    let answer = branch.lines.iter().find(|line| line.prompt_tokens.is_some() && line.answer_tokens.is_some())?;
    let at = chosen.iter().position(|line| line.seq == answer.seq)?;
    let before: u64 = chosen.get(at + 1..)?.iter().map(|line| u64::from(line.weight)).sum();
    if answer.request_weight != Some(system + before) {
        return None;
    }
    let mut since: u64 = chosen.get(..at)?.iter().map(|line| u64::from(line.weight)).sum();
    let mut tokens = answer.prompt_tokens?;
    if answer.thought {
        // The count is of thinking and answer together, and thinking is not sent again.
        since += u64::from(answer.weight);
    } else {
        tokens = tokens.saturating_add(answer.answer_tokens?);
    }
    Some((tokens, since))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::api::{
        MessageId,
        chat::{MessageRole, MessageState},
    };

    fn line(seq: i64, weight: u32) -> Line {
        Line {
            seq,
            id: MessageId::new(),
            role: MessageRole::User,
            state: MessageState::Done,
            weight,
            excluded: false,
            pinned: false,
            prompt_tokens: None,
            answer_tokens: None,
            request_weight: None,
            request_window: None,
            thought: false,
        }
    }

    fn room(tokens: u32) -> Budget {
        Budget { limit: tokens, reserve: 0 }
    }

    const EXACTLY: Scale = Scale(1.0);

    #[test]
    fn the_newest_messages_stay_and_the_line_stands_where_older_ones_fall_out() {
        let lines = vec![line(4, 40), line(3, 40), line(2, 40), line(1, 40)];
        let second = lines[1].id;
        let branch = Branch { lines, whole: true };
        let choice = choose(&branch, 0, 0, room(25), EXACTLY);
        assert_eq!(choice.seqs, [3, 4]);
        assert_eq!(
            choice.meter,
            ContextMeter { used: 20, limit: 25, room: 25, exact: false, first_seen: Some(second) }
        );
        let all = choose(&branch, 0, 0, room(40), EXACTLY);
        assert_eq!((all.seqs, all.meter.first_seen), (vec![1, 2, 3, 4], None));
    }

    #[test]
    fn no_gap_opens_because_an_older_message_would_fit() {
        let branch = Branch { lines: vec![line(3, 40), line(2, 400), line(1, 4)], whole: true };
        assert_eq!(choose(&branch, 0, 0, room(20), EXACTLY).seqs, [3]);
    }

    #[test]
    fn pinned_messages_stay_and_excluded_ones_go() {
        let mut lines = vec![line(4, 40), line(3, 40), line(2, 40), line(1, 40)];
        lines[3].pinned = true;
        lines[1].excluded = true;
        let choice = choose(&Branch { lines, whole: true }, 0, 0, room(20), EXACTLY);
        assert_eq!(choice.seqs, [1, 4]);
    }

    #[test]
    fn what_cannot_fit_is_said_and_the_newest_is_still_sent() {
        let branch = Branch { lines: vec![line(2, 400), line(1, 4)], whole: true };
        let choice = choose(&branch, 0, 0, room(20), EXACTLY);
        assert_eq!((choice.seqs, choice.too_much), (vec![2], true));
    }

    #[test]
    fn counts_of_the_last_request_are_used_where_the_next_only_adds_to_it() {
        let mut lines = vec![line(3, 80), line(2, 60), line(1, 40)];
        lines[1].prompt_tokens = Some(100);
        lines[1].answer_tokens = Some(30);
        lines[1].request_weight = Some(48);
        let mut branch = Branch { lines, whole: true };
        let meter = choose(&branch, 8, 20, room(4096), EXACTLY).meter;
        assert_eq!(meter, ContextMeter { used: 100 + 30 + 25, limit: 4096, room: 4096, exact: true, first_seen: None });
        branch.lines[1].thought = true;
        assert_eq!(choose(&branch, 8, 20, room(4096), EXACTLY).meter.used, 100 + 40);
        // Another system prompt: the old count says nothing.
        assert!(!choose(&branch, 12, 20, room(4096), EXACTLY).meter.exact);
    }

    #[test]
    fn the_window_is_as_set_as_loaded_or_a_safe_guess() {
        let mut options = ChatOptions::default();
        assert_eq!(Budget::new(&options, Some(8192), Some(131_072)).limit, 8192);
        assert_eq!(Budget::new(&options, None, Some(131_072)).limit, UNKNOWN_WINDOW);
        assert_eq!(Budget::new(&options, None, Some(2048)).limit, 2048);
        assert_eq!(Budget::new(&options, None, None).limit, UNKNOWN_WINDOW);
        options.num_ctx = Some(512);
        assert_eq!(Budget::new(&options, Some(8192), None), Budget { limit: 512, reserve: 128 });
        options.num_predict = Some(64);
        assert_eq!(Budget::new(&options, Some(8192), None).prompt(), 448);
    }

    #[test]
    fn counts_calibrate_within_reason() {
        assert_eq!(Scale::counted(4000, 500).tokens(4000), 500);
        assert_eq!(Scale::counted(40, 500), Scale::default());
        assert_eq!(Scale::counted(4000, 1_000_000).tokens(4), 4);
    }

    proptest! {
        #[test]
        fn a_choice_never_exceeds_its_budget_and_keeps_the_order(
            rows in proptest::collection::vec((0_u32..500, any::<bool>(), 0_u8..10), 0..60),
            limit in 16_u32..2000,
            system in 0_u64..200,
            draft in 0_u64..200,
            whole in any::<bool>(),
        ) {
            let lines: Vec<Line> = rows
                .iter()
                .rev()
                .enumerate()
                .map(|(place, (weight, excluded, pinned))| {
                    let mut line = line((rows.len() - place) as i64, *weight);
                    line.excluded = *excluded;
                    line.pinned = *pinned == 0;
                    line
                })
                .collect();
            let branch = Branch { lines, whole };
            let budget = Budget { limit, reserve: limit / 4 };
            let choice = choose(&branch, system, draft, budget, Scale::default());
            prop_assert!(choice.seqs.is_sorted());
            prop_assert!(choice.too_much || choice.meter.used <= budget.prompt());
            for line in &branch.lines {
                let sent = choice.seqs.contains(&line.seq);
                prop_assert!(!(sent && (line.excluded || line.weight == 0)));
                prop_assert!(sent || !line.pinned || line.excluded || line.weight == 0);
            }
            let sent: u64 = branch.lines.iter().filter(|l| choice.seqs.contains(&l.seq)).map(|l| u64::from(l.weight)).sum();
            prop_assert_eq!(choice.weight, system + draft + sent);
        }
    }
}
