"""``gameserver user`` and ``gameserver source``: users, their session keys, and admins of sources."""

import argparse
import json
from typing import Any

from gameserver.admin.client import control
from gameserver.admin.commands import AddSourceAdminByName, AddUser, CreditUser, ListSources, ReplaceKeys
from gameserver.cli.parsing import DONE, add_command, add_group
from gameserver.config import Settings
from gameserver.output import say


def add_commands(commands: Any) -> None:
    """Add the commands."""
    user = add_group(commands, "user", "Make users and their session keys")
    command = add_command(user, "add", _user_add, "Make a user and print its id and a session key")
    command.add_argument("name")
    command.add_argument("--provider", action="store_true", help="may open game sources")
    command.add_argument("--create", action="store_true", help="make the database if there is none, as serve does")
    command.add_argument("--json", action="store_true", help="print one JSON object")
    command = add_command(user, "key", _user_key, "Print a new session key of a user and end all its others")
    command.add_argument("name")
    command.add_argument("--json", action="store_true", help="print one JSON object")
    command = add_command(user, "credit", _user_credit, "Give a user points of a currency")
    command.add_argument("name")
    command.add_argument("amount", help="in units, such as 100 or 2.50")
    command.add_argument("currency", help="such as DON or EUR")

    source = add_group(commands, "source", "List game sources, add admins")
    add_command(source, "list", _source_list, "List the game sources with their admins")
    command = add_command(source, "admin-add", _source_admin_add, "Make a user an admin of a game source")
    command.add_argument("source_id")
    command.add_argument("name")


def _user_add(options: argparse.Namespace, settings: Settings) -> int:
    return _print_user(options, control(settings, AddUser(options.name, options.provider), create=options.create))


def _user_key(options: argparse.Namespace, settings: Settings) -> int:
    return _print_user(options, control(settings, ReplaceKeys(options.name)))


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
        say(f"{source['id']}  {source['name']}{state}  admins: {', '.join(source['admins'])}")
    return DONE


def _source_admin_add(options: argparse.Namespace, settings: Settings) -> int:
    added = control(settings, AddSourceAdminByName(options.source_id, options.name))
    say(f"{added['username']} is an admin of {added['source_id']}")
    return DONE
