"""Writes docs/pictures/imports.svg: the layers of gameserver and what they import, as their source has it.

    python -m tests.support.drawing > docs/pictures/imports.svg

The layers are drawn in ranks, each above all that it imports. An arrow that follows from others is left out: where A
imports B and B imports C, no arrow tells that A imports C too.
"""

from html import escape
from itertools import pairwise

from tests.support.imports import layers

BOX_WIDTH, BOX_HEIGHT = 96, 28
COLUMN, ROW, MARGIN = 112, 62, 12
ROUNDS = 8  # of putting the ranks in order, after which nothing moves any more
STYLE = """
text { font: 13px ui-monospace, monospace; text-anchor: middle; fill: #1b2733 }
rect { fill: #e8f0f8; stroke: #4a6a8a }
path { fill: none; stroke: #6b7f93 }
#head path { fill: #6b7f93 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } rect { fill: #1e2c3a; stroke: #7fa3c7 }
  path { stroke: #8ea3b8 } #head path { fill: #8ea3b8 }
}
"""

Imports = dict[str, set[str]]
Node = tuple[str, int]  # a layer and its rank, or a point of an arrow on its way through a rank


def drawn_layers() -> Imports:
    """The layers without the package's own names, which are imported from everywhere and import what they name."""
    left_out = {"__init__", "__main__"}
    return {name: below - left_out for name, below in layers().items() if name not in left_out}


def without_the_implied(imports: Imports) -> Imports:
    """The imports that do not follow from others."""
    reached: Imports = {}

    def reach(name: str) -> set[str]:
        if name not in reached:
            reached[name] = imports[name].union(*map(reach, imports[name]))
        return reached[name]

    return {name: below - set().union(*map(reach, below)) for name, below in imports.items()}


def ranks(imports: Imports) -> dict[str, int]:
    """How high each layer stands: above all that it imports."""
    found: dict[str, int] = {}

    def rank(name: str) -> int:
        if name not in found:
            found[name] = 1 + max(map(rank, imports[name]), default=-1)
        return found[name]

    for name in imports:
        rank(name)
    return found


def routes(imports: Imports) -> list[list[Node]]:
    """The way of each arrow, with a point in every rank that it passes."""
    rank = ranks(imports)
    ways: list[list[Node]] = []
    for name, below in sorted(imports.items()):
        for target in sorted(below):
            between = [(f"{name} to {target}", height) for height in range(rank[name] - 1, rank[target], -1)]
            ways.append([(name, rank[name]), *between, (target, rank[target])])
    return ways


def places(imports: Imports) -> dict[Node, float]:
    """The column of each node: near those that arrows join it to, and no two at one place."""
    ways = routes(imports)
    near: dict[Node, set[Node]] = {node: set() for node in ranks(imports).items()}
    for way in ways:
        for above, below in pairwise(way):
            near.setdefault(above, set()).add(below)
            near.setdefault(below, set()).add(above)
    rows = [sorted(node for node in near if node[1] == height) for height in range(max(rank for _, rank in near) + 1)]
    column = {node: number - (len(row) - 1) / 2 for row in rows for number, node in enumerate(row)}
    for _ in range(ROUNDS):
        for row in (*rows, *reversed(rows)):
            wish = {node: sum(column[it] for it in near[node]) / max(1, len(near[node])) for node in row}
            row.sort(key=lambda node: (wish[node], node))
            for number, node in enumerate(row):
                column[node] = number - (len(row) - 1) / 2
    return column


def arrow(points: list[tuple[float, float]]) -> str:
    """An arrow from the bottom of the first box to the top of the last, straight through the ranks it passes."""
    (x, y), *others = points
    line = f"M{x:g} {y + BOX_HEIGHT:g}"
    for number, (x_next, y_next) in enumerate(others, start=1):
        middle = (y + BOX_HEIGHT + y_next) / 2
        line += f" C{x:g} {middle:g} {x_next:g} {middle:g} {x_next:g} {y_next:g}"
        if number < len(others):
            line += f" V{y_next + BOX_HEIGHT:g}"
        x, y = x_next, y_next
    return f'<path d="{line}" marker-end="url(#head)"/>'


def box(name: str, x: float, y: float) -> str:
    """A layer, its top in the middle at a point."""
    size = f'x="{x - BOX_WIDTH / 2:g}" y="{y:g}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}"'
    return f'<rect {size} rx="5"/><text x="{x:g}" y="{y + 18:g}">{escape(name)}</text>'


def svg() -> str:
    """The picture."""
    imports = without_the_implied(drawn_layers())
    column = places(imports)
    left, top = min(column.values()), max(rank for _, rank in column)
    width = (max(column.values()) - left) * COLUMN + BOX_WIDTH + 2 * MARGIN
    height = top * ROW + BOX_HEIGHT + 2 * MARGIN

    def point(node: Node) -> tuple[float, float]:
        return (column[node] - left) * COLUMN + BOX_WIDTH / 2 + MARGIN, (top - node[1]) * ROW + MARGIN

    head = '<marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height}" width="{width:g}" role="img">',
        "<title>The layers of gameserver and what they import</title>",
        f"<style>{STYLE}</style>",
        f'<defs>{head}<path d="M0 0 8 4 0 8z"/></marker></defs>',
        *(arrow([point(node) for node in way]) for way in routes(imports)),
        *(box(name, *point((name, rank))) for name, rank in sorted(ranks(imports).items())),
        "</svg>",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(svg())
