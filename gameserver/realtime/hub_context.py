"""What the hubs of all games share."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field

from gameserver.engine.distribution import Updates
from gameserver.engine.leaderboards import RankingUpdate
from gameserver.net.outbox import Outbox
from gameserver.realtime.elsewhere import Elsewhere
from gameserver.realtime.presence import Attendance
from gameserver.storage.jobs import Job, RunSync


@dataclass
class HubContext:
    """What all hubs share: the clock, timers, the store's reads, the watchers of sources, and the intervals.

    ``run_aside`` runs a function in a worker thread. ``deliveries`` counts broadcasts pushed times their receivers,
    without presence pushed at once.
    """

    now_ms: Callable[[], int]
    call_later: Callable[[float, Callable[[], object]], object]
    read: Callable[[Job[Updates]], Awaitable[Updates]]
    read_ranking: Callable[[Job[RankingUpdate]], Awaitable[RankingUpdate]]
    run_aside: RunSync
    watchers_of: Callable[[int], Collection[Outbox]]
    presence_detail_limit: int
    presence_interval_s: float
    distribution_interval_s: float
    leaderboard_interval_s: float
    deliveries: int = 0
    attendance: Attendance = field(default_factory=Attendance)
    elsewhere: Elsewhere = field(default_factory=Elsewhere)
