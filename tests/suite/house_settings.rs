//! The settings of the house, from the gateway: what each of them does, who may change them, what is kept of a change and
//! how it is taken back.

use std::{io::Write as _, process::Stdio, sync::Arc, time::Duration};

use jiff::Timestamp;
use ollamanet::{
    api::{
        Fault, FaultKind,
        admin::{AuditFilter, Limited, NewUser, Scope},
        auth::{Door, Secret, Session},
        chat::{Draft, MessageState, NewTurn, TurnAct, TurnEvent},
        events::Event,
        organise::NewConversation,
        settings::{NewValue, Point, SettingRow, Source},
    },
    app,
    config::{
        Config,
        house::ROWS,
        live::Live,
        load::{Loaded, Origin},
    },
    fake::{Fake, Pace, StandIn},
    paths::Paths,
    tasks::Tasks,
};

use rand::RngExt;

use crate::common::{
    house::{House, PASSPHRASE, break_table, count, tamper},
    kills,
    pty::PATIENCE,
    stage::{PASSPHRASE as ALICES, Stage as Program},
};

const MODEL: &str = "demo-chat:3b";
const HOUR: i64 = 3_600_000;

/// A house beside a stand-in for Ollama, with an administrator whom no limit holds up, and another who is measured.
struct Stage {
    home: tempfile::TempDir,
    _ollama: Tasks,
    fake: Fake,
    house: House,
    live: Live,
    ann: Session,
    ben: Session,
}

fn secret(text: &str) -> Secret {
    Secret::new(text)
}

/// Opens an installation as a start of the program does, and keeps the configuration that it follows.
fn open(home: &std::path::Path, loaded: Loaded) -> (House, Live) {
    let paths = Paths::find(Some(&home.join("data"))).unwrap();
    let (tasks, config) = (Tasks::new(), loaded.config.clone());
    let live = Live::settled(loaded);
    let gateway = app::compose(&paths, &config, &live, &tasks).unwrap();
    (House { gateway, tasks, paths }, live)
}

/// A file that says nothing but where Ollama is.
fn beside(fake: &Fake) -> Loaded {
    let mut loaded = Loaded::default();
    loaded.config.ollama.host = fake.url();
    loaded
}

impl Stage {
    async fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let ollama = Tasks::new();
        let fake = StandIn::start(&ollama, Pace::instant()).await.unwrap();
        let (house, live) = open(home.path(), beside(&fake));
        let ann = house.first_admin("Ann").await;
        for limited in Limited::ALL.into_iter().filter(|limited| matches!(limited, Limited::Calls(_))) {
            let own = Scope::Account(ann.account.id);
            house.gateway.set_limit(&ann.session, own, limited, Some(*limited.range().end())).await.unwrap();
        }
        let ben = house.newcomer(&ann.session, "Ben", "admin").await.session;
        Self { home, _ollama: ollama, fake, house, live, ann: ann.session, ben }
    }

    async fn row(&self, name: &str) -> SettingRow {
        let rows = self.house.gateway.settings(&self.ann).await.unwrap().rows;
        rows.into_iter().find(|row| row.name == name).unwrap()
    }

    async fn set(&self, name: &str, to: &str) {
        self.house.set(&self.ann, name, to).await.unwrap();
    }

    async fn unset(&self, name: &str) {
        let seen = self.row(name).await.version;
        let change = NewValue { name: name.to_owned(), to: None, seen };
        self.house.gateway.change_settings(&self.ann, vec![change]).await.unwrap();
    }

    async fn most(&self, limited: Limited) -> u32 {
        let all = self.house.gateway.allowance(&self.ben).await.unwrap();
        all.into_iter().find(|left| left.limited == limited).unwrap().most
    }

    /// Asks in a new conversation and waits for the answer.
    async fn ask(&self, by: &Session) -> Result<(), Fault> {
        let gateway = &self.house.gateway;
        let id = gateway.create_conversation(by, NewConversation::default()).await?.row.id;
        let mut events = gateway.events(by).await?;
        let act = TurnAct::Send { text: "Why is the sky blue?".to_owned(), attachments: Vec::new() };
        let new = NewTurn { conversation: id, act, model: Some(MODEL.to_owned()), shorten: false };
        gateway.start_turn(by, new).await?;
        let ended = async {
            loop {
                if let Event::Turn { event: TurnEvent::Ended { answer, .. }, .. } = events.recv().await.unwrap() {
                    return answer;
                }
            }
        };
        let answer = tokio::time::timeout(PATIENCE, ended).await.expect("the answer ends");
        assert_eq!(answer.state, MessageState::Done);
        Ok(())
    }
}

