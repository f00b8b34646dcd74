"""What the console's `client.js` derives from the declarations: ``python -m gameserver.protocol.client_types FOLDER``.

``operations.js`` has the number and kind of every operation and the name of every reply and broadcast; ``client.d.ts``
the types of it all.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from inspect import cleandoc
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from gameserver.errors import ErrorCode
from gameserver.protocol.declare import ErrorReply, Message, Operation, snake_case, tag_of
from gameserver.protocol.registry import MESSAGES, OPERATIONS

_GENERATED = "// Written by `make reference` from the declarations in gameserver/protocol; do not edit."

_CLIENT = """\
/** What a message is sent with. */
export interface ResponseHeader {
  /** The server's time, in epoch milliseconds. */
  t: number;
  id?: number | string;
  /** The position of a durable broadcast among the game's. */
  seq?: number;
  /** The reply was stored under the request's key, or the event under its `external_id`: nothing was done. */
  repeated?: boolean;
}

export type OperationName = keyof Operations;
export type MessageName = keyof Messages;
export type Reply<Name extends OperationName> = Messages[Operations[Name]["reply"]] & Received;
export type Broadcast = { [Name in MessageName]: Messages[Name] & Received & { res_name: Name } }[MessageName];
export interface Received { response_header: ResponseHeader; res: number; res_name: MessageName }

/** A refusal (666); its other fields, such as `available`, are those of the message. */
export class Refused extends Error {
  readonly code: ErrorCode;
  readonly field: string | null;
  readonly retryable: boolean;
  readonly details: Messages["error_reply"];
}

/** No answer in time, or no connection: whether a write was carried out is unknown. */
export class Unanswered extends Error {}

export interface Connection {
  /** `ended`: by us, or because the session has ended; it does not come back by itself. */
  state: "connecting" | "live" | "waiting" | "ended";
  /** Why it is not live; null while it is, and at first. */
  reason: "unreachable" | "full" | "slow" | "flood" | "restarting" | "signed_out" | "left" | null;
  /** When the next attempt is made, in the milliseconds of `Date.now()`; null if none is. */
  retryAt: number | null;
}

export interface Subscription {
  /** What 333 told at last; null before. */
  readonly joined: (Messages["game_joined"] & Received) | null;
  leave(): void;
}

export interface SubscriptionEvents {
  /** The connection has joined; `recovered` or not, nothing that follows has been heard before. */
  joined?(reply: Messages["game_joined"] & Received, isAgain: boolean): void;
  /** A broadcast of the game, in the order of its `seq`. */
  heard?(message: Broadcast): void;
  /** Joining was refused; it is tried no more. */
  refused?(refusal: Refused): void;
}

export interface ClientOptions {
  /** The API's address; that of the page's server by default. */
  url?: string;
  /** What logs on; without it the browser's cookie does. */
  sessionKey?: string;
}

export class Client {
  constructor(options?: ClientOptions);
  readonly connection: Connection;
  /** The server's time in epoch milliseconds. */
  now(): number;
  start(): void;
  /** Close the connection for good. */
  stop(): void;
  /** Connect at once, if waiting; else find out whether the connection still works. */
  check(): void;
  /** The sources whose new, opened and closed games are told without joining; reconnects if they are others. */
  watch(sourceIds: string[]): void;
  /** The sources that are watched. */
  readonly sources: readonly string[];
  /**
   * Send a request and resolve to its reply. Writes have a key of their own unless one is given, and are sent again
   * with it after a lost connection and whatever may be retried; reads are sent again too. The same key while it is
   * unanswered is the same request. Rejects with `Refused` or `Unanswered`.
   */
  call<Name extends OperationName>(
    name: Name,
    parameters?: Operations[Name]["parameters"],
    options?: { key?: string; deadlineMs?: number; retrying?(refusal: Refused, inMs: number): void },
  ): Promise<Reply<Name>>;
  /**
   * Join a game, and again after each reconnection with what was heard last, or when it is opened again. With `since`
   * of its details, what came after them is told first; a closed game can be joined so alone.
   */
  join(gameId: string, events: SubscriptionEvents, since?: { seq: number; epoch: string }): Subscription;
  on(event: "connection", hear: (connection: Connection) => void): () => void;
  on(event: "message", hear: (message: Broadcast) => void): () => void;
}

/** A new idempotency key. */
export function newKey(): string;

