"""``python -m benchmarks``: measure the running server and print a line a case."""

import argparse
import asyncio
import json
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from benchmarks import betting
from benchmarks.load import LoadClient
from benchmarks.server import ServerProcess, machine, server_process

CONNECTIONS = 64
SQUAD = [f"{team}:{number}" for team in ("Argentina", "Brazil") for number in range(1, 30)]


def main() -> None:
    """Run every case."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure the running server.")
    parser.add_argument("--seconds", type=float, default=3.0, help="of load in a round (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="of which the median counts (%(default)s)")
    parser.add_argument("--idle", type=int, default=2_000, help="idle connections to open (%(default)s)")
    parser.add_argument("--bets", type=int, default=1_000_000, help="in the file for betting with a past (%(default)s)")
    parser.add_argument("--pool", type=int, default=100_000, help="bets in the big pool that is settled (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    cores = sorted(os.sched_getaffinity(0))
    core = cores[0] if len(cores) > 1 else None
    if len(cores) > 1:
        os.sched_setaffinity(0, {cores[1]})
    with tempfile.TemporaryDirectory() as directory:
        with server_process(Path(directory), core) as server:
            figures = asyncio.run(_measure(server, options))
        figures |= betting.measure(Path(directory, "empty"), core, options.seconds, 0, options.pool)
        figures |= betting.measure(Path(directory, "past"), core, options.seconds, options.bets, 0)
    if options.json:
        print(json.dumps({"machine": machine(), "figures": figures}))
    else:
        for name, figure in figures.items():
            print(f"{name:<62}{figure:>12,.1f}")


async def _measure(server: ServerProcess, options: argparse.Namespace) -> dict[str, float]:
    key = server.add_user("bench", provider=True)
    before = server.resident_bytes()
    began = time.perf_counter()
    idle = [await LoadClient.connect(server.port, key) for _ in range(options.idle)]
    accepted_in_s = time.perf_counter() - began
    held = (server.resident_bytes() - before) / options.idle
    for client in idle:
        client.close()

    clients = [await LoadClient.connect(server.port, key) for _ in range(CONNECTIONS)]
    source_id = json.loads(await clients[0].call({"op": 365, "source_name": "bench"}))["source_id"]
    game = {"op": 370, "source_id": source_id, "game_name": "Argentina - Brazil", "type": "football"}
    small = {**game, "actions": ["Goal", "Offside"], "targets": ["Argentina", "Brazil", "Argentina:1", "Brazil:7"]}
    large = {**game, "actions": ["Goal", "Offside"], "targets": SQUAD}
    game_id = json.loads(await clients[0].call(large))["game_id"]

    async def rate(request: dict[str, Any]) -> float:
        rounds = [
            await _rate(clients, lambda client: client.call(request), options.seconds) for _ in range(options.rounds)
        ]
        return statistics.median(rounds)

    return {
        "start-up, ms": server.started_in_s * 1000,
        f"accept {options.idle} connections, connections/s": options.idle / accepted_in_s,
        f"memory of an idle connection ({options.idle} of them), KB": held / 1000,
        f"ping, {CONNECTIONS} connections, requests/s": await rate({"op": 1}),
        f"durable create_and_open_game, {CONNECTIONS} connections, /s": await rate(small),
        f"get_game_details of 60 targets, {CONNECTIONS} connections, /s": await rate({"op": 372, "game_id": game_id}),
    }


async def _rate(clients: list[LoadClient], call: Callable[[LoadClient], Awaitable[bytes]], seconds: float) -> float:
    """Calls a second, each client making one after the other."""
    deadline = time.perf_counter() + seconds

    async def work(client: LoadClient) -> int:
        count = 0
        while time.perf_counter() < deadline:
            reply = await call(client)
            assert b'"res":666' not in reply, reply
            count += 1
        return count

    began = time.perf_counter()
    counts = await asyncio.gather(*(work(client) for client in clients))
    return sum(counts) / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
