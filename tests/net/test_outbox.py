import os
import select
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import trio
import trio.testing

from gameserver.errors import CloseCode
from gameserver.net.frames import PING_FRAME, close_frame, text_frame
from gameserver.net.outbox import Gathering, Outbox

BOUND = 20_000
TOO_SLOW = close_frame(CloseCode.TOO_SLOW, "too slow")


class Bench:
    """An outbox whose stream the test reads by hand, and what it called."""

    def __init__(self, stream: trio.abc.Stream, bound: int = BOUND) -> None:
        self.stream = stream
        self.tasks: list[Callable[[], Awaitable[None]]] = []
        self.closings = 0
        self.deaths = 0
        self.gathering = Gathering()
        self.outbox = Outbox(
            stream,
            bound,
            gathering=self.gathering,
            start=self.tasks.append,
            on_closing=self._count_closing,
            on_dead=self._count_death,
        )

    def _count_closing(self) -> None:
        self.closings += 1

    def _count_death(self) -> None:
        self.deaths += 1

    async def run_tasks(self) -> None:
        while self.tasks:
            await self.tasks.pop(0)()


class SocketBench(Bench):
    """Over a pair of real sockets that hold little."""

    def __init__(self, bound: int = BOUND) -> None:
        self.socket, self.peer = socket.socketpair()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        self.peer.setblocking(False)
        super().__init__(trio.SocketStream(trio.socket.from_stdlib_socket(self.socket)), bound)

    def take(self) -> bytes:
        """What has arrived."""
        taken = b""
        try:
            while data := self.peer.recv(65_536):
                taken += data
        except BlockingIOError:
            pass
        return taken

    async def take_all(self) -> bytes:
        """What arrives while the outbox sends all it has."""
        taken = [self.take()]
        async with trio.open_nursery() as nursery:
            while self.tasks:
                scope = await nursery.start(self._run_task, self.tasks.pop(0))
                while not scope.cancel_called:
                    await trio.lowlevel.checkpoint()
                    taken.append(self.take())
        return b"".join(taken) + self.take()

    @staticmethod
    async def _run_task(
        task: Callable[[], Awaitable[None]], task_status: trio.TaskStatus[trio.CancelScope] = trio.TASK_STATUS_IGNORED
    ) -> None:
        with trio.CancelScope() as scope:
            task_status.started(scope)
            await task()
            scope.cancel()


@pytest.fixture
async def bench() -> AsyncIterator[SocketBench]:
    made = SocketBench()
    yield made
    made.peer.close()
    await made.stream.aclose()


def stuff(bench: SocketBench) -> bytes:
    """Push one frame that the socket takes only a part of."""
    big = text_frame(b"#" * 3 * BOUND)
    bench.outbox.push(big)
    assert bench.tasks
    return big


async def test_what_is_pushed_is_on_the_socket_when_push_returns(bench: SocketBench) -> None:
    bench.outbox.push(b"\x81\x02hi")
    assert bench.take() == b"\x81\x02hi"
    assert not bench.tasks


async def test_what_the_socket_does_not_take_is_sent_by_a_task_that_ends(bench: SocketBench) -> None:
    big = stuff(bench)
    assert await bench.take_all() == big
    bench.outbox.push(b"\x81\x02hi")
    assert bench.take() == b"\x81\x02hi"
    assert not bench.tasks


async def test_all_that_gathers_behind_a_partial_write_leaves_in_order(bench: SocketBench) -> None:
    frames = [text_frame(b"%d" % number * (number % 7)) for number in range(500)]
    big = stuff(bench)
    bench.outbox.max_unsent_bytes = 10 * BOUND
    for frame in frames:
        bench.outbox.push(frame)
    assert len(bench.tasks) == 1
    assert await bench.take_all() == big + b"".join(frames)


async def test_one_batch_over_the_bound_is_never_too_slow(bench: SocketBench) -> None:
    stuff(bench)
    assert bench.outbox.closing is None


