//! What stands in front of the Models screen while somebody is about to do something to models: the questions, forms and
//! results of installing, removing, copying and the like.
//!
//! The screen calls [`Work::begin`] with the action whose key was pressed and the models it is about: those that are
//! marked, else the one under the cursor; none for what needs none, such as a Modelfile. As long as [`Work::is_open`]
//! says so, every key, paste and click comes here and to nobody else. Only administrators get this far.
//!
//! Whatever is begun goes through [`Work::go`]: another registry and the way in the clear are agreed to one by one, and
//! several at once are tried dry first.

mod asking;

use crossterm::event::{KeyEvent, MouseEvent};
use ratatui::{Frame, layout::Rect};

use self::asking::is_upload;
use super::{
    batch::{Table, TableOut},
    forms::{Fill, FillOut},
    install::{Install, InstallOut},
    modelfile::{ModelfileEditor, ModelfileOut},
};
use crate::{
    api::{
        Fault, benchmarks,
        jobs::{self, BatchItem, Download, Start, WorkKind, registry_of},
    },
    ui::{
        actions::{Action, Context},
        cx::Cx,
        msg::{Effect, JobsCall, JobsReply},
        widgets::{
            ask::{Ask, AskOut},
            picker::{Item, Picker, PickerOut},
            toast::Toast,
        },
    },
};

/// For good, as Ollama writes it.
const FOR_GOOD: &str = "-1";
/// A model that something is done to. Its name is foreign text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// With its tag.
    pub name: String,
    /// Size on disk, as far as it is known.
    pub bytes: Option<u64>,
    pub is_installed: bool,
    pub is_loaded: bool,
    /// Why it does not fit this machine, where it does not: said before it is installed or loaded.
    pub too_big_because: Option<String>,
}

/// One thing that is done to all that are marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Each {
    Install,
    Update,
    Remove,
    Load,
    Unload,
    Push,
    FromFile,
}

#[derive(Debug)]
enum Dialog {
    Install(Box<Install>),
    Modelfile(Box<ModelfileEditor>),
    Fill(Box<Fill>),
    Table(Box<Table>),
    Choose(Box<Picker<Each>>, Vec<Target>),
}

/// What somebody has agreed to so far.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own")]
struct Agreed {
    insecure: bool,
    /// That it is loaded although it does not fit.
    too_big: bool,
    remove: bool,
    /// That it leaves this machine.
    upload: bool,
}

/// What is asked before they are begun.
#[derive(Debug)]
struct Question {
    ask: Ask,
    /// Begun when the answer is yes.
    works: Vec<jobs::Work>,
}

#[derive(Debug, Default)]
pub struct Work {
    dialog: Option<Dialog>,
    question: Option<Question>,
    agreed: Agreed,
    /// Sizes and the like of what is worked on, for questions.
    targets: Vec<Target>,
    asked: u64,
}

