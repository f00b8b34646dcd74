"""What a terminal, a shell or a service manager does to a server: streams nobody reads, signals, and a full disk."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gameserver.storage.files import beside
from tests.support.process import PROGRAM, TIMEOUT_S, add_user, environment, playing, serving
from tests.support.wire import request_head

PIPE_BYTES = 4096
PATIENT = ("--close-timeout-s", "60", "--shutdown-timeout-s", "60")


@contextmanager
def ignored(number: signal.Signals) -> Iterator[None]:
    """Have processes that are started now ignore a signal."""
    before = signal.signal(number, signal.SIG_IGN)
    yield
    signal.signal(number, before)


@contextmanager
def writing_to_a_pipe(database: Path, port: int, *flags: str) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    """A server with one small pipe for both its streams, and the pipe's other end."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    process = subprocess.Popen(
        [*PROGRAM, "serve", "--port", str(port), "--db", str(database), *flags],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=writing,
        stderr=writing,
    )
    os.close(writing)
    try:
        yield process, reading
    finally:
        process.kill()
        process.wait(TIMEOUT_S)


@contextmanager
def hold_open(address: tuple[str, int], key: str) -> Iterator[None]:
    """A connection that does not answer a close."""
    with socket.create_connection(address, timeout=TIMEOUT_S) as client:
        client.sendall(request_head(authorization=f"Bearer {key}"))
        assert client.recv(12) == b"HTTP/1.1 101"
        yield


def read_until(descriptor: int, wanted: bytes) -> bytes:
    received = b""
    while wanted not in received:
        data = os.read(descriptor, 65_536)
        assert data, received
        received += data
    return received


def url_in(said: bytes) -> str:
    return said.partition(b"serving on ")[2].partition(b"\n")[0].decode()


def test_a_server_whose_log_nobody_reads_serves_and_stops(database: Path) -> None:
    key = add_user(database, "ann", provider=True)["session_key"]
    with writing_to_a_pipe(database, 0, "--log-level", "debug") as (process, reading):
        url = url_in(read_until(reading, b"/\n"))
        for number in range(100):  # each of which is two lines
            with playing(url, key) as ann:
                assert ann.call(365, source_name=f"Source {number}")["res"] == 335
        process.send_signal(signal.SIGTERM)
        assert process.wait(TIMEOUT_S) == 0
        os.close(reading)


def test_a_server_whose_streams_are_closed_serves_and_stops(database: Path) -> None:
    key = add_user(database, "ann", provider=True)["session_key"]
    with serving(database) as server:
        port = server.address[1]
        assert server.stop() == 0
    with writing_to_a_pipe(database, port, "--dev") as (process, reading):
        os.close(reading)
        while True:
            try:
                with playing(f"ws://127.0.0.1:{port}/", key) as ann:
                    assert ann.call(1)["res"] == 1
                    break
            except ConnectionRefusedError:
                assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(TIMEOUT_S) == 0


@pytest.mark.parametrize("flags", [("--dev",), ()])
def test_a_server_started_by_nohup_survives_its_terminal(database: Path, flags: tuple[str, ...]) -> None:
    key = add_user(database, "ann")["session_key"]
    with ignored(signal.SIGHUP), serving(database, *flags) as server, playing(server.url, key) as ann:
        for _ in range(3):
            server.tell(signal.SIGHUP)
            assert ann.call(1)["res"] == 1
        assert server.stop() == 0


def test_a_server_for_development_ends_with_its_terminal(database: Path) -> None:
    with serving(database, "--dev") as server:
        assert server.stop(signal.SIGHUP) == 0


def test_a_second_interrupt_ends_the_server_at_once(database: Path) -> None:
    key = add_user(database, "ann")["session_key"]
    with serving(database, *PATIENT) as server, playing(server.url, key) as ann, hold_open(server.address, key):
        server.tell(signal.SIGINT)
        assert ann.close_code() == 1001
        assert server.running  # it waits for who does not close
        assert server.stop_by_repeating(signal.SIGINT) == -signal.SIGINT


INTERRUPTED_WHILE_LOADING = """
import os, signal, sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "gameserver.cli":
            os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.{handler})
sys.meta_path.insert(0, Interrupting())
sys.argv = ["gameserver", "--version"]
from gameserver.__main__ import main
main()
"""


@pytest.mark.parametrize(("handler", "code"), [("default_int_handler", -signal.SIGINT), ("SIG_IGN", 0)])
def test_an_interrupt_while_the_program_is_loaded_ends_it_without_a_traceback_unless_it_is_ignored(
    handler: str, code: int
) -> None:
    program = INTERRUPTED_WHILE_LOADING.format(handler=handler)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (code, "")


def test_batches_that_fail_one_after_the_other_are_few_lines(database: Path) -> None:
    key = add_user(database, "fifa", provider=True)["session_key"]
    with serving(database) as server, playing(server.url, key) as host:
        wal = beside(database, "-wal")
        while not wal.exists() or wal.stat().st_size < 100_000:  # more than what the server logs
            host.call(365, source_name="Cup")
        server.limit_files(wal.stat().st_size)
        before = server.log.stat().st_size
        refused = 0
        while refused < 150:
            refused += host.call(365, source_name="Cup").get("code") == "storage_unavailable"
        assert server.log.stat().st_size - before < 20_000
        server.limit_files(None)
        assert server.stop() == 0
    assert 1 <= server.log.read_text().count("Traceback") <= 4
