"""The ``gameserver`` command (protocol, "Command line")."""

import argparse
import gc
import json
import os
import stat
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec
import trio

from gameserver import __version__, output
from gameserver.admin.call import ask, read_request, require_key, require_url
from gameserver.admin.client import ControlError, control
from gameserver.admin.commands import (
    AddSourceAdminByName,
    AddUser,
    CreditUser,
    EndSession,
    ListSources,
    OpenSession,
    ReplaceKeys,
)
from gameserver.admin.facts import ReplayError, read_facts
from gameserver.admin.replay import Replay, export_game
from gameserver.app import Signals, command_runner, serve
from gameserver.config import Settings, load_settings
from gameserver.errors import OperatorError, Rejected
from gameserver.ops.log_output import log_to_stderr, print_in_background
from gameserver.ops.systemd import Systemd
from gameserver.output import say, say_json
from gameserver.progress import Progress
from gameserver.realtime.context import ServerContext
from gameserver.storage.check import find_faults
from gameserver.storage.clock import last_recorded_at
from gameserver.storage.files import beside, locate
from gameserver.storage.opening import reading_current, reading_file, require_file
from gameserver.storage.sqlite.atomic_copy import CopyRefused
from gameserver.storage.sqlite.backup import back_up, restore
from gameserver.storage.sqlite.connection import open_memory, require_sqlite

