"""Making known what is on disk, and what becomes of a bug in that.

What is committed cannot be undone, so a bug after the commit costs connections and nothing else. It is caught where
one thing is told: one change in the `Announcer`, one push in the game's hub, one recovery in the connection's
memberships, one reply in its answering. It is logged there with its traceback, everybody who may have missed something
is closed with 4009 (`gameserver.realtime.outbox.send_away`) and comes again with ``after_seq``, and whoever waits for
the thing to be told is woken. The writer goes on, and so do those whom the change does not concern.
"""

import itertools
import logging

from gameserver.domain.money import to_units
from gameserver.handlers.context import Effects
from gameserver.handlers.registry import Committed
from gameserver.protocol.betting import BalanceUpdate
from gameserver.protocol.codec import encode_body
from gameserver.realtime.clock import Clock
from gameserver.realtime.details import Details
from gameserver.realtime.directory import Directory
from gameserver.realtime.hub import message_frame
from gameserver.realtime.hubs import Hubs
from gameserver.realtime.logs import log_failure
from gameserver.realtime.outbox import send_away
from gameserver.storage.ledger import Balances

logger = logging.getLogger(__name__)


class Announcer:
    """Makes known what committed changes have to tell: to games, to users, to ended sessions. Never raises."""

    def __init__(self, hubs: Hubs, details: Details, directory: Directory, clock: Clock) -> None:
        self._hubs = hubs
        self._details = details
        self._directory = directory
        self._clock = clock

    def __call__(self, result: object) -> None:
        """Take the result of a job that was committed."""
        if not isinstance(result, Committed):
            return
        try:
            self._announce(result.effects)
        except Exception:
            text = "a change that is on disk could not be told: those whom it concerns come again"
            log_failure(logger, logging.ERROR, "internal_error", text)
            self._send_away(result.effects)

    def _announce(self, effects: Effects) -> None:
        for publication in effects.publications:
            self._details.forget(publication.game_uuid)
            self._hubs.publish(publication)
        for notice in effects.notices:
            frame = message_frame(notice.body, self._clock.now_ms())
            for connection in self._directory.of_user(notice.user_id):
                connection.outbox.push(frame)
        for (user_id, currency), held in effects.balances.items():
            self._tell_balance(user_id, currency, held)
        for wager in effects.wagers:
            self._hubs.note_bet(wager)
        for reopened in effects.reopened_pools:
            self._hubs.note_reopened(reopened)
        for session_id in effects.ended_sessions:
            self._directory.end_session(session_id)

    def _send_away(self, effects: Effects) -> None:
        """Close whoever may have missed something of a change."""
        for publication in effects.publications:
            self._details.forget(publication.game_uuid)
            self._hubs.give_up(publication)
        games = {wager.game_uuid for wager in effects.wagers} | {pool.game_uuid for pool in effects.reopened_pools}
        for game_uuid in games:
            self._hubs.send_away(game_uuid)
        for session_id in effects.ended_sessions:
            self._directory.end_session(session_id)
        users = {notice.user_id for notice in effects.notices} | {user_id for user_id, _ in effects.balances}
        for connection in itertools.chain.from_iterable(map(self._directory.of_user, users)):
            send_away(connection.outbox)

    def _tell_balance(self, user_id: int, currency: str, held: Balances) -> None:
        connections = self._directory.of_user(user_id)
        if connections:
            update = BalanceUpdate(
                current_balance=to_units(held.available + held.staked, currency),
                available_balance=to_units(held.available, currency),
                currency=currency,
            )
            frame = message_frame(encode_body(update), self._clock.now_ms())
            for connection in connections:
                connection.outbox.push(frame)
