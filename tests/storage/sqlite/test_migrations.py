import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gameserver.storage.check import find_faults
from gameserver.storage.check_records import CHECKS
from gameserver.storage.epoch import adopt_epoch
from gameserver.storage.ledger import get_balances, get_minted, insert_credit
from gameserver.storage.schedule import first_due
from gameserver.storage.secret import adopt_secret
from gameserver.storage.sqlite.connection import SqliteConnection, open_writer
from gameserver.storage.sqlite.migrations import (
    MIGRATIONS,
    IncompatibleDatabase,
    Migration,
    migrate,
    schema_text,
    statements,
)

VERSION_1 = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT) STRICT;\n"
VERSION_3 = (
    "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, age INTEGER) STRICT;\n"
    "CREATE INDEX users_by_name ON users (name);\n"
)


def add_age(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE users ADD COLUMN age INTEGER")


def add_index(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE INDEX users_by_name ON users (name)")


def fail(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM users")
    raise RuntimeError


FAKES: list[Migration] = [add_age, add_index]


@pytest.fixture
def empty(database: Path) -> Iterator[SqliteConnection]:
    """A connection to a file in which there is nothing."""
    with closing(open_writer(database)) as opened:
        yield opened


@pytest.fixture
def old(empty: SqliteConnection) -> SqliteConnection:
    """A connection to a file of version 1 that has a row."""
    migrate(empty, VERSION_1, [])
    empty.execute("INSERT INTO users VALUES (1, 'ann')")
    return empty


def version_of(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def schema_of(connection: sqlite3.Connection) -> list[tuple[str, str, str]]:
    rows = connection.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_schema ORDER BY type, name")
    return [(kind, name, " ".join(sql.split())) for kind, name, sql in rows]


def contents_of(connection: sqlite3.Connection) -> list[str]:
    return list(connection.iterdump())


def newest_schema() -> list[tuple[str, str, str]]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as fresh:
        migrate(fresh, VERSION_3, FAKES)
        return schema_of(fresh)


def test_a_new_file_gets_the_schema_and_its_version(empty: SqliteConnection) -> None:
    migrate(empty)
    tables = {name for kind, name, _ in schema_of(empty) if kind == "table"}
    assert {"users", "sessions", "sources", "games", "targets", "timers", "broadcasts", "stored_replies"} <= tables
    assert version_of(empty) == len(MIGRATIONS) + 1


def test_every_table_of_the_schema_is_strict(empty: SqliteConnection) -> None:
    migrate(empty)
    loose = "SELECT name FROM pragma_table_list WHERE type = 'table' AND schema = 'main' AND NOT strict"
    assert [name for (name,) in empty.execute(loose) if not name.startswith("sqlite_")] == []


def test_migrating_again_changes_nothing(empty: SqliteConnection) -> None:
    assert migrate(empty) is None
    before = contents_of(empty)
    assert migrate(empty) is None
    assert contents_of(empty) == before


def test_a_migrated_file_has_the_schema_of_a_new_one_and_keeps_its_rows(old: SqliteConnection) -> None:
    assert migrate(old, VERSION_3, FAKES) == 1
    assert version_of(old) == 3
    assert schema_of(old) == newest_schema()
    assert old.execute("SELECT * FROM users").fetchall() == [(1, "ann", None)]


def test_only_the_migrations_that_are_missing_are_run(old: SqliteConnection) -> None:
    migrate(old, VERSION_3, FAKES[:1])
    assert version_of(old) == 2
    migrate(old, VERSION_3, FAKES)
    assert schema_of(old) == newest_schema()


def test_a_new_file_runs_no_migrations(empty: SqliteConnection) -> None:
    migrate(empty, VERSION_3, [fail, fail])
    assert version_of(empty) == 3


def test_a_file_of_a_newer_version_is_refused_as_it_is(old: SqliteConnection) -> None:
    migrate(old, VERSION_3, FAKES)
    before = contents_of(old)
    with pytest.raises(IncompatibleDatabase, match="version 3"):
        migrate(old, VERSION_1, [])
    assert (version_of(old), contents_of(old)) == (3, before)


@pytest.mark.parametrize("version", [0, 1])
def test_a_database_of_another_program_is_refused_as_it_is(empty: SqliteConnection, version: int) -> None:
    empty.execute("CREATE TABLE bookmarks (address TEXT)")
    empty.execute(f"PRAGMA user_version = {version}")
    before = contents_of(empty)
    with pytest.raises(IncompatibleDatabase, match="another program"):
        migrate(empty)
    assert (version_of(empty), contents_of(empty)) == (version, before)


@pytest.mark.parametrize("fakes", [[fail, add_index], [add_age, fail]])
def test_a_migration_that_fails_leaves_the_file_as_it_was(old: SqliteConnection, fakes: list[Migration]) -> None:
    before = contents_of(old)
    with pytest.raises(RuntimeError):
        migrate(old, VERSION_3, fakes)
    assert not old.in_transaction
    assert (version_of(old), contents_of(old)) == (1, before)


def test_a_schema_that_fails_leaves_the_file_empty(empty: SqliteConnection) -> None:
    with pytest.raises(sqlite3.OperationalError):
        migrate(empty, VERSION_1 + "CREATE NONSENSE;\n", [])
    assert (version_of(empty), schema_of(empty)) == (0, [])


def test_a_script_is_split_into_its_statements() -> None:
    script = "-- a; b\nCREATE TABLE a (\n  b TEXT -- c;\n);\n\nINSERT INTO a VALUES (';');\n-- end\n"
    assert [part.strip() for part in statements(script)] == [
        "-- a; b\nCREATE TABLE a (\n  b TEXT -- c;\n);",
        "INSERT INTO a VALUES (';');",
    ]


def test_the_script_of_the_schema_is_used_to_its_end() -> None:
    assert "".join(statements(schema_text())).strip() == schema_text().strip()


# Rows of older files are written as their versions wrote them: today's storage functions know today's columns.
_USERS_AND_GAME = """
INSERT INTO users (username, is_provider, created_at) VALUES ('ann', 1, 5), ('bob', 0, 6);
INSERT INTO sources (uuid, name, takeout_millionths, created_at)
VALUES ('00000000-0000-7000-8000-00000000000a', 'House', 0, 5);
INSERT INTO games (uuid, source_id, name, type, currency, created_at, open_at, live_start_at, close_at, opened_at, seq)
VALUES ('00000000-0000-7000-8000-00000000000b', 1, 'A - B', 'football', 'DON', 5, 5, 5, 9, 5, 2);
INSERT INTO broadcasts (game_id, seq, sent_at, body) VALUES (1, 1, 5, x'7b7d'), (1, 2, 6, x'7b7d');
INSERT INTO timers (due_at, kind, game_id) VALUES (9, 40, 1);
"""
# User 1 has bet 300, and user 2 has an account never used.
_POOL_AND_BET = """
INSERT INTO pools (uuid, game_id, type, description, target_level, unlisted_target, takeout_millionths, created_at,
    start_at, recreate_on_end, is_blocked, participants, amount_total, bet_count)
VALUES ('00000000-0000-7000-8000-00000000000c', 1, 3, 'Penalty?', 0, 'stay_open', 0, 6, 6, 0, 0, 1, 300, 1);
INSERT INTO pool_targets (pool_id, position, key, display_name, backing_people, backing_money)
VALUES (1, 0, 'yes', 'Yes', 1, 300), (1, 1, 'no', 'No', 0, 0);
INSERT INTO bets (uuid, pool_id, user_id, position, amount, placed_at, after_journal_id)
VALUES ('00000000-0000-7000-8000-00000000000d', 1, 1, 0, 300, 7, 0);
INSERT INTO participations (user_id, game_id, pool_id) VALUES (1, 1, 1);
INSERT INTO stakes (user_id, pool_id, position, amount) VALUES (1, 1, 0, 300);
INSERT INTO accounts (kind, user_id, currency)
VALUES ('mint', NULL, 'DON'), ('available', 1, 'DON'), ('staked', 1, 'DON'), ('available', 2, 'DON');
INSERT INTO transfers (debit_id, credit_id, amount, reason, bet_id, made_at)
VALUES (1, 2, 300, 'credit', NULL, 7), (2, 3, 300, 'stake', 1, 7);
"""

# The teams a and b, with players; in a second game the same names.
_TARGETS_AND_POOLS = """
INSERT INTO games (uuid, source_id, name, type, currency, created_at, open_at, live_start_at, opened_at, seq)
VALUES ('00000000-0000-7000-8000-0000000000b2', 1, 'A - B', 'football', 'DON', 5, 5, 5, 5, 0);
INSERT INTO actions (game_id, key, name) VALUES (1, 'goal', 'Goal'), (2, 'goal', 'Goal');
INSERT INTO targets (id, game_id, parent_id, key, display_name)
VALUES (1, 2, NULL, 'a', 'A'), (2, 2, 1, '1', 'One'), (3, 1, NULL, 'a', 'A'), (4, 1, 3, '1', '1'), (5, 1, 4, 'x', 'X'),
    (6, 1, NULL, 'b', 'B'), (7, 1, NULL, 'none', 'None'), (8, 2, NULL, 'none', 'None');
INSERT INTO pools (id, uuid, game_id, type, description, action_id, target_level, unlisted_target, takeout_millionths,
    created_at, start_at, recreate_on_end, is_blocked)
VALUES (2, '00000000-0000-7000-8000-0000000000c2', 1, 1, 'Who?', 1, 3, 'stay_open', 0, 6, 6, 0, 0),
    (3, '00000000-0000-7000-8000-0000000000c3', 2, 1, 'Who?', 2, 2, 'stay_open', 0, 6, 6, 0, 0);
INSERT INTO pool_targets (pool_id, position, key, display_name)
VALUES (2, 0, 'a:1:x', 'X'), (2, 1, 'none', 'None'), (3, 0, 'none', 'None'), (3, 1, 'a:1', 'One');
"""


def old_file(connection: SqliteConnection, version: int, rows: str) -> SqliteConnection:
    """A file of an older version, with rows written by an SQL script."""
    schema = Path(__file__).with_name(f"schema_{version}.sql").read_text(encoding="utf-8")
    migrate(connection, schema, MIGRATIONS[: version - 1])
    for statement in statements(rows):
        connection.execute(statement)
    return connection


@pytest.fixture
def version_1(empty: SqliteConnection) -> SqliteConnection:
    """A connection to a file of version 1 with two users and a game that is to be closed."""
    return old_file(empty, 1, _USERS_AND_GAME)


@pytest.fixture
def version_2(empty: SqliteConnection) -> SqliteConnection:
    """A connection to a file of version 2 with a bet."""
    return old_file(empty, 2, _USERS_AND_GAME + _POOL_AND_BET)


@pytest.fixture
def version_3(empty: SqliteConnection) -> SqliteConnection:
    """A connection to a file of version 3 with a bet."""
    return old_file(empty, 3, _USERS_AND_GAME + _POOL_AND_BET)


@pytest.fixture
def version_4(empty: SqliteConnection) -> SqliteConnection:
    """A connection to a file of version 4 with a bet."""
    return old_file(empty, 4, _USERS_AND_GAME + _POOL_AND_BET)


@pytest.fixture
def version_5(empty: SqliteConnection) -> SqliteConnection:
    """A connection to a file of version 5 with a bet, and two pools on targets of the game."""
    return old_file(empty, 5, _USERS_AND_GAME + _POOL_AND_BET + _TARGETS_AND_POOLS)


@pytest.fixture
def version_6(empty: SqliteConnection) -> SqliteConnection:
    """A connection to a file of version 6 with a bet, and two pools on targets of the game."""
    return old_file(empty, 6, _USERS_AND_GAME + _POOL_AND_BET + _TARGETS_AND_POOLS)


@pytest.fixture
def version_7(empty: SqliteConnection) -> SqliteConnection:
    """A connection to a file of version 7 with a bet, and two pools on targets of the game."""
    return old_file(empty, 7, _USERS_AND_GAME + _POOL_AND_BET + _TARGETS_AND_POOLS)


@pytest.fixture
def version_8(empty: SqliteConnection) -> SqliteConnection:
    """A connection to a file of version 8 with a bet, and two pools on targets of the game."""
    return old_file(empty, 8, _USERS_AND_GAME + _POOL_AND_BET + _TARGETS_AND_POOLS)


@pytest.fixture
def version_9(empty: SqliteConnection) -> SqliteConnection:
    """A connection to a file of version 9 with a bet, and two pools on targets of the game."""
    stakes = "INSERT INTO stakes (user_id, pool_id, position, amount"
    bet = _POOL_AND_BET.replace(
        f"{stakes}) VALUES (1, 1, 0, 300)", f"{stakes}, bets, last_bet_id) VALUES (1, 1, 0, 300, 1, 1)"
    )
    return old_file(empty, 9, _USERS_AND_GAME + bet + _TARGETS_AND_POOLS)


def test_bringing_a_file_up_to_date_is_told_before_it_begins_and_only_where_there_is_something_to_do(
    version_6: SqliteConnection, caplog: pytest.LogCaptureFixture
) -> None:
    newest = len(MIGRATIONS) + 1
    with caplog.at_level(logging.INFO):
        migrate(version_6)
        migrate(version_6)
    assert caplog.messages == [f"bringing the database from version 6 to version {newest}"]


def tables_of(connection: sqlite3.Connection) -> dict[str, list[tuple[Any, ...]]]:
    """The columns of each table, with all that is declared of them."""
    names = [name for kind, name, _ in schema_of(connection) if kind == "table"]
    return {name: connection.execute(f"PRAGMA table_xinfo({name})").fetchall() for name in names}


def references_of(connection: sqlite3.Connection) -> dict[str, set[tuple[object, ...]]]:
    """What the columns of each table refer to."""
    return {
        name: {row[2:] for row in connection.execute(f"PRAGMA foreign_key_list({name})")}
        for name in tables_of(connection)
    }


@pytest.mark.parametrize("version", [f"version_{number}" for number in range(1, 10)])
def test_a_file_of_an_older_version_gets_the_schema_of_a_new_one(version: str, request: pytest.FixtureRequest) -> None:
    migrated: SqliteConnection = request.getfixturevalue(version)
    migrate(migrated)
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as fresh:
        migrate(fresh)
        assert version_of(migrated) == version_of(fresh) == 10
        assert tables_of(migrated) == tables_of(fresh)
        assert references_of(migrated) == references_of(fresh)
        ours, theirs = ([row for row in schema_of(it) if row[0] != "table"] for it in (migrated, fresh))
        assert ours == theirs


def test_the_accounts_of_a_file_of_version_2_know_what_moved_them_last(version_2: SqliteConnection) -> None:
    migrate(version_2)
    accounts = version_2.execute("SELECT kind, user_id, balance, moved_by FROM accounts ORDER BY id").fetchall()
    assert accounts == [
        ("mint", None, -300, 1),
        ("available", 1, 0, 2),
        ("staked", 1, 300, 2),
        ("available", 2, 0, 0),
    ]
    assert find_faults(version_2) == []


def test_the_ledger_of_a_file_of_version_2_goes_on_and_can_no_longer_be_edited(version_2: SqliteConnection) -> None:
    migrate(version_2)
    insert_credit(version_2, 1, "DON", 50, 9)
    with pytest.raises(sqlite3.IntegrityError, match="accounts are changed by transfers alone"):
        version_2.execute("UPDATE accounts SET balance = 1000 WHERE user_id = 1")
    assert get_balances(version_2, 1, "DON") == (50, 300)


def test_a_file_of_version_1_keeps_its_rows_and_its_users_get_1000_units(version_1: SqliteConnection) -> None:
    before = {name: version_1.execute(f"SELECT * FROM {name}").fetchall() for name in tables_of(version_1)}
    migrate(version_1)
    for name, rows in before.items():
        migrated = version_1.execute(f"SELECT * FROM {name}").fetchall()
        assert [row[: len(old)] for row, old in zip(migrated, rows, strict=True)] == rows
    assert [get_balances(version_1, user, "DON") for user in (1, 2)] == [(100_000, 0)] * 2
    assert get_minted(version_1, "DON") == 200_000
    assert [row[0] for row in version_1.execute("SELECT made_at FROM transfers ORDER BY id")] == [5, 6]
    timer = first_due(version_1, 9)
    assert timer is not None
    assert (timer.pool_id, timer.action_id) == (None, None)


def test_a_file_of_version_1_without_users_has_no_accounts(empty: SqliteConnection) -> None:
    migrate(old_file(empty, 1, ""))
    assert empty.execute("SELECT * FROM accounts").fetchall() == []
    assert find_faults(empty) == []


def test_a_file_of_version_1_is_sound_afterwards(version_1: SqliteConnection) -> None:
    migrate(version_1)
    assert find_faults(version_1) == []


def test_a_file_of_version_3_keeps_its_rows_and_its_pools_have_versions(version_3: SqliteConnection) -> None:
    told_otherwise = {
        "bets": {"status", "payout", "settled_at"},
        "settlements": {"is_money_return"},
        "broadcasts": {"body"},
    }
    kept = {
        name: ", ".join(column[1] for column in columns if column[1] not in told_otherwise.get(name, ()))
        for name, columns in tables_of(version_3).items()
    }
    before = {name: version_3.execute(f"SELECT {columns} FROM {name}").fetchall() for name, columns in kept.items()}
    migrate(version_3)
    for name, columns in kept.items():
        assert version_3.execute(f"SELECT {columns} FROM {name}").fetchall() == before[name]
    assert version_3.execute("SELECT version > 0 FROM pools").fetchall() == [(1,)]
    (last_bet_at,) = version_3.execute("SELECT max(placed_at) FROM bets").fetchone()
    assert version_3.execute("SELECT last_bet_at FROM pools").fetchall() == [(last_bet_at,)]
    assert find_faults(version_3) == []


def test_who_bet_too_late_in_a_file_of_version_3_took_part_afterwards(version_3: SqliteConnection) -> None:
    version_3.execute(
        "INSERT INTO bets (uuid, pool_id, user_id, position, amount, placed_at, after_journal_id, status)"
        " SELECT replace(uuid, substr(uuid, 1, 8), 'ffffffff'), pool_id, 2, position, 5, 9, 0, 'invalidated' FROM bets"
    )
    before = version_3.execute("SELECT * FROM participations").fetchall()
    migrate(version_3)
    (pool, game) = version_3.execute("SELECT id, game_id FROM pools").fetchone()
    kept = "SELECT user_id, game_id, pool_id, is_running, net FROM participations"
    assert version_3.execute(kept).fetchall() == [*before, (2, game, pool, 0, 0)]


@pytest.mark.parametrize(
    ("admins", "asked", "opener"),
    [
        ((1, 2), (2, 2), 1),  # the only provider, whoever asked first
        ((1, 2, 3), (2, 3, 1), 3),  # of two providers the one who asked first
        ((1, 3), (2,), 1),  # and the older user where neither has asked
        ((2,), (), 2),
        ((), (), None),
    ],
)
def test_the_sources_of_a_file_of_version_3_let_their_admins_bet_and_have_an_opener(
    version_3: sqlite3.Connection, admins: tuple[int, ...], asked: tuple[int, ...], opener: int | None
) -> None:
    version_3.execute("INSERT INTO users (username, is_provider, created_at) VALUES ('cat', 1, 7)")
    version_3.executemany("INSERT INTO source_admins VALUES (?, 1)", [(user,) for user in admins])
    request = "INSERT INTO journal (game_id, at, user_id, op, parameters) VALUES (1, 5, ?, 370, '{}')"
    version_3.executemany(request, [(user,) for user in asked])
    migrate(version_3)
    assert version_3.execute("SELECT opened_by, admins_may_bet FROM sources").fetchall() == [(opener, 1)]
    removed = version_3.execute("SELECT DISTINCT removed_at FROM source_admins").fetchall()
    assert removed == [(None,)] * bool(admins)


def test_the_sessions_of_a_file_of_version_5_are_no_view_keys(version_5: SqliteConnection) -> None:
    version_5.execute("INSERT INTO sessions VALUES ('s', 1, 5, 9)")
    migrate(version_5)
    assert version_5.execute("SELECT * FROM sessions").fetchall() == [("s", 1, 5, 9, 0)]


@pytest.mark.parametrize("version", [0, 1])
def test_a_change_of_a_pool_that_does_not_raise_its_version_is_refused(
    version_3: SqliteConnection, version: int
) -> None:
    migrate(version_3)
    with pytest.raises(sqlite3.IntegrityError, match="a change of a pool raises its version"):
        version_3.execute("UPDATE pools SET is_blocked = 1, version = ?", (version,))


def test_the_pools_of_a_file_of_version_5_know_the_targets_of_their_games(version_5: SqliteConnection) -> None:
    migrate(version_5)
    rows = version_5.execute("SELECT pool_id, key, target_id FROM pool_targets ORDER BY pool_id, position").fetchall()
    assert rows == [
        (1, "yes", None),
        (1, "no", None),
        (2, "a:1:x", 5),
        (2, "none", 7),
        (3, "none", 8),
        (3, "a:1", 2),
    ]
    assert version_5.execute("SELECT DISTINCT is_active FROM targets").fetchall() == [(1,)]
    assert find_faults(version_5) == []


def test_a_file_of_version_5_that_knows_its_secret_gets_an_epoch_when_a_server_opens_it(
    version_5: SqliteConnection,
) -> None:
    adopt_secret(version_5, b"s" * 32)
    assert migrate(version_5) == 5
    assert version_5.execute("SELECT epoch FROM identity").fetchall() == [(None,)]
    assert adopt_secret(version_5, b"s" * 32) == 0
    assert len(adopt_epoch(version_5)) == 16


def test_the_many_bettors_of_a_file_of_version_6_are_ranked_in_blocks(version_6: SqliteConnection) -> None:
    version_6.execute(
        "WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 9000)"
        " INSERT INTO users (username, is_provider, created_at) SELECT 'User' || number, 0, 5 FROM numbers"
    )
    version_6.execute(
        "INSERT INTO participations (user_id, game_id, pool_id, is_running, net)"
        " SELECT id, 1, 2, 0, id % 100 FROM users WHERE username LIKE 'User%'"
    )
    version_6.execute("INSERT INTO settlements (pool_id, cause, takeout, settled_at) VALUES (2, 'close', 0, 9)")
    version_6.execute("UPDATE pools SET status = 'resolved', settlement_id = 1, version = version + 1 WHERE id = 2")
    migrate(version_6)
    _, *of_boards = CHECKS  # these parts have no bets, which the first check would name
    assert [fault for check in of_boards for fault in check(version_6)] == []
    blocks = "SELECT entries FROM standing_blocks WHERE board_id = 1 ORDER BY deficit, name"
    assert [entries for (entries,) in version_6.execute(blocks)] == [3999, 4000, 1001]


def test_the_bets_of_a_user_in_a_pool_become_a_chain_whatever_has_become_of_them(version_8: SqliteConnection) -> None:
    """The second user has cancelled his only bet, which left no stake."""
    for number, (user_id, position, cancelled_at) in enumerate(((1, 1, None), (2, 0, 7), (1, 0, 8), (1, 0, None))):
        version_8.execute(
            "INSERT INTO bets (uuid, pool_id, user_id, position, amount, placed_at, after_journal_id, cancelled_at)"
            " VALUES (printf('%036d', ?), 1, ?, ?, 10, 6, 0, ?)",
            (number, user_id, position, cancelled_at),
        )
    version_8.execute("INSERT INTO stakes (user_id, pool_id, position, amount, bets) VALUES (1, 1, 1, 10, 1)")
    version_8.execute("UPDATE stakes SET amount = 310, bets = 2 WHERE position = 0")
    migrate(version_8)
    chains = version_8.execute("SELECT id, previous_id FROM bets ORDER BY id").fetchall()
    assert chains == [(1, None), (2, 1), (3, None), (4, 2), (5, 4)]
    stakes = version_8.execute("SELECT user_id, position, amount, bets, last_bet_id FROM stakes ORDER BY 1, 2")
    assert stakes.fetchall() == [(1, 0, 310, 2, 5), (1, 1, 10, 1, 2), (2, 0, 0, 0, 3)]
