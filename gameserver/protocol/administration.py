"""Operations of admins of the server, and the audit (protocol, "Administration")."""

from decimal import Decimal

import msgspec

from gameserver.domain.money import DEFAULT_CURRENCY
from gameserver.errors import ErrorCode
from gameserver.protocol.betting import BalanceUpdate, BettingPoolBetsDistributionUpdate
from gameserver.protocol.declare import Kind, Message, Request, Role, message, operation
from gameserver.protocol.fields import (
    AuditCursor,
    Currency,
    Flag,
    PageSize,
    Password,
    Search,
    SignedNumber,
    Text,
    UserId,
    Uuid,
)


class HeldBalances(msgspec.Struct, frozen=True):
    """A user's balances in a currency: current is available and staked together."""

    current_balance: Decimal
    available_balance: Decimal


class UserEntry(msgspec.Struct, frozen=True):
    """A user in a list: ``balances`` by currency, times in epoch milliseconds."""

    user_id: int
    username: str
    is_guest: bool
    is_provider: bool
    is_admin: bool
    banned_at: int | None
    created_at: int
    last_seen_at: int | None
    balances: dict[str, HeldBalances]

    @property
    def id(self) -> int:
        """What a page that ends here goes on after."""
        return self.user_id


@message
class UsersList(Message, tag=1000, frozen=True):
    """Users in order of their names; ``next`` is the ``after`` of the next page, or null."""

    cuts = ("users",)

    users: list[UserEntry]
    next: int | None


@operation(by=Role.SERVER_ADMIN, kind=Kind.READ, replies=[UsersList], errors=[ErrorCode.NOT_FOUND])
class ListUsers(Request, tag=1000, frozen=True):
    """List the users, or those whose names begin with ``search``, in order of their names; deleted ones are left out.

    ``last_seen_at`` is when a user last logged on, or the last of its connections ended.
    """

    search: Search | None = None
    limit: PageSize = 100
    after: UserId | None = None


@message
class UserUpdated(Message, tag=1001, frozen=True):
    """The user as it is now; ``bets`` is how many running bets were returned."""

    user_id: int
    username: str
    is_guest: bool
    is_provider: bool
    is_admin: bool
    banned_at: int | None
    bets: int


@operation(
    by=Role.SERVER_ADMIN,
    kind=Kind.WRITE,
    replies=[UserUpdated],
    broadcasts=[BettingPoolBetsDistributionUpdate, BalanceUpdate],
    errors=[ErrorCode.NOT_FOUND, ErrorCode.CONFLICT],
)
class UpdateUser(Request, tag=1001, frozen=True):
    """Give a user a role or take it away, ban it or let it back, give it a password, or return its running bets.

    A ban and a new password end the user's sessions and view keys (4002). ``void_bets`` returns the stakes of all its
    running bets, as if they had been cancelled. The last admin of the server stays one.
    """

    user_id: UserId
    is_provider: Flag | None = None
    is_admin: Flag | None = None
    is_banned: Flag | None = None
    password: Password | None = None
    void_bets: Flag = False


@message
class UserCredited(Message, tag=1002, frozen=True):
    """The balances are what they are now; ``amount`` is what was given, or below zero what was taken."""

    user_id: int
    amount: Decimal
    currency: str
    current_balance: Decimal
    available_balance: Decimal


@operation(
    by=Role.SERVER_ADMIN,
    kind=Kind.WRITE,
    replies=[UserCredited],
    broadcasts=[BalanceUpdate],
    errors=[ErrorCode.NOT_FOUND],
)
class CreditUser(Request, tag=1002, frozen=True):
    """Give a user an amount from the mint; a negative one goes back there, at most what is available."""

    user_id: UserId
    amount: SignedNumber
    currency: Currency = DEFAULT_CURRENCY
    reason: Text | None = None


@message
class ServerStatus(Message, tag=1003, frozen=True):
    """What the server does now; what is per second, and the greatest delay of the event loop, of the last 10 seconds.

    ``subscribers`` counts connections by the games they have joined, ``deliveries_per_s`` broadcasts by their
    receivers. ``commit_p99_ms`` is what 99 of 100 of the last transactions stayed below; null before the first.
    """

    version: str
    started_at: int
    connections: int
    users_online: int
    games_open: int
    subscribers: int
    requests_per_s: float
    bets_per_s: float
    deliveries_per_s: float
    loop_delay_ms: float
    commit_p99_ms: float | None
    database_bytes: int
    log_bytes: int
    waiting_writes: int


@operation(by=Role.SERVER_ADMIN, kind=Kind.READ, replies=[ServerStatus])
class GetServerStatus(Request, tag=1003, frozen=True):
    """Read how the server fares."""


class AuditEntry(msgspec.Struct, frozen=True):
    """An act of an admin: the operation with its parameters, secrets left out, in a game if it concerns one.

    One of the command line has neither ``user_id`` nor ``op``.
    """

    id: int
    at: int
    user_id: int | None
    username: str
    op: int | None
    name: str
    parameters: msgspec.Raw
    game_id: str | None


@message
class AuditLog(Message, tag=1004, frozen=True):
    """Acts of admins, newest first; ``next`` is the ``before`` of the next page, or null."""

    cuts = ("entries",)

    entries: list[AuditEntry]
    next: int | None


@operation(by=Role.SERVER_ADMIN, kind=Kind.READ, replies=[AuditLog], errors=[ErrorCode.NOT_FOUND])
class GetAuditLog(Request, tag=1004, frozen=True):
    """List what admins have done, all of them or a user, and in a source or a game.

    With a ``game_id`` it may also be an admin of that game who asks.
    """

    game_id: Uuid | None = None
    source_id: Uuid | None = None
    user_id: UserId | None = None
    limit: PageSize = 100
    before: AuditCursor | None = None
