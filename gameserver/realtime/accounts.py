"""Signing up, logging in and out, passwords and the end of accounts, for clients without a connection."""

from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, NamedTuple, TypeVar

import msgspec
import trio

from gameserver.config import Settings
from gameserver.domain.credentials import address_digest
from gameserver.engine.accounts import (
    LOGIN_ADDRESS_MS,
    add_guest,
    add_user,
    delete_user,
    end_session,
    open_session,
    require_username,
    set_password,
)
from gameserver.engine.context import Change, Committed
from gameserver.engine.passwords import hash_password, is_password, normal_password
from gameserver.engine.sessions import banned
from gameserver.errors import ErrorCode, Rejected
from gameserver.realtime.attempts import Attempts
from gameserver.realtime.hashing import Hashing
from gameserver.storage.accounts import (
    Held,
    ListedUser,
    get_listed_user,
    get_password_hash,
    has_login_address,
    insert_login_address,
    list_held,
)
from gameserver.storage.connection import Connection
from gameserver.storage.jobs import Scope, UserJob
from gameserver.storage.store import Store
from gameserver.storage.users import NOBODY, Session, User, find_user, get_session, update_use

T = TypeVar("T")

_LOGIN_SPAN_S = 900.0
_SIGNUP_SPAN_S = 3600.0
_FROM_ALL_ADDRESSES = 10  # times as many failures of a user are allowed from all addresses as from one


class Entry(msgspec.Struct, frozen=True):
    """A session that was just made: its key, when it expires in epoch ms, and whose it is."""

    user_id: int
    username: str
    is_guest: bool
    session_key: str
    expires_at: int


class _Candidate(NamedTuple):
    """Who may be logging in: None and no hash for a name that nobody has."""

    user: User | None
    password_hash: str | None
    is_known_here: bool


