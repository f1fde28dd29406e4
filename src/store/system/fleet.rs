//! What is kept of models beside what Ollama itself knows: an imported catalogue, what the house wrote on them, how they sat
//! in memory, and sums over their answers. Names of models come in as they are compared, and are not checked here.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{OptionalExtension, Transaction, named_params};
use uuid::Uuid;

use super::changes::{self, Kind};
use crate::{
    api::{
        AccountId,
        fleet::{Card, Rating},
        measures::PEOPLE_MIN,
    },
    store::{StoreError, While},
};

/// The imported catalogue: of which day, imported when, and each family as JSON. `None` = none was imported.
pub struct Imported {
    pub dated: String,
    pub imported_at: i64,
    pub families: Vec<String>,
}

pub fn catalogue(tx: &Transaction<'_>) -> Result<Option<Imported>, StoreError> {
    let origin: Option<(String, i64)> = tx
        .prepare_cached("SELECT dated, imported_at FROM catalogue_origin")
        .and_then(|mut find| find.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional())
        .while_("reading the catalogue")?;
    let Some((dated, imported_at)) = origin else { return Ok(None) };
    let families = tx
        .prepare_cached("SELECT facts FROM catalogue ORDER BY name")
        .and_then(|mut select| select.query_map([], |row| row.get(0))?.collect())
        .while_("reading the catalogue")?;
    Ok(Some(Imported { dated, imported_at, families }))
}

/// These families, each with its name as it is compared, in the place of those before.
pub fn replace_catalogue(
    tx: &Transaction<'_>,
    families: &[(String, String)],
    dated: &str,
    now: i64,
) -> Result<(), StoreError> {
    forget_catalogue(tx)?;
    let mut insert = tx
        .prepare_cached("INSERT INTO catalogue (name, facts) VALUES (:name, :facts)")
        .while_("keeping a catalogue")?;
    for (name, facts) in families {
        insert.execute(named_params! { ":name": name, ":facts": facts }).while_("keeping a catalogue")?;
    }
    tx.execute(
        "INSERT INTO catalogue_origin (only, dated, imported_at) VALUES (1, :dated, :now)",
        named_params! { ":dated": dated, ":now": now },
    )
    .while_("keeping a catalogue")?;
    Ok(())
}

/// Back to the one that came with the program.
pub fn forget_catalogue(tx: &Transaction<'_>) -> Result<(), StoreError> {
    tx.execute_batch("DELETE FROM catalogue; DELETE FROM catalogue_origin;").while_("forgetting a catalogue")?;
    changes::bump(tx, Kind::Catalogue)
}

/// What lists need of a card.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Brief {
    /// As it was written when the card was made.
    pub name: String,
    pub description: Option<String>,
    pub has_notes: bool,
}

/// The cards of all models, by the name that is compared.
pub fn briefs(tx: &Transaction<'_>) -> Result<HashMap<String, Brief>, StoreError> {
    tx.prepare_cached("SELECT model, name, description, notes IS NOT NULL FROM model_cards")
        .and_then(|mut select| {
            select
                .query_map([], |row| {
                    let brief = Brief { name: row.get(1)?, description: row.get(2)?, has_notes: row.get(3)? };
                    Ok((row.get(0)?, brief))
                })?
                .collect()
        })
        .while_("reading what was written on models")
}

pub fn card(tx: &Transaction<'_>, model: &str) -> Result<Card, StoreError> {
    let found = tx
        .prepare_cached("SELECT description, links, notes, rev, changed_at FROM model_cards WHERE model = :model")
        .and_then(|mut find| {
            find.query_row(named_params! { ":model": model }, |row| {
                let links: String = row.get(1)?;
                Ok(Card {
                    description: row.get(0)?,
                    links: serde_json::from_str(&links).unwrap_or_default(),
                    notes: row.get(2)?,
                    rev: row.get(3)?,
                    changed_at: row.get(4)?,
                })
            })
            .optional()
        })
        .while_("reading what was written on a model")?;
    Ok(found.unwrap_or_default())
}

/// Keeps a card under the next revision.
pub fn set_card(tx: &Transaction<'_>, model: &str, name: &str, card: &Card, now: i64) -> Result<(), StoreError> {
    let links = serde_json::to_string(&card.links).map_err(|_| StoreError::Nonsense { what: "list of links" })?;
    tx.execute(
        "INSERT INTO model_cards (model, name, description, links, notes, rev, changed_at)
         VALUES (:model, :name, :description, :links, :notes, 1, :now)
         ON CONFLICT (model) DO UPDATE SET description = excluded.description, links = excluded.links,
             notes = excluded.notes, rev = rev + 1, changed_at = excluded.changed_at",
        named_params! {
            ":model": model, ":name": name, ":description": card.description, ":links": links, ":notes": card.notes,
            ":now": now,
        },
    )
    .while_("writing on a model")?;
    changes::bump(tx, Kind::House)
}

