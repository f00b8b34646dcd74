from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from gameserver.protocol.declare import Kind
from gameserver.storage.connection import Connection
from tests.operations.examples import entitled, example, operations, prepare
from tests.support.harness import START_MS, Client, FakeClock, Server, run_inline, running_server
from tests.support.world import DAY_MS, UNKNOWN_ID, World, assert_refused, bearer

KEY = {"key": "k1"}
SOURCE = {"source_name": "Cup"}


async def count_sources(client: Client) -> int:
    return len((await client.call(611))["sources"])


def count_replies(connection: Connection) -> int:
    count: int = connection.execute("SELECT count(*) FROM stored_replies").fetchone()[0]
    return count


def body(reply: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in reply.items() if name != "response_header"}


@operations(Kind.WRITE)
async def test_a_change_sent_again_with_its_key_gets_the_stored_reply_marked_as_repeated(
    world: World, op: int, clock: FakeClock
) -> None:
    client, parameters = entitled(op, world), await example(op, world)
    await prepare(op, world, client)
    first = await client.call(op, header={**KEY, "id": "first"}, **parameters)
    clock.time_ms += 1_000
    second = await client.call(op, header={**KEY, "id": "second"}, **parameters)
    assert first["response_header"] == {"t": START_MS, "id": "first"}
    assert second["response_header"] == {"t": START_MS + 1_000, "id": "second", "repeated": True}
    assert body(first) == body(second)


@operations(Kind.READ, Kind.CONNECTION)
async def test_a_key_is_ignored_by_whatever_changes_nothing(world: World, op: int) -> None:
    client, parameters = entitled(op, world), await example(op, world)
    for _ in range(2):
        await prepare(op, world, client)
        reply = await client.call(op, header=KEY, **parameters)
        assert "repeated" not in reply["response_header"]
    assert (await world.provider.call(365, header=KEY, **SOURCE))["res"] == 335
    reply = await world.provider.call(1, header=KEY)
    assert reply["response_header"].keys() == {"t", "id"}


@pytest.mark.parametrize("op", [376, 378])
async def test_a_key_is_ignored_by_a_preview_of_a_change(world: World, op: int) -> None:
    client, parameters = entitled(op, world), await example(op, world)
    await prepare(op, world, client)
    for preview in (True, True, False):
        reply = await client.call(op, header=KEY, **parameters, preview=preview)
        assert (reply["res"], reply["response_header"].keys()) == (op, {"t", "id"})
    reply = await client.call(op, header=KEY, **parameters, preview=False)
    assert reply["response_header"]["repeated"]


async def test_a_repeated_change_is_carried_out_and_broadcast_once(world: World) -> None:
    await world.user.call(363, game_id=world.game)
    for _ in range(3):
        await world.provider.call(373, header=KEY, game_id=world.game, actions="Save")
    assert [message["response_header"]["seq"] for message in await world.user.heard()] == [2]


async def test_one_key_sent_eight_times_at_once_is_carried_out_once(server: Server) -> None:
    clients = [await server.connect("provider") for _ in range(8)]
    replies: list[dict[str, Any]] = []

    async def send(client: Client) -> None:
        replies.append(await client.call(365, header=KEY, **SOURCE))

    async with trio.open_nursery() as nursery:
        for client in clients:
            nursery.start_soon(send, client)
    assert len({reply["source_id"] for reply in replies}) == 1
    assert sorted(reply["response_header"].get("repeated", False) for reply in replies) == [False] + [True] * 7
    assert await count_sources(clients[0]) == 1


async def test_a_key_is_remembered_across_a_restart(database: Path) -> None:
    async with running_server(database) as server:
        first = await (await server.connect("provider")).call(365, header=KEY, **SOURCE)
        key = await server.key_of("provider")
    async with running_server(database) as server:
        client = await server.connect(headers=bearer(key))
        second = await client.call(365, header=KEY, **SOURCE)
        assert second["response_header"]["repeated"] is True
        assert body(second) == body(first)
        assert await count_sources(client) == 1


async def test_the_same_key_with_another_request_is_refused(server: Server) -> None:
    provider = await server.connect("provider")
    source = (await provider.call(365, header=KEY, **SOURCE))["source_id"]
    for op, parameters in (
        (365, {"source_name": "cup"}),
        (365, {**SOURCE, "description": "x"}),
        (366, {"source_id": source}),
    ):
        reply = await provider.call(op, header=KEY, **parameters)
        assert (reply["code"], reply["op"], reply["retryable"]) == ("key_reused", op, False)
    assert await count_sources(provider) == 1


async def test_the_order_and_spelling_of_the_json_and_the_header_do_not_matter(server: Server) -> None:
    provider = await server.connect("provider")
    await provider.send('{"op":365,"header":{"key":"k1"},"source_name":"Cup","description":"D"}')
    first = await provider.receive()
    await provider.send('{ "description":"\\u0044", "source_name":"Cup","header":{"t":5,"id":7,"key":"k1"},"op":365}')
    second = await provider.receive()
    assert second["response_header"] == {"t": START_MS, "id": 7, "repeated": True}
    assert body(second) == body(first)


