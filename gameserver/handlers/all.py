"""Importing this module registers every handler."""

from gameserver.handlers import games, general, sources

__all__ = ["games", "general", "sources"]
