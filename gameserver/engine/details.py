"""A game's details, and how long they stay valid (protocol, "Life of a game")."""

import math
from typing import NamedTuple

import msgspec

from gameserver.config import Settings
from gameserver.domain.status import game_status
from gameserver.domain.targets import TargetRow, build_tree, target_ids
from gameserver.engine.context import Reading
from gameserver.errors import not_found
from gameserver.protocol.codec import encode_body
from gameserver.protocol.games import ActionNode, GameDetails, GetGameDetails, PastEvent
from gameserver.storage.connection import Connection
from gameserver.storage.events import Event, find_event, list_counts, list_past_events
from gameserver.storage.games import Game
from gameserver.storage.targets import list_action_rows, list_actions, list_target_rows
from gameserver.storage.users import User

PAST_EVENTS = 100


def read_details(reading: Reading, request: GetGameDetails) -> GameDetails:
    """The details that a request asks for. Raises ``not_found``."""
    game = reading.game(request, request.game_id)
    before = None
    if request.before is not None:
        before = find_event(reading.connection, game.id, request.before)
        if before is None:
            raise not_found("before", "event of this game")
    return details_of(reading, game, game.seq, before, request.limit)


class LastingDetails(NamedTuple):
    """The body of a game's details, which is valid until the game changes, and at most until ``until_ms``."""

    body: bytes
    until_ms: float


def lasting_details(
    connection: Connection, request: GetGameDetails, user: User, now_ms: int, settings: Settings
) -> LastingDetails:
    """The reply to a request for details, and the moment at which the passing of time changes it."""
    details = read_details(Reading(connection, user, now_ms, settings), request)
    changes = [moment for moment in (details.open_at, details.live_start_at) if moment > now_ms]
    return LastingDetails(encode_body(details), min(changes, default=math.inf))


def _past_events(
    reading: Reading, game: Game, targets: list[TargetRow], before: Event | None, limit: int
) -> dict[str, PastEvent]:
    found = list_past_events(reading.connection, game.id, before, limit)
    if not found:
        return {}
    keys = {row: key for key, row in list_action_rows(reading.connection, game.id)}
    ids = target_ids(targets)
    return {
        event.uuid: PastEvent(event.happened_at, ids[event.target_id], keys[event.action_id])
        for event in found
        if event.target_id is not None and event.action_id is not None
    }


def counts_of(
    reading: Reading, game_id: int, action_row: int | None = None, targets: list[TargetRow] | None = None
) -> dict[str, dict[str, int]]:
    """Action id → target id → how often it has happened, ancestors included, for one action or for all."""
    counts: dict[str, dict[str, int]] = {}
    found = list_counts(reading.connection, game_id, action_row)
    if found:
        ids = target_ids(list_target_rows(reading.connection, game_id) if targets is None else targets)
        for action_key, target_row, count in found:
            counts.setdefault(action_key, {})[ids[target_row]] = count
    return counts


def details_of(
    reading: Reading, game: Game, seq: int, before: Event | None = None, limit: int = PAST_EVENTS
) -> GameDetails:
    """A game's details as of ``seq``, with the newest ``limit`` events that are older than ``before``."""
    targets = list_target_rows(reading.connection, game.id)
    return GameDetails(
        game_id=game.uuid,
        name=game.name,
        game_name=game.name,
        source_id=game.source_uuid,
        status=game_status(game.times, reading.now_ms),
        type=game.type,
        currency=game.currency,
        hashtag=game.hashtag,
        image_url=game.image_url,
        actions=action_nodes(reading, game.id),
        targets=build_tree(targets),
        open_at=game.open_at,
        live_start_at=game.live_start_at,
        live_finish_at=game.live_finish_at,
        close_at=game.close_at,
        held_at=game.held_at,
        past_events=_past_events(reading, game, targets, before, limit),
        game_state=counts_of(reading, game.id, targets=targets),
        seq=seq,
    )


def details_broadcast(reading: Reading, game: Game) -> GameDetails:
    """The details as an update broadcasts them: under the next seq, and partial.

    They leave out past events, with whose number the cost of an update would grow.
    """
    return msgspec.structs.replace(details_of(reading, game, game.seq + 1, limit=0), partial=True)


def action_nodes(reading: Reading, game_id: int) -> dict[str, ActionNode]:
    """A game's actions as messages show them."""
    return {key: ActionNode(name) for key, name in list_actions(reading.connection, game_id).items()}
