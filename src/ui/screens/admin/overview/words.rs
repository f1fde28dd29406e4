//! Figures of reports in words, and what the overview can draw over time. Pure functions of what was told.

use jiff::civil::Date;

use crate::{
    api::{
        amount,
        health::{Health, Level, OllamaState, Part},
        insights::{Grain, Spread},
        reports::{Failing, Grown, Now, OfDays, Over, Overview, Pace, Question, Report, kind_words},
    },
    ui::widgets::{
        chart::{count, duration},
        table::safe,
    },
};

/// What the columns over time stand for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Measure {
    #[default]
    Answers,
    Tokens,
    Accounts,
    Failed,
    FirstToken,
    Speed,
    Storage,
}

impl Measure {
    const ALL: [Self; 7] =
        [Self::Answers, Self::Tokens, Self::Accounts, Self::Failed, Self::FirstToken, Self::Speed, Self::Storage];

    /// Those that are told in this report: of one account neither speed nor others, of one model nobody.
    pub fn told(report: &Report) -> Vec<Self> {
        Self::ALL
            .into_iter()
            .filter(|measure| match measure {
                Self::Answers | Self::Tokens | Self::Failed => true,
                Self::Accounts => report.total.accounts.is_some() && report.question.account.is_none(),
                Self::FirstToken | Self::Speed => report.total.quality.is_some(),
                Self::Storage => report.stretches.iter().any(|stretch| stretch.bytes.is_some()),
            })
            .collect()
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Answers => "answers",
            Self::Tokens => "tokens",
            Self::Accounts => "accounts",
            Self::Failed => "failed",
            Self::FirstToken => "first token",
            Self::Speed => "speed",
            Self::Storage => "storage",
        }
    }

    /// What a column is high for.
    pub fn of(self, days: &OfDays) -> f64 {
        match self {
            Self::Answers => days.amounts.answers as f64,
            Self::Tokens => days.amounts.tokens() as f64,
            Self::Accounts => days.accounts.unwrap_or(0) as f64,
            Self::Failed => days.amounts.failed as f64,
            Self::FirstToken => {
                days.quality.and_then(|quality| quality.first_token).map_or(0.0, |time| time.median_ms as f64)
            }
            Self::Speed => days.quality.and_then(|quality| quality.tokens_per_second).unwrap_or(0.0),
            Self::Storage => days.bytes.unwrap_or(0) as f64,
        }
    }

    /// For the axis.
    pub fn axis(self) -> fn(f64) -> String {
        match self {
            Self::Answers | Self::Tokens | Self::Accounts | Self::Failed => |value| count(value.round() as u64),
            Self::FirstToken => |value| duration(value.round() as u64),
            Self::Speed => |value| format!("{value:.0}"),
            Self::Storage => |value| amount::bytes(value.round() as u64),
        }
    }

    pub fn words(self, days: &OfDays) -> String {
        match self {
            Self::Answers => count(days.amounts.answers),
            Self::Tokens => {
                format!("{} in, {} out", count(days.amounts.prompt_tokens), count(days.amounts.answer_tokens))
            }
            Self::Accounts => match (days.accounts, days.amounts.sign_ins) {
                (Some(accounts), Some(sign_ins)) => {
                    format!("{} active, {}", count(accounts), amount::many(sign_ins, "sign-in"))
                }
                (Some(accounts), None) => format!("{} active", count(accounts)),
                (None, _) => "not told".to_owned(),
            },
            Self::Failed => match (days.amounts.failed * 1000).checked_div(days.amounts.answers) {
                Some(share) if days.amounts.failed > 0 => {
                    format!("{}, {}.{} %", count(days.amounts.failed), share / 10, share % 10)
                }
                Some(_) | None => count(days.amounts.failed),
            },
            Self::FirstToken => spread(days.quality.and_then(|quality| quality.first_token)),
            Self::Speed => speed(days.quality.and_then(|quality| quality.tokens_per_second)),
            Self::Storage => days.bytes.map_or_else(|| "not measured".to_owned(), amount::bytes),
        }
    }
}

