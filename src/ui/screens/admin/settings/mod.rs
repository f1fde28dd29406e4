//! The tab of the settings: those of the house by group, those of the file as such; what each is, who changed it, and the
//! way back. A list of changes and the difference between two points open in the place of the list.
//!
//! Invariant: nothing here decides what a value may be. `config::house` does, for the editor and for the service.

mod editor;
mod past;
mod view;

use crossterm::event::KeyEvent;
use ratatui::{Frame, layout::Rect};

pub use self::editor::SettingEditor;
use self::past::{Difference, Past};
use super::{
    Step,
    dialog::Ask,
    part::{House, Part},
};
use crate::{
    api::{
        Fault,
        admin::{Policy, SecondFactorPolicy},
        settings::{NewValue, SettingRow, Settings as Shown},
    },
    config::{
        house::{self, HouseSetting, Kind},
        table,
    },
    ui::{
        actions::{Action, Context},
        cx::{Cx, Hint},
        msg::{
            AdminCall, Effect,
            house::{SettingsCall, SettingsReply},
        },
        widgets::{field::Field, rows::Cursor, toast::Toast},
    },
};

#[derive(Debug, Default)]
pub struct Settings {
    shown: Option<Shown>,
    loading: bool,
    fault: Option<Fault>,
    filter: Field,
    /// Whether the filter has the keys.
    typing: bool,
    /// Among the rows that the filter lets through.
    cursor: Cursor,
    /// What stands in the place of the list.
    instead: Instead,
    asked: u64,
    /// A setting was taken back: what it is now is told when the list says it.
    took_back: Option<String>,
}

#[derive(Debug, Default)]
enum Instead {
    #[default]
    Nothing,
    Past(Past),
    Difference(Difference),
}

fn call(call: SettingsCall) -> Effect {
    Effect::Admin(AdminCall::Settings(call))
}

/// The sentence of a setting, whoever has it.
fn help(name: &str) -> &'static str {
    house::find(name)
        .map(HouseSetting::help)
        .or_else(|| table::SETTINGS.iter().find(|setting| setting.name() == name).map(|setting| setting.help))
        .unwrap_or_default()
}

/// A value as people read it; `None` = the default.
fn words(name: &str, value: Option<&str>) -> String {
    let row = house::find(name);
    match value {
        None => match row.map(|row| row.shown(&row.default())) {
            Some(default) if !default.is_empty() => format!("{default} (default)"),
            Some(_) | None => "(default)".to_owned(),
        },
        Some("") => "–".to_owned(),
        Some(value) => row.map_or_else(|| value.to_owned(), |row| row.shown(value)).replace('\n', " ⏎ "),
    }
}

impl Settings {
    pub fn on_reply(&mut self, reply: SettingsReply, cx: &Cx) -> Vec<Effect> {
        match reply {
            SettingsReply::Listed(listed) => {
                self.loading = false;
                match listed {
                    Ok(shown) => {
                        let before = self.row().map(|row| row.name.clone());
                        (self.shown, self.fault) = (Some(*shown), None);
                        let place = self.rows().iter().position(|row| Some(&row.name) == before.as_ref());
                        self.put(place.unwrap_or(self.cursor.at()));
                        return self.tell_of_the_one_taken_back(cx);
                    }
                    Err(fault) => self.fault = Some(fault),
                }
                Vec::new()
            }
            SettingsReply::Past { asked, page } => {
                if let Instead::Past(past) = &mut self.instead {
                    past.on_page(asked, page);
                }
                Vec::new()
            }
            SettingsReply::Differs { asked, found } => {
                if let Instead::Difference(difference) = &mut self.instead {
                    difference.on_found(asked, found);
                }
                Vec::new()
            }
            SettingsReply::Changed { call, done: Ok(()) } => self.changed(&call, cx),
            // The screen tells of it.
            SettingsReply::Changed { done: Err(_), .. } => Vec::new(),
        }
    }

