"""A connection at the port: where it comes from, its place under the limits, and what is logged of it."""

import logging
from collections.abc import Mapping

import trio

from gameserver.errors import ErrorCode
from gameserver.net.forwarded import client_address, is_forwarded, names_address
from gameserver.net.head import Head, HeadRefused
from gameserver.ops.log import log
from gameserver.realtime.context import ServerContext
from gameserver.realtime.rate_limits import limited_as_one
from gameserver.web.endpoints import RETRY_AFTER

logger = logging.getLogger(__name__)


class Admission:
    """One connection, from being accepted to its end.

    ``peer`` is the address at the other end of it, ``address`` that of the client: another one, once the
    request's head is read, if the peer is a trusted proxy. ``fields`` are in every line that is logged of it.
    ``has_place`` is whether it counts under the limits; without, it may only ask how the server is. ``transport`` is
    what to talk through.
    """

    __slots__ = (
        "_context",
        "_counted",
        "_is_anonymous",
        "address",
        "answered",
        "at_metrics_port",
        "fields",
        "has_place",
        "limited_as",
        "peer",
        "transport",
    )

    def __init__(
        self, context: ServerContext, transport: trio.abc.Stream, peer: str, *, at_metrics_port: bool = False
    ) -> None:
        self._context = context
        self.transport = transport
        self.at_metrics_port = at_metrics_port
        self.fields: dict[str, object] = {"connection": next(context.connection_numbers)}
        self.answered = False
        self._is_anonymous = True
        self.pass_on(peer)
        # At a trusted proxy's address there is no limit of its own.
        self.has_place = self._enter(None if peer in context.trusted_proxies else self.limited_as)

    def pass_on(self, peer: str) -> None:
        """The connection is that of ``peer``; whoever was taken for that only passes it on."""
        self.peer = peer
        self._find(peer)

    def locate(self, head: Head) -> None:
        """See where the client is. Raises `HeadRefused`."""
        context = self._context
        self._find(client_address(self.peer, head, context.trusted_proxies, context.settings.proxy_header))

    def _find(self, address: str) -> None:
        self.address = self.fields["address"] = address
        self.limited_as = limited_as_one(address)

    def _enter(self, subject: str | None) -> bool:
        self._counted = subject
        return self._context.reserve.replenish() and self._context.connections.enter(subject)

    def settle(self) -> None:
        """Count it where the client is, if it is not yet. Raises `HeadRefused` if there is no place."""
        if not self.has_place:
            self.has_place = self._enter(self.limited_as)
            if not self.has_place:
                raise self.too_many()
        elif self._counted is None:
            if not self._context.connections.locate(self.limited_as):
                raise self.too_many()
            self._counted = self.limited_as

    def admit(self) -> None:
        """Somebody has logged on: the connection is none of those that only take up room."""
        if self._is_anonymous and self._counted is not None:
            self._context.connections.admit(self._counted)
        self._is_anonymous = False

    def too_many(self) -> HeadRefused:
        """The answer to one connection more than the limits allow; the log says which of them."""
        has_descriptors = self._context.reserve.replenish()
        limit = self._context.connections.full_for(self.limited_as) if has_descriptors else "descriptors"
        text = "too many connections; try again later"
        return HeadRefused(503, ErrorCode.BUSY, text, RETRY_AFTER, reason="too_many", fields={"limit": limit})

    @property
    def is_one_too_many(self) -> bool:
        """Whether there is no place for one like it: all are taken, or all descriptors are."""
        return self._context.connections.left + self.has_place < 1 or not self._context.reserve.replenish()

    def may_read_metrics(self, head: Head) -> bool:
        """Whether the client is one of those the operator lets see metrics.

        A request that a proxy passed on without saying, or being trusted to say, for whom, comes from anywhere; one
        of a web page, or to a name that may lead elsewhere tomorrow, is made by whoever made the page.
        """
        context, host = self._context, head.only("host") or ""
        if (self.address == self.peer and is_forwarded(head)) or "origin" in head.headers:
            return False
        named = host.lower() in map(str.lower, context.settings.metrics_hosts)
        return (named or names_address(host)) and self.address in context.metrics_addresses

    def note_refusal(self, reason: str, fields: Mapping[str, object] | None = None) -> None:
        """Count and log that the connection comes to nothing, with more about it for the log."""
        context = self._context
        context.metrics.refused[reason] += 1
        if reason == ErrorCode.NOT_LOGGED_IN:
            context.note_failed_logon()
        elif reason != "closed":
            log(logger, logging.INFO, "refused", "a connection is refused", reason=reason, **(fields or {}))

    def leave(self) -> None:
        """Give the place back."""
        if self.has_place:
            self._context.connections.leave(self._counted, is_anonymous=self._is_anonymous)
