"""Passwords, kept as argon2id (protocol, "Accounts"). Hashing takes tens of milliseconds: not for the event loop."""

import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from gameserver.errors import Rejected, invalid

MIN_CHARACTERS, MAX_CHARACTERS = 8, 128
MEMORY_KIB = 19_456

_hasher = PasswordHasher(time_cost=2, memory_cost=MEMORY_KIB, parallelism=1)
# The hash of a random text that nobody knows: whoever has no password is as long in being refused.
_NOBODYS_HASH = "$argon2id$v=19$m=19456,t=2,p=1$Lk15osn+ogZEcvcMwiSmkg$zN9hVSN4ARdIr+u5DuiaYNcV6GpP6yOQdm8uYp54Tnc"


def normal_password(password: str, field: str = "password") -> str:
    """A password in the one form in which it is hashed. Raises `Rejected` for one that is too short or too long."""
    normal = unicodedata.normalize("NFC", password)
    if not MIN_CHARACTERS <= len(normal) <= MAX_CHARACTERS:
        raise invalid(field, f"a password has {MIN_CHARACTERS} to {MAX_CHARACTERS} characters")
    return normal


def hash_password(password: str) -> str:
    """The hash of a normal password, with a salt of its own."""
    return _hasher.hash(password)


def is_password(password: str, password_hash: str | None) -> bool:
    """Whether a normal password is the hashed one; takes as long for a user who has none (None)."""
    try:
        _hasher.verify(password_hash or _NOBODYS_HASH, password)
    except VerifyMismatchError:
        return False
    return password_hash is not None


def require_password(password: str, password_hash: str | None, refusal: Rejected) -> None:
    """Raise ``refusal`` unless a password is the hashed one."""
    try:
        normal = normal_password(password)
    except Rejected:
        raise refusal from None
    if not is_password(normal, password_hash):
        raise refusal
