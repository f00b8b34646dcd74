from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import cast

import pytest
import trio
import trio.testing

from gameserver.engine.context import Announcement, PoolBet, Publication
from gameserver.engine.distribution import Updates
from gameserver.engine.leaderboards import RankingUpdate
from gameserver.errors import CloseCode
from gameserver.net.compression import NO_COMPRESSION, MessageFrames
from gameserver.net.outbox import Outbox
from gameserver.protocol.pools import ShownBet
from gameserver.realtime.hub import Hub
from gameserver.realtime.hubs import Hubs
from gameserver.realtime.presence import Attendance
from gameserver.realtime.pushing import message_frames
from gameserver.realtime.subscriber import Subscription
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

    def push_updates(self, updates: Sequence[tuple[str, MessageFrames]], joined: bytes) -> None:
        """Take updates as frames."""
        self.push(joined)

    def close(self, code: CloseCode, reason: str) -> None:
        """Nothing is remembered."""

    def drop(self, game_uuid: str) -> None:
        """Nothing is remembered."""


def publication(seq: int) -> Publication:
    return Publication(GAME, 1, seq, 0, b'{"res":366}', False, False, (), None)


def frame(seq: int) -> bytes:
    return message_frames(b'{"res":366}', 0, seq).of(NO_COMPRESSION)


async def read_nothing(job: Job[Updates]) -> Updates:
    return Updates([])


async def read_no_ranking(job: Job[RankingUpdate]) -> RankingUpdate:
    raise AssertionError("nothing is settled here")


def new_hubs(read: Callable[[Job[Updates]], Awaitable[Updates]] = read_nothing) -> Hubs:
    return Hubs(
        now_ms=lambda: 0,
        call_later=lambda delay_s, call: None,
        presence_detail_limit=100,
        presence_interval_s=1.0,
        distribution_interval_s=0.1,
        leaderboard_interval_s=2,
        read=read,
        read_ranking=read_no_ranking,
        run_aside=run_inline,
    )


@asynccontextmanager
async def listening(listener: SlowListener, hubs: Hubs | None = None) -> AsyncIterator[Hub]:
    """The hub of a game with one subscriber."""
    hubs = hubs or new_hubs()
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
        assert hub._context.deliveries == 4


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
    monkeypatch.setattr("gameserver.realtime.pushing._PUSHES_BETWEEN_CHECKPOINTS", 1)  # between them one may leave
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


def announcement(text: str, *but_for: int) -> Announcement:
    return Announcement(GAME, b'{"res":901,"text":"%b"}' % text.encode(), frozenset(but_for))


def frames(*texts: str) -> bytes:
    return b"".join(message_frames(announcement(text).body, 0).of(NO_COMPRESSION) for text in texts)


async def test_what_is_not_durable_is_told_in_order_to_all_but_those_it_is_not_for(
    mock_clock: trio.testing.MockClock,
) -> None:
    hubs, listener, view, other = new_hubs(), *(SlowListener(mock_clock, 0) for _ in range(3))
    async with listening(listener, hubs) as hub:
        for subscription in (Subscription(view, None), Subscription(other, User(2, "bob", False))):
            hub.enter(subscription)
            hub.activate(subscription)
        await trio.testing.wait_all_tasks_blocked()
        for it in (listener, view, other):
            it.pushed.clear()
        for told in (announcement("a"), announcement("b"), announcement("c", 1, 9), announcement("d", 2)):
            hubs.announce(told)
        assert hub.backlog == 4
        await trio.testing.wait_all_tasks_blocked()
        assert hub.backlog == 0
        assert view.pushed == [frames("a", "b"), frames("c"), frames("d")]
        assert listener.pushed == [frames("a", "b"), frames("d")]
        assert other.pushed == [frames("a", "b"), frames("c")]


