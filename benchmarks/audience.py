"""Many subscribers of one stream of messages, each of which must get every message."""

import asyncio
import time

from picows import WSFrame, WSTransport

from benchmarks.load import Client, connect, encode, side_by_side

_CHECKED_ONE_IN = 20


class Subscriber(Client):
    """One of an audience: counts the messages of the size that is expected, without copying them."""

    def __init__(self, audience: "Audience", *, keeps: bool) -> None:
        super().__init__()
        self.count = 0
        self.kept: list[bytes] = []
        self.keeps = keeps
        self._audience = audience

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Count a message; tell when all that are expected are here."""
        audience = self._audience
        if frame.payload_size != audience.payload_bytes:
            super().on_ws_frame(transport, frame)
            return
        self.count += 1
        if self.keeps:
            self.kept.append(frame.get_payload_as_bytes())
        if self.count == audience.goal:
            audience.note_complete()


class Audience:
    """The subscribers, what they are to get, and when each had got it.

    What counts are messages of ``payload_bytes``. All count; one in some twenty keeps what it gets, for `check`.
    ``delays_s`` grows by one for each subscriber that has got all of what it was to get, since it was due.
    """

    def __init__(self, payload_bytes: int = -1) -> None:
        self.payload_bytes = payload_bytes
        self.goal = -1
        self.subscribers: list[Subscriber] = []
        self.delays_s: list[float] = []
        self._due_at = 0.0
        self._missing = 0
        self._complete: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def new_subscriber(self) -> Subscriber:
        """One more, which is still to be connected."""
        subscriber = Subscriber(self, keeps=len(self.subscribers) % _CHECKED_ONE_IN == 0)
        self.subscribers.append(subscriber)
        return subscriber

    async def connect(self, count: int, port: int, key: str | None = None, path: str = "/") -> None:
        """Connect that many subscribers."""
        await side_by_side(connect(self.new_subscriber(), port, key, path) for _ in range(count))

    async def join(self, game_id: str) -> None:
        """Let all join a game."""
        request = encode(363, game_id=game_id)
        await side_by_side(subscriber.ask([request], b'"res":333,') for subscriber in self.subscribers)

    def expect(self, messages: int, due_at: float | None = None) -> asyncio.Future[None]:
        """Each subscriber is to get so many messages more, due now if not said otherwise; done when each has."""
        before = self.subscribers[0].count
        if any(subscriber.count != before for subscriber in self.subscribers):
            raise RuntimeError("a message came too late or unexpectedly")
        self.goal = before + messages
        self._missing = len(self.subscribers)
        self._complete = asyncio.get_running_loop().create_future()
        self._due_at = time.perf_counter() if due_at is None else due_at
        return self._complete

    def note_complete(self) -> None:
        """A subscriber has got all it was to get."""
        self.delays_s.append(time.perf_counter() - self._due_at)
        self._missing -= 1
        if not self._missing:
            self._complete.set_result(None)

    def check(self) -> None:
        """Raise RuntimeError unless every one has the same number of messages and all that were kept agree."""
        counts = {subscriber.count for subscriber in self.subscribers}
        kept = [subscriber.kept for subscriber in self.subscribers if subscriber.keeps]
        if len(counts) != 1 or any(messages != kept[0] for messages in kept):
            raise RuntimeError(f"not every subscriber got every message: {sorted(counts)}")
