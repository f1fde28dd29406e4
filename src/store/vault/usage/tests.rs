//! The sums equal a recount, whatever happens to messages, conversations and folders.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rusqlite::Connection;

use super::*;
use crate::{
    api::{
        chat::{MessageRole, MessageState, Metrics},
        feedback::{NewFeedback, Reason, Thumb},
        organise::{ConversationPatch, FolderContent, NewConversation},
    },
    store::vault::{
        conversations, feedback, folders,
        messages::{self, Ending, NewMessage, Requested},
        scratch,
    },
};

const DAY: i64 = 86_400_000;
const MODELS: [&str; 3] = ["small:1b", "large:70b", ""];

#[derive(Clone, Debug)]
enum Step {
    Ask {
        conversation: usize,
        at: i64,
    },
    Answer {
        conversation: usize,
        at: i64,
        model: usize,
        ends: End,
    },
    /// An answer that ended is gone on with, perhaps by another model.
    GoOn {
        which: usize,
        model: usize,
        ends: End,
    },
    /// The program is killed in the middle of an answer that is gone on with.
    Interrupt {
        which: usize,
    },
    Rate {
        which: usize,
        likes: bool,
        reasons: Vec<Reason>,
    },
    Withdraw {
        which: usize,
    },
    Import {
        conversation: usize,
        at: i64,
    },
    Copy {
        which: usize,
    },
    Move {
        conversation: usize,
        folder: Option<usize>,
    },
    Trash {
        conversation: usize,
    },
    /// A branch goes for good.
    Prune {
        which: usize,
    },
    Purge {
        conversation: usize,
    },
    DropFolder {
        folder: usize,
    },
}

#[derive(Clone, Copy, Debug)]
struct End {
    state: MessageState,
    metrics: Metrics,
}

fn ending() -> impl Strategy<Value = End> {
    let state = prop_oneof![
        Just(MessageState::Done),
        Just(MessageState::Length),
        Just(MessageState::Stopped),
        Just(MessageState::Interrupted),
        Just(MessageState::Failed)
    ];
    let figure = || proptest::option::of(0_u32..900_000);
    (state, figure(), figure(), figure(), figure(), figure()).prop_map(|(state, first, total, prompt, answer, ms)| {
        End {
            state,
            metrics: Metrics {
                first_token_ms: first,
                total_ms: total,
                prompt_tokens: prompt,
                answer_tokens: answer,
                answer_ms: ms,
                ..Metrics::default()
            },
        }
    })
}

fn step() -> impl Strategy<Value = Step> {
    let conversation = || 0..4_usize;
    let at = || (20_000 * DAY)..(20_005 * DAY);
    let which = || 0..40_usize;
    let reason = proptest::sample::subsequence(vec![Reason::Wrong, Reason::Slow, Reason::TooLong], 0..3);
    prop_oneof![
        4 => (conversation(), at()).prop_map(|(conversation, at)| Step::Ask { conversation, at }),
        6 => (conversation(), at(), 0..3_usize, ending())
            .prop_map(|(conversation, at, model, ends)| Step::Answer { conversation, at, model, ends }),
        2 => (which(), 0..3_usize, ending()).prop_map(|(which, model, ends)| Step::GoOn { which, model, ends }),
        1 => which().prop_map(|which| Step::Interrupt { which }),
        4 => (which(), any::<bool>(), reason)
            .prop_map(|(which, likes, reasons)| Step::Rate { which, likes, reasons }),
        1 => which().prop_map(|which| Step::Withdraw { which }),
        2 => (conversation(), at()).prop_map(|(conversation, at)| Step::Import { conversation, at: at - 900 * DAY }),
        1 => which().prop_map(|which| Step::Copy { which }),
        3 => (conversation(), proptest::option::of(0..3_usize))
            .prop_map(|(conversation, folder)| Step::Move { conversation, folder }),
        1 => conversation().prop_map(|conversation| Step::Trash { conversation }),
        1 => which().prop_map(|which| Step::Prune { which }),
        1 => conversation().prop_map(|conversation| Step::Purge { conversation }),
        1 => (0..3_usize).prop_map(|folder| Step::DropFolder { folder }),
    ]
}

