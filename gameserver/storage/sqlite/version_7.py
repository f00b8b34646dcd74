"""From version 6 to 7: the most that a bet of each user has won in each pool. Never changed after its release."""

import sqlite3


def update_best_wins(connection: sqlite3.Connection) -> None:
    """Work out what the winning bets of the settlements in force have won."""
    divisions = connection.execute(
        "SELECT pools.id, d.position, pot, winning_total, last_fraction, last_bet_id FROM pools"
        " JOIN divisions AS d ON d.settlement_id = pools.settlement_id"
    ).fetchall()
    for pool_id, position, pot, total, last_fraction, last_bet_id in divisions:
        best: dict[int, int] = {}
        for bet_id, user_id, stake in connection.execute(
            "SELECT id, user_id, amount FROM valid_bets WHERE pool_id = ? AND position = ?", (pool_id, position)
        ):
            paid, fraction = divmod(pot * stake, total)  # SQLite's integers would overflow
            if (fraction, -bet_id) >= (last_fraction, -last_bet_id):
                paid += 1
            best[user_id] = max(best.get(user_id, 0), paid - stake)
        connection.executemany(
            "UPDATE participations SET best_win = max(best_win, ?) WHERE user_id = ? AND pool_id = ?",
            [(won, user_id, pool_id) for user_id, won in best.items()],
        )
