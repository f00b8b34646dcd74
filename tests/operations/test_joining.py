from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from gameserver.errors import ErrorCode, Rejected
from gameserver.net.outbox import Outbox
from gameserver.storage.sqlite.backup import back_up, restore
from gameserver.storage.sqlite.connection import open_reader
from tests.support.harness import Client, FakeClock, running_server
from tests.support.logs import Lines
from tests.support.world import DAY_MS, World, assert_refused, assert_reply, bearer, build_world, within

PUBLISHED = 60


async def update(world: World, count: int = 1) -> None:
    """Let the game have that many more broadcasts."""
    for _ in range(count):
        assert (await world.provider.call(373, game_id=world.game))["res"] == 343


def seqs(messages: list[dict[str, Any]]) -> list[int]:
    return [message["response_header"]["seq"] for message in messages]


@pytest.mark.parametrize("after_seq", [None, 0])
async def test_who_joins_is_told_its_roles_in_the_game(world: World, after_seq: int | None) -> None:
    await world.provider.call(616, game_id=world.game)
    await world.provider.call(618, game_id=world.game, username="game_admin")
    await world.provider.call(617, game_id=world.game, username="provider_outside")
    roles = {
        "provider": ["game_admin", "source_admin"],
        "source_admin": ["source_admin"],
        "game_admin": [],
        "outsider": ["game_admin"],
        "user": [],
    }
    for name, held in roles.items():
        reply = await getattr(world, name).call(363, game_id=world.game, after_seq=after_seq)
        assert (reply["res"], reply["roles"]) == (333, held)
    assert (await world.game_admin.call(363, game_id=world.upcoming))["roles"] == []


async def test_who_joins_gets_what_comes_after_the_seq_of_the_reply(world: World) -> None:
    await update(world, 3)
    reply = await world.user.call(363, game_id=world.game)
    assert_reply(
        reply,
        333,
        game_id=world.game,
        seq=4,
        recovered=False,
        roles=[],
        subscribers=reply["subscribers"],
        epoch=reply["epoch"],
    )
    await update(world, 3)
    assert seqs(await world.user.heard()) == [5, 6, 7]


async def test_an_upcoming_game_can_be_joined(world: World) -> None:
    reply = await world.user.call(363, game_id=world.upcoming)
    assert_reply(
        reply,
        333,
        game_id=world.upcoming,
        seq=1,
        recovered=False,
        roles=[],
        subscribers=reply["subscribers"],
        epoch=reply["epoch"],
    )
    await world.provider.call(3702, game_id=world.upcoming)
    assert [message["res"] for message in await world.user.heard()] == [3402]


@pytest.mark.parametrize("after_seq", [None, "", "None"])
async def test_an_absent_after_seq_asks_for_no_recovery(world: World, after_seq: str | None) -> None:
    reply = await world.user.call(363, game_id=world.game, after_seq=after_seq)
    assert_reply(
        reply,
        333,
        game_id=world.game,
        seq=1,
        recovered=False,
        roles=[],
        subscribers=reply["subscribers"],
        epoch=reply["epoch"],
    )
    assert await world.user.heard() == []


@pytest.mark.parametrize("after_seq", [0, 1, 3, 4, "2"])
async def test_what_came_after_after_seq_is_sent_after_the_reply_and_then_what_comes(
    world: World, after_seq: int | str
) -> None:
    await update(world, 3)
    reply = await world.user.call(363, game_id=world.game, after_seq=after_seq)
    assert world.user.messages == []
    assert_reply(
        reply,
        333,
        game_id=world.game,
        seq=4,
        recovered=True,
        roles=[],
        subscribers=reply["subscribers"],
        epoch=reply["epoch"],
    )
    await update(world, 2)
    assert seqs(await world.user.heard()) == list(range(int(after_seq) + 1, 7))


async def test_recovered_broadcasts_are_those_that_were_sent(world: World, clock: FakeClock) -> None:
    await world.user.call(363, game_id=world.game)
    for _ in range(3):
        clock.time_ms += 100
        await update(world)
    await world.provider.call(375, game_id=world.game)
    live = await world.user.heard()
    clock.time_ms += 5_000
    assert (await world.outsider.call(363, game_id=world.game, after_seq=1))["recovered"]
    assert await world.outsider.heard() == live


