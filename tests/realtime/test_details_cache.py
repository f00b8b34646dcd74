import math
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
import trio.testing

from gameserver.engine.details import LastingDetails
from gameserver.protocol.declare import RequestHeader
from gameserver.protocol.games import GetGameDetails
from gameserver.realtime.details_cache import DetailsCache
from tests.support.harness import START_MS, Server, run_inline, running_server

GAME, OTHER, THIRD = (f"00000000-0000-7000-8000-00000000000{number}" for number in range(3))


class Reads:
    """Readings of details, counted; each waits for its turn if told to."""

    def __init__(self, until_ms: float = math.inf, size: int = 10) -> None:
        self.count = 0
        self.until_ms = until_ms
        self._size = size

    async def __call__(self) -> LastingDetails:
        self.count += 1
        body = b"%d" % self.count * self._size
        await trio.lowlevel.checkpoint()
        return LastingDetails(body, self.until_ms)


async def test_what_was_read_is_kept_until_the_game_changes() -> None:
    details, read = DetailsCache(), Reads()
    first = await details.get(GAME, 0, read)
    assert await details.get(GAME, 10**15, read) == first
    details.invalidate(OTHER)
    assert await details.get(GAME, 0, read) == first
    details.invalidate(GAME)
    assert await details.get(GAME, 0, read) != first
    assert read.count == 2


async def test_it_is_kept_no_longer_than_time_lets_it_be_true() -> None:
    details, read = DetailsCache(), Reads(until_ms=1_000)
    await details.get(GAME, 0, read)
    await details.get(GAME, 999, read)
    assert read.count == 1
    await details.get(GAME, 1_000, read)
    assert read.count == 2


async def test_what_was_read_while_the_game_changed_is_not_kept() -> None:
    details, read = DetailsCache(), Reads()

    async def changing() -> LastingDetails:
        found = await read()
        details.invalidate(GAME)
        return found

    assert await details.get(GAME, 0, changing) == b"1" * 10
    assert await details.get(GAME, 0, read) == b"2" * 10


async def test_of_two_readings_at_once_the_later_is_kept() -> None:
    details, read = DetailsCache(), Reads()
    early, late = trio.Event(), trio.Event()

    async def slow() -> LastingDetails:
        found = await read()
        early.set()
        await late.wait()
        return found

    async with trio.open_nursery() as nursery:
        nursery.start_soon(details.get, GAME, 0, slow)
        await early.wait()
        assert await details.get(GAME, 0, read) == b"2" * 10
        late.set()
    assert await details.get(GAME, 0, read) == b"2" * 10


async def test_a_reading_that_fails_leaves_nothing() -> None:
    details, read = DetailsCache(), Reads()

    async def failing() -> LastingDetails:
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        await details.get(GAME, 0, failing)
    assert await details.get(GAME, 0, read) == b"1" * 10


async def test_no_more_is_kept_than_so_many_bytes_and_the_least_used_goes_first() -> None:
    details, reads = DetailsCache(max_bytes=25), {uuid: Reads() for uuid in (GAME, OTHER, THIRD)}
    for uuid in (GAME, OTHER, GAME, THIRD, GAME, OTHER):
        await details.get(uuid, 0, reads[uuid])
    assert {uuid: read.count for uuid, read in reads.items()} == {GAME: 1, OTHER: 2, THIRD: 1}


async def test_what_is_read_again_counts_once() -> None:
    details, reads = DetailsCache(max_bytes=25), {uuid: Reads() for uuid in (GAME, OTHER)}
    reads[GAME].until_ms = 0
    for _ in range(9):
        for uuid in (GAME, OTHER):
            await details.get(uuid, 0, reads[uuid])
    assert [read.count for read in reads.values()] == [9, 1]


async def test_what_is_dropped_for_every_game_is_read_again_also_where_it_was_being_read() -> None:
    details, reads = DetailsCache(), {uuid: Reads() for uuid in (GAME, OTHER)}
    await details.get(GAME, 0, reads[GAME])

    async def read_until_dropped() -> LastingDetails:
        details.invalidate_all()
        return await reads[OTHER]()

    await details.get(OTHER, 0, read_until_dropped)
    for uuid, read in reads.items():
        await details.get(uuid, 0, read)
        await details.get(uuid, 0, read)
    assert [read.count for read in reads.values()] == [2, 2]


async def test_what_is_too_big_is_not_kept() -> None:
    details, big, small = DetailsCache(max_bytes=25), Reads(size=26), Reads()
    await details.get(GAME, 0, big)
    await details.get(OTHER, 0, small)
    await details.get(GAME, 0, big)
    assert big.count == 2


@pytest.mark.parametrize(
    ("request_", "serves"),
    [
        (GetGameDetails(game_id=GAME), True),
        (GetGameDetails(game_id=GAME, header=RequestHeader(id=7)), True),
        (GetGameDetails(game_id=GAME, limit=99), False),
        (GetGameDetails(game_id=GAME, before=OTHER), False),
        (GetGameDetails(game_id=GAME, with_voided=True), False),
    ],
)
def test_only_the_usual_question_is_answered_from_what_is_kept(request_: GetGameDetails, serves: bool) -> None:
    assert DetailsCache.serves(request_) is serves


@pytest.fixture
async def server(database: Path) -> AsyncIterator[Server]:
    async with running_server(database, run_sync=run_inline) as running:
        yield running


async def test_every_change_of_a_game_shows_in_its_details_at_once(server: Server) -> None:
    admin = await server.connect("provider")
    watcher = await server.connect("watcher")
    source_id = await server.open_source(admin)
    game_id = await server.open_game(admin, source_id, open_at=START_MS + 500)

    async def shown() -> dict[str, object]:
        details = await watcher.call(372, game_id=game_id)
        again = await watcher.call(372, game_id=game_id)
        assert {**again, "response_header": None} == {**details, "response_header": None}
        return details

    assert (await shown())["status"] == "betting_not_yet_active"
    server.clock.time_ms = START_MS + 500
    assert (await shown())["status"] != "betting_not_yet_active"
    await admin.call(616, game_id=game_id)
    await admin.call(373, game_id=game_id, targets=["Chile"], image_url="https://example.org/a.png")
    assert (await shown())["image_url"] == "https://example.org/a.png"
    event_id = (await admin.call(395, game_id=game_id, action_id="goal", target_id="chile"))["event_id"]
    assert (await shown())["game_state"] == {"goal": {"chile": 1}}
    await admin.call(3951, game_id=game_id, event_id=event_id)
    assert ((await shown())["game_state"], (await shown())["past_events"]) == ({}, {})
    await admin.call(369, source_id=source_id, source_name="Cup")
    assert (await shown())["source_name"] == "Cup"
    pool = await admin.call(385, game_id=game_id, description="?", type=3)
    assert (await admin.call(375, game_id=game_id))["code"] == "manual_pools_remain"
    assert (await shown())["status"] == "game_in_progress_betting_closed"
    await admin.call(395, pool_id=pool["pool_id"], target_id="yes")
    await admin.call(375, game_id=game_id)
    assert (await shown())["status"] == "game_closed"
