"""Listing betting pools, and reading one with its bets (protocol, "Betting pools")."""

from typing import TypeVar

import msgspec

from gameserver.domain.money import to_units
from gameserver.engine.context import Reading
from gameserver.engine.pools import pool_object, sums_of
from gameserver.engine.settlement import shown_winners
from gameserver.errors import not_found
from gameserver.protocol.pools import (
    AllBettingPoolsForGame,
    GetBettingPoolBetsDistribution,
    ListAllBettingPoolsForGame,
    ListMyOpenBettingPoolsForGame,
    ListMyResolvedPoolsForGame,
    ListMyRunningPoolsForGame,
    ListResolvedBettingPoolsForGame,
    MyBet,
    NewBettingPoolBetsDistribution,
    Pending,
    PoolReading,
    PoolsList,
    PoolsPage,
    PoolView,
    ResolvedBettingPoolsForGame,
    ShownBet,
    TargetSumsWithBets,
    YouOpenPoolsListForGame,
    YourResolvedPoolsForGame,
    YourRunningPoolsForGame,
)
from gameserver.storage.bets import LatestBet, list_latest_bets, list_latest_bets_of_user, list_stakes
from gameserver.storage.events import get_event
from gameserver.storage.games import Game, is_game_admin
from gameserver.storage.outcomes import outcome_of
from gameserver.storage.pools import (
    Pool,
    PoolTarget,
    find_pool,
    list_backed_pools,
    list_ended_pools,
    list_open_pools,
    list_pool_targets,
    list_unbacked_pools,
)
from gameserver.storage.schedule import get_coming_steering
from gameserver.storage.settlements import get_net, get_settlement, list_settlements_of_pool

LATEST_BETS = 100

ListT = TypeVar("ListT", bound=PoolsList)
ReadingT = TypeVar("ReadingT", bound=PoolReading)


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


def list_resolved_betting_pools_for_game(
    reading: Reading, request: ListResolvedBettingPoolsForGame
) -> ResolvedBettingPoolsForGame:
    """List the ended pools of a game."""
    game, before = _page(reading, request)
    found = list_ended_pools(reading.connection, game.id, before, request.limit + 1)
    return _list(reading, ResolvedBettingPoolsForGame, game, found, request.limit)


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
    is_admin = is_game_admin(reading.connection, game.id, reading.user.id)
    views = {}
    for pool in page:
        targets = list_pool_targets(reading.connection, pool.id)
        view = pool_object(PoolView, pool, sums_of(pool, targets))
        if message in (YourRunningPoolsForGame, YourResolvedPoolsForGame):
            view = _with_stakes(reading, view, pool, targets)
        if message is YourResolvedPoolsForGame:
            net = get_net(reading.connection, reading.user.id, pool.id)
            view = msgspec.structs.replace(view, total_winnings=to_units(net, pool.currency))
        views[pool.uuid] = _as_read(reading, view, pool, targets, is_admin=is_admin)
    return message(
        game_id=game.uuid,
        pools_list=views,
        next=page[-1].uuid if len(found) > len(page) else None,
        seq=game.seq,
    )


def _as_read(reading: Reading, view: ReadingT, pool: Pool, targets: list[PoolTarget], *, is_admin: bool) -> ReadingT:
    """The view with the outcome of a pool that has ended, and for admins with what is to come."""
    if pool.settlement_id is not None:
        view = _with_outcome(reading, view, pool.settlement_id, targets)
    if not is_admin:
        return view
    coming = get_coming_steering(reading.connection, pool.id, pool.action_id)
    return msgspec.structs.replace(view, pending=Pending(*coming))


def _with_stakes(reading: Reading, view: PoolView, pool: Pool, targets: list[PoolTarget]) -> PoolView:
    keys = {target.position: target.key for target in targets}
    staked = list_stakes(reading.connection, reading.user.id, pool.id)
    backed = {keys[position]: to_units(amount, pool.currency) for position, amount in staked.items()}
    settlements = list_settlements_of_pool(reading.connection, pool.id)
    my_bets = []
    for bet in list_latest_bets_of_user(reading.connection, reading.user.id, pool.id, LATEST_BETS):
        outcome = outcome_of(bet, settlements)
        payout = None if outcome.settlement is None else to_units(outcome.payout, pool.currency)
        amount = to_units(bet.amount, pool.currency)
        my_bets.append(MyBet(bet.uuid, keys[bet.position], amount, bet.placed_at, outcome.status, payout))
    return msgspec.structs.replace(view, user_backed=backed, my_bets=my_bets)


def _with_outcome(reading: Reading, view: ReadingT, settlement_id: int, targets: list[PoolTarget]) -> ReadingT:
    settlement = get_settlement(reading.connection, settlement_id)
    keys = {target.position: target.key for target in targets}
    event = None if settlement.event_id is None else get_event(reading.connection, settlement.event_id)
    return msgspec.structs.replace(
        view,
        **shown_winners(keys, settlement.winners, settlement.divisions)._asdict(),
        event_id=None if event is None else event.uuid,
        is_money_return=settlement.is_money_return,
        resolved_at=settlement.settled_at,
    )


def get_betting_pool_bets_distribution(
    reading: Reading, request: GetBettingPoolBetsDistribution
) -> NewBettingPoolBetsDistribution:
    """Read a pool with the latest bets on each target."""
    pool = reading.pool(request, request.pool_id)
    is_admin = is_game_admin(reading.connection, pool.game_id, reading.user.id)
    targets = list_pool_targets(reading.connection, pool.id)
    sums = sums_of(pool, targets)
    distribution = {
        target.key: TargetSumsWithBets(
            sums[target.key].display_name,
            sums[target.key].backing_people,
            sums[target.key].backing_money,
            sums[target.key].to_win_if_backed,
            sums[target.key].is_active,
            [
                _shown_bet(bet, target.key, pool.currency, with_user=is_admin)
                for bet in list_latest_bets(reading.connection, pool.id, target.position, LATEST_BETS)
            ],
        )
        for target in targets
    }
    view = pool_object(NewBettingPoolBetsDistribution, pool, distribution)
    return _as_read(reading, view, pool, targets, is_admin=is_admin)


def _shown_bet(bet: LatestBet, target: str, currency: str, *, with_user: bool) -> ShownBet:
    shown = ShownBet(bet.uuid, target, to_units(bet.amount, currency), bet.placed_at, bet.user_id, bet.username)
    return shown if with_user else shown.without_user()
