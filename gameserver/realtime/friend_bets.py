"""The bets of one game of which friends of the bettors are told (protocol, "Friends")."""

from collections import deque
from collections.abc import Collection, Iterable, Mapping

from gameserver.engine.context import PoolBet
from gameserver.net.compression import MessageFrames
from gameserver.protocol.codec import encode_body
from gameserver.protocol.pools import ShownBet
from gameserver.protocol.predictions import FriendBet
from gameserver.realtime.pushing import message_frames

MAX_BETS = 1_000


class FriendBets:
    """The bets whose friends are still to be looked for: the latest, if there are more than ``MAX_BETS``."""

    def __init__(self) -> None:
        self._bets: deque[tuple[str, ShownBet]] = deque(maxlen=MAX_BETS)

    def note(self, bet: PoolBet) -> None:
        """Note a bet; one that was cancelled is passed over."""
        if bet.bet is not None:
            self._bets.append((bet.pool_uuid, bet.bet))

    def take(self) -> list[tuple[str, ShownBet]]:
        """Take the bets noted so far, each with the id of its pool."""
        bets = list(self._bets)
        self._bets.clear()
        return bets

    def put_back(self, bets: Iterable[tuple[str, ShownBet]]) -> None:
        """Put back bets that were taken, before those noted since."""
        self._bets = deque([*bets, *self._bets], maxlen=MAX_BETS)


def frames_by_friend(
    bets: Iterable[tuple[str, ShownBet]], friends_of: Mapping[int, Collection[int]], now_ms: int
) -> dict[int, list[MessageFrames]]:
    """What each friend is told of the bets (4611), given the friends of each bettor."""
    told: dict[int, list[MessageFrames]] = {}
    for pool_uuid, bet in bets:
        assert isinstance(bet.user_id, int)
        assert isinstance(bet.username, str)
        friends = friends_of.get(bet.user_id)
        if not friends:
            continue
        message = FriendBet(
            user_id=bet.user_id,
            username=bet.username,
            pool_id=pool_uuid,
            target=bet.target,
            amount=bet.amount,
            placed_at=bet.placed_at,
        )
        frames = message_frames(encode_body(message), now_ms)
        for friend_id in friends:
            told.setdefault(friend_id, []).append(frames)
    return told
