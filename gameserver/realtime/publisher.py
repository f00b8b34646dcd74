"""Publishes committed changes, and contains bugs in doing so.

A committed change cannot be undone, so a bug after the commit costs connections and nothing else. It is caught around
each unit of work: a change in the `Publisher`, a push in the game's hub, a recovery in the connection's
`Subscriptions`, a reply in its `RequestPipeline`. There it is logged with its traceback, every connection that may have
missed messages is closed with 4009 (`gameserver.net.outbox.close_for_reconnect`), so that the client reconnects and
joins with ``after_seq``, and tasks that wait for the push are woken. The writer and all other connections go on.
"""

import itertools
import logging

import msgspec

from gameserver.domain.money import to_units
from gameserver.engine.context import Committed, Effects, Publication, WithEffects
from gameserver.net.outbox import close_for_reconnect
from gameserver.ops.log import log_failure
from gameserver.protocol.betting import BalanceUpdate
from gameserver.protocol.codec import encode_body
from gameserver.realtime.clock import Clock
from gameserver.realtime.connections import ConnectionRegistry
from gameserver.realtime.details_cache import DetailsCache
from gameserver.realtime.hubs import Hubs
from gameserver.realtime.pushing import message_frames
from gameserver.storage.ledger import Balances

logger = logging.getLogger(__name__)


class Publisher:
    """Publishes the effects of committed changes to games, users and sessions. Never raises."""

    def __init__(self, hubs: Hubs, details: DetailsCache, registry: ConnectionRegistry, clock: Clock) -> None:
        self._hubs = hubs
        self._details = details
        self._registry = registry
        self._clock = clock

    def __call__(self, result: object) -> None:
        """Publish the result of a committed job, if it has effects."""
        if isinstance(result, Committed):
            effects = result.effects
        elif isinstance(result, WithEffects):
            effects = msgspec.structs.replace(result.effects, ended_sessions=[])
        else:
            return
        try:
            self._publish(effects)
        except Exception:
            text = "a committed change could not be published: its receivers must reconnect"
            log_failure(logger, logging.ERROR, "internal_error", text)
            self._close_affected(effects)

    def close_all(self) -> None:
        """Close every connection, each of which may have missed anything: changes are lost that cannot be published."""
        self._details.invalidate_all()
        for connection in self._registry.all_connections():
            close_for_reconnect(connection.outbox)

    def _publish(self, effects: Effects) -> None:
        if effects.renamed_source:
            self._details.invalidate_all()
        for publication in effects.publications:
            self._details.invalidate(publication.game_uuid)
            self._hubs.publish(publication)
            if publication.concerned:
                self._tell_concerned(publication)
        for notice in effects.notices:
            message = message_frames(notice.body, self._clock.now_ms())
            for connection in self._registry.of_user(notice.user_id):
                connection.outbox.push(message.of(connection.outbox.compression))
        for (user_id, currency), held in effects.balances.items():
            self._push_balance(user_id, currency, held)
        for announcement in effects.announcements:
            self._hubs.announce(announcement)
        for bet in effects.bets:
            self._hubs.note_bet(bet)
        for reopened in effects.reopened_pools:
            self._hubs.note_reopened(reopened)
        for user in effects.changed_users:
            self._registry.update_user(user)
        for game_uuid in effects.ranked_games:
            self._hubs.note_ranking(game_uuid)
        for session_id in effects.ended_sessions:
            self._registry.end_session(session_id)

    def _tell_concerned(self, publication: Publication) -> None:
        """Push a broadcast, without its seq, to connections of the users concerned that do not get it anyway."""
        told = self._hubs.outboxes_of(publication)
        message = message_frames(publication.body, publication.sent_at)
        for user_id in publication.concerned:
            for connection in self._registry.of_user(user_id):
                if connection.outbox not in told:
                    connection.outbox.push(message.of(connection.outbox.compression))

    def _close_affected(self, effects: Effects) -> None:
        """Close every connection that may have missed an effect of a change."""
        if effects.renamed_source:
            self._details.invalidate_all()
        for publication in effects.publications:
            self._details.invalidate(publication.game_uuid)
            self._hubs.skip(publication)
        games = {bet.game_uuid for bet in effects.bets} | {pool.game_uuid for pool in effects.reopened_pools}
        for game_uuid in games | {announcement.game_uuid for announcement in effects.announcements}:
            self._hubs.close_subscribers(game_uuid)
        for session_id in effects.ended_sessions:
            self._registry.end_session(session_id)
        users = {notice.user_id for notice in effects.notices} | {user_id for user_id, _ in effects.balances}
        for connection in itertools.chain.from_iterable(map(self._registry.of_user, users)):
            close_for_reconnect(connection.outbox)

    def _push_balance(self, user_id: int, currency: str, held: Balances) -> None:
        connections = self._registry.of_user(user_id)
        if connections:
            update = BalanceUpdate(
                current_balance=to_units(held.available + held.staked, currency),
                available_balance=to_units(held.available, currency),
                currency=currency,
            )
            message = message_frames(encode_body(update), self._clock.now_ms())
            for connection in connections:
                connection.outbox.push(message.of(connection.outbox.compression))
