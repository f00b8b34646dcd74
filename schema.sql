-- The database of gameserver. Amounts are integers of minor units, times integers of epoch milliseconds.
-- A change of this file needs a numbered migration in gameserver/storage/sqlite/migrations.py.

CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id > 0),
    username TEXT NOT NULL COLLATE NOCASE UNIQUE CHECK (length(username) BETWEEN 1 AND 32),
    is_provider INTEGER NOT NULL CHECK (is_provider IN (0, 1)),
    created_at INTEGER NOT NULL,
    is_admin INTEGER NOT NULL DEFAULT 0 CHECK (is_admin IN (0, 1)), -- of the server
    is_guest INTEGER NOT NULL DEFAULT 0 CHECK (is_guest IN (0, 1)),
    banned_at INTEGER,
    last_seen_at INTEGER,
    password_hash TEXT,
    deleted_at INTEGER -- the ledger keeps a user's row, under another name
) STRICT;
CREATE INDEX listed_users ON users (username) WHERE deleted_at IS NULL;
CREATE INDEX server_admins ON users (id) WHERE is_admin = 1;

-- Friends: two rows for each pair, one each way.
CREATE TABLE friendships (
    user_id INTEGER NOT NULL REFERENCES users (id),
    friend_id INTEGER NOT NULL REFERENCES users (id),
    since INTEGER NOT NULL,
    PRIMARY KEY (user_id, friend_id)
) STRICT, WITHOUT ROWID;

-- Requests to be somebody's friend. The receiver is shown one from shown_at on, unless he has blocked its sender. One that
-- has ended stays for a while: it counts among what its sender has asked of late, and who was declined is not shown soon.
CREATE TABLE friend_requests (
    id INTEGER PRIMARY KEY,
    sender_id INTEGER NOT NULL REFERENCES users (id),
    receiver_id INTEGER NOT NULL REFERENCES users (id),
    requested_at INTEGER NOT NULL,
    shown_at INTEGER NOT NULL,
    ended_at INTEGER,
    is_declined INTEGER NOT NULL DEFAULT 0 CHECK (is_declined IN (0, 1)),
    CHECK (sender_id <> receiver_id)
) STRICT;
CREATE UNIQUE INDEX open_friend_requests ON friend_requests (sender_id, receiver_id) WHERE ended_at IS NULL;
CREATE INDEX declined_friend_requests ON friend_requests (sender_id, receiver_id, ended_at) WHERE is_declined = 1;
CREATE INDEX friend_requests_of_sender ON friend_requests (sender_id, requested_at);
CREATE INDEX friend_requests_of_receiver ON friend_requests (receiver_id, ended_at, id);
CREATE INDEX friend_requests_by_end ON friend_requests (ended_at) WHERE ended_at IS NOT NULL;

-- Whom each user has blocked.
CREATE TABLE blocks (
    user_id INTEGER NOT NULL REFERENCES users (id),
    blocked_id INTEGER NOT NULL REFERENCES users (id),
    blocked_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, blocked_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX blocks_of_blocked ON blocks (blocked_id);

-- What the database knows of the server it belongs to: one row, once there has been one.
CREATE TABLE identity (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    secret_fingerprint BLOB NOT NULL CHECK (length(secret_fingerprint) = 32), -- of the secret that keys are made with
    epoch TEXT -- NULL in a backup, until a server starts on it
) STRICT;

-- A live session key, or view key. The key itself is made of this id and a secret that is not in the database.
CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL CHECK (expires_at > created_at),
    is_view INTEGER NOT NULL DEFAULT 0 CHECK (is_view IN (0, 1))
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
    closed_at INTEGER,
    opened_by INTEGER REFERENCES users (id),
    admins_may_bet INTEGER NOT NULL DEFAULT 0 CHECK (admins_may_bet IN (0, 1))
) STRICT;
CREATE INDEX open_sources ON sources (id) WHERE closed_at IS NULL;

