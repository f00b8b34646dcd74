"""How the odds of a pool have come about (protocol, "History of a pool")."""

from decimal import Decimal
from typing import Annotated, Self

import msgspec
from msgspec import Meta

from gameserver.errors import ErrorCode
from gameserver.protocol.declare import Kind, Message, Request, Role, message, operation
from gameserver.protocol.fields import Uuid

Points = Annotated[int, Meta(ge=2, le=200, description="an integer from 2 to 200")]


@message
class BettingPoolHistory(Message, tag=3600, frozen=True):
    """The valid money behind each target at times ``at`` from the pool's start to its last bet, in order of time."""

    pool_id: str
    at: list[int]
    backing_money: dict[str, list[Decimal]]

    def thin(self, points: int) -> Self:
        """The history with at most so many of its times, evenly chosen, the first and the last among them."""
        last = len(self.at) - 1
        if last < points:
            return self
        kept = [round(number * last / (points - 1)) for number in range(points)]
        return msgspec.structs.replace(
            self,
            at=[self.at[index] for index in kept],
            backing_money={key: [money[index] for index in kept] for key, money in self.backing_money.items()},
        )

    def cut(self, share: float) -> Self:
        """Leave out times between the first and the last."""
        points = min(int(len(self.at) * share), len(self.at) - 1)
        return super().cut(share) if points < 2 else self.thin(points)


@operation(by=Role.USER, kind=Kind.READ, replies=[BettingPoolHistory], errors=[ErrorCode.NOT_FOUND], for_views=True)
class GetBettingPoolHistory(Request, tag=394, frozen=True):
    """Read how the money behind the targets of a pool has grown, at up to ``points`` times."""

    pool_id: Uuid
    points: Points = 60
