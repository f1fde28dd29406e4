//! Where the parts of the screen stand, and the lines between them. Geometry is a pure function of area and state, so
//! that a click finds what was drawn.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
    widgets::{Block, Clear},
};

use super::{ChatScreen, completion, state::Focus};
use crate::{
    api::{amount, health::OllamaState},
    safe_text::SafeText,
    ui::{
        actions::Action,
        cx::Cx,
        text::wrap::{clip, width},
        theme::Theme,
        widgets::{options_panel::OptionsPanel, paint},
    },
};

/// From this width on the tree is shown unless it was hidden.
pub const WIDE: u16 = 90;
/// Narrower than this, the tree or the side panel takes the whole screen while it is in use.
const TIGHT: u16 = 64;
/// Queued messages shown above the composer.
const QUEUED_SHOWN: usize = 3;
const BAR: usize = 10;

/// What is drawn where. An empty area is not drawn.
#[derive(Clone, Copy, Debug, Default)]
pub struct Areas {
    tree_box: Rect,
    pub tree: Rect,
    main_box: Rect,
    pub transcript: Rect,
    status: Rect,
    chips: Rect,
    pub composer: Rect,
    panel_box: Rect,
    pub panel: Rect,
}

impl ChatScreen {
    pub(super) fn shows_sidebar(&self, width: u16) -> bool {
        self.focus == Focus::Tree || self.sidebar.unwrap_or(width >= WIDE)
    }

    pub(super) fn areas(&self, area: Rect, cx: &Cx) -> Areas {
        let mut areas = Areas::default();
        let mut main = area;
        let has_panel = self.panel.is_some();
        let panel_width = OptionsPanel::width() + 2;
        let mut shows_tree = self.shows_sidebar(area.width);
        if has_panel && area.width < TIGHT && self.focus == Focus::Panel {
            areas.panel_box = area;
            areas.panel = inside(area);
            return areas;
        }
        if shows_tree && area.width < TIGHT {
            if self.focus == Focus::Tree {
                areas.tree_box = area;
                areas.tree = inside(area);
                return areas;
            }
            shows_tree = false;
        }
        // Side by side only as long as the messages keep a readable width.
        if has_panel && shows_tree && area.width < 28 + panel_width + 44 && self.focus != Focus::Tree {
            shows_tree = false;
        }
        if shows_tree {
            let width = cx.config.ui.sidebar_width.clamp(16, (area.width / 2).max(16));
            areas.tree_box = Rect { width, ..main };
            areas.tree = inside(areas.tree_box);
            main = Rect { x: main.x + width, width: main.width - width, ..main };
        }
        if has_panel && main.width >= panel_width + 30 {
            areas.panel_box = Rect { x: main.right() - panel_width, width: panel_width, ..main };
            areas.panel = inside(areas.panel_box);
            main.width -= panel_width;
        }
        areas.main_box = main;
        let inner = inside(main);
        if inner.is_empty() {
            return areas;
        }
        let text_width = inner.width.saturating_sub(4).max(1);
        let most = (inner.height * 2 / 5).max(1);
        let rows = self.composer.rows(text_width).clamp(1, most);
        let chips = self.chip_rows().min(inner.height.saturating_sub(rows + 2));
        let below = rows + chips + 1;
        let transcript_height = inner.height.saturating_sub(below);
        areas.transcript = Rect { height: transcript_height, ..inner };
        areas.status = Rect { y: inner.y + transcript_height, height: 1, ..main };
        areas.chips = Rect { y: areas.status.y + 1, height: chips, ..inner };
        areas.composer =
            Rect { x: inner.x + 3, y: areas.chips.bottom(), width: text_width, height: rows }.intersection(inner);
        areas
    }

    fn chip_rows(&self) -> u16 {
        let queued = self.waiting.queue.len();
        let shown = queued.min(QUEUED_SHOWN) + usize::from(queued > QUEUED_SHOWN);
        let attached = self.composer.attached().len();
        u16::try_from(shown + attached.min(4)).unwrap_or(4)
    }

