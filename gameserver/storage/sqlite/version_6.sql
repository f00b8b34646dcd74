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
