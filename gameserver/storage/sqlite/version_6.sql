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
CREATE INDEX late_bets ON bets (pool_id, amount) WHERE invalidated_by IS NOT NULL;
