//! The tab of the settings: what keys ask for, what a refusal leaves, and what it looks like.

use super::{views::looks, *};
use crate::{
    api::settings::{Difference, Differences, NewValue, PastChange, PastPage, Point, SettingRow, Settings, Source},
    config::{Config, house, table},
    ui::theme::Theme,
};

pub type Shown = Settings;

/// Every setting with its default.
pub fn all_settings() -> Shown {
    let row = |name: String, group: &str, value: String, is_of_house: bool| SettingRow {
        edit: if is_of_house { String::new() } else { format!("{name} in config.toml") },
        name,
        group: group.to_owned(),
        default: value.clone(),
        value,
        from: Source::Default,
        house: None,
        overruled: None,
        version: 0,
        changed_by: None,
        changed_at: None,
        is_of_house,
    };
    let mut rows: Vec<SettingRow> = house::ROWS
        .iter()
        .map(|setting| row(setting.name.to_owned(), setting.group, setting.default(), true))
        .collect();
    let of_file = table::values(&Config::default()).into_iter().filter(|(one, _)| house::find(&one.name()).is_none());
    rows.extend(of_file.map(|(one, value)| row(one.name(), "file", house::written(&value), false)));
    Settings { rows, newest: 0 }
}

/// One of them set by alice.
pub fn with(name: &str, value: &str) -> Shown {
    let mut shown = all_settings();
    let row = shown.rows.iter_mut().find(|row| row.name == name).unwrap();
    value.clone_into(&mut row.value);
    row.house = Some(value.to_owned());
    row.from = Source::House;
    row.version = 3;
    row.changed_by = Some("alice".to_owned());
    row.changed_at = Some(1_795_514_520_000 - 3_600_000);
    shown.newest = 12;
    shown
}

fn tab(shown: Shown) -> Desk {
    let mut desk = Desk::new();
    desk.press(KeyCode::Char('4'));
    desk.reply(listed(shown));
    desk
}

/// With the cursor on this setting.
fn at(shown: Shown, name: &str) -> Desk {
    let place = shown.rows.iter().position(|row| row.name == name).unwrap();
    let mut desk = tab(shown);
    for _ in 0..place {
        desk.press(KeyCode::Char('j'));
    }
    desk
}

fn set(name: &str, to: Option<&str>, seen: i64) -> AdminCall {
    let new = NewValue { name: name.to_owned(), to: to.map(str::to_owned), seen };
    AdminCall::Settings(SettingsCall::Set(vec![new]))
}

fn changed(call: AdminCall, done: Result<(), Fault>) -> AdminReply {
    let AdminCall::Settings(call) = call else { panic!("{call:?}") };
    AdminReply::Settings(SettingsReply::Changed { call, done })
}

#[test]
fn a_switch_turns_at_once_and_opening_registration_asks_first() {
    let mut desk = at(all_settings(), "chat.titles");
    assert_eq!(calls(&desk.press(KeyCode::Char(' '))), [set("chat.titles", Some("false"), 0)]);
    let effects = desk.reply(changed(set("chat.titles", Some("false"), 0), Ok(())));
    assert_eq!(toasts(&effects), ["chat.titles is off now."]);
    assert_eq!(calls(&effects), [AdminCall::Settings(SettingsCall::List)]);

    let mut desk = at(all_settings(), "accounts.registration");
    assert_eq!(calls(&desk.enter()), []);
    assert_eq!(calls(&desk.press(KeyCode::Char('1'))), [set("accounts.registration", Some("true"), 0)]);
    let mut desk = at(with("accounts.registration", "true"), "accounts.registration");
    assert_eq!(calls(&desk.enter()), [set("accounts.registration", Some("false"), 3)]);
}

#[test]
fn a_value_is_judged_while_it_is_typed_and_only_a_good_one_is_sent() {
    let mut desk = at(with("jobs.keep_days", "9"), "jobs.keep_days");
    desk.enter();
    desk.overwrite("9999999");
    assert!(desk.draw(80, 24).contains("takes a whole number from 1 to 3650"), "{}", desk.draw(80, 24));
    assert_eq!(calls(&desk.enter()), []);
    desk.overwrite("2 weeks");
    assert!(desk.draw(80, 24).contains("✓ 9 days → 14 days"), "{}", desk.draw(80, 24));
    let sent = set("jobs.keep_days", Some("14"), 3);
    assert_eq!(calls(&desk.enter()), std::slice::from_ref(&sent));
    // A refusal stays in front, with what was typed.
    let conflict = Fault::new(FaultKind::Conflict, "Ben has set jobs.keep_days to 12 days since you looked.");
    let effects = desk.reply(changed(sent.clone(), Err(conflict)));
    assert_eq!(calls(&effects), [AdminCall::Settings(SettingsCall::List)], "what ben did is read");
    let screen = desk.draw(80, 24);
    assert!(screen.contains("Ben has set") && screen.contains("2 weeks"), "{screen}");
    // The passphrase is asked for, and the change made again with it.
    assert_eq!(to_confirm(&desk.reply(changed(sent.clone(), Err(unconfirmed())))), std::slice::from_ref(&sent));
    desk.reply(changed(sent, Ok(())));
    assert!(!desk.screen.holds());
}

