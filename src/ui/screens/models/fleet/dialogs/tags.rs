//! The tags of the house: which of them the list is narrowed to, and, for administrators, their names and categories.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::{
    Frame,
    layout::{Margin, Rect},
    text::Line,
    widgets::{Paragraph, Wrap},
};

use super::{Out, view_form};
use crate::{
    api::{
        Fault,
        fleet::{Match, ModelTag},
    },
    safe_text::SafeText,
    ui::{
        actions::{Action, Context},
        cx::{Cx, Hint},
        msg::{Effect, ModelsCall, TagAct},
        screens::models::for_administrators,
        widgets::{
            ask::{Ask, AskOut},
            form::{Form, FormOut},
            modal,
            table::{first_row, fit, row_style, safe},
        },
    },
};

/// What is done to the tag under the cursor, or made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Create,
    Rename,
    Category,
    Merge,
}

#[derive(Debug)]
enum Front {
    Form(Doing, Box<Form>),
    Ask(Box<Ask>, String),
}

#[derive(Debug)]
pub struct TagsDialog {
    tags: Vec<ModelTag>,
    chosen: Vec<String>,
    by: Match,
    at: usize,
    front: Option<Front>,
}

impl TagsDialog {
    pub fn new(tags: &[ModelTag], chosen: &[String], by: Match) -> Self {
        let mut dialog = Self { tags: Vec::new(), chosen: chosen.to_vec(), by, at: 0, front: None };
        dialog.set(tags);
        dialog
    }

    /// The tags and their counts, as they are now.
    pub fn set(&mut self, tags: &[ModelTag]) {
        self.tags = tags.to_vec();
        self.tags.sort_by_key(|tag| (tag.category.to_lowercase(), tag.name.to_lowercase()));
        self.at = self.at.min(self.tags.len().saturating_sub(1));
        self.chosen.retain(|name| tags.iter().any(|tag| tag.name == *name));
    }

    /// What was sent is done.
    pub fn done(&mut self) {
        self.front = None;
    }

    pub fn waits(&self) -> bool {
        matches!(&self.front, Some(Front::Form(_, form)) if form.busy)
    }

    pub fn refuse(&mut self, fault: Fault) {
        if let Some(Front::Form(_, form)) = &mut self.front {
            form.refuse(fault, None);
        }
    }

    pub fn context(&self) -> Context {
        match &self.front {
            Some(Front::Form(..)) => Context::Form,
            Some(Front::Ask(..)) | None => Context::List,
        }
    }

    fn narrowed(&self) -> Out {
        Out::Tags(self.chosen.clone(), self.by)
    }

    pub fn on_action(&mut self, action: Action) -> Option<Out> {
        match &mut self.front {
            Some(Front::Form(doing, form)) => {
                if matches!(action, Action::Escape | Action::Interrupt) {
                    self.front = None;
                    return Some(Out::Stay);
                }
                let doing = *doing;
                match form.on_action(action).ok()? {
                    Some(FormOut::Cancelled) => self.front = None,
                    Some(FormOut::Submitted) => return Some(self.submitted(doing)),
                    Some(FormOut::Changed(_)) | None => {}
                }
                return Some(Out::Stay);
            }
            Some(Front::Ask(ask, name)) => {
                let name = name.clone();
                let answer = ask.on_action(action)?;
                return Some(self.answered(answer, name));
            }
            None => {}
        }
        let last = self.tags.len().saturating_sub(1);
        match action {
            Action::ListUp => self.at = if self.at == 0 { last } else { self.at - 1 },
            Action::ListDown => self.at = if self.at >= last { 0 } else { self.at + 1 },
            Action::ListPageUp => self.at = self.at.saturating_sub(10),
            Action::ListPageDown => self.at = (self.at + 10).min(last),
            Action::ListAccept | Action::ListClose | Action::Escape | Action::Interrupt => return Some(Out::Close),
            _ => return None,
        }
        Some(Out::Stay)
    }

    fn answered(&mut self, answer: AskOut, name: String) -> Out {
        match answer {
            AskOut::Stay => Out::Stay,
            AskOut::No => {
                self.front = None;
                Out::Stay
            }
            AskOut::Yes => {
                self.front = None;
                Out::Effects(vec![Effect::Models(ModelsCall::Tags(TagAct::Delete { name }))])
            }
        }
    }

    fn submitted(&mut self, doing: Doing) -> Out {
        let name = self.tags.get(self.at).map(|tag| tag.name.clone());
        let Some(Front::Form(_, form)) = &mut self.front else { return Out::Stay };
        let value = form.value(0).trim().to_owned();
        let act = match (doing, name) {
            (Doing::Category, Some(name)) => TagAct::Category { name, category: value },
            _ if value.is_empty() => return Out::Stay,
            (Doing::Create, _) => TagAct::Create { name: value },
            (Doing::Rename, Some(name)) => TagAct::Rename { name, new: value },
            (Doing::Merge, Some(name)) => TagAct::Merge { from: name, into: value },
            (Doing::Category | Doing::Rename | Doing::Merge, None) => return Out::Stay,
        };
        form.busy = true;
        Out::Effects(vec![Effect::Models(ModelsCall::Tags(act))])
    }

