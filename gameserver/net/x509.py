"""Reads when a certificate expires, which Python's ssl does not tell about a server's own (RFC 5280, section 4.1)."""

import re
import ssl
from datetime import UTC, datetime

_PEM = re.compile("-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.S)
_UTC_TIME = 0x17  # the alternative is GeneralizedTime
_VERSION = 0xA0


def first_expiry(pem: str) -> datetime | None:
    """The earliest expiry of the certificates in a PEM text; None if there is none, or one cannot be parsed."""
    try:
        return min((_not_after(ssl.PEM_cert_to_DER_cert(found[0])) for found in _PEM.finditer(pem)), default=None)
    except (ValueError, IndexError):  # malformed; OpenSSL decides whether it is accepted
        return None


def _not_after(certificate: bytes) -> datetime:
    to_be_signed = _elements(_elements(certificate)[0][1])[0][1]
    fields = [content for tag, content in _elements(to_be_signed) if tag != _VERSION]
    _serial, _algorithm, _issuer, validity = fields[:4]
    _, (tag, time) = _elements(validity)
    digits = time.decode("ascii").removesuffix("Z")
    if tag == _UTC_TIME:
        digits = ("19" if digits >= "50" else "20") + digits
    return datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC)


def _elements(data: bytes) -> list[tuple[int, bytes]]:
    """The tag and content of each DER element."""
    elements, at = [], 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length >= 0x80:
            long_form = length - 0x80
            length, at = int.from_bytes(data[at : at + long_form], "big"), at + long_form
        elements.append((tag, data[at : at + length]))
        at += length
    return elements
