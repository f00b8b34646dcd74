-- From version 6 to 7, in the end: what the parts of users in pools that have ended come to. Never changed after its
-- release.

INSERT INTO game_records
    SELECT p.user_id, p.game_id, games.currency, games.type, count(*),
        sum(p.late_bets + counted.valid), sum(counted.won),
        sum(CASE WHEN counted.is_divided THEN counted.valid - counted.won ELSE 0 END),
        sum(p.late_bets + CASE WHEN counted.is_divided THEN 0 ELSE counted.valid END),
        sum(p.late_amount + counted.staked), sum(p.net), max(p.best_win), min(p.first_bet_at)
    FROM participations AS p JOIN games ON games.id = p.game_id
    JOIN (
        SELECT p.user_id, p.pool_id, coalesce(sum(s.bets), 0) AS valid, coalesce(sum(s.amount), 0) AS staked,
            coalesce(sum(CASE WHEN d.position IS NULL THEN 0 ELSE s.bets END), 0) AS won,
            EXISTS (SELECT 1 FROM divisions WHERE settlement_id = pools.settlement_id) AS is_divided
        FROM participations AS p JOIN pools ON pools.id = p.pool_id
        LEFT JOIN stakes AS s ON s.user_id = p.user_id AND s.pool_id = p.pool_id
        LEFT JOIN divisions AS d ON d.settlement_id = pools.settlement_id AND d.position = s.position
        WHERE pools.status <> 'open' GROUP BY p.user_id, p.pool_id
    ) AS counted ON counted.user_id = p.user_id AND counted.pool_id = p.pool_id
    GROUP BY p.user_id, p.game_id;
INSERT INTO user_records
    SELECT r.user_id, r.currency, r.type, count(*), sum(r.pools), sum(bets), sum(won), sum(lost), sum(refunded),
        sum(staked), sum(r.net), sum(reaction_ms)
    FROM game_records AS r
    JOIN (
        SELECT p.user_id, p.game_id, sum(p.first_bet_at - pools.start_at) AS reaction_ms
        FROM participations AS p JOIN pools ON pools.id = p.pool_id WHERE pools.status <> 'open'
        GROUP BY p.user_id, p.game_id
    ) AS reacted ON reacted.user_id = r.user_id AND reacted.game_id = r.game_id
    GROUP BY r.user_id, r.currency, r.type;
INSERT INTO points_by_day
    SELECT p.user_id, games.currency, (settled_at - settled_at % 86400000) / 86400000 AS day, max(settled_at), sum(p.net)
    FROM participations AS p JOIN pools ON pools.id = p.pool_id JOIN settlements ON settlements.id = settlement_id
    JOIN games ON games.id = p.game_id WHERE p.net <> 0 GROUP BY p.user_id, games.currency, day;
