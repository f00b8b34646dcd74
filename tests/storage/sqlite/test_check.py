import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from gameserver.config import Settings
from gameserver.domain.parimutuel import Split
from gameserver.domain.targets import TargetLabel, missing_rows, parse_targets
from gameserver.engine.context import Change
from gameserver.engine.endings import end_pools
from gameserver.engine.events import count
from gameserver.engine.settlement import Resolution
from gameserver.storage.broadcasts import insert_broadcasts
from gameserver.storage.check import MAX_FINDINGS, find_faults
from gameserver.storage.events import Event, insert_event
from gameserver.storage.games import Game, get_game, update_game_closed
from gameserver.storage.labels import update_active_targets, update_labels
from gameserver.storage.ledger import AccountKind, Reason, Transfer, account_id, insert_transfers
from gameserver.storage.pools import Pool, get_pool, update_blocked
from gameserver.storage.schedule import TimerKind, delete_timers_of_game, except_from_timer, insert_timer
from gameserver.storage.scores import update_scores
from gameserver.storage.settlements import NewSettlement, insert_settlements
from gameserver.storage.sqlite.connection import SqliteConnection, open_reader
from gameserver.storage.targets import find_action_id, insert_actions, insert_target_rows
from gameserver.storage.users import insert_session
from tests.support.rows import NOW, make_bet, make_game, make_pool, make_user


@pytest.fixture
def game(connection: SqliteConnection) -> Game:
    """An open game with three broadcasts, which will be closed in time."""
    game = make_game(connection, broadcasts=3, close_at=NOW + 1000)
    insert_timer(connection, NOW + 1000, TimerKind.CLOSE_GAME, game.id)
    return game


def without_foreign_keys(connection: SqliteConnection, statement: str) -> None:
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute(statement)
    connection.execute("PRAGMA foreign_keys = ON")


def test_a_new_file_is_sound(connection: SqliteConnection) -> None:
    assert find_faults(connection) == []


def test_a_file_with_games_and_users_is_sound(connection: SqliteConnection, game: Game) -> None:
    user = make_user(connection)
    insert_session(connection, user.id, NOW, NOW + 1, 10)
    make_game(connection, broadcasts=0, upcoming=True)
    assert find_faults(connection) == []


def test_a_check_leaves_no_transaction(connection: SqliteConnection, game: Game) -> None:
    find_faults(connection)
    assert not connection.in_transaction


def test_a_check_changes_nothing_and_runs_on_a_reader(connection: SqliteConnection, game: Game, database: Path) -> None:
    with closing(open_reader(database)) as reader:
        assert find_faults(reader) == []


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        ("DELETE FROM broadcasts WHERE seq = 1", "the log of broadcasts 2 to 3 has gaps"),
        ("DELETE FROM broadcasts WHERE seq = 2", "the log of broadcasts 1 to 3 has gaps"),
        ("DELETE FROM broadcasts WHERE seq = 3", "the last broadcast logged is 2, the last counted is 3"),
        ("DELETE FROM broadcasts", "its 3 broadcasts are missing from the log"),
        ("UPDATE games SET seq = 2", "the last broadcast logged is 3, the last counted is 2"),
        ("UPDATE games SET seq = 0", "the last broadcast logged is 3, the last counted is 0"),
        ("DELETE FROM timers", "it has a close_at, but no timer closes it"),
        ("UPDATE timers SET kind = 90", "it has a close_at, but no timer closes it"),
    ],
)
def test_a_fault_of_a_game_is_named(connection: SqliteConnection, game: Game, damage: str, fault: str) -> None:
    connection.execute(damage)
    assert find_faults(connection) == [f"game {game.uuid}: {fault}"]


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (
            "bodies = x'00'",
            "messages cannot be read: Error -5 while decompressing data: incomplete or truncated stream",
        ),
        ("messages = 3", "there are 2 messages, not 3"),
    ],
)
def test_messages_of_a_game_that_cannot_be_read_are_named(
    connection: SqliteConnection, game: Game, damage: str, fault: str
) -> None:
    insert_broadcasts(connection, game.id, NOW, [b"{}", b"[]"])
    connection.execute(f"UPDATE broadcasts SET {damage} WHERE seq = 5")
    assert f"game {game.uuid}: of the log of broadcasts up to 5, {fault}" in find_faults(connection)


