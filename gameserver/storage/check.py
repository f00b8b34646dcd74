"""Proof that a database file is sound: what ``gameserver check`` runs."""

import sqlite3
from collections.abc import Iterator

from gameserver.storage.timers import TimerKind

MAX_FINDINGS = 100


def find_faults(connection: sqlite3.Connection) -> list[str]:
    """What is wrong with the file, a sentence each, at most 100; empty if all is well."""
    faults: list[str] = []
    connection.execute("BEGIN")
    try:
        for check in (_integrity, _foreign_keys, _sequences, _timers):
            for fault in check(connection):
                faults.append(fault)
                if len(faults) == MAX_FINDINGS:
                    return faults
    except sqlite3.DatabaseError as error:
        faults.append(f"the file cannot be read to its end: {error}")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    return faults


def _integrity(connection: sqlite3.Connection) -> Iterator[str]:
    for (line,) in connection.execute("PRAGMA integrity_check"):
        if line != "ok":
            yield f"integrity: {line}"


def _foreign_keys(connection: sqlite3.Connection) -> Iterator[str]:
    for table, rowid, parent, _ in connection.execute("PRAGMA foreign_key_check"):
        row = "a row" if rowid is None else f"row {rowid}"
        yield f"{row} of {table} refers to a row of {parent} that does not exist"


def _sequences(connection: sqlite3.Connection) -> Iterator[str]:
    """An open game's log is 1…seq; that of a closed game may have lost its beginning, or all, to age."""
    for uuid, seq, closed, first, last, count in connection.execute(
        "SELECT uuid, games.seq, closed_at IS NOT NULL, min(b.seq), max(b.seq), count(b.seq)"
        " FROM games LEFT JOIN broadcasts AS b ON b.game_id = games.id GROUP BY games.id"
    ):
        if count == 0:
            if seq != 0 and not closed:
                yield f"game {uuid}: its {seq} broadcasts are missing from the log"
            continue
        if last != seq:
            yield f"game {uuid}: the last broadcast logged is {last}, the last counted is {seq}"
        if count != last - first + 1 or (first != 1 and not closed):
            yield f"game {uuid}: the log of broadcasts {first} to {last} has gaps"


def _timers(connection: sqlite3.Connection) -> Iterator[str]:
    for (uuid,) in connection.execute(
        "SELECT uuid FROM games WHERE close_at IS NOT NULL AND closed_at IS NULL AND closing_at IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM timers WHERE game_id = games.id AND kind = ?)",
        (TimerKind.CLOSE_GAME,),
    ):
        yield f"game {uuid}: nothing will close it at its close_at"
