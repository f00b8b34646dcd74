"""The size of the write-ahead log: what a long reader made it grow by is given back to the disk."""

import logging
import sqlite3
from pathlib import Path

logger = logging.getLogger(__name__)

# What commits leave without a long reader is a few MB, and the next of them use it again.
LARGE_LOG_BYTES = 16 * 1024 * 1024


def log_of(connection: sqlite3.Connection) -> Path:
    """The write-ahead log of the database to which a connection is open."""
    (_, _, file) = connection.execute("PRAGMA database_list").fetchone()
    return Path(f"{file}-wal")


def shrink_log(connection: sqlite3.Connection, log: Path) -> None:
    """Empty a large log, unless somebody still reads it; nobody is waited for.

    For the writer alone, since two checkpoints at once can damage a file (design, facts). A commit has by then written
    back what it could, and little is left to do.
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
        logger.warning("the write-ahead log cannot be shortened: %s", error)
