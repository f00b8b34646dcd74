import os
import socket

import pytest
import trio

from gameserver.net.frames import FrameReader
from gameserver.net.receiver import Receiver


async def test_once_abandoned_nothing_is_read_from_a_file_that_got_the_number_of_its_socket() -> None:
    ours, peer = socket.socketpair()
    other, theirs = socket.socketpair()
    with peer, other, theirs:
        stream = trio.SocketStream(trio.socket.from_stdlib_socket(ours))
        receiver = Receiver(stream, FrameReader(1_000, 10), b"")
        receiver.abandon()
        number = ours.fileno()
        await stream.aclose()
        os.dup2(other.fileno(), number)
        try:
            theirs.send(b"#")
            with pytest.raises(trio.ClosedResourceError):
                await receiver.wait_for_close()
        finally:
            os.close(number)