    pub fn on_key(&mut self, key: KeyEvent, is_admin: bool) -> Option<Out> {
        match &mut self.front {
            Some(Front::Form(_, form)) => return form.on_key(key).map(|_| Out::Stay),
            Some(Front::Ask(ask, name)) => {
                let name = name.clone();
                let answer = ask.on_key(key)?;
                return Some(self.answered(answer, name));
            }
            None => {}
        }
        let KeyCode::Char(letter) = key.code else { return None };
        let tag = self.tags.get(self.at).cloned();
        match (letter, tag) {
            (' ', Some(tag)) => {
                if self.chosen.contains(&tag.name) {
                    self.chosen.retain(|name| *name != tag.name);
                } else {
                    self.chosen.push(tag.name);
                }
                Some(self.narrowed())
            }
            ('a', _) => {
                self.by = match self.by {
                    Match::Any => Match::All,
                    Match::All => Match::Any,
                };
                Some(self.narrowed())
            }
            ('x', _) => {
                self.chosen.clear();
                Some(self.narrowed())
            }
            ('n' | 'r' | 'c' | 'm' | 'd', _) if !is_admin => Some(Out::Effects(vec![for_administrators()])),
            ('n', _) => Some(self.begin(Doing::Create, "Name of the new tag", "")),
            ('r', Some(tag)) => Some(self.begin(Doing::Rename, "New name", &tag.name)),
            ('c', Some(tag)) => Some(self.begin(Doing::Category, "Category; empty for none", &tag.category)),
            ('m', Some(_)) => Some(self.begin(Doing::Merge, "Into which tag", "")),
            ('d', Some(tag)) => {
                let carried = match tag.models {
                    1 => "One model carries it.".to_owned(),
                    many => format!("{many} models carry it."),
                };
                let text = format!("{}: {carried} The models stay.", tag.name);
                self.front = Some(Front::Ask(Box::new(Ask::new("Delete the tag?", text, "Delete it")), tag.name));
                Some(Out::Stay)
            }
            _ => None,
        }
    }

    fn begin(&mut self, doing: Doing, label: &'static str, value: &str) -> Out {
        let mut form = Form::default().text(label).waiting("Writing…");
        form.fill(0, value);
        self.front = Some(Front::Form(doing, Box::new(form)));
        Out::Stay
    }

    pub fn on_paste(&mut self, text: &str) {
        if let Some(Front::Form(_, form)) = &mut self.front {
            form.on_paste(text);
        }
    }

    pub fn view(&self, frame: &mut Frame, area: Rect, is_admin: bool, cx: &Cx) {
        match &self.front {
            Some(Front::Form(doing, form)) => {
                let of = self.tags.get(self.at).map(|tag| safe(&tag.name)).unwrap_or_default();
                let title = match doing {
                    Doing::Create => "A new tag".to_owned(),
                    Doing::Rename => format!("Rename {of}"),
                    Doing::Category => format!("Category of {of}"),
                    Doing::Merge => format!("Merge {of} into another"),
                };
                return view_form(frame, area, &title, form, cx);
            }
            Some(Front::Ask(ask, _)) => return ask.view(frame, area, cx),
            None => {}
        }
        let own = |key: &str, help| Hint { key: key.to_owned(), help };
        let mut hints = vec![own("Space", "only these"), own("a", "any or all"), own("x", "none")];
        hints.extend(cx.hint(Action::ListClose, "close"));
        let title = match self.by {
            Match::All => "Only what carries all of these tags",
            Match::Any => "Only what carries any of these tags",
        };
        let height = (self.tags.len() as u16 + 5).clamp(8, 20);
        let mut inner = modal::open(frame, area, cx, title, (76, height), &hints).inner(Margin::new(1, 1));
        if is_admin && inner.height > 2 {
            let hints =
                [own("n", "new"), own("r", "rename"), own("c", "category"), own("m", "merge"), own("d", "delete")];
            inner.height -= 1;
            let line = Rect { y: inner.bottom(), height: 1, ..inner };
            frame.render_widget(modal::footer_line(&hints, inner.width, cx), line);
        }
        if self.tags.is_empty() {
            let words = if is_admin {
                "No tag is there yet. n makes one; in the list, Shift+T gives tags to models."
            } else {
                "No tag is there yet. Administrators make them."
            };
            frame.render_widget(Paragraph::new(words).style(cx.theme.dim).wrap(Wrap { trim: true }), inner);
            return;
        }
        let room = usize::from(inner.width);
        let rows = usize::from(inner.height);
        let first = first_row(self.at, self.tags.len(), rows);
        let lines: Vec<Line> = self
            .tags
            .iter()
            .enumerate()
            .skip(first)
            .take(rows)
            .map(|(at, tag)| {
                let cursor = if at == self.at { "›" } else { " " };
                let mark = if self.chosen.contains(&tag.name) { "■" } else { "□" };
                let category = SafeText::line(&tag.category).into_string();
                let name = fit(&safe(&tag.name), room.saturating_sub(30).max(10));
                let text = format!("{cursor} {mark} {name} {} {:>6}", fit(&category, 14), tag.models);
                Line::styled(fit(&text, room), row_style(at == self.at, true, cx))
            })
            .collect();
        frame.render_widget(Paragraph::new(lines), inner);
    }
}
