"""Messages as the declarations type them."""

from functools import reduce
from operator import or_
from typing import Any

import msgspec

from gameserver.client.link import Incoming
from gameserver.protocol.declare import ErrorReply, Message, tag_of
from gameserver.protocol.registry import MESSAGES

_structs: tuple[Any, ...] = (*MESSAGES.values(), ErrorReply)
_known = frozenset(tag_of(struct) for struct in _structs)
_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(reduce(or_, _structs))


def is_known(message: Incoming) -> bool:
    """Whether the declarations have it; a server newer than they may send more."""
    return message.res in _known


def decode(message: Incoming) -> Message:
    """The message as its Struct. Raises `msgspec.ValidationError` for what the declarations do not have."""
    return _decoder.decode(message.received)
