"""A self-hosted server for live prediction games: one process, one SQLite file."""

from importlib.metadata import version

__version__ = version("gameserver")
