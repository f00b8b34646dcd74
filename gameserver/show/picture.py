"""A game as a picture for a terminal."""

from collections.abc import Iterable, Mapping

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from gameserver.show.view import GameView, PoolShown

_HAPPENINGS, _CHAT, _POOLS, _TARGETS = 8, 4, 6, 4
_BAR_WIDTH = 20


def picture(view: GameView, now_ms: int, figures: Mapping[str, str] | None = None) -> RenderableType:
    """The game with its score, pools, table and what happened last, and any ``figures`` by name."""
    sides = Table.grid(expand=True, padding=(0, 1))
    sides.add_column(ratio=3)
    sides.add_column(ratio=2)
    sides.add_row(_pools(view), _table(view))
    parts: list[RenderableType] = [_heading(view, now_ms), sides, _happenings(view)]
    if view.chat:
        parts.append(Panel(_lines(line for _, line in list(view.chat)[-_CHAT:]), title="Chat"))
    if figures:
        parts.append(Text("  ".join(f"{name} {value}" for name, value in figures.items()), style="dim"))
    return Group(*parts)


def _heading(view: GameView, now_ms: int) -> RenderableType:
    details = view.details
    title = "" if details is None else details.game_name
    text = Text(view.result or title, style="bold", justify="center")
    clock = view.minute(now_ms)
    state = "" if details is None else details.status.replace("_", " ")
    watching = f"{view.subscribers} watching"
    return Panel(text, title=Text(title), subtitle=Text("  ".join(filter(None, (clock, state, watching)))))


def _pools(view: GameView) -> RenderableType:
    grid = Table.grid(expand=True, padding=(0, 1))
    grid.add_column(ratio=1, no_wrap=True)
    grid.add_column(width=_BAR_WIDTH)
    grid.add_column(justify="right")
    grid.add_column(justify="right")
    for pool in sorted(view.pools.values(), key=lambda it: it.amount_total, reverse=True)[:_POOLS]:
        marks = " blocked" if pool.is_blocked else " hot" if pool.is_hot else ""
        name = Text.assemble((pool.description, "bold"), (marks, "red"))
        grid.add_row(
            name, Text(f"{pool.participants} bettors"), Text(f"{pool.amount_total:,.0f}", style="bold"), Text()
        )
        for target_id, share in _leading(pool):
            sums = pool.distribution[target_id]
            grid.add_row(
                Text(f"  {sums.display_name}"),
                Text("█" * round(share * _BAR_WIDTH), style="green"),
                Text(f"{sums.backing_money:,.0f}"),
                Text(f"{sums.to_win_if_backed:.2f}", style="cyan"),
            )
    return Panel(grid, title="Pools")


def _leading(pool: PoolShown) -> list[tuple[str, float]]:
    """The targets that most money is on, with their shares of it."""
    backed = {target: float(sums.backing_money) for target, sums in pool.distribution.items()}
    total = sum(backed.values())
    leading = sorted(backed, key=lambda target: backed[target], reverse=True)[:_TARGETS]
    return [(target, backed[target] / total if total else 0.0) for target in leading]


def _table(view: GameView) -> RenderableType:
    grid = Table.grid(expand=True, padding=(0, 1))
    grid.add_column(justify="right")
    grid.add_column(ratio=1, no_wrap=True)
    grid.add_column(justify="right")
    for user in view.table:
        style = "green" if user.points > 0 else "red" if user.points < 0 else ""
        grid.add_row(Text(str(user.rank)), Text(user.username), Text(f"{user.points:+,.2f}", style=style))
    return Panel(grid, title="Table")


def _happenings(view: GameView) -> RenderableType:
    return Panel(_lines(line for _, line in list(view.happenings)[-_HAPPENINGS:]), title="Match")


def _lines(lines: Iterable[str]) -> Text:
    return Text("\n".join(lines), no_wrap=True, overflow="ellipsis")
