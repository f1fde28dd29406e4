-- What an installation knows without anybody's vault: accounts, who may do what, counts. Never content.
-- Times are milliseconds since 1970, UTC. Ids are UUIDs of 16 bytes.

CREATE TABLE roles (
    name       TEXT NOT NULL PRIMARY KEY,
    -- What the role is worth where only two ranks are told apart.
    rank       TEXT NOT NULL CHECK (rank IN ('user', 'admin')),
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO roles (name, rank, created_at) VALUES ('user', 'user', 0), ('admin', 'admin', 0);

-- Exceptions to what a rank may do; `allowed = 0` wins over everything.
CREATE TABLE role_permissions (
    role       TEXT NOT NULL REFERENCES roles (name) ON UPDATE CASCADE ON DELETE CASCADE,
    permission TEXT NOT NULL,
    allowed    INTEGER NOT NULL CHECK (allowed IN (0, 1)),
    PRIMARY KEY (role, permission)
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
    id           BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name         TEXT NOT NULL,
    -- The name as it is compared: without case.
    name_key     TEXT NOT NULL UNIQUE,
    display_name TEXT,
    role         TEXT NOT NULL REFERENCES roles (name) ON UPDATE CASCADE,
    -- Invited: waits for its person to come with the one-time code.
    state        TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('invited', 'active', 'disabled')),
    -- In the trash since then.
    deleted_at   INTEGER,
    locked_until INTEGER,
    -- The file in `vaults/`; another one after a reset without the recovery code.
    vault        BLOB NOT NULL UNIQUE CHECK (length(vault) = 16),
    -- Sessions begun under an older epoch are over.
    epoch        INTEGER NOT NULL DEFAULT 1,
    last_sign_in INTEGER,
    created_at   INTEGER NOT NULL
) STRICT;

-- Vaults that a reset sealed, or that were changed for a sealed one; kept until their owner forgets them.
CREATE TABLE sealed_vaults (
    vault      BLOB NOT NULL PRIMARY KEY CHECK (length(vault) = 16),
    account    BLOB NOT NULL REFERENCES accounts (id),
    sealed_at  INTEGER NOT NULL,
    -- Its data key, wrapped with that of another vault: whoever has that one open needs no code for this one.
    wrapped    BLOB,
    wrapped_by BLOB CHECK (length(wrapped_by) = 16),
    CHECK ((wrapped IS NULL) = (wrapped_by IS NULL))
) STRICT, WITHOUT ROWID;