async def test_what_is_not_durable_is_left_out_where_much_waits_and_what_is_durable_is_not(
    mock_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    hubs, listener = new_hubs(), SlowListener(mock_clock, 0)
    async with listening(listener, hubs) as hub:
        monkeypatch.setattr(listener, "push_if_room", lambda pushed: None)  # as if there were no room
        hubs.announce(announcement("a"))
        await publish(hub, 1)
        assert listener.pushed == [frame(1)]


async def test_what_is_not_durable_waits_for_nobody_to_join(mock_clock: trio.testing.MockClock) -> None:
    hubs = new_hubs()
    hubs.announce(announcement("nobody is there"))
    async with trio.open_nursery() as nursery:
        await nursery.start(hubs.run)
        with hubs.hold(GAME) as hub:
            hubs.announce(announcement("nobody is there yet"))
            assert hub.backlog == 0
        nursery.cancel_scope.cancel()


async def test_a_user_is_present_while_a_connection_of_his_takes_up_a_game_anew(
    mock_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    hubs = new_hubs()
    async with listening(SlowListener(mock_clock, 0), hubs) as hub:
        assert hubs.games_of(1) == [GAME]
        (first,) = hub._subscriptions
        second = Subscription(first.subscriber, first.user)
        with monkeypatch.context() as patched:
            patched.setattr(Attendance, "leave", lambda *arguments: pytest.fail("the user has not left"))
            hub.enter(second, first)
        assert hubs.games_of(1) == [GAME]
        hub.leave(second)
        assert hubs.games_of(1) == []


async def test_who_waits_has_a_turn_after_each_200_that_are_told(mock_clock: trio.testing.MockClock) -> None:
    listener, turns = SlowListener(mock_clock, 0), 0

    async def wait_in_line(scope: trio.CancelScope) -> None:
        nonlocal turns
        with scope:
            while True:
                await trio.lowlevel.checkpoint()
                turns += frame(1) in listener.pushed and frame(1) not in last.pushed

    async with listening(listener) as hub, trio.open_nursery() as nursery:
        for number in range(2, 1_001):
            last = SlowListener(mock_clock, 0)
            subscription = Subscription(last, User(number, f"user {number}", False))
            hub.enter(subscription)
            hub.activate(subscription)
        await trio.testing.wait_all_tasks_blocked()
        scope = trio.CancelScope()
        nursery.start_soon(wait_in_line, scope)
        hub.publish(publication(1))
        while frame(1) not in last.pushed:
            await trio.lowlevel.checkpoint()
        scope.cancel()
    assert turns in (3, 4, 5)


@pytest.mark.parametrize("skipped", [(), (1,), (1, 2)])
async def test_a_game_that_has_ended_stays_so_whatever_is_told_or_skipped_later(
    mock_clock: trio.testing.MockClock, skipped: tuple[int, ...]
) -> None:
    async with listening(SlowListener(mock_clock, 0)) as hub:
        for seq in (1, 2):
            told = publication(seq)._replace(ends_subscriptions=seq == 1)
            (hub.skip if seq in skipped else hub.publish)(told)
            await trio.testing.wait_all_tasks_blocked()
        assert (hub.closed, hub.last_seq) == (True, 2)


async def test_who_no_longer_watches_a_source_is_forgotten_and_no_hub_is_opened_for_it(
    mock_clock: trio.testing.MockClock,
) -> None:
    hubs, first, second = new_hubs(), SlowListener(mock_clock, 0).outbox, SlowListener(mock_clock, 0).outbox
    for source, outbox in ((1, first), (1, second), (2, first)):
        hubs.watch(source, outbox)
    hubs.unwatch(1, first)
    assert list(hubs.watchers_of(1)) == [second]
    hubs.unwatch(1, first)
    hubs.unwatch(1, second)
    assert [list(hubs.watchers_of(source)) for source in (1, 2)] == [[], [first]]
    hubs.publish(publication(1)._replace(for_watchers=True))
    assert hubs.count == 0


async def test_a_hub_lasts_while_somebody_joins_or_has_joined_and_no_longer(
    mock_clock: trio.testing.MockClock,
) -> None:
    hubs, subscription = new_hubs(), Subscription(SlowListener(mock_clock, 0), User(1, "ann", False))

    async def count() -> int:
        await trio.testing.wait_all_tasks_blocked()
        return hubs.count

    async with trio.open_nursery() as nursery:
        await nursery.start(hubs.run)
        with hubs.hold(GAME) as hub:
            with hubs.hold(GAME) as same:
                assert same is hub
            assert await count() == 1
            hub.enter(subscription)
        assert await count() == 1
        hub.leave(subscription)
        assert await count() == 0
        with hubs.hold(GAME) as new:
            assert new is not hub
        assert await count() == 0
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("ends", [False, True])
async def test_what_happens_while_a_distribution_is_read_is_told_before_it_and_an_end_instead_of_it(
    mock_clock: trio.testing.MockClock, ends: bool
) -> None:
    update = b'{"res":361}'

    async def read_meanwhile(job: Job[Updates]) -> Updates:
        hub.publish(publication(1)._replace(ends_pool="pool" if ends else None))
        return Updates([update, update])

    listener = SlowListener(mock_clock, 0)
    async with listening(listener, new_hubs(read_meanwhile)) as hub:
        listener.pushed.clear()
        for pool in ("other", "pool"):
            hub.note_bet(PoolBet(GAME, pool, ShownBet("bet", "brazil", Decimal(1), 0)))
        hub.wake()
        await trio.testing.wait_all_tasks_blocked()
        assert listener.pushed == [frame(1), message_frames(update, 0).of(NO_COMPRESSION) * (1 if ends else 2)]


async def test_who_watches_and_joins_hears_first_what_watchers_are_still_to_be_told(
    mock_clock: trio.testing.MockClock,
) -> None:
    hubs, watcher = new_hubs(), SlowListener(mock_clock, 0)
    async with trio.open_nursery() as nursery:
        await nursery.start(hubs.run)
        hubs.watch(1, watcher.outbox)
        for seq in (5, 6, 7):
            hubs.publish(publication(seq)._replace(for_watchers=seq != 6))
        with hubs.hold(GAME) as hub:
            await hub.wait_until_pushed(7)
            assert (watcher.pushed, hub.last_seq) == ([frame(5) + frame(7)], 7)
            assert hubs.deliveries == 0  # to watchers is not counted
        nursery.cancel_scope.cancel()
