"""The ``gameserver`` command (protocol, "Command line")."""

import argparse
import os
import platform
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from gameserver import __version__, output
from gameserver.cli import calling, completion, demonstrating, feeding, files, serving, users, watching
from gameserver.cli.parsing import BUG, INTERRUPTED, NOT_DONE, UNREAD, Run, epilog
from gameserver.config import Settings, load_settings
from gameserver.errors import OperatorError
from gameserver.storage.sqlite.connection import ENGINE_VERSION, require_sqlite

_VERSION = f"gameserver {__version__} (Python {platform.python_version()}, SQLite {ENGINE_VERSION})"

_EXAMPLES = """\
gameserver demo
gameserver serve --dev
gameserver call open_game_source source_name="World Cup"
gameserver serve --help
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the process's exit code."""
    output.prepare()
    parser = make_parser()
    completion.complete(parser)
    options = parser.parse_args(arguments)
    try:
        require_sqlite()
        settings = _settings(options)
        run: Run = options.run
        code = run(options, settings)
        output.flush()
    except (Exception, KeyboardInterrupt, BaseExceptionGroup) as error:
        return _tell(error)
    return code


def _tell(error: BaseException) -> int:
    """Print an operator's error as a sentence and any other as a traceback; returns the exit code."""
    first, *others = _leaves(error)
    if any(isinstance(leaf, KeyboardInterrupt) for leaf in (first, *others)):
        return INTERRUPTED
    if isinstance(first, output.ReaderGone):
        return UNREAD
    if not all(map(_is_expected, (first, *others))):
        traceback.print_exception(error)
        return BUG
    with suppress(OSError):
        print(f"gameserver: {first}", file=sys.stderr)
    return NOT_DONE


def _is_expected(error: BaseException) -> bool:
    return isinstance(error, OperatorError)


def _leaves(error: BaseException) -> list[BaseException]:
    if not isinstance(error, BaseExceptionGroup):
        return [error]
    return [leaf for inner in error.exceptions for leaf in _leaves(inner)]


def _settings(options: argparse.Namespace) -> Settings:
    names = {field.name for field in msgspec.structs.fields(Settings)}
    flags = {name: value for name, value in vars(options).items() if name in names and value is not None}
    return load_settings(flags, os.environ, Path(options.config) if options.config else None)


def make_parser() -> argparse.ArgumentParser:
    """Make the parser of command lines."""
    parser = argparse.ArgumentParser(
        prog="gameserver",
        description="A self-hosted server for live prediction games: one process, one SQLite file.\n"
        "Several servers share a PostgreSQL database.",
        epilog=epilog(_EXAMPLES),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=_VERSION)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for topic in (serving, users, files, calling, feeding, watching, demonstrating, completion):
        topic.add_commands(commands)
    return parser