#[test]
fn choices_are_chosen_and_longer_texts_have_lines() {
    let mut desk = at(all_settings(), "accounts.second_factor");
    desk.enter();
    desk.press(KeyCode::Down);
    assert_eq!(calls(&desk.enter()), [set("accounts.second_factor", Some("administrators"), 0)]);
    let mut desk = at(all_settings(), "chat.system_prompt");
    desk.enter();
    desk.write("one");
    desk.press(KeyEvent::new(KeyCode::Char('j'), KeyModifiers::CONTROL));
    desk.write("two");
    assert_eq!(calls(&desk.enter()), [set("chat.system_prompt", Some("one\ntwo"), 0)]);
}

#[test]
fn one_key_takes_the_last_change_back_and_another_leads_to_the_default() {
    let mut desk = at(with("jobs.keep_days", "9"), "jobs.keep_days");
    let back = SettingsCall::RollBack { name: "jobs.keep_days".to_owned(), to: None, seen: 3 };
    assert_eq!(calls(&desk.press(KeyCode::Char('z'))), [AdminCall::Settings(back)]);
    assert_eq!(calls(&desk.press(KeyCode::Char('u'))), [set("jobs.keep_days", None, 3)]);
    // What it is again is told once, when the list says it; nobody else tells of it in this window.
    let back = SettingsCall::RollBack { name: "jobs.keep_days".to_owned(), to: None, seen: 3 };
    let done = SettingsReply::Changed { call: back, done: Ok(()) };
    let effects = desk.reply(AdminReply::Settings(done));
    assert_eq!((toasts(&effects).len(), calls(&effects)), (0, vec![AdminCall::Settings(SettingsCall::List)]));
    assert!(desk.screen.has_just_set(&desk.cx));
    assert_eq!(toasts(&desk.reply(listed(all_settings()))), ["jobs.keep_days is 30 days again."]);
    assert_eq!(toasts(&desk.reply(listed(all_settings()))).len(), 0);
    desk.cx.now_ms += 60_000;
    desk.screen.open();
    assert!(!desk.screen.has_just_set(&desk.cx));
    let mut desk = at(all_settings(), "jobs.keep_days");
    assert_eq!(toasts(&desk.press(KeyCode::Char('z'))), ["jobs.keep_days was never changed."]);
    assert_eq!(toasts(&desk.press(KeyCode::Char('u'))), ["jobs.keep_days has its default already."]);
}

#[test]
fn what_is_set_outside_says_where() {
    let mut shown = with("jobs.keep_days", "9");
    let row = shown.rows.iter_mut().find(|row| row.name == "jobs.keep_days").unwrap();
    (row.from, row.value) = (Source::File(4), "12".to_owned());
    row.edit = "line 4 of config.toml".to_owned();
    row.overruled = Some("config.toml, line 4 says something else, and that wins.".to_owned());
    let mut desk = at(shown, "jobs.keep_days");
    assert_eq!(toasts(&desk.enter()), ["jobs.keep_days is set outside: line 4 of config.toml."]);
    assert!(desk.draw(120, 36).contains("says 9 days. config.toml"), "{}", desk.draw(120, 36));
    let mut desk = at(all_settings(), "ui.theme");
    assert_eq!(toasts(&desk.enter()), ["ui.theme is set outside: ui.theme in config.toml."]);
}

#[test]
fn the_list_is_filtered_by_typing() {
    let mut desk = tab(all_settings());
    desk.write("/passph");
    let screen = desk.draw(80, 24);
    assert!(screen.contains("auth.min_length") && !screen.contains("jobs.keep_days"), "{screen}");
    desk.enter();
    desk.press(KeyCode::Esc);
    assert!(desk.draw(80, 24).contains("accounts.registration"));
}

fn change(seq: i64, name: &str, version: i64, from: Option<&str>, to: Option<&str>) -> PastChange {
    PastChange {
        seq,
        name: name.to_owned(),
        version,
        from: from.map(str::to_owned),
        to: to.map(str::to_owned),
        by: Some(id(1)),
        by_name: Some("alice".to_owned()),
        at: 1_795_514_520_000 - (20 - seq) * 3_600_000,
        restores: (version == 3).then_some(1),
    }
}

fn past(desk: &mut Desk, key: char) -> u64 {
    let asked = calls(&desk.press(KeyCode::Char(key)));
    let [AdminCall::Settings(SettingsCall::Past { asked, before: None, .. })] = asked[..] else { panic!("{asked:?}") };
    let rows = vec![
        change(12, "jobs.keep_days", 3, Some("12"), Some("9")),
        change(9, "jobs.keep_days", 2, Some("9"), Some("12")),
        change(7, "jobs.keep_days", 1, None, Some("9")),
    ];
    desk.reply(AdminReply::Settings(SettingsReply::Past { asked, page: Ok(PastPage { rows, more: false }) }));
    asked
}

