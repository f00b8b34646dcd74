from pathlib import Path
from typing import Any

import msgspec
import pytest

from gameserver.config import (
    _SERVICE_VARIABLE,
    ENVIRONMENT_PREFIX,
    Settings,
    SettingsError,
    load_settings,
    normal_origin,
)

FIELDS = {field.name: field.type for field in msgspec.structs.fields(Settings)}

# Section 1 of the contract, and the defaults named elsewhere in it.
DEFAULTS = {
    "host": "127.0.0.1",
    "port": 9999,
    "max_message_bytes": 262_144,
    "ping_interval_s": 20.0,
    "ping_timeout_s": 20.0,
    "logon_timeout_s": 10.0,
    "max_unsent_bytes": 1_048_576,
    "max_requests_per_s": 100,
    "max_requests_per_s_per_address": 2_000,
    "max_connections": 20_000,
    "max_connections_per_address": 10_000,
    "max_target_depth": 64,
    "max_targets": 20_000,
    "max_actions": 1_000,
    "max_open_pools": 200,
    "max_unbacked_runs": 10,
    "max_game_admins": 10,
    "presence_detail_limit": 100,
    "game_log_days": 7,
    "reply_days": 7,
    "session_hours": 24,
    "view_key_days": 30,
    "max_sessions_per_user": 10,
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a test keeps its settings; there are none yet."""
    return tmp_path / "settings.toml"


@pytest.mark.parametrize(("name", "value"), DEFAULTS.items())
def test_a_default_is_that_of_the_contract(name: str, value: Any) -> None:
    assert getattr(load_settings({}, {}, None), name) == value


@pytest.mark.parametrize("name", FIELDS)
def test_a_setting_has_a_meaning_of_one_line(name: str) -> None:
    assert "description=" in str(FIELDS[name])


def test_a_flag_wins_over_a_variable_and_that_over_the_file(file: Path) -> None:
    file.write_text("port = 1\nmax_actions = 2\nmax_targets = 3\n")
    environment = {"GAMESERVER_PORT": "10", "GAMESERVER_MAX_ACTIONS": "20"}
    settings = load_settings({"port": "100"}, environment, file)
    assert (settings.port, settings.max_actions, settings.max_targets) == (100, 20, 3)


@pytest.mark.parametrize("name", ["port", "ping_interval_s", "log_level", "allowed_origins"])
def test_a_setting_can_be_given_in_three_ways(name: str, file: Path) -> None:
    value = {"log_level": "debug", "allowed_origins": "https://a"}.get(name, "7")
    file.write_text(f'{name} = "{value}"\n')
    by_file = load_settings({}, {}, file)
    assert by_file != Settings()
    assert load_settings({name: value}, {}, None) == by_file
    assert load_settings({}, {ENVIRONMENT_PREFIX + name.upper(): value}, None) == by_file


@pytest.mark.parametrize(("given", "meant"), [("true", True), ("1", True), ("false", False), ("0", False)])
def test_a_switch_is_true_or_false(given: str, meant: bool) -> None:
    assert load_settings({"proxy_protocol": given}, {}, None).proxy_protocol is meant


def test_hosts_are_separated_by_commas() -> None:
    assert load_settings({"host": "::1, localhost,,unix:/run/x "}, {}, None).hosts == [
        "::1",
        "localhost",
        "unix:/run/x",
    ]


def test_numbers_of_a_file_need_no_quotes(file: Path) -> None:
    file.write_text("port = 1234\nping_interval_s = 5\nping_timeout_s = 2.5\n")
    settings = load_settings({}, {}, file)
    assert (settings.port, settings.ping_interval_s, settings.ping_timeout_s) == (1234, 5.0, 2.5)


@pytest.mark.parametrize("given", ['"https://a, https://b ,"', '["https://a", "https://b"]'])
def test_origins_are_a_list_or_separated_by_commas(file: Path, given: str) -> None:
    file.write_text(f"allowed_origins = {given}\n")
    assert load_settings({}, {}, file).allowed_origins == ("https://a", "https://b")


ORIGINS = [
    ("https://play.example", "https://play.example"),
    ("https://play.example/", "https://play.example"),
    (" HTTPS://Play.Example ", "https://play.example"),
    ("https://play.example:443", "https://play.example"),
    ("https://play.example:443/", "https://play.example"),
    ("http://play.example:80", "http://play.example"),
    ("http://play.example:443", "http://play.example:443"),
    ("https://play.example:8443", "https://play.example:8443"),
    ("https://play.example:0443", "https://play.example"),
    ("http://localhost:3000", "http://localhost:3000"),
    ("http://my_host", "http://my_host"),
    ("http://192.168.1.5:80", "http://192.168.1.5"),
    ("http://[0:0::1]:9999", "http://[::1]:9999"),
    ("https://München.example", "https://xn--mnchen-3ya.example"),
    ("https://straße.example", "https://xn--strae-oqa.example"),
    ("https://xn--strae-oqa.example", "https://xn--strae-oqa.example"),
]


@pytest.mark.parametrize(("given", "meant"), ORIGINS)
def test_an_origin_is_taken_as_a_browser_writes_it(given: str, meant: str) -> None:
    load_settings({"allowed_origins": given}, {}, None)
    assert normal_origin(given) == meant == normal_origin(meant)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("*", "no wildcards"),
        ("https://*.play.example", "no wildcards"),
        ("play.example", "https://play.example"),
        ("play.example:8443", "https://play.example:8443"),
        ("null", "https://null"),
        ("//play.example", "scheme is missing"),
        ("wss://play.example", "http:// or https://"),
        ("file:///", "http:// or https://"),
        ("https://play.example/game", "as in https://play.example"),
        ("https://play.example//", "as in https://play.example"),
        ("https://play.example?x", "as in https://play.example"),
        ("https://play.example#x", "as in https://play.example"),
        ("https://", "as in https://play.example:8443"),
        ("https://me@play.example", "as in https://play.example:8443"),
        ("https://play.example:", "as in https://play.example:8443"),
        ("https://play.example:https", "as in https://play.example:8443"),
        ("https://play.example:99999", "its port is not"),
        ("https://play.example:0", "its port is not"),
        ("https://[::1", "as in https://play.example:8443"),
        ("https://[1:2]", "is not accepted"),
        ("https://a b", "as in https://play.example:8443"),
        ("https://-ä.example", "is not accepted"),
        ("https://ä..example", "is not accepted"),
    ],
)
def test_what_is_no_origin_is_refused_with_what_to_write(given: str, told: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({"allowed_origins": f"https://friend.example,{given}"}, {}, None)
    assert "allowed_origins of --allowed-origins is not accepted" in str(refused.value)
    assert told in str(refused.value)


def test_other_variables_are_ignored() -> None:
    assert load_settings({}, {"GAMESERVER_SECRET": "x", "PORT": "1", "gameserver_port": "1"}, None) == Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "-1"),
        ("port", "65536"),
        ("port", ""),
        ("port", "http"),
        ("port", "1.5"),
        ("max_connections", "0"),
        ("max_connections", "1000000001"),
        ("max_target_depth", "0"),
        ("max_target_depth", "65"),
        ("readers", "0"),
        ("readers", "65"),
        ("ping_interval_s", "0"),
        ("ping_interval_s", "-1"),
        ("ping_interval_s", "nan"),
        ("ping_interval_s", "inf"),
        ("ping_interval_s", "1000001"),
        ("log_level", "loud"),
        ("trusted_proxies", "10.0.0.0/33"),
        ("trusted_proxies", "10.0.0.1/8"),
        ("trusted_proxies", "10.0.0.1,proxy.example"),
        ("proxy_header", "x-real-ip"),
        ("trusted_proxies", "unix:/run/proxy"),
        ("proxy_protocol", "v2"),
        ("base_path", "game"),
        ("base_path", "//game"),
        ("base_path", "/game//"),
        ("base_path", "/ga me"),
        ("base_path", "/game?x"),
        ("metrics_port", "65536"),
        ("host", ""),
        ("db", ""),
    ],
)
def test_a_value_out_of_bounds_is_refused_with_its_name_and_origin(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} of --{name.replace('_', '-')} is not accepted"):
        load_settings({name: value}, {}, None)
    with pytest.raises(SettingsError, match=f"{name} in the variable GAMESERVER_{name.upper()}"):
        load_settings({}, {f"GAMESERVER_{name.upper()}": value}, None)


@pytest.mark.parametrize(
    "line", ["ping_interval_s = nan", "port = [1]", "port = true", "host = 5", "allowed_origins = 5", "db = {}"]
)
def test_a_value_of_the_wrong_kind_in_a_file_is_refused_with_its_origin(file: Path, line: str) -> None:
    file.write_text(line)
    with pytest.raises(SettingsError, match=r"in .*settings\.toml is not accepted"):
        load_settings({}, {}, file)


def test_an_unknown_name_is_refused(file: Path) -> None:
    with pytest.raises(SettingsError, match="there is no setting 'prot'"):
        load_settings({"prot": "1"}, {}, None)
    file.write_text("[server]\nport = 1\n")
    with pytest.raises(SettingsError, match="there is no setting 'server'"):
        load_settings({}, {}, file)


@pytest.mark.parametrize("content", [b"port = ", b"port = 1\nport = 2\n", b'host = "\xff"\n'])
def test_a_file_that_is_no_toml_is_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(SettingsError, match="cannot read"):
        load_settings({}, {}, file)


def test_a_file_that_is_missing_is_refused(file: Path) -> None:
    with pytest.raises(SettingsError, match="cannot read"):
        load_settings({}, {}, file)


# What runs containers puts variables into the environment for a service called gameserver

KUBERNETES = {
    "GAMESERVER_SERVICE_HOST": "10.96.0.7",
    "GAMESERVER_SERVICE_PORT": "9999",
    "GAMESERVER_SERVICE_PORT_WS": "9999",
    "GAMESERVER_PORT": "tcp://10.96.0.7:9999",
    "GAMESERVER_PORT_9999_TCP": "tcp://10.96.0.7:9999",
    "GAMESERVER_PORT_9999_TCP_PROTO": "tcp",
    "GAMESERVER_PORT_9999_TCP_PORT": "9999",
    "GAMESERVER_PORT_9999_TCP_ADDR": "10.96.0.7",
    "GAMESERVER_PORT_53_UDP": "udp://10.96.0.7:53",
    "GAMESERVER_PORT_53_UDP_ADDR": "10.96.0.7",
    "GAMESERVER_PORT_5_SCTP": "sctp://10.96.0.7:5",
}
DOCKER_LINKS = {
    "GAMESERVER_NAME": "/web/gameserver",
    "GAMESERVER_PORT_START": "tcp://172.17.0.5:9999",
    "GAMESERVER_PORT_END": "tcp://172.17.0.5:10000",
    "GAMESERVER_PORT_9999_TCP_START": "tcp://172.17.0.5:9999",
    "GAMESERVER_PORT_9999_TCP_PORT_START": "9999",
    "GAMESERVER_PORT_9999_TCP_PORT_END": "10000",
    "GAMESERVER_ENV_PATH": "/usr/bin",
    "GAMESERVER_ENV_GAMESERVER_SECRET": "00",
}
# Of a second service, "gameserver-metrics".
ANOTHER = {name.replace("GAMESERVER_", "GAMESERVER_METRICS_", 1): value for name, value in KUBERNETES.items()}


@pytest.mark.parametrize(("name", "value"), [*KUBERNETES.items(), *DOCKER_LINKS.items(), *ANOTHER.items()])
def test_a_variable_made_for_a_service_is_no_setting(name: str, value: str) -> None:
    assert load_settings({}, {name: value}, None) == Settings()


def test_a_services_address_is_no_port_and_a_port_given_otherwise_counts(file: Path) -> None:
    file.write_text("port = 1234\n")
    assert load_settings({}, {**KUBERNETES, **DOCKER_LINKS}, file).port == 1234
    assert load_settings({"port": "5"}, KUBERNETES, file).port == 5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GAMESERVER_PROT", "9999"),
        ("GAMESERVER_PORTS", "tcp://10.96.0.7:9999"),
        ("GAMESERVER_PORT", "tcp:9999"),
        ("GAMESERVER_PORT_", "9999"),
        ("GAMESERVER_PORT_TCP", "9999"),
        ("GAMESERVER_NAME", "mine"),
        ("GAMESERVER_SERVICE", "mine"),
        ("GAMESERVER_SERVICE_NAME", "mine"),
        ("GAMESERVER_HOST_NAME", "mine"),
        ("GAMESERVER_", ""),
        ("GAMESERVER_port", "9999"),
    ],
)
def test_a_mistyped_variable_is_still_refused(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"variable {name}"):
        load_settings({}, {name: value}, None)


@pytest.mark.parametrize("name", FIELDS)
def test_no_setting_is_called_as_the_variables_of_services_are(name: str) -> None:
    assert _SERVICE_VARIABLE.fullmatch(ENVIRONMENT_PREFIX + name.upper()) is None


# Files as people's programs write them


def test_a_file_may_begin_with_a_byte_order_mark_and_have_other_line_ends(file: Path) -> None:
    file.write_bytes("\ufeffport = 1234\r\ndb = 'spiele/größe.db'\r\n".encode())
    settings = load_settings({}, {}, file)
    assert (settings.port, settings.db) == (1234, "spiele/größe.db")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_file_in_utf_16_is_refused_in_words(file: Path, encoding: str) -> None:
    file.write_bytes("port = 1234\n".encode(encoding))
    with pytest.raises(SettingsError, match=r"cannot read .*UTF-16.*save it as UTF-8"):
        load_settings({}, {}, file)
