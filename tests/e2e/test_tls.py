"""wss and https on the one port, with the server's own certificate, seen by other TLS and WebSocket stacks."""

import json
import signal
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from gameserver.cli import main
from gameserver.config import Settings
from gameserver.net.tls import load_certificate
from gameserver.storage.files import hold_lock
from tests.support.process import TIMEOUT_S, ServerProcess, add_user, playing, run, serving
from tests.support.wire import CLOSE, frame, plain, request_head

GARBAGE = (b"", b"\x16\x03\x01\x00", b"\x16\x03\x01\x02\x00" + b"\xff" * 512, b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 999)
CLIENT_HELLO = bytes.fromhex("16030100f8010000f40303") + bytes(range(240))
ENCRYPTED_BY = serialization.BestAvailableEncryption(b"a passphrase")


class Authority:
    """Gives the server its certificates, and clients the trust in them."""

    def __init__(self, folder: Path) -> None:
        self.ca = trustme.CA()
        self.chain = folder / "chain.pem"
        self.key = folder / "key.pem"
        self.trust = ssl.create_default_context()
        self.ca.configure_trust(self.trust)
        self.issue()

    @property
    def flags(self) -> tuple[str, ...]:
        return ("--tls-certificate", str(self.chain), "--tls-key", str(self.key))

    def issue(self) -> trustme.LeafCert:
        """Write a new certificate, and its key."""
        issued = self.ca.issue_cert("127.0.0.1")
        self.chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(str(self.key))
        return issued

    def connect(self, server: ServerProcess, first: bytes = b"") -> ssl.SSLSocket:
        """A connection whose handshake is done, and comes after ``first``."""
        plain = socket.create_connection(server.address, timeout=TIMEOUT_S)
        plain.sendall(first)
        return self.trust.wrap_socket(plain, server_hostname="127.0.0.1", suppress_ragged_eofs=False)

    def shown_by(self, server: ServerProcess) -> bytes | None:
        """The certificate that the server shows to a new client."""
        with self.connect(server) as client:
            return client.getpeercert(binary_form=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def process(database: Path, authority: Authority) -> Iterator[ServerProcess]:
    """A server with a certificate, of little patience."""
    with serving(database, *authority.flags, "--handshake-timeout-s", "1") as server:
        yield server


def until(condition: Callable[[], bool]) -> None:
    """Look again and again until it is so; looking is a round trip to the server."""
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline


def test_the_one_port_serves_wss_and_https(database: Path, authority: Authority, process: ServerProcess) -> None:
    assert process.first_line == f"serving on wss://127.0.0.1:{process.address[1]}/\n"
    ann = add_user(database, "ann", provider=True)  # over the control socket, which has no part in it
    with playing(process.url, ann["session_key"], tls=authority.trust) as player:
        source = player.call(365, source_name="World Cup")["source_id"]
        targets = [f"Team {number:03}" for number in range(5_000)]
        game = player.call(370, source_id=source, game_name="Final", type="football", targets=targets)
        assert len(game["targets"]) == 5_001  # with "none"
        for number in range(20):
            player.socket.send(json.dumps({"header": {"id": number}, "op": 373, "game_id": game["game_id"]}))
        details = [player.receive() for _ in range(20)]
        assert [reply["response_header"]["id"] for reply in details] == list(range(20))
        assert process.stop() == 0
        assert player.close_code() == 1001


def test_an_https_response_ends_as_tls_says(authority: Authority, process: ServerProcess) -> None:
    with authority.connect(process) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        received = b""
        while data := client.recv(4096):
            received += data
    assert received.startswith(b"HTTP/1.1 200 ")
    assert received.endswith(b'{"status":"ok"}')


def test_a_server_that_stops_ends_its_last_connection_as_tls_says(authority: Authority, process: ServerProcess) -> None:
    with authority.connect(process) as client:
        client.sendall(request_head())
        assert client.recv(4096).startswith(b"HTTP/1.1 101 ")
        process.tell(signal.SIGTERM)
        closing_frame = client.recv(4096)
        assert closing_frame[2:4] == (1001).to_bytes(2)
        client.sendall(frame(CLOSE, closing_frame[2:4]))
        assert client.recv(4096) == b""  # without TLS's own end, this raises


@pytest.mark.parametrize(("origin", "status"), [("https://{}", 101), ("http://{}", 101), ("https://evil.{}", 403)])
def test_the_servers_own_origin_may_connect(
    authority: Authority, process: ServerProcess, origin: str, status: int
) -> None:
    host = "{}:{}".format(*process.address)
    with authority.connect(process) as client:
        client.sendall(request_head(host=host, origin=origin.format(host)))
        assert client.recv(4096).startswith(b"HTTP/1.1 %d " % status)


def test_who_speaks_no_tls_or_never_ends_the_handshake_harms_nobody(
    authority: Authority, process: ServerProcess
) -> None:
    with playing(process.url, None, tls=authority.trust) as player, ExitStack() as stack:
        assert player.call(1)["res"] == 1
        baseline = process.descriptors
        for number in range(100):
            client = socket.create_connection(process.address, timeout=TIMEOUT_S)
            stack.enter_context(closing(client))
            client.sendall(GARBAGE[number % len(GARBAGE)])
        until(lambda: player.call(1)["res"] == 1 and process.descriptors <= baseline)
    assert process.stop() == 0
    assert "ERROR" not in process.log.read_text()
    assert "Traceback" not in process.log.read_text()


def test_one_connection_too_many_is_told_so_over_tls_unless_it_is_a_health_check(
    database: Path, authority: Authority
) -> None:
    flags = (*authority.flags, "--max-connections", "1")
    with (
        serving(database, *flags) as server,
        playing(server.url, None, tls=authority.trust),
        authority.connect(server) as client,
    ):
        client.sendall(request_head())
        assert client.recv(4096).startswith(b"HTTP/1.1 503 ")
        with authority.connect(server) as check:
            check.sendall(plain("GET", "/healthz"))
            assert check.recv(4096).startswith(b"HTTP/1.1 200 ")


def test_a_proxy_says_by_the_proxy_protocol_whose_tls_it_passes_on(database: Path, authority: Authority) -> None:
    flags = ("--proxy-protocol", "true", "--trusted-proxies", "127.0.0.1", "--metrics-addresses", "203.0.113.9")
    with serving(database, *authority.flags, *flags) as server:
        for client, status in [("203.0.113.9", 200), ("203.0.113.8", 403)]:
            with authority.connect(server, f"PROXY TCP4 {client} 127.0.0.1 51000 443\r\n".encode()) as proxy:
                proxy.sendall(plain("GET", "/metrics", Host="localhost"))
                assert int(proxy.recv(4096).split(b" ")[1]) == status
        with closing(socket.create_connection(server.address, timeout=TIMEOUT_S)) as silent:
            silent.sendall(CLIENT_HELLO)
            assert silent.recv(4096).startswith(b"HTTP/1.1 400 ")


def test_a_renewed_certificate_is_taken_up_on_sighup_and_a_broken_one_is_not(
    authority: Authority, process: ServerProcess
) -> None:
    old = authority.shown_by(process)
    with playing(process.url, None, tls=authority.trust) as player:
        authority.issue()
        assert authority.shown_by(process) == old
        process.tell(signal.SIGHUP)
        until(lambda: authority.shown_by(process) != old)
        new = authority.shown_by(process)
        authority.key.write_text("half a file")
        process.tell(signal.SIGHUP)
        until(lambda: "the certificate is not reloaded" in process.log.read_text())
        assert authority.shown_by(process) == new
        assert player.call(1)["res"] == 1
    authority.issue()


def test_sighup_without_a_certificate_is_no_reason_to_end(database: Path) -> None:
    with serving(database) as server, playing(server.url, None) as player:
        server.tell(signal.SIGHUP)
        until(lambda: player.call(1)["res"] == 1 and "no certificate" in server.log.read_text())
        assert server.stop() == 0


def test_a_closed_terminal_ends_a_server_for_development(database: Path) -> None:
    with serving(database, "--dev") as server:
        assert server.stop(signal.SIGHUP) == 0


def test_call_speaks_wss_and_says_whom_it_does_not_believe(
    database: Path, authority: Authority, process: ServerProcess, tmp_path: Path
) -> None:
    key = add_user(database, "ann")["session_key"]
    arguments = ("call", '{"op": 1}', "--url", process.url, "--key", key)
    done = run(*arguments)
    assert (done.code, done.stdout, "certificate verify failed" in done.stderr) == (1, "", True)
    roots = tmp_path / "roots.pem"
    authority.ca.cert_pem.write_to_path(str(roots))
    assert run(*arguments, variables={"SSL_CERT_FILE": str(roots)}).code == 0


def test_certificate_and_key_may_be_one_file(authority: Authority, tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(authority.key.read_bytes() + authority.chain.read_bytes())
    assert load_certificate(Settings(tls_certificate=str(both))) is not None
    assert load_certificate(Settings()) is None


@pytest.mark.parametrize(
    ("chain", "key", "named"),
    [
        ("missing.pem", "key.pem", ["tls_certificate", "missing.pem", "No such file"]),
        ("chain.pem", "missing.pem", ["tls_key", "missing.pem", "No such file"]),
        ("chain.pem", "other.pem", ["tls_certificate", "other.pem", "mismatch"]),
        ("chain.pem", "encrypted.pem", ["tls_certificate", "encrypted.pem", "unencrypted key"]),
        ("chain.pem", "", ["tls_certificate", "chain.pem", "its unencrypted key"]),
        ("notes.txt", "key.pem", ["tls_certificate", "notes.txt", "PEM"]),
        ("", "key.pem", ["tls_key requires tls_certificate"]),
    ],
)
def test_a_certificate_that_is_not_in_order_is_refused_in_words(
    database: Path, authority: Authority, capsys: pytest.CaptureFixture[str], chain: str, key: str, named: list[str]
) -> None:
    folder = authority.chain.parent
    (folder / "notes.txt").write_text("no certificate at all")
    trustme.CA().issue_cert("127.0.0.1").private_key_pem.write_to_path(str(folder / "other.pem"))
    private = serialization.load_pem_private_key(authority.key.read_bytes(), None)
    (folder / "encrypted.pem").write_bytes(
        private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, ENCRYPTED_BY)
    )
    flags = [f"--tls-{name}={folder / file}" for name, file in (("certificate", chain), ("key", key)) if file]
    with hold_lock(database):  # lest what is accepted starts a server
        assert main(["serve", "--db", str(database), "--port", "0", *flags]) == 1
    error = capsys.readouterr().err
    assert all(word in error for word in named), error
    assert "Traceback" not in error
