//! `ollamanet insights`: one's own use in figures, as text, CSV or JSON.

use std::fmt::Write as _;

use super::{
    Desk, End, find,
    insights_args::{ByName, Insights as Args},
    out::{self, print, print_json, print_own, safe, say, seconds},
};
use crate::api::{
    amount,
    insights::{By, Figures, Insights, InsightsQuery, Spread, Stretch},
};

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// # Errors
/// How it ended, when not well.
pub async fn run(desk: &Desk, what: Args) -> Result<(), End> {
    let session = desk.session().await?;
    let folder = match &what.folder {
        Some(which) => Some(find::folder(&desk.gateway.tree(&session).await?.folders, which)?.id),
        None => None,
    };
    let query = InsightsQuery { period: what.period.period(), model: what.model, folder };
    let by = what.by.map(ByName::by);
    if what.csv {
        // Our own making: foreign text in it has been made safe.
        let text = desk.gateway.insights_csv(&session, query, by.unwrap_or_default()).await?;
        return print_own(text.as_bytes());
    }
    let shown = desk.gateway.insights(&session, query).await?;
    if desk.global.json {
        return match by {
            None => print_json(&shown),
            Some(By::Day) => print_json(&shown.stretches),
            Some(By::Model) => print_json(&shown.models),
            Some(By::Folder) => print_json(&shown.folders),
            Some(By::Hour) => print_json(&shown.hours),
            Some(By::Reason) => print_json(&shown.reasons),
        };
    }
    if shown.total.messages() == 0 {
        say("Nothing was said in this time. Ask something: ollamanet ask \"…\"");
        return Ok(());
    }
    print(&match by {
        None => overview(&shown),
        Some(By::Day) => figures("DAYS", shown.stretches.iter().map(|each| (days(each), each.figures))),
        Some(By::Model) => figures(
            "MODEL",
            shown.models.iter().map(|each| (safe(each.model.as_deref().unwrap_or("not told")), each.figures)),
        ),
        Some(By::Folder) => figures(
            "FOLDER",
            shown.folders.iter().map(|each| {
                let path = if each.folder.is_none() { "in no folder".to_owned() } else { safe(&each.path) };
                (path, each.figures)
            }),
        ),
        Some(By::Hour) => hours(&shown),
        Some(By::Reason) => reasons(&shown),
    })?;
    if by == Some(By::Reason) && shown.reasons.is_empty() {
        say("No rating gave a reason in this time.");
    }
    if by.is_some() && shown.left_out > 0 {
        say("There are more; the greatest are listed.");
    }
    Ok(())
}

/// `2026-10-25`, or the first and last of several days.
fn days(stretch: &Stretch) -> String {
    if stretch.first == stretch.last {
        return stretch.first.to_string();
    }
    format!("{} – {}", stretch.first, stretch.last)
}

fn overview(shown: &Insights) -> String {
    let total = &shown.total;
    let mut text = format!("{} – {}\n\n", shown.first, shown.last);
    let mut line = |name: &str, figure: String| {
        let _ = writeln!(text, "{name:<14}{figure}");
    };
    if let Some(asked) = total.asked {
        line("asked", asked.to_string());
    }
    let ended: Vec<String> = total
        .answers
        .each()
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(how, count)| format!("{count} {how}"))
        .collect();
    line("answered", format!("{} ({})", total.answers.all(), ended.join(", ")));
    line("tokens", format!("{} in, {} out", total.prompt_tokens, total.answer_tokens));
    if let Some(time) = total.answer_time {
        line("answer time", spread(time));
    }
    if let Some(time) = total.first_token {
        line("first token", spread(time));
    }
    if let Some(speed) = total.tokens_per_second {
        line("speed", format!("{speed:.1} tok/s"));
    }
    line("ratings", format!("{} liked, {} disliked", total.liked, total.disliked));
    line(
        "active days",
        format!("{}; {} in a row now, {} at most", shown.active_days, shown.streak, shown.longest_streak),
    );
    if let Some((weekday, hour, messages)) = busiest(shown) {
        line("busiest hour", format!("{} {hour:02}:00 ({})", WEEKDAYS[weekday], amount::many(messages, "message")));
    }
    let mut list = |heading: &str, rows: Vec<(String, u64)>| {
        if rows.is_empty() {
            return;
        }
        let _ = writeln!(text, "\n{heading}");
        for (name, count) in rows {
            let _ = writeln!(text, "{count:>9}  {name}");
        }
    };
    let model = |model: &Option<String>| safe(model.as_deref().unwrap_or("not told"));
    list(
        "Models, by answers",
        shown.models.iter().take(5).map(|each| (model(&each.model), each.figures.answers.all())).collect(),
    );
    list(
        "Folders, by messages",
        shown
            .folders
            .iter()
            .filter(|each| each.folder.is_some())
            .take(5)
            .map(|each| (safe(&each.path), each.figures.messages()))
            .collect(),
    );
    list(
        "Longest conversations, by messages",
        shown.longest.iter().take(5).map(|each| (safe(&each.title), each.messages)).collect(),
    );
    text
}

fn busiest(shown: &Insights) -> Option<(usize, usize, u64)> {
    let each =
        shown.hours.iter().enumerate().flat_map(|(weekday, hours)| {
            hours.iter().enumerate().map(move |(hour, messages)| (weekday, hour, *messages))
        });
    // The first of several that are alike.
    each.filter(|(_, _, messages)| *messages > 0).rev().max_by_key(|(_, _, messages)| *messages)
}

fn spread(time: Spread) -> String {
    format!("{} median, {} p90", seconds(time.median_ms), seconds(time.p90_ms))
}

fn figures(key: &str, rows: impl Iterator<Item = (String, Figures)>) -> String {
    let told = |figure: Option<u64>| figure.map_or_else(|| "–".to_owned(), |figure| figure.to_string());
    let time = |time: Option<Spread>| time.map_or_else(|| "–".to_owned(), |time| seconds(time.median_ms));
    let rows: Vec<[String; 10]> = rows
        .map(|(name, figures)| {
            [
                name,
                told(figures.asked),
                figures.answers.all().to_string(),
                figures.prompt_tokens.to_string(),
                figures.answer_tokens.to_string(),
                time(figures.answer_time),
                time(figures.first_token),
                figures.tokens_per_second.map_or_else(|| "–".to_owned(), |speed| format!("{speed:.1}")),
                figures.liked.to_string(),
                figures.disliked.to_string(),
            ]
        })
        .collect();
    out::table(
        [key, "ASKED", "ANSWERED", "TOKENS IN", "OUT", "TIME", "FIRST TOKEN", "TOK/S", "LIKED", "DISLIKED"],
        &rows,
    )
}

fn hours(shown: &Insights) -> String {
    let mut text = String::from("     ");
    let width = shown.hours.iter().flatten().max().map_or(1, |most| most.to_string().len()).max(2) + 1;
    for hour in 0..24 {
        let _ = write!(text, "{hour:>width$}");
    }
    text.push('\n');
    for (weekday, hours) in WEEKDAYS.iter().zip(&shown.hours) {
        let _ = write!(text, "{weekday:<5}");
        for messages in hours {
            let _ = match messages {
                0 => write!(text, "{:>width$}", "·"),
                messages => write!(text, "{messages:>width$}"),
            };
        }
        text.push('\n');
    }
    text
}

fn reasons(shown: &Insights) -> String {
    let rows: Vec<[String; 3]> = shown
        .reasons
        .iter()
        .map(|each| [safe(&each.reason), each.liked.to_string(), each.disliked.to_string()])
        .collect();
    out::table(["REASON", "LIKED", "DISLIKED"], &rows)
}
