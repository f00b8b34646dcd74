"""docs/feed.md: its examples are read as it says."""

import csv
import json
import re

from gameserver.cli import make_parser
from gameserver.feed.mapping import NAMES, Entry, Mapping
from tests.support.pages import ROOT, blocks_of, read
from tests.support.shell import commands_in

PAGE = "docs/feed.md"
FILES = {block.file: block.text.splitlines() for block in blocks_of(PAGE) if block.file is not None}


def test_the_lines_are_an_addition_an_event_and_its_corrections() -> None:
    entries = [Mapping([]).entry(json.loads(line)) for line in FILES["match.jsonl"]]
    assert [entry.subject for entry in entries] == ["", "e1", "e1", "e1"]
    assert [bool(entry.targets) for entry in entries] == [True, False, False, False]
    assert (entries[2].amend, entries[3].void) == ("e1", "e1")


def test_the_commands_are_understood_and_the_mapping_reads_the_csv() -> None:
    example, _, mapped = [
        make_parser().parse_args(arguments) for block in blocks_of(PAGE) for arguments in commands_in(block.text)
    ]
    assert (ROOT / example.file).exists()
    assert example.speed == 120
    entries = [Mapping(mapped.map).entry(record) for record in csv.DictReader(FILES["events.csv"])]
    assert entries[1] == Entry(
        id="18", action="Yellow Card", target="France:Rabiot", happened_at=1_671_375_600_000 + 55 * 60_000
    )


def test_every_field_is_explained() -> None:
    explained = re.findall(r"^\| (`.*?) \|", read(PAGE), re.M)
    assert {name for cell in explained for name in re.findall(r"`(\w+)`", cell)} == set(NAMES) - {"reason"}
