"""What friends have bet (protocol, "Friends")."""

from decimal import Decimal
from typing import ClassVar, Self

import msgspec

from gameserver.errors import ErrorCode
from gameserver.protocol.declare import Kind, Message, Request, Role, first_part, message, operation
from gameserver.protocol.fields import Flag, Uuid


@message
class FriendBet(Message, tag=4611, frozen=True):
    """A friend has bet in a game that the connection has joined."""

    user_id: int
    username: str
    pool_id: str
    target: str
    amount: Decimal
    placed_at: int


class Prediction(msgspec.Struct, frozen=True):
    """A friend's bet, with what has become of it; ``payout`` is null until its pool is settled."""

    user_id: int
    username: str
    target: str
    amount: Decimal
    status: str
    payout: Decimal | None


class PredictionInGame(Prediction, frozen=True):
    """A friend's bet in one of a game's pools."""

    pool_id: str


@message
class MyFriendsPredictionsForPool(Message, tag=460, frozen=True):
    """The bets of friends in the pool, newest first: the latest 1,000."""

    cuts: ClassVar[tuple[str, ...]] = ("predictions",)

    pool_id: str
    predictions: list[Prediction]


@operation(by=Role.USER, kind=Kind.READ, replies=[MyFriendsPredictionsForPool], errors=[ErrorCode.NOT_FOUND])
class GetMyFriendsPredictionsForPool(Request, tag=460, frozen=True):
    """Read what friends have bet in a pool; with ``is_resolved``, only the bets that are settled, or running."""

    pool_id: Uuid
    is_resolved: Flag | None = None


class PredictionsInGame(msgspec.Struct, frozen=True):
    """The bets of friends in a game, those that are running and those that are settled, newest first."""

    running: list[PredictionInGame]
    resolved: list[PredictionInGame]


@message
class MyFriendsPredictionsForGame(Message, tag=461, frozen=True):
    """The bets of friends in the game: the latest 1,000, those in unresolved pools before all others."""

    game_id: str
    predictions: PredictionsInGame

    def cut(self, share: float) -> Self:
        """Leave out the older bets of both sorts."""
        running, resolved = (first_part(bets, share) for bets in msgspec.structs.astuple(self.predictions))
        return msgspec.structs.replace(self, predictions=PredictionsInGame(running, resolved))


@operation(by=Role.USER, kind=Kind.READ, replies=[MyFriendsPredictionsForGame], errors=[ErrorCode.NOT_FOUND])
class GetMyFriendsPredictionsForGame(Request, tag=461, frozen=True):
    """Read what friends have bet in a game."""

    game_id: Uuid
