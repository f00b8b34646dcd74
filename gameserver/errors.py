"""The catalogues of error codes and close codes, and the exceptions that carry a refusal."""

from collections.abc import Callable
from enum import IntEnum, StrEnum
from typing import Any, TypeVar

T = TypeVar("T")
ErrorT = TypeVar("ErrorT", bound=Exception)


class ErrorCode(StrEnum):
    """The ``code`` of an error reply (protocol, "Errors").

    ``meaning`` says when the server answers it, ``retryable`` whether the same request may succeed when sent again.
    """

    meaning: str
    retryable: bool

    def __new__(cls, code: str, meaning: str, retryable: bool = False) -> "ErrorCode":
        """Make a member whose value is the code alone."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        member.retryable = retryable
        return member

    BAD_JSON = "bad_json", "the message is not JSON, or nested too deeply"
    BAD_REQUEST = "bad_request", "the message is not an object, has no integer `op`, or its `header` is not an object"
    UNKNOWN_OP = "unknown_op", "no operation has this code"
    UNSUPPORTED_VERSION = "unsupported_version", "`api_version` is of another major version"
    MISSING_PARAMETER = "missing_parameter", "`field` is required"
    INVALID_PARAMETER = "invalid_parameter", "`field` has a value that is not accepted; the text says what is"
    NOT_LOGGED_IN = "not_logged_in", "the connection has not logged on"
    NOT_AUTHORIZED = (
        "not_authorized",
        "the user lacks the role that the operation requires, which the text names, or has logged on with a view key",
    )
    NOT_FOUND = "not_found", "`field` does not name an existing source, game, pool, bet, event or user"
    GAME_NOT_OPEN = "game_not_open", "the game is upcoming, or its `open_at` is still to come"
    GAME_CLOSED = "game_closed", "the game is closed"
    SOURCE_CLOSED = "source_closed", "the game source is closed"
    BETTING_BLOCKED = "betting_blocked", "betting in the pool is blocked"
    POOL_RESOLVED = "pool_resolved", "the pool is resolved or voided"
    BETTING_ENDED = "betting_ended", "the pool's `stop_accepting_bets_at` or `finish_at` has passed"
    BETTING_NOT_STARTED = "betting_not_started", "the pool's `start_at` is still to come"
    CONFLICT = "conflict", "the current state forbids the operation; the text says why"
    STAKE_LIMIT = "stake_limit", "the amount is below the pool's `min_stake`, or above what is left of its `max_stake`"
    INSUFFICIENT_FUNDS = "insufficient_funds", "the available balance is less than the amount"
    MANUAL_POOLS_REMAIN = "manual_pools_remain", "the game cannot close yet; resolve the binary `pools` by hand first"
    KEY_REUSED = "key_reused", "the idempotency key was used for a different request"
    RATE_LIMITED = "rate_limited", "too many requests; nothing was done, try again after `retry_after_ms`", True
    BUSY = "busy", "the write queue is full; nothing was done, try again", True
    STORAGE_UNAVAILABLE = (
        "storage_unavailable",
        "the database failed; the request may have been carried out or not: send it again with the same `key`",
        True,
    )
    INTERNAL = "internal", "internal server error; the text names the incident, which is in the server's log"


# The HTTP status of a refusal; that of all others, which a state forbids, is 409.
_STATUSES = {
    ErrorCode.BAD_JSON: 400,
    ErrorCode.BAD_REQUEST: 400,
    ErrorCode.UNKNOWN_OP: 400,
    ErrorCode.UNSUPPORTED_VERSION: 400,
    ErrorCode.MISSING_PARAMETER: 400,
    ErrorCode.INVALID_PARAMETER: 400,
    ErrorCode.NOT_LOGGED_IN: 401,
    ErrorCode.NOT_AUTHORIZED: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.BUSY: 429,
    ErrorCode.STORAGE_UNAVAILABLE: 500,
    ErrorCode.INTERNAL: 500,
}


def http_status(code: ErrorCode) -> int:
    """The HTTP status that a refusal is answered with."""
    return _STATUSES.get(code, 409)


class CloseCode(IntEnum):
    """Why the server ends a WebSocket connection (protocol, "Close codes").

    ``meaning`` says when the server sends it, ``advice`` what a client then does, and whether it reconnects.
    """

    meaning: str
    advice: str

    def __new__(cls, code: int, meaning: str, advice: str) -> "CloseCode":
        """Make a member whose value is the code alone."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        member.advice = advice
        return member

    NORMAL = 1000, "the client closed the connection", "nothing more"
    GOING_AWAY = 1001, "the server shuts down", "reconnect soon, and join with `after_seq`"
    PROTOCOL_ERROR = 1002, "the client violated RFC 6455", "fix the client; reconnecting does not help"
    UNSUPPORTED_DATA = 1003, "the client sent a binary message", "reconnect, and send text messages"
    INVALID_PAYLOAD = 1007, "the client sent text that is not UTF-8", "fix the client; reconnecting does not help"
    MESSAGE_TOO_BIG = (
        1009,
        "the client sent a message longer than `max_message_bytes`",
        "reconnect, and send shorter messages",
    )
    LOGON_TIMEOUT = 4001, "the client did not log on in time", "reconnect and log on"
    SESSION_ENDED = 4002, "the session has expired or was ended", "get a new session key, and reconnect with it"
    TOO_SLOW = 4008, "the client reads more slowly than messages arrive", "reconnect, and join with `after_seq`"
    INSUFFICIENT_STATE = 4009, "the client may have missed messages", "reconnect at once, and join with `after_seq`"
    RATE_LIMITED = (
        4029,
        "the client sent nothing but rate-limited requests for 10 s",
        "reconnect later, and send fewer requests",
    )


class OperatorError(Exception):
    """A failure that the person who runs the server or a command can fix; the text is a sentence that says how."""


class Rejected(ValueError):
    """A refused request: it becomes the error reply 666, and what the request did is undone.

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
    """The error without its traceback if it is a `Rejected`, so that keeping it does not keep the request in memory.

    Any other error is a bug, and keeps the traceback that is to be logged.
    """
    if isinstance(error, Rejected):
        error.__traceback__ = error.__context__ = error.__cause__ = None
    return error


def decide(act: Callable[..., T], *arguments: Any) -> T | Rejected:
    """What ``act`` returns, or the refusal that it raises."""
    try:
        return act(*arguments)
    except Rejected as rejected:
        return without_frames(rejected)


def invalid(field: str, text: str) -> Rejected:
    """The refusal of a parameter's value; ``text`` says what is accepted."""
    return Rejected(ErrorCode.INVALID_PARAMETER, text, field)


def not_found(field: str, what: str) -> Rejected:
    """The refusal of a well-formed id or name that nothing has; ``what`` is the kind of thing looked for."""
    return Rejected(ErrorCode.NOT_FOUND, f"{field} does not name an existing {what}", field)
