//! What is to be installed: names, with what the catalogue knows of them and how much room there is; on request the exact
//! size, which is asked of the registry and so leaves the machine.

use std::collections::BTreeMap;

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::{
    Frame,
    layout::{Margin, Rect},
    style::Style,
    text::{Line, Span},
    widgets::{Clear, Paragraph},
};

use super::Target;
use crate::{
    api::{
        Fault, amount,
        jobs::{Download, DownloadSize, Room, Work, registry_of},
    },
    ui::{
        actions::Action,
        cx::Cx,
        msg::{Effect, JobsCall, Offer},
        text::wrap::width,
        widgets::{
            field::Field,
            form::fault_text,
            modal,
            table::{broken, fit, safe},
        },
    },
};

/// Tags shown at a time.
const TAGS: usize = 5;
/// Names looked at in one reading; a person types fewer.
const NAMES: usize = 40;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Names,
    Tags,
    Insecure,
}

#[derive(Debug)]
pub struct Install {
    names: Field,
    part: Part,
    insecure: bool,
    tag: usize,
    /// What was known where it was begun.
    targets: Vec<Target>,
    offers: BTreeMap<String, Offer>,
    sizes: BTreeMap<String, Result<DownloadSize, Fault>>,
    room: Option<Room>,
    asked: u64,
    /// The registries are being asked.
    is_sizing: bool,
    is_sent: bool,
    fault: Option<Fault>,
}

#[derive(Debug)]
pub enum InstallOut {
    Effects(Vec<Effect>),
    Close,
    /// These, once whoever is asked has agreed to what must be agreed to.
    Go(Vec<Work>),
}

impl Install {
    /// With what it wants to know first.
    #[must_use]
    pub fn new(targets: Vec<Target>, asked: u64) -> (Self, Vec<Effect>) {
        let mut names = Field::default();
        let text = targets.iter().map(|target| target.name.as_str()).collect::<Vec<_>>().join(" ");
        names.set(&text);
        let mut install = Self {
            names,
            part: Part::Names,
            insecure: false,
            tag: 0,
            targets,
            offers: BTreeMap::new(),
            sizes: BTreeMap::new(),
            room: None,
            asked,
            is_sizing: false,
            is_sent: false,
            fault: None,
        };
        let mut effects = vec![Effect::Jobs(JobsCall::Room)];
        effects.extend(install.look());
        (install, effects)
    }

    /// What is typed, each name once.
    #[must_use]
    pub fn typed(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for name in self.names.text().split([' ', ',', ';', '\t']).filter(|name| !name.is_empty()) {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        names
    }

    /// Asks what the catalogue knows of the names that nothing is known of yet.
    fn look(&mut self) -> Vec<Effect> {
        let unknown: Vec<String> =
            self.typed().into_iter().filter(|name| !self.offers.contains_key(name)).take(NAMES).collect();
        if unknown.is_empty() {
            return Vec::new();
        }
        self.asked += 1;
        vec![Effect::Jobs(JobsCall::Offers { asked: self.asked, names: unknown })]
    }

    pub fn on_offers(&mut self, asked: u64, offers: Vec<Offer>) {
        if asked == self.asked {
            self.offers.extend(offers.into_iter().map(|offer| (offer.name.clone(), offer)));
        }
    }

    pub fn on_room(&mut self, room: Room) {
        self.room = Some(room);
    }

    pub fn on_sizes(&mut self, sizes: Vec<(String, Result<DownloadSize, Fault>)>) {
        self.is_sizing = false;
        if let Some(Ok(known)) = sizes.iter().map(|(_, size)| size).find(|size| size.is_ok()) {
            self.room = Some(known.room.clone());
        }
        self.sizes.extend(sizes);
    }

    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.is_sizing || self.is_sent
    }

    pub fn refuse(&mut self, fault: Fault) {
        self.is_sent = false;
        self.fault = Some(fault);
    }

    pub fn not_sent(&mut self) {
        self.is_sent = false;
    }

    fn download(&self, name: &str) -> Download {
        let exact = self.sizes.get(name).and_then(|size| size.as_ref().ok()).map(|size| size.bytes);
        Download {
            model: name.to_owned(),
            foreign: false,
            insecure: self.insecure && registry_of(name).is_some(),
            bytes: exact,
        }
    }

