//! How the tabs look.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::{Line, Span},
    widgets::{Paragraph, Wrap},
};

use super::{
    InsightsScreen, TABS, Tab, front,
    words::{self, Measure, busiest, model, safe},
};
use crate::{
    api::{
        amount,
        insights::{Figures, Insights, OfModel},
    },
    ui::{
        actions::Action,
        cx::Cx,
        text::wrap::{clip, width},
        widgets::{
            chart::{
                columns::Columns,
                count, duration, heat,
                rows::{self, Bar},
                spark,
            },
            form::fault_text,
            tabs, with_the_key,
        },
    },
};

/// From here on the overview has models, folders and conversations beside it.
const WIDE: u16 = 110;
/// Columns of a label in front of a figure.
const LABEL: usize = 14;
/// Least rows of a chart that says something.
const CHART: u16 = 6;

/// Models of which answers were rated.
pub fn rated(shown: &Insights) -> Vec<&OfModel> {
    shown.models.iter().filter(|each| each.figures.liked + each.figures.disliked > 0).collect()
}

impl InsightsScreen {
    pub(super) fn draw(&self, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool) {
        let [top, about, body] =
            Layout::vertical([Constraint::Length(1), Constraint::Length(1), Constraint::Min(0)]).areas(area);
        frame.render_widget(tabs::line(&TABS, self.tab, top.width, cx), top);
        let Some(shown) = &self.shown else {
            let inner = Rect { x: body.x + 1, width: body.width.saturating_sub(2), ..body };
            match &self.fault {
                Some(fault) => frame.render_widget(fault_text(fault, cx), inner),
                None => frame.render_widget(
                    Line::from(vec![
                        Span::styled(format!("{} ", cx.spinner()), cx.theme.accent),
                        Span::styled("Reading…", cx.theme.dim),
                    ]),
                    inner,
                ),
            }
            return;
        };
        frame.render_widget(self.about_line(shown, about.width, cx), about);
        let body = Rect { x: body.x + 1, width: body.width.saturating_sub(2), ..body };
        if shown.total.messages() == 0 {
            return frame.render_widget(
                self.empty(shown, cx),
                Rect { y: body.y + 1, height: body.height.saturating_sub(1), ..body },
            );
        }
        match self.tab {
            Tab::Overview => self.overview(shown, frame, body, cx, focused),
            Tab::Models => self.models(shown, frame, body, cx, focused),
            Tab::Folders => self.folders(shown, frame, body, cx, focused),
            Tab::Hours => self.hours(shown, frame, body, cx, focused),
            Tab::Ratings => self.ratings(shown, frame, body, cx, focused),
        }
    }

