"""The pool object as the contract writes it (section 6)."""

from typing import Any

from tests.support.harness import START_MS
from tests.support.settling import Table

NOTHING_PENDING = {"block_at": None, "allow_at": None, "hot_at": None}
TEAMS = {"argentina": "Argentina", "brazil": "Brazil", "chile": "Chile", "none": "None"}


def backing(name: str, people: int = 0, money: float = 0, to_win: float = 1, **more: Any) -> dict[str, Any]:
    """A target's entry in a distribution."""
    return {
        "display_name": name,
        "backing_people": people,
        "backing_money": money,
        "to_win_if_backed": to_win,
        "is_active": True,
        **more,
    }


def unbacked(targets: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    """The distribution of a pool without bets."""
    return {key: backing(name, **more) for key, name in (targets or TEAMS).items()}


def pool_object(table: Table, pool: str, **changes: Any) -> dict[str, Any]:
    """A new parimutuel pool on goals by teams, but for the changes."""
    return {
        "pool_id": pool,
        "game_id": table.game,
        "description": "Who scores?",
        "type": 1,
        "action_id": "goal",
        "target_level": 1,
        "participants": 0,
        "amount_total": 0,
        "bet_count": 0,
        "distribution": unbacked(),
        "is_blocked": False,
        "is_hot": False,
        "start_at": START_MS,
        "finish_at": None,
        "stop_accepting_bets_at": None,
        "recreate_on_end": False,
        "unlisted_target": "stay_open",
        "takeout": 0,
        "min_stake": 0.01,
        "max_stake": None,
        "is_cancellable": False,
        "settle_delay_ms": 0,
        "recreated_from": None,
        "status": "open",
        "version": 1 + changes.get("bet_count", 0),
        **changes,
    }


def without_header(message: dict[str, Any]) -> dict[str, Any]:
    """What a message says."""
    return {name: value for name, value in message.items() if name != "response_header"}


def without_bets(distribution: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """A distribution with the sums alone, as in lists and broadcasts."""
    return {key: {name: entry[name] for name in entry if name != "bets"} for key, entry in distribution.items()}
