-- From version 8 to 9. Never changed after its release.

-- A user's bets in a pool are a chain: previous_id is the bet before, the newest is that of the user's stakes.
DROP TRIGGER bets_stay;
ALTER TABLE bets ADD COLUMN previous_id INTEGER;
UPDATE bets SET previous_id = chained.previous_id
    FROM (SELECT id, lag(id) OVER (PARTITION BY pool_id, user_id ORDER BY id) AS previous_id FROM bets) AS chained
    WHERE bets.id = chained.id AND chained.previous_id IS NOT NULL;
DROP INDEX bets_of_user;
CREATE TRIGGER bets_stay
BEFORE UPDATE OF id, rowid, oid, _rowid_, uuid, pool_id, user_id, position, amount, placed_at, after_journal_id,
    previous_id ON bets
BEGIN
    SELECT raise(ABORT, 'of a bet only its validity changes');
END;

-- By pool first: those who bet in one pool at a time share pages, however much each has bet in others.
ALTER TABLE stakes RENAME TO stakes_by_user;
CREATE TABLE stakes (
    user_id INTEGER NOT NULL REFERENCES users (id),
    pool_id INTEGER NOT NULL REFERENCES pools (id),
    position INTEGER NOT NULL,
    amount INTEGER NOT NULL CHECK (amount >= 0),
    bets INTEGER NOT NULL DEFAULT 0 CHECK (bets >= 0),
    last_bet_id INTEGER NOT NULL,
    PRIMARY KEY (pool_id, user_id, position)
) STRICT, WITHOUT ROWID;
INSERT INTO stakes (user_id, pool_id, position, amount, bets, last_bet_id)
    SELECT user_id, pool_id, position, coalesce(s.amount, 0), coalesce(s.bets, 0), last_bet_id
    FROM (SELECT user_id, pool_id, position, max(id) AS last_bet_id FROM bets GROUP BY 1, 2, 3)
    LEFT JOIN stakes_by_user AS s USING (user_id, pool_id, position);
DROP TABLE stakes_by_user;
DROP INDEX participations_in_game;
DROP INDEX participations_of_pool;
DROP INDEX running_participations;
DROP TRIGGER bettors_come;
DROP TRIGGER bettors_go;
ALTER TABLE participations RENAME TO participations_by_user;
CREATE TABLE participations (
    user_id INTEGER NOT NULL REFERENCES users (id),
    game_id INTEGER NOT NULL REFERENCES games (id),
    pool_id INTEGER NOT NULL REFERENCES pools (id),
    is_running INTEGER NOT NULL DEFAULT 1 CHECK (is_running IN (0, 1)),
    net INTEGER NOT NULL DEFAULT 0,
    first_bet_at INTEGER NOT NULL DEFAULT 0,
    late_bets INTEGER NOT NULL DEFAULT 0,
    late_amount INTEGER NOT NULL DEFAULT 0,
    best_win INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (pool_id, user_id)
) STRICT, WITHOUT ROWID;
INSERT INTO participations
    (user_id, game_id, pool_id, is_running, net, first_bet_at, late_bets, late_amount, best_win)
    SELECT user_id, game_id, pool_id, is_running, net, first_bet_at, late_bets, late_amount, best_win
    FROM participations_by_user ORDER BY pool_id, user_id;
DROP TABLE participations_by_user;
CREATE INDEX participations_in_game ON participations (user_id, game_id, is_running, pool_id);
CREATE INDEX running_participations ON participations (user_id, is_running, pool_id, game_id) WHERE is_running = 1;
CREATE TRIGGER bettors_come AFTER INSERT ON participations BEGIN
    INSERT INTO source_bettors (source_id, user_id, pools)
        SELECT source_id, new.user_id, 1 FROM games WHERE id = new.game_id
        ON CONFLICT (source_id, user_id) DO UPDATE SET pools = pools + 1;
END;
CREATE TRIGGER bettors_go AFTER DELETE ON participations BEGIN
    UPDATE source_bettors SET pools = pools - 1
        WHERE user_id = old.user_id AND source_id = (SELECT source_id FROM games WHERE id = old.game_id);
END;

-- The transfers of a bet follow from it.
DROP INDEX transfers_of_bet;

CREATE INDEX admins_of_source ON source_admins (source_id);
