"""The database's path and its companion files: canonical name, accepted owners, and the lock of the one writer."""

import errno
import fcntl
import itertools
import os
import pwd
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gameserver.errors import OperatorError

MOUNTS = Path("/proc/self/mountinfo")
_OCTAL = re.compile(rb"\\([0-7]{3})")  # an escaped character in mountinfo, such as a blank
LOGS = ("-wal", "-shm", "-journal")  # what SQLite itself keeps beside a database
PRIVATE = 0o600
PRIVATE_FOLDER = 0o700
_NOT_A_PLAIN_FILE = (errno.ELOOP, errno.EMLINK, errno.ENXIO)  # a link (as Linux and as BSD say it), a socket
_NO_SYNC = (errno.EINVAL, errno.ENOTSUP)  # errors of file systems that cannot sync a folder
_NOBODY_WAITS = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class FileRefused(OperatorError):
    """A path or file that cannot be used or must not be trusted; the text says why and what to do."""


class DatabaseInUse(OperatorError):
    """Another process has the database open for writing."""


def beside(file: Path, suffix: str) -> Path:
    """The path of a companion of the database file, such as ``FILE.lock``, ``FILE.sock`` or ``FILE.secret``."""
    return file.with_name(file.name + suffix)


def locate(path: Path) -> Path:
    """The path of a database with all links resolved; its companions lie beside it. The file need not exist.

    SQLite's log and this server's lock go by the name, and no two names of one file (hard links) can be told from two
    files by anything that lies beside them: a file with a second name is refused. Raises `FileRefused`.
    """
    try:
        file = path.resolve()
    except FileNotFoundError:
        text = "the working folder does not exist any more: change to another, or name the database by its whole path"
        raise FileRefused(text) from None
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle, a character that no path has
        raise FileRefused(f"{path} cannot be resolved: {error}") from error
    try:
        status = file.stat()
    except FileNotFoundError:
        return file
    except OSError as error:
        raise FileRefused(f"{file} cannot be reached: {error.strerror}") from error
    if stat.S_ISDIR(status.st_mode):
        raise FileRefused(f"{file} is a folder; name a file in it with --db")
    if not stat.S_ISREG(status.st_mode):
        raise FileRefused(f"{file} is not a regular file; name another with --db")
    if _is_mounted_alone(file):
        raise FileRefused(f"{file} is mounted by itself, so that its log and its lock lie elsewhere: mount its folder")
    if status.st_nlink > 1:
        names = ", ".join(_other_names(file, status)) or "elsewhere"
        raise FileRefused(
            f"{file} has a second name ({names}), by which another program would use it unnoticed: a hard link;"
            " remove all names but one"
        )
    return file


def _is_mounted_alone(file: Path) -> bool:
    """Whether the file is a mount point, as containers make them: a second name that no link count shows."""
    try:
        mounts = MOUNTS.read_bytes().splitlines()
    except OSError:  # a system that does not say
        return False
    return os.fsencode(file) in {
        _OCTAL.sub(lambda code: bytes([int(code[1], 8)]), mount.split()[4]) for mount in mounts
    }


def _other_names(file: Path, status: os.stat_result) -> list[str]:
    with os.scandir(file.parent) as entries:
        return sorted(entry.path for entry in entries if entry.inode() == status.st_ino and entry.name != file.name)


def believed_owners(file: Path) -> frozenset[int]:
    """The user ids whose files beside the database are trusted: this process's, root's, and for root the owner's.

    In a folder that everybody may write to, the database's owner is not trusted, as anybody may have put it there.
    """
    owners = {0, os.geteuid()}
    if os.geteuid() == 0 and file.exists() and not file.parent.stat().st_mode & stat.S_IWOTH:
        owners.add(file.stat().st_uid)
    return frozenset(owners)


