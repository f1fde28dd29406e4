//! How it looks: the box, two lines for each result, a line that explains the filters.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::Style,
    text::{Line, Span, Text},
    widgets::{Block, BorderType, Paragraph, Wrap},
};

use super::SearchScreen;
use crate::{
    api::{
        chat::MessageRole,
        search::{FILTERS, Hit, HitKind, Marked},
    },
    safe_text::SafeText,
    ui::{
        cx::Cx,
        text::wrap::{clip, width},
        widgets::form::fault_text,
    },
};

/// Lines of a result.
const EACH: usize = 2;
/// Lines of the screen that are no results: the frame's two, the box, the filters.
const OTHER: u16 = 2 + 3 + 1;

/// Columns that a title keeps, however narrow it gets.
const SHORTEST_TITLE: usize = 14;

/// Results that fit on a screen so high.
pub(super) fn rows(height: u16) -> usize {
    usize::from(height.saturating_sub(OTHER)) / EACH
}

fn parts(area: Rect) -> [Rect; 3] {
    Layout::vertical([Constraint::Length(3), Constraint::Min(0), Constraint::Length(1)]).areas(area)
}

/// The first result on view.
fn first(screen: &SearchScreen, list: Rect) -> usize {
    let fit = (usize::from(list.height) / EACH).max(1);
    screen.at.saturating_sub(fit / 2).min(screen.hits.len().saturating_sub(fit))
}

/// Which result is drawn at this row of the screen.
pub(super) fn hit(screen: &SearchScreen, area: Rect, row: u16, _cx: &Cx) -> Option<usize> {
    let [_, list, _] = parts(area);
    let below = row.checked_sub(list.y).filter(|below| *below < list.height)?;
    let at = first(screen, list) + usize::from(below) / EACH;
    (at < screen.hits.len()).then_some(at)
}

pub(super) fn draw(screen: &SearchScreen, frame: &mut Frame, area: Rect, cx: &Cx, in_front: bool) {
    let [top, list, bottom] = parts(area);
    draw_box(screen, frame, top, cx, in_front);
    if screen.hits.is_empty() {
        draw_nothing(screen, frame, list, cx);
    } else {
        let first = first(screen, list);
        let shown = screen.hits.iter().enumerate().skip(first).take((usize::from(list.height) / EACH).max(1));
        for ((at, hit), y) in shown.zip((list.y..).step_by(EACH)) {
            let lines = lines(hit, usize::from(list.width), at == screen.at, cx);
            for (line, y) in lines.iter().zip(y..list.bottom()) {
                frame.buffer_mut().set_line(list.x, y, line, list.width);
            }
        }
    }
    frame.render_widget(filters(screen, usize::from(bottom.width), cx), bottom);
}

fn draw_box(screen: &SearchScreen, frame: &mut Frame, area: Rect, cx: &Cx, in_front: bool) {
    let mut block = Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(if in_front { cx.theme.focus_border } else { cx.theme.border })
        .title(Line::styled(" Search ", cx.theme.title));
    let count = count(screen, cx);
    if !count.is_empty() {
        block = block.title(Line::styled(format!(" {count} "), cx.theme.dim).right_aligned());
    }
    if let Some(notice) = &screen.notice {
        let room = usize::from(area.width.saturating_sub(6));
        let said = clip(SafeText::line(notice).as_str(), room);
        block = block.title_bottom(Line::styled(format!(" {said} "), cx.theme.warning));
    }
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let field = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    screen.field.view(frame, field, cx.theme.text, in_front);
}

fn count(screen: &SearchScreen, cx: &Cx) -> String {
    let busy = if screen.is_asking || screen.is_reading_on { format!("{} ", cx.spinner()) } else { String::new() };
    let shown = screen.count.max(screen.hits.len() as u32);
    match (shown, screen.is_more) {
        (0, _) => busy.trim_end().to_owned(),
        (shown, true) => format!("{busy}{shown}+ found"),
        (shown, false) => format!("{busy}{shown} found"),
    }
}

fn draw_nothing(screen: &SearchScreen, frame: &mut Frame, area: Rect, cx: &Cx) {
    let area = Rect { x: area.x + 2, width: area.width.saturating_sub(4), ..area };
    if let Some(fault) = &screen.fault {
        frame.render_widget(fault_text(fault, cx), area);
        return;
    }
    let dim = |text: &str| Line::styled(text.to_owned(), cx.theme.dim);
    let text = if screen.field.text().trim().is_empty() {
        Text::from(vec![
            Line::styled("Messages, titles, notes and files, in any language, as you type.", cx.theme.text),
            Line::default(),
            dim("rust async      both words, whole or by their beginnings"),
            dim("\"borrow check\"  side by side, in this order"),
            dim("spawn -tokio    not that one"),
            dim("cat OR dog      one of them"),
            dim("folder:work since:2026-03   filters; Tab explains them"),
        ])
    } else if screen.is_asking {
        Text::default()
    } else if screen.terms.is_empty() && screen.notice.is_none() {
        Text::from(dim("Nothing to look for yet: there is no word in it."))
    } else {
        let typed = clip(SafeText::line(&screen.text).as_str(), usize::from(area.width) * 2);
        Text::from(vec![
            Line::styled(format!("Nothing is there for {typed}"), cx.theme.text),
            dim("Fewer words find more. in:trash looks into the trash."),
        ])
    };
    frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: false }), area);
}

