//! The table: everything that an administrator may set for the house.
//!
//! Only what the code reads stands here; each row has a test that a change of it changes what happens.

use super::{HouseSetting, Kind, Unit, What};

/// Groups in the order of the list, each with its one sentence.
pub const GROUPS: &[(&str, &str)] = &[
    ("accounts", "Who comes in, and how."),
    ("chat", "What new conversations begin with, and what an answer may take."),
    ("limits", "How much one account may ask for, where neither its role nor the account has another limit."),
    ("work", "What goes on in the background, and how often is looked."),
    ("trail", "How long the audit trail is kept."),
    ("backups", "When backups are made by themselves, and which stay."),
];

/// Registration, in `policy`.
pub const REGISTRATION: &str = "accounts.registration";
pub const SECOND_FACTOR: &str = "accounts.second_factor";
pub const AUDIT_DAYS: &str = "audit.keep_days";
pub const CODE_HOURS: &str = "accounts.code_hours";
pub const MESSAGE: &str = "accounts.message";
pub const OPTIONS: &str = "chat.options";
pub const JOB_ATTEMPTS: &str = "jobs.attempts";
pub const STALL_SECONDS: &str = "jobs.stall_seconds";
pub const BACKUP_DAILY: &str = "backup.keep_daily";
pub const BACKUP_WEEKLY: &str = "backup.keep_weekly";

/// Longest message at the door, bytes.
pub const MESSAGE_MAX: usize = 500;

const NOW: &str = "At once, in every window.";
const NEXT_CALL: &str = "At everybody's next call.";
const NEW_CONVERSATIONS: &str = "For conversations that are begun from now on.";

const fn shared(name: &'static str, group: &'static str, unit: Unit, effect: &'static str) -> HouseSetting {
    HouseSetting { name, group, what: What::Shared(unit), effect }
}

pub const ROWS: &[HouseSetting] = &[
    HouseSetting {
        name: REGISTRATION,
        group: "accounts",
        what: What::Own {
            kind: Kind::Bool,
            default: "false",
            help: "Whether anybody who can start the program here may make an account of their own, with the role user.",
        },
        effect: "At the next account that is made.",
    },
    HouseSetting {
        name: SECOND_FACTOR,
        group: "accounts",
        what: What::Own {
            kind: Kind::Choice(&["voluntary", "administrators", "everybody"]),
            default: "voluntary",
            help: "Of whom a second factor is demanded: whoever is without one has to add it before doing anything else.",
        },
        effect: NEXT_CALL,
    },
    HouseSetting {
        name: CODE_HOURS,
        group: "accounts",
        what: What::Own {
            kind: Kind::Number { low: 1, high: 720, unit: Unit::HOURS },
            default: "24",
            help: "How long a one-time code for a new or reset account is good.",
        },
        effect: "For codes that are made from now on.",
    },
    HouseSetting {
        name: MESSAGE,
        group: "accounts",
        what: What::Own {
            kind: Kind::Text { most: MESSAGE_MAX, lines: false },
            default: "",
            help: "A message for everybody who signs in here. Empty: none.",
        },
        effect: "The next time that somebody is asked to sign in.",
    },
    shared("auth.min_length", "accounts", Unit::COUNT, "At the next passphrase that is set."),
    shared("auth.idle_lock_minutes", "accounts", Unit::MINUTES.or(0, "never"), NOW),
    shared("auth.stay_signed_in_days", "accounts", Unit::DAYS, "For whoever stays signed in from now on."),
    shared("chat.model", "chat", Unit::COUNT, NEW_CONVERSATIONS),
    shared("chat.system_prompt", "chat", Unit::COUNT, NEW_CONVERSATIONS),
    HouseSetting {
        name: OPTIONS,
        group: "chat",
        what: What::Own {
            kind: Kind::Options,
            default: "",
            help: "The options of new conversations, such as temperature, num_ctx or keep_alive, where neither the person nor a preset says otherwise.",
        },
        effect: NEW_CONVERSATIONS,
    },
    shared("chat.titles", "chat", Unit::COUNT, "At the next first answer of a conversation."),
    shared("chat.attachment_bytes", "chat", Unit::BYTES, "At the next file that is attached."),
    shared("chat.silence_seconds", "chat", Unit::SECONDS, "At the next answer that is begun."),
    shared("limits.chat_per_minute", "limits", Unit::A_MINUTE, NEXT_CALL),
    shared("limits.auth_per_minute", "limits", Unit::A_MINUTE, NEXT_CALL),
    shared("limits.admin_per_minute", "limits", Unit::A_MINUTE, NEXT_CALL),
    shared("limits.read_per_minute", "limits", Unit::A_MINUTE, NEXT_CALL),
    shared("limits.write_per_minute", "limits", Unit::A_MINUTE, NEXT_CALL),
    shared("limits.concurrent_answers", "limits", Unit::COUNT, "At the next answer that is begun."),
    shared("limits.tokens_per_day", "limits", Unit::TOKENS.or(0, "no limit"), "At the next question."),
    shared("limits.vault_mib", "limits", Unit::MIB.or(0, "no limit"), "At the next thing that is added."),
    shared("jobs.installs_at_once", "work", Unit::COUNT, "At the next download that may begin."),
    HouseSetting {
        name: JOB_ATTEMPTS,
        group: "work",
        what: What::Own {
            kind: Kind::Number { low: 0, high: 100, unit: Unit::COUNT },
            default: "8",
            help: "How often a download or other job is tried again by itself before it counts as failed. While Ollama is away, it waits longer.",
        },
        effect: "At the next attempt that fails.",
    },
    HouseSetting {
        name: STALL_SECONDS,
        group: "work",
        what: What::Own {
            kind: Kind::Number { low: 5, high: 3600, unit: Unit::SECONDS },
            default: "60",
            help: "How long nothing of a download or an upload may come before it is connected anew.",
        },
        effect: "At once, for those under way as well.",
    },
    shared("jobs.keep_days", "work", Unit::DAYS, "When a window next looks after the jobs."),
    shared("health.every_seconds", "work", Unit::SECONDS, "After the next check."),
    shared("cache.models_fresh_seconds", "work", Unit::SECONDS, "At the next look at the models."),
    HouseSetting {
        name: AUDIT_DAYS,
        group: "trail",
        what: What::Own {
            kind: Kind::Number { low: 30, high: 36_500, unit: Unit::DAYS.or(0, "for ever") },
            default: "0",
            help: "How long entries of the audit trail are kept; older ones go when it is pruned, and what stays can be verified all the same.",
        },
        effect: "The next time that the trail is pruned.",
    },
    HouseSetting {
        name: BACKUP_DAILY,
        group: "backups",
        what: What::Own {
            kind: Kind::Number { low: 1, high: 366, unit: Unit::DAYS },
            default: "7",
            help: "The newest backup of each of so many days stays.",
        },
        effect: "The next time that backups are pruned.",
    },
    HouseSetting {
        name: BACKUP_WEEKLY,
        group: "backups",
        what: What::Own {
            kind: Kind::Number { low: 0, high: 520, unit: Unit { word: "weeks", ..Unit::COUNT } },
            default: "4",
            help: "The newest backup of each of so many weeks stays.",
        },
        effect: "The next time that backups are pruned.",
    },
];
