//! Presets and prompt templates by key.

use crossterm::event::KeyModifiers;

use super::*;
use crate::{
    api::{
        FolderId, PresetId, PromptId,
        library::{Imported, NewPreset, NewPrompt, Preset, PresetRow, Prompt, PromptRow, Taken},
        options::ChatOptions,
        organise::{Folder, Tree},
    },
    ui::msg::{LibraryCall, Rows, ShellCall, Thing, Whole, Written},
};

fn preset_id(n: u128) -> PresetId {
    PresetId(uuid::Uuid::from_u128(n))
}

fn preset(n: u128, name: &str) -> Preset {
    Preset {
        id: preset_id(n),
        name: name.into(),
        model: Some("demo-chat:3b".into()),
        system_prompt: Some("Be \u{1b}[31mstrict\u{202e}.\nAnd brief.".into()),
        options: ChatOptions { temperature: Some(0.2), seed: Some(7), ..ChatOptions::default() },
        is_default: n == 1,
        folders: 2,
        conversations: 1,
        rev: 3,
        created_at: Cx::fixed().now_ms,
        updated_at: Cx::fixed().now_ms,
    }
}

fn preset_row(n: u128, name: &str) -> PresetRow {
    let Preset { id, name, model, options, is_default, rev, .. } = preset(n, name);
    PresetRow { id, name, model, has_system_prompt: true, options, is_default, rev }
}

fn prompt(name: &str, body: &str) -> Prompt {
    let id = PromptId(uuid::Uuid::from_u128(9));
    Prompt { id, name: name.into(), body: body.into(), rev: 1, created_at: 0, updated_at: Cx::fixed().now_ms }
}

fn calls<'a>(effects: &'a [Effect]) -> Vec<&'a LibraryCall> {
    let is_call = |effect: &'a Effect| match effect {
        Effect::Library(call) => Some(call),
        _ => None,
    };
    effects.iter().filter_map(is_call).collect()
}

fn toasts(effects: &[Effect]) -> Vec<String> {
    let toast = |effect: &Effect| match effect {
        Effect::Toast(toast) => Some(toast.text.clone()),
        _ => None,
    };
    effects.iter().filter_map(toast).collect()
}

impl Desk {
    fn told(&mut self, reply: LibraryReply) -> Vec<Effect> {
        self.screen.on_library(reply, &self.cx)
    }

    /// Answers the list that is asked for among these effects, and what is then asked of the selected one.
    fn listing(&mut self, effects: &[Effect], rows: Rows, whole: Option<Whole>) -> Vec<Effect> {
        let (asked, kind) = calls(effects)
            .into_iter()
            .rev()
            .find_map(|call| match call {
                LibraryCall::List { asked, kind, .. } => Some((*asked, *kind)),
                _ => None,
            })
            .expect("a list was asked for");
        let effects = self.told(LibraryReply::Listed { asked, kind, rows: Ok(rows) });
        if let Some(whole) = whole {
            self.showing(&effects, kind, whole);
        }
        effects
    }

    fn showing(&mut self, effects: &[Effect], kind: Kind, whole: Whole) {
        let asked = calls(effects).into_iter().rev().find_map(|call| match call {
            LibraryCall::Show { asked, .. } => Some(*asked),
            _ => None,
        });
        let asked = asked.expect("all of the selected one was asked for");
        self.told(LibraryReply::Shown { asked, kind, whole: Ok(whole) });
    }

    fn ctrl(&mut self, letter: char) -> Vec<Effect> {
        self.press(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL))
    }
}

fn with_presets() -> Desk {
    let (mut desk, _) = Desk::new();
    let effects = desk.tab("Presets");
    let rows = vec![preset_row(1, "Strict\u{202e}"), preset_row(2, "Wild")];
    let whole = Whole::Preset(Box::new(preset(1, "Strict\u{202e}")));
    desk.listing(&effects, Rows::Presets(Page { rows, next: None }), Some(whole));
    desk
}

