"""The server's own certificate: wss and https on the port itself."""

import logging
import math
import ssl
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import trio

from gameserver.config import Settings, SettingsError
from gameserver.realtime.logs import log
from gameserver.realtime.x509 import first_expiry

logger = logging.getLogger(__name__)

_DAY_S = 86_400.0


class Certificate:
    """A certificate chain and its private key, as files that may be renewed while the server runs."""

    def __init__(self, chain: str, key: str) -> None:
        self._chain = chain
        self._key = key or chain
        self._context, self._expires_at = self._load()
        self._reloaded = trio.Event()

    def reload(self) -> None:
        """Show the files' certificate to those who connect from now on.

        Raises `SettingsError` if they are not in order; the certificate that was shown so far stays.
        """
        self._context, self._expires_at = self._load()
        self._reloaded.set()

    async def watch(self, now_ms: Callable[[], int]) -> None:
        """Say in the log if it has expired: now, at each reload, when it does, and every day from then on."""
        while True:
            self._reloaded = trio.Event()
            left_s = math.inf if self._expires_at is None else self._expires_at.timestamp() - now_ms() / 1000
            if left_s <= 0:
                self._say_expired()
            with trio.move_on_after(min(left_s, _DAY_S) if left_s > 0 else _DAY_S):
                await self._reloaded.wait()

    def _say_expired(self) -> None:
        assert self._expires_at is not None
        text = "the certificate has expired, and clients refuse it: renew its files, and send SIGHUP"
        expired_at = self._expires_at.isoformat().replace("+00:00", "Z")
        log(logger, logging.ERROR, "certificate_expired", text, file=self._chain, expired_at=expired_at)

    def secure(self, transport: trio.abc.Stream) -> "trio.SSLStream[trio.abc.Stream]":
        """The server's end of a connection; its handshake is still to come."""
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
            # Without a password at hand OpenSSL would ask for one on the terminal, and wait.
            context.load_cert_chain(self._chain, self._key, password="")
        except (ssl.SSLError, ValueError) as error:
            files = self._chain if self._key == self._chain else f"{self._chain} with the key {self._key}"
            text = f"tls_certificate is not accepted: {files} must be a PEM certificate and its key, without a password"
            raise SettingsError(f"{text}: {error}") from error
        return context, first_expiry(Path(self._chain).read_text(encoding="latin-1"))


def load_certificate(settings: Settings) -> Certificate | None:
    """The certificate of the settings, None if there is none. Raises `SettingsError`."""
    if settings.tls_certificate:
        return Certificate(settings.tls_certificate, settings.tls_key)
    if settings.tls_key:
        raise SettingsError("tls_key needs its certificate: set tls_certificate too")
    return None
