"""From version 4 to 5: how each settlement divided its pot, read from what it paid. Never changed after its release."""

import sqlite3


def insert_divisions(connection: sqlite3.Connection) -> None:
    """Record the divisions of the settlements that paid winners, which had a transfer for each bet."""
    settlements = connection.execute(
        "SELECT id, position FROM settlements"
        " WHERE EXISTS (SELECT 1 FROM transfers WHERE settlement_id = settlements.id AND reason = 'payout')"
    )
    for settlement_id, position in settlements.fetchall():
        bets = connection.execute(
            "SELECT bets.id, bets.amount, paid.amount FROM transfers AS paid JOIN bets ON bets.id = bet_id"
            " WHERE settlement_id = ? AND reason = 'payout'",
            (settlement_id,),
        ).fetchall()
        pot, total = sum(paid for _, _, paid in bets), sum(stake for _, stake, _ in bets)
        rounded_up = [
            (pot * stake % total, -bet_id) for bet_id, stake, paid in bets if paid > pot * stake // total
        ]  # SQLite's integers would overflow
        fraction, last = min(rounded_up, default=(total, 0))
        facts = (settlement_id, position, pot, total, fraction, -last)
        connection.execute("INSERT INTO divisions VALUES (?, ?, ?, ?, ?, ?)", facts)
