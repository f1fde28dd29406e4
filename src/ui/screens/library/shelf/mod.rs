//! The tabs with presets and with prompt templates: one list with a filter, what is selected beside it, a form to write
//! one, a question before one goes, and files to take them from and write them to.

mod form;
mod options;
mod view;

use std::path::PathBuf;

use crossterm::event::{KeyEvent, MouseEvent};
use ratatui::{Frame, layout::Rect};

use self::form::{Form, FormOut};
use super::{
    Tab,
    paged::{Moved, Paged, Pointed, Read},
};
use crate::{
    api::{
        Fault, FolderId, PresetId, amount,
        library::{Imported, Kind, PresetRow, PromptRow, Taken},
        organise::{Folder, Page, Tree},
    },
    safe_text::SafeText,
    ui::{
        actions::{Action, Context},
        cx::{Cx, Hint},
        msg::{Effect, LibraryCall, Rows, ShellCall, Thing, Whole},
        widgets::{
            ask::{Ask, AskOut},
            field::Field,
            picker::{Item, Picker, PickerOut},
            toast::Toast,
            tree,
        },
    },
};

#[derive(Debug)]
pub struct ShelfTab {
    kind: Kind,
    list: Paged<Row>,
    /// All of what the cursor is on, or was on until just now.
    whole: Option<Whole>,
    asked_whole: u64,
    /// What `whole` was asked for last.
    asked_for: Option<Thing>,
    front: Option<Front>,
    /// What was saved just now: the cursor goes there when the list is here.
    seek: Option<Thing>,
}

/// A row of the list.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    thing: Thing,
    name: String,
    about: String,
    is_default: bool,
}

/// What stands before the list.
#[derive(Debug)]
enum Front {
    Form(Box<Form>),
    Delete(Ask, Thing),
    /// The folder whose conversations begin with this preset.
    Folders(Box<Picker<FolderId>>, PresetId, Vec<Folder>),
    /// Folders were asked for.
    FoldersAwaited(PresetId),
    /// A path: to write to, or to read from.
    Path {
        field: Field,
        imports: bool,
    },
    /// The file holds others of these names.
    Replace(Ask, PathBuf),
}