@pytest.mark.parametrize("damage", ["DELETE FROM broadcasts WHERE seq = 1", "DELETE FROM broadcasts"])
def test_the_log_of_a_closed_game_may_have_lost_its_beginning(
    connection: SqliteConnection, game: Game, damage: str
) -> None:
    update_game_closed(connection, game.id, NOW)
    delete_timers_of_game(connection, game.id)
    connection.execute(damage)
    assert find_faults(connection) == []


@pytest.mark.parametrize("seq", [2, 3])
def test_the_log_of_a_closed_game_may_not_lose_its_middle_or_end(
    connection: SqliteConnection, game: Game, seq: int
) -> None:
    update_game_closed(connection, game.id, NOW)
    connection.execute("DELETE FROM broadcasts WHERE seq = ?", (seq,))
    assert len(find_faults(connection)) == 1


@pytest.mark.parametrize(
    ("damage", "table", "parent"),
    [
        ("DELETE FROM sources", "games", "sources"),
        ("INSERT INTO timers (id, due_at, kind, game_id) VALUES (99, 0, 40, 77)", "timers", "games"),
        ("INSERT INTO source_admins VALUES (55, 1, NULL)", "source_admins", "users"),
        ("INSERT INTO broadcasts VALUES (99, 77, 1, 0, x'00', 1)", "broadcasts", "games"),
    ],
)
def test_a_row_that_refers_to_nothing_is_named(
    connection: SqliteConnection, game: Game, damage: str, table: str, parent: str
) -> None:
    without_foreign_keys(connection, damage)
    told = f"of {table} refers to a row of {parent} that does not exist"
    assert any(told in fault for fault in find_faults(connection))


def test_a_row_without_a_number_is_not_called_none(connection: SqliteConnection, game: Game) -> None:
    without_foreign_keys(connection, "INSERT INTO source_admins VALUES (55, 1, NULL)")
    assert "None" not in find_faults(connection)[0]


def test_a_value_that_breaks_a_constraint_is_named(connection: SqliteConnection, game: Game) -> None:
    connection.execute("PRAGMA ignore_check_constraints = ON")
    connection.execute("UPDATE sources SET takeout_millionths = 999999")
    connection.execute("PRAGMA ignore_check_constraints = OFF")
    (fault,) = find_faults(connection)
    assert "integrity: CHECK constraint failed in sources" in fault


