"""The games that one connection has joined: joining, missing nothing, leaving (contract, sections 5 and 7)."""

import logging
from collections.abc import Awaitable, Callable
from functools import partial

from gameserver.errors import ErrorCode, Rejected, not_found
from gameserver.handlers.betting import open_distributions
from gameserver.handlers.joining import LogView, view_log
from gameserver.protocol.declare import Message
from gameserver.protocol.games import GameJoined, GameLeft, JoinGame, LeaveGame
from gameserver.realtime.hub import Hub, Subscription, message_frame
from gameserver.realtime.logs import log_failure
from gameserver.realtime.outbox import Outbox, send_away
from gameserver.realtime.services import Services
from gameserver.storage.broadcasts import list_broadcasts
from gameserver.storage.games import find_game
from gameserver.storage.users import User

logger = logging.getLogger(__name__)

_RECOVERY_BATCH_BYTES = 262_144

Reply = Callable[[Message], Awaitable[None]]


class Memberships:
    """A connection's subscriptions, at most one a game.

    Implements `gameserver.realtime.hub.Listener`. ``reply`` answers the request that a method carries out.
    """

    __slots__ = ("_held", "_services", "outbox")

    def __init__(self, services: Services, outbox: Outbox) -> None:
        self.outbox = outbox
        self._services = services
        self._held: dict[str, tuple[Hub, Subscription]] = {}

    async def join(self, request: JoinGame, user: User, reply: Reply) -> None:
        """Subscribe, after the broadcasts missed since ``after_seq``."""
        services, uuid, after_seq = self._services, request.game_id, request.after_seq
        await services.catch_up(services.clock.now_ms())
        with services.hubs.hold(uuid) as hub:
            view = await services.store.read(partial(view_log, game_uuid=uuid))
            await hub.reach(view.seq)
            recoverable = after_seq is not None and view.reaches_back_to(after_seq) and after_seq <= hub.last_seq
            if not recoverable:
                await self._join_live(hub, user, reply, is_closed=view.closed)
                return
            subscription = None if view.closed or hub.closed else self._enter(hub, user)
            await reply(GameJoined(game_id=uuid, seq=hub.last_seq, recovered=True))
            await self._catch_up(hub, view, after_seq or 0, subscription)

    async def _join_live(self, hub: Hub, user: User, reply: Reply, *, is_closed: bool) -> None:
        await self.outbox.wait_for_room()  # so that nothing comes between the subscription and its reply
        if is_closed or hub.closed:
            raise Rejected(ErrorCode.GAME_CLOSED, "this game is closed")
        if hub.game_uuid not in self._held:
            hub.activate(self._enter(hub, user))
        await reply(GameJoined(game_id=hub.game_uuid, seq=hub.last_seq, recovered=False))

    def _enter(self, hub: Hub, user: User) -> Subscription:
        subscription = Subscription(self, user)
        _, replaced = self._held.get(hub.game_uuid, (hub, None))
        hub.enter(subscription, replaced)
        self._held[hub.game_uuid] = (hub, subscription)
        return subscription

    async def _catch_up(self, hub: Hub, view: LogView, position: int, subscription: Subscription | None) -> None:
        """Send what was missed, and make the subscription active; a closed game has none.

        The request has been answered: if this fails, the connection ends, and the client may come again.
        """
        try:
            position = await self._recover(hub, view, position)
            if subscription is not None:
                told = hub.distributions_told
                for body in await self._services.store.read(partial(open_distributions, game_id=view.game_id)):
                    await self.outbox.send(message_frame(body, self._services.clock.now_ms()))
                await self._recover(hub, view, position)
                hub.activate(subscription)
                hub.tell_again(told)
        except Exception:
            log_failure(logger, logging.WARNING, "recovery_failed", "a recovery failed", game=hub.game_uuid)
            send_away(self.outbox)

    async def _recover(self, hub: Hub, view: LogView, position: int) -> int:
        """Send the log's broadcasts after ``position``, until nothing is left that was pushed meanwhile.

        Returns the position reached.
        """
        while position < hub.last_seq and self.outbox.closing is None and not self.outbox.dead:
            missed = await self._services.store.read(
                partial(
                    list_broadcasts,
                    game_id=view.game_id,
                    after_seq=position,
                    up_to_seq=hub.last_seq,
                    max_bytes=_RECOVERY_BATCH_BYTES,
                )
            )
            if not missed or missed[0].seq != position + 1:
                raise LookupError(f"the log lost broadcast {position + 1} while it was read")
            frames = b"".join(message_frame(row.body, row.sent_at, row.seq) for row in missed)
            await self.outbox.send(frames, about_all=True)
            position = missed[-1].seq
        return position

    async def leave(self, request: LeaveGame, reply: Reply) -> None:
        """End a subscription."""
        held = self._held.pop(request.game_id, None)
        if held is None:
            if await self._services.store.read(partial(find_game, uuid=request.game_id)) is None:
                raise not_found("game_id", "game")
            raise Rejected(ErrorCode.CONFLICT, "this connection has not joined the game")
        hub, subscription = held
        hub.leave(subscription)
        await reply(GameLeft(game_id=request.game_id))

    def end(self) -> None:
        """The connection has ended: leave every game."""
        for hub, subscription in self._held.values():
            hub.leave(subscription)

    def forget(self, game_uuid: str) -> None:
        """The game is over: the subscription has ended."""
        self._held.pop(game_uuid, None)
