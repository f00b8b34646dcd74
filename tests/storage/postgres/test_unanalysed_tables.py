"""What is read of large tables that a planner knows nothing of: none was analysed since it was empty."""

from collections.abc import Callable

from gameserver.storage.ledger import list_balances_of_pool
from gameserver.storage.postgres.connection import PostgresConnection
from gameserver.storage.settlement_transfers import SettlementTransfers
from gameserver.storage.settlements import list_paid, list_settlements_of_pool, list_staked, update_taken_back
from gameserver.storage.tallied import tally_pools
from tests.support.rows import NOW, make_game

# Each of 10,000 users has bet in 2 of 1,000 pools, which have all ended but every tenth.
_PAST = """
SET session_replication_role = replica;
INSERT INTO users (id, username, is_provider, created_at)
    SELECT n, 'user' || n, 0, 1 FROM generate_series(1, 10000) AS n;
INSERT INTO accounts (kind, user_id, currency, balance)
    SELECT kind, n, 'DON', 1000 FROM generate_series(1, 10000) AS n, unnest(ARRAY['available', 'staked']) AS kind;
INSERT INTO pools (id, uuid, game_id, type, description, target_level, unlisted_target, takeout_millionths, created_at,
        start_at, recreate_on_end, is_blocked, status, settlement_id)
    SELECT n, lpad(n::text, 36, '0'), 1 + n % 100, 3, '', 1, 'none', 0, 1, 1, 0, 0,
        CASE WHEN n % 10 = 0 THEN 'open' ELSE 'resolved' END, CASE WHEN n % 10 > 0 THEN n END
    FROM generate_series(1, 1000) AS n;
INSERT INTO settlements (id, pool_id, cause, position, takeout, settled_at) SELECT id, id, 'event', 0, 0, 1 FROM pools;
INSERT INTO divisions SELECT id, 0, 10, 10, 1, 1 FROM pools;
INSERT INTO participations (user_id, game_id, pool_id, is_running)
    SELECT n, game_id, pools.id, CASE status WHEN 'open' THEN 1 ELSE 0 END
    FROM generate_series(1, 10000) AS n JOIN pools ON pools.id IN (1 + n % 1000, 1 + (n + 37) % 1000);
INSERT INTO stakes SELECT user_id, pool_id, 0, 10, 1, 1 FROM participations;
SET session_replication_role = origin;
"""


def _gone_through(connection: PostgresConnection) -> dict[str, int]:
    """How many rows of the large tables were read though no index led to them."""
    rows = connection.execute("SELECT relname, seq_tup_read FROM pg_stat_xact_user_tables")
    large = ("accounts", "divisions", "participations", "pools", "settlements", "stakes", "users")
    return {table: read for table, read in rows.fetchall() if table in large}


def _settle_and_take_back(connection: PostgresConnection) -> None:
    (settlement,) = list_settlements_of_pool(connection, 1)
    transfers = SettlementTransfers(connection, settlement.id, 1, "DON", NOW)
    tally_pools(connection, [1])
    transfers.take_stakes_again()
    transfers.return_stakes()
    update_taken_back(connection, settlement, NOW)


def test_no_large_table_is_gone_through_for_what_an_index_leads_to(connection: PostgresConnection) -> None:
    for _ in range(100):
        make_game(connection)
    connection.execute_script(_PAST)
    connection.execute("BEGIN")
    works: dict[str, Callable[[], object]] = {
        "staked": lambda: list_staked(connection, 1),
        "paid": lambda: list_paid(connection, 1),
        "balances": lambda: list_balances_of_pool(connection, 1, "DON"),
        "settled": lambda: _settle_and_take_back(connection),
    }
    for name, work in works.items():
        before = _gone_through(connection)
        work()
        assert (name, _gone_through(connection)) == (name, before)
    connection.execute("ROLLBACK")
