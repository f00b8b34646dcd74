"""The schema in PostgreSQL is that of schema.sql."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from psycopg.errors import UndefinedColumn

from gameserver.storage.check import find_faults
from gameserver.storage.postgres.connection import PostgresConnection, open_writer
from gameserver.storage.postgres.migrations import MIGRATIONS, migrate, require_current
from gameserver.storage.postgres.translation import translate
from gameserver.storage.postgres.version import FIRST_VERSION, NEWEST_VERSION, schema_version
from gameserver.storage.sqlite.connection import open_memory
from gameserver.storage.sqlite.migrations import IncompatibleDatabase

# What PostgreSQL alone has, and what it needs not, as it never replaces a row.
OWN_TABLES = {"announcements", "nodes", "place", "schema_version"}
NOT_NEEDED = {"bets_are_new", "settlements_are_new", "transfers_are_new", "accounts_are_new"}
ANY_CASE = {("users", "username")}
TYPES = {"INTEGER": "bigint", "TEXT": "text", "BLOB": "bytea"}


@pytest.fixture
def file() -> Iterator[sqlite3.Connection]:
    """The same schema in SQLite."""
    with closing(open_memory()) as opened:
        yield opened


def tables_of(file: sqlite3.Connection) -> list[str]:
    rows = file.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    return [name for (name,) in rows]


def test_the_tables_and_columns_are_the_same(connection: PostgresConnection, file: sqlite3.Connection) -> None:
    expected = {
        (table, name, "USER-DEFINED" if (table, name) in ANY_CASE else TYPES[type_], bool(required or key))
        for table in tables_of(file)
        for _, name, type_, required, _, key in file.execute(f"PRAGMA table_info ({table})")
    }
    rows = connection.execute(
        "SELECT c.table_name, c.column_name, c.data_type, c.is_nullable FROM information_schema.columns AS c"
        " JOIN information_schema.tables AS t USING (table_schema, table_name)"
        " WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND column_name <> 'rowid'"
    )
    found = {(table, name, type_, nullable == "NO") for table, name, type_, nullable in rows if table not in OWN_TABLES}
    assert found == expected


def test_the_defaults_are_the_same(connection: PostgresConnection, file: sqlite3.Connection) -> None:
    expected = {
        (table, name, default)
        for table in tables_of(file)
        for _, name, _, _, default, _ in file.execute(f"PRAGMA table_info ({table})")
        if default is not None
    }
    rows = connection.execute(
        "SELECT table_name, column_name, column_default FROM information_schema.columns"
        " WHERE table_schema = 'public' AND column_default IS NOT NULL"
    )
    found = {(table, name, default.removesuffix("::text").removesuffix("::bigint")) for table, name, default in rows}
    assert found == expected


def test_the_keys_and_indexes_are_the_same(connection: PostgresConnection, file: sqlite3.Connection) -> None:
    expected = {name for (name,) in file.execute("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql <> ''")}
    rows = connection.execute("SELECT indexname FROM pg_indexes WHERE schemaname = 'public'")
    assert expected <= {name for (name,) in rows}
    references = {
        (table, row[2]) for table in tables_of(file) for row in file.execute(f"PRAGMA foreign_key_list ({table})")
    }
    found = connection.execute(
        "SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint WHERE contype = 'f'"
    )
    assert {tuple(row) for row in found} == references


def test_the_checks_are_the_same_in_number(connection: PostgresConnection, file: sqlite3.Connection) -> None:
    for table in tables_of(file):
        (sql,) = file.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
        (found,) = connection.execute(
            "SELECT count(*) FROM pg_constraint WHERE contype = 'c' AND conrelid = CAST(? AS regclass)", (table,)
        ).fetchone()
        assert (table, found) == (table, sql.count("CHECK ("))


def test_every_trigger_that_is_needed_is_there(connection: PostgresConnection, file: sqlite3.Connection) -> None:
    expected = {name for (name,) in file.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'")}
    rows = connection.execute("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal")
    found = {name for (name,) in rows if not name.endswith("_whole")} - {"ids_follow"}
    assert expected - found == NOT_NEEDED
    assert found <= expected


def test_a_column_may_refer_to_a_table_that_is_made_later() -> None:
    made = list(translate(["CREATE TABLE a (\n    b_id INTEGER REFERENCES b (id) -- no matter\n) STRICT;"]))
    assert "CREATE TABLE a (b_id BIGINT, rowid BIGINT GENERATED ALWAYS AS IDENTITY)" in made
    assert "ALTER TABLE a ADD FOREIGN KEY (b_id) REFERENCES b (id)" in made


def test_an_id_that_was_given_is_not_given_again(connection: PostgresConnection) -> None:
    name = "INSERT INTO users (username, is_provider, created_at) VALUES (?, 0, 0)"
    assert connection.insert(name, ("ann",)) == 1
    columns = ("id", "username", "is_provider", "created_at")
    connection.insert_many("users", columns, [(7, "bob", 0, 0), (2, "cat", 0, 0)])
    assert connection.insert(name, ("dan",)) == 8


def test_migrating_again_changes_nothing(connection: PostgresConnection) -> None:
    assert migrate(connection) is None
    assert schema_version(connection) == NEWEST_VERSION
    require_current(connection)


def test_a_database_without_tables_is_not_current_until_they_are_made(empty_url: str) -> None:
    with open_writer(empty_url) as connection:
        with pytest.raises(IncompatibleDatabase, match="no gameserver"):
            require_current(connection)
        assert migrate(connection) is None
        require_current(connection)


def test_a_database_of_another_program_is_refused_and_left_as_it_is(empty_url: str) -> None:
    with open_writer(empty_url) as connection:
        connection.execute("CREATE TABLE theirs (id BIGINT)")
        with pytest.raises(IncompatibleDatabase, match="another program"):
            migrate(connection)
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (1,)


def test_a_database_of_a_newer_version_is_refused(connection: PostgresConnection) -> None:
    with connection.transaction():
        connection.execute("UPDATE schema_version SET version = version + 1")
    try:
        with pytest.raises(IncompatibleDatabase, match=f"knows up to {NEWEST_VERSION}"):
            migrate(connection)
    finally:
        connection.execute("UPDATE schema_version SET version = version - 1")


# What a server of version 7 begins each batch with, bets by sharing the database with whoever else writes.
BEGIN_7 = (
    "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock_shared(1734438245);"
    " SELECT id, at, node, body FROM announcements WHERE id > 0 ORDER BY id LIMIT 500"
)


def test_a_server_of_version_7_that_still_runs_writes_no_more(connection: PostgresConnection) -> None:
    """It knows nothing of games that others have to themselves: its bets would slip into their settlements."""
    with pytest.raises(UndefinedColumn):
        connection.execute_script(BEGIN_7)
    connection.execute("ROLLBACK")


def _make_keys_of_version_7(connection: PostgresConnection) -> None:
    """Give the tables of bets and broadcasts the columns, keys and indexes they had."""
    for statement in (
        "DROP VIEW valid_bets",
        "DROP TRIGGER bets_stay ON bets",
        "ALTER TABLE bets DROP previous_id",
        "CREATE TRIGGER bets_stay BEFORE UPDATE OF id, uuid, pool_id, user_id, position, amount, placed_at,"
        " after_journal_id ON bets FOR EACH ROW EXECUTE FUNCTION bets_stay()",
        "CREATE VIEW valid_bets AS SELECT * FROM bets WHERE invalidated_by IS NULL AND cancelled_at IS NULL",
        "CREATE INDEX bets_of_user ON bets (user_id, pool_id, id)",
        "CREATE INDEX transfers_of_bet ON transfers (bet_id) WHERE bet_id IS NOT NULL",
        "ALTER TABLE stakes DROP last_bet_id, DROP CONSTRAINT stakes_pkey",
        "ALTER TABLE stakes ADD PRIMARY KEY (user_id, pool_id, position)",
        "ALTER TABLE participations DROP CONSTRAINT participations_pkey, ADD PRIMARY KEY (user_id, pool_id)",
        "CREATE INDEX participations_of_pool ON participations (pool_id)",
        "DROP INDEX admins_of_source",
        "DROP INDEX running_participations",
        "CREATE INDEX running_participations ON participations (user_id, pool_id) WHERE is_running = 1",
        "CREATE INDEX events_of_game ON events (game_id, id)",
        "ALTER TABLE broadcasts DROP messages",
        "ALTER TABLE broadcasts RENAME bodies TO body",
    ):
        connection.execute(statement)


def _insert_bets_of_version_7(connection: PostgresConnection) -> None:
    """Bets of three users in a pool, of whom the second has cancelled his, which left no stake."""
    with connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")  # neither references nor triggers
        for user_id, position in ((1, 0), (2, 0), (1, 1), (1, 0), (3, 0)):
            connection.execute(
                "INSERT INTO bets (uuid, pool_id, user_id, position, amount, placed_at, after_journal_id)"
                " VALUES (gen_random_uuid(), 1, ?, ?, 10, 1, 0)",
                (user_id, position),
            )
        connection.execute("INSERT INTO stakes VALUES (1, 1, 0, 20, 2), (1, 1, 1, 10, 1), (3, 1, 0, 10, 1)")
        for user_id in (1, 2, 3):  # to whom what is kept of them refers
            connection.execute("INSERT INTO users VALUES (?, CAST(? AS text), 0, 0)", (user_id, user_id))
        connection.execute(
            "INSERT INTO pools (id, uuid, game_id, type, description, target_level, unlisted_target,"
            " takeout_millionths, created_at, start_at, recreate_on_end, is_blocked, status)"
            " VALUES (1, gen_random_uuid(), 1, 3, '', 1, 'none', 0, 1, 1, 0, 0, 'open')"
        )


def test_a_database_of_version_7_becomes_what_a_new_one_is(connection: PostgresConnection, empty_url: str) -> None:
    triggers = "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal ORDER BY tgrelid, tgname"
    indexes = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname"
    with open_writer(empty_url) as older:
        migrate(older)
        with older.transaction():
            for name, definition in older.execute(triggers).fetchall():
                if definition.startswith("CREATE CONSTRAINT TRIGGER"):
                    table = definition.partition(" ON ")[2].split()[0]
                    older.execute(f"DROP TRIGGER {name} ON {table}")
                    plain = definition.replace("CONSTRAINT ", "").replace(" DEFERRABLE INITIALLY DEFERRED", "")
                    older.execute(plain)
            older.execute("DROP TABLE place")
            older.execute("ALTER TABLE announcements RENAME at_ms TO at")
            _make_keys_of_version_7(older)
            older.execute("UPDATE schema_version SET version = 7")
        older.execute_script(BEGIN_7)
        older.execute("ROLLBACK")
        _insert_bets_of_version_7(older)
        for defined in (triggers, indexes):
            assert older.execute(defined).fetchall() != connection.execute(defined).fetchall()
        assert migrate(older) == 7
        for defined in (triggers, indexes):
            assert older.execute(defined).fetchall() == connection.execute(defined).fetchall()
        older.execute("SELECT at_ms FROM announcements")
        chains = older.execute("SELECT id, previous_id FROM valid_bets ORDER BY id").fetchall()
        assert chains == [(1, None), (2, None), (3, 1), (4, 3), (5, None)]
        stakes = older.execute("SELECT user_id, position, amount, bets, last_bet_id FROM stakes ORDER BY 1, 2")
        assert stakes.fetchall() == [(1, 0, 20, 2, 4), (1, 1, 10, 1, 3), (2, 0, 0, 0, 2), (3, 0, 10, 1, 5)]
        assert schema_version(older) == NEWEST_VERSION == FIRST_VERSION + len(MIGRATIONS)


@pytest.mark.parametrize("act", ["DROP TRIGGER bets_stay ON bets", "ALTER TABLE bets DISABLE TRIGGER bets_stay"])
def test_a_trigger_that_is_missing_or_disabled_is_named_by_a_check(connection: PostgresConnection, act: str) -> None:
    assert find_faults(connection) == []
    connection.execute("BEGIN")  # other tests use the tables
    connection.execute(act)
    faults = find_faults(connection)
    connection.execute("ROLLBACK")
    assert faults == ["the trigger bets_stay is missing or disabled: what it refuses is not refused"]
