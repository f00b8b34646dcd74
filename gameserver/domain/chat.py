"""What may be written in the chat of a game, and how fast (protocol, "Chat")."""

from gameserver.errors import invalid

MAX_LENGTH = 500
# One message a second, and up to so many at once.
MESSAGE_MS = 1_000
BURST = 5


def require_writable(text: str, field: str) -> None:
    """Raise ``invalid_parameter`` for a text that is too long, blanks around it aside."""
    length = len(text.strip())
    if length > MAX_LENGTH:
        raise invalid(field, f"{field} has {length} characters; it may have at most {MAX_LENGTH}")


def next_used_until(used_until: int, now_ms: int) -> int:
    """Up to which time a user has used up what he may write, once he writes at ``now_ms`` one message more."""
    return max(used_until, now_ms) + MESSAGE_MS


def wait_ms(used_until: int, now_ms: int) -> int:
    """How long a user who would have used up what he may write up to a time must wait; 0 or less if he need not."""
    return used_until - BURST * MESSAGE_MS - now_ms
