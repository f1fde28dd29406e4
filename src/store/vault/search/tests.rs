use proptest::prelude::*;
use rusqlite::{Connection, Transaction, named_params};

use super::*;
use crate::{
    api::{
        ConversationId,
        chat::{AttachmentKind, MessageState, Metrics},
        organise::{ConversationPatch, NewConversation},
        search::{HitKind, IndexReport},
    },
    store::vault::{
        conversations,
        documents::{self, NewDocument},
        folders,
        messages::{self, Ending, NewMessage, Requested},
        scratch,
    },
};

const DAY: i64 = 24 * 3_600_000;
const NOW: i64 = 1_000 * DAY;

/// A vault in memory with what the tests say in it.
struct Room {
    conn: Connection,
}

impl Room {
    fn new() -> Self {
        Self { conn: scratch::memory() }
    }

    fn tx<T>(&mut self, work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>) -> T {
        let tx = self.conn.transaction().unwrap();
        let value = work(&tx).unwrap();
        tx.commit().unwrap();
        value
    }

    fn conversation(&mut self, title: &str) -> ConversationId {
        let new = NewConversation { title: Some(title.to_owned()), ..NewConversation::default() };
        self.tx(|tx| conversations::create(tx, &new, NOW)).row.id
    }

    fn say(&mut self, conversation: ConversationId, role: MessageRole, content: &str, now: i64) -> i64 {
        let model = (role == MessageRole::Assistant).then_some("llama3.2:3b");
        self.tx(|tx| {
            let (seq, head) = messages::head(tx, conversation)?;
            let new = NewMessage {
                conversation: seq,
                parent: head,
                role,
                state: MessageState::Done,
                content,
                model,
                weight: 0,
                lease: None,
                now,
            };
            Ok(messages::add(tx, &new)?.0)
        })
    }

    /// One message in a conversation of its own.
    fn saying(contents: &[&str]) -> Self {
        let mut room = Self::new();
        let conversation = room.conversation("Something else");
        for content in contents {
            room.say(conversation, MessageRole::User, content, NOW);
        }
        room
    }

    fn page(&mut self, wanted: &Wanted, from: Place, limit: u32) -> Page {
        self.tx(|tx| find(tx, &Going::default(), wanted, from, limit))
    }

    fn find(&mut self, wanted: &Wanted) -> Vec<Hit> {
        self.page(wanted, Place::beginning(NOW), 100).hits
    }

    /// The texts in which the words of a query stand, the last word being typed.
    fn found(&mut self, query: &str) -> Vec<String> {
        let mut hits: Vec<String> = self.find(&wanted(query)).into_iter().map(|hit| hit.snippet.text).collect();
        hits.sort();
        hits
    }

    fn check(&mut self) -> IndexReport {
        self.tx(|tx| index::check(tx, &Going::default(), |_| {}))
    }

    fn rebuild(&mut self) {
        self.tx(|tx| index::begin_rebuild(tx, true, NOW));
        while self.tx(|tx| index::go_on_rebuilding(tx, NOW)).is_some() {}
    }
}

/// Words in quotes are phrases, `-` excludes; enough for here. The parser is the service's.
fn wanted(query: &str) -> Wanted {
    let mut wanted = Wanted::default();
    let words: Vec<&str> = if let Some(phrase) = query.strip_prefix('"') {
        vec![phrase.trim_end_matches('"')]
    } else {
        query.split(' ').collect()
    };
    let last = words.len() - 1;
    for (place, word) in words.into_iter().enumerate() {
        let is_open = place == last && !query.starts_with('"');
        match word.strip_prefix('-') {
            Some(not) => wanted.none.extend(Term::new(not, false)),
            None => wanted.all.extend(Term::new(word, is_open).map(|term| vec![term])),
        }
    }
    wanted
}

fn filtered(query: &str, filters: Filters) -> Wanted {
    Wanted { filters, ..wanted(query) }
}

