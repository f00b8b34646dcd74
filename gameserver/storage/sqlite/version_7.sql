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
