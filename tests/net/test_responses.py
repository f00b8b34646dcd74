from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import h11

from gameserver.net.responses import response, without_body


def read(data: bytes) -> tuple[h11.Response, bytes]:
    """What a client of HTTP/1.1 makes of a response."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("Host", "test")]))
    client.send(h11.EndOfMessage())
    client.receive_data(data)
    head, body = client.next_event(), b""
    assert isinstance(head, h11.Response)
    while isinstance(event := client.next_event(), h11.Data):
        body += event.data
    assert isinstance(event, h11.EndOfMessage)
    return head, body


def test_a_response_is_read_as_it_was_meant() -> None:
    head, body = read(response(503, {"status": "full"}, [("Retry-After", "5")]))
    headers = dict(head.headers.raw_items())
    date = parsedate_to_datetime(headers.pop(b"Date").decode())
    assert abs(datetime.now(UTC) - date) < timedelta(minutes=1)
    assert (head.status_code, head.reason, body) == (503, b"Service Unavailable", b'{"status":"full"}')
    assert headers == {
        b"Content-Type": b"application/json",
        b"Content-Length": b"17",
        b"Cache-Control": b"no-store",
        b"Connection": b"close",
        b"Retry-After": b"5",
    }


def test_a_response_without_its_body_says_how_long_that_would_be() -> None:
    data = without_body(response(200, {}))
    assert data.endswith(b"\r\n\r\n")
    assert b"Content-Length: 2\r\n" in data
