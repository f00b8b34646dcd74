"""Limits of what is tried in a span of time: log-ins and sign-ups (protocol, "Accounts")."""

import math
from collections import OrderedDict, deque
from collections.abc import Hashable

from gameserver.errors import ErrorCode, Rejected

MAX_KEYS = 100_000


class Attempts:
    """Counts attempts by key, and refuses more than ``limit`` within ``span_s`` seconds.

    The table holds ``max_keys``: the key least recently tried is forgotten first.
    """

    def __init__(self, limit: int, span_s: float, text: str, max_keys: int = MAX_KEYS) -> None:
        self._limit = limit
        self._span_s = span_s
        self._text = text
        self._max_keys = max_keys
        self._tried_at: OrderedDict[Hashable, deque[float]] = OrderedDict()

    def require(self, key: Hashable, now_s: float) -> None:
        """Raise ``rate_limited`` if there have been too many."""
        tried_at = self._tried_at.get(key, deque())
        while tried_at and tried_at[0] <= now_s - self._span_s:
            tried_at.popleft()
        if len(tried_at) >= self._limit:
            wait_s = tried_at[0] + self._span_s - now_s
            raise Rejected(ErrorCode.RATE_LIMITED, self._text, retry_after_ms=math.ceil(wait_s * 1000))

    def add(self, key: Hashable, now_s: float) -> None:
        """Count an attempt."""
        self._tried_at.setdefault(key, deque(maxlen=self._limit)).append(now_s)
        self._tried_at.move_to_end(key)
        if len(self._tried_at) > self._max_keys:
            self._tried_at.popitem(last=False)
