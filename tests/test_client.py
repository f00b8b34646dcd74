from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from gameserver.client import Client, connect
from tests.support.harness import Server, run_inline, running_server


async def client_of(server: Server) -> Client:
    return Client((await server.connect("ann")).socket)


@pytest.mark.parametrize(
    "header",
    [
        pytest.param({"id": True}, id="an id that is none"),
        pytest.param({"id": 1.5}, id="an id with a fraction"),
        pytest.param({"id": "#" * 65}, id="an id too long"),
        pytest.param({"id": 2**64}, id="an id too large"),
        pytest.param([1], id="a list"),
        pytest.param("x", id="a string"),
    ],
)
async def test_a_refusal_that_cannot_name_the_requests_id_is_its_reply(server: Server, header: Any) -> None:
    client = await client_of(server)
    with trio.fail_after(5):
        reply = await client.call({"header": header, "op": 1})
    assert (reply["res"], reply["code"]) == (666, "invalid_parameter" if isinstance(header, dict) else "bad_request")
    assert (await client.call({"op": 1}))["res"] == 1


@pytest.mark.parametrize("header", [None, {}, {"id": None}, {"id": "mine"}, {"id": 0}, {"t": 1}])
async def test_a_request_with_or_without_an_id_of_its_own_gets_its_reply(server: Server, header: Any) -> None:
    client = await client_of(server)
    with trio.fail_after(5):
        assert (await client.call({"header": header, "op": 1}))["res"] == 1


async def test_a_reply_is_not_waited_for_for_ever(
    database: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_server(database, run_sync=run_inline) as server:
        client, read = await client_of(server), server.context.store.read

        async def read_slowly(job: Any) -> Any:
            await trio.sleep(90)
            return await read(job)

        monkeypatch.setattr(server.context.store, "read", read_slowly)
        began = trio.current_time()
        with pytest.raises(trio.TooSlowError):
            await client.call({"op": 611})
        assert trio.current_time() - began == pytest.approx(60)
        assert (await client.call({"op": 2}))["res"] == 2


async def test_a_server_that_takes_a_connection_and_says_nothing_is_not_waited_for_for_ever(
    autojump_clock: MockClock,
) -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        began = trio.current_time()
        with pytest.raises(ExceptionGroup) as raised:
            async with connect(f"ws://127.0.0.1:{listener.socket.getsockname()[1]}/", "a.b"):
                pass
        assert isinstance(raised.value.exceptions[0], trio.TooSlowError)
        assert trio.current_time() - began == pytest.approx(10)
