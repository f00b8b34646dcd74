"""Command lines as people type them in a shell: the ``gameserver`` commands in them."""

import re
import shlex
from pathlib import PurePosixPath

_ENDS = {";", "|", "&", "&&", "||", ">", "<", ">>"}
_BEFORE = re.compile(r"\w+=.*|sudo|-u")


def lines_of(text: str) -> list[str]:
    """The command lines of a text; one may go on with ``\\``."""
    return re.findall(r"(?:[^\n]*\\\n)*[^\n]+", text)


def commands_in(text: str) -> list[list[str]]:
    """The arguments of each ``gameserver`` in some command lines, without redirections."""
    found: list[list[str]] = []
    for line in lines_of(text):
        lexer = shlex.shlex(line.replace("\\\n", " "), posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, ";"]:
            if word not in _ENDS:
                words.append(word)
                continue
            while words and _BEFORE.fullmatch(words[0]):
                words = words[2:] if words[0] == "-u" else words[1:]
            if words and PurePosixPath(words[0]).name == "gameserver":
                found.append(words[1:])
            words = []
    return found
