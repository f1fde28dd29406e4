//! What the keys do: marks and what they are about, what is shown and how, what only administrators do.

use super::{
    super::{Step, Target, for_administrators, is_admin},
    FleetTab, Focus, WIDE,
    complete::Completion,
    dialogs::{self, Dialog, Out},
};
use crate::{
    api::fleet::{Column, Row, Sort, Verdict},
    safe_text::SafeText,
    ui::{
        actions::Action,
        cx::Cx,
        msg::{Clip, Effect, ShellCall},
        widgets::toast::Toast,
    },
};

impl FleetTab {
    pub(super) fn target(row: &Row) -> Target {
        Target {
            name: row.name.clone(),
            bytes: row.bytes,
            is_installed: row.installed.is_some(),
            is_loaded: row.loaded.is_some(),
            too_big_because: (row.fit.verdict == Verdict::TooBig).then(|| row.fit.because.clone()),
        }
    }

    /// Those that something is done to: the marked ones, else the one under the cursor.
    pub(super) fn targets(&self) -> Vec<Target> {
        if self.focus == Focus::List && !self.marked.is_empty() {
            return self.marked.values().cloned().collect();
        }
        self.row().map(Self::target).into_iter().collect()
    }

    pub(super) fn mark(&mut self, cx: &Cx) -> Vec<Effect> {
        let Some(target) = self.row().map(Self::target) else { return Vec::new() };
        if self.marked.remove(&target.name).is_none() {
            self.marked.insert(target.name.clone(), target);
        }
        self.focus = Focus::List;
        self.moved(Action::ModelsDown, cx).unwrap_or_default()
    }

    /// By this column; the other way round, where it is sorted by that already.
    pub(super) fn sort_by(&mut self, column: Column) -> Vec<Effect> {
        self.sort = Some(match self.sort {
            Some(sort) if sort.column == column => Sort { descending: !sort.descending, ..sort },
            Some(_) | None => Sort { column, descending: dialogs::begins_descending(column) },
        });
        self.sought()
    }

    pub(super) fn typing_action(&mut self, action: Action) -> Option<Vec<Effect>> {
        match action {
            Action::NextField | Action::FocusNext => {
                let tags: Vec<String> = self.page.tags.iter().map(|tag| tag.name.clone()).collect();
                let completion = Completion::next(self.completion.take(), self.field.text(), &tags);
                let Some(completion) = completion else { return Some(Vec::new()) };
                self.field.set(&completion.text());
                self.completion = Some(completion);
                Some(self.sought())
            }
            Action::Submit => {
                self.typing = false;
                Some(Vec::new())
            }
            Action::Cancel | Action::Escape | Action::Interrupt => {
                self.typing = false;
                Some(self.unfilter())
            }
            _ => None,
        }
    }

    pub(super) fn unfilter(&mut self) -> Vec<Effect> {
        self.field.clear();
        self.completion = None;
        self.sought()
    }

    pub(super) fn copy(text: &str) -> Vec<Effect> {
        let safe = SafeText::new(text);
        let hidden = text.chars().count().saturating_sub(safe.as_str().chars().count());
        vec![Effect::Shell(ShellCall::Copy(Clip { text: safe.into_string(), hidden }))]
    }

    pub(super) fn dialog_out(&mut self, out: Out) -> Vec<Effect> {
        match out {
            Out::Stay => Vec::new(),
            Out::Close => {
                self.dialog = None;
                Vec::new()
            }
            Out::Effects(effects) => effects,
            Out::Sort(sort) => {
                self.dialog = None;
                self.sort = sort;
                self.sought()
            }
            Out::Tags(tags, by) => {
                (self.tags, self.tags_by) = (tags, by);
                self.sought()
            }
            Out::Filter(text) => {
                self.dialog = None;
                self.field.set(&text);
                self.sought()
            }
        }
    }

    /// What only administrators do here, without a job: `None` = it is none of these.
    pub(super) fn administer(&mut self, action: Action, cx: &Cx) -> Option<Step> {
        match action {
            Action::FleetTag | Action::FleetEdit if !is_admin(cx) => Some(vec![for_administrators()].into()),
            Action::FleetAskUpdates if !is_admin(cx) => {
                let toast = Toast::notice("Only administrators ask registries for updates.");
                Some(vec![Effect::Toast(toast.hint("It leaves this machine; an administrator can do it."))].into())
            }
            Action::FleetAskUpdates => Some(self.ask_for_updates(cx).into()),
            Action::FleetTag => {
                let names: Vec<String> = self.targets().into_iter().map(|target| target.name).collect();
                let rows = self.rows.iter().filter(|row| names.contains(&row.name));
                let tags: Vec<&[String]> = rows.map(|row| row.tags.as_slice()).collect();
                if names.is_empty() {
                    return Some(nothing_there().into());
                }
                // Of those that are marked and not on view it is not known what they carry.
                let known = tags.len() == names.len();
                self.dialog = Some(Dialog::tag_models(names, if known { &tags } else { &[] }));
                Some(Vec::new().into())
            }
            Action::FleetEdit => {
                if let Some(detail) = self.row().and_then(|row| self.shown.detail(&row.name)) {
                    self.dialog = Some(Dialog::write(&detail.row.name, &detail.card));
                    return Some(Vec::new().into());
                }
                let mut effects = self.open_detail();
                effects.push(Effect::Toast(Toast::notice("Reading the model first; press it once more.")));
                Some(effects.into())
            }
            _ => None,
        }
    }