def garble(database: Path, name: str) -> None:
    """Overwrite the first page of a table or index."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        page_size: int = connection.execute("PRAGMA page_size").fetchone()[0]
        query = "SELECT rootpage FROM sqlite_schema WHERE name = ?"
        page: int = connection.execute(query, (name,)).fetchone()[0]
    with database.open("r+b") as file:
        file.seek((page - 1) * page_size)
        file.write(b"\xa5" * page_size)


@pytest.mark.parametrize("name", ["broadcasts", "games", "timers_by_time", "users"])
def test_a_garbled_page_is_named(connection: SqliteConnection, game: Game, database: Path, name: str) -> None:
    connection.close()
    garble(database, name)
    with closing(open_reader(database)) as reader:
        faults = find_faults(reader)
    assert faults
    assert faults[0].startswith(("integrity: ", "the file cannot be read to its end"))


def cut_in_half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def replace_all(content: bytes) -> bytes:
    return b"x" * len(content)


@pytest.mark.parametrize("damage", [cut_in_half, replace_all])
def test_a_file_that_is_cut_or_no_database_is_named(
    connection: SqliteConnection, game: Game, database: Path, damage: Callable[[bytes], bytes]
) -> None:
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    database.write_bytes(damage(database.read_bytes()))
    with closing(open_reader(database)) as reader:
        assert find_faults(reader)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("DROP TRIGGER bets_stay", "the trigger bets_stay is missing"),
        ("DROP INDEX bets_of_target", "the index bets_of_target is missing"),
        ("DROP VIEW valid_bets", "the view valid_bets is missing"),
        (
            "CREATE TRIGGER more AFTER INSERT ON bets BEGIN UPDATE users SET is_admin = 1; END",
            "the trigger more is none of this version",
        ),
    ],
)
def test_what_is_not_as_the_schema_has_it_is_named(connection: SqliteConnection, change: str, fault: str) -> None:
    connection.execute(change)
    assert fault in find_faults(connection)


def test_an_index_over_other_columns_is_named(connection: SqliteConnection) -> None:
    connection.execute("DROP INDEX bets_of_target")
    connection.execute("CREATE INDEX bets_of_target ON bets (pool_id)")
    assert find_faults(connection) == ["the index bets_of_target is not that of this version"]


def test_at_most_a_hundred_faults_are_named(connection: SqliteConnection, game: Game) -> None:
    for number in range(MAX_FINDINGS + 50):
        without_foreign_keys(connection, f"INSERT INTO timers (due_at, kind, game_id) VALUES ({number}, 40, 77)")
    assert len(find_faults(connection)) == 100


def test_a_spent_nonce_of_a_session_that_is_gone_is_named(connection: SqliteConnection) -> None:
    without_foreign_keys(connection, "INSERT INTO spent_nonces VALUES (1, 'n', 'gone')")
    (fault,) = find_faults(connection)
    assert "spent_nonces" in fault


def do_without_triggers(connection: SqliteConnection, damage: str) -> None:
    """Do damage while the schema refuses nothing: what is found does not rest on that."""
    triggers = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute(damage)
    for _, sql in triggers:
        connection.execute(sql)


@pytest.fixture
def pool(connection: SqliteConnection, game: Game) -> Pool:
    """A pool in which user 1 has staked 300, and user 2 nothing."""
    pool = make_pool(connection, game.id)
    make_bet(connection, pool, make_user(connection), 300)
    make_user(connection, "bob")
    return pool


def test_a_file_with_bets_is_sound(connection: SqliteConnection, pool: Pool) -> None:
    assert find_faults(connection) == []


@pytest.mark.parametrize(
    ("damage", "faults"),
    [
        (
            "UPDATE accounts SET balance = 5 WHERE kind = 'available'",
            [
                "account 2 (available, user 1, DON): its balance is 5, its transfers sum to 0",
                "the balances in DON sum to 5, not to zero",
            ],
        ),
        (
            "UPDATE bets SET amount = 200",
            [
                "bet {bet}: its stake is 200, 300 have been moved for it",
                "user 1: 300 DON are staked, the running bets sum to 200",
                "pool {pool}: it counts 300 of 1, its valid bets are 200 of 1",
                "pool {pool}: 300 are counted on yes, its valid bets are 200",
                "pool {pool}: 300 are kept for user 1 on position 0, the valid bets sum to 200",
                f"pool {{pool}}: the part of user 1 is {[0, NOW, 0, 1, 300]}, the bets come to {[0, NOW, 0, 1, 200]}",
            ],
        ),
        (
            "UPDATE bets SET cancelled_at = 1, cancelled_after_settlement_id = 0",
            [
                "bet {bet}: its stake is 0, 300 have been moved for it",
                "user 1: 300 DON are staked, the running bets sum to 0",
                "pool {pool}: it counts 300 of 1, its valid bets are 0 of 0",
                "pool {pool}: 300 are counted on yes, its valid bets are 0",
                "pool {pool}: 300 are kept for user 1 on position 0, the valid bets sum to 0",
                f"pool {{pool}}: the part of user 1 is {[0, NOW, 0, 1, 300]}, the bets come to None",
            ],
        ),
        (
            "UPDATE stakes SET amount = 299",
            [
                "pool {pool}: 299 are kept for user 1 on position 0, the valid bets sum to 300",
                f"pool {{pool}}: the part of user 1 is {[0, NOW, 0, 1, 299]}, the bets come to {[0, NOW, 0, 1, 300]}",
            ],
        ),
        (
            "INSERT INTO stakes SELECT id, 1, 1, 5, 1, 0 FROM users WHERE username = 'bob'",
            [
                "pool {pool}: 5 are kept for user 2 on position 1, the valid bets sum to 0",
                "pool {pool}: user 2 has staked, and does not take part",
            ],
        ),
        (
            "UPDATE bets SET previous_id = 7",
            ["bet {bet}: it is kept as following bet 7, its user's bet before it in the pool is None"],
        ),
        (
            "UPDATE stakes SET last_bet_id = 2",
            ["pool {pool}: the newest bet of user 1 on position 0 is 1, 2 is kept as it"],
        ),
        (
            "UPDATE pools SET participants = 2",
            ["pool {pool}: it counts 300 of 2, its valid bets are 300 of 1"],
        ),
        (
            "UPDATE pool_targets SET backing_money = 1 WHERE key = 'no'",
            ["pool {pool}: 1 are counted on no, its valid bets are 0"],
        ),
    ],
)
def test_a_fault_of_the_accounts_is_named(
    connection: SqliteConnection, pool: Pool, damage: str, faults: list[str]
) -> None:
    do_without_triggers(connection, damage)
    (bet,) = connection.execute("SELECT uuid FROM bets").fetchone()
    assert find_faults(connection) == [fault.format(pool=pool.uuid, bet=bet) for fault in faults]


def test_money_between_two_settlements_is_named(connection: SqliteConnection) -> None:
    mint, clearing = (account_id(connection, kind, "DON") for kind in (AccountKind.MINT, AccountKind.CLEARING))
    insert_transfers(connection, [Transfer(mint, clearing, 7, Reason.POT, None, None, NOW)])
    (fault,) = find_faults(connection)
    assert fault.endswith("its balance is 7 between transactions, not zero")


@pytest.fixture
def settled(connection: SqliteConnection, pool: Pool) -> Pool:
    """A pool whose bets of 300, 100 and 101 are settled: the last two share 501 less 50."""
    for number, name in enumerate(("cat", "dan")):
        make_bet(connection, pool, make_user(connection, name), 100 + number, position=1)
    user = make_user(connection, "admin")
    change = Change(connection, user, NOW + 1, Settings())
    bet_in = msgspec.structs.replace(get_pool(connection, pool.id), takeout_millionths=100_000)
    end_pools(change, get_game(connection, pool.game_id), [(bet_in, Resolution("close", (1,)))])
    change.finish()
    return pool


def test_a_file_with_a_settlement_is_sound(connection: SqliteConnection, settled: Pool) -> None:
    assert find_faults(connection) == []


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        ("UPDATE divisions SET last_fraction = 201", "it divides 451 among 201, its bets share 450 among 201"),
        ("UPDATE divisions SET winning_total = 202", "it divides 451 among 202, its bets share 448 among 201"),
        ("UPDATE divisions SET pot = 450", "it divides 500, its valid bets are 501"),
        (
            "UPDATE divisions SET position = 0",
            "the winning position 0 it divides 451 among 201, its bets share",
        ),
        ("DELETE FROM divisions", "0 were moved of user 1 from staked to available (refund), the shares sum to 300"),
        ("UPDATE settlements SET takeout = 49", "50 were moved of the house from clearing to house (takeout)"),
        ("UPDATE settlements SET newest_bet_id = 2", "it divides 501, its valid bets are 400"),
        ("UPDATE settlements SET settled_at = 5", "300 were moved of user 1 from staked to clearing (pot)"),
        ("UPDATE settlements SET taken_back_at = 5", "settlement 1 is in force, 0 are not taken back, the newest None"),
        (
            "UPDATE bets SET invalidated_by = 1 WHERE id = 3",
            "101 are kept for user 4 on position 1, the valid",
        ),
        (
            "UPDATE transfers SET amount = 1 WHERE reason = 'payout'",
            "1 were moved of user 4 from clearing to",
        ),
        ("UPDATE transfers SET credit_id = 2 WHERE reason = 'payout'", "451 were moved of user 1 from clearing"),
        (
            "UPDATE pools SET settlement_id = NULL, status = 'open'",
            "settlement None is in force, 1 are not taken back, the newest 1",
        ),
    ],
)
def test_a_fault_of_a_settlement_is_named(connection: SqliteConnection, settled: Pool, damage: str, fault: str) -> None:
    do_without_triggers(connection, damage)
    assert any(fault in found for found in find_faults(connection))


def test_a_settlement_in_force_that_has_moved_nothing_is_named(connection: SqliteConnection, pool: Pool) -> None:
    new = NewSettlement(pool.id, None, "close", (1,), Split.PROFIT, 0, NOW, {})
    (settlement,) = insert_settlements(connection, [new])
    connection.execute("UPDATE pools SET status = 'resolved', settlement_id = ?, version = version + 1", (settlement,))
    assert find_faults(connection)[:2] == [
        "user 1: 300 DON are staked, the running bets sum to 0",
        f"pool {pool.uuid}: settlement 1: 0 were moved of user 1 from staked to available (refund),"
        " the shares sum to 300",
    ]


def test_an_open_pool_whose_block_is_not_told_is_named(connection: SqliteConnection, pool: Pool) -> None:
    update_blocked(connection, pool.id, is_blocked=True, untold_at=NOW)
    assert find_faults(connection) == [
        f"pool {pool.uuid} is open, but a blocking or allowing of its betting has not been broadcast"
    ]


def test_a_record_of_a_pools_history_that_is_not_the_sum_of_its_bets_is_named(
    connection: SqliteConnection, pool: Pool
) -> None:
    for name in ("cat", "dan"):
        make_bet(connection, pool, make_user(connection, name), 50, now_ms=NOW + len(name))
        make_bet(connection, pool, make_user(connection, f"{name}2"), 7, 1, now_ms=NOW + 9)
    assert find_faults(connection) == []
    connection.execute("UPDATE backing_history SET amount = amount + 1 WHERE position = 0")
    assert find_faults(connection) == [
        f"pool {pool.uuid}: {kept} are recorded on position 0 up to bet {newest}, the valid bets sum to {kept - 1}"
        for newest, kept in ((1, 301), (2, 351))
    ]


def test_a_pool_excepted_from_a_timer_that_does_not_act_on_it_is_named(
    connection: SqliteConnection, pool: Pool
) -> None:
    insert_actions(connection, pool.game_id, {"goal": "Goal"})
    action_id = find_action_id(connection, pool.game_id, "goal")
    assert action_id is not None
    insert_timer(connection, NOW + 1, TimerKind.ALLOW_ACTION, pool.game_id, action_id=action_id)
    except_from_timer(connection, pool.game_id, TimerKind.ALLOW_ACTION, action_id, pool.id)
    (fault,) = find_faults(connection)
    assert fault.startswith(f"pool {pool.uuid}: it is excepted from timer ")


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        ("UPDATE targets SET is_active = 1 WHERE key = '1'", "its target 1 is active, against what the labels say"),
        ("UPDATE targets SET is_active = 0 WHERE key = 'b'", "its target b is inactive, against what the labels say"),
    ],
)
def test_a_target_that_is_active_against_its_labels_is_named(
    connection: SqliteConnection, game: Game, damage: str, fault: str
) -> None:
    rows = missing_rows([], parse_targets("A:1, B", "targets", 64, 10), 1)
    insert_target_rows(connection, game.id, rows)
    update_labels(connection, game.id, {rows[0].number: TargetLabel(is_active=False)})
    update_active_targets(connection, game.id)
    assert find_faults(connection) == []
    connection.execute(damage)
    assert find_faults(connection) == [f"game {game.uuid}: {fault}"]


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        ("UPDATE targets SET points = 3 WHERE key = 'a'", "3 points are kept for a, its events score 2"),
        ("UPDATE targets SET points = 1 WHERE key = '1'", "1 points are kept for 1, its events score 0"),
        ("UPDATE games SET points_to_all = 0", "0 points are kept for everybody, its events score 3"),
        ("UPDATE games SET points_to_all = NULL", "None points are kept for everybody, its events score 3"),
    ],
)
def test_a_score_that_its_events_do_not_make_is_named(
    connection: SqliteConnection, game: Game, damage: str, fault: str
) -> None:
    rows = missing_rows([], parse_targets("A:1, B", "targets", 64, 10), 1)
    insert_target_rows(connection, game.id, rows)
    insert_actions(connection, game.id, {"goal": "Goal", "own-goal": "Own goal", "card": "Card", "foul": "Foul"})
    update_scores(connection, game.id, {"goal": 2, "own-goal": -3, "foul": -1})
    for action, path in (("goal", rows[:2]), ("own-goal", rows[2:3]), ("card", rows[2:3])):
        action_id = find_action_id(connection, game.id, action)
        new = Event(0, "", game.id, action_id, path[-1].number, None, None, None, NOW, NOW, None)
        change = Change(connection, make_user(connection, action), NOW, Settings())
        count(change, get_game(connection, game.id), insert_event(connection, new), path, 1)
    assert find_faults(connection) == []
    connection.execute(damage)
    assert find_faults(connection) == [f"game {game.uuid}: {fault}"]


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (
            "UPDATE source_sums SET games = 2",
            "[2,1,1,300,0,0,0] are kept of its games in DON, they come to [1,1,1,300,0",
        ),
        (
            "UPDATE source_sums SET paid = 7",
            "[1,1,1,300,7,0,0] are kept of its games in DON, they come to [1,1,1,300,0",
        ),
        ("DELETE FROM source_sums", "no sums are kept of its games in DON, they come to"),
        ("DELETE FROM source_bettors", "0 pools are kept of user 1, who takes part in 1"),
        ("UPDATE source_bettors SET pools = 2 WHERE user_id = 1", "2 pools are kept of user 1, who takes part in 1"),
    ],
)
def test_sums_of_a_source_that_its_games_do_not_come_to_are_named(
    connection: SqliteConnection, pool: Pool, damage: str, fault: str
) -> None:
    assert find_faults(connection) == []
    connection.execute(damage)
    assert [fault in found for found in find_faults(connection)] == [True]
