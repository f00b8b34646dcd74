"""Somebody who follows a page: types its commands in a shell, keeps its files, and puts in what earlier replies told.

What stands in capitals, such as GAME_ID, is what a reply has had last under that name; the ids in a reply that a page
prints are those of the reply that came. Programs that go on running are left to run until another takes their place.
Ports are free ones in place of those that the page names, and places of the system are folders of the reader's own.
"""

import json
import os
import re
import selectors
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import chdir
from pathlib import Path
from typing import Any

from tests.support.pages import ROOT, Block
from tests.support.process import Done, environment, run
from tests.support.shell import commands_in, lines_of

TIMEOUT_S = 60.0
_SERVES = re.compile(r"(?:\w+=\S+ )*(?:make run|(?:\.venv/bin/)?gameserver serve)\b")
_LASTS = re.compile(r".* -m (?:http\.server|tests\.support\.echo_server) |.* --follow$")
_ITS_PORT = re.compile(r"(?<=_server |\.server )\d+")
_IS_BY_ITSELF = re.compile(r"(?:\.venv/bin/)?gameserver [^<>|$]*$")
_NEEDS_NO_SERVER = re.compile(r"gameserver (?:restore|migrate-to)\b")
_READY = re.compile(r".*(?:ws|wss|http)://([\w.]+:\d+)/|\{")


