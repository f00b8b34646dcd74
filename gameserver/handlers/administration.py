"""Administering users and the server, and reading the audit (protocol, "Administration")."""

import msgspec

from gameserver.config import Settings
from gameserver.domain.money import read_signed_amount, to_minor, to_units
from gameserver.engine.accounts import ban, credit, set_password, set_roles, take_back, unban
from gameserver.engine.context import Change, Reading
from gameserver.engine.passwords import hash_password, normal_password
from gameserver.engine.returning import return_all_stakes
from gameserver.errors import ErrorCode, Rejected, not_found
from gameserver.protocol.administration import (
    AuditEntry,
    AuditLog,
    CreditUser,
    GetAuditLog,
    GetServerStatus,
    HeldBalances,
    ListUsers,
    ServerStatus,
    UpdateUser,
    UserCredited,
    UserEntry,
    UsersList,
    UserUpdated,
)
from gameserver.protocol.fields import LAST_MS
from gameserver.storage.accounts import get_banned_at, get_listed_user, list_held, list_users
from gameserver.storage.audit import first_id_at, list_entries
from gameserver.storage.games import count_open_games, find_game, is_game_admin
from gameserver.storage.ledger import get_balances
from gameserver.storage.sources import find_source
from gameserver.storage.users import User, find_user_by_id, list_usernames

_OPERATOR = "the command line"


def list_users_of_server(reading: Reading, request: ListUsers) -> UsersList:
    """List the users in order of their names, with what they have."""
    reading.admit(request)
    last = get_listed_user(reading.connection, request.after) if request.after is not None else None
    if request.after is not None and last is None:
        raise not_found("after", "user")
    after = last.username if last is not None else ""
    found = list_users(reading.connection, request.search or "", after, request.limit + 1)
    page = found[: request.limit]
    balances: dict[int, dict[str, HeldBalances]] = {user.id: {} for user in page}
    for user_id, currency, available, staked in list_held(reading.connection, balances):
        shown = HeldBalances(to_units(available + staked, currency), to_units(available, currency))
        balances[user_id][currency] = shown
    entries = [
        UserEntry(
            user.id,
            user.username,
            bool(user.is_guest),
            bool(user.is_provider),
            bool(user.is_admin),
            user.banned_at,
            user.created_at,
            user.last_seen_at,
            balances[user.id],
        )
        for user in page
    ]
    return UsersList(users=entries, next=page[-1].id if len(found) > len(page) else None)


def hash_new_password(request: UpdateUser, settings: Settings) -> str | None:
    """The hash of the password that a user is given. Raises ``invalid_parameter``."""
    return None if request.password is None else hash_password(normal_password(request.password))


def update_user(change: Change, request: UpdateUser, password_hash: str | None) -> UserUpdated:
    """Change a user's roles, ban or password, and return its running bets."""
    user = _require_user(change, request)
    if user.id == change.user.id and (request.is_banned or password_hash is not None):
        text = "an admin of the server is banned, or given a password, by another; one's own is set at /r/password/"
        raise Rejected(ErrorCode.CONFLICT, text)
    is_provider = user.is_provider if request.is_provider is None else request.is_provider
    is_admin = user.is_admin if request.is_admin is None else request.is_admin
    if (is_provider, is_admin) != (user.is_provider, user.is_admin):
        set_roles(change, user, is_provider=is_provider, is_admin=is_admin)
        user = user._replace(is_provider=is_provider, is_admin=is_admin)
    if password_hash is not None:
        user = set_password(change, user, password_hash)
    if request.is_banned is not None:
        (ban if request.is_banned else unban)(change, user)
    bets = return_all_stakes(change, user.id) if request.void_bets else 0
    return UserUpdated(
        user_id=user.id,
        username=user.username,
        is_guest=user.is_guest,
        is_provider=is_provider,
        is_admin=is_admin,
        banned_at=get_banned_at(change.connection, user.id),
        bets=bets,
    )


def _require_user(change: Change, request: UpdateUser | CreditUser) -> User:
    """The user that the request names. Raises ``not_found``, and ``not_authorized`` for who is no admin."""
    user = find_user_by_id(change.connection, request.user_id)
    if user is None:
        raise not_found("user_id", "user")
    change.admit(request)
    return user


def parse_credit(request: CreditUser, settings: Settings) -> int:
    """The amount in minor units, below zero if it is to be taken back. Raises `Rejected`."""
    units = read_signed_amount(request.amount, "amount")
    minor = to_minor(units if units > 0 else -units, request.currency, "amount")
    return minor if units > 0 else -minor


def credit_user(change: Change, request: CreditUser, minor: int) -> UserCredited:
    """Give a user an amount, or take one back."""
    user = _require_user(change, request)
    if minor > 0:
        credit(change, user.id, minor, request.currency)
    else:
        minor = -take_back(change, user.id, -minor, request.currency)
    held = get_balances(change.connection, user.id, request.currency)
    return UserCredited(
        user_id=user.id,
        amount=to_units(minor, request.currency),
        currency=request.currency,
        current_balance=to_units(held.available + held.staked, request.currency),
        available_balance=to_units(held.available, request.currency),
    )


def get_server_status(reading: Reading, request: GetServerStatus) -> ServerStatus:
    """Read how the server fares."""
    reading.admit(request)
    assert reading.status is not None
    return msgspec.structs.replace(reading.status, games_open=count_open_games(reading.connection))


def get_audit_log(reading: Reading, request: GetAuditLog) -> AuditLog:
    """List acts of admins, newest first."""
    game = find_game(reading.connection, request.game_id) if request.game_id is not None else None
    if request.game_id is not None and game is None:
        raise not_found("game_id", "game")
    source = find_source(reading.connection, request.source_id) if request.source_id is not None else None
    if request.source_id is not None and source is None:
        raise not_found("source_id", "game source")
    if request.user_id is not None and not list_usernames(reading.connection, [request.user_id]):
        raise not_found("user_id", "user")
    if game is None or not is_game_admin(reading.connection, game.id, reading.user.id):
        reading.admit(request)
    before = request.before
    found = list_entries(
        reading.connection,
        user_id=request.user_id,
        source_id=source.id if source is not None else None,
        game_id=game.id if game is not None else None,
        before=first_id_at(before) if before is not None and before <= LAST_MS else before,
        limit=request.limit + 1,
    )
    page = found[: request.limit]
    entries = [
        AuditEntry(
            entry.id,
            entry.at,
            entry.user_id,
            entry.username or _OPERATOR,
            entry.op,
            entry.name,
            msgspec.Raw(entry.parameters.encode()),
            entry.game_uuid,
        )
        for entry in page
    ]
    return AuditLog(entries=entries, next=page[-1].id if len(found) > len(page) else None)
