"""A game's details, and how long they stay valid (protocol, "Life of a game")."""

import math
from typing import NamedTuple

import msgspec

from gameserver.config import Settings
from gameserver.domain.money import currency_places
from gameserver.domain.status import game_status
from gameserver.domain.targets import TargetRow, build_tree, target_ids
from gameserver.engine.context import Reading
from gameserver.engine.past_events import past_events
from gameserver.errors import not_found
from gameserver.protocol.codec import encode_body
from gameserver.protocol.games import ActionNode, GameDetails, GetGameDetails
from gameserver.protocol.match_clock import ClockReading
from gameserver.storage.connection import Connection
from gameserver.storage.epoch import get_epoch
from gameserver.storage.events import Event, find_event, list_counts, list_counts_of_action
from gameserver.storage.games import Game
from gameserver.storage.labels import list_labels
from gameserver.storage.scores import get_score, list_scores
from gameserver.storage.targets import list_actions, list_target_rows
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
    details = details_of(reading, game, game.seq, before, request.limit, with_voided=request.with_voided)
    return msgspec.structs.replace(details, epoch=get_epoch(reading.connection))


class LastingDetails(NamedTuple):
    """The body of a game's details, which is valid until the game changes, and at most until ``until_ms``.

    It has not the number of subscribers, which changes more often.
    """

    body: bytes
    until_ms: float


def lasting_details(
    connection: Connection, request: GetGameDetails, user: User, now_ms: int, settings: Settings
) -> LastingDetails:
    """The reply to a request for details, and the moment at which the passing of time changes it."""
    details = read_details(Reading(connection, user, now_ms, settings), request)
    changes = [moment for moment in (details.open_at, details.live_start_at) if moment > now_ms]
    details = msgspec.structs.replace(details, subscribers=msgspec.UNSET)
    return LastingDetails(encode_body(details), min(changes, default=math.inf))


def counts_of_action(reading: Reading, game_id: int, action_row: int) -> dict[str, int]:
    """Target id → how often an action has happened, ancestors included."""
    counted = list_counts_of_action(reading.connection, game_id, action_row)
    ids = target_ids([target for target, _ in counted])
    return {ids[target.number]: count for target, count in counted}


def _counts_of(reading: Reading, game_id: int, targets: list[TargetRow]) -> dict[str, dict[str, int]]:
    """Action id → target id → how often it has happened, ancestors included."""
    counts: dict[str, dict[str, int]] = {}
    ids = target_ids(targets)
    for action_key, target_row, count in list_counts(reading.connection, game_id):
        counts.setdefault(action_key, {})[ids[target_row]] = count
    return counts


def details_of(
    reading: Reading,
    game: Game,
    seq: int,
    before: Event | None = None,
    limit: int = PAST_EVENTS,
    *,
    with_voided: bool = False,
) -> GameDetails:
    """A game's details as of ``seq``, with the newest ``limit`` events that are older than ``before``."""
    targets = list_target_rows(reading.connection, game.id)
    labels = list_labels(reading.connection, game.id)
    return GameDetails(
        game_id=game.uuid,
        name=game.name,
        game_name=game.name,
        source_id=game.source_uuid,
        source_name=game.source_name,
        status=game_status(game.times, reading.now_ms),
        type=game.type,
        currency=game.currency,
        currency_decimals=currency_places(game.currency),
        hashtag=game.hashtag,
        image_url=game.image_url,
        actions=action_nodes(reading, game.id),
        targets=build_tree(targets, labels),
        open_at=game.open_at,
        live_start_at=game.live_start_at,
        live_finish_at=game.live_finish_at,
        close_at=game.close_at,
        closed_at=game.closed_at,
        cancelled_at=game.cancelled_at,
        held_at=game.held_at,
        past_events=past_events(reading, game, targets, labels, before, limit, with_voided=with_voided),
        game_state=_counts_of(reading, game.id, targets),
        scores=list_scores(reading.connection, game.id),
        score=get_score(reading.connection, game.id),
        clock=clock_of(game),
        chat=game.chat,
        seq=seq,
        subscribers=reading.audience.subscribers_of(game.uuid),
    )


def clock_of(game: Game) -> ClockReading | None:
    """The clock of a game's match as messages show it, if it has been set."""
    return None if game.clock is None else ClockReading(**game.clock._asdict())


def details_broadcast(reading: Reading, game: Game) -> GameDetails:
    """The details as an update broadcasts them: under the next seq, and partial.

    They leave out past events, with whose number the cost of an update would grow.
    """
    return msgspec.structs.replace(details_of(reading, game, game.seq + 1, limit=0), partial=True)


def action_nodes(reading: Reading, game_id: int) -> dict[str, ActionNode]:
    """A game's actions as messages show them."""
    return {key: ActionNode(name) for key, name in list_actions(reading.connection, game_id).items()}
