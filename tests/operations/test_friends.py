from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.lowlevel

from tests.support.harness import START_MS, FakeClock, Server, running_server
from tests.support.people import People
from tests.support.settling import accepted
from tests.support.world import DAY_MS, HOUR_MS, assert_broadcast, assert_refused, assert_reply

ALONE: dict[str, list[str]] = {"friends": [], "incoming": [], "outgoing": []}


@pytest.fixture
def people(server: Server) -> People:
    return People(server)


@pytest.fixture
async def few(database: Path, clock: FakeClock) -> AsyncIterator[People]:
    """People on a server with small limits."""
    limits: dict[str, Any] = {"max_friends": 2, "max_friend_requests": 3, "max_friend_requests_per_h": 5}
    async with running_server(database, clock, **limits) as server:
        yield People(server)


async def test_who_is_asked_and_accepts_is_a_friend_and_each_step_is_told_to_both(people: People) -> None:
    ann, bob = await people.client("ann"), await people.client("bob")
    a, b = people.ids["ann"], people.ids["bob"]
    assert_reply(await ann.call(462, username="BOB"), 462, user_id=b, username="bob")
    assert_broadcast(await ann.expect(466), 466, None, user_id=b, username="bob", change="request_sent")
    assert_broadcast(await bob.expect(466), 466, None, user_id=a, username="ann", change="request_received")
    at = {"at": START_MS}
    sent, received = {"user_id": b, "username": "bob", **at}, {"user_id": a, "username": "ann", **at}
    assert_reply(await ann.call(464), 464, friends=[], incoming=[], outgoing=[sent])
    assert_reply(await bob.call(464), 464, friends=[], incoming=[received], outgoing=[])
    assert_reply(await bob.call(465, user_id=a), 465, user_id=a, username="ann")
    assert_broadcast(await ann.expect(466), 466, None, user_id=b, username="bob", change="accepted")
    assert_broadcast(await bob.expect(466), 466, None, user_id=a, username="ann", change="accepted")
    friend = {"online": True, "games": [], "last_seen_at": START_MS}
    for client, other, name in ((ann, b, "bob"), (bob, a, "ann")):
        friends = [{"user_id": other, "username": name, **friend}]
        assert_reply(await client.call(464), 464, friends=friends, incoming=[], outgoing=[])


async def test_every_connection_of_both_is_told_but_those_by_view_keys(people: People) -> None:
    await people.client("ann")
    second = await people.server.connect("ann")
    view_key = (await accepted(second, 101))["session_key"]
    view = await people.server.connect(headers=[(b"Authorization", f"Bearer {view_key}".encode())])
    await people.ask("bob", "ann")
    assert [message["change"] for message in await second.heard()] == ["request_received"]
    assert await view.heard() == []


async def test_who_asks_whom_the_other_has_asked_accepts(people: People) -> None:
    await people.ask("ann", "bob")
    reply = await people.ask("bob", "ann")
    assert_reply(reply, 465, user_id=people.ids["ann"], username="ann")
    assert (await people.friends("ann"))["friends"] == ["bob"]
    assert await people.friends("bob") == {**ALONE, "friends": ["ann"]}


async def test_asking_again_is_one_request_told_once(people: People) -> None:
    await people.ask("ann", "bob")
    await people.told("bob")
    assert (await people.ask("ann", "bob"))["res"] == 462
    assert await people.told("bob") == []
    assert await people.friends("bob") == {**ALONE, "incoming": ["ann"]}


async def test_who_deletes_the_account_is_no_friend_any_more_and_those_who_knew_are_told(people: People) -> None:
    await people.befriend("ann", "bob")
    for name, other in (("ann", "cat"), ("dan", "ann")):
        await people.ask(name, other)
    # Neither of these two has been told of a request, the first of them has made one.
    for blocking, blocked in (("ann", "eve"), ("fay", "ann")):
        await people.act(blocking, 467, blocked)
        await people.ask(blocked, blocking)
    others = ("bob", "cat", "dan", "eve", "fay")
    for name in others:
        await people.told(name)
    await people.delete("ann")
    told = {name: await people.told(name) for name in others}
    removed = [("ann", "removed")]
    assert told == {"bob": removed, "cat": removed, "dan": removed, "eve": removed, "fay": []}
    assert all([await people.friends(name) == ALONE for name in others])


@pytest.mark.parametrize("removing", ["ann", "bob"])
async def test_either_may_end_a_friendship_at_once_for_both(people: People, removing: str) -> None:
    await people.befriend("ann", "bob")
    (other,) = {"ann", "bob"} - {removing}
    for name in ("ann", "bob"):
        await people.told(name)
    reply = await people.act(removing, 463, other)
    assert_reply(reply, 463, user_id=people.ids[other], username=other)
    assert await people.told(removing) == [(other, "removed")]
    assert await people.told(other) == [(removing, "removed")]
    assert await people.friends("ann") == await people.friends("bob") == ALONE