async def test_a_number_that_cannot_be_represented_is_refused_as_without_a_key(server: Server) -> None:
    ann = await server.connect("ann")
    for header in ('{"id":1}', '{"id":1,"key":"k1"}'):
        await ann.send(f'{{"header":{header},"op":392,"pool_id":"{UNKNOWN_ID}","target":"a","amount":1e999}}')
        assert_refused(await ann.receive(), 392, "invalid_parameter", "amount")


async def test_a_refused_request_may_be_sent_again_or_changed_with_its_key(world: World) -> None:
    game = {"game_name": "G", "type": "t"}
    for source in (UNKNOWN_ID, "x"):
        assert (await world.provider.call(370, header=KEY, source_id=source, **game))["res"] == 666
    reply = await world.provider.call(370, header=KEY, source_id=world.source, **game)
    assert (reply["res"], "repeated" in reply["response_header"]) == (340, False)


async def test_a_refusal_for_want_of_a_role_is_not_stored(world: World) -> None:
    request = {"source_id": world.source, "game_name": "G", "type": "t"}
    assert_refused(await world.user.call(370, header=KEY, **request), 370, "not_authorized")
    await world.provider.call(367, source_id=world.source, username="user")
    assert (await world.user.call(370, header=KEY, **request))["res"] == 340


async def test_failing_to_become_an_admin_is_not_stored(world: World) -> None:
    assert (await world.user.call(616, header=KEY, game_id=world.game))["res"] == 645
    await world.provider.call(367, source_id=world.source, username="user")
    assert (await world.user.call(616, header=KEY, game_id=world.game))["res"] == 640


async def test_keys_belong_to_users(server: Server) -> None:
    first, second = await server.connect("provider"), await server.connect("provider_2")
    replies = [await client.call(365, header=KEY, **SOURCE) for client in (first, second)]
    assert replies[0]["source_id"] != replies[1]["source_id"]
    assert "repeated" not in replies[1]["response_header"]


async def test_a_key_belongs_to_all_connections_of_its_user(server: Server) -> None:
    first, second = await server.connect("provider"), await server.connect("provider")
    source = (await first.call(365, header=KEY, **SOURCE))["source_id"]
    await first.socket.aclose()
    assert (await second.call(365, header=KEY, **SOURCE))["source_id"] == source


async def test_the_stored_reply_is_given_even_if_the_state_would_now_forbid_the_request(world: World) -> None:
    request = {"source_id": world.source, "game_name": "G", "type": "t", "close_at": START_MS + 5}
    first = await world.provider.call(370, header=KEY, **request)
    world.server.clock.time_ms += 10
    await world.provider.call(366, source_id=world.source)
    assert body(await world.provider.call(370, header=KEY, **request)) == body(first)


async def test_a_repeated_appointment_is_not_told_again(world: World) -> None:
    for _ in range(2):
        await world.provider.call(617, header=KEY, game_id=world.game, username="user")
    assert len(await world.user.heard()) == 1


@pytest.mark.parametrize(("age_ms", "repeated"), [(7 * DAY_MS - 1, True), (7 * DAY_MS + 1, False)])
async def test_a_key_is_remembered_for_7_days(server: Server, clock: FakeClock, age_ms: int, repeated: bool) -> None:
    provider = await server.connect("provider")
    first = await provider.call(365, header=KEY, **SOURCE)
    clock.time_ms += age_ms
    second = await provider.call(365, header=KEY, **SOURCE)
    assert (second["source_id"] == first["source_id"]) == repeated
    assert second["response_header"].get("repeated", False) is repeated
    assert (await provider.call(365, header=KEY, **SOURCE))["source_id"] == second["source_id"]


async def test_replies_older_than_7_days_are_deleted(database: Path) -> None:
    async with running_server(database, run_sync=run_inline) as server:
        await (await server.connect("provider")).call(365, header=KEY, **SOURCE)
    clock = FakeClock()
    for age_ms, count in ((7 * DAY_MS - 1, 1), (7 * DAY_MS + 1, 0)):
        clock.time_ms = START_MS + age_ms
        async with running_server(database, clock, run_sync=run_inline) as server:
            await wait_all_tasks_blocked()
            assert await server.context.store.read(count_replies) == count


async def test_a_key_of_64_characters_is_accepted_and_an_empty_one_is_none(server: Server) -> None:
    provider = await server.connect("provider")
    for _ in range(2):
        assert (await provider.call(365, header={"key": "é" * 64}, **SOURCE))["res"] == 335
        assert (await provider.call(365, header={"key": ""}, **SOURCE))["res"] == 335
    assert await count_sources(provider) == 3
