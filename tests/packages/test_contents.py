"""Wheel and source distribution hold what belongs to them, and nothing that lies about."""

import subprocess
import tarfile
import tomllib
from email.message import Message
from email.parser import BytesParser
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.packages.conftest import ROOT, build

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LEFT_LYING = (
    "data/gameserver.db",
    "build/parser/tests/a.py",
    "dist/gameserver-0.0.1.tar.gz",
    "notes.txt",
    ".venv/lib/gameserver/a.py",
    "gameserver/__pycache__/app.cpython-311.pyc",
    "tests/data/gameserver.db",
    "gameserver.egg-info/PKG-INFO",
)


def in_git() -> set[str]:
    """The files of the source tree, as git knows them."""
    if not (ROOT / ".git").exists():
        pytest.skip("there is no git checkout to compare with")
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    return {name for name in listed if (ROOT / name).exists()}


def in_wheel(folder: Path) -> set[str]:
    (wheel,) = folder.glob("*.whl")
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


def in_source(folder: Path) -> set[str]:
    (source,) = folder.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


def metadata(folder: Path) -> Message:
    (wheel,) = folder.glob("*.whl")
    (name,) = [name for name in in_wheel(folder) if name.endswith("/METADATA")]
    with ZipFile(wheel) as archive:
        return BytesParser().parsebytes(archive.read(name))


def test_the_wheel_holds_the_package_with_the_console_and_the_schema_and_nothing_else(built: Path) -> None:
    described = {name for name in in_wheel(built) if ".dist-info/" in name}
    files = in_wheel(built) - described
    assert files == {name for name in in_git() if name.startswith("gameserver/")} | {
        "gameserver/storage/sqlite/schema.sql"
    }
    assert {"gameserver/web/console/index.html", "gameserver/feed/world_cup_final_2022.jsonl"} < files
    assert {name.partition("/")[2] for name in described} == {
        "METADATA",
        "RECORD",
        "WHEEL",
        "entry_points.txt",
        "licenses/LICENSE",
    }


def test_the_source_distribution_holds_all_of_the_source_and_nothing_else(built: Path) -> None:
    assert in_source(built) == in_git() | {"PKG-INFO"}


def test_a_source_tree_in_which_much_lies_about_gives_the_same_packages(built: Path, tmp_path: Path) -> None:
    (source,) = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        archive.extractall(tmp_path, filter="data")
    tree = tmp_path / source.name.removesuffix(".tar.gz")
    for name in LEFT_LYING:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text("left lying")
    again = build(tree, tmp_path / "again")
    assert in_source(again) == in_source(built)
    (wheel,) = built.glob("*.whl")
    assert (again / wheel.name).read_bytes() == wheel.read_bytes()


def test_a_package_says_what_it_is_and_what_it_needs(built: Path) -> None:
    told = metadata(built)
    assert (told["Name"], told["Version"]) == ("gameserver", PROJECT["version"])
    assert told["License-Expression"] == "MIT"
    assert told["Requires-Python"] == PROJECT["requires-python"]
    always = [needed for needed in told.get_all("Requires-Dist", []) if "extra ==" not in needed]
    assert len(always) == len(PROJECT["dependencies"])


def test_the_version_is_that_of_the_newest_release_in_the_changelog_and_written_nowhere_else() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    releases = [line.split()[1] for line in changelog.splitlines() if line.startswith("## ")]
    assert next(release for release in releases if release != "Unreleased") == PROJECT["version"]
    code = (path for path in (ROOT / "gameserver").rglob("*.py"))
    assert not [path for path in code if f'"{PROJECT["version"]}"' in path.read_text(encoding="utf-8")]
