"""What becomes of a bet: it follows from its own row and the settlements of its pool, which are given in order."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from gameserver.storage.bets import Bet, list_bets_of_game
from gameserver.storage.connection import Connection
from gameserver.storage.ledger import AccountKind, Reason
from gameserver.storage.settlements import Settlement, list_settlements_of_pool


class BetStatus(StrEnum):
    """The state of a bet: running, or how it ended."""

    RUNNING = "running"
    WON = "won"
    LOST = "lost"
    REFUNDED = "refunded"
    INVALIDATED = "invalidated"
    VOIDED = "voided"


class BetOutcome(NamedTuple):
    """How a bet stands: its payout in minor units, and the settlement it follows from; none for a running bet."""

    status: BetStatus
    payout: int
    settlement: Settlement | None


class Movement(NamedTuple):
    """Minor units moved for a bet, between accounts of these kinds: the bet's share of a transfer in the ledger."""

    debited: AccountKind
    credited: AccountKind
    amount: int
    reason: Reason
    made_at: int

    def taken_back(self, taken_back_at: int) -> "Movement":
        """The movement that undoes it."""
        return Movement(self.credited, self.debited, self.amount, Reason.TAKE_BACK, taken_back_at)


def outcome_of(bet: Bet, settlements: Sequence[Settlement]) -> BetOutcome:
    """How a bet stands after the settlements of its pool."""
    for settlement in settlements:
        if settlement.id == bet.invalidated_by:
            return BetOutcome(BetStatus.INVALIDATED, bet.amount, settlement)
        if settlement.taken_back_at is None:
            return BetOutcome(_status_in(settlement, bet), payout_in(settlement, bet), settlement)
    return BetOutcome(BetStatus.RUNNING, 0, None)


def payout_in(settlement: Settlement, bet: Bet) -> int:
    """What a settlement pays for a valid bet, in minor units."""
    if settlement.is_money_return:
        return bet.amount
    division = settlement.divisions.get(bet.position)
    return 0 if division is None else division.payout(bet.amount, bet.id)


def _status_in(settlement: Settlement, bet: Bet) -> BetStatus:
    if settlement.is_money_return:
        return BetStatus.VOIDED if settlement.cause == "void" else BetStatus.REFUNDED
    return BetStatus.WON if bet.position in settlement.divisions else BetStatus.LOST


def list_movements(bet: Bet, settlements: Sequence[Settlement]) -> list[Movement]:
    """All that has been moved for a bet, in order: its stake, and what the settlements of its pool have moved."""
    stake = Movement(AccountKind.AVAILABLE, AccountKind.STAKED, bet.amount, Reason.STAKE, bet.placed_at)
    return [stake, *(moved for settlement in settlements for moved in movements_in(settlement, bet))]


def movements_in(settlement: Settlement, bet: Bet) -> Iterator[Movement]:
    """What a settlement has moved for a bet of its pool, and moved back; refunds of late bets stay."""
    if settlement.id == bet.invalidated_by:
        yield _refund(settlement, bet)
        return
    is_later = bet.id > settlement.newest_bet_id
    was_invalid = bet.invalidated_by is not None and bet.invalidated_by < settlement.id
    if is_later or was_invalid:
        return
    moved = [_refund(settlement, bet)] if settlement.is_money_return else _division_moves(settlement, bet)
    yield from moved
    if settlement.taken_back_at is not None:
        for movement in reversed(moved):
            yield movement.taken_back(settlement.taken_back_at)


def _refund(settlement: Settlement, bet: Bet) -> Movement:
    return Movement(AccountKind.STAKED, AccountKind.AVAILABLE, bet.amount, Reason.REFUND, settlement.settled_at)


def _division_moves(settlement: Settlement, bet: Bet) -> list[Movement]:
    moved = [Movement(AccountKind.STAKED, AccountKind.CLEARING, bet.amount, Reason.POT, settlement.settled_at)]
    if paid := payout_in(settlement, bet):
        moved.append(Movement(AccountKind.CLEARING, AccountKind.AVAILABLE, paid, Reason.PAYOUT, settlement.settled_at))
    return moved


def list_bet_outcomes(connection: Connection, game_id: int) -> Iterator[tuple[Bet, BetOutcome]]:
    """The bets of a game, in the order they were placed, with what has become of them."""
    settlements: dict[int, list[Settlement]] = {}
    for bet in list_bets_of_game(connection, game_id):
        if bet.pool_id not in settlements:
            settlements[bet.pool_id] = list_settlements_of_pool(connection, bet.pool_id)
        yield bet, outcome_of(bet, settlements[bet.pool_id])
