"""The machine that figures are taken on, and who else uses it."""

import os
import platform
import sqlite3
import time
from importlib import metadata
from pathlib import Path
from typing import Any

_LIBRARIES = (
    *("trio", "trio-websocket", "msgspec", "picows", "uvloop", "websockets"),
    *("fastapi", "uvicorn", "httptools", "pydantic"),
)
_IDLE_FIELDS = (3, 4)  # idle, iowait
_COUNTED_FIELDS = 8  # those after them are parts of the first ones


def describe() -> dict[str, Any]:
    """Hardware and software."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "libraries": {name: _version(name) for name in _LIBRARIES},
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


class Others:
    """Watches, from its making on, what other programs take of the machine: they spoil figures."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._busy_s = _busy_s()
        self._own_s = _own_s()

    def share(self) -> float:
        """The share of all cores that was used by none of this process and its ended children."""
        used_s = (_busy_s() - self._busy_s) - (_own_s() - self._own_s)
        return max(0.0, used_s / (time.perf_counter() - self._began) / (os.cpu_count() or 1))


def _busy_s() -> float:
    return busy_ticks(Path("/proc/stat").read_text()) / os.sysconf("SC_CLK_TCK")


def busy_ticks(stat: str) -> int:
    """The ticks in which any core did something, of the text of /proc/stat."""
    ticks = [int(field) for field in stat.splitlines()[0].split()[1 : 1 + _COUNTED_FIELDS]]
    return sum(ticks) - sum(ticks[field] for field in _IDLE_FIELDS)


def _own_s() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
