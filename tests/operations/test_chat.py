from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from gameserver.engine import scheduled
from gameserver.errors import Rejected
from gameserver.handlers.execution import WriteRequest, parse, write_job
from gameserver.protocol.chat import TextMessage
from gameserver.storage.connection import Connection
from gameserver.storage.users import User
from tests.support.harness import START_MS, Client, FakeClock, running_server
from tests.support.settling import accepted, of_kind
from tests.support.world import UNKNOWN_ID, World, assert_broadcast, assert_refused, assert_reply, build_world


async def join(world: World, *clients: Client) -> None:
    """Let clients join the game, and forget what they have heard."""
    for client in clients:
        await accepted(client, 363, game_id=world.game)
    for client in clients:
        await client.heard()


async def id_of(client: Client) -> int:
    return int((await client.call(100))["user_id"])


async def history(client: Client, game: str, **parameters: Any) -> list[str]:
    """The texts of the chat, oldest first."""
    reply = await accepted(client, 902, channel=game, **parameters)
    assert reply["channel"] == game
    return [message["text"] for message in reply["messages"]]


async def write(world: World, client: Client, *texts: str) -> list[str]:
    """Write in the game, a second apart; the ids of the messages."""
    ids = []
    for text in texts:
        world.server.clock.time_ms += 1_000
        ids += (await accepted(client, 900, text=text, targets=world.game))["message_ids"]
    return ids


async def test_what_is_written_is_told_to_all_who_have_joined_and_read_in_the_history(world: World) -> None:
    reader, user_id = world.outsider, await id_of(world.user)
    await join(world, world.user, reader)
    reply = await world.user.call(900, text="Goal!")
    (message_id,) = reply["message_ids"]
    assert_reply(reply, 900, message_ids=[message_id])
    message = {
        "message_id": message_id,
        "sender": "user",
        "sender_id": user_id,
        "text": "Goal!",
        "received_at": START_MS,
        "channel": world.game,
    }
    for client in (world.user, reader):
        assert_broadcast(await client.expect(901), 901, None, **message)
    assert_reply(await world.provider.call(902, channel=world.game), 902, channel=world.game, messages=[message])
    assert await world.provider.heard() == []


async def test_a_message_goes_to_the_games_named_under_an_id_in_each(world: World) -> None:
    games = [await world.server.open_game(world.provider, world.source) for _ in range(3)]
    for game in games:
        await accepted(world.user, 363, game_id=game)
    ids = (await accepted(world.user, 900, text="Both", targets=[games[2], games[0], games[2]]))["message_ids"]
    heard = of_kind(await world.user.heard(), 901)
    assert len(heard) == 2
    assert {message["channel"]: message["message_id"] for message in heard} == dict(
        zip([games[2], games[0]], ids, strict=True)
    )
    ids = (await accepted(world.user, 900, text="Also", targets=f"{games[0]}, {games[1]}"))["message_ids"]
    assert len(ids) == 2
    assert [await history(world.user, game) for game in games] == [["Both", "Also"], ["Also"], ["Both"]]


async def test_without_targets_a_message_goes_to_every_game_joined_by_any_connection_of_the_user(world: World) -> None:
    games = [await world.server.open_game(world.provider, world.source) for _ in range(3)]
    second = await world.server.connect("user")
    for client, game in zip((world.user, second), games, strict=False):
        await accepted(client, 363, game_id=game)
    nothing: list[dict[str, Any]] = [{}, {"targets": None}, {"targets": ""}, {"targets": []}]
    for targets in nothing:
        assert len((await accepted(world.user, 900, text="All", **targets))["message_ids"]) == 2
    assert [await history(second, game) for game in games] == [["All"] * 4, ["All"] * 4, []]


