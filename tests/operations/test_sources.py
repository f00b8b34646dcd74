from pathlib import Path
from typing import Any

import pytest

from tests.support.harness import FakeClock, Server
from tests.support.settling import accepted, faults_of, house_of, lay_table
from tests.support.world import World, assert_broadcast, assert_refused, assert_reply


async def test_opening_a_source_replies_with_its_id_a_lower_case_uuid(server: Server) -> None:
    provider = await server.connect("provider")
    reply = await provider.call(365, source_name="Cup", description="All of it", takeout=0.15)
    assert_reply(reply, 335, source_id=reply["source_id"])
    assert [len(part) for part in reply["source_id"].split("-")] == [8, 4, 4, 4, 12]
    assert set(reply["source_id"]) <= set("0123456789abcdef-")


@pytest.mark.parametrize("takeout", [0, 0.5, 0.15, "0.15", "0", 0.000001, 5e-2, None, "", "None"])
async def test_a_takeout_from_0_to_a_half_is_accepted(server: Server, takeout: object) -> None:
    provider = await server.connect("provider")
    assert (await provider.call(365, source_name="Cup", takeout=takeout))["res"] == 335


@pytest.mark.parametrize(
    "takeout",
    [0.51, 1, -0.1, "-0.1", True, False, "1e-1", " 0.1", "0,1", "0_1", "\u0660.\u0661", "NaN", "Infinity", [], {}, "x"],
)
async def test_any_other_takeout_is_refused(server: Server, takeout: object) -> None:
    provider = await server.connect("provider")
    assert_refused(await provider.call(365, source_name="Cup", takeout=takeout), 365, "invalid_parameter", "takeout")


@pytest.mark.parametrize(
    "parameters", [{"source_name": "x" * 128}, {"source_name": "é"}, {"source_name": "S", "description": "x" * 512}]
)
async def test_names_up_to_128_and_descriptions_up_to_512_characters_are_accepted(
    server: Server, parameters: dict[str, Any]
) -> None:
    provider = await server.connect("provider")
    assert (await provider.call(365, **parameters))["res"] == 335


async def test_a_name_over_128_or_a_description_over_512_characters_is_refused(server: Server) -> None:
    provider = await server.connect("provider")
    reply = await provider.call(365, source_name="x" * 129)
    assert_refused(reply, 365, "invalid_parameter", "source_name")
    reply = await provider.call(365, source_name="S", description="x" * 513)
    assert_refused(reply, 365, "invalid_parameter", "description")


async def test_closing_a_source_closes_every_game_of_it_upcoming_ones_too(world: World) -> None:
    for game in (world.game, world.upcoming):
        await world.user.call(363, game_id=game)
    assert_reply(await world.source_admin.call(366, source_id=world.source), 336, source_id=world.source)
    closed = await world.user.heard()
    assert {message["game_id"] for message in closed} == {world.game, world.upcoming}
    for message in closed:
        assert_broadcast(message, 341, 2, game_id=message["game_id"])
    for game in (world.game, world.upcoming):
        assert (await world.user.call(372, game_id=game))["status"] == "game_closed"


async def test_closing_a_source_leaves_the_games_of_others_alone(world: World) -> None:
    (other,) = (await world.outsider.call(611))["sources"]
    await world.provider.call(366, source_id=world.source)
    assert len((await world.user.call(380, source_id=other["id"]))["games"]) == 1


@pytest.mark.parametrize("op", [366, 367, 370, 3701])
async def test_a_closed_source_is_refused_as_such(world: World, op: int) -> None:
    await world.provider.call(366, source_id=world.source)
    parameters: dict[int, dict[str, Any]] = {
        366: {},
        367: {"username": "user"},
        370: {"game_name": "G", "type": "t"},
        3701: {"game_name": "G", "type": "t"},
    }
    reply = await world.provider.call(op, source_id=world.source, **parameters[op])
    assert_refused(reply, op, "source_closed")


async def test_an_upcoming_game_of_a_closed_source_is_closed(world: World) -> None:
    await world.provider.call(366, source_id=world.source)
    assert_refused(await world.provider.call(3702, game_id=world.upcoming), 3702, "game_closed")


