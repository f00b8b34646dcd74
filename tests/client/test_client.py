"""The typed client against a server in the same process."""

from decimal import Decimal
from pathlib import Path
from typing import Any, assert_type

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from gameserver.client import Client, ConnectionLost, Refused, connect
from gameserver.errors import CloseCode
from gameserver.protocol.betting import BalanceUpdate, BetPlacedInBettingPool
from gameserver.protocol.games import GameCreatedAndOpened
from gameserver.protocol.sessions import ViewKeyCreated
from tests.support.clients import URL, Network, client_of
from tests.support.harness import Server, run_inline, running_server
from tests.support.settling import Table
from tests.support.world import within


async def open_game(client: Client) -> GameCreatedAndOpened:
    source = await client.open_game_source(source_name="Cup")
    return await client.create_and_open_game(
        source_id=source.source_id,
        game_name="Final",
        type="football",
        actions=["Goal"],
        targets="Argentina,France",
    )


async def test_a_reply_has_the_type_that_the_operation_declares(server: Server) -> None:
    async with client_of(server, "provider") as client:
        game = await open_game(client)
        assert_type(game, GameCreatedAndOpened)
        assert game.targets["argentina"].display_name == "Argentina"
        assert (await client.get_my_available_balance()).available_balance == Decimal(1000)


async def test_types_refuse_what_the_declaration_does_not_have(server: Server) -> None:
    async with client_of(server, "provider") as client:
        with pytest.raises(Refused) as raised:
            await client.open_game_source(sauce_name="Cup")  # type: ignore[call-arg]
        assert raised.value.code == "invalid_parameter"


async def test_a_refusal_is_raised_with_all_that_it_says(server: Server) -> None:
    async with client_of(server, "provider") as client:
        with pytest.raises(Refused) as raised:
            await client.open_game_source(source_name="x" * 200)
    refused = raised.value
    assert (refused.code, refused.field, refused.retryable) == ("invalid_parameter", "source_name", False)
    assert refused.text in str(refused)


async def test_a_reply_that_says_no_is_raised_by_its_name(server: Server) -> None:
    async with client_of(server, "provider") as client, client_of(server, "ann") as ann:
        game = await open_game(client)
        with pytest.raises(Refused) as raised:
            await ann.become_an_admin_for_game(game_id=game.game_id)
    assert raised.value.code == "become_an_admin_for_game_fail"
    assert raised.value.text == getattr(raised.value.reply, "reason")  # noqa: B009 - of replies of this kind


async def test_tasks_that_share_a_client_get_the_reply_to_their_own_request(server: Server) -> None:
    names = [f"Source {number}" for number in range(20)]
    found: dict[str, str] = {}
    async with client_of(server, "provider") as client:

        async def open_one(name: str) -> None:
            found[(await client.open_game_source(source_name=name)).source_id] = name

        async with trio.open_nursery() as nursery:
            for name in names:
                nursery.start_soon(open_one, name)
        listed = (await client.list_game_sources_i_am_admin_of()).sources
    assert {source.id: source.name for source in listed} == found


async def test_what_the_body_raises_is_raised_in_no_group(server: Server) -> None:
    async def raise_in_the_body() -> None:
        async with client_of(server, "ann") as client:
            await client.ping()
            raise LookupError("of the body")

    with pytest.raises(LookupError, match="of the body"):
        await raise_in_the_body()


async def test_a_write_whose_reply_is_lost_is_asked_for_again_and_done_once(table: Table) -> None:
    pool = await table.pool()
    network = Network(table.server)
    key = await table.server.key_of("ann")
    async with within(), connect(URL, key, open_stream=network.open) as client:
        await client.ping()
        network.lose_the_next_reply()
        placed = await client.place_bet_in_betting_pool(pool_id=pool, target="argentina", amount=Decimal("2.50"))
        assert_type(placed, BetPlacedInBettingPool)
        assert (await client.get_my_available_balance()).available_balance == Decimal("997.5")
    assert network.opened == 2
    details = await table.admin.call(393, pool_id=pool)
    assert (details["bet_count"], details["amount_total"]) == (1, 2.5)


async def test_a_request_that_must_not_be_sent_twice_says_so_where_its_reply_is_lost(server: Server) -> None:
    network = Network(server)
    async with within(), connect(URL, await server.key_of("ann"), open_stream=network.open) as client:
        await client.ping()
        network.lose_the_next_reply()
        with pytest.raises(ConnectionLost, match="unknown"):
            await client.create_view_key()
        again = await client.create_view_key()
        assert_type(again, ViewKeyCreated)


async def test_a_request_made_while_there_is_no_connection_waits_for_one(server: Server) -> None:
    network = Network(server)
    async with within(), connect(URL, await server.key_of("provider"), open_stream=network.open) as client:
        network.server = None
        await network.cut()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(open_game, client)
            await wait_all_tasks_blocked()
            network.server = server
        assert len((await client.list_game_sources_i_am_admin_of()).sources) == 1


async def test_what_is_refused_for_the_moment_is_asked_again(database: Path, autojump_clock: MockClock) -> None:
    async with (
        running_server(database, run_sync=run_inline, max_requests_per_s=1) as server,
        client_of(server, "ann", timeout_s=60) as client,
    ):
        began = trio.current_time()
        for _ in range(10):
            await client.ping()
        assert trio.current_time() - began > 5


