"""What is secret is compared in constant time: ``==`` ends at the first character that differs."""

import ast
from pathlib import Path

import gameserver
from gameserver.domain import credentials

ROOT = Path(gameserver.__file__).parent
SECRETS = {"proof", "secret", "mac", "genuine", "session_key", "password"}


def compared(tree: ast.AST) -> list[ast.expr]:
    """Every operand of an equality or a search."""
    kinds = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)
    return [
        side
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare) and any(isinstance(op, kinds) for op in node.ops)
        for side in (node.left, *node.comparators)
    ]


def test_credentials_are_compared_by_compare_digest_alone() -> None:
    tree = ast.parse(Path(credentials.__file__).read_text())
    assert compared(tree) == []
    comparing = {
        function.name
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef) and "hmac.compare_digest" in ast.unparse(function)
    }
    assert comparing == {"session_id_of", "digest_matches"}


def test_nothing_secret_is_compared_elsewhere() -> None:
    found = {
        (path.name, ast.unparse(side))
        for path in ROOT.rglob("*.py")
        for side in compared(ast.parse(path.read_text()))
        if isinstance(side, ast.Name | ast.Attribute) and ast.unparse(side).rpartition(".")[2] in SECRETS
    }
    assert found == set()
