"""A self-hosted server for live prediction games: one process, one SQLite file."""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gameserver.client import connect
    from gameserver.config import Settings
    from gameserver.embedding import running

__all__ = ["Settings", "__version__", "connect", "running"]
__version__ = version("gameserver")

_HOMES = {"Settings": "gameserver.config", "connect": "gameserver.client", "running": "gameserver.embedding"}


def __getattr__(name: str) -> Any:
    """What programs use, imported when they do: unsupported systems must get as far as being told so."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
