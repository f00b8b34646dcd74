"""Whatever is asked of several servers at one moment comes to what one server would have made of it."""

from collections import Counter
from functools import partial
from itertools import cycle
from typing import Any

import pytest
import trio

from gameserver.storage.postgres import writer
from gameserver.storage.postgres.announcements import begin_batch
from tests.support.harness import Client
from tests.support.nodes import Nodes, execute, join, until
from tests.support.settling import BETTORS, STARTING_BALANCE, accepted, seqs

STAKE = 1


@pytest.fixture
def engine() -> str:
    """Only a database server can be shared."""
    return "postgres"


async def at_once(clients: list[Client], op: int, times: int = 1, **parameters: Any) -> list[dict[str, Any]]:
    """The replies to a request that each client sends so many times, one after the other."""
    replies: list[dict[str, Any]] = []

    async def send(client: Client) -> None:
        for _ in range(times):
            replies.append(await client.call(op, **parameters))

    async with trio.open_nursery() as nursery:
        for client in clients:
            nursery.start_soon(send, client)
    return replies


def codes(replies: list[dict[str, Any]]) -> Counter[str]:
    """How many were refused with each code, and how many were not."""
    return Counter(reply.get("code", "accepted") for reply in replies)


class Betting:
    """Everybody bets at every server, until told to stop or the pool is resolved."""

    def __init__(self, nodes: Nodes, pool: str) -> None:
        self._nodes = nodes
        self._pool = pool
        self._stopped = False
        self.taken: list[str] = []

    async def run(self, nursery: trio.Nursery) -> None:
        """Begin; some bets are taken when this returns."""
        for number, name in enumerate(BETTORS):
            for client in await self._nodes.everywhere(name):
                nursery.start_soon(self._bet, client, ("argentina", "brazil")[number % 2])
        with trio.fail_after(20):
            while len(self.taken) < 20 * len(self._nodes.servers):  # noqa: ASYNC110 - nothing else tells
                await trio.sleep(0.005)

    def stop(self) -> None:
        """Have nobody bet again."""
        self._stopped = True

    async def _bet(self, client: Client, target: str) -> None:
        while not self._stopped:
            reply = await client.call(392, pool_id=self._pool, target=target, amount=STAKE)
            for clock in self._nodes.clocks:
                clock.time_ms += 10
            if reply["res"] == 666:
                assert reply["code"] == "pool_resolved", reply
                return
            self.taken.append(reply["bet_id"])


async def net_of_all(nodes: Nodes) -> float:
    """What all bettors together have available above what they started with."""
    return round(sum([await nodes.table.net(name) for name in BETTORS]), 2)


SLIPPED_IN = "SELECT count(*) FROM bets JOIN settlements AS s ON s.pool_id = bets.pool_id WHERE bets.id > newest_bet_id"


async def test_no_bet_slips_into_a_settlement_at_another_server(nodes: Nodes, location: str) -> None:
    taken = 0
    for number in range(len(nodes.servers)):
        operator = await nodes.connect(number, "provider")
        pool = await nodes.table.pool()
        betting = Betting(nodes, pool)
        async with trio.open_nursery() as nursery:
            await betting.run(nursery)
            await accepted(operator, 395, **nodes.table.draft())
        taken += len(betting.taken)
    assert execute(location, "SELECT count(*) FROM bets") == [(taken,)]
    assert execute(location, SLIPPED_IN) == [(0,)]
    assert await net_of_all(nodes) == 0


async def test_of_a_bet_and_a_close_at_one_moment_the_bet_is_settled_or_refused(nodes: Nodes, location: str) -> None:
    pool = await nodes.table.pool()
    betting = Betting(nodes, pool)
    operator = await nodes.connect(1, "provider")
    async with trio.open_nursery() as nursery:
        await betting.run(nursery)
        await accepted(operator, 375, game_id=nodes.table.game)
    assert execute(location, "SELECT count(*) FROM bets") == [(len(betting.taken),)]
    exposures = [await accepted(await nodes.table.client(name), 840) for name in BETTORS]
    assert sum(it["exposure"] for it in exposures) == 0
    assert await net_of_all(nodes) == 0


