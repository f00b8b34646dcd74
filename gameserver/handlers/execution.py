"""Running the handlers of reads and writes, in the database's threads."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from gameserver.config import Settings
from gameserver.engine.context import DAY_MS, NO_AUDIENCE, Audience, Change, Committed, Effects, Reading
from gameserver.errors import ErrorCode, Rejected
from gameserver.handlers.table import READS, WRITES, SetHandler, SetWrite, Write
from gameserver.protocol.administration import ServerStatus
from gameserver.protocol.betting import PlaceBetInBettingPool
from gameserver.protocol.chat import MuteUser, RemoveTextMessage
from gameserver.protocol.closing import is_preview
from gameserver.protocol.codec import encode_body, request_parameters
from gameserver.protocol.declare import ErrorReply, Kind, Message, Request, Role, declared
from gameserver.protocol.registry import OPERATIONS
from gameserver.protocol.roles import AppointAdminForGameByUsername, BecomeAnAdminForGame, RemoveGameAdmin
from gameserver.storage.connection import Connection
from gameserver.storage.jobs import Job, Outcome, Scope, SetJob, Subject, TimedJob
from gameserver.storage.replies import NewReply, StoredReply, find_replies, insert_replies
from gameserver.storage.users import User

# Bets are stored anyway, and neither the admins of a game nor its chat change how it goes.
NOT_JOURNALED = frozenset(
    {
        PlaceBetInBettingPool,
        BecomeAnAdminForGame,
        AppointAdminForGameByUsername,
        RemoveGameAdmin,
        RemoveTextMessage,
        MuteUser,
    }
)

# Acts of admins. An operation that answers who lacks the role otherwise than by a refusal is open to any user.
AUDITED = frozenset(
    operation.request
    for operation in OPERATIONS.values()
    if operation.kind is Kind.WRITE
    and (operation.by not in (Role.ANYONE, Role.USER) or operation.request is BecomeAnAdminForGame)
)

Parsed = tuple[Any, ...]


def run_read(
    connection: Connection,
    request: Request,
    user: User,
    now_ms: int,
    settings: Settings,
    audience: Audience = NO_AUDIENCE,
    status: ServerStatus | None = None,
) -> bytes:
    """Carry out a request that reads; the body of its reply. Raises `Rejected`."""
    reading = Reading(connection, user, now_ms, settings, audience, status)
    return encode_body(READS[type(request)](reading, request))


def admit(connection: Connection, request: Request, user: User, settings: Settings) -> None:
    """Raise ``not_authorized`` unless a user has the role on the server that a request takes."""
    Reading(connection, user, 0, settings).admit(request)


def hashes_password(request: Request) -> bool:
    """Whether the parameters of a request that writes take a password's hash, and so long to parse."""
    operation = WRITES[type(request)]
    hashes = operation.hashes if isinstance(operation, Write) else None
    return hashes is not None and getattr(request, hashes) is not None


def parse(request: Request, settings: Settings) -> Parsed:
    """The parsed parameters of a request, of a `WriteRequest`. Raises `Rejected`."""
    parser = WRITES[type(request)].parse
    return () if parser is None else (parser(request, settings),)


class WriteRequest(NamedTuple):
    """A request that changes the database, as it was received; ``digest`` is None for one without a key.

    ``over_http``: it came over no connection that could join games.
    """

    request: Request
    parsed: Parsed
    digest: bytes | None
    user: User
    now_ms: int
    settings: Settings
    audience: Audience = NO_AUDIENCE
    over_http: bool = False

    @property
    def key(self) -> tuple[int, str] | None:
        """The user and the idempotency key of the request; None if it has no key."""
        key = self.request.header.key
        return (self.user.id, key) if key and self.digest else None


def write_job(write: WriteRequest) -> Job[Committed]:
    """The job that carries out a request, once per idempotency key (protocol, "Idempotency"). It raises `Rejected`."""
    operation = WRITES[type(write.request)]
    if isinstance(operation, SetWrite):
        return SetJob(_CARRY_OUT[type(write.request)], write, _scope_of_set(operation, write))
    return _LoneJob(operation, write)


_SUBJECTS = {"game_id": "games", "pool_id": "pools", "event_id": "events", "bet_id": "bets"}
# The parameters of each request that name something of games, with the tables.
_NAMING = {
    request: [(name, table) for name, table in _SUBJECTS.items() if name in request.__struct_fields__]
    for request in WRITES
}


def _subjects(request: Request) -> tuple[Subject, ...]:
    """All that a request names of games."""
    named = [(table, getattr(request, name)) for name, table in _NAMING[type(request)]]
    return tuple([Subject(table, uuid) for table, uuid in named if uuid is not None])


