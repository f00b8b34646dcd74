"""A client that vanishes while its change is carried out."""

import pytest

from gameserver.realtime.connection import Connection
from tests.support.harness import Server
from tests.support.wire import request_head


async def test_a_reply_to_a_client_that_has_gone_is_dropped(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked_since: list[float | None] = []
    clean_up = Connection._clean_up

    def clean_up_and_reply(connection: Connection) -> None:
        clean_up(connection)
        connection.outbox.put(b"the reply to what was in flight")  # its tasks may have ended already
        blocked_since.append(connection.outbox.blocked_since())

    monkeypatch.setattr(Connection, "_clean_up", clean_up_and_reply)
    stream = server.open_stream()
    await stream.send_all(request_head("/", Authorization=f"Bearer {await server.key_of('ann')}"))
    assert b" 101 " in bytes(await stream.receive_some())
    await stream.aclose()
    await server.until_all_are_gone()
    assert blocked_since == [None]
