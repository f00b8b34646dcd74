-- From version 9 to 10. Never changed after its release.

DROP INDEX events_of_game;

-- What one change tells of a game is one row of its log.
ALTER TABLE broadcasts RENAME COLUMN body TO bodies;
ALTER TABLE broadcasts ADD COLUMN messages INTEGER NOT NULL DEFAULT 1 CHECK (messages > 0);
