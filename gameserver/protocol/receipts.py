"""Receipts of bets (protocol, "Events and settlement")."""

from decimal import Decimal

import msgspec

from gameserver.errors import ErrorCode
from gameserver.protocol.declare import Kind, Message, Request, Role, message, operation
from gameserver.protocol.fields import Uuid


class ShownTransfer(msgspec.Struct, frozen=True):
    """Money moved for a bet between two kinds of account: its share of a transfer in the ledger."""

    debited: str
    credited: str
    amount: Decimal
    reason: str
    made_at: int


@message
class BetReceipt(Message, tag=3560, frozen=True, omit_defaults=True):
    """A bet with its outcome and what was moved for it.

    ``price`` is what one unit on the bet's target was paid: 0 if it lost, 1 where the stake went back. ``takeout`` is
    what the house kept of the whole pool, ``winning_targets`` are the pool's, none where it was voided.
    """

    bet_id: str
    pool_id: str
    game_id: str
    target: str
    amount: Decimal
    placed_at: int
    status: str
    transfers: list[ShownTransfer]
    payout: Decimal | msgspec.UnsetType = msgspec.UNSET
    price: Decimal | msgspec.UnsetType = msgspec.UNSET
    takeout: Decimal | msgspec.UnsetType = msgspec.UNSET
    winning_targets: list[str] | msgspec.UnsetType = msgspec.UNSET
    event_id: str | msgspec.UnsetType | None = msgspec.UNSET
    settled_at: int | msgspec.UnsetType = msgspec.UNSET


@operation(by=Role.USER, kind=Kind.READ, replies=[BetReceipt], errors=[ErrorCode.NOT_FOUND])
class GetBetReceipt(Request, tag=391, frozen=True):
    """Read one of the user's own bets with what was moved for it in the ledger."""

    bet_id: Uuid
