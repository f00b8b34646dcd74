"""The ledger: append-only double-entry transfers between accounts, in minor units.

Balances are kept by the schema's trigger, so that each is the sum of its transfers by construction; all
balances of a currency, the mint's included, sum to zero.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from gameserver.storage.connection import Connection


class AccountKind(StrEnum):
    """The purpose of an account. The clearing account is empty between transactions."""

    AVAILABLE = "available"
    STAKED = "staked"
    CLEARING = "clearing"
    HOUSE = "house"
    MINT = "mint"


class Reason(StrEnum):
    """The reason for a transfer."""

    CREDIT = "credit"
    STAKE = "stake"
    POT = "pot"
    PAYOUT = "payout"
    REFUND = "refund"
    TAKEOUT = "takeout"
    TAKE_BACK = "take_back"


class Transfer(NamedTuple):
    """A transfer of minor units from the debited account to the credited one."""

    debit_id: int
    credit_id: int
    amount: int
    reason: Reason
    bet_id: int | None
    settlement_id: int | None
    made_at: int


class Balances(NamedTuple):
    """A user's balances in a currency, in minor units: available, and staked in running bets."""

    available: int
    staked: int


def account_id(connection: Connection, kind: AccountKind, currency: str, user_id: int | None = None) -> int:
    """The id of the account, which is opened if it is missing."""
    # Two conditions, since each needs an index of its own.
    owner, bound = ("user_id IS NULL", ()) if user_id is None else ("user_id = ?", (user_id,))
    row = connection.execute(
        f"SELECT id FROM accounts WHERE {owner} AND currency = ? AND kind = ?", (*bound, currency, kind)
    ).fetchone()
    if row is not None:
        return int(row[0])
    query = "INSERT INTO accounts (kind, user_id, currency) VALUES (?, ?, ?)"
    return connection.insert(query, (kind, user_id, currency))


def lock_accounts(connection: Connection, user_ids: Iterable[int]) -> None:
    """Have the accounts of users to oneself until the transaction ends."""
    connection.lock_rows("accounts", ("user_id", "id"), user_ids)


def lock_accounts_of_pools(connection: Connection, pool_ids: Iterable[int]) -> None:
    """Have to oneself, until the transaction ends, what settlements of pools change beside the pools' game.

    That is the accounts of all who have bet, the common ones, and what is kept of users; whoever settles several pools
    says so first, so that accounts are locked in one order.
    """
    unlocked = connection.lock_settlements(pool_ids)
    if unlocked:
        query = "SELECT DISTINCT user_id FROM given JOIN participations ON participations.pool_id = given.pool_id"
        rows = connection.execute_with(query, ("pool_id",), [(pool_id,) for pool_id in unlocked]).fetchall()
        lock_accounts(connection, [user_id for (user_id,) in rows])


def insert_transfers(connection: Connection, transfers: Iterable[Transfer]) -> None:
    """Record any number of transfers in one statement."""
    connection.insert_many("transfers", Transfer._fields, transfers)


def get_balance(connection: Connection, account: int) -> int:
    """The balance of an account, in minor units."""
    balance: int = connection.execute("SELECT balance FROM accounts WHERE id = ?", (account,)).fetchone()[0]
    return balance


def get_balances(connection: Connection, user_id: int, currency: str) -> Balances:
    """A user's balances in a currency; zero in a currency never used."""
    held = dict(
        connection.execute("SELECT kind, balance FROM accounts WHERE user_id = ? AND currency = ?", (user_id, currency))
    )
    return Balances(held.get(AccountKind.AVAILABLE, 0), held.get(AccountKind.STAKED, 0))


def list_balances_of_pool(connection: Connection, pool_id: int, currency: str) -> dict[int, Balances]:
    """The balances, in a pool's currency, of all who have taken part in it, by user id."""
    balance = "(SELECT balance FROM accounts WHERE user_id = p.user_id AND currency = ? AND kind = '{}')"
    users, *balances = connection.list_columns(
        ("user_id", "available", "staked"),
        f"SELECT user_id, {balance.format('available')} AS available, {balance.format('staked')} AS staked"
        " FROM participations AS p WHERE pool_id = ? ORDER BY user_id",
        (currency, currency, pool_id),
    )
    return dict(zip(users, map(Balances, *balances), strict=True))


def insert_credit(connection: Connection, user_id: int, currency: str, amount: int, now_ms: int) -> int:
    """Mint an amount, in minor units, for a user; returns the total minted in the currency."""
    mint = account_id(connection, AccountKind.MINT, currency)
    available = account_id(connection, AccountKind.AVAILABLE, currency, user_id)
    insert_transfers(connection, [Transfer(mint, available, amount, Reason.CREDIT, None, None, now_ms)])
    return -get_balance(connection, mint)


def take_credit(connection: Connection, user_id: int, currency: str, amount: int, now_ms: int) -> None:
    """Give an amount that a user has available, in minor units, back to the mint."""
    mint = account_id(connection, AccountKind.MINT, currency)
    available = account_id(connection, AccountKind.AVAILABLE, currency, user_id)
    insert_transfers(connection, [Transfer(available, mint, amount, Reason.CREDIT, None, None, now_ms)])


def get_minted(connection: Connection, currency: str) -> int:
    """The total minted in a currency, in minor units."""
    row = connection.execute(
        "SELECT balance FROM accounts WHERE user_id IS NULL AND currency = ? AND kind = ?", (currency, AccountKind.MINT)
    ).fetchone()
    return -row[0] if row else 0