impl Work {
    /// One of `FleetInstall`, `FleetUpdate`, `FleetRemove`, `FleetCopy`, `FleetRename`, `FleetModelfile`, `FleetLoad`,
    /// `FleetUnload`, `FleetKeep`, `FleetPush`, `FleetBenchmark`, `FleetBatch` and `FleetFromFile`.
    pub fn begin(&mut self, action: Action, targets: Vec<Target>, cx: &Cx) -> Vec<Effect> {
        self.targets.clone_from(&targets);
        self.agreed = Agreed::default();
        let single = || targets.first().cloned();
        match action {
            Action::FleetInstall => {
                let (install, effects) = Install::new(targets, self.asked);
                self.dialog = Some(Dialog::Install(Box::new(install)));
                return effects;
            }
            Action::FleetModelfile => {
                let from = single().filter(|target| target.is_installed).map(|target| target.name);
                let (editor, effects) = ModelfileEditor::new(from.as_deref(), self.asked, cx);
                self.dialog = Some(Dialog::Modelfile(Box::new(editor)));
                return effects;
            }
            Action::FleetFromFile => {
                self.dialog = Some(Dialog::Fill(Box::new(Fill::from_file())));
                return Vec::new();
            }
            Action::FleetBatch => {
                self.dialog = Some(Dialog::Choose(Box::new(choices(targets.len())), targets));
                return Vec::new();
            }
            _ => {}
        }
        let installed: Vec<Target> = targets.iter().filter(|target| target.is_installed).cloned().collect();
        if installed.is_empty() {
            return notice("Only what is installed can be worked on. Choose an installed model, or install this one.");
        }
        match (action, installed.as_slice()) {
            (Action::FleetCopy | Action::FleetRename, [one]) => {
                let fill = if action == Action::FleetCopy { Fill::copy(&one.name) } else { Fill::rename(&one.name) };
                self.dialog = Some(Dialog::Fill(Box::new(fill)));
                Vec::new()
            }
            (Action::FleetCopy | Action::FleetRename, _) => notice("One model at a time gets another name."),
            (Action::FleetUpdate, _) => self.go_each(Each::Update, &installed),
            (Action::FleetRemove, _) => self.go_each(Each::Remove, &installed),
            (Action::FleetUnload, _) => self.go_each(Each::Unload, &installed),
            (Action::FleetLoad, _) => self.go_each(Each::Load, &installed),
            (Action::FleetPush, _) => self.go_each(Each::Push, &installed),
            (Action::FleetBenchmark, _) => {
                let measure = |target: &Target| jobs::Work::Benchmark {
                    model: target.name.clone(),
                    repeats: benchmarks::REPEATS,
                };
                self.go(installed.iter().map(measure).collect())
            }
            (Action::FleetKeep, _) => {
                let keep =
                    |target: &Target| jobs::Work::Load { model: target.name.clone(), keep: Some(FOR_GOOD.to_owned()) };
                let works = installed.iter().map(keep).collect();
                self.go(works)
            }
            _ => Vec::new(),
        }
    }

    fn go_each(&mut self, each: Each, targets: &[Target]) -> Vec<Effect> {
        let works = targets
            .iter()
            .map(|target| {
                let model = target.name.clone();
                let download = Download { model: model.clone(), ..Download::default() };
                match each {
                    Each::Install | Each::FromFile => jobs::Work::Install(download),
                    Each::Update => jobs::Work::Update(download),
                    Each::Remove => jobs::Work::remove(model),
                    Each::Load => jobs::Work::Load { model, keep: None },
                    Each::Unload => jobs::Work::Unload { model },
                    Each::Push => jobs::Work::Push { model, insecure: false },
                }
            })
            .collect();
        self.go(works)
    }

    /// Begins them, as far as everything is agreed to; asks otherwise.
    fn go(&mut self, works: Vec<jobs::Work>) -> Vec<Effect> {
        if let Some(ask) = self.unasked(&works) {
            self.question = Some(Question { ask, works });
            return Vec::new();
        }
        let is_tried = matches!(self.dialog, Some(Dialog::Table(_)));
        // What is asked about by name needs no dry run on top.
        if works.len() == 1 || is_tried || self.agreed.remove || self.agreed.upload {
            return vec![Effect::Jobs(JobsCall::Begin(works))];
        }
        self.asked += 1;
        self.dialog = Some(Dialog::Table(Box::new(Table::looking("What would be done", &works, self.asked))));
        vec![Effect::Jobs(JobsCall::Try { asked: self.asked, works })]
    }

    pub fn on_reply(&mut self, reply: JobsReply) -> Vec<Effect> {
        match (reply, &mut self.dialog) {
            (JobsReply::Begun(items), _) => return self.on_begun(items),
            (JobsReply::Tried { asked, items }, Some(Dialog::Table(table))) => table.on_tried(asked, items),
            (JobsReply::Offers { asked, offers, .. }, Some(Dialog::Install(install))) => {
                install.on_offers(asked, offers);
            }
            (JobsReply::Size { sizes, .. }, Some(Dialog::Install(install))) => install.on_sizes(sizes),
            (JobsReply::Room(Ok(room)), Some(Dialog::Install(install))) => install.on_room(room),
            (JobsReply::Checked { asked, read }, Some(Dialog::Modelfile(editor))) => editor.on_checked(asked, read),
            (JobsReply::List(Ok(works)), Some(Dialog::Fill(_))) => {
                self.dialog = None;
                return self.go(works);
            }
            (JobsReply::List(Err(fault)), Some(Dialog::Fill(fill))) => fill.refuse(fault),
            // The dialog that asked is gone.
            _ => {}
        }
        Vec::new()
    }

