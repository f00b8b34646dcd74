"""Addresses by which this machine is reached, by itself and by others in the network."""

import ipaddress
import socket
from urllib.parse import urlsplit

LOOPBACK = "127.0.0.1"
_UNROUTED = ("192.0.2.1", "10.255.255.255", "192.168.255.255", "172.31.255.255")  # nothing is sent to them


def is_everywhere(host: str) -> bool:
    """Whether listening at a host means listening at all addresses of the machine."""
    return host in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound


def nearest(host: str) -> str:
    """The host by which this machine itself reaches what listens at a host."""
    return {"0.0.0.0": LOOPBACK, "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound


def authority(host: str, port: int | None) -> str:
    """A host and a port as they stand in an URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def at_host(url: str, host: str) -> str:
    """An URL by another name of its host."""
    parts = urlsplit(url)
    return parts._replace(netloc=authority(host, parts.port)).geturl()


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches itself by a host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost" or host.lower().endswith(".localhost")


def own_address() -> str:
    """An address by which others in the network reach this machine; its loopback address if it has none."""
    for target in _UNROUTED:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((target, 9))
            except OSError:
                continue
            found = str(probe.getsockname()[0])
            if not is_loopback(found):
                return found
    return LOOPBACK