class AccountService:
    """What anybody may do about an account, under limits by address and by user.

    ``address`` is the key under which a client's address is limited.
    """

    def __init__(
        self, settings: Settings, store: Store, secret: bytes, hashing: Hashing, now_ms: Callable[[], int]
    ) -> None:
        self._settings = settings
        self._store = store
        self._secret = secret
        self._hashing = hashing
        self._now_ms = now_ms
        failures = settings.max_failed_logins_per_user
        text = "too many log-ins have failed; try again later"
        self._failed_here = Attempts(failures, _LOGIN_SPAN_S, text)
        self._failed_anywhere = Attempts(failures * _FROM_ALL_ADDRESSES, _LOGIN_SPAN_S, text)
        self._locks: dict[str, trio.Lock] = {}
        text = "too many accounts were made from this address; try again later"
        self._signups = Attempts(settings.max_signups_per_address_per_h, _SIGNUP_SPAN_S, text)

    async def sign_up(self, username: str, password: str, address: str) -> Entry:
        """Make an account, and a session of it. Raises `Rejected`.

        The password is hashed before the name is looked up.
        """
        if self._settings.signup == "closed":
            raise Rejected(ErrorCode.NOT_AUTHORIZED, "accounts are made by the operator of this server only")
        require_username(username)
        normal = normal_password(password)
        self._count_signup(address)
        password_hash = await self._hashing.run(partial(hash_password, normal))

        def act(change: Change) -> Entry:
            user = add_user(change, username, password_hash=password_hash)
            self._remember_address(change, user, address)
            return self._enter(change, user)

        return await self._write(act, Entry, Scope())

    async def enter_as_guest(self, username: str | None, address: str) -> Entry:
        """Make a guest, and a session of it. Raises `Rejected`."""
        if not self._settings.guests:
            raise Rejected(ErrorCode.NOT_AUTHORIZED, "this server takes no guests; sign up or log in")
        self._count_signup(address)
        return await self._write(lambda change: self._enter(change, add_guest(change, username)), Entry, Scope())

    def _count_signup(self, address: str) -> None:
        now_s = trio.current_time()
        self._signups.require(address, now_s)
        self._signups.add(address, now_s)

    async def log_in(self, username: str, password: str, address: str, current: Session | None = None) -> Entry:
        """Make a session of the user who has this name and password; ``current`` is the client's session by now.

        Raises `Rejected`: in the same way, and after the same work, for a name that nobody has.
        """
        refusal = Rejected(ErrorCode.NOT_LOGGED_IN, "the username or the password is wrong")
        candidate = await self._store.read(partial(self._find, username=username, address=address))
        is_own = current is not None and candidate.user is not None and current.user.id == candidate.user.id
        await self._check(username, password, address, candidate, refusal, exempt=is_own or candidate.is_known_here)
        user = candidate.user
        assert user is not None
        if user.is_banned:
            raise banned(user)

        def act(change: Change) -> Entry:
            if get_password_hash(change.connection, user.id) != candidate.password_hash:
                raise refusal  # it was changed meanwhile
            self._remember_address(change, user, address)
            return self._enter(change, user)

        return await self._write(act, Entry, Scope(user_id=user.id))

    async def log_out(self, session: Session) -> None:
        """End a session; its connections are closed with 4002."""
        scope = Scope(user_id=session.user.id, is_urgent=True)
        await self._write(lambda change: end_session(change, session.id), bool, scope, session.user)

    async def set_password(
        self, session: Session, old: str | None, new: str, username: str | None, address: str
    ) -> User:
        """Set or change the password of a session's user, who may take a name with it if a guest; the user then.

        Raises `Rejected`.
        """
        normal = normal_password(new, "new")
        if username is not None:
            require_username(username)
        checked = await self._check_own(session, old, "old", address)
        password_hash = await self._hashing.run(partial(hash_password, normal))

        def act(change: Change) -> User:
            user = self._still(change, session, checked)
            return set_password(change, user, password_hash, keep=session.id, username=username)

        return await self._write(act, User, None, session.user)

    async def delete(self, session: Session, password: str | None, address: str) -> None:
        """Delete the account of a session's user. Raises `Rejected`."""
        checked = await self._check_own(session, password, "password", address)

        def act(change: Change) -> None:
            delete_user(change, self._still(change, session, checked))

        await self._write(act, None, None, session.user)

    async def describe(self, session: Session) -> tuple[ListedUser, list[Held], bool]:
        """A session's user, what it has by currency, and whether it has a password.

        Raises ``not_logged_in`` if the user was deleted meanwhile.
        """
        user_id = session.user.id

        def read(connection: Connection) -> tuple[ListedUser | None, list[Held], bool]:
            has_password = get_password_hash(connection, user_id) is not None
            return get_listed_user(connection, user_id), list_held(connection, [user_id]), has_password

        user, held, has_password = await self._store.read(read)
        if user is None:
            raise _ended()
        return user, held, has_password

    def _find(self, connection: Connection, username: str, address: str) -> _Candidate:
        user = find_user(connection, username)
        if user is None:
            return _Candidate(None, None, False)
        since_ms = self._now_ms() - LOGIN_ADDRESS_MS
        is_known_here = has_login_address(connection, user.id, self._digest(user, address), since_ms)
        return _Candidate(user, get_password_hash(connection, user.id), is_known_here)

    async def _check_own(self, session: Session, password: str | None, field: str, address: str) -> str | None:
        """Check the password of a session's user, if it has one; returns the hash it was checked against."""
        user = session.user
        password_hash = await self._store.read(partial(get_password_hash, user_id=user.id))
        if password_hash is None:
            return None
        if password is None:
            raise Rejected(ErrorCode.MISSING_PARAMETER, f"{field} is required: the password that the user has", field)
        refusal = Rejected(ErrorCode.NOT_AUTHORIZED, f"{field} is not the user's password", field)
        candidate = _Candidate(user, password_hash, True)
        await self._check(user.username, password, address, candidate, refusal, exempt=True)
        return password_hash

    async def _check(
        self,
        username: str,
        password: str,
        address: str,
        candidate: _Candidate,
        refusal: Rejected,
        *,
        exempt: bool,
    ) -> None:
        """Raise ``refusal`` unless the password is the candidate's; ``exempt`` from the limit of all addresses.

        The passwords tried for a name are checked one after another, so that many at once are no way around the limits.
        """
        name = username.lower()
        limits: list[tuple[Attempts, Hashable]] = [(self._failed_here, (name, address))]
        if not exempt:
            limits.append((self._failed_anywhere, name))
        async with self._alone(name):
            now_s = trio.current_time()
            for attempts, key in limits:
                attempts.require(key, now_s)
            if not await self._is_password(password, candidate.password_hash):
                for attempts, key in limits:
                    attempts.add(key, now_s)
                raise refusal

    @asynccontextmanager
    async def _alone(self, name: str) -> AsyncIterator[None]:
        """Wait until nobody else has tried a password for a name and does not know yet whether it is right."""
        lock = self._locks.setdefault(name, trio.Lock())
        try:
            async with lock:
                yield
        finally:
            if not lock.locked():  # as it is while others wait
                self._locks.pop(name, None)

    async def _is_password(self, password: str, password_hash: str | None) -> bool:
        try:
            normal = normal_password(password)
        except Rejected:
            return False
        return await self._hashing.run(partial(is_password, normal, password_hash))

    def _still(self, change: Change, session: Session, password_hash: str | None) -> User:
        """The session's user now. Raises `Rejected` if the session has ended, or the password is another meanwhile."""
        found = get_session(change.connection, session.id, change.now_ms)
        if found is None or found.user.is_banned:
            raise _ended()
        if get_password_hash(change.connection, found.user.id) != password_hash:
            raise Rejected(ErrorCode.CONFLICT, "the password was changed meanwhile")
        return found.user

    def _enter(self, change: Change, user: User) -> Entry:
        session = open_session(change, user, self._secret)
        update_use(change.connection, {user.id: change.now_ms}, {})
        return Entry(user.id, user.username, user.is_guest, session.key, session.expires_at)

    def _remember_address(self, change: Change, user: User, address: str) -> None:
        insert_login_address(change.connection, user.id, self._digest(user, address), change.now_ms)

    def _digest(self, user: User, address: str) -> bytes:
        return address_digest(self._secret, user.id, address)

    async def _write(self, act: Callable[[Change], T], type_: Any, scope: Scope | None, user: User = NOBODY) -> T:
        """Carry out a change of accounts; returns what ``act`` returns, of a type, once it is on disk and told.

        One without a ``scope`` may change what others have.
        """
        now_ms = self._now_ms()
        carry_out = partial(_carry_out, act=act, user=user, settings=self._settings)
        job = partial(carry_out, now_ms=now_ms) if scope is None else UserJob(carry_out, now_ms, scope)
        result: T = msgspec.json.decode((await self._store.write(job, now_ms)).body, type=type_)
        return result


def _carry_out(
    connection: Connection, now_ms: int, act: Callable[[Change], object], user: User, settings: Settings
) -> Committed:
    change = Change(connection, user, now_ms, settings)
    body = msgspec.json.encode(act(change))
    return Committed(body, change.finish())


def _ended() -> Rejected:
    return Rejected(ErrorCode.NOT_LOGGED_IN, "this session has ended; log in again")
