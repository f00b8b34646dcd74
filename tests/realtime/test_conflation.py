"""Updates, of which only the newest is of interest: what a slow reader is told of them (contract, sections 1 and 6)."""

import json
import socket
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from gameserver.engine.context import PoolBet
from gameserver.engine.distribution import Updates
from gameserver.errors import CloseCode
from gameserver.net.compression import NO_COMPRESSION, MessageFrames, joined_frames
from gameserver.net.frames import close_frame, text_frame
from gameserver.net.outbox import Gathering, Outbox
from gameserver.net.send_queue import SendQueue
from gameserver.net.timers import Timers
from gameserver.protocol.pools import ShownBet
from gameserver.realtime.hubs import Hubs
from gameserver.realtime.subscriber import Subscription
from gameserver.storage.users import User
from tests.realtime.test_hub import read_no_ranking
from tests.support.harness import run_inline

BOUND = 10_000
TOO_SLOW = close_frame(CloseCode.TOO_SLOW, "too slow")
BIG = text_frame(b"#" * 3 * BOUND)  # more than the bound, and never the cause alone


class Line(trio.abc.SendStream):
    """A line that takes so many bytes a second, or none until it is told to."""

    def __init__(self, bytes_per_s: float | None = None) -> None:
        self.received = bytearray()
        self.allowed = trio.Semaphore(0)
        self._bytes_per_s = bytes_per_s

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Take some bytes, slowly."""
        if self._bytes_per_s is None:
            await self.allowed.acquire()
        else:
            await trio.sleep(len(data) / self._bytes_per_s)
        self.received += data

    async def wait_send_all_might_not_block(self) -> None:
        """Never asked."""

    async def aclose(self) -> None:
        """Nothing is to be done."""


class Reader:
    """An outbox over a line."""

    def __init__(self, nursery: trio.Nursery, bytes_per_s: float | None = None) -> None:
        self.line = Line(bytes_per_s)
        self.outbox = Outbox(
            self.line,  # type: ignore[arg-type]
            BOUND,
            gathering=Gathering(),
            start=nursery.start_soon,
            on_closing=lambda: None,
            on_dead=lambda: None,
        )

    async def take_all(self) -> list[str]:
        """What comes, once the line takes everything."""
        for _ in range(1_000):
            self.line.allowed.release()
        await trio.testing.wait_all_tasks_blocked()
        return texts_of(self.line.received)


def texts_of(data: bytearray) -> list[str]:
    """The text of each frame; of a close frame its code."""
    found, at = [], 0
    while at < len(data):
        size, start = data[at + 1], at + 2
        if size >= 126:
            start += 2 if size == 126 else 8
            size = int.from_bytes(data[at + 2 : start])
        payload = data[start : start + size]
        found.append(payload.decode() if data[at] == 0x81 else str(int.from_bytes(payload[:2])))
        at = start + size
    return found


def tell(outbox: Outbox, *updates: str) -> None:
    """Push updates, of which the first letter says what they are about."""
    messages = [(text[0], MessageFrames(text.encode())) for text in updates]
    outbox.push_updates(messages, joined_frames((message for _, message in messages), NO_COMPRESSION))


def say(outbox: Outbox, text: str, about: Collection[str] = ()) -> None:
    """Push a durable broadcast."""
    outbox.push(text_frame(text.encode()), about)


@pytest.fixture
async def reader(nursery: trio.Nursery) -> Reader:
    """A reader that has not taken the first message yet."""
    made = Reader(nursery)
    say(made.outbox, "first")
    await trio.testing.wait_all_tasks_blocked()
    return made


# In the queue


async def test_a_newer_update_takes_the_older_ones_place(reader: Reader) -> None:
    tell(reader.outbox, "a1", "b1")
    say(reader.outbox, "event")
    tell(reader.outbox, "a2")
    tell(reader.outbox, "c1", "a3")
    assert await reader.take_all() == ["first", "a3", "b1", "event", "c1"]


async def test_behind_another_message_about_the_same_the_newer_is_appended_and_the_older_dropped(
    reader: Reader,
) -> None:
    tell(reader.outbox, "a1", "b1")
    say(reader.outbox, "blocked", {"a"})
    tell(reader.outbox, "a2", "b2")
    tell(reader.outbox, "a3")
    assert await reader.take_all() == ["first", "b2", "blocked", "a3"]


@pytest.mark.parametrize("about_all", [True, False])
async def test_a_reply_that_may_be_about_anything_keeps_its_place_before_newer_updates(
    reader: Reader, about_all: bool
) -> None:
    tell(reader.outbox, "a1", "b1")
    await reader.outbox.send(text_frame(b"reply"), about_all=about_all)
    tell(reader.outbox, "a2")
    expected = ["b1", "reply", "a2"] if about_all else ["a2", "b1", "reply"]
    assert await reader.take_all() == ["first", *expected]


async def test_an_update_on_its_way_is_not_replaced(reader: Reader) -> None:
    tell(reader.outbox, "a1" + "#" * 100)
    reader.line.allowed.release()
    await trio.testing.wait_all_tasks_blocked()
    tell(reader.outbox, "a2")
    tell(reader.outbox, "a3")
    assert await reader.take_all() == ["first", "a1" + "#" * 100, "a3"]


async def test_updates_after_all_has_been_taken_are_told_anew(reader: Reader) -> None:
    tell(reader.outbox, "a1")
    assert await reader.take_all() == ["first", "a1"]
    tell(reader.outbox, "a1", "b1")
    tell(reader.outbox, "b2")
    assert await reader.take_all() == ["first", "a1", "a1", "b2"]


# Who is closed, and who waits


async def test_updates_alone_never_close_a_connection_and_each_is_told_in_the_end(reader: Reader) -> None:
    big = "#" * 4_000
    for number in range(100):
        tell(reader.outbox, *(f"{key}{number}{big}" for key in "abcdefgh"))
        say(reader.outbox, f"event {number}"[:7])
    assert reader.outbox.closing is None
    received = await reader.take_all()
    assert [text[:3] for text in received if text.endswith("#")] == [f"{key}99" for key in "abcdefgh"]


async def test_a_durable_broadcast_behind_much_that_is_no_update_closes_with_4008(reader: Reader) -> None:
    tell(reader.outbox, "a1")
    reader.outbox.push(BIG)
    closing: list[CloseCode | None] = []
    for text in ("one more", "#" * BOUND, "too much"):
        say(reader.outbox, text)
        closing.append(reader.outbox.closing)
    assert closing == [None, None, CloseCode.TOO_SLOW]
    assert await reader.take_all() == ["first", "4008"]


async def test_one_batch_alone_is_not_the_cause_though_an_update_is_partly_sent_before_it(reader: Reader) -> None:
    tell(reader.outbox, "a" + "#" * 40_000)
    for _ in range(2):
        reader.line.allowed.release()
        await trio.testing.wait_all_tasks_blocked()
    reader.outbox.push(BIG)
    say(reader.outbox, "one more")
    assert reader.outbox.closing is None
    assert [text[:8] for text in await reader.take_all()] == ["first", "a#######", "########", "one more"]


async def test_4008_ends_the_update_that_is_partly_sent(reader: Reader) -> None:
    update = "a" + "#" * 40_000
    tell(reader.outbox, update)
    for _ in range(2):
        reader.line.allowed.release()
        await trio.testing.wait_all_tasks_blocked()
    reader.outbox.push(BIG)
    say(reader.outbox, "#" * BOUND)
    say(reader.outbox, "too much")
    assert await reader.take_all() == ["first", update, "4008"]


async def test_what_is_neither_durable_nor_an_update_is_left_out_while_much_waits(reader: Reader) -> None:
    reader.outbox.push_if_room(text_frame(b"ann came"))
    reader.outbox.push(BIG)
    reader.outbox.push_if_room(text_frame(b"bob came"))
    assert reader.outbox.closing is None
    assert await reader.take_all() == ["first", "ann came", "#" * 3 * BOUND]
    reader.outbox.push_if_room(text_frame(b"cat came"))
    assert (await reader.take_all())[-1] == "cat came"


async def test_nor_while_much_of_updates_waits_of_which_those_replaced_do_not_count(reader: Reader) -> None:
    for number in range(100):
        tell(reader.outbox, f"a{number}" + "#" * 4_000)
    reader.outbox.push_if_room(text_frame(b"ann came"))
    tell(reader.outbox, *(key + "#" * 4_000 for key in "bcd"))
    reader.outbox.push_if_room(text_frame(b"bob came"))
    assert [text.strip("#") for text in await reader.take_all()] == ["first", "a99", "ann came", "b", "c", "d"]


async def test_updates_that_wait_keep_no_reply_waiting(reader: Reader) -> None:
    tell(reader.outbox, *(key + "#" * 4_000 for key in "abcdefgh"))
    with trio.fail_after(1):
        await reader.outbox.send(text_frame(b"reply"))


async def test_nothing_is_told_after_a_close_frame(reader: Reader) -> None:
    tell(reader.outbox, "a1")
    reader.outbox.close(CloseCode.GOING_AWAY)
    tell(reader.outbox, "a2", "b1")
    reader.outbox.push_if_room(text_frame(b"ann came"))
    assert await reader.take_all() == ["first", "a1", "1001"]


# Whatever comes, and however it is taken


@given(
    changes=st.lists(
        st.one_of(
            st.tuples(st.sampled_from("#abc"), st.integers(1, 50), st.booleans()),
            st.tuples(st.just("take"), st.integers(1, 200), st.booleans()),
        ),
        max_size=60,
    )
)
def test_what_waits_is_counted_right_however_it_is_taken(changes: list[tuple[str, int, bool]]) -> None:
    queue = SendQueue(0.0)
    for what, size, about_all in changes:
        if what == "take":
            queue.remove_sent(min(size, queue.unsent_bytes))
        elif what == "#":
            queue.append(b"#" * size)
            queue.mark_overtaken(None if about_all else "a")
        else:
            queue.put_update(what, what.encode() * size)
        left = b"".join(queue.parts()) if queue else b""
        assert (queue.unsent_bytes, queue.counted_bytes) == (len(left), left.count(b"#"))
        assert bool(queue) is bool(left)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("update"), st.lists(st.sampled_from("abc"), min_size=1, max_size=3, unique=True)),
        st.tuples(st.just("durable"), st.sets(st.sampled_from("abc"), max_size=2)),
        st.tuples(st.just("reply"), st.booleans()),
        st.tuples(st.just("take"), st.integers(1, 3)),
    ),
    max_size=60,
)


@settings(deadline=None)
@given(steps=steps)
async def test_every_message_comes_once_in_order_and_of_updates_the_newest(steps: list[tuple[str, Any]]) -> None:
    sent: list[tuple[str, Collection[str]]] = []
    newest: dict[str, str] = {}
    async with trio.open_nursery() as nursery:
        reader = Reader(nursery)
        for number, (kind, what) in enumerate(steps):
            if kind == "update":
                tell(reader.outbox, *(f"{key}{number}" for key in what))
                newest |= {key: f"{key}{number}" for key in what}
                sent += [(f"{key}{number}", {key}) for key in what]
            elif kind == "durable":
                say(reader.outbox, f"#{number}", what)
                sent.append((f"#{number}", what))
            elif kind == "reply":
                reader.outbox.put(text_frame(b"#%d" % number), about_all=what)
                sent.append((f"#{number}", "abc" if what else ""))
            else:
                for _ in range(what):
                    reader.line.allowed.release()
                await trio.testing.wait_all_tasks_blocked()
        received = await reader.take_all()
    assert len(received) == len(set(received))
    assert [text for text in received if text[0] == "#"] == [text for text, _ in sent if text[0] == "#"]
    for key in "abc":
        # Of what is about one thing, nothing overtakes anything.
        about = [text for text, keys in sent if key in keys]
        seen = [text for text in received if text in about]
        assert seen == [text for text in about if text in seen]
        if key in newest:
            assert [text for text in received if text[0] == key][-1] == newest[key]


@settings(deadline=None)
@given(steps=steps, sizes=st.lists(st.integers(1, 9_000), min_size=1, max_size=10))
async def test_over_a_socket_that_takes_a_part_every_frame_comes_whole_and_of_updates_the_newest(
    steps: list[tuple[str, Any]], sizes: list[int]
) -> None:
    ours, theirs = socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    theirs.setblocking(False)
    newest: dict[str, str] = {}
    durable: list[str] = []
    received = bytearray()
    async with trio.SocketStream(trio.socket.from_stdlib_socket(ours)) as stream, trio.open_nursery() as nursery:
        outbox = Outbox(
            stream,
            10**9,
            gathering=Gathering(),
            start=nursery.start_soon,
            on_closing=lambda: None,
            on_dead=nursery.cancel_scope.cancel,
        )
        for number, (kind, what) in enumerate(steps):
            padding = "." * sizes[number % len(sizes)]
            if kind == "update":
                tell(outbox, *(f"{key}{number}{padding}" for key in what))
                newest |= {key: f"{key}{number}{padding}" for key in what}
            elif kind == "take":
                with suppress(BlockingIOError):
                    received += theirs.recv(what * 2_000)
                await trio.testing.wait_all_tasks_blocked()
            else:
                durable.append(f"#{number}{padding}")
                say(outbox, durable[-1], what if kind == "durable" else ())
        while nursery.child_tasks:
            with suppress(BlockingIOError):
                received += theirs.recv(100_000)
            await trio.lowlevel.checkpoint()
    with suppress(BlockingIOError):
        received += theirs.recv(1_000_000)
    theirs.close()
    texts = texts_of(received)
    assert [text for text in texts if text[0] == "#"] == durable
    assert {text[0]: text for text in texts if text[0] != "#"} == newest


# A whole game, through its hub

TARGETS = 104  # of two squads of 52
POOLS = [f"pool-{number}" for number in range(10)]
USER = User(1, "ann", False)


_SUMS = {"display_name": "A player", "backing_people": 12, "backing_money": 123.45, "to_win_if_backed": 1.2345}
DISTRIBUTION = json.dumps({f"team-{number % 2}:{number}": _SUMS for number in range(TARGETS)})


@dataclass
class Market:
    """How ten pools are backed, as a database would know it; ``told`` are the bets in all updates ever made."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(POOLS, 0))
    told: list[str] = field(default_factory=list)

    async def read(self, job: Callable[..., Updates]) -> Updates:
        """The updates that are due."""
        due = job.args[0]  # type: ignore[attr-defined]
        return Updates([self.body(update.pool_uuid, update.new_bets) for update in due])

    def body(self, pool: str, new_bets: Iterable[ShownBet]) -> bytes:
        """An update of a pool, of some 12 kB."""
        bets = [bet.bet_id for bet in new_bets]
        self.told += bets
        return b'{"res":361,"pool_id":"%b","bet_count":%d,"distribution":%b,"new_bets":%b}' % (
            pool.encode(),
            self.counts[pool],
            DISTRIBUTION.encode(),
            json.dumps(bets).encode(),
        )