    fn on_begun(&mut self, items: Result<Vec<BatchItem>, Fault>) -> Vec<Effect> {
        if let Some(Dialog::Table(table)) = &mut self.dialog {
            table.on_begun(items);
            if !table.all_begun() {
                return Vec::new();
            }
            let many = table.len();
            self.dialog = None;
            return notice(&format!("{many} jobs are in line."));
        }
        let items = match items {
            Ok(items) => items,
            Err(fault) => return self.refused(fault),
        };
        match items.as_slice() {
            [BatchItem { start: Start::Refused(fault), .. }] => self.refused(fault.clone()),
            [one] => {
                self.dialog = None;
                // The others are over in a moment, and their end is told.
                if one.work.kind().is_heavy() || one.work.kind() == WorkKind::Benchmark {
                    let what = one.work.to_string();
                    return notice(&format!("In line: {what}."));
                }
                Vec::new()
            }
            many if many.iter().any(|item| matches!(item.start, Start::Refused(_))) => {
                self.dialog = Some(Dialog::Table(Box::new(Table::results(items))));
                Vec::new()
            }
            many => {
                self.dialog = None;
                notice(&format!("{} jobs are in line.", many.len()))
            }
        }
    }

    /// In the form it came from, where there is one; otherwise in passing.
    fn refused(&mut self, fault: Fault) -> Vec<Effect> {
        match &mut self.dialog {
            Some(Dialog::Install(install)) => install.refuse(fault),
            Some(Dialog::Modelfile(editor)) => editor.refuse(fault),
            Some(Dialog::Fill(fill)) => fill.refuse(fault),
            Some(Dialog::Table(_) | Dialog::Choose(..)) | None => return vec![Effect::Toast(Toast::fault(&fault))],
        }
        Vec::new()
    }

    #[must_use]
    pub fn is_open(&self) -> bool {
        self.dialog.is_some() || self.question.is_some()
    }

    fn answered(&mut self, out: AskOut) -> Vec<Effect> {
        match out {
            AskOut::Stay => Vec::new(),
            AskOut::No => {
                self.question = None;
                match &mut self.dialog {
                    Some(Dialog::Install(install)) => install.not_sent(),
                    Some(Dialog::Table(table)) => table.not_sent(),
                    Some(Dialog::Modelfile(_) | Dialog::Fill(_) | Dialog::Choose(..)) | None => {}
                }
                Vec::new()
            }
            AskOut::Yes => {
                let Some(Question { ask, mut works }) = self.question.take() else { return Vec::new() };
                let asks_foreign = works.iter().any(|work| match work {
                    jobs::Work::Install(download) | jobs::Work::Update(download) => {
                        !download.foreign && registry_of(&download.model).is_some()
                    }
                    _ => false,
                });
                if asks_foreign {
                    agree_to_registries(&mut works);
                } else if !self.agreed.insecure && works.iter().any(is_insecure) {
                    self.agreed.insecure = true;
                } else if !self.agreed.too_big && works.iter().any(|work| self.does_not_fit(work).is_some()) {
                    self.agreed.too_big = true;
                } else if !self.agreed.upload && works.iter().any(is_upload) {
                    self.agreed.upload = true;
                } else {
                    self.agreed.remove = true;
                    if ask.goes_further() {
                        forget_what_was_written(&mut works);
                    }
                }
                self.go(works)
            }
        }
    }

    /// `None` = not used.
    pub fn on_action(&mut self, action: Action, cx: &Cx) -> Option<Vec<Effect>> {
        if let Some(question) = &mut self.question {
            let out = question.ask.on_action(action)?;
            return Some(self.answered(out));
        }
        Some(match self.dialog.as_mut()? {
            Dialog::Install(install) => {
                let out = install.on_action(action)?;
                self.install_out(out)
            }
            Dialog::Modelfile(editor) => {
                let out = editor.on_action(action, cx)?;
                self.modelfile_out(out)
            }
            Dialog::Fill(fill) => {
                let out = fill.on_action(action)?;
                self.fill_out(out)
            }
            Dialog::Table(table) => match table.on_action(action)? {
                TableOut::Stay => Vec::new(),
                TableOut::Close => {
                    self.dialog = None;
                    Vec::new()
                }
                TableOut::Begin(works) => self.go(works),
            },
            Dialog::Choose(picker, _) => {
                let out = picker.on_action(action, cx).ok()?;
                self.chosen(out.as_ref())
            }
        })
    }

