"""The schema's version in a PostgreSQL database: making a new schema, and migrating an older one."""

from collections.abc import Callable, Sequence

import psycopg

from gameserver.storage.postgres.connection import PostgresConnection
from gameserver.storage.postgres.translation import translate
from gameserver.storage.postgres.version import FIRST_VERSION, LOCK, NEWEST_VERSION, schema_version
from gameserver.storage.sqlite.migrations import IncompatibleDatabase, schema_text, statements

# MIGRATIONS[i] is the script, in PostgreSQL's SQL, that turns version FIRST_VERSION + i into the next.
MIGRATIONS: tuple[Sequence[str], ...] = (
    # The sums of a source are added up with the commit; a database knows its place. What servers read with each batch
    # has another name, so that none of version 7 that still runs writes beside those that have games to themselves.
    (
        "ALTER TABLE announcements RENAME COLUMN at TO at_ms",
        "CREATE TABLE place (identifier TEXT NOT NULL)",
        "DROP TRIGGER pools_are_summed ON pools",
        "CREATE CONSTRAINT TRIGGER pools_are_summed AFTER INSERT ON pools"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pools_are_summed()",
        "DROP TRIGGER bets_are_summed ON pools",
        "CREATE CONSTRAINT TRIGGER bets_are_summed AFTER UPDATE OF amount_total, bet_count ON pools"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION bets_are_summed()",
        "DROP TRIGGER settlements_are_summed ON pools",
        "CREATE CONSTRAINT TRIGGER settlements_are_summed AFTER UPDATE OF settlement_id ON pools"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION settlements_are_summed()",
    ),
    (
        "DROP INDEX bets_of_user",
        "CREATE INDEX bets_of_user ON bets (pool_id, user_id, id)",
        "DROP INDEX running_participations",
        "CREATE INDEX running_participations ON participations (user_id, is_running, pool_id, game_id)"
        " WHERE is_running = 1",
    ),
    (
        # A user's bets in a pool are a chain, of which the stakes have the newest.
        "DROP TRIGGER bets_stay ON bets",
        "ALTER TABLE bets ADD COLUMN previous_id bigint",
        "UPDATE bets SET previous_id = chained.previous_id FROM"
        " (SELECT id, lag(id) OVER (PARTITION BY pool_id, user_id ORDER BY id) AS previous_id FROM bets) AS chained"
        " WHERE bets.id = chained.id AND chained.previous_id IS NOT NULL",
        "DROP INDEX bets_of_user",
        "CREATE TRIGGER bets_stay BEFORE UPDATE OF id, uuid, pool_id, user_id, position, amount, placed_at,"
        " after_journal_id, previous_id ON bets FOR EACH ROW EXECUTE FUNCTION bets_stay()",
        "CREATE OR REPLACE VIEW valid_bets AS SELECT * FROM bets WHERE invalidated_by IS NULL AND cancelled_at IS NULL",
        "ALTER TABLE stakes ADD COLUMN last_bet_id bigint",
        "INSERT INTO stakes (user_id, pool_id, position, amount, bets, last_bet_id)"
        " SELECT user_id, pool_id, position, 0, 0, max(id) FROM bets GROUP BY user_id, pool_id, position"
        " ON CONFLICT (user_id, pool_id, position) DO UPDATE SET last_bet_id = excluded.last_bet_id",
        "ALTER TABLE stakes ALTER COLUMN last_bet_id SET NOT NULL",
        "ALTER TABLE stakes DROP CONSTRAINT stakes_pkey, ADD PRIMARY KEY (pool_id, user_id, position)",
        "ALTER TABLE participations DROP CONSTRAINT participations_pkey, ADD PRIMARY KEY (pool_id, user_id)",
        "DROP INDEX participations_of_pool",
        "DROP INDEX transfers_of_bet",
        "CREATE INDEX admins_of_source ON source_admins (source_id)",
    ),
    # What one change tells of a game is one row of its log, which no server of an older version is to read or write.
    (
        "DROP INDEX events_of_game",
        "ALTER TABLE broadcasts RENAME COLUMN body TO bodies",
        "ALTER TABLE broadcasts ADD COLUMN messages bigint NOT NULL DEFAULT 1 CHECK (messages > 0)",
    ),
)


def migrate(connection: PostgresConnection) -> int | None:
    """Create the schema in an empty database, or run the migrations an older one lacks, in one transaction.

    Returns the older version that the database had; None if it had none, or had the newest. Raises
    `IncompatibleDatabase` for a database of a newer version and for one that is no gameserver's.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(?)", (LOCK,))
        version = schema_version(connection)
        if version is None:
            make_schema(connection)
            return None
        if version > NEWEST_VERSION:
            raise IncompatibleDatabase(f"the database has version {version}; this server knows up to {NEWEST_VERSION}")
        for script in MIGRATIONS[version - FIRST_VERSION :]:
            for statement in script:
                connection.execute_script(statement)
        connection.execute("UPDATE schema_version SET version = ?", (NEWEST_VERSION,))
    return version if version != NEWEST_VERSION else None


def make_schema(connection: PostgresConnection, fill: Callable[[], object] = lambda: None) -> None:
    """Make the tables in an empty database, in a transaction of the caller's; ``fill`` copies rows into them.

    What it copies is held against the keys, but causes nothing: triggers are made after it. Raises
    `IncompatibleDatabase` if there are tables.
    """
    _require_empty(connection)
    try:
        connection.execute_script("CREATE EXTENSION IF NOT EXISTS citext")
    except psycopg.Error as error:
        text = "the database needs the extension citext, which comes with PostgreSQL (Debian: in postgresql, Alpine: in"
        raise IncompatibleDatabase(f"{text} postgresql-contrib): {str(error).strip()}") from error
    rules = []
    for statement in translate(statements(schema_text())):
        if statement.startswith(("CREATE TRIGGER", "CREATE CONSTRAINT TRIGGER", "ALTER TABLE")):
            rules.append(statement)
        else:
            connection.execute_script(statement)
    fill()
    for rule in rules:
        connection.execute_script(rule)
    connection.execute("INSERT INTO schema_version (version) VALUES (?)", (NEWEST_VERSION,))


def require_current(connection: PostgresConnection) -> None:
    """Raise `IncompatibleDatabase` if the database does not have the newest schema version."""
    version = schema_version(connection)
    if version is None:
        raise IncompatibleDatabase("there is no gameserver in this database: start the server, which makes its tables")
    if version != NEWEST_VERSION:
        raise IncompatibleDatabase(
            f"the database has schema version {version}, and this program needs {NEWEST_VERSION}: make a backup, then"
            " start the server, which migrates the database"
        )


def _require_empty(connection: PostgresConnection) -> None:
    query = (
        "SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace"
    )
    if connection.execute(query).fetchone()[0]:
        raise IncompatibleDatabase("the database has tables of another program: give the server a database of its own")