    fn has_foreign(&self) -> bool {
        self.typed().iter().any(|name| registry_of(name).is_some())
    }

    /// Those that can be asked for the exact size without a further question.
    fn ask_sizes(&mut self) -> Vec<Effect> {
        let downloads: Vec<Download> = self
            .typed()
            .iter()
            .filter(|name| !matches!(self.sizes.get(*name), Some(Ok(_))))
            .map(|name| Download { foreign: true, insecure: false, ..self.download(name) })
            .collect();
        if downloads.is_empty() || self.is_sizing {
            return Vec::new();
        }
        self.is_sizing = true;
        self.fault = None;
        vec![Effect::Jobs(JobsCall::Size { asked: self.asked, downloads })]
    }

    /// The name whose tags are offered: the last one that is typed.
    fn tagged(&self) -> Option<&Offer> {
        let name = self.typed().pop()?;
        self.offers.get(&name).filter(|offer| !offer.variants.is_empty())
    }

    fn parts(&self) -> Vec<Part> {
        let mut parts = vec![Part::Names];
        parts.extend(self.tagged().map(|_| Part::Tags));
        parts.extend(self.has_foreign().then_some(Part::Insecure));
        parts
    }

    fn move_part(&mut self, forward: bool) {
        let parts = self.parts();
        let at = parts.iter().position(|part| *part == self.part).unwrap_or_default();
        let step = if forward { 1 } else { parts.len() - 1 };
        self.part = parts[(at + step) % parts.len()];
        self.tag = 0;
    }

    /// Puts the tag under the cursor in the place of the name it belongs to.
    fn take_tag(&mut self) -> Vec<Effect> {
        let Some(chosen) = self.tagged().and_then(|offer| offer.variants.get(self.tag)).map(|(name, ..)| name.clone())
        else {
            return Vec::new();
        };
        let mut names = self.typed();
        names.pop();
        names.push(chosen);
        self.names.set(&names.join(" "));
        self.part = Part::Names;
        self.look()
    }

    /// `None` = not used.
    pub fn on_action(&mut self, action: Action) -> Option<InstallOut> {
        let variants = self.tagged().map_or(0, |offer| offer.variants.len());
        let effects = match action {
            Action::Cancel | Action::Escape | Action::Interrupt => return Some(InstallOut::Close),
            Action::Refresh => self.ask_sizes(),
            Action::NextField if self.part == Part::Tags && self.tag + 1 < variants => {
                self.tag += 1;
                Vec::new()
            }
            Action::PreviousField if self.part == Part::Tags && self.tag > 0 => {
                self.tag -= 1;
                Vec::new()
            }
            Action::NextField | Action::FocusNext => {
                self.move_part(true);
                Vec::new()
            }
            Action::PreviousField | Action::FocusPrevious => {
                self.move_part(false);
                Vec::new()
            }
            Action::Submit if self.part == Part::Tags => self.take_tag(),
            Action::Submit => return Some(self.submit()),
            _ => return None,
        };
        Some(InstallOut::Effects(effects))
    }

    fn submit(&mut self) -> InstallOut {
        if self.is_sent {
            return InstallOut::Effects(Vec::new());
        }
        let names = self.typed();
        if names.is_empty() {
            self.fault = Some(Fault::invalid("No model is named.").hint("Type a name such as llama3.2:3b."));
            return InstallOut::Effects(Vec::new());
        }
        self.fault = None;
        self.is_sent = true;
        InstallOut::Go(names.iter().map(|name| Work::Install(self.download(name))).collect())
    }

    /// `None` = not used.
    pub fn on_key(&mut self, key: KeyEvent) -> Option<InstallOut> {
        let effects = match self.part {
            Part::Names if self.names.on_key(key) => {
                self.fault = None;
                self.look()
            }
            Part::Insecure if matches!(key.code, KeyCode::Char(' ' | 'x')) => {
                self.insecure = !self.insecure;
                Vec::new()
            }
            Part::Tags if key.code == KeyCode::Char(' ') => self.take_tag(),
            Part::Names | Part::Insecure | Part::Tags => return None,
        };
        Some(InstallOut::Effects(effects))
    }

    pub fn on_paste(&mut self, text: &str) -> Vec<Effect> {
        if self.part != Part::Names {
            return Vec::new();
        }
        self.names.paste(&text.lines().collect::<Vec<_>>().join(" "));
        self.fault = None;
        self.look()
    }