-- Who is an admin, or has been one until removed_at: who was does not bet in what he administered.
CREATE TABLE source_admins (
    user_id INTEGER NOT NULL REFERENCES users (id),
    source_id INTEGER NOT NULL REFERENCES sources (id),
    removed_at INTEGER,
    PRIMARY KEY (user_id, source_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX admins_of_source ON source_admins (source_id);

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
    seq INTEGER NOT NULL DEFAULT 0 CHECK (seq >= 0),
    points_to_all INTEGER, -- a part of each root target's score; NULL where no action scores
    chat TEXT NOT NULL DEFAULT 'all' CHECK (chat IN ('all', 'accounts', 'off')),
    clock_period TEXT, -- what the clock of the match showed at clock_at; NULL until it is set
    clock_elapsed_ms INTEGER CHECK (clock_elapsed_ms >= 0),
    clock_is_running INTEGER CHECK (clock_is_running IN (0, 1)),
    clock_at INTEGER,
    cancelled_at INTEGER,
    held_at INTEGER -- since when no pool of the game takes bets, whatever its own is_blocked says
) STRICT;
CREATE INDEX open_games ON games (source_id, id) WHERE opened_at IS NOT NULL AND closed_at IS NULL;
CREATE INDEX upcoming_games ON games (source_id, id) WHERE opened_at IS NULL AND closed_at IS NULL;
CREATE INDEX closed_games ON games (source_id, id) WHERE closed_at IS NOT NULL;
CREATE INDEX games_of_source ON games (source_id, id);

CREATE TABLE game_admins (
    user_id INTEGER NOT NULL REFERENCES users (id),
    game_id INTEGER NOT NULL REFERENCES games (id),
    removed_at INTEGER,
    PRIMARY KEY (user_id, game_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX admins_of_game ON game_admins (game_id);

-- key is the action's id on the wire; rowid order is the order sent. points is what its events score.
CREATE TABLE actions (
    id INTEGER PRIMARY KEY,
    game_id INTEGER NOT NULL REFERENCES games (id),
    key TEXT NOT NULL,
    name TEXT NOT NULL,
    points INTEGER CHECK (points BETWEEN -100 AND 100),
    UNIQUE (game_id, key)
) STRICT;

-- Nested targets as adjacency rows: key is one part of the target id; a parent's id is below its children's.
CREATE TABLE targets (
    id INTEGER PRIMARY KEY,
    game_id INTEGER NOT NULL REFERENCES games (id),
    parent_id INTEGER REFERENCES targets (id) CHECK (parent_id < id),
    key TEXT NOT NULL,
    display_name TEXT NOT NULL,
    is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)), -- by its label and those of all above it
    points INTEGER NOT NULL DEFAULT 0 -- of the events by a root target and those below it
) STRICT;
CREATE INDEX targets_of_game ON targets (game_id);
CREATE UNIQUE INDEX root_targets ON targets (game_id, key) WHERE parent_id IS NULL;
CREATE UNIQUE INDEX child_targets ON targets (parent_id, key) WHERE parent_id IS NOT NULL;

-- What has been set of a target; NULL is what has not been, or has been cleared.
CREATE TABLE target_labels (
    target_id INTEGER PRIMARY KEY REFERENCES targets (id),
    game_id INTEGER NOT NULL REFERENCES games (id),
    display_name TEXT,
    symbol TEXT,
    number INTEGER,
    color TEXT,
    image_url TEXT,
    is_active INTEGER CHECK (is_active IN (0, 1))
) STRICT;
CREATE INDEX labels_of_game ON target_labels (game_id);

-- What was asked of each game, in order, bets aside: enough to live its life again.
CREATE TABLE journal (
    id INTEGER PRIMARY KEY,
    game_id INTEGER NOT NULL REFERENCES games (id),
    at INTEGER NOT NULL,
    user_id INTEGER REFERENCES users (id), -- none where nobody asked
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
    void_reason TEXT,
    external_id TEXT,
    CHECK ((pool_id IS NULL) = (action_id IS NOT NULL AND target_id IS NOT NULL)),
    CHECK ((pool_id IS NULL) = (pool_target IS NULL))
) STRICT;
CREATE INDEX past_events ON events (game_id, happened_at, id) WHERE voided_at IS NULL AND pool_id IS NULL;
CREATE INDEX events_by_time ON events (game_id, happened_at, id);
CREATE UNIQUE INDEX events_of_feeds ON events (game_id, external_id) WHERE external_id IS NOT NULL AND voided_at IS NULL;
CREATE INDEX voided_events_of_feeds ON events (game_id, external_id) WHERE external_id IS NOT NULL;
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
-- the bets that are valid; settlement_id is the settlement in force. version grows with each change. untold_at is
-- when a block or allow of betting fell due while the pool had ended: it is told when the pool opens again.
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
    version INTEGER NOT NULL DEFAULT 1 CHECK (version > 0),
    untold_at INTEGER,
    min_stake INTEGER NOT NULL DEFAULT 1 CHECK (min_stake > 0),
    max_stake INTEGER CHECK (max_stake > 0),
    is_cancellable INTEGER NOT NULL DEFAULT 0 CHECK (is_cancellable IN (0, 1)),
    settle_delay_ms INTEGER NOT NULL DEFAULT 0 CHECK (settle_delay_ms BETWEEN 0 AND 600000),
    history_period_ms INTEGER NOT NULL DEFAULT 1 CHECK (history_period_ms > 0),
    history_length INTEGER NOT NULL DEFAULT 0 CHECK (history_length >= 0), -- how many records there are, or fewer
    last_bet_at INTEGER,
    CHECK ((type IN (1, 2)) = (action_id IS NOT NULL)),
    CHECK ((type IN (2, 4)) = (finish_at IS NOT NULL)),
    CHECK ((status = 'open') = (settlement_id IS NULL))
) STRICT;
CREATE INDEX pools_of_game ON pools (game_id, id);
CREATE INDEX open_pools ON pools (game_id, id) WHERE status = 'open';
CREATE INDEX open_pools_of_action ON pools (action_id, id) WHERE status = 'open';
CREATE INDEX recreated_pools ON pools (recreated_from) WHERE recreated_from IS NOT NULL;

