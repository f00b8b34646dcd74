"""How an operation and a message are declared, and the registry that everything else derives from."""

import re
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Annotated, Any, ClassVar, NamedTuple, TypeVar

import msgspec
from msgspec import Meta

from gameserver.errors import ErrorCode

ERROR_RES = 666


class Role(Enum):
    """Who may call an operation (contract, section 2)."""

    ANYONE = "anyone, before logon too"
    USER = "any user"
    PROVIDER = "a provider"
    SOURCE_ADMIN = "an admin of the source"
    GAME_ADMIN = "an admin of the game"
    GAME_OR_SOURCE_ADMIN = "an admin of the game or of its source"


class Kind(Enum):
    """Where an operation is carried out."""

    READ = "reads the database"
    WRITE = "changes the database; takes an idempotency key"
    SESSION = "concerns the connection itself"


class RequestHeader(msgspec.Struct, frozen=True, omit_defaults=True):
    """The envelope of a request (contract, section 3). Fields not listed are ignored."""

    id: Annotated[str, Meta(max_length=64)] | Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    key: Annotated[str, Meta(max_length=64)] | None = None
    session_key: str | None = None
    api_version: int | float | str | None = None


NO_HEADER = RequestHeader()


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="op"):
    """A request; its subclasses are the operations, their fields the parameters."""

    header: RequestHeader = NO_HEADER


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="res"):
    """A reply or broadcast without its ``response_header``, which is added when it is sent."""

    # Broadcasts that watchers of the game's source get without joining the game.
    for_watchers: ClassVar[bool] = False
    # Refusals are not stored under an idempotency key: they may be tried again.
    is_success: ClassVar[bool] = True
    # The broadcast after which a game has no subscribers.
    ends_subscriptions: ClassVar[bool] = False


class ErrorReply(Message, tag=ERROR_RES, frozen=True, omit_defaults=True):
    """A refusal (contract, section 3)."""

    is_success: ClassVar[bool] = False

    code: str
    text: str
    retryable: bool
    op: int | msgspec.UnsetType | None = msgspec.UNSET
    field: str | None = None
    retry_after_ms: int | None = None
    pools: list[str] | None = None


class Operation(NamedTuple):
    """What is declared of an operation beside its parameters."""

    op: int
    name: str
    request: type[Request]
    by: Role
    kind: Kind
    replies: tuple[type[Message], ...]
    broadcasts: tuple[type[Message], ...]
    errors: tuple[ErrorCode, ...]


OPERATIONS: dict[int, Operation] = {}
MESSAGES: dict[str, type[Message]] = {}

RequestT = TypeVar("RequestT", bound=type[Request])
MessageT = TypeVar("MessageT", bound=type[Message])


def snake_case(name: str) -> str:
    """``ListGameSourcesIAmAdminOf`` → ``list_game_sources_i_am_admin_of``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def tag_of(struct: type[msgspec.Struct]) -> int:
    """The ``op`` of a request or the ``res`` of a message."""
    tag = struct.__struct_config__.tag
    assert isinstance(tag, int)
    return tag


def operation(
    *,
    by: Role,
    kind: Kind,
    replies: Iterable[type[Message]],
    broadcasts: Iterable[type[Message]] = (),
    errors: Iterable[ErrorCode] = (),
) -> Callable[[RequestT], RequestT]:
    """Declare a `Request` as an operation; its name is the class's, in snake case."""

    def register(request: RequestT) -> RequestT:
        op = tag_of(request)
        assert op not in OPERATIONS
        OPERATIONS[op] = Operation(
            op,
            snake_case(request.__name__),
            request,
            by,
            kind,
            tuple(replies),
            tuple(broadcasts),
            tuple(errors),
        )
        return request

    return register


def message(struct: MessageT) -> MessageT:
    """Declare a `Message`; its name is the class's, in snake case."""
    name = snake_case(struct.__name__)
    assert name not in MESSAGES
    MESSAGES[name] = struct
    return struct


def declared(request: Request) -> Operation:
    """The declaration of a request's operation."""
    return OPERATIONS[tag_of(type(request))]


def error_reply(op: int | None, code: ErrorCode, text: str, field: str | None = None, **details: Any) -> ErrorReply:
    """The reply 666 for a refusal."""
    return ErrorReply(op=op, code=code.value, text=text, field=field, retryable=code.retryable, **details)
