from typing import cast

import pytest
import trio
import trio.testing

from gameserver.handlers.context import Publication
from gameserver.realtime.hub import Hub, Hubs, Subscription, message_frame
from gameserver.realtime.outbox import Outbox
from gameserver.storage.jobs import Job
from gameserver.storage.users import User

GAME = "00000000-0000-7000-8000-000000000000"


class SlowListener:
    """A connection to which it takes a while to push."""

    def __init__(self, clock: trio.testing.MockClock, push_s: float) -> None:
        self.pushed: list[bytes] = []
        self._clock = clock
        self._push_s = push_s

    @property
    def outbox(self) -> Outbox:
        """Where to push: here."""
        return cast("Outbox", self)

    def push(self, frames: bytes) -> None:
        """Take frames, and time."""
        self.pushed.append(frames)
        self._clock.jump(self._push_s)

    def forget(self, game_uuid: str) -> None:
        """Nothing is remembered."""


def publication(seq: int) -> Publication:
    return Publication(GAME, 1, seq, 0, b'{"res":366}', False, False, None)


def frame(seq: int) -> bytes:
    return message_frame(b'{"res":366}', 0, seq)


async def read_nothing(job: Job[list[bytes | None]]) -> list[bytes | None]:
    return []


@pytest.mark.parametrize(("push_s", "rest_s"), [(0.02, 0.02), (10.0, 0.05)])
async def test_after_a_push_that_took_a_while_a_hub_rests_and_tells_what_came_meanwhile_at_once(
    mock_clock: trio.testing.MockClock, push_s: float, rest_s: float
) -> None:
    listener = SlowListener(mock_clock, push_s)
    hubs = Hubs(
        now_ms=lambda: 0,
        set_alarm=lambda delay_s, call: None,
        presence_detail_limit=100,
        presence_interval_s=1.0,
        distribution_interval_s=0.1,
        read=read_nothing,
    )

    async def publish(hub: Hub, *seqs: int) -> None:
        for seq in seqs:
            hub.publish(publication(seq))
        await trio.testing.wait_all_tasks_blocked()

    async with trio.open_nursery() as nursery:
        await nursery.start(hubs.run)
        with hubs.hold(GAME) as hub:
            hub.last_seq = 0
            subscription = Subscription(listener, User(1, "ann", False))
            hub.enter(subscription)
            hub.activate(subscription)
            await publish(hub, 1)
            await publish(hub, 2, 3)
            assert listener.pushed == [frame(1)]
            mock_clock.jump(rest_s - 0.001)
            await publish(hub, 4)
            assert listener.pushed == [frame(1)]
            mock_clock.jump(0.002)
            await trio.testing.wait_all_tasks_blocked()
            assert listener.pushed == [frame(1), frame(2) + frame(3) + frame(4)]
        nursery.cancel_scope.cancel()
