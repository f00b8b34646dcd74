"""State machines of Hypothesis that act on a database, of whatever engine."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import ClassVar

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from gameserver.config import Settings
from tests.support.offline import Offline

NewDatabase = Callable[[], AbstractContextManager[Path | str]]


def new_files(folder: Path) -> NewDatabase:
    """What makes database files in a folder, each for as long as its block lasts."""

    @contextmanager
    def new_file() -> Iterator[Path]:
        with tempfile.TemporaryDirectory(dir=folder) as directory:
            yield Path(directory) / "game.db"

    return new_file


class DatabaseMachine(RuleBasedStateMachine):
    """A machine each run of which has databases of its own."""

    new_database: ClassVar[NewDatabase]

    def __init__(self) -> None:
        super().__init__()
        self._databases = ExitStack()

    def open_offline(self, settings: Settings | None = None) -> Offline:
        """A new database, which goes with the run."""
        return Offline(self._databases.enter_context(type(self).new_database()), settings)

    def teardown(self) -> None:
        """Let go of the databases, which must be closed."""
        self._databases.close()


def run_machine(machine: type[DatabaseMachine], new_database: NewDatabase, *, examples: int, steps: int) -> None:
    """Let a machine run with databases of an engine."""
    # Examples are chosen by these names: they are the same for all engines.
    names = {"__module__": machine.__module__, "__qualname__": machine.__qualname__}
    on_engine = type(machine.__name__, (machine,), {"new_database": staticmethod(new_database), **names})
    options = settings(max_examples=examples, stateful_step_count=steps, print_blob=True)
    run_state_machine_as_test(on_engine, settings=options)
