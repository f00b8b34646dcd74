"""The secret that session keys are made with: 32 random bytes in a file beside the database, or in the environment."""

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from gameserver.config import SECRET_VARIABLE
from gameserver.domain.credentials import secret_fingerprint
from gameserver.errors import OperatorError
from gameserver.storage.connection import Connection
from gameserver.storage.files import FileRefused, beside, open_believed, require_believed, sync_folder

SECRET_BYTES = 32


class SecretRefused(OperatorError):
    """A secret that is too short, known to others, or not the one that session keys are made with."""


def load_secret(file: Path, environment: str | None) -> bytes:
    """The secret from the environment, in hexadecimal digits, or from ``FILE.secret``, which is made if missing.

    The database's lock must be held. Raises `SecretRefused` and `FileRefused`.
    """
    secret = find_secret(file, environment)
    if secret is None:
        _make_secret(file)
        try:
            secret = find_secret(file, environment)
        except SecretRefused:  # a file system without permissions
            beside(file, ".secret").unlink()
            raise
        assert secret is not None
    return secret


def require_no_stray_secret(path: Path, file: Path) -> None:
    """Raise `SecretRefused` if the secret lies beside a link to the database, where older versions kept it.

    Making a new secret beside the database itself would void every session key.
    """
    stray, secret = beside(path, ".secret"), beside(file, ".secret")
    if stray.exists() and not secret.exists():
        raise SecretRefused(
            f"the secret lies beside a link to the database, and belongs beside it: mv {stray} {secret}"
        )


def find_secret(file: Path, environment: str | None) -> bytes | None:
    """The secret from the environment or from ``FILE.secret``; None if there is neither. Raises `SecretRefused`."""
    if environment:
        return _decode_secret(environment)
    try:
        return _require_length(_read_secret(file), beside(file, ".secret"))
    except FileNotFoundError:
        return None


def secret_of_all_servers(environment: str | None) -> bytes:
    """The secret from the environment, which servers on one database have in common. Raises `SecretRefused`."""
    if not environment:
        raise SecretRefused(
            f"{SECRET_VARIABLE} must be set: all servers on a PostgreSQL database have their secret from it,"
            f" {SECRET_BYTES} random bytes in hexadecimal digits, such as openssl rand -hex {SECRET_BYTES} prints"
        )
    return _decode_secret(environment)


def _decode_secret(text: str) -> bytes:
    try:
        secret = bytes.fromhex(text)
    except ValueError:
        raise SecretRefused(f"{SECRET_VARIABLE} must be hexadecimal digits, {2 * SECRET_BYTES} or more") from None
    return _require_length(secret, SECRET_VARIABLE)


def _require_length(secret: bytes, origin: object) -> bytes:
    if len(secret) < SECRET_BYTES:
        raise SecretRefused(f"{origin} must be at least {SECRET_BYTES} bytes")
    return secret


def _read_secret(file: Path) -> bytes:
    path = beside(file, ".secret")
    with os.fdopen(open_believed(file, path, os.O_RDONLY), "rb") as stream:
        mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise SecretRefused(
                f"{path} can be read or changed by others (its mode is {mode:o}), who could make session keys for any"
                " user: if that cannot have happened, chmod 600 it, else remove it, which voids all session keys; where"
                f" files cannot be private, or something else sets the mode, give the secret in {SECRET_VARIABLE}"
            )
        return stream.read()


def _make_secret(file: Path) -> None:
    """Write a new secret, which gets its name once it is complete and on disk."""
    path, unfinished = beside(file, ".secret"), beside(file, ".secret.new")
    try:
        with suppress(FileNotFoundError):
            require_believed(file, unfinished, unfinished.lstat())  # what an earlier run left
            unfinished.unlink()
        with os.fdopen(open_believed(file, unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as stream:
            stream.write(secrets.token_bytes(SECRET_BYTES))
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.rename(path)
        sync_folder(path)
    except OSError as error:
        raise FileRefused(f"{path} cannot be made: {error.strerror}") from error


def adopt_secret(connection: Connection, secret: bytes) -> int:
    """Record in the database the fingerprint of the secret in use; the caller holds a transaction.

    Returns the number of session keys that become void because they were made with another secret.
    """
    fingerprint = secret_fingerprint(secret)
    known = known_fingerprint(connection)
    if known == fingerprint:
        return 0
    connection.execute(
        "INSERT INTO identity (id, secret_fingerprint) VALUES (1, ?)"
        " ON CONFLICT (id) DO UPDATE SET secret_fingerprint = excluded.secret_fingerprint",
        (fingerprint,),
    )
    if known is None:  # a database of an older version does not record it
        return 0
    (void,) = connection.execute("SELECT count(*) FROM sessions").fetchone()
    return int(void)


def known_fingerprint(connection: Connection) -> bytes | None:
    """The fingerprint of the secret that the database's session keys are made with; None if none is recorded."""
    row = connection.execute("SELECT secret_fingerprint FROM identity").fetchone()
    return None if row is None else bytes(row[0])


def require_known_secret(connection: Connection, secret: bytes | None) -> bytes:
    """Return the secret if it is the server's. Raises `SecretRefused` for another secret or None."""
    known = known_fingerprint(connection)
    if secret is not None and known in (None, secret_fingerprint(secret)):
        return secret
    what = "there is no secret here" if secret is None else "the secret here is not the server's"
    raise SecretRefused(
        f"{what}, so that a session key made here would be void: run this with the server's {SECRET_VARIABLE}, or while"
        " the server runs"
    )
