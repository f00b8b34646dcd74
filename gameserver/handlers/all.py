"""Importing this module registers every handler."""

from gameserver.handlers import (
    betting,
    corrections,
    details,
    events,
    games,
    general,
    pools,
    receipts,
    roles,
    sources,
    steering,
)

__all__ = [
    "betting",
    "corrections",
    "details",
    "events",
    "games",
    "general",
    "pools",
    "receipts",
    "roles",
    "sources",
    "steering",
]
