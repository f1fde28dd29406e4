//! Keys in, calls out; and what the screen looks like.

mod backups;
mod clicks;
mod health;
mod house_rules;
mod metrics;
mod overview;
mod roles;
mod rules_and_trail;
mod settings;
mod users;
mod views;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::{Terminal, backend::TestBackend};

use super::*;
use crate::{
    api::{
        AccountId, SessionId,
        admin::{
            AccountState, Anchor, AuditEntry, AuditPage, AuditVerdict, Class, LimitRule, Limited, ModelRule,
            Permission, RoleView, SessionRow, UserDetail, UserPage, UserRow,
        },
        auth::{Role, Secret},
    },
    ui::{
        msg::{Timer, house::SettingsCall},
        testing::toasts,
    },
};

/// The screen with its surroundings, typed at as the root does it.
struct Desk {
    screen: AdminScreen,
    cx: Cx,
}

impl Desk {
    /// With accounts, roles and rules read.
    fn new() -> Self {
        let cx = Cx::fixed();
        let mut desk = Self { screen: AdminScreen { tab: Tab::Users, ..AdminScreen::default() }, cx };
        desk.screen.open();
        desk.reply(AdminReply::Users { asked: 1, page: Ok(page(people(), false)) });
        desk.reply(AdminReply::Roles(Ok(roles())));
        desk.reply(listed(all_settings()));
        desk
    }

    fn wide() -> Self {
        let mut desk = Self::new();
        desk.cx.size = (120, 36);
        desk
    }

    fn reply(&mut self, reply: AdminReply) -> Vec<Effect> {
        self.screen.on_reply(reply, &self.cx)
    }

    fn press(&mut self, key: impl Into<KeyEvent>) -> Vec<Effect> {
        let key = key.into();
        let action = self.cx.keymap.resolve(self.screen.context(), key);
        action
            .and_then(|action| self.screen.on_action(action, &self.cx))
            .or_else(|| self.screen.on_key(key, &self.cx))
            .unwrap_or_default()
    }

    fn write(&mut self, text: &str) -> Vec<Effect> {
        text.chars().flat_map(|c| self.press(KeyCode::Char(c))).collect()
    }

    fn enter(&mut self) -> Vec<Effect> {
        self.press(KeyCode::Enter)
    }

    /// Empties a field and writes another text into it.
    fn overwrite(&mut self, text: &str) {
        self.press(KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL));
        self.write(text);
    }

    /// The account under the cursor in full.
    fn show_detail(&mut self) {
        let effects = self.enter();
        let (asked, id) = effects
            .iter()
            .find_map(|effect| match effect {
                Effect::Admin(AdminCall::User { asked, id }) => Some((*asked, *id)),
                _ => None,
            })
            .unwrap();
        self.reply(AdminReply::User { asked, id, detail: Ok(Box::new(detail(id))) });
    }

    fn draw(&self, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let mut cx = self.cx.clone();
        cx.size = (width, height);
        terminal.draw(|frame| self.screen.view(frame, frame.area(), &cx, true)).unwrap();
        let text = terminal.backend().to_string();
        let lines: Vec<String> = text.lines().map(|line| line.trim_matches('"').trim_end().to_owned()).collect();
        lines.join("\n")
    }
}

fn listed(shown: settings::Shown) -> AdminReply {
    AdminReply::Settings(SettingsReply::Listed(Ok(Box::new(shown))))
}

use settings::{all_settings, with};

fn id(n: u128) -> AccountId {
    AccountId(uuid::Uuid::from_u128(n))
}

fn target(n: u128, name: &str) -> Target {
    Target { id: id(n), name: name.into() }
}

fn row(n: u128, name: &str, state: AccountState) -> UserRow {
    UserRow {
        id: id(n),
        name: name.into(),
        display_name: None,
        role: "user".into(),
        rank: Role::User,
        state,
        locked_until: None,
        last_sign_in: Some(1_795_514_520_000 - 3_600_000),
        created_at: 1_790_000_000_000,
        live_sessions: 0,
        has_second_factor: false,
        failures: 0,
    }
}

