from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from typing import cast

import pytest
import trio
import trio.testing

from gameserver.engine.context import Publication
from gameserver.net.compression import NO_COMPRESSION
from gameserver.net.outbox import Outbox
from gameserver.realtime.hub import Hub, Subscription, message_frames
from gameserver.realtime.hubs import Hubs
from gameserver.storage.jobs import Job
from gameserver.storage.users import User
from tests.support.harness import run_inline

GAME = "00000000-0000-7000-8000-000000000000"


class SlowListener:
    """A connection to which it takes a while to push."""

    def __init__(self, clock: trio.testing.MockClock, push_s: float) -> None:
        self.pushed: list[bytes] = []
        self.compression = NO_COMPRESSION
        self.meanwhile: Callable[[], None] = lambda: None
        self._clock = clock
        self._push_s = push_s

    @property
    def outbox(self) -> Outbox:
        """Where to push: here."""
        return cast("Outbox", self)

    def push(self, frames: bytes, about: Collection[str] = ()) -> None:
        """Take frames, and time."""
        self.pushed.append(frames)
        self._clock.jump(self._push_s)
        self.meanwhile()

    push_if_room = push

    def drop(self, game_uuid: str) -> None:
        """Nothing is remembered."""


def publication(seq: int) -> Publication:
    return Publication(GAME, 1, seq, 0, b'{"res":366}', False, False, (), None)


def frame(seq: int) -> bytes:
    return message_frames(b'{"res":366}', 0, seq).of(NO_COMPRESSION)


async def read_nothing(job: Job[list[bytes | None]]) -> list[bytes | None]:
    return []


@asynccontextmanager
async def listening(listener: SlowListener) -> AsyncIterator[Hub]:
    """The hub of a game with one subscriber."""
    hubs = Hubs(
        now_ms=lambda: 0,
        call_later=lambda delay_s, call: None,
        presence_detail_limit=100,
        presence_interval_s=1.0,
        distribution_interval_s=0.1,
        read=read_nothing,
        run_aside=run_inline,
    )
    async with trio.open_nursery() as nursery:
        await nursery.start(hubs.run)
        with hubs.hold(GAME) as hub:
            hub.last_seq = 0
            subscription = Subscription(listener, User(1, "ann", False))
            hub.enter(subscription)
            hub.activate(subscription)
            yield hub
        nursery.cancel_scope.cancel()


async def publish(hub: Hub, *seqs: int) -> None:
    for seq in seqs:
        hub.publish(publication(seq))
    await trio.testing.wait_all_tasks_blocked()


@pytest.mark.parametrize(("push_s", "rest_s"), [(0.02, 0.02), (10.0, 0.05)])
async def test_a_burst_is_told_in_pieces_with_rests_as_long_as_each_took(
    mock_clock: trio.testing.MockClock, push_s: float, rest_s: float
) -> None:
    listener = SlowListener(mock_clock, push_s)
    async with listening(listener) as hub:
        listener.meanwhile = lambda: hub.publish(publication(2))
        await publish(hub, 1)
        listener.meanwhile = lambda: None
        await publish(hub, 3)
        mock_clock.jump(rest_s - 0.001)
        await publish(hub, 4)
        assert listener.pushed == [frame(1)]
        mock_clock.jump(0.002)
        await trio.testing.wait_all_tasks_blocked()
        assert listener.pushed == [frame(1), frame(2) + frame(3) + frame(4)]


async def test_what_comes_after_a_push_is_told_at_once(mock_clock: trio.testing.MockClock) -> None:
    listener = SlowListener(mock_clock, 10.0)
    async with listening(listener) as hub:
        for seq in (1, 2, 3):
            await publish(hub, seq)
        assert listener.pushed == [frame(1), frame(2), frame(3)]


async def test_a_new_subscriber_is_not_told_what_it_holds_already(mock_clock: trio.testing.MockClock) -> None:
    listener = SlowListener(mock_clock, 0)
    async with listening(listener) as hub:
        hub.last_seq = -1
        await hub.wait_until_pushed(2)
        await publish(hub, 1, 2, 3)
        assert listener.pushed == [frame(3)]


async def test_who_leaves_while_others_are_told_is_told_no_more(
    mock_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gameserver.realtime.hub._PUSHES_BETWEEN_CHECKPOINTS", 1)  # between them one may leave
    listener, leaver = SlowListener(mock_clock, 0), SlowListener(mock_clock, 0)
    async with listening(listener) as hub:
        subscription = Subscription(leaver, User(2, "bob", False))
        hub.enter(subscription)
        hub.activate(subscription)
        await trio.testing.wait_all_tasks_blocked()
        listener.meanwhile = lambda: hub.leave(subscription)
        leaver.pushed.clear()
        await publish(hub, 1)
        assert frame(1) in listener.pushed
        assert leaver.pushed == []
