"""Listening to a game: nothing durable is lost or comes twice, whatever happens to the connection."""

from pathlib import Path

import pytest
import trio

from gameserver.client import Refused, Subscription, connect, link
from gameserver.client import subscription as subscription_module
from gameserver.protocol.declare import Message, snake_case
from gameserver.protocol.events import NewGameEvent
from gameserver.protocol.subscriptions import GameJoined
from tests.support.clients import URL, Network, client_of
from tests.support.harness import Client, Server, running_server
from tests.support.settling import Table, accepted
from tests.support.world import bearer, within


def name_of(message: Message) -> str:
    return snake_case(type(message).__name__)


async def next_of(subscription: Subscription, kind: type[Message]) -> Message:
    """The next message of a kind."""
    async for message in subscription:
        if isinstance(message, kind):
            return message
    raise LookupError


async def scorer(subscription: Subscription) -> str:
    event = await next_of(subscription, NewGameEvent)
    assert isinstance(event, NewGameEvent)
    return event.target_id


async def test_a_game_is_heard_from_the_moment_it_is_joined_until_it_closes(table: Table) -> None:
    heard: list[str] = []
    async with within(), client_of(table.server, "ann") as client, trio.open_nursery() as nursery:
        joined = trio.Event()

        async def listen() -> None:
            async for message in client.join(table.game):
                heard.append(name_of(message))
                joined.set()

        nursery.start_soon(listen)
        await joined.wait()
        await table.pool()
        await table.event("brazil:7")
        await table.admin.call(375, game_id=table.game)
    assert heard == ["game_joined", "new_betting_pool", "new_game_event", "bet_pool_resolved", "game_closed"]


async def test_after_seq_brings_what_was_before_and_a_closed_game_ends_with_its_log(table: Table) -> None:
    await table.event("brazil:7")
    await table.admin.call(375, game_id=table.game)
    async with within(), client_of(table.server, "ann") as client:
        whole = [name_of(message) async for message in client.join(table.game, after_seq=0)]
        assert whole == ["game_joined", "game_created_and_opened", "new_game_event", "game_closed"]
        rest = client.join(table.game, after_seq=3)
        assert [name_of(message) async for message in rest] == ["game_joined"]
        assert rest.seq == 3


async def test_a_game_that_is_not_to_be_joined_is_refused(table: Table) -> None:
    await table.admin.call(375, game_id=table.game)
    async with within(), client_of(table.server, "ann") as client:
        with pytest.raises(Refused) as raised:
            await anext(client.join(table.game))
    assert raised.value.code == "game_closed"


async def test_a_game_is_left_with_its_context_and_may_be_joined_again(table: Table) -> None:
    async with within(), client_of(table.server, "ann") as client:
        for _ in range(2):
            async with client.join(table.game) as subscription:
                assert isinstance(await anext(subscription), GameJoined)
                assert (await client.get_game_details(game_id=table.game)).subscribers == 1
        assert (await client.get_game_details(game_id=table.game)).subscribers == 0


async def test_only_what_is_of_the_game_is_heard_and_all_of_that(table: Table) -> None:
    pool, other = await table.pool(), await table.pool_of_another_game()
    heard: list[str] = []
    async with within(), client_of(table.server, "ann") as client, trio.open_nursery() as nursery:
        joined = trio.Event()

        async def listen() -> None:
            async for message in client.join(table.game):
                heard.append(name_of(message))
                joined.set()

        nursery.start_soon(listen)
        await joined.wait()
        for bet_on in (other, pool):
            await table.bet("ann", bet_on, "argentina", 1)
        await table.admin.call(3952, pool_id=other)
        await table.admin.call(397, pool_id=pool)
        await table.admin.call(398, pool_id=pool)
        await table.admin.call(375, game_id=table.game)
    assert [name for name in heard if not name.endswith("_distribution_update")] == [
        *("game_joined", "betting_in_pool_blocked", "betting_in_pool_allowed", "bet_pool_resolved", "game_closed")
    ]


async def test_what_is_missed_while_the_connection_is_lost_comes_after_it(table: Table) -> None:
    network = Network(table.server)
    # A connection that is cut in its handshake is given up after 10 s.
    async with within(30), connect(URL, await table.server.key_of("ann"), open_stream=network.open) as client:
        subscription = client.join(table.game)
        await anext(subscription)
        for target in ("argentina:1", "brazil:7", "argentina:2"):
            await table.event(target)
            await network.cut()
            await table.event("brazil")
        assert [await scorer(subscription) for _ in range(6)] == [
            *("argentina:1", "brazil", "brazil:7", "brazil", "argentina:2", "brazil")
        ]
        await table.event("chile")
        assert await scorer(subscription) == "chile"  # and nothing a second time
    assert network.opened > 1


async def open_game(server: Server) -> tuple[Client, str]:
    """An admin, and a game of his."""
    admin = await server.connect("provider")
    game = await server.open_game(admin, await server.open_source(admin))
    await accepted(admin, 616, game_id=game)
    return admin, game


async def test_a_restart_of_the_server_costs_a_listener_nothing(database: Path) -> None:
    network = Network(None)
    heard: list[str] = []
    over = trio.Event()
    async with within(), trio.open_nursery() as nursery:

        async def listen(game: str, key: str, task_status: trio.TaskStatus[None]) -> None:
            async with connect(URL, key, open_stream=network.open) as client:
                async for message in client.join(game):
                    heard.append(message.target_id if isinstance(message, NewGameEvent) else name_of(message))
                    if heard == ["game_joined"]:
                        task_status.started()
            over.set()

        async with running_server(database) as server:
            network.server = server
            admin, game = await open_game(server)
            event = {"game_id": game, "action_id": "goal"}
            await nursery.start(listen, game, await server.key_of("ann"))
            await accepted(admin, 395, **event, target_id="argentina")
            network.server = None
        async with running_server(database) as server:
            admin = await server.connect(headers=bearer(await server.new_key("provider")))
            await accepted(admin, 395, **event, target_id="brazil")
            network.server = server
            await accepted(admin, 395, **event, target_id="argentina:1")
            await accepted(admin, 375, game_id=game)
            await over.wait()
    assert heard == ["game_joined", "argentina", "game_joined", "brazil", "argentina:1", "game_closed"]


async def test_a_reader_who_is_behind_gets_everything_once_it_reads(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription_module, "MAX_QUEUED", 2)
    assert link.MAX_QUEUED > 2
    async with within(), client_of(table.server, "ann") as client:
        subscription = client.join(table.game)
        await anext(subscription)
        for number in range(6):
            await table.event(("argentina", "brazil")[number % 2])
        await client.ping()
        assert [await scorer(subscription) for _ in range(6)] == ["argentina", "brazil"] * 3