async def test_several_games_get_a_message_all_or_none(world: World) -> None:
    await join(world, world.user)
    other = await world.server.open_game(world.provider, world.source)
    refusals = [
        ([world.game, other], "conflict", None),
        ([world.game, UNKNOWN_ID], "not_found", "targets"),
        ([world.game, "Argentina"], "invalid_parameter", "targets"),
        ([world.game] + [UNKNOWN_ID[:-3] + str(number) for number in range(100, 200)], "invalid_parameter", "targets"),
    ]
    for targets, code, field in refusals:
        assert_refused(await world.user.call(900, text="Hello", targets=targets), 900, code, field)
    assert await history(world.user, world.game) == []
    assert of_kind(await world.user.heard(), 901) == []


async def test_who_has_joined_no_game_writes_in_none(world: World) -> None:
    assert_refused(await world.user.call(900, text="Hello"), 900, "conflict")
    await join(world, world.user)
    await accepted(world.user, 364, game_id=world.game)
    assert_refused(await world.user.call(900, text="Hello", targets=world.game), 900, "conflict")


@pytest.mark.parametrize(
    "text",
    [
        " two blanks  before and after  ",
        "line\nbreaks\r\nof both sorts\n",
        "😀" * 500,
        "\n" + "x" * 500 + " " * 100,
        "<script>alert('1')</script> & \"quotes\" \\ \u202e",
        "👩‍👩‍👧 مرحبا",
    ],
)
async def test_texts_come_back_exactly_as_sent(world: World, text: str) -> None:
    await join(world, world.user)
    await write(world, world.user, text)
    assert (await world.user.expect(901))["text"] == text
    assert await history(world.user, world.game) == [text]


@pytest.mark.parametrize(
    "text",
    ["x" * 501, " " * 500, "\n\n", "\u200b", "bell\x07", "tab\t", "\x00", "\x7f", "next\x85line", "x" + " " * 1_000, 5],
)
async def test_a_text_too_long_or_blank_or_with_control_characters_is_refused(world: World, text: Any) -> None:
    await join(world, world.user)
    reply = await world.user.call(900, text=text, targets=world.game)
    assert_refused(reply, 900, "invalid_parameter", "text")
    assert await history(world.user, world.game) == []


async def test_a_user_writes_five_messages_at_once_and_one_a_second(world: World) -> None:
    await join(world, world.user, world.outsider)
    clock = world.server.clock
    for number in range(5):
        await accepted(world.user, 900, text=str(number))
    for _ in range(2):
        reply = await world.user.call(900, text="one too many")
        assert (reply["code"], reply["retryable"], reply["retry_after_ms"]) == ("rate_limited", True, 1_000)
    await accepted(world.outsider, 900, text="another's")
    clock.time_ms += 999
    assert (await world.user.call(900, text="too soon"))["retry_after_ms"] == 1
    clock.time_ms += 1
    await accepted(world.user, 900, text="5")
    assert (await world.user.call(900, text="too soon"))["code"] == "rate_limited"
    clock.time_ms += 60_000
    for number in range(6, 11):
        await accepted(world.user, 900, text=str(number))
    assert (await world.user.call(900, text="too soon"))["code"] == "rate_limited"
    texts = await history(world.user, world.game)
    assert [text for text in texts if text != "another's"] == [str(number) for number in range(11)]


async def test_in_a_game_no_more_messages_a_second_are_written_than_the_limit(database: Path, clock: FakeClock) -> None:
    async with running_server(database, clock, max_chat_per_game_per_s=3) as server:
        world = await build_world(server)
        await join(world, world.user, world.outsider, world.provider)
        other = await server.open_game(world.provider, world.source)
        await accepted(world.user, 363, game_id=other)
        for client in (world.user, world.outsider, world.provider):
            await accepted(client, 900, text="Hello", targets=world.game)
            clock.time_ms += 10
        reply = await world.user.call(900, text="Hello", targets=[other, world.game])
        assert (reply["code"], reply["retry_after_ms"]) == ("rate_limited", 970)
        assert await history(world.user, other) == []
        await accepted(world.user, 900, text="Elsewhere", targets=other)
        clock.time_ms += 970
        await accepted(world.user, 900, text="Hello", targets=world.game)
        assert (await world.outsider.call(900, text="Hello", targets=world.game))["code"] == "rate_limited"