async def test_one_message_alone_is_never_too_much(bench: SocketBench) -> None:
    big = stuff(bench)
    bench.outbox.push(text_frame(b"one more"))
    assert bench.outbox.closing is None
    assert await bench.take_all() == big + text_frame(b"one more")


def overfill(bench: SocketBench) -> bytes:
    """Let more wait than the bound, behind a message that is partly written; that message."""
    big = stuff(bench)
    bench.outbox.push(text_frame(b"#" * BOUND))
    return big


async def test_a_broadcast_while_too_much_waits_closes_with_4008(bench: SocketBench) -> None:
    overfill(bench)
    bench.outbox.push(text_frame(b"one more"))
    assert bench.outbox.closing is CloseCode.TOO_SLOW
    assert bench.closings == 1


async def test_4008_ends_the_frame_in_hand_and_drops_the_rest(bench: SocketBench) -> None:
    big = overfill(bench)
    bench.outbox.push(text_frame(b"dropped too"))
    assert await bench.take_all() == big + TOO_SLOW


@pytest.mark.parametrize("size", [0, 1, 125, 126, 200, 30_000, 70_000])
async def test_4008_in_the_middle_of_a_batch_keeps_whole_frames(bench: SocketBench, size: int) -> None:
    frame = text_frame(b"#" * size)
    count = 10 * BOUND // len(frame) + 2
    bench.outbox.push(frame * count)
    bench.outbox.push(text_frame(b"#" * BOUND))
    bench.outbox.push(text_frame(b"one more"))
    sent = await bench.take_all()
    assert sent.endswith(TOO_SLOW)
    whole, part = divmod(len(sent) - len(TOO_SLOW), len(frame))
    assert part == 0
    assert 0 < whole < count
    assert sent == frame * whole + TOO_SLOW


async def test_4008_is_said_once(bench: SocketBench) -> None:
    overfill(bench)
    for _ in range(3):
        bench.outbox.push(text_frame(b"one more"))
    assert (await bench.take_all()).count(TOO_SLOW) == 1
    assert bench.closings == 1


async def test_every_other_close_waits_behind_what_was_queued(bench: SocketBench) -> None:
    big = stuff(bench)
    bench.outbox.close(CloseCode.GOING_AWAY, "bye")
    assert await bench.take_all() == big + close_frame(CloseCode.GOING_AWAY, "bye")


async def test_nothing_follows_a_close_frame(bench: SocketBench) -> None:
    outbox = bench.outbox
    outbox.close(CloseCode.GOING_AWAY)
    outbox.push(b"\x81\x01a")
    outbox.push_if_room(PING_FRAME)
    await outbox.send(b"\x81\x01b")
    outbox.close(CloseCode.TOO_SLOW)
    outbox.answer_close(close_frame(CloseCode.NORMAL))
    assert bench.take() == close_frame(CloseCode.GOING_AWAY)
    assert (bench.closings, outbox.closing) == (1, CloseCode.GOING_AWAY)


async def test_the_answer_to_the_peers_close_is_the_last_frame(bench: SocketBench) -> None:
    bench.outbox.answer_close(close_frame(CloseCode.NORMAL))
    bench.outbox.push(b"\x81\x01a")
    bench.outbox.close(CloseCode.GOING_AWAY)
    assert bench.take() == close_frame(CloseCode.NORMAL)
    assert bench.closings == 1


async def test_a_ping_is_left_out_while_too_much_waits(bench: SocketBench) -> None:
    bench.outbox.push_if_room(PING_FRAME)
    big = stuff(bench)
    bench.outbox.push_if_room(PING_FRAME)
    assert bench.outbox.closing is None
    assert await bench.take_all() == PING_FRAME + big


async def test_a_reply_waits_until_there_is_room(bench: SocketBench) -> None:
    big = stuff(bench)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bench.outbox.send, b"\x81\x01a")
        nursery.start_soon(bench.outbox.send, b"\x81\x01a")
        await trio.testing.wait_all_tasks_blocked()
        assert len(nursery.child_tasks) == 2
        assert await bench.take_all() + bench.take() == big + b"\x81\x01a" * 2
    assert bench.outbox.closing is None


