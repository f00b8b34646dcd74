from pathlib import Path
from typing import Any

import pytest

from tests.support.harness import START_MS, Server, running_server
from tests.support.world import World, assert_broadcast, assert_refused, assert_reply


async def games_of(world: World, game: str) -> list[dict[str, Any]]:
    """What 610 should say of one game."""
    details = await world.user.call(372, game_id=game)
    return [{"id": game, **{field: details[field] for field in ("name", "status", "closed_at", "cancelled_at")}}]


async def test_a_source_admin_becomes_an_admin_of_a_game(world: World) -> None:
    assert_reply(await world.source_admin.call(610), 620, games=[])
    assert_reply(await world.source_admin.call(616, game_id=world.game), 640, game_id=world.game)
    assert_reply(await world.source_admin.call(610), 620, games=await games_of(world, world.game))


async def test_a_game_that_was_called_off_is_listed_as_such(world: World) -> None:
    assert (await world.source_admin.call(616, game_id=world.game))["res"] == 640
    world.server.clock.time_ms = START_MS + 5
    assert (await world.provider.call(376, game_id=world.game))["res"] == 376
    (listed,) = (await world.source_admin.call(610))["games"]
    assert [listed] == await games_of(world, world.game)
    assert listed["cancelled_at"] == listed["closed_at"] == START_MS + 5


async def test_becoming_an_admin_twice_succeeds(world: World) -> None:
    for _ in range(2):
        assert_reply(await world.source_admin.call(616, game_id=world.game), 640, game_id=world.game)
    assert len((await world.source_admin.call(610))["games"]) == 1


async def test_an_upcoming_game_can_be_administered(world: World) -> None:
    assert_reply(await world.source_admin.call(616, game_id=world.upcoming), 640, game_id=world.upcoming)


async def test_who_is_no_source_admin_is_told_645_instead_of_an_error(world: World) -> None:
    for client in (world.user, world.outsider, world.game_admin):
        reply = await client.call(616, game_id=world.game)
        assert_reply(reply, 645, game_id=world.game, reason=reply["reason"])
        assert len(reply["reason"]) > 10


async def test_a_game_has_at_most_ten_admins_besides_those_of_its_source(world: World) -> None:
    # One, the game admin, is there already.
    for number in range(9):
        await world.server.add_user(f"u{number}")
        assert (await world.provider.call(617, game_id=world.game, username=f"u{number}"))["res"] == 617
    reply = await world.provider.call(617, game_id=world.game, username="user")
    assert_refused(reply, 617, "conflict")
    # Who has it already still succeeds, and so do all admins of the source.
    assert (await world.provider.call(617, game_id=world.game, username="u0"))["res"] == 617
    assert_reply(await world.source_admin.call(616, game_id=world.game), 640, game_id=world.game)
    assert (await world.provider.call(617, game_id=world.game, username="provider"))["res"] == 617


async def test_admins_of_the_source_leave_room_for_as_many_others(world: World) -> None:
    for number in range(10):
        await world.server.add_user(f"s{number}")
        assert (await world.provider.call(367, source_id=world.source, username=f"s{number}"))["res"] == 337
        assert (await world.provider.call(617, game_id=world.game, username=f"s{number}"))["res"] == 617
    assert (await world.provider.call(617, game_id=world.game, username="user"))["res"] == 617


async def test_the_number_of_game_admins_is_a_setting(database: Path) -> None:
    async with running_server(database, max_game_admins=1) as server:
        provider = await server.connect("provider")
        game = await server.open_game(provider, await server.open_source(provider))
        for name, res in (("ann", 617), ("bob", 666), ("ann", 617)):
            await server.key_of(name)
            assert (await provider.call(617, game_id=game, username=name))["res"] == res


async def test_an_appointed_user_is_told_640_on_each_of_its_connections(world: World) -> None:
    second, later = await world.server.connect("user"), await world.server.connect()
    assert (await later.call(100, header={"session_key": await world.server.key_of("user")}))["res"] == 100
    reply = await world.source_admin.call(617, game_id=world.game, username="user")
    assert_reply(reply, 617, game_id=world.game, username="user")
    for client in (world.user, second, later):
        (message,) = await client.heard()
        assert_broadcast(message, 640, None, game_id=world.game)
    for client in (world.outsider, world.provider, world.source_admin):
        assert await client.heard() == []


async def test_an_appointed_user_who_is_not_connected_is_admin_all_the_same(world: World) -> None:
    await world.server.add_user("absent")
    assert (await world.provider.call(617, game_id=world.game, username="absent"))["res"] == 617
    client = await world.server.connect("absent")
    assert_reply(await client.call(610), 620, games=await games_of(world, world.game))


async def test_an_appointed_user_may_update_and_close_that_game_alone(world: World) -> None:
    await world.provider.call(617, game_id=world.game, username="user")
    assert (await world.user.call(373, game_id=world.game, actions="Save"))["res"] == 343
    assert_refused(await world.user.call(373, game_id=world.upcoming), 373, "not_authorized")
    assert (await world.user.call(375, game_id=world.game))["res"] == 341


async def test_who_appoints_himself_gets_the_reply_and_the_notice(world: World) -> None:
    assert (await world.provider.call(617, game_id=world.game, username="provider"))["res"] == 617
    (message,) = await world.provider.heard()
    assert_broadcast(message, 640, None, game_id=world.game)


async def test_a_user_is_appointed_by_name_in_any_case(world: World) -> None:
    assert (await world.provider.call(617, game_id=world.game, username="USER"))["res"] == 617
    await world.user.expect(640)


async def test_an_unknown_user_cannot_be_appointed(world: World) -> None:
    reply = await world.provider.call(617, game_id=world.game, username="nobody")
    assert_refused(reply, 617, "not_found", "username")


@pytest.mark.parametrize("limit", [1, 2, 3, 1000])
async def test_the_list_of_games_is_newest_first_and_paged(server: Server, limit: int) -> None:
    provider = await server.connect("provider")
    source = await server.open_source(provider)
    names = [f"Game {number}" for number in range(5)]
    opened = [await server.open_game(provider, source, game_name=name) for name in names]
    for game in opened:
        await provider.call(616, game_id=game)
    found: list[tuple[str, str]] = []
    after = None
    while True:
        page = await provider.call(610, limit=limit, after=after)
        assert len(page["games"]) <= limit
        found += [(game["id"], game["name"]) for game in page["games"]]
        after = page.get("next")
        if after is None:
            break
    assert found == list(zip(opened, names, strict=True))[::-1]
