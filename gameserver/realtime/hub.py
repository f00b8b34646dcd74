"""A hub per game pushes broadcasts to its subscribers, once and in order (protocol, "Sequence and recovery")."""

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from itertools import groupby

import trio

from gameserver.engine.context import PoolBet, Publication, ReopenedPool
from gameserver.engine.distribution import distribution_updates
from gameserver.engine.leaderboards import ranking_update
from gameserver.errors import Rejected
from gameserver.net.compression import MAX_INLINE_BYTES, MessageFrames, compress, is_costly, joined_frames
from gameserver.net.outbox import Outbox, close_for_reconnect
from gameserver.ops.log import log_failure
from gameserver.protocol.codec import encode_body
from gameserver.protocol.declare import Message
from gameserver.realtime.distribution import Distributions, DueUpdate
from gameserver.realtime.elsewhere import Elsewhere
from gameserver.realtime.friend_bets import FriendBets, frames_by_friend
from gameserver.realtime.hub_context import HubContext
from gameserver.realtime.presence import Presence
from gameserver.realtime.pushing import message_frames, push_all
from gameserver.realtime.rankings import Rankings
from gameserver.realtime.subscriber import Subscription

logger = logging.getLogger(__name__)

_MAX_REST_S = 0.05


class Hub:
    """The subscribers of one game, and the broadcasts that are to be pushed to them.

    ``last_seq`` is the sequence number of the last durable broadcast pushed, -1 until it is known: a subscription that
    becomes active gets those after it. ``closed`` says that the game's last broadcast has been pushed. ``holders``
    counts the connections that are joining.
    """

    def __init__(self, game_uuid: str, context: HubContext) -> None:
        self.game_uuid = game_uuid
        self.last_seq = -1
        self.closed = False
        self.holders = 0
        self._context = context
        self._subscriptions: dict[Subscription, None] = {}
        self._active: dict[Subscription, Outbox] = {}
        self._connections_of: Counter[int] = Counter()
        self._pending: list[tuple[Publication, MessageFrames]] = []
        self._passing: list[tuple[MessageFrames, frozenset[int]]] = []  # not durable, and for whom it is not
        self._first_pending_seq: int | None = None
        self._has_work = False
        self._work = trio.lowlevel.ParkingLot()
        self._flushed = trio.lowlevel.ParkingLot()
        self._distributions = Distributions(context.distribution_interval_s, context.call_later, self.wake)
        self._friend_bets = FriendBets()
        self._rankings = Rankings(context.leaderboard_interval_s, context.call_later, self.wake)
        self._presence = Presence(
            game_uuid,
            push_now=self._push_now,
            push_soon=lambda message: self.push_soon(encode_body(message)),
            count=lambda: self.subscribers,
            call_later=context.call_later,
            detail_limit=context.presence_detail_limit,
            interval_s=context.presence_interval_s,
        )

    @property
    def idle(self) -> bool:
        """Whether the hub has no subscribers, no broadcasts to push and no joining connections."""
        return not (self._subscriptions or self._pending or self.holders)

    @property
    def backlog(self) -> int:
        """The number of broadcasts that are to be pushed."""
        return len(self._pending) + len(self._passing)

    @property
    def subscribers_here(self) -> int:
        """The number of this server's connections that have joined the game."""
        return len(self._subscriptions)

    @property
    def user_ids(self) -> list[int]:
        """The users who have joined the game at this server."""
        return list(self._connections_of)

    @property
    def names(self) -> dict[int, str]:
        """The names of the users who have joined the game at this server, as long as each is told of by name."""
        if self.subscribers > self._context.presence_detail_limit:
            return {}
        return {it.user.id: it.user.username for it in self._subscriptions if it.user is not None}

    @property
    def subscribers(self) -> int:
        """The number of connections that have joined the game, at whichever server."""
        return self.subscribers_here + self._context.elsewhere.subscribers_of(self.game_uuid)

    def publish(self, publication: Publication) -> None:
        """Queue a durable broadcast, which is on disk, for all subscribers."""
        if self._first_pending_seq is None:
            self._first_pending_seq = publication.seq
        if publication.ends_pool is not None:
            self._distributions.end(publication.ends_pool)
        message = message_frames(publication.body, publication.sent_at, publication.seq)
        self._pending.append((publication, message))
        self.wake()

    def push_soon(self, body: bytes, but_for: frozenset[int] = frozenset()) -> None:
        """Queue a broadcast that is not durable for all subscribers but some users."""
        if self._subscriptions:
            self._passing.append((message_frames(body, self._context.now_ms()), but_for))
            self.wake()

    def _push_now(self, message: Message) -> None:
        """Push a broadcast that is not durable at once; for games with few subscribers."""
        frames = message_frames(encode_body(message), self._context.now_ms())
        for outbox in list(self._active.values()):
            outbox.push_if_room(frames.of(outbox.compression))

    async def wait_until_pushed(self, stored_seq: int) -> None:
        """Wait until the broadcasts up to ``stored_seq``, which are on disk, have been pushed."""
        if self.last_seq < 0:
            first = self._first_pending_seq
            self.last_seq = stored_seq if first is None else min(stored_seq, first - 1)
        while self.last_seq < stored_seq:
            await self._flushed.park()

    async def run(self) -> None:
        """Push the queued broadcasts, until nobody needs the hub."""
        while not self.idle:
            while not self._has_work:
                await self._work.park()
            self._has_work = False
            began = trio.current_time()
            try:
                await self._flush()
                await self._push_passing()
                await self._push_distributions()
                await self._push_ranking()
            except Exception:
                text = "a game's hub failed: its subscribers must reconnect"
                log_failure(logger, logging.ERROR, "internal_error", text, game=self.game_uuid)
                self.close_subscribers()
            # In a burst, a game with many subscribers yields as much time as it used, and then pushes one larger batch.
            if self._pending or self._passing:
                await trio.sleep(min(trio.current_time() - began, _MAX_REST_S))

    def note_bet(self, bet: PoolBet) -> None:
        """Schedule the distribution update of a pool on which a bet was placed."""
        if self._subscriptions:
            self._distributions.add_bet(bet.pool_uuid, bet.bet)
            self._friend_bets.note(bet)

    def note_reopened(self, reopened: ReopenedPool) -> None:
        """Schedule the distribution update of a pool that is open again."""
        if self._subscriptions:
            self._distributions.reopen(reopened.pool_uuid)

    def note_ranking(self) -> None:
        """Schedule the update of the game's leaderboard."""
        if self._subscriptions:
            self._rankings.note()

    @property
    def outboxes(self) -> set[Outbox]:
        """The connections that have joined the game."""
        return {subscription.subscriber.outbox for subscription in self._subscriptions}

    @property
    def distributions_pushed(self) -> int:
        """The number of distribution updates so far."""
        return self._distributions.pushed

    def push_again(self, pushed_before: int) -> None:
        """Schedule again the distribution updates made since the number was ``pushed_before``, for a new subscriber."""
        self._distributions.push_again(pushed_before)

    async def _push_distributions(self) -> None:
        """Read and push the distribution updates that are due (361), of pools that are still open then.

        Who of the subscribers is a friend of those who have bet is read along, and told of their bets (4611).
        """
        due, bets = self._distributions.take_due(), self._friend_bets.take()
        if not due and not bets:
            return
        try:
            bettors = {bet.user_id for _, bet in bets if isinstance(bet.user_id, int)}
            job = partial(distribution_updates, due, bettors, self.game_uuid, self._connections_of)
            updates = await self._context.read(job)
        except Rejected as rejected:
            logger.warning("distribution updates of game %s are delayed: %s", self.game_uuid, rejected.text)
            self._distributions.requeue(due)
            self._friend_bets.put_back(bets)
            return
        for_all = self._current(due, updates.for_all)
        for_admins = self._current(due, updates.for_admins) if updates.admins else {}
        await self._flush()
        if for_all:
            await self._push(list(for_all.values()), pools=list(for_all), but_for=updates.admins)
        if for_admins:
            await self._push(list(for_admins.values()), pools=list(for_admins), only_for=updates.admins)
        if updates.friends_of:
            self._tell_friends(frames_by_friend(bets, updates.friends_of, self._context.now_ms()))

    async def _push_ranking(self) -> None:
        """Read and push the leaderboard's update (455), if it is due."""
        if self._rankings.take_due():
            try:
                update = await self._context.read_ranking(partial(ranking_update, self._rankings.known, self.game_uuid))
            except Rejected as rejected:
                logger.warning("the leaderboard update of game %s is delayed: %s", self.game_uuid, rejected.text)
                self._rankings.note()
            else:
                self._rankings.known = update.ranks
                await self._push([message_frames(update.body, self._context.now_ms())])

    def _tell_friends(self, told: Mapping[int, list[MessageFrames]]) -> None:
        """Push to each user in ``told`` what is to be told to that user alone."""
        for subscription, outbox in list(self._active.items()):
            if subscription.user is not None and subscription.user.id in told:
                outbox.push_if_room(joined_frames(told[subscription.user.id], outbox.compression))

    def _current(self, due: Iterable[DueUpdate], bodies: Iterable[bytes | None]) -> dict[str, MessageFrames]:
        """The updates of the pools that have not ended since they were read."""
        return {
            update.pool_uuid: message_frames(body, self._context.now_ms())
            for update, body in zip(due, bodies, strict=True)
            if body is not None and self._distributions.is_current(update.pool_uuid)
        }

    def wake(self) -> None:
        """Have the hub's task look for work, and end if nobody needs the hub."""
        self._has_work = True
        self._work.unpark_all()

    async def _flush(self) -> None:
        """Push all queued broadcasts, as one piece, to the subscriptions that are active now."""
        pending, self._pending = self._pending, []
        self._first_pending_seq = None
        durable = [publication for publication, _ in pending]
        # Subscribers read broadcasts up to last_seq from the log, and a new hub may hold some of those.
        fresh = [message for publication, message in pending if publication.seq > self.last_seq]
        watchers = self._watchers(durable[0].source_id) if durable else []
        if durable:
            self.last_seq = max(self.last_seq, durable[-1].seq)
            for publication in durable:
                self._note_end(publication)
        for_watchers = [message for publication, message in pending if publication.for_watchers]
        about = {pool for publication in durable for pool in publication.about}
        try:
            if fresh:
                await self._push(fresh, about)
            if self.closed:
                self._end_subscriptions()
            if for_watchers:
                await self._compress_ahead(for_watchers, watchers)
                await push_all(watchers, list, for_watchers, ())
        except Exception:
            self.close_subscribers(watchers if for_watchers else ())
            raise
        finally:
            self._flushed.unpark_all()

    async def _push_passing(self) -> None:
        """Push what is queued and not durable, as one piece for as long as the same users are left out."""
        passing, self._passing = self._passing, []
        for but_for, group in groupby(passing, key=lambda entry: entry[1]):
            await self._push([message for message, _ in group], but_for=but_for)

    async def _push(
        self,
        messages: Sequence[MessageFrames],
        about: Collection[str] | None = None,
        pools: Sequence[str] | None = None,
        *,
        but_for: Collection[int] = (),
        only_for: Collection[int] = (),
    ) -> None:
        """Push messages to the active subscriptions, or those of some users, as `push_all` describes."""
        active = list(self._active.items())
        if but_for or only_for:
            users = only_for or but_for
            active = [it for it in active if (it[0].user is not None and it[0].user.id in users) is bool(only_for)]
        await self._compress_ahead(messages, (outbox for _, outbox in active))
        self._context.deliveries += await push_all(active, self._still_active, messages, about, pools) * len(messages)

    def _still_active(self, part: Sequence[tuple[Subscription, Outbox]]) -> list[Outbox]:
        """The outboxes of subscriptions that are still active: a subscriber may leave while others are pushed to."""
        return [outbox for subscription, outbox in part if subscription in self._active]

    async def _compress_ahead(self, messages: Sequence[MessageFrames], outboxes: Iterable[Outbox]) -> None:
        """If much is to be compressed for some of the outboxes, do it in a worker thread."""
        if sum(len(message.payload) for message in messages) > MAX_INLINE_BYTES:
            for compression in {outbox.compression for outbox in outboxes}:
                if is_costly(messages, compression):
                    await self._context.run_aside(compress, messages, compression)

    def _note_end(self, publication: Publication) -> None:
        if publication.ends_subscriptions or publication.resumes_subscriptions:
            self.closed = publication.ends_subscriptions

    def _end_subscriptions(self) -> None:
        for subscription in list(self._subscriptions):
            self._remove(subscription)
            subscription.subscriber.drop(self.game_uuid)

    def skip(self, publication: Publication) -> None:
        """Skip a broadcast that cannot be pushed: its receivers are closed, and recover it from the log."""
        self.last_seq = max(self.last_seq, publication.seq)
        self._note_end(publication)
        self.close_subscribers(self._watchers(publication.source_id) if publication.for_watchers else ())
        self._flushed.unpark_all()
        self.wake()

    def close_subscribers(self, watchers: Iterable[Outbox] = ()) -> None:
        """Close the active subscribers, and the given watchers, since they may have missed messages."""
        for outbox in (*self._active.values(), *watchers):
            close_for_reconnect(outbox)

    def _watchers(self, source_id: int) -> list[Outbox]:
        """The watchers of the game's source that are not among its subscribers."""
        watchers = self._context.watchers_of(source_id)
        if not watchers:
            return []
        subscribed = {subscription.subscriber.outbox for subscription in self._subscriptions}
        return [outbox for outbox in watchers if outbox not in subscribed]

    def enter(self, subscription: Subscription, replaced: Subscription | None = None) -> None:
        """Add a subscription, not yet active, in place of ``replaced``; a user's first one is announced."""
        user = subscription.user
        if user is not None:
            if replaced is None and not self._is_present(user.id):
                self._presence.user_joined(user)
            self._connections_of[user.id] += 1
            self._context.attendance.enter(user.id, self.game_uuid)
        self._subscriptions[subscription] = None
        if replaced is not None:
            self._remove(replaced)

    def activate(self, subscription: Subscription) -> None:
        """Push broadcasts to a subscription from now on, unless it has ended."""
        if subscription in self._subscriptions:
            self._active[subscription] = subscription.subscriber.outbox

    def leave(self, subscription: Subscription) -> None:
        """Remove a subscription; a user's last one is announced."""
        user = subscription.user
        if self._remove(subscription) and user is not None and not self._is_present(user.id):
            self._presence.user_left(user)
        self.wake()

    def _is_present(self, user_id: int) -> bool:
        """Whether a user has joined the game, at whichever server."""
        return user_id in self._connections_of or self._context.elsewhere.has_joined(user_id, self.game_uuid)

    def note_elsewhere(self, before: Elsewhere, now: Elsewhere) -> None:
        """Announce the users whose first connection has joined at another server, or whose last one has left."""
        joined, left = now.who_is_not_in(before, self.game_uuid), before.who_is_not_in(now, self.game_uuid)
        joined, left = ([it for it in users if it.user_id not in self._connections_of] for users in (joined, left))
        if self._subscriptions and (joined or left):
            self._presence.changed_elsewhere(joined, left)

    def _remove(self, subscription: Subscription) -> bool:
        if subscription not in self._subscriptions:
            return False
        del self._subscriptions[subscription]
        self._active.pop(subscription, None)
        if subscription.user is not None:
            user_id = subscription.user.id
            self._connections_of[user_id] -= 1
            if not self._connections_of[user_id]:
                del self._connections_of[user_id]
                self._context.attendance.leave(user_id, self.game_uuid)
        return True
