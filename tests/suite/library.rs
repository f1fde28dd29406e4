//! Presets and prompt templates through the gateway, over a real vault.

use ollamanet::{
    api::{
        FaultKind, PresetId,
        auth::{Session, SignedIn},
        events::{Changed, Event},
        library::{
            Begins, Called, Imported, Kind, NAME_MAX, NewPreset, NewPrompt, PROMPT_MAX, Preset, PresetPatch, Prompt,
            PromptPatch, Taken,
        },
        options::ChatOptions,
        organise::{ConversationPatch, NewConversation},
    },
    gateway::Gateway,
};

use crate::common::house::House;

async fn signed_in() -> (tempfile::TempDir, House, SignedIn) {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("ann").await;
    (home, house, ann)
}

fn preset(name: &str) -> NewPreset {
    NewPreset { name: name.to_owned(), model: Some("m:1b".to_owned()), ..NewPreset::default() }
}

fn prompt(name: &str, body: &str) -> NewPrompt {
    NewPrompt { name: name.to_owned(), body: body.to_owned() }
}

fn options(given: &[(&str, &str)]) -> ChatOptions {
    let mut options = ChatOptions::default();
    for (name, value) in given {
        options.set(name, value).unwrap();
    }
    options
}

async fn preset_called(gateway: &Gateway, by: &Session, name: &str) -> Preset {
    gateway.preset(by, Called::Name(name.to_owned())).await.unwrap()
}

