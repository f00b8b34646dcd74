"""The score of a game: what its events are worth, and to whom."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.harness import FakeClock, Server, running_server
from tests.support.settling import Table, accepted, faults_of, lay_table
from tests.support.world import World, assert_refused, build_world

SCORES = {"Goal": 1, "Own goal": -1, "Try": 5}
ACTIONS = ["Goal", "Own goal", "Try", "Corner"]


@pytest.fixture
async def table(server: Server, clock: FakeClock) -> Table:
    """A table whose game has scores."""
    return await lay_table(server, clock, actions=ACTIONS, scores=SCORES)


def score(argentina: int = 0, brazil: int = 0, chile: int = 0) -> dict[str, int]:
    """The score of the table's game."""
    return {"argentina": argentina, "brazil": brazil, "chile": chile}


async def test_a_game_with_scores_begins_with_nothing_for_each_root_target_but_none(table: Table) -> None:
    details = await table.details()
    assert details["scores"] == {"goal": 1, "own-goal": -1, "try": 5}
    assert details["score"] == score()


async def test_an_event_scores_for_its_root_target_and_negatively_for_each_other(table: Table, database: Path) -> None:
    assert (await table.event("argentina:1"))["score"] == score(argentina=1)
    assert (await table.event("brazil:7", action_id="own-goal"))["score"] == score(argentina=2, chile=1)
    assert (await table.event("brazil:9", action_id="try"))["score"] == score(2, 5, 1)
    assert (await table.event("brazil:9", action_id="corner"))["score"] == score(2, 5, 1)
    assert (await table.details())["score"] == score(2, 5, 1)
    assert faults_of(database) == []


async def test_of_an_own_goal_the_other_side_has_the_point_and_the_players_team_wins_the_pool(table: Table) -> None:
    pool = await table.pool(action_id="own-goal")
    await table.bet("ann", pool, "brazil", 2, at=1)
    await table.bet("bob", pool, "argentina", 3, at=1)
    told = await table.event("brazil:7", at=2, action_id="own-goal")
    assert told["score"]["argentina"] == 1
    assert await table.nets() == {"ann": 3, "bob": -3}


async def test_a_game_without_scores_has_no_score(server: Server, clock: FakeClock) -> None:
    table = await lay_table(server, clock)
    assert (await table.event())["score"] is None
    details = await table.details()
    assert (details["scores"], details["score"]) == ({}, None)


async def test_the_manual_resolution_of_a_pool_tells_no_score(table: Table) -> None:
    pool = await table.pool(pool_type=3)
    assert "score" not in await table.resolve(pool, "yes")


async def test_a_preview_shows_the_score_as_it_would_be_and_leaves_it(table: Table) -> None:
    pool = await table.pool(pool_type=3)
    await table.event("argentina:1")
    for parameters, expected in (
        (table.draft("chile:1", action_id="try"), score(argentina=1, chile=5)),
        (table.draft("argentina:1", action_id="own-goal"), score(1, 1, 1)),
        (table.draft("argentina:1", action_id="corner"), score(argentina=1)),
        ({"pool_id": pool, "target_id": "yes"}, score(argentina=1)),
    ):
        assert (await accepted(table.admin, 3950, **parameters))["score"] == expected
    assert (await table.details())["score"] == score(argentina=1)


@pytest.mark.parametrize("action", ["goal", "own-goal", "try", "corner"])
async def test_a_voided_event_scores_no_more(table: Table, database: Path, action: str) -> None:
    await table.event("argentina:2")
    await table.event("chile:1", action_id="own-goal")
    before = (await table.details())["score"]
    await table.void(await table.event("brazil:7", action_id=action))
    assert (await table.details())["score"] == before == score(argentina=2, brazil=1)
    assert faults_of(database) == []


async def test_new_scores_count_anew_what_has_happened(table: Table, database: Path) -> None:
    for target, action in (("argentina:1", "goal"), ("brazil:7", "own-goal"), ("chile:1", "corner")):
        await table.event(target, action_id=action)
    watcher = await table.watcher()
    for scores, expected in (
        ({"Goal": 3, "Corner": -2, "own-goal": 0}, score(5, 2, 0)),
        ({"own-goal": -1}, score(1, 0, 1)),
        ({}, None),
        (SCORES, score(2, 0, 1)),
    ):
        await accepted(table.admin, 373, game_id=table.game, scores=scores)
        (told,) = await watcher.heard()
        assert (told["res"], told["score"]) == (342, expected)
        assert (await table.details())["score"] == expected
        assert faults_of(database) == []


async def test_a_root_target_that_comes_later_has_what_it_would_have_had(table: Table, database: Path) -> None:
    await table.event("argentina:1", action_id="own-goal")
    await accepted(table.admin, 373, game_id=table.game, targets="Peru:1")
    assert (await table.event("peru:1"))["score"] == {**score(0, 1, 1), "peru": 2}
    assert faults_of(database) == []


@pytest.mark.parametrize(
    "scores", [{"Save": 1}, {"Goal": 101}, {"Goal": -101}, {"Goal": 0.5}, {"a:b": 1}, {"Goal": True}]
)
async def test_scores_that_cannot_be_are_refused(world: World, scores: dict[str, Any]) -> None:
    new = {"source_id": world.source, "game_name": "G", "type": "t", "actions": "Goal"}
    requests: list[tuple[int, dict[str, Any]]] = [(370, new), (3701, new), (373, {"game_id": world.game})]
    for op, parameters in requests:
        reply = await world.provider.call(op, **parameters, scores=scores)
        assert_refused(reply, op, "invalid_parameter", "scores")


async def test_an_upcoming_game_keeps_its_scores_when_it_is_opened(table: Table) -> None:
    new = {"game_name": "G", "type": "t", "actions": "Goal", "targets": "A, B", "scores": {"goal": "2"}}
    game = (await accepted(table.admin, 3701, source_id=table.source, **new))["game_id"]
    await accepted(table.admin, 3702, game_id=game, targets="C")
    await accepted(table.admin, 616, game_id=game)
    event = await accepted(table.admin, 395, game_id=game, action_id="goal", target_id="c")
    assert event["score"] == {"a": 0, "b": 0, "c": 2}


async def test_scores_that_would_make_the_details_too_long_are_refused(database: Path) -> None:
    async with running_server(database, max_details_bytes=3_000) as server:
        world = await build_world(server)
        actions = [f"{number:0120}" for number in range(9)]
        new: dict[str, Any] = {"source_id": world.source, "game_name": "G", "type": "t", "actions": actions}
        scores = dict.fromkeys(actions, 1)
        for op in (370, 3701):
            assert_refused(await world.provider.call(op, **new, scores=scores), op, "invalid_parameter", "targets")
            game = (await accepted(world.provider, op, **new))["game_id"]
            reply = await world.provider.call(373, game_id=game, scores=scores)
            assert_refused(reply, 373, "invalid_parameter", "scores")
