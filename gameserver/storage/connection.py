"""The interface between the storage modules and a database engine.

The modules use SQL common to engines, with ``?`` for each value; what differs between engines is a method here.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from gameserver.errors import OperatorError

RowT = TypeVar("RowT", bound=tuple[object, ...])

Values = Sequence[object]


class StorageFailed(OperatorError):
    """The database cannot be read or written: the disk, the file or the engine's server is at fault."""


class StorageBusy(StorageFailed):
    """Another program holds the database's lock; nothing was changed."""


class NotAlone(Exception):
    """A transaction beside others must have more to itself: it is to be run again, with its games or all to itself."""


class Result(Protocol):
    """The result of a statement: its rows, or the number of rows it changed."""

    @property
    def rowcount(self) -> int:
        """The number of rows changed."""

    def fetchone(self) -> Any:
        """The next row; None after the last."""

    def fetchall(self) -> list[Any]:
        """All remaining rows."""

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the remaining rows."""


class Connection(Protocol):
    """A connection to the database, inside a transaction."""

    @property
    def games(self) -> Collection[int] | None:
        """The row ids of the games that the transaction changes, if others do beside it; None if it has everything."""

    def execute(self, sql: str, values: Values = (), /) -> Result:
        """Execute a statement."""

    def execute_many(self, sql: str, rows: Iterable[Values], /) -> None:
        """Execute a statement once for each row of values; for few rows."""

    def insert(self, sql: str, values: Values, /) -> int:
        """Execute an INSERT of one row, without RETURNING; returns the row's ``id``."""

    def reserve_ids(self, table: str, count: int, /) -> Sequence[int]:
        """So many ids of new rows of a table, in ascending order, which nobody else gets."""

    def execute_with(self, sql: str, columns: Sequence[str], rows: Iterable[Values], /) -> Result:
        """Execute a statement once; it reads ``rows`` from a table named ``given``, with these columns."""

    def list_rows_with(
        self, row: type[RowT], sql: str, columns: Sequence[str], rows: Iterable[Values], /
    ) -> list[RowT]:
        """Read many rows at once, as `list_rows` does; ``sql`` reads ``rows`` as in `execute_with`."""

    def insert_many(self, table: str, columns: Sequence[str], rows: Iterable[Values], /) -> None:
        """Insert any number of rows in one statement."""

    def update_many(self, table: str, columns: Sequence[str], key: Sequence[str], rows: Iterable[Values], /) -> None:
        """Set ``columns`` of many rows in one statement; each row of values has the columns first, then the key."""

    def list_rows(self, row: type[RowT], sql: str, values: Values, /) -> list[RowT]:
        """Read many rows at once; ``sql`` selects the fields of ``row``, a named tuple, under their names."""

    def list_columns(self, columns: Sequence[str], sql: str, values: Values, /) -> list[list[int]]:
        """Read columns of integers of many rows at once; ``sql`` selects them under these names."""

    def lock_rows(self, table: str, order: Sequence[str], values: Iterable[int], /) -> None:
        """Lock the rows whose first column of ``order`` is one of ``values``, one after the other in that order.

        Whoever has the database to itself has them already.
        """

    def lock_settlements(self, pool_ids: Iterable[int], /) -> list[int]:
        """Have what settlements of all games change to oneself.

        Returns the pools of whose bettors the accounts are still to be locked; none if the database is one's own.
        """

    def defer(self, change: Callable[["Connection"], object], /) -> None:
        """Make a change with the commit, or now if no other transaction changes the games of this one.

        So what many transactions change is locked for a moment only. Nothing may depend on it before the commit.
        """

    def try_alone(self) -> bool:
        """Whether no other transaction changes the games of this one; if so, none does from here on."""

    def together(self) -> AbstractContextManager[object]:
        """Send the statements of a block without waiting for their results; what they raise is raised at its end."""
