"""The server that is measured: a process of its own on a core of its own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

_UNLIMITED = ("--max-requests-per-s", "100000000", "--max-requests-per-s-per-address", "100000000")


class ServerProcess(NamedTuple):
    """A serving process: its port, its database, and how long it took until it served."""

    pid: int
    port: int
    db: Path
    started_in_s: float

    def add_user(self, name: str, *, provider: bool = False) -> str:
        """A new user's session key."""
        command = [*_gameserver("user", "add"), name, "--json", "--db", str(self.db)]
        output = subprocess.run(command + ["--provider"] * provider, capture_output=True, check=True).stdout
        key: str = json.loads(output)["session_key"]
        return key

    def resident_bytes(self) -> int:
        """The memory the process holds."""
        fields = Path(f"/proc/{self.pid}/statm").read_text().split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


def _gameserver(*words: str) -> list[str]:
    return [sys.executable, "-m", "gameserver", *words]


@contextmanager
def server_process(directory: Path, core: int | None) -> Iterator[ServerProcess]:
    """A server on a fresh database, pinned to a core where there is more than one."""

    def pin() -> None:
        if core is not None:
            os.sched_setaffinity(0, {core})

    db = directory / "bench.db"
    command = [*_gameserver("serve"), "--port", "0", "--db", str(db), "--log-level", "warning", *_UNLIMITED]
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=pin) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line:
                raise RuntimeError("the server did not start")
            took_s = time.perf_counter() - began
            port = int(line.rstrip().rstrip("/").rsplit(":", 1)[1])
            yield ServerProcess(process.pid, port, db, took_s)
        finally:
            process.terminate()


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    return {"cores": os.cpu_count(), "python": sys.version.split()[0], "platform": sys.platform}
