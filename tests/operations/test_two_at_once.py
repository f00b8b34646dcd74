from typing import Any

import trio

from tests.support.harness import Client
from tests.support.world import World, within

ROUNDS = 25


async def add_targets(client: Client, game: str, name: str) -> None:
    """Add one target after the other to a game."""
    for number in range(ROUNDS):
        reply = await client.call(373, game_id=game, targets=f"{name}:{number}", actions=f"{name}-{number}")
        assert reply["res"] == 343


async def test_two_connections_that_update_one_game_at_once_lose_nothing(world: World) -> None:
    await world.user.call(363, game_id=world.game)
    async with within(30), trio.open_nursery() as nursery:
        nursery.start_soon(add_targets, world.source_admin, world.game, "Left")
        nursery.start_soon(add_targets, world.game_admin, world.game, "Right")
    shown = await world.user.call(372, game_id=world.game)
    numbers = [str(number) for number in range(ROUNDS)]
    for name in ("left", "right"):
        assert list(shown["targets"][name]["targets"]) == numbers
        assert {f"{name}-{number}" for number in numbers} <= set(shown["actions"])
    assert shown["seq"] == 2 * ROUNDS + 1


async def test_what_is_told_of_changes_made_at_once_is_one_sequence_without_gaps(world: World) -> None:
    await world.user.call(363, game_id=world.game)
    async with within(30), trio.open_nursery() as nursery:
        nursery.start_soon(add_targets, world.source_admin, world.game, "Left")
        nursery.start_soon(add_targets, world.game_admin, world.game, "Right")
    heard = await world.user.heard()
    assert [message["response_header"]["seq"] for message in heard] == list(range(2, 2 * ROUNDS + 2))
    assert [message["seq"] for message in heard] == list(range(2, 2 * ROUNDS + 2))
    # Each state told holds everything of the one before it, and one change more.
    sizes = [len(message["actions"]) for message in heard]
    assert sizes == list(range(3, 2 * ROUNDS + 3))


async def test_the_games_of_a_source_have_sequences_of_their_own(world: World) -> None:
    await world.user.call(363, game_id=world.game)
    await world.outsider.call(363, game_id=world.upcoming)
    async with within(30), trio.open_nursery() as nursery:
        nursery.start_soon(add_targets, world.provider, world.game, "Left")
        nursery.start_soon(add_targets, world.source_admin, world.upcoming, "Right")
    for client in (world.user, world.outsider):
        heard = await client.heard()
        assert [message["response_header"]["seq"] for message in heard] == list(range(2, ROUNDS + 2))


async def race(world: World, op: int, **parameters: Any) -> list[dict[str, Any]]:
    """The replies to one request sent by two admins at once."""
    replies: list[dict[str, Any]] = []

    async def send(client: Client) -> None:
        replies.append(await client.call(op, **parameters))

    async with within(), trio.open_nursery() as nursery:
        for client in (world.provider, world.source_admin):
            nursery.start_soon(send, client)
    return replies


async def test_of_two_who_close_a_game_at_once_one_does(world: World) -> None:
    await world.user.call(363, game_id=world.game)
    replies = await race(world, 375, game_id=world.game)
    assert sorted(reply["res"] for reply in replies) == [341, 666]
    assert [reply["code"] for reply in replies if reply["res"] == 666] == ["game_closed"]
    assert [message["res"] for message in await world.user.heard()] == [341]


async def test_of_two_who_open_a_game_at_once_one_does(world: World) -> None:
    await world.user.call(363, game_id=world.upcoming)
    replies = await race(world, 3702, game_id=world.upcoming, targets="A:1")
    assert sorted(reply["res"] for reply in replies) == [666, 3402]
    assert [reply["code"] for reply in replies if reply["res"] == 666] == ["conflict"]
    assert [message["res"] for message in await world.user.heard()] == [3402]
