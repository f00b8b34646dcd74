"""Everything that can be refused: error replies, close codes, and the exceptions that carry a refusal."""

from enum import IntEnum, StrEnum
from typing import Any, TypeVar

ErrorT = TypeVar("ErrorT", bound=Exception)


class ErrorCode(StrEnum):
    """The ``code`` of an error reply (contract, section 3)."""

    BAD_JSON = "bad_json"
    BAD_REQUEST = "bad_request"
    UNKNOWN_OP = "unknown_op"
    UNSUPPORTED_VERSION = "unsupported_version"
    MISSING_PARAMETER = "missing_parameter"
    INVALID_PARAMETER = "invalid_parameter"
    NOT_LOGGED_IN = "not_logged_in"
    NOT_AUTHORIZED = "not_authorized"
    NOT_FOUND = "not_found"
    GAME_NOT_OPEN = "game_not_open"
    GAME_CLOSED = "game_closed"
    SOURCE_CLOSED = "source_closed"
    BETTING_BLOCKED = "betting_blocked"
    POOL_RESOLVED = "pool_resolved"
    BETTING_ENDED = "betting_ended"
    BETTING_NOT_STARTED = "betting_not_started"
    CONFLICT = "conflict"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    MANUAL_POOLS_REMAIN = "manual_pools_remain"
    KEY_REUSED = "key_reused"
    RATE_LIMITED = "rate_limited"
    BUSY = "busy"
    STORAGE_UNAVAILABLE = "storage_unavailable"
    INTERNAL = "internal"

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed if it is sent again unchanged."""
        return self in _RETRYABLE


_RETRYABLE = frozenset({ErrorCode.RATE_LIMITED, ErrorCode.BUSY, ErrorCode.STORAGE_UNAVAILABLE})


class CloseCode(IntEnum):
    """Why the server ends a WebSocket connection (contract, section 1)."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    INVALID_PAYLOAD = 1007
    MESSAGE_TOO_BIG = 1009
    LOGON_TIMEOUT = 4001
    SESSION_ENDED = 4002
    TOO_SLOW = 4008
    COME_AGAIN = 4009
    RATE_LIMITED = 4029


class OperatorError(Exception):
    """What the person who runs the server or a command can mend; the text says in a sentence what and how."""


class Rejected(ValueError):
    """A request that is refused: becomes the error reply 666 and undoes what the request did.

    A ValueError, so that a declaration's ``__post_init__`` may raise it within msgspec's decoding.

    ``field`` names the parameter at fault, ``text`` is one clear English sentence saying what is
    accepted, ``details`` are further fields of the reply (``retry_after_ms``).
    """

    def __init__(self, code: ErrorCode, text: str, field: str | None = None, **details: Any) -> None:
        super().__init__(code, text, field)
        self.code = code
        self.text = text
        self.field = field
        self.details = details


def without_frames(error: ErrorT) -> ErrorT:
    """An error that is kept, less the frames it was raised in: they hold the request and what was made of it.

    Only a refusal is lightened, of which nobody needs to know where it came from; a bug's frames are to be logged.
    """
    if isinstance(error, Rejected):
        error.__traceback__ = error.__context__ = error.__cause__ = None
    return error


def invalid(field: str, text: str) -> Rejected:
    """The refusal of one parameter's value."""
    return Rejected(ErrorCode.INVALID_PARAMETER, text, field)


def not_found(field: str, what: str) -> Rejected:
    """The refusal of an id that has the right shape and names nothing."""
    return Rejected(ErrorCode.NOT_FOUND, f"{field} names no {what} of this server", field)