impl ShelfTab {
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        Self { kind, list: Paged::default(), whole: None, asked_whole: 0, asked_for: None, front: None, seek: None }
    }

    fn call(call: LibraryCall) -> Vec<Effect> {
        vec![Effect::Library(call)]
    }

    fn read(&self, read: Read) -> Effect {
        let Read { asked, filter, after, limit } = read;
        Effect::Library(LibraryCall::List { asked, kind: self.kind, filter, after, limit })
    }

    fn reload(&mut self) -> Vec<Effect> {
        let read = self.list.load();
        vec![self.read(read)]
    }

    /// After the cursor may have moved: the page that is wanted, and all of what it is on now.
    fn follow(&mut self, moved: Moved) -> Vec<Effect> {
        let mut effects: Vec<Effect> = moved.read.map(|read| self.read(read)).into_iter().collect();
        let on = self.list.selected().map(|row| row.thing);
        if on != self.asked_for {
            effects.extend(self.show());
        }
        effects
    }

    /// Asks for all of what the cursor is on.
    fn show(&mut self) -> Vec<Effect> {
        self.asked_for = self.list.selected().map(|row| row.thing);
        self.asked_whole += 1;
        match self.asked_for {
            Some(thing) => Self::call(LibraryCall::Show { asked: self.asked_whole, thing }),
            None => Vec::new(),
        }
    }

    /// All of what the cursor is on, once it is here.
    fn whole_selected(&self) -> Option<&Whole> {
        let row = self.list.selected()?;
        self.whole.as_ref().filter(|whole| thing_of(whole) == row.thing)
    }

    pub fn on_rows(&mut self, asked: u64, rows: Result<Rows, Fault>) -> Vec<Effect> {
        let page = rows.map(|rows| match rows {
            Rows::Presets(page) => Page { rows: page.rows.into_iter().map(Row::from).collect(), next: page.next },
            Rows::Prompts(page) => Page { rows: page.rows.into_iter().map(Row::from).collect(), next: page.next },
        });
        if !self.list.take(asked, page, |one, other| one.thing == other.thing) {
            return Vec::new();
        }
        if let Some(sought) = self.seek
            && self.list.select(|row| row.thing == sought)
        {
            self.seek = None;
        }
        // What the row says may have changed, so all of it may have, too.
        let mut effects = self.show();
        effects.extend(self.list.more().map(|read| self.read(read)));
        effects
    }

    pub fn on_shown(&mut self, asked: u64, whole: Result<Whole, Fault>) -> Vec<Effect> {
        if asked != self.asked_whole {
            return Vec::new();
        }
        if let (Ok(whole), Some(Front::Form(form))) = (&whole, &mut self.front)
            && form.is_overtaken()
        {
            form.renewed(whole);
        }
        // Where it is no more it went in another window, and the list will say so.
        self.whole = whole.ok();
        Vec::new()
    }

    pub fn on_saved(&mut self, whole: Result<Whole, Fault>) -> Vec<Effect> {
        match whole {
            Ok(whole) => {
                self.front.take_if(|front| matches!(front, Front::Form(_)));
                self.seek = Some(thing_of(&whole));
                let what = match self.kind {
                    Kind::Presets => "preset",
                    Kind::Prompts => "template",
                };
                let toast = Toast::good(format!("The {what} “{}” is saved.", safe(name_of(&whole))));
                let mut effects = vec![Effect::Toast(toast)];
                self.whole = Some(whole);
                effects.extend(self.reload());
                effects
            }
            Err(fault) => match &mut self.front {
                Some(Front::Form(form)) => {
                    form.refuse(fault);
                    if form.is_overtaken() { self.show() } else { Vec::new() }
                }
                Some(
                    Front::Delete(..)
                    | Front::Folders(..)
                    | Front::FoldersAwaited(_)
                    | Front::Path { .. }
                    | Front::Replace(..),
                )
                | None => vec![Effect::Toast(Toast::fault(&fault))],
            },
        }
    }

    /// After something was done to it elsewhere than in the form.
    pub fn on_done(&mut self, done: Result<(), Fault>, good: &str) -> Vec<Effect> {
        let toast = match done {
            Ok(()) => Toast::good(good),
            Err(fault) => Toast::fault(&fault),
        };
        let mut effects = vec![Effect::Toast(toast)];
        effects.extend(self.reload());
        effects
    }

    pub fn on_folders(&mut self, tree: Result<Tree, Fault>) -> Vec<Effect> {
        let Some(Front::FoldersAwaited(preset)) = self.front else { return Vec::new() };
        match tree {
            Ok(skeleton) => {
                let mut named = tree::Tree::default();
                let folders = skeleton.folders.clone();
                named.set_skeleton(skeleton);
                let item = |(id, path): (FolderId, String)| {
                    let has = folders.iter().find(|folder| folder.id == id).and_then(|folder| folder.preset);
                    let (mark, detail) = match has {
                        Some(has) if has == preset => ("✓", "again takes it away"),
                        Some(_) => (" ", "has another"),
                        None => (" ", ""),
                    };
                    Item::new(&path, id).mark(mark).detail(detail)
                };
                let items = named.places(&[]).into_iter().map(item).collect();
                let picker = Picker::new("New conversations in this folder begin with it", items)
                    .empty("There are no folders yet; the conversation list makes them.");
                self.front = Some(Front::Folders(Box::new(picker), preset, folders));
                Vec::new()
            }
            Err(fault) => {
                self.front = None;
                vec![Effect::Toast(Toast::fault(&fault))]
            }
        }
    }

    fn folder_chosen(&mut self, out: Option<&PickerOut<FolderId>>) -> Vec<Effect> {
        match out {
            None | Some(PickerOut::Typed(_)) => Vec::new(),
            Some(PickerOut::Closed) => {
                self.front = None;
                Vec::new()
            }
            Some(PickerOut::Chosen(id)) => {
                let Some(Front::Folders(_, preset, folders)) = self.front.take() else { return Vec::new() };
                let Some(folder) = folders.into_iter().find(|folder| folder.id == *id) else { return Vec::new() };
                let preset = (folder.preset != Some(preset)).then_some(preset);
                Self::call(LibraryCall::SetOfFolder { folder: *id, preset, seen_rev: folder.rev })
            }
        }
    }

    pub fn on_exported(path: Result<PathBuf, Fault>) -> Vec<Effect> {
        vec![Effect::Toast(match path {
            Ok(path) => Toast::good(format!("Written to {}.", safe(&path.to_string_lossy()))),
            Err(fault) => Toast::fault(&fault),
        })]
    }

    pub fn on_imported(&mut self, path: PathBuf, done: Result<Imported, Fault>) -> Vec<Effect> {
        let done = match done {
            Ok(done) => done,
            Err(fault) => return vec![Effect::Toast(Toast::fault(&fault))],
        };
        let mut effects = self.reload();
        let count = |names: &[String], what: &str| (!names.is_empty()).then(|| format!("{} {what}", names.len()));
        let told: Vec<String> = [
            count(&done.added, "added"),
            count(&done.replaced, "replaced"),
            count(&done.kept, "kept as they were"),
            count(&done.unchanged, "there already"),
        ]
        .into_iter()
        .flatten()
        .collect();
        let told = if told.is_empty() { "Nothing of this kind is in the file".to_owned() } else { told.join(", ") };
        effects.push(Effect::Toast(Toast::good(format!("{told}."))));
        if !done.kept.is_empty() && self.front.is_none() {
            let names = safe(&done.kept.join(", "));
            let text = format!("The file has others of the same names: {names}.");
            self.front = Some(Front::Replace(Ask::new("Put the file's in their place?", text, "Replace them"), path));
        }
        effects
    }

    fn form_out(&mut self, out: FormOut) -> Vec<Effect> {
        match out {
            FormOut::Stay => Vec::new(),
            FormOut::Close => {
                self.front = None;
                Vec::new()
            }
            FormOut::Edit(text) => vec![Effect::Shell(ShellCall::Edit(text))],
            FormOut::Save(written) => Self::call(LibraryCall::Save(written)),
        }
    }

    fn ask_out(&mut self, out: AskOut) -> Vec<Effect> {
        match (out, self.front.take()) {
            (AskOut::Stay, front) => {
                self.front = front;
                Vec::new()
            }
            (AskOut::Yes, Some(Front::Delete(_, thing))) => Self::call(LibraryCall::Delete(thing)),
            (AskOut::Yes, Some(Front::Replace(_, path))) => {
                Self::call(LibraryCall::Import { kind: self.kind, path, taken: Taken::Replace })
            }
            (AskOut::Yes | AskOut::No, _) => Vec::new(),
        }
    }

    fn path_done(&mut self) -> Vec<Effect> {
        let Some(Front::Path { field, imports }) = self.front.take() else { return Vec::new() };
        let path = PathBuf::from(field.text().trim());
        let kind = self.kind;
        Self::call(if imports {
            LibraryCall::Import { kind, path, taken: Taken::Keep }
        } else {
            LibraryCall::Export { kind, path }
        })
    }

    /// What is done to the selected one; without one, nothing.
    fn command(&mut self, action: Action, cx: &Cx) -> Option<Vec<Effect>> {
        match action {
            Action::LibraryNew => self.front = Some(Front::Form(Box::new(Form::new(self.kind, cx)))),
            Action::LibraryEdit => {
                let form = self.whole_selected().map(|whole| Front::Form(Box::new(Form::of(whole, cx))));
                self.front = form.or(self.front.take());
            }
            Action::LibraryDelete => {
                let ask = self.whole_selected().map(|whole| Front::Delete(ask_to_delete(whole), thing_of(whole)));
                self.front = ask.or(self.front.take());
            }
            Action::LibraryOpen => {
                return Some(self.list.selected().map(|row| Effect::Use(row.thing)).into_iter().collect());
            }
            Action::LibraryDefault | Action::LibraryFolder => {
                return match self.list.selected() {
                    Some(Row { thing: Thing::Preset(id), is_default, .. }) if action == Action::LibraryDefault => {
                        Some(Self::call(LibraryCall::SetDefault((!is_default).then_some(*id))))
                    }
                    Some(Row { thing: Thing::Preset(id), .. }) => {
                        self.front = Some(Front::FoldersAwaited(*id));
                        Some(Self::call(LibraryCall::Folders))
                    }
                    Some(Row { thing: Thing::Prompt(_), .. }) => {
                        Some(vec![Effect::Toast(Toast::notice("Only a preset is what conversations begin with."))])
                    }
                    None => Some(Vec::new()),
                };
            }
            Action::LibraryExport | Action::LibraryImport => {
                let name = match self.kind {
                    Kind::Presets => "~/presets.toml",
                    Kind::Prompts => "~/prompts.toml",
                };
                self.front = Some(Front::Path { field: Field::new(name), imports: action == Action::LibraryImport });
            }
            _ => return None,
        }
        Some(Vec::new())
    }
}