fn kind<T: std::fmt::Debug>(result: Result<T, Fault>) -> FaultKind {
    result.expect_err("it is refused").kind
}

/// Every row of the table: what it does before and after a change. A row without a case here fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_setting_does_what_it_says_as_soon_as_it_is_changed() {
    let stage = Stage::new().await;
    for row in ROWS {
        effect(&stage, row.name).await;
        // What was used up for one is not missing for the next.
        tamper(&stage.house, "DELETE FROM buckets; DELETE FROM throttles");
    }
    stage.house.close().await;
}

#[expect(clippy::too_many_lines, reason = "a case for each setting, and none has to do with another")]
async fn effect(stage: &Stage, name: &str) {
    let (gateway, ann, ben) = (&stage.house.gateway, &stage.ann, &stage.ben);
    let begun = || gateway.create_conversation(ben, NewConversation::default());
    let schedule = || async { gateway.backups(ann).await.unwrap().schedule };
    match name {
        "accounts.registration" => {
            assert!(!gateway.registration().await.unwrap());
            stage.set(name, "on").await;
            assert!(gateway.registration().await.unwrap());
        }
        // Whoever demands it is bound as well, so this one has a house of its own.
        "accounts.second_factor" => {
            let other = Stage::new().await;
            other.house.gateway.tree(&other.ben).await.unwrap();
            other.set(name, "everybody").await;
            assert_eq!(kind(other.house.gateway.tree(&other.ben).await), FaultKind::SecondFactorWanted);
        }
        "accounts.code_hours" => {
            let invite = |name: &str| NewUser { name: name.to_owned(), display_name: None, role: "user".to_owned() };
            let good = |until: i64| (until - Timestamp::now().as_millisecond() + HOUR / 2) / HOUR;
            assert_eq!(good(gateway.create_user(ann, invite("carl")).await.unwrap().expires_at), 24);
            stage.set(name, "3").await;
            assert_eq!(good(gateway.create_user(ann, invite("dora")).await.unwrap().expires_at), 3);
        }
        "accounts.message" => {
            let says = || async {
                match gateway.door().await.unwrap() {
                    Door::SignIn { message, .. } => message,
                    other => panic!("{other:?}"),
                }
            };
            assert_eq!(says().await, None);
            stage.set(name, "Down on Sunday.").await;
            assert_eq!(says().await.as_deref(), Some("Down on Sunday."));
        }
        "auth.min_length" => {
            let judged = async || gateway.judge_passphrase("Eve", &secret(PASSPHRASE)).await.unwrap().accepted;
            assert!(judged().await);
            stage.set(name, "60").await;
            assert!(!judged().await);
            stage.unset(name).await;
        }
        "auth.idle_lock_minutes" => {
            followed(stage, name, "7 min", |config| u64::from(config.auth.idle_lock_minutes), 7).await;
        }
        "health.every_seconds" => followed(stage, name, "2 min", |config| config.health.every_seconds, 120).await,
        "auth.stay_signed_in_days" => {
            stage.set(name, "2 days").await;
            gateway.stay_signed_in(ben, true).await.unwrap();
            let until = count(&stage.house, "SELECT max(expires_at) FROM token_families");
            let hours = (until - Timestamp::now().as_millisecond() + HOUR / 2) / HOUR;
            assert_eq!(hours, 48);
            gateway.stay_signed_in(ben, false).await.unwrap();
        }
        "chat.model" => {
            assert_eq!(begun().await.unwrap().row.model, None);
            stage.set(name, MODEL).await;
            assert_eq!(begun().await.unwrap().row.model.as_deref(), Some(MODEL));
        }
        "chat.system_prompt" => {
            stage.set(name, "Be brief.").await;
            assert_eq!(begun().await.unwrap().system_prompt.as_deref(), Some("Be brief."));
        }
        "chat.options" => {
            stage.set(name, "temperature=0.2; num_ctx=8192").await;
            let options = begun().await.unwrap().options;
            assert_eq!((options.temperature, options.num_ctx, options.seed), (Some(0.2), Some(8192), None));
        }
        "chat.titles" => {
            stage.set(name, "off").await;
            stage.ask(ann).await.unwrap();
            let titled = || stage.fake.requests().iter().filter(|seen| seen.path == "/api/chat").count();
            let without = titled();
            stage.set(name, "on").await;
            stage.ask(ann).await.unwrap();
            crate::common::until("the title is asked for", || titled() == without + 2).await;
        }
        "chat.attachment_bytes" => {
            let file = stage.home.path().join("long.txt");
            std::fs::write(&file, "words ".repeat(1000)).unwrap();
            gateway.inspect_attachment(ben, file.clone()).await.unwrap();
            stage.set(name, "4 KiB").await;
            assert!(gateway.inspect_attachment(ben, file).await.is_err());
        }
        // What the client does with it: `ollama::client`.
        "chat.silence_seconds" => followed(stage, name, "7 min", |config| config.chat.silence_seconds, 420).await,
        "limits.chat_per_minute" => {
            stage.set(name, "1").await;
            stage.ask(ben).await.unwrap();
            assert_eq!(kind(stage.ask(ben).await), FaultKind::Slow);
            stage.unset(name).await;
        }
        "limits.auth_per_minute" => {
            stage.set(name, "1").await;
            let mut last = Ok(());
            for _ in 0..3 {
                last = gateway.confirm(ben, &secret("wrong")).await.map(drop);
            }
            assert_eq!(kind(last), FaultKind::Slow);
            stage.unset(name).await;
        }
        "limits.admin_per_minute" => {
            stage.set(name, "1").await;
            let mut last = Ok(());
            for _ in 0..3 {
                last = gateway.verify_audit(ben).await.map(drop);
            }
            assert_eq!(kind(last), FaultKind::Slow);
            stage.unset(name).await;
        }
        "limits.write_per_minute" => {
            stage.set(name, "60").await;
            let mut last = Ok(());
            for _ in 0..400 {
                last = gateway.save_draft(ben, None, Draft::default()).await;
            }
            assert_eq!(kind(last), FaultKind::Slow);
            stage.unset(name).await;
        }
        "limits.read_per_minute" => {
            stage.set(name, "60").await;
            let mut last = Ok(());
            for _ in 0..400 {
                last = gateway.tree(ben).await.map(drop);
            }
            assert_eq!(kind(last), FaultKind::Slow);
            stage.unset(name).await;
        }
        "limits.concurrent_answers" => {
            assert_eq!(stage.most(Limited::Answers).await, 2);
            stage.set(name, "5").await;
            assert_eq!(stage.most(Limited::Answers).await, 5);
        }
        "limits.tokens_per_day" => {
            stage.ask(ben).await.unwrap();
            stage.set(name, "1").await;
            let over = stage.ask(ben).await.unwrap_err();
            assert!(over.message.starts_with("Your tokens of today are used up"), "{over}");
            stage.set(name, "no limit").await;
            stage.ask(ben).await.unwrap();
        }
        "limits.vault_mib" => {
            let big = "x".repeat(30 * 1024);
            for number in 0..60 {
                let text = format!("{big}{number}");
                gateway.save_draft(ben, None, Draft { text: text.clone(), ..Draft::default() }).await.unwrap();
                let new = NewConversation { system_prompt: Some(text), ..NewConversation::default() };
                gateway.create_conversation(ben, new).await.unwrap();
            }
            stage.set(name, "1 MiB").await;
            assert_eq!(kind(stage.ask(ben).await), FaultKind::DiskFull);
            stage.unset(name).await;
        }
        // What the line does with them: `services::jobs`.
        "jobs.installs_at_once" => {
            followed(stage, name, "4", |config| u64::from(config.jobs.installs_at_once), 4).await;
        }
        "jobs.attempts" => followed(stage, name, "3", |config| u64::from(config.house.job_attempts), 3).await,
        // What a transfer does with it: `services::model_work`.
        "jobs.stall_seconds" => followed(stage, name, "2 min", |config| config.house.stall_seconds, 120).await,
        "jobs.keep_days" => {
            let days = |days: i64| Timestamp::now().as_millisecond() - days * 24 * HOUR;
            for (id, ended) in [(1, days(3)), (2, days(10))] {
                let sql = format!(
                    "INSERT INTO jobs (id, kind, about, state, work, created_at, updated_at)
                     VALUES (x'{id:032x}', 'unload', 'm', 'done', '{{\"kind\":\"unload\",\"model\":\"m\"}}', {ended}, {ended})"
                );
                tamper(&stage.house, &sql);
            }
            stage.set(name, "5 days").await;
            gateway.take_up_all_jobs();
            crate::common::until("the old job is forgotten", || count(&stage.house, "SELECT count(*) FROM jobs") == 1)
                .await;
        }
        "cache.models_fresh_seconds" => {
            let asked = || stage.fake.requests().iter().filter(|seen| seen.path == "/api/tags").count();
            stage.set(name, "1h").await;
            gateway.models(ben, true).await.unwrap();
            let before = asked();
            gateway.models(ben, false).await.unwrap();
            assert_eq!(asked(), before);
            stage.set(name, "0").await;
            gateway.models(ben, false).await.unwrap();
            assert!(asked() > before);
        }
        "audit.keep_days" => {
            assert_eq!(kind(gateway.prune_audit(ann).await), FaultKind::Invalid);
            stage.set(name, "30").await;
            assert_eq!(gateway.prune_audit(ann).await.unwrap(), 0);
        }
        "backup.keep_daily" => {
            stage.set(name, "9").await;
            assert_eq!(schedule().await.keep.daily, 9);
        }
        "backup.keep_weekly" => {
            stage.set(name, "1").await;
            assert_eq!(schedule().await.keep.weekly, 1);
        }
        other => panic!("{other} has no test of what it does"),
    }
}

