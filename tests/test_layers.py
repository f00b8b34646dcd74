"""Imports point one way (design, "The house"), and SQL stays in the storage."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import gameserver

ROOT = Path(gameserver.__file__).parent
MODULES = sorted(path.relative_to(ROOT).with_suffix("") for path in ROOT.rglob("*.py"))

BASE = {"errors", "config"}
# What each layer may import besides itself.
ALLOWED: dict[str, set[str]] = {
    "__init__": set(),
    "errors": set(),
    "textfiles": {"errors"},
    "config": {"errors", "textfiles"},
    "progress": set(),
    "output": {"errors"},
    "domain": {"errors"},
    "protocol": BASE | {"domain"},
    "storage": BASE | {"domain"},
    "handlers": BASE | {"domain", "protocol", "storage", "textfiles"},
    "web": BASE | {"domain", "protocol", "storage", "handlers"},
    "realtime": BASE | {"domain", "protocol", "storage", "handlers", "web", "__init__"},  # the version
    "client": BASE | {"protocol"},
}
LAYERS_BELOW_APP = BASE | {"domain", "protocol", "storage", "handlers", "web", "realtime"}
ALLOWED["app"] = LAYERS_BELOW_APP | {"__init__"}
ALLOWED["control"] = LAYERS_BELOW_APP | {"app"}
ALLOWED["calling"] = {"client", "errors"}
ALLOWED["cli"] = LAYERS_BELOW_APP | {"app", "calling", "control", "client", "progress", "output", "__init__"}
ALLOWED["__main__"] = {"cli"}

EXECUTES = {"execute", "executemany", "executescript"}
TRANSACTION_CONTROL = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")

every_module = pytest.mark.parametrize("module", MODULES, ids=str)


def tree_of(module: Path) -> ast.Module:
    return ast.parse((ROOT / module).with_suffix(".py").read_text(encoding="utf-8"))


def imports_of(module: Path) -> Iterator[str]:
    """The full names of what a module imports, wherever in it."""
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer_of(name: str) -> str:
    """The layer of an import such as ``gameserver.storage.users.User``."""
    parts = name.split(".")
    if len(parts) == 1 or (not (ROOT / parts[1]).is_dir() and not (ROOT / f"{parts[1]}.py").exists()):
        return "__init__"
    return parts[1]


def own_imports(module: Path) -> set[str]:
    return {layer_of(name) for name in imports_of(module) if name.split(".")[0] == "gameserver"}


@every_module
def test_an_import_points_to_a_lower_layer(module: Path) -> None:
    layer = module.parts[0]
    assert own_imports(module) - {layer} <= ALLOWED[layer]


def test_every_layer_is_known() -> None:
    assert {module.parts[0] for module in MODULES} == set(ALLOWED)


def outside_of(module: Path) -> set[str]:
    return {name.split(".")[0] for name in imports_of(module)}


@pytest.mark.parametrize("module", [it for it in MODULES if it.parts[0] in ("domain", "errors")], ids=str)
def test_the_domain_has_no_clock_no_database_and_no_event_loop(module: Path) -> None:
    assert not outside_of(module) & {"trio", "sqlite3", "time", "datetime", "random", "secrets", "os", "logging"}


@pytest.mark.parametrize(
    "module", [it for it in MODULES if it.parts[0] in ("domain", "protocol", "storage", "handlers", "web")], ids=str
)
def test_nothing_below_realtime_reads_a_clock(module: Path) -> None:
    assert not outside_of(module) & {"time", "datetime"}


@pytest.mark.parametrize("module", [it for it in MODULES if it.parts[0] in ("protocol", "web", "client")], ids=str)
def test_the_protocol_the_web_and_the_client_know_no_database(module: Path) -> None:
    assert "sqlite3" not in outside_of(module)


@pytest.mark.parametrize("module", [it for it in MODULES if it.parts[0] in ("protocol", "handlers", "web")], ids=str)
def test_what_is_below_realtime_and_beside_storage_knows_no_event_loop(module: Path) -> None:
    assert "trio" not in outside_of(module)


def executed(module: Path) -> Iterator[str]:
    """The source of what a module has a database execute."""
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in EXECUTES:
            yield ast.unparse(node.args[0]).strip("'\"f")


@pytest.mark.parametrize("module", [it for it in MODULES if it.parts[0] != "storage"], ids=str)
def test_only_the_storage_executes_sql_other_than_transaction_control(module: Path) -> None:
    assert [sql for sql in executed(module) if not sql.startswith(TRANSACTION_CONTROL)] == []


def attributes_of_sqlite3(module: Path) -> set[str]:
    return {
        node.attr
        for node in ast.walk(tree_of(module))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "sqlite3"
    }


@pytest.mark.parametrize("module", [it for it in MODULES if it.parts[0] != "storage"], ids=str)
def test_outside_the_storage_sqlite3_gives_types_and_exceptions_only(module: Path) -> None:
    assert attributes_of_sqlite3(module) <= {"Connection", "Error", "OperationalError", "sqlite_version"}


def strings_of(module: Path) -> Iterator[str]:
    return (
        node.value
        for node in ast.walk(tree_of(module))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


# Python 3.12.0 to 3.12.3 warns of ?1 with a sequence, and other engines have no such thing.
@pytest.mark.parametrize("module", [it for it in MODULES if it.parts[0] == "storage"], ids=str)
def test_no_placeholder_of_the_storage_is_numbered(module: Path) -> None:
    assert [text for text in strings_of(module) if re.search(r"\?\d", text)] == []
