from typing import Any

import msgspec
import pytest

from gameserver.engine.context import Committed, Effects, Publication
from gameserver.protocol.codec import decode_request
from gameserver.realtime.request_cost import change_cost, request_cost

ID = "00000000-0000-0000-0000-000000000000"
GAME = {"source_id": ID, "game_name": "x", "type": "x"}


def cost_of(op: int, /, **parameters: Any) -> int:
    text = msgspec.json.encode({"op": op, **parameters}).decode()
    return request_cost(text, decode_request(text, logged_in=True))


@pytest.mark.parametrize(
    ("op", "parameters"),
    [
        (1, {}),
        (392, {"pool_id": ID, "target": "a,b", "amount": 1}),
        (370, GAME),
        (370, {**GAME, "targets": "a,b", "actions": ["a", "b"]}),
    ],
)
def test_an_ordinary_request_costs_one_token(op: int, parameters: dict[str, Any]) -> None:
    assert cost_of(op, **parameters) == 1


@pytest.mark.parametrize(("count", "cost"), [(1_000, 1), (1_001, 2), (2_000, 2), (2_001, 3), (5_000, 5)])
def test_each_1000_items_begun_beyond_the_first_cost_one_more(count: int, cost: int) -> None:
    assert cost_of(370, **GAME, targets="," * (count - 1)) == cost
    assert cost_of(3702, game_id=ID, targets=[""] * (count // 2), actions=[""] * (count - count // 2)) == cost
    assert cost_of(385, game_id=ID, description="x", action_id="x", targets=[""] * count) == cost


@pytest.mark.parametrize(("size", "cost"), [(16_384, 1), (16_385, 2), (32_768, 2), (32_769, 3), (262_144, 16)])
@pytest.mark.parametrize("filler", ["x", "\N{GLOWING STAR}"])
def test_each_16_kib_begun_beyond_the_first_cost_one_more_whether_or_not_it_is_a_request(
    size: int, cost: int, filler: str
) -> None:
    size_of_one = len(filler.encode())
    text = filler * (size // size_of_one) + "x" * (size % size_of_one)
    assert len(text.encode()) == size
    assert request_cost(text, None) == cost


def test_what_a_request_costs_by_its_items_and_by_its_bytes_adds_up() -> None:
    assert cost_of(370, **GAME, targets=",".join(["abc"] * 46_000)) == 1 + 45 + 11


def published(*sizes: int) -> Effects:
    return Effects([Publication("", 0, 1, 0, b"x" * size, False, False, (), None) for size in sizes])


@pytest.mark.parametrize(
    ("sizes", "stored", "cost"),
    [
        ([], 0, 0),
        ([16_384], 0, 0),
        ([16_385], 0, 1),
        ([10_000, 10_000, 20_000], 0, 2),
        ([16_000], 16_000, 1),
        ([1_300_000], 0, 79),
    ],
)
def test_a_change_costs_more_by_what_it_has_logged_and_stored(sizes: list[int], stored: int, cost: int) -> None:
    assert change_cost(Committed(b"{}", published(*sizes), stored_bytes=stored)) == cost
