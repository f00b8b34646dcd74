"""The settings: the type, bounds, default and one-line meaning of each.

A setting is a flag (``--max-requests-per-s 1000``), an environment variable
(``GAMESERVER_MAX_REQUESTS_PER_S``) and a key of the TOML file given by ``--config``; a flag wins over a
variable, a variable over the file (protocol, "Command line").
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from ipaddress import IPv6Address, ip_network
from pathlib import Path
from typing import Annotated, Any

import idna
import msgspec
from msgspec import Meta

from gameserver.errors import OperatorError
from gameserver.textfiles import TextRefused, decode_text

ENVIRONMENT_PREFIX = "GAMESERVER_"
SECRET_VARIABLE = "GAMESERVER_SECRET"  # noqa: S105 - the name of a variable, not its value
OTHER_VARIABLES = frozenset({SECRET_VARIABLE})
# Variables that Kubernetes and Docker's links set for services whose names begin with the server's.
_SERVICE_VARIABLE = re.compile(
    ENVIRONMENT_PREFIX
    + r"(\w+_)?(SERVICE_(HOST|PORT(_\w+)?)|ENV_\w+"
    + r"|PORT_(\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR|START|END|PORT_START|PORT_END))?|START|END))"
)
_SERVICE_ADDRESS = re.compile(r"(tcp|udp|sctp)://.*")  # of …_PORT
_LINK_NAME = re.compile(r"/[^/]+/[^/]+")  # of …_NAME
_AMOUNTS = frozenset({"starting_balance", "guest_starting_balance"})
UNIX = "unix"  # stands for the clients of a Unix socket
_LISTS = frozenset({"allowed_origins", "metrics_hosts", "trusted_proxies", "metrics_addresses"})

Count = Annotated[int, Meta(ge=1, le=10**9)]
_AMOUNT = r"^[0-9]{1,12}(\.[0-9]{1,2})?$"
Seconds = Annotated[float, Meta(gt=0, le=10**6)]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of an operator. A name ends with its unit."""

    host: Annotated[
        str, Meta(min_length=1, description="addresses or names to listen on, or unix:PATH, separated by commas")
    ] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="TCP port; 0 takes a free one")] = 9999
    db: Annotated[str, Meta(min_length=1, description="the database: a file, or postgresql://HOST/NAME")] = (
        "data/gameserver.db"
    )
    base_path: Annotated[
        str,
        Meta(pattern=r"^(/[A-Za-z0-9._~-]+)*/?$", description="a path such as /game that a proxy leaves in front"),
    ] = ""
    tls_certificate: Annotated[str, Meta(description="a PEM certificate chain: serves wss and https with it")] = ""
    tls_key: Annotated[str, Meta(description="the certificate's private key, unless it is in the same file")] = ""
    log_level: Annotated[
        str, Meta(pattern="^(debug|info|warning|error)$", description="debug, info, warning or error")
    ] = "info"
    log_format: Annotated[
        str, Meta(pattern="^(text|json)$", description="text for people or json, one object a line")
    ] = "text"
    allowed_origins: Annotated[
        tuple[str, ...], Meta(description="web origins besides the server's own, separated by commas")
    ] = ()
    public_reads: Annotated[
        bool, Meta(description="whether anybody may read games and pools by HTTP without a session")
    ] = True
    trusted_proxies: Annotated[
        tuple[str, ...], Meta(description="addresses or networks of reverse proxies that tell where a client is")
    ] = ()
    proxy_header: Annotated[
        str,
        Meta(
            pattern="^(x-forwarded-for|forwarded)$",
            description="the header trusted proxies write: x-forwarded-for or forwarded",
        ),
    ] = "x-forwarded-for"
    proxy_protocol: Annotated[
        bool, Meta(description="whether trusted proxies begin each connection with the PROXY protocol")
    ] = False
    metrics_addresses: Annotated[
        tuple[str, ...], Meta(description="addresses or networks of clients that may read /metrics")
    ] = ("127.0.0.0/8", "::1")
    metrics_port: Annotated[
        int, Meta(ge=0, le=65535, description="a TCP port for /metrics alone; 0 leaves them on the server's own")
    ] = 0
    metrics_hosts: Annotated[
        tuple[str, ...],
        Meta(description="names, with the port, by which they may ask for it"),
    ] = ()
    ping_interval_s: Annotated[Seconds, Meta(description="between two pings of a connection")] = 20.0
    ping_timeout_s: Annotated[Seconds, Meta(description="silence after a ping until the peer is dropped")] = 20.0
    logon_timeout_s: Annotated[Seconds, Meta(description="for a connection to say who it is")] = 10.0
    handshake_timeout_s: Annotated[Seconds, Meta(description="for a request head to arrive")] = 10.0
    http_idle_timeout_s: Annotated[Seconds, Meta(description="for a kept HTTP connection to send a request")] = 60.0
    close_timeout_s: Annotated[Seconds, Meta(description="for a peer to take its close frame")] = 2.0
    max_blocked_s: Annotated[Seconds, Meta(description="for a peer to take some of what waits for it")] = 30.0
    shutdown_timeout_s: Annotated[Seconds, Meta(description="for requests in flight to be answered")] = 10.0
    max_message_bytes: Annotated[Count, Meta(description="of one message received")] = 262_144
    max_message_fragments: Annotated[Count, Meta(description="frames of one message received")] = 16_384
    compression: Annotated[bool, Meta(description="whether messages are compressed for clients that offer it")] = True
    compress_min_bytes: Annotated[
        int, Meta(ge=0, le=10**9, description="of a message sent: only a longer one is compressed")
    ] = 256
    max_body_bytes: Annotated[Count, Meta(description="bytes of an HTTP request body")] = 65_536
    max_head_bytes: Annotated[Count, Meta(description="bytes of an HTTP request head")] = 16_384
    max_unsent_bytes: Annotated[Count, Meta(description="bytes queued for one connection before it is too slow")] = (
        1_048_576
    )
    max_unanswered_bytes: Annotated[
        Count, Meta(description="bytes of one user's unanswered changes; reading pauses beyond")
    ] = 524_288
    max_requests_per_s: Annotated[Count, Meta(description="of one user; bursts may be twice that")] = 100
    max_requests_per_s_per_address: Annotated[Count, Meta(description="of one address; bursts twice that")] = 2_000
    max_connections: Annotated[Count, Meta(description="in all")] = 20_000
    max_connections_per_address: Annotated[Count, Meta(description="from one address")] = 10_000
    max_anonymous_connections_per_address: Annotated[Count, Meta(description="from one address, before logon")] = 5_000
    max_connections_per_user: Annotated[Count, Meta(description="of one user")] = 20
    max_waiting_writes: Annotated[Count, Meta(description="requests queued for the database's writer")] = 10_000
    max_open_pools: Annotated[Count, Meta(description="unresolved pools of one game")] = 200
    max_unbacked_runs: Annotated[
        Count, Meta(description="runs in a row without a bet after which a pool is no longer recreated")
    ] = 10
    max_game_admins: Annotated[Count, Meta(description="of one game, besides admins of its source")] = 10
    max_target_depth: Annotated[int, Meta(ge=1, le=64, description="levels of nested targets")] = 64
    max_targets: Annotated[Count, Meta(description="of one game, implied ancestors included")] = 20_000
    max_actions: Annotated[Count, Meta(description="of one game")] = 1_000
    max_details_bytes: Annotated[
        int, Meta(ge=1, le=1_000_000, description="of a game's details, events and counts aside")
    ] = 786_432
    max_pool_targets: Annotated[int, Meta(ge=1, le=1_000, description="of one pool, 'none' aside")] = 500
    presence_detail_limit: Annotated[
        Count, Meta(description="subscribers up to which each join and leave is broadcast")
    ] = 100
    presence_interval_ms: Annotated[Count, Meta(description="between two presence updates of a large game")] = 1_000
    distribution_interval_ms: Annotated[Count, Meta(description="between two distribution updates of a pool")] = 100
    leaderboard_interval_ms: Annotated[Count, Meta(description="between two leaderboard updates of a game")] = 2_000
    max_listed_bettors: Annotated[
        int, Meta(ge=1, le=3_000, description="in each list of winners, losers and invalidated")
    ] = 1_000
    starting_balance: Annotated[str, Meta(pattern=_AMOUNT, description="of a new user, in DON")] = "1000.00"
    guest_starting_balance: Annotated[str, Meta(pattern=_AMOUNT, description="of a new guest, in DON")] = "1000.00"
    signup: Annotated[
        str, Meta(pattern="^(open|closed)$", description="open or closed: whether anybody may make an account")
    ] = "open"
    guests: Annotated[bool, Meta(description="whether anybody may come in as a guest, without a password")] = True
    max_signups_per_address_per_h: Annotated[Count, Meta(description="accounts and guests made, of one address")] = 500
    max_failed_logins_per_user: Annotated[
        Count, Meta(description="in 15 minutes from one address; ten times as many from all together")
    ] = 10
    allow_plain_passwords: Annotated[
        bool, Meta(description="whether passwords are taken over plain HTTP from public addresses")
    ] = False
    audit_days: Annotated[
        int, Meta(ge=0, le=10**6, description="days the acts of admins are kept; 0 keeps them for good")
    ] = 0
    max_friends: Annotated[Count, Meta(description="of one user")] = 500
    max_friend_requests: Annotated[
        Count, Meta(description="open requests to be friends that a user has made, and that a user is shown")
    ] = 100
    max_friend_requests_per_h: Annotated[Count, Meta(description="that one user makes")] = 10
    max_blocked_users: Annotated[Count, Meta(description="whom one user has blocked")] = 1_000
    max_chat_per_game_per_s: Annotated[Count, Meta(description="messages in the chat of one game")] = 20
    game_log_days: Annotated[Count, Meta(description="days a closed game's broadcasts can be recovered")] = 7
    reply_days: Annotated[Count, Meta(description="days replies to requests with a key are kept")] = 7
    chat_days: Annotated[Count, Meta(description="days the messages of a chat are kept")] = 7
    session_hours: Annotated[Count, Meta(description="hours a session key is valid")] = 24
    guest_session_days: Annotated[Count, Meta(description="days a guest's session key is valid after its use")] = 30
    view_key_days: Annotated[Count, Meta(description="days a view key is valid")] = 30
    max_sessions_per_user: Annotated[
        Count, Meta(description="live session keys of a user, and as many view keys; beyond, the oldest ends")
    ] = 10
    readers: Annotated[int, Meta(ge=1, le=64, description="read-only database connections")] = 3

    @property
    def hosts(self) -> list[str]:
        """The items of ``host``."""
        return [item.strip() for item in self.host.split(",") if item.strip()]


