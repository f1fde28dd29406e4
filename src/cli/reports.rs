//! `ollamanet report`: the whole house in figures, as text, CSV or JSON.

use std::fmt::Write as _;

use jiff::{ToSpan, civil::Date};

use super::{
    Desk, End,
    out::{self, moment, print, print_json, print_own, safe, say, seconds},
    report_args::{GrainName, Reports, Table, Which},
};
use crate::api::{
    Fault, amount,
    auth::Session,
    insights::{Spread, day_of},
    reports::{
        Failing, Failure, Grown, OfDays, Over, Overview, Pace, Question, Report, Subject, error_words, kind_words,
    },
};

/// # Errors
/// How it ended, when not well.
pub async fn run(desk: &Desk, what: Reports) -> Result<(), End> {
    let session = &desk.session().await?;
    let (table, subject) = match what {
        Reports::Overview(which) => return overview(desk, session, which).await,
        Reports::Accounts(table) => (table, Subject::Accounts),
        Reports::Models(table) => (table, Subject::Models),
        Reports::Days(table) => (table, Subject::Days),
        Reports::Errors(table) => (table, Subject::Errors),
        Reports::Storage(table) => (table, Subject::Storage),
    };
    let Table { which, csv } = table;
    let question = question(which, jiff::Timestamp::now().to_zoned(crate::zone::local()).date())?;
    if csv {
        // Our own making: foreign text in it has been made safe.
        return print_own(desk.gateway.report_csv(session, question, subject).await?.as_bytes());
    }
    let report = desk.gateway.report(session, question).await?;
    if desk.global.json {
        return print_json(&report.table(subject).document(&report));
    }
    match (&report.question, subject) {
        (Question { model: Some(_), .. }, Subject::Accounts | Subject::Storage) => {
            say("Who used a model is told to nobody. Leave --model away.");
            return Ok(());
        }
        (Question { account: Some(_), .. }, Subject::Models) => {
            say("Which models one person used is told to nobody else. Leave --account away.");
            return Ok(());
        }
        (Question { .. }, _) => {}
    }
    print(&words(&report, subject))?;
    if report.rows(subject) == 0 {
        say(match subject {
            Subject::Errors => "No question was refused and no answer failed in these days.",
            Subject::Models if report.untold_models == 0 => "No model was asked anything in these days.",
            Subject::Accounts | Subject::Models | Subject::Days | Subject::Storage => "There is nothing to tell.",
        });
    }
    if subject == Subject::Models && report.untold_models > 0 {
        say(&format!("Left away: {} that fewer than three people with this role used.", report.untold_models));
    }
    if report.left_out > 0 {
        say("There are more; those who did most are listed.");
    }
    Ok(())
}

async fn overview(desk: &Desk, session: &Session, which: Which) -> Result<(), End> {
    let question = question(which, jiff::Timestamp::now().to_zoned(crate::zone::local()).date())?;
    let shown = desk.gateway.overview(session, question).await?;
    if desk.global.json {
        return print_json(&shown);
    }
    print(&overview_words(&shown))
}

/// What was typed, as a question.
fn question(which: Which, today: Date) -> Result<Question, Fault> {
    let Which { since, until, by, account, role, model } = which;
    let over = match (since, until) {
        (None, None) => Over::Month,
        (since, until) => {
            let day = |text: Option<String>| text.map(|text| day(&text, today)).transpose();
            Over::Between(day(since)?, day(until)?)
        }
    };
    Ok(Question { over, by: by.map(GrainName::grain), account, role, model })
}

/// `2026-11-25`, or an age in days with today.
fn day(text: &str, today: Date) -> Result<Date, Fault> {
    let wrong =
        || Fault::invalid(format!("“{}” is no day.", safe(text))).hint("Write 2026-11-25, or an age such as 7d.");
    match text.trim().strip_suffix('d').map(str::parse::<u32>) {
        Some(Ok(days @ 1..)) => today.checked_sub((i64::from(days) - 1).days()).map_err(|_| wrong()),
        Some(Ok(0) | Err(_)) => Err(wrong()),
        None => text.trim().parse().map_err(|_| wrong()),
    }
}

fn none() -> String {
    "–".to_owned()
}

fn told(figure: Option<u64>) -> String {
    figure.map_or_else(none, |figure| figure.to_string())
}

fn speed(speed: Option<f64>) -> String {
    speed.map_or_else(none, |speed| format!("{speed:.1}"))
}

fn median(time: Option<Spread>) -> String {
    time.map_or_else(none, |time| seconds(time.median_ms))
}

/// `+1.2 MB`, or `–` where nothing was measured before.
fn growth(grown: Option<Grown>) -> String {
    grown.map_or_else(none, |grown| {
        let sign = if grown.bytes < 0 { "-" } else { "+" };
        format!("{sign}{}", amount::bytes(grown.bytes.unsigned_abs()))
    })
}

