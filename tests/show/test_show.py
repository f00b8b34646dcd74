"""A game as it is shown in a terminal and in a pipe."""

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import msgspec
import pytest
import trio
from rich.console import Console

from gameserver.client import Client
from gameserver.protocol.betting import BettingPoolBetsDistributionUpdate
from gameserver.protocol.pools import TargetSums
from gameserver.protocol.steering import BettingInPoolBlocked, HotBettingPoolSuggested
from gameserver.show.picture import picture
from gameserver.show.view import GameView, PoolShown
from gameserver.show.watching import keep_up, show
from tests.support.clients import client_of
from tests.support.harness import START_MS, FakeClock, Server
from tests.support.settling import Table, lay_table
from tests.support.world import within


@pytest.fixture
async def table(server: Server, clock: FakeClock) -> Table:
    """A game whose goals count, between two teams."""
    return await lay_table(server, clock, targets="Argentina:Messi,France:Mbappé", scores={"Goal": 1})


class Watched:
    """A view that is kept up to date, and the lines told so far."""

    def __init__(self, view: GameView, client: Client) -> None:
        self.view = view
        self.lines: list[str] = []
        self._client = client
        self._told = trio.Event()

    def tell(self, at: int, line: str) -> None:
        self.lines.append(line)
        self._told.set()

    async def until(self, line: str) -> None:
        """Wait until a line has been told."""
        while line not in self.lines:
            self._told = trio.Event()
            await self._told.wait()

    def shown(self, now_ms: int = START_MS, height: int = 60) -> str:
        """What the picture shows, as text."""
        console = Console(width=120, file=io.StringIO(), record=True)
        console.print(picture(self.view, now_ms, height, {"bets/s": "12"}))
        return console.export_text()


@asynccontextmanager
async def watched(table: Table) -> AsyncIterator[Watched]:
    async with within(10), client_of(table.server, "watcher") as client, trio.open_nursery() as nursery:
        watched = Watched(GameView(table.game), client)
        await nursery.start(keep_up, client, watched.view, watched.tell)
        yield watched
        nursery.cancel_scope.cancel()


async def pool_on_goals(table: Table) -> str:
    return await table.pool(description="Who scores?", targets=["argentina", "france"])


async def test_what_happens_is_told_a_line_each(table: Table) -> None:
    async with watched(table) as game:
        pool = await pool_on_goals(table)
        await game.until("pool open: Who scores?")
        await table.bet("ann", pool, "argentina", 30)
        await table.bet("bob", pool, "france", 10)
        event = await table.event("argentina:messi", 5, description="penalty")
        await table.void(event, reason="offside")
        await table.event("france:mbappé", 9)
        await table.admin.call(375, game_id=table.game)
        await game.until("the game is closed")
    assert game.lines == [
        "pool open: Who scores?",
        "Goal: Argentina Messi (penalty)",
        "pool ended: Who scores?: Argentina, paid 1.33 for 1",
        "taken back: Goal: Argentina Messi (offside)",
        "pool open: Who scores?",
        "Goal: France Mbappé",
        "pool ended: Who scores?: France, paid 4.00 for 1",
        "the game is closed",
    ]


async def test_the_picture_shows_score_pools_table_chat_and_figures(table: Table) -> None:
    first = await pool_on_goals(table)
    await table.bet("ann", first, "argentina", 30)
    await table.bet("bob", first, "france", 10)
    await table.event("argentina:messi", 5)
    second = await table.pool(description="Again?", targets=["argentina", "france"])
    await table.bet("ann", second, "france", 25)
    table.set_time(7)
    await table.admin.call(374, game_id=table.game, period="2H", elapsed_ms=80 * 60_000, is_running=True, at=START_MS)
    async with watched(table) as game:
        await table.admin.call(363, game_id=table.game)
        await table.admin.call(900, text="Vamos\n[bold]!")
        await table.admin.call(397, pool_id=second)
        await table.event("france:mbappé", 9, description="2-2")
        await game.until("pool ended: Again?: France, paid 1.00 for 1")
        shown = game.shown(START_MS + 60_000)
    for text in ("Argentina 1 - 1 France", "2H 81'", "2 watching", "provider: Vamos [bold]!", "bets/s 12", "+10.00"):
        assert text in shown
    assert "Goal: Argentina Messi" in shown  # from before it was watched


