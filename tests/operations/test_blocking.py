import pytest

from tests.operations.test_friends import ALONE
from tests.support.harness import START_MS, Server
from tests.support.people import People
from tests.support.settling import accepted
from tests.support.world import assert_refused, assert_reply


@pytest.fixture
def people(server: Server) -> People:
    return People(server)


async def test_who_is_blocked_is_listed_until_unblocked_and_only_the_blocker_is_told(people: People) -> None:
    ann, bob = await people.client("ann"), await people.id_of("bob")
    for _ in range(2):
        assert_reply(await people.act("ann", 467, "bob"), 467, user_id=bob, username="bob")
    assert_reply(await ann.call(469), 469, users=[{"user_id": bob, "username": "bob", "at": START_MS}])
    assert_reply(await people.act("ann", 468, "bob"), 468, user_id=bob, username="bob")
    assert_reply(await ann.call(469), 469, users=[])
    assert await people.told("ann") == [("bob", "blocked"), ("bob", "unblocked")]
    assert await people.told("bob") == []
    assert_reply(await people.clients["bob"].call(469), 469, users=[])


async def test_a_friend_who_is_blocked_is_one_no_longer_and_sees_no_more_than_that(people: People) -> None:
    await people.befriend("ann", "bob")
    for name in ("ann", "bob"):
        await people.told(name)
    await people.act("ann", 467, "bob")
    assert await people.friends("ann") == await people.friends("bob") == ALONE
    assert await people.told("ann") == [("bob", "removed"), ("bob", "blocked")]
    assert await people.told("bob") == [("ann", "removed")]


async def test_requests_of_the_blocked_look_like_any_to_him_and_reach_nobody(people: People) -> None:
    await people.act("ann", 467, "bob")
    await people.told("ann")
    reply = await people.ask("bob", "ann")
    assert_reply(reply, 462, user_id=people.ids["ann"], username="ann")
    assert await people.told("bob") == [("ann", "request_sent")]
    assert await people.friends("bob") == {**ALONE, "outgoing": ["ann"]}
    assert await people.friends("ann") == ALONE
    for op in (463, 465):
        assert_refused(await people.act("ann", op, "bob"), op, "conflict")
    assert_reply(await people.act("bob", 463, "ann"), 463, user_id=people.ids["ann"], username="ann")
    assert await people.told("ann") == []


async def test_a_request_from_before_stays_open_to_the_blocked_and_is_shown_once_unblocked(people: People) -> None:
    await people.ask("bob", "ann")
    await people.told("bob")
    await people.act("ann", 467, "bob")
    assert await people.friends("ann") == ALONE
    assert await people.friends("bob") == {**ALONE, "outgoing": ["ann"]}
    assert await people.told("bob") == []
    await people.act("ann", 468, "bob")
    assert await people.friends("ann") == {**ALONE, "incoming": ["bob"]}


async def test_the_blockers_own_request_is_withdrawn(people: People) -> None:
    await people.ask("ann", "bob")
    await people.told("bob")
    await people.act("ann", 467, "bob")
    assert await people.friends("ann") == await people.friends("bob") == ALONE
    assert await people.told("bob") == [("ann", "removed")]
    assert_refused(await people.act("bob", 465, "ann"), 465, "conflict")


async def test_who_has_blocked_another_asks_him_only_once_he_is_unblocked(people: People) -> None:
    await people.act("ann", 467, "bob")
    assert_refused(await people.ask("ann", "bob"), 462, "conflict")
    await people.act("ann", 468, "bob")
    assert (await people.ask("ann", "bob"))["res"] == 462


async def test_two_who_block_each_other_are_blocked_each_for_itself(people: People) -> None:
    await people.act("ann", 467, "bob")
    await people.act("bob", 467, "ann")
    await people.act("ann", 468, "bob")
    await people.ask("ann", "bob")
    assert await people.friends("bob") == ALONE
    assert [user["username"] for user in (await accepted(people.clients["bob"], 469))["users"]] == ["ann"]
