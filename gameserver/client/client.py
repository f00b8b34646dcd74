"""A client of a server: what it asks, and what it hears."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal
from secrets import token_hex
from typing import Any

import msgspec
import trio

from gameserver.client.contexts import ungrouped
from gameserver.client.errors import ConnectionLost, Refused
from gameserver.client.link import Exchange, Incoming, Link
from gameserver.client.listener import Listener
from gameserver.client.messages import decode, is_known
from gameserver.client.operations import Operations
from gameserver.client.socket import UNREACHABLE, Address, OpenStream
from gameserver.client.subscription import Subscription
from gameserver.protocol.declare import Kind, Message, Operation

REPLY_TIMEOUT_S = 60.0  # settling a hundred thousand bets takes a few seconds
RETRY_PAUSE_S = 0.1  # before what was refused for the moment is asked again, unless the server says when


class Client(Operations):
    """A user's connection to a server, which is made anew when it breaks. `connect` makes one.

    Each operation is a method. One that changes something is sent with an idempotency key (``key``, or one of its own),
    so that it is carried out once even if it must be sent again because its reply was lost. What the server refuses
    for the moment (`Refused.retryable`) is asked again.

    A method raises `Refused`; trio.TooSlowError if there is no reply within ``timeout_s``, when the request may have
    been carried out or not; and `ConnectionLost`. Several tasks may use a client at once.
    """

    def __init__(self, address: Address, nursery: trio.Nursery, timeout_s: float, *, is_lasting: bool) -> None:
        self.timeout_s = timeout_s
        self._address = address
        self._nursery = nursery
        self._link = Link(address, lambda: None, self._hear, self._give_up, is_lasting=is_lasting)
        self._listeners: set[Listener[Any]] = set()

    async def run(self, task_status: trio.TaskStatus[None]) -> None:
        """Keep connected until `close`, as `Link.run` does."""
        await self._link.run(task_status)

    async def close(self) -> None:
        """Close the connection."""
        await self._link.close()

    def join(self, game_id: str, *, after_seq: int | None = None) -> Subscription:
        """The broadcasts of a game, from now on or those after ``after_seq`` first, with ``async for``."""
        return Subscription(self._address, self._nursery, game_id, after_seq)

    def listen(self) -> Listener[Message]:
        """What the user alone is told from now on, such as new balances; the broadcasts of a game come from `join`.

        What is missed while there is no connection is not made good.
        """
        return Listener(self._listeners, lambda message: decode(message) if is_known(message) else None)

    def listen_as_sent(self) -> Listener[dict[str, Any]]:
        """As `listen`, but as JSON objects, those that the declarations do not have too."""
        return Listener(self._listeners, lambda message: msgspec.json.decode(message.received))

    async def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send a request as it is and return the reply as it is, a refusal too; it gets an id if it has none.

        Raises trio.TooSlowError and `ConnectionLost`.
        """
        header = {} if request.get("header") is None else request["header"]
        if isinstance(header, dict) and header.get("id") is None:
            header = {**header, "id": self._link.new_id()}
        sent = header["id"] if isinstance(header, dict) else None
        exchange_id = sent if isinstance(sent, int | str) else object()
        exchange = Exchange(exchange_id, {**request, "header": header}, repeatable=_has_key(header))
        with trio.fail_after(self.timeout_s):
            reply = await self._link.carry_out(exchange)
        answer: dict[str, Any] = msgspec.json.decode(reply.received)
        return answer

    async def carry_out(self, operation: Operation, parameters: dict[str, Any], key: str | None) -> Message:
        """Send a request of an operation, ask again while it is refused for the moment, and return its reply."""
        header: dict[str, Any] = {"key": key or token_hex(16)} if operation.kind is Kind.WRITE else {}
        given = {name: _sendable(value) for name, value in parameters.items() if value is not None}
        repeatable = operation.kind is not Kind.CONNECTION or operation.for_views  # for_views: it changes nothing
        refused = None
        with trio.move_on_after(self.timeout_s):
            while True:
                request_id = self._link.new_id()
                request = {"header": {**header, "id": request_id}, "op": operation.op, **given}
                exchange = Exchange(request_id, request, repeatable=repeatable)
                reply = decode(await self._link.carry_out(exchange))
                if reply.is_success:
                    return reply
                refused = Refused(reply)
                if not refused.retryable:
                    raise refused
                await trio.sleep((refused.retry_after_ms or 1000 * RETRY_PAUSE_S) / 1000)
        raise refused or trio.TooSlowError

    def _hear(self, message: Incoming) -> None:
        for listener in list(self._listeners):
            listener.take(message)

    def _give_up(self, failure: ConnectionLost) -> None:
        for listener in list(self._listeners):
            listener.fail(failure)


def connect(
    url: str,
    session_key: str,
    *,
    timeout_s: float = REPLY_TIMEOUT_S,
    is_lasting: bool = True,
    open_stream: OpenStream | None = None,
) -> AbstractAsyncContextManager[Client]:
    """Connect to a server and log on, until the context exits; ``timeout_s`` is for each reply.

    A connection that breaks is made anew, unless not ``is_lasting``. ``open_stream`` opens what is spoken over, if that
    is not TCP or TLS. Raises `ConnectionLost` if there is no connection to begin with.
    """
    return ungrouped(_run(Address(url, session_key, open_stream), timeout_s, is_lasting=is_lasting))


@asynccontextmanager
async def _run(address: Address, timeout_s: float, *, is_lasting: bool) -> AsyncIterator[Client]:
    async with trio.open_nursery() as nursery:
        client = Client(address, nursery, timeout_s, is_lasting=is_lasting)
        try:
            await nursery.start(client.run)
        except trio.TooSlowError as error:
            raise ConnectionLost(f"{address.url} did not answer in time") from error
        except UNREACHABLE as error:
            reason = error.__cause__ if isinstance(error, trio.BrokenResourceError) else error
            raise ConnectionLost(f"no reply from {address.url}: {reason!r}") from error
        yield client
        await client.close()
        nursery.cancel_scope.cancel()


def _has_key(header: Any) -> bool:
    return isinstance(header, dict) and header.get("key") is not None


def _sendable(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else value
