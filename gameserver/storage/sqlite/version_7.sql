-- From version 6 to 7. Never changed after its release.

-- Users: accounts, guests, and administrators of the server.
ALTER TABLE users ADD COLUMN is_admin INTEGER NOT NULL DEFAULT 0 CHECK (is_admin IN (0, 1)); -- of the server
ALTER TABLE users ADD COLUMN is_guest INTEGER NOT NULL DEFAULT 0 CHECK (is_guest IN (0, 1));
ALTER TABLE users ADD COLUMN banned_at INTEGER;
ALTER TABLE users ADD COLUMN last_seen_at INTEGER;

-- Friends: two rows for each pair, one each way.
CREATE TABLE friendships (
    user_id INTEGER NOT NULL REFERENCES users (id),
    friend_id INTEGER NOT NULL REFERENCES users (id),
    since INTEGER NOT NULL,
    PRIMARY KEY (user_id, friend_id)
) STRICT, WITHOUT ROWID;

-- Accounts: passwords, deleted users, where users log in from, and the acts of admins.
ALTER TABLE users ADD COLUMN password_hash TEXT;
ALTER TABLE users ADD COLUMN deleted_at INTEGER; -- the ledger keeps a user's row, under another name
CREATE INDEX listed_users ON users (username) WHERE deleted_at IS NULL;
CREATE INDEX server_admins ON users (id) WHERE is_admin = 1;

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

INSERT INTO boards (source_id, game_id, type, currency)
    SELECT source_id, 0, type, currency FROM games UNION SELECT source_id, 0, '', currency FROM games
    UNION SELECT 0, 0, type, currency FROM games UNION SELECT 0, 0, '', currency FROM games
    UNION SELECT 0, id, '', currency FROM games;
INSERT INTO game_boards (game_id, board_id)
    SELECT games.id, boards.id FROM games JOIN boards ON boards.currency = games.currency
        AND boards.game_id IN (0, games.id) AND boards.type IN ('', games.type)
        AND boards.source_id IN (0, games.source_id);
INSERT INTO standings (user_id, board_id, name, deficit, pools)
    SELECT p.user_id, g.board_id, lower(username), -sum(net), count(*) FROM participations AS p
    JOIN pools ON pools.id = p.pool_id JOIN game_boards AS g ON g.game_id = p.game_id
    JOIN users ON users.id = p.user_id
    WHERE pools.status <> 'open' GROUP BY p.user_id, g.board_id;
INSERT INTO standing_blocks (board_id, deficit, name, entries) SELECT id, -9007199254740992, '', 0 FROM boards;
INSERT INTO standing_blocks (board_id, deficit, name, entries)
    SELECT board_id, deficit, name, 0 FROM (
        SELECT board_id, deficit, name, row_number() OVER ranked AS number FROM standings
        WINDOW ranked AS (PARTITION BY board_id ORDER BY deficit, name)
    ) WHERE number % 4000 = 0;
UPDATE standing_blocks SET entries = counted.entries
    FROM (
        SELECT board_id, (number - number % 4000) / 4000 AS block, count(*) AS entries FROM (
            SELECT board_id, row_number() OVER ranked AS number FROM standings
            WINDOW ranked AS (PARTITION BY board_id ORDER BY deficit, name)
        ) GROUP BY 1, 2
    ) AS counted
    JOIN (
        SELECT id, board_id, row_number() OVER (PARTITION BY board_id ORDER BY deficit, name) - 1 AS block
        FROM standing_blocks
    ) AS placed ON placed.board_id = counted.board_id AND placed.block = counted.block
    WHERE standing_blocks.id = placed.id;

-- Histories and statistics. What needs the payouts of bets is filled in afterwards, by version_7_records.sql.
ALTER TABLE stakes ADD COLUMN bets INTEGER NOT NULL DEFAULT 0 CHECK (bets >= 0);
UPDATE stakes SET bets = (SELECT count(*) FROM valid_bets AS b
    WHERE b.user_id = stakes.user_id AND b.pool_id = stakes.pool_id AND b.position = stakes.position);
ALTER TABLE participations ADD COLUMN first_bet_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE participations ADD COLUMN late_bets INTEGER NOT NULL DEFAULT 0;
ALTER TABLE participations ADD COLUMN late_amount INTEGER NOT NULL DEFAULT 0;
ALTER TABLE participations ADD COLUMN best_win INTEGER NOT NULL DEFAULT 0;
UPDATE participations SET first_bet_at = found.first_bet_at, late_bets = found.late_bets, late_amount = found.late_amount
    FROM (
        SELECT user_id, pool_id, min(placed_at) AS first_bet_at, count(invalidated_by) AS late_bets,
            sum(CASE WHEN invalidated_by IS NULL THEN 0 ELSE amount END) AS late_amount
        FROM bets WHERE cancelled_at IS NULL GROUP BY user_id, pool_id
    ) AS found
    WHERE found.user_id = participations.user_id AND found.pool_id = participations.pool_id;
CREATE INDEX running_participations ON participations (user_id, pool_id) WHERE is_running = 1;

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

-- Pools in which nothing is staked add nothing to the sums of their source when they end.
DROP TRIGGER settlements_are_summed;
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
