"""Whose word is taken for where a client is: reverse proxies that the operator trusts."""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from gameserver.config import UNIX
from gameserver.realtime.head import Head, HeadRefused

# An address as proxies write it: bare, or with a port, then IPv6 in brackets.
_ADDRESS = re.compile(r"\[(?P<v6>[0-9A-Fa-f:.]+)\](:\d+)?|(?P<v4>[0-9.]+)(:\d+)?|(?P<bare>[0-9A-Fa-f:.]+)")
# Forwarded (RFC 7239): elements between commas, pairs between semicolons; a quoted value may hold both.
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_PAIR = re.compile(rf'\s*([\w-]+)=({_QUOTED}|[^\s",;=]+)\s*')

# Headers in which proxies tell of themselves, or of the client; any other X-… is one too, but a scraper's own.
_PROXY_PREFIXES = (
    *("x-", "forwarded", "via", "true-", "client-", "real-", "remote-", "proxy-", "wl-proxy-", "cdn-", "cf-", "fly-"),
    *("akamai-", "cloudfront-", "fastly-", "incap-", "ngrok-", "surrogate-", "tailscale-", "max-forwards"),
)
_SCRAPERS_OWN = "x-prometheus-scrape-timeout-seconds"


class Addresses:
    """A set of addresses and networks, as the settings name them."""

    def __init__(self, names: Iterable[str]) -> None:
        names = set(names)
        self._unix = UNIX in names
        self._networks = [ip_network(name) for name in names - {UNIX}]

    def __contains__(self, address: str) -> bool:
        if address == UNIX:
            return self._unix
        found = _parse(address) if self._networks else None
        return found is not None and any(found in network for network in self._networks)


def is_forwarded(head: Head) -> bool:
    """Whether a request shows that a proxy passed it on."""
    return any(name.startswith(_PROXY_PREFIXES) and name != _SCRAPERS_OWN for name in head.headers)


def names_address(host: str) -> bool:
    """Whether a Host header is ``localhost`` or an address, which nobody can have the DNS answer falsely."""
    return host.lower().partition(":")[0] == "localhost" or _parse(host) is not None


def client_address(peer: str, head: Head, trusted: Addresses, header: str) -> str:
    """Where the client is that asks through ``peer``.

    Only a trusted peer is believed, and only as far as the proxies it names are trusted too: the client is
    the last in the chain who is not. ``header`` is the one that these proxies write, ``x-forwarded-for`` or
    ``forwarded``; the other may come from anybody.

    Raises `HeadRefused` (400) if the header names no address where it should name the client: to take the
    proxy's own instead would let such clients share a limit, or escape it.
    """
    address = peer
    if peer not in trusted or header not in head.headers:
        return address
    value = ",".join(head.headers[header])
    for entry in reversed(value.split(",") if header == "x-forwarded-for" else _hops(value)):
        found = _parse(entry.strip())
        if found is None:
            raise HeadRefused(400, "bad_request", f"the header {header} names no address where the client's should be")
        address = str(found)
        if address not in trusted:
            break
    return address


def _hops(forwarded: str) -> list[str]:
    """The hops that ``Forwarded`` names, the client's first; "" for what is out of order."""
    elements = _elements(forwarded)
    return [""] if elements is None else [_hop(pairs) for pairs in elements]


def _elements(forwarded: str) -> list[list[str]] | None:
    """The pairs of each element, None if a quote is not closed: in one pass, as anybody may have sent this."""
    elements: list[list[str]] = [[]]
    start, quoted, escaped = 0, False, False
    for position, character in enumerate(forwarded + ","):
        if quoted:
            quoted = escaped or character != '"'
            escaped = not escaped and character == "\\"
        elif character == '"':
            quoted = True
        elif character in ",;":
            elements[-1].append(forwarded[start:position])
            start = position + 1
            if character == ",":
                elements.append([])
    return None if quoted else elements[:-1]


def _hop(element: list[str]) -> str:
    pairs = [_PAIR.fullmatch(part) for part in element]
    found = [pair[2].strip('"') for pair in pairs if pair is not None and pair[1].lower() == "for"]
    return found[0] if len(found) == 1 and None not in pairs else ""


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    """The address, that of IPv4 where IPv6 only wraps it."""
    matched = _ADDRESS.fullmatch(text)
    if matched is None:
        return None
    try:
        found = ip_address(matched["v6"] or matched["v4"] or matched["bare"])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
