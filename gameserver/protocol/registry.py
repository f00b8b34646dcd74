"""The complete registry: importing this module declares every operation and message."""

from gameserver.protocol import (
    betting,
    chat,
    closing,
    correction_previews,
    corrections,
    events,
    friends,
    game_lists,
    games,
    general,
    labels,
    leaderboards,
    match_clock,
    pool_history,
    pools,
    predictions,
    receipts,
    roles,
    sessions,
    sources,
    steering,
    subscriptions,
)
from gameserver.protocol.declare import ERROR_RES, MESSAGES, OPERATIONS, Operation, tag_of

__all__ = [
    "MESSAGES",
    "OPERATIONS",
    "Operation",
    "betting",
    "chat",
    "closing",
    "correction_previews",
    "corrections",
    "events",
    "friends",
    "game_lists",
    "games",
    "general",
    "labels",
    "leaderboards",
    "match_clock",
    "pool_history",
    "pools",
    "predictions",
    "receipts",
    "roles",
    "sessions",
    "sources",
    "steering",
    "subscriptions",
]

OPCODES: dict[str, int] = {operation.name: op for op, operation in sorted(OPERATIONS.items())}
RESPONSE_CODES: dict[str, int] = {
    **{name: tag_of(struct) for name, struct in sorted(MESSAGES.items(), key=lambda item: tag_of(item[1]))},
    "error": ERROR_RES,
}