async def test_the_games_of_a_closed_source_can_still_be_listed(world: World) -> None:
    await world.provider.call(366, source_id=world.source)
    for op, res in ((380, 345), (3811, 3461)):
        assert_reply(
            await world.user.call(op, source_id=world.source), res, source_id=world.source, games={}, next=None
        )


async def test_the_list_of_sources_holds_those_the_user_is_admin_of_newest_first(server: Server) -> None:
    provider, other = await server.connect("provider"), await server.connect("provider_2")
    first = await server.open_source(provider, source_name="First", description="The first")
    await server.open_source(other)
    second = await server.open_source(provider, source_name="Second", takeout="0.125", admins_may_bet=True)
    expected = [
        {"id": second, "name": "Second", "description": None, "takeout": 0.125, "admins_may_bet": True},
        {"id": first, "name": "First", "description": "The first", "takeout": 0, "admins_may_bet": False},
    ]
    assert_reply(await provider.call(611), 621, sources=expected)


async def test_who_is_admin_of_no_source_gets_an_empty_list(world: World) -> None:
    assert_reply(await world.user.call(611), 621, sources=[])
    assert_reply(await world.game_admin.call(611), 621, sources=[])


async def test_the_list_of_sources_can_be_read_page_by_page(server: Server) -> None:
    provider = await server.connect("provider")
    opened = [await server.open_source(provider) for _ in range(5)]
    found: list[str] = []
    after = None
    while True:
        page = await provider.call(611, limit=2, after=after)
        found += [source["id"] for source in page["sources"]]
        after = page.get("next")
        if after is None:
            break
    assert found == opened[::-1]


async def test_everybody_may_list_the_open_sources_newest_first_page_by_page(world: World) -> None:
    (other,) = (await world.outsider.call(611))["sources"]
    closed = await world.server.open_source(world.provider)
    named = await world.server.open_source(world.provider, source_name="Cup", description="All of it")
    await world.provider.call(366, source_id=closed)
    await world.server.open_game(world.provider, world.source)
    expected = [
        {"id": named, "name": "Cup", "description": "All of it", "games": 0},
        {"id": other["id"], "name": "Test source", "description": None, "games": 1},
        {"id": world.source, "name": "Test source", "description": None, "games": 2},
    ]
    assert_reply(await world.user.call(382), 346, sources=expected, next=None)
    assert_reply(await world.user.call(382, limit=2), 346, sources=expected[:2], next=other["id"])
    assert_reply(await world.user.call(382, after=other["id"]), 346, sources=expected[2:], next=None)


async def test_a_report_says_where_all_that_was_staked_has_gone(
    server: Server, clock: FakeClock, database: Path
) -> None:
    table = await lay_table(server, clock, "0.1")
    goals, unbacked, voided = await table.pool(), await table.pool(action_id="offside"), await table.pool(pool_type=3)
    running = await table.pool(pool_type=3)
    for name, pool, target, amount in (
        ("ann", goals, "argentina", 30),
        ("bob", goals, "brazil", 20),
        ("cat", unbacked, "chile", 7),
        ("ann", voided, "yes", 4),
        ("bob", running, "no", 1),
    ):
        await table.bet(name, pool, target, amount)
    await table.bet("dan", goals, "argentina", 9, at=50)
    goal = await table.event("argentina:1", happened_at=clock.time_ms - 10, at=60)
    await table.event("brazil:7", action_id="offside")
    await accepted(table.admin, 3952, pool_id=voided)
    yen = await server.open_game(table.admin, table.source, currency="JPY")
    await accepted(table.admin, 616, game_id=yen)
    await accepted(table.admin, 385, game_id=yen, description="?", type=3)
    reply = await table.admin.call(383, source_id=table.source)
    assert_reply(
        reply,
        383,
        source_id=table.source,
        games=2,
        pools=5,
        bets=6,
        bettors=4,
        currencies={
            "DON": {"turnover": 62, "paid": 45, "refunded": 7 + 4, "takeout": 5},
            "JPY": {"turnover": 0, "paid": 0, "refunded": 0, "takeout": 0},
        },
    )
    assert faults_of(database) == []
    await table.void(goal)
    (don, _) = (await accepted(table.admin, 383, source_id=table.source))["currencies"].values()
    assert don == {"turnover": 62, "paid": 0, "refunded": 11, "takeout": 0}
    assert faults_of(database) == []


