//! How the overview looks.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::Style,
    text::{Line, Span},
    widgets::{Paragraph, Wrap},
};

use super::{
    Overview, Page,
    tables::{self, Table},
    words::{self, Measure},
};
use crate::{
    api::reports::{OfDays, OfError, Overview as Shown, Report, error_words},
    ui::{
        actions::Action,
        cx::Cx,
        text::wrap::{clip, width},
        widgets::{
            chart::{columns::Columns, count, rows, spark},
            table::{fit, instead, row_style, safe},
            with_the_key,
        },
    },
};

/// From here on accounts, models and failures stand beside what goes on over time.
const WIDE: u16 = 110;
/// Least rows of a chart that says something.
const CHART: u16 = 5;
/// Columns of a label.
const LABEL: usize = 12;

impl Overview {
    pub(super) fn draw(&self, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool) {
        self.cursor.hide();
        self.names.clear();
        self.measures.clear();
        let [about, pages, body] =
            Layout::vertical([Constraint::Length(1), Constraint::Length(1), Constraint::Min(0)]).areas(area);
        let Some(shown) = &self.shown else {
            return instead(frame, area, self.fault.as_ref(), true, "", cx);
        };
        frame.render_widget(self.about(&shown.report, usize::from(about.width), cx), about);
        if let Some(fault) = &self.fault {
            let rest = Rect { y: pages.y, height: pages.height + body.height, ..body };
            return instead(frame, rest, Some(fault), false, "", cx);
        }
        frame.render_widget(self.pages(pages, cx), pages);
        let body = Rect { x: body.x + 1, width: body.width.saturating_sub(2), ..body };
        match self.page {
            Page::Time => self.time(shown, frame, body, cx, focused),
            Page::Accounts | Page::Models | Page::Errors | Page::Storage | Page::Failed => {
                self.list(shown, frame, body, cx, focused);
            }
        }
    }

    /// Which days, which filters, how fresh.
    fn about(&self, report: &Report, room: usize, cx: &Cx) -> Line<'static> {
        let parts = match self.page {
            // Whichever days are chosen.
            Page::Failed => vec!["the last 7 days".to_owned()],
            Page::Time | Page::Accounts | Page::Models | Page::Errors | Page::Storage => {
                let mut parts =
                    vec![words::over(&report.question, report.grain), words::days(report.first, report.last)];
                parts.extend(words::filters(&report.question));
                parts
            }
        };
        let fresh = match &self.fault {
            Some(_) => format!("not read anew, as of {}", cx.clock(report.as_of)),
            None => format!("as of {}", cx.clock(report.as_of)),
        };
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

