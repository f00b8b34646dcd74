"""Files of earlier versions, whose settlements have transfers for each bet, tell and do afterwards what they did."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gameserver.storage.check import find_faults
from gameserver.storage.sqlite.connection import open_writer
from gameserver.storage.sqlite.migrations import APPLICATION_ID, statements
from tests.support.offline import Offline

HERE = Path(__file__).parent
BETTORS = ("ann", "bob", "cat", "dan", "eve")
VERSIONS = pytest.mark.parametrize("version", [2, 3, 4])

# What version 4 told of its file, then after some voids, then after a goal.
HEAD, PLAYED, VOIDED, RESETTLED = json.loads((HERE / "told_4.json").read_text(encoding="utf-8"))
SINCE_THEN = ("price", "winning_targets")  # a receipt has told its target's price, and who won, since
for step in (PLAYED, VOIDED, RESETTLED):
    for receipt in step["told"]["receipts"]:
        receipt.pop("price", None)


def make_file(file: Path, version: int) -> None:
    """A file of an earlier version with the rows that version 4 wrote, but for the columns it did not know."""
    tables, rules = _tables_and_rules(version)
    with closing(sqlite3.connect(":memory:")) as written, closing(open_writer(file)) as connection:
        written.executescript(_tables_and_rules(4)[0])
        written.executescript((HERE / "rows_4.sql").read_text(encoding="utf-8"))
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.executescript(tables)
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        for (name,) in names:
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({name})")]
            rows = written.execute(f"SELECT {', '.join(columns)} FROM {name}")
            places = ", ".join("?" * len(columns))
            connection.executemany(f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({places})", rows)
        connection.executescript(rules)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {version}")


def _tables_and_rules(version: int) -> tuple[str, str]:
    """The schema of a version, without its triggers, which rows written anew would not get past, and the triggers."""
    schema = statements((HERE / f"schema_{version}.sql").read_text(encoding="utf-8"))
    rules = [statement for statement in schema if "CREATE TRIGGER" in statement]
    return "".join(statement for statement in schema if statement not in rules), "".join(rules)


def told(offline: Offline, event: str | None = None) -> dict[str, Any]:
    """Every receipt, what was won in each pool, what everybody has, and the outcome of the game."""
    owners = offline.query("SELECT username, bets.uuid FROM bets JOIN users ON users.id = user_id ORDER BY bets.id")
    lists = {name: offline.call(name, 390, game_id=HEAD["game"])["pools_list"] for name in BETTORS}
    outcome = offline.exported(HEAD["game"])[-1]
    assert outcome.pop("score") == []
    facts = {
        "receipts": [
            {field: value for field, value in offline.call(name, 391, bet_id=bet).items() if field not in SINCE_THEN}
            for name, bet in owners
        ],
        "winnings": {name: {pool: row["total_winnings"] for pool, row in lists[name].items()} for name in BETTORS},
        "balances": {
            name: [offline.call(name, 810)["available_balance"], offline.call(name, 840)["exposure"]]
            for name in BETTORS
        },
        "outcome": outcome,
    }
    text = json.dumps(facts)
    known: dict[str, Any] = json.loads(text if event is None else text.replace(event, "again"))
    return known


@VERSIONS
def test_a_file_of_an_earlier_version_tells_what_it_told(version: int, database: Path) -> None:
    make_file(database, version)
    with closing(Offline(database)) as offline:
        offline.now_ms = HEAD["now_ms"]
        assert find_faults(offline.connection) == []
        assert told(offline) == PLAYED["told"]
        assert offline.replay_differences(HEAD["game"]) == []


@VERSIONS
def test_what_an_earlier_version_settled_is_taken_back_and_settled_again(version: int, database: Path) -> None:
    make_file(database, version)
    with closing(Offline(database)) as offline:
        offline.now_ms = HEAD["now_ms"] + 10
        for op, parameters in VOIDED["asked"]:
            assert offline.call("fifa", op, **parameters)["res"] != 666
        assert find_faults(offline.connection) == []
        assert told(offline) == VOIDED["told"]
        offline.let_time_pass(1)
        event = offline.call("fifa", 395, **RESETTLED["goal"])["event_id"]
        assert find_faults(offline.connection) == []
        assert told(offline, event) == RESETTLED["told"]
        assert offline.replay_differences(HEAD["game"]) == []
