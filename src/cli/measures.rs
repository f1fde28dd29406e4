//! `ollamanet models usage` and its neighbours: how models do here.

use std::fmt::Write as _;

use super::{
    Desk, End, bench,
    measures_args::{ModelMeasures, Recommend, Updates, Usage},
    monitor,
    out::{self, print, print_json, print_own, safe, say, seconds},
};
use crate::api::{
    auth::Session,
    measures::{PEOPLE_MIN, UseFigures, UseQuery},
    recommend::RecommendQuery,
};

/// # Errors
/// How it ended, when not well.
pub async fn run(desk: &Desk, session: &Session, what: ModelMeasures) -> Result<(), End> {
    match what {
        ModelMeasures::Bench(what) => bench::look(desk, session, what).await,
        ModelMeasures::Recommend(what) => recommend(desk, session, what).await,
        ModelMeasures::Monitor => monitor::run(desk, session).await,
        ModelMeasures::Updates(what) => updates(desk, session, what).await,
        // It hears stops; `cli::run` leads to it.
        ModelMeasures::Compare(_) => Ok(()),
    }
}

/// # Errors
/// How it ended, when not well.
pub async fn usage(desk: &Desk, session: &Session, what: Usage) -> Result<(), End> {
    let query = UseQuery { period: what.period.period(), model: what.model };
    let shown = desk.gateway.model_use(session, query).await?;
    if desk.global.json {
        return print_json(&shown);
    }
    let mut rows: Vec<(String, UseFigures)> = Vec::new();
    for used in &shown.models {
        let figures = if what.everybody { used.everybody } else { Some(used.own) };
        rows.extend(figures.filter(|figures| figures.answers.all() > 0).map(|figures| (safe(&used.model), figures)));
    }
    let days = if what.everybody { &[] } else { shown.days.as_slice() };
    if what.csv {
        let days = days.iter().map(|(day, figures)| (day.to_string(), *figures));
        // Our own making: foreign text in it has been made safe.
        let text = if shown.query.model.is_some() && !what.everybody { csv("day", days) } else { csv("model", rows) };
        return print_own(text.as_bytes());
    }
    if rows.is_empty() {
        say(&if what.everybody {
            format!("No model was used by at least {PEOPLE_MIN} people in this time, so nothing of others is told.")
        } else {
            "No model answered you in this time. Ask something: ollamanet ask \"…\"".to_owned()
        });
        return Ok(());
    }
    print(&table("MODEL", rows))?;
    if days.len() > 1 {
        print("\n")?;
        print(&table("DAY", days.iter().map(|(day, figures)| (day.to_string(), *figures))))?;
    }
    Ok(())
}

/// # Errors
/// How it ended, when not well.
pub async fn updates(desk: &Desk, session: &Session, what: Updates) -> Result<(), End> {
    let ask = |session| desk.gateway.model_updates(session, what.models.clone(), what.insecure);
    let checks = desk.confirmed(session, ask).await?;
    if desk.global.json {
        return print_json(&checks);
    }
    if checks.is_empty() {
        say("No model is installed.");
        return Ok(());
    }
    let rows: Vec<[String; 3]> = checks
        .iter()
        .map(|check| [safe(&check.model), check.standing.words().to_owned(), safe(&check.because)])
        .collect();
    print(&out::table(["MODEL", "UPDATE", "BECAUSE"], &rows))
}

/// # Errors
/// How it ended, when not well.
pub async fn recommend(desk: &Desk, session: &Session, what: Recommend) -> Result<(), End> {
    let query = RecommendQuery { task: what.task.task(), limit: what.limit, only_installed: what.installed };
    let found = desk.gateway.recommend_models(session, query).await?;
    if desk.global.json {
        return print_json(&found);
    }
    if found.rows.is_empty() {
        say(&format!("No model is known that is for {} and fits this machine.", found.query.task.as_str()));
        return Ok(());
    }
    let mut text = String::new();
    for (at, row) in found.rows.iter().enumerate() {
        let _ = writeln!(text, "{}. {}", at + 1, safe(&row.model));
        for reason in &row.reasons {
            let _ = writeln!(text, "   {}", safe(reason));
        }
    }
    print(&text)
}

fn table(key: &str, rows: impl IntoIterator<Item = (String, UseFigures)>) -> String {
    let none = || "–".to_owned();
    let rows: Vec<[String; 11]> = rows
        .into_iter()
        .map(|(name, figures)| {
            [
                name,
                figures.answers.all().to_string(),
                figures.error_rate().map_or_else(none, |rate| format!("{:.0} %", rate * 100.0)),
                figures.prompt_tokens.to_string(),
                figures.answer_tokens.to_string(),
                figures.first_token.map_or_else(none, |time| seconds(time.median_ms)),
                figures.tokens_per_second.map_or_else(none, |speed| format!("{speed:.1}")),
                figures.load_ms.map_or_else(none, seconds),
                figures.liked.to_string(),
                figures.disliked.to_string(),
                figures.last_used_at.map_or_else(none, out::moment),
            ]
        })
        .collect();
    let headings = [
        key,
        "ANSWERS",
        "FAILED",
        "TOKENS IN",
        "OUT",
        "FIRST TOKEN",
        "TOK/S",
        "LOAD",
        "LIKED",
        "DISLIKED",
        "LAST USED",
    ];
    out::table(headings, &rows)
}

/// As RFC 4180 writes it. What is not told is empty, and is not nought.
fn csv(key: &str, rows: impl IntoIterator<Item = (String, UseFigures)>) -> String {
    let mut text = format!(
        "{key},answers,done,length,stopped,interrupted,failed,prompt_tokens,answer_tokens,first_token_median_ms,\
         first_token_p90_ms,tokens_per_second,loads,load_mean_ms,liked,disliked,last_used_at\r\n"
    );
    for (name, figures) in rows {
        let UseFigures { answers, prompt_tokens, answer_tokens, first_token, loads, liked, disliked, .. } = figures;
        let mut cells = vec![out::csv_cell(&name), answers.all().to_string()];
        cells.extend(answers.each().map(|(_, count)| count.to_string()));
        cells.extend([prompt_tokens.to_string(), answer_tokens.to_string()]);
        cells.push(first_token.map(|time| time.median_ms.to_string()).unwrap_or_default());
        cells.push(first_token.map(|time| time.p90_ms.to_string()).unwrap_or_default());
        cells.push(figures.tokens_per_second.map(|speed| format!("{speed:.2}")).unwrap_or_default());
        cells.push(loads.to_string());
        cells.push(figures.load_ms.map(|ms| ms.to_string()).unwrap_or_default());
        cells.extend([liked.to_string(), disliked.to_string()]);
        cells.push(figures.last_used_at.map(|at| at.to_string()).unwrap_or_default());
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}