    /// Which time, which filters, how fresh.
    fn about_line(&self, shown: &Insights, room: u16, cx: &Cx) -> Line<'static> {
        let folder = self.query.folder.and_then(|id| front::paths(&self.folders).remove(&id));
        let folder = folder.or_else(|| {
            shown.folders.iter().find(|each| each.folder == self.query.folder).map(|each| each.path.clone())
        });
        let mut parts = vec![self.query.period.words().to_owned(), words::between(shown.first, shown.last)];
        parts.extend(front::filters(&self.query, folder.as_deref()));
        let fresh = match &self.fault {
            Some(_) => format!("not read anew, as of {}", cx.clock(shown.as_of)),
            None => format!("as of {}", cx.clock(shown.as_of)),
        };
        let room = usize::from(room);
        let text = parts.join(" · ");
        let fresh = with_the_key(fresh, room.saturating_sub(width(&text) + 4), cx);
        let text = clip(&text, room.saturating_sub(width(&fresh) + 4));
        let gap = room.saturating_sub(width(&text) + width(&fresh) + 2);
        let style = if self.fault.is_some() { cx.theme.warning } else { cx.theme.dim };
        Line::from(vec![
            Span::styled(format!(" {text}"), cx.theme.title),
            Span::raw(" ".repeat(gap)),
            Span::styled(fresh, style),
        ])
    }

    fn empty(&self, shown: &Insights, cx: &Cx) -> Paragraph<'static> {
        let is_filtered = self.query.model.is_some() || self.query.folder.is_some();
        let longer = if shown.query.period.days().is_some() {
            format!(" {} shows another time.", cx.key(Action::InsightsPeriod))
        } else {
            String::new()
        };
        let words = if is_filtered {
            format!(
                "Nothing like that was said in this time. {} takes the filters away.{longer}",
                cx.key(Action::Escape)
            )
        } else {
            format!(
                "Nothing was said in this time.{longer} Here will be how much you ask and when, which models answer and \
                 how fast, what they cost in tokens, and how you rate them. {} leads back to the chat.",
                cx.key(Action::ScreenChat)
            )
        };
        Paragraph::new(words).style(cx.theme.dim).wrap(Wrap { trim: true })
    }

    fn overview(&self, shown: &Insights, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool) {
        let area = if area.width >= WIDE {
            let [left, _, right] =
                Layout::horizontal([Constraint::Percentage(60), Constraint::Length(2), Constraint::Min(0)]).areas(area);
            beside(shown, frame, right, cx);
            left
        } else {
            area
        };
        let measures = u16::try_from(Measure::ALL.len()).unwrap_or(6);
        let has_chart = area.height >= CHART + 2 + measures;
        let facts = facts(shown, cx);
        let below = if has_chart { u16::try_from(facts.len()).unwrap_or(0) + 1 } else { 0 };
        let chart_rows = if has_chart { area.height.saturating_sub(1 + measures + below).max(CHART) } else { 0 };
        let [head, chart, list, rest] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(chart_rows),
            Constraint::Length(measures),
            Constraint::Min(0),
        ])
        .areas(area);
        let measure = Measure::ALL[self.measure.min(Measure::ALL.len() - 1)];
        let at = self.stretch();
        if let Some(stretch) = shown.stretches.get(at) {
            let line = Line::from(vec![
                Span::styled(format!("{}: ", words::days(stretch)), cx.theme.accent),
                Span::styled(measure.words(&stretch.figures), cx.theme.text),
                Span::styled(format!("   each column a {}", shown.grain.as_str()), cx.theme.dim),
            ]);
            frame.render_widget(line, head);
        }
        let values: Vec<f64> = shown.stretches.iter().map(|stretch| measure.of(&stretch.figures)).collect();
        let when = |place: usize| {
            shown.stretches.get(place).map(|stretch| stretch.first.strftime("%-d %b").to_string()).unwrap_or_default()
        };
        let columns = Columns { values: &values, at, axis: measure.axis(), when: &when };
        let lines = columns.lines(usize::from(chart.width), usize::from(chart.height), cx);
        frame.render_widget(Paragraph::new(lines), chart);
        frame.render_widget(Paragraph::new(self.measures(shown, usize::from(list.width), cx, focused)), list);
        let rest = Rect { y: rest.y + u16::from(rest.height > 0), height: rest.height.saturating_sub(1), ..rest };
        frame.render_widget(Paragraph::new(facts), rest);
    }

    /// Each measure with its course and its figures over the whole time.
    fn measures(&self, shown: &Insights, room: usize, cx: &Cx, focused: bool) -> Vec<Line<'static>> {
        let spark_room = (room / 4).clamp(6, 24);
        let each = Measure::ALL.into_iter().enumerate().map(|(place, measure)| {
            let selected = place == self.measure;
            let base = match (selected, focused) {
                (true, true) => cx.theme.selection,
                (true, false) => cx.theme.selection_unfocused,
                (false, _) => cx.theme.text,
            };
            let values: Vec<f64> = shown.stretches.iter().map(|stretch| measure.of(&stretch.figures)).collect();
            let label = measure.name();
            Line::from(vec![
                Span::styled(if selected { "> " } else { "  " }, cx.theme.accent),
                Span::styled(format!("{label:<12}"), base),
                Span::styled(format!(" {} ", spark::line(&values, spark_room, cx)), cx.theme.meter),
                Span::styled(measure.words(&shown.total), cx.theme.text),
            ])
        });
        each.collect()
    }

    fn models(&self, shown: &Insights, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool) {
        let details = if area.height >= 12 { 6 } else { 0 };
        let [head, list, detail] =
            Layout::vertical([Constraint::Length(1), Constraint::Min(0), Constraint::Length(details)]).areas(area);
        let bars: Vec<Bar> = shown.models.iter().map(|each| model_bar(each, list.width)).collect();
        let columns = model_columns(list.width);
        heading(frame, head, "Answers by model", columns, cx);
        let at = self.selected();
        let lines = rows::lines(&bars, Some(at), focused, usize::from(list.width), usize::from(list.height), cx);
        frame.render_widget(Paragraph::new(lines), list);
        if let Some(each) = shown.models.get(at).filter(|_| details > 0) {
            let mut lines = vec![Line::default(), Line::styled(model(each.model.as_deref()), cx.theme.accent)];
            lines.extend(figure_lines(&each.figures, cx));
            frame.render_widget(Paragraph::new(lines), detail);
        }
    }

    fn folders(&self, shown: &Insights, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool) {
        let longest = u16::try_from(shown.longest.len()).unwrap_or(0);
        let room = area.height / 2;
        let below = (longest + 2).min(room.max(3));
        let [head, list, title, last] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Min(0),
            Constraint::Length(2),
            Constraint::Length(below.saturating_sub(2)),
        ])
        .areas(area);
        let bars: Vec<Bar> = shown
            .folders
            .iter()
            .map(|each| Bar {
                label: if each.folder.is_none() { "in no folder".to_owned() } else { safe(&each.path) },
                value: each.figures.messages(),
                other: 0,
                figures: format!(
                    "{:>7} {:>8} tokens",
                    count(each.figures.messages()),
                    count(each.figures.answer_tokens)
                ),
            })
            .collect();
        heading(frame, head, "Messages by folder", "messages", cx);
        let at = self.selected();
        let in_folders = Some(at).filter(|at| *at < bars.len());
        let lines = rows::lines(&bars, in_folders, focused, usize::from(list.width), usize::from(list.height), cx);
        frame.render_widget(Paragraph::new(lines), list);
        let words = Line::styled("Longest conversations", cx.theme.heading);
        frame.render_widget(Paragraph::new(vec![Line::default(), words]), title);
        let chosen = at.checked_sub(bars.len());
        let (room, height) = (usize::from(last.width), usize::from(last.height));
        let first =
            chosen.map_or(0, |at| at.saturating_sub(height / 2).min(shown.longest.len().saturating_sub(height)));
        let lines = shown.longest.iter().enumerate().skip(first).take(height).map(|(place, row)| {
            let selected = chosen == Some(place);
            let style = match (selected, focused) {
                (true, true) => cx.theme.selection,
                (true, false) => cx.theme.selection_unfocused,
                (false, _) => cx.theme.text,
            };
            front::conversation(row, selected, style, room, cx)
        });
        frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), last);
    }

    fn hours(&self, shown: &Insights, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool) {
        let (day, hour) = self.hour;
        let messages = shown.hours[day.min(6)][hour.min(23)];
        let here = Line::from(vec![
            Span::styled(format!("{}: ", words::hour((day.min(6), hour.min(23)))), cx.theme.accent),
            Span::styled(amount::many(messages, "message"), cx.theme.text),
        ]);
        let mut lines = vec![here, Line::default()];
        lines.extend(heat::lines(&shown.hours, self.hour, focused, usize::from(area.width), cx));
        if let Some((hour, messages)) = busiest(shown) {
            lines.push(Line::default());
            lines.push(fact(
                "busiest hour",
                &format!("{}, {}", words::hour(hour), amount::many(messages, "message")),
                cx,
            ));
        }
        let by_hour: Vec<f64> =
            (0..24).map(|hour| shown.hours.iter().map(|hours| hours[hour]).sum::<u64>() as f64).collect();
        lines.push(fact("through a day", &format!("{}  0:00 to 24:00", spark::line(&by_hour, 24, cx)), cx));
        frame.render_widget(Paragraph::new(lines), area);
    }

    fn ratings(&self, shown: &Insights, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool) {
        let rated = rated(shown);
        if rated.is_empty() {
            let words = "No answer was rated in this time. In the chat, + and - on an answer rate it; what you think of \
                         each model is then shown here, with your reasons.";
            let words = Paragraph::new(words).style(cx.theme.dim).wrap(Wrap { trim: true });
            return frame.render_widget(words, Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area });
        }
        let reasons_room = u16::try_from(shown.reasons.len()).unwrap_or(u16::MAX).min(area.height / 2);
        let [head, list, title, reasons] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Min(0),
            Constraint::Length(2),
            Constraint::Length(reasons_room),
        ])
        .areas(area);
        let bar = |label: String, liked: u64, disliked: u64, more: String| Bar {
            label,
            value: liked,
            other: disliked,
            figures: format!("{:>6} {:>6} {more:>6}", count(liked), count(disliked)),
        };
        let bars: Vec<Bar> = rated
            .iter()
            .map(|each| {
                let share = each.figures.approval().map_or_else(String::new, |share| format!("{:.0} %", share * 100.0));
                bar(model(each.model.as_deref()), each.figures.liked, each.figures.disliked, share)
            })
            .collect();
        heading(frame, head, "Ratings by model", " liked  disl.  share", cx);
        let at = self.selected();
        let here = Some(at).filter(|at| *at < bars.len());
        let lines = rows::lines(&bars, here, focused, usize::from(list.width), usize::from(list.height), cx);
        frame.render_widget(Paragraph::new(lines), list);
        if shown.reasons.is_empty() {
            return;
        }
        let words = Line::styled("Reasons", cx.theme.heading);
        frame.render_widget(Paragraph::new(vec![Line::default(), words]), title);
        let named: Vec<Bar> = shown
            .reasons
            .iter()
            .map(|each| bar(words::reason(&each.reason), each.liked, each.disliked, String::new()))
            .collect();
        let here = at.checked_sub(bars.len());
        let lines = rows::lines(&named, here, focused, usize::from(reasons.width), usize::from(reasons.height), cx);
        frame.render_widget(Paragraph::new(lines), reasons);
    }
}

