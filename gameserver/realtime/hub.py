"""A hub per game: tells its subscribers what happens, each exactly once and in order (contract, section 7)."""

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import trio

from gameserver.errors import Rejected
from gameserver.handlers.betting import distribution_updates
from gameserver.handlers.context import Publication, ReopenedPool, Wager
from gameserver.protocol.codec import ResponseHeader, encode_body, with_header
from gameserver.protocol.declare import Message
from gameserver.realtime.distribution import Distributions
from gameserver.realtime.frames import text_frame
from gameserver.realtime.logs import log_failure
from gameserver.realtime.outbox import Outbox, send_away
from gameserver.realtime.presence import Presence
from gameserver.storage.jobs import Job
from gameserver.storage.users import User

logger = logging.getLogger(__name__)

_PUSHES_BETWEEN_CHECKPOINTS = 200
_LONGEST_REST_S = 0.05


def message_frame(body: bytes, now_ms: int, seq: int | None = None) -> bytes:
    """A broadcast as one frame, the same for every connection."""
    return text_frame(with_header(ResponseHeader(t=now_ms, seq=seq), body))


class Listener(Protocol):
    """What a hub needs of a connection."""

    @property
    def outbox(self) -> Outbox:
        """Where to push."""

    def forget(self, game_uuid: str) -> None:
        """The game is over: the connection's subscription has ended."""


class Subscription:
    """One connection's place among a game's subscribers, from joining until leaving.

    It gets what is pushed from when the hub activates it; until then, the log tells it what it missed.
    """

    __slots__ = ("listener", "user")

    def __init__(self, listener: Listener, user: User) -> None:
        self.listener = listener
        self.user = user


@dataclass
class Shared:
    """What all hubs share: the clock, alarms, a way to read, who watches a source, and how often each thing is told.

    ``deliveries`` counts the frames pushed by all of them ever, presence told at once aside.
    """

    now_ms: Callable[[], int]
    set_alarm: Callable[[float, Callable[[], object]], object]
    read: Callable[[Job[list[bytes | None]]], Awaitable[list[bytes | None]]]
    watchers_of: Callable[[int], Collection[Outbox]]
    presence_detail_limit: int
    presence_interval_s: float
    distribution_interval_s: float
    deliveries: int = 0


