"""People who bet and chat, of several temperaments."""

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import NamedTuple

import trio

from gameserver.client import Client, Refused
from gameserver.demo.figures import Figures
from gameserver.protocol.betting import BalanceUpdate
from gameserver.show.view import GameView, PoolShown

Choose = Callable[[Random, PoolShown, str], str]


class Temperament(NamedTuple):
    """How somebody bets: how long is between two bets, in seconds of the match, how much of what is left is staked."""

    name: str
    pause_s: float
    stake: tuple[float, float]
    choose: Choose


def _targets(pool: PoolShown) -> list[str]:
    return [target for target, sums in pool.distribution.items() if sums.is_active]


def _loyal(chance: Random, pool: PoolShown, side: str) -> str:
    """On his own side, whatever the odds."""
    own = [target for target in _targets(pool) if target.split(":")[0] == side]
    return chance.choice(own or _targets(pool))


def _with_the_crowd(chance: Random, pool: PoolShown, side: str) -> str:
    return max(_targets(pool), key=lambda target: pool.distribution[target].backing_money)


def _against_the_crowd(chance: Random, pool: PoolShown, side: str) -> str:
    return max(_targets(pool), key=lambda target: pool.distribution[target].to_win_if_backed)


def _by_chance(chance: Random, pool: PoolShown, side: str) -> str:
    return chance.choice(_targets(pool))


TEMPERAMENTS = (
    Temperament("loyal", 500, (0.02, 0.06), _loyal),
    Temperament("cautious", 1_200, (0.005, 0.02), _with_the_crowd),
    Temperament("contrary", 600, (0.01, 0.04), _against_the_crowd),
    Temperament("restless", 250, (0.005, 0.03), _by_chance),
    Temperament("reckless", 900, (0.1, 0.3), _by_chance),
)
CHATTER = (
    *("Vamos!", "Allez les Bleus!", "What a match", "Never a penalty", "That was offside", "I am not watching this"),
    *(
        "Messi…",
        "Mbappé…",
        "Who bet on that?",
        "My points!",
        "Again!",
        "It is not over",
        "One more goal",
        "Unbelievable",
    ),
)


class Bettor:
    """Somebody who bets on a game, at a pace of ``speed`` seconds of the match a second."""

    def __init__(self, number: int, client: Client, view: GameView, figures: Figures, speed: float) -> None:
        self._temperament = TEMPERAMENTS[number % len(TEMPERAMENTS)]
        self._chance = Random(number)  # noqa: S311 - a game, and the same each time
        self._side = self._chance.choice(("argentina", "france"))
        self._available = Decimal(1000)
        self._client = client
        self._view = view
        self._figures = figures
        self._speed = speed

    async def bet(self) -> None:
        """Bet now and then, until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._hear)
            while True:
                await trio.sleep(self._chance.expovariate(self._speed / self._temperament.pause_s))
                await self._place_bet()

    async def _hear(self) -> None:
        async for message in self._client.listen():
            if isinstance(message, BalanceUpdate):
                self._available = message.available_balance

    async def _place_bet(self) -> None:
        pools = [(pool_id, pool) for pool_id, pool in self._view.pools.items() if not pool.is_blocked]
        amount = round(self._available * Decimal(self._chance.uniform(*self._temperament.stake)), 2)
        if not pools or amount <= 0:
            return
        pool_id, pool = self._chance.choice(pools)
        target = self._temperament.choose(self._chance, pool, self._side)
        began = trio.current_time()
        try:
            await self._client.place_bet_in_betting_pool(pool_id=pool_id, target=target, amount=amount)
        except Refused as refused:
            self._figures.refused[refused.code] += 1
        else:
            self._figures.note_bet(trio.current_time() - began)


async def chat(client: Client, view: GameView, number: int) -> None:
    """Say something whenever something has happened in the match, until cancelled."""
    chance = Random(number)  # noqa: S311 - a game
    seen = len(view.happenings)
    async with client.join(view.game_id) as messages:
        async for _ in messages:
            if len(view.happenings) > seen and chance.random() < 0.2:
                try:
                    await client.text_message(text=chance.choice(CHATTER), targets=[view.game_id])
                except Refused:
                    return  # the game has closed
            seen = len(view.happenings)
