//! `ollamanet models bench`: fixed prompts put to models, what that cost, and how it was before.

use std::{collections::BTreeSet, time::Duration};

use serde_json::json;

use super::{
    Desk, End,
    follow::{Following, prints_lines},
    measures_args::{Bench, BenchRun},
    out::{self, csv_cell, print, print_json, print_own, safe, say},
    stops::Stops,
};
use crate::api::{
    Fault, JobId, amount,
    auth::Session,
    benchmarks::{Benchmark, BenchmarkQuery, Figures},
    jobs::{Batch, Start, Work},
};

/// How long what is stopped may take to end.
pub const STOPPING: Duration = Duration::from_secs(10);
/// Cells of the longest bar.
const BAR: f64 = 20.0;
/// Runs that are read at once.
const PAGE: u32 = 100;

/// What needs no stop to be heard.
///
/// # Errors
/// How it ended, when not well.
pub async fn look(desk: &Desk, session: &Session, what: Bench) -> Result<(), End> {
    match what {
        Bench::List { model, csv, all } => {
            let most = if all { usize::MAX } else { PAGE as usize };
            let (runs, is_more) = read(desk, session, model.as_deref(), most).await?;
            if desk.global.json {
                print_json(&runs)?;
            } else if csv {
                // Our own making: foreign text in it has been made safe.
                print_own(as_csv(&runs).as_bytes())?;
            } else if runs.is_empty() {
                say("Nothing has been measured yet. Measure a model: ollamanet models bench run NAME");
            } else {
                print(&table(&runs, true))?;
            }
            if is_more {
                say("There are more: --all.");
            }
            Ok(())
        }
        Bench::History { model, csv } => history(desk, session, &model, csv).await,
        Bench::Compare { models } => {
            let mut latest = Vec::new();
            for model in &models {
                match read(desk, session, Some(model), 1).await?.0.pop() {
                    Some(run) => latest.push(run),
                    None => say(&format!("{} has not been measured yet.", safe(model))),
                }
            }
            if latest.windows(2).any(|pair| !pair[0].is_comparable_with(&pair[1])) {
                say("They were not measured in the same way, so the figures cannot be compared; measure them again.");
            } else if latest.windows(2).any(|pair| pair[0].setup.machine != pair[1].setup.machine) {
                say("They were measured on different machines.");
            }
            if desk.global.json { print_json(&latest) } else { print(&table(&latest, false)) }
        }
        Bench::Delete { id } => {
            let id: JobId = id.parse().map_err(|_| Fault::not_found("benchmark"))?;
            desk.confirmed(session, |session| desk.gateway.delete_benchmark(session, id)).await?;
            say("Deleted.");
            Ok(())
        }
        // It hears stops; `cli::run` leads to `run`.
        Bench::Run(_) => Ok(()),
    }
}

/// Measures, one model after the other, and shows what came of it. A stop cancels what has not ended.
///
/// # Errors
/// How it ended, when not well.
pub async fn run(desk: &Desk, what: BenchRun, stops: &mut Stops) -> Result<(), End> {
    let session = &desk.session().await?;
    let mut following = Following::begin(desk, session).await?.cancelled_by_a_stop();
    let works = what.models.into_iter().map(|model| Work::Benchmark { model, repeats: what.repeats }).collect();
    let batch = Batch { detached: what.later, ..Batch::of(works) };
    let items = desk.gateway.start_batch(session, batch).await?;
    let began: BTreeSet<JobId> = items
        .iter()
        .filter_map(|item| match &item.start {
            Start::Begun(job) | Start::UnderWay(job) => Some(job.id),
            Start::Would(_) | Start::Refused(_) => None,
        })
        .collect();
    following.take(items)?;
    if what.later {
        return following.leave();
    }
    let ended = following.until_over(stops).await;
    let page = desk.gateway.benchmarks(session, BenchmarkQuery { limit: PAGE, ..BenchmarkQuery::default() }).await?;
    let runs: Vec<Benchmark> = page.rows.into_iter().rev().filter(|run| began.contains(&run.id)).collect();
    if prints_lines(desk) {
        for run in &runs {
            print_json(&json!({ "type": "measured", "benchmark": run }))?;
        }
    } else if !runs.is_empty() {
        print(&table(&runs, false))?;
    }
    ended
}

async fn read(
    desk: &Desk,
    session: &Session,
    model: Option<&str>,
    most: usize,
) -> Result<(Vec<Benchmark>, bool), Fault> {
    let mut runs = Vec::new();
    let mut query = BenchmarkQuery { model: model.map(str::to_owned), after: None, limit: PAGE };
    loop {
        query.limit = u32::try_from(most - runs.len()).unwrap_or(PAGE).min(PAGE);
        let page = desk.gateway.benchmarks(session, query.clone()).await?;
        runs.extend(page.rows);
        match page.next {
            Some(next) if runs.len() < most => query.after = Some(next),
            next => return Ok((runs, next.is_some())),
        }
    }
}

/// Oldest first, of the runs that can be compared with the newest.
async fn history(desk: &Desk, session: &Session, model: &str, csv: bool) -> Result<(), End> {
    let (mut runs, _) = read(desk, session, Some(model), usize::MAX).await?;
    let all = runs.len();
    if let Some(newest) = runs.first().cloned() {
        runs.retain(|run| run.is_comparable_with(&newest));
    }
    runs.reverse();
    if desk.global.json {
        print_json(&runs)?;
    } else if csv {
        print_own(as_csv(&runs).as_bytes())?;
    } else if runs.is_empty() {
        say(&format!("{0} has not been measured yet: ollamanet models bench run {0}", safe(model)));
    } else {
        print(&over_time(&runs))?;
    }
    if runs.len() < all {
        say(&format!("{} more were measured with other prompts or options; `bench list` has them.", all - runs.len()));
    }
    Ok(())
}

