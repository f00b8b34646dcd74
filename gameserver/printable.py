"""Text of anybody's, as a terminal or a log may hold it."""

import re

# Characters that could end a line, or make a terminal display it differently.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """The text in one line, with escapes such as ``\\x1b`` for characters that would change what a terminal shows."""
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
