"""``gameserver demo``: the final of 2022 in a minute."""

import argparse
import sys
from pathlib import Path
from typing import Any

import trio

from gameserver.cli.feeding import positive
from gameserver.cli.parsing import DONE, INTERRUPTED, add_command
from gameserver.config import Settings, SettingsError
from gameserver.ops.log_output import log_to_stderr
from gameserver.output import say_at_once
from gameserver.storage.opening import is_url

_FLAGS = frozenset({"host"})
_EXAMPLES = """\
gameserver demo
gameserver demo --host 0.0.0.0 --port 9999
gameserver demo --speed 60 --load 1000 > figures
"""


def add_commands(commands: Any) -> None:
    """Add the command."""
    command = add_command(
        commands,
        "demo",
        _demo,
        "Play the final of 2022 on a server of its own, in a minute",
        examples=_EXAMPLES,
        flags=_FLAGS,
    )
    command.add_argument("--speed", type=positive, help="so many times as fast as it was (by default 175, a minute)")
    command.add_argument("--load", type=count, metavar="N", help="let N spectators watch it")
    command.add_argument("--port", metavar="VALUE", help="TCP port (by default a free one)")
    command.add_argument("--db", metavar="FILE", help="keep the database in this new file (by default it is not kept)")


def count(text: str) -> int:
    """A number from 0 up. Raises `argparse.ArgumentTypeError`."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"it takes a number from 0 up, not {text!r}")
    return int(text)


def _demo(options: argparse.Namespace, settings: Settings) -> int:
    # Rich and segno take a while to load, and no other command but watch needs them.
    from rich.console import Console

    from gameserver.demo.demo import Options, demonstrate

    if options.db is not None and (is_url(options.db) or Path(options.db).exists()):
        raise SettingsError(f"the demo makes a database of its own: --db names a new file, not {options.db}")
    given = {"speed": options.speed, "spectators": options.load, "db": options.db}
    chosen = Options(host=settings.host, port=settings.port if options.port else 0)._replace(
        **{name: value for name, value in given.items() if value is not None}
    )
    with log_to_stderr("error", "text"):
        is_over = trio.run(demonstrate, chosen, Console(file=sys.stdout), say_at_once)
    return DONE if is_over else INTERRUPTED
