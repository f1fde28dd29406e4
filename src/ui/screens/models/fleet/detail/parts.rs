//! What the parts of the detail say that are not text as Ollama has it: the overview, whether it fits, the tags of the family,
//! figures of use, what the house wrote.

use ratatui::text::Line;

use super::UNKNOWN;
use crate::{
    api::{
        amount,
        fleet::{Detail, Fit, Verdict},
        measures::UseFigures,
    },
    safe_text::SafeText,
    ui::{
        cx::Cx,
        screens::models::fleet::view::when,
        widgets::table::{broken, fit, fit_right, labelled, safe},
    },
};

pub(super) fn figures(of: &UseFigures, room: usize, cx: &Cx) -> Vec<Line<'static>> {
    let unknown = || UNKNOWN.to_owned();
    let rows = [
        ("answers", of.answers.all().to_string()),
        ("tokens", format!("{} in, {} out", of.prompt_tokens, of.answer_tokens)),
        ("speed", of.tokens_per_second.map_or_else(unknown, |speed| format!("{speed:.1} tok/s"))),
        (
            "loading",
            of.load_ms.map_or_else(unknown, |ms| format!("{:.1} s on average, {} times", ms as f64 / 1e3, of.loads)),
        ),
        ("refused", of.error_rate().map_or_else(unknown, |rate| format!("{:.0} % of the answers", rate * 100.0))),
        ("rated", if of.liked + of.disliked == 0 { unknown() } else { format!("+{} −{}", of.liked, of.disliked) }),
        ("last used", of.last_used_at.map_or_else(unknown, |at| cx.clock(at))),
    ];
    rows.into_iter().flat_map(|(label, text)| labelled(label, &text, cx.theme.text, room, cx)).collect()
}

/// Text in so much room.
pub fn paragraph(text: &str, room: usize, cx: &Cx) -> Vec<Line<'static>> {
    broken(text, cx.theme.text, room).into_iter().map(|line| line.after(Vec::new())).collect()
}

pub(super) fn overview(detail: &Detail, update: Option<&str>, room: usize, cx: &Cx) -> Vec<Line<'static>> {
    let row = &detail.row;
    let shown = detail.shown.as_ref();
    let known =
        |text: Option<&String>| text.filter(|text| !text.is_empty()).map_or_else(|| UNKNOWN.into(), |t| safe(t));
    let mut lines = Vec::new();
    let described = detail.card.description.as_ref().or(row.summary.as_ref());
    if let Some(words) = described {
        lines.extend(paragraph(SafeText::new(words).as_str(), room, cx));
        lines.push(Line::default());
    }
    let loaded = row
        .loaded
        .as_ref()
        .map(|loaded| format!("{}, {} of it in the GPU", amount::bytes(loaded.bytes), amount::bytes(loaded.gpu_bytes)));
    let state = match (&row.installed, row.is_remote) {
        (_, true) => "runs on Ollama's servers".to_owned(),
        (Some(_), false) => "installed".to_owned(),
        (None, false) => "not installed".to_owned(),
    };
    let bytes = row.bytes.map_or_else(
        || UNKNOWN.into(),
        |bytes| {
            if row.is_exact { amount::bytes(bytes) } else { format!("about {}", amount::bytes(bytes)) }
        },
    );
    let number = |number: Option<u32>, unit: &str| number.map_or_else(|| UNKNOWN.into(), |n| format!("{n}{unit}"));
    let pairs = [
        ("state", state),
        ("fits", verdict_words(&row.fit)),
        ("in memory", loaded.unwrap_or_else(|| "no".into())),
        ("publisher", known(row.publisher.as_ref())),
        ("family", known(row.architecture.as_ref().or(Some(&row.family)))),
        ("parameters", known(row.parameters.as_ref())),
        ("quantisation", known(row.quantization.as_ref())),
        ("size", bytes),
        ("window", number(row.context_length, " tokens")),
        ("embedding", number(shown.and_then(|shown| shown.embedding_length), " numbers")),
        ("can", row.capabilities.as_ref().map_or_else(|| UNKNOWN.into(), |can| words(can))),
        ("topics", if row.topics.is_empty() { UNKNOWN.into() } else { words(&row.topics) }),
        ("licence", known(row.license.as_ref())),
        ("released", known(row.released.as_ref())),
        ("tags", if row.tags.is_empty() { "none".into() } else { words(&row.tags) }),
        ("installed", row.installed.as_ref().map_or_else(|| UNKNOWN.into(), |here| when(&here.modified_at, cx))),
        ("digest", known(row.installed.as_ref().map(|installed| &installed.digest))),
        ("speed", row.speed.map_or_else(|| UNKNOWN.into(), |speed| format!("{speed:.1} tok/s"))),
        (
            "rated",
            row.rating.map_or_else(|| UNKNOWN.into(), |rating| format!("+{} −{}", rating.liked, rating.disliked)),
        ),
        ("last used", row.last_used_at.map_or_else(|| UNKNOWN.into(), |at| cx.clock(at))),
    ];
    for (label, text) in pairs {
        lines.extend(labelled(label, &text, cx.theme.text, room, cx));
        // What a registry says of it stands behind its state.
        if let Some(update) = update.filter(|_| label == "state") {
            lines.extend(labelled("update", update, cx.theme.text, room, cx));
        }
    }
    lines.push(Line::default());
    lines.push(Line::styled("Does it fit this machine?", cx.theme.heading));
    lines.extend(fit_lines(&row.fit, room, cx));
    if row.is_for_apple {
        lines.extend(paragraph("It is made for Apple's MLX engine, and this is another machine.", room, cx));
    }
    lines
}

