"""From a request to its handler, and the jobs that carry requests out in the database's threads."""

import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from gameserver.config import Settings
from gameserver.engine.connection import ClientConnection
from gameserver.engine.context import DAY_MS, Change, Committed, Effects, Reading
from gameserver.errors import ErrorCode, Rejected
from gameserver.protocol.betting import PlaceBetInBettingPool
from gameserver.protocol.codec import encode_body
from gameserver.protocol.declare import Kind, Message, Request
from gameserver.protocol.games import (
    AppointAdminForGameByUsername,
    BecomeAnAdminForGame,
)
from gameserver.protocol.registry import OPERATIONS
from gameserver.storage.replies import StoredReply, find_reply, insert_reply
from gameserver.storage.users import User

R = TypeVar("R", bound=Request)
ReadHandler = Callable[[Reading, R], Message]
WriteHandler = Callable[..., Message]
Parser = Callable[[R, Settings], Any]
Parsed = tuple[Any, ...]
ConnectionHandler = Callable[[ClientConnection, R], Awaitable[None]]

READS: dict[type[Request], ReadHandler[Any]] = {}
WRITES: dict[type[Request], WriteHandler] = {}
PARSERS: dict[type[Request], Parser[Any]] = {}
SESSIONS: dict[type[Request], ConnectionHandler[Any]] = {}

# Bets record themselves; who administers a game is no part of its life.
UNRECORDED = frozenset({PlaceBetInBettingPool, BecomeAnAdminForGame, AppointAdminForGameByUsername})

_TABLES: dict[Kind, dict[type[Request], Any]] = {Kind.READ: READS, Kind.WRITE: WRITES, Kind.CONNECTION: SESSIONS}

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
