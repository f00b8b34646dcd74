"""Everything that can be refused: error replies, close codes, and the exceptions that carry a refusal."""

from enum import IntEnum, StrEnum
from typing import Any, TypeVar

ErrorT = TypeVar("ErrorT", bound=Exception)


class ErrorCode(StrEnum):
    """The ``code`` of an error reply (protocol, "Errors").

    ``meaning`` says when it is answered; ``retryable`` whether the same request may succeed if it is sent again.
    """

    meaning: str
    retryable: bool

    def __new__(cls, code: str, meaning: str, retryable: bool = False) -> "ErrorCode":
        """A code of the catalogue."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        member.retryable = retryable
        return member

    BAD_JSON = "bad_json", "the message is not JSON, or nested too deeply"
    BAD_REQUEST = "bad_request", "the message is no object, has no integer `op`, or a header that is no object"
    UNKNOWN_OP = "unknown_op", "no operation has this code"
    UNSUPPORTED_VERSION = "unsupported_version", "`api_version` is of another major version"
    MISSING_PARAMETER = "missing_parameter", "`field` is required"
    INVALID_PARAMETER = "invalid_parameter", "`field` has a value that is not accepted; the text says what is"
    NOT_LOGGED_IN = "not_logged_in", "the connection acts for no user yet"
    NOT_AUTHORIZED = "not_authorized", "the user lacks the role, which the text names"
    NOT_FOUND = "not_found", "`field` names no source, game, pool, bet, event or user"
    GAME_NOT_OPEN = "game_not_open", "the game is upcoming, or its `open_at` has not come"
    GAME_CLOSED = "game_closed", "the game is over"
    SOURCE_CLOSED = "source_closed", "the game source is closed"
    BETTING_BLOCKED = "betting_blocked", "betting in the pool is blocked"
    POOL_RESOLVED = "pool_resolved", "the pool has ended"
    BETTING_ENDED = "betting_ended", "the pool's `stop_accepting_bets_at` has passed"
    BETTING_NOT_STARTED = "betting_not_started", "the pool's `start_at` has not come"
    CONFLICT = "conflict", "another state forbids it, which the text names"
    INSUFFICIENT_FUNDS = "insufficient_funds", "the available balance is too small"
    MANUAL_POOLS_REMAIN = "manual_pools_remain", "the game cannot close yet; `pools` are to be resolved by hand"
    KEY_REUSED = "key_reused", "the idempotency key was used for another request"
    RATE_LIMITED = "rate_limited", "too many requests; nothing was done, wait `retry_after_ms`", True
    BUSY = "busy", "too much waits to be written; nothing was done", True
    STORAGE_UNAVAILABLE = (
        "storage_unavailable",
        "the database failed; whether the request was carried out is unknown: send it again with its `key`",
        True,
    )
    INTERNAL = "internal", "a bug of the server; the text has the incident that is in its log"


class CloseCode(IntEnum):
    """Why the server ends a WebSocket connection (protocol, "Close codes").

    ``meaning`` says when, ``advice`` what a client does then.
    """

    meaning: str
    advice: str

    def __new__(cls, code: int, meaning: str, advice: str) -> "CloseCode":
        """A code of the catalogue."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        member.advice = advice
        return member

    NORMAL = 1000, "the client closed the connection", "nothing"
    GOING_AWAY = 1001, "the server shuts down", "connect again soon, join with `after_seq`"
    PROTOCOL_ERROR = 1002, "the client broke RFC 6455", "mend the client"
    UNSUPPORTED_DATA = 1003, "the client sent a binary message", "send text"
    INVALID_PAYLOAD = 1007, "the client sent text that is not UTF-8", "mend the client"
    MESSAGE_TOO_BIG = 1009, "the client sent a message that is too big", "send less at once"
    LOGON_TIMEOUT = 4001, "the client did not log on in time", "connect again and log on"
    SESSION_ENDED = 4002, "the session key has ended", "get a new session key"
    TOO_SLOW = 4008, "the client did not read what was sent", "connect again, join with `after_seq`"
    COME_AGAIN = 4009, "the server cannot vouch for what it sent", "connect again at once, join with `after_seq`"
    RATE_LIMITED = (
        4029,
        "the client sent nothing but rate-limited requests for 10 s",
        "connect again later, send less",
    )


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
