"""The tests' own time limit: a test that hangs fails, and says where it hangs."""

import subprocess
import sys
from pathlib import Path

from tests.support.process import TIMEOUT_S

ROOT = Path(__file__).parent.parent
HANGING = """
import threading, trio

lock = threading.Event()

def test_waiting_for_a_thread():
    lock.wait()

def test_in_a_loop():
    while True:
        pass

async def wait_for_what_never_comes():
    await trio.Event().wait()

async def test_in_a_task():
    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait_for_what_never_comes)

async def test_in_a_task_that_never_yields():
    while True:
        pass

async def test_that_jumps_an_hour(autojump_clock):
    await trio.sleep(3600)
"""
DEAF = """
import threading, trio

async def test_in_a_thread():
    await trio.to_thread.run_sync(threading.Event().wait)

def test_after_it():
    pass
"""


def run_tests(tmp_path: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Run tests with a short limit, in a process of their own."""
    file = tmp_path / "test_hanging.py"
    file.write_text(text)
    options = ["-p", "no:cacheprovider", "-p", "no:xdist", "-p", "tests.support.time_limit", "-o", "time_limit_s=0.2"]
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), *options, str(file)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)


def test_each_test_that_hangs_fails_alone_and_says_where_it_hangs(tmp_path: Path) -> None:
    done = run_tests(tmp_path, HANGING)
    assert "4 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert "\n    lock.wait()\n" in done.stdout
    assert "in wait_for_what_never_comes\n    await trio.Event().wait()\n" in done.stdout


def test_one_that_cannot_be_cancelled_ends_its_process_and_says_where_it_hangs(tmp_path: Path) -> None:
    done = run_tests(tmp_path, DEAF)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "test_in_a_thread took more than 0.2 s" in done.stderr
    assert "await trio.to_thread.run_sync(threading.Event().wait)" in done.stderr