    /// `None` = not used.
    pub fn on_key(&mut self, key: KeyEvent, _cx: &Cx) -> Option<Vec<Effect>> {
        if let Some(question) = &mut self.question {
            let out = question.ask.on_key(key)?;
            return Some(self.answered(out));
        }
        Some(match self.dialog.as_mut()? {
            Dialog::Install(install) => {
                let out = install.on_key(key)?;
                self.install_out(out)
            }
            Dialog::Modelfile(editor) => {
                let out = editor.on_key(key)?;
                self.modelfile_out(out)
            }
            Dialog::Fill(fill) => {
                if !fill.on_key(key) {
                    return None;
                }
                Vec::new()
            }
            Dialog::Table(_) => return None,
            Dialog::Choose(picker, _) => {
                let out = picker.on_key(key);
                self.chosen(out.as_ref())
            }
        })
    }

    pub fn on_paste(&mut self, text: &str, _cx: &Cx) -> Vec<Effect> {
        match (&self.question, &mut self.dialog) {
            (None, Some(Dialog::Install(install))) => install.on_paste(text),
            (None, Some(Dialog::Modelfile(editor))) => editor.on_paste(text),
            (None, Some(Dialog::Fill(fill))) => {
                fill.on_paste(text);
                Vec::new()
            }
            (None, Some(Dialog::Choose(picker, _))) => {
                let out = picker.on_paste(text);
                self.chosen(out.as_ref())
            }
            (Some(_), _) | (None, Some(Dialog::Table(_)) | None) => Vec::new(),
        }
    }

