"""A time limit on each phase of every test. At its end the test fails and says where each task and thread was.

A plain alarm that raises breaks Trio's loop for every test after this one, and shows no task: here Trio's
tasks are cancelled, and whoever does not heed that is interrupted where it is.
"""

import os
import signal
import sys
import threading
import traceback
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

import pytest
import trio

_TIME_TO_HEED_S = 2.0


class TimeIsUp(BaseException):
    """The test has taken too long. Neither the server nor Hypothesis takes this for a failure of theirs."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The limit is a setting of pyproject.toml."""
    parser.addini("time_limit_s", "what the setup, the call and the teardown of a test may take each; 0: any time")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that may take longest, so that nobody waits for one of them at the end."""
    items.sort(key=_limit_s, reverse=True)


def _limit_s(item: pytest.Item) -> float:
    marker = item.get_closest_marker("time_limit")
    return float(marker.args[0] if marker else item.config.getini("time_limit_s") or 0)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None]:
    """Limit a test's setup."""
    with _limited(item):
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Limit the test itself."""
    with _limited(item):
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None]:
    """Limit a test's teardown."""
    with _limited(item):
        yield


@contextmanager
def _limited(item: pytest.Item) -> Iterator[None]:
    limit_s = _limit_s(item)
    stacks: list[str] = []

    def on_alarm(number: int, frame: FrameType | None) -> None:
        if not stacks:
            stacks.extend([*_tasks(), *_threads()])
            try:
                token = trio.lowlevel.current_trio_token()
            except RuntimeError:
                pass  # Trio does not run in this thread
            else:
                token.run_sync_soon(trio.lowlevel.spawn_system_task, _end_the_run)
                return
        raise TimeIsUp

    previous = signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, limit_s, _TIME_TO_HEED_S)
    try:
        yield
    except BaseException:
        if not stacks:
            raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    if stacks:
        report = "\n".join([f"{item.nodeid} took more than {limit_s:g} s", *stacks])
        if trio.lowlevel.in_trio_run():
            _end_the_process(item.config, report)
        pytest.fail(report, pytrace=False)


def _end_the_process(config: pytest.Config, report: str) -> NoReturn:
    """Trio's loop was broken off in its midst, and no later test could run it: pytest-xdist starts another process."""
    config.pluginmanager.getplugin("capturemanager").suspend(in_=True)
    sys.stderr.write(report)
    sys.stderr.flush()
    os._exit(1)


async def _end_the_run() -> None:
    """A system task that fails cancels all others."""
    raise TimeIsUp


def _tasks() -> Iterator[str]:
    """Where Trio's tasks of this thread are, each with those that it started."""
    try:
        waiting = [trio.lowlevel.current_root_task()]
    except RuntimeError:
        return
    while waiting:
        task = waiting.pop()
        if task is not None:
            stack = traceback.StackSummary.extract(task.iter_await_frames())
            yield f"--- task {task.name}\n{''.join(stack.format())}"
            waiting += [child for nursery in task.child_nurseries for child in nursery.child_tasks]


def _threads() -> Iterator[str]:
    """Where all threads are."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, frame in sys._current_frames().items():
        yield f"--- thread {names.get(ident)}\n{''.join(traceback.format_stack(frame))}"
