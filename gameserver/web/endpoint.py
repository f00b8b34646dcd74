"""What an endpoint is: a row of the table."""

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from inspect import cleandoc
from types import MappingProxyType
from typing import NamedTuple

import msgspec
from starlette.responses import Response

from gameserver.errors import ErrorCode
from gameserver.protocol.declare import Request, snake_case
from gameserver.web.call import HttpCall

NOTHING_RENAMED: Mapping[str, str] = MappingProxyType({})


class Access(Enum):
    """Who may use an endpoint."""

    ANYONE = "anybody"
    READER = "anybody where `public_reads` is set, else a user"
    USER = "a user"


class Endpoint(NamedTuple):
    """An endpoint: ``handle`` answers, or raises `Rejected`; the first line of its docstring says what it does.

    A ``{user_id}`` in the path must be that of the user who asks. ``request`` is the operation that it carries out, in
    whose body parameters have the names that ``renamed`` maps to those of the operation. An endpoint that is none says
    what its ``body`` and ``reply`` are, None for nothing, and with what ``errors`` it may refuse.
    """

    methods: tuple[str, ...]
    path: str
    handle: Callable[[HttpCall], Awaitable[Response]]
    access: Access = Access.USER
    request: type[Request] | None = None
    renamed: Mapping[str, str] = NOTHING_RENAMED
    body: type[msgspec.Struct] | None = None
    reply: type[msgspec.Struct] | None = None
    errors: tuple[ErrorCode, ...] = ()

    @property
    def summary(self) -> str:
        """One sentence that says what it does."""
        described = self.handle if self.request is None else self.request
        return cleandoc(described.__doc__ or "").partition("\n")[0]

    @property
    def name(self) -> str:
        """The name of its operation, or that of the function."""
        return snake_case(self.request.__name__) if self.request is not None else str(self.handle.__name__)