/// Where it is, and the words around it.
fn lines(hit: &Hit, columns: usize, is_chosen: bool, cx: &Cx) -> [Line<'static>; 2] {
    let (base, dim) = if is_chosen { (cx.theme.selection, cx.theme.selection) } else { (cx.theme.text, cx.theme.dim) };
    let bar = Span::styled(if is_chosen { "▌ " } else { "  " }, cx.theme.accent);
    let room = columns.saturating_sub(2);
    let about = clip(&about(hit, cx), room.saturating_sub(SHORTEST_TITLE));
    // A long path gives way to the title, and the title to who and when.
    let path: Vec<String> = hit.folder.iter().map(|name| SafeText::line(name).into_string()).collect();
    let title_width = width(SafeText::line(&hit.title.text).as_str());
    let left = room.saturating_sub(width(&about) + title_width + 6);
    let path = if path.is_empty() || left < 4 { String::new() } else { format!(" · {}", clip(&path.join("/"), left)) };
    let for_title = room.saturating_sub(width(&about) + width(&path) + 3);
    let mut first = vec![bar.clone()];
    let title = if is_chosen { cx.theme.selection } else { cx.theme.title };
    first.extend(marked(&hit.title, for_title, title, cx));
    first.push(Span::styled(format!("{path} · {about}"), dim));
    let mut second = vec![bar];
    if hit.kind == HitKind::Title {
        second.push(Span::styled("the title", dim));
    } else {
        second.extend(marked(&hit.snippet, room, base, cx));
    }
    [Line::from(first), Line::from(second)]
}

/// Who said it, or what it is, and when.
fn about(hit: &Hit, cx: &Cx) -> String {
    let line = |text: &str| clip(SafeText::line(text).as_str(), 24);
    let who = match (hit.kind, hit.role) {
        (HitKind::Title, _) => "conversation".to_owned(),
        (HitKind::Note, _) => "✎ note".to_owned(),
        (HitKind::File, _) => format!("▤ {}", line(hit.file.as_deref().unwrap_or("file"))),
        (HitKind::Message, Some(MessageRole::User)) => "you".to_owned(),
        (HitKind::Message, Some(MessageRole::Assistant)) => line(hit.model.as_deref().unwrap_or("assistant")),
        (HitKind::Message, Some(MessageRole::System)) => "system".to_owned(),
        (HitKind::Message, Some(MessageRole::Tool)) => "tool".to_owned(),
        (HitKind::Message, None) => "message".to_owned(),
    };
    let place = match (hit.is_trashed, hit.is_archived) {
        (true, _) => " · trash",
        (false, true) => " · archive",
        (false, false) => "",
    };
    format!("{who} · {}{place}", cx.clock(hit.at))
}

/// A text with its marked passages, made safe passage by passage, cut to so many columns.
fn marked(marked: &Marked, columns: usize, base: Style, cx: &Cx) -> Vec<Span<'static>> {
    let letters: Vec<char> = marked.text.chars().collect();
    let mut spans = Vec::new();
    let mut left = columns;
    let mut push = |from: usize, to: usize, style: Style| {
        let text: String = letters.get(from..to.min(letters.len())).unwrap_or_default().iter().collect();
        let safe = SafeText::line(&text).into_string();
        let shown = clip(&safe, left);
        left = left.saturating_sub(width(&shown));
        let is_cut = shown != safe;
        if !shown.is_empty() {
            spans.push(Span::styled(shown, style));
        }
        if is_cut {
            left = 0;
        }
    };
    let mut at = 0;
    for (first, end) in &marked.marks {
        let (first, end) = (*first as usize, *end as usize);
        push(at, first, base);
        push(first, end, base.patch(cx.theme.highlight));
        at = end;
    }
    push(at, letters.len(), base);
    spans
}

/// All filters by name, or one of them with what it means.
fn filters(screen: &SearchScreen, columns: usize, cx: &Cx) -> Line<'static> {
    if let Some(filter) = screen.filter.and_then(|at| FILTERS.get(at)) {
        let meaning = clip(
            &format!("  {}", filter.meaning),
            columns.saturating_sub(2 + filter.name.len() + 1 + filter.values.len()),
        );
        return Line::from(vec![
            Span::styled(format!(" {}:", filter.name), cx.theme.key),
            Span::styled(filter.values, cx.theme.text),
            Span::styled(meaning, cx.theme.dim),
        ]);
    }
    let names: Vec<String> = FILTERS.iter().map(|filter| format!("{}:", filter.name)).collect();
    Line::styled(clip(&format!(" {}", names.join(" ")), columns), cx.theme.dim)
}