impl Tab for ShelfTab {
    fn shown(&mut self) -> Vec<Effect> {
        self.reload()
    }

    fn on_action(&mut self, action: Action, cx: &Cx) -> Option<Vec<Effect>> {
        match &mut self.front {
            Some(Front::Form(form)) => {
                let out = form.on_action(action, cx)?;
                Some(self.form_out(out))
            }
            Some(Front::Delete(ask, _) | Front::Replace(ask, _)) => {
                let out = ask.on_action(action)?;
                Some(self.ask_out(out))
            }
            Some(Front::Folders(picker, ..)) => {
                let out = picker.on_action(action, cx).ok()?;
                Some(self.folder_chosen(out.as_ref()))
            }
            Some(Front::FoldersAwaited(_)) => {
                self.front = None;
                self.on_action(action, cx)
            }
            Some(Front::Path { .. }) => match action {
                Action::Submit => Some(self.path_done()),
                Action::Cancel | Action::Escape | Action::Interrupt => {
                    self.front = None;
                    Some(Vec::new())
                }
                _ => None,
            },
            None => match self.list.on_action(action) {
                Some(moved) => Some(self.follow(moved)),
                None if self.list.is_typing() => None,
                None => self.command(action, cx),
            },
        }
    }

    fn on_key(&mut self, key: KeyEvent, _cx: &Cx) -> Option<Vec<Effect>> {
        match &mut self.front {
            Some(Front::Form(form)) => {
                let out = form.on_key(key)?;
                Some(self.form_out(out))
            }
            Some(Front::Delete(ask, _) | Front::Replace(ask, _)) => {
                let out = ask.on_key(key)?;
                Some(self.ask_out(out))
            }
            Some(Front::Folders(picker, ..)) => {
                let out = picker.on_key(key);
                Some(self.folder_chosen(out.as_ref()))
            }
            Some(Front::FoldersAwaited(_)) => None,
            Some(Front::Path { field, .. }) => field.on_key(key).then(Vec::new),
            None => {
                let moved = self.list.on_key(key)?;
                Some(self.follow(moved))
            }
        }
    }