async def test_a_session_that_ends_ends_the_client(server: Server) -> None:
    async with within(), client_of(server, "ann") as client, client_of(server, "ann") as other:
        sessions = (await client.list_my_sessions()).sessions
        await server.new_key("ann")
        with client.listen() as listener:
            await other.end_session(session_id=sessions[0].session_id)
            with pytest.raises(ConnectionLost, match="session"):
                await client.ping()
            with pytest.raises(ConnectionLost, match="session"):
                await anext(listener)
        with pytest.raises(ConnectionLost, match="session"):
            await client.ping()


async def test_a_key_that_the_server_does_not_know_is_refused_at_once(server: Server) -> None:
    with pytest.raises(ConnectionLost, match="401"):
        async with connect(URL, "a.b", open_stream=Network(server).open):
            pass


async def test_a_listener_hears_what_concerns_the_user_alone(table: Table) -> None:
    pool = await table.pool()
    async with within(), client_of(table.server, "ann") as client:
        with client.listen() as listener, client.listen_as_sent() as raw:
            await client.place_bet_in_betting_pool(pool_id=pool, target="argentina", amount=1)
            message = await anext(listener)
            assert isinstance(message, BalanceUpdate)
            assert message.available_balance == 999
            assert (await anext(raw))["res"] == 815


# Requests as they are


@pytest.mark.parametrize(
    "header",
    [
        pytest.param({"id": True}, id="an id that is none"),
        pytest.param({"id": 1.5}, id="an id with a fraction"),
        pytest.param({"id": [1]}, id="an id that is a list"),
        pytest.param({"id": "#" * 65}, id="an id too long"),
        pytest.param({"id": 2**64}, id="an id too large"),
        pytest.param([1], id="a list"),
        pytest.param("x", id="a string"),
    ],
)
async def test_a_refusal_that_cannot_name_the_requests_id_is_its_reply(server: Server, header: Any) -> None:
    async with client_of(server, "ann") as client:
        reply = await client.ask({"header": header, "op": 1})
        assert (reply["res"], reply["code"]) == (
            666,
            "invalid_parameter" if isinstance(header, dict) else "bad_request",
        )
        assert (await client.ask({"op": 1}))["res"] == 1


@pytest.mark.parametrize("header", [None, {}, {"id": None}, {"id": "mine"}, {"id": 0}, {"t": 1}])
async def test_a_request_with_or_without_an_id_of_its_own_gets_its_reply(server: Server, header: Any) -> None:
    async with client_of(server, "ann") as client:
        assert (await client.ask({"header": header, "op": 1}))["res"] == 1


# Deadlines


async def test_a_reply_is_not_waited_for_for_ever(
    database: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        running_server(database, run_sync=run_inline) as server,
        client_of(server, "ann", timeout_s=15) as client,
    ):
        read = server.context.store.read

        async def read_slowly(job: Any) -> Any:
            await trio.sleep(17)
            return await read(job)

        monkeypatch.setattr(server.context.store, "read", read_slowly)
        for ask in (client.list_game_sources_i_am_admin_of, lambda: client.ask({"op": 611})):
            began = trio.current_time()
            with pytest.raises(trio.TooSlowError):
                await ask()
            assert trio.current_time() - began == pytest.approx(15)
        assert (await client.get_opcodes()).opcodes["ping"] == 1


async def test_a_server_that_takes_a_connection_and_says_nothing_is_not_waited_for_for_ever(
    autojump_clock: MockClock,
) -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        began = trio.current_time()
        with pytest.raises(ConnectionLost, match="in time"):
            async with connect(f"ws://127.0.0.1:{listener.socket.getsockname()[1]}/", "a.b"):
                pass
        assert trio.current_time() - began == pytest.approx(10)


async def test_a_server_that_falls_silent_is_given_up_and_connected_to_again(
    database: Path, autojump_clock: MockClock
) -> None:
    async with running_server(database, run_sync=run_inline) as server:
        network = Network(server)
        async with connect(URL, await server.key_of("ann"), open_stream=network.open) as client:
            network.fall_silent()
            with trio.fail_after(60):
                await client.ping()
            assert network.opened == 2


# Connecting again


async def test_the_pauses_between_attempts_grow_until_a_connection_lasts(
    database: Path, autojump_clock: MockClock
) -> None:
    async with running_server(database, run_sync=run_inline) as server:
        network = Network(server)
        async with connect(URL, await server.key_of("ann"), open_stream=network.open):
            for _ in range(100):
                await network.cut()
                await trio.sleep(0.2)
            assert network.opened < 20
            await trio.sleep(60)
            before = network.opened
            await network.cut()
            await trio.sleep(0.2)
            assert network.opened == before + 1


async def test_a_client_that_flooded_comes_back_later(database: Path, autojump_clock: MockClock) -> None:
    async with running_server(database, run_sync=run_inline) as server:
        network = Network(server)
        async with connect(URL, await server.key_of("ann"), open_stream=network.open):
            for connection in server.context.registry.all_connections():
                connection.outbox.close(CloseCode.RATE_LIMITED)
            await trio.sleep(4)
            assert network.opened == 1
            await trio.sleep(10)
            assert network.opened == 2


async def test_a_subscription_that_is_left_before_it_has_a_connection_ends(
    database: Path, autojump_clock: MockClock
) -> None:
    async with running_server(database, run_sync=run_inline) as server:
        network = Network(server)
        async with connect(URL, await server.key_of("provider"), open_stream=network.open) as client:
            game = await open_game(client)
            async with client.join(game.game_id) as messages:
                network.delay_s = 5
                with trio.move_on_after(1):
                    await anext(messages)
            await trio.sleep(30)
            assert server.context.registry.count == 1
