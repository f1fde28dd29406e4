//! From what was read to what is told. Pure functions of the question, the days and what was read.

use std::cmp::Reverse;

use jiff::civil::Date;

use super::read::{Did, Done, Of, Read};
use crate::{
    api::{
        Fault,
        insights::{Grain, day_of, number_of},
        measures::UseFigures,
        reports::{
            Amounts, Grown, OfAccount, OfDays, OfError, OfModel, Over, Quality, Question, ROWS_MAX, Report,
            STRETCHES_MAX, Storage,
        },
    },
    services::{
        insights::figures::{Span, grain_of},
        measures::used,
    },
    store::system::{usage::DAY, usage_days::Counts, usage_sums::Sums},
};

/// What is not told however it is asked.
///
/// # Errors
/// Says which part of the question to leave away.
pub fn check(question: &Question) -> Result<(), Fault> {
    match question {
        Question { account: Some(_), model: Some(_), .. } => {
            Err(Fault::invalid("What one person asked which model is told to nobody else.")
                .hint("Leave the account away, or the model."))
        }
        Question { account: Some(_), role: Some(_), .. } => {
            Err(Fault::invalid("An account has one role.").hint("Leave the account away, or the role."))
        }
        Question { .. } => Ok(()),
    }
}

/// The days that are meant. `known`: the first on which anybody did anything.
pub fn span(question: &Question, today: i64, known: Option<i64>) -> Result<Span, Fault> {
    let (first, last) = match question.over {
        Over::Today => (today, today),
        Over::Week => (today - 6, today),
        Over::Month => (today - 29, today),
        Over::Year => (today - 364, today),
        Over::Between(first, last) => {
            let last = last.map_or(today, |last| number_of(last).min(today));
            (first.map_or_else(|| known.unwrap_or(last).min(last), number_of), last)
        }
    };
    if first > last {
        return Err(Fault::invalid("These days end before they begin, or lie in the future.")
            .hint("Name the earlier day first: --since 2026-01-01 --until 2026-01-31."));
    }
    let grain = question.by.unwrap_or_else(|| grain_of(last - first));
    let width = match grain {
        Grain::Day => 1,
        Grain::Week => 7,
        Grain::Month => 28,
        Grain::Year => 365,
    };
    if (last - first) / width >= STRETCHES_MAX as i64 {
        return Err(Fault::invalid(format!("More than {STRETCHES_MAX} rows would be told."))
            .hint("Look at fewer days, or by month."));
    }
    Ok(Span { first: day_of(first), last: day_of(last), grain })
}

/// Everything about these days.
pub fn shown(question: Question, span: Span, read: &Read, as_of: i64) -> Report {
    let with_model = question.model.is_some();
    let of_days = |(first, last): (Date, Date), done: &Done| OfDays {
        first,
        last,
        accounts: (!with_model).then_some(done.accounts),
        amounts: amounts(&done.counts, with_model),
        // Of nobody at all it is told that nothing was.
        quality: (with_model || read.whom.of == Of::Everybody).then(|| quality(&done.sums.unwrap_or_default())),
        bytes: done.bytes.filter(|_| !with_model),
    };
    let stretches: Vec<OfDays> =
        span.stretches().into_iter().zip(&read.stretches).map(|(days, done)| of_days(days, done)).collect();
    let storage = storage(read);
    let total =
        OfDays { bytes: (!with_model).then_some(storage.bytes), ..of_days((span.first, span.last), &read.total) };
    let (mut accounts, mut models) = (if with_model { Vec::new() } else { of_accounts(read) }, of_models(read));
    let left_out = (accounts.len().saturating_sub(ROWS_MAX) + models.len().saturating_sub(ROWS_MAX)) as u64;
    accounts.truncate(ROWS_MAX);
    models.truncate(ROWS_MAX);
    Report {
        question,
        first: span.first,
        last: span.last,
        grain: span.grain,
        total,
        stretches,
        accounts,
        models,
        untold_models: read.untold_models,
        errors: of_errors(read),
        storage,
        left_out,
        as_of,
    }
}

fn count(sum: i64) -> u64 {
    u64::try_from(sum).unwrap_or(0)
}

