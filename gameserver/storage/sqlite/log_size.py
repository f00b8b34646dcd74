"""Limiting the size of the write-ahead log after a long read has made it grow."""

import logging
import sqlite3
from pathlib import Path

logger = logging.getLogger(__name__)

# Without long reads the log stays at a few MB, which later commits reuse.
LARGE_LOG_BYTES = 16 * 1024 * 1024


def log_of(connection: sqlite3.Connection) -> Path:
    """The path of the write-ahead log of a connection's database."""
    (_, _, file) = connection.execute("PRAGMA database_list").fetchone()
    return Path(f"{file}-wal")


def shrink_log(connection: sqlite3.Connection, log: Path) -> None:
    """Truncate a log larger than 16 MiB, unless a reader still uses it; never waits.

    Only the writer calls this, since two checkpoints at once can damage a file. By then the commit has written back
    what it could, so that little is left to do.
    """
    try:
        if log.stat().st_size <= LARGE_LOG_BYTES:
            return
        (busy_timeout_ms,) = connection.execute("PRAGMA busy_timeout").fetchone()
        connection.execute("PRAGMA busy_timeout = 0")
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            connection.execute(f"PRAGMA busy_timeout = {busy_timeout_ms}")
    except (OSError, sqlite3.Error) as error:
        logger.warning("the write-ahead log cannot be truncated: %s", error)
