"""The schema itself refuses SQL that would break the ledger, from whatever program it comes."""

import sqlite3

import pytest

from gameserver.domain.parimutuel import Division, Split
from gameserver.engine.tally import Tally
from gameserver.storage.check import find_faults
from gameserver.storage.ledger import (
    AccountKind,
    Reason,
    Transfer,
    account_id,
    get_balance,
    get_balances,
    insert_credit,
    insert_transfers,
)
from gameserver.storage.settlements import NewSettlement, insert_settlements
from gameserver.storage.sqlite.connection import SqliteConnection
from tests.support.rows import NOW, make_bet, make_game, make_pool, make_user

# The accounts of the ledger below; the transfers are 1, a credit of 300, and 2, the stake, of bet 1 in pool 1.
MINT, AVAILABLE, STAKED, CLEARING, EUROS = 1, 2, 3, 4, 5

MOVE = "INTO transfers (debit_id, credit_id, amount, reason, made_at) VALUES"
OPEN = "INTO accounts (kind, user_id, currency)"
TAKES = "a transfer takes what an account has"
HOLDS = "a transfer gives what an account of its currency can hold"
FOLLOW = "accounts are changed by transfers alone"
NEW = {table: f"{table} are never replaced" for table in ("transfers", "accounts", "bets")}
VALIDITY = "of a bet only its validity changes"

REFUSED = [
    ("UPDATE transfers SET amount = 1", "transfers are never changed"),
    ("UPDATE OR REPLACE transfers SET rowid = 1 WHERE id = 2", "transfers are never changed"),
    ("UPDATE transfers SET made_at = 0 WHERE id = 1", "transfers are never changed"),
    ("DELETE FROM transfers", "transfers are never deleted"),
    ("REPLACE INTO transfers VALUES (1, 1, 2, 900, 'credit', NULL, NULL, 0)", NEW["transfers"]),
    ("REPLACE INTO transfers VALUES (2, 1, 4, 900, 'credit', NULL, NULL, 0)", NEW["transfers"]),
    ("INSERT INTO transfers VALUES (-9, 1, 2, 900, 'credit', NULL, NULL, 0)", FOLLOW),
    (f"INSERT {MOVE} ({MINT}, {EUROS}, 1, 'credit', 0)", HOLDS),
    (f"INSERT {MOVE} ({MINT}, 77, 1, 'credit', 0)", HOLDS),
    (f"INSERT {MOVE} (77, 78, 1, 'take_back', 0)", TAKES),
    (f"INSERT {MOVE} ({AVAILABLE}, {STAKED}, 1, 'stake', 0)", TAKES),
    (f"INSERT OR IGNORE {MOVE} ({AVAILABLE}, {CLEARING}, 1, 'pot', 0)", TAKES),
    (f"INSERT {MOVE} ({CLEARING}, {AVAILABLE}, 1, 'payout', 0)", TAKES),
    (f"INSERT {MOVE} ({STAKED}, {AVAILABLE}, 301, 'take_back', 0)", "CHECK constraint failed: balance >= 0"),
    (f"INSERT OR IGNORE {MOVE} ({STAKED}, {AVAILABLE}, 301, 'take_back', 0)", TAKES),
    (f"INSERT OR IGNORE {MOVE} ({MINT}, {AVAILABLE}, {2**53 - 300}, 'credit', 0)", TAKES),
    (f"INSERT {MOVE} ({MINT}, {AVAILABLE}, 0, 'credit', 0)", "CHECK constraint failed: amount > 0"),
    (f"INSERT {MOVE} ({MINT}, {AVAILABLE}, -5, 'credit', 0)", "CHECK constraint failed: amount > 0"),
    (f"INSERT {MOVE} ({MINT}, {MINT}, 5, 'credit', 0)", "CHECK constraint failed: debit_id <> credit_id"),
    (f"UPDATE accounts SET balance = 5 WHERE id = {AVAILABLE}", FOLLOW),
    ("UPDATE OR IGNORE accounts SET balance = balance + 1", FOLLOW),
    (f"UPDATE accounts SET balance = 5, moved_by = 2 WHERE id = {AVAILABLE}", FOLLOW),
    (f"UPDATE accounts SET balance = 5, moved_by = 99 WHERE id = {AVAILABLE}", FOLLOW),
    (f"UPDATE accounts SET balance = -305, moved_by = 2 WHERE id = {MINT}", FOLLOW),
    ("UPDATE accounts SET moved_by = 0", FOLLOW),
    ("UPDATE accounts SET currency = 'EUR'", FOLLOW),
    (f"UPDATE accounts SET user_id = 2 WHERE id = {STAKED}", FOLLOW),
    (f"UPDATE accounts SET kind = 'house' WHERE id = {MINT}", FOLLOW),
    (f"UPDATE accounts SET id = 9 WHERE id = {STAKED}", FOLLOW),
    (f"UPDATE OR REPLACE accounts SET rowid = {STAKED} WHERE id = {AVAILABLE}", FOLLOW),
    ("DELETE FROM accounts", "accounts are never deleted"),
    (f"INSERT {OPEN[:-1]}, balance) VALUES ('available', 2, 'DON', 5)", "an account begins empty"),
    (f"INSERT {OPEN[:-1]}, moved_by) VALUES ('available', 2, 'DON', 2)", "an account begins empty"),
    (f"REPLACE INTO accounts (id, kind, user_id, currency) VALUES ({STAKED}, 'staked', 2, 'DON')", NEW["accounts"]),
    (f"REPLACE {OPEN} VALUES ('staked', 1, 'DON')", NEW["accounts"]),
    (f"REPLACE {OPEN} VALUES ('mint', NULL, 'DON')", NEW["accounts"]),
    ("UPDATE bets SET amount = 200", VALIDITY),
    ("UPDATE bets SET user_id = 2", VALIDITY),
    ("UPDATE bets SET position = 1", VALIDITY),
    ("UPDATE bets SET pool_id = 2", VALIDITY),
    ("UPDATE bets SET placed_at = 0", VALIDITY),
    ("UPDATE bets SET after_journal_id = 9", VALIDITY),
    ("UPDATE bets SET previous_id = 9", VALIDITY),
    ("UPDATE bets SET uuid = upper(uuid)", VALIDITY),
    ("UPDATE bets SET id = 9", VALIDITY),
    ("UPDATE bets SET rowid = 9", VALIDITY),
    ("UPDATE bets SET oid = 9", VALIDITY),
    ("UPDATE bets SET _rowid_ = 9", VALIDITY),
    ("DELETE FROM bets", "bets are never deleted"),
    (
        "REPLACE INTO bets (id, uuid, pool_id, user_id, position, amount, placed_at, after_journal_id)"
        " SELECT id, printf('%036d', 0), pool_id, user_id, position, 900, placed_at, after_journal_id FROM bets",
        NEW["bets"],
    ),
    (
        "REPLACE INTO bets (uuid, pool_id, user_id, position, amount, placed_at, after_journal_id)"
        " SELECT uuid, pool_id, user_id, position, 900, placed_at, after_journal_id FROM bets",
        NEW["bets"],
    ),
]