#[test]
fn every_script_is_found_by_its_words_and_their_beginnings() {
    for (text, queries) in [
        ("The borrow checker says no", &["borrow", "bor", "CHECKER", "the no", "checker bor", "n"][..]),
        ("全文搜索引擎很快", &["搜索", "搜", "引擎", "擎", "快", "全文搜索", "文搜"]),
        ("これは日本語のテキストです", &["日本語", "テキ", "です", "本語の", "す"]),
        ("메시지를 검색한다", &["메시지", "검색", "검", "색한"]),
        ("การค้นหาข้อความภาษาไทย", &["ค้นหา", "ไทย", "ข้อความ"]),
        ("ຄົ້ນຫາພາສາລາວ", &["ພາສາ", "ລາວ"]),
        ("ស្វែងរកភាសាខ្មែរ", &["ភាសា", "ខ្មែរ"]),
        ("مَرْحَبًا بالعالم في المكتبة", &["مرحبا", "العالم بالعالم", "المكتبه", "بال"][..1]),
        ("Crème brûlée, naïve façade", &["creme", "brulee", "naive", "FACADE", "fac"]),
        ("Привет, ёжик", &["привет", "ежик", "ПРИВ"]),
        (
            "tokio::task::spawn_local(HttpServer)",
            &["spawn_local", "spawnLocal", "spawn", "local", "http", "server", "tokio::task", "httpserver"],
        ),
        ("an ox is in it", &["ox", "is", "it", "an in"]),
        ("नमस्ते दुनिया", &["नमस्ते", "दुनिया", "दुनि"]),
        ("written in C++ and C#", &["c++", "c#", "c"]),
        ("ship it 🚀 today", &["🚀"]),
    ] {
        let mut room = Room::saying(&[text, "zzz"]);
        for query in queries {
            assert_eq!(room.found(query), [text], "{query}");
        }
    }
}

#[test]
fn what_stands_nowhere_is_not_found() {
    let mut room = Room::saying(&["The borrow checker", "全文搜索引擎", "a-b c"]);
    for query in ["lender", "orrow", "搜引", "borrow lender", "\"checker borrow\"", "borrow -checker", "\"b a\""] {
        assert_eq!(room.found(query), Vec::<String>::new(), "{query}");
    }
    let closed = Wanted { all: vec![vec![Term::new("check", false).unwrap()]], ..Wanted::default() };
    assert_eq!(room.find(&closed), []);
}

#[test]
fn phrases_exclusions_and_alternatives_hold() {
    let mut room = Room::saying(&["read the fine manual", "the fine print", "manual gear"]);
    assert_eq!(room.found("\"the fine\""), ["read the fine manual", "the fine print"]);
    assert_eq!(room.found("\"the fine print\""), ["the fine print"]);
    assert_eq!(room.found("fine -manual"), ["the fine print"]);
    let one = |word: &str| Term::new(word, false).unwrap();
    let either = Wanted { all: vec![vec![one("gear"), one("print")]], ..Wanted::default() };
    assert_eq!(room.find(&either).len(), 2);
    let open = Wanted { all: vec![vec![Term::new("fine man", true).unwrap()]], ..Wanted::default() };
    assert_eq!(room.find(&open).len(), 1);
    let longer = Wanted { all: vec![vec![Term::new("fine manua", true).unwrap()]], ..Wanted::default() };
    assert_eq!(room.find(&longer).len(), 1);
}

#[test]
fn an_answer_is_found_when_it_has_ended_and_as_it_is_now() {
    let mut room = Room::new();
    let conversation = room.conversation("Talk");
    let seq = room.tx(|tx| {
        let (seq, head) = messages::head(tx, conversation)?;
        let new = NewMessage {
            conversation: seq,
            parent: head,
            role: MessageRole::Assistant,
            state: MessageState::Streaming,
            content: "",
            model: None,
            weight: 0,
            lease: None,
            now: NOW,
        };
        Ok(messages::add(tx, &new)?.0)
    });
    room.tx(|tx| messages::append(tx, seq, 0, "platypus", ""));
    assert_eq!(room.found("platypus"), Vec::<String>::new());
    assert!(room.check().is_sound());
    let ending = Ending {
        state: MessageState::Stopped,
        content: "platypus indeed".to_owned(),
        thinking: "wombat".to_owned(),
        tool_calls: Vec::new(),
        error: None,
        error_kind: None,
        metrics: Metrics::default(),
        requested: Requested::default(),
    };
    room.tx(|tx| messages::finish(tx, seq, &ending, NOW));
    assert_eq!(room.found("platypus"), ["platypus indeed"]);
    assert_eq!(room.found("wombat"), Vec::<String>::new());
    let lease = room.tx(|tx| {
        tx.execute("INSERT INTO leases (id, boot, pid, started, created_at) VALUES (zeroblob(16), '', 1, 1, 1)", [])
            .while_("x")?;
        Ok(tx.last_insert_rowid())
    });
    room.tx(|tx| messages::resume(tx, seq, "m", lease));
    assert_eq!(room.found("platypus"), Vec::<String>::new(), "it is arriving again");
    room.tx(|tx| messages::append(tx, seq, 0, " and wombat", ""));
    room.tx(|tx| messages::interrupt(tx, seq, NOW));
    assert_eq!(room.found("wombat"), ["platypus indeed and wombat"]);
    assert!(room.check().is_sound());
}