    /// Bytes as far as they are known, and whether that is exact.
    fn bytes(&self, name: &str) -> Option<(u64, bool)> {
        if let Some(Ok(size)) = self.sizes.get(name) {
            return Some((size.bytes, true));
        }
        let offered = self.offers.get(name).and_then(|offer| Some((offer.bytes?, false)));
        offered.or_else(|| {
            let target = self.targets.iter().find(|target| target.name == name)?;
            Some((target.bytes?, false))
        })
    }

    /// What is to be said of a name, and whether it is a warning.
    fn note(&self, name: &str) -> (String, bool) {
        if let Some(Err(fault)) = self.sizes.get(name) {
            return (safe(&fault.message), true);
        }
        let target = self.targets.iter().find(|target| target.name == name);
        let offer = self.offers.get(name);
        let too_big = offer
            .and_then(Offer::too_big_because)
            .or_else(|| target.and_then(|target| target.too_big_because.as_deref()));
        if let Some(because) = too_big {
            return (format!("! too big for this machine: {}", safe(because)), true);
        }
        if let Some(host) = registry_of(name) {
            return (format!("from {}; you are asked before it begins", safe(host)), false);
        }
        let Some(offer) = offer else { return (String::new(), false) };
        if offer.is_installed {
            return ("installed already".to_owned(), false);
        }
        match (offer.is_known, offer.near.as_slice()) {
            (true, _) => (offer.fit_words(), false),
            (false, []) => ("not in the catalogue; the registry may have it".to_owned(), false),
            (false, near) => {
                let near = near.iter().map(|name| safe(name)).collect::<Vec<_>>().join(", ");
                (format!("? not in the catalogue. Near it: {near}"), true)
            }
        }
    }

    /// `7.2 GB in all; 120.4 GB are free in /usr/share/ollama.`, and whether that is too little.
    fn room_line(&self) -> (String, bool) {
        let known: Vec<(u64, bool)> = self.typed().iter().filter_map(|name| self.bytes(name)).collect();
        let all: u64 = known.iter().map(|(bytes, _)| bytes).sum();
        let about = if known.iter().all(|(_, exact)| *exact) { "" } else { "about " };
        let needs = if known.is_empty() { String::new() } else { format!("{about}{} in all; ", amount::bytes(all)) };
        match &self.room {
            None => (format!("{needs}looking how much room there is…"), false),
            Some(room) => match (room.free, &room.unknown_because) {
                (Some(free), _) => {
                    let place = room.directory.as_ref().map(|path| format!(" in {}", safe(&path.to_string_lossy())));
                    let free_words = format!("{} are free{}", amount::bytes(free), place.unwrap_or_default());
                    if all > free {
                        (format!("! {needs}only {free_words}"), true)
                    } else {
                        (format!("{needs}{free_words}"), false)
                    }
                }
                (None, Some(because)) => (format!("{needs}{}", safe(because)), false),
                (None, None) => (format!("{needs}how much is free is not known"), false),
            },
        }
    }

