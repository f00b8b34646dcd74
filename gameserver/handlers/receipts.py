"""Receipts: a bet with its movements in the ledger (protocol, "Balances and receipts")."""

import msgspec

from gameserver.domain.money import to_units
from gameserver.domain.parimutuel import price
from gameserver.engine.context import Reading
from gameserver.engine.settlement import target_keys
from gameserver.errors import not_found
from gameserver.protocol.receipts import (
    BetReceipt,
    GetBetReceipt,
    ShownTransfer,
)
from gameserver.storage.bets import find_bet
from gameserver.storage.events import get_event
from gameserver.storage.outcomes import list_movements, outcome_of
from gameserver.storage.pools import get_pool
from gameserver.storage.settlements import list_settlements_of_pool


def get_bet_receipt(reading: Reading, request: GetBetReceipt) -> BetReceipt:
    """Read one of the user's own bets with its movements. Raises ``not_found`` for anybody else's."""
    bet = find_bet(reading.connection, request.bet_id)
    if bet is None or bet.user_id != reading.user.id:
        raise not_found("bet_id", "bet of yours")
    pool = get_pool(reading.connection, bet.pool_id)
    target = target_keys(reading, pool)[bet.position]
    settlements = list_settlements_of_pool(reading.connection, pool.id)
    outcome = outcome_of(bet, settlements)
    receipt = BetReceipt(
        bet_id=bet.uuid,
        pool_id=pool.uuid,
        game_id=pool.game_uuid,
        target=target,
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
    event = get_event(reading.connection, settlement.event_id) if settlement.event_id is not None else None
    return msgspec.structs.replace(
        receipt,
        payout=to_units(outcome.payout, pool.currency),
        price=price(outcome.payout, bet.amount),
        takeout=to_units(settlement.takeout, pool.currency),
        event_id=event.uuid if event is not None else None,
        settled_at=settlement.settled_at,
    )