async fn prompt_called(gateway: &Gateway, by: &Session, name: &str) -> Prompt {
    gateway.prompt(by, Called::Name(name.to_owned())).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn names_differ_in_more_than_case_and_lists_are_paged_by_them() {
    let (_home, house, ann) = signed_in().await;
    let (gateway, by) = (&house.gateway, &ann.session);
    for name in ["Ärger", "beta", "Alpha", "gamma ray", "50% off_\\", "delta"] {
        gateway.create_preset(by, preset(name)).await.unwrap();
        gateway.create_prompt(by, prompt(name, "Do it.")).await.unwrap();
    }
    for taken in ["ALPHA", " alpha ", "a\u{308}rger"] {
        assert_eq!(gateway.create_preset(by, preset(taken)).await.unwrap_err().kind, FaultKind::Conflict, "{taken}");
        let again = gateway.create_prompt(by, prompt(taken, "x")).await.unwrap_err();
        assert_eq!(again.kind, FaultKind::Conflict, "{taken}");
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = gateway.presets(by, "", after, 4).await.unwrap();
        seen.extend(page.rows.into_iter().map(|row| row.name));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["50% off_\\", "Alpha", "beta", "delta", "gamma ray", "Ärger"]);
    for (filter, found) in [
        ("gy", &["gamma ray"][..]),
        ("GR", &["gamma ray", "Ärger"]),
        ("ÄR", &["Ärger"]),
        ("%_\\", &["50% off_\\"]),
        ("ta", &["beta", "delta"]),
        ("yg", &[]),
        ("'; DROP TABLE presets", &[]),
    ] {
        let names: Vec<_> =
            gateway.prompts(by, filter, None, 10).await.unwrap().rows.into_iter().map(|row| row.name).collect();
        assert_eq!(names, found, "{filter}");
    }
    assert_eq!(preset_called(gateway, by, "ALPHA").await.name, "Alpha");
    // Its own name in another case is no conflict.
    let alpha = prompt_called(gateway, by, "alpha").await;
    let patch = PromptPatch { name: Some("ALPHA".to_owned()), ..PromptPatch::default() };
    assert_eq!(gateway.change_prompt(by, alpha.id, patch).await.unwrap().name, "ALPHA");
    let patch = PromptPatch { name: Some("Beta".to_owned()), ..PromptPatch::default() };
    assert_eq!(gateway.change_prompt(by, alpha.id, patch).await.unwrap_err().kind, FaultKind::Conflict);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused_and_what_is_strange_comes_back_as_it_was() {
    let (_home, house, ann) = signed_in().await;
    let (gateway, by) = (&house.gateway, &ann.session);
    let long = "x".repeat(NAME_MAX + 1);
    for name in ["", "  ", "two\nlines", "esc\u{1b}[31m", &long] {
        assert_eq!(gateway.create_preset(by, preset(name)).await.unwrap_err().kind, FaultKind::Invalid, "{name:?}");
        assert_eq!(
            gateway.create_prompt(by, prompt(name, "x")).await.unwrap_err().kind,
            FaultKind::Invalid,
            "{name:?}"
        );
    }
    for body in ["", " \n", "{{", "{{a=1}}{{a=2}}", &"x".repeat(PROMPT_MAX + 1)] {
        assert_eq!(gateway.create_prompt(by, prompt("n", body)).await.unwrap_err().kind, FaultKind::Invalid);
    }
    let slash = gateway.create_prompt(by, prompt("/model", "x")).await.unwrap_err();
    assert!(slash.message.contains("slash"), "{slash}");
    let wrong = [
        NewPreset { model: Some("no model".to_owned()), ..preset("n") },
        NewPreset { system_prompt: Some("x".repeat(33 * 1024)), ..preset("n") },
        NewPreset { options: ChatOptions { temperature: Some(9.0), ..ChatOptions::default() }, ..preset("n") },
    ];
    for new in wrong {
        assert_eq!(gateway.create_preset(by, new.clone()).await.unwrap_err().kind, FaultKind::Invalid, "{new:?}");
    }
    assert_eq!(gateway.presets(by, "", None, 101).await.unwrap_err().kind, FaultKind::Invalid);
    let name = "\u{202e}\u{5e0}\u{5e1} '; DROP TABLE presets; -- 👩\u{200d}👧";
    let body = "\u{1b}]0;title\u{7} {{x}} \\{{ \r\n\u{0}\u{202e}";
    let stored = gateway.create_prompt(by, prompt(name, body)).await.unwrap();
    assert_eq!(prompt_called(gateway, by, name).await, stored);
    assert_eq!((stored.name.as_str(), stored.body.as_str()), (name, body));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_saw_an_older_state_is_refused() {
    let (_home, house, ann) = signed_in().await;
    let (gateway, by) = (&house.gateway, &ann.session);
    let made = gateway.create_preset(by, preset("p")).await.unwrap();
    let patch = |model: &str| PresetPatch {
        model: Some(Some(model.to_owned())),
        seen_rev: Some(made.rev),
        ..PresetPatch::default()
    };
    let changed = gateway.change_preset(by, made.id, patch("first:1b")).await.unwrap();
    assert_eq!(changed.rev, made.rev + 1);
    assert_eq!(gateway.change_preset(by, made.id, patch("late:1b")).await.unwrap_err().kind, FaultKind::Conflict);
    assert_eq!(preset_called(gateway, by, "p").await, changed);

    let made = gateway.create_prompt(by, prompt("p", "one")).await.unwrap();
    let patch =
        |body: &str| PromptPatch { body: Some(body.to_owned()), seen_rev: Some(made.rev), ..PromptPatch::default() };
    let changed = gateway.change_prompt(by, made.id, patch("two")).await.unwrap();
    assert_eq!(gateway.change_prompt(by, made.id, patch("three")).await.unwrap_err().kind, FaultKind::Conflict);
    assert_eq!(prompt_called(gateway, by, "p").await, changed);

    let conversation = gateway.create_conversation(by, NewConversation::default()).await.unwrap();
    let seen = Some(conversation.row.rev);
    let renamed = ConversationPatch { title: Some("now".to_owned()), ..ConversationPatch::default() };
    gateway.change_conversation(by, conversation.row.id, renamed).await.unwrap();
    let id = preset_called(gateway, by, "p").await.id;
    let late = gateway.apply_preset(by, conversation.row.id, Some(id), seen).await.unwrap_err();
    assert_eq!(late.kind, FaultKind::Conflict);
    assert_eq!(gateway.conversation(by, conversation.row.id).await.unwrap().preset, None, "and nothing was noted");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_begins_with_a_preset_and_can_be_given_another() {
    let (_home, house, ann) = signed_in().await;
    let (gateway, by) = (&house.gateway, &ann.session);
    let strict = NewPreset {
        system_prompt: Some("Be strict.".to_owned()),
        options: options(&[("temperature", "0"), ("seed", "7")]),
        ..preset("strict")
    };
    let strict = gateway.create_preset(by, strict).await.unwrap();
    let brief = NewPreset { model: None, options: options(&[("num_predict", "50")]), ..preset("brief") };
    let brief = gateway.create_preset(by, brief).await.unwrap();
    gateway.set_default_preset(by, Some(strict.id)).await.unwrap();
    let usual = NewConversation { options: options(&[("top_k", "5")]), ..NewConversation::default() };
    let shown = gateway.beginning(by, usual.clone()).await.unwrap();
    let begun = gateway.create_conversation(by, usual).await.unwrap();
    assert_eq!(begun.preset.as_ref().map(|preset| preset.name.as_str()), Some("strict"));
    assert_eq!((begun.row.model.as_deref(), begun.system_prompt.as_deref()), (Some("m:1b"), Some("Be strict.")));
    assert_eq!(begun.options, options(&[("temperature", "0"), ("seed", "7"), ("top_k", "5")]));
    assert_eq!(
        (&shown.preset, &shown.system_prompt, &shown.options),
        (&begun.preset, &begun.system_prompt, &begun.options)
    );

    let mut heard = gateway.events(by).await.unwrap();
    let changed = gateway.apply_preset(by, begun.row.id, Some(brief.id), Some(begun.row.rev)).await.unwrap();
    assert_eq!(changed.options, options(&[("top_k", "5"), ("num_predict", "50")]));
    assert_eq!((changed.row.model.as_deref(), changed.system_prompt.as_deref()), (Some("m:1b"), None));
    assert_eq!(heard.recv().await, Some(Event::Changed(Changed::Tree)));
    assert_eq!(heard.recv().await, Some(Event::Changed(Changed::Conversation(begun.row.id))));
    let bare = gateway.apply_preset(by, begun.row.id, None, None).await.unwrap();
    assert_eq!((bare.preset, bare.options), (None, options(&[("top_k", "5")])));

    gateway.apply_preset(by, begun.row.id, Some(strict.id), None).await.unwrap();
    let used = preset_called(gateway, by, "strict").await;
    assert_eq!((used.is_default, used.conversations, used.folders), (true, 1, 0));
    gateway.delete_preset(by, strict.id).await.unwrap();
    let kept = gateway.conversation(by, begun.row.id).await.unwrap();
    assert_eq!((kept.preset, kept.system_prompt.as_deref()), (None, Some("Be strict.")));
    let next = gateway.create_conversation(by, NewConversation::default()).await.unwrap();
    assert_eq!((next.preset, next.system_prompt), (None, None), "a default that is gone is none");
    let gone = NewConversation { preset: Begins::With(strict.id), ..NewConversation::default() };
    assert_eq!(gateway.create_conversation(by, gone).await.unwrap_err().kind, FaultKind::NotFound);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folders_preset_holds_in_the_folders_below_and_gives_way_to_what_is_nearer() {
    let (_home, house, ann) = signed_in().await;
    let (gateway, by) = (&house.gateway, &ann.session);
    let own = gateway.create_preset(by, preset("own")).await.unwrap();
    let works =
        gateway.create_preset(by, NewPreset { model: Some("work:1b".to_owned()), ..preset("works") }).await.unwrap();
    gateway.set_default_preset(by, Some(own.id)).await.unwrap();
    let work = gateway.create_folder(by, None, "work").await.unwrap();
    let rust = gateway.create_folder(by, Some(work.id), "rust").await.unwrap();
    gateway.set_folder_preset(by, work.id, Some(works.id), None).await.unwrap();
    let begins = async |folder, preset| {
        let new = NewConversation { folder, preset, ..NewConversation::default() };
        let begun = gateway.create_conversation(by, new).await.unwrap();
        (begun.preset.map(|preset| preset.name), begun.row.model)
    };
    let with = |name: &str, model: &str| (Some(name.to_owned()), Some(model.to_owned()));
    assert_eq!(begins(Some(rust.id), Begins::AsUsual).await, with("works", "work:1b"));
    assert_eq!(begins(None, Begins::AsUsual).await, with("own", "m:1b"));
    assert_eq!(begins(Some(rust.id), Begins::With(own.id)).await, with("own", "m:1b"));
    assert_eq!(preset_called(gateway, by, "works").await.folders, 1);
    gateway.delete_preset(by, works.id).await.unwrap();
    assert_eq!(begins(Some(rust.id), Begins::AsUsual).await, with("own", "m:1b"));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversations_settings_are_saved_as_a_preset() {
    let (_home, house, ann) = signed_in().await;
    let (gateway, by) = (&house.gateway, &ann.session);
    let new = NewConversation {
        model: Some("m:1b".to_owned()),
        system_prompt: Some("Be kind.".to_owned()),
        options: options(&[("seed", "3")]),
        ..NewConversation::default()
    };
    let id = gateway.create_conversation(by, new).await.unwrap().row.id;
    let saved = gateway.save_as_preset(by, id, " Kind ", Taken::Keep).await.unwrap();
    assert_eq!((saved.name.as_str(), saved.system_prompt.as_deref()), ("Kind", Some("Be kind.")));
    assert_eq!((saved.options.clone(), saved.conversations), (options(&[("seed", "3")]), 1));
    let other = gateway.create_conversation(by, NewConversation::default()).await.unwrap().row.id;
    assert_eq!(gateway.save_as_preset(by, other, "KIND", Taken::Keep).await.unwrap_err().kind, FaultKind::Conflict);
    let replaced = gateway.save_as_preset(by, other, "KIND", Taken::Replace).await.unwrap();
    assert_eq!((replaced.id, replaced.system_prompt, replaced.options), (saved.id, None, ChatOptions::default()));
    house.close().await;
}

async fn all(gateway: &Gateway, by: &Session, kind: Kind) -> String {
    gateway.export_library(by, kind, Vec::new()).await.unwrap()
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_library_leaves_as_a_file_comes_back_the_same_and_twice_adds_nothing() {
    let (_home, house, ann) = signed_in().await;
    let (gateway, by) = (&house.gateway, &ann.session);
    let full = NewPreset {
        system_prompt: Some("Two\nlines with \"\"\"quotes\"\"\" and \\ and \u{1b}[31m\n".to_owned()),
        options: options(&[
            ("temperature", "0.5"),
            ("stop", "a|b\\nc"),
            ("format", "{\"type\":\"object\"}"),
            ("think", "high"),
        ]),
        ..preset("Full")
    };
    gateway.create_preset(by, full).await.unwrap();
    gateway.create_preset(by, preset("empty")).await.unwrap();
    gateway.create_prompt(by, prompt("Translate", "Into {{language=English}}:\n{{text}}")).await.unwrap();
    for number in 0..120 {
        gateway.create_prompt(by, prompt(&format!("p{number:03}"), "x")).await.unwrap();
    }
    let (presets, prompts) = (all(gateway, by, Kind::Presets).await, all(gateway, by, Kind::Prompts).await);
    assert!(!presets.contains('\u{1b}'), "a terminal may show the file");
    assert_eq!(prompts.matches("[[prompt]]").count(), 121, "every page goes into it");
    let one = gateway.export_library(by, Kind::Prompts, names(&["translate"])).await.unwrap();
    assert!(one.contains("Translate") && !one.contains("p000"), "{one}");
    let missing = gateway.export_library(by, Kind::Prompts, names(&["nothing"])).await.unwrap_err();
    assert_eq!(missing.kind, FaultKind::NotFound);

    let again = gateway.import_library(by, Kind::Presets, &presets, Taken::Keep).await.unwrap();
    assert_eq!(again, Imported { unchanged: names(&["empty", "Full"]), ..Imported::default() });
    let bob = house.newcomer(by, "bob", "user").await;
    let by = &bob.session;
    let there = gateway.import_library(by, Kind::Presets, &presets, Taken::Keep).await.unwrap();
    assert_eq!(there.added, names(&["empty", "Full"]));
    gateway.import_library(by, Kind::Prompts, &prompts, Taken::Keep).await.unwrap();
    assert_eq!(all(gateway, by, Kind::Presets).await, presets);
    assert_eq!(all(gateway, by, Kind::Prompts).await, prompts);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_keeps_what_is_there_unless_told_otherwise_and_is_whole_or_nothing() {
    let (_home, house, ann) = signed_in().await;
    let (gateway, by) = (&house.gateway, &ann.session);
    let mine = gateway.create_prompt(by, prompt("Greet", "Mine")).await.unwrap();
    let file = "format = 1\n[[prompt]]\nname = 'greet'\nbody = 'Theirs'\n[[prompt]]\nname = 'new'\nbody = 'x'\n\
                [[preset]]\nname = 'other'\n";
    let done = gateway.import_library(by, Kind::Prompts, file, Taken::Keep).await.unwrap();
    let expected = Imported { added: names(&["new"]), kept: names(&["greet"]), others: 1, ..Imported::default() };
    assert_eq!(done, expected);
    assert_eq!(prompt_called(gateway, by, "greet").await, mine);
    let done = gateway.import_library(by, Kind::Prompts, file, Taken::Replace).await.unwrap();
    assert_eq!(done.replaced, names(&["greet"]));
    let now = prompt_called(gateway, by, "greet").await;
    assert_eq!((now.id, now.body.as_str(), now.rev), (mine.id, "Theirs", mine.rev + 1));
    assert!(gateway.presets(by, "", None, 10).await.unwrap().rows.is_empty());

    let broken = "format = 1\n[[prompt]]\nname = 'good'\nbody = 'x'\n[[prompt]]\nname = 'bad'\nbody = 'a {{b'\n";
    let fault = gateway.import_library(by, Kind::Prompts, broken, Taken::Keep).await.unwrap_err();
    assert!(fault.message.starts_with("Line 7, column 8: "), "{fault}");
    let good = gateway.prompt(by, Called::Name("good".to_owned())).await.unwrap_err();
    assert_eq!(good.kind, FaultKind::NotFound, "nothing of it came in");
    let nobody = gateway.set_default_preset(by, Some(PresetId::new())).await.unwrap_err();
    assert_eq!(nobody.kind, FaultKind::NotFound);
    house.close().await;
}
