"""A game as a picture for a terminal."""

from collections.abc import Iterable, Mapping

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from gameserver.printable import printable
from gameserver.show.view import GameView, PoolShown

_HAPPENINGS, _CHAT, _POOLS, _TARGETS = 8, 4, 6, 4
_BAR_WIDTH = 20
_BORDERS, _HEADING, _FIGURES = 2, 3, 2  # lines
_CHAT_NEEDS = 36  # lines of the terminal


def picture(view: GameView, now_ms: int, height: int, figures: Mapping[str, str] | None = None) -> RenderableType:
    """The game with its score, pools, table and what happened last, and any ``figures`` by name.

    It is at most ``height`` lines high, of which there must be 16: of pools, table and match it shows what finds room.
    """
    happenings = min(height // 5, _HAPPENINGS)
    chat = _CHAT if height >= _CHAT_NEEDS else 0
    room = height - _HEADING - _FIGURES - _BORDERS - (_BORDERS + happenings) - (_BORDERS + chat if chat else 0)
    sides = Table.grid(expand=True, padding=(0, 1))
    sides.add_column(ratio=3)
    sides.add_column(ratio=2)
    sides.add_row(_pools(view, room), _table(view, room))
    parts: list[RenderableType] = [_heading(view, now_ms), sides]
    parts.append(Panel(_lines(line for _, line in list(view.happenings)[-happenings:]), title="Match"))
    if view.chat and chat:
        parts.append(Panel(_lines(line for _, line in list(view.chat)[-chat:]), title="Chat"))
    if figures:
        parts.append(Text("  ".join(f"{name} {value}" for name, value in figures.items()), style="dim"))
    return Group(*parts)


def _heading(view: GameView, now_ms: int) -> RenderableType:
    details = view.details
    title = "" if details is None else details.game_name
    text = Text(printable(view.result or title), style="bold", justify="center")
    clock = printable(view.minute(now_ms))
    state = "" if details is None else details.status.replace("_", " ")
    watching = f"{view.subscribers} watching"
    return Panel(text, title=Text(printable(title)), subtitle=Text("  ".join(filter(None, (clock, state, watching)))))


def _pools(view: GameView, room: int) -> RenderableType:
    """The pools with most money in them, each a line and a line for each target shown, in ``room`` lines."""
    pools = sorted(view.pools.values(), key=lambda it: it.amount_total, reverse=True)[: min(_POOLS, room // 2)]
    targets = min(_TARGETS, room // max(len(pools), 1) - 1)
    grid = Table.grid(expand=True, padding=(0, 1))
    grid.add_column(ratio=1, no_wrap=True)
    grid.add_column(width=_BAR_WIDTH)
    grid.add_column(justify="right")
    grid.add_column(justify="right")
    for pool in pools:
        marks = " blocked" if pool.is_blocked else " hot" if pool.is_hot else ""
        name = Text.assemble((printable(pool.description), "bold"), (marks, "red"))
        grid.add_row(
            name, Text(f"{pool.participants} bettors"), Text(f"{pool.amount_total:,.0f}", style="bold"), Text()
        )
        for target_id, share in _leading(pool)[:targets]:
            sums = pool.distribution[target_id]
            grid.add_row(
                Text(f"  {printable(sums.display_name)}"),
                Text("█" * round(share * _BAR_WIDTH), style="green"),
                Text(f"{sums.backing_money:,.0f}"),
                Text(f"{sums.to_win_if_backed:.2f}", style="cyan"),
            )
    return Panel(grid, title="Pools")


def _leading(pool: PoolShown) -> list[tuple[str, float]]:
    """The targets that most money is on, with their shares of it."""
    backed = {target: float(sums.backing_money) for target, sums in pool.distribution.items()}
    total = sum(backed.values())
    leading = sorted(backed, key=lambda target: backed[target], reverse=True)
    return [(target, backed[target] / total if total else 0.0) for target in leading]


def _table(view: GameView, room: int) -> RenderableType:
    grid = Table.grid(expand=True, padding=(0, 1))
    grid.add_column(justify="right")
    grid.add_column(ratio=1, no_wrap=True)
    grid.add_column(justify="right")
    for user in view.table[:room]:
        style = "green" if user.points > 0 else "red" if user.points < 0 else ""
        grid.add_row(Text(str(user.rank)), Text(user.username), Text(f"{user.points:+,.2f}", style=style))
    return Panel(grid, title="Table")


def _lines(lines: Iterable[str]) -> Text:
    return Text("\n".join(map(printable, lines)), no_wrap=True, overflow="ellipsis")