/// What one message adds, worked out here from its row and without the views of the schema.
#[derive(Clone, Debug)]
struct Counted {
    conversation: Option<i64>,
    folder: i64,
    day: i64,
    model: String,
    tally: Tally,
    reasons: Vec<String>,
    /// Reasons of a purged answer stay in the folder in which it was purged.
    reasons_in: i64,
}

fn recount(tx: &Transaction<'_>) -> BTreeMap<i64, Counted> {
    let mut select = tx
        .prepare(
            "SELECT m.seq, m.conversation, c.folder, m.role, m.state, m.model, m.said_hour, m.first_token_ms, m.total_ms,
                    m.prompt_tokens, m.answer_tokens, m.answer_ms, f.thumb, f.reasons
             FROM messages m JOIN conversations c ON c.seq = m.conversation LEFT JOIN feedback f ON f.message = m.seq",
        )
        .unwrap();
    let step_of = |ms: u64| STEPS.iter().filter(|from| **from <= ms).count();
    let mut counted = BTreeMap::new();
    let mut rows = select.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let (role, state): (String, String) = (row.get(3).unwrap(), row.get(4).unwrap());
        let hour: Option<i64> = row.get(6).unwrap();
        let Some(hour) = hour.filter(|_| state != "streaming") else { continue };
        let figure = |place: usize| row.get::<_, Option<i64>>(place).unwrap().map(i64::unsigned_abs);
        let mut tally = Tally::default();
        tally.hours[(hour % 24) as usize] = 1;
        let mut model = String::new();
        if role == "user" {
            tally.asked = 1;
        } else {
            model = row.get::<_, Option<String>>(5).unwrap().unwrap_or_default();
            *match state.as_str() {
                "done" => &mut tally.done,
                "length" => &mut tally.length,
                "stopped" => &mut tally.stopped,
                "interrupted" => &mut tally.interrupted,
                _ => &mut tally.failed,
            } = 1;
            tally.prompt_tokens = figure(9).unwrap_or(0);
            tally.answer_tokens = figure(10).unwrap_or(0);
            tally.total_ms = figure(8).unwrap_or(0);
            if let (Some(tokens @ 1..), Some(ms @ 1..)) = (figure(10), figure(11)) {
                (tally.speed_tokens, tally.speed_ms) = (tokens, ms);
            }
            if let Some(ms) = figure(7) {
                tally.first[step_of(ms)] = 1;
            }
            if let (Some(ms), "done" | "length") = (figure(8), state.as_str()) {
                tally.took[step_of(ms)] = 1;
            }
        }
        let thumb: Option<i64> = row.get(12).unwrap();
        tally.liked = u64::from(thumb == Some(1));
        tally.disliked = u64::from(thumb == Some(-1));
        let reasons: Option<String> = row.get(13).unwrap();
        let folder = row.get::<_, Option<i64>>(2).unwrap().unwrap_or(0);
        counted.insert(
            row.get(0).unwrap(),
            Counted {
                conversation: Some(row.get(1).unwrap()),
                folder,
                day: hour / 24,
                model,
                tally,
                reasons: reasons.map(|text| serde_json::from_str(&text).unwrap()).unwrap_or_default(),
                reasons_in: folder,
            },
        );
    }
    counted
}

type Days = BTreeMap<(i64, String, i64), Tally>;
type Reasons = BTreeMap<(i64, String, i64, String), (u64, u64)>;

fn expected(counted: &[Counted]) -> (Days, Days, Reasons) {
    let (mut days, mut conversations, mut reasons) = (Days::new(), Days::new(), Reasons::new());
    for each in counted {
        days.entry((each.day, each.model.clone(), each.folder)).or_default().add(&each.tally);
        if let Some(conversation) = each.conversation {
            conversations.entry((each.day, each.model.clone(), conversation)).or_default().add(&each.tally);
        }
        for reason in &each.reasons {
            let sums = reasons.entry((each.day, each.model.clone(), each.reasons_in, reason.clone())).or_default();
            sums.0 += each.tally.liked;
            sums.1 += each.tally.disliked;
        }
    }
    (days, conversations, reasons)
}

