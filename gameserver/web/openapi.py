"""openapi.json: the endpoints for tools, made of their table and of the declarations (OpenAPI 3.1)."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from gameserver.errors import ErrorCode, http_status
from gameserver.protocol.declare import ErrorReply, Kind, Request, tag_of
from gameserver.protocol.reference import errors_of
from gameserver.protocol.registry import OPERATIONS
from gameserver.protocol.schemas import (
    Schema,
    any_of,
    component_schemas,
    description_of,
    parameter_schemas,
    reference_to,
    reply_schema,
)
from gameserver.web.answers import JSON
from gameserver.web.endpoint import Access, Endpoint
from gameserver.web.operations import call_any

_SESSION: list[dict[str, list[str]]] = [{"bearer": []}, {"cookie": []}]
_ALWAYS = (ErrorCode.INVALID_PARAMETER, ErrorCode.NOT_LOGGED_IN, ErrorCode.RATE_LIMITED, ErrorCode.INTERNAL)
_OF_CHANGES = (ErrorCode.BAD_JSON, ErrorCode.BAD_REQUEST, ErrorCode.NOT_AUTHORIZED)
_CHANGING_STATUSES = {"413": "the body is longer than `max_body_bytes`", "415": "the body is not said to be JSON"}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "maxLength": 64},
    "description": "the key under which the change is made once",
}


class Problem(msgspec.Struct):
    """A refusal: ``msg`` is one sentence that says what is accepted, ``field`` the parameter at fault, or null."""

    msg: str
    code: str
    field: str | None


def openapi(endpoints: Iterable[Endpoint], version: str) -> dict[str, Any]:
    """The whole document, of a version of the server."""
    endpoints = list(endpoints)
    others = [struct for endpoint in endpoints for struct in (endpoint.body, endpoint.reply) if struct is not None]
    paths: dict[str, Any] = {}
    for endpoint in endpoints:
        for method in endpoint.methods:
            paths.setdefault(endpoint.path + "/", {})[method.lower()] = _operation(endpoint, method)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "gameserver",
            "version": version,
            "summary": "Live prediction games by HTTP; the protocol's page has the rules.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": component_schemas([Problem, *others]),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "session"},
            },
        },
    }


def _operation(endpoint: Endpoint, method: str) -> dict[str, Any]:
    """What the document says of an endpoint asked by a method."""
    request, changes = endpoint.request, method != "GET"
    described: dict[str, Any] = {
        "operationId": f"{method.lower()}_{endpoint.name}{_names_in(endpoint.path)}",
        "summary": endpoint.summary,
        "parameters": list(_parameters(endpoint, changes)),
        "responses": _responses(endpoint, changes),
    }
    if endpoint.access is not Access.ANYONE:
        described["security"] = [*_SESSION, {}] if endpoint.access is Access.READER else _SESSION
    body = _body(endpoint) if changes else None
    if body is not None:
        described["requestBody"] = {"required": True, "content": {JSON: {"schema": body}}}
    if request is not None:
        described["description"] = description_of(request)
    return described


def _names_in(path: str) -> str:
    """What tells the endpoints of one operation apart: the parameters in their paths."""
    return "".join(f"_by_{name.removesuffix('_id')}" for name in re.findall(r"{(\w+)}", path))


def _parameters(endpoint: Endpoint, changes: bool) -> Iterator[dict[str, Any]]:
    known = parameter_schemas(endpoint.request) if endpoint.request is not None else {}
    in_path = re.findall(r"{(\w+)}", endpoint.path)
    for name in in_path:
        schema = known[name][0] if name in known else {"type": "integer" if name == "user_id" else "string"}
        yield {"name": name, "in": "path", "required": True, "schema": _given(schema)}
    if not changes:
        for name, (schema, required) in known.items():
            if name not in in_path:
                yield {"name": name, "in": "query", "required": required, "schema": _given(schema)}
    elif endpoint.request is not None:
        yield _KEY


def _given(schema: Schema) -> Schema:
    """The schema of what is given in a path or a query string, which cannot be null."""
    if "anyOf" not in schema:
        return schema
    kinds = [kind for kind in schema["anyOf"] if kind != {"type": "null"}]
    rest = {name: value for name, value in schema.items() if name != "anyOf" and value is not None}
    return {**rest, **kinds[0]} if len(kinds) == 1 else {**rest, "anyOf": kinds}


def _body(endpoint: Endpoint) -> Schema | None:
    if endpoint.body is not None:
        return reference_to(endpoint.body)
    if endpoint.handle is call_any:
        return {"oneOf": [reference_to(request) for request in _callable()]}
    if endpoint.request is None:
        return None
    names = {renamed: name for name, renamed in endpoint.renamed.items()}
    parameters = {
        names.get(name, name): found
        for name, found in parameter_schemas(endpoint.request).items()
        if f"{{{name}}}" not in endpoint.path
    }
    return {
        "type": "object",
        "properties": {name: schema for name, (schema, _) in parameters.items()},
        "required": [name for name, (_, required) in parameters.items() if required],
        "additionalProperties": False,
    }


def _callable() -> list[type[Request]]:
    """The operations that any endpoint may carry out."""
    found = [operation.request for operation in OPERATIONS.values() if operation.kind is not Kind.CONNECTION]
    return sorted(found, key=tag_of)


def _responses(endpoint: Endpoint, changes: bool) -> dict[str, Any]:
    codes = {*_ALWAYS, *endpoint.errors, *(_OF_CHANGES if changes else ())}
    if endpoint.request is not None:
        codes.update(errors_of(OPERATIONS[tag_of(endpoint.request)]))
    if endpoint.handle is call_any:
        codes.update(ErrorCode)
    problem = {JSON: {"schema": _problem(endpoint)}}
    responses: dict[str, Any] = {"200": _success(endpoint, changes)}
    if endpoint.request is not None and not changes:
        responses["304"] = {"description": "the list is as `If-None-Match` has it"}
    by_status: dict[str, list[str]] = {}
    for code in sorted(codes):
        by_status.setdefault(str(http_status(code)), []).append(f"`{code}`")
    for status, names in sorted(by_status.items()):
        responses[status] = {"description": ", ".join(names), "content": problem}
    if changes:
        for status, text in _CHANGING_STATUSES.items():
            responses[status] = {"description": text, "content": {JSON: {"schema": reference_to(Problem)}}}
    return responses


def _problem(endpoint: Endpoint) -> Schema:
    """A refusal; that of an operation called by number is as on a WebSocket."""
    problem = reference_to(Problem)
    return any_of([reply_schema(ErrorReply), problem]) if endpoint.handle is call_any else problem


def _success(endpoint: Endpoint, changes: bool) -> dict[str, Any]:
    if endpoint.handle is call_any:
        replies = {reply for request in _callable() for reply in OPERATIONS[tag_of(request)].replies}
        schema = any_of([reply_schema(reply) for reply in sorted(replies, key=tag_of)])
    elif endpoint.request is not None:
        given = OPERATIONS[tag_of(endpoint.request)].replies
        schema = any_of([reply_schema(it) if changes else reference_to(it) for it in given])
    elif endpoint.reply is not None:
        schema = reference_to(endpoint.reply)
    else:
        return {"description": "done"}
    return {"description": "the answer", "content": {JSON: {"schema": schema}}}
