//! What stands in front of the list of models: the column to sort by, tags, saved filters, and what is written on a model.

mod advice;
mod card;
mod tags;

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::{
    Frame,
    layout::{Margin, Rect},
};

use self::{advice::Advice, card::CardEditor, tags::TagsDialog};
use super::view::sorted_by;
use crate::{
    api::{
        Fault,
        fleet::{Card, Column, Match, ModelTag, SavedFilter, Sort},
        recommend::{Recommended, Task},
    },
    ui::{
        actions::{Action, Context},
        cx::Cx,
        msg::{Effect, ModelsCall, TagAct},
        widgets::{
            form::{Form, FormOut},
            modal,
            picker::{Item, Picker, PickerOut},
        },
    },
};

#[derive(Debug)]
pub enum Dialog {
    Sort(Picker<Option<Column>>),
    Tags(Box<TagsDialog>),
    Saved(Picker<SavedFilter>),
    Save { form: Box<Form>, text: String },
    TagModels { form: Box<Form>, names: Vec<String>, common: Vec<String> },
    Write(Box<CardEditor>),
    Advice(Box<Advice>),
}

/// What a dialog tells the list.
#[derive(Debug)]
pub enum Out {
    Stay,
    Close,
    Effects(Vec<Effect>),
    Sort(Option<Sort>),
    Tags(Vec<String>, Match),
    Filter(String),
}

/// Whether a column is sorted from its greatest on at first: of names one wants the first, of figures the most.
pub fn begins_descending(column: Column) -> bool {
    match column {
        Column::Name | Column::Family | Column::Quantization | Column::License | Column::Size | Column::Fit => false,
        Column::Parameters
        | Column::Context
        | Column::Capabilities
        | Column::Installed
        | Column::Loaded
        | Column::LastUsed
        | Column::Speed
        | Column::Rating
        | Column::Released => true,
    }
}

pub fn saved_items(filters: &[SavedFilter]) -> Vec<Item<SavedFilter>> {
    filters.iter().map(|filter| Item::new(&filter.name, filter.clone()).detail(&filter.text)).collect()
}

/// Names between commas, each once.
fn names_in(text: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in text.split(',').map(|name| name.trim().trim_start_matches('#').trim()) {
        if !name.is_empty() && !names.iter().any(|known| known.to_lowercase() == name.to_lowercase()) {
            names.push(name.to_owned());
        }
    }
    names
}

impl Dialog {
    pub fn sort(now: Option<Sort>) -> Self {
        let mut items = vec![Item::new("as it comes: what is installed first, then by name", None)];
        items.extend(Column::ALL.into_iter().map(|column| Item::new(sorted_by(column), Some(column))));
        let mut picker = Picker::new("Sort by", items).empty("No column is called that.");
        picker.select(|column| *column == now.map(|sort| sort.column));
        Self::Sort(picker)
    }

    pub fn tags(tags: &[ModelTag], chosen: &[String], by: Match) -> Self {
        Self::Tags(Box::new(TagsDialog::new(tags, chosen, by)))
    }

    pub fn saved(filters: &[SavedFilter]) -> Self {
        let mut picker = Picker::new("Saved filters", saved_items(filters))
            .empty("No filter is saved yet. In the list, Shift+F saves the one that is typed.");
        picker.set_note("Delete removes the selected one.");
        Self::Saved(picker)
    }

    pub fn save(text: &str) -> Self {
        Self::Save {
            form: Box::new(Form::default().text("Name of the filter").waiting("Saving…")),
            text: text.to_owned(),
        }
    }

    /// `tags`: what each of them carries; empty where that is not known of all.
    pub fn tag_models(names: Vec<String>, tags: &[&[String]]) -> Self {
        let mut common: Vec<String> = tags.first().map(|tags| tags.to_vec()).unwrap_or_default();
        common.retain(|tag| tags.iter().all(|tags| tags.contains(tag)));
        let mut form = Form::default().text("Tags, with commas between them").waiting("Writing…");
        form.fill(0, &common.join(", "));
        Self::TagModels { form: Box::new(form), names, common }
    }

    /// Which model to take, with its first question.
    pub fn advice() -> (Self, Vec<Effect>) {
        let (advice, effects) = Advice::open();
        (Self::Advice(Box::new(advice)), effects)
    }

    pub fn on_advised(&mut self, task: Task, found: Result<Box<Recommended>, Fault>) {
        if let Self::Advice(advice) = self {
            advice.on_found(task, found);
        }
    }

    pub fn write(name: &str, card: &Card) -> Self {
        Self::Write(Box::new(CardEditor::new(name, card)))
    }

    /// Whether a refusal is shown in it.
    pub fn waits(&self) -> bool {
        match self {
            Self::Sort(_) | Self::Saved(_) | Self::Advice(_) => false,
            Self::Tags(tags) => tags.waits(),
            Self::Save { form, .. } | Self::TagModels { form, .. } => form.busy,
            Self::Write(editor) => editor.waits(),
        }
    }

    pub fn refuse(&mut self, fault: Fault) {
        match self {
            Self::Sort(_) | Self::Saved(_) | Self::Advice(_) => {}
            Self::Tags(tags) => tags.refuse(fault),
            Self::Save { form, .. } | Self::TagModels { form, .. } => form.refuse(fault, None),
            Self::Write(editor) => editor.refuse(fault),
        }
    }

    pub fn context(&self) -> Context {
        match self {
            Self::Sort(_) | Self::Saved(_) | Self::Advice(_) => Context::List,
            Self::Tags(tags) => tags.context(),
            Self::Save { .. } | Self::TagModels { .. } => Context::Form,
            Self::Write(_) => Context::Composer,
        }
    }

