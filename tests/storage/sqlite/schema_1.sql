-- The database of gameserver. Amounts are integers of minor units, times integers of epoch milliseconds.
-- A change of this file needs a numbered migration in gameserver/storage/migrations.py.

CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id > 0),
    username TEXT NOT NULL COLLATE NOCASE UNIQUE CHECK (length(username) BETWEEN 1 AND 32),
    is_provider INTEGER NOT NULL CHECK (is_provider IN (0, 1)),
    created_at INTEGER NOT NULL
) STRICT;

-- A live session key. The key itself is made of this id and a secret that is not in the database.
CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL CHECK (expires_at > created_at)
) STRICT;
CREATE INDEX sessions_of_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- A nonce that a login by digest has spent; it may be used again once the key it was used with has ended.
CREATE TABLE spent_nonces (
    user_id INTEGER NOT NULL,
    nonce TEXT NOT NULL,
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    PRIMARY KEY (user_id, nonce)
) STRICT, WITHOUT ROWID;
CREATE INDEX spent_nonces_of_session ON spent_nonces (session_id);

CREATE TABLE sources (
    id INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE CHECK (length(uuid) = 36),
    name TEXT NOT NULL,
    description TEXT,
    takeout_millionths INTEGER NOT NULL CHECK (takeout_millionths BETWEEN 0 AND 500000),
    created_at INTEGER NOT NULL,
    closed_at INTEGER
) STRICT;

CREATE TABLE source_admins (
    user_id INTEGER NOT NULL REFERENCES users (id),
    source_id INTEGER NOT NULL REFERENCES sources (id),
    PRIMARY KEY (user_id, source_id)
) STRICT, WITHOUT ROWID;

-- A game is upcoming until opened_at, closing from closing_at (manual pools remain) and over from closed_at.
CREATE TABLE games (
    id INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE CHECK (length(uuid) = 36),
    source_id INTEGER NOT NULL REFERENCES sources (id),
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    currency TEXT NOT NULL,
    hashtag TEXT,
    image_url TEXT,
    created_at INTEGER NOT NULL,
    open_at INTEGER NOT NULL,
    live_start_at INTEGER NOT NULL,
    live_finish_at INTEGER,
    close_at INTEGER,
    opened_at INTEGER,
    closing_at INTEGER,
    closed_at INTEGER,
    seq INTEGER NOT NULL DEFAULT 0 CHECK (seq >= 0)
) STRICT;
CREATE INDEX open_games ON games (source_id, id) WHERE opened_at IS NOT NULL AND closed_at IS NULL;
CREATE INDEX upcoming_games ON games (source_id, id) WHERE opened_at IS NULL AND closed_at IS NULL;

CREATE TABLE game_admins (
    user_id INTEGER NOT NULL REFERENCES users (id),
    game_id INTEGER NOT NULL REFERENCES games (id),
    PRIMARY KEY (user_id, game_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX admins_of_game ON game_admins (game_id);

-- key is the action's id on the wire; rowid order is the order sent.
CREATE TABLE actions (
    id INTEGER PRIMARY KEY,
    game_id INTEGER NOT NULL REFERENCES games (id),
    key TEXT NOT NULL,
    name TEXT NOT NULL,
    UNIQUE (game_id, key)
) STRICT;

-- Nested targets as adjacency rows: key is one part of the target id; a parent's id is below its children's.
CREATE TABLE targets (
    id INTEGER PRIMARY KEY,
    game_id INTEGER NOT NULL REFERENCES games (id),
    parent_id INTEGER REFERENCES targets (id) CHECK (parent_id < id),
    key TEXT NOT NULL,
    display_name TEXT NOT NULL
) STRICT;
CREATE INDEX targets_of_game ON targets (game_id);
CREATE UNIQUE INDEX root_targets ON targets (game_id, key) WHERE parent_id IS NULL;
CREATE UNIQUE INDEX child_targets ON targets (parent_id, key) WHERE parent_id IS NOT NULL;

-- What is to happen by itself. Due at the same moment: the lower kind first.
CREATE TABLE timers (
    id INTEGER PRIMARY KEY,
    due_at INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    game_id INTEGER NOT NULL REFERENCES games (id)
) STRICT;
CREATE INDEX timers_by_time ON timers (due_at, kind, id);
CREATE INDEX timers_of_game ON timers (game_id);

-- The durable broadcasts of each game, numbered without gaps; body is the message without its header.
CREATE TABLE broadcasts (
    id INTEGER PRIMARY KEY,
    game_id INTEGER NOT NULL REFERENCES games (id),
    seq INTEGER NOT NULL CHECK (seq > 0),
    sent_at INTEGER NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (game_id, seq)
) STRICT;

-- Replies to requests with an idempotency key, written with what they answer.
CREATE TABLE stored_replies (
    user_id INTEGER NOT NULL REFERENCES users (id),
    key TEXT NOT NULL,
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    stored_at INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (user_id, key)
) STRICT;
CREATE INDEX stored_replies_by_time ON stored_replies (stored_at);