/// Takes away what was written on a model, and its tags. The tags themselves stay.
pub fn forget_card(tx: &Transaction<'_>, model: &str) -> Result<(), StoreError> {
    tx.execute("DELETE FROM model_cards WHERE model = :model", named_params! { ":model": model })
        .and_then(|_| tx.execute("DELETE FROM model_tags WHERE model = :model", named_params! { ":model": model }))
        .while_("forgetting what was written on a model")?;
    changes::bump(tx, Kind::House)
}

/// A model in memory, as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub digest: String,
    pub context: u32,
    pub bytes: u64,
    pub gpu_bytes: u64,
}

pub fn measured(tx: &Transaction<'_>) -> Result<Vec<Seen>, StoreError> {
    tx.prepare_cached("SELECT digest, context, bytes, gpu_bytes FROM measured")
        .and_then(|mut select| {
            select
                .query_map([], |row| {
                    Ok(Seen {
                        digest: row.get(0)?,
                        context: row.get(1)?,
                        bytes: row.get::<_, i64>(2)?.unsigned_abs(),
                        gpu_bytes: row.get::<_, i64>(3)?.unsigned_abs(),
                    })
                })?
                .collect()
        })
        .while_("reading what was measured")
}

pub fn keep_measured(tx: &Transaction<'_>, seen: &[Seen], now: i64) -> Result<(), StoreError> {
    let mut insert = tx
        .prepare_cached(
            "INSERT OR REPLACE INTO measured (digest, context, bytes, gpu_bytes, at)
             VALUES (:digest, :context, :bytes, :gpu, :now)",
        )
        .while_("keeping what was measured")?;
    for seen in seen {
        // More than SQLite's integers hold is more than any machine has.
        let (bytes, gpu) =
            (i64::try_from(seen.bytes).unwrap_or(i64::MAX), i64::try_from(seen.gpu_bytes).unwrap_or(i64::MAX));
        insert
            .execute(named_params! {
                ":digest": seen.digest, ":context": seen.context, ":bytes": bytes, ":gpu": gpu, ":now": now,
            })
            .while_("keeping what was measured")?;
    }
    changes::bump(tx, Kind::Measured)
}

/// Sums over the answers of one model, account by account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums(HashMap<AccountId, Answered>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Answered {
    tokens: u64,
    ms: u64,
    rating: Option<(u32, u32)>,
    /// When it answered last.
    last: i64,
}

impl Sums {
    /// What this account is told: of everybody where at least `PEOPLE_MIN` accounts are in it, otherwise of its own answers.
    fn told(&self, account: AccountId) -> Answered {
        if self.0.len() < PEOPLE_MIN {
            return self.0.get(&account).copied().unwrap_or_default();
        }
        self.0.values().fold(Answered::default(), |sum, of| Answered {
            tokens: sum.tokens + of.tokens,
            ms: sum.ms + of.ms,
            rating: match (sum.rating, of.rating) {
                (Some(one), Some(other)) => Some((one.0 + other.0, one.1 + other.1)),
                (one, other) => one.or(other),
            },
            last: sum.last.max(of.last),
        })
    }

    /// Tokens a second; `None` where no answer told both.
    #[must_use]
    pub fn speed(&self, account: AccountId) -> Option<f64> {
        let told = self.told(account);
        (told.ms > 0 && told.tokens > 0).then(|| told.tokens as f64 * 1000.0 / told.ms as f64)
    }

    #[must_use]
    pub fn rating(&self, account: AccountId) -> Option<Rating> {
        self.told(account).rating.map(|(liked, disliked)| Rating { liked, disliked })
    }

    #[must_use]
    pub fn last_by(&self, account: AccountId) -> Option<i64> {
        self.0.get(&account).map(|of| of.last)
    }
}