fn kept(tx: &Transaction<'_>) -> (Days, Days, Reasons) {
    let read = |sql: &str| -> Days {
        tx.prepare(sql)
            .unwrap()
            .query_map([], |row| Ok(((row.get(0)?, row.get(1)?, row.get(2)?), Tally::read(row, 3)?)))
            .unwrap()
            .map(Result::unwrap)
            .filter(|(_, tally)| *tally != Tally::default())
            .collect()
    };
    let days = read(select_tally!("day, model, folder", "FROM usage_days"));
    let conversations = read(select_tally!("day, model, conversation", "FROM usage_of_conversations"));
    let reasons = tx
        .prepare(
            "SELECT day, model, folder, reason, liked, disliked FROM usage_reasons WHERE liked <> 0 OR disliked <> 0",
        )
        .unwrap()
        .query_map([], |row| {
            Ok((
                (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?),
                (row.get::<_, i64>(4)?.unsigned_abs(), row.get::<_, i64>(5)?.unsigned_abs()),
            ))
        })
        .unwrap()
        .map(Result::unwrap)
        .collect();
    (days, conversations, reasons)
}

struct World<'a> {
    tx: &'a Transaction<'a>,
    conversations: Vec<ConversationId>,
    folders: Vec<Option<FolderId>>,
    /// What was purged: it stays counted.
    gone: Vec<Counted>,
}

impl<'a> World<'a> {
    fn new(tx: &'a Transaction<'a>) -> Self {
        let folders: Vec<Option<FolderId>> =
            (0..3).map(|number| Some(folders::create(tx, None, &format!("f{number}"), 1).unwrap().id)).collect();
        let conversations =
            (0..4).map(|_| conversations::create(tx, &NewConversation::default(), 1).unwrap().row.id).collect();
        Self { tx, conversations, folders, gone: Vec::new() }
    }

    fn add(&self, conversation: usize, role: MessageRole, state: MessageState, model: usize, at: i64) -> i64 {
        let (conversation, parent) = messages::head(self.tx, self.conversations[conversation]).unwrap();
        let model = Some(MODELS[model]).filter(|name| !name.is_empty() && role == MessageRole::Assistant);
        let new =
            NewMessage { conversation, parent, role, state, content: "x", model, weight: 1, lease: None, now: at };
        messages::add(self.tx, &new).unwrap().0
    }

    fn end(&self, message: i64, ends: End) {
        let ending = Ending {
            state: ends.state,
            content: "x".to_owned(),
            thinking: String::new(),
            tool_calls: Vec::new(),
            error: None,
            error_kind: None,
            metrics: ends.metrics,
            requested: Requested::default(),
        };
        messages::finish(self.tx, message, &ending, 1).unwrap();
    }

    /// The one of this number among the messages for which `is` holds.
    fn find(&self, which: usize, is: &str) -> Option<i64> {
        let all: Vec<i64> = self
            .tx
            .prepare(&["SELECT seq FROM messages WHERE ", is, " ORDER BY seq"].concat())
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        (!all.is_empty()).then(|| all[which % all.len()])
    }

