-- One person's vault: everything they wrote or received.
--
-- Every table has an integer key of its own, made in order of insertion: order is kept by it and never by a clock, and
-- full-text indexes can point at it. `id` is what leaves the store. Times are milliseconds since 1970, UTC. `rev` counts
-- the changes a person made to a row, so that a change can name the state it saw.
-- Long columns stand last in their rows: reading the short ones then touches no overflow page.

CREATE TABLE presets (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    id            BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    name          TEXT NOT NULL,
    name_key      TEXT NOT NULL UNIQUE,
    model         TEXT,
    options       TEXT NOT NULL DEFAULT '{}',
    rev           INTEGER NOT NULL DEFAULT 1,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    system_prompt TEXT
) STRICT;

CREATE TABLE prompt_templates (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    id         BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    name       TEXT NOT NULL,
    name_key   TEXT NOT NULL UNIQUE,
    rev        INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    body       TEXT NOT NULL
) STRICT;

CREATE TABLE folders (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    id         BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    parent     INTEGER REFERENCES folders (seq),
    name       TEXT NOT NULL,
    -- The name as it is compared: composed, without case.
    name_key   TEXT NOT NULL,
    preset     INTEGER REFERENCES presets (seq) ON DELETE SET NULL,
    rev        INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX folders_by_name ON folders (coalesce(parent, 0), name_key);
CREATE INDEX folders_by_parent ON folders (parent);
CREATE INDEX folders_by_preset ON folders (preset) WHERE preset IS NOT NULL;

CREATE TABLE conversations (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    id            BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    folder        INTEGER REFERENCES folders (seq) ON DELETE RESTRICT,
    title         TEXT NOT NULL,
    -- The title as filters compare it: without case and accents.
    title_key     TEXT NOT NULL,
    -- Where the title comes from: nothing yet, the first words of the prompt, a model, or a person.
    title_origin  TEXT NOT NULL CHECK (title_origin IN ('none', 'prompt', 'model', 'manual')),
    pinned        INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1)),
    archived_at   INTEGER,
    trashed_at    INTEGER,
    model         TEXT,
    options       TEXT NOT NULL DEFAULT '{}',
    preset        INTEGER REFERENCES presets (seq) ON DELETE SET NULL,
    -- The end of the branch on view.
    head          INTEGER REFERENCES messages (seq) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED,
    messages      INTEGER NOT NULL DEFAULT 0,
    -- Place in the order of use: a new greatest number at each use.
    used          INTEGER NOT NULL,
    -- When that was. Never earlier than that of a smaller number, whatever the clock said.
    used_at       INTEGER NOT NULL,
    rev           INTEGER NOT NULL DEFAULT 1,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    system_prompt TEXT
) STRICT;
CREATE INDEX conversations_by_folder ON conversations (folder, used) WHERE trashed_at IS NULL AND archived_at IS NULL;
CREATE INDEX conversations_folder_key ON conversations (folder) WHERE folder IS NOT NULL;
CREATE INDEX conversations_by_use ON conversations (used);
CREATE INDEX conversations_pinned ON conversations (used) WHERE pinned = 1 AND trashed_at IS NULL AND archived_at IS NULL;
CREATE INDEX conversations_archived ON conversations (used) WHERE archived_at IS NOT NULL AND trashed_at IS NULL;
CREATE INDEX conversations_trashed ON conversations (used) WHERE trashed_at IS NOT NULL;
CREATE INDEX conversations_by_preset ON conversations (preset) WHERE preset IS NOT NULL;
-- The longest ones, and whether they are of the period, without touching their rows.
CREATE INDEX conversations_by_length ON conversations (messages, updated_at, folder) WHERE trashed_at IS NULL;
CREATE INDEX conversations_by_head ON conversations (head) WHERE head IS NOT NULL;

-- How many conversations stand where, so that no list counts them one by one. `folder` 0 is none; `place` is 'here', or
-- 'archive' or 'trash' wherever they came from. No row says that there are none.
CREATE TABLE conversation_counts (
    folder INTEGER NOT NULL,
    place  TEXT NOT NULL CHECK (place IN ('here', 'archive', 'trash')),
    pinned INTEGER NOT NULL CHECK (pinned IN (0, 1)),
    amount INTEGER NOT NULL CHECK (amount > 0),
    PRIMARY KEY (folder, place, pinned)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER conversations_are_counted AFTER INSERT ON conversations
BEGIN
    INSERT INTO conversation_counts (folder, place, pinned, amount)
    VALUES (coalesce(new.folder, 0),
        CASE WHEN new.trashed_at IS NOT NULL THEN 'trash' WHEN new.archived_at IS NOT NULL THEN 'archive' ELSE 'here' END,
        new.pinned, 1)
    ON CONFLICT (folder, place, pinned) DO UPDATE SET amount = amount + 1;
END;
CREATE TRIGGER conversations_are_counted_off AFTER DELETE ON conversations
BEGIN
    DELETE FROM conversation_counts
    WHERE folder = coalesce(old.folder, 0) AND pinned = old.pinned AND amount = 1
        AND place = CASE WHEN old.trashed_at IS NOT NULL THEN 'trash' WHEN old.archived_at IS NOT NULL THEN 'archive' ELSE 'here' END;
    UPDATE conversation_counts SET amount = amount - 1
    WHERE changes() = 0 AND folder = coalesce(old.folder, 0) AND pinned = old.pinned
        AND place = CASE WHEN old.trashed_at IS NOT NULL THEN 'trash' WHEN old.archived_at IS NOT NULL THEN 'archive' ELSE 'here' END;
END;
CREATE TRIGGER conversations_are_counted_anew AFTER UPDATE OF folder, pinned, archived_at, trashed_at ON conversations
WHEN old.folder IS NOT new.folder OR old.pinned <> new.pinned
    OR (old.archived_at IS NULL) <> (new.archived_at IS NULL) OR (old.trashed_at IS NULL) <> (new.trashed_at IS NULL)
BEGIN
    DELETE FROM conversation_counts
    WHERE folder = coalesce(old.folder, 0) AND pinned = old.pinned AND amount = 1
        AND place = CASE WHEN old.trashed_at IS NOT NULL THEN 'trash' WHEN old.archived_at IS NOT NULL THEN 'archive' ELSE 'here' END;
    UPDATE conversation_counts SET amount = amount - 1
    WHERE changes() = 0 AND folder = coalesce(old.folder, 0) AND pinned = old.pinned
        AND place = CASE WHEN old.trashed_at IS NOT NULL THEN 'trash' WHEN old.archived_at IS NOT NULL THEN 'archive' ELSE 'here' END;
    INSERT INTO conversation_counts (folder, place, pinned, amount)
    VALUES (coalesce(new.folder, 0),
        CASE WHEN new.trashed_at IS NOT NULL THEN 'trash' WHEN new.archived_at IS NOT NULL THEN 'archive' ELSE 'here' END,
        new.pinned, 1)
    ON CONFLICT (folder, place, pinned) DO UPDATE SET amount = amount + 1;
END;

-- A process that may have answers running. Alive while it holds the lock on the file of this name.
CREATE TABLE leases (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    id         BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    boot       TEXT NOT NULL,
    pid        INTEGER NOT NULL,
    -- When the process started, in the kernel's ticks since boot: a reused pid has another.
    started    INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE messages (
    seq            INTEGER PRIMARY KEY AUTOINCREMENT,
    id             BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    conversation   INTEGER NOT NULL REFERENCES conversations (seq) ON DELETE CASCADE,
    parent         INTEGER REFERENCES messages (seq) ON DELETE CASCADE,
    -- Which child is on view below this one; the newest where none was chosen.
    chosen         INTEGER REFERENCES messages (seq) ON DELETE SET NULL,
    role           TEXT NOT NULL CHECK (role IN ('system', 'user', 'assistant', 'tool')),
    state          TEXT NOT NULL CHECK (state IN ('streaming', 'done', 'length', 'stopped', 'interrupted', 'failed')),
    excluded       INTEGER NOT NULL DEFAULT 0 CHECK (excluded IN (0, 1)),
    pinned         INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1)),
    -- In the trash since then, with the branch that this message begins. Not shown, not sent, not found until restored.
    pruned_at      INTEGER,
    pruned_with    INTEGER,
    -- Its share of a request in estimated quarter tokens, attachments included.
    weight         INTEGER NOT NULL DEFAULT 0,
    lease          INTEGER REFERENCES leases (seq),
    model          TEXT,
    -- Of the request that made this answer: what was estimated for it, and the window it had.
    request_weight INTEGER,
    request_window INTEGER,
    first_token_ms INTEGER,
    total_ms       INTEGER,
    load_ms        INTEGER,
    prompt_tokens  INTEGER,
    prompt_ms      INTEGER,
    answer_tokens  INTEGER,
    answer_ms      INTEGER,
    thinking_ms    INTEGER,
    rev            INTEGER NOT NULL DEFAULT 1,
    created_at     INTEGER NOT NULL,
    ended_at       INTEGER,
    -- The hour on the clock on the wall when it was said: days since 1970 times 24, and the hour, in the time zone of the
    -- machine then; another zone moves no day. NULL = not said here but copied from what was, and so not counted.
    said_hour      INTEGER,
    error          TEXT,
    -- What kind of fault that was, as the seam writes it.
    error_kind     TEXT,
    tool_calls     TEXT,
    content        TEXT NOT NULL DEFAULT '',
    thinking       TEXT NOT NULL DEFAULT '',
    CHECK ((pruned_at IS NULL) = (pruned_with IS NULL))
) STRICT;
CREATE INDEX messages_by_parent ON messages (parent, conversation, pruned_at);
CREATE INDEX messages_pruned ON messages (pruned_with) WHERE pruned_with IS NOT NULL;
CREATE INDEX messages_by_conversation ON messages (conversation);
CREATE INDEX messages_streaming ON messages (conversation, lease) WHERE state = 'streaming';
CREATE INDEX messages_by_lease ON messages (lease) WHERE lease IS NOT NULL;
CREATE INDEX messages_by_choice ON messages (chosen) WHERE chosen IS NOT NULL;
CREATE INDEX messages_counted ON messages (conversation) WHERE prompt_tokens > 0;
CREATE INDEX messages_pinned ON messages (conversation) WHERE pinned = 1;

