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