@pytest.fixture
def ledger(connection: SqliteConnection) -> SqliteConnection:
    """Two users, of whom the first has bet 300, which was all; the accounts are as numbered above.

    Foreign keys are not enforced, as in a program that does not ask for it.
    """
    pool = make_pool(connection, make_game(connection).id)
    make_bet(connection, pool, make_user(connection), 300)
    make_user(connection, "bob")
    assert account_id(connection, AccountKind.CLEARING, "DON") == CLEARING
    assert account_id(connection, AccountKind.AVAILABLE, "EUR", 1) == EUROS
    connection.execute("PRAGMA foreign_keys = OFF")
    return connection


@pytest.mark.parametrize(("statement", "message"), REFUSED)
def test_a_statement_that_would_break_the_ledger_changes_nothing(
    ledger: SqliteConnection, statement: str, message: str
) -> None:
    before = list(ledger.iterdump())
    with pytest.raises(sqlite3.IntegrityError, match=message):
        ledger.execute(statement)
    assert list(ledger.iterdump()) == before
    assert find_faults(ledger) == []


def test_an_account_that_can_hold_no_more_is_not_passed_over(ledger: SqliteConnection) -> None:
    insert_transfers(ledger, [Transfer(MINT, STAKED, 2**53 - 301, Reason.CREDIT, None, None, NOW)])
    with pytest.raises(sqlite3.IntegrityError, match=HOLDS):
        ledger.execute(f"INSERT OR IGNORE {MOVE} ({AVAILABLE}, {STAKED}, 1, 'take_back', 0)")
    assert (get_balance(ledger, STAKED), get_balance(ledger, AVAILABLE)) == (2**53 - 1, 0)


def settle(ledger: SqliteConnection, pot: int, paid: int) -> None:
    """Settle pool 1, whose pot and payouts are these."""
    divisions = {0: Division(300, 300, 300, 0)}
    new = NewSettlement(1, None, "close", (0,), Split.PROFIT, 0, NOW, divisions)
    (settlement,) = insert_settlements(ledger, [new])
    moves = [
        Transfer(STAKED, CLEARING, pot, Reason.POT, None, settlement, NOW),
        Transfer(CLEARING, AVAILABLE, paid, Reason.PAYOUT, None, settlement, NOW),
    ]
    insert_transfers(ledger, moves)
    ledger.execute("UPDATE pools SET status = 'resolved', settlement_id = ?, version = version + 1", (settlement,))
    tally = Tally()
    tally.add(ledger, [1])
    tally.store(ledger, NOW)


