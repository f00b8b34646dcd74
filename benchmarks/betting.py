"""Durable bets, and the settlement of a big pool while others go on."""

import asyncio
import json
import statistics
import time
from pathlib import Path

from benchmarks.history import History
from benchmarks.load import LoadClient
from benchmarks.server import ServerProcess, server_process
from gameserver.handlers.admin import AddUser, OpenSession
from gameserver.storage.users import User

CONNECTIONS = (1, 16, 64, 256)
GAMES = 1_000


def _prepare(file: Path, old_bets: int, big_pool: int) -> tuple[list[str], str, str, str, str]:
    """A database with bettors, a pool to bet in, and a past; bettors' keys, pools and the admin's key."""
    history = History(file)
    admin_row = history.command(AddUser("admin", is_provider=True))
    admin = User(admin_row["id"], "admin", True)
    source_id = history.request(admin, 365, source_name="bench")["source_id"]
    old = history.bettors(100, "old")
    if old_bets:
        for _ in range(GAMES):
            _, pool_id = history.game_with_pool(admin, source_id)
            history.place_bets(pool_id, old, old_bets // GAMES)
    big_game, big = history.game_with_pool(admin, source_id)
    if big_pool:
        history.place_bets(big, history.bettors(1_000, "many"), big_pool)
    _, pool_id = history.game_with_pool(admin, source_id)
    history.bettors(max(CONNECTIONS), "live")
    keys = [_key(history, number) for number in range(max(CONNECTIONS))]
    history.close()
    return keys, pool_id, big_game, big, admin_row["session_key"]


def _key(history: History, number: int) -> str:
    key: str = history.command(OpenSession(f"live{number}"))["session_key"]
    return key


def measure(directory: Path, core: int | None, seconds: float, old_bets: int, big_pool: int) -> dict[str, float]:
    """Bets a second with p50 and p99 for several numbers of connections; the settlement of a big pool."""
    directory.mkdir(parents=True, exist_ok=True)
    prepared = _prepare(directory / "bench.db", old_bets, big_pool)
    with server_process(directory, core) as server:
        return asyncio.run(_measure(server, seconds, old_bets, big_pool, *prepared))


async def _measure(
    server: ServerProcess,
    seconds: float,
    old_bets: int,
    big_pool: int,
    keys: list[str],
    pool_id: str,
    big_game: str,
    big: str,
    admin_key: str,
) -> dict[str, float]:
    figures: dict[str, float] = {}
    clients = [await LoadClient.connect(server.port, key) for key in keys]
    for count in CONNECTIONS:
        times = await _bet(clients[:count], pool_id, seconds)
        name = f"{old_bets:,} bets in the file, {count} connections"
        figures[f"{name}: durable bets/s"] = len(times) / seconds
        figures[f"{name}: p50, ms"] = statistics.median(times) * 1000
        figures[f"{name}: p99, ms"] = statistics.quantiles(times, n=100)[98] * 1000
    if big_pool:
        figures |= await _settle(server, clients[:9], big_game, pool_id, admin_key, big_pool)
    return figures


async def _bet(clients: list[LoadClient], pool_id: str, seconds: float) -> list[float]:
    """How long each bet took."""
    bet = {"op": 392, "pool_id": pool_id, "target": "argentina", "amount": 1}
    deadline = time.perf_counter() + seconds
    times: list[float] = []

    async def work(client: LoadClient) -> None:
        while (began := time.perf_counter()) < deadline:
            await client.call_until(bet, b'"res":356')
            times.append(time.perf_counter() - began)

    await asyncio.gather(*map(work, clients))
    return times


async def _settle(
    server: ServerProcess, clients: list[LoadClient], game_id: str, pool_id: str, admin_key: str, bets: int
) -> dict[str, float]:
    """Settle the big pool while one client pings, one reads and the others bet."""
    admin = await LoadClient.connect(server.port, admin_key)
    done = asyncio.Event()
    pings: list[float] = []
    reads: list[float] = []
    writes: list[float] = []

    async def repeat(client: LoadClient, request: dict[str, object], expected: bytes, times: list[float]) -> None:
        while not done.is_set():
            began = time.perf_counter()
            await client.call_until(request, expected)
            times.append(time.perf_counter() - began)
            await asyncio.sleep(0.001)

    bet = {"op": 392, "pool_id": pool_id, "target": "argentina", "amount": 1}
    work = [
        asyncio.create_task(repeat(clients[0], {"op": 1}, b'"res":1', pings)),
        asyncio.create_task(repeat(clients[1], {"op": 393, "pool_id": pool_id}, b'"res":360', reads)),
        *(asyncio.create_task(repeat(client, bet, b'"res":356', writes)) for client in clients[2:]),
    ]
    await asyncio.sleep(0.3)
    for times in (pings, reads, writes):
        times.clear()
    began = time.perf_counter()
    event = {"op": 395, "game_id": game_id, "action_id": "goal", "target_id": "argentina"}
    reply = json.loads(await admin.call_until(event, b'"res":366'))
    took = time.perf_counter() - began
    assert reply["res"] == 366
    done.set()
    await asyncio.gather(*work)
    return {
        f"settle a pool of {bets:,} bets, ms": took * 1000,
        "  meanwhile: ping p99, ms": statistics.quantiles(pings, n=100)[98] * 1000,
        "  meanwhile: longest ping, ms": max(pings) * 1000,
        "  meanwhile: longest read, ms": max(reads) * 1000,
        "  meanwhile: longest wait of another write, ms": max(writes) * 1000,
    }
