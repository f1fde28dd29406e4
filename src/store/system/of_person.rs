//! Everything that the house keeps about a person beside their vault: for the archive of their account.
//!
//! Invariant: each table of the schema stands in here, as one whose rows of this person are told, or as one that has none, and
//! each column of a table that is told is told or named with those that are not: keys, hashes, and what lets somebody in. A
//! test compares both with the schema, so a new table has to be thought of.

use rusqlite::{Transaction, named_params};

use super::{accounts, throttle};
use crate::{
    api::AccountId,
    store::{StoreError, While},
};

/// A table and what is told of it.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    pub table: &'static str,
    /// Gives each row of the account as a JSON object.
    sql: &'static str,
    /// Columns that are told to nobody: what opens something, who runs a job just now, whose it is, and of what belongs to the
    /// house all but which it was and when.
    #[cfg_attr(not(test), expect(dead_code, reason = "the schema is held against it"))]
    untold: &'static [&'static str],
}

/// What is told, in the order of the archive. `usage` and `audit` have files of their own.
pub const PARTS: &[Part] = &[
    Part {
        table: "accounts",
        sql:
            "SELECT json_object('id', lower(hex(id)), 'name', name, 'name_key', name_key, 'display_name', display_name,
                  'role', role, 'state', state, 'deleted_at', deleted_at, 'locked_until', locked_until,
                  'vault', lower(hex(vault)), 'epoch', epoch, 'last_sign_in', last_sign_in, 'created_at', created_at)
              FROM accounts WHERE id = :account",
        untold: &[],
    },
    Part {
        table: "sealed_vaults",
        sql: "SELECT json_object('vault', lower(hex(vault)), 'sealed_at', sealed_at)
              FROM sealed_vaults WHERE account = :account ORDER BY sealed_at",
        untold: &["wrapped", "wrapped_by"],
    },
    Part {
        table: "key_slots",
        sql: "SELECT json_object('id', lower(hex(id)), 'vault', lower(hex(vault)), 'kind', kind, 'version', version,
                  'memory_kib', memory_kib, 'passes', passes, 'lanes', lanes, 'created_at', created_at)
              FROM key_slots WHERE account = :account ORDER BY created_at",
        untold: &["salt", "nonce", "sealed"],
    },
    Part {
        table: "sessions",
        sql: "SELECT json_object('id', lower(hex(id)), 'epoch', epoch, 'place', place, 'os_uid', os_uid, 'pid', pid,
                  'pid_began', pid_began, 'boot_id', boot_id, 'pid_space', pid_space, 'started_at', started_at,
                  'expires_at', expires_at, 'ended_at', ended_at, 'ended_why', ended_why)
              FROM sessions WHERE account = :account ORDER BY started_at",
        untold: &[],
    },
    Part {
        table: "token_families",
        sql: "SELECT json_object('os_uid', os_uid, 'generation', generation, 'rotated_at', rotated_at,
                  'expires_at', expires_at)
              FROM token_families WHERE account = :account ORDER BY rotated_at",
        untold: &["selector"],
    },
    Part {
        table: "notices",
        sql: "SELECT json_object('seq', seq, 'at', at, 'text', text)
              FROM notices WHERE account = :account ORDER BY seq",
        untold: &[],
    },
    Part {
        table: "activation_codes",
        sql: "SELECT json_object('expires_at', expires_at, 'used_at', used_at)
              FROM activation_codes WHERE account = :account",
        untold: &["hash"],
    },
    Part {
        table: "second_factors",
        sql: "SELECT json_object('last_step', last_step, 'added_at', added_at)
              FROM second_factors WHERE account = :account",
        untold: &["secret"],
    },
    Part {
        table: "second_factor_codes",
        sql: "SELECT json_object('used_at', used_at) FROM second_factor_codes WHERE account = :account",
        untold: &["hash"],
    },
    Part {
        table: "buckets",
        sql: "SELECT json_object('class', class, 'level', level, 'updated_at', updated_at)
              FROM buckets WHERE who = :account ORDER BY class",
        untold: &["who"],
    },
    Part {
        table: "limits",
        sql: "SELECT json_object('limited', limited, 'most', most) FROM limits WHERE account = :account ORDER BY limited",
        untold: &["role"],
    },
    Part {
        table: "model_access",
        sql: "SELECT json_object('pattern', pattern, 'allowed', allowed)
              FROM model_access WHERE account = :account ORDER BY pattern",
        untold: &["role"],
    },
    Part {
        table: "usage_days",
        sql: "SELECT json_object('day', day, 'sign_ins', sign_ins, 'answers', answers, 'failed', failed,
                  'prompt_tokens', prompt_tokens, 'answer_tokens', answer_tokens)
              FROM usage_days WHERE account = :account ORDER BY day",
        untold: &[],
    },
    Part {
        table: "usage_sums",
        sql: "SELECT json_object('day', day, 'model', model, 'done', done, 'length', length, 'stopped', stopped,
                  'interrupted', interrupted, 'failed', failed, 'prompt_tokens', prompt_tokens,
                  'answer_tokens', answer_tokens, 'speed_tokens', speed_tokens, 'speed_ms', speed_ms, 'loads', loads,
                  'load_ms', load_ms, 'liked', liked, 'disliked', disliked, 'last_at', last_at,
                  'first_tokens', lower(hex(first_tokens)))
              FROM usage_sums WHERE account = :account ORDER BY day, model",
        untold: &[],
    },
    Part {
        table: "usage_people",
        sql: "SELECT json_object('model', model, 'last_day', last_day)
              FROM usage_people WHERE account = :account ORDER BY model",
        untold: &[],
    },
    Part {
        table: "usage_faults",
        sql: "SELECT json_object('day', day, 'failed_as', failed_as, 'model', model, 'kind', kind, 'count', count)
              FROM usage_faults WHERE account = :account ORDER BY day, failed_as, model, kind",
        untold: &[],
    },
    Part {
        table: "storage_days",
        sql: "SELECT json_object('day', day, 'bytes', bytes) FROM storage_days WHERE account = :account ORDER BY day",
        untold: &[],
    },
    Part {
        table: "jobs",
        sql: "SELECT json_object('seq', seq, 'id', lower(hex(id)), 'kind', kind, 'about', about, 'state', state,
                  'work', work, 'kept', kept, 'progress', progress, 'attempts', attempts, 'in_vain', in_vain,
                  'setbacks', setbacks, 'error', error, 'outcome', outcome, 'next_at', next_at, 'wish', wish,
                  'created_at', created_at, 'updated_at', updated_at)
              FROM jobs WHERE account = :account ORDER BY seq",
        untold: &["holder", "holder_boot", "holder_pid", "holder_started", "parent", "asked"],
    },
    Part {
        table: "rules",
        sql: "SELECT json_object('id', lower(hex(id)), 'name', name, 'kind', kind, 'created_at', created_at)
              FROM rules WHERE made_by = :account ORDER BY created_at",
        untold: &[
            "name_key",
            "action",
            "whenever",
            "only_if",
            "enabled",
            "made_by",
            "updated_at",
            "since",
            "failures",
            "again_due",
            "again_at",
            "paused_because",
            "waits_because",
            "seen",
        ],
    },
    Part {
        table: "rule_runs",
        sql: "SELECT json_object('seq', seq, 'rule', lower(hex(rule)), 'job', lower(hex(job)), 'at', at,
                  'ended_at', ended_at, 'due_at', due_at, 'again', again, 'dry_run', dry_run, 'result', result)
              FROM rule_runs WHERE account = :account ORDER BY seq",
        untold: &["report"],
    },
    Part {
        table: "settings",
        sql: "SELECT json_object('name', name, 'version', version, 'value', value, 'changed_at', changed_at,
                  'restores', restores)
              FROM settings WHERE changed_by = :account ORDER BY seq",
        untold: &["seq", "changed_by"],
    },
];