    fn take(&mut self, step: Step) {
        let answers = "role = 'assistant' AND said_hour IS NOT NULL";
        let before = recount(self.tx);
        match step {
            Step::Ask { conversation, at } => {
                self.add(conversation, MessageRole::User, MessageState::Done, 2, at);
            }
            Step::Answer { conversation, at, model, ends } => {
                let answer = self.add(conversation, MessageRole::Assistant, MessageState::Streaming, model, at);
                self.end(answer, ends);
            }
            Step::GoOn { which, model, ends } => {
                let Some(answer) = self.find(which, answers) else { return };
                self.tx
                    .execute(
                        "UPDATE messages SET state = 'streaming', model = :model WHERE seq = :seq",
                        named_params! { ":seq": answer, ":model": MODELS[model] },
                    )
                    .unwrap();
                assert!(!recount(self.tx).contains_key(&answer));
                self.end(answer, ends);
            }
            Step::Interrupt { which } => {
                let Some(answer) = self.find(which, answers) else { return };
                self.tx.execute("UPDATE messages SET state = 'streaming' WHERE seq = ?1", [answer]).unwrap();
                messages::interrupt(self.tx, answer, 1).unwrap();
            }
            Step::Rate { which, likes, reasons } => {
                let Some(answer) = self.find(which, "role = 'assistant'") else { return };
                let thumb = if likes { Thumb::Up } else { Thumb::Down };
                let new = NewFeedback { thumb, reasons, comment: None };
                feedback::set(self.tx, answer, &new, 1).unwrap();
            }
            Step::Withdraw { which } => {
                let rated = "seq IN (SELECT message FROM feedback)";
                let Some(answer) = self.find(which, rated) else { return };
                assert!(feedback::withdraw(self.tx, answer).unwrap());
            }
            Step::Import { conversation, at } => {
                self.add(conversation, MessageRole::User, MessageState::Done, 2, at);
                self.add(conversation, MessageRole::Assistant, MessageState::Done, 2, at);
            }
            Step::Copy { which } => {
                let Some(message) = self.find(which, "true") else { return };
                self.tx
                    .execute(
                        "INSERT INTO messages (id, conversation, role, state, model, total_ms, answer_tokens, created_at)
                         SELECT randomblob(16), conversation, role, state, model, total_ms, answer_tokens, created_at
                         FROM messages WHERE seq = ?1",
                        [message],
                    )
                    .unwrap();
            }
            Step::Move { conversation, folder } => {
                let folder = folder.and_then(|folder| self.folders[folder]);
                let patch = ConversationPatch { folder: Some(folder), ..ConversationPatch::default() };
                conversations::change(self.tx, self.conversations[conversation], &patch, 1).unwrap();
            }
            Step::Trash { conversation } => {
                crate::store::vault::arrange::trash(self.tx, &self.conversations[conversation..=conversation], 1)
                    .unwrap();
            }
            Step::Prune { which } => {
                let Some(message) = self.find(which, "true") else { return };
                self.tx.execute("DELETE FROM messages WHERE seq = ?1", [message]).unwrap();
            }
            Step::Purge { conversation } => {
                let (seq, _) = messages::head(self.tx, self.conversations[conversation]).unwrap();
                let folder = self.folder_of(seq).unwrap();
                self.tx.execute("DELETE FROM conversations WHERE seq = ?1", [seq]).unwrap();
                for gone in self.gone.iter_mut().filter(|gone| gone.conversation == Some(seq)) {
                    (gone.conversation, gone.folder) = (None, folder);
                }
                let fresh = conversations::create(self.tx, &NewConversation::default(), 1).unwrap();
                self.conversations[conversation] = fresh.row.id;
            }
            Step::DropFolder { folder } => {
                let Some(id) = self.folders[folder].take() else { return };
                let seq = folder_seq(self.tx, id).unwrap();
                folders::delete(self.tx, id, FolderContent::MoveUp, 1).unwrap();
                for gone in &mut self.gone {
                    gone.folder = Some(gone.folder).filter(|folder| *folder != seq).unwrap_or(0);
                    gone.reasons_in = Some(gone.reasons_in).filter(|folder| *folder != seq).unwrap_or(0);
                }
            }
        }
        let after: BTreeSet<i64> = recount(self.tx).into_keys().collect();
        for (_, mut counted) in before.into_iter().filter(|(seq, _)| !after.contains(seq)) {
            // Its conversation may be gone with it.
            if counted.conversation.is_some_and(|conversation| self.folder_of(conversation).is_none()) {
                counted.conversation = None;
            }
            self.gone.push(counted);
        }
    }

    fn folder_of(&self, conversation: i64) -> Option<i64> {
        use rusqlite::OptionalExtension as _;
        self.tx
            .query_row("SELECT coalesce(folder, 0) FROM conversations WHERE seq = ?1", [conversation], |row| row.get(0))
            .optional()
            .unwrap()
    }