pub fn growth(grown: Option<Grown>) -> String {
    grown.map_or_else(String::new, |grown| {
        let sign = if grown.bytes < 0 { "-" } else { "+" };
        format!("{sign}{}", amount::bytes(grown.bytes.unsigned_abs()))
    })
}

fn spread(time: Option<Spread>) -> String {
    time.map_or_else(
        || "not told".to_owned(),
        |time| format!("{} median, {} p90", duration(time.median_ms), duration(time.p90_ms)),
    )
}

pub fn speed(speed: Option<f64>) -> String {
    speed.map_or_else(|| "not told".to_owned(), |speed| format!("{speed:.1} tok/s"))
}

pub fn median(time: Option<Spread>) -> String {
    time.map_or_else(|| "–".to_owned(), |time| duration(time.median_ms))
}

/// `Tue 24 Nov 2026`, or the first and the last of several days.
pub fn days(first: Date, last: Date) -> String {
    if first == last {
        return first.strftime("%a %-d %b %Y").to_string();
    }
    let from = if first.year() == last.year() { "%-d %b" } else { "%-d %b %Y" };
    format!("{} – {}", first.strftime(from), last.strftime("%-d %b %Y"))
}

/// What is looked at beside the days.
pub fn filters(question: &Question) -> Vec<String> {
    let named = |what: &str, name: &Option<String>| name.as_ref().map(|name| format!("{what} {}", safe(name)));
    [named("account", &question.account), named("role", &question.role), named("model", &question.model)]
        .into_iter()
        .flatten()
        .collect()
}

/// `30 days`, with how wide a column is.
pub fn over(question: &Question, grain: Grain) -> String {
    let by = format!("by {}", grain.as_str());
    match question.over {
        // The days themselves stand beside it.
        Over::Between(..) => by,
        over => format!("{}, {by}", over.words()),
    }
}

fn pace(pace: &Pace) -> String {
    if pace.answers == 0 {
        return "no answers".to_owned();
    }
    format!("{}, 1st token {}", speed(pace.tokens_per_second), median(pace.first_token))
}

/// The same of the week before, for whoever has just read what the figures are.
fn pace_before(pace: &Pace) -> String {
    if pace.answers == 0 {
        return "none".to_owned();
    }
    format!("{}, {}", speed(pace.tokens_per_second), median(pace.first_token))
}

/// This moment, each with its label.
pub fn now(shown: &Overview, health: Option<&Health>) -> Vec<(&'static str, String, bool)> {
    let Overview { now, report } = shown;
    let names: Vec<String> = now.here.iter().map(|here| safe(&here.name)).collect();
    let here = match names.as_slice() {
        [] => "nobody".to_owned(),
        [first, second, third, rest @ ..] if rest.len() > 1 => {
            format!("{first}, {second}, {third} and {} more", rest.len())
        }
        few => few.join(", "),
    };
    let kept = &report.storage;
    let grown = kept.grown.map(|grown| {
        // Of another year the day alone would be misread.
        let day = if grown.since.year() == report.last.year() { "%-d %b" } else { "%-d %b %Y" };
        format!(", {} since {}", growth(Some(grown)), grown.since.strftime(day))
    });
    let free = kept
        .free
        .zip(kept.disk)
        .map(|(free, disk)| format!("; {} of {} free", amount::bytes(free), amount::bytes(disk)));
    let mut lines = vec![
        ("signed in", here, false),
        ("running", running(now), false),
        ("today", format!("{}; week before {}", pace(&now.today), pace_before(&now.week)), false),
        (
            "storage",
            format!("{}{}{}", amount::bytes(kept.bytes), grown.unwrap_or_default(), free.unwrap_or_default()),
            false,
        ),
        ("this week", failed(now), !now.failed.is_empty()),
    ];
    if let Some((words, is_well)) = health.map(well) {
        lines.push(("health", words, !is_well));
    }
    lines
}

fn and(parts: &[(u64, &str)]) -> String {
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    parts.map(|(count, one)| amount::many(*count, one)).collect::<Vec<_>>().join(", ")
}