fn amounts(counts: &Counts, with_model: bool) -> Amounts {
    Amounts {
        sign_ins: (!with_model).then(|| count(counts.sign_ins)),
        answers: count(counts.answers),
        failed: count(counts.failed),
        prompt_tokens: count(counts.prompt_tokens),
        answer_tokens: count(counts.answer_tokens),
    }
}

fn quality(sums: &Sums) -> Quality {
    let UseFigures { tokens_per_second, first_token, liked, disliked, .. } = used::figures(sums);
    Quality { tokens_per_second, first_token, liked, disliked }
}

/// From the first measurement on, if that is not the one that is told.
fn grown(measured: Option<[(i64, u64); 2]>, now: Option<u64>) -> Option<Grown> {
    let [(since, before), (last, bytes)] = measured?;
    let bytes = now.unwrap_or(bytes);
    (now.is_some() || since < last)
        .then(|| Grown { bytes: bytes.cast_signed().saturating_sub(before.cast_signed()), since: day_of(since) })
}

fn storage(read: &Read) -> Storage {
    let now = read.now.as_ref().map(|(bytes, _)| *bytes);
    let last = read.measured.map(|[_, (_, bytes)]| bytes);
    Storage { bytes: now.or(last).unwrap_or(0), grown: grown(read.measured, now), free: read.free, disk: read.disk }
}

/// Everybody who did anything, or is here to do it.
fn of_accounts(read: &Read) -> Vec<OfAccount> {
    let mut rows: Vec<OfAccount> = read
        .whom
        .accounts
        .iter()
        .filter_map(|account| {
            let did = read.did.get(&account.id);
            let now = read.now.as_ref().map(|(_, sizes)| sizes.get(&account.id).copied().unwrap_or(0));
            let ends = read.ends.get(&account.id).copied();
            let bytes = now.or(ends.map(|[_, (_, bytes)]| bytes)).unwrap_or(0);
            // Who left and has nothing here any more is no row.
            if account.deleted && did.is_none() && bytes == 0 {
                return None;
            }
            let did = did.copied().unwrap_or_default();
            let Did { counts, days, last_day, .. } = did;
            Some(OfAccount {
                id: account.id,
                name: account.name.clone(),
                role: account.role.clone(),
                deleted: account.deleted,
                active_days: days,
                last_day: (days > 0).then(|| day_of(last_day)),
                amounts: amounts(&counts, false),
                bytes,
                grown: grown(ends, now),
            })
        })
        .collect();
    // They are in the order of names, and stay so where they did as much.
    rows.sort_by_key(|row| Reverse((row.amounts.answers, row.amounts.tokens())));
    rows
}

fn of_models(read: &Read) -> Vec<OfModel> {
    let mut rows: Vec<OfModel> = read
        .models
        .iter()
        .filter(|(_, answered)| answered.sums.answers() > 0 || answered.sums.liked > 0 || answered.sums.disliked > 0)
        .map(|(name, answered)| OfModel {
            model: name.clone(),
            people: answered.people.filter(|_| read.now.is_some()),
            // No more than the day is told of when somebody was here.
            figures: UseFigures { last_used_at: Some(answered.last_day * DAY), ..used::figures(&answered.sums) },
        })
        .collect();
    rows.sort_by_key(|row| Reverse(row.figures.answers.all()));
    rows
}