fn facts(shown: &Insights, cx: &Cx) -> Vec<Line<'static>> {
    let days = (crate::api::insights::number_of(shown.last) - crate::api::insights::number_of(shown.first) + 1).max(1);
    let mut facts = vec![
        fact("answers", &words::outcomes(&shown.total), cx),
        fact(
            "active days",
            &format!(
                "{} of {days}; {} in a row now, {} at most",
                shown.active_days, shown.streak, shown.longest_streak
            ),
            cx,
        ),
    ];
    if let Some((hour, messages)) = busiest(shown) {
        facts.push(fact("busiest hour", &format!("{}, {}", words::hour(hour), amount::many(messages, "message")), cx));
    }
    facts
}

/// Beside the overview, where there is room: the greatest of each group.
fn beside(shown: &Insights, frame: &mut Frame, area: Rect, cx: &Cx) {
    let room = usize::from(area.width);
    let each = usize::from(area.height / 3).saturating_sub(2).max(1);
    let mut lines = Vec::new();
    let mut group = |heading: &'static str, rows: Vec<Line<'static>>| {
        lines.push(Line::styled(heading, cx.theme.heading));
        lines.extend(rows);
        lines.push(Line::default());
    };
    let models: Vec<Bar> = shown
        .models
        .iter()
        .map(|each| Bar {
            label: model(each.model.as_deref()),
            value: each.figures.answers.all(),
            other: 0,
            figures: count(each.figures.answers.all()),
        })
        .collect();
    group("Answers by model", rows::lines(&models, None, false, room, each, cx));
    let folders: Vec<Bar> = shown
        .folders
        .iter()
        .map(|each| Bar {
            label: if each.folder.is_none() { "in no folder".to_owned() } else { safe(&each.path) },
            value: each.figures.messages(),
            other: 0,
            figures: count(each.figures.messages()),
        })
        .collect();
    group("Messages by folder", rows::lines(&folders, None, false, room, each, cx));
    let longest = shown.longest.iter().take(each);
    group(
        "Longest conversations",
        longest.map(|row| front::conversation(row, false, cx.theme.text, room, cx)).collect(),
    );
    frame.render_widget(Paragraph::new(lines), area);
}