    fn on_paste(&mut self, text: String) -> Vec<Effect> {
        match &mut self.front {
            Some(Front::Form(form)) => form.on_paste(text),
            Some(Front::Path { field, .. }) => {
                field.paste(text.lines().next().unwrap_or_default());
            }
            Some(Front::Folders(picker, ..)) => {
                let out = picker.on_paste(&text);
                return self.folder_chosen(out.as_ref());
            }
            Some(Front::Delete(..) | Front::Replace(..) | Front::FoldersAwaited(_)) => {}
            None => {
                let moved = self.list.paste(&text);
                return self.follow(moved);
            }
        }
        Vec::new()
    }

    fn on_mouse(&mut self, mouse: MouseEvent, area: Rect) -> Vec<Effect> {
        if self.front.is_some() {
            return Vec::new();
        }
        match self.list.on_mouse(mouse, view::parts(area).0) {
            Some(Pointed::At(moved)) => self.follow(moved),
            Some(Pointed::Open) => self.list.selected().map(|row| Effect::Use(row.thing)).into_iter().collect(),
            None => Vec::new(),
        }
    }

    fn on_edited(&mut self, text: &str) {
        if let Some(Front::Form(form)) = &mut self.front {
            form.edited(text.strip_suffix('\n').unwrap_or(text));
        }
    }

