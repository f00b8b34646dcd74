"""Jobs of one kind that wait beside each other run as a set: with the outcomes they would have one by one."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from gameserver.errors import ErrorCode, Rejected
from gameserver.storage.connection import Connection
from gameserver.storage.jobs import Outcome, SetJob
from tests.support.notes import UNAVAILABLE, Notebook, note

CONFLICT = Rejected(ErrorCode.CONFLICT, "Not now.")


@pytest.fixture
def notebook(database: Path) -> Iterator[Notebook]:
    """A writer that is not running."""
    with closing(Notebook(database)) as opened:
        yield opened


class Notes:
    """A kind of job that notes texts, and remembers with which others it was run."""

    def __init__(self, *, refused: str = "", alone: str = "", error: Exception | None = None) -> None:
        self.sets: list[str] = []
        self._refused = refused
        self._alone = alone
        self._error = error

    def job(self, text: str) -> SetJob:
        """The job that notes a text."""
        return SetJob(self._carry_out, text)

    def _carry_out(self, connection: Connection, texts: Sequence[str]) -> list[Outcome]:
        self.sets.append("".join(texts))
        outcomes = []
        for text in texts:
            if text in self._refused:
                outcomes.append(Outcome(error=CONFLICT))
            else:
                outcomes.append(Outcome(note(text)(connection)))
        if self._error is not None and (len(texts) > 1 or texts[0] in self._alone):
            raise self._error
        return outcomes


async def test_neighbours_of_one_kind_run_at_once_and_others_between_them_keep_their_place(notebook: Notebook) -> None:
    one, other = Notes(), Notes()
    first = {text: one.job(text) for text in "ab"}
    outcomes = await notebook.batch(**first, c=note("c"), d=one.job("d"), e=other.job("e"), f=other.job("f"))
    assert (one.sets, other.sets) == (["ab", "d"], ["ef"])
    assert notebook.statements == ["BEGIN IMMEDIATE", "COMMIT"]
    assert outcomes == {text: text for text in "abcdef"}
    assert notebook.on_disk() == notebook.published == list("abcdef")


async def test_a_refusal_in_a_set_is_its_requesters_alone(notebook: Notebook) -> None:
    notes = Notes(refused="b")
    outcomes = await notebook.batch(a=notes.job("a"), b=notes.job("b"), c=notes.job("c"))
    assert notes.sets == ["abc"]
    assert outcomes == {"a": "a", "b": CONFLICT.code, "c": "c"}
    assert notebook.on_disk() == notebook.published == ["a", "c"]


async def test_what_falls_due_between_two_jobs_of_a_set_happens_between_them(notebook: Notebook) -> None:
    notebook.due = [(10, note("due"))]
    notes = Notes()
    jobs = {"a": (9, notes.job("a")), "b": (9, notes.job("b")), "c": (10, notes.job("c")), "d": (11, notes.job("d"))}
    await notebook.batch(**jobs)
    assert notes.sets == ["ab", "cd"]
    assert notebook.on_disk() == notebook.published == ["a", "b", "due", "c", "d"]


async def test_a_set_that_fails_is_undone_and_its_jobs_run_one_by_one(notebook: Notebook) -> None:
    bug = AssertionError("a bug")
    notes = Notes(refused="a", alone="b", error=bug)
    outcomes = await notebook.batch(a=notes.job("a"), b=notes.job("b"), c=notes.job("c"))
    assert notes.sets == ["abc", "a", "b", "c"]
    assert outcomes == {"a": CONFLICT.code, "b": bug, "c": "c"}
    assert notebook.on_disk() == notebook.published == ["c"]


@pytest.mark.parametrize("error", [sqlite3.OperationalError("disk I/O error"), MemoryError()])
async def test_a_set_that_the_machine_fails_is_not_tried_again(notebook: Notebook, error: Exception) -> None:
    notes = Notes(error=error)
    outcomes = await notebook.batch(a=notes.job("a"), b=notes.job("b"), c=note("c"))
    assert notes.sets == ["ab"]
    assert outcomes == {"a": UNAVAILABLE, "b": UNAVAILABLE, "c": "c"}
    assert notebook.on_disk() == notebook.published == ["c"]


async def test_a_set_that_loses_the_transaction_gives_up_the_batch(notebook: Notebook) -> None:
    notebook.connections[-1].execute("PRAGMA max_page_count = 10")

    def fill(connection: Connection, items: Sequence[object]) -> list[Outcome]:
        return [Outcome(note("much", 1_000_000)(connection)) for _ in items]

    outcomes = await notebook.batch(a=note("a"), b=SetJob(fill, 1), c=SetJob(fill, 2))
    assert outcomes == {"a": UNAVAILABLE, "b": UNAVAILABLE, "c": UNAVAILABLE}
    assert notebook.on_disk() == notebook.published == []


async def test_a_set_counts_with_the_time_of_its_batch(notebook: Notebook) -> None:
    def take_long(connection: Connection, items: Sequence[str]) -> list[Outcome]:
        notebook.seconds += 1.0
        return [Outcome(note(item)(connection)) for item in items]

    await notebook.batch(a=SetJob(take_long, "a"), b=SetJob(take_long, "b"), c=note("c"))
    assert notebook.statements == ["BEGIN IMMEDIATE", "COMMIT"] * 2
    assert notebook.on_disk() == notebook.published == ["a", "b", "c"]
