"""What the modules of gameserver import, read from their source."""

import ast
from collections.abc import Iterator
from pathlib import Path

import gameserver

ROOT = Path(gameserver.__file__).parent
MODULES = sorted(path.relative_to(ROOT).with_suffix("") for path in ROOT.rglob("*.py"))


def tree_of(module: Path) -> ast.Module:
    """The syntax tree of a module."""
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
    """The layers that a module imports from."""
    return {layer_of(name) for name in imports_of(module) if name.split(".")[0] == "gameserver"}


def layers() -> dict[str, set[str]]:
    """Each layer with those that it imports."""
    found: dict[str, set[str]] = {module.parts[0]: set() for module in MODULES}
    for module in MODULES:
        found[module.parts[0]] |= own_imports(module) - {module.parts[0]}
    return found
