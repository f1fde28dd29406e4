//! What a person sets for themselves: sent as a whole with one of it changed, and the lists to choose from.

use super::{
    AccountScreen,
    dialogs::Dialog,
    forms::{Asked, Wanted},
};
use crate::{
    api::{Fault, models::ModelList, profile::Preferences},
    config::load::KeyPlaces,
    ui::{
        actions::{ACTIONS, Action},
        cx::Cx,
        keymap::{self, Chord},
        msg::{AccountCall, Effect},
        widgets::picker::{Item, Picker},
    },
};

/// Unbinds, where an empty field means "as in the settings file".
const NO_KEYS: &str = "none";

impl AccountScreen {
    /// Sends the preferences with one of them changed.
    pub(super) fn change(&mut self, edit: impl FnOnce(&mut Preferences)) -> Vec<Effect> {
        let Some(mut own) = self.preferences.clone() else { return Vec::new() };
        edit(&mut own);
        self.call(AccountCall::SetPreferences(Box::new(own)))
    }

    /// The keys that a person chose for an action, as they are written.
    pub(super) fn own_keys(&self, action: Action) -> Option<String> {
        let spec = action.spec();
        let keys = self.preferences.as_ref()?.keys.get(spec.context.name())?.get(spec.name)?;
        Some(if keys.is_empty() { NO_KEYS.to_owned() } else { keys.join(", ") })
    }

    pub(super) fn set_keys(&mut self, action: Action, typed: &str, cx: &Cx) -> Vec<Effect> {
        let keys: Option<Vec<String>> = match typed {
            "" => None,
            NO_KEYS => Some(Vec::new()),
            keys => Some(keys.split(',').map(|key| key.trim().to_owned()).filter(|key| !key.is_empty()).collect()),
        };
        let wrong = keys.as_ref().and_then(|keys| wrong_keys(action, keys, cx));
        if let Some(Dialog::Form(Asked::KeysOf(_), form)) = self.dialogs.last_mut() {
            if let Some(wrong) = wrong {
                form.ask(wrong, 0);
                return Vec::new();
            }
            form.busy = true;
        }
        let spec = action.spec();
        self.change(|own| {
            let here = own.keys.entry(spec.context.name().to_owned()).or_default();
            match keys {
                Some(keys) => drop(here.insert(spec.name.to_owned(), keys)),
                None => drop(here.remove(spec.name)),
            }
            own.keys.retain(|_, actions| !actions.is_empty());
        })
    }

    pub(super) fn on_preferences_set(&mut self, done: Result<Box<Preferences>, Fault>) -> Vec<Effect> {
        let own = match done {
            Ok(own) => *own,
            Err(fault) => {
                // What is shown in the panel is what is kept.
                let kept = self.preferences.clone().unwrap_or_default();
                self.refresh_panel(&kept);
                return self.refused(Wanted::KeysOf, fault);
            }
        };
        self.close(Wanted::KeysOf);
        self.refresh_panel(&own);
        self.preferences = Some(own);
        Vec::new()
    }

    pub(super) fn refresh_panel(&mut self, own: &Preferences) {
        for dialog in &mut self.dialogs {
            if let Dialog::Options(panel) = dialog {
                panel.refresh(&own.options, own.model.as_deref(), own.system_prompt.as_deref());
            }
        }
    }

    /// The list of keys says what holds now. Called when the keys have changed.
    pub fn keys_changed(&mut self, cx: &Cx) {
        let own = self.preferences.clone().unwrap_or_default();
        for dialog in &mut self.dialogs {
            if let Dialog::Keys(picker) = dialog {
                picker.set_items(key_items(&own, cx));
            }
        }
    }

