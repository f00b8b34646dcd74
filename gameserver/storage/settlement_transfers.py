"""The transfers of a settlement: one for each user and way, for all users of the pool in one statement."""

from gameserver.storage.connection import Connection, Values
from gameserver.storage.ledger import (
    AccountKind,
    Reason,
    Transfer,
    account_id,
    insert_transfers,
    lock_accounts_of_pools,
)

_STAKED = "SELECT user_id, sum(amount) AS amount FROM stakes WHERE pool_id = ? GROUP BY user_id"
_LATE = "SELECT user_id, sum(amount) AS amount FROM bets WHERE pool_id = ? AND invalidated_by = ? GROUP BY user_id"
_OF_SHARES = "SELECT user_id, {} AS amount FROM shares"
_OWNERS = {
    AccountKind.AVAILABLE: "= due.user_id",
    AccountKind.STAKED: "= due.user_id",
    AccountKind.CLEARING: "IS NULL",
}


class SettlementTransfers:
    """Moves the money of a settlement of a pool, in the pool's currency; amounts are those of the stored sums."""

    def __init__(self, connection: Connection, settlement_id: int, pool_id: int, currency: str, now_ms: int) -> None:
        self._connection = connection
        self._settlement_id = settlement_id
        self._pool_id = pool_id
        self._currency = currency
        self._now_ms = now_ms
        lock_accounts_of_pools(connection, [pool_id])

    def return_stakes(self) -> None:
        """Give all that is staked in the pool back."""
        self._move(AccountKind.STAKED, AccountKind.AVAILABLE, Reason.REFUND, _STAKED, (self._pool_id,))

    def take_stakes_again(self) -> None:
        """Undo `return_stakes`, but for the stakes of late bets, which are kept no longer."""
        self._move(AccountKind.AVAILABLE, AccountKind.STAKED, Reason.TAKE_BACK, _STAKED, (self._pool_id,))

    def refund_late_bets(self) -> None:
        """Give the stakes of the bets back that the settlement has found late."""
        values = (self._pool_id, self._settlement_id)
        self._move(AccountKind.STAKED, AccountKind.AVAILABLE, Reason.REFUND, _LATE, values)

    def divide_pot(self, takeout: int) -> None:
        """Move what is staked to the winners, by the shares kept, and to the house, through the clearing account."""
        clearing = account_id(self._connection, AccountKind.CLEARING, self._currency)
        self._move(AccountKind.STAKED, AccountKind.CLEARING, Reason.POT, _OF_SHARES.format("staked"))
        self._move(AccountKind.CLEARING, AccountKind.AVAILABLE, Reason.PAYOUT, _OF_SHARES.format("paid"))
        if takeout:
            house = account_id(self._connection, AccountKind.HOUSE, self._currency)
            kept = Transfer(clearing, house, takeout, Reason.TAKEOUT, None, self._settlement_id, self._now_ms)
            insert_transfers(self._connection, [kept])

    def reverse_division(self) -> None:
        """Compensate the transfers of `divide_pot`, the last first; refunds of late bets stay."""
        self._connection.execute(
            "INSERT INTO transfers (debit_id, credit_id, amount, reason, settlement_id, made_at)"
            " SELECT credit_id, debit_id, amount, ?, settlement_id, ? FROM transfers"
            " WHERE settlement_id = ? AND reason <> ? ORDER BY id DESC",
            (Reason.TAKE_BACK, self._now_ms, self._settlement_id, Reason.REFUND),
        )

    def _move(
        self, debited: AccountKind, credited: AccountKind, reason: Reason, amounts: str, values: Values = ()
    ) -> None:
        """Insert a transfer for each user to whom ``amounts``, a query of user ids and amounts, gives any.

        The accounts must be open: those of whoever has bet are. Each is looked up by a whole key, since no planner
        knows how few shares there may be.
        """
        account = "(SELECT id FROM accounts WHERE user_id {} AND currency = ? AND kind = ?)"
        self._connection.execute(
            "INSERT INTO transfers (debit_id, credit_id, amount, reason, settlement_id, made_at)"
            f" SELECT {account.format(_OWNERS[debited])}, {account.format(_OWNERS[credited])}, due.amount, ?, ?, ?"
            f" FROM ({amounts}) AS due WHERE due.amount > 0 ORDER BY due.user_id",
            (
                *(self._currency, debited),
                *(self._currency, credited),
                *(reason, self._settlement_id, self._now_ms),
                *values,
            ),
        )
