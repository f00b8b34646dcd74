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

-- What was asked of each game, in order, bets aside: enough to live its life again.
CREATE TABLE journal (
    id INTEGER PRIMARY KEY,
    game_id INTEGER NOT NULL REFERENCES games (id),
    at INTEGER NOT NULL,
    user_id INTEGER REFERENCES users (id), -- none where time acted late
    op INTEGER NOT NULL,
    parameters TEXT NOT NULL
) STRICT;
CREATE INDEX journal_of_game ON journal (game_id, id);

-- What happened in a game: an action by a target, a leaf of the tree. Voided events stay, out of the counts.
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE CHECK (length(uuid) = 36),
    game_id INTEGER NOT NULL REFERENCES games (id),
    action_id INTEGER REFERENCES actions (id),
    target_id INTEGER REFERENCES targets (id),
    -- The manual resolution of this binary pool instead, to this label of it.
    pool_id INTEGER REFERENCES pools (id),
    pool_target TEXT,
    description TEXT,
    happened_at INTEGER NOT NULL,
    registered_at INTEGER NOT NULL,
    voided_at INTEGER,
    CHECK ((pool_id IS NULL) = (action_id IS NOT NULL AND target_id IS NOT NULL)),
    CHECK ((pool_id IS NULL) = (pool_target IS NULL))
) STRICT;
CREATE INDEX past_events ON events (game_id, happened_at, id) WHERE voided_at IS NULL AND pool_id IS NULL;
CREATE INDEX events_of_game ON events (game_id, id);
CREATE INDEX events_of_action ON events (action_id, id) WHERE voided_at IS NULL;

-- How often each action has happened by each target, ancestors included.
CREATE TABLE event_counts (
    game_id INTEGER NOT NULL REFERENCES games (id),
    action_id INTEGER NOT NULL REFERENCES actions (id),
    target_id INTEGER NOT NULL REFERENCES targets (id),
    count INTEGER NOT NULL CHECK (count >= 0),
    PRIMARY KEY (game_id, action_id, target_id)
) STRICT, WITHOUT ROWID;

-- Betting pools. Types 1 and 2 are parimutuel, 3 and 4 binary; 2 and 4 have a finish_at. The sums are those of
-- the bets that are valid; settlement_id is the settlement in force.
CREATE TABLE pools (
    id INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE CHECK (length(uuid) = 36),
    game_id INTEGER NOT NULL REFERENCES games (id),
    type INTEGER NOT NULL CHECK (type BETWEEN 1 AND 4),
    description TEXT NOT NULL,
    action_id INTEGER REFERENCES actions (id),
    target_level INTEGER NOT NULL,
    unlisted_target TEXT NOT NULL CHECK (unlisted_target IN ('stay_open', 'none', 'refund')),
    takeout_millionths INTEGER NOT NULL CHECK (takeout_millionths BETWEEN 0 AND 500000),
    created_at INTEGER NOT NULL,
    start_at INTEGER NOT NULL,
    finish_at INTEGER,
    stop_accepting_bets_at INTEGER,
    recreate_on_end INTEGER NOT NULL CHECK (recreate_on_end IN (0, 1)),
    is_blocked INTEGER NOT NULL CHECK (is_blocked IN (0, 1)),
    hot_since INTEGER,
    status TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'resolved', 'voided')),
    settlement_id INTEGER REFERENCES settlements (id),
    participants INTEGER NOT NULL DEFAULT 0 CHECK (participants >= 0),
    amount_total INTEGER NOT NULL DEFAULT 0 CHECK (amount_total >= 0),
    bet_count INTEGER NOT NULL DEFAULT 0 CHECK (bet_count >= 0),
    recreated_from INTEGER REFERENCES pools (id),
    CHECK ((type IN (1, 2)) = (action_id IS NOT NULL)),
    CHECK ((type IN (2, 4)) = (finish_at IS NOT NULL)),
    CHECK ((status = 'open') = (settlement_id IS NULL))
) STRICT;
CREATE INDEX pools_of_game ON pools (game_id, id);
CREATE INDEX open_pools ON pools (game_id, id) WHERE status = 'open';
CREATE INDEX open_pools_of_action ON pools (action_id, id) WHERE status = 'open';
CREATE INDEX recreated_pools ON pools (recreated_from) WHERE recreated_from IS NOT NULL;