    pub(super) fn on_models(&mut self, models: Result<ModelList, Fault>) {
        let why = match &models {
            Err(fault) => Some(fault.to_string()),
            Ok(list) => list.stale_because.as_ref().map(|why| format!("{} s old, because: {why}", list.age_ms / 1000)),
        };
        if let Ok(models) = models {
            self.models = Some(models);
        }
        let own = self.preferences.clone().unwrap_or_default();
        let mut fresh = self.model_picker(&own);
        if let Some(why) = why {
            fresh.set_note(&why);
        }
        if let Some(Dialog::Model(picker)) = self.dialogs.last_mut()
            && picker.query().is_empty()
        {
            *picker = fresh;
        }
    }

    pub(super) fn model_picker(&self, own: &Preferences) -> Picker<Option<String>> {
        let mark = |on: bool| if on { "●" } else { " " };
        let mut items =
            vec![Item::new("The one used last, or the settings file's", None).mark(mark(own.model.is_none()))];
        let listed = self.models.iter().flat_map(|list| &list.models);
        for model in listed {
            let is_own = own.model.as_ref() == Some(&model.name);
            items.push(Item::new(&model.name, Some(model.name.clone())).detail(&model.parameters).mark(mark(is_own)));
        }
        // One that is not installed here stays chosen, and is shown.
        if let Some(model) = own.model.as_ref().filter(|own| !items.iter().any(|item| item.value.as_ref() == Some(own)))
        {
            items.push(Item::new(model, Some(model.clone())).detail("not installed").mark("●"));
        }
        let mut picker = Picker::new("Model of new conversations", items);
        picker.select(|value| *value == own.model);
        picker
    }
}

/// Why these keys cannot be those of the action: they cannot be read, or mean something else already.
fn wrong_keys(action: Action, keys: &[String], cx: &Cx) -> Option<Fault> {
    let said = |message: &str, hint: Option<String>| {
        let fault = Fault::invalid(message);
        match hint {
            Some(hint) => fault.hint(hint),
            None => fault,
        }
    };
    if let Some((message, hint)) = keys.iter().find_map(|key| key.parse::<Chord>().err()) {
        return Some(said(&message, hint));
    }
    let places = KeyPlaces::default();
    let before = keymap::check(&cx.config.keys, &places);
    let mut all = cx.config.keys.clone();
    let spec = action.spec();
    all.entry(spec.context.name().to_owned()).or_default().insert(spec.name.to_owned(), keys.to_vec());
    let why = keymap::check(&all, &places).into_iter().find(|problem| !before.contains(problem))?;
    Some(said(&why.message, Some("Free that key first, or take another one.".to_owned())))
}

pub(super) fn theme_picker(own: &Preferences) -> Picker<Option<&'static str>> {
    let themes = [
        (None, "As in the settings file", ""),
        (Some("auto"), "auto", "by the terminal's background"),
        (Some("dark"), "dark", ""),
        (Some("light"), "light", ""),
        (Some("plain"), "plain", "no colours"),
    ];
    let items = themes.map(|(value, label, detail)| {
        let mark = if value == own.theme.as_deref() { "●" } else { " " };
        Item::new(label, value).detail(detail).mark(mark)
    });
    let mut picker = Picker::new("Theme", items.to_vec());
    picker.select(|value| *value == own.theme.as_deref());
    picker
}

pub(super) fn keys_picker(own: &Preferences, cx: &Cx) -> Picker<Action> {
    Picker::new("Keys", key_items(own, cx)).empty("Nothing is called that.")
}

/// Every action with its keys; those with keys of one's own are marked.
fn key_items(own: &Preferences, cx: &Cx) -> Vec<Item<Action>> {
    let item = |spec: &crate::ui::actions::Spec| {
        let is_own = own.keys.get(spec.context.name()).is_some_and(|here| here.contains_key(spec.name));
        let label = format!("{}: {}", spec.context.title(), spec.help);
        Item::new(&label, spec.action).detail(&cx.keymap.labels(spec.action)).mark(if is_own { "●" } else { " " })
    };
    ACTIONS.iter().map(item).collect()
}