    fn pages(&self, area: Rect, cx: &Cx) -> Line<'static> {
        let room = usize::from(area.width);
        let mut line = Line::default();
        for (which, (page, name)) in Page::ALL.into_iter().enumerate() {
            let columns = |text: usize| u16::try_from(text).unwrap_or(u16::MAX);
            let place =
                Rect { x: area.x.saturating_add(columns(line.width())), width: columns(width(name) + 2), ..area };
            self.names.add(place.intersection(area), which);
            let is_open = page == self.page;
            let (left, right) = if is_open { ("‹", "›") } else { (" ", " ") };
            let style = if is_open { cx.theme.accent } else { cx.theme.dim };
            line.push_span(Span::styled(format!("{left}{name}{right}"), style));
        }
        if let Some(key) = cx.keymap.label(Action::FocusNext).filter(|key| line.width() + width(key) + 2 < room) {
            line.push_span(Span::styled(format!("  {key}"), cx.theme.key));
        }
        line
    }

    fn time(&self, shown: &Shown, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool) {
        let is_whole = self.back_to.is_empty();
        let area = if area.width >= WIDE && is_whole {
            let [left, _, right] =
                Layout::horizontal([Constraint::Percentage(60), Constraint::Length(2), Constraint::Min(0)]).areas(area);
            beside(shown, frame, right, cx);
            left
        } else {
            area
        };
        let now = if is_whole { words::now(shown, cx.health.as_ref()) } else { Vec::new() };
        let report = &shown.report;
        let measures = Measure::told(report);
        let rows = |count: usize| u16::try_from(count).unwrap_or(0);
        // In a low window the chart goes first, then what is beside the figures.
        let (now_rows, list_rows) = (rows(now.len()), rows(measures.len()));
        let chart_rows = area.height.saturating_sub(now_rows + list_rows + 1);
        let chart_rows = if chart_rows >= CHART { chart_rows } else { 0 };
        let gap = u16::from(!now.is_empty() && chart_rows > CHART);
        let [top, _, head, chart, list] = Layout::vertical([
            Constraint::Length(now_rows),
            Constraint::Length(gap),
            Constraint::Length(1),
            Constraint::Length(chart_rows.saturating_sub(gap)),
            Constraint::Min(0),
        ])
        .areas(area);
        let room = usize::from(top.width);
        let lines: Vec<Line> = now
            .into_iter()
            .map(|(label, words, is_bad)| {
                let style = if is_bad { cx.theme.warning } else { cx.theme.text };
                Line::from(vec![
                    Span::styled(fit(label, LABEL), cx.theme.dim),
                    Span::styled(clip(&words, room.saturating_sub(LABEL)), style),
                ])
            })
            .collect();
        frame.render_widget(Paragraph::new(lines), top);
        let measure = measures.iter().copied().find(|measure| *measure == self.measure).unwrap_or_default();
        let values: Vec<f64> = report.stretches.iter().map(|stretch| measure.of(stretch)).collect();
        if let Some(stretch) = report.stretches.get(self.stretch()) {
            let words = format!("{}: {}", measure.name(), measure.words(stretch));
            frame.render_widget(chosen(stretch, &words, report, cx), head);
        }
        self.columns(report, &values, measure.axis(), frame, chart, cx);
        self.measures.rows(list, 0, measures.len());
        let lines = self.measure_lines(report, &measures, usize::from(list.width), cx, focused);
        frame.render_widget(Paragraph::new(lines), list);
    }

    fn columns(
        &self,
        report: &Report,
        values: &[f64],
        axis: fn(f64) -> String,
        frame: &mut Frame,
        area: Rect,
        cx: &Cx,
    ) {
        let when = |place: usize| {
            report.stretches.get(place).map(|stretch| stretch.first.strftime("%-d %b").to_string()).unwrap_or_default()
        };
        let columns = Columns { values, at: self.stretch(), axis, when: &when };
        frame.render_widget(Paragraph::new(columns.lines(usize::from(area.width), usize::from(area.height), cx)), area);
    }

    /// Each measure with its course and its figure over all of the days.
    fn measure_lines(
        &self,
        report: &Report,
        measures: &[Measure],
        room: usize,
        cx: &Cx,
        focused: bool,
    ) -> Vec<Line<'static>> {
        let spark_room = (room / 4).clamp(6, 24);
        let each = measures.iter().map(|measure| {
            let selected = *measure == self.measure;
            let values: Vec<f64> = report.stretches.iter().map(|stretch| measure.of(stretch)).collect();
            Line::from(vec![
                Span::styled(if selected { "> " } else { "  " }, cx.theme.accent),
                Span::styled(format!("{:<12}", measure.name()), row_style(selected, focused, cx)),
                Span::styled(format!(" {} ", spark::line(&values, spark_room, cx)), cx.theme.meter),
                Span::styled(measure.words(&report.total), cx.theme.text),
            ])
        });
        each.collect()
    }

    /// Bars by name; of a kind of error its course.
    fn list(&self, shown: &Shown, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool) {
        let report = &shown.report;
        if let Some((failed_as, kind)) = self.kind.filter(|_| self.page == Page::Errors) {
            let [head, chart] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
            let is_it = |error: &&OfError| (error.failed_as, error.kind) == (failed_as, kind);
            let counts: &[u64] = report.errors.iter().find(is_it).map_or(&[], |error| &error.stretches);
            let values: Vec<f64> =
                (0..report.stretches.len()).map(|at| counts.get(at).map_or(0.0, |count| *count as f64)).collect();
            let at = self.stretch();
            if let Some(stretch) = report.stretches.get(at) {
                let words = format!("{}: {}", error_words(failed_as, kind), counts.get(at).copied().unwrap_or(0));
                frame.render_widget(chosen(stretch, &words, report, cx), head);
            }
            let chart = Rect { height: chart.height.min(16), ..chart };
            return self.columns(report, &values, |value| count(value.round() as u64), frame, chart, cx);
        }
        let Table { title, figures, bars, empty } = tables::of(self.page, shown, area.width, cx);
        let [head, list] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
        if bars.is_empty() {
            let words = Paragraph::new(empty).style(cx.theme.dim).wrap(Wrap { trim: true });
            return frame.render_widget(words, list);
        }
        let room = usize::from(head.width);
        let left = clip(title, room.saturating_sub(width(&figures) + 1));
        let gap = room.saturating_sub(width(&left) + width(&figures));
        let heading = Line::from(vec![
            Span::styled(left, cx.theme.heading),
            Span::raw(" ".repeat(gap)),
            Span::styled(figures, cx.theme.dim),
        ]);
        frame.render_widget(heading, head);
        self.cursor.is_drawn_in(list, bars.len());
        let (wide, high) = (usize::from(list.width), usize::from(list.height));
        let lines = rows::lines(&bars, Some(self.cursor.at()), focused, wide, high, cx);
        frame.render_widget(Paragraph::new(lines), list);
    }
}