async def test_bets_run_beside_each_other_and_the_history_of_the_pool_is_exact(
    nodes: Nodes, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    began: list[bool] = []

    def noting(*arguments: Any, is_alone: bool) -> Any:
        began.append(is_alone)
        return begin_batch(*arguments, is_alone=is_alone)

    monkeypatch.setattr(writer, "begin_batch", noting)
    betting = Betting(nodes, await nodes.table.pool())
    async with trio.open_nursery() as nursery:
        await betting.run(nursery)
        betting.stop()
    assert began.count(False) > began.count(True)
    ((records,),) = execute(location, "SELECT count(DISTINCT newest_bet_id) FROM backing_history")
    assert records > 1


async def test_nobody_stakes_more_than_he_has_by_betting_at_several_servers(nodes: Nodes) -> None:
    pool = await nodes.table.pool()
    stake = STARTING_BALANCE // 10
    replies = await at_once(await nodes.everywhere("ann"), 392, 8, pool_id=pool, target="argentina", amount=stake)
    assert codes(replies) == {"accepted": 10, "insufficient_funds": len(replies) - 10}


async def test_nobody_stakes_more_than_a_pool_allows_by_betting_at_several_servers(nodes: Nodes) -> None:
    pool = await nodes.table.pool(max_stake=5)
    replies = await at_once(await nodes.everywhere("ann"), 392, 8, pool_id=pool, target="argentina", amount=1)
    assert codes(replies) == {"accepted": 5, "stake_limit": len(replies) - 5}


async def test_a_bet_sent_to_all_servers_at_once_with_one_key_is_taken_once(nodes: Nodes, location: str) -> None:
    pool = await nodes.table.pool()
    clients = await nodes.everywhere("ann")
    for number in range(5):
        header = {"key": f"key{number}"}
        replies = await at_once(clients, 392, 2, header=header, pool_id=pool, target="argentina", amount=1)
        assert len({reply["bet_id"] for reply in replies}) == 1
    assert execute(location, "SELECT count(*) FROM bets") == [(5,)]


async def test_of_operators_who_do_one_thing_at_once_at_several_servers_one_does(nodes: Nodes, location: str) -> None:
    operators = await nodes.everywhere("provider")
    pool = await nodes.table.pool(pool_type=3)
    replies = await at_once(operators, 395, pool_id=pool, target_id="yes")
    assert codes(replies)["accepted"] == 1
    replies = await at_once(operators, 395, **nodes.table.draft(), external_id="goal-1")
    assert len({reply["event_id"] for reply in replies if reply["res"] != 666}) == 1
    assert execute(location, "SELECT count(*) FROM events WHERE external_id = 'goal-1'") == [(1,)]
    replies = await at_once(operators, 375, game_id=nodes.table.game)
    assert codes(replies) == {"accepted": 1, "game_closed": len(operators) - 1}


async def test_what_operators_do_at_all_servers_is_one_sequence_wherever_it_is_heard_or_recovered(nodes: Nodes) -> None:
    watchers = await nodes.everywhere("ann")
    for watcher in watchers:
        joined = await join(watcher, nodes.table.game)
    operators = await nodes.everywhere("provider")
    draft = {"game_id": nodes.table.game, "description": "Who scores?", "action_id": "goal"}
    await at_once(operators, 385, 5, targets=["argentina", "brazil"], **draft)
    count = 5 * len(operators)
    heard = [await until(watcher, 352, count) for watcher in watchers]
    numbers = list(range(joined["seq"] + 1, joined["seq"] + 1 + count))
    assert [seqs(it) for it in heard] == [numbers] * len(watchers)
    assert [[it["pool_id"] for it in told if it["res"] == 352] for told in heard[1:]] == [
        [it["pool_id"] for it in heard[0] if it["res"] == 352]
    ] * (len(watchers) - 1)
    for number in range(len(nodes.servers)):
        again = await nodes.connect(number, "bob")
        assert (await join(again, nodes.table.game, after_seq=numbers[3]))["recovered"]
        assert seqs(await until(again, 352, count - 4)) == numbers[4:]


async def test_who_goes_from_server_to_server_while_things_happen_hears_each_once(nodes: Nodes) -> None:
    operators = await nodes.everywhere("provider")
    draft = {"game_id": nodes.table.game, "description": "Who scores?", "action_id": "goal"}
    first = (await join(await nodes.connect(0, "ann"), nodes.table.game))["seq"] + 1
    count = 8 * len(operators)
    heard = [first - 1]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(at_once, operators, 385, 8, targets=["argentina", "brazil"], **draft))
        for number in cycle(range(len(nodes.servers))):
            traveller = await nodes.connect(number, "ann")
            assert (await join(traveller, nodes.table.game, after_seq=heard[-1]))["recovered"]
            left = count - len(heard) + 1
            heard += seqs(await until(traveller, 352, min(3, left)))
            if left <= 3:
                break
    assert heard[1:] == list(range(first, first + count))


async def test_a_balance_told_last_is_the_last_wherever_the_bets_were_placed(nodes: Nodes) -> None:
    pool = await nodes.table.pool()
    clients = await nodes.everywhere("ann")
    await at_once(clients, 392, 4, pool_id=pool, target="argentina", amount=1)
    placed = 4 * len(clients)
    for client in clients:
        told = [it["available_balance"] for it in await until(client, 815, placed)]
        assert told == [STARTING_BALANCE - number - 1 for number in range(placed)]
