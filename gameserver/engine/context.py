"""What a handler works with: the database, the user, the time, and the effects to publish after the commit."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from gameserver.config import Settings
from gameserver.engine.tally import Tally
from gameserver.errors import ErrorCode, Rejected, not_found
from gameserver.protocol.administration import ServerStatus
from gameserver.protocol.codec import encode_body, request_parameters
from gameserver.protocol.declare import Message, Request, Role, declared
from gameserver.protocol.pools import ShownBet
from gameserver.storage.audit import NewEntry, insert_entry
from gameserver.storage.broadcasts import insert_broadcasts
from gameserver.storage.connection import Connection
from gameserver.storage.games import Game, find_game, is_game_admin, list_game_uuids
from gameserver.storage.journal import insert_journal
from gameserver.storage.ledger import Balances, list_balances_of_pool
from gameserver.storage.pools import Pool, find_pool
from gameserver.storage.sources import Source, find_source, is_source_admin
from gameserver.storage.users import User, find_user_by_id

DAY_MS = 86_400_000
# The op of journal rows that no request causes: a timer that ran late, a pool that a limit kept from recreation, and
# bets that an admin of the server returned.
TIME_PASSED = 0
NOT_RECREATED = -1
RETURNED = -2


class Publication(NamedTuple):
    """A durable broadcast for a game's subscribers, and for its source's watchers if it is ``for_watchers``.

    ``about`` names the pools it shows, ``ends_pool`` the pool whose distribution updates end with it. ``concerned`` are
    the users whose connections get it, without its seq, though it does not reach them otherwise.
    """

    game_uuid: str
    source_id: int
    seq: int
    sent_at: int
    body: bytes
    for_watchers: bool
    ends_subscriptions: bool
    about: tuple[str, ...]
    ends_pool: str | None
    concerned: tuple[int, ...] = ()
    resumes_subscriptions: bool = False


class Broadcast(NamedTuple):
    """A message to a game's subscribers, encoded, and what else `Publication` says of it."""

    body: bytes
    kind: type[Message]
    about: tuple[str, ...]
    ends_pool: str | None = None
    concerned: tuple[int, ...] = ()


class Notice(NamedTuple):
    """A message to every connection of a user."""

    user_id: int
    body: bytes


class Announcement(NamedTuple):
    """A broadcast that is not durable, for a game's subscribers but the users ``but_for``."""

    game_uuid: str
    body: bytes
    but_for: frozenset[int]


class PoolBet(NamedTuple):
    """A placed bet, or None for a cancelled one, for the next distribution update of its pool."""

    game_uuid: str
    pool_uuid: str
    bet: ShownBet | None


class ReopenedPool(NamedTuple):
    """A pool that is open again, for which a distribution update is due."""

    game_uuid: str
    pool_uuid: str


class Effects(msgspec.Struct):
    """The messages and updates to publish once a change is committed."""

    publications: list[Publication] = []
    notices: list[Notice] = []
    announcements: list[Announcement] = []
    bets: list[PoolBet] = []
    reopened_pools: list[ReopenedPool] = []
    ranked_games: list[str] = []
    balances: dict[tuple[int, str], Balances] = {}
    ended_sessions: list[str] = []
    changed_users: list[User] = []
    renamed_source: bool = False


class Committed(NamedTuple):
    """A committed change: the reply's body, and the effects to publish.

    ``repeated``: the reply is that of an earlier request with the same key. ``stored_bytes`` is the size of the reply
    that was stored under the key.
    """

    body: bytes
    effects: Effects
    repeated: bool = False
    stored_bytes: int = 0


class WithEffects(NamedTuple):
    """The result of a job that answers no request, with its effects.

    The connections here of the sessions that it has ended its caller closes, in its own time.
    """

    result: Any
    effects: Effects


class Audience(Protocol):
    """Who is connected and has joined which games; may be asked in any thread."""

    def subscribers_of(self, game_uuid: str) -> int:
        """The number of connections that have joined a game."""

    def games_of(self, user_id: int) -> list[str]:
        """The ids of the games that a user is present in."""

    def is_online(self, user_id: int) -> bool:
        """Whether a user is connected, view keys aside."""


class _EmptyAudience:
    """The audience where nobody can be connected."""

    def subscribers_of(self, game_uuid: str) -> int:
        return 0

    def games_of(self, user_id: int) -> list[str]:
        return []

    def is_online(self, user_id: int) -> bool:
        return False


