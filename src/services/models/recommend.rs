//! Which model to take: weighs what is known of each, and says why. The weighing is a pure function of rows and figures.
//!
//! Over the whole fleet: what the catalogue knows counts as much as what is installed. Points are only for ordering. What fits,
//! what was asked for and what people liked weigh most; then how fast it really is, how large it is (as far as it fits, more
//! parameters answer better), how new, and whether it is there already. Of each family the best tag is named.

use std::collections::HashMap;

use super::Models;
use crate::{
    access::{Caller, Member},
    api::{
        Fault, FaultKind, amount,
        fleet::{Row, Verdict},
        measures::{UseFigures, UseQuery},
        recommend::{RecommendQuery, Recommendation, Recommended, Task},
    },
    ollama::name::key,
    services::measures::used,
    store::{
        StoreError,
        system::{benchmarks, usage_sums},
    },
};

/// Most that are recommended at once.
const MOST: u32 = 20;

/// How models did here, by their names as they are compared.
#[derive(Debug, Default)]
struct Done {
    used: HashMap<String, UseFigures>,
    own: HashMap<String, u64>,
    /// Tokens a second of the newest benchmark.
    measured: HashMap<String, f64>,
}

impl Models {
    /// The best for a task, with reasons.
    pub async fn recommend(&self, by: Caller<Member>, query: RecommendQuery) -> Result<Recommended, Fault> {
        if !(1..=MOST).contains(&query.limit) {
            return Err(Fault::invalid(format!("1 to {MOST} models are recommended at once.")));
        }
        let rows = self.rows(&by).await?;
        let account = by.account;
        let (read, latest) = self
            .parts
            .system
            .read(move |tx| {
                let read = used::Read {
                    own: usage_sums::by_model(tx, Some(account), i64::MIN)?,
                    everybody: usage_sums::by_model(tx, None, i64::MIN)?,
                    people: usage_sums::people(tx, i64::MIN)?,
                    days: Vec::new(),
                };
                Ok::<_, StoreError>((read, benchmarks::latest(tx)?))
            })
            .await?;
        let mut done = Done::default();
        for one in used::shown(UseQuery::default(), read, 0).models {
            done.own.insert(one.model.clone(), one.own.answers.all());
            done.used.insert(one.model, one.everybody.unwrap_or(one.own));
        }
        done.measured = latest.iter().filter_map(|run| Some((key(&run.model), run.figures.writing?))).collect();
        let weighing = tokio::task::spawn_blocking(move || weighed(query, rows, &done));
        weighing.await.map_err(|_| Fault::new(FaultKind::Internal, "Weighing the models failed."))
    }
}

fn weighed(query: RecommendQuery, rows: Vec<Row>, done: &Done) -> Recommended {
    let mut best: HashMap<String, Recommendation> = HashMap::new();
    for row in rows {
        if query.only_installed && row.installed.is_none() {
            continue;
        }
        let Some(found) = weigh(query.task, &row, done) else { continue };
        match best.get_mut(&row.family) {
            // What weighs the same is the same under two names: the one that says which it is tells more.
            Some(known) if known.points > found.points || known.points >= found.points && is_latest(&found.model) => {}
            Some(known) => *known = found,
            None => drop(best.insert(row.family.clone(), found)),
        }
    }
    let mut rows: Vec<Recommendation> = best.into_values().collect();
    rows.sort_by(|one, other| other.points.total_cmp(&one.points).then_with(|| one.model.cmp(&other.model)));
    rows.truncate(query.limit as usize);
    Recommended { query, is_estimate: rows.iter().all(|row| row.is_estimate), rows }
}

fn is_latest(model: &str) -> bool {
    model.ends_with(":latest")
}

