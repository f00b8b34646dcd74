"""What the pages tell of the code is so: every metric, setting, event and folder, and no others."""

import re

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from gameserver.__main__ import OLDEST_PYTHON, SYSTEMS
from gameserver.config import Settings
from gameserver.ops.prometheus import PrometheusMetrics
from gameserver.storage.sqlite.connection import OLDEST_SQLITE
from tests.support.harness import Server
from tests.support.pages import ROOT, read

PAGE = read("docs/running.md")
README = read("README.md")
UNIT = (ROOT / "docs" / "gameserver.service").read_text(encoding="utf-8")
SOURCES = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "gameserver").rglob("*.py"))
SETTINGS = {field.name: field.default for field in msgspec.structs.fields(Settings)}


def first_cells(heading: str) -> list[list[str]]:
    """The names in the first cell of each row of a section's table."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    assert rows, heading
    return [re.findall(r"`([a-z_]+)`", row.split("|")[1]) for row in rows]


def names(heading: str) -> set[str]:
    return {name for cells in first_cells(heading) for name in cells}


async def test_every_metric_is_explained_and_no_other(server: Server) -> None:
    exposed_text = PrometheusMetrics(server.context.metrics, server.context.snapshot())()
    exposed = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in text_string_to_metric_families(exposed_text.decode())
    }
    assert names("Metrics") == exposed


def test_every_setting_is_explained_and_no_other() -> None:
    assert names("Limits") == set(SETTINGS)


@pytest.mark.parametrize("cells", first_cells("Limits"), ids=" ".join)
def test_a_settings_default_is_as_the_page_says(cells: list[str]) -> None:
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{cells[0]}`")]
    defaults: list[str] = []
    for name in cells:
        value = SETTINGS[name]
        if isinstance(value, tuple):
            defaults += value or ["none"]
        elif isinstance(value, bool):
            defaults.append(str(value).lower())
        else:
            defaults.append(
                f"{value:,}".removesuffix(".0")
                if isinstance(value, int | float) and name != "port"
                else str(value) or "none"
            )
    assert row.split("|")[2].strip() == ", ".join(defaults)


def test_every_event_of_the_log_is_explained_and_no_other() -> None:
    logged = re.findall(r'logging\.[A-Z]+, "([a-z_]+)"', SOURCES) + re.findall(r'\blevel, "([a-z_]+)"', SOURCES)
    in_a_block = re.findall(r'logging\.[A-Z]+,\s+"([a-z_]+)"', SOURCES)
    assert names("The log") == {*logged, *in_a_block}


def test_the_systems_that_are_supported_are_those_that_are_let_in() -> None:
    sqlite = ".".join(map(str, OLDEST_SQLITE[:2]))
    python = ".".join(map(str, OLDEST_PYTHON))
    for page in (PAGE, README):
        opening = page.partition("\n## ")[0]
        assert f"Python {python} or newer" in opening
        assert f"SQLite {sqlite} or newer" in opening
        assert all(name in opening for name in SYSTEMS.values())
    assert f'requires-python = ">={python}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_the_socket_of_the_unit_is_one_that_the_server_takes() -> None:
    socket = (ROOT / "docs" / "gameserver.socket").read_text(encoding="utf-8")
    assert re.findall(r"^ListenStream=(.*)$", socket, re.M) == ["127.0.0.1:9999"]
    assert "Accept=" not in socket


def test_the_unit_starts_a_command_that_exists() -> None:
    (command,) = re.findall(r"^ExecStart=\S+/gameserver (.*)$", UNIT, re.M)
    assert command.split()[:2] == ["serve", "--db"]
    assert "Type=notify" in UNIT


CITED = sorted(set(re.findall(r'\(protocol, "([^"]+)"\)', SOURCES)))


@pytest.mark.parametrize("heading", CITED)
def test_a_rule_that_the_code_cites_has_a_heading_in_the_protocol(heading: str) -> None:
    assert heading in re.findall(r"^#+ (.+)$", read("docs/protocol.md"), re.M)


def test_the_code_cites_rules() -> None:
    assert len(CITED) > 20


def test_the_architecture_names_every_folder_and_no_other() -> None:
    house = read("docs/architecture.md").partition("## The house")[2].partition("\n## ")[0]
    named = {name for row in re.findall(r"^\| (`.*?) \|", house, re.M) for name in re.findall(r"`([a-z/]+)/`", row)}
    assert named == {path.name for path in (ROOT / "gameserver").iterdir() if (path / "__init__.py").exists()}
