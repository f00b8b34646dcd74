"""Web origins: which pages may use the server with a browser's credentials (protocol, "Logging on")."""

from collections.abc import Set

from gameserver.net.head import Head, HeadRefused

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_MAX_LOGGED = 200  # characters of a client's header


def is_own(origin: str, host: str) -> bool:
    """Whether an ``Origin`` is that of the server's own pages, as the ``Host`` of the request names it."""
    own = {_without_default_port(f"{scheme}://{host}".lower()) for scheme in _DEFAULT_PORTS}
    return _without_default_port(origin.lower()) in own


def is_listed(origin: str, allowed: Set[str]) -> bool:
    """Whether an ``Origin`` is in ``allowed``, whose items are in the form of `gameserver.config.normal_origin`."""
    return _without_default_port(origin.lower()) in allowed


def require_allowed_origin(head: Head, allowed: Set[str]) -> None:
    """Raise `HeadRefused` (403) for a web page whose origin is neither the server's own nor in ``allowed``."""
    host = head.only("host") or ""
    for origin in head.headers.get("origin", []):
        if not is_own(origin, host) and not is_listed(origin, allowed):
            text = "this origin may not connect; the operator can add it to allowed_origins"
            raise HeadRefused(
                403, "not_authorized", text, fields={"origin": origin[:_MAX_LOGGED], "host": host[:_MAX_LOGGED]}
            )


def _without_default_port(origin: str) -> str:
    return origin.removesuffix(_DEFAULT_PORTS.get(origin.partition("://")[0], ""))
