"""The server's clock."""

import time
from collections.abc import Callable


class Clock:
    """Epoch milliseconds that never step back, not even behind what an earlier run of the server recorded."""

    def __init__(self, read_s: Callable[[], float] = time.time) -> None:
        self._read_s = read_s
        self._last_ms = 0

    def now_ms(self) -> int:
        """The time."""
        self._last_ms = max(self._last_ms, int(self._read_s() * 1000))
        return self._last_ms

    def not_before(self, moment_ms: int) -> None:
        """Never tell an earlier time than this."""
        self._last_ms = max(self._last_ms, moment_ms)