fn people() -> Vec<UserRow> {
    let now = 1_795_514_520_000;
    vec![
        UserRow {
            role: "admin".into(),
            rank: Role::Admin,
            display_name: Some("Alice Adams".into()),
            live_sessions: 2,
            has_second_factor: true,
            ..row(1, "alice", AccountState::Active)
        },
        UserRow {
            display_name: Some("Ben Example".into()),
            locked_until: Some(now + 9 * 60_000),
            failures: 3,
            live_sessions: 1,
            ..row(2, "ben", AccountState::Locked)
        },
        UserRow {
            last_sign_in: None,
            role: "students".into(),
            ..row(3, "carla.with-a-very-long-name-indeed", AccountState::Invited)
        },
        UserRow { display_name: Some("漢字 太郎".into()), ..row(4, "dora", AccountState::Disabled) },
    ]
}

fn page(rows: Vec<UserRow>, more: bool) -> UserPage {
    let total = u32::try_from(rows.len()).unwrap() + if more { 100 } else { 0 };
    UserPage { rows, more, total }
}

fn detail(of: AccountId) -> UserDetail {
    let session = |n: u128, place: &str| SessionRow {
        id: SessionId(uuid::Uuid::from_u128(n)),
        place: place.into(),
        os_uid: 1000,
        pid: 4242,
        started_at: 1_795_514_520_000 - 7_200_000,
        expires_at: 1_795_514_520_000 + 7_200_000,
        is_own: n == 1,
    };
    let row = people().into_iter().find(|row| row.id == of).unwrap_or_else(|| row(9, "zoe", AccountState::Active));
    UserDetail {
        row,
        sessions: vec![session(1, "/dev/pts/3"), session(2, "models list")],
        sealed_vaults: 1,
        vault_bytes: 2_345_678,
        code_expires_at: Some(1_795_514_520_000 + 23 * 3_600_000),
        limits: vec![LimitRule { limited: Limited::Answers, most: 2 }],
        models: vec![
            ModelRule { pattern: "llama3*".into(), allowed: true },
            ModelRule { pattern: "*:70b".into(), allowed: false },
        ],
    }
}

fn role(name: &str, rank: Role) -> RoleView {
    RoleView {
        name: name.into(),
        rank,
        is_builtin: false,
        permissions: Vec::new(),
        limits: Vec::new(),
        models: Vec::new(),
        members: 1,
    }
}

fn roles() -> Vec<RoleView> {
    vec![
        RoleView { is_builtin: true, members: 12, ..role("user", Role::User) },
        RoleView { is_builtin: true, ..role("admin", Role::Admin) },
        RoleView {
            permissions: vec![(Permission::SeeAudit, false), (Permission::Chat, true)],
            ..role("helpers", Role::Admin)
        },
        RoleView {
            permissions: vec![(Permission::Export, false)],
            limits: vec![LimitRule { limited: Limited::Calls(Class::Chat), most: 5 }],
            models: vec![ModelRule { pattern: "llama3*".into(), allowed: true }],
            members: 30,
            ..role("students", Role::User)
        },
    ]
}

fn entry(seq: i64, action: &str, result: &str) -> AuditEntry {
    AuditEntry {
        seq,
        at: 1_795_514_520_000 - (60 - seq) * 600_000,
        actor: Some(id(1)),
        actor_name: Some("alice".into()),
        os_uid: 1000,
        action: action.into(),
        target: "ben".into(),
        result: result.into(),
        hash: "9f2c".repeat(16),
    }
}

fn verdict(broken_at: Option<i64>, anchor: Anchor) -> AuditVerdict {
    AuditVerdict { first: Some(1), last: Some(60), entries: 60, broken_at, anchor }
}

fn code(name: &str) -> ActivationCode {
    ActivationCode {
        account: id(7),
        name: name.into(),
        code: Secret::new("7KQ4-MX2P-9RTD"),
        expires_at: 1_795_514_520_000 + 24 * 3_600_000,
    }
}

fn unconfirmed() -> Fault {
    Fault::new(FaultKind::Unconfirmed, "This needs your passphrase once more.")
}

/// The calls among these effects.
fn calls(effects: &[Effect]) -> Vec<AdminCall> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Admin(call) => Some(call.clone()),
            _ => None,
        })
        .collect()
}

/// The calls that wait for the passphrase among these effects.
fn to_confirm(effects: &[Effect]) -> Vec<AdminCall> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Confirm(then) => Some(calls(then)),
            _ => None,
        })
        .flatten()
        .collect()
}
