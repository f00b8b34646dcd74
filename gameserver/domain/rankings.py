"""Which parts of a ranking are shown, and what the ranks are."""

from collections.abc import Iterable, Iterator


def tailored_parts(total: int, own: int | None, top: int, bottom: int, surrounding: int) -> list[range]:
    """The places shown of ``total``, in parts that neither meet nor overlap.

    They are the first ``top``, the last ``bottom`` and, where one is ranked, one's own with so many on each side.
    """
    wanted = [range(min(top, total)), range(max(total - bottom, 0), total)]
    if own is not None:
        wanted.append(range(max(own - surrounding, 0), min(own + surrounding + 1, total)))
    parts: list[range] = []
    for part in sorted(filter(len, wanted), key=lambda part: part.start):
        if parts and part.start <= parts[-1].stop:
            parts[-1] = range(min(parts[-1].start, part.start), max(parts[-1].stop, part.stop))
        else:
            parts.append(part)
    return parts


def ranks(places: Iterable[tuple[int, int]], above: int) -> Iterator[int]:
    """The ranks of places that follow each other, each given with its points.

    A rank is one more than have more points; ``above`` have more than the first.
    """
    rank, last = above + 1, None
    for place, points in places:
        if last is not None and points != last:
            rank = place + 1
        last = points
        yield rank


def breaks(parts: Iterable[range], total: int) -> list[int]:
    """The places, among those shown, after which others are left out."""
    return [part.stop - 1 for part in parts if part.stop < total]
