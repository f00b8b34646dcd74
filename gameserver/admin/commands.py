"""The commands that change or list users, session keys and sources (protocol, "Command line")."""

import re
from collections.abc import Callable, Sequence
from functools import partial, reduce
from operator import or_
from typing import Any

import msgspec

from gameserver.config import Settings
from gameserver.domain.credentials import session_id_of
from gameserver.domain.money import CURRENCY_PATTERN, to_units
from gameserver.engine.accounts import (
    add_user,
    ban,
    credit,
    end_session,
    end_sessions,
    open_session,
    set_password,
    set_roles,
    to_credit,
    unban,
)
from gameserver.engine.context import Change, Committed
from gameserver.engine.roles import make_source_admin
from gameserver.errors import ErrorCode, Rejected, invalid, not_found
from gameserver.protocol.codec import request_parameters
from gameserver.protocol.declare import snake_case
from gameserver.storage.connection import Connection
from gameserver.storage.ledger import get_balances
from gameserver.storage.sources import find_source, list_sources
from gameserver.storage.store import Store
from gameserver.storage.users import User, find_user

# Who acts by the command line; it is in no database.
OPERATOR = User(0, "the command line", is_provider=False)


class Command(msgspec.Struct, frozen=True, tag_field="command", tag=True):
    """The base class of commands."""


class KeyCommand(Command, frozen=True):
    """The base class of commands that need the server's secret, since they make or read a session key."""


class AddUser(KeyCommand, frozen=True):
    """Make a user and a session key."""

    username: str
    is_provider: bool = False
    is_admin: bool = False
    password_hash: str | None = None


class EnterAsDeveloper(KeyCommand, frozen=True):
    """Make a user a provider and an admin of the server, a new one if there is none, and a session key for it."""

    username: str


class ReplaceKeys(KeyCommand, frozen=True):
    """Make a new session key for a user and end all other keys of the user."""

    username: str


class OpenSession(KeyCommand, frozen=True):
    """Make an additional session key for a user."""

    username: str


class EndSession(KeyCommand, frozen=True):
    """End one session key."""

    session_key: str


class SetPassword(Command, frozen=True):
    """Give a user a password, and end all its sessions."""

    username: str
    password_hash: str


class BanUser(Command, frozen=True):
    """Keep a user from logging on, and end all its sessions."""

    username: str


class UnbanUser(Command, frozen=True):
    """Let a user who is banned log on again."""

    username: str


class FindServer(Command, frozen=True):
    """Tell where the database's server listens; refused if none runs."""


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


class _Admin(Change):
    """A command in progress."""

    def __init__(self, connection: Connection, secret: bytes | None, settings: Settings, now_ms: int) -> None:
        super().__init__(connection, OPERATOR, now_ms, settings)
        self._secret = secret

    @property
    def secret(self) -> bytes:
        assert self._secret is not None
        return self._secret

    def existing_user(self, username: str) -> User:
        user = find_user(self.connection, username)
        if user is None:
            raise not_found("username", "user")
        return user

    def enter(self, user: User) -> dict[str, Any]:
        session = open_session(self, user, self.secret)
        return {"id": user.id, "username": user.username, "session_key": session.key}


def _add_user(admin: _Admin, command: AddUser) -> dict[str, Any]:
    try:
        user = add_user(
            admin,
            command.username,
            is_provider=command.is_provider,
            is_admin=command.is_admin,
            password_hash=command.password_hash,
        )
    except Rejected as rejected:
        if rejected.code is not ErrorCode.CONFLICT:
            raise
        text = f"the user {command.username} exists already; 'user key' makes a new key"
        raise Rejected(ErrorCode.CONFLICT, text) from None
    return admin.enter(user)


def _enter_as_developer(admin: _Admin, command: EnterAsDeveloper) -> dict[str, Any]:
    user = find_user(admin.connection, command.username)
    if user is None:
        user = add_user(admin, command.username, is_provider=True, is_admin=True)
    else:
        set_roles(admin, user, is_provider=True, is_admin=True)
    return admin.enter(user)