class SettingsError(OperatorError, ValueError):
    """A setting that is unknown, out of bounds or unusable; the text names it."""


def load_settings(flags: Mapping[str, str], environment: Mapping[str, str], file: Path | None) -> Settings:
    """Read the settings from the file, the environment and the flags, each overriding the one before.

    Raises `SettingsError` for an unknown name or a value that is not accepted.
    """
    known = {field.name: field.type for field in msgspec.structs.fields(Settings)}
    values: dict[str, Any] = {}
    for name, value in _read_file(file).items():
        values[name] = _convert(known, name, value, f"in {file}")
    for variable, value in environment.items():
        if not variable.startswith(ENVIRONMENT_PREFIX) or variable in OTHER_VARIABLES:
            continue
        if _is_of_service(variable, value):
            continue
        name = variable.removeprefix(ENVIRONMENT_PREFIX).lower()
        if name not in known or not variable.isupper():
            raise SettingsError(f"there is no setting {name!r} (the variable {variable})")
        values[name] = _convert(known, name, value, f"in the variable {variable}")
    for name, value in flags.items():
        values[name] = _convert(known, name, value, f"of --{name.replace('_', '-')}")
    return Settings(**values)


def _is_of_service(variable: str, value: str) -> bool:
    """Whether a container runtime, not the operator, set a variable, for a service of the server's name."""
    if variable.endswith("_PORT") and _SERVICE_ADDRESS.fullmatch(value):
        return True
    if variable.endswith("_NAME") and _LINK_NAME.fullmatch(value):
        return True
    return _SERVICE_VARIABLE.fullmatch(variable) is not None