    /// `area` is the whole screen, as `view` gets it.
    pub fn on_mouse(&mut self, mouse: MouseEvent, area: Rect, cx: &Cx) -> Vec<Effect> {
        use crossterm::event::MouseEventKind;
        let scrolls = match mouse.kind {
            MouseEventKind::ScrollUp => Some(Action::ListUp),
            MouseEventKind::ScrollDown => Some(Action::ListDown),
            _ => None,
        };
        match (&self.question, &mut self.dialog, scrolls) {
            (None, Some(Dialog::Choose(picker, _)), _) => {
                let out = picker.on_mouse(mouse, area, cx);
                self.chosen(out.as_ref())
            }
            (None, Some(Dialog::Fill(fill)), _) => {
                fill.on_mouse(mouse);
                Vec::new()
            }
            (Some(_), _, Some(action)) | (None, Some(Dialog::Table(_)), Some(action)) => {
                self.on_action(action, cx).unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }

    /// A Modelfile came back from `$EDITOR`.
    pub fn on_edited(&mut self, text: &str) -> Vec<Effect> {
        match &mut self.dialog {
            Some(Dialog::Modelfile(editor)) => editor.edited_elsewhere(text),
            _ => Vec::new(),
        }
    }

    fn install_out(&mut self, out: InstallOut) -> Vec<Effect> {
        match out {
            InstallOut::Effects(effects) => effects,
            InstallOut::Close => {
                self.dialog = None;
                Vec::new()
            }
            InstallOut::Go(works) => self.go(works),
        }
    }

    fn modelfile_out(&mut self, out: ModelfileOut) -> Vec<Effect> {
        match out {
            ModelfileOut::Effects(effects) => effects,
            ModelfileOut::Close => {
                self.dialog = None;
                Vec::new()
            }
            ModelfileOut::Go(work) => self.go(vec![work]),
        }
    }

    fn fill_out(&mut self, out: FillOut) -> Vec<Effect> {
        match out {
            FillOut::Stay => Vec::new(),
            FillOut::Close => {
                self.dialog = None;
                Vec::new()
            }
            FillOut::Go(work) => self.go(vec![work]),
            FillOut::Read(path) => vec![Effect::Jobs(JobsCall::ReadList(path))],
        }
    }

    fn chosen(&mut self, out: Option<&PickerOut<Each>>) -> Vec<Effect> {
        match out {
            Some(PickerOut::Chosen(each)) => {
                let targets = match self.dialog.take() {
                    Some(Dialog::Choose(_, targets)) => targets,
                    other => {
                        self.dialog = other;
                        return Vec::new();
                    }
                };
                if *each == Each::FromFile {
                    self.dialog = Some(Dialog::Fill(Box::new(Fill::from_file())));
                    return Vec::new();
                }
                self.try_each(*each, &targets)
            }
            Some(PickerOut::Closed) => {
                self.dialog = None;
                Vec::new()
            }
            Some(PickerOut::Typed(_)) | None => Vec::new(),
        }
    }

    /// Dry first, also where it is one alone.
    fn try_each(&mut self, each: Each, targets: &[Target]) -> Vec<Effect> {
        let works: Vec<jobs::Work> = match self.go_each(each, targets).pop() {
            Some(Effect::Jobs(JobsCall::Begin(works) | JobsCall::Try { works, .. })) => works,
            // A question comes before.
            _ => match self.question.take() {
                Some(question)
                    if question
                        .works
                        .iter()
                        .all(|work| is_upload(work) || matches!(work, jobs::Work::Remove { .. })) =>
                {
                    question.works
                }
                other => {
                    self.question = other;
                    return Vec::new();
                }
            },
        };
        self.asked += 1;
        self.dialog = Some(Dialog::Table(Box::new(Table::looking("What would be done", &works, self.asked))));
        vec![Effect::Jobs(JobsCall::Try { asked: self.asked, works })]
    }

    #[must_use]
    pub fn context(&self) -> Context {
        match (&self.question, &self.dialog) {
            (Some(_), _) | (None, Some(Dialog::Table(_) | Dialog::Choose(..)) | None) => Context::List,
            (None, Some(Dialog::Install(_) | Dialog::Fill(_))) => Context::Form,
            (None, Some(Dialog::Modelfile(editor))) => editor.context(),
        }
    }

    #[must_use]
    pub fn is_busy(&self) -> bool {
        match &self.dialog {
            Some(Dialog::Install(install)) => install.is_busy(),
            Some(Dialog::Modelfile(editor)) => editor.is_busy(),
            Some(Dialog::Fill(fill)) => fill.is_busy(),
            Some(Dialog::Table(table)) => table.is_busy(),
            Some(Dialog::Choose(..)) | None => false,
        }
    }

    pub fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        match &self.dialog {
            Some(Dialog::Install(install)) => install.view(frame, area, cx),
            Some(Dialog::Modelfile(editor)) => editor.view(frame, area, cx),
            Some(Dialog::Fill(fill)) => fill.view(frame, area, cx),
            Some(Dialog::Table(table)) => table.view(frame, area, cx),
            Some(Dialog::Choose(picker, _)) => picker.view(frame, area, cx),
            None => {}
        }
        if let Some(question) = &self.question {
            question.ask.view(frame, area, cx);
        }
    }
}

fn is_insecure(work: &jobs::Work) -> bool {
    match work {
        jobs::Work::Install(download) | jobs::Work::Update(download) => download.insecure,
        _ => false,
    }
}

fn forget_what_was_written(works: &mut [jobs::Work]) {
    for work in works {
        if let jobs::Work::Remove { forget, .. } = work {
            *forget = true;
        }
    }
}

fn agree_to_registries(works: &mut [jobs::Work]) {
    for work in works {
        if let jobs::Work::Install(download) | jobs::Work::Update(download) = work {
            download.foreign = registry_of(&download.model).is_some();
        }
    }
}

fn choices(marked: usize) -> Picker<Each> {
    let mut items = Vec::new();
    if marked > 0 {
        items.extend([
            Item::new("Install them", Each::Install),
            Item::new("Update them", Each::Update),
            Item::new("Remove them from this machine", Each::Remove),
            Item::new("Load them into memory", Each::Load),
            Item::new("Take them out of memory", Each::Unload),
            Item::new("Upload them to the registry that their names say", Each::Push),
        ]);
    }
    items.push(Item::new("Do what a list in a file says (TOML)", Each::FromFile));
    let title = match marked {
        0 => "What is to be done?".to_owned(),
        1 => "What is to be done with the model?".to_owned(),
        many => format!("What is to be done with the {many} models?"),
    };
    Picker::new(&title, items)
}

fn notice(words: &str) -> Vec<Effect> {
    vec![Effect::Toast(Toast::notice(words))]
}
