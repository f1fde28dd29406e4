//! Which model to take: weighs what is known of each installed one, and says why. A pure function of models and figures.
//!
//! Points are only for ordering. What was asked for, what fits and what people liked weigh most; then how fast it really is,
//! how large it is (as far as it fits, more parameters answer better), and whether its person uses it already.

use std::collections::HashMap;

use crate::{
    api::{
        measures::UseFigures,
        models::Model,
        recommend::{RecommendQuery, Recommendation, Recommended, Seat, Task},
    },
    ollama::name::key,
};

/// How models did here, by their names as they are compared.
#[derive(Debug, Default)]
pub struct Done {
    pub used: HashMap<String, UseFigures>,
    /// One's own answers.
    pub own: HashMap<String, u64>,
    /// Tokens a second of the newest benchmark.
    pub measured: HashMap<String, f64>,
    /// Of the machine that Ollama runs on, bytes.
    pub memory: Option<u64>,
}

pub fn weighed(query: RecommendQuery, models: &[Model], done: &Done) -> Recommended {
    let mut rows: Vec<Recommendation> = models.iter().filter_map(|model| weigh(query.task, model, done)).collect();
    rows.sort_by(|one, other| other.points.total_cmp(&one.points).then_with(|| one.model.cmp(&other.model)));
    rows.truncate(query.limit as usize);
    Recommended { query, is_estimate: rows.iter().all(|row| row.is_estimate), rows }
}