NO_AUDIENCE: Audience = _EmptyAudience()


class Reading:
    """The context of a request that reads the database."""

    def __init__(
        self,
        connection: Connection,
        user: User,
        now_ms: int,
        settings: Settings,
        audience: Audience = NO_AUDIENCE,
        status: ServerStatus | None = None,
    ) -> None:
        self.connection = connection
        self.audience = audience
        self.status = status  # the server's, for who asks for it
        self.user = user
        self.now_ms = now_ms
        self.settings = settings
        # What the request concerns; None until it is found, the source of a game stays so.
        self.source_id: int | None = None
        self.game_id: int | None = None

    def source(self, request: Request, uuid: str) -> Source:
        """The source that the request names.

        Raises ``not_found``, and ``not_authorized`` if the user lacks the role that the operation requires.
        """
        source = find_source(self.connection, uuid)
        if source is None:
            raise not_found("source_id", "game source")
        self.admit(request, source_id=source.id)
        self.source_id = source.id
        return source

    def game(self, request: Request, uuid: str) -> Game:
        """The game that the request names.

        Raises ``not_found``, and ``not_authorized`` if the user lacks the role that the operation requires.
        """
        game = find_game(self.connection, uuid)
        if game is None:
            raise not_found("game_id", "game")
        self.admit(request, source_id=game.source_id, game_id=game.id)
        self.game_id = game.id
        return game

    def pool(self, request: Request, uuid: str) -> Pool:
        """The pool that the request names.

        Raises ``not_found``, and ``not_authorized`` if the user lacks the role that the operation requires.
        """
        pool = find_pool(self.connection, uuid)
        if pool is None:
            raise not_found("pool_id", "pool")
        self.admit(request, game_id=pool.game_id)
        self.game_id = pool.game_id
        return pool

    def admit(self, request: Request, *, source_id: int | None = None, game_id: int | None = None) -> None:
        """Raise ``not_authorized`` unless the user has the role that the operation requires (protocol, "Roles")."""
        role = declared(request).by
        if role in (Role.ANYONE, Role.USER):
            return
        by_game = role in (Role.GAME_ADMIN, Role.GAME_OR_SOURCE_ADMIN)
        by_source = role in (Role.SOURCE_ADMIN, Role.GAME_OR_SOURCE_ADMIN)
        if (
            (role in (Role.PROVIDER, Role.SERVER_ADMIN) and self._has_role_on_server(role))
            or (by_game and game_id is not None and is_game_admin(self.connection, game_id, self.user.id))
            or (by_source and source_id is not None and is_source_admin(self.connection, source_id, self.user.id))
        ):
            return
        text = f"this operation requires {role.value}; {self.user.username} is not one"
        raise Rejected(ErrorCode.NOT_AUTHORIZED, text)

    def _has_role_on_server(self, role: Role) -> bool:
        """Whether the user has a role on the server now, whatever it had when it logged on."""
        user = find_user_by_id(self.connection, self.user.id)
        return user is not None and (user.is_admin if role is Role.SERVER_ADMIN else user.is_provider)