    /// About the marked ones, else about all that are installed; in the detail, about its model.
    pub(super) fn ask_for_updates(&mut self, cx: &Cx) -> Vec<Effect> {
        let is_about_all = self.focus == Focus::List && self.marked.is_empty();
        let targets = if is_about_all { Vec::new() } else { self.targets() };
        let models: Vec<String> = targets.into_iter().filter(|one| one.is_installed).map(|one| one.name).collect();
        if models.is_empty() && !is_about_all {
            let toast = Toast::notice("Only what is installed can have an update.");
            return vec![Effect::Toast(toast)];
        }
        self.updates.ask(models, cx)
    }

    /// Work on what is marked, or on the model under the cursor.
    pub(super) fn works(&self, action: Action) -> Option<Step> {
        let targets = self.targets();
        match action {
            // A name that no catalogue knows is typed, so installing needs no model under the cursor.
            Action::FleetUpdate
            | Action::FleetRemove
            | Action::FleetCopy
            | Action::FleetRename
            | Action::FleetLoad
            | Action::FleetUnload
            | Action::FleetKeep
            | Action::FleetPush
            | Action::FleetBenchmark
            | Action::FleetBatch
                if targets.is_empty() =>
            {
                Some(nothing_there().into())
            }
            Action::FleetInstall
            | Action::FleetUpdate
            | Action::FleetRemove
            | Action::FleetCopy
            | Action::FleetRename
            | Action::FleetLoad
            | Action::FleetUnload
            | Action::FleetKeep
            | Action::FleetPush
            | Action::FleetBenchmark
            | Action::FleetBatch
            | Action::FleetModelfile => Some(Step { effects: Vec::new(), begin: Some((action, targets)) }),
            _ => None,
        }
    }

    /// What is shown, and how.
    pub(super) fn looks(&mut self, action: Action, cx: &Cx) -> Option<Vec<Effect>> {
        let effects = match action {
            Action::FleetFilter => {
                self.typing = true;
                self.focus = Focus::List;
                Vec::new()
            }
            Action::FocusNext | Action::FocusPrevious if self.focus == Focus::List && cx.size.0 >= WIDE => {
                self.open_detail()
            }
            Action::FocusNext | Action::FocusPrevious | Action::Escape if self.focus == Focus::Detail => {
                self.focus = Focus::List;
                Vec::new()
            }
            Action::Escape if !self.marked.is_empty() => {
                self.marked.clear();
                Vec::new()
            }
            Action::Escape if !self.field.is_empty() => self.unfilter(),
            Action::Escape if !self.tags.is_empty() => {
                self.tags.clear();
                self.sought()
            }
            Action::FleetUse => match self.row() {
                Some(row) if row.installed.is_some() => vec![Effect::UseModel(row.name.clone())],
                Some(row) => {
                    let words = format!("{} is not installed.", SafeText::line(&row.name));
                    let hint = if is_admin(cx) {
                        format!("{} installs it.", cx.key(Action::FleetInstall))
                    } else {
                        "An administrator can install it.".to_owned()
                    };
                    vec![Effect::Toast(Toast::notice(words).hint(hint))]
                }
                None => nothing_there(),
            },
            Action::FleetMark => self.mark(cx),
            Action::FleetAdvise => {
                let (dialog, effects) = Dialog::advice();
                self.dialog = Some(dialog);
                effects
            }
            Action::FleetSort => {
                self.dialog = Some(Dialog::sort(self.sort));
                Vec::new()
            }
            Action::FleetTurn => {
                if let Some(sort) = &mut self.sort {
                    sort.descending = !sort.descending;
                    return Some(self.sought());
                }
                self.dialog = Some(Dialog::sort(None));
                Vec::new()
            }
            Action::FleetTags => {
                self.dialog = Some(Dialog::tags(&self.page.tags, &self.tags, self.tags_by));
                Vec::new()
            }
            Action::FleetSaved => {
                self.dialog = Some(Dialog::saved(&self.filters));
                Vec::new()
            }
            Action::FleetSave if self.field.text().trim().is_empty() => {
                let toast = Toast::notice("There is no filter to save.");
                let key = cx.key(Action::FleetFilter);
                vec![Effect::Toast(toast.hint(format!("{key} begins one.")))]
            }
            Action::FleetSave => {
                self.dialog = Some(Dialog::save(self.field.text().trim()));
                Vec::new()
            }
            Action::FleetNextPart | Action::FleetPreviousPart if self.shows_detail(cx) => {
                self.shown.turn(action == Action::FleetNextPart);
                Vec::new()
            }
            Action::FleetOpen | Action::FleetNextPart => self.open_detail(),
            Action::FleetCopyName => self.row().map(|row| Self::copy(&row.name)).unwrap_or_default(),
            Action::FleetCopyText => match self.row().map(|row| row.name.clone()) {
                Some(name) if self.shows_detail(cx) => match self.shown.text(&name, &self.updates, cx) {
                    Some(text) => Self::copy(&text),
                    None => vec![Effect::Toast(Toast::notice("There is nothing to copy here."))],
                },
                Some(name) => Self::copy(&name),
                None => nothing_there(),
            },
            _ => return None,
        };
        Some(effects)
    }
}

/// Said where a key is about a model and there is none.
pub(super) fn nothing_there() -> Vec<Effect> {
    vec![Effect::Toast(Toast::notice("There is no model to do that to."))]
}