async def test_an_after_seq_beyond_the_last_is_not_recovered_but_joined(world: World) -> None:
    reply = await world.user.call(363, game_id=world.game, after_seq=2)
    assert_reply(
        reply,
        333,
        game_id=world.game,
        seq=1,
        recovered=False,
        roles=[],
        subscribers=reply["subscribers"],
        epoch=reply["epoch"],
    )
    await update(world)
    assert seqs(await world.user.heard()) == [2]


@pytest.mark.parametrize("after_seq", [-1, 1.5, "x", True, 2**53, 2**64])
async def test_what_is_no_seq_is_refused(world: World, after_seq: object) -> None:
    reply = await world.user.call(363, game_id=world.game, after_seq=after_seq)
    assert_refused(reply, 363, "invalid_parameter", "after_seq")


async def test_joining_again_is_one_subscription(world: World) -> None:
    for seq in (1, 2, 3):
        reply = await world.user.call(363, game_id=world.game)
        assert_reply(
            reply,
            333,
            game_id=world.game,
            seq=seq,
            recovered=False,
            roles=[],
            subscribers=reply["subscribers"],
            epoch=reply["epoch"],
        )
        await update(world)
    assert seqs(await world.user.heard()) == [2, 3, 4]
    assert_reply(await world.user.call(364, game_id=world.game), 334, game_id=world.game)
    await update(world)
    assert await world.user.heard() == []


async def test_joining_again_with_after_seq_starts_the_subscription_anew(world: World) -> None:
    await world.user.call(363, game_id=world.game)
    await update(world, 3)
    assert seqs(await world.user.heard()) == [2, 3, 4]
    reply = await world.user.call(363, game_id=world.game, after_seq=1)
    assert_reply(
        reply,
        333,
        game_id=world.game,
        seq=4,
        recovered=True,
        roles=[],
        subscribers=reply["subscribers"],
        epoch=reply["epoch"],
    )
    await update(world)
    assert seqs(await world.user.heard()) == [2, 3, 4, 5]
    assert (await world.user.call(364, game_id=world.game))["res"] == 334
    assert_refused(await world.user.call(364, game_id=world.game), 364, "conflict")


async def test_two_connections_of_a_user_are_two_subscriptions(world: World) -> None:
    second = await world.server.connect("user")
    for client in (world.user, second):
        await client.call(363, game_id=world.game)
    await world.user.call(364, game_id=world.game)
    await update(world)
    assert (seqs(await world.user.heard()), seqs(await second.heard())) == ([], [2])


async def test_games_are_joined_apart_from_each_other(world: World) -> None:
    await world.user.call(363, game_id=world.upcoming)
    await update(world)
    assert await world.user.heard() == []
    assert_refused(await world.user.call(364, game_id=world.game), 364, "conflict")


async def test_who_has_left_gets_nothing_more_and_cannot_leave_again(world: World) -> None:
    await world.user.call(363, game_id=world.game)
    assert_reply(await world.user.call(364, game_id=world.game), 334, game_id=world.game)
    await update(world)
    assert await world.user.heard() == []
    assert_refused(await world.user.call(364, game_id=world.game), 364, "conflict")


async def test_a_closed_game_cannot_be_joined(world: World) -> None:
    await world.provider.call(375, game_id=world.game)
    assert_refused(await world.user.call(363, game_id=world.game), 363, "game_closed")


@pytest.mark.parametrize("after_seq", [0, 1, 2, 3])
async def test_a_closed_game_s_log_can_be_recovered_without_a_subscription(world: World, after_seq: int) -> None:
    await update(world)
    await world.provider.call(375, game_id=world.game)
    reply = await world.user.call(363, game_id=world.game, after_seq=after_seq)
    assert_reply(
        reply,
        333,
        game_id=world.game,
        seq=3,
        recovered=True,
        roles=[],
        subscribers=reply["subscribers"],
        epoch=reply["epoch"],
    )
    assert seqs(await world.user.heard()) == list(range(after_seq + 1, 4))
    assert_refused(await world.user.call(364, game_id=world.game), 364, "conflict")


async def test_a_closed_game_is_not_recovered_from_beyond_its_log(world: World) -> None:
    await world.provider.call(375, game_id=world.game)
    assert_refused(await world.user.call(363, game_id=world.game, after_seq=3), 363, "game_closed")


async def test_a_closed_game_s_log_is_kept_7_days(world: World, clock: FakeClock) -> None:
    await world.provider.call(375, game_id=world.game)
    clock.time_ms += 7 * DAY_MS - 1
    assert (await world.user.call(363, game_id=world.game, after_seq=0))["recovered"]
    assert seqs(await world.user.heard()) == [1, 2]
    clock.time_ms += 2
    assert_refused(await world.user.call(363, game_id=world.game, after_seq=0), 363, "game_closed")
    assert (await world.user.call(372, game_id=world.game))["status"] == "game_closed"