fn with_prompts(body: &str) -> Desk {
    let (mut desk, _) = Desk::new();
    let effects = desk.tab("Prompts");
    let Prompt { id, name, rev, .. } = prompt("Translate", body);
    let rows = vec![PromptRow { id, name, begins: body.lines().next().unwrap_or_default().into(), rev }];
    let whole = Whole::Prompt(Box::new(prompt("Translate", body)));
    desk.listing(&effects, Rows::Prompts(Page { rows, next: None }), Some(whole));
    desk
}

#[test]
fn presets_are_listed_with_all_of_the_selected_one_beside_them() {
    let desk = with_presets();
    for (width, height) in [(80, 22), (120, 30), (50, 20)] {
        insta::assert_snapshot!(format!("presets_{width}x{height}"), desk.draw(width, height));
    }
    let (mut empty, _) = Desk::new();
    let effects = empty.tab("Presets");
    empty.listing(&effects, Rows::Presets(Page { rows: Vec::new(), next: None }), None);
    assert!(empty.draw(120, 30).contains("n makes one"));
}

#[test]
fn a_template_shows_what_it_asks_for_or_where_it_cannot_be_read() {
    let desk = with_prompts("Into {{language=English}}, {{tone:formal|friendly}}:\n\n{{text}}");
    insta::assert_snapshot!("prompts_80x22", desk.draw(80, 22));
    assert!(with_prompts("broken {{").draw(80, 22).contains("✗"));
}

#[test]
fn the_selected_one_is_used_in_the_chat() {
    let mut desk = with_presets();
    desk.press(KeyCode::Down);
    let effects = desk.press(KeyCode::Enter);
    assert!(matches!(effects[..], [Effect::Use(Thing::Preset(id))] if id == preset_id(2)), "{effects:?}");
}

#[test]
fn a_list_that_goes_on_is_read_on_and_the_cursor_stays_where_it_is() {
    let (mut desk, _) = Desk::new();
    let effects = desk.tab("Presets");
    let rows = (1..=50).map(|n| preset_row(n, &format!("p{n:02}"))).collect();
    desk.listing(&effects, Rows::Presets(Page { rows, next: Some(Cursor("p50".into())) }), None);
    let effects = desk.press(KeyCode::End);
    let asked = calls(&effects);
    assert!(
        matches!(asked[..], [LibraryCall::List { after: Some(after), .. }, LibraryCall::Show { .. }] if after.0 == "p50"),
        "{asked:?}"
    );
    let more = Rows::Presets(Page { rows: vec![preset_row(51, "last")], next: None });
    desk.listing(&effects, more, None);
    desk.press(KeyCode::Down);
    assert!(desk.draw(80, 24).contains("› last"));
}

#[test]
fn a_new_preset_is_written_in_a_form() {
    let mut desk = with_presets();
    desk.press(KeyCode::Char('n'));
    desk.write("Brief");
    desk.press(KeyCode::Enter);
    desk.write("demo-chat:3b");
    desk.press(KeyCode::Tab);
    desk.write("temperature=0.2 sede=1");
    desk.press(KeyCode::Tab);
    desk.write("Be brief.");
    desk.ctrl('j');
    desk.write("Always.");
    insta::assert_snapshot!("preset_form_80x22", desk.draw(80, 22));
    // What is wrong with an option is said, and nothing is sent.
    assert!(calls(&desk.press(KeyCode::Enter)).is_empty());
    assert!(desk.draw(80, 22).contains("sede"));
    desk.press(KeyEvent::from(KeyCode::BackTab));
    desk.ctrl('u');
    desk.write("temperature=0.2");
    let effects = desk.ctrl('s');
    let written = match calls(&effects)[..] {
        [LibraryCall::Save(written)] => written.clone(),
        _ => panic!("{effects:?}"),
    };
    let new = NewPreset {
        name: "Brief".into(),
        model: Some("demo-chat:3b".into()),
        system_prompt: Some("Be brief.\nAlways.".into()),
        options: ChatOptions { temperature: Some(0.2), ..ChatOptions::default() },
    };
    assert_eq!(*written, Written::Preset { of: None, new });
    // Until it is answered it is not sent twice.
    assert!(calls(&desk.ctrl('s')).is_empty());
    let effects =
        desk.told(LibraryReply::Saved { kind: Kind::Presets, whole: Ok(Whole::Preset(Box::new(preset(3, "Brief")))) });
    assert_eq!(toasts(&effects), ["The preset “Brief” is saved."]);
    let rows = vec![preset_row(1, "Strict"), preset_row(3, "Brief"), preset_row(2, "Wild")];
    desk.listing(&effects, Rows::Presets(Page { rows, next: None }), None);
    assert!(desk.draw(80, 22).contains("› Brief"), "the cursor is on the new one");
}

