"""Capacity reserved for health checks, for when connections are full or descriptors have run out."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import trio

MAX_HELD = 256
_SPARE_DESCRIPTORS = 16


class Reserve:
    """Holds connections beyond the limits until their request is known, and spare descriptors for them.

    At most `MAX_HELD` are held: the one held longest is cancelled to make room for the next. A health check has mostly
    sent its request by the time it is accepted, and so is answered however many connections are held and silent.
    """

    def __init__(self) -> None:
        self._held: dict[trio.CancelScope, None] = {}
        self._spare = [os.open(os.devnull, os.O_RDONLY)]  # the first stays: others are its duplicates
        self.replenish()

    def replenish(self) -> bool:
        """Open the spare descriptors that are missing; whether the system had them all."""
        try:
            while len(self._spare) <= _SPARE_DESCRIPTORS:
                self._spare.append(os.dup(self._spare[0]))
        except OSError:
            return False
        return True

    def release_descriptor(self) -> bool:
        """Close a spare descriptor, for what is opened next; whether there was one.

        If not, end the oldest connection held.
        """
        if len(self._spare) > 1:
            os.close(self._spare.pop())
            return True
        self._evict()
        return False

    @contextmanager
    def hold(self) -> Iterator[trio.CancelScope]:
        """Hold a connection: yields a cancel scope, which is cancelled when another connection needs the room."""
        if len(self._held) >= MAX_HELD:
            self._evict()
        with trio.CancelScope() as scope:
            self._held[scope] = None
            try:
                yield scope
            finally:
                self._held.pop(scope, None)

    def _evict(self) -> None:
        for scope in self._held:
            del self._held[scope]
            scope.cancel()
            return

    def close(self) -> None:
        """Close all spare descriptors."""
        while self._spare:
            os.close(self._spare.pop())
