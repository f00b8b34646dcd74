"""Accepting connections, also while there are no descriptors left for them."""

import errno
import logging
import math
from collections.abc import Awaitable, Callable

import trio

logger = logging.getLogger(__name__)

_RETRY_S = 0.1
_SAY_AGAIN_S = 60.0
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})

Serve = Callable[[trio.SocketStream], Awaitable[None]]


async def accept_forever(
    listener: trio.SocketListener, serve: Serve, nursery: trio.Nursery, make_room: Callable[[], bool] = lambda: False
) -> None:
    """Accept until cancelled; each connection is a task of ``nursery``. Closes the listener at the end.

    While the system has nothing to accept a connection with, those that are open go on, and ``make_room`` is asked to
    let go of a descriptor; if it has none, new connections wait in the system's queue until one ends. Unlike
    trio.serve_listeners, which logs every try, this says so once a minute.
    """
    said_at = -math.inf
    ended = trio.lowlevel.ParkingLot()

    async def serve_to_the_end(stream: trio.SocketStream) -> None:
        try:
            await serve(stream)
        finally:
            ended.unpark_all()

    async with listener:
        while True:
            try:
                stream = await listener.accept()
            except OSError as error:
                if error.errno not in _EXHAUSTED:
                    raise
                if trio.current_time() - said_at >= _SAY_AGAIN_S:
                    said_at = trio.current_time()
                    logger.warning("no new connection can be accepted until others end: %s", error.strerror)
                if not make_room():
                    with trio.move_on_after(_RETRY_S):
                        await ended.park()
            else:
                nursery.start_soon(serve_to_the_end, stream)