    pub(super) fn draw(&self, frame: &mut Frame, area: Rect, cx: &Cx, in_front: bool) {
        let areas = self.areas(area, cx);
        let theme = &cx.theme;
        let has_overlay = self.overlay.is_some() || self.front.is_some() || !in_front;
        if !areas.tree_box.is_empty() {
            let focused = self.focus == Focus::Tree && !has_overlay;
            boxed(frame, areas.tree_box, " Conversations ", focused, theme);
            self.tree.view(frame, areas.tree, cx, focused, focused && self.filtering);
        }
        if !areas.panel_box.is_empty()
            && let Some(panel) = &self.panel
        {
            let focused = self.focus == Focus::Panel && !has_overlay;
            boxed(frame, areas.panel_box, " Options ", focused, theme);
            panel.view(frame, areas.panel, cx, focused);
        }
        if !areas.main_box.is_empty() {
            self.draw_main(frame, &areas, cx, has_overlay);
        }
        self.view_front(frame, area, cx);
        self.view_overlay(frame, area, cx);
    }

    fn draw_main(&self, frame: &mut Frame, areas: &Areas, cx: &Cx, has_overlay: bool) {
        let theme = &cx.theme;
        let focused = matches!(self.focus, Focus::Composer | Focus::Transcript) && !has_overlay;
        let room = usize::from(areas.main_box.width.saturating_sub(4));
        let right = self.place_title();
        let right = clip(&right, room / 2);
        let left = clip(&self.title(), room.saturating_sub(width(&right) + 3));
        boxed(frame, areas.main_box, &format!(" {left} "), focused, theme);
        let right = Line::styled(format!(" {right} "), theme.dim);
        let above = above(areas.main_box);
        let wide = u16::try_from(right.width()).unwrap_or(u16::MAX).min(above.width);
        paint::line(frame.buffer_mut(), above.right() - wide, above.y, &right, wide);
        if self.transcript.is_empty() {
            self.draw_empty(frame, areas.transcript, cx);
        }
        self.transcript.view(frame, areas.transcript, &self.highlights.look(cx), self.focus == Focus::Transcript);
        self.draw_status(frame, areas.status, focused, cx);
        self.draw_chips(frame, areas.chips, cx);
        self.draw_composer(frame, areas, cx, has_overlay);
        self.draw_completion(frame, areas, cx);
    }

    fn title(&self) -> String {
        let title = match &self.conversation {
            Some(open) => SafeText::line(&open.row.title).into_string(),
            None => self.fresh.title.as_deref().map(|title| SafeText::line(title).into_string()).unwrap_or_default(),
        };
        match (title.trim().is_empty(), self.conversation.is_some()) {
            (false, _) => title,
            (true, true) => "Untitled".to_owned(),
            (true, false) => "New conversation".to_owned(),
        }
    }

    /// `llama3.2:3b [Reviewer] · work/rust`: model, preset, folder.
    fn place_title(&self) -> String {
        // Where none was chosen, the one that answered last goes on.
        let model = self.model().or_else(|| self.transcript.last()?.model.as_deref());
        let model = model.map_or_else(|| "default model".to_owned(), |name| SafeText::line(name).into_string());
        let folder = match &self.conversation {
            Some(open) => open.row.folder,
            None => self.fresh.folder,
        };
        let preset = self.preset_name().map(|name| format!(" [{}]", SafeText::line(name))).unwrap_or_default();
        match folder {
            Some(folder) => format!("{model}{preset} · {}", self.tree.path(folder)),
            None => model + &preset,
        }
    }

