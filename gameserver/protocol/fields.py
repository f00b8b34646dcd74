"""The types of parameters. Each description completes the sentence "NAME must be …" of a refusal."""

from typing import Annotated, Literal

from msgspec import Meta, Raw

from gameserver.domain.money import CURRENCY_PATTERN

# Parameters that are never kept, nor anything made of them, with what a request has done.
SECRETS = frozenset({"password", "password_hash", "session_key", "h"})
LAST_MS = 253_402_300_799_999  # the end of the year 9999
USERNAME_PATTERN = r"\A[A-Za-z0-9_.-]{1,32}\Z"

# A time that is only displayed; nothing happens at it.
DisplayMillis = Annotated[int, Meta(ge=0, le=LAST_MS, description="an integer, epoch milliseconds UTC")]
# A time at which the server acts: the codec refuses values that can only be meant as seconds.
REJECTS_SECONDS = "rejects_seconds"
Millis = Annotated[DisplayMillis, Meta(extra={REJECTS_SECONDS: True})]
# From 2001 to 2286 in seconds; in milliseconds, January to April 1970.
FIRST_S, LAST_S = 10**9, 10**10 - 1
Uuid = Annotated[
    str,
    Meta(
        pattern=r"\A[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z",
        description="an id that the server gave, a lower-case UUID",
    ),
]
Names = Annotated[list[str] | str, Meta(description="an array of strings, or one string with commas between the items")]
# A text with a visible character: not only blanks, control, format and filling characters.
VISIBLE = (
    r"[^\s\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e"
    r"\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff9-\ufffb]"
)


def _text_up_to(length: int) -> Meta:
    accepted = f"a string of 1 to {length} characters, not all of them blank or invisible"
    return Meta(min_length=1, max_length=length, pattern=VISIBLE, description=accepted)


Title = Annotated[str, _text_up_to(256)]
Label = Annotated[str, _text_up_to(128)]
GameType = Annotated[str, _text_up_to(64)]
Text = Annotated[str, _text_up_to(512)]
Description = Annotated[str, Meta(min_length=1, max_length=512, description="a string of at most 512 characters")]
ImageUrl = Annotated[
    str,
    Meta(
        max_length=2048,
        pattern=r"\A[hH][tT][tT][pP][sS]?://[^\s/]\S*\Z",
        description="an http or https address of at most 2048 characters",
    ),
]
Symbol = Annotated[str, _text_up_to(8)]
TargetNumber = Annotated[int, Meta(ge=0, le=999, description="an integer from 0 to 999")]
Color = Annotated[str, Meta(pattern=r"\A#[0-9A-Fa-f]{6}\Z", description="a colour such as #1a2b3c")]
ActionLabels = Annotated[
    dict[str, Label], Meta(description="an object of action → the name it is shown by, of 1 to 128 characters")
]
Scores = Annotated[
    dict[str, Annotated[int, Meta(ge=-100, le=100)]],
    Meta(description="an object of action → points, an integer from -100 to 100"),
]
SettleDelayMillis = Annotated[
    int, Meta(ge=0, le=600_000, description="an integer of milliseconds from 0 to 600000, ten minutes")
]
Period = Annotated[str, _text_up_to(32)]
ElapsedMillis = Annotated[int, Meta(ge=0, le=2**53 - 1, description="an integer of milliseconds, from 0 up")]
Currency = Annotated[
    str,
    Meta(
        pattern=CURRENCY_PATTERN,
        description="3 to 10 upper-case letters or digits, the first a letter, such as EUR or DON",
    ),
]
Username = Annotated[str, Meta(min_length=1, max_length=128, description="a user's name, in upper or lower case")]
Name = Annotated[str, Meta(min_length=1, max_length=10_000, description="the id or name of an action, target or label")]
PoolTypeNumber = Annotated[
    int,
    Meta(ge=1, le=4, description="1 or 2 (parimutuel: event, time), 3 or 4 (binary: event, time)"),
]
UnlistedTargetChoice = Annotated[
    Literal["stay_open", "none", "refund"], Meta(description="'stay_open', 'none' or 'refund'")
]
SplitChoice = Annotated[Literal["profit", "pot"], Meta(description="'profit' or 'pot'")]
ChatChoice = Annotated[Literal["all", "accounts", "off"], Meta(description="'all', 'accounts' or 'off'")]
# Blanks around it may make a text longer than the 500 characters that `gameserver.domain.chat` lets it have.
ChatText = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=1_000,
        pattern=rf"\A(?=[\s\S]*?{VISIBLE})[^\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]*\Z",
        description="1 to 500 characters besides blanks around them, no control characters but line breaks",
    ),
]
MuteSeconds = Annotated[
    int, Meta(ge=0, le=31_536_000, description="an integer of seconds from 0, which unmutes, to 31536000, a year")
]
ListedGames = Annotated[Literal["open", "closed", "all"], Meta(description="'open', 'closed' or 'all'")]
ExternalId = Annotated[str, _text_up_to(64)]
Flag = Annotated[bool, Meta(description="true or false")]
PageSize = Annotated[int, Meta(ge=1, le=1000, description="an integer from 1 to 1000")]
Place = Annotated[int, Meta(ge=0, le=2**53 - 1, description="a place in a ranking, an integer from 0 up")]
ShownCount = Annotated[int, Meta(ge=0, le=100, description="an integer from 0 to 100")]
Days = Annotated[int, Meta(ge=1, le=366, description="an integer from 1 to 366")]
Sequence = Annotated[int, Meta(ge=0, le=2**53 - 1, description="the seq of the last broadcast received, or 0")]
Epoch = Annotated[
    str, Meta(min_length=1, max_length=64, description="the epoch of the 333 or 342 that after_seq goes back to")
]
UserId = Annotated[int, Meta(ge=1, le=2**53 - 1, description="a user's id, an integer from 1 up")]
SessionId = Annotated[
    str, Meta(min_length=1, max_length=64, description="the id of a session, as list_my_sessions gives it")
]
Nonce = Annotated[str, Meta(min_length=1, max_length=64, description="1 to 64 characters of the client's choice")]
Digest = Annotated[str, Meta(min_length=1, description="sha256(str(id) + n + session_key) as 64 lower-case hex digits")]
Password = Annotated[str, Meta(min_length=1, max_length=1024, description="a password of 8 to 128 characters")]
Email = Annotated[str, Meta(max_length=320, description="an e-mail address, which is not kept")]
Search = Annotated[str, Meta(min_length=1, max_length=32, description="the beginning of a user's name")]
AuditCursor = Annotated[
    int, Meta(ge=0, le=2**63 - 1, description="a time in epoch milliseconds, or the next of the page before")
]
SignedNumber = Annotated[Raw, Meta(description="a decimal number other than 0, below it with a sign")]
# Kept as the text that was sent, so that its exact decimal value can be read; empty where absent.
Number = Annotated[Raw, Meta(description="a decimal number without a sign")]
ABSENT_NUMBER = Raw(b"")
