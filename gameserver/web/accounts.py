"""The endpoints of accounts: coming in, passwords, who one is, and leaving (protocol, "Accounts by HTTP")."""

from collections.abc import Mapping
from typing import TypeVar

import msgspec
from starlette.responses import Response

from gameserver.domain.money import to_units
from gameserver.errors import ErrorCode, Rejected
from gameserver.net.cookies import clear_session_cookie, set_session_cookie
from gameserver.protocol.administration import HeldBalances
from gameserver.protocol.fields import Email, Password, Username
from gameserver.realtime.accounts import Entry
from gameserver.storage.users import Session
from gameserver.web.answers import json_answer
from gameserver.web.call import HttpCall
from gameserver.web.endpoint import Access, Endpoint

BodyT = TypeVar("BodyT", bound=msgspec.Struct)

_encoder = msgspec.json.Encoder(decimal_format="number")


class SignUp(msgspec.Struct, frozen=True):
    """What an account is made of; an ``email`` is accepted and not kept."""

    username: Username
    password: Password
    email: Email | None = None


class EnterAsGuest(msgspec.Struct, frozen=True):
    """The name that a guest chooses, if it does."""

    username: Username | None = None


class LogIn(msgspec.Struct, frozen=True):
    """Who logs in."""

    username: Username
    password: Password


class SetPassword(msgspec.Struct, frozen=True):
    """A new password, and the one that the user has, if any; a guest may take another name with it."""

    new: Password
    old: Password | None = None
    username: Username | None = None


class DeleteAccount(msgspec.Struct, frozen=True):
    """The password of who leaves, if the user has one."""

    password: Password | None = None


class Nothing(msgspec.Struct, frozen=True):
    """An empty object."""


class Entered(msgspec.Struct, frozen=True):
    """Who has come in, and the session key, which the cookie holds too."""

    username: str
    id: int
    user_session_key: str
    is_guest: bool


class PasswordSet(msgspec.Struct, frozen=True):
    """Who has a new password."""

    username: str
    id: int
    is_guest: bool


class Account(msgspec.Struct, frozen=True):
    """A user: ``id`` and ``user_id`` are the same, ``balances`` by currency, ``created_at`` in epoch milliseconds."""

    id: int
    user_id: int
    username: str
    is_guest: bool
    is_provider: bool
    is_admin: bool
    has_password: bool
    created_at: int
    balances: dict[str, HeldBalances]


class Me(Account, frozen=True):
    """Who asks."""


class Here(msgspec.Struct, frozen=True):
    """Who asks, or null for nobody."""

    user: Account | None


async def sign_up(call: HttpCall) -> Response:
    """Make an account, and log it in."""
    body = _read_password_body(call, SignUp)
    return _enter(call, await call.context.accounts.sign_up(body.username, body.password, call.http.limit_key))


async def enter_as_guest(call: HttpCall) -> Response:
    """Make a guest, and log it in."""
    call.charge()
    body = call.body(EnterAsGuest)
    return _enter(call, await call.context.accounts.enter_as_guest(body.username, call.http.limit_key))


async def log_in(call: HttpCall) -> Response:
    """Log in by name and password."""
    body = _read_password_body(call, LogIn)
    accounts, address = call.context.accounts, call.http.limit_key
    try:
        entry = await accounts.log_in(body.username, body.password, address, call.session)
    except Rejected as rejected:
        if rejected.code is ErrorCode.NOT_LOGGED_IN:
            call.context.log_failed_logon()
        raise
    return _enter(call, entry)


async def keep_key(call: HttpCall) -> Response:
    """Have the browser keep the session key of the header as its cookie; no new session is made."""
    call.charge()
    call.body(Nothing)
    session = _own_session(call)
    user = session.user
    answer = Entered(user.username, user.id, call.key, bool(user.is_guest))
    return _answer(answer, _cookie(call, call.key, session.expires_at))


async def log_out(call: HttpCall) -> Response:
    """End the session, and close its connections with 4002."""
    call.charge()
    call.body(Nothing)
    await call.context.accounts.log_out(_own_session(call))
    return _leave(call)


async def set_password(call: HttpCall) -> Response:
    """Set or change the password, and end the user's other sessions; a guest becomes a full account."""
    session = _own_session(call)
    body = _read_password_body(call, SetPassword)
    accounts, address = call.context.accounts, call.http.limit_key
    user = await accounts.set_password(session, body.old, body.new, body.username, address)
    return _answer(PasswordSet(username=user.username, id=user.id, is_guest=user.is_guest))


