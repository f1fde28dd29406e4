//! Everything about one model, in parts. What nobody knows is shown as “—”.

mod parts;

use std::cell::Cell;

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
    widgets::Paragraph,
};

pub use self::parts::paragraph;
use self::parts::{figures, notes, overview, variants};
use super::{benchmarks, updates::Updates};
use crate::{
    api::{
        Fault,
        benchmarks::BenchmarkPage,
        fleet::{Detail, Row},
        measures::ModelUse,
    },
    safe_text::SafeText,
    ui::{
        actions::Action,
        cx::Cx,
        msg::{Effect, ModelsCall},
        text::wrap::width,
        widgets::table::{Drawn, boxed, instead, safe},
    },
};

const UNKNOWN: &str = "—";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    #[default]
    Overview,
    Tags,
    Use,
    Benchmarks,
    Notes,
    Parameters,
    Template,
    License,
    Modelfile,
}

const PARTS: [(Part, &str); 9] = [
    (Part::Overview, "Overview"),
    (Part::Tags, "Tags"),
    (Part::Use, "Use"),
    (Part::Benchmarks, "Benchmarks"),
    (Part::Notes, "Notes"),
    (Part::Parameters, "Parameters"),
    (Part::Template, "Template"),
    (Part::License, "Licence"),
    (Part::Modelfile, "Modelfile"),
];

/// The model that is shown in full, or is about to be.
#[derive(Debug, Default)]
pub struct Shown {
    name: String,
    part: Part,
    top: usize,
    asked: u64,
    awaited: bool,
    detail: Option<Box<Detail>>,
    fault: Option<Fault>,
    used: Option<Result<Box<ModelUse>, Fault>>,
    measured: Option<Result<Box<BenchmarkPage>, Fault>>,
    /// Lines there were, and rows for them, when it was drawn last.
    drawn: Cell<(usize, usize)>,
    parts: Drawn,
}

impl Shown {
    #[must_use]
    pub fn is_of(&self, name: &str) -> bool {
        self.name == name
    }

    #[must_use]
    pub fn is_there(&self) -> bool {
        self.detail.is_some()
    }

    #[must_use]
    pub fn is_awaited(&self) -> bool {
        self.awaited && self.detail.is_none()
    }

    #[must_use]
    #[cfg(test)]
    pub fn part(&self) -> Part {
        self.part
    }

    #[must_use]
    pub fn detail(&self, name: &str) -> Option<&Detail> {
        self.detail.as_deref().filter(|_| self.is_of(name))
    }

    /// Another model, or the same anew: gives the number to ask with. What is known of the same one stays on view.
    pub fn turn_to(&mut self, name: String) -> u64 {
        if self.name != name {
            self.name = name;
            self.detail = None;
            self.used = None;
            self.measured = None;
            self.top = 0;
        }
        self.fault = None;
        self.asked += 1;
        self.asked
    }

    /// Asks, unless the cursor has gone on meanwhile.
    pub fn calls(&mut self, asked: u64) -> Vec<Effect> {
        if asked != self.asked {
            return Vec::new();
        }
        self.awaited = true;
        vec![
            Effect::Models(ModelsCall::Detail { asked, name: self.name.clone() }),
            Effect::Models(ModelsCall::Used { asked, name: self.name.clone() }),
            Effect::Models(ModelsCall::Benchmarks { asked, name: self.name.clone() }),
        ]
    }

    /// Anew, once one has ended.
    pub fn ask_benchmarks(&self) -> Vec<Effect> {
        vec![Effect::Models(ModelsCall::Benchmarks { asked: self.asked, name: self.name.clone() })]
    }

    pub fn on_benchmarks(&mut self, asked: u64, page: Result<Box<BenchmarkPage>, Fault>) {
        if asked == self.asked {
            self.measured = Some(page);
        }
    }

    pub fn on_detail(&mut self, asked: u64, detail: Result<Box<Detail>, Fault>) {
        if asked != self.asked {
            return;
        }
        self.awaited = false;
        match detail {
            Ok(detail) => self.detail = Some(detail),
            Err(fault) => self.fault = Some(fault),
        }
    }

    pub fn on_used(&mut self, asked: u64, used: Result<Box<ModelUse>, Fault>) {
        if asked == self.asked {
            self.used = Some(used);
        }
    }

    /// To the next part, or the one before.
    pub fn turn(&mut self, forward: bool) {
        let at = PARTS.iter().position(|(part, _)| *part == self.part).unwrap_or_default();
        let step = if forward { 1 } else { PARTS.len() - 1 };
        self.show(PARTS[(at + step) % PARTS.len()].0);
    }

    pub fn show(&mut self, part: Part) {
        self.part = part;
        self.top = 0;
    }

    #[must_use]
    pub fn part_at(&self, place: (u16, u16)) -> Option<Part> {
        self.parts.at(place).map(|at| PARTS[at].0)
    }

    /// `false` = not used.
    pub fn scrolled(&mut self, action: Action, page: usize) -> bool {
        let (lines, rows) = self.drawn.get();
        let last = lines.saturating_sub(rows);
        self.top = match action {
            Action::ModelsUp => self.top.saturating_sub(1),
            Action::ModelsDown => self.top + 1,
            Action::ModelsTop => 0,
            Action::ModelsBottom => last,
            Action::ModelsPageUp => self.top.saturating_sub(page),
            Action::ModelsPageDown => self.top + page,
            _ => return false,
        }
        .min(last);
        true
    }

