"""How values are written to PostgreSQL and read from it, so that they are those of SQLite."""

from typing import Any

import psycopg
from psycopg.adapt import Buffer, Dumper, Loader
from psycopg.types.numeric import Int8Dumper
from psycopg.types.string import StrDumperUnknown

# PostgreSQL's texts have no NUL: it is written as this character, which is no character, and a 0; the character itself
# is written twice.
_ESCAPE = "\U0010fffe"
_ESCAPE_BYTES = _ESCAPE.encode()


class _FlagDumper(Dumper):
    """Writes a boolean as 0 or 1, as the columns have it."""

    oid = Int8Dumper.oid

    def dump(self, obj: bool) -> Buffer:
        return b"1" if obj else b"0"


class _FlagLoader(Loader):
    """Reads a condition as 0 or 1, as the columns have it."""

    def load(self, data: Buffer) -> int:
        return int(bytes(data) == b"t")


class _SumLoader(Loader):
    """Reads a sum of integers, which PostgreSQL makes a numeric."""

    def load(self, data: Buffer) -> int:
        return int(bytes(data))


class _TextDumper(StrDumperUnknown):
    """Writes a text, which may hold NUL."""

    def dump(self, obj: str) -> Buffer | None:
        if "\0" in obj or _ESCAPE in obj:
            obj = obj.replace(_ESCAPE, _ESCAPE * 2).replace("\0", f"{_ESCAPE}0")
        return super().dump(obj)


class _TextLoader(Loader):
    """Reads a text as it was written."""

    def load(self, data: Buffer) -> str:
        raw = bytes(data)
        text = raw.decode()
        if _ESCAPE_BYTES not in raw:
            return text
        parts = text.split(_ESCAPE * 2)
        return _ESCAPE.join(part.replace(f"{_ESCAPE}0", "\0") for part in parts)


def adapt(raw: psycopg.Connection[Any]) -> None:
    """Have a connection write and read values as SQLite's do: flags as integers, sums as integers, texts with NUL."""
    raw.adapters.register_dumper(int, Int8Dumper)
    raw.adapters.register_dumper(bool, _FlagDumper)
    raw.adapters.register_dumper(str, _TextDumper)
    raw.adapters.register_loader("bool", _FlagLoader)
    raw.adapters.register_loader("numeric", _SumLoader)
    raw.adapters.register_loader("text", _TextLoader)
