"""Reads the header of the PROXY protocol, in which a proxy names the client before it forwards the connection's bytes.

https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt, versions 1 and 2.
"""

import re
from ipaddress import IPv4Address, IPv6Address

import trio

from gameserver.net.head import HeadRefused

_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_MIN_HEADER_BYTES = 15  # the length of the shortest header, so that this many bytes can be read of any
_MAX_LINE_BYTES = 107
_MAX_ADDRESSES_BYTES = 4_096  # addresses and extensions, such as about TLS
_PORT = "(0|[1-9][0-9]{0,4})"
_LAST_PORT = 65_535
_LINE = re.compile(rf"PROXY (TCP4|TCP6) ([0-9a-fA-F.:]+) ([0-9a-fA-F.:]+) {_PORT} {_PORT}\r\n")
_LOCAL, _PROXY = 0x20, 0x21
# Family and protocol → the size of the addresses in bytes; other kinds are refused.
_TCP4, _TCP6, _UNIX, _UNSPECIFIED = 0x11, 0x21, 0x31, 0x00
_SIZES = {_TCP4: 12, _TCP6: 36, _UNIX: 216, _UNSPECIFIED: 0}


async def read_source(transport: trio.abc.Stream) -> str | None:
    """Read a header, and no byte after it; the client's address, None if the connection is the proxy's own or ends.

    Raises `HeadRefused` (400) if there is no valid header.
    """
    start = await _read(transport, _MIN_HEADER_BYTES)
    if len(start) < _MIN_HEADER_BYTES:
        return None
    if start.startswith(_SIGNATURE):
        return await _read_binary(transport, start)
    if start.startswith(b"PROXY "):
        return await _read_line(transport, start)
    raise _refused()


async def _read(transport: trio.abc.Stream, size: int) -> bytes:
    """Read ``size`` bytes; fewer only if the connection ends."""
    read = b""
    while len(read) < size and (data := await transport.receive_some(size - len(read))):
        read += bytes(data)
    return read


async def _read_line(transport: trio.abc.Stream, line: bytes) -> str | None:
    while not line.endswith(b"\r\n"):
        if len(line) >= _MAX_LINE_BYTES:
            raise _refused()
        more = await _read(transport, 1)
        if not more:
            return None
        line += more
    if line.startswith((b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN ")):
        return None
    found = _LINE.fullmatch(line.decode("latin-1"))
    if found is None or max(int(found[4]), int(found[5])) > _LAST_PORT:
        raise _refused()
    kind = IPv4Address if found[1] == "TCP4" else IPv6Address
    try:
        source, _ = kind(found[2]), kind(found[3])
    except ValueError:
        raise _refused() from None
    return str(source)


async def _read_binary(transport: trio.abc.Stream, start: bytes) -> str | None:
    start += await _read(transport, 1)
    if len(start) <= _MIN_HEADER_BYTES:
        return None
    command, kind, size = start[12], start[13], int.from_bytes(start[14:16])
    if size > _MAX_ADDRESSES_BYTES or command not in (_LOCAL, _PROXY):
        raise _refused()
    addresses = await _read(transport, size)
    if len(addresses) < size or command == _LOCAL:
        return None
    if kind not in _SIZES or size < _SIZES[kind]:
        raise _refused()
    if kind == _TCP4:
        return str(IPv4Address(addresses[:4]))
    if kind == _TCP6:
        return str(IPv6Address(addresses[:16]))
    return None


def _refused() -> HeadRefused:
    text = "a trusted proxy must begin the connection with a PROXY protocol header, version 1 or 2 (proxy_protocol)"
    return HeadRefused(400, "bad_request", text, reason="proxy_protocol")
