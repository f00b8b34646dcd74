"""Events of a feed: each has the feed's own id, and is registered once whoever sends it, and however often."""

from typing import Any

import pytest

from tests.support.harness import START_MS
from tests.support.settling import Table, accepted, of_kind
from tests.support.world import assert_refused


async def test_an_event_shows_the_id_that_the_feed_has_given_it(table: Table) -> None:
    watcher = await table.watcher()
    event = await table.event(external_id="opta-7")
    assert event["external_id"] == "opta-7"
    assert (await watcher.expect(366))["external_id"] == "opta-7"
    (shown,) = (await table.details())["past_events"].values()
    assert shown["external_id"] == "opta-7"


async def test_an_event_that_is_sent_again_is_registered_once_and_answered_as_it_is_now(table: Table) -> None:
    pool, watcher = await table.pool(recreate_on_end=True), await table.watcher()
    first = await table.event(at=10, external_id="7", description="Header")
    await table.event("argentina:2", at=20)
    await accepted(table.admin, 617, game_id=table.game, username="eve")
    table.set_time(30)
    again = await (await table.client("eve")).call(395, **table.draft(external_id="7"))
    assert again["response_header"]["repeated"] is True
    same = ("event_id", "target_id", "happened_at", "registered_at", "description", "external_id")
    assert {name: again[name] for name in same} == {name: first[name] for name in same}
    assert again["current_count"]["argentina"] == 2
    assert len(of_kind(await watcher.heard(), 366)) == 2
    assert (await table.pool_object(pool))["status"] == "resolved"
    assert len((await table.details())["past_events"]) == 2


async def test_an_event_that_is_sent_again_after_the_game_has_closed_is_still_answered(table: Table) -> None:
    first = await table.event(external_id="7")
    await accepted(table.admin, 375, game_id=table.game)
    again = await accepted(table.admin, 395, **table.draft(external_id="7"))
    assert again["event_id"] == first["event_id"]


async def test_an_event_that_was_voided_does_not_come_back_and_is_named(table: Table) -> None:
    first = await table.event(external_id="7")
    await table.void(first)
    reply = await table.admin.call(395, **table.draft(external_id="7"))
    assert (reply["res"], reply["code"], reply["field"]) == (666, "conflict", "external_id")
    assert reply["event_id"] == first["event_id"]
    assert (await table.event(external_id="8"))["res"] == 366


async def test_a_preview_of_an_event_sent_again_shows_that_nothing_would_change(table: Table) -> None:
    await table.event(external_id="7")
    pool = await table.pool()
    preview = await accepted(table.admin, 3950, **table.draft(external_id="7"))
    assert (preview["pools"], preview["untouched"]) == ({}, [pool])


async def test_a_preview_of_an_event_that_was_voided_is_refused_as_the_event_is(table: Table) -> None:
    first = await table.event(external_id="7")
    await table.void(first)
    reply = await table.admin.call(3950, **table.draft(external_id="7"))
    assert (reply["res"], reply["code"], reply["event_id"]) == (666, "conflict", first["event_id"])


async def test_each_game_has_ids_of_its_own(table: Table) -> None:
    other = await table.server.open_game(table.admin, table.source)
    await accepted(table.admin, 616, game_id=other)
    first = await table.event(external_id="7")
    second = await accepted(table.admin, 395, game_id=other, action_id="goal", target_id="argentina", external_id="7")
    assert first["event_id"] != second["event_id"]


async def test_a_manual_resolution_may_have_an_id_of_a_feed_too(table: Table) -> None:
    pool = await table.pool(pool_type=3)
    first = await table.resolve(pool, "yes", external_id="penalty")
    again = await accepted(table.admin, 395, pool_id=pool, target_id="no", external_id="penalty")
    assert (again["event_id"], again["target_id"]) == (first["event_id"], "yes")


async def test_who_may_not_register_events_learns_nothing_by_their_ids(table: Table) -> None:
    await table.event(external_id="7")
    reply = await (await table.client("ann")).call(395, **table.draft(external_id="7"))
    assert_refused(reply, 395, "not_authorized")


async def test_an_id_and_a_key_do_not_get_in_each_others_way(table: Table) -> None:
    draft = table.draft(external_id="7")
    first = await table.admin.call(395, header={"key": "a"}, **draft)
    for key in ("a", "b", "b"):
        again = await table.admin.call(395, header={"key": key}, **draft)
        assert (again["event_id"], again["response_header"]["repeated"]) == (first["event_id"], True)


@pytest.mark.parametrize("external_id", ["x" * 65, 7, " ", ["7"]])
async def test_an_id_of_a_feed_is_a_text_of_64_characters_at_most(table: Table, external_id: Any) -> None:
    reply = await table.admin.call(395, **table.draft(external_id=external_id))
    assert_refused(reply, 395, "invalid_parameter", "external_id")


# An event by a target with others below it: who of them is not known


async def test_an_event_by_a_team_resolves_pools_on_teams_and_leaves_those_on_players_to_their_option(
    table: Table,
) -> None:
    teams = await table.pool()
    players = {
        option: await table.pool(targets=["argentina:1", "argentina:2"], unlisted_target=option)
        for option in ("stay_open", "none", "refund")
    }
    await table.bet("ann", players["none"], "none", 2, at=1)
    await table.bet("bob", players["none"], "argentina:1", 3, at=1)
    event = await table.event("argentina", at=10)
    assert (event["target_id"], event["current_count"]) == ("argentina", {"argentina": 1})
    assert (await table.pool_object(teams))["status"] == "resolved"
    states = {option: (await table.pool_object(pool))["status"] for option, pool in players.items()}
    assert states == {"stay_open": "open", "none": "resolved", "refund": "resolved"}
    assert await table.nets() == {"ann": 3, "bob": -3}


# What is taken back


@pytest.mark.parametrize("keep_blocked", [True, False])
async def test_pools_that_open_again_stay_blocked_if_asked_for(table: Table, keep_blocked: bool) -> None:
    pool = await table.pool()
    event = await table.event(at=10)
    watcher = await table.watcher()
    await table.void(event, keep_blocked=keep_blocked)
    assert (await table.pool_object(pool))["is_blocked"] is keep_blocked
    assert len(of_kind(await watcher.heard(), 368)) == keep_blocked


async def test_bettors_hear_of_what_is_taken_back_once_whether_or_not_they_have_joined(table: Table) -> None:
    pool, other = await table.pool(), await table.pool(targets=["argentina", "brazil"])
    for name in ("ann", "bob"):
        for where in (pool, other):
            await table.bet(name, where, "argentina", 2, at=1)
    event = await table.event(at=10)
    ann, bob, cat = [await table.client(name) for name in ("ann", "bob", "cat")]
    await accepted(bob, 363, game_id=table.game)
    for client in (ann, bob, cat):
        await client.heard()
    await table.void(event)
    await accepted(table.admin, 3952, pool_id=pool)
    heard = {name: [m for m in await c.heard() if m["res"] in (3661, 3662)] for name, c in table.clients.items()}
    assert {name: [message["res"] for message in found] for name, found in heard.items()} == {
        "ann": [3661, 3662],
        "bob": [3661, 3662],
        "cat": [],
    }
    assert ["seq" in message["response_header"] for message in heard["ann"]] == [False, False]
    assert ["seq" in message["response_header"] for message in heard["bob"]] == [True, True]
    assert heard["ann"][0]["response_header"]["t"] == START_MS + 10
