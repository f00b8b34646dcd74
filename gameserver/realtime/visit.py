"""A connection at the port: where it comes from, its place under the limits, and what is logged of it."""

import logging
from collections.abc import Mapping

import trio

from gameserver.errors import ErrorCode
from gameserver.realtime.head import Head, HeadRefused
from gameserver.realtime.limits import limited_as_one
from gameserver.realtime.logs import log
from gameserver.realtime.proxies import client_address, is_forwarded, names_address
from gameserver.realtime.services import Services
from gameserver.web.endpoints import RETRY_AFTER

logger = logging.getLogger(__name__)


class Visit:
    """One connection, from being accepted to its end.

    ``peer`` is the address at the other end of it, ``address`` that of the client: another one, once the
    request's head is read, if the peer is a trusted proxy. ``fields`` are in every line that is logged of it.
    ``has_place`` is whether it counts under the limits; without, it may only ask how the server is. ``transport`` is
    what to talk through.
    """

    __slots__ = (
        "_counted",
        "_is_anonymous",
        "_services",
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
        self, services: Services, transport: trio.abc.Stream, peer: str, *, at_metrics_port: bool = False
    ) -> None:
        self._services = services
        self.transport = transport
        self.at_metrics_port = at_metrics_port
        self.fields: dict[str, object] = {"connection": next(services.connection_numbers)}
        self.answered = False
        self._is_anonymous = True
        self.pass_on(peer)
        # At a trusted proxy's address there is no limit of its own.
        self.has_place = self._enter(None if peer in services.trusted_proxies else self.limited_as)

    def pass_on(self, peer: str) -> None:
        """The connection is that of ``peer``; whoever was taken for that only passes it on."""
        self.peer = peer
        self._find(peer)

    def locate(self, head: Head) -> None:
        """See where the client is. Raises `HeadRefused`."""
        services = self._services
        self._find(client_address(self.peer, head, services.trusted_proxies, services.settings.proxy_header))

    def _find(self, address: str) -> None:
        self.address = self.fields["address"] = address
        self.limited_as = limited_as_one(address)

    def _enter(self, subject: str | None) -> bool:
        self._counted = subject
        return self._services.reserve.replenish() and self._services.connections.enter(subject)

    def settle(self) -> None:
        """Count it where the client is, if it is not yet. Raises `HeadRefused` if there is no place."""
        if not self.has_place:
            self.has_place = self._enter(self.limited_as)
            if not self.has_place:
                raise self.too_many()
        elif self._counted is None:
            if not self._services.connections.locate(self.limited_as):
                raise self.too_many()
            self._counted = self.limited_as

    def admit(self) -> None:
        """Somebody has logged on: the connection is none of those that only take up room."""
        if self._is_anonymous and self._counted is not None:
            self._services.connections.admit(self._counted)
        self._is_anonymous = False

    def too_many(self) -> HeadRefused:
        """The answer to one connection more than the limits allow; the log says which of them."""
        has_descriptors = self._services.reserve.replenish()
        limit = self._services.connections.full_for(self.limited_as) if has_descriptors else "descriptors"
        text = "too many connections; try again later"
        return HeadRefused(503, ErrorCode.BUSY, text, RETRY_AFTER, reason="too_many", fields={"limit": limit})

    @property
    def is_one_too_many(self) -> bool:
        """Whether there is no place for one like it: all are taken, or all descriptors are."""
        return self._services.connections.left + self.has_place < 1 or not self._services.reserve.replenish()

    def may_read_metrics(self, head: Head) -> bool:
        """Whether the client is one of those the operator lets see metrics.

        A request that a proxy passed on without saying, or being trusted to say, for whom, comes from anywhere; one
        of a web page, or to a name that may lead elsewhere tomorrow, is made by whoever made the page.
        """
        services, host = self._services, head.only("host") or ""
        if (self.address == self.peer and is_forwarded(head)) or "origin" in head.headers:
            return False
        named = host.lower() in map(str.lower, services.settings.metrics_hosts)
        return (named or names_address(host)) and self.address in services.metrics_addresses

    def note_refusal(self, reason: str, fields: Mapping[str, object] | None = None) -> None:
        """Count and log that the connection comes to nothing, with more about it for the log."""
        services = self._services
        services.metrics.refused[reason] += 1
        if reason == ErrorCode.NOT_LOGGED_IN:
            services.note_failed_logon()
        elif reason != "closed":
            log(logger, logging.INFO, "refused", "a connection is refused", reason=reason, **(fields or {}))

    def leave(self) -> None:
        """Give the place back."""
        if self.has_place:
            self._services.connections.leave(self._counted, is_anonymous=self._is_anonymous)
