"""Many rows as one parameter of one statement, for SQLite's ``json_each``."""

from collections.abc import Iterable

import msgspec


def json_rows(rows: Iterable[tuple[object, ...]]) -> str:
    """Rows as a JSON array of arrays."""
    return msgspec.json.encode(list(rows)).decode()


def json_columns(count: int) -> str:
    """The columns of a row of ``json_each``, in order."""
    return ", ".join(f"value ->> {index}" for index in range(count))