/// The chosen stretch and its figure, above a chart.
fn chosen(stretch: &OfDays, words: &str, report: &Report, cx: &Cx) -> Line<'static> {
    Line::from(vec![
        Span::styled(format!("{}  ", words::days(stretch.first, stretch.last)), cx.theme.accent),
        Span::styled(words.to_owned(), cx.theme.text),
        Span::styled(format!("   each column a {}", report.grain.as_str()), cx.theme.dim),
    ])
}

/// Who did most, which models, what failed: beside what goes on over time.
fn beside(shown: &Shown, frame: &mut Frame, area: Rect, cx: &Cx) {
    let most = usize::from(area.height.saturating_sub(7)) / 3;
    let room = usize::from(area.width);
    let mut lines: Vec<Line> = Vec::new();
    let report = &shown.report;
    let mut group = |title: &str, rows: Vec<(String, String)>, style: Style| {
        if rows.is_empty() {
            return;
        }
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines.push(Line::styled(title.to_owned(), cx.theme.heading));
        for (name, figure) in rows.into_iter().take(most.max(1)) {
            let name_room = room.saturating_sub(width(&figure) + 1);
            lines.push(Line::from(vec![
                Span::styled(fit(&name, name_room), style),
                Span::styled(format!(" {figure}"), cx.theme.dim),
            ]));
        }
    };
    let accounts = report.accounts.iter().filter(|row| row.amounts.answers > 0);
    group(
        "Accounts, by answers",
        accounts.map(|row| (tables::name(&row.name, row.deleted), count(row.amounts.answers))).collect(),
        cx.theme.text,
    );
    let models = report.models.iter().map(|row| {
        let speed = words::speed(row.figures.tokens_per_second);
        (safe(&row.model), format!("{:>7} {speed:>12}", count(row.figures.answers.all())))
    });
    group("Models, by answers", models.collect(), cx.theme.text);
    let failed = shown.now.failed.iter().map(|failure| (words::failing(&failure.what), count(failure.count)));
    group("Failed within seven days", failed.collect(), cx.theme.text);
    frame.render_widget(Paragraph::new(lines), area);
}