    /// What can be done where nothing is yet; first of all, what is missing.
    fn draw_empty(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let theme = &cx.theme;
        let mut lines = Vec::new();
        let again = cx.key(Action::Refresh);
        let ollama = cx.health.as_ref().map(|health| &health.ollama);
        match ollama {
            Some(OllamaState::InstalledNotRunning) => {
                let starts =
                    format!("Ollama is installed but does not run. {} starts it.", cx.key(Action::StartOllama));
                lines.push(Line::styled(starts, theme.warning));
            }
            Some(OllamaState::Absent) => {
                lines.push(Line::styled("Ollama was not found on this machine.", theme.warning));
                let get = format!("Everything works except answers. Get it from ollama.com, then {again}.");
                lines.push(Line::styled(get, theme.dim));
            }
            Some(OllamaState::Unreachable { why }) => {
                lines.push(Line::styled("Ollama cannot be reached.", theme.warning));
                lines.push(Line::styled(SafeText::line(why).into_string(), theme.dim));
            }
            Some(OllamaState::Unknown | OllamaState::Reachable { .. }) | None => {
                if self.has_no_model() {
                    lines.extend(self.first_model_lines(usize::from(area.width), cx));
                } else {
                    lines.push(Line::styled("Ask something.", theme.title));
                }
            }
        }
        lines.push(Line::default());
        let (send, newline) = cx.writing();
        let bound = |action: Action| cx.keymap.label(action);
        let sends = match bound(newline) {
            Some(newline) => format!("sends, {newline} starts a new line"),
            None => "sends".to_owned(),
        };
        let rows = [
            (bound(send), sends.as_str()),
            (Some("@".to_owned()), "attaches a file"),
            (Some("/".to_owned()), "gives a command"),
            (bound(Action::HistoryBack), "brings back an earlier prompt"),
            (bound(Action::ModelPicker), "chooses the model"),
            (bound(Action::FocusNext), "goes to the list of conversations"),
        ];
        let rows = || rows.iter().filter_map(|(key, what)| Some((key.as_deref()?, *what)));
        let column = 1 + rows().map(|(key, _)| width(key)).max().unwrap_or_default();
        for (key, what) in rows() {
            let pad = " ".repeat(column - width(key));
            lines.push(Line::from(vec![
                Span::styled(format!("{pad}{key}"), theme.key),
                Span::styled(format!("  {what}"), theme.dim),
            ]));
        }
        let height = u16::try_from(lines.len()).unwrap_or(u16::MAX);
        let wide = lines.iter().map(Line::width).max().unwrap_or_default();
        let wide = u16::try_from(wide).unwrap_or(u16::MAX).min(area.width);
        let top = area.height.saturating_sub(height) / 3;
        for (row, line) in (0u16..).zip(lines) {
            if top + row >= area.height {
                break;
            }
            let spot = Rect { x: area.x + (area.width - wide) / 2, y: area.y + top + row, width: wide, height: 1 };
            frame.render_widget(line, spot);
        }
    }

    /// `├ 2 attachments · context 3 120 / 8 192 ▕███░░░▏ ─── ⠋ answering ┤`
    fn draw_status(&self, frame: &mut Frame, area: Rect, focused: bool, cx: &Cx) {
        let theme = &cx.theme;
        let border = if focused { theme.focus_border } else { theme.border };
        let buffer = frame.buffer_mut();
        if area.width < 2 {
            return;
        }
        let line = format!("├{}┤", "─".repeat(usize::from(area.width - 2)));
        buffer.set_string(area.x, area.y, line, border);
        let mut left = vec![Span::raw(" ")];
        let attached = self.composer.attached().len();
        match attached {
            0 => {}
            attached => left.push(Span::styled(format!("{} · ", amount::many(attached, "attachment")), theme.text)),
        }
        left.extend(self.meter(theme, area.width >= 70));
        left.push(Span::raw(" "));
        let mut right = Vec::new();
        if self.editing.is_some() {
            let (send, _) = cx.writing();
            let (branches, leaves) = (cx.key(send), cx.key(Action::Escape));
            let badge = format!(" editing your message — {branches} branches, {leaves} leaves ");
            right.push(Span::styled(badge, theme.badge));
        }
        if self.forking.is_some() {
            let (sends, leaves) = (cx.key(cx.writing().0), cx.key(Action::Escape));
            right.push(Span::styled(format!(" a new branch — {sends} sends, {leaves} leaves "), theme.badge));
        }
        if let Some(status) = self.status(cx) {
            right.push(Span::styled(format!(" {status} "), theme.accent));
        }
        if self.waiting.is_held && !self.waiting.queue.is_empty() {
            let next = format!(" queue waits — {} sends the next ", cx.key(cx.writing().0));
            right.push(Span::styled(next, theme.warning));
        }
        if let Some(mode) = self.composer.vim_mode() {
            right.push(Span::styled(format!(" {mode} "), theme.dim));
        }
        let right = Line::from(right);
        let right_width = u16::try_from(right.width()).unwrap_or(u16::MAX).min(area.width - 2);
        let left = Line::from(left);
        let left_width = u16::try_from(left.width()).unwrap_or(u16::MAX);
        if left.width() > 2 && left_width + right_width + 2 < area.width {
            buffer.set_line(area.x + 1, area.y, &left, left_width);
        }
        buffer.set_line(area.right() - 1 - right_width, area.y, &right, right_width);
    }

