"""A feed registers each event once, whatever happens between."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

import gameserver.feed
from gameserver.client import connect
from gameserver.feed.feeding import Feed
from gameserver.feed.mapping import Entry, Mapping
from gameserver.feed.reading import FeedFailed, NotMapped, read_records
from tests.support.clients import URL, Network, client_of
from tests.support.harness import START_MS, FakeClock, Server, run_inline, running_server
from tests.support.settling import Table, lay_table
from tests.support.world import RunningClock, within

FINAL = Path(gameserver.feed.__file__).with_name("world_cup_final_2022.jsonl")
GOAL = Entry(id="g1", action="Goal", target="Argentina:1")


@pytest.fixture
async def table(server: Server, clock: FakeClock) -> Table:
    """A game that is fed."""
    return await lay_table(server, clock)


@asynccontextmanager
async def feed_of(table: Table, *, speed: float | None = None) -> AsyncIterator[Feed]:
    """A feed that has just been started."""
    async with within(), client_of(table.server, "provider") as client:
        feed = Feed(client, table.game, speed=speed)
        await feed.prepare()
        yield feed


async def tell(table: Table, *entries: Entry) -> list[str]:
    """What a feed that is started anew does with each entry."""
    async with feed_of(table) as feed:
        return [(await feed.tell(entry)).what for entry in entries]


async def counts(table: Table) -> dict[str, int]:
    state: dict[str, dict[str, int]] = (await table.details())["game_state"]
    return {target: count for target, count in state.get("goal", {}).items() if count}


async def test_an_event_is_registered_once_however_often_the_feed_is_started(table: Table) -> None:
    another = Entry(id="g2", action="goal", target="Brazil", happened_at=START_MS)
    assert await tell(table, GOAL) == ["registered"]
    assert await tell(table, GOAL, another) == ["known", "registered"]
    assert await tell(table, GOAL, another) == ["known", "known"]
    assert await counts(table) == {"argentina": 1, "argentina:1": 1, "brazil": 1}


async def test_a_correction_is_made_once_however_often_the_feed_is_started(table: Table) -> None:
    entries = (
        GOAL,
        Entry(amend="g1", target="Argentina:2"),
        Entry(id="g2", action="Goal", target="Brazil:7"),
        Entry(void="g2", reason="offside"),
        Entry(amend="g1", description="with the hand"),
    )
    assert await tell(table, *entries) == ["registered", "amended", "registered", "voided", "amended"]
    seq = (await table.details())["seq"]
    for known in range(1, 6):
        assert await tell(table, *entries[:known]) == ["known"] * known
    after = await table.details()
    assert after["seq"] == seq
    assert await counts(table) == {"argentina": 1, "argentina:2": 1}
    (event,) = after["past_events"].values()
    assert event["description"] == "with the hand"


async def test_a_feed_that_stopped_between_an_event_and_its_correction_corrects_it(table: Table) -> None:
    await tell(table, GOAL)
    assert await tell(table, GOAL, Entry(void="g1")) == ["known", "voided"]
    assert await counts(table) == {}


async def test_what_the_game_may_have_is_added(table: Table) -> None:
    card = Entry(id="c1", action="Red Card", target="Chile:9")
    with pytest.raises(NotMapped):
        await tell(table, card)
    line_up = Entry(actions=["Red Card"], targets=["Chile:9"])
    assert await tell(table, line_up, card, line_up) == ["added", "registered", "added"]


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (Entry(id="e", action="Dive", target="Argentina"), "Dive"),
        (Entry(id="e", action="Goal", target="Peru"), "Peru"),
        (Entry(id="e", action="Goal", target="Brazil", happened_at=START_MS + 1), "future"),
        (Entry(void="unheard-of"), "no event 'unheard-of'"),
        (Entry(amend="unheard-of", target="Brazil"), "no event 'unheard-of'"),
    ],
)
async def test_what_the_game_does_not_have_is_told_and_the_feed_goes_on(
    table: Table, entry: Entry, reason: str
) -> None:
    async with feed_of(table) as feed:
        with pytest.raises(NotMapped, match=reason):
            await feed.tell(entry)
        assert (await feed.tell(GOAL)).what == "registered"


async def test_a_closed_game_ends_the_feed(table: Table) -> None:
    async with feed_of(table) as feed:
        await table.admin.call(375, game_id=table.game)
        with pytest.raises(FeedFailed, match="closed"):
            await feed.tell(GOAL)


async def test_an_event_whose_reply_is_lost_is_registered_once(table: Table) -> None:
    network = Network(table.server)
    async with within(), connect(URL, await table.server.key_of("provider"), open_stream=network.open) as client:
        feed = Feed(client, table.game, speed=None)
        await feed.prepare()
        network.lose_the_next_reply()
        assert (await feed.tell(GOAL)).what == "registered"
    assert network.opened == 2
    assert await counts(table) == {"argentina": 1, "argentina:1": 1}


async def test_a_feed_waits_for_a_server_that_is_away(table: Table) -> None:
    network = Network(table.server)
    async with within(), connect(URL, await table.server.key_of("provider"), open_stream=network.open) as client:
        feed = Feed(client, table.game, speed=None)
        await feed.prepare()
        network.server = None
        await network.cut()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(feed.tell, GOAL)
            await trio.testing.wait_all_tasks_blocked(0.01)
            network.server = table.server
    assert await counts(table) == {"argentina": 1, "argentina:1": 1}


async def test_with_a_speed_entries_are_as_far_apart_as_they_were_and_happen_when_they_are_told(
    database: Path, autojump_clock: MockClock
) -> None:
    clock = RunningClock()
    async with running_server(database, clock, run_inline) as server:
        table = await lay_table(server, clock)
        entries = [
            Entry(id="g1", action="Goal", target="Brazil", happened_at=1_000_000),
            Entry(id="g2", action="Goal", target="Chile", happened_at=1_120_000),
            Entry(void="g2", at=1_180_000),
            Entry(id="g3", action="Goal", target="Brazil", happened_at=1_180_000, at=1_240_000),
        ]
        async with client_of(server, "provider", timeout_s=1000) as client:
            feed = Feed(client, table.game, speed=60, now_s=lambda: clock.now_ms() / 1000)
            began, told_s = trio.current_time(), []
            await feed.prepare()
            for entry in entries:
                await feed.tell(entry)
                told_s.append(round(trio.current_time() - began, 1))
            assert told_s == [0, 2, 3, 4]
            events = (await table.details())["past_events"].values()
            assert {it["external_id"]: it["registered_at"] - it["happened_at"] for it in events} == {
                "g1": 0,
                "g3": pytest.approx(1000, abs=50),
            }
            again = Feed(client, table.game, speed=60, now_s=lambda: clock.now_ms() / 1000)
            await again.prepare()
            began = trio.current_time()
            for entry in (*entries, Entry(id="g4", action="Goal", target="Chile", happened_at=1_300_000)):
                await again.tell(entry)
            assert round(trio.current_time() - began, 1) == 1  # it goes on from what was told last


async def entries_of(file: Path) -> list[Entry]:
    records = read_records(str(file), is_csv=False, follow=False)
    return [Mapping([]).entry(record.fields) async for record in records if isinstance(record.fields, dict)]


async def test_the_final_of_2022_ends_as_it_did(table: Table) -> None:
    entries = await entries_of(FINAL)
    async with feed_of(table) as feed:
        for entry in entries:
            await feed.tell(untimed(entry))
    details = await table.details()
    state: dict[str, Any] = details["game_state"]
    assert (state["goal"]["argentina"], state["goal"]["france"]) == (3, 3)
    assert (state["shoot-out-goal"]["argentina"], state["shoot-out-goal"]["france"]) == (4, 2)
    assert state["goal"] == {
        "argentina": 3,
        "argentina:messi": 2,
        "argentina:di-maría": 1,
        "france": 3,
        "france:mbappé": 3,
    }


def untimed(entry: Entry) -> Entry:
    """An entry that happens when it is told: the game is made today."""
    return Entry(
        **{name: getattr(entry, name) for name in Entry.__struct_fields__ if name not in ("happened_at", "at")}
    )