/// A bar for each run and figure, and a word where the build is another than before.
fn over_time(runs: &[Benchmark]) -> String {
    let most = |figure: fn(&Figures) -> Option<f64>| {
        runs.iter().filter_map(|run| figure(&run.figures)).fold(0.0_f64, f64::max)
    };
    let writing: fn(&Figures) -> Option<f64> = |figures| figures.writing;
    let first: fn(&Figures) -> Option<f64> = |figures| figures.first_token_us.map(|us| us as f64);
    let (fastest, longest) = (most(writing), most(first));
    let bar = |value: Option<f64>, most: f64| match value {
        Some(value) if most > 0.0 => "#".repeat((value / most * BAR).round().clamp(1.0, BAR) as usize),
        Some(_) | None => String::new(),
    };
    let rows: Vec<[String; 6]> = runs
        .iter()
        .enumerate()
        .map(|(at, run)| {
            let is_new = at > 0 && runs[at - 1].digest != run.digest;
            let digest: String = safe(run.digest.trim_start_matches("sha256:")).chars().take(12).collect();
            [
                out::moment(run.at),
                writing(&run.figures).map_or_else(|| "–".to_owned(), |speed| format!("{speed:.1}")),
                bar(writing(&run.figures), fastest),
                first(&run.figures).map_or_else(|| "–".to_owned(), |us| format!("{:.0} ms", (us / 1000.0).ceil())),
                bar(first(&run.figures), longest),
                if is_new { format!("another build: {digest}") } else { String::new() },
            ]
        })
        .collect();
    out::table(["WHEN", "TOK/S", "", "FIRST TOKEN", "", ""], &rows)
}

/// Newest first; each beside the one before it of the same model that was measured in the same way.
fn table(runs: &[Benchmark], with_change: bool) -> String {
    let ms = |us: Option<u64>| us.map_or_else(|| "–".to_owned(), |us| format!("{} ms", us.div_ceil(1000)));
    let speed = |speed: Option<f64>| speed.map_or_else(|| "–".to_owned(), |speed| format!("{speed:.1}"));
    let rows: Vec<[String; 10]> = runs
        .iter()
        .enumerate()
        .map(|(at, run)| {
            let before = runs[at + 1..].iter().find(|other| other.model == run.model && run.is_comparable_with(other));
            let change = before.filter(|_| with_change).and_then(|before| changed(&run.figures, &before.figures));
            let Figures { bytes, gpu_bytes, .. } = run.figures;
            let gpu = match (bytes, gpu_bytes) {
                (Some(bytes @ 1..), Some(gpu)) => format!("{} %", gpu.min(bytes) * 100 / bytes),
                _ => "–".to_owned(),
            };
            [
                safe(&run.model),
                out::moment(run.at),
                speed(run.figures.writing),
                change.unwrap_or_default(),
                speed(run.figures.reading),
                ms(run.figures.first_token_us),
                ms(run.figures.load_us),
                bytes.map_or_else(|| "–".to_owned(), amount::bytes),
                gpu,
                run.id.to_string(),
            ]
        })
        .collect();
    let headings = ["MODEL", "WHEN", "TOK/S", "CHANGE", "READS", "FIRST TOKEN", "LOAD", "MEMORY", "ON GPU", "ID"];
    out::table(headings, &rows)
}

fn changed(now: &Figures, before: &Figures) -> Option<String> {
    let (now, before) = (now.writing?, before.writing?);
    (before > 0.0).then(|| format!("{:+.0} %", (now / before - 1.0) * 100.0))
}

/// As RFC 4180 writes it: one line a run. What is not told is empty, and is not nought.
fn as_csv(runs: &[Benchmark]) -> String {
    fn told<T: ToString>(figure: Option<T>) -> String {
        figure.map(|figure| figure.to_string()).unwrap_or_default()
    }
    let mut text = String::from(
        "id,model,digest,at,prompts_version,repeats,server_version,processor,threads,memory_bytes,graphics,load_us,\
         cold_first_token_us,first_token_us,reading,writing,bytes,gpu_bytes,context_length\r\n",
    );
    for run in runs {
        let (setup, machine, figures) = (&run.setup, &run.setup.machine, &run.figures);
        let foreign = |text: &str| csv_cell(&safe(text));
        let cells = [
            run.id.to_string(),
            foreign(&run.model),
            foreign(&run.digest),
            run.at.to_string(),
            setup.prompts_version.to_string(),
            setup.repeats.to_string(),
            foreign(&setup.server_version),
            machine.processor.as_deref().map(foreign).unwrap_or_default(),
            told(machine.threads),
            told(machine.memory_bytes),
            foreign(&machine.graphics.join("; ")),
            told(figures.load_us),
            told(figures.cold_first_token_us),
            told(figures.first_token_us),
            figures.reading.map(|speed| format!("{speed:.2}")).unwrap_or_default(),
            figures.writing.map(|speed| format!("{speed:.2}")).unwrap_or_default(),
            told(figures.bytes),
            told(figures.gpu_bytes),
            told(figures.context_length),
        ];
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}
