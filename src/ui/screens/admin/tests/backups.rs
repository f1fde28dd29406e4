use super::*;
use crate::{
    api::backup::{
        Backup, Backups as Shown, Doing, Extent, LastRun, LeftOut, MadeBy, MovedAside, Outcome, Progress, Schedule,
        SetAside, Verified,
    },
    ui::msg::BackupWork,
};

const NOW: i64 = 1_795_514_520_000;

fn backup(name: &str, age: i64) -> Backup {
    Backup {
        name: name.into(),
        made_at: NOW - age * 86_400_000,
        made_by: MadeBy::Schedule,
        bytes: 41_230_000,
        accounts: 12,
        vaults: 11,
        program: "0.1.0".into(),
        left_out: Vec::new(),
        verified: None,
        damage: None,
    }
}

fn shown() -> Shown {
    let sound = Verified { at: NOW - 3_600_000, opened: 1, compared: 10, damage: Vec::new() };
    Shown {
        place: "/home/alice/.local/share/ollamanet/backups".into(),
        backups: vec![
            Backup { verified: Some(sound), ..backup("2026-11-24T100000Z", 0) },
            Backup {
                made_by: MadeBy::Person,
                left_out: vec![LeftOut { account: "ben".into(), why: "its file is missing".into() }],
                ..backup("2026-11-23T100000Z", 1)
            },
            Backup {
                damage: Some("manifest.json of the backup is damaged: it is cut off".into()),
                ..backup("2026-11-22T100000Z", 2)
            },
        ],
        schedule: Schedule { hour: Some(3), ..Schedule::default() },
        rule: None,
        quarantine: vec![SetAside {
            name: "2026-11-20T090000Z".into(),
            bytes: 39_000_000,
            what: MovedAside::Everything,
            path: "/home/alice/.local/share/ollamanet/quarantine/2026-11-20T090000Z".into(),
        }],
        free: Some(120_000_000_000),
        network_file_system: None,
        last_scheduled: Some(LastRun {
            at: NOW - 7_200_000,
            failed: Some("The disk is full at /mnt/backups; nothing half made was kept.".into()),
        }),
    }
}

fn backups() -> Desk {
    let mut desk = Desk::wide();
    assert_eq!(calls(&desk.press(KeyCode::Char('6'))), [AdminCall::Backups]);
    desk.reply(AdminReply::Backups(Ok(Box::new(shown()))));
    desk
}

#[test]
fn the_backups_are_shown_with_their_state_and_what_was_moved_aside() {
    let mut desk = backups();
    insta::assert_snapshot!("backups_wide", desk.draw(120, 36));
    desk.press(KeyCode::Char('j'));
    insta::assert_snapshot!("backups_small", desk.draw(80, 24));
    let mut desk = Desk::new();
    desk.press(KeyCode::Char('6'));
    desk.reply(AdminReply::Backups(Ok(Box::default())));
    assert!(desk.draw(80, 24).contains("There is no backup yet."));
}

#[test]
fn one_is_made_by_a_key_with_its_progress_and_one_at_a_time() {
    let mut desk = backups();
    assert_eq!(calls(&desk.press(KeyCode::Char('n'))), [AdminCall::Backup(BackupWork::Create)]);
    let progress = Progress { doing: Doing::Copying, what: "system.db".into(), done: 250, all: 1000 };
    desk.reply(AdminReply::BackupOn { work: BackupWork::Create, progress });
    assert!(desk.draw(80, 24).contains("Making a backup: 25 %"), "{}", desk.draw(80, 24));
    assert!(desk.screen.is_busy());
    assert_eq!(calls(&desk.press(KeyCode::Char('n'))), []);
    let done = Ok(Outcome::Made(backup("2026-11-24T110000Z", 0)));
    let effects = desk.reply(AdminReply::BackupEnded { work: BackupWork::Create, done });
    assert_eq!(calls(&effects), [AdminCall::Backups]);
    assert_eq!(toasts(&effects), ["The backup is made: 41.2 MB."]);
}

#[test]
fn restoring_wants_a_word_and_the_passphrase_and_ends_the_program() {
    let mut desk = backups();
    desk.press(KeyCode::Char('r'));
    desk.enter();
    desk.write("yes");
    assert_eq!(calls(&desk.enter()), []);
    desk.overwrite("everything");
    let work = BackupWork::Restore { backup: "2026-11-24T100000Z".into(), extent: Extent::Everything };
    assert_eq!(calls(&desk.enter()), [AdminCall::Backup(work.clone())]);
    let refused = desk.reply(AdminReply::BackupEnded { work: work.clone(), done: Err(unconfirmed()) });
    assert_eq!(to_confirm(&refused), [AdminCall::Backup(work.clone())]);
    let ready = desk.reply(AdminReply::BackupEnded { work, done: Ok(Outcome::Ready) });
    assert!(matches!(ready[..], [Effect::Act(Action::Quit)]), "{ready:?}");
}

#[test]
fn one_persons_vault_is_restored_by_their_name_typed_twice() {
    let mut desk = backups();
    desk.press(KeyCode::Char('j'));
    desk.press(KeyCode::Char('r'));
    desk.write("ben");
    desk.enter();
    desk.write("everything");
    assert_eq!(calls(&desk.enter()), []);
    desk.overwrite("ben");
    let extent = Extent::Account("ben".into());
    let work = BackupWork::Restore { backup: "2026-11-23T100000Z".into(), extent };
    assert_eq!(calls(&desk.enter()), [AdminCall::Backup(work)]);
}

#[test]
fn the_schedule_is_set_and_what_was_moved_aside_goes_by_its_name_alone() {
    let mut desk = backups();
    desk.press(KeyCode::Char('s'));
    desk.overwrite("24");
    desk.enter();
    desk.enter();
    assert_eq!(calls(&desk.enter()), [], "a day has no such hour");
    desk.press(KeyCode::Esc);
    desk.press(KeyCode::Char('s'));
    desk.overwrite("4");
    desk.enter();
    desk.enter();
    let wanted = Schedule { hour: Some(4), ..Schedule::default() };
    assert_eq!(calls(&desk.enter()), [AdminCall::SetBackupSchedule(wanted)]);
    desk.reply(AdminReply::Done { call: AdminCall::SetBackupSchedule(wanted), done: Ok(()) });

    desk.press(KeyCode::Char('P'));
    assert_eq!(desk.screen.context(), Context::Backups, "a backup goes by the rule");
    desk.press(KeyCode::Char('G'));
    desk.press(KeyCode::Char('P'));
    desk.write("2026-11-20T090000Z");
    assert_eq!(calls(&desk.enter()), [AdminCall::PurgeQuarantine("2026-11-20T090000Z".into())]);
}
