"""``gameserver call``: one request to a server."""

import argparse
from typing import Any

from gameserver.admin.call import ask, read_request, require_key, require_url
from gameserver.admin.client import control
from gameserver.admin.commands import EndSession, OpenSession
from gameserver.cli.parsing import DONE, NOT_DONE, add_command
from gameserver.cli.serving import DEVELOPER
from gameserver.config import Settings
from gameserver.output import say_json


def add_commands(commands: Any) -> None:
    """Add the command."""
    command = add_command(commands, "call", _call, "Log on to a server, send one request and print the reply")
    command.add_argument("request", help="the request, such as '{\"op\": 1}'")
    command.add_argument("--url", default="ws://127.0.0.1:9999/", help="the server (default %(default)s)")
    command.add_argument("--key", help="a session key; without it, the server of --db makes one")
    command.add_argument(
        "--as", dest="user", default=DEVELOPER, help="the user to act as without --key (default %(default)s)"
    )


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
