"""Who is or was an admin does not bet where he is, and who is removed is none any more."""

from typing import Any

import pytest

from gameserver.admin.commands import AddSourceAdminByName
from gameserver.errors import Rejected
from tests.operations.examples import POOL
from tests.support.harness import Client, Server
from tests.support.world import World, assert_broadcast, assert_refused, assert_reply


async def open_pool(world: World) -> str:
    """A pool in the world's game; its id."""
    reply = await world.game_admin.call(385, game_id=world.game, **POOL)
    assert reply["res"] == 350, reply
    return str(reply["pool_id"])


async def bet(client: Client, pool: str) -> dict[str, Any]:
    """The reply to a bet of one unit."""
    return await client.call(392, pool_id=pool, target="brazil", amount=1)


# Betting


async def test_admins_of_a_game_or_its_source_may_not_bet_in_it(world: World) -> None:
    pool = await open_pool(world)
    for client in (world.provider, world.source_admin, world.game_admin):
        reply = await bet(client, pool)
        assert_refused(reply, 392, "not_authorized")
        assert "admin of this game or its source" in reply["text"]
    for client in (world.user, world.outsider):
        assert (await bet(client, pool))["res"] == 356


async def test_an_admin_of_one_game_may_bet_in_another_of_the_source(world: World) -> None:
    game = await world.server.open_game(world.provider, world.source)
    await world.provider.call(616, game_id=game)
    pool = (await world.provider.call(385, game_id=game, **POOL))["pool_id"]
    assert (await bet(world.game_admin, pool))["res"] == 356


async def test_what_is_asked_is_looked_at_before_who_asks_and_who_asks_before_the_pools_state(world: World) -> None:
    pool = await open_pool(world)
    reply = await world.game_admin.call(392, pool_id=pool, target="peru", amount=1)
    assert_refused(reply, 392, "invalid_parameter", "target")
    await world.game_admin.call(397, pool_id=pool)
    assert_refused(await bet(world.game_admin, pool), 392, "not_authorized")
    assert_refused(await bet(world.user, pool), 392, "betting_blocked")


async def test_admins_may_bet_where_the_source_lets_them_and_while_it_does(world: World) -> None:
    pool = await open_pool(world)
    for may_bet, res in (("true", 356), (None, 356), (False, 666)):
        reply = await world.provider.call(369, source_id=world.source, admins_may_bet=may_bet)
        assert_reply(reply, 339, source_id=world.source)
        assert [(await bet(client, pool))["res"] for client in (world.source_admin, world.game_admin)] == [res] * 2


async def test_a_source_is_opened_with_admins_who_may_bet(server: Server) -> None:
    provider = await server.connect("provider")
    source = await server.open_source(provider, admins_may_bet=True)
    game = await server.open_game(provider, source)
    await provider.call(616, game_id=game)
    pool = (await provider.call(385, game_id=game, **POOL))["pool_id"]
    assert (await bet(provider, pool))["res"] == 356


async def test_who_has_been_an_admin_of_a_game_cannot_bet_in_it_afterwards(world: World) -> None:
    pool = await open_pool(world)
    assert (await world.provider.call(617, game_id=world.game, username="user"))["res"] == 617
    assert (await world.provider.call(618, game_id=world.game, username="user"))["res"] == 618
    assert_refused(await bet(world.user, pool), 392, "not_authorized")


async def test_who_has_been_an_admin_of_a_source_can_bet_in_games_created_since_alone(world: World) -> None:
    pool = await open_pool(world)
    assert (await world.provider.call(368, source_id=world.source, username="source_admin"))["res"] == 338
    world.server.clock.time_ms += 1
    assert_refused(await bet(world.source_admin, pool), 392, "not_authorized")
    world.game = await world.server.open_game(world.provider, world.source)
    await world.provider.call(617, game_id=world.game, username="game_admin")
    pool = await open_pool(world)
    assert (await bet(world.source_admin, pool))["res"] == 356


# Becoming an admin


async def test_who_has_bets_running_in_a_game_does_not_become_its_admin_nor_its_sources(world: World) -> None:
    pool = await open_pool(world)
    await bet(world.user, pool)
    assert_refused(await world.provider.call(617, game_id=world.game, username="user"), 617, "conflict")
    assert_refused(await world.provider.call(367, source_id=world.source, username="user"), 367, "conflict")
    with pytest.raises(Rejected, match="running bets"):
        await world.server.command(AddSourceAdminByName(world.source, "user"))
    # Of a game in which he has none he may, and of this one once his bet no longer runs.
    assert (await world.provider.call(617, game_id=world.upcoming, username="user"))["res"] == 617
    assert (await world.game_admin.call(3952, pool_id=pool))["res"] == 3662
    assert (await world.provider.call(617, game_id=world.game, username="user"))["res"] == 617
    assert (await world.provider.call(367, source_id=world.source, username="user"))["res"] == 337


