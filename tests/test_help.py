"""What ``--help`` says of each command, and what the shell is told to complete."""

import argparse
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gameserver.cli import completion, make_parser
from gameserver.cli.parsing import EXIT_CODES
from tests.support.process import run


def commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parsers of all commands that do something."""
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups:
        yield parser
    for group in groups:
        for command in group.choices.values():
            yield from commands(command)


COMMANDS = {command.prog: command for command in commands(make_parser())}


def examples(command: argparse.ArgumentParser) -> list[str]:
    section = command.format_help().partition("\nexamples:\n")[2].partition("\n\n")[0]
    return [line.strip() for line in section.splitlines()]


def words(line: str) -> list[str]:
    """What the program is given by a line in a shell, without what belongs to the shell itself."""
    split = shlex.shlex(line[line.index("gameserver ") :], posix=True, punctuation_chars="()<>|;")
    split.whitespace_split = True
    split.commenters = "#"
    found: list[str] = []
    for word in split:
        if word in {")", "<", ">", "|"}:
            break
        found.append(word)
    return found[1:]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_each_command_has_examples_that_it_understands_and_the_exit_codes(name: str) -> None:
    shown = examples(COMMANDS[name])
    assert shown
    for line in shown:
        assert f"{name} " in f"{line} "
        assert make_parser().parse_args(words(line)).run
    assert EXIT_CODES.strip() in COMMANDS[name].format_help()


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_each_command_fits_a_terminal(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert max(map(len, COMMANDS[name].format_help().splitlines())) <= 100


def test_every_exit_code_is_explained_in_the_documents() -> None:
    page = (Path(__file__).parent.parent / "docs" / "running.md").read_text(encoding="utf-8")
    table = page.partition("| exit code |")[2].partition("\n\n")[0]
    assert re.findall(r"\b\d+\b", table) == re.findall(r"^  (\d+) ", EXIT_CODES, re.M)


def test_bash_completes_what_it_is_told_to() -> None:
    told = run("completion", "bash")
    assert (told.code, told.stderr) == (0, "")
    script = f"{told.stdout}\ncomplete -p gameserver"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.endswith(" gameserver\n")


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_each_shell_is_told_what_completes_the_program(shell: str) -> None:
    assert "gameserver" in run("completion", shell).stdout


def test_where_completion_is_not_installed_it_is_told_how(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "argcomplete.shell_integration", None)
    told = run("completion", "zsh")
    assert (told.code, told.stdout) == (1, "")
    assert "pip install 'gameserver[completion]'" in told.stderr