class Reader:
    """A reader in a folder, which looks like the repository once everything is set up."""

    def __init__(self, folder: Path, known: Mapping[str, str], variables: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.known = {"127.0.0.1:9999": "127.0.0.1:0", **known}
        self.said = ""
        self._variables = dict(variables or {})
        self._running: dict[str, subprocess.Popen[str]] = {}
        self._set_up()

    def _set_up(self) -> None:
        binaries = self.folder / ".venv" / "bin"
        binaries.mkdir(parents=True)
        for name, arguments in (("gameserver", "-P -m gameserver"), ("python", "")):
            (binaries / name).write_text(f'#!/bin/sh\nexec {sys.executable} {arguments} "$@"\n')
            (binaries / name).chmod(0o755)
        for name in ("Makefile", "pyproject.toml"):
            (self.folder / name).write_bytes((ROOT / name).read_bytes())
        (self.folder / ".venv" / ".run").touch()
        for name in ("gameserver", "tests"):
            (self.folder / name).symlink_to(ROOT / name)

    def follow(self, block: Block) -> None:
        """Do what a block says: keep a file, type commands, or compare what was replied."""
        if block.file is not None:
            path = self.folder / block.file
            path.parent.mkdir(exist_ok=True)
            path.write_text(self._with_what_is_known(block.text), encoding="utf-8")
        elif block.language == "sh":
            for command in lines_of(block.text):
                self.type(command)
        elif block.language == "json":
            self._compare(json.loads(block.text), json.loads(self.said))

    def type(self, command: str) -> None:
        """Carry out a command line, which must succeed; `said` is then what it printed, or began with."""
        command = self._at_its_server(self._with_what_is_known(command))
        if _SERVES.match(command) or _LASTS.match(command):
            self._start(command)
            return
        if _NEEDS_NO_SERVER.match(command):
            self._stop("server")
        exported = re.match(r"export (\w+)=", command)
        done = self._by_itself(command) if _IS_BY_ITSELF.match(command) else self._in_a_shell(command, exported)
        assert done.code == 0, f"{command}\n{done.stdout}{done.stderr}{self._log_of('server')}"
        if exported:
            self._variables[exported[1]] = done.stdout
        self.said = done.stdout
        self._learn(self.said)

    def _by_itself(self, command: str) -> Done:
        """Carry out one command in this process, which is quicker than to start another."""
        (arguments,) = commands_in(command)
        with chdir(self.folder):
            return run(*arguments, variables=self._environment())

    def _in_a_shell(self, command: str, exported: re.Match[str] | None) -> Done:
        """Carry out a command line; what is printed of one that exports a variable is its value."""
        done = subprocess.run(
            ["bash", "-c", f"set -eu\n{command}\n{f'printf %s ${exported[1]}' if exported else ''}"],
            cwd=self.folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def _start(self, command: str) -> None:
        kind = "server" if _SERVES.match(command) else command
        self._stop(kind)
        with self._log_file(kind).open("w") as log:
            process = subprocess.Popen(
                ["bash", "-c", _ITS_PORT.sub("0", command)],
                cwd=self.folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self._running[kind] = process
        with selectors.DefaultSelector() as selector:
            assert process.stdout is not None
            selector.register(process.stdout, selectors.EVENT_READ)
            assert selector.select(TIMEOUT_S), f"{command} has nothing to say\n{self._log_of(kind)}"
        self.said = process.stdout.readline()
        ready = _READY.match(self.said)
        assert ready, f"{command}\n{self.said}{self._log_of(kind)}"
        if ready[1] is not None:
            named = "9999" if kind == "server" else _ITS_PORT.findall(command)[0]
            self.known[f"127.0.0.1:{named}"] = ready[1].replace("0.0.0.0", "127.0.0.1")
        if key := re.search(r"Bearer (\S+)", self._log_of(kind)):
            self.known["SESSION_KEY"] = key[1]

    def _log_file(self, kind: str) -> Path:
        return self.folder / ("server.log" if kind == "server" else "lasting.log")

    def _log_of(self, kind: str) -> str:
        """What a program that goes on running, or the last of them, has written to standard error."""
        file = self._log_file(kind)
        return file.read_text() if file.exists() else ""

    def _environment(self) -> dict[str, str]:
        variables = {
            **self._variables,
            "PATH": f"{self.folder}/.venv/bin:{self._variables.get('PATH', os.environ['PATH'])}",
            "PYTHONUNBUFFERED": "1",
        }
        return environment(variables)

    def _at_its_server(self, command: str) -> str:
        """A command for the server where it listens, which is again where it has listened before."""
        at = self.known["127.0.0.1:9999"]
        port = at.rpartition(":")[2]
        command = re.sub(r"\bmake run\b", f"make run PORT={port}", command)
        command = re.sub(r"\bgameserver serve\b", f"gameserver serve --port {port}", command)
        return re.sub(r"\bgameserver (call|feed)\b", rf"gameserver \1 --url ws://{at}/", command)

    def _with_what_is_known(self, text: str) -> str:
        names = "|".join(re.escape(name) for name in sorted(self.known, key=len, reverse=True))
        return re.sub(rf"(?<![\w.-])(?:{names})(?!\w)", lambda found: self.known[found[0]], text)

    def _learn(self, output: str) -> None:
        try:
            self._learn_ids(json.loads(output))
        except ValueError:
            return

    def _learn_ids(self, reply: Any) -> None:
        """What the reply itself names counts more than what is within it."""
        if isinstance(reply, dict):
            for value in reply.values():
                self._learn_ids(value)
            ids = {name.upper(): value for name, value in reply.items() if name.endswith(("_id", "_key"))}
            self.known |= {name: value for name, value in ids.items() if isinstance(value, str)}

    def _compare(self, printed: Any, replied: Any) -> None:
        """Hold a reply of the page against the one that came, but for what is another each time."""
        if isinstance(printed, dict):
            assert printed.keys() == replied.keys()
            for name, value in printed.items():
                if name.endswith("_id"):
                    self.known[value] = replied[name]
                elif name != "t":
                    self._compare(value, replied[name])
        else:
            assert printed == replied

    def _stop(self, kind: str) -> None:
        process = self._running.pop(kind, None)
        if process is None:
            return
        ended_by_itself = process.poll() is not None
        if not ended_by_itself:
            os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=TIMEOUT_S)
        assert not (ended_by_itself and kind == "server"), "the server has ended by itself"

    def close(self) -> None:
        """Stop what is still running."""
        for kind in list(self._running):
            self._stop(kind)
