"""``gameserver user`` and ``gameserver source``: users, their keys and passwords, and admins of sources."""

import argparse
import json
import sys
from typing import Any

from gameserver.admin.client import ControlError, control
from gameserver.admin.commands import (
    AddSourceAdminByName,
    AddUser,
    BanUser,
    CreditUser,
    ListSources,
    ReplaceKeys,
    SetPassword,
    UnbanUser,
)
from gameserver.cli.parsing import DONE, add_command, add_group
from gameserver.config import Settings
from gameserver.engine.passwords import hash_password, normal_password
from gameserver.errors import Rejected
from gameserver.output import say
from gameserver.printable import printable

_ADD = """\
gameserver user add ann
gameserver user add league --provider --json
gameserver user add ann --admin --password-stdin < password.txt
"""
_KEY = "gameserver user key ann\n"
_CHANGE = "gameserver user password ann --password-stdin < password.txt\n"
_BAN = "gameserver user ban ann\n"
_UNBAN = "gameserver user unban ann\n"
_CREDIT = "gameserver user credit ann 250 DON\n"
_LIST = "gameserver source list\n"
_ADMIN_ADD = "gameserver source admin-add SOURCE_ID ann\n"


def add_commands(commands: Any) -> None:
    """Add the commands."""
    user = add_group(
        commands, "user", "Make users, their session keys and passwords", examples=_ADD + _KEY + _CHANGE + _CREDIT
    )
    command = add_command(user, "add", _user_add, "Make a user and print its id and a session key", examples=_ADD)
    command.add_argument("name")
    command.add_argument("--provider", action="store_true", help="may open game sources")
    command.add_argument("--admin", action="store_true", help="administers the server")
    command.add_argument("--password-stdin", action="store_true", help="has the password that standard input holds")
    command.add_argument("--create", action="store_true", help="make the database if there is none, as serve does")
    command.add_argument("--json", action="store_true", help="print one JSON object")
    command = add_command(
        user, "key", _user_key, "Print a new session key of a user and end all its others", examples=_KEY
    )
    command.add_argument("name")
    command.add_argument("--json", action="store_true", help="print one JSON object")
    command = add_command(
        user, "password", _user_password, "Give a user a password and end all its sessions", examples=_CHANGE
    )
    command.add_argument("name")
    command.add_argument(
        "--password-stdin", action="store_true", required=True, help="read the password from standard input"
    )
    command = add_command(user, "ban", _user_ban, "Keep a user from logging on and end all its sessions", examples=_BAN)
    command.add_argument("name")
    command = add_command(user, "unban", _user_unban, "Let a user who is banned log on again", examples=_UNBAN)
    command.add_argument("name")
    command = add_command(user, "credit", _user_credit, "Give a user points of a currency", examples=_CREDIT)
    command.add_argument("name")
    command.add_argument("amount", help="in units, such as 100 or 2.50")
    command.add_argument("currency", help="such as DON or EUR")

    source = add_group(commands, "source", "List game sources, add admins", examples=_LIST + _ADMIN_ADD)
    add_command(source, "list", _source_list, "List the game sources with their admins", examples=_LIST)
    command = add_command(
        source, "admin-add", _source_admin_add, "Make a user an admin of a game source", examples=_ADMIN_ADD
    )
    command.add_argument("source_id")
    command.add_argument("name")


def _user_add(options: argparse.Namespace, settings: Settings) -> int:
    password_hash = _read_password_hash() if options.password_stdin else None
    command = AddUser(options.name, options.provider, options.admin, password_hash)
    return _print_user(options, control(settings, command, create=options.create))


def _user_key(options: argparse.Namespace, settings: Settings) -> int:
    return _print_user(options, control(settings, ReplaceKeys(options.name)))


def _user_password(options: argparse.Namespace, settings: Settings) -> int:
    changed = control(settings, SetPassword(options.name, _read_password_hash()))
    say(f"{changed['username']} has a new password; all sessions have ended")
    return DONE


def _read_password_hash() -> str:
    """The hash of the password on standard input, where a newline may end it. Raises `ControlError`."""
    try:
        text = sys.stdin.buffer.read().decode() if sys.stdin is not None else ""
        return hash_password(normal_password(text.removesuffix("\n").removesuffix("\r")))
    except UnicodeDecodeError:
        raise ControlError("the password on standard input is not UTF-8") from None
    except Rejected as rejected:
        raise ControlError(rejected.text) from None


def _user_ban(options: argparse.Namespace, settings: Settings) -> int:
    banned = control(settings, BanUser(options.name))
    say(f"{banned['username']} is banned; all sessions have ended")
    return DONE


def _user_unban(options: argparse.Namespace, settings: Settings) -> int:
    unbanned = control(settings, UnbanUser(options.name))
    say(f"{unbanned['username']} may log on again")
    return DONE


def _user_credit(options: argparse.Namespace, settings: Settings) -> int:
    credited = control(settings, CreditUser(options.name, options.amount, options.currency))
    say(f"{credited['username']} has {credited['available_balance']} {credited['currency']} available")
    return DONE


def _print_user(options: argparse.Namespace, user: dict[str, Any]) -> int:
    if options.json:
        say(json.dumps(user))
    else:
        say(f"id: {user['id']}\nsession_key: {user['session_key']}")
    return DONE


def _source_list(options: argparse.Namespace, settings: Settings) -> int:
    for source in control(settings, ListSources())["sources"]:
        state = " (closed)" if source["closed"] else ""
        say(f"{source['id']}  {printable(source['name'])}{state}  admins: {', '.join(source['admins'])}")
    return DONE


def _source_admin_add(options: argparse.Namespace, settings: Settings) -> int:
    added = control(settings, AddSourceAdminByName(options.source_id, options.name))
    say(f"{added['username']} is an admin of {added['source_id']}")
    return DONE
