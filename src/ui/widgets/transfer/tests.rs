//! The dialogs by their keys, from the first question to the report.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::{Terminal, backend::TestBackend};

use super::*;
use crate::{
    api::{
        ConversationId, FaultKind,
        transfer::{ImportCounts, ImportOutcome},
    },
    ui::cx::Cx,
};

fn offers() -> Vec<Offer> {
    let scope = ExportScope::Conversations(vec![ConversationId::new()]);
    vec![
        Offer { label: "the conversation “Bread”".to_owned(), stem: "bread".to_owned(), scope },
        Offer { label: "everything".to_owned(), stem: "ollamanet".to_owned(), scope: ExportScope::Everything },
    ]
}

fn press(dialog: &mut TransferDialog, code: KeyCode) -> Vec<Effect> {
    dialog.on_key(KeyEvent::from(code))
}

fn effects(out: Option<TransferOut>) -> Vec<Effect> {
    match out {
        Some(TransferOut::Effects(effects)) => effects,
        other => panic!("{other:?}"),
    }
}

fn shown(dialog: &TransferDialog, (width, height): (u16, u16)) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| dialog.view(frame, frame.area(), &Cx::fixed())).unwrap();
    terminal.backend().to_string()
}

#[test]
fn an_export_proposes_a_name_that_follows_what_is_chosen_until_the_person_writes_one() {
    let mut dialog = TransferDialog::export(offers());
    assert_eq!(dialog.file.text(), "~/bread.tar.gz");
    press(&mut dialog, KeyCode::Right);
    assert_eq!(dialog.file.text(), "~/ollamanet.tar.gz");
    effects(dialog.on_action(Action::Submit));
    press(&mut dialog, KeyCode::Char(' '));
    assert_eq!(dialog.file.text(), "~/ollamanet.md");
    effects(dialog.on_action(Action::Submit));
    assert!(matches!(press(&mut dialog, KeyCode::Backspace)[..], [Effect::Transfer(TransferCall::Paths { .. })]));
    dialog.file.set("~/mine.md");
    effects(dialog.on_action(Action::PreviousField));
    press(&mut dialog, KeyCode::Right);
    assert_eq!(dialog.file.text(), "~/mine.json", "only the ending changes");
    effects(dialog.on_action(Action::NextField));
    effects(dialog.on_action(Action::NextField));
    press(&mut dialog, KeyCode::Char(' '));
    let started = effects(dialog.on_action(Action::Submit));
    let [Effect::Transfer(TransferCall::Export(new))] = &started[..] else { panic!("{started:?}") };
    assert_eq!(new.scope, ExportScope::Everything);
    assert_eq!((new.format, new.to.to_str(), new.overwrite), (ExportFormat::Json, Some("~/mine.json"), true));
}

#[test]
fn tab_goes_through_the_names_that_fit_and_into_a_directory() {
    let mut dialog = TransferDialog::import();
    press(&mut dialog, KeyCode::Char('c'));
    let asked = dialog.paths.asked;
    dialog.paths_found(asked - 1, vec!["old".to_owned()]);
    assert!(dialog.paths.found.is_empty(), "an answer to what is no longer asked");
    dialog.paths_found(asked, vec!["chats/".to_owned(), "conversations.json".to_owned()]);
    effects(dialog.on_action(Action::NextField));
    assert_eq!(dialog.file.text(), "chats/");
    effects(dialog.on_action(Action::NextField));
    assert_eq!(dialog.file.text(), "conversations.json");
    effects(dialog.on_action(Action::PreviousField));
    assert_eq!(dialog.file.text(), "chats/");
    assert!(shown(&dialog, (80, 24)).contains("› chats/"));
    press(&mut dialog, KeyCode::Char('x'));
    dialog.paths_found(dialog.paths.asked, vec!["chats/x/".to_owned()]);
    let into = effects(dialog.on_action(Action::NextField));
    let [Effect::Transfer(TransferCall::Paths { typed, .. })] = &into[..] else { panic!("{into:?}") };
    assert_eq!(typed, "chats/x/");
}

#[test]
fn without_a_file_nothing_begins_and_a_refusal_keeps_what_was_typed() {
    let mut dialog = TransferDialog::import();
    assert!(effects(dialog.on_action(Action::Submit)).is_empty());
    assert!(shown(&dialog, (80, 24)).contains("Name a file."));
    dialog.on_paste("a.json");
    assert!(!effects(dialog.on_action(Action::Submit)).is_empty());
    dialog.started(Err(Fault::new(FaultKind::NotFound, "There is no file a.json.")));
    assert_eq!(dialog.file.text(), "a.json");
    assert!(shown(&dialog, (80, 24)).contains("There is no file a.json."));
}

