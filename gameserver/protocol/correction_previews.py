"""Reading what voiding or amending an event would do (protocol, "Corrections")."""

from decimal import Decimal
from typing import ClassVar

import msgspec

from gameserver.errors import ErrorCode
from gameserver.protocol.corrections import AmendGameEvent
from gameserver.protocol.declare import Kind, Message, Request, Role, message, operation
from gameserver.protocol.fields import Millis, Name, Text, Uuid


class CorrectedPool(msgspec.Struct, frozen=True):
    """What would become of a pool: ``reopened``, ``blocked`` (open again, and no bets taken) or ``voided``.

    With an amendment also ``resettled`` or ``resolved``, as in 3664: ``winners_count`` are then those of the corrected
    event, and ``late_bets`` the valid bets that it would make late; else both are 0. ``amount`` is the sum of the valid
    stakes, without those late bets. ``successor`` is the pool that was recreated from this one (null if none), which
    runs on, and ``successor_bets`` the number of its bets.
    """

    outcome: str
    amount: Decimal
    winners_count: int
    late_bets: int
    successor: str | None
    successor_bets: int


@message
class VoidGameEventPreview(Message, tag=3663, frozen=True):
    """What voiding or amending the event would do, by pool id.

    ``overdrawn`` maps user id to how far the available balance would be below zero, as the reply would; it is cut
    where a message could not hold it all.
    """

    cuts: ClassVar[tuple[str, ...]] = ("overdrawn",)

    event_id: str
    game_id: str
    pools: dict[str, CorrectedPool]
    overdrawn: dict[str, Decimal]


@operation(by=Role.GAME_ADMIN, kind=Kind.READ, replies=[VoidGameEventPreview], errors=[ErrorCode.CONFLICT])
class PreviewVoidGameEvent(Request, tag=3953, frozen=True):
    """Read what voiding an event (3951) would do; with any of the last four parameters, what amending it (3954) would.

    Nothing changes. ``keep_blocked`` of 3951 is not considered.
    """

    event_id: Uuid
    action_id: Name | None = None
    target_id: Name | None = None
    happened_at: Millis | None = None
    description: Text | None = None

    @property
    def amendment(self) -> AmendGameEvent | None:
        """The request whose effect is to be read; None if it is 3951."""
        names = ("action_id", "target_id", "happened_at", "description")
        given = {name: value for name in names if (value := getattr(self, name)) is not None}
        return AmendGameEvent(event_id=self.event_id, **given) if given else None
