"""Placing bets, and reading balances (contract, section 6)."""

import re
import sqlite3
from collections.abc import Iterable

from gameserver.config import Settings
from gameserver.domain.money import read_amount, to_minor, to_units
from gameserver.domain.names import MAX_PART_LENGTH
from gameserver.domain.pools import require_accepting
from gameserver.domain.targets import parse_target, path_id
from gameserver.errors import ErrorCode, Rejected, invalid, not_found
from gameserver.handlers.context import Change, Reading, Wager
from gameserver.handlers.pools import sums_of
from gameserver.handlers.registry import handles
from gameserver.protocol.betting import (
    BetPlacedInBettingPool,
    BettingPoolBetsDistributionUpdate,
    GetMyAvailableBalance,
    GetMyCurrentBalance,
    GetMyExposure,
    NewBet,
    PlaceBetInBettingPool,
    YourAvailableBalance,
    YourCurrentBalance,
    YourExposure,
)
from gameserver.protocol.codec import encode_body
from gameserver.storage.bets import Offer, add_to_stake, find_offer, insert_bet, insert_participation
from gameserver.storage.ledger import get_balances, get_purse, insert_stake
from gameserver.storage.pools import (
    find_pool,
    list_all_open_pools,
    list_pool_targets,
    update_sums_for_bet,
)

_IS_ID = re.compile("[a-z0-9]+([-:][a-z0-9]+)*")  # as most are: nothing is to be made of such a name


def _parse_target(request: PlaceBetInBettingPool, settings: Settings) -> str:
    return target_key(request.target, "target", settings)


@handles(PlaceBetInBettingPool, _parse_target)
def place_bet_in_betting_pool(change: Change, request: PlaceBetInBettingPool, key: str) -> BetPlacedInBettingPool:
    """Take a bet: its stake leaves the available money in the same transaction."""
    units = read_amount(request.amount, "amount")
    offer = find_offer(change.connection, request.pool_id, key, change.user.id)
    if offer is None:
        raise not_found("pool_id", "pool")
    amount = to_minor(units, offer.currency, "amount")
    if offer.position is None:
        raise invalid("target", f"target names nothing that can be backed in this pool: {key[:80]!r}")
    if not offer.may_bet:
        text = f"{change.user.username} is or was an admin of this game or its source, who may not bet in it"
        raise Rejected(ErrorCode.NOT_AUTHORIZED, text)
    require_accepting(offer.status, offer.times, change.now_ms, is_blocked=offer.is_blocked)
    purse = offer.purse or get_purse(change.connection, change.user.id, offer.currency)
    _require_funds(purse.held.available, amount, offer.currency)
    bet = insert_bet(change.connection, offer.pool_id, change.user.id, offer.position, amount, change.now_ms)
    _count(change, offer, offer.position, amount)
    change.tell_balances(offer.currency, insert_stake(change.connection, purse, amount, bet.id, change.now_ms))
    shown = to_units(amount, offer.currency)
    new_bet = NewBet(bet.uuid, change.user.id, key, shown, bet.placed_at)
    change.effects.wagers.append(Wager(offer.game_uuid, request.pool_id, new_bet))
    return BetPlacedInBettingPool(
        pool_id=request.pool_id, bet_id=bet.uuid, target=key, amount=shown, placed_at=bet.placed_at
    )


def target_key(name: str, field: str, settings: Settings) -> str:
    """The id of what a name or id says: a target's path, or a binary pool's label."""
    if len(name) <= MAX_PART_LENGTH and _IS_ID.fullmatch(name):
        return name
    return path_id(part.id for part in parse_target(name.strip(), field, settings.max_target_depth))


def _require_funds(available: int, amount: int, currency: str) -> None:
    if available < amount:
        has, asks = to_units(available, currency), to_units(amount, currency)
        raise Rejected(ErrorCode.INSUFFICIENT_FUNDS, f"available are {has} {currency}, asked for are {asks}", "amount")


def _count(change: Change, offer: Offer, position: int, amount: int) -> None:
    """Add a bet to the sums of its user, its target and its pool."""
    connection, user_id, pool_id = change.connection, change.user.id, offer.pool_id
    new_backer = add_to_stake(connection, user_id, pool_id, position, amount)
    # Who has backed the target before is a participant already.
    new_participant = new_backer and insert_participation(connection, user_id, offer.game_id, pool_id)
    update_sums_for_bet(connection, pool_id, position, amount, new_participant=new_participant, new_backer=new_backer)


def distribution_update(
    connection: sqlite3.Connection, pool_uuid: str, new_bets: list[NewBet], new_bets_count: int
) -> BettingPoolBetsDistributionUpdate | None:
    """How an open pool is backed now (361); None if it is not open."""
    pool = find_pool(connection, pool_uuid)
    if pool is None or pool.settlement_id is not None:
        return None
    return BettingPoolBetsDistributionUpdate(
        pool_id=pool.uuid,
        game_id=pool.game_uuid,
        target_level=pool.target_level,
        participants=pool.participants,
        amount_total=to_units(pool.amount_total, pool.currency),
        bet_count=pool.bet_count,
        version=pool.version,
        distribution=sums_of(pool, list_pool_targets(connection, pool.id)),
        new_bets=new_bets,
        new_bets_count=new_bets_count,
    )


def distribution_updates(
    due: Iterable[tuple[str, list[NewBet], int]], connection: sqlite3.Connection
) -> list[bytes | None]:
    """The bodies of the updates (361) of pools given as id, new bets and their count; None for those that ended."""
    found = [distribution_update(connection, *update) for update in due]
    return [None if update is None else encode_body(update) for update in found]


def open_distributions(connection: sqlite3.Connection, game_id: int) -> list[bytes]:
    """The bodies of the updates of all open pools of a game, without new bets."""
    found = [distribution_update(connection, pool.uuid, [], 0) for pool in list_all_open_pools(connection, game_id)]
    return [encode_body(update) for update in found if update is not None]


@handles(GetMyCurrentBalance)
def get_my_current_balance(reading: Reading, request: GetMyCurrentBalance) -> YourCurrentBalance:
    """What the user has in all."""
    held = get_balances(reading.connection, reading.user.id, request.currency)
    return YourCurrentBalance(
        currency=request.currency, current_balance=to_units(held.available + held.staked, request.currency)
    )


@handles(GetMyAvailableBalance)
def get_my_available_balance(reading: Reading, request: GetMyAvailableBalance) -> YourAvailableBalance:
    """What the user can stake."""
    held = get_balances(reading.connection, reading.user.id, request.currency)
    return YourAvailableBalance(currency=request.currency, available_balance=to_units(held.available, request.currency))


@handles(GetMyExposure)
def get_my_exposure(reading: Reading, request: GetMyExposure) -> YourExposure:
    """What the user has staked."""
    held = get_balances(reading.connection, reading.user.id, request.currency)
    return YourExposure(currency=request.currency, exposure=to_units(held.staked, request.currency))