/// What a part reads from the configuration whenever it needs it; whoever waits for a change hears of it.
async fn followed(stage: &Stage, name: &str, to: &str, read: impl Fn(&Config) -> u64, wanted: u64) {
    let mut waiting = stage.live.clone();
    assert_ne!(read(&stage.live.config()), wanted);
    stage.set(name, to).await;
    assert_eq!(read(&stage.live.config()), wanted);
    let heard = async {
        loop {
            if read(&waiting.changed().await.config) == wanted {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, heard).await.expect("the change is told");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_process_sets_holds_in_the_other_at_its_next_call() {
    let stage = Stage::new().await;
    let (other, live) = open(stage.home.path(), beside(&stage.fake));
    let there = other.sign_in("Ben", &secret(PASSPHRASE)).await.unwrap().session;
    assert_eq!(live.config().chat.model, "");
    stage.set("chat.model", MODEL).await;
    let begun = other.gateway.create_conversation(&there, NewConversation::default()).await.unwrap();
    assert_eq!(begun.row.model.as_deref(), Some(MODEL));
    assert_eq!(live.config().chat.model, MODEL);
    stage.set("limits.chat_per_minute", "7").await;
    let left = other.gateway.allowance(&there).await.unwrap();
    assert_eq!(left[0].most, 7);
    other.close().await;
    stage.house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_wins_over_the_house_and_the_list_says_so_with_its_line() {
    let stage = Stage::new().await;
    stage.set("jobs.keep_days", "9").await;
    let mut loaded = beside(&stage.fake);
    loaded.config.jobs.keep_days = 12;
    loaded.config.ui.vim = true;
    loaded.origins.insert("jobs.keep_days".to_owned(), Origin::File(4));
    loaded.origins.insert("ui.vim".to_owned(), Origin::Variable("OLLAMANET_UI_VIM".to_owned()));
    let (other, live) = open(stage.home.path(), loaded);
    assert_eq!(live.config().jobs.keep_days, 12);
    let there = other.sign_in("Ann", &secret(PASSPHRASE)).await.unwrap().session;
    let rows = other.gateway.settings(&there).await.unwrap().rows;
    let of = |name: &str| rows.iter().find(|row| row.name == name).unwrap();
    let kept = of("jobs.keep_days");
    assert_eq!((kept.value.as_str(), &kept.from, kept.house.as_deref()), ("12", &Source::File(4), Some("9")));
    assert_eq!(kept.overruled.as_deref(), Some("config.toml, line 4 says something else, and that wins."));
    assert_eq!(kept.edit, "line 4 of config.toml");
    // What only the file has stands there as such.
    let vim = of("ui.vim");
    assert_eq!(
        (vim.value.as_str(), vim.is_of_house, vim.edit.as_str()),
        ("true", false, "the variable OLLAMANET_UI_VIM")
    );
    assert_eq!(of("ui.mouse").edit, "[ui] mouse = … in config.toml");
    let refused = other.set(&there, "ui.vim", "off").await.unwrap_err();
    assert_eq!(refused.message, "ui.vim is set in the settings file, not for the house.");
    // Where the file says nothing, the house does.
    let here = stage.row("jobs.keep_days").await;
    assert_eq!((here.value.as_str(), here.from, here.changed_by.as_deref()), ("9", Source::House, Some("Ann")));
    other.close().await;
    stage.house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_writes_over_a_change_that_they_have_not_seen() {
    let stage = Stage::new().await;
    let gateway = &stage.house.gateway;
    let seen = stage.row("jobs.keep_days").await.version;
    stage.house.set(&stage.ben, "jobs.keep_days", "9").await.unwrap();
    let mine = |name: &str, to: &str, seen| NewValue { name: name.to_owned(), to: Some(to.to_owned()), seen };
    let both = vec![mine("chat.titles", "off", 0), mine("jobs.keep_days", "10", seen)];
    let refused = gateway.change_settings(&stage.ann, both).await.unwrap_err();
    assert_eq!(refused.kind, FaultKind::Conflict);
    assert_eq!(refused.message, "Ben has set jobs.keep_days to 9 days since you looked.");
    assert!(refused.hint.unwrap().starts_with("Nothing was changed."));
    // All or none: the other one is as it was.
    assert_eq!(stage.row("chat.titles").await.version, 0);
    assert_eq!(kind(gateway.roll_back_setting(&stage.ann, "jobs.keep_days", None, 0).await), FaultKind::Conflict);
    assert_eq!(kind(gateway.roll_all_settings_back(&stage.ann, Point::Change(0), 0).await), FaultKind::Conflict);
    let twice = vec![mine("chat.titles", "off", 0), mine("chat.titles", "on", 0)];
    assert_eq!(kind(gateway.change_settings(&stage.ann, twice).await), FaultKind::Invalid);
    stage.house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_at_the_same_moment_one_is_refused() {
    let stage = Arc::new(Stage::new().await);
    let set = |by: Session, to: u32| {
        let stage = Arc::clone(&stage);
        async move {
            let new = NewValue { name: "jobs.keep_days".to_owned(), to: Some(to.to_string()), seen: 0 };
            stage.house.gateway.change_settings(&by, vec![new]).await
        }
    };
    let (one, other) = tokio::join!(set(stage.ann.clone(), 8), set(stage.ben.clone(), 9));
    assert_eq!([&one, &other].iter().filter(|done| done.is_ok()).count(), 1, "{one:?} {other:?}");
    assert_eq!(count(&stage.house, "SELECT count(*) FROM settings"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_in_the_history_and_can_be_taken_back_which_is_a_change_too() {
    let stage = Stage::new().await;
    let gateway = &stage.house.gateway;
    let name = "jobs.keep_days";
    assert_eq!(
        gateway.roll_back_setting(&stage.ann, name, None, 0).await.unwrap_err().message,
        "jobs.keep_days was never changed."
    );
    stage.set(name, "9").await;
    stage.house.set(&stage.ben, name, "12").await.unwrap();
    // What is so already is no change.
    stage.set(name, "12 days").await;
    gateway.roll_back_setting(&stage.ann, name, None, 2).await.unwrap();
    assert_eq!(stage.row(name).await.value, "9");
    gateway.roll_back_setting(&stage.ann, name, Some(0), 3).await.unwrap();
    let row = stage.row(name).await;
    assert_eq!((row.value.as_str(), row.from, row.version), ("30", Source::Default, 4));
    assert_eq!(kind(gateway.roll_back_setting(&stage.ann, name, Some(7), 4).await), FaultKind::NotFound);

    let past = gateway.setting_history(&stage.ann, Some(name.to_owned()), None, 3).await.unwrap();
    assert!(past.more);
    let told: Vec<_> = past
        .rows
        .iter()
        .map(|row| {
            let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "–".to_owned());
            (row.version, row.by_name.clone().unwrap(), text(&row.from), text(&row.to), row.restores)
        })
        .collect();
    let row = |version, who: &str, from: &str, to: &str, restores| {
        (version, who.to_owned(), from.to_owned(), to.to_owned(), restores)
    };
    assert_eq!(
        told,
        [row(4, "Ann", "9", "–", Some(0)), row(3, "Ann", "12", "9", Some(1)), row(2, "Ben", "9", "12", None),]
    );
    let rest = gateway.setting_history(&stage.ann, None, past.rows.last().map(|row| row.seq), 10).await.unwrap();
    assert_eq!((rest.rows.len(), rest.more), (1, false));

    let filter = AuditFilter { action: "settings.".to_owned(), ..AuditFilter::default() };
    let trail = gateway.audit(&stage.ann, filter, None, 10).await.unwrap().rows;
    let trail: Vec<_> = trail.into_iter().map(|one| (one.action, one.target)).collect();
    let entry = |action: &str, target: &str| (action.to_owned(), target.to_owned());
    assert_eq!(
        trail,
        [
            entry("settings.rollback", "jobs.keep_days: 9 days → 30 days (default)"),
            entry("settings.rollback", "jobs.keep_days: 12 days → 9 days"),
            entry("settings.set", "jobs.keep_days: 9 days → 12 days"),
            entry("settings.set", "jobs.keep_days: 30 days (default) → 9 days"),
        ]
    );
    stage.house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_goes_back_to_a_point_as_the_preview_said() {
    let stage = Stage::new().await;
    let gateway = &stage.house.gateway;
    stage.set("jobs.keep_days", "9").await;
    stage.set("chat.titles", "off").await;
    let then = gateway.settings(&stage.ann).await.unwrap().newest;
    stage.set("jobs.keep_days", "10").await;
    stage.set("chat.model", MODEL).await;
    stage.set("chat.titles", "on").await;
    stage.set("chat.titles", "off").await;
    let preview = gateway.setting_differences(&stage.ann, Point::Now, Point::Change(then)).await.unwrap();
    let told: Vec<_> =
        preview.rows.iter().map(|row| (row.name.as_str(), row.from.as_deref(), row.to.as_deref())).collect();
    assert_eq!(told, [("chat.model", Some(MODEL), None), ("jobs.keep_days", Some("10"), Some("9"))]);
    assert_eq!((preview.from, preview.to), (preview.newest, then));
    let changed = gateway.roll_all_settings_back(&stage.ann, Point::Change(then), preview.newest).await.unwrap();
    assert_eq!(changed, 2);
    assert_eq!((stage.row("jobs.keep_days").await.value.as_str(), stage.live.config().chat.model.as_str()), ("9", ""));
    // It is a change: the way forward is there as well.
    gateway.roll_all_settings_back(&stage.ann, Point::Change(preview.newest), preview.newest + 2).await.unwrap();
    assert_eq!(stage.row("chat.model").await.value, MODEL);
    // By the clock: long ago there was nothing.
    let all = gateway.setting_differences(&stage.ann, Point::At(0), Point::Now).await.unwrap();
    assert_eq!((all.from, all.rows.len()), (0, 3));
    stage.house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_good_in_another_version_does_not_come_back_and_does_not_hold() {
    let stage = Stage::new().await;
    let gateway = &stage.house.gateway;
    stage.set("jobs.keep_days", "9").await;
    tamper(
        &stage.house,
        "INSERT INTO settings (name, version, value, changed_at) VALUES
         ('jobs.keep_days', 2, '99999', 5), ('of.another', 1, 'x', 6)",
    );
    let row = stage.row("jobs.keep_days").await;
    assert_eq!((row.value.as_str(), row.from, row.house.as_deref()), ("30", Source::Default, Some("99999")));
    assert!(row.overruled.unwrap().ends_with("The default holds."));
    assert_eq!(stage.live.config().jobs.keep_days, 30);
    let newest = gateway.settings(&stage.ann).await.unwrap().newest;
    stage.set("jobs.keep_days", "11").await;
    let refused = gateway.roll_back_setting(&stage.ann, "jobs.keep_days", None, 3).await.unwrap_err();
    assert!(
        refused
            .message
            .starts_with("jobs.keep_days cannot go back: jobs.keep_days takes a whole number from 1 to 3650"),
        "{refused}"
    );
    let preview = gateway.setting_differences(&stage.ann, Point::Now, Point::Change(newest)).await.unwrap();
    assert!(preview.rows[0].refused.is_some());
    let all = gateway.roll_all_settings_back(&stage.ann, Point::Change(newest), newest + 1).await.unwrap_err();
    assert!(all.message.starts_with("Not everything can go back: jobs.keep_days takes"), "{all}");
    assert_eq!(stage.row("jobs.keep_days").await.value, "11");
    // What this program does not know stands in nobody's way.
    let back = gateway.roll_all_settings_back(&stage.ann, Point::Change(1), newest + 1).await.unwrap();
    assert_eq!(back, 1);
    stage.house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_into_the_trail_is_not_changed() {
    let stage = Stage::new().await;
    let mend = break_table(&stage.house, "INSERT", "audit");
    stage.house.set(&stage.ann, "jobs.keep_days", "9").await.unwrap_err();
    mend();
    assert_eq!(count(&stage.house, "SELECT count(*) FROM settings"), 0);
    assert_eq!(stage.live.config().jobs.keep_days, 30);
    stage.house.close().await;
}

fn prompt_of(round: u64) -> String {
    format!("round {round}")
}

/// `kill -9` while two settings are set by one command: both are changed with their entries in the trail, or neither.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_in_the_middle_leaves_all_of_a_change_or_nothing_of_it() {
    let (rounds, mut random) = kills(8);
    let stage = Program::signed_in().await;
    let quick = ["--set", "limits.auth_per_minute=600", "--passphrase-fd", "0"];
    for round in 0..rounds {
        let (days, prompt) =
            (format!("jobs.keep_days={}", 100 + round), format!("chat.system_prompt={}", prompt_of(round)));
        let args = [&quick[..], &["settings", "set", &days, &prompt]].concat();
        let mut child = stage.command(&args).stdin(Stdio::piped()).spawn().unwrap();
        // A program that is dead already hears nothing more.
        let _ = child.stdin.take().unwrap().write_all(format!("{ALICES}\n").as_bytes());
        tokio::time::sleep(Duration::from_millis(random.random_range(0..600))).await;
        let _ = child.kill();
        let finished = child.wait().unwrap().success();
        let listed = stage.json(&["settings", "list"]).await;
        let of = |name: &str| listed.as_array().unwrap().iter().find(|row| row["name"] == name).unwrap().clone();
        let (days, prompt) = (of("jobs.keep_days"), of("chat.system_prompt"));
        assert_eq!(days["version"], prompt["version"], "round {round}: one without the other");
        let is_new = prompt["value"].as_str() == Some(prompt_of(round).as_str());
        let wanted = (100 + round).to_string();
        assert_eq!(days["value"].as_str() == Some(wanted.as_str()), is_new, "round {round}");
        assert!(is_new || !finished, "round {round}: it was said to be done");
        let trail = stage.json(&["audit", "list", "--action", "settings.set", "--all"]).await;
        let entries = trail.as_array().unwrap().len() as i64;
        assert_eq!(entries, 2 * days["version"].as_i64().unwrap(), "round {round}: what is changed is in the trail");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_are_listed_set_compared_and_taken_back_from_the_command_line() {
    let stage = Program::signed_in().await;
    let quick = ["--set", "limits.auth_per_minute=600", "--passphrase-fd", "0"];
    let does = async |args: &[&str]| stage.with_input(&[&quick[..], args].concat(), &format!("{ALICES}\n")).await;
    let set = does(&["settings", "set", "jobs.keep_days=9", "accounts.registration=on"]).await;
    assert_eq!(set.code, Some(0), "{set:?}");
    assert!(set.out.contains("jobs.keep_days") && set.out.contains("* 9 days"), "{set:?}");
    assert_eq!(stage.run(&["settings", "get", "jobs.keep_days"]).await.out, "9\n");
    let row = stage.json(&["settings", "get", "jobs.keep_days"]).await;
    assert_eq!(
        (row["version"].as_i64(), row["from"].as_str(), row["default"].as_str()),
        (Some(1), Some("house"), Some("30"))
    );
    assert!(row["help"].is_string() && row["takes"].is_string() && row["effect"].is_string(), "{row}");

    // The list: all of them, what is not the default, and what a word finds.
    let listed = stage.run(&["settings", "list"]).await.out;
    for name in ["jobs.keep_days", "ui.theme", "ollama.host", "backup.keep_daily"] {
        assert!(listed.contains(name), "{name} in {listed}");
    }
    let changed = stage.json(&["settings", "list", "--changed"]).await;
    let names: Vec<&str> = changed.as_array().unwrap().iter().filter_map(|row| row["name"].as_str()).collect();
    assert!(names.contains(&"accounts.registration") && !names.contains(&"chat.model"), "{names:?}");
    assert!(stage.run(&["settings", "list", "passphrase"]).await.out.contains("auth.min_length"));
    let csv = stage.run(&["settings", "list", "--csv"]).await.out;
    assert!(csv.starts_with("name,group,value,default,from,"), "{csv}");
    assert!(csv.contains("jobs.keep_days,work,9,30,house,1,alice,"), "{csv}");

    let wrong = does(&["settings", "set", "jobs.keep_day=9"]).await;
    assert!(wrong.code == Some(2) && wrong.err.contains("Did you mean jobs.keep_days?"), "{wrong:?}");
    let wrong = stage.run(&["settings", "get", "ui.themes"]).await;
    assert!(wrong.code == Some(2) && wrong.err.contains("There is no setting"), "{wrong:?}");
    let old = does(&["settings", "set", "--seen", "0", "jobs.keep_days=8"]).await;
    assert!(old.err.contains("alice has set jobs.keep_days to 9 days since you looked."), "{old:?}");

    does(&["settings", "unset", "accounts.registration"]).await;
    let history = stage.run(&["settings", "history"]).await.out;
    assert!(history.lines().nth(1).is_some_and(|line| line.contains("accounts.registration")), "{history}");
    assert!(history.contains("30 days (default) → 9 days"), "{history}");
    let csv = stage.run(&["settings", "history", "jobs.keep_days", "--csv"]).await.out;
    assert_eq!(csv.lines().count(), 2, "{csv}");
    let diff = stage.run(&["settings", "diff", "--since", "yesterday"]).await.out;
    assert_eq!(diff, "jobs.keep_days\n  - 30 days (default)\n  + 9 days\n");
    let diff = stage.json(&["settings", "diff", "--since", "#1", "--until", "#2"]).await;
    assert_eq!(diff["rows"].as_array().unwrap().len(), 1, "{diff}");
    let diff = stage.run(&["settings", "diff", "accounts.registration", "--since", "v1", "--until", "v2"]).await.out;
    assert!(diff.contains("- on\n  + off (default)"), "{diff}");

    let back = does(&["settings", "rollback", "accounts.registration"]).await;
    assert!(back.out.contains("* on"), "{back:?}");
    let all = does(&["settings", "rollback", "--all", "--to", "#0", "--yes"]).await;
    assert!(all.out.contains("jobs.keep_days\n  - 9 days\n  + 30 days (default)"), "{all:?}");
    assert!(all.out.contains("Changed: 2."), "{all:?}");
    assert_eq!(stage.run(&["settings", "get", "jobs.keep_days"]).await.out, "30\n");
    assert!(stage.run(&["config", "show"]).await.err.contains("ollamanet settings list"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_signs_in_by_a_command_is_told_the_message_of_the_house_and_a_program_is_not() {
    let stage = crate::common::stage::Stage::signed_in().await;
    let passphrase = crate::common::stage::PASSPHRASE;
    let twice = [passphrase, "\n", passphrase].concat();
    let as_alice = ["--user", "alice", "--passphrase-fd", "0"];
    let set = [["settings", "set", "accounts.message=Down on Sunday."].as_slice(), &as_alice].concat();
    let done = stage.with_input(&set, &twice).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    let sign_in = ["account", "sign-in", "alice", "--passphrase-fd", "0"];
    let told = stage.with_input(&sign_in, passphrase).await;
    assert_eq!((told.code, told.err.as_str()), (Some(0), "ollamanet: Down on Sunday.\n"), "{told:?}");
    assert!(told.out.starts_with("Signed in as alice"), "{told:?}");
    let json = stage.with_input(&[sign_in.as_slice(), &["--json"]].concat(), passphrase).await;
    assert_eq!((json.code, json.err.as_str()), (Some(0), ""), "{json:?}");
    // Nor is a script, which signs in for every command, nor whoever stays signed in.
    let script = stage.with_input(&[["conversations", "list"].as_slice(), &as_alice].concat(), passphrase).await;
    let stays = stage.run(&["conversations", "list"]).await;
    assert!(![&script.err, &stays.err].iter().any(|text| text.contains("Down on Sunday")), "{script:?} {stays:?}");
}
