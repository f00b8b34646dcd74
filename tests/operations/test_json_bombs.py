"""Messages made to cost much: each is refused, soon, and the connection goes on."""

import pytest
import trio

from tests.operations.examples import entitled, example
from tests.support.world import World, assert_refused

MANY = 100_000
ENOUGH = '"game_name": "x", "type": "y", '  # without which nothing else would be looked at
BOMBS = [
    pytest.param('"targets": [' + "1," * MANY + "1]", id="a list of numbers"),
    pytest.param('"targets": "' + "a," * MANY + ':"', id="a list in a string"),
    pytest.param('"targets": "' + "a:" * MANY + '"', id="a deep target"),
    pytest.param('"targets": "' + "\ufdfa" * 60_000 + '"', id="letters that NFKC makes eighteen of"),
    pytest.param('"targets": "a' + "\u0300\u0327" * 60_000 + '"', id="marks to be put in order"),
    pytest.param('"actions": ["a' + "\u0300\u0327" * 60_000 + '"]', id="marks to be put in order, of an action"),
    pytest.param('"targets": ' + "[" * MANY + "]" * MANY, id="depth"),
    pytest.param('"x": ' + "[" * MANY + "]" * MANY, id="depth of what is not known"),
    pytest.param('"header": {"x": ' + '{"a":' * (MANY // 3) + "1" + "}" * (MANY // 3) + "}", id="depth of the header"),
    pytest.param('"open_at": ' + "9" * MANY, id="a long integer"),
    pytest.param('"open_at": 1e999999999', id="a large exponent"),
    pytest.param('"open_at": "' + "9" * MANY + '"', id="a long integer in a string"),
    pytest.param('"x": 1,' * (MANY // 4) + '"y": 1', id="duplicate keys"),
]


@pytest.mark.parametrize("members", BOMBS)
async def test_what_would_cost_much_is_refused_and_the_connection_goes_on(world: World, members: str) -> None:
    with trio.fail_after(5):
        await world.provider.send('{"op": 370, "source_id": "' + world.source + '", ' + ENOUGH + members + "}")
        refusal = await world.provider.receive()
        assert refusal["res"] == 666
        assert refusal["code"] in ("bad_json", "invalid_parameter")
        assert (await world.provider.call(1))["res"] == 1


@pytest.mark.parametrize("op", [392, 395, 3961])
async def test_a_name_that_would_cost_much_is_refused_by_every_operation_that_takes_one(world: World, op: int) -> None:
    marks = "a" + "\u0300\u0327" * 4_000
    parameters = await example(op, world)
    client = entitled(op, world)
    with trio.fail_after(1):
        for _ in range(20):
            for name in {"target", "target_id", "action_id"} & set(parameters):
                assert_refused(await client.call(op, **{**parameters, name: marks}), op, "invalid_parameter", name)
