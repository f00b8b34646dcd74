"""Admission of a connection: the client's address, the connection limits, and refusals (protocol, "Limits")."""

import logging
from collections.abc import Mapping

import trio

from gameserver.errors import ErrorCode
from gameserver.net.checks import RETRY_AFTER
from gameserver.net.forwarded import came_by_https, client_address, is_forwarded, names_address
from gameserver.net.head import Head, HeadRefused
from gameserver.ops.log import log
from gameserver.realtime.connection_limits import limit_key
from gameserver.realtime.context import ServerContext

logger = logging.getLogger(__name__)


class Admission:
    """One accepted connection under the connection limits, until its end.

    ``peer`` is the address at the other end of the connection, ``address`` the client's, which differs once the
    request's head is read if the peer is a trusted proxy; ``limit_key`` is that by which the client is limited.
    ``is_secure`` says whether the last request came by TLS, to this server or to a trusted proxy.
    ``fields`` are in every log record of the connection. ``has_slot`` says whether the connection is counted under the
    limits; without a slot it gets health checks only. ``transport`` is the stream to use, ``answered`` whether an HTTP
    response was sent.
    """

    __slots__ = (
        "_context",
        "_counted_as",
        "_is_anonymous",
        "address",
        "answered",
        "at_metrics_port",
        "fields",
        "has_slot",
        "is_secure",
        "limit_key",
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
        self.is_secure = context.certificate is not None
        self._is_anonymous = True
        self.set_peer(peer)
        # A trusted proxy's own address has no limit: the client is counted once it is known.
        self.has_slot = self._acquire(None if peer in context.trusted_proxies else self.limit_key)

    def set_peer(self, peer: str) -> None:
        """Set the peer's address, which the PROXY protocol may correct."""
        self.peer = peer
        self._set_address(peer)

    def locate(self, head: Head) -> None:
        """Set the client's address by a request's head. Raises `HeadRefused`."""
        context = self._context
        given = (self.peer, head, context.trusted_proxies, context.settings.proxy_header)
        self._set_address(client_address(*given))
        self.is_secure = context.certificate is not None or came_by_https(*given)

    def _set_address(self, address: str) -> None:
        self.address = self.fields["address"] = address
        self.limit_key = limit_key(address)

    def _acquire(self, key: str | None) -> bool:
        self._counted_as = key
        return self._context.reserve.replenish() and self._context.connection_limiter.acquire(key)

    def claim_slot(self) -> None:
        """Count the connection at the client's address, unless it is already. Raises `HeadRefused` (503) at a limit."""
        if not self.has_slot:
            self.has_slot = self._acquire(self.limit_key)
            if not self.has_slot:
                raise self.too_many_connections()
        elif self._counted_as is None:
            if not self._context.connection_limiter.assign_address(self.limit_key):
                raise self.too_many_connections()
            self._counted_as = self.limit_key

    def release_client(self) -> None:
        """Forget the client once it is answered, since a proxy's next request may be another client's."""
        self.fields.pop("user", None)
        if self.peer in self._context.trusted_proxies:
            self._context.connection_limiter.release_address(self._counted_as, is_anonymous=self._is_anonymous)
            self._counted_as = None

    def mark_logged_on(self) -> None:
        """Stop counting the connection as anonymous, since a user has logged on."""
        if self._is_anonymous and self._counted_as is not None:
            self._context.connection_limiter.mark_logged_on(self._counted_as)
        self._is_anonymous = False

    def too_many_connections(self) -> HeadRefused:
        """The refusal (503) of a connection beyond a limit; the log says which limit."""
        has_descriptors = self._context.reserve.replenish()
        limit = self._context.connection_limiter.exhausted_limit(self.limit_key) if has_descriptors else "descriptors"
        text = "too many connections; try again later"
        return HeadRefused(503, ErrorCode.BUSY, text, RETRY_AFTER, reason="too_many", fields={"limit": limit})

    @property
    def is_full(self) -> bool:
        """Whether the server has no slot, or no descriptor, for one more connection."""
        return self._context.connection_limiter.available + self.has_slot < 1 or not self._context.reserve.replenish()

    def may_read_metrics(self, head: Head) -> bool:
        """Whether the client may read metrics, by its address and by the request's head.

        Refused are requests forwarded by a proxy that is not trusted, since they can come from anywhere, and those that
        a web page can cause: with an ``Origin``, or with a name as ``Host`` that is not in ``metrics_hosts``.
        """
        context, host = self._context, head.only("host") or ""
        if (self.address == self.peer and is_forwarded(head)) or "origin" in head.headers:
            return False
        named = host.lower() in map(str.lower, context.settings.metrics_hosts)
        return (named or names_address(host)) and self.address in context.metrics_addresses

    def record_refusal(self, reason: str, fields: Mapping[str, object] | None = None) -> None:
        """Count and log that the connection is refused; ``fields`` are added to the log record."""
        context = self._context
        context.metrics.refused[reason] += 1
        if reason == ErrorCode.NOT_LOGGED_IN:
            context.log_failed_logon()
        elif reason != "closed":
            log(logger, logging.INFO, "refused", "connection refused", reason=reason, **(fields or {}))

    def release_slot(self) -> None:
        """Stop counting the connection."""
        if self.has_slot:
            self._context.connection_limiter.release(self._counted_as, is_anonymous=self._is_anonymous)
