"""Where a page of a list of games begins."""

from gameserver.engine.context import Reading
from gameserver.errors import not_found
from gameserver.storage.games import find_game


def page_start(reading: Reading, after: str | None, source_id: int | None = None) -> int | None:
    """The row below which a page of games begins: that of ``after``, or None for the first page.

    Raises ``not_found`` if ``after`` is no game, or none of the source.
    """
    if after is None:
        return None
    game = find_game(reading.connection, after)
    if game is None or source_id not in (None, game.source_id):
        raise not_found("after", "game")
    return game.id
