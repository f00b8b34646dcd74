"""asyncapi.json: the WebSocket API for tools, made of the declarations (AsyncAPI 3.0)."""

from typing import Any

from gameserver.protocol.declare import ErrorReply, Message, Request, snake_case
from gameserver.protocol.registry import OPERATIONS
from gameserver.protocol.schemas import all_messages, component_schemas, description_of, reference_to, reply_schema

_CHANNEL = "connection"


def asyncapi(version: str) -> dict[str, Any]:
    """The whole document, of a version of the server."""
    requests = {operation.name: operation.request for operation in OPERATIONS.values()}
    messages = {snake_case(message.__name__): message for message in all_messages()}
    told = {message for operation in OPERATIONS.values() for message in operation.broadcasts}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "gameserver",
            "version": version,
            "description": "Live prediction games over WebSocket; the protocol's page has the rules.",
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "channels": {
            _CHANNEL: {
                "address": "/",
                "description": "Requests and their replies, in order, with broadcasts between them.",
                "messages": {
                    **{_request_name(name): _component(_request_name(name)) for name in requests},
                    **{name: _component(name) for name in messages},
                },
            }
        },
        "operations": {
            **{operation.name: _called(operation.name, operation.replies) for operation in OPERATIONS.values()},
            **{f"tell_{snake_case(it.__name__)}": _told(it) for it in sorted(told, key=lambda it: it.__name__)},
        },
        "components": {
            "messages": {
                **{_request_name(name): _request(name, request) for name, request in requests.items()},
                **{name: _message(name, message) for name, message in messages.items()},
            },
            "schemas": component_schemas(),
        },
    }


def _request_name(operation: str) -> str:
    """The name of a request among the messages, where replies may have that of their operation."""
    return f"{operation}_request"


def _component(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/messages/{name}"}


def _in_channel(name: str) -> dict[str, str]:
    return {"$ref": f"#/channels/{_CHANNEL}/messages/{name}"}


def _called(name: str, replies: tuple[type[Message], ...]) -> dict[str, Any]:
    answered: list[type[Message]] = [*replies, ErrorReply]
    return {
        "action": "receive",
        "channel": {"$ref": f"#/channels/{_CHANNEL}"},
        "messages": [_in_channel(_request_name(name))],
        "reply": {
            "channel": {"$ref": f"#/channels/{_CHANNEL}"},
            "messages": [_in_channel(snake_case(reply.__name__)) for reply in dict.fromkeys(answered)],
        },
    }


def _told(message: type[Message]) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{_CHANNEL}"},
        "messages": [_in_channel(snake_case(message.__name__))],
    }


def _request(name: str, request: type[Request]) -> dict[str, Any]:
    return {"name": name, "description": description_of(request), "payload": reference_to(request)}


def _message(name: str, message: type[Message]) -> dict[str, Any]:
    return {"name": name, "description": description_of(message), "payload": reply_schema(message)}
