"""Making, changing, banning and deleting users (protocol, "Accounts"), whoever asks for it."""

import re
import secrets
import string
from collections.abc import Iterable
from decimal import Decimal

import msgspec

from gameserver.domain.money import DEFAULT_CURRENCY, MAX_SUM_MINOR, read_amount, to_minor
from gameserver.engine.context import DAY_MS, Change
from gameserver.engine.sessions import NewSession, new_session
from gameserver.errors import ErrorCode, Rejected, invalid
from gameserver.protocol.fields import USERNAME_PATTERN
from gameserver.protocol.friends import FriendChange, FriendsChanged
from gameserver.storage.accounts import (
    delete_old_login_addresses,
    has_other_admin,
    list_abandoned_guests,
    update_banned,
    update_deleted,
    update_password,
    update_roles,
)
from gameserver.storage.boards import promote
from gameserver.storage.ledger import get_balances, get_minted, insert_credit, take_credit
from gameserver.storage.social import forget_social, list_acquainted
from gameserver.storage.users import (
    User,
    delete_expired_sessions,
    delete_sessions,
    find_user_by_id,
    get_session,
    insert_user,
    is_name_taken,
    list_session_ids,
    update_username,
)

LOGIN_ADDRESS_MS = 30 * DAY_MS  # for so long a user is known where it has logged in from
_DELETED = "deleted-"
_GUEST = "guest-"
_GUEST_CHARACTERS = string.ascii_lowercase + string.digits


def require_username(username: str) -> None:
    """Raise ``invalid_parameter`` unless a user may have this name."""
    if not re.match(USERNAME_PATTERN, username):
        raise invalid("username", "a username is 1 to 32 letters from a to z, digits, '_', '-' or '.'")
    if username.lower().startswith(_DELETED):
        raise invalid("username", f"a username does not begin with {_DELETED}, as those of deleted users do")


def name_taken(username: str) -> Rejected:
    """The refusal of a name that another user has."""
    return Rejected(ErrorCode.CONFLICT, f"the username {username} is taken", "username")


def add_user(
    change: Change,
    username: str,
    *,
    is_provider: bool = False,
    is_admin: bool = False,
    password_hash: str | None = None,
) -> User:
    """Make a user, with what new users have.

    Raises ``invalid_parameter``, and ``conflict`` for a name that is taken.
    """
    require_username(username)
    user = insert_user(
        change.connection, username, is_provider, change.now_ms, is_admin=is_admin, password_hash=password_hash
    )
    if user is None:
        raise name_taken(username)
    _give(change, user, change.settings.starting_balance)
    return user


def add_guest(change: Change, username: str | None) -> User:
    """Make a guest, by a name of its choice or one that is free. Raises as `add_user` does."""
    if username is None:
        username = _free_name(change)
    require_username(username)
    user = insert_user(change.connection, username, False, change.now_ms, is_guest=True)
    if user is None:
        raise name_taken(username)
    _give(change, user, change.settings.guest_starting_balance)
    return user


def _free_name(change: Change) -> str:
    while True:
        name = _GUEST + "".join(secrets.choice(_GUEST_CHARACTERS) for _ in range(6))
        if not is_name_taken(change.connection, name):
            return name


def _give(change: Change, user: User, balance: str) -> None:
    if Decimal(balance):
        credit(change, user.id, to_credit(balance, DEFAULT_CURRENCY), DEFAULT_CURRENCY)


def to_credit(amount: str, currency: str) -> int:
    """An amount in units, as an operator or a setting gives it, in minor units. Raises ``invalid_parameter``."""
    return to_minor(read_amount(msgspec.Raw(msgspec.json.encode(amount)), "amount"), currency, "amount")


def credit(change: Change, user_id: int, minor: int, currency: str) -> None:
    """Mint an amount, in minor units, for a user. Raises ``invalid_parameter``."""
    if get_minted(change.connection, currency) + minor > MAX_SUM_MINOR:
        raise invalid("amount", f"amount is too large: the total of {currency} could not be counted exactly")
    insert_credit(change.connection, user_id, currency, minor, change.now_ms)
    _tell_balances(change, user_id, currency)


def take_back(change: Change, user_id: int, minor: int, currency: str) -> int:
    """Move up to an amount, in minor units, from what a user has available back to the mint; returns how much."""
    taken = max(0, min(minor, get_balances(change.connection, user_id, currency).available))
    if taken:
        take_credit(change.connection, user_id, currency, taken, change.now_ms)
        _tell_balances(change, user_id, currency)
    return taken


def _tell_balances(change: Change, user_id: int, currency: str) -> None:
    """Send a user the balances of a currency, as they are now, after the commit."""
    change.effects.balances[user_id, currency] = get_balances(change.connection, user_id, currency)


def open_session(change: Change, user: User, secret: bytes) -> NewSession:
    """Start a session of a user; the oldest ends beyond the limit. Raises ``conflict`` for a user who is banned."""
    if user.is_banned:
        raise Rejected(ErrorCode.CONFLICT, f"{user.username} is banned and cannot log on")
    session = new_session(change.connection, user, secret, change.settings, change.now_ms)
    change.effects.ended_sessions += session.ended
    return session


