"""Running the handlers of reads and writes, in the database's threads."""

from typing import Any

from gameserver.config import Settings
from gameserver.engine.context import DAY_MS, Change, Committed, Effects, Reading
from gameserver.errors import ErrorCode, Rejected
from gameserver.handlers.table import READS, WRITES
from gameserver.protocol.betting import PlaceBetInBettingPool
from gameserver.protocol.codec import encode_body
from gameserver.protocol.declare import Request
from gameserver.protocol.roles import AppointAdminForGameByUsername, BecomeAnAdminForGame, RemoveGameAdmin
from gameserver.storage.connection import Connection
from gameserver.storage.replies import StoredReply, find_reply, insert_reply
from gameserver.storage.users import User

# Bets are stored anyway, and admins of a game do not change how it goes.
NOT_JOURNALED = frozenset({PlaceBetInBettingPool, BecomeAnAdminForGame, AppointAdminForGameByUsername, RemoveGameAdmin})

Parsed = tuple[Any, ...]


def run_read(connection: Connection, request: Request, user: User, now_ms: int, settings: Settings) -> bytes:
    """Carry out a request that reads; the body of its reply. Raises `Rejected`."""
    return encode_body(READS[type(request)](Reading(connection, user, now_ms, settings), request))


def parse(request: Request, settings: Settings) -> Parsed:
    """The parsed parameters of a request, for `run_write`. Raises `Rejected`."""
    parser = WRITES[type(request)].parse
    return () if parser is None else (parser(request, settings),)


def run_write(
    connection: Connection,
    request: Request,
    parsed: Parsed,
    digest: bytes | None,
    user: User,
    now_ms: int,
    settings: Settings,
) -> Committed:
    """Carry out a request that changes the database, once per idempotency key (protocol, "Idempotency").

    Raises `Rejected`.
    """
    key = request.header.key
    if key and digest:
        stored = find_reply(connection, user.id, key, now_ms - settings.reply_days * DAY_MS)
        if stored is not None:
            if stored.digest != digest:
                text = "this key was used for a different request; use a new key for each new request"
                raise Rejected(ErrorCode.KEY_REUSED, text, "header.key")
            return Committed(stored.body, Effects(), repeated=True)
    change = Change(connection, user, now_ms, settings)
    message = WRITES[type(request)].handler(change, request, *parsed)
    if change.game_id is not None and type(request) not in NOT_JOURNALED:
        change.record(change.game_id, request)
    body = encode_body(message)
    if key and digest and message.is_success:
        insert_reply(connection, user.id, key, StoredReply(digest, body), now_ms)
        return Committed(body, change.finish(), stored_bytes=len(body))
    return Committed(body, change.finish())