#[test]
fn titles_come_before_messages_and_recent_before_old() {
    let mut room = Room::new();
    let old = room.conversation("Holidays");
    room.say(old, MessageRole::User, "compilers are fun", NOW - 900 * DAY);
    let recent = room.conversation("Weather");
    room.say(recent, MessageRole::User, "compilers are fun", NOW - DAY);
    let about = room.conversation("Compilers");
    room.say(about, MessageRole::User, "compilers are fun", NOW - 800 * DAY);
    let order: Vec<(HitKind, ConversationId)> =
        room.find(&wanted("compilers")).iter().map(|hit| (hit.kind, hit.conversation)).collect();
    assert_eq!(
        order,
        [(HitKind::Title, about), (HitKind::Message, about), (HitKind::Message, recent), (HitKind::Message, old)]
    );
}

#[test]
fn a_hit_says_where_it_is_and_marks_the_words() {
    let mut room = Room::new();
    let folder = room.tx(|tx| {
        let work = folders::create(tx, None, "work", NOW)?;
        folders::create(tx, Some(work.id), "rust", NOW)
    });
    let conversation = room.conversation("Lifetimes");
    let patch = ConversationPatch { folder: Some(Some(folder.id)), ..ConversationPatch::default() };
    room.tx(|tx| conversations::change(tx, conversation, &patch, NOW));
    room.say(conversation, MessageRole::Assistant, "A lifetime\nis a region", NOW);
    let hits = room.find(&wanted("life"));
    let [title, message] = hits.as_slice() else { panic!("{hits:?}") };
    assert_eq!((title.kind, title.title.marks.as_slice()), (HitKind::Title, &[(0, 9)][..]));
    assert_eq!(message.folder, ["work", "rust"]);
    assert_eq!(
        (message.snippet.text.as_str(), message.snippet.marks.as_slice()),
        ("A lifetime is a region", &[(2, 10)][..])
    );
    assert_eq!((message.role, message.model.as_deref()), (Some(MessageRole::Assistant), Some("llama3.2:3b")));
    assert!(message.message.is_some() && title.message.is_none());
}

#[test]
fn a_title_that_nobody_gave_is_not_found() {
    let mut room = Room::new();
    let id = room.tx(|tx| conversations::create(tx, &NewConversation::default(), NOW)).row.id;
    assert_eq!(room.find(&wanted("conversation")), []);
    room.tx(|tx| conversations::set_title(tx, id, "Otters", crate::api::organise::TitleOrigin::Prompt));
    assert_eq!(room.find(&wanted("otters")).len(), 1);
    room.tx(|tx| conversations::set_title(tx, id, "Beavers", crate::api::organise::TitleOrigin::Model));
    assert_eq!((room.find(&wanted("otters")).len(), room.find(&wanted("beavers")).len()), (0, 1));
    assert!(room.check().is_sound());
}

