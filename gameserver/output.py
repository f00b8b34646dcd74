"""What commands write: text that the terminal can show, and files in UTF-8."""

import codecs
import io
import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from gameserver.errors import OperatorError


class OutputFailed(OperatorError):
    """Standard output that cannot be written."""


class ReaderGone(Exception):
    """Nobody reads standard output any more."""


def prepare() -> None:
    """Let what a terminal cannot show be written as ``\\xe9``: no command fails for having to tell of it."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def write_utf8() -> None:
    """Write UTF-8 from now on, whatever the locale: what is written is a file."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")


def say(text: str) -> None:
    """Write a line. Raises `OutputFailed` and `ReaderGone`."""
    _write(partial(print, text))


def say_json(value: Any, *, indent: int | None = None) -> None:
    """Write JSON, with escapes for what another encoding than UTF-8 may not have, so that it stays JSON."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    say(json.dumps(value, indent=indent, ensure_ascii=codecs.lookup(encoding).name != "utf-8"))


def flush() -> None:
    """Have everything written. Raises `OutputFailed` and `ReaderGone`."""
    if sys.stdout is not None:
        _write(sys.stdout.flush)


def _write(write: Callable[[], object]) -> None:
    try:
        write()
    except OSError as error:
        # The interpreter would try once more at its end, and complain in its own words.
        with suppress(OSError), Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise ReaderGone from None
        raise OutputFailed(f"standard output cannot be written: {error.strerror}") from error
