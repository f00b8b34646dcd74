"""Backup of a database beside a running server, and restore of a backup (protocol, "Command line")."""

import itertools
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from gameserver.storage.files import LOGS, beside, hold_lock, locate, sync_folder
from gameserver.storage.sqlite.atomic_copy import Copy, CopyRefused, OnProgress, remove_logs, telling, writing
from gameserver.storage.sqlite.connection import is_sqlite, open_unshared, require_own_kind
from gameserver.storage.sqlite.migrations import migrate, require_known
from gameserver.storage.sqlite.reading import reading

COMPANIONS = ("", *LOGS, ".part", ".lock", ".sock", ".secret")


def back_up(database: sqlite3.Connection, file: Path, target: Path, on_progress: OnProgress) -> list[str]:
    """Copy the database at ``file``, open in a transaction, to ``target``; returns the faults of the copy.

    A backup already there is replaced once the new one is on disk and without faults; a copy with faults stays as
    ``TARGET.part``. The backup has the database's permissions. Raises `CopyRefused` and `FileRefused`.
    """
    with telling(f"the backup to {target} failed"), writing(_elsewhere(file, target), file) as copy:
        copy.fill(database, on_progress)
        faults = copy.faults()
        if not faults:
            copy.end_epoch()
        copy.sync()
        if not faults:
            copy.put_in_place()
    return faults


def _names_of(file: Path) -> set[Path]:
    """The paths of a database and of all its possible companions."""
    return {beside(file, suffix).resolve() for suffix in COMPANIONS}


def _elsewhere(file: Path, target: Path) -> Path:
    """Resolve the target's links. Raises `CopyRefused` if it or its ``.part`` is a database or a companion of one."""
    target = target.resolve()
    if not target.name or target.is_dir():
        raise CopyRefused(f"{target} is a folder; name a file")
    for path in (target, beside(target, ".part")):
        if path in _names_of(file) or (path.exists() and path.samefile(file)):
            raise CopyRefused(f"{path} belongs to the database {file}; write the backup elsewhere")
    if target.exists() and not target.is_file():
        raise CopyRefused(f"{target} is not a regular file; write the backup elsewhere")
    for suffix in LOGS:
        if beside(target, suffix).exists():
            raise CopyRefused(f"{target} is a database in use: {beside(target, suffix)} lies beside it")
    return target


def restore(path: Path, backup: Path, on_progress: OnProgress, *, keep: bool) -> Path | None:
    """Replace the database at ``path``, which no server may be using, by the one in ``backup``.

    The backup may be of an older version. It is copied beside the database, and gets its name once it is on disk and
    without faults: at every moment there is one or the other, whole. Returns where the replaced database is kept,
    with its log: ``FILE.before-restore`` or the next such name that is free; None if there was none or it was not to
    be kept. Raises `DatabaseInUse`, `IncompatibleDatabase`, `CopyRefused`, `FileRefused`.
    """
    file = locate(path)
    if file.exists():
        _require_replaceable(file)
    with telling("the restore failed"):
        if backup.resolve() in _names_of(file):
            raise CopyRefused(f"{backup} is the database itself or belongs to it; name a backup")
        if not backup.is_file():
            raise CopyRefused(f"there is no backup at {backup}")
        with hold_lock(file), reading(backup) as source, writing(file, file) as copy:
            return _replace(file, backup, source, copy, on_progress, keep=keep)


def _replace(
    file: Path, backup: Path, source: sqlite3.Connection, copy: Copy, on_progress: OnProgress, *, keep: bool
) -> Path | None:
    require_known(backup, source)
    copy.fill(source, on_progress)
    with closing(open_unshared(copy.part)) as connection:
        migrate(connection)
    faults = copy.faults()
    if faults:
        raise CopyRefused("\n".join([f"{backup} is not sound, nothing was changed:", *faults]))
    copy.end_epoch()
    copy.sync()
    kept = _keep(file) if keep and file.exists() else None
    copy.put_in_place()
    remove_logs(file)  # after a crash before this line, the next start refuses the old log
    sync_folder(file)
    return kept


def _require_replaceable(file: Path) -> None:
    """Raise `CopyRefused` for a file that was never a database of this server; a damaged one may be replaced."""
    require_own_kind(file)
    if not is_sqlite(file) and not any(beside(file, suffix).exists() for suffix in COMPANIONS[1:]):
        raise CopyRefused(f"{file} is not a database, and nothing was changed: name another with --db")


def _keep(file: Path) -> Path:
    """Keep the database and its logs under a second name; returns that name."""
    numbered = (f".before-restore.{number}" for number in itertools.count(2))
    names = (beside(file, suffix) for suffix in itertools.chain([".before-restore"], numbered))
    kept = next(name for name in names if not any(beside(name, suffix).exists() for suffix in ("", *LOGS)))
    for suffix in ("-wal", "-journal"):
        log = beside(file, suffix)
        if log.exists() and log.stat().st_size:
            _name_again(log, beside(kept, suffix))
    _name_again(file, kept)
    sync_folder(file)
    return kept


def _name_again(file: Path, name: Path) -> None:
    """A hard link, or a copy where the file system has none."""
    try:
        os.link(file, name)
    except OSError:
        with writing(name, file) as copy:
            copy.fill_with_bytes(file)
            copy.sync()
            copy.put_in_place()