    /// `None` = not used.
    pub fn on_action(&mut self, action: Action, cx: &Cx) -> Option<Out> {
        match self {
            Self::Sort(picker) => Some(match picker.on_action(action, cx).ok()? {
                Some(out) => sorted(&out),
                None => Out::Stay,
            }),
            Self::Saved(picker) => Some(match picker.on_action(action, cx).ok()? {
                Some(PickerOut::Chosen(filter)) => Out::Filter(filter.text),
                Some(PickerOut::Closed) => Out::Close,
                Some(PickerOut::Typed(_)) | None => Out::Stay,
            }),
            Self::Tags(tags) => tags.on_action(action),
            Self::Save { .. } | Self::TagModels { .. } => self.form_action(action),
            Self::Write(editor) => editor.on_action(action, cx),
            Self::Advice(advice) => advice.on_action(action),
        }
    }

    fn form_action(&mut self, action: Action) -> Option<Out> {
        let (Self::Save { form, .. } | Self::TagModels { form, .. }) = self else { return None };
        if matches!(action, Action::Escape | Action::Interrupt) {
            return Some(Out::Close);
        }
        match form.on_action(action).ok()? {
            Some(FormOut::Cancelled) => Some(Out::Close),
            Some(FormOut::Submitted) => Some(self.submitted()),
            Some(FormOut::Changed(_)) | None => Some(Out::Stay),
        }
    }

    fn submitted(&mut self) -> Out {
        match self {
            Self::Save { form, text } => {
                let name = form.value(0).trim().to_owned();
                if name.is_empty() {
                    return Out::Stay;
                }
                form.busy = true;
                let filter = SavedFilter { name, text: text.clone() };
                Out::Effects(vec![Effect::Models(ModelsCall::SaveFilter(filter))])
            }
            Self::TagModels { form, names, common } => {
                let same = |one: &str, other: &str| one.to_lowercase() == other.to_lowercase();
                let written = names_in(form.value(0));
                let add: Vec<String> =
                    written.iter().filter(|name| !common.iter().any(|tag| same(tag, name))).cloned().collect();
                let remove: Vec<String> =
                    common.iter().filter(|tag| !written.iter().any(|name| same(tag, name))).cloned().collect();
                if add.is_empty() && remove.is_empty() {
                    return Out::Close;
                }
                form.busy = true;
                let act = TagAct::Put { models: names.clone(), add, remove };
                Out::Effects(vec![Effect::Models(ModelsCall::Tags(act))])
            }
            Self::Sort(_) | Self::Tags(_) | Self::Saved(_) | Self::Write(_) | Self::Advice(_) => Out::Stay,
        }
    }

    /// `None` = not used.
    pub fn on_key(&mut self, key: KeyEvent, is_admin: bool) -> Option<Out> {
        match self {
            Self::Sort(picker) => Some(picker.on_key(key).map_or(Out::Stay, |out| sorted(&out))),
            Self::Saved(picker) => {
                if key.code == KeyCode::Delete && picker.query().is_empty() {
                    let name = picker.selected()?.value.name.clone();
                    return Some(Out::Effects(vec![Effect::Models(ModelsCall::DeleteFilter(name))]));
                }
                picker.on_key(key);
                Some(Out::Stay)
            }
            Self::Tags(tags) => tags.on_key(key, is_admin),
            Self::Save { form, .. } | Self::TagModels { form, .. } => form.on_key(key).map(|_| Out::Stay),
            Self::Write(editor) => Some(editor.on_key(key)),
            Self::Advice(_) => None,
        }
    }

    pub fn on_paste(&mut self, text: String) -> Out {
        match self {
            Self::Sort(picker) => {
                picker.on_paste(&text);
            }
            Self::Saved(picker) => {
                picker.on_paste(&text);
            }
            Self::Tags(tags) => tags.on_paste(&text),
            Self::Save { form, .. } | Self::TagModels { form, .. } => {
                form.on_paste(&text);
            }
            Self::Write(editor) => editor.on_paste(text),
            Self::Advice(_) => {}
        }
        Out::Stay
    }

    pub fn on_edited(&mut self, text: &str) {
        if let Self::Write(editor) = self {
            editor.on_edited(text);
        }
    }

    pub fn view(&self, frame: &mut Frame, area: Rect, is_admin: bool, cx: &Cx) {
        match self {
            Self::Sort(picker) => picker.view(frame, area, cx),
            Self::Saved(picker) => picker.view(frame, area, cx),
            Self::Tags(tags) => tags.view(frame, area, is_admin, cx),
            Self::Save { form, .. } => view_form(frame, area, "Save the filter", form, cx),
            Self::TagModels { form, names, .. } => {
                let title = match names.as_slice() {
                    [one] => format!("Tags of {}", crate::ui::widgets::table::safe(one)),
                    many => format!("Tags of {} models", many.len()),
                };
                view_form(frame, area, &title, form, cx);
            }
            Self::Write(editor) => editor.view(frame, area, cx),
            Self::Advice(advice) => advice.view(frame, area, cx),
        }
    }
}

fn sorted(out: &PickerOut<Option<Column>>) -> Out {
    match *out {
        PickerOut::Chosen(None) => Out::Sort(None),
        PickerOut::Chosen(Some(column)) => Out::Sort(Some(Sort { column, descending: begins_descending(column) })),
        PickerOut::Closed => Out::Close,
        PickerOut::Typed(_) => Out::Stay,
    }
}

fn view_form(frame: &mut Frame, area: Rect, title: &str, form: &Form, cx: &Cx) {
    let hints = cx.hints(&[(Action::Submit, "done"), (Action::Cancel, "back")]);
    let inner = modal::open(frame, area, cx, title, (64, form.height() + 4), &hints).inner(Margin::new(2, 1));
    form.view(frame, inner, cx);
}
