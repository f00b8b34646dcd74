"""The client's address behind reverse proxies that the operator trusts."""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from gameserver.config import UNIX
from gameserver.net.head import Head, HeadRefused

# An address in a proxy's header: bare, or with a port, and then IPv6 in brackets.
_ADDRESS = re.compile(r"\[(?P<v6>[0-9A-Fa-f:.]+)\](:\d+)?|(?P<v4>[0-9.]+)(:\d+)?|(?P<bare>[0-9A-Fa-f:.]+)")
# Forwarded (RFC 7239): elements separated by commas, pairs by semicolons; a quoted value may contain both.
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_PAIR = re.compile(rf'\s*([\w-]+)=({_QUOTED}|[^\s",;=]+)\s*')

# Headers that proxies add about themselves or the client. Every X-… counts as one, except the scraper's own.
_PROXY_PREFIXES = (
    *("x-", "forwarded", "via", "true-", "client-", "real-", "remote-", "proxy-", "wl-proxy-", "cdn-", "cf-", "fly-"),
    *("akamai-", "cloudfront-", "fastly-", "incap-", "ngrok-", "surrogate-", "tailscale-", "max-forwards"),
)
_SCRAPERS_OWN = "x-prometheus-scrape-timeout-seconds"


class Addresses:
    """A set of addresses and networks, parsed from the names in the settings."""

    def __init__(self, names: Iterable[str]) -> None:
        names = set(names)
        self._unix = UNIX in names
        self._networks = [ip_network(name) for name in names - {UNIX}]

    def __contains__(self, address: str) -> bool:
        if address == UNIX:
            return self._unix
        found = _parse(address) if self._networks else None
        return found is not None and any(found in network for network in self._networks)


def is_private(address: str) -> bool:
    """Whether an address is of this machine or of a private network."""
    found = _parse(address.partition("%")[0])
    return address == UNIX or (found is not None and found.is_private)


def is_forwarded(head: Head) -> bool:
    """Whether a request has a header that proxies add."""
    return any(name.startswith(_PROXY_PREFIXES) and name != _SCRAPERS_OWN for name in head.headers)


def names_address(host: str) -> bool:
    """Whether a Host header is ``localhost`` or an address, neither of which an attacker's DNS can point here."""
    return host.lower().partition(":")[0] == "localhost" or _parse(host) is not None


def client_address(peer: str, head: Head, trusted: Addresses, header: str) -> str:
    """The address of the client whose request came through ``peer``.

    Only a trusted peer's header is read: the client is the last address in the chain that is not a trusted proxy.
    ``header`` is the header that these proxies write, ``x-forwarded-for`` or ``forwarded``; the other is ignored,
    since any client can send it.

    Raises `HeadRefused` (400) if the header has no address where the client's belongs: with the proxy's own address
    instead, such clients would share a limit, or escape it.
    """
    address = peer
    if peer not in trusted or header not in head.headers:
        return address
    value = ",".join(head.headers[header])
    for entry in reversed(value.split(",") if header == "x-forwarded-for" else _hops(value)):
        found = _parse(entry.strip())
        if found is None:
            raise HeadRefused(400, "bad_request", f"the header {header} must have the client's address")
        address = str(found)
        if address not in trusted:
            break
    return address


def came_by_https(peer: str, head: Head, trusted: Addresses, header: str) -> bool:
    """Whether a trusted proxy says that the request reached it by HTTPS."""
    if peer not in trusted:
        return False
    if header == "x-forwarded-for":
        return head.items("x-forwarded-proto")[-1:] == ["https"]
    elements = _elements(",".join(head.headers.get(header, ()))) or [[""]]
    return _value(elements[-1], "proto").lower() == "https"


def _hops(forwarded: str) -> list[str]:
    """The addresses in a ``Forwarded`` header, the client's first; "" stands for a malformed one."""
    elements = _elements(forwarded)
    return [""] if elements is None else [_value(pairs, "for") for pairs in elements]


def _elements(forwarded: str) -> list[list[str]] | None:
    """The pairs of each element, None if a quote is not closed. One pass over the text, which is untrusted."""
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


def _value(element: list[str], name: str) -> str:
    """The value of a name that occurs exactly once in a well-formed element, else ""."""
    pairs = [_PAIR.fullmatch(part) for part in element]
    found = [pair[2].strip('"') for pair in pairs if pair is not None and pair[1].lower() == name]
    return found[0] if len(found) == 1 and None not in pairs else ""


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    """The address in a text, None if there is none; an IPv4-mapped IPv6 address becomes IPv4."""
    matched = _ADDRESS.fullmatch(text)
    if matched is None:
        return None
    try:
        found = ip_address(matched["v6"] or matched["v4"] or matched["bare"])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
