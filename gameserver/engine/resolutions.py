"""Resolving a pool by hand, to one or several winners (protocol, "Manual resolution")."""

from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from gameserver.config import Settings
from gameserver.domain.names import split_list
from gameserver.domain.parimutuel import Split
from gameserver.domain.targets import target_key
from gameserver.engine.context import Reading
from gameserver.engine.event_drafts import require_past, require_within_pool
from gameserver.engine.preconditions import require_unresolved
from gameserver.engine.settlement import Resolution
from gameserver.errors import ErrorCode, Rejected, invalid
from gameserver.protocol.declare import Request
from gameserver.storage.events import Event
from gameserver.storage.pools import Pool, list_pool_targets


class ManualResolution(NamedTuple):
    """A resolution by hand, checked and not carried out yet; its event is not stored."""

    pool: Pool
    event: Event
    winners: tuple[int, ...]
    split: Split

    @property
    def resolution(self) -> Resolution:
        """How the pool ends."""
        return Resolution("event", self.winners, self.event, self.split)


def parse_winners(names: list[str] | str, settings: Settings) -> list[str]:
    """The ids that winners are named by, each once. Raises `Rejected`."""
    most = settings.max_pool_targets + 1
    keys = [target_key(name, "winners", settings.max_target_depth) for name in islice(split_list(names), most)]
    if not keys:
        raise Rejected(ErrorCode.MISSING_PARAMETER, "winners must name at least one of the pool's targets", "winners")
    return list(dict.fromkeys(keys))


def draft_resolution(
    reading: Reading, request: Request, pool_uuid: str, keys: Sequence[str], happened_at: int | None, split: Split
) -> ManualResolution:
    """The resolution of a pool that a request describes. Raises `Rejected`."""
    happened_at = reading.now_ms if happened_at is None else happened_at
    require_past(happened_at, reading.now_ms)
    pool = reading.pool(request, pool_uuid)
    positions = {target.key: target.position for target in list_pool_targets(reading.connection, pool.id)}
    for key in keys:
        if key not in positions:
            raise invalid("winners", f"winners must be targets of this pool, not {key[:80]!r}")
    require_unresolved(pool)
    require_within_pool(pool, happened_at)
    winners = ",".join(keys)
    event = Event(0, "", pool.game_id, None, None, pool.id, winners, None, happened_at, reading.now_ms, None)
    return ManualResolution(pool, event, tuple(sorted(positions[key] for key in keys)), split)
