"""What every case works with: sizes, a place for files, and servers to start."""

import gc
import os
import sys
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from benchmarks.processes import ServerProcess, serving

_UNLIMITED = (
    *("--max-requests-per-s", "100000000", "--max-requests-per-s-per-address", "100000000"),
    *("--max-connections", "100000", "--max-connections-per-address", "100000"),
    *("--max-connections-per-user", "100000", "--max-anonymous-connections-per-address", "100000"),
)


@dataclass(frozen=True)
class Sizes:
    """How much is done; what fills the time, not what is being judged, is smaller in the quick mode."""

    rounds: int
    peer_rounds: int  # of peers that are only shown
    scene_rounds: int  # of cases that take long to set up
    seconds: float  # of load in a round
    lone_broadcasts: int
    burst_broadcasts: int
    past_games: int
    past_bets: int
    idle_connections: int
    stall_seconds: float
    small_pool_bets: int
    large_pool_bets: int
    many_bettors: int
    ranked_users: int
    storm_clients: int
    attack_seconds: float


FULL = Sizes(
    rounds=5,
    peer_rounds=2,
    scene_rounds=3,
    seconds=3.0,
    lone_broadcasts=20,
    burst_broadcasts=400,
    past_games=1_000,
    past_bets=1_000_000,
    idle_connections=10_000,
    stall_seconds=10.0,
    small_pool_bets=20_000,
    large_pool_bets=100_000,
    many_bettors=50_000,
    ranked_users=1_000_000,
    storm_clients=5_000,
    attack_seconds=10.0,
)
QUICK = Sizes(
    rounds=2,
    peer_rounds=1,
    scene_rounds=1,
    seconds=1.0,
    lone_broadcasts=10,
    burst_broadcasts=50,
    past_games=100,
    past_bets=100_000,
    idle_connections=2_000,
    stall_seconds=6.5,
    small_pool_bets=4_000,
    large_pool_bets=20_000,
    many_bettors=10_000,
    ranked_users=50_000,
    storm_clients=1_500,
    attack_seconds=4.0,
)


@dataclass(frozen=True)
class Bench:
    """The means of a case. ``directory`` is its own and goes when it ends."""

    case: str
    sizes: Sizes
    directory: Path
    core: int | None

    def progress(self, text: str) -> None:
        """Tell whoever waits what is going on."""
        print(f"{self.case}: {text}", file=sys.stderr, flush=True)

    def new_directory(self) -> Path:
        """A directory that does not exist yet, for one round's database."""
        return self.directory / uuid4().hex

    def gameserver(self, db: Path | str, *flags: str) -> AbstractContextManager[ServerProcess]:
        """Our server on a database, its limits on rates and connections out of the way."""
        arguments = ("serve", "--port", "0", "--db", str(db), "--log-level", "error", *_UNLIMITED, *flags)
        return serving("gameserver", arguments, self.core)

    def peer(self, name: str, *arguments: str) -> AbstractContextManager[ServerProcess]:
        """A server of `benchmarks.peers`."""
        return serving(f"benchmarks.peers.{name}", arguments, self.core)

    async def in_turn(
        self,
        contestants: Mapping[str, Callable[[], Awaitable[None]]],
        *,
        rounds: int | None = None,
        only_shown: Collection[str] = (),
    ) -> None:
        """All contestants in turn, round after round; fewer rounds of those that are only shown."""
        rounds = rounds or self.sizes.rounds
        for number in range(rounds):
            for who, measure in contestants.items():
                if who not in only_shown or number < self.sizes.peer_rounds:
                    self.progress(f"round {number + 1} of {rounds}, {who}")
                    gc.collect()
                    os.sync()  # what earlier rounds have left to be written would be waited for in this one
                    await measure()
