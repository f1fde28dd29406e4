use std::collections::BTreeMap;

use super::{overlay::overlaid, *};
use crate::config::load::Origin;

#[test]
fn the_table_is_whole() {
    let mut names: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), ROWS.len(), "a name stands twice");
    for row in ROWS {
        let in_file = table::SETTINGS.iter().any(|setting| setting.name() == row.name);
        assert_eq!(in_file, row.shared().is_some(), "{}: one name is one setting", row.name);
        assert!(GROUPS.iter().any(|(group, _)| *group == row.group), "{}", row.name);
        // What holds by itself may be set.
        assert_eq!(row.parse(&row.default()).unwrap(), row.default(), "{}", row.name);
        // What is shown may be typed.
        assert_eq!(row.parse(&row.shown(&row.default())).unwrap(), row.default(), "{}", row.name);
        assert!(row.help().ends_with('.') && row.effect.ends_with('.') && !row.takes().is_empty(), "{}", row.name);
        if let Some(shared) = row.shared() {
            assert!(shared.live, "{}: what the house says holds at once, so the file's word must too", row.name);
        }
    }
    let mut groups: Vec<&str> = ROWS.iter().map(|row| row.group).collect();
    groups.dedup();
    assert_eq!(groups, GROUPS.iter().map(|(group, _)| *group).collect::<Vec<_>>());
    assert_eq!(find(rows::JOB_ATTEMPTS).unwrap().default(), House::default().job_attempts.to_string());
    assert_eq!(find(rows::STALL_SECONDS).unwrap().default(), House::default().stall_seconds.to_string());
}

#[test]
fn values_are_typed_as_people_write_them_and_kept_in_one_way() {
    let kept = |name: &str, typed: &str| find(name).unwrap().parse(typed).map_err(|fault| fault.message);
    for (name, typed, wanted) in [
        (rows::REGISTRATION, " On ", "true"),
        (rows::REGISTRATION, "no", "false"),
        ("auth.idle_lock_minutes", "never", "0"),
        ("auth.idle_lock_minutes", "1h", "60"),
        ("auth.idle_lock_minutes", "15 min", "15"),
        ("chat.attachment_bytes", "20 MiB", "20971520"),
        ("limits.vault_mib", "2 GiB", "2048"),
        (rows::AUDIT_DAYS, "for ever", "0"),
        (rows::AUDIT_DAYS, "1 years", "365"),
        (rows::SECOND_FACTOR, "Everybody", "everybody"),
        (rows::OPTIONS, " num_ctx = 8192;temperature=0.20 ;", "temperature=0.2; num_ctx=8192"),
        ("chat.model", " llama3.2:3b ", "llama3.2:3b"),
        ("chat.system_prompt", "one\r\ntwo\n", "one\ntwo"),
    ] {
        assert_eq!(kept(name, typed).as_deref(), Ok(wanted), "{name} = {typed}");
    }
    for (name, typed, wanted) in [
        (rows::REGISTRATION, "maybe", "accounts.registration takes on or off, not “maybe”."),
        (rows::AUDIT_DAYS, "7", "audit.keep_days takes a whole number from 30 to 36500 (days), or for ever, not “7”."),
        (
            "limits.chat_per_minute",
            "",
            "limits.chat_per_minute takes a whole number from 1 to 6000 (a minute), not “”.",
        ),
        (rows::MESSAGE, "one\ntwo", "accounts.message cannot hold line breaks or control characters."),
        (rows::MESSAGE, "\u{1b}[31m", "accounts.message cannot hold line breaks or control characters."),
        (rows::OPTIONS, "temperature=9", "The option temperature takes 0 – 2, not “9”."),
        ("chat.model", "a b", "chat.model takes a model's name such as llama3.2:3b, or nothing, not “a b”."),
    ] {
        assert_eq!(kept(name, typed), Err(wanted.to_owned()), "{name} = {typed}");
    }
    assert!(kept("auth.idle_lock_minutes", "9223372036854775807 h").is_err());
}

#[test]
fn a_wrong_name_is_answered_with_the_nearest() {
    let hint = |name: &str| named(name).unwrap_err().hint.unwrap();
    assert_eq!(hint("limits.chat_per_minut"), "Did you mean limits.chat_per_minute?");
    assert_eq!(hint("registration"), "Did you mean accounts.registration?");
    assert_eq!(hint("audit-keep-days"), "Did you mean audit.keep_days?");
    assert_eq!(hint("nonsense.of.this.kind"), "`ollamanet settings list` names all.");
    assert!(hint("ui.theme").contains("config path"));
}

#[test]
fn the_file_wins_over_the_house_and_the_house_over_the_default() {
    let values: BTreeMap<String, String> = [
        ("limits.chat_per_minute", "5"),
        ("limits.read_per_minute", "500"),
        ("chat.titles", "false"),
        ("chat.model", "m:1b"),
        (rows::OPTIONS, "seed=7"),
        // Neither of these is good: by hand, or of another version.
        ("limits.write_per_minute", "1"),
        ("jobs.keep_days", "many"),
        (rows::JOB_ATTEMPTS, "1000"),
        ("what.is_this", "3"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let mut config = Config::default();
    config.limits.read_per_minute = 700;
    let origins = [("limits.read_per_minute".to_owned(), Origin::File(3))].into();
    let held = overlaid(&config, &origins, &values);
    let usual = Config::default();
    assert_eq!((held.limits.chat_per_minute, held.limits.read_per_minute), (5, 700));
    assert_eq!((held.chat.titles, held.chat.model.as_str()), (false, "m:1b"));
    assert_eq!(held.house.options.seed, Some(7));
    assert_eq!(held.limits.write_per_minute, usual.limits.write_per_minute);
    assert_eq!((held.jobs.clone(), held.house.job_attempts), (usual.jobs.clone(), 8));
    assert_eq!(overlaid(&usual, &BTreeMap::new(), &BTreeMap::new()), usual);
}
