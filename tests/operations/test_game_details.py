from typing import Any

import pytest

from tests.support.harness import START_MS, FakeClock
from tests.support.world import NONE, UNKNOWN_ID, World, assert_refused, assert_reply


async def details(world: World, game: str) -> dict[str, Any]:
    reply = await world.user.call(372, game_id=game)
    assert reply["res"] == 342
    return reply


async def test_the_details_of_a_game_are_complete(world: World) -> None:
    assert_reply(
        await world.user.call(372, game_id=world.game),
        342,
        epoch=world.server.context.store.epoch,
        game_id=world.game,
        name="Argentina - Brazil",
        game_name="Argentina - Brazil",
        source_id=world.source,
        source_name="Test source",
        status="game_in_progress_betting_active",
        type="football",
        currency="DON",
        currency_decimals=2,
        hashtag="#ArgentinaBrazil",
        image_url=None,
        actions={"goal": {"name": "Goal"}, "offside": {"name": "Offside"}},
        targets={
            "argentina": {
                "symbol": "arg",
                "display_name": "Argentina",
                "targets": {
                    "1": {"symbol": "1", "display_name": "1", "targets": {}},
                    "2": {"symbol": "2", "display_name": "2", "targets": {}},
                },
            },
            "brazil": {
                "symbol": "bra",
                "display_name": "Brazil",
                "targets": {"7": {"symbol": "7", "display_name": "7", "targets": {}}},
            },
            "none": NONE,
        },
        open_at=START_MS,
        live_start_at=START_MS,
        live_finish_at=None,
        close_at=None,
        closed_at=None,
        cancelled_at=None,
        held_at=None,
        past_events={},
        game_state={},
        scores={},
        score=None,
        clock=None,
        chat="all",
        seq=1,
        subscribers=0,
    )


async def test_an_upcoming_game_has_details_too(world: World) -> None:
    shown = await details(world, world.upcoming)
    assert (shown["status"], shown["actions"], shown["seq"]) == ("betting_not_yet_active", {}, 1)


async def test_the_status_follows_the_clock(world: World, clock: FakeClock) -> None:
    game = await world.server.open_game(
        world.provider, world.source, open_at=START_MS + 10, live_start_at=START_MS + 20, close_at=START_MS + 30
    )
    seen = []
    for moment in (0, 9, 10, 19, 20, 29, 30):
        clock.time_ms = START_MS + moment
        seen.append((moment, (await details(world, game))["status"]))
    assert seen == [
        (0, "betting_not_yet_active"),
        (9, "betting_not_yet_active"),
        (10, "pre_game_betting_active"),
        (19, "pre_game_betting_active"),
        (20, "game_in_progress_betting_active"),
        (29, "game_in_progress_betting_active"),
        (30, "game_closed"),
    ]


@pytest.mark.parametrize("limit", [1, 1000, "7", None, ""])
async def test_a_limit_of_events_from_1_to_1000_is_accepted(world: World, limit: object) -> None:
    assert (await world.user.call(372, game_id=world.game, limit=limit))["past_events"] == {}


@pytest.mark.parametrize("limit", [0, 1001, -1, "many", True, 1.5])
async def test_any_other_limit_is_refused(world: World, limit: object) -> None:
    reply = await world.user.call(372, game_id=world.game, limit=limit)
    assert_refused(reply, 372, "invalid_parameter", "limit")


async def test_events_before_an_unknown_one_are_not_found(world: World) -> None:
    reply = await world.user.call(372, game_id=world.game, before=UNKNOWN_ID)
    assert_refused(reply, 372, "not_found", "before")


@pytest.mark.parametrize("admin", ["source_admin", "game_admin", "provider"])
async def test_an_admin_of_the_game_or_source_updates_it_and_who_joined_gets_the_details(
    world: World, admin: str
) -> None:
    await world.user.call(363, game_id=world.game)
    client = getattr(world, admin)
    reply = await client.call(
        373, game_id=world.game, actions=["Save"], targets=["Chile:9"], image_url="https://e.org/x"
    )
    assert_reply(reply, 343, game_id=world.game)
    told, shown = await world.user.expect(342), await details(world, world.game)
    changes: dict[str, Any] = {"response_header": {"t": START_MS, "seq": 2}, "past_events": {}, "partial": True}
    assert {"epoch": shown["epoch"], **told} == {**shown, **changes}
    assert shown["seq"] == 2
    assert shown["image_url"] == "https://e.org/x"
    assert list(shown["actions"]) == ["goal", "offside", "save"]
    assert set(shown["targets"]) == {"argentina", "brazil", "chile", "none"}
    assert list(shown["targets"]["chile"]["targets"]) == ["9"]


