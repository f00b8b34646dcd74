-- From version 7 to 8. Never changed after its release.

-- By pool first: those who bet in one pool at a time share pages, however much each has bet in others.
DROP INDEX bets_of_user;
CREATE INDEX bets_of_user ON bets (pool_id, user_id, id);

-- SQLite prefers another index to one that lacks a column, be it in the condition.
DROP INDEX running_participations;
CREATE INDEX running_participations ON participations (user_id, is_running, pool_id, game_id) WHERE is_running = 1;
