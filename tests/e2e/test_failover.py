"""A primary that stops at once, and its synchronous standby in its place, with two servers serving."""

from itertools import cycle
from operator import gt

import pytest
import trio

from gameserver.config import SECRET_VARIABLE
from gameserver.storage.postgres.connection import open_writer
from tests.support.harness import FakeClock, running_server
from tests.support.nodes import Nodes, join, running_nodes, until
from tests.support.postgres import Pair
from tests.support.settling import accepted, faults_of, lay_table, seqs

SERVERS = 2
MORE = 10  # bets at each server


class Betting:
    """Users who bet at each of the servers, each bet with a key, and ask the other where one refuses."""

    def __init__(self, nodes: Nodes, pool: str) -> None:
        self._nodes = nodes
        self._pool = pool
        self._over = False
        self.acknowledged: list[dict[str, str]] = [{} for _ in nodes.servers]  # by key

    async def run(self, name: str, at: int) -> None:
        """Bet until all is over."""
        clients = await self._nodes.everywhere(name)
        servers = cycle([*range(at, SERVERS), *range(at)])
        while not self._over:
            key = f"{name}-{sum(map(len, self.acknowledged))}"
            for number in servers:
                reply = await clients[number].call(
                    392, header={"key": key}, pool_id=self._pool, target="argentina", amount=1
                )
                if reply["res"] != 666:
                    self.acknowledged[number][key] = reply["bet_id"]
                    break
                assert reply["code"] in ("storage_unavailable", "busy"), reply
                await trio.sleep(0.05)

    async def until_more(self) -> None:
        """Wait until each server has acknowledged some more."""
        enough = [len(bets) + MORE for bets in self.acknowledged]
        with trio.fail_after(60):
            while any(map(gt, enough, map(len, self.acknowledged))):  # noqa: ASYNC110 - nothing else tells
                await trio.sleep(0.01)

    def stop(self) -> None:
        """Have nobody bet again."""
        self._over = True


@pytest.mark.time_limit(180)
async def test_nothing_acknowledged_by_either_of_two_servers_is_lost_with_the_primary(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, clock: FakeClock
) -> None:
    monkeypatch.setenv(SECRET_VARIABLE, "5e" * 32)
    url = pair.empty_database()
    async with running_server(url, clock) as server:
        table = await lay_table(server, clock)
        async with running_nodes(table, url, SERVERS) as nodes:
            betting = Betting(nodes, await table.pool())
            watchers = await nodes.everywhere("watcher")
            for watcher in watchers:
                joined = await join(watcher, table.game)
            async with trio.open_nursery() as nursery:
                for number, name in enumerate(("ann", "bob", "cat", "dan")):
                    nursery.start_soon(betting.run, name, number % SERVERS)
                await betting.until_more()
                await trio.to_thread.run_sync(pair.fail_over)
                await betting.until_more()
                betting.stop()
            await accepted(await nodes.connect(1, "provider"), 395, **table.draft())
            heard = [seqs(await until(watcher, 362)) for watcher in watchers]
            first = joined["seq"] + 1
            assert heard == [list(range(first, first + len(heard[0])))] * SERVERS
    bets = [bet for taken in betting.acknowledged for bet in taken.values()]
    with open_writer(url) as connection:
        stored = [uuid for (uuid,) in connection.execute("SELECT uuid FROM bets")]
    assert sorted(stored) == sorted(bets)
    assert faults_of(url) == []
