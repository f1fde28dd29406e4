//! Roles and what hangs on them, the rules of the house, the audit trail, and how an account is set up by its person:
//! through the one door, with two windows on one directory where it matters.

use ollamanet::{
    api::{
        AccountId, Fault, FaultKind,
        admin::{Anchor, AuditFilter, Class, Limited, ModelRule, Permission, RoleView, Scope},
        auth::{Role, Secret, Session, SignedIn},
        chat::{NewTurn, TurnAct},
        organise::{NewConversation, Shelf},
        profile::Preferences,
    },
    fake::{Fake, Pace, StandIn},
    store::{
        StoreError, While,
        system::{Moment, open_system},
    },
    tasks::Tasks,
};

use crate::common::house::{House, PASSPHRASE};

/// An administrator and a member, signed in, at the stand-in's models.
struct Two {
    house: House,
    admin: SignedIn,
    member: SignedIn,
    home: tempfile::TempDir,
    _fake: Fake,
    _tasks: Tasks,
}

impl Two {
    async fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let tasks = Tasks::new();
        let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
        let house = House::beside(home.path(), &fake);
        let admin = house.first_admin("Ann").await;
        let member = house.newcomer(&admin.session, "Ben", "user").await;
        Self { house, admin, member, home, _fake: fake, _tasks: tasks }
    }

    fn by(&self) -> &Session {
        &self.admin.session
    }

    async fn role(&self, name: &str) -> RoleView {
        let roles = self.house.gateway.roles(self.by()).await.unwrap();
        roles.into_iter().find(|role| role.name == name).unwrap()
    }

    async fn models_of(&self, session: &Session) -> Vec<String> {
        let list = self.house.gateway.models(session, false).await.unwrap();
        list.models.into_iter().map(|model| model.name).collect()
    }

    async fn ask(&self, session: &Session, model: &str) -> Result<(), Fault> {
        let conversation = self.house.gateway.create_conversation(session, NewConversation::default()).await?.row.id;
        let act = TurnAct::Send { text: "hello".to_owned(), attachments: Vec::new() };
        let new = NewTurn { conversation, act, model: Some(model.to_owned()), shorten: false };
        self.house.gateway.start_turn(session, new).await.map(drop)
    }
}

fn rule(pattern: &str, allowed: bool) -> ModelRule {
    ModelRule { pattern: pattern.to_owned(), allowed }
}