@pytest.mark.parametrize("peer_dies", [False, True])
async def test_who_waits_for_room_wakes_when_the_connection_ends(bench: SocketBench, peer_dies: bool) -> None:
    stuff(bench)
    with trio.fail_after(1):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bench.outbox.send, b"\x81\x01a")
            nursery.start_soon(bench.outbox.wait_for_room)
            await trio.testing.wait_all_tasks_blocked()
            if peer_dies:
                bench.peer.close()
                await bench.run_tasks()
            else:
                bench.outbox.close(CloseCode.GOING_AWAY)
    assert bench.outbox.dead is peer_dies


async def test_a_dead_peer_never_raises(bench: SocketBench) -> None:
    bench.peer.close()
    for _ in range(3):
        bench.outbox.push(text_frame(b"hello"))
        await bench.outbox.send(text_frame(b"hello"))
        bench.outbox.close(CloseCode.GOING_AWAY)
    assert bench.outbox.dead
    assert (bench.deaths, bench.closings, bench.tasks) == (1, 0, [])


async def test_a_peer_that_vanishes_while_much_waits_ends_the_task(bench: SocketBench) -> None:
    stuff(bench)
    bench.peer.close()
    await bench.run_tasks()
    assert (bench.outbox.dead, bench.deaths) == (True, 1)


async def test_once_abandoned_nothing_is_written_to_a_file_that_got_the_number_of_its_socket(
    bench: SocketBench,
) -> None:
    other, theirs = socket.socketpair()
    with other, theirs:
        bench.outbox.abandon()
        number = bench.socket.fileno()
        await bench.stream.aclose()
        os.dup2(other.fileno(), number)
        try:
            bench.outbox.push(text_frame(b"hello"))
            bench.outbox.put(text_frame(b"hello"))
            bench.outbox.push_updates([], text_frame(b"hello"))
            bench.outbox.close(CloseCode.GOING_AWAY)
            assert bench.outbox.blocked_since() is None
            theirs.setblocking(False)
            with pytest.raises(BlockingIOError):
                theirs.recv(1)
        finally:
            os.close(number)


async def test_a_peer_that_takes_less_than_the_system_tells_of_is_not_blocked(
    mock_clock: trio.testing.MockClock,
) -> None:
    bench = SocketBench(bound=1_000_000)
    bench.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 100_000)
    assert bench.outbox.blocked_since() is None
    for _ in range(10):
        bench.outbox.push(text_frame(b"#" * 40_000))
    pushed_at = trio.current_time()
    mock_clock.jump(10)
    assert bench.outbox.blocked_since() == pushed_at
    bench.peer.recv(40_000)  # after which the system still calls the socket full
    assert not select.select([], [bench.socket], [], 0)[1]
    assert bench.outbox.blocked_since() == trio.current_time() == pushed_at + 10
    bench.peer.close()
    await bench.stream.aclose()


async def test_a_stream_without_a_descriptor_is_sent_to_by_the_task() -> None:
    ours, theirs = trio.testing.memory_stream_pair()
    bench = Bench(ours)
    frames = [text_frame(b"%d" % number) for number in range(5)]
    for frame in frames:
        bench.outbox.push(frame)
    await bench.run_tasks()
    bench.outbox.push(frames[0])
    await bench.run_tasks()
    assert await theirs.receive_some() == b"".join([*frames, frames[0]])


async def test_what_is_in_flight_on_a_stream_counts_as_unsent_and_is_not_cut() -> None:
    ours, theirs = trio.testing.lockstep_stream_pair()
    bench = Bench(ours)
    big = text_frame(b"#" * 2 * BOUND)
    bench.outbox.push(big)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bench.run_tasks)
        await trio.testing.wait_all_tasks_blocked()
        bench.outbox.push(text_frame(b"#" * BOUND))
        bench.outbox.push(text_frame(b"one more"))
        assert bench.outbox.closing is CloseCode.TOO_SLOW
        received = b""
        while len(received) < len(big + TOO_SLOW):
            received += await theirs.receive_some()
    assert received == big + TOO_SLOW