/// A vault in which each filter leaves something and takes something away.
fn furnished() -> (Room, Vec<i64>) {
    let mut room = Room::new();
    let work = room.tx(|tx| folders::create(tx, None, "Work", NOW));
    let rust = room.tx(|tx| folders::create(tx, Some(work.id), "Rüst", NOW));
    let names = ["plain", "filed", "archived", "trashed", "tagged"];
    let ids: Vec<ConversationId> = names.iter().map(|name| room.conversation(&format!("Title {name}"))).collect();
    let patch = ConversationPatch { folder: Some(Some(rust.id)), ..ConversationPatch::default() };
    room.tx(|tx| conversations::change(tx, ids[1], &patch, NOW));
    let mut seqs = Vec::new();
    for (number, id) in (0..).zip(&ids) {
        let name = names[number as usize];
        let question = room.say(*id, MessageRole::User, &format!("word {name} question"), NOW - number * 100 * DAY);
        let answer = room.say(*id, MessageRole::Assistant, &format!("word {name} answer"), NOW - number * 100 * DAY);
        seqs.extend([question, answer]);
    }
    room.tx(|tx| crate::store::vault::arrange::trash(tx, &[ids[3]], NOW));
    room.tx(|tx| {
        tx.execute_batch(
            "UPDATE conversations SET archived_at = 1 WHERE title = 'Title archived';
             INSERT INTO tags (id, name, name_key) VALUES (zeroblob(16), 'Later', 'later');
             INSERT INTO conversation_tags (conversation, tag)
             SELECT c.seq, t.seq FROM conversations c, tags t WHERE c.title = 'Title tagged';
             UPDATE messages SET model = 'qwen3:8b' WHERE content = 'word tagged answer';",
        )
        .while_("x")?;
        tx.execute(
            "INSERT INTO notes (id, conversation, message, created_at, updated_at, body)
             SELECT randomblob(16), conversation, seq, :now, :now, 'remember the word' FROM messages WHERE seq = :seq",
            named_params! { ":now": NOW, ":seq": seqs[1] },
        )
        .while_("x")?;
        tx.execute(
            "INSERT INTO feedback (message, thumb, created_at, updated_at) VALUES (:seq, -1, 1, 1)",
            named_params! { ":seq": seqs[3] },
        )
        .while_("x")?;
        let file = NewDocument {
            name: "wordlist final.txt".to_owned(),
            kind: AttachmentKind::Text,
            sha256: [1; 32],
            hidden: 0,
            text: None,
            body: b"the word of the file".to_vec(),
            weight: 0,
        };
        documents::attach(tx, seqs[8], &[file], NOW)
    });
    (room, seqs)
}

#[test]
fn each_filter_leaves_what_it_names() {
    let (mut room, _) = furnished();
    let named = |name: &str| vec![Named { name: name.to_owned(), is_not: false }];
    let not = |name: &str| vec![Named { name: name.to_owned(), is_not: true }];
    let messages = |room: &mut Room, filters: Filters| -> Vec<String> {
        let hits = room.find(&filtered("word", filters));
        let mut texts: Vec<String> = hits
            .into_iter()
            .filter(|hit| hit.kind == HitKind::Message)
            .map(|hit| hit.snippet.text.trim_start_matches("word ").to_owned())
            .collect();
        texts.sort();
        texts
    };
    let all = Filters::default();
    let everything = [
        "archived answer",
        "archived question",
        "filed answer",
        "filed question",
        "plain answer",
        "plain question",
        "tagged answer",
        "tagged question",
    ];
    assert_eq!(messages(&mut room, all.clone()), everything);
    let both = |name: &str| vec![format!("{name} answer"), format!("{name} question")];
    for (filters, left) in [
        (Filters { folders: named("rust"), ..all.clone() }, both("filed")),
        (Filters { folders: named("work/r"), ..all.clone() }, both("filed")),
        (Filters { folders: named("WORK"), ..all.clone() }, both("filed")),
        (Filters { archived: Some(Archived::Only), ..all.clone() }, both("archived")),
        (Filters { in_trash: true, ..all.clone() }, both("trashed")),
        (Filters { tags: named("lat"), ..all.clone() }, both("tagged")),
        (Filters { models: named("qwen"), ..all.clone() }, vec!["tagged answer".to_owned()]),
        (Filters { has_note: true, ..all.clone() }, vec!["plain answer".to_owned()]),
        (Filters { has_file: true, ..all.clone() }, vec!["tagged question".to_owned()]),
        (Filters { rated: Some(Rated::Down), ..all.clone() }, vec!["filed answer".to_owned()]),
        (Filters { rated: Some(Rated::Any), ..all.clone() }, vec!["filed answer".to_owned()]),
        (Filters { rated: Some(Rated::Up), ..all.clone() }, vec![]),
        (Filters { since: Some(NOW - DAY), ..all.clone() }, both("plain")),
        (Filters { until: Some(NOW - 300 * DAY), ..all.clone() }, both("tagged")),
        (Filters { place: Some(Source::Titles), ..all.clone() }, vec![]),
    ] {
        assert_eq!(messages(&mut room, filters.clone()), left, "{filters:?}");
    }
    let without = |left_out: &str| -> Vec<String> {
        everything.iter().filter(|name| !name.starts_with(left_out)).map(|name| (*name).to_owned()).collect()
    };
    assert_eq!(messages(&mut room, Filters { folders: not("rust"), ..all.clone() }), without("filed"));
    assert_eq!(messages(&mut room, Filters { tags: not("later"), ..all.clone() }), without("tagged"));
    assert_eq!(messages(&mut room, Filters { archived: Some(Archived::Not), ..all.clone() }), without("archived"));
    let users: Vec<String> =
        everything.iter().filter(|name| name.ends_with("question")).map(|name| (*name).to_owned()).collect();
    assert_eq!(messages(&mut room, Filters { role: Some(MessageRole::User), ..all }), users);
}