def require_believed(file: Path, path: Path, status: os.stat_result) -> None:
    """Raise `FileRefused` if the companion ``path`` is not a regular file or belongs to an untrusted user."""
    if not stat.S_ISREG(status.st_mode):
        raise FileRefused(f"{path} is a link or not a regular file, and is not used: remove it")
    if status.st_uid not in believed_owners(file):
        raise FileRefused(
            f"{path} belongs to {user_name(status.st_uid)}, neither to {user_name(os.geteuid())} nor to root, and is"
            " not trusted: run this as that user if it is the server's, else remove the file"
        )


def user_name(uid: int) -> str:
    """A user's name for messages, or the number if the system knows no name."""
    try:
        return f"user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"user {uid}"


def open_believed(file: Path, path: Path, flags: int) -> int:
    """Open a trusted companion of the database and return its descriptor; a file made here is private to its owner.

    Raises FileNotFoundError if it is missing and ``flags`` do not create it, and `FileRefused` for every other failure.
    """
    try:
        descriptor = os.open(path, flags | _NOBODY_WAITS, PRIVATE)
    except FileNotFoundError:
        raise
    except OSError as error:
        reason = "it is a link or not a regular file" if error.errno in _NOT_A_PLAIN_FILE else error.strerror
        advice = "; run this as the server's user" if isinstance(error, PermissionError) else ""
        raise FileRefused(f"{path} cannot be opened: {reason}{advice}") from error
    try:
        require_believed(file, path, os.fstat(descriptor))
        if flags & os.O_CREAT:
            give_to_owner(descriptor, file)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def give_to_owner(descriptor: int, file: Path) -> None:
    """Give a file that root makes to the owner of the database, as SQLite does with its own files."""
    if os.geteuid() == 0 and file.exists():
        status = file.stat()
        with suppress(OSError):  # a file system without owners
            os.fchown(descriptor, status.st_uid, status.st_gid)


@contextmanager
def hold_lock(path: Path) -> Iterator[Path]:
    """Hold the lock of the one process that writes to the database; yields its path with all links resolved.

    Raises `DatabaseInUse` if another process holds the lock, and `FileRefused`.

    The lock is on a file of its own: closing any descriptor of the database would drop SQLite's locks, and on some
    systems a lock on the database itself would keep out those who read.
    """
    file = locate(path)
    _make_folder(file.parent)
    for suffix in ("", *LOGS):
        with suppress(FileNotFoundError):
            require_believed(file, beside(file, suffix), beside(file, suffix).lstat())
    descriptor = open_believed(file, beside(file, ".lock"), os.O_RDWR | os.O_CREAT)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DatabaseInUse(
                f"another gameserver is using {file}; stop it first, or choose another file with --db"
            ) from None
        except OSError as error:
            raise FileRefused(
                f"{file.parent} is on a file system without locks ({error.strerror}); choose another place with --db"
            ) from error
        yield file
    finally:
        os.close(descriptor)


def _make_folder(folder: Path) -> None:
    """Make a folder and its missing parents, private to this process's user."""
    try:
        missing = list(itertools.takewhile(lambda path: not path.exists(), (folder, *folder.parents)))
        for path in reversed(missing):
            path.mkdir(PRIVATE_FOLDER, exist_ok=True)
    except OSError as error:
        raise FileRefused(f"the folder {folder} cannot be made: {error.strerror}") from error


def open_to_others(file: Path) -> Path | None:
    """The nearest folder on the path to the database in which other users can add or replace files; None if none."""
    owners = believed_owners(file)
    for folder in file.parents:
        status = folder.stat()
        writable = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        # In a sticky folder users can add files but not remove others': harmless in folders further up.
        if (writable and (folder == file.parent or not status.st_mode & stat.S_ISVTX)) or status.st_uid not in owners:
            return folder
    return None


def size_bytes(file: Path) -> int:
    """The size of a file in bytes; 0 if it is missing."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def sync_folder(file: Path) -> None:
    """Sync the folder of a file, so that its names are on disk, where the file system supports it."""
    descriptor = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
    finally:
        os.close(descriptor)
