"""Whoever asks, accepts, removes and blocks whom: all see and are told what a plain model says, and no more."""

from itertools import permutations
from typing import Any

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from gameserver.config import Settings
from tests.support.machines import DatabaseMachine, NewDatabase, run_machine
from tests.support.offline import Reply
from tests.support.world import DAY_MS, HOUR_MS

NAMES = ("ann", "bob", "cat", "dan")
FRIENDS, REQUESTS, REQUESTS_PER_H, BLOCKED = 1, 1, 2, 1  # at most
LIMITS: dict[str, Any] = {
    "max_friends": FRIENDS,
    "max_friend_requests": REQUESTS,
    "max_friend_requests_per_h": REQUESTS_PER_H,
    "max_blocked_users": BLOCKED,
}
DECLINED_MS = 30 * DAY_MS

two_users = st.sampled_from(list(permutations(NAMES, 2)))


class Refused(Exception):
    """The model refuses, with a code."""


class Model:
    """Who is what to whom. Open requests map sender and receiver to when they are shown, in the order made."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.friends: set[frozenset[str]] = set()
        self.blocks: set[tuple[str, str]] = set()
        self.requests: dict[tuple[str, str], int] = {}
        self.declined: dict[tuple[str, str], int] = {}
        self.asked_at: dict[str, list[int]] = {name: [] for name in NAMES}
        self.told: list[tuple[str, str, str]] = []

    def shown(self, sender: str, receiver: str) -> bool:
        """Whether the receiver is shown an open request."""
        shown_at = self.requests.get((sender, receiver))
        return shown_at is not None and shown_at <= self.now_ms and (receiver, sender) not in self.blocks

    def shown_to(self, receiver: str) -> list[str]:
        """Who has asked somebody that is shown it, newest first."""
        return [name for name, to in reversed(self.requests) if to == receiver and self.shown(name, to)]

    def friends_of(self, name: str) -> list[str]:
        """The friends of somebody, by name."""
        return [other for other in NAMES if frozenset((name, other)) in self.friends and other != name]

    def tell_both(self, one: str, other: str, change: str) -> None:
        """Tell two what has changed between them."""
        self.told += [(one, other, change), (other, one, change)]

    def ask(self, one: str, other: str) -> int:
        """Ask somebody to be a friend."""
        if (one, other) in self.blocks or frozenset((one, other)) in self.friends:
            raise Refused("conflict")
        if (other, one) in self.requests:
            self.befriend(one, other)
            return 465
        if (one, other) not in self.requests:
            if len(self.friends_of(one)) == FRIENDS or sum(sender == one for sender, _ in self.requests) == REQUESTS:
                raise Refused("conflict")
            if sum(at > self.now_ms - HOUR_MS for at in self.asked_at[one]) == REQUESTS_PER_H:
                raise Refused("rate_limited")
            self.make_request(one, other)
        return 462

    def make_request(self, one: str, other: str) -> None:
        """Make a request, and drop the oldest of too many that are shown."""
        self.asked_at[one].append(self.now_ms)
        declined_at = self.declined.get((one, other))
        self.requests[one, other] = self.now_ms if declined_at is None else max(self.now_ms, declined_at + DECLINED_MS)
        self.told.append((one, other, "request_sent"))
        if self.shown(one, other):
            self.told.append((other, one, "request_received"))
            for dropped in self.shown_to(other)[REQUESTS:]:
                del self.requests[dropped, other]
                self.tell_both(dropped, other, "removed")

    def befriend(self, one: str, other: str) -> None:
        """Accept a request of the other."""
        if FRIENDS in (len(self.friends_of(one)), len(self.friends_of(other))):
            raise Refused("conflict")
        del self.requests[other, one]
        self.friends.add(frozenset((one, other)))
        self.tell_both(one, other, "accepted")

    def accept(self, one: str, other: str) -> int:
        """Accept a request that is shown."""
        if not self.shown(other, one):
            raise Refused("conflict")
        self.befriend(one, other)
        return 465

    def remove(self, one: str, other: str) -> int:
        """Part, withdraw or decline."""
        if frozenset((one, other)) in self.friends:
            self.friends.remove(frozenset((one, other)))
            self.tell_both(one, other, "removed")
        elif (one, other) in self.requests:
            self.withdraw(one, other)
        elif self.shown(other, one):
            del self.requests[other, one]
            self.declined[other, one] = self.now_ms
            self.tell_both(one, other, "removed")
        else:
            raise Refused("conflict")
        return 463

    def withdraw(self, one: str, other: str) -> None:
        """Take back a request, if there is one."""
        if (one, other) in self.requests:
            if self.shown(one, other):
                self.told.append((other, one, "removed"))
            self.told.append((one, other, "removed"))
            del self.requests[one, other]

    def block(self, one: str, other: str) -> int:
        """Block somebody."""
        if (one, other) not in self.blocks:
            if sum(blocker == one for blocker, _ in self.blocks) == BLOCKED:
                raise Refused("conflict")
            if frozenset((one, other)) in self.friends:
                self.remove(one, other)
            self.withdraw(one, other)
            self.blocks.add((one, other))
            self.told.append((one, other, "blocked"))
        return 467

    def unblock(self, one: str, other: str) -> int:
        """Block somebody no longer."""
        if (one, other) not in self.blocks:
            raise Refused("conflict")
        self.blocks.remove((one, other))
        self.told.append((one, other, "unblocked"))
        return 468


class Acquaintance(DatabaseMachine):
    """The server's and the model's answers to the same requests, in random order."""

    @initialize()
    def begin(self) -> None:
        self.offline = self.open_offline(Settings(**LIMITS))
        self.ids = {name: self.offline.add_user(name) for name in NAMES}
        self.model = Model()
        self.model.now_ms = self.offline.now_ms

    def teardown(self) -> None:
        if hasattr(self, "offline"):
            self.offline.close()
            super().teardown()

    def compare(self, act: Any, one: str, other: str, op: int) -> None:
        """Let both answer a request, and tell of it."""
        self.model.told.clear()
        self.offline.effects = type(self.offline.effects)()
        named = {"username": other} if op == 462 else {"user_id": self.ids[other]}
        reply = self.offline.call(one, op, **named)
        try:
            expected: Reply = {"res": act(one, other), "user_id": self.ids[other], "username": other}
        except Refused as refused:
            expected = {"res": 666, "code": str(refused)}
        assert reply == expected
        assert sorted(self.told()) == sorted(self.model.told)

    def told(self) -> list[tuple[str, str, str]]:
        """Whom the server tells what of whom."""
        names = {user_id: name for name, user_id in self.ids.items()}
        notices = [(names[notice.user_id], msgspec.json.decode(notice.body)) for notice in self.offline.effects.notices]
        assert all(message["user_id"] == self.ids[message["username"]] for _, message in notices)
        return [(name, message["username"], message["change"]) for name, message in notices]

    @rule(two=two_users)
    def ask(self, two: tuple[str, str]) -> None:
        self.compare(self.model.ask, *two, 462)

    @rule(names=st.permutations(NAMES), passed_ms=st.sampled_from([0, HOUR_MS]))
    def ask_one_another(self, names: list[str], passed_ms: int) -> None:
        for one in names[1:]:
            self.compare(self.model.ask, one, names[0], 462)
        self.let_time_pass(passed_ms)

    @rule(two=two_users)
    def accept(self, two: tuple[str, str]) -> None:
        self.compare(self.model.accept, *two, 465)

    @rule(two=two_users)
    def remove(self, two: tuple[str, str]) -> None:
        self.compare(self.model.remove, *two, 463)

    @rule(two=two_users)
    def block(self, two: tuple[str, str]) -> None:
        self.compare(self.model.block, *two, 467)

    @rule(two=two_users)
    def unblock(self, two: tuple[str, str]) -> None:
        self.compare(self.model.unblock, *two, 468)

    @rule(passed_ms=st.sampled_from([1, HOUR_MS, DAY_MS, DECLINED_MS]))
    def let_time_pass(self, passed_ms: int) -> None:
        self.offline.let_time_pass(passed_ms)
        self.model.now_ms += passed_ms

    @invariant()
    def all_see_what_the_model_says(self) -> None:
        if not hasattr(self, "offline"):
            return
        for name in NAMES:
            listed = self.offline.call(name, 464)
            seen = {kind: [it["username"] for it in listed[kind]] for kind in ("friends", "incoming", "outgoing")}
            assert seen == {
                "friends": self.model.friends_of(name),
                "incoming": self.model.shown_to(name)[:REQUESTS],
                "outgoing": [other for sender, other in reversed(self.model.requests) if sender == name],
            }
            blocked = [it["username"] for it in self.offline.call(name, 469)["users"]]
            assert blocked == [other for other in NAMES if (name, other) in self.model.blocks]


@pytest.mark.time_limit(300)
def test_all_see_and_are_told_of_each_other_what_a_plain_model_says(new_database: NewDatabase) -> None:
    run_machine(Acquaintance, new_database, examples=60, steps=40)
