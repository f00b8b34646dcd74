"""One connection's subscriptions: joining, recovery, leaving (protocol, "Joining and presence")."""

import logging
from collections.abc import Awaitable, Callable
from functools import partial

from gameserver.engine.distribution import open_distributions
from gameserver.engine.log_view import LogView, view_log
from gameserver.errors import ErrorCode, Rejected, not_found
from gameserver.net.compression import MessageFrames, joined_frames
from gameserver.net.outbox import Outbox, close_for_reconnect
from gameserver.ops.log import log_failure
from gameserver.protocol.declare import Message
from gameserver.protocol.subscriptions import GameJoined, GameLeft, JoinGame, LeaveGame
from gameserver.realtime.context import ServerContext
from gameserver.realtime.hub import Hub
from gameserver.realtime.pushing import message_frames
from gameserver.realtime.subscriber import Subscription
from gameserver.storage.broadcasts import list_broadcasts
from gameserver.storage.games import find_game
from gameserver.storage.users import User

logger = logging.getLogger(__name__)

_RECOVERY_BATCH_BYTES = 262_144

Reply = Callable[[Message], Awaitable[None]]


class Subscriptions:
    """A connection's subscriptions, at most one a game.

    Implements `gameserver.realtime.hub.Subscriber`. The argument ``reply`` of a method sends the reply to the request.
    """

    __slots__ = ("_context", "_held", "outbox")

    def __init__(self, context: ServerContext, outbox: Outbox) -> None:
        self.outbox = outbox
        self._context = context
        self._held: dict[str, tuple[Hub, Subscription]] = {}

    async def join(self, request: JoinGame, user: User | None, reply: Reply) -> None:
        """Subscribe to a game; with ``after_seq``, recover the broadcasts after it first.

        ``user`` is who is present in the game from then on: None for a view key.

        Raises `Rejected` (``not_found``, ``game_closed``).
        """
        context, uuid, after_seq = self._context, request.game_id, request.after_seq
        await context.store.catch_up(context.clock.now_ms())
        with context.hubs.hold(uuid) as hub:
            view = await context.store.read(partial(view_log, game_uuid=uuid, user=user))
            await hub.wait_until_pushed(view.seq)
            is_ours = request.epoch in (None, context.store.epoch)
            recoverable = after_seq is not None and view.reaches_back_to(after_seq) and after_seq <= hub.last_seq
            if not (recoverable and is_ours):
                await self._join_live(hub, view, user, reply)
                return
            subscription = None if view.closed or hub.closed else self._enter(hub, user)
            await reply(self._joined(hub, view, recovered=True))
            await self._catch_up(hub, view, after_seq or 0, subscription)

    async def _join_live(self, hub: Hub, view: LogView, user: User | None, reply: Reply) -> None:
        await self.outbox.wait_for_room()  # so that no broadcast precedes the reply
        if view.closed or hub.closed:
            raise Rejected(ErrorCode.GAME_CLOSED, "this game is closed")
        if hub.game_uuid not in self._held:
            hub.activate(self._enter(hub, user))
        await reply(self._joined(hub, view, recovered=False))

    def _joined(self, hub: Hub, view: LogView, *, recovered: bool) -> GameJoined:
        return GameJoined(
            game_id=hub.game_uuid,
            seq=hub.last_seq,
            recovered=recovered,
            roles=view.roles,
            subscribers=hub.subscribers,
            epoch=self._context.store.epoch,
        )

    def _enter(self, hub: Hub, user: User | None) -> Subscription:
        subscription = Subscription(self, user)
        _, replaced = self._held.get(hub.game_uuid, (hub, None))
        hub.enter(subscription, replaced)
        self._held[hub.game_uuid] = (hub, subscription)
        return subscription

    async def _catch_up(self, hub: Hub, view: LogView, position: int, subscription: Subscription | None) -> None:
        """Send the broadcasts missed, then activate the subscription; None if the game is closed.

        The reply has been sent already: if this fails, the connection is closed, and the client recovers by
        reconnecting.
        """
        try:
            position = await self._recover(hub, view, position)
            if subscription is not None:
                pushed_before = hub.distributions_pushed
                for body in await self._context.store.read(partial(open_distributions, game_id=view.game_id)):
                    await self._send([message_frames(body, self._context.clock.now_ms())])
                await self._recover(hub, view, position)
                hub.activate(subscription)
                hub.push_again(pushed_before)
        except Exception:
            log_failure(
                logger,
                logging.WARNING,
                "recovery_failed",
                "recovery failed: the client must reconnect",
                game=hub.game_uuid,
            )
            close_for_reconnect(self.outbox)

    async def _recover(self, hub: Hub, view: LogView, position: int) -> int:
        """Send the log's broadcasts after ``position`` up to the hub's last one; returns the position reached.

        Raises LookupError if the log has a gap.
        """
        while position < hub.last_seq and self.outbox.closing is None:
            missed = await self._context.store.read(
                partial(
                    list_broadcasts,
                    game_id=view.game_id,
                    after_seq=position,
                    up_to_seq=hub.last_seq,
                    max_bytes=_RECOVERY_BATCH_BYTES,
                )
            )
            if not missed or missed[0].seq != position + 1:
                raise LookupError(f"broadcast {position + 1} was deleted from the log during recovery")
            messages = [message_frames(row.body, row.sent_at, row.seq) for row in missed]
            await self._send(messages, about_all=True)
            position = missed[-1].seq
        return position

    async def _send(self, messages: list[MessageFrames], *, about_all: bool = False) -> None:
        await self._context.compress(messages, self.outbox.compression)
        await self.outbox.send(joined_frames(messages, self.outbox.compression), about_all=about_all)

    async def leave(self, request: LeaveGame, reply: Reply) -> None:
        """End a subscription.

        Raises `Rejected`: ``not_found``, or ``conflict`` if the connection has not joined the game.
        """
        held = self._held.pop(request.game_id, None)
        if held is None:
            if await self._context.store.read(partial(find_game, uuid=request.game_id)) is None:
                raise not_found("game_id", "game")
            raise Rejected(ErrorCode.CONFLICT, "this connection has not joined the game")
        hub, subscription = held
        hub.leave(subscription)
        await reply(GameLeft(game_id=request.game_id))

    def set_user(self, user: User) -> None:
        """Note that the user, present in the games but by a view key, has another name or other roles."""
        for _, subscription in self._held.values():
            if subscription.user is not None:
                subscription.user = user

    def end(self) -> None:
        """End every subscription, since the connection has ended."""
        for hub, subscription in self._held.values():
            hub.leave(subscription)

    def drop(self, game_uuid: str) -> None:
        """Drop the subscription to a game that has ended."""
        self._held.pop(game_uuid, None)
