"""Invitations: a game's address as players reach it, and its QR code (protocol, "Invitations")."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from urllib.parse import urlsplit

import msgspec
import segno
from starlette.responses import Response

from gameserver.config import Settings
from gameserver.net.own_address import is_everywhere, is_loopback, own_address
from gameserver.protocol.fields import Uuid
from gameserver.web.answers import json_answer
from gameserver.web.call import HttpCall
from gameserver.web.endpoint import Endpoint

_BORDER = 4  # the quiet zone that scanners need, in modules


class Invited(msgspec.Struct, frozen=True):
    """The game that an invitation leads to."""

    game_id: Uuid


class Invitation(msgspec.Struct, frozen=True):
    """Where a game is: ``url``, and whether others than this machine reach it.

    ``path`` draws its QR code, black on white, in a square of ``size``.
    """

    url: str
    is_reachable: bool
    size: int
    path: str


async def invite(call: HttpCall) -> Response:
    """The address of a game as players reach it, and its QR code as the path of an SVG."""
    call.charge()
    call.require_session()
    game_id = call.from_path(Invited).game_id
    host = reachable(call.header("host") or "", call.context.settings)
    url = f"{'https' if call.http.is_secure else 'http'}://{host}/#/game/{game_id}"
    size, path = qr_path(url)
    invitation = Invitation(url, not is_loopback(urlsplit(f"//{host}").hostname or ""), size, path)
    return json_answer(msgspec.json.encode(invitation))


def reachable(host: str, settings: Settings) -> str:
    """A host with its port by which others reach the server: that of a request, if only this machine reaches itself so.

    A server that listens at one address has no other.
    """
    parts = urlsplit(f"//{host}")
    if not is_loopback(parts.hostname or "") or not any(is_everywhere(one.strip()) for one in settings.host.split(",")):
        return host
    port = f":{parts.port}" if parts.port is not None else ""
    return f"{own_address()}{port}"


def qr_path(text: str) -> tuple[int, str]:
    """The size of a text's QR code in modules, with its quiet zone, and the path of its dark ones."""
    code = segno.make(text, micro=False)
    rows = list(code.matrix_iter(border=_BORDER))
    return len(rows), "".join(_dark(rows))


def _dark(rows: Iterable[Iterable[int]]) -> Iterator[str]:
    """A rectangle for each run of dark modules."""
    for y, row in enumerate(rows):
        x = 0
        for is_dark, run in groupby(row):
            length = len(list(run))
            if is_dark:
                yield f"M{x} {y}h{length}v1h-{length}z"
            x += length


INVITATIONS: tuple[Endpoint, ...] = (Endpoint(("GET",), "/r/invitations/{game_id}", invite, reply=Invitation),)