-- Files of vaults that are nobody's: of accounts that were purged, and of accounts whose making was cut off before it was
-- committed. Their keys are gone; the files go once `not_before` is past.
CREATE TABLE vaults_to_remove (
    vault      BLOB NOT NULL PRIMARY KEY CHECK (length(vault) = 16),
    not_before INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A vault's data key, wrapped once for each way to open it.
CREATE TABLE key_slots (
    id         BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    account    BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    vault      BLOB NOT NULL CHECK (length(vault) = 16),
    kind       TEXT NOT NULL CHECK (kind IN ('passphrase', 'recovery', 'session')),
    version    INTEGER NOT NULL,
    memory_kib INTEGER NOT NULL,
    passes     INTEGER NOT NULL,
    lanes      INTEGER NOT NULL,
    salt       BLOB NOT NULL CHECK (length(salt) = 16),
    nonce      BLOB NOT NULL CHECK (length(nonce) = 24),
    sealed     BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX key_slots_by_account ON key_slots (account, kind);

CREATE TABLE sessions (
    id         BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    account    BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    epoch      INTEGER NOT NULL,
    place      TEXT NOT NULL,
    os_uid     INTEGER NOT NULL,
    pid        INTEGER NOT NULL,
    -- When that process began, in clock ticks since boot: another one may get its number.
    pid_began  INTEGER NOT NULL DEFAULT 0,
    -- Which boot the two count in, and which space of process numbers: another container's are not seen from here.
    boot_id    TEXT NOT NULL DEFAULT '',
    pid_space  TEXT NOT NULL DEFAULT '',
    started_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at   INTEGER,
    ended_why  TEXT
) STRICT;
CREATE INDEX sessions_by_account ON sessions (account, ended_at);
-- Those that go on, which are few among those that went.
CREATE INDEX sessions_open ON sessions (expires_at) WHERE ended_at IS NULL;

-- "Stay signed in": one family per token file, one row per generation still of interest. Only hashes are here.
CREATE TABLE token_families (
    selector   BLOB NOT NULL PRIMARY KEY CHECK (length(selector) = 16),
    account    BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    os_uid     INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    rotated_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX token_families_by_account ON token_families (account);

CREATE TABLE tokens (
    selector   BLOB NOT NULL REFERENCES token_families (selector) ON DELETE CASCADE,
    generation INTEGER NOT NULL,
    hash       BLOB NOT NULL CHECK (length(hash) = 32),
    -- Gone once the generation can no longer be used; the hash stays to recognise a replay.
    slot       BLOB REFERENCES key_slots (id) ON DELETE SET NULL,
    PRIMARY KEY (selector, generation)
) STRICT, WITHOUT ROWID;
-- For the reference: each slot that goes is looked for in here.
CREATE INDEX tokens_by_slot ON tokens (slot);

-- Something to tell a person at the next sign-in.
CREATE TABLE notices (
    seq     INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    at      INTEGER NOT NULL,
    text    TEXT NOT NULL
) STRICT;
CREATE INDEX notices_by_account ON notices (account);

CREATE TABLE activation_codes (
    account    BLOB NOT NULL PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    hash       BLOB NOT NULL CHECK (length(hash) = 32),
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT, WITHOUT ROWID;

-- The secret is sealed with the vault's key.
CREATE TABLE second_factors (
    account   BLOB NOT NULL PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    secret    BLOB NOT NULL,
    -- Last accepted time step: a code works once.
    last_step INTEGER NOT NULL DEFAULT 0,
    added_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE second_factor_codes (
    account BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    hash    BLOB NOT NULL CHECK (length(hash) = 32),
    used_at INTEGER,
    PRIMARY KEY (account, hash)
) STRICT, WITHOUT ROWID;

-- Failed sign-ins by the name that was typed (hashed: people type passphrases into the wrong field) and OS user.
CREATE TABLE throttles (
    who      BLOB NOT NULL CHECK (length(who) = 32),
    os_uid   INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    -- When the last one was: by the wall clock, and by the boot-time clock against a clock set back.
    at       INTEGER NOT NULL,
    boot_id  TEXT NOT NULL,
    boot_ms  INTEGER NOT NULL,
    PRIMARY KEY (who, os_uid)
) STRICT, WITHOUT ROWID;

-- Token buckets: one allowance across processes. Levels in thousandths of a call; below zero is a debt.
CREATE TABLE buckets (
    -- An account's id, or, for those who are not signed in, the number of the OS user.
    who        BLOB NOT NULL CHECK (length(who) IN (16, 4)),
    class      TEXT NOT NULL,
    level      INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (who, class)
) STRICT, WITHOUT ROWID;

-- Other limits than the configured ones, for a role or for one account.
CREATE TABLE limits (
    role    TEXT REFERENCES roles (name) ON UPDATE CASCADE ON DELETE CASCADE,
    account BLOB REFERENCES accounts (id) ON DELETE CASCADE,
    -- A class of calls (a minute), `answers` (at once), `tokens` (a day) or `disk` (MiB).
    limited TEXT NOT NULL,
    -- 0 = no limit, for tokens and the disk.
    most    INTEGER NOT NULL CHECK (most >= 0),
    CHECK ((role IS NULL) <> (account IS NULL))
) STRICT;
CREATE UNIQUE INDEX limits_of_roles ON limits (role, limited) WHERE role IS NOT NULL;
CREATE UNIQUE INDEX limits_of_accounts ON limits (account, limited) WHERE account IS NOT NULL;

-- Which models a role or an account may see and use; `allowed = 0` wins over everything.
CREATE TABLE model_access (
    role    TEXT REFERENCES roles (name) ON UPDATE CASCADE ON DELETE CASCADE,
    account BLOB REFERENCES accounts (id) ON DELETE CASCADE,
    pattern TEXT NOT NULL,
    allowed INTEGER NOT NULL CHECK (allowed IN (0, 1)),
    CHECK ((role IS NULL) <> (account IS NULL))
) STRICT;
CREATE UNIQUE INDEX model_access_of_roles ON model_access (role, pattern) WHERE role IS NOT NULL;
CREATE UNIQUE INDEX model_access_of_accounts ON model_access (account, pattern) WHERE account IS NOT NULL;

-- Each row's hash covers the row before: an edit in the middle shows.
CREATE TABLE audit (
    seq       INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at        INTEGER NOT NULL,
    boot_id   TEXT NOT NULL,
    actor     BLOB,
    os_uid    INTEGER NOT NULL,
    action    TEXT NOT NULL,
    target    TEXT NOT NULL,
    result    TEXT NOT NULL,
    prev_hash BLOB NOT NULL CHECK (length(prev_hash) = 32),
    hash      BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE INDEX audit_by_time ON audit (at);
CREATE INDEX audit_by_actor ON audit (actor, seq);

-- Where the trail begins now: the last entry that was pruned by rule. One row at most.
CREATE TABLE audit_base (
    only      INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
    seq       INTEGER NOT NULL,
    hash      BLOB NOT NULL CHECK (length(hash) = 32),
    pruned_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row per answer, without its content. `day` counts from 1970, UTC: the allowance of tokens goes by it, and no setting
-- of a window moves it.
CREATE TABLE usage (
    seq            INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account        BLOB NOT NULL CHECK (length(account) = 16),
    model          TEXT NOT NULL,
    at             INTEGER NOT NULL,
    day            INTEGER NOT NULL,
    -- The day that the calendar on the wall showed: sums go by it.
    wall_day       INTEGER NOT NULL,
    outcome        TEXT NOT NULL,
    prompt_tokens  INTEGER,
    answer_tokens  INTEGER,
    first_token_ms INTEGER,
    total_ms       INTEGER,
    load_ms        INTEGER,
    answer_ms      INTEGER,
    -- What it took of the day's allowance of tokens; estimated where Ollama did not come to report it.
    counted        INTEGER NOT NULL DEFAULT 0,
    -- Which answer it was, by its id alone, and what its reader thought of it: the thumb, never the words beside it.
    answer         BLOB CHECK (length(answer) = 16),
    rating         INTEGER CHECK (rating IN (-1, 1))
) STRICT;
CREATE INDEX usage_by_answer ON usage (account, answer) WHERE answer IS NOT NULL;
CREATE INDEX usage_by_account ON usage (account, day);
CREATE INDEX usage_by_model ON usage (model, day);

-- The same as sums, so that a year of everybody is told at once. Whatever adds a row or rates one keeps them in the same
-- transaction, because nothing in this database acts on its own. An account of nothing but noughts stands for everybody.
-- `day` is that of the wall, here and in everything below.
CREATE TABLE usage_sums (
    account       BLOB NOT NULL CHECK (length(account) = 16),
    day           INTEGER NOT NULL,
    model         TEXT NOT NULL,
    done          INTEGER NOT NULL,
    length        INTEGER NOT NULL,
    stopped       INTEGER NOT NULL,
    interrupted   INTEGER NOT NULL,
    failed        INTEGER NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    answer_tokens INTEGER NOT NULL,
    -- Of the answers that tell both.
    speed_tokens  INTEGER NOT NULL,
    speed_ms      INTEGER NOT NULL,
    -- Answers for which the model had to be loaded.
    loads         INTEGER NOT NULL,
    load_ms       INTEGER NOT NULL,
    liked         INTEGER NOT NULL,
    disliked      INTEGER NOT NULL,
    last_at       INTEGER NOT NULL,
    -- How many began within each of twenty-four steps of time, four bytes each, the lowest first.
    first_tokens  BLOB NOT NULL CHECK (length(first_tokens) = 96),
    PRIMARY KEY (account, day, model)
) STRICT, WITHOUT ROWID;

-- Who used which model, and on which day last: sums are told only where enough people are in them.
CREATE TABLE usage_people (
    model    TEXT NOT NULL,
    account  BLOB NOT NULL CHECK (length(account) = 16),
    last_day INTEGER NOT NULL,
    PRIMARY KEY (model, account)
) STRICT, WITHOUT ROWID;

-- How much an account did on a day: for reports over everybody, which read these rows from the first day to the last. There is
-- one for each day on which it was here. With which models stands elsewhere, and is told of nobody alone.
CREATE TABLE usage_days (
    day           INTEGER NOT NULL,
    account       BLOB NOT NULL CHECK (length(account) = 16),
    sign_ins      INTEGER NOT NULL,
    answers       INTEGER NOT NULL,
    failed        INTEGER NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    answer_tokens INTEGER NOT NULL,
    PRIMARY KEY (day, account)
) STRICT, WITHOUT ROWID;

-- Questions that were refused before an answer began, and answers that failed, by the kind of fault.
CREATE TABLE usage_faults (
    day       INTEGER NOT NULL,
    account   BLOB NOT NULL CHECK (length(account) = 16),
    failed_as TEXT NOT NULL CHECK (failed_as IN ('question', 'answer')),
    -- Empty of a question: none was chosen yet, or it is not known whether there is such a one.
    model     TEXT NOT NULL,
    kind      TEXT NOT NULL,
    count     INTEGER NOT NULL,
    PRIMARY KEY (day, account, failed_as, model, kind)
) STRICT, WITHOUT ROWID;

-- How large everything was, measured once a day by whichever process comes first.
CREATE TABLE disk_days (
    day   INTEGER NOT NULL PRIMARY KEY,
    at    INTEGER NOT NULL,
    -- The vaults and the system database.
    bytes INTEGER NOT NULL,
    free  INTEGER
) STRICT, WITHOUT ROWID;

-- The same for the vaults of each account, the sealed ones included.
CREATE TABLE storage_days (
    account BLOB NOT NULL CHECK (length(account) = 16),
    day     INTEGER NOT NULL,
    bytes   INTEGER NOT NULL,
    PRIMARY KEY (account, day)
) STRICT, WITHOUT ROWID;

-- What was counted, by the hour and over all processes; hour 0 holds what is older than the kept hours. `series` is named as
-- Prometheus writes it, and holds nothing of anybody's.
CREATE TABLE metrics_hours (
    -- Hours since 1970, UTC.
    hour   INTEGER NOT NULL,
    series TEXT NOT NULL,
    -- A number, or a histogram: its sum and its steps.
    value  BLOB NOT NULL,
    PRIMARY KEY (hour, series)
) STRICT, WITHOUT ROWID;

-- An imported catalogue of models, whole or not at all. Empty = the one that came with the program is in use.
CREATE TABLE catalogue (
    name  TEXT NOT NULL PRIMARY KEY,
    -- One family as JSON, as it stood in the file.
    facts TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE catalogue_origin (
    only        INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
    -- The day it is of, as in 2026-08-21.
    dated       TEXT NOT NULL,
    imported_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What the house wrote on a model. `model` is its name as it is compared: lower case, always with its tag.
CREATE TABLE model_cards (
    model       TEXT NOT NULL PRIMARY KEY,
    name        TEXT NOT NULL,
    description TEXT,
    -- JSON: a list of texts.
    links       TEXT NOT NULL DEFAULT '[]',
    notes       TEXT,
    rev         INTEGER NOT NULL,
    changed_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Tags of the house for models.
CREATE TABLE tags (
    id       INTEGER NOT NULL PRIMARY KEY,
    name     TEXT NOT NULL,
    -- The name as it is compared: without case.
    name_key TEXT NOT NULL UNIQUE,
    category TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE TABLE model_tags (
    -- As in `model_cards`.
    model TEXT NOT NULL,
    tag   INTEGER NOT NULL REFERENCES tags (id) ON DELETE CASCADE,
    -- As it is shown where nothing else knows the model.
    name  TEXT NOT NULL,
    PRIMARY KEY (model, tag)
) STRICT, WITHOUT ROWID;
CREATE INDEX model_tags_by_tag ON model_tags (tag);

-- How a model sat in memory when it ran, by the window it was loaded with.
CREATE TABLE measured (
    digest    TEXT NOT NULL,
    context   INTEGER NOT NULL,
    bytes     INTEGER NOT NULL,
    gpu_bytes INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    PRIMARY KEY (digest, context)
) STRICT, WITHOUT ROWID;

-- Counts the changes of a kind, so that every process knows when what it keeps of it is old.
CREATE TABLE changes (
    what    TEXT NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row for each benchmark that came to its end, by the id of the job that measured it.
CREATE TABLE benchmarks (
    seq       INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    id        BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    -- The name as it is compared.
    model_key TEXT NOT NULL,
    model     TEXT NOT NULL,
    digest    TEXT NOT NULL,
    at        INTEGER NOT NULL,
    setup     TEXT NOT NULL,
    figures   TEXT NOT NULL,
    samples   TEXT NOT NULL
) STRICT;
CREATE INDEX benchmarks_by_model ON benchmarks (model_key, seq);

-- Builds of models, by their digests, that a registry had when it was asked.
CREATE TABLE registry_builds (
    digest TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE jobs (
    seq        INTEGER NOT NULL PRIMARY KEY,
    id         BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    kind       TEXT NOT NULL,
    -- What it is about, for finding it: names of models.
    about      TEXT NOT NULL,
    account    BLOB,
    state      TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'paused', 'done', 'failed', 'cancelled')),
    -- What was asked for, what is to be remembered between two attempts, how far it was a few seconds ago: JSON.
    work       TEXT NOT NULL CHECK (length(work) <= 262144),
    kept       TEXT CHECK (length(kept) <= 262144),
    progress   TEXT CHECK (length(progress) <= 65536),
    attempts   INTEGER NOT NULL DEFAULT 0,
    -- Attempts since something moved the last time.
    in_vain    INTEGER NOT NULL DEFAULT 0,
    -- Attempts that went wrong since somebody began it, whatever moved in them.
    setbacks   INTEGER NOT NULL DEFAULT 0,
    error      TEXT CHECK (length(error) <= 8192),
    outcome    TEXT CHECK (length(outcome) <= 8192),
    next_at    INTEGER,
    -- The run of a rule that began it, and how many have asked for it: a run that is cancelled takes what it began along,
    -- but not what others wait for as well.
    parent     BLOB CHECK (length(parent) = 16),
    asked      INTEGER NOT NULL DEFAULT 1,
    -- What a running one is asked to do by somebody in another process.
    wish       TEXT CHECK (wish IN ('pause', 'cancel')),
    -- Which process runs it: its lease, and its number and start where there are no locks.
    holder         BLOB CHECK (length(holder) = 16),
    holder_boot    TEXT,
    holder_pid     INTEGER,
    holder_started INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CHECK ((state = 'running') = (holder IS NOT NULL))
) STRICT;
CREATE INDEX jobs_by_state ON jobs (state, seq);
CREATE INDEX jobs_by_parent ON jobs (parent) WHERE parent IS NOT NULL;
-- How the table stands is asked every few seconds, and a row may have a long text in its middle.
CREATE INDEX jobs_by_change ON jobs (state, updated_at, next_at);

-- What the house has done by itself. Each time is a job.
CREATE TABLE rules (
    id         BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name       TEXT NOT NULL,
    -- The name as it is compared.
    name_key   TEXT NOT NULL UNIQUE,
    kind       TEXT NOT NULL,
    -- What it does, when, and what must hold besides: JSON.
    action     TEXT NOT NULL CHECK (length(action) <= 8192),
    whenever   TEXT NOT NULL CHECK (length(whenever) <= 1024),
    only_if    TEXT NOT NULL CHECK (length(only_if) <= 1024),
    enabled    INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    made_by    BLOB,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    -- Moments before it do not count: it was made, changed or enabled then.
    since      INTEGER NOT NULL,
    failures   INTEGER NOT NULL DEFAULT 0,
    -- The moment whose run failed, and when it is tried again.
    again_due  INTEGER,
    again_at   INTEGER,
    paused_because TEXT,
    waits_because  TEXT,
    -- What its trigger has seen: JSON.
    seen       TEXT CHECK (length(seen) <= 65536),
    CHECK ((again_due IS NULL) = (again_at IS NULL))
) STRICT, WITHOUT ROWID;

-- Every due moment is in here at most once: that is what makes one run of it, whatever the clocks and processes do.
CREATE TABLE rule_runs (
    seq      INTEGER NOT NULL PRIMARY KEY,
    rule     BLOB NOT NULL REFERENCES rules (id) ON DELETE CASCADE,
    job      BLOB NOT NULL UNIQUE CHECK (length(job) = 16),
    at       INTEGER NOT NULL,
    ended_at INTEGER,
    -- NULL = begun by hand.
    due_at   INTEGER,
    -- A further try at the same moment.
    again    INTEGER NOT NULL CHECK (again IN (0, 1)),
    account  BLOB,
    dry_run  INTEGER NOT NULL CHECK (dry_run IN (0, 1)),
    result   TEXT NOT NULL,
    report   TEXT NOT NULL CHECK (length(report) <= 262144)
) STRICT;
CREATE INDEX rule_runs_by_rule ON rule_runs (rule, seq);
CREATE UNIQUE INDEX rule_runs_by_moment ON rule_runs (rule, due_at) WHERE again = 0 AND due_at IS NOT NULL;
CREATE INDEX rule_runs_open ON rule_runs (seq) WHERE result = 'running';

-- What an administrator has set for the house: one row for each change, so the newest of a name counts and the others are
-- its history. A value that is NULL is the default again.
CREATE TABLE settings (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT NOT NULL,
    version    INTEGER NOT NULL,
    value      TEXT,
    changed_by BLOB,
    changed_at INTEGER NOT NULL,
    -- The version whose value a rollback brought back; 0 = what held before there was any.
    restores   INTEGER,
    UNIQUE (name, version)
) STRICT;

-- How each part of the installation stood: one row for each stretch of time over which it was found the same, so that an
-- outage is one row however often it was looked at. A gap between two rows is time in which nobody looked.
CREATE TABLE health_history (
    seq      INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    part     TEXT NOT NULL,
    level    TEXT NOT NULL CHECK (level IN ('good', 'warning', 'bad')),
    -- What it was, in a word that stays the same while figures change; and in words, as last seen.
    reason   TEXT NOT NULL,
    text     TEXT NOT NULL CHECK (length(text) <= 1000),
    -- Which process saw it: some parts are each process's own.
    seen_by  BLOB NOT NULL CHECK (length(seen_by) = 16),
    began_at INTEGER NOT NULL,
    seen_at  INTEGER NOT NULL CHECK (seen_at >= began_at),
    checks   INTEGER NOT NULL
) STRICT;
CREATE INDEX health_history_by_part ON health_history (part, seq);

-- The last look at everything, whichever process took it: the others take its result and look only when it is old.
CREATE TABLE health_round (
    only     INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
    begun_at INTEGER NOT NULL,
    -- When the last one ended that did; one that was begun later is going on. And the machine's other clock at that time,
    -- which nobody sets.
    ended_at INTEGER,
    boot_id  TEXT NOT NULL,
    boot_ms  INTEGER NOT NULL,
    -- What was found, as JSON.
    report   TEXT NOT NULL DEFAULT '' CHECK (length(report) <= 65536)
) STRICT;

-- The latest time that is taken as true, and until when nothing is forgotten because the clock has leapt. One row at most.
CREATE TABLE clock (
    only        INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
    noted       INTEGER NOT NULL,
    waits_until INTEGER
) STRICT, WITHOUT ROWID;

-- Each time calls of a kind were held back after failures: one row from opening to closing.
CREATE TABLE breaker_history (
    seq        INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    kind       TEXT NOT NULL,
    why        TEXT NOT NULL,
    opened_at  INTEGER NOT NULL,
    -- Calls let through as a trial, and the last of them.
    tries      INTEGER NOT NULL DEFAULT 0,
    tried_at   INTEGER,
    -- When it was last known to be open.
    seen_at    INTEGER NOT NULL,
    closed_at  INTEGER,
    closed_why TEXT,
    CHECK ((closed_at IS NULL) = (closed_why IS NULL))
) STRICT;
