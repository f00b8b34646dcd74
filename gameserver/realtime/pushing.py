"""Pushing messages to many connections, encoded and compressed once (protocol, "Sequence and recovery")."""

from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

import trio

from gameserver.net.compression import Compression, MessageFrames, joined_frames
from gameserver.net.outbox import Outbox
from gameserver.protocol.codec import ResponseHeader, with_header

R = TypeVar("R")

_PUSHES_BETWEEN_CHECKPOINTS = 200


def message_frames(body: bytes, now_ms: int, seq: int | None = None) -> MessageFrames:
    """A broadcast, whose frames are the same for every connection."""
    return MessageFrames(with_header(ResponseHeader(t=now_ms, seq=seq), body))


async def push_all(
    readers: Sequence[R],
    outboxes_of: Callable[[Sequence[R]], list[Outbox]],
    messages: Sequence[MessageFrames],
    about: Collection[str] | None,
    pools: Sequence[str] | None = None,
) -> int:
    """Push messages, joined once for the readers of each compression, to readers' outboxes; to how many.

    They are durable broadcasts about the pools ``about``, or distribution updates of each of ``pools``, or neither: not
    durable. ``outboxes_of`` gives the outboxes of some of the readers, right before they are pushed to.
    """
    updates = list(zip(pools, messages, strict=True)) if pools is not None else None
    pieces: dict[Compression, bytes] = {}
    count = 0
    for start in range(0, len(readers), _PUSHES_BETWEEN_CHECKPOINTS):
        if start:
            await trio.lowlevel.checkpoint()
        outboxes = outboxes_of(readers[start : start + _PUSHES_BETWEEN_CHECKPOINTS])
        for outbox in outboxes:
            frames = pieces.get(outbox.compression)
            if frames is None:
                frames = pieces[outbox.compression] = joined_frames(messages, outbox.compression)
            if about is not None:
                outbox.push(frames, about)
            elif updates is not None:
                outbox.push_updates(updates, frames)
            else:
                outbox.push_if_room(frames)
        count += len(outboxes)
    return count
