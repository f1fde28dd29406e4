//! A vault full of everything that a vault can hold, made up; and whether every column of it is thought of.

use std::collections::BTreeSet;

use rand::{Rng, RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use rusqlite::{Transaction, named_params, params};
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use crate::store::vault::{fold::name_key, scratch};

/// Columns that leave with an export, and those that deliberately do not: keys and what is computed, counted or of this
/// machine alone.
const LEFT_OUT: &[&str] = &[
    "attachments.document",
    "attachments.message",
    "attachments.place",
    "conversation_tags.conversation",
    "conversation_tags.tag",
    "conversations.messages",
    "conversations.rev",
    "conversations.title_key",
    "documents.bytes",
    "documents.created_at",
    "documents.error",
    "documents.hidden",
    "documents.id",
    "documents.kind",
    "documents.state",
    "documents.text",
    "drafts.conversation",
    "feedback.rev",
    "folders.name_key",
    "folders.rev",
    "messages.conversation",
    "messages.lease",
    "messages.rev",
    "messages.said_hour",
    "messages.weight",
    "notes.conversation",
    "notes.rev",
    "presets.name_key",
    "presets.rev",
    "prompt_templates.name_key",
    "prompt_templates.rev",
    "summaries.conversation",
    "summaries.last_message",
    "tags.name_key",
    "tags.rev",
];

/// Tables that hold nothing of a person's own that stands nowhere else.
const TABLES_LEFT_OUT: &[&str] = &[
    // How fast this machine was.
    "answer_times",
    "chunks",
    "conversation_counts",
    // What was done here in the background.
    "jobs",
    "leases",
    "message_pieces",
    "usage_days",
    "usage_of_conversations",
    "usage_reasons",
    "vectors",
];

#[test]
fn every_column_leaves_with_an_export_or_is_left_out_on_purpose() {
    let conn = scratch::memory();
    let sources = [include_str!("mod.rs"), include_str!("read.rs")].concat();
    let mut tables = conn
        .prepare(
            "SELECT m.name, c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c
             WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.sql NOT LIKE 'CREATE VIRTUAL%' AND c.name != 'seq'",
        )
        .unwrap();
    let columns: Vec<(String, String)> =
        tables.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().collect::<Result<_, _>>().unwrap();
    let virtual_parts: BTreeSet<String> = conn
        .prepare("SELECT name FROM sqlite_schema WHERE sql LIKE 'CREATE VIRTUAL%'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    for (table, column) in columns {
        let of_an_index = virtual_parts.iter().any(|index| table.starts_with(&format!("{index}_")));
        if TABLES_LEFT_OUT.contains(&table.as_str()) || of_an_index {
            continue;
        }
        let left_out = LEFT_OUT.contains(&format!("{table}.{column}").as_str());
        let selected = sources.contains(&format!("\"{column}\""))
            || sources.contains(&format!(" {column},"))
            || sources.contains(&format!(".{column},"))
            || sources.contains(&format!(".{column} "));
        assert!(left_out || selected, "{table}.{column} neither leaves with an export nor is left out on purpose");
    }
}

fn id(random: &mut StdRng) -> Uuid {
    let mut bytes = [0; 16];
    random.fill_bytes(&mut bytes);
    Builder::from_random_bytes(bytes).into_uuid()
}

fn text(random: &mut StdRng, longest: usize) -> String {
    const PIECES: &[&str] = &[
        "word ",
        "für ",
        "日本語",
        "\n",
        "\"quoted\" ",
        "\\",
        "\u{202e}",
        "👩‍👩‍👧 ",
        "\u{1b}[31m",
        "```rust\nlet a = 1;\n```\n",
        "| a | b |\n",
        "<script>",
        "\u{2028}",
        "ا",
        "\u{301}",
        "\t",
        "\u{0}",
        "\u{FFFD}",
    ];
    (0..random.random_range(0..longest)).map(|_| *PIECES.choose(random).unwrap()).collect()
}

fn name(random: &mut StdRng, number: usize) -> String {
    let ending = ["", " Ärger", " 漢字", " Ünï"].choose(random).unwrap();
    format!("{}{number}{ending}", ["a", "Work ", "./x/", "\"q\" "].choose(random).unwrap())
}

fn maybe<T>(random: &mut StdRng, make: impl FnOnce(&mut StdRng) -> T) -> Option<T> {
    random.random_bool(0.4).then(|| make(random))
}

fn moment(random: &mut StdRng) -> i64 {
    random.random_range(0..2_000_000_000_000)
}

/// Fills an empty vault, the same for the same seed.
pub(crate) fn fill(tx: &Transaction<'_>, seed: u64) {
    let random = &mut StdRng::seed_from_u64(seed);
    let mut presets = Vec::new();
    for number in 0..random.random_range(0..3) {
        let name = name(random, number);
        let options = if random.random() { r#"{"temperature":0.1,"seed":7}"# } else { "{}" };
        tx.execute(
            "INSERT INTO presets (id, name, name_key, model, options, created_at, updated_at, system_prompt)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                id(random),
                name,
                name_key(&name),
                maybe(random, |_| "llama3.2:3b"),
                options,
                moment(random),
                moment(random),
                maybe(random, |random| text(random, 5))
            ],
        )
        .unwrap();
        presets.push(tx.last_insert_rowid());
        let template = text(random, 8);
        tx.execute(
            "INSERT INTO prompt_templates (id, name, name_key, created_at, updated_at, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![id(random), name, name_key(&name), moment(random), moment(random), template],
        )
        .unwrap();
    }
    let mut folders = Vec::new();
    for number in 0..random.random_range(0..5) {
        let name = name(random, number);
        let parent = maybe(random, |random| folders.choose(random).copied()).flatten();
        tx.execute(
            "INSERT INTO folders (id, parent, name, name_key, preset, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                id(random), parent, name, name_key(&name),
                maybe(random, |random| presets.choose(random).copied()).flatten(), moment(random), moment(random)
            ],
        )
        .unwrap();
        folders.push(tx.last_insert_rowid());
    }
    if let [first, .., last] = folders[..] {
        // One that was moved below a younger one.
        let _ = tx.execute(
            "UPDATE folders SET parent = ?2 WHERE seq = ?1 AND NOT EXISTS (WITH RECURSIVE up (seq) AS (SELECT ?2 UNION
             SELECT f.parent FROM up u JOIN folders f ON f.seq = u.seq WHERE f.parent IS NOT NULL)
             SELECT 1 FROM up WHERE seq = ?1)",
            params![first, last],
        );
    }
    let mut tags = Vec::new();
    for number in 0..random.random_range(0..4) {
        let name = name(random, number);
        tx.execute(
            "INSERT INTO tags (id, name, name_key) VALUES (?1, ?2, ?3)",
            params![id(random), name, name_key(&name)],
        )
        .unwrap();
        tags.push(tx.last_insert_rowid());
    }
    tx.execute("INSERT INTO settings VALUES ('preferences', 5, '{\"theme\":\"dark\"}'), ('audit_anchor', 6, '1')", [])
        .unwrap();
    tx.execute("INSERT INTO drafts (conversation, updated_at, body) VALUES (0, 3, ?1)", [text(random, 5)]).unwrap();
    let conversations = random.random_range(0..6);
    let mut used: Vec<i64> = (1..=conversations).collect();
    for number in 0..conversations as usize {
        let at = random.random_range(0..used.len());
        let place = used.swap_remove(at);
        conversation(tx, random, number, place, &folders, &presets, &tags);
    }
}

