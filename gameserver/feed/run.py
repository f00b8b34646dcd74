"""A feed from its first line to its last."""

from collections.abc import Callable
from contextlib import aclosing
from typing import Any, NamedTuple

from gameserver.client import Client
from gameserver.feed.feeding import Done, Feed
from gameserver.feed.mapping import Entry, Mapping
from gameserver.feed.reading import NotMapped, Record, read_records


class Source(NamedTuple):
    """What to read: a file's name, ``-`` for standard input, and how."""

    file: str
    is_csv: bool
    follow: bool
    mapping: Mapping


async def run_feed(
    client: Client,
    game_id: str,
    source: Source,
    tell: Callable[[Record, Entry, Done], Any],
    tell_not_mapped: Callable[[Record, NotMapped], Any],
    *,
    speed: float | None,
) -> None:
    """Carry out every line of a feed. Raises `Refused`, `FeedFailed` and `ConnectionLost`."""
    feed = Feed(client, game_id, speed=speed)
    await feed.prepare()
    async with aclosing(read_records(source.file, is_csv=source.is_csv, follow=source.follow)) as records:
        async for record in records:
            try:
                if isinstance(record.fields, NotMapped):
                    raise record.fields
                entry = source.mapping.entry(record.fields)
                done = await feed.tell(entry)
            except NotMapped as reason:
                tell_not_mapped(record, reason)
            else:
                tell(record, entry, done)
