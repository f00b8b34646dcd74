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
CREATE INDEX uneven_standing_blocks ON standing_blocks (board_id) WHERE entries > 2000 OR entries < 500 AND name <> '';

INSERT INTO boards (source_id, game_id, type, currency)
    SELECT source_id, 0, type, currency FROM games UNION SELECT source_id, 0, '', currency FROM games
    UNION SELECT 0, 0, type, currency FROM games UNION SELECT 0, 0, '', currency FROM games
    UNION SELECT 0, id, '', currency FROM games;
INSERT INTO standings (user_id, board_id, name, deficit, pools)
    SELECT p.user_id, boards.id, lower(username), -sum(net), count(*) FROM participations AS p
    JOIN pools ON pools.id = p.pool_id JOIN games ON games.id = p.game_id JOIN users ON users.id = p.user_id
    JOIN boards ON boards.currency = games.currency AND boards.game_id IN (0, games.id)
        AND boards.type IN ('', games.type) AND boards.source_id IN (0, games.source_id)
    WHERE pools.status <> 'open' GROUP BY p.user_id, boards.id;
INSERT INTO standing_blocks (board_id, deficit, name, entries) SELECT id, -9007199254740992, '', 0 FROM boards;
INSERT INTO standing_blocks (board_id, deficit, name, entries)
    SELECT board_id, deficit, name, 0 FROM (
        SELECT board_id, deficit, name, row_number() OVER ranked AS number FROM standings
        WINDOW ranked AS (PARTITION BY board_id ORDER BY deficit, name)
    ) WHERE number % 1000 = 0;
UPDATE standing_blocks SET entries = counted.entries
    FROM (
        SELECT board_id, (number - number % 1000) / 1000 AS block, count(*) AS entries FROM (
            SELECT board_id, row_number() OVER ranked AS number FROM standings
            WINDOW ranked AS (PARTITION BY board_id ORDER BY deficit, name)
        ) GROUP BY 1, 2
    ) AS counted
    JOIN (
        SELECT id, board_id, row_number() OVER (PARTITION BY board_id ORDER BY deficit, name) - 1 AS block
        FROM standing_blocks
    ) AS placed ON placed.board_id = counted.board_id AND placed.block = counted.block
    WHERE standing_blocks.id = placed.id;

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
CREATE INDEX friend_requests_of_receiver ON friend_requests (receiver_id, id);
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
