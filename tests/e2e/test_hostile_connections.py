"""Connections that are not what they should be, a thousand at once, and more than there are descriptors for."""

import re
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.support.process import TIMEOUT_S, UNLIMITED, ServerProcess, add_user, playing, serving
from tests.support.wire import BINARY, CLOSE, TEXT, frame, request, request_head

CLIENT_HELLO = bytes.fromhex("16030100f8010000f40303") + bytes(range(240))

# What each hostile client sends, all of it at once; a trickle is sent byte by byte meanwhile.
OPENINGS = {
    "nothing": b"",
    "half a head": request_head()[:40],
    "bad Host": request_head(host="\xff\xfe"),
    "bad subprotocol": request_head(sec_websocket_protocol="\xff,,\x80;\t="),
    "a head of 20 kB": request_head(cookie="x" * 20_000),
    "TLS": CLIENT_HELLO,
    "POST": request_head("/", "POST", content_length="1000") + b"#" * 500,
    "half a frame": request_head() + request(1)[:9],
    "invalid UTF-8": request_head() + frame(TEXT, b"\xff"),
    "binary": request_head() + frame(BINARY, b"\x00" * 100),
    "endless fragments": request_head() + frame(TEXT, final=False) + frame(0, final=False) * 1000,
    "oversize": request_head() + b"\x81\xff" + (2**40).to_bytes(8) + b"\x00" * 1000,
    "close": request_head() + frame(CLOSE, b"\x03\xe8"),
}
PATIENCE = ("--handshake-timeout-s", "1.5", "--logon-timeout-s", "1.5", "--close-timeout-s", "0.5", *UNLIMITED)


def address_of(server: ServerProcess) -> tuple[str, int]:
    """Where the server listens."""
    found = re.search(r"//(.+):(\d+)/", server.url)
    assert found is not None
    return found[1], int(found[2])


def get(server: ServerProcess, path: str) -> int:
    """The status of a plain request on a connection of its own."""
    with socket.create_connection(address_of(server), timeout=TIMEOUT_S) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        return int(client.recv(65_536).split(b" ", 2)[1])


def vanish(client: socket.socket) -> None:
    """Close with a reset."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def wait_until(condition: Callable[[], bool]) -> None:
    """Look every 10 ms until it is so."""
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def process(database: Path) -> Iterator[ServerProcess]:
    """A server that is not patient with those who say nothing."""
    with serving(database, *PATIENCE) as server:
        yield server


def test_a_thousand_hostile_connections_at_once_end_alone_and_leave_no_descriptor_behind(
    database: Path, process: ServerProcess
) -> None:
    key = add_user(database, "ann", provider=True)["session_key"]
    with playing(process.url, key) as ann:
        ann.call(365, source_name="Before")  # what is opened at first use is open
        baseline = process.descriptors
        openings, clients = list(OPENINGS.values()), []
        for number in range(1000):
            client = socket.create_connection(address_of(process), timeout=TIMEOUT_S)
            client.setblocking(False)
            client.send(openings[number % len(openings)])
            clients.append(client)
            if number % 100 == 0:
                assert ann.call(1)["res"] == 1
        for number, client in enumerate(clients):
            if number % 3 == 0:
                vanish(client)
        assert ann.call(365, source_name="Meanwhile")["res"] == 335
        trickle(clients[1], ann.call)
        wait_until(lambda: process.descriptors <= baseline)
        assert ann.call(611)["res"] == 621
        for client in clients:
            client.close()
    assert process.stop() == 0
    log = process.log.read_text()
    assert "ERROR" not in log
    assert "Traceback" not in log


def trickle(client: socket.socket, meanwhile: Callable[[int], object]) -> None:
    """Send a handshake byte by byte, with a request of another between them, until it is cut off."""
    for byte in request_head()[40:-4]:
        try:
            client.send(bytes([byte]))
        except OSError:
            return
        meanwhile(1)


def test_without_descriptors_left_sessions_go_on_and_accepting_recovers(database: Path, process: ServerProcess) -> None:
    key = add_user(database, "ann", provider=True)["session_key"]
    with playing(process.url, key) as ann, ExitStack() as stack:
        ann.call(365, source_name="Before")
        process.limit_descriptors(process.descriptors + 10)
        waiting = [
            stack.enter_context(closing(socket.create_connection(address_of(process), timeout=TIMEOUT_S)))
            for _ in range(40)
        ]
        wait_until(lambda: "cannot accept new connections" in process.log.read_text())
        assert [get(process, path) for path in ("/healthz", "/readyz", "/metrics")] == [200, 503, 200]
        started_at, made = time.monotonic(), 0
        while time.monotonic() - started_at < 0.5:  # in which the server tries to accept five times more
            made += ann.call(365, source_name=f"Meanwhile {made}")["res"] == 335
        assert len(ann.call(611, limit=1000)["sources"]) == min(made + 1, 1000) > 2
        for client in waiting:
            client.close()
        with playing(process.url, key) as again:
            assert again.call(1)["res"] == 1
    assert process.stop() == 0
    assert process.log.read_text().count("cannot accept new connections") == 1
    assert "Traceback" not in process.log.read_text()