#[test]
fn notes_and_files_are_found_and_lead_to_their_message() {
    let (mut room, _) = furnished();
    let hits = room.find(&wanted("remember"));
    assert_eq!(hits.iter().map(|hit| hit.kind).collect::<Vec<_>>(), [HitKind::Note]);
    assert_eq!(hits[0].snippet.text, "remember the word");
    for query in ["wordlist", "\"of the file\""] {
        let hits = room.find(&wanted(query));
        assert_eq!(hits.iter().map(|hit| hit.kind).collect::<Vec<_>>(), [HitKind::File], "{query}");
        assert_eq!(hits[0].file.as_deref(), Some("wordlist final.txt"));
        assert!(hits[0].message.is_some());
    }
    assert!(room.check().is_sound());
}

#[test]
fn filters_alone_list_the_newest_messages() {
    let (mut room, _) = furnished();
    let filters = Filters { tags: vec![Named { name: "later".to_owned(), is_not: false }], ..Filters::default() };
    let hits = room.find(&Wanted { filters, ..Wanted::default() });
    let texts: Vec<&str> = hits.iter().map(|hit| hit.snippet.text.as_str()).collect();
    assert_eq!(texts, ["word tagged answer", "word tagged question"]);
    let none = Wanted { none: vec![Term::new("question", false).unwrap()], ..Wanted::default() };
    assert!(room.find(&none).iter().all(|hit| !hit.snippet.text.contains("question")));
    assert_eq!(room.find(&none).len(), 4);
}

#[test]
fn a_filter_that_names_nothing_says_so_with_the_nearest() {
    let (mut room, _) = furnished();
    let wrong = |room: &mut Room, filters: Filters| {
        let tx = room.conn.transaction().unwrap();
        match find(&tx, &Going::default(), &filtered("word", filters), Place::beginning(NOW), 5) {
            Err(StoreError::Invalid(said)) => said,
            other => panic!("{other:?}"),
        }
    };
    let named = |name: &str| vec![Named { name: name.to_owned(), is_not: false }];
    assert_eq!(
        wrong(&mut room, Filters { folders: named("wrok"), ..Filters::default() }),
        "No folder is called “wrok”; the nearest is “work”."
    );
    assert_eq!(
        wrong(&mut room, Filters { tags: named("letter"), ..Filters::default() }),
        "No tag is called “letter”; the nearest is “Later”."
    );
}

#[test]
fn pages_give_every_hit_once_and_in_one_order() {
    let mut room = Room::new();
    let conversation = room.conversation("Numbers");
    for number in 0..700 {
        room.say(conversation, MessageRole::User, &format!("common number{number}"), NOW - number * DAY);
    }
    let wanted = wanted("common");
    let mut seen = Vec::new();
    let mut from = Some(Place::beginning(NOW));
    while let Some(place) = from {
        let page = room.page(&wanted, place, 64);
        assert!(page.count <= 300);
        seen.extend(page.hits.into_iter().map(|hit| hit.snippet.text));
        from = page.next;
    }
    assert_eq!(seen.len(), 700);
    let first = seen[..64].to_vec();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 700);
    let again: Vec<String> =
        room.page(&wanted, Place::beginning(NOW), 64).hits.into_iter().map(|hit| hit.snippet.text).collect();
    assert_eq!(again, first);
}