DEVELOPER = "dev"

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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the process's exit code."""
    output.prepare()
    options = _parser().parse_args(arguments)
    try:
        require_sqlite()
        settings = _settings(options)
        run: Callable[[argparse.Namespace, Settings], int] = options.run
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gameserver",
        description="A self-hosted server for live prediction games: one process, one SQLite file, or"
        " several on one PostgreSQL database.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"gameserver {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(
        under: Any,
        name: str,
        run: Callable[[argparse.Namespace, Settings], int],
        summary: str,
        every: bool = False,
    ) -> argparse.ArgumentParser:
        command: argparse.ArgumentParser = under.add_parser(
            name,
            help=summary,
            description=summary + ".",
            epilog=EXIT_CODES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.set_defaults(run=run)
        _add_settings(command, None if every else {"db"})
        return command

    run = add(commands, "serve", _serve, "Serve until told to stop", every=True)
    run.add_argument(
        "--dev", action="store_true", help=f"make a provider {DEVELOPER!r} and print how to connect as that user"
    )

    user = commands.add_parser("user", help="Make users and their session keys").add_subparsers(
        required=True, metavar="COMMAND"
    )
    command = add(user, "add", _user_add, "Make a user and print its id and a session key")
    command.add_argument("name")
    command.add_argument("--provider", action="store_true", help="may open game sources")
    command.add_argument("--create", action="store_true", help="make the database if there is none, as serve does")
    command.add_argument("--json", action="store_true", help="print one JSON object")
    command = add(user, "key", _user_key, "Print a new session key of a user and end all its others")
    command.add_argument("name")
    command.add_argument("--json", action="store_true", help="print one JSON object")

    command = add(user, "credit", _user_credit, "Give a user points of a currency")
    command.add_argument("name")
    command.add_argument("amount", help="in units, such as 100 or 2.50")
    command.add_argument("currency", help="such as DON or EUR")

    source = commands.add_parser("source", help="List game sources, add admins").add_subparsers(
        required=True, metavar="COMMAND"
    )
    add(source, "list", _source_list, "List the game sources with their admins")
    command = add(source, "admin-add", _source_admin_add, "Make a user an admin of a game source")
    command.add_argument("source_id")
    command.add_argument("name")

    add(commands, "check", _check, "Check that a database is sound, or print its faults")

    command = add(commands, "backup", _backup, "Copy the database into one file, with or without a running server")
    command.add_argument("file", help="the backup; an existing one is replaced once the new one is complete")
    command = add(commands, "restore", _restore, "Replace the database by a backup, while no server runs")
    command.add_argument("file", help="the backup")
    command.add_argument("--discard-old", action="store_true", help="do not keep the replaced database beside it")

    command = add(commands, "export", _export, "Write a game's requests and outcome as JSON lines")
    command.add_argument("game_id")
    command = add(commands, "replay", _replay, "Repeat an exported game in memory and compare the outcome")
    command.add_argument("file", help="the export; - for standard input")
    command.add_argument("--verify", action="store_true", help="exit with 1 if the outcome differs")

    command = add(commands, "call", _call, "Log on to a server, send one request and print the reply", every=False)
    command.add_argument("request", help="the request, such as '{\"op\": 1}'")
    command.add_argument("--url", default="ws://127.0.0.1:9999/", help="the server (default %(default)s)")
    command.add_argument("--key", help="a session key; without it, the server of --db makes one")
    command.add_argument(
        "--as", dest="user", default=DEVELOPER, help="the user to act as without --key (default %(default)s)"
    )
    return parser


def _add_settings(parser: argparse.ArgumentParser, only: set[str] | None) -> None:
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


def _serve(options: argparse.Namespace, settings: Settings) -> int:
    with log_to_stderr(settings.log_level, settings.log_format):
        _spare_the_collector()
        trio.run(_serve_until_stopped, settings, options.dev)
    return 0


def _spare_the_collector() -> None:
    """Make the garbage collector run less often, and skip the objects loaded so far.

    Loaded modules and open connections are many long-lived objects, and requests make few reference cycles. With the
    interpreter's defaults, accepting ten thousand connections spends much of its time in the collector.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 50)


async def _serve_until_stopped(settings: Settings, dev: bool) -> None:
    async with trio.open_nursery() as nursery:
        signals = Signals(hangup_stops=dev)
        await nursery.start(signals.handle)
        systemd = Systemd(os.environ, os.getpid())
        await serve(settings, partial(_announce, dev), signals, systemd)
        nursery.cancel_scope.cancel()


async def _announce(dev: bool, context: ServerContext, urls: list[str]) -> None:
    told = [(sys.stdout, f"serving on {' '.join(urls)}\n")]
    if dev:
        told.insert(0, (sys.stderr, f"{await _developer_help(context, urls[0])}\n"))
    print_in_background(told)


async def _developer_help(context: ServerContext, url: str) -> str:
    runner = command_runner(context)
    try:
        answer = await runner.carry_out(AddUser(DEVELOPER, is_provider=True))
    except Rejected:
        answer = await runner.carry_out(OpenSession(DEVELOPER))
    user = msgspec.json.decode(answer)
    key, program = user["session_key"], sys.argv[0]
    return "\n".join(
        [
            "",
            f"  You are the provider {DEVELOPER!r}, user {user['id']}. Connect with the header",
            f"    Authorization: Bearer {key}",
            "  or get a first reply with",
            f'    {program} call --url {url} --key {key} \'{{"op": 365, "source_name": "My source"}}\'',
            "",
        ]
    )


def _user_add(options: argparse.Namespace, settings: Settings) -> int:
    return _print_user(options, control(settings, AddUser(options.name, options.provider), create=options.create))


def _user_key(options: argparse.Namespace, settings: Settings) -> int:
    return _print_user(options, control(settings, ReplaceKeys(options.name)))


def _user_credit(options: argparse.Namespace, settings: Settings) -> int:
    credited = control(settings, CreditUser(options.name, options.amount, options.currency))
    say(f"{credited['username']} has {credited['available_balance']} {credited['currency']} available")
    return 0


def _print_user(options: argparse.Namespace, user: dict[str, Any]) -> int:
    if options.json:
        say(json.dumps(user))
    else:
        say(f"id: {user['id']}\nsession_key: {user['session_key']}")
    return 0


def _source_list(options: argparse.Namespace, settings: Settings) -> int:
    for source in control(settings, ListSources())["sources"]:
        state = " (closed)" if source["closed"] else ""
        say(f"{source['id']}  {source['name']}{state}  admins: {', '.join(source['admins'])}")
    return 0


def _source_admin_add(options: argparse.Namespace, settings: Settings) -> int:
    added = control(settings, AddSourceAdminByName(options.source_id, options.name))
    say(f"{added['username']} is an admin of {added['source_id']}")
    return 0


def _check(options: argparse.Namespace, settings: Settings) -> int:
    with reading_current(settings.db) as (name, connection):
        faults = find_faults(connection)
    for fault in faults:
        say(fault)
    if not faults:
        say(f"{name} is sound")
    return 1 if faults else 0


def _backup(options: argparse.Namespace, settings: Settings) -> int:
    target = Path(options.file)
    with reading_file(settings.db) as (file, connection):
        faults = back_up(connection, file, target, Progress())
    if faults:
        reason = f"{file} is not sound; its copy is {beside(target, '.part')}, and {target} is unchanged:"
        raise CopyRefused("\n".join([reason, *faults]))
    say(f"{target} is a sound backup of {file}")
    if target.stat().st_mode & ~file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        print(f"other users can read {target}: its file system keeps no permissions", file=sys.stderr)
    return 0


def _restore(options: argparse.Namespace, settings: Settings) -> int:
    require_file(settings.db)
    file = locate(Path(settings.db))
    kept = restore(file, Path(options.file), Progress(), keep=not options.discard_old)
    say(f"{file} now holds the content of {options.file}")
    if kept is not None:
        say(f"the database it replaces is kept as {kept}; to go back: gameserver restore {kept} --db {file}")
    say(
        f"session keys need the secret they were made with ({beside(file, '.secret')}, which stays as it is): those of"
        " the backup that have not expired are valid, also if they were ended since; gameserver user key NAME ends them"
    )
    say("next: start the server")
    return 0


def _export(options: argparse.Namespace, settings: Settings) -> int:
    output.write_utf8()
    with reading_current(settings.db) as (_, connection):
        try:
            now_ms = max(int(time.time() * 1000), last_recorded_at(connection))  # as the server's clock has it
            for fact in export_game(connection, options.game_id, now_ms):
                say(json.dumps(fact, ensure_ascii=False))
        except Rejected as rejected:
            raise ControlError(rejected.text) from None
    return 0


def _replay(options: argparse.Namespace, settings: Settings) -> int:
    facts = read_facts(*_input(options.file))
    with closing(open_memory()) as connection:
        differences = Replay(connection, settings).run(facts)
    for difference in differences:
        say(difference)
    if not differences:
        say(f"{len(facts) - 2} requests repeated: every balance, bet and pool came out the same")
    return 1 if differences and options.verify else 0


def _input(file: str) -> tuple[bytes, str]:
    """A file's content and its name for messages; ``-`` is standard input. Raises `ReplayError`."""
    try:
        if file != "-":
            return Path(file).read_bytes(), file
        return sys.stdin.buffer.read() if sys.stdin is not None else b"", "standard input"
    except OSError as error:
        raise ReplayError(f"{file} cannot be read: {error.strerror}") from error


def _call(options: argparse.Namespace, settings: Settings) -> int:
    request = read_request(options.request)
    require_url(options.url)
    if options.key is not None:
        require_key(options.key)
        reply = ask(options.url, options.key, request)
    else:
        key = control(settings, OpenSession(options.user))["session_key"]
        try:
            reply = ask(options.url, key, request)
        finally:
            control(settings, EndSession(key))
    say_json(reply, indent=2)
    return NOT_DONE if reply["res"] == 666 else DONE
