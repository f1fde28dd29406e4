//! A directory to choose files from: typing narrows it, Enter opens a directory or attaches, Space marks several. Names
//! that begin with a dot are there once a dot is typed first.
//!
//! It reads nothing: its owner does, and gives it what was read.

use std::path::{Path, PathBuf};

use crossterm::event::{KeyCode, KeyEvent, MouseEvent};
use ratatui::{Frame, layout::Rect};

use super::picker::{Item, Picker, PickerOut};
use crate::{
    api::{Fault, amount},
    safe_text::SafeText,
    ui::{
        actions::Action,
        cx::Cx,
        files::{Entry, Folder},
        text::wrap::width,
    },
};

/// What was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilePickerOut {
    Stay,
    Close,
    /// A directory is to be read.
    Read(PathBuf),
    Attach(Vec<PathBuf>),
}

#[derive(Clone, Debug)]
pub struct FilePicker {
    /// The directory on view, or the one that is being read.
    folder: PathBuf,
    entries: Vec<Entry>,
    picker: Picker<PathBuf>,
    /// Also of other directories.
    marked: Vec<PathBuf>,
    shows_hidden: bool,
    note: String,
}

impl FilePicker {
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        let mut picker = Self {
            picker: Picker::new(&title(&folder), Vec::new()),
            folder,
            entries: Vec::new(),
            marked: Vec::new(),
            shows_hidden: false,
            note: String::new(),
        };
        picker.picker.set_empty("Reading…");
        picker
    }

    /// What reading a directory gave. One that cannot be read leaves the one before on view.
    pub fn on_read(&mut self, read: Result<Folder, Fault>) -> Result<(), Fault> {
        let folder = read.inspect_err(|_| self.picker.set_empty("This directory cannot be read."))?;
        let before = std::mem::replace(&mut self.folder, folder.path);
        self.entries = folder.entries;
        self.note = if folder.is_cut { "Only the first 20 000 entries.".to_owned() } else { String::new() };
        self.picker = Picker::new(&title(&self.folder), Vec::new())
            .empty("Nothing here to attach. Enter on ../ goes up; a dot first shows hidden files.");
        self.shows_hidden = false;
        self.fill();
        // Coming up, one stands on where one came from.
        self.picker.select(|path| *path == before);
        Ok(())
    }

    fn fill(&mut self) {
        let mut items = Vec::new();
        if let Some(above) = self.folder.parent() {
            items.push(Item::new("../", above.to_owned()));
        }
        for entry in self.entries.iter().filter(|entry| self.shows_hidden || !entry.is_hidden()) {
            let item = match entry.size {
                None => Item::new(&format!("{}/", entry.name), entry.path.clone()),
                Some(bytes) => Item::new(&entry.name, entry.path.clone()).detail(&amount::bytes(bytes)),
            };
            items.push(item.mark(if self.marked.contains(&entry.path) { "●" } else { "" }));
        }
        self.picker.set_items(items);
        self.picker.set_note(&match self.marked.len() {
            0 if self.note.is_empty() => "Space marks several.".to_owned(),
            0 => self.note.clone(),
            1 => "1 marked; Enter attaches it.".to_owned(),
            many => format!("{many} marked; Enter attaches them."),
        });
    }

    /// `None` = the action is not one of a list.
    pub fn on_action(&mut self, action: Action, cx: &Cx) -> Option<FilePickerOut> {
        let out = self.picker.on_action(action, cx).ok()?;
        Some(self.took(out))
    }

    pub fn on_key(&mut self, key: KeyEvent) -> FilePickerOut {
        // With nothing typed yet, Backspace goes up, as it does in a file manager.
        if key.code == KeyCode::Backspace && self.picker.query().is_empty() {
            return self.folder.parent().map_or(FilePickerOut::Stay, |above| FilePickerOut::Read(above.to_owned()));
        }
        if key.code == KeyCode::Char(' ') {
            self.mark();
            return FilePickerOut::Stay;
        }
        let out = self.picker.on_key(key);
        self.typed();
        self.took(out)
    }

    pub fn on_paste(&mut self, text: &str) -> FilePickerOut {
        let out = self.picker.on_paste(text);
        self.typed();
        self.took(out)
    }

    pub fn on_mouse(&mut self, mouse: MouseEvent, area: Rect, cx: &Cx) -> FilePickerOut {
        let out = self.picker.on_mouse(mouse, area, cx);
        self.took(out)
    }

    fn typed(&mut self) {
        let wants = self.picker.query().starts_with('.') && !self.picker.query().starts_with("..");
        if wants != self.shows_hidden {
            self.shows_hidden = wants;
            self.fill();
        }
    }

    /// Marks the file under the cursor, or takes its mark away.
    fn mark(&mut self) {
        let Some(path) = self.picker.selected().map(|item| item.value.clone()) else { return };
        if !self.is_file(&path) {
            return;
        }
        match self.marked.iter().position(|marked| *marked == path) {
            Some(at) => drop(self.marked.remove(at)),
            None => self.marked.push(path),
        }
        self.fill();
    }

    fn is_file(&self, path: &Path) -> bool {
        self.entries.iter().any(|entry| entry.path == *path && entry.size.is_some())
    }

    fn took(&mut self, out: Option<PickerOut<PathBuf>>) -> FilePickerOut {
        match out {
            None | Some(PickerOut::Typed(_)) => FilePickerOut::Stay,
            Some(PickerOut::Closed) => FilePickerOut::Close,
            Some(PickerOut::Chosen(path)) if !self.is_file(&path) => FilePickerOut::Read(path),
            Some(PickerOut::Chosen(path)) => {
                let mut files = std::mem::take(&mut self.marked);
                if files.is_empty() {
                    files.push(path);
                }
                FilePickerOut::Attach(files)
            }
        }
    }

    pub fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        self.picker.view(frame, area, cx);
    }
}

/// The end of a path says more than its beginning.
fn title(folder: &Path) -> String {
    const ROOM: usize = 44;
    let path = SafeText::line(&folder.display().to_string()).into_string();
    if width(&path) <= ROOM {
        return format!("Attach from {path}");
    }
    let cut = path.char_indices().rev().nth(ROOM - 2).map_or(0, |(at, _)| at);
    format!("Attach from …{}", &path[cut..])
}
