"""PostgreSQL's schema refuses SQL that would break the ledger, as SQLite's does."""

import psycopg
import pytest

from gameserver.storage.check import find_faults
from gameserver.storage.ledger import AccountKind, Reason, Transfer, account_id, get_balance, insert_transfers
from gameserver.storage.postgres.connection import PostgresConnection
from tests.storage.test_ledger_rules import FOLLOW, HOLDS, TAKES, VALIDITY
from tests.support.rows import NOW, make_bet, make_game, make_pool, make_user

MINT, AVAILABLE, STAKED, CLEARING, EUROS = 1, 2, 3, 4, 5

MOVE = "INTO transfers (debit_id, credit_id, amount, reason, made_at) VALUES"
OPEN = "INTO accounts (kind, user_id, currency, balance, moved_by) VALUES"

REFUSED = [
    ("UPDATE transfers SET amount = 1", "transfers are never changed"),
    ("UPDATE transfers SET id = 9 WHERE id = 2", "transfers are never changed"),
    ("DELETE FROM transfers", "transfers are never deleted"),
    ("TRUNCATE transfers CASCADE", "transfers are never deleted"),
    ("INSERT INTO transfers VALUES (2, 1, 4, 900, 'credit', NULL, NULL, 0)", "transfers_pkey"),
    (
        "INSERT INTO transfers VALUES (2, 1, 4, 900, 'credit', NULL, NULL, 0)"
        " ON CONFLICT (id) DO UPDATE SET amount = excluded.amount",
        "transfers are never changed",
    ),
    ("INSERT INTO transfers VALUES (-9, 1, 2, 900, 'credit', NULL, NULL, 0)", FOLLOW),
    (f"INSERT {MOVE} ({MINT}, {EUROS}, 1, 'credit', 0)", HOLDS),
    (f"INSERT {MOVE} ({MINT}, 77, 1, 'credit', 0)", "transfers_credit_id_fkey"),
    (f"INSERT {MOVE} ({AVAILABLE}, {STAKED}, 1, 'stake', 0)", TAKES),
    (f"INSERT {MOVE} ({AVAILABLE}, {CLEARING}, 1, 'pot', 0) ON CONFLICT DO NOTHING", TAKES),
    (f"INSERT {MOVE} ({STAKED}, {AVAILABLE}, 301, 'take_back', 0)", "accounts_check"),
    (f"INSERT {MOVE} ({MINT}, {AVAILABLE}, {2**53 - 300}, 'credit', 0)", "accounts_balance_check"),
    (f"INSERT {MOVE} ({MINT}, {AVAILABLE}, 0, 'credit', 0)", "transfers_amount_check"),
    (f"INSERT {MOVE} ({MINT}, {MINT}, 5, 'credit', 0)", "transfers_check"),
    # In this order the first finds nothing to take, though all together would leave enough.
    (
        f"INSERT {MOVE} ({AVAILABLE}, {STAKED}, 5, 'stake', 0), ({MINT}, {AVAILABLE}, 5, 'credit', 0)",
        TAKES,
    ),
    (f"UPDATE accounts SET balance = 5 WHERE id = {AVAILABLE}", FOLLOW),
    (f"UPDATE accounts SET balance = 5, moved_by = 2 WHERE id = {AVAILABLE}", FOLLOW),
    (f"UPDATE accounts SET balance = 5, moved_by = 99 WHERE id = {AVAILABLE}", FOLLOW),
    ("UPDATE accounts SET currency = 'EUR'", FOLLOW),
    ("DELETE FROM accounts", "accounts are never deleted"),
    ("TRUNCATE accounts CASCADE", "are never deleted"),
    (f"INSERT {OPEN} ('available', 2, 'DON', 5, 0)", "an account begins empty"),
    (f"INSERT {OPEN} ('available', 2, 'DON', 0, 2)", "an account begins empty"),
    (f"INSERT {OPEN} ('staked', 1, 'DON', 0, 0)", "user_accounts"),
    (f"INSERT {OPEN} ('mint', NULL, 'DON', 0, 0)", "house_accounts"),
    ("UPDATE bets SET amount = 200", VALIDITY),
    ("UPDATE bets SET uuid = upper(uuid)", VALIDITY),
    ("UPDATE bets SET id = 9", VALIDITY),
    ("DELETE FROM bets", "bets are never deleted"),
    ("TRUNCATE bets CASCADE", "are never deleted"),
    ("UPDATE pools SET is_blocked = 1", "a change of a pool raises its version"),
]


@pytest.fixture
def ledger(connection: PostgresConnection) -> PostgresConnection:
    """Two users, of whom the first has bet 300, which was all; the accounts are as numbered above."""
    pool = make_pool(connection, make_game(connection).id)
    make_bet(connection, pool, make_user(connection), 300)
    make_user(connection, "bob")
    assert account_id(connection, AccountKind.CLEARING, "DON") == CLEARING
    assert account_id(connection, AccountKind.AVAILABLE, "EUR", 1) == EUROS
    return connection


def rows_of(ledger: PostgresConnection) -> list[list[object]]:
    return [
        ledger.execute(f"SELECT * FROM {table} ORDER BY id").fetchall() for table in ("transfers", "accounts", "bets")
    ]


@pytest.mark.parametrize(("statement", "message"), REFUSED)
def test_a_statement_that_would_break_the_ledger_changes_nothing(
    ledger: PostgresConnection, statement: str, message: str
) -> None:
    before = rows_of(ledger)
    with pytest.raises(psycopg.IntegrityError, match=message):
        ledger.execute(statement)
    assert rows_of(ledger) == before
    assert find_faults(ledger) == []


def test_the_transfers_of_a_statement_are_made_in_the_order_of_their_ids(ledger: PostgresConnection) -> None:
    insert_transfers(
        ledger,
        [
            Transfer(MINT, AVAILABLE, 5, Reason.CREDIT, None, None, NOW),
            Transfer(AVAILABLE, CLEARING, 5, Reason.POT, None, None, NOW),
            Transfer(CLEARING, AVAILABLE, 2, Reason.PAYOUT, None, None, NOW),
        ],
    )
    assert [get_balance(ledger, account) for account in (MINT, AVAILABLE, CLEARING)] == [-305, 2, 3]


def test_taking_back_may_leave_less_than_nothing_and_only_that(ledger: PostgresConnection) -> None:
    insert_transfers(ledger, [Transfer(AVAILABLE, STAKED, 7, Reason.TAKE_BACK, None, None, NOW)])
    assert get_balance(ledger, AVAILABLE) == -7
    with pytest.raises(psycopg.IntegrityError, match=TAKES):
        insert_transfers(ledger, [Transfer(AVAILABLE, STAKED, 1, Reason.STAKE, None, None, NOW)])
