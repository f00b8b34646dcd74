"""``gameserver serve``: a server in the foreground."""

import argparse
from typing import Any

import trio

from gameserver.cli.parsing import DONE, add_command
from gameserver.config import Settings
from gameserver.ops.log_output import log_to_stderr

DEVELOPER = "dev"
_EXAMPLES = """\
gameserver serve --dev
gameserver serve --host 0.0.0.0 --db /var/lib/gameserver/gameserver.db
gameserver serve --tls-certificate fullchain.pem --tls-key privkey.pem --log-format json
GAMESERVER_PORT=8080 gameserver serve --config settings.toml
"""


def add_commands(commands: Any) -> None:
    """Add the command."""
    command = add_command(commands, "serve", _serve, "Serve until told to stop", examples=_EXAMPLES, flags=None)
    command.add_argument(
        "--dev",
        action="store_true",
        help=f"make {DEVELOPER!r}, provider and server admin, and print how to connect as that user",
    )


def _serve(options: argparse.Namespace, settings: Settings) -> int:
    # What a server is made of takes a while to load, and no other command needs it.
    from gameserver.cli.foreground import serve_until_stopped, spare_the_collector

    with log_to_stderr(settings.log_level, settings.log_format):
        spare_the_collector()
        trio.run(serve_until_stopped, settings, DEVELOPER if options.dev else None)
    return DONE