/// Adds the answers behind the number `after` to sums by model, each under the name that `key` makes of it. All of them are
/// read from the sums of days, which are a few for each model and account, and not answer by answer.
pub fn add_sums(
    tx: &Transaction<'_>,
    after: i64,
    key: impl Fn(&str) -> String,
    sums: &mut BTreeMap<String, Sums>,
) -> Result<(), StoreError> {
    let of_days = "SELECT model, account, max(last_at), sum(speed_tokens), sum(speed_ms),
                          CASE WHEN sum(liked + disliked) > 0 THEN sum(liked) END,
                          CASE WHEN sum(liked + disliked) > 0 THEN sum(disliked) END
                   FROM usage_sums WHERE account > zeroblob(16) AND :after = 0 GROUP BY account, model";
    // By their numbers, of which only the last ones are new: an index by model would be read from end to end.
    let of_answers = "SELECT model, account, max(at),
                             sum(CASE WHEN answer_tokens > 0 AND answer_ms > 0 THEN answer_tokens ELSE 0 END),
                             sum(CASE WHEN answer_tokens > 0 AND answer_ms > 0 THEN answer_ms ELSE 0 END),
                             sum(rating = 1), sum(rating = -1)
                      FROM usage NOT INDEXED WHERE seq > :after GROUP BY model, account";
    let mut select = tx.prepare_cached(if after == 0 { of_days } else { of_answers }).while_("adding up answers")?;
    let mut rows = select.query(named_params! { ":after": after }).while_("adding up answers")?;
    while let Some(row) = rows.next().while_("adding up answers")? {
        let mut add = || -> rusqlite::Result<()> {
            let count =
                |column: usize| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(i64::unsigned_abs));
            let sums = sums.entry(key(row.get_ref(0)?.as_str()?)).or_default();
            let (account, at) = (AccountId(row.get::<_, Uuid>(1)?), row.get(2)?);
            let of = sums.0.entry(account).or_insert(Answered { last: at, ..Answered::default() });
            of.last = at.max(of.last);
            of.tokens += count(3)?.unwrap_or_default();
            of.ms += count(4)?.unwrap_or_default();
            // The sum of nothing but NULL is NULL: they have not rated it.
            if let (Some(liked), Some(disliked)) = (count(5)?, count(6)?) {
                let before = of.rating.unwrap_or_default();
                of.rating = Some((before.0 + liked as u32, before.1 + disliked as u32));
            }
            Ok(())
        };
        add().while_("adding up answers")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::{
            MessageId,
            auth::Role,
            chat::{MessageState, Metrics},
            feedback::Thumb,
        },
        store::system::{
            accounts, scratch,
            usage::{self, Used},
        },
    };

    #[tokio::test]
    async fn the_sums_of_days_tell_what_the_answers_themselves_do() {
        let dir = tempfile::tempdir().unwrap();
        let db = scratch::system(&dir);
        let done: Result<(), StoreError> = db
            .write(|tx| {
                let people = [AccountId::new(), AccountId::new()];
                for (account, name) in people.into_iter().zip(["ann", "bob"]) {
                    accounts::insert(tx, account, name, Role::User, Uuid::now_v7(), 0)?;
                }
                for n in 0..60_i64 {
                    let metrics = Metrics {
                        answer_tokens: (n % 4 > 0).then_some(7 * n as u32),
                        answer_ms: (n % 5 > 0).then_some(3 * n as u32),
                        ..Metrics::default()
                    };
                    let (account, answer) = (people[n as usize % 2], MessageId::new());
                    let used = Used {
                        account,
                        model: ["a:1b", "b:1b", "A:1b"][n as usize % 3],
                        answer,
                        outcome: MessageState::Done,
                        fault: None,
                        metrics: &metrics,
                        counted: 1,
                        wall_day: n / 10,
                    };
                    usage::note(tx, &used, n)?;
                    // One of them rates much, and takes some of it back; the other nothing.
                    if n % 4 == 0 {
                        usage::rate(tx, account, answer, Some(if n % 3 == 0 { Thumb::Up } else { Thumb::Down }))?;
                    }
                    if n % 8 == 0 {
                        usage::rate(tx, account, answer, None)?;
                    }
                }
                let told = |after: i64| -> Result<_, StoreError> {
                    let mut sums = BTreeMap::new();
                    add_sums(tx, after, str::to_lowercase, &mut sums)?;
                    let of = |sums: &Sums| people.map(|one| (sums.speed(one), sums.rating(one), sums.last_by(one)));
                    Ok(sums.iter().map(|(model, sums)| (model.clone(), of(sums))).collect::<Vec<_>>())
                };
                let (days, answers) = (told(0)?, told(-1)?);
                assert_eq!(days, answers);
                assert!(
                    days.len() == 2 && days.iter().any(|(_, of)| of[0].1.is_some() && of[1].1.is_none()),
                    "{days:?}"
                );
                Ok(())
            })
            .await;
        done.unwrap();
    }
}
