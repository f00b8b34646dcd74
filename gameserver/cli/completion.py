"""``gameserver completion``, and what the shell then completes, by argcomplete (``gameserver[completion]``)."""

import argparse
import os
from contextlib import suppress
from typing import Any

from gameserver.cli.parsing import DONE, add_command
from gameserver.config import Settings
from gameserver.errors import OperatorError
from gameserver.output import say
from gameserver.protocol.parameters import parameters_of
from gameserver.protocol.registry import OPCODES, OPERATIONS

SHELLS = ("bash", "zsh", "fish")
_EXAMPLES = """\
source <(gameserver completion bash)     # in ~/.bashrc
source <(gameserver completion zsh)      # in ~/.zshrc, after compinit
gameserver completion fish | source      # in ~/.config/fish/config.fish
"""


class CompletionMissing(OperatorError):
    """What completes is not installed."""


def add_commands(commands: Any) -> None:
    """Add the command."""
    summary = "Print what makes a shell complete commands, operations and parameters"
    command = add_command(commands, "completion", _completion, summary, examples=_EXAMPLES, flags=frozenset())
    command.add_argument("shell", choices=SHELLS)


def _completion(options: argparse.Namespace, settings: Settings) -> int:
    try:
        from argcomplete.shell_integration import shellcode
    except ImportError:
        raise CompletionMissing("argcomplete is missing: pip install 'gameserver[completion]'") from None
    say(shellcode(["gameserver"], shell=options.shell))
    return DONE


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
    return [f"{name}=" for name in parameters_of(OPERATIONS[op].request) if name not in given]
