"""The server's TLS certificate, for wss and https on its own port."""

import logging
import math
import ssl
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import trio

from gameserver.config import Settings, SettingsError
from gameserver.net.x509 import first_expiry
from gameserver.ops.log import log

logger = logging.getLogger(__name__)

_DAY_S = 86_400.0


class Certificate:
    """A certificate chain and its private key, loaded from files that can be reloaded while the server runs."""

    def __init__(self, chain: str, key: str) -> None:
        self._chain = chain
        self._key = key or chain
        self._context, self._expires_at = self._load()
        self._reloaded = trio.lowlevel.ParkingLot()

    def reload(self) -> None:
        """Load the files again, and use them for new connections.

        Raises `SettingsError` if they are not accepted; the certificate in use then stays.
        """
        self._context, self._expires_at = self._load()
        self._reloaded.unpark_all()

    async def watch(self, now_ms: Callable[[], int]) -> None:
        """Log that the certificate has expired: at the start, at a reload, when it expires, then once a day."""
        while True:
            left_s = math.inf if self._expires_at is None else self._expires_at.timestamp() - now_ms() / 1000
            if left_s <= 0:
                self._log_expired()
            with trio.move_on_after(min(left_s, _DAY_S) if left_s > 0 else _DAY_S):
                await self._reloaded.park()

    def _log_expired(self) -> None:
        assert self._expires_at is not None
        text = "the certificate has expired, so clients refuse it: renew its files and send SIGHUP"
        expired_at = self._expires_at.isoformat().replace("+00:00", "Z")
        log(logger, logging.ERROR, "certificate_expired", text, file=self._chain, expired_at=expired_at)

    def secure(self, transport: trio.abc.Stream) -> "trio.SSLStream[trio.abc.Stream]":
        """Wrap a connection's transport in TLS, as its server; the caller performs the handshake."""
        return trio.SSLStream(transport, self._context, server_side=True)

    def _load(self) -> tuple[ssl.SSLContext, datetime | None]:
        for name, file in (("tls_certificate", self._chain), ("tls_key", self._key)):
            try:
                Path(file).read_bytes()
            except OSError as error:
                raise SettingsError(f"{name} cannot be read: {error}") from error
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        try:
            # Without a password argument, OpenSSL would prompt for one on the terminal and block.
            context.load_cert_chain(self._chain, self._key, password="")
        except (ssl.SSLError, ValueError) as error:
            files = self._chain if self._key == self._chain else f"{self._chain} with the key {self._key}"
            text = f"tls_certificate is not accepted: {files} must hold a PEM certificate and its unencrypted key"
            raise SettingsError(f"{text}: {error}") from error
        return context, first_expiry(Path(self._chain).read_text(encoding="latin-1"))


def load_certificate(settings: Settings) -> Certificate | None:
    """Load the certificate that the settings name, None if they name none. Raises `SettingsError`."""
    if settings.tls_certificate:
        return Certificate(settings.tls_certificate, settings.tls_key)
    if settings.tls_key:
        raise SettingsError("tls_key requires tls_certificate")
    return None
