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
CREATE INDEX conversations_by_head ON conversations (head) WHERE head IS NOT NULL;

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

-- What was imported from where, so that importing twice adds nothing.
CREATE TABLE imports (
    source       TEXT NOT NULL,
    external_id  TEXT NOT NULL,
    digest       BLOB NOT NULL,
    imported_at  INTEGER NOT NULL,
    conversation INTEGER REFERENCES conversations (seq) ON DELETE SET NULL,
    message      INTEGER REFERENCES messages (seq) ON DELETE SET NULL,
    PRIMARY KEY (source, external_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX imports_by_conversation ON imports (conversation) WHERE conversation IS NOT NULL;
CREATE INDEX imports_by_message ON imports (message) WHERE message IS NOT NULL;

CREATE TABLE settings (
    name       TEXT PRIMARY KEY,
    updated_at INTEGER NOT NULL,
    value      TEXT NOT NULL
) STRICT, WITHOUT ROWID;
