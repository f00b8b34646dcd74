"""A game as it is shown, kept up to date by its broadcasts."""

from collections import deque
from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

import msgspec

from gameserver.client import Client, Refused
from gameserver.protocol.betting import BettingPoolBetsDistributionUpdate
from gameserver.protocol.chat import NewTextMessage
from gameserver.protocol.corrections import BettingPoolVoided, GameEventAmended, GameEventVoided
from gameserver.protocol.declare import Message
from gameserver.protocol.events import BetPoolExpired, BetPoolResolved, EndedPool, NewGameEvent
from gameserver.protocol.games import GameDetails
from gameserver.protocol.leaderboards import LeaderboardUpdate, RankedUser
from gameserver.protocol.match_clock import ClockReading, MatchClock
from gameserver.protocol.pools import NewBettingPool, PoolObject, TargetSums
from gameserver.protocol.steering import BettingInPoolAllowed, BettingInPoolBlocked, HotBettingPoolSuggested
from gameserver.protocol.subscriptions import GameJoined, PresenceUpdate, UserJoinedGame, UserLeftGame

MAX_SHOWN = 100  # of happenings and lines of chat that are kept
TABLE_LENGTH = 10


class PoolShown(msgspec.Struct):
    """A pool that takes bets, or will again.

    Its sums are those of one version and the rest those of another: an update of the sums, which is not durable, may
    come before the broadcast of the same version.
    """

    description: str
    distribution: Mapping[str, TargetSums]
    amount_total: Decimal
    participants: int
    is_blocked: bool
    is_hot: bool
    version_of_sums: int
    version: int


class Happening(NamedTuple):
    """Something that happened: when, in epoch milliseconds, and a line that tells it."""

    at: int
    line: str


