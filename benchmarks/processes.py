"""Servers in processes of their own, on a core of their own, and what the system says of them."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ServerProcess:
    """A serving process, its port, and how long it took until it served."""

    pid: int
    port: int
    started_in_s: float

    def resident_bytes(self) -> int:
        """The memory the process holds."""
        fields = Path(f"/proc/{self.pid}/statm").read_text().split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")

    def peak_resident_bytes(self) -> int:
        """The most memory it has held since `forget_peak`."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("the system tells no peak of memory")

    def forget_peak(self) -> None:
        """Begin to watch for a new peak."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")


@contextmanager
def serving(module: str, arguments: Sequence[str], core: int | None) -> Iterator[ServerProcess]:
    """Run ``python -m MODULE``, pinned to the core, until the block is left.

    Its first line of output ends with its port, with or without a slash. Raises RuntimeError if it does not
    start, or ends otherwise than by being told to.
    """

    def pin() -> None:
        if core is not None:
            os.sched_setaffinity(0, {core})

    began = time.perf_counter()
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=pin) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"{module} did not start")
            port = int(line.rstrip().rstrip("/").rpartition(":")[2])
            yield ServerProcess(process.pid, port, time.perf_counter() - began)
            if process.poll() is not None:
                raise RuntimeError(f"{module} ended by itself with {process.returncode}")
        finally:
            # At once: to shut down in order takes its time, and is not what is measured.
            process.kill()


@contextmanager
def on_all_cores() -> Iterator[None]:
    """Let this process, and those that it starts, run on any core until the block ends."""
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    try:
        yield
    finally:
        os.sched_setaffinity(0, own)
