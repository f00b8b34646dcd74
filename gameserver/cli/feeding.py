"""``gameserver feed``: what a file tells of a match, into a game."""

import argparse
import math
import sys
from collections import Counter
from contextlib import suppress
from functools import partial
from typing import Any

import trio

from gameserver.cli.calling import add_caller, session
from gameserver.cli.parsing import DONE, NOT_DONE, add_command
from gameserver.client import connect
from gameserver.config import Settings
from gameserver.feed.feeding import Done
from gameserver.feed.mapping import Entry, Mapping
from gameserver.feed.reading import NotMapped, Record
from gameserver.feed.run import Source, run_feed
from gameserver.output import say_json

_EXAMPLES = """\
gameserver feed GAME_ID match.jsonl --follow
gameserver feed GAME_ID match.jsonl --speed 60
gameserver feed GAME_ID match.csv --map action=type --map target=team:player
"""


def add_commands(commands: Any) -> None:
    """Add the command."""
    summary = "Register the events of a file in a game, each once"
    command = add_command(commands, "feed", _feed, summary, examples=_EXAMPLES)
    command.add_argument("game_id")
    command.add_argument("file", help="JSON lines, or CSV if its name ends with .csv; - for standard input")
    command.add_argument("--csv", action="store_true", help="the input is CSV, whatever its name")
    command.add_argument("--speed", type=positive, help="replay the times of the file, so many times as fast")
    command.add_argument("--follow", action="store_true", help="wait for more at the end of the file")
    command.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="NAME=FIELD",
        help="the field of a line that holds the action, target, id …; FIELD:FIELD joins two",
    )
    add_caller(command)


def positive(text: str) -> float:
    """A number above 0. Raises `argparse.ArgumentTypeError`."""
    with suppress(ValueError):
        if 0 < float(text) < math.inf:
            return float(text)
    raise argparse.ArgumentTypeError(f"it takes a number above 0, not {text!r}")


def _feed(options: argparse.Namespace, settings: Settings) -> int:
    is_csv = options.csv or options.file.lower().endswith(".csv")
    source = Source(options.file, is_csv, options.follow, Mapping(options.map))
    with session(options, settings) as (url, key):
        counts = trio.run(_run, options, url, key, source)
    say = ", ".join(f"{count} {what}" for what, count in counts.items()) or "no lines"
    print(say, file=sys.stderr)
    return NOT_DONE if counts[_NOT_MAPPED] else DONE


_NOT_MAPPED = "not mapped"


async def _run(options: argparse.Namespace, url: str, key: str, source: Source) -> Counter[str]:
    counts: Counter[str] = Counter()

    def tell(record: Record, entry: Entry, done: Done) -> None:
        counts[done.what] += 1
        say_json(
            {"line": record.number, "id": entry.subject or None, "did": done.what, "event_id": done.event_id},
            at_once=True,
        )

    def tell_not_mapped(record: Record, reason: NotMapped) -> None:
        counts[_NOT_MAPPED] += 1
        print(f"{source.file}:{record.number}: {reason}", file=sys.stderr, flush=True)

    # A feed outlasts the server's absence, however long that is.
    async with connect(url, key, timeout_s=math.inf) as client:
        feed = partial(run_feed, client, options.game_id, source, tell, tell_not_mapped)
        await feed(speed=options.speed)
    return counts