/// `2026-10-25`, or the first and last of several days.
fn days(first: Date, last: Date) -> String {
    if first == last { first.to_string() } else { format!("{first} – {last}") }
}

fn words(report: &Report, subject: Subject) -> String {
    match subject {
        Subject::Accounts => accounts(report),
        Subject::Storage => storage(report),
        Subject::Models => models(report),
        Subject::Days => stretches(report),
        Subject::Errors => errors(report),
    }
}

fn name(name: &str, deleted: bool) -> String {
    if deleted { format!("{} (deleted)", safe(name)) } else { safe(name) }
}

fn accounts(report: &Report) -> String {
    let rows: Vec<[String; 10]> = report
        .accounts
        .iter()
        .map(|row| {
            [
                name(&row.name, row.deleted),
                safe(&row.role),
                row.active_days.to_string(),
                row.last_day.map_or_else(none, |day| day.to_string()),
                told(row.amounts.sign_ins),
                row.amounts.answers.to_string(),
                row.amounts.failed.to_string(),
                row.amounts.prompt_tokens.to_string(),
                row.amounts.answer_tokens.to_string(),
                amount::bytes(row.bytes),
            ]
        })
        .collect();
    let headings =
        ["ACCOUNT", "ROLE", "ACTIVE DAYS", "LAST DAY", "SIGN-INS", "ANSWERS", "FAILED", "TOKENS IN", "OUT", "STORAGE"];
    out::table(headings, &rows)
}

fn storage(report: &Report) -> String {
    let rows: Vec<[String; 4]> = report
        .accounts
        .iter()
        .map(|row| {
            [
                name(&row.name, row.deleted),
                amount::bytes(row.bytes),
                growth(row.grown),
                row.grown.map_or_else(none, |grown| grown.since.to_string()),
            ]
        })
        .collect();
    let mut text = out::table(["ACCOUNT", "STORAGE", "GROWN", "SINCE"], &rows);
    let _ = writeln!(text, "\n{}", storage_line(report));
    text
}

/// `Altogether 1.2 GB, +30 MB since 2026-11-01; 80 GB of 200 GB are free.`
fn storage_line(report: &Report) -> String {
    let kept = &report.storage;
    let mut line = format!("Altogether {}", amount::bytes(kept.bytes));
    if let Some(grown) = kept.grown {
        let _ = write!(line, ", {} since {}", growth(kept.grown), grown.since);
    }
    match (kept.free, kept.disk) {
        (Some(free), Some(disk)) => {
            let _ = write!(line, "; {} of {} are free", amount::bytes(free), amount::bytes(disk));
        }
        (Some(free), None) => {
            let _ = write!(line, "; {} were free", amount::bytes(free));
        }
        (None, _) => {}
    }
    line.push('.');
    line
}

fn models(report: &Report) -> String {
    let rows: Vec<[String; 11]> = report
        .models
        .iter()
        .map(|row| {
            let figures = &row.figures;
            [
                safe(&row.model),
                told(row.people),
                figures.answers.all().to_string(),
                figures.answers.failed.to_string(),
                figures.prompt_tokens.to_string(),
                figures.answer_tokens.to_string(),
                median(figures.first_token),
                speed(figures.tokens_per_second),
                figures.liked.to_string(),
                figures.disliked.to_string(),
                figures.last_used_at.map_or_else(none, |at| day_of(at.div_euclid(86_400_000)).to_string()),
            ]
        })
        .collect();
    let headings = [
        "MODEL",
        "PEOPLE",
        "ANSWERS",
        "FAILED",
        "TOKENS IN",
        "OUT",
        "FIRST TOKEN",
        "TOK/S",
        "LIKED",
        "DISLIKED",
        "LAST DAY",
    ];
    out::table(headings, &rows)
}

fn stretches(report: &Report) -> String {
    let row = |first: String, row: &OfDays| -> [String; 10] {
        [
            first,
            told(row.accounts),
            told(row.amounts.sign_ins),
            row.amounts.answers.to_string(),
            row.amounts.failed.to_string(),
            row.amounts.prompt_tokens.to_string(),
            row.amounts.answer_tokens.to_string(),
            median(row.quality.and_then(|quality| quality.first_token)),
            speed(row.quality.and_then(|quality| quality.tokens_per_second)),
            row.bytes.map_or_else(none, amount::bytes),
        ]
    };
    let mut rows: Vec<_> = report.stretches.iter().map(|each| row(days(each.first, each.last), each)).collect();
    if rows.len() > 1 {
        rows.push(row("all".to_owned(), &report.total));
    }
    let headings =
        ["DAYS", "ACCOUNTS", "SIGN-INS", "ANSWERS", "FAILED", "TOKENS IN", "OUT", "FIRST TOKEN", "TOK/S", "STORAGE"];
    out::table(headings, &rows)
}