def _credit_user(admin: _Admin, command: CreditUser) -> dict[str, Any]:
    if not re.match(CURRENCY_PATTERN, command.currency):
        raise invalid("currency", "a currency is 3 to 10 upper-case letters or digits, the first a letter")
    user = admin.existing_user(command.username)
    credit(admin, user.id, to_credit(command.amount, command.currency), command.currency)
    held = get_balances(admin.connection, user.id, command.currency)
    available = to_units(held.available, command.currency)
    return {"username": user.username, "currency": command.currency, "available_balance": str(available)}


def _replace_keys(admin: _Admin, command: ReplaceKeys) -> dict[str, Any]:
    user = admin.existing_user(command.username)
    session = open_session(admin, user, admin.secret)
    end_sessions(admin, user.id, keep=session.id)
    return {"id": user.id, "username": user.username, "session_key": session.key}


def _open_session(admin: _Admin, command: OpenSession) -> dict[str, Any]:
    return admin.enter(admin.existing_user(command.username))


def _end_session(admin: _Admin, command: EndSession) -> dict[str, Any]:
    session_id = session_id_of(admin.secret, command.session_key)
    if session_id is not None:
        end_session(admin, session_id)
    return {}


def _set_password(admin: _Admin, command: SetPassword) -> dict[str, Any]:
    user = admin.existing_user(command.username)
    set_password(admin, user, command.password_hash)
    return {"username": user.username}


def _ban_user(admin: _Admin, command: BanUser) -> dict[str, Any]:
    user = admin.existing_user(command.username)
    ban(admin, user)
    return {"username": user.username}


def _unban_user(admin: _Admin, command: UnbanUser) -> dict[str, Any]:
    user = admin.existing_user(command.username)
    unban(admin, user)
    return {"username": user.username}


def _find_server(admin: _Admin, command: FindServer) -> dict[str, Any]:
    raise Rejected(ErrorCode.CONFLICT, "no server runs on the database: start it, or name another with --url")


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
    admin.source_id = source.id
    user = admin.existing_user(command.username)
    make_source_admin(admin.connection, source, user)
    return {"source_id": source.uuid, "username": user.username}


_ACTIONS: dict[type[Command], Callable[[_Admin, Any], dict[str, Any]]] = {
    AddUser: _add_user,
    EnterAsDeveloper: _enter_as_developer,
    CreditUser: _credit_user,
    ReplaceKeys: _replace_keys,
    OpenSession: _open_session,
    EndSession: _end_session,
    SetPassword: _set_password,
    BanUser: _ban_user,
    UnbanUser: _unban_user,
    FindServer: _find_server,
    ListSources: _list_sources,
    AddSourceAdminByName: _add_source_admin,
}
# The acts of nobody's power: what only reads, and the end of the session that `OpenSession` has made.
_NOT_AUDITED = (FindServer, ListSources, EndSession)

decode_command: Callable[[bytes], Command] = msgspec.json.Decoder(reduce(or_, _ACTIONS)).decode


class CommandRunner:
    """Carries out commands inside a running server, which listens at ``urls``, through its writer."""

    def __init__(
        self, store: Store, secret: bytes, settings: Settings, now_ms: Callable[[], int], urls: Sequence[str]
    ) -> None:
        self._store = store
        self._secret = secret
        self._settings = settings
        self._now_ms = now_ms
        self._urls = urls

    async def carry_out(self, command: Command) -> bytes:
        """Carry out a command and return its answer, a JSON object. Raises `Rejected`."""
        if isinstance(command, FindServer):
            return msgspec.json.encode({"urls": self._urls})
        now_ms = self._now_ms()
        job = partial(perform, command=command, secret=self._secret, settings=self._settings, now_ms=now_ms)
        return (await self._store.write(job, now_ms)).body


def perform(
    connection: Connection, command: Command, secret: bytes | None, settings: Settings, now_ms: int
) -> Committed:
    """Carry out a command; the body of the result is its answer. A `KeyCommand` needs the secret. Raises `Rejected`."""
    admin = _Admin(connection, secret, settings, now_ms)
    answer = _ACTIONS[type(command)](admin, command)
    if not isinstance(command, _NOT_AUDITED):
        admin.audit(None, snake_case(type(command).__name__), request_parameters(command))
    return Committed(msgspec.json.encode(answer), admin.finish())
