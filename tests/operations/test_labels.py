"""What is set of targets and actions, and bets on those that are out of the game."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.harness import START_MS, FakeClock, Server, running_server
from tests.support.pools import without_header
from tests.support.settling import Table, accepted, faults_of, lay_table
from tests.support.world import World, assert_refused, assert_reply, build_world

PLAYER = {
    "display_name": "Lionel Messi",
    "symbol": "LM10",
    "number": 10,
    "color": "#75aadb",
    "image_url": "https://e.org/10.png",
    "is_active": True,
}


@pytest.fixture
async def table(server: Server, clock: FakeClock) -> Table:
    """A table."""
    return await lay_table(server, clock)


async def relabel(table: Table, /, **parameters: Any) -> None:
    """Update the game."""
    await accepted(table.admin, 373, game_id=table.game, **parameters)


def names_in(pool: dict[str, Any]) -> dict[str, str]:
    """The names by which a pool shows its targets."""
    return {key: entry["display_name"] for key, entry in pool["distribution"].items()}


def active_in(pool: dict[str, Any]) -> list[str]:
    """The targets of a pool that are active."""
    return [key for key, entry in pool["distribution"].items() if entry["is_active"]]


async def test_what_is_set_of_a_target_stands_in_its_node(table: Table) -> None:
    await relabel(table, labels={"Argentina:1": PLAYER, "BRAZIL": {"number": "7", "is_active": "False"}})
    targets = (await table.details())["targets"]
    assert targets["argentina"]["targets"]["1"] == {**PLAYER, "targets": {}}
    brazil = {name: value for name, value in targets["brazil"].items() if name != "targets"}
    assert brazil == {"symbol": "bra", "display_name": "Brazil", "number": 7, "is_active": False}


async def test_what_is_not_named_stays_set_and_what_is_cleared_is_as_if_it_had_never_been(table: Table) -> None:
    await relabel(table, labels={"argentina:1": PLAYER})
    await relabel(table, labels={"argentina:1": {"number": 11, "color": None, "clear": "display_name, image_url"}})
    node = (await table.details())["targets"]["argentina"]["targets"]["1"]
    expected = {**PLAYER, "display_name": "1", "number": 11, "targets": {}}
    del expected["image_url"]
    assert node == expected
    await relabel(table, labels={"argentina:1": {"clear": ["symbol", "number", "color", "is_active"]}})
    node = (await table.details())["targets"]["argentina"]["targets"]["1"]
    assert node == {"symbol": "1", "display_name": "1", "targets": {}}


async def test_labels_alone_are_told_by_a_message_of_their_own(table: Table) -> None:
    watcher = await table.watcher()
    label = {"display_name": "Messi", "is_active": False}
    reply = await table.admin.call(
        373, game_id=table.game, labels={"argentina:1": label}, action_labels={"GOAL": "Gol"}
    )
    assert_reply(reply, 343, game_id=table.game)
    (told,) = await watcher.heard()
    changed = {"labels": {"argentina:1": label}, "action_labels": {"goal": "Gol"}}
    assert without_header(told) == {"res": 3422, "game_id": table.game, **changed}
    assert told["response_header"] == {"t": START_MS, "seq": 2}
    assert (await table.details())["actions"]["goal"] == {"name": "Gol"}
    await relabel(table, labels={"argentina:1": {"clear": "display_name,is_active,symbol,number"}})
    (told,) = await watcher.heard()
    cleared = {"display_name": "1", "symbol": "1", "number": None, "is_active": True}
    assert told["labels"] == {"argentina:1": cleared}


async def test_labels_beside_anything_else_are_told_by_the_details(table: Table) -> None:
    watcher = await table.watcher()
    await relabel(table, labels={"peru:1": {"number": 9}}, targets="Peru:1")
    await relabel(table, action_labels={"goal": "Gol"}, image_url="https://e.org/1")
    first, second = await watcher.heard()
    assert (first["res"], second["res"]) == (342, 342)
    assert first["targets"]["peru"]["targets"]["1"]["number"] == 9
    assert second["actions"]["goal"] == {"name": "Gol"}


@pytest.mark.parametrize("op", [370, 3701])
async def test_a_new_game_takes_labels(table: Table, op: int) -> None:
    new = {"game_name": "G", "type": "t", "actions": "Goal", "targets": "A:1"}
    labels = {"labels": {"A:1": {"symbol": "A1"}}, "action_labels": {"Goal": "Tor"}}
    told = await accepted(table.admin, op, source_id=table.source, **new, **labels)
    details = await accepted(table.admin, 372, game_id=told["game_id"])
    for shown in (told, details):
        assert shown["actions"] == {"goal": {"name": "Tor"}}
        assert shown["targets"]["a"]["targets"]["1"] == {"symbol": "A1", "display_name": "1", "targets": {}}


async def test_a_game_that_is_opened_takes_labels_of_what_it_had_and_gets(table: Table) -> None:
    game = (await accepted(table.admin, 3701, source_id=table.source, game_name="G", type="t", targets="A"))["game_id"]
    labels = {"a": {"number": 1}, "b": {"number": 2}}
    told = await accepted(table.admin, 3702, game_id=game, targets="B", labels=labels)
    assert {key: node.get("number") for key, node in told["targets"].items()} == {"a": 1, "none": None, "b": 2}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("labels", {"chile:2": {"number": 1}}),
        ("labels", {"a::b": {"number": 1}}),
        ("labels", {"chile": {"number": 1000}}),
        ("labels", {"chile": {"number": -1}}),
        ("labels", {"chile": {"color": "red"}}),
        ("labels", {"chile": {"color": "#12345"}}),
        ("labels", {"chile": 5}),
        ("labels", {"chile": {"symbol": "123456789"}}),
        ("labels", {"chile": {"display_name": " "}}),
        ("labels", {"chile": {"image_url": "ftp://e.org"}}),
        ("labels", {"chile": {"colour": "#123456"}}),
        ("labels", {"chile": {"clear": "targets"}}),
        ("labels", {"chile": {"clear": "number", "number": 1}}),
        ("labels", ["chile"]),
        ("action_labels", {"save": "Save"}),
        ("action_labels", {"goal:1": "Goal"}),
        ("action_labels", {"goal": " "}),
        ("action_labels", {"goal": 5}),
    ],
)
async def test_labels_that_cannot_be_are_refused_whole(world: World, field: str, value: object) -> None:
    await world.provider.call(373, game_id=world.game, targets="Chile")
    before = without_header(await world.user.call(372, game_id=world.game))
    parameters: dict[str, Any] = {"labels": {"brazil": {"number": 3}}, "targets": "Peru", field: value}
    reply = await world.provider.call(373, game_id=world.game, **parameters)
    assert_refused(reply, 373, "invalid_parameter", field)
    assert without_header(await world.user.call(372, game_id=world.game)) == before


async def test_labels_are_read_as_leniently_as_parameters(table: Table) -> None:
    sent = {"number": "None", "color": "", "is_active": "", "symbol": None, "display_name": "None", "image_url": ""}
    await relabel(table, labels={"chile": sent, "brazil": None, "argentina": {}})
    targets = (await table.details())["targets"]
    assert {key: node["display_name"] for key, node in targets.items()} == {
        "argentina": "Argentina",
        "brazil": "Brazil",
        "chile": "None",
        "none": "None",
    }
    assert not {"number", "color", "is_active"} & set(targets["chile"])


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ({"color": "red"}, "labels, 'chile': color must be a colour such as #1a2b3c"),
        ({"colour": "red"}, "labels, 'chile': there is no parameter 'colour'; did you mean 'color'?"),
    ],
)
async def test_what_is_wrong_with_a_label_is_said(table: Table, label: dict[str, str], text: str) -> None:
    reply = await table.admin.call(373, game_id=table.game, labels={"brazil": {"number": 1}, "chile": label})
    assert (reply["code"], reply["field"], reply["text"]) == ("invalid_parameter", "labels", text)


async def test_labels_that_would_make_the_details_too_long_are_refused(database: Path) -> None:
    async with running_server(database, max_details_bytes=3_000) as server:
        world = await build_world(server)
        label = {"image_url": "https://e.org/" + "x" * 1_500}
        for target, res in (("argentina:1", 343), ("brazil:7", 666), ("argentina:1", 343)):
            reply = await world.provider.call(373, game_id=world.game, labels={target: label})
            assert reply["res"] == res
            if res == 666:
                assert_refused(reply, 373, "invalid_parameter", "labels")


async def test_pools_and_events_show_the_new_names_from_then_on(table: Table) -> None:
    players = await table.pool(targets=["argentina:1", "brazil:7"], recreate_on_end=True)
    binary = await table.pool(pool_type=3)
    await relabel(table, labels={"argentina:1": {"display_name": "Messi"}, "none": {"display_name": "Nobody"}})
    expected = {"argentina:1": "Messi", "brazil:7": "7", "none": "Nobody"}
    assert names_in(await table.pool_object(players)) == expected
    assert names_in(await table.pool_object(binary)) == {"yes": "yes", "no": "no"}
    assert (await table.event("argentina:1"))["target_display_name"] == "Messi"
    pools = (await accepted(table.admin, 387, game_id=table.game))["pools_list"]
    (successor,) = [pool for pool in pools.values() if pool["type"] == 1]
    assert names_in(successor) == expected
    await relabel(table, labels={"argentina:1": {"clear": "display_name"}})
    assert names_in(await table.pool_object(successor["pool_id"]))["argentina:1"] == "1"


async def test_no_bets_are_taken_on_what_is_out_of_the_game_nor_on_what_lies_below(table: Table) -> None:
    teams, players = await table.pool(), await table.pool(targets=["argentina:1", "argentina:2", "brazil:7"])
    kept = await table.bet("ann", players, "argentina:1", 10)
    await relabel(table, labels={"argentina:1": {"is_active": False}})
    assert active_in(await table.pool_object(players)) == ["argentina:2", "brazil:7", "none"]
    assert await table.refusal(392, "ann", pool_id=players, target="argentina:1", amount=1) == "betting_blocked"
    await table.bet("ann", players, "argentina:2", 1)
    await table.bet("ann", teams, "argentina", 1)
    await relabel(table, labels={"argentina": {"is_active": False}, "argentina:1": {"clear": "is_active"}})
    assert active_in(await table.pool_object(players)) == ["brazil:7", "none"]
    assert active_in(await table.pool_object(teams)) == ["brazil", "chile", "none"]
    for pool, target in ((players, "argentina:1"), (players, "argentina:2"), (teams, "argentina")):
        assert await table.refusal(392, "ann", pool_id=pool, target=target, amount=1) == "betting_blocked"
    await table.bet("bob", players, "brazil:7", 5)
    await relabel(table, labels={"argentina": {"is_active": True}})
    await table.bet("bob", players, "argentina:1", 5)
    assert (await table.receipt("ann", kept))["status"] == "running"


async def test_a_target_added_below_one_that_is_out_of_the_game_is_out_too(table: Table, database: Path) -> None:
    await relabel(table, labels={"argentina": {"is_active": False}})
    await relabel(table, targets="Argentina:9, Brazil:8")
    pool = await table.pool(targets=["argentina:9", "brazil:8"])
    assert active_in(await table.pool_object(pool)) == ["brazil:8", "none"]
    assert faults_of(database) == []


async def test_bets_on_what_is_out_of_the_game_stay_and_events_on_it_still_count(table: Table) -> None:
    pool = await table.pool()
    await table.bet("ann", pool, "argentina", 10)
    await table.bet("bob", pool, "brazil", 10)
    await relabel(table, labels={"argentina": {"is_active": False}})
    event = await table.event("argentina:1", at=1)
    assert event["current_count"] == {"argentina": 1, "argentina:1": 1}
    assert await table.nets() == {"ann": 10, "bob": -10}


async def test_who_listens_is_told_whether_targets_are_active_with_the_distribution(table: Table) -> None:
    watcher = await table.watcher()
    pool = await table.pool()
    await relabel(table, labels={"chile": {"is_active": False}})
    await table.bet("ann", pool, "brazil", 10)
    for res in (352, 3422):
        await watcher.expect(res)
    assert active_in(await watcher.expect(361)) == ["argentina", "brazil", "none"]