async def test_of_messages_that_come_at_once_no_more_are_written_than_the_limit(
    database: Path, clock: FakeClock
) -> None:
    async with running_server(database, clock, max_chat_per_game_per_s=2) as server:
        world = await build_world(server)
        clients = (world.user, world.outsider, world.provider)
        await join(world, *clients)
        codes: list[str | None] = []

        async def write(client: Client) -> None:
            codes.append((await client.call(900, text="Hello", targets=world.game)).get("code"))

        async with trio.open_nursery() as nursery:
            for client in clients:
                nursery.start_soon(write, client)
        assert sorted(codes, key=str) == [None, None, "rate_limited"]


async def test_a_message_that_a_game_has_no_room_for_is_none_of_the_users(database: Path, clock: FakeClock) -> None:
    async with running_server(database, clock, max_chat_per_game_per_s=1) as server:
        world = await build_world(server)
        await join(world, world.user, world.outsider)
        await accepted(world.outsider, 900, text="Hello", targets=world.game)
        for _ in range(6):
            assert (await world.user.call(900, text="Hello", targets=world.game))["code"] == "rate_limited"
        for _ in range(5):
            other = await server.open_game(world.provider, world.source)
            await accepted(world.user, 363, game_id=other)
            await accepted(world.user, 900, text="Hello", targets=other)


async def test_a_message_with_a_key_is_written_once(world: World) -> None:
    await join(world, world.user)
    first = await accepted(world.user, 900, text="Once", header={"key": "k"})
    again = await accepted(world.user, 900, text="Once", header={"key": "k"})
    assert again["response_header"]["repeated"] is True
    assert again["message_ids"] == first["message_ids"]
    assert await history(world.user, world.game) == ["Once"]
    assert len(of_kind(await world.user.heard(), 901)) == 1


async def test_who_has_blocked_a_writer_neither_hears_nor_reads_him(world: World) -> None:
    blocker, other = world.outsider, world.provider
    await join(world, world.user, blocker, other)
    await write(world, world.user, "before")
    assert [message["text"] for message in of_kind(await blocker.heard(), 901)] == ["before"]
    await accepted(blocker, 467, user_id=await id_of(world.user))
    await blocker.heard()
    await write(world, world.user, "after")
    await write(world, other, "theirs")
    await write(world, blocker, "mine")
    assert [message["text"] for message in of_kind(await blocker.heard(), 901)] == ["theirs", "mine"]
    for client in (world.user, other):
        heard = [message["text"] for message in of_kind(await client.heard(), 901)]
        assert heard[-3:] == ["after", "theirs", "mine"]
    assert await history(blocker, world.game) == ["theirs", "mine"]
    assert await history(world.user, world.game) == ["before", "after", "theirs", "mine"]
    await accepted(blocker, 468, user_id=await id_of(world.user))
    assert await history(blocker, world.game) == ["before", "after", "theirs", "mine"]
    await write(world, world.user, "again")
    assert [message["text"] for message in of_kind(await blocker.heard(), 901)] == ["again"]


async def test_the_history_is_read_page_by_page_from_the_newest_each_oldest_first(world: World) -> None:
    await join(world, world.user)
    ids = await write(world, world.user, *map(str, range(7)))
    assert await history(world.user, world.game, limit=3) == ["4", "5", "6"]
    assert await history(world.user, world.game, limit=3, before=ids[4]) == ["1", "2", "3"]
    assert await history(world.user, world.game, limit=3, before=ids[1]) == ["0"]
    assert await history(world.user, world.game, limit=3, before=ids[0]) == []


