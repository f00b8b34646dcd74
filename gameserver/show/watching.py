"""Watching a game: a live picture on a terminal, and lines where there is none."""

import time
from collections.abc import Callable, Mapping
from datetime import datetime

import trio
from rich.console import Console
from rich.live import Live

from gameserver.client import Client, Subscription
from gameserver.printable import printable
from gameserver.protocol.games import GameClosed
from gameserver.protocol.labels import LabelsChanged
from gameserver.protocol.subscriptions import GameJoined
from gameserver.show.picture import picture
from gameserver.show.view import GameView

REFRESH_S = 0.25
Figures = Callable[[], Mapping[str, str]]


def no_figures() -> Mapping[str, str]:
    """None to show."""
    return {}


async def keep_up(
    client: Client,
    view: GameView,
    tell: Callable[[int, str], object],
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Keep a view up to date until its game closes; ``tell`` is called with the time and the line of what happens.

    ``started`` once the game has been joined and read. Raises `Refused` and `ConnectionLost`.
    """
    subscription = client.join(view.game_id)
    async for message in subscription:
        at = _sent_at(subscription)
        if (isinstance(message, GameJoined) and not message.recovered) or isinstance(message, LabelsChanged):
            await view.read(client, at)
            task_status.started()
            task_status = trio.TASK_STATUS_IGNORED
        line = view.take(message, at)
        if isinstance(message, GameClosed):
            line = "the game is closed"
        if line is not None:
            tell(at, line)
    await view.read_table(client)


def _sent_at(subscription: Subscription) -> int:
    return 0 if subscription.header is None else subscription.header.t


async def show(
    client: Client, view: GameView, console: Console, say: Callable[[str], object], figures: Figures = no_figures
) -> None:
    """Show a game until it closes: as a picture if the console is a terminal, else ``say`` a line for each happening.

    Raises `Refused` and `ConnectionLost`.
    """
    if not console.is_terminal:
        await keep_up(client, view, lambda at, line: say(f"{_time_of_day(at)}  {printable(line)}"))
        return
    with Live(console=console, auto_refresh=False) as live:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_refresh, live, view, figures)
            await keep_up(client, view, lambda at, line: None)
            nursery.cancel_scope.cancel()
        _update(live, view, figures)


async def _refresh(live: Live, view: GameView, figures: Figures) -> None:
    while True:
        _update(live, view, figures)
        await trio.sleep(REFRESH_S)


def _update(live: Live, view: GameView, figures: Figures) -> None:
    live.update(picture(view, _now_ms(), live.console.height, figures()), refresh=True)


def _time_of_day(at: int) -> str:
    return f"{datetime.fromtimestamp(at / 1000).astimezone():%H:%M:%S}"


def _now_ms() -> int:
    return int(time.time() * 1000)
