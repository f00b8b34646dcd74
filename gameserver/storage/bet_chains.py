"""A user's bets in a pool are a chain: each names the one before it, and the user's stakes the newest.

Unlike an index by user, a chain costs a bet no page of its own in a crowd; its end is as quickly found.
"""

ALL = 2**63 - 1
IS_VALID = "bets.invalidated_by IS NULL AND bets.cancelled_at IS NULL"


def chain(heads: str, is_wanted: str) -> str:
    """A ``WITH`` clause with the table ``chain``: bets, from those whose ids ``heads`` selects back to the first ones.

    ``is_wanted`` is a condition on ``bets``. A chain ends with so many bets that fulfil it as the clause's last
    placeholder says, or `ALL`; ``heads`` and both places of the condition come before it in order.
    """
    wanted = f"CASE WHEN {is_wanted} THEN 1 ELSE 0 END"
    return (
        f"WITH RECURSIVE chain AS (SELECT bets.*, {wanted} AS wanted FROM bets WHERE bets.id IN ({heads})"
        f" UNION ALL SELECT bets.*, chain.wanted + {wanted} FROM chain JOIN bets ON bets.id = chain.previous_id"
        " WHERE chain.wanted < ?)"
    )


def newest_bet(user_id: str, pool_id: str) -> str:
    """The query for the id of a user's newest bet in a pool, valid or not; null if there is none."""
    return f"SELECT max(last_bet_id) FROM stakes AS s WHERE s.user_id = {user_id} AND s.pool_id = {pool_id}"