fn heading(frame: &mut Frame, area: Rect, left: &'static str, right: &'static str, cx: &Cx) {
    let gap = usize::from(area.width).saturating_sub(width(left) + width(right));
    frame.render_widget(
        Line::from(vec![
            Span::styled(left, cx.theme.heading),
            Span::raw(" ".repeat(gap)),
            Span::styled(right, cx.theme.dim),
        ]),
        area,
    );
}

/// What stands over the figures of a model's bar.
fn model_columns(room: u16) -> &'static str {
    if room >= 70 { "answers   tok/s      time  liked" } else { "answers   tok/s" }
}

fn model_bar(each: &OfModel, room: u16) -> Bar {
    let figures = &each.figures;
    let speed = figures.tokens_per_second.map_or_else(|| "–".to_owned(), |speed| format!("{speed:.1}"));
    let mut text = format!("{:>7} {speed:>7}", count(figures.answers.all()));
    if room >= 70 {
        let time = figures.answer_time.map_or_else(|| "–".to_owned(), |time| duration(time.median_ms));
        let share = figures.approval().map_or_else(|| "–".to_owned(), |share| format!("{:.0} %", share * 100.0));
        text = format!("{text} {time:>9} {share:>6}");
    }
    Bar { label: model(each.model.as_deref()), value: figures.answers.all(), other: 0, figures: text }
}

fn figure_lines(figures: &Figures, cx: &Cx) -> Vec<Line<'static>> {
    vec![
        fact("answers", &words::outcomes(figures), cx),
        fact("tokens", &Measure::Tokens.words(figures), cx),
        fact("answer time", &words::spread(figures.answer_time), cx),
        fact("first token", &words::spread(figures.first_token), cx),
    ]
}

fn fact(label: &str, text: &str, cx: &Cx) -> Line<'static> {
    Line::from(vec![
        Span::styled(format!("  {label:<LABEL$}"), cx.theme.dim),
        Span::styled(text.to_owned(), cx.theme.text),
    ])
}