def _read_file(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        return tomllib.loads(decode_text(file.read_bytes(), str(file)))
    except TextRefused as error:
        raise SettingsError(f"cannot read {file}: {error}") from None
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"cannot read {file}: {error}") from error


def _convert(known: Mapping[str, Any], name: str, value: Any, origin: str) -> Any:
    if name not in known:
        raise SettingsError(f"there is no setting {name!r} ({origin})")
    if name in _LISTS and isinstance(value, str):
        value = [item.strip() for item in value.split(",") if item.strip()]
    if name in _AMOUNTS and type(value) in (int, float):
        value = str(value)
    try:
        converted = msgspec.convert(value, known[name], strict=False)
        if name in _CHECKS:
            for item in converted:
                _CHECKS[name](item)
    except ValueError as error:
        raise SettingsError(f"{name} {origin} is not accepted: {error}") from error
    return converted


_ORIGIN = re.compile(r"(https?)://(?:\[([0-9a-f:.]+)\]|([^\s/?#@:\[\]*,]+))(?::([0-9]{1,5}))?")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def normal_origin(text: str) -> str:
    """Normalize an origin as browsers write it: lower case, encoded international names, no default port.

    Raises ValueError if ``text`` is not an origin; a trailing ``/`` is ignored.
    """
    found = _ORIGIN.fullmatch(text.strip().lower().removesuffix("/"))
    if found is None:
        raise ValueError(f"{text!r} is not an origin: {_what_is_wrong(text)}")
    scheme, v6, name, port = found.groups()
    host = f"[{IPv6Address(v6)}]" if v6 else name if name.isascii() else idna.encode(name, uts46=True).decode("ascii")
    if port is None or int(port) == _DEFAULT_PORTS[scheme]:
        return f"{scheme}://{host}"
    if not 0 < int(port) < 2**16:
        raise ValueError(f"{text!r} is not an origin: its port is not from 1 to 65535")
    return f"{scheme}://{host}:{int(port)}"


def _what_is_wrong(text: str) -> str:
    scheme, separator, rest = text.partition("://")
    if "*" in text:
        return "each must be listed, there are no wildcards"
    if not separator:
        return f"its scheme is missing, as in https://{text}"
    if scheme.lower() not in _DEFAULT_PORTS:
        return "it begins with http:// or https://"
    if any(mark in rest for mark in "/?#"):
        return "it ends with the host or port, as in " + scheme + "://" + re.split("[/?#]", rest)[0]
    return "it is a scheme, a host and perhaps a port, as in https://play.example:8443"


def _check_network(name: str) -> None:
    if name != UNIX:
        ip_network(name)


# Checks of the items of a list, beyond their type; each raises ValueError.
_CHECKS: dict[str, Callable[[str], object]] = {
    "allowed_origins": normal_origin,
    "trusted_proxies": _check_network,
    "metrics_addresses": _check_network,
}