#[test]
fn a_rare_word_is_ranked_over_all_its_hits() {
    let mut room = Room::new();
    let conversation = room.conversation("Numbers");
    room.say(conversation, MessageRole::User, "quokka quokka quokka", NOW);
    for number in 0..400 {
        room.say(conversation, MessageRole::User, &format!("filler number{number}"), NOW);
    }
    room.say(conversation, MessageRole::User, &format!("quokka {}", "and more ".repeat(200)), NOW);
    let page = room.page(&wanted("quokka"), Place::beginning(NOW), 10);
    assert_eq!((page.count, page.is_more, page.next), (2, false, None));
    assert_eq!(page.hits[0].snippet.text, "quokka quokka quokka");
}

#[test]
fn a_check_tells_what_is_wrong_and_a_rebuild_mends_it() {
    let (mut room, seqs) = furnished();
    let sound = room.check();
    assert!(sound.is_sound(), "{sound:?}");
    assert_eq!(sound.texts, 10 + 5 + 1 + 1);
    room.tx(|tx| {
        tx.execute("DELETE FROM message_words WHERE rowid = :seq", named_params! { ":seq": seqs[0] }).while_("x")?;
        tx.execute("UPDATE message_words SET words = 'other' WHERE rowid = :seq", named_params! { ":seq": seqs[1] })
            .while_("x")?;
        tx.execute("INSERT INTO title_words (rowid, words) VALUES (99, 'left over')", []).while_("x")
    });
    let broken = room.check();
    assert_eq!((broken.wrong, broken.left_over, broken.is_sound()), (2, 1, false));
    room.rebuild();
    assert_eq!(room.check(), sound);
}

#[test]
fn a_rebuild_that_was_broken_off_is_known_and_gone_on_with() {
    let mut room = Room::new();
    let conversation = room.conversation("Numbers");
    for number in 0..1_200 {
        room.say(conversation, MessageRole::User, &format!("common number{number}"), NOW);
    }
    let begun = room.tx(|tx| index::begin_rebuild(tx, false, NOW));
    assert_eq!(begun.done, 0);
    room.tx(|tx| index::go_on_rebuilding(tx, NOW)).unwrap();
    let page = room.page(&wanted("common"), Place::beginning(NOW), 5);
    assert!(page.is_index_unfinished && page.count > 0);
    // What is written meanwhile is in the index once.
    room.tx(|tx| tx.execute("DELETE FROM messages WHERE content = 'common number1100'", []).while_("x"));
    room.say(conversation, MessageRole::User, "written meanwhile", NOW);
    let again = room.tx(|tx| index::begin_rebuild(tx, false, NOW));
    assert_eq!(again.done, 500);
    while room.tx(|tx| index::go_on_rebuilding(tx, NOW)).is_some() {}
    let report = room.check();
    assert!(report.is_sound(), "{report:?}");
    assert_eq!(room.found("meanwhile").len(), 1);
}

/// One step of a random history.
#[derive(Clone, Debug)]
enum Step {
    Say(String),
    Rewrite(usize, String),
    Retitle(usize, String),
    Begin(String),
    Note(usize, String),
    Attach(usize, String),
    DeleteMessage(usize),
    DeleteConversation(usize),
    DeleteNotes,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let text = "[a-cA-C_中文é ]{0,12}";
    let step = prop_oneof![
        4 => text.prop_map(Step::Say),
        2 => (any::<usize>(), text).prop_map(|(which, text)| Step::Rewrite(which, text)),
        1 => (any::<usize>(), text).prop_map(|(which, text)| Step::Retitle(which, text)),
        2 => text.prop_map(Step::Begin),
        2 => (any::<usize>(), text).prop_map(|(which, text)| Step::Note(which, text)),
        1 => (any::<usize>(), text).prop_map(|(which, text)| Step::Attach(which, text)),
        1 => any::<usize>().prop_map(Step::DeleteMessage),
        1 => any::<usize>().prop_map(Step::DeleteConversation),
        1 => Just(Step::DeleteNotes),
    ];
    proptest::collection::vec(step, 1..24)
}