#[test]
fn what_was_changed_elsewhere_is_replaced_only_knowingly() {
    let mut desk = with_presets();
    desk.press(KeyCode::Char('e'));
    desk.write("!");
    let effects = desk.ctrl('s');
    assert!(
        matches!(calls(&effects)[..], [LibraryCall::Save(written)] if matches!(**written, Written::Preset { of: Some((_, 3)), .. }))
    );
    let fault = Fault::new(FaultKind::Conflict, "The preset was changed in another window meanwhile.");
    let effects = desk.told(LibraryReply::Saved { kind: Kind::Presets, whole: Err(fault) });
    let mut now = preset(1, "Strict");
    now.rev = 4;
    desk.showing(&effects, Kind::Presets, Whole::Preset(Box::new(now)));
    let screen = desk.draw(100, 30);
    assert!(screen.contains("Save again to put yours in its place."), "{screen}");
    let effects = desk.ctrl('s');
    assert!(
        matches!(calls(&effects)[..], [LibraryCall::Save(written)]
            if matches!(&**written, Written::Preset { of: Some((_, 4)), new } if new.name.ends_with('!'))),
        "{effects:?}"
    );
}

#[test]
fn escape_asks_before_what_was_typed_is_lost() {
    let mut desk = with_prompts("Say {{this}}");
    desk.press(KeyCode::Char('e'));
    desk.press(KeyCode::Esc);
    assert_eq!(desk.screen.context(), Context::Library, "nothing was typed");
    desk.press(KeyCode::Char('e'));
    desk.press(KeyCode::Tab);
    desk.write(" twice {{");
    assert!(desk.draw(80, 22).contains("✗"), "what cannot be read is said while it is typed");
    desk.press(KeyCode::Esc);
    assert!(desk.draw(80, 22).contains("once more leaves it"));
    desk.press(KeyCode::Esc);
    assert_eq!(desk.screen.context(), Context::Library);
}

#[test]
fn the_long_text_goes_to_the_editor_and_back() {
    let mut desk = with_prompts("Say {{this}}");
    desk.press(KeyCode::Char('e'));
    desk.press(KeyCode::Tab);
    let effects = desk.ctrl('g');
    assert!(matches!(&effects[..], [Effect::Shell(ShellCall::Edit(text))] if text == "Say {{this}}"), "{effects:?}");
    desk.screen.on_edited("Say {{that}}\n");
    let effects = desk.press(KeyCode::Enter);
    let new = NewPrompt { name: "Translate".into(), body: "Say {{that}}".into() };
    assert!(
        matches!(calls(&effects)[..], [LibraryCall::Save(written)]
            if **written == Written::Prompt { of: Some((prompt("", "").id, 1)), new: new.clone() }),
        "{effects:?}"
    );
}

