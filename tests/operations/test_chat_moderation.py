import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.operations.test_chat import history, id_of, join, write
from tests.support.harness import START_MS, Client
from tests.support.settling import accepted, of_kind
from tests.support.world import UNKNOWN_ID, World, assert_broadcast, assert_refused, assert_reply


def admins(world: World) -> list[Client]:
    return [world.game_admin, world.source_admin]


async def test_an_admin_of_the_game_or_its_source_removes_a_message_and_all_who_have_joined_are_told(
    world: World,
) -> None:
    await join(world, world.user, world.outsider)
    for admin in admins(world):
        first, second = await write(world, world.user, "rude", "kind")
        await world.user.heard()
        await world.outsider.heard()
        assert_reply(await admin.call(903, message_id=first, reason="Rude"), 903, message_id=first)
        for client in (world.user, world.outsider):
            message = await client.expect(9031)
            assert_broadcast(message, 9031, None, message_id=first, channel=world.game, reason="Rude")
        assert_refused(await admin.call(903, message_id=first), 903, "conflict")
        assert (await accepted(admin, 903, message_id=second))["res"] == 903
        assert (await world.user.expect(9031))["reason"] is None
    assert await history(world.user, world.game) == []


async def test_a_removed_message_is_told_after_it_was_written(world: World) -> None:
    await join(world, world.user)
    await world.game_admin.send({"op": 1})
    (message_id,) = (await accepted(world.user, 900, text="rude"))["message_ids"]
    await accepted(world.game_admin, 903, message_id=message_id)
    assert [message["res"] for message in await world.user.heard()] == [901, 9031]


async def test_the_text_of_a_removed_message_is_in_no_table(world: World, database: Path) -> None:
    await join(world, world.user)
    (message_id,) = (await accepted(world.user, 900, text="unspeakable", header={"key": "k"}))["message_ids"]
    await accepted(world.game_admin, 903, message_id=message_id)
    with closing(sqlite3.connect(database)) as connection:
        assert "unspeakable" not in "\n".join(connection.iterdump())


async def test_who_is_no_admin_of_the_game_moderates_nothing_not_even_his_own(world: World) -> None:
    await join(world, world.user)
    (message_id,) = await write(world, world.user, "Hello")
    for client in (world.user, world.outsider):
        assert_refused(await client.call(903, message_id=message_id), 903, "not_authorized")
        mute = await client.call(904, game_id=world.game, user_id=1, duration_s=60)
        assert_refused(mute, 904, "not_authorized")
    assert await history(world.user, world.game) == ["Hello"]
    assert_refused(await world.user.call(903, message_id=UNKNOWN_ID), 903, "not_found", "message_id")


async def test_a_page_goes_on_before_a_removed_message(world: World) -> None:
    await join(world, world.user)
    ids = await write(world, world.user, "1", "2", "3")
    await accepted(world.game_admin, 903, message_id=ids[1])
    assert await history(world.user, world.game, before=ids[1]) == ["1"]
    assert await history(world.user, world.game) == ["1", "3"]


async def test_who_is_muted_is_told_and_writes_again_when_the_time_is_over(world: World) -> None:
    await join(world, world.user)
    user_id, clock = await id_of(world.user), world.server.clock
    until = START_MS + 60_000
    muted = {"game_id": world.game, "until": until, "reason": "Rude"}
    mute: dict[str, Any] = {"game_id": world.game, "user_id": user_id, "duration_s": 60, "reason": "Rude"}
    reply = await world.source_admin.call(904, **mute)
    assert_reply(reply, 904, user_id=user_id, username="user", **muted)
    assert_broadcast(await world.user.expect(9041), 9041, None, **muted)
    for at in (START_MS, until - 1):
        clock.time_ms = at
        refused = await world.user.call(900, text="Hello")
        assert_refused(refused, 900, "not_authorized")
        assert str(until) in refused["text"]
    clock.time_ms = until
    await accepted(world.user, 900, text="Hello")


async def test_a_mute_is_lifted_and_replaced_by_another(world: World) -> None:
    await join(world, world.user)
    mute = {"game_id": world.game, "user_id": await id_of(world.user)}
    await accepted(world.game_admin, 904, **mute, duration_s=60)
    await accepted(world.game_admin, 904, **mute, duration_s=5)
    world.server.clock.time_ms += 5_000
    await accepted(world.user, 900, text="Hello")
    await accepted(world.game_admin, 904, **mute, duration_s=60)
    reply = await accepted(world.source_admin, 904, **mute, duration_s=0)
    assert reply["until"] is None
    assert [message["until"] for message in of_kind(await world.user.heard(), 9041)][-1] is None
    await accepted(world.user, 900, text="Hello")


async def test_who_is_muted_in_a_game_writes_in_others_and_hears_all(world: World) -> None:
    other = await world.server.open_game(world.provider, world.source)
    await join(world, world.user, world.outsider)
    await accepted(world.user, 363, game_id=other)
    await accepted(world.game_admin, 904, game_id=world.game, user_id=await id_of(world.user), duration_s=60)
    await accepted(world.user, 900, text="Elsewhere", targets=other)
    assert_refused(await world.user.call(900, text="Both", targets=[other, world.game]), 900, "not_authorized")
    assert await history(world.user, other) == ["Elsewhere"]
    await write(world, world.outsider, "Hello")
    assert "Hello" in [message["text"] for message in of_kind(await world.user.heard(), 901)]


@pytest.mark.parametrize("duration_s", [-1, 31_536_001, 0.5, "long"])
async def test_a_mute_lasts_from_nothing_to_a_year(world: World, duration_s: object) -> None:
    reply = await world.game_admin.call(904, game_id=world.game, user_id=1, duration_s=duration_s)
    assert_refused(reply, 904, "invalid_parameter", "duration_s")


async def test_what_is_said_and_moderated_is_not_in_the_games_journal(world: World, database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        count = "SELECT count(*) FROM journal"
        (before,) = connection.execute(count).fetchone()
        await join(world, world.user)
        (message_id,) = await write(world, world.user, "Hello")
        await accepted(world.game_admin, 903, message_id=message_id)
        await accepted(world.game_admin, 904, game_id=world.game, user_id=1, duration_s=60)
        assert connection.execute(count).fetchone() == (before,)
