"""Declaring operations and messages, and the registry that everything else derives from."""

import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from enum import Enum
from itertools import islice
from typing import Annotated, Any, ClassVar, NamedTuple, Self, TypeVar

import msgspec
from msgspec import Meta

from gameserver.errors import ErrorCode, Rejected

ERROR_RES = 666


class Role(Enum):
    """Who may call an operation (protocol, "Roles")."""

    ANYONE = "anyone, before logon too"
    USER = "any user"
    PROVIDER = "a provider"
    SERVER_ADMIN = "an admin of the server"
    SOURCE_ADMIN = "an admin of the source"
    GAME_ADMIN = "an admin of the game"
    GAME_OR_SOURCE_ADMIN = "an admin of the game or of its source"


class Kind(Enum):
    """What an operation works on, which decides where it runs."""

    READ = "reads the database"
    WRITE = "changes the database; takes an idempotency key"
    CONNECTION = "concerns connections and sessions"


class RequestHeader(msgspec.Struct, frozen=True, omit_defaults=True):
    """The envelope of a request (protocol, "Envelope"). Fields not listed are ignored."""

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
    # A refusal is not stored under an idempotency key: the request may be tried again.
    is_success: ClassVar[bool] = True
    # The broadcast after which a game has no subscribers.
    ends_subscriptions: ClassVar[bool] = False
    # The broadcast after which a game that had none may have subscribers again.
    resumes_subscriptions: ClassVar[bool] = False
    # The lists and objects of which only the first entries are sent where all would not fit into a message.
    cuts: ClassVar[tuple[str, ...]] = ()

    def pools_shown(self) -> tuple[str, ...]:
        """The ids of the pools whose state the message shows or changes."""
        if isinstance(pool_id := getattr(self, "pool_id", None), str):
            return (pool_id,)
        pools = getattr(self, "pools", None)
        return tuple(pools) if isinstance(pools, dict | list) else ()

    def cut(self, share: float) -> Self:
        """A shorter message, with about that share of the entries that may be left out; a page's ``next`` follows suit.

        Raises `Rejected` (``conflict``) if there is nothing left to leave out.
        """
        is_page = "next" in self.__struct_fields__
        parts = {name: first_part(getattr(self, name), share) for name in self.cuts if getattr(self, name)}
        if not any(parts.values() if is_page else parts):
            raise Rejected(
                ErrorCode.CONFLICT,
                "the reply would exceed the longest message; request less at once",
            )
        if is_page:
            (part,) = parts.values()
            parts["next"] = list(part)[-1] if isinstance(part, dict) else part[-1].id
        return msgspec.structs.replace(self, **parts)


def first_part(whole: Any, share: float) -> Any:
    """The first entries of a list or an object: about that share of them, and at least one fewer."""
    kept = min(int(len(whole) * share), len(whole) - 1)
    return dict(islice(whole.items(), kept)) if isinstance(whole, dict) else whole[:kept]


class ErrorReply(Message, tag=ERROR_RES, frozen=True, omit_defaults=True):
    """A refusal (protocol, "Errors")."""

    is_success: ClassVar[bool] = False

    code: str
    text: str
    retryable: bool
    op: int | msgspec.UnsetType | None = msgspec.UNSET
    field: str | None = None
    retry_after_ms: int | None = None
    pools: list[str] | None = None
    event_id: str | None = None
    asked: Decimal | None = None
    available: Decimal | None = None
    min_stake: Decimal | None = None
    max_stake: Decimal | None = None
    left: Decimal | None = None


class Operation(NamedTuple):
    """The declaration of an operation; its parameters are the fields of ``request``.

    ``for_views``: view keys are served it too, since it shows everybody the same and changes only the connection.
    """

    op: int
    name: str
    request: type[Request]
    by: Role
    kind: Kind
    replies: tuple[type[Message], ...]
    broadcasts: tuple[type[Message], ...]
    errors: tuple[ErrorCode, ...]
    for_views: bool


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
    for_views: bool = False,
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
            for_views,
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
