"""``--help`` of each command shows examples that the parser takes, and every exit code."""

import argparse
import re
from collections.abc import Iterator

import pytest

from gameserver.cli import make_parser
from gameserver.cli.parsing import BUG, DONE, EXIT_CODES, INTERRUPTED, NOT_DONE, UNREAD
from tests.support.pages import ROOT
from tests.support.shell import commands_in


def parsers_below(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from parsers_below(command)


every_command = pytest.mark.parametrize("parser", [*parsers_below(make_parser())], ids=lambda parser: str(parser.prog))


def section(parser: argparse.ArgumentParser, title: str) -> list[str]:
    """The lines of a section of a command's help, which are indented by two."""
    text = parser.format_help().partition(f"\n{title}:\n")[2].partition("\n\n")[0]
    return [line.removeprefix("  ") for line in text.splitlines()]


@every_command
def test_the_help_of_a_command_has_examples_of_it_that_are_understood(parser: argparse.ArgumentParser) -> None:
    examples = section(parser, "examples")
    assert examples
    for example in examples:
        assert parser.prog in example
        for arguments in commands_in(example):
            if "--help" not in arguments:
                make_parser().parse_args(arguments)


@every_command
def test_the_help_of_a_command_has_every_exit_code(parser: argparse.ArgumentParser) -> None:
    told = [int(line.split()[0]) for line in section(parser, "exit codes")]
    assert told == [DONE, NOT_DONE, 2, BUG, INTERRUPTED, UNREAD]


@every_command
def test_the_help_of_a_command_fits_a_terminal(
    parser: argparse.ArgumentParser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert max(map(len, parser.format_help().splitlines())) <= 100


def test_every_exit_code_is_explained_in_the_documents() -> None:
    table = (ROOT / "docs/running.md").read_text(encoding="utf-8").partition("| exit code |")[2].partition("\n\n")[0]
    assert re.findall(r"\b\d+\b", table) == re.findall(r"^  (\d+) ", EXIT_CODES, re.M)
