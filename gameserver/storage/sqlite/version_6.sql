-- From version 5 to 6. Never changed after its release.

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
                coalesce(sum(sign * (SELECT sum(pot) FROM divisions WHERE settlement_id = s.id)), 0) AS paid
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
