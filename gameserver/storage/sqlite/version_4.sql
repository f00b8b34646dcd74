-- From version 3 to 4: pools have versions, and the database knows its server's secret again.
-- Never changed after its release.

ALTER TABLE pools ADD COLUMN version INTEGER NOT NULL DEFAULT 1 CHECK (version > 0);
ALTER TABLE pools ADD COLUMN untold_at INTEGER;
CREATE TRIGGER pool_versions_grow BEFORE UPDATE ON pools WHEN new.version <= old.version BEGIN
    SELECT raise(ABORT, 'a change of a pool raises its version');
END;

-- The pools of its action that a timer no longer acts on.
CREATE TABLE timer_exceptions (
    timer_id INTEGER NOT NULL REFERENCES timers (id) ON DELETE CASCADE,
    pool_id INTEGER NOT NULL REFERENCES pools (id),
    PRIMARY KEY (timer_id, pool_id)
) STRICT, WITHOUT ROWID;

-- What the database knows of the server it belongs to: one row, once there has been one.
CREATE TABLE identity (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    secret_fingerprint BLOB NOT NULL CHECK (length(secret_fingerprint) = 32) -- of the secret that keys are made with
) STRICT;

-- Who had only late bets in a pool that was taken back is again one of those who took part in it.
INSERT INTO participations (user_id, game_id, pool_id, is_running)
    SELECT DISTINCT bets.user_id, pools.game_id, bets.pool_id, 0 FROM bets JOIN pools ON pools.id = bets.pool_id
    WHERE bets.status = 'invalidated'
    ON CONFLICT DO NOTHING;
