"""The interface to the other servers on a database, which `gameserver.realtime.follower` follows."""

from typing import Generic, NamedTuple, Protocol, TypeVar

SeenT = TypeVar("SeenT")


class ClockReading(NamedTuple):
    """What the database's clock showed, in epoch seconds, when this machine's monotonic one showed ``at_s``."""

    shown_s: float
    at_s: float


class Exchanged(NamedTuple):
    """What the other servers have told of who is connected to them, and what the database's clock shows."""

    told: list[bytes]
    clock: ClockReading


class Peers(Protocol, Generic[SeenT]):
    """The other servers, and a line on which they wake this one.

    `open`, `close`, `look` and `exchange` wait for the database, and so belong in a worker thread; the others belong in
    the event loop's. All but `close` raise `gameserver.storage.connection.StorageFailed` if the line is lost.
    """

    def open(self) -> None:
        """Open the line."""

    def close(self) -> None:
        """Tell the others that this server stops, if they can still be told, and close the line."""

    def look(self) -> SeenT:
        """Read what the others have announced and this server has not published."""

    def publish(self, seen: SeenT) -> None:
        """Publish what `look` has read."""

    def exchange(self, present: bytes) -> Exchanged:
        """Tell the others who is connected here."""

    @property
    def is_behind(self) -> bool:
        """Whether this server was woken for something that it has not published yet."""

    def fileno(self) -> int:
        """The line's descriptor, which is readable when there is something to take."""

    def take_hints(self) -> None:
        """Take what has arrived on the line, without waiting."""
