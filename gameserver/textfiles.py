"""Decoding of text files: UTF-8, with or without a byte order mark."""

import codecs

from gameserver.errors import OperatorError

_OTHER_MARKS = (
    codecs.BOM_UTF16_LE,
    codecs.BOM_UTF16_BE,
    codecs.BOM_UTF32_BE,
)  # the mark of UTF-32 LE begins like that of UTF-16 LE


class TextRefused(OperatorError):
    """A file that is not UTF-8; the text names it."""


def decode_text(data: bytes, name: str) -> str:
    """Decode a file's content, whatever the locale; ``name`` is for the message of `TextRefused`, which it raises."""
    if data.startswith(_OTHER_MARKS) or b"\0" in data:
        raise TextRefused(
            f"{name} is not UTF-8: it looks like UTF-16, as some editors and shells write it; save it as UTF-8"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TextRefused(f"{name} is not UTF-8 from byte {error.start + 1} on; save it as UTF-8") from None