/// `None` = it is not for this, or not for this machine.
fn weigh(task: Task, row: &Row, done: &Done) -> Option<Recommendation> {
    let (suits, why) = suits(task, row)?;
    // What runs elsewhere says nothing of this machine.
    if row.is_remote || row.is_for_apple || row.fit.verdict == Verdict::TooBig {
        return None;
    }
    let name = key(&row.name);
    let figures = done.used.get(&name).copied().unwrap_or_default();
    let measured = done.measured.get(&name).copied();
    let speed = measured.or(figures.tokens_per_second);
    let rated = figures.liked + figures.disliked;
    // (points, reason)
    let mut reasons: Vec<(f64, String)> = vec![(suits, why)];
    reasons.push(fits(row));
    if let Some(approval) = figures.approval() {
        // A single thumb tells little.
        let trust = (rated as f64 / (rated as f64 + 3.0)).min(1.0);
        reasons.push(((approval - 0.4) * 60.0 * trust, format!("Liked in {} of {rated} ratings.", figures.liked)));
    }
    match (measured, figures.tokens_per_second) {
        (Some(speed), _) => reasons.push((swift(speed), format!("Wrote {speed:.0} tokens a second in its benchmark."))),
        (None, Some(speed)) => {
            reasons.push((swift(speed), format!("Wrote {speed:.0} tokens a second in real answers.")));
        }
        (None, None) => {}
    }
    if figures.error_rate().is_some_and(|rate| rate > 0.1) {
        let percent = figures.error_rate().unwrap_or_default() * 100.0;
        reasons.push((-percent / 3.0, format!("But {percent:.0} % of its answers failed.")));
    }
    if let Some(count) = row.parameter_count.filter(|_| task != Task::Embedding) {
        let billions = count as f64 / 1e9;
        let published = row.parameters.as_deref().unwrap_or("some");
        reasons.push(((1.0 + billions).log2() * 7.0, format!("{published} parameters.")));
    }
    if let Some(year) = row.released.as_deref().and_then(|released| released.get(..4)?.parse::<f64>().ok()) {
        reasons.push(((year - 2022.0).clamp(0.0, 6.0) * 4.0, format!("Of {year:.0}.")));
    }
    if let Some(own @ 1..) = done.own.get(&name).copied() {
        reasons.push((3.0 + (own as f64).log2().min(5.0), format!("It answered you {own} times.")));
    }
    reasons.push(match (&row.installed, row.bytes) {
        (Some(_), _) => (8.0, "Installed already.".to_owned()),
        (None, Some(bytes)) => (0.0, format!("Not installed: {} to download.", amount::bytes(bytes))),
        (None, None) => (0.0, "Not installed.".to_owned()),
    });
    let is_estimate = speed.is_none() && rated == 0;
    let points = reasons.iter().map(|(points, _)| points).sum();
    // Stable, so that what is alike stays in the order of above.
    reasons.sort_by(|one, other| other.0.abs().total_cmp(&one.0.abs()));
    let mut reasons: Vec<String> = reasons.into_iter().map(|(_, reason)| reason).collect();
    if is_estimate {
        reasons.push("Nothing of it was measured or rated here yet; this is an estimate.".to_owned());
    }
    Some(Recommendation {
        model: row.name.clone(),
        reasons,
        is_estimate,
        is_installed: row.installed.is_some(),
        bytes: row.bytes,
        verdict: row.fit.verdict,
        speed,
        liked: figures.liked,
        disliked: figures.disliked,
        points,
    })
}

/// Past fifty nobody reads along.
fn swift(speed: f64) -> f64 {
    (speed.min(50.0) / 50.0).mul_add(24.0, -6.0)
}

fn fits(row: &Row) -> (f64, String) {
    let needs = row.fit.needs.map(|bytes| format!(", and takes {}", amount::bytes(bytes))).unwrap_or_default();
    match row.fit.verdict {
        Verdict::Gpu => (30.0, format!("Fits wholly into the GPU{needs}.")),
        Verdict::Partly => (14.0, format!("Fits in part into the GPU{needs}.")),
        // Without a GPU large ones are slow, which their size is not to make up for.
        Verdict::Ram => (22.0 - slow(row), format!("Fits into memory, without a GPU{needs}.")),
        Verdict::TooBig | Verdict::Unknown => (5.0 - slow(row), "Whether it fits is not known.".to_owned()),
    }
}

/// What a model loses that runs without a GPU, as far as is known, for each billion of parameters above four.
fn slow(row: &Row) -> f64 {
    let billions = row.parameter_count.unwrap_or(0) as f64 / 1e9;
    (billions - 4.0).max(0.0) * 2.5
}