def _scope_of_set(operation: SetWrite, write: WriteRequest) -> Scope | None:
    """What a frequent change has to itself and shares; None if it may change any game."""
    if operation.games is None:
        subjects = _subjects(write.request)
    else:
        subjects = tuple(Subject("games", uuid) for uuid in operation.games(*write.parsed))
    return Scope(subjects, write.user.id, is_urgent=operation.is_urgent) if subjects else None


class _LoneJob(TimedJob):
    """A request that is carried out by itself."""

    __slots__ = ("_operation", "_write")

    def __init__(self, operation: Write, write: WriteRequest) -> None:
        super().__init__(Scope(_subjects(write.request)) if operation.in_game else None)
        self._operation = operation
        self._write = write

    def __call__(self, connection: Connection) -> Committed:
        def handle(_: Connection, calls: Sequence[Any]) -> list[Any]:
            return [self._operation.handler(*call) for call in calls]

        (outcome,) = _run_distinct(handle, connection, [self._write])
        committed: Committed = outcome.get()
        return committed

    def at(self, now_ms: int) -> "_LoneJob":
        return _LoneJob(self._operation, self._write._replace(now_ms=now_ms))


def _run_set(handler: SetHandler, connection: Connection, writes: Sequence[WriteRequest]) -> list[Outcome]:
    """Carry out requests of one operation, each as if after those before it."""
    return [
        outcome
        for distinct in _split_where_a_key_repeats(writes)
        for outcome in _run_distinct(handler, connection, distinct)
    ]


_CARRY_OUT = {
    request: partial(_run_set, operation.handler)
    for request, operation in WRITES.items()
    if isinstance(operation, SetWrite)
}


def _split_where_a_key_repeats(writes: Sequence[WriteRequest]) -> Iterator[Sequence[WriteRequest]]:
    """Cut before each request with the key of one before it, by whose reply it is answered."""
    start = 0
    seen: set[tuple[int, str]] = set()
    for position, write in enumerate(writes):
        key = write.key
        if key in seen:
            yield writes[start:position]
            start, seen = position, set()
        if key:
            seen.add(key)
    yield writes[start:]


def _run_distinct(handler: SetHandler, connection: Connection, writes: Sequence[WriteRequest]) -> list[Outcome]:
    """Carry out requests of one operation, no two of which have the same key."""
    outcomes = _answer_repeated(connection, writes)
    calls = {
        position: (
            Change(connection, write.user, write.now_ms, write.settings, write.audience, over_http=write.over_http),
            write.request,
            *write.parsed,
        )
        for position, write in enumerate(writes)
        if position not in outcomes
    }
    replies = []
    for (position, call), message in zip(calls.items(), handler(connection, list(calls.values())), strict=True):
        if isinstance(message, Rejected):
            outcomes[position] = Outcome(error=message)
            continue
        write, change = writes[position], call[0]
        _keep(change, write.request, message)
        body = encode_body(message)
        stored_bytes = 0
        if write.key and write.digest and message.is_success:
            replies.append(NewReply(*write.key, write.digest, write.now_ms, body))
            stored_bytes = len(body)
        outcomes[position] = Outcome(Committed(body, change.finish(), change.repeated, stored_bytes))
    if replies:
        insert_replies(connection, replies, writes[0].settings.reply_days * DAY_MS)
    return [outcomes[position] for position in range(len(writes))]


def _keep(change: Change, request: Request, message: Message) -> None:
    """Note a request that has been carried out where it is to be found: in the game's journal, and in the audit."""
    if change.repeated or is_preview(request):
        return
    if change.game_id is not None and type(request) not in NOT_JOURNALED:
        change.record(change.game_id, request)
    # An error reply from here is to a request of which a part is done.
    if type(request) in AUDITED and (message.is_success or isinstance(message, ErrorReply)):
        operation = declared(request)
        change.audit(operation.op, operation.name, request_parameters(request))


def _answer_repeated(connection: Connection, writes: Sequence[WriteRequest]) -> dict[int, Outcome]:
    """The outcomes of the requests whose keys have stored replies, by position."""
    since_ms = {write.key: write.now_ms - write.settings.reply_days * DAY_MS for write in writes if write.key}
    if not since_ms:
        return {}
    stored = find_replies(connection, since_ms)
    return {
        position: _repeat(stored[write.key], write.digest)
        for position, write in enumerate(writes)
        if write.key in stored
    }


def _repeat(stored: StoredReply, digest: bytes | None) -> Outcome:
    if stored.digest != digest:
        text = "this key was used for a different request; use a new key for each new request"
        return Outcome(error=Rejected(ErrorCode.KEY_REUSED, text, "header.key"))
    return Outcome(Committed(stored.body, Effects(), repeated=True))
