"""A request to an endpoint: who asks, what with, and whether the request may come from where it comes."""

from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import Raw

from gameserver.engine.sessions import Credentials
from gameserver.errors import ErrorCode, Rejected, invalid
from gameserver.net.application import HttpRequest
from gameserver.net.cookies import session_cookie
from gameserver.net.forwarded import is_private
from gameserver.net.origins import is_listed, is_own
from gameserver.protocol.parameters import parameters_of, read_members, read_parameters
from gameserver.realtime.context import ServerContext
from gameserver.realtime.logon import bearer_key
from gameserver.realtime.operations import rate_limited_for, too_many
from gameserver.storage.users import Session
from gameserver.web.answers import JSON, Misuse
from gameserver.web.places import Places, read_path

_MAX_QUERY_FIELDS = 100
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

StructT = TypeVar("StructT", bound=msgspec.Struct)


class HttpCall:
    """A request to an endpoint.

    ``path`` are the values of the path's parameters, by name; ``places`` tells whether they belong together.
    ``session`` is that of the user who asks, and ``key`` its key; None and empty if nobody has logged on.
    ``is_by_cookie`` says that a browser's cookie told it.
    """

    def __init__(self, context: ServerContext, places: Places, http: HttpRequest, path: Mapping[str, str]) -> None:
        self.context = context
        self.places = places
        self.http = http
        self.path = path
        self.session: Session | None = None
        self.is_by_cookie = False
        self.key = ""

    async def find_session(self) -> None:
        """Find out who asks.

        Raises `Rejected`: ``not_logged_in`` for a bearer header that proves no live session, ``not_authorized`` for a
        user who is banned.

        A cookie that proves none is ignored, as browsers send it long after.
        """
        head = self.http.head
        if "authorization" in head.headers:
            key = bearer_key(head)
        else:
            key = session_cookie(head, is_secure=self.http.is_secure)
            self.is_by_cookie = key is not None
        login = await self.context.authenticate(Credentials(key=key)) if key is not None else None
        if login is not None:
            self.session, self.key = self.context.usage.renew(login.session), login.key
            self.http.log_fields["user"] = login.session.user.id
        elif "authorization" in head.headers:
            self.context.log_failed_logon()
            raise Rejected(ErrorCode.NOT_LOGGED_IN, "this session key is of no live session; get a new one")

    def require_session(self) -> Session:
        """The session of the user who asks. Raises `Rejected` (``not_logged_in``)."""
        if self.session is None:
            text = "log on first: by the cookie of /r/login/, or by the header Authorization: Bearer SESSION_KEY"
            raise Rejected(ErrorCode.NOT_LOGGED_IN, text)
        return self.session

    def charge(self, cost: int = 1) -> None:
        """Charge a cost to the limits of the user and of the address. Raises `Rejected` (``rate_limited``)."""
        user = self.session.user if self.session is not None else None
        refused = rate_limited_for(self.context, user, self.http.limit_key, cost)
        if refused is not None:
            raise too_many(refused[0])

    def require_confidential(self) -> None:
        """Refuse a password that others on the way may read. Raises `Rejected` (``not_authorized``).

        Nobody reads along what comes by TLS, from this machine or from a private network.
        """
        is_confidential = self.http.is_secure or is_private(self.http.address)
        if not is_confidential and not self.context.settings.allow_plain_passwords:
            text = "passwords are taken by HTTPS only, but for private networks; see allow_plain_passwords"
            raise Rejected(ErrorCode.NOT_AUTHORIZED, text)

    def header(self, name: str) -> str | None:
        """The value of a header that occurs exactly once, else None."""
        return self.http.head.only(name)

    def require_own_change(self) -> None:
        """Refuse a change that is not JSON (`Misuse`), or that another site may have made a browser send (`Rejected`).

        A page elsewhere can have a browser send the cookie along, but neither JSON nor a false ``Origin``.
        """
        head = self.http.head
        if head.method in _SAFE_METHODS:
            return
        content_type = (head.only("content-type") or "").partition(";")[0].strip().lower()
        if content_type != JSON:
            raise Misuse(415, "the content type must be application/json")
        origins = head.headers.get("origin", [])
        allowed = self.context.allowed_origins
        if not all(is_own(origin, head.only("host") or "") or is_listed(origin, allowed) for origin in origins):
            raise Rejected(ErrorCode.NOT_AUTHORIZED, "this origin may not send changes; see allowed_origins")
        if self.is_by_cookie and not origins and head.only("sec-fetch-site") != "same-origin":
            text = "a change by cookie needs the header Origin, or Sec-Fetch-Site: same-origin"
            raise Rejected(ErrorCode.NOT_AUTHORIZED, text)

    def from_path(self, struct: type[StructT]) -> StructT:
        """The values of a struct's fields that are in the path. Raises `Rejected`."""
        return read_path(self.path, struct)

    def query(self) -> dict[str, Raw]:
        """The parameters in the query string, as JSON strings. Raises `Rejected`."""
        try:
            given = parse_qsl(
                self.http.head.query, keep_blank_values=True, max_num_fields=_MAX_QUERY_FIELDS, errors="strict"
            )
        except ValueError:
            text = f"the query string must be UTF-8 and have at most {_MAX_QUERY_FIELDS} fields"
            raise Rejected(ErrorCode.BAD_REQUEST, text) from None
        found: dict[str, Raw] = {}
        for name, value in given:
            if name in found:
                raise invalid(name[:64], f"{name[:64]} must be given once")
            found[name] = Raw(msgspec.json.encode(value))
        return found

    def text(self) -> str:
        """The body. Raises `Rejected` (``bad_json``) if it is not UTF-8."""
        try:
            return self.http.body.decode()
        except UnicodeDecodeError:
            raise Rejected(ErrorCode.BAD_JSON, "the body is not UTF-8") from None

    def members(self) -> dict[str, Raw]:
        """The members of the body, a JSON object; none if it is empty. Raises `Rejected`."""
        if not self.http.body:
            return {}
        return read_members(self.text())

    def body(self, struct: type[StructT]) -> StructT:
        """The body as a struct, read as leniently as the parameters of operations. Raises `Rejected`."""
        return struct(**read_parameters(self.members(), parameters_of(struct)))