/// How well what a model is fits what is wanted; `None` = not at all.
fn suits(task: Task, row: &Row) -> Option<(f64, String)> {
    let can = |what: &str| row.capabilities.as_ref().is_some_and(|can| can.iter().any(|one| one == what));
    let about = |what: &str| row.topics.iter().any(|topic| topic == what);
    // What nobody says anything about can be talked with, as most can.
    let talks = row.capabilities.is_none() || can("completion");
    let is_general = row.topics.is_empty() || about("general");
    let codes = about("code") || row.name.to_lowercase().contains("code");
    let is_special = row.topics.iter().find(|topic| SPECIAL.contains(&topic.as_str()));
    // A guard judges texts, it does not write any.
    if about("safety") && !is_general {
        return None;
    }
    match (task, is_special) {
        (Task::Chat, Some(special)) if talks => Some((4.0, format!("Can talk, but is made for {special}."))),
        (Task::Chat, None) if talks && codes && !is_general => Some((8.0, "Can talk, but is made for code.".into())),
        (Task::Chat, None) if talks && !is_general => Some((10.0, "Can talk, among other things.".into())),
        (Task::Chat, None) if talks => Some((20.0, "Made to talk with.".into())),
        (Task::Code, None) if talks && codes && !is_general => Some((45.0, "Made for code.".into())),
        (Task::Code, None) if talks && codes => Some((35.0, "Good at code, among other things.".into())),
        (Task::Code, _) if talks => Some((8.0, "Not made for code, but writes it.".into())),
        (Task::Vision, Some(special)) if can("vision") && special != "ocr" => {
            Some((10.0, format!("Sees images, but is made for {special}.")))
        }
        (Task::Vision, _) if can("vision") && about("ocr") => {
            Some((24.0, "Sees images, and reads what is written.".into()))
        }
        (Task::Vision, _) if can("vision") => Some((30.0, "Sees images.".into())),
        (Task::Embedding, _) if can("embedding") => Some((30.0, "Makes vectors of texts.".into())),
        (Task::Reasoning, _) if can("thinking") => Some((30.0, "Thinks before it answers.".into())),
        (Task::Tools, _) if can("tools") => Some((30.0, "Calls tools.".into())),
        (Task::Chat | Task::Code | Task::Vision | Task::Embedding | Task::Reasoning | Task::Tools, _) => None,
    }
}