/** What is known of pools: of each field, what the greatest `version` told. */
export class PoolViews {
  readonly pools: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
  /** Take in a view of a pool; false if all of it was known better. */
  merge(poolId: string, version: number, fields: Record<string, unknown>): boolean;
  clear(): void;
}
"""

_TYPES: dict[Any, str] = {
    str: "string",
    int: "number",
    float: "number",
    Decimal: "number",
    bool: "boolean",
    NoneType: "null",
    msgspec.Raw: "number | string",
}


def operations_js() -> str:
    """The module ``operations.js``."""
    lines = [_GENERATED, "", "// name → [op, kind]", "export const OPERATIONS = {"]
    lines += [
        f'  {operation.name}: [{op}, "{operation.kind.name.lower()}"],' for op, operation in sorted(OPERATIONS.items())
    ]
    lines += ["};", "", "// res → name", "export const MESSAGES = {"]
    lines += [f'  {tag_of(struct)}: "{name}",' for name, struct in sorted(_messages().items(), key=_by_tag)]
    return "\n".join([*lines, "};", ""])


def client_types() -> str:
    """The types of ``client.js``."""
    shapes = _Shapes()
    lines = [_GENERATED, "", _CLIENT]
    lines += ["export type ErrorCode =", *(f'  | "{code}"' for code in ErrorCode)]
    lines[-1] += ";"
    lines += ["", "export interface Operations {"]
    for _, operation in sorted(OPERATIONS.items()):
        lines += _operation(operation, shapes)
    lines += ["}", "", "export interface Messages {"]
    for name, struct in sorted(_messages().items(), key=_by_tag):
        lines += [f"  /** {tag_of(struct)}. {_sentence(struct)} */", f"  {name}: {{"]
        lines += [f"    {field};" for field in shapes.fields(struct, get_type_hints(struct))]
        lines += ["  };"]
    lines += ["}", ""]
    lines += shapes.declarations()
    return "\n".join(lines) + "\n"


def _messages() -> dict[str, type[Message]]:
    messages: dict[str, type[Message]] = {**MESSAGES, snake_case(ErrorReply.__name__): ErrorReply}
    assert len({tag_of(struct) for struct in messages.values()}) == len(messages), "a number names one message"
    return messages


def _by_tag(item: tuple[str, type[Message]]) -> int:
    return tag_of(item[1])


def _operation(operation: Operation, shapes: "_Shapes") -> Iterator[str]:
    yield f"  /** {operation.op}. {_sentence(operation.request)} */"
    yield f"  {operation.name}: {{"
    yield "    parameters: {"
    hints = get_type_hints(operation.request)
    for field in msgspec.structs.fields(operation.request):
        if field.name != "header":
            yield f"      {field.name}{'' if field.required else '?'}: {shapes.shape(hints[field.name])};"
    yield "    };"
    replies = " | ".join(f'"{snake_case(struct.__name__)}"' for struct in operation.replies)
    yield f"    reply: {replies};"
    yield "  };"


class _Shapes:
    """The structs that messages and parameters hold, each declared once as an interface."""

    def __init__(self) -> None:
        self._found: dict[str, type[msgspec.Struct]] = {}

    def shape(self, hint: Any) -> str:
        """The TypeScript type of an annotation."""
        origin, arguments = get_origin(hint), get_args(hint)
        simple: dict[Any, Callable[[], str]] = {
            Annotated: lambda: self.shape(arguments[0]),
            UnionType: lambda: self._union(arguments),
            Union: lambda: self._union(arguments),
            dict: lambda: f"Record<string, {self.shape(arguments[1])}>",
            Mapping: lambda: f"Record<string, {self.shape(arguments[1])}>",
            list: lambda: f"Array<{self.shape(arguments[0])}>",
            Literal: lambda: " | ".join(f'"{value}"' for value in arguments),
        }
        if origin in simple:
            return simple[origin]()
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            assert self._found.setdefault(hint.__name__, hint) is hint, f"two structs are named {hint.__name__}"
            return hint.__name__
        if isinstance(hint, type) and issubclass(hint, StrEnum):
            return " | ".join(f'"{member}"' for member in hint)
        return _TYPES[hint]

    def _union(self, members: tuple[Any, ...]) -> str:
        return " | ".join(self.shape(member) for member in members if member is not msgspec.UnsetType)

    def fields(self, struct: type[msgspec.Struct], hints: dict[str, Any]) -> Iterator[str]:
        """The fields of a struct; one that may be left out is optional."""
        for field in msgspec.structs.fields(struct):
            hint = hints[field.name]
            is_left_out = struct.__struct_config__.omit_defaults and not field.required
            absent = is_left_out or msgspec.UnsetType in get_args(hint)
            yield f"{field.name}{'?' if absent else ''}: {self.shape(hint)}"

    def declarations(self) -> Iterator[str]:
        """The interfaces of the structs met so far, and of those that they hold."""
        declared: set[str] = set()
        while waiting := sorted(self._found.keys() - declared):
            for name in waiting:
                declared.add(name)
                struct = self._found[name]
                yield f"export interface {name} {{"
                yield from (f"  {field};" for field in self.fields(struct, get_type_hints(struct)))
                yield "}"


def _sentence(struct: type[msgspec.Struct]) -> str:
    return cleandoc(struct.__doc__ or "").split("\n\n")[0].replace("\n", " ").replace("``", "`")


def write(folder: Path) -> None:
    """Write both files."""
    (folder / "operations.js").write_text(operations_js(), encoding="utf-8")
    (folder / "client.d.ts").write_text(client_types(), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
