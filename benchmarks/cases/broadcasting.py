"""One message to many: a lone one, to more than usual too, and many back to back."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass

from benchmarks.audience import Audience
from benchmarks.bench import Bench
from benchmarks.figures import GAMESERVER, Figure, at_least, at_most
from benchmarks.load import Client, connect
from benchmarks.operator import Operator
from benchmarks.rates import busyness
from benchmarks.world import PAST_EVENTS, World, WorldMaker

SUBSCRIBERS = 1_000
_CROWD = 10_000
FRAME_BYTES = 600
_TIMEOUT_S = 120.0
PAYLOAD_BYTES = FRAME_BYTES - 4
_OPERATORS = 40
# Each of the first fifteen or so messages of a connection costs the sender up to a half more, whoever it is: the system
# acknowledges the first segments of a connection one by one. Who watches a game has long got more.
_WARM_UP = 20


Trigger = Callable[[int], Coroutine[None, None, None]]


@dataclass(frozen=True)
class Stage:
    """A server with its audience: ``trigger`` asks it for so many broadcasts, all at once.

    Of ours, ``trigger_by_many`` asks over many connections, and ``commit`` for events that nobody subscribes to.
    """

    audience: Audience
    trigger: Trigger
    trigger_by_many: Trigger | None = None
    commit: Trigger | None = None


async def broadcast(bench: Bench) -> list[Figure]:
    """One broadcast of 600 bytes to 1,000 subscribers, and many back to back."""
    burst = bench.sizes.burst_broadcasts
    lone_targets = (at_least(1.2, "websockets"), at_least(0.85, "bare loop of send"))
    lone = Figure(f"one broadcast of {FRAME_BYTES} bytes to {SUBSCRIBERS:,} subscribers", "deliveries/s", lone_targets)
    many = Figure(f"{burst} broadcasts back to back to the same", "deliveries/s", (at_least(5, "websockets"),))
    spread = Figure(f"the same {burst}, asked for over {_OPERATORS} connections", "deliveries/s")
    stored = Figure("one event of a game without subscribers, until it is on disk and answered", "ms")
    alone = Figure(f"{burst} events of a game without subscribers, back to back", "ms")
    figures = [lone, stored, many, spread, alone]
    world = _world(bench)

    async def measure_ours() -> None:
        async with _gameserver(bench, world, SUBSCRIBERS) as stage:
            await _measure(bench, GAMESERVER, stage, figures)

    def measure_peer(who: str, name: str, *arguments: str) -> Callable[[], Awaitable[None]]:
        async def measure() -> None:
            async with _peer(bench, SUBSCRIBERS, name, *arguments) as stage:
                await _measure(bench, who, stage, figures)

        return measure

    await bench.in_turn(
        {
            GAMESERVER: measure_ours,
            "websockets": measure_peer("websockets", "websockets_server"),
            "websockets on uvloop": measure_peer("websockets on uvloop", "websockets_server", "--uvloop"),
            "bare loop of send": measure_peer("bare loop of send", "bare_sockets"),
            "trio-websocket": measure_peer("trio-websocket", "trio_websocket_server"),
        },
        only_shown=("websockets on uvloop", "trio-websocket"),
    )
    return figures


async def crowd(bench: Bench) -> list[Figure]:
    """One broadcast of 600 bytes to 10,000 subscribers, beside a bare loop of ``send``."""
    name = f"one broadcast of {FRAME_BYTES} bytes, until each of {_CROWD:,} subscribers has it"
    # A loop that takes t is 0.85 times as quick as one that takes 0.85 t.
    told = Figure(name, "ms", (at_most(110), at_most(1 / 0.85, "bare loop of send")))
    world = _world(bench)

    async def measure(who: str, stage: Stage) -> None:
        await _warm_up(stage)
        with busyness() as busy:
            times = [await deliver(stage, stage.trigger, 1) for _ in range(bench.sizes.lone_broadcasts)]
        told.add(who, statistics.median(times) * 1000, busy.share)
        stage.audience.check()

    async def measure_ours() -> None:
        async with _gameserver(bench, world, _CROWD) as stage:
            await measure(GAMESERVER, stage)

    async def measure_bare() -> None:
        async with _peer(bench, _CROWD, "bare_sockets") as stage:
            await measure("bare loop of send", stage)

    rounds = bench.sizes.scene_rounds
    await bench.in_turn({GAMESERVER: measure_ours, "bare loop of send": measure_bare}, rounds=rounds)
    return [told]


def _world(bench: Bench) -> World:
    maker = WorldMaker(bench.directory / "world")
    for _ in range(2):
        maker.add_game(["Argentina", "Brazil"], events=PAST_EVENTS)
    return maker.finish()


@asynccontextmanager
async def _gameserver(bench: Bench, world: World, subscribers: int) -> AsyncIterator[Stage]:
    with bench.gameserver(world.copy_to(bench.new_directory())) as server:
        audience = Audience()
        await audience.connect(subscribers, server.port, world.admin_key)
        await audience.join(world.game_ids[0])
        clients = [await connect(Client(), server.port, world.admin_key) for _ in range(_OPERATORS)]
        one = Operator(clients[:1], world.game_ids[0], FRAME_BYTES)
        several = Operator(clients, world.game_ids[0], FRAME_BYTES)
        elsewhere = Operator(clients[:1], world.game_ids[1], FRAME_BYTES)
        for operator in (one, several, elsewhere):
            await operator.prepare()
        audience.payload_bytes = PAYLOAD_BYTES
        yield Stage(audience, one.register, several.register, elsewhere.register)


@asynccontextmanager
async def _peer(bench: Bench, subscribers: int, name: str, *arguments: str) -> AsyncIterator[Stage]:
    with bench.peer(name, *arguments) as server:
        audience = Audience(PAYLOAD_BYTES)
        await audience.connect(subscribers, server.port, path="/subscribe")
        control = await connect(Client(), server.port, path="/control")

        async def trigger(count: int) -> None:
            control.send(f"{count} {PAYLOAD_BYTES}".encode())

        yield Stage(audience, trigger)


async def _measure(bench: Bench, who: str, stage: Stage, figures: list[Figure]) -> None:
    lone, stored, many, spread, alone = figures
    burst = bench.sizes.burst_broadcasts
    await _warm_up(stage)
    with busyness() as busy:
        times = [await deliver(stage, stage.trigger, 1) for _ in range(bench.sizes.lone_broadcasts)]
    lone.add(who, SUBSCRIBERS / statistics.median(times), busy.share)
    for figure, trigger in ((many, stage.trigger), (spread, stage.trigger_by_many)):
        if trigger is not None:
            with busyness() as busy:
                took_s = await deliver(stage, trigger, burst)
            figure.add(who, SUBSCRIBERS * burst / took_s, busy.share)
    if stage.commit is not None:
        with busyness() as busy:
            times = [await _time(stage.commit) for _ in range(bench.sizes.lone_broadcasts)]
        stored.add(who, statistics.median(times) * 1000, busy.share)
        with busyness() as busy:
            await stage.commit(burst)
        alone.add(who, busy.seconds * 1000, busy.share)
    stage.audience.check()


async def _warm_up(stage: Stage) -> None:
    for _ in range(_WARM_UP):
        await deliver(stage, stage.trigger, 1)


async def deliver(stage: Stage, trigger: Trigger, count: int) -> float:
    """How long it takes from the trigger until each subscriber has each of the messages, in seconds."""
    everywhere = stage.audience.expect(count)
    began = time.perf_counter()
    async with asyncio.timeout(_TIMEOUT_S), asyncio.TaskGroup() as group:
        group.create_task(trigger(count))
        await everywhere
        return time.perf_counter() - began


async def _time(trigger: Trigger) -> float:
    """How long one takes to be answered, in seconds."""
    began = time.perf_counter()
    await trigger(1)
    return time.perf_counter() - began
