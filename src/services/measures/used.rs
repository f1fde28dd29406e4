//! From sums to what is shown of use. Pure functions of what was read.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::{
    api::{
        AccountId,
        insights::{Outcomes, day_of},
        measures::{ModelUse, PEOPLE_MIN, UseFigures, UseQuery, UsedModel},
    },
    ollama::name::key,
    services::insights::figures::spread,
    store::system::{usage::DAY, usage_sums::Sums},
};

/// What was read, by the names under which models were asked for.
#[derive(Debug, Default)]
pub struct Read {
    pub own: HashMap<String, Sums>,
    pub everybody: HashMap<String, Sums>,
    pub people: Vec<(String, AccountId)>,
    pub days: Vec<(i64, String, Sums)>,
}

/// Joined by model, however its name was written; others' figures left away where too few people are in them.
pub fn shown(query: UseQuery, read: Read, as_of: i64) -> ModelUse {
    let wanted = query.model.as_deref().map(key);
    let mut people: HashMap<String, HashSet<AccountId>> = HashMap::new();
    for (model, account) in read.people {
        people.entry(key(&model)).or_default().insert(account);
    }
    let (own, everybody) = (joined(read.own), joined(read.everybody));
    let names: HashSet<&String> = own.keys().chain(everybody.keys()).collect();
    let mut models: Vec<UsedModel> = names
        .into_iter()
        .filter(|name| wanted.as_ref().is_none_or(|wanted| wanted == *name))
        .filter_map(|name| {
            let count = people.get(name).map_or(0, HashSet::len);
            let everybody = everybody.get(name).filter(|_| count >= PEOPLE_MIN).map(of_everybody);
            let own = own.get(name).map(figures);
            // That somebody else used it is theirs to know.
            if own.is_none() && everybody.is_none() {
                return None;
            }
            Some(UsedModel {
                model: name.clone(),
                own: own.unwrap_or_default(),
                people: everybody.map(|_| u32::try_from(count).unwrap_or(u32::MAX)),
                everybody,
            })
        })
        .collect();
    let weight = |used: &UsedModel| (used.own.answers.all(), used.everybody.map_or(0, |all| all.answers.all()));
    models.sort_by(|one, other| weight(other).cmp(&weight(one)).then_with(|| one.model.cmp(&other.model)));
    let mut days: BTreeMap<i64, Sums> = BTreeMap::new();
    for (day, model, sums) in read.days {
        if wanted.as_ref().is_some_and(|wanted| *wanted == key(&model)) {
            days.entry(day).or_default().add(&sums);
        }
    }
    let days = days.iter().map(|(day, sums)| (day_of(*day), figures(sums))).collect();
    ModelUse { query, models, days, as_of }
}

fn joined(sums: HashMap<String, Sums>) -> HashMap<String, Sums> {
    let mut joined: HashMap<String, Sums> = HashMap::with_capacity(sums.len());
    for (model, sums) in sums {
        joined.entry(key(&model)).or_default().add(&sums);
    }
    joined
}

/// A day is all that is told of when somebody was here.
fn of_everybody(sums: &Sums) -> UseFigures {
    let day = sums.last_at.div_euclid(DAY) * DAY;
    UseFigures { last_used_at: (sums.last_at > 0).then_some(day), ..figures(sums) }
}

/// Shared with the reports.
pub fn figures(sums: &Sums) -> UseFigures {
    let count = |sum: i64| u64::try_from(sum).unwrap_or(0);
    UseFigures {
        answers: Outcomes {
            done: count(sums.done),
            length: count(sums.length),
            stopped: count(sums.stopped),
            interrupted: count(sums.interrupted),
            failed: count(sums.failed),
        },
        prompt_tokens: count(sums.prompt_tokens),
        answer_tokens: count(sums.answer_tokens),
        first_token: spread(&sums.first_tokens.map(u64::from)),
        tokens_per_second: (sums.speed_ms > 0).then(|| sums.speed_tokens as f64 * 1000.0 / sums.speed_ms as f64),
        loads: count(sums.loads),
        load_ms: (sums.loads > 0).then(|| count(sums.load_ms) / count(sums.loads)),
        liked: count(sums.liked),
        disliked: count(sums.disliked),
        last_used_at: (sums.last_at > 0).then_some(sums.last_at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(done: i64) -> Sums {
        Sums { done, last_at: 3 * DAY + 5, loads: 2, load_ms: 3000, ..Sums::default() }
    }

    fn read(people: usize) -> Read {
        Read {
            own: HashMap::from([("tiny".to_owned(), sums(2)), ("Tiny:latest".to_owned(), sums(1))]),
            everybody: HashMap::from([("tiny".to_owned(), sums(9)), ("other:7b".to_owned(), sums(4))]),
            people: (0..people).map(|_| ("tiny:latest".to_owned(), AccountId::new())).collect(),
            days: vec![(3, "tiny".to_owned(), sums(3)), (3, "other:7b".to_owned(), sums(1))],
        }
    }

    #[test]
    fn others_are_told_as_sums_of_enough_people_or_not_at_all() {
        let few = shown(UseQuery::default(), read(PEOPLE_MIN - 1), 0);
        assert_eq!(few.models.len(), 1, "a model that only others used is not named");
        assert_eq!((few.models[0].everybody, few.models[0].people), (None, None));
        let enough = shown(UseQuery::default(), read(PEOPLE_MIN), 0);
        let told = enough.models[0].everybody.unwrap();
        assert_eq!((told.answers.done, enough.models[0].people), (9, Some(3)));
        assert_eq!(told.last_used_at, Some(3 * DAY), "of others no more than the day is told");
    }

    #[test]
    fn however_a_model_was_named_it_is_one() {
        let query = UseQuery { model: Some("TINY".to_owned()), ..UseQuery::default() };
        let one = shown(query, read(0), 0);
        assert_eq!(one.models.len(), 1);
        assert_eq!((one.models[0].model.as_str(), one.models[0].own.answers.done), ("tiny:latest", 3));
        assert_eq!(one.models[0].own.load_ms, Some(1500));
        assert_eq!(one.days.iter().map(|(day, told)| (*day, told.answers.done)).collect::<Vec<_>>(), [(day_of(3), 3)]);
    }
}
