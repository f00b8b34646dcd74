"""The commands on whole files: ``check``, ``backup``, ``restore``, ``export`` and ``replay``."""

import argparse
import json
import stat
import sys
import time
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

from gameserver import output
from gameserver.admin.client import ControlError
from gameserver.admin.facts import ReplayError, read_facts
from gameserver.admin.replay import Replay, export_game
from gameserver.cli.parsing import DONE, NOT_DONE, add_command
from gameserver.config import SECRET_VARIABLE, Settings
from gameserver.errors import Rejected
from gameserver.output import say
from gameserver.progress import MEGABYTE, Progress
from gameserver.storage.check import find_faults
from gameserver.storage.clock import last_recorded_at
from gameserver.storage.files import beside, hold_lock, locate
from gameserver.storage.opening import reading_current, reading_file, require_file, require_url
from gameserver.storage.sqlite.atomic_copy import CopyRefused
from gameserver.storage.sqlite.backup import back_up, restore
from gameserver.storage.sqlite.connection import open_memory
from gameserver.storage.sqlite.migrations import require_current

_CHECK = """\
gameserver check
gameserver check --db /var/lib/gameserver/gameserver.db
"""
_BACKUP = "gameserver backup /backup/gameserver.db --db /var/lib/gameserver/gameserver.db\n"
_RESTORE = "gameserver restore /backup/gameserver.db --db /var/lib/gameserver/gameserver.db\n"
_MIGRATE_TO = "gameserver migrate-to postgresql://gameserver@db.example/games --db data/gameserver.db\n"
_EXPORT = "gameserver export GAME_ID > game.jsonl\n"
_REPLAY = """\
gameserver replay game.jsonl --verify
gameserver export GAME_ID | gameserver replay - --verify
"""


def add_commands(commands: Any) -> None:
    """Add the commands."""
    summary = "Check that a database is sound, or print its faults"
    add_command(commands, "check", _check, summary, examples=_CHECK)

    summary = "Copy the database into one file, with or without a running server"
    command = add_command(commands, "backup", _backup, summary, examples=_BACKUP)
    command.add_argument("file", help="the backup; an existing one is replaced once the new one is complete")
    summary = "Replace the database by a backup, while no server runs"
    command = add_command(commands, "restore", _restore, summary, examples=_RESTORE)
    command.add_argument("file", help="the backup")
    command.add_argument("--discard-old", action="store_true", help="do not keep the replaced database beside it")

    summary = "Copy the database, while no server runs, into an empty one of PostgreSQL"
    command = add_command(commands, "migrate-to", _migrate_to, summary, examples=_MIGRATE_TO)
    command.add_argument("url", help="the empty database, such as postgresql://HOST/NAME")

    summary = "Write a game's requests and outcome as JSON lines"
    command = add_command(commands, "export", _export, summary, examples=_EXPORT)
    command.add_argument("game_id")
    summary = "Repeat an exported game in memory and compare the outcome"
    command = add_command(commands, "replay", _replay, summary, examples=_REPLAY)
    command.add_argument("file", help="the export; - for standard input")
    command.add_argument("--verify", action="store_true", help="exit with 1 if the outcome differs")


def _check(options: argparse.Namespace, settings: Settings) -> int:
    with reading_current(settings.db) as (name, connection), Progress("checking", "rules") as progress:
        faults = find_faults(connection, progress)
    for fault in faults:
        say(fault)
    if not faults:
        say(f"{name} is sound")
    return NOT_DONE if faults else DONE


def _backup(options: argparse.Namespace, settings: Settings) -> int:
    target = Path(options.file)
    with reading_file(settings.db) as (file, connection), _copying() as progress:
        faults = back_up(connection, file, target, progress)
    if faults:
        reason = f"{file} is not sound; its copy is {beside(target, '.part')}, and {target} is unchanged:"
        raise CopyRefused("\n".join([reason, *faults]))
    say(f"{target} is a sound backup of {file}")
    if target.stat().st_mode & ~file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        print(f"other users can read {target}: its file system keeps no permissions", file=sys.stderr)
    return DONE


def _copying() -> Progress:
    return Progress("copying and proving it sound", "MB", MEGABYTE)


def _restore(options: argparse.Namespace, settings: Settings) -> int:
    require_file(settings.db)
    file = locate(Path(settings.db))
    with _copying() as progress:
        kept = restore(file, Path(options.file), progress, keep=not options.discard_old)
    say(f"{file} now holds the content of {options.file}")
    if kept is not None:
        say(f"the database it replaces is kept as {kept}; to go back: gameserver restore {kept} --db {file}")
    say(
        f"session keys need the secret they were made with ({beside(file, '.secret')}, which stays as it is): those of"
        " the backup that have not expired are valid, also if they were ended since; gameserver user key NAME ends them"
    )
    say("next: start the server")
    return DONE


def _migrate_to(options: argparse.Namespace, settings: Settings) -> int:
    require_url(options.url)
    from gameserver.storage.postgres.migrate_to import copy_to

    with reading_file(settings.db) as (file, connection), hold_lock(file):
        require_current(file, connection)
        with Progress("copying and proving it sound", "rows") as progress:
            copy_to(connection, options.url, progress)
    say(f"all of {file} is in the PostgreSQL database, and sound; the file is left as it is")
    say(f"next: start servers with this URL as --db, and in {SECRET_VARIABLE} the secret of")
    say(f"{beside(file, '.secret')} in hexadecimal digits, the same for all")
    return DONE


def _export(options: argparse.Namespace, settings: Settings) -> int:
    output.write_utf8()
    # On a terminal, what is written shows how far it has come.
    is_seen = sys.stdout is not None and sys.stdout.isatty()
    with reading_current(settings.db) as (_, connection), nullcontext() if is_seen else Progress("exporting"):
        try:
            now_ms = max(int(time.time() * 1000), last_recorded_at(connection))  # as the server's clock has it
            for fact in export_game(connection, options.game_id, now_ms):
                say(json.dumps(fact, ensure_ascii=False))
        except Rejected as rejected:
            raise ControlError(rejected.text) from None
    return DONE


def _replay(options: argparse.Namespace, settings: Settings) -> int:
    facts = read_facts(*_input(options.file))
    with closing(open_memory()) as connection, Progress("repeating", "requests") as progress:
        differences = Replay(connection, settings, progress).run(facts)
    for difference in differences:
        say(difference)
    if not differences:
        say(f"{len(facts) - 2} requests repeated: every balance, bet and pool came out the same")
    return NOT_DONE if differences and options.verify else DONE


def _input(file: str) -> tuple[bytes, str]:
    """A file's content and its name for messages; ``-`` is standard input. Raises `ReplayError`."""
    try:
        if file != "-":
            return Path(file).read_bytes(), file
        return sys.stdin.buffer.read() if sys.stdin is not None else b"", "standard input"
    except OSError as error:
        raise ReplayError(f"{file} cannot be read: {error.strerror}") from error
