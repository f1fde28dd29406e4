//! `ollamanet feedback`: rating answers, and what was thought of which model.

use std::fmt::Write as _;

use serde_json::json;

use super::{
    Desk, End, find,
    notes::find_message,
    notes_args::{Feedback, ThumbName},
    out::{self, moment, print, print_json, safe, say},
};
use crate::api::{
    Fault,
    feedback::{FeedbackSummary, NewFeedback, Reason, Thumb},
    organise::{PAGE_MAX, Shelf},
};

const EVERYWHERE: &[Shelf] = &[Shelf::Recent, Shelf::Archive, Shelf::Trash];

impl From<ThumbName> for Thumb {
    fn from(name: ThumbName) -> Self {
        match name {
            ThumbName::Up => Self::Up,
            ThumbName::Down => Self::Down,
        }
    }
}

/// # Errors
/// How it ended, when not well.
pub async fn run(desk: &Desk, what: Feedback) -> Result<(), End> {
    let session = desk.session().await?;
    let gateway = &desk.gateway;
    match what {
        Feedback::List { conversation, thumb, paging } => {
            let conversation = match conversation {
                Some(which) => Some(find::conversation(desk, &session, &which, EVERYWHERE).await?.id),
                None => None,
            };
            let mut rows = Vec::new();
            let mut after = None;
            let more = loop {
                let wanted = paging.most().saturating_sub(rows.len()).min(PAGE_MAX as usize) as u32;
                let page = gateway.feedback(&session, conversation, thumb.map(Thumb::from), after, wanted).await?;
                rows.extend(page.rows);
                after = page.next;
                if after.is_none() || rows.len() >= paging.most() {
                    break after.is_some();
                }
            };
            if desk.global.json {
                print_json(&rows)?;
            } else if rows.is_empty() {
                say("No answer is rated yet. Rate the last one: ollamanet feedback set up");
            } else {
                let cells: Vec<[String; 6]> = rows
                    .iter()
                    .map(|row| {
                        let reasons: Vec<&str> = row.feedback.reasons.iter().map(|reason| reason.label()).collect();
                        let comment = row.feedback.comment.as_deref().map(|text| format!(" — {}", safe(text)));
                        [
                            find::short(row.message),
                            moment(row.feedback.updated_at),
                            sign(row.feedback.thumb).to_owned(),
                            safe(row.model.as_deref().unwrap_or("–")),
                            safe(&row.title),
                            format!("{}{}", reasons.join(", "), comment.unwrap_or_default()),
                        ]
                    })
                    .collect();
                print(&out::table(["ANSWER", "RATED", "", "MODEL", "CONVERSATION", "WHY"], &cells))?;
            }
            if more {
                say("There are more: --limit N, or --all.");
            }
            Ok(())
        }
        Feedback::Set { thumb, conversation, message, reasons, comment } => {
            let reasons = reasons.iter().map(|name| reason(name, thumb.into())).collect::<Result<Vec<_>, _>>()?;
            let conversation = find::conversation(desk, &session, &conversation, EVERYWHERE).await?.id;
            let message = find_message(desk, &session, conversation, &message).await?;
            let new = NewFeedback { thumb: thumb.into(), reasons, comment };
            gateway.set_feedback(&session, conversation, message, new.clone()).await?;
            if desk.global.json {
                return print_json(&json!({ "conversation": conversation, "message": message, "feedback": new }));
            }
            print(&format!("Rated: {}\n", sign(new.thumb)))
        }
        Feedback::Withdraw { conversation, message } => {
            let conversation = find::conversation(desk, &session, &conversation, EVERYWHERE).await?.id;
            let message = find_message(desk, &session, conversation, &message).await?;
            let gone = gateway.withdraw_feedback(&session, conversation, message).await?;
            if desk.global.json {
                return print_json(&json!({ "conversation": conversation, "message": message, "withdrawn": gone }));
            }
            print(if gone { "Withdrawn.\n" } else { "This answer was not rated.\n" })
        }
        Feedback::Summary => {
            let summary = gateway.feedback_summary(&session).await?;
            if desk.global.json {
                return print_json(&summary);
            }
            tell(&summary)
        }
    }
}

fn tell(summary: &FeedbackSummary) -> Result<(), End> {
    if summary.models.is_empty() {
        say("No answer is rated yet. Rate the last one: ollamanet feedback set up");
        return Ok(());
    }
    let cells: Vec<[String; 4]> = summary
        .models
        .iter()
        .map(|model| {
            let share = model.up * 100 / (model.up + model.down).max(1);
            let name = if model.model.is_empty() { "–".to_owned() } else { safe(&model.model) };
            [name, model.up.to_string(), model.down.to_string(), format!("{share} %")]
        })
        .collect();
    let mut text = out::table(["MODEL", "UP", "DOWN", "GOOD"], &cells);
    if !summary.reasons.is_empty() {
        let reasons: Vec<String> =
            summary.reasons.iter().map(|(reason, count)| format!("{} {count}", reason.label())).collect();
        let _ = write!(text, "\n{}\n", reasons.join(" · "));
    }
    print(&text)
}

fn reason(name: &str, thumb: Thumb) -> Result<Reason, Fault> {
    Reason::parse(name).ok_or_else(|| {
        let there: Vec<&str> = thumb.reasons().iter().map(|reason| reason.label()).collect();
        Fault::invalid(format!("There is no reason “{}”.", safe(name)))
            .hint(format!("There are: {}.", there.join(", ")))
    })
}

/// Words beside the sign, for whoever reads it aloud.
fn sign(thumb: Thumb) -> &'static str {
    match thumb {
        Thumb::Up => "+ up",
        Thumb::Down => "- down",
    }
}