/// The rows of one table, each a JSON object.
///
/// # Errors
/// When they cannot be read.
pub fn rows(tx: &Transaction<'_>, part: Part, account: AccountId) -> Result<Vec<String>, StoreError> {
    tx.prepare_cached(part.sql)
        .and_then(|mut select| {
            select.query_map(named_params! { ":account": account.0 }, |row| row.get(0))?.collect::<Result<_, _>>()
        })
        .while_("reading what is kept about a person")
}

/// Tries that went wrong. They are counted under a digest of the name, so they are looked up by it.
///
/// # Errors
/// When they cannot be read.
pub fn tries(tx: &Transaction<'_>, account: AccountId) -> Result<Vec<String>, StoreError> {
    let Some(known) = accounts::by_id(tx, account)? else { return Ok(Vec::new()) };
    let mut told = Vec::new();
    for tried in throttle::Tried::ALL {
        let found: Vec<String> = tx
            .prepare_cached(
                "SELECT json_object('tried', :tried, 'os_uid', os_uid, 'failures', failures, 'at', at)
                 FROM throttles WHERE who = :who ORDER BY os_uid",
            )
            .and_then(|mut select| {
                let named =
                    named_params! { ":tried": tried.as_str(), ":who": throttle::digest(&tried.of(&known.name)) };
                select.query_map(named, |row| row.get(0))?.collect::<Result<_, _>>()
            })
            .while_("reading what is kept about a person")?;
        told.extend(found);
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        api::{FaultKind, auth::Role},
        store::system::{
            scratch::system,
            usage_days::{self, Came},
        },
    };

    /// Tables with a file of their own in the archive, or a function above, and the column that says whose a row is.
    const ELSEWHERE: [(&str, &str); 3] = [("usage", "account"), ("audit", "actor"), ("throttles", "who")];

    /// Tables in which nothing is about one person.
    const NOBODYS: &[&str] = &[
        "roles",
        "role_permissions",
        // Files whose owner is gone already.
        "vaults_to_remove",
        // Only digests, by the selector of a family that is told.
        "tokens",
        "audit_base",
        "disk_days",
        "metrics_hours",
        "catalogue",
        "catalogue_origin",
        "model_cards",
        "tags",
        "model_tags",
        "measured",
        "changes",
        "clock",
        "benchmarks",
        "registry_builds",
        "health_history",
        "health_round",
        "breaker_history",
    ];

    /// What columns are called that say whose a row is.
    const WHOSE: [&str; 8] = ["account", "actor", "who", "made_by", "changed_by", "owner", "person", "by"];

    fn columns(tx: &Transaction<'_>, table: &str) -> Vec<String> {
        let mut ask = tx.prepare("SELECT name FROM pragma_table_info(?1)").unwrap();
        ask.query_map([table], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    #[tokio::test]
    async fn every_table_that_tells_of_a_person_is_in_the_archive_with_each_of_its_columns() {
        let home = tempfile::tempdir().unwrap();
        let checked: Result<(), StoreError> = system(&home)
            .read(|tx| {
                let mut ask = tx
                    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
                    .unwrap();
                let tables: Vec<String> = ask.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
                for table in &tables {
                    let has = columns(tx, table);
                    if let Some(part) = PARTS.iter().find(|part| part.table == table) {
                        for column in &has {
                            let is_told = part.sql.contains(&format!("'{column}', "));
                            let is_untold = part.untold.contains(&column.as_str()) || column == "account";
                            assert!(is_told != is_untold, "{table}.{column} is either told or named as untold");
                        }
                        continue;
                    }
                    if ELSEWHERE.iter().any(|(other, column)| other == table && has.contains(&(*column).to_owned())) {
                        continue;
                    }
                    assert!(NOBODYS.contains(&table.as_str()), "is {table} about a person? Then it belongs into PARTS");
                    let whose: Vec<&String> = has.iter().filter(|name| WHOSE.contains(&name.as_str())).collect();
                    assert!(whose.is_empty(), "{table} is somebody's: {whose:?}");
                    let refers: bool = tx
                        .query_row(
                            "SELECT EXISTS (SELECT 1 FROM pragma_foreign_key_list(?1) WHERE \"table\" = 'accounts')",
                            [table],
                            |row| row.get(0),
                        )
                        .unwrap();
                    assert!(!refers, "{table} refers to accounts");
                }
                assert!(NOBODYS.iter().all(|name| tables.iter().any(|table| table == name)), "one of them is gone");
                Ok(())
            })
            .await;
        checked.unwrap();
    }

    #[tokio::test]
    async fn what_is_told_is_the_persons_own_and_each_line_is_json() {
        let home = tempfile::tempdir().unwrap();
        let checked: Result<(), StoreError> = system(&home)
            .write(|tx| {
                let (ann, bob) = (AccountId::new(), AccountId::new());
                for (id, name) in [(ann, "ann"), (bob, "bob")] {
                    accounts::insert(tx, id, name, Role::User, Uuid::now_v7(), 0)?;
                    accounts::set_last_sign_in(tx, id, Came::In, 5)?;
                    usage_days::note_question(tx, id, FaultKind::Slow, 5)?;
                    accounts::add_notice(tx, id, "a \"notice\"\nin two lines", 5)?;
                }
                let mut told = Vec::new();
                for part in PARTS {
                    told.extend(rows(tx, *part, ann)?.into_iter().map(|line| (part.table, line)));
                }
                let tables: Vec<&str> = told.iter().map(|(table, _)| *table).collect();
                assert_eq!(tables, ["accounts", "notices", "usage_days", "usage_faults"]);
                for (table, line) in &told {
                    let json: serde_json::Value = serde_json::from_str(line).unwrap();
                    assert!(json.is_object() && !line.contains('\n') && !line.contains("bob"), "{table}: {line}");
                }
                Ok(())
            })
            .await;
        checked.unwrap();
    }
}