    /// A change is made: says so, and reads the list and what stands in its place anew.
    fn changed(&mut self, made: &SettingsCall, _cx: &Cx) -> Vec<Effect> {
        let words = match made {
            SettingsCall::Set(changes) => match changes.as_slice() {
                [one] => format!("{} is {} now.", one.name, words(&one.name, one.to.as_deref())),
                many => format!("{} settings are changed.", many.len()),
            },
            SettingsCall::RollBack { name, .. } => {
                self.took_back = Some(name.clone());
                return self.open();
            }
            SettingsCall::RollAllBack { .. } => {
                self.instead = Instead::Nothing;
                "The settings are as they were then.".to_owned()
            }
            SettingsCall::List | SettingsCall::Past { .. } | SettingsCall::Differ { .. } => return Vec::new(),
        };
        let mut effects = vec![Effect::Toast(Toast::good(words))];
        effects.extend(self.open());
        effects
    }

    fn tell_of_the_one_taken_back(&mut self, cx: &Cx) -> Vec<Effect> {
        let Some(name) = self.took_back.take() else { return Vec::new() };
        let row = self.shown.as_ref().and_then(|shown| shown.rows.iter().find(|row| row.name == name));
        let Some(row) = row else { return Vec::new() };
        let key = cx.key(Action::SettingTakeBack);
        let toast = Toast::good(format!("{name} is {} again.", words(&name, Some(&row.value))));
        vec![Effect::Toast(toast.hint(format!("{key} once more undoes that too.")))]
    }

    /// What the other tabs ask with.
    #[must_use]
    pub fn policy(&self) -> Option<Policy> {
        let shown = self.shown.as_ref()?;
        let value = |name: &str| shown.rows.iter().find(|row| row.name == name).map_or("", |row| row.value.as_str());
        Some(Policy {
            registration: value(house::rows::REGISTRATION) == "true",
            second_factor: match value(house::rows::SECOND_FACTOR) {
                "administrators" => SecondFactorPolicy::Administrators,
                "everybody" => SecondFactorPolicy::Everybody,
                _ => SecondFactorPolicy::Voluntary,
            },
            audit_keep_days: value(house::rows::AUDIT_DAYS).parse().ok().filter(|days| *days > 0),
        })
    }

    /// The rows that the filter lets through.
    fn rows(&self) -> Vec<&SettingRow> {
        let Some(shown) = &self.shown else { return Vec::new() };
        let filter = self.filter.text().to_lowercase();
        let fits = |row: &&SettingRow| {
            filter.is_empty()
                || row.name.contains(&filter)
                || row.group.contains(&filter)
                || help(&row.name).to_lowercase().contains(&filter)
                || (filter == "changed" && row.is_changed())
        };
        shown.rows.iter().filter(fits).collect()
    }

    fn row(&self) -> Option<&SettingRow> {
        self.rows().get(self.cursor.at()).copied()
    }

    fn put(&mut self, at: usize) {
        let many = self.rows().len();
        self.cursor.put(at, many);
    }

    /// The row under the cursor, where the house may set it; otherwise says where it is set.
    fn of_house(&self) -> Result<(&SettingRow, &'static HouseSetting), String> {
        let Some(row) = self.row() else { return Err("Choose a setting first.".to_owned()) };
        match house::find(&row.name).filter(|_| row.is_of_house) {
            Some(setting) if !row.from.is_outside() => Ok((row, setting)),
            Some(_) | None => Err(format!("{} is set outside: {}.", row.name, row.edit)),
        }
    }

    fn change(&self) -> Step {
        let (row, setting) = match self.of_house() {
            Ok(found) => found,
            Err(words) => return told(&words),
        };
        let set = |to: &str| {
            let new = NewValue { name: row.name.clone(), to: Some(to.to_owned()), seen: row.version };
            AdminCall::Settings(SettingsCall::Set(vec![new]))
        };
        match setting.kind() {
            Kind::Bool if row.name == house::rows::REGISTRATION && row.value != "true" => Ask::dialog(
                "Open registration?",
                "Anybody who can start the program here can then make an account, without you.",
                "Open it",
                set("true"),
            )
            .into(),
            Kind::Bool => set(if row.value == "true" { "false" } else { "true" }).into(),
            Kind::Number { .. } | Kind::Text { .. } | Kind::Model { .. } | Kind::Choice(_) | Kind::Options => {
                SettingEditor::dialog(row, setting).into()
            }
        }
    }

