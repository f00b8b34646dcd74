"""docs/feed.md: its examples are read as it says."""

import csv
import json
import re
import shlex
from pathlib import Path

from gameserver.cli import make_parser
from gameserver.feed.mapping import NAMES, Entry, Mapping

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "feed.md").read_text(encoding="utf-8")


def block(language: str, number: int = 0) -> str:
    return str(re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S)[number])


def test_the_lines_are_an_addition_an_event_and_its_corrections() -> None:
    entries = [Mapping([]).entry(json.loads(line)) for line in block("json").splitlines()]
    assert [entry.subject for entry in entries] == ["", "e1", "e1", "e1"]
    assert [bool(entry.targets) for entry in entries] == [True, False, False, False]
    assert (entries[2].amend, entries[3].void) == ("e1", "e1")


def test_the_commands_are_understood_and_the_mapping_reads_the_csv() -> None:
    example, mapped = [
        make_parser().parse_args(shlex.split(block("sh", number).replace("\\\n", ""))[1:]) for number in (0, 1)
    ]
    assert (ROOT / example.file).exists()
    assert example.speed == 120
    entries = [Mapping(mapped.map).entry(record) for record in csv.DictReader(block("csv").splitlines())]
    assert entries[1] == Entry(
        id="18", action="Yellow Card", target="France:Rabiot", happened_at=1_671_375_600_000 + 55 * 60_000
    )


def test_every_field_is_explained() -> None:
    explained = re.findall(r"^\| (`.*?) \|", PAGE, re.M)
    assert {name for cell in explained for name in re.findall(r"`(\w+)`", cell)} == set(NAMES) - {"reason"}
