import pytest

from gameserver.domain.scores import with_event


@pytest.mark.parametrize(
    ("points", "then"),
    [(1, {"a": 3, "b": 1, "c": 0}), (-1, {"a": 2, "b": 2, "c": 1}), (0, {"a": 2, "b": 1, "c": 0})],
)
def test_points_go_to_whose_event_it_is_and_negative_ones_to_each_other(points: int, then: dict[str, int]) -> None:
    assert with_event({"a": 2, "b": 1, "c": 0}, "a", points) == then