    /// The names one below the other, each with its size and what is to be said of it; then how much room there is.
    fn name_lines(&self, inner: Rect, cx: &Cx) -> Vec<Line<'static>> {
        let theme = &cx.theme;
        let room = usize::from(inner.width);
        let names = self.typed();
        let name_room = names.iter().map(|name| width(name)).max().unwrap_or_default().clamp(12, (room / 2).max(12));
        let note_room = room.saturating_sub(name_room + 12);
        let tone = |warns| if warns { theme.warning } else { theme.dim };
        let shown = if inner.height < 14 { 2 } else { 8 };
        let mut lines = Vec::new();
        for name in names.iter().take(shown) {
            let bytes = match self.bytes(name) {
                Some((bytes, true)) => amount::bytes(bytes),
                Some((bytes, false)) => format!("≈{}", amount::bytes(bytes)),
                None => "—".to_owned(),
            };
            let (note, warns) = self.note(name);
            lines.push(Line::from(vec![
                Span::styled(format!("  {} ", fit(&safe(name), name_room)), theme.text),
                Span::styled(fit(&bytes, 9), theme.dim),
                Span::styled(fit(&note, note_room), tone(warns)),
            ]));
        }
        if names.len() > shown {
            lines.push(Line::styled(format!("  and {} more", names.len() - shown), theme.dim));
        }
        // What is warned of in whole sentences, where only one is named.
        if let [name] = names.as_slice() {
            let (note, warns) = self.note(name);
            if warns && width(&note) > note_room {
                let broken = broken(&note, theme.warning, room.saturating_sub(2)).into_iter().take(3);
                lines.extend(broken.map(|line| line.after(vec![Span::raw("  ")])));
            }
        }
        let (words, warns) = self.room_line();
        lines.push(Line::styled(fit(&words, room), tone(warns)));
        if self.is_sizing {
            lines.push(Line::styled(format!("{} Asking the registry…", cx.spinner()), theme.dim));
        }
        lines
    }

    /// The tags of the last name's family, and whether a registry is asked in the clear, where that can be asked.
    fn choice_lines(&self, inner: Rect, cx: &Cx) -> Vec<Line<'static>> {
        let theme = &cx.theme;
        let mut lines = Vec::new();
        if let Some(offer) = self.tagged() {
            let (mark, style) = bar(self.part == Part::Tags, cx);
            lines.push(Line::default());
            lines.push(Line::styled(format!("Tags of {}", safe(&offer.family)), style));
            let many = if inner.height < 16 { 2 } else { TAGS };
            let first = self.tag.saturating_sub(many - 1);
            for (at, (name, bytes, verdict)) in offer.variants.iter().enumerate().skip(first).take(many) {
                let is_on = self.part == Part::Tags && at == self.tag;
                let bytes = bytes.map_or_else(|| "—".to_owned(), amount::bytes);
                let text = format!("{} {} {}", fit(&safe(name), 28), fit(&bytes, 9), verdict.words());
                let row = if is_on { theme.selection } else { theme.text };
                lines.push(Line::from(vec![Span::styled(mark, style), Span::styled(text, row)]));
            }
        }
        if self.has_foreign() {
            let (mark, style) = bar(self.part == Part::Insecure, cx);
            let sign = if self.insecure { "[x]" } else { "[ ]" };
            lines.push(Line::styled(format!("{mark}{sign} Ask that registry in the clear (insecure)"), style));
        }
        if self.is_sent {
            lines.push(Line::styled(format!("{} Looking at what can be done…", cx.spinner()), theme.dim));
        }
        lines
    }

    pub fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let hints = cx.hints(&[
            (Action::Submit, if self.part == Part::Tags { "take this tag" } else { "install" }),
            (Action::Refresh, "exact sizes from the registry"),
            (Action::NextField, "next"),
            (Action::Cancel, "leave it"),
        ]);
        let rows = 16 + self.typed().len().min(8) as u16;
        let wish = (86.min(area.width.saturating_sub(2)), rows.min(area.height.saturating_sub(1)));
        let inner = modal::open(frame, area, cx, "Install models", wish, &hints).inner(Margin::new(1, 0));
        let (mark, style) = bar(self.part == Part::Names, cx);
        let mut lines =
            vec![Line::styled("Names with their tags; several with a space between", style), Line::styled(mark, style)];
        lines.extend(self.name_lines(inner, cx));
        lines.extend(self.choice_lines(inner, cx));
        let used = u16::try_from(lines.len()).unwrap_or(u16::MAX).min(inner.height);
        frame.render_widget(Paragraph::new(lines), inner);
        let text = Rect { x: inner.x + 2, y: inner.y + 1, width: inner.width.saturating_sub(2), height: 1 };
        if text.y < inner.bottom() {
            self.names.view(frame, text, cx.theme.text, self.part == Part::Names);
        }
        if let Some(fault) = &self.fault {
            // Where there is no room below, it stands over the last lines.
            let top = (inner.y + used).min(inner.bottom().saturating_sub(3)).max(inner.y);
            let below = Rect { y: top, height: inner.bottom() - top, ..inner };
            frame.render_widget(Clear, below);
            frame.render_widget(fault_text(fault, cx), below);
        }
    }
}

/// What stands before a field: heavier where the keys go.
fn bar(is_focused: bool, cx: &Cx) -> (&'static str, Style) {
    if is_focused { ("┃ ", cx.theme.accent) } else { ("│ ", cx.theme.dim) }
}