fn words(all: &[String]) -> String {
    all.iter().map(|word| safe(word)).collect::<Vec<_>>().join(", ")
}

/// `GPU (measured)`.
fn verdict_words(fit: &Fit) -> String {
    let how = if fit.is_measured { "measured" } else { "estimated" };
    match fit.verdict {
        Verdict::Unknown => UNKNOWN.to_owned(),
        verdict @ (Verdict::Gpu | Verdict::Partly | Verdict::Ram | Verdict::TooBig) => {
            format!("{} ({how})", verdict.words())
        }
    }
}

fn fit_lines(fit: &Fit, room: usize, cx: &Cx) -> Vec<Line<'static>> {
    let style = match fit.verdict {
        Verdict::Gpu | Verdict::Ram => cx.theme.success,
        Verdict::Partly => cx.theme.warning,
        Verdict::TooBig => cx.theme.error,
        Verdict::Unknown => cx.theme.dim,
    };
    let mut lines = labelled("runs in", &verdict_words(fit), style, room, cx);
    let mut pair = |label: &str, text: String| lines.extend(labelled(label, &text, cx.theme.text, room, cx));
    if let Some(needs) = fit.needs {
        pair("needs", amount::bytes(needs));
    }
    if let Some(parts) = &fit.parts {
        let about = if parts.is_cache_exact { "" } else { "about " };
        let text = format!(
            "weights {}, cache of the window {about}{}, room to work {}",
            amount::bytes(parts.weights),
            amount::bytes(parts.context_cache),
            amount::bytes(parts.working)
        );
        pair("of which", text);
    }
    if let Some(in_gpu) = fit.in_gpu {
        pair("in the GPU", amount::bytes(in_gpu));
    }
    if let Some(context) = fit.context {
        pair("at a window", format!("of {context} tokens"));
    }
    if !fit.because.is_empty() {
        lines.extend(paragraph(&safe(&fit.because), room, cx));
    }
    lines
}

pub(super) fn variants(detail: &Detail, room: usize, cx: &Cx) -> Vec<Line<'static>> {
    if detail.variants.is_empty() {
        return vec![Line::styled(format!("{UNKNOWN} No catalogue knows its tags."), cx.theme.dim)];
    }
    let name = room.saturating_sub(34).max(12);
    let head = format!("  {} {} {} {}", fit("tag", name), fit("quant", 8), fit_right("size", 9), "fits");
    let mut lines = vec![Line::styled(fit(&head, room), cx.theme.dim)];
    for variant in &detail.variants {
        let mark = if variant.is_installed { "✓" } else { " " };
        let bytes = variant.bytes.map_or_else(
            || UNKNOWN.into(),
            |bytes| {
                if variant.is_exact { amount::bytes(bytes) } else { format!("~{}", amount::bytes(bytes)) }
            },
        );
        let verdict = if variant.verdict == Verdict::Unknown { UNKNOWN } else { variant.verdict.words() };
        let text = format!(
            "{mark} {} {} {} {verdict}",
            fit(&safe(&variant.name), name),
            fit(&variant.quantization.as_deref().map_or_else(|| UNKNOWN.into(), safe), 8),
            fit_right(&bytes, 9),
        );
        let style = if variant.name == detail.row.name { cx.theme.accent } else { cx.theme.text };
        lines.push(Line::styled(fit(&text, room), style));
    }
    lines
}

pub(super) fn notes(detail: &Detail, room: usize, cx: &Cx) -> Vec<Line<'static>> {
    let card = &detail.card;
    let mut lines = Vec::new();
    let mut group = |title: &'static str, text: Option<String>, none: &'static str| {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines.push(Line::styled(title, cx.theme.heading));
        match text.filter(|text| !text.trim().is_empty()) {
            Some(text) => lines.extend(paragraph(SafeText::new(&text).as_str(), room, cx)),
            None => lines.push(Line::styled(none, cx.theme.dim)),
        }
    };
    group("Notes of the house", card.notes.clone(), "None yet.");
    group("Links", Some(card.links.join("\n")), "None yet.");
    group("Description of the house", card.description.clone(), "None: the catalogue's words stand.");
    if let Some(at) = card.changed_at {
        lines.push(Line::default());
        lines.push(Line::styled(format!("Changed {}.", cx.clock(at)), cx.theme.dim));
    }
    lines
}