-- What has arrived of a running answer since its row was written. Appending keeps a checkpoint's cost the same at the
-- end of a long answer as at its start; the end of the answer folds the pieces into its row.
CREATE TABLE message_pieces (
    message  INTEGER NOT NULL REFERENCES messages (seq) ON DELETE CASCADE,
    piece    INTEGER NOT NULL,
    content  TEXT NOT NULL,
    thinking TEXT NOT NULL,
    PRIMARY KEY (message, piece)
) STRICT, WITHOUT ROWID;

-- Where an answer's time went, microseconds; together they are all of it. Answers that this program did not see to their
-- end have no row.
CREATE TABLE answer_times (
    message    INTEGER PRIMARY KEY REFERENCES messages (seq) ON DELETE CASCADE,
    -- The call that asked for it, as faults and the log name it.
    request    BLOB NOT NULL CHECK (length(request) = 16),
    queue_us   INTEGER NOT NULL,
    own_us     INTEGER NOT NULL,
    connect_us INTEGER NOT NULL,
    send_us    INTEGER NOT NULL,
    load_us    INTEGER NOT NULL,
    prompt_us  INTEGER NOT NULL,
    first_us   INTEGER NOT NULL,
    answer_us  INTEGER NOT NULL,
    network_us INTEGER NOT NULL
) STRICT;

CREATE TABLE notes (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    id           BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    conversation INTEGER NOT NULL REFERENCES conversations (seq) ON DELETE CASCADE,
    message      INTEGER REFERENCES messages (seq) ON DELETE CASCADE,
    -- The passage, in characters of the message's content, and its words as they were.
    first_char   INTEGER,
    end_char     INTEGER,
    rev          INTEGER NOT NULL DEFAULT 1,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    quote        TEXT,
    body         TEXT NOT NULL,
    CHECK ((first_char IS NULL) = (end_char IS NULL)),
    CHECK (first_char IS NULL OR (message IS NOT NULL AND quote IS NOT NULL AND 0 <= first_char AND first_char < end_char))
) STRICT;
CREATE INDEX notes_by_conversation ON notes (conversation);
CREATE INDEX notes_by_message ON notes (message, first_char) WHERE message IS NOT NULL;

CREATE TABLE feedback (
    message    INTEGER PRIMARY KEY REFERENCES messages (seq) ON DELETE CASCADE,
    thumb      INTEGER NOT NULL CHECK (thumb IN (-1, 1)),
    reasons    TEXT NOT NULL DEFAULT '[]',
    rev        INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    comment    TEXT
) STRICT;

CREATE TABLE documents (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    id         BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    -- The same bytes are kept once.
    sha256     BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),
    kind       TEXT NOT NULL CHECK (kind IN ('text', 'image', 'pdf', 'docx')),
    bytes      INTEGER NOT NULL,
    hidden     INTEGER NOT NULL DEFAULT 0,
    state      TEXT NOT NULL DEFAULT 'stored' CHECK (state IN ('stored', 'chunking', 'embedding', 'ready', 'failed')),
    created_at INTEGER NOT NULL,
    error      TEXT,
    -- What is to be read of a document that is not itself text.
    text       BLOB,
    body       BLOB NOT NULL
) STRICT;

