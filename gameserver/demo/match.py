"""The final of 2022, directed: its game, its pools, and everything that happens in them."""

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib.resources import files
from typing import NamedTuple

import trio

from gameserver.client import Client, Refused
from gameserver.feed.feeding import Feed
from gameserver.feed.mapping import Entry, Mapping

KICK_OFF_MS = 1_671_375_600_000  # 18 December 2022, 15:00 UTC
LENGTH_S = 10_480  # from there to the last penalty of the shoot-out
_FINAL = files("gameserver.feed").joinpath("world_cup_final_2022.jsonl")
_SHOOT_OUT = "Shoot-out"
_BEST = "Man of the match"
_BEST_TWO = ["Argentina:Messi", "France:Mbappé"]  # a dead heat, of the demo's own
_HALVES = ((45, "1H"), (90, "2H"), (105, "ET1"), (120, "ET2"))


class Match(NamedTuple):
    """The game, and the pools that are resolved by hand."""

    game_id: str
    best: str
    champions: str


def entries() -> Iterator[Entry]:
    """What the feed tells, the line-ups first."""
    mapping = Mapping([])
    return (mapping.entry(json.loads(line)) for line in _FINAL.read_text(encoding="utf-8").splitlines())


async def open_match(client: Client) -> Match:
    """Open a source, the game and the pools that are open before the match."""
    line_ups, *_ = entries()
    players = [target for target in line_ups.targets or [] if ":" in target]
    source = await client.open_game_source(source_name="World Cup 2022", takeout="0.05")
    game = await client.create_and_open_game(
        source_id=source.source_id,
        game_name="Argentina - France",
        type="football",
        actions=[*(line_ups.actions or []), _BEST],
        targets=players,
        scores={"Goal": 1},
    )
    game_id = game.game_id
    await client.become_an_admin_for_game(game_id=game_id)
    for description, action, targets in (
        ("Next goal", "Goal", ["Argentina", "France"]),
        ("Next scorer", "Goal", players),
        ("Next yellow card", "Yellow Card", ["Argentina", "France"]),
        ("Next to leave the pitch", "Substitution", players),
    ):
        await client.create_and_open_betting_pool(
            game_id=game_id, description=description, action_id=action, targets=targets, recreate_on_end=True
        )
    best = await client.create_and_open_betting_pool(
        game_id=game_id, description=_BEST, action_id=_BEST, targets=[*_BEST_TWO, "Argentina:Di María"]
    )
    champions = await client.create_and_open_betting_pool(
        game_id=game_id, description="Champions", pool_type=3, targets=["Argentina", "France"]
    )
    return Match(game_id, best.pool_id, champions.pool_id)


async def _open_early_goal(client: Client, match: Match, speed: float) -> str:
    """Open a pool on the first half hour, which the goal in minute 23 decides."""
    opened = await client.create_and_open_betting_pool(
        game_id=match.game_id,
        description="A goal in the first half hour?",
        pool_type=4,
        finish_at=round(time.time() * 1000 + 30 * 60_000 / speed),
    )
    return opened.pool_id


async def play(client: Client, match: Match, speed: float) -> None:
    """Let the match happen, ``speed`` times as fast as it did, and close the game."""
    feed = Feed(client, match.game_id, speed=speed)
    await feed.prepare()
    _, first, *rest = entries()
    await _set_clock(client, match, 0, "1H")
    early_goal = await _open_early_goal(client, match, speed)
    await trio.sleep(((first.told_at or 0) - KICK_OFF_MS) / 1000 / speed)
    is_shoot_out = False
    for entry in (first, *rest):
        if not is_shoot_out and (entry.action or "").startswith(_SHOOT_OUT):
            is_shoot_out = True
            await client.resolve_betting_pool(pool_id=match.best, winners=_BEST_TWO)
        await feed.tell(entry)
        if entry is first:
            with suppress(Refused):  # on a slow machine, the half hour may be over
                await client.register_game_event(pool_id=early_goal, target_id="yes")
        if entry.id is not None:
            minute = int(entry.id[:3])
            period = next((name for last, name in _HALVES if minute <= last), "")
            await _set_clock(client, match, minute, "PEN" if is_shoot_out else period)
    await client.register_game_event(pool_id=match.champions, target_id="Argentina")
    await client.close_game(game_id=match.game_id)


async def _set_clock(client: Client, match: Match, minute: int, period: str) -> None:
    await client.set_match_clock(game_id=match.game_id, period=period, elapsed_ms=minute * 60_000, is_running=False)
