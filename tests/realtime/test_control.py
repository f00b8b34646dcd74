"""The socket beside the database file: for its owner alone, who may still send it nonsense."""

import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from gameserver.handlers.admin import ListSources
from gameserver.realtime.control import MAX_COMMAND_BYTES, open_control_socket, serve_control
from gameserver.storage.connection import control_address
from tests.support.harness import run_inline, running_server

LIST = msgspec.json.encode(ListSources()) + b"\n"


@asynccontextmanager
async def control_socket(database: Path) -> AsyncIterator[str]:
    """The address of a running server's control socket."""
    async with running_server(database, run_sync=run_inline) as server, trio.open_nursery() as nursery:
        listener = await open_control_socket(database)
        nursery.start_soon(serve_control, server.services, listener)
        yield control_address(database)
        nursery.cancel_scope.cancel()


async def answer(address: str, sent: bytes) -> bytes:
    """What the socket says to a line, until it closes."""
    async with await trio.open_unix_socket(address) as stream:
        await stream.send_all(sent)
        received = b""
        while data := await stream.receive_some():
            received += data
        return received


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o777])
async def test_only_the_owner_may_open_it_whatever_the_process_masks(database: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        listener = await open_control_socket(database)
        assert os.umask(mask) == mask
    finally:
        os.umask(before)
    async with listener:
        mode = (await trio.Path(control_address(database)).stat()).st_mode
        assert (stat.S_ISSOCK(mode), stat.S_IMODE(mode)) == (True, 0o600)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"\n", id="nothing"),
        pytest.param(b"nonsense\n", id="no JSON"),
        pytest.param(bytes(range(11, 256)) + b"\n", id="bytes"),
        pytest.param(b'"\xff\xfe"\n', id="a string that is not UTF-8"),
        pytest.param(b'{"command": "\xff"}\n', id="a command that is not UTF-8"),
        pytest.param(
            b'{"command": "AddUser", "name": "\xed\xa0\x80", "provider": false}\n', id="a name with a surrogate"
        ),
        pytest.param(b"[]\n", id="a list"),
        pytest.param(b'{"command": "Shutdown"}\n', id="an unknown command"),
        pytest.param(b'{"command": "AddUser"}\n', id="a command without its parameters"),
        pytest.param(b'{"command": "AddUser", "name": 5, "provider": false}\n', id="a parameter of another type"),
        pytest.param(b'{"command": "AddUser", "name": "../x", "provider": true}\n', id="a name that is none"),
        pytest.param(b'{"command": "ListSources", "x": ' + b"[" * 30_000 + b"\n", id="depth"),
        pytest.param(b'{"command": "ListSources", "x": ' + b"9" * 60_000 + b"e9\n", id="a long number"),
        pytest.param(b"x" * MAX_COMMAND_BYTES, id="a line that is too long"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", id="HTTP"),
    ],
)
async def test_what_is_no_command_gets_an_error_in_one_line_and_the_socket_goes_on(database: Path, sent: bytes) -> None:
    async with control_socket(database) as address:
        with trio.fail_after(5):
            refusal = await answer(address, sent)
            assert refusal.endswith(b"\n")
            assert refusal.count(b"\n") == 1
            assert list(msgspec.json.decode(refusal)) == ["error"]
            assert msgspec.json.decode(await answer(address, LIST)) == {"sources": []}


async def test_a_line_that_does_not_end_is_cut_off_in_time(database: Path, autojump_clock: MockClock) -> None:
    async with control_socket(database) as address:
        began_s = trio.current_time()
        assert await answer(address, LIST[:-1]) == b""
        assert trio.current_time() - began_s == pytest.approx(10, abs=0.5)


async def test_no_more_of_a_line_is_read_than_a_command_may_have(database: Path) -> None:
    async with control_socket(database) as address, await trio.open_unix_socket(address) as stream:
        with trio.fail_after(5), pytest.raises(trio.BrokenResourceError):
            await stream.send_all(b"x" * 200 * MAX_COMMAND_BYTES)
        assert msgspec.json.decode(await answer(address, LIST)) == {"sources": []}


async def test_those_who_say_nothing_or_vanish_hold_up_nobody(database: Path) -> None:
    async with control_socket(database) as address:
        silent = [await trio.open_unix_socket(address) for _ in range(100)]
        for number, stream in enumerate(silent):
            if number % 2:
                await stream.send_all(LIST)
                await stream.aclose()
        with trio.fail_after(5):
            assert msgspec.json.decode(await answer(address, LIST)) == {"sources": []}
        await wait_all_tasks_blocked()
        for stream in silent:
            await stream.aclose()
