"""``python -m benchmarks``: measure the running server beside others; the judge of its speed."""

import argparse
import asyncio
import gc
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import uvloop

from benchmarks import machine
from benchmarks.bench import FULL, QUICK, Bench
from benchmarks.cases import CASES
from benchmarks.figures import Figure
from benchmarks.report import as_json, table, unreached

_BUSY_SHARE = 0.1


def main() -> None:
    """Run the cases that were asked for."""
    options = _parser().parse_args()
    if options.list:
        for name, case in CASES.items():
            print(f"{name:<12} {(case.__doc__ or '').splitlines()[0]}")
        return
    server_core, client_core = _take_cores()
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    # What the generator allocates lives to the end of a round or dies at once: nothing to be found by pauses.
    gc.disable()
    began = time.monotonic()
    about: dict[str, Any] = {
        "mode": "quick" if options.quick else "full",
        "server_core": server_core,
        "client_core": client_core,
        "began_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    others = machine.Others()
    figures = [figure for name in options.case or CASES for figure in _run(name, server_core, quick=options.quick)]
    about["took_s"] = round(time.monotonic() - began)
    about["others_share"] = others.share()
    print(_heading(about))
    print(table(figures))
    for missed in unreached(figures):
        print(f"not reached: {missed}")
    if options.json:
        options.json.write_text(json.dumps(as_json(figures, about), indent=1) + "\n")
        print(f"as JSON: {options.json}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure the server beside others.")
    parser.add_argument("--quick", action="store_true", help="smaller sizes and fewer rounds: within two minutes")
    parser.add_argument("--case", action="append", choices=CASES, help="only this one; may be repeated")
    parser.add_argument("--list", action="store_true", help="list the cases")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured to a file, too")
    return parser


def _take_cores() -> tuple[int | None, int | None]:
    """A core for the servers, and another that this process takes; None where there is but one."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        print("one core only: the load generator takes from the servers what they are measured by", file=sys.stderr)
        return None, None
    os.sched_setaffinity(0, {cores[1]})
    return cores[0], cores[1]


def _run(name: str, server_core: int | None, *, quick: bool) -> list[Figure]:
    gc.collect()
    with tempfile.TemporaryDirectory(prefix="gameserver-bench-") as directory:
        bench = Bench(name, QUICK if quick else FULL, Path(directory), server_core)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(CASES[name](bench))


def _heading(about: dict[str, Any]) -> str:
    on = machine.describe()
    sizes = "quick (smaller sizes, fewer rounds)" if about["mode"] == "quick" else "full"
    busy = "; a busy machine: trust no single figure" if about["others_share"] > _BUSY_SHARE else ""
    return (
        f"{on['cpu']}, {on['cores']} cores, Python {on['python']}, SQLite {on['sqlite']}\n"
        f"{sizes}, {about['took_s']} s; other programs took {about['others_share']:.0%} of the machine{busy}\n"
        "medians of the rounds; client: the share of its core that the load generator used (! if it was the limit)\n"
    )


if __name__ == "__main__":
    main()
