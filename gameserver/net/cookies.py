"""The cookie that holds a session key (protocol, "HTTP")."""

from gameserver.net.head import Head
from gameserver.net.responses import Header

# Over TLS no page of another host, and none over plain HTTP, can make a browser send a cookie of this name.
_SECURE_NAME = "__Host-session"
_PLAIN_NAME = "session"


def session_cookie(head: Head, *, is_secure: bool) -> str | None:
    """The session key in the request's cookie; None if there is none, or if it is there twice.

    A browser sends two where another page has added one: which of them the server set cannot be told.
    """
    pairs = [pair.strip().partition("=") for value in head.headers.get("cookie", ()) for pair in value.split(";")]
    found = [value for name, _, value in pairs if name == _name(is_secure)]
    return found[0] if len(found) == 1 and found[0] else None


def set_session_cookie(key: str, max_age_s: int, *, is_secure: bool) -> Header:
    """The header by which a browser keeps a session key for so long."""
    secure = "; Secure" if is_secure else ""
    return ("Set-Cookie", f"{_name(is_secure)}={key}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Lax{secure}")


def clear_session_cookie(*, is_secure: bool) -> Header:
    """The header by which a browser forgets the session key."""
    return set_session_cookie("", 0, is_secure=is_secure)


def _name(is_secure: bool) -> str:
    return _SECURE_NAME if is_secure else _PLAIN_NAME
