"""Room kept for health checks: when connections are full, and when the system has no descriptors left."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import trio

MAX_HELD = 256
_SPARE_DESCRIPTORS = 16


class Reserve:
    """Connections for which there is no place, until it is known what they ask, and spare descriptors for them.

    Who has been held longest makes room for the next: a health check has mostly said what it wants when it is
    accepted, and so needs the room for no time, however many come and say nothing.
    """

    def __init__(self) -> None:
        self._held: dict[trio.CancelScope, None] = {}
        self._spare = [os.open(os.devnull, os.O_RDONLY)]  # the first is never let go of: it is what others are made of
        self.replenish()

    def replenish(self) -> bool:
        """Take as many descriptors as have been let go of; whether the system had them."""
        try:
            while len(self._spare) <= _SPARE_DESCRIPTORS:
                self._spare.append(os.dup(self._spare[0]))
        except OSError:
            return False
        return True

    def spend(self) -> bool:
        """Let go of a descriptor, for what is opened next; whether there was one. If not, somebody has to go."""
        if len(self._spare) > 1:
            os.close(self._spare.pop())
            return True
        self._evict()
        return False

    @contextmanager
    def hold(self) -> Iterator[trio.CancelScope]:
        """A scope that is cancelled when another needs the room."""
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
        """Give the descriptors back."""
        while self._spare:
            os.close(self._spare.pop())
