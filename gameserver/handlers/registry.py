"""From a request to its handler, and the jobs that carry requests out in the database's threads."""

import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol, TypeVar

from gameserver.config import Settings
from gameserver.errors import ErrorCode, Rejected
from gameserver.handlers.context import Change, Effects, Reading
from gameserver.protocol.betting import PlaceBetInBettingPool
from gameserver.protocol.codec import encode_body
from gameserver.protocol.declare import Kind, Message, Request
from gameserver.protocol.games import JoinGame, LeaveGame
from gameserver.protocol.general import Limits, LogonRefusal
from gameserver.protocol.registry import OPERATIONS
from gameserver.protocol.roles import AppointAdminForGameByUsername, BecomeAnAdminForGame, RemoveGameAdmin
from gameserver.storage.replies import StoredReply, find_reply, insert_reply
from gameserver.storage.users import Session, User

DAY_MS = 86_400_000


class Credentials(NamedTuple):
    """How a client proves who it is: a session key, or a digest made with one."""

    key: str | None = None
    user_id: int = 0
    nonce: str = ""
    proof: str = ""


class Login(NamedTuple):
    """A proof that was accepted: the live session, and its key."""

    session: Session
    key: str


class Conversation(Protocol):
    """What the handlers of `Kind.SESSION` operations need of a connection."""

    @property
    def user(self) -> User | None:
        """Who the connection acts for."""

    @property
    def limits(self) -> Limits:
        """The server's limits."""

    async def reply(self, message: Message) -> None:
        """Answer the request."""

    async def log_on(self, credentials: Credentials) -> Login | LogonRefusal:
        """Act for the user that the credentials prove, or say why not."""

    async def join(self, request: JoinGame) -> None:
        """Subscribe, and answer the request."""

    async def leave(self, request: LeaveGame) -> None:
        """End a subscription, and answer the request."""


R = TypeVar("R", bound=Request)
ReadHandler = Callable[[Reading, R], Message]
WriteHandler = Callable[..., Message]
Parser = Callable[[R, Settings], Any]
Parsed = tuple[Any, ...]
SessionHandler = Callable[[Conversation, R], Awaitable[None]]

READS: dict[type[Request], ReadHandler[Any]] = {}
WRITES: dict[type[Request], WriteHandler] = {}
PARSERS: dict[type[Request], Parser[Any]] = {}
SESSIONS: dict[type[Request], SessionHandler[Any]] = {}

# Bets record themselves; who administers a game is no part of its life.
UNRECORDED = frozenset({PlaceBetInBettingPool, BecomeAnAdminForGame, AppointAdminForGameByUsername, RemoveGameAdmin})

_TABLES: dict[Kind, dict[type[Request], Any]] = {Kind.READ: READS, Kind.WRITE: WRITES, Kind.SESSION: SESSIONS}

HandlerT = TypeVar("HandlerT", bound=Callable[..., Any])


def handles(request: type[Request], parser: Parser[Any] | None = None) -> Callable[[HandlerT], HandlerT]:
    """Register the handler of an operation, in the table of its declared kind.

    What ``parser`` makes of the parameters is the handler's third argument: parameters are looked at before
    the reply that may be stored under the request's key, which comes before everything else (section 3), and before
    the request is given to the writer, which others wait for.
    """

    def register(handler: HandlerT) -> HandlerT:
        kind = OPERATIONS[request.__struct_config__.tag].kind  # type: ignore[index]
        assert request not in _TABLES[kind]
        _TABLES[kind][request] = handler
        if parser is not None:
            PARSERS[request] = parser
        return handler

    return register


class Committed(NamedTuple):
    """A change that is on disk: the reply's body, and what to make known.

    ``stored_bytes`` is what has been stored to repeat the reply with.
    """

    body: bytes
    effects: Effects
    repeated: bool = False
    stored_bytes: int = 0


def run_read(connection: sqlite3.Connection, request: Request, user: User, now_ms: int, settings: Settings) -> bytes:
    """The body of the reply to a request that reads."""
    return encode_body(READS[type(request)](Reading(connection, user, now_ms, settings), request))


def parse(request: Request, settings: Settings) -> Parsed:
    """What `run_write` needs to have been made of a request's parameters. Raises `Rejected`."""
    parser = PARSERS.get(type(request))
    return () if parser is None else (parser(request, settings),)


def run_write(
    connection: sqlite3.Connection,
    request: Request,
    parsed: Parsed,
    digest: bytes | None,
    user: User,
    now_ms: int,
    settings: Settings,
) -> Committed:
    """Carry out a request that changes something, once per idempotency key (contract, section 8)."""
    key = request.header.key
    if key and digest:
        stored = find_reply(connection, user.id, key, now_ms - settings.reply_days * DAY_MS)
        if stored is not None:
            if stored.digest != digest:
                text = "this key was used for another request; take a new key for each new request"
                raise Rejected(ErrorCode.KEY_REUSED, text, "header.key")
            return Committed(stored.body, Effects(), repeated=True)
    change = Change(connection, user, now_ms, settings)
    message = WRITES[type(request)](change, request, *parsed)
    if change.game_id is not None and type(request) not in UNRECORDED:
        change.record(change.game_id, request)
    body = encode_body(message)
    if key and digest and message.is_success:
        insert_reply(connection, user.id, key, StoredReply(digest, body), now_ms)
        return Committed(body, change.finish(), stored_bytes=len(body))
    return Committed(body, change.finish())
