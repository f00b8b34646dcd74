"""What the URL and the headers of a handshake say: who connects, and what it watches (protocol, "Logging on")."""

from typing import NamedTuple
from urllib.parse import parse_qs

from gameserver.engine.sessions import Credentials
from gameserver.net.head import Head, HeadRefused, bad_request

MAX_WATCHED_SOURCES = 100


class Query(NamedTuple):
    """What the URL of a handshake asks for."""

    credentials: Credentials | None
    sources: list[str]


def read_query(head: Head) -> Query:
    """The credentials of a handshake, by query string or by bearer header, and the sources to watch.

    Raises `HeadRefused` where they cannot be right.
    """
    try:
        query = parse_qs(head.query, keep_blank_values=True, max_num_fields=MAX_WATCHED_SOURCES + 10)
    except ValueError:
        raise bad_request("the query string has too many fields") from None
    sources = query.get("source", [])
    if len(sources) > MAX_WATCHED_SOURCES:
        raise bad_request(f"at most {MAX_WATCHED_SOURCES} sources can be watched")
    return Query(_credentials(query, head), list(dict.fromkeys(sources)))


def _credentials(query: dict[str, list[str]], head: Head) -> Credentials | None:
    given = [query.get(name, []) for name in ("id", "n", "h")]
    if any(given):
        if any(len(values) != 1 for values in given):
            raise unauthorized()
        user_id, nonce, proof = (values[0] for values in given)
        if not (user_id.isascii() and user_id.isdigit() and len(user_id) < 16 and 1 <= len(nonce) <= 64):
            raise unauthorized()
        return Credentials(user_id=int(user_id), nonce=nonce, proof=proof)
    if "authorization" not in head.headers:
        return None
    scheme, _, key = (head.only("authorization") or "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise unauthorized()
    return Credentials(key=key.strip())


def unauthorized() -> HeadRefused:
    """The answer to credentials that prove nobody."""
    text = "these credentials match no live session; get a new session key, or use a new nonce"
    return HeadRefused(401, "not_logged_in", text, (("WWW-Authenticate", "Bearer"),))