async def test_a_page_begins_before_a_message_of_the_same_game_alone(world: World) -> None:
    await join(world, world.user)
    (message_id,) = await write(world, world.user, "Hello")
    other = await world.server.open_game(world.provider, world.source)
    for channel, before in ((other, message_id), (world.game, UNKNOWN_ID)):
        assert_refused(await world.user.call(902, channel=channel, before=before), 902, "not_found", "before")
    assert_refused(await world.user.call(902, channel=UNKNOWN_ID), 902, "not_found", "channel")
    assert_refused(await world.user.call(902, channel=world.game, limit=1_001), 902, "invalid_parameter", "limit")


async def test_a_long_page_leaves_out_the_older_messages(database: Path, clock: FakeClock) -> None:
    async with running_server(database, clock, max_chat_per_game_per_s=1_000_000) as server:
        world = await build_world(server)
        await join(world, world.user)
        sent = await id_of(world.user)

        def fill(connection: Connection) -> None:
            connection.execute_many(
                "INSERT INTO chat_lines (uuid, game_id, sender_id, text, received_at)"
                " SELECT ?, id, ?, ?, ? FROM games WHERE uuid = ?",
                [
                    (f"{number:036}", sent, "😀" * 490 + f"{number:010}", START_MS, world.game)
                    for number in range(1_000)
                ],
            )

        await server.context.store.write(fill, clock.now_ms())
        reply = await accepted(world.user, 902, channel=world.game, limit=1_000)
        assert len(msgspec.json.encode(reply)) < 2**20
        numbers = [int(message["text"][-10:]) for message in reply["messages"]]
        assert 400 < len(numbers) < 1_000
        assert numbers == list(range(1_000 - len(numbers), 1_000))


async def test_chat_outlasts_a_restart_and_so_do_its_pace_and_mutes(database: Path, clock: FakeClock) -> None:
    async with running_server(database, clock) as server:
        world = await build_world(server)
        await join(world, world.user, world.outsider)
        game, outsider = world.game, await id_of(world.outsider)
        for number in range(5):
            await accepted(world.user, 900, text=str(number))
        await accepted(world.game_admin, 904, game_id=game, user_id=outsider, duration_s=60)
    async with running_server(database, clock) as server:
        clients = []
        for name in ("user", "provider_outside"):
            key = await server.new_key(name)
            clients.append(await server.connect(headers=[(b"Authorization", f"Bearer {key}".encode())]))
            await accepted(clients[-1], 363, game_id=game)
        assert await history(clients[0], game) == ["0", "1", "2", "3", "4"]
        assert (await clients[0].call(900, text="5"))["code"] == "rate_limited"
        assert_refused(await clients[1].call(900, text="Hello"), 900, "not_authorized")


async def test_where_a_game_has_no_chat_nobody_writes_and_its_history_stays(world: World) -> None:
    await join(world, world.user, world.game_admin)
    await write(world, world.user, "before")
    await accepted(world.game_admin, 373, game_id=world.game, chat="off")
    for client in (world.user, world.game_admin):
        assert_refused(await client.call(900, text="Hello", targets=world.game), 900, "conflict")
    assert await history(world.user, world.game) == ["before"]


async def test_where_only_accounts_write_a_guest_is_told_so(world: World) -> None:
    def make_guest(connection: Connection) -> None:
        connection.execute("UPDATE users SET is_guest = 1 WHERE username = ?", ("guest",))

    await world.server.add_user("guest")
    await world.server.context.store.write(make_guest, world.server.clock.now_ms())
    guest = await world.server.connect("guest")
    await join(world, world.user, guest)
    await write(world, guest, "hello")
    await accepted(world.game_admin, 373, game_id=world.game, chat="accounts")
    reply = await guest.call(900, text="Hello", targets=world.game)
    assert_refused(reply, 900, "not_authorized")
    assert "accounts" in reply["text"]
    await write(world, world.user, "an account")
    assert await history(guest, world.game) == ["hello", "an account"]


