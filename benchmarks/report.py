"""The figures as a table and as JSON."""

from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks import machine
from benchmarks.figures import GAMESERVER, Figure

_HEADINGS = ("", "median", "ours is", "target", "reached", "client", "rounds")
_SATURATED = 0.95


def as_json(figures: Sequence[Figure], about: dict[str, Any]) -> dict[str, Any]:
    """Everything that was measured, each round included."""
    return {**about, "machine": machine.describe(), "figures": [_figure_json(figure) for figure in figures]}


def _figure_json(figure: Figure) -> dict[str, Any]:
    others = [who for who in figure.rounds if who != GAMESERVER]
    return {
        "name": figure.name,
        "unit": figure.unit,
        "medians": {who: figure.median(who) for who in figure.rounds},
        "ratios": {who: figure.ratio(who) for who in others if GAMESERVER in figure.rounds},
        "targets": [
            {"target": str(target), "against": target.against, "reached": figure.is_reached(target)}
            for target in figure.targets
        ],
        "rounds": figure.rounds,
        "client_shares": figure.client_shares,
    }


def table(figures: Sequence[Figure]) -> str:
    """A line a figure and, below it, a line a contestant."""
    rows = [_HEADINGS, *(row for figure in figures for row in _rows(figure))]
    # A figure's own line is one long cell: it does not make the columns wide.
    widths = [max(len(row[column]) for row in rows if len(row) > 1) for column in range(len(_HEADINGS))]
    return "\n".join(_line(row, widths) for row in rows)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    if len(row) == 1:
        return row[0]
    first, *others = (
        cell.ljust(width) if column in (0, 3, 4, 6) else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return "  ".join([first, *others]).rstrip()


def _rows(figure: Figure) -> Iterator[tuple[str, ...]]:
    yield (f"{figure.name}, {figure.unit}",)
    for who in figure.rounds:
        target = figure.target_against(who)
        is_other = who != GAMESERVER and GAMESERVER in figure.rounds
        yield (
            f"  {who}",
            number(figure.median(who)),
            f"{figure.ratio(who):.2f}x" if is_other else "",
            str(target) if target else "",
            ("yes" if figure.is_reached(target) else "NO") if target else "",
            _share(figure.client_share(who)),
            _spread(figure.rounds[who]),
        )


def _share(share: float | None) -> str:
    if share is None:
        return ""
    return f"{share:.0%}{' !' if share >= _SATURATED else ''}"


def _spread(values: Sequence[float]) -> str:
    return f"{number(min(values))} - {number(max(values))}" if len(values) > 1 else ""


def number(value: float) -> str:
    """With as many places as a reader needs."""
    places = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{places}f}"


def unreached(figures: Sequence[Figure]) -> list[str]:
    """The targets that were missed, in words."""
    return [
        f"{figure.name}: {target}{f' {target.against}' if target.against else ''}"
        for figure in figures
        for target in figure.targets
        if not figure.is_reached(target)
    ]