    fn unset(&self) -> Step {
        match self.of_house() {
            Err(words) => told(&words),
            Ok((row, _)) if row.house.is_none() => told(&format!("{} has its default already.", row.name)),
            Ok((row, _)) => {
                let new = NewValue { name: row.name.clone(), to: None, seen: row.version };
                AdminCall::Settings(SettingsCall::Set(vec![new])).into()
            }
        }
    }

    /// One key, and the last change of the setting is undone; once more, and it is back.
    fn take_back(&self) -> Step {
        let Some(row) = self.row().filter(|row| row.is_of_house) else {
            return told("That is for settings of the house.");
        };
        if row.version == 0 {
            return told(&format!("{} was never changed.", row.name));
        }
        AdminCall::Settings(SettingsCall::RollBack { name: row.name.clone(), to: None, seen: row.version }).into()
    }

    fn look_into_the_past(&mut self, of: Option<String>) -> Step {
        self.asked += 1;
        let seen = of.as_ref().and_then(|_| self.row()).map_or(0, |row| row.version);
        let past = Past::new(self.asked, of, seen);
        let step = past.read();
        self.instead = Instead::Past(past);
        step
    }

    fn compare(&mut self, difference: impl FnOnce(u64) -> Difference) -> Step {
        self.asked += 1;
        let difference = difference(self.asked);
        let step = difference.read();
        self.instead = Instead::Difference(difference);
        step
    }

    fn on_action_in_list(&mut self, action: Action, cx: &Cx) -> Option<Step> {
        let many = self.rows().len();
        match action {
            Action::FocusPrevious => drop(self.cursor.go(Action::AdminUp, many)),
            Action::FocusNext => drop(self.cursor.go(Action::AdminDown, many)),
            action if self.cursor.go(action, many) => {}
            Action::SettingChange => return Some(self.change()),
            Action::SettingUnset => return Some(self.unset()),
            Action::SettingTakeBack => return Some(self.take_back()),
            Action::SettingHistory => {
                let of = self.row().filter(|row| row.is_of_house).map(|row| row.name.clone());
                return Some(match of {
                    Some(of) => self.look_into_the_past(Some(of)),
                    None => told("That is for settings of the house."),
                });
            }
            Action::SettingChanges => return Some(self.look_into_the_past(None)),
            Action::SettingSince => {
                let from = past::yesterday(cx);
                return Some(self.compare(|asked| Difference::since(asked, from)));
            }
            Action::SettingFilter => self.typing = true,
            // All of them again, the cursor on the one that was found.
            Action::Escape if !self.filter.is_empty() => self.unfilter(),
            _ => return None,
        }
        Some(Vec::new().into())
    }

    fn unfilter(&mut self) {
        let found = self.row().map(|row| row.name.clone());
        self.filter.clear();
        let place = self.rows().iter().position(|row| Some(&row.name) == found.as_ref());
        self.put(place.unwrap_or(0));
    }

    fn on_action_in_filter(&mut self, action: Action) -> Option<Step> {
        match action {
            Action::Submit | Action::NextField => self.typing = false,
            Action::Cancel | Action::Escape | Action::Interrupt => {
                self.typing = false;
                self.unfilter();
            }
            _ => return None,
        }
        self.put(self.cursor.at());
        Some(Vec::new().into())
    }
}

fn told(words: &str) -> Step {
    vec![Effect::Toast(Toast::notice(words.to_owned()))].into()
}