CREATE TRIGGER pool_versions_grow BEFORE UPDATE ON pools WHEN new.version <= old.version BEGIN
    SELECT raise(ABORT, 'a change of a pool raises its version');
END;

-- What can be backed in a pool: key is the target id, or the label of a binary pool, which is no target of the game.
-- The sums are kept.
CREATE TABLE pool_targets (
    pool_id INTEGER NOT NULL REFERENCES pools (id),
    position INTEGER NOT NULL,
    key TEXT NOT NULL,
    display_name TEXT NOT NULL,
    backing_people INTEGER NOT NULL DEFAULT 0 CHECK (backing_people >= 0),
    backing_money INTEGER NOT NULL DEFAULT 0 CHECK (backing_money >= 0),
    target_id INTEGER REFERENCES targets (id),
    PRIMARY KEY (pool_id, position),
    UNIQUE (pool_id, key)
) STRICT, WITHOUT ROWID;

-- What the targets of a pool were backed with when periods of its history_period_ms had ended: sums of the valid bets
-- up to newest_bet_id, the newest there was of any pool, of which the last was placed at that time.
CREATE TABLE backing_history (
    pool_id INTEGER NOT NULL REFERENCES pools (id),
    position INTEGER NOT NULL,
    newest_bet_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    amount INTEGER NOT NULL CHECK (amount >= 0),
    PRIMARY KEY (pool_id, position, newest_bet_id)
) STRICT, WITHOUT ROWID;

-- What becomes of a bet, the settlements of its pool say; of its own it has the one that found it late and refunded it,
-- and when its user cancelled it, and after which settlement, the newest there was of any pool. A valid bet has neither.
-- A user's bets in a pool are a chain: previous_id is the bet before, the newest is that of the user's stakes. In an index
-- by user each bet of a crowd would touch a page of its own.
CREATE TABLE bets (
    id INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE CHECK (length(uuid) = 36),
    pool_id INTEGER NOT NULL REFERENCES pools (id),
    user_id INTEGER NOT NULL REFERENCES users (id),
    position INTEGER NOT NULL,
    amount INTEGER NOT NULL CHECK (amount > 0),
    placed_at INTEGER NOT NULL,
    after_journal_id INTEGER NOT NULL,
    invalidated_by INTEGER REFERENCES settlements (id),
    cancelled_at INTEGER,
    cancelled_after_settlement_id INTEGER,
    previous_id INTEGER,
    FOREIGN KEY (pool_id, position) REFERENCES pool_targets (pool_id, position)
) STRICT;
CREATE INDEX bets_of_target ON bets (pool_id, position, id);
-- The bets that count: neither late nor cancelled.
CREATE VIEW valid_bets AS SELECT * FROM bets WHERE invalidated_by IS NULL AND cancelled_at IS NULL;
-- Replacing deletes a row without its delete trigger; so it is refused where rows stay for good. Where an insert
-- gives no id, new.id is -1.
CREATE TRIGGER bets_are_new BEFORE INSERT ON bets
WHEN new.id > 0 AND EXISTS (SELECT 1 FROM bets WHERE id = new.id)
    OR EXISTS (SELECT 1 FROM bets WHERE uuid = new.uuid) BEGIN
    SELECT raise(ABORT, 'bets are never replaced');
END;
-- All names of the id: a trigger knows a column by the name the statement calls it.
CREATE TRIGGER bets_stay
BEFORE UPDATE OF id, rowid, oid, _rowid_, uuid, pool_id, user_id, position, amount, placed_at, after_journal_id,
    previous_id ON bets
BEGIN
    SELECT raise(ABORT, 'of a bet only its validity changes');