async def test_an_open_game_keeps_its_whole_log(world: World, clock: FakeClock) -> None:
    await update(world)
    clock.time_ms += 100 * DAY_MS
    await update(world)
    assert (await world.user.call(363, game_id=world.game, after_seq=0))["recovered"]
    assert seqs(await world.user.heard()) == [1, 2, 3]


async def test_what_was_missed_is_recovered_after_a_restart_of_the_server(database: Path) -> None:
    async with running_server(database) as server:
        provider, client = await server.connect("provider"), await server.connect("ann")
        game = await server.open_game(provider, await server.open_source(provider))
        await client.call(363, game_id=game)
        await provider.call(373, game_id=game, actions="A")
        first = await client.heard()
        await provider.call(373, game_id=game, actions="B")
        keys = [await server.key_of(name) for name in ("provider", "ann")]
    async with running_server(database) as server:
        provider, client = [await server.connect(headers=bearer(key)) for key in keys]
        reply = await client.call(363, game_id=game, after_seq=seqs(first)[-1])
        assert_reply(
            reply,
            333,
            game_id=game,
            seq=3,
            recovered=True,
            roles=[],
            subscribers=reply["subscribers"],
            epoch=reply["epoch"],
        )
        await provider.call(373, game_id=game, actions="C")
        assert seqs(await client.heard()) == [3, 4]


@pytest.fixture
async def busy_world(database: Path) -> AsyncIterator[World]:
    """A world with generous limits."""
    async with running_server(database, max_requests_per_s=10_000, max_requests_per_s_per_address=10_000) as server:
        yield await build_world(server)


async def follow(client: Client, game: str, first: int, received: list[int], rejoin_at: int | None = None) -> None:
    """Join after ``first`` and read until the last broadcast; once, join anew from where the client is."""
    assert (await client.call(363, game_id=game, after_seq=first))["recovered"]
    while not received or received[-1] < PUBLISHED + 1:
        message = client.messages.pop(0) if client.messages else await client.receive()
        if "seq" in message["response_header"]:
            received.append(message["response_header"]["seq"])
        if rejoin_at is not None and received and received[-1] >= rejoin_at:
            rejoin_at = None
            assert (await client.call(364, game_id=game))["res"] == 334
            received += seqs([message for message in client.messages if "seq" in message["response_header"]])
            client.messages.clear()
            assert (await client.call(363, game_id=game, after_seq=received[-1]))["recovered"]


