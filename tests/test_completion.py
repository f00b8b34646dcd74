"""What the shell is told to complete."""

import subprocess
import sys

import pytest

from gameserver.cli import completion
from tests.support.process import run


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