fn kind<T>(outcome: Result<T, Fault>) -> Option<FaultKind> {
    outcome.err().map(|fault| fault.kind)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_model_is_nowhere_and_answers_as_one_that_is_not_installed() {
    let two = Two::new().await;
    let (gateway, ben) = (&two.house.gateway, &two.member.session);
    let all = two.models_of(ben).await;
    assert!(all.len() > 1 && all.contains(&"demo-chat:3b".to_owned()), "{all:?}");
    let role = Scope::Role("user".to_owned());
    gateway.set_model_access(two.by(), role.clone(), vec![rule("demo-chat*", false)]).await.unwrap();
    assert!(!two.models_of(ben).await.iter().any(|name| name.starts_with("demo-chat")));
    let hidden = two.ask(ben, "demo-chat:3b").await.unwrap_err();
    let missing = two.ask(ben, "demo-none:3b").await;
    assert_eq!(hidden.kind, FaultKind::ModelMissing);
    // Where the model is really missing, the words come with the answer; the refusal must be of the same kind.
    assert!(missing.is_ok() || kind(missing) == Some(FaultKind::ModelMissing));
    let (hidden, missing) = (gateway.model(ben, "demo-chat:3b").await, gateway.model(ben, "demo-none:3b").await);
    let words = |fault: Fault, name: &str| fault.message.replace(name, "it");
    assert_eq!(words(hidden.unwrap_err(), "demo-chat:3b"), words(missing.unwrap_err(), "demo-none:3b"));
    // Whoever may administer sees all of it still.
    assert_eq!(two.models_of(two.by()).await, all);
    // For one account more may be allowed by name, but a denial wins.
    let own = Scope::Account(two.member.account.id);
    gateway.set_model_access(two.by(), own.clone(), vec![rule("*", true)]).await.unwrap();
    assert_eq!(kind(two.ask(ben, "demo-chat:3b").await), Some(FaultKind::ModelMissing));
    gateway.set_model_access(two.by(), role, Vec::new()).await.unwrap();
    two.ask(ben, "demo-chat:3b").await.unwrap();
    gateway.set_model_access(two.by(), own, vec![rule("demo-chat:3b", true)]).await.unwrap();
    assert_eq!(two.models_of(ben).await, ["demo-chat:3b"]);
    two.house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_permission_is_felt_at_the_next_call_also_in_another_window() {
    let two = Two::new().await;
    let home = two.home.path().to_path_buf();
    let other = House::alone(&home);
    let there = other.sign_in("Ben", &Secret::new(PASSPHRASE)).await.unwrap();
    other.gateway.tree(&there.session).await.unwrap();
    let deny = Some(false);
    two.house.gateway.set_permission(two.by(), "user", Permission::Organise, deny).await.unwrap();
    assert_eq!(kind(other.gateway.tree(&there.session).await), Some(FaultKind::Denied));
    assert_eq!(kind(two.house.gateway.tree(&two.member.session).await), Some(FaultKind::Denied));
    // One's own account always answers.
    other.gateway.whoami(&there.session).await.unwrap();
    two.house.gateway.set_permission(two.by(), "user", Permission::Organise, None).await.unwrap();
    other.gateway.tree(&there.session).await.unwrap();
    two.house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_limit_holds_for_its_role_and_an_accounts_own_wins() {
    let two = Two::new().await;
    let (gateway, ben) = (&two.house.gateway, &two.member.session);
    let chat = Limited::Calls(Class::Chat);
    gateway.set_limit(two.by(), Scope::Role("user".to_owned()), chat, Some(2)).await.unwrap();
    for _ in 0..2 {
        two.ask(ben, "demo-chat:3b").await.unwrap();
    }
    let slow = two.ask(ben, "demo-chat:3b").await.unwrap_err();
    assert_eq!(slow.kind, FaultKind::Slow);
    assert!(slow.retry_after.is_some() && slow.message.contains("2 questions"), "{slow}");
    let left = gateway.allowance(ben).await.unwrap();
    let of_chat = left.iter().find(|left| left.limited == chat).unwrap();
    assert_eq!((of_chat.most, of_chat.left), (2, 0));
    assert!(of_chat.full_in_ms > 0);
    gateway.set_limit(two.by(), Scope::Account(two.member.account.id), chat, Some(90)).await.unwrap();
    assert_eq!(gateway.allowance(ben).await.unwrap().iter().find(|left| left.limited == chat).unwrap().most, 90);
    assert_eq!(
        kind(gateway.set_limit(two.by(), Scope::Role("user".to_owned()), chat, Some(0)).await),
        Some(FaultKind::Invalid)
    );
    assert_eq!(
        kind(gateway.set_limit(two.by(), Scope::Account(AccountId::new()), chat, None).await),
        Some(FaultKind::NotFound)
    );
    two.house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_made_renamed_and_removed_and_the_built_in_ones_stay() {
    let two = Two::new().await;
    let gateway = &two.house.gateway;
    let made = gateway.create_role(two.by(), "  Reader ", Role::User).await.unwrap();
    assert_eq!((made.name.as_str(), made.rank, made.is_builtin, made.members), ("reader", Role::User, false, 0));
    assert_eq!(kind(gateway.create_role(two.by(), "READER", Role::User).await), Some(FaultKind::Conflict));
    assert_eq!(kind(gateway.create_role(two.by(), "two words", Role::User).await), Some(FaultKind::Invalid));
    gateway.set_permission(two.by(), "reader", Permission::Export, Some(false)).await.unwrap();
    gateway.rename_role(two.by(), "reader", "guest").await.unwrap();
    let guest = two.role("guest").await;
    assert!(!guest.may(Permission::Export) && guest.may(Permission::Chat));
    for name in ["user", "admin"] {
        assert_eq!(kind(gateway.rename_role(two.by(), name, "other").await), Some(FaultKind::Invalid));
        assert_eq!(kind(gateway.delete_role(two.by(), name, "guest").await), Some(FaultKind::Invalid));
    }
    let above = gateway.set_permission(two.by(), "guest", Permission::ManageModels, Some(true)).await;
    assert_eq!(kind(above), Some(FaultKind::Invalid));
    let own = gateway.set_permission(two.by(), "guest", Permission::Own, Some(false)).await;
    assert_eq!(kind(own), Some(FaultKind::Invalid));
    let admin = gateway.set_permission(two.by(), "admin", Permission::Chat, Some(false)).await;
    assert_eq!(kind(admin), Some(FaultKind::Denied));
    gateway.delete_role(two.by(), "guest", "user").await.unwrap();
    assert_eq!(kind(gateway.delete_role(two.by(), "guest", "user").await), Some(FaultKind::NotFound));
    let names: Vec<String> = gateway.roles(two.by()).await.unwrap().into_iter().map(|role| role.name).collect();
    assert_eq!(names, ["admin", "user"]);
    two.house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demanded_second_factor_shuts_everything_but_ones_own_account() {
    let two = Two::new().await;
    let (gateway, ben) = (&two.house.gateway, &two.member.session);
    two.house.set(two.by(), "accounts.second_factor", "everybody").await.unwrap();
    assert_eq!(kind(gateway.tree(ben).await), Some(FaultKind::SecondFactorWanted));
    let profile = gateway.profile(ben).await.unwrap();
    assert!(profile.second_factor.is_required && profile.second_factor.added_at.is_none());
    // The rules bind who made them as well: one's own account is what is left.
    assert_eq!(kind(gateway.settings(two.by()).await), Some(FaultKind::SecondFactorWanted));
    two.house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rules_of_the_house_are_kept_and_every_change_is_in_the_trail() {
    let two = Two::new().await;
    let gateway = &two.house.gateway;
    two.house.set(two.by(), "accounts.registration", "on").await.unwrap();
    two.house.set(two.by(), "audit.keep_days", "90 days").await.unwrap();
    assert_eq!(kind(two.house.set(two.by(), "audit.keep_days", "7").await), Some(FaultKind::Invalid));
    let filter = AuditFilter { action: "settings.".to_owned(), who: "ann".to_owned(), ..AuditFilter::default() };
    let found = gateway.audit(two.by(), filter, None, 10).await.unwrap();
    let told: Vec<(&str, &str)> = found.rows.iter().map(|row| (row.target.as_str(), row.result.as_str())).collect();
    assert_eq!(
        told,
        [("audit.keep_days: for ever (default) → 90 days", "ok"), ("accounts.registration: off (default) → on", "ok")]
    );
    assert_eq!(
        kind(gateway.audit(&two.member.session, AuditFilter::default(), None, 10).await),
        Some(FaultKind::Denied)
    );
    two.house.close().await;
}

/// Changes the system database as somebody would who has the file and a copy of this program.
async fn tamper(house: &House, sql: &'static str) {
    let system = open_system(&house.paths.data.join("system.db"), false).unwrap();
    system.write::<_, StoreError>(move |tx| tx.execute_batch(sql).while_("tampering")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrators_vault_remembers_the_trail_from_their_sign_in_on_though_nobody_verified_it() {
    let two = Two::new().await;
    let again = two.house.sign_in("Ann", &Secret::new(PASSPHRASE)).await.unwrap();
    crate::common::until("the end of the trail is remembered", || two.house.tasks.running().is_empty()).await;
    crate::common::house::tamper(
        &two.house,
        "DELETE FROM audit WHERE seq > 2; UPDATE sqlite_sequence SET seq = 2 WHERE name = 'audit'",
    );
    let verdict = two.house.gateway.verify_audit(&again.session).await.unwrap();
    assert!(matches!(verdict.anchor, Anchor::CutOff { .. }) && !verdict.is_sound(), "{verdict:?}");
    two.house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_a_shortened_and_a_rewritten_trail_are_told_apart() {
    let two = Two::new().await;
    let gateway = &two.house.gateway;
    let first = gateway.verify_audit(two.by()).await.unwrap();
    assert_eq!((first.broken_at, first.anchor), (None, Anchor::New));
    let again = gateway.verify_audit(two.by()).await.unwrap();
    let Anchor::Holds { seq } = again.anchor else { panic!("{again:?}") };
    assert!(again.is_sound() && Some(seq) == first.last);
    // Cut off behind what was remembered: nothing in the file itself shows it.
    tamper(&two.house, "DELETE FROM audit WHERE seq > 2").await;
    let cut = gateway.verify_audit(two.by()).await.unwrap();
    assert_eq!(cut.broken_at, None);
    assert!(matches!(cut.anchor, Anchor::CutOff { .. }) && !cut.is_sound(), "{cut:?}");
    // It does not get used to it.
    assert!(!gateway.verify_audit(two.by()).await.unwrap().is_sound());
    tamper(&two.house, "UPDATE audit SET result = 'ok!' WHERE seq = 1").await;
    assert_eq!(gateway.verify_audit(two.by()).await.unwrap().broken_at, Some(1));
    two.house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trail_written_anew_with_fitting_hashes_is_found_by_what_the_vault_remembers() {
    let two = Two::new().await;
    let gateway = &two.house.gateway;
    gateway.verify_audit(two.by()).await.unwrap();
    let system = open_system(&two.house.paths.data.join("system.db"), false).unwrap();
    system
        .write::<_, StoreError>(|tx| {
            let rows: i64 = tx.query_row("SELECT count(*) FROM audit", [], |row| row.get(0)).while_("counting")?;
            tx.execute_batch("DELETE FROM audit").while_("tampering")?;
            for _ in 0..rows {
                ollamanet::store::system::audit::append(tx, &Moment::here(), None, "auth.sign_in", "Ann", "ok")?;
            }
            Ok(())
        })
        .await
        .unwrap();
    let verdict = gateway.verify_audit(two.by()).await.unwrap();
    assert_eq!(verdict.broken_at, None);
    assert!(matches!(verdict.anchor, Anchor::Mismatch { .. }) && !verdict.is_sound(), "{verdict:?}");
    two.house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pruning_wants_a_rule_and_leaves_a_sound_trail() {
    let two = Two::new().await;
    let gateway = &two.house.gateway;
    assert_eq!(kind(gateway.prune_audit(two.by()).await), Some(FaultKind::Invalid));
    two.house.set(two.by(), "audit.keep_days", "30").await.unwrap();
    assert_eq!(gateway.prune_audit(two.by()).await.unwrap(), 0);
    assert!(gateway.verify_audit(two.by()).await.unwrap().is_sound());
    two.house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn preferences_are_ones_own_and_shape_new_conversations() {
    let two = Two::new().await;
    let (gateway, ben) = (&two.house.gateway, &two.member.session);
    assert_eq!(gateway.preferences(ben).await.unwrap(), Preferences::default());
    let mut own = Preferences {
        model: Some("demo-think:8b".to_owned()),
        system_prompt: Some("Answer in rhyme. xylocanary".to_owned()),
        theme: Some("light".to_owned()),
        ..Preferences::default()
    };
    own.options.set("temperature", "0.3").unwrap();
    gateway.set_preferences(ben, own.clone()).await.unwrap();
    assert_eq!(gateway.preferences(ben).await.unwrap(), own);
    assert_eq!(gateway.preferences(two.by()).await.unwrap(), Preferences::default());
    let made = gateway.create_conversation(ben, NewConversation::default()).await.unwrap();
    assert_eq!((made.row.model, made.system_prompt), (own.model.clone(), own.system_prompt.clone()));
    assert_eq!(made.options.get("temperature"), "0.3");
    // What is said at the time wins.
    let mut said = NewConversation { model: Some("demo-chat:3b".to_owned()), ..NewConversation::default() };
    said.options.set("temperature", "1").unwrap();
    let made = gateway.create_conversation(ben, said).await.unwrap();
    assert_eq!((made.row.model.as_deref(), made.options.get("temperature").as_str()), (Some("demo-chat:3b"), "1"));
    let odd = Preferences { theme: Some("pink".to_owned()), ..Preferences::default() };
    assert_eq!(kind(gateway.set_preferences(ben, odd).await), Some(FaultKind::Invalid));
    // They lie in the vault, so nobody reads them in the shared database.
    for file in two.house.files() {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(10).any(|piece| piece == b"xylocanary"), "{}", file.display());
    }
    gateway.conversations(ben, Shelf::Recent, "", None, 10).await.unwrap();
    two.house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_see_what_is_recorded_about_them_and_nothing_else() {
    let two = Two::new().await;
    let (gateway, ben) = (&two.house.gateway, &two.member.session);
    gateway.set_display_name(ben, Some("Benjamin".to_owned())).await.unwrap();
    assert_eq!(gateway.profile(ben).await.unwrap().display_name.as_deref(), Some("Benjamin"));
    let wrong = two.house.sign_in("ben", &Secret::new("not it at all")).await;
    assert_eq!(kind(wrong), Some(FaultKind::WrongCredentials));
    let activity = gateway.activity(ben, None, 10).await.unwrap();
    let told: Vec<(&str, &str)> =
        activity.entries.iter().map(|entry| (entry.action.as_str(), entry.result.as_str())).collect();
    assert_eq!(
        told,
        [("auth.sign_in", "wrong"), ("profile.display_name", "ok"), ("auth.activate", "ok"), ("users.create", "ok")],
        "a failed try of somebody else at one's own name is one's business, and of Ann's only what she did to him"
    );
    assert!(activity.last_sign_in.is_some() && !activity.more);
    two.house.close().await;
}
