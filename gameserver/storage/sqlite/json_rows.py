"""Many rows as one value of one statement: SQLite's ``json_each`` and ``json_group_array``.

A statement that goes row by row releases and takes the interpreter's lock for each row.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import TypeVar

import msgspec

RowT = TypeVar("RowT", bound=tuple[object, ...])


def json_rows(rows: Iterable[Sequence[object]]) -> str:
    """Encode rows as a JSON array of arrays."""
    return msgspec.json.encode(list(rows)).decode()


def json_columns(count: int) -> str:
    """The SQL for ``count`` columns of a row of ``json_each``, in order."""
    return ", ".join(f"value ->> {index}" for index in range(count))


def read_rows(rows: str, row: type[RowT]) -> list[RowT]:
    """Decode rows, as named tuples of type ``row``, from a JSON array of arrays."""
    return _decoder(row).decode(rows)


@cache
def _decoder(row: type[RowT]) -> msgspec.json.Decoder[list[RowT]]:
    return msgspec.json.Decoder(list[row])  # type: ignore[valid-type]