END;
CREATE TRIGGER bets_are_invalidated_once BEFORE UPDATE OF invalidated_by ON bets
WHEN old.invalidated_by IS NOT NULL OR new.invalidated_by IS NULL BEGIN
    SELECT raise(ABORT, 'a bet is invalidated once');
END;
CREATE TRIGGER bets_are_cancelled_once BEFORE UPDATE OF cancelled_at, cancelled_after_settlement_id ON bets
WHEN old.cancelled_at IS NOT NULL OR old.invalidated_by IS NOT NULL OR new.cancelled_at IS NULL
    OR (SELECT status FROM pools WHERE pools.id = old.pool_id) <> 'open' BEGIN
    SELECT raise(ABORT, 'a valid bet in an open pool is cancelled once');
END;
CREATE TRIGGER bets_remain BEFORE DELETE ON bets BEGIN
    SELECT raise(ABORT, 'bets are never deleted');
END;

-- What each user has on each target of a pool, by how many valid bets; last_bet_id is the newest, valid or not. By pool
-- first: those who bet in one pool at a time share pages, however much each has bet in others.
CREATE TABLE stakes (
    user_id INTEGER NOT NULL REFERENCES users (id),
    pool_id INTEGER NOT NULL REFERENCES pools (id),
    position INTEGER NOT NULL,
    amount INTEGER NOT NULL CHECK (amount >= 0),
    bets INTEGER NOT NULL DEFAULT 0 CHECK (bets >= 0),
    last_bet_id INTEGER NOT NULL,
    PRIMARY KEY (pool_id, user_id, position)
) STRICT, WITHOUT ROWID;

