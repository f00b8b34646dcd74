"""What a handler works with: the connection, who asks, when, and what the change makes known."""

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from gameserver.config import Settings
from gameserver.errors import ErrorCode, Rejected, not_found
from gameserver.protocol.betting import NewBet
from gameserver.protocol.codec import encode_body, request_parameters
from gameserver.protocol.declare import Message, Request, Role, declared
from gameserver.storage.broadcasts import insert_broadcast
from gameserver.storage.games import Game, find_game, is_game_admin
from gameserver.storage.journal import insert_journal
from gameserver.storage.ledger import Balances, get_balances
from gameserver.storage.pools import Pool, find_pool
from gameserver.storage.sources import Source, find_source, is_source_admin
from gameserver.storage.users import User

# The "operations" of the journal's rows that nobody has asked for: time acting late, a pool not recreated for a limit.
TIME_PASSED = 0
NOT_RECREATED = -1


class Publication(NamedTuple):
    """A durable broadcast that is on disk, on its way to a game's subscribers and its source's watchers."""

    game_uuid: str
    source_id: int
    seq: int
    sent_at: int
    body: bytes
    for_watchers: bool
    ends_subscriptions: bool
    # The pools it is about, and the one whose distribution is of no interest after it.
    about: tuple[str, ...]
    ends_pool: str | None


class Notice(NamedTuple):
    """A message to every connection of one user."""

    user_id: int
    body: bytes


class Wager(NamedTuple):
    """A bet that was placed, for the pool's next distribution update."""

    game_uuid: str
    pool_uuid: str
    bet: NewBet


class ReopenedPool(NamedTuple):
    """A pool that had ended and is open again: how it is backed is to be told once more."""

    game_uuid: str
    pool_uuid: str


class Effects(msgspec.Struct):
    """What is made known once a change is on disk."""

    publications: list[Publication] = []
    notices: list[Notice] = []
    wagers: list[Wager] = []
    reopened_pools: list[ReopenedPool] = []
    balances: dict[tuple[int, str], Balances] = {}
    ended_sessions: list[str] = []


class Reading:
    """A request that reads."""

    def __init__(self, connection: sqlite3.Connection, user: User, now_ms: int, settings: Settings) -> None:
        self.connection = connection
        self.user = user
        self.now_ms = now_ms
        self.settings = settings
        self.game_id: int | None = None  # the game that the request concerns, once it is known

    def source(self, request: Request, uuid: str) -> Source:
        """The source named by the request, if its declared role lets the user at it.

        Raises `Rejected`: ``not_found``, ``not_authorized``.
        """
        source = find_source(self.connection, uuid)
        if source is None:
            raise not_found("source_id", "game source")
        self.admit(request, source_id=source.id)
        return source

    def game(self, request: Request, uuid: str) -> Game:
        """The game named by the request, likewise."""
        game = find_game(self.connection, uuid)
        if game is None:
            raise not_found("game_id", "game")
        self.admit(request, source_id=game.source_id, game_id=game.id)
        self.game_id = game.id
        return game

    def pool(self, request: Request, uuid: str) -> Pool:
        """The pool named by the request, likewise."""
        pool = find_pool(self.connection, uuid)
        if pool is None:
            raise not_found("pool_id", "pool")
        self.admit(request, game_id=pool.game_id)
        self.game_id = pool.game_id
        return pool

    def admit(self, request: Request, *, source_id: int | None = None, game_id: int | None = None) -> None:
        """Raise ``not_authorized`` unless the user has the role that the operation's declaration asks for."""
        role = declared(request).by
        if role in (Role.ANYONE, Role.USER):
            return
        by_game = role in (Role.GAME_ADMIN, Role.GAME_OR_SOURCE_ADMIN)
        by_source = role in (Role.SOURCE_ADMIN, Role.GAME_OR_SOURCE_ADMIN)
        if (
            (role is Role.PROVIDER and self.user.is_provider)
            or (by_game and game_id is not None and is_game_admin(self.connection, game_id, self.user.id))
            or (by_source and source_id is not None and is_source_admin(self.connection, source_id, self.user.id))
        ):
            return
        raise Rejected(ErrorCode.NOT_AUTHORIZED, f"only {role.value} may do this, and {self.user.username} is none")


class Change(Reading):
    """A request that changes the database, in a savepoint of its own.

    ``now_ms`` is the moment at which the change takes effect, ``sent_at`` that at which it is made known:
    they differ for what fell due while the server was down.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        user: User,
        now_ms: int,
        settings: Settings,
        sent_at: int | None = None,
    ) -> None:
        super().__init__(connection, user, now_ms, settings)
        self.sent_at = now_ms if sent_at is None else sent_at
        self.effects = Effects()
        self._touched: dict[tuple[int, str], None] = {}

    def publish(self, game: Game, message: Message, *, ends_pool: str | None = None) -> int:
        """Log a broadcast with the change itself, to be sent after the commit; returns its seq."""
        body = encode_body(message)
        seq = insert_broadcast(self.connection, game.id, self.sent_at, body)
        self.effects.publications.append(
            Publication(
                game.uuid,
                game.source_id,
                seq,
                self.sent_at,
                body,
                message.for_watchers,
                message.ends_subscriptions,
                message.pools_told_of(),
                ends_pool,
            )
        )
        return seq

    def record(self, game_id: int, request: Request) -> None:
        """Write a request that changes a game into the journal."""
        parameters = request_parameters(request)
        insert_journal(self.connection, game_id, self.now_ms, self.user.id, declared(request).op, parameters)

    def record_delay(self, game_id: int) -> None:
        """Write into the journal that what is due at ``now_ms``, and what follows, is done only at ``sent_at``."""
        parameters = b'{"due_at":%d}' % self.now_ms
        insert_journal(self.connection, game_id, self.sent_at, None, TIME_PASSED, parameters)

    def record_not_recreated(self, pool: Pool) -> None:
        """Write into the journal that a pool is not recreated: the limits may be others when it is lived again."""
        parameters = b'{"pool_id":"%b"}' % pool.uuid.encode()
        insert_journal(self.connection, pool.game_id, self.now_ms, None, NOT_RECREATED, parameters)

    def notify(self, user_id: int, message: Message) -> None:
        """Send a message to every connection of a user after the commit."""
        self.effects.notices.append(Notice(user_id, encode_body(message)))

    def touch_balances(self, currency: str, user_ids: Iterable[int]) -> None:
        """Tell users their balances in a currency after the commit (815), once for all that was changed."""
        for user_id in user_ids:
            self._touched[user_id, currency] = None

    def tell_balances(self, currency: str, held: Balances) -> None:
        """Tell the user what they have after this change, which alters nobody else's money."""
        self.effects.balances[self.user.id, currency] = held

    def touched_balances(self) -> dict[tuple[int, str], Balances]:
        """What the users of `touch_balances` have now."""
        return {(user, currency): get_balances(self.connection, user, currency) for user, currency in self._touched}

    def finish(self) -> Effects:
        """What to make known once the change is on disk."""
        self.effects.balances |= self.touched_balances()
        return self.effects