    /// `context 3 120 / 8 192 ███░░░`, with `≈` where it is an estimate.
    fn meter(&self, theme: &Theme, with_bar: bool) -> Vec<Span<'static>> {
        let meter = self.transcript.meter;
        if meter.used == 0 && meter.limit == 0 {
            return Vec::new();
        }
        let about = if meter.exact { "" } else { "≈" };
        let used = amount::grouped(meter.used.into());
        if meter.limit == 0 {
            return vec![Span::styled(format!("context {about}{used}"), theme.dim)];
        }
        let limit = amount::grouped(meter.limit.into());
        // The answer needs room, too: what counts is how full the part for the prompt is.
        let room = if meter.room == 0 { meter.limit } else { meter.room };
        let share = f64::from(meter.used) / f64::from(room);
        let falls_out = meter.first_seen.is_some();
        let warns = falls_out || share >= 0.8;
        let style = if share > 1.0 {
            theme.meter_full
        } else if warns {
            theme.meter_warning
        } else {
            theme.meter
        };
        let mut spans =
            vec![Span::styled(format!("context {about}{used} / {limit}"), if warns { style } else { theme.dim })];
        if with_bar {
            let full = ((share * BAR as f64).ceil() as usize).min(BAR);
            spans.push(Span::raw(" "));
            spans.push(Span::styled("█".repeat(full), style));
            spans.push(Span::styled("░".repeat(BAR - full), theme.meter_empty));
        }
        let word = match (share > 1.0, falls_out, warns) {
            (true, _, _) => " full",
            (false, _, true) if !with_bar => " !",
            (false, true, _) => " older left out",
            (false, false, true) => " nearly full",
            (false, false, false) => "",
        };
        if !word.is_empty() {
            spans.push(Span::styled(word, style));
        }
        spans
    }

    /// Queued messages and attachments, one a line.
    fn draw_chips(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let theme = &cx.theme;
        let mut lines = Vec::new();
        let queued = self.waiting.queue.len();
        for waiting in self.waiting.queue.iter().take(QUEUED_SHOWN) {
            let first = &waiting.text[..waiting.text.floor_char_boundary(400)];
            let files = match waiting.attachments.len() {
                0 => String::new(),
                files => format!(" · {}", amount::many(files, "attachment")),
            };
            let room = usize::from(area.width.saturating_sub(12)).saturating_sub(files.len());
            let shown = clip(SafeText::line(first).as_str(), room);
            lines.push(Line::from(vec![
                Span::styled(" queued ", theme.badge),
                Span::styled(format!(" {shown}{files}"), theme.dim),
            ]));
        }
        if queued > QUEUED_SHOWN {
            lines.push(Line::styled(
                format!(" and {} more — {} takes the last back", queued - QUEUED_SHOWN, cx.key(Action::HistoryBack)),
                theme.dim,
            ));
        }
        for attached in self.composer.attached().iter().take(4) {
            let name = attached.path.file_name().unwrap_or(attached.path.as_os_str()).to_string_lossy();
            let name = clip(SafeText::line(&name).as_str(), usize::from(area.width.saturating_sub(28)));
            let mut line = Line::from(vec![Span::styled(" ▪ ", theme.accent), Span::styled(name, theme.text)]);
            match &attached.attachment {
                None => line.push_span(Span::styled(" · reading…", theme.dim)),
                Some(found) => {
                    line.push_span(Span::styled(format!(" · {}", amount::bytes(found.bytes)), theme.dim));
                    if found.hidden_characters > 0 {
                        line.push_span(Span::raw(" "));
                        line.push_span(Span::styled(
                            format!(" {} hidden characters ", found.hidden_characters),
                            theme.badge,
                        ));
                    }
                }
            }
            lines.push(line);
        }
        for (row, line) in (0..area.height).zip(lines) {
            frame.render_widget(line, Rect { y: area.y + row, height: 1, ..area });
        }
    }

    fn draw_composer(&self, frame: &mut Frame, areas: &Areas, cx: &Cx, has_overlay: bool) {
        let area = areas.composer;
        if area.is_empty() {
            return;
        }
        let focused = self.focus == Focus::Composer && !has_overlay;
        let style = if focused { cx.theme.accent } else { cx.theme.dim };
        frame.buffer_mut().set_string(area.x.saturating_sub(2), area.y, ">", style);
        self.composer.view(frame, area, cx.theme.text, focused);
        // After the editor, which clears the cell of its cursor.
        if self.composer.is_empty() {
            let text = if self.is_answering() {
                "Write on; it is sent when the answer has ended.".to_owned()
            } else if self.can_go_on() {
                format!("Write a message, or {} goes on with the answer", cx.key(Action::ContinueAnswer))
            } else {
                "Write a message".to_owned()
            };
            frame.render_widget(
                Span::styled(clip(&text, usize::from(area.width)), cx.theme.placeholder),
                Rect { height: 1, ..area },
            );
        }
    }

    fn draw_completion(&self, frame: &mut Frame, areas: &Areas, cx: &Cx) {
        let Some(popup) = &self.completion else { return };
        let theme = &cx.theme;
        let above = areas.status.y.saturating_sub(areas.main_box.y);
        let rows = popup.choices.len().min(completion::ROWS).min(usize::from(above.saturating_sub(2)));
        if rows == 0 {
            return;
        }
        let first = popup.at.saturating_sub(rows / 2).min(popup.choices.len() - rows);
        let shown = &popup.choices[first..first + rows];
        let labels = popup.choices.iter().map(|choice| width(&choice.label)).max().unwrap_or_default();
        let helps = popup.choices.iter().map(|choice| width(&choice.help)).max().unwrap_or_default();
        let wide = (labels + if helps > 0 { helps + 2 } else { 0 } + 4).min(usize::from(areas.transcript.width));
        let height = u16::try_from(rows).unwrap_or(1) + 2;
        let outer = Rect {
            x: areas.composer.x.saturating_sub(1),
            y: areas.status.y.saturating_sub(height),
            width: u16::try_from(wide + 2)
                .unwrap_or(u16::MAX)
                .min(areas.main_box.right().saturating_sub(areas.composer.x)),
            height,
        };
        frame.render_widget(Clear, outer);
        frame.render_widget(Block::bordered().border_style(theme.focus_border), outer);
        let inner = inside(outer);
        for (row, choice) in (0u16..).zip(shown) {
            let selected = first + usize::from(row) == popup.at;
            let (mark, style, quiet) =
                if selected { ("›", theme.selection, theme.selection) } else { (" ", theme.text, theme.dim) };
            let label = clip(&choice.label, usize::from(inner.width).saturating_sub(2));
            let pad = " ".repeat(labels.saturating_sub(width(&label)));
            let room = usize::from(inner.width).saturating_sub(labels + 4);
            let help = clip(&choice.help, room);
            let line = Line::from(vec![
                Span::styled(format!("{mark} {label}"), style),
                Span::styled(format!("{pad}  {help}"), quiet),
            ])
            .style(style);
            frame.render_widget(line, Rect { y: inner.y + row, height: 1, ..inner });
        }
    }
}

fn boxed(frame: &mut Frame, area: Rect, title: &str, focused: bool, theme: &Theme) {
    paint::edge(frame.buffer_mut(), area, if focused { theme.focus_border } else { theme.border });
    let above = above(area);
    paint::line(frame.buffer_mut(), above.x, above.y, &Line::styled(title, theme.title), above.width);
}

/// Where the title of a box stands: between its upper corners.
fn above(area: Rect) -> Rect {
    Rect { x: area.x + 1, width: area.width.saturating_sub(2), height: 1, ..area }
}

fn inside(area: Rect) -> Rect {
    area.inner(ratatui::layout::Margin::new(1, 1))
}
