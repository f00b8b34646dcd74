"""HTTP with the standard library's client, over TCP and TLS, to the program itself."""

import json
import signal
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any

from tests.e2e.test_tls import Authority
from tests.support.process import TIMEOUT_S, ServerProcess, add_user, playing, serving

JSON_TYPE = {"Content-Type": "application/json"}


class Browser:
    """A client that keeps its connection; ``headers`` go along with each request."""

    def __init__(self, connection: HTTPConnection, headers: dict[str, str]) -> None:
        self.connection = connection
        self.headers = headers

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """The status and the JSON of the response to a request."""
        encoded = None if body is None else json.dumps(body)
        typed = {} if body is None else JSON_TYPE
        self.connection.request(method, path, encoded, {**self.headers, **typed, **headers})
        response = self.connection.getresponse()
        content = response.read()
        return response.status, json.loads(content) if content else None


@contextmanager
def browsing(
    server: ServerProcess, headers: dict[str, str] | None = None, tls: ssl.SSLContext | None = None
) -> Iterator[Browser]:
    """A client of a server."""
    host, port = server.address
    made = HTTPConnection(host, port, timeout=TIMEOUT_S)
    if tls is not None:
        made = HTTPSConnection(host, port, timeout=TIMEOUT_S, context=tls)
    with closing(made) as connection:
        yield Browser(connection, headers or {})


def bearer(user: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {user['session_key']}"}


def test_a_game_is_run_and_bet_in_by_http_and_followed_on_a_socket_across_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "game.db"
    dev, ann = add_user(file, "dev", provider=True), add_user(file, "ann")
    with serving(file) as server, browsing(server, bearer(dev)) as admin, browsing(server, bearer(ann)) as player:
        call = "/r/call/"
        source = admin.ask("POST", call, {"op": 365, "source_name": "Cup"})[1]["source_id"]
        game = {"source_id": source, "game_name": "A - B", "type": "football", "actions": ["Goal"], "targets": "A, B"}
        game_id = admin.ask("POST", call, {"op": 370, **game})[1]["game_id"]
        assert admin.ask("POST", call, {"op": 616, "game_id": game_id})[0] == 200
        pool = {"game_id": game_id, "description": "Who?", "action_id": "goal", "targets": "A, B"}
        pool_id = admin.ask("POST", call, {"op": 385, **pool})[1]["pool_id"]
        pools = f"/r/sources/{source}/games/active/{game_id}/pools"
        with playing(server.url, ann["session_key"]) as socket:
            assert socket.call(363, game_id=game_id)["res"] == 333
            bet = {"target_id": "A", "amount": 10}
            placed = player.ask("POST", f"{pools}/open/{pool_id}/predictions/", bet, **{"Idempotency-Key": "once"})
            assert placed[0] == 200
            while (message := socket.receive())["res"] != 361:
                assert message["res"] == 815
            assert message["amount_total"] == 10
            event = {"op": 395, "game_id": game_id, "action_id": "goal", "target_id": "A", "description": "1:0"}
            assert admin.ask("POST", call, event)[0] == 200
        assert player.ask("GET", f"{pools}/resolved/{ann['id']}")[1]["pools_list"][pool_id]["winning_target"] == "a"
        assert server.stop() == 0
    with serving(file) as server, browsing(server, bearer(ann)) as player:
        again = player.ask("POST", f"{pools}/open/{pool_id}/predictions/", bet, **{"Idempotency-Key": "once"})
        assert again[1]["bet_id"] == placed[1]["bet_id"]
        assert player.ask("GET", "/r/leaderboard/global/")[1]["leaderboard"][0]["username"] == "ann"


def test_over_tls_the_cookie_is_that_of_https(tmp_path: Path) -> None:
    authority, file = Authority(tmp_path), tmp_path / "game.db"
    ann = add_user(file, "ann")
    with serving(file, *authority.flags) as server:
        host, port = server.address
        origin = {"Origin": f"https://{host}:{port}"}
        for name, status in (("__Host-session", 200), ("session", 401)):
            cookie = {"Cookie": f"{name}={ann['session_key']}", **origin}
            with browsing(server, cookie, authority.trust) as client:
                for _ in range(2):
                    assert client.ask("POST", "/r/call/", {"op": 611})[0] == status
        assert server.stop() == 0


def test_a_server_that_stops_lets_no_kept_connection_hold_it_up(tmp_path: Path) -> None:
    file = tmp_path / "game.db"
    add_user(file, "ann")
    with serving(file, "--shutdown-timeout-s", "15") as server, browsing(server) as client:
        assert client.ask("GET", "/r/sources/")[0] == 200
        assert server.stop(signal.SIGTERM) == 0
