//! Figures as files: CSV as RFC 4180 writes it, with the columns of `api::insights::FIGURES`, and JSON.

use crate::{
    api::{
        Fault, FaultKind,
        insights::{By, FIGURES, Figures, Insights},
    },
    safe_text::SafeText,
};

/// Monday first, as `Insights::hours` counts.
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// One line for each of the group, under its heading.
pub fn csv(shown: &Insights, by: By) -> String {
    let mut text = String::new();
    let mut line = |cells: Vec<String>| {
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    };
    let headings = |keys: &[&str]| -> Vec<String> {
        keys.iter().copied().chain(FIGURES.iter().map(|figure| figure.column)).map(str::to_owned).collect()
    };
    let figured = |keys: Vec<String>, figures: &Figures| keys.into_iter().chain(cells(figures)).collect::<Vec<_>>();
    match by {
        By::Day => {
            line(headings(&["first_day", "last_day"]));
            for stretch in &shown.stretches {
                line(figured(vec![stretch.first.to_string(), stretch.last.to_string()], &stretch.figures));
            }
        }
        By::Model => {
            line(headings(&["model"]));
            for model in &shown.models {
                line(figured(vec![cell(model.model.as_deref().unwrap_or_default())], &model.figures));
            }
        }
        By::Folder => {
            line(headings(&["folder"]));
            for folder in &shown.folders {
                line(figured(vec![cell(&folder.path)], &folder.figures));
            }
        }
        By::Hour => {
            line(["weekday", "hour", "messages"].map(str::to_owned).to_vec());
            for (weekday, hours) in WEEKDAYS.iter().zip(&shown.hours) {
                for (hour, messages) in hours.iter().enumerate() {
                    line(vec![(*weekday).to_owned(), hour.to_string(), messages.to_string()]);
                }
            }
        }
        By::Reason => {
            line(["reason", "liked", "disliked"].map(str::to_owned).to_vec());
            for reason in &shown.reasons {
                line(vec![cell(&reason.reason), reason.liked.to_string(), reason.disliked.to_string()]);
            }
        }
    }
    text
}

/// The whole answer, for people to read too.
pub fn json(shown: &Insights) -> Result<String, Fault> {
    let mut text = serde_json::to_string_pretty(shown)
        .map_err(|_| Fault::new(FaultKind::Internal, "The figures could not be written as JSON."))?;
    text.push('\n');
    Ok(text)
}

/// In the order of `FIGURES`. What is not told is empty, and is not nought.
fn cells(figures: &Figures) -> [String; 16] {
    let told = |figure: Option<u64>| figure.map(|figure| figure.to_string()).unwrap_or_default();
    let answers = &figures.answers;
    [
        told(figures.asked),
        answers.all().to_string(),
        answers.done.to_string(),
        answers.length.to_string(),
        answers.stopped.to_string(),
        answers.interrupted.to_string(),
        answers.failed.to_string(),
        figures.prompt_tokens.to_string(),
        figures.answer_tokens.to_string(),
        told(figures.answer_time.map(|time| time.median_ms)),
        told(figures.answer_time.map(|time| time.p90_ms)),
        told(figures.first_token.map(|time| time.median_ms)),
        told(figures.first_token.map(|time| time.p90_ms)),
        figures.tokens_per_second.map(|speed| format!("{speed:.2}")).unwrap_or_default(),
        figures.liked.to_string(),
        figures.disliked.to_string(),
    ]
}

/// Foreign text as a cell. A spreadsheet takes what begins like a formula for one, so such text gets an apostrophe before
/// it; JSON has it as it is.
pub fn cell(foreign: &str) -> String {
    let mut text = SafeText::line(foreign).into_string();
    if text.starts_with(['=', '+', '-', '@']) {
        text.insert(0, '\'');
    }
    if text.contains(['"', ',', '\n', '\r']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::insights::{InsightsQuery, Period},
        services::insights::figures::{Span, shown},
        store::vault::usage::{Summed, Tally},
    };

    fn example() -> Insights {
        let tally = Tally {
            asked: 3,
            done: 2,
            failed: 1,
            prompt_tokens: 40,
            answer_tokens: 90,
            speed_tokens: 90,
            speed_ms: 1500,
            liked: 1,
            ..Tally::default()
        };
        let today = "2026-10-25".parse().unwrap();
        let span = Span::of(Period::Week, today, None);
        let mut hours = [[0; 24]; 7];
        hours[6][23] = 5;
        let summed = Summed {
            total: tally.clone(),
            days: vec![(20_751, tally.clone())],
            models: vec![("=cmd|' /C calc'!A0".to_owned(), tally.clone())],
            folders: vec![(None, "a, \"b\"".to_owned(), tally)],
            hours,
            reasons: vec![("too\u{1b}[31m long".to_owned(), 0, 2)],
        };
        shown(InsightsQuery::default(), &span, summed, Vec::new(), 1)
    }

    #[test]
    fn each_group_is_a_file_with_headings_and_what_is_not_told_is_empty() {
        let shown = example();
        let figures = "answered,done,length,stopped,interrupted,failed,prompt_tokens,answer_tokens,answer_median_ms,\
                       answer_p90_ms,first_token_median_ms,first_token_p90_ms,tokens_per_second,liked,disliked";
        let days = csv(&shown, By::Day);
        let lines: Vec<&str> = days.split("\r\n").collect();
        assert_eq!(lines.len(), 9, "heading, seven days, and the end of the last line");
        assert_eq!(lines[0], format!("first_day,last_day,asked,{figures}"));
        assert_eq!(lines[1], "2026-10-19,2026-10-19,0,0,0,0,0,0,0,0,0,,,,,,0,0");
        assert_eq!(lines[7], "2026-10-25,2026-10-25,3,3,2,0,0,0,1,40,90,,,,,60.00,1,0");
        assert_eq!(
            csv(&shown, By::Model).lines().nth(1),
            Some("'=cmd|' /C calc'!A0,,3,2,0,0,0,1,40,90,,,,,60.00,1,0"),
            "no formula, and no questions"
        );
        assert!(csv(&shown, By::Folder).contains("\r\n\"a, \"\"b\"\"\",3,3,"));
        let hours = csv(&shown, By::Hour);
        assert_eq!((hours.lines().count(), hours.lines().last()), (1 + 7 * 24, Some("sunday,23,5")));
        let reasons = csv(&shown, By::Reason);
        assert!(reasons.starts_with("reason,liked,disliked\r\ntoo") && !reasons.contains('\u{1b}'), "{reasons:?}");
    }

    #[test]
    fn json_comes_back_as_it_was() {
        let shown = example();
        let text = json(&shown).unwrap();
        assert_eq!(serde_json::from_str::<Insights>(&text).unwrap(), shown);
        assert!(text.contains("\"first\": \"2026-10-19\""), "{text}");
    }
}
