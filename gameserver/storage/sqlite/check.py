"""The checks that prove a database file sound, as run by ``gameserver check``."""

import sqlite3
from collections.abc import Iterator

from gameserver.storage.schedule import TimerKind
from gameserver.storage.sqlite.migrations import is_current

MAX_FINDINGS = 100


def find_faults(connection: sqlite3.Connection) -> list[str]:
    """The faults of a database, a sentence each, at most 100; empty if it is sound.

    Requires a read transaction, so that all checks see one state. A database of an older version gets only SQLite's
    own checks.
    """
    faults: list[str] = []
    try:
        current = is_current(connection)
        for check in (_integrity, _foreign_keys, *((_sequences, _timers, _ledger, _pools) if current else ())):
            for fault in check(connection):
                faults.append(fault)
                if len(faults) == MAX_FINDINGS:
                    return faults
    except sqlite3.DatabaseError as error:
        faults.append(f"the file cannot be read to its end: {error}")
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
    """The log of an open game holds 1 to seq; that of a closed game may have lost its beginning, or all, by age."""
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
        yield f"game {uuid}: it has a close_at, but no timer closes it"
    for uuid, timer in connection.execute(
        "SELECT uuid, timer_id FROM timer_exceptions AS e JOIN pools ON pools.id = e.pool_id"
        " JOIN timers ON timers.id = timer_id WHERE kind <> ? OR timers.action_id IS NOT pools.action_id",
        (TimerKind.ALLOW_ACTION,),
    ):
        yield f"pool {uuid}: it is excepted from timer {timer}, which does not affect it"


def _ledger(connection: sqlite3.Connection) -> Iterator[str]:
    """Every balance is the sum of its transfers; a currency's balances sum to zero; nothing is between accounts."""
    for account, kind, user, currency, balance, moved in connection.execute(
        "SELECT a.id, a.kind, a.user_id, a.currency, a.balance, coalesce(sum(moves.amount), 0) FROM accounts AS a"
        " LEFT JOIN (SELECT credit_id AS account_id, amount FROM transfers"
        "  UNION ALL SELECT debit_id, -amount FROM transfers) AS moves ON moves.account_id = a.id GROUP BY a.id"
    ):
        name = f"account {account} ({kind}, user {user}, {currency})"
        if balance != moved:
            yield f"{name}: its balance is {balance}, its transfers sum to {moved}"
        if kind == "clearing" and balance:
            yield f"{name}: its balance is {balance} between transactions, not zero"
    for currency, total in connection.execute("SELECT currency, sum(balance) FROM accounts GROUP BY currency"):
        if total:
            yield f"the balances in {currency} sum to {total}, not to zero"
    for user, currency, staked, running in connection.execute(
        "SELECT a.user_id, a.currency, a.balance, coalesce(b.amount, 0) FROM accounts AS a LEFT JOIN"
        " (SELECT bets.user_id, games.currency, sum(bets.amount) AS amount FROM bets"
        "  JOIN pools ON pools.id = bets.pool_id JOIN games ON games.id = pools.game_id"
        "  WHERE bets.status = 'running' GROUP BY bets.user_id, games.currency) AS b"
        " ON b.user_id = a.user_id AND b.currency = a.currency"
        " WHERE a.kind = 'staked' AND a.balance <> coalesce(b.amount, 0)"
    ):
        yield f"user {user}: {staked} {currency} are staked, the running bets sum to {running}"


def _pools(connection: sqlite3.Connection) -> Iterator[str]:
    """The stored sums of each pool and target equal the sums of its valid bets."""
    for uuid, total, people, staked, bettors in connection.execute(
        "SELECT uuid, amount_total, participants, coalesce(b.amount, 0), coalesce(b.people, 0) FROM pools LEFT JOIN"
        " (SELECT pool_id, sum(amount) AS amount, count(DISTINCT user_id) AS people FROM bets"
        "  WHERE status <> 'invalidated' GROUP BY pool_id) AS b ON b.pool_id = pools.id"
        " WHERE amount_total <> coalesce(b.amount, 0) OR participants <> coalesce(b.people, 0)"
    ):
        yield f"pool {uuid}: it counts {total} of {people}, its valid bets are {staked} of {bettors}"
    for uuid, key, money, staked in connection.execute(
        "SELECT pools.uuid, t.key, t.backing_money, coalesce(b.amount, 0) FROM pool_targets AS t"
        " JOIN pools ON pools.id = t.pool_id LEFT JOIN"
        " (SELECT pool_id, position, sum(amount) AS amount FROM bets WHERE status <> 'invalidated'"
        "  GROUP BY pool_id, position) AS b ON b.pool_id = t.pool_id AND b.position = t.position"
        " WHERE t.backing_money <> coalesce(b.amount, 0)"
    ):
        yield f"pool {uuid}: {money} are counted on {key}, its valid bets are {staked}"
    for uuid, status, running in connection.execute(
        "SELECT pools.uuid, pools.status, count(*) FROM bets JOIN pools ON pools.id = bets.pool_id"
        " WHERE pools.status <> 'open' AND bets.status = 'running' GROUP BY pools.id"
    ):
        yield f"pool {uuid} is {status}, and {running} of its bets are running"
    for (uuid,) in connection.execute("SELECT uuid FROM pools WHERE status = 'open' AND untold_at IS NOT NULL"):
        yield f"pool {uuid} is open, but a blocking or allowing of its betting has not been broadcast"
