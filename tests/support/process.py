"""The program itself: server processes, commands, and clients with another WebSocket stack than ours."""

import io
import json
import os
import re
import resource
import selectors
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import IO, Any, NamedTuple
from unittest.mock import patch

from websockets.exceptions import ConnectionClosed, InvalidMessage
from websockets.sync.client import ClientConnection, connect

from gameserver.cli import main
from gameserver.config import SECRET_VARIABLE

PROGRAM = (sys.executable, "-m", "gameserver")
TIMEOUT_S = 20.0
MAKE_VARIABLES = {"PYTHON", "VENV", "ARGS", "HOST", "PORT", "DB"}  # which make passes on, if it was given them
UNLIMITED = ("--max-requests-per-s", "100000", "--max-requests-per-s-per-address", "100000")


def environment(variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a process: no settings but those given, and nothing of a `make` that runs the tests.

    The secret is passed on: only a test whose servers have it from there has set it.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name == SECRET_VARIABLE
        or (not name.startswith(("GAMESERVER_", "MAKE", "MFLAGS")) and name not in MAKE_VARIABLES)
    }
    return {**inherited, **(variables or {})}


class Done(NamedTuple):
    """What a command left behind."""

    code: int
    stdout: str
    stderr: str


def run(*arguments: str | Path, variables: Mapping[str, str] | None = None) -> Done:
    """Run a command to its end, in this process, which is quicker than to start another."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with redirect_stdout(stdout), redirect_stderr(stderr), patch.dict(os.environ, environment(variables), clear=True):
        code = main([str(argument) for argument in arguments])
    return Done(code, stdout.getvalue(), stderr.getvalue())


def run_process(*arguments: str | Path, program: Sequence[str] = PROGRAM) -> Done:
    """Run a command to its end, in a process of its own."""
    done = subprocess.run(
        [*program, *map(str, arguments)],
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def add_user(database: Path | str, name: str, *, provider: bool = False) -> dict[str, Any]:
    """Make a user from the command line, and the database if there is none; ``{"id", "username", "session_key"}``."""
    done = run("user", "add", name, *(["--provider"] if provider else []), "--create", "--json", "--db", database)
    assert done.code == 0, done.stderr
    user: dict[str, Any] = json.loads(done.stdout)
    return user


_INHERITING = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.execve(sys.argv[2], sys.argv[2:], {**os.environ, "LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())})
"""


def _as_systemd_does(listening: int | None) -> list[str]:
    """What starts a program so that it finds a listening socket in its place."""
    if listening is None:
        return []
    return [sys.executable, "-c", _INHERITING, str(listening)]


