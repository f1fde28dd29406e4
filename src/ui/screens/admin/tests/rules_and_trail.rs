use super::*;
use crate::api::admin::AuditFilter;

fn trail() -> Desk {
    let mut desk = Desk::new();
    desk.press(KeyCode::Char('5'));
    let rows = (1..=50).rev().map(|seq| entry(seq, "users.lock", "ok")).collect();
    desk.reply(AdminReply::Audit { asked: 1, page: Ok(AuditPage { rows, more: true }) });
    desk
}

#[test]
fn opening_the_trail_verifies_it_once_and_a_key_again() {
    let mut desk = Desk::new();
    let opened = calls(&desk.press(KeyCode::Char('5')));
    assert!(matches!(&opened[..], [AdminCall::Audit { before: None, .. }, AdminCall::Verify]), "{opened:?}");
    desk.reply(AdminReply::Verified(Ok(verdict(None, Anchor::Holds { seq: 40 }))));
    desk.press(KeyCode::Char('2'));
    assert!(!calls(&desk.press(KeyCode::Char('5'))).contains(&AdminCall::Verify));
    assert_eq!(calls(&desk.press(KeyCode::Char('v'))), [AdminCall::Verify]);
    assert_eq!(calls(&desk.press(KeyCode::Char('v'))), [], "one at a time");
}

#[test]
fn a_trail_that_was_tampered_with_says_where() {
    let mut desk = trail();
    desk.reply(AdminReply::Verified(Ok(verdict(Some(12), Anchor::New))));
    assert!(desk.draw(80, 24).contains("✗ broken at entry 12"));
    desk.reply(AdminReply::Verified(Ok(verdict(None, Anchor::CutOff { seq: 80 }))));
    assert!(desk.draw(80, 24).contains("✗ cut off"));
}

#[test]
fn older_entries_are_read_while_walking_down() {
    let mut desk = trail();
    let effects = desk.press(KeyCode::Char('G'));
    assert!(matches!(&calls(&effects)[..], [AdminCall::Audit { before: Some(1), .. }]), "{effects:?}");
}

#[test]
fn the_filter_is_a_form_that_can_be_taken_away_again() {
    let mut desk = trail();
    desk.press(KeyCode::Char('/'));
    for text in ["users.", "ben", "", "2026-11-24", "later"] {
        desk.write(text);
        assert_eq!(calls(&desk.enter()), []);
    }
    assert!(desk.draw(80, 24).contains("That is no date"));
    desk.overwrite("2026-11-24 10:02");
    let sent = calls(&desk.enter());
    let wanted = AuditFilter {
        action: "users.".into(),
        who: "ben".into(),
        result: String::new(),
        since: Some(1_795_478_400_000),
        until: Some(1_795_514_520_000),
    };
    assert!(matches!(&sent[..], [AdminCall::Audit { filter, before: None, .. }] if *filter == wanted), "{sent:?}");
    let sent = calls(&desk.press(KeyCode::Esc));
    assert!(matches!(&sent[..], [AdminCall::Audit { filter, .. }] if *filter == AuditFilter::default()), "{sent:?}");
}

#[test]
fn pruning_follows_the_rule_and_asks_first() {
    let mut desk = trail();
    assert_eq!(toasts(&desk.press(KeyCode::Char('p'))), ["The audit trail is kept for ever here."]);
    desk.reply(listed(with("audit.keep_days", "90")));
    desk.press(KeyCode::Char('p'));
    assert!(desk.draw(80, 24).contains("older than 90 days"));
    assert_eq!(calls(&desk.press(KeyCode::Char('1'))), [AdminCall::Prune]);
    let effects = desk.reply(AdminReply::Pruned(Err(unconfirmed())));
    assert_eq!(to_confirm(&effects), [AdminCall::Prune]);
    let effects = desk.reply(AdminReply::Pruned(Ok(3)));
    assert_eq!(toasts(&effects), ["3 entries were removed by rule."]);
}

#[test]
fn what_is_listed_is_written_to_a_file_and_a_refusal_stays_in_the_form() {
    let mut desk = trail();
    desk.press(KeyCode::Char('x'));
    desk.overwrite("/tmp/trail.jsonl");
    let sent = calls(&desk.enter());
    let (filter, path) = (AuditFilter::default(), std::path::PathBuf::from("/tmp/trail.jsonl"));
    assert_eq!(sent, [AdminCall::Export { filter: filter.clone(), path: path.clone() }]);
    let taken = Fault::new(FaultKind::Conflict, "There is such a file already.");
    desk.reply(AdminReply::Exported { path: path.clone(), filter: filter.clone(), written: Err(taken) });
    assert!(desk.draw(80, 24).contains("There is such a file already"));
    let effects = desk.reply(AdminReply::Exported { path, filter, written: Ok(60) });
    assert_eq!(toasts(&effects), ["60 entries are in /tmp/trail.jsonl."]);
    assert!(!desk.screen.holds());
}

#[test]
fn new_entries_are_shown_unless_somebody_reads_further_down() {
    let mut desk = trail();
    desk.reply(AdminReply::Verified(Ok(verdict(None, Anchor::New))));
    desk.reply(AdminReply::Audit {
        asked: 2,
        page: Ok(AuditPage { rows: vec![entry(50, "users.lock", "ok")], more: false }),
    });
    let again = calls(&desk.screen.house_changed());
    assert!(matches!(again.as_slice(), [AdminCall::Audit { before: None, .. }]), "{again:?}");
    assert_eq!(calls(&desk.screen.house_changed()), [], "what was asked for is on its way");
    let rows = vec![entry(51, "users.unlock", "ok"), entry(50, "users.lock", "ok")];
    desk.reply(AdminReply::Audit { asked: 3, page: Ok(AuditPage { rows, more: false }) });
    desk.press(KeyCode::Char('j'));
    assert_eq!(calls(&desk.screen.house_changed()), []);
}

#[test]
fn the_list_on_view_is_read_anew_when_the_house_changed_in_another_window() {
    let mut desk = Desk::new();
    assert!(matches!(calls(&desk.screen.house_changed()).as_slice(), [AdminCall::Users { .. }]));
    desk.press(KeyCode::Char('3'));
    assert_eq!(calls(&desk.screen.house_changed()), [AdminCall::Roles]);
    desk.press(KeyCode::Char('4'));
    assert_eq!(calls(&desk.screen.house_changed()), [AdminCall::Settings(SettingsCall::List)]);
}
