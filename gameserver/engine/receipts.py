"""Receipts of bets (protocol, "Balances and receipts")."""

from decimal import Decimal
from typing import NamedTuple

import msgspec

from gameserver.domain.money import to_units
from gameserver.domain.parimutuel import price
from gameserver.engine.context import Reading
from gameserver.engine.settlement import target_keys
from gameserver.protocol.receipts import BetReceipt, ShownTransfer
from gameserver.storage.bets import Bet
from gameserver.storage.events import get_event
from gameserver.storage.games import get_game
from gameserver.storage.outcomes import BetOutcome, BetStatus, list_movements, outcome_of
from gameserver.storage.pools import Pool, get_pool
from gameserver.storage.settlements import Settlement, list_settlements_of_pool


class BetContext(NamedTuple):
    """What the receipts of all bets in a pool depend on; ``targets`` are ids by position."""

    pool: Pool
    game_name: str
    targets: dict[int, str]
    settlements: list[Settlement]


class ReceiptReader:
    """Reads receipts of bets, the facts of each pool once."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._contexts: dict[int, BetContext] = {}

    def context(self, pool_id: int) -> BetContext:
        """What the receipts of the bets in a pool depend on."""
        found = self._contexts.get(pool_id)
        if found is None:
            connection = self._reading.connection
            pool = get_pool(connection, pool_id)
            found = self._contexts[pool_id] = BetContext(
                pool,
                get_game(connection, pool.game_id).name,
                target_keys(self._reading, pool),
                list_settlements_of_pool(connection, pool_id),
            )
        return found

    def receipt(self, bet: Bet) -> BetReceipt:
        """The receipt of a bet."""
        pool, _, targets, settlements = self.context(bet.pool_id)
        outcome = outcome_of(bet, settlements)
        receipt = BetReceipt(
            bet_id=bet.uuid,
            pool_id=pool.uuid,
            game_id=pool.game_uuid,
            target=targets[bet.position],
            amount=to_units(bet.amount, pool.currency),
            placed_at=bet.placed_at,
            status=outcome.status,
            transfers=[
                ShownTransfer(row.debited, row.credited, to_units(row.amount, pool.currency), row.reason, row.made_at)
                for row in list_movements(bet, settlements)
            ],
        )
        settlement = outcome.settlement
        if settlement is None:
            return receipt
        event_id = settlement.event_id
        return msgspec.structs.replace(
            receipt,
            payout=to_units(outcome.payout, pool.currency),
            price=_price(bet, outcome, settlement),
            takeout=to_units(settlement.takeout, pool.currency),
            winning_targets=[targets[position] for position in settlement.winners],
            event_id=None if event_id is None else get_event(self._reading.connection, event_id).uuid,
            settled_at=settlement.settled_at,
        )


def _price(bet: Bet, outcome: BetOutcome, settlement: Settlement) -> Decimal:
    """What one unit on the bet's target was paid, without the bet's part of the remainder."""
    if outcome.status is not BetStatus.WON:
        return price(outcome.payout, bet.amount)
    division = settlement.divisions[bet.position]
    return price(division.pot, division.winning_total)
