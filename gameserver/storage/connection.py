"""What the topics of the storage ask of a database engine.

They speak SQL that engines share, with ``?`` for each value; what each engine does in its own way stands here by name.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from gameserver.errors import OperatorError

RowT = TypeVar("RowT", bound=tuple[object, ...])

Values = Sequence[object]


class StorageFailed(OperatorError):
    """The database cannot be read or written: the disk, the file or the engine's server is at fault."""


class StorageBusy(StorageFailed):
    """Another program holds the database; nothing was done."""


class Result(Protocol):
    """The rows of a statement, or how many it changed."""

    @property
    def rowcount(self) -> int:
        """How many rows were changed."""

    def fetchone(self) -> Any:
        """The next row, None at the end."""

    def fetchall(self) -> list[Any]:
        """The rows that are left."""

    def __iter__(self) -> Iterator[Any]:
        """The rows that are left, one by one."""


class Connection(Protocol):
    """A connection to the database, within a transaction."""

    def execute(self, sql: str, values: Values = (), /) -> Result:
        """Carry out a statement."""

    def execute_many(self, sql: str, rows: Iterable[Values], /) -> None:
        """Carry out a statement for each of a few rows of values."""

    def insert(self, sql: str, values: Values, /) -> int:
        """Carry out an INSERT of one row without RETURNING; the row's ``id``."""

    def insert_many(self, table: str, columns: Sequence[str], rows: Iterable[Values], /) -> None:
        """Insert rows, however many, in one statement."""

    def update_many(self, table: str, columns: Sequence[str], key: Sequence[str], rows: Iterable[Values], /) -> None:
        """Set ``columns`` of many rows in one statement; each row of values has the columns first, then the key."""

    def list_rows(self, row: type[RowT], sql: str, values: Values, /) -> list[RowT]:
        """Read many rows at once; ``sql`` selects the fields of ``row``, a named tuple, under their names."""

    def savepoint(self) -> AbstractContextManager[None]:
        """Undo what is done within, and only that, if it raises."""
