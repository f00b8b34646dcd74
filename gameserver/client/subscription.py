"""Listening to a game: every durable broadcast once and in order, also across lost connections."""

from collections import deque
from typing import Self

import trio

from gameserver.client.errors import ClientError, Refused
from gameserver.client.link import MAX_QUEUED, Exchange, Incoming, IncomingHeader, Link
from gameserver.client.messages import decode, is_known
from gameserver.client.socket import Address
from gameserver.protocol.declare import ErrorReply, Message, tag_of
from gameserver.protocol.predictions import FriendBet
from gameserver.protocol.registry import MESSAGES
from gameserver.protocol.subscriptions import GameJoined, JoinGame

_ENDS = {tag_of(struct) for struct in MESSAGES.values() if struct.ends_subscriptions}
_FRIEND_BET = tag_of(FriendBet)
_PAUSE_S = 0.2  # before a join that the server could not carry out is tried again, unless it says when


class Subscription:
    """The broadcasts of a game, from ``async for``; the game is joined when the first is asked for.

    It has a connection of its own. Each time the game is joined, also after a lost connection, a `GameJoined` comes
    first. If that is not ``recovered``, broadcasts have been missed, and the game's details and lists are to be read
    anew. ``seq`` is that of the last durable broadcast passed on, ``header`` that of the last message, ``epoch`` that
    of the server's history. The iteration ends when the game has closed, or been left.

    A reader who is more than ``MAX_QUEUED`` messages behind loses what is not durable, and gets the rest from the
    server once it has caught up.
    """

    def __init__(self, address: Address, nursery: trio.Nursery, game_id: str, after_seq: int | None) -> None:
        self.game_id = game_id
        self.seq = after_seq
        self.epoch: str | None = None
        self.header: IncomingHeader | None = None
        self._link = Link(address, self._join, self._take, self._fail, is_lasting=True)
        self._nursery = nursery
        self._is_begun = False
        self._queue: deque[Incoming] = deque()
        self._arrived = trio.Event()
        self._heard = after_seq  # the seq of the last durable broadcast that was queued
        self._last_seq = 0  # the game's last when it was joined
        self._is_subscribed = False  # else the game is closed, and there is no more than its log
        self._takes = False  # whether what arrives follows what is queued
        self._is_behind = False  # whether to join anew once the queue is empty
        self._pause_s = 0.0  # before that
        self._is_over = False
        self._failure: ClientError | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._end()
        await self._link.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Message:
        if not self._is_begun:
            self._is_begun = True
            self._nursery.start_soon(self._link.run)
        while not self._queue:
            if self._is_over:
                raise self._failure or StopAsyncIteration
            if self._is_behind:
                await trio.sleep(self._pause_s)
                self._join()
            self._arrived = trio.Event()
            await self._arrived.wait()
        message = self._queue.popleft()
        self.header = message.response_header
        self.seq = self.seq if self.header.seq is None else self.header.seq
        return decode(message)

    def _join(self) -> None:
        """Ask for what comes after the last broadcast queued, unless there is no connection; a new one asks again."""
        self._takes = self._is_behind = False
        after = {"after_seq": self._heard, "epoch": self.epoch}
        if self._link.is_connected:
            request_id = self._link.new_id()
            request: dict[str, object] = {"header": {"id": request_id}, "op": tag_of(JoinGame), "game_id": self.game_id}
            request |= {name: value for name, value in after.items() if value is not None}
            self._link.send(Exchange(request_id, request, repeatable=False, take=self._take_reply))

    def _take_reply(self, reply: Incoming) -> None:
        answer = decode(reply)
        if isinstance(answer, GameJoined):
            self._begin(answer, reply)
        elif isinstance(answer, ErrorReply) and answer.retryable:
            self._is_behind, self._pause_s = True, (answer.retry_after_ms or 1000 * _PAUSE_S) / 1000
            self._arrived.set()
        elif isinstance(answer, ErrorReply):
            self._fail(Refused(answer))

    def _begin(self, joined: GameJoined, reply: Incoming) -> None:
        self._takes, self._is_subscribed = True, joined.subscribers > 0
        self._last_seq, self.epoch, self._pause_s = joined.seq, joined.epoch, 0.0
        if not joined.recovered:
            self._heard = joined.seq
        self._put(reply)
        self._end_where_it_ends(reply)

    def _take(self, message: Incoming) -> None:
        """Queue a broadcast of the game."""
        seq = message.response_header.seq
        if not self._takes or not is_known(message) or not self._is_of_game(message):
            return
        if len(self._queue) >= MAX_QUEUED:
            if seq is not None:
                self._takes, self._is_behind = False, True
            return
        self._heard = self._heard if seq is None else seq
        self._put(message)
        self._end_where_it_ends(message)

    def _is_of_game(self, message: Incoming) -> bool:
        """Whether a message is the game's; others come to every connection of the user."""
        about = message.game_id or message.channel
        if about is not None:
            return about == self.game_id
        return message.response_header.seq is not None or message.res == _FRIEND_BET

    def _end_where_it_ends(self, message: Incoming) -> None:
        """A game closed while one listens ends with that; one that was closed before, with the end of its log."""
        seq = message.response_header.seq or 0
        is_close = message.res in _ENDS and seq > self._last_seq
        if is_close or (not self._is_subscribed and (self._heard or 0) >= self._last_seq):
            self._end()

    def _put(self, message: Incoming) -> None:
        self._queue.append(message)
        self._arrived.set()

    def _end(self) -> None:
        self._is_over, self._takes = True, False
        self._link.end()
        self._arrived.set()

    def _fail(self, failure: ClientError) -> None:
        """End the iteration with an error, after what has arrived."""
        self._failure = failure
        self._end()