@pytest.mark.parametrize("ending", ["ann", "bob"])
async def test_a_request_is_withdrawn_or_declined_and_both_are_told(people: People, ending: str) -> None:
    await people.ask("ann", "bob")
    (other,) = {"ann", "bob"} - {ending}
    for name in ("ann", "bob"):
        await people.told(name)
    assert (await people.act(ending, 463, other))["res"] == 463
    assert await people.told(ending) == [(other, "removed")]
    assert await people.told(other) == [(ending, "removed")]
    assert await people.friends("ann") == await people.friends("bob") == ALONE
    assert_refused(await people.act("bob", 465, "ann"), 465, "conflict")


async def test_who_was_declined_is_not_shown_again_for_thirty_days_and_does_not_notice(people: People) -> None:
    clock = people.server.clock
    await people.ask("ann", "bob")
    await people.act("bob", 463, "ann")
    await people.told("bob")
    clock.time_ms += DAY_MS
    assert (await people.ask("ann", "bob"))["res"] == 462
    assert await people.friends("ann") == {**ALONE, "outgoing": ["bob"]}
    assert await people.told("bob") == []
    assert_refused(await people.act("bob", 465, "ann"), 465, "conflict")
    assert_refused(await people.act("bob", 463, "ann"), 463, "conflict")
    clock.time_ms = START_MS + 30 * DAY_MS - 1
    bob = await people.server.connect(headers=[(b"Authorization", b"Bearer " + (await _new_key(people, "bob")))])
    assert (await accepted(bob, 464))["incoming"] == []
    clock.time_ms += 1
    assert [user["username"] for user in (await accepted(bob, 464))["incoming"]] == ["ann"]
    assert (await bob.call(465, user_id=people.ids["ann"]))["res"] == 465


async def _new_key(people: People, name: str) -> bytes:
    return (await people.server.new_key(name)).encode()


async def test_a_request_that_is_withdrawn_unseen_is_not_told(people: People) -> None:
    await people.ask("ann", "bob")
    await people.act("bob", 463, "ann")
    await people.ask("ann", "bob")
    await people.told("bob")
    assert (await people.act("ann", 463, "bob"))["res"] == 463
    assert await people.told("bob") == []


async def test_who_declined_and_asks_then_is_a_friend_of_who_asks_still(people: People) -> None:
    await people.ask("ann", "bob")
    await people.act("bob", 463, "ann")
    await people.ask("ann", "bob")
    assert (await people.ask("bob", "ann"))["res"] == 465
    assert await people.friends("ann") == {**ALONE, "friends": ["bob"]}


async def test_friends_cannot_ask_each_other_nor_anybody_himself(people: People) -> None:
    await people.befriend("ann", "bob")
    assert_refused(await people.ask("ann", "bob"), 462, "conflict")
    assert_refused(await people.ask("ann", "ann"), 462, "invalid_parameter", "username")
    for op in (463, 465, 467, 468):
        assert_refused(await people.act("ann", op, "ann"), op, "invalid_parameter", "user_id")


async def test_friends_are_listed_by_name_with_where_they_are(people: People) -> None:
    for name in ("Zoe", "bob", "Cat"):
        await people.befriend("ann", name)
    provider = await people.server.connect("provider")
    game = await people.server.open_game(provider, await people.server.open_source(provider))
    second = await people.server.connect("bob")
    for client in (people.clients["bob"], second):
        await accepted(client, 363, game_id=game)
    await people.clients["Cat"].socket.aclose()
    while people.server.context.registry.is_online(people.ids["Cat"]):
        await trio.lowlevel.checkpoint()  # until the server has noticed
    friends = (await accepted(people.clients["ann"], 464))["friends"]
    assert [(friend["username"], friend["online"], friend["games"]) for friend in friends] == [
        ("bob", True, [game]),
        ("Cat", False, []),
        ("Zoe", True, []),
    ]
    await accepted(second, 364, game_id=game)
    assert [friend["games"] for friend in (await accepted(people.clients["ann"], 464))["friends"]] == [[game], [], []]
    await accepted(provider, 375, game_id=game)
    assert [friend["games"] for friend in (await accepted(people.clients["ann"], 464))["friends"]] == [[], [], []]


async def test_a_friend_who_has_left_was_seen_then(people: People) -> None:
    await people.befriend("ann", "bob")
    people.server.clock.time_ms += 5000
    await people.clients["bob"].socket.aclose()
    while people.server.context.registry.is_online(people.ids["bob"]):
        await trio.lowlevel.checkpoint()  # until the server has noticed
    (bob,) = (await accepted(people.clients["ann"], 464))["friends"]
    assert bob["last_seen_at"] == START_MS + 5000


async def test_who_is_connected_by_a_view_key_alone_is_neither_online_nor_in_a_game(people: People) -> None:
    await people.befriend("ann", "bob")
    provider = await people.server.connect("provider")
    game = await people.server.open_game(provider, await people.server.open_source(provider))
    key = (await accepted(people.clients["bob"], 101))["session_key"].encode()
    view = await people.server.connect(headers=[(b"Authorization", b"Bearer " + key)])
    await accepted(view, 363, game_id=game)
    await people.clients["bob"].socket.aclose()
    while people.server.context.registry.is_online(people.ids["bob"]):
        await trio.lowlevel.checkpoint()
    (friend,) = (await accepted(people.clients["ann"], 464))["friends"]
    assert (friend["online"], friend["games"]) == (False, [])