/// What a model is made for that is of little use for anything else.
const SPECIAL: [&str; 9] =
    ["uncensored", "roleplay", "medical", "sql", "extraction", "translation", "science", "ocr", "math"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::fleet::{Fit, Installed};

    fn row(name: &str, can: &[&str], billions: f64, verdict: Verdict) -> Row {
        Row {
            name: name.to_owned(),
            family: name.split(':').next().unwrap().to_owned(),
            parameters: Some(format!("{billions}B")),
            parameter_count: Some((billions * 1e9) as u64),
            capabilities: Some(can.iter().map(|can| (*can).to_owned()).collect()),
            bytes: Some((billions * 6e8) as u64),
            fit: Fit { verdict, ..Fit::default() },
            ..Row::default()
        }
    }

    fn names(task: Task, rows: Vec<Row>, done: &Done) -> Vec<String> {
        let query = RecommendQuery { task, limit: 3, only_installed: false };
        weighed(query, rows, done).rows.into_iter().map(|row| row.model).collect()
    }

    fn about(topics: &[&str], row: Row) -> Row {
        Row { topics: topics.iter().map(|topic| (*topic).to_owned()).collect(), ..row }
    }

    fn house() -> Vec<Row> {
        vec![
            row("small:1b", &["completion"], 1.0, Verdict::Gpu),
            row("middle:8b", &["completion", "tools"], 8.0, Verdict::Gpu),
            row("middle:30b", &["completion", "tools"], 30.0, Verdict::TooBig),
            row("eyes:4b", &["completion", "vision"], 4.0, Verdict::Gpu),
            row("coder:7b", &["completion", "tools"], 7.0, Verdict::Gpu),
            row("vectors:1b", &["embedding"], 0.3, Verdict::Gpu),
        ]
    }

    #[test]
    fn what_was_asked_for_decides_and_what_does_not_fit_is_left_away() {
        let done = Done::default();
        assert_eq!(names(Task::Chat, house(), &done)[0], "middle:8b");
        assert_eq!(names(Task::Code, house(), &done)[0], "coder:7b");
        assert_eq!(names(Task::Vision, house(), &done), ["eyes:4b"]);
        assert_eq!(names(Task::Embedding, house(), &done), ["vectors:1b"]);
        assert_eq!(names(Task::Reasoning, house(), &done), Vec::<String>::new());
        assert!(!names(Task::Tools, house(), &done).contains(&"middle:30b".to_owned()));
    }

    #[test]
    fn with_nothing_measured_it_is_an_estimate_and_says_so() {
        let query = RecommendQuery { limit: 3, ..RecommendQuery::default() };
        let told = weighed(query.clone(), house(), &Done::default());
        assert!(told.is_estimate && told.rows.len() == 3);
        assert!(told.rows.iter().all(|row| row.reasons.last().unwrap().contains("estimate")), "{told:?}");
        let done = Done { measured: HashMap::from([("middle:8b".to_owned(), 33.0)]), ..Done::default() };
        let told = weighed(query, house(), &done);
        assert!(!told.is_estimate && !told.rows[0].is_estimate && told.rows[1].is_estimate);
        assert!(told.rows[0].reasons.iter().any(|why| why.contains("33 tokens a second")), "{told:?}");
    }

    #[test]
    fn what_people_disliked_and_what_is_slow_falls_behind() {
        let figures = |liked, disliked, speed| UseFigures {
            liked,
            disliked,
            tokens_per_second: Some(speed),
            ..UseFigures::default()
        };
        let used =
            HashMap::from([("middle:8b".to_owned(), figures(1, 9, 2.0)), ("eyes:4b".to_owned(), figures(9, 1, 45.0))]);
        let done = Done { used, ..Done::default() };
        let told = names(Task::Chat, house(), &done);
        assert_eq!(told[0], "eyes:4b");
        assert!(!told[..2].contains(&"middle:8b".to_owned()), "{told:?}");
    }

    #[test]
    fn only_installed_ones_where_that_is_wanted_and_one_of_each_family() {
        let mut rows = house();
        rows.push(row("small:2b", &["completion"], 2.0, Verdict::Gpu));
        let told = names(Task::Chat, rows.clone(), &Done::default());
        assert!(!told.contains(&"small:1b".to_owned()) || !told.contains(&"small:2b".to_owned()), "{told:?}");
        rows[0].installed = Some(Installed { digest: "1".into(), modified_at: String::new() });
        let query = RecommendQuery { limit: 9, only_installed: true, ..RecommendQuery::default() };
        let told = weighed(query, rows, &Done::default());
        assert_eq!(told.rows.iter().map(|row| row.model.as_str()).collect::<Vec<_>>(), ["small:1b"]);
    }

    #[test]
    fn a_guard_is_for_nobody_to_talk_with_and_a_specialist_comes_behind() {
        let rows = vec![
            about(&["safety"], row("guard:8b", &["completion"], 8.0, Verdict::Gpu)),
            about(&["uncensored", "general"], row("wild:8b", &["completion"], 8.0, Verdict::Gpu)),
            about(&["general"], row("plain:7b", &["completion"], 7.0, Verdict::Gpu)),
        ];
        assert_eq!(names(Task::Chat, rows, &Done::default()), ["plain:7b", "wild:8b"]);
    }

    #[test]
    fn without_a_gpu_a_model_that_would_crawl_does_not_win_by_its_size() {
        for verdict in [Verdict::Ram, Verdict::Unknown] {
            let rows = vec![
                row("huge:70b", &["completion"], 70.0, verdict),
                row("small:4b", &["completion"], 4.0, verdict),
                row("tiny:1b", &["completion"], 1.0, verdict),
            ];
            assert_eq!(names(Task::Chat, rows, &Done::default()), ["small:4b", "tiny:1b", "huge:70b"]);
        }
    }

    #[test]
    fn of_two_names_for_the_same_the_one_that_says_what_it_is() {
        for order in [["twin:4b", "twin:latest"], ["twin:latest", "twin:4b"]] {
            let rows = order.map(|name| row(name, &["completion"], 4.0, Verdict::Gpu)).to_vec();
            assert_eq!(names(Task::Chat, rows, &Done::default()), ["twin:4b"]);
        }
    }
}
