"""The transfers of settlements: for all users of a pool at once, by their kept stakes and net results.

A statement inserts a transfer for each user, whose staked and available accounts are open; so must the clearing account
be for those that concern it.
"""

from typing import NamedTuple

from gameserver.storage.connection import Connection, Values
from gameserver.storage.ledger import AccountKind, Reason

_KEPT = (
    "SELECT p.user_id, {} AS amount FROM participations AS p"
    " JOIN stakes AS s ON s.user_id = p.user_id AND s.pool_id = p.pool_id WHERE p.pool_id = ? GROUP BY p.user_id"
)
_STAKED = _KEPT.format("sum(s.amount)")
_PAID = _KEPT.format("sum(s.amount) + max(p.net)")
_LATE = "SELECT user_id, sum(amount) AS amount FROM bets WHERE pool_id = ? AND invalidated_by = ? GROUP BY user_id"
_OWNERS = {
    AccountKind.AVAILABLE: "= due.user_id",
    AccountKind.STAKED: "= due.user_id",
    AccountKind.CLEARING: "IS NULL",
}


class Purse(NamedTuple):
    """The money of a settlement of a pool, in the pool's currency; transfers are made at ``now_ms``."""

    settlement_id: int
    pool_id: int
    currency: str
    now_ms: int


def return_stakes(connection: Connection, purse: Purse) -> None:
    """Give all that is staked in the pool back."""
    way = (AccountKind.STAKED, AccountKind.AVAILABLE, Reason.REFUND)
    _move(connection, purse, way, _STAKED, (purse.pool_id,))


def take_stakes_again(connection: Connection, purse: Purse) -> None:
    """Undo `return_stakes`, but for the stakes of late bets, which are kept no longer."""
    way = (AccountKind.AVAILABLE, AccountKind.STAKED, Reason.TAKE_BACK)
    _move(connection, purse, way, _STAKED, (purse.pool_id,))


def refund_late_bets(connection: Connection, purse: Purse) -> None:
    """Give the stakes of the bets back that the settlement has found late."""
    way = (AccountKind.STAKED, AccountKind.AVAILABLE, Reason.REFUND)
    _move(connection, purse, way, _LATE, (purse.pool_id, purse.settlement_id))


def collect_stakes(connection: Connection, purse: Purse) -> None:
    """Move what is staked in the pool to the clearing account."""
    way = (AccountKind.STAKED, AccountKind.CLEARING, Reason.POT)
    _move(connection, purse, way, _STAKED, (purse.pool_id,))


def pay_out(connection: Connection, purse: Purse) -> None:
    """Pay from the clearing account what follows from the users' net results, which must be stored."""
    way = (AccountKind.CLEARING, AccountKind.AVAILABLE, Reason.PAYOUT)
    _move(connection, purse, way, _PAID, (purse.pool_id,))


def _move(
    connection: Connection,
    purse: Purse,
    way: tuple[AccountKind, AccountKind, Reason],
    amounts: str,
    values: Values,
) -> None:
    """Insert a transfer for each user to whom ``amounts``, a query of user ids and amounts, gives more than zero."""
    debited, credited, reason = way
    connection.execute(
        "INSERT INTO transfers (debit_id, credit_id, amount, reason, settlement_id, made_at)"
        f" SELECT debited.id, credited.id, due.amount, ?, ?, ? FROM ({amounts}) AS due"
        f" JOIN accounts AS debited ON debited.user_id {_OWNERS[debited]} AND debited.currency = ? AND debited.kind = ?"
        f" JOIN accounts AS credited ON credited.user_id {_OWNERS[credited]} AND credited.currency = ?"
        "  AND credited.kind = ? WHERE due.amount > 0 ORDER BY due.user_id",
        (
            *(reason, purse.settlement_id, purse.now_ms),
            *values,
            *(purse.currency, debited),
            *(purse.currency, credited),
        ),
    )


def reverse_division(connection: Connection, purse: Purse) -> None:
    """Compensate the transfers of a settlement, the last first; refunds stay."""
    connection.execute(
        "INSERT INTO transfers (debit_id, credit_id, amount, reason, settlement_id, made_at)"
        " SELECT credit_id, debit_id, amount, ?, settlement_id, ? FROM transfers"
        " WHERE settlement_id = ? AND reason <> ? ORDER BY id DESC",
        (Reason.TAKE_BACK, purse.now_ms, purse.settlement_id, Reason.REFUND),
    )