async def test_a_user_has_no_more_friends_than_the_limit(few: People) -> None:
    for name in ("bob", "cat"):
        await few.befriend("ann", name)
    assert_refused(await few.ask("ann", "dan"), 462, "conflict")
    await few.ask("dan", "ann")
    assert_refused(await few.act("ann", 465, "dan"), 465, "conflict")
    await few.act("ann", 463, "cat")
    assert (await few.act("ann", 465, "dan"))["res"] == 465
    assert (await few.friends("ann"))["friends"] == ["bob", "dan"]


async def test_who_has_no_room_for_a_friend_is_not_made_one_by_accepting(few: People) -> None:
    await few.ask("ann", "eve")
    for name in ("bob", "cat"):
        await few.befriend(name, "ann")
    assert_refused(await few.act("eve", 465, "ann"), 465, "conflict")
    assert (await few.friends("eve"))["incoming"] == ["ann"]


async def test_a_user_has_no_more_open_requests_than_the_limit(few: People) -> None:
    for name in ("bob", "cat", "dan"):
        assert (await few.ask("ann", name))["res"] == 462
    assert_refused(await few.ask("ann", "eve"), 462, "conflict")
    await few.act("cat", 463, "ann")
    assert (await few.ask("ann", "eve"))["res"] == 462


async def test_of_more_requests_than_the_limit_the_oldest_is_dropped_and_both_are_told(few: People) -> None:
    for name in ("bob", "cat", "dan"):
        await few.ask(name, "ann")
    for name in ("ann", "bob"):
        await few.told(name)
    assert (await few.ask("eve", "ann"))["res"] == 462
    assert await few.friends("ann") == {**ALONE, "incoming": ["eve", "dan", "cat"]}
    assert await few.friends("bob") == ALONE
    assert await few.told("ann") == [("eve", "request_received"), ("bob", "removed")]
    assert await few.told("bob") == [("ann", "removed")]


async def test_requests_of_the_blocked_and_the_declined_drop_none_that_are_shown(few: People) -> None:
    for name in ("bob", "cat", "dan"):
        await few.ask(name, "ann")
    await few.act("ann", 467, "eve")
    await few.ask("eve", "ann")
    assert await few.friends("ann") == {**ALONE, "incoming": ["dan", "cat", "bob"]}


async def test_a_user_makes_no_more_requests_an_hour_than_the_limit_however_they_ended(few: People) -> None:
    clock = few.server.clock
    for _ in range(5):
        assert (await few.ask("ann", "bob"))["res"] == 462
        await few.act("ann", 463, "bob")
        clock.time_ms += 1_000
    for _ in range(2):
        reply = await few.ask("ann", "cat")
        assert (reply["code"], reply["retryable"], reply["retry_after_ms"]) == ("rate_limited", True, HOUR_MS - 5_000)
    assert (await few.ask("bob", "cat"))["res"] == 462
    clock.time_ms += HOUR_MS - 5_001
    assert (await few.ask("ann", "cat"))["code"] == "rate_limited"
    clock.time_ms += 1
    assert (await few.ask("ann", "cat"))["res"] == 462
    assert (await few.ask("ann", "dan"))["code"] == "rate_limited"


async def test_the_same_request_with_the_same_key_is_made_once(people: People) -> None:
    ann = await people.client("ann")
    await people.client("bob")
    for repeated in (None, True):
        reply = await ann.call(462, username="bob", header={"key": "k"})
        assert reply["response_header"].get("repeated") == repeated
    assert await people.told("bob") == [("ann", "request_received")]


async def test_of_two_who_ask_each_other_at_once_friends_are_made(people: People) -> None:
    ann, bob = await people.client("ann"), await people.client("bob")
    replies = []

    async def ask(client_name: str, other: str) -> None:
        client = {"ann": ann, "bob": bob}[client_name]
        replies.append((await client.call(462, username=other))["res"])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, "ann", "bob")
        nursery.start_soon(ask, "bob", "ann")
    assert sorted(replies) == [462, 465]
    assert await people.friends("ann") == {**ALONE, "friends": ["bob"]}


async def test_friends_requests_and_blocks_outlast_a_restart(database: Path, clock: FakeClock) -> None:
    async with running_server(database, clock) as server:
        people = People(server)
        await people.befriend("ann", "bob")
        await people.ask("ann", "cat")
        await people.act("ann", 467, "dan")
    async with running_server(database, clock) as server:
        ann = await server.connect(headers=[(b"Authorization", f"Bearer {await server.new_key('ann')}".encode())])
        listed = await accepted(ann, 464)
        names = [[user["username"] for user in listed[kind]] for kind in ("friends", "incoming", "outgoing")]
        assert names == [["bob"], [], ["cat"]]
        assert [user["username"] for user in (await accepted(ann, 469))["users"]] == ["dan"]
