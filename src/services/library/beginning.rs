//! What a conversation is set to: which preset one begins with, what fills in what was left open, and what changes when
//! another preset is applied. It decides; the transaction around it acts.

use crate::{
    api::{
        library::{Begins, Called, Preset},
        options::{ChatOptions, OPTIONS},
        organise::{Conversation, ConversationPatch, NewConversation},
        profile::Preferences,
    },
    config::Config,
    store::{
        StoreError,
        vault::{
            Tx, presets,
            settings::{self, PREFERENCES},
        },
    },
};

/// A new conversation with everything that was left open filled in, and the preset it begins with. What the person said
/// wins over the preset that was named, the folder's, or the account's; that over the preferences, and those over the
/// settings of the file and the house.
pub(in crate::services) fn resolve(
    tx: &Tx<'_>,
    new: NewConversation,
    config: &Config,
) -> Result<(NewConversation, Option<Preset>), StoreError> {
    let id = match new.preset {
        Begins::Exactly(id) => id,
        Begins::With(id) => Some(id),
        Begins::AsUsual => {
            let folders = new.folder.map(|folder| presets::of_folder(tx, folder)).transpose()?.flatten();
            match folders {
                Some(preset) => Some(preset),
                None => presets::default(tx)?,
            }
        }
    };
    let preset = id.map(|id| presets::get(tx, &Called::Id(id))).transpose()?;
    if let Begins::Exactly(_) = new.preset {
        return Ok((new, preset));
    }
    let own: Preferences = settings::get(tx, PREFERENCES)?.unwrap_or_default();
    Ok((filled(new, preset.as_ref(), &own, config), preset))
}

fn filled(new: NewConversation, preset: Option<&Preset>, own: &Preferences, config: &Config) -> NewConversation {
    let chat = &config.chat;
    let configured = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let options = match preset {
        Some(preset) => new.options.or(&preset.options),
        None => new.options,
    };
    NewConversation {
        model: new
            .model
            .or_else(|| preset.and_then(|preset| preset.model.clone()))
            .or_else(|| own.model.clone())
            .or_else(|| configured(&chat.model)),
        system_prompt: new
            .system_prompt
            .or_else(|| preset.and_then(|preset| preset.system_prompt.clone()))
            .or_else(|| own.system_prompt.clone())
            .or_else(|| configured(&chat.system_prompt)),
        options: options.or(&own.options).or(&config.house.options),
        preset: Begins::Exactly(preset.map(|preset| preset.id)),
        folder: new.folder,
        title: new.title,
    }
}

