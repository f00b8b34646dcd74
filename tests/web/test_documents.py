"""openapi.json and the reference are what the server says of itself, and what it does."""

import json
from collections.abc import Callable
from typing import Any

import openapi_spec_validator
import pytest
from openapi_schema_validator import OAS31Validator

from gameserver.web.documents import DOCUMENTS, asyncapi_json, openapi_json
from gameserver.web.endpoint import Endpoint
from gameserver.web.endpoints import ENDPOINTS
from tests.support.harness import Server
from tests.support.http import HttpClient, client_of, content
from tests.support.settling import Table
from tests.support.wire import Response
from tests.web.test_endpoints import READS, filled, path_to_pools, pools_of_ann

OPENAPI = json.loads(openapi_json())


def assert_as_described(response: Response, path: str, method: str) -> None:
    """A response is one of those that openapi.json has for a path, with a body of its schema."""
    described = OPENAPI["paths"][f"{path}/"][method]["responses"][str(response.status)]
    schema = described["content"]["application/json"]["schema"]
    OAS31Validator({**schema, "components": OPENAPI["components"]}).validate(content(response))


def test_openapi_json_is_valid() -> None:
    openapi_spec_validator.validate(OPENAPI)


@pytest.mark.parametrize("document", [openapi_json, asyncapi_json])
def test_no_text_of_a_document_is_indented_as_the_code_is(document: Callable[[], bytes]) -> None:
    assert b"\\n    " not in document()


def test_openapi_json_has_every_endpoint() -> None:
    described = {(path, method.upper()) for path, methods in OPENAPI["paths"].items() for method in methods}
    assert described == {(f"{endpoint.path}/", method) for endpoint in ENDPOINTS for method in endpoint.methods}
    named = [it["operationId"] for methods in OPENAPI["paths"].values() for it in methods.values()]
    assert len(set(named)) == len(named)
    assert all(it["summary"] for methods in OPENAPI["paths"].values() for it in methods.values())


def test_what_a_path_or_a_query_holds_is_never_null() -> None:
    parameters = [
        parameter
        for methods in OPENAPI["paths"].values()
        for described in methods.values()
        for parameter in described["parameters"]
    ]
    assert len(parameters) > 50
    assert [it for it in parameters if "null" in json.dumps(it["schema"])] == []


@pytest.mark.parametrize("endpoint", READS, ids=lambda it: it.path)
async def test_what_a_read_answers_is_as_described(table: Table, endpoint: Endpoint) -> None:
    await pools_of_ann(table)
    ann, path = await client_of(table.server, "ann"), await filled(table, endpoint.path)
    assert_as_described(await ann.get(path), endpoint.path, "get")
    assert_as_described(await ann.get(f"{path}?limit=0"), endpoint.path, "get")
    wrong = HttpClient(table.server, {"Authorization": "Bearer x"})
    assert_as_described(await wrong.get(path), endpoint.path, "get")


@pytest.mark.parametrize(
    "body",
    [
        {"target_id": "argentina", "amount": 1},
        {"target_id": "argentina"},
        {"target_id": "argentina", "amount": 5_000},
        b"{",
    ],
)
async def test_what_a_prediction_is_answered_is_as_described(table: Table, body: object) -> None:
    (endpoint,) = [endpoint for endpoint in ENDPOINTS if endpoint.path.endswith("predictions")]
    ann = await client_of(table.server, "ann")
    response = await ann.post(path_to_pools(table, f"open/{await table.pool()}/predictions"), body)
    assert_as_described(response, endpoint.path, "post")


@pytest.mark.parametrize(
    "body", [{"op": 800}, {"op": 365}, {"op": 365, "source_name": "x"}, {"op": 611}, {"op": 1}, {}, [], b"{"]
)
async def test_what_a_call_is_answered_is_as_described(server: Server, body: object) -> None:
    client = await client_of(server, "ann")
    assert_as_described(await client.post("/r/call/", body), "/r/call", "post")


NEW = {"username": "neo", "password": "correct horse"}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/r/signup", NEW),
        ("POST", "/r/signup", {**NEW, "username": "ann"}),
        ("POST", "/r/signup", {**NEW, "password": "short"}),
        ("POST", "/r/guest", {}),
        ("POST", "/r/login", NEW),
        ("GET", "/r/me", None),
        ("POST", "/r/password", {"new": "correct horse"}),
        ("POST", "/r/password", {}),
        ("POST", "/r/logout", {}),
        ("POST", "/r/logout", []),
        ("POST", "/r/delete", {}),
    ],
)
async def test_what_an_account_is_answered_is_as_described(
    server: Server, method: str, path: str, body: object
) -> None:
    client = await client_of(server, "ann", "127.0.0.1")
    assert_as_described(await client.ask(method, path, body), path, method.lower())


@pytest.mark.parametrize("path", [endpoint.path for endpoint in DOCUMENTS])
async def test_what_the_server_says_of_itself_is_for_everybody_and_kept_by_its_tag(server: Server, path: str) -> None:
    client = HttpClient(server)
    shown = await client.get(path)
    assert shown.status == 200
    assert (await client.get(f"{path}/", If_None_Match=shown.headers["etag"])).status == 304
    expected: dict[str, Any] = {"openapi.json": "3.1.0", "asyncapi.json": "3.0.0"}
    name = path.rpartition("/")[2]
    if name == "protocol":
        assert shown.headers["content-type"].startswith("text/markdown")
        assert shown.body.startswith(b"# Reference\n")
    else:
        assert content(shown)[name.partition(".")[0]] == expected[name]