class GameView:
    """The state of a game: details, pools, score, clock, table, chat, and what happened last."""

    def __init__(self, game_id: str) -> None:
        self.game_id = game_id
        self.details: GameDetails | None = None
        self.pools: dict[str, PoolShown] = {}
        self.score: Mapping[str, int] = {}
        self.clock: ClockReading | None = None
        self.subscribers = 0
        self.bets = 0  # placed while it was watched
        self.table: list[RankedUser] = []
        self.chat: deque[Happening] = deque(maxlen=MAX_SHOWN)
        self.happenings: deque[Happening] = deque(maxlen=MAX_SHOWN)

    async def read(self, client: Client, joined_at: int) -> None:
        """Read the whole state anew, having joined the game at a moment. Raises what the client's methods raise."""
        self._take_details(await client.get_game_details(game_id=self.game_id))
        pools: dict[str, PoolObject] = {}
        after = None
        while True:
            page = await client.list_all_betting_pools_for_game(game_id=self.game_id, after=after)
            pools |= page.pools_list
            after = page.next
            if after is None:
                break
        self.pools = {pool_id: _shown(pool) for pool_id, pool in reversed(pools.items())}
        await self.read_table(client)
        if not self.happenings:
            self._recall(joined_at)

    def _recall(self, joined_at: int) -> None:
        """Note what happened before the game was joined; the rest is heard."""
        past = () if self.details is None else reversed(self.details.past_events.values())
        for event in past:
            if event.registered_at < joined_at:
                who = event.target_display_name if event.target_id is None else self.target_name(event.target_id)
                what = f"{self.action_name(event.action_id)}: {who}"
                self.happenings.append(Happening(event.happened_at, _noted(what, event.description)))

    async def read_table(self, client: Client) -> None:
        """Read the top of the table."""
        try:
            self.table = (await client.get_leaderboard_for_game(game_id=self.game_id, end=TABLE_LENGTH)).leaderboard
        except Refused:  # the game has been closed for too long
            self.table = []

    def take(self, message: Message, at: int) -> str | None:
        """Take a broadcast that was sent ``at`` a moment; a line that tells it, if it is worth one."""
        line = self._take(message)
        if line is not None:
            self.happenings.append(Happening(at, line))
        return line

    def _take(self, message: Message) -> str | None:
        match message:
            case GameDetails():
                self._take_details(message)
            case GameJoined() | PresenceUpdate():
                self.subscribers = message.subscribers
            case UserJoinedGame() | UserLeftGame():
                self.subscribers += 1 if isinstance(message, UserJoinedGame) else -1
            case MatchClock():
                self.clock = message
            case LeaderboardUpdate():
                self.table = message.top
            case NewTextMessage():
                self.chat.append(Happening(message.received_at, f"{message.sender}: {' '.join(message.text.split())}"))
            case NewGameEvent() | GameEventVoided() | GameEventAmended():
                return self._take_event(message)
            case _:
                return self._take_of_pool(message)
        return None

    def _take_details(self, details: GameDetails) -> None:
        self.details = details
        self.score, self.clock = details.score or {}, details.clock
        if isinstance(details.subscribers, int):
            self.subscribers = details.subscribers

    def _take_event(self, event: NewGameEvent | GameEventVoided | GameEventAmended) -> str | None:
        if isinstance(event.score, dict):
            self.score = event.score
        if not isinstance(event.action_id, str) or event.target_id is None:
            return None  # a resolution by hand; its pool tells it
        what = f"{self.action_name(event.action_id)}: {self.target_name(event.target_id)}"
        note = ""
        if isinstance(event, GameEventVoided):
            what = f"taken back: {what}"
            note = event.reason or ""
        elif isinstance(event.description, str):
            note = event.description
        if isinstance(event, GameEventAmended):
            what = f"corrected to {what}"
        return _noted(what, note)

    def _take_of_pool(self, message: Message) -> str | None:
        if isinstance(message, NewBettingPool):
            is_new = message.pool_id not in self.pools
            self.pools[message.pool_id] = _shown(message)
            return f"pool open: {message.description}" if is_new else None
        if isinstance(message, BetPoolResolved | BetPoolExpired):
            self.pools.pop(message.pool_id, None)
            return self._ended_line(message)
        if isinstance(message, BettingPoolVoided):
            pool = self.pools.pop(message.pool_id, None)
            return f"pool void: {pool.description if pool else message.pool_id}"
        if isinstance(message, HotBettingPoolSuggested):
            pool = self.pools.get(message.pool_id or "")
            if pool is not None and message.version is not None and message.version > pool.version:
                pool.is_hot, pool.version = message.hot_since is not None, message.version
        elif isinstance(message, BettingInPoolBlocked | BettingInPoolAllowed):
            pool = self.pools.get(message.pool_id)
            if pool is not None and message.version > pool.version:
                pool.is_blocked, pool.version = isinstance(message, BettingInPoolBlocked), message.version
        elif isinstance(message, BettingPoolBetsDistributionUpdate):
            self._take_distribution(message)
        return None

    def _take_distribution(self, update: BettingPoolBetsDistributionUpdate) -> None:
        pool = self.pools.get(update.pool_id)
        self.bets += update.new_bets_count
        if pool is not None and update.version >= pool.version_of_sums:
            pool.distribution, pool.amount_total = update.distribution, update.amount_total
            pool.participants, pool.version_of_sums = update.participants, update.version

    def _ended_line(self, pool: EndedPool) -> str:
        if pool.is_money_return:
            return f"pool ended: {pool.description}: stakes returned"
        winners = " and ".join(self.target_name(target) for target in pool.winning_targets)
        prices = " and ".join(f"{pool.prices[target]:.2f}" for target in pool.winning_targets if target in pool.prices)
        return f"pool ended: {pool.description}: {winners}, paid {prices} for 1"

    def action_name(self, action_id: str) -> str:
        """The name that an action is shown by."""
        action = self.details.actions.get(action_id) if self.details is not None else None
        return action_id if action is None else action.name

    def target_name(self, target_id: str) -> str:
        """The names of a target and of those above it."""
        names, nodes = [], self.details.targets if self.details is not None else {}
        for part in target_id.split(":"):
            node = nodes.get(part)
            names.append(part if node is None else node.display_name)
            nodes = {} if node is None else node.targets
        return " ".join(names)

    @property
    def result(self) -> str:
        """The score, such as ``Argentina 3 - 3 France``; empty where nothing is counted."""
        sides = [(self.target_name(side), points) for side, points in self.score.items() if side != "none"]
        if len(sides) != 2:
            return ", ".join(f"{name} {points}" for name, points in sides)
        (home, home_points), (away, away_points) = sides
        return f"{home} {home_points} - {away_points} {away}"

    def minute(self, now_ms: int) -> str:
        """What the clock of the match shows, such as ``2H 81'``; empty if it has none."""
        if self.clock is None:
            return ""
        elapsed_ms = self.clock.elapsed_ms + (now_ms - self.clock.at if self.clock.is_running else 0)
        return f"{self.clock.period} {elapsed_ms // 60_000}'"


def _noted(what: str, note: str | None) -> str:
    return f"{what} ({note})" if note else what


def _shown(pool: PoolObject) -> PoolShown:
    shown = {name: getattr(pool, name) for name in PoolShown.__struct_fields__ if name != "version_of_sums"}
    return PoolShown(**shown, version_of_sums=pool.version)
