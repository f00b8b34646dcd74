"""Ending pools: all that one cause ends, as if one after the other (protocol, "Settlement")."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from msgspec import UNSET
from msgspec.structs import replace

from gameserver.domain.money import to_units
from gameserver.domain.pools import PoolStatus
from gameserver.engine.alike import PoolMessages
from gameserver.engine.context import Broadcast, Change
from gameserver.engine.recreation import Recreation, open_successors, plan_successors
from gameserver.engine.settlement import (
    Resolution,
    SettlementPlan,
    amounts_by_user,
    apply_plan,
    plan_settlement,
    positions_without_event,
    shown_winners,
)
from gameserver.protocol.events import BetPoolExpired, BetPoolResolved, EndedPool
from gameserver.storage.games import Game
from gameserver.storage.ledger import lock_accounts_of_pools
from gameserver.storage.pools import Pool, PoolTarget, list_targets_of_pools
from gameserver.storage.schedule import delete_ends
from gameserver.storage.settlements import NewSettlement, PoolEnd, insert_settlements, update_pools_ended
from gameserver.storage.users import list_usernames


class _End(NamedTuple):
    """A pool as its end leaves it, how it ended, and what it paid."""

    pool: Pool
    resolution: Resolution
    plan: SettlementPlan
    settlement_id: int


def end_pools(change: Change, game: Game, resolutions: Sequence[tuple[Pool, Resolution]]) -> None:
    """Settle open pools of a game, all by one cause, as if one after the other.

    The end of each is published (362, or 363 at its ``finish_at``), and it is recreated if it asks for that.
    """
    if not resolutions:
        return
    pools, cause = [pool for pool, _ in resolutions], resolutions[0][1].cause
    targets = list_targets_of_pools(change.connection, [pool.id for pool in pools])
    ends = _settle(change, resolutions)
    # The other timers stay: they apply if a settlement is taken back.
    if timed := [pool.id for pool in pools if pool.finish_at is not None]:
        delete_ends(change.connection, timed)
    times = {}
    if cause in ("event", "time"):
        times = plan_successors(change, game, pools, by_time=cause == "time", is_end=True)
    _store_ends(change, ends, {pool_id for pool_id, planned in times.items() if planned is None})
    recreations = [
        Recreation(pool, targets[pool.id], planned) for pool in pools if (planned := times.get(pool.id)) is not None
    ]
    opened = open_successors(change, game, recreations)
    broadcasts = []
    for end, ended in zip(ends, _told(change, ends, targets), strict=True):
        broadcasts.append(ended)
        if end.pool.id in opened:
            broadcasts.append(opened[end.pool.id])
    change.publish_all(game, broadcasts)


def end_without_event(change: Change, game: Game, pools: Sequence[Pool], cause: str) -> None:
    """End open pools of a game that no event has resolved: parimutuel as ``none``, binary as their second label."""
    positions = positions_without_event(change, pools)
    end_pools(change, game, [(pool, Resolution(cause, (positions[pool.id],))) for pool in pools])


def _settle(change: Change, resolutions: Sequence[tuple[Pool, Resolution]]) -> list[_End]:
    """Store the settlements of pools, and move the money."""
    lock_accounts_of_pools(change.connection, [pool.id for pool, _ in resolutions if pool.bet_count])
    planned = [(pool, resolution, plan_settlement(change, pool, resolution)) for pool, resolution in resolutions]
    settlement_ids = insert_settlements(
        change.connection,
        [
            NewSettlement(
                pool_id=pool.id,
                event_id=resolution.event.id if resolution.event is not None else None,
                cause=resolution.cause,
                winners=resolution.winners,
                split=resolution.split,
                takeout=plan.takeout,
                settled_at=change.now_ms,
                divisions=plan.divisions,
            )
            for pool, resolution, plan in planned
        ],
    )
    ends = []
    for (pool, resolution, plan), settlement_id in zip(planned, settlement_ids, strict=True):
        apply_plan(change, pool, plan, settlement_id)
        ends.append(_End(_ended(pool, plan), resolution, plan, settlement_id))
    return ends


def _ended(pool: Pool, plan: SettlementPlan) -> Pool:
    """A pool as its end leaves it; late bets are taken out of its sums, which is another version."""
    if not plan.late:
        return replace(pool, status=PoolStatus.RESOLVED, version=pool.version + 1)
    return replace(
        pool,
        status=PoolStatus.RESOLVED,
        amount_total=sum(plan.staked.values()),
        participants=sum(amount > 0 for amount in plan.staked.values()),
        version=pool.version + 2,
    )


def _store_ends(change: Change, ends: Sequence[_End], given_up: Collection[int]) -> None:
    """Mark pools as ended; those ``given_up`` ask to be recreated no longer, which is another version."""
    update_pools_ended(
        change.connection,
        [
            PoolEnd(
                pool_id=pool.id,
                status=pool.status,
                settlement_id=settlement_id,
                recreate_on_end=pool.recreate_on_end and pool.id not in given_up,
                version=pool.version + (pool.id in given_up),
            )
            for pool, _, _, settlement_id in ends
        ],
    )
    # All who have taken part in a pool count, those whose bets were all late too.
    if bet_in := [end.pool.id for end in ends if end.pool.bet_count]:
        change.tally.add(change.connection, bet_in)


class _Listed(NamedTuple):
    """The bettors of a pool that the message about its end lists, cut at a limit, and how many there are in all."""

    winners: dict[str, Decimal]
    losers: dict[str, Decimal]
    late: list[int]
    counts: tuple[int, int, int]

    @property
    def users(self) -> list[int]:
        """The ids of all that are listed, in order."""
        return sorted({*map(int, (*self.winners, *self.losers)), *self.late})


def _listed(end: _End, limit: int) -> _Listed:
    pool, _, plan, _ = end
    winners, losers = plan.winners, plan.losers
    late = list(dict.fromkeys(bet.user_id for bet in plan.late))
    return _Listed(
        amounts_by_user(winners, pool.currency, limit),
        amounts_by_user(losers, pool.currency, limit),
        late[:limit],
        (len(winners), len(losers), len(late)),
    )


_NOBODY = _Listed({}, {}, [], (0, 0, 0))


def _told(change: Change, ends: Sequence[_End], targets: Mapping[int, list[PoolTarget]]) -> Iterator[Broadcast]:
    """The broadcasts about the ends of pools, all by one cause (362, or 363)."""
    limit = change.settings.max_listed_bettors
    listed = {end.pool.id: _listed(end, limit) for end in ends if end.plan.staked}
    users = dict.fromkeys(user for bettors in listed.values() for user in bettors.users)
    names = list_usernames(change.connection, users)
    kind = BetPoolExpired if ends[0].resolution.cause == "time" else BetPoolResolved
    messages = PoolMessages(kind)
    for end in ends:
        pool, resolution, plan, _ = end
        keys = {target.position: target.key for target in targets[pool.id]}
        # Pools that nobody has bet in are alike if they have the same winners.
        rest = pool.id if plan.staked else tuple([keys[position] for position in resolution.winners])
        build = partial(_message, change, kind, end, keys, listed.get(pool.id, _NOBODY), names)
        yield messages.about(pool, rest, build, ends_pool=pool.uuid)


def _message(
    change: Change,
    kind: type[EndedPool],
    end: _End,
    keys: Mapping[int, str],
    listed: _Listed,
    names: Mapping[int, str],
    pool: Pool,
) -> EndedPool:
    """How a pool ended; ``pool`` has the ids to be shown."""
    truncated = max(listed.counts) > change.settings.max_listed_bettors
    counts = listed.counts if truncated else (UNSET, UNSET, UNSET)
    event, expired = end.resolution.event, kind is BetPoolExpired
    return kind(
        **{"expired_at": pool.finish_at} if expired else {"resolved_at": change.now_ms},
        pool_id=pool.uuid,
        game_id=pool.game_uuid,
        event_id=event.uuid if event is not None else None,
        **shown_winners(keys, end.resolution.winners, end.plan.divisions)._asdict(),
        description=pool.description,
        winners=listed.winners,
        losers=listed.losers,
        invalidated_bettors=listed.late,
        usernames={str(user): names[user] for user in listed.users},
        is_money_return=end.plan.is_money_return,
        amount_total=to_units(pool.amount_total, pool.currency),
        participants=pool.participants,
        version=pool.version,
        truncated=truncated,
        winners_count=counts[0],
        losers_count=counts[1],
        invalidated_count=counts[2],
    )