/// `None` = it is not for this, or not for this machine.
fn weigh(task: Task, model: &Model, done: &Done) -> Option<Recommendation> {
    let (suits, why) = suits(task, model)?;
    let (seat, fits, where_it_is) = seat(model, done.memory);
    // What runs elsewhere says nothing of this machine.
    if model.remote || seat == Seat::TooBig {
        return None;
    }
    let name = key(&model.name);
    let figures = done.used.get(&name).copied().unwrap_or_default();
    let measured = done.measured.get(&name).copied();
    let speed = measured.or(figures.tokens_per_second);
    let rated = figures.liked + figures.disliked;
    let mut reasons: Vec<(f64, String)> = vec![(suits, why), (fits, where_it_is)];
    if let Some(approval) = figures.approval() {
        // A single thumb tells little.
        let trust = rated as f64 / (rated as f64 + 3.0);
        reasons.push(((approval - 0.4) * 60.0 * trust, format!("Liked in {} of {rated} ratings.", figures.liked)));
    }
    match (measured, figures.tokens_per_second) {
        (Some(speed), _) => reasons.push((swift(speed), format!("Wrote {speed:.0} tokens a second in its benchmark."))),
        (None, Some(speed)) => {
            reasons.push((swift(speed), format!("Wrote {speed:.0} tokens a second in real answers.")));
        }
        (None, None) => {}
    }
    if let Some(rate) = figures.error_rate().filter(|rate| *rate > 0.1) {
        reasons.push((-rate * 33.0, format!("But {:.0} % of its answers failed.", rate * 100.0)));
    }
    if let Some(billions) = billions(&model.parameters).filter(|_| task != Task::Embedding) {
        reasons.push(((1.0 + billions).log2() * 7.0, format!("{} parameters.", model.parameters)));
    }
    if let Some(own @ 1..) = done.own.get(&name).copied() {
        let times = if own == 1 { "once".to_owned() } else { format!("{own} times") };
        reasons.push((3.0 + (own as f64).log2().min(5.0), format!("It answered you {times}.")));
    }
    let is_estimate = speed.is_none() && rated == 0;
    let points = reasons.iter().map(|(points, _)| points).sum();
    // Stable, so that what weighs the same stays in the order of above.
    reasons.sort_by(|one, other| other.0.abs().total_cmp(&one.0.abs()));
    let mut reasons: Vec<String> = reasons.into_iter().map(|(_, reason)| reason).collect();
    if is_estimate {
        reasons.push("Nothing of it was measured or rated here yet; this is an estimate.".to_owned());
    }
    Some(Recommendation {
        model: model.name.clone(),
        reasons,
        is_estimate,
        bytes: model.bytes,
        seat,
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

/// Measured where it is loaded; else its weights, a fifth more for the context, and half a gigabyte to work in, against the
/// memory of the machine.
fn seat(model: &Model, memory: Option<u64>) -> (Seat, f64, String) {
    let gigabytes = |bytes: u64| format!("{:.1} GB", bytes as f64 / 1e9);
    if let Some(loaded) = &model.loaded {
        let takes = gigabytes(loaded.bytes);
        return if loaded.gpu_bytes >= loaded.bytes {
            (Seat::Gpu, 30.0, format!("Is loaded wholly in the GPU and takes {takes}."))
        } else {
            (Seat::Memory, 22.0, format!("Is loaded in memory and takes {takes}."))
        };
    }
    let needs = model.bytes + model.bytes / 5 + 500_000_000;
    match memory {
        Some(memory) if needs > memory / 10 * 9 => (Seat::TooBig, 0.0, String::new()),
        Some(memory) => {
            let text = format!("Fits into memory: about {} of {}.", gigabytes(needs), gigabytes(memory));
            (Seat::Memory, 20.0, text)
        }
        None => (Seat::Unknown, 5.0, "Whether it fits is not known: Ollama runs on another machine.".to_owned()),
    }
}

/// `3.2B` and `22M` as billions.
fn billions(parameters: &str) -> Option<f64> {
    let text = parameters.trim();
    let (number, unit) = text.split_at(text.len().checked_sub(1)?);
    let number: f64 = number.parse().ok()?;
    match unit {
        "B" | "b" => Some(number),
        "M" | "m" => Some(number / 1000.0),
        _ => None,
    }
}

/// How well what a model is fits what is wanted; `None` = not at all.
fn suits(task: Task, model: &Model) -> Option<(f64, String)> {
    let can = |what: &str| model.capabilities.iter().any(|one| one == what);
    let talks = model.capabilities.is_empty() || can("completion");
    let codes = model.name.to_lowercase().contains("code");
    match task {
        Task::Chat if talks && codes => Some((8.0, "Can talk, but is made for code.".to_owned())),
        Task::Chat if talks => Some((20.0, "Made to talk with.".to_owned())),
        Task::Code if talks && codes => Some((45.0, "Made for code.".to_owned())),
        Task::Code if talks => Some((8.0, "Not made for code, but writes it.".to_owned())),
        Task::Vision if can("vision") => Some((30.0, "Sees images.".to_owned())),
        Task::Embedding if can("embedding") => Some((30.0, "Makes vectors of texts.".to_owned())),
        Task::Reasoning if can("thinking") => Some((30.0, "Thinks before it answers.".to_owned())),
        Task::Tools if can("tools") => Some((30.0, "Calls tools.".to_owned())),
        Task::Chat | Task::Code | Task::Vision | Task::Embedding | Task::Reasoning | Task::Tools => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(name: &str, can: &[&str], billions: f64) -> Model {
        Model {
            name: name.to_owned(),
            bytes: (billions * 6e8) as u64,
            digest: name.to_owned(),
            family: String::new(),
            parameters: format!("{billions}B"),
            quantization: String::new(),
            context_length: None,
            capabilities: can.iter().map(|can| (*can).to_owned()).collect(),
            modified_at: String::new(),
            loaded: None,
            remote: false,
        }
    }

    fn house() -> Vec<Model> {
        vec![
            model("small:1b", &["completion"], 1.0),
            model("middle:8b", &["completion", "tools"], 8.0),
            model("large:70b", &["completion", "tools"], 70.0),
            model("eyes:4b", &["completion", "vision"], 4.0),
            model("coder:7b", &["completion", "tools"], 7.0),
            model("vectors:1b", &["embedding"], 0.3),
        ]
    }

    fn done() -> Done {
        Done { memory: Some(16_000_000_000), ..Done::default() }
    }

    fn names(task: Task, done: &Done) -> Vec<String> {
        let query = RecommendQuery { task, limit: 3 };
        weighed(query, &house(), done).rows.into_iter().map(|row| row.model).collect()
    }

    #[test]
    fn what_was_asked_for_decides_and_what_does_not_fit_is_left_away() {
        let done = done();
        assert_eq!(names(Task::Chat, &done)[0], "middle:8b");
        assert_eq!(names(Task::Code, &done)[0], "coder:7b");
        assert_eq!(names(Task::Vision, &done), ["eyes:4b"]);
        assert_eq!(names(Task::Embedding, &done), ["vectors:1b"]);
        assert_eq!(names(Task::Reasoning, &done), Vec::<String>::new());
        assert_eq!(names(Task::Tools, &done), ["middle:8b", "coder:7b"]);
        assert!(names(Task::Tools, &Done::default()).contains(&"large:70b".to_owned()), "nobody knows the memory");
    }

    #[test]
    fn with_nothing_measured_it_is_an_estimate_and_says_so() {
        let query = RecommendQuery { limit: 3, ..RecommendQuery::default() };
        let told = weighed(query.clone(), &house(), &done());
        assert!(told.is_estimate && told.rows.len() == 3);
        assert!(told.rows.iter().all(|row| row.reasons.last().unwrap().contains("estimate")), "{told:?}");
        let done = Done { measured: HashMap::from([("middle:8b".to_owned(), 33.0)]), ..done() };
        let told = weighed(query, &house(), &done);
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
        let told = names(Task::Chat, &Done { used, ..done() });
        assert_eq!(told[0], "eyes:4b");
        assert!(!told[..2].contains(&"middle:8b".to_owned()), "{told:?}");
    }

    #[test]
    fn sizes_are_read_as_they_are_published() {
        assert_eq!((billions("3.2B"), billions("22M"), billions("")), (Some(3.2), Some(0.022), None));
    }
}