fn of_errors(read: &Read) -> Vec<OfError> {
    let mut rows: Vec<OfError> = read
        .faults
        .iter()
        .map(|((failed_as, kind), faults)| OfError {
            failed_as: *failed_as,
            kind: *kind,
            count: faults.count,
            accounts: faults.accounts.len() as u64,
            last_day: day_of(faults.last_day),
            stretches: faults.stretches.clone(),
        })
        .collect();
    rows.sort_by_key(|row| (Reverse(row.count), crate::api::reports::kind_words(row.kind), row.failed_as));
    rows
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use super::*;
    use crate::{api::AccountId, services::reports::read::Whom, store::system::overview::Known};

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    /// What is read of days in which nothing happened.
    fn nothing(whom: Whom, stretches: usize) -> Read {
        Read {
            whom,
            stretches: vec![Done::default(); stretches],
            total: Done::default(),
            did: HashMap::new(),
            models: BTreeMap::new(),
            untold_models: 0,
            faults: HashMap::new(),
            ends: HashMap::new(),
            measured: None,
            free: None,
            disk: None,
            now: None,
        }
    }

    fn asked(over: Over, by: Option<Grain>) -> Question {
        Question { over, by, ..Question::default() }
    }

    #[test]
    fn days_count_today_and_are_never_in_the_future() {
        let today = number_of(day("2026-11-25"));
        let of = |over| span(&asked(over, None), today, Some(today - 400)).unwrap();
        let told = |span: Span| (span.first.to_string(), span.last.to_string(), span.grain);
        assert_eq!(told(of(Over::Today)), ("2026-11-25".into(), "2026-11-25".into(), Grain::Day));
        assert_eq!(told(of(Over::Week)).0, "2026-11-19");
        assert_eq!(told(of(Over::Year)), ("2025-11-26".into(), "2026-11-25".into(), Grain::Week));
        let between = Over::Between(Some(day("2026-10-01")), Some(day("2999-01-01")));
        assert_eq!(told(of(between)), ("2026-10-01".into(), "2026-11-25".into(), Grain::Day));
        assert_eq!(told(of(Over::Between(None, None))).0, day_of(today - 400).to_string(), "from the first day on");
        // An empty house has a day all the same.
        assert_eq!(span(&asked(Over::Between(None, None), None), today, None).unwrap().stretches().len(), 1);
        for (first, last) in [("2026-11-26", None), ("2026-11-20", Some("2026-11-19"))] {
            let over = Over::Between(Some(day(first)), last.map(day));
            assert!(span(&asked(over, None), today, None).is_err(), "{first}");
        }
        let long = Over::Between(Some(day("0001-01-01")), None);
        assert!(span(&asked(long, Some(Grain::Day)), today, None).is_err());
        assert!(span(&asked(long, None), today, None).is_ok());
    }

    #[test]
    fn growth_is_told_from_the_first_measurement_on_and_only_where_there_is_another() {
        let of = |measured, now| grown(measured, now).map(|grown| grown.bytes);
        assert_eq!(of(None, Some(5)), None);
        assert_eq!(of(Some([(3, 100), (3, 100)]), None), None);
        assert_eq!(of(Some([(3, 100), (9, 70)]), None), Some(-30));
        assert_eq!(of(Some([(3, 100), (9, 70)]), Some(160)), Some(60));
    }

    #[test]
    fn how_many_used_a_model_is_told_only_where_the_days_go_on_until_now() {
        // Who used it last on which day is known, and not who did on every day before.
        let ann = Known { id: AccountId::new(), name: "Ann".into(), role: "admin".into(), deleted: false };
        let days = Span { first: day("2026-10-24"), last: day("2026-10-24"), grain: Grain::Day };
        let sums = Sums { done: 5, ..Sums::default() };
        let answered = crate::services::reports::read::Answered { sums, last_day: 20_000, people: Some(4) };
        let mut read = Read {
            models: BTreeMap::from([("m".to_owned(), answered)]),
            ..nothing(Whom { of: Of::Everybody, accounts: vec![ann] }, 1)
        };
        let people = |read: &Read| shown(Question::default(), days, read, 1).models[0].people;
        assert_eq!(people(&read), None);
        read.now = Some((1, HashMap::new()));
        assert_eq!(people(&read), Some(4));
    }

    #[test]
    fn a_house_in_which_nothing_happened_is_told_as_noughts_and_not_as_nothing() {
        let ann = Known { id: AccountId::new(), name: "Ann".into(), role: "admin".into(), deleted: false };
        let gone = Known { id: AccountId::new(), name: "Bob".into(), role: "user".into(), deleted: true };
        let days = Span { first: day("2026-10-24"), last: day("2026-10-26"), grain: Grain::Day };
        let read = nothing(Whom { of: Of::Everybody, accounts: vec![ann, gone] }, 3);
        let told = shown(Question::default(), days, &read, 1);
        // Three days, though the clocks are set back in one of them.
        assert_eq!(told.stretches.iter().map(|each| each.first.day()).collect::<Vec<_>>(), [24, 25, 26]);
        assert_eq!(told.total.amounts, Amounts { sign_ins: Some(0), ..Amounts::default() });
        assert_eq!(told.accounts.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["Ann"]);
        assert_eq!((told.models.len(), told.errors.len(), told.storage.grown), (0, 0, None));
    }
}
