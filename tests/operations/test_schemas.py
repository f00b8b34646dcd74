"""What is sent and received is as asyncapi.json describes it."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator

from gameserver.protocol.asyncapi import asyncapi
from gameserver.protocol.registry import MESSAGES, OPERATIONS
from tests.operations.examples import entitled, example, operations, prepare
from tests.support.world import World

ASYNCAPI = json.loads(json.dumps(asyncapi("1")))
# Where `npm install --prefix FOLDER @asyncapi/parser` has put it.
PARSER = os.environ.get("ASYNCAPI_PARSER", "")
PARSE = """
const { Parser } = require(process.argv[1] + '/node_modules/@asyncapi/parser');
let text = '';
process.stdin.on('data', (data) => (text += data));
process.stdin.on('end', async () => {
  const { document, diagnostics } = await new Parser().parse(text);
  const faults = diagnostics.filter((it) => it.severity < 2).map((it) => it.path.join('.') + ': ' + it.message);
  console.log(JSON.stringify({ faults, operations: document ? document.operations().length : 0 }));
});
"""


def assert_as_described(message: dict[str, Any], name: str) -> None:
    payload = ASYNCAPI["components"]["messages"][name]["payload"]
    OAS31Validator({**payload, "components": ASYNCAPI["components"]}).validate(message)


@operations()
async def test_a_request_and_its_reply_are_as_described(world: World, op: int) -> None:
    client, parameters = entitled(op, world), await example(op, world)
    await prepare(op, world, client)
    assert_as_described({"header": {"id": 1}, "op": op, **parameters}, f"{OPERATIONS[op].name}_request")
    reply = await client.call(op, **parameters)
    names = {message.__struct_config__.tag: name for name, message in MESSAGES.items()}
    assert_as_described(reply, names[reply["res"]])


@operations()
async def test_a_refusal_is_as_described(world: World, op: int) -> None:
    reply = await world.user.call(op, unknown=1)
    if OPERATIONS[op].request.__struct_fields__ != ("header",):
        assert reply["res"] == 666
    assert_as_described(await world.user.call(op, unknown=1), "error_reply")


def test_every_reference_in_asyncapi_json_leads_somewhere() -> None:
    def references(part: Any) -> list[str]:
        if isinstance(part, dict):
            return [part["$ref"]] if "$ref" in part else [it for value in part.values() for it in references(value)]
        return [it for value in part for it in references(value)] if isinstance(part, list) else []

    found = references(ASYNCAPI)
    assert len(found) > 500
    for reference in found:
        place: Any = ASYNCAPI
        for name in reference.removeprefix("#/").split("/"):
            place = place[name]


@pytest.mark.skipif(
    not (PARSER and shutil.which("node")),
    reason="needs node, and in ASYNCAPI_PARSER where npm has put @asyncapi/parser, as .ci/run does",
)
def test_the_official_parser_finds_no_fault_in_asyncapi_json() -> None:
    folder = Path(PARSER).resolve()
    ran = subprocess.run(
        ["node", "-e", PARSE, str(folder)],
        input=json.dumps(ASYNCAPI),
        capture_output=True,
        text=True,
        check=True,
        timeout=50,
    )
    parsed = json.loads(ran.stdout)
    assert parsed == {"faults": [], "operations": len(ASYNCAPI["operations"])}