class Joined:
    """A connection that has joined."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox

    def drop(self, game_uuid: str) -> None:
        """Nothing is remembered."""


@pytest.mark.parametrize("bytes_per_s", [250_000, 20_000])
async def test_a_slow_line_is_never_closed_by_ten_busy_pools_and_holds_the_true_state_of_each_in_the_end(
    autojump_clock: MockClock, nursery: trio.Nursery, bytes_per_s: int
) -> None:
    market, timers = Market(), Timers()
    nursery.start_soon(timers.run)
    hubs = Hubs(
        now_ms=lambda: int(trio.current_time() * 1000),
        call_later=timers.call_later,
        presence_detail_limit=100,
        presence_interval_s=1,
        distribution_interval_s=0.1,
        leaderboard_interval_s=2,
        read=market.read,
        read_ranking=read_no_ranking,
        run_aside=run_inline,
    )
    await nursery.start(hubs.run)
    reader, count = Reader(nursery, bytes_per_s), 60 * 50
    with hubs.hold("game") as hub:
        subscription = Subscription(Joined(reader.outbox), USER)
        hub.enter(subscription)
        hub.activate(subscription)
        for number in range(count):
            await trio.sleep(0.02)
            bet(hubs, market, POOLS[number * 7 % 10], number)
        await trio.sleep(60)
    assert reader.outbox.closing is None
    updates = [update for update in map(json.loads, texts_of(reader.line.received)) if update["res"] == 361]
    for pool in POOLS:
        counts = [update["bet_count"] for update in updates if update["pool_id"] == pool]
        assert counts == sorted(set(counts))
        assert counts[-1] == market.counts[pool] == count / 10
        assert len(counts) > bytes_per_s * 60 / 12_000 / 10 / 2  # each has its share of the line
    assert len(updates) < count / 2
    assert market.told == [str(number) for number in range(count)]


def bet(hubs: Hubs, market: Market, pool: str, number: int) -> None:
    market.counts[pool] += 1
    hubs.note_bet(PoolBet("game", pool, ShownBet(str(number), "team-0:1", 1, 0)))  # type: ignore[arg-type]