-- Who takes part in a pool, which is running while the user has a valid bet in a pool that is open. first_bet_at is when
-- the first of the user's bets was placed that is not cancelled, best_win the most that a bet of the user has won in it;
-- late_bets were refunded.
CREATE TABLE participations (
    user_id INTEGER NOT NULL REFERENCES users (id),
    game_id INTEGER NOT NULL REFERENCES games (id),
    pool_id INTEGER NOT NULL REFERENCES pools (id),
    is_running INTEGER NOT NULL DEFAULT 1 CHECK (is_running IN (0, 1)),
    net INTEGER NOT NULL DEFAULT 0,
    first_bet_at INTEGER NOT NULL DEFAULT 0,
    late_bets INTEGER NOT NULL DEFAULT 0,
    late_amount INTEGER NOT NULL DEFAULT 0,
    best_win INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (pool_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX participations_in_game ON participations (user_id, game_id, is_running, pool_id);
-- SQLite prefers another index to one that lacks a column, be it in the condition.
CREATE INDEX running_participations ON participations (user_id, is_running, pool_id, game_id) WHERE is_running = 1;

-- How a pool ended. A settlement that was taken back keeps its row; its transfers are compensated. It concerns the
-- bets of its pool up to newest_bet_id, the newest there was of any pool, that were valid. All else follows from its
-- divisions; without any, every stake was returned.
CREATE TABLE settlements (
    id INTEGER PRIMARY KEY,
    pool_id INTEGER NOT NULL REFERENCES pools (id),
    event_id INTEGER REFERENCES events (id),
    cause TEXT NOT NULL CHECK (cause IN ('event', 'time', 'close', 'void')),
    position INTEGER,
    takeout INTEGER NOT NULL CHECK (takeout >= 0),
    settled_at INTEGER NOT NULL,
    taken_back_at INTEGER,
    newest_bet_id INTEGER NOT NULL DEFAULT 0,
    split TEXT NOT NULL DEFAULT 'profit' CHECK (split IN ('profit', 'pot'))
) STRICT;
CREATE INDEX settlements_of_event ON settlements (event_id) WHERE event_id IS NOT NULL;
CREATE INDEX settlements_of_pool ON settlements (pool_id);

-- How the bets on a winning position divide a pot: in proportion to their stakes, which sum to winning_total, rounded
-- down; one unit more have those with a fraction (a numerator over winning_total) greater than last_fraction, and of
-- those with that fraction the ones up to last_bet_id.
CREATE TABLE divisions (
    settlement_id INTEGER NOT NULL REFERENCES settlements (id),
    position INTEGER NOT NULL,
    pot INTEGER NOT NULL CHECK (pot > 0),
    winning_total INTEGER NOT NULL CHECK (winning_total > 0),
    last_fraction INTEGER NOT NULL CHECK (last_fraction BETWEEN 1 AND winning_total),
    last_bet_id INTEGER NOT NULL,
    PRIMARY KEY (settlement_id, position)
) STRICT, WITHOUT ROWID;

-- Payouts follow from these facts, so they stay as they were when the settlement came into force.
CREATE TRIGGER settlements_stay
BEFORE UPDATE OF id, rowid, oid, _rowid_, pool_id, event_id, cause, position, takeout, settled_at, newest_bet_id, split
ON settlements BEGIN
    SELECT raise(ABORT, 'a settlement is never changed');
END;
CREATE TRIGGER settlements_are_taken_back_once BEFORE UPDATE OF taken_back_at ON settlements
WHEN old.taken_back_at IS NOT NULL OR new.taken_back_at IS NULL BEGIN
    SELECT raise(ABORT, 'a settlement is taken back once');
END;
CREATE TRIGGER settlements_remain BEFORE DELETE ON settlements BEGIN
    SELECT raise(ABORT, 'settlements are never deleted');
END;
CREATE TRIGGER settlements_are_new BEFORE INSERT ON settlements
WHEN new.id > 0 AND EXISTS (SELECT 1 FROM settlements WHERE id = new.id) BEGIN
    SELECT raise(ABORT, 'settlements are never replaced');
END;
CREATE TRIGGER divisions_stay BEFORE UPDATE ON divisions BEGIN
    SELECT raise(ABORT, 'a division is never changed');
END;
CREATE TRIGGER divisions_remain BEFORE DELETE ON divisions BEGIN
    SELECT raise(ABORT, 'divisions are never deleted');
END;
CREATE TRIGGER divisions_are_new BEFORE INSERT ON divisions
WHEN EXISTS (
    SELECT 1 FROM settlements AS s JOIN pools ON pools.id = s.pool_id
    WHERE s.id = new.settlement_id AND (pools.settlement_id = s.id OR s.taken_back_at IS NOT NULL)
) OR EXISTS (SELECT 1 FROM divisions WHERE settlement_id = new.settlement_id AND position = new.position) BEGIN
    SELECT raise(ABORT, 'divisions are never added later or replaced');
END;

-- The winning positions of a settlement with several (a dead heat), whether or not anybody backed them.
CREATE TABLE dead_heats (
    settlement_id INTEGER NOT NULL REFERENCES settlements (id),
    position INTEGER NOT NULL,
    PRIMARY KEY (settlement_id, position)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER dead_heats_stay BEFORE UPDATE ON dead_heats BEGIN
    SELECT raise(ABORT, 'a dead heat is never changed');
END;
CREATE TRIGGER dead_heats_remain BEFORE DELETE ON dead_heats BEGIN
    SELECT raise(ABORT, 'dead heats are never deleted');
END;
CREATE TRIGGER dead_heats_are_new BEFORE INSERT ON dead_heats
WHEN EXISTS (
    SELECT 1 FROM settlements AS s JOIN pools ON pools.id = s.pool_id
    WHERE s.id = new.settlement_id AND (pools.settlement_id = s.id OR s.taken_back_at IS NOT NULL)
) OR EXISTS (SELECT 1 FROM dead_heats WHERE settlement_id = new.settlement_id AND position = new.position) BEGIN
    SELECT raise(ABORT, 'winners are never added later or replaced');
END;

-- The ledger. Money is moved between accounts by transfers, never edited; the balances are kept by a trigger.
-- Only the mint, where points come from, and available money after a void may be below zero. moved_by is the
-- last transfer that has moved the balance.
CREATE TABLE accounts (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('available', 'staked', 'clearing', 'house', 'mint')),
    user_id INTEGER REFERENCES users (id),
    currency TEXT NOT NULL,
    balance INTEGER NOT NULL DEFAULT 0,
    moved_by INTEGER NOT NULL DEFAULT 0,
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
CREATE INDEX transfers_of_settlement ON transfers (settlement_id) WHERE settlement_id IS NOT NULL;

-- Whether a balance was moved is asked of changes(): INSERT OR IGNORE passes over a CHECK that fails.
CREATE TRIGGER transfers_keep_balances AFTER INSERT ON transfers BEGIN
    UPDATE accounts SET balance = balance - new.amount, moved_by = new.id
        WHERE id = new.debit_id AND (balance >= new.amount OR kind = 'mint' OR new.reason = 'take_back');
    SELECT raise(ABORT, 'a transfer takes what an account has') WHERE changes() = 0;
    UPDATE accounts SET balance = balance + new.amount, moved_by = new.id
        WHERE id = new.credit_id AND currency = (SELECT currency FROM accounts WHERE id = new.debit_id);
    SELECT raise(ABORT, 'a transfer gives what an account of its currency can hold') WHERE changes() = 0;
END;
CREATE TRIGGER transfers_stay AFTER UPDATE ON transfers BEGIN
    SELECT raise(ABORT, 'transfers are never changed');
END;
CREATE TRIGGER transfers_remain AFTER DELETE ON transfers BEGIN
    SELECT raise(ABORT, 'transfers are never deleted');
END;
CREATE TRIGGER transfers_are_new BEFORE INSERT ON transfers
WHEN new.id > 0 AND EXISTS (SELECT 1 FROM transfers WHERE id = new.id) BEGIN
    SELECT raise(ABORT, 'transfers are never replaced');
END;
CREATE TRIGGER accounts_begin_empty BEFORE INSERT ON accounts WHEN new.balance <> 0 OR new.moved_by <> 0 BEGIN
    SELECT raise(ABORT, 'an account begins empty');
END;
-- Each kind of owner has an index of its own.
CREATE TRIGGER accounts_are_new BEFORE INSERT ON accounts
WHEN EXISTS (SELECT 1 FROM accounts WHERE id = new.id)
    OR EXISTS (SELECT 1 FROM accounts WHERE user_id = new.user_id AND currency = new.currency AND kind = new.kind)
    OR EXISTS (SELECT 1 FROM accounts WHERE user_id IS NULL AND currency = new.currency AND kind = new.kind
        AND new.user_id IS NULL) BEGIN
    SELECT raise(ABORT, 'accounts are never replaced');
END;
CREATE TRIGGER accounts_remain BEFORE DELETE ON accounts BEGIN
    SELECT raise(ABORT, 'accounts are never deleted');
END;
-- Every transfer there is has already moved its accounts: only the trigger of a new one gets past this.
CREATE TRIGGER accounts_follow_transfers BEFORE UPDATE ON accounts
WHEN new.moved_by <= old.moved_by
    OR NOT EXISTS (SELECT 1 FROM transfers WHERE id = new.moved_by AND new.id IN (debit_id, credit_id)) BEGIN
    SELECT raise(ABORT, 'accounts are changed by transfers alone');
END;
-- What a settlement takes into the clearing account it pays out of it, and so does one that is taken back.
CREATE TRIGGER settlements_balance BEFORE UPDATE OF settlement_id ON pools
WHEN 0 <> (
    SELECT coalesce(sum(CASE clearing.id WHEN credit_id THEN amount WHEN debit_id THEN -amount END), 0)
    FROM accounts AS clearing CROSS JOIN transfers ON settlement_id IN (old.settlement_id, new.settlement_id)
    WHERE clearing.user_id IS NULL AND clearing.kind = 'clearing'
        AND clearing.currency = (SELECT currency FROM games WHERE id = new.game_id)
) BEGIN
    SELECT raise(ABORT, 'a settlement pays out what it took');
END;

-- What the games of each source come to by currency: the bets that count, and what they have staked, of which what is
-- neither paid to winners nor refunded nor taken is in running bets. And in how many pools each user takes part.
CREATE TABLE source_sums (
    source_id INTEGER NOT NULL REFERENCES sources (id),
    currency TEXT NOT NULL,
    games INTEGER NOT NULL DEFAULT 0,
    pools INTEGER NOT NULL DEFAULT 0,
    bets INTEGER NOT NULL DEFAULT 0,
    staked INTEGER NOT NULL DEFAULT 0,
    paid INTEGER NOT NULL DEFAULT 0,
    refunded INTEGER NOT NULL DEFAULT 0,
    takeout INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (source_id, currency)
) STRICT, WITHOUT ROWID;
CREATE TABLE source_bettors (
    source_id INTEGER NOT NULL REFERENCES sources (id),
    user_id INTEGER NOT NULL REFERENCES users (id),
    pools INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (source_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER games_are_summed AFTER INSERT ON games BEGIN
    INSERT INTO source_sums (source_id, currency, games) VALUES (new.source_id, new.currency, 1)
        ON CONFLICT (source_id, currency) DO UPDATE SET games = games + 1;
END;
CREATE TRIGGER pools_are_summed AFTER INSERT ON pools BEGIN
    UPDATE source_sums SET pools = pools + 1
        WHERE (source_id, currency) = (SELECT source_id, currency FROM games WHERE id = new.game_id);
END;
CREATE TRIGGER bets_are_summed AFTER UPDATE OF amount_total, bet_count ON pools BEGIN
    UPDATE source_sums
        SET staked = staked + new.amount_total - old.amount_total, bets = bets + new.bet_count - old.bet_count
        WHERE (source_id, currency) = (SELECT source_id, currency FROM games WHERE id = new.game_id);
END;
CREATE TRIGGER settlements_are_summed AFTER UPDATE OF settlement_id ON pools
WHEN old.amount_total > 0 OR new.amount_total > 0 BEGIN
    UPDATE source_sums SET paid = source_sums.paid + ended.paid, takeout = source_sums.takeout + ended.takeout,
            refunded = source_sums.refunded + ended.staked - ended.paid - ended.takeout
        FROM (
            SELECT coalesce(sum(sign * staked), 0) AS staked, coalesce(sum(sign * takeout), 0) AS takeout,
                coalesce(sum(CASE WHEN EXISTS (SELECT 1 FROM divisions WHERE settlement_id = s.id)
                    THEN sign * (staked - takeout) END), 0) AS paid
            FROM (
                SELECT id, takeout, 1 AS sign, new.amount_total AS staked FROM settlements
                    WHERE id = new.settlement_id
                UNION ALL SELECT id, takeout, -1, old.amount_total FROM settlements WHERE id = old.settlement_id
            ) AS s
        ) AS ended
        WHERE (source_id, currency) = (SELECT source_id, currency FROM games WHERE id = new.game_id);
END;
CREATE TRIGGER bettors_come AFTER INSERT ON participations BEGIN
    INSERT INTO source_bettors (source_id, user_id, pools)
        SELECT source_id, new.user_id, 1 FROM games WHERE id = new.game_id
        ON CONFLICT (source_id, user_id) DO UPDATE SET pools = pools + 1;
END;
CREATE TRIGGER bettors_go AFTER DELETE ON participations BEGIN
    UPDATE source_bettors SET pools = pools - 1
        WHERE user_id = old.user_id AND source_id = (SELECT source_id FROM games WHERE id = old.game_id);
END;

-- Leaderboards: of all games, of a source's (source_id) or of one game (game_id), where 0 stands for any; of one type of
-- game, where '' stands for any.
CREATE TABLE boards (
    id INTEGER PRIMARY KEY,
    source_id INTEGER NOT NULL,
    game_id INTEGER NOT NULL,
    type TEXT NOT NULL,
    currency TEXT NOT NULL,
    UNIQUE (source_id, game_id, type, currency)
) STRICT;

-- The boards that a game counts for, from its first pool that ends.
CREATE TABLE game_boards (
    game_id INTEGER NOT NULL REFERENCES games (id),
    board_id INTEGER NOT NULL REFERENCES boards (id),
    PRIMARY KEY (game_id, board_id)
) STRICT, WITHOUT ROWID;

-- Who is ranked on a board: whoever has bet in a pool that has ended, of which there are so many. deficit is what the
-- user has lost more than won in them, name the user's in lower case: a board is in ascending order of both.
CREATE TABLE standings (
    user_id INTEGER NOT NULL REFERENCES users (id),
    board_id INTEGER NOT NULL REFERENCES boards (id),
    name TEXT NOT NULL,
    deficit INTEGER NOT NULL,
    pools INTEGER NOT NULL,
    PRIMARY KEY (user_id, board_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX standings_in_order ON standings (board_id, deficit, name);

-- How many standings of a board there are from each of these places in its order up to the next: the sum of the entries
-- before a place is a position on the board. The first block of a board is before all places.
CREATE TABLE standing_blocks (
    id INTEGER PRIMARY KEY,
    board_id INTEGER NOT NULL REFERENCES boards (id),
    deficit INTEGER NOT NULL,
    name TEXT NOT NULL,
    entries INTEGER NOT NULL CHECK (entries >= 0)
) STRICT;
CREATE UNIQUE INDEX standing_blocks_in_order ON standing_blocks (board_id, deficit, name);
CREATE INDEX uneven_standing_blocks ON standing_blocks (board_id) WHERE entries > 8000 OR entries < 2000 AND name <> '';

-- What a user's parts in the pools of a game that have ended come to: bets that won, lost or were refunded, staked by
-- all of them, the net result and the most won by one bet; joined_at is when the first bet in them was placed.
CREATE TABLE game_records (
    user_id INTEGER NOT NULL REFERENCES users (id),
    game_id INTEGER NOT NULL REFERENCES games (id),
    currency TEXT NOT NULL,
    type TEXT NOT NULL,
    pools INTEGER NOT NULL,
    bets INTEGER NOT NULL,
    won INTEGER NOT NULL,
    lost INTEGER NOT NULL,
    refunded INTEGER NOT NULL,
    staked INTEGER NOT NULL,
    net INTEGER NOT NULL,
    best_win INTEGER NOT NULL,
    joined_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, game_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX best_wins ON game_records (user_id, currency, type, best_win) WHERE best_win > 0;

-- The same by currency and type of game; reaction_ms is the sum of the times from the start of each pool to the first bet.
CREATE TABLE user_records (
    user_id INTEGER NOT NULL REFERENCES users (id),
    currency TEXT NOT NULL,
    type TEXT NOT NULL,
    games INTEGER NOT NULL,
    pools INTEGER NOT NULL,
    bets INTEGER NOT NULL,
    won INTEGER NOT NULL,
    lost INTEGER NOT NULL,
    refunded INTEGER NOT NULL,
    staked INTEGER NOT NULL,
    net INTEGER NOT NULL,
    reaction_ms INTEGER NOT NULL,
    PRIMARY KEY (user_id, currency, type)
) STRICT, WITHOUT ROWID;

-- How a user's points have changed on each day of UTC, counted since 1970; the last time at_ms.
CREATE TABLE points_by_day (
    user_id INTEGER NOT NULL REFERENCES users (id),
    currency TEXT NOT NULL,
    day INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    net INTEGER NOT NULL,
    PRIMARY KEY (user_id, currency, day)
) STRICT, WITHOUT ROWID;

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
CREATE INDEX timers_of_action ON timers (action_id) WHERE action_id IS NOT NULL;

-- The pools of its action that a timer no longer acts on.
CREATE TABLE timer_exceptions (
    timer_id INTEGER NOT NULL REFERENCES timers (id) ON DELETE CASCADE,
    pool_id INTEGER NOT NULL REFERENCES pools (id),
    PRIMARY KEY (timer_id, pool_id)
) STRICT, WITHOUT ROWID;

-- The durable broadcasts of each game, numbered without gaps. A row has those of one change, up to seq, without their
-- headers: one message as it is, several compressed (zlib), a line each.
CREATE TABLE broadcasts (
    id INTEGER PRIMARY KEY,
    game_id INTEGER NOT NULL REFERENCES games (id),
    seq INTEGER NOT NULL CHECK (seq > 0),
    sent_at INTEGER NOT NULL,
    bodies BLOB NOT NULL,
    messages INTEGER NOT NULL DEFAULT 1 CHECK (messages > 0),
    UNIQUE (game_id, seq)
) STRICT;

-- The chat of each game. A line that was removed has no text any more.
CREATE TABLE chat_lines (
    id INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE CHECK (length(uuid) = 36),
    game_id INTEGER NOT NULL REFERENCES games (id),
    sender_id INTEGER NOT NULL REFERENCES users (id),
    text TEXT,
    received_at INTEGER NOT NULL
) STRICT;
CREATE INDEX chat_of_game ON chat_lines (game_id, id);
CREATE INDEX chat_of_sender ON chat_lines (sender_id);
CREATE INDEX chat_by_time ON chat_lines (received_at);

-- Until when each user may not write in a game.
CREATE TABLE mutes (
    user_id INTEGER NOT NULL REFERENCES users (id),
    game_id INTEGER NOT NULL REFERENCES games (id),
    muted_until INTEGER NOT NULL,
    PRIMARY KEY (user_id, game_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX mutes_by_end ON mutes (muted_until);

-- Up to which time each user has used up what he may write: each message takes a second.
CREATE TABLE chat_paces (
    user_id INTEGER PRIMARY KEY REFERENCES users (id),
    used_until INTEGER NOT NULL
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

-- From where each user has logged in by password lately: a digest of the address that the server alone can make.
CREATE TABLE login_addresses (
    user_id INTEGER NOT NULL REFERENCES users (id),
    address_digest BLOB NOT NULL CHECK (length(address_digest) = 32),
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, address_digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX login_addresses_by_time ON login_addresses (seen_at);

-- The acts of admins: requests that take a role, and commands of the command line, which are nobody's. An id is the time
-- in thousandths of a millisecond, or greater by as little as makes it new.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    user_id INTEGER REFERENCES users (id),
    op INTEGER,
    name TEXT NOT NULL,
    parameters TEXT NOT NULL,
    source_id INTEGER REFERENCES sources (id),
    game_id INTEGER REFERENCES games (id),
    CHECK ((user_id IS NULL) = (op IS NULL))
) STRICT;
CREATE INDEX audit_of_user ON audit (user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX audit_of_source ON audit (source_id, id) WHERE source_id IS NOT NULL;
CREATE INDEX audit_of_game ON audit (game_id, id) WHERE game_id IS NOT NULL;