fn errors(report: &Report) -> String {
    let rows: Vec<[String; 4]> = report
        .errors
        .iter()
        .map(|row| {
            let words = error_words(row.failed_as, row.kind);
            [words, row.count.to_string(), row.accounts.to_string(), row.last_day.to_string()]
        })
        .collect();
    out::table(["FAILED BECAUSE", "COUNT", "ACCOUNTS", "LAST DAY"], &rows)
}

fn overview_words(shown: &Overview) -> String {
    let Overview { now, report } = shown;
    let total = &report.total;
    let mut text = String::from("Now\n");
    let mut line = |name: &str, figure: String| {
        let _ = writeln!(text, "  {name:<14}{figure}");
    };
    let here: Vec<String> = now
        .here
        .iter()
        .map(|here| match here.sessions {
            1 => safe(&here.name),
            sessions => format!("{} ({sessions})", safe(&here.name)),
        })
        .collect();
    line("signed in", if here.is_empty() { "nobody".to_owned() } else { here.join(", ") });
    line("streams", now.answers_running.to_string());
    line("jobs", format!("{} running, {} waiting", now.jobs_running, now.jobs_waiting));
    line("today", pace(&now.today));
    line("week before", pace(&now.week));
    line("storage", storage_line(report));
    let _ = writeln!(text, "\nFailed within seven days");
    if now.failed.is_empty() {
        text.push_str("  nothing\n");
    }
    for failure in now.failed.iter().take(10) {
        let Failure { count, last_at, .. } = failure;
        let last = last_at.map(|at| format!(", last {}", moment(at))).unwrap_or_default();
        let _ = writeln!(text, "  {count:>6}  {}{last}", failing(&failure.what));
    }
    let _ = writeln!(text, "\n{}", days(report.first, report.last));
    let mut line = |name: &str, figure: String| {
        let _ = writeln!(text, "  {name:<14}{figure}");
    };
    if let Some(accounts) = total.accounts {
        line("accounts", format!("{accounts} active"));
    }
    if let Some(sign_ins) = total.amounts.sign_ins {
        line("sign-ins", sign_ins.to_string());
    }
    line("answers", format!("{}, {} failed", total.amounts.answers, total.amounts.failed));
    line("tokens", format!("{} in, {} out", total.amounts.prompt_tokens, total.amounts.answer_tokens));
    if let Some(quality) = total.quality {
        line(
            "speed",
            format!("{} tok/s, first token {}", speed(quality.tokens_per_second), median(quality.first_token)),
        );
        line("ratings", format!("{} liked, {} disliked", quality.liked, quality.disliked));
    }
    for (heading, rows) in [
        (
            "Models, by answers",
            report.models.iter().map(|row| (&row.model, row.figures.answers.all())).collect::<Vec<_>>(),
        ),
        ("Accounts, by answers", report.accounts.iter().map(|row| (&row.name, row.amounts.answers)).collect()),
    ] {
        let rows: Vec<_> = rows.into_iter().filter(|(_, count)| *count > 0).take(5).collect();
        if !rows.is_empty() {
            let _ = writeln!(text, "\n{heading}");
        }
        for (name, count) in rows {
            let _ = writeln!(text, "{count:>9}  {}", safe(name));
        }
    }
    text
}

/// `12 answers, 41.2 tok/s, first token 0.3 s`
fn pace(pace: &Pace) -> String {
    if pace.answers == 0 {
        return "no answers".to_owned();
    }
    let speed = speed(pace.tokens_per_second);
    format!("{}, {speed} tok/s, first token {}", amount::many(pace.answers, "answer"), median(pace.first_token))
}

/// What failed, in words.
fn failing(what: &Failing) -> String {
    match what {
        Failing::Question(kind) => format!("questions refused: {}", kind_words(*kind)),
        Failing::Answer(kind) => format!("answers: {}", kind_words(*kind)),
        Failing::Job(kind) => format!("jobs: {}", kind.as_str()),
        Failing::Trail { action, result } => format!("{}: {}", safe(action), safe(result)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_taken_as_people_write_them_and_ages_count_today() {
        let today: Date = "2026-11-25".parse().unwrap();
        let at = |text: &str| day(text, today).unwrap().to_string();
        assert_eq!([at("2026-01-31"), at("1d"), at("7d")], ["2026-01-31", "2026-11-25", "2026-11-19"]);
        for wrong in ["", "yesterday", "0d", "2026-13-01", "99999999999d", "-3d"] {
            assert!(day(wrong, today).is_err(), "{wrong}");
        }
    }
}