async def test_an_update_is_told_without_the_events_and_costs_the_same_however_many_there_are(world: World) -> None:
    await world.user.call(363, game_id=world.game)
    sizes = []
    for _ in range(2):
        # The first makes the counts that the details have; the others change their numbers alone.
        for _ in range(9):
            event: dict[str, Any] = {"action_id": "goal", "target_id": "brazil:7", "description": "x" * 500}
            assert (await world.game_admin.call(395, game_id=world.game, **event))["res"] == 366
        assert (await world.provider.call(373, game_id=world.game, image_url="https://e.org/x"))["res"] == 343
        told = (await world.user.heard())[-1]
        assert (told["res"], told["past_events"], told["partial"]) == (342, {}, True)
        sizes.append(len(str(told)))
    assert max(sizes) - min(sizes) < 10
    shown = await details(world, world.game)
    assert len(shown["past_events"]) == 18
    assert "partial" not in shown
    assert told["game_state"] == shown["game_state"]


async def test_an_update_removes_and_renames_nothing(world: World) -> None:
    before = await details(world, world.game)
    await world.provider.call(373, game_id=world.game, actions="GOAL", targets="ARGENTINA,argentina:1,none")
    after = await details(world, world.game)
    assert (after["actions"], after["targets"]) == (before["actions"], before["targets"])


async def test_an_update_changes_only_what_it_names(world: World) -> None:
    await world.provider.call(373, game_id=world.game, image_url="http://e.org/1")
    before = await details(world, world.game)
    await world.provider.call(373, game_id=world.game, targets="Brazil:8", image_url="")
    after = await details(world, world.game)
    brazil = after["targets"]["brazil"]
    assert list(brazil.pop("targets")) == ["7", "8"]
    before["targets"]["brazil"].pop("targets")
    ignored = {"response_header": None, "seq": None}
    assert {**after, **ignored} == {**before, **ignored}


async def test_who_updates_and_has_joined_gets_reply_and_broadcast(world: World) -> None:
    await world.provider.call(363, game_id=world.game)
    assert_reply(await world.provider.call(373, game_id=world.game, actions="A"), 343, game_id=world.game)
    (message,) = await world.provider.heard()
    assert (message["res"], message["response_header"]) == (342, {"t": START_MS, "seq": 2})


async def test_an_upcoming_game_can_be_updated(world: World) -> None:
    assert (await world.provider.call(373, game_id=world.upcoming, targets="A:1"))["res"] == 343
    assert "a" in (await details(world, world.upcoming))["targets"]
    reply = await world.provider.call(3702, game_id=world.upcoming, targets="A:2")
    assert list(reply["targets"]["a"]["targets"]) == ["1", "2"]


async def test_a_closed_game_cannot_be_updated(world: World) -> None:
    await world.provider.call(375, game_id=world.game)
    assert_refused(await world.provider.call(373, game_id=world.game, actions="A"), 373, "game_closed")


@pytest.mark.parametrize(
    ("name", "value"), [("targets", "a::b"), ("targets", "none:a"), ("actions", "a:b"), ("image_url", "ftp://a.b")]
)
async def test_an_update_that_cannot_be_is_refused_whole(world: World, name: str, value: str) -> None:
    before = await details(world, world.game)
    parameters: dict[str, Any] = {"actions": "New", name: value}
    reply = await world.provider.call(373, game_id=world.game, **parameters)
    assert_refused(reply, 373, "invalid_parameter", name)
    assert (await details(world, world.game)) | {"response_header": None} == before | {"response_header": None}


async def test_an_update_over_the_limit_of_targets_is_refused_whole(world: World) -> None:
    targets = [str(number) for number in range(20_000)]
    reply = await world.provider.call(373, game_id=world.game, actions="New", targets=targets)
    assert_refused(reply, 373, "invalid_parameter", "targets")
    shown = await details(world, world.game)
    assert ("new" in shown["actions"], len(shown["targets"]), shown["seq"]) == (False, 3, 1)


async def test_the_details_say_how_many_have_joined_now(world: World) -> None:
    other = await world.server.connect("other")
    for client, count in ((world.user, 1), (other, 2), (world.user, 2)):
        await client.call(363, game_id=world.game)
        for limit in (None, 5):  # that with a limit is not kept
            assert (await world.provider.call(372, game_id=world.game, limit=limit))["subscribers"] == count
    await world.provider.call(373, game_id=world.game, chat="off")
    assert (await other.expect(342))["subscribers"] == 2
    await other.call(364, game_id=world.game)
    assert (await details(world, world.game))["subscribers"] == 1


@pytest.mark.parametrize(("currency", "decimals"), [("DON", 2), ("JPY", 0), ("BHD", 3)])
async def test_the_details_tell_how_exact_amounts_are(world: World, currency: str, decimals: int) -> None:
    game = await world.server.open_game(world.provider, world.source, currency=currency)
    assert (await details(world, game))["currency_decimals"] == decimals


async def test_the_details_of_a_closed_game_say_when_it_was_closed(world: World, clock: FakeClock) -> None:
    clock.time_ms += 7
    await world.provider.call(375, game_id=world.game)
    assert (await details(world, world.game))["closed_at"] == START_MS + 7
