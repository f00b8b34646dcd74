"""The console's files name each other, and nothing else (docs/console.md)."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import gameserver

CONSOLE = Path(gameserver.__file__).parent / "web" / "console"
MODULES = sorted(CONSOLE.rglob("*.js"))
IMPORT = re.compile(r"""(?:\bfrom|\bimport|\bimport\()\s*["']([^"']+)["']""")
DRAWN_AS = "http://www.w3.org/2000/svg"  # the name of a language, which nobody fetches


def named(path: Path) -> str:
    return str(path.relative_to(CONSOLE))


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_a_module_imports_files_beside_it_alone(module: Path) -> None:
    for name in IMPORT.findall(module.read_text(encoding="utf-8")):
        assert name.startswith("."), name
        assert (module.parent / name).is_file(), name


def references() -> Iterator[str]:
    yield from re.findall(r'(?:href|src)="([^"]+)"', (CONSOLE / "index.html").read_text(encoding="utf-8"))
    yield from (icon["src"] for icon in json.loads((CONSOLE / "manifest.json").read_text(encoding="utf-8"))["icons"])


@pytest.mark.parametrize("name", sorted(set(references())))
def test_the_page_and_the_manifest_name_files_that_are_there(name: str) -> None:
    assert (CONSOLE / name).is_file()


OWN = [path for path in CONSOLE.rglob("*") if path.suffix in (".js", ".css", ".html", ".json", ".svg")]


@pytest.mark.parametrize("path", [path for path in OWN if path.parent.name != "vendor"], ids=named)
def test_no_file_names_another_server(path: Path) -> None:
    assert re.findall(r"(?:https?:)?//[\w.-]+\.\w+", path.read_text(encoding="utf-8").replace(DRAWN_AS, "")) == []


@pytest.mark.parametrize("style", sorted((CONSOLE / "style").glob("*.css")), ids=named)
def test_only_the_tokens_name_colours(style: Path) -> None:
    if style.stem != "tokens":
        text = re.sub(r"/\*.*?\*/", "", style.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert re.findall(r"#[0-9a-fA-F]{3,8}\b(?![^{]*\{)|\brgba?\([^)]*\)", text) == []


@pytest.mark.parametrize("module", [path for path in MODULES if path.parent.name != "vendor"], ids=named)
def test_a_module_is_short_enough_to_read(module: Path) -> None:
    assert len(module.read_text(encoding="utf-8").splitlines()) <= 400 or module.name == "operations.js"
