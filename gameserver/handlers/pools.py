"""Opening, listing and reading betting pools (protocol, "Betting pools")."""

from itertools import islice
from typing import NamedTuple, TypeVar

import msgspec

from gameserver.config import Settings
from gameserver.domain.money import to_units
from gameserver.domain.names import action_id as action_key_of
from gameserver.domain.names import split_list
from gameserver.domain.pools import (
    MAX_LABELS,
    PoolTimes,
    UnlistedTarget,
    check_finish_at,
    check_times,
    check_within_game,
    common_level,
    parse_labels,
)
from gameserver.domain.targets import NONE_DISPLAY_NAME, NONE_ID, parse_targets, path_id
from gameserver.engine.context import Change, Reading
from gameserver.engine.pools import open_pool, pool_object, require_action, require_may_open_pool, sums_of
from gameserver.engine.preconditions import require_running
from gameserver.errors import invalid, not_found
from gameserver.protocol.pools import (
    AllBettingPoolsForGame,
    BettingPoolCreated,
    CreateAndOpenBettingPool,
    GetBettingPoolBetsDistribution,
    ListAllBettingPoolsForGame,
    ListMyOpenBettingPoolsForGame,
    ListMyResolvedPoolsForGame,
    ListMyRunningPoolsForGame,
    NewBettingPoolBetsDistribution,
    PlacedBet,
    PoolsList,
    PoolsPage,
    PoolView,
    TargetSumsWithBets,
    YouOpenPoolsListForGame,
    YourResolvedPoolsForGame,
    YourRunningPoolsForGame,
)
from gameserver.storage.bets import list_latest_bets, list_stakes
from gameserver.storage.games import Game
from gameserver.storage.pools import (
    NewPoolRow,
    Pool,
    PoolTarget,
    find_pool,
    list_backed_pools,
    list_open_pools,
    list_pool_targets,
    list_unbacked_pools,
)
from gameserver.storage.settlements import get_net, get_settlement
from gameserver.storage.sources import get_source
from gameserver.storage.targets import find_target

LATEST_BETS = 100
MAX_NAMES_BYTES = 131_072  # of a pool's targets, so that a message can hold a pool

ListT = TypeVar("ListT", bound=PoolsList)


class _Subject(NamedTuple):
    """What is bet on in a pool: two labels by id, or an action and target ids, all of one level."""

    labels: dict[str, str]
    action_key: str | None
    target_ids: list[str]
    level: int


def parse_subject(request: CreateAndOpenBettingPool, settings: Settings) -> _Subject:
    """What is bet on, as the parameters name it. Raises `Rejected`."""
    type_ = request.pool_kind
    check_finish_at(type_, request.finish_at)
    if type_.is_binary:
        names = list(islice(split_list(request.targets), MAX_LABELS + 1))
        return _Subject(parse_labels(names), None, [], 0)
    assert request.action_id is not None
    paths = parse_targets(request.targets, "targets", settings.max_target_depth, settings.max_pool_targets + 1)
    ids = [path_id(part.id for part in path) for path in paths]
    level = common_level(ids)
    if len(set(ids) - {NONE_ID}) > settings.max_pool_targets:
        raise invalid("targets", f"a pool may have at most {settings.max_pool_targets} targets besides 'none'")
    return _Subject({}, action_key_of(request.action_id, "action_id"), ids, level)


def create_and_open_betting_pool(
    change: Change, request: CreateAndOpenBettingPool, subject: _Subject
) -> BettingPoolCreated:
    """Open a betting pool."""
    type_ = request.pool_kind
    now_ms = change.now_ms
    times = PoolTimes(max(now_ms, request.start_at or 0), request.finish_at, request.stop_accepting_bets_at)
    check_times(times, now_ms)
    game = change.game(request, request.game_id)
    check_within_game(request.start_at, request.finish_at, game.close_at)
    if subject.action_key is None:
        targets, action_row = subject.labels, None
    else:
        targets = _known_targets(change, game, subject.target_ids)
        action_row = require_action(change, game, subject.action_key)
    require_running(game, now_ms)
    require_may_open_pool(change, game)
    pool = open_pool(
        change,
        game,
        NewPoolRow(
            game_id=game.id,
            type=type_,
            description=request.description,
            action_id=action_row,
            target_level=subject.level,
            unlisted_target=UnlistedTarget(request.unlisted_target),
            takeout_millionths=get_source(change.connection, game.source_id).takeout_millionths,
            created_at=now_ms,
            start_at=times.start_at,
            finish_at=times.finish_at,
            stop_accepting_bets_at=times.stop_accepting_bets_at,
            recreate_on_end=request.recreate_on_end,
            is_blocked=request.is_blocked,
            hot_since=now_ms if request.is_hot else None,
            recreated_from=None,
        ),
        targets,
    )
    return BettingPoolCreated(
        pool_id=pool.uuid,
        game_id=pool.game_uuid,
        description=pool.description,
        type=pool.type,
        action_id=pool.action,
    )