-- What can be backed in a pool: key is the target id, or the label of a binary pool. The sums are kept.
CREATE TABLE pool_targets (
    pool_id INTEGER NOT NULL REFERENCES pools (id),
    position INTEGER NOT NULL,
    key TEXT NOT NULL,
    display_name TEXT NOT NULL,
    backing_people INTEGER NOT NULL DEFAULT 0 CHECK (backing_people >= 0),
    backing_money INTEGER NOT NULL DEFAULT 0 CHECK (backing_money >= 0),
    PRIMARY KEY (pool_id, position),
    UNIQUE (pool_id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE bets (
    id INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE CHECK (length(uuid) = 36),
    pool_id INTEGER NOT NULL REFERENCES pools (id),
    user_id INTEGER NOT NULL REFERENCES users (id),
    position INTEGER NOT NULL,
    amount INTEGER NOT NULL CHECK (amount > 0),
    placed_at INTEGER NOT NULL,
    after_journal_id INTEGER NOT NULL,
    status TEXT NOT NULL DEFAULT 'running'
        CHECK (status IN ('running', 'won', 'lost', 'refunded', 'invalidated', 'voided')),
    payout INTEGER NOT NULL DEFAULT 0 CHECK (payout >= 0),
    settled_at INTEGER,
    FOREIGN KEY (pool_id, position) REFERENCES pool_targets (pool_id, position)
) STRICT;
CREATE INDEX bets_of_target ON bets (pool_id, position, id);

-- What each user has on each target of a pool; a row per user and pool in participations.
CREATE TABLE stakes (
    user_id INTEGER NOT NULL REFERENCES users (id),
    pool_id INTEGER NOT NULL REFERENCES pools (id),
    position INTEGER NOT NULL,
    amount INTEGER NOT NULL CHECK (amount >= 0),
    PRIMARY KEY (user_id, pool_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE participations (
    user_id INTEGER NOT NULL REFERENCES users (id),
    game_id INTEGER NOT NULL REFERENCES games (id),
    pool_id INTEGER NOT NULL REFERENCES pools (id),
    is_running INTEGER NOT NULL DEFAULT 1 CHECK (is_running IN (0, 1)),
    net INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (user_id, pool_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX participations_in_game ON participations (user_id, game_id, is_running, pool_id);
CREATE INDEX participations_of_pool ON participations (pool_id);

-- How a pool ended. A settlement that was taken back keeps its row; its transfers are compensated.
CREATE TABLE settlements (
    id INTEGER PRIMARY KEY,
    pool_id INTEGER NOT NULL REFERENCES pools (id),
    event_id INTEGER REFERENCES events (id),
    cause TEXT NOT NULL CHECK (cause IN ('event', 'time', 'close', 'void')),
    position INTEGER,
    is_money_return INTEGER NOT NULL CHECK (is_money_return IN (0, 1)),
    takeout INTEGER NOT NULL CHECK (takeout >= 0),
    settled_at INTEGER NOT NULL,
    taken_back_at INTEGER
) STRICT;
CREATE INDEX settlements_of_event ON settlements (event_id) WHERE event_id IS NOT NULL;
CREATE INDEX settlements_of_pool ON settlements (pool_id);

-- The ledger. Money is moved between accounts by transfers, never edited; the balances are kept by a trigger.
-- Only the mint, where points come from, and available money after a void may be below zero.
CREATE TABLE accounts (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('available', 'staked', 'clearing', 'house', 'mint')),
    user_id INTEGER REFERENCES users (id),
    currency TEXT NOT NULL,
    balance INTEGER NOT NULL DEFAULT 0,
    CHECK ((user_id IS NOT NULL) = (kind IN ('available', 'staked'))),
    CHECK (balance >= 0 OR kind IN ('available', 'mint')),
    CHECK (balance BETWEEN -9007199254740991 AND 9007199254740991)
) STRICT;
CREATE UNIQUE INDEX user_accounts ON accounts (user_id, currency, kind) WHERE user_id IS NOT NULL;
CREATE UNIQUE INDEX house_accounts ON accounts (currency, kind) WHERE user_id IS NULL;

CREATE TABLE transfers (
    id INTEGER PRIMARY KEY,
    debit_id INTEGER NOT NULL REFERENCES accounts (id),
    credit_id INTEGER NOT NULL REFERENCES accounts (id),
    amount INTEGER NOT NULL CHECK (amount > 0),
    reason TEXT NOT NULL CHECK (reason IN ('credit', 'stake', 'pot', 'payout', 'refund', 'takeout', 'take_back')),
    bet_id INTEGER REFERENCES bets (id),
    settlement_id INTEGER REFERENCES settlements (id),
    made_at INTEGER NOT NULL,
    CHECK (debit_id <> credit_id)
) STRICT;
CREATE INDEX transfers_of_bet ON transfers (bet_id) WHERE bet_id IS NOT NULL;
CREATE INDEX transfers_of_settlement ON transfers (settlement_id) WHERE settlement_id IS NOT NULL;

CREATE TRIGGER transfers_keep_balances AFTER INSERT ON transfers BEGIN
    UPDATE accounts SET balance = balance - new.amount WHERE id = new.debit_id;
    UPDATE accounts SET balance = balance + new.amount WHERE id = new.credit_id;
END;
CREATE TRIGGER transfers_stay AFTER UPDATE ON transfers BEGIN
    SELECT raise(ABORT, 'transfers are never changed');
END;
CREATE TRIGGER transfers_remain AFTER DELETE ON transfers BEGIN
    SELECT raise(ABORT, 'transfers are never deleted');
END;
CREATE TRIGGER transfers_within_currency BEFORE INSERT ON transfers
WHEN (SELECT currency FROM accounts WHERE id = new.debit_id)
    IS NOT (SELECT currency FROM accounts WHERE id = new.credit_id) BEGIN
    SELECT raise(ABORT, 'a transfer stays within a currency');
END;
CREATE TRIGGER accounts_begin_empty BEFORE INSERT ON accounts WHEN new.balance <> 0 BEGIN
    SELECT raise(ABORT, 'an account begins empty');
END;
CREATE TRIGGER accounts_remain BEFORE DELETE ON accounts BEGIN
    SELECT raise(ABORT, 'accounts are never deleted');
END;

-- What is to happen by itself. Due at the same moment: the lower kind first. Of a pool, or of an action of a
-- game, there is at most one of each kind.
CREATE TABLE timers (
    id INTEGER PRIMARY KEY,
    due_at INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    game_id INTEGER NOT NULL REFERENCES games (id),
    pool_id INTEGER REFERENCES pools (id),
    action_id INTEGER REFERENCES actions (id)
) STRICT;
CREATE INDEX timers_by_time ON timers (due_at, kind, id);
CREATE INDEX timers_of_game ON timers (game_id);
CREATE INDEX timers_of_pool ON timers (pool_id) WHERE pool_id IS NOT NULL;

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
