"""A write-ahead log that a crash cut or garbled: the file opens at the last commit before the damage."""

import random
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from gameserver.storage.check import find_faults
from gameserver.storage.files import beside
from gameserver.storage.sqlite.connection import open_writer
from gameserver.storage.sqlite.migrations import migrate
from tests.support.offline import Offline
from tests.support.states import Match, contents_of

HEADER_BYTES = 32
FRAME_BYTES = 24 + 4096
MANY_FRAMES = 50


class Recorded(NamedTuple):
    """A file, its log, and after each commit: how long the log was then, and what the database held."""

    database: bytes
    log: bytes
    commits: list[tuple[int, str]]

    def held_before(self, offset: int) -> str:
        """What the database held after the last commit that is wholly in the log's first bytes."""
        return [contents for size, contents in self.commits if size <= offset][-1]

    def frames(self) -> range:
        """Where each frame of the log begins."""
        return range(HEADER_BYTES, len(self.log), FRAME_BYTES)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Bets, settlements and a void, each committed."""
    file = tmp_path_factory.mktemp("recorded") / "game.db"
    log = beside(file, "-wal")
    with closing(Offline(file)) as offline:
        match = Match(offline)
        offline.query("PRAGMA wal_checkpoint(TRUNCATE)")
        database = file.read_bytes()
        commits = [(0, contents_of(file))]
        commits += [(log.stat().st_size, contents_of(file)) for _ in match.live()]
        assert len({contents for _, contents in commits}) == len(commits)
        assert file.read_bytes() == database, "the log was written back into the database meanwhile"
        return Recorded(database, log.read_bytes(), commits)


@pytest.fixture
def opened(recorded: Recorded, tmp_path: Path) -> Callable[[bytes], str]:
    """Opens the file with another log, as the server does; what it holds then. It must be sound."""

    def open_with(log: bytes) -> str:
        copy = tmp_path / "copy" / "game.db"
        copy.parent.mkdir()
        copy.write_bytes(recorded.database)
        beside(copy, "-wal").write_bytes(log)
        with closing(open_writer(copy)) as connection:
            migrate(connection)
            assert find_faults(connection) == []
        contents = contents_of(copy)
        shutil.rmtree(copy.parent)
        return contents

    return open_with


def test_a_log_that_is_cut_anywhere_opens_at_the_last_commit_before_the_cut(
    recorded: Recorded, opened: Callable[[bytes], str]
) -> None:
    chance = random.Random(1)
    offsets = {start + chance.randrange(FRAME_BYTES) for start in recorded.frames()}
    offsets |= {size + more for size, _ in recorded.commits for more in (-1, 0, 1)} | {1, HEADER_BYTES - 1}
    for offset in sorted(offsets & set(range(len(recorded.log) + 1))):
        assert opened(recorded.log[:offset]) == recorded.held_before(offset), f"cut at {offset}"
    assert len(recorded.frames()) > MANY_FRAMES


def test_a_log_with_one_bad_byte_anywhere_opens_at_the_last_commit_before_it(
    recorded: Recorded, opened: Callable[[bytes], str]
) -> None:
    chance = random.Random(2)
    frame_heads = [start + chance.randrange(24) for start in recorded.frames()]
    pages = [start + chance.randrange(24, FRAME_BYTES) for start in recorded.frames()]
    for offset in [*range(0, HEADER_BYTES, 3), *frame_heads[::2], *pages[1::2]]:
        garbled = bytearray(recorded.log)
        garbled[offset] ^= chance.randrange(1, 256)
        assert opened(bytes(garbled)) == recorded.held_before(offset), f"garbled at {offset}"


@pytest.mark.parametrize("garbage", ["zeros", "noise", "frames of before", "half a transaction"])
def test_what_follows_the_last_commit_in_a_log_is_not_taken_for_one(
    recorded: Recorded, opened: Callable[[bytes], str], garbage: str
) -> None:
    last_but_one, last = recorded.commits[-2][0], recorded.commits[-1][0]
    tails = {
        "zeros": (recorded.log, bytes(3 * FRAME_BYTES)),
        "noise": (recorded.log, random.Random(3).randbytes(3 * FRAME_BYTES + 17)),
        "frames of before": (recorded.log, recorded.log[HEADER_BYTES:]),
        "half a transaction": (recorded.log[:last_but_one], recorded.log[last_but_one : last - FRAME_BYTES]),
    }
    whole, tail = tails[garbage]
    assert opened(whole + tail) == recorded.held_before(len(whole))