class Hub:
    """The subscribers of one game and what is on its way to them.

    ``last_seq`` is the last durable broadcast that was pushed, -1 until it is known: whoever becomes active
    gets those after it. ``closed`` says that the game's last broadcast has been pushed.
    """

    def __init__(self, game_uuid: str, shared: Shared) -> None:
        self.game_uuid = game_uuid
        self.last_seq = -1
        self.closed = False
        self.holders = 0
        self._shared = shared
        self._subscriptions: dict[Subscription, None] = {}
        self._active: dict[Subscription, Outbox] = {}
        self._connections_of: Counter[int] = Counter()
        self._pending: list[tuple[Publication | None, bytes]] = []
        self._first_pending_seq: int | None = None
        self._wake = trio.Event()
        self._flushed = trio.Event()
        self._distributions = Distributions(shared.distribution_interval_s, shared.set_alarm, self.wake)
        self._presence = Presence(
            game_uuid,
            tell_now=self._tell_now,
            tell_soon=self.tell,
            count=lambda: len(self._subscriptions),
            set_alarm=shared.set_alarm,
            detail_limit=shared.presence_detail_limit,
            interval_s=shared.presence_interval_s,
        )

    @property
    def idle(self) -> bool:
        """Whether nobody needs the hub."""
        return not (self._subscriptions or self._pending or self.holders)

    @property
    def backlog(self) -> int:
        """How many broadcasts wait to be pushed."""
        return len(self._pending)

    def publish(self, publication: Publication) -> None:
        """Tell the subscribers, soon, of something that is on disk."""
        if self._first_pending_seq is None:
            self._first_pending_seq = publication.seq
        if publication.ends_pool is not None:
            self._distributions.end(publication.ends_pool)
        frame = message_frame(publication.body, publication.sent_at, publication.seq)
        self._pending.append((publication, frame))
        self._wake.set()

    def tell(self, message: Message) -> None:
        """Tell the subscribers, soon, of something that is not durable."""
        self._pending.append((None, message_frame(encode_body(message), self._shared.now_ms())))
        self._wake.set()

    def _tell_now(self, message: Message) -> None:
        """Tell the few subscribers there are, at once."""
        frame = message_frame(encode_body(message), self._shared.now_ms())
        for outbox in list(self._active.values()):
            outbox.push_if_room(frame)

    async def reach(self, stored_seq: int) -> None:
        """Wait until everything up to ``stored_seq``, which is on disk, has been pushed."""
        if self.last_seq < 0:
            first = self._first_pending_seq
            self.last_seq = stored_seq if first is None else min(stored_seq, first - 1)
        while self.last_seq < stored_seq:
            await self._flushed.wait()

    async def run(self) -> None:
        """Push what is published, until nobody needs the hub."""
        while not self.idle:
            await self._wake.wait()
            self._wake = trio.Event()
            began = trio.current_time()
            try:
                await self._flush()
                await self._tell_distributions()
            except Exception:
                text = "a game's hub failed: its subscribers come again, and it goes on"
                log_failure(logger, logging.ERROR, "internal_error", text, game=self.game_uuid)
                self.send_away()
            # In a burst, a large audience leaves others as much time as it takes; what comes meanwhile goes out as one.
            if self._pending:
                await trio.sleep(min(trio.current_time() - began, _LONGEST_REST_S))

    def note_bet(self, wager: Wager) -> None:
        """A bet was placed: its pool's distribution is to be told, soon."""
        if self._subscriptions:
            self._distributions.note(wager.pool_uuid, wager.bet)

    def note_reopened(self, reopened: ReopenedPool) -> None:
        """A pool is open again: its distribution is to be told, soon."""
        if self._subscriptions:
            self._distributions.reopen(reopened.pool_uuid)

    @property
    def distributions_told(self) -> int:
        """A number that grows with each distribution told."""
        return self._distributions.told

    def tell_again(self, told_before: int) -> None:
        """Tell the distributions once more that were told since then: a new subscriber may have missed them."""
        self._distributions.tell_again(told_before)

    async def _tell_distributions(self) -> None:
        """Read and tell the distributions that are due (361), if their pools are still open then."""
        due = self._distributions.take_due()
        if not due:
            return
        try:
            bodies = await self._shared.read(partial(distribution_updates, due))
        except Rejected as rejected:
            logger.warning("distributions of game %s must wait: %s", self.game_uuid, rejected.text)
            self._distributions.put_back(due)
            return
        updates = [
            (update.pool_uuid, message_frame(body, self._shared.now_ms()))
            for update, body in zip(due, bodies, strict=True)
            if body is not None and self._distributions.may_tell(update.pool_uuid)
        ]
        await self._flush()
        if updates:
            await self._push(b"".join(frame for _, frame in updates), len(updates), updates=updates)

    def wake(self) -> None:
        """Let the hub see whether it is still needed."""
        self._wake.set()

    async def _flush(self) -> None:
        """Push all that is pending, as one piece, to those who are active now."""
        pending, self._pending = self._pending, []
        self._first_pending_seq = None
        durable = [publication for publication, _ in pending if publication is not None]
        # Who becomes active later gets what is pushed now from the log; a new hub may hold what is in it already.
        fresh = [frame for publication, frame in pending if publication is None or publication.seq > self.last_seq]
        watchers = self._watchers(durable[0].source_id) if durable else []
        if durable:
            self.last_seq = max(self.last_seq, durable[-1].seq)
            self.closed |= any(publication.ends_subscriptions for publication in durable)
        for_watchers = b"".join(frame for publication, frame in pending if publication and publication.for_watchers)
        about = {pool for publication in durable for pool in publication.about}
        try:
            if fresh:
                await self._push(b"".join(fresh), len(fresh), about if durable else None)
            if self.closed:
                self._end_subscriptions()
            if for_watchers:
                await _push_all(watchers, for_watchers, ())
        except Exception:
            self.send_away(watchers if for_watchers else ())
            raise
        finally:
            self._wake_waiting()

    async def _push(
        self,
        frames: bytes,
        count: int,
        about: Collection[str] | None = None,
        updates: Sequence[tuple[str, bytes]] | None = None,
    ) -> None:
        """Push so many messages to those who are active now."""
        active = list(self._active.items())
        # Some may leave while the others are pushed to.
        still = (outbox for subscription, outbox in active if subscription in self._active)
        self._shared.deliveries += await _push_all(still, frames, about, updates) * count

    def _end_subscriptions(self) -> None:
        for subscription in list(self._subscriptions):
            self._remove(subscription)
            subscription.listener.forget(self.game_uuid)

    def give_up(self, publication: Publication) -> None:
        """A broadcast cannot be told: whoever listens may have missed it, and finds it in the log."""
        self.last_seq = max(self.last_seq, publication.seq)
        self.closed |= publication.ends_subscriptions
        self.send_away(self._watchers(publication.source_id) if publication.for_watchers else ())
        self._wake_waiting()
        self.wake()

    def send_away(self, watchers: Iterable[Outbox] = ()) -> None:
        """Close those who are active, and may have missed something, and some watchers."""
        for outbox in (*self._active.values(), *watchers):
            send_away(outbox)

    def _wake_waiting(self) -> None:
        self._flushed.set()
        self._flushed = trio.Event()

    def _watchers(self, source_id: int) -> list[Outbox]:
        """The watchers of the game's source that do not get its messages as subscribers."""
        watchers = self._shared.watchers_of(source_id)
        if not watchers:
            return []
        subscribed = {subscription.listener.outbox for subscription in self._subscriptions}
        return [outbox for outbox in watchers if outbox not in subscribed]

    def enter(self, subscription: Subscription, replaced: Subscription | None = None) -> None:
        """Take a connection in, not yet active; the others are told of a user who was not there."""
        if replaced is not None:
            self._remove(replaced)
        elif not self._connections_of[subscription.user.id]:
            self._presence.user_joined(subscription.user)
        self._connections_of[subscription.user.id] += 1
        self._subscriptions[subscription] = None

    def activate(self, subscription: Subscription) -> None:
        """From now on the connection gets what is pushed, unless its subscription has ended."""
        if subscription in self._subscriptions:
            self._active[subscription] = subscription.listener.outbox

    def leave(self, subscription: Subscription) -> None:
        """The connection gets nothing more; the others are told of a user who is no longer there."""
        if self._remove(subscription) and not self._connections_of[subscription.user.id]:
            self._presence.user_left(subscription.user)
        self.wake()

    def _remove(self, subscription: Subscription) -> bool:
        if subscription not in self._subscriptions:
            return False
        del self._subscriptions[subscription]
        self._active.pop(subscription, None)
        user_id = subscription.user.id
        self._connections_of[user_id] -= 1
        if not self._connections_of[user_id]:
            del self._connections_of[user_id]
        return True


async def _push_all(
    outboxes: Iterable[Outbox],
    frames: bytes,
    about: Collection[str] | None,
    updates: Sequence[tuple[str, bytes]] | None = None,
) -> int:
    """Push to all of them: durable broadcasts about some pools, what is not durable (None), or updates; to how many."""
    number = 0
    for number, outbox in enumerate(outboxes, 1):
        if about is not None:
            outbox.push(frames, about)
        elif updates is not None:
            outbox.push_updates(updates, frames)
        else:
            outbox.push_if_room(frames)
        if number % _PUSHES_BETWEEN_CHECKPOINTS == 0:
            await trio.lowlevel.checkpoint()
    return number
