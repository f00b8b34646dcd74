"""Ids of actions and of parts of targets, and hashtags (protocol, "Names of actions and targets")."""

import re
import unicodedata
from collections.abc import Iterable, Iterator

from gameserver.errors import Rejected, invalid

MAX_PART_LENGTH = 128
_SPACING = re.compile(r"[\s_]+")
# The characters whose compatibility form is a colon: a name is split where its folded form is.
_COLONS = re.compile("[:\ufe13\ufe55\uff1a]")
# White space that is dropped around items. The separators among the control characters are not part of it.
_BLANKS = "\t\n\v\f\r \xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))

# Characters that are invisible though they count as letters, marks or symbols: fillers, and marks that are empty.
_FILLERS = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u2800]")
# The visible format characters: signs that span the digits or letters after them.
_VISIBLE_FORMATS = "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
# Flags such as Scotland's are spelled in characters that are invisible by themselves.
_FLAGS = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f")
_JOINERS = "\u200c\u200d"
_OF_WORDS = {"L", "M", "N", "S"}  # the kinds of characters that words, and emoji, are made of


def split_list(value: list[str] | str) -> Iterator[str]:
    """The items of a list parameter: an array, or one comma-separated string; empty items are dropped."""
    items = value.split(",") if isinstance(value, str) else value
    return (item for item in (raw.strip(_BLANKS) for raw in items) if item)


def different(items: Iterable[str]) -> Iterator[str]:
    """The items without repetitions, in their order."""
    seen: set[str] = set()
    for item in items:
        if item not in seen:
            seen.add(item)
            yield item


def parts_as_sent(name: str, field: str) -> list[str]:
    """The parts of a name as they were sent, ends trimmed. Raises `Rejected` beyond 128 characters a part."""
    parts = [part.strip() for part in _COLONS.split(name)]
    if any(len(part) > MAX_PART_LENGTH for part in parts):
        raise invalid(
            field,
            f"{field} may hold names of at most {MAX_PART_LENGTH} characters in each part",
        )
    return parts


def fold(name: str, field: str) -> str:
    """The spelling that all spellings of a name share: NFKC, lower case, NFKC again.

    Raises `Rejected` for a part, as sent, of more than 128 characters.
    """
    if name.isascii():  # which NFKC does not change
        return name.lower()
    if len(name) > MAX_PART_LENGTH:  # first: the time NFKC takes grows with the square of a run of combining marks
        parts_as_sent(name, field)
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).lower())


def part_id(folded: str, field: str) -> str:
    """The id of one folded name: ends trimmed, runs of blanks and ``_`` made one ``-``.

    Raises `Rejected` (``invalid_parameter``) if nothing is left, for control and invisible characters, and for more
    than 128 characters.
    """
    trimmed = folded.strip(_BLANKS)
    if not trimmed:
        raise invalid(field, f"{field} holds a name with an empty part; each part needs at least one character")
    if not trimmed.isprintable() or _FILLERS.search(trimmed):
        _refuse_invisible(trimmed, field)
    identifier = _SPACING.sub("-", trimmed)
    if len(identifier) > MAX_PART_LENGTH:
        raise invalid(
            field,
            f"{field} may hold names of at most {MAX_PART_LENGTH} characters in each part",
        )
    return identifier


def _refuse_invisible(name: str, field: str) -> None:
    """Raise `Rejected` for control and invisible characters, with which two different names could look alike.

    Joiners inside a word are accepted, because some scripts and emoji are written with them.
    """
    name = _FLAGS.sub("", name)
    categories = ["", *map(unicodedata.category, name), ""]
    for character, before, category, after in zip(name, categories, categories[1:], categories[2:], strict=False):
        if category == "Cc":
            raise invalid(field, f"{field} holds a control character; names are made of printable characters")
        if character in _JOINERS:
            is_visible = before[:1] in _OF_WORDS and after[:1] in _OF_WORDS
        else:
            is_visible = (category != "Cf" or character in _VISIBLE_FORMATS) and not _FILLERS.match(character)
        if not is_visible:
            text = f"{field} holds an invisible character (U+{ord(character):04X}); names are made of visible ones"
            raise invalid(field, text)


def action_id(name: str, field: str = "actions") -> str:
    """The id of an action: ``Yellow Card`` is ``yellow-card``. Actions hold no ``:``."""
    folded = fold(name, field)
    if ":" in folded:
        raise invalid(field, f"{field} holds a ':' in {name[:40]!r}; only targets may be nested")
    return part_id(folded, field)


def parse_actions(value: list[str] | str, field: str, limit: int) -> dict[str, str]:
    """Action id → name as first sent, in the order sent. Raises `Rejected` as soon as there are more than ``limit``."""
    actions: dict[str, str] = {}
    for name in different(split_list(value)):
        identifier = action_id(name, field)
        parts_as_sent(name, field)
        actions.setdefault(identifier, name)
        if len(actions) > limit:
            raise too_many_actions(field, limit)
    return actions


def too_many_actions(field: str, limit: int) -> Rejected:
    """The refusal of more actions than a game may have."""
    return invalid(field, f"a game may have at most {limit} actions")


def hashtag(name: str) -> str | None:
    """``#ArgentinaBrazil`` for ``Argentina - Brazil``; None where the name has no letter or digit."""
    kept = "".join(
        character if character.isalnum() or unicodedata.category(character).startswith("M") else " "
        for character in name
    )
    words = "".join(word[0].upper() + word[1:] for word in kept.split())
    return f"#{words}" if words else None
