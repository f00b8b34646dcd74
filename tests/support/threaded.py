"""A server in a thread of the tests' process: over sockets like any other, but there in a moment."""

import queue
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import trio

from gameserver.config import Settings
from gameserver.embedding import running

UNLIMITED = {"max_requests_per_s": 100_000, "max_requests_per_s_per_address": 100_000}


@contextmanager
def serving_here(database: Path | str, **settings: Any) -> Iterator[str]:
    """A server until the context exits, which then raises what the server has raised; its URL."""
    started: queue.SimpleQueue[tuple[str, Callable[[], None]] | None] = queue.SimpleQueue()

    async def serve() -> None:
        async with running(Settings(db=str(database), port=0, **{**UNLIMITED, **settings})) as server:
            stopped = trio.Event()
            started.put((server.urls[0], partial(trio.lowlevel.current_trio_token().run_sync_soon, stopped.set)))
            await stopped.wait()

    with ThreadPoolExecutor(1) as threads:
        ended = threads.submit(trio.run, serve)
        ended.add_done_callback(lambda _: started.put(None))
        served = started.get()
        if served is not None:
            url, stop = served
            try:
                yield url
            finally:
                stop()
        ended.result()