def end_session(change: Change, session_id: str) -> bool:
    """End a live session; False if there is none."""
    session = get_session(change.connection, session_id, change.now_ms)
    if session is None:
        return False
    delete_sessions(change.connection, [session_id])
    change.effects.ended_sessions.append(session_id)
    delete_abandoned_guests(change, [session.user.id])
    return True


def end_sessions(change: Change, user_id: int, *, keep: str | None = None) -> None:
    """End a user's sessions and view keys, but for the session ``keep``."""
    ended = [session_id for session_id in list_session_ids(change.connection, user_id) if session_id != keep]
    delete_sessions(change.connection, ended)
    change.effects.ended_sessions += ended
    delete_abandoned_guests(change, [user_id])


def set_password(
    change: Change, user: User, password_hash: str, *, keep: str | None = None, username: str | None = None
) -> User:
    """Give a user a password, and end all sessions but ``keep``; returns the user as it is then.

    A guest becomes a full account, and may take another name with it. Raises as `add_user` does.
    """
    if username is not None and username != user.username:
        if not user.is_guest:
            raise Rejected(ErrorCode.CONFLICT, "only a guest takes another name, once, with its first password")
        require_username(username)
        if username.lower() != user.username.lower() and is_name_taken(change.connection, username):
            raise name_taken(username)
        update_username(change.connection, user.id, username)
    update_password(change.connection, user.id, password_hash)
    if user.is_guest:
        promote(change.connection, user.id)
    end_sessions(change, user.id, keep=keep)
    return _changed(change, user)


def set_roles(change: Change, user: User, *, is_provider: bool, is_admin: bool) -> None:
    """Set a user's roles on the server. Raises ``conflict`` for its last admin."""
    if not is_admin:
        _require_other_admin(change, user)
    update_roles(change.connection, user.id, is_provider=is_provider, is_admin=is_admin)
    _changed(change, user)


def ban(change: Change, user: User) -> None:
    """Ban a user: its sessions and view keys end at once. Raises ``conflict`` for the server's last admin.

    The sessions' rows stay until `unban`, so that who tries to log on by one is told of the ban.
    """
    if user.is_banned:
        return
    _require_other_admin(change, user)
    update_banned(change.connection, user.id, change.now_ms)
    change.effects.ended_sessions += list_session_ids(change.connection, user.id)


def unban(change: Change, user: User) -> None:
    """Lift a user's ban; no session from before is valid again."""
    if user.is_banned:
        update_banned(change.connection, user.id, None)
        delete_sessions(change.connection, list_session_ids(change.connection, user.id))


def _require_other_admin(change: Change, user: User) -> None:
    """Raise ``conflict`` if the server would have no admin without this user."""
    if user.is_admin and not has_other_admin(change.connection, user.id):
        text = f"{user.username} is the last admin of the server; make another user one first"
        raise Rejected(ErrorCode.CONFLICT, text)


def delete_user(change: Change, user: User) -> None:
    """Delete a user: nobody can log in as it, its name is free; its bets and the ledger stay, under ``deleted-ID``.

    Who was its friend, or about to be, is told so by the name that it had. Raises ``conflict`` for the server's last
    admin.
    """
    _require_other_admin(change, user)
    connection = change.connection
    for other_id in list_acquainted(connection, user.id, change.now_ms):
        told = FriendsChanged(user_id=user.id, username=user.username, change=FriendChange.REMOVED)
        change.notify(other_id, told)
    update_username(connection, user.id, _name_of_deleted(change, user.id))
    update_deleted(connection, user.id, change.now_ms)
    forget_social(connection, user.id)
    ended = list_session_ids(connection, user.id)
    delete_sessions(connection, ended)
    change.effects.ended_sessions += ended


def _name_of_deleted(change: Change, user_id: int) -> str:
    """The name of a deleted user; an old database may have a user who has it."""
    name = f"{_DELETED}{user_id}"
    while is_name_taken(change.connection, name):
        name += "."
    return name


def delete_abandoned_guests(change: Change, user_ids: Iterable[int]) -> None:
    """Delete those of the users who are guests without a session, who cannot come back, and without a bet."""
    for user_id in list_abandoned_guests(change.connection, user_ids):
        user = find_user_by_id(change.connection, user_id)
        assert user is not None
        delete_user(change, user)


def delete_what_expired(change: Change, limit: int) -> int:
    """Delete up to ``limit`` expired sessions, and where users have logged in from; returns the greater number.

    Guests whose last session expired are deleted with it, unless they have a bet.
    """
    users = delete_expired_sessions(change.connection, change.now_ms, limit)
    delete_abandoned_guests(change, users)
    addresses = delete_old_login_addresses(change.connection, change.now_ms - LOGIN_ADDRESS_MS, limit)
    return max(len(users), addresses)


def _changed(change: Change, user: User) -> User:
    """The user as it is now, which its connections are to know after the commit."""
    changed = find_user_by_id(change.connection, user.id)
    assert changed is not None
    change.effects.changed_users.append(changed)
    return changed
