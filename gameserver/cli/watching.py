"""``gameserver watch``: a game in the terminal."""

import argparse
from typing import Any

import trio

from gameserver.cli.calling import add_caller, session
from gameserver.cli.parsing import DONE, add_command
from gameserver.client import connect
from gameserver.config import Settings
from gameserver.output import say_at_once

_EXAMPLES = """\
gameserver watch GAME_ID
gameserver watch GAME_ID --as ann > game.log
gameserver watch GAME_ID --url wss://example.org/ --key SESSION_KEY
"""


def add_commands(commands: Any) -> None:
    """Add the command."""
    summary = "Show a game as it goes on: a picture, or lines where piped"
    command = add_command(commands, "watch", _watch, summary, examples=_EXAMPLES)
    command.add_argument("game_id")
    add_caller(command)


def _watch(options: argparse.Namespace, settings: Settings) -> int:
    with session(options, settings) as (url, key):
        trio.run(_show, url, key, options.game_id)
    return DONE


async def _show(url: str, key: str, game_id: str) -> None:
    # Rich takes a while to load, and no other command but the demo needs it.
    from rich.console import Console

    from gameserver.show.view import GameView
    from gameserver.show.watching import show

    async with connect(url, key) as client:
        await show(client, GameView(game_id), Console(), say_at_once)