#[test]
fn what_runs_shows_how_far_it_is_and_can_be_stopped_or_left() {
    let mut dialog = TransferDialog::import();
    dialog.on_paste("a.json");
    effects(dialog.on_action(Action::Submit));
    let id = TransferId::new();
    dialog.started(Ok(id));
    dialog.on_progress(TransferProgress { done: 50, of: 200, conversations: 7, messages: 42 });
    let screen = shown(&dialog, (80, 24));
    assert!(screen.contains("25 %") && screen.contains("7 conversations, 42 messages"), "{screen}");
    assert!(matches!(dialog.on_action(Action::Submit), Some(TransferOut::Behind)));
    let stop = effects(dialog.on_action(Action::Cancel));
    assert!(matches!(stop[..], [Effect::Transfer(TransferCall::Stop(stopped))] if stopped == id));
    assert!(shown(&dialog, (80, 24)).contains("Stopping"));
}

fn row(number: u64, outcome: ImportOutcome) -> ImportRow {
    ImportRow {
        title: format!("chat {number}\u{1b}[31m"),
        outcome,
        messages: 2,
        conversation: None,
        notes: if outcome == ImportOutcome::Skipped { vec!["It is nested too deeply.".to_owned()] } else { Vec::new() },
    }
}

#[test]
fn the_report_is_read_page_by_page_and_fits_every_size() {
    let mut dialog = TransferDialog::import();
    dialog.on_paste("a.json");
    effects(dialog.on_action(Action::Submit));
    let id = TransferId::new();
    dialog.started(Ok(id));
    let counts = ImportCounts { imported: 119, skipped: 1, messages: 238, ..ImportCounts::default() };
    let report = ImportReport {
        from: Some("ChatGPT".to_owned()),
        counts,
        rows: 120,
        broke_off: Some("The file ends in the middle, after 5 bytes.".to_owned()),
        ..ImportReport::default()
    };
    let first = dialog.on_end(TransferEnd::Imported(report));
    assert!(matches!(first[..], [Effect::Transfer(TransferCall::Report { after: 0, .. })]));
    let mut rows = vec![row(0, ImportOutcome::Skipped)];
    rows.extend((1..100).map(|number| row(number, ImportOutcome::Imported)));
    dialog.on_report(Ok(ImportPage { rows, next: Some(100) }));
    for size in [(80, 24), (120, 36), (40, 12)] {
        let screen = shown(&dialog, size);
        assert!(screen.contains("ChatGPT: 119 imported") && !screen.contains('\u{1b}'), "{screen}");
        insta::assert_snapshot!(format!("report-{}x{}", size.0, size.1), screen);
    }
    for _ in 0..7 {
        assert!(effects(dialog.on_action(Action::ListPageDown)).is_empty());
    }
    let more = effects(dialog.on_action(Action::ListPageDown));
    assert!(matches!(more[..], [Effect::Transfer(TransferCall::Report { after: 100, .. })]), "{more:?}");
    dialog.on_report(Ok(ImportPage {
        rows: (100..120).map(|number| row(number, ImportOutcome::Same)).collect(),
        next: None,
    }));
    for _ in 0..9 {
        assert!(effects(dialog.on_action(Action::ListPageDown)).is_empty());
    }
    assert!(shown(&dialog, (80, 24)).contains("chat 119"));
    assert!(matches!(dialog.on_action(Action::ListClose), Some(TransferOut::Closed)));
}

#[test]
fn the_first_question_fits_every_size() {
    for size in [(80, 24), (120, 36), (40, 12)] {
        insta::assert_snapshot!(
            format!("export-{}x{}", size.0, size.1),
            shown(&TransferDialog::export(offers()), size)
        );
        insta::assert_snapshot!(format!("import-{}x{}", size.0, size.1), shown(&TransferDialog::import(), size));
    }
}

#[test]
fn a_title_makes_a_name_of_letters_figures_and_dashes() {
    assert_eq!(stem("../../Böse: \"Title\"\u{1b}[31m"), "böse-title-31m");
    assert_eq!(stem("日本語 の"), "日本語-の");
    assert_eq!(stem("…"), "conversation");
    assert!(stem(&"x".repeat(300)).chars().count() <= 40);
}
