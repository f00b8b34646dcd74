"""``gameserver call``: requests to a server, from the command line."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import trio

from gameserver.admin.call import CallFailed, call, read_request, require_key, require_url
from gameserver.admin.client import ControlError, control
from gameserver.admin.commands import EndSession, FindServer, OpenSession
from gameserver.cli.completion import complete_request
from gameserver.cli.parsing import DONE, NOT_DONE, add_command
from gameserver.cli.serving import DEVELOPER
from gameserver.config import Settings
from gameserver.errors import OperatorError
from gameserver.net.own_address import at_host, nearest
from gameserver.output import say_json
from gameserver.storage.opening import is_url

_USUAL_URL = "ws://127.0.0.1:9999/"
_EXAMPLES = """\
gameserver call get_my_available_balance
gameserver call --as ann place_bet_in_betting_pool pool_id=POOL_ID target=Argentina amount=10
gameserver call '{"op": 365, "source_name": "World Cup"}'
gameserver call join_game game_id=GAME_ID --follow
gameserver call - --url wss://example.org/ --key SESSION_KEY < requests
"""


def add_commands(commands: Any) -> None:
    """Add the command."""
    summary = "Log on to a server, send a request and print the reply"
    command = add_command(commands, "call", _call, summary, examples=_EXAMPLES)
    request = command.add_argument(
        "request",
        nargs="+",
        help="a JSON object such as '{\"op\": 1}'; or an operation, by name or number, and its parameters as"
        " NAME=VALUE; or - for one request a line from standard input",
    )
    request.completer = complete_request  # type: ignore[attr-defined]  # argcomplete's
    command.add_argument("--follow", action="store_true", help="go on printing what the server broadcasts, a line each")
    add_caller(command)


def add_caller(command: argparse.ArgumentParser) -> None:
    """Add the flags that say which server to talk to, and as whom."""
    command.add_argument("--url", help=f"the server (default: that of --db, or {_USUAL_URL} if none is found)")
    command.add_argument("--key", help="a session key; without it, the server of --db makes one")
    command.add_argument(
        "--as", dest="user", default=DEVELOPER, help="the user to act as without --key (default %(default)s)"
    )


@contextmanager
def session(options: argparse.Namespace, settings: Settings) -> Iterator[tuple[str, str]]:
    """The server's URL and the session key that the flags of `add_caller` name.

    A session key made for the purpose ends with the context.
    """
    if options.url is not None:
        require_url(options.url)
    if options.key is not None:
        require_key(options.key)
        yield _server(options, settings), options.key
        return
    key = control(settings, OpenSession(options.user))["session_key"]
    try:
        yield _server(options, settings), key
    finally:
        with suppress(ControlError):  # the server may be gone; the key then ends by itself
            control(settings, EndSession(key))


def _server(options: argparse.Namespace, settings: Settings) -> str:
    """The URL that is given, or that of the database's server; for a key that is given also the usual one.

    Raises `OperatorError` if there is none that a key made for the purpose may be sent to.
    """
    if options.url is not None:
        return str(options.url)
    try:
        return _server_of(settings)
    except OperatorError:
        if options.key is None:
            raise
        return _USUAL_URL


def _server_of(settings: Settings) -> str:
    """The URL by which this machine reaches the server of the database. Raises `OperatorError` if none is found."""
    if is_url(settings.db):
        return _USUAL_URL  # PostgreSQL does not tell
    for url in control(settings, FindServer())["urls"]:
        host = urlsplit(url).hostname
        if host is not None:
            return at_host(url, nearest(host))
    raise CallFailed("the server of the database listens at no port: name where it is with --url")


def _call(options: argparse.Namespace, settings: Settings) -> int:
    request = None if options.request == ["-"] else read_request(options.request)
    tell = _tell_line if options.follow or request is None else _tell_whole
    with session(options, settings) as (url, key):
        accepted = trio.run(partial(call, url, key, request, tell, follow=options.follow))
    return DONE if accepted else NOT_DONE


def _tell_whole(message: Any) -> None:
    say_json(message, indent=2)


def _tell_line(message: Any) -> None:
    say_json(message, at_once=True)