class ServerProcess:
    """A server on a database, in a process of its own. Its log is kept in ``folder``, or else beside the file."""

    def __init__(
        self,
        database: Path | str,
        *flags: str,
        folder: Path | None = None,
        variables: Mapping[str, str] | None = None,
        inherits: int | None = None,
        program: Sequence[str] = PROGRAM,
    ) -> None:
        self.log = (folder or Path(database).parent) / "server.log"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*_as_systemd_does(inherits), *program, "serve", "--port", "0", "--db", str(database), *flags],
                pass_fds=() if inherits is None else (inherits,),
                env=environment(variables),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                process_group=0,
            )
        try:
            self.first_line = self._read_line()
            assert re.match(r"serving on wss?://(127\.0\.0\.1|0\.0\.0\.0):", self.first_line), self.log.read_text()
        except BaseException:
            self.kill()
            raise
        self.url = self.first_line.removeprefix("serving on ").strip()

    @property
    def _stdout(self) -> IO[str]:
        assert self._process.stdout is not None
        return self._process.stdout

    def _read_line(self) -> str:
        with selectors.DefaultSelector() as selector:
            selector.register(self._stdout, selectors.EVENT_READ)
            assert selector.select(TIMEOUT_S), "the server has nothing to say"
        return self._stdout.readline()

    @property
    def address(self) -> tuple[str, int]:
        """Where the server listens."""
        host, _, port = self.url.rpartition("//")[2].strip("/").rpartition(":")
        return host, int(port)

    def tell(self, number: signal.Signals) -> None:
        """Send the server a signal."""
        self._process.send_signal(number)

    @property
    def descriptors(self) -> int:
        """How many files and sockets the process has open."""
        return sum(1 for _ in Path(f"/proc/{self._process.pid}/fd").iterdir())

    def limit_descriptors(self, most: int) -> None:
        """Let the process open no descriptor numbered ``most`` or higher."""
        _, hard = resource.prlimit(self._process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(self._process.pid, resource.RLIMIT_NOFILE, (most, hard))

    def limit_files(self, most_bytes: int | None) -> None:
        """Let every write beyond so many bytes of a file fail, or none any more."""
        _, hard = resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (hard if most_bytes is None else most_bytes, hard))

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Tell the server to end; its exit code. It must not have said more than its first line."""
        self._process.send_signal(number)
        code = self._process.wait(TIMEOUT_S)
        rest = self._stdout.read()
        self._stdout.close()
        assert rest == ""
        return code

    def stop_by_repeating(self, number: signal.Signals) -> int:
        """Tell the server again and again until it ends, as people do; its exit code."""
        for _ in range(round(TIMEOUT_S * 10)):
            self._process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                code = self._process.wait(0.1)
                self._stdout.close()
                return code
        raise TimeoutError

    def kill(self) -> None:
        """End it as a power cut would, and who it has started."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(TIMEOUT_S)
        self._stdout.close()

    @property
    def running(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None


@contextmanager
def serving(
    database: Path | str,
    *flags: str,
    folder: Path | None = None,
    variables: Mapping[str, str] | None = None,
    inherits: int | None = None,
    program: Sequence[str] = PROGRAM,
) -> Iterator[ServerProcess]:
    """A server that is killed at the end if the test has not stopped it; it may inherit a listening socket."""
    server = ServerProcess(database, *flags, folder=folder, variables=variables, inherits=inherits, program=program)
    try:
        yield server
    finally:
        if server.running:
            server.kill()


class Player:
    """A client. ``heard`` holds the broadcasts that came while it waited for something else."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.heard: list[dict[str, Any]] = []
        self._last_id = 0

    def call(self, op: int, /, *, header: dict[str, Any] | None = None, **parameters: Any) -> dict[str, Any]:
        """Send a request and return its reply."""
        self._last_id += 1
        header = {"id": self._last_id, **(header or {})}
        self.socket.send(json.dumps({"header": header, "op": op, **parameters}))
        while True:
            message = self.receive()
            if message["response_header"].get("id") == self._last_id:
                return message
            self.heard.append(message)

    def receive(self) -> dict[str, Any]:
        """The next message."""
        message: dict[str, Any] = json.loads(self.socket.recv(TIMEOUT_S))
        return message

    def hear_until(self, seq: int) -> list[dict[str, Any]]:
        """Every durable broadcast heard so far, up to the one with this ``seq``, which is waited for."""
        durable = [message for message in self.heard if "seq" in message["response_header"]]
        self.heard.clear()
        while not durable or durable[-1]["response_header"]["seq"] < seq:
            message = self.receive()
            if "seq" in message["response_header"]:
                durable.append(message)
        return durable

    def hear_until_closed(self) -> list[dict[str, Any]]:
        """Every durable broadcast heard until the connection is closed."""
        self.close_code()
        durable = [message for message in self.heard if "seq" in message["response_header"]]
        self.heard.clear()
        return durable

    def close_code(self) -> int | None:
        """Wait until the server closes the connection; its close code."""
        try:
            while True:
                self.heard.append(self.receive())
        except ConnectionClosed:
            return self.socket.close_code


@contextmanager
def playing(
    url: str, session_key: str | None, query: str = "", *, tls: ssl.SSLContext | None = None, **others: Any
) -> Iterator[Player]:
    """A connection of a user, or of nobody yet; ``tls`` says whose certificates a wss client believes.

    It asks for no sign of life: a server may stand still.
    """
    headers = {} if session_key is None else {"Authorization": f"Bearer {session_key}"}
    with connect(
        url + query,
        additional_headers=headers,
        proxy=None,
        open_timeout=TIMEOUT_S,
        close_timeout=2,
        ssl=tls,
        **{"compression": None, "ping_interval": None, **others},
    ) as socket:
        yield Player(socket)


@contextmanager
def until_the_server_is_gone() -> Iterator[None]:
    """Go on until the server is gone, be it in the middle of a handshake."""
    try:
        yield
    except (ConnectionClosed, ConnectionError):
        return
    except InvalidMessage as error:
        if not isinstance(error.__cause__, EOFError):  # with that cause, the network's doing and no bad handshake
            raise


class Countdown:
    """Lets a thread wait until so many requests have been acknowledged."""

    def __init__(self, count: int) -> None:
        self._left = count
        self._lock = threading.Lock()
        self._done = threading.Event()

    def acknowledge(self) -> None:
        """One more."""
        with self._lock:
            self._left -= 1
            if self._left == 0:
                self._done.set()

    def wait(self, timeout_s: float = TIMEOUT_S) -> None:
        """Wait for the last."""
        assert self._done.wait(timeout_s)