impl Part for Settings {
    fn open(&mut self) -> Vec<Effect> {
        self.loading = true;
        let mut effects = vec![call(SettingsCall::List)];
        match &mut self.instead {
            Instead::Nothing => {}
            Instead::Past(past) => {
                self.asked += 1;
                effects.extend(past.again(self.asked));
            }
            Instead::Difference(difference) => {
                self.asked += 1;
                effects.extend(difference.again(self.asked));
            }
        }
        effects
    }

    fn context(&self) -> Context {
        if self.typing { Context::Form } else { Context::Settings }
    }

    fn on_action(&mut self, action: Action, _house: &House, cx: &Cx) -> Option<Step> {
        if self.typing {
            return self.on_action_in_filter(action);
        }
        if action == Action::Escape && !matches!(self.instead, Instead::Nothing) {
            self.instead = Instead::Nothing;
            return Some(Vec::new().into());
        }
        match &mut self.instead {
            Instead::Nothing => self.on_action_in_list(action, cx),
            Instead::Past(past) => {
                if action == Action::SettingSince || (action == Action::SettingChange && past.is_of_all()) {
                    let point = past.before_chosen()?;
                    return Some(self.compare(|asked| Difference::back_to(asked, point)));
                }
                past.on_action(action)
            }
            Instead::Difference(difference) => difference.on_action(action),
        }
    }

    fn on_key(&mut self, key: KeyEvent) -> Option<Vec<Effect>> {
        if self.typing && self.filter.on_key(key) {
            self.put(0);
            return Some(Vec::new());
        }
        None
    }

    fn on_paste(&mut self, text: &str) -> Vec<Effect> {
        if self.typing {
            self.filter.paste(text.lines().next().unwrap_or_default());
            self.put(0);
        }
        Vec::new()
    }

    fn clicked(&mut self, at: (u16, u16), _cx: &Cx) -> Vec<Effect> {
        let many = self.rows().len();
        match &mut self.instead {
            Instead::Nothing => drop(self.cursor.click(at, many)),
            Instead::Past(past) => past.clicked(at),
            Instead::Difference(_) => {}
        }
        Vec::new()
    }

    fn is_busy(&self) -> bool {
        self.loading
            || match &self.instead {
                Instead::Nothing => false,
                Instead::Past(past) => past.is_loading(),
                Instead::Difference(difference) => difference.is_loading(),
            }
    }

    fn footer(&self, cx: &Cx) -> Vec<Hint> {
        if self.typing {
            return cx.hints(&[(Action::Submit, "to the list"), (Action::Cancel, "all again")]);
        }
        match &self.instead {
            Instead::Nothing => cx.hints(&[
                (Action::SettingChange, "change"),
                (Action::SettingTakeBack, "take back"),
                (Action::SettingHistory, "history"),
                (Action::SettingChanges, "all changes"),
                (Action::SettingFilter, "filter"),
                (Action::SettingSince, "since yesterday"),
                (Action::SettingUnset, "default"),
            ]),
            Instead::Past(past) if past.is_of_all() => cx.hints(&[
                (Action::SettingChange, "everything back to before it"),
                (Action::AdminDown, "down"),
                (Action::Escape, "to the list"),
            ]),
            Instead::Past(_) => cx.hints(&[
                (Action::SettingChange, "bring this back"),
                (Action::AdminDown, "down"),
                (Action::Escape, "to the list"),
            ]),
            Instead::Difference(difference) if difference.may_roll_back() => {
                cx.hints(&[(Action::SettingChange, "make it so"), (Action::Escape, "leave it")])
            }
            Instead::Difference(_) => cx.hints(&[(Action::AdminDown, "down"), (Action::Escape, "to the list")]),
        }
    }

    fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx, in_front: bool) {
        match &self.instead {
            Instead::Nothing => self.view_list(frame, area, cx, in_front),
            Instead::Past(past) => past.view(frame, area, cx, in_front),
            Instead::Difference(difference) => difference.view(frame, area, cx, in_front),
        }
    }
}