    /// All that counts: what is there, and what was purged, in the folder its conversation lies in now.
    fn counted(&self) -> Vec<Counted> {
        let mut counted: Vec<Counted> = recount(self.tx).into_values().collect();
        for mut gone in self.gone.iter().cloned() {
            if let Some(folder) = gone.conversation.and_then(|conversation| self.folder_of(conversation)) {
                gone.folder = folder;
            }
            counted.push(gone);
        }
        counted
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn the_sums_equal_a_recount_whatever_happens(steps in proptest::collection::vec(step(), 1..60)) {
        let mut conn: Connection = scratch::memory();
        let tx = conn.transaction().unwrap();
        let mut world = World::new(&tx);
        for step in steps {
            let told = format!("{step:?}");
            world.take(step);
            prop_assert_eq!(kept(&tx), expected(&world.counted()), "after {}", told);
        }
        // And the groups of a period say the same as the rows.
        let everything = Wanted { from: 0, to: i64::MAX, model: None, folder: None };
        let summed = summed(&tx, &everything).unwrap();
        let mut total = Tally::default();
        for counted in world.counted() {
            total.add(&counted.tally);
        }
        prop_assert_eq!(&summed.total, &total);
        for sums in [
            summed.days.iter().map(|(_, tally)| tally).collect::<Vec<_>>(),
            summed.models.iter().map(|(_, tally)| tally).collect(),
            summed.folders.iter().map(|(_, _, tally)| tally).collect(),
        ] {
            let mut sum = Tally::default();
            for tally in sums {
                sum.add(tally);
            }
            prop_assert_eq!(&sum, &total);
        }
        prop_assert_eq!(summed.hours.iter().flatten().sum::<u64>(), total.messages());
    }
}

#[test]
fn the_steps_of_the_schema_are_those_of_the_program() {
    let mut conn = scratch::memory();
    let tx = conn.transaction().unwrap();
    let world = World::new(&tx);
    // Each step from its first millisecond to its last.
    let times = STEPS.iter().flat_map(|ms| [ms - 1, *ms]);
    let mut expected = [0; 24];
    for ms in times {
        expected[STEPS.iter().filter(|from| **from <= ms).count()] += 1;
        let answer = world.add(0, MessageRole::Assistant, MessageState::Streaming, 0, 20_000 * DAY);
        let ms = u32::try_from(ms).ok();
        let metrics = Metrics { total_ms: ms, first_token_ms: ms, ..Metrics::default() };
        world.end(answer, End { state: MessageState::Done, metrics });
    }
    let total = summed(&tx, &Wanted { from: 0, to: 30_000, model: None, folder: None }).unwrap().total;
    assert_eq!((total.took, total.first), (expected, expected));
}

#[test]
fn a_day_with_a_change_of_the_clocks_is_a_day() {
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    let at = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
    let day = number_of(Date::constant(2026, 10, 25)) * 24;
    // Three o'clock is two o'clock again: 25 hours, of which two are counted as one.
    assert_eq!(hour_in(&berlin, at("2026-10-24T22:00:00Z")), Some(day));
    assert_eq!(hour_in(&berlin, at("2026-10-25T00:30:00Z")), Some(day + 2));
    assert_eq!(hour_in(&berlin, at("2026-10-25T01:30:00Z")), Some(day + 2));
    assert_eq!(hour_in(&berlin, at("2026-10-25T22:59:59.999Z")), Some(day + 23));
    assert_eq!(hour_in(&berlin, at("2026-10-25T23:00:00Z")), Some(day + 24));
    // And two o'clock is three: 23 hours, one of which stays empty.
    let day = number_of(Date::constant(2026, 3, 29)) * 24;
    assert_eq!(hour_in(&berlin, at("2026-03-29T00:59:59Z")), Some(day + 1));
    assert_eq!(hour_in(&berlin, at("2026-03-29T01:00:00Z")), Some(day + 3));
    assert_eq!(hour_in(&berlin, at("2026-03-29T21:59:59Z")), Some(day + 23));
    // Not every zone is whole hours from Greenwich.
    let kathmandu = TimeZone::get("Asia/Kathmandu").unwrap();
    assert_eq!(hour_in(&kathmandu, at("2026-03-28T18:15:00Z")), Some(day));
    assert_eq!(hour_in(&kathmandu, at("2026-03-28T18:14:59Z")), Some(day - 1));
    assert_eq!(hour_in(&TimeZone::UTC, -1), None);
    assert_eq!(hour_in(&TimeZone::UTC, i64::MAX), None);
}

#[test]
fn the_conversations_of_some_days_are_paged_and_those_of_other_days_left_out() {
    let mut conn = scratch::memory();
    let tx = conn.transaction().unwrap();
    let world = World::new(&tx);
    for (conversation, day) in [(0, 1), (1, 2), (1, 3), (2, 3), (3, 9)] {
        world.add(conversation, MessageRole::User, MessageState::Done, 2, (20_000 + day) * DAY + DAY / 2);
        let answer =
            world.add(conversation, MessageRole::Assistant, MessageState::Streaming, 0, (20_000 + day) * DAY + DAY / 2);
        let metrics = Metrics { answer_tokens: Some(7), ..Metrics::default() };
        world.end(answer, End { state: MessageState::Done, metrics });
    }
    let folder = world.folders[0];
    let patch = ConversationPatch { folder: Some(folder), ..ConversationPatch::default() };
    conversations::change(&tx, world.conversations[1], &patch, 20_003 * DAY).unwrap();
    let days = |from: i64, to: i64| Wanted { from: 20_000 + from, to: 20_000 + to, model: None, folder: None };
    let ids = |wanted: &Wanted, after, limit| {
        let (rows, last) = conversations(&tx, wanted, after, limit).unwrap();
        (rows.iter().map(|row| (row.id, row.messages, row.answer_tokens)).collect::<Vec<_>>(), last)
    };
    let [a, b, c, _] = world.conversations[..] else { panic!() };
    let (first, last) = ids(&days(1, 3), None, 2);
    assert_eq!((first, last.is_some()), (vec![(c, 2, 7), (b, 4, 14)], true));
    assert_eq!(ids(&days(1, 3), last, 2), (vec![(a, 2, 7)], None));
    assert_eq!(ids(&Wanted { folder, ..days(1, 3) }, None, 9).0, [(b, 4, 14)]);
    assert_eq!(ids(&Wanted { model: Some(MODELS[0].to_owned()), ..days(1, 1) }, None, 9).0, [(a, 1, 7)]);
    assert_eq!(ids(&Wanted { model: Some("other".to_owned()), ..days(1, 3) }, None, 9).0, []);
    let found = longest(&tx, &days(2, 3), 9).unwrap();
    assert_eq!(found.iter().map(|row| (row.id, row.messages)).collect::<Vec<_>>(), [(b, 4), (c, 2)]);
    assert_eq!(known_days(&tx, 20_005).unwrap(), Some((20_001, 20_003)));
    let (since, models) = of_conversation(&tx, b).unwrap();
    assert_eq!(since, Some(20_002));
    let told: Vec<_> = models.iter().map(|(model, tally)| (model.as_str(), tally.asked, tally.answers())).collect();
    assert_eq!(told, [("", 2, 0), (MODELS[0], 0, 2)]);
    // A filter on a folder brings those below it along.
    let inner = folders::create(&tx, folder, "inner", 1).unwrap().id;
    let patch = ConversationPatch { folder: Some(Some(inner)), ..ConversationPatch::default() };
    conversations::change(&tx, world.conversations[2], &patch, 1).unwrap();
    let summed = summed(&tx, &Wanted { folder, ..days(1, 9) }).unwrap();
    assert_eq!((summed.total.asked, summed.total.answers()), (3, 3));
    let paths: Vec<&str> = summed.folders.iter().map(|(_, path, _)| path.as_str()).collect();
    assert_eq!(paths, ["f0", "f0/inner"]);
}
