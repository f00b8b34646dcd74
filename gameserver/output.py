"""The standard output of commands: text that the terminal can show, and exports in UTF-8."""

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
    """Standard output cannot be written; the text says why."""


class ReaderGone(Exception):
    """The reader of standard output has gone."""


def prepare() -> None:
    """Write characters that the terminal cannot show as escapes such as ``\\xe9``, so that no command fails on them."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def write_utf8() -> None:
    """Switch standard output to UTF-8, whatever the locale, for an export."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")


def say(text: str) -> None:
    """Write a line. Raises `OutputFailed` and `ReaderGone`."""
    _write(partial(print, text))


def say_at_once(text: str) -> None:
    """Write a line that whoever reads it gets at once. Raises `OutputFailed` and `ReaderGone`."""
    say(text)
    flush()


def say_json(value: Any, *, indent: int | None = None, at_once: bool = False) -> None:
    """Write JSON; unless the output is UTF-8, non-ASCII characters are escaped. Raises `OutputFailed`, `ReaderGone`."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    text = json.dumps(value, indent=indent, ensure_ascii=codecs.lookup(encoding).name != "utf-8")
    (say_at_once if at_once else say)(text)


def flush() -> None:
    """Flush standard output. Raises `OutputFailed` and `ReaderGone`."""
    if sys.stdout is not None:
        _write(sys.stdout.flush)


def _write(write: Callable[[], object]) -> None:
    try:
        write()
    except OSError as error:
        # The interpreter would flush again at exit and print an error of its own.
        with suppress(OSError), Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise ReaderGone from None
        raise OutputFailed(f"standard output cannot be written: {error.strerror}") from error