/// `12 answers and 1 job failed, 3 times by the trail`
fn failed(now: &Now) -> String {
    let (mut questions, mut answers, mut trail) = (0, 0, 0);
    for failure in &now.failed {
        match failure.what {
            Failing::Question(_) => questions += failure.count,
            Failing::Answer(_) => answers += failure.count,
            Failing::Job(_) => {}
            Failing::Trail { .. } => trail += failure.count,
        }
    }
    if now.failed.is_empty() {
        return "nothing failed".to_owned();
    }
    let (failed, refused) = (and(&[(answers, "answer"), (now.jobs_failed, "job")]), and(&[(questions, "question")]));
    let mut words = Vec::new();
    if !failed.is_empty() {
        words.push(format!("{failed} failed"));
    }
    if !refused.is_empty() {
        words.push(format!("{refused} refused"));
    }
    if trail > 0 {
        words.push(match words.len() {
            0 => format!("{trail} refused or failed by the audit trail"),
            1 => format!("{trail} more by the audit trail"),
            // All three are too long for a narrow screen.
            _ => format!("{trail} by the trail"),
        });
    }
    words.join("; ")
}

fn running(now: &Now) -> String {
    let running = and(&[(now.answers_running.into(), "answer"), (now.jobs_running, "job")]);
    match (u64::from(now.answers_running) + now.jobs_running, now.jobs_waiting) {
        (0, 0) => "nothing".to_owned(),
        (0, waiting) => format!("nothing; {waiting} waiting"),
        (_, 0) => running,
        (_, waiting) => format!("{running}; {waiting} waiting"),
    }
}

/// Health in one line, and whether all is well.
fn well(health: &Health) -> (String, bool) {
    let (ollama, is_well) = match &health.ollama {
        OllamaState::Unknown => ("Ollama not asked yet".to_owned(), true),
        OllamaState::Reachable { version, latency_ms } => {
            (format!("Ollama {} in {latency_ms} ms", safe(version)), true)
        }
        OllamaState::InstalledNotRunning => ("Ollama is not running".to_owned(), false),
        OllamaState::Absent => ("no Ollama here".to_owned(), false),
        OllamaState::Unreachable { .. } => ("Ollama cannot be reached".to_owned(), false),
    };
    // What is not well first, as it may be all there is room for; of the others store and disk.
    let others = || health.checks.iter().filter(|check| check.part != Part::Ollama);
    let told = |level: Level| {
        others()
            .filter(move |check| check.level == level)
            .map(|check| format!("{}: {}", check.part.as_str(), safe(check.text.trim_end_matches('.'))))
    };
    let good = others().filter(|check| check.level == Level::Good).filter_map(|check| match check.part {
        Part::Store | Part::Disk => Some(format!("{} good", check.part.as_str())),
        Part::Ollama
        | Part::Jobs
        | Part::Backup
        | Part::Clock
        | Part::Breakers
        | Part::Cache
        | Part::Tasks
        | Part::Traces => None,
    });
    let is_bad = !is_well || told(Level::Bad).next().is_some();
    let all_well = !is_bad && told(Level::Warning).next().is_none();
    let mark = match (all_well, is_bad) {
        (true, _) => "✓",
        (false, true) => "✗",
        (false, false) => "!",
    };
    let (first, then) = if is_well { (None, Some(ollama)) } else { (Some(ollama), None) };
    let words = first.into_iter().chain(told(Level::Bad)).chain(told(Level::Warning)).chain(then).chain(good);
    (format!("{mark} {}", words.collect::<Vec<_>>().join(" · ")), all_well)
}

/// What failed, in words.
pub fn failing(what: &Failing) -> String {
    match what {
        Failing::Question(kind) => format!("questions refused: {}", kind_words(*kind)),
        Failing::Answer(kind) => format!("answers: {}", kind_words(*kind)),
        Failing::Job(kind) => format!("jobs: {}", kind.as_str()),
        Failing::Trail { action, result } => format!("{}: {}", safe(action), safe(result)),
    }
}
