"""Messages made to cost much: each is refused, soon, and the connection goes on."""

import pytest
import trio

from tests.support.world import World

MANY = 100_000
BOMBS = [
    pytest.param('"targets": [' + "1," * MANY + "1]", id="a list of numbers"),
    pytest.param('"targets": "' + "a," * MANY + ':"', id="a list in a string"),
    pytest.param('"targets": "' + "a:" * MANY + '"', id="a deep target"),
    pytest.param('"targets": "' + "\ufdfa" * 60_000 + '"', id="letters that NFKC makes eighteen of"),
    pytest.param('"game_name": "x", "targets": ' + "[" * MANY + "]" * MANY, id="depth"),
    pytest.param('"open_at": ' + "9" * MANY, id="a long integer"),
    pytest.param('"open_at": 1e999999999', id="a large exponent"),
    pytest.param('"open_at": "' + "9" * MANY + '"', id="a long integer in a string"),
    pytest.param('"x": 1,' * (MANY // 4) + '"y": 1', id="duplicate keys"),
]


@pytest.mark.parametrize("members", BOMBS)
async def test_what_would_cost_much_is_refused_and_the_connection_goes_on(world: World, members: str) -> None:
    with trio.fail_after(5):
        await world.provider.send('{"op": 370, "source_id": "' + world.source + '", ' + members + "}")
        refusal = await world.provider.receive()
        assert refusal["res"] == 666
        assert refusal["code"] in ("bad_json", "invalid_parameter", "missing_parameter")
        assert (await world.provider.call(1))["res"] == 1