FACTS = "a settlement is never changed"
DIVISION = "a division is never changed"
LATER = "divisions are never added later or replaced"
SETTLED = [
    ("UPDATE settlements SET takeout = 1", FACTS),
    ("UPDATE settlements SET position = 1", FACTS),
    ("UPDATE settlements SET newest_bet_id = 0", FACTS),
    ("UPDATE settlements SET settled_at = 0", FACTS),
    ("UPDATE settlements SET pool_id = 2", FACTS),
    ("UPDATE settlements SET event_id = 2", FACTS),
    ("UPDATE settlements SET cause = 'void'", FACTS),
    ("UPDATE settlements SET rowid = 9", FACTS),
    ("UPDATE settlements SET taken_back_at = NULL", "a settlement is taken back once"),
    ("DELETE FROM settlements", "settlements are never deleted"),
    (
        "REPLACE INTO settlements (id, pool_id, cause, takeout, settled_at) VALUES (1, 1, 'void', 0, 0)",
        "settlements are never replaced",
    ),
    ("UPDATE divisions SET pot = 1", DIVISION),
    ("UPDATE divisions SET last_bet_id = 1", DIVISION),
    ("UPDATE divisions SET position = 1", DIVISION),
    ("DELETE FROM divisions", "divisions are never deleted"),
    ("REPLACE INTO divisions VALUES (1, 0, 1, 1, 1, 1)", LATER),
    ("INSERT INTO divisions VALUES (1, 1, 1, 1, 1, 1)", LATER),
    ("UPDATE bets SET invalidated_by = NULL", "a bet is invalidated once"),
]


@pytest.mark.parametrize(("statement", "message"), SETTLED)
def test_a_statement_that_would_change_what_a_settlement_has_paid_changes_nothing(
    ledger: SqliteConnection, statement: str, message: str
) -> None:
    settle(ledger, 300, 300)
    before = list(ledger.iterdump())
    with pytest.raises(sqlite3.IntegrityError, match=message):
        ledger.execute(statement)
    assert list(ledger.iterdump()) == before
    assert find_faults(ledger) == []


def test_a_settlement_is_taken_back_once_and_a_bet_invalidated_once(ledger: SqliteConnection) -> None:
    settle(ledger, 300, 300)
    ledger.execute("UPDATE settlements SET taken_back_at = 5")
    ledger.execute("UPDATE bets SET invalidated_by = 1")
    with pytest.raises(sqlite3.IntegrityError, match="a settlement is taken back once"):
        ledger.execute("UPDATE settlements SET taken_back_at = 6")
    with pytest.raises(sqlite3.IntegrityError, match="a bet is invalidated once"):
        ledger.execute("UPDATE bets SET invalidated_by = 2")


def test_a_settlement_gets_no_division_once_it_is_taken_back(ledger: SqliteConnection) -> None:
    (settlement,) = insert_settlements(ledger, [NewSettlement(1, None, "close", (), Split.PROFIT, 0, NOW, {})])
    ledger.execute("UPDATE settlements SET taken_back_at = 5")
    with pytest.raises(sqlite3.IntegrityError, match=LATER):
        ledger.execute("INSERT INTO divisions VALUES (?, 1, 1, 1, 1, 1)", (settlement,))


def test_a_settlement_that_keeps_some_of_the_pot_is_refused(ledger: SqliteConnection) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="a settlement pays out what it took"):
        settle(ledger, 300, 299)


def test_a_settlement_that_pays_more_than_the_pot_is_refused(ledger: SqliteConnection) -> None:
    with pytest.raises(sqlite3.IntegrityError, match=TAKES):
        settle(ledger, 300, 301)


def test_a_settlement_taken_back_in_part_is_refused(ledger: SqliteConnection) -> None:
    settle(ledger, 300, 300)
    insert_transfers(ledger, [Transfer(AVAILABLE, CLEARING, 300, Reason.TAKE_BACK, None, 1, NOW)])
    with pytest.raises(sqlite3.IntegrityError, match="a settlement pays out what it took"):
        ledger.execute("UPDATE pools SET status = 'open', settlement_id = NULL, version = version + 1")


def test_money_that_strays_into_clearing_is_named_and_stops_no_settlement(ledger: SqliteConnection) -> None:
    insert_transfers(ledger, [Transfer(MINT, CLEARING, 7, Reason.CREDIT, None, None, NOW)])
    settle(ledger, 300, 300)
    assert any("between transactions, not zero" in fault for fault in find_faults(ledger))


def test_taking_back_leaves_less_than_nothing_and_credits_make_up_for_it(ledger: SqliteConnection) -> None:
    settle(ledger, 300, 300)
    house = account_id(ledger, AccountKind.HOUSE, "DON")
    insert_transfers(ledger, [Transfer(AVAILABLE, house, 300, Reason.TAKEOUT, None, 1, NOW)])
    insert_transfers(ledger, [Transfer(AVAILABLE, CLEARING, 300, Reason.TAKE_BACK, None, 1, NOW)])
    insert_transfers(ledger, [Transfer(CLEARING, STAKED, 300, Reason.TAKE_BACK, None, 1, NOW)])
    assert get_balances(ledger, 1, "DON") == (-300, 300)
    insert_credit(ledger, 1, "DON", 100, NOW)
    assert get_balances(ledger, 1, "DON") == (-200, 300)
    with pytest.raises(sqlite3.IntegrityError, match=TAKES):
        insert_transfers(ledger, [Transfer(AVAILABLE, STAKED, 1, Reason.STAKE, 1, None, NOW)])
    assert get_balance(ledger, MINT) == -400