async def test_a_source_admin_with_bets_from_when_admins_might_is_told_645(world: World) -> None:
    pool = await open_pool(world)
    await world.provider.call(369, source_id=world.source, admins_may_bet=True)
    await bet(world.source_admin, pool)
    await world.provider.call(369, source_id=world.source, admins_may_bet=False)
    reply = await world.source_admin.call(616, game_id=world.game)
    assert_reply(reply, 645, game_id=world.game, reason=reply["reason"])
    assert "running bets" in reply["reason"]
    # Who is one already still succeeds.
    assert (await world.provider.call(367, source_id=world.source, username="source_admin"))["res"] == 337


async def test_bets_keep_nobody_from_becoming_an_admin_where_admins_may_bet(world: World) -> None:
    await bet(world.user, await open_pool(world))
    await world.provider.call(369, source_id=world.source, admins_may_bet=True)
    assert (await world.provider.call(617, game_id=world.game, username="user"))["res"] == 617
    assert (await world.provider.call(367, source_id=world.source, username="user"))["res"] == 337


# Being removed


async def test_a_game_admin_who_is_removed_is_told_and_is_none_any_more(world: World) -> None:
    reply = await world.source_admin.call(618, game_id=world.game, username="GAME_ADMIN")
    assert_reply(reply, 618, game_id=world.game, username="game_admin")
    (message,) = await world.game_admin.heard()
    assert_broadcast(message, 618, None, game_id=world.game, username="game_admin")
    assert_reply(await world.game_admin.call(610), 620, games=[])
    assert_refused(await world.game_admin.call(375, game_id=world.game), 375, "not_authorized")
    assert_refused(await world.provider.call(618, game_id=world.game, username="game_admin"), 618, "conflict")
    assert (await world.provider.call(617, game_id=world.game, username="game_admin"))["res"] == 617
    assert (await world.game_admin.call(375, game_id=world.game))["res"] == 341


async def test_a_source_admin_who_is_removed_is_told_and_is_none_any_more(world: World) -> None:
    reply = await world.provider.call(368, source_id=world.source, username="source_admin")
    assert_reply(reply, 338, source_id=world.source, username="source_admin")
    (message,) = await world.source_admin.heard()
    assert_broadcast(message, 338, None, source_id=world.source, username="source_admin")
    assert_reply(await world.source_admin.call(611), 621, sources=[])
    assert (await world.source_admin.call(616, game_id=world.game))["res"] == 645
    assert_refused(await world.source_admin.call(366, source_id=world.source), 366, "not_authorized")
    reply = await world.provider.call(368, source_id=world.source, username="source_admin")
    assert_refused(reply, 368, "conflict")
    assert (await world.provider.call(367, source_id=world.source, username="source_admin"))["res"] == 337
    assert len((await world.source_admin.call(611))["sources"]) == 1


async def test_who_opened_the_source_is_removed_neither_from_it_nor_from_its_games(world: World) -> None:
    assert (await world.provider.call(616, game_id=world.game))["res"] == 640
    for client in (world.source_admin, world.provider):
        for op, where in ((368, {"source_id": world.source}), (618, {"game_id": world.game})):
            request: dict[str, Any] = {**where, "username": "provider"}
            assert_refused(await client.call(op, **request), op, "conflict")
    assert (await world.provider.call(375, game_id=world.game))["res"] == 341


async def test_who_opened_the_source_is_not_locked_out_by_ten_admins(world: World) -> None:
    for number in range(9):
        await world.server.add_user(f"u{number}")
        await world.source_admin.call(617, game_id=world.game, username=f"u{number}")
    assert (await world.provider.call(616, game_id=world.game))["res"] == 640
    for number in range(9):
        assert (await world.provider.call(618, game_id=world.game, username=f"u{number}"))["res"] == 618
    assert (await world.provider.call(617, game_id=world.game, username="user"))["res"] == 617


async def test_admins_of_what_is_closed_can_be_removed(world: World) -> None:
    await world.provider.call(366, source_id=world.source)
    assert (await world.provider.call(618, game_id=world.game, username="game_admin"))["res"] == 618
    assert (await world.provider.call(368, source_id=world.source, username="source_admin"))["res"] == 338
