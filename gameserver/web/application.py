"""The HTTP application: routes, who may use an endpoint, other origins, and failures (protocol, "HTTP")."""

from collections.abc import Sequence

import msgspec
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from gameserver.errors import ErrorCode, Rejected
from gameserver.net.application import HttpRequest
from gameserver.net.head import Head
from gameserver.net.origins import is_listed
from gameserver.net.responses import Response as HttpResponse
from gameserver.protocol.fields import UserId
from gameserver.realtime.context import ServerContext
from gameserver.realtime.operations import log_bug
from gameserver.web.answers import Misuse, refusal
from gameserver.web.asgi import REQUEST, answer_by
from gameserver.web.call import HttpCall
from gameserver.web.documents import DOCUMENTS
from gameserver.web.endpoint import Access, Endpoint
from gameserver.web.endpoints import ENDPOINTS
from gameserver.web.files import FILE_METHODS, console_files, show_file
from gameserver.web.places import Places

_PREFIX = "/r/"
_ELSEWHERE = frozenset(endpoint.path for endpoint in DOCUMENTS if not endpoint.path.startswith(_PREFIX))
_ALLOWED_HEADERS = "Authorization, Content-Type, Idempotency-Key, If-None-Match"
_EXPOSED_HEADERS = "ETag, Retry-After"
_PREFLIGHT_MAX_AGE_S = 600


class Application:
    """Answers requests to endpoints, and for files of the console.

    Implements `gameserver.net.application.HttpApplication`.
    """

    def __init__(self, context: ServerContext) -> None:
        self._context = context
        self._files = console_files()  # now: later there may be no descriptor to read them with
        self._places = Places(context)
        by_path: dict[str, list[Endpoint]] = {}
        for endpoint in (*ENDPOINTS, *DOCUMENTS):
            by_path.setdefault(endpoint.path, []).append(endpoint)
        routes = [Route(path, endpoint=_Resource(context, self._places, found)) for path, found in by_path.items()]
        self._router = Router(routes, redirect_slashes=False, default=self._answer_elsewhere)

    def serves(self, head: Head) -> bool:
        """Whether a request is for an endpoint or a file, or for a path below ``/r/``, where 404 says how to go on."""
        path = head.path
        return path.startswith(_PREFIX) or path in self._files or path.removesuffix("/") in _ELSEWHERE

    async def answer(self, request: HttpRequest) -> HttpResponse:
        """The response to a request."""
        try:
            found = await answer_by(self._router, request)
        except Exception as error:
            found = await answer_by(_failed(error, request), request)
        headers = [("X-Content-Type-Options", "nosniff"), *found.headers, *self._shared(request.head)]
        return found._replace(headers=headers)

    async def _answer_elsewhere(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer where there is no endpoint: with a file, or that there is none."""
        call = HttpCall(self._context, self._places, scope[REQUEST], {})
        call.charge()
        file = self._files.get(call.http.head.path)
        if file is None:
            raise Rejected(ErrorCode.NOT_FOUND, "no such path; /r/openapi.json lists them")
        answer = _options(call, FILE_METHODS) if call.http.head.method == "OPTIONS" else show_file(call, file)
        await answer(scope, receive, send)

    def _shared(self, head: Head) -> list[tuple[str, str]]:
        """The headers that let a page of an allowed origin read the response."""
        origin = head.only("origin")
        if origin is None or not is_listed(origin, self._context.allowed_origins):
            return [("Vary", "Origin")] if self._context.allowed_origins else []
        return [
            ("Vary", "Origin"),
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Allow-Credentials", "true"),
            ("Access-Control-Expose-Headers", _EXPOSED_HEADERS),
        ]


def _failed(error: Exception, request: HttpRequest) -> Response:
    """The response to a request that was refused, or failed by a bug."""
    if isinstance(error, Misuse):
        return error.answer
    return refusal(error if isinstance(error, Rejected) else log_bug(error, None, request.log_fields))


class _Resource:
    """What is at one path: its endpoints, by method."""

    def __init__(self, context: ServerContext, places: Places, endpoints: Sequence[Endpoint]) -> None:
        self._context = context
        self._places = places
        self._by_method = {method: endpoint for endpoint in endpoints for method in endpoint.methods}
        if "GET" in self._by_method:
            self._by_method["HEAD"] = self._by_method["GET"]
        self._methods = ", ".join([*self._by_method, "OPTIONS"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, as an ASGI application."""
        answer = await self._answer(HttpCall(self._context, self._places, scope[REQUEST], scope["path_params"]))
        await answer(scope, receive, send)

    async def _answer(self, call: HttpCall) -> Response:
        if call.http.head.method == "OPTIONS":
            call.charge()
            return _options(call, self._methods)
        try:
            endpoint = await self._admit(call)
        except (Misuse, Rejected):
            call.charge()  # as its handler would have done
            raise
        return await endpoint.handle(call)

    async def _admit(self, call: HttpCall) -> Endpoint:
        """The endpoint that a request is for, and may use. Raises `Misuse` and `Rejected`."""
        endpoint = self._by_method.get(call.http.head.method)
        if endpoint is None:
            raise Misuse(405, f"this path accepts {self._methods}", {"Allow": self._methods})
        try:
            await call.find_session()
        except Rejected as rejected:
            if rejected.code is not ErrorCode.NOT_AUTHORIZED or endpoint.access is not Access.ANYONE:
                raise  # who is banned may still come in as somebody else
        call.require_own_change()
        if endpoint.access is Access.USER or (
            endpoint.access is Access.READER and not self._context.settings.public_reads
        ):
            _require_own(call)
        return endpoint


def _options(call: HttpCall, methods: str) -> Response:
    """What a path may be asked for, and by pages of other origins."""
    headers = {"Allow": methods}
    if call.header("access-control-request-method") is not None:
        headers["Access-Control-Allow-Methods"] = methods
        headers["Access-Control-Allow-Headers"] = _ALLOWED_HEADERS
        headers["Access-Control-Max-Age"] = str(_PREFLIGHT_MAX_AGE_S)
    return Response(status_code=204, headers=headers)


class _Owner(msgspec.Struct):
    """Whose data a path names, if anybody's."""

    user_id: UserId | None = None


def _require_own(call: HttpCall) -> None:
    """Raise `Rejected` unless somebody has logged on, and asks for nobody else's data."""
    user = call.require_session().user
    if call.from_path(_Owner).user_id not in (None, user.id):
        raise Rejected(ErrorCode.NOT_AUTHORIZED, "this is shown to the user whose id is in the path alone")