    /// The part on view as text, to be copied. `None` = nothing is known.
    #[must_use]
    pub fn text(&self, name: &str, updates: &Updates, cx: &Cx) -> Option<String> {
        let detail = self.detail(name)?;
        let shown = detail.shown.as_ref();
        match self.part {
            Part::Overview | Part::Tags | Part::Use | Part::Benchmarks | Part::Notes => {
                let lines = self.lines(detail, updates, 200, cx);
                let text: Vec<String> = lines.iter().map(|line| line.to_string().trim_end().to_owned()).collect();
                Some(text.join("\n"))
            }
            Part::Parameters => shown?.parameters.clone(),
            Part::Template => shown?.template.clone(),
            Part::License => shown?.license.clone(),
            Part::Modelfile => shown?.modelfile.clone(),
        }
    }

    pub fn view(&self, frame: &mut Frame, area: Rect, row: Option<&Row>, updates: &Updates, focused: bool, cx: &Cx) {
        self.parts.clear();
        let title = row.map_or_else(|| "Model".to_owned(), |row| safe(&row.name));
        let (at, _) = PARTS.iter().enumerate().find(|(_, (part, _))| *part == self.part).unwrap_or((0, &PARTS[0]));
        let below = format!("{} of {}", at + 1, PARTS.len());
        let inner = boxed(frame, area, &title, &below, focused, cx);
        let Some(row) = row.filter(|_| inner.height > 1) else { return };
        self.view_parts(frame, Rect { height: 1, ..inner }, cx);
        let inner =
            Rect { y: inner.y + 1, height: inner.height - 1, x: inner.x + 1, width: inner.width.saturating_sub(2) };
        let Some(detail) = self.detail(&row.name) else {
            let fault = self.fault.as_ref().filter(|_| self.is_of(&row.name));
            return instead(frame, inner, fault, true, "", cx);
        };
        let lines = self.lines(detail, updates, usize::from(inner.width), cx);
        let rows = usize::from(inner.height);
        self.drawn.set((lines.len(), rows));
        let top = self.top.min(lines.len().saturating_sub(rows));
        let lines: Vec<Line> = lines.into_iter().skip(top).take(rows).collect();
        frame.render_widget(Paragraph::new(lines), inner);
    }

    /// The names of the parts; where not all have room, those around the one on view.
    fn view_parts(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let at = PARTS.iter().position(|(part, _)| *part == self.part).unwrap_or_default();
        let room = usize::from(area.width);
        let wide = |from: usize, to: usize| PARTS[from..to].iter().map(|(_, name)| width(name) + 2).sum::<usize>();
        let first = (0..=at).find(|first| wide(*first, at + 1) <= room).unwrap_or(at);
        let mut x = area.x;
        for (place, (part, name)) in PARTS.iter().enumerate().skip(first) {
            // Without colours the brackets tell which one it is.
            let on_view = *part == self.part;
            let text = if on_view { format!("[{name}]") } else { format!(" {name} ") };
            let wide = width(&text) as u16;
            if x + wide > area.right() {
                break;
            }
            let style = if on_view { cx.theme.accent } else { cx.theme.dim };
            let place_of = Rect { x, width: wide, ..area };
            frame.render_widget(Span::styled(text, style), place_of);
            self.parts.add(place_of, place);
            x += wide;
        }
    }

    fn lines(&self, detail: &Detail, updates: &Updates, room: usize, cx: &Cx) -> Vec<Line<'static>> {
        let shown = detail.shown.as_ref();
        let long = |text: Option<&String>| {
            let text = text.map(String::as_str).filter(|text| !text.trim().is_empty());
            match (text, &detail.not_shown_because, &detail.row.installed) {
                (Some(text), ..) => paragraph(SafeText::new(text).as_str(), room, cx),
                (None, Some(reason), _) => paragraph(&safe(reason), room, cx),
                (None, None, None) => paragraph(&format!("{UNKNOWN} Known once it is installed."), room, cx),
                (None, None, Some(_)) => vec![Line::styled(UNKNOWN, cx.theme.dim)],
            }
        };
        match self.part {
            Part::Overview => overview(detail, updates.told(&detail.row, cx).as_deref(), room, cx),
            Part::Tags => variants(detail, room, cx),
            Part::Use => self.uses(room, cx),
            Part::Benchmarks => benchmarks::lines(self.measured.as_ref(), detail.row.installed.is_some(), room, cx),
            Part::Notes => notes(detail, room, cx),
            Part::Parameters => long(shown.and_then(|shown| shown.parameters.as_ref())),
            Part::Template => long(shown.and_then(|shown| shown.template.as_ref())),
            Part::License => long(shown.and_then(|shown| shown.license.as_ref())),
            Part::Modelfile => long(shown.and_then(|shown| shown.modelfile.as_ref())),
        }
    }

    fn uses(&self, room: usize, cx: &Cx) -> Vec<Line<'static>> {
        let used = match &self.used {
            None => return vec![Line::styled("Reading…", cx.theme.dim)],
            Some(Err(fault)) => return paragraph(&safe(&fault.to_string()), room, cx),
            Some(Ok(used)) => used,
        };
        let Some(model) = used.models.iter().find(|model| model.model == self.name) else {
            return vec![Line::styled("Nobody has asked it anything yet.", cx.theme.dim)];
        };
        let mut lines = vec![Line::styled("Your own", cx.theme.heading)];
        lines.extend(figures(&model.own, room, cx));
        lines.push(Line::default());
        let people = model.people.map(|people| format!(" ({people} people)")).unwrap_or_default();
        lines.push(Line::styled(format!("Everybody{people}"), cx.theme.heading));
        match &model.everybody {
            Some(all) => lines.extend(figures(all, room, cx)),
            None => lines.extend(paragraph(
                "Too few people used it: others' figures are told only as a sum that gives nobody away.",
                room,
                cx,
            )),
        }
        lines
    }
}
