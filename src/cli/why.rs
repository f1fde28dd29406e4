//! `ollamanet conversations why`: where the time of an answer went.

use std::fmt::Write as _;

use serde_json::json;

use super::{
    Desk, End,
    conversations::EVERYWHERE,
    find,
    notes::find_message,
    operations_args::Why,
    out::{self, print, print_json, safe},
};
use crate::api::{
    auth::Session,
    slowness::{Phase, Phases, Slowness, time},
};

/// # Errors
/// How it ended, when not well.
pub async fn run(desk: &Desk, session: &Session, what: &Why) -> Result<(), End> {
    let conversation = find::conversation(desk, session, &what.conversation, EVERYWHERE).await?.id;
    let message = find_message(desk, session, conversation, &what.message).await?;
    let slowness = desk.gateway.slowness(session, conversation, message).await?;
    if desk.global.json {
        return print_json(&machine(&slowness));
    }
    print(&text(&slowness))
}

fn machine(slowness: &Slowness) -> serde_json::Value {
    let phases = slowness.phases.map(|phases| {
        let part = |phase: Phase| {
            let micros = phases.of(phase);
            json!({ "phase": phase, "ms": micros as f64 / 1000.0, "percent": percent(&phases, phase) })
        };
        Phase::ALL.map(part).to_vec()
    });
    json!({
        "message": slowness.message,
        "model": slowness.model,
        "state": slowness.state,
        "total_ms": slowness.phases.map(|phases| phases.total() as f64 / 1000.0),
        "phases": phases,
        "largest": slowness.phases.map(|phases| phases.largest()),
        "why": slowness.why(),
        "hint": slowness.hint(),
        "metrics": slowness.metrics,
        "request": slowness.request,
    })
}

fn percent(phases: &Phases, phase: Phase) -> u64 {
    phases.of(phase) * 100 / phases.total().max(1)
}

fn text(slowness: &Slowness) -> String {
    let mut text = String::new();
    if let Some(phases) = &slowness.phases {
        let row =
            |phase: Phase| [phase.label().to_owned(), time(phases.of(phase)), format!("{} %", percent(phases, phase))];
        text = out::table(["PHASE", "TIME", "SHARE"], &Phase::ALL.map(row));
        let model = slowness.model.as_deref().map(|model| format!(" · {}", safe(model))).unwrap_or_default();
        let _ = writeln!(text, "{} in all{model}\n", time(phases.total()));
    }
    let _ = writeln!(text, "{}", safe(&slowness.why()));
    if let Some(hint) = slowness.hint() {
        let _ = writeln!(text, "{}", safe(&hint));
    }
    text
}
