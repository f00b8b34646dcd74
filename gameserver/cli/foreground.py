"""A server in the foreground: what ends it, and what it announces of itself."""

import gc
import io
import os
import sys
from functools import partial
from urllib.parse import urlsplit

import msgspec
import segno
import trio

from gameserver.admin.commands import EnterAsDeveloper
from gameserver.app import command_runner, serve
from gameserver.config import Settings
from gameserver.net.own_address import at_host, is_everywhere, nearest, own_address
from gameserver.ops.log_output import print_in_background
from gameserver.ops.signals import Signals
from gameserver.ops.systemd import Systemd
from gameserver.realtime.context import ServerContext


def spare_the_collector() -> None:
    """Make the garbage collector run less often, and skip the objects loaded so far.

    Loaded modules and open connections are many long-lived objects, and requests make few reference cycles. With the
    interpreter's defaults, accepting ten thousand connections spends much of its time in the collector.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 50)


async def serve_until_stopped(settings: Settings, developer: str | None) -> None:
    """Serve until told to stop; for development, a terminal that closes tells so too, and ``developer`` is made."""
    async with trio.open_nursery() as nursery:
        signals = Signals(hangup_stops=developer is not None)
        await nursery.start(signals.handle)
        systemd = Systemd(os.environ, os.getpid())
        await serve(settings, partial(_announce, developer), signals, systemd)
        nursery.cancel_scope.cancel()


async def _announce(developer: str | None, context: ServerContext, urls: list[str]) -> None:
    told = [(sys.stdout, f"serving on {' '.join(urls)}\n")]
    if developer is not None:
        told.insert(0, (sys.stderr, f"{await _developer_help(developer, context, urls[0])}\n"))
    if context.settings.log_format != "json":
        told[:0] = [(sys.stderr, _invitation(url)) for url in urls if is_everywhere(urlsplit(url).hostname or "")][:1]
    print_in_background(told)


def _invitation(url: str) -> str:
    """Where players in the same network come in, with a code for their phones."""
    place = f"{_console(url, own_address())}#/play"
    code = io.StringIO()
    segno.make(place, micro=False).terminal(out=code, compact=True)
    return f"\n  Players in the network of this machine come in at {place}\n\n{code.getvalue()}\n"


def _console(url: str, host: str) -> str:
    """The address of the console of a server that is at a WebSocket URL, by a host."""
    return at_host(url, host).replace("ws", "http", 1)


async def _developer_help(developer: str, context: ServerContext, url: str) -> str:
    runner = command_runner(context)
    user = msgspec.json.decode(await runner.carry_out(EnterAsDeveloper(developer)))
    key, program = user["session_key"], sys.argv[0]
    console = _console(url, nearest(urlsplit(url).hostname or ""))
    return "\n".join(
        [
            "",
            f"  You are {developer!r}, user {user['id']}, provider and server admin. Connect with the header",
            f"    Authorization: Bearer {key}",
            "  be that user in the console, by a link that is as secret as the key, at",
            f"    {console}#/key/{key}",
            "  or get a first reply with",
            f'    {program} call --url {url} --key {key} \'{{"op": 365, "source_name": "My source"}}\'',
            "",
        ]
    )