async def test_a_broken_stream_without_a_descriptor_never_raises() -> None:
    ours, theirs = trio.testing.memory_stream_pair()
    bench = Bench(ours)
    await theirs.aclose()
    bench.outbox.push(text_frame(b"hello"))
    await bench.run_tasks()
    bench.outbox.push(text_frame(b"hello"))
    assert (bench.outbox.dead, bench.deaths, bench.tasks) == (True, 1, [])


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What outboxes write, one entry a call."""
    made: list[bytes] = []
    write = os.write

    def write_noted(descriptor: int, data: bytes) -> int:
        written = write(descriptor, data)
        made.append(bytes(data[:written]))
        return written

    monkeypatch.setattr("gameserver.net.outbox.os.write", write_noted)
    return made


async def test_what_gathers_leaves_in_one_write_and_in_order(bench: SocketBench, writes: list[bytes]) -> None:
    frames = [text_frame(b"%d" % number) for number in range(4)]
    with bench.gathering:
        bench.outbox.push(frames[0])
        bench.outbox.put(frames[1])
        bench.outbox.push_if_room(frames[2])
        assert (writes, bench.take()) == ([], b"")
    assert (writes, bench.take()) == ([b"".join(frames[:3])], b"".join(frames[:3]))
    bench.outbox.push(frames[3])
    assert writes[1:] == [frames[3]]


async def test_what_gathers_behind_a_queue_is_sent_after_it(bench: SocketBench) -> None:
    big = stuff(bench)
    frames = [text_frame(b"%d" % number) for number in range(3)]
    with bench.gathering:
        for frame in frames:
            bench.outbox.push(frame)
    assert await bench.take_all() == big + b"".join(frames)


async def test_what_gathers_is_one_batch_and_never_too_slow(bench: SocketBench) -> None:
    frames = [text_frame(b"#" * BOUND)] * 3
    with bench.gathering:
        for frame in frames:
            bench.outbox.push(frame)
    assert await bench.take_all() == b"".join(frames)


async def test_a_close_while_frames_gather_is_the_last_of_them(bench: SocketBench, writes: list[bytes]) -> None:
    with bench.gathering:
        bench.outbox.put(text_frame(b"before"))
        bench.outbox.close(CloseCode.SESSION_ENDED)
        bench.outbox.put(text_frame(b"after"))
    assert writes == [text_frame(b"before") + close_frame(CloseCode.SESSION_ENDED)]


async def test_who_is_too_slow_while_frames_gather_gets_none_of_them(bench: SocketBench) -> None:
    big = stuff(bench)
    with bench.gathering:
        bench.outbox.put(text_frame(b"#" * BOUND))
        bench.outbox.push(text_frame(b"too much"))
    assert await bench.take_all() == big + TOO_SLOW


async def test_what_has_gathered_for_a_connection_that_died_is_not_sent(bench: SocketBench) -> None:
    with bench.gathering:
        bench.outbox.put(text_frame(b"hello"))
        bench.outbox.abandon()
    assert (bench.take(), bench.tasks) == (b"", [])


@pytest.mark.expects_errors
async def test_a_connection_that_cannot_be_told_is_closed_and_the_others_are_told(
    bench: SocketBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Outbox(
        bench.stream,
        BOUND,
        gathering=bench.gathering,
        start=bench.tasks.append,
        on_closing=lambda: None,
        on_dead=lambda: None,
    )
    send = Outbox.send_gathered

    def send_or_fail(outbox: Outbox, frames: bytes) -> None:
        if outbox is broken:
            raise LookupError
        send(outbox, frames)

    monkeypatch.setattr(Outbox, "send_gathered", send_or_fail)
    with bench.gathering:
        broken.put(text_frame(b"lost"))
        bench.outbox.put(text_frame(b"hello"))
    assert broken.closing is CloseCode.INSUFFICIENT_STATE
    assert bench.take().endswith(text_frame(b"hello"))
