"""The types of the client's methods are those of the declarations."""

import ast
from pathlib import Path

import gameserver
from gameserver.client import Client
from gameserver.protocol.registry import OPERATIONS
from gameserver.protocol.stubs import stubs

WRITTEN = (Path(gameserver.__file__).parent / "client" / "operations.pyi").read_text(encoding="utf-8")


def test_the_types_are_those_of_the_declarations() -> None:
    assert stubs() == WRITTEN, "run 'make reference'"


def test_every_operation_is_a_method_but_those_that_a_client_has_other_ways_for() -> None:
    (operations,) = [node for node in ast.parse(WRITTEN).body if isinstance(node, ast.ClassDef)]
    typed = {node.name for node in operations.body if isinstance(node, ast.AsyncFunctionDef)} - {"carry_out"}
    assert typed == {operation.name for operation in OPERATIONS.values()} - {"logon", "join_game", "leave_game"}
    assert all(callable(getattr(Client, name)) for name in typed)
    assert Client.place_bet_in_betting_pool.__doc__
