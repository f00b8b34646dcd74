"""What would make a message longer than 1 MiB is refused where it is told, or told in pages (contract, section 13)."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gameserver.protocol.codec import MAX_BODY_BYTES
from tests.support.harness import Client, Server, running_server
from tests.support.world import World, assert_refused, build_world

RATES: dict[str, Any] = {"max_requests_per_s": 100_000, "max_requests_per_s_per_address": 100_000}


@pytest.fixture
async def server(database: Path) -> AsyncIterator[Server]:
    """A server with generous limits."""
    async with running_server(database, **RATES) as running:
        yield running


@pytest.fixture
async def world(server: Server) -> World:
    """A world on it."""
    return await build_world(server)


async def pages_of(client: Client, op: int, field: str, **parameters: Any) -> list[list[str]]:
    """The ids on each page of a list, asked for by a thousand."""
    pages, after = [], None
    while True:
        reply = await client.call(op, limit=1000, after=after, **parameters)
        listed = reply[field]
        pages.append([item if isinstance(item, str) else item["id"] for item in listed])
        after = reply.get("next")
        if after is None:
            return pages


async def call_many(client: Client, op: int, count: int, **parameters: Any) -> list[dict[str, Any]]:
    """The replies to a request sent many times, in an order in which they share commits."""
    for _ in range(count):
        await client.send({"op": op, **parameters})
    return [await client.receive() for _ in range(count)]


async def test_lists_of_games_and_sources_with_long_names_come_in_pages(world: World) -> None:
    admin = await world.server.connect("provider_2")
    source = await world.server.open_source(admin)
    long = {"game_name": "😀" * 256, "hashtag": "😀" * 128}
    games = [reply["game_id"] for reply in await call_many(admin, 370, 700, source_id=source, type="t", **long)]
    pages = await pages_of(admin, 380, "games", source_id=source)
    assert [len(page) > 10 for page in pages] == [True, True]
    assert [game for page in pages for game in page] == games[::-1]
    long = {"source_name": "😀" * 128, "description": "😀" * 512}
    sources = [reply["source_id"] for reply in await call_many(admin, 365, 500, **long)]
    pages = await pages_of(admin, 611, "sources")
    assert len(pages) == 2
    assert [source for page in pages for source in page] == [*sources[::-1], source]


async def test_lists_of_pools_on_many_targets_come_in_pages(world: World) -> None:
    names = [f"player-{number}-{'#' * 60}" for number in range(500)]
    assert (await world.provider.call(373, game_id=world.game, targets=names))["res"] == 343
    pools = []
    for _ in range(12):
        reply = await world.game_admin.call(385, game_id=world.game, description="?", action_id="goal", targets=names)
        assert reply["res"] == 350, reply
        pools.append(reply["pool_id"])
    for op in (387, 388):
        pages = await pages_of(world.user, op, "pools_list", game_id=world.game)
        assert len(pages) > 1
        assert [pool for page in pages for pool in page] == pools[::-1]
    for pool in pools:
        assert (await world.user.call(392, pool_id=pool, target=names[0], amount=1))["res"] == 356
    pages = await pages_of(world.user, 389, "pools_list", game_id=world.game)
    assert [pool for page in pages for pool in page] == pools[::-1]


async def test_a_pool_has_at_most_500_targets_besides_none(world: World) -> None:
    names = [f"player {number}" for number in range(501)]
    assert (await world.provider.call(373, game_id=world.game, targets=names))["res"] == 343
    fields: dict[str, Any] = {"game_id": world.game, "description": "?", "action_id": "goal"}
    reply = await world.game_admin.call(385, **fields, targets=names)
    assert_refused(reply, 385, "invalid_parameter", "targets")
    reply = await world.game_admin.call(385, **fields, targets=[*names[:500], "none", names[0].upper()])
    assert reply["res"] == 350


async def test_a_pool_whose_targets_names_are_too_long_for_its_message_is_refused(world: World) -> None:
    deep = ":".join(["#" * 128] * 60)
    names = [f"{deep}:{number}" for number in range(20)]
    assert (await world.provider.call(373, game_id=world.game, targets=names))["res"] == 343
    fields: dict[str, Any] = {"game_id": world.game, "description": "?", "action_id": "goal"}
    reply = await world.game_admin.call(385, **fields, targets=names)
    assert_refused(reply, 385, "invalid_parameter", "targets")
    assert (await world.game_admin.call(385, **fields, targets=names[:10]))["res"] == 350


@pytest.mark.parametrize("op", [370, 3702, 373])
async def test_what_would_make_a_games_details_too_long_is_refused_and_changes_nothing(database: Path, op: int) -> None:
    async with running_server(database, **RATES, max_details_bytes=3_000) as server:
        world = await build_world(server)
        subject: dict[str, Any] = {
            370: {"source_id": world.source, "game_name": "New", "type": "t"},
            3702: {"game_id": world.upcoming},
            373: {"game_id": world.game},
        }[op]
        for targets in ([f"player {number}" for number in range(50)], ["#" * 120 + str(n) for n in range(20)]):
            reply = await world.provider.call(op, **subject, targets=targets)
            assert_refused(reply, op, "invalid_parameter", "targets")
        many = [f"{number}{'#' * 100}" for number in range(25)]
        reply = await world.provider.call(op, **subject, actions=many)
        assert_refused(reply, op, "invalid_parameter", "targets")
        assert "player" not in str(await world.user.call(372, game_id=world.game))
        assert (await world.provider.call(op, **subject, targets=["Chile"]))["res"] in (340, 3402, 343)


async def test_a_new_picture_is_taken_however_long_the_details_are(database: Path) -> None:
    async with running_server(database, max_details_bytes=3_000) as server:
        world = await build_world(server)
        url = "https://example.org/" + "x" * 1_900
        for _ in range(2):
            assert (await world.provider.call(373, game_id=world.game, image_url=url))["res"] == 343


async def test_a_game_of_as_many_targets_as_fit_is_told_whole_to_a_client_of_default_limits(world: World) -> None:
    names = [f"p{number}" for number in range(9_000)]
    game = await world.server.open_game(world.provider, world.source, targets=names)
    await world.user.call(363, game_id=game)
    for number in range(0, 300, 100):
        await world.provider.call(373, game_id=game, actions=[f"action {number + n}" for n in range(100)])
    found = await world.user.call(372, game_id=game)
    assert len(found["targets"]) == 9_001
    for message in (found, *await world.user.heard()):
        assert len(str(message).encode()) < MAX_BODY_BYTES
