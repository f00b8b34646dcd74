"""Receipts: a bet with its movements in the ledger (protocol, "Balances and receipts")."""

from gameserver.engine.context import Reading
from gameserver.engine.receipts import ReceiptReader
from gameserver.errors import not_found
from gameserver.protocol.receipts import BetReceipt, GetBetReceipt
from gameserver.storage.bets import find_bet


def get_bet_receipt(reading: Reading, request: GetBetReceipt) -> BetReceipt:
    """Read one of the user's own bets with its movements. Raises ``not_found`` for anybody else's."""
    bet = find_bet(reading.connection, request.bet_id)
    if bet is None or bet.user_id != reading.user.id:
        raise not_found("bet_id", "bet of yours")
    return ReceiptReader(reading).receipt(bet)
