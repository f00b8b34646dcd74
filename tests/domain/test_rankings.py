import pytest

from gameserver.domain.rankings import breaks, ranks, tailored_parts


@pytest.mark.parametrize(
    ("total", "own", "counts", "expected", "gaps"),
    [
        (100, 50, (3, 3, 1), [(0, 3), (49, 52), (97, 100)], [2, 51]),
        (100, 3, (3, 3, 1), [(0, 5), (97, 100)], [4]),  # the surroundings begin where the top ends
        (100, 4, (3, 3, 1), [(0, 6), (97, 100)], [5]),
        (100, 5, (3, 3, 1), [(0, 3), (4, 7), (97, 100)], [2, 6]),
        (100, 0, (3, 3, 1), [(0, 3), (97, 100)], [2]),
        (100, 99, (3, 3, 1), [(0, 3), (97, 100)], [2]),
        (100, 95, (3, 3, 1), [(0, 3), (94, 100)], [2]),
        (100, None, (3, 3, 1), [(0, 3), (97, 100)], [2]),
        (100, None, (3, 0, 1), [(0, 3)], [2]),
        (100, 50, (0, 0, 0), [(50, 51)], [50]),
        (100, None, (0, 0, 9), [], []),
        (100, 50, (100, 100, 0), [(0, 100)], []),
        (12, 8, (3, 100, 1), [(0, 12)], []),  # the bottom begins above the surroundings
        (100, 90, (3, 20, 1), [(0, 3), (80, 100)], [2]),
        (7, 3, (3, 3, 0), [(0, 7)], []),
        (6, None, (3, 3, 1), [(0, 6)], []),
        (1, 0, (3, 3, 1), [(0, 1)], []),
        (0, None, (3, 3, 1), [], []),
    ],
)
def test_shown_are_the_top_ones_own_surroundings_and_the_bottom(
    total: int,
    own: int | None,
    counts: tuple[int, int, int],
    expected: list[tuple[int, int]],
    gaps: list[int],
) -> None:
    parts = tailored_parts(total, own, *counts)
    assert [(part.start, part.stop) for part in parts] == expected
    assert breaks(parts, total) == gaps


@pytest.mark.parametrize(
    ("first", "points", "above", "expected"),
    [
        (0, [9, 7, 7, 5], 0, [1, 2, 2, 4]),
        (0, [7, 7, 7], 0, [1, 1, 1]),
        (5, [3, 3, 2], 4, [5, 5, 8]),  # the place before has 3 as well
        (5, [3], 5, [6]),
        (0, [], 0, []),
        (0, [0, -1, -1], 0, [1, 2, 2]),
    ],
)
def test_equal_points_share_a_rank(first: int, points: list[int], above: int, expected: list[int]) -> None:
    assert list(ranks(enumerate(points, first), above)) == expected
