"""The benchmarks' HTTP client: a response counts once, when it is whole."""

import asyncio
import json

import pytest

from benchmarks.http import HttpClient, http_request

RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\nserver: peer\r\n\r\n" + b'{"bet_id": "b"}'


class Wire(asyncio.Transport):
    """Answers each request with the next of the given responses, a few bytes at a time."""

    def __init__(self, client: HttpClient, responses: list[bytes], piece_bytes: int) -> None:
        super().__init__()
        self.requests: list[bytes] = []
        self._client = client
        self._responses = iter(responses)
        self._piece_bytes = piece_bytes

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.requests.append(bytes(data))
        asyncio.get_running_loop().call_soon(self._answer)

    def _answer(self) -> None:
        response = next(self._responses, b"")
        for start in range(0, len(response), self._piece_bytes):
            self._client.data_received(response[start : start + self._piece_bytes])


async def ask_once(responses: list[bytes], piece_bytes: int) -> tuple[list[float], list[bytes]]:
    client = HttpClient()
    wire = Wire(client, responses, piece_bytes)
    client.connection_made(wire)
    times = await client.repeat(b"GET", b'"bet_id"', until=0.0)
    return times, wire.requests


@pytest.mark.parametrize("piece_bytes", [1, 7, 60, 1_000])
def test_a_response_counts_once_however_it_is_cut(piece_bytes: int) -> None:
    times, requests = asyncio.run(ask_once([RESPONSE], piece_bytes))
    assert len(times) == 1
    assert requests == [b"GET"]


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 409 Conflict\r\ncontent-length: 15\r\n\r\n" + b'{"bet_id": "b"}',
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
    ],
    ids=["refused", "something else"],
)
def test_an_answer_that_is_not_the_expected_one_stops_the_case(response: bytes) -> None:
    with pytest.raises(RuntimeError, match="HTTP/"):
        asyncio.run(ask_once([response], 1_000))


def test_a_lost_connection_stops_the_case() -> None:
    async def lose() -> None:
        client = HttpClient()
        client.connection_made(Wire(client, [], 1))
        waiting = asyncio.ensure_future(client.repeat(b"GET", b"", until=0.0))
        await asyncio.sleep(0)
        client.connection_lost(None)
        await waiting

    with pytest.raises(ConnectionError, match="closed by the server"):
        asyncio.run(lose())


def test_a_request_says_how_long_its_body_is() -> None:
    head, _, body = http_request("POST", "/bets", "key-1", {"amount": 1}).partition(b"\r\n\r\n")
    assert json.loads(body) == {"amount": 1}
    assert f"Content-Length: {len(body)}".encode() in head
    assert b"Authorization: Bearer key-1" in head
