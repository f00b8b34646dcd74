"""What the shell completes, where argcomplete is installed (``pip install gameserver[completion]``)."""

import argparse
import os
from contextlib import suppress
from typing import Any

from gameserver.protocol.parameters import PARAMETERS
from gameserver.protocol.registry import OPCODES


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer the shell, if it is what asks, and exit."""
    if "_ARGCOMPLETE" in os.environ:
        with suppress(ImportError):
            import argcomplete

            argcomplete.autocomplete(parser)


def complete_request(prefix: str, parsed_args: argparse.Namespace, **others: Any) -> list[str]:
    """The names of operations, then those of the parameters of the one named."""
    words = list(parsed_args.request or [])
    op = OPCODES.get(words[0]) if words else None
    if op is None:
        return list(OPCODES)
    given = {word.partition("=")[0] for word in words}
    return [f"{name}=" for name in PARAMETERS[op] if name not in given]
