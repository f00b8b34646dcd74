"""What a test reads of the log."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any


class Lines:
    """What the log says, line by line."""

    def __init__(self, formatter: logging.Formatter) -> None:
        self._stream = io.StringIO()
        self.handler = logging.StreamHandler(self._stream)
        self.handler.setFormatter(formatter)

    @property
    def text(self) -> list[str]:
        return self._stream.getvalue().removesuffix("\n").split("\n")

    def of(self, event: str) -> list[dict[str, Any]]:
        """The entries of an event, without what every one has."""
        entries = [json.loads(line) for line in self._stream.getvalue().splitlines()]
        return [
            {name: value for name, value in entry.items() if name not in ("time", "logger", "message", "event")}
            for entry in entries
            if entry.get("event") == event
        ]


def listen(formatter: logging.Formatter) -> Iterator[Lines]:
    """All that is logged meanwhile."""
    lines, root = Lines(formatter), logging.getLogger()
    level = root.level
    root.addHandler(lines.handler)
    root.setLevel(logging.DEBUG)
    yield lines
    root.removeHandler(lines.handler)
    root.setLevel(level)
