"""What the commands have in common: their parsers, settings and exit codes."""

import argparse
from collections.abc import Callable
from textwrap import indent
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec

from gameserver.config import Settings

# Exit codes besides argparse's own 2, for a command line that is not understood.
DONE, NOT_DONE, BUG, INTERRUPTED, UNREAD = 0, 1, 3, 130, 141
EXIT_CODES = """\
exit codes:
  0    done
  1    not done, refused, or not sound: standard error or the output says why
  2    the command line is invalid
  3    a bug, with its traceback on standard error
  130  interrupted (Ctrl-C)
  141  the reader of the output has gone
"""

Run = Callable[[argparse.Namespace, Settings], int]


DATABASE = frozenset({"db"})


def add_command(
    under: Any,
    name: str,
    run: Run,
    summary: str,
    *,
    examples: str,
    flags: frozenset[str] | None = DATABASE,
) -> argparse.ArgumentParser:
    """Add a command to the subparsers ``under``.

    ``examples`` are lines as they are typed, without the indentation. The settings named by ``flags`` are flags of the
    command, or with None all.
    """
    command: argparse.ArgumentParser = under.add_parser(
        name,
        help=summary,
        description=summary + ".",
        epilog=epilog(examples),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=run)
    _add_settings(command, flags)
    return command


def add_group(under: Any, name: str, summary: str, *, examples: str) -> Any:
    """Add a command that has commands of its own; returns their subparsers."""
    group: argparse.ArgumentParser = under.add_parser(
        name,
        help=summary,
        description=summary + ".",
        epilog=epilog(examples),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return group.add_subparsers(required=True, metavar="COMMAND")


def epilog(examples: str) -> str:
    """What the help of a command ends with: examples of its use, and the exit codes."""
    return f"examples:\n{indent(examples, '  ')}\n{EXIT_CODES}"


def _add_settings(parser: argparse.ArgumentParser, only: frozenset[str] | None) -> None:
    """Add a flag for each setting, or for those named by ``only``."""
    group = parser.add_argument_group("settings", "also as GAMESERVER_… variables and keys of the --config file")
    group.add_argument("--config", metavar="FILE.toml", help="read settings from this file")
    hints = get_type_hints(Settings, include_extras=True)
    for field in msgspec.structs.fields(Settings):
        if only is None or field.name in only:
            default = ",".join(field.default) if isinstance(field.default, tuple) else str(field.default).lower()
            group.add_argument(
                "--" + field.name.replace("_", "-"),
                metavar="VALUE",
                help=f"{_description(hints[field.name])} (default {default or 'none'})",
            )


def _description(hint: Any) -> str:
    found = [meta.description for meta in get_args(hint)[1:]] if get_origin(hint) is Annotated else []
    return next((text for text in reversed(found) if text), "")