async def test_in_a_closed_game_nobody_writes_and_its_chat_can_be_read(world: World) -> None:
    await join(world, world.user)
    await write(world, world.user, "final whistle")
    await accepted(world.provider, 375, game_id=world.game)
    assert_refused(await world.user.call(900, text="Hello", targets=world.game), 900, "game_closed")
    assert await history(world.user, world.game) == ["final whistle"]


async def test_a_view_key_hears_and_reads_the_chat_and_does_not_write(world: World) -> None:
    key = (await accepted(world.user, 101))["session_key"].encode()
    view = await world.server.connect(headers=[(b"Authorization", b"Bearer " + key)])
    await join(world, view, world.outsider)
    assert_refused(await world.user.call(900, text="Hello", targets=world.game), 900, "conflict")
    await accepted(world.user, 467, user_id=await id_of(world.outsider))
    await write(world, world.outsider, "Hello")
    assert (await view.expect(901))["text"] == "Hello"
    assert await history(view, world.game) == ["Hello"]
    assert_refused(await view.call(900, text="Hello", targets=world.game), 900, "not_authorized")


async def test_over_http_a_user_writes_in_games_that_are_named_without_joining_them(world: World) -> None:
    await join(world, world.outsider)
    user = User(await id_of(world.user), "user", is_provider=False)
    context = world.server.context

    async def write_over_http(targets: str | None) -> None:
        request = TextMessage(text="Hello", targets=targets)
        parsed, now_ms = parse(request, context.settings), context.clock.now_ms()
        write = WriteRequest(request, parsed, None, user, now_ms, context.settings, context.audience, over_http=True)
        await context.store.write(write_job(write), now_ms)

    await write_over_http(world.game)
    assert (await world.outsider.expect(901))["sender"] == "user"
    with pytest.raises(Rejected, match="joined no game"):
        await write_over_http(None)


async def test_a_recovery_brings_no_chat(world: World) -> None:
    await join(world, world.user)
    await write(world, world.user, "Hello")
    await accepted(world.outsider, 363, game_id=world.game, after_seq=0)
    assert of_kind(await world.outsider.heard(), 901) == []


async def test_messages_are_kept_for_as_many_days_as_set_and_then_deleted_in_steps(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduled, "PURGE_BATCH", 2)
    await join(world, world.user)
    await write(world, world.user, "1", "2", "3")
    clock, settings = world.server.clock, world.server.context.settings
    store = world.server.context.store

    async def delete_old() -> bool:
        now_ms = clock.now_ms()
        done = await store.write(lambda connection: scheduled.delete_old(settings, now_ms, connection), now_ms)
        more: bool = done.result
        return more

    clock.time_ms = START_MS + 7 * 86_400_000
    while await delete_old():  # sessions that have expired, too
        pass
    key = (await world.server.new_key("user")).encode()
    reader = await world.server.connect(headers=[(b"Authorization", b"Bearer " + key)])
    assert await history(reader, world.game) == ["1", "2", "3"]
    clock.time_ms += 3_001
    assert [await delete_old() for _ in range(2)] == [True, False]
    assert await history(reader, world.game) == []


async def test_two_who_write_at_once_are_read_in_one_order_by_all(world: World) -> None:
    await join(world, world.user, world.outsider)

    async def chat(client: Client, name: str) -> None:
        for number in range(5):
            await accepted(client, 900, text=f"{name}{number}")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(chat, world.user, "a")
        nursery.start_soon(chat, world.outsider, "b")
    heard = [of_kind(await client.heard(), 901) for client in (world.user, world.outsider)]
    texts = [message["text"] for message in heard[0]]
    assert heard[0] == heard[1]
    assert texts == await history(world.user, world.game)
    assert sorted(texts) == [f"{name}{number}" for name in "ab" for number in range(5)]
