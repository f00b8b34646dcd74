"""A primary that stops at once, and its synchronous standby in its place."""

from pathlib import Path

import pytest
import trio

from gameserver.config import SECRET_VARIABLE
from gameserver.storage.postgres.connection import open_writer
from tests.support.harness import Client, FakeClock, running_server
from tests.support.postgres import find_binaries, running_cluster, running_standby
from tests.support.settling import accepted, faults_of, lay_table, of_kind, seqs

STAKE = 1
WAITS = {"synchronous_standby_names": "standby", "synchronous_commit": "remote_apply"}


@pytest.mark.time_limit(120)
async def test_nothing_acknowledged_is_lost_with_the_primary(
    monkeypatch: pytest.MonkeyPatch, clock: FakeClock, tmp_path: Path
) -> None:
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("there is no PostgreSQL on this machine: on Debian, apt-get install postgresql")
    monkeypatch.setenv(SECRET_VARIABLE, "5e" * 32)
    with running_cluster(binaries) as primary, running_standby(binaries, primary) as standby:
        for name, value in WAITS.items():
            primary.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        primary.execute("SELECT pg_reload_conf()")
        url = primary.empty_database().replace(f"host={primary.folder}", f"host={primary.folder},{standby.folder}")
        acknowledged: set[str] = set()
        before = -1
        async with running_server(url, clock) as server:
            table = await lay_table(server, clock)
            pool, watcher = await table.pool(), await table.watcher()
            done = trio.Event()

            async def bet(client: Client) -> None:
                while not done.is_set():
                    reply = await client.call(392, pool_id=pool, target="argentina", amount=STAKE)
                    if reply["res"] == 666:
                        assert reply["code"] in ("storage_unavailable", "busy"), reply
                        await trio.sleep(0.05)
                    else:
                        acknowledged.add(reply["bet_id"])

            async def until_more(count: int) -> None:
                enough = len(acknowledged) + count
                with trio.fail_after(60):
                    while len(acknowledged) < enough:  # noqa: ASYNC110 - nothing else tells
                        await trio.sleep(0.01)

            async with trio.open_nursery() as nursery:
                for name in ("ann", "bob", "cat"):
                    nursery.start_soon(bet, await table.client(name))
                await until_more(20)
                await trio.to_thread.run_sync(primary.stop_at_once)
                before = len(acknowledged)
                await trio.to_thread.run_sync(standby.execute, "SELECT pg_promote()")
                standby.execute("ALTER SYSTEM SET synchronous_standby_names = ''")
                standby.execute("SELECT pg_reload_conf()")
                await until_more(20)
                done.set()
            await table.event()
            heard = await watcher.heard()
            while not of_kind(heard, 362):
                heard += [await watcher.receive()]
            numbers = seqs(heard)
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
            assert (await accepted(table.admin, 1))["res"] == 1
        assert len(acknowledged) > before
        with open_writer(url) as connection:
            stored = {uuid for (uuid,) in connection.execute("SELECT uuid FROM bets")}
        assert acknowledged <= stored
        assert faults_of(url) == []
