"""What a demo measures."""

from collections import Counter, deque
from collections.abc import Iterator, Mapping

import trio

_RECENT = 1_000  # bets that the picture's p99 is of
_RATE_S = 2.0  # over which rates are shown


class Rate:
    """How often something happens."""

    def __init__(self) -> None:
        self.total = 0
        self.peak = 0.0
        self._before: deque[tuple[float, int]] = deque([(trio.current_time(), 0)])

    @property
    def per_s(self) -> float:
        """A second, of late."""
        now = trio.current_time()
        self._before.append((now, self.total))
        while len(self._before) > 2 and self._before[1][0] <= now - _RATE_S:
            self._before.popleft()
        then, total = self._before[0]
        rate = (self.total - total) / (now - then) if now > then else 0.0
        if now - then >= _RATE_S:
            self.peak = max(self.peak, rate)
        return rate


class Figures:
    """The bets placed and refused, how long they took, and the messages that spectators received."""

    def __init__(self) -> None:
        self.bets = Rate()
        self.messages = Rate()
        self.refused: Counter[str] = Counter()
        self.spectators = 0
        self.spectators_lost = 0
        self._took_s: list[float] = []
        self._recent_s: deque[float] = deque(maxlen=_RECENT)
        self._began_s = trio.current_time()

    def note_bet(self, took_s: float) -> None:
        """Note a bet that was placed."""
        self.bets.total += 1
        self._took_s.append(took_s)
        self._recent_s.append(took_s)

    def shown(self) -> Mapping[str, str]:
        """What the picture shows."""
        return {
            "bets/s": f"{self.bets.per_s:,.0f}",
            "messages/s": f"{self.messages.per_s:,.0f}",
            "p99": f"{1000 * percentile(sorted(self._recent_s), 0.99):.1f} ms",
        }

    def summary(self) -> Iterator[str]:
        """A line for each figure at the end."""
        took_s = sorted(self._took_s)
        lasted_s = max(trio.current_time() - self._began_s, 0.001)
        p50, p99, longest = (1000 * percentile(took_s, share) for share in (0.5, 0.99, 1.0))
        yield f"{lasted_s:.1f} s"
        yield f"{self.bets.total:,} bets, {self.bets.total / lasted_s:,.0f}/s, at most {self.bets.peak:,.0f}/s"
        yield f"a bet took {p50:.1f} ms in the median, {p99:.1f} ms at p99, {longest:.1f} ms at most"
        if self.refused:
            yield "refused: " + ", ".join(f"{count:,} {code}" for code, count in self.refused.most_common())
        received, rate = self.messages.total, self.messages.total / lasted_s
        yield f"{self.spectators:,} spectators received {received:,} messages, {rate:,.0f}/s"
        if self.spectators_lost:
            yield f"{self.spectators_lost:,} spectators lost their connection"


def percentile(ordered: list[float], share: float) -> float:
    """The value that a share of them does not exceed; 0 of none."""
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0