async def delete_account(call: HttpCall) -> Response:
    """Delete the account: its sessions end, its name is free, and its chat and friends are forgotten."""
    session = _own_session(call)
    body = _read_password_body(call, DeleteAccount)
    await call.context.accounts.delete(session, body.password, call.http.limit_key)
    return _leave(call)


async def show_me(call: HttpCall) -> Response:
    """Who the user is, with roles and balances."""
    call.charge()
    session = _own_session(call)
    return _answer(await _describe(call, session), _renewed_cookie(call, session))


async def show_session(call: HttpCall) -> Response:
    """Who asks, as `show_me` tells it, or that it is nobody: for pages, which cannot see their cookie."""
    call.charge()
    session = call.session
    if session is None or session.is_view:
        return _answer(Here(None))
    return _answer(Here(await _describe(call, session)), _renewed_cookie(call, session))


async def _describe(call: HttpCall, session: Session) -> Me:
    user, held, has_password = await call.context.accounts.describe(session)
    return Me(
        id=user.id,
        user_id=user.id,
        username=user.username,
        is_guest=bool(user.is_guest),
        is_provider=bool(user.is_provider),
        is_admin=bool(user.is_admin),
        has_password=has_password,
        created_at=user.created_at,
        balances={it.currency: _shown(it.available, it.staked, it.currency) for it in held},
    )


def _renewed_cookie(call: HttpCall, session: Session) -> Mapping[str, str] | None:
    """The cookie of a guest, whose session lasts as long as it is used."""
    renewed = call.is_by_cookie and session.user.is_guest
    return _cookie(call, call.key, session.expires_at) if renewed else None


def _shown(available: int, staked: int, currency: str) -> HeldBalances:
    return HeldBalances(to_units(available + staked, currency), to_units(available, currency))


def _read_password_body(call: HttpCall, struct: type[BodyT]) -> BodyT:
    """The body of a request that has a password, which nobody on the way may read. Raises `Rejected`."""
    call.charge()
    call.require_confidential()
    return call.body(struct)


def _own_session(call: HttpCall) -> Session:
    """The session of the user who asks. Raises ``not_logged_in``, and ``not_authorized`` for a view key."""
    session = call.require_session()
    if session.is_view:
        raise Rejected(ErrorCode.NOT_AUTHORIZED, "a view key has no part in its user's account")
    return session


def _enter(call: HttpCall, entry: Entry) -> Response:
    call.http.log_fields["user"] = entry.user_id
    answer = Entered(entry.username, entry.user_id, entry.session_key, entry.is_guest)
    return _answer(answer, _cookie(call, entry.session_key, entry.expires_at))


def _cookie(call: HttpCall, key: str, expires_at: int) -> Mapping[str, str]:
    left_s = (expires_at - call.context.clock.now_ms()) // 1000
    return dict([set_session_cookie(key, left_s, is_secure=call.http.is_secure)])


def _leave(call: HttpCall) -> Response:
    return _answer(Nothing(), dict([clear_session_cookie(is_secure=call.http.is_secure)]))


def _answer(answer: msgspec.Struct, headers: Mapping[str, str] | None = None) -> Response:
    return json_answer(_encoder.encode(answer), headers=dict(headers or {}))


_IN, _MINE = Access.ANYONE, Access.USER
ACCOUNTS: tuple[Endpoint, ...] = (
    *(
        Endpoint(("POST",), path, handle, access, body=body, reply=reply, errors=errors)
        for path, handle, access, body, reply, errors in (
            ("/r/signup", sign_up, _IN, SignUp, Entered, (ErrorCode.CONFLICT,)),
            ("/r/guest", enter_as_guest, _IN, EnterAsGuest, Entered, (ErrorCode.CONFLICT,)),
            ("/r/login", log_in, _IN, LogIn, Entered, (ErrorCode.NOT_LOGGED_IN,)),
            ("/r/cookie", keep_key, _MINE, Nothing, Entered, ()),
            ("/r/logout", log_out, _MINE, Nothing, Nothing, ()),
            ("/r/password", set_password, _MINE, SetPassword, PasswordSet, (ErrorCode.CONFLICT,)),
            ("/r/delete", delete_account, _MINE, DeleteAccount, Nothing, (ErrorCode.CONFLICT,)),
        )
    ),
    Endpoint(("GET",), "/r/me", show_me, reply=Me),
    Endpoint(("GET",), "/r/session", show_session, _IN, reply=Here),
)