CREATE TABLE attachments (
    message  INTEGER NOT NULL REFERENCES messages (seq) ON DELETE CASCADE,
    place    INTEGER NOT NULL,
    document INTEGER NOT NULL REFERENCES documents (seq) ON DELETE RESTRICT,
    name     TEXT NOT NULL,
    PRIMARY KEY (message, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX attachments_by_document ON attachments (document);

CREATE TABLE chunks (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    document   INTEGER NOT NULL REFERENCES documents (seq) ON DELETE CASCADE,
    place      INTEGER NOT NULL,
    first_char INTEGER NOT NULL,
    end_char   INTEGER NOT NULL,
    body       TEXT NOT NULL,
    UNIQUE (document, place)
) STRICT;

-- Vectors of chunks, messages and notes, as small integers with their scale.
CREATE TABLE vectors (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    model   TEXT NOT NULL,
    chunk   INTEGER REFERENCES chunks (seq) ON DELETE CASCADE,
    message INTEGER REFERENCES messages (seq) ON DELETE CASCADE,
    note    INTEGER REFERENCES notes (seq) ON DELETE CASCADE,
    scale   REAL NOT NULL,
    vector  BLOB NOT NULL,
    CHECK ((chunk IS NOT NULL) + (message IS NOT NULL) + (note IS NOT NULL) = 1)
) STRICT;
CREATE UNIQUE INDEX vectors_of_chunk ON vectors (chunk, model) WHERE chunk IS NOT NULL;
CREATE UNIQUE INDEX vectors_of_message ON vectors (message, model) WHERE message IS NOT NULL;
CREATE UNIQUE INDEX vectors_of_note ON vectors (note, model) WHERE note IS NOT NULL;

CREATE TABLE tags (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    id       BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    name     TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    rev      INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE TABLE conversation_tags (
    conversation INTEGER NOT NULL REFERENCES conversations (seq) ON DELETE CASCADE,
    tag          INTEGER NOT NULL REFERENCES tags (seq) ON DELETE CASCADE,
    PRIMARY KEY (conversation, tag)
) STRICT, WITHOUT ROWID;
CREATE INDEX conversation_tags_by_tag ON conversation_tags (tag);

-- What a person was writing. Key 0 is the conversation that does not exist yet.
CREATE TABLE drafts (
    conversation INTEGER PRIMARY KEY,
    updated_at   INTEGER NOT NULL,
    queued       TEXT NOT NULL DEFAULT '[]',
    attachments  TEXT NOT NULL DEFAULT '[]',
    -- Stretches of the body that are shown as placeholders.
    folded       TEXT NOT NULL DEFAULT '[]',
    body         TEXT NOT NULL
) STRICT;
CREATE TRIGGER drafts_follow_conversations AFTER DELETE ON conversations
BEGIN
    DELETE FROM drafts WHERE conversation = old.seq;
END;

-- What the model said of a stretch of a branch that no longer fits.
CREATE TABLE summaries (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation INTEGER NOT NULL REFERENCES conversations (seq) ON DELETE CASCADE,
    last_message INTEGER NOT NULL REFERENCES messages (seq) ON DELETE CASCADE,
    model        TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    body         TEXT NOT NULL
) STRICT;
CREATE INDEX summaries_by_conversation ON summaries (conversation);
CREATE INDEX summaries_by_message ON summaries (last_message);

-- What was asked and answered, as counts without content: what is shown of a year has to be there in the time of a key
-- press. Kept by the triggers below in the transaction of whatever changes it. It is the sum of the messages that are
-- there, by the folder their conversation lies in now, and of those that were purged: what was said stays counted. Of a
-- purged conversation the counts stay in the folder it lay in last; those of a folder that goes, in none (0).
--
-- A row is for a day on the clock on the wall (days since 1970; see `messages.said_hour`) and a model; '' stands for what
-- the person asked, and for answers that do not tell their model. Times are counted in twenty-four steps, and messages
-- by the hour; three such counts share a number, 21 bits each, the first lowest.
CREATE TABLE usage_of_conversations (
    conversation  INTEGER NOT NULL REFERENCES conversations (seq) ON DELETE CASCADE,
    day           INTEGER NOT NULL,
    model         TEXT NOT NULL,
    asked         INTEGER NOT NULL,
    done          INTEGER NOT NULL,
    length        INTEGER NOT NULL,
    stopped       INTEGER NOT NULL,
    interrupted   INTEGER NOT NULL,
    failed        INTEGER NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    answer_tokens INTEGER NOT NULL,
    total_ms      INTEGER NOT NULL,
    speed_tokens  INTEGER NOT NULL,
    speed_ms      INTEGER NOT NULL,
    liked         INTEGER NOT NULL,
    disliked      INTEGER NOT NULL,
    took_0        INTEGER NOT NULL,
    took_1        INTEGER NOT NULL,
    took_2        INTEGER NOT NULL,
    took_3        INTEGER NOT NULL,
    took_4        INTEGER NOT NULL,
    took_5        INTEGER NOT NULL,
    took_6        INTEGER NOT NULL,
    took_7        INTEGER NOT NULL,
    first_0       INTEGER NOT NULL,
    first_1       INTEGER NOT NULL,
    first_2       INTEGER NOT NULL,
    first_3       INTEGER NOT NULL,
    first_4       INTEGER NOT NULL,
    first_5       INTEGER NOT NULL,
    first_6       INTEGER NOT NULL,
    first_7       INTEGER NOT NULL,
    hours_0       INTEGER NOT NULL,
    hours_1       INTEGER NOT NULL,
    hours_2       INTEGER NOT NULL,
    hours_3       INTEGER NOT NULL,
    hours_4       INTEGER NOT NULL,
    hours_5       INTEGER NOT NULL,
    hours_6       INTEGER NOT NULL,
    hours_7       INTEGER NOT NULL,
    PRIMARY KEY (conversation, day, model)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_of_conversations_by_day ON usage_of_conversations (day, conversation);

CREATE TABLE usage_days (
    day           INTEGER NOT NULL,
    model         TEXT NOT NULL,
    folder        INTEGER NOT NULL,
    asked         INTEGER NOT NULL,
    done          INTEGER NOT NULL,
    length        INTEGER NOT NULL,
    stopped       INTEGER NOT NULL,
    interrupted   INTEGER NOT NULL,
    failed        INTEGER NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    answer_tokens INTEGER NOT NULL,
    total_ms      INTEGER NOT NULL,
    speed_tokens  INTEGER NOT NULL,
    speed_ms      INTEGER NOT NULL,
    liked         INTEGER NOT NULL,
    disliked      INTEGER NOT NULL,
    took_0        INTEGER NOT NULL,
    took_1        INTEGER NOT NULL,
    took_2        INTEGER NOT NULL,
    took_3        INTEGER NOT NULL,
    took_4        INTEGER NOT NULL,
    took_5        INTEGER NOT NULL,
    took_6        INTEGER NOT NULL,
    took_7        INTEGER NOT NULL,
    first_0       INTEGER NOT NULL,
    first_1       INTEGER NOT NULL,
    first_2       INTEGER NOT NULL,
    first_3       INTEGER NOT NULL,
    first_4       INTEGER NOT NULL,
    first_5       INTEGER NOT NULL,
    first_6       INTEGER NOT NULL,
    first_7       INTEGER NOT NULL,
    hours_0       INTEGER NOT NULL,
    hours_1       INTEGER NOT NULL,
    hours_2       INTEGER NOT NULL,
    hours_3       INTEGER NOT NULL,
    hours_4       INTEGER NOT NULL,
    hours_5       INTEGER NOT NULL,
    hours_6       INTEGER NOT NULL,
    hours_7       INTEGER NOT NULL,
    PRIMARY KEY (day, model, folder)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_days_by_folder ON usage_days (folder) WHERE folder <> 0;

-- How often a reason was named with a rating, counted as the answer is.
CREATE TABLE usage_reasons (
    day      INTEGER NOT NULL,
    model    TEXT NOT NULL,
    folder   INTEGER NOT NULL,
    reason   TEXT NOT NULL,
    liked    INTEGER NOT NULL,
    disliked INTEGER NOT NULL,
    PRIMARY KEY (day, model, folder, reason)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_reasons_by_folder ON usage_reasons (folder) WHERE folder <> 0;

-- What each message that counts adds to the sums. How long an answer took counts where nothing cut it short. The steps
-- of the times stand here twice and not in a table, because looking them up took most of the time of adding a message.
CREATE VIEW usage_of_messages AS
SELECT message, conversation, folder, day, model,
       asked, done, length, stopped, interrupted, failed, prompt_tokens, answer_tokens, total_ms, speed_tokens,
       speed_ms, liked, disliked,
       iif(took / 3 = 0, 1 << (took % 3 * 21), 0) AS took_0,
       iif(took / 3 = 1, 1 << (took % 3 * 21), 0) AS took_1,
       iif(took / 3 = 2, 1 << (took % 3 * 21), 0) AS took_2,
       iif(took / 3 = 3, 1 << (took % 3 * 21), 0) AS took_3,
       iif(took / 3 = 4, 1 << (took % 3 * 21), 0) AS took_4,
       iif(took / 3 = 5, 1 << (took % 3 * 21), 0) AS took_5,
       iif(took / 3 = 6, 1 << (took % 3 * 21), 0) AS took_6,
       iif(took / 3 = 7, 1 << (took % 3 * 21), 0) AS took_7,
       iif(first / 3 = 0, 1 << (first % 3 * 21), 0) AS first_0,
       iif(first / 3 = 1, 1 << (first % 3 * 21), 0) AS first_1,
       iif(first / 3 = 2, 1 << (first % 3 * 21), 0) AS first_2,
       iif(first / 3 = 3, 1 << (first % 3 * 21), 0) AS first_3,
       iif(first / 3 = 4, 1 << (first % 3 * 21), 0) AS first_4,
       iif(first / 3 = 5, 1 << (first % 3 * 21), 0) AS first_5,
       iif(first / 3 = 6, 1 << (first % 3 * 21), 0) AS first_6,
       iif(first / 3 = 7, 1 << (first % 3 * 21), 0) AS first_7,
       iif(hour / 3 = 0, 1 << (hour % 3 * 21), 0) AS hours_0,
       iif(hour / 3 = 1, 1 << (hour % 3 * 21), 0) AS hours_1,
       iif(hour / 3 = 2, 1 << (hour % 3 * 21), 0) AS hours_2,
       iif(hour / 3 = 3, 1 << (hour % 3 * 21), 0) AS hours_3,
       iif(hour / 3 = 4, 1 << (hour % 3 * 21), 0) AS hours_4,
       iif(hour / 3 = 5, 1 << (hour % 3 * 21), 0) AS hours_5,
       iif(hour / 3 = 6, 1 << (hour % 3 * 21), 0) AS hours_6,
       iif(hour / 3 = 7, 1 << (hour % 3 * 21), 0) AS hours_7
FROM (SELECT m.seq AS message, m.conversation, coalesce(c.folder, 0) AS folder,
             m.said_hour / 24 AS day, m.said_hour % 24 AS hour, iif(m.role = 'user', '', coalesce(m.model, '')) AS model,
             m.role = 'user' AS asked,
             m.role = 'assistant' AND m.state = 'done' AS done,
             m.role = 'assistant' AND m.state = 'length' AS length,
             m.role = 'assistant' AND m.state = 'stopped' AS stopped,
             m.role = 'assistant' AND m.state = 'interrupted' AS interrupted,
             m.role = 'assistant' AND m.state = 'failed' AS failed,
             coalesce(m.prompt_tokens, 0) AS prompt_tokens, coalesce(m.answer_tokens, 0) AS answer_tokens,
             coalesce(m.total_ms, 0) AS total_ms,
             iif(m.answer_tokens > 0 AND m.answer_ms > 0, m.answer_tokens, 0) AS speed_tokens,
             iif(m.answer_tokens > 0 AND m.answer_ms > 0, m.answer_ms, 0) AS speed_ms,
             coalesce(f.thumb = 1, 0) AS liked, coalesce(f.thumb = -1, 0) AS disliked,
             CASE WHEN m.total_ms IS NULL OR m.state NOT IN ('done', 'length') THEN NULL
                  WHEN m.total_ms < 100 THEN 0 WHEN m.total_ms < 200 THEN 1 WHEN m.total_ms < 350 THEN 2
                  WHEN m.total_ms < 500 THEN 3 WHEN m.total_ms < 750 THEN 4 WHEN m.total_ms < 1000 THEN 5
                  WHEN m.total_ms < 1500 THEN 6 WHEN m.total_ms < 2000 THEN 7 WHEN m.total_ms < 3000 THEN 8
                  WHEN m.total_ms < 4000 THEN 9 WHEN m.total_ms < 6000 THEN 10 WHEN m.total_ms < 8000 THEN 11
                  WHEN m.total_ms < 12000 THEN 12 WHEN m.total_ms < 16000 THEN 13 WHEN m.total_ms < 24000 THEN 14
                  WHEN m.total_ms < 32000 THEN 15 WHEN m.total_ms < 48000 THEN 16 WHEN m.total_ms < 64000 THEN 17
                  WHEN m.total_ms < 96000 THEN 18 WHEN m.total_ms < 128000 THEN 19 WHEN m.total_ms < 192000 THEN 20
                  WHEN m.total_ms < 256000 THEN 21 WHEN m.total_ms < 512000 THEN 22 ELSE 23 END AS took,
             CASE WHEN m.first_token_ms IS NULL THEN NULL
                  WHEN m.first_token_ms < 100 THEN 0 WHEN m.first_token_ms < 200 THEN 1
                  WHEN m.first_token_ms < 350 THEN 2 WHEN m.first_token_ms < 500 THEN 3
                  WHEN m.first_token_ms < 750 THEN 4 WHEN m.first_token_ms < 1000 THEN 5
                  WHEN m.first_token_ms < 1500 THEN 6 WHEN m.first_token_ms < 2000 THEN 7
                  WHEN m.first_token_ms < 3000 THEN 8 WHEN m.first_token_ms < 4000 THEN 9
                  WHEN m.first_token_ms < 6000 THEN 10 WHEN m.first_token_ms < 8000 THEN 11
                  WHEN m.first_token_ms < 12000 THEN 12 WHEN m.first_token_ms < 16000 THEN 13
                  WHEN m.first_token_ms < 24000 THEN 14 WHEN m.first_token_ms < 32000 THEN 15
                  WHEN m.first_token_ms < 48000 THEN 16 WHEN m.first_token_ms < 64000 THEN 17
                  WHEN m.first_token_ms < 96000 THEN 18 WHEN m.first_token_ms < 128000 THEN 19
                  WHEN m.first_token_ms < 192000 THEN 20 WHEN m.first_token_ms < 256000 THEN 21
                  WHEN m.first_token_ms < 512000 THEN 22 ELSE 23 END AS first
      FROM messages m JOIN conversations c ON c.seq = m.conversation LEFT JOIN feedback f ON f.message = m.seq
      WHERE m.said_hour IS NOT NULL AND m.state <> 'streaming' AND m.role IN ('user', 'assistant'));

CREATE VIEW reasons_of_messages AS
SELECT u.message, u.conversation, u.folder, u.day, u.model, r.value AS reason, u.liked, u.disliked
FROM usage_of_messages u JOIN feedback f ON f.message = u.message JOIN json_each(f.reasons) r WHERE r.type = 'text';

-- Where the sums are changed: `sign` is 1 or -1.
CREATE VIEW usage_changes AS SELECT 1 AS sign, * FROM usage_of_messages;
CREATE TRIGGER usage_changes_are_summed INSTEAD OF INSERT ON usage_changes
BEGIN
    INSERT INTO usage_of_conversations (conversation, day, model,
        asked, done, length, stopped, interrupted, failed, prompt_tokens, answer_tokens, total_ms, speed_tokens,
        speed_ms, liked, disliked,
        took_0, took_1, took_2, took_3, took_4, took_5, took_6, took_7,
        first_0, first_1, first_2, first_3, first_4, first_5, first_6, first_7,
        hours_0, hours_1, hours_2, hours_3, hours_4, hours_5, hours_6, hours_7)
    VALUES (new.conversation, new.day, new.model,
        new.sign * new.asked, new.sign * new.done, new.sign * new.length, new.sign * new.stopped,
        new.sign * new.interrupted, new.sign * new.failed, new.sign * new.prompt_tokens, new.sign * new.answer_tokens,
        new.sign * new.total_ms, new.sign * new.speed_tokens, new.sign * new.speed_ms, new.sign * new.liked,
        new.sign * new.disliked,
        new.sign * new.took_0, new.sign * new.took_1, new.sign * new.took_2, new.sign * new.took_3,
        new.sign * new.took_4, new.sign * new.took_5, new.sign * new.took_6, new.sign * new.took_7,
        new.sign * new.first_0, new.sign * new.first_1, new.sign * new.first_2, new.sign * new.first_3,
        new.sign * new.first_4, new.sign * new.first_5, new.sign * new.first_6, new.sign * new.first_7,
        new.sign * new.hours_0, new.sign * new.hours_1, new.sign * new.hours_2, new.sign * new.hours_3,
        new.sign * new.hours_4, new.sign * new.hours_5, new.sign * new.hours_6, new.sign * new.hours_7)
    ON CONFLICT (conversation, day, model) DO UPDATE SET
        asked = asked + excluded.asked, done = done + excluded.done, length = length + excluded.length,
        stopped = stopped + excluded.stopped, interrupted = interrupted + excluded.interrupted,
        failed = failed + excluded.failed, prompt_tokens = prompt_tokens + excluded.prompt_tokens,
        answer_tokens = answer_tokens + excluded.answer_tokens, total_ms = total_ms + excluded.total_ms,
        speed_tokens = speed_tokens + excluded.speed_tokens, speed_ms = speed_ms + excluded.speed_ms,
        liked = liked + excluded.liked, disliked = disliked + excluded.disliked,
        took_0 = took_0 + excluded.took_0, took_1 = took_1 + excluded.took_1, took_2 = took_2 + excluded.took_2,
        took_3 = took_3 + excluded.took_3, took_4 = took_4 + excluded.took_4, took_5 = took_5 + excluded.took_5,
        took_6 = took_6 + excluded.took_6, took_7 = took_7 + excluded.took_7,
        first_0 = first_0 + excluded.first_0, first_1 = first_1 + excluded.first_1,
        first_2 = first_2 + excluded.first_2, first_3 = first_3 + excluded.first_3,
        first_4 = first_4 + excluded.first_4, first_5 = first_5 + excluded.first_5,
        first_6 = first_6 + excluded.first_6, first_7 = first_7 + excluded.first_7,
        hours_0 = hours_0 + excluded.hours_0, hours_1 = hours_1 + excluded.hours_1,
        hours_2 = hours_2 + excluded.hours_2, hours_3 = hours_3 + excluded.hours_3,
        hours_4 = hours_4 + excluded.hours_4, hours_5 = hours_5 + excluded.hours_5,
        hours_6 = hours_6 + excluded.hours_6, hours_7 = hours_7 + excluded.hours_7;
    INSERT INTO usage_days (day, model, folder,
        asked, done, length, stopped, interrupted, failed, prompt_tokens, answer_tokens, total_ms, speed_tokens,
        speed_ms, liked, disliked,
        took_0, took_1, took_2, took_3, took_4, took_5, took_6, took_7,
        first_0, first_1, first_2, first_3, first_4, first_5, first_6, first_7,
        hours_0, hours_1, hours_2, hours_3, hours_4, hours_5, hours_6, hours_7)
    VALUES (new.day, new.model, new.folder,
        new.sign * new.asked, new.sign * new.done, new.sign * new.length, new.sign * new.stopped,
        new.sign * new.interrupted, new.sign * new.failed, new.sign * new.prompt_tokens, new.sign * new.answer_tokens,
        new.sign * new.total_ms, new.sign * new.speed_tokens, new.sign * new.speed_ms, new.sign * new.liked,
        new.sign * new.disliked,
        new.sign * new.took_0, new.sign * new.took_1, new.sign * new.took_2, new.sign * new.took_3,
        new.sign * new.took_4, new.sign * new.took_5, new.sign * new.took_6, new.sign * new.took_7,
        new.sign * new.first_0, new.sign * new.first_1, new.sign * new.first_2, new.sign * new.first_3,
        new.sign * new.first_4, new.sign * new.first_5, new.sign * new.first_6, new.sign * new.first_7,
        new.sign * new.hours_0, new.sign * new.hours_1, new.sign * new.hours_2, new.sign * new.hours_3,
        new.sign * new.hours_4, new.sign * new.hours_5, new.sign * new.hours_6, new.sign * new.hours_7)
    ON CONFLICT (day, model, folder) DO UPDATE SET
        asked = asked + excluded.asked, done = done + excluded.done, length = length + excluded.length,
        stopped = stopped + excluded.stopped, interrupted = interrupted + excluded.interrupted,
        failed = failed + excluded.failed, prompt_tokens = prompt_tokens + excluded.prompt_tokens,
        answer_tokens = answer_tokens + excluded.answer_tokens, total_ms = total_ms + excluded.total_ms,
        speed_tokens = speed_tokens + excluded.speed_tokens, speed_ms = speed_ms + excluded.speed_ms,
        liked = liked + excluded.liked, disliked = disliked + excluded.disliked,
        took_0 = took_0 + excluded.took_0, took_1 = took_1 + excluded.took_1, took_2 = took_2 + excluded.took_2,
        took_3 = took_3 + excluded.took_3, took_4 = took_4 + excluded.took_4, took_5 = took_5 + excluded.took_5,
        took_6 = took_6 + excluded.took_6, took_7 = took_7 + excluded.took_7,
        first_0 = first_0 + excluded.first_0, first_1 = first_1 + excluded.first_1,
        first_2 = first_2 + excluded.first_2, first_3 = first_3 + excluded.first_3,
        first_4 = first_4 + excluded.first_4, first_5 = first_5 + excluded.first_5,
        first_6 = first_6 + excluded.first_6, first_7 = first_7 + excluded.first_7,
        hours_0 = hours_0 + excluded.hours_0, hours_1 = hours_1 + excluded.hours_1,
        hours_2 = hours_2 + excluded.hours_2, hours_3 = hours_3 + excluded.hours_3,
        hours_4 = hours_4 + excluded.hours_4, hours_5 = hours_5 + excluded.hours_5,
        hours_6 = hours_6 + excluded.hours_6, hours_7 = hours_7 + excluded.hours_7;
END;
CREATE VIEW reason_changes AS SELECT 1 AS sign, * FROM reasons_of_messages;
CREATE TRIGGER reason_changes_are_summed INSTEAD OF INSERT ON reason_changes
BEGIN
    INSERT INTO usage_reasons (day, model, folder, reason, liked, disliked)
    VALUES (new.day, new.model, new.folder, new.reason, new.sign * new.liked, new.sign * new.disliked)
    ON CONFLICT (day, model, folder, reason) DO UPDATE SET
        liked = liked + excluded.liked, disliked = disliked + excluded.disliked;
END;

-- A message counts from when it is whole. An answer that is gone on with is counted again when that has ended.
CREATE TRIGGER usage_counts_what_is_said AFTER INSERT ON messages
WHEN new.said_hour IS NOT NULL AND new.state <> 'streaming'
BEGIN
    INSERT INTO usage_changes SELECT 1, * FROM usage_of_messages WHERE message = new.seq;
END;
CREATE TRIGGER usage_takes_back_what_goes_on BEFORE UPDATE OF state ON messages
WHEN old.said_hour IS NOT NULL AND old.state <> 'streaming'
BEGIN
    INSERT INTO usage_changes SELECT -1, * FROM usage_of_messages WHERE message = old.seq;
    INSERT INTO reason_changes SELECT -1, * FROM reasons_of_messages WHERE message = old.seq;
END;
CREATE TRIGGER usage_counts_what_ended AFTER UPDATE OF state ON messages
WHEN new.said_hour IS NOT NULL AND new.state <> 'streaming'
BEGIN
    INSERT INTO usage_changes SELECT 1, * FROM usage_of_messages WHERE message = new.seq;
    INSERT INTO reason_changes SELECT 1, * FROM reasons_of_messages WHERE message = new.seq;
END;

-- A rating counts with its answer. Where the answer goes too, the rating stays counted as the answer does.
CREATE TRIGGER usage_counts_ratings AFTER INSERT ON feedback
BEGIN
    UPDATE usage_of_conversations SET liked = liked + (new.thumb = 1), disliked = disliked + (new.thumb = -1)
    WHERE (conversation, day, model) =
          (SELECT conversation, day, model FROM usage_of_messages WHERE message = new.message);
    UPDATE usage_days SET liked = liked + (new.thumb = 1), disliked = disliked + (new.thumb = -1)
    WHERE (day, model, folder) = (SELECT day, model, folder FROM usage_of_messages WHERE message = new.message);
    INSERT INTO reason_changes SELECT 1, * FROM reasons_of_messages WHERE message = new.message;
END;
CREATE TRIGGER usage_takes_back_ratings BEFORE DELETE ON feedback
BEGIN
    UPDATE usage_of_conversations SET liked = liked - (old.thumb = 1), disliked = disliked - (old.thumb = -1)
    WHERE (conversation, day, model) =
          (SELECT conversation, day, model FROM usage_of_messages WHERE message = old.message);
    UPDATE usage_days SET liked = liked - (old.thumb = 1), disliked = disliked - (old.thumb = -1)
    WHERE (day, model, folder) = (SELECT day, model, folder FROM usage_of_messages WHERE message = old.message);
    INSERT INTO reason_changes SELECT -1, * FROM reasons_of_messages WHERE message = old.message;
END;
CREATE TRIGGER usage_takes_back_changed_ratings BEFORE UPDATE OF thumb, reasons ON feedback
BEGIN
    UPDATE usage_of_conversations
    SET liked = liked + (new.thumb = 1) - (old.thumb = 1), disliked = disliked + (new.thumb = -1) - (old.thumb = -1)
    WHERE (conversation, day, model) =
          (SELECT conversation, day, model FROM usage_of_messages WHERE message = old.message);
    UPDATE usage_days
    SET liked = liked + (new.thumb = 1) - (old.thumb = 1), disliked = disliked + (new.thumb = -1) - (old.thumb = -1)
    WHERE (day, model, folder) = (SELECT day, model, folder FROM usage_of_messages WHERE message = old.message);
    INSERT INTO reason_changes SELECT -1, * FROM reasons_of_messages WHERE message = old.message;
END;
CREATE TRIGGER usage_counts_changed_ratings AFTER UPDATE OF thumb, reasons ON feedback
BEGIN
    INSERT INTO reason_changes SELECT 1, * FROM reasons_of_messages WHERE message = new.message;
END;

-- The sums of a conversation go with it into another folder.
CREATE TRIGGER usage_follows_conversations AFTER UPDATE OF folder ON conversations
WHEN new.folder IS NOT old.folder AND EXISTS (SELECT 1 FROM usage_of_conversations WHERE conversation = new.seq)
BEGIN
    UPDATE usage_days SET
        asked = usage_days.asked - u.asked, done = usage_days.done - u.done, length = usage_days.length - u.length,
        stopped = usage_days.stopped - u.stopped, interrupted = usage_days.interrupted - u.interrupted,
        failed = usage_days.failed - u.failed, prompt_tokens = usage_days.prompt_tokens - u.prompt_tokens,
        answer_tokens = usage_days.answer_tokens - u.answer_tokens, total_ms = usage_days.total_ms - u.total_ms,
        speed_tokens = usage_days.speed_tokens - u.speed_tokens, speed_ms = usage_days.speed_ms - u.speed_ms,
        liked = usage_days.liked - u.liked, disliked = usage_days.disliked - u.disliked,
        took_0 = usage_days.took_0 - u.took_0, took_1 = usage_days.took_1 - u.took_1,
        took_2 = usage_days.took_2 - u.took_2, took_3 = usage_days.took_3 - u.took_3,
        took_4 = usage_days.took_4 - u.took_4, took_5 = usage_days.took_5 - u.took_5,
        took_6 = usage_days.took_6 - u.took_6, took_7 = usage_days.took_7 - u.took_7,
        first_0 = usage_days.first_0 - u.first_0, first_1 = usage_days.first_1 - u.first_1,
        first_2 = usage_days.first_2 - u.first_2, first_3 = usage_days.first_3 - u.first_3,
        first_4 = usage_days.first_4 - u.first_4, first_5 = usage_days.first_5 - u.first_5,
        first_6 = usage_days.first_6 - u.first_6, first_7 = usage_days.first_7 - u.first_7,
        hours_0 = usage_days.hours_0 - u.hours_0, hours_1 = usage_days.hours_1 - u.hours_1,
        hours_2 = usage_days.hours_2 - u.hours_2, hours_3 = usage_days.hours_3 - u.hours_3,
        hours_4 = usage_days.hours_4 - u.hours_4, hours_5 = usage_days.hours_5 - u.hours_5,
        hours_6 = usage_days.hours_6 - u.hours_6, hours_7 = usage_days.hours_7 - u.hours_7
    FROM usage_of_conversations u
    WHERE u.conversation = new.seq AND usage_days.day = u.day AND usage_days.model = u.model
          AND usage_days.folder = coalesce(old.folder, 0);
    INSERT INTO usage_days (day, model, folder,
        asked, done, length, stopped, interrupted, failed, prompt_tokens, answer_tokens, total_ms, speed_tokens,
        speed_ms, liked, disliked,
        took_0, took_1, took_2, took_3, took_4, took_5, took_6, took_7,
        first_0, first_1, first_2, first_3, first_4, first_5, first_6, first_7,
        hours_0, hours_1, hours_2, hours_3, hours_4, hours_5, hours_6, hours_7)
    SELECT day, model, coalesce(new.folder, 0),
        asked, done, length, stopped, interrupted, failed, prompt_tokens, answer_tokens, total_ms, speed_tokens,
        speed_ms, liked, disliked,
        took_0, took_1, took_2, took_3, took_4, took_5, took_6, took_7,
        first_0, first_1, first_2, first_3, first_4, first_5, first_6, first_7,
        hours_0, hours_1, hours_2, hours_3, hours_4, hours_5, hours_6, hours_7
    FROM usage_of_conversations WHERE conversation = new.seq
    ON CONFLICT (day, model, folder) DO UPDATE SET
        asked = asked + excluded.asked, done = done + excluded.done, length = length + excluded.length,
        stopped = stopped + excluded.stopped, interrupted = interrupted + excluded.interrupted,
        failed = failed + excluded.failed, prompt_tokens = prompt_tokens + excluded.prompt_tokens,
        answer_tokens = answer_tokens + excluded.answer_tokens, total_ms = total_ms + excluded.total_ms,
        speed_tokens = speed_tokens + excluded.speed_tokens, speed_ms = speed_ms + excluded.speed_ms,
        liked = liked + excluded.liked, disliked = disliked + excluded.disliked,
        took_0 = took_0 + excluded.took_0, took_1 = took_1 + excluded.took_1, took_2 = took_2 + excluded.took_2,
        took_3 = took_3 + excluded.took_3, took_4 = took_4 + excluded.took_4, took_5 = took_5 + excluded.took_5,
        took_6 = took_6 + excluded.took_6, took_7 = took_7 + excluded.took_7,
        first_0 = first_0 + excluded.first_0, first_1 = first_1 + excluded.first_1,
        first_2 = first_2 + excluded.first_2, first_3 = first_3 + excluded.first_3,
        first_4 = first_4 + excluded.first_4, first_5 = first_5 + excluded.first_5,
        first_6 = first_6 + excluded.first_6, first_7 = first_7 + excluded.first_7,
        hours_0 = hours_0 + excluded.hours_0, hours_1 = hours_1 + excluded.hours_1,
        hours_2 = hours_2 + excluded.hours_2, hours_3 = hours_3 + excluded.hours_3,
        hours_4 = hours_4 + excluded.hours_4, hours_5 = hours_5 + excluded.hours_5,
        hours_6 = hours_6 + excluded.hours_6, hours_7 = hours_7 + excluded.hours_7;
    INSERT INTO reason_changes
        SELECT -1, message, conversation, coalesce(old.folder, 0), day, model, reason, liked, disliked
        FROM reasons_of_messages WHERE conversation = new.seq
            AND EXISTS (SELECT 1 FROM usage_of_conversations u WHERE u.conversation = new.seq AND u.liked + u.disliked > 0);
    INSERT INTO reason_changes
        SELECT 1, * FROM reasons_of_messages WHERE conversation = new.seq
            AND EXISTS (SELECT 1 FROM usage_of_conversations u WHERE u.conversation = new.seq AND u.liked + u.disliked > 0);
END;

CREATE TRIGGER usage_leaves_folders AFTER DELETE ON folders
BEGIN
    INSERT INTO usage_days (day, model, folder,
        asked, done, length, stopped, interrupted, failed, prompt_tokens, answer_tokens, total_ms, speed_tokens,
        speed_ms, liked, disliked,
        took_0, took_1, took_2, took_3, took_4, took_5, took_6, took_7,
        first_0, first_1, first_2, first_3, first_4, first_5, first_6, first_7,
        hours_0, hours_1, hours_2, hours_3, hours_4, hours_5, hours_6, hours_7)
    SELECT day, model, 0,
        asked, done, length, stopped, interrupted, failed, prompt_tokens, answer_tokens, total_ms, speed_tokens,
        speed_ms, liked, disliked,
        took_0, took_1, took_2, took_3, took_4, took_5, took_6, took_7,
        first_0, first_1, first_2, first_3, first_4, first_5, first_6, first_7,
        hours_0, hours_1, hours_2, hours_3, hours_4, hours_5, hours_6, hours_7
    FROM usage_days WHERE folder = old.seq AND folder <> 0
    ON CONFLICT (day, model, folder) DO UPDATE SET
        asked = asked + excluded.asked, done = done + excluded.done, length = length + excluded.length,
        stopped = stopped + excluded.stopped, interrupted = interrupted + excluded.interrupted,
        failed = failed + excluded.failed, prompt_tokens = prompt_tokens + excluded.prompt_tokens,
        answer_tokens = answer_tokens + excluded.answer_tokens, total_ms = total_ms + excluded.total_ms,
        speed_tokens = speed_tokens + excluded.speed_tokens, speed_ms = speed_ms + excluded.speed_ms,
        liked = liked + excluded.liked, disliked = disliked + excluded.disliked,
        took_0 = took_0 + excluded.took_0, took_1 = took_1 + excluded.took_1, took_2 = took_2 + excluded.took_2,
        took_3 = took_3 + excluded.took_3, took_4 = took_4 + excluded.took_4, took_5 = took_5 + excluded.took_5,
        took_6 = took_6 + excluded.took_6, took_7 = took_7 + excluded.took_7,
        first_0 = first_0 + excluded.first_0, first_1 = first_1 + excluded.first_1,
        first_2 = first_2 + excluded.first_2, first_3 = first_3 + excluded.first_3,
        first_4 = first_4 + excluded.first_4, first_5 = first_5 + excluded.first_5,
        first_6 = first_6 + excluded.first_6, first_7 = first_7 + excluded.first_7,
        hours_0 = hours_0 + excluded.hours_0, hours_1 = hours_1 + excluded.hours_1,
        hours_2 = hours_2 + excluded.hours_2, hours_3 = hours_3 + excluded.hours_3,
        hours_4 = hours_4 + excluded.hours_4, hours_5 = hours_5 + excluded.hours_5,
        hours_6 = hours_6 + excluded.hours_6, hours_7 = hours_7 + excluded.hours_7;
    DELETE FROM usage_days WHERE folder = old.seq AND folder <> 0;
    INSERT INTO usage_reasons (day, model, folder, reason, liked, disliked)
    SELECT day, model, 0, reason, liked, disliked FROM usage_reasons WHERE folder = old.seq AND folder <> 0
    ON CONFLICT (day, model, folder, reason) DO UPDATE SET
        liked = liked + excluded.liked, disliked = disliked + excluded.disliked;
    DELETE FROM usage_reasons WHERE folder = old.seq AND folder <> 0;
END;

-- What was imported from where, so that importing twice adds nothing. `known` holds eight bytes for each message that
-- came: what was deleted here does not come back with a newer file.
-- What this person has done in the background: exports, imports, putting old conversations away, the index for
-- searching. In here, because a file's name and the reason of a failure are content.
CREATE TABLE jobs (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    id         BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    kind       TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed', 'cancelled', 'interrupted')),
    attempts   INTEGER NOT NULL DEFAULT 1,
    -- What a running one is asked to do by another window.
    wish       TEXT CHECK (wish = 'cancel'),
    -- Which process runs it: its lease, and its number and start where there are no locks.
    holder         BLOB CHECK (length(holder) = 16),
    holder_boot    TEXT,
    holder_pid     INTEGER,
    holder_started INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    -- What was asked for, how far it was a few seconds ago, what went wrong: JSON.
    work       TEXT NOT NULL,
    progress   TEXT,
    error      TEXT CHECK (length(error) <= 8192),
    outcome    TEXT CHECK (length(outcome) <= 8192),
    CHECK ((state = 'running') = (holder IS NOT NULL))
) STRICT;
CREATE INDEX jobs_by_kind ON jobs (kind, seq);

CREATE TABLE imports (
    source       TEXT NOT NULL,
    external_id  TEXT NOT NULL,
    digest       BLOB NOT NULL CHECK (length(digest) = 32),
    imported_at  INTEGER NOT NULL,
    conversation INTEGER REFERENCES conversations (seq) ON DELETE SET NULL,
    known        BLOB NOT NULL,
    PRIMARY KEY (source, external_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX imports_by_conversation ON imports (conversation) WHERE conversation IS NOT NULL;

CREATE TABLE settings (
    name       TEXT PRIMARY KEY,
    updated_at INTEGER NOT NULL,
    value      TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What words there are, for searching. `search_words` is this program's own function (words::entry): it turns a text into
-- the words it is found by, with spaces between, and that is all the tokenizer has to cut. Each row of an index has the key
-- of the row it is of. The triggers see to it, whoever writes, that text and index change together. The texts themselves
-- stay where they are: an index keeps no copy.
CREATE VIRTUAL TABLE message_words USING fts5 (words, content = '', contentless_delete = 1, tokenize = "ascii tokenchars '<+#'");
CREATE VIRTUAL TABLE title_words USING fts5 (words, content = '', contentless_delete = 1, tokenize = "ascii tokenchars '<+#'");
CREATE VIRTUAL TABLE note_words USING fts5 (words, content = '', contentless_delete = 1, tokenize = "ascii tokenchars '<+#'");
CREATE VIRTUAL TABLE document_words USING fts5 (words, content = '', contentless_delete = 1, tokenize = "ascii tokenchars '<+#'");

-- An answer that is still arriving is not in it; its end, however it ends, puts it there.
CREATE TRIGGER messages_are_found AFTER INSERT ON messages
WHEN new.state <> 'streaming' AND new.content <> ''
BEGIN
    INSERT INTO message_words (rowid, words) VALUES (new.seq, search_words(new.content));
END;
CREATE TRIGGER messages_are_found_anew AFTER UPDATE OF state, content ON messages
WHEN new.content IS NOT old.content OR (new.state = 'streaming') <> (old.state = 'streaming')
BEGIN
    DELETE FROM message_words WHERE rowid = old.seq;
    INSERT INTO message_words (rowid, words)
    SELECT new.seq, search_words(new.content) WHERE new.state <> 'streaming' AND new.content <> '';
END;
CREATE TRIGGER messages_are_lost AFTER DELETE ON messages
BEGIN
    DELETE FROM message_words WHERE rowid = old.seq;
END;

-- Not the words that stand in for a title.
CREATE TRIGGER titles_are_found AFTER INSERT ON conversations
WHEN new.title_origin <> 'none'
BEGIN
    INSERT INTO title_words (rowid, words) VALUES (new.seq, search_words(new.title));
END;
CREATE TRIGGER titles_are_found_anew AFTER UPDATE OF title, title_origin ON conversations
WHEN new.title IS NOT old.title OR (new.title_origin = 'none') <> (old.title_origin = 'none')
BEGIN
    DELETE FROM title_words WHERE rowid = old.seq;
    INSERT INTO title_words (rowid, words) SELECT new.seq, search_words(new.title) WHERE new.title_origin <> 'none';
END;
CREATE TRIGGER titles_are_lost AFTER DELETE ON conversations
BEGIN
    DELETE FROM title_words WHERE rowid = old.seq;
END;

CREATE TRIGGER notes_are_found AFTER INSERT ON notes
BEGIN
    INSERT INTO note_words (rowid, words) VALUES (new.seq, search_words(new.body, new.quote));
END;
CREATE TRIGGER notes_are_found_anew AFTER UPDATE OF quote, body ON notes
BEGIN
    DELETE FROM note_words WHERE rowid = old.seq;
    INSERT INTO note_words (rowid, words) VALUES (new.seq, search_words(new.body, new.quote));
END;
CREATE TRIGGER notes_are_lost AFTER DELETE ON notes
BEGIN
    DELETE FROM note_words WHERE rowid = old.seq;
END;

-- A stored file is found by its names and, where it is text, by what it says, as long as a message has it.
CREATE TRIGGER files_are_found AFTER INSERT ON attachments
BEGIN
    DELETE FROM document_words WHERE rowid = new.document;
    INSERT INTO document_words (rowid, words)
    SELECT d.seq, search_words(coalesce(d.text, CASE d.kind WHEN 'text' THEN d.body END),
                               (SELECT group_concat(a.name, ' ') FROM attachments a WHERE a.document = d.seq))
    FROM documents d WHERE d.seq = new.document;
END;
CREATE TRIGGER files_are_lost AFTER DELETE ON attachments
BEGIN
    DELETE FROM document_words WHERE rowid = old.document;
    INSERT INTO document_words (rowid, words)
    SELECT d.seq, search_words(coalesce(d.text, CASE d.kind WHEN 'text' THEN d.body END),
                               (SELECT group_concat(a.name, ' ') FROM attachments a WHERE a.document = d.seq))
    FROM documents d WHERE d.seq = old.document AND EXISTS (SELECT 1 FROM attachments a WHERE a.document = d.seq);
END;