def _known_targets(reading: Reading, game: Game, ids: list[str]) -> dict[str, str]:
    """Target id → display name, ``none`` included. Raises ``invalid_parameter`` for targets the game does not have."""
    known: dict[str, str] = {}
    for target_id in ids:
        target = find_target(reading.connection, game.id, target_id)
        if target is None:
            raise invalid("targets", f"this game has no target {target_id[:80]!r}; get_game_details lists its targets")
        known[target_id] = target.display_name
    known.setdefault(NONE_ID, NONE_DISPLAY_NAME)
    if sum(len(name.encode()) for names in known.items() for name in names) > MAX_NAMES_BYTES:
        raise invalid("targets", f"the ids and names of a pool's targets may have at most {MAX_NAMES_BYTES} bytes")
    return known


def list_all_betting_pools_for_game(reading: Reading, request: ListAllBettingPoolsForGame) -> AllBettingPoolsForGame:
    """List the unresolved pools of a game."""
    game, before = _page(reading, request)
    found = list_open_pools(reading.connection, game.id, before, request.limit + 1)
    return _list(reading, AllBettingPoolsForGame, game, found, request.limit)


def list_my_open_betting_pools_for_game(
    reading: Reading, request: ListMyOpenBettingPoolsForGame
) -> YouOpenPoolsListForGame:
    """List the unresolved pools in which the user has no bet."""
    game, before = _page(reading, request)
    found = list_unbacked_pools(reading.connection, game.id, reading.user.id, before, request.limit + 1)
    return _list(reading, YouOpenPoolsListForGame, game, found, request.limit)


def list_my_running_pools_for_game(reading: Reading, request: ListMyRunningPoolsForGame) -> YourRunningPoolsForGame:
    """List the unresolved pools in which the user has a bet."""
    game, before = _page(reading, request)
    found = list_backed_pools(reading.connection, game.id, reading.user.id, before, request.limit + 1, running=True)
    return _list(reading, YourRunningPoolsForGame, game, found, request.limit)


def list_my_resolved_pools_for_game(reading: Reading, request: ListMyResolvedPoolsForGame) -> YourResolvedPoolsForGame:
    """List the ended pools in which the user had a bet."""
    game, before = _page(reading, request)
    found = list_backed_pools(reading.connection, game.id, reading.user.id, before, request.limit + 1, running=False)
    return _list(reading, YourResolvedPoolsForGame, game, found, request.limit)


def _page(reading: Reading, request: PoolsPage) -> tuple[Game, int | None]:
    """The game, and the row below which the page begins, or None for the first page. Raises ``not_found``."""
    game = reading.game(request, request.game_id)
    if request.after is None:
        return game, None
    cursor = find_pool(reading.connection, request.after)
    if cursor is None or cursor.game_id != game.id:
        raise not_found("after", "pool of this game")
    return game, cursor.id


def _list(reading: Reading, message: type[ListT], game: Game, found: list[Pool], limit: int) -> ListT:
    """The page of ``found`` as a message of that type; in the user's own lists, with the user's part in each pool."""
    page = found[:limit]
    views = {}
    for pool in page:
        targets = list_pool_targets(reading.connection, pool.id)
        view = pool_object(PoolView, pool, sums_of(pool, targets))
        if message in (YourRunningPoolsForGame, YourResolvedPoolsForGame):
            view = _with_stakes(reading, view, pool, targets)
        if message is YourResolvedPoolsForGame:
            view = _with_outcome(reading, view, pool, targets)
        views[pool.uuid] = view
    return message(
        game_id=game.uuid,
        pools_list=views,
        next=page[-1].uuid if len(found) > len(page) else None,
        seq=game.seq,
    )


def _with_stakes(reading: Reading, view: PoolView, pool: Pool, targets: list[PoolTarget]) -> PoolView:
    keys = {target.position: target.key for target in targets}
    staked = list_stakes(reading.connection, reading.user.id, pool.id)
    backed = {keys[position]: to_units(amount, pool.currency) for position, amount in staked.items()}
    return msgspec.structs.replace(view, user_backed=backed)


def _with_outcome(reading: Reading, view: PoolView, pool: Pool, targets: list[PoolTarget]) -> PoolView:
    assert pool.settlement_id is not None
    settlement = get_settlement(reading.connection, pool.settlement_id)
    return msgspec.structs.replace(
        view,
        winning_target=next((target.key for target in targets if target.position == settlement.position), None),
        resolved_at=settlement.settled_at,
        total_winnings=to_units(get_net(reading.connection, reading.user.id, pool.id), pool.currency),
    )


def get_betting_pool_bets_distribution(
    reading: Reading, request: GetBettingPoolBetsDistribution
) -> NewBettingPoolBetsDistribution:
    """Read a pool with the latest bets on each target."""
    pool = reading.pool(request, request.pool_id)
    targets = list_pool_targets(reading.connection, pool.id)
    sums = sums_of(pool, targets)
    distribution = {
        target.key: TargetSumsWithBets(
            sums[target.key].display_name,
            sums[target.key].backing_people,
            sums[target.key].backing_money,
            sums[target.key].to_win_if_backed,
            [
                PlacedBet(bet.uuid, bet.user_id, to_units(bet.amount, pool.currency), bet.placed_at)
                for bet in list_latest_bets(reading.connection, pool.id, target.position, LATEST_BETS)
            ],
        )
        for target in targets
    }
    return pool_object(NewBettingPoolBetsDistribution, pool, distribution)
