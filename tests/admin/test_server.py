"""The socket beside the database file: for its owner alone, who may still send it nonsense."""

import errno
import os
import socket
import stat
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from gameserver.admin import control_socket as control_socket_module
from gameserver.admin.commands import AddUser, ListSources
from gameserver.admin.control_socket import control_address
from gameserver.admin.server import MAX_COMMAND_BYTES, open_control_socket, serve_control
from gameserver.app import command_runner
from gameserver.storage.files import FileRefused, beside
from tests.support.harness import run_inline, running_server
from tests.support.strangers import STRANGER, needs_root

LIST = msgspec.json.encode(ListSources()) + b"\n"


@asynccontextmanager
async def control_socket(database: Path) -> AsyncIterator[str]:
    """The address of a running server's control socket."""
    async with running_server(database, run_sync=run_inline) as server, trio.open_nursery() as nursery:
        listener = await open_control_socket(database)
        assert listener is not None
        nursery.start_soon(serve_control, command_runner(server.context), listener, 10.0)
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
    assert listener is not None
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


async def test_another_user_is_refused_and_nothing_is_done_for_him(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with control_socket(database) as address:
        asked = AddUser("mallory", is_provider=True)
        monkeypatch.setattr(control_socket_module, "peer_uid", lambda connection: STRANGER)
        refusal = msgspec.json.decode(await answer(address, msgspec.json.encode(asked) + b"\n"))
        assert "from its own user and from root" in refusal["error"]
        monkeypatch.undo()
        added = msgspec.json.decode(await answer(address, msgspec.json.encode(asked) + b"\n"))
        assert added["id"] == 1


AS_A_STRANGER = """
import os, socket, sys
os.chdir(sys.argv[1])
os.setgid(int(sys.argv[3]))
os.setuid(int(sys.argv[3]))
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect(sys.argv[2])
    connection.sendall(b'{"command": "ListSources"}\\n')
    print(connection.makefile().read())
"""


@needs_root
async def test_the_system_tells_who_asks_whatever_became_of_the_sockets_mode(database: Path) -> None:
    async with control_socket(database):
        database.parent.chmod(0o711)
        beside(database, ".sock").chmod(0o666)
        folder, name = str(database.parent), f"{database.name}.sock"
        with trio.fail_after(10):
            done = await trio.run_process(
                [sys.executable, "-c", AS_A_STRANGER, folder, name, str(STRANGER)], capture_stdout=True
            )
        assert b"from its own user and from root" in done.stdout


@pytest.mark.parametrize("plant", [Path.touch, Path.mkdir, lambda path: path.symlink_to("elsewhere")])
async def test_what_is_in_the_sockets_place_and_is_none_stays_and_is_told(
    database: Path, plant: Callable[[Path], None]
) -> None:
    plant(beside(database, ".sock"))
    with pytest.raises(FileRefused, match="remove what is there"):
        await open_control_socket(database)
    assert not beside(database, ".sock").is_socket()
    assert beside(database, ".sock").lstat()


async def test_a_socket_of_another_user_that_cannot_be_removed_is_told(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX) as planted:
        planted.bind(str(beside(database, ".sock")))

    def unlink(path: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "unlink", unlink)
    with pytest.raises(FileRefused, match="another user"):
        await open_control_socket(database)


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP])
async def test_where_there_are_no_sockets_the_server_goes_without_and_says_so(
    database: Path, number: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def bind(self: object, address: str) -> None:
        raise OSError(number, os.strerror(number))

    with trio.socket.socket() as any_socket:
        monkeypatch.setattr(type(any_socket), "bind", bind)
    assert await open_control_socket(database) is None
    assert [getattr(record, "event", None) for record in caplog.records] == ["no_control_socket"]