    fn context(&self) -> Context {
        match &self.front {
            Some(Front::Form(form)) => form.context(),
            Some(Front::Path { .. }) => Context::Form,
            Some(Front::Delete(..) | Front::Replace(..) | Front::Folders(..)) => Context::List,
            None if self.list.is_typing() => Context::Form,
            Some(Front::FoldersAwaited(_)) | None => Context::Library,
        }
    }

    fn is_busy(&self) -> bool {
        self.list.is_loading() && self.list.rows.is_empty()
    }

    fn holds(&self) -> bool {
        self.front.is_some() || self.list.is_typing()
    }

    fn footer(&self, cx: &Cx) -> Vec<Hint> {
        match &self.front {
            // What stands in front names its own keys.
            Some(_) => Vec::new(),
            None if self.list.is_typing() => Paged::<Row>::typing_hints(cx),
            None => {
                let mut hints = Vec::new();
                if !self.list.rows.is_empty() {
                    hints.extend(cx.hints(&[(Action::LibraryOpen, "use"), (Action::LibraryEdit, "edit")]));
                    match self.kind {
                        Kind::Presets => hints.extend(
                            cx.hints(&[(Action::LibraryDefault, "default"), (Action::LibraryFolder, "folder")]),
                        ),
                        Kind::Prompts => {}
                    }
                    hints.extend(cx.hint(Action::LibraryDelete, "delete"));
                }
                hints.extend(cx.hints(&[
                    (Action::LibraryNew, "new"),
                    (Action::LibraryImport, "import"),
                    (Action::LibraryExport, "export"),
                    (Action::LibraryHelp, "help"),
                ]));
                hints
            }
        }
    }

    fn view(&self, frame: &mut Frame, area: Rect, whole: Rect, cx: &Cx, in_front: bool) {
        self.draw(frame, area, whole, cx, in_front);
    }
}

impl From<PresetRow> for Row {
    fn from(row: PresetRow) -> Self {
        Self {
            thing: Thing::Preset(row.id),
            name: row.name,
            about: row.model.unwrap_or_default(),
            is_default: row.is_default,
        }
    }
}

impl From<PromptRow> for Row {
    fn from(row: PromptRow) -> Self {
        Self { thing: Thing::Prompt(row.id), name: row.name, about: row.begins, is_default: false }
    }
}

fn thing_of(whole: &Whole) -> Thing {
    match whole {
        Whole::Preset(preset) => Thing::Preset(preset.id),
        Whole::Prompt(prompt) => Thing::Prompt(prompt.id),
    }
}

fn name_of(whole: &Whole) -> &str {
    match whole {
        Whole::Preset(preset) => &preset.name,
        Whole::Prompt(prompt) => &prompt.name,
    }
}

fn safe(text: &str) -> String {
    SafeText::line(text).into_string()
}

/// Says what goes with it.
fn ask_to_delete(whole: &Whole) -> Ask {
    let name = safe(name_of(whole));
    match whole {
        Whole::Preset(preset) => {
            let default = if preset.is_default { " New conversations begin with it now." } else { "" };
            let folders = match preset.folders {
                0 => String::new(),
                folders => format!(" New ones in {} begin with it.", amount::many(folders, "folder")),
            };
            let conversations = match preset.conversations {
                0 => String::new(),
                1 => " 1 conversation has it, and keeps its settings.".to_owned(),
                many => format!(" {many} conversations have it, and keep their settings."),
            };
            let text = format!("“{name}” is deleted for good.{default}{folders}{conversations}");
            Ask::new("Delete the preset?", text, "Delete it")
        }
        Whole::Prompt(_) => Ask::new("Delete the template?", format!("“{name}” is deleted for good."), "Delete it"),
    }
}
