"""A process that ends within a settlement, before any of its statements, leaves all of it or nothing."""

import multiprocessing
import os
from contextlib import closing, nullcontext
from functools import partial
from pathlib import Path

import trio

from gameserver.config import Settings
from gameserver.engine.scheduled import due_job
from gameserver.handlers.execution import WriteRequest, parse, write_job
from gameserver.storage.schedule import next_due_at
from gameserver.storage.sqlite.connection import SqliteConnection, open_writer
from gameserver.storage.sqlite.writer import Writer
from gameserver.storage.users import find_user
from tests.support.decoding import decode
from tests.support.harness import START_MS, run_inline
from tests.support.offline import Offline
from tests.support.process import TIMEOUT_S
from tests.support.settling import faults_of
from tests.support.states import Match, contents_of

ENDED_BY_TEST = 77
MANY_STATEMENTS = 40


def settle(file: Path, goal: dict[str, str], exit_before: int) -> None:
    """In a process of its own: have the writer carry the event out, and end before so many statements."""
    left = exit_before

    def count(statement: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os._exit(ENDED_BY_TEST)

    def open_counting() -> SqliteConnection:
        connection = open_writer(file)
        connection.set_trace_callback(count)
        return connection

    async def carry_out() -> None:
        settings = Settings()
        writer = Writer(
            open_counting,
            due_job=partial(due_job, settings),
            next_due=next_due_at,
            publish=lambda result: None,
            telling=nullcontext(),
            monotonic_s=lambda: 0.0,
            max_waiting=1,
            run_sync=run_inline,
        )
        with closing(open_writer(file)) as connection:
            user = find_user(connection, "fifa")
        assert user is not None
        request = decode(395, **goal)
        job = write_job(WriteRequest(request, parse(request, settings), None, user, START_MS, settings))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(writer.run)
            await writer.write(job, START_MS)
            nursery.cancel_scope.cancel()

    trio.run(carry_out)
    os._exit(0)


def exit_code_of(file: Path, goal: dict[str, str], exit_before: int) -> int | None:
    """How the process ended."""
    # Each is a fork of a process that has imported everything and runs no threads.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=settle, args=(file, goal, exit_before))
    process.start()
    process.join(TIMEOUT_S)
    code = process.exitcode
    process.close()
    return code


def test_a_process_that_ends_before_any_statement_of_a_settlement_leaves_all_of_it_or_nothing(database: Path) -> None:
    with closing(Offline(database)) as offline:
        match = Match(offline)
        list(match.bet())
    before = contents_of(database)
    statement = 1
    while (code := exit_code_of(database, match.goal, statement)) == ENDED_BY_TEST:
        assert contents_of(database) == before, f"ended before statement {statement}"
        statement += 1
    assert code == 0
    assert statement > MANY_STATEMENTS
    assert faults_of(database) == []
    with closing(Offline(database)) as offline:
        settled = offline.query("SELECT count(*) FROM settlements")
        assert settled == [(2,)]
        assert offline.query("SELECT count(*) FROM pools WHERE status = 'open' AND bet_count > 0") == [(0,)]
