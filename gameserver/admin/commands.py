"""The commands that change or list users, session keys and sources (protocol, "Command line")."""

import re
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec

from gameserver.config import Settings
from gameserver.domain.credentials import session_id_of
from gameserver.domain.money import (
    CURRENCY_PATTERN,
    DEFAULT_CURRENCY,
    MAX_SUM_MINOR,
    read_amount,
    to_minor,
    to_units,
)
from gameserver.engine.context import Committed, Effects
from gameserver.engine.roles import make_source_admin
from gameserver.engine.sessions import new_session
from gameserver.errors import ErrorCode, Rejected, invalid, not_found
from gameserver.protocol.fields import USERNAME_PATTERN
from gameserver.storage.connection import Connection
from gameserver.storage.ledger import get_balances, get_minted, insert_credit
from gameserver.storage.sources import find_source, list_sources
from gameserver.storage.store import Store
from gameserver.storage.users import (
    User,
    delete_sessions,
    find_user,
    insert_user,
    list_session_ids,
)


class Command(msgspec.Struct, frozen=True, tag_field="command", tag=True):
    """The base class of commands."""


class KeyCommand(Command, frozen=True):
    """The base class of commands that need the server's secret, since they make or read a session key."""


class AddUser(KeyCommand, frozen=True):
    """Make a user and a session key."""

    username: str
    is_provider: bool = False


class ReplaceKeys(KeyCommand, frozen=True):
    """Make a new session key for a user and end all other keys of the user."""

    username: str


class OpenSession(KeyCommand, frozen=True):
    """Make an additional session key for a user."""

    username: str


class EndSession(KeyCommand, frozen=True):
    """End one session key."""

    session_key: str


class ListSources(Command, frozen=True):
    """List all game sources with their admins."""


class CreditUser(Command, frozen=True):
    """Give a user an amount, in units of a currency, from the mint."""

    username: str
    amount: str
    currency: str


class AddSourceAdminByName(Command, frozen=True):
    """Make a user an admin of a source."""

    source_id: str
    username: str


class _Admin:
    """The state of a command in progress: what it needs, and the sessions and balances it has changed."""

    def __init__(self, connection: Connection, secret: bytes | None, settings: Settings, now_ms: int) -> None:
        self.connection = connection
        self._secret = secret
        self.settings = settings
        self.now_ms = now_ms
        self.ended: list[str] = []
        self.touched: list[tuple[int, str]] = []

    @property
    def secret(self) -> bytes:
        assert self._secret is not None
        return self._secret

    def existing_user(self, username: str) -> User:
        user = find_user(self.connection, username)
        if user is None:
            raise not_found("username", "user")
        return user

    def open_session(self, user: User) -> dict[str, Any]:
        session = new_session(self.connection, user.id, self.secret, self.settings, self.now_ms)
        self.ended += session.ended
        return {"id": user.id, "username": user.username, "session_key": session.key}


def _add_user(admin: _Admin, command: AddUser) -> dict[str, Any]:
    if not re.match(USERNAME_PATTERN, command.username):
        raise invalid("username", "a username is 1 to 32 letters, digits, '_', '-' or '.'")
    user = insert_user(admin.connection, command.username, command.is_provider, admin.now_ms)
    if user is None:
        raise Rejected(ErrorCode.CONFLICT, f"the user {command.username} exists already; 'user key' makes a new key")
    if Decimal(admin.settings.starting_balance):
        _grant(admin, user, admin.settings.starting_balance, DEFAULT_CURRENCY)
    return admin.open_session(user)


def _grant(admin: _Admin, user: User, amount: str, currency: str) -> None:
    text = msgspec.Raw(msgspec.json.encode(amount))
    minor = to_minor(read_amount(text, "amount"), currency, "amount")
    if get_minted(admin.connection, currency) + minor > MAX_SUM_MINOR:
        raise invalid("amount", f"amount is too large: the total of {currency} could not be counted exactly")
    insert_credit(admin.connection, user.id, currency, minor, admin.now_ms)
    admin.touched.append((user.id, currency))


def _credit_user(admin: _Admin, command: CreditUser) -> dict[str, Any]:
    if not re.match(CURRENCY_PATTERN, command.currency):
        raise invalid("currency", "a currency is 3 to 10 upper-case letters or digits, the first a letter")
    user = admin.existing_user(command.username)
    _grant(admin, user, command.amount, command.currency)
    held = get_balances(admin.connection, user.id, command.currency)
    available = to_units(held.available, command.currency)
    return {"username": user.username, "currency": command.currency, "available_balance": str(available)}


def _replace_keys(admin: _Admin, command: ReplaceKeys) -> dict[str, Any]:
    user = admin.existing_user(command.username)
    admin.ended += list_session_ids(admin.connection, user.id)
    delete_sessions(admin.connection, admin.ended)
    return admin.open_session(user)


def _open_session(admin: _Admin, command: OpenSession) -> dict[str, Any]:
    return admin.open_session(admin.existing_user(command.username))


def _end_session(admin: _Admin, command: EndSession) -> dict[str, Any]:
    session_id = session_id_of(admin.secret, command.session_key)
    if session_id is not None:
        delete_sessions(admin.connection, [session_id])
        admin.ended.append(session_id)
    return {}


def _list_sources(admin: _Admin, command: ListSources) -> dict[str, Any]:
    return {
        "sources": [
            {"id": source.uuid, "name": source.name, "closed": source.closed_at is not None, "admins": admins}
            for source, admins in list_sources(admin.connection)
        ]
    }


def _add_source_admin(admin: _Admin, command: AddSourceAdminByName) -> dict[str, Any]:
    source = find_source(admin.connection, command.source_id)
    if source is None:
        raise not_found("source_id", "game source")
    user = admin.existing_user(command.username)
    make_source_admin(admin.connection, source, user)
    return {"source_id": source.uuid, "username": user.username}


_ACTIONS: dict[type[Command], Callable[[_Admin, Any], dict[str, Any]]] = {
    AddUser: _add_user,
    CreditUser: _credit_user,
    ReplaceKeys: _replace_keys,
    OpenSession: _open_session,
    EndSession: _end_session,
    ListSources: _list_sources,
    AddSourceAdminByName: _add_source_admin,
}

decode_command: Callable[[bytes], Command] = msgspec.json.Decoder(
    AddUser | CreditUser | ReplaceKeys | OpenSession | EndSession | ListSources | AddSourceAdminByName
).decode


class CommandRunner:
    """Carries out commands inside a running server, through its writer."""

    def __init__(self, store: Store, secret: bytes, settings: Settings, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._secret = secret
        self._settings = settings
        self._now_ms = now_ms

    async def carry_out(self, command: Command) -> bytes:
        """Carry out a command and return its answer, a JSON object. Raises `Rejected`."""
        now_ms = self._now_ms()
        job = partial(perform, command=command, secret=self._secret, settings=self._settings, now_ms=now_ms)
        return (await self._store.write(job, now_ms)).body


def perform(
    connection: Connection, command: Command, secret: bytes | None, settings: Settings, now_ms: int
) -> Committed:
    """Carry out a command; the body of the result is its answer. A `KeyCommand` needs the secret. Raises `Rejected`."""
    admin = _Admin(connection, secret, settings, now_ms)
    answer = _ACTIONS[type(command)](admin, command)
    return Committed(msgspec.json.encode(answer), _effects(admin))


def _effects(admin: _Admin) -> Effects:
    balances = {(user, currency): get_balances(admin.connection, user, currency) for user, currency in admin.touched}
    return Effects(ended_sessions=admin.ended, balances=balances)