async def test_a_report_of_a_source_without_games_is_empty(server: Server) -> None:
    provider = await server.connect("provider")
    source = await server.open_source(provider)
    none = {"games": 0, "pools": 0, "bets": 0, "bettors": 0, "currencies": {}}
    assert_reply(await provider.call(383, source_id=source), 383, source_id=source, **none)


async def test_an_added_source_admin_may_do_what_the_opener_may(world: World) -> None:
    reply = await world.provider.call(367, source_id=world.source, username="user")
    assert_reply(reply, 337, source_id=world.source, username="user")
    assert [source["id"] for source in (await world.user.call(611))["sources"]] == [world.source]
    await world.server.open_game(world.user, world.source)
    assert (await world.user.call(367, source_id=world.source, username="game_admin"))["res"] == 337
    assert (await world.user.call(366, source_id=world.source))["res"] == 336


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({"source_name": "World Cup"}, {"name": "World Cup"}),
        ({"description": "All of it"}, {"description": "All of it"}),
        ({"takeout": "0.15"}, {"takeout": 0.15}),
        ({"admins_may_bet": True}, {"admins_may_bet": True}),
        ({}, {}),
    ],
)
async def test_of_a_source_what_is_given_is_changed(
    server: Server, change: dict[str, Any], shown: dict[str, Any]
) -> None:
    provider = await server.connect("provider")
    source = await server.open_source(provider, source_name="Cup", description="The first")
    assert_reply(await provider.call(369, source_id=source, **change), 339, source_id=source)
    before = {"id": source, "name": "Cup", "description": "The first", "takeout": 0, "admins_may_bet": False}
    assert (await provider.call(611))["sources"] == [before | shown]


async def test_a_new_takeout_holds_for_the_pools_opened_from_then_on(
    server: Server, clock: FakeClock, database: Path
) -> None:
    table = await lay_table(server, clock, "0.1")
    old = await table.pool(recreate_on_end=True)
    await accepted(table.admin, 369, source_id=table.source, takeout="0.2")
    new = await table.pool(action_id="offside")
    for pool in (old, new):
        await table.bet("ann", pool, "argentina", 10)
        await table.bet("bob", pool, "brazil", 10)
    await table.event(at=1)
    assert house_of(database) == 2_00
    await table.event(at=1, action_id="offside")
    assert house_of(database) == 6_00
    (pool,) = (await accepted(table.admin, 387, game_id=table.game))["pools_list"]
    await table.bet("ann", pool, "argentina", 10)
    await table.bet("bob", pool, "brazil", 10)
    await table.event(at=2)
    assert house_of(database) == 8_00


@pytest.mark.parametrize("takeout", [0.51, -0.1, "x", True])
async def test_a_takeout_that_cannot_be_opened_with_cannot_be_changed_to(world: World, takeout: object) -> None:
    reply = await world.provider.call(369, source_id=world.source, takeout=takeout)
    assert_refused(reply, 369, "invalid_parameter", "takeout")


async def test_adding_a_source_admin_twice_succeeds(world: World) -> None:
    for _ in range(2):
        assert (await world.provider.call(367, source_id=world.source, username="user"))["res"] == 337
    assert len((await world.user.call(611))["sources"]) == 1


async def test_a_source_admin_is_found_by_username_in_any_case(world: World) -> None:
    assert (await world.provider.call(367, source_id=world.source, username="USER"))["res"] == 337
    assert len((await world.user.call(611))["sources"]) == 1


@pytest.mark.parametrize("username", ["x" * 33, "ann b", "ann!", "änn"])
async def test_a_name_that_no_user_can_have_is_not_found(world: World, username: str) -> None:
    reply = await world.provider.call(367, source_id=world.source, username=username)
    assert_refused(reply, 367, "not_found", "username")


@pytest.mark.parametrize("username", ["x" * 129, 5, ["ann"]])
async def test_what_is_no_name_is_refused(world: World, username: object) -> None:
    reply = await world.provider.call(367, source_id=world.source, username=username)
    assert_refused(reply, 367, "invalid_parameter", "username")


async def test_an_admin_of_a_source_is_not_admin_of_another(world: World) -> None:
    (other,) = (await world.outsider.call(611))["sources"]
    reply = await world.source_admin.call(370, source_id=other["id"], game_name="G", type="t")
    assert_refused(reply, 370, "not_authorized")