async def test_while_others_publish_each_recovering_client_gets_every_message_once_and_in_order(
    busy_world: World,
) -> None:
    world = busy_world
    clients = [await world.server.connect(f"u{number}") for number in range(8)]
    received: list[list[int]] = [[] for _ in clients]
    begun = [trio.Event() for _ in clients]

    async def publish() -> None:
        for number in range(PUBLISHED):
            if number % 5 == 0 and number // 5 < len(begun):
                begun[number // 5].set()
            await update(world)

    async def start(number: int) -> None:
        await begun[number].wait()
        rejoin_at = 30 if number % 2 else None
        await follow(clients[number], world.game, number % 3, received[number], rejoin_at)

    async with within(30), trio.open_nursery() as nursery:
        nursery.start_soon(publish)
        for number in range(len(clients)):
            nursery.start_soon(start, number)
    assert received == [list(range(number % 3 + 1, PUBLISHED + 2)) for number in range(len(clients))]


async def test_joining_and_leaving_while_others_publish_leaves_neither_gap_nor_repetition(busy_world: World) -> None:
    world = busy_world
    received = [1]

    async def publish() -> None:
        for _ in range(PUBLISHED):
            await update(world)

    async with within(30), trio.open_nursery() as nursery:
        nursery.start_soon(publish)
        while received[-1] < PUBLISHED + 1:
            await world.user.call(363, game_id=world.game, after_seq=received[-1])
            await world.user.call(364, game_id=world.game)
            received += seqs(world.user.messages)
            world.user.messages.clear()
    assert received == list(range(1, PUBLISHED + 2))


async def test_a_recovery_that_fails_closes_the_connection_instead_of_answering_twice(
    world: World, monkeypatch: pytest.MonkeyPatch, entries: Lines
) -> None:
    await update(world, 3)

    def unreadable(*arguments: object, **parameters: object) -> None:
        raise Rejected(ErrorCode.STORAGE_UNAVAILABLE, "the database cannot be read now")

    monkeypatch.setattr("gameserver.realtime.subscriptions.list_broadcasts", unreadable)
    assert (await world.user.call(363, game_id=world.game, after_seq=0))["recovered"]
    assert await world.user.close_code() == 4009
    (failed,) = entries.of("recovery_failed")
    assert (failed["level"], failed["game"]) == ("warning", world.game)


async def test_a_game_that_closes_while_a_join_waits_for_room_is_closed_for_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_waited, wait_for_room = False, Outbox.wait_for_room

    async def wait_for_room_and_the_close(outbox: Outbox) -> None:
        nonlocal has_waited
        if not has_waited:
            has_waited = True
            assert (await world.provider.call(375, game_id=world.game))["res"] == 341
            await wait_all_tasks_blocked()
        await wait_for_room(outbox)

    monkeypatch.setattr(Outbox, "wait_for_room", wait_for_room_and_the_close)
    assert_refused(await world.user.call(363, game_id=world.game), 363, "game_closed")


async def test_who_joins_is_told_how_many_have_joined(world: World) -> None:
    assert (await world.user.call(363, game_id=world.game))["subscribers"] == 1
    assert (await world.provider.call(363, game_id=world.game))["subscribers"] == 2
    assert (await world.user.call(363, game_id=world.game))["subscribers"] == 2
    assert (await world.user.call(363, game_id=world.game, after_seq=0))["subscribers"] == 2


async def test_the_epoch_stays_through_a_restart_and_is_new_on_a_restored_backup(database: Path) -> None:
    async with running_server(database) as server:
        provider = await server.connect("provider")
        game = await server.open_game(provider, await server.open_source(provider))
        told = (await provider.call(363, game_id=game))["epoch"]
        assert (await provider.call(372, game_id=game))["epoch"] == told
        key = await server.key_of("provider")
    async with running_server(database) as server:
        client = await server.connect(headers=bearer(key))
        reply = await client.call(363, game_id=game, after_seq=0, epoch=told)
        assert (reply["epoch"], reply["recovered"]) == (told, True)
    copy = database.with_name("backup.db")
    with closing(open_reader(database)) as reader:
        reader.execute("BEGIN")
        assert back_up(reader, database, copy, lambda copied, total: None) == []
    restore(database, copy, lambda copied, total: None, keep=False)
    async with running_server(database) as server:
        client = await server.connect(headers=bearer(key))
        reply = await client.call(363, game_id=game, after_seq=0, epoch=told)
        assert (reply["epoch"] == told, reply["recovered"]) == (False, False)
        assert (await client.call(372, game_id=game))["epoch"] == reply["epoch"]
        assert await client.heard() == []


@pytest.mark.parametrize("epoch", [None, "", "ours"])
async def test_the_log_is_recovered_in_the_server_s_epoch_or_if_none_is_sent(world: World, epoch: str | None) -> None:
    epoch = world.server.context.store.epoch if epoch == "ours" else epoch
    assert (await world.user.call(363, game_id=world.game, after_seq=0, epoch=epoch))["recovered"]
    assert seqs(await world.user.heard()) == [1]


async def test_in_another_epoch_nothing_is_recovered_and_what_comes_is_told(world: World) -> None:
    reply = await world.user.call(363, game_id=world.game, after_seq=0, epoch="another")
    assert (reply["recovered"], reply["seq"]) == (False, 1)
    await update(world)
    assert seqs(await world.user.heard()) == [2]


async def test_a_closed_game_is_not_recovered_in_another_epoch(world: World) -> None:
    await world.provider.call(375, game_id=world.game)
    assert_refused(await world.user.call(363, game_id=world.game, after_seq=0, epoch="another"), 363, "game_closed")


@pytest.mark.parametrize("epoch", [1, True, [], "x" * 65])
async def test_what_is_no_epoch_is_refused(world: World, epoch: object) -> None:
    reply = await world.user.call(363, game_id=world.game, after_seq=0, epoch=epoch)
    assert_refused(reply, 363, "invalid_parameter", "epoch")


async def test_the_broadcast_of_details_which_the_log_keeps_has_no_epoch(world: World) -> None:
    await world.user.call(363, game_id=world.game)
    await update(world)
    assert "epoch" not in await world.user.expect(342)