async def test_the_picture_shows_control_characters_as_escapes(table: Table) -> None:
    red = "\x1b[31m\n"
    await table.admin.call(373, game_id=table.game, labels={"argentina": {"display_name": f"Argentina{red}"}})
    pool = await table.pool(description=f"Who?{red}", targets=["argentina", "france"])
    await table.bet("ann", pool, "argentina", 30)
    await table.admin.call(374, game_id=table.game, period=f"2H{red}", elapsed_ms=0, is_running=False)
    async with watched(table) as game:
        await table.event("france:mbappé", 9, description=f"2-2{red}")
        await game.until(f"Goal: France Mbappé (2-2{red})")
        shown = game.shown()
    assert "\x1b" not in shown
    for text in ("Argentina", "2H", "2-2"):
        assert f"{text}\\x1b[31m\\n" in shown


@pytest.mark.parametrize("height", [16, 20, 24, 36, 40, 60])
async def test_the_picture_is_no_higher_than_the_terminal_and_shows_something_of_everything(
    table: Table, height: int
) -> None:
    for user, target in (("ann", "argentina"), ("bob", "france")):
        await table.bet(user, await pool_on_goals(table), target, 5)
    for number in range(9):
        await table.event("argentina:messi", number, description=f"number {number}")
    table.set_time(10)
    for number in range(8):
        pool = await table.pool(description=f"Pool {number}", targets=["argentina", "france"])
        await table.bet("ann", pool, "argentina", 10 + number)
    async with watched(table) as game:
        await table.admin.call(363, game_id=table.game)
        await table.admin.call(900, text="Vamos")
        while not game.view.chat:  # noqa: ASYNC110
            await trio.sleep(0.01)
        shown = game.shown(height=height)
    assert len(shown.splitlines()) <= height
    for text in ("Argentina 9 - 0 France", "Pool 7", "number 8", " bob ", "bets/s 12"):
        assert text in shown
    assert ("Vamos" in shown) is (height >= 36)


async def test_the_picture_follows_the_pools(table: Table) -> None:
    async with watched(table) as game:
        pool = await pool_on_goals(table)
        await game.until("pool open: Who scores?")
        await table.bet("ann", pool, "argentina", 30)
        await table.admin.call(397, pool_id=pool)
        while "blocked" not in (shown := game.shown()) or "1 bettors" not in shown:  # noqa: ASYNC110
            await trio.sleep(0.01)
        assert "30" in shown
        await table.admin.call(3952, pool_id=pool)
        await game.until("pool void: Who scores?")
        assert "Who scores?" not in game.shown().partition("Match")[0]


def test_what_has_become_of_a_pool_is_shown_though_its_sums_of_that_version_came_first() -> None:
    view, sums = GameView("game"), {"argentina": TargetSums("Argentina", 1, Decimal(30), Decimal(1), True)}
    view.pools["pool"] = PoolShown("Who scores?", {}, Decimal(0), 0, False, False, 1, 1)
    update = BettingPoolBetsDistributionUpdate("pool", "game", 1, 1, Decimal(30), 1, 4, sums, [], 1)
    view.take(update, START_MS)
    view.take(HotBettingPoolSuggested(START_MS, "pool", 3), START_MS)
    view.take(BettingInPoolBlocked("pool", START_MS, 4), START_MS)
    view.take(msgspec.structs.replace(update, version=3, participants=0), START_MS)
    assert view.pools["pool"] == PoolShown("Who scores?", sums, Decimal(30), 1, True, True, 4, 4)


async def test_a_terminal_gets_a_picture_and_a_pipe_gets_lines(table: Table) -> None:
    for is_terminal in (True, False):
        said: list[str] = []
        console = Console(file=io.StringIO(), force_terminal=is_terminal, width=100)
        async with within(10), client_of(table.server, "watcher") as client, trio.open_nursery() as nursery:
            view = GameView(table.game)
            nursery.start_soon(show, client, view, console, said.append)
            while view.details is None:  # noqa: ASYNC110
                await trio.sleep(0.01)
            if is_terminal:
                nursery.cancel_scope.cancel()
            else:
                await table.event("argentina:messi", 5, description="penalty\x1b[31m\nthe game is closed")
                await table.admin.call(375, game_id=table.game)
        assert isinstance(console.file, io.StringIO)
        assert ("watching" in console.file.getvalue()) is is_terminal
        lines = ["Goal: Argentina Messi (penalty\\x1b[31m\\nthe game is closed)", "the game is closed"]
        assert [line[10:] for line in said] == ([] if is_terminal else lines)
