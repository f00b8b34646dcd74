import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
import trio.testing

from gameserver.ops.systemd import Systemd
from gameserver.storage.connection import Connection
from tests.support.harness import Server


class Manager:
    """systemd's end: a datagram socket, and what has arrived there."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address.replace("@", "\0", 1) if address.startswith("@") else address)
        self.socket.setblocking(False)
        self.environment = {"NOTIFY_SOCKET": address}

    def told(self) -> list[str]:
        """What has arrived since last asked."""
        told = []
        try:
            while True:
                told.append(self.socket.recv(4096).decode())
        except BlockingIOError:
            return told


@pytest.fixture(params=["path", "abstract"])
def manager(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Manager]:
    made = Manager(
        str(tmp_path / "notify") if request.param == "path" else f"@gameserver-{os.getpid()}-{time.time_ns()}"
    )
    yield made
    made.socket.close()


def test_states_arrive_one_a_datagram(manager: Manager) -> None:
    systemd = Systemd(manager.environment, 1)
    systemd.ready()
    systemd.reloading()
    systemd.stopping()
    ready, reloading, stopping = manager.told()
    assert (ready, stopping) == ("READY=1", "STOPPING=1")
    state, _, moment_us = reloading.partition("\nMONOTONIC_USEC=")
    assert state == "RELOADING=1"
    assert 0 <= time.monotonic_ns() // 1000 - int(moment_us) < 10**6


async def test_the_watchdog_hears_twice_within_its_time(
    manager: Manager, autojump_clock: trio.testing.MockClock
) -> None:
    systemd = Systemd({**manager.environment, "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 7)
    with trio.move_on_after(61):
        await systemd.watch(lambda: 0.0)
    assert manager.told() == ["WATCHDOG=1"] * 5  # at 0, 15, 30, 45 and 60 s


@pytest.mark.parametrize(
    "variables",
    [{}, {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "soon"}],
)
async def test_without_a_watchdog_for_this_process_nothing_is_told(
    manager: Manager, autojump_clock: trio.testing.MockClock, variables: dict[str, str]
) -> None:
    with trio.move_on_after(61):
        await Systemd({**manager.environment, **variables}, 7).watch(lambda: 0.0)
    assert manager.told() == []


async def test_a_writer_that_hangs_silences_the_watchdog(
    server: Server, manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s, begun, end = [100.0], trio.Event(), threading.Event()
    systemd = Systemd({**manager.environment, "WATCHDOG_USEC": "30000000"}, 7)
    writes, loop = server.context.writer_monitor, trio.lowlevel.current_trio_token()

    def hang(connection: Connection) -> None:
        trio.from_thread.run_sync(begun.set, trio_token=loop)
        assert end.wait(10)

    async def heard() -> list[str]:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(systemd.watch, lambda: writes.busy_s)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        return manager.told()

    monkeypatch.setattr(time, "monotonic", lambda: now_s[0])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.context.store.write, hang, 0)
        await begun.wait()
        now_s[0] += 29
        assert await heard() == ["WATCHDOG=1"]
        now_s[0] += 2
        assert await heard() == []
        end.set()
    assert await heard() == ["WATCHDOG=1"]


def test_without_systemd_nothing_happens(caplog: pytest.LogCaptureFixture) -> None:
    Systemd({}, 1).ready()
    assert not caplog.records


def test_a_manager_that_is_gone_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Systemd({"NOTIFY_SOCKET": str(tmp_path / "nobody")}, 1).ready()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


async def test_a_manager_that_does_not_read_holds_nobody_up(manager: Manager) -> None:
    systemd = Systemd(manager.environment, 1)
    for _ in range(1_000):
        systemd.ready()
    assert 0 < len(manager.told()) < 1_000
