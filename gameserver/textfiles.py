"""Text as people's programs write it into files: UTF-8, with a byte order mark or without."""

import codecs

from gameserver.errors import OperatorError

_OTHER_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)  # that of UTF-32 LE begins as UTF-16 LE


class TextRefused(OperatorError):
    """A file in another encoding than UTF-8."""


def decode_text(data: bytes, name: str) -> str:
    """The text that a file called ``name`` holds, whatever the locale. Raises `TextRefused`."""
    if data.startswith(_OTHER_MARKS) or b"\0" in data:
        raise TextRefused(
            f"{name} is no UTF-8: it looks like UTF-16, as some editors and shells write it; save it as UTF-8"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TextRefused(f"{name} is no UTF-8 from byte {error.start + 1} on; save it as UTF-8") from None
