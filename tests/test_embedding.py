"""A server within one's own program."""

from decimal import Decimal
from pathlib import Path

import pytest
import trio

import gameserver
from gameserver import Settings
from gameserver.client import ConnectionLost
from gameserver.config import SettingsError
from gameserver.errors import Rejected
from tests.support.world import within


async def test_clients_come_over_a_port_and_without_a_socket(database: Path) -> None:
    async with within(10), gameserver.running(Settings(db=str(database), port=0)) as server:
        dev, ann = await server.add_user("dev", is_provider=True), await server.add_user("ann")
        assert server.urls == [f"ws://127.0.0.1:{server.port}/"]
        async with server.connect(dev) as inside, gameserver.connect(server.urls[0], ann) as outside:
            source = await inside.open_game_source(source_name="Ours")
            assert [it.id for it in (await outside.list_game_sources()).sources] == [source.source_id]
            assert (await outside.get_my_current_balance()).current_balance == Decimal(1000)


async def test_a_server_that_does_not_listen_serves_its_own_process(database: Path) -> None:
    async with within(10), gameserver.running(Settings(db=str(database)), listens=False) as server:
        assert (server.urls, server.port) == ([], None)
        await server.add_user("ann")
        async with server.connect(await server.open_session("ann")) as client:
            assert (await client.ping()) is not None


async def test_its_clients_are_told_when_it_ends_and_its_data_stays(database: Path) -> None:
    settings = Settings(db=str(database))
    async with within(10), trio.open_nursery() as nursery:
        async with gameserver.running(settings, listens=False) as server:
            key = await server.add_user("dev", is_provider=True)
            ended = trio.Event()

            async def listen(task_status: trio.TaskStatus[None]) -> None:
                async with gameserver.connect(
                    "ws://x/", key, is_lasting=False, open_stream=server.open_stream
                ) as client:
                    await client.open_game_source(source_name="Ours")
                    task_status.started()
                    with pytest.raises(ConnectionLost):
                        await anext(client.listen())
                    ended.set()

            await nursery.start(listen)
        await ended.wait()
        async with gameserver.running(settings, listens=False) as server, server.connect(key) as client:
            assert [source.name for source in (await client.list_game_sources()).sources] == ["Ours"]


async def test_what_the_program_raises_is_raised_in_no_group(database: Path) -> None:
    async def raise_in_the_body() -> None:
        async with gameserver.running(Settings(db=str(database)), listens=False):
            raise LookupError("of the body")

    with pytest.raises(LookupError, match="of the body"):
        await raise_in_the_body()


async def test_a_name_that_is_taken_and_one_that_nobody_has_are_refused(database: Path) -> None:
    async with within(10), gameserver.running(Settings(db=str(database)), listens=False) as server:
        await server.add_user("ann")
        with pytest.raises(Rejected):
            await server.add_user("ann")
        with pytest.raises(Rejected):
            await server.open_session("bob")


async def test_a_port_that_is_taken_is_told(database: Path) -> None:
    async with gameserver.running(Settings(db=str(database), port=0)) as server:
        assert server.port is not None
        other = Settings(db=str(database.with_name("other.db")), port=server.port)
        with pytest.raises(SettingsError, match=f"port {server.port}"):
            async with gameserver.running(other):
                pass


def test_the_package_has_no_other_names() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        _ = gameserver.nothing
