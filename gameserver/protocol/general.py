"""Operations of the connection itself (protocol, "Identity")."""

from enum import StrEnum

import msgspec

from gameserver.errors import ErrorCode, Rejected
from gameserver.protocol.declare import Kind, Message, Request, Role, message, operation
from gameserver.protocol.fields import Digest, Nonce, UserId


@message
class Pong(Message, tag=1, frozen=True):
    """The answer to a ping."""


@operation(by=Role.ANYONE, kind=Kind.CONNECTION, replies=[Pong], for_views=True)
class Ping(Request, tag=1, frozen=True):
    """Check that the server answers; the reply's header has its time."""


@message
class Opcodes(Message, tag=2, frozen=True):
    """The numbers of every operation, and of every reply and broadcast, by name."""

    opcodes: dict[str, int]
    response_codes: dict[str, int]


@operation(by=Role.ANYONE, kind=Kind.CONNECTION, replies=[Opcodes], for_views=True)
class GetOpcodes(Request, tag=2, frozen=True):
    """List the operation and response codes."""


class Limits(msgspec.Struct, frozen=True):
    """The server's limits that a client needs to know."""

    max_message_bytes: int
    max_unsent_bytes: int
    max_requests_per_s: int
    ping_interval_s: float
    ping_timeout_s: float
    max_target_depth: int
    max_targets: int
    max_pool_targets: int
    max_actions: int
    max_details_bytes: int
    max_game_admins: int
    presence_detail_limit: int
    game_log_days: int


@message
class LogonSuccess(Message, tag=100, frozen=True):
    """The connection now acts for this user."""

    session_key: str
    user_id: int
    username: str
    limits: Limits


class LogonRefusal(StrEnum):
    """Why a logon failed."""

    BAD_CREDENTIALS = "bad_credentials"
    BANNED = "banned"
    TOO_MANY_CONNECTIONS = "too_many_connections"


@message
class LogonFail(Message, tag=110, frozen=True):
    """The logon failed; the client may try again.

    ``reason`` is ``bad_credentials`` (they match no live session: get a new session key, or use a new nonce),
    ``banned`` or ``too_many_connections`` (the user has as many as are allowed: close one).
    """

    reason: LogonRefusal


@message
class LogonFailAlreadyLoggedIn(Message, tag=112, frozen=True):
    """The connection already acts for a user."""

    user_id: int
    username: str


@operation(
    by=Role.ANYONE,
    kind=Kind.CONNECTION,
    replies=[LogonSuccess, LogonFail, LogonFailAlreadyLoggedIn],
    errors=[ErrorCode.MISSING_PARAMETER, ErrorCode.NOT_FOUND],
)
class Logon(Request, tag=100, frozen=True):
    """Log on: by ``header.session_key``, or by ``id``, ``n`` and ``h`` together.

    ``not_found``: a ``source`` in the connection's URL does not exist.
    """

    id: UserId | None = None
    n: Nonce | None = None
    h: Digest | None = None

    def __post_init__(self) -> None:
        missing = [name for name in ("id", "n", "h") if getattr(self, name) is None]
        if len(missing) in (1, 2):
            text = f"{missing[0]} is required: a logon by digest takes id, n and h together"
            raise Rejected(ErrorCode.MISSING_PARAMETER, text, missing[0])