fn conversation(
    tx: &Transaction<'_>,
    random: &mut StdRng,
    number: usize,
    used: i64,
    folders: &[i64],
    presets: &[i64],
    tags: &[i64],
) {
    let title = name(random, number);
    tx.execute(
        "INSERT INTO conversations (id, folder, title, title_key, title_origin, pinned, archived_at, trashed_at, model,
             options, preset, used, created_at, updated_at, system_prompt, used_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
        params![
            id(random),
            maybe(random, |random| folders.choose(random).copied()).flatten(),
            title,
            name_key(&title),
            ["none", "prompt", "model", "manual"].choose(random).unwrap(),
            random.random::<bool>(),
            maybe(random, moment),
            maybe(random, moment),
            maybe(random, |_| "demo-chat:3b"),
            r#"{"num_ctx":8192}"#,
            maybe(random, |random| presets.choose(random).copied()).flatten(),
            used,
            moment(random),
            moment(random),
            maybe(random, |random| text(random, 6)),
            used * 1000,
        ],
    )
    .unwrap();
    let conversation = tx.last_insert_rowid();
    for tag in tags {
        if random.random() {
            tx.execute("INSERT INTO conversation_tags VALUES (?1, ?2)", [conversation, *tag]).unwrap();
        }
    }
    let mut messages: Vec<(i64, bool)> = Vec::new();
    for _ in 0..random.random_range(0..12) {
        message(tx, random, conversation, &mut messages);
    }
    let shown: Vec<i64> = messages.iter().filter(|(_, pruned)| !pruned).map(|(seq, _)| *seq).collect();
    tx.execute(
        "UPDATE conversations SET head = ?2, messages = ?3 WHERE seq = ?1",
        params![conversation, shown.choose(random), shown.len() as i64],
    )
    .unwrap();
    for (seq, _) in &messages {
        let child: Option<i64> =
            tx.query_row("SELECT min(seq) FROM messages WHERE parent = ?1", [seq], |row| row.get(0)).unwrap();
        if random.random_bool(0.3) {
            tx.execute("UPDATE messages SET chosen = ?2 WHERE seq = ?1", params![seq, child]).unwrap();
        }
        beside(tx, random, conversation, *seq);
    }
    if random.random_bool(0.3) {
        tx.execute(
            "INSERT INTO notes (id, conversation, created_at, updated_at, body) VALUES (?1, ?2, 1, 2, ?3)",
            params![id(random), conversation, text(random, 5)],
        )
        .unwrap();
        tx.execute(
            "INSERT INTO drafts (conversation, updated_at, queued, body) VALUES (?1, 3, '[{\"text\":\"next\"}]', 'draft')",
            [conversation],
        )
        .unwrap();
        tx.execute(
            "INSERT INTO imports (source, external_id, digest, imported_at, conversation, known)
             VALUES ('chatgpt', ?1, zeroblob(32), 5, ?2, zeroblob(16))",
            params![id(random).to_string(), conversation],
        )
        .unwrap();
    }
}