/// What changes when `new` takes the place of `before`. What the old preset had set goes with it, and what the person set
/// by hand stays where the new one says nothing. A conversation always keeps a model.
pub(in crate::services) fn applied(
    conversation: &Conversation,
    before: Option<&Preset>,
    new: Option<&Preset>,
) -> ConversationPatch {
    let model = new.and_then(|new| new.model.clone());
    let said = new.and_then(|new| new.system_prompt.clone());
    let was_presets = before
        .is_some_and(|before| before.system_prompt.is_some() && before.system_prompt == conversation.system_prompt);
    let system_prompt = if said.is_some() || was_presets { Some(said) } else { None };
    let mut options = conversation.options.clone();
    if let Some(before) = before {
        for spec in OPTIONS {
            let set = before.options.get(spec.name);
            if !set.is_empty() && set == options.get(spec.name) {
                // An empty text clears any option.
                let _ = options.set(spec.name, "");
            }
        }
    }
    let none = ChatOptions::default();
    let options = options.overlaid(new.map_or(&none, |new| &new.options));
    ConversationPatch { model: model.map(Some), system_prompt, options: Some(options), ..ConversationPatch::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::{FolderId, PresetId, library::NewPreset, organise::Folder},
        store::vault::{conversations, folders, scratch},
    };

    fn options(given: &[(&str, &str)]) -> ChatOptions {
        let mut options = ChatOptions::default();
        for (name, value) in given {
            options.set(name, value).unwrap();
        }
        options
    }

    fn preset(tx: &Tx<'_>, name: &str) -> Preset {
        let new = NewPreset {
            name: name.to_owned(),
            model: Some(format!("{name}:1b")),
            system_prompt: Some(format!("{name} says")),
            options: options(&[("seed", "7")]),
        };
        presets::create(tx, &new, 1).unwrap()
    }

    fn give(tx: &Tx<'_>, folder: &Folder, preset: PresetId) {
        let given = tx
            .execute(
                "UPDATE folders SET preset = (SELECT seq FROM presets WHERE id = ?1) WHERE id = ?2",
                (preset.0, folder.id.0),
            )
            .unwrap();
        assert_eq!(given, 1);
    }

    fn begins(tx: &Tx<'_>, folder: Option<FolderId>, preset: Begins) -> (Option<String>, Option<String>) {
        let mut config = Config::default();
        "configured:1b".clone_into(&mut config.chat.model);
        let new = NewConversation { folder, preset, ..NewConversation::default() };
        let (new, preset) = resolve(tx, new, &config).unwrap();
        (preset.map(|preset| preset.name), new.model)
    }

    #[test]
    fn what_is_nearer_to_the_conversation_wins() {
        let mut conn = scratch::memory();
        let tx = conn.transaction().unwrap();
        let [named, nearer, further, own] = ["named", "nearer", "further", "own"].map(|name| preset(&tx, name));
        let top = folders::create(&tx, None, "top", 1).unwrap();
        let middle = folders::create(&tx, Some(top.id), "middle", 1).unwrap();
        let bottom = folders::create(&tx, Some(middle.id), "bottom", 1).unwrap();
        let some = |name: &str| (Some(name.to_owned()), Some(format!("{name}:1b")));
        assert_eq!(begins(&tx, None, Begins::AsUsual), (None, Some("configured:1b".to_owned())));
        let preferences = Preferences { model: Some("preferred:1b".to_owned()), ..Preferences::default() };
        settings::set(&tx, PREFERENCES, &preferences, 1).unwrap();
        assert_eq!(begins(&tx, None, Begins::AsUsual), (None, Some("preferred:1b".to_owned())));
        presets::set_default(&tx, Some(own.id), 1).unwrap();
        assert_eq!(begins(&tx, Some(bottom.id), Begins::AsUsual), some("own"));
        give(&tx, &top, further.id);
        assert_eq!(begins(&tx, Some(bottom.id), Begins::AsUsual), some("further"));
        assert_eq!(begins(&tx, None, Begins::AsUsual), some("own"), "outside of the folder nothing changed");
        give(&tx, &middle, nearer.id);
        assert_eq!(begins(&tx, Some(bottom.id), Begins::AsUsual), some("nearer"));
        assert_eq!(begins(&tx, Some(top.id), Begins::AsUsual), some("further"));
        assert_eq!(begins(&tx, Some(bottom.id), Begins::With(named.id)), some("named"));
        assert_eq!(begins(&tx, Some(bottom.id), Begins::Exactly(None)), (None, None));
        assert_eq!(begins(&tx, None, Begins::Exactly(Some(named.id))), (Some("named".to_owned()), None));
        // A preset that goes leaves the next one its place.
        presets::delete(&tx, nearer.id).unwrap();
        assert_eq!(begins(&tx, Some(bottom.id), Begins::AsUsual), some("further"));
        presets::delete(&tx, own.id).unwrap();
        assert_eq!(begins(&tx, None, Begins::AsUsual), (None, Some("preferred:1b".to_owned())));
    }

    #[test]
    fn each_setting_comes_from_the_first_that_has_it() {
        let mut conn = scratch::memory();
        let tx = conn.transaction().unwrap();
        let new = NewPreset {
            name: "p".to_owned(),
            options: options(&[("seed", "7"), ("top_k", "3")]),
            ..NewPreset::default()
        };
        let preset = presets::create(&tx, &new, 1).unwrap();
        let own = Preferences {
            system_prompt: Some("own".to_owned()),
            options: options(&[("seed", "1"), ("min_p", "0.5")]),
            ..Preferences::default()
        };
        settings::set(&tx, PREFERENCES, &own, 1).unwrap();
        let said = NewConversation {
            model: Some("said:1b".to_owned()),
            options: options(&[("top_k", "9")]),
            preset: Begins::With(preset.id),
            ..NewConversation::default()
        };
        let (new, _) = resolve(&tx, said, &Config::default()).unwrap();
        assert_eq!(new.model.as_deref(), Some("said:1b"));
        assert_eq!(new.system_prompt.as_deref(), Some("own"));
        assert_eq!(new.options, options(&[("top_k", "9"), ("seed", "7"), ("min_p", "0.5")]));
    }

    #[test]
    fn another_preset_takes_what_the_old_one_had_set_and_leaves_what_a_person_set() {
        let mut conn = scratch::memory();
        let tx = conn.transaction().unwrap();
        let one = preset(&tx, "one");
        let new =
            NewPreset { name: "two".to_owned(), options: options(&[("temperature", "0")]), ..NewPreset::default() };
        let two = presets::create(&tx, &new, 1).unwrap();
        let begun = NewConversation {
            model: one.model.clone(),
            system_prompt: one.system_prompt.clone(),
            options: options(&[("seed", "7"), ("top_p", "0.5")]),
            ..NewConversation::default()
        };
        let conversation = conversations::create(&tx, &begun, 1).unwrap();
        let patch = applied(&conversation, Some(&one), Some(&two));
        assert_eq!(patch.model, None, "a conversation keeps a model");
        assert_eq!(patch.system_prompt, Some(None));
        assert_eq!(patch.options, Some(options(&[("top_p", "0.5"), ("temperature", "0")])));
        // Written over by hand, it is the person's.
        let mine =
            Conversation { system_prompt: Some("mine".to_owned()), options: options(&[("seed", "8")]), ..conversation };
        let patch = applied(&mine, Some(&one), None);
        assert_eq!((patch.system_prompt, patch.options), (None, Some(options(&[("seed", "8")]))));
        let patch = applied(&mine, None, Some(&one));
        assert_eq!(patch.system_prompt, Some(Some("one says".to_owned())));
        assert_eq!(patch.options, Some(options(&[("seed", "7")])));
    }
}