#[test]
fn deleting_says_what_uses_it_and_asks() {
    let mut desk = with_presets();
    desk.press(KeyCode::Char('d'));
    insta::assert_snapshot!("preset_delete_80x22", desk.draw(80, 22));
    assert!(calls(&desk.press(KeyCode::Enter)).is_empty());
    desk.press(KeyCode::Char('d'));
    let effects = desk.press(KeyCode::Char('2'));
    assert!(matches!(calls(&effects)[..], [LibraryCall::Delete(Thing::Preset(id))] if *id == preset_id(1)));
    let effects = desk.told(LibraryReply::Deleted { kind: Kind::Presets, done: Ok(()) });
    assert!(matches!(calls(&effects)[..], [LibraryCall::List { .. }]), "the list is read anew");
}

#[test]
fn a_preset_becomes_the_default_and_stops_being_it() {
    let mut desk = with_presets();
    let effects = desk.press(KeyCode::Char('*'));
    assert!(matches!(calls(&effects)[..], [LibraryCall::SetDefault(None)]), "it is the default already");
    desk.press(KeyCode::Down);
    let effects = desk.press(KeyCode::Char('*'));
    assert!(matches!(calls(&effects)[..], [LibraryCall::SetDefault(Some(id))] if *id == preset_id(2)));
    let mut desk = with_prompts("x");
    assert_eq!(toasts(&desk.press(KeyCode::Char('*'))), ["Only a preset is what conversations begin with."]);
}

#[test]
fn a_folder_is_chosen_whose_conversations_begin_with_it() {
    let mut desk = with_presets();
    let effects = desk.press(KeyCode::Char('f'));
    assert!(matches!(calls(&effects)[..], [LibraryCall::Folders]));
    let folder = |n, parent: Option<u128>, name: &str, preset| Folder {
        id: FolderId(uuid::Uuid::from_u128(n)),
        parent: parent.map(|parent| FolderId(uuid::Uuid::from_u128(parent))),
        name: name.into(),
        conversations: 0,
        preset,
        rev: n as u32,
    };
    let folders = vec![
        folder(1, None, "work", Some(preset_id(1))),
        folder(2, Some(1), "rust", None),
        folder(3, None, "zoo", Some(preset_id(2))),
    ];
    let tree = Tree { folders, ..Tree::default() };
    desk.told(LibraryReply::Folders(Ok(tree.clone())));
    insta::assert_snapshot!("preset_folders_80x22", desk.draw(80, 22));
    // The one that has it loses it.
    let effects = desk.press(KeyCode::Enter);
    assert!(matches!(calls(&effects)[..], [LibraryCall::SetOfFolder { preset: None, seen_rev: 1, .. }]), "{effects:?}");
    desk.press(KeyCode::Char('f'));
    desk.told(LibraryReply::Folders(Ok(tree)));
    desk.write("rust");
    let effects = desk.press(KeyCode::Enter);
    let asked = calls(&effects);
    assert!(matches!(asked[..], [LibraryCall::SetOfFolder { preset: Some(_), seen_rev: 2, .. }]), "{asked:?}");
}

#[test]
fn files_are_written_and_read_and_what_is_taken_is_asked_about() {
    let mut desk = with_presets();
    desk.press(KeyCode::Char('x'));
    let effects = desk.press(KeyCode::Enter);
    assert!(
        matches!(calls(&effects)[..], [LibraryCall::Export { kind: Kind::Presets, path }] if path.ends_with("presets.toml"))
    );
    desk.press(KeyCode::Char('i'));
    let effects = desk.press(KeyCode::Enter);
    let Some(LibraryCall::Import { path, taken: Taken::Keep, .. }) = calls(&effects).pop() else {
        panic!("{effects:?}")
    };
    let done = Imported { added: vec!["A".into()], kept: vec!["Strict".into()], ..Imported::default() };
    let effects = desk.told(LibraryReply::Imported { kind: Kind::Presets, path: path.clone(), done: Ok(done) });
    assert_eq!(toasts(&effects), ["1 added, 1 kept as they were."]);
    assert!(desk.draw(80, 22).contains("The file has others of the same names: Strict."));
    let effects = desk.press(KeyCode::Char('2'));
    assert!(matches!(calls(&effects)[..], [LibraryCall::Import { taken: Taken::Replace, .. }]), "{effects:?}");
}
