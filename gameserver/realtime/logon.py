"""The credentials and the watched sources in a handshake's URL and headers (protocol, "Logging on")."""

from typing import NamedTuple
from urllib.parse import parse_qs

from gameserver.engine.sessions import Credentials
from gameserver.net.cookies import session_cookie
from gameserver.net.head import Head, HeadRefused, bad_request

MAX_WATCHED_SOURCES = 100
_MAX_FIELDS = MAX_WATCHED_SOURCES + 10  # of a query string


class Query(NamedTuple):
    """The credentials of a handshake, None without any, and the game sources that it asks to watch."""

    credentials: Credentials | None
    sources: list[str]


def read_query(head: Head, *, is_secure: bool = False) -> Query:
    """Read the credentials, from the query string, the bearer header or the cookie, and the sources to watch.

    A cookie counts only where the page is named (``Origin``), which the handshake checks; ``is_secure`` tells its name.

    Raises `HeadRefused`: 400 for a malformed query string, 401 for malformed credentials.
    """
    try:
        query = parse_qs(head.query, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise bad_request(f"the query string may have at most {_MAX_FIELDS} fields") from None
    sources = query.get("source", [])
    if len(sources) > MAX_WATCHED_SOURCES:
        raise bad_request(f"at most {MAX_WATCHED_SOURCES} sources may be watched, {len(sources)} requested")
    return Query(_credentials(query, head, is_secure), list(dict.fromkeys(sources)))


def _credentials(query: dict[str, list[str]], head: Head, is_secure: bool) -> Credentials | None:
    given = [query.get(name, []) for name in ("id", "n", "h")]
    if any(given):
        if any(len(values) != 1 for values in given):
            raise unauthorized()
        user_id, nonce, proof = (values[0] for values in given)
        if not (user_id.isascii() and user_id.isdigit() and len(user_id) < 16 and 1 <= len(nonce) <= 64):
            raise unauthorized()
        return Credentials(user_id=int(user_id), nonce=nonce, proof=proof)
    if "authorization" in head.headers:
        key = bearer_key(head)
        if key is None:
            raise unauthorized()
        return Credentials(key=key)
    cookie = session_cookie(head, is_secure=is_secure) if "origin" in head.headers else None
    return Credentials(key=cookie) if cookie else None


def bearer_key(head: Head) -> str | None:
    """The session key in the header ``Authorization: Bearer``, None if it holds anything else."""
    scheme, _, key = (head.only("authorization") or "").partition(" ")
    return (key.strip() or None) if scheme.lower() == "bearer" else None


def unauthorized() -> HeadRefused:
    """The refusal (401) of credentials that prove no live session."""
    text = "these credentials match no live session; get a new session key, or use a new nonce"
    return HeadRefused(401, "not_logged_in", text, (("WWW-Authenticate", "Bearer"),))
