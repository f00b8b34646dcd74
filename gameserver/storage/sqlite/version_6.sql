-- From version 5 to 6. Never changed after its release.

-- Pools bound what a user may stake, and may let bets be cancelled.
ALTER TABLE pools ADD COLUMN min_stake INTEGER NOT NULL DEFAULT 1 CHECK (min_stake > 0);
ALTER TABLE pools ADD COLUMN max_stake INTEGER CHECK (max_stake > 0);
ALTER TABLE pools ADD COLUMN is_cancellable INTEGER NOT NULL DEFAULT 0 CHECK (is_cancellable IN (0, 1));
-- A time-based pool may wait for late news of what happened before its finish_at.
ALTER TABLE pools ADD COLUMN settle_delay_ms INTEGER NOT NULL DEFAULT 0 CHECK (settle_delay_ms BETWEEN 0 AND 600000);
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

-- A pool resolved by hand may have several winners.
ALTER TABLE settlements ADD COLUMN split TEXT NOT NULL DEFAULT 'profit' CHECK (split IN ('profit', 'pot'));
DROP TRIGGER settlements_stay;
CREATE TRIGGER settlements_stay
BEFORE UPDATE OF id, rowid, oid, _rowid_, pool_id, event_id, cause, position, takeout, settled_at, newest_bet_id, split
ON settlements BEGIN
    SELECT raise(ABORT, 'a settlement is never changed');
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
-- Games: what is set of a target, and the targets of the game that the targets of pools are.
ALTER TABLE targets ADD COLUMN is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1));
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
ALTER TABLE pool_targets ADD COLUMN target_id INTEGER REFERENCES targets (id);
WITH RECURSIVE named (id, game_id, key) AS (
    SELECT id, game_id, key FROM targets WHERE parent_id IS NULL
    UNION ALL
    SELECT targets.id, targets.game_id, named.key || ':' || targets.key
    FROM named JOIN targets ON targets.parent_id = named.id
)
UPDATE pool_targets SET target_id = named.id FROM pools JOIN named ON named.game_id = pools.game_id
WHERE pools.id = pool_targets.pool_id AND pools.action_id IS NOT NULL AND named.key = pool_targets.key;

-- Games: scores. points_to_all is NULL where no action scores.
ALTER TABLE actions ADD COLUMN points INTEGER CHECK (points BETWEEN -100 AND 100);
ALTER TABLE targets ADD COLUMN points INTEGER NOT NULL DEFAULT 0;
ALTER TABLE games ADD COLUMN points_to_all INTEGER;

-- Games: who may write in them.
ALTER TABLE games ADD COLUMN chat TEXT NOT NULL DEFAULT 'all' CHECK (chat IN ('all', 'accounts', 'off'));

-- Games: the clock of the match, which is NULL until it is set.
ALTER TABLE games ADD COLUMN clock_period TEXT;
ALTER TABLE games ADD COLUMN clock_elapsed_ms INTEGER CHECK (clock_elapsed_ms >= 0);
ALTER TABLE games ADD COLUMN clock_is_running INTEGER CHECK (clock_is_running IN (0, 1));
ALTER TABLE games ADD COLUMN clock_at INTEGER;

-- Games: lists of those that are over, of all of a source, of sources, and of all events.
CREATE INDEX closed_games ON games (source_id, id) WHERE closed_at IS NOT NULL;
CREATE INDEX games_of_source ON games (source_id, id);
CREATE INDEX open_sources ON sources (id) WHERE closed_at IS NULL;
ALTER TABLE events ADD COLUMN void_reason TEXT;
CREATE INDEX events_by_time ON events (game_id, happened_at, id);
-- Events know the ids that feeds give them, of which one that is not voided has each; games that they were cancelled.
ALTER TABLE events ADD COLUMN external_id TEXT;
CREATE UNIQUE INDEX events_of_feeds ON events (game_id, external_id) WHERE external_id IS NOT NULL AND voided_at IS NULL;
CREATE INDEX voided_events_of_feeds ON events (game_id, external_id) WHERE external_id IS NOT NULL;
ALTER TABLE games ADD COLUMN cancelled_at INTEGER;
-- What a client knows holds while the epoch is the same.
ALTER TABLE identity ADD COLUMN epoch TEXT; -- NULL in a backup, until a server starts on it
-- A session may be a view key.
ALTER TABLE sessions ADD COLUMN is_view INTEGER NOT NULL DEFAULT 0 CHECK (is_view IN (0, 1));

-- Games: what those of each source come to.
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
INSERT INTO source_sums (source_id, currency, games)
    SELECT source_id, currency, count(*) FROM games GROUP BY source_id, currency;
UPDATE source_sums SET pools = found.pools, bets = found.bets, staked = found.staked, paid = found.paid,
        takeout = found.takeout, refunded = found.ended - found.paid - found.takeout
    FROM (
        SELECT games.source_id, games.currency, count(*) AS pools, sum(bet_count) AS bets,
            sum(amount_total) AS staked, sum(coalesce(s.takeout, 0)) AS takeout,
            sum(CASE WHEN s.id IS NULL THEN 0 ELSE amount_total END) AS ended,
            sum(coalesce((SELECT sum(pot) FROM divisions WHERE settlement_id = s.id), 0)) AS paid
        FROM games JOIN pools ON pools.game_id = games.id LEFT JOIN settlements AS s ON s.id = pools.settlement_id
        GROUP BY games.source_id, games.currency
    ) AS found
    WHERE found.source_id = source_sums.source_id AND found.currency = source_sums.currency;
INSERT INTO source_bettors (source_id, user_id, pools)
    SELECT source_id, user_id, count(*) FROM participations JOIN games ON games.id = game_id GROUP BY source_id, user_id;
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
CREATE TRIGGER settlements_are_summed AFTER UPDATE OF settlement_id ON pools BEGIN
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
