"""Reading the lines of an exported game from a file."""

import json
from typing import Any

import msgspec

from gameserver.errors import OperatorError
from gameserver.textfiles import decode_text


class ReplayError(OperatorError):
    """A file that is not an export of a game, or a request in it that cannot be repeated."""


class _Game(msgspec.Struct, tag_field="fact", tag="game"):
    currency: str
    takeout_millionths: list[int] | int  # of each pool, or one for all in exports of older versions
    pools: list[str]
    events: list[str]


class _Request(msgspec.Struct, tag_field="fact", tag="request"):
    at: int
    user_id: int | None
    op: int
    parameters: dict[str, Any]


class _Outcome(msgspec.Struct, tag_field="fact", tag="outcome"):
    at: int
    pools: list[list[Any]]
    bets: list[list[Any]]
    balances: list[list[Any]]
    score: list[list[Any]] = []  # absent in exports of older versions


def read_facts(data: bytes, name: str) -> list[dict[str, Any]]:
    """Decode the facts in a file called ``name``, one a line. Raises `ReplayError` and `TextRefused`."""
    facts = []
    for number, line in enumerate(decode_text(data, name).split("\n"), 1):
        if line and not line.isspace():
            try:
                fact = json.loads(line)
                msgspec.convert(fact, _Game | _Request | _Outcome)
            except (ValueError, RecursionError) as error:
                raise ReplayError(f"{name}, line {number}: this is not a line of an export: {error}") from None
            facts.append(fact)
    return facts