fn message(tx: &Transaction<'_>, random: &mut StdRng, conversation: i64, messages: &mut Vec<(i64, bool)>) {
    let parent = if random.random_bool(0.9) { messages.choose(random).copied() } else { None };
    let begins = random.random_bool(0.1);
    let is_answer = random.random::<bool>();
    tx.execute(
        "INSERT INTO messages (id, conversation, parent, role, state, excluded, pinned, model, request_weight,
             request_window, first_token_ms, total_ms, prompt_tokens, answer_tokens, answer_ms, created_at, ended_at, error,
             error_kind, tool_calls, content, thinking)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)",
        params![
            id(random),
            conversation,
            parent.map(|(seq, _)| seq),
            if is_answer { "assistant" } else { ["user", "system", "tool"].choose(random).unwrap() },
            ["done", "length", "stopped", "interrupted", "failed", "streaming"].choose(random).unwrap(),
            random.random::<bool>(),
            random.random::<bool>(),
            maybe(random, |_| "demo-chat:3b"),
            maybe(random, |random| random.random_range(0..1_000_i64)),
            maybe(random, |_| 8192),
            maybe(random, |random| random.random_range(0..1_000_i64)),
            maybe(random, |random| random.random_range(0..1_000_i64)),
            maybe(random, |random| random.random_range(0..1_000_i64)),
            maybe(random, |random| random.random_range(0..1_000_i64)),
            maybe(random, |random| random.random_range(0..1_000_i64)),
            moment(random),
            maybe(random, moment),
            maybe(random, |random| text(random, 3)),
            maybe(random, |_| "\"upstream\""),
            maybe(random, |_| r#"[{"id":null,"name":"look","arguments":{"b":1.10,"a":"x"}}]"#),
            text(random, 30),
            text(random, 4),
        ],
    )
    .unwrap();
    let seq = tx.last_insert_rowid();
    let with: Option<(i64, i64)> = parent.and_then(|(parent, _)| {
        tx.query_row(
            "SELECT pruned_at, pruned_with FROM messages WHERE seq = ?1 AND pruned_at IS NOT NULL",
            [parent],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .ok()
    });
    let pruned = with.or_else(|| begins.then_some((7, seq)));
    if let Some((at, with)) = pruned {
        tx.execute("UPDATE messages SET pruned_at = ?2, pruned_with = ?3 WHERE seq = ?1", [seq, at, with]).unwrap();
    }
    tx.execute(
        "INSERT INTO message_pieces SELECT seq, 0, ' piece', '' FROM messages WHERE seq = ?1 AND state = 'streaming'",
        [seq],
    )
    .unwrap();
    messages.push((seq, pruned.is_some()));
}

fn beside(tx: &Transaction<'_>, random: &mut StdRng, conversation: i64, message: i64) {
    if random.random_bool(0.3) {
        // Few different ones, so that some go with several messages.
        let body = match random.random_range(0..4) {
            0 => b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec(),
            number => format!("text {number} für\n").into_bytes(),
        };
        let sha256: [u8; 32] = Sha256::digest(&body).into();
        let kind = if body[0] == 0x89 { "image" } else { "text" };
        tx.execute(
            "INSERT INTO documents (id, sha256, kind, bytes, created_at, body) VALUES (:id, :sha256, :kind, :bytes, 1, :body)
             ON CONFLICT DO NOTHING",
            named_params! { ":id": id(random), ":sha256": sha256, ":kind": kind, ":bytes": body.len() as i64, ":body": body },
        )
        .unwrap();
        for place in 0..random.random_range(1..3) {
            tx.execute(
                "INSERT INTO attachments (message, place, document, name)
                 SELECT ?1, ?2, seq, ?3 FROM documents WHERE sha256 = ?4",
                params![message, place, format!("file {place}.txt"), sha256],
            )
            .unwrap();
        }
    }
    if random.random_bool(0.3) {
        tx.execute(
            "INSERT INTO notes (id, conversation, message, first_char, end_char, created_at, updated_at, quote, body)
             VALUES (?1, ?2, ?3, 0, 4, ?4, ?5, ?6, ?7)",
            params![
                id(random),
                conversation,
                message,
                moment(random),
                moment(random),
                text(random, 3),
                text(random, 3)
            ],
        )
        .unwrap();
        tx.execute(
            "INSERT INTO feedback (message, thumb, reasons, created_at, updated_at, comment) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                message, if random.random() { 1 } else { -1 }, "[]", moment(random), moment(random),
                maybe(random, |random| text(random, 3))
            ],
        )
        .unwrap();
        tx.execute(
            "INSERT INTO summaries (conversation, last_message, model, created_at, body) VALUES (?1, ?2, 'm', ?3, ?4)",
            params![conversation, message, moment(random), text(random, 4)],
        )
        .unwrap();
    }
}