class Change(Reading):
    """The context of a change to the database, which runs in a savepoint of its own.

    ``now_ms`` is when the change takes effect, ``sent_at`` when it is published, both in epoch milliseconds: they
    differ for timers that fell due while the server was down. ``over_http``: the request came
    over no connection that could join games.
    """

    def __init__(
        self,
        connection: Connection,
        user: User,
        now_ms: int,
        settings: Settings,
        audience: Audience = NO_AUDIENCE,
        *,
        sent_at: int | None = None,
        over_http: bool = False,
    ) -> None:
        super().__init__(connection, user, now_ms, settings, audience)
        self.over_http = over_http
        self.sent_at = now_ms if sent_at is None else sent_at
        self.effects = Effects()
        self.tally = Tally()
        self.repeated = False  # whether nothing is changed, since the request asks for what has been done already
        self._changed_balances: dict[tuple[int, str], set[int]] = {}
        self._read_balances: dict[tuple[int, str], Balances] | None = None

    def publish(
        self, game: Game, message: Message, *, ends_pool: str | None = None, concerned: Iterable[int] = ()
    ) -> None:
        """Log a broadcast in the same transaction, to be sent after the commit."""
        broadcast = Broadcast(encode_body(message), type(message), message.pools_shown(), ends_pool, tuple(concerned))
        self.publish_all(game, [broadcast])

    def publish_all(self, game: Game, broadcasts: Sequence[Broadcast]) -> None:
        """Log broadcasts, at least one, in the same transaction, to be sent after the commit in order."""
        seqs = insert_broadcasts(self.connection, game.id, self.sent_at, [sent.body for sent in broadcasts])
        self.effects.publications += [
            Publication(
                game.uuid,
                game.source_id,
                seq,
                self.sent_at,
                sent.body,
                sent.kind.for_watchers,
                sent.kind.ends_subscriptions,
                sent.about,
                sent.ends_pool,
                sent.concerned,
                sent.kind.resumes_subscriptions,
            )
            for seq, sent in zip(seqs, broadcasts, strict=True)
        ]

    def record(self, game_id: int, request: Request) -> None:
        """Append a request that changes a game to the journal."""
        parameters = request_parameters(request)
        insert_journal(self.connection, game_id, self.now_ms, self.user.id, declared(request).op, parameters)

    def audit(self, op: int | None, name: str, parameters: bytes) -> None:
        """Record an act of an admin: of the user, or without an ``op`` a command of the command line."""
        user_id = None if op is None else self.user.id
        about = (self.source_id, self.game_id)
        insert_entry(self.connection, NewEntry(self.now_ms, user_id, op, name, parameters.decode(), *about))

    def record_delay(self, game_id: int) -> None:
        """Append to the journal that what was due at ``now_ms``, and what follows, happens only at ``sent_at``."""
        parameters = b'{"due_at":%d}' % self.now_ms
        insert_journal(self.connection, game_id, self.sent_at, None, TIME_PASSED, parameters)

    def record_not_recreated(self, pool: Pool) -> None:
        """Append to the journal that a pool is not recreated, since a replay may run under other limits."""
        parameters = b'{"pool_id":"%b"}' % pool.uuid.encode()
        insert_journal(self.connection, pool.game_id, self.now_ms, None, NOT_RECREATED, parameters)

    def record_returned(self, game_id: int, user_id: int, bet_uuids: list[str]) -> None:
        """Append to the journal that running bets of a user in a pool are returned by an admin of the server."""
        parameters = msgspec.json.encode({"user_id": user_id, "bet_ids": bet_uuids})
        insert_journal(self.connection, game_id, self.now_ms, None, RETURNED, parameters)

    def notify(self, user_id: int, message: Message) -> None:
        """Send a message to every connection of a user after the commit."""
        self.effects.notices.append(Notice(user_id, encode_body(message)))

    def announce(self, game: Game, message: Message, *, but_for: Iterable[int] = ()) -> None:
        """Send a broadcast that is not durable to a game's subscribers, but for some users, after the commit."""
        self.effects.announcements.append(Announcement(game.uuid, encode_body(message), frozenset(but_for)))

    def mark_balances_changed(self, pool: Pool, user_ids: Iterable[int]) -> None:
        """Send bettors of a pool their balances after the commit (815), once however often they have changed."""
        self._changed_balances.setdefault((pool.id, pool.currency), set()).update(user_ids)
        self._read_balances = None

    def set_own_balances(self, currency: str, balances: Balances) -> None:
        """Send the user their balances after the commit, without reading them: the caller knows what they are."""
        self.effects.balances[self.user.id, currency] = balances

    def changed_balances(self) -> dict[tuple[int, str], Balances]:
        """The balances now of those that `mark_balances_changed` was called for, by user and currency."""
        if self._read_balances is None:
            self._read_balances = {}
            for (pool_id, currency), users in self._changed_balances.items():
                if all((user, currency) in self._read_balances for user in users):
                    continue
                for user, balances in list_balances_of_pool(self.connection, pool_id, currency).items():
                    if user in users:
                        self._read_balances[user, currency] = balances
        return self._read_balances

    def finish(self) -> Effects:
        """Store what is kept until the end, and return the effects to publish once the change is committed."""
        ranked = self.tally.store(self.connection, self.now_ms)
        if ranked:
            self.effects.ranked_games = list_game_uuids(self.connection, ranked)
        self.effects.balances |= self.changed_balances()
        return self.effects
