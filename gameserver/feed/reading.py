"""The lines of a feed: of a file, of one that grows, or of standard input; JSON lines or CSV."""

import csv
import json
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import trio

from gameserver.errors import OperatorError

POLL_S = 0.2
_CHUNK_BYTES = 65_536
_DELIMITERS = ",;\t"


class FeedFailed(OperatorError):
    """A feed that cannot go on; the text says why."""


class NotMapped(Exception):
    """A line that no event can be made of; the text says why."""


class Record(NamedTuple):
    """A line's number, and its fields, or why it has none."""

    number: int
    fields: dict[str, Any] | NotMapped


async def read_records(file: str, *, is_csv: bool, follow: bool) -> AsyncGenerator[Record, None]:
    """The records of a file, ``-`` for standard input; with ``follow``, it is waited for more at its end.

    The first line of CSV names the fields; its values are text. Raises `FeedFailed`.
    """
    header: list[str] | None = None
    delimiter, number = ",", 0
    lines = _input_lines() if file == "-" else _file_lines(Path(file), follow=follow)
    async for raw in lines:
        number += 1
        try:
            line = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            yield Record(number, NotMapped("it is not UTF-8"))
            continue
        if not line.strip():
            continue
        if not is_csv:
            yield Record(number, _json_fields(line))
        elif header is None:
            delimiter = max(_DELIMITERS, key=line.count)
            header = [name.strip() for name in next(csv.reader([line], delimiter=delimiter))]
        else:
            yield Record(number, _csv_fields(line, header, delimiter))


def _json_fields(line: str) -> dict[str, Any] | NotMapped:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return NotMapped("it is not JSON")
    return fields if isinstance(fields, dict) else NotMapped("it is not a JSON object")


def _csv_fields(line: str, header: list[str], delimiter: str) -> dict[str, Any] | NotMapped:
    try:
        values = next(csv.reader([line], delimiter=delimiter, strict=True))
    except csv.Error as error:
        return NotMapped(f"it is not CSV: {error}")
    if len(values) != len(header):
        return NotMapped(f"it has {len(values)} values, but the first line names {len(header)}")
    return {name: value.strip() for name, value in zip(header, values, strict=True)}


def _is_cut(opened: BinaryIO) -> bool:
    return os.fstat(opened.fileno()).st_size < opened.tell()


async def _input_lines() -> AsyncIterator[bytes]:
    while sys.stdin is not None:
        line = await trio.to_thread.run_sync(sys.stdin.buffer.readline, abandon_on_cancel=True)
        if not line:
            return
        yield line


async def _file_lines(file: Path, *, follow: bool) -> AsyncIterator[bytes]:
    """The lines of a file as they are complete; the last one of a file that is not followed need not be."""
    pending = b""
    try:
        with file.open("rb") as opened:
            while True:
                chunk = opened.read(_CHUNK_BYTES)
                *lines, pending = (pending + chunk).split(b"\n")
                for line in lines:
                    yield line
                if not chunk:
                    if not follow:
                        break
                    if _is_cut(opened):
                        raise FeedFailed(f"{file} has become shorter: it was replaced or cut; start the feed again")
                    await trio.sleep(POLL_S)
    except OSError as error:
        raise FeedFailed(f"{file} cannot be read: {error.strerror}") from None
    if pending:
        yield pending
