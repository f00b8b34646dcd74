"""What has happened in a game, and what came of it, as its details show it (protocol, "Life of a game")."""

from collections.abc import Mapping

from msgspec import UNSET

from gameserver.domain.money import to_units
from gameserver.domain.targets import TargetLabel, TargetRow, target_ids
from gameserver.engine.context import Reading
from gameserver.protocol.games import PastEvent
from gameserver.storage.events import Event, list_past_events
from gameserver.storage.games import Game
from gameserver.storage.pools import get_pool, list_pool_targets
from gameserver.storage.settlements import SettledPool, get_settlement_by, list_pools_settled_by
from gameserver.storage.targets import list_action_rows


def past_events(
    reading: Reading,
    game: Game,
    targets: list[TargetRow],
    labels: Mapping[int, TargetLabel],
    before: Event | None,
    limit: int,
    *,
    with_voided: bool,
) -> dict[str, PastEvent]:
    """A game's newest events that are older than ``before``; if asked for, voided ones and manual resolutions too."""
    found = list_past_events(reading.connection, game.id, before, limit, with_voided=with_voided)
    if not found:
        return {}
    actions = {row: key for key, row in list_action_rows(reading.connection, game.id)}
    ids, rows = target_ids(targets), {row.number: row for row in targets}
    settled: dict[int, list[SettledPool]] = {event.id: [] for event in found}
    for pool in list_pools_settled_by(reading.connection, settled):
        settled[pool.event_id].append(pool)
    shown = {}
    target_id: str | None
    for event in found:
        pools = settled[event.id]
        if event.target_id is None or event.action_id is None:
            action_id, target_id, name = _of_resolution(reading, event)
        else:
            action_id, target_id = actions[event.action_id], ids[event.target_id]
            label = labels.get(event.target_id)
            name = (label and label.display_name) or rows[event.target_id].display_name
        shown[event.uuid] = PastEvent(
            happened_at=event.happened_at,
            registered_at=event.registered_at,
            target_id=target_id,
            target_display_name=name,
            action_id=action_id,
            description=event.description,
            external_id=event.external_id,
            pools=[pool.pool_uuid for pool in pools],
            paid=to_units(sum(pool.paid for pool in pools), game.currency),
            voided_at=event.voided_at if with_voided else UNSET,
            reason=event.void_reason if with_voided else UNSET,
        )
    return shown


def _of_resolution(reading: Reading, event: Event) -> tuple[str, str | None, str]:
    """The action of a pool that was resolved by hand, and the id and name of its winner; of several, the names."""
    settlement = get_settlement_by(reading.connection, event.id)
    pool = get_pool(reading.connection, settlement.pool_id)
    targets = {target.position: target for target in list_pool_targets(reading.connection, pool.id)}
    winners = [targets[position] for position in settlement.winners]
    name = ", ".join(winner.display_name for winner in winners)
    return pool.action, winners[0].key if len(winners) == 1 else None, name
