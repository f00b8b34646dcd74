-- From version 5 to 6. Never changed after its release.

-- Pools bound what a user may stake, and may let bets be cancelled.
ALTER TABLE pools ADD COLUMN min_stake INTEGER NOT NULL DEFAULT 1 CHECK (min_stake > 0);
ALTER TABLE pools ADD COLUMN max_stake INTEGER CHECK (max_stake > 0);
ALTER TABLE pools ADD COLUMN is_cancellable INTEGER NOT NULL DEFAULT 0 CHECK (is_cancellable IN (0, 1));
ALTER TABLE bets ADD COLUMN cancelled_at INTEGER;
ALTER TABLE bets ADD COLUMN cancelled_after_settlement_id INTEGER;
-- The bets that count: neither late nor cancelled.
CREATE VIEW valid_bets AS SELECT * FROM bets WHERE invalidated_by IS NULL AND cancelled_at IS NULL;
CREATE INDEX bets_of_user ON bets (user_id, pool_id, id);
CREATE TRIGGER bets_are_cancelled_once BEFORE UPDATE OF cancelled_at, cancelled_after_settlement_id ON bets
WHEN old.cancelled_at IS NOT NULL OR old.invalidated_by IS NOT NULL OR new.cancelled_at IS NULL
    OR (SELECT status FROM pools WHERE pools.id = old.pool_id) <> 'open' BEGIN
    SELECT raise(ABORT, 'a valid bet in an open pool is cancelled once');
END;

-- A hold blocks all pools of a game.
ALTER TABLE games ADD COLUMN held_at INTEGER; -- since when no pool of the game takes bets, whatever its own is_blocked says

-- A pool shows its admins what is to come, of its action too.
CREATE INDEX timers_of_action ON timers (action_id) WHERE action_id IS NOT NULL;

-- Pools keep how their targets came to be backed, from now on.
ALTER TABLE pools ADD COLUMN history_period_ms INTEGER NOT NULL DEFAULT 1 CHECK (history_period_ms > 0);
ALTER TABLE pools ADD COLUMN history_length INTEGER NOT NULL DEFAULT 0 CHECK (history_length >= 0); -- how many records there are, or fewer
ALTER TABLE pools ADD COLUMN last_bet_at INTEGER;
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
UPDATE pools SET version = version + 1, last_bet_at = (SELECT max(placed_at) FROM bets WHERE pool_id = pools.id)
WHERE EXISTS (SELECT 1 FROM bets WHERE pool_id = pools.id);
