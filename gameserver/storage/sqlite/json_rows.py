"""Many rows as one value of one statement: SQLite's ``json_each`` and ``json_group_array``.

A statement that goes row by row gives the interpreter's lock away and asks for it again with each.
"""

from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec

RowT = TypeVar("RowT", bound=tuple[object, ...])


def json_rows(rows: Iterable[Sequence[object]]) -> str:
    """Rows as a JSON array of arrays."""
    return msgspec.json.encode(list(rows)).decode()


def json_columns(count: int) -> str:
    """The columns of a row of ``json_each``, in order."""
    return ", ".join(f"value ->> {index}" for index in range(count))


def read_rows(rows: str, row: type[RowT]) -> list[RowT]:
    """Rows, which are named tuples, from a JSON array of arrays."""
    return msgspec.json.decode(rows, type=list[row])  # type: ignore[valid-type]
