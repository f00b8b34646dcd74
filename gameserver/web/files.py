"""The console's files: ES modules, styles and pictures, as they lie in ``gameserver/web/console``."""

import gzip
import re
from collections.abc import Iterator
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath
from typing import NamedTuple

from starlette.responses import Response

from gameserver.web.answers import Misuse, tagged
from gameserver.web.call import HttpCall

_INDEX = "index.html"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
# An item of Accept-Encoding that asks for gzip; q=0 refuses it (RFC 9110, section 12.4.2).
_GZIP = re.compile(r"gzip(\s*;(?!\s*q=0(\.0*)?$).*)?")
_TEXT = "text/plain; charset=utf-8"
FILE_METHODS = "GET, HEAD, OPTIONS"
# Nothing but the server's own scripts and styles, none of them within a page; nothing in a frame elsewhere.
_PROTECTION = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
}


class File(NamedTuple):
    """A file of the console, and the same compressed if that is shorter."""

    media_type: str
    content: bytes
    compressed: bytes | None


@cache
def console_files() -> dict[str, File]:
    """Every file by the path it is asked for by, read once; the page itself at ``/`` too."""
    files = {f"/{name}": _read(name, file) for name, file in _walk(resources.files(__package__) / "console")}
    return {"/": files[f"/{_INDEX}"], **files}


def _walk(folder: Traversable, above: str = "") -> Iterator[tuple[str, Traversable]]:
    """Each file below a folder, with its path from there."""
    for entry in folder.iterdir():
        name = f"{above}{entry.name}"
        if entry.is_dir():
            yield from _walk(entry, f"{name}/")
        else:
            yield name, entry


def _read(name: str, file: Traversable) -> File:
    content = file.read_bytes()
    compressed = gzip.compress(content, mtime=0)
    media_type = _TYPES.get(PurePosixPath(name).suffix, _TEXT)
    return File(media_type, content, compressed if len(compressed) < len(content) else None)


def show_file(call: HttpCall, file: File) -> Response:
    """Answer with a file. Raises `Misuse` for a method that changes something."""
    if call.http.head.method not in ("GET", "HEAD"):
        raise Misuse(405, f"this path accepts {FILE_METHODS}", {"Allow": FILE_METHODS})
    takes_gzip = any(map(_GZIP.fullmatch, call.http.head.items("accept-encoding")))
    content, headers = file.content, {"Vary": "Accept-Encoding", **_PROTECTION}
    if file.compressed is not None and takes_gzip:
        content, headers["Content-Encoding"] = file.compressed, "gzip"
    answer = tagged(content, file.media_type, call.header("if-none-match"))
    answer.headers.update(headers)
    return answer
