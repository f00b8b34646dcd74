"""What is measured: values by round, their medians and ratios, and whether a target is reached."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

GAMESERVER = "gameserver"


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest of the values that at least so many percent of them do not exceed."""
    if not values:
        raise ValueError("no values")
    return sorted(values)[max(1, math.ceil(len(values) * percent / 100)) - 1]


@dataclass(frozen=True)
class Target:
    """What our figure is to reach: by itself, or as a multiple of another's in the same run."""

    bound: float
    is_minimum: bool
    against: str | None = None

    def is_reached_by(self, value: float) -> bool:
        """Whether the value, a multiple if it is ``against`` another, is on the right side of the bound."""
        return value >= self.bound if self.is_minimum else value <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.is_minimum else '≤'} {self.bound:g}{'x' if self.against else ''}"


def at_least(bound: float, against: str | None = None) -> Target:
    """A target from below."""
    return Target(bound, True, against)


def at_most(bound: float, against: str | None = None) -> Target:
    """A target from above."""
    return Target(bound, False, against)


@dataclass
class Figure:
    """One thing that is measured of us and of others.

    ``rounds`` has each contestant's values by round, ``client_shares`` how busy the load generator's core was
    meanwhile (1 is all the time: then it may have been the generator that was measured).
    """

    name: str
    unit: str
    targets: tuple[Target, ...] = ()
    rounds: dict[str, list[float]] = field(default_factory=dict)
    client_shares: dict[str, list[float]] = field(default_factory=dict)

    def add(self, who: str, value: float, client_share: float | None = None) -> None:
        """One round's value."""
        self.rounds.setdefault(who, []).append(value)
        if client_share is not None:
            self.client_shares.setdefault(who, []).append(client_share)

    def median(self, who: str) -> float:
        """The middle of a contestant's rounds."""
        return statistics.median(self.rounds[who])

    def client_share(self, who: str) -> float | None:
        """How busy the load generator was in the middle round, where that was measured."""
        shares = self.client_shares.get(who)
        return statistics.median(shares) if shares else None

    def ratio(self, against: str) -> float:
        """Our median as a multiple of another's."""
        theirs = self.median(against)
        return self.median(GAMESERVER) / theirs if theirs else math.nan

    def is_reached(self, target: Target) -> bool:
        """Whether our figure reaches the target. One that could not be measured is not reached."""
        if GAMESERVER not in self.rounds or (target.against and target.against not in self.rounds):
            return False
        return target.is_reached_by(self.ratio(target.against) if target.against else self.median(GAMESERVER))

    def target_against(self, who: str) -> Target | None:
        """The target that is a multiple of this contestant's figure; for ourselves, the one that is none."""
        against = None if who == GAMESERVER else who
        return next((target for target in self.targets if target.against == against), None)
