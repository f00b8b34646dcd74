-- From version 3 to 4: pools have versions, sources an opener, and the database knows its server's secret again.
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

-- Sources from before admins_may_bet let their admins bet, as they did.
ALTER TABLE sources ADD COLUMN opened_by INTEGER REFERENCES users (id);
ALTER TABLE sources ADD COLUMN admins_may_bet INTEGER NOT NULL DEFAULT 0 CHECK (admins_may_bet IN (0, 1));
ALTER TABLE source_admins ADD COLUMN removed_at INTEGER;
ALTER TABLE game_admins ADD COLUMN removed_at INTEGER;
-- Only a provider has opened a source. Of several among its admins, the first to ask something of one of its games, or
-- else the one who has been a user longest, is taken for him.
UPDATE sources SET admins_may_bet = 1;
UPDATE sources SET opened_by = ranked.user_id FROM (
    SELECT a.source_id, a.user_id, row_number() OVER (
        PARTITION BY a.source_id ORDER BY users.is_provider DESC, asked.first NULLS LAST, a.user_id
    ) AS place
    FROM source_admins AS a JOIN users ON users.id = a.user_id
    LEFT JOIN (
        SELECT games.source_id, journal.user_id, min(journal.id) AS first
        FROM journal JOIN games ON games.id = journal.game_id GROUP BY games.source_id, journal.user_id
    ) AS asked ON asked.source_id = a.source_id AND asked.user_id = a.user_id
) AS ranked WHERE ranked.source_id = sources.id AND ranked.place = 1;