#[test]
fn a_version_of_the_history_is_brought_back_after_a_question() {
    let mut desk = at(with("jobs.keep_days", "9"), "jobs.keep_days");
    past(&mut desk, 'v');
    assert_eq!(toasts(&desk.enter()), ["jobs.keep_days is 9 days already."]);
    desk.press(KeyCode::Char('j'));
    desk.enter();
    assert!(desk.draw(80, 24).contains("jobs.keep_days: 9 days → 12 days"), "{}", desk.draw(80, 24));
    let back = SettingsCall::RollBack { name: "jobs.keep_days".to_owned(), to: Some(2), seen: 3 };
    assert_eq!(calls(&desk.press(KeyCode::Char('1'))), [AdminCall::Settings(back)]);
    desk.press(KeyCode::Esc);
    assert!(desk.draw(80, 24).contains("jobs.attempts"));
}

#[test]
fn everything_goes_back_to_before_a_change_after_what_would_change_is_shown() {
    let mut desk = tab(with("jobs.keep_days", "9"));
    past(&mut desk, 'a');
    desk.press(KeyCode::Char('j'));
    let sent = calls(&desk.enter());
    let [AdminCall::Settings(SettingsCall::Differ { asked, from: Point::Now, to: Point::Change(8) })] = sent[..] else {
        panic!("{sent:?}")
    };
    assert_eq!(calls(&desk.enter()), [], "nothing is done before it is shown");
    let found = differences();
    desk.reply(AdminReply::Settings(SettingsReply::Differs { asked, found: Ok(found) }));
    looks("settings-preview", &mut desk);
    let all = SettingsCall::RollAllBack { to: Point::Change(8), seen: 12 };
    assert_eq!(calls(&desk.enter()), [AdminCall::Settings(all.clone())]);
    desk.reply(changed(AdminCall::Settings(all), Ok(())));
    assert!(desk.draw(80, 24).contains("accounts.registration"), "back at the list");
}

fn differences() -> Differences {
    let row = |name: &str, from: Option<&str>, to: Option<&str>, refused: Option<&str>| Difference {
        name: name.to_owned(),
        from: from.map(str::to_owned),
        to: to.map(str::to_owned),
        refused: refused.map(str::to_owned),
    };
    let rows = vec![
        row("chat.titles", Some("false"), None, None),
        row(
            "jobs.keep_days",
            Some("9"),
            Some("99999"),
            Some("jobs.keep_days takes a whole number from 1 to 3650 (days)."),
        ),
    ];
    Differences { rows, from: 12, to: 8, newest: 12 }
}

#[test]
fn what_changed_since_yesterday_is_shown_and_changes_nothing() {
    let mut desk = tab(with("jobs.keep_days", "9"));
    let sent = calls(&desk.press(KeyCode::Char('c')));
    let [AdminCall::Settings(SettingsCall::Differ { asked, from: Point::At(from), to: Point::Now })] = sent[..] else {
        panic!("{sent:?}")
    };
    assert!((24 * 3_600_000..=48 * 3_600_000).contains(&(desk.cx.now_ms - from)), "{from}");
    desk.reply(AdminReply::Settings(SettingsReply::Differs { asked, found: Ok(differences()) }));
    assert!(desk.draw(80, 24).contains("+ on (default)"), "{}", desk.draw(80, 24));
    assert_eq!(calls(&desk.enter()), []);
}

#[test]
fn the_settings_by_group() {
    let mut shown = with("accounts.second_factor", "administrators");
    for (name, value) in
        [("accounts.message", "The machine is down on Sunday from eight to ten."), ("chat.titles", "false")]
    {
        let row = shown.rows.iter_mut().find(|row| row.name == name).unwrap();
        value.clone_into(&mut row.value);
        (row.house, row.from, row.version) = (Some(value.to_owned()), Source::House, 1);
        (row.changed_by, row.changed_at) = (Some("ben".to_owned()), Some(1_795_514_520_000 - 90_000_000));
    }
    let row = shown.rows.iter_mut().find(|row| row.name == "auth.min_length").unwrap();
    (row.from, row.value, row.house) = (Source::File(7), "12".to_owned(), Some("10".to_owned()));
    row.overruled = Some("config.toml, line 7 says something else, and that wins.".to_owned());
    row.edit = "line 7 of config.toml".to_owned();
    let mut desk = tab(shown);
    desk.press(KeyCode::Char('j'));
    looks("settings", &mut desk);
}

#[test]
fn the_editor_of_a_setting() {
    let mut desk = at(with("auth.idle_lock_minutes", "5"), "auth.idle_lock_minutes");
    desk.enter();
    desk.overwrite("2h");
    looks("setting-editor", &mut desk);
}

#[test]
fn the_history_of_all_settings() {
    let mut desk = tab(with("jobs.keep_days", "9"));
    past(&mut desk, 'a');
    looks("settings-past", &mut desk);
}

#[test]
fn without_colour_what_is_changed_and_what_is_overruled_is_marked() {
    let mut shown = with("accounts.second_factor", "administrators");
    shown.rows[0].overruled = Some("No.".to_owned());
    let mut desk = tab(shown);
    desk.cx.theme = Theme::plain();
    let screen = desk.draw(80, 24);
    assert!(screen.contains("● accounts.second_factor") && screen.contains("! accounts.registration"), "{screen}");
}