fn take(tx: &Transaction<'_>, step: &Step) -> Result<(), StoreError> {
    let pick = |sql: &str, which: usize| -> Option<i64> {
        let all: Vec<i64> =
            tx.prepare(sql).unwrap().query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
        (!all.is_empty()).then(|| all[which % all.len()])
    };
    let message = |which| pick("SELECT seq FROM messages ORDER BY seq", which);
    let conversation = |which| pick("SELECT seq FROM conversations ORDER BY seq", which);
    match step {
        Step::Begin(title) => {
            let new = NewConversation { title: Some(title.clone()), ..NewConversation::default() };
            conversations::create(tx, &new, NOW)?;
        }
        Step::Say(content) => {
            let Some(conversation) = conversation(usize::MAX) else { return Ok(()) };
            let parent = pick("SELECT seq FROM messages ORDER BY seq", 1);
            let new = NewMessage {
                conversation,
                parent,
                role: MessageRole::User,
                state: MessageState::Done,
                content,
                model: None,
                weight: 0,
                lease: None,
                now: NOW,
            };
            messages::add(tx, &new)?;
        }
        Step::Rewrite(which, text) => {
            let named = named_params! { ":seq": message(*which), ":text": text };
            tx.execute("UPDATE messages SET content = :text WHERE seq = :seq", named).while_("x")?;
        }
        Step::Retitle(which, text) => {
            let named = named_params! { ":seq": conversation(*which), ":text": text };
            tx.execute("UPDATE conversations SET title = :text WHERE seq = :seq", named).while_("x")?;
        }
        Step::Note(which, text) => {
            let named = named_params! { ":seq": message(*which), ":text": text };
            tx.execute(
                "INSERT INTO notes (id, conversation, message, created_at, updated_at, quote, body)
                 SELECT randomblob(16), conversation, seq, 1, 1, content, :text FROM messages WHERE seq = :seq",
                named,
            )
            .while_("x")?;
            tx.execute("UPDATE notes SET body = body || 'more' WHERE seq % 3 = 0", []).while_("x")?;
        }
        Step::Attach(which, text) => {
            let Some(seq) = message(*which) else { return Ok(()) };
            let file = NewDocument {
                name: format!("{text}.txt"),
                kind: if text.len() % 2 == 0 { AttachmentKind::Pdf } else { AttachmentKind::Text },
                sha256: [text.len() as u8; 32],
                hidden: 0,
                // What is read of a document is found, and its own bytes are not.
                text: (text.len() % 2 == 0).then(|| text.clone()),
                body: if text.len() % 2 == 0 { b"abc".to_vec() } else { text.clone().into_bytes() },
                weight: 0,
            };
            documents::attach(tx, seq, &[file], NOW)?;
        }
        Step::DeleteMessage(which) => {
            tx.execute("DELETE FROM messages WHERE seq = :seq", named_params! { ":seq": message(*which) })
                .while_("x")?;
        }
        Step::DeleteConversation(which) => {
            let named = named_params! { ":seq": conversation(*which) };
            tx.execute("DELETE FROM conversations WHERE seq = :seq", named).while_("x")?;
        }
        Step::DeleteNotes => {
            tx.execute("DELETE FROM notes WHERE seq % 2 = 0", []).while_("x")?;
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_index_is_what_a_rebuild_makes_whatever_happens(steps in steps(), query in "[a-c中é]{1,3}") {
        let mut room = Room::new();
        room.conversation("begin");
        for step in &steps {
            room.tx(|tx| take(tx, step));
        }
        let report = room.check();
        prop_assert!(report.is_sound(), "{:?}", report);
        let before = room.find(&wanted(&query));
        room.rebuild();
        prop_assert_eq!(room.check(), report);
        prop_assert_eq!(room.find(&wanted(&query)), before);
    }
}

#[tokio::test]
async fn a_search_that_nobody_waits_for_ends_and_disturbs_nobody_else() {
    let home = tempfile::tempdir().unwrap();
    let vault = scratch::vault(&home);
    let (began, begun) = tokio::sync::oneshot::channel();
    let (ended, end) = tokio::sync::oneshot::channel();
    let endless = vault.db.search(move |tx, _| {
        let _ = began.send(());
        let counted: Result<i64, _> = tx
            .query_row(
                "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT sum(x) FROM n",
                [],
                |row| row.get(0),
            )
            .while_("x");
        let _ = ended.send(counted.as_ref().is_err_and(StoreError::is_interrupted));
        counted
    });
    let endless = tokio::select! {
        biased;
        _ = begun => None,
        done = endless => Some(done),
    };
    assert!(endless.is_none());
    assert!(end.await.unwrap());
    // The next search, and reads, run on the same connections as if nothing had been.
    let two: i64 = vault
        .db
        .search(|tx, going| {
            going.check()?;
            tx.query_row("SELECT 1 + 1", [], |row| row.get(0)).while_("x")
        })
        .await
        .unwrap();
    assert_eq!(two, 2);
}
