"""Imports point one way (design, "The house"), and SQL stays in the storage."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.imports import MODULES, imports_of, own_imports, tree_of

# What each layer may import besides itself: those before it, where a row names them.
BASE = {"errors", "config"}
RULES = BASE | {"domain", "protocol", "storage"}
ALLOWED: dict[str, set[str]] = {
    "__init__": {"config", "client", "embedding"},  # what programs use, imported when they do
    "errors": set(),
    "textfiles": {"errors"},
    "config": {"errors", "textfiles"},
    "progress": set(),
    "output": {"errors"},
    "printable": set(),
    "domain": {"errors"},
    "protocol": BASE | {"domain"},
    "storage": BASE | {"domain"},
    "engine": RULES,
    "handlers": RULES | {"engine"},
    "ops": RULES | {"__init__", "printable"},  # the version
    "net": BASE | {"ops"},
    "realtime": RULES | {"__init__", "engine", "handlers", "ops", "net"},
    "web": RULES | {"__init__", "engine", "handlers", "net", "realtime"},  # the version
    "client": BASE | {"protocol"},
    "admin": RULES | {"engine", "handlers", "ops", "net", "client", "textfiles"},
}
ALLOWED["app"] = RULES | {"__init__", "engine", "ops", "net", "realtime", "web", "admin"}
ALLOWED["feed"] = BASE | {"protocol", "client"}
ALLOWED["show"] = BASE | {"protocol", "client", "printable"}
ALLOWED["embedding"] = BASE | {"realtime", "client", "admin", "app"}
ALLOWED["demo"] = BASE | {"protocol", "client", "feed", "show", "net", "ops", "embedding"}
ALLOWED["cli"] = ALLOWED["app"] | {"app", "progress", "output", "printable", "client", "feed", "show", "demo"}
ALLOWED["__main__"] = {"cli"}

EXECUTES = {"execute", "executemany", "executescript", "execute_many"}
TRANSACTION_CONTROL = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")

every_module = pytest.mark.parametrize("module", MODULES, ids=str)


@every_module
def test_an_import_points_to_a_lower_layer(module: Path) -> None:
    layer = module.parts[0]
    assert own_imports(module) - {layer} <= ALLOWED[layer]


def named(name: str) -> Path | None:
    """The module that an import names, or takes a name from; None if it is not this package's."""
    parts = name.split(".")[1:]
    for length in range(len(parts), 0, -1):
        for module in (Path(*parts[:length]), Path(*parts[:length], "__init__")):
            if module in MODULES:
                return module
    return None


def arrows_of(module: Path) -> set[Path]:
    own = (named(name) for name in imports_of(module) if name.startswith("gameserver."))
    return {target for target in own if target is not None and target != module}


def test_no_modules_import_each_other_in_a_circle() -> None:
    left = {module: arrows_of(module) for module in MODULES}
    while free := [module for module, arrows in left.items() if not arrows & left.keys()]:
        for module in free:
            del left[module]
    assert left == {}


HANDLERS = [it for it in MODULES if it.parts[0] == "handlers" and it.name not in ("__init__", "table", "execution")]


@pytest.mark.parametrize("module", HANDLERS, ids=str)
def test_no_handler_imports_another(module: Path) -> None:
    assert [target for target in arrows_of(module) if target.parts[0] == "handlers"] == []


def test_every_layer_is_known() -> None:
    assert {module.parts[0] for module in MODULES} == set(ALLOWED)


def outside_of(module: Path) -> set[str]:
    return {name.split(".")[0] for name in imports_of(module)}


@pytest.mark.parametrize("module", [it for it in MODULES if it.parts[0] in ("domain", "errors")], ids=str)
def test_the_domain_has_no_clock_no_database_and_no_event_loop(module: Path) -> None:
    assert not outside_of(module) & {"trio", "sqlite3", "time", "datetime", "random", "secrets", "os", "logging"}


@pytest.mark.parametrize(
    "module",
    [it for it in MODULES if it.parts[0] in ("domain", "protocol", "storage", "engine", "handlers", "web")],
    ids=str,
)
def test_nothing_below_realtime_reads_a_clock(module: Path) -> None:
    assert not outside_of(module) & {"time", "datetime"}


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


@pytest.mark.parametrize("module", [it for it in MODULES if it.parts[:2] != ("storage", "sqlite")], ids=str)
def test_only_one_room_of_the_storage_knows_sqlite(module: Path) -> None:
    assert "sqlite3" not in outside_of(module)


@pytest.mark.parametrize("module", [it for it in MODULES if it.parts[:2] != ("storage", "postgres")], ids=str)
def test_only_one_room_of_the_storage_knows_postgresql(module: Path) -> None:
    known = outside_of(module) & {"psycopg"}
    assert not known or module == Path("storage", "opening")  # which asks whether it is installed


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


NOT_PORTABLE = re.compile(r"json_each|json_group|OR IGNORE|OR REPLACE|PRAGMA|LIMIT -1| IS \?|->>|sqlite_", re.I)


@pytest.mark.parametrize(
    "module", [it for it in MODULES if it.parts[0] == "storage" and it.parts[1] not in ("sqlite", "postgres")], ids=str
)
def test_the_topics_of_the_storage_speak_sql_that_engines_share(module: Path) -> None:
    assert [text for text in executed(module) if NOT_PORTABLE.search(text)] == []
