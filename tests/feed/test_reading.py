"""The lines of a feed."""

from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from gameserver.feed.reading import FeedFailed, NotMapped, Record, read_records
from tests.support.world import within


async def records_of(file: Path, *, is_csv: bool = False) -> list[Record]:
    return [record async for record in read_records(str(file), is_csv=is_csv, follow=False)]


def told(records: list[Record]) -> list[Any]:
    return [(it.number, str(it.fields) if isinstance(it.fields, NotMapped) else it.fields) for it in records]


async def test_each_line_is_an_object_with_its_number(tmp_path: Path) -> None:
    file = tmp_path / "feed.jsonl"
    file.write_bytes(b'\xef\xbb\xbf{"a": 1}\r\n\n{"b": "\xc3\xa9"}')
    assert told(await records_of(file)) == [(1, {"a": 1}), (3, {"b": "é"})]


async def test_a_line_that_is_no_object_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    file = tmp_path / "feed.jsonl"
    file.write_bytes(b'{"a":\n[1]\n\xff\n' + b"[" * 100_000 + b'\n{"b": 2}\n')
    assert told(await records_of(file)) == [
        (1, "it is not JSON"),
        (2, "it is not a JSON object"),
        (3, "it is not UTF-8"),
        (4, "it is not JSON"),
        (5, {"b": 2}),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
async def test_csv_has_its_names_in_the_first_line(tmp_path: Path, delimiter: str) -> None:
    file = tmp_path / "feed.csv"
    file.write_text(f'id{delimiter} action\ne1{delimiter}"Own ""goal"""\n\ne2\n"e3{delimiter}x\n', encoding="utf-8")
    assert told(await records_of(file, is_csv=True)) == [
        (2, {"id": "e1", "action": 'Own "goal"'}),
        (4, "it has 1 values, but the first line names 2"),
        (5, "it is not CSV: unexpected end of data"),
    ]


async def test_a_file_that_grows_is_read_line_by_line_as_they_are_complete(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    file = tmp_path / "feed.jsonl"
    file.write_text('{"a": 1}\n{"b":', encoding="utf-8")
    async with within(), aclosing(read_records(str(file), is_csv=False, follow=True)) as records:
        assert (await anext(records)).fields == {"a": 1}
        async with trio.open_nursery() as nursery:

            async def grow() -> None:
                await trio.sleep(1)
                with file.open("a", encoding="utf-8") as opened:
                    opened.write(" 2}\n")

            nursery.start_soon(grow)
            assert (await anext(records)).fields == {"b": 2}
        file.write_text("", encoding="utf-8")
        with pytest.raises(FeedFailed, match="shorter"):
            await anext(records)


async def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(FeedFailed, match="No such file"):
        await records_of(tmp_path / "missing.jsonl")
