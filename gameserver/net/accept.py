"""Accepts connections, and survives running out of descriptors."""

import errno
import logging
import math
from collections.abc import Awaitable, Callable

import trio

logger = logging.getLogger(__name__)

_RETRY_S = 0.1
_WARNING_INTERVAL_S = 60.0
_EXHAUSTED_ERRNOS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})

Serve = Callable[[trio.SocketStream], Awaitable[None]]


async def accept_forever(
    listener: trio.SocketListener, serve: Serve, nursery: trio.Nursery, make_room: Callable[[], bool] = lambda: False
) -> None:
    """Accept connections until cancelled, each served by a task of ``nursery``; the listener is closed at the end.

    When the system has no descriptor or memory for a new connection, open connections go on and ``make_room`` is called
    to free a descriptor. If it returns False, new connections wait in the system's queue, and accepting is tried again
    when a ``serve`` ends, at the latest after a tenth of a second.
    The warning is logged at most once a minute, where trio.serve_listeners logs every attempt.
    """
    warned_at = -math.inf
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
                if error.errno not in _EXHAUSTED_ERRNOS:
                    raise
                if trio.current_time() - warned_at >= _WARNING_INTERVAL_S:
                    warned_at = trio.current_time()
                    logger.warning("cannot accept new connections until open ones end: %s", error.strerror)
                if not make_room():
                    with trio.move_on_after(_RETRY_S):
                        await ended.park()
            else:
                nursery.start_soon(serve_to_the_end, stream)
