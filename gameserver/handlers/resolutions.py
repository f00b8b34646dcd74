"""Resolving pools by hand (protocol, "Manual resolution")."""

from gameserver.config import Settings
from gameserver.domain.parimutuel import Split
from gameserver.engine.closing import close_if_nothing_remains
from gameserver.engine.context import Change
from gameserver.engine.endings import end_pools
from gameserver.engine.resolutions import draft_resolution, parse_winners
from gameserver.engine.settlement import shown_winners, target_keys
from gameserver.protocol.events import (
    BettingPoolResolved,
    ResolveBettingPool,
)
from gameserver.storage.events import insert_event
from gameserver.storage.games import get_game
from gameserver.storage.pools import get_pool
from gameserver.storage.settlements import get_settlement


def parse_resolution(request: ResolveBettingPool, settings: Settings) -> list[str]:
    """The ids of the winners. Raises `Rejected`."""
    return parse_winners(request.winners, settings)


def resolve_betting_pool(change: Change, request: ResolveBettingPool, keys: list[str]) -> BettingPoolResolved:
    """Resolve a pool by hand, and settle it."""
    draft = draft_resolution(change, request, request.pool_id, keys, request.happened_at, Split(request.split))
    draft = draft._replace(event=insert_event(change.connection, draft.event))
    game = get_game(change.connection, draft.pool.game_id)
    end_pools(change, game, [(draft.pool, draft.resolution)])
    pool = get_pool(change.connection, draft.pool.id)
    assert pool.settlement_id is not None
    settlement = get_settlement(change.connection, pool.settlement_id)
    shown = shown_winners(target_keys(change, pool), settlement.winners, settlement.divisions)
    close_if_nothing_remains(change, game)
    return BettingPoolResolved(
        pool_id=pool.uuid,
        game_id=pool.game_uuid,
        event_id=draft.event.uuid,
        winning_targets=shown.winning_targets,
        prices=shown.prices,
        happened_at=draft.event.happened_at,
        registered_at=draft.event.registered_at,
        version=pool.version,
    )
